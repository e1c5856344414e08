"""Files that hold Keras models: archives, JSON, HDF5, and what is wrong with them."""

from __future__ import annotations

import copy
import io
import json
import random
import zipfile
from pathlib import Path

import keras_writer as k
import pytest

import convcost
from convcost.importers import IMPORTERS, import_model, importer_of
from convcost.importers.keras import reader

DATA = Path(__file__).parent / "data"
MODEL = k.sequential([8, 8, 3], k.layer("Conv2D", filters=4, kernel_size=3), k.layer("ReLU"))
PARAMS = 3 * 9 * 4 + 4
SAVE = "  = help: save the whole model, with model.save('model.keras') or model.to_json()"
DAMAGED = "\n  = help: is the file complete? save or download it again"


def topology(model):
    return {"format": "layers-model", "generatedBy": "keras v2.15.0", "modelTopology": {"model_config": model}}


@pytest.mark.parametrize(
    "content",
    [
        k.text(MODEL),
        b"\xef\xbb\xbf \n" + k.text(MODEL),
        k.text({"class_name": "Sequential", "config": MODEL["config"]["layers"], "keras_version": "1.2.2"}),
        k.text(topology(MODEL)),
        k.text({"modelTopology": MODEL}),
        k.archive(MODEL),
        k.archive(MODEL, **{"model.weights.h5": b"weights", "assets/words.txt": b""}),
        k.hdf5([(0x11, bytes(16)), k.attribute(b"backend", b"torch"), k.attribute(b"model_config", k.text(MODEL))]),
    ],
)  # fmt: skip
def test_a_format_is_known_by_its_content(content, write):
    for name in ("net.yaml", "net"):
        assert convcost.load(write(content, name)).analyze().total.params == PARAMS


def test_a_spec_as_json_is_no_model(write):
    spec = {"input": [3, 8, 8], "layers": [{"conv": {"out_channels": 4, "kernel_size": 3}}]}
    assert convcost.load(write(json.dumps(spec).encode(), "net.json")).analyze().total.params == PARAMS


def refused(content, write):
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(write(content, "net"))
    return str(caught.value).replace(str(write(content, "net")), "net")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (k.text({"class_name": "MyModel", "config": {"width": 3}}),
         ("error: the model is of a class of its own, 'MyModel': the file has no layers of it\n --> net\n"
         "  = help: save keras.Model(model.inputs, model.outputs), which lists its layers, where it is made of them")),
        (k.text({"format": "graph-model", "modelTopology": {"node": []}}),
         ("error: it is a TensorFlow graph, which has no layers\n --> net\n"
         "  = help: convert the Keras model to a layers model, or to ONNX")),
        (k.text({"modelTopology": {"model_config": None}, "class_name": ""}),
         "error: the file holds no network\n --> net\n" + SAVE),
        (k.text(MODEL)[:-9],
         f"error: the model's configuration is no JSON\n --> net:1:{len(k.text(MODEL)) - 8}"
         "\n  = note: a parser of JSON says: Expecting value" + DAMAGED),
        (k.text({"class_name": "Sequential", "config": {"layers": {"a": 1}}}),
         "error: a model's configuration lists no layers\n --> net\n  = help: save the model again"),
        (b'{"class_name": "Sequential", "config": ' + b"[" * 100_000,
         "error: the model's configuration is nested too deep\n --> net"),
        (k.archive(None, **{"model.weights.h5": b""}),
         "error: the archive has no config.json: it holds no network\n --> net\n" + SAVE),
        (k.hdf5([k.attribute(b"layer_names", b"conv")]),
         "error: the HDF5 file holds weights and no network\n --> net\n" + SAVE),
        (k.hdf5([k.attribute(b"model_config", k.text(MODEL))])[:200],
         "error: the HDF5 file cannot be read: a block of {} bytes ends behind the file\n --> net\n"
         "  = found: at byte 112 of 200" + DAMAGED),
        (k.hdf5([(0x15, bytes([0, 0]) + bytes(16))]),
         "error: the HDF5 file cannot be read: it has its attributes in a heap, which is not read: save it as .keras\n"
         " --> net\n  = found: at byte 120 of 138" + DAMAGED),
        # attributes are nowhere else, though the message counts them
        (k.hdf5([(0x15, bytes([0, 1, 0, 0]) + b"\xff" * 8 + bytes(8))]),
         "error: the HDF5 file holds weights and no network\n --> net\n" + SAVE),
        (k.hdf5([(0x0C, bytes([4]) + bytes(15))]),
         "error: the HDF5 file cannot be read: an attribute has the version 4\n --> net\n"
         "  = found: at byte 120 of 136" + DAMAGED),
        (k.archive(b"[]"), "error: the model's configuration is no mapping\n --> net\n" + SAVE),
        (b"\x89HDF\r\n\x1a\n" + bytes([9]) + bytes(50),
         "error: the HDF5 file cannot be read: its version 9 is not known\n --> net\n"
         "  = found: at byte 8 of 59" + DAMAGED),
    ],
)  # fmt: skip
def test_what_holds_no_network_says_so(content, message, write):
    size = len(k.hdf5([k.attribute(b"model_config", k.text(MODEL))])) - 112
    assert refused(content, write) == message.replace("{}", str(size))


@pytest.mark.parametrize("flags", [1, 0x25, 0x11, 0x32])
def test_headers_of_the_newer_form_of_hdf5(flags, write):
    content = k.newer_hdf5(k.attribute(b"model_config", k.text(MODEL)), flags)
    path = write(content, "net.h5")
    plain = convcost.load(write(k.text(MODEL), "net.json")).analyze().total
    assert convcost.load(path).analyze().total == plain


