"""Convolutions over windows: dense, grouped, depthwise, pointwise and separable."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import convcost
from convcost.layers import REGISTRY, LayerError
from convcost.ops import Cost


def test_a_convolution_multiplies_each_weight_at_each_place(run):
    ran = run("conv", (3, 12, 12), out_channels=256, kernel_size=5, bias=False)
    assert ran.output == (256, 8, 8)  # 12 − 5 + 1
    assert ran.cost.params == 19_200  # 256 · 3 · 5 · 5
    assert ran.ops == {"mul": 1_228_800, "add": 1_228_800}  # 8 · 8 · 19,200
    assert ran.cost.macs == ran.cost.useful_mults == 1_228_800
    assert ran.cost.flops == 2_457_600
    assert ran.cost.buffers == 0


def test_a_bias_adds_parameters_and_no_operation(run):
    plain = run("conv", (4, 6, 6), out_channels=2, kernel_size=3, bias=False)
    biased = run("conv", (4, 6, 6), out_channels=2, kernel_size=3)
    # an accumulator starts at the bias instead of at zero: N = 2 parameters more
    assert (plain.cost.params, biased.cost.params) == (72, 74)
    assert plain.cost.ops == biased.cost.ops


def test_padding_zeros_are_multiplied_but_not_useful(run):
    ran = run("conv", (1, 3, 3), out_channels=1, kernel_size=3, padding=1)
    assert ran.output == (1, 3, 3)
    assert ran.cost.mults == 81  # 3 · 3 places · 9
    # per axis the three windows meet 2, 3 and 2 values: 7 · 7
    assert ran.cost.useful_mults == 49


def test_stride_dilation_and_sizes_differ_by_axis(run):
    ran = run("conv", (2, 9, 8), out_channels=5, kernel_size=[3, 2], stride=[2, 3], dilation=[2, 1])
    # height: (9 − (2·2 + 1)) // 2 + 1 = 3; width: (8 − 2) // 3 + 1 = 3
    assert ran.output == (5, 3, 3)
    assert ran.cost.params == 65  # 5 · 2 · 3 · 2 + 5
    assert ran.cost.mults == 540  # 3 · 3 · 60


def test_one_padding_pair_per_axis(run):
    ran = run("conv", (1, 4, 4), out_channels=1, kernel_size=2, padding=[[1, 0], [0, 2]])
    assert ran.output == (1, 4, 5)  # 1 + 4 − 2 + 1, 4 + 2 − 2 + 1
    assert ran.cost.mults == 80  # 4 · 5 · 4
    # height: 8 pairs less 1 before; width: 10 less 3 behind
    assert ran.cost.useful_mults == 49


@pytest.mark.parametrize(
    ("shape", "output", "params", "mults"),
    [
        ((2, 10), (4, 8), 28, 192),  # 4 · 2 · 3 + 4, 8 · 24
        ((2, 10, 10), (4, 8, 8), 76, 4_608),  # 4 · 2 · 9 + 4, 64 · 72
        ((2, 10, 10, 10), (4, 8, 8, 8), 220, 110_592),  # 4 · 2 · 27 + 4, 512 · 216
    ],
)
def test_the_rank_follows_the_input(shape, output, params, mults, run):
    ran = run("conv", shape, out_channels=4, kernel_size=3)
    assert (ran.output, ran.cost.params, ran.cost.mults) == (output, params, mults)


def test_a_grouped_convolution_reads_a_share_of_the_channels(run):
    ran = run("conv", (6, 5, 5), out_channels=4, kernel_size=3, groups=2)
    assert ran.cost.params == 112  # 4 · (6/2) · 9 + 4
    assert ran.cost.mults == 972  # 3 · 3 · 108


def test_a_depthwise_convolution_has_a_kernel_for_each_channel(run):
    ran = run("depthwise_conv", (3, 12, 12), kernel_size=5, bias=False)
    assert ran.output == (3, 8, 8)
    assert ran.cost.params == 75  # 3 · 25
    assert ran.ops == {"mul": 4_800, "add": 4_800}  # 64 · 75
    assert ran.cost.macs == 4_800


def test_a_depth_multiplier_gives_each_channel_several_kernels(run):
    ran = run("depthwise_conv", (3, 12, 12), kernel_size=5, depth_multiplier=4)
    assert ran.output == (12, 8, 8)
    assert ran.cost.params == 312  # 4 · 3 · 25 + 12
    assert ran.cost.mults == 19_200  # 64 · 300


def test_a_pointwise_convolution_mixes_the_channels_of_each_position(run):
    ran = run("pointwise_conv", (3, 8, 8), out_channels=256, bias=False)
    assert ran.output == (256, 8, 8)
    assert ran.cost.params == 768  # 256 · 3
    assert ran.ops == {"mul": 49_152, "add": 49_152}  # 64 · 768
    strided = run("pointwise_conv", (4, 7, 7), out_channels=6, stride=2, groups=2)
    assert strided.output == (6, 4, 4)  # (7 − 1) // 2 + 1
    assert strided.cost.params == 18  # 6 · (4/2) + 6
    assert strided.cost.mults == 192  # 16 · 12


def test_a_separable_convolution_is_written_for_its_two_stages():
    given = {
        "out_channels": 8,
        "kernel_size": (3, 5),
        "depth_multiplier": 2,
        "stride": (2, 1),
        "padding": ((1, 1), (2, 2)),
        "padding_mode": "reflect",
        "dilation": (1, 1),
        "bias": False,
    }
    depthwise, pointwise = REGISTRY["separable_conv"]({**given, "mid_bias": None}).stages()
    window = {name: value for name, value in given.items() if name != "out_channels"}
    assert depthwise == ("depthwise", "depthwise_conv", window)
    only = {"out_channels": 8, "stride": (1, 1), "groups": 1, "bias": False}
    assert pointwise == ("pointwise", "pointwise_conv", only)


# independent definitions, index by index

axes = st.fixed_dictionaries(
    {
        "i": st.integers(1, 5),
        "k": st.integers(1, 3),
        "s": st.integers(1, 3),
        "d": st.integers(1, 2),
        "pad": st.tuples(st.integers(0, 3), st.integers(0, 3)) | st.just("same"),
    }
)


def windows(i, k, s, d, pad):
    """Return the windows of an axis, each a list of the indices it reads, None for those in the padding."""
    before, after = pad
    padded = [None] * before + list(range(i)) + [None] * after
    starts = range(0, len(padded), s)
    return [padded[a : a + d * (k - 1) + 1 : d] for a in starts if a + d * (k - 1) < len(padded)]


def same(i, k, s, d):
    """Return the smallest padding with which ⌈i/s⌉ windows fit, the odd one after."""
    wanted = len(range(0, i, s))
    total = 0
    while len(windows(i, k, s, d, (0, total))) < wanted:
        total += 1
    return total // 2, total - total // 2


def resolve(axis):
    """Return an axis with its padding as a pair, and its windows."""
    pad = same(axis["i"], axis["k"], axis["s"], axis["d"]) if axis["pad"] == "same" else axis["pad"]
    return windows(axis["i"], axis["k"], axis["s"], axis["d"], pad)


def products(sides, inputs, outputs, groups):
    """Return how many products a convolution forms, and how many of them read a value of the input."""
    formed = useful = 0
    for _, channel in product(range(outputs), range(inputs // groups)):
        assert channel < inputs
        for place in product(*sides):  # a window on each axis
            for taps in product(*place):
                formed += 1
                useful += None not in taps
    return formed, useful


def fields(axes):
    """Return the axes as a layer's fields; the padding is `same` when the first axis says so."""
    if axes[0]["pad"] == "same":
        axes = [axis | {"pad": "same"} for axis in axes]
        padding = "same"
    else:
        axes = [axis if axis["pad"] != "same" else axis | {"pad": (0, 1)} for axis in axes]
        padding = [list(axis["pad"]) for axis in axes]
    names = {"kernel_size": "k", "stride": "s", "dilation": "d"}
    return axes, {field: [axis[short] for axis in axes] for field, short in names.items()} | {"padding": padding}


