"""What the values of a tensor see of one axis of the input.

A `Term` says which axes of the tensor the positions follow: its digits, as those of a number, outermost first, make up
the index into what is seen. Without digits every value sees the same. Masks say for which places of other axes it
holds, such as the channels that one branch of a concatenation has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from convcost.layers import Shape
from convcost.layers.reading import AxisWindow
from convcost.ops import product
from convcost.receptive_field.patterns import FieldBounds, FieldTable, NotFollowed

MOST_PLACES = 1_000_000
"""How many places of an axis are told apart where what some of them see is different."""

ANY = -1
"""The mask of an axis whose size is a formula, or too large: it holds for some of its places."""


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


def along_factor(digits: Sequence[Digit], sight: Any, inner: Any, size: Any) -> Any:
    """Return the positions read by each value of a factor of an axis, which consists of digits.

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


def fits(digit: Digit, end: Any) -> bool:
    """Return whether the end of a factor, so many places behind, lies between two steps of a digit or beyond it."""
    whole = digit.inner * digit.size
    return bool(end % whole == 0 or digit.inner % end == 0 or (end % digit.inner == 0 and whole % end == 0))


def merged(digits: Sequence[Digit]) -> tuple[Digit, ...]:
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
        return replace(term, digits=digits, sight=along_factor(own, term.sight, inner, size))
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
