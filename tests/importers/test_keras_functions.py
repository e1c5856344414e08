"""Functions that a model calls without a layer, masks, and attention: as items of the spec."""

from __future__ import annotations

import keras_writer as k
import pytest
import yaml

import convcost
from convcost.importers import IMPORTERS, import_model

MAP = [8, 6, 4]  # 8 × 6 positions, 4 channels
STEPS = [6, 8]


def mapped(model):
    return import_model(IMPORTERS["keras"], k.text(model), "net.json", flat=True).model


def types(model):
    """Return the types of a model's items, with the fields that say most."""
    said = ("op", "value", "axis", "scale_factor", "size", "padding", "upscale_factor", "downscale_factor", "chunks")
    said += ("sizes", "shift")
    found = []
    for item in mapped(model).items:
        fields = [str(item.fields[name]) for name in said if name in item.fields]
        found.append(" ".join([item.type, *fields]))
    return found


def function(kind, *more, shape=MAP, **config):
    """Return a model of one function of Keras 3 that is called with a value and constants."""
    item = k.layer(kind, "f", module="keras.src.ops.numpy")
    item["config"] = {"name": "f", **config}
    return k.functional({"x": shape}, [k.called(item, k.tensor("x", *shape), *more)], "f")


def without_a_module(kind, **config):
    """Return a model of one function as Keras 3 writes it into HDF5 files."""
    item = {"class_name": kind, "config": {"name": "f", **config}}
    return k.functional({"x": MAP}, [k.called(item, k.tensor("x", *MAP))], "f")


