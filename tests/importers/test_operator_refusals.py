"""Operators of ONNX that no layer type is, each with the reason that its error says."""

# ruff: noqa: E501 -- a model and why it is refused stand on a line

from __future__ import annotations

import onnx_writer as w
import pytest
from test_operators import ROWS, chain, ints, one


def runtime(operator, inputs, outputs="y", **attributes):
    """Return a model of one node of ONNX Runtime, that reads `x` and matrices for queries, keys and values."""
    node = w.node(operator, inputs, outputs, "m", "com.microsoft", **attributes)
    return w.model([node], {"x": list(ROWS)}, "y", [w.tensor("k", [8, 24]), w.tensor("bias", [24]), ints("mask", 6)])


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (one("Reshape", "x s", [ints("s", 5, -1)]), "Reshape cannot be mapped: its shape does not have as many values as its input"),
        (one("Squeeze"), "Squeeze cannot be mapped: it removes every axis of size 1, the batch too"),
        (one("Squeeze", "x a", [ints("a", 1)]), "Squeeze cannot be mapped: it removes an axis that is not of size 1"),
        (one("Pad", "x p", [ints("p", 1, 0, 0, 0, 0, 0, 0, 0)]), "Pad cannot be mapped: it pads the batch"),
        (one("Pad", "x p", [ints("p", 1, 0)]), "Pad cannot be mapped: it has 2 amounts for 4 axes"),
        (one("Pad", "x p", [ints("p", *[1] * 8)], mode="odd"), "Pad cannot be mapped: it pads the batch"),
        (one("Pad", "x p", [ints("p", 0, 0, 1, 0, 0, 0, 0, 0)], mode="odd"), "Pad cannot be mapped: its mode is 'odd'"),
        (one("Gather", "x i", axis=1), "Gather cannot be mapped: it chooses values by numbers that are not known"),
        (one("Gather", "x i0", [ints("i0", 0, 0)]), "Gather cannot be mapped: it works along the batch axis"),
        (one("ScatterND", "x z x"), "ScatterND cannot be mapped: it puts values at places that are not known, or adds them up"),
        (one("Where", "x x z"), "Where cannot be mapped: it chooses by a condition that is not known"),
        (one("Expand", "x z"), "Expand cannot be mapped: its weight is no constant"),
        (one("Div", "x n", [w.tensor("n", [], [0.0])]), "Div cannot be mapped: it divides by 0"),
        (one("Sum"), "Sum cannot be mapped: it has one input"),
        (one("ReduceMean"), "ReduceMean cannot be mapped: it reduces the batch axis"),
        (one("ReduceMean", axes=[0]), "ReduceMean cannot be mapped: it works along the batch axis"),
        (one("LpNormalization", axis=1, p=1), "LpNormalization cannot be mapped: it divides by another length than the Euclidean one"),
        (one("Einsum", "x z x", equation="abcd,abcd,abcd->ab"), "Einsum cannot be mapped: its equation multiplies more than two values, or takes a diagonal"),
        (one("Einsum", shape=(1, 6, 6), equation="abb->ab"), "Einsum cannot be mapped: its equation multiplies more than two values, or takes a diagonal"),
        (one("Einsum", "x m.w", [w.tensor("m.w", [1, 4])], equation="abcd,cd->abcd"), "Einsum cannot be mapped: it stretches an axis"),
        (one("Einsum", equation="abcd->abce"), "Einsum cannot be mapped: its equation names an axis that no value has"),
        (one("Einsum", equation="abc->ab"), "Einsum cannot be mapped: its inputs or attributes are not those of the operator"),
        (one("Resize", "x", keep_aspect_ratio_policy="not_larger"), "Resize cannot be mapped: its sizes are bounds within which it keeps the ratio of the sides"),
        (one("Pow", "n x", [w.tensor("n", [], [2.0])]), "Pow cannot be mapped: its exponent is no number that is known"),
        (one("LayerNormalization", "x s", [w.tensor("s", [6])]), "LayerNormalization cannot be mapped: it has not one factor for each value, or gives more than the normalised values"),
        (one("BatchNormalization", "x s s s s", [w.tensor("s", [6])]), "BatchNormalization cannot be mapped: it does not have one number for each channel"),
        (one("MaxPool", outputs="i0 y", kernel_shape=[2, 2]), "MaxPool cannot be mapped: it gives the places of the maxima, too"),
        (one("AveragePool", kernel_shape=[2, 2], dilations=[2, 2]), "AveragePool cannot be mapped: it has a dilation"),
        (one("LpPool", kernel_shape=[2, 2], dilations=[2, 2]), "LpPool cannot be mapped: it has a dilation"),
        (chain([("Reshape", "x s", "a", {}), ("AveragePool", "a", "y", {"kernel_shape": [2, 2], "dilations": [2, 2]})], [ints("s", 4, 4, 3, 4)]),
         "AveragePool cannot be mapped: it has a dilation"),
        (chain([("Reshape", "x s", "a", {}), ("MaxPool", "a", "y", {"kernel_shape": [2, 2, 2]})], [ints("s", 4, 2, 2, 3, 4)]),
         "MaxPool cannot be mapped: it works on 4 pictures at once"),
        (one("Resize", "x r f", [w.tensor("r", [0]), w.tensor("f", [4], [1.0] * 4)], antialias=1), "Resize cannot be mapped: it resizes other axes than the spatial ones, or filters before"),
        (one("Resize", "x r f", [w.tensor("r", [0]), w.tensor("f", [4], [1.0] * 4)], coordinate_transformation_mode="tf_crop_and_resize"), "Resize cannot be mapped: it crops"),
        (one("Resize", "x r f", [w.tensor("r", [0]), w.tensor("f", [3], [1.0, 1.0, 2.0])], shape=ROWS, mode="cubic"), "Resize cannot be mapped: its mode is not for so many axes"),
        (one("Resize", "x r r s", [w.tensor("r", [0]), ints("s", 1, 4, 6, 4)]), "Resize cannot be mapped: it resizes other axes than the spatial ones"),
        (one("Resize", "x r f", [w.tensor("r", [0]), w.tensor("f", [4], [1.0, 2.0, 1.0, 1.0])]), "Resize cannot be mapped: it resizes other axes than the spatial ones, or by sizes that are not known"),
        (one("Slice", "x s i", [ints("s", 1)]), "Slice cannot be mapped: its weight is no constant"),
        (one("Gather", "t x", [w.tensor("t", [50, 3])]), "Gather cannot be mapped: it chooses rows by more than one vector of numbers"),
        (one("Gather", "t i", [w.tensor("t", [50, 3])], axis=1), "Gather cannot be mapped: it chooses values by numbers that are not known"),
        (one("GatherND", "x i"), "GatherND cannot be mapped: it chooses values by numbers that are not known"),
        (one("GatherND", "x i0", [w.tensor("i0", [1, 2], [0, 0], w.INT64)], batch_dims=1), "GatherND cannot be mapped: it has batch axes"),
        (one("Tile", "x s", [ints("s", 2, 2)]), "Tile cannot be mapped: its repetitions are not known"),
        (one("Pad"), "Pad cannot be mapped: its amounts are not known"),
        (one("Pad", "x p", [w.tensor("p", [8], dtype=w.INT64)]), "Pad cannot be mapped: its shape depends on values that are not known"),
        (one("Expand"), "Expand cannot be mapped: its shape is not known"),
        (one("Slice", "x s s", [w.tensor("s", [0], [], w.INT64)]), "Slice cannot be mapped: its bounds are not known"),
        (one("Slice", "x s e", [ints("s", 1), w.tensor("e", [0], [], w.INT64)]), "Slice cannot be mapped: its bounds are not known"),
        *((one(name, *more, axis=4), f"{name} cannot be mapped: it has no axis 4")
          for name, *more in [("Softmax",), ("Concat", "x z"), ("ArgMax",), ("LayerNormalization", "x m.w", [w.tensor("m.w", [4])]),
                              ("Gather", "x i0", [ints("i0", 3, 1, 2)])]),
        (one("Split", outputs="y z", axis=-5), "Split cannot be mapped: it has no axis -5"),
        (one("ReduceMax", axes=[4]), "ReduceMax cannot be mapped: it has no axis 4"),
        (one("Slice", "x s e a", [ints("s", 1), ints("e", 2), ints("a", 4)]), "Slice cannot be mapped: it has no axis 4"),
        (one("Squeeze", "x a", [ints("a", 4)]), "Squeeze cannot be mapped: it has no axis 4"),
        (one("Unsqueeze", "x a", [ints("a", 5)]), "Unsqueeze cannot be mapped: it has no axis 5"),
        (one("Pad", "x p v a", [ints("p", 1, 2), w.tensor("v", [], [0.0]), ints("a", 4)]), "Pad cannot be mapped: it has no axis 4"),
        (one("Squeeze", "x a", [w.tensor("a", [1], dtype=w.INT64)]), "Squeeze cannot be mapped: its shape depends on values that are not known"),
        (one("Mul", "x val_1", [w.tensor("val_1", [])]), "Mul cannot be mapped: its constant is not known"),
        (one("Clip", "x z"), "Clip cannot be mapped: its bounds are not known"),
        (one("Clip", opset=7, min=0.0, max=1e16), "Clip cannot be mapped: its bounds are not in order, or beyond 10^15"),
        (one("Clip", opset=7, min=1.0, max=1.0), "Clip cannot be mapped: its bounds are not in order, or beyond 10^15"),
        (one("PRelu", "x s", [w.tensor("s", [8, 6, 1])]), "PRelu cannot be mapped: its slopes are neither one nor one for each channel"),
        (one("Einsum", equation="......ij->ij"), "Einsum cannot be mapped: its inputs or attributes are not those of the operator"),
        (one("Gemm", "x k", [w.tensor("k", [8, 3])], shape=(1, 8), alpha=2.0), "Gemm cannot be mapped: it transposes or scales its input"),
        (one("Gemm", "x k", [w.tensor("k", [8, 3])], shape=ROWS), "Gemm cannot be mapped: its input is no matrix"),
        (one("Gemm", "x k b", [w.tensor("k", [8, 3]), w.tensor("b", [4])], shape=(1, 8)), "Gemm cannot be mapped: its bias is not one number for each output"),
        (one("Conv", "x k", [w.tensor("k", [4, 8])]), "Conv cannot be mapped: its kernel has no spatial axes"),
        (one("Conv", "x k", [w.tensor("k", [4, 8, 3, 3])], kernel_shape=[5, 5]), "Conv cannot be mapped: its attribute kernel_shape is not the size of its kernel"),
        (one("Conv", "x k b", [w.tensor("k", [4, 8, 3, 3]), w.tensor("b", [2, 2])]), "Conv cannot be mapped: its bias is not one number for each channel"),
        (one("Conv", "x k", [w.tensor("k", [4, 8, 3, 3])], strides=[1]), "Conv cannot be mapped: strides has 1 numbers for 2 axes"),
        (one("Conv", "x k", [w.tensor("k", [4, 8, 3, 3])], pads=[1, 1]), "Conv cannot be mapped: pads has 2 numbers for 2 axes"),
        (chain([("Reshape", "x s", "a", {}), ("Conv", "a k", "y", {})], [ints("s", 4, 2, 2, 3, 4), w.tensor("k", [6, 2, 1, 1, 1])]),
         "Conv cannot be mapped: it works on 4 pictures at once"),
        (one("ConvTranspose", "x k", [w.tensor("k", [8, 4, 3, 3])], auto_pad="SAME_UPPER"), "ConvTranspose cannot be mapped: its padding follows from the size of its output"),
        (one("ConvTranspose", "x k", [w.tensor("k", [8, 4, 3, 3])], output_shape=[12, 8]), "ConvTranspose cannot be mapped: its padding follows from the size of its output"),
        (one("ConvTranspose", "x k", [w.tensor("k", [6, 4, 3, 3])]), "ConvTranspose cannot be mapped: its kernel takes 6 channels, 8 reach it"),
        (chain([("Reshape", "x s", "a", {}), ("ConvTranspose", "a k", "y", {})], [ints("s", 4, 2, 2, 3, 4), w.tensor("k", [2, 6, 1, 1, 1])]),
         "ConvTranspose cannot be mapped: it works on 4 pictures at once"),
        (one("Attention", "x x x", shape=ROWS, q_num_heads=2, softcap=3.0), "Attention cannot be mapped: it reads keys of earlier calls, or caps its scores"),
        (one("Attention", "x x x x z", shape=ROWS, q_num_heads=2), "Attention cannot be mapped: it reads keys of earlier calls, or caps its scores"),
        (one("Attention", "x x x", shape=ROWS, outputs="y more", q_num_heads=2), "Attention cannot be mapped: it gives its keys, values or scores, too"),
        (runtime("MultiHeadAttention", "x x x bias", num_heads=2), "com.microsoft.MultiHeadAttention cannot be mapped: it has packed inputs, biases or a padding mask"),
        (runtime("Attention", "x k bias mask", num_heads=2), "com.microsoft.Attention cannot be mapped: it has a mask, or queries, keys and values of different sizes"),
        (runtime("Attention", "x k bias", "y past", num_heads=2), "com.microsoft.Attention cannot be mapped: it reads or gives keys and values of other calls"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)  # fmt: skip
def test_what_is_refused(model, reason, refused):
    assert refused(model).splitlines()[0] == f"error: the operator {reason}"
