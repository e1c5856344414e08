"""Quotients of polynomials in lowest terms."""

from __future__ import annotations

import math
from fractions import Fraction

from convcost.symbolic.algebra import (
    common,
    content,
    exact,
    join,
    leading,
    minus,
    primitive,
    raised,
    scaled,
    spend,
    times,
)
from convcost.symbolic.expression import ONE, Atom, Monomial, Terms, atoms

_STEP = 50  # terms that a step of Euclid's algorithm takes, beside those of its products


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
        spend(2 * (len(a) + len(b)))
        m = lead(a)
        term: Terms = {join(m, raised(first, -1)): exact(Fraction(a[m]) / b[first])}
        if any(n < 0 for m in term for _, n in m):
            raise ArithmeticError("the polynomials do not divide")
        result |= term
        a = minus(a, times(b, term))
    return result


def gcd(a: Terms, b: Terms) -> Terms:
    """Return the greatest common divisor of two polynomials with whole coefficients and exponents ≥ 0, up to a number.

    Euclid's algorithm in one variable, on polynomials whose coefficients are polynomials in the others, each remainder
    divided by the common divisor of its coefficients.

    Source: Knuth, The Art of Computer Programming 2, section 4.6.1, algorithm E.
    """
    if not a or not b:
        return primitive(a or b)
    spend(_STEP + len(a) + len(b))
    shared = sorted(atoms(a) & atoms(b), key=lambda atom: atom.serial)
    variable = next((x for x in shared if not _coprime(a, b, x)), None)
    if variable is None:
        return {ONE: 1}
    p, q = _by_powers(a, variable), _by_powers(b, variable)
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
    return times(_from_powers(p, variable), outer) if len(p) > 1 else outer


_PRIME = (1 << 61) - 1


def _coprime(a: Terms, b: Terms, variable: Atom) -> bool:
    """Return whether a and b surely share no factor in which the variable occurs.

    They share none where they share none modulo a prime, the other variables replaced by numbers, as long as the
    leading coefficients do not vanish there.
    """
    p, q = _image(a, variable), _image(b, variable)
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


def _image(terms: Terms, variable: Atom) -> list[int]:
    """Return coefficients of the variable's powers, highest first, the other variables replaced, modulo a prime."""
    result: list[int] = []
    for side in _by_powers(terms, variable):
        value = 0
        for m, c in side.items():
            for atom, n in m:
                c = c * pow(atom.serial * 0x9E3779B97F4A7C15 + 1, n, _PRIME)
            value += int(c)
        result.append(value % _PRIME)
    return result


def _by_powers(terms: Terms, variable: Atom) -> list[Terms]:
    """Return the coefficients of the variable's powers, the highest power first."""
    powers = {m: dict(m).get(variable, 0) for m in terms}
    result: list[Terms] = [{} for _ in range(max(powers.values()) + 1)]
    for m, c in terms.items():
        result[-1 - powers[m]][m - {(variable, powers[m])}] = c
    return result


def _from_powers(powers: list[Terms], variable: Atom) -> Terms:
    result: Terms = {}
    for n, terms in enumerate(reversed(powers)):
        result |= times(terms, {frozenset([(variable, n)]) if n else ONE: 1})
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
        spend(_STEP + len(p))
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
