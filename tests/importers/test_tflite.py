"""TensorFlow Lite graphs to specs: what operators become."""

# ruff: noqa: E501 -- a model and what becomes of it stand on a line

from __future__ import annotations

import pytest
import tflite_writer as w
import yaml
from tflite_models import (
    CONV,
    PICTURE,
    RELU,
    RELU6,
    RELU_N1_TO_1,
    SAID,
    SAME,
    TANH,
    TO_4,
    VALID,
    chain,
    counted,
    imported,
    items,
    lstm,
    one,
    rnn,
    svdf,
    transposed,
    two,
)

from convcost.importers.tflite import read


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        # 3×5 windows one apart: one and two zeros on each side
        (one("CONV_2D", PICTURE, [1, 6, 8, 7], [7, 3, 5, 4], [7], f0=SAME, **CONV), ["conv: {out_channels: 7, kernel_size: [3, 5], padding: [1, 2]}"]),
        (one("CONV_2D", PICTURE, [1, 4, 3, 7], [7, 3, 3, 4], f0=VALID, f1=w.i32(2), f2=w.i32(1)), ["conv: {out_channels: 7, kernel_size: 3, stride: [1, 2], bias: false}"]),
        # 3 positions 2 apart are 5 wide: 6 − 4 and 8 − 4 are left
        (one("CONV_2D", PICTURE, [1, 2, 4, 7], [7, 3, 3, 4], None, f0=VALID, f4=w.i32(2), f5=w.i32(2), **CONV), ["conv: {out_channels: 7, kernel_size: 3, dilation: 2, bias: false}"]),
        (one("CONV_2D", PICTURE, [1, 6, 8, 6], [6, 1, 1, 2], f0=SAME, **CONV), ["conv: {out_channels: 6, kernel_size: 1, groups: 2, bias: false}"]),
        # windows of 3, 2 apart over 6 and 8: (3 − 1)·2 + 3 − 6 = 1 zero, behind
        (one("DEPTHWISE_CONV_2D", PICTURE, [1, 3, 4, 8], [1, 3, 3, 8], [8], f0=SAME, f1=w.i32(2), f2=w.i32(2), f3=w.i32(2)), ["depthwise_conv: {kernel_size: 3, stride: 2, padding: [[0, 1], [0, 1]], depth_multiplier: 2}"]),
        (one("DEPTHWISE_CONV_2D", [1, 6, 8, 1], [1, 6, 8, 8], [1, 3, 3, 8], f0=SAME, f1=w.i32(1), f2=w.i32(1), f3=w.i32(8)), ["conv: {out_channels: 8, kernel_size: 3, padding: 1, bias: false}"]),
        (one("CONV_3D", [1, 5, 6, 7, 2], [1, 5, 3, 7, 4], [3, 3, 1, 2, 4], f0=SAME, f1=w.i32(1), f2=w.i32(1), f3=w.i32(2)), ["conv: {out_channels: 4, kernel_size: [3, 3, 1], stride: [1, 2, 1], padding: [[1, 1], [0, 1], [0, 0]], bias: false}"]),
        (one("MAX_POOL_2D", PICTURE, [1, 3, 4, 4], f0=VALID, f1=w.i32(2), f2=w.i32(2), f3=w.i32(2), f4=w.i32(2)), ["max_pool: {kernel_size: 2}"]),
        # zeros of an average are left out of it
        (one("AVERAGE_POOL_2D", PICTURE, PICTURE, f0=SAME, f1=w.i32(1), f2=w.i32(1), f3=w.i32(3), f4=w.i32(1)), ["avg_pool: {kernel_size: [1, 3], stride: 1, padding: [0, 1], count_include_pad: false}"]),
        (one("AVERAGE_POOL_2D", PICTURE, [1, 1, 1, 4], f0=VALID, f1=w.i32(8), f2=w.i32(6), f3=w.i32(8), f4=w.i32(6)), ["avg_pool: {kernel_size: [6, 8]}"]),
        (one("RESIZE_BILINEAR", PICTURE, [1, 12, 16, 4], (12, 16), f3=w.flag(True)), ["upsample: {mode: bilinear, size: [12, 16]}"]),
        (one("RESIZE_BILINEAR", PICTURE, [1, 12, 16, 4], (12, 16), f2=w.flag(True)), ["upsample: {mode: bilinear, size: [12, 16], align_corners: true}"]),
        (one("RESIZE_NEAREST_NEIGHBOR", PICTURE, [1, 12, 24, 4], (12, 24)), ["upsample: {size: [12, 24]}"]),
        (one("LOCAL_RESPONSE_NORMALIZATION", PICTURE, PICTURE, f0=w.i32(2), f1=w.f32(1), f2=w.f32(0.5), f3=w.f32(0.75)), ["local_response_norm: {size: 5, alpha: 2.5, beta: 0.75, k: 1}"]),
        (one("PAD", PICTURE, [1, 9, 8, 4], (0, 0, 1, 2, 0, 0, 0, 0)), ["pad: {padding: [[1, 2]], axis: [1]}"]),
        (one("PAD", PICTURE, [1, 8, 10, 4], (0, 0, 1, 1, 1, 1, 0, 0)), ["pad: {padding: [[1, 1], [1, 1]]}"]),
        (one("PAD", PICTURE, [1, 6, 8, 9], (0, 0, 0, 0, 0, 0, 0, 5)), ["pad: {padding: [[0, 5]], axis: [0]}"]),
        (one("MIRROR_PAD", PICTURE, [1, 8, 10, 4], (0, 0, 1, 1, 1, 1, 0, 0), f0=w.i8(0)), ["pad: {padding: [[1, 1], [1, 1]], mode: reflect}"]),
        (one("MEAN", PICTURE, [1, 1, 1, 4], (1, 2), f0=w.flag(True)), ["global_avg_pool"]),
        (one("MEAN", PICTURE, [1, 4], (1, 2)), ["global_avg_pool", "flatten"]),
        (one("SUM", PICTURE, [1, 6, 8, 1], (3,), f0=w.flag(True)), ["reduce: {op: sum, axis: [0], keepdim: true}"]),
        (one("SOFTMAX", PICTURE, PICTURE, f0=w.f32(1)), ["softmax"]),
        (one("SOFTMAX", PICTURE, PICTURE, f0=w.f32(2)), ["elementwise: {op: multiply, value: 2}", "softmax"]),
        (one("SOFTMAX", [1, 9], [1, 9]), ["softmax"]),
        (one("LOG_SOFTMAX", [1, 9], [1, 9]), ["log_softmax"]),
        (one("LEAKY_RELU", PICTURE, PICTURE, f0=w.f32(0.2)), ["leaky_relu: {negative_slope: 0.2}"]),
        (one("GELU", [1, 9], [1, 9], f0=w.flag(True)), ["gelu: {approximate: tanh}"]),
        (one("GELU", [1, 9], [1, 9]), ["gelu"]),
        (one("HARD_SWISH", PICTURE, PICTURE), ["hard_swish"]),
        (one("RELU6", PICTURE, PICTURE), ["relu6"]),
        (one("RELU_N1_TO_1", PICTURE, PICTURE), ["hard_tanh: {min_val: -1, max_val: 1}"]),
        (one("RELU_0_TO_1", PICTURE, PICTURE), ["hard_tanh: {min_val: 0, max_val: 1}"]),
        (one("PRELU", PICTURE, PICTURE, [1, 1, 4]), ["prelu: {num_parameters: 4}"]),
        (chain([1, 6, 5], ("BROADCAST_TO", [[1, 6, 5]], [(1, 6, 5)], {}), ("PRELU", [[1, 6, 5]], [[1, 5]], {})), ["feature_map: {size: [6]}", "prelu: {num_parameters: 5}", "tokens"]),
        (one("SQUARE", PICTURE, PICTURE), ["elementwise: {op: square}"]),
        (one("FULLY_CONNECTED", [1, 9], [1, 5], [5, 9], [5]), ["linear: {out_features: 5}"]),
        (one("FULLY_CONNECTED", [1, 9], [1, 5], [5, 9], None), ["linear: {out_features: 5, bias: false}"]),
        (one("FULLY_CONNECTED", [1, 9], [1, 5], [5, 9], f0=RELU), ["linear: {out_features: 5, bias: false}", "relu"]),
        (one("FULLY_CONNECTED", PICTURE, [1, 5], [5, 192]), ["flatten", "linear: {out_features: 5, bias: false}"]),
        (one("FULLY_CONNECTED", [1, 7, 9], [1, 7, 5], [5, 9], [5], f2=w.flag(True)), ["linear: {out_features: 5}"]),
        (one("FULLY_CONNECTED", [1, 7, 9], [7, 5], [5, 9], [5]), ["linear: {out_features: 5}"]),
        (one("MUL", PICTURE, PICTURE, [4]), ["scale"]),
        (one("ADD", PICTURE, PICTURE, [1, 1, 1, 4], f0=RELU), ["shift", "relu"]),
    ],
)  # fmt: skip
def test_an_operator_is_a_layer(model, expected):
    assert items(model) == [yaml.safe_load(each) for each in expected]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        # a vector: its order does not matter to what reads all of it
        (chain(PICTURE, TO_4, ("RESHAPE", [[1, 192]], [(1, 192)], {})), [SAID, "flatten"]),
        # the channels go last before positions become rows
        (chain(PICTURE, TO_4, ("RESHAPE", [[1, 48, 4]], [(1, 48, 4)], {})), [SAID, "tokens"]),
        # rows become a picture whose channels go first
        (chain([1, 48, 4], ("RESHAPE", [[1, 6, 8, 4]], [(1, 6, 8, 4)], {}), TO_4), ["feature_map: {size: [6, 8]}", SAID]),
        # one channel, or one position, lies as it lay
        (chain([1, 48], ("RESHAPE", [[1, 6, 8, 1]], [(1, 6, 8, 1)], {}), ("CONV_2D", [[1, 6, 8, 4]], [[4, 1, 1, 1]], {"f0": SAME, **CONV})), ["reshape: {shape: [1, 6, 8]}", SAID]),
        (chain([1, 1, 1, 4], ("CONV_2D", [[1, 1, 1, 4]], [[4, 1, 1, 4]], {"f0": SAME, **CONV}), ("SQUEEZE", [[1, 4]], [], {})), [SAID, "flatten"]),
        # PyTorch's order behind a convolution is the order in which it is written: nothing moves
        (chain(PICTURE, TO_4, ("TRANSPOSE", [[1, 4, 6, 8]], [(0, 3, 1, 2)], {}), ("MEAN", [[1, 4]], [(2, 3)], {})), [SAID, "global_avg_pool", "flatten"]),
        (chain(PICTURE, TO_4, ("TRANSPOSE", [[1, 8, 6, 4]], [(0, 2, 1, 3)], {}), ("CONV_2D", [[1, 8, 6, 4]], [[4, 1, 1, 4]], {"f0": SAME, **CONV})), [SAID, "permute: {axes: [0, 2, 1], layout: feature_map}", SAID]),
        (chain(PICTURE, ("SPLIT", [[1, 6, 8, 2]] * 2, [(3,)], {"f0": w.i32(2)}), ("CONV_2D", [[1, 6, 8, 4]], [[4, 1, 1, 2]], {"f0": SAME, **CONV})), ["split: {chunks: 2}", SAID]),
        (chain(PICTURE, ("SPLIT_V", [[1, 2, 8, 4], [1, 4, 8, 4]], [(2, 4), (1,)], {"f0": w.i32(2)})), ["split: {sizes: [2, 4], axis: 1}"]),
        (chain(PICTURE, ("SLICE", [[1, 6, 8, 2]], [(0, 0, 0, 1), (1, 6, 8, 2)], {})), ["slice: {start: 1, end: 3}"]),
        (chain(PICTURE, ("SLICE", [[1, 4, 8, 4]], [(0, 2, 0, 0), (-1, -1, -1, -1)], {})), ["slice: {axis: 1, start: 2}"]),
        (chain(PICTURE, ("STRIDED_SLICE", [[1, 3, 8, 4]], [(0, 1, 0, 0), (9, 6, 9, 9), (1, 2, 1, 1)], {"f0": w.i32(13), "f1": w.i32(13)})), ["slice: {axis: 1, start: 1, step: 2}"]),
        # one row of each picture, and the axis is gone
        (chain([1, 7, 5], ("STRIDED_SLICE", [[1, 5]], [(0, 3, 0), (0, 4, 0), (1, 1, 1)], {"f0": w.i32(5), "f1": w.i32(5), "f4": w.i32(2)})), ["slice: {axis: 0, start: 3, end: 4}", "flatten"]),
        (chain([1, 7, 5], ("STRIDED_SLICE", [[1, 5]], [(0, -1, 0), (0, 0, 0), (1, 1, 1)], {"f0": w.i32(5), "f1": w.i32(5), "f4": w.i32(2)})), ["slice: {axis: 0, start: 6}", "flatten"]),
        (chain([1, 7, 5], ("PAD", [[1, 9, 5]], [(0, 0, 2, 0, 0, 0)], {})), ["pad: {padding: [[2, 0]], axis: [0]}"]),
        (chain(PICTURE, ("EXPAND_DIMS", [[1, 1, 6, 8, 4]], [(1,)], {}), ("CONV_3D", [[1, 1, 6, 8, 2]], [[1, 1, 1, 4, 2]], {"f0": SAME, "f1": w.i32(1), "f2": w.i32(1), "f3": w.i32(1)})), ["reshape: {shape: [4, 1, 6, 8], layout: feature_map}", "conv: {out_channels: 2, kernel_size: 1, bias: false}"]),
        (chain([1, 6], ("UNPACK", [[1]] * 6, [], {"f0": w.i32(6), "f1": w.i32(1)})), ["split: {chunks: 6}"]),
        (chain([1, 7, 9], ("FULLY_CONNECTED", [[1, 7, 5]], [[5, 9]], {"f2": w.flag(True)}), ("RESHAPE", [[7, 5]], [(7, 5)], {}), ("FULLY_CONNECTED", [[7, 3]], [[3, 5]], {})), ["linear: {out_features: 5, bias: false}", "linear: {out_features: 3, bias: false}"]),
        # time first: the batch of 1 is put before, and the permutation is none of the values'
        (chain([1, 7, 9], ("TRANSPOSE", [[7, 1, 9]], [(1, 0, 2)], {}), ("FULLY_CONNECTED", [[7, 1, 5]], [[5, 9]], {"f2": w.flag(True)})), ["reshape: {shape: [7, 1, 9], layout: tokens}", "linear: {out_features: 5, bias: false}"]),
    ],
)  # fmt: skip
def test_what_moves_values(model, expected):
    assert items(model) == [yaml.safe_load(each) for each in expected]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (two("ADD", PICTURE, PICTURE, PICTURE), ["add"]),
        (two("ADD", PICTURE, PICTURE, PICTURE, f0=RELU6), ["add", "relu6"]),
        (two("SUB", PICTURE, PICTURE, PICTURE, f0=RELU_N1_TO_1), ["subtract", "hard_tanh: {min_val: -1, max_val: 1}"]),
        (two("DIV", PICTURE, PICTURE, PICTURE, f0=TANH), ["divide", "tanh"]),
        (two("MAXIMUM", [1, 9], [1, 9], [1, 9]), ["maximum"]),
        (two("MUL", PICTURE, [1, 1, 1, 4], PICTURE), ["multiply"]),
        (two("MUL", PICTURE, [1, 4], PICTURE), ["reshape: {shape: [4, 1, 1], layout: feature_map}", "multiply"]),
        (two("SQUARED_DIFFERENCE", PICTURE, PICTURE, PICTURE), ["subtract", "elementwise: {op: square}"]),
        (two("ADD_N", PICTURE, PICTURE, PICTURE), ["add"]),
        (two("CONCATENATION", PICTURE, PICTURE, [1, 6, 8, 8], f0=w.i32(3)), ["concat"]),
        (two("CONCATENATION", PICTURE, PICTURE, [1, 12, 8, 4], f0=w.i32(-3)), ["concat: {axis: 1}"]),
        (two("CONCATENATION", [1, 5], [1, 4], [1, 9], f0=w.i32(1), f1=RELU), ["concat", "relu"]),
    ],
)  # fmt: skip
def test_two_values(model, expected):
    assert items(model) == [yaml.safe_load(each) for each in expected]


