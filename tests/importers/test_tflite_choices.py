"""What TensorFlow Lite files write in several operators: choices by a condition, slopes of positions."""

from __future__ import annotations

import pytest
import tflite_writer as w
from tflite_models import CONV, PICTURE, SAME, counted, imported, items, refusal, spec_of

import convcost


def looked_up(*, less=0, added=50, checked="words", dtype=w.INT32):
    """Return a model that reads rows of a table by indices, where those below 0 count from its end."""
    file = w.File()
    file.input("words", [1, 7], dtype)
    file.input("others", [1, 7], dtype)
    for name, kind in (("is below", w.BOOL), ("from the end", dtype), ("indices", dtype)):
        file.value(name, [1, 7], kind)
    file.value("y", [1, 7, 6])
    file.add("LESS", [checked, file.constant("zero", [], [less], dtype)], ["is below"])
    file.add("ADD", ["words", file.constant("count", [], [added], dtype)], ["from the end"])
    file.add("SELECT", ["is below", "from the end", "words"], ["indices"])
    file.add("GATHER", [file.constant("table", [50, 6]), "indices"], ["y"])
    return file.bytes(["y"])


@pytest.mark.parametrize("dtype", [w.INT32, w.INT64])
def test_indices_below_0_of_a_table(dtype):
    model = looked_up(dtype=dtype)
    assert items(model) == [{"embedding": {"num_embeddings": 50, "embedding_dim": 6}}]
    assert "# indices below 0 count from the end of their table; turning them is not counted\n" in imported(model).text
    assert (counted(model).params, counted(model).macs) == (50 * 6, 0)


@pytest.mark.parametrize(
    "other", [{"less": 1}, {"added": 0}, {"added": -50}, {"checked": "others"}, {"dtype": w.FLOAT32, "added": 50.0}]
)
def test_other_choices_are_unknown(other):
    message = refusal(looked_up(**other))
    assert (
        "error: the operator tflite.SELECT cannot be mapped: it chooses by a condition that is not known\n" in message
    )


def selu(*, over=0.0, factor=1.0507, less=1.0, other=1.7581, checked="x", power="x"):
    """Return a model of λ·x where x > 0, and λ·α·(eˣ − 1) elsewhere."""
    file = w.File()
    file.input("x", [1, 9])
    file.input("z", [1, 9])
    file.value("is over", [1, 9], w.BOOL)
    for name in ("same", "scaled", "power", "shifted", "below", "y"):
        file.value(name, [1, 9])
    file.add("DEQUANTIZE", ["x"], ["same"])  # what quantised files have between
    file.add("GREATER", ["same" if checked == "x" else checked, file.constant("c0", [], [over])], ["is over"])
    file.add("MUL", ["x", file.constant("c1", [], [factor])], ["scaled"])
    file.add("EXP", [power], ["power"])
    file.add("SUB", ["power", file.constant("c2", [], [less])], ["shifted"])
    file.add("MUL", ["shifted", file.constant("c3", [], [other])], ["below"])
    file.add("SELECT_V2", ["is over", "scaled", "below"], ["y"])
    return file.bytes(["y"])


def test_a_selu_in_parts():
    assert items(selu()) == ["selu"]
    assert counted(selu()).ops == convcost.load({"input": [9], "layers": ["selu"]}).analyze().total.ops


@pytest.mark.parametrize(
    "other", [{"over": 1.0}, {"factor": 1.0}, {"less": 2.0}, {"other": 1.0}, {"checked": "z"}, {"power": "z"}]
)
def test_what_is_like_a_selu(other):
    assert "the operator tflite.SELECT_V2 cannot be mapped: it chooses by a condition" in refusal(selu(**other))


def test_slopes_of_positions():
    file = w.File()
    file.input("x", PICTURE)
    file.value("v", PICTURE)
    file.value("y", PICTURE)
    file.add("CONV_2D", ["x", file.constant("k", [4, 1, 1, 4]), -1], ["v"], f0=SAME, **CONV)
    file.add("PRELU", ["v", file.constant("slopes", [6, 8, 4])], ["y"])
    found = counted(file.bytes(["y"]))
    values = 6 * 8 * 4  # each is compared with 0 twice, negated, multiplied, and added up
    assert (found.params, found.macs) == (16 + values, 48 * 16)
    assert (found.ops.cmp, found.ops.mul, found.ops.add) == (2 * values, 48 * 16 + values, 48 * 16 + values)


