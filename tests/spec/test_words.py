"""Words of other frameworks are answered with the type that they mean."""

from __future__ import annotations

import re

import pytest

import convcost
from convcost.layers import REGISTRY
from convcost.spec import source


def help_of(word):
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load({"input": [3, 8, 8], "layers": [word]})
    return caught.value.details[0].help


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("Conv2d", "write `conv`, the 'Conv2d' of PyTorch"),
        ("conv_3d", "write `conv`, the 'Conv2d' of PyTorch"),
        ("dense", "write `linear`, the 'Dense' of Keras"),
        ("fc", "write `linear`, the 'fc' of many papers"),
        ("bn", "write `batch_norm`, the 'bn' of many papers"),
        ("BatchNorm1d", "write `batch_norm`, the 'BatchNorm2d' of PyTorch"),
        ("deconv", "write `transposed_conv`, the 'deconv' of many papers"),
        ("swish", "write `silu`, the 'swish' of Keras"),
        ("gap", "write `global_avg_pool`, the 'gap' of many papers"),
        ("space_to_depth", "write `pixel_unshuffle`, the 'space_to_depth' of TensorFlow"),
        ("focus", "write `pixel_unshuffle`, the 'focus' of YOLOv5"),
        ("deformable_conv", "write `deform_conv`, the 'deformable_conv' of many papers"),
        ("interpolate", "write `upsample`, the 'interpolate' of PyTorch"),
        ("zero_padding", "write `pad`, the 'ZeroPadding2D' of Keras"),
        ("MaxPool2d", "write `max_pool`, the 'MaxPool2d' of PyTorch"),
        ("ReLU", "write `relu`, the 'ReLU' of PyTorch and Keras"),
        ("GRU", "write `gru`, the 'GRU' of PyTorch and Keras"),
        ("LSTM", "write `lstm`, the 'LSTM' of PyTorch and Keras"),
        ("Mish", "write `mish`, the 'Mish' of PyTorch"),
        ("InstanceNorm2d", "write `instance_norm`, the 'InstanceNorm2d' of PyTorch"),
        ("mean", "write `reduce: {op: mean}`, the 'mean' of PyTorch"),
        ("sqrt", "write `elementwise: {op: sqrt}`, the 'sqrt' of PyTorch"),
        (
            "squeeze_excite",
            "squeeze and excite is multiply: [[], [global_avg_pool, conv: {…}, relu, conv: {…}, sigmoid]]",
        ),
        ("Sequential", "a list is a sequence already; one that is used often is a block, under `blocks`"),
        ("relu()", "write `relu`: fields follow a colon, never in parentheses"),
        ("ReLU(inplace=True)", "write `relu`, the 'ReLU' of PyTorch and Keras"),
        ("nn.Conv2d", "write `conv`, the 'Conv2d' of PyTorch"),
        ("-relu", "a space follows the dash: - relu"),
        ("reluu", "did you mean 'relu'?"),  # spelling where nothing is meant by it
    ],
)
def test_meaning_comes_before_spelling(word, remedy):
    assert help_of(word) == remedy


def test_no_word_means_two_types_or_is_the_name_of_one():
    types = {}
    for type, layer in REGISTRY.items():
        for word in layer.words:
            plain = re.sub("[123]d$", "", word.replace("_", "").lower())
            assert types.setdefault(plain, type) == type
            assert word not in REGISTRY


@pytest.mark.parametrize(
    "type",
    ["gru", "lstm", "mish", "instance_norm", "pixel_unshuffle", "reshape", "permute", "attention", "matmul"],
)
def test_words_that_are_types_by_now_are_taken(type):
    assert type in REGISTRY


@pytest.mark.parametrize(
    ("item", "help"),
    [
        ({"conv": {"filters": 4, "kernel_size": 1}}, "write `out_channels`, the 'filters' of Keras"),
        ({"conv": {"units": 4, "kernel_size": 1}}, "write `out_channels`, the 'units' of Keras"),
        ({"max_pool": {"pool_size": 2}}, "write `kernel_size`, the 'pool_size' of Keras"),
        ({"relu": {"inplace": True}}, "no count depends on it: leave it out"),
        (
            {"softmax": {"dim": 1}},
            "`dim: 1` counts the batch axis in PyTorch: write `axis: 0`, the channels of a feature map",
        ),
        ({"softmax": {"dim": 3}}, "`dim: 3` counts the batch axis in PyTorch: write `axis: 2`"),
        ({"softmax": {"dim": -1}}, "write `axis: -1`, the `dim: -1` of PyTorch"),
        ({"layer_norm": {"dim": [1, -1]}}, "`dim: [1, -1]` counts the batch axis in PyTorch: write `axis: [0, -1]`"),
    ],
)
def test_fields_of_other_frameworks_are_answered_by_meaning_and_nothing_follows(item, help):
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load({"input": [3, 8, 8], "layers": [item]})
    (detail,) = caught.value.details
    assert detail.help == help


