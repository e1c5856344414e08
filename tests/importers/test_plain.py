"""Functions, quantised graphs and ONNX Runtime's operators, in ONNX's own operators."""

from __future__ import annotations

from pathlib import Path

import onnx_writer as w
import pytest

import convcost
from convcost.importers.onnx import plain, reader

DATA = Path(__file__).parent / "data"
INPUT = {"x": [1, 8, 12, 12]}
INT8, UINT8, INT32 = 3, 2, 6


def read(content):
    """Return the graph of a file."""
    return reader.read(content, "net.onnx")


def short(graph):
    """Return the operators of a graph with their inputs."""
    return [(node.operator, *node.inputs) for node in graph.nodes]


def analysis(content, write):
    """Return what a model costs."""
    return convcost.load(write(content)).analyze()


# functions


def test_a_function_is_written_out_where_it_is_called():
    body = [w.node("Conv", "a k", "b", "conv", strides=w.reference("step")), w.node("Relu", "b", "c")]
    function = w.function("block", "own", "a k", "c", body, ["step"])
    nodes = [
        w.node("block", "x k1", "y", "first", domain="own", step=[2, 2]),
        w.node("block", "y k2", "z", "second", domain="own"),
    ]
    tensors = [w.tensor("k1", [4, 8, 1, 1]), w.tensor("k2", [4, 4, 1, 1])]
    graph = read(w.model(nodes, INPUT, "z", tensors) + w.data(25, function))
    first, second = "first#1/b", "second#2/b"
    assert short(graph) == [("Conv", "x", "k1"), ("Relu", first), ("Conv", "y", "k2"), ("Relu", second)]
    assert [node.outputs for node in graph.nodes] == [(first,), ("y",), (second,), ("z",)]
    assert [node.attributes for node in graph.nodes[::2]] == [{"strides": (2, 2)}, {}]
    assert [node.name for node in graph.nodes[::2]] == ["first/conv", "second/conv"]


def test_functions_call_functions_and_give_what_they_take():
    inner = w.function("inner", "own", "a", "b", [w.node("Relu", "a", "b")])
    outer = w.function("outer", "own", "a", "b a", [w.node("inner", "a", "b", domain="own")])
    content = w.model([w.node("outer", "x", "y z", "call", domain="own")], INPUT, "y z")
    assert short(read(content + w.data(25, inner) + w.data(25, outer))) == [("Relu", "x"), ("Identity", "x")]


def test_an_input_that_a_call_leaves_out_stays_left_out():
    function = w.function("conv", "own", "a k b", "c", [w.node("Conv", "a k b", "c")])
    content = w.model([w.node("conv", "x k", "y", domain="own")], INPUT, "y", [w.tensor("k", [4, 8, 1, 1])])
    (node,) = read(content + w.data(25, function)).nodes
    assert node.inputs == ("x", "k", "")


def test_a_default_holds_where_a_call_gives_nothing():
    function = w.function("act", "own", "a", "b", [w.node("LeakyRelu", "a", "b", alpha=w.reference("slope"))])
    function += w.data(11, w.attribute("slope", 0.5))
    nodes = [w.node("act", "x", "y", domain="own"), w.node("act", "y", "z", domain="own", slope=0.25)]
    graph = read(w.model(nodes, INPUT, "z") + w.data(25, function))
    assert [node.attributes for node in graph.nodes] == [{"alpha": 0.5}, {"alpha": 0.25}]


# quantised


def quantised_tensors():
    """Return a kernel of 8-bit integers, a bias of 32-bit ones, and scales and zero points."""
    return [
        w.tensor("k", [4, 8, 3, 3], dtype=INT8),
        w.tensor("b", [4], dtype=INT32),
        w.tensor("s", [], [0.5]),
        w.whole(2, INT8) + w.data(8, "z") + w.data(9, b"\0"),
        w.whole(2, UINT8) + w.data(8, "u") + w.data(9, b"\0"),
    ]