def test_a_number_is_read_as_it_was_before_it_was_quantised():
    file = w.File(w.INT8)
    file.input("x", PICTURE)
    file.constant("half", [], [10], f4={2: ("f", [0.125]), 3: ("q", [6])})  # (10 − 6) / 8
    file.value("y", PICTURE)
    file.add("MUL", ["x", "half"], ["y"])
    assert items(file.bytes(["y"])) == [{"elementwise": {"op": "multiply", "value": 0.5}}]


def test_a_whole_tensor_that_is_added_is_learned():
    file = w.File()
    file.input("x", [1, 7, 5])
    file.constant("net/positions", [1, 7, 5])
    file.value("y", [1, 7, 5])
    file.add("ADD", ["x", "net/positions"], ["y"])
    assert items(file.bytes(["y"])) == [{"parameter": {"shape": [7, 5]}}, "add"]
    assert imported(file.bytes(["y"])).layers[0].name == "net.positions"


def test_an_lstm():
    # gates 4·4·(3 + 4) and a bias each; 6 steps
    assert items(lstm()) == [{"lstm": {"hidden_size": 4, "bias": "single"}}]
    assert (counted(lstm()).params, counted(lstm()).macs) == (16 * 7 + 16, 6 * 16 * 7)


def test_an_lstm_without_biases_and_with_a_projection():
    model = lstm(biases=False, project=2)
    assert items(model) == [{"lstm": {"hidden_size": 4, "proj_size": 2, "bias": False}}]
    # gates read 3 features and 2 of the state, which 2·4 products give
    assert (counted(model).params, counted(model).macs) == (16 * 5 + 8, 6 * (16 * 5 + 8))


