"""The tiny network is the same network, only small."""

from __future__ import annotations

import pytest

import convcost
from convcost.layers import REGISTRY
from convcost.verification import shrink


def tiny(network):
    small, kept = shrink(network)
    assert kept == ()
    return small


CHANNELS = {"out_channels", "out_features", "groups", "num_groups", "num_parameters", "start", "end"}
SIZES = {"output_size", "size"}


@pytest.mark.parametrize("name", ["mobilenet_v2", "shufflenet_v2", "deeplabv3_resnet50", "unet", "alexnet"])
def test_all_but_sizes_and_channels_stays(shipped, name):
    full = shipped(name).network
    small = tiny(full)
    for mine, theirs in zip(small.layers, full.layers, strict=True):
        assert (mine.path, mine.name, mine.type, mine.sources, mine.line) == (
            theirs.path,
            theirs.name,
            theirs.type,
            theirs.sources,
            theirs.line,
        )
        for field, value in theirs.fields.items():
            if field not in CHANNELS | SIZES:
                assert mine.fields[field] == value
        assert REGISTRY[mine.type](mine.fields).output_shape(*mine.input_shapes) == mine.output_shape
    assert (small.name, small.symbols) == (full.name, full.symbols)


def test_no_axis_becomes_one_and_nothing_grows(shipped):
    full = shipped("googlenet").network
    for mine, theirs in zip(tiny(full).layers, full.layers, strict=True):
        for small, large in zip(mine.output_shape[1:], theirs.output_shape[1:], strict=True):
            assert min(2, large) <= small <= large
        assert mine.output_shape[0] <= theirs.output_shape[0]


def test_the_size_keeps_its_remainder_by_the_strides(network):
    # strides 2 · 2 = 4, 31 = 7 · 4 + 3; a tensor of one value comes out of 3, so 7 is the smallest, 11 the next
    conv = {"conv": {"out_channels": 4, "kernel_size": 3, "stride": 2, "padding": "same"}}
    small = tiny(network((3, 31, 31), conv, conv))
    assert small.input_shape[1:] == (7, 11)
    assert [layer.output_shape[1:] for layer in small.layers] == [(4, 6), (2, 3)]


def test_axes_shrink_apart(network):
    small = tiny(network((3, 32, 9), {"max_pool": {"kernel_size": [2, 3], "stride": [4, 1]}}))
    assert small.input_shape[1:] == (8, 4)  # two windows: 4 + 2 of 8, 1 + 3


def test_groups_stay_and_divide_the_channels(network):
    layers = [
        {"conv": {"out_channels": 240, "kernel_size": 1, "groups": 5}},
        {"channel_shuffle": {"groups": 4}},
        {"group_norm": {"num_groups": 8}},
    ]
    small = tiny(network((120, 8, 8), *layers))
    assert [layer.fields.get("groups") for layer in small.layers[:2]] == [5, 4]
    assert small.layers[0].fields["out_channels"] == 40  # what 5, 4 and 8 divide
    assert small.input_shape[0] == 10  # 5 groups of 24 channels keep 2 each


def test_groups_of_one_channel_follow_the_channels(network):
    small = tiny(network((64, 8, 8), {"conv": {"out_channels": 128, "kernel_size": 3, "groups": 64}}))
    assert small.layers[0].fields["groups"] == small.input_shape[0] == 3
    assert small.layers[0].output_shape[0] == 6


def test_tied_channels_shrink_together(network):
    """Branches of 16 and 48 channels stay as 1 to 3, and a slice cuts between them."""
    layers = [
        {
            "concat": [
                [{"conv": {"out_channels": 16, "kernel_size": 1}}],
                [{"conv": {"out_channels": 48, "kernel_size": 1}}],
            ]
        },
        {"slice": {"start": 16, "end": 64}},
        {"prelu": {"num_parameters": 48}},
    ]
    small = tiny(network((8, 4, 4), *layers))
    first, second, concat, slice_, prelu = small.layers
    assert second.output_shape[0] == 3 * first.output_shape[0]
    assert slice_.fields == {"axis": 0, "start": first.output_shape[0], "end": concat.output_shape[0], "step": 1}
    assert prelu.fields["num_parameters"] == second.output_shape[0]


