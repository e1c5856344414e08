"""Arithmetic that counts itself: whole lists in, whole lists out, and the results produced are the count.

Each method performs its operation through `map` and adds the number of results that came out to the tally, so
a step that was left out or done twice shows in the count. No method knows how much work to expect.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import repeat
from typing import Any

from convcost.executor.array import Number

Values = Sequence[Number]


class Arithmetic:
    """Performs arithmetic and keeps the tally of it.

    Where a method takes `other`, a sequence meets the values one by one and a number meets each of them.

    Attributes:
        ops: Operations performed by kind: mul, add (a subtraction is one), div, cmp, exp, log, sqrt, tanh, erf,
            pow, abs, floor (any rounding to a whole number), sin, cos.
        padding_mults: The multiplications that served no output: their input was the layer's own zero
            padding, or their product landed in the margin that a transposed convolution crops.
        macs: The multiplications whose product was added to an accumulator, by `record_products`.

    >>> arithmetic = Arithmetic()
    >>> arithmetic.add(arithmetic.mul([1, 2], [3, 4]), 5)
    [8, 13]
    >>> arithmetic.ops
    {'mul': 2, 'add': 2}
    """

    __slots__ = ("macs", "ops", "padding_mults")

    def __init__(self) -> None:
        self.ops: dict[str, int] = {}
        self.padding_mults = 0
        self.macs = 0

    def record(self, kind: str, performed: int) -> None:
        """Add operations that were performed to the tally."""
        if performed:
            self.ops[kind] = self.ops.get(kind, 0) + performed

    def record_products(self, performed: int) -> None:
        """Add products that were each added to an accumulator to the tally."""
        self.record("mul", performed)
        self.record("add", performed)
        self.macs += performed

    def mul(self, values: Values, other: Values | Number) -> list[Number]:
        """Products."""
        return self._pairs("mul", operator.mul, values, other)

    def add(self, values: Values, other: Values | Number) -> list[Number]:
        """Sums."""
        return self._pairs("add", operator.add, values, other)

    def sub(self, values: Values, other: Values | Number) -> list[Number]:
        """Differences, which count as additions."""
        return self._pairs("add", operator.sub, values, other)

    def div(self, values: Values, other: Values | Number) -> list[Number]:
        """Quotients, exact unless an operand is a float."""
        return self._pairs("div", quotient, values, other)

    def maximum(self, values: Values, other: Values | Number) -> list[Number]:
        """Return the larger of each pair, one comparison each."""
        if isinstance(other, Sequence):
            return self._singles("cmp", [a if a > b else b for a, b in zip(values, other, strict=True)])
        return self._singles("cmp", [value if value > other else other for value in values])

    def minimum(self, values: Values, other: Values | Number) -> list[Number]:
        """Return the smaller of each pair, one comparison each."""
        if isinstance(other, Sequence):
            return self._singles("cmp", [a if a < b else b for a, b in zip(values, other, strict=True)])
        return self._singles("cmp", [value if value < other else other for value in values])

    def positive(self, values: Values) -> list[bool]:
        """Return whether each value is above zero, one comparison each."""
        results = list(map(operator.gt, values, repeat(0)))
        self.record("cmp", len(results))
        return results

    def negative(self, values: Values) -> list[bool]:
        """Return whether each value is below zero, one comparison each."""
        results = list(map(operator.lt, values, repeat(0)))
        self.record("cmp", len(results))
        return results

    def exp(self, values: Values) -> list[Number]:
        """Exponentials, as floats."""
        return self._floats("exp", math.exp, values)

    def log(self, values: Values) -> list[Number]:
        """Natural logarithms, as floats."""
        return self._floats("log", math.log, values)

    def sin(self, values: Values) -> list[Number]:
        """Sines, as floats."""
        return self._floats("sin", math.sin, values)

    def cos(self, values: Values) -> list[Number]:
        """Cosines, as floats."""
        return self._floats("cos", math.cos, values)

    def absolute(self, values: Values) -> list[Number]:
        """Magnitudes."""
        return self._singles("abs", map(abs, values))

    def floor(self, values: Values) -> list[Number]:
        """Return the largest whole numbers that are not above the values."""
        return self._singles("floor", map(math.floor, values))

    def ceil(self, values: Values) -> list[Number]:
        """Return the smallest whole numbers that are not below the values; each counts as a `floor`."""
        return self._singles("floor", map(math.ceil, values))

    def round(self, values: Values) -> list[Number]:
        """Return the nearest whole numbers, of two the even one; each counts as a `floor`."""
        return self._singles("floor", map(round, values))

    def sqrt(self, values: Values) -> list[Number]:
        """Square roots, as floats."""
        return self._floats("sqrt", math.sqrt, values)

    def tanh(self, values: Values) -> list[Number]:
        """Hyperbolic tangents, as floats."""
        return self._singles("tanh", map(math.tanh, values))

    def erf(self, values: Values) -> list[Number]:
        """Values of the error function, as floats."""
        return self._singles("erf", map(math.erf, values))

    def power(self, values: Values, exponent: float) -> list[Number]:
        """Values raised to a real exponent, as floats."""
        return self._floats("pow", math.pow, values, repeat(exponent))

    def total(self, values: Values) -> Number:
        """Return the sum of the values: an accumulator starts at zero and each value is added to it."""
        self.record("add", len(values))
        return sum(values)

    def _pairs(self, kind: str, operation: Callable[..., Any], values: Values, other: Values | Number) -> list[Number]:
        return self._singles(kind, map(operation, values, _each(values, other)))

    def _floats(self, kind: str, function: Callable[..., float], *columns: Iterable[Number]) -> list[Number]:
        """Values of a function; where it has none, what IEEE 754 says: counts do not depend on the values."""
        try:
            return self._singles(kind, map(function, *columns))
        except (ValueError, OverflowError):
            return self._singles(kind, [_ieee(function, *operands) for operands in zip(*columns, strict=False)])

    def _singles(self, kind: str, results: Iterable[Any]) -> list[Number]:
        performed = list(results)
        self.record(kind, len(performed))
        return performed


def _each(values: Values, other: Values | Number) -> Iterable[Number]:
    """Return the other operand's values, one for each value."""
    if not isinstance(other, Sequence):
        return repeat(other)
    if len(other) != len(values):
        raise ValueError(f"{len(values)} values cannot meet {len(other)}")
    return other


def _ieee(function: Callable[..., float], *operands: Number) -> float:
    """Return the value of a function, or the infinity or the NaN that stands for it."""
    try:
        return function(*operands)
    except OverflowError:
        return math.inf
    except ValueError:
        poles = {math.log: -math.inf, math.pow: math.inf}
        return poles.get(function, math.nan) if operands[0] == 0 else math.nan


def quotient(dividend: Number, divisor: Number) -> Number:
    """Return the quotient, exact unless an operand is a float; by zero an infinity, or of zeros a NaN.

    >>> quotient(6, 4), quotient(-6, 0)
    (Fraction(3, 2), -inf)
    """
    try:
        if isinstance(dividend, float) or isinstance(divisor, float):
            return dividend / divisor
        return Fraction(dividend, divisor)
    except ZeroDivisionError:
        return math.copysign(math.inf, dividend) if dividend else math.nan
