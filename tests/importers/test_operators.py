"""Operators to layer types: movements, choices, merges, products and reductions, with what is refused."""

# ruff: noqa: E501 -- a model and what becomes of it stand on a line

from __future__ import annotations

import onnx_writer as w
import pytest
from onnx_writer import Strings
from test_mapper import load

from convcost.importers import IMPORTERS, import_model

MAP = (1, 8, 6, 4)
ROWS = (1, 6, 8)


def ints(name, *values):
    """Return a tensor of whole numbers."""
    return w.tensor(name, [len(values)], list(values), w.INT64)


def one(operator, inputs="x", tensors=(), shape=MAP, opset=17, **attributes):
    """Return a model of one node, whose inputs `x` and `z` have one shape, and indices `i` seven numbers."""
    given = attributes.pop("outputs", "y")
    nodes = [w.node(operator, inputs, given, f"/m/{operator}", **attributes), w.node("Relu", given.split()[-1], "last")]
    named = {"x": list(shape), "z": list(shape), "i": [1, 7]}
    return w.model(nodes, {name: named[name] for name in named if name in inputs.split()}, "last", tensors, opset=opset)


def chain(nodes, tensors=(), shape=MAP, outputs="y"):
    """Return a model of nodes in a row, each given as its operator, inputs, output and attributes."""
    return w.model(
        [w.node(op, inputs, out, **more) for op, inputs, out, more in nodes], {"x": list(shape)}, outputs, tensors
    )


