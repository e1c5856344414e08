"""Convolutions of every kind: windows of the input meet rows of weights, or the input spreads by a kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, product
from math import prod
from typing import Protocol, TypeAlias, TypeGuard

from convcost.executor.arithmetic import Values
from convcost.executor.array import Array, Number, Shape, from_channels
from convcost.executor.lanes import MAX_REACH, Lanes, reach_of
from convcost.executor.plain import Plain
from convcost.executor.registry import Job, executes
from convcost.executor.windows import PADDING, Padding, Windows, combined, extended, gatherer, selection, sliding

# Lanes pay when a packed plane is not tiny; the fewer rows it meets, as the one of a depthwise layer, the larger it has
# to be (measured).
_LANES_MIN_POSITIONS = 8
_LANES_FEW_ROWS = 3
_LANES_MIN_POSITIONS_FOR_FEW = 128
# What is loaded at a time: bounds the memory, and keeps the integers of the lanes in the processor's cache.
_LOADED_VALUES = 1 << 20
_LOADED_POSITIONS = 1 << 12


class Products(Protocol):
    """What both engines do with the planes they loaded."""

    def dots(self, row: Values, starts: Values) -> list[Number]:
        """At each position, the start plus the sum of the row's products with the values there."""


Loader: TypeAlias = Callable[[Sequence[Values]], Products]


