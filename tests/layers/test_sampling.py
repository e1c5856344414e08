"""Cross-correlation, deformable convolution, grids and regions: counts worked out by hand, and what is refused."""

from __future__ import annotations

import pytest

import convcost


def test_a_modulated_deformable_convolution_with_its_offsets_and_mask(run):
    ran = run("deform_conv", (4, 5, 5), out_channels=8, kernel_size=3, padding=1, modulated=True, bias=False)
    assert ran.output == (8, 5, 5)
    assert ran.cost.params == 288 + 999  # 8 · 4 · 9; offsets 18 + mask 9 channels of 4 · 9 and a bias: 27 · 37
    assert ran.cost.macs == 31_500  # 25 · 288 + 25 · 972
    assert ran.ops == {
        "mul": 36_900,  # 31,500 + 225 points · 4 corners + 900 samples · (4 + 1)
        "add": 36_675,  # 31,500 + 225 · (2 + 4) + 900 · 4 + 225 of the sigmoid
        "div": 225,
        "exp": 225,
        "floor": 450,  # 225 · 2
    }
    # along each axis 13 of 15 taps lie in the input: 27 · 4 · (225 − 169) = 6,048 products of the offsets are useless
    assert ran.cost.useful_mults == 36_900 - 6_048


def test_a_deformable_convolution_with_groups_and_without_a_mask(run):
    ran = run("deform_conv", (4, 9), out_channels=6, kernel_size=2, stride=2, groups=2, offset_groups=2)
    assert ran.output == (6, 4)
    # 4 positions, 2 taps, 2 offset groups: 16 points with add 1 + 2, floor 1; 4 · 2 · 4 = 32 samples of mul and add 2
    weights, offsets = 6 * 2 * 2, 4 * 4 * 2  # 2 offset groups · 2 taps · 1 axis = 4 channels
    assert ran.cost.params == weights + 6 + offsets + 4
    assert ran.cost.macs == 4 * (weights + offsets)  # 224
    assert ran.ops == {"mul": 224 + 64, "add": 224 + 48 + 64, "floor": 16}
    assert ran.cost.useful_mults == ran.cost.mults


def test_defaults_and_followers_reach_the_convolution():
    """The offset convolution has its bias whatever the defaults of `conv` say."""
    item = {"deform_conv": {"out_channels": 8, "kernel_size": 3}}
    defaults = {"conv": {"bias": False, "norm": "batch_norm"}}
    analysis = convcost.load({"input": [4, 5, 5], "defaults": defaults, "layers": [item]}).analyze()
    assert [layer.type for layer in analysis.layers] == ["deform_conv", "batch_norm"]
    assert analysis.layers[0].cost.params == 288 + 18 * 37  # 8 · 36; 18 channels of 36 weights and a bias
    assert analysis.layers[1].notes[0] == "folded into deform_conv_1"


def test_one_input_slides_over_the_other(run):
    ran = run("cross_correlation", (256, 22, 22), (256, 6, 6), mode="full")
    assert ran.output == (1, 17, 17)  # SiamFC: 22 − 6 + 1
    assert ran.cost.macs == 2_663_424  # 289 · 256 · 36
    assert ran.ops == {"mul": 2_663_424, "add": 2_663_424}
    depthwise = run("cross_correlation", (256, 22, 22), (256, 6, 6))
    assert (depthwise.output, depthwise.cost.macs) == ((256, 17, 17), 2_663_424)
    many = run("cross_correlation", (4, 5), (12, 3), mode="full", padding=1)
    assert (many.output, many.cost.macs) == ((3, 5), 180)  # 5 · 12 · 3
    assert many.cost.useful_mults == 12 * 13  # of 15 taps one sticks out at each end


def test_a_grid_says_where_values_are_read(run):
    # 12 points: to pixels add 4, mul 2, div 2; corners add 4, floor 2, mul 4; 60 values of mul and add 4
    ledger = {"mul": 12 * 6 + 240, "add": 12 * 8 + 240, "div": 24, "floor": 24}
    ran = run("grid_sample", (5, 7, 7), (3, 4, 2))
    assert (ran.output, ran.ops, ran.cost.macs) == ((5, 3, 4), ledger, 0)
    assert run("grid_sample", (5, 7, 7), size=[3, 4]) == ran
    corners = run("grid_sample", (5, 7, 7), (3, 4, 2), align_corners=True)
    assert corners.ops == ledger | {"add": 12 * 6 + 240}


