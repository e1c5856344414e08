"""TensorFlow Lite graphs to specs: operators, layouts, types of numbers, memory, and what is refused."""

# ruff: noqa: E501 -- a model and what becomes of it stand on a line

from __future__ import annotations

import pytest
import tflite_writer as w
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.importers.tflite import read

SAME, VALID = w.i8(0), w.i8(1)
RELU, RELU_N1_TO_1, RELU6, TANH, SIGN_BIT = map(w.i8, range(1, 6))


def imported(content):
    return import_model(IMPORTERS["tflite"], content, "net.tflite")


def items(content):
    """Return the layers of a model: their types, and their fields where they have some."""
    return [{each.type: each.fields} if each.fields else each.type for each in imported(content).layers]


def one(operator, shape, gives, *constants, dtype=w.FLOAT32, more=(), **options):
    """Return a model of one operator: it reads a value and constants, given by their shapes, or by numbers."""
    file = w.File(dtype)
    file.input("x", shape)
    inputs = ["x", *more]
    for number, each in enumerate(constants):
        if each is None:
            inputs.append(-1)
        elif isinstance(each, tuple):
            inputs.append(file.numbers(*each))
        else:
            inputs.append(file.constant(f"c{number}", each))
    file.value("y", gives)
    file.add(operator, inputs, ["y"], **options)
    return file.bytes(["y"])


PICTURE = [1, 6, 8, 4]
CONV = {"f1": w.i32(1), "f2": w.i32(1)}  # the strides of the width and the height


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


def chain(shape, *steps, dtype=w.FLOAT32):
    """Return a model of operators one behind the other: each an operator, what it gives, its constants and options."""
    file = w.File(dtype)
    previous = file.input("x", shape)
    for number, (operator, gives, constants, options) in enumerate(steps):
        inputs = [
            previous,
            *(
                file.numbers(*each) if isinstance(each, tuple) else file.constant(f"c{number}", each)
                for each in constants
            ),
        ]
        if operator == "SPLIT":
            inputs.reverse()
        outputs = [file.value(f"v{number}.{at}", each) for at, each in enumerate(gives)]
        file.add(operator, inputs, outputs, **options)
        previous = outputs[0]
    return file.bytes(outputs)


TO_4 = ("CONV_2D", [[1, 6, 8, 4]], [[4, 1, 1, 4]], {"f0": SAME, **CONV})  # a picture: 4 channels of 6×8
SAID = "conv: {out_channels: 4, kernel_size: 1, bias: false}"


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


def two(operator, first, second, gives, **options):
    """Return a model of one operator that reads two values."""
    file = w.File()
    file.input("a", first)
    file.input("b", second)
    file.value("y", gives)
    file.add(operator, ["a", "b"], ["y"], **options)
    return file.bytes(["y"])


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


