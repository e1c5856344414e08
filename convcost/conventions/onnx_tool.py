"""onnx-tool: nodes of an ONNX file, each elementary function by a cost of its own, such as 32 for an exponential.

The rules are of the nodes that PyTorch's exporter writes: batch norms behind convolutions are folded into them, and a
GELU, for one, is five nodes. `onnx-tool-unfolded` is the file of a network whose batch norms stay.

Source: onnx_tool/node.py of 1.0.1.
"""

from __future__ import annotations

from math import prod

from convcost.conventions.base import (
    CONVOLUTIONS,
    MACS,
    PRODUCTS,
    Call,
    Count,
    Rule,
    ToolConvention,
    all_of,
    macs,
    nothing,
    per_input,
    per_output,
)
from convcost.conventions.recurrent import steps

_ADD, _MUL, _CMP, _DIV, _EXP, _SQRT = 1, 1, 1, 4, 32, 24
_TANH = _EXP + 2 * _ADD + _DIV
_BIASES = "biases"
_ATTENTION = "scaling and biases of attention"


def _with_bias(call: Call) -> Count:
    """Count products and biases, among them those of a norm that is folded."""
    return {PRODUCTS: call.macs, _BIASES: call.given if call.biases or call.folds else 0}


def _unfolded_bias(call: Call) -> Count:
    return {PRODUCTS: call.macs, _BIASES: call.given if call.biases else 0}


def _transposed(call: Call) -> Count:
    """Count the channels that a group gives for each value of the output, whatever the channels that are read."""
    of_group = call.layer.output_shape[0] // call.field("groups")
    products = call.given * of_group * prod(call.field("kernel_size"))
    return {PRODUCTS: products, _BIASES: call.given if call.biases or call.folds else 0}


def _batch_norm(call: Call) -> Count:
    return {"batch norms": 0 if call.folded else _unfolded_norm(call)["batch norms"]}


def _unfolded_norm(call: Call) -> Count:
    return {"batch norms": (3 * _ADD + _SQRT + _DIV) * call.read}


def _layer_norm(call: Call) -> Count:
    """Count seven for each value, and a root and a division for each size of the first axis that is normalized over."""
    axis = call.field("axis")
    first = axis[0] if isinstance(axis, tuple) else axis if axis is not None else len(call.layer.output_shape) - 1
    rows = call.read // call.layer.output_shape[first]
    return {"layer norms": 7 * call.read + (_ADD + _SQRT + _DIV) * rows}


def _window(call: Call) -> Count:
    """Count a window for each value of the output: both axes of two, of others the first."""
    sizes = call.field("kernel_size")
    return {"pooling": call.given * (prod(sizes) if len(sizes) == 2 else sizes[0])}


