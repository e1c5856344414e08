"""How layers of a Keras model are connected, and which of them share weights."""

from __future__ import annotations

import copy

import keras_writer as k
import pytest

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.spec import load
from convcost.spec.source import Source

MAP = [8, 8, 3]


def rows(model):
    """Return the layers of a model: names, types, and the names of what they read."""
    found = import_model(IMPORTERS["keras"], k.text(model), "net.json", flat=True)
    assert found.difference(load(Source("net.json", found.text), found.sizes)) == ""
    names = {(item.outputs[0].producer, 0): item.name for item in found.model.items}
    reads = [[names.get((each.producer, each.output), "x") for each in item.inputs] for item in found.model.items]
    return [(item.name, item.type, read) for item, read in zip(found.model.items, reads, strict=True)]


def total_of(model, write):
    return convcost.load(write(k.text(model), "net.json")).analyze().total


def message(model):
    with pytest.raises(convcost.SpecError) as caught:
        rows(model)
    return str(caught.value)


def conv(name, filters, **more):
    return k.layer("Conv2D", name, filters=filters, kernel_size=3, padding="same", **more)


def branches():
    """Return a residual block: 3 × 8 × 8, two convolutions and a sum."""
    layers = [
        k.called(conv("a", 4), k.tensor("x", *MAP)),
        k.called(conv("b", 4), k.tensor("a", 8, 8, 4)),
        k.called(k.layer("Add", "sum"), [k.tensor("a", 8, 8, 4), k.tensor("b", 8, 8, 4)]),
    ]
    return k.functional({"x": MAP}, layers, "sum")


def test_branches_meet():
    assert rows(branches()) == [("a", "conv", ["x"]), ("b", "conv", ["a"]), ("sum", "add", ["a", "b"])]


def test_the_order_in_which_layers_stand_is_none(write):
    model, other = branches(), branches()
    other["config"]["layers"].reverse()
    assert total_of(model, write) == total_of(other, write)


def test_a_layer_that_is_called_twice_has_its_weights_once(write):
    """27 · 4 + 4 weights, at 64 positions of two maps; 2 · 4 that a norm learns, and 2 · 4 statistics."""
    shared = k.called(conv("c", 4), k.tensor("x", *MAP))
    shared = k.called(shared, k.tensor("y", *MAP))
    norm = k.called(k.layer("BatchNormalization", "n"), k.tensor("c", 8, 8, 4))
    norm = k.called(norm, k.tensor("c", 8, 8, 4, node=1))
    join = k.called(k.layer("Concatenate", "j"), [k.tensor("n", 8, 8, 4), k.tensor("n", 8, 8, 4, node=1)])
    total = total_of(k.functional({"x": MAP, "y": MAP}, [shared, norm, join], "j"), write)
    assert (total.params, total.buffers, total.macs) == (27 * 4 + 4 + 2 * 4, 2 * 4, 2 * 64 * 27 * 4)


def within(nodes, output):
    """Return a model whose layers are a functional model, called as often as there are nodes: what each reads."""
    inner = k.functional({"i": MAP}, [k.called(conv("c", 3), k.tensor("i", *MAP))], "c")
    inner["config"]["name"] = "inner"
    for node in nodes:
        inner = k.called(inner, node)
    model = k.functional({"x": MAP}, [inner])
    model["config"]["output_layers"] = [["inner", output, 0]]
    return model


def test_a_functional_model_that_is_what_a_model_gives(write):
    """Keras 3 counts its calls from 1 there, and from 0 where they are read: 64 positions of 27 · 3 products a call."""
    x, once = k.tensor("x", *MAP), k.tensor("inner", *MAP)
    assert total_of(within([x], 1), write).macs == 64 * 27 * 3
    assert total_of(within([x, once], 2), write).macs == 2 * 64 * 27 * 3
    assert total_of(within([x, once], 1), write).macs == 64 * 27 * 3


