"""What a formula is made of, as data: symbols, products of their powers, sums of these, quotients of sums.

A monomial is a set of (atom, exponent) pairs, a polynomial a dictionary from monomials to coefficients that are never
zero and are `int` where they are whole. Exponents may be negative. An atom is a symbol or a function that could not be
worked out, such as ⌊r/2⌋; to the algebra both are independent variables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import count
from threading import Lock
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

from msgspec import Struct

from convcost.errors import ErrorDetail, FormulaError
from convcost.numbers import Number

MOST_SYMBOLS = 5_000  # of a function, as its text writes them, so that nesting cannot double a text again and again


class NeedsValueError(Exception):
    """A formula stands where only a number can serve, or a question about it has no answer for all values.

    Args:
        question: What cannot be decided or worked out, such as `r ≥ 3`.
        symbols: The names of the symbols that need a value.
        condition: The comparison that could not be decided, if it was one.
    """

    def __init__(self, question: str, symbols: Sequence[str], condition: Any = None) -> None:
        super().__init__(question, symbols, condition)
        self.question = question
        self.symbols = tuple(symbols)
        self.condition = condition

    def __str__(self) -> str:
        verb = "a value" if len(self.symbols) == 1 else "values"
        return f"{self.question}: this needs {verb} for {' and '.join(self.symbols)}"


class SymbolicExpression(Struct, frozen=True, eq=False, weakref=True):
    """A polynomial, or a quotient of two.

    Attributes:
        terms: The polynomial, or what stands above the fraction bar.
        under: What stands below it, of two or more terms, or None.
    """

    terms: Terms
    under: Terms | None

    @property
    def key(self) -> tuple[object, object]:
        """The structure: equal, without any question left open, for formulas that are written alike."""
        return frozenset(self.terms.items()), None if self.under is None else frozenset(self.under.items())

    def atoms(self) -> list[Atom]:
        """Return all symbols and functions in it, those in the arguments of functions too, arguments first."""
        found: set[Atom] = set()
        queue: list[SymbolicExpression] = [self]
        while queue:
            expression = queue.pop()
            new = (atoms(expression.terms) | atoms(expression.under or ())) - found
            found |= new
            queue += [arg for atom in new for arg in atom.args]
        return sorted(found, key=lambda atom: atom.serial)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of its symbols, by the alphabet."""
        return tuple(sorted(atom.name for atom in self.atoms() if not atom.args))

    @property
    def length(self) -> int:
        """How many symbols its text has, those in the arguments of functions counted wherever they are written."""
        return _length(self.terms) + _length(self.under or ())

    def require(self, names: Collection[str], purpose: str) -> None:
        """Raise `NeedsValueError` where a symbol is not among the names."""
        missing = [name for name in self.symbols if name not in names]
        if missing:
            raise NeedsValueError(f"{purpose} {self}", missing)


class Atom(Struct, frozen=True, eq=False, weakref=True):
    """A variable of the algebra. Equal atoms are one object (see `intern`), so that they compare at the speed of `is`.

    Attributes:
        name: The symbol's name, or the function's.
        args: The function's arguments; none for a symbol.
        step: A number of which every value is a multiple, None where there is none: 1 for a whole number.
        low: A number that no value is below, None where there is none.
        strict: Whether no value equals `low` either.
        serial: A number above those of all atoms in `args`.
        length: How many symbols its text has: 1 for a symbol.
    """

    name: str
    args: tuple[SymbolicExpression, ...]
    step: Number | None
    low: Number | None
    strict: bool
    serial: int
    length: int

    def __reduce__(self) -> Any:
        return intern, (self.name, self.args, self.step, self.low, self.strict)


Monomial: TypeAlias = frozenset[tuple[Atom, int]]
Terms: TypeAlias = dict[Monomial, Number]

ONE: Monomial = frozenset()

_ATOMS: WeakValueDictionary[Any, Atom] = WeakValueDictionary()
_LOCK = Lock()
_SERIAL = count()


def known(name: str, args: tuple[SymbolicExpression, ...]) -> Atom | None:
    """Return the function of these arguments if it exists already: its facts need not be worked out again."""
    return _ATOMS.get((name, tuple(arg.key for arg in args)))


def intern(
    name: str, args: tuple[SymbolicExpression, ...], step: Number | None, low: Number | None, strict: bool
) -> Atom:
    """Return the one atom with this name and these arguments, or, for a symbol, with these facts.

    Raises:
        FormulaError: It has more than `MOST_SYMBOLS` symbols.
    """
    key = (name, tuple(arg.key for arg in args)) if args else (name, step, low, strict)
    length = sum(arg.length for arg in args) or 1
    if length > MOST_SYMBOLS:
        found = f"{name} of {length:,} symbols"
        raise too_large(f"a function of a formula has at most {MOST_SYMBOLS:,} symbols", found)
    with _LOCK:
        atom = _ATOMS.get(key)
        if atom is None:
            atom = _ATOMS[key] = Atom(name, args, step, low, strict, next(_SERIAL), length)
    return atom


def too_large(bound: str, found: str) -> FormulaError:
    """Return the error that names a bound, what exceeds it, and the remedy."""
    return FormulaError(ErrorDetail(bound, found=found, help="give symbols values, or let fewer of them stay free"))


def atoms(terms: Iterable[Monomial]) -> set[Atom]:
    """Return the atoms that occur in the monomials, not those within the arguments of these."""
    return {atom for monomial in terms for atom, _ in monomial}


def _length(terms: Iterable[Monomial]) -> int:
    return sum([atom.length for monomial in terms for atom, _ in monomial])
