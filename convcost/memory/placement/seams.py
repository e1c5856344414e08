"""Pieces joined where memory is full: what begins at a time takes exactly the place of what has ended.

Where an arena is full before and after a moment, what ends then leaves places that what begins fills without a gap. Of
pieces with sizes of their own it follows which of them: those with the same sum. So pieces are joined to rigid blocks
until nothing more follows; what is left to choose is how blocks lie to each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb
from random import Random

from convcost.memory.placement.intervals import Interval

Row = list[tuple[int, int]]
"""Pieces, and where each begins above the lowest of them."""

_MOST_SUMS = 5_000  # sums that are compared at one time: of more, two may be the same by chance
_MOST_PIECES = 8  # that end and begin at one time and have no smaller sets of equal sums
_MOST_REST = 7  # pieces that are left at a time of which all sums are looked at
_MOST_TRIED = 1_500  # arrangements of the pieces of a seam that are looked at
_MOST_CHOSEN = 50  # arrangements of the seam that is chosen among
_MOST_KEPT = 4  # arrangements of a seam that are kept; a seam with more waits


class Seam:
    """Pieces that end at a time, and those that begin there in their place."""

    def __init__(self, ended: Sequence[int], begun: Sequence[int]) -> None:
        self.ended = ended
        self.begun = begun
        self.members = (*ended, *begun)
        self.state: tuple[tuple[int, int], ...] = ()
        self.rows: list[Row] | None = None
        self.weight = 1  # how often nothing was left for it


def seams(intervals: Sequence[Interval], arena: int) -> Iterator[Seam]:
    """Return the seams of pieces in an arena, of each moment before and after which it is full."""
    count = max(each.last for each in intervals) + 1
    loads = [0] * count
    ended: list[list[int]] = [[] for _ in range(count + 1)]
    begun: list[list[int]] = [[] for _ in range(count + 1)]
    for index, each in enumerate(intervals):
        ended[each.last + 1].append(index)
        begun[each.first].append(index)
        for at in range(each.first, each.last + 1):
            loads[at] += each.bytes
    for at in range(1, count):
        if ended[at] and loads[at - 1] == arena == loads[at]:
            yield from _balanced(intervals, ended[at], begun[at])


def _balanced(intervals: Sequence[Interval], ended: Sequence[int], begun: Sequence[int]) -> Iterator[Seam]:
    """Return the smallest sets of equal sums among what ends and what begins."""
    while ended and begun:
        pair = _smallest(intervals, ended, begun)
        if pair is None:
            if len(ended) + len(begun) <= _MOST_PIECES:
                yield Seam(ended, begun)
            return
        yield Seam(*pair)
        ended = [piece for piece in ended if piece not in pair[0]]
        begun = [piece for piece in begun if piece not in pair[1]]


def _smallest(
    intervals: Sequence[Interval], ended: Sequence[int], begun: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the fewest pieces of equal sums; None where there are none among so few that it is no chance."""
    looked_at = 0
    for count in range(2, len(ended) + len(begun) + 1):
        for few in range(max(1, count - len(begun)), min(len(ended), count - 1) + 1):
            looked_at += comb(len(ended), few) * comb(len(begun), count - few)
            if looked_at > _MOST_SUMS:
                return None
            sums = {sum(intervals[piece].bytes for piece in chosen): chosen for chosen in combinations(ended, few)}
            for chosen in combinations(begun, count - few):
                if (total := sum(intervals[piece].bytes for piece in chosen)) in sums:
                    return sums[total], chosen
    return None


