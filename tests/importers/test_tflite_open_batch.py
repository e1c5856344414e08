"""TensorFlow Lite files that were converted with an open batch: they work out sizes while they run."""

from __future__ import annotations

import pytest
import tflite_writer as w
from tflite_models import CONV, PICTURE, SAME, VALID, counted, imported, items, refusal

from convcost.importers.tflite.flatbuffer import FlatBuffer
from convcost.importers.tflite.model import read_subgraph
from convcost.importers.tflite.program_numbers import with_known_numbers


def opened(*sizes):
    """Return the field of a tensor that says its sizes, −1 where they are open."""
    return {"f7": ("i", list(sizes))}


def rows(*, features=12):
    """Return a model of a dense layer on a sequence: Keras makes rows of it, and a sequence again."""
    file = w.File()
    file.input("x", [1, 10, 12], **opened(-1, 10, 12))
    for name, shape in (("shape", [3]), ("first", [2]), ("count", []), ("after", [3]), ("last", [1]), ("size", [])):
        file.value(name, shape, w.INT32)
    file.value("to", [2], w.INT32)
    file.value("rows", [1, 1], **opened(-1, -1))
    file.value("product", [1, 16], **opened(-1, 16))
    file.value("y", [1, 10, 16], **opened(-1, 10, 16))
    file.add("SHAPE", ["x"], ["shape"])
    file.add("GATHER", ["shape", file.numbers(0, 1)], ["first"])
    file.add("REDUCE_PROD", ["first", file.numbers(0)], ["count"])
    file.add("CONCATENATION", ["first", file.numbers(16)], ["after"], f0=w.i32(0))
    file.add("GATHER", ["shape", file.numbers(2)], ["last"])
    file.add("REDUCE_PROD", ["last", file.numbers(0)], ["size"])
    file.add("PACK", ["count", "size"], ["to"], f0=w.i32(2))
    file.add("RESHAPE", ["x", "to"], ["rows"])
    file.add("FULLY_CONNECTED", ["rows", file.constant("kernel", [16, features]), -1], ["product"])
    file.add("RESHAPE", ["product", "after"], ["y"])
    return file.bytes(["y"])


def test_a_dense_layer_on_a_sequence():
    assert items(rows()) == [{"linear": {"out_features": 16, "bias": False}}]
    assert (counted(rows()).macs, counted(rows()).params) == (10 * 12 * 16, 12 * 16)


def test_rows_that_do_not_fit_are_refused():
    assert "its weights do not take the features that reach it" in refusal(rows(features=7))


def test_rows_whose_number_is_left_to_the_program():
    # [batch, 10, 12] to (−1, 12), a product, and to (−1, 10, 16)
    file = w.File()
    file.input("x", [1, 10, 12], **opened(-1, 10, 12))
    file.value("rows", [1, 12], **opened(-1, 12))
    file.value("active", [1, 12], **opened(-1, 12))
    file.value("product", [1, 16], **opened(-1, 16))
    file.value("y", [1, 10, 16], **opened(-1, 10, 16))
    file.add("RESHAPE", ["x", file.numbers(-1, 12)], ["rows"])
    file.add("RELU", ["rows"], ["active"])
    file.add("FULLY_CONNECTED", ["active", file.constant("kernel", [16, 12]), -1], ["product"])
    file.add("RESHAPE", ["product", file.numbers(-1, 10, 16)], ["y"])
    total = counted(file.bytes(["y"]))
    assert (total.macs, total.ops.cmp) == (10 * 12 * 16, 10 * 12)


def test_a_picture_that_is_made_larger():
    file = w.File()
    file.input("x", PICTURE, **opened(-1, 6, 8, 4))
    file.value("y", [1, 12, 16, 4], **opened(-1, 12, 16, 4))
    file.add("RESIZE_BILINEAR", ["x", file.numbers(12, 16)], ["y"], f3=w.flag(True))
    assert items(file.bytes(["y"])) == [{"upsample": {"mode": "bilinear", "size": [12, 16]}}]


