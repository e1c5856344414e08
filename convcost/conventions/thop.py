"""thop: modules by forward hooks; what is called as a function, or is no class of its table, counts as 0.

Source: thop/profile.py, thop/vision/basic_hooks.py and calc_func.py of 0.1.1.post2209072238.
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
    norm,
    nothing,
    per_input,
    per_output,
    scaled_positions,
)
from convcost.conventions.recurrent import unprojected, with_states


def _linear(call: Call) -> Count:
    """Count the products of a linear layer; those of nn.MultiheadAttention are of another class."""
    return {} if call.attends else macs(call)


def _transposed(call: Call) -> Count:
    """Count as many products for each value of the output as if it were no transposed convolution."""
    return {PRODUCTS: scaled_positions(call)}


def _softmax(call: Call) -> Count:
    """Count n exponentials, n - 1 additions and n divisions for n values; that of attention is no module."""
    if call.attends:
        return {}
    axis = call.field("axis") or 0
    size = call.layer.output_shape[axis]
    return {"softmax": (3 * size - 1) * (call.given // size)}


def _adaptive_pool(call: Call) -> Count:
    """Count the window and a division for each value of the output."""
    window = prod(call.layer.inputs[0].shape[1:])
    positions = prod(call.positions)
    return {"adaptive average pooling": (window * call.given) // positions + call.given}


_UPSAMPLING = {"nearest": 1, "linear": 5, "bilinear": 11, "bicubic": 259}


def _upsample(call: Call) -> Count:
    return {"upsampling": _UPSAMPLING.get(str(call.field("mode")), 0) * call.given}


STATES = {"lstm": 8, "gru": 7, "rnn": 1}
"""The operations for each number of a state: one for each gate, and those that join them."""

_RULES: dict[str, Rule] = {
    **all_of(macs, *CONVOLUTIONS),
    "transposed_conv": _transposed,
    "linear": _linear,
    "batch_norm": norm("batch norms", 4, 2),
    **all_of(norm("norms with statistics of the input", 4, 2), "layer_norm", "instance_norm"),
    "prelu": per_input("activations"),
    "softmax": _softmax,
    "avg_pool": per_output("average pooling"),
    **all_of(_adaptive_pool, "adaptive_avg_pool", "global_avg_pool"),
    "upsample": _upsample,
    **all_of(nothing, "relu", "relu6", "leaky_relu", "max_pool", "adaptive_max_pool", "global_max_pool", "dropout"),
    "pixel_shuffle": nothing,
    "lstm": unprojected(with_states(MACS, STATES)),
    **all_of(with_states(MACS, STATES), "gru", "rnn"),
}


def _params(call: Call) -> int:
    """Count the parameters of the modules that have a rule."""
    if call.functional or call.attends or call.layer.type not in _RULES:
        return 0
    return call.params


THOP = ToolConvention(
    "thop",
    "thop, profile",
    "0.1.1.post2209072238",
    "https://github.com/Lyken17/pytorch-OpCounter/tree/master/thop",
    MACS,
    _RULES,
    sees_functions=False,
    unseen={
        "linear": "the projections of nn.MultiheadAttention are not seen",
        "attention_scores": "the products of attention are not seen",
        "attention_context": "the products of attention are not seen",
        "matmul": "products that are called as functions are not seen",
        "transposed_conv": "transposed convolutions by the size of their output",
    },
    params=_params,
    notes=("Counts parameters of modules with a rule only.",),
)
