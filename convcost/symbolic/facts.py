"""Facts about a polynomial that follow from those about its atoms: its divisors and its sign.

The facts are an atom's `step` (a number of which each value is a multiple) and `low` (a number that no value is below),
and what a function is not below: ⌊x⌋ lies in (x − 1, x], `make_divisible(x, d)` is at least 0.9·x and above x − d/2,
and at most x + d for x ≥ 0, `max(x, y)` is at least x and y.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeAlias

from convcost.numbers import Number
from convcost.symbolic.algebra import common, content, exact, gather, minus, power, scaled, spend, times
from convcost.symbolic.expression import ONE, Atom, Monomial, Terms, atoms

_MOST_MOVED = 2_000  # terms that a bound may take to find; without it a sign stays open
_MOST_FUNCTIONS = 200  # functions that a sign may depend on


def step_of(terms: Terms) -> Number | None:
    """Return the largest number of which the polynomial is known to be a multiple, None where there is none."""
    steps = []
    for monomial, c in terms.items():
        step = monomial_step(monomial)
        if step is None:
            return None
        steps.append(step * c)
    if len(steps) == 1:
        return steps[0] if steps[0] > 0 else -steps[0]
    return exact(content(steps))


def monomial_step(monomial: Monomial) -> Number | None:
    """Return a number of which the monomial is a multiple, None where there is none."""
    step: Number = 1
    for atom, n in monomial:
        if atom.step is None or n < 0:
            return None
        if atom.step != 1:
            step *= atom.step**n
    return step


def is_whole(terms: Terms) -> bool:
    """Return whether the polynomial is known to be whole."""
    step = step_of(terms)
    return step is not None and step.denominator == 1


def bound(terms: Terms) -> tuple[Number, bool] | None:
    """Return a number that a polynomial without negative exponents is not below, and whether it does not reach it.

    Each atom x is written as low + x′ with x′ ≥ 0; where no term in the x′ is negative, the constant is the bound.
    """
    variables = atoms(terms)
    lows = {atom: atom.low for atom in variables if atom.low is not None}
    if len(lows) < len(variables):
        return None
    if min(lows.values(), default=0) >= 0 and not _falls(terms):
        return _bound_of_sum(terms, lows)
    if sum([math.prod([n + 1 for atom, n in monomial if lows[atom]]) for monomial in terms]) > _MOST_MOVED:
        return None
    moved: Terms = {}
    for monomial, c in terms.items():
        product: Terms = {ONE: c}
        for atom, n in monomial:
            itself = frozenset([(atom, 1)])
            product = times(product, power({ONE: lows[atom], itself: 1} if lows[atom] else {itself: 1}, n))
        gather(moved, product.items())
    least = moved.pop(ONE, 0)
    if _falls(moved):
        return None
    return least, any(all(atom.strict for atom, _ in monomial) for monomial in moved)


def _falls(terms: Terms) -> bool:
    """Return whether a term other than the constant is negative."""
    return any(c < 0 and m for m, c in terms.items())


def _bound_of_sum(terms: Terms, lows: Mapping[Atom, Number]) -> tuple[Number, bool]:
    """Return the bound where no atom is negative, and no term but the constant: the value at the least atoms.

    A term stays above its least value where one of its atoms stays above its own and no other is zero.
    """
    least: Number = 0
    strict = False
    for monomial, c in terms.items():
        for atom, n in monomial:
            c *= lows[atom] ** n
        least += c
        if any(atom.strict for atom, _ in monomial):
            strict = strict or all(atom.strict or lows[atom] for atom, _ in monomial)
    return least, strict


def sign(terms: Terms, under: Terms | None = None) -> bool | None:
    """Return True for a quotient known to be above zero, False for one known to be zero or above, else None."""
    if under is None:
        return _sign(terms)
    for side, over in ((under, terms), (scaled(under, -1), scaled(terms, -1))):
        if _sign(side):
            return _sign(over)
    return None


def _sign(terms: Terms) -> bool | None:
    """Return the sign of a polynomial: its own bound decides, or that of one below it, without functions."""
    strict = False
    for _ in range(_MOST_FUNCTIONS):
        if not terms:
            return strict
        if min(terms.values()) > 0 and all(a.low is not None and a.low >= 0 for m in terms for a, _ in m):
            # a number that is divided by is not zero
            return strict or any(all(a.strict or a.low or n < 0 for a, n in m) for m in terms)
        shift = cleared(terms)
        if shift is None:
            return None
        spend(len(shift))
        least = bound(shift)
        if least is not None and least[0] >= 0:
            return least[0] > 0 or least[1] or strict
        functions = [atom for atom in atoms(shift) if atom.name in _LOWER and atom.args]
        lower = _without(max(functions, key=lambda atom: atom.serial), shift) if functions else None
        if lower is None:
            return None
        terms, above = lower
        strict = strict or above
    return None


def cleared(terms: Terms) -> Terms | None:
    """Return the polynomial times what clears its negative exponents, if that is known to be above zero."""
    if all(n > 0 for monomial in terms for _, n in monomial):
        return terms
    shift = frozenset([(atom, -n) for atom, n in common([*terms, ONE]) if n < 0])
    # a number that is divided by is not zero
    return times(terms, {shift: 1}) if all(a.low is not None and a.low >= 0 for a, _ in shift) else None


def _without(function: Atom, terms: Terms) -> tuple[Terms, bool] | None:
    """Return a polynomial that this one is not below, free of the given function, and whether it is known to be above.

    Each term takes what the function is not below, or not above where the term is negative.
    """
    if any(arg.under is not None for arg in function.args):
        return None
    below, above = _LOWER[function.name](function), _UPPER[function.name](function)
    result: Terms = {}
    strict = False
    for monomial, c in terms.items():
        powers = dict(monomial)
        n = powers.pop(function, 0)
        if not n:
            gather(result, [(monomial, c)])
            continue
        if any(atom.low is None or atom.low < 0 for atom in powers):
            return None
        instead, never_reached = below if c > 0 else above
        if instead is None or (n > 1 and not _keeps_order(instead if c > 0 else None, function)):
            return None
        strict |= never_reached and n == 1 and not powers
        gather(result, times(power(instead, n), {frozenset(powers.items()): c}).items())
    return result, strict


def _keeps_order(lower: Terms | None, function: Atom) -> bool:
    """Return whether powers keep the order of a function and its bound: the smaller of them is known not to be < 0."""
    if lower is None:
        return function.low is not None and function.low >= 0
    least = bound(lower) if all(n > 0 for monomial in lower for _, n in monomial) else None
    return least is not None and least[0] >= 0


Bound: TypeAlias = tuple[Terms | None, bool]
"""What a function is not below, or not above, None where that is not known; and whether it never reaches it."""

_NONE: Bound = None, False


def _below_floor(function: Atom) -> Bound:
    """Return x − 1 for ⌊x⌋, or x − (n − 1)/n where x is on the grid of 1/n."""
    terms = function.args[0].terms
    step = step_of(terms)
    slack: Number = 1 if step is None else 1 - Fraction(1, step.denominator)
    return minus(terms, {ONE: slack}) if slack else terms, step is None


def _below_rounded(function: Atom) -> Bound:
    return minus(function.args[0].terms, {ONE: Fraction(1, 2)}), False


def _above_rounded(function: Atom) -> Bound:
    return minus(function.args[0].terms, {ONE: Fraction(-1, 2)}), False


def _below_divisible(function: Atom) -> Bound:
    """Return x − d/2 or 0.9·x, both of which `make_divisible(x, d)` is not below: the larger one at the least x."""
    x, d = (arg.terms for arg in function.args)
    least = bound(x) if all(n > 0 for monomial in x for _, n in monomial) else None
    if least is not None and set(d) == {ONE} and least[0] >= 5 * d[ONE]:
        return minus(x, {ONE: Fraction(d[ONE]) / 2}), False
    return scaled(x, Fraction(9, 10)), False


def _above_divisible(function: Atom) -> Bound:
    """Return x + d, which `make_divisible(x, d)` is not above where x is not below 0."""
    x, d = (arg.terms for arg in function.args)
    least = bound(x) if all(n > 0 for monomial in x for _, n in monomial) else None
    if least is None or least[0] < 0:
        return _NONE
    return gather(dict(x), d.items()), False


def _below_maximum(function: Atom) -> Bound:
    """Return the argument that is known to be largest, the last of these: numbers stand first."""
    found: tuple[Number, Terms] | None = None
    for arg in function.args:
        least = bound(arg.terms) if all(n > 0 for monomial in arg.terms for _, n in monomial) else None
        if least is not None and (found is None or least[0] >= found[0]):
            found = least[0], arg.terms
    return (None if found is None else found[1]), False


_LOWER: Mapping[str, Callable[[Atom], Bound]] = {
    "floor": _below_floor,
    "round": _below_rounded,
    "make_divisible": _below_divisible,
    "max": _below_maximum,
}
_UPPER: Mapping[str, Callable[[Atom], Bound]] = {
    "floor": lambda function: (function.args[0].terms, False),
    "round": _above_rounded,
    "make_divisible": _above_divisible,
    "max": lambda function: _NONE,
}
