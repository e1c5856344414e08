"""Attention in the forms that exporters write, and slices that are put together: what they become, and count."""

from __future__ import annotations

import onnx_writer as w
import pytest
from test_mapper import load
from test_operators import chain, ints, types

LENGTH, CHANNELS, HEADS = 6, 8, 2
SIZE = CHANNELS // HEADS
ROWS = (1, LENGTH, CHANNELS)
SCALE = w.tensor("scale", [], [0.5])

# weights and biases of queries, keys, values and the projection
PARAMS = 4 * CHANNELS * CHANNELS + 4 * CHANNELS
# these products, and scores and context: each head's queries with all keys
MACS = 4 * LENGTH * CHANNELS * CHANNELS + 2 * HEADS * LENGTH * LENGTH * SIZE


def linear(name, out=CHANNELS, inner=CHANNELS):
    """Return the tensors of a linear layer."""
    return [w.tensor(f"{name}.weight", [inner, out]), w.tensor(f"{name}.bias", [out])]


def projected(inputs, name, output):
    """Return the nodes of a linear layer."""
    return [
        ("MatMul", f"{inputs} {name}.weight", f"{output}/m", {}),
        ("Add", f"{output}/m {name}.bias", output, {}),
    ]


SEPARATE = [
    *projected("x", "q", "a"),
    *projected("x", "k", "b"),
    *projected("x", "v", "c"),
    ("Reshape", "a heads", "a1", {}),
    ("Transpose", "a1", "a2", {"perm": [0, 2, 1, 3]}),
    ("Reshape", "b heads", "b1", {}),
    ("Transpose", "b1", "b2", {"perm": [0, 2, 3, 1]}),
    ("Reshape", "c heads", "c1", {}),
    ("Transpose", "c1", "c2", {"perm": [0, 2, 1, 3]}),
]
PACKED = [
    *projected("x", "qkv", "p"),
    ("Reshape", "p packed", "p1", {}),
    ("Transpose", "p1", "p2", {"perm": [2, 0, 3, 1, 4]}),
    ("Split", "p2", "s0 s1 s2", {"axis": 0}),
    ("Squeeze", "s0 zero", "a2", {}),
    ("Squeeze", "s1 zero", "s3", {}),
    ("Transpose", "s3", "b2", {"perm": [0, 1, 3, 2]}),
    ("Squeeze", "s2 zero", "c2", {}),
]
GATHERED = [
    *PACKED[:4],
    ("Gather", "p2 i0", "a2", {"axis": 0}),
    ("Gather", "p2 i1", "s3", {"axis": 0}),
    ("Transpose", "s3", "b2", {"perm": [0, 1, 3, 2]}),
    ("Gather", "p2 i2", "c2", {"axis": 0}),
]
SLICED = [  # heads outside, queries, keys and values of each beside each other
    *projected("x", "qkv", "p"),
    ("Reshape", "p inside", "p1", {}),
    ("Transpose", "p1", "p2", {"perm": [0, 2, 1, 3]}),
    ("Slice", "p2 n0 n4 three", "a2", {}),
    ("Slice", "p2 n4 n8 three", "s3", {}),
    ("Transpose", "s3", "b2", {"perm": [0, 1, 3, 2]}),
    ("Slice", "p2 n8 n12 three", "c2", {}),
]
BATCH_SECOND = [  # as nn.MultiheadAttention: the batch behind the length, joined with the heads
    ("Transpose", "x", "t", {"perm": [1, 0, 2]}),
    *projected("t", "q", "a"),
    *projected("t", "k", "b"),
    *projected("t", "v", "c"),
    ("Reshape", "a joined", "a1", {}),
    ("Transpose", "a1", "a2", {"perm": [1, 0, 2]}),
    ("Reshape", "b joined", "b1", {}),
    ("Transpose", "b1", "b2", {"perm": [1, 2, 0]}),
    ("Reshape", "c joined", "c1", {}),
    ("Transpose", "c1", "c2", {"perm": [1, 0, 2]}),
]
TENSORS = [
    *(tensor for name in "qkvo" for tensor in linear(name)),
    *linear("qkv", 3 * CHANNELS),
    ints("heads", 1, LENGTH, HEADS, SIZE),
    ints("packed", 1, LENGTH, 3, HEADS, SIZE),
    ints("inside", 1, LENGTH, HEADS, 3 * SIZE),
    ints("joined", LENGTH, HEADS, SIZE),
    ints("rows", 1, LENGTH, CHANNELS),
    ints("flat", LENGTH, CHANNELS),
    ints("zero", 0),
    ints("three", 3),
    *(ints(f"n{number}", number) for number in (0, 4, 8, 12)),
    *(w.tensor(f"i{number}", [], [number], w.INT64) for number in range(3)),
    SCALE,
]
CORE = [
    ("MatMul", "a2 b2", "d", {}),
    ("Mul", "d scale", "e", {}),
    ("Softmax", "e", "f", {"axis": -1}),
    ("MatMul", "f c2", "g", {}),
]
JOINED = [("Transpose", "g", "h", {"perm": [0, 2, 1, 3]}), ("Reshape", "h rows", "o1", {})]
END = projected("o1", "o", "y")


