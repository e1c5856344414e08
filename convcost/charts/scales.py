"""Scales: where a value stands on an axis, which ticks the axis has, and how wide a text is."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor, log10
from typing import Any

from msgspec import Struct

_NARROW = frozenset("ijl.,:;'|!()[]/ ftrI·")
_WIDE = frozenset("mwMW@%…→")


class LinearScale(Struct, frozen=True):
    """An axis from `low` to `high`, drawn from `start` to `end`."""

    low: Any
    high: Any
    start: float
    end: float

    def place(self, value: Any) -> float:
        """Return the position of a value on the page."""
        span = Fraction(self.high) - Fraction(self.low)
        share = float((Fraction(value) - Fraction(self.low)) / span) if span else 0.0
        return self.start + share * (self.end - self.start)


class LogScale(Struct, frozen=True):
    """An axis of powers of ten from `low` to `high`, both above 0, drawn from `start` to `end`."""

    low: Any
    high: Any
    start: float
    end: float

    def place(self, value: Any) -> float:
        """Return the position of a value on the page."""
        low, high = logarithm(self.low), logarithm(self.high)
        share = (logarithm(value) - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def logarithm(value: Any) -> float:
    """Return the decimal logarithm of a number above 0, however large.

    >>> round(logarithm(10**400), 9), round(logarithm(Fraction(1, 1000)), 9)
    (400.0, -3.0)
    """
    exact = Fraction(value)
    return log10(exact.numerator) - log10(exact.denominator)


def linear_ticks(high: Any, most: int = 5, unit: int = 1, *, low: Any = 0) -> list[Fraction]:
    """Return the ticks of an axis: multiples of 1, 2, 2.5 or 5 times a power of ten of the unit; 2.5 is no step.

    Args:
        high: The largest value.
        most: How many ticks there are at most, 0 apart.
        unit: What is one, such as 1,024 for an axis of KiB.
        low: The smallest value.

    >>> [int(tick) for tick in linear_ticks(850)]
    [0, 200, 400, 600, 800]
    >>> [int(tick) for tick in linear_ticks(3000, unit=1024)]
    [0, 1024, 2048]
    """
    low, high = Fraction(low) / unit, Fraction(high) / unit
    top = high - low
    if top <= 0:
        return [low * unit]
    power = Fraction(10) ** floor(logarithm(top / most))
    sizes = (each * power for each in (1, 2, Fraction(5, 2), 5, 10, 20) if power != 1 or each != Fraction(5, 2))
    step = next(size for size in sizes if top / size <= most)
    return [count * step * unit for count in range(ceil(low / step), floor(high / step) + 1)]


def log_ticks(low: Any, high: Any, *, binary: bool = False) -> list[Fraction]:
    """Return the ticks of an axis of powers of ten: these, with 2 and 5 times of them where that leaves few.

    Args:
        low: Where it begins.
        high: Where it ends.
        binary: Whether it has powers of two instead, as bytes do.

    >>> [int(tick) for tick in log_ticks(30, 30_000)], [int(tick) for tick in log_ticks(10, 60)]
    ([100, 1000, 10000], [10, 20, 50])
    >>> [int(tick) for tick in log_ticks(500, 5000, binary=True)]
    [512, 1024, 2048, 4096]
    """
    if binary:
        first, last = (floor(logarithm(end) / log10(2)) for end in (low, high))
        stride = max(1, (last - first) // 6)
        twos = [Fraction(2) ** exponent for exponent in range(first, last + 2) if exponent % stride == 0]
        return [power for power in twos if low <= power <= high]
    first, last = floor(logarithm(low)), ceil(logarithm(high))
    stride = max(1, (last - first) // 8)
    powers = [Fraction(10) ** exponent for exponent in range(first, last + 1) if exponent % stride == 0]
    found = [power for power in powers if low <= power <= high]
    if len(found) < 3:
        steps = [power * factor for power in powers for factor in (1, 2, 5)]
        found = [step for step in steps if low <= step <= high]
    return found


def around(values: Sequence[Any], *, log: bool) -> tuple[Fraction, Fraction]:
    """Return the ends of an axis that has room for markers around all values.

    A linear one begins at 0, unless all values are far from it for how far apart they are.

    >>> around([60, 120], log=False), around([60, 72], log=False)
    ((Fraction(0, 1), Fraction(130, 1)), (Fraction(59, 1), Fraction(73, 1)))
    """
    low, high = Fraction(min(values)), Fraction(max(values))
    if not log and (low < 0 or (low < high and 10 * low > 7 * high)):
        room = (high - low) / 12 or Fraction(1)
        return low - room, high + room
    if not log:
        return Fraction(0), high * Fraction(13, 12) or Fraction(1)
    room = Fraction(10 ** max(0.08, (logarithm(high) - logarithm(low)) / 14))
    return low / room, high * room


def is_wide(values: Sequence[Any]) -> bool:
    """Return whether values are so far apart that a linear axis would crowd the small ones; none is 0 then."""
    return min(values) > 0 and Fraction(max(values)) / Fraction(min(values)) >= 15


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is in a sans-serif font, rather too wide than too narrow."""
    ems = sum(
        0.36 if char in _NARROW else 0.95 if char in _WIDE else 1.0 if ord(char) > 0x2E80 else 0.62 for char in text
    )
    return ems * size


def cut(text: str, width: float, size: float) -> str:
    """Return a text that fits a width, its middle left out where it is too long.

    >>> cut("separable_conv_1/pointwise", 100, 11), cut("conv", 100, 11)
    ('separab…intwise', 'conv')
    """
    if text_width(text, size) <= width:
        return text
    kept = len(text)
    while kept > 2 and text_width(f"{text[: ceil(kept / 2)]}…{text[-(kept // 2) :]}", size) > width:
        kept -= 1
    return f"{text[: ceil(kept / 2)]}…{text[-(kept // 2) :]}"
