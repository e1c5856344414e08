"""Layers of Keras on slices, in reverse, frozen, or read in part: which weights and products they have."""

from __future__ import annotations

import keras_writer as k
import pytest
from msgspec.structs import replace
from test_keras_layers import MAP, STEPS, items, refusal

import convcost
from convcost.importers import IMPORTERS, import_graph, import_model
from convcost.spec import load
from convcost.spec.source import Source


@pytest.mark.parametrize(
    ("inner", "params", "macs", "shape"),
    [
        # what learns does so once for all 3 slices of 7 steps of 4
        (k.layer("PReLU"), 7 * 4, 0, (3, 7, 4)),
        (k.layer("PReLU", shared_axes=[1]), 4, 0, (3, 7, 4)),
        (k.layer("PReLU", shared_axes=[-1]), 7, 0, (3, 7, 4)),
        (k.layer("EinsumDense", equation="abc,cd->abd", output_shape=[7, 5], bias_axes="d"),
         4 * 5 + 5, 3 * 7 * 4 * 5, (3, 7, 5)),
        (k.layer("EinsumDense", equation="...c,cd->...d", output_shape=5), 4 * 5, 3 * 7 * 4 * 5, (3, 7, 5)),
        (k.layer("EinsumDense", equation="abc,bd->adc", output_shape=[5, 4]), 7 * 5, 3 * 5 * 4 * 7, (3, 5, 4)),
        (k.layer("Bidirectional", layer=k.layer("RNN", cell=k.layer("SimpleRNNCell", units=2, trainable=False))),
         0, 2 * 3 * 7 * (4 * 2 + 2 * 2), (3, 4)),
    ],
)  # fmt: skip
def test_a_layer_on_slices_has_its_weights_once(inner, params, macs, shape, write):
    model = k.text(k.sequential([3, *STEPS], k.layer("TimeDistributed", layer=inner)))
    total = convcost.load(path := write(model, "net.json")).analyze().total
    assert (total.params, total.macs) == (params, macs)
    (tensor,) = import_model(IMPORTERS["keras"], path.read_bytes(), "net.json").model.outputs
    assert sorted(tensor.shape) == sorted(shape)


def test_a_vector_of_each_slice_is_repeated(write):
    """3 vectors of 4 numbers, 5 times each, are read by 4 · 2 products for each of 15."""
    layers = [k.layer("TimeDistributed", "t", layer=k.layer("RepeatVector", n=5)), k.layer("Dense", units=2)]
    path = write(k.text(k.sequential([3, 4], *layers)), "net.json")
    assert convcost.load(path).analyze().total.macs == 15 * 4 * 2


def test_a_recurrent_layer_reads_steps_whatever_the_input_is_taken_for():
    """A function of each value says nothing of an input's order."""
    inner = k.functional({"i": STEPS}, [k.called(k.layer("UnitNormalization", "u"), k.tensor("i", *STEPS))], "u")
    inner["config"]["name"] = "inner"
    layers = [k.called(inner, k.tensor("x", *STEPS)), k.called(k.layer("GRU", "g", units=3), k.tensor("inner", *STEPS))]
    assert items(k.functional({"x": STEPS}, layers, "g"))[-1] == "gru: {hidden_size: 3, bias: single, return: last}"


def test_attention_whose_scores_alone_are_read_is_worked_out_whole(write):
    """Two heads of 3: queries, keys, values and what is given of 4 · 6 products, and two of 7 · 7 · 6."""
    layer = k.layer("MultiHeadAttention", "a", num_heads=2, key_dim=3)
    attended = k.called(layer, k.tensor("x", *STEPS), k.tensor("x", *STEPS), return_attention_scores=True)
    read = k.called(k.layer("ReLU", "r"), k.tensor("a", 2, 7, 7, at=1))
    total = convcost.load(write(k.text(k.functional({"x": STEPS}, [attended, read], "r")), "net.json")).analyze().total
    assert (total.params, total.macs) == (3 * (4 + 1) * 6 + (6 + 1) * 4, 4 * 7 * 24 + 2 * 7 * 7 * 6)


