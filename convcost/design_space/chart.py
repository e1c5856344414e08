"""The chart of a design space: all points between two totals, with the front of those that no other one betters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.charts.chart import Chart
from convcost.charts.points import ChartAxis, ChartPoint, Curve, MarkerStyle, point_chart
from convcost.charts.quantities import quantity
from convcost.charts.scales import is_wide
from convcost.charts.shapes import Marker
from convcost.design_space.front import Front, Goal
from convcost.design_space.sweep import Sweep
from convcost.design_space.sweep_report import decimal
from convcost.errors import ConvcostError, ErrorDetail, OptionError
from convcost.metrics import words
from convcost.reports.table import counted, safe

FEWEST_MULTS = (Goal("mults"), Goal("params", largest=True))
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


def sweep_chart(sweep: Sweep, goals: Sequence[Goal] = FEWEST_MULTS) -> Chart:
    """Return the chart of the points of a sweep that are shown, with their front.

    Args:
        sweep: The points.
        goals: The totals across and upwards, and of which of them more is better; the sweep has both.

    Raises:
        OptionError: These are not two of its totals.
    """
    places = [*_places(_swept(sweep), _two(goals, sweep.task.metrics))]
    invalid = sum(isinstance(outcome, ConvcostError) for outcome in sweep.outcomes)
    notes = [f"Not shown: {invalid:,} of {len(sweep.outcomes):,} points, which are not valid."] if invalid else []
    return _chart(sweep.name, sweep.task.fixed, places, goals, notes)


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
    others = [f"The front has more goals: {', '.join(map(str, front.goals[2:]))}."] if front.goals[2:] else []
    return _chart(
        front.name, front.task.fixed, places, goals, [f"Found among {front.effort.points:,} points.", *others]
    )


def _swept(sweep: Sweep) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    names = [axis.name for axis in sweep.task.axes]
    for index in sweep.shown:
        outcome = sweep.outcomes[index]
        if not isinstance(outcome, ConvcostError):
            values = dict(zip(names, sweep.task.values(index), strict=True))
            yield values, dict(zip(sweep.task.metrics, outcome, strict=True))


def _two(goals: Sequence[Goal], known: Sequence[str]) -> Sequence[Goal]:
    """Return two goals that are known.

    Raises:
        OptionError: There are not two, or one is no total of the points.
    """
    if len(goals) != 2:
        found = ", ".join(goal.metric for goal in goals) or "none"
        help = "such as mults,params:max"
        raise OptionError(ErrorDetail("a trade-off is between two totals", found=found, help=help))
    for goal in goals:
        if goal.metric not in known:
            help = f"where=['{goal.metric} >= 0'] has it; known: {', '.join(known)}"
            raise OptionError(ErrorDetail(f"the sweep has no {goal.metric}", help=help))
    return goals


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
        quantity(goal.metric, max(values, default=0))
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