@pytest.mark.parametrize(
    "nodes",
    [
        [*SEPARATE, *CORE, *JOINED, *END],
        [*PACKED, *CORE, *JOINED, *END],
        [*GATHERED, *CORE, *JOINED, *END],
        [*SLICED, *CORE, *JOINED, *END],
        [*BATCH_SECOND, *CORE, ("Transpose", "g", "h", {"perm": [1, 0, 2]}), ("Reshape", "h flat", "o1", {}), *END],
    ],
    ids=["separate", "packed", "gathered", "sliced", "batch second"],
)
def test_attention_is_one_item(nodes, items):
    model = chain(nodes, TENSORS, ROWS)
    assert types(items(model))[-1] == ("attention", {"num_heads": HEADS})
    assert len([type for type, _ in types(items(model)) if type not in ("reshape", "permute")]) == 1
    total = load(model).analyze().total
    assert (total.params, total.macs) == (PARAMS, MACS)
    assert total.ops.exp == HEADS * LENGTH * LENGTH
    assert total.ops.mul == MACS + HEADS * LENGTH * LENGTH  # the scale


def attended(*core, tensors=(), end=(*JOINED, *END), first=SEPARATE):
    """Return a model of attention whose inner nodes are others."""
    return chain([*first, *core, *end], [*TENSORS, *tensors], ROWS)


REST = [("Reshape", "a0 heads", "a1", {})]
SWAPPED = [  # positions in another order than those of the linear layer
    ("Reshape", "a pairs", "w1", {}),
    ("Transpose", "w1", "w2", {"perm": [0, 2, 1, 3]}),
    ("Reshape", "w2 heads", "a1", {}),
]
BIAS = w.tensor("m.bias_table", [HEADS, LENGTH, LENGTH])
MASK = w.tensor("mask", [1, LENGTH, LENGTH])


def test_biases_and_masks_are_score_biases(items):
    core = [CORE[0], ("Mul", "d scale", "d1", {}), ("Add", "d1 m.bias_table", "d2", {}), ("Add", "d2 mask", "e", {})]
    found = items(attended(*core, *CORE[2:], tensors=[BIAS, MASK]))
    assert found[-1][:2] == ("attention", {"num_heads": HEADS, "score_bias": ["score_bias"] * 2})
    assert found[-1][2][1] == (HEADS, LENGTH, LENGTH)
    # the positions in rows, the table and the mask, which are read as they are
    assert [type for type, *_ in found] == ["reshape", "parameter", "parameter", "attention"]
    total = load(attended(*core, *CORE[2:], tensors=[BIAS, MASK])).analyze().total
    assert total.params == PARAMS + HEADS * LENGTH * LENGTH + LENGTH * LENGTH


def test_scaled_queries_are_said_and_no_scale_is_a_field(items, text):
    scaled = [("Mul", "a2 scale", "a3", {}), ("MatMul", "a3 b2", "e", {})]
    assert types(items(attended(*scaled, *CORE[2:])))[-1] == ("attention", {"num_heads": HEADS})
    assert types(items(attended(("MatMul", "a2 b2", "e", {}), *CORE[2:])))[-1] == (
        "attention",
        {"num_heads": HEADS, "scale": False},
    )


