"""The types of numbers in TensorFlow Lite files, what is kept once there, and the memory of their networks."""

from __future__ import annotations

import pytest
import tflite_writer as w
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_models import (
    CONV,
    PICTURE,
    RELU,
    RELU6,
    SAME,
    TANH,
    chain,
    counted,
    imported,
    items,
    spec_of,
)

import convcost


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


def test_an_activation_that_is_an_operator_runs_by_itself():
    # 4·48 are read and 8·48 written by the convolution; as many are read and written behind it
    steps = [("CONV_2D", [[1, 6, 8, 8]], [[8, 1, 1, 4]], {"f0": SAME, **CONV}), ("RELU", [[1, 6, 8, 8]], [], {})]
    model = chain(PICTURE, *steps, dtype=w.INT8)
    assert convcost.load(spec_of(model)).memory(in_place=False).peak_memory == 48 * (8 + 8)
    assert convcost.load(spec_of(model)).memory().peak_memory == 48 * (4 + 8)


def test_kernels_whose_names_are_alike_are_two():
    file = w.File()
    file.input("x", [1, 6, 8, 4])
    for number, name in enumerate(("m/a/kernel", "m/a.kernel")):
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


def test_activations_say_no_types_of_weights():
    file = w.File()
    file.input("x", [1, 9])
    file.constant("weights", [5, 9], dtype=w.INT8)
    file.value("v", [1, 5])
    file.value("y", [1, 5])
    file.add("FULLY_CONNECTED", ["x", "weights", -1], ["v"])
    file.add("RELU", ["v"], ["y"])
    spec = spec_of(file.bytes(["y"]))
    assert spec["dtype"] == {"weights": "int8"}
    assert not any("dtype" in item for item in spec["layers"] if isinstance(item, dict))


def test_a_join_of_a_value_with_itself_stands_as_often_as_it_runs():
    file = w.File()
    file.input("v0", [1, 6, 8, 4])
    for number, channels in enumerate((8, 16), 1):
        file.value(f"v{number}", [1, 6, 8, channels])
        file.add("CONCATENATION", [f"v{number - 1}"] * 2, [f"v{number}"], f0=w.i32(3))
    assert convcost.load(spec_of(file.bytes(["v2"]))).network.layers[-1].output_shape == (16, 6, 8)