def test_quantised_values_are_the_values_with_a_type():
    nodes = [
        w.node("QuantizeLinear", "x s u", "xq"),
        w.node("DequantizeLinear", "xq s u", "xf"),
        w.node("DequantizeLinear", "k s z", "kf"),
        w.node("DequantizeLinear", "b s", "bf"),
        w.node("Conv", "xf kf bf", "y"),
        w.node("QuantizeLinear", "y s z", "yq"),
        w.node("DequantizeLinear", "yq s z", "out"),
    ]
    graph = read(w.model(nodes, INPUT, "out", quantised_tensors()))
    assert [node[0] for node in short(graph)] == ["Identity", "Identity", "Conv", "Identity", "Identity"]
    assert {name: graph.dtypes[name] for name in ("xq", "x", "yq", "y")} == {
        "xq": "uint8",
        "x": "uint8",
        "yq": "int8",
        "y": "int8",  # what the convolution gives is written as integers
    }
    assert (graph.constants["kf"].dtype, graph.constants["bf"].dtype) == ("int8", "int32")
    assert graph.notes == ("quantising and rescaling are not counted",)


def test_a_value_that_is_read_as_floats_too_stays_one():
    nodes = [w.node("Relu", "x", "a"), w.node("QuantizeLinear", "a s z", "q"), w.node("Add", "a q", "y")]
    assert "a" not in read(w.model(nodes, INPUT, "y", quantised_tensors())).dtypes


def test_a_quantised_convolution_counts_as_one(write):
    nodes = [
        w.node("QuantizeLinear", "x s u", "xq"),
        w.node("QLinearConv", "xq s u k s z s u b", "y", pads=[1, 1, 1, 1]),
        w.node("QLinearMatMul", "y s u m s z s z", "out"),
    ]
    content = w.model(nodes, INPUT, "out", [*quantised_tensors(), w.tensor("m", [12, 5], dtype=INT8)])
    graph = read(content)
    assert short(graph)[1:] == [("Conv", "xq", "k", "b"), ("MatMul", "y", "m")]
    assert (graph.dtypes["y"], graph.dtypes["out"]) == ("uint8", "int8")
    total = analysis(content, write).total
    assert total.params == 4 * 8 * 9 + 4 + 12 * 5
    assert total.macs == 12 * 12 * 4 * 8 * 9 + 4 * 12 * 12 * 5


def test_integers_that_are_rescaled_by_what_is_measured(write):
    nodes = [
        w.node("DynamicQuantizeLinear", "x", "q qs qz"),
        w.node("ConvInteger", "q k qz z", "i", pads=[1, 1, 1, 1]),
        w.node("Cast", "i", "f", to=1),
        w.node("Mul", "qs s", "scale"),
        w.node("Mul", "f scale", "y"),
        w.node("Relu", "y", "out"),
    ]
    content = w.model(nodes, INPUT, "out", quantised_tensors())
    found = analysis(content, write)
    assert [layer.type for layer in found.layers] == ["conv", "relu"]
    assert (found.total.params, found.total.macs) == (4 * 8 * 9, 12 * 12 * 4 * 8 * 9)
    assert read(content).dtypes["i"] == "float32"  # into which they are turned


def test_scales_may_be_nodes_of_the_program():
    nodes = [
        w.node("Constant", "", "one", value_float=1.0),
        w.node("Constant", "", "zero", value_int=0),
        w.node("QuantizeLinear", "x one zero", "y"),
    ]
    assert short(read(w.model(nodes, INPUT, "y"))) == [("Identity", "x")]


def test_small_integers_are_the_numbers_that_they_stand_for():
    tensors = [w.tensor("s", [], [0.5]), w.tensor("three", [], [3], w.INT64), w.tensor("one", [], [1], w.INT64)]
    graph = read(w.model([w.node("DequantizeLinear", "three s one", "y")], INPUT, "y", tensors))
    assert graph.constants["y"].values == ((3 - 1) * 0.5,)


# of ONNX Runtime


