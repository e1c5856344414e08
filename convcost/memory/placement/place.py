"""Offsets of pieces of memory in one arena, as small as the most that lives at a time where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convcost.memory.placement.best_fit import best_fits
from convcost.memory.placement.full import FullArena, fillers
from convcost.memory.placement.intervals import Interval, Placement, compressed, height, load, parts
from convcost.memory.placement.skyline import Skyline
from convcost.memory.placement.sweep import place_in_time

TRIES = 6
"""How many searches there are for each size of an arena, each with other choices first."""
FIRST_TRY = 2_000
"""How many steps the first of them has; each has half as many more than the one before."""
MOST_SETS = 1_000_000
"""How many sets of pieces are looked at where an arena is full at all times."""
FEWER_SETS = 100_000
"""How many where it is not, so that what is free is guessed at."""
MOST_KEPT = 300
"""How many arrangements of what lives are kept in a search in the order of time,"""
MOST_WORK = 2_000_000
"""and how many pieces there may be in all arrangements that it looks at: of more pieces fewer are kept."""
MOST_ALIVE = 300
"""How many of these pieces live at a time: as deep their orders are nested."""
MOST_PIECES = 2_000
"""How many pieces that live side by side are searched; of more the best of simple placements is taken."""


def place(intervals: Sequence[Interval], arena: int | None = None) -> Placement:
    """Return offsets in one arena: the smallest that is found; where one is given, the first that fits.

    Pieces that never live together with those of another time are placed apart from them.

    Args:
        intervals: The pieces of memory.
        arena: The bytes of an arena; None for as few as there can be.
    """
    bound = load(intervals)
    target = max(bound, arena or 0)
    offsets = [0] * len(intervals)
    for part in parts(intervals):
        members = [index for index in part if intervals[index].bytes]
        found = _place_part(compressed([intervals[index] for index in members]), target) if members else []
        for index, offset in zip(members, found, strict=True):
            offsets[index] = offset
    return Placement(height(intervals, offsets), bound, tuple(offsets), arena)


def _place_part(intervals: Sequence[Interval], target: int) -> list[int]:
    """Return a placement of at most a target, else the lowest that is found."""
    best = min(best_fits(intervals), key=lambda offsets: height(intervals, offsets))
    top = height(intervals, best)
    if top <= target or len(intervals) > MOST_PIECES:
        return best
    low = max(target, load(intervals))
    for way in _WAYS:
        found = way(intervals, low)
        if found is not None:
            return found
    return _between(intervals, best, low)


def _searched(intervals: Sequence[Interval], arena: int) -> list[int] | None:
    """Return a placement in an arena that some search finds."""
    alive = load([Interval(1, each.first, each.last) for each in intervals])
    width = max(1, min(MOST_KEPT, MOST_WORK // (len(intervals) * alive)))
    found = place_in_time(intervals, arena, width)
    return _by_skyline(intervals, arena) if found is None else found


def _by_skyline(intervals: Sequence[Interval], arena: int) -> list[int] | None:
    steps = FIRST_TRY
    for seed in range(TRIES):
        found = Skyline(intervals, arena, seed).search(steps)
        if found is not None:
            return found
        steps += steps // 2
    return None


def _between(intervals: Sequence[Interval], best: list[int], low: int) -> list[int]:
    """Return the lowest placement that is found between a size that was not reached and one that was."""
    high = height(intervals, best)
    while high - low > max(1, low // 128):
        middle = (low + high) // 2
        found = _searched(intervals, middle)
        if found is None:
            low = middle
        else:
            best, high = found, height(intervals, found)
    return best


def _by_orders(intervals: Sequence[Interval], arena: int) -> list[int] | None:
    """Return a placement in an arena that is full at all times, or once what is free is filled with pieces, too."""
    loads = [0] * (max(each.last for each in intervals) + 1)
    for each in intervals:
        for time in range(each.first, each.last + 1):
            loads[time] += each.bytes
    pieces = [*intervals, *fillers(loads, arena)]
    if load([Interval(1, each.first, each.last) for each in pieces]) > MOST_ALIVE:
        return None
    found = FullArena(pieces).search(MOST_SETS if min(loads) == arena else FEWER_SETS)
    return None if found is None else found[: len(intervals)]


_WAYS: tuple[Callable[[Sequence[Interval], int], list[int] | None], ...] = (_by_orders, _searched)
