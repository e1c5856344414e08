"""ptflops, its two backends: modules and patched functions, or the operators below them.

A module that calls a patched function of torch.nn.functional, as nn.ReLU does, is counted twice.

Source: ptflops/pytorch_ops.py, pytorch_engine.py and aten_ops.py of 0.7.5.
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
    per_input,
    per_output,
)
from convcost.conventions.recurrent import with_biases, with_states

_BIASES = "biases"
_AGAIN = "again, by the function that the module calls"
_ATTENTION = "scaling, softmax and biases of attention"


def _with_bias(call: Call) -> Count:
    """Count products, and a bias for each value of the output."""
    return {PRODUCTS: call.macs, _BIASES: call.given if call.biases else 0}


def _twice(what: str) -> Rule:
    """Return a rule that counts each input value, and once more where a module calls a function that is patched."""

    def rule(call: Call) -> Count:
        again = 0 if call.functional else call.read
        return {what: call.read, f"{what} {_AGAIN}": again}

    return rule


def _module_only(what: str) -> Rule:
    """Return a rule that counts each input value of a module, whose function is not patched."""
    return lambda call: {what: 0 if call.functional else call.read}


def _function_only(what: str) -> Rule:
    """Return a rule that counts each input value once: the function, which a module calls, too."""
    return per_input(what)


def _norm(call: Call) -> Count:
    return {"norms": 0 if call.functional else (2 if call.affine else 1) * call.read}


def _layer_norm(call: Call) -> Count:
    """Count a layer norm once: it has no attribute `affine` that says that it has weights."""
    return {"norms": 0 if call.functional else call.read}


def _upsample(call: Call) -> Count:
    again = 0 if call.functional else call.given
    return {"upsampling": call.given, f"upsampling {_AGAIN}": again}


def _linear(call: Call) -> Count:
    if call.functional and not call.attends:
        return {}
    name = _ATTENTION if call.attends else _BIASES
    return {PRODUCTS: call.macs, name: call.given if call.biases else 0}


def _scale(call: Call) -> Count:
    """Count the scaling of queries: as many values as a projection gives."""
    return {}


def _scores(call: Call) -> Count:
    """Count the products, the scaling of queries, and a softmax as one for each score."""
    return {PRODUCTS: call.macs, _ATTENTION: call.read + call.given if call.attends else 0}


def _once(rule: Rule) -> Rule:
    """Return a rule of modules alone: functions are not patched, so nothing is counted again."""

    def counted(call: Call) -> Count:
        return {what: amount for what, amount in rule(call).items() if not what.endswith(_AGAIN)}

    return counted


_RULES: dict[str, Rule] = {
    **all_of(_with_bias, *CONVOLUTIONS, "transposed_conv"),
    "linear": _linear,
    **all_of(_twice("activations"), "relu", "prelu", "elu", "gelu"),
    **all_of(_module_only("activations"), "leaky_relu", "relu6"),
    "silu": _function_only("activations"),
    "softmax": lambda call: {} if call.attends else {"softmax": call.read},
    **all_of(
        _twice("pooling"),
        "max_pool",
        "avg_pool",
        "global_avg_pool",
        "global_max_pool",
        "adaptive_avg_pool",
        "adaptive_max_pool",
    ),
    **all_of(_norm, "batch_norm", "instance_norm", "group_norm"),
    "layer_norm": _layer_norm,
    "upsample": _upsample,
    "attention_scores": _scores,
    "attention_context": macs,
    "attention_scale": _scale,
    "matmul": macs,
    **all_of(with_states(MACS, {"lstm": 10, "gru": 7, "rnn": 1}), *RECURRENT),
}
_SOURCE = "https://github.com/sovrasov/flops-counter.pytorch/blob/master/ptflops/pytorch_ops.py"
_FUNCTIONS_ONLY = frozenset(("silu", "softmax", "matmul"))

PYTORCH = ToolConvention(
    "ptflops",
    "ptflops, backend pytorch",
    "0.7.5",
    _SOURCE,
    MACS,
    _RULES,
    unseen={"linear": "F.linear is not counted", "lstm": "the projections of the LSTM's states are not counted"},
)
MODULES = ToolConvention(
    "ptflops-modules",
    "ptflops, backend pytorch, count_functional=False",
    "0.7.5",
    _SOURCE,
    MACS,
    {type: _once(rule) for type, rule in _RULES.items() if type not in _FUNCTIONS_ONLY},
    sees_functions=False,
    unseen={"matmul": "products that are called as functions are not seen"},
    notes=("So count releases before functions were patched.",),
)

ATEN = ToolConvention(
    "ptflops-aten",
    "ptflops, backend aten",
    "0.7.5",
    "https://github.com/sovrasov/flops-counter.pytorch/blob/master/ptflops/aten_ops.py",
    MACS,
    {
        **all_of(_with_bias, *CONVOLUTIONS, "transposed_conv", "linear"),
        "matmul": macs,
        **all_of(with_biases, "gru", "rnn"),
        "parameter": per_output("", 0),
    },
    unseen={
        "attention_scores": "the products of scaled_dot_product_attention are not counted",
        "attention_context": "the products of scaled_dot_product_attention are not counted",
        "lstm": "LSTM is one operator, which is not counted",
    },
)