@pytest.mark.parametrize(
    ("node", "becomes"),
    [
        (("QLinearAdd", "a s z b s z s z", {}), [("Add", "a", "b")]),
        (("QLinearConcat", "s z a s z b s z", {"axis": 1}), [("Concat", "a", "b")]),
        (("QLinearGlobalAveragePool", "a s z s z", {}), [("GlobalAveragePool", "a")]),
        (("QLinearLeakyRelu", "a s z s z", {"alpha": 0.1}), [("LeakyRelu", "a")]),
        (("QGemm", "a s z k s z b s z", {"transB": 1}), [("Gemm", "a", "k", "b")]),
        (("DynamicQuantizeMatMul", "a k s z b", {}), [("MatMul", "a", "k"), ("Add", "y/product:1", "b")]),
        (("MatMulIntegerToFloat", "a k s s", {}), [("MatMul", "a", "k")]),
        (("FusedConv", "a k b", {"activation": "Relu"}), [("Conv", "a", "k", "b"), ("Relu", "y/conv:1")]),
        (
            ("FusedConv", "a k b c", {"activation": "Relu"}),
            [("Conv", "a", "k", "b"), ("Add", "y/conv:1", "c"), ("Relu", "y/sum:2")],
        ),
        (("FusedGemm", "a k b", {"activation": "Relu"}), [("Gemm", "a", "k", "b"), ("Relu", "y/product:1")]),
        (("FusedMatMul", "a b", {}), [("MatMul", "a", "b")]),
        (("FusedMatMul", "a b", {"alpha": 0.125}), [("MatMul", "a", "b"), ("Mul", "y/product:1", "y/number:2")]),
        (("Gelu", "a", {}), [("Gelu", "a")]),
        (("FastGelu", "a b", {}), [("Add", "a", "b"), ("Gelu", "y/sum:1")]),
        (
            ("QuickGelu", "a", {}),
            [("Mul", "a", "y/number:3"), ("Sigmoid", "y/scaled:1"), ("Mul", "a", "y/gate:2")],
        ),
        (
            ("SkipLayerNormalization", "a b k c", {}),
            [("Add", "a", "b"), ("LayerNormalization", "y/sum:1", "k", "c")],
        ),
        (
            ("SkipSimplifiedLayerNormalization", "a b k c", {}),
            [("Add", "a", "b"), ("Add", "y/added:2", "c"), ("RMSNormalization", "y/sum:1", "k")],
        ),
        (("FusedConv", "a k b", {}), [("Conv", "a", "k", "b"), ("Identity", "y/conv:1")]),
        (
            ("FusedGemm", "a k b", {"activation": "LeakyRelu", "activation_alpha": 0.1}),
            [("Gemm", "a", "k", "b"), ("LeakyRelu", "y/product:1")],
        ),
        (("FusedMatMul", "a k", {"transB": 1}), [("Transpose", "k"), ("MatMul", "a", "y/transposed:1")]),
        (("MatMulIntegerToFloat", "a k s s z z b", {}), [("MatMul", "a", "k"), ("Add", "y/product:1", "b")]),
        (("QuickGelu", "a", {"alpha": 1.0}), [("Sigmoid", "a"), ("Mul", "a", "y/gate:2")]),
        (("QLinearMul", "a s z b s z s z", {}), [("Mul", "a", "b")]),
        # these stay
        (("Attention", "a k b", {}), [("com.microsoft.Attention", "a", "k", "b")]),
        (("FusedMatMul", "a b", {"transA": 1}), [("com.microsoft.FusedMatMul", "a", "b")]),
        (("FusedMatMul", "a b", {"transB": 1}), [("com.microsoft.FusedMatMul", "a", "b")]),
        (("FusedGemm", "a k b", {}), [("com.microsoft.FusedGemm", "a", "k", "b")]),
        (
            ("QLinearGlobalAveragePool", "a s z s z", {"channels_last": 1}),
            [("com.microsoft.QLinearGlobalAveragePool", "a", "s", "z", "s", "z")],
        ),
        (
            ("QLinearConv", "a s z k s z s z", {"channels_last": 1}),
            [("com.microsoft.QLinearConv", "a", "s", "z", "k", "s", "z", "s", "z")],
        ),
    ],
    ids=lambda given: given[0] if isinstance(given, tuple) else "",
)
def test_an_operator_of_onnx_runtime(node, becomes):
    operator, inputs, attributes = node
    tensors = [w.tensor("k", [4, 4]), w.tensor("s", [], [0.5]), w.tensor("z", [], [0], w.INT64)]
    content = w.model(
        [w.node(operator, inputs, "y", domain="com.microsoft", **attributes)],
        {name: [1, 4, 4, 4] for name in "abc"},
        "y",
        tensors,
    )
    assert short(read(content)) == becomes


