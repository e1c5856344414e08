"""`convcost compare`: what it prints, from one spec and from two."""

from __future__ import annotations

import csv
import io
import json
import re

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
        (["net.yaml", "net.yaml", "net.yaml", "--set-other", "a=1"], "--set-other needs two specs"),
        (["-", "-"], "standard input is one spec"),
        (["net.yaml", "--sort", "mult"], "--sort: there is no column 'mult'"),
        (
            ["net.yaml", "--sort", "weight_bytes"],
            "--sort: compare sorts by name and by counts, and weight_bytes is none",
        ),
        (["net.yaml", "--depth", "x"], "--depth takes a whole number from 1, or all"),
        (["net.yaml", "net.yaml", "net.yaml", "--sort", "mult"], "--sort: there is no column 'mult'"),
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


def test_three_specs_have_their_totals_side_by_side(convcost):
    words = "net.yaml", "examples/worked_separable", "examples/one_5x5"
    out = convcost("compare", *words).out
    assert out == convcost("analyze", *words).out
    assert re.findall(r"^(\S.*?)  +\d+×.*?  +\d+ +([\d,]+) +([\d,]+)", out, re.MULTILINE) == [
        ("net", "19,200", "1,228,800"),
        ("One separable convolution", "843", "53,952"),
        ("One 5 × 5 kernel", "25", "25"),
    ]
    sorted_by = convcost("compare", *words, "--sort", "name").out
    assert sorted_by == out
    by_params = convcost("compare", *reversed(words), "--sort", "params").out.splitlines()[4:7]
    assert [line.split("  ")[0] for line in by_params] == ["net", "One separable convolution", "One 5 × 5 kernel"]
    data = json.loads(convcost("compare", *words, "-f", "json").out)
    assert [entry["total"]["macs"] for entry in data] == [1_228_800, 53_952, 25]


def test_networks_of_one_name_are_told_apart_by_their_files(folder, convcost):
    (folder / "other.yaml").write_text(SEPARABLE.replace("name: separable", "name: net"), encoding="utf-8")
    out = convcost("compare", "net.yaml", "other.yaml", "examples/one_5x5").out
    assert [line.split("  ")[0] for line in out.splitlines()[4:7]] == [
        "net (net.yaml)", "net (other.yaml)", "One 5 × 5 kernel"
    ]  # fmt: skip


def rows_of(out):
    """Return the names of the rows of the first table."""
    lines = out.partition("\n\nThe whole network")[0].splitlines()
    rules = [index for index, line in enumerate(lines) if line and not line.strip("─")]
    return [re.split(r"  +", line.strip())[0] for line in lines[rules[0] + 1 : rules[1]]]


def test_rows_are_folded_until_they_fit(convcost):
    out = convcost("compare", "resnet50").out
    assert "Folded from 54 rows to 18, ratios of their sums: --layers shows each." in out
    # conv2_x/bottleneck_1: 1×1, 3×3 and 1×1, and the shortcut: 64 · 64 + 64 · 64 · 9 + 2 · 64 · 256 weights, at 56 · 56
    products = (4096 + 36_864 + 2 * 16_384) * 56 * 56
    assert re.search(rf"^  bottleneck_1 .* {products:,} ", out, re.MULTILINE)
    assert len(rows_of(convcost("compare", "resnet50", "--layers").out)) > 60
    assert rows_of(convcost("compare", "resnet50", "--depth", "1").out) == [
        "conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "linear_1", "121 other layers"
    ]  # fmt: skip


@pytest.mark.parametrize("depth", ["1", "2", "all"])
def test_folded_rows_add_up(depth, convcost, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    out = convcost("compare", "mobilenet_v2", "--depth", depth).out.partition("\n\nThe whole network")[0]
    found = re.findall(r" ([\d,]+) +([\d,]+)  +([\d,]+) +([\d,]+)(?= |$)", out, re.MULTILINE)
    *rows, total = [[int(cell.replace(",", "")) for cell in row] for row in found if "," in row[2] or row[2] == "0"]
    assert [sum(column) for column in zip(*rows, strict=True)] == total


def test_the_largest_savings(convcost):
    # of ResNet-18 the 3×3 convolutions of 512 channels save the most parameters: 512 · 512 · 9 − 512 · (9 + 512)
    out = convcost("compare", "resnet18", "--sort", "params", "--top", "2").out
    assert rows_of(out) == ["conv5_x/basic_1/conv_2", "conv5_x/basic_2.1/conv_1", "… 19 more", "48 other layers"]
    names = rows_of(convcost("compare", "resnet18", "--sort", "name").out)[:-1]
    assert names == sorted(names)
    # 118,013,952 less 1/64 + 1/49 of it is more than 115,605,504 less 1/64 + 1/9
    assert rows_of(convcost("compare", "resnet18", "--top", "1").out)[0] == "conv1"
