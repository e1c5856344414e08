"""The symbolic number: a polynomial, a quotient by a monomial, or an exact fraction of two polynomials."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from msgspec import Struct

from convcost.symbolic.algebra import (
    ONE,
    Atom,
    Number,
    Terms,
    atoms,
    degree,
    exact,
    fraction,
    gather,
    intern,
    power,
    scaled,
    times,
)
from convcost.symbolic.conditions import TESTS, Condition, NeedsValueError, decide, divides
from convcost.symbolic.text import WRITERS, Plain

Value: TypeAlias = "int | Fraction | Formula"

OPERATIONS: dict[str, Callable[..., Value]] = {}
"""The functions that a formula may hold, by name; `functions.py` enters them."""


class Formula(Struct, frozen=True, eq=False, weakref=True):
    """An exact number that depends on symbols; it takes part in arithmetic as `int` and `Fraction` do.

    `+ - * / // % **` are exact, and a result without symbols is an int or a Fraction. A comparison is decided by the
    facts of the symbols; where it depends on their values, see `assuming`. `==` asks whether the values are equal.

    Attributes:
        terms: The polynomial, or what stands above the fraction bar.
        under: What stands below it, of two or more terms, or None.

    >>> r, N, Dk = symbol("r", whole=True), symbol("N", whole=True), symbol("Dk", whole=True)
    >>> (r - 1) // 2 + 1
    ⌊(r − 1)/2⌋ + 1
    >>> (N + Dk**2) / (N * Dk**2)
    1/N + 1/Dk²
    >>> (r + 1) ** 2 - r * (r + 2)
    1
    """

    terms: Terms
    under: Terms | None

    # --- arithmetic ---

    def __add__(self, other: Value) -> Value:
        if isinstance(other, Formula):
            if self.under is None and other.under is None:
                return polynomial(gather(dict(self.terms), other.terms.items()))
            if self.under == other.under and self.under is not None:
                return ratio(gather(dict(self.terms), other.terms.items()), self.under)
            a, p = self.terms, self.under or {ONE: 1}
            b, q = other.terms, other.under or {ONE: 1}
            return ratio(gather(dict(times(a, q)), times(b, p).items()), times(p, q))
        if not isinstance(other, int | Fraction):
            return NotImplemented
        if not other:
            return self
        if self.under is not None:
            return self + Formula({ONE: exact(other)}, None)
        return polynomial(gather(dict(self.terms), ((ONE, other),)))

    __radd__ = __add__

    def __neg__(self) -> Formula:
        return Formula({m: -c for m, c in self.terms.items()}, self.under)

    def __pos__(self) -> Formula:
        return self

    def __sub__(self, other: Value) -> Value:
        if isinstance(other, Formula | int | Fraction):
            return self + -other
        return NotImplemented

    def __rsub__(self, other: Number) -> Value:
        return -self + other

    def __mul__(self, other: Value) -> Value:
        if isinstance(other, Formula):
            if self.under is None and other.under is None:
                return polynomial(times(self.terms, other.terms))
            under = times(self.under or {ONE: 1}, other.under or {ONE: 1})
            return ratio(times(self.terms, other.terms), under)
        if not isinstance(other, int | Fraction):
            return NotImplemented
        if other == 1:
            return self
        if not other:
            return 0
        if self.under is not None:
            return ratio(scaled(self.terms, other), self.under)
        return Formula(scaled(self.terms, other), None)

    __rmul__ = __mul__

    def __truediv__(self, other: Value) -> Value:
        if isinstance(other, Formula):
            above = self.terms if other.under is None else times(self.terms, other.under)
            under = other.terms if self.under is None else times(other.terms, self.under)
            return ratio(above, under)
        if not isinstance(other, int | Fraction):
            return NotImplemented
        return self * Fraction(1, other)

    def __rtruediv__(self, other: Number) -> Value:
        if not isinstance(other, int | Fraction):
            return NotImplemented
        return ratio({ONE: other} if other else {}, self.terms) * (
            Formula(self.under, None) if self.under is not None else 1
        )

    def __floordiv__(self, other: Value) -> Value:
        exactly = self / other
        return exactly if exactly is NotImplemented else OPERATIONS["floor"](exactly)

    def __rfloordiv__(self, other: Number) -> Value:
        exactly = self.__rtruediv__(other)
        return exactly if exactly is NotImplemented else OPERATIONS["floor"](exactly)

    def __mod__(self, other: Value) -> Value:
        whole = self // other
        return whole if whole is NotImplemented else self - whole * other

    def __rmod__(self, other: Number) -> Value:
        whole = self.__rfloordiv__(other)
        return whole if whole is NotImplemented else other - whole * self

    def __pow__(self, n: Value) -> Value:
        if isinstance(n, Formula):
            raise NeedsValueError(f"the exponent {n} must be a whole number", n.symbols)
        if not isinstance(n, int | Fraction):
            return NotImplemented
        if n.denominator != 1:
            raise ValueError(f"the exponent must be a whole number, not {n}")
        n = n.numerator
        if n < 0:
            return quotient(1, self**-n)
        if n == 0:
            return 1
        return Formula(power(self.terms, n), None if self.under is None else power(self.under, n))

    def __rpow__(self, other: Number) -> Value:
        raise NeedsValueError(f"the exponent {self} must be a whole number", self.symbols)

    def __floor__(self) -> Value:
        return OPERATIONS["floor"](self)

    def __ceil__(self) -> Value:
        return -OPERATIONS["floor"](-self)

    def __round__(self) -> Value:
        return OPERATIONS["round"](self)

    # --- questions ---

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Formula | int | Fraction):
            return NotImplemented
        return _asks("zero", self - other)

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __gt__(self, other: Value) -> bool:
        if not isinstance(other, Formula | int | Fraction):
            return NotImplemented
        return _asks("positive", self - other)

    def __ge__(self, other: Value) -> bool:
        if not isinstance(other, Formula | int | Fraction):
            return NotImplemented
        return _asks("nonnegative", self - other)

    def __lt__(self, other: Value) -> bool:
        if not isinstance(other, Formula | int | Fraction):
            return NotImplemented
        return _asks("positive", other - self)

    def __le__(self, other: Value) -> bool:
        if not isinstance(other, Formula | int | Fraction):
            return NotImplemented
        return _asks("nonnegative", other - self)

    def is_integer(self) -> bool:
        """Return whether it is whole, as a comparison is decided."""
        return decide("whole", self)

    def __bool__(self) -> bool:
        return not _asks("zero", self)

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def key(self) -> tuple[object, object]:
        """The structure: equal, without any question left open, for formulas that are written alike."""
        return frozenset(self.terms.items()), None if self.under is None else frozenset(self.under.items())

    def __index__(self) -> int:
        raise NeedsValueError(f"{self} must be a number here", self.symbols)

    # --- parts ---

    def atoms(self) -> list[Atom]:
        """Return all symbols and functions in it, those in the arguments of functions too, arguments first."""
        found: set[Atom] = set()
        queue: list[Formula] = [self]
        while queue:
            formula = queue.pop()
            new = (atoms(formula.terms) | atoms(formula.under or ())) - found
            found |= new
            queue += [arg for atom in new for arg in atom.args]
        return sorted(found, key=lambda atom: atom.serial)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of its symbols, by the alphabet."""
        return tuple(sorted(atom.name for atom in self.atoms() if not atom.args))

    @property
    def facts(self) -> tuple[Condition, ...]:
        """What was declared of its symbols: where it does not hold, the formula may not either."""
        return tuple(fact for atom in self.atoms() if not atom.args for fact in _facts(atom))

    def require(self, names: Iterable[str], purpose: str) -> None:
        """Raise `NeedsValueError` where a symbol is not among the names."""
        missing = [name for name in self.symbols if name not in names]
        if missing:
            raise NeedsValueError(f"{purpose} {self}", missing)

    def degree(self, name: str | None = None) -> int:
        """Return the highest exponent of a symbol, or the highest sum of all exponents.

        A function counts as one letter, whatever stands in it.

        Raises:
            ValueError: It is a fraction of polynomials.
        """
        if name is None:
            return max(degree(m) for m in self._sum())
        return max(n for (n,) in self.coefficients(name))

    def coefficients(self, *names: str) -> dict[tuple[int, ...], Value]:
        """Return the coefficients of the powers of some symbols, by their exponents, the highest first.

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
        return {powers: polynomial(groups[powers]) for powers in sorted(groups, reverse=True)}

    def collect(self, name: str) -> dict[int, Value]:
        """Return the coefficients of a symbol's powers, the highest first.

        >>> M, N, r = symbol("M"), symbol("N"), symbol("r")
        >>> (M * N * r**2 + 9 * M * r**2 + N).collect("r")
        {2: M·N + 9·M, 0: N}
        """
        return {n: value for (n,), value in self.coefficients(name).items()}

    def _sum(self) -> Terms:
        if self.under is not None:
            raise ValueError(f"{self} is not a sum of terms")
        return self.terms

    # --- values ---

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        """Return the exact value, an int where it is whole.

        Raises:
            NeedsValueError: A symbol has no value.
            ValueError: A value contradicts a fact of its symbol.
            ZeroDivisionError: The formula has no value there.
        """
        self.require(values, "evaluate")
        return self.substitute({name: values[name] for name in self.symbols})  # type: ignore[return-value]  # none is left

    def substitute(self, values: Mapping[str, Value]) -> Value:
        """Return the formula with numbers or other formulas in the place of symbols.

        >>> r, k = symbol("r", whole=True), symbol("k", whole=True)
        >>> (r // 4 + r).substitute({"r": 8 * k})
        10·k

        Raises:
            ValueError: A value contradicts a fact of its symbol.
            NeedsValueError: Whether it does cannot be decided (see `assuming`).
        """
        images: dict[Atom, Value] = {}
        for atom in self.atoms():
            if not atom.args:
                if atom.name in values:
                    images[atom] = _checked(atom, values[atom.name])
            elif any(a in images for arg in atom.args for a in atoms([*arg.terms, *(arg.under or ())])):
                images[atom] = OPERATIONS[atom.name](*[arg._image(images) for arg in atom.args])
        return self._image(images) if images else self

    def _image(self, images: Mapping[Atom, Value]) -> Value:
        above = _substituted(self.terms, images)
        return above if self.under is None else quotient(above, _substituted(self.under, images))

    # --- texts ---

    def text(self, style: str = "unicode", *, factor: bool = False) -> str:
        r"""Return it as text.

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

        >>> symbol("r", whole=True).to_dict()
        {'terms': [{'coefficient': 1, 'factors': [['r', 1]]}], 'symbols': {'r': {'multiple_of': 1, 'minimum': 1}}}
        """
        symbols = {atom.name: _told(atom) for atom in self.atoms() if not atom.args}
        return {**_tree(self), "symbols": dict(sorted(symbols.items()))}

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


def symbol(
    name: str,
    *,
    whole: bool = False,
    positive: bool = True,
    minimum: Number | None = None,
    multiple_of: Number | None = None,
) -> Formula:
    """Return a symbol: a number without a value, of which some facts are known.

    >>> r = symbol("r", multiple_of=32)
    >>> (r - 1) // 2, r // 2, r > 16
    (r/2 − 1, r/2, True)

    Args:
        name: Two symbols are the same number where their names and facts are.
        whole: It has whole values only.
        positive: It is above zero; True where nothing else is said.
        minimum: It is not below this; replaces `positive`.
        multiple_of: A number, or a fraction such as 1/32, above zero, of which each value is a whole multiple.
    """
    step = None if multiple_of is None else exact(multiple_of)
    if step is not None and step <= 0:
        raise ValueError(f"{name}: multiple_of must be above zero, not {step}")
    if whole:
        step = 1 if step is None else step.numerator  # whole multiples of p/q (in lowest terms) are multiples of p
    low, strict = (0, True) if minimum is None and positive else (minimum, False)
    if low is not None and step is not None:
        # the least multiple that is allowed
        multiple = Fraction(low) / step
        low, strict = (math.floor(multiple) + 1 if strict else math.ceil(multiple)) * step, False
    return Formula({frozenset([(intern(name, (), step, low, strict), 1)]): 1}, None)


def polynomial(terms: Terms) -> Value:
    """Return a sum of terms, as a number where it is one."""
    if len(terms) > 1:
        return Formula(terms, None)
    if not terms:
        return 0
    return terms[ONE] if ONE in terms else Formula(terms, None)


def ratio(above: Terms, under: Terms) -> Value:
    """Return a quotient in lowest terms, as a number where it is one."""
    if not under:
        raise ZeroDivisionError("division of a formula by zero")
    divides(Formula(under, None))
    if not above:
        return 0
    above, rest = fraction(above, under)
    return polynomial(above) if rest is None else Formula(above, rest)


def quotient(a: Value, b: Value) -> Value:
    """Return a / b, exactly for numbers too."""
    return a / b if isinstance(b, Formula) else a * Fraction(1, b) if isinstance(a, Formula) else exact(Fraction(a, b))


def total(values: Iterable[Value]) -> Value:
    """Return a sum; of thousands of formulas it is faster than `sum`, which makes a new formula for each addition.

    >>> a, b = symbol("a"), symbol("b")
    >>> total([a, 2, b, a, Fraction(1, 2)])
    2·a + b + 5/2
    """
    terms: Terms = {}
    rest: Value = 0
    for value in values:
        if not isinstance(value, Formula):
            if value:
                gather(terms, ((ONE, value),))
        elif value.under is None:
            gather(terms, value.terms.items())
        else:
            rest += value
    return polynomial(terms) + rest


def from_dict(data: Mapping[str, Any]) -> Value:
    """Return the formula that `Formula.to_dict` wrote."""
    symbols = {}
    for name, facts in data["symbols"].items():
        multiple = facts.get("multiple_of")
        low = facts.get("minimum")
        symbols[name] = symbol(
            name,
            positive="above" in facts,
            minimum=None if low is None else Fraction(low),
            multiple_of=None if multiple is None else Fraction(multiple),
        )

    def base(node: Any) -> Value:
        if isinstance(node, str):
            return symbols[node]
        return OPERATIONS[node["function"]](*[value(arg) for arg in node["arguments"]])

    def summed(terms: Sequence[Mapping[str, Any]]) -> Value:
        return total(
            math.prod((base(b) ** n for b, n in t["factors"]), start=exact(Fraction(t["coefficient"]))) for t in terms
        )

    def value(node: Mapping[str, Any]) -> Value:
        above = summed(node["terms"])
        return quotient(above, summed(node["under"])) if "under" in node else above

    return value(data)


def _asks(relation: str, difference: Value) -> bool:
    return decide(relation, difference) if isinstance(difference, Formula) else TESTS[relation](difference)


def _letter(atom: Atom) -> Formula:
    return Formula({frozenset([(atom, 1)]): 1}, None)


def _facts(atom: Atom) -> list[Condition]:
    """Return what is known of a symbol as conditions."""
    facts = []
    if atom.step is not None:
        facts.append(Condition("whole", Formula({frozenset([(atom, 1)]): exact(1 / Fraction(atom.step))}, None)))
    if atom.low is not None:
        above = Formula(gather({ONE: -atom.low} if atom.low else {}, _letter(atom).terms.items()), None)
        facts.append(Condition("positive" if atom.strict else "nonnegative", above))
    return facts


def _checked(atom: Atom, value: Value) -> Value:
    """Return the value that takes a symbol's place."""
    if not isinstance(value, Formula | int | Fraction):
        raise TypeError(f"{atom.name} must be an int, a Fraction or a Formula, not {type(value).__name__}")
    value = value if isinstance(value, Formula) else exact(value)
    step_holds = atom.step is None or _asks("whole", value / Fraction(atom.step))
    low_holds = atom.low is None or _asks("positive" if atom.strict else "nonnegative", value - atom.low)
    if not (step_holds and low_holds):
        broken = _facts(atom)[0 if not step_holds else -1]
        raise ValueError(f"{atom.name} cannot be {value}: {broken} must hold")
    return value


def _substituted(terms: Terms, images: Mapping[Atom, Value]) -> Value:
    powers: dict[tuple[Atom, int], Value] = {}
    summands = []
    for m, c in terms.items():
        kept = []
        product: Value = c
        for pair in m:
            if pair[0] not in images:
                kept.append(pair)
                continue
            if pair not in powers:
                image, n = images[pair[0]], pair[1]
                powers[pair] = image**n if isinstance(image, Formula) else exact(Fraction(image) ** n)
            product = product * powers[pair]
        summands.append(product * Formula({frozenset(kept): 1}, None) if kept else product)
    return total(summands)


def _told(atom: Atom) -> dict[str, Any]:
    facts = {} if atom.step is None else {"multiple_of": _plain(atom.step)}
    if atom.low is not None:
        facts["above" if atom.strict else "minimum"] = _plain(atom.low)
    return facts


def _plain(number: Number) -> int | str:
    return number if isinstance(number, int) else str(number)


def _tree(formula: Formula) -> dict[str, Any]:
    """Return the formula as nested plain data."""
    writer = Plain(formula)

    def listed(terms: Terms) -> list[dict[str, Any]]:
        rows = []
        for m, c in writer.ordered(terms):
            factors = sorted(m, key=lambda pair: (bool(pair[0].args), writer.letters[pair[0]]))
            rows.append({"coefficient": _plain(c), "factors": [[base(atom), n] for atom, n in factors]})
        return rows

    def base(atom: Atom) -> Any:
        return {"function": atom.name, "arguments": list(map(sums, atom.args))} if atom.args else atom.name

    def sums(part: Formula) -> dict[str, Any]:
        tree = {"terms": listed(part.terms)}
        return tree if part.under is None else {**tree, "under": listed(part.under)}

    return sums(formula)
