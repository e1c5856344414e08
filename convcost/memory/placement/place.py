"""Offsets of pieces of memory in one arena, as small as the most that lives at a time where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from convcost.memory.placement.best_fit import best_fits
from convcost.memory.placement.cover import Cover
from convcost.memory.placement.intervals import Interval, Placement, compressed, height, load, parts
from convcost.memory.placement.seams import SeamSearch
from convcost.memory.placement.skyline import Skyline

TRIES = 6
"""How many searches there are for each size of an arena, each with other choices first."""
FIRST_TRY = 2_000
"""How many steps the first of them has; each has half as many more than the one before."""
SEEDS = 12
"""How many ways of joining pieces to blocks are tried where an arena is full at most times."""
MOST_MOVES = 120
"""How often such blocks are laid beside each other in each of them."""
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
        found = _by_skyline(intervals, middle)
        if found is None:
            low = middle
        else:
            best, high = found, height(intervals, found)
    return best


def _by_seams(intervals: Sequence[Interval], arena: int) -> list[int] | None:
    """Return a placement in an arena that is full at most times."""
    loads = [0] * (max(each.last for each in intervals) + 1)
    for each in intervals:
        for time in range(each.first, each.last + 1):
            loads[time] += each.bytes
    full = [time for time, size in enumerate(loads) if size == arena]
    if 2 * len(full) < len(loads):
        return None
    for seed in range(SEEDS):
        search = SeamSearch(intervals, arena, seed)
        found = Cover(search.blocks, full).search(MOST_MOVES) if search.search() else None
        if found is not None and _is_valid(intervals, found, arena):
            return [found[index] for index in range(len(intervals))]
    return None


def _is_valid(intervals: Sequence[Interval], offsets: Mapping[int, int], arena: int) -> bool:
    """Return whether all pieces are in the arena and no two that live together overlap."""
    placed = sorted((offset, index) for index, offset in offsets.items())
    for place_, (offset, index) in enumerate(placed):
        end = offset + intervals[index].bytes
        if offset < 0 or end > arena:
            return False
        if any(begin < end and intervals[index].meets(intervals[other]) for begin, other in placed[place_ + 1 :]):
            return False
    return True


_WAYS: tuple[Callable[[Sequence[Interval], int], list[int] | None], ...] = (_by_seams, _by_skyline)