TORCH = "give the module to convcost.from_torch(module, inputs), or torch.export.save it"
HOW = {
    "a model saved by PyTorch": TORCH,
    "a zip file": "unpack it, and give the model file or the spec in it",
    "a Python program": "in Python convcost.from_torch(module, inputs) reads modules of PyTorch; Keras saves models",
}


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("net.pt", b"PK\x03\x04abc", "a model saved by PyTorch"),
        ("net.png", b"\x89PNG\r\n\x1a\n\x00", "an image"),
        ("net.yaml", b"\x89PNG\r\n\x1a\n\x00", "an image"),  # whatever it is called
        ("photo", b"\xff\xd8\xff\xe0", "an image"),
        ("nets.zip", b"PK\x03\x04abc", "a zip file"),
        ("net.py", b"import torch\n", "a Python program"),
    ],
)
def test_a_file_of_another_program_is_called_what_it_is(name, data, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(name)
    help = HOW.get(
        what, "give a spec, which is a text, or a model file of ONNX, PyTorch (.pt2), Keras or TensorFlow Lite"
    )
    assert str(caught.value) == f"error: {name!r} cannot be read: it is {what}\n = help: {help}"


READ = " = help: ONNX, .pt2, Keras and TensorFlow Lite files are read: export or convert it to one of these"


@pytest.mark.parametrize(
    ("name", "what"),
    [("net.pb", "a TensorFlow graph"), ("net.PDMODEL", "a Paddle program"), ("net.mlmodel", "a Core ML model")],
)
def test_a_model_of_a_format_that_is_not_read_is_told_which_are(name, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"\n\x10\n\x05input\x12\x0bPlaceholder\x00")
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(name)
    assert str(caught.value) == f"error: {name!r} cannot be read: it is {what}\n{READ}"


@pytest.mark.parametrize(
    ("folder", "what"), [("saved", "a SavedModel of TensorFlow"), ("net.mlpackage", "a Core ML model")]
)
def test_a_folder_that_is_a_model_is_told_which_are_read(folder, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / folder).mkdir()
    (tmp_path / "saved").mkdir(exist_ok=True)
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(folder)
    assert str(caught.value) == f"error: {folder!r} cannot be read: it is {what}\n{READ}"


def test_one_that_is_too_large_to_be_read_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pth").write_bytes(bytes(20 * 1024 * 1024))
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load("net.pth")
    assert str(caught.value) == f"error: 'net.pth' cannot be read: it is a model saved by PyTorch\n = help: {TORCH}"


BYTES, AGAIN = "its first bytes are those of no format", "is the file complete? export or download it again"


@pytest.mark.parametrize(
    ("name", "data", "format", "found"),
    [
        ("net.onnx", b"", "an ONNX file", "it is empty"),
        ("net.onnx", b"<!DOCTYPE html>\n<title>404</title>\n", "an ONNX file", "it is a text"),
        ("net.ONNX", b"\x82\x00\xff\x13", "an ONNX file", BYTES),
        ("net.pt2", b"PK\x03\x04abc", "a file of torch.export", BYTES),
        ("net.keras", b"\x08\x07\n\x01", "a Keras file", BYTES),  # which may be UTF-8
        ("net.keras", b"PK\x03\x04abc", "a Keras file", BYTES),
        ("net.tflite", b"\x1c\x00\x00\x00TFL2", "a TensorFlow Lite file", BYTES),
        ("net.tflite", bytes(20 * 1024 * 1024), "a TensorFlow Lite file", BYTES),  # more than a spec may have
    ],
)
def test_a_file_with_the_name_of_a_model_that_is_none_is_not_taken_for_a_spec(
    name, data, format, found, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(data)
    for read in (convcost.load, source.read_model):
        with pytest.raises(convcost.SpecError) as caught:
            read(name)
        message = f"error: {name!r} cannot be read: it is not {format}\n = found: {found}\n = help: {AGAIN}"
        assert str(caught.value) == message


def test_a_spec_is_read_whatever_its_file_is_called(tmp_path):
    (tmp_path / "net.onnx").write_text("input: [3, 8, 8]\nlayers: [relu]\n")
    assert convcost.load(tmp_path / "net.onnx").network.layers[0].output_shape == (3, 8, 8)
