"""Rigid blocks fitted together in an arena: each hole of a full time is filled without a gap."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

from convcost.memory.placement.intervals import Interval
from convcost.memory.placement.seams import Blocks

Segments = dict[int, list[tuple[int, int]]]
"""What is taken at each time, from where to where, in order."""
Move = tuple[int, int, int]
"""A block, which of its two sides is up, and how far it is moved."""

_MANY = 1 << 30
_FAR = 1 << 80


class Cover:
    """Fits blocks together, each as it is or upside down.

    The first block lies where it lies. The hole with the fewest fillings is filled next, whose bottom some block meets
    exactly. Where there is no hole, a block is laid below or above what is there.

    Args:
        blocks: The blocks, at least one.
        full: The times at which the arena is full.
    """

    def __init__(self, blocks: Blocks, full: Sequence[int]) -> None:
        self.arena = blocks.arena
        self.full = full
        groups = sorted(
            (blocks.members[block] for block in set(blocks.block)),
            key=lambda group: -sum(_area(blocks.intervals[piece]) for piece in group),
        )
        self.sides: list[list[list[tuple[int, int]]]] = []
        self.shapes: list[list[Segments]] = []
        for group in groups:
            upright = [(piece, blocks.offsets[piece]) for piece in group]
            turned = [(piece, -offset - blocks.intervals[piece].bytes) for piece, offset in upright]
            self.sides.append([upright, turned] if len(group) > 1 else [upright])
            self.shapes.append([_segments(blocks.intervals, side) for side in self.sides[-1]])
        count = max(each.last for each in blocks.intervals) + 1
        self.taken: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        self.at = [[block for block, (shape, *_) in enumerate(self.shapes) if time in shape] for time in range(count)]
        self.moves: dict[int, Move] = {}
        self.low, self.high = _FAR, -_FAR  # where what is taken begins and ends
        self.base: int | None = None  # where the arena begins, once that is known

    def search(self, most: int) -> dict[int, int] | None:
        """Return the offset of each piece; None where there is no such placement, or too much to try."""
        self._make((0, 0, 0))
        open_: list[tuple[list[Move], tuple[int, int, int | None]]] = []
        while most:
            most -= 1
            moves = self._moves()
            if moves is None:
                return self._offsets()
            open_.append((moves, (self.low, self.high, self.base)))
            while open_ and not open_[-1][0]:
                open_.pop()
                if open_:
                    self._take_back(open_[-1][1])
            if not open_:
                return None
            self._make(open_[-1][0].pop())
        return None

    def _offsets(self) -> dict[int, int] | None:
        """Return the offsets, where every block has its place."""
        if len(self.moves) < len(self.sides):
            return None
        found = {
            piece: offset + shift - self.low
            for block, side, shift in self.moves.values()
            for piece, offset in self.sides[block][side]
        }
        return found if self.high - self.low <= self.arena else None

    def _moves(self) -> list[Move] | None:
        """Return how the hole with the fewest fillings can be filled; None where there is no hole left."""
        if len(self.moves) == len(self.sides):
            return None
        if self.base is None and self.high - self.low == self.arena:
            self.base = self.low
        best = self._fewest()
        return self._beside() if best is None and self.base is None else best

    def _beside(self) -> list[Move] | None:
        """Return how a block can lie below or above what is taken at the full time with the fewest such ways."""
        best: list[Move] | None = None
        for time in self.full:
            taken = self.taken[time]
            if not taken or all(block in self.moves for block in self.at[time]):
                continue
            low, high = taken[0][0], taken[-1][1]
            found = []
            for block in self.at[time]:
                for side, shape in enumerate(self.shapes[block] if block not in self.moves else ()):
                    shifts = {low - end for _, end in shape[time]} | {high - begin for begin, _ in shape[time]}
                    found += [(block, side, shift) for shift in sorted(shifts) if self._fits(shape, shift)]
            if best is None or len(found) < len(best):
                best = found
        return best

    def _fewest(self) -> list[Move] | None:
        best: list[Move] | None = None
        for time in sorted(self.full, key=lambda time: sum(block not in self.moves for block in self.at[time])):
            for begin, end in self._holes(time):
                found = self._fillings(time, begin, end, len(best) if best is not None else _MANY)
                if best is None or len(found) < len(best):
                    best = found
                if len(best) < 2:
                    return best
        return best

    def _holes(self, time: int) -> Iterator[tuple[int, int]]:
        taken = self.taken[time]
        if self.base is not None:
            top = self.base + self.arena
            taken = [(self.base, self.base), *taken, (top, top)]
        for (_, begin), (end, _) in pairwise(taken):
            if end > begin:
                yield begin, end

    def _fillings(self, time: int, begin: int, end: int, enough: int) -> list[Move]:
        """Return the blocks that meet the bottom of a hole; some where there are enough."""
        found: list[Move] = []
        for block in self.at[time]:
            if block in self.moves:
                continue
            for side, shape in enumerate(self.shapes[block]):
                for low, high in shape[time]:
                    if high - low <= end - begin and self._fits(shape, begin - low):
                        found.append((block, side, begin - low))
                        if len(found) >= enough:
                            return found
        return found

    def _fits(self, shape: Segments, shift: int) -> bool:
        low = self.high - self.arena if self.base is None else self.base
        high = (self.low if self.base is None else self.base) + self.arena
        for time, segments in shape.items():
            if segments[0][0] + shift < low or segments[-1][1] + shift > high:
                return False
            taken = self.taken[time]
            if not taken:
                continue
            for begin, end in segments:
                place = bisect_left(taken, (begin + shift, _FAR))
                if place and taken[place - 1][1] > begin + shift:
                    return False
                if place < len(taken) and taken[place][0] < end + shift:
                    return False
        return True

    def _make(self, move: Move) -> None:
        block, side, shift = move
        self.moves[block] = move
        for time, segments in self.shapes[block][side].items():
            moved = [(begin + shift, end + shift) for begin, end in segments]
            self.taken[time] = sorted(self.taken[time] + moved)
            self.low = min(self.low, moved[0][0])
            self.high = max(self.high, moved[-1][1])

    def _take_back(self, extent: tuple[int, int, int | None]) -> None:
        _, (block, side, shift) = self.moves.popitem()
        for time, segments in self.shapes[block][side].items():
            moved = {(begin + shift, end + shift) for begin, end in segments}
            self.taken[time] = [each for each in self.taken[time] if each not in moved]
        self.low, self.high, self.base = extent


def _area(each: Interval) -> int:
    return each.bytes * (each.last - each.first + 1)


def _segments(intervals: Sequence[Interval], side: Sequence[tuple[int, int]]) -> Segments:
    """Return the bytes that pieces take at each time."""
    found: Segments = {}
    for piece, offset in side:
        each = intervals[piece]
        for time in range(each.first, each.last + 1):
            found.setdefault(time, []).append((offset, offset + each.bytes))
    for segments in found.values():
        segments.sort()
    return found
