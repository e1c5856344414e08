"""What `each` is made of: taking slices of an axis, and putting together what comes of them."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.layers.base import FIXED, LayerType, Trials
from convcost.layers.fields import axis, field, whole
from convcost.layers.inputs import LayerError
from convcost.layers.layout import FEATURE_MAP, TOKENS, UNKNOWN, VECTOR, Input, Shape, channel_axis
from convcost.layers.reading import Reading, Readings, axes


class EachSlice(LayerType, type="each_slice"):
    """One slice of an axis, which goes on without it; what follows runs once for each slice. It is part of `each`."""

    note = "a view of each slice"
    view = True
    channels = FIXED

    axis: int = field(axis, about="The axis that is taken apart.")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if len(x) == 1:
            raise LayerError("each slice needs an axis that is left", f"the input has one axis, {x[0]}", field="axis")
        return (*x[: self.axis], *x[self.axis + 1 :])

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        (x,) = inputs
        rank = len(x.shape) - 1
        if rank == 1:
            return (VECTOR,)
        removed = channel_axis(rank + 1, x.layout) == self.axis
        return (UNKNOWN if removed else x.layout,)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        own = axes(x)
        return ((Reading(own, (*own[: self.axis], *own[self.axis + 1 :]), taken=self.axis),),)

    @classmethod
    def trials(cls) -> Trials:
        shapes = [(2, 3), (3, 1, 2), (2, 1, 3, 2)]
        points = [({"axis": axis}, (shape,)) for shape in shapes for axis in range(len(shape))]
        return Trials("sizes", "each axis of 2–4", points)


class EachStack(LayerType, type="each_stack"):
    """What comes of all slices, side by side along a new axis. It is part of `each`."""

    note = "moves values"
    channels = FIXED

    axis: int = field(axis, about="The place of the new axis.")
    size: int = field(whole(1), about="How many slices there are.")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return (*x[: self.axis], self.size, *x[self.axis :])

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        (x,) = inputs
        if x.layout == VECTOR:
            return (TOKENS if self.axis == 0 else UNKNOWN,)
        if x.layout == TOKENS:
            return (TOKENS if self.axis < len(x.shape) else UNKNOWN,)
        fits = x.layout == FEATURE_MAP and self.axis > 0 and len(x.shape) < _MOST_AXES
        return (FEATURE_MAP if fits else UNKNOWN,)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        own = axes(x)
        after = (*own[: self.axis], (("slice", self.size),), *own[self.axis :])
        return ((Reading(own, after, put=self.axis),),)

    @classmethod
    def trials(cls) -> Trials:
        shapes = [(2,), (3, 2), (2, 1, 3)]
        points = [
            ({"axis": axis, "size": size}, (shape,))
            for shape in shapes
            for axis in range(len(shape) + 1)
            for size in (1, 2, 3)
        ]
        return Trials("sizes", "each place of a new axis among 1–3", points)


_MOST_AXES = 4
