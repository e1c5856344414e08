"""`convcost compare`: what it prints, from one spec and from two."""

from __future__ import annotations

import csv
import io
import json

import pytest

import convcost as api

SEPARABLE = """\
name: separable
input: [3, 12, 12]
layers:
  - separable_conv: {out_channels: 256, kernel_size: 5, bias: false}
"""


def test_the_two_forms_side_by_side(convcost, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    status, out, err = convcost("compare", "net.yaml")
    assert (status, err) == (0, "")
    row = next(line for line in out.splitlines() if line.startswith("conv_1"))
    # 256·75·64 and 3·25·64 + 3·256·64; 1/256 + 1/25 = 281/6400
    for part in ("1,228,800", "53,952", "19,200", "843", "1,174,848", "4.390625 %", "281/6400", "1/256 + 1/25", "░"):
        assert part in row
    for name in ("As written", "All standard", "All separable"):
        assert name in out


def test_json(convcost):
    data = json.loads(convcost("compare", "net.yaml", "-f", "json").out)
    assert data == json.loads(json.dumps(api.load("net.yaml").compare().to_dict()))
    assert data["layers"][0]["saved_mults"] == 1_228_800 - 53_952


def test_csv_adds_up_to_the_totals(convcost):
    rows = list(csv.DictReader(io.StringIO(convcost("compare", "mobilenet_v1", "-f", "csv").out)))
    assert sum(int(row["standard_macs"]) for row in rows) == 4_867_293_184  # the paper prints 4866 million
    assert {row["ratio_numbers"] for row in rows} >= {"1/64 + 1/9", "1/1024 + 1/9"}


def test_markdown(convcost):
    out = convcost("compare", "net.yaml", "-f", "markdown").out
    assert "### net: standard and separable" in out
    assert "### The whole network" in out
    assert "`conv_1`" in out


def test_options(convcost):
    data = json.loads(convcost("compare", "mobilenet_v1", "--set", "alpha=1/2", "--batch", "2", "-f", "json").out)
    assert data["totals"]["as_written"]["macs"] == 2 * 149_497_088
    assert json.loads(convcost("compare", "net.yaml", "--no-fold", "-f", "json").out)["convention"]["fold"] is False


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140, 200])
def test_a_terminal_of_any_width_shows_whole_numbers(width, terminal):
    out = terminal("compare", "net.yaml", width=width, env={"NO_COLOR": "1"}).out
    assert all(len(line) <= width for line in out.splitlines())
    assert "1,228,800" in out
    assert "53,952" in out


def test_two_specs(folder, convcost):
    (folder / "other.yaml").write_text(SEPARABLE, encoding="utf-8")
    status, out, err = convcost("compare", "net.yaml", "other.yaml")
    assert (status, err) == (0, "")
    assert out.startswith("net → separable\n")
    for part in ("− conv_1", "+ separable_conv_1/depthwise", "+ separable_conv_1/pointwise", "−1,174,848", "−95.6 %"):
        assert part in out
    data = json.loads(convcost("compare", "net.yaml", "other.yaml", "-f", "json").out)
    assert [row["kind"] for row in data["layers"]] == ["removed", "added", "added"]
    assert (data["totals"]["before"]["mults"], data["totals"]["after"]["mults"]) == (1_228_800, 53_952)


def test_two_specs_as_csv(folder, convcost):
    (folder / "other.yaml").write_text(SEPARABLE, encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(convcost("compare", "net.yaml", "other.yaml", "-f", "csv").out)))
    assert [sum(int(row[f"mults_{side}"]) for row in rows) for side in ("before", "after")] == [1_228_800, 53_952]


def test_a_spec_beside_itself(convcost):
    out = convcost("compare", "resnet18", "resnet18").out
    assert out.splitlines()[1] == "Nothing changed: 69 layers, all the same."


def test_each_spec_with_its_own_symbols(convcost):
    out = convcost("compare", "mobilenet_v1", "mobilenet_v1", "--set-other", "alpha=1/2", "-f", "json").out
    totals = json.loads(out)["totals"]
    assert (totals["before"]["macs"], totals["after"]["macs"]) == (568_740_352, 149_497_088)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.yaml"], "there is no file and no shipped spec 'none.yaml'"),
        (["net.yaml", "none.yaml"], "there is no file and no shipped spec 'none.yaml'"),
        (["net.yaml", "--set-other", "a=1"], "--set-other needs a second spec"),
        (["-", "-"], "standard input is one spec"),
        (["net.yaml", "--set", "a=1"], "--set: net.yaml has no symbol 'a'"),
    ],
)
def test_wrong_input(arguments, message, convcost):
    status, out, err = convcost("compare", *arguments)
    assert (status, out) == (2, "")
    assert f"error: {message}" in err


def test_the_faults_of_both_specs_are_told(convcost):
    err = convcost("compare", "one.yaml", "two.yaml").err
    assert "one.yaml" in err
    assert "two.yaml" in err
