"""For which channels, or other places of an axis, what is seen holds, and what a layer makes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_

from msgspec import Struct

from convcost.layers import Shape
from convcost.layers.reading import AxisWindow, Reading
from convcost.ops import product
from convcost.receptive_field.patterns import NotFollowed
from convcost.receptive_field.terms import ANY, MOST_PLACES


class LayerPass(Struct, frozen=True):
    """A layer through which terms pass.

    Attributes:
        name: Its name.
        reading: How its output reads the input that has the terms.
        shape: The shape of this input.
        output: The shape of the output.
        slices: How many axes of the input run slice by slice.
    """

    name: str
    reading: Reading
    shape: Shape
    output: Shape
    slices: int = 0


def mask_through(mask: int, window: AxisWindow, size: int, outputs: int) -> int:
    """Return the mask of the outputs that read any of the places of a mask through a window."""
    by = window.shift
    if by is not None:
        moved: int = mask >> by if by >= 0 else mask << -by
        return moved & ((1 << outputs) - 1)
    found = 0
    for index in range(outputs):
        if any(mask >> position & 1 for position in window.positions(index, size)):
            found |= 1 << index
    return found


_MIXES = "it mixes up channels of which some have other positions"


def masked(masks: Mapping[int, int], step: LayerPass) -> dict[int, int]:
    """Return the masks behind a layer.

    Raises:
        NotFollowed: The output mixes up the places of a mask.
    """
    found: dict[int, int] = {}
    for axis, mask in masks.items():
        if axis < 0 or axis == step.reading.taken:
            raise NotFollowed("slices of an axis of which a part has other positions")
        for out, bits in _mask_behind(axis, mask, step).items():
            if out in found:
                raise NotFollowed(_MIXES)
            found[out] = bits
    return {axis: mask for axis, mask in found.items() if mask == ANY or mask != (1 << step.output[axis]) - 1}


def _mask_behind(axis: int, mask: int, step: LayerPass) -> dict[int, int]:
    """Return the masks that one of the input becomes, by the axes of the output.

    Raises:
        NotFollowed: It is none of single axes of the output.
    """
    reading = step.reading
    factors = reading.before[axis]
    kept = [name for name, _ in factors if name in reading.places]
    if not kept:
        return {}
    if mask == ANY or any(step.output[reading.places[name][0]] > MOST_PLACES for name in kept):
        out, inner, size = reading.places[kept[0]]
        begins = step.reading.start is not None and step.reading.start[0] == out
        whole = begins or size is step.output[out] or size == step.output[out]
        if len(factors) > 1 or inner != 1 or not whole:
            raise NotFollowed(_MIXES)
        return {out: ANY}
    if len(kept) == 1:
        (name,) = kept
        out, outer, size = reading.places[name]
        bits = mask if len(factors) == 1 else _projected(mask, *reading.origins[name][1:], step.shape[axis])
        if outer > 1:
            bits = reduce(or_, [((1 << outer) - 1) << place * outer for place in range(size) if bits >> place & 1])
        return {out: _filled(bits, out, kept, step, outer)}
    found: dict[int, set[int]] = {reading.places[name][0]: set() for name in kept}
    moves = [(reading.origins[name], reading.places[name]) for name in kept]
    places = [place for place in range(step.shape[axis]) if mask >> place & 1]
    for out in found:
        own = [move for move in moves if move[1][0] == out]
        found[out] = {sum(place // a % size * b for (_, a, size), (_, b, _) in own) for place in places}
    if len(found) > 1:  # it holds for all combinations of these, or cannot be a mask of each axis
        together = {tuple([place // a % size for (_, a, size), _ in moves]) for place in places}
        if len(together) != product(map(len, found.values())):
            raise NotFollowed(_MIXES)
    return {out: _filled(sum(1 << place for place in places), out, kept, step) for out, places in found.items()}


def _projected(mask: int, inner: int, size: int, total: int) -> int:
    """Return the mask of a factor: the places that any place of the axis belongs to."""
    whole = (1 << inner) - 1
    rows = [bool(mask >> begin & whole) for begin in range(0, total, inner)]
    return reduce(or_, [1 << number % size for number, row in enumerate(rows) if row], 0)


def _filled(mask: int, out: int, kept: Sequence[str], step: LayerPass, below: int = 1) -> int:
    """Return the mask of an axis of the output, with all places of the factors that the masked axis has not.

    Args:
        mask: The mask, with one place for each of the others.
        out: The axis.
        kept: The factors that the masked axis has.
        step: The layer.
        below: How many places of the axis are filled already.
    """
    for name, size in step.reading.after[out]:
        inner = step.reading.places[name][1]
        if name not in kept and inner >= below:
            mask = reduce(or_, [mask << inner * number for number in range(size)])
    return mask
