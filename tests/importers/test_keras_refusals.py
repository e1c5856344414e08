"""Layers of Keras that no layer type is: each says why."""

# ruff: noqa: E501 -- a layer and why it is refused stand on a line

from __future__ import annotations

import keras_writer as k
import pytest
from test_keras_layers import MAP, STEPS, refusal


def one(shape, kind, reason, **config):
    """Return a layer's kind, a model of it, and the reason why it is refused."""
    return pytest.param(kind, k.sequential(shape, k.layer(kind, **config)), reason, id=f"{kind}: {reason}")


def two(kind, reason, first, second, **config):
    """Return the same of a layer that reads two inputs of these shapes."""
    tensors = [k.tensor("a", *first), k.tensor("b", *second)]
    model = k.functional({"a": first, "b": second}, [k.called(k.layer(kind, "f", **config), tensors)], "f")
    return pytest.param(kind, model, reason, id=f"{kind}: {reason}")


def of_slices(shape, kind, reason, **config):
    """Return the same of a layer on 3 slices of a shape."""
    model = k.sequential([3, *shape], k.layer("TimeDistributed", layer=k.layer(kind, **config)))
    return pytest.param(kind, model, reason, id=f"slices of {kind}: {reason}")


X = k.tensor("x", *STEPS)


def called(kind, reason, *args, at=0, **config):
    """Return the same of a layer that is called with these values, and by name with those of a mapping at the end."""
    kwargs = args[-1] if "class_name" not in args[-1] else {}
    layer = k.called(k.layer(kind, "f", **config), *args[: len(args) - bool(kwargs)], **kwargs)
    last = k.called(k.layer("ReLU", "last"), k.tensor("f", 3, at=at))
    model = k.functional({"x": STEPS, "y": [3, *STEPS]}, [layer, last], "last")
    return pytest.param(kind, model, reason, id=f"call of {kind}: {reason}")


