"""The best members of a sum of tables, by the elimination of one variable after the other.

A total is a sum of parts, each of which depends on few variables. Where two partial sums leave the same choice to the
variables that are still to come, and one is no better than the other in any column, then none of its completions is
better than the same completion of the other: it is discarded. What is left when all variables are gone is the exact
front, or the exact best few. Source: Bertelè and Brioschi 1972, Nonserial Dynamic Programming; Dechter 1999, Bucket
elimination.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from convcost.design_space.joins import Entry, SumColumn, SumJoin, SumTable, too_large

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_STATES = 1_000_000  # entries of a table


class Elimination:
    """The elimination of all variables.

    Args:
        columns: The columns.
        sizes: How many values each variable has.
        most: How many of the best are kept by a single goal; 1 keeps the front, one of each members with equal goals.
        pool: Any executor of `concurrent.futures`, to join large tables in parts.
    """

    def __init__(
        self, columns: Sequence[SumColumn], sizes: Sequence[int], most: int = 1, pool: Executor | None = None
    ) -> None:
        self.columns = columns
        self.sizes = sizes
        self.most = most
        self.sums = 0
        self.width = len(columns)
        self.pool = pool

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

    def _joined(
        self, chosen: Sequence[SumTable], scope: tuple[int, ...], gone: tuple[int, ...], rest: Sequence[SumTable]
    ) -> SumTable:
        """Return the sum of tables with the best of the variables that go."""
        if self._states(scope) > MOST_STATES:
            raise too_large(f"{self._states(scope):,} combinations of {len(scope)} symbols in one part of the sum")
        least, largest = self._rest(rest)
        order = (*scope, *gone)
        places = tuple([tuple([order.index(variable) for variable in table.scope]) for table in chosen])
        sizes = tuple([self.sizes[variable] for variable in order])
        join = SumJoin(self.columns, self.most, tuple(chosen), sizes, places, len(scope), least, largest)
        entries, sums = join.best(self.pool)
        self.sums += sums
        return SumTable(scope, entries)

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