def test_an_lstm_whose_steps_come_first():
    assert {"lstm": {"hidden_size": 4, "bias": "single"}} in items(lstm(time_major=True))
    assert counted(lstm(time_major=True)).macs == 6 * 16 * 7


def test_the_clips_of_an_lstm_are_said():
    assert "# the clips of an LSTM's states are not counted\n" in imported(lstm(f1=w.f32(10))).text
    assert "clips" not in imported(lstm()).text


def test_an_elman_network():
    model = rnn("UNIDIRECTIONAL_SEQUENCE_RNN", [1, 6, 3], [1, 6, 4], f1=TANH)
    assert items(model) == [{"rnn": {"hidden_size": 4, "bias": "single"}}]
    assert (counted(model).params, counted(model).macs) == (4 * 7 + 4, 6 * 4 * 7)


def test_one_step_of_an_elman_network():
    model = rnn("RNN", [1, 3], [1, 4], f0=RELU)
    assert {"rnn": {"hidden_size": 4, "bias": "single", "nonlinearity": "relu"}} in items(model)
    assert (counted(model).params, counted(model).macs) == (4 * 7 + 4, 4 * 7)


@pytest.mark.parametrize(
    ("first", "second", "option"),
    [([1, 2, 6, 8], [1, 2, 5, 8], "f1"), ([1, 2, 8, 6], [1, 2, 8, 5], "f0")],
)
def test_a_product_of_two_values_of_which_one_is_turned(first, second, option):
    # 2 times 6 × 5 values, each of 8 products
    model = two("BATCH_MATMUL", first, second, [1, 2, 6, 5], **{option: w.flag(True)})
    assert counted(model).macs == 2 * 6 * 5 * 8


