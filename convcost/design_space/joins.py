"""The sum of some tables in which variables are chosen, worked out in parts.

A part is a range of the combinations of all variables that the tables read. Its result depends on nothing else, so that
parts may be done anywhere; of a state that lies in two parts, the partial sums of both are compared again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from convcost.errors import ErrorDetail, OptionError
from convcost.parallel.completion import completed

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_KEPT = 1_000_000  # partial sums kept at once
_PART_SUMS = 200_000  # partial sums of a part, about: some tenths of a second
_WORTH = 50_000  # partial sums for which others are asked

Entry = tuple[int, ...]
"""The value of each column, all to be small, and the number of the point, as far as it is chosen."""

State = tuple[int, ...]


class SumColumn(Struct, frozen=True):
    """A column of the entries.

    Attributes:
        goal: Whether points are compared by it; else only its limit matters.
        limit: What its total must not exceed; None for any.
    """

    goal: bool
    limit: Any = None


class SumTable(Struct, frozen=True):
    """A part of the sum.

    Attributes:
        scope: The variables on which it depends, in ascending order.
        entries: The entries of each combination of their values; a combination that is missing is not allowed.
    """

    scope: tuple[int, ...]
    entries: Mapping[State, Sequence[Entry]]


class JoinedPart(Struct, frozen=True):
    """The result of a part.

    Attributes:
        entries: The best entries of each state that has some, by its number.
        sums: How many partial sums were compared.
    """

    entries: list[tuple[int, list[Entry]]]
    sums: int


class SumJoin(Struct, frozen=True):
    """The sum of some tables, and the best of the variables that go.

    Attributes:
        columns: The columns.
        most: How many of the best are kept.
        tables: The tables.
        sizes: How many values each variable has, those that stay before those that go.
        places: For each table, where its variables stand among these.
        outer: How many variables stay.
        least: What the rest of the sum adds to each column at least.
        largest: What it adds at most.
    """

    columns: Sequence[SumColumn]
    most: int
    tables: tuple[SumTable, ...]
    sizes: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    outer: int
    least: Sequence[int]
    largest: Sequence[int]

    def best(self, pool: Executor | None) -> tuple[dict[State, list[Entry]], int]:
        """Return the best entries of each state that has some, and how many partial sums were compared.

        Args:
            pool: Any executor of `concurrent.futures`, where it is worth it.

        Raises:
            OptionError: There are too many.
        """
        found: dict[int, list[Entry]] = {}
        sums = kept = 0
        last = -1  # the only state that may be incomplete
        others = pool if prod(self.sizes) * self._sums_of_one() > _WORTH else None
        for _, joined in completed(joined_part, self, self._parts(), others):
            sums += joined.sums
            for state, entries in joined.entries:
                if state == last:
                    kept -= len(found[state])
                    entries = self.pruned(found[state] + entries)
                found[state] = entries
                kept += len(entries)
                if kept - len(entries) > MOST_KEPT:
                    raise too_many_sums()
                last = state
        if kept > MOST_KEPT:
            raise too_many_sums()
        inner = prod(self.sizes[self.outer :])
        return {self._values(state * inner)[: self.outer]: entries for state, entries in found.items()}, sums

    def pruned(self, entries: list[Entry]) -> list[Entry]:
        """Return the entries of a state that may be a part of the best."""
        return pruned(entries, self.columns, self.most, self.least, self.largest)

    def sums(self, number: int) -> tuple[list[Entry], int]:
        """Return the sums of the tables' entries at a combination, and how many were made."""
        values = self._values(number)
        parts = []
        for table, place in zip(self.tables, self.places, strict=True):
            part = table.entries.get(tuple([values[each] for each in place]))
            if part is None:
                return [], 0
            parts.append(part)
        parts.sort(key=len)
        width = len(self.columns)
        sums: list[Entry] = [(0,) * (width + 1)]
        made = 0
        for turn, part in enumerate(parts):
            several = len(sums) > 1 and len(part) > 1
            sums = [tuple(map(sum, zip(one, other, strict=True))) for one in sums for other in part]
            made += len(sums)
            if len(sums) > MOST_KEPT:
                raise too_many_sums()
            if several and turn + 1 < len(parts):
                # what the other parts here add is not known yet, so that no limit decides
                keys = sorted([(entry[:-1], entry) for entry in sums])
                sums = [entry for _, entry in _undominated(keys, width, self.most)]
        return sums, made

    def _parts(self) -> Iterator[tuple[int, int]]:
        """Yield ranges of combinations, each of about as many partial sums."""
        size = max(1, int(_PART_SUMS / self._sums_of_one()))
        count = prod(self.sizes)
        for start in range(0, count, size):
            yield start, min(count, start + size)

    def _sums_of_one(self) -> float:
        """Estimate how many partial sums a combination has."""
        means = [sum(map(len, table.entries.values())) / max(1, len(table.entries)) for table in self.tables]
        return max(1, prod(means))

    def _values(self, number: int) -> tuple[int, ...]:
        """Return the values of the variables in a combination."""
        values = []
        for size in reversed(self.sizes):
            number, value = divmod(number, size)
            values.append(value)
        return tuple(reversed(values))


