"""The exact Pareto front of a design space of any size, or its best few points, within limits.

A network's total is a sum of parts, each of few symbols: a layer's cost depends on the widths beside it, and on the
resolution. So the points need not be listed. See `cover` for where formulas hold, `regions` for the parts, and
`elimination` for how partial sums are discarded that cannot be a part of anything that is better.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from convcost.cost.analysis import Analysis
from convcost.design_space.cover import GridCover
from convcost.design_space.elimination import Elimination
from convcost.design_space.joins import Entry, SumColumn, pruned
from convcost.design_space.regions import tables, totals_at
from convcost.design_space.task import SweepLimit, SweepTask, analysed, as_number, plain
from convcost.errors import ConvcostError, ErrorDetail, OptionError, WarningDetail
from convcost.network.dtypes import types_of
from convcost.reports.result import Result

if TYPE_CHECKING:
    from concurrent.futures import Executor

_CONFIRMED = 16  # points whose totals are compared with an analysis of their own


class Goal(Struct, frozen=True):
    """A metric to compare points by, and whether its largest value is the best."""

    metric: str
    largest: bool = False

    def __str__(self) -> str:
        return f"{self.metric}, the largest" if self.largest else self.metric


class FrontPoint(Struct, frozen=True):
    """A point: the values of the symbols that vary, and its totals by name."""

    values: Mapping[str, Any]
    totals: Mapping[str, Any]


class SearchEffort(Struct, frozen=True):
    """How the points of a grid were decided.

    Attributes:
        points: How many there are.
        formulas: How many sets of formulas hold in parts of it.
        sums: How many partial sums were compared.
        analysed: How many points were analysed by themselves.
        invalid: How many points were found not to be valid, by the reason.
    """

    points: int
    formulas: int
    sums: int
    analysed: int
    invalid: Mapping[str, int]


class Front(Result, frozen=True):
    """The best points of a design space.

    Attributes:
        name: The network's name.
        task: The grid.
        goals: What points are compared by.
        limits: What their totals satisfy.
        is_front: Whether it is a front, not the best few by one goal.
        points: The points: of a front those that no other equals or betters in all goals, one of each with equal ones.
        miss: Where no point is within the limits, the one that exceeds them least, by its largest share of a limit.
        effort: How the points were decided.
        types: The types of its numbers by what has them.
        warnings: What is valid in the spec and rarely meant.
    """

    shown_by: ClassVar[str] = "convcost.design_space.front_report:FrontReport"
    charts: ClassVar[Mapping[str, str]] = {"front": "convcost.design_space.chart:front_chart"}

    name: str
    task: SweepTask
    goals: tuple[Goal, ...]
    limits: tuple[SweepLimit, ...]
    is_front: bool
    points: tuple[FrontPoint, ...]
    miss: FrontPoint | None
    effort: SearchEffort
    types: Mapping[str, Sequence[str]] = {}
    warnings: tuple[WarningDetail, ...] = ()

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports.table import counted, safe

        what = "on the front" if self.is_front else "the best"
        found = f"{counted(len(self.points), 'point')} {what} of {self.effort.points:,}"
        return f"{safe(self.name or 'network')}: {found} by {' and '.join(map(str, self.goals))}"

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.cost.documents import types_document
        from convcost.documents import design_space as documents
        from convcost.documents.warnings import warning_documents

        return documents.FrontDocument(
            network=self.name or None,
            axes={axis.name: [*map(plain, axis.values)] for axis in self.task.axes},
            fixed={name: plain(value) for name, value in self.task.fixed.items()},
            goals={goal.metric: "max" if goal.largest else "min" for goal in self.goals},
            limits=[f"{each.metric} {each.relation} {plain(each.value)}" for each in self.limits],
            is_front=self.is_front,
            points=[_row(point) for point in self.points],
            miss=None if self.miss is None else _row(self.miss),
            effort=documents.SearchEffortDocument(
                points=self.effort.points,
                formulas=self.effort.formulas,
                sums=self.effort.sums,
                analysed=self.effort.analysed,
                invalid=dict(self.effort.invalid),
            ),
            dtype=types_document(self.types),
            warnings=warning_documents(self.warnings),
        )


def search(
    task: SweepTask,
    title: str,
    goals: Sequence[Goal],
    limits: Sequence[SweepLimit],
    repetitions: Collection[str],
    *,
    top: int | None,
    max_points: int,
    pool: Executor | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> Front:
    """Return the exact front of a grid, or its best points.

    Args:
        task: The grid; its metrics are shown.
        title: The network's name.
        goals: What points are compared by; one where `top` says how many are the best.
        limits: What totals must satisfy, by `<=` and `>=`.
        repetitions: The symbols that are nothing but numbers of repetitions.
        top: How many of the best points; None for the front.
        max_points: How many points may be analysed one by one, where no formula holds.
        pool: Any executor of `concurrent.futures`, for large sums and points that are analysed one by one.
        watch: Progress callback.

    Raises:
        OptionError: No point is valid, or too many must be analysed or held in memory.
    """
    cover = GridCover(task, repetitions, max_points, watch, pool)
    if cover.network is None:
        first, last = (analysed(task, index) for index in (0, len(task) - 1))
        if isinstance(first, ConvcostError) and str(first) == str(last):
            raise first  # it is none of the values
        found = "; ".join(f"{count:,}: {reason}" for reason, count in cover.invalid.most_common(5))
        raise OptionError(ErrorDetail(f"none of {len(task):,} points is a valid network", found=found))
    searcher = _Searcher(cover, pool)
    columns = [(task.metrics.index(goal.metric), -1 if goal.largest else 1) for goal in goals]
    bounds = _bounds(task, limits)
    entries = searcher.best([*columns], bounds, top or 1)
    miss = None
    if not entries and bounds:
        entries, miss = [], searcher.nearest(bounds)
    points = tuple([searcher.point(index) for _, index in entries])
    searcher.confirm([*points[: _CONFIRMED - 1], *points[_CONFIRMED - 1 :][-1:]] if miss is None else [miss])
    effort = SearchEffort(
        len(task), len(cover.regions), searcher.sums, cover.analysed, dict(cover.invalid.most_common())
    )
    return Front(
        title,
        task,
        tuple(goals),
        tuple(limits),
        top is None,
        points,
        miss,
        effort,
        types=types_of(cover.network),
        warnings=tuple(cover.network.warnings),
    )


_ColumnKey = tuple[int, int]
"""The place of a metric, and −1 where it is to be large, else 1."""

_Best = tuple[tuple[Any, ...], int]
"""The goals of a point, all to be small, and its number."""


def _bounds(task: SweepTask, limits: Sequence[SweepLimit]) -> dict[_ColumnKey, Any]:
    """Return the limits as what columns must not exceed: a lower limit is an upper one of the negative."""
    found: dict[_ColumnKey, Any] = {}
    for limit in limits:
        sign = 1 if limit.relation == "<=" else -1
        key = (task.metrics.index(limit.metric), sign)
        found[key] = min(found.get(key, sign * limit.value), sign * limit.value)
    return found


class _Searcher:
    """The search in all parts of a cover."""

    def __init__(self, cover: GridCover, pool: Executor | None) -> None:
        self.cover = cover
        self.pool = pool
        self.task = cover.task
        self.sums = 0
        self.known = dict(cover.points)
        self._regions: dict[int, int] = {}

    def best(self, goals: Sequence[_ColumnKey], bounds: Mapping[_ColumnKey, Any], most: int) -> list[_Best]:
        """Return the goals and the number of each of the best points, in the order of their goals."""
        keys = list(dict.fromkeys([*goals, *bounds]))
        found: dict[int, Entry] = {}
        for index, totals in self.cover.points:
            if all(totals[place] is not None for place, _ in keys):
                found[index] = (*[sign * totals[place] for place, sign in keys], index)
        for number, region in enumerate(self.cover.regions):
            parts, scales = tables(self.task, region, keys, self.cover.strides)
            columns = [
                SumColumn(key in goals, bounds[key] * scale if key in bounds else None)
                for key, scale in zip(keys, scales, strict=True)
            ]
            elimination = Elimination(columns, [len(places) for places in region.box], most, self.pool)
            for entry in elimination.best(parts):
                values = [_whole(Fraction(value, scale)) for value, scale in zip(entry, scales, strict=False)]
                found[entry[-1]] = (*values, entry[-1])
                self._regions[entry[-1]] = number
            self.sums += elimination.sums
        columns = [SumColumn(key in goals, bounds.get(key)) for key in keys]
        width = [0] * len(keys)
        within = [
            entry
            for entry in found.values()
            if all(c.limit is None or v <= c.limit for c, v in zip(columns, entry, strict=False))
        ]
        only = [SumColumn(True) for _ in goals]
        chosen = pruned([(*entry[: len(goals)], entry[-1]) for entry in within], only, most, width, width)
        return [(entry[:-1], entry[-1]) for entry in chosen]

    def nearest(self, bounds: Mapping[_ColumnKey, Any]) -> FrontPoint:
        """Return the point that exceeds limits least: by the largest share of a limit by which it does."""
        keys = list(bounds)
        found = self.best(keys, {}, 1)

        def excess(entry: _Best) -> Fraction:
            shares = [
                Fraction(value - bounds[key]) / max(1, abs(bounds[key]))
                for key, value in zip(keys, entry[0], strict=True)
            ]
            return max(shares, default=Fraction(0))

        return self.point(min(found, key=excess)[1])

    def point(self, index: int) -> FrontPoint:
        """Return a point with all totals."""
        values = self.task.values(index)
        totals = self.known.get(index)
        if totals is None:
            totals = totals_at(self.task, self.cover.regions[self._regions[index]], values)
        names = [axis.name for axis in self.task.axes]
        row = self.task.row(index, tuple([_whole(each) for each in totals]))
        return FrontPoint(dict(zip(names, values, strict=True)), dict(zip(self.task.columns, row, strict=True)))

    def confirm(self, points: Sequence[FrontPoint]) -> None:
        """Compare the totals of points with those of analyses of their own."""
        task = self.task
        for point in points:
            network = task.build({**task.fixed, **point.values}, None)
            analysis = Analysis.of(network, batch=task.batch, fold=task.fold)
            self.cover.analysed += 1
            if any(analysis.value(metric) != point.totals[metric] for metric in task.metrics):
                raise AssertionError(f"the parts of {point.values} do not add up to its totals")


def _whole(value: Any) -> Any:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _row(point: FrontPoint) -> dict[str, Any]:
    values = {name: plain(value) for name, value in point.values.items()}
    return values | {name: as_number(value) for name, value in point.totals.items()}
