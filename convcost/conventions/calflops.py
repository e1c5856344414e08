"""calflops: functions of torch.nn.functional that it patches, which modules call; two for each multiply–accumulate.

Source: calflops/pytorch_ops.py of 0.3.2.
"""

from __future__ import annotations

from math import prod

from convcost.conventions.base import (
    CONVOLUTIONS,
    FLOPS,
    POOLS,
    PRODUCTS,
    Call,
    Convention,
    Count,
    Rule,
    all_of,
    flops,
    norm,
    per_input,
)


def _convolution(call: Call) -> Count:
    return {PRODUCTS: 2 * call.macs, "biases of convolutions": call.given if call.biases else 0}


def _upsample(call: Call) -> Count:
    """Count the positions of the output where a size is given, else the values that are read; channels are left out."""
    return {"upsampling": prod(call.positions) if call.field("size") is not None else call.read}


def _softmax(call: Call) -> Count:
    return {} if call.attends else {"softmax": call.read}


_RULES: dict[str, Rule] = {
    **all_of(_convolution, *CONVOLUTIONS, "transposed_conv"),
    **all_of(flops, "linear", "matmul"),
    **all_of(per_input("activations"), "relu", "prelu", "elu", "leaky_relu", "silu", "gelu"),
    "batch_norm": norm("batch norms", 2, 1),
    **all_of(norm("norms with statistics of the input", 5, 4), "layer_norm", "group_norm", "instance_norm"),
    **all_of(per_input("pooling"), *POOLS),
    "softmax": _softmax,
    "upsample": _upsample,
}

CALFLOPS = Convention(
    "calflops",
    "calflops, calculate_flops",
    "0.3.2",
    "https://github.com/MrYxJ/calculate-flops.pytorch/blob/main/calflops/pytorch_ops.py",
    FLOPS,
    _RULES,
    unseen={
        "attention_scores": "the products of scaled_dot_product_attention are not counted",
        "attention_context": "the products of scaled_dot_product_attention are not counted",
    },
    notes=("ReLU6, hard activations and sigmoids are not patched.",),
)
