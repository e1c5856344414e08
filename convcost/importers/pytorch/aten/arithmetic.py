"""Arithmetic on two values, or on a value and a number."""

from __future__ import annotations

from math import prod
from typing import Any

from msgspec.structs import replace

from convcost.importers.pytorch.program import OperatorCall, Reference
from convcost.importers.pytorch.writer import Untranslated, Writer, aten

_BINARY = {
    "add": "Add",
    "multiply": "Mul",
    "divide": "Div",
    "subtract": "Sub",
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
        return _as_floats(writer, value) if "float" in dtype else writer.name(value)
    if not isinstance(value, (int, float)):
        raise Untranslated
    return writer.number(float(value) if "float" in dtype else value)


def _as_floats(writer: Writer, value: Reference) -> str:
    """Return the name of a value; whole numbers of the program, or a mask of it, become floating-point numbers."""
    name, constant = writer.name(value), writer.constant(value)
    if constant is None or "float" in constant.dtype or constant.trainable:
        return name
    writer.constants[f"{name}%float"] = replace(constant, dtype="float32")
    return f"{name}%float"


@aten(*_BINARY)
def binary(writer: Writer, call: OperatorCall) -> None:
    """Translate arithmetic on two values."""
    arguments = call.arguments
    name = call.operator.split(".")[1].removesuffix("_")
    first, second = arguments["self"], arguments["exponent" if name == "pow" else "other"]
    if arguments.get("rounding_mode") is not None:
        raise Untranslated
    if arguments.get("alpha", 1) != 1:
        _weighted(writer, call, first, second)
        return
    dtype = writer.dtype(first if isinstance(first, Reference) else second)
    if isinstance(first, Reference) and isinstance(second, Reference) and "float" in writer.dtype(second):
        dtype = writer.dtype(second)
    if _leaves(writer, first, second, name, call):
        writer.keep(first)
        return
    writer.give(_BINARY[name], [operand(writer, first, dtype), operand(writer, second, dtype)])


def _weighted(writer: Writer, call: OperatorCall, first: Any, second: Any) -> None:
    """Write a + alpha · b, or a − alpha · b."""
    factor = call.arguments["alpha"]
    if not isinstance(second, Reference) or not isinstance(factor, (int, float)):
        raise Untranslated
    scaled = writer.add("Mul", [writer.name(second), writer.number(float(factor))])
    operator = "Add" if "add" in call.operator.split(".")[1] else "Sub"
    writer.give(operator, [operand(writer, first, writer.dtype(second)), *scaled])


def _leaves(writer: Writer, first: Any, second: Any, name: str, call: OperatorCall) -> bool:
    """Return whether a number leaves the values as they are: no framework performs it then."""
    neutral = {"add": 0, "sub": 0, "mul": 1, "div": 1}.get(name)
    return neutral is not None and not isinstance(second, Reference) and second == neutral and writer.is_fixed(first)


@aten("rsub")
def rsub(writer: Writer, call: OperatorCall) -> None:
    """Translate other − self."""
    arguments = call.arguments
    if arguments.get("alpha", 1) != 1:
        _weighted(writer, call, arguments["other"], arguments["self"])
        return
    dtype = writer.dtype(arguments["self"])
    writer.give("Sub", [operand(writer, arguments["other"], dtype), writer.name(arguments["self"])])


@aten("addcmul")
def addcmul(writer: Writer, call: OperatorCall) -> None:
    """Translate self + tensor1 · tensor2."""
    arguments = call.arguments
    product = writer.add("Mul", [writer.name(arguments["tensor1"]), writer.name(arguments["tensor2"])])
    if arguments.get("value", 1) != 1:
        product = writer.add("Mul", [*product, writer.number(float(arguments["value"]))])
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


@aten("log1p")
def log1p(writer: Writer, call: OperatorCall) -> None:
    """Translate log(1 + x)."""
    writer.give("Log", writer.add("Add", [writer.name(call.arguments["self"]), writer.number(1.0)]))


@aten("expm1")
def expm1(writer: Writer, call: OperatorCall) -> None:
    """Translate exp(x) − 1."""
    writer.give("Sub", [*writer.add("Exp", [writer.name(call.arguments["self"])]), writer.number(1.0)])


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
}


@aten(*_REDUCTIONS)
def reduce(writer: Writer, call: OperatorCall) -> None:
    """Translate a reduction; without axes it is over all."""
    name = call.operator.split(".")[1]
    _reduce(writer, call, _REDUCTIONS[name])


def _reduce(writer: Writer, call: OperatorCall, operator: str) -> None:
    keep = int(bool(call.arguments.get("keepdim", False)))
    writer.give_first(operator, [writer.name(call.arguments["self"])], axes=_axes(writer, call), keepdims=keep)


def _axes(writer: Writer, call: OperatorCall) -> tuple[int, ...]:
    """Return the axes of a reduction; all of them where it names none."""
    rank, given = writer.rank(call.arguments["self"]), call.arguments.get("dim")
    axes = tuple(range(rank)) if given is None or given == [] else given
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    return tuple([axis % rank for axis in axes])