def test_attention_without_a_projection_or_biases(items):
    model = attended(*CORE, end=[*JOINED[:1], ("Reshape", "h rows", "y", {})])
    assert types(items(model))[1] == ("attention", {"num_heads": HEADS, "out_features": "none"})
    bare = [(op, given.replace("/m", ""), out, more) for op, given, out, more in SEPARATE if op != "Add"]
    bare = [(op, given, out.removesuffix("/m"), more) for op, given, out, more in bare]
    model = chain([*bare, *CORE, *JOINED, ("MatMul", "o1 o.weight", "y", {})], TENSORS, ROWS)
    fields = {"num_heads": HEADS, "qkv_bias": False, "out_bias": False}
    assert types(items(model))[-1] == ("attention", fields)
    assert load(model).analyze().total.params == 4 * CHANNELS * CHANNELS


@pytest.mark.parametrize(
    "model",
    [
        attended(*CORE[:2], ("Relu", "e", "e1", {}), ("Softmax", "e1", "f", {"axis": -1}), CORE[3]),
        attended(*CORE[:2], ("Softmax", "e", "f", {"axis": 1}), CORE[3]),
        attended(*CORE, end=[("Reshape", "g rows", "o1", {}), *END]),  # heads are not put beside each other
        chain([*SEPARATE, *CORE, *JOINED, *END, ("Relu", "a2", "z", {})], TENSORS, ROWS, "y z"),  # others read queries
        attended(
            *CORE, first=[*SEPARATE[:6], ("Relu", "a", "a0", {}), ("Reshape", "a0 heads", "a1", {}), *SEPARATE[7:]]
        ),
        attended(*CORE, first=[*SEPARATE[:6], *SWAPPED, *SEPARATE[7:]], tensors=[ints("pairs", 1, 2, 3, CHANNELS)]),
        chain([*SEPARATE, *CORE, *JOINED, *END, ("Relu", "d", "z", {})], TENSORS, ROWS, "y z"),  # others read scores
        attended(
            *CORE, first=[*SLICED[:-1], ("Slice", "p2 n4 n8 three", "c2", {})]
        ),  # keys are values, a third is none
    ],
    ids=["between", "axis", "heads", "read elsewhere", "not linear", "other positions", "scores", "overlap"],
)
def test_what_is_no_attention_stays_as_it_is(model, items):
    kinds = [type for type, _ in types(items(model))]
    assert (kinds.count("attention"), kinds.count("matmul")) == (0, 2)
    assert load(model).analyze().total.macs == MACS


def test_windows_are_a_batch():
    # 6 × 4 positions in windows of 3 × 2, attention in each of the 4
    nodes = [
        ("Transpose", "x", "t", {"perm": [0, 2, 3, 1]}),
        ("Reshape", "t windows", "t1", {}),
        ("Transpose", "t1", "t2", {"perm": [0, 1, 3, 2, 4, 5]}),
        ("Reshape", "t2 each", "w", {}),
        *[(op, given.replace("x ", "w "), out, more) for op, given, out, more in SEPARATE],
        *CORE,
        JOINED[0],
        ("Reshape", "h each", "o1", {}),
        *END,
    ]
    shapes = {"heads": (4, 6, HEADS, SIZE), "windows": (1, 2, 3, 2, 2, 8), "each": (4, 6, 8)}
    tensors = [each for each in TENSORS if b"heads" not in each]
    model = chain(nodes, [*tensors, *(ints(name, *shape) for name, shape in shapes.items())], (1, 8, 6, 4))
    layers = load(model).analyze().total
    assert (layers.params, layers.macs) == (PARAMS, 4 * MACS)


@pytest.mark.parametrize("causal", [0, 1])
def test_onnx_has_an_operator_of_it(causal, items):
    nodes = [
        *SEPARATE[:6],
        ("Attention", "a b c", "o1", {"q_num_heads": HEADS, "kv_num_heads": HEADS, "is_causal": causal}),
    ]
    model = chain([*nodes, *END], TENSORS, ROWS)
    assert types(items(model))[-1][0] == "attention"
    total = load(model).analyze().total
    assert (total.params, total.macs) == (PARAMS, MACS)
    assert total.buffers == causal * LENGTH * LENGTH


