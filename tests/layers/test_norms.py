"""Norms: their ledgers are those of the steps they take."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.executor import Tensor
from convcost.executor import run as execute
from convcost.layers import REGISTRY, Norm


def test_a_batch_norm_scales_and_shifts_each_value(run):
    ran = run("batch_norm", (32, 112, 112))
    assert ran.output == (32, 112, 112)
    assert ran.ops == {"mul": 401_408, "add": 401_408}  # 32 · 112 · 112
    assert (ran.cost.params, ran.cost.buffers) == (64, 64)
    assert (ran.cost.macs, ran.cost.useful_mults) == (0, 401_408)


def test_a_batch_norm_without_affine_learns_nothing_and_works_as_much(run):
    ran = run("batch_norm", (32, 4), affine=False)
    assert (ran.cost.params, ran.cost.buffers) == (0, 64)
    assert ran.ops == {"mul": 128, "add": 128}


def test_a_batch_norm_takes_a_vector(run):
    ran = run("batch_norm", (10,))
    assert (ran.output, ran.ops, ran.cost.params) == ((10,), {"mul": 10, "add": 10}, 20)


def test_a_layer_norm_standardises_the_channels_of_each_position(run):
    ran = run("layer_norm", (96, 56, 56))
    assert ran.output == (96, 56, 56)
    # 3,136 positions of n = 96: add 3n + 1 + n = 385, mul 2n = 192, div n + 2 = 98, sqrt 1
    assert ran.ops == {"mul": 602_112, "add": 1_207_360, "div": 307_328, "sqrt": 3_136}
    assert (ran.cost.params, ran.cost.buffers, ran.cost.useful_mults) == (192, 0, 602_112)


def test_a_group_norm_standardises_each_group_of_channels(run):
    ran = run("group_norm", (8, 4, 4), num_groups=2)
    # 2 groups of n = 4 · 16 = 64: add 3n + 1 = 193, mul 64, div 66, sqrt 1; affine 128 mul and add more
    assert ran.ops == {"mul": 256, "add": 514, "div": 132, "sqrt": 2}
    assert ran.cost.params == 16
    plain = run("group_norm", (8, 4, 4), num_groups=2, affine=False)
    assert plain.ops == {"mul": 128, "add": 386, "div": 132, "sqrt": 2}
    assert plain.cost.params == 0


def standardised(values, tally):
    """Take the steps that bring values to mean 0 and variance 1, counting each."""
    total = 0.0
    for value in values:
        total += value
        tally["add"] += 1
    mean = total / len(values)
    tally["div"] += 1
    centred = []
    for value in values:
        centred.append(value - mean)
        tally["add"] += 1
    squares = 0.0
    for value in centred:
        squares += value * value
        tally["mul"] += 1
        tally["add"] += 1
    variance = squares / len(values)
    tally["div"] += 1
    root = (variance + 1e-5) ** 0.5
    tally["add"] += 1
    tally["sqrt"] += 1
    for value in centred:
        value /= root
        tally["div"] += 1


@given(
    groups=st.integers(1, 3),
    share=st.integers(1, 4),
    spatial=st.lists(st.integers(1, 3), min_size=0, max_size=3),
    affine=st.booleans(),
)
def test_the_steps_of_layer_and_group_norms_add_up(groups, share, spatial, affine, run):
    channels = groups * share
    shape = (channels, *spatial)
    positions = list(product(*map(range, spatial)))
    after = Counter(mul=channels * len(positions), add=channels * len(positions)) if affine else Counter()

    tally = Counter(after)
    for group in range(groups):
        standardised([float(c + sum(p)) for c in range(group * share, (group + 1) * share) for p in positions], tally)
    grouped = run("group_norm", shape, num_groups=groups, affine=affine)
    assert (grouped.ops, grouped.cost.params) == (dict(tally), 2 * channels * affine)

    tally = Counter(after)
    for position in positions:
        standardised([float(c + sum(position)) for c in range(channels)], tally)
    layered = run("layer_norm", shape, affine=affine)
    assert (layered.ops, layered.cost.params) == (dict(tally), 2 * channels * affine)


def test_a_local_response_norm_sums_the_squares_of_its_neighbours(run):
    ran = run("local_response_norm", (96, 55, 55), size=5)
    # 290,400 values, each: mul 2, add 5 + 1, pow 1, div 1
    assert ran.ops == {"mul": 580_800, "add": 1_742_400, "div": 290_400, "pow": 290_400}
    assert (ran.cost.params, ran.cost.useful_mults) == (0, 580_800)


def test_a_scale_is_a_learned_factor_per_channel(run):
    ran = run("scale", (96, 7, 7))
    assert ran.output == (96, 7, 7)
    assert ran.ops == {"mul": 4_704}  # 96 · 49
    assert (ran.cost.params, ran.cost.buffers, ran.cost.macs, ran.cost.useful_mults) == (96, 0, 0, 4_704)


@pytest.mark.parametrize("eps", [0, 1])
def test_what_a_norm_adds_to_the_variance_changes_no_count(eps, run):
    assert run("layer_norm", (4, 4), eps=eps) == run("layer_norm", (4, 4))
    assert run("batch_norm", (4, 4), eps=eps, momentum=eps) == run("batch_norm", (4, 4))


def test_the_types_that_norm_may_name():
    named = {name for name, layer in REGISTRY.items() if issubclass(layer, Norm)}
    assert named == {
        "batch_norm",
        "layer_norm",
        "group_norm",
        "instance_norm",
        "rms_norm",
        "local_response_norm",
    }


def test_a_group_of_one_value_becomes_its_shift(run):
    """PyTorch refuses it for a batch of one: 3 + 1 add, 1 mul, 1 + 2 div, a root, then a factor and a shift."""
    norm = run("group_norm", (3,), num_groups=3)
    assert norm.output == (3,)
    assert norm.ops == {"mul": 3 * (1 + 1), "add": 3 * (4 + 1), "div": 3 * 3, "sqrt": 3}
    weights = {"weight": Tensor((3,), [5, 6, 7]), "bias": Tensor((3,), [1, 2, 3])}
    shifts, _ = execute("group_norm", {"num_groups": 3, "affine": True, "eps": 1}, [Tensor((3,), [9, 8, 7])], weights)
    assert shifts.values == [1, 2, 3]
