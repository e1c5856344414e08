"""Keras and TensorFlow's profiler: parameters by count_params, operations of a frozen graph by its statistics.

An operator without statistics counts as 0: sigmoids, ReLU, resizing, maxima over whole maps. Grouped convolutions run
in a function that is not looked into; of a loop, as in recurrent layers, an arbitrary part is counted.

Source: tensorflow/python/profiler/internal/flops_registry.py and tensorflow/python/ops/nn_ops.py of 2.21.0, for the
operators that layers of Keras 3.15.1 call.
"""

from __future__ import annotations

from math import prod

from convcost.conventions.base import (
    CONVOLUTIONS,
    FLOPS,
    PRODUCTS,
    Call,
    Count,
    Rule,
    ToolConvention,
    all_of,
    flops,
    nothing,
    per_input,
    per_output,
)

_BIASES, _NORMS = "biases", "norms"


def _convolution(call: Call) -> Count:
    """Count products and biases; a dilation rounds the sizes of the output up, and groups hide the products."""
    biases = call.given if call.biases else 0
    groups, channels = call.field("groups") or 1, call.layer.inputs[0].shape[0]
    if call.layer.type != "depthwise_conv" and groups not in (1, channels):
        return {_BIASES: biases}
    dilation = call.field("dilation") or (1,) * len(call.positions)
    positions = prod(-(-size // step) * step for size, step in zip(call.positions, dilation, strict=True))
    return {PRODUCTS: 2 * call.macs // prod(call.positions) * positions, _BIASES: biases}


def _linear(call: Call) -> Count:
    return {PRODUCTS: 2 * call.macs, _BIASES: call.given if call.biases else 0}


def _transposed(call: Call) -> Count:
    """Count the products of the output divided by the strides; over three axes there are no statistics."""
    biases = call.given if call.biases else 0
    if len(call.positions) > 2:
        return {_BIASES: biases}
    weights = (call.params - call.biases) // call.layer.output_shape[0]
    return {PRODUCTS: 2 * call.given * weights // prod(call.field("stride")), _BIASES: biases}


def _batch_norm(call: Call) -> Count:
    """Count two for each value, and five for each channel and one more for its scale."""
    channels = call.layer.output_shape[call.field("axis") or 0]
    scale = call.affine and call.field("scale")
    return {_NORMS: 2 * call.read + (6 if scale else 5) * channels}


def _layer_norm(call: Call) -> Count:
    """Count mean, variance and what follows for each value, and the rest for each mean."""
    axis = call.field("axis")
    first = axis[0] if isinstance(axis, tuple) else axis if axis is not None else len(call.layer.output_shape) - 1
    rows = call.read // prod(call.layer.output_shape[first:])
    return {_NORMS: 9 * call.read + 4 * rows if call.affine else 6 * call.read + 5 * rows}


def _group_norm(call: Call) -> Count:
    groups = call.field("num_groups")
    channels = call.layer.output_shape[0]
    return {_NORMS: 6 * call.read + 4 * groups + (3 * channels if call.affine else groups)}


def _pool(call: Call) -> Count:
    return {"pooling": call.given * prod(call.field("kernel_size"))}


def _prelu(call: Call) -> Count:
    return {"activations": 3 * call.read + call.params}


def _upsample(call: Call) -> Count:
    """Count a product of sizes on each axis of nearest neighbours, and nothing of resizing."""
    return {"sizes in the graph": len(call.positions) if call.field("mode") == "nearest" else 0}


def _mean(call: Call) -> Count:
    return {"reductions": call.read if call.field("op") == "mean" else 0}


_RULES: dict[str, Rule] = {
    **all_of(_convolution, *CONVOLUTIONS),
    "transposed_conv": _transposed,
    "linear": _linear,
    "matmul": flops,
    "attention_scale": per_output("scaling of attention"),
    **all_of(nothing, "attention_scores", "attention_context"),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    **all_of(nothing, "relu", "relu6", "leaky_relu", "elu", "sigmoid", "tanh"),
    "silu": per_input("activations", 2),
    "gelu": per_input("activations", 4),
    "hard_swish": per_input("activations", 3),
    "hard_sigmoid": per_input("activations", 2),
    "prelu": _prelu,
    "softmax": per_input("softmax", 5),
    **all_of(_pool, "max_pool", "avg_pool"),
    "global_avg_pool": per_input("pooling"),
    "global_max_pool": nothing,
    "upsample": _upsample,
    **all_of(per_output("sums and products of tensors"), "add", "subtract", "multiply"),
    **all_of(nothing, "concat", "dropout", "flatten", "identity", "pad", "crop", "permute", "reshape", "tokens"),
    "embedding": per_input("sizes in the graph", 2),
}

KERAS = ToolConvention(
    "keras",
    "TensorFlow, tf.profiler, on layers of Keras",
    "2.21.0",
    "https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/profiler/internal/flops_registry.py",
    FLOPS,
    _RULES,
    unseen={
        **dict.fromkeys(CONVOLUTIONS, "grouped convolutions are not counted, dilated ones by sizes rounded up"),
        "transposed_conv": "transposed convolutions by their output and strides",
        "attention_scores": "the products of attention are not counted",
        "attention_context": "the products of attention are not counted",
    },
    params=lambda call: call.params + call.buffers,
    exhaustive=False,
    notes=("Parameters with the statistics of batch norms, as count_params has them.",),
)
