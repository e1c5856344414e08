"""Placement of one piece after the other, each in the tightest gap where it fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from convcost.memory.placement.intervals import Interval

_KEYS: tuple[Callable[[Interval], tuple[int, ...]], ...] = (
    lambda each: (-each.bytes, each.first),
    lambda each: (-each.bytes * (each.last - each.first + 1), each.first),
    lambda each: (each.first - each.last, -each.bytes),
    lambda each: (each.first, -each.bytes),
    lambda each: (-each.last, -each.bytes),
)


def best_fits(intervals: Sequence[Interval]) -> Iterator[list[int]]:
    """Return placements in several orders: the largest first, the longest, the earliest and the latest."""
    for key in _KEYS:
        yield best_fit(intervals, sorted(range(len(intervals)), key=lambda index: key(intervals[index])))


def best_fit(intervals: Sequence[Interval], order: Sequence[int]) -> list[int]:
    """Return the offsets of pieces that are placed in an order, each in the tightest gap below what is placed."""
    offsets = [0] * len(intervals)
    placed: list[int] = []
    for index in order:
        each = intervals[index]
        taken = sorted([(offsets[other], intervals[other].bytes) for other in placed if each.meets(intervals[other])])
        offsets[index] = _gap(taken, each.bytes)
        placed.append(index)
    return offsets


def _gap(taken: Sequence[tuple[int, int]], size: int) -> int:
    """Return where the tightest gap begins that has room; the end of all that is taken where none has."""
    best, room, end = -1, 0, 0
    for offset, length in taken:
        gap = offset - end
        if gap >= size and (best < 0 or gap < room):
            best, room = end, gap
        end = max(end, offset + length)
    return end if best < 0 else best