@given(
    axes=st.lists(axes, min_size=1, max_size=3),
    groups=st.integers(1, 2),
    share=st.integers(1, 2),
    each=st.integers(1, 2),
)
def test_a_convolution_counts_what_its_windows_read(axes, groups, share, each, run):
    """Enumerated index by index: output size, multiplications and those of values, in rank 1, 2 and 3."""
    axes, given_fields = fields(axes)
    sides = [resolve(axis) for axis in axes]
    inputs, outputs = groups * share, groups * each
    shape = (inputs, *(axis["i"] for axis in axes))
    if not all(sides):
        with pytest.raises(LayerError, match="the kernel must fit into its padded input"):
            run("conv", shape, out_channels=outputs, groups=groups, **given_fields)
        return
    ran = run("conv", shape, out_channels=outputs, groups=groups, **given_fields)
    formed, useful = products(sides, inputs, outputs, groups)
    assert ran.output == (outputs, *map(len, sides))
    assert (ran.cost.mults, ran.cost.useful_mults) == (formed, useful)
    assert ran.cost.adds == ran.cost.macs == formed


@given(axis=axes)
def test_same_padding_keeps_the_size_divided_by_the_stride(axis, run):
    """As few zeros as give ⌈i/s⌉ windows, the odd one after; never fewer than none."""
    i, k, s, d = (axis[name] for name in "iksd")
    before, after = same(i, k, s, d)
    window = {"kernel_size": k, "stride": s, "dilation": d}
    chosen = run("conv", (1, i), out_channels=1, padding="same", **window)
    spelled = run("conv", (1, i), out_channels=1, padding=[[before, after]], **window)
    assert chosen == spelled
    assert chosen.output == (1, -(-i // s))


@given(
    groups=st.integers(1, 4),
    share=st.integers(1, 3),
    each=st.integers(1, 3),
    size=st.integers(3, 9),
    window=st.fixed_dictionaries(
        {"kernel_size": st.integers(1, 3), "stride": st.integers(1, 2), "padding": st.integers(0, 2)}
    ),
    bias=st.booleans(),
    type=st.sampled_from(["conv", "transposed_conv"]),
)
def test_a_grouped_convolution_is_the_sum_of_its_groups(groups, share, each, size, window, bias, type, run):
    inputs, outputs = groups * share, groups * each
    assume(type == "conv" or (size - 1) * window["stride"] + window["kernel_size"] > 2 * window["padding"])
    whole = run(type, (inputs, size, size), out_channels=outputs, groups=groups, bias=bias, **window).cost
    part = run(type, (share, size, size), out_channels=each, bias=bias, **window).cost
    assert whole == sum([part] * groups, Cost())


@given(
    channels=st.integers(1, 5),
    outputs=st.integers(1, 5),
    multiplier=st.integers(1, 3),
    axes=st.lists(axes, min_size=1, max_size=3),
)
def test_a_separable_convolution_is_its_depthwise_and_its_pointwise_stage(channels, outputs, multiplier, axes, run):
    """Its share of the standard convolution's products is m/N + m/Dk²."""
    axes, window = fields(axes)
    if not all(resolve(axis) for axis in axes):
        return
    shape = (channels, *(axis["i"] for axis in axes))
    depthwise = run("depthwise_conv", shape, depth_multiplier=multiplier, bias=False, **window)
    pointwise = run("pointwise_conv", depthwise.output, out_channels=outputs, bias=False)
    standard = run("conv", shape, out_channels=outputs, bias=False, **window)
    assert pointwise.output == standard.output
    kernel = 1
    for axis in axes:
        kernel *= axis["k"]
    ratio = Fraction(multiplier, outputs) + Fraction(multiplier, kernel)
    assert Fraction(depthwise.cost.mults + pointwise.cost.mults, standard.cost.mults) == ratio
    assert Fraction(depthwise.cost.params + pointwise.cost.params, standard.cost.params) == ratio


@given(channels=st.integers(1, 4), multiplier=st.integers(1, 3), axis=axes, bias=st.booleans())
def test_a_depthwise_convolution_is_one_with_as_many_groups_as_channels(channels, multiplier, axis, bias, run):
    _, window = fields([axis])
    if not resolve(axis):
        return
    outputs = multiplier * channels
    grouped = run("conv", (channels, axis["i"]), out_channels=outputs, groups=channels, bias=bias, **window)
    assert run("depthwise_conv", (channels, axis["i"]), depth_multiplier=multiplier, bias=bias, **window) == grouped


# transposed convolutions


def test_a_transposed_convolution_multiplies_each_input_value_by_each_kernel_value(run):
    ran = run("transposed_conv", (1, 2, 2), out_channels=1, kernel_size=3, bias=False)
    assert ran.output == (1, 4, 4)  # 2 − 1 + 3
    assert ran.ops == {"mul": 36, "add": 36}  # 2 · 2 input values · 9
    assert (ran.cost.params, ran.cost.macs, ran.cost.useful_mults) == (9, 36, 36)


def test_a_transposed_convolution_of_stride_2_counts_by_its_input(run):
    ran = run("transposed_conv", (64, 8, 8), out_channels=32, kernel_size=2, stride=2)
    assert ran.output == (32, 16, 16)
    assert ran.cost.params == 8_224  # 64 · 32 · 4 + 32
    assert ran.cost.mults == 524_288  # 8 · 8 · 64 · 32 · 4


def test_cropped_products_are_formed_but_not_useful(run):
    ran = run("transposed_conv", (1, 3), out_channels=1, kernel_size=3, padding=1)
    assert ran.output == (1, 3)  # 3 − 1 + 3 − 2
    assert ran.cost.mults == 9
    assert ran.cost.useful_mults == 7  # each margin takes the one product that lands in it


def test_output_padding_takes_back_what_padding_crops_behind(run):
    window = {"out_channels": 1, "kernel_size": 3, "stride": 2, "padding": 1}
    without = run("transposed_conv", (1, 3), **window)
    with_one = run("transposed_conv", (1, 3), output_padding=1, **window)
    # (3 − 1)·2 + 3 = 7 places, less 2 cropped; one given back
    assert (without.output, with_one.output) == ((1, 5), (1, 6))
    # of 9 products the first and the last are cropped; output_padding keeps the last
    assert (without.cost.useful_mults, with_one.cost.useful_mults) == (7, 8)


transposed_axes = st.fixed_dictionaries(
    {
        "i": st.integers(1, 4),
        "k": st.integers(1, 3),
        "s": st.integers(1, 3),
        "d": st.integers(1, 3),
        "pad": st.tuples(st.integers(0, 4), st.integers(0, 4)),
        "extra": st.integers(0, 3),
    }
)


def spread(axis):
    """Return the output size of a transposed axis and whether each (value, tap) pair lands in it.

    The size is that of the smallest input whose ordinary convolution gives the axis, and output_padding more.
    """
    before, after = axis["pad"]
    full = 1
    while len(windows(full, axis["k"], axis["s"], axis["d"], (0, 0))) < axis["i"]:
        full += 1
    size = full - before - after + axis["extra"]
    places = [a * axis["s"] + b * axis["d"] - before for a in range(axis["i"]) for b in range(axis["k"])]
    return size, [0 <= place < size for place in places]


@given(
    axes=st.lists(transposed_axes, min_size=1, max_size=3),
    groups=st.integers(1, 2),
    share=st.integers(1, 2),
    each=st.integers(1, 2),
)
def test_a_transposed_convolution_counts_what_lands_in_its_output(axes, groups, share, each, run):
    inputs, outputs = groups * share, groups * each
    shape = (inputs, *(axis["i"] for axis in axes))
    names = {"kernel_size": "k", "stride": "s", "dilation": "d", "output_padding": "extra"}
    window = {field: [axis[short] for axis in axes] for field, short in names.items()}
    window |= {"padding": [list(axis["pad"]) for axis in axes], "out_channels": outputs, "groups": groups}
    found = [spread(axis) for axis in axes]
    allowed = [axis["extra"] < max(axis["s"], axis["d"]) or axis["extra"] == 0 for axis in axes]
    if not all(allowed) or any(size < 1 for size, _ in found):
        with pytest.raises(LayerError):
            run("transposed_conv", shape, **window)
        return
    ran = run("transposed_conv", shape, **window)
    assert ran.output == (outputs, *(size for size, _ in found))
    formed = useful = 0
    for _ in range(inputs * (outputs // groups)):
        for lands in product(*(lands for _, lands in found)):
            formed += 1
            useful += all(lands)
    assert (ran.cost.mults, ran.cost.useful_mults) == (formed, useful)
    assert ran.cost.adds == ran.cost.macs == formed


def test_keras_has_one_bias_behind_both_stages(run):
    """10 → 100 channels, 5 × 5, on 416²: 10 · 25 + 10 · 100 + 100 parameters, 412² · 1,250 products."""
    given = {"out_channels": 100, "kernel_size": 5}
    both, last, first = (
        convcost.load({"input": [10, 416, 416], "layers": [{"separable_conv": given | more}]}).analyze().total
        for more in ({}, {"mid_bias": False}, {"mid_bias": True, "bias": False})
    )
    assert (last.params, last.macs) == (1_350, 212_180_000)
    assert (both.params, first.params) == (1_360, 1_260)  # 10 more for the depthwise stage; 100 less for the other
    assert both.macs == first.macs == last.macs


def test_values_of_the_input_in_the_padding_are_of_use(run):
    """On 4 × 4 a kernel of 3 padded by 1: 16 · 9 products a pair of channels, 10 · 10 of them in the input."""
    zeros = run("conv", (2, 4, 4), out_channels=3, kernel_size=3, padding=1)
    assert (zeros.cost.mults, zeros.cost.useful_mults) == (864, 600)
    for mode in ("reflect", "replicate", "circular"):
        filled = run("conv", (2, 4, 4), out_channels=3, kernel_size=3, padding=1, padding_mode=mode)
        assert (filled.output, filled.cost.useful_mults) == (zeros.output, 864)
        assert filled.cost.ops == zeros.cost.ops
    depthwise = run("depthwise_conv", (2, 4, 4), kernel_size=3, padding=1, padding_mode="circular")
    assert depthwise.cost.useful_mults == 288


@pytest.mark.parametrize(
    ("mode", "padding", "refused"),
    [
        ("reflect", 3, True),
        ("reflect", 2, False),
        ("circular", 4, True),
        ("circular", 3, False),
        ("replicate", 4, False),
    ],
)
def test_a_padding_takes_no_more_values_than_the_input_has(mode, padding, refused):
    builder = convcost.NetworkBuilder()
    x = builder.input([2, 3])
    given = {"out_channels": 3, "kernel_size": 3, "padding": padding, "padding_mode": mode}
    if not refused:
        assert builder.add("conv", x, **given).shape == (3, 1 + 2 * padding)
        return
    with pytest.raises(convcost.NetworkError) as error:
        builder.add("conv", x, **given)
    least = "smaller than" if mode == "reflect" else "at most"
    told = f"error: padding_mode {mode}: the padding must be {least} the input\n = found: padding {padding}, size 3"
    assert str(error.value) == told
