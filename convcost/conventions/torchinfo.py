"""torchinfo: the parameters of modules, each as often as it is used by its rule of thumb.

A convolution's weights and biases count at every position of its output; those of any other module once for each input,
so that a linear layer on tokens counts as one on a single vector. Only modules without children count.

Source: torchinfo/layer_info.py, calculate_macs, of 1.8.0.
"""

from __future__ import annotations

from math import prod

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
)


def _convolution(call: Call) -> Count:
    """Count weights and biases at each position of the output."""
    positions = prod(call.positions)
    return {PRODUCTS: (call.params - call.biases) * positions, "biases": call.biases * positions}


def _linear(call: Call) -> Count:
    """Count weights and biases once."""
    if call.attends:
        return {}
    return {PRODUCTS: call.params - call.biases, "biases": call.biases}


def _norm(call: Call) -> Count:
    return {"the parameters of norms": call.params}


def _recurrent(call: Call) -> Count:
    """Count all parameters at each step."""
    steps = call.layer.inputs[0].shape[0]
    return {PRODUCTS: (call.params - call.biases) * steps, "biases": call.biases * steps}


_RULES: dict[str, Rule] = {
    **all_of(_convolution, *CONVOLUTIONS, "transposed_conv"),
    "linear": _linear,
    **all_of(_norm, "batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"),
    "prelu": lambda call: {"the parameters of activations": call.params},
    "embedding": lambda call: {"embeddings": call.params},
    **all_of(_recurrent, *RECURRENT),
}

TORCHINFO = ToolConvention(
    "torchinfo",
    "torchinfo, summary",
    "1.8.0",
    "https://github.com/TylerYep/torchinfo/blob/main/torchinfo/layer_info.py",
    MACS,
    _RULES,
    sees_functions=False,
    unseen={
        "linear": "linear layers on tokens count as on one vector, those inside nn.MultiheadAttention not at all",
        "attention_scores": "the products of attention are not seen",
        "attention_context": "the products of attention are not seen",
        "matmul": "products that are called as functions are not seen",
        "transposed_conv": "transposed convolutions by the size of their output",
    },
)
