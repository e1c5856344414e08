"""What each layer type refuses, told whole: the place, what must hold, what was found, the remedy."""

from __future__ import annotations

import pytest

import convcost

FIT = "the kernel must fit into its padded input"
FIT_HELP = "a smaller kernel or stride before it, more padding, or a larger input"
POOL = "a pool's padding must be at most half its kernel"
POOL_HELP = "a wider pool would have windows of padding only; put a pad layer before it"
VECTORS = (
    "the inputs of multiply must have the same shape, up to axes of size 1; "
    "a vector as many values as there are channels"
)
CROP = "padding must leave something of the output"
EXTRA = "output_padding must be smaller than the stride or the dilation"

# input, item (the caret stands below «), message, found, help
FAULTS = [
    # convolutions
    (
        "[3, 4, 9]",
        "conv: {out_channels: 4, kernel_size: «5}",
        FIT,
        "kernel_size 5 does not fit into an input of 4",
        FIT_HELP,
    ),
    (
        "[3, 9, 4]",
        "conv: {out_channels: 4, kernel_size: «[3, 7], padding: 1}",
        FIT,
        "kernel_size 7 does not fit into an input of 4 padded to 6",
        FIT_HELP,
    ),
    (
        "[3, 9]",
        "depthwise_conv: {kernel_size: «3, dilation: 5}",
        FIT,
        "kernel_size 3 with dilation 5 spans 11 and does not fit into an input of 9",
        FIT_HELP,
    ),
    (
        "[3, 2, 2]",
        "separable_conv: {out_channels: 4, kernel_size: «3}",
        FIT,
        "kernel_size 3 does not fit into an input of 2",
        FIT_HELP,
    ),
    (
        "[64, 9, 9]",
        "conv: {out_channels: 64, kernel_size: 3, groups: «3}",
        "groups must divide in_channels",
        "3 does not divide 64",
        "the divisors of 64 near 3 are 2 and 4",
    ),
    (
        "[6, 9, 9]",
        "pointwise_conv: {out_channels: 10, groups: «3}",
        "groups must divide out_channels",
        "3 does not divide 10",
        "the divisors of 10 near 3 are 2 and 5",
    ),
    (
        "[4, 9, 9]",
        "conv: {out_channels: 8, kernel_size: 3, groups: «8}",
        "groups must divide in_channels",
        "8 does not divide 4",
        "the divisor of 4 near 8 is 4",
    ),
    # transposed convolutions
    (
        "[4, 9, 9]",
        "transposed_conv: {out_channels: 8, kernel_size: 3, stride: 2, output_padding: «2}",
        EXTRA,
        "output_padding 2, stride 2, dilation 1",
        "",
    ),
    ("[4, 1]", "transposed_conv: {out_channels: 8, kernel_size: 4, padding: «2}", CROP, "it crops 4 of 4", ""),
    ("[4, 2]", "transposed_conv: {out_channels: 8, kernel_size: 3, padding: «[[4, 1]]}", CROP, "it crops 5 of 4", ""),
    (
        "[4, 9]",
        "transposed_conv: {out_channels: 6, kernel_size: 3, groups: «4}",
        "groups must divide out_channels",
        "4 does not divide 6",
        "the divisors of 6 near 4 are 3 and 6",
    ),
    # pools
    ("[3, 4, 9]", "max_pool: {kernel_size: «5}", FIT, "kernel_size 5 does not fit into an input of 4", FIT_HELP),
    ("[3, 9]", "avg_pool: {kernel_size: 3, padding: «2}", POOL, "padding 2, kernel_size 3", POOL_HELP),
    ("[3, 9]", "max_pool: {kernel_size: 2, padding: «[[0, 2]]}", POOL, "padding 2, kernel_size 2", POOL_HELP),
    # norms and activations
    ("[6, 9]", "group_norm: {num_groups: «4}", "num_groups must divide the channels", "4 does not divide 6", ""),
    (
        "[6, 9]",
        "prelu: {num_parameters: «4}",
        "num_parameters must be 1 or the number of channels",
        "4, the input has 6 channels",
        "",
    ),
    # merges
    (
        "[6, 9]",
        "«add: [[], [conv: {out_channels: 5, kernel_size: 1}]]",
        "the inputs of add must have the same shape, up to axes of size 1",
        "[6, 9] and [5, 9]",
        "",
    ),
    (
        "[6, 9]",
        "«multiply: [[], [flatten]]",
        VECTORS,
        "[6, 9] and [54]",
        "",
    ),
    (
        "[6, 9]",
        "«concat: [[], [max_pool: {kernel_size: 3}], []]",
        "the inputs of concat must have the same spatial size",
        "[6, 9] and [6, 3]",
        "",
    ),
    (
        "[6, 9]",
        "«residual: [global_avg_pool]",
        "a residual adds equal shapes",
        "the body gives [6, 1], the shortcut [6, 9]",
        "project the shortcut: residual: {body: [...], shortcut: [...]}",
    ),
    # movement
    ("[6, 9]", "slice: {start: 2, end: «7}", "end must be at most the channels", "end 7, channels 6", ""),
    ("[6, 9]", "slice: {start: «4, end: 4}", "start must be below end", "start 4, end 4", ""),
    ("[6, 9]", "slice: {start: «6}", "start must be below end", "start 6, end 6", ""),
    ("[6, 9]", "channel_shuffle: {groups: «4}", "groups must divide the channels", "4 does not divide 6", ""),
    (
        "[6, 9, 9]",
        "pixel_shuffle: {upscale_factor: «2}",
        "upscale_factor, to the power of the axes, must divide the channels",
        "4 does not divide 6",
        "",
    ),
    ("[6, 9]", "«upsample: {mode: linear}", "upsample takes either scale_factor or size", "neither is given", ""),
    (
        "[6, 9]",
        "upsample: {scale_factor: 2, size: «4}",
        "upsample takes either scale_factor or size",
        "both are given",
        "",
    ),
    (
        "[6, 9, 9]",
        "upsample: {scale_factor: 2, mode: «linear}",
        "linear interpolates over 1 spatial axis",
        "the input [6, 9, 9] has 2",
        "here bilinear does",
    ),
    (
        "[6, 9]",
        "upsample: {scale_factor: 2, mode: «trilinear}",
        "trilinear interpolates over 3 spatial axes",
        "the input [6, 9] has 1",
        "here linear does",
    ),
    (
        "[6, 9]",
        "upsample: {scale_factor: «0.1}",
        "scale_factor must leave something of the input",
        "the input [6, 9] would become [6, 0]",
        "",
    ),
    ("[6, 9]", "crop: {cropping: «[[4, 5]]}", "cropping must leave something of the input", "the input is [6, 9]", ""),
    # the shape that reaches a layer
    (
        "[6]",
        "«conv: {out_channels: 5, kernel_size: 1}",
        "conv takes channels and spatial sizes",
        "[6] reaches it",
        "a signal of one channel is written with its channels: [1, 6]",
    ),
    (
        "[6]",
        "«global_avg_pool",
        "global_avg_pool takes channels and spatial sizes",
        "[6] reaches it",
        "a vector has none",
    ),
    (
        "[6, 9]",
        "«linear: {out_features: 5}",
        "linear takes a vector or tokens",
        "[6, 9] reaches it",
        "`flatten` for one vector, `pointwise_conv` for each position, `tokens` for a sequence",
    ),
    (
        "[6, 9]",
        "batch_norm: {num_features: «9}",
        "num_features must be what reaches the layer",
        "found 9, 6 reach it",
        "it may be left out: it is always inferred",
    ),
    # sequences
    (
        "[6, 9]",
        "«lstm: {hidden_size: 4}",
        "lstm takes tokens",
        "[6, 9] reaches it",
        "put `tokens` before it",
    ),
    (
        "[6, 9]",
        "«attention: {num_heads: 2}",
        "attention takes tokens",
        "[6, 9] reaches it",
        "put `tokens` before it",
    ),
    (
        "{shape: [5, 8], layout: tokens}",
        "attention: {num_heads: «3}",
        "num_heads must divide the channels",
        "3 does not divide 8",
        "or give head_dim",
    ),
    (
        "{shape: [5, 8], layout: tokens}",
        "attention: {num_heads: 4, num_kv_heads: «3}",
        "num_kv_heads must divide num_heads",
        "3 does not divide 4",
        "",
    ),
    (
        "{shape: [5, 8], layout: tokens}",
        "lstm: {hidden_size: 4, proj_size: «4}",
        "proj_size must be smaller than hidden_size",
        "proj_size 4, hidden_size 4",
        "",
    ),
    (
        "{shape: [5, 8], layout: tokens}",
        "gru: {hidden_size: 4, bias: «2}",
        "bias must be true, false or single",
        "found 2",
        "",
    ),
    (
        "{shape: [5, 8], layout: tokens}",
        "reduce: {op: mean, axis: «[0, 1]}",
        "reduce must leave an axis",
        "[5, 8] has 2, all of them reduced",
        "keepdim: true keeps them, of size 1",
    ),
]


@pytest.mark.parametrize(("input", "item", "message", "found", "help"), FAULTS)
def test_a_layer_that_cannot_work_is_told_whole(input, item, message, found, help, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = f"  - {item}"
    column = line.index("«")
    line = line.replace("«", "")
    (tmp_path / "net.yaml").write_text(f"input: {input}\nlayers:\n{line}\n", encoding="utf-8")
    with pytest.raises(convcost.SpecError) as error:
        convcost.load("net.yaml")
    expected = [
        f"error: {message}",
        f" --> net.yaml:3:{column + 1}, layers[0]",
        "  |",
        f"3 | {line}",
        f"  | {' ' * column}^ {found}",
    ]
    if help:
        expected.append(f"  = help: {help}")
    assert str(error.value) == "\n".join(expected)


def test_divisors_of_huge_numbers_are_suggested_at_once(tmp_path):
    prime = 999_999_999_999_989
    layer = {"conv": {"out_channels": prime, "kernel_size": 1, "groups": 10**12}}
    with pytest.raises(convcost.SpecError, match=f"the divisors of {prime} near {10**12} are 1 and {prime}"):
        convcost.load({"input": [prime, 9], "layers": [layer]})
