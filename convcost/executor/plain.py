"""The plain engine: every product is one Python multiplication."""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul

from convcost.executor.arithmetic import Arithmetic, Values
from convcost.executor.array import Number

# From so many products per window on, one dot product after another beats one plane after another (measured).
_LONG_WINDOW = 32


class Plain:
    """Dot products of rows of weights with the values at many positions.

    What is counted: the products that were put into lists, by the length of these lists.
    Each list is summed whole onto its accumulators, one addition per product.

    Args:
        arithmetic: Takes the count.
        planes: The values to multiply: plane t holds, for each position, the value that meets weight t of a
            row.
    """

    def __init__(self, arithmetic: Arithmetic, planes: Sequence[Values]) -> None:
        self._arithmetic = arithmetic
        self._planes = planes
        self._positions = len(planes[0])
        by_window = len(planes) >= _LONG_WINDOW or len(planes) > self._positions
        self._windows = list(zip(*planes, strict=True)) if by_window else None

    def dots(self, row: Values, starts: Values) -> list[Number]:
        """At each position, the start plus the sum of the row's products with the values there.

        Args:
            row: A weight for each plane.
            starts: Where the accumulator of each position starts.

        Raises:
            ValueError: There is not one weight for each plane and one start for each position.
        """
        if len(row) != len(self._planes) or len(starts) != self._positions:
            raise ValueError(f"{len(row)} weights and {len(starts)} starts for {len(self._planes)} planes")
        if self._windows is None:
            products = [[value * weight for value in plane] for plane, weight in zip(self._planes, row, strict=True)]
            performed = sum(map(len, products))
            results: list[Number] = list(map(sum, zip(*products, strict=True), starts))
        else:
            performed = 0
            results = []
            for window, start in zip(self._windows, starts, strict=True):
                dot = list(map(mul, window, row))
                performed += len(dot)
                results.append(sum(dot, start))
        self._arithmetic.record_products(performed)
        return results
