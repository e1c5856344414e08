"""How a window slides along one axis: how much `same` pads, how often it fits, what of it lies in the padding.

Along an axis i is the input size, k the kernel size, s the stride, d the dilation, o the output size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import starmap
from operator import is_
from typing import Any

from convcost.layers.fields import Pair
from convcost.layers.inputs import LayerError


def ceil_div(a: int, b: int) -> int:
    """Return ⌈a / b⌉ for b > 0."""
    return -(-a // b) if b != 1 else a


def amounts(
    padding: str | tuple[Pair, ...],
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[Pair, ...]:
    """Return the (before, after) padding of each axis.

    `same` pads max(0, (⌈i/s⌉ − 1)·s + d·(k − 1) + 1 − i) in all, the odd one after.

    Source: TensorFlow, https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2; ONNX, SAME_UPPER.
    """
    if padding != "same":
        return padding  # type: ignore[return-value]  # "same" is the only word a reader lets through
    return tuple(each_axis(_same, sizes, kernel, stride, dilation))


def _same(i: int, k: int, s: int, d: int) -> Pair:
    total = max(0, (ceil_div(i, s) - 1) * s + d * (k - 1) + 1 - i)
    before = total // 2
    return before, total - before


def each_axis(work: Callable[..., Any], *columns: Iterable[Any]) -> Iterable[Any]:
    """Return the results of `work` for each axis; formulas are worked out once for axes that are the same."""
    axes = list(zip(*columns, strict=True))
    first = axes[0]
    if first[0].__class__ is int or not all(all(map(is_, first, axis)) for axis in axes[1:]):
        return starmap(work, axes)
    return [work(*first)] * len(axes)


def output_size(i: int, k: int, s: int, d: int, pad: Pair, *, ceil_mode: bool = False) -> int:
    """Return how many windows fit: ⌊(i + before + after − d·(k − 1) − 1) / s⌋ + 1.

    With `ceil_mode` the quotient is rounded up, unless the last window would start behind the input; a window may then
    hang over even the end of an input that is too short for one, by less than the stride.

    Raises:
        LayerError: The window is larger than the padded input.

    Source: PyTorch, https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html and …/torch.nn.MaxPool2d.html
    """
    before, after = pad
    spare = i + before + after - (d * (k - 1) + 1)
    if spare < 0 and not (ceil_mode and spare > -s):
        extent = f"kernel_size {k}" + (f" with dilation {d} spans {d * (k - 1) + 1} and" if d != 1 else "")
        padded = f"an input of {i}" + (f" padded to {i + before + after}" if before + after else "")
        raise LayerError(
            "the kernel must fit into its padded input",
            f"{extent} does not fit into {padded}",
            field="kernel_size",
            help="a smaller kernel or stride before it, more padding, or a larger input",
        )
    if not ceil_mode:
        return spare // s + 1
    size = ceil_div(spare, s) + 1
    return size - 1 if (size - 1) * s >= i + before else size


def useful_products(i: int, k: int, s: int, d: int, o: int, before: int) -> int:
    """Return how many of the o·k (window, tap) pairs along an axis read a value of the input, not of the padding.

    >>> useful_products(5, 3, 1, 1, 5, 1)  # 5·3 − the first and the last tap that stick out
    13
    """
    reach = (o - 1) * s + d * (k - 1)
    behind = max(0, reach - before - i + 1)
    return o * k - corner(before, s, d, o, k) - corner(behind, s, d, o, k)


def corner(p: int, s: int, d: int, o: int, k: int) -> int:
    """Return how many pairs 0 ≤ a < o, 0 ≤ b < k have a·s + b·d < p.

    By symmetry this counts the products in the padding before an axis, behind it, and in the margins that a
    transposed convolution crops.
    """
    if p <= 0:
        return 0
    rows = min(o, ceil_div(p, s))
    full = max(0, min(rows, ceil_div(p - (k - 1) * d, s)))
    # the other rows hold ⌈(p − a·s) / d⌉ pairs each; summed from the last row, whose numerator is the smallest
    return full * k + _floor_sum(rows - full, d, s, p + d - 1 - (rows - 1) * s)


def _floor_sum(n: int, m: int, a: int, b: int) -> int:
    """Return Σ ⌊(a·j + b) / m⌋ over 0 ≤ j < n in O(log) steps (Euclid's algorithm on the slope)."""
    total = 0
    while n > 0:
        total += n * (n - 1) // 2 * (a // m) + n * (b // m)
        top = a % m * n + b % m
        n, m, a, b = top // m, a % m, m, top % m
    return total
