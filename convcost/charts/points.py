"""Points between two axes, with names, a front, and the roofs below which they stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from math import hypot
from typing import Any

from msgspec import Struct

from convcost.charts import frame
from convcost.charts.chart import Chart
from convcost.charts.frame import MARGIN, WIDTH
from convcost.charts.scales import LinearScale, LogScale, around, linear_ticks, log_ticks, text_width
from convcost.charts.shapes import Caption, Marker, Plot, Shape, Stroke
from convcost.errors import WarningDetail

_HEIGHT = 360
_HIGH = 540  # of a chart with many names
_MANY = 24
_MOST = 1000  # points that are drawn wherever they stand
_SIZE = 10.0  # of names
_STEP = 13.0  # between the base lines of names above each other


class ChartPoint(Struct, frozen=True):
    """A point.

    Attributes:
        key: What scripts know it by.
        x: Its place across.
        y: Its place upwards.
        label: Its name beside it; empty for none.
        tip: What is shown under the pointer.
        style: Which of the legend's markers it has.
        radius: The radius of its marker; that of the legend for 0.
    """

    key: str
    x: Any
    y: Any
    label: str = ""
    tip: str = ""
    style: str = ""
    radius: float = 0.0


class ChartAxis(Struct, frozen=True):
    """An axis of points.

    Attributes:
        title: What it measures.
        tick: Writes a value.
        log: Whether it has powers of ten; all values are above 0 then.
        unit: What is one on a linear axis: 1, or 1,024 for an axis of KiB.
        key: What scripts know it by, such as `macs`.
        ends: Where it begins and ends; as the points need it for none.
        binary: Whether its ticks are powers of two, as for bytes, where it has powers.
    """

    title: str
    tick: Callable[[Any], str]
    log: bool = False
    unit: int = 1
    key: str = ""
    ends: tuple[Any, Any] | None = None
    binary: bool = False


class Curve(Struct, frozen=True):
    """A line through places, with a text before it."""

    places: tuple[tuple[Any, Any], ...]
    color: str = "axis"
    label: str = ""


class MarkerStyle(Struct, frozen=True):
    """How points of a kind are drawn, and what the legend says of them."""

    name: str
    marker: Marker


def point_chart(
    kind: str,
    title: str,
    subtitle: Sequence[str],
    description: str,
    points: Sequence[ChartPoint],
    axes: tuple[ChartAxis, ChartAxis],
    *,
    styles: dict[str, MarkerStyle],
    curves: Sequence[Curve] = (),
    notes: Sequence[str] = (),
    names_all: bool = False,
    warnings: Sequence[WarningDetail] = (),
) -> Chart:
    """Return a chart of points.

    Args:
        kind: What it shows, such as `networks`.
        title: Its first line.
        subtitle: Lines below the title.
        description: What it shows, in sentences.
        points: The points; the first ones get their names first, where there is little room.
        axes: That across and that upwards.
        styles: The markers; a legend lists them where there are several.
        curves: Lines below the points.
        notes: Lines below.
        names_all: Whether a line below has the names for which there is no room.
        warnings: What is valid in the specs and rarely meant.
    """
    head, top = frame.head(title, subtitle)
    shapes: list[Shape] = []
    if len(styles) > 1:
        top += 8
        shapes += frame.marker_legend([(style.marker, style.name) for style in styles.values()], top)
    top += 30
    bottom = top + (_HEIGHT if sum(bool(point.label) for point in points) <= _MANY else _HIGH)
    across, upward = axes
    low, high = upward.ends or around([point.y for point in points] or [1], log=upward.log)
    y = (LogScale if upward.log else LinearScale)(low, high, bottom, top)
    y_ticks = _ticks(upward, low, high)
    left = MARGIN + max([text_width(upward.tick(each), 10) for each in y_ticks], default=0) + 10
    right = WIDTH - MARGIN
    low, high = across.ends or around([point.x for point in points] or [1], log=across.log)
    x = (LogScale if across.log else LinearScale)(low, high, left, right)
    shapes += frame.across(x, _ticks(across, low, high), across.tick, (top, bottom))
    shapes += frame.upright(y, y_ticks, upward.tick, (left, right))
    shapes.append(Caption(left, top - 10, f"↑ {upward.title}", "ink", 11, bold=True))
    shapes.append(Caption(right, bottom + 32, f"{across.title} →", "ink", 11, "end", bold=True))
    lines = [shape for curve in curves for shape in _curve(curve, x, y)]
    points = [*_apart(points, x, y)]
    markers = [_marker(point, styles[point.style].marker, x, y) for point in points]
    names = [*_names(points, markers, lines, (left, top - 4, right, bottom))]
    if names_all:
        notes = [*_left_out(points, names), *notes]
    foot, end = frame.foot(notes, bottom + 38)
    plots = (
        head,
        Plot((*shapes, *foot)),
        Plot(tuple(lines)),
        Plot(tuple(markers), {"panel": kind}),
        Plot(tuple(names)),
    )
    return Chart(kind, title, description, WIDTH, end, plots, tuple(warnings))


def _ticks(axis: ChartAxis, low: Any, high: Any) -> list[Any]:
    return [*log_ticks(low, high, binary=axis.binary)] if axis.log else [*linear_ticks(high, 6, axis.unit, low=low)]


def _curve(curve: Curve, x: LinearScale | LogScale, y: LinearScale | LogScale) -> Iterator[Shape]:
    places = tuple([(x.place(across), y.place(upward)) for across, upward in curve.places])
    if len(places) > 1:
        yield Stroke(places, curve.color, 1.6)
    if curve.label:
        at = places[0]
        yield Caption(at[0] - 7, at[1] + 3.5, curve.label, "muted", 10, "end")


def _marker(point: ChartPoint, style: Marker, x: LinearScale | LogScale, y: LinearScale | LogScale) -> Marker:
    data = {"row": point.key, "x": str(point.x), "y": str(point.y)}
    radius = point.radius or style.radius
    return Marker(
        x.place(point.x), y.place(point.y), style.color, style.shape, radius, style.hollow, data, point.tip or point.key
    )


def _apart(points: Sequence[ChartPoint], x: LinearScale | LogScale, y: LinearScale | LogScale) -> Iterator[ChartPoint]:
    """Yield points; of very many only those that stand apart on the page."""
    seen = set()
    for point in points:
        place = point.style, round(x.place(point.x) / 2), round(y.place(point.y) / 2)
        if len(points) <= _MOST or place not in seen:
            seen.add(place)
            yield point


_Box = tuple[float, float, float, float]


def _names(
    points: Sequence[ChartPoint], markers: Sequence[Marker], lines: Sequence[Shape], ends: _Box
) -> Iterator[Shape]:
    """Yield the names of points where there is room for them: beside, above, below, then further up with a line."""
    taken: list[_Box] = [
        (each.x - each.radius, each.y - each.radius, each.x + each.radius, each.y + each.radius) for each in markers
    ]
    taken += chain.from_iterable(map(_boxes, lines))
    for point, marker in zip(points, markers, strict=True):
        for x, y, anchor in _places(marker) if point.label else ():
            box = _box(x, y, anchor, text_width(point.label, _SIZE))
            inside = ends[0] <= box[0] and ends[1] <= box[1] and box[2] <= ends[2] and box[3] <= ends[3]
            up = y < marker.y
            line = (
                (marker.x - 1, box[1], marker.x + 1, marker.y - marker.radius - 1)
                if up
                else (marker.x - 1, marker.y + marker.radius + 1, marker.x + 1, box[3])
            )
            away = (line[3] - box[3] if up else box[1] - line[1]) > _STEP / 2
            found = [box, line] if away else [box]
            if inside and not any(_overlap(each, other) for each in found for other in taken):
                taken += found
                if away:
                    yield Stroke(((marker.x, line[1]), (marker.x, line[3])), "axis", 0.8)
                yield Caption(x, y, point.label, "ink", _SIZE, anchor, data={"row": point.key})
                break


def _left_out(points: Sequence[ChartPoint], names: Sequence[Shape]) -> list[str]:
    """Return a line with the names for which there was no room; nothing where all are there."""
    shown = {each.data["row"] for each in names if isinstance(each, Caption)}
    missing = [point.label for point in points if point.label and point.key not in shown]
    return [f"Without room for the name: {', '.join(missing)}."] if missing else []


def _places(marker: Marker) -> Iterator[tuple[float, float, str]]:
    """Yield the places for a name around a marker: the point of its base line, and the anchor of its text there."""
    x, y, gap = marker.x, marker.y, marker.radius + 3
    middle = y + _SIZE * 0.35
    yield x + gap, middle, "start"
    yield x - gap, middle, "end"
    yield x, y - gap, "middle"
    yield x, y + gap + _SIZE * 0.7, "middle"
    above, below = y - gap, y + gap + _SIZE * 0.7
    yield x - gap * 0.7, above, "end"
    yield x + gap * 0.7, below, "start"
    yield x + gap * 0.7, above, "start"
    yield x - gap * 0.7, below, "end"
    for turn in range(1, 8):
        for near, far in ((-4.0, "end"), (4.0, "start")):
            yield x + near, y - gap - turn * _STEP, far
            yield x + near, y + gap + _SIZE * 0.7 + turn * _STEP, far


def _boxes(shape: Shape) -> Iterator[_Box]:
    """Yield the places that a line or a text takes."""
    if isinstance(shape, Caption):
        yield _box(shape.x, shape.y, shape.anchor, text_width(shape.text, shape.size))
    if isinstance(shape, Stroke):
        for (x, y), (to_x, to_y) in pairwise(shape.points):
            steps = max(1, int(hypot(to_x - x, to_y - y) / _SIZE * 2))
            for step in range(steps + 1):
                at = x + (to_x - x) * step / steps, y + (to_y - y) * step / steps
                yield at[0] - 1, at[1] - 1, at[0] + 1, at[1] + 1


def _box(x: float, y: float, anchor: str, width: float) -> _Box:
    """Return the place that a text takes."""
    start = x if anchor == "start" else x - width if anchor == "end" else x - width / 2
    return start - 1, y - _SIZE * 0.8, start + width + 1, y + _SIZE * 0.2


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