def test_a_state_of_zeros_that_the_program_makes():
    # the first step of a recurrent layer: a product with the input, and one with zeros, as many as its batch
    file = w.File()
    file.input("x", [1, 5], **opened(-1, 5))
    for name, shape in (("shape", [2]), ("batch", []), ("to", [2])):
        file.value(name, shape, w.INT32)
    for name in ("state", "a", "b", "sum", "y"):
        file.value(name, [1, 8], **opened(-1, 8))
    file.add("SHAPE", ["x"], ["shape"])
    bounds = [file.numbers(0), file.numbers(1), file.numbers(1)]
    file.add("STRIDED_SLICE", ["shape", *bounds], ["batch"], f4=w.i32(1))
    file.add("PACK", ["batch", file.constant("units", [], [8], w.INT32)], ["to"], f0=w.i32(2))
    file.add("FILL", ["to", file.constant("zero", [], [0.0])], ["state"])
    file.add("FULLY_CONNECTED", ["x", file.constant("kernel", [8, 5]), -1], ["a"])
    file.add("FULLY_CONNECTED", ["state", file.constant("recurrent", [8, 8]), -1], ["b"])
    file.add("ADD", ["a", "b"], ["sum"])
    file.add("MUL", ["sum", "state"], ["y"])
    total = counted(file.bytes(["y"]))
    assert (total.macs, total.params) == (5 * 8 + 8 * 8, 5 * 8 + 8 * 8)
    assert total.ops.mul == 5 * 8 + 8 * 8 + 8


def known(name, inputs, gives, dtype=w.INT32, **options):
    """Return the numbers of what one operator makes of whole numbers, each of them one or a list."""
    file = w.File(w.INT32)
    file.input("x", [1, 2], w.FLOAT32)
    tensors = [
        file.numbers(*each) if isinstance(each, list) else file.constant(f"c{at}", [], [each])
        for at, each in enumerate(inputs)
    ]
    outputs = [file.value(f"y{at}", shape, dtype) for at, shape in enumerate(gives)]
    file.add(name, tensors, outputs, **options)
    graph = with_known_numbers(read_subgraph(FlatBuffer(file.bytes([0]))))
    found = [graph.tensors[each].numbers for each in outputs]
    assert bool(graph.operators) == (None in found)  # what is known is not executed
    return found if len(found) > 1 else found[0]


