"""Charts as parts of a page: without the head that the page has itself, in the page's colours."""

from __future__ import annotations

import re

from msgspec.structs import replace

from convcost.charts.chart import Chart
from convcost.charts.shapes import Bar, Marker, Shape, Stroke
from convcost.html.section import SectionChart
from convcost.reports.table import Table


def page_chart(chart: Chart, title: str, *, key: str = "", table: Table | None = None) -> SectionChart:
    """Return a chart for a page.

    Args:
        chart: The chart.
        title: What stands above it.
        key: By which the page's script draws it anew; empty where it does not.
        table: The numbers that it draws; None where a table of the section has them.
    """
    plots = tuple([plot for plot in chart.plots if plot.data.get("part") != "head"])  # the page has a heading itself
    top = max(0.0, min([_top(shape) for plot in plots for shape in plot.shapes], default=0.0))
    svg = replace(chart, plots=plots).svg(style=False, paper=False)
    size = f'viewBox="0 {top:g} {chart.width:g} {chart.height - top:g}"'
    svg = re.sub(r'viewBox="[^"]*" width="[^"]*" height="[^"]*"', size, svg, count=1)
    return SectionChart(title, svg, table, key)


def _top(shape: Shape) -> float:
    if isinstance(shape, Stroke):
        return min(y for _, y in shape.points)
    if isinstance(shape, Marker):
        return shape.y - 2 * shape.radius
    return shape.y if isinstance(shape, Bar) else shape.y - 1.5 * shape.size
