"""TensorFlow Lite files as a whole: what is refused, signatures, names, open axes."""

# ruff: noqa: E501 -- a model and what becomes of it stand on a line

from __future__ import annotations

from pathlib import Path

import pytest
import tflite_writer as w
from tflite_models import (
    CONV,
    PICTURE,
    RELU,
    RELU6,
    SAME,
    SIGN_BIT,
    VALID,
    chain,
    imported,
    lstm,
    one,
    refusal,
    rnn,
    svdf,
    two,
)

import convcost


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
        "  = found: it reads 4×6×8",
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
        (one("BATCH_MATMUL", [1, 6, 8], [1, 6], [8]), "tflite.BATCH_MATMUL cannot be mapped: its constant is no matrix"),
        (one("BATCH_MATMUL", [1, 6, 8], [1, 1, 1, 1, 6, 5], [8, 5]), "tflite.BATCH_MATMUL cannot be mapped: its inputs have different numbers of axes"),
        (chain([5, 6, 8, 4], ("CONV_2D", [[5, 6, 8, 4]], [[4, 1, 1, 4]], {"f0": SAME, **CONV}), ("TRANSPOSE", [[6, 5, 8, 4]], [(1, 0, 2, 3)], {})),
         "tflite.TRANSPOSE cannot be mapped: it moves the batch axis"),
        (one("PACK", PICTURE, [1, 2, 6, 8, 4], PICTURE, f0=w.i32(2), f1=w.i32(1)), "tflite.PACK cannot be mapped: it joins constants"),
        (one("UNPACK", PICTURE, [6, 8, 4], f0=w.i32(1), f1=w.i32(7)), "tflite.UNPACK cannot be mapped: there is no such axis"),
        (chain(PICTURE, ("SPLIT", [[1, 6, 8, 2]] * 2, [(9,)], {"f0": w.i32(2)})), "tflite.SPLIT cannot be mapped: there is no such axis"),
        (one("BROADCAST_TO", PICTURE, [6, 8, 4], (6, 8, 4)), "tflite.BROADCAST_TO cannot be mapped: it leaves out axes"),
        (one("CONV_2D", PICTURE, PICTURE, [4, 1, 1, 4], f0=SAME, f3=w.i8(77), **CONV), "tflite.CONV_2D cannot be mapped: its activation is unknown"),
        (one("CONV_3D", [1, 4, 4, 4, 3], [1, 2, 2, 2, 5], [3, 3, 3, 2, 5], f0=VALID, f1=w.i32(1), f2=w.i32(1), f3=w.i32(1)), "tflite.CONV_3D cannot be mapped: its kernel does not take the channels that reach it"),
        (one("RESIZE_BILINEAR", [1, 6, 8], [1, 12, 8], (12, 16)), "tflite.RESIZE_BILINEAR cannot be mapped: it resizes to sizes that are not known"),
        (one("REVERSE_V2", PICTURE, PICTURE, (0,)), "tflite.Flip cannot be mapped: it turns the batch axis"),
        (one("ARG_MAX", PICTURE, [6, 8, 4], (0,)), "tflite.Place cannot be mapped: it is over the batch axis"),
        (svdf(0), "tflite.SVDF cannot be mapped: its filters are not those of its rank"),
        (rnn("RNN", [1, 3], [1, 4]), "tflite.RNN cannot be mapped: it has no options"),
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
    assert "symbols:\n  height:\n  width:\ninput: [3, height, width]\n" in imported(file.bytes(["y"])).text


def test_an_axis_of_size_0_is_an_error():
    file = w.File()
    file.input("x", [1, 0])
    file.value("y", [1, 0])
    file.add("RELU", ["x"], ["y"])
    assert refusal(file.bytes(["y"])) == (
        "error: the input 'x' has an axis of size 0\n --> net.tflite\n  = found: 1×0\n"
        "  = help: convert the model with sizes"
    )


def test_a_transposed_convolution_of_an_open_size_is_refused():
    file = w.File()
    file.input("size", [4], w.INT32)
    file.input("x", [1, 5, 5, 3])
    file.constant("kernel", [8, 3, 3, 3])
    file.value("y", [1, 1, 1, 8], f7=("i", [1, -1, -1, 8]))
    file.add("TRANSPOSE_CONV", ["size", "kernel", "x"], ["y"], f0=VALID, f1=w.i32(1), f2=w.i32(1))
    reason = "tflite.TRANSPOSE_CONV cannot be mapped: the size of what it gives is not known"
    assert refusal(file.bytes(["y"])).splitlines()[0] == f"error: the operator {reason}"


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


def with_signatures():
    """Return a model of two subgraphs: a matrix of 9 × 5, and one of 9 × 7."""
    files = []
    for rows in (5, 7):
        file = w.File()
        file.input("x", [1, 9])
        file.constant("weights", [rows, 9])
        file.value("y", [1, rows])
        file.add("FULLY_CONNECTED", ["x", "weights", -1], ["y"])
        files.append(file)
    graphs = []
    for number, file in enumerate(files):
        if number:
            file.tensors[1][2] = ("I", 2)
        graphs.append({0: file.tensors, 1: ("i", [0]), 2: ("i", [2]), 3: file.operators})
    signatures = [{2: "encode", 4: ("I", 0)}, {2: "decode", 4: ("I", 1)}, {2: "lost", 4: ("I", 2)}]
    root = {
        0: ("I", 3),
        1: files[0].codes,
        2: graphs,
        4: [{}, *files[0].buffers[1:], *files[1].buffers[1:]],
        7: signatures,
    }
    return w.write(root)


@pytest.mark.parametrize(("signature", "params"), [("", 45), ("encode", 45), ("decode", 63)])
def test_a_signature_is_chosen(signature, params, tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(with_signatures())
    assert convcost.load(path, signature=signature).analyze().total.params == params


@pytest.mark.parametrize(
    ("content", "signature", "message"),
    [
        (with_signatures(), "dekode", "there is no signature 'dekode'\n --> {path}\n  = help: did you mean 'decode'?"),
        (
            one("RELU", [1, 9], [1, 9]),
            "decode",
            "there is no signature 'decode'\n --> {path}\n  = help: it has none: leave it out",
        ),
        (b"input: [3]\nlayers: [relu]\n", "decode", "--signature is for TensorFlow Lite files, and '{path}' is a spec"),
        (
            (Path(__file__).parent / "data" / "small.onnx").read_bytes(),
            "decode",
            "--signature is for TensorFlow Lite files, and '{path}' is ONNX",
        ),
    ],
    ids=["near", "none", "spec", "onnx"],
)
def test_signatures_that_are_not_there(content, signature, message, tmp_path):
    path = tmp_path / "net"
    path.write_bytes(content)
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(path, signature=signature)
    assert caught.value.text() == f"error: {message.format(path=path)}"


def test_a_signature_without_its_subgraph_is_damage(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(with_signatures())
    with pytest.raises(convcost.SpecError, match=r"the signature 'lost' has subgraph 2 of 2"):
        convcost.load(path, signature="lost")