def lstm(*, steps=6, features=3, hidden=4, project=0, biases=True, time_major=False, without=(), more=(), **options):
    """Return a model of an LSTM; `without` and `more` are numbers of inputs that it lacks, or has besides."""
    file = w.File()
    inputs = [-1] * 24
    inputs[0] = file.input("x", [1, steps, features])
    if time_major:
        inputs[0] = file.value("turned", [steps, 1, features])
        file.add("TRANSPOSE", ["x", file.numbers(1, 0, 2)], ["turned"])
    passed = project or hidden
    for at in (1, 2, 3, 4):
        inputs[at] = file.constant(f"w{at}", [hidden, features])
        inputs[at + 4] = file.constant(f"r{at}", [hidden, passed])
        if biases:
            inputs[at + 11] = file.constant(f"b{at}", [hidden])
    if project:
        inputs[16] = file.constant("p", [project, hidden])
    inputs[18] = file.value("h", [1, passed], f5=w.flag(True))
    inputs[19] = file.value("c", [1, hidden], f5=w.flag(True))
    for at in without:
        inputs[at] = -1
    for at in more:
        inputs[at] = file.constant(f"more {at}", [hidden])
    file.value("y", [steps, 1, passed] if time_major else [1, steps, passed])
    given = {"f0": TANH, "f3": w.flag(time_major)} | options
    file.add("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, ["y"], **given)
    return file.bytes(["y"])


def counted(content):
    return convcost.load(spec_of(content)).analyze().total


def spec_of(content):
    return yaml.safe_load(imported(content).text)


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


def rnn(operator, shape, gives, **options):
    file = w.File()
    file.input("x", shape)
    weights = [file.constant("w", [4, 3]), file.constant("r", [4, 4]), file.constant("b", [4])]
    file.value("h", [1, 4], f5=w.flag(True))
    file.value("y", gives)
    file.add(operator, ["x", *weights, "h"], ["y"], **options)
    return file.bytes(["y"])


def test_an_elman_network():
    model = rnn("UNIDIRECTIONAL_SEQUENCE_RNN", [1, 6, 3], [1, 6, 4], f1=TANH)
    assert items(model) == [{"rnn": {"hidden_size": 4, "bias": "single"}}]
    assert (counted(model).params, counted(model).macs) == (4 * 7 + 4, 6 * 4 * 7)


def test_one_step_of_an_elman_network():
    model = rnn("RNN", [1, 3], [1, 4], f0=RELU)
    assert {"rnn": {"hidden_size": 4, "bias": "single", "nonlinearity": "relu"}} in items(model)
    assert (counted(model).params, counted(model).macs) == (4 * 7 + 4, 4 * 7)


# what is kept once


def test_biases_that_are_kept_once_are_counted_once():
    file = w.File(w.INT8)
    file.input("x", [1, 6, 8, 4])
    file.constant("bias", [4], dtype=w.INT32)
    file.constant("bias again", [4], dtype=w.INT32, buffer=1)
    for number, bias in enumerate(("bias", "bias again")):
        kernel = file.constant(f"kernel {number}", [4, 1, 1, 4])
        file.value(f"v{number}", [1, 6, 8, 4])
        file.add("CONV_2D", [["x", "v0"][number], kernel, bias], [f"v{number}"], f0=SAME, **CONV)
    model = file.bytes(["v1"])
    assert items(model) == [
        {"conv": {"out_channels": 4, "kernel_size": 1}},
        {"conv": {"out_channels": 4, "kernel_size": 1, "bias": False}},
    ]
    assert "# 1 bias is kept once with another layer's: counted there\n" in imported(model).text
    found = counted(model)
    assert (found.params, found.macs) == (2 * 16 + 4, 2 * 48 * 16)
    assert found.ops.add == 2 * 48 * 16  # sums start at a bias or at zero


def test_kernels_that_are_kept_once_are_shared():
    file = w.File()
    file.input("x", [1, 6, 8, 4])
    weights = [file.constant("kernel", [4, 1, 1, 4]), file.constant("bias", [4])]
    for number in range(2):
        file.value(f"v{number}", [1, 6, 8, 4])
        file.add("CONV_2D", [["x", "v0"][number], *weights], [f"v{number}"], f0=SAME, **CONV)
    found = counted(file.bytes(["v1"]))
    assert (found.params, found.macs) == (16 + 4, 2 * 48 * 16)


# the types of numbers


def typed(activations, weights, biases):
    """Return a 3×3 convolution of 4 channels to 8 with a fused activation, by the types of its numbers."""
    file = w.File(activations)
    file.input("x", [1, 6, 8, 4])
    file.constant("kernel", [8, 3, 3, 4], dtype=weights)
    file.constant("bias", [8], dtype=biases)
    file.value("y", [1, 6, 8, 8])
    file.add("CONV_2D", ["x", "kernel", "bias"], ["y"], f0=SAME, f3=RELU, **CONV)
    return file.bytes(["y"])


@pytest.mark.parametrize(
    ("types", "dtype", "bits"),
    [
        ((w.FLOAT32, w.FLOAT32, w.FLOAT32), None, (32, 32, 32)),
        ((w.FLOAT32, w.INT8, w.FLOAT32), {"weights": "int8"}, (32, 8, 32)),  # quantised dynamically
        ((w.INT8, w.INT8, w.INT32), "int8", (8, 8, 32)),
        ((w.UINT8, w.UINT8, w.INT32), "int8", (8, 8, 32)),
        ((w.INT16, w.INT8, w.INT64), {"weights": "int8", "activations": "int16", "biases": "int64"}, (16, 8, 64)),
    ],
)
def test_types_of_numbers(types, dtype, bits):
    model = typed(*types)
    assert spec_of(model).get("dtype") == dtype
    memory = convcost.load(spec_of(model)).memory(in_place=False)
    activations, weights, biases = bits
    assert memory.weight_bytes == (8 * 9 * 4 * weights + 8 * biases) // 8
    assert memory.peak_memory == 48 * (4 + 8) * activations // 8  # the activation is a part of the convolution


def test_weights_of_half_precision_are_made_single_where_they_are_read():
    file = w.File()
    file.input("x", [1, 9])
    file.constant("half", [5, 9], dtype=w.FLOAT16)
    file.value("weights", [5, 9])
    file.value("y", [1, 5])
    file.add("DEQUANTIZE", ["half"], ["weights"])
    file.add("FULLY_CONNECTED", ["x", "weights", -1], ["y"])
    model = file.bytes(["y"])
    assert items(model) == [{"linear": {"out_features": 5, "bias": False}}]
    memory = convcost.load(spec_of(model)).memory()
    assert (memory.weight_bytes, memory.peak_memory) == (5 * 9 * 2, (9 + 5) * 4)


def test_sparse_weights_are_what_they_become():
    file = w.File()
    file.input("x", [1, 9])
    file.constant("sparse", [5, 9], dtype=w.FLOAT16, f6={0: ("i", [0, 1])})
    file.value("dense", [5, 9], w.FLOAT16)
    file.value("weights", [5, 9])
    file.value("y", [1, 5])
    file.add("DENSIFY", ["sparse"], ["dense"])
    file.add("DEQUANTIZE", ["dense"], ["weights"])
    file.add("FULLY_CONNECTED", ["x", "weights", -1], ["y"])
    file.buffers[1] = {0: bytes(10)}  # 5 of 45 numbers
    assert counted(file.bytes(["y"])).params == 5 * 9


def test_quantising_writes_the_numbers_anew():
    file = w.File(w.INT8)
    file.input("x", [1, 9], w.FLOAT32)
    file.value("q", [1, 9])
    file.constant("weights", [5, 9])
    file.value("r", [1, 5])
    file.value("again", [1, 5])
    file.value("y", [1, 5], w.FLOAT32)
    file.add("QUANTIZE", ["x"], ["q"])
    file.add("FULLY_CONNECTED", ["q", "weights", -1], ["r"])
    file.add("QUANTIZE", ["r"], ["again"])
    file.add("DEQUANTIZE", ["again"], ["y"])
    model = file.bytes(["y"])
    assert items(model) == ["identity", {"linear": {"out_features": 5, "bias": False}}, "identity"]
    assert spec_of(model)["input"] == {"shape": [9], "dtype": "float32"}
    assert [row.alive for row in convcost.load(spec_of(model)).memory().layers] == [9 * 4 + 9, 9 + 5, 5 + 5 * 4]
    assert "# quantising, dequantising and casts count no operation\n" in imported(model).text


# memory


@st.composite
def graphs(draw):
    """Return a model of random operators whose values are pictures, and the most bytes that live at a time.

    A value lives from the operator that gives it to the last that reads it, what the model gives to the last operator;
    activations that are fused are no values, those that run by themselves are.
    """
    dtype, width = draw(st.sampled_from([(w.FLOAT32, 4), (w.INT8, 1), (w.INT16, 2)]))
    file = w.File(dtype)
    shapes = [(6, 8, 4)]
    file.input("v0", [1, *shapes[0]])
    first, last = [0], [0]
    for at in range(draw(st.integers(1, 12))):
        kinds = ["CONV_2D", "DEPTHWISE_CONV_2D", "RELU", "LOGISTIC", "PAD", "MAX_POOL_2D", "ADD", "CONCATENATION"]
        kind = draw(st.sampled_from(kinds))
        one = draw(st.integers(0, len(shapes) - 1))
        height, breadth, channels = shapes[one]
        fused = draw(st.sampled_from([w.i8(0), RELU, RELU6, TANH]))
        inputs, options, gives = [f"v{one}"], {}, shapes[one]
        if kind == "CONV_2D":
            gives = (height, breadth, draw(st.integers(1, 6)))
            inputs += [file.constant(f"k{at}", [gives[2], 3, 3, channels]), -1]
            options = {"f0": SAME, "f3": fused, **CONV}
        elif kind == "DEPTHWISE_CONV_2D":
            inputs += [file.constant(f"k{at}", [1, 3, 3, channels]), -1]
            options = {"f0": SAME, "f4": fused, **CONV}
        elif kind == "PAD":
            gives = (height + 1, breadth + 2, channels)
            inputs.append(file.numbers(0, 0, 0, 1, 1, 1, 0, 0))
        elif kind == "MAX_POOL_2D":
            options = {"f0": SAME, "f1": w.i32(1), "f2": w.i32(1), "f3": w.i32(2), "f4": w.i32(2)}
        elif kind in ("ADD", "CONCATENATION"):
            same = [each for each, shape in enumerate(shapes) if shape == gives]
            other = draw(st.sampled_from(same))
            inputs.append(f"v{other}")
            last[other] = at
            gives = gives if kind == "ADD" else (height, breadth, 2 * channels)
            options = {"f0": w.i32(3)} if kind == "CONCATENATION" else {}
        last[one] = at
        shapes.append(gives)
        first.append(at)
        last.append(at)
        file.value(f"v{len(shapes) - 1}", [1, *gives])
        file.add(kind, inputs, [f"v{len(shapes) - 1}"], **options)
        count = at + 1
    read = {name for table in file.operators for name in table[1][1]}
    outputs = [number for number in range(len(shapes)) if file.names[f"v{number}"] not in read]
    for number in outputs:
        last[number] = count - 1
    bytes = [height * breadth * channels * width for height, breadth, channels in shapes]
    alive = [
        sum(size for size, start, end in zip(bytes, first, last, strict=True) if start <= at <= end)
        for at in range(count)
    ]
    return file.bytes([f"v{number}" for number in outputs]), max(alive)


@settings(deadline=None, max_examples=150)
@given(graphs())
def test_the_peak_is_that_of_the_values_alive(graph):
    content, peak = graph
    assert convcost.load(spec_of(content)).memory(in_place=False).peak_memory == peak


# what is not one of ONNX's


def refusal(content):
    with pytest.raises(convcost.SpecError) as caught:
        imported(content)
    return str(caught.value)


def test_a_custom_operator_is_named():
    file = w.File()
    file.input("x", PICTURE)
    file.value("net/detections", [1, 10, 4])
    file.value("scores", [1, 10])
    file.add("TFLite_Detection_PostProcess", ["x"], ["net/detections", "scores"])
    message = refusal(file.bytes(["net/detections", "scores"])).splitlines()
    assert message[:3] == [
        "error: the operator custom.TFLite_Detection_PostProcess has no layer type",
        " --> net.tflite, net",
        "  = found: it reads [4, 6, 8]",
    ]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (one("IF", [1, 1], [1, 4]), "tflite.IF has no layer type"),
        (one("WHILE", [1, 4], [1, 4]), "tflite.WHILE has no layer type"),
        (one("LSH_PROJECTION", [1, 4], [1, 4]), "tflite.LSH_PROJECTION has no layer type"),
        (one("CONV_2D", PICTURE, [1, 6, 8, 7], [7, 3, 3, 3], f0=SAME, **CONV), "tflite.CONV_2D cannot be mapped: its kernel does not take the channels that reach it"),
        (one("CONV_2D", PICTURE, [1, 6, 8, 7], [7, 3, 3, 4], f0=SAME, f1=w.i32(0), f2=w.i32(1)), "tflite.CONV_2D cannot be mapped: a stride, a dilation or a size of its window is below 1"),
        (one("CONV_2D", PICTURE, [1, 6, 8, 7], [7, 3, 3, 4], f0=SAME, f3=SIGN_BIT, **CONV), "tflite.CONV_2D cannot be mapped: its activation is unknown"),
        (one("CONV_2D", PICTURE, [1, 6, 8, 7], [7, 3, 3, 4]), "tflite.CONV_2D cannot be mapped: it has no options"),
        (one("DEPTHWISE_CONV_2D", PICTURE, [1, 6, 8, 7], [7, 3, 3], f0=SAME, **CONV), "tflite.DEPTHWISE_CONV_2D cannot be mapped: its inputs or attributes are not those of the operator"),
        (one("DEPTHWISE_CONV_2D", PICTURE, [1, 6, 8, 6], [1, 3, 3, 6], f0=SAME, **CONV), "tflite.DEPTHWISE_CONV_2D cannot be mapped: its kernel does not take the channels that reach it"),
        (one("FULLY_CONNECTED", [1, 9], [1, 5], [5, 9], f1=w.i8(1)), "tflite.FULLY_CONNECTED cannot be mapped: its weights are shuffled"),
        (one("FULLY_CONNECTED", [1, 9], [1, 5], [5, 7]), "tflite.FULLY_CONNECTED cannot be mapped: its weights do not take the features that reach it"),
        (two("FULLY_CONNECTED", [1, 7, 9], [1, 9], [1, 7, 1]), "tflite.FULLY_CONNECTED cannot be mapped: its weights are no constant"),
        (one("MIRROR_PAD", PICTURE, [1, 8, 10, 4], (0, 0, 1, 1, 1, 1, 0, 0), f0=w.i8(1)), "tflite.Pad cannot be mapped: it repeats the border when it mirrors"),
        (one("PAD", PICTURE, [2, 6, 8, 4], (1, 0, 0, 0, 0, 0, 0, 0)), "tflite.Pad cannot be mapped: it pads the batch, or crops"),
        (one("MEAN", PICTURE, [1, 4], more=["x"]), "tflite.MEAN cannot be mapped: numbers that it needs are not known"),
        (one("STRIDED_SLICE", [1, 9], [1, 9], (0, 8), (1, 0), (1, -1), f0=w.i32(0)), "tflite.STRIDED_SLICE cannot be mapped: it goes backwards"),
        (one("STRIDED_SLICE", [1, 9], [1, 1, 9], (0, 0), (1, 9), (1, 1), f3=w.i32(1)), "tflite.STRIDED_SLICE cannot be mapped: it adds axes, or counts from offsets"),
        (one("GATHER", [1, 9], [1, 2], (0, 3), f0=w.i32(1), f1=w.i32(1)), "tflite.GATHER cannot be mapped: it chooses other places for each input"),
        (one("CONCATENATION", [1, 9], [1, 12], [1, 3], f0=w.i32(1)), "tflite.CONCATENATION cannot be mapped: it joins constants"),
        (one("ADD", [1, 9], [1, 9], [1, 1, 1, 9]), "tflite.ADD cannot be mapped: its constant has more axes than its input"),
        (lstm(more=(9,)), "tflite.UNIDIRECTIONAL_SEQUENCE_LSTM cannot be mapped: it has peepholes, norms, coupled gates, or a bias behind its projection"),
        (lstm(without=(1,)), "tflite.UNIDIRECTIONAL_SEQUENCE_LSTM cannot be mapped: it has peepholes, norms, coupled gates, or a bias behind its projection"),
        (lstm(f0=RELU), "tflite.UNIDIRECTIONAL_SEQUENCE_LSTM cannot be mapped: its activation is not tanh"),
        (rnn("RNN", [1, 3], [1, 4], f0=RELU6), "tflite.RNN cannot be mapped: its activation is neither tanh nor relu"),
    ],
)  # fmt: skip
def test_what_is_refused(model, reason):
    assert refusal(model).splitlines()[0] == f"error: the operator {reason}"