def types(rows):
    """Return the items as types and fields."""
    return [(type, fields) for type, fields, _ in rows]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        # movements
        (one("Reshape", "x s", [ints("s", 0, 2, -1)]), [("reshape", {"shape": [2, 96]})]),
        (one("Reshape", "x s", [ints("s", -1, 8)]), [("reshape", {"shape": [24, 8]})]),  # the batch is joined with rows
        (one("Flatten", axis=2), [("reshape", {"shape": [8, 24], "layout": "feature_map"})]),
        (one("Flatten", axis=-1), [("reshape", {"shape": [48, 4]})]),
        (one("Transpose", perm=[1, 0, 2, 3]), []),
        (one("Transpose", shape=(1, 8, 6), perm=[2, 1, 0]), [("tokens", {})]),
        (one("Unsqueeze", "x a", [ints("a", 0, -1)]), [("reshape", {"shape": [1, 8, 6, 4, 1]})]),
        (one("Squeeze", "x a", [ints("a", 1)], shape=(1, 1, 6, 4)), [("reshape", {"shape": [6, 4]})]),
        (one("Cast", to=10), []),
        (one("Pad", "x p", [ints("p", 0, 0, 1, 0, 0, 0, 2, 0)]), [("pad", {"padding": [[1, 2], [0, 0]]})]),
        (one("Pad", "x p", [ints("p", 0, 0, 0, 0, 0, 3, 0, 0)]), [("pad", {"padding": [[0, 3]], "axis": [0]})]),
        (one("Pad", "x p  a".replace("  ", " v "), [ints("p", 1, 2), w.tensor("v", [], [3.0]), ints("a", 3)]),
         [("pad", {"padding": [[0, 0], [1, 2]], "mode": "constant", "value": 3.0})]),
        (one("Pad", "x p", [ints("p", 0, 1, 0, 2)], shape=(1, 8)),  # a vector as a row
         [("reshape", {"shape": [1, 8], "layout": "feature_map"}), ("pad", {"padding": [[1, 2]]}), ("flatten", {})]),
        (one("Pad", "x p v", [ints("p", *[0] * 8), w.tensor("v", [], [float("-inf")])]), []),
        (one("Pad", "x p v", [ints("p", 0, 0, 0, 0, 0, 0, 0, 1), w.tensor("v", [], [float("-inf")])]),
         [("pad", {"padding": [[0, 0], [0, 1]], "mode": "constant", "value": -(10**15)})]),
        (one("Pad", "x p", [ints("p", 0, 0, -1, 0, 0, 0, -2, 0)]), [("slice", {"axis": 1, "start": 1, "end": 4})]),
        (one("DepthToSpace", blocksize=2, mode="CRD"), [("pixel_shuffle", {"upscale_factor": 2})]),
        (one("SpaceToDepth", blocksize=2), [("rearrange", {"pattern": "c (h p) (w q) -> (p q c) h w", "p": 2, "q": 2})]),
        # 12 values for each of the 4 · 4 places of windows of 2×2 are those of 3 channels
        (one("Col2Im", "x s k", [ints("s", 5, 5), ints("k", 2, 2)], shape=(1, 12, 16)), [("fold", {"output_size": [5, 5], "kernel_size": 2})]),
        (chain([("Size", "x", "n", {}), ("Unsqueeze", "n zero", "m", {}), ("Reshape", "x m", "y", {})], [ints("zero", 0)]), [("flatten", {})]),
        # choices
        (one("Slice", "x s e a t", [ints("s", 5), ints("e", -(2**63)), ints("a", 2), ints("t", -1)]), [("flip", {"axis": [1]})]),
        (one("Slice", "x s e a t", [ints("s", 4), ints("e", 0), ints("a", 2), ints("t", -2)]),
         [("slice", {"axis": 1, "start": 2, "step": 2}), ("flip", {"axis": [1]})]),
        (one("Slice", "x s e a t", [ints("s", 5), ints("e", -6), ints("a", 2), ints("t", -1)]),  # the first of 6 rows is left out
         [("slice", {"axis": 1, "start": 1}), ("flip", {"axis": [1]})]),
        (one("Slice", "x s e", [ints("s", 0), ints("e", 2**62)]), []),
        # a step that leaves one value: of 8 channels the first, the fourth, the last
        (one("Slice", "x s e a t", [ints("s", 0), ints("e", 2**62), ints("a", 1), ints("t", 8)]), [("slice", {"end": 1})]),
        (one("Slice", "x s e a t", [ints("s", 3), ints("e", 2**62), ints("a", 1), ints("t", 5)]), [("slice", {"start": 3, "end": 4})]),
        (one("Slice", "x s e a t", [ints("s", 7), ints("e", 2**62), ints("a", 1), ints("t", 5)]), [("slice", {"start": 7})]),
        (one("Split", axis=0), []),
        (one("Gather", "x i0", [w.tensor("i0", [], [3], w.INT64)], axis=1),
         [("slice", {"start": 3, "end": 4}), ("reshape", {"shape": [6, 4]})]),
        (one("Gather", "x i0", [ints("i0", 4, 2, 0)], axis=2), [("slice", {"axis": 1, "step": 2}), ("flip", {"axis": [1]})]),
        (one("Gather", "x i0", [ints("i0", 3, 3, 1)], axis=2), [("gather", {"shape": [8, 3, 4], "layout": "feature_map"})]),
        (one("GatherND", "x i0", [w.tensor("i0", [5, 2], [0] * 10, w.INT64)]), [("gather", {"shape": [5, 6, 4]})]),
        (one("GatherElements", "x i0", [w.tensor("i0", [1, 2, 3, 4], [0] * 24, w.INT64)], axis=1), [("gather", {"shape": [2, 3, 4]})]),
        (one("Gather", "t i", [w.tensor("t.weight", [50, 3]), w.tensor("t", [50, 3])]), [("embedding", {"num_embeddings": 50, "embedding_dim": 3})]),
        (one("Split", outputs="y0 y1", axis=2), [("split", {"chunks": 2, "axis": 1})]),
        (one("Split", "x s", [ints("s", 2, 6)], outputs="y0 y1", axis=1), [("split", {"sizes": [2, 6]})]),
        (one("Split", "x", outputs="y", axis=1), []),
        (one("Split", outputs="y0 y1 y2", axis=1), [("split", {"sizes": [3, 3, 2]})]),  # 8 channels
        (one("Expand", "x s", [ints("s", 1, 5, 1, 1)], shape=(1, 1, 6, 4)), [("expand", {"shape": [5, 6, 4]})]),
        (one("Expand", "x s", [ints("s", 1, 1)]), []),
        (chain([("Slice", "x zero zero one", "e", {}), ("Concat", "x e", "a", {"axis": 1}), ("Relu", "a", "y", {})], [ints("zero", 0), ints("one", 1)]), []),
        (one("Tile", "x s", [ints("s", 1, 1, 2, 3)]), [("concat", {"axis": 1}), ("concat", {"axis": 2})]),
        (one("Tile", "x s", [ints("s", 1, 5, 1, 1)], shape=(1, 1, 6, 4)), [("expand", {"shape": [5, 6, 4]})]),
        # merges
        (one("Mul", "x x"), [("elementwise", {"op": "square"})]),
        (one("Sub", "n x", [w.tensor("n", [], [1.0])]), [("elementwise", {"op": "neg"}), ("elementwise", {"op": "add", "value": 1})]),
        (one("Div", "n x", [w.tensor("n", [], [1.0])]), [("elementwise", {"op": "reciprocal"})]),
        (one("Div", "n x", [w.tensor("n", [], [3.0])]), [("elementwise", {"op": "reciprocal"}), ("elementwise", {"op": "multiply", "value": 3})]),
        (one("Div", "x n", [w.tensor("n", [], [4.0])]), [("elementwise", {"op": "multiply", "value": 0.25})]),
        (one("Sub", "x n", [w.tensor("n", [], [2.0])]), [("elementwise", {"op": "add", "value": -2})]),
        (one("Max", "x z"), [("maximum", {})]),
        (one("Max", "x n", [w.tensor("n", [], [2.0])]), [("elementwise", {"op": "maximum", "value": 2})]),
        (one("Min", "n x", [w.tensor("n", [], [2.0])]), [("elementwise", {"op": "minimum", "value": 2})]),
        # what the exporter worked out is a number of the program, whatever the module around it is called
        (one("Mul", "x /layer1/layer1.0/Constant_output_0", [w.tensor("/layer1/layer1.0/Constant_output_0", [], [2.0])]),
         [("elementwise", {"op": "multiply", "value": 2})]),
        (one("Max", "x n", [w.tensor("n", [], [1e16])]),  # larger than a number of a spec may be
         [("parameter", {"shape": [1]}), ("reshape", {"shape": [1, 1, 1]}), ("maximum", {})]),
        (one("Mul", "x n", [w.tensor("n", [1] * 5, [2.0])]),  # which has an axis more
         [("parameter", {"shape": [1] * 4}), ("reshape", {"shape": [1, 8, 6, 4]}), ("multiply", {})]),
        (one("Sum", "x n", [w.tensor("n", [], [2.0])]), [("parameter", {"shape": [1]}), ("reshape", {"shape": [1, 1, 1]}), ("add", {})]),
        (one("Max", "x n", [w.tensor("n", [8, 1, 1])]), [("parameter", {"shape": [8, 1, 1]}), ("maximum", {})]),
        (one("Sub", "x z"), [("subtract", {})]),
        (one("Add", "x m.b", [w.tensor("m.b", [6, 4])]), [("parameter", {"shape": [6, 4]}), ("reshape", {"shape": [1, 6, 4]}), ("add", {})]),
        (one("Mul", "x m.gain", [w.tensor("m.gain", [], [1.0])]), [("parameter", {"shape": [1]}), ("reshape", {"shape": [1, 1, 1]}), ("multiply", {})]),
        (one("Sub", "x m.s", [w.tensor("m.s", [8, 1, 1])]), [("shift", {})]),
        (one("Concat", "x z", axis=-1), [("concat", {"axis": 2})]),
        (one("Concat", "x", axis=1), []),
        (chain([("Slice", "x s e one", "a", {}), ("Concat", "x a", "y", {"axis": 1})], [ints("s", 0), ints("e", 4), ints("one", 1)]),
         [("slice", {"end": 4}), ("concat", {})]),
        # functions
        (one("Exp"), [("elementwise", {"op": "exp"})]),
        (one("Pow", "x n", [w.tensor("n", [], [2.0])]), [("elementwise", {"op": "square"})]),
        (one("Pow", "x n", [w.tensor("n", [], [0.5])]), [("elementwise", {"op": "sqrt"})]),
        (one("Pow", "x n", [w.tensor("n", [], [3.0])]), [("elementwise", {"op": "pow", "value": 3})]),
        (one("Clip", opset=7, min=0.0), [("relu", {})]),
        (one("Clip", opset=7), []),
        (one("Clip", opset=7, min=1.5), [("elementwise", {"op": "maximum", "value": 1.5})]),
        (one("Clip", opset=7, max=1.5), [("elementwise", {"op": "minimum", "value": 1.5})]),
        (one("Elu"), [("elu", {})]),
        (one("Elu", alpha=2.0), [("elu", {"alpha": 2})]),
        (one("HardSigmoid"),  # by ONNX's usual numbers: max(0, min(1, 0.2 · x + 0.5))
         [("elementwise", {"op": "multiply", "value": 0.2}), ("elementwise", {"op": "add", "value": 0.5}), ("elementwise", {"op": "clamp", "value": [0, 1]})]),
        # reductions
        (one("ReduceMax", "x a", [ints("a", 1)], keepdims=0), [("reduce", {"op": "max", "axis": [0]})]),
        (one("ReduceSum", "x a", [ints("a", 2)], keepdims=0), [("reduce", {"op": "sum", "axis": [1], "layout": "feature_map"})]),
        (one("ReduceL2", axes=[1]), [("reduce", {"op": "norm", "axis": [0], "keepdim": True})]),
        (one("ReduceMean", axes=[1, 2], keepdims=0), [("reduce", {"op": "mean", "axis": [0, 1], "layout": "vector"})]),
        (one("ReduceMean", axes=[2, 3], keepdims=0), [("global_avg_pool", {}), ("flatten", {})]),
        (one("ReduceMax", axes=[2, 3], keepdims=0), [("global_max_pool", {}), ("flatten", {})]),
        (one("ReduceSum", noop_with_empty_axes=1), []),
        (one("ReduceSum", "x a", [ints("a", 1)], noop_with_empty_axes=1, keepdims=0), [("reduce", {"op": "sum", "axis": [0]})]),
        # norms
        (one("LpNormalization", axis=1), [("l2_normalize", {})]),
        (one("GroupNormalization", "x s s", [w.tensor("s", [8])], num_groups=2), [("group_norm", {"num_groups": 2})]),
        (one("BatchNormalization", "x s s s s", [w.tensor("s", [6])], shape=ROWS), [("batch_norm", {})]),
        # products
        (one("MatMul", "x z", shape=(1, 5, 6, 6)), [("matmul", {})]),
        (one("MatMul", "x m.w", [w.tensor("m.w", [4, 3])]), [("reshape", {"shape": [8, 6, 4], "layout": "tokens"}), ("linear", {"out_features": 3, "bias": False})]),
        (one("MatMul", "x m.w", [w.tensor("m.w", [8, 4, 3])]), [("parameter", {"shape": [8, 4, 3]}), ("matmul", {})]),
        (one("MatMul", "m.w x", [w.tensor("m.w", [3, 6])]), [("parameter", {"shape": [3, 6]}), ("reshape", {"shape": [1, 3, 6]}), ("matmul", {})]),
        (one("Einsum", "x z", equation="abcd,abcd->abcd"), [("multiply", {})]),
        (one("Einsum", "x m.weight", [w.tensor("m.weight", [8])], equation="abcd,b->abcd"), [("scale", {})]),
        (one("Einsum", "x m.weight", [w.tensor("m.weight", [4, 8])], equation="abcd,db->acbd"),
         [("parameter", {"shape": [4, 8]}), ("permute", {"axes": [1, 0, 2]}), ("permute", {"axes": [1, 0]}), ("reshape", {"shape": [1, 8, 4]}), ("multiply", {})]),
        (one("Einsum", equation="abcd->adb"), [("reduce", {"op": "sum", "axis": [1], "layout": "feature_map"}), ("tokens", {})]),
        (one("Einsum", "x z", equation="...ij,...kj"), [("permute", {"axes": [0, 2, 1], "layout": "feature_map"}), ("matmul", {})]),
        # several pictures at once lie along another axis of one
        (chain([("Reshape", "x s", "a", {}), ("Conv", "a k", "y", {"pads": [1, 1, 1, 1], "group": 2})], [ints("s", 4, 4, 3, 4), w.tensor("k", [6, 2, 3, 3])]),
         [("rearrange", {"pattern": "(c a) (h p) w -> (a h) c p w", "a": 2, "p": 3, "layout": "feature_map"}),
          ("conv", {"out_channels": 6, "kernel_size": [1, 3, 3], "padding": [0, 1, 1], "groups": 2, "bias": False}), ("permute", {"axes": [1, 0, 2, 3]})]),
        (chain([("Reshape", "x s", "a", {}), ("MaxPool", "a", "y", {"kernel_shape": [3, 2], "strides": [3, 2]})], [ints("s", 4, 4, 3, 4)]),
         [("rearrange", {"pattern": "(c a) (h p) w -> (a h) c p w", "a": 2, "p": 3, "layout": "feature_map"}),
          ("max_pool", {"kernel_size": [1, 3, 2], "stride": [1, 3, 2]}), ("permute", {"axes": [1, 0, 2, 3]})]),
        # a row of pictures at once, whose window has size 1 along the row
        (chain([("Reshape", "x s", "a", {}), ("AveragePool", "a", "y", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]})], [ints("s", 4, 4, 3, 4)]),
         [("rearrange", {"pattern": "(c a) (h p) w -> (a h) c p w", "a": 2, "p": 3, "layout": "feature_map"}),
          ("avg_pool", {"kernel_size": [1, 3, 3], "stride": [1, 1, 1], "padding": [0, 1, 1], "count_include_pad": False}), ("permute", {"axes": [1, 0, 2, 3]})]),
        # pools
        (one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]), [("avg_pool", {"kernel_size": 3, "stride": 1, "padding": 1, "count_include_pad": False})]),
        (one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), [("avg_pool", {"kernel_size": 3, "stride": 1, "padding": 1})]),
        # padding of its own is not joined with one that its averages do not count, nor with one as wide as its window
        (chain([("Pad", "x p", "a", {}), ("AveragePool", "a", "y", {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0]})], [ints("p", 0, 0, 1, 1, 0, 0, 1, 1)]),
         [("pad", {"padding": [[1, 1], [1, 1]]}), ("avg_pool", {"kernel_size": 2, "stride": 1, "padding": [[1, 0], [1, 0]], "count_include_pad": False})]),
        (chain([("Pad", "x p", "a", {}), ("AveragePool", "a", "y", {"kernel_shape": [2, 2]})], [ints("p", 0, 0, 2, 2, 0, 0, 2, 2)]),
         [("pad", {"padding": [[2, 2], [2, 2]]}), ("avg_pool", {"kernel_size": 2, "stride": 1})]),
        (chain([("Pad", "x p", "a", {}), ("AveragePool", "a", "y", {"kernel_shape": [2, 2]})], [ints("p", 0, 0, 1, 1, 0, 0, 1, 1)]),
         [("avg_pool", {"kernel_size": 2, "stride": 1, "padding": 1})]),
        (chain([("Reshape", "x s", "a", {}), ("GlobalMaxPool", "a", "y", {})], [ints("s", 4, 4, 3, 4)]),
         [("reshape", {"shape": [4, 4, 3, 4]}), ("reduce", {"op": "max", "axis": [2, 3], "keepdim": True})]),
        (one("LpPool", kernel_shape=[2, 2], strides=[2, 2], p=3), [("lp_pool", {"kernel_size": 2, "norm_type": 3})]),
        (one("GlobalMaxPool"), [("global_max_pool", {})]),
        # 6×4 times 1.5 is 9×6; times 2 is a factor; sizes are sizes
        (one("Resize", "x  f".replace("  ", " r "), [w.tensor("r", [0]), w.tensor("f", [4], [1.0, 1.0, 1.5, 1.5])]), [("upsample", {"size": [9, 6]})]),
        (one("Resize", "x r f", [w.tensor("r", [0]), w.tensor("f", [4], [1.0, 1.0, 2.0, 2.0])], mode="linear"), [("upsample", {"mode": "bilinear", "scale_factor": 2})]),
        (one("Resize", "x r r s", [w.tensor("r", [0]), ints("s", 1, 8, 9, 9)], mode="cubic", coordinate_transformation_mode="align_corners"),
         [("upsample", {"mode": "bicubic", "size": 9, "align_corners": True})]),
        (one("Upsample", "x f", [w.tensor("f", [4], [1.0, 1.0, 2.0, 2.0])], opset=9), [("upsample", {"scale_factor": 2})]),
        # a choice among the values of both: 2 · 192 numbers behind each other
        (one("Where", "c x z", [w.tensor("c", [1, 8, 6, 4], [1] * 192, w.INT64)]), [("flatten", {}), ("flatten", {}), ("concat", {}), ("gather", {"shape": [8, 6, 4]})]),
    ],
    ids=lambda given: " ".join(type for type, _ in given) if isinstance(given, list) else "",
)  # fmt: skip
def test_an_operator_is_these_items(model, expected, items):
    found = types(items(model))
    assert found[: len(expected)] == expected
    assert found[len(expected) :] in ([("relu", {})], [])


