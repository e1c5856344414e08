"""PyTorch's own counter, FlopCounterMode: the operators below modules, two for each multiply–accumulate.

What it sees of attention depends on the device and on gradients: on a CPU nn.MultiheadAttention takes a fast path
without gradients, which is one operator that it does not know; with gradients the fused products are another.

Source: torch/utils/flop_counter.py of 2.14.1.
"""

from __future__ import annotations

from convcost.conventions.base import CONVOLUTIONS, FLOPS, Call, Count, Rule, ToolConvention, all_of, flops

_PRODUCTS = all_of(flops, *CONVOLUTIONS, "transposed_conv", "linear", "matmul", "gru", "rnn")
_ATTENTION = all_of(flops, "attention_scores", "attention_context")
_SOURCE = "https://github.com/pytorch/pytorch/blob/main/torch/utils/flop_counter.py"
_FAST_PATH = "the fast path of nn.MultiheadAttention is not counted"
_UNSEEN = {
    "lstm": "LSTM is one operator on a CPU, which is not counted",
    "deform_conv": "deformable convolutions are not counted",
    "attention_scores": "the fused products of attention are not counted",
    "attention_context": "the fused products of attention are not counted",
}


def _unless_attending(call: Call) -> Count:
    return {} if call.attends else flops(call)


_FAST: dict[str, Rule] = {**_PRODUCTS, "linear": _unless_attending}
_FAST |= all_of(_unless_attending, "attention_scores", "attention_context")

NO_GRADIENT = ToolConvention(
    "flopcounter",
    "torch FlopCounterMode, CPU, eval, no gradient",
    "2.14.1",
    _SOURCE,
    FLOPS,
    _FAST,
    unseen=_UNSEEN | dict.fromkeys(("linear", "attention_scores", "attention_context"), _FAST_PATH),
)
WITH_GRADIENT = ToolConvention(
    "flopcounter-grad",
    "torch FlopCounterMode, CPU, with gradient",
    "2.14.1",
    _SOURCE,
    FLOPS,
    _PRODUCTS,
    unseen=_UNSEEN,
)
META = ToolConvention(
    "flopcounter-meta",
    "torch FlopCounterMode, device meta",
    "2.14.1",
    _SOURCE,
    FLOPS,
    {**_PRODUCTS, **_ATTENTION, "lstm": flops},
    unseen=_UNSEEN,
)
