"""Cross-correlation: one input slides over another."""

from __future__ import annotations

from math import prod

from convcost.executor.array import Array
from convcost.executor.convolution import slid
from convcost.executor.registry import Job, executes
from convcost.executor.windows import Padding, sliding


@executes("cross_correlation")
def cross_correlation(job: Job, x: Array, kernel: Array, *, mode: str, padding: Padding) -> Array:
    """Convolve the first input with the second.

    Args:
        job: Takes the count.
        x: (channels, spatial sizes).
        kernel: (channels, window); for a full correlation (outputs · channels, window).
        mode: depthwise, each channel for itself, or full, over all channels.
        padding: Zeros (before, after) each axis of the first.

    Raises:
        ValueError: The channels do not belong together, or the kernel does not fit.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
    """
    channels, ones = x.shape[0], (1,) * len(x.sizes)
    if kernel.shape[0] != channels and (mode == "depthwise" or kernel.shape[0] % channels):
        raise ValueError(f"a kernel of {kernel.shape[0]} channels on {channels}, {mode}")
    grid = sliding(x.sizes, kernel.sizes, ones, padding, ones)
    if mode == "depthwise":
        return slid(job, x, grid, kernel.channels(), [0] * channels, channels)
    size = channels * prod(kernel.sizes)
    kernels = [kernel.values[start : start + size] for start in range(0, len(kernel.values), size)]
    return slid(job, x, grid, kernels, [0] * len(kernels), 1)