def test_a_file_with_several_signatures_says_which_is_read():
    file = w.File()
    file.input("x", [1, 9])
    file.value("y", [1, 9])
    file.add("RELU", ["x"], ["y"])
    signatures = [{2: "encode", 4: ("I", 0)}, {2: "decode", 4: ("I", 1)}, {2: "train", 4: ("I", 2)}]
    text = imported(file.bytes(["y"], f7=signatures)).text
    assert text.startswith(
        "# Imported from net.tflite (TensorFlow Lite, schema 3, signature encode; not decode, train).\n"
    )
    assert "schema 3)" in imported(file.bytes(["y"], f7=signatures[:1])).text
    assert (
        "(TensorFlow Lite, schema 3, the first subgraph; not decode)"
        in imported(file.bytes(["y"], f7=signatures[1:2])).text
    )


# names and open axes


def named(kernel, value, operator="CONV_2D"):
    file = w.File()
    file.input("x", [1, 6, 8, 4])
    file.constant(kernel, [4, 1, 1, 4])
    for at, title in enumerate((value, "net/other/Relu", "net/more/Relu")):
        file.value(title, [1, 6, 8, 4])
        if at:
            file.add("RELU", [[value, "net/other/Relu"][at - 1]], [title])
        else:
            file.add("CONV_2D", ["x", kernel], [title], f0=SAME, **CONV)
    return imported(file.bytes(["net/more/Relu"])).layers[0].name


