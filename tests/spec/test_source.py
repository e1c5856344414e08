"""Where a spec's text comes from: a path, standard input, a shipped name, a mapping."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import convcost
from convcost.spec import source

TEXT = "name: é\ninput: [3, 8, 8]\nlayers: [relu]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(spec: Any) -> str:
    """Return the one error of what cannot be read, without its `error: `."""
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(spec)
    assert len(caught.value.details) == 1
    return caught.value.text().removeprefix("error: ")


def test_a_path_is_read_and_shown_as_it_was_given(folder: Path) -> None:
    (folder / "net.yaml").write_text(TEXT, encoding="utf-8")
    assert source.read("net.yaml") == source.Source("net.yaml", TEXT)
    assert source.read(Path("net.yaml")) == source.Source("net.yaml", TEXT)
    assert source.read(folder / "net.yaml").file == str(folder / "net.yaml")
    assert convcost.load("net.yaml").network.file == "net.yaml"


def test_the_file_may_have_any_name(folder: Path) -> None:
    for name in ("net", "net.yml", "my net.txt", "日本.yaml", "-x"):
        (folder / name).write_text(TEXT, encoding="utf-8")
        assert convcost.load(name).network.name == "é"


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode()), encoding="ascii"))
    assert source.read("-") == source.Source("<stdin>", TEXT)


def test_standard_input_that_is_not_utf8_is_told_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1\nb: \xff"), encoding="ascii"))
    assert told("-") == "the file is not UTF-8\n --> <stdin>:2:4\n  = found: byte 0xff\n  = help: save it as UTF-8"


def test_a_shipped_spec_is_found_by_its_name(folder: Path) -> None:
    assert convcost.load("mobilenet_v1").analyze().total.params == 4_231_976  # the number of the table
    assert convcost.load("examples/one_5x5").analyze().total.params == 25  # 1 · 1 · 5 · 5
    assert convcost.load(Path("examples/one_5x5")).analyze().total.params == 25


def test_every_shipped_spec_is_called_as_its_file_and_an_example_with_its_folder() -> None:
    names = source.shipped()
    assert {"mobilenet_v1", "resnet18", "unet", "dcgan_generator", "examples/two_3x3"} <= names.keys()
    assert all(path.is_file() and path.with_suffix("").as_posix().endswith(name) for name, path in names.items())
    specs = Path(__file__).parents[2] / "specs"
    assert sorted(names.values()) == sorted(specs.rglob("*.yaml"))
    folders = list(dict.fromkeys(path.parent.name for path in names.values()))
    assert folders == [*sorted({*folders} - {"examples"}), "examples"]


@pytest.mark.parametrize(
    "path", ["specs/resnet50.yaml", "classification/resnet50", "a/b/resnet50.yaml", "resnet50.yaml"]
)
def test_a_path_that_ends_in_a_shipped_name_names_it(path: str, folder: Path) -> None:
    help = "convcost ships it as 'resnet50'"
    assert told(path) == f"there is no file and no shipped spec {path!r}\n = help: {help}"


def test_a_file_in_the_folder_goes_before_a_shipped_spec_of_its_name(folder: Path) -> None:
    (folder / "mobilenet_v1").write_text(TEXT, encoding="utf-8")
    assert convcost.load("mobilenet_v1").network.name == "é"


def test_a_folder_does_not_hide_a_shipped_spec_of_its_name(folder: Path) -> None:
    (folder / "mobilenet_v1").mkdir()
    assert convcost.load("mobilenet_v1").network.name == "MobileNetV1"


def test_a_missing_file_suggests_the_nearest_shipped_name(folder: Path) -> None:
    assert told("mobilnet_v1") == (
        "there is no file and no shipped spec 'mobilnet_v1'\n = help: did you mean 'mobilenet_v1'?"
    )
    assert told("examples/one5x5").endswith("did you mean 'examples/one_5x5'?")


def test_a_missing_path_names_the_way_to_the_shipped_names(folder: Path) -> None:
    expected = "there is no file and no shipped spec 'nets/net.yaml'\n = help: `convcost specs` lists the shipped ones"
    assert told("nets/net.yaml") == expected
    assert told(Path("nets/net.yaml")) == expected


def test_a_directory_cannot_be_read(folder: Path) -> None:
    (folder / "nets").mkdir()
    assert told("nets") == "'nets' cannot be read: it is a directory\n = help: name a file in it"


@pytest.mark.parametrize("name", ["a\0b", "x" * 5_000, ""])
def test_a_path_that_no_system_can_open_is_told(name: str, folder: Path) -> None:
    message = told(name)
    assert message.startswith(("there is no", "'"))
    assert "\0" not in message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_cannot_be_read(folder: Path) -> None:
    (folder / "net.yaml").write_text(TEXT, encoding="utf-8")
    (folder / "net.yaml").chmod(0)
    assert told("net.yaml") == "'net.yaml' cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("data", "place", "byte"),
    [
        (b"\xff", "1:1", "0xff"),
        (TEXT.encode("utf-16"), "1:1", "0xff"),
        (b"name: ok\nsource: caf\xe9\n", "2:12", "0xe9"),
        ("name: äöü".encode() + b"\x80", "1:10", "0x80"),  # columns count characters: 6 + 3 + 1
        (b"a: 1\r\nb: \xc3\x28", "2:4", "0xc3"),
        (b"a: \xed\xa0\x80", "1:4", "0xed"),  # a surrogate
    ],
)
def test_a_file_that_is_not_utf8_is_told_with_its_place(data: bytes, place: str, byte: str, folder: Path) -> None:
    (folder / "net.yaml").write_bytes(data)
    expected = f"the file is not UTF-8\n --> net.yaml:{place}\n  = found: byte {byte}\n  = help: save it as UTF-8"
    assert told("net.yaml") == expected


def test_a_byte_order_mark_is_no_part_of_the_text(folder: Path) -> None:
    (folder / "net.yaml").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert source.read("net.yaml").text == TEXT


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_reads_the_same_and_places_count_lines(end: str, folder: Path) -> None:
    text = "name: x\ninput: [3, 8, 8]\nlayers:\n  - relu\n  - rleu\n".replace("\n", end)
    (folder / "net.yaml").write_bytes(text.encode())
    message = told("net.yaml")
    assert "--> net.yaml:5:5, layers[1]\n" in message
    assert "\n5 |   - rleu\n" in message
    (folder / "net.yaml").write_bytes(text.replace("rleu", "relu").encode())
    assert len(convcost.load("net.yaml").network.layers) == 2


def test_a_mapping_is_the_spec_that_it_would_be_written_as() -> None:
    mapping = {
        "name": "no",  # a text that YAML 1.1 would take for a truth value
        "source": None,
        "symbols": {"a": 0.1, "b": True, "n": {"value": 8, "multiple_of": 4}},
        "input": (1, 8, Fraction(8)),  # 2 · 8 · 0.1 = 1.6, ceil 2
        "layers": [
            {"conv": {"out_channels": "ceil(2 * n * a)", "kernel_size": [3, 1], "bias": "b"}, "name": "1"},
            "relu",
        ],
    }
    network = convcost.load(mapping).network
    assert network.name == "no"
    assert network.source == ""
    assert network.symbols == {"a": Fraction(1, 10), "b": True, "n": 8}  # a float means its shortest decimal
    assert [(layer.name, layer.output_shape) for layer in network.layers] == [("1", (2, 6, 8)), ("relu_1", (2, 6, 8))]


def test_equal_parts_of_a_mapping_may_be_one_object() -> None:
    conv = {"conv": {"out_channels": 3, "kernel_size": 1}}
    assert len(convcost.load({"input": [3, 8, 8], "layers": [conv, conv, {"residual": [conv]}]}).network.layers) == 4


def test_a_fault_of_a_mapping_shows_its_line() -> None:
    message = told(
        {"input": [3, 8, 8], "layers": [{"relu": None}, {"conv": {"out_channels": 4, "kernel_size": 1}}, "rleu"]}
    )
    assert message == (
        "there is no layer type or block 'rleu'\n"
        " --> <mapping>:7:5, layers[2]\n"
        "  |\n"
        "7 |   - rleu\n"
        "  |     ^\n"
        "  = help: did you mean 'relu'?"
    )


def circle() -> Mapping[str, Any]:
    mapping: dict[str, Any] = {"input": [3, 8, 8]}
    mapping["layers"] = [mapping]
    return mapping


@pytest.mark.parametrize(
    "mapping",
    [
        {"input": [3, 8, 8], "layers": [object()]},
        {"input": [3, 8, 8], "layers": [{1, 2}]},
        {"input": [3, 8, 8], "layers": [b"relu"]},
        {"input": [10**5_000, 8, 8], "layers": ["relu"]},
        {"input": [3, 8, 8], "layers": ["relu"], "name": "\ud800"},
        {"input": [3, 8, 8], "layers": ["relu"], (1, 2): 3},
        {"input": [3, 8, 8], "layers": ["relu"], None: 3},
        {"input": [float("nan"), float("inf"), 8], "layers": ["relu"]},
        circle(),
        {},
    ],
    ids=["object", "set", "bytes", "integer", "surrogate", "tuple key", "None key", "nan", "circle", "empty"],
)
def test_a_mapping_that_is_no_spec_is_told(mapping: Mapping[str, Any]) -> None:
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(mapping)
    assert len(caught.value.text()) < 2_000


@pytest.mark.parametrize(
    ("methods", "help"),
    [
        (("state_dict", "forward"), "convcost.from_torch(module, inputs) reads a module of PyTorch"),
        (("count_params", "save"), "save a model of Keras, model.save('net.keras'), and give the path"),
        (("SerializeToString",), "save a model of ONNX, onnx.save(model, 'net.onnx'), and give the path"),
        (("save",), ""),
    ],
)
def test_a_model_of_a_framework_is_no_spec(methods: tuple[str, ...], help: str) -> None:
    model = type("Net", (), dict.fromkeys(methods))()
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(model)
    assert str(caught.value) == (
        "error: a spec is a path, the name of a shipped spec, or a mapping\n = found: Net"
        + (f"\n = help: {help}" if help else "")
    )


def test_an_option_for_model_files_names_a_shipped_spec_as_it_was_given() -> None:
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load("vgg16", inputs={"x": (1, 3, 8, 8)})
    assert caught.value.text() == (
        "error: --input is for model files, and 'vgg16' is a spec\n"
        " = help: --set gives the symbols of a spec their values"
    )
