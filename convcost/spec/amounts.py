"""Amounts such as `4.3M` and shares such as `8%`."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from convcost.spec import expressions
from convcost.spec.arithmetic import ExpressionError
from convcost.spec.expressions import Expression

UNITS = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def share_of(text: str) -> Fraction | None:
    """Return the share that a text such as `8%` or `0.08` means; None where it means none from 0 to 1.

    >>> share_of("8%"), share_of("0.5"), share_of("8")
    (Fraction(2, 25), Fraction(1, 2), None)
    """
    percent = text.endswith("%")
    number = amount(text.removesuffix("%").rstrip(), whole=False)
    share = None if number is None else Fraction(number) / (100 if percent else 1)
    return None if share is None or share > 1 else share


def amount(text: str, *, whole: bool = True) -> Any:
    """Return the number that an amount such as `4.3M` means, or None.

    Args:
        text: The amount.
        whole: Whether it must be a whole number.

    >>> amount("4.3M"), amount("512Ki"), amount("1_000"), amount("0.5"), amount("0.5", whole=False)
    (4300000, 524288, 1000, None, Fraction(1, 2))
    """
    unit = next((unit for unit in UNITS if text.endswith(unit)), "")
    power = UNITS.get(unit, 1)
    number = text.removesuffix(unit).rstrip()
    if unit and not expressions.is_number(number):  # a unit belongs to a number, not to a sum
        return None
    try:
        value = expressions.read(number)
    except ExpressionError:
        return None
    if isinstance(value, (Expression, bool, str, list)) or value is None or value < 0:
        return None
    value = Fraction(value * power)
    if value.denominator == 1:
        return int(value)
    return None if whole else value