@pytest.mark.parametrize(
    ("kernel", "value", "name"),
    [
        ("net/conv_1/Conv2D", "net/relu/Relu;net/conv_9/Conv2D;net/conv_1/Conv2D", "conv_1"),
        ("tfl.pseudo_qconst", "net/relu/Relu;net/block/conv_1/Conv2D1", "block.conv_1"),
        ("tfl.pseudo_qconst", "net/relu/Relu;net/bn/FusedBatchNormV3", "relu"),
        ("tfl.pseudo_qconst", "conv2d", "conv2d"),
        ("tfl.pseudo_qconst", "Identity", ""),
        ("tfl.pseudo_qconst", "StatefulPartitionedCall:0", ""),
        ("tfl.pseudo_qconst", "fuse_transform_9", ""),
        ("tfl.pseudo_qconst", "83", ""),
    ],
)
def test_names_are_those_of_modules(kernel, value, name):
    assert named(kernel, value) == name


def test_axes_that_are_open_have_names():
    file = w.File()
    file.input("x", [1, 1, 1, 3], f7=("i", [-1, -1, -1, 3]))
    file.constant("kernel", [4, 3, 3, 3])
    file.value("v", [1, 1, 1, 4], f7=("i", [-1, -1, -1, 4]))
    file.value("y", [1, 4])
    file.add("CONV_2D", ["x", "kernel"], ["v"], f0=SAME, **CONV)
    file.add("MEAN", ["v", file.numbers(1, 2)], ["y"])
    assert "symbols:\n  height:\n  width:\n\ninput: [3, height, width]\n" in imported(file.bytes(["y"])).text