def transposed(gives, padding=SAME, dilation=1):
    """Return a model of a transposed convolution of volumes, of 3 channels to 8."""
    file = w.File()
    inputs = [file.numbers(*gives), file.constant("kernel", [3, 2, 4, 8, 3])]
    inputs += [file.input("x", [1, 5, 6, 7, 3]), file.constant("bias", [8])]
    file.value("y", gives)
    steps = {"f1": w.i32(2), "f2": w.i32(3), "f3": w.i32(1)}  # along depth, width and height
    file.add("CONV_3D_TRANSPOSE", inputs, ["y"], f0=padding, f5=w.i32(dilation), **steps)
    return file.bytes(["y"])


@pytest.mark.parametrize(
    ("gives", "dilation", "fields"),
    [
        # (5 − 1)·2 + 3 = 11, one is cropped; (6 − 1)·1 + 2 = 7, one is cropped; (7 − 1)·3 + 4 = 22, one is cropped
        ([1, 10, 6, 21, 8], 1, {"padding": [[0, 1], [0, 1], [0, 1]]}),
        # (5 − 1)·2 + (3 − 1)·2 + 1 = 13, and one more is wanted
        ([1, 14, 7, 22, 8], 2, {"output_padding": [1, 0, 0], "dilation": [2, 1, 1]}),
    ],
)
def test_transposed_convolutions_of_volumes(gives, dilation, fields):
    model = transposed(gives, dilation=dilation)
    layer = {"out_channels": 8, "kernel_size": [3, 2, 4], "stride": [2, 1, 3]} | fields
    assert items(model) == [{"transposed_conv": layer}]
    kernel = 3 * 2 * 4 * 8 * 3
    assert (counted(model).macs, counted(model).params) == (5 * 6 * 7 * kernel, kernel + 8)


def test_constants_of_16_bits_that_meet_values():
    # a factor for each row and each column, quantised as the values are
    file = w.File(w.INT16)
    file.input("x", [1, 5, 1])
    file.constant("factors", [1, 1, 9])
    file.value("y", [1, 5, 9])
    file.add("MUL", ["x", "factors"], ["y"])
    model = file.bytes(["y"])
    found = counted(model)
    assert (found.params, found.ops.mul) == (9, 5 * 9)
    memory = convcost.load(spec_of(model)).memory(in_place=False)
    assert (memory.weight_bytes, memory.peak_memory) == (9 * 2, (5 + 5 * 9) * 2)


@pytest.mark.parametrize(("code", "bits"), [(17, 4), (19, 2), (20, 4)])
def test_weights_below_a_byte(code, bits):
    file = w.File()
    file.input("x", [1, 9])
    file.buffers.append({0: bytes(-(-5 * 9 * bits // 8))})
    kernel = file.value("kernel", [5, 9], code)
    file.tensors[kernel][2] = ("I", 1)
    file.value("y", [1, 5])
    file.add("FULLY_CONNECTED", ["x", "kernel", -1], ["y"])
    memory = convcost.load(spec_of(file.bytes(["y"]))).memory()
    assert memory.weight_bytes == -(-5 * 9 * bits // 8)  # rounded up to whole bytes


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("operator", ["ADD", "MUL", "SUB"])
def test_arithmetic_on_more_or_fewer_values_than_it_has(operator, count):
    file = w.File()
    file.input("x", [1, 9])
    file.value("gate", [1, 9])
    file.value("y", [1, 9])
    file.add("LOGISTIC", ["x"], ["gate"])
    file.add(operator, ["x", "gate", "x"][:count], ["y"])
    assert f"the operator tflite.{operator} cannot be mapped: it reads {count} values\n" in refusal(file.bytes(["y"]))
