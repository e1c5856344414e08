"""How a layer passes on what the values of its inputs see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from convcost.layers.reading import MOST_PHASES, AxisWindow, Reading
from convcost.ops import product
from convcost.receptive_field.masks import LayerPass, mask_through, masked
from convcost.receptive_field.patterns import FieldBounds, FieldPattern, FieldTable, NotFollowed
from convcost.receptive_field.terms import ANY, MOST_PLACES, Digit, Term, along_factor, fits, merged


def passed(term: Term, step: LayerPass) -> Term | None:
    """Return the positions that outputs read through a term of an input; None where they read none.

    Raises:
        NotFollowed: Its positions cannot be followed.
    """
    masks = dict(term.masks)
    for name in step.reading.uniform:
        axis = step.reading.origins[name][0]
        if axis in masks or any(digit.axis == axis for digit in term.digits):
            raise NotFollowed("the values of a window see different positions")
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
    new_masks = masked(masks, step) | moved
    if step.reading.start is not None:
        digits, new_masks = _started(digits, new_masks, step)
    if 0 in new_masks.values():
        return None
    by = term.by or ("" if digits else step.name)
    for name, window in reached:
        sight, digits = _reached(sight, digits, step, name, window)
    return Term(term.source, merged(digits), sight, tuple(sorted(new_masks.items())), by)


def _windowed(
    digits: Sequence[Digit], sight: Any, step: LayerPass, name: str, window: AxisWindow
) -> tuple[Any, list[Digit]]:
    """Return the positions read through a window along the one axis that has all digits, and the output's axis."""
    _, inner, size = step.reading.origins[name]
    sight = along_factor(digits, sight, inner, size)
    if window.every and not isinstance(sight, FieldTable):  # the last, or the first, sees all; others less
        seen = sight.through(AxisWindow(1, ((0, 1, size),)), size, 1)
        return (replace(seen, inner=(0, 0)) if isinstance(seen, FieldPattern) else seen), []
    places = [step.reading.places[each] for each in step.reading.made_of.get(name, (name,))]
    return sight.through(window, size, product(place[2] for place in places)), [Digit(*place) for place in places]


def _within(
    digits: Sequence[Digit], number: int, sight: Any, step: LayerPass, name: str, window: AxisWindow
) -> tuple[Any, Digit]:
    """Return the positions read through a window along the axis of one digit of several, and the output's digit.

    What lies beyond the axis is not read, so that no window reaches what other digits lead to.
    """
    digit, outputs = digits[number], step.reading.places[name][2]
    before, behind = product(each.size for each in digits[:number]), product(each.size for each in digits[number + 1 :])
    wide = max(count for _, _, count in window.taps)
    if isinstance(sight, FieldBounds) or max(outputs * behind, wide) > MOST_PHASES:
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
    unsure = masks.get(axis) == ANY or size > MOST_PLACES
    if unsure or not alone or name in step.reading.made_of or (on_axis and by is None):
        raise NotFollowed("its window lies across parts of the axis")
    behind = {}
    mask = mask_through(masks.pop(axis, (1 << size) - 1), window, size, place[2])
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


def _reached(
    sight: FieldTable, digits: list[Digit], step: LayerPass, name: str, window: AxisWindow
) -> tuple[FieldTable, list[Digit]]:
    """Return the positions read by outputs whose window along another axis reads any input at all."""
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
    if all(fits(digit, end) for digit in digits for end in ends):
        return digits, sight
    sight = along_factor(digits, sight, 1, step.shape[axis])
    return [Digit(axis, 1, step.shape[axis])], sight


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
    if not all(fits(digit, reading.origins[name][1]) for name, _ in factors):
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
    """Return the positions read by all values of some digits together."""
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


def _started(digits: list[Digit], masks: dict[int, int], step: LayerPass) -> tuple[list[Digit], dict[int, int]]:
    """Return digits and masks of an output that is longer than the input, which begins somewhere on it."""
    assert step.reading.start is not None
    axis, begin, total = step.reading.start
    moved = [digit._replace(start=digit.start + begin) if digit.axis == axis else digit for digit in digits]
    size = product(each for _, each in step.reading.after[axis])
    if any(number.__class__ is not int for number in (total, size, begin)) or total > MOST_PLACES:
        return moved, masks | {axis: ANY}
    mask = masks.get(axis, (1 << size) - 1)
    return moved, masks | {axis: mask << begin if mask != ANY else ANY}