def test_an_axis_of_size_0_is_an_error():
    file = w.File()
    file.input("x", [1, 0])
    file.value("y", [1, 0])
    file.add("RELU", ["x"], ["y"])
    assert refusal(file.bytes(["y"])) == (
        "error: the input 'x' has an axis of size 0\n --> net.tflite\n  = found: 1×0\n"
        "  = help: convert the model with sizes"
    )


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


# transposed convolutions, matrix products of two values, joins along new axes


def transposed(shape, gives, kernel, *, size=None, padding=VALID, strides=(1, 1), biases=False):
    """Return a model of a transposed convolution whose size the file holds, or is a value of its own."""
    file = w.File()
    inputs = [file.numbers(*size) if size else file.input("size", [4], w.INT32)]
    inputs += [file.constant("kernel", kernel), file.input("x", shape)]
    inputs += [file.constant("bias", [kernel[0]])] if biases else []
    file.value("y", gives)
    file.add("TRANSPOSE_CONV", inputs, ["y"], f0=padding, f1=w.i32(strides[1]), f2=w.i32(strides[0]))
    return file.bytes(["y"])


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


def test_a_transposed_convolution_of_an_open_size_is_refused():
    file = w.File()
    file.input("size", [4], w.INT32)
    file.input("x", [1, 5, 5, 3])
    file.constant("kernel", [8, 3, 3, 3])
    file.value("y", [1, 1, 1, 8], f7=("i", [1, -1, -1, 8]))
    file.add("TRANSPOSE_CONV", ["size", "kernel", "x"], ["y"], f0=VALID, f1=w.i32(1), f2=w.i32(1))
    reason = "tflite.TRANSPOSE_CONV cannot be mapped: the size of what it gives is not known"
    assert refusal(file.bytes(["y"])).splitlines()[0] == f"error: the operator {reason}"


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


