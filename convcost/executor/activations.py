"""Activations, value by value, and the softmax over the channels of each position."""

from __future__ import annotations

from fractions import Fraction
from math import pi, sqrt
from typing import Literal

from convcost.executor.arithmetic import Arithmetic, Values
from convcost.executor.array import Array, Number, axis_back, axis_first, from_channels
from convcost.executor.registry import Job, executes

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@executes("relu")
def relu(job: Job, x: Array) -> Array:
    """max(0, x): 1 cmp per value."""
    return Array(x.shape, job.arithmetic.maximum(x.values, 0))


@executes("relu6")
def relu6(job: Job, x: Array) -> Array:
    """min(6, max(0, x)): 2 cmp per value."""
    return Array(x.shape, job.arithmetic.minimum(job.arithmetic.maximum(x.values, 0), 6))


@executes("leaky_relu")
def leaky_relu(job: Job, x: Array, *, negative_slope: Number) -> Array:
    """Return each value x, or negative_slope · x where x is not positive: 1 cmp and 1 mul per value."""
    slope = negative_slope if isinstance(negative_slope, float) else Fraction(negative_slope)
    return Array(x.shape, _leaky(job, x.values, slope))


@executes("prelu")
def prelu(job: Job, x: Array, *, axis: int = 0, num_parameters: int) -> Array:
    """`leaky_relu` with learned slopes, `weight` of (num_parameters,): one for all channels or one each."""
    x = axis_first(x, axis)
    slopes = job.weights.vector("weight", num_parameters)
    if len(slopes) == 1:
        slopes = slopes * x.shape[0]
    outputs = [_leaky(job, channel, slope) for channel, slope in zip(x.channels(), slopes, strict=True)]
    return axis_back(from_channels(outputs, x.sizes), axis)


@executes("sigmoid")
def sigmoid(job: Job, x: Array) -> Array:
    """Return the logistic function, e / (1 + e) with e = exp(x): 1 exp, 1 add and 1 div per value."""
    exponentials = job.arithmetic.exp(x.values)
    return Array(x.shape, job.arithmetic.div(exponentials, job.arithmetic.add(exponentials, 1)))


@executes("silu")
def silu(job: Job, x: Array) -> Array:
    """Value by value x · sigmoid(x): the operations of `sigmoid` and 1 mul per value."""
    return Array(x.shape, job.arithmetic.mul(x.values, sigmoid(job, x).values))


@executes("tanh")
def tanh(job: Job, x: Array) -> Array:
    """Return the hyperbolic tangent: 1 tanh per value."""
    return Array(x.shape, job.arithmetic.tanh(x.values))


@executes("hard_sigmoid")
def hard_sigmoid(job: Job, x: Array) -> Array:
    """relu6(x + 3) / 6: 1 add, 2 cmp and 1 div per value.

    Source: Howard et al. 2019, arXiv:1905.02244, section 5.2
    """
    clipped = relu6(job, Array(x.shape, job.arithmetic.add(x.values, 3)))
    return Array(x.shape, job.arithmetic.div(clipped.values, 6))


@executes("hard_swish")
def hard_swish(job: Job, x: Array) -> Array:
    """Value by value x · hard_sigmoid(x): the operations of `hard_sigmoid` and 1 mul per value."""
    return Array(x.shape, job.arithmetic.mul(x.values, hard_sigmoid(job, x).values))


@executes("gelu")
def gelu(job: Job, x: Array, *, approximate: Literal["none", "tanh"]) -> Array:
    """0.5 · x · (1 + erf(x / √2)), or the same with a tanh in the place of erf.

    Exact: 3 mul, 1 add and 1 erf per value, 1/√2 being a constant. With tanh(√(2/π) · (x + 0.044715 · x · x ·
        x)):
    6 mul, 2 add and 1 tanh.

    Args:
        job: Takes the count.
        x: Any shape.
        approximate: "none" or "tanh".

    Source: Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2
    """
    arithmetic = job.arithmetic
    if approximate == "tanh":
        cubes = arithmetic.mul(arithmetic.mul(arithmetic.mul(x.values, 0.044715), x.values), x.values)
        bent = arithmetic.tanh(arithmetic.mul(arithmetic.add(x.values, cubes), sqrt(2 / pi)))
    else:
        bent = arithmetic.erf(arithmetic.mul(x.values, sqrt(0.5)))
    halves = arithmetic.mul(x.values, 0.5)
    return Array(x.shape, arithmetic.mul(halves, arithmetic.add(bent, 1)))


@executes("hard_tanh")
def hard_tanh(job: Job, x: Array, *, min_val: Number, max_val: Number) -> Array:
    """min(max_val, max(min_val, x)): 2 cmp per value."""
    return Array(x.shape, job.arithmetic.minimum(job.arithmetic.maximum(x.values, min_val), max_val))