def test_channels_first_behind_channels_last():
    """What is taken for channels then are the rows."""
    up = k.layer("UpSampling2D", "u", size=2, data_format="channels_first")
    layers = [k.layer("MaxPooling2D", "p", pool_size=1), up]
    assert items(k.sequential([3, 3, 1], *layers))[-2:] == [
        "reshape: {shape: [3, 3, 1], layout: feature_map}",
        "upsample: {scale_factor: 2}",
    ]


def test_attention_that_does_not_learn(write):
    """Queries, keys and values of (4 + 1) · 6 numbers, and what is given of (6 + 1) · 4."""
    layer = k.layer("MultiHeadAttention", "a", num_heads=2, key_dim=3, trainable=False)
    model = k.functional({"x": STEPS}, [k.called(layer, k.tensor("x", *STEPS), k.tensor("x", *STEPS))], "a")
    total = convcost.load(write(k.text(model), "net.json")).analyze().total
    assert (total.params, total.buffers) == (0, 3 * 5 * 6 + 7 * 4)
    text = import_model(IMPORTERS["keras"], k.text(model), "net.json").text
    assert "  - {attention: {num_heads: 2, head_dim: 3}, trainable: false, name: a}\n" in text


@pytest.mark.parametrize(("bound", "more"), [(None, 0), (30.0, 2 * 7 * 11)])
def test_an_embedding_in_reverse(bound, more, write):
    """A table of 11 · 5 numbers, read for 7 tokens and multiplied with 7 vectors; a bound divides and multiplies."""
    table = k.layer("ReversibleEmbedding", "e", input_dim=11, output_dim=5, tie_weights=True, logit_soft_cap=bound)
    twice = k.called(k.called(table, k.tensor("x", 7)), k.tensor("r", 7, 5), reverse=True)
    model = k.functional({"x": [7]}, [twice, k.called(k.layer("ReLU", "r"), k.tensor("e", 7, 5))], "e")
    model["config"]["output_layers"] = [["e", 1, 0]]
    total = convcost.load(write(k.text(model), "net.json")).analyze().total
    assert (total.params, total.macs, total.ops.mul) == (11 * 5, 7 * 5 * 11, 7 * 5 * 11 + more)


def test_an_embedding_whose_table_in_reverse_is_another_one():
    layer = k.layer("ReversibleEmbedding", "e", input_dim=11, output_dim=5, tie_weights=False)
    assert refusal(k.sequential([7], layer)).startswith(
        "error: the operator keras.layers.ReversibleEmbedding cannot be mapped: its table in reverse is another one\n"
    )


def test_axes_of_an_ellipsis_that_keras_turns_in_what_it_records(write):
    """Keras 3.15 records 8 × 9 positions for the 9 × 8 that it gives; 72 positions of 6 · 3 products, and of 3 · 2."""
    layer = k.layer("EinsumDense", "e", equation="...x,xy->...y", output_shape=3)
    layers = [k.called(layer, k.tensor("x", *MAP)), k.called(k.layer("Dense", "d", units=2), k.tensor("e", 8, 9, 3)),
              k.called(k.layer("ReLU", "r"), k.tensor("d", 8, 9, 2))]  # fmt: skip
    total = convcost.load(write(k.text(k.functional({"x": MAP}, layers, "r")), "net.json")).analyze().total
    assert total.macs == 72 * (6 * 3 + 3 * 2)


def test_attention_of_which_the_queries_do_not_learn():
    """Queries of (4 + 1) · 6 numbers are buffers; its linear layers are items of their own."""
    layer = k.layer("MultiHeadAttention", "a", num_heads=2, key_dim=3)
    model = k.functional({"x": STEPS}, [k.called(layer, k.tensor("x", *STEPS), k.tensor("x", *STEPS))], "a")
    graph = IMPORTERS["keras"].read(k.text(model), "net.json")
    graph.constants.update(
        {name: replace(each, trainable=False) for name, each in graph.constants.items() if ".query" in name}
    )
    found = import_graph(graph, "net.json")
    frozen = [(item.type, item.fields["out_features"]) for item in found.layers if not item.trainable]
    assert frozen == [("linear", 6)]
    assert found.difference(load(Source("net.json", found.text), found.sizes)) == ""
