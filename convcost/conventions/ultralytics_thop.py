"""ultralytics-thop: modules by forward hooks as thop, and products that are called as functions.

Source: thop/profile.py, thop/vision/basic_hooks.py, calc_func.py and thop/rnn_hooks.py of 2.2.3.
"""

from __future__ import annotations

from convcost.conventions.base import (
    CONVOLUTIONS,
    MACS,
    PRODUCTS,
    RECURRENT,
    Call,
    Count,
    Rule,
    ToolConvention,
    all_of,
    macs,
    norm,
    per_input,
)
from convcost.conventions.recurrent import projected, with_states
from convcost.conventions.thop import STATES

_UPSAMPLING = {"nearest": 0, "linear": 5, "bilinear": 11, "trilinear": 31, "bicubic": 259}


def _softmax(call: Call) -> Count:
    """Count n exponentials, n - 1 additions and n divisions for n values."""
    size = call.layer.output_shape[call.field("axis") or 0]
    return {"softmax": (3 * size - 1) * (call.given // size)}


def _average_pool(call: Call) -> Count:
    """Count the values of each window, without those behind padding, and a division for each value of the output."""
    fields = [call.field(name) for name in ("kernel_size", "stride", "padding")]
    if fields[2] == "same":
        fields[2] = tuple((0, 0) for _ in fields[0])
    padded = call.field("count_include_pad")
    windows = 1
    for size, output, k, s, (before, after) in zip(
        call.layer.inputs[0].shape[1:], call.positions, *fields, strict=True
    ):
        lower, upper = (-before, size + after) if padded else (0, size)
        windows *= sum(max(min(at * s - before + k, upper) - max(at * s - before, lower), 0) for at in range(output))
    return {"average pooling": call.layer.output_shape[0] * windows + call.given}


def _adaptive_pool(call: Call) -> Count:
    """Count the values of each window, and a division for each value of the output."""
    windows = call.layer.output_shape[0]
    for size, output in zip(call.layer.inputs[0].shape[1:], call.positions, strict=True):
        windows *= sum(-(-(at + 1) * size // output) - at * size // output for at in range(output))
    return {"adaptive average pooling": windows + call.given}


def _upsample(call: Call) -> Count:
    return {"upsampling": _UPSAMPLING[str(call.field("mode"))] * call.given}


def _lstm(call: Call) -> Count:
    """Count products, the projections of states among them, biases and states."""
    found = dict(_STATES(call))
    return {**found, PRODUCTS: found[PRODUCTS] + projected(call)}


def _of_modules(rule: Rule) -> Rule:
    """Return a rule of modules alone."""
    return lambda call: {} if call.functional else rule(call)


_STATES = with_states(MACS, STATES)
_MODULES: dict[str, Rule] = {
    **all_of(macs, *CONVOLUTIONS, "transposed_conv"),
    **all_of(norm("norms", 4, 2), "batch_norm", "layer_norm", "instance_norm", "group_norm", "rms_norm"),
    "prelu": per_input("activations"),
    **all_of(_softmax, "softmax"),
    "avg_pool": _average_pool,
    **all_of(_adaptive_pool, "adaptive_avg_pool", "global_avg_pool"),
    "upsample": _upsample,
    "lstm": _lstm,
    **all_of(_STATES, *(type for type in RECURRENT if type != "lstm")),
}


def _log_softmax(call: Call) -> Count:
    size = call.layer.output_shape[call.field("axis") or 0]
    return {"softmax": 3 * size * (call.given // size)}


_MODULES["log_softmax"] = _log_softmax
_RULES: dict[str, Rule] = {
    **{type: _of_modules(rule) for type, rule in _MODULES.items()},
    **all_of(macs, "linear", "matmul", "attention_scores", "attention_context"),
}

ULTRALYTICS_THOP = ToolConvention(
    "ultralytics-thop",
    "ultralytics-thop, profile",
    "2.2.3",
    "https://github.com/ultralytics/thop/tree/main/thop",
    MACS,
    _RULES,
    notes=("Sees products that are called as functions, and other functions not.",),
)