def test_a_scatter_is_a_choice_among_both(items):
    tensors = [w.tensor("i", [2, 2], [0, 0, 0, 3], w.INT64), w.tensor("u.new", [2, 6, 4])]
    assert types(items(one("ScatterND", "x i u.new", tensors)))[:-1] == [
        ("flatten", {}),
        ("parameter", {"shape": [2, 6, 4]}),
        ("flatten", {}),
        ("concat", {}),
        ("gather", {"shape": [8, 6, 4]}),
    ]


def test_einstein_sums_are_matrix_products():
    nodes = [
        ("Reshape", "x q", "a", {}),
        ("Reshape", "x k", "b", {}),
        ("Einsum", "a b", "y", {"equation": "bhld,bmhd->bhlm"}),
    ]
    tensors = [ints("q", 1, 4, 6, 8), ints("k", 1, 6, 4, 8)]
    total = load(chain(nodes, tensors)).analyze().total
    assert total.macs == 4 * 6 * 6 * 8  # heads · queries · keys · size


def test_what_one_value_has_alone_is_summed_before_the_product():
    # x and z are 1×8×6×4: 8·6·4 sums of x, then for each of 8 rows 6 products for each of 4 numbers
    total = load(one("Einsum", "x z", equation="abcd,abce->abe")).analyze().total
    assert (total.macs, total.ops.add) == (8 * 6 * 4, 8 * 6 * 4 + 8 * 6 * 4)


