"""Which positions of its inputs an output value of a layer reads: what a type says for the receptive field.

A type gives a `Reading` for each way in which an output reads an input. It splits the axes of both into factors, as
einops does: a factor that both have is read at its own place, or through an `AxisWindow`; one of the input alone is
read at all its places; one of the output alone changes nothing. Of a type that says nothing the field is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import gcd
from typing import Any

from msgspec import Struct

from convcost.layers.layout import Shape
from convcost.ops import product

MOST_PHASES = 16_384
"""How many outputs a pattern may take to come again; longer ones are not followed."""

Taps = tuple[Any, Any, Any]
"""The positions first, first + gap, …, so many of them: `(first, gap, count)`; sizes may be formulas."""

Factor = tuple[str, Any]
"""A part of an axis: its name and its size."""

Axes = tuple[tuple[Factor, ...], ...]
"""The factors of each axis, the outermost first."""


class AxisWindow(Struct, frozen=True):
    """The positions that outputs read along an axis, as far from its borders as they need.

    Output period · t + r reads the positions of `taps[r]`, each further by step · t.

    Attributes:
        step: How far one period of the outputs goes on the input; negative where it goes backwards.
        taps: The positions for each output of a period.
        border: What stands beyond the borders: `zeros`, or values of the input by `reflect`, `replicate`, `circular`;
            `clamp` where no output reads further beyond than half a step.
        sized: Whether it follows from the size of the input, so that other inputs have another one.
        every: `before` or `after` where an output reads all positions up to its own, or from its own on, instead.
    """

    step: Any
    taps: tuple[Taps, ...]
    border: str = "zeros"
    sized: bool = False
    every: str = ""

    @property
    def period(self) -> int:
        """The outputs after which the pattern comes again."""
        return len(self.taps)

    @property
    def wraps(self) -> bool:
        """Whether outputs at a border may read positions that no other output reads."""
        return self.border not in ("zeros", "clamp")

    @property
    def shift(self) -> Any:
        """How far each output reads beyond its own place; None where it does anything else."""
        if len(self.taps) != 1 or self.border != "zeros" or self.every or not _is(self.step, 1):
            return None
        first, _, count = self.taps[0]
        return first if _is(count, 1) else None

    def positions(self, index: int, size: int) -> list[int]:
        """Return the positions that an output reads on an axis of a size, what lies beyond its borders included."""
        if self.every:
            return list(range(min(index + 1, size)) if self.every == "before" else range(index, size))
        first, gap, count = self.taps[index % len(self.taps)]
        first += self.step * (index // len(self.taps))
        found = range(first, first + gap * count, gap) if count and gap else [first] * count
        inside = [_FOLDED[self.border](position, size) for position in found]
        return [position for position in inside if position is not None]


def _is(value: Any, number: int) -> bool:
    return value.__class__ is int and value == number


def _dropped(position: int, size: int) -> int | None:
    return position if 0 <= position < size else None


def _reflected(position: int, size: int) -> int | None:
    position = abs(position)
    return _dropped(position if position < size else 2 * size - 2 - position, size)


def _replicated(position: int, size: int) -> int | None:
    return min(max(position, 0), size - 1)


def _circular(position: int, size: int) -> int | None:
    return position % size


_FOLDED = {
    "zeros": _dropped,
    "reflect": _reflected,
    "replicate": _replicated,
    "clamp": _replicated,
    "circular": _circular,
}

BEFORE, AFTER = (AxisWindow(1, ((0, 1, 1),), every=every) for every in ("before", "after"))
"""Each output reads all positions up to its own, as a recurrent layer does, or all from its own on."""


class Reading:
    """One way in which an output of a layer reads one of its inputs.

    Args:
        before: The factors of each axis of the input.
        after: The factors of each axis of the output.
        windows: How factors of the input are read, those that are not read at their own places.
        made_of: The factors of the output that make up the place of a window, outermost first, where that is not the
            factor of the same name.
        start: Where the output is longer than `after` says: the axis, the place at which the input begins there, and
            how many places the output has.
        taken: The axis of the input that goes away because what follows runs once for each of its slices.
        put: The axis of the output along which slices are put together again.
        declared: Whether the author says how many positions are read, and nobody which.
        uniform: The factors of the input all of whose places see the same, or nobody knows what is read.
        by_value: Whether the values decide which of these positions are read.
    """

    def __init__(
        self,
        before: Axes,
        after: Axes,
        windows: Mapping[str, AxisWindow] | None = None,
        *,
        made_of: Mapping[str, tuple[str, ...]] | None = None,
        start: tuple[int, Any, Any] | None = None,
        taken: int | None = None,
        put: int | None = None,
        declared: bool = False,
        uniform: Sequence[str] = (),
        by_value: bool = False,
    ) -> None:
        self.before = before
        self.after = after
        self.windows = windows or {}
        self.made_of = made_of or {}
        self.start = start
        self.taken = taken
        self.put = put
        self.declared = declared
        self.uniform = uniform
        self.by_value = by_value

    @cached_property
    def places(self) -> dict[str, tuple[int, Any, Any]]:
        """Where the output has each factor: its axis, how many places of it one step takes, and its size."""
        return _places(self.after)

    @cached_property
    def origins(self) -> dict[str, tuple[int, Any, Any]]:
        """Where the input has each factor."""
        return _places(self.before)


def _places(axes: Axes) -> dict[str, tuple[int, Any, Any]]:
    found = {}
    for axis, factors in enumerate(axes):
        inner: Any = 1
        for name, size in reversed(factors):
            found[name] = axis, inner, size
            inner = inner * size
    return found


class Same:
    """A reading at the same place: the output has the axes of the input."""


SAME = Same()
"""The reading of elementwise layers."""

Readings = Sequence[Sequence["Reading | Same"]]
"""For each input the ways in which an output reads it; none where no value of it matters."""


def axes(shape: Shape, name: str = "a") -> Axes:
    """Return a factor for each axis of a shape, named by its number."""
    return tuple([((f"{name}{axis}", size),) for axis, size in enumerate(shape)])


def along(
    shape: Shape,
    output: Shape,
    windows: Mapping[int, AxisWindow] | None = None,
    every: Sequence[int] = (),
    **more: Any,
) -> Reading:
    """Return the reading of a layer that keeps the axes of its input.

    Args:
        shape: The input's shape.
        output: The output's shape, as many axes.
        windows: The windows along some axes, by number.
        every: The axes of which an output reads all places.
        more: Further arguments of `Reading`.
    """
    read = {axis: f"a{axis}" for axis in range(len(shape)) if axis not in every}
    after = tuple([((read.get(axis, f"new{axis}"), size),) for axis, size in enumerate(output)])
    return Reading(axes(shape), after, {read[axis]: each for axis, each in (windows or {}).items()}, **more)


def grouped(shape: Shape, output: Shape, windows: Mapping[int, AxisWindow], groups: Any) -> Reading:
    """Return the reading of a convolution of groups, whose outputs read all channels of their group.

    Args:
        shape: The input's shape, channels first.
        output: The output's shape.
        windows: The windows along the other axes, by number.
        groups: How many groups there are.
    """
    if _is(groups, 1):
        return along(shape, output, windows, every=(0,))
    before = ((("g", groups), ("ci", shape[0] // groups)), *axes(shape)[1:])
    after = ((("g", groups), ("co", output[0] // groups)), *[((f"a{axis}", output[axis]),) for axis in windows])
    return Reading(before, after, {f"a{axis}": window for axis, window in windows.items()})


def reduced(shape: Shape, output: Shape, every: Sequence[int], *, kept: bool = False) -> Reading:
    """Return the reading of a layer that makes one value of all along some axes, which go away unless they are kept."""
    if kept:
        return along(shape, output, every=every)
    rest = [axis for axis in range(len(shape)) if axis not in every]
    return Reading(axes(shape), tuple([((f"a{axis}", shape[axis]),) for axis in rest]) or ((("new", 1),),))


def stretched(shape: Shape, output: Shape, first: int) -> Reading:
    """Return the reading of an input of a merge, whose axes are some of the output's, of size 1 or of its size.

    Args:
        shape: The input's shape.
        output: The output's shape.
        first: The axis of the output at which the input's first one lies.
    """
    after = []
    for axis, size in enumerate(output):
        own = axis - first
        here = 0 <= own < len(shape) and (shape[own] is size or shape[own] == size)
        after.append(((f"a{own}" if here else f"new{axis}", size),))
    return Reading(axes(shape), tuple(after))


def reshaped(shape: Shape, output: Shape) -> Reading | None:
    """Return the reading of values in the same order in another shape; None where the sizes share no factors."""
    before: list[list[Factor]] = [[] for _ in shape]
    after: list[list[Factor]] = [[] for _ in output]
    left, right = list(shape), list(output)
    i, j, number = len(left) - 1, len(right) - 1, 0
    while i >= 0 and j >= 0:
        if left[i] == 1:
            i -= 1
            continue
        if right[j] == 1:
            j -= 1
            continue
        size = min(left[i], right[j])
        if left[i] % size or right[j] % size:
            return None
        before[i].insert(0, (f"f{number}", size))
        after[j].insert(0, (f"f{number}", size))
        left[i] //= size
        right[j] //= size
        number += 1
    return Reading(tuple(map(tuple, before)), tuple(map(tuple, after)))


def sliding(
    kernel: Sequence[Any],
    stride: Sequence[Any],
    pad: Sequence[tuple[Any, Any]],
    dilation: Sequence[Any],
    border: str = "zeros",
    *,
    sized: bool = False,
) -> dict[int, AxisWindow]:
    """Return the windows that slide over the spatial axes, by the number of the axis.

    Args:
        kernel: The size of the window on each axis.
        stride: How far it is from one window to the next.
        pad: What lies before and after each axis.
        dilation: How far it is from one value of a window to the next.
        border: What the padding holds.
        sized: Whether the padding follows from the size of the input, as `same` does.
    """
    axes = zip(kernel, stride, pad, dilation, strict=True)
    return {
        axis: AxisWindow(s, ((-before, d, k),), border, sized=sized and not _is(s, 1))
        for axis, (k, s, (before, _), d) in enumerate(axes, 1)
    }


def upsampled(step: Fraction, offset: Fraction, neighbours: int, *, sized: bool) -> AxisWindow | None:
    """Return the window of an output that lies at offset + step · index between the positions of the input.

    Args:
        step: How far one output is from the next on the input.
        offset: Where the first output lies.
        neighbours: How many positions around the place it reads: 1 for the nearest below, 2 or 4.
        sized: Whether the step follows from the size of the input.

    Returns:
        None where its pattern is too long to be followed.
    """
    if step.denominator > MOST_PHASES:
        return None
    taps: list[Taps] = []
    for index in range(step.denominator):
        place = offset + step * index
        below = place.numerator // place.denominator
        alone = neighbours == 1 or place == below
        taps.append((below, 1, 1) if alone else (below - neighbours // 2 + 1, 1, neighbours))
    return AxisWindow(step.numerator, tuple(taps), border="clamp", sized=sized)


def transposed(stride: int, kernel: int, dilation: int, before: int, *, cuts: bool = False) -> AxisWindow | None:
    """Return the window of a transposed convolution: o reads i where o = stride · i − before + dilation · k.

    Args:
        stride: How far one input is from the next on the output.
        kernel: How many values the kernel has.
        dilation: How far one of them is from the next on the output.
        before: What is cropped before the output.
        cuts: Whether outputs behind the last are cropped whose taps all meet the input.

    Returns:
        None where its pattern is too long to be followed.
    """
    if stride > MOST_PHASES:
        return None
    shared = gcd(stride, dilation)
    every = stride // shared  # of the taps that meet one output, each is so many behind the one before
    tap_of = {dilation * tap % stride: tap for tap in range(min(every, kernel))}
    taps: list[Taps] = []
    for index in range(stride):
        place = index + before
        tap = tap_of.get(place % stride)
        count = 0 if tap is None else (kernel - 1 - tap) // every + 1
        last = 0 if tap is None else (place - dilation * tap) // stride
        gap = dilation // shared
        taps.append((last - gap * (count - 1), gap, count))
    return AxisWindow(1, tuple(taps), sized=cuts)


def shared_out(size: int, outputs: int) -> AxisWindow | None:
    """Return the window of a pool that lays a number of windows over an axis, from ⌊a·i/o⌋ to ⌈(a + 1)·i/o⌉.

    Returns:
        None where its pattern is too long to be followed.
    """
    shared = gcd(size, outputs)
    period = outputs // shared
    if period > MOST_PHASES:
        return None
    starts = [index * size // outputs for index in range(period)]
    ends = [-(-(index + 1) * size // outputs) for index in range(period)]
    taps = tuple([(start, 1, end - start) for start, end in zip(starts, ends, strict=True)])
    return AxisWindow(size // shared, taps, sized=size != outputs)


def size_of(axes: Axes) -> Shape:
    """Return the shape that factors make up."""
    return tuple([product(size for _, size in factors) for factors in axes])
