"""The arithmetic of polynomials, on plain dictionaries, and the bounds of its work."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction

from convcost.numbers import Number
from convcost.symbolic.expression import ONE, Monomial, Terms, too_large

MOST_TERMS = 10_000  # of a formula
MOST_WORK = 1_000_000  # terms that one computation makes or reads; those of short operations are not counted
MOST_DEGREE = 30  # of a formula of a spec: what the exponents of a term add up to
MOST_BITS = 512  # of a number in a formula of a spec
MOST_DIGITS = 4_000  # of a power of a number
_SHORT = 32  # terms

_WORK: ContextVar[list[int] | None] = ContextVar("work", default=None)


@contextmanager
def bounded() -> Iterator[None]:
    """Bound the work of all that runs inside, in the same thread, together; where that is bounded already, by that."""
    if _WORK.get() is not None:
        yield
        return
    token = _WORK.set([0])
    try:
        yield
    finally:
        _WORK.reset(token)


def spend(terms: int) -> None:
    """Count the terms that an operation is about to make or read.

    Raises:
        FormulaError: They are more than `MOST_WORK`, or all that were counted inside `bounded` are.
    """
    if terms <= _SHORT:
        return
    spent = _WORK.get() or [0]
    spent[0] += terms
    if spent[0] > MOST_WORK:
        raise too_large(f"formulas are worked out within {MOST_WORK:,} terms", f"{spent[0]:,} terms on the way")


def check_size(terms: Terms) -> None:
    """Raise `FormulaError` for a polynomial of more than `MOST_TERMS` terms."""
    if len(terms) > MOST_TERMS:
        raise too_large(f"a formula has at most {MOST_TERMS:,} terms", f"{len(terms):,} terms")


def exact(number: Number) -> Number:
    """Return the number as `int` where it is whole."""
    return number.numerator if number.denominator == 1 else number


def degree(monomial: Monomial) -> int:
    """Return the sum of the exponents."""
    return sum([n for _, n in monomial])


def join(a: Monomial, b: Monomial) -> Monomial:
    """Return the product of two monomials."""
    if not a:
        return b
    if not b:
        return a
    powers = dict(a)
    for atom, n in b:
        n += powers.get(atom, 0)
        if n:
            powers[atom] = n
        else:
            del powers[atom]
    return frozenset(powers.items())


def raised(monomial: Monomial, n: int) -> Monomial:
    """Return a monomial to a power that is not zero."""
    return frozenset([(atom, k * n) for atom, k in monomial])


def gather(target: Terms, terms: Iterable[tuple[Monomial, Number]]) -> Terms:
    """Add terms to a polynomial in place, and return it."""
    for monomial, c in terms:
        old = target.get(monomial)
        if old is not None:
            c += old
            if not c:
                del target[monomial]
                continue
        target[monomial] = c if type(c) is int else exact(c)
    return target


def times(a: Terms, b: Terms) -> Terms:
    """Return the product of two polynomials.

    Raises:
        FormulaError: It is too much work, or has too many terms.
    """
    if len(b) == 1:
        ((m, c),) = b.items()
        spend(len(a))
        if c == 1:
            return {join(k, m): v for k, v in a.items()} if m else a
        return {join(k, m): exact(v * c) for k, v in a.items()}
    if len(a) == 1:
        return times(b, a)
    products = len(a) * len(b)
    spend(products)
    if products <= MOST_TERMS:
        return gather({}, [(join(j, k), u * v) for j, u in a.items() for k, v in b.items()])
    result: Terms = {}
    for j, u in a.items():
        check_size(gather(result, [(join(j, k), u * v) for k, v in b.items()]))
    return result


def power(terms: Terms, n: int) -> Terms:
    """Return a polynomial to the power n ≥ 0.

    Raises:
        FormulaError: Its number, its exponents or its terms are too many, by the binomial coefficients.
    """
    if len(terms) == 1 and n:
        ((m, c),) = terms.items()
        _check_number(c, n)
        return {raised(m, n): exact(c**n)}
    _check_power(len(terms), n)
    result: Terms = {ONE: 1}
    while n:
        if n & 1:
            result = times(terms, result)
        n >>= 1
        terms = times(terms, terms) if n else terms
    return result


def _check_number(number: Number, n: int) -> None:
    bits = max(number.numerator.bit_length(), number.denominator.bit_length())
    if (bits - 1) * n > MOST_DIGITS * math.log2(10):
        digits = int((bits - 1) * n * math.log10(2))
        raise too_large(f"a power of a number has at most {MOST_DIGITS:,} digits", f"more than {digits:,} digits")


def _check_power(terms: int, n: int) -> None:
    """Raise `FormulaError` where a sum of so many terms to the power n may have too many: (n + terms − 1 over n)."""
    count = 1
    for k in range(1, n + 1):
        count = count * (terms - 1 + k) // k
        if count > MOST_TERMS:
            found = f"{terms:,} terms to the power {n:,}"
            raise too_large(f"a power of a formula has at most {MOST_TERMS:,} terms", found)


def scaled(terms: Terms, factor: Number) -> Terms:
    """Return a polynomial times a number that is not zero."""
    return {m: exact(c * factor) for m, c in terms.items()}


def minus(a: Terms, b: Terms) -> Terms:
    """Return the difference of two polynomials."""
    return gather(dict(a), [(m, -c) for m, c in b.items()])


def content(numbers: Collection[Number]) -> Fraction:
    """Return the largest number of which all of these are multiples."""
    return Fraction(math.gcd(*[c.numerator for c in numbers]), math.lcm(*[c.denominator for c in numbers]))


def primitive(terms: Terms) -> Terms:
    """Return the polynomial divided by its content: with the least whole coefficients."""
    size = content(terms.values())
    return terms if size == 1 else {m: int(c / size) for m, c in terms.items()}


def common(terms: Iterable[Monomial]) -> Monomial:
    """Return the largest monomial that leaves no negative exponent when it divides all of these."""
    monomials = [dict(m) for m in terms]
    variables = dict.fromkeys([a for m in monomials for a in m])
    least = {a: min([m.get(a, 0) for m in monomials]) for a in variables}
    return frozenset([(atom, n) for atom, n in least.items() if n])


def leading(terms: Terms) -> Number:
    """Return the coefficient of the term that decides about the sign of a normal form."""

    def rank(monomial: Monomial) -> tuple[int, list[tuple[bool, str, int, int]]]:
        return -degree(monomial), sorted((bool(x.args), x.name, x.serial, -n) for x, n in monomial)

    return terms[min(terms, key=rank)]
