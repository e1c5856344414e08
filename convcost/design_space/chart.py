"""The chart of a design space: all points between two totals, with the front of those that no other one betters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.charts.chart import Chart
from convcost.charts.points import ChartAxis, ChartPoint, Curve, MarkerStyle, point_chart
from convcost.charts.quantities import own_quantity, quantity
from convcost.charts.scales import is_wide
from convcost.charts.shapes import Marker
from convcost.design_space.front import Front, Goal
from convcost.design_space.sweep import Sweep
from convcost.design_space.sweep_report import decimal, measured_lines
from convcost.errors import ConvcostError, ErrorDetail, OptionError
from convcost.metrics import METRICS, words
from convcost.reports.table import counted, safe

PARETO = ("mults", "params:max")
"""The goals of a front where nobody gives others: few multiplications for many parameters."""
_MOST_NAMES = 24  # points of the front that are named

STYLES = {
    "front": MarkerStyle("on the front", Marker(0, 0, "series1", radius=5)),
    "other": MarkerStyle("bettered by another point", Marker(0, 0, "series3", radius=3.5, hollow=True)),
}


class _Place(Struct, frozen=True):
    """A point of a design space: its values as text, and its two totals."""

    name: str
    x: Any
    y: Any


def sweep_chart(sweep: Sweep, pareto: str | Sequence[str] = PARETO) -> Chart:
    """Return the chart of the points of a sweep that are shown, with their front.

    Args:
        sweep: The points.
        pareto: The totals across and upwards, with `:max` where more is better; the sweep has both.

    Raises:
        OptionError: These are not two of its totals.
    """
    goals = two_goals(pareto)
    for goal in goals:
        if goal.metric not in sweep.task.columns:
            help = f"where=['{goal.metric} >= 0'] has a metric; known: {', '.join(sweep.task.columns)}"
            raise OptionError(ErrorDetail(f"the sweep has no {goal.metric}", help=help))
    swept = [*_swept(sweep)]
    places = [*_places(swept, goals)]
    invalid = sum(isinstance(outcome, ConvcostError) for outcome in sweep.outcomes)
    notes = [f"Not shown: {invalid:,} of {len(sweep.outcomes):,} points, which are not valid."] if invalid else []
    if len(places) < len(swept):
        missing = counted(len(swept) - len(places), "point")
        notes.append(f"Not shown: {missing} without {' or without '.join(goal.metric for goal in goals)}.")
    return _chart(sweep.name, sweep.task.fixed, places, goals, [*measured_lines(sweep.task), *notes])


def front_chart(front: Front) -> Chart:
    """Return the chart of the points that a search found, between its first two goals.

    Args:
        front: The points.

    Raises:
        OptionError: It has one goal only.
    """
    if len(front.goals) < 2:
        help = "such as --pareto mults,params:max"
        raise OptionError(ErrorDetail("a trade-off is between two goals", found=str(front.goals[0]), help=help))
    goals = front.goals[:2]
    points = [(point.values, point.totals) for point in front.points]
    places = [*_places(points, goals)]
    notes = [f"Found among {front.effort.points:,} points.", *measured_lines(front.task)]
    if more := front.goals[2:]:
        notes.append(f"The front has more goals: {', '.join(map(str, more))}.")
    return _chart(front.name, front.task.fixed, places, goals, notes)


def two_goals(pareto: str | Sequence[str]) -> tuple[Goal, Goal]:
    """Return the goals across and upwards.

    Args:
        pareto: Two metrics, with `:max` where more is better: a list, or a text with commas.

    Raises:
        OptionError: There are not two, or the same twice.

    >>> two_goals("mults, params:max")
    (Goal(metric='mults', largest=False), Goal(metric='params', largest=True))
    """
    texts = [text.strip() for text in (pareto.split(",") if isinstance(pareto, str) else pareto)]
    goals = []
    for text in texts:
        name, colon, way = text.partition(":")
        if colon and way not in ("min", "max"):
            help = f"{name}:max, where more is better; {name} alone where less is"
            raise OptionError(ErrorDetail("a goal is METRIC, METRIC:min or METRIC:max", found=text, help=help))
        goals.append(Goal(name, way == "max"))
    if len({goal.metric for goal in goals}) != 2 or len(goals) != 2:
        help = "such as mults,params:max"
        raise OptionError(ErrorDetail("a trade-off is between two totals", found=", ".join(texts) or "none", help=help))
    return goals[0], goals[1]


def _swept(sweep: Sweep) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield the values of the symbols and the numbers of each valid point that is shown."""
    names = [axis.name for axis in sweep.task.axes]
    for row in sweep.rows():
        if row["error"] is None:
            yield {name: row[name] for name in names}, row