@pytest.mark.parametrize(
    ("kind", "model", "reason"),
    [
        # layers of one value
        one(STEPS, "Dense", "its kernel has an update of low rank", units=3, lora_rank=2),
        one(STEPS, "EinsumDense", "its kernel has an update of low rank", equation="abc,cd->abd", output_shape=[7, 3], lora_rank=2),
        one(STEPS, "EinsumDense", "its output_shape leaves the sizes of its weights open", equation="abc,cd->abd", output_shape=[7, None]),
        one(STEPS, "EinsumDense", "its equation is no product with a matrix", equation="abb,bc->ac", output_shape=[3]),
        one([6], "Embedding", "its table has an update of low rank", input_dim=20, output_dim=5, lora_rank=2),
        one(MAP, "BatchNormalization", "it renormalises", renorm=True),
        one(MAP, "BatchNormalization", "its axis is [1, 3]", axis=[1, 3]),
        one(MAP, "BatchNormalization", "its axis is 4", axis=4),
        one(MAP, "BatchNormalization", "its axis is 0", axis=0),
        one(MAP, "LayerNormalization", "it scales as a root mean square norm", rms_scaling=True),
        one(MAP, "GroupNormalization", "its axis is [1, 3], or it is applied to slices", axis=[1, 3], groups=2),
        one(MAP, "Normalization", "it is the inverse", invert=True),
        one(MAP, "Normalization", "its axis is [1, 3], not one", axis=[1, 3]),
        one(MAP, "Normalization", "its axis is None, not one", axis=None),
        one(MAP, "Normalization", "its axis is 1, not the last", axis=1, mean=[0.0] * 9, variance=[1.0] * 9),
        one(STEPS, "Conv2D", "it reads 2 axes instead of 3", filters=2, kernel_size=1),
        one(MAP, "Conv2D", "its window, strides or dilation are not above 0", filters=2, kernel_size=[3, 0]),
        one(STEPS, "Conv1DTranspose", "its padding is 'causal'", filters=2, kernel_size=3, padding="causal"),
        one(MAP, "ZeroPadding2D", "its amounts are [1, 2, 3]", padding=[1, 2, 3]),
        one(STEPS, "Resizing", "it resizes what is no image", height=3, width=3),
        one(MAP, "Resizing", "its interpolation is 'lanczos5'", height=3, width=3, interpolation="lanczos5"),
        one(STEPS, "CenterCrop", "it crops what is no image", height=3, width=3),
        one(MAP, "CenterCrop", "it crops to more than it reads, and resizes", height=3, width=9),
        one(STEPS, "Bidirectional", "its merge_mode is 'max'", layer=k.layer("LSTM", units=3), merge_mode="max"),
        one(STEPS, "Bidirectional", "its configuration names no layer", layer="LSTM"),
        one(MAP, "LSTM", "it reads 3 axes instead of 2", units=3),
        one(MAP, "Activation", "its activation is no function of Keras", activation={"class_name": 7}),
        one(MAP, "Softmax", "it is over several axes", axis=[1, 2]),
        one(MAP, "Softmax", "there is no axis 7", axis=7),
        one([None, 6, 4], "PReLU", "the number of its slopes is open: give it with --input"),
        one(MAP, "Permute", "its dims are [1, 2, 2]", dims=[1, 2, 2]),
        one(MAP, "RepeatVector", "it repeats what is no vector", n=3),
        one(MAP, "Rescaling", "its numbers are not given, or are more than one for each channel", scale=[]),
        one(MAP, "Dense", "units is no whole number above 0: 'three'", units="three"),
        one([4, 8, 3], "ConvLSTM1D", "its activation is no function of Keras", filters=2, kernel_size=3, activation={"class_name": 7}),
        one([4, 8, 3], "Bidirectional", "its states are read, or its directions are not concatenated",
            layer=k.layer("ConvLSTM1D", filters=2, kernel_size=3), merge_mode="sum"),
        one(STEPS, "RNN", "the states of several cells are read", return_state=True,
            cell={"class_name": "StackedRNNCells", "config": {"cells": [k.layer("LSTMCell", units=3)] * 2}}),
        one([7, None], "Dense", "it needs a size that the file leaves open: give it with --input", units=3),
        # layers on slices
        of_slices(MAP, "Conv2D", "it is applied to slices with the channels first", filters=2, kernel_size=1, data_format="channels_first"),
        of_slices(STEPS, "LSTM", "the states of slices are read", units=3, return_state=True),
        of_slices(STEPS, "Bidirectional", "the states of slices are read", layer=k.layer("LSTM", units=3, return_state=True)),
        one(STEPS, "Dense", "its use_bias is 'no', which is neither true nor false", units=3, use_bias="no"),
        one(STEPS, "LSTM", "its return_sequences is 2, which is neither true nor false", units=3, return_sequences=2),
        one(STEPS, "Dense", "one of its sizes is more than 10**15", units=10**30),
        one(MAP, "Conv2D", "one of its sizes is more than 10**15", filters=2, kernel_size=[3, 10**16]),
        one(MAP, "Conv2D", "its kernel_size is not given", filters=2),
        one(MAP, "Conv2D", "its data_format is 'NCHW'", filters=2, kernel_size=3, data_format="NCHW"),
        # layers of several
        called("MultiHeadAttention", "it reads no query and value", X, num_heads=2, key_dim=4),
        called("MultiHeadAttention", "it reads bias", X, X, {"bias": X}, num_heads=2, key_dim=4),
        called("MultiHeadAttention", "it reads values of different numbers of axes", X, k.tensor("y", 3, *STEPS), num_heads=2, key_dim=4),
        called("ConvLSTM1D", "it does not begin with two states of its own shape", k.tensor("y", 3, *STEPS), {"initial_state": [X, X]}, filters=2, kernel_size=3),
        called("LSTM", "its states are read", X, at=1, units=3),
        two("Attention", "it does not read a query, a value and a key that are sequences", [3, 7, 4], [3, 7, 4]),
        two("Softmax", "it reads a mask", MAP, MAP),
        two("Dense", "it reads 2 values instead of one", MAP, MAP, units=2),
        one(MAP, "Add", "it reads fewer than two values"),
        two("LSTM", "it does not begin with 2 states of 3 numbers", [7, 4], [3], units=3),
        two("Add", "the sizes 7 and 6 do not fit", [7, 4], [6, 4]),
        two("Concatenate", "its axis is None", [7, 4], [7, 4], axis=None),
        two("Concatenate", "what it reads has different numbers of axes", [7, 4], [4]),
        two("Concatenate", "it joins along the batch", [7, 4], [7, 4], axis=0),
        two("Dot", "its axes are not one of each of two values", [7, 4], [6, 4], axes=[1, 2, 2]),
        two("Dot", "it multiplies values of more than two axes", [5, 7, 4], [5, 6, 4], axes=3),
        two("Dot", "it multiplies along the batch", [7, 4], [7, 4], axes=0),
    ],
)  # fmt: skip
def test_a_layer_that_no_layer_type_is(kind, model, reason):
    lines = refusal(model).splitlines()
    assert lines[0] == f"error: the operator keras.layers.{kind} cannot be mapped: {reason}"
    assert lines[2].startswith("  = found: it reads ")


