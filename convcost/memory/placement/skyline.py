"""An exact search for a placement in an arena of a given size: from the bottom up, always at the lowest place."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from convcost.memory.placement.intervals import Interval

Move = tuple[tuple[float, ...], int, int, int, int, int]
"""How good it seems, the piece, where the waste and the piece begin, the height there, and how high the waste is."""


class Skyline:
    """Places pieces in an arena from the bottom up.

    Above each time there is a height up to which the arena is decided. The lowest of these places is decided next: a
    piece lies there, or the place stays empty up to its lower neighbour. Any placement becomes one of these where each
    piece sinks as low as it can. What stays empty at a time is bounded by the arena less what lives then, so that
    most choices are soon refuted.

    Args:
        intervals: The pieces, compressed.
        arena: The bytes of the arena; not less than live at any time.
        seed: Which of several choices that seem as good comes first; 0 for the longest.
    """

    def __init__(self, intervals: Sequence[Interval], arena: int, seed: int = 0) -> None:
        self.intervals = intervals
        self.arena = arena
        count = max(each.last for each in intervals) + 1
        self.heights = [0] * count
        self.room = [arena] * count  # what may stay empty at each time
        self.begins: list[list[int]] = [[] for _ in range(count)]
        for index, each in enumerate(intervals):
            self.begins[each.first].append(index)
            for at in range(each.first, each.last + 1):
                self.room[at] -= each.bytes
        random = Random(seed)
        self.weights = [1 - 0.3 * random.random() if seed else 1.0 for _ in intervals]
        self.placed = [False] * len(intervals)
        self.offsets = [0] * len(intervals)

    def search(self, most: int) -> list[int] | None:
        """Return the offsets of a placement; None where there is none, or it is not found in so many steps."""
        left = len(self.intervals)
        open_: list[tuple[list[Move], Move | None]] = [(self._moves(), None)]
        while open_:
            moves, made = open_[-1]
            if moves and most:
                most -= 1
                move = moves.pop()
                self._make(move)
                left -= move[1] >= 0
                if not left:
                    return self.offsets
                open_.append((self._moves(), move))
                continue
            if not most:
                return None
            open_.pop()
            if made is not None:
                self._take_back(made)
                left += made[1] >= 0
        return None

    def _moves(self) -> list[Move]:
        """Return the moves at the lowest place, the best last."""
        heights, count = self.heights, len(self.heights)
        height = min(heights)
        begin = heights.index(height)
        end = begin
        while end < count and heights[end] == height:
            end += 1
        left = heights[begin - 1] if begin else self.arena
        right = heights[end] if end < count else self.arena
        found: list[Move] = []
        room = self.arena
        seen = set()
        for at in range(begin, end):
            for index in self.begins[at]:
                each = self.intervals[index]
                waste = min(left - height, each.bytes) if at > begin else 0
                if self.placed[index] or each.last >= end or waste > room or (at, each.last, each.bytes) in seen:
                    continue
                seen.add((at, each.last, each.bytes))
                top = height + each.bytes
                flush = (at == begin) + (each.last == end - 1)
                flush += (at == begin and top == left) + (each.last == end - 1 and top == right)
                length = (each.last - at + 1) * self.weights[index]
                rank = (waste * (at - begin) / self.arena, -flush, -length, -each.bytes)
                found.append((rank, index, begin, at, height, waste))
            room = min(room, self.room[at])
        waste = min(left, right) - height
        if 0 < waste <= room:
            found.append(((waste * (end - begin) / self.arena, 9), -1, begin, end, height, waste))
        found.sort(reverse=True)
        return found

    def _make(self, move: Move) -> None:
        _, index, begin, at, height, waste = move
        for time in range(begin, at):
            self.heights[time] = height + waste
            self.room[time] -= waste
        if index >= 0:
            each = self.intervals[index]
            self.placed[index] = True
            self.offsets[index] = height
            top = height + each.bytes
            for time in range(each.first, each.last + 1):
                self.heights[time] = top

    def _take_back(self, move: Move) -> None:
        _, index, begin, at, height, waste = move
        for time in range(begin, at):
            self.heights[time] = height
            self.room[time] += waste
        if index >= 0:
            each = self.intervals[index]
            self.placed[index] = False
            for time in range(each.first, each.last + 1):
                self.heights[time] = height
