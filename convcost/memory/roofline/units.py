"""Times, energies and rates as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def percent_text(share: Fraction) -> str:
    """Return a share in whole percents, those below one as such.

    >>> percent_text(Fraction(1, 3)), percent_text(Fraction(1, 300)), percent_text(Fraction(0))
    ('33 %', '< 1 %', '0 %')
    """
    return "< 1 %" if 0 < share < Fraction(1, 100) else f"{float(share * 100):.0f} %"


def seconds_text(seconds: Fraction) -> str:
    """Return a time in the largest unit of which there is at least one.

    >>> seconds_text(Fraction(1234, 1000000)), seconds_text(Fraction(0))
    ('1.23 ms', '0 s')
    """
    return _scaled(seconds, ("s", "ms", "µs", "ns", "ps"))


def energy_text(picojoules: Fraction) -> str:
    """Return an energy in the largest unit of which there is at least one.

    >>> energy_text(Fraction(4_600_000))
    '4.60 µJ'
    """
    return _scaled(picojoules / 10**12, ("J", "mJ", "µJ", "nJ", "pJ"))


def rate_text(rate: Fraction, unit: str) -> str:
    """Return a rate with the largest scale that it reaches.

    >>> rate_text(Fraction(5_560_000_000), "B/s")
    '5.56 GB/s'
    """
    for scale, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if rate >= scale:
            return f"{float(rate / scale):.4g} {letter}{unit}"
    return f"{float(rate):.4g} {unit}"


def _scaled(value: Fraction, units: Sequence[str]) -> str:
    if not value:
        return f"0 {units[0]}"
    for unit in units:
        if value >= 1 or unit == units[-1]:
            digits = 2 if value < 10 else 1 if value < 100 else 0
            return f"{float(value):,.{digits}f} {unit}"
        value *= 1000
    raise AssertionError
