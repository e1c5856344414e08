"""What the values of a tensor see of one axis of the input, and how a layer passes it on.

A `Term` says which axes of the tensor the positions follow: its digits, as those of a number, outermost first, make up
the index into what is seen. Without digits every value sees the same. Masks say for which places of other axes it
holds, such as the channels that one branch of a concatenation has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from convcost.layers import Shape
from convcost.layers.reading import MOST_PHASES, AxisWindow, Reading
from convcost.ops import product
from convcost.receptive_field.patterns import FieldBounds, FieldPattern, FieldTable, NotFollowed

ANY = -1
"""The mask of an axis whose size is a formula: it holds for some of its places."""


class Digit(NamedTuple):
    """A part of the index into what is seen: ((place on the axis − start) // inner) % size.

    Attributes:
        axis: The axis of the tensor; below 0 one whose slices run one by one.
        inner: How many places of the axis belong to one step.
        size: How many steps there are.
        start: The place at which it begins.
    """

    axis: int
    inner: Any
    size: Any
    start: Any = 0


class Term(Struct, frozen=True):
    """What values of a tensor see of one axis of the input.

    Attributes:
        source: The number of the axis of the input.
        digits: What makes up the index into what is seen, outermost first; none where all see the same.
        sight: What is seen.
        masks: For which places of an axis it holds, a bit for each; other axes count in full.
        by: The layer from which on all values see the same.
    """

    source: int
    digits: tuple[Digit, ...]
    sight: Any
    masks: tuple[tuple[int, int], ...] = ()
    by: str = ""

    @property
    def index(self) -> tuple[Any, ...]:
        """What distinguishes it from terms that can be added to it."""
        return self.source, self.digits, self.masks


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


def passed(term: Term, step: LayerPass) -> Term | None:
    """Return what values of the output see by a term of an input; None where they see nothing by it.

    Raises:
        NotFollowed: Its positions cannot be followed.
    """
    masks = dict(term.masks)
    digits, sight = list(term.digits), term.sight
    placed: list[Digit] | None = None
    moved: dict[int, int] = {}
    reached: list[tuple[str, AxisWindow]] = []
    fixed: dict[int, Digit] = {}
    for name, window in step.reading.windows.items():
        axis, _, _ = step.reading.origins[name]
        on_axis = [digit for digit in digits if digit.axis == axis]
        if not on_axis and axis not in masks:
            if isinstance(sight, FieldTable):
                reached.append((name, window))
            continue
        if on_axis and len(on_axis) == len(digits) and axis not in masks:
            sight, placed = _windowed(digits, sight, step, name, window)
            continue
        if len(on_axis) == 1 and axis not in masks and not window.every and step.reading.made_of.get(name) is None:
            number = digits.index(on_axis[0])
            if not on_axis[0].start and len(step.reading.before[axis]) == 1:
                sight, digits[number] = _within(digits, number, sight, step, name, window)
                fixed[number] = Digit(*step.reading.places[name])
                continue
        found = _shifted(axis, digits, masks, step, name, window)
        if found is None:
            return None
        digits, passed_on = found
        moved |= passed_on
    if placed is None:
        digits, sight = (digits, sight) if fixed else _aligned(digits, sight, masks, step)
        placed, gone = _placed(digits, step, fixed)
        sight = _without(sight, digits, gone)
        digits = [digit for digit, left in zip(placed, gone, strict=True) if not left]
    else:
        digits = placed
    new_masks = _masked(masks, step) | moved
    if step.reading.start is not None:
        digits, new_masks = _started(digits, new_masks, step)
    if 0 in new_masks.values():
        return None
    by = term.by or ("" if digits else step.name)
    for name, window in reached:
        sight, digits = _reached(sight, digits, step, name, window)
    return Term(term.source, _merged(digits), sight, tuple(sorted(new_masks.items())), by)


def _windowed(
    digits: Sequence[Digit], sight: Any, step: LayerPass, name: str, window: AxisWindow
) -> tuple[Any, list[Digit]]:
    """Return what is seen through a window along the one axis that has all digits, and where the output has it."""
    _, inner, size = step.reading.origins[name]
    sight = _along_factor(digits, sight, inner, size)
    if window.every and not isinstance(sight, FieldTable):  # the last, or the first, sees all; others less
        seen = sight.through(AxisWindow(1, ((0, 1, size),)), size, 1)
        return (replace(seen, inner=(0, 0)) if isinstance(seen, FieldPattern) else seen), []
    places = [step.reading.places[each] for each in step.reading.made_of.get(name, (name,))]
    return sight.through(window, size, product(place[2] for place in places)), [Digit(*place) for place in places]


def _within(
    digits: Sequence[Digit], number: int, sight: Any, step: LayerPass, name: str, window: AxisWindow
) -> tuple[Any, Digit]:
    """Return what is seen through a window along the axis of one digit of several, and the digit of the outputs.

    What lies beyond the axis is not read, so that no window reaches what other digits lead to.
    """
    digit, outputs = digits[number], step.reading.places[name][2]
    before, behind = product(each.size for each in digits[:number]), product(each.size for each in digits[number + 1 :])
    if isinstance(sight, FieldBounds) or outputs * behind > MOST_PHASES:
        raise NotFollowed("its window lies across parts of the axis")
    taps, cut = [], False
    for index in range(outputs):
        places = window.positions(index, step.shape[digit.axis])
        found = sorted({place // digit.inner % digit.size for place in places})
        gap = found[1] - found[0] if len(found) > 1 else 1
        if found != [found[0] + gap * place for place in range(len(found))] if found else False:
            raise NotFollowed("its window lies across parts of the axis")
        cut = cut or len(places) < window.taps[index % window.period][2]
        taps += [((found[0] if found else 0) * behind + place, gap * behind, len(found)) for place in range(behind)]
    through = AxisWindow(digit.size * behind, tuple(taps), sized=True)
    seen = sight.through(through, before * digit.size * behind, before * outputs * behind)
    if cut and isinstance(seen, FieldPattern):
        seen = replace(seen, inner=(0, 0))
    return seen, digit._replace(size=outputs)


def _along_factor(digits: Sequence[Digit], sight: Any, inner: Any, size: Any) -> Any:
    """Return what is seen by each place of a factor of an axis, whose places some digits make up.

    Raises:
        NotFollowed: Digits lie across it.
    """
    if len(digits) == 1 and digits[0][1:] == (inner, size, 0):
        return sight
    ordered = sorted(digits, key=lambda digit: -digit.inner)
    if any(digit.start or digit.inner % inner for digit in digits) or ordered != list(digits):
        raise NotFollowed("its positions lie across the axis")
    total, below = product(digit.size for digit in digits), inner
    if ordered[0].inner * ordered[0].size > inner * size:
        raise NotFollowed("its positions lie across the axis")
    behind = 1
    for digit in reversed(ordered):
        gap = digit.inner // below
        if gap > 1:  # places that change nothing, between what is behind them and the digit
            taps = tuple([(place, 1, 1) for _ in range(gap) for place in range(behind)])
            sight = sight.through(AxisWindow(behind, taps), total, total * gap)
            total *= gap
            behind *= gap
        behind *= digit.size
        below = digit.inner * digit.size
    if inner * size % below:
        raise NotFollowed("its positions lie across the axis")
    times = inner * size // below
    if times > 1:
        sight = sight.tiled(total)
        if isinstance(sight, FieldTable):
            sight = FieldTable(sight.sets * times)
    return sight


def _shifted(
    axis: int, digits: list[Digit], masks: dict[int, int], step: LayerPass, name: str, window: AxisWindow
) -> tuple[list[Digit], dict[int, int]] | None:
    """Move digits along an axis, and its mask to the output; None where nothing of the term is left.

    Raises:
        NotFollowed: The window does more than move, or cuts through what has digits.
    """
    size, place = step.shape[axis], step.reading.places.get(name, (0, 0, 0))
    alone = step.reading.origins[name][1:] == (1, size) and place[1] == 1 and step.output[place[0]] == place[2]
    on_axis = [digit for digit in digits if digit.axis == axis]
    by = window.shift
    if masks.get(axis) == ANY or not alone or (on_axis and by is None):
        raise NotFollowed("its window lies across parts of the axis")
    behind = {}
    mask = _mask_through(masks.pop(axis, (1 << size) - 1), window, size, place[2])
    if not mask:
        return None
    if mask != (1 << place[2]) - 1:
        behind[place[0]] = mask
    moved = [digit._replace(start=digit.start - by) if digit.axis == axis else digit for digit in digits]
    for digit in moved:
        last = digit.start + digit.inner * digit.size
        if digit.axis == axis and (digit.start < 0 or last > place[2]):
            raise NotFollowed("it cuts through the axis")
    return moved, behind


def _mask_through(mask: int, window: AxisWindow, size: int, outputs: int) -> int:
    by = window.shift
    if by is not None:
        moved: int = mask >> by if by >= 0 else mask << -by
        return moved & ((1 << outputs) - 1)
    found = 0
    for index in range(outputs):
        if any(mask >> position & 1 for position in window.positions(index, size)):
            found |= 1 << index
    return found


def _reached(
    sight: FieldTable, digits: list[Digit], step: LayerPass, name: str, window: AxisWindow
) -> tuple[FieldTable, list[Digit]]:
    """Return what is seen by outputs whose window along another axis reads anything of the input at all."""
    size = step.reading.origins[name][2]
    places = [step.reading.places[each] for each in step.reading.made_of.get(name, (name,))]
    flags = [bool(window.positions(index, size)) for index in range(product(place[2] for place in places))]
    if all(flags):
        return sight, digits
    sets = tuple([each if flag else 0 for each in sight.sets for flag in flags])
    return FieldTable(sets), [*digits, *[Digit(*place) for place in places]]


def _aligned(digits: list[Digit], sight: Any, masks: Mapping[int, int], step: LayerPass) -> tuple[list[Digit], Any]:
    """Return digits with those of one step for each place of an axis where factors end within longer ones."""
    axis = digits[0].axis if digits else -1
    if (
        axis < 0
        or axis in masks
        or len(step.reading.before[axis]) < 2
        or any(digit.axis != axis or digit.start for digit in digits)
    ):
        return digits, sight
    ends = [step.reading.origins[name][1] for name, _ in step.reading.before[axis]]
    if all(_fits(digit, end) for digit in digits for end in ends):
        return digits, sight
    sight = _along_factor(digits, sight, 1, step.shape[axis])
    return [Digit(axis, 1, step.shape[axis])], sight


def _fits(digit: Digit, end: Any) -> bool:
    """Return whether the end of a factor, so many places behind, lies between two steps of a digit or beyond it."""
    whole = digit.inner * digit.size
    return bool(end % whole == 0 or digit.inner % end == 0 or (end % digit.inner == 0 and whole % end == 0))


def _placed(digits: list[Digit], step: LayerPass, fixed: Mapping[int, Digit]) -> tuple[list[Digit], list[bool]]:
    """Split digits, in place, where factors end; return where the output has each, and which are gone."""
    reading = step.reading
    split: list[Digit] = []
    placed: list[Digit] = []
    gone: list[bool] = []
    for number, digit in enumerate(digits):
        if number in fixed:
            _keep(digit, fixed[number], split, placed, gone)
            continue
        if digit.axis < 0:
            _keep(digit, _unsliced(digit, reading, step.slices), split, placed, gone)
            continue
        if digit.axis == reading.taken:
            _keep(digit, digit._replace(axis=-1 - step.slices), split, placed, gone)
            continue
        for part, name in _parts(digit, reading):
            place = reading.places.get(name)
            if place is None:
                _keep(part, None, split, placed, gone)
                continue
            axis, inner, _ = place
            own = reading.origins[name][1]
            if part.start and (inner != 1 or own != 1):
                raise NotFollowed("it reshapes an axis of which a part has other positions")
            _keep(part, Digit(axis, inner * (part.inner // own), part.size, part.start), split, placed, gone)
    digits[:] = split
    return placed, gone


def _keep(part: Digit, place: Digit | None, split: list[Digit], placed: list[Digit], gone: list[bool]) -> None:
    split.append(part)
    placed.append(place or part)
    gone.append(place is None)


def _unsliced(digit: Digit, reading: Reading, slices: int) -> Digit:
    """Return where a digit lies behind a layer that may put slices together again."""
    return digit._replace(axis=reading.put) if reading.put is not None and digit.axis == -slices else digit


def _parts(digit: Digit, reading: Reading) -> list[tuple[Digit, str]]:
    """Return the parts of a digit, one for each factor of its axis that it reaches into, outermost first.

    Raises:
        NotFollowed: A factor ends within a step of it.
    """
    factors = reading.before[digit.axis]
    if len(factors) == 1:
        return [(digit, factors[0][0])]
    if digit.start:
        raise NotFollowed("it splits an axis of which a part has other positions")
    if not all(_fits(digit, reading.origins[name][1]) for name, _ in factors):
        raise NotFollowed("it splits an axis across its positions")
    parts = []
    low, high = digit.inner, digit.inner * digit.size
    for name, size in factors:
        inner = reading.origins[name][1]
        begin, end = max(low, inner), min(high, inner * size)
        if end <= begin:
            continue
        if begin % low or high % end or end % begin or begin % inner:
            raise NotFollowed("it splits an axis across its positions")
        parts.append((Digit(digit.axis, begin, end // begin), name))
    if not parts:  # a digit of one step
        parts.append((digit, factors[-1][0] if factors else ""))
    return parts


def _without(sight: Any, digits: Sequence[Digit], gone: Sequence[bool]) -> Any:
    """Return what is seen by all places of some digits together."""
    sizes = [digit.size for digit in digits]
    if all(gone):
        total = product(sizes)
        return sight.through(AxisWindow(1, ((0, 1, total),)), total, 1) if digits else sight
    for number in range(len(sizes) - 1, -1, -1):
        if not gone[number]:
            continue
        before, size, behind = product(sizes[:number]), sizes[number], product(sizes[number + 1 :])
        taps = tuple([(place, behind, size) for place in range(behind)]) if number else ((0, behind, size),)
        sight = sight.through(AxisWindow(behind * size if number else 1, taps), before * size * behind, before * behind)
        sizes[number] = 1
    return sight


def _masked(masks: Mapping[int, int], step: LayerPass) -> dict[int, int]:
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


_MIXES = "it mixes up channels of which some have other positions"


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
    if mask == ANY:
        out, inner, size = reading.places[kept[0]]
        if len(factors) > 1 or inner != 1 or not (size is step.output[out] or size == step.output[out]):
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


def _started(digits: list[Digit], masks: dict[int, int], step: LayerPass) -> tuple[list[Digit], dict[int, int]]:
    """Return digits and masks of an output that is longer than the input, which begins somewhere on it."""
    assert step.reading.start is not None
    axis, begin, total = step.reading.start
    moved = [digit._replace(start=digit.start + begin) if digit.axis == axis else digit for digit in digits]
    size = product(each for _, each in step.reading.after[axis])
    if total.__class__ is not int or size.__class__ is not int or begin.__class__ is not int:
        return moved, masks | {axis: ANY}
    mask = masks.get(axis, (1 << size) - 1)
    return moved, masks | {axis: mask << begin if mask != ANY else ANY}


def _merged(digits: Sequence[Digit]) -> tuple[Digit, ...]:
    """Return digits with those as one that lie beside each other on an axis."""
    found: list[Digit] = []
    for digit in digits:
        last = found[-1] if found else None
        if last and last.axis == digit.axis and last.start == digit.start and last.inner == digit.inner * digit.size:
            found[-1] = Digit(digit.axis, digit.inner, last.size * digit.size, digit.start)
        else:
            found.append(digit)
    return tuple(found)


def gathered(terms: Sequence[Term], output: Shape) -> tuple[Term, ...]:
    """Return terms with those as one that follow the same digits and masks, and those that see the same."""
    if len(terms) < 2:
        return tuple(terms)
    found: dict[tuple[Any, ...], list[Term]] = {}
    for term in _extended(terms, output):
        same = found.setdefault(term.index, [])
        for number, other in enumerate(same):
            sight = other.sight.with_(term.sight)
            if sight is not None:
                same[number] = replace(other, sight=sight, by=other.by or term.by)
                break
        else:
            same.append(term)
    every = [term for same in found.values() for term in same]
    return tuple(every) if all(not term.masks for term in every) else tuple(_unmasked(every, output))


def _extended(terms: Sequence[Term], output: Shape) -> list[Term]:
    """Return terms of which some follow fewer digits than another of the same axis with all that this one follows."""
    longest: dict[tuple[int, int], tuple[Digit, ...]] = {}
    for term in terms:
        if term.digits:
            key = term.source, term.digits[0].axis
            if key not in longest or _steps(term.digits) > _steps(longest[key]):
                longest[key] = term.digits
    found = []
    for term in terms:
        digits = longest[term.source, term.digits[0].axis] if term.digits else ()
        found.append(term if term.digits == digits else _following(term, digits, output))
    return found


def _steps(digits: Sequence[Digit]) -> Any:
    return product(digit.size for digit in digits)


def _following(term: Term, digits: tuple[Digit, ...], output: Shape) -> Term:
    """Return a term that follows more digits, which change nothing; itself where it cannot."""
    if isinstance(term.sight, FieldBounds):
        return term
    total, wanted = _steps(term.digits), _steps(digits)
    if digits[: len(term.digits)] == term.digits:
        window = AxisWindow(1, ((0, 1, 1),) * (wanted // total))
        return replace(term, digits=digits, sight=term.sight.through(window, total, wanted))
    (axis, inner, size, start), *more = digits
    own = term.digits
    if more or start or own[0].inner * own[0].size != inner * size or any(each[::3] != (axis, 0) for each in own):
        return term
    try:
        return replace(term, digits=digits, sight=_along_factor(own, term.sight, inner, size))
    except NotFollowed:
        return term


def _unmasked(terms: Sequence[Term], output: Shape) -> list[Term]:
    """Return terms that differ by one mask only as one, with the places of both."""
    found: dict[tuple[Any, ...], Term] = {}
    rest = []
    for term in terms:
        if len(term.masks) != 1 or term.masks[0][1] == ANY or isinstance(term.sight, FieldBounds):
            rest.append(term)
            continue
        ((axis, mask),) = term.masks
        key = term.source, term.digits, axis, term.sight, term.by
        if key in found:
            mask |= found[key].masks[0][1]
        found[key] = replace(term, masks=((axis, mask),))
    for term in found.values():
        ((axis, mask),) = term.masks
        rest.append(replace(term, masks=()) if mask == (1 << output[axis]) - 1 and _whole(term, axis, output) else term)
    return rest


def _whole(term: Term, axis: int, output: Shape) -> bool:
    """Return whether a term can do without the mask of an axis: its digits there begin at the first place."""
    return all(digit.start == 0 for digit in term.digits if digit.axis == axis)