def test_what_only_the_model_gives_of_a_layer():
    """The scores of attention, which no layer reads."""
    layer = k.called(
        k.layer("Attention", "a"), [k.tensor("x", 6, 8), k.tensor("y", 5, 8)], return_attention_scores=True
    )
    model = k.functional({"x": [6, 8], "y": [5, 8]}, [layer])
    model["config"]["output_layers"] = [["a", 0, 0], ["a", 0, 1]]
    assert [type for _, type, _ in rows(model)] == ["feature_map", "matmul", "softmax", "matmul"]


def test_what_a_model_within_gives_beside_what_is_read_is_worked_out_too(write):
    """64 positions of 27 · 3 products for what nothing reads, and 64 · 27 · 2 for what is given: with all weights."""
    layers = [k.called(conv("c", 3), k.tensor("i", *MAP)), k.called(conv("d", 2), k.tensor("i", *MAP))]
    inner = k.functional({"i": MAP}, layers, "c", "d")
    inner["config"]["name"] = "inner"
    last = k.called(k.layer("ReLU", "r"), k.tensor("inner", 8, 8, 2, at=1))
    total = total_of(k.functional({"x": MAP}, [k.called(inner, k.tensor("x", *MAP)), last], "r"), write)
    assert (total.params, total.macs) == (27 * 3 + 3 + 27 * 2 + 2, 64 * 27 * (3 + 2))


def test_what_a_model_within_reads_and_does_not_use_is_worked_out_too(write):
    """64 positions of 27 · 3 products that only the model within reads, which gives those of the other: 64 · 27 · 2."""
    inner = k.functional(
        {"i": [8, 8, 3], "j": [8, 8, 2]}, [k.called(k.layer("ReLU", "r"), k.tensor("j", 8, 8, 2))], "r"
    )
    inner["config"]["name"] = "inner"
    layers = [k.called(conv("c", 3), k.tensor("x", *MAP)), k.called(conv("d", 2), k.tensor("x", *MAP)),
              k.called(inner, [k.tensor("c", *MAP), k.tensor("d", 8, 8, 2)])]  # fmt: skip
    total = total_of(k.functional({"x": MAP}, layers, "inner"), write)
    assert (total.params, total.macs) == (27 * 3 + 3 + 27 * 2 + 2, 64 * 27 * (3 + 2))


def test_what_nothing_needs_does_not_need_what_it_reads(write):
    """States of both directions that are cut apart and left alone; 4 gates of 5 · (6 + 5 + 1) numbers each way."""
    cell = k.layer("LSTM", "l", units=5, return_state=True)
    inner = k.functional({"i": [10], "j": [7, 6]}, [k.called(k.layer("ReLU", "r"), k.tensor("j", 7, 6))], "r")
    inner["config"]["name"] = "inner"
    layers = [k.called(k.layer("Bidirectional", "b", layer=cell), k.tensor("x", 7, 6)),
              k.called(inner, [k.tensor("b", 10), k.tensor("x", 7, 6)])]  # fmt: skip
    total = total_of(k.functional({"x": [7, 6]}, layers, "inner"), write)
    assert total.params == 2 * 4 * 5 * (6 + 5 + 1)


def test_a_norm_that_is_called_again_is_not_written_with_the_layer_before_it(write):
    """4 · 5 + 5 numbers, and 5 norms of two."""
    norm = k.called(k.called(k.layer("BatchNormalization", "n"), k.tensor("d", 5)), k.tensor("n", 5))
    model = k.functional({"x": [4]}, [k.called(k.layer("Dense", "d", units=5), k.tensor("x", 4)), norm], "n")
    model["config"]["output_layers"] = [["n", 1, 0]]
    total = total_of(model, write)
    assert (total.params, total.buffers) == (4 * 5 + 5 + 5 * 2, 5 * 2)


