"""`convcost rewrite`: what it writes, what it prints, and what it refuses."""

from __future__ import annotations

import csv
import io
import json

import pytest

import convcost as api
from convcost.rewriting.rewrites import NAMES


def test_the_list_has_every_rewrite_with_its_saving_and_source(convcost, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    status, out, err = convcost("rewrite", "--list")
    assert (status, err) == (0, "")
    for name in NAMES:
        assert f"\n{name} " in out
    for part in ("1/N + 1/Dk²", "1/g", "9/Dk²", "Howard et al. 2017", "Iandola et al. 2016", "groups=2"):
        assert part in out
    rows = json.loads(convcost("rewrite", "--list", "-f", "json").out)["rewrites"]
    assert [row["name"] for row in rows] == list(NAMES)


@pytest.mark.parametrize("width", [80, 120, 140])
def test_the_list_fits_a_terminal(width, terminal):
    out = terminal("rewrite", "--list", width=width, env={"NO_COLOR": "1"}).out
    assert all(len(line) <= width for line in out.splitlines())
    assert "fully_convolutional" in out


def test_a_new_spec_and_the_table_of_what_changed(folder, convcost):
    status, out, err = convcost("rewrite", "net.yaml", "--to", "separable", "-o", "new.yaml")
    assert (status, err) == (0, "")
    for part in ("1,228,800", "53,952", "19,200", "843", "−1,174,848", "4.390625 %", "Written to new.yaml."):
        assert part in out
    assert "accuracy" in out
    assert (folder / "new.yaml").read_text(encoding="utf-8") == (
        "# rewritten: separable (Howard et al. 2017, arXiv:1704.04861, section 3.1)\n"
        "name: net\n"
        "input: [3, 12, 12]\n"
        "layers:\n"
        "  - separable_conv: {out_channels: 256, kernel_size: 5, bias: false}   # separable: was conv\n"
    )
    assert api.analyze("new.yaml").total == api.load("net.yaml").compare().separable.total


def test_without_a_path_nothing_is_written(folder, convcost):
    out = convcost("rewrite", "net.yaml", "--to", "separable").out
    assert "Nothing is written without -o PATH." in out
    assert [path.name for path in folder.iterdir()] == ["net.yaml"]


def test_a_dash_writes_the_spec_to_standard_output_and_pipes_on(convcost):
    text = convcost("rewrite", "net.yaml", "--to", "separable", "-o", "-").out
    assert text.startswith("# rewritten: separable")
    status, out, _ = convcost("rewrite", "-", "--to", "standard", "-o", "-", stdin=text.encode())
    assert status == 0
    assert "  - conv: {out_channels: 256, kernel_size: 5, bias: false}   # separable: was conv\n" in out


def test_an_existing_file_needs_force(folder, convcost):
    (folder / "new.yaml").write_text("precious", encoding="utf-8")
    status, out, err = convcost("rewrite", "net.yaml", "--to", "separable", "-o", "new.yaml")
    assert (status, out) == (2, "")
    assert err == "error: 'new.yaml' exists\n = help: --force writes over it\n"
    assert (folder / "new.yaml").read_text(encoding="utf-8") == "precious"
    assert convcost("rewrite", "net.yaml", "--to", "separable", "-o", "new.yaml", "--force").status == 0
    assert (folder / "new.yaml").read_text(encoding="utf-8").startswith("# rewritten")


def test_mobilenet_with_full_convolutions(convcost):
    convcost("rewrite", "mobilenet_v1", "--to", "standard", "-o", "full.yaml")
    assert api.analyze("full.yaml").total.macs == 4_867_293_184
    half = api.load("mobilenet_v1", set={"alpha": "1/2"}).compare().standard.total
    assert api.analyze("full.yaml", set={"alpha": "1/2"}).total == half  # the expressions are kept


def test_layers_by_pattern_and_several_rewrites_at_once(convcost):
    arguments = ("--to", "separable:conv_2", "--to", "grouped:conv_4", "--with", "groups=4", "-o", "-")
    out = convcost("rewrite", "alexnet", *arguments).out
    assert "  - separable_conv: {out_channels: 192, kernel_size: 5, padding: 2}   # separable: was conv\n" in out
    assert "  - conv: {out_channels: 256, kernel_size: 3, padding: 1, groups: 4}   # grouped\n" in out
    assert out.count("separable_conv:") == 1
    by_pattern = convcost("rewrite", "alexnet", "--to", "separable", "--layers", "conv_[45]", "-o", "-").out
    assert by_pattern.count("  - separable_conv: {") == 2


def test_parameters_and_multiplications_that_move_apart_are_told(convcost):
    out = convcost("rewrite", "examples/one_5x5", "--to", "stacked").out
    assert "Parameters and multiplications move apart: −7 params, +65 mults." in out  # 25 → 18 and 25 → 90


def test_other_formats_add_up(convcost):
    rows = list(csv.DictReader(io.StringIO(convcost("rewrite", "mobilenet_v1", "--to", "standard", "-f", "csv").out)))
    assert sum(int(row["macs_before"]) for row in rows) == 568_740_352
    assert sum(int(row["macs_after"]) for row in rows) == 4_867_293_184
    data = json.loads(convcost("rewrite", "mobilenet_v1", "--to", "standard", "-f", "json").out)
    assert data["totals"]["after"]["macs"] == 4_867_293_184
    assert len(data["places"]) == 13


def test_a_shuffle(convcost):
    arguments = ("--to", "grouped:conv_2", "--with", "groups=4", "--with", "shuffle=true")
    out = convcost("rewrite", "alexnet", *arguments, "-o", "-").out
    assert "      - channel_shuffle: {groups: 4}\n" in out


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["net.yaml"], ["rewrite takes --to NAME"]),
        (["--to", "separable"], ["rewrite takes a SPEC"]),
        (["net.yaml", "--to", "seperable"], ["there is no rewrite 'seperable'", "did you mean 'separable'?"]),
        (
            ["net.yaml", "--to", "separable", "--layers", "conf_1"],
            ["no layer matches 'conf_1'", "did you mean 'conv_1'?"],
        ),
        (
            ["net.yaml", "--to", "standard", "--layers", "conv_1"],
            ["standard does not apply to 'conv_1'", "conv_1 is of type conv"],
        ),
        (
            ["net.yaml", "--to", "grouped:conv_1"],
            ["grouped does not apply to 'conv_1'", "conv_1: 2 groups do not divide its 3 input channels"],
        ),
        (["net.yaml", "--to", "dilated", "--with", "groups=3"], ["the rewrite 'dilated' has no option 'groups'"]),
        (["net.yaml", "--to", "grouped", "--with", "groups"], ["--with takes NAME=VALUE"]),
        (["net.yaml", "--to", "grouped", "--with", "groups=x"], ["--with takes NAME=VALUE"]),
        (
            ["net.yaml", "--to", "separable", "--to", "dilated"],
            ["two rewrites want one layer", "separable and dilated"],
        ),
        (["net.yaml", "--to", "separable", "-f", "yaml"], ["there is no format 'yaml'"]),
        (
            ["net.yaml", "--to", "separable", "-o", "no/such/folder.yaml"],
            ["an output cannot be written", "no/such/folder.yaml"],
        ),
    ],
)
def test_wrong_input(arguments, lines, convcost):
    status, out, err = convcost("rewrite", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    for line in lines:
        assert line in err