def test_regions_are_averaged_as_torchvision_does(run):
    given = {"num_regions": 2, "output_size": 2, "sampling_ratio": 2}
    ran = run("roi_align", (3, 8, 8), **given)
    assert ran.output == (2, 3, 2, 2)
    # regions: 2 · (mul 4, add 6, cmp 2, div 2); 32 points: mul 8, add 10, div 2, cmp 4, floor 2; 96 samples: mul and
    # add 4; 24 output values: add 4, div 1
    assert ran.ops == {
        "mul": 8 + 256 + 384,
        "add": 12 + 320 + 384 + 96,
        "div": 4 + 64 + 24,
        "cmp": 4 + 128,
        "floor": 64,
    }
    aligned = run("roi_align", (3, 8, 8), (2, 4), **given, aligned=True)
    assert aligned.ops == ran.ops | {"cmp": 128}


REFUSED = [
    (
        "deform_conv",
        [[4, 5]],
        {"out_channels": 4, "kernel_size": 3, "offset_groups": 3},
        "offset_groups must divide in_channels",
        "3 does not divide 4",
        "",
    ),
    (
        "cross_correlation",
        [[4, 5], [5, 3]],
        {},
        "a depthwise cross_correlation takes a kernel of as many channels as the map",
        "5 and 4",
        "`mode: full` mixes the channels",
    ),
    (
        "cross_correlation",
        [[4, 5], [6, 3]],
        {"mode": "full"},
        "a full cross_correlation takes a kernel of a multiple of the map's channels",
        "6 and 4",
        "",
    ),
    (
        "cross_correlation",
        [[4, 3], [4, 6]],
        {"padding": 1},
        "the kernel of cross_correlation must fit into the map",
        "a kernel of 6 on a map of 3, padded to 5",
        "from: [map, kernel]",
    ),
    (
        "cross_correlation",
        [[4, 3], [4, 2, 2]],
        {},
        "the map and the kernel of cross_correlation must have as many axes",
        "[4, 3] and [4, 2, 2]",
        "",
    ),
    ("grid_sample", [[4, 5]], {}, "grid_sample takes either a grid or size", "neither is given", ""),
    ("grid_sample", [[4, 5], [3, 1]], {"size": 3}, "grid_sample takes either a grid or size", "both are given", ""),
    (
        "grid_sample",
        [[4, 5, 5], [2, 7, 7]],
        {},
        "the grid of grid_sample has 3 axes, the last of 2 coordinates",
        "[2, 7, 7] for a map [4, 5, 5]",
        "`permute: {axes: [1, 2, 0]}` puts the coordinates last",
    ),
    (
        "roi_align",
        [[4, 5]],
        {"num_regions": 3, "output_size": 2, "sampling_ratio": 2},
        "roi_align works on two spatial axes",
        "the input is [4, 5]",
        "",
    ),
    (
        "roi_align",
        [[4, 5, 5], [2, 4]],
        {"num_regions": 3, "output_size": 2, "sampling_ratio": 2},
        "the boxes of roi_align are [num_regions, 4], here [3, 4]",
        "[2, 4]",
        "",
    ),
    (
        "roi_align",
        [[4, 5, 5]],
        {"output_size": 2, "sampling_ratio": 2},
        "roi_align needs num_regions",
        "",
        "",
    ),
    ("roi_align", [[4]], {}, "roi_align needs num_regions", "", ""),
    (
        "roi_align",
        [[4]],
        {"num_regions": 1, "output_size": [], "sampling_ratio": 2},
        "roi_align takes channels and spatial sizes",
        "[4] reaches it",
        "a vector has none",
    ),
]


@pytest.mark.parametrize(("type", "shapes", "given", "message", "found", "help"), REFUSED)
def test_a_sampler_that_cannot_work_is_refused(type, shapes, given, message, found, help):
    builder = convcost.NetworkBuilder()
    with pytest.raises(convcost.NetworkError) as error:
        builder.add(type, *map(builder.input, shapes), **given)
    lines = [f"error: {message}", *([f" = found: {found}"] if found else []), *([f" = help: {help}"] if help else [])]
    assert str(error.value) == "\n".join(lines)


def test_a_grid_may_be_tokens():
    spec = {
        "inputs": {"a": [3, 8, 6], "b": [3, 8, 6]},
        "layers": [
            {"conv": {"out_channels": 2, "kernel_size": 1}, "from": "a"},
            {"permute": {"axes": [1, 2, 0], "layout": "tokens"}},
            {"grid_sample": None, "from": ["b", "previous"]},
        ],
    }
    assert convcost.load(spec).network.layers[-1].outputs[0].shape == (3, 8, 6)
