"""Activations, value by value, and the softmax over the channels of each position."""

from __future__ import annotations

from fractions import Fraction
from math import pi, sqrt
from typing import Literal

from convcost.executor.arithmetic import Values
from convcost.executor.registry import Job, executes
from convcost.executor.tensor import Number, Tensor, axis_back, axis_first, from_channels


@executes("relu")
def relu(job: Job, x: Tensor) -> Tensor:
    """max(0, x): 1 cmp per value."""
    return Tensor(x.shape, job.arithmetic.maximum(x.values, 0))


@executes("relu6")
def relu6(job: Job, x: Tensor) -> Tensor:
    """min(6, max(0, x)): 2 cmp per value."""
    return Tensor(x.shape, job.arithmetic.minimum(job.arithmetic.maximum(x.values, 0), 6))


@executes("leaky_relu")
def leaky_relu(job: Job, x: Tensor, *, negative_slope: Number) -> Tensor:
    """Each value x, or negative_slope · x where x is not positive: 1 cmp and 1 mul per value, whatever its sign."""
    slope = negative_slope if isinstance(negative_slope, float) else Fraction(negative_slope)
    return Tensor(x.shape, _leaky(job, x.values, slope))


@executes("prelu")
def prelu(job: Job, x: Tensor, *, axis: int = 0, num_parameters: int) -> Tensor:
    """`leaky_relu` with learned slopes, `weight` of (num_parameters,): one for all channels or one each."""
    x = axis_first(x, axis)
    slopes = job.weights.vector("weight", num_parameters)
    if len(slopes) == 1:
        slopes = slopes * x.shape[0]
    outputs = [_leaky(job, channel, slope) for channel, slope in zip(x.channels(), slopes, strict=True)]
    return axis_back(from_channels(outputs, x.sizes), axis)


@executes("sigmoid")
def sigmoid(job: Job, x: Tensor) -> Tensor:
    """The logistic function, e / (1 + e) with e = exp(x): 1 exp, 1 add and 1 div per value."""
    exponentials = job.arithmetic.exp(x.values)
    return Tensor(x.shape, job.arithmetic.div(exponentials, job.arithmetic.add(exponentials, 1)))


@executes("silu")
def silu(job: Job, x: Tensor) -> Tensor:
    """Value by value x · sigmoid(x): the operations of `sigmoid` and 1 mul per value."""
    return Tensor(x.shape, job.arithmetic.mul(x.values, sigmoid(job, x).values))


@executes("tanh")
def tanh(job: Job, x: Tensor) -> Tensor:
    """The hyperbolic tangent: 1 tanh per value."""
    return Tensor(x.shape, job.arithmetic.tanh(x.values))


@executes("hard_sigmoid")
def hard_sigmoid(job: Job, x: Tensor) -> Tensor:
    """relu6(x + 3) / 6: 1 add, 2 cmp and 1 div per value.

    Source: Howard et al. 2019, arXiv:1905.02244, section 5.2
    """
    clipped = relu6(job, Tensor(x.shape, job.arithmetic.add(x.values, 3)))
    return Tensor(x.shape, job.arithmetic.div(clipped.values, 6))


@executes("hard_swish")
def hard_swish(job: Job, x: Tensor) -> Tensor:
    """Value by value x · hard_sigmoid(x): the operations of `hard_sigmoid` and 1 mul per value."""
    return Tensor(x.shape, job.arithmetic.mul(x.values, hard_sigmoid(job, x).values))


@executes("gelu")
def gelu(job: Job, x: Tensor, *, approximate: Literal["none", "tanh"]) -> Tensor:
    """0.5 · x · (1 + erf(x / √2)), or the same with a tanh in the place of erf.

    Exact: 3 mul, 1 add and 1 erf per value, 1/√2 being a constant. With tanh(√(2/π) · (x + 0.044715 · x · x ·
        x)):
    6 mul, 2 add and 1 tanh.

    Args:
        job: takes the count.
        x: any shape.
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
    return Tensor(x.shape, arithmetic.mul(halves, arithmetic.add(bent, 1)))


@executes("softmax")
def softmax(job: Job, x: Tensor, *, axis: int = 0) -> Tensor:
    """exp(x - max) / Σ exp(x - max) over the n values along an axis.

    Per position: n - 1 cmp, n add for the differences, n exp, n add for the sum, n div.
    """
    arithmetic = job.arithmetic
    x = axis_first(x, axis)
    first, *others = x.channels()
    largest = first
    for channel in others:
        largest = arithmetic.maximum(largest, channel)
    exponentials = [arithmetic.exp(arithmetic.sub(channel, largest)) for channel in x.channels()]
    sums: list[Number] = [0] * len(largest)
    for channel in exponentials:
        sums = arithmetic.add(sums, channel)
    return axis_back(from_channels([arithmetic.div(channel, sums) for channel in exponentials], x.sizes), axis)


def _leaky(job: Job, values: Values, slope: Number) -> list[Number]:
    scaled = job.arithmetic.mul(values, slope)
    positive = job.arithmetic.positive(values)
    return [value if keep else small for value, keep, small in zip(values, positive, scaled, strict=True)]