def _adaptive(call: Call) -> Count:
    """Count a window, which the exporter takes from sizes that divide each other, as that of a pool."""
    sizes = [size // given for size, given in zip(call.layer.inputs[0].shape[1:], call.positions, strict=True)]
    return {"pooling": call.given * (prod(sizes) if len(sizes) == 2 else sizes[0])}


def _global_average(call: Call) -> Count:
    return {"pooling": call.read + _DIV * call.given}


_RESIZING = {"nearest": 0, "linear": 4, "bilinear": 4, "trilinear": 4, "bicubic": 8}


def _upsample(call: Call) -> Count:
    return {"upsampling": _RESIZING[str(call.field("mode"))] * call.given}


def _scores(call: Call) -> Count:
    """Count the products, queries and keys scaled by the root of the scale, and the arithmetic of sizes."""
    keys = prod(call.layer.inputs[1].shape)
    return {PRODUCTS: call.macs, _ATTENTION: call.read + keys, "sizes in the graph": 3 * _SQRT + _DIV + 2}


_GATES = {"lstm": (4, 3, 2, 4), "gru": (3, 2, 1, 5)}


def _recurrent(call: Call) -> Count:
    """Count gates, sigmoids, hyperbolic tangents and the new state, of one direction even where there are two."""
    sums, sigmoids, tangents, joins = _GATES[call.layer.type]
    states = call.field("hidden_size") * call.field("num_layers") * steps(call)
    each = _ADD * sums + _EXP * sigmoids + _TANH * tangents + joins
    return {
        PRODUCTS: call.macs,
        _BIASES: call.biases * steps(call),
        "gates and states of recurrent layers": each * states,
    }


_ACTIVATIONS = {
    "relu": _CMP,
    "relu6": 2 * _CMP,
    "leaky_relu": _MUL + _CMP,
    "prelu": _MUL + _CMP,
    "elu": _CMP + _EXP + _ADD + _MUL,
    "silu": _EXP + _MUL,
    "gelu": _DIV + _ADD + 2 * _MUL,
    "sigmoid": _EXP,
    "tanh": 2 * _TANH,
    "hard_swish": 2 * _MUL + _ADD + 2 * _CMP,
    "hard_sigmoid": _MUL + _ADD + 2 * _CMP,
}
_RULES: dict[str, Rule] = {
    **all_of(_with_bias, *CONVOLUTIONS, "linear"),
    "transposed_conv": _transposed,
    **all_of(macs, "matmul", "attention_context"),
    "attention_scores": _scores,
    **all_of(nothing, "attention_scale"),
    "softmax": per_input("softmax", _EXP + _DIV),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "instance_norm": per_input("instance norms", 2 * _ADD + _MUL + _DIV),
    "group_norm": per_input("group norms", 3 * _ADD + 2 * _MUL + _DIV),
    **{type: per_input("activations", cost) for type, cost in _ACTIVATIONS.items()},
    **all_of(_window, "max_pool", "avg_pool"),
    "adaptive_avg_pool": _adaptive,
    "global_avg_pool": _global_average,
    "global_max_pool": per_input("pooling"),
    "reduce": per_input("reductions"),
    "upsample": _upsample,
    **all_of(per_output("sums and products of tensors"), "add", "subtract", "multiply"),
    **all_of(nothing, "concat", "dropout", "flatten", "pixel_shuffle", "embedding", "identity", "slice", "split"),
    **all_of(nothing, "permute", "reshape", "tokens", "feature_map", "rearrange", "parameter", "pad"),
    **all_of(_recurrent, "lstm", "gru"),
}


def _channels(call: Call) -> int:
    return call.layer.output_shape[-1] if call.layer.type == "linear" else call.layer.output_shape[0]


def _params(call: Call) -> int:
    """Count what the file keeps: statistics of norms that stay, biases where norms are folded."""
    if call.folded:
        return 0
    return call.params + call.buffers + (_channels(call) if call.folds and not call.biases else 0)


_TITLE, _VERSION = "onnx-tool, model_profile", "1.0.1"
_SOURCE = "https://github.com/ThanatosShinji/onnx-tool/blob/main/onnx_tool/node.py"
_UNSEEN = {
    "rnn": "RNN ends the tool with an error",
    "transposed_conv": "transposed convolutions by the size and the channels of their output",
}


def _is_exported(call: Call) -> bool:
    """Return whether PyTorch exports it: an adaptive pool to sizes that divide those that it reads."""
    if call.layer.type != "adaptive_avg_pool":
        return True
    return not any(size % given for size, given in zip(call.layer.inputs[0].shape[1:], call.positions, strict=True))


ONNX_TOOL = ToolConvention(
    "onnx-tool",
    f"{_TITLE}, batch norms folded",
    _VERSION,
    _SOURCE,
    MACS,
    _RULES,
    unseen=_UNSEEN,
    params=_params,
    exhaustive=False,
    knows=_is_exported,
    notes=("Of the file that PyTorch exports; other exporters write other nodes.",),
)
UNFOLDED = ToolConvention(
    "onnx-tool-unfolded",
    f"{_TITLE}, batch norms kept",
    _VERSION,
    _SOURCE,
    MACS,
    {**_RULES, **all_of(_unfolded_bias, *CONVOLUTIONS, "linear"), "batch_norm": _unfolded_norm},
    unseen=_UNSEEN,
    params=lambda call: call.params + call.buffers,
    exhaustive=False,
    knows=_is_exported,
    notes=("Of the file that PyTorch exports, training=TrainingMode.PRESERVE.",),
)
