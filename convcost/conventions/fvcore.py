"""fvcore: operators of a traced graph; what has no handle counts as 0 and is listed as unsupported.

Source: fvcore/nn/flop_count.py and fvcore/nn/jit_handles.py of 0.1.5.post20221221.
"""

from __future__ import annotations

from convcost.conventions.base import (
    CONVOLUTIONS,
    MACS,
    Call,
    Count,
    Rule,
    ToolConvention,
    all_of,
    macs,
    macs_unless_same,
    norm,
    per_input,
    per_output,
)


def _upsample(call: Call) -> Count:
    """Count nearest neighbours once for each value and bilinear ones four times, of maps with two axes."""
    factors = {"nearest": 1, "bilinear": 4} if len(call.positions) == 2 else {}
    factor = factors.get(str(call.field("mode")), 0)
    return {"upsampling": factor * call.given}


def _pool(call: Call) -> Count:
    """Count each value that an adaptive pool of two axes reads."""
    return {"adaptive average pooling": call.read if len(call.layer.inputs[0].shape) == 3 else 0}


_RULES: dict[str, Rule] = {
    **all_of(macs_unless_same, *CONVOLUTIONS),
    **all_of(macs, "transposed_conv", "linear", "matmul"),
    "batch_norm": norm("batch norms", 2, 1),
    **all_of(norm("norms with statistics of the input", 5, 4), "layer_norm", "group_norm", "instance_norm"),
    **all_of(_pool, "adaptive_avg_pool", "global_avg_pool"),
    "upsample": _upsample,
    "grid_sample": per_output("sampling", 4),
    "parameter": per_input("", 0),
}

FVCORE = ToolConvention(
    "fvcore",
    "fvcore, FlopCountAnalysis",
    "0.1.5.post20221221",
    "https://github.com/facebookresearch/fvcore/blob/main/fvcore/nn/jit_handles.py",
    MACS,
    _RULES,
    unseen={
        **dict.fromkeys(CONVOLUTIONS, "padding='same' is an operator that is not counted"),
        "attention_scores": "the products of scaled_dot_product_attention are not counted",
        "attention_context": "the products of scaled_dot_product_attention are not counted",
        "lstm": "recurrent layers are not counted",
        "gru": "recurrent layers are not counted",
        "rnn": "recurrent layers are not counted",
        "deform_conv": "deformable convolutions are not counted",
    },
    notes=("Its 'flops' are multiply–accumulates.",),
)
