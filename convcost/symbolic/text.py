"""Formulas as text: in the language of the specs, in Unicode, in LaTeX and as Python source.

Terms stand by degree, the highest first, then by the alphabet, the functions in it last.
"""
# ruff: noqa: D102  # a writer's methods are documented where `PlainStyle` has them

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

from convcost.numbers import Number
from convcost.symbolic.algebra import common, content, degree, raised, scaled, times
from convcost.symbolic.division import one_fraction
from convcost.symbolic.expression import ONE, Atom, Monomial, SymbolicExpression, Terms, too_large

MOST_WRITTEN = 100_000  # symbols in a text


class PlainStyle:
    """A writer in the language of the specs: `1/N + 1/Dk**2`, `floor((r - 1)/2)`.

    Args:
        formula: The formula whose atoms it is to name.
    """

    minus: ClassVar[str] = "-"
    dot: ClassVar[str] = "*"

    def __init__(self, formula: SymbolicExpression) -> None:
        if formula.length > MOST_WRITTEN:
            found = f"{formula.length:,} symbols"
            raise too_large(f"a formula is written with at most {MOST_WRITTEN:,} symbols", found)
        self.names: dict[Atom, str] = {}
        for atom in formula.atoms():  # arguments first, so that each function is written once
            self.names[atom] = self.function(atom.name, atom.args) if atom.args else self.symbol(atom.name)

    def formula(self, formula: SymbolicExpression) -> str:
        """Return a formula's text."""
        if formula.under is None:
            return self.sum(formula.terms)
        return self.fraction(self.sum(formula.terms), self.sum(formula.under), (len(formula.terms) > 1, True))

    def sum(self, terms: Terms) -> str:
        """Return a polynomial's text."""
        text = ""
        for monomial, c in self.ordered(terms):
            sign = self.minus if c < 0 else "+"
            text += f" {sign} " if text else sign.strip("+")
            text += self.term(c if c > 0 else -c, monomial)
        return text or "0"

    def ordered(self, terms: Terms) -> list[tuple[Monomial, Number]]:
        """Return the terms as they are written."""
        return sorted(terms.items(), key=lambda term: (-degree(term[0]), self._sorted(term[0])))

    def _sorted(self, monomial: Monomial) -> list[tuple[bool, str, int]]:
        return sorted((bool(atom.args), self.names[atom], -n) for atom, n in monomial)

    def term(self, c: Number, monomial: Monomial) -> str:
        """Return the text of a term whose coefficient is above zero."""
        above, under = self.powers(monomial, 1), self.powers(monomial, -1)
        if c.numerator != 1 or not above:
            above.insert(0, str(c.numerator))
        if c.denominator != 1:
            under.insert(0, str(c.denominator))
        top = self.dot.join(above)
        return self.fraction(top, self.dot.join(under), (False, len(under) > 1)) if under else top

    def powers(self, monomial: Monomial, side: int) -> list[str]:
        """Return the powers above (side 1) or below (side −1) the fraction bar."""
        powers = [(name, -n * side) for _, name, n in self._sorted(monomial) if n * side < 0]
        return [name if n == 1 else self.power(name, n) for name, n in powers]

    def product(self, terms: Terms) -> str:
        """Return a polynomial's text, what all its terms share before a parenthesis: `Dp²·M·(Dk² + N)`."""
        above = [(atom, n) for atom, n in common(terms) if n > 0]
        under = [(atom, -n) for atom, n in common(raised(m, -1) for m in terms) if n > 0]
        shared = frozenset(above + under)
        factor = content(terms.values()).numerator
        if len(terms) == 1 or (not shared and factor == 1):
            return self.sum(terms)
        rest = scaled(times(terms, {raised(shared, -1): 1}), Fraction(1, factor))
        return self.dot.join([self.term(factor, shared), self.group(self.sum(rest))])

    def over(self, formula: SymbolicExpression) -> str:
        """Return a formula's text over one denominator: `(r − 1)/2`."""
        top, under = one_fraction(formula.terms, formula.under)
        if under == {ONE: 1}:
            return self.sum(top)
        ((m, c), *more) = under.items()
        return self.fraction(self.sum(top), self.sum(under), (len(top) > 1, bool(more) or len(m) + (c != 1) > 1))

    def symbol(self, name: str) -> str:
        """Return the written form of a symbol's name."""
        return name

    def power(self, base: str, n: int) -> str:
        """Return a power with n ≥ 2."""
        return f"{base}**{n}"

    def group(self, text: str) -> str:
        """Return the text in parentheses."""
        return f"({text})"

    def fraction(self, top: str, under: str, grouped: tuple[bool, bool]) -> str:
        """Return top over under, each in parentheses where `grouped` says so."""
        return f"{self.group(top) if grouped[0] else top}/{self.group(under) if grouped[1] else under}"

    def function(self, name: str, args: tuple[SymbolicExpression, ...]) -> str:
        """Return a function that was not worked out."""
        if name == "floor":
            return f"floor({self.over(args[0])})"
        return f"{name}({', '.join(map(self.formula, args))})"