def of_tensorflow(name, shape=MAP, first=None, **kwargs):
    """Return a model of one function of TensorFlow as Keras 2 writes it."""
    config = {"name": "f", "trainable": True, "function": name}
    node = first if first is not None else ["x", 0, 0, kwargs]
    item = {"class_name": "TFOpLambda", "name": "f", "config": config, "inbound_nodes": [node]}
    return k.functional({"x": shape}, [item], "f")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (function("Multiply", 0.5), ["elementwise multiply 0.5"]),
        (function("Subtract", 3), ["elementwise add -3"]),
        (function("Add", [1, 2, 3, 4]), ["shift"]),
        (function("Add", -3.4e38), ["parameter", "add"]),
        (function("Multiply", [[[1, 2, 3, 4]]]), ["scale"]),
        (function("Maximum", 0), ["relu"]),
        (function("Square"), ["elementwise square"]),
        (function("Rsqrt"), ["elementwise rsqrt"]),
        (function("Power", 2), ["elementwise square"]),
        (function("Power", 3), ["elementwise pow 3"]),
        (function("Exp"), ["elementwise exp"]),
        (function("Cast", "float16"), []),
        (without_a_module("Cast", dtype="float16"), []),
        (function("Clip", x_min=0.0, x_max=6.0), ["relu6"]),
        (function("Gelu", approximate=True), ["gelu"]),
        (function("LeakyRelu", negative_slope=0.1), ["leaky_relu"]),
        (function("Softmax", axis=1), ["softmax 1"]),
        (function("HardSigmoid"), ["hard_sigmoid"]),
        (function("Mean", axis=[1, 2], keepdims=True), ["global_avg_pool"]),
        (function("Mean", axis=1, keepdims=False), ["reduce mean [1]"]),
        (function("Max", axis=-1, keepdims=True), ["reduce max [0]"]),
        (function("Flip", axis=1), ["flip [1]"]),
        (function("Flip", axis=0), None),
        (function("Roll", shift=3, axis=1), ["roll [1] [3]"]),
        (function("Roll", shift=[1, -1], axis=[1, 3]), ["roll [1, 0] [1, -1]"]),
        (function("Roll", shift=3), None),
        (function("Tile", repeats=[1, 1, 2, 1]), ["permute", "concat 1"]),
        (function("Tile", repeats=[2, 1, 1, 1]), None),
        (function("Repeat", repeats=2, axis=2), ["permute", "reshape", "expand", "reshape"]),
        (function("Repeat", repeats=2, axis=0), None),
        (function("Take", [0, 5], axis=2), ["permute", "slice 1"]),
        (function("Take", [8], axis=1), None),
        (function("Split", indices_or_sections=[2, 5], axis=1), ["split 1 [2, 3, 3]"]),  # 8 rows, cut at two of them
        (function("Unstack", axis=1, shape=[1, 6, 4]), ["permute", "reshape"]),
        (function("Add", {"class_name": "__numpy__", "config": {"value": [1, 2, 3, 4]}}), ["shift"]),
        (function("Add", [[[[[1.0]]]]]), ["elementwise add 1"]),
        (function("Take", [0], axis=0), None),
        (function("Unstack", axis=0), None),
        (function("Unstack", axis=1, shape=[10_001, 2]), None),
        (function("Split", indices_or_sections=10**12, axis=1, shape=[10**12, 2]), None),
        (function("Var", axis=-1), ["reduce mean [0]", "subtract", "elementwise square", "reduce mean [0]"]),
        (function("Std", axis=[1, 2], keepdims=True),
         ["global_avg_pool", "subtract", "elementwise square", "global_avg_pool", "elementwise sqrt"]),
        (function("Norm", axis=-1), ["reduce norm [0]"]),
        (function("Norm", axis=[1, 2]), None),
        (function("Norm", axis=1, ord=1), None),
        (function("Logsumexp", axis=-1, keepdims=True),
         ["reduce max [0]", "subtract", "elementwise exp", "reduce sum [0]", "elementwise log", "add"]),
        (function("Amax", axis=1), ["reduce max [1]"]),
        (function("Log1p"), ["elementwise add 1", "elementwise log"]),
        (function("Expm1"), ["elementwise exp", "elementwise add -1"]),
        (function("Normalize", axis=-1, order=2), ["l2_normalize"]),
        (function("Normalize", axis=-1, order=1), None),
        (function("LayerNorm", None, None, axis=-1), ["layer_norm"]),
        (function("LayerNorm", [1.0], None, axis=-1), None),
        (function("Glu", axis=-1), ["split 2", "sigmoid", "multiply"]),
        (function("Glu", axis=0), None),
        (function("AveragePool", pool_size=2, padding="valid"), ["avg_pool"]),
        (function("MaxPool", pool_size=[2, 3], strides=1, padding="same"), ["max_pool [[0, 1], [1, 1]]"]),
        (function("ExtractPatches", size=[4, 3]), ["rearrange"]),
        (function("ExtractPatches", size=[4, 3], strides=[2, 3]), None),
        (function("ExtractPatches", size=[4, 4]), None),  # 6 columns leave a rest
        (function("Add", [[1.0] * 4] * 6), ["parameter", "add"]),
        (function("Multiply", [[[1.0]] * 6]), ["parameter", "multiply"]),
        (function("Add", [[1.0] * 4, [1.0]]), None),
        (function("Maximum", [1, 2, 3, 4]), ["parameter", "maximum"]),
        (function("Pad", [[0, 0], [1, 0], [0, 2], [0, 0]], mode="constant"), ["pad [[1, 0], [0, 2]]"]),
        (function("Pad", [[0, 0], [1, 1], [1, 1], [0, 0]], mode="constant", constant_values=3.0),
         ["pad 3.0 [[1, 1], [1, 1]]"]),
        (function("Pad", [[0, 0], [1, 1], [1, 1], [0, 0]], mode="reflect"), ["pad [[1, 1], [1, 1]]"]),
        (function("Pad", [[0, 0], [1, 1]]), None),
        (function("DepthToSpace", block_size=2), ["rearrange"]),
        (function("SpaceToDepth", block_size=2), ["rearrange"]),
        (function("DepthToSpace", block_size=2, data_format="channels_first"), None),
        (function("Resize", size=[16, 12], interpolation="nearest"), ["upsample [16, 12]"]),
        (function("Resize", size=[16, 12], antialias=True), None),
        (function("Mean", axis=None), None),
        (function("Mean", axis=[0]), None),
        (function("Minimum", 4), ["parameter", "minimum"]),
        (function("Reshape", newshape=[2, 96]), None),
        (function("Transpose", axes=[1, 0, 2, 3]), None),
        (function("Transpose"), None),
        (function("Split", indices_or_sections=2, axis=0), None),
        (function("Split", indices_or_sections=3, axis=-1), None),
        (function("Squeeze"), None),
        (function("ExpandDims", axis=0), None),
        (of_tensorflow("math.multiply", y=2.0), ["elementwise multiply 2"]),
        (of_tensorflow("math.truediv", y=2.0), ["elementwise multiply 0.5"]),
        (of_tensorflow("math.subtract", first=["_CONSTANT_VALUE", -1, 3.0, {"y": ["x", 0, 0]}]),
         ["elementwise neg", "elementwise add 3"]),
        (of_tensorflow("math.divide", first=["_CONSTANT_VALUE", -1, 1.0, {"y": ["x", 0, 0]}]),
         ["elementwise reciprocal"]),
        (of_tensorflow("nn.relu6"), ["relu6"]),
        (of_tensorflow("nn.depth_to_space", block_size=2), ["rearrange"]),
        (of_tensorflow("compat.v1.depth_to_space", block_size=2), ["rearrange"]),
        (of_tensorflow("image.resize", size=[16, 12], method="nearest"), ["upsample [16, 12]"]),
        (of_tensorflow("clip_by_value", clip_value_min=0.0, clip_value_max=6.0), ["relu6"]),
        (of_tensorflow("roll", shift=1, axis=1), ["roll [1] [1]"]),
        (of_tensorflow("reverse", axis=[2]), ["flip [2]"]),
        (of_tensorflow("tile", multiples=[1, 1, 2, 1]), ["permute", "concat 1"]),
        (of_tensorflow("math.log1p"), ["elementwise add 1", "elementwise log"]),
        (of_tensorflow("math.reduce_std", axis=[1, 2], keepdims=True),
         ["global_avg_pool", "subtract", "elementwise square", "global_avg_pool", "elementwise sqrt"]),
        (of_tensorflow("norm", ord="euclidean", axis=-1), ["reduce norm [0]"]),
        (of_tensorflow("math.l2_normalize", axis=-1), ["l2_normalize"]),
        (of_tensorflow("gather", indices=[0, 5], axis=2), ["permute", "slice 1"]),
        (of_tensorflow("split", num_or_size_splits=[1, -1], axis=-1), ["split [1, 3]"]),
        (of_tensorflow("split", num_or_size_splits=[1, 2], axis=-1), None),
        (of_tensorflow("io.read_file"), None),
    ],
)  # fmt: skip
def test_a_function_is_items_or_is_unknown(model, expected):
    if expected is None:
        with pytest.raises(convcost.SpecError, match=r"the operator (keras|tf)[.]"):
            mapped(model)
    elif not expected:
        with pytest.raises(convcost.SpecError, match="no operator that is a layer"):
            mapped(model)
    else:
        assert types(model) == expected


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (function("Swapaxes", axis1=1, axis2=3), (4, 6, 8)),
        (function("Moveaxis", source=3, destination=1), (4, 8, 6)),
        (function("Moveaxis", source=[-1], destination=[1]), (4, 8, 6)),
        (function("Transpose", axes=[0, 2, 1, 3]), (6, 8, 4)),
        (function("Reshape", newshape=[-1, 48, 4]), (48, 4)),
        (function("ExpandDims", axis=-1), (8, 6, 4, 1)),
        (function("Squeeze", axis=1, shape=[1, 6, 4]), (6, 4)),
        (function("Roll", shift=8, axis=1), (4, 8, 6)),
        (function("Take", 5, axis=2), (8, 4)),
        (function("Tile", repeats=[1, 3, 1]), (8, 18, 4)),
        (function("Repeat", repeats=3, axis=-1), (8, 6, 12)),
        (function("Unstack", axis=1, num=None), (6, 4)),
        (function("ExtractPatches", size=2), (4, 3, 16)),
        (function("Logsumexp", axis=-1, keepdims=False), (8, 6)),
    ],
)
def test_what_only_moves_has_the_shape_that_keras_gives(model, shape):
    """A product with a number follows, so that something is a layer."""
    last = k.layer("Multiply", "g", module="keras.src.ops.numpy")
    model["config"]["layers"].append(k.called(last, k.tensor("f", *shape), 2.0))
    model["config"]["output_layers"] = [["g", 0, 0]]
    (tensor,) = mapped(model).outputs
    assert tensor.shape == shape


