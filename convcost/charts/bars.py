"""Horizontal bars: one row for each thing, one panel for each quantity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from msgspec import Struct

from convcost.charts import frame
from convcost.charts.chart import Chart
from convcost.charts.frame import MARGIN, WIDTH
from convcost.charts.scales import LinearScale, cut, linear_ticks, text_width
from convcost.charts.shapes import Bar, Caption, Plot, Shape, Stroke

_NAMES = 210  # pixels for names at most
_INDENT = 9
_GAP = 22  # between panels
_ROW = 18  # pixels of a row with one bar, and of a heading
_TEXT = 10.5
_SHORTEST = 0.75  # pixels of a bar that is not 0
_THIN = 9.5  # pixels of a bar that is not alone in its row


class BarRow(Struct, frozen=True):
    """A row of bars.

    Attributes:
        label: Its name as it is shown, indented by spaces where it belongs to a heading.
        key: What scripts know it by; empty for a heading, which has no bars.
    """

    label: str
    key: str


class BarSeries(Struct, frozen=True):
    """One bar for each row that is no heading.

    Attributes:
        name: What it is, in the legend and under the pointer.
        key: What scripts know it by, such as `macs`.
        values: The lengths of the bars; None where there is none.
        texts: The values in few digits, beside the bars.
        tips: The values with all digits, under the pointer.
        color: A name of `palette.COLORS`.
        hatched: Whether its bars are hatched.
    """

    name: str
    key: str
    values: Sequence[Any]
    texts: Sequence[str]
    tips: Sequence[str]
    color: str = "series1"
    hatched: bool = False


class BarPanel(Struct, frozen=True):
    """A quantity with an axis of its own.

    Attributes:
        title: What stands above it.
        series: The bars of each row, below each other.
        tick: Writes a value of the axis.
        unit: What is one on the axis: 1, or 1,024 for an axis of KiB.
        total: The sum of all rows, beside the title where there is room.
    """

    title: str
    series: tuple[BarSeries, ...]
    tick: Callable[[Any], str]
    unit: int = 1
    total: str = ""


def bar_chart(
    kind: str,
    title: str,
    subtitle: Sequence[str],
    description: str,
    rows: Sequence[BarRow],
    panels: Sequence[BarPanel],
    notes: Sequence[str] = (),
) -> Chart:
    """Return a chart of horizontal bars.

    Args:
        kind: What it shows, such as `cost`.
        title: Its first line.
        subtitle: Lines below the title.
        description: What it shows, in sentences.
        rows: Its rows, from above.
        panels: Its quantities, from the left.
        notes: Lines below.
    """
    several = max((len(panel.series) for panel in panels), default=1)
    height = _ROW if several == 1 else _THIN * several + 8
    longest = max([_label_width(row.label) for row in rows], default=0)
    names = min(_NAMES if len(panels) <= 2 else _NAMES * 2 / 3, longest) + 12
    head, top = frame.head(title, subtitle)
    shapes: list[Shape] = []
    if several > 1:
        top += 9
        shapes += frame.bar_legend(panels[0].series, top)
        top += 12
    top += 24
    heights = [height if row.key else _ROW for row in rows] or [height]
    tops = [top + below for below in accumulate(heights, initial=0.0)]
    bottom = tops[-1]
    shapes += _names(rows, tops, names)
    left = MARGIN + names
    width = (WIDTH - MARGIN - left - _GAP * (len(panels) - 1)) / max(1, len(panels))
    plots = [_panel(panel, rows, (left + number * (width + _GAP), width), tops) for number, panel in enumerate(panels)]
    foot, end = frame.foot(notes, bottom + 22)
    return Chart(kind, title, description, WIDTH, end, (head, Plot((*shapes, *foot)), *plots))


def _label_width(label: str) -> float:
    text = label.lstrip(" ")
    return text_width(text, 11) + _INDENT * (len(label) - len(text)) / 2


def _names(rows: Sequence[BarRow], tops: Sequence[float], width: float) -> Iterator[Shape]:
    for number, row in enumerate(rows):
        text = row.label.lstrip(" ")
        indent = _INDENT * (len(row.label) - len(text)) / 2
        y = (tops[number] + tops[number + 1]) / 2 + 4
        data = {"row": row.key} if row.key else {}
        yield Caption(
            MARGIN + indent, y, cut(text, width - 12 - indent, 11), "ink" if row.key else "muted", 11, data=data
        )


def _panel(panel: BarPanel, rows: Sequence[BarRow], across: tuple[float, float], tops: Sequence[float]) -> Plot:
    """Return a panel: its title, grid and axis, then the bars with their values."""
    left, width = across
    top, bottom = tops[0], tops[-1]
    texts = [text for series in panel.series for text in series.texts]
    room = max([text_width(text, _TEXT) for text in texts], default=0) + 8
    most = max([value for series in panel.series for value in series.values if value is not None], default=0)
    scale = LinearScale(0, most or 1, left, left + max(20, width - room))
    title = f"{panel.title} · {panel.total}" if panel.total else panel.title
    if text_width(title, 12) > width:
        title = cut(panel.title, width, 12)
    shapes: list[Shape] = [Caption(left, top - 10, title, "ink", 11.5, bold=True)]
    shapes += _grid(panel, scale, most, top, bottom)
    alone = len(panel.series) == 1
    thick = _ROW - 7 if alone else _THIN
    middles = [(tops[number] + tops[number + 1]) / 2 for number, row in enumerate(rows) if row.key]
    keys = [row.key for row in rows if row.key]
    for place, series in enumerate(panel.series):
        below = (place - len(panel.series) / 2) * thick
        for y, *numbers in zip(middles, keys, series.values, series.texts, series.tips, strict=True):
            shapes += _bar(series, numbers, scale, y + below, thick if alone else thick - 0.8)
    shapes.append(Stroke(((left, top - 2), (left, bottom)), "axis"))
    ends = {"from": f"{left:.2f}", "length": f"{scale.end - left:.2f}", "most": str(most)}
    return Plot(tuple(shapes), {"panel": panel.series[0].key, **ends})


def _bar(series: BarSeries, numbers: Sequence[Any], scale: LinearScale, y: float, thick: float) -> Iterator[Shape]:
    """Yield the bar of a row and the text beside it.

    Args:
        series: What it belongs to.
        numbers: The row, its value, and this as text, in few digits and in all.
        scale: Its axis.
        y: Its upper edge.
        thick: Its height.
    """
    key, value, text, tip = numbers
    end = scale.start if value is None else scale.place(value)
    data = {"row": key, "series": series.key}
    if value:
        whole = {**data, "value": str(value)}
        length = max(_SHORTEST, end - scale.start)
        yield Bar(scale.start, y, length, thick, series.color, series.hatched, whole, f"{key}: {tip}")
    size = min(_TEXT, thick)
    yield Caption(end + 4, y + thick / 2 + size * 0.36, text, "muted", size, data=data)


def _grid(panel: BarPanel, scale: LinearScale, most: Any, top: float, bottom: float) -> Iterator[Shape]:
    width = max([text_width(panel.tick(tick), 9.5) for tick in linear_ticks(most, 4, panel.unit)], default=1)
    count = max(1, min(4, int((scale.end - scale.start) / (width + 14))))
    for tick in linear_ticks(most, count, panel.unit):
        x = scale.place(tick)
        if tick:
            yield Stroke(((x, top - 2), (x, bottom)), "grid")
        yield Caption(x, bottom + 13, panel.tick(tick), "muted", 9.5, "start" if not tick else "middle")