def test_what_models_within_models_give_beside_what_is_read_is_worked_out_too(write):
    """The outer one gives a ReLU, which is read, and the first of two that the inner one gives: 64 · 27 · (3 + 2)."""
    layers = [k.called(conv("c", 3), k.tensor("i", *MAP)), k.called(conv("d", 2), k.tensor("i", *MAP))]
    inner = k.functional({"i": MAP}, layers, "c", "d")
    inner["config"]["name"] = "inner"
    parts = [k.called(inner, k.tensor("o", *MAP)), k.called(k.layer("ReLU", "r"), k.tensor("o", *MAP))]
    outer = k.functional({"o": MAP}, parts, "r", "inner")
    outer["config"]["name"] = "outer"
    total = total_of(k.functional({"x": MAP}, [k.called(outer, k.tensor("x", *MAP))], "outer"), write)
    assert (total.params, total.macs) == (27 * 3 + 3 + 27 * 2 + 2, 64 * 27 * (3 + 2))


def test_a_mask_that_a_model_within_is_called_with_is_none_of_its_inputs(write):
    """Keras passes on the mask of an embedding by itself, and writes it into the call; 6 steps of 5 · 3 products."""
    inner = k.functional({"i": [6, 5]}, [k.called(k.layer("Dense", "d", units=3), k.tensor("i", 6, 5))], "d")
    inner["config"]["name"] = "inner"
    mask = k.called(k.layer("NotEqual", "n", module="keras.src.ops.numpy"), k.tensor("x", 6), 0)
    layers = [k.called(k.layer("Embedding", "e", input_dim=9, output_dim=5, mask_zero=True), k.tensor("x", 6)), mask,
              k.called(inner, k.tensor("e", 6, 5), mask=[None, k.tensor("n", 6)])]  # fmt: skip
    total = total_of(k.functional({"x": [6]}, layers, "inner"), write)
    assert (total.params, total.macs) == (9 * 5 + 5 * 3 + 3, 6 * 5 * 3)


def test_a_functional_model_on_slices(write):
    """The file records the shapes of one slice within it: 4 slices of 64 positions, 27 · 3 products each."""
    inner = k.functional({"i": MAP}, [k.called(conv("c", 3), k.tensor("i", *MAP)),
                                      k.called(k.layer("ReLU", "r"), k.tensor("c", *MAP))], "r")  # fmt: skip
    each = k.layer("TimeDistributed", layer=inner)
    assert total_of(k.sequential([4, *MAP], each), write).macs == 4 * 64 * 27 * 3


def test_a_model_within_a_model_that_is_called_twice_has_its_weights_once(write):
    inner = k.sequential(MAP, conv("c", 3))
    inner["config"]["name"] = "inner"
    twice = k.called(k.called(inner, k.tensor("x", *MAP)), k.tensor("inner", *MAP))
    total = total_of(k.functional({"x": MAP}, [twice], "inner"), write)
    assert (total.params, total.macs) == (27 * 3 + 3, 64 * 27 * 3)  # only the first call reaches the output
    model = k.functional({"x": MAP}, [twice], "inner")
    model["config"]["output_layers"] = [["inner", 1, 0]]
    total = total_of(model, write)
    assert (total.params, total.macs) == (27 * 3 + 3, 2 * 64 * 27 * 3)


def test_layers_of_one_number_in_several_models_share_weights(write):
    def inner(name):
        model = k.sequential(MAP, {**conv("c", 3), "shared_object_id": 7})
        model["config"]["name"] = name
        return model

    first, second = k.called(inner("a"), k.tensor("x", *MAP)), k.called(inner("b"), k.tensor("a", *MAP))
    assert total_of(k.functional({"x": MAP}, [first, second], "b"), write).params == 27 * 3 + 3


@pytest.mark.parametrize("outer", [True, False])
def test_what_is_not_trainable_is_buffers(outer, write):
    """A norm of 4 channels has 8 numbers that it learns and 8 that it does not."""
    model = k.sequential(MAP, conv("c", 4), k.layer("BatchNormalization", "n"), trainable=outer)
    if outer:
        for layer in model["config"]["layers"][1:]:
            layer["config"]["trainable"] = False
    total = total_of(model, write)
    assert (total.params, total.buffers) == (0, 27 * 4 + 4 + 2 * 4 + 2 * 4)


