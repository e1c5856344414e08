"""What a value of the graph is while it is mapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.importers.graph import Constant
from convcost.network.graph import FLOAT32, Tensor, Widths
from convcost.network.widths import BITS, bias_width

BEHIND = "it reads a value whose shape is not known"
"""Why an operator that has a layer type is left out of the count."""


class Unsupported(Exception):
    """An operator does what no layer type does.

    Args:
        reason: What that is, in a few words.
    """


class Moved(Struct, frozen=True):
    """A tensor whose values are only moved so far: reshaped and permuted, or padded with zeros.

    Shapes and axes here are the graph's, so they have the batch axis, which a tensor has not. A movement may take it
    anywhere, or join it with other axes. What follows may take the movement into itself: a convolution its padding, a
    shuffle of channels the whole of it.

    Attributes:
        base: The tensor that is moved.
        dropped: The axis of the graph's shape that `base` lacks; None where it has all of them.
        steps: `("reshape", shape)`, `("permute", axes)` and `("pad", amounts)`.
        full: The graph's shape behind the last step.
        batch: The axis of `full` that is the batch, of size 1; None where it was joined with another one.
        scope: The module of the last step.
    """

    base: Tensor
    dropped: int | None
    steps: tuple[tuple[str, Any], ...]
    full: tuple[int, ...]
    batch: int | None
    scope: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape behind the last step, without the batch axis."""
        return without(self.full, self.batch)


def counted_axis(axis: int, rank: int) -> int:
    """Return the number of an axis, which may be counted from the last.

    Raises:
        Unsupported: There is no such axis.
    """
    if not -rank <= axis < rank:
        raise Unsupported(f"it has no axis {axis}")
    return axis % rank


def without(full: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    """Return a shape without one of its axes."""
    return full if axis is None else (*full[:axis], *full[axis + 1 :])


def with_axis(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    """Return a shape with an axis of size 1 put into it."""
    return shape if axis is None else (*shape[:axis], 1, *shape[axis:])


class Unmapped(Struct, frozen=True):
    """A value that an operator without a layer type gives, of a shape that is not known.

    Attributes:
        tensor: What stands for it where it is left out of the count.
    """

    tensor: Tensor | None = None


Value = Tensor | Moved | Constant | Unmapped


_WIDTHS = {
    **{f"uint{bits}": f"int{bits}" for bits in (64, 32, 16, 8, 4, 2)},
    "bool": "int8",
}


def width_of(dtype: str) -> str:
    """Return the type of a spec's numbers that takes as many bits as one of a file; `float32` for one without a width.

    >>> width_of("uint8"), width_of("float16"), width_of("string")
    ('int8', 'float16', 'float32')
    """
    width = _WIDTHS.get(dtype, dtype)
    return width if width in BITS else "float32"


def widths_of(
    dtypes: Mapping[str, str], gives: Sequence[str], inputs: Sequence[Tensor], weights: Sequence[Constant | None]
) -> Widths:
    """Return the types of a layer's numbers: those of its kernel, of its vector, and of what it gives.

    Args:
        dtypes: The types that the file says, by the names of values.
        gives: The values that it gives.
        inputs: What it reads.
        weights: The tensors that it learns.
    """
    if not dtypes:
        return FLOAT32
    said = [dtypes[name] for name in gives if name in dtypes]
    read = max([each.width for each in inputs], key=BITS.__getitem__, default="float32")
    activations = width_of(said[0]) if said else read
    held = [each for each in weights if each is not None]
    own = width_of(held[0].dtype) if held else activations
    vector = weights[1] if len(weights) > 1 and weights[0] is not None else None
    return Widths(own, activations, width_of(vector.dtype) if vector is not None else bias_width(activations))
