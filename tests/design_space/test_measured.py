"""Columns of the user's own: joined by the symbols' values, compared as metrics, never predicted."""

from __future__ import annotations

import csv
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.errors import OptionError

SPEC = {
    "symbols": {"w": 4, "n": 1, "b": True, "f": "relu", "s": [1, 2]},
    "input": [3, 6, 6],
    "layers": [
        {
            "conv": {"out_channels": "w", "kernel_size": "3", "padding": "1", "bias": "b", "activation": "f"},
            "repeat": "n",
        },
        {"conv": {"out_channels": "s(0) + s(1)", "kernel_size": "1"}},
    ],
}
GRID = {"w": [2, 3, Fraction(9, 2), 4], "n": [1, 2]}


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a CSV and returns its path."""

    def write(text, name="acc.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


def totals(**values):
    return convcost.analyze(SPEC, set=values).total


@given(st.data())
@settings(max_examples=25)
def test_the_front_is_that_of_the_measured_points(tmp_path_factory, data):
    points = list(product(*GRID.values()))
    accuracies = data.draw(st.lists(st.integers(0, 30) | st.none(), min_size=len(points), max_size=len(points)))
    path = tmp_path_factory.mktemp("joined") / "acc.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["n", "accuracy", "w"])
        for (w, n), accuracy in zip(points, accuracies, strict=True):
            writer.writerow([n, "" if accuracy is None else accuracy / 10, float(w)])
    measured = []
    for (w, n), accuracy in zip(points, accuracies, strict=True):
        if accuracy is not None and w != Fraction(9, 2):  # which makes half a channel
            measured.append((totals(w=w, n=n).mults, -Fraction(accuracy, 10)))
    front = sorted({p for p in measured if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in measured)})
    if not measured:
        with pytest.raises(OptionError, match="none of 8 measured points can be compared"):
            convcost.search(SPEC, set=GRID, pareto=["mults", "accuracy:max"], join=path)
        return
    found = convcost.search(SPEC, set=GRID, pareto=["mults", "accuracy:max"], join=path)
    assert [(each.totals["mults"], -each.totals["accuracy"]) for each in found.points] == front
    best = convcost.search(SPEC, set=GRID, best="accuracy:max", join=path, top=3)
    assert [each.totals["accuracy"] for each in best.points] == sorted([-a for _, a in measured], reverse=True)[:3]


def test_symbols_that_are_not_set_have_the_values_of_the_file(table):
    path = table("w,accuracy\n4,60\n2,50\n8,70.5\n")
    found = convcost.sweep(SPEC, set={}, join=path)
    assert [(row["w"], row["accuracy"], row["mults"]) for row in found.rows()] == [
        (4, 60, totals(w=4).mults),
        (2, 50, totals(w=2).mults),
        (8, Fraction(141, 2), totals(w=8).mults),
    ]
    fewer = convcost.sweep(SPEC, set={"w": [2, 8, 9]}, join=path)
    assert [row["accuracy"] for row in fewer.rows()] == [50, Fraction(141, 2), None]
    assert (fewer.task.measured.rows, fewer.task.measured.outside) == (3, 1)


def test_words_truth_values_lists_and_elements_are_joined(table):
    path = table('"s",f,b,score\n"[1, 3]",relu,true,1\n"[1, 3]",hard_swish,true,2\n"[2, 2]",relu,false,3\n')
    found = convcost.sweep(SPEC, set={}, join=path)
    assert len(found.outcomes) == 8
    values = {(row["s"], row["f"], row["b"]): row["score"] for row in found.rows()}
    assert values[(1, 3), "relu", True] == 1
    assert values[(2, 2), "relu", False] == 3
    assert values[(2, 2), "relu", True] is None
    path = table("s[1],score\n3,1\n4,2\n")
    found = convcost.search(SPEC, set={}, join=path, best="score:max")
    assert found.points[0].values == {"s(1)": 4}
    assert found.points[0].totals["mults"] == convcost.analyze(SPEC, set={"s": [1, 4]}).total.mults


def test_points_are_chosen_and_sorted_by_what_was_measured(table):
    path = table("w,accuracy,val loss\n2,50,1.25\n3,55,\n4,60,0.5\n")
    found = convcost.sweep(SPEC, set={"w": "2:5"}, join=path, where=["accuracy > 50"], best="val loss")
    assert [row["w"] for row in found.rows()] == [4, 3]
    found = convcost.sweep(SPEC, set={"w": "2:5"}, join=path, where=["val loss <= 1.25"])
    assert [row["w"] for row in found.rows()] == [2, 4]


def test_a_joined_column_stands_in_every_format(table, tmp_path, monkeypatch):
    table("w,accuracy\n2,50\n4,60.25\n")
    monkeypatch.chdir(tmp_path)
    path = "acc.csv"
    found = convcost.sweep(SPEC, set={"w": "2:4"}, join=path)
    assert [point["accuracy"] for point in found.to_dict()["points"]] == [50, None, 60.25]
    last = "accuracy is as measured in acc.csv, at 2 points; convcost predicts no accuracy."
    assert str(found).splitlines()[-1] == last
    front = convcost.search(SPEC, set={"w": "2:4"}, join=path, pareto=["mults", "accuracy:max"])
    assert [point["accuracy"] for point in front.to_dict()["points"]] == [50, 60.25]


def test_other_metrics_are_searched_as_without_a_file(table):
    path = table("w,n,accuracy\n2,1,50\n4,2,60.25\n")
    values = {"w": "1:9", "n": "1:4"}
    found = convcost.search(SPEC, set=values, join=path, pareto=["mults", "params:max"])
    without = convcost.search(SPEC, set=values, pareto=["mults", "params:max"])
    assert [each.values for each in found.points] == [each.values for each in without.points]
    assert {each.totals["accuracy"] for each in found.points if each.values == {"w": 4, "n": 2}} <= {Fraction(241, 4)}


def test_where_nothing_is_within_the_limits_the_nearest_measured_point_is_shown(table):
    path = table("w,accuracy\n2,50\n3,60\n4,58\n")
    found = convcost.search(SPEC, set={}, join=path, best="mults", min={"accuracy": 66})
    assert found.points == ()
    assert (found.miss.values, found.miss.totals["accuracy"]) == ({"w": 3}, 60)


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("a,accuracy\n1,2\n", {}, "no column of the CSV is a symbol of the spec\n = found: {path}: a, accuracy\n"),
        ("", {}, "no column of the CSV is a symbol of the spec\n = found: {path}: no header\n"),
        ("w,w,accuracy\n1,2,3\n", {}, "the column 'w' stands twice\n --> {path}:1:1"),
        ("w,accuracy\n1,2,3\n", {}, "a row has a cell for each column\n --> {path}:2:1\n  = found: 3 cells, 2 columns"),
        ("w,accuracy\n1,2\n,3\n", {}, "a row has one value of w\n --> {path}:3:1\n  = found: ''"),
        ('w,accuracy\n1,2\n"1,2",3\n', {}, "a row has one value of w\n --> {path}:3:1\n  = found: '1,2'"),
        (
            "w,accuracy\n1,50\n2,nan\n",
            {},
            ("a measured value is a number: accuracy\n --> {path}:3:1\n  = found: 'nan'\n"
            "  = help: leave the cell empty where nothing was measured"),
        ),
        ("w,accuracy\n1,1/0\n2,3\n", {}, "a measured value is a number: accuracy\n --> {path}:2:1"),
        ("w,accuracy\n1,1e999999999\n2,3\n", {}, "a measured value is a number: accuracy\n --> {path}:2:1"),
        (
            "w,accuracy\n2,50\n3,60\n2,51\n",
            {},
            "a point has one row in a CSV that is joined\n = found: {path}: lines 2 and 4",
        ),
        (
            "w,accuracy\n2,50\n3,60\n",
            {"set": {"n": "1,2"}},
            ("a CSV is joined by the values of all symbols that vary\n = found: {path}: no column n\n"
            " = help: add the column, or --set one value"),
        ),
        (
            "w,accuracy\n2,50\n3,60\n",
            {"set": {"w": "4,5"}},
            ("no row of the CSV is a point of the grid\n = found: {path}: 2 rows, the first with w = 2\n"
            " = help: the same values of the symbols in both"),
        ),
        ("w,acc\n2,50\n3,60\n", {}, "{path} has no column 'accuracy'\n = help: "),
        ('w,accuracy\n2,50\n3,"60\n', {}, "the CSV cannot be read: unexpected end of data\n --> {path}:3:1"),
        ("w,accuracy\n2,50\n", {}, "a search needs several values of a symbol"),
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_an_error(table, text, arguments, message):
    path = table(text)
    with pytest.raises(OptionError) as caught:
        convcost.search(SPEC, **{"set": {}, "pareto": ["mults", "accuracy:max"], "join": path, **arguments})
    assert caught.value.text().startswith("error: " + message.format(path=path))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    for name, content, reason in (("none.csv", None, "No such file"), ("a.csv", b"w,a\n\xff,1\n", "it is not UTF-8")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(OptionError, match=f"the CSV cannot be read: {reason}"):
            convcost.sweep(SPEC, set={"w": "1,2"}, join=tmp_path / name)


def test_a_file_has_at_most_so_many_rows(table, monkeypatch):
    monkeypatch.setattr("convcost.spec.measured.MOST_ROWS", 2)
    path = table("w,a\n1,1\n2,2\n3,3\n")
    with pytest.raises(OptionError, match="a file of measured values has at most 2 rows"):
        convcost.sweep(SPEC, set={}, join=path)


def test_a_spreadsheets_file_with_a_byte_order_mark_and_other_line_ends_is_read(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfw,accuracy\r\n2,50\r\n\r\n4,60\r\n")
    found = convcost.sweep(SPEC, set={}, join=tmp_path / "a.csv")
    assert [row["accuracy"] for row in found.rows()] == [50, 60]
