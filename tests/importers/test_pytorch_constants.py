"""Tensors that a PyTorch program makes itself: their numbers are known, as PyTorch's manual says them."""

from __future__ import annotations

import pt2_writer as w
import pytest

from convcost.errors import SpecError
from convcost.importers import IMPORTERS, import_model

SHAPE = (1, 6)


def program(name, shape, **arguments):
    """Return a program that adds a tensor, made by a call, to its input."""
    calls = [w.call(f"aten.{name}", "c", **arguments), w.call("aten.add.Tensor", "y", self="x", other="c")]
    return w.pt2(calls, {"x": SHAPE, "c": shape, "y": SHAPE}, ["y"])


@pytest.mark.parametrize(
    ("name", "arguments", "shape", "numbers"),
    [
        ("zeros.default", {"size": [6]}, (6,), (0,) * 6),
        ("ones_like.default", {"self": "x"}, SHAPE, (1,) * 6),
        ("full.default", {"size": [6], "fill_value": 2.5}, (6,), (2.5,) * 6),
        ("new_full.default", {"self": "x", "size": [6], "fill_value": -1}, (6,), (-1,) * 6),
        ("scalar_tensor.default", {"s": 0.5}, (), (0.5,)),
        ("arange.default", {"end": 6}, (6,), (0, 1, 2, 3, 4, 5)),
        ("arange.start_step", {"start": 1, "end": 12, "step": 2}, (6,), (1, 3, 5, 7, 9, 11)),
        ("linspace.default", {"start": 0.0, "end": 1.0, "steps": 6}, (6,), (0, 0.2, 0.4, 0.6, 0.8, 1)),
        ("linspace.default", {"start": 3.0, "end": 9.0, "steps": 1}, (1,), (3,)),
        ("eye.default", {"n": 6}, (6, 6), None),  # its numbers change no count
    ],
)
def test_a_tensor_that_a_program_makes(name, arguments, shape, numbers):
    graph = IMPORTERS["pytorch"].read(program(name, shape, **arguments), "net.pt2")
    (constant,) = [each for each in graph.constants.values() if each.shape == shape]
    assert constant.values == (None if numbers is None else pytest.approx(numbers))


def test_what_a_tensor_is_filled_with_may_be_unknown():
    with pytest.raises(SpecError) as caught:
        import_model(IMPORTERS["pytorch"], program("full.default", (6,), size=[6], fill_value="x"), "net.pt2")
    assert str(caught.value).splitlines()[0] == "error: the operator aten.full has no layer type"
