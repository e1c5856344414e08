"""The functions of formulas: worked out where their arguments or the facts of the symbols allow it, else kept exact.

None of them asks for a witness: what the facts leave open stays in the formula, as `max(3, r)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from convcost.numbers import FUNCTIONS, Number
from convcost.symbolic.algebra import content, exact, join, leading, raised, scaled, spend, times
from convcost.symbolic.conditions import assumed, decided, requires
from convcost.symbolic.expression import ONE, SymbolicExpression, Terms, intern, known
from convcost.symbolic.facts import bound, is_whole, monomial_step, sign, step_of
from convcost.symbolic.rational import R, Rational, Value, constant, of_atom, polynomial, quotient

_COMPARISON = 30  # terms that a comparison of two arguments takes


def floor(x: R | Number) -> R | Number:
    """Return ⌊x⌋: whole parts stand before it, and ⌊(⌊y⌋ + a)/b⌋ is ⌊(y + a)/b⌋ for whole a and b.

    >>> from convcost.symbolic import symbol
    >>> r, s = symbol("r", whole=True), symbol("s", whole=True)
    >>> (3 * r + 5) // 2, (r // 2 + 1) // 2, -(-r // 2), (r + s - 1) // s
    (r + ⌊(r − 1)/2⌋ + 3, ⌊(r − 2)/4⌋ + 1, ⌊(r − 1)/2⌋ + 1, ⌊(r − 1)/s⌋ + 1)
    """
    if not isinstance(x, Rational):
        return math.floor(x)
    if x.under is not None:
        return _undivided(x)
    if is_whole(x.terms) or assumed("whole", x):
        return x
    kind = x.__class__
    whole, rest = _parts(x.terms)
    if not rest:
        return polynomial(kind, whole)
    inner = _unnested(kind, rest)
    if inner is not None:
        return polynomial(kind, whole) + floor(inner)
    negative = any(c < 0 for m, c in rest.items() if m)
    step = step_of(rest) if negative else None
    if step is not None and leading({m: c for m, c in rest.items() if m}) < 0:
        # on the grid of 1/n, ⌊x⌋ = −⌈−x⌉ = −⌊−x + (n − 1)/n⌋, so that a floor and a ceiling are written alike
        return polynomial(kind, whole) - floor(kind(scaled(rest, -1), None) + (1 - Fraction(1, step.denominator)))
    kept = _undivided(kind(rest, None), negative=negative)
    return polynomial(kind, whole) + kept if whole else kept


def _undivided(x: R, *, negative: bool = True) -> R | Number:
    """Return ⌊x⌋ as it stands, unless x was assumed to be whole, or the facts of its symbols keep it within a unit."""
    if assumed("whole", x):
        return x
    if negative or any(n < 0 for m in x.terms for _, n in m):  # else x grows beyond every bound
        for least in (0, -1):
            if _reaches(x, least, 1) and _exceeds(least + 1, x):
                return least
    return _kept("floor", (x,))


def _parts(terms: Terms) -> tuple[Terms, Terms]:
    """Return a polynomial's whole part and the rest, whose constant lies in (−1, 0] and is as low as ⌊x⌋ allows."""
    whole: Terms = {}
    rest: Terms = {}
    for m, c in terms.items():
        if not m:
            continue
        step = monomial_step(m)
        if step is None:
            rest[m] = c
            continue
        units = c * step
        part = units if type(units) is int else math.trunc(units)
        if part:
            whole[m] = part if step == 1 else exact(Fraction(part) / step)
            c -= whole[m]
        if c:
            rest[m] = c
    constant = terms.get(ONE)
    if constant is None:
        return whole, rest
    step = step_of(rest) if rest else 1
    if step is not None:
        constant = Fraction(math.floor(constant * step.denominator), step.denominator)
    unit = math.ceil(constant)
    if unit:
        whole[ONE] = unit
    if constant != unit:
        rest[ONE] = exact(constant - unit)
    return whole, rest


def _unnested(kind: type[R], terms: Terms) -> R | Number | None:
    """Return (y + a)/b where this is (⌊y⌋ + a)/b, with whole a and b > 0 and no other floor in it; else None.

    Where y is on the grid of 1/n, −⌊y⌋ is ⌊−y + (n − 1)/n⌋ and serves too.
    """
    found = [(m, c, atom) for m, c in terms.items() for atom, _ in m if atom.name == "floor" and atom.args]
    if len(found) != 1:
        return None
    ((m, c, atom),) = found
    inner: R | Number = kind(atom.args[0].terms, atom.args[0].under)
    if c < 0:
        step = _step(atom.args[0])
        if step is None:
            return None
        c, inner = -c, (1 - Fraction(1, step.denominator)) - inner
    over = join(m, frozenset([(atom, -1)]))
    divisor: Terms = {raised(over, -1) if over else ONE: exact(1 / Fraction(c))}
    rest = {k: v for k, v in terms.items() if k != m}
    if is_whole(divisor) and sign(divisor) and (not rest or is_whole(times(rest, divisor))):
        return polynomial(kind, {over: c}) * inner + polynomial(kind, rest)
    return None


def ceil(x: R | Number) -> R | Number:
    """Return ⌈x⌉ = −⌊−x⌋."""
    return -floor(-x)


