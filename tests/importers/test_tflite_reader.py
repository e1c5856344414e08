"""The reader of TensorFlow Lite files: what its packages read, and files that are damaged or hostile."""

from __future__ import annotations

import json
import random
import struct
import time
from math import prod
from pathlib import Path

import pytest
import tflite_writer as w

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.importers.tflite import flatbuffer, model, read, recognises, schema
from convcost.importers.tflite.flatbuffer import FlatBuffer
from convcost.importers.tflite.model import read_subgraph

DATA = Path(__file__).parent / "data"
SMALL = (DATA / "small.tflite").read_bytes()
RECORDED = json.loads((DATA / "small_tflite.json").read_text(encoding="utf-8"))
BYTES = {"int8": 1, "int32": 4}


def test_it_reads_what_the_packages_of_the_format_read():
    graph = read_subgraph(FlatBuffer(SMALL))
    assert [list(graph.inputs), list(graph.outputs)] == [RECORDED["inputs"], RECORDED["outputs"]]
    found = [[each.name, list(each.shape), each.dtype, each.place[1] if each.place else 0] for each in graph.tensors]
    assert found == RECORDED["tensors"]
    assert [[each.name, list(each.inputs), list(each.outputs)] for each in graph.operators] == RECORDED["operators"]


def test_its_counts_follow_from_its_shapes():
    # 3×9×9 to 4×5×5 by 3×3; 3×3 for each of 4 channels; pooled; 4 features to 10
    total = convcost.load(DATA / "small.tflite").analyze().total
    assert total.params == 4 * 3 * 9 + 4 + 4 * 9 + 4 + 4 * 10 + 10
    assert total.macs == 25 * 4 * 3 * 9 + 25 * 4 * 9 + 4 * 10


def test_operators_have_the_numbers_of_the_schema():
    assert {name: schema.OPERATORS.index(name) for name in w.CODES} == w.CODES
    assert len(set(schema.OPERATORS)) == len(schema.OPERATORS) == 210


def test_a_file_is_recognised_by_its_mark(tmp_path):
    assert recognises(SMALL[:8])
    assert not recognises(SMALL[:7])
    path = tmp_path / "net.yaml"
    path.write_bytes(SMALL)
    assert convcost.load(path).analyze().total.macs == 25 * 4 * 3 * 9 + 25 * 4 * 9 + 4 * 10


def small(**more):
    """Return a file with a value that flows through a relu."""
    file = w.File()
    file.input("x", [1, 2, 2, 1])
    file.value("y", [1, 2, 2, 1])
    file.add("RELU", ["x"], ["y"])
    return file.bytes(["y"], **more)


def test_scalars_and_left_out_fields_have_their_defaults():
    table = FlatBuffer(w.write({1: ("i", 7), 3: w.f32(0.5), 4: ("?", True), 6: ("h", [1, 2])})).root()
    assert (table.whole(0, default=5), table.whole(1), table.whole(9), table.number(3), table.number(2)) == (
        *(5, 7, 0),
        *(0.5, 0.0),
    )
    assert (table.flag(4), table.flag(5), table.wholes(6, "h", 2, "it"), table.wholes(5, "h", 2, "it")) == (
        *(True, False),
        *((1, 2), None),
    )
    assert (table.text(5, "it"), table.table(5, "it"), [*table.tables(5, "they")]) == ("", None, [])


def error_of(content, name="net.tflite"):
    with pytest.raises(convcost.SpecError) as caught:
        read(content, name)
    return str(caught.value)


def damaged(message, offset, content):
    """Return the message for a damaged file."""
    return (
        f"error: the TensorFlow Lite file is damaged: {message}\n --> net.tflite\n"
        f"  = found: at byte {offset:,} of {len(content):,}\n"
        "  = help: is the file complete? convert or download it again"
    )


def patched(content, at, form, number):
    """Return bytes with a number in them."""
    changed = bytearray(content)
    struct.pack_into(f"<{form}", changed, at, number)
    return bytes(changed)


LIST = "the list of a table's fields"
ROOT = struct.unpack_from("<I", SMALL)[0]


OUTSIDE = "would lie outside of the file, at byte"


