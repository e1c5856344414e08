"""Layers that only move values, or leave them alone: no arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.executor.registry import Job, executes
from convcost.executor.tensor import Tensor, axis_back, axis_first, from_channels
from convcost.executor.windows import PADDING, extended, gatherer, selection


@executes("slice")
def slice_axis(_: Job, x: Tensor, *, axis: int = 0, start: int, end: int) -> Tensor:
    """The positions of an axis from start to before end.

    Raises:
        ValueError: the input has no such positions.
    """
    if not 0 <= start < end <= x.shape[axis]:
        raise ValueError(f"no positions {start} to {end} in {x.shape[axis]}")
    x = axis_first(x, axis)
    return axis_back(from_channels(x.channels()[start:end], x.sizes), axis)


@executes("channel_shuffle")
def channel_shuffle(_: Job, x: Tensor, *, groups: int) -> Tensor:
    """Deal the channels out: the first of each group, then the second of each, and so on.

    Raises:
        ValueError: groups does not divide the channels.

    Source: Zhang et al. 2017, arXiv:1707.01083, section 3.1
    """
    if x.shape[0] % groups:
        raise ValueError(f"{groups} groups do not divide {x.shape[0]} channels")
    channels = x.channels()
    members = len(channels) // groups
    return from_channels([channel for first in range(members) for channel in channels[first::members]], x.sizes)


@executes("pixel_shuffle")
def pixel_shuffle(_: Job, x: Tensor, *, upscale_factor: int) -> Tensor:
    """Lay upscale_factor^rank channels out as a finer grid of one channel.

    Raises:
        ValueError: upscale_factor^rank does not divide the channels.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html
    """
    finer = upscale_factor ** len(x.sizes)
    channels, rest = divmod(x.shape[0], finer)
    if rest:
        raise ValueError(f"{finer} does not divide {x.shape[0]} channels")
    # As an array of channels × factor × … × factor × sizes, each factor belongs behind its size.
    split = (channels, *[upscale_factor] * len(x.sizes), *x.sizes)
    steps = [1]
    for size in reversed(split[1:]):
        steps.insert(0, steps[0] * size)
    rank = len(x.sizes)
    sources = [channel * steps[0] for channel in range(channels)]
    for axis, size in enumerate(x.sizes):
        within, across = steps[1 + axis], steps[1 + rank + axis]
        sources = [
            source + position * across + part * within
            for source in sources
            for position in range(size)
            for part in range(upscale_factor)
        ]
    shape = (channels, *(size * upscale_factor for size in x.sizes))
    return Tensor(shape, [x.values[source] for source in sources])


@executes("pad")
def pad(_: Job, x: Tensor, *, padding: tuple[tuple[int, int], ...]) -> Tensor:
    """Lay zeros (before, after) around each spatial axis; the next layer reads them as ordinary input."""
    axes = [
        [*[PADDING] * before, *range(size), *[PADDING] * after]
        for size, (before, after) in zip(x.sizes, padding, strict=True)
    ]
    return _moved(x, axes)


@executes("crop")
def crop(_: Job, x: Tensor, *, cropping: tuple[tuple[int, int], ...]) -> Tensor:
    """Cut positions (before, after) off each spatial axis.

    Raises:
        ValueError: nothing is left.
    """
    axes = [range(before, size - after) for size, (before, after) in zip(x.sizes, cropping, strict=True)]
    return _moved(x, axes)


@executes("flatten")
def flatten(_: Job, x: Tensor) -> Tensor:
    """The values as a vector."""
    return Tensor((len(x.values),), x.values)


@executes("dropout")
def dropout(_: Job, x: Tensor, *, p: object) -> Tensor:
    """The input: nothing is dropped at inference."""
    return x


@executes("identity")
def identity(_: Job, x: Tensor) -> Tensor:
    """The input."""
    return x


def _moved(x: Tensor, axes: Sequence[Sequence[int]]) -> Tensor:
    sizes, sources = selection(axes, x.sizes)
    gather = gatherer(sources)
    return from_channels([list(gather(extended(channel))) for channel in x.channels()], sizes)
