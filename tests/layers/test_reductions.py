"""Reductions: one number for all values along some axes."""

from __future__ import annotations

import pytest

import convcost
from convcost.errors import NetworkError
from convcost.layers import LayerError
from convcost.network import NetworkBuilder

OPS = {  # of 4 values
    "sum": {"add": 4},
    "mean": {"add": 4, "div": 1},
    "max": {"cmp": 3},
    "min": {"cmp": 3},
    "norm": {"mul": 4, "add": 4, "sqrt": 1},
}


@pytest.mark.parametrize("op", OPS)
def test_each_output_reads_the_values_of_the_axes(op, run):
    ran = run("reduce", (4, 3, 5), op=op, axis=0)
    assert ran.output == (3, 5)
    assert ran.ops == {kind: 15 * count for kind, count in OPS[op].items()}
    assert (ran.cost.params, ran.cost.macs, ran.cost.useful_mults) == (0, 0, 60 if op == "norm" else 0)


def test_axes_go_together(run):
    ran = run("reduce", (4, 3, 5), op="mean", axis=[-1, "channels"])
    assert (ran.output, ran.ops) == ((3,), {"add": 60, "div": 3})  # 3 means of 20
    assert run("reduce", (4, 3, 5), op="mean", axis=["height", "width"], keepdim=True).output == (4, 1, 1)
    assert run("reduce", (4, 3, 5), op="max", axis=[0, 1, 2], keepdim=True).output == (1, 1, 1)


def test_the_layout_stays_while_the_axes_do():
    builder = NetworkBuilder()
    x = builder.input([6, 3], "tokens")
    assert builder.add("reduce", x, op="mean", axis="length", keepdim=True).layout == "tokens"
    assert builder.add("reduce", x, op="mean", axis="length").layout == "unknown"
    assert builder.add("reduce", x, op="mean", axis="length", layout="vector").layout == "vector"


@pytest.mark.parametrize(
    ("given", "message", "found", "help"),
    [
        (
            {"op": "sum", "axis": [0, 1]},
            "reduce must leave an axis",
            "[6, 3] has 2, all of them reduced",
            "keepdim: true keeps them, of size 1",
        ),
        (
            {"op": "sum", "axis": 2},
            "there is no axis 2 here",
            "[6, 3] reaches it, tokens",
            "without the batch axis there are 2, from 0",
        ),
        ({"op": "sum", "axis": "height"}, "there is no axis height here", "[6, 3] reaches it, tokens", ""),
        ({"op": "sum", "axis": [0, -2]}, "axis names an axis twice", "", ""),
        ({"op": "median", "axis": 0}, "op must be sum or mean or max or min or norm", "'median'", ""),
        ({"op": "sum"}, "reduce needs axis", "", ""),
        (
            {"op": "sum", "axis": 0, "layout": "tokens"},
            "the layout tokens has at least two axes",
            "the output is [3]",
            "",
        ),
        (
            {"op": "sum", "axis": 0, "layout": "vector", "keepdim": True},
            "the layout vector has one axis",
            "the output is [1, 3]",
            "",
        ),
    ],
)
def test_what_cannot_be_reduced_is_refused(given, message, found, help):
    builder = NetworkBuilder()
    x = builder.input([6, 3], "tokens")
    with pytest.raises(NetworkError) as caught:
        builder.add("reduce", x, **given)
    (detail,) = caught.value.details
    assert (detail.message, detail.found, detail.help) == (message, found, help)


def test_nothing_is_left_of_a_vector(run):
    with pytest.raises(LayerError, match="reduce must leave an axis"):
        run("reduce", (4,), op="sum", axis=0)


@pytest.mark.parametrize("op", OPS)
def test_an_op_that_is_a_functions_name_is_a_word_in_a_spec(op):
    """`max` and `min` are functions of expressions too."""
    spec = {"input": [4, 3, 5], "layers": [{"reduce": {"op": op, "axis": "channels"}}]}
    (layer,) = convcost.load(spec).network.layers
    assert (layer.fields["op"], layer.output_shape) == (op, (3, 5))


def test_a_functions_name_where_no_word_is_meant_stays_an_error():
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load({"input": [4, 3, 5], "layers": [{"reduce": {"op": "sum", "axis": 0, "keepdim": "max"}}]})
    assert caught.value.details[0].message == "max is a function"
