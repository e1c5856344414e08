"""Arithmetic value by value: merges, operations on one input, and a learned summand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from convcost.executor.arithmetic import Arithmetic, Values
from convcost.executor.array import Array, Number, axis_back, axis_first, from_channels
from convcost.executor.merges import merged
from convcost.executor.registry import Job, executes


@executes("subtract")
def subtract(job: Job, a: Array, b: Array, *, axis: int = 0) -> Array:
    """Return the differences a - b, axes of size 1 stretched: 1 add per output value."""
    return merged(job.arithmetic.sub, (a, b), axis)


@executes("divide")
def divide(job: Job, a: Array, b: Array, *, axis: int = 0) -> Array:
    """Return the quotients a / b, axes of size 1 stretched: 1 div per output value."""
    return merged(job.arithmetic.div, (a, b), axis)


@executes("maximum")
def maximum(job: Job, *inputs: Array, axis: int = 0) -> Array:
    """Return the largest of k inputs, axes of size 1 stretched: k - 1 cmp per output value."""
    return merged(job.arithmetic.maximum, inputs, axis)


@executes("minimum")
def minimum(job: Job, *inputs: Array, axis: int = 0) -> Array:
    """Return the smallest of k inputs, axes of size 1 stretched: k - 1 cmp per output value."""
    return merged(job.arithmetic.minimum, inputs, axis)


def _sign(arithmetic: Arithmetic, values: Values) -> list[Number]:
    above, below = arithmetic.positive(values), arithmetic.negative(values)
    return [int(positive) - int(negative) for positive, negative in zip(above, below, strict=True)]


_PLAIN: Mapping[str, Callable[[Arithmetic, Values], list[Number]]] = {
    "exp": Arithmetic.exp,
    "log": Arithmetic.log,
    "sqrt": Arithmetic.sqrt,
    "rsqrt": lambda arithmetic, values: arithmetic.div([1] * len(values), arithmetic.sqrt(values)),
    "reciprocal": lambda arithmetic, values: arithmetic.div([1] * len(values), values),
    "abs": Arithmetic.absolute,
    "neg": lambda _, values: [-value for value in values],  # the sign is turned, nothing is computed
    "square": lambda arithmetic, values: arithmetic.mul(values, values),
    "sign": _sign,
    "floor": Arithmetic.floor,
    "ceil": Arithmetic.ceil,
    "round": Arithmetic.round,
    "sin": Arithmetic.sin,
    "cos": Arithmetic.cos,
    "erf": Arithmetic.erf,
}

_WITH_NUMBER: Mapping[str, Callable[[Arithmetic, Values, Number], list[Number]]] = {
    "add": Arithmetic.add,
    "multiply": Arithmetic.mul,
    "maximum": Arithmetic.maximum,
    "minimum": Arithmetic.minimum,
}


@executes("elementwise")
def elementwise(job: Job, x: Array, *, op: str, value: Number | tuple[Number, Number] | None) -> Array:
    """One operation on each value.

    Args:
        job: Takes the count.
        x: Any shape.
        op: The operation.
        value: The number of pow, add, multiply, maximum and minimum; (least, largest) of clamp; else None.

    Raises:
        ValueError: The operation takes no such value.

    Source: https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
    """
    arithmetic = job.arithmetic
    if op == "clamp" and isinstance(value, tuple) and value[0] <= value[1]:
        return Array(x.shape, arithmetic.minimum(arithmetic.maximum(x.values, value[0]), value[1]))
    if op in _PLAIN and value is None:
        return Array(x.shape, _PLAIN[op](arithmetic, x.values))
    if value is None or isinstance(value, tuple):
        raise ValueError(f"{op} takes no such value: {value}")
    if op == "pow":
        return Array(x.shape, arithmetic.power(x.values, float(value)))
    if op in _WITH_NUMBER:
        return Array(x.shape, _WITH_NUMBER[op](arithmetic, x.values, value))
    raise ValueError(f"{op} takes no value")


@executes("shift")
def shift(job: Job, x: Array, *, axis: int = 0, learned: bool = True) -> Array:
    """Add a summand to each channel, `bias` of (channels,) where it is learned: 1 add per value."""
    x = axis_first(x, axis)
    summands = job.weights.vector("bias", x.shape[0]) if learned else [1] * x.shape[0]
    outputs = [job.arithmetic.add(channel, summand) for channel, summand in zip(x.channels(), summands, strict=True)]
    return axis_back(from_channels(outputs, x.sizes), axis)
