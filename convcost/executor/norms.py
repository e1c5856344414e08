"""Normalisations, and the proof by execution that a batch norm folds into the layer before it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import chain
from math import isqrt, prod, sqrt
from typing import Any

from convcost.executor.arithmetic import Values
from convcost.executor.array import Array, Number, axis_back, axis_first, from_channels
from convcost.executor.groups import Groups
from convcost.executor.registry import Job, executes
from convcost.executor.weights import GivenWeights, Weights

_KERAS_EPSILON = 1e-7  # what Keras divides by at least


@executes("batch_norm")
def batch_norm(
    job: Job,
    x: Array,
    *,
    axis: int = 0,
    affine: bool,
    scale: bool = True,
    bias: bool = True,
    eps: Number,
    momentum: object,
) -> Array:
    """Scale and shift each channel by its running statistics.

    The factor and the shift of a channel follow from its weights when the model is loaded, before any input;
    so each value costs one mul and one add. A folded norm takes its weights and performs nothing: `fold`
    shows where they went.

    Args:
        job: `running_mean`, `running_var` and, if affine, `weight` and `bias`, each (channels,).
        x: Any shape.
        axis: The axis of the channels.
        affine: Whether there is a trainable factor and shift.
        scale: Whether the factor is there.
        bias: Whether the shift is there.
        eps: Added to the variance.
        momentum: Of use in training only.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167, Algorithm 2
    """
    factors, shifts = _prepared(job.weights, x.shape[axis], affine and scale, affine and bias, eps)
    if job.folded:
        return x
    x = axis_first(x, axis)
    outputs = [
        job.arithmetic.add(job.arithmetic.mul(channel, factor), shift)
        for channel, factor, shift in zip(x.channels(), factors, shifts, strict=True)
    ]
    return axis_back(from_channels(outputs, x.sizes), axis)


@executes("layer_norm")
def layer_norm(
    job: Job, x: Array, *, axis: tuple[int, ...] = (0,), affine: bool, bias: bool = True, eps: Number
) -> Array:
    """Normalise the values of some axes at each position of the others, then scale and shift each of them.

    Args:
        job: If affine, `weight` and `bias`, a number for each value that is normalised together.
        x: Any shape.
        axis: The axes that are normalised together.
        affine: Whether there is a trainable factor and, with `bias`, shift.
        bias: Whether there is a shift.
        eps: Added to the variance.

    Source: Ba et al. 2016, arXiv:1607.06450, equation 3
    """
    together = Groups(x, axis)
    groups = [_normalised(job, values, eps) for values in together.values]
    return together.restored(_affine(job, together.matrix(groups), affine, bias))


@executes("group_norm")
def group_norm(
    job: Job, x: Array, *, axis: int = 0, num_groups: int, affine: bool, bias: bool = True, eps: Number
) -> Array:
    """Normalise groups of channels, each over all its positions, then scale and shift each channel.

    Args:
        job: If affine, `weight` and `bias`, each (channels,).
        x: Any shape.
        axis: The axis of the channels.
        num_groups: Groups of neighbouring channels.
        affine: Whether there is a trainable factor and, with `bias`, shift.
        bias: Whether there is a shift.
        eps: Added to the variance.

    Raises:
        ValueError: `num_groups` does not divide the channels.

    Source: Wu and He 2018, arXiv:1803.08494, equations 1 to 3
    """
    if x.shape[axis] % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {x.shape[axis]} channels")
    x = axis_first(x, axis)
    size = len(x.values) // num_groups
    groups = [_normalised(job, x.values[start : start + size], eps) for start in range(0, len(x.values), size)]
    return axis_back(_affine(job, Array(x.shape, list(chain.from_iterable(groups))), affine, bias), axis)


@executes("instance_norm")
def instance_norm(job: Job, x: Array, *, axis: int = 0, affine: bool, eps: Number) -> Array:
    """Normalise each channel over its positions, then scale and shift it.

    Args:
        job: If affine, `weight` and `bias`, each (channels,).
        x: Any shape.
        axis: The axis of the channels.
        affine: Whether there is a trainable factor and shift.
        eps: Added to the variance.

    Source: Ulyanov et al. 2016, arXiv:1607.08022, equation 5
    """
    x = axis_first(x, axis)
    channels = [_normalised(job, channel, eps) for channel in x.channels()]
    return axis_back(_affine(job, from_channels(channels, x.sizes), affine, True), axis)


@executes("rms_norm")
def rms_norm(job: Job, x: Array, *, axis: tuple[int, ...] = (0,), affine: bool, eps: Number) -> Array:
    """Divide the values of some axes, at each position of the others, by the root of their mean square.

    Args:
        job: If affine, `weight`, a number for each value that is normalised together.
        x: Any shape.
        axis: The axes that are normalised together.
        affine: Whether there is a trainable factor.
        eps: Added to the mean square.

    Source: Zhang and Sennrich 2019, arXiv:1910.07467, equation 4
    """
    arithmetic = job.arithmetic
    together = Groups(x, axis)
    groups = []
    for values in together.values:
        mean = arithmetic.div([arithmetic.total(arithmetic.mul(values, values))], len(values))
        (root,) = arithmetic.sqrt(arithmetic.add(mean, float(eps)))
        groups.append(arithmetic.div(values, root))
    return together.restored(_affine(job, together.matrix(groups), affine, False))


@executes("l2_normalize")
def l2_normalize(job: Job, x: Array, *, axis: tuple[int, ...] = (0,), eps: Number) -> Array:
    """Divide the values of some axes, at each position of the others, by their Euclidean length, at least eps.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html
    """
    arithmetic = job.arithmetic
    together = Groups(x, axis)
    groups = []
    for values in together.values:
        length = arithmetic.sqrt([arithmetic.total(arithmetic.mul(values, values))])
        (divisor,) = arithmetic.maximum(length, float(eps))
        groups.append(arithmetic.div(values, divisor))
    return together.restored(together.matrix(groups))


@executes("local_response_norm")
def local_response_norm(
    job: Job, x: Array, *, axis: int = 0, size: int, alpha: Number, beta: Number, k: Number
) -> Array:
    """Divide each value by (k + α/size · the sum of squares over `size` neighbouring channels)^β.

    Windows are whole: channels that do not exist are added as zeros.

    Args:
        job: Takes the count.
        x: Any shape.
        axis: The axis of the channels.
        size: Channels in a window, ⌊size / 2⌋ of them before the value's own.
        alpha: Weight of the mean square.
        beta: The exponent.
        k: Where the denominator starts.

    Source: Krizhevsky et al. 2012, section 3.3, and
        https://pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html
    """
    arithmetic = job.arithmetic
    x = axis_first(x, axis)
    channels = x.channels()
    zeros: list[Number] = [0] * prod(x.sizes)
    squares = [arithmetic.mul(channel, channel) for channel in channels]
    padded = [zeros] * (size // 2) + squares + [zeros] * ((size - 1) // 2)
    outputs = []
    for index, channel in enumerate(channels):
        sums = zeros
        for neighbour in padded[index : index + size]:
            sums = arithmetic.add(sums, neighbour)
        bases = arithmetic.add(arithmetic.mul(sums, float(alpha) / size), k)
        outputs.append(arithmetic.div(channel, arithmetic.power(bases, float(beta))))
    return axis_back(from_channels(outputs, x.sizes), axis)


@executes("standardize")
def standardize(job: Job, x: Array, *, axis: int = 0, stored: bool) -> Array:
    """Subtract each channel's mean and divide by its deviation, at least eps.

    Args:
        job: If stored, `running_mean` and `running_var`, each (channels,), and `count` of (1,), which nothing reads.
        x: Any shape.
        axis: The axis of the channels.
        stored: Whether the model has the statistics; else they are constants.
    """
    x = axis_first(x, axis)
    channels = x.shape[0]
    means: list[Number] = [0] * channels
    variances: list[Number] = [1] * channels
    if stored:
        means = job.weights.statistics("running_mean", channels)
        variances = job.weights.statistics("running_var", channels)
        job.weights.statistics("count", 1)
    outputs = []
    for channel, mean, variance in zip(x.channels(), means, variances, strict=True):
        (deviation,) = job.arithmetic.maximum(job.arithmetic.sqrt([float(variance)]), _KERAS_EPSILON)
        outputs.append(job.arithmetic.div(job.arithmetic.sub(list(map(float, channel)), float(mean)), deviation))
    return axis_back(from_channels(outputs, x.sizes), axis)


@executes("scale")
def scale(job: Job, x: Array, *, axis: int = 0, learned: bool = True) -> Array:
    """Multiply each channel by its factor, `weight` of (channels,) where it is learned."""
    x = axis_first(x, axis)
    factors = job.weights.vector("weight", x.shape[0]) if learned else [2] * x.shape[0]
    outputs = [job.arithmetic.mul(channel, factor) for channel, factor in zip(x.channels(), factors, strict=True)]
    return axis_back(from_channels(outputs, x.sizes), axis)


def fold(
    type: str,
    fields: Mapping[str, Any],
    weights: Mapping[str, Array],
    norm_fields: Mapping[str, Any],
    norm_weights: Mapping[str, Array],
) -> dict[str, Array]:
    """Return the weights with which a convolution or linear layer alone does what it and a batch norm behind it do.

    Each output channel's weights are scaled by the norm's factor, its bias is scaled and shifted. Both layers
    are linear in the channel, so this is exact, and with rational numbers whose root is rational it is exact
    in execution too.

    Args:
        type: The layer's type: a convolution of any kind, or linear.
        fields: The layer's fields, with a bias or without.
        weights: The layer's weight and bias.
        norm_fields: The batch norm's fields.
        norm_weights: The batch norm's weights.

    Returns:
        A weight and a bias; the layer's `bias` field must be true for them.

    Source: Jacob et al. 2017, arXiv:1712.05877, section 3.2
    """
    channels = norm_weights["running_mean"].shape[0]
    scale, bias = (norm_fields["affine"] and norm_fields.get(name, True) for name in ("scale", "bias"))
    factors, shifts = _prepared(GivenWeights(norm_weights), channels, scale, bias, norm_fields["eps"])
    weight = weights["weight"]
    per_output: Values
    if type == "transposed_conv":  # (in_channels, out_channels / groups, *kernel_size)
        fanout = weight.shape[1]
        members = weight.shape[0] // fields["groups"]
        outputs = [m // members * fanout + n for m in range(weight.shape[0]) for n in range(fanout)]
        per_output = [factors[output] for output in outputs]
    else:  # (out_channels, …)
        per_output = factors
    length = len(weight.values) // len(per_output)
    scaled = [value * per_output[index // length] for index, value in enumerate(weight.values)]
    biases = weights["bias"].values if fields["bias"] else [0] * channels
    shifted = [bias * factor + shift for bias, factor, shift in zip(biases, factors, shifts, strict=True)]
    return {"weight": Array(weight.shape, scaled), "bias": Array((channels,), shifted)}


def _prepared(
    weights: Weights, channels: int, scale: bool, bias: bool, eps: Number
) -> tuple[list[Number], list[Number]]:
    """Return a batch norm's factor and shift per channel, as they are computed when a model is loaded."""
    means = weights.statistics("running_mean", channels)
    variances = weights.statistics("running_var", channels)
    gammas = weights.vector("weight", channels) if scale else [1] * channels
    betas = weights.vector("bias", channels) if bias else [0] * channels
    factors = [gamma / _root(variance + eps) for gamma, variance in zip(gammas, variances, strict=True)]
    shifts = [beta - mean * factor for beta, mean, factor in zip(betas, means, factors, strict=True)]
    return factors, shifts


