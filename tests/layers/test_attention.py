"""Attention: what it is written for, counted by hand, computed as PyTorch computes it, and what it refuses."""

from __future__ import annotations

import json
from math import isclose
from pathlib import Path

import pytest

from convcost.executor import Array as Numbers
from convcost.executor import run as execute
from convcost.layers import REGISTRY, LayerError
from convcost.network import INPUT, NetworkBuilder
from convcost.ops import Cost
from convcost.symbolic import symbol

CASES = json.loads((Path(__file__).parents[1] / "executor" / "data" / "torch_attention.json").read_text())


def attention(builder, *inputs, biases=(), **given):
    """Add an attention layer to a network and return what it gives."""
    values = (*inputs, *biases)
    names = {"score_bias": ["bias"] * len(biases)} if biases else {}
    layer = REGISTRY["attention"].read({**given, **names}, values)
    layer.check_inputs(values)

    def add(name, type, fields, *read):
        definition = REGISTRY[type].on(fields, read)
        return builder.place(definition, read, ("attention", name))

    (output,) = layer.unroll(values, add)
    return output


def tokens(builder, *shape):
    return builder.input(shape, "tokens")


def built(*shapes, biases=(), **given):
    """Return the layers of an attention on inputs of these shapes, by name, and its output."""
    builder = NetworkBuilder()
    values = [tokens(builder, *shape) for shape in shapes]
    added = [builder.input(shape, "unknown") for shape in biases]
    output = attention(builder, *values, biases=added, **given)
    return {layer.path[-1]: layer for layer in builder.build().layers}, output


def total(layers):
    return sum((layer.cost() for layer in layers.values()), Cost())


def test_five_tokens_of_eight_channels_and_two_heads():
    layers, output = built((5, 8), num_heads=2)
    assert (output.shape, output.layout) == ((5, 8), "tokens")
    assert {name: (layer.type, layer.output_shape) for name, layer in layers.items()} == {
        "query": ("linear", (5, 8)),
        "key": ("linear", (5, 8)),
        "value": ("linear", (5, 8)),
        "scores": ("attention_scores", (2, 5, 5)),
        "scale": ("attention_scale", (2, 5, 5)),
        "softmax": ("softmax", (2, 5, 5)),
        "context": ("attention_context", (5, 8)),
        "projection": ("linear", (5, 8)),
    }
    cost = total(layers)
    assert cost.params == 288  # 4 · (8 · 8 + 8)
    assert cost.macs == 1_680  # four projections of 5 · 8 · 8, and twice 2 · 5 · 5 · 4
    # 50 scores are scaled; 10 rows of 5 take cmp 4, add 10, exp 5, div 5 each.
    assert cost.ops.to_dict() == {"mul": 1_730, "add": 1_780, "div": 50, "cmp": 40, "exp": 50}
    assert cost.useful_mults == 1_730


def test_a_memory_of_other_length_and_channels_grouped_heads_and_a_narrow_value():
    layers, output = built(
        (3, 12), (7, 10), num_heads=6, num_kv_heads=2, head_dim=5, value_dim=4, qkv_bias=False, out_features=9
    )
    assert output.shape == (3, 9)
    shapes = {name: layer.output_shape for name, layer in layers.items()}
    assert shapes["query"] == (3, 30)  # 6 · 5
    assert (shapes["key"], shapes["value"]) == ((7, 10), (7, 8))  # 2 · 5 and 2 · 4
    assert (shapes["scores"], shapes["context"]) == ((6, 3, 7), (3, 24))  # 6 · 4
    params = {name: layer.cost().params for name, layer in layers.items() if layer.type == "linear"}
    assert params == {"query": 360, "key": 100, "value": 80, "projection": 225}  # 24 · 9 + 9
    assert layers["scores"].cost().macs == 630  # 6 · 3 · 7 · 5
    assert layers["context"].cost().macs == 504  # 6 · 3 · 7 · 4
    assert layers["softmax"].cost().ops.to_dict() == {"add": 252, "div": 126, "cmp": 108, "exp": 126}  # 18 rows of 7


def test_three_inputs_are_query_key_and_value():
    layers, _ = built((3, 8), (7, 6), (7, 4), num_heads=2)
    assert [layers[name].inputs[0].output for name in ("query", "key", "value")] == [0, 1, 2]
    assert {layers[name].inputs[0].producer for name in ("query", "key", "value")} == {INPUT}