def in_a_heap(objects, index):
    """Return a file whose model is the text of a heap with this index."""
    size, place = len(k.text(MODEL)), 4096
    head = k.newer_hdf5(k.attribute_in_heap(b"model_config", place, index, size), 1)
    return head + bytes(place - len(head)) + k.heap(objects)


def test_a_text_of_a_heap_has_its_number(write):
    path = write(in_a_heap({1: b"another", 7: k.text(MODEL)}, 7), "net.h5")
    plain = convcost.load(write(k.text(MODEL), "net.json")).analyze().total
    assert convcost.load(path).analyze().total == plain


@pytest.mark.parametrize("objects", [{1: b"another"}, {1: b"another", 0: b""}])
def test_a_text_that_a_heap_does_not_have_is_an_error(objects, write):
    message = "error: the HDF5 file cannot be read: the text of the model's configuration is not where it should be\n"
    assert refused(in_a_heap(objects, 7), write).startswith(message)


def test_a_bomb_is_not_unpacked(write, monkeypatch):
    monkeypatch.setattr(reader, "MOST_BYTES", 2**20)
    found = refused(k.archive(b"{" + b" " * 2**24 + b"}"), write)
    assert found == "error: 'config.json' in the archive is larger than 1 MiB\n --> net\n  = found: 16,777,218 bytes"


def test_json_that_is_too_large_is_not_read(write, monkeypatch):
    monkeypatch.setattr(reader, "MOST_BYTES", 1000)
    assert refused(k.text(MODEL) + b" " * 1000, write).startswith("error: the model's configuration is larger than")


def test_names_that_leave_the_archive_are_refused(write):
    found = refused(k.archive(MODEL, **{"../../evil": b""}), write)
    assert found.startswith("error: the archive has a file that leads out of it: '../../evil'\n --> net\n")


def test_an_archive_of_which_a_byte_is_wrong_is_an_error(write):
    content = k.archive(MODEL)
    at = content.index(b"config.json") + 40
    found = refused(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :], write)
    assert found.startswith("error: the archive is damaged\n --> net\n")


def test_what_a_file_names_is_not_imported(write, tmp_path):
    """Neither a module that does not exist nor one that would write a file."""
    mark = tmp_path / "mark"
    (tmp_path / "evil.py").write_text(f"open({str(mark)!r}, 'w')")
    function = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
    layers = [k.layer("Lambda", "a", function=function), k.layer("Thing", "b", module="evil")]
    found = refused(k.text(k.sequential([8, 8, 3], *layers)), write)
    assert "error: the operator keras.layers.Lambda has no layer type" in found
    assert not mark.exists()


def test_another_archive_is_no_model():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("readme.txt", "{}")
    assert not reader.recognises(stream.getvalue())


def test_heads_of_the_recorded_files():
    for version in ("earliest", "latest"):
        assert importer_of((DATA / f"keras_{version}.h5").read_bytes()[:4096]) is IMPORTERS["keras"]


def changed(chance, tree):
    """Return a configuration of which one place is something else."""
    tree = copy.deepcopy(tree)
    at, places = tree, []
    while isinstance(at, (dict, list)) and at:
        key = chance.choice(list(at) if isinstance(at, dict) else range(len(at)))
        places.append((at, key))
        at = at[key]
    parent, key = chance.choice(places)
    if chance.random() < 0.2:
        del parent[key]
    else:
        values = [None, True, 0, -1, 3, 2**70, 1.5, "", "same", "LSTM", [], [1, 2], [[[]]], {}, {"class_name": "Dense"}]
        parent[key] = chance.choice(values)
    return tree


def outcome(content):
    """Return whether a file is a network, or else an error of the file; anything else is raised."""
    try:
        return import_model(IMPORTERS["keras"], content, "net.keras").text.startswith(
            "# Imported from net.keras (Keras"
        )
    except convcost.SpecError as error:
        if {detail.place.file for detail in error.details} != {"net.keras"}:
            raise
        return False


def small_models():
    import lzma

    found = json.loads(lzma.decompress((DATA / "keras.json.xz").read_bytes()))
    found |= json.loads(lzma.decompress((DATA / "tf_keras.json.xz").read_bytes()))
    return [case["config"] for name, case in found.items() if name[0].islower()]


def fuzz(seed, rounds):
    """Return how many of so many changed files are networks, and how many are errors."""
    chance, models = random.Random(seed), small_models()
    outcomes = []
    for _ in range(rounds):
        model = chance.choice(models)
        for _ in range(chance.choice([1, 1, 2, 4])):
            model = changed(chance, model)
        outcomes.append(outcome(k.text(model)))
    return outcomes.count(True), outcomes.count(False)


def test_configurations_that_are_changed_are_networks_or_errors():
    networks, errors = fuzz(0, 250)
    assert min(networks, errors) > 25


def test_bytes_that_are_changed_or_cut_off_are_networks_or_errors():
    chance = random.Random(0)
    files = [k.archive(MODEL), k.hdf5([k.attribute(b"model_config", k.text(MODEL))])]
    files += [(DATA / f"keras_{version}.h5").read_bytes() for version in ("earliest", "latest")]
    for _ in range(400):
        content = bytearray(chance.choice(files))
        for _ in range(chance.choice([1, 2, 5])):
            content[chance.randrange(min(len(content), 2000))] = chance.choice([0, 1, 127, 128, 255])
        outcome(bytes(content[: chance.choice([len(content), chance.randrange(len(content))])]))


if __name__ == "__main__":  # longer: python tests/importers/test_keras_files.py SEED ROUNDS
    import sys

    print(fuzz(int(sys.argv[1]), int(sys.argv[2])))  # noqa: T201
