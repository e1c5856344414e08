"""The commands that write pages."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser

import pytest

from convcost import cli


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Return a function that runs a command and returns the page that it writes."""
    monkeypatch.chdir(tmp_path)

    def page(*words):
        monkeypatch.setattr(sys, "argv", ["convcost", *words, "-o", "html:report.html"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code in (None, 0, 1)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return page


@pytest.mark.parametrize(
    ("words", "shown", "computed"),
    [
        (["analyze", "mobilenet_v2"], "analyze mobilenet_v2", 1),
        (["analyze", "mobilenet_v2", "--layers", "--batch", "2", "--no-fold"], "analyze mobilenet_v2", 1),
        (["analyze", "mobilenet_v2", "--depth", "1"], "", 0),
        (["analyze", "mobilenet_v2", "--deployed"], "", 0),
        (["analyze", "mobilenet_v1", "mobilenet_v2"], "analyze mobilenet_v1", 2),
        (["compare", "mobilenet_v2", "--dtype", "int8"], "compare mobilenet_v2", 1),
        (["compare", "mobilenet_v2", "--sort", "mults"], "", 0),
        (["compare", "mobilenet_v1", "mobilenet_v2"], "", 0),
        (["compare", "mobilenet_v1", "mobilenet_v2", "vgg16"], "analyze mobilenet_v1", 3),
        (["diff", "mobilenet_v1", "mobilenet_v2"], "", 0),
        (["check", "mobilenet_v2", "--max", "macs=1M"], "", 0),
        (["memory", "mobilenet_v2", "--dtype", "int8"], "memory mobilenet_v2", 1),
        (["memory", "mobilenet_v2", "--place"], "", 0),
        (["receptive-field", "mobilenet_v2"], "", 0),
        (["reconcile", "mobilenet_v2"], "", 0),
        (["roofline", "mobilenet_v2", "--device", "a100"], "roofline --device a100 mobilenet_v2", 1),
        (["sweep", "mobilenet_v2", "--set", "alpha=0.5,1"], "", 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_writes_a_page(page, words, shown, computed):
    """Of reports that the page computes it has the command that says more, and the values of the slider."""
    written = page(*words)
    assert written.startswith("<!DOCTYPE html>")
    found = [json.loads(each) for each in re.findall(r'class="live">(.*?)</script>', written)]
    assert len(found) == computed
    if computed:
        assert found[0]["command"] == f"convcost {shown}"
        assert {"alpha", "r", "classes"} <= {symbol["name"] for symbol in found[0]["symbols"]}


def test_a_page_of_a_network_without_symbols_computes_nothing(page):
    assert 'class="live"' not in page("analyze", "examples/one_5x5")


SHOWN = """
const { live } = document.querySelector("section.report");
return [
  [...document.querySelectorAll("header .line")].at(-1).textContent,
  [...document.querySelectorAll(".figures dd")].map((node) => [...node.children].map((each) => each.textContent)),
  live.grids.layers.rows.filter((row) => !row.heading).map((row) => [row.label, ...row.cells.map((cell) => cell.text)]),
  [...live.grids.layers.table.tFoot.rows[0].cells].map((cell) => cell.textContent),
];
"""


class Static(HTMLParser):
    """Reads the first table of a page as it is without a script, and its figures."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.foot, self.figures, self.lines = [], [], [], []
        self.cells, self.into = None, None
        self.feed(text[: text.index("</table>")])

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "tr" and self.figures:
            self.cells = []
            self.rows.append((attrs.get("class"), self.cells))
        elif tag in ("th", "td") and self.cells is not None:
            self.cells.append("")
            self.into = self.cells
        elif tag == "dd":
            self.figures.append([])
        elif tag in ("strong", "small"):
            self.figures[-1].append("")
            self.into = self.figures[-1]
        elif tag == "p" and attrs.get("class") == "line":
            self.lines.append("")
            self.into = self.lines

    def handle_endtag(self, tag):
        if tag in ("strong", "small", "p"):
            self.into = None

    def handle_data(self, data):
        if self.into is not None:
            self.into[-1] += data.strip("\n")


@pytest.mark.parametrize(
    "words",
    [
        ["analyze", "mobilenet_v1", "--batch", "2", "--no-fold", "--dtype", "int8"],
        ["analyze", "vit_b_16", "--set", "d=384", "--set", "depth=3"],
        ["memory", "unet", "--dtype", "int8", "--batch", "4", "--align", "64", "--keep-inputs"],
        ["memory", "mobilenet_v1", "--no-in-place"],
        ["compare", "mobilenet_v1", "--batch", "3", "--no-fold"],
        ["compare", "resnet50"],
        ["roofline", "mobilenet_v1", "--device", "stm32f746", "--dtype", "int8", "--batch", "2", "--energy"],
    ],
    ids=" ".join,
)
def test_the_script_changes_nothing_at_the_values_of_the_spec(page, opened, words):
    """What the page computes at first is what the command has written into it, with all of its options."""
    text = page(*words)
    line, figures, rows, foot = opened(text).execute_script(SHOWN)
    static = Static(text)
    _head, *body = static.rows
    assert line == static.lines[-1]
    assert figures == static.figures
    assert rows == [cells for name, cells in body[: len(body) - 1] if name != "h"]
    assert foot == body[-1][1]
