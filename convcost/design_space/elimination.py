"""The best members of a sum of tables, by the elimination of one variable after the other.

A total is a sum of parts, each of which depends on few variables. Where two partial sums leave the same choice to the
variables that are still to come, and one is no better than the other in any column, then none of its completions is
better than the same completion of the other: it is discarded. What is left when all variables are gone is the exact
front, or the exact best few. Source: Bertelè and Brioschi 1972, Nonserial Dynamic Programming; Dechter 1999, Bucket
elimination.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from msgspec import Struct

from convcost.errors import ErrorDetail, OptionError

MOST_KEPT = 1_000_000  # partial sums kept at once
MOST_STATES = 1_000_000  # entries of a table

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


class Elimination:
    """The elimination of all variables.

    Args:
        columns: The columns.
        sizes: How many values each variable has.
        most: How many of the best are kept by a single goal; 1 keeps the front, one of each members with equal goals.
    """

    def __init__(self, columns: Sequence[SumColumn], sizes: Sequence[int], most: int = 1) -> None:
        self.columns = columns
        self.sizes = sizes
        self.most = most
        self.sums = 0
        self.width = len(columns)

    def best(self, tables: Iterable[SumTable]) -> list[Entry]:
        """Return the best entries of the sum of all tables that are within the limits."""
        pending = list(tables)
        if self.most == 1:
            pending = self._without_dominated_values(pending)
        left = {variable for table in pending for variable in table.scope}
        while left:
            variable = min(left, key=lambda each: (self._states(self._scope(each, pending)), each))
            left.remove(variable)
            chosen = [table for table in pending if variable in table.scope]
            pending = [table for table in pending if variable not in table.scope]
            pending.append(self._joined(chosen, self._scope(variable, chosen), (variable,), pending))
        return list(self._joined(pending, (), (), []).entries.get((), ()))

    def prune(self, entries: list[Entry], least: Sequence[int], largest: Sequence[int]) -> list[Entry]:
        """Return the entries that may be a part of the best.

        Args:
            entries: Entries that leave the same choices.
            least: What the rest of the sum adds to each column at least.
            largest: What it adds at most.
        """
        keys: list[tuple[tuple[int, ...], Entry]] = []
        limits = [
            (place, column.goal, column.limit - least[place], column.limit - largest[place])
            for place, column in enumerate(self.columns)
            if column.limit is not None
        ]
        width = self.width
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
        return [entry for _, entry in _undominated(keys, width, self.most)]

    def _joined(
        self, chosen: Sequence[SumTable], scope: tuple[int, ...], gone: tuple[int, ...], rest: Sequence[SumTable]
    ) -> SumTable:
        """Return the sum of tables with the best of the variables that go."""
        if self._states(scope) > MOST_STATES:
            raise too_large(f"{self._states(scope):,} combinations of {len(scope)} symbols in one part of the sum")
        least, largest = self._rest(rest)
        order = (*scope, *gone)
        places = [tuple([order.index(variable) for variable in table.scope]) for table in chosen]
        sizes = [range(self.sizes[variable]) for variable in order]
        found: dict[State, list[Entry]] = {}
        kept = 0
        inner = [range(self.sizes[variable]) for variable in gone]
        for state in product(*sizes[: len(scope)]):
            entries: list[Entry] = []
            for values in product(*inner):
                entries += self._sums([*state, *values], chosen, places, least, largest)
            entries = self.prune(entries, least, largest)
            if entries:
                found[state] = entries
                kept += len(entries)
                if kept > MOST_KEPT:
                    raise too_large(f"more than {MOST_KEPT:,} partial sums of which none is better than another")
        return SumTable(scope, found)

    def _sums(
        self,
        state: Sequence[int],
        chosen: Sequence[SumTable],
        places: Sequence[tuple[int, ...]],
        least: Sequence[int],
        largest: Sequence[int],
    ) -> list[Entry]:
        parts = []
        for table, place in zip(chosen, places, strict=True):
            part = table.entries.get(tuple([state[each] for each in place]))
            if part is None:
                return []
            parts.append(part)
        parts.sort(key=len)
        sums: list[Entry] = [(0,) * (self.width + 1)]
        for number, part in enumerate(parts):
            several = len(sums) > 1 and len(part) > 1
            sums = [tuple(map(sum, zip(one, other, strict=True))) for one in sums for other in part]
            self.sums += len(sums)
            if len(sums) > MOST_KEPT:
                raise too_large(f"more than {MOST_KEPT:,} partial sums of which none is better than another")
            if several and number + 1 < len(parts):
                # what the other parts here add is not known yet, so that no limit decides
                sums = [entry for _, entry in _undominated(sorted([(e[:-1], e) for e in sums]), self.width, self.most)]
        return sums

    def _rest(self, rest: Sequence[SumTable]) -> tuple[list[int], list[int]]:
        """Return the least and the greatest sum of tables in each column."""
        least, largest = [0] * self.width, [0] * self.width
        for table in rest:
            for place, column in enumerate(self.columns):
                if column.limit is not None:
                    values = [entry[place] for entries in table.entries.values() for entry in entries]
                    least[place] += min(values, default=0)
                    largest[place] += max(values, default=0)
        return least, largest

    def _without_dominated_values(self, tables: Sequence[SumTable]) -> list[SumTable]:
        """Return the tables without values of a variable that the first or last one equals or betters everywhere."""
        found = list(tables)
        for variable, size in enumerate(self.sizes):
            reading = [table for table in found if variable in table.scope]
            for extreme in dict.fromkeys((0, size - 1)):
                worse = [
                    value
                    for value in range(size)
                    if value != extreme and all(_is_worse(table, variable, value, extreme) for table in reading)
                ]
                if reading and worse:
                    gone = set(worse)
                    found = [_without(table, variable, gone) if variable in table.scope else table for table in found]
                    break
        return found

    def _scope(self, variable: int, tables: Iterable[SumTable]) -> tuple[int, ...]:
        """Return the other variables of the tables that read one."""
        scopes = [table.scope for table in tables if variable in table.scope]
        return tuple(sorted({other for scope in scopes for other in scope} - {variable}))

    def _states(self, scope: Iterable[int]) -> int:
        count = 1
        for variable in scope:
            count *= self.sizes[variable]
        return count


def too_large(found: str) -> OptionError:
    """Return the error that a search needs too much memory."""
    help = "fewer goals and limits, or fewer values; a metric that is both a goal and limited the other way needs most"
    return OptionError(ErrorDetail("the search is too large to be exact in memory", found=found, help=help))


def _is_worse(table: SumTable, variable: int, value: int, other: int) -> bool:
    """Return whether a value of a variable is nowhere better than another, in a table of one entry a state."""
    place = table.scope.index(variable)
    for state, entries in table.entries.items():
        if state[place] != value:
            continue
        instead = table.entries.get((*state[:place], other, *state[place + 1 :]))
        if instead is None or len(entries) > 1 or len(instead) > 1:
            return False
        if any(a < b for a, b in zip(entries[0][:-1], instead[0][:-1], strict=True)):
            return False
    return True


def _without(table: SumTable, variable: int, gone: set[int]) -> SumTable:
    place = table.scope.index(variable)
    return SumTable(table.scope, {state: each for state, each in table.entries.items() if state[place] not in gone})


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
