"""PyTorch's files: recorded programs against what PyTorch says, damaged and hostile archives, files of weights."""

from __future__ import annotations

import json
import lzma
import pickle
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pt2_writer as w
import pytest

import convcost
from convcost.importers import IMPORTERS, archives, import_model, importer_of, onnx, tflite
from convcost.importers.pytorch import archive as pt2_archive
from convcost.spec import load
from convcost.spec.source import Source

DATA = Path(__file__).parent / "data" / "pytorch"
TRUTH = json.loads((DATA / "truth.json").read_text())
RELU = ([w.call("aten.relu.default", "y", self="x")], {"x": (1, 2, 3, 3), "y": (1, 2, 3, 3)}, ["y"])


@pytest.mark.parametrize("name", TRUTH)
def test_a_recorded_program_costs_what_pytorch_says(name):
    truth = TRUTH[name]
    sizes = dict(zip("hw", truth["input"][2:], strict=True)) if truth["dynamic"] else {}
    total = convcost.load(DATA / f"{name}.pt2", set=sizes).analyze().total
    assert (total.params, total.macs) == (truth["params"], truth["macs"])


@pytest.mark.parametrize("name", [name for name in TRUTH if TRUTH[name]["source"].startswith("torchvision")])
def test_statistics_of_norms_are_buffers(name):
    truth = TRUTH[name]
    sizes = dict(zip("hw", truth["input"][2:], strict=True)) if truth["dynamic"] else {}
    assert convcost.load(DATA / f"{name}.pt2", set=sizes).analyze().total.buffers == truth["buffers"]


def test_open_sizes_cost_what_the_shipped_network_does():
    for size in (160, 224):
        found = convcost.load(DATA / "resnet18_hw.pt2", set={"h": size, "w": size}).analyze().total
        assert found.macs == convcost.load("resnet18", set={"r": size}).analyze().total.macs


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "resnet18"])
def test_both_layouts_of_archives_give_one_spec(name):
    texts = [convcost.load(DATA / f"{stem}.pt2").text for stem in (name, f"{name}_torch24")]
    assert texts[0].partition("layers:")[2] == texts[1].partition("layers:")[2]


def test_a_file_is_read_without_torch():
    code = (
        f"import sys\nsys.modules['torch'] = None\nimport convcost\nconvcost.load({str(DATA / 'resnet18.pt2')!r})\n"
        "sys.exit('pickle' in sys.modules and 'pickle' or 'convcost.importers.pytorch.live' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_member_but_the_json_is_opened(monkeypatch):
    files = {
        "net/data/weights/weight_0": b"\0" * 64,
        "net/data/weights/model_weights_config.json": '{"config": {}}',
        "net/models/model.json": json.dumps(w.program(*RELU)),
        "net/data/sample_inputs/model.pt": b"\x80\x02",
    }
    opened = []
    read = archives.Archive.read
    monkeypatch.setattr(archives.Archive, "read", lambda *given: opened.append(given[1]) or read(*given))
    monkeypatch.setattr(pickle, "loads", None)
    import_model(IMPORTERS["pytorch"], w.archive(files), "net.pt2")
    assert opened == ["net/data/weights/model_weights_config.json", "net/models/model.json"]


def refusal(content, tmp_path, name="net.pt2"):
    """Return why a file is refused, without its place."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path)
    return str(caught.value).replace(str(path), name)


PICKLE_HELP = " = help: give the module to convcost.from_torch(module, inputs), or torch.export.save it to a .pt2 file"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_holds_no_network_and_is_never_loaded(protocol, tmp_path, monkeypatch):
    monkeypatch.setattr(pickle, "load", None)
    content = pickle.dumps({"weight": [0.0] * 10}, protocol)
    assert refusal(content, tmp_path, "weights.pth") == (
        "error: the file holds a pickle: weights, and no network that can be read\n --> weights.pth\n"
        f"  = note: convcost never loads such a file: that could run a program in it\n {PICKLE_HELP}"
    )


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["net/data.pkl", "net/data/0", "net/version"], "a pickle"),
        (["net/data/0", "net/data.pkl", "net/code/__torch__.py", "net/constants.pkl"], "a TorchScript module"),
    ],
)
def test_an_archive_of_weights_holds_no_network(names, what, tmp_path):
    assert refusal(w.archive(dict.fromkeys(names, b"")), tmp_path, "weights.pt") == (
        f"error: the file holds {what}: weights, and no network that can be read\n --> weights.pt\n"
        f"  = note: convcost never loads such a file: that could run a program in it\n {PICKLE_HELP}"
    )


def safetensors(header, size=0):
    """Return a safetensors file."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def test_safetensors_say_how_many_parameters_they_hold(tmp_path):
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [1000, 3], "data_offsets": [0, 12000]},
        "b": {"dtype": "F32", "shape": [], "data_offsets": [12000, 12004]},
        "c": {"dtype": "BF16", "shape": [4], "data_offsets": [12004, 12012]},
    }
    assert refusal(safetensors(header, 12012), tmp_path, "model.safetensors") == (
        "error: a safetensors file holds weights and no network\n --> model.safetensors\n"
        f"  = found: 3 tensors: 3,001 float32, 4 bfloat16\n {PICKLE_HELP}"
    )