def maximum(*values: R | Number) -> R | Number:
    """Return the largest value: those that the facts show not to be the largest are left out.

    >>> from convcost.symbolic import symbol
    >>> r = symbol("r", whole=True, minimum=8)
    >>> maximum(3, r), maximum(9, r)
    (r, max(9, r))
    """
    return _extreme("max", values, 1)


def minimum(*values: R | Number) -> R | Number:
    """Return the smallest value: those that the facts show not to be the smallest are left out."""
    return _extreme("min", values, -1)


def _extreme(name: str, values: tuple[R | Number, ...], side: int) -> R | Number:
    best: list[R | Number] = []
    for value in values:
        spend(_COMPARISON * len(best))
        if not any(_reaches(other, value, side) for other in best):
            best = [other for other in best if not _reaches(value, other, side)] + [value]
    return best[0] if len(best) == 1 else _kept(name, _sorted(best))


def _reaches(a: Value, b: Value, side: int) -> bool:
    difference = (a - b) * side
    return decided("nonnegative", difference) is True if isinstance(difference, Rational) else difference >= 0


def gcd(*values: R | Number) -> R | Number:
    """Return the greatest common divisor of whole numbers."""
    best: list[R | Number] = []
    for value in values:
        if not any(_divides(other, value) for other in best):
            best = [other for other in best if not _divides(value, other)] + [value]
    if not any(isinstance(value, Rational) for value in best):
        return FUNCTIONS["gcd"](*best)
    if len(best) == 1 and _reaches(best[0], 0, 1):
        return best[0]
    return _kept("gcd", _sorted(best))


def _divides(a: Value, b: Value) -> bool:
    if not _exceeds(a, 0):
        return False
    ratio = quotient(b, a)
    return decided("whole", ratio) is True if isinstance(ratio, Rational) else ratio.denominator == 1


def rounded(x: R | Number) -> R | Number:
    """Return x rounded to a whole number, halves to the even one."""
    if not isinstance(x, Rational):
        return round(x)
    return x if decided("whole", x) else _kept("round", (x,))


def make_divisible(x: R | Number, d: R | Number) -> R | Number:
    """Return the multiple of d near x that is not below d, nor below 0.9·x: x itself where d is known to divide it.

    >>> from convcost.symbolic import symbol
    >>> make_divisible(32 * symbol("a", multiple_of=Fraction(1, 4)), 8), make_divisible(32 * symbol("b"), 8)
    (32·a, make_divisible(32·b, 8))
    """
    if not requires("positive", d):
        raise ValueError(f"make_divisible needs a positive divisor: found {d}, which is not above 0 at the witness")
    if not isinstance(x, Rational) and not isinstance(d, Rational):
        return FUNCTIONS["make_divisible"](x, d)
    if _divides(1, d) and _exceeds(d, 0) and _divides(d, x) and _reaches(x, d, 1):
        return x
    return _kept("make_divisible", _arguments([x, d]))


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "floor": floor,
    "ceil": ceil,
    "max": maximum,
    "min": minimum,
    "gcd": gcd,
    "round": rounded,
    "make_divisible": make_divisible,
}
"""The functions of formulas, by name: those of `convcost.numbers.FUNCTIONS`."""


def _exceeds(a: Value, b: Value) -> bool:
    difference = a - b
    return decided("positive", difference) is True if isinstance(difference, Rational) else difference > 0


def _arguments(values: list[R | Number]) -> tuple[R, ...]:
    """Return values, of which one at least is a formula, as formulas."""
    kind = next(value.__class__ for value in values if isinstance(value, Rational))
    return tuple([constant(kind, value) for value in values])


def _sorted(values: list[R | Number]) -> tuple[R, ...]:
    """Return the arguments of a function whose order does not matter, numbers first, then by their text."""
    formulas = [value for value in values if isinstance(value, Rational)]
    numbers = [value for value in values if not isinstance(value, Rational)]
    return _arguments([*numbers, *(sorted(formulas, key=str) if len(formulas) > 1 else formulas)])


def _kept(name: str, args: tuple[R, ...]) -> R:
    """Return a function that is not worked out, with what is known of its values."""
    atom = known(name, args)
    if atom is None:
        step, low = _facts(name, args)
        atom = intern(name, args, step, low, strict=False)
    return of_atom(args[0].__class__, atom)


def _step(x: SymbolicExpression) -> Number | None:
    return step_of(x.terms) if x.under is None else None


def _low(x: SymbolicExpression) -> Number | None:
    if x.under is None:
        least = bound(x.terms) if all(n > 0 for m in x.terms for _, n in m) else None
        if least is not None:
            return least[0]
    return None if sign(x.terms, x.under) is None else 0


def _shared_step(args: tuple[SymbolicExpression, ...]) -> Number | None:
    steps = [step for arg in args if (step := _step(arg)) is not None]
    return exact(content(steps)) if len(steps) == len(args) else None


def _facts(name: str, args: tuple[SymbolicExpression, ...]) -> tuple[Number | None, Number | None]:
    """Return the divisor and the lower bound of a function's values."""
    lows = [low for arg in args if (low := _low(arg)) is not None]
    if name == "max":
        return _shared_step(args), max(lows, default=None)
    if name == "min":
        return _shared_step(args), min(lows) if len(lows) == len(args) else None
    if name == "gcd":
        return 1, 0
    if name == "make_divisible":
        return _step(args[1]), _low(args[1])
    return 1, FUNCTIONS[name](lows[0]) if lows else None  # floor and round keep the order of numbers