def function(kind, reason, shape, *more, **config):
    """Return the name of a function, a model that calls it with values of one shape, and why it is refused."""
    item = k.layer(kind, "f", module="keras.src.ops.numpy")
    item["config"] = {"name": "f", **config}
    model = k.functional(
        {"x": shape}, [k.called(item, *(k.tensor("x", *shape) if each == "x" else each for each in more))], "f"
    )
    return pytest.param(f"keras.ops.numpy.{kind}", model, reason, id=f"{kind}: {reason}")


def of_tensorflow(name, reason, **kwargs):
    """Return the same of a function of TensorFlow, as Keras 2 writes its call."""
    item = {"class_name": "TFOpLambda", "name": "f", "config": {"name": "f", "function": name}}
    model = k.functional({"x": MAP}, [item | {"inbound_nodes": [["x", 0, 0, kwargs]]}], "f")
    return pytest.param(f"tf.{name}", model, reason, id=f"{name}: {reason}")


def cut(reason, *keys):
    """Return the same of a slice of a value."""
    return function("GetItem", reason, MAP, "x", list(keys))


ELLIPSIS = {"class_name": "__ellipsis__", "config": {}}
WHOLE = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}


@pytest.mark.parametrize(
    ("operator", "model", "reason"),
    [
        function("Relu", "it reads no value", MAP),
        function("Add", "it reads no value", MAP, 1, 2),
        function("Stack", "it joins along the batch", MAP, [k.tensor("x", *MAP)], axis=0),
        function("Stack", "it joins along the batch", MAP, [k.tensor("x", *MAP)]),
        function("Reshape", "its shape depends on values", MAP, "x", newshape="x"),
        function("Roll", "it shifts the batch", MAP, "x", shift=1, axis=0),
        function("Take", "its places are no list of whole numbers", MAP, "x", "y", axis=1),
        function("Matmul", "it does not multiply two values of several axes", [4], "x", "x"),
        function("ExtractPatches", "it cuts what is no image with the channels last", STEPS, "x", size=[2, 2]),
        function("Split", "it splits the batch, or an axis whose size is open", MAP, "x", indices_or_sections=1, axis=0),
        of_tensorflow("linalg.matmul", "it transposes its first value", b=["x", 0, 0], transpose_a=True),
        of_tensorflow("linalg.matmul", "it transposes its first value", b=["x", 0, 0], adjoint_a=True),
        cut("it has two ellipses", ELLIPSIS, ELLIPSIS),
        cut("it cuts more axes than there are", *[WHOLE] * 5),
        cut("it cuts the batch", 0),
        cut("it cuts by values", WHOLE, "a"),
        cut("it cuts by values", WHOLE, {"class_name": "__slice__", "config": {"start": 0.5, "stop": None, "step": None}}),
    ],
)  # fmt: skip
def test_a_function_that_no_layer_type_is(operator, model, reason):
    assert refusal(model).splitlines()[0] == f"error: the operator {operator} cannot be mapped: {reason}"


def test_a_layer_on_slices_of_what_has_none():
    lines = refusal(k.sequential([4], k.layer("TimeDistributed", layer=k.layer("Dense", units=3)))).splitlines()
    assert lines[0] == (
        "error: the operator keras.layers.Dense cannot be mapped: "
        "it is applied to slices of a value that has too few axes"
    )


def test_a_wrapper_around_what_is_no_layer():
    wrapper = k.layer("TimeDistributed", layer={"class_name": {"a": 1}, "config": {}})
    assert refusal(k.sequential(STEPS, wrapper)).startswith(
        "error: the operator keras.layers.TimeDistributed has no layer type\n"
    )


def test_a_pool_over_no_positions():
    """Keras counts the axes of a function's pool by its value."""
    item = k.layer("MaxPool", "f", module="keras.src.ops.nn", pool_size=2)
    model = k.functional({"x": [4]}, [k.called(item, k.tensor("x", 4))], "f")
    assert refusal(model).startswith(
        "error: the operator keras.ops.nn.MaxPool cannot be mapped: it works on 1 to 3 axes of positions\n"
    )
