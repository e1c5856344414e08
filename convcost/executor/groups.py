"""The values of some axes taken together, at each position of the others."""

from __future__ import annotations

from math import prod

from convcost.executor.arithmetic import Values
from convcost.executor.array import Array, Number, Shape, axis_back, axis_first, from_channels


class Groups:
    """The groups of a tensor: all values along some axes, at each position of the others.

    Args:
        x: Any shape.
        axes: The axes that are taken together, in any order.

    Attributes:
        values: The values of each group, its axes and the positions in row-major order.
        positions: The sizes of the other axes.

    >>> Groups(Array((2, 3), [1, 2, 3, 4, 5, 6]), (0,)).values
    [[1, 4], [2, 5], [3, 6]]
    """

    def __init__(self, x: Array, axes: tuple[int, ...]) -> None:
        self._axes = sorted(axes)
        ordered = x
        for place, each in enumerate(self._axes):  # each axis behind those that stand before all others already
            ordered = _moved(ordered, each, place)
        self._shape = ordered.shape
        self.positions: Shape = ordered.shape[len(axes) :]
        length = prod(ordered.shape[: len(axes)])
        matrix = Array((length, prod(self.positions)), ordered.values)
        self.values: list[list[Number]] = list(map(list, zip(*matrix.channels(), strict=True)))

    def matrix(self, groups: list[list[Number]]) -> Array:
        """Return groups of as many values with a channel for each value of a group: (values, positions)."""
        return from_channels(list(map(list, zip(*groups, strict=True))), (len(groups),))

    def restored(self, matrix: Array) -> Array:
        """Return the result of `matrix` with its axes in the tensor's order."""
        result = Array(self._shape, matrix.values)
        for place, each in reversed(list(enumerate(self._axes))):
            result = _moved(result, place, each)
        return result

    def reduced(self, values: Values, keepdim: bool) -> Array:
        """Return one value for each group, the axes of the groups left out or of size 1."""
        if not keepdim:
            return Array(self.positions, list(values))
        shape = list(self.positions)
        for each in self._axes:
            shape.insert(each, 1)
        return Array(tuple(shape), list(values))


def _moved(x: Array, axis: int, place: int) -> Array:
    """Return the tensor with one axis at another place, the order of the others kept."""
    return axis_back(axis_first(x, axis), place)
