"""Pooling: the largest or the mean value of each window."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from convcost.executor.registry import Job, executes
from convcost.executor.tensor import Number, Shape, Tensor, from_channels
from convcost.executor.windows import OVERHANG, Padding, Windows, combined, extended, gatherer, sliding


@executes("max_pool")
def max_pool(
    job: Job,
    x: Tensor,
    *,
    kernel_size: Shape,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    ceil_mode: bool,
) -> Tensor:
    """The largest value of each window; positions outside the input hold -∞ and are compared like values.

    Args:
        job: takes the count: one cmp less than the window has taps, per output value.
        x: (channels, spatial sizes).
        kernel_size: taps along each spatial axis.
        stride: step between windows along each axis.
        padding: positions (before, after) each axis, or "same".
        dilation: step between taps along each axis.
        ceil_mode: whether the last window may hang over the end.

    Raises:
        ValueError: padding is wider than half the kernel, or no window fits.

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
    x: Tensor,
    *,
    kernel_size: Shape,
    stride: Shape,
    padding: Padding,
    ceil_mode: bool,
    count_include_pad: bool,
) -> Tensor:
    """The mean of each window: the whole window is summed, zeros included, and divided once.

    Args:
        job: takes the count: per output value an add for each tap and one div.
        x: (channels, spatial sizes).
        kernel_size: taps along each spatial axis.
        stride: step between windows along each axis.
        padding: zeros (before, after) each axis, or "same".
        ceil_mode: whether the last window may hang over the end; what hangs over never enters the divisor.
        count_include_pad: whether padding enters the divisor.

    Raises:
        ValueError: padding is wider than half the kernel, or no window fits.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """
    _check_padding(kernel_size, padding)
    grid = sliding(x.sizes, kernel_size, stride, padding, (1,) * len(kernel_size), ceil_mode)
    lowest = OVERHANG + 1 if count_include_pad else 0
    return _means(job, x, grid, [sum(position >= lowest for position in window) for window in grid.windows])


@executes("global_avg_pool")
def global_avg_pool(job: Job, x: Tensor) -> Tensor:
    """The mean of each channel, as (channels, 1, …, 1): an add for each position and one div per channel."""
    return adaptive_avg_pool(job, x, output_size=(1,) * len(x.sizes))


@executes("adaptive_avg_pool")
def adaptive_avg_pool(job: Job, x: Tensor, *, output_size: Shape) -> Tensor:
    """The mean of each of output_size windows, the i-th from ⌊i · in / out⌋ to ⌈(i + 1) · in / out⌉.

    Args:
        job: takes the count: per output value an add for each tap of its window and one div.
        x: (channels, spatial sizes).
        output_size: windows along each spatial axis.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    """
    axes = [
        [tuple(range(i * size // out, -(-(i + 1) * size // out))) for i in range(out)]
        for size, out in zip(x.sizes, output_size, strict=True)
    ]
    grid = combined(axes, x.sizes)
    return _means(job, x, grid, list(map(len, grid.windows)))


def _check_padding(kernel_size: Shape, padding: Padding) -> None:
    """Refuse a padding wider than half the kernel, which PyTorch's pools refuse too."""
    if padding != "same" and any(
        pad > kernel // 2 for kernel, pair in zip(kernel_size, padding, strict=True) for pad in pair
    ):
        raise ValueError(f"a pool of {kernel_size} is padded by at most half of it, not {padding}")


def _means(job: Job, x: Tensor, grid: Windows, divisors: Sequence[int]) -> Tensor:
    gathers = list(map(gatherer, grid.windows))
    outputs: list[list[Number]] = []
    for channel in map(extended, x.channels()):
        sums = [job.arithmetic.total(gather(channel)) for gather in gathers]
        outputs.append(job.arithmetic.div(sums, divisors))
    return from_channels(outputs, grid.sizes)