def test_a_norm_that_gives_its_mean_too_stays():
    node = w.node("SkipLayerNormalization", "a b k", "y m", domain="com.microsoft")
    content = w.model([node], {name: [1, 4, 4] for name in "ab"}, "y m", [w.tensor("k", [4])])
    assert short(read(content)) == [("com.microsoft.SkipLayerNormalization", "a", "b", "k")]


def test_a_norm_of_a_sum_may_give_the_sum():
    node = w.node("SkipLayerNormalization", "a b k", "y  s".replace("  ", " NONE NONE "), domain="com.microsoft")
    content = w.model(
        [node.replace(w.data(2, "NONE"), w.data(2, ""))],
        {name: [1, 4, 4] for name in "ab"},
        "y s",
        [w.tensor("k", [4])],
    )
    graph = read(content)
    assert [(each.operator, each.outputs) for each in graph.nodes] == [("Add", ("s",)), ("LayerNormalization", ("y",))]


def test_a_matrix_that_lies_the_other_way_round_is_turned(write):
    """A kernel of 6 rows of 4 numbers, for 5 vectors of 4."""
    node = w.node("FusedMatMul", "x k", "y", domain="com.microsoft", transB=1)
    total = analysis(w.model([node], {"x": [1, 5, 4]}, {"y": [1, 5, 6]}, [w.tensor("k", [6, 4])]), write).total
    assert (total.params, total.macs) == (6 * 4, 5 * 4 * 6)


def test_a_norm_of_a_sum_is_that_of_its_last_axis(write):
    """Of 5 vectors of 4 numbers: 4 factors and 4 shifts, and 5 · 4 sums besides the norm's own."""
    tensors = [w.tensor("k", [4]), w.tensor("c", [4])]
    inputs = {"a": [1, 5, 4], "b": [1, 5, 4]}
    node = w.node("SkipLayerNormalization", "a b k c", "y", domain="com.microsoft")
    plain = [w.node("Add", "a b", "s"), w.node("LayerNormalization", "s k c", "y", axis=-1)]
    fused, apart = (analysis(w.model(nodes, inputs, "y", tensors), write).total for nodes in ([node], plain))
    assert fused.params == 4 + 4
    assert fused == apart


def test_a_constant_that_is_quantised_is_a_tensor_of_that_type():
    nodes = [w.node("QuantizeLinear", "k s z", "q"), w.node("MatMul", "x q", "y")]
    tensors = [w.tensor("k", [4, 3]), w.tensor("s", [], [0.5]), w.tensor("z", [], None, INT8)]
    graph = read(w.model(nodes, {"x": [1, 5, 4]}, "y", tensors))
    assert short(graph) == [("MatMul", "x", "q")]
    assert (graph.constants["q"].shape, graph.constants["q"].dtype) == ((4, 3), "int8")


def test_a_matrix_of_four_bits_is_one(write):
    node = w.node("MatMulNBits", "x packed s", "y", domain="com.microsoft", K=64, N=10, bits=4, block_size=32)
    tensors = [w.tensor("packed", [10, 2, 16], dtype=UINT8), w.tensor("s", [20])]
    content = w.model([node], {"x": [1, 64]}, "y", tensors)
    (matrix,) = [read(content).constants[node.inputs[1]] for node in read(content).nodes]
    assert (matrix.shape, matrix.dtype) == ((64, 10), "int4")
    assert analysis(content, write).total.params == 64 * 10