def _root(value: Number) -> Fraction | float:
    """Return the square root, exact where it is rational."""
    if not isinstance(value, float):
        exact = Fraction(value)
        root = Fraction(isqrt(exact.numerator), isqrt(exact.denominator))
        if root * root == exact:
            return root
    return sqrt(value)


def _normalised(job: Job, values: Values, eps: Number) -> list[Number]:
    """Subtract the mean from a group of values and divide them by their standard deviation.

    A root is taken on the way, so the values are floats from the start.
    """
    arithmetic = job.arithmetic
    floats = list(map(float, values))
    (mean,) = arithmetic.div([arithmetic.total(floats)], len(floats))
    centred = arithmetic.sub(floats, mean)
    variance = arithmetic.div([arithmetic.total(arithmetic.mul(centred, centred))], len(centred))
    (deviation,) = arithmetic.sqrt(arithmetic.add(variance, float(eps)))
    return arithmetic.div(centred, deviation)


def _affine(job: Job, x: Array, affine: bool, bias: bool) -> Array:
    if not affine:
        return x
    scaled = scale(job, x, axis=0)
    if not bias:
        return scaled
    shifts = job.weights.vector("bias", x.shape[0])
    return from_channels(
        [job.arithmetic.add(channel, shift) for channel, shift in zip(scaled.channels(), shifts, strict=True)], x.sizes
    )
