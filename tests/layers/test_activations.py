"""Activations: a ledger per value, whatever the values are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcost
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
    "hard_tanh": {"cmp": 2},
    "elu": {"mul": 1, "add": 1, "cmp": 1, "exp": 1},  # x, or α · (eˣ − 1)
    "selu": {"mul": 2, "add": 1, "cmp": 1, "exp": 1},  # λ times it
    "celu": {"mul": 1, "add": 2, "div": 1, "cmp": 2, "exp": 1},  # max(0, x) + min(0, α · (e^(x/α) − 1))
    "softplus": {"add": 1, "exp": 1, "log": 1},  # log(1 + eˣ)
    "softsign": {"add": 1, "div": 1, "abs": 1},  # x / (1 + |x|)
    "mish": {"mul": 1, "add": 1, "exp": 1, "tanh": 1, "log": 1},  # x · tanh(log(1 + eˣ))
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


def test_log_softmax_takes_the_logarithm_of_each_sum(run):
    # 16 positions of n = 21: cmp 20, two differences and one sum of 21, exp 21, log 1
    ops = {"add": 1_008, "cmp": 320, "exp": 336, "log": 16}
    assert run("log_softmax", (21, 4, 4)).ops == ops


def test_glu_halves_the_channels_or_another_axis(run):
    ran = run("glu", (6, 4, 4))
    assert ran.output == (3, 4, 4)
    assert ran.ops == {"mul": 48, "add": 48, "div": 48, "exp": 48}  # 3 · 16 values
    assert ran.cost.useful_mults == 48
    assert run("glu", (6, 4, 5), axis=1).output == (6, 2, 5)


@pytest.mark.parametrize(
    ("type", "shape", "given", "message", "found"),
    [
        ("glu", [5, 4], {}, "glu halves axis 0: its size must be even", "it is 5"),
        ("hard_tanh", [5], {"min_val": 2}, "min_val must be below max_val", "min_val 2, max_val 1"),
        ("celu", [5], {"alpha": 0}, "alpha must not be 0", "it is divided by"),
    ],
)
def test_an_activation_that_cannot_work_is_refused(type, shape, given, message, found):
    builder = convcost.NetworkBuilder()
    with pytest.raises(convcost.NetworkError) as error:
        builder.add(type, builder.input(shape), **given)
    assert str(error.value) == f"error: {message}\n = found: {found}"


def test_the_types_that_activation_may_name():
    assert {name for name, layer in REGISTRY.items() if issubclass(layer, Activation)} == {
        *PER_VALUE,
        "softmax",
        "log_softmax",
    }