@pytest.mark.parametrize(
    ("name", "inputs", "gives", "options", "expected"),
    [
        ("ADD", [[2, 3], 4], [[2]], {}, (6, 7)),
        ("SUB", [[2, 3], 4], [[2]], {}, (-2, -1)),
        ("MUL", [[2, 3], [4, 5]], [[2]], {}, (8, 15)),
        ("FLOOR_DIV", [[7, 8], 4], [[2]], {}, (1, 2)),
        ("FLOOR_DIV", [-7, 4], [[]], {}, None),  # −2 here, −1 where it is cut off
        ("FLOOR_MOD", [-7, 4], [[]], {}, (1,)),
        ("MINIMUM", [[2, 9], 4], [[2]], {}, (2, 4)),
        ("MAXIMUM", [[2, 9], 4], [[2]], {}, (4, 9)),
        ("NEG", [[2, -9]], [[2]], {}, (-2, 9)),
        ("RANGE", [1, 9, 3], [[3]], {}, (1, 4, 7)),
        ("REDUCE_PROD", [[2, 3, 4], [0]], [[]], {}, (24,)),
        ("SUM", [[2, 3, 4], [-1]], [[1]], {"f0": w.flag(True)}, (9,)),
        ("REDUCE_MAX", [[2, 4, 3], [0]], [[]], {}, (4,)),
        ("REDUCE_MIN", [[3, 2, 4], [0]], [[]], {}, (2,)),
        ("GATHER", [[5, 6, 7], [2, 0]], [[2]], {}, (7, 5)),
        ("GATHER", [[5, 6, 7], [2, 0]], [[2]], {"f1": w.i32(1)}, None),
        ("CONCATENATION", [[1, 2], [3]], [[3]], {"f0": w.i32(0)}, (1, 2, 3)),
        ("PACK", [4, 5], [[2]], {}, (4, 5)),
        ("SPLIT", [0, [1, 2, 3, 4]], [[2], [2]], {}, [(1, 2), (3, 4)]),
        ("SPLIT_V", [[1, 2, 3], [1, 2, 0], 0], [[1], [2], [0]], {}, [(1,), (2, 3), ()]),
        ("SPLIT_V", [[1, 2, 3], [1, 1], 0], [[1], [1]], {}, [None, None]),
        ("SPLIT_V", [[1, 2, 3], [1, -1], 0], [[1], [2]], {}, [None, None]),
        ("UNPACK", [[1, 2]], [[], []], {}, [(1,), (2,)]),
        ("UNPACK", [[1, 2, 3, 4]], [[], []], {}, [None, None]),
        ("SLICE", [[4, 5, 6, 7], [1], [2]], [[2]], {}, (5, 6)),
        ("SLICE", [[4, 5, 6, 7], [1], [-1]], [[3]], {}, (5, 6, 7)),
        ("STRIDED_SLICE", [[4, 5, 6, 7], [1], [3], [1]], [[2]], {}, (5, 6)),
        ("STRIDED_SLICE", [[4, 5, 6, 7], [1], [2], [2]], [[2]], {"f0": w.i32(1), "f1": w.i32(1)}, (4, 6)),
        ("STRIDED_SLICE", [[4, 5, 6, 7], [-1], [0], [1]], [[]], {"f4": w.i32(1)}, (7,)),
        ("STRIDED_SLICE", [[4, 5, 6, 7], [1], [3], [1]], [[2]], {"f2": w.i32(1)}, None),
        ("RESHAPE", [[4, 5, 6, 7], [2, -1]], [[2, 2]], {}, (4, 5, 6, 7)),
        ("RESHAPE", [[4, 5, 6, 7], [3, -1]], [[2, 2]], {}, None),
        ("RESHAPE", [[4, 5, 6, 7], [2]], [[2]], {}, None),
        ("RESHAPE", [[4], []], [[]], {}, (4,)),
        ("EXPAND_DIMS", [[4, 5], -1], [[2, 1]], {}, (4, 5)),
        ("SQUEEZE", [[4]], [[]], {}, (4,)),
        ("CAST", [[4, 5]], [[2]], {}, (4, 5)),
        ("TILE", [[4, 5], [2]], [[4]], {}, (4, 5, 4, 5)),
        ("FILL", [[2, 2], 7], [[2, 2]], {}, (7, 7, 7, 7)),
        ("FILL", [[4097], 7], [[4097]], {}, None),  # more than are kept
        ("SELECT", [[1, 0], [4, 5], [6, 7]], [[2]], {}, (4, 7)),
    ],
)  # fmt: skip
def test_numbers_of_the_program(name, inputs, gives, options, expected):
    assert known(name, inputs, gives, **options) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("EQUAL", (False, True, False)),
        ("GREATER", (False, False, True)),
        ("GREATER_EQUAL", (False, True, True)),
        ("LESS", (True, False, False)),
        ("LESS_EQUAL", (True, True, False)),
    ],
)
def test_comparisons_of_numbers(name, expected):
    assert known(name, [[3, 4, 5], 4], [[3]], w.BOOL) == expected


@pytest.mark.parametrize(
    ("name", "inputs", "expected"),
    [
        ("LOGICAL_AND", [[1, 1, 0], [1, 0, 0]], (True, False, False)),
        ("LOGICAL_OR", [[1, 1, 0], [1, 0, 0]], (True, True, False)),
        ("LOGICAL_NOT", [[1, 0]], (False, True)),
    ],
)
def test_truth_values(name, inputs, expected):
    assert tuple(map(bool, known(name, inputs, [[len(expected)]], w.BOOL))) == expected


def slices(
    conv="CONV_2D",
    kernel=(8, 3, 3, 4),
    block=(2, 2),
    pads=(2, 3, 2, 3),
    crops=(0, 1, 0, 1),
    *,
    back=None,
    padding=VALID,
    readers=1,
    inner=0,
    gives=(),
    **steps,
):
    """Return a model of a convolution of slices of a picture of 33×33: with zeros around it, two apart each."""
    file, size = w.File(), 33
    wide = (size + pads[0] + pads[1]) // block[0]
    inner = inner or wide - kernel[1] + 1
    after = inner * block[0] - crops[0] - crops[1]
    out = kernel[0] if conv == "CONV_2D" else kernel[3]
    file.input("x", [1, size, size, 4], **opened(-1, size, size, 4))
    file.value("slices", [1, wide, wide, 4], **opened(-1, wide, wide, 4))
    file.value("sums", [1, inner, inner, out], **opened(-1, inner, inner, out))
    file.value("y", [1, after, after, out], **opened(-1, after, after, out))
    block_shape = file.numbers(*block)
    inputs = ["x", block_shape, file.constant("pads", [2, 2], pads, w.INT32)]
    file.add("SPACE_TO_BATCH_ND", inputs, ["slices"])
    options = {"f0": padding, **CONV} | {"f3" if conv == "CONV_2D" else "f4": w.i8(1)} | steps
    file.add(conv, ["slices", file.constant("kernel", kernel), file.constant("bias", [out])], ["sums"], **options)
    for at in range(1, readers):
        file.value(f"other {at}", [1, wide, wide, 4], **opened(-1, wide, wide, 4))
        file.add("ABS", ["slices"], [f"other {at}"])
    inputs = ["sums", file.numbers(*(back or block)), file.constant("crops", [2, 2], crops, w.INT32)]
    file.add("BATCH_TO_SPACE_ND", inputs, ["y"])
    return file.bytes(["y", *gives])