def test_a_matrix_that_the_model_works_out():
    # 6 · 30 products for the matrix of 6 × 5, and 6 · 5 with it; the model gives one row, the batch
    nodes = [("Gemm", "x k", "v", {}), ("Reshape", "v s", "r", {}), ("MatMul", "x r", "y", {})]
    model = load(chain(nodes, [w.tensor("k", [6, 30]), ints("s", 6, 5)], (1, 6), {"y": [1, 5]}))
    assert model.analyze().total.macs == 6 * 30 + 6 * 5
    assert model.network.outputs[0].shape == (5,)


def test_products_value_by_value_are_no_matrix_products():
    total = load(one("Einsum", "x z", equation="abcd,abcd->acbd")).analyze().total
    assert (total.macs, total.ops.mul) == (0, 8 * 6 * 4)


def test_a_batch_axis_that_was_joined_with_others_is_gone_again():
    nodes = [
        ("Transpose", "x", "a", {"perm": [1, 0, 2]}),
        ("Reshape", "a s", "b", {}),  # 6×2×4: steps, heads, and no batch
        ("Softmax", "b", "c", {"axis": 2}),
        ("Reshape", "c t", "d", {}),
        ("Transpose", "d", "y", {"perm": [1, 0, 2]}),
    ]
    model = load(chain(nodes, [ints("s", 6, 2, 4), ints("t", 6, 1, 8)], ROWS))
    assert [tensor.shape for tensor in model.network.outputs] == [(6, 8)]