def test_safetensors_of_any_length_are_taken_for_none_other():
    """Their first bytes, the length of a list, may look like the fields of an ONNX file."""
    for length in (*range(2, 70_000), 99_999_999):
        head = struct.pack("<Q", length) + b'{"a":{"dtype":"F32"'
        assert not onnx.recognises(head)
        assert not tflite.recognises(head)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (struct.pack("<Q", 1000) + b'{"a"', "its list of tensors has 1,000 bytes, the file 12"),
        (safetensors(b'{"a": {"dtype": "F32"}}'), "Object missing required field `shape`"),
        (safetensors({"a": {"dtype": "F32", "shape": [-1]}}), "Expected `int` >= 0"),
        (safetensors(b'{"a": ' + b"[" * 5000), ""),
    ],
)
def test_damaged_safetensors_are_an_error(content, found, tmp_path):
    message = refusal(content, tmp_path, "model.safetensors")
    assert message.startswith("error: the safetensors file is damaged\n --> model.safetensors\n  = found: ")
    assert found in message


def test_a_member_outside_of_the_archive_is_an_error(tmp_path):
    for name in ("net/../../models/model.json", "/models/model.json", "net\\..\\..\\model.json"):
        content = w.archive({"net/models/model.json": "{}", name: "{}"})
        assert f"the archive has a file that leads out of it: {name!r}" in refusal(content, tmp_path)


