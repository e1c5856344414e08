"""The symbols that a page can change: those that stay free, and those for which networks are worked out beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import ceil, floor, prod
from typing import Any

from msgspec import Struct

from convcost.errors import ConvcostError
from convcost.network import Free, Network
from convcost.numbers import Number
from convcost.ops import is_symbolic

MOST_LAYERS = 2_000
"""Of a network that a page computes, and of all networks that are worked out for it beforehand."""
MOST_STOPS = 128
"""How many values a slider goes through."""
MOST_VARIANTS = 32
"""How many networks are worked out beforehand where every combination of some values is."""
_AROUND = (1, -1, 2, -2)  # by what a whole number that cannot be free may differ

Build = Callable[[Mapping[str, Any], Sequence[str]], Network]
"""Builds the network with values of some symbols, others free."""
Point = tuple[Any, ...]
"""Values of the symbols that are chosen."""


class NetworkSource(Struct, frozen=True):
    """What a network was made of.

    Attributes:
        name: The spec as it was named.
        build: Builds the network again.
    """

    name: str
    build: Build


class ChangeableSymbols(Struct, frozen=True):
    """The symbols of a network that a page can change.

    Attributes:
        free: Those that stay free.
        chosen: Those that cannot, with their values in the network.
    """

    free: tuple[str, ...]
    chosen: Mapping[str, Any]


def changeable(network: Network, build: Build) -> ChangeableSymbols:
    """Return the symbols that a page can change; not those that follow from others.

    Args:
        network: The network, all symbols with values.
        build: Builds it again.
    """
    free: list[str] = []
    chosen: dict[str, Any] = {}
    derived: set[str] = set()
    for name, value in network.symbols.items():
        if type(value) not in (int, bool, Fraction):
            continue
        found = _built(build, {}, [name]) if type(value) is not bool else None
        if found is not None:
            free.append(name)
            derived |= {other for other, each in found.symbols.items() if is_symbolic(each)}
        elif type(value) is not Fraction:
            chosen[name] = value
    free = [name for name in free if name not in derived]
    while free and _built(build, {}, free) is None:
        free.pop()
    return ChangeableSymbols(tuple(free), {name: value for name, value in chosen.items() if name not in derived})


def variants(symbols: ChangeableSymbols, build: Build) -> dict[Point, Network]:
    """Return networks by the values of the symbols that are chosen, the first one at those of the network.

    Args:
        symbols: The symbols; those that are free stay so in each of them.
        build: Builds the network.
    """
    at = tuple(symbols.chosen.values())
    found: dict[Point, Network] = {}
    _add(found, symbols, build, [at, *_apart(symbols.chosen)])
    values = [dict.fromkeys(point[place] for point in found) for place in range(len(at))]
    if found and prod(map(len, values)) <= MOST_VARIANTS:
        _add(found, symbols, build, product(*values))
    return found


def _add(found: dict[Point, Network], symbols: ChangeableSymbols, build: Build, points: Iterable[Point]) -> None:
    """Add the networks at some points, as many as a page may have layers of."""
    for point in points:
        if point in found or sum([len(each.layers) for each in found.values()]) > MOST_LAYERS:
            continue
        network = _built(build, dict(zip(symbols.chosen, point, strict=True)), symbols.free)
        if network is not None:
            found[point] = network


def _apart(chosen: Mapping[str, Any]) -> Iterator[Point]:
    """Yield points at which one symbol has another value, the nearest first."""
    for step in _AROUND:
        for place, value in enumerate(chosen.values()):
            other = not value if type(value) is bool else value + step
            if other > 0 or type(value) is bool:
                yield tuple([other if index == place else each for index, each in enumerate(chosen.values())])


def _built(build: Build, settings: Mapping[str, Any], free: Sequence[str]) -> Network | None:
    """Return a network, None where there is none."""
    try:
        return build(settings, free)
    except ConvcostError:
        return None


def stops(free: Free, name: str) -> list[Number]:
    """Return the values of a symbol that its slider goes through, at which the formulas hold, all else as it is.

    Args:
        free: The free symbols of the network, their values and the conditions.
        name: The symbol.
    """
    value, symbol = Fraction(free.witness[name]), free.symbols[name]
    known = symbol.to_dict()["symbols"][name]
    step = Fraction(known.get("multiple_of", abs(value) / 64 or 1))
    first, last = min(2 * value, Fraction(0)), max(2 * value, value + 8 * step)
    if (last - first) / step > MOST_STOPS:
        step *= _stride(int(abs(value) / step), int((last - first) / step))
    names = list(free.witness)
    testers = [each.tester(names) for each in (*symbol.facts, *free.conditions) if name in each.symbols]
    point = [free.witness[each] for each in names]
    place = names.index(name)
    found = {_plain(value)}
    for turn in range(ceil(first / step), floor(last / step) + 1):
        point[place] = _plain(turn * step)
        if all(test(point) for test in testers):
            found.add(point[place])
    return sorted(found)


def _stride(value: int, last: int) -> int:
    """Return the least number of which a value is a multiple and that goes so often into the last one."""
    wanted = -(-last // MOST_STOPS)
    return next((each for each in range(wanted, 4 * wanted) if value % each == 0), wanted)


def _plain(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else value