def test_a_number_of_the_program_beside_a_learned_tensor_is_no_buffer():
    nodes = [
        ("Constant", "", "n", {"value": w.tensor("", [], [2.0])}),
        ("Mul", "m.w n", "a", {}),
        ("Add", "x a", "y", {}),
    ]
    total = load(chain(nodes, [w.tensor("m.w", [8, 6, 4])])).analyze().total
    assert (total.params, total.buffers, total.ops.mul, total.ops.add) == (192, 0, 192, 192)


def test_recurrent_layers_read_steps_first():
    # X [steps 6, batch 1, features 8], 5 hidden numbers in both directions
    nodes = [
        ("Transpose", "x", "a", {"perm": [1, 0, 2]}),
        ("LSTM", "a W R B", "y", {"hidden_size": 5, "direction": "bidirectional"}),
    ]
    tensors = [w.tensor("W", [2, 20, 8]), w.tensor("R", [2, 20, 5]), w.tensor("B", [2, 40])]
    model = load(chain(nodes, tensors, ROWS))
    total = model.analyze().total
    assert total.params == 2 * (20 * 8 + 20 * 5 + 40)
    assert total.macs == 2 * 6 * (20 * 8 + 20 * 5)
    assert [tensor.shape for tensor in model.network.outputs] == [(6, 2, 5)]  # steps, directions, hidden


FIRST = ("Transpose", "x", "a", {"perm": [1, 0, 2]})  # to [steps 6, batch 1, features 8]


