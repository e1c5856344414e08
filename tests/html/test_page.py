"""What stands in a page, whether or not a script runs."""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256
from html.parser import HTMLParser
from time import process_time

import pytest

import convcost
from convcost.cli.analyze import reports
from convcost.cli.output import Output
from convcost.html import render
from convcost.html.controls import stops
from convcost.html.page import document
from convcost.html.section import Grid, Section
from convcost.html.table import Svg, bar_svg
from convcost.reports import formats
from convcost.reports.table import Column, Page, Row, Table

PAGES = (Output("html"),)


class Reader(HTMLParser):
    """Reads a page: the cells of its tables, its inline scripts and styles, and all of its attributes."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.inline, self.attributes, self.open = [], {"script": [], "style": []}, [], []
        self.policy = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.attributes += [(tag, name, value) for name, value in attrs.items()]
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs["content"]
        if tag in self.inline and attrs.get("type") != "application/json":
            self.inline[tag].append("")
            self.open.append(tag)
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
            self.open = ["cell"]

    def handle_endtag(self, tag):
        if tag in (*self.inline, "table", "summary"):
            self.open = []

    def handle_data(self, data):
        if self.open[-1:] == ["cell"]:
            self.rows[-1][-1] += data.strip("\n")
        elif self.open:
            self.inline[self.open[-1]][-1] += data


@pytest.fixture(scope="module")
def mobilenet():
    return render(reports(["mobilenet_v2"], {}, batch=1, fold=True, pages=PAGES), Page())


def test_the_page_fits_a_mail(mobilenet):
    assert len(mobilenet.encode()) <= 300_000


def test_nothing_is_fetched(mobilenet):
    reader = Reader(mobilenet)
    assert not [each for each in reader.attributes if each[1] in ("src", "href", "srcset", "action")]
    assert not re.search(r"@import|url\((?!#)", mobilenet)


def test_the_policy_names_its_own_script_and_style_and_nothing_else(mobilenet):
    reader = Reader(mobilenet)
    (script,), (style,) = reader.inline["script"], reader.inline["style"]

    def hashed(text):
        return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"

    assert reader.policy == (
        f"default-src 'none'; script-src {hashed(script)}; style-src {hashed(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"\beval\b|new Function|innerHTML|document\.write|setTimeout", script)


def test_no_attribute_is_a_style_or_a_handler(mobilenet):
    """The policy lets neither of them do anything."""
    assert not [each for each in Reader(mobilenet).attributes if each[1] == "style" or each[1].startswith("on")]


def test_every_cell_is_readable_without_a_script(mobilenet):
    (report,) = reports(["mobilenet_v2"], {}, batch=1, fold=True)
    table = report.telling_table()
    bar = [column.role for column in table.columns].index("bar")
    expected = [
        [row.cells[0].strip(), *("" if place == bar else cell for place, cell in enumerate(row.cells[1:], 1))]
        for row in table.rows
    ]
    rows = Reader(mobilenet).rows
    assert rows[0] == [column.title for column in table.columns]
    assert rows[1 : 1 + len(expected)] == expected
    assert rows[1 + len(expected)][:1] == ["Total"]


@pytest.mark.parametrize(
    "result",
    [
        lambda: convcost.load("mobilenet_v1").memory(),
        lambda: convcost.load("mobilenet_v1").receptive_field(),
        lambda: convcost.load("mobilenet_v1").roofline("raspberry-pi-4"),
        lambda: convcost.load("mobilenet_v1").reconcile(),
        lambda: convcost.load("mobilenet_v1").compare(),
        lambda: convcost.diff("mobilenet_v1", "mobilenet_v2"),
        lambda: convcost.analyze("mobilenet_v1", free=["alpha"]),
        lambda: convcost.sweep("mobilenet_v1", set={"alpha": "0.5,1"}),
    ],
    ids=["memory", "receptive-field", "roofline", "reconcile", "compare", "diff", "formulas", "sweep"],
)
def test_every_result_has_a_page(result):
    report = result().report()
    rows = Reader(render([report], Page())).rows
    table = report.table()
    shown = next(row for row in rows if row[0] == table.columns[0].title)
    kept = [place for place, column in enumerate(table.columns) if column.title in shown and column.role != "bar"]
    empty = [place for place, column in enumerate(table.columns) if column.title not in shown]
    assert not [row.cells[place] for row in table.rows for place in empty if row.cells[place]]
    places = [shown.index(table.columns[place].title) for place in kept]
    cells = [[row[place].strip() for place in places] for row in rows if len(row) == len(shown)]
    names = [row[0] for row in cells]
    for row in table.rows:
        if row.weight == "heading":
            assert row.cells[0].strip() in names
        elif row.cells[0]:
            found = [row.cells[place].strip() for place in kept]
            assert any(each[:-1] == found[:-1] and each[-1].startswith(found[-1]) for each in cells), found


def test_a_block_shows_what_its_layers_are_together():
    memory = convcost.load("mobilenet_v2").memory()
    rows = Reader(render([memory.report()], Page())).rows
    (block,) = [row for row in rows if row[0] == "stage_2"]
    layers = [row for row in memory.layers if row.layer.path[0] == "stage_2"]
    taken = sum(row.activation_bytes for row in layers)
    assert block[2:5] == [
        f"{sum(row.weight_bytes for row in layers):,}",
        f"{taken:,}",
        f"{max(row.alive for row in layers):,}",
    ]


def test_several_networks_stand_side_by_side():
    found = render(reports(["mobilenet_v1", "mobilenet_v2"], {}, batch=1, fold=True, pages=PAGES), Page())
    assert re.findall(r"<h[12] id=[^>]*>(.*?)</h", found) == ["2 networks", "MobileNetV1", "MobileNetV2"]


def test_the_data_ends_no_script():
    section = Section(title="x", lines=(), grids=(), live={"name": "</script><!--\u2028"})
    page = document([section])
    (data,) = re.findall(r'<script type="application/json" class="live">(.*?)</script>', page)
    assert "<" not in data
    assert "\u2028" not in data
    assert json.loads(data) == {"name": "</script><!--\u2028"}


def test_text_is_text_and_a_drawing_is_one():
    columns = (Column("Name", role="name"), Column("Drawing"))
    table = Table("<b>", (), columns, [Row(("<i>", Svg('<svg class="spark"></svg>')))], ("", ""), ())
    page = document([Section(title="<b>", lines=("&lt;",), grids=(Grid(table),))], "<u>")
    assert "<title>&lt;u&gt; – convcost</title>" in page
    assert "&lt;b&gt;</h1>" in page
    assert '<p class="line">&amp;lt;</p>' in page
    assert '<tr><th scope="row">&lt;i&gt;<td><svg class="spark"></svg>' in page


@pytest.mark.parametrize(
    ("text", "dark", "light"),
    [("█", 10, None), ("▏", 1.25, None), ("██████████", 100, None), ("██▌░░", 25, 45), ("", None, None)],
)
def test_the_width_of_a_bar(text, dark, light):
    """A block is a tenth, its eighths are eighths of that."""
    widths = [float(width) for width in re.findall(r'width="([\d.]+)%"', bar_svg(text))]
    assert widths == [each for each in (light, dark) if each is not None]


def test_a_page_of_many_layers_takes_at_most_twice_the_time_of_its_json(tmp_path):
    spec = tmp_path / "long.yaml"
    spec.write_text(
        "symbols: {c: 8}\ninput: [c, 8, 8]\nlayers:\n- {conv: {out_channels: c, kernel_size: 1}, repeat: 10000}\n"
    )

    def seconds(format):
        started = process_time()
        formats.render(format, reports([str(spec)], {}, batch=1, fold=True, pages=PAGES), Page())
        return process_time() - started

    times = {format: min(seconds(format) for _ in range(2)) for format in ("json", "html")}
    assert times["html"] <= 2 * times["json"]


def test_a_slider_goes_on_from_0():
    layers = [{"conv": {"out_channels": 2, "kernel_size": 1, "stride": "1 + s"}}]
    model = convcost.load({"input": [3, 9, 9], "symbols": {"s": 0}, "layers": layers}, free=["s"])
    assert stops(model.network.free, "s") == [0, 1, 2, 3, 4, 5, 6, 7, 8]