def test_without_scale_bias_and_projection_there_are_fewer_rows():
    layers, output = built((5, 8), num_heads=2, scale=False, qkv_bias=False, out_features="none", value_dim=3)
    assert list(layers) == ["query", "key", "value", "scores", "softmax", "context"]
    assert output.shape == (5, 6)  # 2 · 3
    assert total(layers).params == 176  # 2 · 8 · 8 + 8 · 6
    layers, _ = built((5, 8), num_heads=2, out_bias=False)
    assert layers["projection"].cost().params == 64


def test_leading_axes_are_a_batch():
    one, many = built((5, 8), num_heads=2)[0], built((3, 2, 5, 8), num_heads=2)[0]
    assert many["scores"].output_shape == (3, 2, 2, 5, 5)
    assert total(many).ops == total(one).ops * 6
    assert total(many).params == 288


def test_score_biases_are_added_once_for_each_score():
    layers, _ = built((4, 5, 8), num_heads=2, biases=[(2, 5, 5), (4, 1, 5, 5), (5,)])
    assert list(layers)[4:6] == ["scale", "score_bias"]
    assert layers["score_bias"].cost().ops.to_dict() == {"add": 600}  # 4 · 2 · 5 · 5 scores, three times
    assert len(layers["score_bias"].inputs) == 4


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["fields"]))
def test_a_whole_layer_computes_and_counts_what_pytorch_does(case):
    """Values, parameters, and the products that its flop counter sees."""
    builder = NetworkBuilder()
    given = [Numbers(tuple(shape), values) for shape, values in case["inputs"]]
    values = [tokens(builder, *each.shape) for each in given]
    mask = [Numbers(tuple(case["score_bias"][0]), case["score_bias"][1])] if case["score_bias"] else []
    attention(builder, *values, biases=[builder.input(each.shape, "unknown") for each in mask], **case["fields"])
    layers = builder.build().layers
    known = {(INPUT, number): each for number, each in enumerate([*given, *mask])}
    for index, layer in enumerate(layers):
        weights = {
            name.split(".")[1]: Numbers(tuple(shape), values)
            for name, (shape, values) in case["weights"].items()
            if name.split(".")[0] == layer.path[-1]
        }
        read = [known[tensor.producer, tensor.output] for tensor in layer.inputs]
        known[index, 0], _ = execute(layer.type, layer.fields, read, weights)
    shape, right = case["output"]
    assert known[len(layers) - 1, 0].shape == tuple(shape)
    for found, expected in zip(known[len(layers) - 1, 0].values, right, strict=True):
        assert isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12)
    cost = sum((layer.cost() for layer in layers), Cost())
    assert (cost.params, 2 * cost.macs) == (case["params"], case["flops"])


ERRORS = [
    (
        [(5, 8)],
        {"num_heads": 3},
        "num_heads must divide the channels",
        "3 does not divide 8",
        "num_heads",
        "or give head_dim",
    ),
    (
        [(5, 8)],
        {"num_heads": 4, "num_kv_heads": 3},
        "num_kv_heads must divide num_heads",
        "3 does not divide 4",
        "num_kv_heads",
        "",
    ),
    (
        [(5, 8), (2, 5, 8)],
        {"num_heads": 2},
        "the inputs of attention must have equal leading axes",
        "[5, 8] and [2, 5, 8]",
        "",
        "leading axes are a batch: `expand` one of them",
    ),
    (
        [(5, 8), (4, 8), (3, 8)],
        {"num_heads": 2},
        "attention's keys and values must be equally many",
        "[4, 8] and [3, 8]",
        "",
        "",
    ),
    (
        [(5, 8)] * 4,
        {"num_heads": 2},
        "attention reads a query, a query and a memory, or query, key and value",
        "4 given",
        "",
        "",
    ),
]


@pytest.mark.parametrize(("shapes", "given", "message", "found", "field", "help"), ERRORS)
def test_what_attention_cannot_work_on_is_refused(shapes, given, message, found, field, help):
    with pytest.raises(LayerError) as caught:
        built(*shapes, **given)
    error = caught.value
    assert (error.message, error.found, error.field, error.help) == (message, found, field, help)


