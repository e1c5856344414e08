"""Sums of products: the algebra beneath a formula, on plain dictionaries.

A monomial is a set of (atom, exponent) pairs, a polynomial a dictionary from monomials to coefficients that are never
zero and are `int` where they are whole. Exponents may be negative. An atom is a symbol or a function that could not be
worked out, such as ⌊r/2⌋; to the algebra both are independent letters.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from fractions import Fraction
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakValueDictionary

from msgspec import Struct

if TYPE_CHECKING:
    from convcost.symbolic.formula import Formula

Number: TypeAlias = int | Fraction


class Atom(Struct, frozen=True, eq=False, weakref=True):
    """A letter of the algebra. Equal atoms are one object (see `intern`), so that they compare at the speed of `is`.

    Attributes:
        name: The symbol's name, or the function's.
        args: The function's arguments; none for a symbol.
        step: A number of which every value is a multiple, None where there is none: 1 for a whole number.
        low: A number that no value is below, None where there is none.
        strict: Whether no value equals `low` either.
        serial: A number above those of all atoms in `args`.
    """

    name: str
    args: tuple[Formula, ...]
    step: Number | None
    low: Number | None
    strict: bool
    serial: int

    def __reduce__(self) -> Any:
        return intern, (self.name, self.args, self.step, self.low, self.strict)


Monomial: TypeAlias = frozenset[tuple[Atom, int]]
Terms: TypeAlias = dict[Monomial, Number]

ONE: Monomial = frozenset()

_ATOMS: WeakValueDictionary[Any, Atom] = WeakValueDictionary()
_LOCK = Lock()
_SERIAL = count()


def known(name: str, args: tuple[Formula, ...]) -> Atom | None:
    """Return the function of these arguments if it exists already: its facts need not be worked out again."""
    return _ATOMS.get((name, tuple(arg.key for arg in args)))


def intern(name: str, args: tuple[Formula, ...], step: Number | None, low: Number | None, strict: bool) -> Atom:
    """Return the one atom with this name and these arguments, or, for a symbol, with these facts."""
    key = (name, tuple(arg.key for arg in args)) if args else (name, step, low, strict)
    with _LOCK:
        atom = _ATOMS.get(key)
        if atom is None:
            atom = _ATOMS[key] = Atom(name, args, step, low, strict, next(_SERIAL))
    return atom


def atoms(terms: Iterable[Monomial]) -> set[Atom]:
    """Return the atoms that occur in the monomials, not those within the arguments of these."""
    return {atom for monomial in terms for atom, _ in monomial}


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
    """Return the product of two polynomials."""
    if len(b) == 1:
        ((m, c),) = b.items()
        if m or c != 1:
            return {join(k, m): exact(v * c) for k, v in a.items()}
        return a
    if len(a) == 1:
        return times(b, a)
    return gather({}, [(join(j, k), u * v) for j, u in a.items() for k, v in b.items()])


def power(terms: Terms, n: int) -> Terms:
    """Return a polynomial to the power n ≥ 0."""
    if len(terms) == 1 and n:
        ((m, c),) = terms.items()
        return {raised(m, n): exact(c**n)}
    result: Terms = {ONE: 1}
    while n:
        if n & 1:
            result = times(terms, result)
        n >>= 1
        terms = times(terms, terms) if n else terms
    return result


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
    least = {a: min([m.get(a, 0) for m in monomials]) for m in monomials for a in m}
    return frozenset([(atom, n) for atom, n in least.items() if n])


def leading(terms: Terms) -> Number:
    """Return the coefficient of the term that decides about the sign of a normal form."""

    def rank(monomial: Monomial) -> tuple[int, list[tuple[bool, str, int, int]]]:
        return -degree(monomial), sorted((bool(x.args), x.name, x.serial, -n) for x, n in monomial)

    return terms[min(terms, key=rank)]


def fraction(top: Terms, under: Terms) -> tuple[Terms, Terms | None]:
    """Return a quotient in lowest terms: one polynomial where a monomial divides, else two with whole coefficients."""
    if len(under) == 1:
        ((m, c),) = under.items()
        return times(top, {raised(m, -1) if m else m: exact(Fraction(1, c))}), None
    ratio = content(top.values()) / content(under.values())
    shift = common([*top, *under])
    if shift:
        inverse: Terms = {raised(shift, -1): 1}
        top, under = times(top, inverse), times(under, inverse)
    top, under = primitive(top), primitive(under)
    factor = gcd(top, under)
    if len(factor) > 1 or ONE not in factor:
        top, under = primitive(divided(top, factor)), primitive(divided(under, factor))
    if leading(under) < 0:
        top, under = scaled(top, -1), scaled(under, -1)
    if len(under) == 1:
        return fraction(scaled(top, ratio), under)
    return scaled(top, ratio.numerator), scaled(under, ratio.denominator)


def divided(a: Terms, b: Terms) -> Terms:
    """Return the quotient of two polynomials of which the second divides the first."""
    order = sorted(atoms([*a, *b]), key=lambda atom: atom.serial)

    def lead(terms: Terms) -> Monomial:
        return max(terms, key=lambda m: [dict(m).get(atom, 0) for atom in order])

    result: Terms = {}
    first = lead(b)
    while a:
        m = lead(a)
        term: Terms = {join(m, raised(first, -1)): exact(Fraction(a[m]) / b[first])}
        if any(n < 0 for m in term for _, n in m):
            raise ArithmeticError("the polynomials do not divide")
        result |= term
        a = minus(a, times(b, term))
    return result


def gcd(a: Terms, b: Terms) -> Terms:
    """Return the greatest common divisor of two polynomials with whole coefficients and exponents ≥ 0, up to a number.

    Euclid's algorithm in one letter, on polynomials whose coefficients are polynomials in the others, each remainder
    divided by the common divisor of its coefficients.

    Source: Knuth, The Art of Computer Programming 2, section 4.6.1, algorithm E.
    """
    if not a or not b:
        return primitive(a or b)
    shared = sorted(atoms(a) & atoms(b), key=lambda atom: atom.serial)
    letter = next((x for x in shared if not _coprime(a, b, x)), None)
    if letter is None:
        return {ONE: 1}
    p, q = _by_powers(a, letter), _by_powers(b, letter)
    inner = [_fold(p), _fold(q)]
    outer = gcd(*inner)
    p, q = ([divided(c, part) if c else c for c in side] for side, part in zip((p, q), inner, strict=True))
    if len(p) < len(q):
        p, q = q, p
    while q:
        p, q = q, _remainder(p, q)
        if q:
            part = _fold(q)
            q = [divided(c, part) if c else c for c in q]
    return times(_from_powers(p, letter), outer) if len(p) > 1 else outer


_PRIME = (1 << 61) - 1


def _coprime(a: Terms, b: Terms, letter: Atom) -> bool:
    """Return whether a and b surely share no factor in which the letter occurs.

    They share none where they share none modulo a prime, the other letters replaced by numbers, as long as the leading
    coefficients do not vanish there.
    """
    p, q = _image(a, letter), _image(b, letter)
    if not p[0] or not q[0]:
        return False
    while q:
        inverse = pow(q[0], -1, _PRIME)
        while len(p) >= len(q):
            c = p[0] * inverse
            p = [(u - c * v) % _PRIME for u, v in zip(p, q + [0] * (len(p) - len(q)), strict=True)][1:]
        while p and not p[0]:
            p = p[1:]
        p, q = q, p
    return len(p) == 1


def _image(terms: Terms, letter: Atom) -> list[int]:
    """Return coefficients of the letter's powers, highest first, the other letters replaced, modulo a prime."""
    result: list[int] = []
    for side in _by_powers(terms, letter):
        value = 0
        for m, c in side.items():
            for atom, n in m:
                c = c * pow(atom.serial * 0x9E3779B97F4A7C15 + 1, n, _PRIME)
            value += int(c)
        result.append(value % _PRIME)
    return result