class Blocks:
    """Pieces in blocks, whose members are at fixed distances from each other; joins can be taken back.

    Args:
        intervals: The pieces.
        arena: The bytes of the arena, beyond which no block is high.
    """

    def __init__(self, intervals: Sequence[Interval], arena: int) -> None:
        self.intervals = intervals
        self.arena = arena
        self.block = [*range(len(intervals))]
        self.offsets = [0] * len(intervals)
        self.members = [[index] for index in range(len(intervals))]
        self.versions = [0] * len(intervals)
        self.version = 0
        self.joined: list[tuple[int, int, int, int, int]] = []
        self.at: list[dict[int, list[int]]] = [  # the members of each block at each time
            {time: [index] for time in range(each.first, each.last + 1)} for index, each in enumerate(intervals)
        ]
        self.alive: list[list[int]] = [[] for _ in range(max(each.last for each in intervals) + 1)]
        for index, at in enumerate(self.at):
            for time in at:
                self.alive[time].append(index)
        self.is_full = [sum(intervals[piece].bytes for piece in pieces) == arena for pieces in self.alive]
        self.sums: dict[tuple[int, ...], set[int]] = {}  # of pieces that are left at a time

    def join_row(self, row: Row) -> bool:
        """Join the pieces of a row; return whether they are free to lie so."""
        (first, begin), *rest = row
        return all(self._join(first, other, offset - begin) for other, offset in rest)

    def agrees(self, row: Row, piece: int, offset: int) -> bool:
        """Return whether a piece may lie so beside those of a row, as far as they are joined already."""
        block, place = self.block[piece], self.offsets[piece] - offset
        return all(self.block[other] != block or self.offsets[other] - at == place for other, at in row)

    def take_back(self, count: int) -> None:
        """Take joins back until so many are left."""
        while len(self.joined) > count:
            large, small, size, shift, version = self.joined.pop()
            for piece in self.members[large][size:]:
                self.block[piece] = small
                self.offsets[piece] -= shift
            del self.members[large][size:]
            for time, pieces in self.at[small].items():
                kept = len(self.at[large][time]) - len(pieces)
                del self.at[large][time][kept:]
            self.versions[large] = version

    def _join(self, one: int, other: int, distance: int) -> bool:
        large, small = self.block[one], self.block[other]
        if large == small:
            return self.offsets[other] - self.offsets[one] == distance
        if len(self.members[large]) < len(self.members[small]):
            one, other, large, small, distance = other, one, small, large, -distance
        shift = self.offsets[one] + distance - self.offsets[other]
        if not self._has_room(large, small, shift):
            return False
        self.joined.append((large, small, len(self.members[large]), shift, self.versions[large]))
        for piece in self.members[small]:
            self.block[piece] = large
            self.offsets[piece] += shift
        self.members[large].extend(self.members[small])
        for time, pieces in self.at[small].items():
            self.at[large].setdefault(time, []).extend(pieces)
        self.version += 1
        self.versions[large] = self.version
        return True

    def _has_room(self, large: int, small: int, shift: int) -> bool:
        """Return whether two blocks lie side by side at all times."""
        intervals, offsets = self.intervals, self.offsets
        beside = self.at[large]
        for time, pieces in self.at[small].items():
            others = beside.get(time)
            if not others:
                continue
            taken = [(offsets[piece] + shift, intervals[piece].bytes) for piece in pieces]
            taken += [(offsets[piece], intervals[piece].bytes) for piece in others]
            taken.sort()
            if taken[-1][0] + taken[-1][1] - taken[0][0] > self.arena:
                return False
            end = taken[0][0]
            for begin, size in taken:
                if begin < end or (begin > end and not self._can_fill(time, begin - end, (*pieces, *others))):
                    return False
                end = begin + size
        return True

    def _can_fill(self, time: int, hole: int, placed: Sequence[int]) -> bool:
        """Return whether pieces of a full time that are not placed have a sum."""
        alive = self.alive[time]
        if not self.is_full[time] or len(alive) - len(placed) > _MOST_REST:
            return True
        rest = tuple([piece for piece in alive if piece not in placed])
        if rest not in self.sums:
            sums = {0}
            for piece in rest:
                sums |= {total + self.intervals[piece].bytes for total in sums}
            self.sums[rest] = sums
        return hole in self.sums[rest]


