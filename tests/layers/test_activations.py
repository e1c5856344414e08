"""Activations: a ledger per value, whatever the values are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.layers import REGISTRY, Activation

PER_VALUE = {
    "relu": {"cmp": 1},
    "relu6": {"cmp": 2},
    "leaky_relu": {"mul": 1, "cmp": 1},
    "prelu": {"mul": 1, "cmp": 1},
    "sigmoid": {"add": 1, "div": 1, "exp": 1},  # eˣ / (1 + eˣ), eˣ kept
    "tanh": {"tanh": 1},
    "hard_sigmoid": {"add": 1, "div": 1, "cmp": 2},  # relu6(x + 3) / 6
    "hard_swish": {"mul": 1, "add": 1, "div": 1, "cmp": 2},  # x · relu6(x + 3) / 6
    "silu": {"mul": 1, "add": 1, "div": 1, "exp": 1},
    "gelu": {"mul": 3, "add": 1, "erf": 1},  # (½ · x) · (1 + erf(x · 1/√2))
}


@pytest.mark.parametrize("type", PER_VALUE)
@pytest.mark.parametrize("shape", [(6,), (2, 3), (4, 5, 6), (2, 3, 4, 5)])
def test_an_activation_costs_the_same_for_each_value(type, shape, run):
    values = 1
    for size in shape:
        values *= size
    ran = run(type, shape)
    assert ran.output == shape
    assert ran.ops == {kind: count * values for kind, count in PER_VALUE[type].items()}
    assert ran.cost.useful_mults == ran.cost.mults
    assert (ran.cost.macs, ran.cost.buffers) == (0, 0)
    assert ran.cost.params == (1 if type == "prelu" else 0)


def test_gelu_by_its_tanh_formula(run):
    # ½ · x · (1 + tanh(c · (x + 0.044715 · x · x · x))): 2 + 1 + 3 products, 2 sums
    assert run("gelu", (10,), approximate="tanh").ops == {"mul": 60, "add": 20, "tanh": 10}


def test_prelu_learns_one_slope_or_one_per_channel(run):
    assert run("prelu", (8, 4, 4)).cost.params == 1
    each = run("prelu", (8, 4, 4), num_parameters=8)
    assert (each.cost.params, each.ops) == (8, {"mul": 128, "cmp": 128})


def test_the_slope_of_leaky_relu_changes_no_count(run):
    assert run("leaky_relu", (4, 4), negative_slope=0) == run("leaky_relu", (4, 4))


def test_softmax_works_over_the_channels_of_each_position(run):
    ran = run("softmax", (21, 4, 4))
    # 16 positions of n = 21: cmp 20, differences 21 and sum 21, exp 21, div 21
    assert ran.ops == {"add": 672, "div": 336, "cmp": 320, "exp": 336}
    assert run("softmax", (1000,)).ops == {"add": 2_000, "div": 1_000, "cmp": 999, "exp": 1_000}


@given(channels=st.integers(1, 20), spatial=st.lists(st.integers(1, 5), max_size=3))
def test_softmax_counts_position_by_position(channels, spatial, run):
    one = run("softmax", (channels,)).ops
    positions = 1
    for size in spatial:
        positions *= size
    many = run("softmax", (channels, *spatial)).ops
    assert many == {kind: count * positions for kind, count in one.items()}


def test_the_types_that_activation_may_name():
    assert {name for name, layer in REGISTRY.items() if issubclass(layer, Activation)} == {*PER_VALUE, "softmax"}