def test_two_members_of_one_name_are_an_error(tmp_path):
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as to:
        to.writestr("net/models/model.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            to.writestr("net/models/model.json", "{}")
    message = refusal(path.read_bytes(), tmp_path)
    assert message.startswith("error: the archive has two files 'net/models/model.json'\n --> net.pt2")


def test_a_zip_bomb_is_not_inflated(tmp_path, monkeypatch):
    monkeypatch.setattr(pt2_archive, "MOST_JSON", 1000)
    bomb = w.archive({"net/models/model.json": "0" * 50_000_000})
    tracemalloc.start()
    message = refusal(bomb, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert message == (
        "error: 'net/models/model.json' in the archive is larger than 1,000 bytes\n --> net.pt2\n"
        "  = found: 50,000,000 bytes"
    )


def test_an_archive_that_lies_about_a_size_is_not_inflated(tmp_path, monkeypatch):
    monkeypatch.setattr(pt2_archive, "MOST_JSON", 1000)
    content = bytearray(w.archive({"net/models/model.json": "0" * 50_000_000}))
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", content, content.find(signature) + offset, 500)
    assert "the archive" in refusal(bytes(content), tmp_path)


def test_an_archive_of_too_many_members_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    content = w.archive({f"net/data/weights/{number}": b"" for number in range(4)})
    assert "error: the archive has more than 3 files" in refusal(content, tmp_path)


def test_deep_json_is_an_error(tmp_path):
    for deep in ('{"graph_module": ' + "[" * 200_000, '{"other": ' + '{"a":' * 200_000):
        message = refusal(w.archive({"net/models/model.json": deep}), tmp_path)
        assert message.startswith("error: 'net/models/model.json' in the archive is no exported program")


def test_an_archive_without_a_program_or_with_several_is_an_error(tmp_path):
    several = w.archive({"net/models/a.json": "{}", "net/models/b.json": "{}"})
    assert "error: the archive has several programs" in refusal(several, tmp_path)
    compiled = w.archive({"net/data/aotinductor/model/x.so": b"", "net/archive_format": b"pt2"})
    assert "error: the archive holds a compiled model and no program" in refusal(compiled, tmp_path)


def test_a_program_of_another_form_is_an_error(tmp_path):
    message = refusal(w.archive({"net/models/model.json": '{"graph_module": 3}'}), tmp_path)
    assert message == (
        "error: 'net/models/model.json' in the archive is no exported program that can be read\n --> net.pt2\n"
        "  = found: Expected `object`, got `int` - at `$.graph_module`\n"
        "  = help: export it again, with a torch between 2.4 and today's, or give the module to convcost.from_torch"
    )


def test_too_many_calls_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("convcost.importers.pytorch.serialized.MOST_CALLS", 0)
    assert "found: more than 0 calls" in refusal(w.pt2(*RELU), tmp_path)


def test_a_damaged_program_is_a_clear_error(tmp_path):
    """Whatever is changed in an archive, there is a network or an error of convcost."""
    draw = random.Random(7)
    content = (DATA / "squeezenet1_1.pt2").read_bytes()
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(draw.choice((1, 3, 20))):
            damaged[draw.randrange(4, len(damaged))] = draw.randrange(256)
        cut = bytes(damaged[: draw.choice((len(damaged), draw.randrange(100, len(damaged))))])
        if importer_of(cut[:4096]) is not IMPORTERS["pytorch"]:
            continue
        with suppress(convcost.SpecError):
            import_model(IMPORTERS["pytorch"], cut, "net.pt2")


def test_a_program_with_other_values_is_a_clear_error():
    """Whatever stands in the JSON in the place of a value, there is a network or an error of convcost."""
    draw = random.Random(11)
    with zipfile.ZipFile(DATA / "squeezenet1_1.pt2") as read:
        text = read.read("squeezenet1_1/models/model.json").decode()
    for _ in range(150):
        changed = json.loads(text)
        for _ in range(draw.choice((1, 4))):
            _change(draw, changed)
        content = w.archive({"a/models/model.json": json.dumps(changed)})
        with suppress(convcost.ConvcostError):
            found = import_model(IMPORTERS["pytorch"], content, "a.pt2")
            load(Source("a.pt2", found.text), found.sizes)


def _change(draw, tree):
    """Put something else in the place of one value of a tree."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        key = draw.choice(list(keys))
        if isinstance(tree[key], (dict, list)) and tree[key] and draw.random() < 0.9:
            tree = tree[key]
            continue
        tree[key] = draw.choice([None, -1, 10**30, "x", "", [], {}, True, 0.5, ["x"], {"as_int": 3}])
        return


def test_compressions_of_its_own_are_an_error(tmp_path):
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as to:
        to.writestr("net/models/model.json", json.dumps(w.program(*RELU)))
    message = refusal(path.read_bytes(), tmp_path)
    assert "error: the archive is damaged" in message
    assert "is compressed in a way of its own" in message


def test_an_encrypted_member_is_an_error(tmp_path):
    content = bytearray(w.pt2(*RELU))
    for name in (b"PK\x03\x04", b"PK\x01\x02"):  # its flag, before the file and in the list of files
        at = content.rfind(name) + (6 if name.endswith(b"\x04") else 8)
        content[at] |= 1
    assert refusal(bytes(content), tmp_path) == (
        "error: the archive is damaged\n --> net.pt2\n  = found: 'net/models/model.json' is encrypted\n"
        "  = help: is the file complete? export or download it again"
    )


@pytest.mark.parametrize(
    ("arguments", "shape", "found"),
    [
        ({"repeats": [1] * 4097}, (1, 2, 3, 3), "an argument of 4,097 numbers or letters"),
        ({"name": "=" + "x" * 65_537}, (1, 2, 3, 3), "an argument of 65,537 numbers or letters"),
        ({}, (1,) * 33, "a tensor of 33 axes"),
    ],
)
def test_arguments_and_shapes_are_bounded(arguments, shape, found, tmp_path):
    call = w.call("aten.repeat.default", "y", self="x", **arguments)
    message = refusal(w.pt2([call], {"x": (1, 2, 3, 3), "y": shape}, ["y"]), tmp_path)
    assert f"\n  = found: UnreadableProgram: {found}\n" in message or f"\n  = found: {found}\n" in message


def test_a_damaged_member_is_an_error(tmp_path):
    content = bytearray(w.pt2(*RELU))
    at = content.find(b"model.json", content.find(b"models/")) + 40
    content[at : at + 20] = zlib.compress(b"")[:8].ljust(20, b"\xff")
    assert "error: the archive is damaged" in refusal(bytes(content), tmp_path)


ONNX = sorted(path.name.removesuffix(".onnx.xz") for path in DATA.glob("*.onnx.xz"))


@pytest.mark.parametrize("name", ONNX)
def test_one_network_in_two_files_costs_the_same(name, tmp_path):
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(lzma.decompress((DATA / f"{name}.onnx.xz").read_bytes()))
    difference = convcost.load(DATA / f"{name}.pt2").diff(convcost.load(path))
    before, after = difference.before, difference.after
    for total in (before.total, after.total):
        assert (total.macs, total.params) == (TRUTH[name]["macs"], TRUTH[name]["params"])
    assert with_weights(before) == with_weights(after)  # what else there is, exporters write in their ways


def with_weights(analysis):
    """Return the layers with weights of their own, and how many there are of each."""
    rows = [(layer.type, layer.cost.params, layer.cost.buffers, layer.cost.macs) for layer in analysis.layers]
    return Counter(row for row in rows if row[1] and row[0] != "parameter")