@aten("logsumexp")
def logsumexp(writer: Writer, call: OperatorCall) -> None:
    """Translate m + log(Σ exp(x − m)), m being the largest of the values, as PyTorch works it out."""
    x, axes = writer.name(call.arguments["self"]), _axes(writer, call)
    (largest,) = writer.add("ReduceMax", [x], axes=axes, keepdims=1)
    powers = writer.add("Exp", writer.add("Sub", [x, largest]))
    (found,) = writer.add("Log", writer.add("ReduceSum", powers, axes=axes, keepdims=1))
    if call.arguments.get("keepdim", False):
        writer.give("Add", [found, largest])
    else:
        writer.give("Squeeze", writer.add("Add", [found, largest]), axes=axes)


@aten("var", "std", "var_mean", "std_mean")
def variance(writer: Writer, call: OperatorCall) -> None:
    """Translate the mean of the squares of what is left without the mean, or its root; perhaps with the mean."""
    arguments, name = call.arguments, call.operator.split(".")[1]
    x, axes = arguments["self"], _axes(writer, call)
    shape = writer.shape(x)
    sizes = [shape[axis] for axis in axes]
    correction = arguments.get("correction", int(bool(arguments.get("unbiased", True))))
    correction = 1 if correction is None else correction
    count = prod(size for size in sizes if isinstance(size, int))
    if not all(isinstance(size, int) for size in sizes) or count <= correction:
        raise Untranslated
    keep = int(bool(arguments.get("keepdim", False)))
    (mean,) = writer.add("ReduceMean", [writer.name(x)], axes=axes, keepdims=1)
    (rest,) = writer.add("Sub", [writer.name(x), mean])
    (squares,) = writer.add("Mul", [rest, rest])
    (found,) = writer.add("ReduceSum" if correction else "ReduceMean", [squares], axes=axes, keepdims=keep)
    if correction:
        (found,) = writer.add("Mul", [found, writer.number(1 / (count - correction))])
    writer.into(call.outputs[:1], "Sqrt" if name.startswith("std") else "Identity", [found])
    if name.endswith("mean"):
        kept = [mean] if keep else writer.add("Squeeze", [mean], axes=axes)
        writer.into(call.outputs[1:], "Identity", kept)


@aten("max", "min")
def largest(writer: Writer, call: OperatorCall) -> None:
    """Translate the largest or least value along an axis; its places, where they are read, have no word."""
    if "other" in call.arguments:
        operator = "Max" if ".max." in call.operator else "Min"
        writer.give(operator, [writer.name(call.arguments["self"]), writer.name(call.arguments["other"])])
        return
    _reduce(writer, call, "ReduceMax" if call.operator.split(".")[1] == "max" else "ReduceMin")


@aten("argmax", "argmin")
def place(writer: Writer, call: OperatorCall) -> None:
    """Translate the place of the largest or the least value along an axis."""
    x, axis = call.arguments["self"], call.arguments.get("dim")
    if axis is None:
        raise Untranslated
    operator = "ArgMax" if call.operator.split(".")[1] == "argmax" else "ArgMin"
    keep = int(bool(call.arguments.get("keepdim", False)))
    writer.give(operator, [writer.name(x)], axis=axis % writer.rank(x), keepdims=keep)


@aten("linalg_vector_norm", "norm")
def vector_norm(writer: Writer, call: OperatorCall) -> None:
    """Translate √Σx², or Σ|x|."""
    order = call.arguments.get("ord", call.arguments.get("p", 2))
    if order not in (1, 2, None):
        raise Untranslated
    _reduce(writer, call, "ReduceL1" if order == 1 else "ReduceL2")


@aten("cosine_similarity")
def cosine(writer: Writer, call: OperatorCall) -> None:
    """Translate the sum of the products of two values, each divided by its length."""
    axis, least = call.arguments.get("dim", 1), writer.number(float(call.arguments.get("eps", 1e-8)))
    parts: list[str] = []
    for each in ("x1", "x2"):
        name = writer.name(call.arguments[each])
        (length,) = writer.add("ReduceL2", [name], axes=(axis,), keepdims=1)
        (length,) = writer.add("Max", [length, least])
        parts += writer.add("Div", [name, length])
    writer.give("ReduceSum", writer.add("Mul", parts), axes=(axis,), keepdims=0)


@aten("pairwise_distance")
def distance(writer: Writer, call: OperatorCall) -> None:
    """Translate the length of the difference of two values."""
    arguments = call.arguments
    if arguments.get("p", 2) != 2:
        raise Untranslated
    (difference,) = writer.add("Sub", [writer.name(arguments["x1"]), writer.name(arguments["x2"])])
    (difference,) = writer.add("Add", [difference, writer.number(float(arguments.get("eps", 1e-6)))])
    writer.give("ReduceL2", [difference], axes=(-1,), keepdims=int(bool(arguments.get("keepdim", False))))


@aten("cumsum")
def cumsum(writer: Writer, call: OperatorCall) -> None:
    """Translate a running sum."""
    writer.give("CumSum", [writer.name(call.arguments["self"]), writer.number(call.arguments["dim"])])
