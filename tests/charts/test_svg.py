"""Charts as SVG: read back by Python's own XML parser."""

from __future__ import annotations

import pytest
from drawn import SVG, bars, parsed, texts
from hypothesis import given
from hypothesis import strategies as st

import convcost
from convcost.charts import svg
from convcost.charts.chart import Chart
from convcost.charts.palette import COLORS
from convcost.charts.shapes import Bar, Caption, Marker, Plot, Stroke
from convcost.errors import visible

HOSTILE = "</text></svg><script>alert(1)</script>\" onload='x' &amp; \x1b[31m\u202e"


def chart(*shapes, title="A chart"):
    return Chart("test", title, "It shows shapes.", 100, 50, (Plot(shapes),))


def test_a_screen_reader_is_given_a_title_and_a_description():
    root = parsed(chart())
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]
    assert (title.text, description.text) == ("A chart", "It shows shapes.")


def test_no_text_is_markup():
    data = {"row": HOSTILE}
    shapes = [
        Caption(0, 9, HOSTILE, data=data),
        Bar(0, 0, 5, 5, "series1", data=data, tip=HOSTILE),
        Marker(0, 0, "series1", data=data, tip=HOSTILE),
    ]
    root = parsed(chart(*shapes, title=HOSTILE))
    shown = "</text></svg><script>alert(1)</script>\" onload='x' &amp; \\x1b[31m\\u202e"
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "title", "desc", "style", "rect", "g", "text", "circle"
    }  # fmt: skip
    assert root.find(f"{SVG}title").text == shown
    assert [each.attrib["data-row"] for each in root.iter() if "data-row" in each.attrib] == [shown] * 3
    assert [each.text for each in root.iter(f"{SVG}title")] == [shown] * 3
    assert texts(chart(*shapes)) == [shown]
    assert not [name for each in root.iter() for name in each.attrib if name.startswith("on")]


def test_a_hostile_name_of_a_spec_is_text():
    spec = {"name": HOSTILE, "input": [1, 4, 4], "layers": [{"conv": {"out_channels": 2, "kernel_size": 3}}]}
    root = parsed(convcost.analyze(spec).plot())
    assert not [*root.iter(f"{SVG}script")]
    assert root.find(f"{SVG}title").text.startswith("</text></svg><script>alert(1)</script>")


def test_text_that_is_no_unicode_is_escaped():
    assert texts(chart(Caption(0, 9, "net\udcff"))) == ["net\\udcff"]


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_is_well_formed(text):
    shapes = [Caption(0, 9, text, data={"row": text}), Bar(0, 0, 5, 5, "series1", data={"row": text}, tip=text)]
    root = parsed(chart(*shapes, title=text))
    assert [element.attrib["data-row"] for element in root.iter() if "data-row" in element.attrib] == [
        visible(text)
    ] * 2
    assert (root.find(f"{SVG}title").text or "") == visible(text)


def test_ids_are_those_of_a_chart_alone():
    first, second = chart(Caption(0, 9, "a")), chart(Caption(0, 9, "b"))
    ids = [
        element.attrib["id"] for each in (first, second) for element in parsed(each).iter() if "id" in element.attrib
    ]
    assert len(ids) == len(set(ids)) == 4
    assert 'id="mine-title"' in first.svg(prefix="mine")


def test_a_hatched_bar_refers_to_its_pattern():
    root = parsed(chart(Bar(0, 0, 5, 5, "series3", hatched=True), Bar(0, 9, 5, 5, "series3")))
    (pattern,) = root.iter(f"{SVG}pattern")
    hatched, plain = [each for each in root.iter(f"{SVG}rect") if each.attrib.get("x") == "0"]
    assert hatched.attrib["fill"] == f"url(#{pattern.attrib['id']})"
    assert plain.attrib["class"] == "f-series3"


def test_numbers_have_hundredths():
    text = chart(Bar(1 / 3, -0.001, 100.0, 2.5, "ink"), Stroke(((0, 0), (1.005, 1e-9)), "axis")).svg()
    assert 'x="0.33" y="0" width="100" height="2.5"' in text
    assert 'd="M0 0L1 0"' in text or 'd="M0 0L1.01 0"' in text


def test_a_page_brings_its_own_style_and_paper():
    alone, guest = chart().svg(), chart().svg(style=False, paper=False)
    assert "<style>" in chart().svg(paper=False)
    assert "f-paper" in chart().svg(style=False)
    assert "<style>" in alone
    assert 'class="f-paper" width="100"' in alone
    assert "<style>" not in guest
    assert "f-paper" not in guest


def test_each_color_is_a_variable_that_dark_paper_changes():
    light, dark = svg.STYLE.split("@media screen and (prefers-color-scheme:dark)")
    for name, color in COLORS.items():
        assert f"--chart-{name}:{color.light};" in light
        assert f"--chart-{name}:{color.dark};" in dark
        assert f".f-{name}{{fill:{color.light};fill:var(--chart-{name})}}" in dark


def test_a_chart_is_the_same_text_every_time():
    assert convcost.analyze("mobilenet_v1").plot().svg() == convcost.analyze("mobilenet_v1").plot().svg()


def test_a_notebook_shows_it():
    shown = convcost.analyze("mobilenet_v1").plot()
    assert shown._repr_svg_() == shown.svg()
    assert repr(shown) == "<Chart: cost: MobileNetV1: cost per layer>"


@pytest.mark.parametrize("name", ["mobilenet_v1", "resnet50", "unet", "vit_b_16"])
def test_nothing_stands_outside_of_the_page(name):
    model = convcost.load(name)
    for each in (model.analyze().plot(), model.analyze().plot("types"), model.memory().plot(), model.compare().plot()):
        for bar in (shape for plot in each.plots for shape in plot.shapes if isinstance(shape, Bar)):
            assert 0 <= bar.x <= bar.x + bar.width <= each.width
            assert 0 <= bar.y <= bar.y + bar.height <= each.height
        for text in (shape for plot in each.plots for shape in plot.shapes if isinstance(shape, Caption)):
            assert 0 <= text.x <= each.width
            assert 0 <= text.y <= each.height


def test_the_head_is_a_group_that_a_page_can_leave_out():
    model = convcost.load("examples/worked_standard")
    for each in (model.analyze().plot(), model.memory().plot(), model.roofline("a100").plot(), model.compare().plot()):
        heads = [group for group in parsed(each).iter(f"{SVG}g") if group.attrib.get("data-part") == "head"]
        (shown,) = [[text.text for text in head] for head in heads]
        assert shown[0] == each.title
        assert all("3×12×12" in text or " · " in text or "at least" in text for text in shown[1:])
        assert len(shown) == 3


def test_bars_are_read_as_they_are_drawn():
    assert bars(convcost.analyze("examples/worked_standard").plot(), "macs") == {"conv_1": (1.0, "1228800")}
