"""ONNX files that lie, loop, nest and point elsewhere: a clear error each, in seconds."""

from __future__ import annotations

import random
import struct

import onnx_writer as w
import pytest
from onnx_damage import damaged, outcome, seeds

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.importers.onnx import reader

INPUT = {"x": [1, 3, 4, 4]}


def refusal(content, file="net.onnx"):
    """Return why a file is refused, in its first line."""
    with pytest.raises(convcost.SpecError) as caught:
        reader.read(content, file)
    return str(caught.value).splitlines()[0]


def test_whatever_is_damaged_is_an_error_or_a_network():
    chance = random.Random(7)
    outcomes = [outcome(damaged(chance.choice(seeds()), chance)) for _ in range(400)]
    assert set(outcomes) == {"network", "error"}
    assert outcomes.count("network") > 20


@pytest.mark.parametrize(
    "location", ["../weights.bin", "a/../../b", "/etc/passwd", "\\\\server\\a", "a\\b", "C:/a", "a/..", "\0"]
)
def test_external_data_outside_of_the_folder_is_refused(location):
    content = w.model([w.node("Relu", "x", "y")], INPUT, "y", [w.external("t", [3], location)])
    assert "error: the ONNX file is damaged: the tensor 't' has its numbers at " in refusal(content)


@pytest.mark.parametrize("location", ["weights.bin", "model.onnx.data", "a/b..c", "..."])
def test_external_data_inside_of_it_are_taken(location):
    content = w.model([w.node("Relu", "x", "y")], INPUT, "y", [w.external("t", [3], location)])
    assert reader.read(content, "net.onnx").constants["t"].values is None


def test_indices_are_read_from_external_data_and_weights_are_not(tmp_path):
    shape, weights = struct.pack("<3q", 1, 3, 16), struct.pack("<3f", 1, 2, 3)
    (tmp_path / "net.data").write_bytes(b"####" + shape + weights)
    tensors = [
        w.external("shape", [3], "net.data", 4, 24, w.INT64),
        w.external("weights", [3], "net.data", 28, 12),
    ]
    path = tmp_path / "net.onnx"
    content = w.model([w.node("Reshape", "x shape", "y")], INPUT, "y", tensors)
    path.write_bytes(content)
    constants = reader.read(content, str(path)).constants
    assert (constants["shape"].values, constants["weights"].values) == ((1, 3, 16), None)
    assert convcost.load(path).network.outputs[0].shape == (3, 16)


def test_a_link_beside_the_file_is_not_followed_out_of_the_repository(tmp_path):
    (tmp_path / "secret").write_bytes(struct.pack("<3q", 1, 3, 16))
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    (folder / "net.data").symlink_to(tmp_path / "secret")
    path = folder / "net.onnx"
    content = w.model([], {}, "", [w.external("shape", [3], "net.data", 0, 24, w.INT64)])
    path.write_bytes(content)
    assert reader.read(content, str(path)).constants["shape"].values is None
    (folder / "net.data").unlink()
    (folder / "net.data").write_bytes((tmp_path / "secret").read_bytes())
    assert reader.read(content, str(path)).constants["shape"].values == (1, 3, 16)


def test_a_length_of_external_data_that_lies_is_an_error():
    content = w.model([], {}, "", [w.external("t", [3], "net.data", 0, 13)])
    assert refusal(content) == (
        "error: the ONNX file is damaged: the tensor 't' has 13 bytes, and its shape 3 of float32 needs 12"
    )


def test_a_function_that_calls_itself_is_an_error():
    function = w.function("f", "own", "a", "b", [w.node("f", "a", "b", domain="own")])
    content = w.model([w.node("f", "x", "y", "call", domain="own")], INPUT, "y") + w.data(25, function)
    assert refusal(content) == "error: the function own.f calls itself"