def test_heads_of_queries_that_share_one_of_the_keys():
    key = [w.tensor(f"{name}.weight", [CHANNELS, SIZE]) for name in ("k1", "v1")]
    nodes = [
        *projected("x", "q", "a"),
        ("MatMul", "x k1.weight", "b", {}),
        ("MatMul", "x v1.weight", "c", {}),
        ("Attention", "a b c", "o1", {"q_num_heads": HEADS, "kv_num_heads": 1}),
        *END,
    ]
    total = load(chain(nodes, [*TENSORS, *key], ROWS)).analyze().total
    assert total.macs == MACS - 2 * LENGTH * CHANNELS * (CHANNELS - SIZE)
    assert total.params == PARAMS - 2 * CHANNELS * (CHANNELS - SIZE) - 2 * CHANNELS


def test_onnx_runtime_has_two():
    packed = w.node("Attention", "x qkv.weight qkv.bias", "o1", domain="com.microsoft", num_heads=HEADS)
    end = [w.node(op, given, out, **more) for op, given, out, more in END]
    total = load(w.model([packed, *end], {"x": list(ROWS)}, "y", TENSORS)).analyze().total
    assert (total.params, total.buffers, total.macs) == (PARAMS, 0, MACS)
    first = [w.node(op, given, out, **more) for op, given, out, more in SEPARATE[:6]]
    separate = w.node("MultiHeadAttention", "a b c", "o1", domain="com.microsoft", num_heads=HEADS)
    total = load(w.model([*first, separate, *end], {"x": list(ROWS)}, "y", TENSORS)).analyze().total
    assert (total.params, total.buffers, total.macs) == (PARAMS, 0, MACS)


def test_slices_the_other_way_round_are_a_roll(items):
    nodes = [
        ("Slice", "x n2 end axis2", "a", {}),
        ("Slice", "x n0 n2 axis2", "b", {}),
        ("Concat", "a b", "c", {"axis": 2}),
        ("Slice", "c n3 end axis3", "d", {}),
        ("Slice", "c n0 n3 axis3", "e", {}),
        ("Concat", "d e", "y", {"axis": 3}),
    ]
    tensors = [ints("n0", 0), ints("n2", 2), ints("n3", 3), ints("end", 2**62), ints("axis2", 2), ints("axis3", 3)]
    model = chain(nodes, tensors, (1, 8, 6, 4))
    # 2 of 6 leave in front; 3 of 4 in front are 1 behind
    assert types(items(model)) == [("roll", {"shift": [-2, 1], "axis": [1, 2]})]
    beside = chain([*nodes, ("Concat", "x y", "z", {"axis": 1})], tensors, (1, 8, 6, 4), "z")  # of no slices
    assert [type for type, _ in types(items(beside))] == ["roll", "concat"]
    again = chain([*nodes, ("Relu", "c", "z", {})], tensors, (1, 8, 6, 4), "y z")  # what lies between is read
    assert [type for type, _ in types(items(again))] == ["roll", "roll", "relu"]
    nodes[1] = ("Slice", "x n0 n3 axis2", "b", {})
    assert [type for type, _ in types(items(chain(nodes, tensors, (1, 8, 6, 4))))][:3] == ["slice", "slice", "concat"]


FOCUS = [
    ("Slice", "x n0 end axis2 two", "a", {}),
    ("Slice", "x n1 end axis2 two", "b", {}),
    *(("Slice", f"{row} n{at} end axis3 two", f"{row}{at}", {}) for row in "ab" for at in (0, 1)),
]
NUMBERS = {"n0": 0, "n1": 1, "two": 2, "axis2": 2, "axis3": 3, "end": 99}
STEPS = [ints(name, number) for name, number in NUMBERS.items()]


@pytest.mark.parametrize(
    ("order", "names"), [("a0 b0 a1 b1", "b a"), ("a0 a1 b0 b1", "a b"), ("a0 b1 a1 b0", ""), ("a0 b0 a1 a1", "")]
)
def test_every_second_position_becomes_channels(order, names, items):
    model = chain([*FOCUS, ("Concat", order, "y", {"axis": 1})], STEPS, (1, 3, 6, 4))
    found = types(items(model))
    if names:
        pattern = f"c (h a) (w b) -> ({names} c) h w"
        assert found == [("rearrange", {"pattern": pattern, "a": 2, "b": 2, "layout": "feature_map"})]
    else:
        assert [type for type, _ in found].count("slice") >= 5
    assert load(model).network.outputs[0].shape == (12, 3, 2)
