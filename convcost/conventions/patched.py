"""The rules that calflops has from DeepSpeed's profiler: functions of torch.nn.functional that are patched."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from convcost.conventions.base import (
    CONVOLUTIONS,
    FLOPS,
    POOLS,
    PRODUCTS,
    RECURRENT,
    Call,
    Count,
    Rule,
    all_of,
    flops,
    norm,
    nothing,
    per_input,
)
from convcost.conventions.recurrent import with_states

SOME_FUNCTIONS = {
    **dict.fromkeys(CONVOLUTIONS, "padding='same' by half of the kernel, rounded down on both sides"),
    "lstm": "recurrent layers are not counted",
    "gru": "recurrent layers are not counted",
    "rnn": "recurrent layers are not counted",
}
"""Why products are counted otherwise, by layer type."""


def _convolution(call: Call) -> Count:
    """Count products and biases; padding by the word `same` is half of what a kernel reaches, rounded down."""
    positions = prod(call.positions)
    counted = positions
    if call.same:
        axes = zip(call.positions, call.field("kernel_size"), call.field("dilation") or (), strict=True)
        counted = prod(size - dilation * (k - 1) % 2 for size, k, dilation in axes)
    biases = call.given // positions * counted if call.biases else 0
    return {PRODUCTS: 2 * call.macs // positions * counted, "biases of convolutions": biases}


def _softmax(call: Call) -> Count:
    return {} if call.attends else {"softmax": call.read}


def _relu6(call: Call) -> Count:
    """Count F.relu6; the module calls another function."""
    return {"activations": call.read if call.functional else 0}


def rules_of(transposed: Rule, upsample: Rule) -> dict[str, Rule]:
    """Return the rules, with the two that differ between the profilers."""
    return {
        **all_of(_convolution, *CONVOLUTIONS),
        "transposed_conv": transposed,
        **all_of(flops, "linear", "matmul"),
        **all_of(per_input("activations"), "relu", "prelu", "elu", "leaky_relu", "silu", "gelu"),
        "relu6": _relu6,
        "batch_norm": norm("batch norms", 2, 1),
        **all_of(norm("norms with statistics of the input", 5, 4), "layer_norm", "group_norm", "instance_norm"),
        **all_of(per_input("pooling"), *POOLS),
        "softmax": _softmax,
        "upsample": upsample,
        **all_of(with_states(FLOPS, {"lstm": 10, "gru": 7, "rnn": 1}, less_one=True), *RECURRENT),
    }


def products_of(rules: Mapping[str, Rule]) -> dict[str, Rule]:
    """Return the rules of the multiply–accumulates that the same profiler prints."""

    def halved(rule: Rule) -> Rule:
        return lambda call: {PRODUCTS: rule(call).get(PRODUCTS, 0) // 2}

    return {type: nothing if type in RECURRENT else halved(rule) for type, rule in rules.items()}
