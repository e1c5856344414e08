"""CSV: a row for each layer, that a spreadsheet reads as data."""

from __future__ import annotations

import csv
import io
import json

import pytest

import convcost

HEADING = [
    "network", "name", "type", "file", "line", "input_shape", "output_shape", "params", "buffers", "mults", "adds",
    "macs", "flops", "useful_mults", "output_values", "activations", "deployed_params", "ops_mul", "ops_add",
    "ops_div", "ops_cmp", "ops_exp", "ops_sqrt", "ops_tanh", "ops_erf", "ops_pow",
    "ops_log", "ops_abs", "ops_floor", "ops_sin", "ops_cos", "ratio_kind", "ratio_formula",
    "ratio_numbers", "ratio_exact", "ratio_value", "ratio_term", "notes", "fields",
]  # fmt: skip


def read(text):
    """Return the heading and the rows, each as a mapping."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    return rows[0], [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_a_row_for_each_layer(small, render):
    heading, rows = read(render("csv", small))
    assert heading == HEADING
    assert [row["name"] for row in rows] == [
        "separable_conv_1/depthwise",
        "separable_conv_1/depthwise/batch_norm",
        "separable_conv_1/pointwise",
        "separable_conv_1/pointwise/batch_norm",
        "wide",
        "relu_1",
        "residual_1",
        "global_avg_pool_1",
    ]
    wide = rows[4]
    assert wide.pop("line").isdecimal()
    fields = {
        "out_channels": 8, "kernel_size": [3, 3], "stride": [1, 1], "padding": [[1, 1], [1, 1]], "dilation": [1, 1],
        "groups": 1, "bias": True,
    }  # fmt: skip
    assert fields.items() <= json.loads(wide.pop("fields")).items()
    assert wide == {
        "network": "Small", "name": "wide", "type": "conv", "file": "<mapping>", "input_shape": "8×4×4",
        "output_shape": "8×4×4", "output_values": "128", "activations": "128", "params": "584",
        "deployed_params": "584", "buffers": "0", "mults": "9216", "adds": "9216", "macs": "9216", "flops": "18432",
        "useful_mults": "6400", "ops_mul": "9216", "ops_add": "9216", "ops_div": "0", "ops_cmp": "0", "ops_exp": "0",
        "ops_sqrt": "0", "ops_tanh": "0", "ops_erf": "0", "ops_pow": "0",
        "ops_log": "0", "ops_abs": "0", "ops_floor": "0", "ops_sin": "0", "ops_cos": "0", "ratio_kind": "standard",
        "ratio_formula": "1/N + 1/Dk²", "ratio_numbers": "1/8 + 1/9", "ratio_exact": "17/72",
        "ratio_value": "0.2361111111111111", "ratio_term": "", "notes": "",
    }  # fmt: skip
    assert rows[6]["input_shape"] == "8×4×4 8×4×4"
    assert rows[7]["notes"] == "output"
    assert (rows[7]["ratio_kind"], rows[7]["ratio_exact"]) == ("", "")


def test_the_rows_add_up_to_the_networks_totals(render):
    total = convcost.analyze("mobilenet_v2").to_dict()["total"]
    _, rows = read(render("csv", "mobilenet_v2"))
    for column in total.keys() - {"ops"}:
        assert sum(int(row[column]) for row in rows) == total[column], column


def test_several_specs_share_a_heading(small, render):
    text = render("csv", small, "examples/one_5x5")
    heading, rows = read(text)
    assert heading == HEADING
    assert [row["network"] for row in rows] == ["Small"] * 8 + ["One 5 × 5 kernel"]


def test_a_name_is_one_cell_of_one_line(hostile, hostile_names, render):
    _, rows = read(render("csv", hostile))
    assert len(rows) == len(hostile_names) + 1
    for row in rows:
        assert row["type"] in ("relu", "conv")
        assert row["name"].isprintable()


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "=HYPERLINK(1)"])
def test_a_name_that_a_spreadsheet_would_run_is_text(name, render):
    """OWASP's list of first characters; those that no cell can start with once shown are shown as escapes."""
    spec = {"name": name, "input": [2, 3], "layers": [{"relu": None, "name": name}]}
    _, (row,) = read(render("csv", spec))
    for cell in (row["network"], row["name"]):
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_text_that_is_no_formula_stays_as_it_is(render):
    _, (row,) = read(render("csv", {"name": 'a "b", c', "input": [2, 3], "layers": [{"relu": None, "name": "1=2"}]}))
    assert (row["network"], row["name"]) == ('a "b", c', "1=2")