def test_a_value_with_more_open_axes_than_one_is_no_shape():
    file = w.File()
    file.input("x", [1, 1, 1, 4], f7=("i", [1, -1, -1, 4]))
    file.value("y", [1, 1, 1], f7=("i", [1, -1, -1]))
    file.add("RESHAPE", ["x"], ["y"])
    reason = "tflite.RESHAPE cannot be mapped: sizes of its input are not known"
    assert refusal(file.bytes(["y"])).splitlines()[0] == f"error: the operator {reason}"


def test_rows_of_an_open_number_are_no_rows():
    file = w.File()
    file.input("x", [1, 1, 9], f7=("i", [1, -1, 9]))
    file.constant("weights", [5, 9])
    file.value("y", [1, 5], f7=("i", [-1, 5]))
    file.add("FULLY_CONNECTED", ["x", "weights", -1], ["y"])
    reason = "tflite.FULLY_CONNECTED cannot be mapped: sizes of its input are not known"
    assert refusal(file.bytes(["y"])).splitlines()[0] == f"error: the operator {reason}"


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


def svdf(rank, bias=True, activation=RELU):
    """Return a model of an SVDF: 5 features, 3 units of some filters each, 4 steps."""
    file = w.File(w.INT8)
    file.input("x", [1, 5])
    weights = [file.constant("features", [3 * rank, 5]), file.constant("time", [3 * rank, 4], dtype=w.INT16)]
    weights.append(file.constant("bias", [3], dtype=w.INT32) if bias else -1)
    file.value("state", [1, 12 * rank], w.INT16, f5=w.flag(True))
    file.value("y", [1, 3])
    file.add("SVDF", ["x", *weights, "state"], ["y"], f0=w.i32(rank), f1=activation)
    return file.bytes(["y"])


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


