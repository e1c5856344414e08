"""The arithmetic of formulas that needs no decision: sums, products, quotients, powers, their parts and their texts."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Self, TypeAlias, TypeVar

from convcost.numbers import NUMBERS, Number, Symbolic
from convcost.symbolic.algebra import (
    MOST_BITS,
    MOST_DEGREE,
    check_size,
    degree,
    exact,
    gather,
    minus,
    power,
    scaled,
    spend,
    times,
)
from convcost.symbolic.division import fraction
from convcost.symbolic.expression import ONE, Atom, NeedsValueError, SymbolicExpression, Terms, too_large
from convcost.symbolic.text import WRITERS, structure

R = TypeVar("R", bound="Rational")
Value: TypeAlias = "int | Fraction | Rational"


class Rational(SymbolicExpression, Symbolic, frozen=True, eq=False):
    """A polynomial, a quotient by a monomial, or an exact fraction of two polynomials, with arithmetic.

    What arithmetic gives is of the same class, or a number where no symbol is left.
    """

    # --- arithmetic ---

    def __add__(self, other: Self | Number) -> Self | Number:
        kind = self.__class__
        if isinstance(other, Rational):
            spend(len(self.terms) + len(other.terms))
            if self.under is None and other.under is None:
                return polynomial(kind, gather(dict(self.terms), other.terms.items()))
            if self.under == other.under and self.under is not None:
                return ratio(kind, gather(dict(self.terms), other.terms.items()), self.under)
            a, p = self.terms, self.under or {ONE: 1}
            b, q = other.terms, other.under or {ONE: 1}
            return ratio(kind, gather(dict(times(a, q)), times(b, p).items()), times(p, q))
        if not isinstance(other, NUMBERS):
            return NotImplemented
        if not other:
            return self
        if self.under is not None:
            return self + kind({ONE: exact(other)}, None)
        return polynomial(kind, gather(dict(self.terms), ((ONE, other),)))

    __radd__ = __add__

    def __neg__(self) -> Self:
        return self.__class__({m: -c for m, c in self.terms.items()}, self.under)

    def __pos__(self) -> Self:
        return self

    def __sub__(self, other: Self | Number) -> Self | Number:
        if isinstance(other, Rational) and self.under is None and other.under is None:
            spend(len(self.terms) + len(other.terms))
            return polynomial(self.__class__, minus(self.terms, other.terms))
        if isinstance(other, (Rational, *NUMBERS)):
            return self + -other
        return NotImplemented

    def __rsub__(self, other: Number) -> Self | Number:
        return -self + other

    def __mul__(self, other: Self | Number) -> Self | Number:
        kind = self.__class__
        if isinstance(other, Rational):
            if self.under is None and other.under is None:
                return polynomial(kind, times(self.terms, other.terms))
            under = times(self.under or {ONE: 1}, other.under or {ONE: 1})
            return ratio(kind, times(self.terms, other.terms), under)
        if not isinstance(other, NUMBERS):
            return NotImplemented
        if other == 1:
            return self
        if not other:
            return 0
        if self.under is not None:
            return ratio(kind, scaled(self.terms, other), self.under)
        return kind(scaled(self.terms, other), None)

    __rmul__ = __mul__

    def __truediv__(self, other: Self | Number) -> Self | Number:
        if isinstance(other, Rational):
            above = self.terms if other.under is None else times(self.terms, other.under)
            under = other.terms if self.under is None else times(other.terms, self.under)
            return ratio(self.__class__, above, under)
        if not isinstance(other, NUMBERS):
            return NotImplemented
        return self * Fraction(1, other)

    def __rtruediv__(self, other: Number) -> Self | Number:
        if not isinstance(other, NUMBERS):
            return NotImplemented
        return ratio(self.__class__, scaled(self.under or {ONE: 1}, other) if other else {}, self.terms)

    def __pow__(self, n: Value) -> Self | Number:
        if isinstance(n, Rational):
            raise NeedsValueError(f"the exponent {n} must be a whole number", n.symbols)
        if not isinstance(n, NUMBERS):
            return NotImplemented
        if n.denominator != 1:
            raise ValueError(f"the exponent must be a whole number, not {n}")
        n = n.numerator
        if n < 0:
            return quotient(1, self**-n)
        if n == 0:
            return 1
        return self.__class__(power(self.terms, n), None if self.under is None else power(self.under, n))

    def __rpow__(self, other: Number) -> Self | Number:
        raise NeedsValueError(f"the exponent {self} must be a whole number", self.symbols)

    def __index__(self) -> int:
        raise NeedsValueError(f"{self} must be a number here", self.symbols)

    def check_bounds(self, power: int = 1) -> None:
        """Raise `FormulaError` where a power of it has larger exponents or numbers than any network needs."""
        terms = [*self.terms.items(), *(self.under or {}).items()]
        exponents = max([sum([abs(n) for _, n in m]) for m, _ in terms]) * abs(power)
        if exponents > MOST_DEGREE:
            raise too_large(f"the exponents of a formula add up to at most {MOST_DEGREE}", f"{exponents:,}")
        bits = max([max(c.numerator.bit_length(), c.denominator.bit_length()) for _, c in terms]) * abs(power)
        if bits > MOST_BITS:
            raise too_large(f"a number of a formula has at most {MOST_BITS} bits", f"{bits:,} bits")

    # --- parts ---

    def degree(self, name: str | None = None) -> int:
        """Return the highest exponent of a symbol, or the highest sum of all exponents.

        A function counts as one symbol, whatever stands in it.

        Raises:
            ValueError: It is a fraction of polynomials.
        """
        if name is None:
            return max(degree(m) for m in self._sum())
        return max(n for (n,) in self.coefficients(name))

    def coefficients(self, *names: str) -> dict[tuple[int, ...], Self | Number]:
        """Return the coefficients of the powers of some symbols, by their exponents, the highest first.

        >>> from convcost.symbolic import symbol
        >>> a, r = symbol("a"), symbol("r")
        >>> (3 * a**2 * r + a * r + r).coefficients("r", "a")
        {(1, 2): 3, (1, 1): 1, (1, 0): 1}

        Raises:
            ValueError: It is a fraction of polynomials.
        """
        groups: dict[tuple[int, ...], Terms] = {}
        for m, c in self._sum().items():
            powers = {atom.name: n for atom, n in m if not atom.args}
            rest = frozenset([(atom, n) for atom, n in m if atom.args or atom.name not in names])
            groups.setdefault(tuple([powers.get(name, 0) for name in names]), {})[rest] = c
        return {powers: polynomial(self.__class__, groups[powers]) for powers in sorted(groups, reverse=True)}

    def collect(self, name: str) -> dict[int, Self | Number]:
        """Return the coefficients of a symbol's powers, the highest first.

        >>> from convcost.symbolic import symbol
        >>> M, N, r = symbol("M"), symbol("N"), symbol("r")
        >>> (M * N * r**2 + 9 * M * r**2 + N).collect("r")
        {2: M·N + 9·M, 0: N}
        """
        return {n: value for (n,), value in self.coefficients(name).items()}

    def _sum(self) -> Terms:
        if self.under is not None:
            raise ValueError(f"{self} is not a sum of terms")
        return self.terms

    # --- texts ---

    def text(self, style: str = "unicode", *, factor: bool = False) -> str:
        r"""Return it as text.

        >>> from convcost.symbolic import symbol
        >>> r = symbol("r", whole=True)
        >>> formula = 3 * ((r - 1) // 2) ** 2 + 3 / r
        >>> for style in ("plain", "unicode", "latex", "python"):
        ...     print(formula.text(style))
        3*floor((r - 1)/2)**2 + 3/r
        3·⌊(r − 1)/2⌋² + 3/r
        3 \, \left\lfloor \frac{r - 1}{2} \right\rfloor^{2} + \frac{3}{r}
        3*((r - 1)//(2))**2 + Fraction(3, 1)/r

        Args:
            style: `plain` (the language of the specs), `unicode`, `latex` or `python` (exact, evaluable where the
                symbols have values and `Fraction`, `math` and `make_divisible` are imported).
            factor: Put what all terms share before a parenthesis, `Dp²·M·(Dk² + N)`.

        Raises:
            FormulaError: It is too long to be written.
        """
        writer = WRITERS[style](self)
        return writer.product(self.terms) if factor and self.under is None else writer.formula(self)

    def __repr__(self) -> str:
        return self.text()

    def __str__(self) -> str:
        return self.text()

    def _repr_latex_(self) -> str:
        return f"${self.text('latex')}$"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data that a program can evaluate and `from_dict` reads back.

        `terms` are added (and, with `under`, divided by the sum of its terms); a term is its `coefficient`, a whole
        number or the text of a fraction, times `factors`, each a base and a whole exponent. A base is a symbol's name
        or a `function` of `arguments`. `symbols` holds the facts.

        >>> from convcost.symbolic import symbol
        >>> symbol("r", whole=True).to_dict()
        {'terms': [{'coefficient': 1, 'factors': [['r', 1]]}], 'symbols': {'r': {'multiple_of': 1, 'minimum': 1}}}
        """
        return structure(self)

    def _sympy_(self) -> Any:
        """Return it for sympy: symbols without assumptions; `make_divisible`, `gcd` and `round` stay undefined."""
        import sympy  # type: ignore[import-untyped]  # only who calls sympify pays for it

        functions = {"floor": sympy.floor, "max": sympy.Max, "min": sympy.Min}
        images: dict[Atom, Any] = {}

        def value(terms: Terms) -> Any:
            factors = ((sympy.Rational(c.numerator, c.denominator), m) for m, c in terms.items())
            return sympy.Add(*[sympy.Mul(c, *[images[atom] ** n for atom, n in m]) for c, m in factors])

        for atom in self.atoms():
            args = [value(arg.terms) / value(arg.under or {ONE: 1}) for arg in atom.args]
            function = functions.get(atom.name) or sympy.Function(atom.name)
            images[atom] = function(*args) if args else sympy.Symbol(atom.name)
        return value(self.terms) / value(self.under or {ONE: 1})


def polynomial(kind: type[R], terms: Terms) -> R | Number:
    """Return a sum of terms, as a number where it is one.

    Raises:
        FormulaError: It has too many terms.
    """
    if len(terms) > 1:
        check_size(terms)
        return kind(terms, None)
    if not terms:
        return 0
    return terms[ONE] if ONE in terms else kind(terms, None)


def ratio(kind: type[R], above: Terms, under: Terms) -> R | Number:
    """Return a quotient in lowest terms, as a number where it is one."""
    if not under:
        raise ZeroDivisionError("division of a formula by zero")
    if not above:
        return 0
    above, rest = fraction(above, under)
    if rest is None:
        return polynomial(kind, above)
    check_size(above)
    check_size(rest)
    return kind(above, rest)


def quotient(a: R | Number, b: R | Number) -> R | Number:
    """Return a / b, exactly for numbers too."""
    if isinstance(b, Rational):
        return a / b
    return a * Fraction(1, b) if isinstance(a, Rational) else exact(Fraction(a, b))


def of_atom(kind: type[R], atom: Atom) -> R:
    """Return an atom as a formula."""
    return kind({frozenset([(atom, 1)]): 1}, None)


def constant(kind: type[R], value: R | Number) -> R:
    """Return a number as a formula, and a formula as it is."""
    return value if isinstance(value, Rational) else kind({ONE: exact(value)} if value else {}, None)


def total(kind: type[R], values: Iterable[R | Number]) -> R | Number:
    """Return a sum; of thousands of formulas it is faster than `sum`, which makes a new formula for each addition."""
    terms: Terms = {}
    rest: R | Number = 0
    for value in values:
        if not isinstance(value, Rational):
            if value:
                gather(terms, ((ONE, value),))
        elif value.under is None:
            spend(len(value.terms))
            check_size(gather(terms, value.terms.items()))
        else:
            rest += value
    return polynomial(kind, terms) + rest