class SeamSearch:
    """Joins pieces to blocks along seams: those with a single arrangement first, then those with the fewest.

    Args:
        intervals: The pieces, compressed.
        arena: The bytes of the arena.
        seed: In which order arrangements are tried; 0 for the order of the pieces.
    """

    def __init__(self, intervals: Sequence[Interval], arena: int, seed: int = 0) -> None:
        self.blocks = Blocks(intervals, arena)
        self.random = Random(seed) if seed else None
        self.seams = [*seams(intervals, arena)]

    def search(self, runs: int = 40, most: int = 300) -> bool:
        """Return whether all seams are joined.

        A run that makes too many choices begins anew, with the seams first that made trouble (Boussemart et al. 2004,
        "Boosting systematic search by weighting constraints").

        Args:
            runs: How many runs there are.
            most: How many choices each makes.
        """
        for _ in range(runs):
            if self._run(most):
                return True
            self.blocks.take_back(0)
        return False

    def _run(self, most: int) -> bool:
        open_: list[tuple[int, list[Row], list[Seam]]] = []
        left = self._follow(self.seams)
        while most:
            most -= 1
            if left is None:
                while open_ and not open_[-1][1]:
                    open_.pop()
                if not open_:
                    return False
                count, rows, rest = open_[-1]
                self.blocks.take_back(count)
                left = self._follow(rest) if self.blocks.join_row(rows.pop()) else None
                continue
            ready = [seam for seam in left if seam.rows]
            if not ready:
                return True
            chosen = min(ready, key=lambda seam: len(seam.rows or ()) / seam.weight)
            rows = [*(chosen.rows or ())]
            if len(rows) == _MOST_KEPT:
                rows = self._arranged(chosen, _MOST_CHOSEN) or rows
            rows.reverse()
            if self.random is not None:
                self.random.shuffle(rows)
            open_.append((len(self.blocks.joined), rows, [seam for seam in left if seam is not chosen]))
            left = None
        return False

    def _follow(self, left: Sequence[Seam]) -> list[Seam] | None:
        """Join all seams with a single arrangement; return those that are left, None where one has none."""
        while True:
            rest: list[Seam] = []
            for seam in left:
                rows = self._rows(seam)
                if rows is None or len(rows) > 1:
                    rest.append(seam)
                elif not rows or not self.blocks.join_row(rows[0]):
                    seam.weight += 1
                    return None
            if len(rest) == len(left):
                return rest
            left = rest

    def _rows(self, seam: Seam) -> list[Row] | None:
        """Return the arrangements of a seam that are free, at most a few; None where there are too many to look at."""
        blocks = self.blocks
        state = tuple([(blocks.block[piece], blocks.versions[blocks.block[piece]]) for piece in seam.members])
        if seam.state != state:
            seam.state, seam.rows = state, self._arranged(seam, _MOST_KEPT)
        return seam.rows

    def _arranged(self, seam: Seam, most: int) -> list[Row] | None:
        blocks, intervals = self.blocks, self.blocks.intervals
        found: list[Row] = []
        tried = 0
        open_: list[Row] = [[]]
        while open_ and len(found) < most:
            row = open_.pop()
            tried += 1
            if tried > _MOST_TRIED:
                return None
            if len(row) == len(seam.members):
                count = len(blocks.joined)
                if blocks.join_row(row):
                    found.append(row)
                blocks.take_back(count)
                continue
            side = seam.ended if len(row) < len(seam.ended) else seam.begun
            own = row if side is seam.ended else row[len(seam.ended) :]
            offset = own[-1][1] + intervals[own[-1][0]].bytes if own else 0
            taken = {piece for piece, _ in own}
            open_ += [
                [*row, (piece, offset)] for piece in side if piece not in taken and blocks.agrees(row, piece, offset)
            ]
        return found