def test_a_dense_layer_whose_weights_are_rows_of_a_sequence():
    file = w.File()
    file.input("x", [1, 8])
    file.input("rows", [1, 5, 8])
    file.value("weights", [5, 8])
    file.add("RESHAPE", ["rows", file.numbers(5, 8)], ["weights"])
    file.value("y", [1, 5])
    file.add("FULLY_CONNECTED", ["x", "weights", -1], ["y"])
    file.value("z", [1, 5])
    file.add("LOGISTIC", ["y"], ["z"])
    total = counted(file.bytes(["z"]))
    assert (total.params, total.macs) == (0, 5 * 8)


def test_a_part_of_a_map_of_which_an_axis_is_gone():
    # one of the 6 rows of what a convolution gives, which has its channels first in a spec
    cut = [(0, 2, 0, 0), (1, 3, 8, 4), (1, 1, 1, 1)]
    model = chain(PICTURE, TO_4, ("STRIDED_SLICE", [[1, 8, 4]], cut, {"f0": w.i32(0), "f4": w.i32(2)}))
    assert items(model)[1:] == [
        {"slice": {"axis": 1, "start": 2, "end": 3}},
        {"permute": {"axes": [1, 2, 0], "layout": "tokens"}},  # channels last, as TensorFlow Lite has them
        {"reshape": {"shape": [8, 4], "layout": "tokens"}},
    ]
    assert imported(model).model.outputs[0].shape == (8, 4)


