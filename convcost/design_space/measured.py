"""Columns of the user's own: joined to the points of a grid by the symbols' values, and the front by them.

What was not measured at a point is not known there: where such a column is a goal or limited, the points that have a
value in it are all that can be on the front, and each of them is looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from convcost.design_space.front import Front, FrontPoint, Goal, SearchEffort
from convcost.design_space.joins import SumColumn, pruned
from convcost.design_space.parts import GridEvaluator, GridPart, make_plan
from convcost.design_space.task import Measured, SweepLimit, SweepTask, Watch, reason_of
from convcost.errors import ConvcostError, ErrorDetail, OptionError
from convcost.network.dtypes import types_of


def join(
    file: str,
    symbols: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[tuple[int, tuple[Any, ...], tuple[Any, ...]]],
    task: SweepTask,
) -> Measured:
    """Return the rows of a file by the points that they are of.

    Args:
        file: Its name.
        symbols: The symbols that it has.
        columns: The columns of its numbers.
        rows: The line, the symbols' values and the numbers of each.
        task: The grid.

    Raises:
        OptionError: A symbol that varies is no column, two rows are of one point, or none is of any.
    """
    missing = [axis.name for axis in task.axes if axis.name not in symbols]
    if missing:
        without = f"{file}: no column {' and no column '.join(missing)}"
        message = "a CSV is joined by the values of all symbols that vary"
        raise OptionError(ErrorDetail(message, found=without, help="add the column, or --set one value"))
    places = [{_key(value): at for at, value in reversed([*enumerate(axis.values)])} for axis in task.axes]
    sources = [symbols.index(axis.name) for axis in task.axes]
    fixed = [(at, _key(task.fixed[name])) for at, name in enumerate(symbols) if name in task.fixed]
    found: dict[int, tuple[Any, ...]] = {}
    lines: dict[int, int] = {}
    for line, key, numbers in rows:
        ats = [place.get(_key(key[source])) for place, source in zip(places, sources, strict=True)]
        if None in ats or any(_key(key[at]) != value for at, value in fixed):
            continue
        index = 0
        for at, size in zip(ats, task.sizes, strict=True):
            index = index * size + at  # type: ignore[operator]  # none is None
        if index in found:
            message = "a point has one row in a CSV that is joined"
            raise OptionError(ErrorDetail(message, found=f"{file}: lines {lines[index]} and {line}"))
        found[index] = numbers
        lines[index] = line
    if not found:
        first = ", ".join(f"{name} = {value}" for name, value in zip(symbols, rows[0][1], strict=True)) if rows else ""
        shown = f"{file}: {len(rows):,} rows" + (f", the first with {first}" if first else "")
        message = "no row of the CSV is a point of the grid"
        raise OptionError(ErrorDetail(message, found=shown, help="the same values of the symbols in both"))
    return Measured(file, tuple(columns), found, len(rows), len(rows) - len(found))


def _key(value: Any) -> tuple[bool, Any]:
    return isinstance(value, bool), value  # true is not 1


def search_measured(
    task: SweepTask,
    title: str,
    goals: Sequence[Goal],
    limits: Sequence[SweepLimit],
    *,
    top: int | None,
    watch: Watch | None = None,
) -> Front:
    """Return the front, or the best points, among those that were measured.

    Args:
        task: The grid, with the columns of the user's own.
        title: The network's name.
        goals: What points are compared by; one where `top` says how many are the best.
        limits: What totals must satisfy.
        top: How many of the best points; None for the front.
        watch: Progress callback.

    Raises:
        OptionError: No point that was measured is valid.
    """
    measured = task.measured
    assert measured is not None
    evaluator = GridEvaluator(make_plan(task))
    invalid: Counter[str] = Counter()
    first: int | None = None
    rows: dict[int, tuple[Any, ...]] = {}
    asked = [*[goal.metric for goal in goals], *[limit.metric for limit in limits]]
    places = [task.columns.index(name) for name in asked]
    for index in sorted(measured.values):
        (outcome,) = evaluator.outcomes(GridPart(index, index + 1))
        if watch is not None:
            watch(1, len(measured.values))
        if isinstance(outcome, ConvcostError):
            invalid[reason_of(outcome)] += 1
            continue
        first = index if first is None else first
        row = task.row(index, outcome)
        if all(row[place] is not None for place in places):
            rows[index] = row
    if not rows:
        own = dict.fromkeys([name for name in asked if name in measured.columns])
        reasons = "; ".join(f"{count:,}: {reason}" for reason, count in invalid.most_common(5))
        found = reasons or f"no value of {' and '.join(own)} at any of them"
        message = f"none of {len(measured.values):,} measured points can be compared"
        raise OptionError(ErrorDetail(message, found=found))
    chosen = _chosen(task, rows, goals, limits, top or 1)
    miss = None if chosen else _point(task, *_nearest(task, rows, limits))
    points = tuple([_point(task, index, rows[index]) for index in chosen])
    assert first is not None
    network = task.build(task.settings(first), None)
    effort = SearchEffort(len(task), 0, 0, len(measured.values), dict(invalid.most_common()))
    warnings = tuple(network.warnings)
    return Front(
        title, task, tuple(goals), tuple(limits), top is None, points, miss, effort, types_of(network), warnings
    )


def _chosen(
    task: SweepTask,
    rows: Mapping[int, tuple[Any, ...]],
    goals: Sequence[Goal],
    limits: Sequence[SweepLimit],
    most: int,
) -> list[int]:
    """Return the points of a front, or the best, in the order of their goals."""
    signs = [(task.columns.index(goal.metric), -1 if goal.largest else 1) for goal in goals]
    bounds = [(task.columns.index(limit.metric), limit) for limit in limits]
    entries = [
        (*[sign * row[place] for place, sign in signs], index)
        for index, row in rows.items()
        if all(limit.holds(row[place]) for place, limit in bounds)
    ]
    width = [0] * len(goals)
    return [entry[-1] for entry in pruned(entries, [SumColumn(True) for _ in goals], most, width, width)]


def _nearest(
    task: SweepTask, rows: Mapping[int, tuple[Any, ...]], limits: Sequence[SweepLimit]
) -> tuple[int, tuple[Any, ...]]:
    """Return the point that exceeds limits least, by its largest share of a limit."""

    def excess(item: tuple[int, tuple[Any, ...]]) -> Fraction:
        shares = []
        for limit in limits:
            sign = 1 if limit.relation == "<=" else -1
            over = sign * (item[1][task.columns.index(limit.metric)] - limit.value)
            shares.append(Fraction(over) / max(1, abs(limit.value)))
        return max(shares, default=Fraction(0))

    return min(rows.items(), key=excess)


def _point(task: SweepTask, index: int, row: tuple[Any, ...]) -> FrontPoint:
    names = [axis.name for axis in task.axes]
    return FrontPoint(dict(zip(names, task.values(index), strict=True)), dict(zip(task.columns, row, strict=True)))
