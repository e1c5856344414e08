"""Where layers with windows are executed: kernel, stride, dilation, padding held, the size through all remainders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

from msgspec import Struct

from convcost.layers import Shape
from convcost.verification.counting import Task

SMALL = (1, 2, 3)
"""Values of a variable in which the degree is at most 1; two determine it."""
_CONV_PADDINGS = ((0, 0), (1, 1), (0, 1), (3, 1), "same")


class Window(Struct, frozen=True):
    """How a kernel slides along one axis."""

    kernel: int
    stride: int
    dilation: int
    padding: Any  # (before, after), or "same"

    def sizes(self) -> range:
        """Return every size up to where no window reaches over both borders, and three more of each remainder."""
        span = self.dilation * (self.kernel - 1) + 1
        padded = span if self.padding == "same" else sum(self.padding)
        return range(1, span + padded + 3 * self.stride + 1)

    def spread_sizes(self) -> range:
        """Return the same for a transposed convolution, whose margins lie apart sooner: no remainders matter."""
        return range(1, sum(self.padding) + 4)


def _windows(paddings: Sequence[Any], dilations: Sequence[int] = (1, 2)) -> Iterator[Window]:
    for kernel, stride, dilation, padding in product(SMALL, SMALL, dilations, paddings):
        if kernel > 1 or dilation == 1:
            yield Window(kernel, stride, dilation, padding)


def _fields(windows: Sequence[Window]) -> dict[str, Any]:
    same = any(window.padding == "same" for window in windows)
    return {
        "kernel_size": tuple([window.kernel for window in windows]),
        "stride": tuple([window.stride for window in windows]),
        "dilation": tuple([window.dilation for window in windows]),
        "padding": "same" if same else tuple([window.padding for window in windows]),
    }


def _mixed(windows: Sequence[Window], rank: int, count: int) -> Iterator[tuple[Window, ...]]:
    """Yield combinations of unlike windows for several axes, `count` with told padding and as many with `same`."""
    for same in (False, True):
        alike = [window for window in windows if (window.padding == "same") == same]
        for turn in range(count if alike else 0):
            first = turn * len(alike) // count
            yield tuple([alike[(first + axis * (len(alike) // 3 + 1)) % len(alike)] for axis in range(rank)])


def _on_axes(
    windows: Sequence[Window], sizes_of: Callable[[Window], range] = Window.sizes
) -> Iterator[tuple[dict[str, Any], Shape]]:
    """Yield the fields and spatial sizes: all windows on one axis, mixed ones on two and three."""
    for window in windows:
        given = _fields((window,))
        for size in sizes_of(window):
            yield given, (size,)
    for rank, count, step in ((2, 6, 2), (3, 3, 4)):
        for chosen in _mixed(windows, rank, count):
            given = _fields(chosen)
            for sizes in product(*(sizes_of(window)[-3 * window.stride :: step] for window in chosen)):
                yield given, sizes


def _channels(sizes: Shape) -> Iterator[tuple[int, int, int]]:
    """Yield groups and the channels of each, in and out; on one axis two values of each, on more axes one."""
    values = (1, 3) if len(sizes) == 1 else (2,)
    yield from product(values, values, values)


def conv() -> Iterator[Task]:
    """Yield where a convolution is executed."""
    for window, sizes in _on_axes(list(_windows(_CONV_PADDINGS))):
        for (groups, members, fanout), bias in product(_channels(sizes), (False, True)):
            fields = window | {"out_channels": groups * fanout, "groups": groups, "bias": bias}
            yield Task("conv", fields, ((groups * members, *sizes),))


def depthwise() -> Iterator[Task]:
    """Yield where a depthwise convolution is executed."""
    for window, sizes in _on_axes(list(_windows(_CONV_PADDINGS))):
        for channels, multiplier, bias in product((1, 3), (1, 3), (False, True)):
            yield Task("depthwise_conv", window | {"depth_multiplier": multiplier, "bias": bias}, ((channels, *sizes),))


def pointwise() -> Iterator[Task]:
    """Yield where a pointwise convolution is executed."""
    for rank in SMALL:
        for stride in SMALL:
            for sizes in product(range(1, 3 * stride + 1), *[SMALL] * (rank - 1)):
                for (groups, members, fanout), bias in product(_channels(sizes), (False, True)):
                    fields = {
                        "out_channels": groups * fanout,
                        "groups": groups,
                        "bias": bias,
                        "stride": (stride,) * rank,
                    }
                    yield Task("pointwise_conv", fields, ((groups * members, *sizes),))


def transposed() -> Iterator[Task]:
    """Yield where a transposed convolution is executed."""
    windows = list(_windows(((0, 0), (1, 1), (0, 1), (3, 1))))
    for (window, sizes), extra in product(_on_axes(windows, Window.spread_sizes), (0, 1)):
        if extra and any(max(pair) == 1 for pair in zip(window["stride"], window["dilation"], strict=True)):
            continue
        for (groups, members, fanout), bias in product(_channels(sizes), (False, True)):
            fields = window | {"out_channels": groups * fanout, "groups": groups, "bias": bias}
            yield Task(
                "transposed_conv", fields | {"output_padding": (extra,) * len(sizes)}, ((groups * members, *sizes),)
            )


def pools(type: str) -> Iterator[Task]:
    """Yield where a maximum or average pool is executed."""
    flags = [{"ceil_mode": ceil} for ceil in (False, True)]
    if type == "avg_pool":
        flags = [one | {"count_include_pad": include} for one in flags for include in (False, True)]
    windows = _windows(((0, 0), (1, 1), (0, 1), "same"), (1, 2) if type == "max_pool" else (1,))
    fitting = [window for window in windows if window.padding == "same" or 2 * max(window.padding) <= window.kernel]
    for (window, sizes), flag in product(_on_axes(fitting), flags):
        fields = window | flag
        if type == "avg_pool":
            del fields["dilation"]
        for channels in SMALL:
            yield Task(type, fields, ((channels, *sizes),))


def adaptive() -> Iterator[Task]:
    """Yield where an adaptive pool is executed."""
    for windows in product(SMALL, (1, 4, 5)):
        for sizes in product(*[range(1, 4 * count + 1) for count in windows]):
            yield Task("adaptive_avg_pool", {"output_size": windows}, ((2, *sizes),))
    for count, channels in product(range(1, 6), SMALL):
        for size in range(1, 4 * count + 1):
            yield Task("adaptive_avg_pool", {"output_size": (count,)}, ((channels, size),))
            yield Task("adaptive_avg_pool", {"output_size": (count, 2, 3)}, ((channels, size, 2, 4),))
