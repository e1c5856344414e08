"""calflops: functions of torch.nn.functional that it patches, which modules call; two for each multiply–accumulate.

It prints multiply–accumulates, too: the products of the functions, and none of recurrent layers.

Source: calflops/pytorch_ops.py of 0.3.2.
"""

from __future__ import annotations

from math import prod

from convcost.conventions.base import FLOPS, MACS, PRODUCTS, Call, Count, ToolConvention
from convcost.conventions.patched import SOME_FUNCTIONS, products_of, rules_of

_PROJECTIONS = "the products of scaled_dot_product_attention are not counted"
_SOURCE = "https://github.com/MrYxJ/calculate-flops.pytorch/blob/main/calflops/pytorch_ops.py"


def _upsample(call: Call) -> Count:
    """Count the positions of the output where a size is given, else the values that are read; channels are left out."""
    return {"upsampling": prod(call.positions) if call.field("size") is not None else call.read}


def _transposed(call: Call) -> Count:
    """Count the channels of a group once more divided by the groups, and biases at the positions of a convolution."""
    groups = call.field("groups")
    in_group = call.given // prod(call.positions) // groups
    sizes = call.layer.inputs[0].shape
    products = prod(call.field("kernel_size")) * (in_group // groups) * prod(sizes)
    axes = zip(sizes[1:], *(call.field(name) for name in ("kernel_size", "stride", "padding", "dilation")), strict=True)
    positions = prod(
        (size + sum(pad) - dilation * (k - 1) - 1) // stride + 1 for size, k, stride, pad, dilation in axes
    )
    return {PRODUCTS: 2 * products, "biases of convolutions": in_group * positions if call.biases else 0}


_RULES = rules_of(_transposed, _upsample)
_UNSEEN = {
    "attention_scores": _PROJECTIONS,
    "attention_context": _PROJECTIONS,
    "transposed_conv": "transposed convolutions in groups, divided by the groups twice",
    **SOME_FUNCTIONS,
}

CALFLOPS = ToolConvention(
    "calflops",
    "calflops, calculate_flops",
    "0.3.2",
    _SOURCE,
    FLOPS,
    _RULES,
    unseen=_UNSEEN,
    notes=("ReLU6, hard activations and sigmoids are not patched.",),
)
MACS_PRINTED = ToolConvention(
    "calflops-macs",
    "calflops, calculate_flops, its macs",
    "0.3.2",
    _SOURCE,
    MACS,
    products_of(_RULES),
    unseen=_UNSEEN,
)
