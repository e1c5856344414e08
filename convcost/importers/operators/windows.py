"""Strides, padding and kernels as ONNX writes them."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

from convcost.importers.graph import Node
from convcost.importers.values import Unsupported

Pairs = tuple[tuple[int, int], ...]


def per_axis(node: Node, name: str, axes: int) -> tuple[int, ...]:
    """Return an attribute of one number for each spatial axis; ones without it."""
    found = node.attributes.get(name) or (1,) * axes
    if len(found) != axes:
        raise Unsupported(f"{name} has {len(found)} numbers for {axes} axes")
    return tuple(found)


def padding(node: Node, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> Pairs:
    """Return how many values stand before and behind each axis."""
    axes = len(sizes)
    auto = node.attributes.get("auto_pad", "NOTSET") or "NOTSET"
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        strides, dilations = per_axis(node, "strides", axes), per_axis(node, "dilations", axes)
        found = []
        for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
            all = max(0, (-(-size // s) - 1) * s + d * (k - 1) + 1 - size)
            small = all // 2
            found.append((small, all - small) if auto == "SAME_UPPER" else (all - small, small))
        return tuple(found)
    pads = node.attributes.get("pads") if auto == "NOTSET" else None
    pads = pads or (0,) * (2 * axes)
    if len(pads) != 2 * axes:
        raise Unsupported(f"pads has {len(pads)} numbers for {axes} axes")
    return tuple(zip(pads[:axes], pads[axes:], strict=True))


def joined(padding: Pairs, more: Pairs) -> Pairs:
    """Return the sum of two paddings."""
    return tuple((a + c, b + d) for (a, b), (c, d) in zip(padding, more, strict=True))


def short(values: tuple[Any, ...]) -> Any:
    """Return one number where all axes have the same, else a list; of pairs a list of lists.

    >>> short((3, 3)), short((3, 1)), short(((1, 1), (1, 1))), short(((0, 1), (0, 1))), short(((1, 1), (2, 2)))
    (3, [3, 1], 1, [[0, 1], [0, 1]], [1, 2])
    """
    if values and isinstance(values[0], tuple):
        if any(before != after for before, after in values):
            return [list(pair) for pair in values]
        values = tuple(before for before, _ in values)
    return values[0] if len(set(values)) == 1 else list(values)


def given(**fields: tuple[Any, Any]) -> dict[str, Any]:
    """Return fields without those that have their default: each is a value and the default.

    >>> given(stride=(1, 1), groups=(2, 1))
    {'groups': 2}
    """
    return {name: value for name, (value, default) in fields.items() if value != default}


@lru_cache(maxsize=256)
def decimal(number: float) -> Any:
    """Return the shortest decimal that is this number in single precision.

    >>> decimal(0.10000000149011612), decimal(6.0)
    (0.1, 6)
    """
    if float(number).is_integer() and abs(number) < 1e15:
        return int(number)
    if abs(number) < 3e38:
        single = struct.pack("<f", number)
        for digits in range(1, 10):
            short = float(f"{number:.{digits}g}")
            if struct.pack("<f", short) == single:
                return short
    return number
