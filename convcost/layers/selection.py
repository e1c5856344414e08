"""Layers that choose values, or put them into another order along an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, MOVES, LayerType, Trials
from convcost.layers.fields import MAX_SIZE, axes, axis, field, layout_field, spread, whole, wholes
from convcost.layers.inputs import LayerError, shown
from convcost.layers.layout import UNKNOWN, Input, Shape
from convcost.layers.reading import AxisWindow, Readings, along

_SHAPES: list[Shape] = [shape for rank in (1, 2, 3) for shape in combinations((1, 2, 3), repeat=rank)]


class Roll(LayerType, type="roll"):
    """Values shifted along axes; what leaves at one end comes in at the other.

    Source: Liu et al. 2021, arXiv:2103.14030, section 3.2;
        https://docs.pytorch.org/docs/stable/generated/torch.roll.html
    """

    words: ClassVar[Mapping[str, str]] = {"cyclic_shift": "Swin"}
    note = MOVES

    shift: tuple[int, ...] = field(spread(-MAX_SIZE), about="How far, for all axes or for each; backwards below 0.")
    axis: tuple[int, ...] = field(axes, about="The axes.")

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        super().prepare(fields, inputs)
        cls.spread_out(fields, "shift", len(fields["axis"]))

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        pairs = zip(self.axis, self.shift, strict=True)
        return ((along(x, x, {axis: AxisWindow(1, ((-by, 1, 1),), "circular") for axis, by in pairs}),),)

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"shift": (shift, 1)[: len(places)], "axis": places}, (shape,))
            for shape in _SHAPES
            for shift in (-2, 0, 1)
            for places in dict.fromkeys([(0,), (len(shape) - 1,), tuple(range(len(shape)))[:2]])
        ]
        return Trials("sizes", "shift -2–1 on one and two of 1–3 axes", points)


class Flip(LayerType, type="flip"):
    """Values in reverse order along axes.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.flip.html
    """

    words: ClassVar[Mapping[str, str]] = {"reverse": "TensorFlow"}
    note = MOVES

    axis: tuple[int, ...] = field(axes, about="The axes.")

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        return ((along(x, x, {axis: AxisWindow(-1, ((x[axis] - 1, 1, 1),), sized=True) for axis in self.axis}),),)

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"axis": places}, (shape,))
            for shape in _SHAPES
            for places in dict.fromkeys([(0,), (len(shape) - 1,), tuple(range(len(shape)))])
        ]
        return Trials("sizes", "one and all of 1–3 axes", points)


class Gather(LayerType, type="gather"):
    """Values at constant indices, in a given shape: a table of relative positions, spread over all pairs.

    Source: Liu et al. 2021, arXiv:2103.14030, equation 4;
        https://docs.pytorch.org/docs/stable/generated/torch.index_select.html
    """

    words: ClassVar[Mapping[str, str]] = {"index_select": "PyTorch", "take": "NumPy", "relative_position_bias": "Swin"}
    note = MOVES
    channels = FIXED
    gives = UNKNOWN

    shape: tuple[int, ...] = field(wholes(1), about="The shape of what is chosen.")
    layout: str | None = layout_field()

    def output_shape(self, *inputs: Shape) -> Shape:
        return self.shape

    def step(self, axis: int) -> None:
        return None

    @classmethod
    def trials(cls) -> Trials:
        points = [({"shape": shape}, (x,)) for x in _SHAPES[::3] for shape in _SHAPES[::2]]
        return Trials("sizes", "1–3 axes to 1–3 axes", points)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        return {"shape": (letter("M"), letter("Dp")), "layout": None}, ((letter("M"), letter("Di")),)


class Split(LayerType, type="split"):
    """Parts of an axis, each an output: of given sizes, or so many equal ones.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.split.html
    """

    words: ClassVar[Mapping[str, str]] = {"chunk": "PyTorch", "unbind": "PyTorch"}
    note = MOVES
    either = ("sizes", "chunks")

    sizes: tuple[int, ...] | None = field(wholes(1), None, "The sizes of the parts.")
    chunks: int | None = field(whole(1), None, "How many equal parts there are.")
    axis: int = field(axis, None, "The axis that is split; the channels without it.")

    def output_shape(self, *inputs: Shape) -> Shape:
        return self.output_shapes(*inputs)[0]

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        (x,) = inputs
        size = x[self.axis]
        if (self.sizes is None) == (self.chunks is None):
            found = "neither is given" if self.sizes is None else "both are given"
            raise LayerError("split takes either sizes or chunks", found, field="" if self.sizes is None else "chunks")
        if self.chunks is not None:
            if size % self.chunks:
                message = f"chunks must divide the {size} of axis {self.axis}"
                help = "give the parts as `sizes`"
                raise LayerError(message, f"{self.chunks} does not divide {size}", field="chunks", help=help)
            sizes: Sequence[int] = (size // self.chunks,) * self.chunks
        else:
            assert self.sizes is not None
            sizes = self.sizes
            if sum(sizes) != size:
                message = f"sizes must sum to the {size} of axis {self.axis}"
                raise LayerError(message, f"{shown(self.sizes)} sums to {sum(sizes)}", field="sizes")
        return tuple([(*x[: self.axis], part, *x[self.axis + 1 :]) for part in sizes])

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        axis = self.axis
        start = sum(shape[axis] for shape in outputs[:number])
        return ((along(x, outputs[number], {axis: AxisWindow(1, ((start, 1, 1),), sized=True)}),),)

    @classmethod
    def trials(cls) -> Trials:
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = []
        for shape in _SHAPES:
            for place in range(len(shape)):
                for chunks in (1, 2, 3):
                    whole = (*shape[:place], shape[place] * chunks, *shape[place + 1 :])
                    points.append(({"chunks": chunks, "axis": place}, (whole,)))
                    uneven = (shape[place], *[2 * part + 1 for part in range(chunks - 1)])
                    whole = (*shape[:place], sum(uneven), *shape[place + 1 :])
                    points.append(({"sizes": uneven, "axis": place}, (whole,)))
        return Trials("sizes", "1–3 parts, equal or not, of each of 1–3 axes", points)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        size = letter("Di")
        return {"sizes": None, "chunks": 2, "axis": 0}, ((2 * letter("M"), size, size),)