@pytest.mark.parametrize("shape", [(3, 5, 5), (2, 4, 5), (2, 2, 5, 5), (1, 2, 5, 5), (2,)])
def test_a_score_bias_of_another_shape_is_refused(shape):
    with pytest.raises(LayerError) as caught:
        built((5, 8), num_heads=2, biases=[shape])
    error = caught.value
    assert (
        error.message == "score_bias must have the shape of the scores, up to missing leading axes and axes of size 1"
    )
    assert error.found == f"[{', '.join(map(str, shape))}], the scores [2, 5, 5]"
    assert (error.field, error.help) == (
        "score_bias",
        "the axes of the scores are heads, queries and keys, behind those of a batch",
    )


@pytest.mark.parametrize(
    ("shape", "layout", "help"),
    [
        ((8, 5), "feature_map", "put `tokens` before it"),
        ((8,), "vector", "tokens have at least two axes: [length, channels]"),
    ],
)
def test_attention_takes_tokens(shape, layout, help):
    for place in (0, 1):
        builder = NetworkBuilder()
        values = [tokens(builder, 5, 8), tokens(builder, 5, 8)]
        values[place] = builder.input(shape, layout)
        with pytest.raises(LayerError) as caught:
            attention(builder, *values, num_heads=2)
        assert caught.value.message == "attention takes tokens"
        assert caught.value.found == f"[{', '.join(map(str, shape))}] reaches it"
        assert caught.value.help == help


PARTS = [
    (
        "attention_scores",
        [(5, 8), (4, 8)],
        {"num_heads": 3},
        "num_heads must divide the channels",
        "3 does not divide 8",
    ),
    (
        "attention_scores",
        [(5, 8), (4, 6)],
        {"num_heads": 2},
        "the keys must have 8 channels",
        "[4, 6] reaches attention_scores",
    ),
    (
        "attention_scores",
        [(5, 8), (4, 4)],
        {"num_heads": 4, "num_kv_heads": 3},
        "num_kv_heads must divide num_heads",
        "3 does not divide 4",
    ),
    (
        "attention_context",
        [(2, 5, 4), (3, 8)],
        {},
        "attention_context reads [heads, Lq, Lk] and [Lk, channels]",
        "[2, 5, 4] and [3, 8]",
    ),
    (
        "attention_context",
        [(2, 5, 4), (4, 7)],
        {},
        "num_kv_heads must divide the channels of the values",
        "2 does not divide 7",
    ),
    (
        "attention_context",
        [(2, 5, 4), (4, 6)],
        {"num_kv_heads": 3},
        "num_kv_heads must divide num_heads",
        "3 does not divide 2",
    ),
    (
        "attention_bias",
        [(2, 5, 4), (5, 5)],
        {},
        "what is added to scores must stretch to their shape",
        "[5, 5], the scores [2, 5, 4]",
    ),
]


@pytest.mark.parametrize(("type", "shapes", "given", "message", "found"), PARTS)
def test_the_parts_refuse_what_does_not_belong_together(type, shapes, given, message, found, run):
    with pytest.raises(LayerError) as caught:
        run(type, *shapes, **given)
    assert (caught.value.message, caught.value.found) == (message, found)


def test_the_parts_are_symbolic():
    h, d, L, S = (symbol(name, whole=True, minimum=1) for name in ("h", "d", "L", "S"))  # noqa: N806
    fields, shapes = REGISTRY["attention_scores"].formula_case(lambda name: {"h": h, "dk": d, "L": L, "S": S}[name])
    scores = REGISTRY["attention_scores"](fields)
    assert scores.output_shape(*shapes) == (h, L, S)
    assert scores.cost(shapes, scores.output_shape(*shapes)).macs == h * d * L * S
    fields, shapes = REGISTRY["attention_context"].formula_case(lambda name: {"h": h, "dv": d, "L": L, "S": S}[name])
    context = REGISTRY["attention_context"](fields)
    assert context.output_shape(*shapes) == (L, h * d)
    assert context.cost(shapes, context.output_shape(*shapes)).macs == h * d * L * S


def test_a_whole_layer_is_symbolic():
    """With C channels and L tokens: 4·C² + 4·C parameters, 4·L·C² + 2·L²·C products (Vaswani et al., table 1)."""
    C, L = symbol("C", whole=True, minimum=1), symbol("L", whole=True, minimum=1)  # noqa: N806
    builder = NetworkBuilder()
    attention(builder, builder.add_input((L, 4 * C), "tokens"), num_heads=4)
    cost = sum((layer.cost() for layer in builder.layers), Cost())
    assert cost.params == 4 * (4 * C) ** 2 + 4 * (4 * C)
    assert cost.macs == 4 * L * (4 * C) ** 2 + 2 * L**2 * (4 * C)