def matrices(gates, directions=1):
    """Return the weights of a recurrent layer of 5 hidden numbers."""
    rows = 5 * gates
    return [
        w.tensor("W", [directions, rows, 8]), w.tensor("R", [directions, rows, 5]), w.tensor("B", [directions, 2 * rows])
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "gates", "inputs", "more", "reason"),
    [
        ("LSTM", 4, "a W R B x x x P", {}, "it has peepholes"),
        ("LSTM", 4, "a R W B", {}, "its weights are not those of its gates"),
        ("LSTM", 4, "a W R B", {"input_forget": 1}, "its input and forget gates are one"),
        ("LSTM", 4, "a W R B n", {}, "it ends before the last of 6 steps"),
        ("LSTM", 4, "a W R B e long", {}, "its state before the first step is 1×1×6"),
        ("LSTM", 4, "a W R B e zero h", {}, "its memory is given before the first step, and its state is zeros"),
        ("GRU", 3, "a W R", {}, "its reset gate stands before the product, without a bias behind it"),
        ("RNN", 1, "a W R B", {"activations": Strings("Affine")}, "its activations are affine"),
        ("LSTM", 4, "a W R B", {"activations": Strings("Sigmoid", "Relu", "Tanh")},
         "its activations are sigmoid, relu, tanh"),
    ],
)  # fmt: skip
def test_what_recurrent_layers_are_refused(operator, gates, inputs, more, reason, refused):
    tensors = [
        w.tensor("P", [1, 15]),
        w.tensor("h", [1, 1, 5]),
        w.tensor("long", [1, 1, 6]),
        ints("n", 5),
        ints("e", 6),
    ]
    tensors.append(w.tensor("zero", [1, 1, 5], [0.0] * 5))
    nodes = [FIRST, (operator, inputs, "y", {"hidden_size": 5, **more})]
    assert refused(chain(nodes, [*matrices(gates), *tensors], ROWS)).splitlines()[0] == (
        f"error: the operator {operator} cannot be mapped: {reason}"
    )


@pytest.mark.parametrize(
    ("inputs", "learned", "first"),
    [
        ("h c", 2 * 2 * 5, 2),
        ("h zero", 2 * 5, 1),
        ("zero zero", 0, 0),
    ],
)
def test_a_learned_state_before_the_first_step_is_counted(inputs, learned, first):
    # both directions: two rows of 5 numbers each
    nodes = [FIRST, ("LSTM", f"a W R B e {inputs}", "y", {"hidden_size": 5, "direction": "bidirectional"})]
    states = [w.tensor("h", [2, 1, 5]), w.tensor("c", [2, 1, 5]), w.tensor("zero", [2, 1, 5], [0.0] * 10), ints("e", 6)]
    model = load(chain(nodes, [*matrices(4, 2), *states], ROWS))
    total = model.analyze().total
    assert total.params == 2 * (20 * 8 + 20 * 5 + 40) + learned
    assert total.macs == 2 * 6 * (20 * 8 + 20 * 5)
    shapes = [tensor.shape for layer in model.network.layers if layer.type == "lstm" for tensor in layer.inputs]
    assert shapes == [(6, 8), *[(2, 5)] * first]


def test_a_state_may_come_of_another_layer():
    # a GRU reads the last state of another one: 3 · 5 · (8 + 5) products for each of 6 steps
    nodes = [
        FIRST,
        ("GRU", "a W R B", "s h", {"hidden_size": 5, "linear_before_reset": 1}),
        ("GRU", "a V R B e h", "y", {"hidden_size": 5, "linear_before_reset": 1}),
    ]
    tensors = [*matrices(3), w.tensor("V", [1, 15, 8]), ints("e", 6)]
    model = load(chain(nodes, [*tensors], ROWS))
    assert model.analyze().total.macs == 2 * 6 * 15 * (8 + 5)
    assert [(6, 8), (1, 5)] in [[tensor.shape for tensor in layer.inputs] for layer in model.network.layers]


@pytest.mark.parametrize(("layout", "sequence", "state"), [(0, [6, 2, 1, 5], [2, 1, 5]), (1, [1, 6, 2, 5], [1, 2, 5])])
def test_the_batch_may_stand_first(layout, sequence, state):
    given = {"hidden_size": 5, "direction": "bidirectional", "layout": layout}
    nodes = [FIRST if not layout else ("Relu", "x", "a", {}), ("LSTM", "a W R B", "y h", given)]
    model = load(chain(nodes, matrices(4, 2), ROWS, {"y": sequence, "h": state}))  # compared with the file's
    assert model.analyze().total.macs == 2 * 6 * (20 * 8 + 20 * 5)
    assert [tensor.shape for tensor in model.network.outputs] == [(6, 2, 5), (2, 5)]  # without the batch


def test_a_gru_whose_reset_gate_stands_before_the_product():
    # the same as behind it: r ⊙ h is 5 products, and the third second bias stands for the sum with the input's part
    nodes = [FIRST, ("GRU", "a W R B", "y", {"hidden_size": 5})]
    ops = load(chain(nodes, matrices(3), ROWS)).analyze().total.ops
    products, second, sigmoids, complement, state = 15 * (8 + 5), 15, 2 * 5, 5, 5
    assert ops.add == 6 * (products + second + sigmoids + complement + state)
    assert ops.mul == 6 * (products + 3 * 5)


