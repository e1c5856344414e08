"""The lanes engine: a whole plane of values in one Python integer, a lane of bits for each.

A plane of values v₀, v₁, … is packed as X = Σ vᵢ · 2^(W·i). For a weight w, the one integer product w · X
equals Σ (w · vᵢ) · 2^(W·i): it performs the product of w with every value, each in its own lane. Adding such
integers adds lane by lane in the same sense, so after all products have been added to packed starts A the sum
is Σ yᵢ · 2^(W·i), where yᵢ is exactly the sum of position i. Values, weights and sums may be negative:
nothing is cut off, the integers grow as needed.

Why the lane width suffices: reading the lanes back takes Σ (yᵢ + H) · 2^(W·i) with H = 2^(W-1). If -H ≤ yᵢ <
H for every i, each yᵢ + H is a digit of base 2^W, and the digits of a number are unique: they are what the
lanes hold. An accumulator starts at a bias and takes at most one product with each weight that leads to its
output, so no sum leaves that range, nor does any value that is packed, when

    reach = max |bias| + max |value| · max(1, max over the outputs of Σ |weight|)

is below H. Only sums that are read back matter; what they pass through on the way may be anything. W is the
smallest of 8, 16, 32 and 64 bits whose H exceeds the reach, so that lanes are read back by the machine's own
integers.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from operator import mul
from typing import Literal, TypeAlias

from convcost.executor.arithmetic import Arithmetic, Values
from convcost.executor.array import Number

_Code: TypeAlias = Literal["b", "h", "i", "q"]
_CODES: tuple[_Code, ...] = ("b", "h", "i", "q")
MAX_REACH = (1 << 63) - 1


def reach_of(values: Iterable[int], kernels: Iterable[Iterable[int]], biases: Iterable[int]) -> int:
    """Return the largest magnitude that a lane can have to hold, see above.

    Args:
        values: All values of the input.
        kernels: For each output channel all weights that lead to it.
        biases: Where accumulators start.
    """
    heaviest = max(sum(map(abs, kernel)) for kernel in kernels)
    return max(map(abs, biases)) + max(map(abs, values)) * max(1, heaviest)


class Lanes:
    """Dot products of rows of weights with whole numbers at many positions; the results are those of `Plain`.

    What is counted: for each integer product that was performed, the lanes it multiplied: the values that
    were packed into the plane, and no others. Each product is then added in its lane, one addition per
    product. What the interpreter does inside one such multiplication is not counted; it works on digits of 30
    bits, each with parts of several lanes.

    Args:
        arithmetic: Takes the count.
        planes: The values to multiply, whole numbers: plane t holds, for each position, the value that meets
            weight t.
        reach: What a lane must be able to hold, from `reach_of`.

    Raises:
        ValueError: The reach is beyond 64 bits, or the planes differ in length.
    """

    def __init__(self, arithmetic: Arithmetic, planes: Sequence[Values], reach: int) -> None:
        self._arithmetic = arithmetic
        self._positions = len(planes[0])
        code = next((code for code in _CODES if reach < 1 << (8 * array(code).itemsize - 1)), None)
        if code is None:
            raise ValueError(f"sums up to {reach} do not fit a lane of 64 bits")
        self._code: _Code = code
        bits = 8 * array(code).itemsize
        self._bytes = self._positions * array(code).itemsize
        self._halves = self._integer([-(1 << (bits - 1))] * self._positions)
        self._planes = list(map(self._packed, planes))

    def dots(self, row: Values, starts: Values) -> list[Number]:
        """At each position, the start plus the sum of the row's products with the values there.

        Args:
            row: A weight for each plane.
            starts: Where the accumulator of each position starts.

        Raises:
            ValueError: There is not one weight for each plane and one start for each position.
        """
        if len(row) != len(self._planes):
            raise ValueError(f"{len(row)} weights for {len(self._planes)} planes")
        products: list[int] = list(map(mul, self._planes, row))
        sums = sum(products, self._packed(starts))
        performed = len(products) * self._positions
        self._arithmetic.record_products(performed)
        return self._unpacked(sums)

    # Two's complement turns into "value + H" and back when the top bit of each lane flips, which is what `^`
    # does here.

    def _packed(self, values: Values) -> int:
        if len(values) != self._positions:
            raise ValueError(f"{len(values)} values for {self._positions} lanes")
        return (self._integer(values) ^ self._halves) - self._halves

    def _unpacked(self, sums: int) -> list[Number]:
        lanes = ((sums + self._halves) ^ self._halves).to_bytes(self._bytes, sys.byteorder)
        return [*memoryview(lanes).cast(self._code)]

    def _integer(self, values: Values) -> int:
        return int.from_bytes(array(self._code, values).tobytes(), sys.byteorder)  # type: ignore[arg-type]
