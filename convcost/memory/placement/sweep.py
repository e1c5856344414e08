"""A search for a placement in the order of time: each piece lies at an end of a gap between those that live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convcost.memory.placement.intervals import Interval

Arrangement = tuple[tuple[int, int], ...]
"""Where each of the pieces lies that live, and which it is, from below."""
Link = tuple[Any, int, int]
"""The link before, a piece and where it begins; each leads to all pieces before."""


def place_in_time(intervals: Sequence[Interval], arena: int, width: int) -> list[int] | None:
    """Return the offsets of pieces in an arena; None where none are found.

    Of two ways to the same arrangement one is kept.

    Args:
        intervals: The pieces.
        arena: The bytes of the arena.
        width: How many arrangements of what lives are kept: those whose gaps are the largest.
    """
    states: dict[Arrangement, Link | None] = {(): None}
    order = sorted(range(len(intervals)), key=lambda index: (intervals[index].first, -intervals[index].bytes))
    for index in order:
        each = intervals[index]
        new: dict[Arrangement, Link | None] = {}
        for arrangement, link in states.items():
            left = tuple([piece for piece in arrangement if intervals[piece[1]].last >= each.first])
            for offset in _offsets(intervals, left, arena, each.bytes):
                new.setdefault(tuple(sorted([*left, (offset, index)])), (link, index, offset))
        if len(new) > width:
            best = sorted(new, key=lambda arrangement: -_openness(intervals, arrangement, arena))[:width]
            new = {arrangement: new[arrangement] for arrangement in best}
        states = new
    link = next(iter(states.values()), None)
    if link is None:
        return None
    offsets = [0] * len(intervals)
    while link is not None:
        link, index, offset = link
        offsets[index] = offset
    return offsets


def _gaps(intervals: Sequence[Interval], arrangement: Arrangement, arena: int) -> Iterator[tuple[int, int]]:
    """Return where each gap begins and ends."""
    end = 0
    for offset, index in arrangement:
        if offset > end:
            yield end, offset
        end = offset + intervals[index].bytes
    if arena > end:
        yield end, arena


def _offsets(intervals: Sequence[Interval], arrangement: Arrangement, arena: int, size: int) -> Iterator[int]:
    """Return where a piece can lie: at the two ends of each gap that has room."""
    for begin, end in _gaps(intervals, arrangement, arena):
        if end - begin >= size:
            yield begin
            if end - begin > size and arrangement:  # an empty arena has two equal ends
                yield end - size


def _openness(intervals: Sequence[Interval], arrangement: Arrangement, arena: int) -> int:
    """Return how large the gaps are, few large ones more than many small ones."""
    return sum((end - begin) ** 2 for begin, end in _gaps(intervals, arrangement, arena))
