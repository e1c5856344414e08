"""Which input positions meet in which output: the executor's own windowing, for every rank.

A window is a tuple of input positions, numbered in row-major order over the spatial axes. Two negative
numbers stand for positions outside the input: `PADDING` inside the layer's zero padding, `OVERHANG` beyond
it, where `ceil_mode` lets a window end. Both find their zero at the end of a channel that `extended` made, as
Python indexes backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Literal, TypeAlias

import msgspec

from convcost.executor.array import Number, Shape

PADDING = -1
OVERHANG = -2

Window: TypeAlias = tuple[int, ...]
Padding: TypeAlias = Literal["same"] | tuple[tuple[int, int], ...]


class Windows(msgspec.Struct, frozen=True):
    """The windows of a layer.

    Args:
        sizes: How many windows there are along each spatial axis; the layer's output sizes.
        windows: The input positions of each window, windows and positions in row-major order.
    """

    sizes: Shape
    windows: list[Window]


def sliding(
    sizes: Shape,
    kernel_size: Shape,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    ceil_mode: bool = False,
    mode: str = "zeros",
) -> Windows:
    """Return the windows of a kernel that slides over the padded input.

    Args:
        sizes: The input's spatial sizes.
        kernel_size: The kernel's taps along each axis.
        stride: The step from one window to the next along each axis.
        padding: Zeros (before, after) each axis, or "same" for as many as ⌈size / stride⌉ windows need.
        dilation: The step from one tap to the next along each axis.
        ceil_mode: Whether a last window may hang over the end, as long as it starts inside the input or
            before it.
        mode: What stands in the padding: zeros, or values of the input (reflect, replicate, circular).

    Raises:
        ValueError: No window fits, the fields have another rank than the input, or it has too few values for the mode.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html (ceil_mode),
        https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2 (same)

    >>> sliding((4,), (3,), (2,), "same", (1,)).windows
    [(0, 1, 2), (2, 3, -1)]
    """
    if padding == "same":
        padding = tuple(map(same_padding, sizes, kernel_size, stride, dilation))
    fields = (sizes, kernel_size, stride, padding, dilation)
    if len(set(map(len, fields))) != 1:
        raise ValueError(f"sizes, kernel, stride, padding and dilation differ in rank: {fields}")
    axes = []
    for size, kernel, step, (before, after), spread in zip(*fields, strict=True):
        span = spread * (kernel - 1) + 1
        stop = size + after - span + 1
        if ceil_mode:
            stop = min(stop - 1 + step, size)
        taps = range(0, span, spread)
        if mode != "zeros":
            inner = _FILLED[mode](size, before, after)
            axes.append([tuple(inner[start + tap + before] for tap in taps) for start in range(-before, stop, step)])
            continue
        axes.append(
            [tuple(_position(start + tap, size, before, after) for tap in taps) for start in range(-before, stop, step)]
        )
    return combined(axes, sizes)


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the zeros before and after an axis so that ⌈size / stride⌉ windows fit; an odd one comes after.

    >>> same_padding(224, 3, 2, 1)
    (0, 1)
    """
    windows = len(range(0, size, stride))
    total = max(0, (windows - 1) * stride + dilation * (kernel - 1) + 1 - size)
    return total // 2, total - total // 2


def combined(axes: Sequence[Sequence[Window]], sizes: Shape) -> Windows:
    """Return the windows of a whole input from the windows along each of its axes.

    A window that is outside the input along one axis is outside it altogether.

    Args:
        axes: The windows along each axis.
        sizes: The size of each axis.

    Raises:
        ValueError: An axis has no window.
    """
    if not all(axes):
        raise ValueError(f"no window fits an input of sizes {sizes}")
    windows: list[Window] = [(0,)]
    for axis, size in zip(axes, sizes, strict=True):
        windows = [
            tuple(
                head * size + tail if head >= 0 and tail >= 0 else min(head, tail) for head in window for tail in taps
            )
            for window in windows
            for taps in axis
        ]
    return Windows(tuple(map(len, axes)), windows)


def selection(axes: Sequence[Sequence[int]], sizes: Shape) -> tuple[Shape, list[int]]:
    """Return the output sizes and source positions where each output position takes one value, given by axis."""
    grid = combined([[(position,) for position in axis] for axis in axes], sizes)
    return grid.sizes, [position for (position,) in grid.windows]


def extended(channel: Sequence[Number]) -> list[Number]:
    """Return the channel with the zeros that `OVERHANG` and `PADDING` find at its end."""
    return [*channel, 0, 0]


def gatherer(positions: Sequence[int]) -> Callable[[Sequence[Number]], Sequence[Number]]:
    """Return a function that takes the values at these positions out of a channel, for many channels in turn."""
    if len(positions) == 1:
        (position,) = positions
        return lambda channel: (channel[position],)
    get: Callable[[Any], Any] = itemgetter(*positions)
    return get


def _reflected(size: int, before: int, after: int) -> list[int]:
    if max(before, after) >= size:
        raise ValueError(f"an axis of {size} cannot be reflected by {max(before, after)}")
    return [*range(before, 0, -1), *range(size), *range(size - 2, size - 2 - after, -1)]


def _replicated(size: int, before: int, after: int) -> list[int]:
    return [*[0] * before, *range(size), *[size - 1] * after]


def _circular(size: int, before: int, after: int) -> list[int]:
    if max(before, after) > size:
        raise ValueError(f"an axis of {size} does not go round by {max(before, after)}")
    return [*range(size - before, size), *range(size), *range(after)]


# By mode: the position whose value stands at each position of the padded axis.
_FILLED = {"reflect": _reflected, "replicate": _replicated, "circular": _circular}


def _position(position: int, size: int, before: int, after: int) -> int:
    if 0 <= position < size:
        return position
    return PADDING if -before <= position < size + after else OVERHANG
