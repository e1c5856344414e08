"""torchprofile: operators of a traced graph by handlers; multiplications of tensors count, too.

Source: torchprofile/handlers.py of 0.1.0.
"""

from __future__ import annotations

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
    macs_unless_same,
    norm,
    per_output,
    scaled_positions,
)

_SHAPES = "products of sizes in the traced graph"


def _transposed(call: Call) -> Count:
    """Count by the output; where as many channels are read as given, by those of a group, else by all that are read."""
    same = call.layer.inputs[0].shape[0] == call.layer.output_shape[0]
    return {PRODUCTS: scaled_positions(call) * (1 if same else call.field("groups"))}


def _scores(call: Call) -> Count:
    """Count the products of attention, and the four of sizes that nn.MultiheadAttention works out."""
    return {PRODUCTS: call.macs, _SHAPES: 4 if call.attends else 0}


def _mean(call: Call) -> Count:
    return {"means": call.given if call.field("op") == "mean" else 0}


def _upsample(call: Call) -> Count:
    return {"upsampling": 4 * call.given if call.field("mode") == "bilinear" else 0}


_RULES: dict[str, Rule] = {
    **all_of(macs_unless_same, *CONVOLUTIONS),
    **all_of(macs, "linear", "matmul", "attention_context", "lstm"),
    "attention_scores": _scores,
    "transposed_conv": _transposed,
    "tokens": lambda call: {_SHAPES: 1},
    **all_of(norm("norms", 1, 0), "batch_norm", "layer_norm", "group_norm", "instance_norm"),
    **all_of(per_output("average pooling"), "avg_pool", "adaptive_avg_pool", "global_avg_pool"),
    **all_of(per_output("multiplications of tensors"), "multiply", "scale"),
    "leaky_relu": per_output("activations"),
    "reduce": _mean,
    "upsample": _upsample,
    "grid_sample": per_output("sampling", 4),
}

TORCHPROFILE = ToolConvention(
    "torchprofile",
    "torchprofile, profile_macs",
    "0.1.0",
    "https://github.com/zhijian-liu/torchprofile/blob/main/torchprofile/handlers.py",
    MACS,
    _RULES,
    unseen={
        **dict.fromkeys(CONVOLUTIONS, "padding='same' is an operator that is not counted"),
        "transposed_conv": "transposed convolutions by the size of their output",
        "gru": "recurrent layers other than LSTM are not counted",
        "rnn": "recurrent layers other than LSTM are not counted",
    },
)
