"""Networks with operations whose costs nobody knows: lower bounds everywhere, and no limit or proof of them."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest

import convcost
from convcost import cli

NET = """\
name: net
symbols: {r: 8}
input: [3, r, r]
layers:
  - conv: {out_channels: 4, kernel_size: 3}
    name: first
  - unknown: {operator: NonMaxSuppression}
    name: head.nms
  - unknown: {operator: Magic, output_shape: [4, 4, 4]}
    name: head.magic
  - relu
"""
# a 3×3 kernel for each of 3·4 channels and a bias for each of 4; 6·6 positions
PARAMS, MACS = 3 * 4 * 9 + 4, 6 * 6 * 3 * 4 * 9
WARNING = (
    "operations are not counted, so that totals are lower bounds (≥)\n --> net.yaml\n"
    "  = found: NonMaxSuppression, Magic\n"
    "  = help: --declare 'NonMaxSuppression=macs:1000,params:20,output_shape:64x7x7' gives a model file's operator "
    "your cost, `declared` an item of a spec\n"
)
NEEDED = WARNING.replace(
    "operations are not counted, so that totals are lower bounds (≥)", "this needs the costs of all operations"
).replace("found: ", "found: not known: ")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command beside `net.yaml` and returns its status and what it wrote."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["convcost", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return ended.value.code or 0, shown.out, shown.err

    return run


def test_json_says_so_and_lists_them(run):
    status, out, err = run("analyze", "net.yaml", "-f", "json")
    document = json.loads(out)
    assert (status, err) == (0, f"warning: {WARNING}")
    assert document["incomplete"] is True
    assert document["unknown"] == [
        {"operator": "NonMaxSuppression", "name": "head.nms", "shapes": [[4, 6, 6]]},
        {"operator": "Magic", "name": "head.magic", "shapes": [None]},
    ]
    assert (document["total"]["params"], document["total"]["macs"]) == (PARAMS, MACS)
    rows = {row["name"]: (row["output_shape"], row["notes"], row["formula"]) for row in document["layers"]}
    assert rows["head.nms"] == ([], ["not counted"], None)
    assert rows["head.magic"] == ([4, 4, 4], ["not counted"], None)


def test_a_network_without_them_does_not_say_it(run):
    assert not {"incomplete", "unknown"} & json.loads(run("analyze", "resnet18", "-f", "json")[1]).keys()
    assert "≥" not in run("analyze", "resnet18")[1]


def test_a_table_marks_every_total(run):
    out = run("analyze", "net.yaml")[1]
    assert "≥ 112 params · ≥ 3,888 macs (of ≥ 3,888 mults) · ≥ 7,776 flops · ≥ 448 bytes of weights\n" in out
    (row,) = [line.split() for line in out.splitlines() if line.startswith("head.nms")]
    assert row == ["head.nms", "unknown", "NonMaxSuppression", "?", "?", "?", "not", "counted"]
    (total,) = [line.split() for line in out.splitlines() if line.startswith("Total")]
    assert total == ["Total", "1", "layer", "≥", "112", "≥", "3,888", "100.0"]
    assert "\n2 operations not counted, so that totals are lower bounds (≥): NonMaxSuppression, Magic.\n" in out


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["analyze", "--summary"], "≥ 3,888"),
        (["analyze", "--by", "type"], "≥ 3,888"),
        (["analyze", "--columns", "mults"], "≥ 3,888"),
        (["analyze", "-f", "md"], "**≥ 3,888**"),
        (["analyze", "net.yaml", "-f", "table"], "≥ 3,888"),
        (["memory"], "≥ 1,344"),  # 4 · (3·8·8 + 4·6·6) bytes
        (["memory", "-f", "json"], '"incomplete": true'),
        (["diff", "net.yaml"], "≥ 3,888"),
        (["diff", "net.yaml", "-f", "json"], '"incomplete": true'),
    ],
    ids=" ".join,
)
def test_every_other_view_marks_it(words, shown, run):
    status, out, _ = run(words[0], "net.yaml", *words[1:])
    assert status == 0
    assert shown in out


def test_a_ratio_is_not_known(run):
    from convcost.metrics import METRICS

    ratio = next(name for name in METRICS if METRICS[name].is_ratio)
    (total,) = [line.split() for line in run("analyze", "net.yaml", "--columns", ratio)[1].splitlines()
                if line.startswith("Total")]  # fmt: skip
    assert total[-1] == "?"


def test_csv_marks_the_rows_and_the_totals(run):
    rows = list(csv.DictReader(io.StringIO(run("analyze", "net.yaml", "-f", "csv")[1])))
    assert [row["notes"] for row in rows] == ["", "not counted", "not counted", "output"]
    for key in (
        "params",
        "macs",
        "output_values",
        "ops_add",
    ):  # 4·6·6 sums, of 27 products and a bias, are in the first
        assert [row[key] == "" for row in rows] == [False, True, True, False]
    assert [row["macs"] for row in rows] == [str(MACS), "", "", "0"]
    (total,) = csv.DictReader(io.StringIO(run("analyze", "net.yaml", "--summary", "-f", "csv")[1]))
    assert total["notes"] == "at least: 2 not counted"


@pytest.mark.parametrize(
    "words",
    [
        ["verify"],
        ["check", "--max", "params=1G"],
        ["compare"],
        ["rewrite", "--to", "separable"],
        ["suggest", "--max", "mults=1"],
        ["solve", "--for", "r", "--max", "mults=1G"],
        ["sweep", "--set", "r=8,10"],
        ["init"],
        ["roofline", "--device", "a100"],
        ["compress"],
        ["reconcile"],
        ["reconcile", "--expect", "4G"],
        ["analyze", "--convention", "fvcore"],
    ],
    ids=lambda words: words[0],
)
def test_what_needs_all_costs_is_refused(words, run):
    assert run(words[0], "net.yaml", *words[1:]) == (2, "", f"error: {NEEDED}")


def test_formulas_are_refused(run):
    text = NEEDED.replace("this needs", "formulas need").partition("  = help")[0]
    help = "  = help: --set, or --input for a model file, gives sizes; totals are lower bounds then\n"
    assert run("analyze", "net.yaml", "--free", "r") == (2, "", f"error: {text}{help}")


def test_strict_makes_an_error_of_it(run):
    assert run("analyze", "net.yaml", "--strict") == (2, "", f"error: {WARNING}")


def test_a_report_of_one_is_no_baseline(run, tmp_path):
    assert run("analyze", "net.yaml", "-o", "old.json")[0] == 0
    (tmp_path / "net.yaml").write_text("name: net\ninput: [3]\nlayers: [relu]\n", encoding="utf-8")
    (tmp_path / "convcost.yaml").write_text("models: [net.yaml]\nbudgets: [{metric: params, growth: 0}]\n")
    status, _, err = run("check", "--baseline", "old.json")
    assert status == 2
    assert err == (
        "error: the report's totals are lower bounds\n --> old.json\n  = found: operations are not counted\n"
        "  = help: convcost analyze SPEC… -f json > old.json, at the state to compare with\n"
    )


def test_no_other_layer_reads_a_value_of_unknown_shape():
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load({"input": [3], "layers": [{"unknown": {"operator": "NonZero"}}, "relu"]})
    assert str(caught.value).splitlines()[0] == "error: relu reads a value whose shape is not known"


def test_python_knows_it():
    analysis = convcost.load({"input": [3, 4, 4], "layers": [{"unknown": {"operator": "NonZero"}}]}).analyze()
    assert analysis.incomplete
    assert [layer.name for layer in analysis.unknown] == ["unknown_1"]
    assert repr(analysis) == "<Analysis: <mapping>: ≥ 0 params, ≥ 0 mults, ≥ 0 macs>"