# what else is kept


def test_matrices_of_heads_are_no_pictures():
    assert items(two("BATCH_MATMUL", [1, 2, 6, 5], [1, 2, 5, 7], [1, 2, 6, 7])) == ["matmul"]


def test_an_activation_that_is_an_operator_runs_by_itself():
    # 4·48 are read and 8·48 written by the convolution; as many are read and written behind it
    steps = [("CONV_2D", [[1, 6, 8, 8]], [[8, 1, 1, 4]], {"f0": SAME, **CONV}), ("RELU", [[1, 6, 8, 8]], [], {})]
    model = chain(PICTURE, *steps, dtype=w.INT8)
    assert convcost.load(spec_of(model)).memory(in_place=False).peak_memory == 48 * (8 + 8)
    assert convcost.load(spec_of(model)).memory().peak_memory == 48 * (4 + 8)


def test_kernels_whose_names_are_alike_are_two():
    file = w.File()
    file.input("x", [1, 6, 8, 4])
    for number, name in enumerate(("a/kernel", "a.kernel")):
        file.value(f"v{number}", [1, 6, 8, 4])
        kernel = file.constant(name, [4, 1, 1, 4])
        file.add("CONV_2D", [["x", "v0"][number], kernel, -1], [f"v{number}"], f0=SAME, **CONV)
    assert counted(file.bytes(["v1"])).params == 2 * 16


def test_a_number_is_not_learned():
    file = w.File()
    file.input("x", PICTURE)
    file.constant("net/block/half", [1], [0.5])
    file.value("net/block/y", PICTURE)
    file.add("MUL", ["x", "net/block/half"], ["net/block/y"])
    assert items(file.bytes(["net/block/y"])) == [{"elementwise": {"op": "multiply", "value": 0.5}}]


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


def test_only_what_differs_from_the_rest_says_its_types():
    # the second layer's weights are quantised dynamically; activations have no weights whose type could differ
    file = w.File()
    file.input("x", [1, 9])
    names = ["x", "a", "b", "c", "d"]
    for at, dtype in enumerate((w.FLOAT32, w.INT8, w.FLOAT32)):
        file.value(names[at + 1], [1, 9])
        weights = file.constant(f"w{at}", [9, 9], dtype=dtype)
        file.add("FULLY_CONNECTED", [names[at], weights, -1], [names[at + 1]])
    file.value("d", [1, 9])
    file.add("RELU", ["c"], ["d"])
    spec = spec_of(file.bytes(["d"]))
    assert "dtype" not in spec
    assert [item.get("dtype") for item in spec["layers"] if isinstance(item, dict)][:3] == [
        None,
        {"weights": "int8"},
        None,
    ]
    assert convcost.load(spec).memory().weight_bytes == 81 * 4 + 81 + 81 * 4
