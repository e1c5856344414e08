"""Numbers as they are printed: with a unit, with few digits, rounded or cut."""

from __future__ import annotations

from fractions import Fraction

from convcost.conventions.expectation import Printed, read

_BINARY = {" MB": 2**20, " GB": 2**30}
"""Units of memory, which the sources of these numbers take as powers of two."""


def printed(text: str) -> Printed:
    """Return a printed number with the worth of its last digit.

    Raises:
        OptionError: It is no number.

    >>> printed("233 MB").value == 233 * 2**20, printed("569M").step
    (True, Fraction(1000000, 1))
    """
    worth = _BINARY.get(text[-3:])
    if worth is None:
        return read(text)
    number = read(text[:-3])
    return Printed(text, number.value * worth, number.step * worth)


def is_rounded_twice(number: Printed, exact: int) -> bool:
    """Return whether a number becomes the printed one when it is rounded to one more digit first.

    >>> is_rounded_twice(printed("150M"), 149_497_088), is_rounded_twice(printed("149M"), 149_497_088)
    (True, False)
    """
    return _rounded(_rounded(Fraction(exact), number.step / 10), number.step) == number.value


def _rounded(value: Fraction, step: Fraction) -> Fraction:
    """Return the nearest multiple of a step; the larger one of two."""
    return (value / step + Fraction(1, 2)).__floor__() * step