def _places(points: Any, goals: Sequence[Goal]) -> Iterator[_Place]:
    """Yield the points that have both totals."""
    across, upward = (goal.metric for goal in goals)
    for values, totals in points:
        if totals[across] is not None and totals[upward] is not None:
            name = ", ".join(f"{key} = {decimal(value)}" for key, value in values.items())
            yield _Place(safe(name), totals[across], totals[upward])


def front_of(points: Sequence[tuple[Any, Any]], goals: Sequence[Goal]) -> list[int]:
    """Return the indices of the points that no other one equals or betters in both goals, one of each with equal ones.

    Args:
        points: The two totals of each point.
        goals: Which of them are best large.

    >>> front_of([(1, 5), (2, 9), (3, 9), (2, 4)], (Goal("mults"), Goal("params", largest=True)))
    [0, 1]
    """
    signs = [-1 if goal.largest else 1 for goal in goals]
    order = sorted(range(len(points)), key=lambda index: (signs[0] * points[index][0], signs[1] * points[index][1]))
    found: list[int] = []
    for index in order:
        if not found or signs[1] * points[index][1] < signs[1] * points[found[-1]][1]:
            found.append(index)
    return found


def _chart(
    name: str, fixed: Mapping[str, Any], places: Sequence[_Place], goals: Sequence[Goal], notes: Sequence[str]
) -> Chart:
    across, upward = goals
    best = front_of([(place.x, place.y) for place in places], goals)
    named = set(best if len(best) <= _MOST_NAMES else best[:: -(-len(best) // _MOST_NAMES)])
    found = [
        quantity(goal.metric, max(values, default=0)) if goal.metric in METRICS else own_quantity(goal.metric)
        for goal, values in zip(goals, ([each.x for each in places], [each.y for each in places]), strict=True)
    ]
    rest = sorted(set(range(len(places))) - set(best))
    points = [
        ChartPoint(
            place.name,
            place.x,
            place.y,
            place.name if index in named else "",
            f"{place.name}: {found[0].phrase(place.x)}, {found[1].phrase(place.y)}",
            "front" if number < len(best) else "other",
        )
        for number, index in enumerate([*best, *rest])
        for place in (places[index],)
    ]
    drawn = [
        ChartAxis(each.title, each.text, bool(values) and is_wide(values), each.unit, each.key, binary=each.binary)
        for each, values in zip(found, ([each.x for each in places], [each.y for each in places]), strict=True)
    ]
    better = " and ".join(f"{'higher' if goal.largest else 'lower'} {words(goal.metric)}" for goal in goals)
    what = f"{words(upward.metric)} against {words(across.metric)}"
    settings = ", ".join(f"{key} = {decimal(value)}" for key, value in fixed.items())
    curve = Curve(tuple([(points[number].x, points[number].y) for number in range(len(best))]), "series1")
    return point_chart(
        "front",
        f"{safe(name or 'network')}: {what}",
        (f"{counted(len(places), 'point')}, {len(best):,} on the front: {better}", *([settings] if settings else [])),
        f"Points: {what}; on the front {better}: "
        + "; ".join(point.tip for point in points[: min(len(best), 20)])
        + ".",
        points,
        (drawn[0], drawn[1]),
        styles=STYLES if rest else {"front": STYLES["front"]},
        curves=[curve],
        notes=notes,
    )