def test_the_place_of_the_largest_of_each_row():
    model = one("ARG_MAX", [1, 6, 8], [1, 6], (2,))  # of 8 values in each of 6 rows: 7 comparisons
    assert items(model) == [{"reduce": {"op": "max", "axis": [1], "layout": "vector"}}]
    assert counted(model).ops.cmp == 6 * 7


def test_sizes_of_the_program_are_worked_out():
    file = w.File()
    file.input("x", [1, 6, 8, 4])
    file.value("shape", [4], w.INT32)
    file.value("part", [1], w.INT32)
    file.value("y", [1, 192])
    file.add("SHAPE", ["x"], ["shape"])
    inputs = ["shape", file.numbers(1), file.numbers(2), file.numbers(1)]
    file.add("STRIDED_SLICE", inputs, ["part"], f0=w.i32(0))
    file.add("RESHAPE", ["x", "part"], ["y"])
    assert items(file.bytes(["y"])) == ["flatten"]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        # (5 − 1)·1 + 3 = 7 and (6 − 1)·2 + 4 = 14
        (transposed([1, 5, 6, 3], [1, 7, 14, 8], [8, 3, 4, 3], strides=(1, 2)), "kernel_size: [3, 4], stride: [1, 2], bias: false"),
        # (5 − 1)·2 + 3 = 11 is one more than 10, which is cropped behind
        (transposed([1, 5, 5, 3], [1, 10, 10, 8], [8, 3, 3, 3], size=(1, 10, 10, 8), padding=SAME, strides=(2, 2), biases=True), "kernel_size: 3, stride: 2, padding: [[0, 1], [0, 1]]"),
        # (5 − 1)·3 + 2 = 14, and one more is wanted
        (transposed([1, 5, 5, 3], [1, 15, 15, 8], [8, 2, 2, 3], size=(1, 15, 15, 8), strides=(3, 3)), "kernel_size: 2, stride: 3, output_padding: 1, bias: false"),
    ],
)  # fmt: skip
def test_transposed_convolutions(model, fields):
    assert items(model) == [yaml.safe_load(f"transposed_conv: {{out_channels: 8, {fields}}}")]


