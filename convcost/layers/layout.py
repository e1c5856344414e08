"""What the axes of a value are: its layout, the numbers of named axes, and the layout of what several inputs give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from convcost.layers.fields import AXIS_WORDS

Shape = tuple[int, ...]

FEATURE_MAP, TOKENS, VECTOR, UNKNOWN = "feature map", "tokens", "vector", "unknown"
"""Layouts: `(C, L)`, `(C, H, W)`, `(C, D, H, W)`; `(L, C)` with any leading axes; `(F,)`; any."""
_SPATIAL = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


class Input(Protocol):
    """A value that reaches a layer: its shape without the batch axis, and its layout."""

    @property
    def shape(self) -> Shape:
        """Its sizes."""

    @property
    def layout(self) -> str:
        """What its axes are."""


class Known(Struct, frozen=True):
    """A value of which no more is known than its shape and layout."""

    shape: Shape
    layout: str


def layout_of(shape: Shape) -> str:
    """Return the default layout of a shape."""
    return VECTOR if len(shape) == 1 else FEATURE_MAP


def axis_names(rank: int, layout: str) -> tuple[str, ...]:
    """Return the names of the axes of a layout, in order; none where they have no names.

    Args:
        rank: How many axes there are, the channels included.
        layout: The layout.

    >>> axis_names(3, FEATURE_MAP), axis_names(2, TOKENS)
    (('channels', 'height', 'width'), ('length', 'channels'))
    """
    spatial = _SPATIAL.get(rank - 1)
    if rank == 1:
        return ("channels",) if layout != UNKNOWN else ()
    if spatial is None or layout not in (FEATURE_MAP, TOKENS):
        return ()
    return ("channels", *spatial) if layout == FEATURE_MAP else (*spatial, "channels")


def number_of_axis(axis: int | str, rank: int, layout: str) -> int | None:
    """Return the number of an axis, from 0; None where there is no such axis.

    Args:
        axis: Its number, negative from the end, or its name.
        rank: How many axes there are.
        layout: The layout.

    >>> number_of_axis("channels", 3, TOKENS), number_of_axis(-2, 3, UNKNOWN), number_of_axis("depth", 3, TOKENS)
    (2, 1, None)
    """
    if isinstance(axis, str):
        assert axis in AXIS_WORDS
        if axis == "length" and layout == TOKENS and rank > 1:  # whatever stands before: windows, frames
            return rank - 2
        if axis == "channels" and layout == TOKENS:
            return rank - 1
        names = axis_names(rank, layout)
        return names.index(axis) if axis in names else None
    return axis % rank if -rank <= axis < rank else None


def channel_axis(rank: int, layout: str) -> int | None:
    """Return the number of the axis that holds the channels; None where the layout does not say it."""
    if rank == 1 or layout == FEATURE_MAP:
        return 0
    return rank - 1 if layout == TOKENS else None


def merged_layout(inputs: Sequence[Input]) -> str | None:
    """Return the layout of what elementwise types make of several inputs; None where two known ones differ.

    A vector beside another layout joins it per channel.
    """
    layouts = {value.layout for value in inputs} - {UNKNOWN}
    if len(layouts) > 1:
        layouts -= {VECTOR}
    if len(layouts) > 1:
        return None
    return layouts.pop() if layouts else UNKNOWN
