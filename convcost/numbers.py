"""The functions of exact numbers, and the base class of the numbers that depend on symbols."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

Number: TypeAlias = int | Fraction
NUMBERS = (int, Fraction)
"""The classes of numbers: `isinstance` takes a tuple that exists faster than a union that it has to make."""


class Symbolic:
    """A number that depends on symbols: the base class of `convcost.symbolic.Formula`.

    It stands here so that numbers and formulas can be distinguished without importing that package.
    """

    __slots__ = ()

    def apply(self, name: str, values: Sequence[Any]) -> Any:
        """Return the value of a function, one of `FUNCTIONS`, of numbers of which this is one."""
        raise NotImplementedError

    def check_bounds(self, power: int = 1) -> None:
        """Raise `FormulaError` where a power of it has larger exponents or numbers than any network needs."""
        raise NotImplementedError


def apply(name: str, values: Sequence[Any]) -> Any:
    """Return the value of a function, one of `FUNCTIONS`; a formula where it depends on symbols.

    >>> apply("gcd", (12, 18)), apply("make_divisible", (Fraction(91, 4), 8))
    (6, 24)
    """
    for value in values:
        if isinstance(value, Symbolic):
            return value.apply(name, values)
    return FUNCTIONS[name](*values)


def make_divisible(x: Number, d: Number) -> Number:
    """Return the multiple of d near x that is not below d, nor below 0.9·x.

    n = max(d, ⌊x + d/2⌋ // d · d), plus d if n < 0.9·x.

    >>> make_divisible(Fraction(91, 4), 8), make_divisible(3, 8)  # ⌊22.75 + 4⌋ // 8 · 8 = 24
    (24, 8)

    Raises:
        ValueError: The divisor is not positive.

    Source: Sandler et al. 2018, arXiv:1801.04381; https://github.com/tensorflow/models, `_make_divisible`.
    """
    if d <= 0:
        raise ValueError(f"make_divisible needs a positive divisor: found {d}")
    n = max(d, math.floor(x + Fraction(d) / 2) // d * d)
    return n + d if 10 * n < 9 * x else n


def gcd(*numbers: Number) -> int:
    """Return the greatest common divisor of whole numbers.

    Raises:
        ValueError: A number is not whole.
    """
    if any(x.denominator != 1 for x in numbers):
        raise ValueError(f"gcd takes whole numbers, not {', '.join(map(str, numbers))}")
    return math.gcd(*[x.numerator for x in numbers])


FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
    "min": min,
    "max": max,
    "gcd": gcd,
    "make_divisible": make_divisible,
}
"""The functions of numbers by name; a formula has each of them too."""


def plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, a float as the decimal that it prints, and an array as a list.

    Everything else is returned as it is. NumPy is not imported: what has a `dtype` is taken for its.
    """
    if not hasattr(value, "dtype"):
        return value
    if getattr(value, "shape", ()):
        return [plain(each) for each in value]
    return Decimal(str(value)) if getattr(value.dtype, "kind", "") == "f" else value.item()


def as_exact(value: Any) -> Any:
    """Return a number as an int or a fraction, a float as the decimal that it prints; anything else as it is.

    >>> as_exact(0.1), as_exact(3.0), as_exact("x")
    (Fraction(1, 10), 3, 'x')
    """
    value = plain(value)
    if isinstance(value, (float, Decimal)) and value == value and abs(value) != float("inf"):
        value = Fraction(str(value))
        return value.numerator if value.denominator == 1 else value
    return value