def test_a_frozen_layer_beside_one_that_learns():
    model = k.sequential(MAP, conv("c", 4, trainable=False), k.layer("BatchNormalization", "bn"), k.layer("ReLU"))
    found = import_model(IMPORTERS["keras"], k.text(model), "net.json")
    assert [(item.name, item.trainable) for item in found.layers] == [("c", False), ("bn", True), ("relu", True)]
    assert found.difference(load(Source("net.json", found.text), found.sizes)) == ""


def test_frozen_layers_that_repeat_are_one_frozen_item(write):
    """Four convolutions of 3 channels, and one that learns: 9 · 9 + 3 numbers each."""
    frozen = [conv(f"c{number}", 3, trainable=False) for number in range(4)]
    path = write(k.text(k.sequential(MAP, *frozen, conv("d", 3))), "net.json")
    model = convcost.load(path)
    assert "padding: 1}, trainable: false, repeat: 4}\n" in model.text
    assert (model.analyze().total.params, model.analyze().total.buffers) == (9 * 9 + 3, 4 * (9 * 9 + 3))
    assert [layer.trainable for layer in model.network.layers] == [False] * 4 + [True]


def test_open_sizes_are_symbols(write):
    path = write(k.text(k.sequential([None, None, 3], conv("c", 4, strides=2))), "net.json")
    model = convcost.load(path, set={"H": 10, "W": 8})
    assert model.analyze().total.macs == 5 * 4 * 27 * 4


def test_open_sizes_of_several_inputs_are_symbols_of_each(write):
    layers = [k.called(conv("c", 4), k.tensor("x", None, None, 3)), k.called(conv("d", 4), k.tensor("y", None, 8, 3))]
    path = write(k.text(k.functional({"x": [None, None, 3], "y": [None, 8, 3]}, layers, "c", "d")), "net.json")
    model = convcost.load(path, set={"H": 10, "W": 8, "y_H": 2})
    assert model.analyze().total.macs == (10 * 8 + 2 * 8) * 27 * 4


def test_channels_first_need_no_movement():
    first = {"data_format": "channels_first"}
    layers = [conv("c", 4, **first), k.layer("BatchNormalization", "bn", axis=1), k.layer("MaxPooling2D", "p", **first)]
    assert rows(k.sequential([3, 8, 8], *layers)) == [
        ("c", "conv", ["x"]),
        ("bn", "batch_norm", ["c"]),
        ("p", "max_pool", ["bn"]),
    ]


def test_a_shape_that_the_file_records_is_compared():
    model = branches()
    model["config"]["layers"][2]["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 8, 8, 5]
    assert message(model) == (
        "error: the node 'a' (Conv) gives [4, 8, 8]\n --> net.json\n"
        "  = found: the file records 5×8×8 for 'a'\n  = help: export the model again"
    )


def test_behind_an_unknown_layer_the_recorded_shapes_serve():
    """What follows is named only where it is unknown too."""
    layers = [
        k.called(k.layer("Thing", "t", module="m"), k.tensor("x", *MAP)),
        k.called(conv("c", 4), k.tensor("t", 4, 4, 2)),
        k.called(k.layer("Other", "o", module="m"), k.tensor("c", 4, 4, 4)),
    ]
    found = message(k.functional({"x": MAP}, layers, "o"))
    assert [line for line in found.splitlines() if line.startswith("error")] == [
        "error: the operator m.Thing has no layer type",
        "error: the operator m.Other has no layer type",
    ]


def inner(*reads):
    """Return a model of one input within a model, which is called with these values."""
    relu = k.called(k.layer("ReLU", "r"), k.tensor("i", *MAP))
    model = k.functional({"i": MAP}, [relu], "r")
    model["config"]["name"] = "m"
    return k.functional({"x": MAP, "y": MAP}, [k.called(model, *reads)], "m")


def test_a_model_within_is_called_with_as_many_values_as_it_has_inputs():
    x, y = k.tensor("x", *MAP), k.tensor("y", *MAP)
    assert [type for _, type, _ in rows(inner(x))] == ["relu"]
    assert message(inner([x, y])) == "error: a model of 1 inputs is called with 2 values\n --> net.json"


def test_a_shape_that_stands_in_a_model_that_comes_first():
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 3, "batch_input_shape": [None, 6]}}
    last = {"class_name": "Dense", "config": {"name": "e", "units": 2}}
    for layers in ({"name": "in", "layers": [dense]}, [dense]):  # Keras 2, and an older one
        first = {"class_name": "Sequential", "config": layers}
        model = {"class_name": "Sequential", "config": {"name": "net", "layers": [first, last]}}
        found = import_model(IMPORTERS["keras"], k.text(model), "net.json").model
        assert [item.fields["out_features"] for item in found.items] == [3, 2]