def test_slices_of_a_picture_are_a_dilated_convolution():
    # 33 + 2 + 3 = 38 in slices of 19, of which each gives 17: 34 of which one is cropped, as 33 + 2·2 − 2·2 = 33 are
    model = slices()
    assert items(model) == [{"conv": {"out_channels": 8, "kernel_size": 3, "padding": 2, "dilation": 2}}, "relu"]
    assert (counted(model).macs, counted(model).params) == (33 * 33 * 8 * 9 * 4, 8 * 9 * 4 + 8)
    note = "# dilated convolutions run on slices of their inputs: what is cropped behind them is not counted\n"
    assert note in imported(model).text


def test_slices_of_a_depthwise_convolution():
    model = slices("DEPTHWISE_CONV_2D", (1, 3, 3, 8), (3, 3), (0, 0, 0, 0), (0, 0, 0, 0))
    conv = {"kernel_size": 3, "dilation": 3, "depth_multiplier": 2}
    assert items(model) == [{"depthwise_conv": conv}, "relu"]
    assert counted(model).macs == 27 * 27 * 8 * 9  # 33 − 3·2


@pytest.mark.parametrize(
    "other",
    [
        {"back": (3, 3)},
        {"padding": SAME, "inner": 19},
        {"f1": w.i32(2), "f2": w.i32(2), "inner": 9},
        {"f4": w.i32(2), "f5": w.i32(2), "inner": 15},
        {"readers": 2},
        {"gives": ["slices"]},
    ],
)
def test_other_slices_are_unknown(other):
    message = (
        "the operator tflite.SPACE_TO_BATCH_ND cannot be mapped: its slices are not those of a dilated convolution"
    )
    assert message in refusal(slices(**other))


def test_slices_that_are_cropped_more_than_padded():
    assert "it crops more than it pads" in refusal(slices(pads=(0, 1, 0, 1), crops=(1, 0, 1, 0)))


def test_slices_of_a_sequence():
    # 64 steps and 4 zeros before them, two apart: 68 − 2·2 = 64
    file = w.File()
    file.input("x", [1, 68, 4], **opened(-1, 68, 4))
    for name, shape in (
        ("slices", [34, 4]),
        ("rows", [1, 34, 4]),
        ("sums", [1, 32, 8]),
        ("row", [32, 8]),
        ("y", [64, 8]),
    ):
        file.value(name, [1, *shape], **opened(-1, *shape))
    two, none = file.numbers(2), file.constant("none", [1, 2], [0, 0], w.INT32)
    file.add("SPACE_TO_BATCH_ND", ["x", two, none], ["slices"])
    file.add("EXPAND_DIMS", ["slices", file.constant("axis", [], [-3], w.INT32)], ["rows"])
    file.add("CONV_2D", ["rows", file.constant("kernel", [8, 1, 3, 4]), -1], ["sums"], f0=VALID, f3=w.i8(1), **CONV)
    file.add("RESHAPE", ["sums", file.numbers(-1, 32, 8)], ["row"])
    file.add("BATCH_TO_SPACE_ND", ["row", two, none], ["y"])
    model = file.bytes(["y"])
    conv = {"out_channels": 8, "kernel_size": [1, 3], "dilation": [1, 2], "bias": False}
    assert items(model)[1:3] == [{"conv": conv}, "relu"]
    assert counted(model).macs == 64 * 3 * 4 * 8
