"""What the executor counts: against arithmetic written out, and against what passes through each single value."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import prod
from typing import ClassVar

import pytest

from convcost.executor import Array, execute, run, types

ENGINES = ["plain", "lanes", "auto"]


def same(mul):
    """A convolution adds every product to an accumulator."""
    return {"mul": mul, "add": mul}


class TestConvolutions:
    @pytest.mark.parametrize("engine", ENGINES)
    def test_a_standard_convolution(self, fields, engine):
        given = fields(out_channels=256, kernel_size=5, groups=1, bias=False)
        execution = execute("conv", given, [(3, 12, 12)], engine=engine)
        assert execution.output_shape == (256, 8, 8)
        assert execution.ops == same(1_228_800)  # 8 · 8 · 256 · 3 · 5 · 5
        assert (execution.params, execution.padding_mults) == (19_200, 0)  # 256 · 3 · 5 · 5

    @pytest.mark.parametrize("engine", ENGINES)
    def test_a_separable_one_in_its_place(self, fields, engine):
        given = fields(depth_multiplier=1, kernel_size=5, bias=False)
        depthwise = execute("depthwise_conv", given, [(3, 12, 12)], engine=engine)
        point = {"out_channels": 256, "stride": (1, 1), "groups": 1, "bias": False}
        pointwise = execute("pointwise_conv", point, [depthwise.output_shape], engine=engine)
        assert depthwise.ops == same(4_800)  # 8 · 8 · 3 · 5 · 5
        assert pointwise.ops == same(49_152)  # 8 · 8 · 3 · 256
        assert depthwise.params + pointwise.params == 843  # 3 · 5 · 5 + 3 · 256

    @pytest.mark.parametrize("engine", ENGINES)
    def test_groups_stride_padding_and_dilation(self, fields, engine):
        given = fields(
            out_channels=6,
            kernel_size=(3, 2),
            stride=(2, 1),
            padding=((1, 1), (0, 1)),
            dilation=(1, 2),
            groups=2,
            bias=True,
        )
        execution = execute("conv", given, [(4, 7, 5)], engine=engine)
        assert execution.output_shape == (6, 4, 4)  # (7 + 2 - 3) / 2 + 1, 5 + 1 - 3 + 1
        assert execution.ops == same(1_152)  # 4 · 4 · 6 · (4 / 2) · 3 · 2
        # Padding takes 2 of 4 · 3 taps down and 1 of 4 · 2 across: 12 · 8 - 10 · 7 = 26, each for 6 outputs · 2 inputs.
        assert execution.padding_mults == 312
        assert execution.params == 78  # 6 · 2 · 3 · 2 + 6

    @pytest.mark.parametrize("engine", ENGINES)
    def test_ranks_one_and_three(self, fields, engine):
        given = fields(1, out_channels=4, groups=1, bias=False)
        assert execute("conv", given, [(2, 10)], engine=engine).ops == same(192)  # 8 · 4 · 2 · 3
        given = fields(3, out_channels=4, groups=1, bias=False, padding="same")
        execution = execute("conv", given, [(2, 3, 4, 5)], engine=engine)
        assert execution.ops == same(12_960)  # 3 · 4 · 5 · 4 · 2 · 3³
        # Inside the input are 7 of 3 · 3 taps, 10 of 4 · 3 and 13 of 5 · 3: 9 · 12 · 15 - 7 · 10 · 13 = 710 are not.
        assert execution.padding_mults == 5_680  # 710 · 4 · 2

    @pytest.mark.parametrize("engine", ENGINES)
    def test_a_transposed_convolution_counts_its_input(self, fields, engine):
        given = fields(out_channels=1, output_padding=0, groups=1, bias=False)
        execution = execute("transposed_conv", given, [(1, 2, 2)], engine=engine)
        assert execution.output_shape == (1, 4, 4)  # (2 - 1) · 1 + 3
        assert execution.ops == same(36)  # 2 · 2 · 3 · 3
        given = fields(out_channels=6, stride=2, padding=1, output_padding=1, groups=2, bias=True)
        execution = execute("transposed_conv", given, [(4, 5, 5)], engine=engine)
        assert execution.output_shape == (6, 10, 10)  # (5 - 1) · 2 - 2 + 3 + 1
        assert execution.ops == same(2_700)  # 5 · 5 · 4 · (6 / 2) · 3 · 3
        # One of 5 · 3 taps is cropped along each axis: 15² - 14² = 29 of 225, each for 4 inputs · 3 outputs.
        assert execution.padding_mults == 348
        assert execution.params == 114  # 4 · 3 · 3 · 3 + 6

    def test_a_modulated_deformable_convolution(self, fields):
        given = fields(out_channels=8, padding=1, groups=1, offset_groups=1, modulated=True, bias=False)
        execution = execute("deform_conv", given, [(4, 5, 5)])
        # 25 · 8 · 36 products and 25 · 27 · 36 of the offsets; 225 points: corners 4; 900 samples: 4 and 1 of the mask.
        assert execution.macs == 31_500
        assert execution.ops == {
            "mul": 36_900,  # 31,500 + 225 · 4 + 900 · 5
            "add": 36_675,  # 31,500 + 225 · (2 + 4) + 900 · 4 + 225
            "floor": 450,  # 225 · 2
            "exp": 225,
            "div": 225,
        }
        assert execution.params == 1_287  # 8 · 36, + 27 · 36 + 27
        # Padding takes 15² − 13² = 56 of 225 taps, each for 27 outputs · 4 inputs of the offset convolution.
        assert execution.padding_mults == 6_048

    @pytest.mark.parametrize("engine", ENGINES)
    def test_a_linear_layer(self, engine):
        execution = execute("linear", {"out_features": 10, "bias": True}, [(64,)], engine=engine)
        assert (execution.ops, execution.params) == (same(640), 650)  # 10 · 64, + 10


SQUARE = {"kernel_size": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0))}
NORM = {"eps": 1e-5, "momentum": 0.1}

# By type: fields, input shapes, output shape, operations, params, buffers.
LEDGER = [
    ("max_pool", {**SQUARE, "kernel_size": (3, 3), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "ceil_mode": False},
     [(2, 6, 6)], (2, 3, 3), {"cmp": 144}, 0, 0),  # 18 · (9 - 1)
    ("avg_pool", {**SQUARE, "ceil_mode": True, "count_include_pad": True},
     [(2, 5, 5)], (2, 3, 3), {"add": 72, "div": 18}, 0, 0),  # 18 · 4, windows whole although they hang over
    ("global_avg_pool", {}, [(4, 3, 5)], (4, 1, 1), {"add": 60, "div": 4}, 0, 0),  # 4 · 15
    ("adaptive_avg_pool", {"output_size": (2,)}, [(3, 5)], (3, 2), {"add": 18, "div": 6}, 0, 0),  # windows 0–2 and 2–4
    ("batch_norm", {"affine": True, **NORM}, [(4, 3, 5)], (4, 3, 5), {"mul": 60, "add": 60}, 8, 8),
    ("batch_norm", {"affine": False, **NORM}, [(4, 3, 5)], (4, 3, 5), {"mul": 60, "add": 60}, 0, 8),
    ("batch_norm", {"affine": True, "scale": False, **NORM}, [(4, 3, 5)], (4, 3, 5), {"mul": 60, "add": 60}, 4, 8),
    ("batch_norm", {"affine": True, "bias": False, **NORM}, [(4, 3, 5)], (4, 3, 5), {"mul": 60, "add": 60}, 4, 8),
    # 60 values, 4 channels; stored are means, variances and one count.
    ("standardize", {"stored": True}, [(4, 3, 5)], (4, 3, 5), {"add": 60, "div": 60, "sqrt": 4, "cmp": 4}, 0, 9),
    ("standardize", {"stored": False}, [(4, 3, 5)], (4, 3, 5), {"add": 60, "div": 60, "sqrt": 4, "cmp": 4}, 0, 0),
    # 15 groups of n = 4: add 3n + 1, mul n, div n + 2, sqrt 1; with affine n mul and n add more.
    ("layer_norm", {"affine": False, "eps": 1e-5}, [(4, 3, 5)], (4, 3, 5),
     {"add": 195, "mul": 60, "div": 90, "sqrt": 15}, 0, 0),
    ("layer_norm", {"affine": True, "eps": 1e-5}, [(4, 3, 5)], (4, 3, 5),
     {"add": 255, "mul": 120, "div": 90, "sqrt": 15}, 8, 0),
    # 2 groups of n = 30.
    ("group_norm", {"num_groups": 2, "affine": False, "eps": 1e-5}, [(4, 3, 5)], (4, 3, 5),
     {"add": 182, "mul": 60, "div": 64, "sqrt": 2}, 0, 0),
    ("group_norm", {"num_groups": 2, "affine": True, "eps": 1e-5}, [(4, 3, 5)], (4, 3, 5),
     {"add": 242, "mul": 120, "div": 64, "sqrt": 2}, 8, 0),
    ("local_response_norm", {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1}, [(7, 2, 2)], (7, 2, 2),
     {"mul": 56, "add": 168, "pow": 28, "div": 28}, 0, 0),  # 28 · (5 + 1) add
    ("scale", {}, [(4, 3)], (4, 3), {"mul": 12}, 4, 0),
    ("scale", {"learned": False}, [(4, 3)], (4, 3), {"mul": 12}, 0, 0),
    # Without a bias 60 add, and half of the params, less.
    ("layer_norm", {"axis": (0,), "affine": True, "bias": False, "eps": 1e-5}, [(4, 3, 5)], (4, 3, 5),
     {"add": 195, "mul": 120, "div": 90, "sqrt": 15}, 4, 0),
    # All 60 values at once: add 3n + 1, mul n, div n + 2; a factor and a shift for each value.
    ("layer_norm", {"axis": (0, 1, 2), "affine": True, "eps": 1e-5}, [(4, 3, 5)], (4, 3, 5),
     {"add": 241, "mul": 120, "div": 62, "sqrt": 1}, 120, 0),
    # 4 channels of n = 15: add 3n + 1, mul n, div n + 2.
    ("instance_norm", {"affine": False, "eps": 1e-5}, [(4, 3, 5)], (4, 3, 5),
     {"add": 184, "mul": 60, "div": 68, "sqrt": 4}, 0, 0),
    # 15 positions of n = 4: mul n, add n + 1, div n + 1; with affine mul n more.
    ("rms_norm", {"affine": True, "eps": 1e-5}, [(4, 3, 5)], (4, 3, 5),
     {"mul": 120, "add": 75, "div": 75, "sqrt": 15}, 4, 0),
    # 15 positions of n = 4: mul n, add n, div n.
    ("l2_normalize", {"eps": 1e-12}, [(4, 3, 5)], (4, 3, 5),
     {"mul": 60, "add": 60, "div": 60, "sqrt": 15, "cmp": 15}, 0, 0),
    # 15 positions of n = 4.
    ("reduce", {"op": "sum", "axis": (0,), "keepdim": False, "layout": None}, [(4, 3, 5)], (3, 5), {"add": 60}, 0, 0),
    ("reduce", {"op": "mean", "axis": (0,), "keepdim": True, "layout": None}, [(4, 3, 5)], (1, 3, 5),
     {"add": 60, "div": 15}, 0, 0),
    ("reduce", {"op": "max", "axis": (0,), "keepdim": False, "layout": None}, [(4, 3, 5)], (3, 5), {"cmp": 45}, 0, 0),
    ("reduce", {"op": "norm", "axis": (0,), "keepdim": False, "layout": None}, [(4, 3, 5)], (3, 5),
     {"mul": 60, "add": 60, "sqrt": 15}, 0, 0),
    # 2 matrices of 3 · 4 products of 5 each.
    ("matmul", {"layout": None}, [(2, 3, 5), (5, 4)], (2, 3, 4), {"mul": 120, "add": 120}, 0, 0),
    # 2 heads, 3 queries, 4 keys, 5 channels a head.
    ("attention_scores", {"num_heads": 2, "num_kv_heads": 2}, [(3, 10), (4, 10)], (2, 3, 4),
     {"mul": 120, "add": 120}, 0, 0),
    ("attention_scale", {"head_dim": 5}, [(2, 3, 4)], (2, 3, 4), {"mul": 24}, 0, 0),
    ("attention_bias", {}, [(2, 3, 4), (3, 4), (2, 1, 1)], (2, 3, 4), {"add": 48}, 0, 0),
    ("attention_context", {"num_kv_heads": 2}, [(2, 3, 4), (4, 10)], (3, 10), {"mul": 120, "add": 120}, 0, 0),
    # 6 steps of 4 · 4 · (3 + 4) products, 16 second biases; 12 sigmoids, 8 tanh, mul 12, add 4.
    ("lstm", {"hidden_size": 4, "num_layers": 1, "bidirectional": False, "bias": True, "proj_size": 0,
              "return": "sequence"}, [(6, 3)], (6, 4),
     {"mul": 744, "add": 864, "exp": 72, "div": 72, "tanh": 48}, 144, 0),
    # 6 steps of 3 · 4 · (3 + 4) products, 8 second biases; 8 sigmoids, 4 tanh, mul 12, add 12.
    ("gru", {"hidden_size": 4, "num_layers": 1, "bidirectional": False, "bias": True, "return": "last"},
     [(6, 3)], (4,), {"mul": 576, "add": 672, "exp": 48, "div": 48, "tanh": 24}, 108, 0),
    # 6 steps of 4 · (3 + 4) products, 4 second biases and 4 comparisons.
    ("rnn", {"hidden_size": 4, "num_layers": 1, "bidirectional": False, "bias": True, "nonlinearity": "relu",
             "return": "sequence"}, [(6, 3)], (6, 4), {"mul": 168, "add": 192, "cmp": 24}, 36, 0),
    ("relu", {}, [(4, 3)], (4, 3), {"cmp": 12}, 0, 0),
    ("relu6", {}, [(4, 3)], (4, 3), {"cmp": 24}, 0, 0),
    ("leaky_relu", {"negative_slope": Fraction(1, 100)}, [(4, 3)], (4, 3), {"cmp": 12, "mul": 12}, 0, 0),
    ("prelu", {"num_parameters": 1}, [(4, 3)], (4, 3), {"cmp": 12, "mul": 12}, 1, 0),
    ("prelu", {"num_parameters": 4}, [(4, 3)], (4, 3), {"cmp": 12, "mul": 12}, 4, 0),
    ("sigmoid", {}, [(4, 3)], (4, 3), {"exp": 12, "add": 12, "div": 12}, 0, 0),
    ("silu", {}, [(4, 3)], (4, 3), {"exp": 12, "add": 12, "div": 12, "mul": 12}, 0, 0),
    ("tanh", {}, [(4, 3)], (4, 3), {"tanh": 12}, 0, 0),
    ("hard_sigmoid", {}, [(4, 3)], (4, 3), {"add": 12, "cmp": 24, "div": 12}, 0, 0),
    ("hard_swish", {}, [(4, 3)], (4, 3), {"add": 12, "cmp": 24, "div": 12, "mul": 12}, 0, 0),
    ("gelu", {"approximate": "none"}, [(4, 3)], (4, 3), {"mul": 36, "add": 12, "erf": 12}, 0, 0),
    ("gelu", {"approximate": "tanh"}, [(4, 3)], (4, 3), {"mul": 72, "add": 24, "tanh": 12}, 0, 0),
    ("softmax", {}, [(4, 3)], (4, 3), {"cmp": 9, "add": 24, "exp": 12, "div": 12}, 0, 0),  # 3 · (4 - 1), 3 · 4 · 2
    ("log_softmax", {}, [(4, 3)], (4, 3), {"cmp": 9, "add": 36, "exp": 12, "log": 3}, 0, 0),  # 3 · (4 - 1), 3 · 4 · 3
    ("hard_tanh", {"min_val": -1, "max_val": 1}, [(4, 3)], (4, 3), {"cmp": 24}, 0, 0),
    ("elu", {"alpha": 1}, [(4, 3)], (4, 3), {"exp": 12, "add": 12, "mul": 12, "cmp": 12}, 0, 0),
    ("selu", {}, [(4, 3)], (4, 3), {"exp": 12, "add": 12, "mul": 24, "cmp": 12}, 0, 0),
    ("celu", {"alpha": 2}, [(4, 3)], (4, 3), {"div": 12, "exp": 12, "add": 24, "mul": 12, "cmp": 24}, 0, 0),
    ("softplus", {}, [(4, 3)], (4, 3), {"exp": 12, "add": 12, "log": 12}, 0, 0),
    ("softsign", {}, [(4, 3)], (4, 3), {"abs": 12, "add": 12, "div": 12}, 0, 0),
    ("mish", {}, [(4, 3)], (4, 3), {"exp": 12, "add": 12, "log": 12, "tanh": 12, "mul": 12}, 0, 0),
    ("glu", {"axis": 1}, [(4, 6)], (4, 3), {"exp": 12, "add": 12, "div": 12, "mul": 12}, 0, 0),
    ("shift", {}, [(4, 3)], (4, 3), {"add": 12}, 4, 0),
    ("shift", {"learned": False}, [(4, 3)], (4, 3), {"add": 12}, 0, 0),
    ("elementwise", {"op": "rsqrt", "value": None}, [(4, 3)], (4, 3), {"sqrt": 12, "div": 12}, 0, 0),
    ("elementwise", {"op": "sign", "value": None}, [(4, 3)], (4, 3), {"cmp": 24}, 0, 0),
    ("elementwise", {"op": "neg", "value": None}, [(4, 3)], (4, 3), {}, 0, 0),
    ("elementwise", {"op": "clamp", "value": (0, 6)}, [(4, 3)], (4, 3), {"cmp": 24}, 0, 0),
    ("cross_correlation", {"mode": "depthwise", "padding": ((0, 0), (0, 0))}, [(4, 5, 6), (4, 2, 3)], (4, 4, 4),
     {"mul": 384, "add": 384}, 0, 0),  # 4 · 16 · 6
    ("cross_correlation", {"mode": "full", "padding": ((0, 0),)}, [(3, 5), (6, 2)], (2, 4),
     {"mul": 48, "add": 48}, 0, 0),  # 2 · 3 · 4 · 2
    # 4 points of 2 · 2, 3 channels: to pixels add 4, mul 2, div 2; corners add 4, floor 2, mul 4; values 12 · 4.
    ("grid_sample", {"size": None, "align_corners": False}, [(3, 5, 5), (2, 2, 2)], (3, 2, 2),
     {"mul": 72, "add": 80, "div": 8, "floor": 8}, 0, 0),
    # Worked out in the type's own words.
    ("roi_align", {"num_regions": 2, "output_size": (2, 2), "sampling_ratio": 2, "spatial_scale": 1, "aligned": False},
     [(3, 8, 8)], (2, 3, 2, 2), {"mul": 648, "add": 812, "div": 92, "cmp": 132, "floor": 64}, 0, 0),
    ("subtract", {}, [(4, 3), (4, 1)], (4, 3), {"add": 12}, 0, 0),
    ("divide", {}, [(1, 3), (4, 1)], (4, 3), {"div": 12}, 0, 0),
    ("maximum", {}, [(4, 3), (4, 1), (4, 3)], (4, 3), {"cmp": 24}, 0, 0),
    ("minimum", {}, [(4, 3), (4, 3)], (4, 3), {"cmp": 12}, 0, 0),
    ("add", {}, [(4, 3), (4, 1), (1, 3)], (4, 3), {"add": 24}, 0, 0),  # 12 · (3 - 1)
    ("multiply", {}, [(4, 1, 1), (4, 2, 3)], (4, 2, 3), {"mul": 24}, 0, 0),
    ("concat", {}, [(4, 3), (2, 3)], (6, 3), {}, 0, 0),
    ("slice", {"start": 1, "end": 3}, [(4, 3)], (2, 3), {}, 0, 0),
    ("channel_shuffle", {"groups": 2}, [(4, 3)], (4, 3), {}, 0, 0),
    ("pixel_shuffle", {"upscale_factor": 2}, [(8, 3, 2)], (2, 6, 4), {}, 0, 0),
    ("upsample", {"scale_factor": (2, Fraction(3, 2)), "size": None, "mode": "nearest", "align_corners": False},
     [(2, 3, 5)], (2, 6, 7), {}, 0, 0),
    ("upsample", {"scale_factor": None, "size": (5,), "mode": "linear", "align_corners": True},
     [(2, 3)], (2, 5), {"mul": 20, "add": 20}, 0, 0),  # 10 · 2
    ("upsample", {"scale_factor": (2, 2), "size": None, "mode": "bilinear", "align_corners": False},
     [(2, 3, 5)], (2, 6, 10), {"mul": 480, "add": 480}, 0, 0),  # 120 · 4
    ("upsample", {"scale_factor": (2, 2, 2), "size": None, "mode": "trilinear", "align_corners": False},
     [(1, 1, 2, 3)], (1, 2, 4, 6), {"mul": 384, "add": 384}, 0, 0),  # 48 · 8
    ("pad", {"padding": ((1, 2), (0, 1))}, [(2, 3, 3)], (2, 6, 4), {}, 0, 0),
    ("crop", {"cropping": ((1, 1), (0, 2))}, [(2, 4, 4)], (2, 2, 2), {}, 0, 0),
    ("flatten", {}, [(2, 3, 4)], (24,), {}, 0, 0),
    ("dropout", {"p": Fraction(1, 2)}, [(2, 3)], (2, 3), {}, 0, 0),
    ("identity", {}, [(2, 3)], (2, 3), {}, 0, 0),
    ("each_slice", {"axis": 1}, [(2, 3, 4)], (2, 4), {}, 0, 0),  # the axis of 3 is taken apart
    ("each_stack", {"axis": 1, "size": 3}, [(2, 4)], (2, 3, 4), {}, 0, 0),  # and put together again
    ("lp_pool", {**SQUARE, "ceil_mode": False, "norm_type": 1}, [(2, 4, 4)], (2, 2, 2), {"add": 32}, 0, 0),  # 8 · 4
    ("lp_pool", {**SQUARE, "ceil_mode": False, "norm_type": 2}, [(2, 4, 4)], (2, 2, 2),
     {"mul": 32, "add": 32, "sqrt": 8}, 0, 0),
    ("lp_pool", {**SQUARE, "ceil_mode": False, "norm_type": 3}, [(2, 4, 4)], (2, 2, 2),
     {"pow": 40, "add": 32}, 0, 0),  # 8 · (4 + 1)
    ("global_avg_pool", {"axis": 2}, [(3, 5, 4)], (4,), {"add": 60, "div": 4}, 0, 0),  # 4 · 15
    ("global_max_pool", {}, [(4, 3, 5)], (4, 1, 1), {"cmp": 56}, 0, 0),  # 4 · (15 - 1)
    ("global_max_pool", {"axis": 1}, [(7, 4)], (4,), {"cmp": 24}, 0, 0),  # 4 · (7 - 1)
    ("adaptive_max_pool", {"output_size": (2,)}, [(3, 5)], (3, 2), {"cmp": 12}, 0, 0),  # 6 windows of 3
    ("max_unpool", {"of": 1}, [(2, 3, 3), (2, 7, 6)], (2, 7, 6), {}, 0, 0),
    ("upsample", {"scale_factor": (2, 2), "size": None, "mode": "bicubic", "align_corners": False},
     [(2, 3, 5)], (2, 6, 10), {"mul": 1_920, "add": 1_920}, 0, 0),  # 120 · 16
    ("add", {"axis": 0}, [(4, 2, 3), (4,)], (4, 2, 3), {"add": 24}, 0, 0),
    ("multiply", {"axis": 2}, [(3,), (4, 2, 3), (2, 3)], (4, 2, 3), {"mul": 48}, 0, 0),  # 24 · 2
    ("pad", {"padding": ((1, 2),), "axis": (1,), "mode": "reflect", "value": 0}, [(2, 3, 3)], (2, 6, 3), {}, 0, 0),
    ("pixel_unshuffle", {"downscale_factor": 2}, [(2, 6, 4)], (8, 3, 2), {}, 0, 0),
    ("tokens", {}, [(2, 3, 4)], (12, 2), {}, 0, 0),
    ("feature_map", {"size": (3, 4)}, [(12, 2)], (2, 3, 4), {}, 0, 0),
    ("rearrange", {"pattern": "c (h p) (w q) -> (h w) (p q c)", "sizes": (("p", 2), ("q", 3))}, [(5, 4, 9)], (6, 30),
     {}, 0, 0),
    ("permute", {"axes": (2, 0, 1)}, [(2, 3, 4)], (4, 2, 3), {}, 0, 0),
    ("reshape", {"shape": (4, -1)}, [(2, 3, 4)], (4, 6), {}, 0, 0),
    ("expand", {"shape": (5, -1, 4)}, [(3, 1)], (5, 3, 4), {}, 0, 0),
    ("roll", {"shift": (1,), "axis": (0,)}, [(3, 2)], (3, 2), {}, 0, 0),
    ("flip", {"axis": (1,)}, [(3, 2)], (3, 2), {}, 0, 0),
    ("gather", {"shape": (4, 4, 3)}, [(9, 3)], (4, 4, 3), {}, 0, 0),
    ("split", {"sizes": (1, 3), "chunks": None, "axis": 1}, [(2, 4)], (2, 1), {}, 0, 0),
    ("unfold", {**SQUARE, "dilation": (1, 1)}, [(3, 4, 6)], (12, 6), {}, 0, 0),
    ("fold", {"output_size": (4, 4), "kernel_size": (3, 3), "stride": (1, 1), "padding": ((0, 0), (0, 0)),
              "dilation": (1, 1)}, [(18, 4)], (2, 4, 4), {"add": 72}, 0, 0),  # 18 · 4
    ("parameter", {"shape": (5, 8)}, [], (5, 8), {}, 40, 0),
    ("embedding", {"num_embeddings": 10, "embedding_dim": 4}, [(6,)], (6, 4), {}, 40, 0),
]  # fmt: skip


@pytest.mark.parametrize(("type", "fields", "shapes", "output", "ops", "params", "buffers"), LEDGER)
def test_the_ledger_of_a_layer(type, fields, shapes, output, ops, params, buffers):
    execution = execute(type, fields, shapes)
    assert execution.output_shape == output
    assert execution.ops == ops
    assert (execution.params, execution.buffers, execution.padding_mults) == (params, buffers, 0)


def test_all_outputs_are_told():
    given = {"sizes": None, "chunks": 3, "axis": 0}
    assert execute("split", given, [(6, 2)]).output_shapes == ((2, 2), (2, 2), (2, 2))


def test_every_type_has_its_ledger_written_out():
    convolutions = {"conv", "depthwise_conv", "pointwise_conv", "transposed_conv", "deform_conv", "linear"}
    assert {case[0] for case in LEDGER} | convolutions == set(types())


def test_a_folded_norm_takes_its_weights_and_performs_nothing():
    given = {"affine": True, "eps": 1e-5, "momentum": 0.1}
    execution = execute("batch_norm", given, [(4, 3, 5)], folded=True)
    assert (execution.ops, execution.params, execution.buffers) == ({}, 8, 8)
    with pytest.raises(ValueError, match="only a batch_norm folds"):
        execute("relu", {}, [(4,)], folded=True)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_counts_do_not_depend_on_the_values(seed):
    for type, fields, shapes, _, ops, _, _ in LEDGER:
        assert execute(type, fields, shapes, seed=seed).ops == ops


PADDING = object()


class Traced:
    """A number that knows which products it is the sum of, and counts what is done to its kind."""

    performed: ClassVar[Counter[str]] = Counter()

    def __init__(self, *products):
        self.products = products

    def __mul__(self, weight):
        self.performed["mul"] += 1
        return Traced((self, weight))

    def __rmul__(self, padding):
        assert padding == 0
        self.performed["mul"] += 1
        return Traced((PADDING, self))

    def __add__(self, other):
        self.performed["add"] += 1
        return Traced(*self.products, *other.products)

    def __radd__(self, start):
        assert start == 0
        self.performed["add"] += 1
        return self


@pytest.mark.parametrize("size", [3, 9])
@pytest.mark.parametrize(
    ("type", "own", "weight"),
    [
        ("conv", {"out_channels": 4, "groups": 1}, (4, 4, 3, 3)),
        ("conv", {"out_channels": 6, "groups": 2}, (6, 2, 3, 3)),
        ("depthwise_conv", {"depth_multiplier": 2}, (8, 1, 3, 3)),
        ("transposed_conv", {"out_channels": 6, "groups": 2, "output_padding": (0, 0)}, (4, 3, 3, 3)),
        ("transposed_conv", {"out_channels": 1, "groups": 1, "output_padding": (0, 0)}, (4, 1, 3, 3)),
        ("linear", {"out_features": 5, "bias": False}, (5, 4)),
    ],
)
def test_each_product_counted_is_of_a_value_and_a_weight_and_used_once(fields, type, own, weight, size):
    """Numbers that trace themselves see as many products as are counted, each in just one output, or cropped."""
    shape = (4,) if type == "linear" else (4, size, size)
    given = own if type == "linear" else fields(padding=1, stride=2, bias=False, **own)
    x = Array(shape, [Traced() for _ in range(prod(shape))])
    kernel = Array(weight, [Traced() for _ in range(prod(weight))])
    Traced.performed.clear()
    y, execution = run(type, given, [x], {"weight": kernel})
    assert execution.ops == Traced.performed
    used = [product for value in y.values if value != 0 for product in value.products]
    wasted = sum(value is PADDING for value, _ in used)
    if type == "transposed_conv":
        wasted += execution.ops["mul"] - len(used)
    else:
        assert len(used) == execution.ops["mul"]
    assert wasted == execution.padding_mults
    inside = [pair for pair in used if pair[0] is not PADDING]
    assert {value for value, _ in inside} <= set(x.values)
    assert {weight for _, weight in used} <= set(kernel.values)
    # A pair meets in one output only: the weight fixes the output channel, and the two together the position.
    assert len(set(inside)) == len(inside)