def test_an_elman_network_may_have_relus():
    nodes = [FIRST, ("RNN", "a W R B", "y", {"hidden_size": 5, "activations": Strings("Relu")})]
    ops = load(chain(nodes, matrices(1), ROWS)).analyze().total.ops
    assert (ops.cmp, ops.tanh) == (6 * 5, 0)


@pytest.mark.parametrize(
    ("opset", "more", "moved"),
    [
        (10, {}, False),
        (16, {}, True),
        (22, {}, True),
        (16, {"coordinate_transformation_mode": "output_half_pixel"}, False),
    ],
)
@pytest.mark.parametrize("boxes", ["input", "constant"])
def test_averages_of_samples_in_regions(boxes, opset, more, moved):
    # 2 regions of 2×2 cells on 3×8×8, 2×2 samples a cell, as the worked example of the layer type has them
    nodes = [w.node("RoiAlign", "x b n", "y", output_height=2, output_width=2, sampling_ratio=2, **more)]
    inputs = {"x": [1, 3, 8, 8], **({"b": [2, 4]} if boxes == "input" else {})}
    tensors = [ints("n", 0, 0), *([] if boxes == "input" else [w.tensor("b", [2, 4])])]
    model = load(w.model(nodes, inputs, {"y": [2, 3, 2, 2]}, tensors, opset=opset))
    ops = model.analyze().total.ops
    points = 2 * 4 * 4
    assert ops.mul == 2 * 4 + points * (4 + 4) + points * 3 * 4 == 648
    assert ops.add == 2 * 6 + points * 10 + points * 3 * 4 + 2 * 3 * 4 * 4 == 812
    assert ops.cmp == points * 4 + (0 if moved else 2 * 2)  # a region that is not moved is at least one pixel large
    assert ops.floor == points * 2
    assert model.analyze().total.params == 0


@pytest.mark.parametrize(
    ("more", "numbers", "reason"),
    [
        ({}, 4, "how many points it samples depends on the sizes of its regions"),
        ({"sampling_ratio": 2, "mode": "max"}, 4, "it takes the largest of its samples"),
        ({"sampling_ratio": 2}, 5, "its regions are not four numbers each"),
    ],
)
def test_samples_of_regions_that_are_not_known(more, numbers, reason, refused):
    nodes = [w.node("RoiAlign", "x b n", "y", **more)]
    model = w.model(nodes, {"x": [1, 3, 8, 8]}, "y", [ints("n", 0, 0), w.tensor("b", [2, numbers])])
    assert refused(model).splitlines()[0] == f"error: the operator RoiAlign cannot be mapped: {reason}"


def test_steps_that_are_worked_out_one_by_one_are_put_together():
    # of [steps 2, batch 1, features 8] each is added to what stands before it, which is multiplied on the way
    nodes = [
        w.node("Transpose", "x", "t", perm=[1, 0, 2]),
        w.node("Split", "t", "a b", axis=0),
        w.node("Squeeze", "a zero", "p"),
        w.node("Squeeze", "b zero", "q"),
        w.node("Add", "h p", "c"),
        w.node("MatMul", "c m", "d"),
        w.node("Add", "d q", "e"),
        w.node("Concat", "c e", "y", axis=0),
    ]
    tensors = [ints("zero", 0), w.tensor("h", [1, 1, 8]), w.tensor("m", [8, 8])]
    model = load(w.model(nodes, {"x": [1, 2, 8]}, {"y": [2, 1, 8]}, tensors))
    assert [tensor.shape for tensor in model.network.outputs] == [(2, 8)]
    assert (model.analyze().total.macs, model.analyze().total.params) == (8 * 8, 8 + 8 * 8)


def test_a_batch_of_several_becomes_one():
    nodes = [
        w.node("Conv", "x k", "a"),
        w.node("Reshape", "a s", "b"),
        w.node("Transpose", "b", "c", perm=[0, 2, 1]),
        w.node("Reshape", "c t", "y"),
    ]
    tensors = [w.tensor("k", [4, 8, 1, 1]), ints("s", 5, 4, 24), ints("t", 120, 4)]
    model = w.model(nodes, {"x": [5, 8, 6, 4]}, {"y": [120, 4]}, tensors)
    assert [tensor.shape for tensor in load(model).network.outputs] == [(24, 4)]


def test_tensors_that_the_exporter_worked_out_count():
    model = one("Add", "x val_7", [w.tensor("val_7", [8, 6, 4])])
    total = load(model).analyze().total
    assert (total.params, total.buffers) == (8 * 6 * 4, 0)
    assert import_model(IMPORTERS["onnx"], model, "net.onnx").text.splitlines()[1] == (
        "# 192 numbers of tensors that the exporter worked out count as parameters, as the file holds them; "
        "how it did so is not counted"
    )


