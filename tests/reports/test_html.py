"""A table as HTML, for notebooks."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

import convcost


class Reader(HTMLParser):
    """Reads a document, holds its tags open and closed, and gathers the cells of its rows."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.rows, self.text = [], set(), [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= {"style"}
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        else:
            self.text.append(data)


def test_a_notebook_shows_the_table(small):
    reader = Reader(convcost.analyze(small)._repr_html_())
    assert reader.open == []
    assert reader.rows[0][:5] == ["Layer", "Type", "Output", "Params", "Macs"]
    assert {len(row) for row in reader.rows} == {11}
    names = [row[0] for row in reader.rows[1:-1]]
    assert names[:3] == ["separable_conv_1", "  depthwise", "    batch_norm"]
    assert reader.rows[6][:6] == ["wide", "conv 3×3", "8×4×4", "584", "9,216", "9,216"]
    assert reader.rows[-1][:5] == ["Total", "3 layers", "", "676", "10,304"]
    assert {"Small", "worked by hand", "input 4×6×6 · n = 8"} <= set(reader.text)


def test_a_long_table_folds_to_what_a_screen_shows():
    layers = [{"linear": {"out_features": 4}}] * 40
    text = convcost.analyze({"input": [4], "layers": layers})._repr_html_()
    seen, summary, folded = text.partition("<details><summary>All 40 rows</summary>")
    assert summary
    assert seen.count("<tr>") == 1 + 30 + 1  # the head, what fits a screen, and the total
    assert folded.count("<tr>") == 1 + 40 + 1
    assert "--layers" not in text  # there is no command line here


def test_a_long_table_without_a_screen_folds():
    values = ",".join(map(str, range(1, 51)))
    spec = {"input": [4], "symbols": {"n": 1}, "layers": [{"linear": {"out_features": "n"}}]}
    text = convcost.sweep(spec, set={"n": values})._repr_html_()
    seen, summary, folded = text.partition("<details><summary>All 50 rows</summary>")
    assert summary
    assert "<tr>" not in seen
    assert folded.count("<tr>") == 1 + 50 + 1


def test_no_name_is_markup(hostile, hostile_names):
    reader = Reader(convcost.analyze(hostile)._repr_html_())
    assert reader.open == []
    assert reader.tags == {
        "div",
        "strong",
        "small",
        "details",
        "summary",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "th",
        "td",
    }
    heads = [number for number, row in enumerate(reader.rows) if row[0] == "Layer"]
    names = [row[0] for row in reader.rows[heads[-1] + 1 : -1]]  # of all rows, below those that fit a screen
    assert len(names) == len(hostile_names) + 1
    assert "<script>alert(1)</script>" in names
    assert "&lt;" in names
    assert all(name.isprintable() for name in names)


def test_an_analysis_prints_as_its_table(small, render):
    """But for the options of the command line, which have no place in Python."""
    screen = render("table", small, width=120)
    assert screen.endswith("\n1 column hidden: Notes; --columns notes shows it.\n")
    printed = screen.replace("--columns notes shows it", "to_dict() has it")
    assert str(convcost.analyze(small)) == printed


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda model: model.analyze(), "Folded from 175 rows to 23: to_dict() has each."),
        (lambda model: model.memory(), "49 layers in place, with in_place=False only what is fused."),
        (lambda model: model.compare(), "1 column hidden: Peak memory, bytes; to_dict() has it."),
        (lambda model: model.diff("resnet18"), "139 rows of layers: to_dict() has them."),
        (
            lambda model: model.compress(),
            "density='10%', index_bits=4, weight_bits=5, for one.",
        ),
    ],
)
def test_a_table_in_python_names_no_option(ask, line):
    printed = str(ask(convcost.load("resnet50")))
    assert line in printed
    assert "--" not in printed
