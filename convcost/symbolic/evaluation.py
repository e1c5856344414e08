"""The values of formulas at points; at very many by Horner's rule in nested loops over tuples, without `eval`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from convcost.numbers import FUNCTIONS, Number
from convcost.symbolic.algebra import exact
from convcost.symbolic.division import one_fraction
from convcost.symbolic.expression import ONE, Atom, SymbolicExpression, Terms, atoms

Point: TypeAlias = Sequence[Number]
Program: TypeAlias = Callable[[Any], Any]


def evaluate(formula: SymbolicExpression, symbols: Mapping[str, Number]) -> Number:
    """Return a formula's exact value where its symbols have these, an int where it is whole."""
    values: dict[Atom, Number] = {}
    for atom in formula.atoms():
        if atom.args:
            values[atom] = FUNCTIONS[atom.name](*[_value(arg, values) for arg in atom.args])
        else:
            values[atom] = symbols[atom.name]
    return _value(formula, values)


def _value(formula: SymbolicExpression, values: Mapping[Atom, Number]) -> Number:
    above = _sum(formula.terms, values)
    return exact(above if formula.under is None else Fraction(above) / _sum(formula.under, values))


def _sum(terms: Terms, values: Mapping[Atom, Number]) -> Number:
    total: Number = 0
    for monomial, c in terms.items():
        for atom, n in monomial:
            c = c * values[atom] ** n if n > 0 else Fraction(c) / values[atom] ** -n
        total += c
    return total


def evaluator(formula: SymbolicExpression | Number, names: Sequence[str]) -> Callable[[Point], Number]:
    """Return a function from points, each the values of `names` in their order, to the formula's value there.

    The value is exact: an int where it is whole, else a Fraction. The facts of the symbols are not checked at the
    points: `Formula.facts` are conditions of which each can be checked once for each value.

    >>> from convcost.symbolic import symbol
    >>> alpha, r = symbol("alpha"), symbol("r", whole=True)
    >>> mults = evaluator(27 * alpha * (r // 2) ** 2, ["alpha", "r"])
    >>> mults((1, 224)), mults((Fraction(1, 3), 5))
    (338688, 36)

    Raises:
        NeedsValueError: A symbol of the formula is not among the names.
    """
    if isinstance(formula, int | Fraction):
        return lambda point: formula
    formula.require(names, "evaluate")
    slots: dict[Any, int] = {}
    steps: list[Program] = []
    for atom in formula.atoms():
        if atom.args:
            slots[atom] = len(names) + len(steps)
            steps.append(_call(atom, slots))
        else:
            slots[atom] = names.index(atom.name)
    value = _quotient(formula, slots)
    if not steps:
        return value

    def run(point: Point) -> Number:
        numbers = list(point)
        for step in steps:
            numbers.append(step(numbers))
        return value(numbers)  # type: ignore[no-any-return]

    return run


def _call(atom: Any, slots: dict[Any, int]) -> Program:
    """Return a program for a function; of one symbol it is worked out once for each value that is met again."""
    program = _work(atom, slots)
    variables = {slots[inner] for arg in atom.args for inner in arg.atoms() if not inner.args}
    if len(variables) != 1:
        return program
    (slot,) = variables
    known: dict[int, tuple[Number, Number]] = {}

    def run(numbers: Any) -> Number:
        x = numbers[slot]
        found = known.get(id(x))
        if found is not None:  # it holds x, so that no other number can have its id
            return found[1]
        value: Number = program(numbers)
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[id(x)] = x, value
        return value

    return run


_MOST_KNOWN = 10_000


def _work(atom: Any, slots: dict[Any, int]) -> Program:
    if atom.name == "floor":
        return _quotient(atom.args[0], slots, floor=True)
    function = FUNCTIONS[atom.name]
    args = [_quotient(arg, slots) for arg in atom.args]
    return lambda numbers: function(*[arg(numbers) for arg in args])


def _quotient(formula: SymbolicExpression, slots: dict[Any, int], *, floor: bool = False) -> Program:
    """Return a program for a formula, or for the largest whole number that is not above it."""
    top, under = one_fraction(formula.terms, formula.under)
    above, above_degrees = _polynomial(top, slots)
    below, below_degrees = _polynomial(under, slots)
    number = int(under[ONE]) if len(under) == 1 and ONE in under else 0

    def run(numbers: Any) -> Number:
        p = above(numbers)
        q = number or below(numbers)
        if above_degrees:
            q *= _denominator(numbers, above_degrees)
        if below_degrees:
            p *= _denominator(numbers, below_degrees)
        whole, rest = divmod(p, q)
        return whole if floor or not rest else Fraction(p, q)

    return run


def _denominator(numbers: Any, degrees: list[tuple[int, int]]) -> int:
    """Return what a polynomial's program multiplied its value with: each number's denominator to its degree."""
    product = 1
    for slot, n in degrees:
        scale = numbers[slot].denominator
        if scale != 1:
            product *= scale**n
    return product


def _polynomial(terms: Terms, slots: dict[Any, int]) -> tuple[Program, list[tuple[int, int]]]:
    """Return a program for a polynomial with whole coefficients, and its degree in each slot.

    The program gives the polynomial times the denominator of each number to the power of its degree: a whole number.
    """
    variables = {atom: {dict(m).get(atom, 0) for m in terms} for atom in atoms(terms)}
    order = sorted(variables, key=lambda atom: len(variables[atom]))
    degrees = [(slots[atom], max(variables[atom])) for atom in order]
    rows = {tuple([dict(m).get(atom, 0) for atom in order]): int(c) for m, c in terms.items()}
    return _horner(rows, degrees), degrees


def _horner(rows: dict[tuple[int, ...], int], degrees: list[tuple[int, int]]) -> Program:
    if not degrees or not rows:
        constant = sum(rows.values())
        return lambda numbers: constant
    (slot, degree), *inner = degrees
    sides: list[dict[tuple[int, ...], int]] = [{} for _ in range(degree + 1)]
    for powers, c in rows.items():
        sides[degree - powers[0]][powers[1:]] = c
    skip = next((i for i, side in enumerate(sides) if side), degree)
    if inner:
        return _nest(slot, [_horner(side, inner) for side in sides], skip)
    return _line(slot, [sum(side.values()) for side in sides], skip)


def _line(slot: int, coefficients: list[int], skip: int) -> Program:
    first, rest, rest_of_all = coefficients[skip], tuple(coefficients[skip + 1 :]), tuple(coefficients[1:])
    start = coefficients[0]

    def run(numbers: Any) -> int:
        x = numbers[slot]
        if type(x) is int:
            total = first
            for c in rest:
                total = total * x + c
            return total
        p, q = x.numerator, x.denominator
        total, scale = start, 1
        for c in rest_of_all:
            scale *= q
            total = total * p + c * scale
        return total

    return run


def _nest(slot: int, coefficients: list[Program], skip: int) -> Program:
    first, rest, rest_of_all = coefficients[skip], tuple(coefficients[skip + 1 :]), tuple(coefficients[1:])
    start = coefficients[0]

    def run(numbers: Any) -> int:
        x = numbers[slot]
        if type(x) is int:
            total = first(numbers)
            for c in rest:
                total = total * x + c(numbers)
            return total  # type: ignore[no-any-return]
        p, q = x.numerator, x.denominator
        total, scale = start(numbers), 1
        for c in rest_of_all:
            scale *= q
            total = total * p + c(numbers) * scale
        return total  # type: ignore[no-any-return]

    return run