def joined(kind, **config):
    """Return a model of a function of two values."""
    item = k.layer(kind, "f", module="keras.src.ops.numpy", **config)
    values = [k.tensor("x", *MAP), k.tensor("y", *MAP)]
    call = k.called(item, values) if kind in ("Stack", "Concatenate") else k.called(item, *values)
    return k.functional({"x": MAP, "y": MAP}, [call], "f")


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (joined("Stack", axis=1), (2, 8, 6, 4)),
        (joined("Concatenate", axis=1), (4, 16, 6)),  # channels first, as nothing asks for another order
        (joined("Subtract"), (4, 8, 6)),
        (joined("Einsum", subscripts="bhwc,bhvc->bhwv"), (8, 6, 6)),
    ],
)
def test_a_function_of_two_values(model, shape):
    if model["config"]["layers"][-1]["class_name"] == "Einsum":
        call = model["config"]["layers"][-1]["inbound_nodes"][0]
        call["kwargs"] = {}
    (tensor,) = mapped(model).outputs
    assert tensor.shape == shape


def attended(*, layer=None, mask=None, **call):
    """Return a model of attention of 2 heads of 4 on 6 steps of 8 channels."""
    item = layer or k.layer("MultiHeadAttention", "a", num_heads=2, key_dim=4)
    values = {"x": STEPS} | ({"m": mask} if mask else {})
    call |= {"attention_mask": k.tensor("m", *mask)} if mask else {}
    return k.functional(values, [k.called(item, k.tensor("x", *STEPS), k.tensor("x", *STEPS), **call)], "a")