def test_an_lstm_of_integers_has_its_matrices_the_other_way_round(write):
    # 5 steps of 6 features, 4 hidden, both directions: 4 gates of 4·(6 + 4) weights and two vectors, each
    node = w.node(
        "DynamicQuantizeLSTM", "steps m r b    sm zm sr zr".replace("    ", " l h c p "), "y", domain="com.microsoft",
        hidden_size=4, direction="bidirectional",
    )  # fmt: skip
    for name in "lhcp":
        node = node.replace(w.data(1, name), w.data(1, ""))  # left out
    tensors = [
        w.tensor("m", [2, 6, 16], dtype=INT8), w.tensor("r", [2, 4, 16], dtype=INT8), w.tensor("b", [2, 32]),
        *[w.tensor(name, [2]) for name in ("sm", "sr")], *[w.tensor(name, [2], dtype=INT8) for name in ("zm", "zr")],
    ]  # fmt: skip
    turned = w.node("Transpose", "x", "steps", perm=[1, 0, 2])
    content = w.model([turned, node], {"x": [1, 5, 6]}, "y", tensors)
    total = analysis(content, write).total
    assert (total.params, total.macs) == (2 * 4 * 4 * (6 + 4 + 2), 5 * 2 * 4 * 4 * (6 + 4))


def test_a_graph_without_them_is_the_same():
    content = w.model([w.node("Relu", "x", "y")], INPUT, "y")
    assert (read(content).dtypes, read(content).notes) == ({}, ())


# tensors and graphs


def test_a_sparse_tensor_counts_as_the_dense_one(write):
    sparse = w.data(1, w.tensor("k", [3], [1.0, 2.0, 3.0])) + b"".join(w.whole(3, size) for size in (4, 8, 3, 3))
    content = w.whole(1, 8) + w.data(
        7, w.graph([w.node("Conv", "x k", "y")], INPUT, "y") + w.data(15, sparse)
    ) + w.data(8, w.whole(2, 17))  # fmt: skip
    assert analysis(content, write).total.params == 4 * 8 * 9


def test_what_a_graph_in_a_node_reads_is_not_left_out(write):
    branch = w.graph([w.node("Mul", "a inside", "b")], {}, "b", [w.tensor("inside", [1])])
    nodes = [
        w.node("Conv", "x k", "a"),
        w.node("ReduceMax", "a", "most", keepdims=0, axes=[1, 2, 3]),
        w.node("If", "most", "y", then_branch=w.graph_attribute(branch), else_branch=w.graph_attribute(branch)),
    ]
    content = w.model(nodes, INPUT, "y", [w.tensor("k", [4, 8, 3, 3])])
    assert short(read(content))[2] == ("If", "most", "a")
    model = convcost.load(write(content), allow_unknown=True)
    assert model.analyze().total.params == 4 * 8 * 9
    assert [layer.type for layer in model.network.layers] == ["conv", "reduce", "flatten", "unknown"]


def test_the_types_of_a_quantised_graph_are_those_of_the_network(write):
    nodes = [
        w.node("QuantizeLinear", "x s u", "xq"),
        w.node("DequantizeLinear", "xq s u", "xf"),
        w.node("DequantizeLinear", "k s z", "kf"),
        w.node("DequantizeLinear", "b s", "bf"),
        w.node("Conv", "xf kf bf", "a", pads=[1, 1, 1, 1]),
        w.node("Relu", "a", "r"),
        w.node("QuantizeLinear", "r s z", "rq"),
        w.node("DequantizeLinear", "rq s z", "rf"),
        w.node("GlobalAveragePool", "rf", "g"),
        w.node("Flatten", "g", "f"),
        w.node("DequantizeLinear", "m s z", "mf"),
        w.node("MatMul", "f mf", "y"),
    ]
    content = w.model(nodes, INPUT, "y", [*quantised_tensors(), w.tensor("m", [4, 5], dtype=INT8)])
    model = convcost.load(write(content))
    # weights of one byte, biases of four; the product at the end is not quantised again
    assert model.analyze().value("weight_bytes") == 4 * 8 * 9 + 4 * 4 + 4 * 5
    assert model.memory().activation_bytes == 8 * 12 * 12 + 4 * 12 * 12 + 4 + 4 * 5
    assert [layer.widths.activations for layer in model.network.layers] == ["int8"] * 4 + ["float32"]


