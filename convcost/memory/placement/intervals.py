"""What is placed in an arena, and where it is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from msgspec import Struct


class Interval(Struct, frozen=True):
    """A piece of memory and how long it lives.

    Attributes:
        bytes: Its bytes.
        first: The position of the layer from whose start it lives.
        last: The position of the layer to whose end it lives.
    """

    bytes: int
    first: int
    last: int

    def meets(self, other: Interval) -> bool:
        """Return whether both live at one time."""
        return self.first <= other.last and other.first <= self.last


class Placement(Struct, frozen=True):
    """Where pieces of memory are in one arena.

    Attributes:
        size: The bytes of the arena that they take.
        lower_bound: What any placement takes at least: the most that lives at a time.
        offsets: Where each piece begins.
        arena: The bytes of the arena that was given; None without one.
    """

    size: int
    lower_bound: int
    offsets: tuple[int, ...]
    arena: int | None = None

    @property
    def is_exact(self) -> bool:
        """Whether no placement takes less."""
        return self.size == self.lower_bound

    @property
    def fits(self) -> bool:
        """Whether the arena that was given is large enough for it."""
        return self.arena is None or self.size <= self.arena


def load(intervals: Sequence[Interval]) -> int:
    """Return the most bytes that live at a time.

    >>> load([Interval(3, 0, 1), Interval(4, 1, 2), Interval(2, 2, 3)])
    7
    """
    steps = [0] * (max((each.last for each in intervals), default=0) + 2)
    for each in intervals:
        steps[each.first] += each.bytes
        steps[each.last + 1] -= each.bytes
    return max(accumulate(steps))


def height(intervals: Sequence[Interval], offsets: Sequence[int]) -> int:
    """Return the bytes of an arena that a placement takes."""
    return max((each.bytes + offset for each, offset in zip(intervals, offsets, strict=True)), default=0)


def compressed(intervals: Sequence[Interval]) -> list[Interval]:
    """Return the same pieces with only those times at which most live: of each time after which something new begins.

    What lives at the times between lives at one of these, too.

    >>> compressed([Interval(3, 0, 1), Interval(4, 1, 2), Interval(2, 5, 6)])
    [Interval(bytes=3, first=0, last=0), Interval(bytes=4, first=0, last=0), Interval(bytes=2, first=1, last=1)]
    """
    begins, ends = {each.first for each in intervals}, {each.last for each in intervals}
    kept: list[int] = []
    begun = False
    for at in sorted(begins | ends):
        begun = begun or at in begins
        if begun and at in ends:
            kept.append(at)
            begun = False
    return [
        Interval(each.bytes, bisect_left(kept, each.first), bisect_right(kept, each.last) - 1) for each in intervals
    ]


def parts(intervals: Sequence[Interval]) -> list[list[int]]:
    """Return the pieces in groups of which no two live at one time, in the order of time.

    >>> parts([Interval(3, 2, 3), Interval(4, 0, 1), Interval(2, 1, 1)])
    [[1, 2], [0]]
    """
    found: list[list[int]] = []
    end = -1
    for index in sorted(range(len(intervals)), key=lambda index: intervals[index].first):
        if intervals[index].first > end:
            found.append([])
        found[-1].append(index)
        end = max(end, intervals[index].last)
    return found
