"""Arithmetic value by value, with a constant, and with a learned summand."""

from __future__ import annotations

from fractions import Fraction

import pytest

import convcost
from convcost.network import Tensor

PER_VALUE = {
    "exp": {"exp": 1},
    "log": {"log": 1},
    "sqrt": {"sqrt": 1},
    "rsqrt": {"div": 1, "sqrt": 1},  # 1 / √x
    "reciprocal": {"div": 1},
    "abs": {"abs": 1},
    "neg": {},
    "square": {"mul": 1},  # x · x
    "sign": {"cmp": 2},  # above 0, below 0
    "floor": {"floor": 1},
    "ceil": {"floor": 1},
    "round": {"floor": 1},
    "sin": {"sin": 1},
    "cos": {"cos": 1},
    "erf": {"erf": 1},
    "pow": {"pow": 1},
    "clamp": {"cmp": 2},
    "add": {"add": 1},
    "multiply": {"mul": 1},
    "maximum": {"cmp": 1},
    "minimum": {"cmp": 1},
}
VALUES = {"pow": 3, "clamp": [0, Fraction(13, 2)], "add": -1, "multiply": Fraction(1, 2), "maximum": 0, "minimum": 6}


@pytest.mark.parametrize("op", PER_VALUE)
def test_an_operation_costs_the_same_for_each_value(op, run):
    ran = run("elementwise", (4, 5, 3), op=op, **({"value": VALUES[op]} if op in VALUES else {}))
    assert ran.output == (4, 5, 3)
    assert ran.ops == {kind: 60 * count for kind, count in PER_VALUE[op].items()}
    assert (ran.cost.useful_mults, ran.cost.macs, ran.cost.params) == (ran.cost.mults, 0, 0)


def test_two_inputs_meet_value_by_value(run):
    assert run("subtract", (4, 3, 3), (4, 1, 1)).ops == {"add": 36}
    assert run("divide", (1, 3), (4, 1)).ops == {"div": 12}
    assert run("maximum", (4, 3), (4, 3), (4, 1)).ops == {"cmp": 24}  # 12 · 2
    assert run("minimum", (4, 3), (4, 3)).ops == {"cmp": 12}
    assert run("divide", (1, 3), (4, 1)).output == (4, 3)


def test_a_summand_is_learned_for_each_channel(run):
    ran = run("shift", (6, 4, 5))
    assert (ran.ops, ran.cost.params, ran.cost.mults) == ({"add": 120}, 6, 0)
    builder = convcost.NetworkBuilder()
    tokens = builder.input([4, 6], layout="tokens")
    builder.add("shift", tokens)
    assert convcost.Model(builder.build()).analyze().total.params == 6


@pytest.mark.parametrize(
    ("given", "message", "found"),
    [
        ({"op": "pow"}, "pow needs value", ""),
        ({"op": "clamp"}, "clamp needs value", ""),
        ({"op": "clamp", "value": 6}, "the value of clamp must be [least, largest]", "6"),
        ({"op": "clamp", "value": [6, 0]}, "the value of clamp must be [least, largest]", "6 is above 0"),
        ({"op": "exp", "value": 2}, "exp takes no value", ""),
        ({"op": "add", "value": [1, 2]}, "the value of add must be one number", "a list"),
        ({"op": "add", "value": [1, 2, 3]}, "value must be a number, or [least, largest]", "3 given"),
        ({"op": "clamp", "value": [1, "x"]}, "value must be numbers", "[1, 'x']"),
    ],
)
def test_a_value_that_does_not_serve_the_operation_is_refused(given, message, found):
    builder = convcost.NetworkBuilder()
    with pytest.raises(convcost.NetworkError) as error:
        builder.add("elementwise", builder.input([3, 4]), **given)
    assert str(error.value) == f"error: {message}" + (f"\n = found: {found}" if found else "")


@pytest.mark.parametrize("type", ["subtract", "divide"])
def test_two_inputs_are_two(type):
    builder = convcost.NetworkBuilder()
    x: Tensor = builder.input([3, 4])
    with pytest.raises(convcost.NetworkError, match=f"{type} takes 2 inputs"):
        builder.add(type, x, x, x)


def test_a_spec_may_name_the_operation():
    spec = {
        "input": [3, 4],
        "layers": [{"elementwise": {"op": "clamp", "value": ["0", "2 * 3"]}}, {"elementwise": {"op": "exp"}}],
    }
    assert convcost.load(spec).analyze().total.ops.to_dict() == {"cmp": 24, "exp": 12}
