"""What the tests of the layer types share."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from convcost.layers import REGISTRY
from convcost.layers.layout import layout_of
from convcost.network import NetworkBuilder, Tensor
from convcost.ops import Cost


class Ran(NamedTuple):
    """A layer's output shape and cost."""

    output: tuple[int, ...]
    cost: Cost

    @property
    def ops(self) -> dict[str, int]:
        """The ledger's kinds that occur."""
        return self.cost.ops.to_dict()


def run(type: str, *shapes: tuple[int, ...], **given: object) -> Ran:
    """Return what a layer type with these fields, as a spec gives them, makes of inputs of these shapes."""
    definition = REGISTRY[type]
    assert given.keys() <= definition.fields.keys()
    fields = {}
    for name, field in definition.fields.items():
        value = given.get(name, field.default)
        assert value is not ..., f"{type} needs {name}"
        fields[name] = None if value is None else field.read(value, len(shapes[0]) - 1)
    definition.prepare(fields, [Tensor(shape, layout=layout_of(shape)) for shape in shapes])
    layer = definition(fields)
    output = layer.output_shape(*shapes)
    return Ran(output, layer.cost(shapes, output))


@pytest.fixture(name="builder")
def builder_fixture():
    """Return a builder of a network."""
    return NetworkBuilder("net")


@pytest.fixture(scope="session", name="run")
def run_fixture():
    """Return the function that runs one layer."""
    return run