@executes("conv")
def conv(
    job: Job,
    x: Array,
    *,
    out_channels: int,
    kernel_size: Shape,
    stride: Shape,
    padding: Padding,
    padding_mode: str = "zeros",
    dilation: Shape,
    groups: int,
    bias: bool,
) -> Array:
    """Convolve: each output value is the bias plus the products of a window of its group with the kernel.

    The zeros of the padding are multiplied like values, and counted in `padding_mults` as well.

    Args:
        job: `weight` is (out_channels, in_channels / groups, *kernel_size), `bias` (out_channels,).
        x: (in_channels, spatial sizes).
        out_channels: kernels, spread evenly over the groups.
        kernel_size: Taps along each spatial axis.
        stride: Step between windows along each axis.
        padding: Positions (before, after) each axis, or "same".
        padding_mode: What they hold: zeros, or values of the input (reflect, replicate, circular).
        dilation: Step between taps along each axis.
        groups: Parts of the channels that do not see each other.
        bias: Whether accumulators start at a bias rather than at zero.

    Raises:
        ValueError: `groups` does not divide the channels, or no window fits the input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    members, _ = _per_group(x.shape[0], out_channels, groups)
    kernels = list(job.weights.rows("weight", (out_channels, members, *kernel_size)))
    biases = _biases(job, out_channels, bias)
    grid = sliding(x.sizes, kernel_size, stride, padding, dilation, mode=padding_mode)
    return slid(job, x, grid, kernels, biases, groups)


def slid(job: Job, x: Array, grid: Windows, kernels: Sequence[Values], biases: Sequence[Number], groups: int) -> Array:
    """Return the sums of the products of windows with kernels.

    Args:
        job: Takes the count.
        x: (channels, spatial sizes).
        grid: The windows.
        kernels: For each output channel the weights of its group's channels, each with as many taps as a window has.
        biases: Where the accumulators of each output channel start.
        groups: Parts of the channels that do not see each other.
    """
    members, fanout = x.shape[0] // groups, len(kernels) // groups
    load = _loader(job, x, kernels, biases, fanout, len(grid.windows))
    channels = list(map(extended, x.channels()))
    outputs: list[list[Number]] = [[] for _ in kernels]
    for part in _parts(len(grid.windows), members * len(grid.windows[0])):
        block = grid.windows[part]
        taps = list(zip(*block, strict=True))
        gathers = list(map(gatherer, taps))
        for group in range(groups):
            inputs = channels[group * members : (group + 1) * members]
            products = load([gather(channel) for channel in inputs for gather in gathers])
            padded = sum(tap.count(PADDING) for _ in inputs for tap in taps)
            for n in range(group * fanout, (group + 1) * fanout):
                outputs[n] += products.dots(kernels[n], [biases[n]] * len(block))
                job.arithmetic.padding_mults += padded
    return from_channels(outputs, grid.sizes)


@executes("depthwise_conv")
def depthwise_conv(
    job: Job,
    x: Array,
    *,
    depth_multiplier: int,
    kernel_size: Shape,
    stride: Shape,
    padding: Padding,
    padding_mode: str = "zeros",
    dilation: Shape,
    bias: bool,
) -> Array:
    """Convolve each channel by itself with depth_multiplier kernels: `conv` with a group for each channel."""
    return conv(
        job,
        x,
        out_channels=depth_multiplier * x.shape[0],
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        padding_mode=padding_mode,
        dilation=dilation,
        groups=x.shape[0],
        bias=bias,
    )


@executes("pointwise_conv")
def pointwise_conv(job: Job, x: Array, *, out_channels: int, stride: Shape, groups: int, bias: bool) -> Array:
    """Mix the channels at each position: `conv` with a kernel of one tap and no padding."""
    ones = (1,) * len(x.sizes)
    return conv(
        job,
        x,
        out_channels=out_channels,
        kernel_size=ones,
        stride=stride,
        padding=((0, 0),) * len(ones),
        dilation=ones,
        groups=groups,
        bias=bias,
    )


@executes("transposed_conv")
def transposed_conv(
    job: Job,
    x: Array,
    *,
    out_channels: int,
    kernel_size: Shape,
    stride: Shape,
    padding: tuple[tuple[int, int], ...],
    output_padding: Shape,
    dilation: Shape,
    groups: int,
    bias: bool,
) -> Array:
    """Spread the input: each value meets each kernel value of its group once, and overlaps add.

    The products land on a canvas, stride apart for neighbouring values; then `padding` crops the canvas.
    Products that land in the cropped margin are performed, and counted in `padding_mults` as well.

    Args:
        job: `weight` is (in_channels, out_channels / groups, *kernel_size), `bias` (out_channels,).
        x: (in_channels, spatial sizes).
        out_channels: Output channels, spread evenly over the groups.
        kernel_size: Taps along each spatial axis.
        stride: Step on the canvas between the kernels of neighbouring input values.
        padding: Positions (before, after) that are cropped from each axis of the canvas.
        output_padding: Positions by which the canvas is longer at its end.
        dilation: Step on the canvas between taps.
        groups: Parts of the channels that do not see each other.
        bias: Whether accumulators start at a bias rather than at zero.

    Raises:
        ValueError: `groups` does not divide the channels, nothing is left of the canvas, or output_padding is as large
            as both the stride and the dilation.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
    """
    members, fanout = _per_group(x.shape[0], out_channels, groups)
    kernels = list(job.weights.rows("weight", (x.shape[0], fanout, *kernel_size)))
    biases = _biases(job, out_channels, bias)
    targets, canvas = _landings(x.sizes, kernel_size, stride, output_padding, dilation)
    kept = [range(before, size - after) for size, (before, after) in zip(canvas, padding, strict=True)]
    sizes, kept_targets = selection(kept, canvas)
    cropped = set(range(prod(canvas))).difference(kept_targets)
    # By group, output channel and tap: the weights with which the group's inputs get there.
    rows = [list(zip(*kernels[at : at + members], strict=True)) for at in range(0, len(kernels), members)]
    load = _loader(job, x, list(_by_output(rows, fanout)), biases, len(rows[0]), len(targets))
    channels = x.channels()
    outputs = [[start] * prod(canvas) for start in biases]
    for part in _parts(len(targets), members):
        taps = [
            (tap, gatherer(tap), sum(target in cropped for target in tap)) for tap in zip(*targets[part], strict=True)
        ]
        for group in range(groups):
            inputs = [channel[part] for channel in channels[group * members : (group + 1) * members]]
            products = load(inputs)
            landing = product(outputs[group * fanout : (group + 1) * fanout], taps)
            for row, (output, (tap, gather, margin)) in zip(rows[group], landing, strict=True):
                for target, value in zip(tap, products.dots(row, gather(output)), strict=True):
                    output[target] = value
                job.arithmetic.padding_mults += sum(margin for _ in inputs)
    return from_channels([[output[target] for target in kept_targets] for output in outputs], sizes)


def _landings(
    sizes: Shape, kernel_size: Shape, stride: Shape, output_padding: Shape, dilation: Shape
) -> tuple[Sequence[Sequence[int]], Shape]:
    """Return the offset on the canvas of each position's products, and the sizes of the canvas.

    Raises:
        ValueError: output_padding is as large as both the stride and the dilation.
    """
    for extra, step, spread in zip(output_padding, stride, dilation, strict=True):
        if extra >= max(step, spread):
            raise ValueError(f"output_padding {extra} is as large as the stride {step} and the dilation {spread}")
    axes = [
        [tuple(start * step + tap * spread for tap in range(taps)) for start in range(size)]
        for size, taps, step, spread in zip(sizes, kernel_size, stride, dilation, strict=True)
    ]
    canvas = tuple(axis[-1][-1] + 1 + extra for axis, extra in zip(axes, output_padding, strict=True))
    return combined(axes, canvas).windows, canvas


def _per_group(in_channels: int, out_channels: int, groups: int) -> tuple[int, int]:
    members, rest = divmod(in_channels, groups)
    fanout, left = divmod(out_channels, groups)
    if rest or left:
        raise ValueError(f"{groups} groups do not divide {in_channels} and {out_channels} channels")
    return members, fanout


def _biases(job: Job, length: int, bias: bool) -> list[Number]:
    return job.weights.vector("bias", length) if bias else [0] * length


def _parts(positions: int, values_per_position: int) -> Iterator[slice]:
    size = min(_LOADED_POSITIONS, max(1, _LOADED_VALUES // values_per_position))
    for start in range(0, positions, size):
        yield slice(start, start + size)


def _by_output(rows: Sequence[Sequence[Values]], fanout: int) -> Iterator[list[Number]]:
    """All weights that lead to an output channel of a transposed convolution, from its rows by group."""
    for group in rows:
        taps = len(group) // fanout
        for start in range(0, len(group), taps):
            yield list(chain.from_iterable(group[start : start + taps]))


def _loader(job: Job, x: Array, kernels: Sequence[Values], biases: Values, rows: int, positions: int) -> Loader:
    """Return the engine for a layer, as the function that loads planes.

    Args:
        job: Names the engine and takes the count.
        x: The layer's input.
        kernels: For each output channel all weights that lead to it.
        biases: Where the accumulators of each output channel start.
        rows: Rows of weights that meet a loaded plane.
        positions: Values in a plane.

    Raises:
        ValueError: The lanes engine is asked for, but a number is not whole or a sum may exceed a lane.
    """
    plain: Loader = partial(Plain, job.arithmetic)
    least = _LANES_MIN_POSITIONS_FOR_FEW if rows < _LANES_FEW_ROWS else _LANES_MIN_POSITIONS
    if job.engine == "plain" or (job.engine == "auto" and positions < least):
        return plain
    whole = [kernel for kernel in kernels if _whole(kernel)]
    if len(whole) == len(kernels) and _whole(x.values) and _whole(biases):
        reach = reach_of(x.values, whole, biases)
        if reach <= MAX_REACH:
            return partial(Lanes, job.arithmetic, reach=reach)
    if job.engine == "lanes":
        raise ValueError("lanes hold whole numbers only, and sums of up to 64 bits")
    return plain


def _whole(numbers: Values) -> TypeGuard[Sequence[int]]:
    return set(map(type, numbers)) <= {int}
