"""What a layer is, in a few characters, and several together."""

from __future__ import annotations

import pytest

from convcost.cost.labels import label, label_of_several


@pytest.mark.parametrize(
    ("shape", "layer", "text"),
    [
        ([4, 9, 9], {"conv": {"out_channels": 8, "kernel_size": 3}}, "conv 3×3"),
        ([4, 9, 9], {"conv": {"out_channels": 8, "kernel_size": 3, "stride": 2}}, "conv 3×3 /2"),
        ([4, 9, 9], {"conv": {"out_channels": 8, "kernel_size": [1, 7], "stride": [1, 2]}}, "conv 1×7 /1×2"),
        ([4, 9, 9], {"conv": {"out_channels": 8, "kernel_size": 3, "dilation": 2}}, "conv 3×3 d=2"),
        ([8, 9, 9], {"conv": {"out_channels": 8, "kernel_size": 1, "groups": 4}}, "conv 1×1 g=4"),
        ([8, 9, 9], {"conv": {"out_channels": 8, "kernel_size": 5, "groups": 8}}, "dw 5×5"),
        ([8, 9, 9], {"conv": {"out_channels": 16, "kernel_size": 5, "groups": 8}}, "dw 5×5"),
        ([1, 9, 9], {"conv": {"out_channels": 8, "kernel_size": 5}}, "conv 5×5"),  # one group of one channel
        ([8, 9, 9], {"depthwise_conv": {"kernel_size": 3, "stride": 2}}, "dw 3×3 /2"),
        ([8, 9, 9], {"pointwise_conv": {"out_channels": 4}}, "conv 1×1"),
        ([8, 9, 9], {"pointwise_conv": {"out_channels": 4, "groups": 2, "stride": 2}}, "conv 1×1 /2 g=2"),
        ([8, 9], {"conv": {"out_channels": 4, "kernel_size": 3}}, "conv 3"),
        ([8, 9, 9, 9], {"conv": {"out_channels": 4, "kernel_size": 3}}, "conv 3×3×3"),
        ([8, 9, 9, 9], {"pointwise_conv": {"out_channels": 4}}, "conv 1×1×1"),
        ([8, 9, 9], {"transposed_conv": {"out_channels": 4, "kernel_size": 2, "stride": 2}}, "transposed_conv 2×2 /2"),
        ([8, 9, 9], {"max_pool": {"kernel_size": 3}}, "max_pool 3×3 /3"),
        ([8, 9, 9], "relu", "relu"),
        ([8], {"linear": {"out_features": 4}}, "linear"),
        (["n", 9, 9], {"conv": {"out_channels": "n", "kernel_size": 3, "groups": "n"}}, "dw 3×3"),
    ],
)
def test_a_layer(shape, layer, text, analyze):
    assert label(analyze(shape, layer, symbols={"n": 4}).layers[0]) == text


CONV, WIDE = ({"conv": {"out_channels": 8, "kernel_size": size, "padding": size // 2}} for size in (1, 3))
DOWN = {"conv": {"out_channels": 8, "kernel_size": 3, "padding": 1, "stride": 2}}
DEPTHWISE = {"depthwise_conv": {"kernel_size": 3, "padding": 1}}
GROUPED = {"conv": {"out_channels": 8, "kernel_size": 5, "padding": 2, "groups": 2}}


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ([DOWN, "batch_norm", "relu"], "conv 3×3 /2"),  # the one that has weights
        ([DEPTHWISE, "relu", CONV], "dw 3×3, conv 1×1"),
        ([CONV, WIDE, CONV], "2 conv 1×1, conv 3×3"),
        ([CONV, DOWN, CONV, CONV], "3 conv 1×1, conv 3×3 /2"),
        ([CONV, DOWN, DEPTHWISE, CONV], "3 conv, dw"),
        ([CONV, DOWN, WIDE], "conv 1×1, 2 conv 3×3"),  # without the stride, which is one's only
        ([CONV, WIDE, GROUPED], "3 conv"),
        (["relu", "dropout"], "relu, dropout"),
        (
            [{"adaptive_avg_pool": {"output_size": 3}}, {"local_response_norm": {"size": 3}}],
            "2 layers",
        ),  # 38 characters
        (["global_avg_pool", "global_avg_pool", "global_avg_pool"], "3 global_avg_pool"),
    ],
)
def test_several_layers(layers, text, analyze):
    assert label_of_several(analyze([8, 9, 9], *layers).layers) == text
