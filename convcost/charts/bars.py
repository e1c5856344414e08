"""Horizontal bars: one row for each thing, one panel for each quantity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
_TEXT = 10.5
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
    """

    title: str
    series: tuple[BarSeries, ...]
    tick: Callable[[Any], str]
    unit: int = 1


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
    height = 18 if several == 1 else _THIN * several + 8
    names = min(_NAMES, max([_label_width(row.label) for row in rows], default=0)) + 12
    head, top = frame.head(title, subtitle, [series for panel in panels[:1] for series in panel.series])
    top += 24
    bottom = top + max(1, len(rows)) * height
    shapes = [*head, *_names(rows, top, height, names)]
    left = MARGIN + names
    width = (WIDTH - MARGIN - left - _GAP * (len(panels) - 1)) / max(1, len(panels))
    plots = [
        _panel(panel, rows, (left + number * (width + _GAP), width), (top, bottom, height))
        for number, panel in enumerate(panels)
    ]
    foot, end = frame.foot(notes, bottom + 22)
    return Chart(kind, title, description, WIDTH, end, (Plot((*shapes, *foot)), *plots))


def _label_width(label: str) -> float:
    text = label.lstrip(" ")
    return text_width(text, 11) + _INDENT * (len(label) - len(text)) / 2


def _names(rows: Sequence[BarRow], top: float, height: float, width: float) -> Iterator[Shape]:
    for number, row in enumerate(rows):
        text = row.label.lstrip(" ")
        indent = _INDENT * (len(row.label) - len(text)) / 2
        y = top + (number + 0.5) * height + 4
        data = {"row": row.key} if row.key else {}
        yield Caption(
            MARGIN + indent, y, cut(text, width - 12 - indent, 11), "ink" if row.key else "muted", 11, data=data
        )


def _panel(
    panel: BarPanel, rows: Sequence[BarRow], across: tuple[float, float], down: tuple[float, float, float]
) -> Plot:
    """Return a panel: its title, grid and axis, then the bars with their values."""
    left, width = across
    top, bottom, height = down
    texts = [text for series in panel.series for text in series.texts]
    room = max([text_width(text, _TEXT) for text in texts], default=0) + 8
    known = [value for series in panel.series for value in series.values if value is not None]
    most = max(known, default=0)
    scale = LinearScale(0, most or 1, left, left + max(20, width - room))
    shapes: list[Shape] = [Caption(left, top - 10, panel.title, "ink", 11.5, bold=True)]
    shapes += _grid(panel, scale, most, top, bottom)
    thick = (height - 7) / len(panel.series) if len(panel.series) == 1 else _THIN
    bars = [number for number, row in enumerate(rows) if row.key]
    for place, series in enumerate(panel.series):
        for number, value, text, tip in zip(bars, series.values, series.texts, series.tips, strict=True):
            key = rows[number].key
            y = top + number * height + (height - thick * len(panel.series)) / 2 + place * thick
            end = scale.place(value) if value is not None else left
            data = {"row": key, "series": series.key, "value": "" if value is None else str(value)}
            if value:
                bar = Bar(
                    left, y, max(0.75, end - left), thick - (0.8 if place + 1 < len(panel.series) else 0),
                    series.color, series.hatched, data, f"{key}: {tip}",
                )  # fmt: skip
                shapes.append(bar)
            size = _TEXT if len(panel.series) == 1 else 8.5
            middle = y + thick / 2 + size * 0.36
            label = {"row": key, "series": series.key}
            shapes.append(Caption(end + 4, middle, text, "muted", size, data=label))
    shapes.append(Stroke(((left, top - 2), (left, bottom)), "axis"))
    ends = {"from": f"{left:.2f}", "length": f"{scale.end - left:.2f}", "most": str(most)}
    return Plot(tuple(shapes), {"panel": panel.series[0].key, **ends})


def _grid(panel: BarPanel, scale: LinearScale, most: Any, top: float, bottom: float) -> Iterator[Shape]:
    width = max([text_width(panel.tick(tick), 9.5) for tick in linear_ticks(most, 4, panel.unit)], default=1)
    count = max(1, min(4, int((scale.end - scale.start) / (width + 14))))
    for tick in linear_ticks(most, count, panel.unit):
        x = scale.place(tick)
        if tick:
            yield Stroke(((x, top - 2), (x, bottom)), "grid")
        yield Caption(x, bottom + 13, panel.tick(tick), "muted", 9.5, "start" if not tick else "middle")