def test_a_transposed_convolution_counts_what_it_crops():
    model = transposed([1, 5, 5, 3], [1, 10, 10, 8], [8, 3, 3, 3], size=(1, 10, 10, 8), padding=SAME, strides=(2, 2))
    assert (counted(model).macs, counted(model).params) == (25 * 9 * 3 * 8, 9 * 3 * 8)


def test_padding_with_a_number():
    file = w.File(w.INT8)
    file.input("x", [1, 6, 8, 4])
    file.constant("low", [1], [-128], f4={2: ("f", [0.5]), 3: ("q", [-126])})  # (−128 + 126) / 2
    file.value("y", [1, 8, 8, 4])
    file.add("PADV2", ["x", file.numbers(0, 0, 1, 1, 0, 0, 0, 0), "low"], ["y"])
    padded = {"padding": [[1, 1]], "axis": [1], "mode": "constant", "value": -1}
    assert items(file.bytes(["y"])) == [{"pad": padded}]


def test_padding_with_nothing_is_left_out():
    steps = [("PAD", [PICTURE], [(0, 0, 0, 0, 0, 0, 0, 0)], {}), ("RELU", [PICTURE], [], {})]
    assert items(chain(PICTURE, *steps)) == ["relu"]


def test_a_join_along_a_new_axis():
    # two pictures of 6×8 become the channels of one
    file = w.File()
    for name in ("a", "b"):
        file.input(name, [1, 6, 8])
    file.value("v", [1, 6, 8, 2])
    file.value("y", [1, 6, 8, 3])
    file.add("PACK", ["a", "b"], ["v"], f0=w.i32(2), f1=w.i32(-1))
    file.add("CONV_2D", ["v", file.constant("k", [3, 1, 1, 2])], ["y"], f0=SAME, **CONV)
    assert (counted(file.bytes(["y"])).macs, counted(file.bytes(["y"])).params) == (48 * 6, 6)


