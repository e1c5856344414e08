"""Convolutions and matrix products."""

from __future__ import annotations

from typing import Any

from convcost.importers.pytorch.program import OperatorCall
from convcost.importers.pytorch.writer import Untranslated, Writer, aten


def per_axis(given: Any, axes: int, default: int) -> tuple[int, ...]:
    """Return an argument that is one number, or one for each axis."""
    if given is None or given == []:
        return (default,) * axes
    found = (given,) if isinstance(given, int) else tuple(given)
    return found * axes if len(found) == 1 else found


def _window(call: OperatorCall, axes: int) -> dict[str, Any]:
    padding = call.arguments.get("padding", 0)
    found: dict[str, Any] = {
        "strides": per_axis(call.arguments.get("stride"), axes, 1),
        "dilations": per_axis(call.arguments.get("dilation"), axes, 1),
        "group": call.arguments.get("groups", 1),
    }
    if isinstance(padding, str):
        return found | {"auto_pad": "SAME_UPPER" if padding == "same" else "VALID"}
    return found | {"pads": per_axis(padding, axes, 0) * 2}


@aten("conv1d", "conv2d", "conv3d", "convolution", "_convolution")
def conv(writer: Writer, call: OperatorCall) -> None:
    """Translate a convolution; `convolution` may be a transposed one.

    Factors of a kernel's outputs are those of the values that it gives.
    """
    arguments = call.arguments
    if arguments.get("transposed"):
        transposed(writer, call)
        return
    inputs = [writer.name(arguments["input"]), writer.name(arguments["weight"])]
    if writer.rank(arguments["input"]) != writer.rank(arguments["weight"]):
        raise Untranslated  # without a batch axis
    window, bias = _window(call, writer.rank(arguments["weight"]) - 2), arguments.get("bias")
    factor = writer.factors.get(inputs[1])
    if factor is None:
        writer.give("Conv", [*inputs, writer.name(bias)] if bias is not None else inputs, **window)
        return
    shape = (writer.shape(arguments["weight"])[0], *(1 for _ in window["strides"]))
    scaled = [*writer.add("Conv", inputs, **window), writer.seen_as(factor, shape)]
    if bias is None:
        writer.give("Mul", scaled)
    else:
        writer.give("Add", [*writer.add("Mul", scaled), writer.seen(bias, shape)])


@aten("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def transposed(writer: Writer, call: OperatorCall) -> None:
    """Translate a transposed convolution."""
    arguments = call.arguments
    inputs = [writer.name(arguments["input"]), writer.name(arguments["weight"])]
    inputs += [writer.name(arguments["bias"])] if arguments.get("bias") is not None else []
    axes = writer.rank(arguments["weight"]) - 2
    factor = writer.factors.get(inputs[1])
    if factor is not None:  # the first axis of its kernel is that of what it reads
        shape = (writer.shape(arguments["weight"])[0], *(1,) * axes)
        inputs[0] = writer.add("Mul", [inputs[0], writer.seen_as(factor, shape)])[0]
    extra = per_axis(arguments.get("output_padding"), axes, 0)
    writer.give("ConvTranspose", inputs, **_window(call, axes), output_padding=extra)


@aten("linear")
def linear(writer: Writer, call: OperatorCall) -> None:
    """Translate x · Wᵀ + b."""
    product(writer, call.arguments["input"], call.arguments["weight"], call.arguments.get("bias"))


def product(writer: Writer, x: Any, weight: Any, bias: Any) -> None:
    """Write x · Wᵀ + b, the weight and the bias being constants or values."""
    factor = writer.factors.get(writer.name(weight))
    if factor is not None:
        _scaled(writer, [writer.name(x), writer.name(weight)], factor, bias)
        return
    if (made := writer.prepared_weight(weight)) is not None:
        writer.give("MatMul", [writer.name(x), made, *([writer.name(bias)] if bias is not None else [])])
        return
    if writer.constant(weight) is None:
        order = tuple(reversed(range(writer.rank(weight))))
        (turned,) = writer.add("Transpose", [writer.name(weight)], perm=order)
        _biased(writer, [writer.name(x), turned], bias)
        return
    if bias is not None and writer.constant(bias) is None:
        _biased(writer, [writer.name(x), writer.turned(weight)], bias)
        return
    biases = [writer.name(bias)] if bias is not None else []  # as a product and a sum are joined
    if writer.rank(x) == 2:
        writer.give("Gemm", [writer.name(x), writer.name(weight), *biases], transB=1)
    else:
        writer.give("MatMul", [writer.name(x), writer.turned(weight), *biases])


def _scaled(writer: Writer, inputs: list[str], factor: str, bias: Any) -> None:
    """Write (x · Wᵀ) · f + b, W being a matrix whose outputs have factors."""
    (turned,) = writer.add("Transpose", inputs[1:], perm=(1, 0))
    count = (max(writer.constants[factor].shape),)
    scaled = [*writer.add("MatMul", [inputs[0], turned]), writer.seen_as(factor, count)]
    if bias is None:
        writer.give("Mul", scaled)
    else:
        writer.give("Add", [*writer.add("Mul", scaled), writer.name(bias)])


def _biased(writer: Writer, inputs: list[str], bias: Any) -> None:
    if bias is None:
        writer.give("MatMul", inputs)
        return
    writer.give("Add", [*writer.add("MatMul", inputs), writer.name(bias)])


@aten("matmul", "mm", "bmm", "mv", "dot", "vdot")
def matmul(writer: Writer, call: OperatorCall) -> None:
    """Translate a matrix product, or that with a vector."""
    arguments = call.arguments
    first = arguments["self"]
    second = next(arguments[name] for name in ("other", "mat2", "vec", "tensor") if name in arguments)
    writer.give("MatMul", [writer.name(first), writer.name(second)])


@aten("addmm", "baddbmm")
def addmm(writer: Writer, call: OperatorCall) -> None:
    """Translate b + A · B."""
    arguments = call.arguments
    if arguments.get("beta", 1) != 1 or arguments.get("alpha", 1) != 1:
        raise Untranslated
    first = arguments.get("mat1", arguments.get("batch1"))
    second = arguments.get("mat2", arguments.get("batch2"))
    bias = arguments["self"]
    if writer.constant(second) is not None and writer.constant(bias) is not None and writer.rank(bias) == 1:
        writer.give("Gemm", [writer.name(first), writer.name(second), writer.name(bias)])
        return
    _biased(writer, [writer.name(first), writer.name(second)], bias)


@aten("einsum")
def einsum(writer: Writer, call: OperatorCall) -> None:
    """Translate an Einstein sum."""
    operands = [writer.name(each) for each in call.arguments["tensors"]]
    writer.give("Einsum", operands, equation=call.arguments["equation"])
