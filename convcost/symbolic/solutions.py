"""The values of one symbol at which conditions hold, worked out: `r ≥ 61 and r mod 32 is 0, 29, 30 or 31`.

The symbol is a whole multiple of a unit. Conditions with floors are linear in each class of remainders, so that each
class has a least and a largest value; conditions that the symbol divides a number leave the divisors of this number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from fractions import Fraction

from msgspec import Struct

from convcost.numbers import Number
from convcost.symbolic.algebra import exact
from convcost.symbolic.conditions import Condition
from convcost.symbolic.evaluation import evaluator
from convcost.symbolic.expression import Atom, SymbolicExpression

_MOST_CLASSES = 5_000
_MOST_LISTED = 12  # values or remainders in a text
_MOST_DIVIDED = 10**10


class Solutions(Struct, frozen=True):
    """The values of a symbol at which conditions hold.

    Attributes:
        name: The symbol.
        unit: All values are whole multiples of it.
        minimum: The least value.
        maximum: The largest value, None where there is none.
        period: The values of each remainder of a division by this are allowed, or not.
        remainders: The remainders that are.
        excluded: Values between that are not.
        known_unit: Of what the symbol is known to be a multiple, None where that is not known.
        known_minimum: The least value with such a remainder that the symbol is known to have; None where that is open.
    """

    name: str
    unit: Number
    minimum: Number
    maximum: Number | None
    period: Number
    remainders: tuple[Number, ...]
    excluded: tuple[Number, ...]
    known_unit: Number | None
    known_minimum: Number | None

    def __contains__(self, value: Number) -> bool:
        if value < self.minimum or (self.maximum is not None and value > self.maximum) or value in self.excluded:
            return False
        return Fraction(value) % Fraction(self.period) in self.remainders

    def texts(self) -> Iterator[str]:
        """Yield the conditions on the symbol that do not follow from the known ones."""
        name = self.name
        listed = self._listed()
        if listed is not None:
            yield f"{name} is {_either(listed)}"
            return
        if self.remainders == (0,):
            if self.known_unit != self.period:
                yield f"{name} is a multiple of {self.period}"
        elif self.period != self.unit:
            yield f"{name} mod {self.period} is {_either(self.remainders)}"
        if self.minimum != self.known_minimum:
            yield f"{name} ≥ {self.minimum}"
        if self.maximum is not None:
            yield f"{name} ≤ {self.maximum}"
        if self.excluded:
            yield f"{name} is not {_either(self.excluded)}"

    def _listed(self) -> list[Number] | None:
        """Return all values where they are few."""
        if self.maximum is None or (self.maximum - self.minimum) / self.unit > _MOST_DIVIDED:
            return None
        if len(self.remainders) * ((self.maximum - self.minimum) / self.period + 1) > 100 * _MOST_LISTED:
            return None
        turns = range(math.floor(self.minimum / self.period), math.floor(self.maximum / self.period) + 1)
        candidates = [exact(turn * Fraction(self.period) + rest) for turn in turns for rest in self.remainders]
        values = [value for value in candidates if value in self]
        return values if len(values) <= _MOST_LISTED else None


def _either(values: Sequence[Number]) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} or {last}" if first else last


def solutions(symbol: Atom, conditions: Sequence[Condition]) -> Solutions | None:
    """Return the values of a symbol at which conditions hold that depend on it alone; None where that is too hard.

    >>> from convcost.symbolic import symbol
    >>> r = symbol("r", whole=True)
    >>> conditions = [Condition("positive", r // 4 - 5), Condition("whole", r / 6), Condition("nonzero", r - 30)]
    >>> (atom,) = r.atoms()
    >>> list(solutions(atom, conditions).texts())
    ['r is a multiple of 6', 'r ≥ 24', 'r is not 30']
    """
    divided = [number for each in conditions if (number := _divided(each, symbol))]
    if divided and symbol.step == 1 and symbol.low is not None and symbol.low > 0:
        number = math.gcd(*divided)
        return _among(symbol, _divisors(number), conditions) if number <= _MOST_DIVIDED else None
    unit = _unit(symbol, conditions)
    if unit is None or symbol.low is None or not all(_is_linear(each.formula, symbol) for each in conditions):
        return None
    classes = math.lcm(*[n for each in conditions for n in _periods(each.formula, unit)])
    if classes > _MOST_CLASSES:
        return None
    least = math.floor(symbol.low / Fraction(unit)) + 1 if symbol.strict else math.ceil(symbol.low / Fraction(unit))
    tests = [_tester(each, symbol, unit) for each in conditions]
    found = {rest: span for rest in range(classes) if (span := _span(tests, rest, classes, least))}
    return _combined(symbol, unit, least, classes, found)


_Span = tuple[int, int | None, frozenset[int]]
"""The least value of a class, the largest if there is one, and values between that are excluded; in units."""

_Test = tuple[str, Callable[[int], Number]]


def _tester(condition: Condition, symbol: Atom, unit: Number) -> _Test:
    value = evaluator(condition.formula, [symbol.name])
    return condition.relation, lambda count: value((exact(count * Fraction(unit)),))


def _span(tests: Sequence[_Test], rest: int, classes: int, least: int) -> _Span | None:
    """Return the values of a class of remainders at which all conditions hold, None where there is none."""
    low, high = -((rest - least) // classes), math.inf
    excluded: set[int] = set()
    for relation, value in tests:
        start = Fraction(value(rest))
        slope = Fraction(value(rest + classes)) - start
        if relation in ("whole", "fractional"):
            if (start.denominator == 1) != (relation == "whole"):
                return None
        elif slope == 0:
            if not _HOLDS[relation](start):
                return None
        elif relation in ("zero", "nonzero"):
            at = -start / slope
            if relation == "nonzero":
                excluded |= {int(at)} if at.denominator == 1 else set()
            elif at.denominator != 1:
                return None
            else:
                low, high = max(low, int(at)), min(high, int(at))
        else:
            edge = -start / slope
            if slope > 0:
                low = max(low, math.floor(edge) + 1 if relation == "positive" else math.ceil(edge))
            else:
                high = min(high, math.ceil(edge) - 1 if relation == "positive" else math.floor(edge))
    while low in excluded:
        low += 1
    while high in excluded:
        high -= 1
    if low > high:
        return None
    last = None if high == math.inf else int(high) * classes + rest
    inside = {turn * classes + rest for turn in excluded if low < turn < high}
    return low * classes + rest, last, frozenset(inside)


_HOLDS: dict[str, Callable[[Number], bool]] = {
    "positive": lambda x: x > 0,
    "nonnegative": lambda x: x >= 0,
    "zero": lambda x: x == 0,
    "nonzero": lambda x: x != 0,
}


def _combined(symbol: Atom, unit: Number, least: int, classes: int, found: dict[int, _Span]) -> Solutions | None:
    """Return the values of all classes together, None where no short text says them."""
    if not found:
        return None
    first = min(span[0] for span in found.values())
    bounded = [span[1] for span in found.values() if span[1] is not None]
    if bounded and len(bounded) < len(found):
        return None
    last = max(bounded) if bounded else None
    excluded: set[int] = set()
    for rest, (low, high, inside) in found.items():
        start = first + (rest - first) % classes
        end = high if last is None else last - (last - rest) % classes
        gaps = [range(start, low, classes), range(0 if high is None else high + classes, (end or 0) + 1, classes)]
        if sum(map(len, gaps if high is not None else gaps[:1])) > _MOST_LISTED:
            return None
        excluded |= inside | set(gaps[0]) | (set(gaps[1]) if high is not None else set())
    period = next(d for d in _divisors(classes) if {rest % d for rest in found} == _repeated(found, d, classes))
    remainders = sorted({rest % period for rest in found})
    if max(len(remainders), len(excluded)) > _MOST_LISTED and len(remainders) < period:
        return None
    if len(remainders) == period:
        period, remainders = 1, [0]
    known = min(least + (rest - least) % period for rest in remainders)
    return _scaled(symbol, unit, known, (first, last, period, remainders, sorted(excluded)))


def _repeated(found: Collection[int], period: int, classes: int) -> set[int]:
    """Return the remainders by a shorter period of which every class is there."""
    return {rest for rest in range(period) if all(each in found for each in range(rest, classes, period))}


def _scaled(
    symbol: Atom,
    unit: Number,
    known: int | None,
    parts: tuple[int, int | None, int, Sequence[int], Sequence[int]],
) -> Solutions:
    first, last, period, remainders, excluded = parts

    def times(count: int) -> Number:
        return exact(count * Fraction(unit))

    return Solutions(
        name=symbol.name,
        unit=unit,
        minimum=times(first),
        maximum=None if last is None else times(last),
        period=times(period),
        remainders=tuple(map(times, remainders)),
        excluded=tuple(map(times, excluded)),
        known_unit=symbol.step,
        known_minimum=None if known is None else times(known),
    )


def _among(symbol: Atom, values: Sequence[int], conditions: Sequence[Condition]) -> Solutions | None:
    """Return those of some values at which conditions hold, as far as they are few."""
    tests = [condition.tester([symbol.name]) for condition in conditions]
    found = [value for value in values if value >= (symbol.low or 0) and all(test((value,)) for test in tests)]
    if not found or len(found) > _MOST_LISTED:
        return None
    period = found[-1] + 1
    return _scaled(symbol, 1, None, (found[0], found[-1], period, found, ()))


def _divisors(number: int) -> list[int]:
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return small + [number // d for d in reversed(small) if d * d != number]


def _divided(condition: Condition, symbol: Atom) -> int:
    """Return n where the condition is that n over the symbol is whole, else 0."""
    formula = condition.formula
    if condition.relation != "whole" or formula.under is not None or len(formula.terms) != 1:
        return 0
    ((monomial, c),) = formula.terms.items()
    return abs(c) if monomial == frozenset([(symbol, -1)]) and isinstance(c, int) else 0


def _unit(symbol: Atom, conditions: Sequence[Condition]) -> Number | None:
    """Return a number of which all values that satisfy conditions are multiples, None where none is known."""
    units = [] if symbol.step is None else [Fraction(symbol.step)]
    for condition in conditions if symbol.step is None else ():
        terms = condition.formula.terms
        if condition.relation == "whole" and condition.formula.under is None and len(terms) == 1:
            ((monomial, c),) = terms.items()
            if monomial == frozenset([(symbol, 1)]):
                units.append(abs(1 / Fraction(c)))
    if not units:
        return None
    return exact(Fraction(math.lcm(*[u.numerator for u in units]), math.gcd(*[u.denominator for u in units])))


def _is_linear(formula: SymbolicExpression, symbol: Atom) -> bool:
    """Return whether a formula is a sum of multiples of the symbol and of such sums rounded."""
    if formula.under is not None:
        return False
    for monomial in formula.terms:
        for atom, n in monomial:
            if n != 1 or len(monomial) > 1:
                return False
            inner = atom.args[0] if atom.name in ("floor", "round") and atom.args else None
            if atom is not symbol and (inner is None or _functions(inner) or not _is_linear(inner, symbol)):
                return False
    return True


def _functions(formula: SymbolicExpression) -> list[Atom]:
    return [atom for monomial in formula.terms for atom, _ in monomial if atom.args]


def _periods(formula: SymbolicExpression, unit: Number) -> Iterator[int]:
    """Yield periods, in units, at whose common multiples a formula and its functions grow by whole numbers."""
    for monomial, c in formula.terms.items():
        for atom, _ in monomial:
            if not atom.args:
                yield (c * Fraction(unit)).denominator
                continue
            slopes = [inner for inner in atom.args[0].terms if inner]
            period = math.lcm(*[(atom.args[0].terms[inner] * Fraction(unit)).denominator for inner in slopes])
            even = 2 if atom.name == "round" else 1  # a half is rounded to the even number
            yield period * even * Fraction(c).denominator