PROJECTIONS = 4 * 6 * 8 * 8
PRODUCTS = 2 * 2 * 6 * 6 * 4


def test_attention_is_counted_as_it_is_performed(write):
    """Four projections of 6 × 8 × 8; two products of 2 heads, 6 × 6 × 4; queries are scaled before."""
    total = convcost.load(write(k.text(attended()), "net.json")).analyze().total
    assert (total.params, total.macs) == (4 * (8 * 8 + 8), PROJECTIONS + PRODUCTS)
    masked = convcost.load(write(k.text(attended(mask=[6, 6])), "net.json")).analyze().total
    assert masked.macs == total.macs
    assert masked.adds - total.adds == 6 * 6 + 2 * 6 * 6  # 1 less the mask, which is added to each score


@pytest.mark.parametrize("kind", ["Add", "Concatenate"])
def test_values_with_fewer_axes_are_stretched(kind, write):
    """A vector of 4 is added to each of 7, or joined with them: Keras gives it axes of size 1 behind the batch."""
    first, second = [7, 4], [4] if kind == "Add" else [7, 4]
    layer = k.called(k.layer(kind, "f"), [k.tensor("x", *first), k.tensor("y", *second)])
    model = k.functional({"x": first, "y": second}, [layer], "f")
    assert mapped(model).outputs[0].shape == ((7, 4) if kind == "Add" else (7, 8))
    assert convcost.load(write(k.text(model), "net.json")).analyze().total.adds == (28 if kind == "Add" else 0)


def test_functions_stretch_from_the_last_axis(write):
    subtract = k.layer("Subtract", "f", module="keras.src.ops.numpy")
    subtract = k.called(subtract, k.tensor("x", 5, 7, 4), k.tensor("y", 7, 4))
    model = k.functional({"x": [5, 7, 4], "y": [7, 4]}, [subtract], "f")
    assert mapped(model).outputs[0].shape == (5, 7, 4)
    assert convcost.load(write(k.text(model), "net.json")).analyze().total.adds == 5 * 7 * 4


