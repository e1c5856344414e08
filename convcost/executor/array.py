"""The values a layer reads and yields: a shape and its numbers in row-major order."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import TypeAlias

import msgspec

Number: TypeAlias = int | float | Fraction
Shape: TypeAlias = tuple[int, ...]


class Array(msgspec.Struct, frozen=True):
    """Numbers with a shape, channels first: (C, L), (C, H, W), (C, D, H, W), or (F,) for a vector.

    Args:
        shape: The size of each axis, in values.
        values: The numbers in row-major order, ∏ shape of them.

    Raises:
        ValueError: The shape does not hold as many numbers as there are values.

    >>> Array((2, 1, 2), [1, 2, 3, 4]).channels()
    [[1, 2], [3, 4]]
    """

    shape: Shape
    values: list[Number]

    def __post_init__(self) -> None:
        if len(self.values) != prod(self.shape):
            raise ValueError(f"shape {self.shape} does not hold {len(self.values)} values")

    @property
    def sizes(self) -> Shape:
        """The spatial sizes: the shape without its channels."""
        return self.shape[1:]

    def channels(self) -> list[list[Number]]:
        """Return the values of each channel, positions in row-major order; a vector's features are its channels."""
        area = prod(self.sizes)
        return [self.values[start : start + area] for start in range(0, self.shape[0] * area, area)]


def axis_first(x: Array, axis: int) -> Array:
    """Return the tensor with one axis before all others, so that its channels are along that axis.

    >>> axis_first(Array((2, 3), [1, 2, 3, 4, 5, 6]), 1)
    Array(shape=(3, 2), values=[1, 4, 2, 5, 3, 6])
    """
    if axis == 0:
        return x
    before, size, after = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    values = [
        value
        for index in range(size)
        for outer in range(before)
        for value in x.values[(outer * size + index) * after : (outer * size + index + 1) * after]
    ]
    return Array((size, *x.shape[:axis], *x.shape[axis + 1 :]), values)


def axis_back(x: Array, axis: int) -> Array:
    """Return the tensor with its first axis at another place: the inverse of `axis_first`."""
    if axis == 0:
        return x
    size, rest = x.shape[0], x.shape[1:]
    before, after = prod(rest[:axis]), prod(rest[axis:])
    values = [
        value
        for outer in range(before)
        for index in range(size)
        for value in x.values[(index * before + outer) * after : (index * before + outer + 1) * after]
    ]
    return Array((*rest[:axis], size, *rest[axis:]), values)


def from_channels(channels: list[list[Number]], sizes: Shape) -> Array:
    """Return the tensor with these channels over these spatial sizes, the inverse of `Array.channels`."""
    return Array((len(channels), *sizes), [value for channel in channels for value in channel])
