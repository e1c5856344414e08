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


@pytest.mark.parametrize(
    ("kind", "model", "reason"),
    [
        # layers of one value
        one(STEPS, "Dense", "its kernel has an update of low rank", units=3, lora_rank=2),
        one(STEPS, "EinsumDense", "its kernel has an update of low rank", equation="abc,cd->abd", output_shape=[7, 3], lora_rank=2),
        one(STEPS, "EinsumDense", "its output_shape leaves the sizes of its weights open", equation="abc,cd->abd", output_shape=[7, None]),
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
        one(STEPS, "Dense", "its use_bias is 'no', which is neither true nor false", units=3, use_bias="no"),
        one(STEPS, "LSTM", "its return_sequences is 2, which is neither true nor false", units=3, return_sequences=2),
        one(STEPS, "Dense", "one of its sizes is more than 10**15", units=10**30),
        one(MAP, "Conv2D", "one of its sizes is more than 10**15", filters=2, kernel_size=[3, 10**16]),
        one(MAP, "Conv2D", "its kernel_size is not given", filters=2),
        one(MAP, "Conv2D", "its data_format is 'NCHW'", filters=2, kernel_size=3, data_format="NCHW"),
        # layers of several
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
    assert lines[-1].startswith("  = found: it reads ")


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
