"""ONNX files to graphs."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import onnx_writer as w
import pytest

import convcost
from convcost.importers import importer_of
from convcost.importers.onnx import reader, tensors, wire
from convcost.importers.onnx.wire import Wire, WireError

DATA = Path(__file__).parent / "data"
CONV = w.model(
    [w.node("Conv", "x conv.weight", "y", "/conv/Conv", kernel_shape=[3, 3], auto_pad="VALID")],
    {"x": [1, 3, 8, 8]},
    {"y": [1, 4, 6, 6]},
    [w.tensor("conv.weight", [4, 3, 3, 3])],
)


def damage(content):
    """Return why a file is damaged, and where."""
    with pytest.raises(convcost.SpecError) as caught:
        reader.read(content, "net.onnx")
    return str(caught.value)


def damaged(message, offset, content):
    """Return the whole message about a damaged file."""
    return (
        f"error: the ONNX file is damaged: {message}\n"
        " --> net.onnx\n"
        f"  = found: at byte {offset:,} of {len(content):,}\n"
        "  = help: is the file complete? export or download it again"
    )


def test_the_wire_format_as_its_documentation_has_it():
    # the examples of https://protobuf.dev/programming-guides/encoding/: 150, -2, "testing"
    assert [*Wire(bytes.fromhex("089601")).fields(0, 3)] == [(8, 150, 0)]
    assert [*Wire(bytes.fromhex("08feffffffffffffffff01")).fields(0, 11)] == [(8, 2**64 - 2, 0)]
    text = bytes.fromhex("120774657374696e67")
    assert [*Wire(text).fields(0, 9)] == [(0x12, 2, 9)]
    assert text[2:9] == b"testing"
    assert Wire(bytes.fromhex("038e029ea705")).varints(0, 6, 9, "it") == [3, 270, 86942]


def test_a_file_as_the_graph_that_it_is():
    graph = reader.read(CONV, "net.onnx")
    (node,) = graph.nodes
    assert (node.operator, node.inputs, node.outputs) == ("Conv", ("x", "conv.weight"), ("y",))
    assert (node.name, node.scope) == ("/conv/Conv", "conv")
    assert node.attributes == {"kernel_shape": (3, 3), "auto_pad": "VALID"}
    assert (graph.inputs, graph.outputs, graph.shapes) == ({"x": (1, 3, 8, 8)}, ("y",), {"y": (1, 4, 6, 6)})
    weight = graph.constants["conv.weight"]
    assert (weight.shape, weight.dtype, weight.values) == ((4, 3, 3, 3), "float32", None)
    assert (graph.format, graph.opset) == ("ONNX, opset 17, by test", 17)


def test_a_file_of_the_onnx_package_is_read_as_that_package_reads_it():
    expected = json.loads((DATA / "small.json").read_text())
    graph = reader.read((DATA / "small.onnx").read_bytes(), "small.onnx")
    nodes = [[node.operator, list(node.inputs), list(node.outputs), node.name] for node in graph.nodes]
    assert nodes == expected["nodes"]
    for node, attributes in zip(graph.nodes, expected["attributes"], strict=True):
        assert {name: list(each) if isinstance(each, tuple) else each for name, each in node.attributes.items()} == (
            attributes
        )
    assert {name: list(each.shape) for name, each in graph.constants.items()} == expected["tensors"]
    known = {name: list(each.values) for name, each in graph.constants.items() if each.values is not None}
    assert known == expected["values"]
    assert {name: list(shape) for name, shape in graph.shapes.items()} == expected["shapes"]


@pytest.mark.parametrize(
    ("dtype", "code", "values"),
    [(1, "f", (0.5, -2.0)), (7, "q", (-1, 2**40)), (6, "i", (-7, 9)), (11, "d", (0.1, 3.0)), (9, "?", (True, False))],
)
def test_few_values_are_read(dtype, code, values):
    content = w.whole(1, 2) + w.whole(2, dtype) + w.data(8, "t") + w.data(9, struct.pack(f"<2{code}", *values))
    graph = reader.read(w.model([], {}, "", [content]), "net.onnx")
    assert graph.constants["t"].values == values


@pytest.mark.parametrize(
    "field",
    [
        w.data(7, w.varint(5) + w.varint(-3)),  # packed int64_data
        w.whole(7, 5) + w.whole(7, -3),  # one field for each number
    ],
)
def test_values_that_are_numbers_of_the_message(field):
    content = w.whole(1, 2) + w.whole(2, 7) + w.data(8, "t") + field
    assert reader.read(w.model([], {}, "", [content]), "net.onnx").constants["t"].values == (5, -3)


# numbers of doc/onnx.proto: field 4 single and 10 double precision, 5 whole numbers and bits of half precision
@pytest.mark.parametrize(
    ("dtype", "field", "values"),
    [
        (1, w.data(4, struct.pack("<2f", 0.5, -2)), (0.5, -2)),
        (1, w.varint(4 << 3 | 5) + struct.pack("<f", 0.5) + w.varint(4 << 3 | 5) + struct.pack("<f", -2), (0.5, -2)),
        (11, w.data(10, struct.pack("<2d", 0.1, -2)), (0.1, -2)),
        (11, w.varint(10 << 3 | 1) + struct.pack("<d", 0.1) + w.varint(10 << 3 | 1) + struct.pack("<d", -2), (0.1, -2)),
        (10, w.data(5, w.varint(0x3800) + w.varint(0xC000)), (0.5, -2)),
        (6, w.data(5, w.varint(5) + w.varint(-3)), (5, -3)),
    ],
)
def test_numbers_of_other_types(dtype, field, values):
    content = w.whole(1, 2) + w.whole(2, dtype) + w.data(8, "t") + field
    assert reader.read(w.model([], {}, "", [content]), "net.onnx").constants["t"].values == values


def test_attributes_that_are_written_in_other_ways():
    attributes = [
        w.data(1, "packed") + w.data(8, w.varint(3) + w.varint(-1)) + w.whole(20, 7),
        w.data(1, "zero") + w.whole(20, 2),  # a number that is 0 may be left out
        w.data(1, "none") + w.whole(20, 1),
        w.data(1, "sparse") + w.data(22, w.data(1, w.tensor("s", [2])) + w.whole(3, 3) + w.data(3, w.varint(4))),
    ]
    node = w.node("Magic", "x", "y") + b"".join(w.data(5, each) for each in attributes)
    read = reader.read(w.model([node], {"x": [1, 1]}, "y"), "net.onnx").nodes[0].attributes
    assert (read["packed"], read["zero"], read["none"]) == ((3, -1), 0, 0.0)
    assert (read["sparse"].shape, read["sparse"].values) == ((3, 4), None)


def test_a_branch_may_give_a_value_of_the_graph_around_it():
    branch = w.graph_attribute(w.graph([], {}, "x"))
    node = w.node("If", "c", "y", then_branch=branch, else_branch=branch)
    assert reader.read(w.model([node], {"x": [1, 4], "c": [1]}, "y"), "net.onnx").nodes[0].inputs == ("c", "x")


def test_values_are_of_other_types_than_single_precision():
    value = w.value("x", ["N", 4]).replace(w.whole(1, w.FLOAT), w.whole(1, 10))
    graph = w.graph([w.node("Relu", "x", "y")], {}, "y") + w.data(11, value)
    read = reader.read(w.whole(1, 8) + w.data(7, graph) + w.data(8, w.data(1, "") + w.whole(2, 17)), "net.onnx")
    assert (read.inputs, read.dtypes) == ({"x": ("N", 4)}, {"x": "float16"})


def test_names_of_axes_may_be_long():
    axes = [f"a_size_that_the_exporter_calls_{at}" for at in range(5)]
    read = reader.read(w.model([w.node("Relu", "x", "y")], {"x": [1, *axes]}, "y"), "net.onnx")
    assert read.inputs == {"x": (1, *axes)}


@pytest.mark.parametrize("path", ["layer1.0.conv1", "layer1." * 40 + "conv1"])
def test_modules_that_the_newer_exporter_lists(path):
    listed = f"['', {path!r}, 'conv2d']"
    entry = w.data(9, w.data(1, "pkg.torch.onnx.name_scopes") + w.data(2, listed))
    node = w.node("Conv", "x conv.weight", "y", "node_conv2d") + entry
    content = w.model([node], {"x": [1, 3, 8, 8]}, "y", [w.tensor("conv.weight", [4, 3, 3, 3])])
    assert reader.read(content, "net.onnx").nodes[0].scope == path


def test_external_data_are_never_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"\0" * 8)
    place = w.data(13, w.data(1, "location") + w.data(2, "weights.bin")) + w.whole(14, 1)
    content = w.tensor("t", [2], dtype=w.FLOAT) + place
    assert reader.read(w.model([], {}, "", [content]), "net.onnx").constants["t"].values is None


def test_bytes_that_do_not_fit_the_shape_are_an_error():
    content = w.model([], {}, "", [w.tensor("t", [3], [1.0, 2.0])])
    message = "the tensor 't' has 8 bytes, and its shape 3 of float32 needs 12"
    assert damage(content).startswith(f"error: the ONNX file is damaged: {message}\n")


def test_what_is_cut_off_says_where():
    content = CONV[:40]
    # 08 08 the version, 12 04 and 4 bytes the producer, 3a the graph at byte 8; its length takes bytes 9 and 10
    size = len(w.graph([w.node("Conv", "x conv.weight", "y", "/conv/Conv", kernel_shape=[3, 3], auto_pad="VALID")],
        {"x": [1, 3, 8, 8]}, {"y": [1, 4, 6, 6]}, [w.tensor("conv.weight", [4, 3, 3, 3])]))  # fmt: skip
    assert damage(content) == damaged(f"field 7 says it has {size} bytes, with 29 bytes left", 8, content)


@pytest.mark.parametrize(
    ("content", "message", "offset"),
    [
        (b"\x08\x08\x3b", "field 7: groups are not supported", 2),
        (b"\x08\x08\x00", "a field has the number 0", 2),
        (b"\x08\x08\x3e", "field 7: there is no wire type 6", 2),
        (b"\x08" + b"\xff" * 11, "a number has more than 10 bytes", 1),
        (b"\x08\x08\x3a\xff", "the data end in a number", 3),
        (b"\x08\x08", "it has no graph", 2),
        (b"\x08\x08\x3a\x00\x3a\x00", "it has 2 graphs", 6),
        (b"\x08\x08\x3a\xff\xff\xff\xff\x0f\x00", "field 7 says it has 4,294,967,295 bytes, with 1 bytes left", 2),
    ],
)
def test_damage(content, message, offset):
    assert damage(content) == damaged(message, offset, content)


def test_a_size_below_0_too_many_axes_and_names_given_twice():
    assert "the tensor 't' has a size below 0" in damage(w.model([], {}, "", [w.tensor("t", [-1])]))
    assert "more than 32 axes" in damage(w.model([], {}, "", [w.tensor("t", [1] * 33)]))
    assert "two tensors have the name 't'" in damage(w.model([], {}, "", [w.tensor("t", [1])] * 2))
    sparse = w.data(5, w.data(1, "c") + w.data(22, w.data(1, w.tensor("s", [2])) + w.whole(3, -1)))
    assert "the tensor 's' has a size below 0" in damage(w.model([w.node("Relu", "x", "y") + sparse], {"x": [1]}, "y"))
    twice = w.graph([w.node("Relu", "x", "y")], {"x": [1, 1]}, "y") + w.data(11, w.value("x", [1, 1]))
    assert "two inputs have the name 'x'" in damage(w.data(7, twice) + CONV[-6:])
    assert "the node 'n' has no operator" in damage(w.model([w.node("", "x", "y", "n")], {"x": [1, 1]}, "y"))
    attributes = w.data(5, w.attribute("a", 1)) * 2
    assert "the node 'n' has the attribute 'a' twice" in damage(
        w.model([w.node("Relu", "x", "y", "n") + attributes], {"x": [1, 1]}, "y")
    )


def test_an_old_opset_is_refused():
    assert damage(w.model([], {}, "", opset=6)) == (
        "error: operators before opset 7 are not supported\n --> net.onnx\n  = found: opset 6\n"
        "  = help: convert it, with onnx.version_converter"
    )


def test_more_numbers_than_any_list_has_are_an_error():
    many = w.whole(8, 1) * (tensors.MOST_VALUES + 1)
    node = w.node("Magic", "x", "y") + w.data(5, w.data(1, "a") + many)
    assert "values in the attribute 'a'" in damage(w.model([node], {"x": [1, 1]}, "y"))
    packed = w.data(5, w.data(1, "a") + w.data(8, b"\1" * (tensors.MOST_VALUES + 1)))
    assert "the attribute 'a' has more than" in damage(
        w.model([w.node("Magic", "x", "y") + packed], {"x": [1, 1]}, "y")
    )


def test_a_flood_of_fields_ends(monkeypatch):
    monkeypatch.setattr(wire, "MOST_FIELDS", 1_000)
    content = b"\x08\x01" * 1_001
    with pytest.raises(WireError, match="more than 1,000 fields"):
        list(Wire(content).fields(0, len(content)))
    assert len(list(Wire(content[2:]).fields(0, 2_000))) == 1_000
    entry = w.data(1, "k") + w.data(2, "v")  # two fields in one look
    with pytest.raises(WireError, match="more than 1,000 fields"):
        [Wire.entry(read, 0, len(entry)) for read in [Wire(entry)] for _ in range(501)]


@pytest.mark.parametrize(
    "content", [CONV, w.data(2, "pytorch") + CONV[2:], CONV[:12], (DATA / "small.onnx").read_bytes()]
)
def test_a_file_is_known_by_its_content(content):
    assert importer_of(content[:4096]).name == "ONNX"


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\3\4\x14\0\0\0", b"\0\0\0\0", b"\xff\xfei\0n\0"]
)
def test_other_files_are_not(content):
    assert importer_of(content) is None


def test_a_file_is_known_by_its_head_where_a_field_is_longer():
    # a documentation before the graph; a field of a number that no file of ONNX has
    assert importer_of((w.whole(1, 8) + w.data(6, "d" * 5000) + CONV[2:])[:4096]).name == "ONNX"
    assert importer_of((w.whole(1, 8) + w.data(99, "d" * 5000) + CONV[2:])[:4096]) is None


class Weights:
    """The bytes of a file whose end is weights, of which none may be read."""

    def __init__(self, head, size):
        self.head, self.size = head, size

    def __len__(self):
        return len(self.head) + self.size

    def __getitem__(self, place):
        last = place.stop if isinstance(place, slice) else place + 1
        assert last <= len(self.head), "weights are read"
        return self.head[place]


def with_weights(size):
    """Return the head of a file whose last tensor has so many bytes behind it."""
    large = w.whole(1, size // 4) + w.whole(2, 1) + w.data(8, "conv.bias") + w.varint(9 << 3 | 2) + w.varint(size)
    nodes = [w.node("Conv", "x conv.weight", "y", "/conv/Conv")]
    graph = w.graph(nodes, {"x": [1, 3, 8, 8]}, "y", [w.tensor("conv.weight", [4, 3, 3, 3])])
    graph += w.varint(5 << 3 | 2) + w.varint(len(large) + size) + large
    head = w.whole(1, 8) + w.data(8, w.data(1, "") + w.whole(2, 17))
    return head + w.varint(7 << 3 | 2) + w.varint(len(graph) + size) + graph


def test_weights_are_not_read():
    graph = reader.read(Weights(with_weights(2**40), 2**40), "net.onnx")
    assert {name: each.shape for name, each in graph.constants.items()} == {
        "conv.weight": (4, 3, 3, 3),
        "conv.bias": (2**38,),
    }


def test_a_file_of_any_size_is_a_spec(write):
    path = write(with_weights(2**26))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 2**26)  # a hole: 64 MiB, of which a spec may have 4
    assert convcost.load(path).analyze().total.params == 4 * 3 * 3 * 3


def test_many_learned_numbers_are_not_read_and_as_many_whole_ones_are():
    """What a program computes with whole numbers may be shapes; learned numbers change no count."""
    count = tensors._MOST_LEARNED + 1
    given = [
        w.tensor("m.weight", [count], [0.5 * at for at in range(count)]),
        w.tensor("m.places", [count], list(range(count)), w.INT64),
    ]
    nodes = [w.node("Gather", "m.weight m.places", "g"), w.node("Add", "x g", "y")]
    graph = reader.read(w.model(nodes, {"x": [1, count]}, "y", given), "net.onnx")
    assert graph.constants["m.weight"].values is None
    assert graph.constants["m.places"].values == tuple(range(count))