def test_a_layer_may_have_the_name_of_another_one_s_second_value():
    relu = k.called(k.called(k.layer("ReLU", "a"), k.tensor("x", *MAP)), k.tensor("a", *MAP))
    other = k.called(k.layer("ReLU", "a:1"), k.tensor("a", *MAP, node=1))
    assert [type for _, type, _ in rows(k.functional({"x": MAP}, [relu, other], "a:1"))] == ["relu"] * 3


def test_behind_a_layer_that_is_declared_the_file_may_say_no_shape(write):
    model = k.sequential([7, 4], k.layer("Thing", module="m"), k.layer("Dense", units=3))
    path = write(k.text(model), "net.json")
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path, declare={"m.Thing": {"macs": 10, "output_shape": [7, 4]}})
    assert str(caught.value).splitlines()[0] == (
        "error: the operator keras.layers.Dense cannot be mapped: the file does not say the shape that it reads"
    )


def test_what_nothing_gives_is_an_error():
    model = branches()
    model["config"]["layers"][1]["inbound_nodes"][0]["args"] = [k.tensor("gone", *MAP)]
    assert message(model) == (
        "error: the layer 'a' reads 'gone', which the model does not have\n --> net.json\n"
        "  = help: save the model again"
    )


def test_layers_that_read_each_other_are_an_error():
    model = branches()
    model["config"]["layers"][1]["inbound_nodes"][0]["args"] = [k.tensor("b", 8, 8, 4)]
    assert "which is not reached before it" in message(model)


def test_an_output_that_is_not_reached_is_an_error():
    model = branches()
    model["config"]["output_layers"] = [["sum", 1, 0]]
    assert message(model) == (
        "error: the layer 'sum', which the model gives, is not reached\n --> net.json\n  = help: save the model again"
    )


@pytest.mark.parametrize("nodes", [3, True, "x", {"a": 1}, None])
def test_calls_that_are_none_reach_nothing(nodes):
    model = branches()
    model["config"]["layers"][-1]["inbound_nodes"] = nodes
    assert message(model).startswith("error: the layer 'sum', which the model gives, is not reached\n")


def test_two_layers_of_one_name_are_an_error():
    model = branches()
    model["config"]["layers"].append(copy.deepcopy(model["config"]["layers"][1]))
    assert message(model) == "error: two layers of a model have one name\n --> net.json"


def test_a_model_that_was_never_built_is_an_error():
    assert message(k.sequential(None, conv("c", 4))) == (
        "error: the model has no input shape: it was never built\n --> net.json\n"
        "  = help: call the model once, or give it an Input, before it is saved"
    )


def test_the_shape_that_a_model_was_built_for_serves(write):
    model = k.sequential(None, conv("c", 4))
    model["build_config"] = {"input_shape": [None, *MAP]}
    assert total_of(model, write).macs == 64 * 27 * 4


def test_models_that_are_nested_too_deep_are_an_error():
    model = k.sequential(MAP, conv("c", 4))
    for _ in range(60):
        model = k.sequential(MAP, model)
    assert message(model) == "error: models are nested more than 50 deep\n --> net.json"