def test_attention_without_projections_may_be_causal(write):
    """6 · 6 scores of 8 products each, as many for what they weigh, and a sum for each score."""
    totals = []
    for causal in ({}, {"use_causal_mask": True}):
        layer = k.called(k.layer("Attention", "a"), [k.tensor("x", *STEPS)] * 2, **causal)
        model = k.functional({"x": STEPS}, [layer], "a")
        totals.append(convcost.load(write(k.text(model), "net.json")).analyze().total)
    assert [total.macs for total in totals] == [2 * 36 * 8] * 2
    assert totals[1].adds - totals[0].adds == 36


def test_numbers_of_the_program_are_no_weights(write):
    """24 sums with an array, 6 · 4; neither a parameter nor a buffer."""
    total = convcost.load(write(k.text(function("Add", [[1.0] * 4] * 6, shape=[6, 4])), "net.json")).analyze().total
    assert (total.params, total.buffers, total.adds) == (0, 0, 24)


def test_axes_that_are_joined_with_the_batch(write):
    """8 × 6 positions of 4 as 2 areas of 24; the products of all with all within each: 2 · 24 · 24 · 4."""
    layers = [
        k.layer(kind, kind[0], module="keras.src.ops.numpy", **config)
        for kind, config in (("Reshape", {"newshape": [-1, 24, 4]}), ("Transpose", {"axes": [0, 2, 1]}), ("Matmul", {}))
    ]
    reshape, transpose, matmul = layers
    areas, turned = k.tensor("R", 24, 4), k.tensor("T", 4, 24)
    last = k.layer("Reshape", "L", module="keras.src.ops.numpy", newshape=[-1, 8, 6, 24])
    calls = [
        k.called(reshape, k.tensor("x", *MAP)),
        k.called(transpose, areas),
        k.called(matmul, areas, turned),
        k.called(last, k.tensor("M", 24, 24)),
    ]
    model = k.functional({"x": MAP}, calls, "L")
    assert convcost.load(write(k.text(model), "net.json")).analyze().total.macs == 2 * 24 * 24 * 4
    assert mapped(model).outputs[0].shape == (8, 6, 24)


@pytest.mark.parametrize(
    ("layer", "params", "buffers"),
    [
        (k.layer("BatchNormalization", "n"), 2 * 4, 2 * 4),
        (k.layer("GroupNormalization", "n", groups=2), 2 * 4, 0),
        (k.layer("LayerNormalization", "n", center=False), 4, 0),
        (k.layer("UnitNormalization", "n"), 0, 0),
        (k.layer("Rescaling", "n", scale=[1, 2, 3, 4]), 0, 0),
    ],
    ids=lambda value: value["class_name"] if isinstance(value, dict) else None,
)
def test_a_norm_behind_axes_that_are_joined_with_the_batch(layer, params, buffers, write):
    """8 × 6 positions of 4 as 2 areas of 24."""
    reshape = k.layer("Reshape", "R", module="keras.src.ops.numpy", newshape=[-1, 24, 4])
    last = k.layer("Reshape", "L", module="keras.src.ops.numpy", newshape=[-1, 8, 6, 4])
    calls = [k.called(reshape, k.tensor("x", *MAP)), k.called(layer, k.tensor("R", 24, 4)),
             k.called(last, k.tensor("n", 24, 4))]  # fmt: skip
    total = convcost.load(write(k.text(k.functional({"x": MAP}, calls, "L")), "net.json")).analyze().total
    assert (total.params, total.buffers) == (params, buffers)


@pytest.mark.parametrize(
    ("axes", "apart", "steps"),
    [(None, 1, 48), ([1, 2], 1, 48), ([2], 8, 6), (-2, 8, 6)],
)
def test_attention_over_axes_of_a_map(axes, apart, steps, write):
    """Of 8 × 6 positions: all with each other, or those of each of 8 rows; 48 · 4 · 8 in each of four projections."""
    layer = k.layer("MultiHeadAttention", "a", num_heads=2, key_dim=4, attention_axes=axes)
    value = k.tensor("x", *MAP)
    model = k.functional({"x": MAP}, [k.called(layer, value, value)], "a")
    total = convcost.load(write(k.text(model), "net.json")).analyze().total
    assert total.params == 3 * (4 * 8 + 8) + 8 * 4 + 4
    assert total.macs == 4 * 48 * 4 * 8 + 2 * 2 * apart * steps**2 * 4
    (tensor,) = mapped(model).outputs
    assert tensor.shape == (8, 6, 4)