@executes("elu")
def elu(job: Job, x: Array, *, alpha: Number) -> Array:
    """Return each value x, or alpha · (exp(x) - 1) where it is not positive; all four operations for every value."""
    bent = job.arithmetic.mul(job.arithmetic.sub(job.arithmetic.exp(x.values), 1), alpha)
    return Array(x.shape, _chosen(job, x.values, bent))


@executes("selu")
def selu(job: Job, x: Array) -> Array:
    """Return the values of `elu` with a fixed alpha, times a fixed factor: 1 mul more.

    Source: Klambauer et al. 2017, arXiv:1706.02515, section 2
    """
    return Array(x.shape, job.arithmetic.mul(elu(job, x, alpha=_SELU_ALPHA).values, _SELU_SCALE))


@executes("celu")
def celu(job: Job, x: Array, *, alpha: Number) -> Array:
    """max(0, x) + min(0, alpha · (exp(x / alpha) - 1)).

    Raises:
        ValueError: `alpha` is zero.
    """
    arithmetic = job.arithmetic
    if alpha == 0:
        raise ValueError("alpha is zero")
    bent = arithmetic.mul(arithmetic.sub(arithmetic.exp(arithmetic.div(x.values, alpha)), 1), alpha)
    return Array(x.shape, arithmetic.add(arithmetic.maximum(x.values, 0), arithmetic.minimum(bent, 0)))


@executes("softplus")
def softplus(job: Job, x: Array) -> Array:
    """log(1 + exp(x)): 1 exp, 1 add and 1 log per value."""
    return Array(x.shape, job.arithmetic.log(job.arithmetic.add(job.arithmetic.exp(x.values), 1)))


@executes("softsign")
def softsign(job: Job, x: Array) -> Array:
    """Value by value x / (1 + |x|): 1 abs, 1 add and 1 div per value."""
    return Array(x.shape, job.arithmetic.div(x.values, job.arithmetic.add(job.arithmetic.absolute(x.values), 1)))


@executes("mish")
def mish(job: Job, x: Array) -> Array:
    """Value by value x · tanh(softplus(x)): the operations of `softplus`, 1 tanh and 1 mul per value."""
    return Array(x.shape, job.arithmetic.mul(x.values, job.arithmetic.tanh(softplus(job, x).values)))


@executes("glu")
def glu(job: Job, x: Array, *, axis: int = 0) -> Array:
    """Return the first half of an axis times the sigmoid of the second: the operations of `silu` per output value.

    Raises:
        ValueError: The axis cannot be halved.
    """
    if x.shape[axis] % 2:
        raise ValueError(f"an axis of {x.shape[axis]} cannot be halved")
    x = axis_first(x, axis)
    half = len(x.values) // 2
    shape = (x.shape[0] // 2, *x.sizes)
    gates = sigmoid(job, Array(shape, x.values[half:]))
    return axis_back(Array(shape, job.arithmetic.mul(x.values[:half], gates.values)), axis)


@executes("softmax")
def softmax(job: Job, x: Array, *, axis: int = 0) -> Array:
    """exp(x - max) / Σ exp(x - max) over the n values along an axis.

    Per position: n - 1 cmp, n add for the differences, n exp, n add for the sum, n div.
    """
    arithmetic = job.arithmetic
    x = axis_first(x, axis)
    exponentials = [arithmetic.exp(channel) for channel in _lowered(arithmetic, x)]
    sums: list[Number] = [0] * len(exponentials[0])
    for channel in exponentials:
        sums = arithmetic.add(sums, channel)
    return axis_back(from_channels([arithmetic.div(channel, sums) for channel in exponentials], x.sizes), axis)


def _lowered(arithmetic: Arithmetic, x: Array) -> list[list[Number]]:
    """Return the channels less the largest of each position."""
    largest, *others = x.channels()
    for channel in others:
        largest = arithmetic.maximum(largest, channel)
    return [arithmetic.sub(channel, largest) for channel in x.channels()]


@executes("log_softmax")
def log_softmax(job: Job, x: Array, *, axis: int = 0) -> Array:
    """Return the values x - max - log(Σ exp(x - max)) over the n values along an axis.

    Per position: n - 1 cmp, n add for the differences, n exp, n add for the sum, 1 log, n add for the result.
    """
    arithmetic = job.arithmetic
    x = axis_first(x, axis)
    lowered = _lowered(arithmetic, x)
    sums: list[Number] = [0] * len(lowered[0])
    for channel in lowered:
        sums = arithmetic.add(sums, arithmetic.exp(channel))
    logarithms = arithmetic.log(sums)
    return axis_back(from_channels([arithmetic.sub(channel, logarithms) for channel in lowered], x.sizes), axis)


def _leaky(job: Job, values: Values, slope: Number) -> list[Number]:
    return _chosen(job, values, job.arithmetic.mul(values, slope))


def _chosen(job: Job, values: Values, others: Values) -> list[Number]:
    """Return each value that is positive, else the other of its place: 1 cmp per value."""
    positive = job.arithmetic.positive(values)
    return [value if keep else other for value, keep, other in zip(values, positive, others, strict=True)]