@pytest.mark.parametrize(
    ("content", "message", "offset"),
    [
        (SMALL[:3], f"the model {OUTSIDE} 0 with 4 bytes", 0),
        (SMALL[:ROOT], f"the model {OUTSIDE} {ROOT} with 4 bytes", ROOT),
        (patched(SMALL, 0, "I", 0), "the model has an offset of 0", 0),
        (patched(SMALL, 0, "I", 2**32 - 1), f"the model {OUTSIDE} 4,294,967,295 with 4 bytes", 2**32 - 1),
        (patched(SMALL, ROOT, "i", 10**6), f"{LIST} {OUTSIDE} {ROOT - 10**6:,} with 2 bytes", 0),
        (patched(SMALL, ROOT, "i", -(2**31)), f"{LIST} {OUTSIDE} {ROOT + 2**31:,} with 2 bytes", ROOT + 2**31),
    ],
)
def test_offsets_that_lie(content, message, offset):
    assert error_of(content) == damaged(message, offset, content)


def test_lists_of_fields_that_lie():
    fields = ROOT - struct.unpack_from("<i", SMALL, ROOT)[0]
    for size in (0, 3, 7):
        content = patched(SMALL, fields, "H", size)
        assert error_of(content) == damaged(f"the list of a table's fields has {size} bytes", fields, content)
    content = patched(SMALL, fields, "H", 65534)
    message = f"the list of a table's fields would lie outside of the file, at byte {fields:,} with 65,534 bytes"
    assert error_of(content) == damaged(message, fields, content)


def test_every_truncated_file_is_an_error():
    for size in range(8, len(SMALL)):
        with pytest.raises(convcost.SpecError):
            read(SMALL[:size], "net.tflite")


def table_error(fields):
    """Return why a file whose outermost table has these fields is damaged, without the place."""
    found = error_of(w.write(fields))
    return found.removeprefix("error: the TensorFlow Lite file is damaged: ").partition("\n")[0]


def graph(tensors=({0: ("i", [2])},), operators=(), inputs=(), outputs=()):
    return {0: [*tensors], 1: ("i", list(inputs)), 2: ("i", list(outputs)), 3: [*operators]}


def root(graphs, buffers=({},), codes=({0: ("b", 19), 3: ("i", 19)},), **more):
    fields = {0: ("I", 3), 1: [*codes], 2: [*graphs], 4: [*buffers]}
    return fields | {int(key[1:]): value for key, value in more.items()}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (root([graph()]) | {0: ("I", 2)}, "version 2 of the schema is not supported, 3 is"),
        (root([]), "it has 0 subgraphs"),
        (root([graph(outputs=[1])]), "the outputs have tensor 1 of 1"),
        (root([graph(inputs=[-2])]), "the inputs have tensor -2 of 1"),
        (root([graph(inputs=[-1])]), "an input or output is no tensor"),
        (root([graph([{0: ("i", [2]), 2: ("I", 1), 3: "t"}])]), "the tensor 't' has its numbers in buffer 1 of 1"),
        (root([graph([{0: ("i", [2]), 1: ("b", 99), 3: "t"}])]), "the tensor 't' has numbers of the unknown type 99"),
        (root([graph([{0: ("i", [2]), 7: ("i", [2, 3]), 3: "t"}])]), "the tensor 't' has the shape 2 and 2×3"),
        (root([graph([{0: ("i", [-2]), 3: "t"}])]), "the tensor 't' has the shape -2 and -2"),
        (root([graph([{0: ("i", [1] * 33)}])]), "a tensor's shape has 33 numbers, more than 32"),
        (root([graph([{3: "n" * 65_537}])]), "a tensor's name has 65,537 bytes, more than 65,536"),
        (
            root([graph([{0: ("i", [2, 3]), 2: ("I", 1), 3: "t"}])], [{}, {0: bytes(23)}]),
            "the tensor 't' has 23 bytes, and its shape 2×3 of float32 needs 24",
        ),
        (
            root([graph([{0: ("i", []), 2: ("I", 1), 3: "t"}])], [{}, {0: bytes(8)}]),
            "the tensor 't' has 8 bytes, and its shape of a number of float32 needs 4",
        ),
        (
            root([graph([{0: ("i", [2]), 2: ("I", 1), 3: "t"}])], [{}, {1: ("Q", 10**9), 2: ("Q", 8)}]),
            "the numbers of a tensor would lie outside of the file, at byte 1,000,000,000 with 8 bytes",
        ),
        (root([graph(operators=[{0: ("I", 5)}])]), "an operator has code 5 of 1"),
        (root([graph(operators=[{1: ("i", [3])}])]), "an operator's inputs have tensor 3 of 1"),
        (root([graph(operators=[{1: ("i", [0] * 4097)}])]), "an operator's inputs has 4,097 numbers, more than 4,096"),
    ],
)
def test_what_cannot_be(fields, message):
    assert table_error(fields) == message