def test_attention_gives_its_scores():
    model = attended(return_attention_scores=True)
    model["config"]["output_layers"] = [["a", 0, 0], ["a", 0, 1]]
    found, scores = mapped(model).outputs
    assert (found.shape, scores.shape) == ((6, 8), (2, 6, 6))


def test_a_causal_mask_is_noted(write):
    path = write(k.text(attended(use_causal_mask=True)), "net.json")
    plain = convcost.load(write(k.text(attended()), "plain.json")).analyze().total
    assert convcost.load(path).analyze().total.adds - plain.adds == 2 * 6 * 6
    text = import_model(IMPORTERS["keras"], path.read_bytes(), "net.json").text
    assert "# a causal mask counts as one sum for each score\n" in text


def over_a_map(**kwargs):
    """Return a model of attention over both axes of a map."""
    value, layer = k.tensor("x", *MAP), k.layer("MultiHeadAttention", "a", num_heads=2, key_dim=4)
    return k.functional({"x": MAP}, [k.called(layer, value, value, **kwargs)], "a")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (attended(mask=[2, 6, 6]), "its mask is not one for all heads"),
        (over_a_map(return_attention_scores=True), "it attends over several axes, with a mask or giving its scores"),
        (over_a_map(attention_mask=k.tensor("x", *MAP)),
         "it attends over several axes, with a mask or giving its scores"),
        (attended(layer=k.layer("MultiHeadAttention", "a", num_heads=2, key_dim=4, attention_axes=[1, 2])),
         "its attention_axes are [1, 2]"),
        (attended(layer=k.layer("MultiHeadAttention", "a", num_heads=2, key_dim=4, attention_axes=[2])),
         "its attention_axes are [2]"),
        (attended(layer=k.layer("GroupQueryAttention", "a", num_query_heads=4, num_key_value_heads=2, head_dim=4),
                  return_attention_scores=True), "it gives scores of heads that share keys"),
        (attended(layer=k.layer("MultiHeadAttention", "a", num_heads=2, key_dim=4, output_shape=[2, 4])),
         "its output is gated, or has several axes"),
        (attended(layer=k.layer("GroupQueryAttention", "a", num_query_heads=3, num_key_value_heads=2, head_dim=4)),
         "2 heads of keys do not divide 3 of queries"),
        (attended(layer=k.layer("Attention", "a", score_mode="concat")), "its score_mode is 'concat'"),
    ],
)  # fmt: skip
def test_attention_that_is_no_layer_type_says_why(model, reason):
    with pytest.raises(convcost.SpecError) as caught:
        mapped(model)
    kind = model["config"]["layers"][-1]["class_name"]
    assert str(caught.value).startswith(f"error: the operator keras.layers.{kind} cannot be mapped: {reason}\n")


def test_masks_of_steps_are_left_out_and_noted():
    """As Keras 3 writes them: values of their own, which layers are given by name."""
    embedding = k.layer("Embedding", "e", input_dim=20, output_dim=8, mask_zero=True)
    not_equal = k.layer("NotEqual", "n", module="keras.src.ops.numpy")
    lstm = k.layer("LSTM", "l", units=3)
    layers = [
        k.called(embedding, k.tensor("x", 6)),
        k.called(not_equal, k.tensor("x", 6), 0),
        k.called(lstm, k.tensor("e", 6, 8), mask=k.tensor("n", 6)),
    ]
    found = mapped(k.functional({"x": [6]}, layers, "l"))
    assert [item.type for item in found.items] == ["embedding", "lstm"]
    assert found.notes == ("the masking of steps is not counted",)


