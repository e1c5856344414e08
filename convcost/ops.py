"""The ledger of scalar operations and every counting convention, once.

Everything here is ordinary arithmetic (`+`, `-`, `*`, `//`), so that a symbolic number passes through it as an
integer does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from convcost.numbers import Symbolic, apply


class Ledger(Struct, frozen=True):
    """Scalar operations performed, by kind; a subtraction is an `add`.

    >>> Ledger(mul=2, add=2) + Ledger(add=1) * 3
    Ledger(mul=2, add=5, div=0, cmp=0, exp=0, sqrt=0, tanh=0, erf=0, pow=0, log=0, abs=0, floor=0, sin=0, cos=0)
    """

    mul: int = 0
    add: int = 0
    div: int = 0
    cmp: int = 0
    exp: int = 0
    sqrt: int = 0
    tanh: int = 0
    erf: int = 0
    pow: int = 0
    log: int = 0
    abs: int = 0
    floor: int = 0
    sin: int = 0
    cos: int = 0

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(
            self.mul + other.mul,
            self.add + other.add,
            self.div + other.div,
            self.cmp + other.cmp,
            self.exp + other.exp,
            self.sqrt + other.sqrt,
            self.tanh + other.tanh,
            self.erf + other.erf,
            self.pow + other.pow,
            self.log + other.log,
            self.abs + other.abs,
            self.floor + other.floor,
            self.sin + other.sin,
            self.cos + other.cos,
        )

    def __mul__(self, times: int) -> Ledger:
        return Ledger(*[count * times for _, count in self._pairs()])

    def _pairs(self) -> Iterator[tuple[str, int]]:
        for kind in KINDS:
            yield kind, getattr(self, kind)

    def to_dict(self) -> dict[str, int]:
        """Return the kinds that occur, in the ledger's order."""
        pairs = zip(KINDS, astuple(self), strict=True)
        return {kind: count for kind, count in pairs if count.__class__ is not int or count}


KINDS: tuple[str, ...] = Ledger.__struct_fields__
NOTHING = Ledger()


class Cost(Struct, frozen=True):
    """What one layer, or a sum of layers, costs for one input.

    Attributes:
        params: Trainable numbers: weights, biases, the two per channel of a norm.
        buffers: Running statistics, two per channel of a batch norm.
        ops: The scalar operations performed, by kind.
        macs: Multiply–accumulates of convolutions, linear layers and matrix products.
        useful_mults: Multiplications less those whose input lies in the layer's own zero padding.
    """

    params: int = 0
    buffers: int = 0
    ops: Ledger = NOTHING
    macs: int = 0
    useful_mults: int = 0

    @property
    def mults(self) -> int:
        """Scalar multiplications."""
        return self.ops.mul

    @property
    def adds(self) -> int:
        """Scalar additions and subtractions."""
        return self.ops.add

    @property
    def flops(self) -> int:
        """Multiplications and additions together; for a convolution twice its `macs`."""
        return self.ops.mul + self.ops.add

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.params + other.params,
            self.buffers + other.buffers,
            self.ops + other.ops,
            self.macs + other.macs,
            self.useful_mults + other.useful_mults,
        )

    def for_batch(self, batch: int) -> Cost:
        """Return the cost of `batch` inputs: the operations scale, the parameters do not."""
        if batch == 1:
            return self
        return Cost(self.params, self.buffers, self.ops * batch, self.macs * batch, self.useful_mults * batch)

    def at_rest(self) -> Cost:
        """Return the cost of a layer that is folded into another: its parameters, and no operation."""
        return Cost(self.params, self.buffers)


def accumulate(products: int) -> Ledger:
    """Multiply and add up `products` pairs: the accumulator starts at the bias or at zero, so each is added."""
    return Ledger(mul=products, add=products)


def total_of(terms: int) -> Ledger:
    """Sum `terms` values: each is added to an accumulator that starts at zero."""
    return Ledger(add=terms)


def average_of(terms: int) -> Ledger:
    """Average `terms` values: their sum and one division."""
    return Ledger(add=terms, div=1)


def maximum_of(terms: int) -> Ledger:
    """Find the largest of `terms` values: one comparison less than there are values."""
    return Ledger(cmp=terms - 1)


def standardise(terms: int) -> Ledger:
    """Bring `terms` values to mean 0 and variance 1.

    The mean (their average), the differences to it, their squares, the variance (the squares' average), eps added to
    it, its root, and a division by that root for each value.
    """
    return average_of(terms) + Ledger(add=terms, mul=terms) + average_of(terms) + Ledger(add=1, sqrt=1, div=terms)


def product(factors: Iterable[int]) -> int:
    """Multiply the numbers together; no number gives 1."""
    result = 1
    for factor in factors:
        result = result * factor
    return result


def is_symbolic(value: object) -> bool:
    """Return whether a value is a symbolic number."""
    return isinstance(value, Symbolic)


def gcd(a: Any, b: Any) -> Any:
    """Return the greatest common divisor of two whole numbers."""
    return apply("gcd", (a, b))
