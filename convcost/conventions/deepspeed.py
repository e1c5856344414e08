"""DeepSpeed's profiler: functions of torch.nn.functional that it patches; two for each multiply–accumulate.

It prints multiply–accumulates, too: the products of the functions, and none of recurrent layers.

Source: deepspeed/profiling/flops_profiler/profiler.py of 0.19.8.
"""

from __future__ import annotations

from convcost.conventions.base import FLOPS, MACS, PRODUCTS, Call, Count, ToolConvention, all_of, flops, per_output
from convcost.conventions.patched import SOME_FUNCTIONS, products_of, rules_of

_SOURCE = "https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/profiling/flops_profiler/profiler.py"
_RESIZED = per_output("upsampling")


def _upsample(call: Call) -> Count:
    """Count the values of the output; where a size is given, without its channels."""
    if call.field("size") is None:
        return _RESIZED(call)
    return {"upsampling": call.given // call.layer.output_shape[0]}


def _transposed(call: Call) -> Count:
    return {PRODUCTS: 2 * call.macs, "biases of convolutions": call.given if call.biases else 0}


_RULES = {**rules_of(_transposed, _upsample), **all_of(flops, "attention_scores", "attention_context")}

DEEPSPEED = ToolConvention(
    "deepspeed",
    "DeepSpeed, get_model_profile",
    "0.19.8",
    _SOURCE,
    FLOPS,
    _RULES,
    unseen=SOME_FUNCTIONS,
    notes=("ReLU6 as a module, hard activations and sigmoids are not patched.",),
)
MACS_PRINTED = ToolConvention(
    "deepspeed-macs",
    "DeepSpeed, get_model_profile, its macs",
    "0.19.8",
    _SOURCE,
    MACS,
    products_of(_RULES),
    unseen=SOME_FUNCTIONS,
)