def test_keras_2_numbers_the_calls_of_a_model_from_1(write):
    inner = {**k.sequential(MAP, conv("c", 3)), "name": "inner", "inbound_nodes": [[["x", 0, 0, {}]]]}
    inner["config"]["name"] = "inner"
    last = {**conv("d", 4), "name": "d", "inbound_nodes": [[["inner", 1, 0, {}]]]}
    model = k.functional({"x": MAP}, [inner, last], "d")
    assert total_of(model, write).macs == 64 * 27 * (3 + 4)


def test_keras_2_gives_further_arguments_with_the_values_that_are_read():
    double = {"class_name": "TFOpLambda", "name": "m", "config": {"name": "m", "function": "math.multiply"}}
    plus = {"class_name": "TFOpLambda", "name": "p", "config": {"name": "p", "function": "__operators__.add"}}
    double["inbound_nodes"] = [["x", 0, 0, {"y": 2.0, "name": None}]]
    plus["inbound_nodes"] = [["m", 0, 0, {"y": ["x", 0, 0], "name": None}]]
    assert rows(k.functional({"x": MAP}, [double, plus], "p")) == [
        ("", "elementwise", ["x"]),
        ("p", "add", ["", "x"]),
    ]


def test_a_model_of_calls_that_is_not_trainable(write):
    model = branches()
    model["config"]["trainable"] = False
    total = total_of(model, write)
    assert (total.params, total.buffers) == (0, 27 * 4 + 4 + 36 * 4 + 4)


def test_the_sizes_of_what_is_flattened(write):
    """8 × 8 less 2 for a window of 3, halved and rounded up: 3 × 3, then 1.5 to 1 by a pool; 5 channels to 2."""
    layers = [
        k.layer("Conv2D", filters=5, kernel_size=3, strides=2),
        k.layer("AveragePooling2D", pool_size=2),
        k.layer("Flatten"),
        k.layer("Dense", units=2),
    ]
    assert total_of(k.sequential(MAP, *layers), write).macs == 3 * 3 * 5 * 27 + 5 * 2


def test_the_average_of_three():
    names = ["x", "y", "z"]
    average = k.called(k.layer("Average", "mean"), [k.tensor(name, *MAP) for name in names])
    found = rows(k.functional(dict.fromkeys(names, MAP), [average], "mean"))
    assert [(type, len(read)) for _, type, read in found] == [("add", 3), ("elementwise", 1)]


@pytest.mark.parametrize(
    ("key", "types", "shape"),
    [
        (["", [1, 5, 2]], ["slice"], (3, 2, 8)),
        (["", "", "", 1], ["slice", "reshape"], (8, 8)),
        (["...", [None, 2, None]], ["slice"], (2, 8, 8)),
        (["", None], ["reshape"], (1, 8, 8, 3)),
    ],
)
def test_what_is_cut_out_of_a_value(key, types, shape):
    """Of 8 × 8 positions of 3 channels, which the graph has first."""

    def part(each):
        if isinstance(each, str):
            return {"class_name": "__ellipsis__" if each else "__slice__", "config": {}}
        if isinstance(each, list):
            return {"class_name": "__slice__", "config": dict(zip(("start", "stop", "step"), each, strict=True))}
        return each

    item = k.layer("GetItem", "cut", module="keras.src.ops.numpy")
    model = k.functional({"x": MAP}, [k.called(item, k.tensor("x", *MAP), [part(each) for each in key])], "cut")
    found = import_model(IMPORTERS["keras"], k.text(model), "net.json").model
    assert [item.type for item in found.items if item.type != "permute"] == types
    assert found.outputs[0].shape == shape


@pytest.mark.parametrize("shape", [(1, 10, 8, 3), (10, 8, 3), (1, 3, 10, 8), (3, 10, 8)])
def test_a_shape_is_given_in_the_order_of_the_file_or_of_the_spec(shape, write):
    path = write(k.text(k.sequential([None, None, 3], conv("c", 4))), "net.json")
    assert convcost.load(path, inputs={"x": shape}).analyze().total.macs == 10 * 8 * 27 * 4


def test_of_two_orders_that_fit_that_of_the_file_is_taken(write):
    path = write(k.text(k.sequential([None, None, 3], conv("c", 4))), "net.json")
    (tensor,) = convcost.load(path, inputs={"x": (3, 8, 3)}).network.inputs
    assert tensor.shape == (3, 3, 8)


