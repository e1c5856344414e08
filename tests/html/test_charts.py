"""Charts on a page: without their heads, cut where their shapes begin."""

from __future__ import annotations

import re

import pytest

from convcost.charts.chart import Chart, Plot
from convcost.charts.shapes import Bar, Caption, Marker, Stroke
from convcost.html.charts import page_chart


@pytest.mark.parametrize(
    ("shape", "top"),
    [
        (Marker(50, 40, "ink", radius=5), 40 - 2 * 5),
        (Bar(50, 40, 9, 9, "ink"), 40),
        (Stroke(((0, 60), (9, 40)), "ink"), 40),
        (Caption(50, 40, "text", "ink", 10), 40 - 1.5 * 10),
        (Caption(50, 4, "text", "ink", 10), 0),
    ],
)
def test_a_chart_is_cut_where_its_highest_shape_begins(shape, top):
    head = Plot((Caption(0, 1, "its title", "ink", 10),), {"part": "head"})
    chart = Chart("cost", "its title", "", 200, 100, (head, Plot((shape, Bar(0, 90, 5, 5, "ink")))), ())
    svg = page_chart(chart, "on the page").svg
    assert re.findall(r'viewBox="([^"]*)"', svg) == [f"0 {top:g} 200 {100 - top:g}"]
    assert ">its title</text>" not in svg
