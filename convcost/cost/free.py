"""Formulas in reports: their texts, their structures, and the values for which they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from convcost.cost.subterms import Subterms
from convcost.network import Free
from convcost.symbolic import Condition, Formula
from convcost.symbolic.solutions import solutions
from convcost.symbolic.text import facts_text


def with_texts(value: Any) -> Any:
    """Return plain data with the text of each formula, in the language of the specs, in its place."""
    if isinstance(value, Formula):
        return value.text("plain")
    if isinstance(value, Mapping):
        return {key: with_texts(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [with_texts(each) for each in value]
    return value


def structures(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the structure of each formula in a mapping; `convcost.symbolic.from_dict` reads it with the symbols."""
    return {
        name: {key: part for key, part in value.to_dict().items() if key != "symbols"}
        for name, value in numbers.items()
        if isinstance(value, Formula)
    }


def symbols(free: Free) -> dict[str, Any]:
    """Return the facts of each free symbol, and the value at which open questions were decided."""
    described = {}
    for name, symbol in free.symbols.items():
        value = free.witness.get(name)
        default = str(value) if isinstance(value, Fraction) else value
        described[name] = {**symbol.to_dict()["symbols"][name], "default": default}
    return described


def conditions(free: Free) -> list[dict[str, str]]:
    """Return the conditions beside the facts of the symbols."""
    return [
        {"text": str(each), "relation": each.relation, "formula": each.formula.text("plain")}
        for each in free.conditions
    ]


def simplified(free: Free, terms: Subterms | None = None) -> Iterator[str]:
    """Yield the texts of the conditions beside the facts: the values of each symbol, then conditions on several.

    Example: `r ≥ 61`, `r mod 32 is 0, 29, 30 or 31` for nine conditions on the floors of r.
    """
    conditions = list(free.conditions)
    for name, symbol in free.symbols.items():
        alone = [each for each in conditions if each.symbols == (name,)]
        (atom,) = symbol.atoms()
        found = solutions(atom, alone) if alone else None
        if found is not None:
            yield from found.texts()
            conditions = [each for each in conditions if each not in alone]
    if terms is not None:
        conditions = [Condition(each.relation, terms.shortened(each.formula)) for each in conditions]
    yield from dict.fromkeys(map(str, conditions))


def facts(free: Free) -> list[str]:
    """Return the facts of each free symbol in words.

    Example: `alpha a positive multiple of 1/32`.
    """
    return [f"{name} {facts_text(symbol.to_dict()['symbols'][name])}" for name, symbol in free.symbols.items()]


def unused(free: Free, numbers: Iterable[Any]) -> list[str]:
    """Return the free symbols that occur in none of the numbers and in no condition."""
    seen = {name for number in numbers if isinstance(number, Formula) for name in number.symbols}
    seen |= {name for condition in free.conditions for name in condition.symbols}
    return [name for name in free.symbols if name not in seen]
