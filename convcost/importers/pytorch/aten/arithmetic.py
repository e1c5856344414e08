"""Arithmetic on two values, or on a value and a number."""

from __future__ import annotations

from typing import Any

from convcost.importers.pytorch.program import OperatorCall, Reference
from convcost.importers.pytorch.writer import Untranslated, Writer, aten

_BINARY = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "true_divide": "Div",
    "maximum": "Max",
    "minimum": "Min",
    "pow": "Pow",
    "eq": "Equal",
    "gt": "Greater",
    "ge": "GreaterOrEqual",
    "lt": "Less",
    "le": "LessOrEqual",
    "logical_and": "And",
    "bitwise_and": "And",
    "logical_or": "Or",
    "bitwise_or": "Or",
    "remainder": "Mod",
}


def operand(writer: Writer, value: Any, dtype: str = "float32") -> str:
    """Return the name of a value, or of a number as a constant."""
    if isinstance(value, Reference):
        return writer.name(value)
    if not isinstance(value, (int, float)):
        raise Untranslated
    return writer.number(float(value) if "float" in dtype else value)


@aten(*_BINARY)
def binary(writer: Writer, call: OperatorCall) -> None:
    """Translate arithmetic on two values."""
    arguments = call.arguments
    name = call.operator.split(".")[1].removesuffix("_")
    first, second = arguments["self"], arguments["exponent" if name == "pow" else "other"]
    if arguments.get("alpha", 1) != 1 or arguments.get("rounding_mode") is not None:
        raise Untranslated
    dtype = writer.dtype(first if isinstance(first, Reference) else second)
    if _leaves(writer, first, second, name, call):
        writer.keep(first)
        return
    writer.give(_BINARY[name], [operand(writer, first, dtype), operand(writer, second, dtype)])


def _leaves(writer: Writer, first: Any, second: Any, name: str, call: OperatorCall) -> bool:
    """Return whether a number leaves the values as they are: no framework performs it then."""
    neutral = {"add": 0, "sub": 0, "mul": 1, "div": 1}.get(name)
    return neutral is not None and not isinstance(second, Reference) and second == neutral and writer.is_fixed(first)


@aten("rsub")
def rsub(writer: Writer, call: OperatorCall) -> None:
    """Translate other − self."""
    arguments = call.arguments
    if arguments.get("alpha", 1) != 1:
        raise Untranslated
    dtype = writer.dtype(arguments["self"])
    writer.give("Sub", [operand(writer, arguments["other"], dtype), writer.name(arguments["self"])])


@aten("addcmul")
def addcmul(writer: Writer, call: OperatorCall) -> None:
    """Translate self + tensor1 · tensor2."""
    arguments = call.arguments
    if arguments.get("value", 1) != 1:
        raise Untranslated
    product = writer.add("Mul", [writer.name(arguments["tensor1"]), writer.name(arguments["tensor2"])])
    writer.give("Add", [writer.name(arguments["self"]), *product])


@aten("lerp")
def lerp(writer: Writer, call: OperatorCall) -> None:
    """Translate self + weight · (end − self)."""
    arguments = call.arguments
    start = writer.name(arguments["self"])
    difference = writer.add("Sub", [writer.name(arguments["end"]), start])
    product = writer.add("Mul", [*difference, operand(writer, arguments["weight"])])
    writer.give("Add", [start, *product])


@aten("where")
def where(writer: Writer, call: OperatorCall) -> None:
    """Translate a choice between two values."""
    arguments = call.arguments
    inputs = [operand(writer, arguments["self"]), operand(writer, arguments["other"])]
    writer.give("Where", [writer.name(arguments["condition"]), *inputs])


@aten("masked_fill")
def masked_fill(writer: Writer, call: OperatorCall) -> None:
    """Translate a value with a number where a mask is set."""
    arguments = call.arguments
    x, dtype = arguments["self"], writer.dtype(arguments["self"])
    writer.give("Where", [writer.name(arguments["mask"]), operand(writer, arguments["value"], dtype), writer.name(x)])


@aten("ne")
def differs(writer: Writer, call: OperatorCall) -> None:
    """Translate whether values differ."""
    first, second = call.arguments["self"], call.arguments["other"]
    dtype = writer.dtype(first)
    writer.give("Not", writer.add("Equal", [writer.name(first), operand(writer, second, dtype)]))


@aten("square")
def square(writer: Writer, call: OperatorCall) -> None:
    """Translate x · x."""
    writer.give("Mul", [writer.name(call.arguments["self"])] * 2)


@aten("rsqrt")
def rsqrt(writer: Writer, call: OperatorCall) -> None:
    """Translate 1 / √x."""
    writer.give("Reciprocal", writer.add("Sqrt", [writer.name(call.arguments["self"])]))


_REDUCTIONS = {
    "mean": "ReduceMean",
    "sum": "ReduceSum",
    "amax": "ReduceMax",
    "amin": "ReduceMin",
    "prod": "ReduceProd",
    "logsumexp": "ReduceLogSumExp",
}


@aten(*_REDUCTIONS)
def reduce(writer: Writer, call: OperatorCall) -> None:
    """Translate a reduction; without axes it is over all."""
    name = call.operator.split(".")[1]
    _reduce(writer, call, _REDUCTIONS[name])


def _reduce(writer: Writer, call: OperatorCall, operator: str) -> None:
    x, given = call.arguments["self"], call.arguments.get("dim")
    axes = tuple(range(writer.rank(x))) if given is None or given == [] else given
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    axes = tuple(axis % writer.rank(x) for axis in axes)
    keep = int(bool(call.arguments.get("keepdim", False)))
    writer.give_first(operator, [writer.name(x)], axes=axes, keepdims=keep)


@aten("max", "min")
def largest(writer: Writer, call: OperatorCall) -> None:
    """Translate the largest or least value along an axis; its places, where they are read, have no word."""
    if "other" in call.arguments:
        operator = "Max" if ".max." in call.operator else "Min"
        writer.give(operator, [writer.name(call.arguments["self"]), writer.name(call.arguments["other"])])
        return
    _reduce(writer, call, "ReduceMax" if call.operator.split(".")[1] == "max" else "ReduceMin")


@aten("linalg_vector_norm", "norm")
def vector_norm(writer: Writer, call: OperatorCall) -> None:
    """Translate √Σx², or Σ|x|."""
    order = call.arguments.get("ord", call.arguments.get("p", 2))
    if order not in (1, 2, None):
        raise Untranslated
    _reduce(writer, call, "ReduceL1" if order == 1 else "ReduceL2")


@aten("cumsum")
def cumsum(writer: Writer, call: OperatorCall) -> None:
    """Translate a running sum."""
    writer.give("CumSum", [writer.name(call.arguments["self"]), writer.number(call.arguments["dim"])])
