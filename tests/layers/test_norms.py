"""Norms: their ledgers are those of the steps they take."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.errors import NetworkError
from convcost.executor import Array
from convcost.executor import run as execute
from convcost.layers import REGISTRY, Norm
from convcost.network import NetworkBuilder


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
    weights = {"weight": Array((3,), [5, 6, 7]), "bias": Array((3,), [1, 2, 3])}
    shifts, _ = execute("group_norm", {"num_groups": 3, "affine": True, "eps": 1}, [Array((3,), [9, 8, 7])], weights)
    assert shifts.values == [1, 2, 3]


def test_without_bias_a_norm_learns_no_shift(run):
    whole, plain = run("layer_norm", (96, 4)), run("layer_norm", (96, 4), bias=False)
    assert (whole.cost.params - plain.cost.params, whole.cost.adds - plain.cost.adds) == (96, 384)  # 96 · 4
    assert whole.cost.mults == plain.cost.mults
    whole, plain = run("group_norm", (8, 4), num_groups=2), run("group_norm", (8, 4), num_groups=2, bias=False)
    assert (whole.cost.params - plain.cost.params, whole.cost.adds - plain.cost.adds) == (8, 32)
    assert run("layer_norm", (96, 4), affine=False, bias=False) == run("layer_norm", (96, 4), affine=False)


def test_a_layer_norm_over_all_axes_learns_a_number_for_each_value(run):
    """PyTorch's LayerNorm([4, 3, 5]): n = 60, add 3n + 1 + n, mul 2n, div n + 2, one root."""
    ran = run("layer_norm", (4, 3, 5), axis=["channels", "height", "width"])
    assert ran.ops == {"mul": 120, "add": 241, "div": 62, "sqrt": 1}
    assert ran.cost.params == 120


def test_an_instance_norm_is_a_group_norm_of_single_channels(run):
    for shape in ((6,), (6, 5), (6, 4, 3)):
        instance = run("instance_norm", shape, affine=True)
        assert instance == run("group_norm", shape, num_groups=6)
        assert run("instance_norm", shape) == run("group_norm", shape, num_groups=6, affine=False)


def test_an_rms_norm_divides_by_the_root_of_the_mean_square(run):
    ran = run("rms_norm", (4, 3))
    # 3 positions of n = 4: mul n, add n + 1, div n + 1, sqrt 1; affine mul n more.
    assert ran.ops == {"mul": 24, "add": 15, "div": 15, "sqrt": 3}
    assert (ran.cost.params, ran.cost.useful_mults) == (4, 24)
    plain = run("rms_norm", (4, 3), affine=False)
    assert (plain.ops, plain.cost.params) == ({"mul": 12, "add": 15, "div": 15, "sqrt": 3}, 0)


def test_l2_normalize_divides_by_the_length(run):
    ran = run("l2_normalize", (4, 3))
    assert ran.ops == {"mul": 12, "add": 12, "div": 12, "cmp": 3, "sqrt": 3}
    assert (ran.cost.params, ran.cost.useful_mults) == (0, 12)


def test_norms_follow_the_channels_of_tokens():
    builder = NetworkBuilder()
    x = builder.input([5, 8], "tokens")
    for type in ("layer_norm", "rms_norm", "l2_normalize", "instance_norm", "local_response_norm"):
        y = builder.add(type, x, **{"size": 3} if type == "local_response_norm" else {})
        assert (y.shape, y.layout) == ((5, 8), "tokens")
        axis = builder.layers[-1].definition.axis
        assert axis in (1, (1,))
    assert builder.layers[0].cost().params == 16
    assert builder.layers[1].cost().params == 8


def test_what_no_axis_follows_from_needs_one():
    """`rms_norm` takes the last axis of an unknown layout, `instance_norm` the first; `l2_normalize` asks."""
    builder = NetworkBuilder()
    x = builder.input([5, 8], "unknown")
    builder.add("rms_norm", x)
    builder.add("instance_norm", x)
    assert [layer.definition.axis for layer in builder.layers] == [(1,), 0]
    with pytest.raises(NetworkError) as caught:
        builder.add("l2_normalize", x)
    (detail,) = caught.value.details
    assert detail.message == "l2_normalize needs axis: what the axes are is unknown"
    assert (detail.found, detail.help) == ("[5, 8]", "an axis, such as -1, or `layout` on the item before")


def test_a_local_response_norm_goes_along_its_axis():
    """Of tokens [1, 2, 3] and [0, 0, 2]: β 1, k 1, α / size 1, so x / (1 + the squares of it and its neighbours)."""
    x = Array((2, 3), [1, 2, 3, 0, 0, 2])
    fields = {"axis": 1, "size": 3, "alpha": 3, "beta": 1, "k": 1}
    y, _ = execute("local_response_norm", fields, [x])
    assert y.values == pytest.approx([1 / 6, 2 / 15, 3 / 14, 0, 0, 2 / 5])
