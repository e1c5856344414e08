"""Sets of input positions, and patterns of them: what every output along an axis sees of an axis of the input.

A `PositionSet` says where it begins, how far it reaches, and a bit for each of its positions unless all of them belong
to it. A `FieldPattern` holds one for each output of a period, unclipped, as far from all borders as the fields need; a
`FieldTable` holds what each output of a real size sees, borders included; `FieldBounds` are the first and the last
position as formulas.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from math import gcd, lcm
from operator import or_
from typing import Any, NamedTuple

from msgspec import Struct

from convcost.layers.reading import MOST_PHASES, AxisWindow

MOST_BITS = 50_000_000
"""The positions, over all phases of a pattern, that are kept one by one; wider ones with holes are not followed."""


class NotFollowed(Exception):
    """The positions cannot be followed through a layer; the message says why."""


class PositionSet(NamedTuple):
    """A set of positions.

    Attributes:
        low: Its first position.
        size: How far it reaches, its first and last position included; 0 for no position.
        bits: A bit for each position, that of the first lowest; None where all of them belong to it.
    """

    low: int
    size: int
    bits: int | None = None

    @property
    def high(self) -> int:
        """Its last position."""
        return self.low + self.size - 1

    @property
    def used(self) -> int:
        """How many positions it has."""
        return self.size if self.bits is None else self.bits.bit_count()

    def moved(self, by: int) -> PositionSet:
        """Return the set further on by so many positions."""
        return PositionSet(self.low + by, self.size, self.bits) if by and self.size else self

    def mask(self) -> int:
        """Return its bits, that of its first position lowest."""
        return (1 << self.size) - 1 if self.bits is None else self.bits

    def covers(self, other: PositionSet) -> bool:
        """Return whether all positions of another set belong to it."""
        if not other.size:
            return True
        if not self.size or other.low < self.low or other.high > self.high:
            return False
        return self.bits is None or not (other.mask() << (other.low - self.low)) & ~self.bits

    def within(self, size: int) -> int:
        """Return how many of its positions lie on an axis of a size."""
        if self.bits is None:
            return max(0, min(self.high + 1, size) - max(self.low, 0))
        bits = self.bits >> -self.low if self.low < 0 else self.bits
        room = max(0, size - max(self.low, 0))
        return (bits if bits.bit_length() <= room else bits & ((1 << room) - 1)).bit_count()

    def clipped(self, size: int) -> int:
        """Return a bit for each position of an axis of a size."""
        bits = self.mask()
        bits = bits << self.low if self.low >= 0 else bits >> -self.low
        return bits & ((1 << size) - 1)


NOTHING = PositionSet(0, 0)


def joined(spans: Iterable[PositionSet]) -> PositionSet:
    """Return the positions of all sets together."""
    found = [span for span in spans if span.size]
    if len(found) < 2:
        return found[0] if found else NOTHING
    found.sort(key=lambda span: span.low)
    low, end, whole = found[0].low, found[0].low, True
    for span in found:
        whole = whole and span.bits is None and span.low <= end
        end = max(end, span.low + span.size)
    if whole:
        return PositionSet(low, end - low)
    _check(end - low)
    return _of_bits(low, reduce(or_, [span.mask() << (span.low - low) for span in found]))


def repeated(span: PositionSet, by: int, count: int) -> PositionSet:
    """Return the positions of a set and of so many that are each further on than the one before, itself one of them."""
    if not span.size or not count:
        return NOTHING
    by, low = (by, span.low) if by >= 0 else (-by, span.low + by * (count - 1))
    reach = by * (count - 1)
    if not reach:
        return PositionSet(low, span.size, span.bits)
    if span.bits is None and by <= span.size:
        return PositionSet(low, span.size + reach)
    _check(span.size + reach)
    bits, done = span.mask(), 1
    while done < count:
        more = min(done, count - done)
        bits |= bits << (by * more)
        done += more
    return _of_bits(low, bits)


def _of_bits(low: int, bits: int) -> PositionSet:
    size = bits.bit_length()
    return PositionSet(low, size, None if bits == (1 << size) - 1 else bits)


def _check(width: int) -> None:
    if width > MOST_BITS:
        raise NotFollowed(f"fields with holes, {width:,} positions wide, are not followed")


class FieldPattern(Struct, frozen=True):
    """What outputs see, unclipped: output period · t + r sees `spans[r]` further on by step · t.

    Attributes:
        step: How far one period of the outputs goes on the input; 0 where what is seen comes again as it is.
        spans: The positions, for each output of a period.
        inner: The outputs that read nothing beyond a border, from the first up to, without, the last.
        sized: Whether it follows from the size of the input.
        declared: Whether only its size is known.
        wraps: Whether outputs at a border may read other positions instead of those beyond it.
    """

    step: int
    spans: tuple[PositionSet, ...]
    inner: tuple[int, int]
    sized: bool = False
    declared: bool = False
    wraps: bool = False

    def at(self, index: int) -> PositionSet:
        """Return the positions that an output reads."""
        turn, phase = divmod(index, len(self.spans))
        return self.spans[phase].moved(self.step * turn)

    def through(self, window: AxisWindow, size: int, outputs: int) -> FieldPattern:
        """Return the pattern of outputs that read this one through a window."""
        period, own = len(self.spans), window.period
        more = period // gcd(period, abs(window.step)) if window.step else 1
        if own * more > MOST_PHASES:
            raise NotFollowed(f"its pattern comes again only after {own * more:,} positions")
        spans = []
        for turn in range(more):
            for first, gap, count in window.taps:
                spans.append(self._of(first + window.step * turn, gap, count))
        if own * more > 1:
            _check(sum(span.size for span in spans if span.bits is not None))
        step = window.step * more * self.step // period
        inner = self._inner(window, size, outputs)
        flags = self.sized or window.sized, self.declared, self.wraps or window.wraps
        return _shortened(step, spans, inner, flags)

    def _of(self, first: int, gap: int, count: int) -> PositionSet:
        """Return the union of the positions that some outputs read."""
        period = len(self.spans)
        if period == 1:
            return repeated(self.spans[0].moved(self.step * first), self.step * gap, count)
        turns = period // gcd(period, abs(gap)) if gap else 1
        by = self.step * gap * turns // period
        starts = range(min(turns, count))
        return joined(repeated(self.at(first + gap * n), by, -(-(count - n) // turns)) for n in starts)

    def _inner(self, window: AxisWindow, size: int, outputs: int) -> tuple[int, int]:
        """Return the outputs that read nothing beyond a border: of each period all or none."""
        low, high = max(self.inner[0], 0), min(self.inner[1], size)
        first, last = 0, -(-outputs // window.period) - 1
        for start, gap, count in window.taps:
            if not count:
                continue
            ends = sorted((start, start + gap * (count - 1)))
            if window.step == 0:
                if ends[0] < low or ends[1] >= high:
                    return 0, 0
                continue
            limits = _turns(window.step, low - ends[0], high - 1 - ends[1])
            first, last = max(first, limits[0]), min(last, limits[1])
        return (first * window.period, min((last + 1) * window.period, outputs)) if first <= last else (0, 0)

    def with_(self, other: FieldPattern) -> FieldPattern | None:
        """Return the union of both patterns; None where their steps differ."""
        if self is other or self == other:
            return self
        mine, theirs = len(self.spans), len(other.spans)
        if self.step * theirs != other.step * mine:
            return None
        period = lcm(mine, theirs)
        if period > MOST_PHASES:
            raise NotFollowed(f"its pattern comes again only after {period:,} positions")
        spans = [joined((self.at(index), other.at(index))) for index in range(period)]
        inner = max(self.inner[0], other.inner[0]), min(self.inner[1], other.inner[1])
        flags = self.sized or other.sized, self.declared or other.declared, self.wraps or other.wraps
        return _shortened(self.step * period // mine, spans, inner, flags)

    def tiled(self, size: int) -> FieldPattern:
        """Return the pattern of outputs that repeat the first ones periodically."""
        if size > MOST_PHASES:
            raise NotFollowed(f"its pattern comes again only after {size:,} positions")
        inner = (0, 1 << 62) if self.inner[0] <= 0 and self.inner[1] >= size else (0, 0)
        spans = tuple([self.at(index) for index in range(size)])
        return FieldPattern(0, spans, inner, self.sized, self.declared, self.wraps)

    def of_all(self, count: int) -> PositionSet:
        """Return what the first so many outputs see together."""
        period = len(self.spans)
        turns = [-(-(count - phase) // period) for phase in range(min(period, count))]
        return joined(repeated(span, self.step, turn) for span, turn in zip(self.spans, turns, strict=False))


def _turns(step: int, low: int, high: int) -> tuple[int, int]:
    """Return the first and last t with low ≤ step · t ≤ high."""
    return (-(-low // step), high // step) if step > 0 else (-(high // -step), -low // -step)


def _shortened(
    step: int, spans: Sequence[PositionSet], inner: tuple[int, int], flags: tuple[bool, bool, bool]
) -> FieldPattern:
    """Return a pattern with the shortest period that it has."""
    period = len(spans)
    for short in range(1, period):
        if period % short or step * short % period:
            continue
        by = step * short // period
        if all(spans[index].moved(by) == spans[index + short] for index in range(period - short)):
            return FieldPattern(by, tuple(spans[:short]), inner, *flags)
    return FieldPattern(step, tuple(spans), inner, *flags)


class FieldTable(Struct, frozen=True):
    """What each output sees of an axis of the input, borders included: a bit for each position.

    Attributes:
        sets: The positions, for each output.
    """

    sets: tuple[int, ...]

    def through(self, window: AxisWindow, size: int, outputs: int) -> FieldTable:
        """Return the pattern of outputs that read this one through a window."""
        sets = self.sets
        return FieldTable(
            tuple([reduce(or_, [sets[p] for p in window.positions(index, size)], 0) for index in range(outputs)])
        )

    def with_(self, other: FieldTable) -> FieldTable:
        """Return the union of both patterns."""
        return FieldTable(tuple([mine | theirs for mine, theirs in zip(self.sets, other.sets, strict=True)]))

    def tiled(self, size: int) -> FieldTable:
        """Return the union over the first outputs; the caller says how often they repeat."""
        return FieldTable(self.sets[:size])


class FieldBounds(Struct, frozen=True):
    """The first and the last position that outputs see, as formulas: output i sees step · i + low to step · i + high.

    Attributes:
        step: How far one output goes on the input.
        low: The first position that output 0 sees.
        high: The last.
    """

    step: Any
    low: Any
    high: Any

    def through(self, window: AxisWindow, size: Any, outputs: Any) -> FieldBounds:
        """Return the pattern of outputs that read this one through a window."""
        if window.period != 1 or window.every:
            raise NotFollowed("outputs that see different shapes of fields")
        first, gap, count = window.taps[0]
        low = self.low + self.step * first
        high = self.high + self.step * (first + gap * (count - 1))
        return FieldBounds(self.step * window.step, low, high)

    def with_(self, other: FieldBounds) -> FieldBounds | None:
        """Return the union of both patterns; None where their steps differ."""
        if self == other:
            return self
        if self.step != other.step:
            return None
        from convcost.symbolic import maximum

        return FieldBounds(self.step, -maximum(-self.low, -other.low), maximum(self.high, other.high))

    def tiled(self, size: Any) -> FieldBounds:
        """Refuse what comes again: its bounds are no formula."""
        raise NotFollowed("positions that come again")
