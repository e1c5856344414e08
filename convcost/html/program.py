"""Formulas as data for the page's script: polynomials in symbols and functions, each written once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from convcost.numbers import Number
from convcost.symbolic import Condition, Formula
from convcost.symbolic.expression import Atom, SymbolicExpression, Terms

_MOST_EXACT = 2**53
"""Whole numbers up to this are exact where a script reads them from JSON."""

Scalar = int | str | list[int] | None
"""A number as the page has it: itself, as text where it is long or a fraction, or the number of a formula in a list."""


class ProgramBuilder:
    """Collects formulas in some symbols.

    Args:
        names: The symbols, in the order in which the script gives their values.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self._places: dict[Atom, int] = {}
        self._functions: list[list[Any]] = []
        self._formulas: list[Any] = []
        self._known: dict[Any, int] = {}

    def data(self) -> dict[str, Any]:
        """Return the formulas as the script's `Program` reads them."""
        return {"names": self.names, "functions": self._functions, "formulas": self._formulas}

    def number(self, value: Any) -> Scalar:
        """Return a number or a formula as the page has it."""
        if isinstance(value, Formula):
            return [self.formula(value)]
        return None if value is None else _constant(value)

    def formula(self, formula: SymbolicExpression) -> int:
        """Return the number of a formula."""
        found = self._known.get(formula.key)
        if found is None:
            written = self._quotient(formula)
            found = self._known[formula.key] = len(self._formulas)
            self._formulas.append(written)
        return found

    def condition(self, condition: Condition, text: str = "") -> list[Any]:
        """Return a condition: its relation, its formula and its text."""
        return [condition.relation, self.formula(condition.formula), text or str(condition)]

    def shown(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """Return numbers for texts that `text` makes templates of: a mark in the place of each formula."""
        return tuple([_Mark(self.formula(value)) if isinstance(value, Formula) else value for value in values])

    def _quotient(self, formula: SymbolicExpression) -> list[Any]:
        above = self._sum(formula.terms)
        return [above] if formula.under is None else [above, self._sum(formula.under)]

    def _sum(self, terms: Terms) -> list[Any]:
        rows: list[Any] = []
        for monomial, c in terms.items():
            factors = sorted([(self._place(atom), n) for atom, n in monomial])
            rows.append([_constant(c), *[each for factor in factors for each in factor]])
        return rows

    def _place(self, atom: Atom) -> int:
        """Return the place of a symbol's value, or of a function's, which is worked out after its arguments'."""
        if not atom.args:
            return self.names.index(atom.name)
        if atom not in self._places:
            arguments = [self._quotient(each) for each in atom.args]
            self._places[atom] = len(self.names) + len(self._functions)
            self._functions.append([atom.name, *arguments])
        return self._places[atom]


class _Mark:
    """A formula in a text."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __str__(self) -> str:
        return f"\x00{self.number}\x00"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Mark) and other.number == self.number

    def __hash__(self) -> int:
        return hash(self.number)


def text(written: str) -> str | list[str | int]:
    """Return a text as the page has it: itself, or a list in which each number is that of a formula.

    >>> text("64×" + str(_Mark(7)))
    ['64×', 7, '']
    """
    parts = written.split("\x00")
    return written if len(parts) == 1 else [int(part) if place % 2 else part for place, part in enumerate(parts)]


def _constant(value: Number) -> int | str:
    if isinstance(value, int) and abs(value) <= _MOST_EXACT:
        return value
    return str(value)