def test_places_along_an_axis_are_parts():
    file = w.File()
    file.input("x", [1, 3, 5])
    for name in ("a", "b", "c"):
        file.value(name, [1, 5])
    file.value("y", [1, 5])
    file.add("UNPACK", ["x"], ["a", "b", "c"], f0=w.i32(3), f1=w.i32(1))
    file.add("ADD_N", ["a", "b", "c"], ["y"])
    assert items(file.bytes(["y"])) == [{"split": {"chunks": 3, "axis": 0}}, "flatten", "flatten", "flatten", "add"]


@pytest.mark.parametrize(("adjoint", "second"), [(True, [1, 7, 5]), (False, [1, 5, 7])])
def test_matrices_with_a_constant(adjoint, second):
    file = w.File()
    file.input("x", [1, 6, 5])
    file.constant("m", second[1:])
    file.value("y", [1, 6, 7])
    file.add("BATCH_MATMUL", ["x", "m"], ["y"], f1=w.flag(adjoint))
    assert items(file.bytes(["y"])) == [{"linear": {"out_features": 7, "bias": False}}]


def test_a_chosen_place_is_gathered_by_its_number():
    graph = read(chain([1, 9], ("GATHER", [[1, 2]], [(0, 3)], {"f0": w.i32(1)})), "net.tflite")
    (node,) = graph.nodes
    assert (node.operator, node.attributes, graph.constants[node.inputs[1]].values) == ("Gather", {"axis": 1}, (0, 3))


@pytest.mark.parametrize(
    ("operator", "to", "attributes"),
    [
        ("EXP", "Exp", {}),
        ("L2_NORMALIZATION", "LpNormalization", {"axis": 1, "p": 2}),
        ("DEPTH_TO_SPACE", "DepthToSpace", {"blocksize": 2}),
        ("SPACE_TO_DEPTH", "SpaceToDepth", {"blocksize": 2}),
    ],
)
def test_operators_of_onnx(operator, to, attributes):
    gives = {"DEPTH_TO_SPACE": [1, 12, 16, 1], "SPACE_TO_DEPTH": [1, 3, 4, 16]}.get(operator, PICTURE)
    options = {"f0": w.i32(2)} if "SPACE" in operator else {}
    (node,) = read(one(operator, PICTURE, gives, **options), "net.tflite").nodes
    assert (node.operator, node.attributes) == (to, attributes)


def test_a_reciprocal_root_is_a_root_and_a_division():
    total = counted(one("RSQRT", PICTURE, PICTURE))
    assert (total.ops.sqrt, total.ops.div) == (6 * 8 * 4, 6 * 8 * 4)


