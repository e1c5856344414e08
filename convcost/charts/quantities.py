"""Metrics on axes: their titles, and their values in few digits and in all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost import metrics
from convcost.errors import ErrorDetail, OptionError
from convcost.reports.table import bytes_text, figure, short

_MOST = 4  # metrics side by side


class Quantity(Struct, frozen=True):
    """A metric as an axis shows it.

    Attributes:
        key: The metric's name.
        title: Its name in words, with the unit where ticks do not have it.
        text: Writes a value in few digits, with its unit.
        exact: Writes a value with all digits, with its unit.
        unit: What is one on the axis: 1, or a power of 1,024 for bytes.
        phrase: Says a value, such as `568,740,352 macs`.
        binary: Whether its values are bytes.
    """

    key: str
    title: str
    text: Callable[[Any], str]
    exact: Callable[[Any], str]
    phrase: Callable[[Any], str]
    unit: int = 1
    binary: bool = False


def quantity(name: str, most: Any = 0) -> Quantity:
    """Return a metric as an axis shows it.

    Args:
        name: The metric.
        most: The largest value, by which an axis of bytes has KiB or MiB.

    Raises:
        OptionError: There is no such metric.

    >>> found = quantity("peak_memory", 3_000_000)
    >>> found.title, found.text(1_204_224), found.exact(1_204_224), found.unit
    ('Peak memory', '1.15 MiB', '1,204,224 bytes', 1048576)
    >>> found.phrase(1_204_224), quantity("weight_bytes").phrase(8), quantity("macs").phrase(1000)
    ('1,204,224 bytes of peak memory', '8 weight bytes', '1,000 macs')
    """
    metric, words = metrics.named(name), metrics.words(name)
    if metric.unit == "bytes":
        of = "" if "bytes" in words else "bytes of "
        return Quantity(
            name,
            words.capitalize(),
            bytes_tick,
            lambda value: f"{figure(value)} bytes",
            lambda value: f"{figure(value)} {of}{words}",
            bytes_unit(most),
            binary=True,
        )
    heading = metrics.heading(name)
    if metric.is_ratio:
        return Quantity(name, heading, decimal, figure, lambda value: f"{words} {figure(value)}")
    return Quantity(name, heading, count_tick, figure, lambda value: f"{figure(value)} {words}")


def own_quantity(name: str) -> Quantity:
    """Return a column of the user's own as an axis shows it.

    >>> own_quantity("top1").phrase(Fraction(142, 2))
    'top1 71'
    """
    return Quantity(name, name, decimal, figure, lambda value: f"{name} {figure(value)}")


def chosen(names: str | Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that a chart is to show side by side.

    Raises:
        OptionError: There is no such metric, none is given, or there are more than a chart has room for.
    """
    found = tuple(dict.fromkeys([names] if isinstance(names, str) else names))
    for name in found:
        metrics.named(name)
    if not 1 <= len(found) <= _MOST:
        message = f"a chart shows 1 to {_MOST} metrics side by side"
        raise OptionError(ErrorDetail(message, found=", ".join(found) or "none"))
    return found


def bytes_unit(most: Any) -> int:
    """Return the unit of an axis of bytes: the largest power of 1,024 of which there is at least one.

    >>> bytes_unit(1023), bytes_unit(1024), bytes_unit(5 * 2**20)
    (1, 1024, 1048576)
    """
    unit = 1
    while most >= unit * 1024:
        unit *= 1024
    return unit


def bytes_tick(value: Any) -> str:
    """Return bytes in few digits.

    >>> bytes_tick(0), bytes_tick(1536), bytes_tick(Fraction(1, 2))
    ('0', '1.5 KiB', '0.5 bytes')
    """
    if not value:
        return "0"
    return bytes_text(int(value)) if Fraction(value).denominator == 1 else f"{decimal(value)} bytes"


def count_tick(value: Any) -> str:
    """Return a count in few digits; a tick between two whole numbers is a decimal.

    >>> count_tick(4231976), count_tick(Fraction(5, 2))
    ('4.232 M', '2.5')
    """
    return short(int(value)) if Fraction(value).denominator == 1 else decimal(value)


def decimal(value: Any) -> str:
    """Return a number in four digits.

    >>> decimal(Fraction(1, 3)), decimal(Fraction(1, 2))
    ('0.3333', '0.5')
    """
    return f"{float(value):.4g}"


def share_text(share: Fraction) -> str:
    """Return a share in percent, in few digits.

    >>> share_text(Fraction(949, 1000)), share_text(Fraction(1, 5000)), share_text(Fraction(0))
    ('94.9 %', '< 0.1 %', '0 %')
    """
    if 0 < share < Fraction(1, 1000):
        return "< 0.1 %"
    return f"{float(100 * share):.1f}".removesuffix(".0") + " %"


def listed(texts: Iterable[str]) -> str:
    """Return texts as a part of a sentence.

    >>> listed(["macs", "params", "mults"])
    'macs, params and mults'
    """
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last