def _by_powers(terms: Terms, letter: Atom) -> list[Terms]:
    """Return the coefficients of the letter's powers, the highest power first."""
    powers = {m: dict(m).get(letter, 0) for m in terms}
    result: list[Terms] = [{} for _ in range(max(powers.values()) + 1)]
    for m, c in terms.items():
        result[-1 - powers[m]][m - {(letter, powers[m])}] = c
    return result


def _from_powers(powers: list[Terms], letter: Atom) -> Terms:
    result: Terms = {}
    for n, terms in enumerate(reversed(powers)):
        result |= times(terms, {frozenset([(letter, n)]) if n else ONE: 1})
    return result


def _fold(side: list[Terms]) -> Terms:
    """Return the greatest common divisor of the coefficients, the number in it included."""
    result: Terms = {}
    for terms in side:
        if terms:
            result = gcd(result, terms)
    return scaled(primitive(result), content([c for terms in side for c in terms.values()]))


def _remainder(p: list[Terms], q: list[Terms]) -> list[Terms]:
    """Return the remainder of p by q, times a power of q's leading coefficient, without leading zeros."""
    while len(p) >= len(q):
        lead = p[0]
        padded = q + [{}] * (len(p) - len(q))
        p = [minus(times(q[0], u), times(lead, v)) for u, v in zip(p, padded, strict=True)][1:]
        while p and not p[0]:
            p = p[1:]
    return p


def one_fraction(terms: Terms, under: Terms | None) -> tuple[Terms, Terms]:
    """Return a formula as one quotient of polynomials with whole coefficients and no negative exponents."""
    if under is not None:
        return terms, dict(under)
    shift = frozenset([(atom, -n) for atom, n in common([*terms, ONE]) if n < 0])
    scale = math.lcm(*[c.denominator for c in terms.values()])
    return times(terms, {shift: scale}), {shift: scale}