def test_a_square_multiplies_each_value_once():
    assert counted(one("SQUARE", PICTURE, PICTURE)).ops.mul == 6 * 8 * 4


@pytest.mark.parametrize(("rank", "bias"), [(1, True), (2, True), (1, False), (2, False)])
def test_filters_of_features_and_of_time(rank, bias):
    found = counted(svdf(rank, bias))
    assert found.macs == 3 * rank * (5 + 4)
    assert found.params == 3 * rank * (5 + 4) + 3 * bias
    # each product is added, the filters of a unit, and its bias
    assert found.ops.add == 3 * rank * (5 + 4) + (3 * rank if rank > 1 else 0) + 3 * bias
    assert found.ops.cmp == 3


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (chain(PICTURE, TO_4, ("REVERSE_V2", [PICTURE], [(2,)], {})), [SAID, "flip: {axis: [2]}"]),
        (chain(PICTURE, TO_4, ("ARG_MAX", [[1, 6, 8]], [(3,)], {})), [SAID, "permute: {axes: [1, 2, 0], layout: tokens}", "reduce: {op: max, axis: [2]}"]),
        (one("ARG_MIN", [1, 9], [1], (1,)), ["reduce: {op: min, axis: [0], keepdim: true}"]),
        (chain(PICTURE, TO_4, ("MEAN", [[1, 1, 1, 4]], [(1, 2)], {"f0": w.flag(True)}), ("TILE", [PICTURE], [(1, 6, 8, 1)], {})), [SAID, "global_avg_pool", "expand: {shape: [4, 6, 8]}"]),
        (one("BROADCAST_TO", [1, 1, 5], [1, 7, 5], (1, 7, 5)), ["expand: {shape: [7, 5]}"]),
        (one("GATHER", [1, 9], [1, 2], (0, 3), f0=w.i32(1)), ["slice: {end: 4, step: 3}"]),
    ],
)  # fmt: skip
def test_repetitions_and_choices(model, expected):
    assert items(model) == [yaml.safe_load(each) for each in expected]


@pytest.mark.parametrize("operator", ["GATHER", "EMBEDDING_LOOKUP"])
def test_rows_of_a_table(operator):
    file = w.File()
    file.input("words", [1, 7] if operator == "GATHER" else [7], w.INT32)
    file.constant("table", [50, 6])
    file.value("y", [1, 7, 6] if operator == "GATHER" else [7, 6])
    file.add(operator, ["table", "words"] if operator == "GATHER" else ["words", "table"], ["y"])
    assert items(file.bytes(["y"])) == [{"embedding": {"num_embeddings": 50, "embedding_dim": 6}}]


def test_one_place_of_an_axis_leaves_the_others():
    file = w.File()
    file.input("x", [1, 7, 5])
    file.constant("place", [], [3], w.INT32)
    file.value("y", [1, 5])
    file.add("GATHER", ["x", "place"], ["y"], f0=w.i32(1))
    assert items(file.bytes(["y"])) == [{"slice": {"axis": 0, "start": 3, "end": 4}}, "flatten"]


def test_matrices_of_heads_are_no_pictures():
    assert items(two("BATCH_MATMUL", [1, 2, 6, 5], [1, 2, 5, 7], [1, 2, 6, 7])) == ["matmul"]


def test_axes_that_are_left_of_a_picture_keep_their_order():
    # the rows are averaged: 8 positions of 4 channels are left, which rows of weights of 4 numbers read
    file = w.File()
    file.input("x", PICTURE)
    file.value("v", [1, 6, 8, 4])
    file.value("m", [1, 8, 4])
    file.value("y", [1, 8, 3])
    file.add("CONV_2D", ["x", file.constant("k", [4, 1, 1, 4]), -1], ["v"], f0=SAME, **CONV)
    file.add("MEAN", ["v", file.numbers(1)], ["m"])
    file.add("FULLY_CONNECTED", ["m", file.constant("w", [3, 4]), -1], ["y"], f2=w.flag(True))
    assert counted(file.bytes(["y"])).macs == 48 * 16 + 8 * 3 * 4