def test_numbers_behind_the_tables_are_found():
    # files over 2 GB: the buffer says where its bytes lie from the start of the file, not from the table
    file = w.File()
    file.input("x", [1, 3])
    file.constant("w", [2, 3])
    file.value("y", [1, 2])
    file.add("FULLY_CONNECTED", ["x", "w", -1], ["y"])
    file.buffers[1] = {1: ("Q", 4096), 2: ("Q", 24)}
    content = file.bytes(["y"])
    content += bytes(4096 + 24 - len(content))
    assert read_subgraph(FlatBuffer(content)).tensors[1].place == (4096, 24)
    assert read(content, "net").constants["w"].shape == (2, 3)


def test_a_place_that_is_not_known_yet_is_none():
    fields = root([graph([{0: ("i", [2]), 2: ("I", 1)}])], [{}, {1: ("Q", 1), 2: ("Q", 8)}])
    assert read_subgraph(FlatBuffer(w.write(fields))).tensors[0].place is None


def test_what_is_read_of_a_file_is_bounded(monkeypatch):
    monkeypatch.setattr(flatbuffer, "MOST_READ", 8)
    assert "the file has more than 8 fields, elements and letters" in error_of(small())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MOST_TENSORS", "more than 1 tensors"),
        ("MOST_OPERATORS", "more than 0 operators"),
        ("MOST_SUBGRAPHS", "it has 1 subgraphs"),
    ],
)
def test_counts_are_bounded(name, message, monkeypatch):
    monkeypatch.setattr(model, name, 1 if name == "MOST_TENSORS" else 0)
    assert message in error_of(small())


def test_texts_that_many_tables_share_are_bounded():
    # 200,000 tensors whose offsets go forward to one table behind them, with a name of 60,000 bytes
    count = 200_000
    tail = w.write({0: ("i", [1]), 3: "n" * 60_000})
    at = struct.unpack_from("<I", tail)[0]
    head = bytearray(w.write(root([graph([{}])])))
    buffer = FlatBuffer(bytes(head))
    (subgraph,) = buffer.root().tables(2, "the subgraphs")
    place = subgraph.place(0)
    head += bytes(-len(head) % 8)
    start = len(head)
    behind = start + 4 + 4 * count + (-(start + 4 + 4 * count) % 8) + at
    head += struct.pack("<I", count)
    head += struct.pack(f"<{count}I", *(behind - (start + 4 + 4 * number) for number in range(count)))
    head += bytes(-len(head) % 8) + tail
    struct.pack_into("<I", head, place, start - place)
    before = time.process_time()
    assert "the file has more than 20,000,000 fields, elements and letters" in error_of(bytes(head))
    assert time.process_time() - before < 20


@pytest.mark.parametrize("seed", range(300))
def test_changed_files_are_read_or_are_errors(seed):
    """Change bytes and whole numbers anywhere; `tests/fuzz/tensorflow_lite.py` does it for as long as one likes."""
    chance = random.Random(seed)
    changed = bytearray(SMALL)
    for _ in range(chance.randint(1, 6)):
        if chance.random() < 0.5:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        else:
            at = chance.randrange(0, len(changed) - 4, 4)
            number = chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, len(changed), chance.randrange(len(changed))))
            struct.pack_into("<I", changed, at, number)
    try:
        total = convcost.importers.import_model(convcost.importers.IMPORTERS["tflite"], bytes(changed), "net.tflite")
    except convcost.SpecError:
        return
    assert prod(total.model.outputs[0].shape) > 0


def test_an_output_that_no_operator_gives():
    file = w.File()
    file.input("x", [1, 9])
    for name in ("y", "z"):
        file.value(name, [1, 9])
    file.add("RELU", ["x"], ["y"])
    with pytest.raises(convcost.SpecError) as caught:
        import_model(IMPORTERS["tflite"], file.bytes(["y", "z"]), "net.tflite")
    assert str(caught.value) == "error: nothing gives the output 'z'\n --> net.tflite"


@pytest.mark.parametrize("changed", [{1: ("i", [])}, {2: ("i", [])}, {1: ("i", [-1, 1])}])
def test_operators_of_a_model_with_an_open_batch_that_read_or_give_nothing(changed):
    file = w.File()
    file.input("x", [1, 9], f7=("i", [-1, 9]))
    for name in ("y", "z"):
        file.value(name, [1, 9], f7=("i", [-1, 9]))
    file.add("RELU", ["x"], ["y"])
    file.add("RELU", ["x"], ["z"])
    file.operators[1] |= changed
    with pytest.raises(convcost.SpecError):
        import_model(IMPORTERS["tflite"], file.bytes(["y", "z"]), "net.tflite")
