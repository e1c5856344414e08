"""An exact search for a placement in an arena that is full at all times.

What begins at a moment takes exactly the places of what ends: each place that becomes free is filled without a gap by
pieces of the same sum. Which pieces that are follows from their sizes, mostly: few sets have equal sums. In which order
they lie stays open until something demands it: that pieces end together which one place is made of. So what is kept is
no placement but all orders from below that are possible, as a tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb

from convcost.memory.placement.intervals import Interval
from convcost.memory.placement.orders import Orders, any_order, consecutive, pieces_of, replaced, sorted_by

Seam = tuple[frozenset[int], tuple[int, ...]]
"""Pieces that end at a moment side by side, and those that begin in their place."""
Step = tuple[Orders, Orders, list[Seam]]
"""The orders of what lives before a moment and after it, and the seams between."""

_WAYS = ((6, 3), (12, 4), (8, 4))
"""How many pieces that end, or begin, at one moment are few enough for all sums; and of how many sums are looked at
where there are more, one way after the other."""


class FullArena:
    """The search for a placement without a gap.

    Args:
        intervals: The pieces, compressed, which fill the arena at all times.
    """

    def __init__(self, intervals: Sequence[Interval]) -> None:
        self.intervals = intervals
        count = max(each.last for each in intervals) + 1
        self.ended: list[list[int]] = [[] for _ in range(count + 1)]
        self.begun: list[list[int]] = [[] for _ in range(count + 1)]
        for index, each in enumerate(intervals):
            self.ended[each.last + 1].append(index)
            self.begun[each.first].append(index)
        alive = [sum([each.first <= at <= each.last for each in intervals]) for at in range(count)]
        self.most_alive = max(alive)
        self.way = _WAYS[0]
        self.left = 0  # sets of pieces to look at
        self.moments = [at for at in range(1, count) if self.ended[at] or self.begun[at]]

    def search(self, most: int) -> list[int] | None:
        """Return the offsets of a placement; None where there is none, or it is not found.

        Args:
            most: How many sets of pieces are looked at in each way.
        """
        for way in _WAYS:
            self.way, self.left = way, most
            found = self._search()
            if found is not None:
                return found
        return None

    def _search(self) -> list[int] | None:
        start = any_order(self.begun[0])
        taken: list[Step] = []
        open_ = [self._steps(start, 0)]
        while open_:
            step = next(open_[-1], None)
            if step is None:
                open_.pop()
                if taken:
                    taken.pop()
                continue
            taken.append(step)
            if len(taken) > len(self.moments):
                return self._offsets(taken)
            open_.append(self._steps(step[1], len(taken)))
        return None

    def _steps(self, orders: Orders, number: int) -> Iterator[Step]:
        """Return the steps over a moment; behind the last one the step to the end."""
        if number == len(self.moments):
            yield orders, orders, []
            return
        at = self.moments[number]
        for before, seams in self._seams(orders, frozenset(self.ended[at]), frozenset(self.begun[at])):
            after = before
            for ended, begun in seams:
                after = replaced(after, ended, any_order(begun))
            yield before, after, seams

    def _seams(
        self, orders: Orders, ended: frozenset[int], begun: frozenset[int]
    ) -> Iterator[tuple[Orders, list[Seam]]]:
        """Return the ways in which what ends can be filled, each with the orders in which that is possible."""
        if not ended:
            if not begun:
                yield orders, []
            return
        for old, new in self._pairs(ended, begun):
            self.left -= self.most_alive  # the time that a set takes in these orders
            if self.left < 0:
                return
            fewer = consecutive(orders, old)
            if fewer is not None:
                for rest, seams in self._seams(fewer, ended - old, begun - new):
                    yield rest, [(old, tuple(sorted(new))), *seams]

    def _pairs(self, ended: frozenset[int], begun: frozenset[int]) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
        """Return sets of pieces that end and that begin with equal sums, those of few pieces first.

        Of not too many pieces these are all sets with the first piece that ends, so that no way is met twice.
        """
        are_few = max(len(ended), len(begun)) <= self.way[0]
        most = self.way[0] if are_few else self.way[1]
        first = min(ended)
        olds = self._subsets([first, *sorted(ended - {first})], most)
        news = self._subsets(sorted(begun), most)
        for size in range(2, 2 * most + 1):
            for few in range(max(1, size - most), min(most, size - 1) + 1):
                if few >= len(olds) or size - few >= len(news):
                    continue
                for total, sets in olds[few].items():
                    for new in news[size - few].get(total, ()):
                        yield from ((old, new) for old in sets if first in old or not are_few)
        if not are_few:
            yield ended, begun

    def _subsets(self, pieces: Sequence[int], most: int) -> list[dict[int, list[frozenset[int]]]]:
        """Return the sets of up to so many pieces, by how many there are and by their sums."""
        found: list[dict[int, list[frozenset[int]]]] = []
        for count in range(min(most, len(pieces)) + 1):
            sets: dict[int, list[frozenset[int]]] = {}
            self.left -= comb(len(pieces), count)
            if self.left < 0:
                return found
            for chosen in combinations(pieces, count):
                sets.setdefault(sum([self.intervals[piece].bytes for piece in chosen]), []).append(frozenset(chosen))
            found.append(sets)
        return found

    def _offsets(self, taken: Sequence[Step]) -> list[int]:
        """Return the offset of each piece: of those at the end in one of the orders, of others back in time."""
        offsets: dict[int, int] = {}
        self._lay(offsets, pieces_of(taken[-1][0]), 0)
        for before, _, seams in reversed(taken[:-1]):
            place = dict(offsets)
            for ended, begun in seams:
                place |= dict.fromkeys(ended, min(offsets[piece] for piece in begun))
            row = sorted_by(before, place)
            for ended, begun in seams:
                begin = min(offsets[piece] for piece in begun)
                self._lay(offsets, (piece for piece in row if piece in ended), begin)
        return [offsets[index] for index in range(len(self.intervals))]

    def _lay(self, offsets: dict[int, int], pieces: Iterator[int], offset: int) -> None:
        """Lay pieces on each other from an offset on."""
        for piece in pieces:
            offsets[piece] = offset
            offset += self.intervals[piece].bytes


def fillers(loads: Sequence[int], arena: int) -> list[Interval]:
    """Return pieces for what is free at each time, so that an arena is full at all times.

    What becomes free at a time and is taken at a later one, as many bytes, is one piece; else what has become free last
    is taken first.

    >>> fillers([8, 5, 5, 8, 6], 8)
    [Interval(bytes=3, first=1, last=2), Interval(bytes=2, first=4, last=4)]
    >>> fillers([6, 3, 7, 8], 8)
    [Interval(bytes=3, first=1, last=1), Interval(bytes=1, first=0, last=1), Interval(bytes=1, first=0, last=2)]
    """
    found: list[Interval] = []
    free: list[tuple[int, int]] = []  # the bytes, and since when
    before = 0
    for at, load in enumerate([*loads, arena]):
        left = before - (arena - load)  # what is taken
        before = arena - load
        if left < 0:
            free.append((-left, at))
            continue
        same = next((each for each in reversed(free) if each[0] == left), None)
        if same is not None:
            free.remove(same)
            found.append(Interval(left, same[1], at - 1))
            continue
        while left:
            size, since = free.pop()
            found.append(Interval(min(size, left), since, at - 1))
            if size > left:
                free.append((size - left, since))
            left -= min(size, left)
    return found
