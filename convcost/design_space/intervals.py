"""Bounds of formulas over boxes: numbers between which all values lie where symbols take some values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from convcost.design_space.task import SweepAxis
from convcost.symbolic import Condition, Formula, evaluator

Interval = tuple[Any, Any]


class UnboundedError(Exception):
    """No bounds are known."""


def bounds(formula: Any, values: Mapping[str, Sequence[Any]]) -> Interval:
    """Return numbers that no value of a formula is below, or above; not always the closest ones.

    Args:
        formula: A formula or a number.
        values: The values that each of its symbols takes.

    Raises:
        UnboundedError: A divisor may be 0, or a function of several symbols has no bounds that are known.

    >>> from convcost.symbolic import symbol
    >>> a, b = symbol("a", whole=True), symbol("b", whole=True)
    >>> bounds(a * b - 3 * a, {"a": [1, 2], "b": [5, 7]})  # 1 · 5 − 3 · 2, 2 · 7 − 3 · 1
    (-1, 11)
    """
    if not isinstance(formula, Formula):
        return formula, formula
    known: dict[Any, Interval] = {}
    for atom in formula.atoms():
        known[atom] = _atom_bounds(atom, known, values)
    return _quotient(formula, known)


def always(condition: Condition, values: Mapping[str, Sequence[Any]]) -> bool:
    """Return whether bounds prove that a condition holds at all these values."""
    if condition.relation not in ("positive", "nonnegative"):
        return False
    try:
        least, _ = bounds(condition.formula, values)
    except UnboundedError:
        return False
    return bool(least > 0 if condition.relation == "positive" else least >= 0)


def combinations(axes: Sequence[SweepAxis]) -> int:
    """Return how many combinations the values of some axes have."""
    return math.prod(len(axis.values) for axis in axes)


def _atom_bounds(atom: Any, known: Mapping[Any, Interval], values: Mapping[str, Sequence[Any]]) -> Interval:
    if not atom.args:
        return min(values[atom.name]), max(values[atom.name])
    names = sorted({inner.name for arg in atom.args for inner in arg.atoms() if not inner.args})
    if len(names) == 1:  # every value is looked at
        try:
            value = evaluator(Formula({frozenset([(atom, 1)]): 1}, None), names)
            found = [value((each,)) for each in values[names[0]]]
        except (ZeroDivisionError, ValueError):
            raise UnboundedError from None
        return min(found), max(found)
    sides = [_quotient(arg, known) for arg in atom.args]
    if atom.name in _RISING:  # in each of its arguments
        function = _RISING[atom.name]
        return function(*[low for low, _ in sides]), function(*[high for _, high in sides])
    raise UnboundedError


_RISING: Mapping[str, Any] = {"floor": math.floor, "ceil": math.ceil, "round": round, "min": min, "max": max}


def _quotient(formula: Any, known: Mapping[Any, Interval]) -> Interval:
    above = _sum(formula.terms, known)
    if formula.under is None:
        return above
    low, high = _sum(formula.under, known)
    if low <= 0 <= high:
        raise UnboundedError
    return _product(above, _inverse((low, high)))


def _sum(terms: Mapping[Any, Any], known: Mapping[Any, Interval]) -> Interval:
    low: Any = 0
    high: Any = 0
    for monomial, coefficient in terms.items():
        side: Interval = (coefficient, coefficient)
        for atom, power in monomial:
            side = _product(side, _power(known[atom], power))
        low, high = low + side[0], high + side[1]
    return low, high


def _power(side: Interval, power: int) -> Interval:
    if power < 0:
        if side[0] <= 0 <= side[1]:
            raise UnboundedError
        return _power(_inverse(side), -power)
    low, high = side
    if power % 2 or low >= 0:
        return low**power, high**power
    return (0 if high >= 0 else high**power), max(low**power, high**power)


def _inverse(side: Interval) -> Interval:
    from fractions import Fraction

    return 1 / Fraction(side[1]), 1 / Fraction(side[0])


def _product(one: Interval, other: Interval) -> Interval:
    corners = [a * b for a, b in product(one, other)]
    return min(corners), max(corners)
