"""Layers that only move values, or leave them alone: no arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Literal

from convcost.executor.array import Array, Number, from_channels
from convcost.executor.registry import Job, executes
from convcost.executor.windows import PADDING, gatherer, selection


@executes("slice")
def slice_axis(_: Job, x: Array, *, axis: int = 0, start: int, end: int, step: int = 1) -> Array:
    """Return the positions of an axis from start to before end, each step-th of them.

    Raises:
        ValueError: The input has no such positions.
    """
    if not 0 <= start < end <= x.shape[axis]:
        raise ValueError(f"no positions {start} to {end} in {x.shape[axis]}")
    return picked(x, {axis: range(start, end, step)})


@executes("channel_shuffle")
def channel_shuffle(_: Job, x: Array, *, groups: int) -> Array:
    """Deal the channels out: the first of each group, then the second of each, and so on.

    Raises:
        ValueError: `groups` does not divide the channels.

    Source: Zhang et al. 2017, arXiv:1707.01083, section 3.1
    """
    if x.shape[0] % groups:
        raise ValueError(f"{groups} groups do not divide {x.shape[0]} channels")
    channels = x.channels()
    members = len(channels) // groups
    return from_channels([channel for first in range(members) for channel in channels[first::members]], x.sizes)


@executes("pixel_shuffle")
def pixel_shuffle(_: Job, x: Array, *, upscale_factor: int) -> Array:
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
    return Array(shape, [x.values[source] for source in sources])


@executes("pixel_unshuffle")
def pixel_unshuffle(_: Job, x: Array, *, downscale_factor: int) -> Array:
    """Lay each channel out as downscale_factor^rank channels on a coarser grid: one for each place within a block.

    Raises:
        ValueError: `downscale_factor` does not divide a size.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html
    """
    if any(size % downscale_factor for size in x.sizes):
        raise ValueError(f"{downscale_factor} does not divide {x.sizes}")
    grids = []
    for offsets in product(range(downscale_factor), repeat=len(x.sizes)):
        axes = [range(first, size, downscale_factor) for first, size in zip(offsets, x.sizes, strict=True)]
        sizes, sources = selection(axes, x.sizes)
        grids.append(gatherer(sources))
    return from_channels([list(gather(channel)) for channel in x.channels() for gather in grids], sizes)


@executes("pad")
def pad(
    _: Job,
    x: Array,
    *,
    padding: tuple[tuple[int, int], ...],
    axis: tuple[int, ...] | None = None,
    mode: Literal["zeros", "constant", "reflect", "replicate", "circular"] = "zeros",
    value: Number = 0,
) -> Array:
    """Lay values (before, after) around axes; the next layer reads them as ordinary input.

    Args:
        job: Not needed.
        x: Any shape.
        padding: How many before and after each axis.
        axis: The axes; the spatial ones without it.
        mode: What the values are: zeros, `value`, or values of the input.
        value: What `constant` pads with.

    Raises:
        ValueError: The input has not as many values as are reflected or repeated.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
    """
    places = {}
    for number, (before, after) in zip(axis or range(1, len(x.shape)), padding, strict=True):
        size = x.shape[number]
        if (mode == "reflect" and max(before, after) >= size) or (mode == "circular" and max(before, after) > size):
            raise ValueError(f"{mode} cannot pad {size} values by {before} and {after}")
        places[number] = [_source(place, size, mode) for place in range(-before, size + after)]
    return picked(x, places, value)


@executes("crop")
def crop(_: Job, x: Array, *, cropping: tuple[tuple[int, int], ...], axis: tuple[int, ...] | None = None) -> Array:
    """Cut positions (before, after) off axes, the spatial ones unless others are named.

    Raises:
        ValueError: Nothing is left.
    """
    pairs = zip(axis or range(1, len(x.shape)), cropping, strict=True)
    return picked(x, {number: range(before, x.shape[number] - after) for number, (before, after) in pairs})


@executes("flatten")
def flatten(_: Job, x: Array) -> Array:
    """Return the values as a vector."""
    return Array((len(x.values),), x.values)


@executes("dropout")
def dropout(_: Job, x: Array, *, p: object) -> Array:
    """Return the input: nothing is dropped at inference."""
    return x


@executes("identity")
def identity(_: Job, x: Array) -> Array:
    """Return the input."""
    return x


def picked(x: Array, places: Mapping[int, Sequence[int]], fill: Number = 0) -> Array:
    """Return the values at chosen places of some axes, all of the others.

    Args:
        x: Any shape.
        places: For an axis, the position that each output position takes; `PADDING` takes `fill`.
        fill: What lies outside.

    Raises:
        ValueError: An axis has no place.
    """
    first = min(places)
    behind = x.shape[first:]
    axes = [places.get(axis, range(size)) for axis, size in enumerate(behind, first)]
    sizes, sources = selection(axes, behind)
    gather, block = gatherer(sources), prod(behind)
    blocks = (x.values[start : start + block] for start in range(0, len(x.values), block))
    values = [value for part in blocks for value in gather([*part, fill])]
    return Array((*x.shape[:first], *sizes), values)


def _source(place: int, size: int, mode: str) -> int:
    """Return the position of an axis whose value lies at a place, which may be outside."""
    if 0 <= place < size:
        return place
    if mode == "reflect":
        return -place if place < 0 else 2 * (size - 1) - place
    if mode == "replicate":
        return 0 if place < 0 else size - 1
    return place % size if mode == "circular" else PADDING
