"""The symbols of a spec: their defaults, what reads them, and values that can be tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from msgspec import Struct

from convcost.errors import ConvcostError
from convcost.reports.result import Result

_SMALL = range(1, 65)  # whole numbers that are tried where nothing else is valid
_FEWEST, _MOST = 2, 3  # values of an example


class SpecSymbol(Struct, frozen=True):
    """A symbol of a spec.

    Attributes:
        name: Its name.
        default: Its value without `--set`; None where it has none.
        multiple_of: What all its values are multiples of; None where that is not said.
        read_by: What reads it, such as `out_channels of conv`.
        example: Values at which the network is valid, as `--set` takes them; empty where none were found.
    """

    name: str
    default: Any
    multiple_of: Any
    read_by: tuple[str, ...]
    example: str


class Symbols(Result, frozen=True):
    """The symbols of a spec.

    Attributes:
        name: The network's name.
        spec: The spec as it was named.
        symbols: Its symbols, in the order of the file.
    """

    shown_by: ClassVar[str] = "convcost.design_space.symbols_report:SymbolsReport"

    name: str
    spec: str
    symbols: tuple[SpecSymbol, ...]

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports.table import safe

        return f"{safe(self.name or self.spec)}: {', '.join(symbol.name for symbol in self.symbols) or 'no symbols'}"

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.documents import design_space as documents

        symbols = [
            documents.SpecSymbolDocument(
                name=symbol.name,
                default=_plain(symbol.default),
                multiple_of=_plain(symbol.multiple_of),
                read_by=list(symbol.read_by),
                example=symbol.example,
            )
            for symbol in self.symbols
        ]
        return documents.SymbolsDocument(network=self.name or None, symbols=symbols)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Fraction) else value


def reading(places: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the places that read a symbol, each a field or key and its layer type: a text for each field.

    >>> reading([("out_channels", "conv"), ("input", ""), ("out_channels", "linear"), ("out_channels", "conv")])
    ('out_channels of conv, linear', 'input')
    """
    owners: dict[str, dict[str, None]] = {}
    for key, owner in places:
        owners.setdefault(key, {})[owner] = None
    return tuple([f"{key} of {', '.join(found)}" if any(found) else key for key, found in owners.items()])


def example(default: Any, multiple_of: Any, build: Callable[[Any], object]) -> str:
    """Return values at which a network can be built, as `--set` takes them.

    Args:
        default: The symbol's value.
        multiple_of: What all its values are multiples of; None for any number.
        build: Builds the network with a value.
    """
    if default is True or default is False:
        return "false,true" if _is_valid(build, not default) else ""
    if type(default) not in (int, Fraction):
        return ""
    for values, text in _candidates(Fraction(default), Fraction(multiple_of or 0)):
        if all(_is_valid(build, value) for value in values):
            return text
    found: list[int] = []
    first = () if default else (0,)
    for value in (*first, *_SMALL) if default.denominator == 1 else ():
        found += [value] if _is_valid(build, value) else []
        if len(found) == _MOST:
            break
    return _listed(found) if len(found) >= _FEWEST else ""


def _candidates(default: Fraction, step: Fraction) -> Iterator[tuple[Sequence[Fraction], str]]:
    """Yield values that people try, with their text: halves and quarters less, or a few steps."""
    parts = [default * part for part in (Fraction(1, 2), Fraction(3, 4), Fraction(1))]
    if default > 0 and (not step or all((value / step).denominator == 1 for value in parts)):
        yield parts, _listed(parts)
    unit = step or Fraction(1)
    for first in (default - 2 * unit, default):
        if first > 0:
            values = [first + turn * unit for turn in range(_MOST)]
            yield values, f"{_text(values[0])}:{_text(values[-1])}" + ("" if unit == 1 else f":{_text(unit)}")


def _listed(values: Sequence[Fraction | int]) -> str:
    return ",".join(map(_text, values))


def _text(value: Fraction | int) -> str:
    """Return a value, in decimals where these are exact and few."""
    decimals = f"{float(value):g}"
    return decimals if Fraction(decimals) == value and "e" not in decimals else str(value)


def _is_valid(build: Callable[[Any], object], value: Any) -> bool:
    try:
        build(value)
    except ConvcostError:
        return False
    return True


def symbols(
    name: str,
    spec: str,
    declared: Mapping[str, tuple[Any, Any, Sequence[tuple[str, str]]]],
    build: Callable[[Mapping[str, Any]], object],
) -> Symbols:
    """Return the symbols of a spec.

    Args:
        name: The network's name.
        spec: The spec as it was named.
        declared: The default, what it is a multiple of, and the places that read it, of each symbol.
        build: Builds the network with values of symbols.
    """
    found = []
    for each, (default, multiple_of, places) in declared.items():
        values = example(default, multiple_of, lambda value, each=each: build({each: value}))  # type: ignore[misc]
        found.append(SpecSymbol(each, default, multiple_of, reading(places), values))
    return Symbols(name, spec, tuple(found))
