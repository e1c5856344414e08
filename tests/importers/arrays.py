"""Arrays as dictionaries from places to values: slow, and nothing to get wrong."""

from __future__ import annotations

from itertools import product
from math import prod


class Array:
    """An array.

    Args:
        shape: Its sizes.
        values: Its values row by row; counted from 0 without them.
    """

    def __init__(self, shape, values=None):
        self.shape = tuple(shape)
        values = range(prod(self.shape)) if values is None else values
        self.at = dict(zip(product(*map(range, self.shape)), values, strict=True))

    @classmethod
    def of(cls, nested):
        """Return the array of nested lists."""
        shape, first = [], nested
        while isinstance(first, list):
            shape.append(len(first))
            first = first[0] if first else 0
        found = nested
        for _ in shape[1:]:
            found = [each for part in found for each in part]
        return cls(shape, found if shape else [nested])

    @property
    def values(self):
        """The values row by row."""
        return [self.at[place] for place in sorted(self.at)]

    def nested(self, *place):
        """Return the values as nested lists."""
        if len(place) == len(self.shape):
            return self.at[place]
        return [self.nested(*place, at) for at in range(self.shape[len(place)])]

    def reshape(self, shape):
        """Return the same values, row by row, in another shape."""
        return Array(shape, self.values)

    def transpose(self, order):
        """Return the axes in another order."""
        found = Array([self.shape[axis] for axis in order])
        found.at = {tuple(place[axis] for axis in order): value for place, value in self.at.items()}
        return found

    def chosen(self, *places):
        """Return the values at some places of each axis."""
        return Array(map(len, places), [self.at[place] for place in product(*places)])

    def gathered(self, work, axes, *, keep):
        """Return what is worked out of all values along some axes."""
        groups = {}
        for place, value in self.at.items():
            groups.setdefault(tuple(0 if axis in axes else at for axis, at in enumerate(place)), []).append(value)
        kept = [1 if axis in axes else size for axis, size in enumerate(self.shape)]
        shape = kept if keep else [size for axis, size in enumerate(self.shape) if axis not in axes]
        return Array(shape, [work(groups[place]) for place in sorted(groups)])