class Unicode(PlainStyle):
    """A writer for people: `1/N + 1/Dk²`, `⌊(r − 1)/2⌋`."""

    minus = "−"
    dot = "·"

    def power(self, base: str, n: int) -> str:
        return base + str(n).translate(_SUPERSCRIPTS)

    def function(self, name: str, args: tuple[SymbolicExpression, ...]) -> str:
        return f"⌊{self.over(args[0])}⌋" if name == "floor" else super().function(name, args)


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Latex(PlainStyle):
    r"""A writer for papers: `\frac{1}{N} + \frac{1}{D_{k}^{2}}`, `\left\lfloor \frac{r - 1}{2} \right\rfloor`."""

    dot = r" \, "

    def symbol(self, name: str) -> str:
        if name in _GREEK:
            return "\\" + name
        if len(name) == 1:
            return name
        parts = re.fullmatch(r"([A-Z])_?([a-z]{1,2}|\d+)|([a-z])_?(\d+)", name)
        if parts:
            return f"{parts[1] or parts[3]}_{{{parts[2] or parts[4]}}}"
        return r"\mathrm{" + name.replace("_", r"\_") + "}"

    def power(self, base: str, n: int) -> str:
        return f"{base}^{{{n}}}"

    def group(self, text: str) -> str:
        return rf"\left({text}\right)"

    def fraction(self, top: str, under: str, grouped: tuple[bool, bool]) -> str:
        return rf"\frac{{{top}}}{{{under}}}"

    def function(self, name: str, args: tuple[SymbolicExpression, ...]) -> str:
        if name == "floor":
            return rf"\left\lfloor {self.over(args[0])} \right\rfloor"
        escaped = name.replace("_", r"\_")
        head = f"\\{name}" if name in ("max", "min", "gcd") else rf"\operatorname{{{escaped}}}"
        return head + self.group(", ".join(map(self.formula, args)))


_GREEK = re.findall(
    r"\w+",
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega",
)


class Python(PlainStyle):
    """A writer of source that gives the exact value: divisions with `Fraction`, floors with `//`.

    It calls `max`, `min`, `round`, `math.gcd` and this package's `make_divisible`.
    """

    def term(self, c: Number, monomial: Monomial) -> str:
        under = self.powers(monomial, -1)
        if c.denominator == 1 and not under:
            return super().term(c, monomial)
        head = self.dot.join([f"Fraction({c.numerator}, {c.denominator})", *self.powers(monomial, 1)])
        return "/".join([head, *under])

    def fraction(self, top: str, under: str, grouped: tuple[bool, bool]) -> str:
        return f"Fraction(1, 1)*{self.group(top)}/{self.group(under)}"

    def function(self, name: str, args: tuple[SymbolicExpression, ...]) -> str:
        if name == "floor":
            top, under = one_fraction(args[0].terms, args[0].under)
            return self.group(f"{self.group(self.sum(top))}//{self.group(self.sum(under))}")
        return super().function("math.gcd" if name == "gcd" else name, args)


WRITERS: dict[str, type[PlainStyle]] = {"plain": PlainStyle, "unicode": Unicode, "latex": Latex, "python": Python}


def structure(formula: SymbolicExpression) -> dict[str, Any]:
    """Return a formula as nested plain data, with the facts of its symbols; see `Formula.to_dict`."""
    writer = PlainStyle(formula)

    def listed(terms: Terms) -> list[dict[str, Any]]:
        rows = []
        for m, c in writer.ordered(terms):
            factors = sorted(m, key=lambda pair: (bool(pair[0].args), writer.names[pair[0]]))
            rows.append({"coefficient": _plain(c), "factors": [[base(atom), n] for atom, n in factors]})
        return rows

    def base(atom: Atom) -> Any:
        return {"function": atom.name, "arguments": list(map(sums, atom.args))} if atom.args else atom.name

    def sums(part: SymbolicExpression) -> dict[str, Any]:
        tree = {"terms": listed(part.terms)}
        return tree if part.under is None else {**tree, "under": listed(part.under)}

    symbols = {atom.name: _facts(atom) for atom in formula.atoms() if not atom.args}
    return {**sums(formula), "symbols": dict(sorted(symbols.items()))}


def _facts(atom: Atom) -> dict[str, Any]:
    facts = {} if atom.step is None else {"multiple_of": _plain(atom.step)}
    if atom.low is not None:
        facts["above" if atom.strict else "minimum"] = _plain(atom.low)
    return facts


def _plain(number: Number) -> int | str:
    return number if isinstance(number, int) else str(number)


def facts_text(known: Mapping[str, Any]) -> str:
    """Return the facts of a symbol, as `structure` has them, in words.

    >>> facts_text({"multiple_of": "1/32", "minimum": "1/32"}), facts_text({"multiple_of": 1})
    ('a positive multiple of 1/32', 'a whole number')
    """
    multiple, minimum = known.get("multiple_of"), known.get("minimum")
    if multiple is None:
        return "a positive number" if "above" in known else "a number" if minimum is None else f"at least {minimum}"
    kind = "whole number" if multiple == 1 else f"multiple of {multiple}"
    if minimum is None:
        return f"a {kind}"
    return f"a positive {kind}" if minimum == multiple else f"a {kind}, at least {minimum}"