def test_weights_alone_have_their_types(write):
    nodes = [
        w.node("DequantizeLinear", "k s z", "kf"),
        w.node("DequantizeLinear", "b s", "bf"),
        w.node("Conv", "x kf bf", "y", pads=[1, 1, 1, 1]),
    ]
    model = convcost.load(write(w.model(nodes, INPUT, "y", quantised_tensors())))
    assert model.analyze().value("weight_bytes") == 4 * 8 * 9 + 4 * 4
    assert [layer.widths.activations for layer in model.network.layers] == ["float32"]


# of ONNX


@pytest.mark.parametrize(
    ("node", "becomes"),
    [
        (("Swish", "a", {}), [("Silu", "a")]),
        (
            ("Swish", "a", {"alpha": 2.0}),
            [("Mul", "a", "y/number:3"), ("Sigmoid", "y/scaled:1"), ("Mul", "a", "y/gate:2")],
        ),
        (("Mean", "a b", {}), [("Sum", "a", "b"), ("Mul", "y/sum:1", "y/number:2")]),
        (("Mean", "a", {}), [("Identity", "a")]),
        (("ReduceSumSquare", "a", {}), [("Mul", "a", "a"), ("ReduceSum", "y/each:1")]),
        (("ReduceL1", "a k", {}), [("Abs", "a"), ("ReduceSum", "y/each:1", "k")]),
        (("ReduceLogSum", "a", {}), [("ReduceSum", "a"), ("Log", "y/sum:1")]),
        (
            ("ReduceLogSumExp", "a", {}),
            [("Exp", "a"), ("ReduceSum", "y/each:1"), ("Log", "y/sum:2")],
        ),
    ],
    ids=lambda given: given[0] if isinstance(given, tuple) else "",
)
def test_an_operator_that_is_others_put_together(node, becomes):
    operator, inputs, attributes = node
    content = w.model(
        [w.node(operator, inputs, "y", **attributes)],
        {name: [1, 4, 4, 4] for name in "ab"},
        "y",
        [w.tensor("k", [1], [1], w.INT64)],
    )
    assert short(read(content)) == becomes


@pytest.mark.parametrize(
    ("node", "line"),
    [
        (w.node("Celu", "x", "y", alpha=2.0), "celu: {alpha: 2}"),
        (w.node("LpPool", "x", "y", kernel_shape=[2, 2], strides=[2, 2]), "lp_pool: {kernel_size: 2, norm_type: 2}"),
        (
            w.node("LpPool", "x", "y", kernel_shape=[3, 3], pads=[1, 1, 1, 1], p=1),
            "lp_pool: {kernel_size: 3, norm_type: 1, stride: 1, padding: 1}",
        ),
    ],
)
def test_an_operator_with_a_layer_type(node, line, text):
    assert text(w.model([node], INPUT, "y")).splitlines()[0] == f"  - {line}"


def test_a_grid_is_read_beside_the_map(write):
    content = w.model([w.node("GridSample", "x g", "y")], INPUT | {"g": [1, 5, 6, 2]}, {"y": [1, 8, 5, 6]})
    (layer,) = convcost.load(write(content)).network.layers
    assert (layer.type, layer.output_shape) == ("grid_sample", (8, 5, 6))


def test_places_of_constants_are_worked_out(write):
    nodes = [  # as older exporters write a range
        w.node("ConstantOfShape", "three", "ones", value=w.Message(w.data(5, w.tensor("o", [1], [1], w.INT64)))),
        w.node("NonZero", "ones", "places"),
        w.node("Squeeze", "places", "range", axes=[0]),
        w.node("Gather", "x range", "y", axis=1),
    ]
    content = w.model(nodes, INPUT, {"y": [1, 3, 12, 12]}, [w.tensor("three", [1], [3], w.INT64)], {})
    assert convcost.load(write(content)).network.outputs[0].shape == (3, 12, 12)


