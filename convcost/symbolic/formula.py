"""The symbolic number: exact arithmetic, functions, comparisons and substitution."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Self, TypeAlias

from convcost.numbers import NUMBERS, Number, as_exact
from convcost.symbolic import rational
from convcost.symbolic.algebra import exact
from convcost.symbolic.conditions import Condition, check_value, decide, facts_of, holds, requires
from convcost.symbolic.evaluation import evaluate
from convcost.symbolic.expression import Atom, SymbolicExpression, Terms, atoms, intern
from convcost.symbolic.functions import OPERATIONS, ceil, floor, rounded
from convcost.symbolic.rational import Rational, of_atom, quotient

Value: TypeAlias = "int | Fraction | Formula"


class Formula(Rational, frozen=True, eq=False):
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

    # --- divisions, remainders and functions ---

    def __truediv__(self, other: Self | Number) -> Self | Number:
        _check_divisor(other)
        return super().__truediv__(other)

    def __rtruediv__(self, other: Number) -> Self | Number:
        _check_divisor(self)
        return super().__rtruediv__(other)

    def __floordiv__(self, other: Self | Number) -> Self | Number:
        exactly = self.__truediv__(other)
        return exactly if exactly is NotImplemented else floor(exactly)

    def __rfloordiv__(self, other: Number) -> Self | Number:
        exactly = self.__rtruediv__(other)
        return exactly if exactly is NotImplemented else floor(exactly)

    def __mod__(self, other: Self | Number) -> Self | Number:
        whole = self.__floordiv__(other)
        return whole if whole is NotImplemented else self - whole * other

    def __rmod__(self, other: Number) -> Self | Number:
        whole = self.__rfloordiv__(other)
        return whole if whole is NotImplemented else other - whole * self

    def __floor__(self) -> Self | Number:
        return floor(self)

    def __ceil__(self) -> Self | Number:
        return ceil(self)

    def __round__(self) -> Self | Number:
        return rounded(self)

    def apply(self, name: str, values: Sequence[Any]) -> Any:
        """Return the value of a function, one of `OPERATIONS`, of numbers of which this is one."""
        return OPERATIONS[name](*values)

    # --- questions ---

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return holds("zero", self - other)

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __gt__(self, other: Value) -> bool:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return holds("positive", self - other)

    def __ge__(self, other: Value) -> bool:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return holds("nonnegative", self - other)

    def __lt__(self, other: Value) -> bool:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return holds("positive", other - self)

    def __le__(self, other: Value) -> bool:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return holds("nonnegative", other - self)

    def is_integer(self) -> bool:
        """Return whether it is whole, as a comparison is decided."""
        return decide("whole", self)

    def __bool__(self) -> bool:
        return not decide("zero", self)

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def facts(self) -> tuple[Condition, ...]:
        """What was declared of its symbols: where it does not hold, the formula may not either."""
        return tuple(fact for atom in self.atoms() if not atom.args for fact in facts_of(Formula, atom))

    # --- values ---

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        """Return the exact value, an int where it is whole.

        Args:
            values: The values of the symbols; a float, and a number of NumPy, is the decimal that it prints.

        Raises:
            NeedsValueError: A symbol has no value.
            ValueError: A value contradicts a fact of its symbol.
            ZeroDivisionError: The formula has no value there.
        """
        values = {name: as_exact(value) for name, value in values.items()}
        self.require(values, "evaluate")
        for atom in self.atoms():
            if not atom.args:
                check_value(Formula, atom, values[atom.name])
        return evaluate(self, values)

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
                    check_value(Formula, atom, values[atom.name])
                    images[atom] = values[atom.name]
            elif any(a in images for arg in atom.args for a in atoms([*arg.terms, *(arg.under or ())])):
                images[atom] = OPERATIONS[atom.name](*[_image(arg, images) for arg in atom.args])
        return _image(self, images) if images else self

    def replaced(self, images: Mapping[Atom, Value]) -> Value:
        """Return the formula with other numbers in the place of symbols and functions, those within functions left.

        >>> r, h = symbol("r", whole=True), symbol("h", whole=True)
        >>> (half,) = [atom for atom in (r // 2).atoms() if atom.args]
        >>> (3 * (r // 2) ** 2 + r).replaced({half: h - 1})
        3·h² − 6·h + r + 3
        """
        return _image(self, images)


_OPERANDS = (Formula, *NUMBERS)


def _check_divisor(divisor: Value) -> None:
    """Inside `assuming`, see to it that a divisor is not zero; outside, that shows when it is evaluated."""
    if not requires("nonzero", divisor):
        raise ZeroDivisionError(f"division by {divisor}, which is zero at the witness")


def _image(part: SymbolicExpression, images: Mapping[Atom, Value]) -> Value:
    above = _substituted(part.terms, images)
    return above if part.under is None else quotient(above, _substituted(part.under, images))


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
    return of_atom(Formula, intern(name, (), step, low, strict))


def total(values: Iterable[Value]) -> Value:
    """Return a sum; of thousands of formulas it is faster than `sum`, which makes a new formula for each addition.

    >>> a, b = symbol("a"), symbol("b")
    >>> total([a, 2, b, a, Fraction(1, 2)])
    2·a + b + 5/2
    """
    return rational.total(Formula, values)


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
        result: Value = OPERATIONS[node["function"]](*[value(arg) for arg in node["arguments"]])
        return result

    def summed(terms: Sequence[Mapping[str, Any]]) -> Value:
        return total(
            math.prod((base(b) ** n for b, n in t["factors"]), start=exact(Fraction(t["coefficient"]))) for t in terms
        )

    def value(node: Mapping[str, Any]) -> Value:
        above = summed(node["terms"])
        return quotient(above, summed(node["under"])) if "under" in node else above

    return value(data)
