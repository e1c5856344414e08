"""Where a layer's weights come from: drawn from a seed and counted, or given by name."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Mapping
from math import prod
from typing import Protocol

from convcost.executor.array import Array, Number, Shape

# A zero would hide a product that was left out, and one of few small values is a cached integer that costs no
# memory.
_SMALL = (-3, -2, -1, 1, 2, 3)
_MOST_BYTES = 1 << 24
_FROM_BYTE = bytes(_SMALL[byte % len(_SMALL)] & 0xFF for byte in range(256))


class Weights(Protocol):
    """A source of weights that counts what is taken from it.

    Attributes:
        params: Trainable numbers taken.
        buffers: Running statistics taken.
    """

    params: int
    buffers: int

    def rows(self, name: str, shape: Shape) -> Iterator[list[Number]]:
        """Return the rows of a trainable tensor, one at a time: a row for each index of its first axis."""

    def vector(self, name: str, length: int) -> list[Number]:
        """Return a trainable vector."""

    def statistics(self, name: str, length: int) -> list[Number]:
        """Return a vector of running statistics."""


class DrawnWeights:
    """Small whole numbers other than zero, from a seed; statistics are positive, as a variance must be.

    Args:
        seed: The same seed draws the same numbers.

    >>> drawn = DrawnWeights(0)
    >>> len(list(drawn.rows("weight", (4, 3, 3, 3)))), drawn.params
    (4, 108)
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.params = 0
        self.buffers = 0

    def values(self, count: int) -> list[Number]:
        """Numbers for an input, which count as no weight."""
        numbers: list[Number] = []
        while count > 0:  # of more bytes than these no random number is made at a time
            numbers += array("b", self._random.randbytes(min(count, _MOST_BYTES)).translate(_FROM_BYTE))
            count -= _MOST_BYTES
        return numbers

    def rows(self, name: str, shape: Shape) -> Iterator[list[Number]]:
        """Draw a row when it is asked for, so that a large matrix is never in memory as a whole."""
        for _ in range(shape[0]):
            yield self.vector(name, prod(shape[1:]))

    def vector(self, name: str, length: int) -> list[Number]:
        """Draw trainable numbers."""
        values = self.values(length)
        self.params += len(values)
        return values

    def statistics(self, name: str, length: int) -> list[Number]:
        """Draw positive running statistics."""
        values = [max(value, -value) for value in self.values(length)]
        self.buffers += len(values)
        return values


class GivenWeights:
    """Weights under PyTorch's names: weight, bias, running_mean, running_var.

    Args:
        tensors: The weights by name.

    Raises:
        ValueError: A weight that the layer asks for is missing or has another shape.
    """

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._tensors = tensors
        self.params = 0
        self.buffers = 0

    def rows(self, name: str, shape: Shape) -> Iterator[list[Number]]:
        """Return the rows of the tensor of this name."""
        values = self._values(name, shape)
        length = prod(shape[1:])
        for start in range(0, len(values), length):
            row = values[start : start + length]
            self.params += len(row)
            yield row

    def vector(self, name: str, length: int) -> list[Number]:
        """Return the vector of this name."""
        values = self._values(name, (length,))
        self.params += len(values)
        return values

    def statistics(self, name: str, length: int) -> list[Number]:
        """Return the statistics of this name."""
        values = self._values(name, (length,))
        self.buffers += len(values)
        return values

    def _values(self, name: str, shape: Shape) -> list[Number]:
        if name not in self._tensors:
            raise ValueError(f"the layer needs a {name} of shape {shape}")
        tensor = self._tensors[name]
        if tensor.shape != shape:
            raise ValueError(f"the layer needs a {name} of shape {shape}, not {tensor.shape}")
        return tensor.values