@pytest.mark.parametrize(
    ("kind", "config", "gives"),
    [
        ("DepthToSpace", {"block_size": 2}, [8 * 2, 6 * 2, 4 // 4]),
        ("SpaceToDepth", {"block_size": 2}, [8 // 2, 6 // 2, 4 * 4]),
        ("Repeat", {"repeats": 3, "axis": -1}, [8, 6, 4 * 3]),
        ("Tile", {"repeats": [1, 1, 1, 3]}, [8, 6, 4 * 3]),
        ("Take", {"indices": [0, 5], "axis": 2}, [8, 2, 4]),
        ("Take", {"indices": [0, 3], "axis": -1}, [8, 6, 2]),
    ],
)
def test_a_dense_layer_behind_a_function_reads_as_many_features_as_that_gives(kind, config, gives):
    item = k.layer(kind, "f", module="keras.src.ops.nn")
    item["config"] = {"name": "f", **config}
    dense = k.called(k.layer("Dense", "d", units=5), k.tensor("f", *gives))
    model = k.functional({"x": MAP}, [k.called(item, k.tensor("x", *MAP)), dense], "d")
    text = import_model(IMPORTERS["keras"], k.text(model), "net.json", flat=True).text
    assert convcost.load(yaml.safe_load(text)).analyze().total.params == 5 * gives[-1] + 5


@pytest.mark.parametrize("turned", ["transpose_b", "adjoint_b"])
def test_a_product_with_a_value_that_is_turned(turned, write):
    """8 times 6 · 6 products of 4."""
    model = of_tensorflow("linalg.matmul", first=["x", 0, 0, {"b": ["x", 0, 0], turned: True}])
    assert convcost.load(write(k.text(model), "net.json")).analyze().total.macs == 8 * 6 * 6 * 4
    assert mapped(model).outputs[0].shape == (8, 6, 6)


def test_chosen_rows_are_flattened(write):
    """2 of 8 rows of 6 × 4."""
    take = k.layer("Take", "f", module="keras.src.ops.numpy")
    take["config"] = {"name": "f", "indices": [0, 5], "axis": 1}
    calls = [
        k.called(take, k.tensor("x", *MAP)),
        k.called(k.layer("Flatten", "g"), k.tensor("f", 2, 6, 4)),
        k.called(k.layer("Dense", "d", units=5), k.tensor("g", 48)),
    ]
    total = convcost.load(write(k.text(k.functional({"x": MAP}, calls, "d")), "net.json")).analyze().total
    assert total.params == 5 * 48 + 5


def test_a_dense_layer_behind_a_new_axis_reads_one_feature(write):
    keys = [{"class_name": "__ellipsis__", "config": {}}, None]
    cut = k.called(k.layer("GetItem", "f", module="keras.src.ops.numpy"), k.tensor("x", *MAP), keys)
    dense = k.called(k.layer("Dense", "d", units=5), k.tensor("f", *MAP, 1))
    model = k.functional({"x": MAP}, [cut, dense], "d")
    assert convcost.load(write(k.text(model), "net.json")).analyze().total.params == 5 * 1 + 5
    assert mapped(model).outputs[0].shape == (8, 6, 4, 5)


def test_heads_that_share_keys_need_not_be_as_many_as_there_are_keys():
    """6 heads of queries, 2 of keys and values, of 3 numbers each, over 7 steps of 8 features."""
    values = [k.tensor("x", 7, 8)] * 2
    layer = k.layer("GroupedQueryAttention", "a", head_dim=3, num_query_heads=6, num_key_value_heads=2)
    model = k.functional({"x": [7, 8]}, [k.called(layer, *values)], "a")
    text = import_model(IMPORTERS["keras"], k.text(model), "net.json", flat=True).text
    total = convcost.load(yaml.safe_load(text)).analyze().total
    assert total.params == (8 * 18 + 18) + 2 * (8 * 6 + 6) + (18 * 8 + 8)
    assert total.macs == 7 * (8 * 18 + 2 * 8 * 6 + 18 * 8) + 2 * 6 * 7 * 7 * 3