def test_what_a_layer_was_built_for_serves_behind_one_that_is_unknown(write):
    """In a row of layers: 8 × 8 positions to 6 × 6, which the unknown layer keeps."""
    layers = [
        k.layer("Conv2D", "a", filters=4, kernel_size=3),
        k.layer("Thing", "b", module="m"),
        {**k.layer("Conv2D", "c", filters=2, kernel_size=3), "build_config": {"input_shape": [None, 6, 6, 4]}},
    ]
    path = write(k.text(k.sequential(MAP, *layers)), "net.json")
    counted = 6 * 6 * 27 * 4 + 4 * 4 * 36 * 2
    assert convcost.load(path, allow_unknown=True).analyze().total.macs == counted
    assert convcost.load(path, declare={"m.Thing": {"macs": 5}}).analyze().total.macs == counted + 5


def test_a_layer_that_gives_absurdly_many_values_is_refused_at_once():
    read = k.tensor("x", *MAP)
    read["config"]["keras_history"][2] = 2**63
    assert message(k.functional({"x": MAP}, [k.called(conv("a", 4), read)], "a")) == (
        "error: a layer gives at most 10,000 values\n --> net.json\n"
        f"  = found: value {2**63} of the layer 'x' is read\n  = help: save the model again"
    )


def test_a_recorded_shape_without_sizes_says_nothing(write):
    model = branches()
    model["config"]["layers"][2]["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None]
    assert total_of(model, write).macs == 64 * (27 * 4 + 36 * 4)


def test_a_layer_that_needs_a_size_takes_it_from_the_given_input(write):
    """A crop to 4 × 4 pixels needs to know where its middle is; 16 pixels of 3 · 2 products."""
    model = k.sequential([None, 9, 3], k.layer("CenterCrop", "crop", height=4, width=4), k.layer("Dense", "d", units=2))
    path = write(k.text(model), "net.json")
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path)
    assert caught.value.details[0].message == (
        "the operator keras.layers.CenterCrop cannot be mapped: "
        "it needs a size that the file leaves open: give it with --input"
    )
    assert convcost.load(path, inputs=(1, 10, 9, 3)).analyze().total.macs == 16 * 3 * 2


def test_two_layers_of_a_row_with_one_name_are_an_error():
    """Keras refuses it; the second would else have the weights of the first."""
    found = message(k.sequential([4], k.layer("Dense", "d", units=4), k.layer("Dense", "d", units=4)))
    assert found == "error: two layers of a model have one name\n --> net.json\n  = found: d"


def test_a_shape_of_text_is_an_error():
    found = message(k.sequential(["9", 8, 3], conv("c", 2)))
    assert found == (
        "error: the shape of the input 'x' is none\n --> net.json\n"
        "  = found: [None, '9', 8, 3]\n  = help: save the model again"
    )


@pytest.mark.parametrize(("trainable", "params"), [(True, 30), (1, 30), (None, 30), (False, 0), (0, 0)])
def test_what_is_trainable(trainable, params, write):
    """9 · 3 weights and 3 biases."""
    total = total_of(k.sequential([9], k.layer("Dense", "d", units=3, trainable=trainable)), write)
    assert (total.params, total.params + total.buffers) == (params, 30)


def test_an_input_of_the_batch_alone(write):
    """One row of 5 · 3 numbers."""
    total = total_of(k.sequential([], k.layer("Embedding", "e", input_dim=5, output_dim=3)), write)
    assert (total.params, total.macs) == (15, 0)


def test_what_a_file_records_is_no_size():
    """The error names the layer, and no option that nobody gave."""
    layers = [k.called(k.layer("Thing", "t", module="m"), k.tensor("x", *MAP)),
              k.called(conv("c", 4), k.tensor("t", -(10**30), 4, 2))]  # fmt: skip
    assert message(k.functional({"x": MAP}, layers, "c")).startswith("error: the operator m.Thing has no layer type\n")