def group_norm(channels, *constants):
    """Return a group norm of 3 groups as an exporter writes it, with a factor and a summand behind it."""
    norm = [
        w.tensor("one", [3], [1.0] * 3),
        w.tensor("zero", [3], [0.0] * 3),
        ints("s", 0, 3, -1),
        ints("t", 1, channels, 6, 4),
    ]
    nodes = [
        *(("Constant", "", name, {"value": w.tensor("", [1, 1, 1], [number])}) for name, number in constants),
        ("Reshape", "x s", "a", {}),
        ("InstanceNormalization", "a one zero", "b", {}),
        ("Reshape", "b t", "c", {}),
        ("Mul", "c f", "d", {}),
        ("Add", "d g", "y", {}),
    ]
    return chain(nodes, norm, (1, channels, 6, 4))


def test_a_group_norm_that_learns_nothing(items):
    assert types(items(group_norm(3, ("f", 1.0), ("g", 0.0)))) == [("group_norm", {"num_groups": 3, "affine": False})]
    other = [type for type, _ in types(items(group_norm(3, ("f", 2.0), ("g", 0.0))))]
    assert "group_norm" not in other
    assert other[-2:] == ["elementwise", "elementwise"]


def test_a_matrix_that_is_used_the_other_way_round_is_refused_by_name(refused):
    tensors = [w.tensor("m.weight", [8, 5])]
    nodes = [
        ("MatMul", "x m.weight", "a", {}),
        ("Transpose", "m.weight", "m.turned", {"perm": [1, 0]}),
        ("MatMul", "a m.turned", "y", {}),
    ]
    assert refused(chain(nodes, tensors, ROWS)).splitlines()[0] == (
        "error: the operator MatMul cannot be mapped: it shares the tensor 'm.weight' with m, not all"
    )


@pytest.mark.parametrize("operator", ["Relu", "InstanceNormalization"])
def test_one_tensor_may_be_read_with_the_batch_in_two_places(operator):
    reads = "t one zero" if operator == "InstanceNormalization" else "t"
    nodes = [
        ("MatMul", "x m.w", "t", {}),
        ("Transpose", "t", "a", {"perm": [1, 0, 2]}),
        ("MatMul", "a n.w", "b", {}),
        (operator, reads, "c", {}),
        ("Transpose", "b", "d", {"perm": [1, 0, 2]}),
        ("Add", "c d", "y", {}),
    ]
    tensors = [
        w.tensor("m.w", [8, 8]),
        w.tensor("n.w", [8, 8]),
        w.tensor("one", [6], [1.0] * 6),
        w.tensor("zero", [6], [0.0] * 6),
    ]
    assert [tensor.shape for tensor in load(chain(nodes, tensors, ROWS)).network.outputs] == [(6, 8)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.attn_mask", ["# 192 numbers of masks count as parameters: the file does not say what is learned"]),
        ("a.position", []),
    ],
)
def test_a_mask_among_the_weights_counts_and_is_said(name, said):
    model = one("Add", f"x {name}", [w.tensor(name, [8, 6, 4])])
    assert load(model).analyze().total.params == 8 * 6 * 4
    text = import_model(IMPORTERS["onnx"], model, "net.onnx").text
    assert [line for line in text.splitlines()[1:] if line.startswith("#")] == said


@pytest.mark.parametrize(
    ("model", "note"),
    [
        (one("BatchNormalization", "x m.s m.b m.m m.v", [w.tensor(f"m.{each}", [8]) for each in "sbmv"], training_mode=1),
         "batch norms in training mode count as at inference"),
        (chain([FIRST, ("LSTM", "a W R B", "y", {"hidden_size": 5, "clip": 3.0})], matrices(4), ROWS),
         "the clips of a recurrent layer are not counted"),
        (one("Pow", "x m.power", [w.tensor("m.power", [], [3.0])]), "the exponent 'm.power' counts as a number of the program"),
    ],
    ids=["training", "clip", "exponent"],
)  # fmt: skip
def test_what_is_not_counted_is_a_comment(model, note):
    assert import_model(IMPORTERS["onnx"], model, "net.onnx").text.splitlines()[1] == f"# {note}"


def test_the_last_state_of_one_step_is_that_step(items):
    nodes = [FIRST, ("GRU", "a W R B", "s h", {"hidden_size": 5, "linear_before_reset": 1}), ("Relu", "h", "y", {})]
    found = [type for type, _ in types(items(chain(nodes, matrices(3), (1, 1, 8))))]
    assert found == ["reshape", "gru", "reshape", "relu"]


def test_lengths_that_a_model_reads_count_as_all_steps():
    nodes = [w.node("Transpose", "x", "a", perm=[1, 0, 2]), w.node("LSTM", "a W R B n", "y", hidden_size=5)]
    model = w.model(nodes, {"x": list(ROWS), "n": [1]}, "y", matrices(4))
    assert load(model).analyze().total.macs == 6 * (20 * 8 + 20 * 5)
    text = import_model(IMPORTERS["onnx"], model, "net.onnx").text
    assert "# all steps of a recurrent layer count, whatever the lengths of its sequences\n" in text


def test_a_batch_of_several_is_stretched_as_one():
    nodes = [w.node("Conv", "x k", "a"), w.node("Expand", "a s", "y")]
    tensors = [w.tensor("k", [1, 8, 1, 1]), ints("s", 5, 3, 6, 4)]
    model = w.model(nodes, {"x": [5, 8, 6, 4]}, {"y": [5, 3, 6, 4]}, tensors)
    assert [tensor.shape for tensor in load(model).network.outputs] == [(3, 6, 4)]