def test_a_quantised_tensor_beside_a_value_is_learned(write):
    nodes = [w.node("DequantizeLinear", "place s z", "p"), w.node("Add", "x p", "y")]
    content = w.model(nodes, INPUT, "y", [*quantised_tensors(), w.tensor("place", [1, 8, 12, 12], dtype=INT8)])
    model = convcost.load(write(content))
    assert [layer.type for layer in model.network.layers] == ["parameter", "add"]
    assert model.analyze().total.params == 8 * 12 * 12


# what ONNX Runtime 1.32.0 makes of small.onnx, by record_quantised.py

WEIGHTS, BIASES = 4 * 3 * 9 + 4 * 9 + 4 * 10, 4 + 10  # and the two numbers of each of the norm's 4 channels
MACS = 7 * 7 * 4 * 3 * 9 + 7 * 7 * 4 * 9 + 4 * 10


@pytest.mark.parametrize("name", ["small_qdq", "small_qlinear", "small_dynamic"])
def test_a_model_that_onnx_runtime_quantised_costs_the_same(name):
    found = convcost.load(DATA / f"{name}.onnx").analyze()
    assert (found.total.params, found.total.macs) == (WEIGHTS + BIASES + 2 * 4, MACS)
    # weights of a byte; biases of four, one for each channel of the convolution into which the norm folds
    assert found.value("weight_bytes") == WEIGHTS + 4 * (BIASES + 4)


def test_a_model_that_onnx_runtime_optimised_has_its_norm_folded():
    found = convcost.load(DATA / "small_optimised.onnx").analyze()
    assert (found.total.params, found.total.macs) == (WEIGHTS + BIASES + 4, MACS)


# choices


def chosen(condition, *, after="y"):
    """Return a model that reads a value through a convolution of 1×1, or of 3×3 and one of 1×1, by a condition."""
    small = w.graph([w.node("Conv", "x k", "inner")], {}, "inner")
    nodes = [
        w.node("Constant", "", "two", value=w.tensor("", [], [2.0])),
        w.node("Mul", "x two", "doubled"),
        w.node("Conv", "doubled big", "inner", pads=[1, 1, 1, 1]),
        w.node("Identity", "inner", "last"),
    ]
    large = w.graph(nodes, {}, "last", [w.tensor("big", [4, 8, 3, 3])])
    choice = w.node("If", "condition", "y", then_branch=w.graph_attribute(small), else_branch=w.graph_attribute(large))
    return w.model(
        [*condition, choice], INPUT, after, [w.tensor("k", [4, 8, 1, 1]), w.tensor("eight", [], [8], w.INT64)]
    )


CHANNELS = [
    w.node("Shape", "x", "shape"),
    w.node("Gather", "shape one", "channels"),
]


@pytest.mark.parametrize(("compared", "kernel"), [("Less", 9), ("Equal", 1)])
def test_a_choice_by_a_shape_is_made(compared, kernel, write):
    one = w.node("Constant", "", "one", value=w.tensor("", [], [1], w.INT64))
    total = analysis(chosen([one, *CHANNELS, w.node(compared, "channels eight", "condition")]), write).total
    assert (total.params, total.macs) == (4 * 8 * kernel, 12 * 12 * 4 * 8 * kernel)
    assert total.mults - total.macs == (12 * 12 * 8 if kernel == 9 else 0)  # of the product with 2


def test_a_choice_by_a_value_is_refused(refused):
    message = refused(chosen([w.node("ReduceMax", "x", "condition", keepdims=0, axes=[1, 2, 3])]))
    first = "the operator If cannot be mapped: its condition depends on values that are not known"
    assert message.splitlines()[0] == f"error: {first}"


def test_the_reader_knows_every_operator_that_is_others_put_together():
    """`plain` is imported only where a file has one of these, or one of ONNX Runtime's."""
    names = {name for name in plain._RULES if not name.startswith("com.microsoft.")}
    assert names == reader._OF_OTHERS
