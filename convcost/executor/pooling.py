"""Pooling: the largest or the mean value of each window."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from convcost.executor.array import Array, Number, Shape, axis_first, from_channels
from convcost.executor.registry import Job, executes
from convcost.executor.windows import OVERHANG, Padding, Windows, combined, extended, gatherer, sliding


@executes("max_pool")
def max_pool(
    job: Job,
    x: Array,
    *,
    kernel_size: Shape,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    ceil_mode: bool,
) -> Array:
    """Return the largest value of each window; positions outside the input hold -∞ and are compared like values.

    Args:
        job: Takes the count: one cmp less than the window has taps, per output value.
        x: (channels, spatial sizes).
        kernel_size: Taps along each spatial axis.
        stride: Step between windows along each axis.
        padding: Positions (before, after) each axis, or "same".
        dilation: Step between taps along each axis.
        ceil_mode: Whether the last window may hang over the end.

    Raises:
        ValueError: Padding is wider than half the kernel, or no window fits.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """
    _check_padding(kernel_size, padding)
    grid = sliding(x.sizes, kernel_size, stride, padding, dilation, ceil_mode)
    gathers = [gatherer(tap) for tap in zip(*grid.windows, strict=True)]
    outputs = []
    for channel in x.channels():
        lowest = [*channel, -inf, -inf]
        largest = list(gathers[0](lowest))
        for gather in gathers[1:]:
            largest = job.arithmetic.maximum(largest, gather(lowest))
        outputs.append(largest)
    return from_channels(outputs, grid.sizes)


@executes("avg_pool")
def avg_pool(
    job: Job,
    x: Array,
    *,
    kernel_size: Shape,
    stride: Shape,
    padding: Padding,
    ceil_mode: bool,
    count_include_pad: bool,
) -> Array:
    """Return the mean of each window: the whole window is summed, zeros included, and divided once.

    Args:
        job: Takes the count: per output value an add for each tap and one div.
        x: (channels, spatial sizes).
        kernel_size: Taps along each spatial axis.
        stride: Step between windows along each axis.
        padding: Zeros (before, after) each axis, or "same".
        ceil_mode: Whether the last window may hang over the end; what hangs over never enters the divisor.
        count_include_pad: Whether padding enters the divisor.

    Raises:
        ValueError: Padding is wider than half the kernel, or no window fits.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """
    _check_padding(kernel_size, padding)
    grid = sliding(x.sizes, kernel_size, stride, padding, (1,) * len(kernel_size), ceil_mode)
    lowest = OVERHANG + 1 if count_include_pad else 0
    return _means(job, x, grid, [sum(position >= lowest for position in window) for window in grid.windows])


@executes("lp_pool")
def lp_pool(
    job: Job,
    x: Array,
    *,
    kernel_size: Shape,
    stride: Shape,
    padding: Padding,
    ceil_mode: bool,
    norm_type: Number,
) -> Array:
    """Return the norm_type-th root of the sum of the powers of each window, zeros included.

    Args:
        job: Takes the count: per tap a power and an add, and the root; squares are products, first powers nothing.
        x: (channels, spatial sizes).
        kernel_size: Taps along each spatial axis.
        stride: Step between windows along each axis.
        padding: Zeros (before, after) each axis, or "same".
        ceil_mode: Whether the last window may hang over the end.
        norm_type: The p of the p-norm.

    Raises:
        ValueError: `norm_type` is not above 0, padding is wider than half the kernel, or no window fits.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html
    """
    if not norm_type > 0:
        raise ValueError(f"a norm of {norm_type}")
    _check_padding(kernel_size, padding)
    grid = sliding(x.sizes, kernel_size, stride, padding, (1,) * len(kernel_size), ceil_mode)
    gathers = list(map(gatherer, grid.windows))
    outputs: list[list[Number]] = []
    for channel in map(extended, x.channels()):
        sums = [job.arithmetic.total(_powers(job, gather(channel), norm_type)) for gather in gathers]
        outputs.append(_roots(job, sums, norm_type))
    return from_channels(outputs, grid.sizes)


@executes("global_avg_pool")
def global_avg_pool(job: Job, x: Array, *, axis: int = 0) -> Array:
    """Return the mean of each channel, as (channels, 1, …, 1): an add for each position and one div per channel.

    Channels along the last axis, those of tokens, leave a vector.
    """
    moved = axis_first(x, axis)
    return _ranked(adaptive_avg_pool(job, moved, output_size=(1,) * len(x.sizes)), axis)


@executes("global_max_pool")
def global_max_pool(job: Job, x: Array, *, axis: int = 0) -> Array:
    """Return the largest value of each channel, in the shapes of `global_avg_pool`: one cmp less than positions."""
    moved = axis_first(x, axis)
    return _ranked(adaptive_max_pool(job, moved, output_size=(1,) * len(x.sizes)), axis)


@executes("adaptive_avg_pool")
def adaptive_avg_pool(job: Job, x: Array, *, output_size: Shape) -> Array:
    """Return the mean of each of output_size windows, the i-th from ⌊i · in / out⌋ to ⌈(i + 1) · in / out⌉.

    Args:
        job: Takes the count: per output value an add for each tap of its window and one div.
        x: (channels, spatial sizes).
        output_size: Windows along each spatial axis.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    """
    grid = _sized_windows(x.sizes, output_size)
    return _means(job, x, grid, list(map(len, grid.windows)))


@executes("adaptive_max_pool")
def adaptive_max_pool(job: Job, x: Array, *, output_size: Shape) -> Array:
    """Return the largest value of each window of `adaptive_avg_pool`: a cmp less than the window has taps.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
    """
    grid = _sized_windows(x.sizes, output_size)
    outputs = []
    for channel in x.channels():
        largest = []
        for window in grid.windows:
            value = channel[window[0]]
            for position in window[1:]:
                (value,) = job.arithmetic.maximum([value], channel[position])
            largest.append(value)
        outputs.append(largest)
    return from_channels(outputs, grid.sizes)


@executes("max_unpool")
def max_unpool(_: Job, x: Array, pooled: Array, *, of: int) -> Array:
    """Return each value where its window's largest was, zeros elsewhere. The indices are known: no arithmetic.

    The windows are as many as there are values, and share the map out evenly, as those of a pool that steps by its
    kernel size.

    Args:
        job: Not needed.
        x: (channels, spatial sizes), a value for each window.
        pooled: (channels, larger sizes), what was pooled.
        of: Not needed.

    Raises:
        ValueError: The shapes do not belong together.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html
    """
    if x.shape[0] != pooled.shape[0] or any(a > b for a, b in zip(x.shape, pooled.shape, strict=True)):
        raise ValueError(f"{x.shape} was not pooled from {pooled.shape}")
    axes = [
        [tuple(range(i * (large // small), (i + 1) * (large // small))) for i in range(small)]
        for small, large in zip(x.sizes, pooled.sizes, strict=True)
    ]
    grid = combined(axes, pooled.sizes)
    outputs = []
    for values, channel in zip(x.channels(), pooled.channels(), strict=True):
        spread: list[Number] = [0] * len(channel)
        for value, window in zip(values, grid.windows, strict=True):
            spread[max(window, key=channel.__getitem__)] = value
        outputs.append(spread)
    return from_channels(outputs, pooled.sizes)


def _sized_windows(sizes: Shape, output_size: Shape) -> Windows:
    axes = [
        [tuple(range(i * size // out, -(-(i + 1) * size // out))) for i in range(out)]
        for size, out in zip(sizes, output_size, strict=True)
    ]
    return combined(axes, sizes)


def _ranked(pooled: Array, axis: int) -> Array:
    """Return what a global pool gives: a map of one position, or a vector where the channels are not the first axis."""
    return pooled if axis == 0 else Array((len(pooled.values),), pooled.values)


def _powers(job: Job, values: Sequence[Number], exponent: Number) -> Sequence[Number]:
    if exponent == 1:
        return values
    return job.arithmetic.mul(values, values) if exponent == 2 else job.arithmetic.power(values, float(exponent))


def _roots(job: Job, values: list[Number], exponent: Number) -> list[Number]:
    if exponent == 1:
        return values
    return job.arithmetic.sqrt(values) if exponent == 2 else job.arithmetic.power(values, 1 / float(exponent))


def _check_padding(kernel_size: Shape, padding: Padding) -> None:
    """Refuse a padding wider than half the kernel, which PyTorch's pools refuse too."""
    if padding != "same" and any(
        pad > kernel // 2 for kernel, pair in zip(kernel_size, padding, strict=True) for pad in pair
    ):
        raise ValueError(f"a pool of {kernel_size} is padded by at most half of it, not {padding}")


def _means(job: Job, x: Array, grid: Windows, divisors: Sequence[int]) -> Array:
    gathers = list(map(gatherer, grid.windows))
    outputs: list[list[Number]] = []
    for channel in map(extended, x.channels()):
        sums = [job.arithmetic.total(gather(channel)) for gather in gathers]
        outputs.append(job.arithmetic.div(sums, divisors))
    return from_channels(outputs, grid.sizes)
