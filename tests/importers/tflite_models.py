"""Models of TensorFlow Lite for the tests, and what becomes of them."""

from __future__ import annotations

import pytest
import tflite_writer as w
import yaml

import convcost
from convcost.importers import IMPORTERS, import_model

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


def two(operator, first, second, gives, **options):
    """Return a model of one operator that reads two values."""
    file = w.File()
    file.input("a", first)
    file.input("b", second)
    file.value("y", gives)
    file.add(operator, ["a", "b"], ["y"], **options)
    return file.bytes(["y"])


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


def rnn(operator, shape, gives, **options):
    file = w.File()
    file.input("x", shape)
    weights = [file.constant("w", [4, 3]), file.constant("r", [4, 4]), file.constant("b", [4])]
    file.value("h", [1, 4], f5=w.flag(True))
    file.value("y", gives)
    file.add(operator, ["x", *weights, "h"], ["y"], **options)
    return file.bytes(["y"])


def refusal(content):
    with pytest.raises(convcost.SpecError) as caught:
        imported(content)
    return str(caught.value)


def transposed(shape, gives, kernel, *, size=None, padding=VALID, strides=(1, 1), biases=False):
    """Return a model of a transposed convolution whose size the file holds, or is a value of its own."""
    file = w.File()
    inputs = [file.numbers(*size) if size else file.input("size", [4], w.INT32)]
    inputs += [file.constant("kernel", kernel), file.input("x", shape)]
    inputs += [file.constant("bias", [kernel[0]])] if biases else []
    file.value("y", gives)
    file.add("TRANSPOSE_CONV", inputs, ["y"], f0=padding, f1=w.i32(strides[1]), f2=w.i32(strides[0]))
    return file.bytes(["y"])


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
