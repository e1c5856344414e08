"""What every layer type has, and the registry that finds it by name.

A type is a class with fields, an output shape and a cost, written in ordinary arithmetic: on integers they give
integers, on symbolic numbers formulas. Shapes are tuples, channels first: `(C, L)`, `(C, H, W)`, `(C, D, H, W)`, or
`(F,)` for a vector.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from convcost.layers.fields import Field
from convcost.ops import Cost

Shape = tuple[int, ...]

MOVES = "moves values"
"""The note of a layer that performs no arithmetic but puts values elsewhere."""

REGISTRY: dict[str, type[Layer]] = {}


class LayerFault(Exception):
    """A layer that cannot work on the shape which reaches it.

    Args:
        message: What must hold.
        found: What was found.
        field: The field to point at; the whole layer where it is empty.
        help: The remedy.
        output: The output shape where it is clear all the same, so that what follows can be checked too.
    """

    def __init__(
        self, message: str, found: str = "", *, field: str = "", help: str = "", output: Shape | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.found = found
        self.field = field
        self.help = help
        self.output = output


class Layer:
    """A layer type; an instance is one layer with its fields in normal form.

    Args:
        fields: All fields of the type, as their readers return them.
    """

    type: ClassVar[str] = ""
    fields: ClassVar[dict[str, Field]] = {}
    takes: ClassVar[str] = "any"
    """`spatial`: [C, L], [C, H, W] or [C, D, H, W]; `vector`: [F]; `any`; `many`: two or more inputs."""
    weights: ClassVar[bool] = False
    """Whether a batch norm behind it folds into it, and `norm` and `activation` may be written with it."""
    macs: ClassVar[bool] = False
    """Whether its products count as multiply–accumulates."""
    composite: ClassVar[bool] = False
    """Whether it is written for other layers, its `stages`, and never runs itself."""
    checked: ClassVar[tuple[str, ...]] = ()
    """PyTorch's names for the input's channels: always inferred, checked where a spec gives them."""
    either: ClassVar[tuple[str, ...]] = ()
    """Fields of which exactly one is given."""
    note: ClassVar[str] = ""
    """Why a layer of this type performs no arithmetic."""

    def __init_subclass__(cls, type: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.fields = cls.fields | {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        if not type:
            return
        if type in REGISTRY:
            places = " and ".join(str(sys.modules[c.__module__].__file__) for c in (REGISTRY[type], cls))
            raise TypeError(f"layer type {type!r} is defined twice: in {places}")
        cls.type = type
        REGISTRY[type] = cls

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.__dict__.update(fields)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a layer is frozen: {name} cannot be set")

    @classmethod
    def complete(cls, fields: dict[str, Any], shape: Shape) -> None:
        """Fill in the defaults that follow from other fields or from the input's shape, in place."""

    def stages(self) -> tuple[tuple[str, str, dict[str, Any]], ...]:
        """Return the (name, type, fields) of the layers that a composite type is written for."""
        return ()

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the output's shape.

        Raises:
            LayerFault: The layer cannot work on these inputs.
        """
        return inputs[0]

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        """Return the layer's cost for one input."""
        return Cost()


class Norm(Layer):
    """A layer type that `norm` may name."""


class Activation(Layer):
    """A layer type that `activation` may name."""


def shown(shape: Shape) -> str:
    """Return a shape as specs write it.

    >>> shown((3, 224, 224))
    '[3, 224, 224]'
    """
    return "[" + ", ".join(map(str, shape)) + "]"