def test_functions_that_double_each_other_end(monkeypatch):
    monkeypatch.setattr(reader, "MOST_NODES", 2_000)
    functions = [
        w.function(f"f{n}", "own", "a", "c", [w.node(f"f{n + 1}", "a", "b", domain="own"),
                                              w.node(f"f{n + 1}", "b", "c", domain="own")])
        for n in range(40)
    ]  # fmt: skip
    functions.append(w.function("f40", "own", "a", "b", [w.node("Relu", "a", "b")]))
    content = w.model([w.node("f0", "x", "y", "call", domain="own")], INPUT, "y")
    content += b"".join(w.data(25, each) for each in functions)
    assert refusal(content) == "error: there are too many nodes where functions are written out"


def test_functions_that_nest_too_deep_are_an_error():
    functions = [w.function(f"f{n}", "own", "a", "b", [w.node(f"f{n + 1}", "a", "b", domain="own")]) for n in range(60)]
    content = w.model([w.node("f0", "x", "y", "call", domain="own")], INPUT, "y")
    content += b"".join(w.data(25, each) for each in functions)
    assert refusal(content) == "error: functions call each other more than 50 deep"


def test_graphs_that_nest_too_deep_are_an_error():
    graph = w.graph([w.node("Relu", "x", "y")], {}, "y")
    for _ in range(60):
        graph = w.graph([w.node("If", "c", "y", then_branch=w.graph_attribute(graph))], {}, "y")
    content = w.model([w.node("If", "c", "y", then_branch=w.graph_attribute(graph))], {"c": [1, 1]}, "y")
    assert refusal(content) == "error: the ONNX file is damaged: graphs nest more than 50 deep"


def test_floods_of_functions_and_numbers_are_errors():
    content = w.model([], {}, "") + b"".join(w.data(25, w.data(1, str(n))) for n in range(10_001))
    assert refusal(content) == "error: the ONNX file is damaged: more than 10,000 functions"
    numbers = w.whole(1, 2) + w.whole(2, 1) + w.data(8, "t") + w.data(4, b"\0" * 4 * 5_000)
    assert refusal(w.model([], {}, "", [numbers])) == (
        "error: the ONNX file is damaged: more than 4,096 numbers in the tensor 't'"
    )


def test_sizes_that_are_absurd_are_an_error(refused):
    nodes = [w.node("Conv", "x k", "y")]
    big = w.model(nodes, INPUT, "y", [w.tensor("k", [2**62, 3, 1, 1])])
    assert refused(big).splitlines()[0].startswith("error: the operator Conv cannot be mapped: conv: ")


def test_an_operator_without_inputs_is_refused_by_name(refused):
    content = w.model([w.node("Magic", "", "y")], {}, "y")
    assert refused(content) == "error: the model has no input\n --> net.onnx"


@pytest.mark.parametrize(
    ("operator", "inputs", "reason"),
    [
        ("Mul", "x", "it has one input"),
        ("Add", "x", "it has one input"),
        ("Div", "x", "it has one input"),
        ("Div", "x s x", "divide: divide takes 2 inputs (3 given)"),
        ("Where", "x s", "it chooses by a condition that is not known"),
    ],
)
def test_arithmetic_on_more_or_fewer_values_than_it_has(operator, inputs, reason):
    # patterns of activations and norms end in these
    nodes = [w.node("Sigmoid", "x", "s"), w.node(operator, inputs, "y"), w.node("Sigmoid", "y", "z")]
    with pytest.raises(convcost.SpecError) as caught:
        import_model(IMPORTERS["onnx"], w.model(nodes, INPUT, "z"), "net.onnx")
    assert str(caught.value).startswith(f"error: the operator {operator} cannot be mapped: {reason}\n")


def test_one_byte_that_begins_no_model(write):
    path = write(b"x", "net.keras")
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path)
    assert str(caught.value) == (
        f"error: {str(path)!r} cannot be read: it is not a Keras file\n = found: it is a text\n"
        " = help: is the file complete? export or download it again"
    )
