"""Activations."""

from __future__ import annotations

from typing import Any

from convcost.importers.pytorch.aten.arithmetic import operand
from convcost.importers.pytorch.program import OperatorCall, Reference
from convcost.importers.pytorch.writer import Untranslated, Writer, aten

_PLAIN = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "silu": "Silu",
    "hardswish": "HardSwish",
    "selu": "Selu",
    "mish": "Mish",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "reciprocal": "Reciprocal",
    "abs": "Abs",
    "neg": "Neg",
    "sign": "Sign",
    "floor": "Floor",
    "ceil": "Ceil",
    "round": "Round",
    "sin": "Sin",
    "cos": "Cos",
    "erf": "Erf",
    "bitwise_not": "Not",
    "logical_not": "Not",
}


@aten(*_PLAIN)
def plain(writer: Writer, call: OperatorCall) -> None:
    """Translate a function of one value without arguments."""
    name = call.operator.split(".")[1].removesuffix("_")
    writer.give(_PLAIN[name], [writer.name(call.arguments["self"])])


def _give(writer: Writer, call: OperatorCall, operator: str, **attributes: Any) -> None:
    writer.give(operator, [writer.name(call.arguments["self"])], **attributes)


@aten("relu6")
def relu6(writer: Writer, call: OperatorCall) -> None:
    """Translate min(max(x, 0), 6)."""
    _clip(writer, call, 0.0, 6.0)


@aten("hardtanh")
def hardtanh(writer: Writer, call: OperatorCall) -> None:
    """Translate a clip between two bounds."""
    _clip(writer, call, call.arguments.get("min_val", -1.0), call.arguments.get("max_val", 1.0))


@aten("clamp", "clip")
def clamp(writer: Writer, call: OperatorCall) -> None:
    """Translate a clip that may have one bound."""
    _clip(writer, call, call.arguments.get("min"), call.arguments.get("max"))


@aten("clamp_min")
def clamp_min(writer: Writer, call: OperatorCall) -> None:
    """Translate max(x, bound)."""
    _clip(writer, call, call.arguments["min"], None)


@aten("clamp_max")
def clamp_max(writer: Writer, call: OperatorCall) -> None:
    """Translate min(x, bound)."""
    _clip(writer, call, None, call.arguments["max"])


def _clip(writer: Writer, call: OperatorCall, low: Any, high: Any) -> None:
    x = writer.name(call.arguments["self"])
    if any(isinstance(bound, Reference) for bound in (low, high)):
        bounds = [("Max", low), ("Min", high)]
        steps = [(operator, operand(writer, bound)) for operator, bound in bounds if bound is not None]
        for operator, bound in steps[:-1]:
            (x,) = writer.add(operator, [x, bound])
        writer.give(steps[-1][0], [x, steps[-1][1]])
        return
    writer.give("Clip", [x, *("" if bound is None else writer.number(float(bound)) for bound in (low, high))])


@aten("hardsigmoid")
def hardsigmoid(writer: Writer, call: OperatorCall) -> None:
    """Translate relu6(x + 3) / 6."""
    _give(writer, call, "HardSigmoid", alpha=1 / 6, beta=0.5)


@aten("gelu")
def gelu(writer: Writer, call: OperatorCall) -> None:
    """Translate a GELU."""
    _give(writer, call, "Gelu", approximate=call.arguments.get("approximate", "none"))


@aten("leaky_relu")
def leaky_relu(writer: Writer, call: OperatorCall) -> None:
    """Translate a leaky ReLU."""
    _give(writer, call, "LeakyRelu", alpha=float(call.arguments.get("negative_slope", 0.01)))


@aten("rrelu")
def rrelu(writer: Writer, call: OperatorCall) -> None:
    """Translate a leaky ReLU with random slopes, which at inference is that of their mean."""
    if call.arguments.get("training", False):
        raise Untranslated
    low, high = call.arguments.get("lower", 1 / 8), call.arguments.get("upper", 1 / 3)
    _give(writer, call, "LeakyRelu", alpha=(low + high) / 2)


@aten("elu")
def elu(writer: Writer, call: OperatorCall) -> None:
    """Translate an ELU."""
    if call.arguments.get("scale", 1) != 1 or call.arguments.get("input_scale", 1) != 1:
        raise Untranslated
    _give(writer, call, "Elu", alpha=float(call.arguments.get("alpha", 1.0)))


@aten("celu")
def celu(writer: Writer, call: OperatorCall) -> None:
    """Translate a CELU."""
    _give(writer, call, "Celu", alpha=float(call.arguments.get("alpha", 1.0)))


@aten("softplus")
def softplus(writer: Writer, call: OperatorCall) -> None:
    """Translate log(1 + exp(x))."""
    if call.arguments.get("beta", 1) != 1:
        raise Untranslated
    _give(writer, call, "Softplus")


@aten("prelu", "_prelu_kernel")
def prelu(writer: Writer, call: OperatorCall) -> None:
    """Translate a ReLU with learned slopes, one or one for each channel, which are the axis behind the batch."""
    x, slopes = call.arguments["self"], call.arguments["weight"]
    count = max([size for size in writer.shape(slopes) if isinstance(size, int)], default=1)
    shape = (count, *(1 for _ in range(writer.rank(x) - 2))) if count > 1 else (1,)
    writer.give("PRelu", [writer.name(x), writer.seen(slopes, shape)])


@aten("glu")
def glu(writer: Writer, call: OperatorCall) -> None:
    """Translate a · sigmoid(b), of the two halves of the values."""
    x, axis = call.arguments["self"], call.arguments.get("dim", -1)
    value, gate = writer.add("Split", [writer.name(x)], 2, axis=axis)
    writer.give("Mul", [value, *writer.add("Sigmoid", [gate])])


@aten("softmax", "_softmax", "_safe_softmax")
def softmax(writer: Writer, call: OperatorCall) -> None:
    """Translate a softmax."""
    _give(writer, call, "Softmax", axis=call.arguments["dim"])


@aten("log_softmax", "_log_softmax")
def log_softmax(writer: Writer, call: OperatorCall) -> None:
    """Translate the logarithm of a softmax."""
    _give(writer, call, "LogSoftmax", axis=call.arguments["dim"])


@aten("log_sigmoid", "log_sigmoid_forward")
def log_sigmoid(writer: Writer, call: OperatorCall) -> None:
    """Translate −log(1 + exp(−x))."""
    negative = writer.add("Neg", [writer.name(call.arguments["self"])])
    writer.give_first("Neg", writer.add("Softplus", negative))


@aten("softsign")
def softsign(writer: Writer, call: OperatorCall) -> None:
    """Translate x / (1 + |x|)."""
    _give(writer, call, "Softsign")