def joined_part(join: SumJoin, part: tuple[int, int]) -> JoinedPart:
    """Return the best entries of the states in a range of combinations."""
    inner = prod(join.sizes[join.outer :])
    start, end = part
    found = []
    sums = 0
    while start < end:
        state = start // inner
        entries: list[Entry] = []
        for number in range(start, start := min(end, (state + 1) * inner)):
            made, count = join.sums(number)
            entries += made
            sums += count
        entries = join.pruned(entries)
        if entries:
            found.append((state, entries))
    return JoinedPart(found, sums)


def pruned(
    entries: Sequence[Entry], columns: Sequence[SumColumn], most: int, least: Sequence[int], largest: Sequence[int]
) -> list[Entry]:
    """Return the entries that may be a part of the best.

    Args:
        entries: Entries that leave the same choices.
        columns: The columns.
        most: How many of the best are kept.
        least: What the rest of the sum adds to each column at least.
        largest: What it adds at most.
    """
    keys: list[tuple[tuple[int, ...], Entry]] = []
    limits = [
        (place, column.goal, column.limit - least[place], column.limit - largest[place])
        for place, column in enumerate(columns)
        if column.limit is not None
    ]
    width = len(columns)
    for entry in entries:
        key = entry[:width]
        for place, goal, possible, certain in limits:
            if entry[place] > possible:
                break
            if not goal and entry[place] < certain:  # within the limit whatever comes
                key = (*key[:place], certain, *key[place + 1 :])
        else:
            keys.append((key, entry))
    keys.sort()
    return [entry for _, entry in _undominated(keys, width, most)]


def too_large(found: str) -> OptionError:
    """Return the error that a search needs too much memory."""
    help = "fewer goals and limits, or fewer values; a metric that is both a goal and limited the other way needs most"
    return OptionError(ErrorDetail("the search is too large to be exact in memory", found=found, help=help))


def too_many_sums() -> OptionError:
    """Return the error that a search keeps too many partial sums."""
    return too_large(f"more than {MOST_KEPT:,} partial sums of which none is better than another")


def _undominated(
    keys: Sequence[tuple[tuple[int, ...], Entry]], width: int, most: int
) -> Iterator[tuple[tuple[int, ...], Entry]]:
    """Yield those of sorted keys that fewer than `most` others equal or better in every column."""
    if width == 0 or width == 1:
        yield from keys[:most]
    elif width == 2 and most == 1:
        lowest = None
        for key, entry in keys:
            if lowest is None or key[1] < lowest:
                lowest = key[1]
                yield key, entry
    else:
        yield from _skyband(keys, most)


def _skyband(keys: Sequence[tuple[tuple[int, ...], Entry]], most: int) -> Iterator[tuple[tuple[int, ...], Entry]]:
    """Yield the same for any number of columns: those before in the order are the only ones that can be better."""
    kept: list[tuple[int, ...]] = []
    for key, entry in keys:
        better = 0
        tail = key[1:]
        for other in kept:
            if all(a <= b for a, b in zip(other, tail, strict=True)):
                better += 1
                if better == most:
                    break
        else:
            kept.append(tail)
            yield key, entry