def test_a_convolution_reads_and_writes_different_numbers_of_channels(shipped):
    for layer in tiny(shipped("vgg16").network).layers:
        if layer.type in ("conv", "linear"):
            assert layer.input_shapes[0][0] != layer.output_shape[0]


def test_what_is_stretched_still_is(network):
    excite = {"multiply": [[], ["global_avg_pool", {"conv": {"out_channels": 32, "kernel_size": 1}}]]}
    small = tiny(network((32, 14, 14), excite))
    assert small.layers[-1].input_shapes == ((3, 2, 3), (3, 1, 1))
    one = {"multiply": [[], [{"conv": {"out_channels": 1, "kernel_size": 1}}]]}
    assert tiny(network((32, 14, 14), one)).layers[-1].input_shapes == ((3, 2, 3), (1, 2, 3))


def test_a_told_size_follows_the_picture_it_had(network):
    layers = [
        {"conv": {"out_channels": 8, "kernel_size": 3, "stride": 2, "padding": 1}},
        {"upsample": {"size": 65}},
        {"adaptive_avg_pool": {"output_size": 65}},
        {"adaptive_avg_pool": {"output_size": 4}},
    ]
    small = tiny(network((3, 65, 65), *layers))
    assert [layer.output_shape[1] for layer in small.layers] == [3, 5, 5, 4]  # 5 → 3 → 5, and 4 stays told


def test_adaptive_windows_overlap_as_they_did(network):
    """4 windows on 11 values hold 11 + 4 − gcd(11, 4) of them; 7 is 3 by 4 too, and more than the windows."""
    small = tiny(network((3, 11, 11), {"adaptive_avg_pool": {"output_size": 4}}))
    assert small.input_shape == (3, 7, 7)


def test_what_cannot_shrink_keeps_its_size(network):
    fixed = [{"crop": {"cropping": 10}}, {"pad": {"padding": 4}}]
    assert shrink(network((3, 32, 32), *fixed))[0].input_shape == (3, 22, 23)  # two values left, and three
    # a kernel as large as the picture leaves one value at any size but its own, so the picture stays
    assert tiny(network((3, 7, 7), {"conv": {"out_channels": 8, "kernel_size": 7}})).input_shape == (3, 7, 7)
    # a vector's length is a product, so the bounds of its slice cannot follow: all stays, and is said to
    whole = network((4, 6, 6), "flatten", {"slice": {"start": 7, "end": 100}})
    small, kept = shrink(whole)
    assert small == whole
    assert "slice" in kept[-1]
    assert "keeps its size" in kept[-1]


def test_vectors_and_networks_of_one_value_stay_whole(network):
    assert tiny(network((1,), "relu")).input_shape == (1,)
    assert tiny(network((600,), {"linear": {"out_features": 10}})).input_shape == (3,)
    assert tiny(network((2, 1), "relu")).input_shape == (2, 1)


@pytest.mark.parametrize(
    "layers",
    [
        [{"reshape": {"shape": [1, 8], "layout": "feature_map"}}, {"adaptive_max_pool": {"output_size": 2}}],
        [{"reshape": {"shape": [2, 2, 2], "layout": "feature_map"}}, {"upsample": {"size": [3, 5]}}],
    ],
)
def test_sizes_are_stated_along_axes_that_no_input_has(layers):
    model = convcost.load({"input": [8], "layers": layers})
    small, _ = shrink(model.network)
    assert [layer.output_shape for layer in small.layers] == [layer.output_shape for layer in model.network.layers]
    assert [proof.error or proof.agrees for proof in model.verify().layers] == [True, True]
