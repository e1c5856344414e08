"""Charts as parts of a page: without the head that the page has itself, in the page's colours."""

from __future__ import annotations

import re

from msgspec.structs import replace

from convcost.charts.chart import Chart
from convcost.charts.shapes import Bar, Caption, Marker, Shape, Stroke
from convcost.html.section import SectionChart
from convcost.reports.table import Table

_HEAD = 11.5
"""The size of the lines below a chart's title; nothing else of its first shapes is as large."""


def page_chart(chart: Chart, title: str, *, key: str = "", table: Table | None = None) -> SectionChart:
    """Return a chart for a page.

    Args:
        chart: The chart.
        title: What stands above it.
        key: By which the page's script draws it anew; empty where it does not.
        table: The numbers that it draws; None where a table of the section has them.
    """
    first, *others = chart.plots
    count = next((place for place, shape in enumerate(first.shapes) if not _is_head(shape)), len(first.shapes))
    plots = (replace(first, shapes=first.shapes[count:]), *others)
    top = max(0.0, min([_top(shape) for plot in plots for shape in plot.shapes], default=0.0))
    svg = replace(chart, plots=plots).svg(style=False, paper=False)
    size = f'viewBox="0 {top:g} {chart.width:g} {chart.height - top:g}"'
    svg = re.sub(r'viewBox="[^"]*" width="[^"]*" height="[^"]*"', size, svg, count=1)
    return SectionChart(title, svg, table, key)


def _is_head(shape: Shape) -> bool:
    """Return whether a shape is the title of a chart or a line below it, which the page has itself."""
    return isinstance(shape, Caption) and shape.size >= _HEAD


def _top(shape: Shape) -> float:
    if isinstance(shape, Stroke):
        return min(y for _, y in shape.points)
    if isinstance(shape, Marker):
        return shape.y - 2 * shape.radius
    return shape.y if isinstance(shape, Bar) else shape.y - 1.5 * shape.size
