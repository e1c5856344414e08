"""How a comparison of formulas comes out: by their facts, or at a witness point, and then its condition is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from fractions import Fraction
from math import lcm

from msgspec import Struct

from convcost.numbers import NUMBERS, Number
from convcost.symbolic.algebra import bounded, content, exact, gather, leading, primitive, scaled, spend
from convcost.symbolic.evaluation import evaluate, evaluator
from convcost.symbolic.expression import ONE, Atom, NeedsValueError
from convcost.symbolic.facts import cleared, is_whole, sign, step_of
from convcost.symbolic.rational import R, Rational, Value, of_atom
from convcost.symbolic.text import Unicode

TESTS: dict[str, Callable[[Number], bool]] = {
    "positive": lambda x: x > 0,
    "nonnegative": lambda x: x >= 0,
    "zero": lambda x: x == 0,
    "nonzero": lambda x: x != 0,
    "whole": lambda x: x.denominator == 1,
    "fractional": lambda x: x.denominator != 1,
}
_OPPOSITE = {"zero": "nonzero", "nonzero": "zero", "whole": "fractional", "fractional": "whole"}
_SIGNS = {"positive": ">", "nonnegative": "≥", "zero": "=", "nonzero": "≠"}


class Condition(Struct, frozen=True, eq=False):
    """What must hold of a formula: `r − 48` is `nonnegative`, `M/g` is `whole`.

    Attributes:
        relation: `positive`, `nonnegative`, `zero`, `nonzero`, `whole` or `fractional` (not whole).
        formula: Of what.

    >>> from convcost.symbolic import symbol
    >>> M, g = symbol("M", whole=True), symbol("g", whole=True)
    >>> condition = Condition("whole", M / g)
    >>> print(condition, condition.holds({"M": 12, "g": 4}), condition.holds({"M": 12, "g": 5}))
    M/g is whole True False
    """

    relation: str
    formula: Rational

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the symbols in it, by the alphabet."""
        return self.formula.symbols

    def holds(self, values: Mapping[str, Number]) -> bool:
        """Return whether it holds at a point; it does not where the formula has no value, as by a division by zero."""
        names = self.formula.symbols
        return self.tester(names)([values[name] for name in names])

    def tester(self, names: Sequence[str]) -> Callable[[Sequence[Number]], bool]:
        """Return a function that says at once of many points, each the values of `names`, whether it holds."""
        test, value = TESTS[self.relation], evaluator(self.formula, names)

        def holds(point: Sequence[Number]) -> bool:
            try:
                return test(value(point))
            except (ZeroDivisionError, ValueError):  # of a function of what it does not take
                return False

        return holds

    def __str__(self) -> str:
        formula = self.formula
        if self.relation == "whole":
            return f"{formula} is whole"
        if self.relation == "fractional":
            return f"{formula} is not whole"
        if formula.under is not None:
            return f"{formula} {_SIGNS[self.relation]} 0"
        writer = Unicode(formula)
        left = writer.sum({m: c for m, c in formula.terms.items() if c > 0})
        right = writer.sum({m: -c for m, c in formula.terms.items() if c < 0})
        if all(c < 0 for m, c in formula.terms.items() if m):
            return f"{right} {_SIGNS[self.relation].translate({62: '<', 8805: '≤'})} {left}"
        return f"{left} {_SIGNS[self.relation]} {right}"

    def __eq__(self, other: object) -> bool:
        # by structure: the equality of formulas is itself a question that may stay open
        return isinstance(other, Condition) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self.relation, self.formula.key


def normal(relation: str, formula: Rational) -> Condition:
    """Return a condition in its normal form: least whole coefficients, and no negative exponents."""
    if formula.under is not None or relation in ("whole", "fractional"):
        return Condition(relation, formula)
    if relation in ("zero", "nonzero"):
        part = _fractional_part(formula)
        if part is not None:
            return Condition("whole" if relation == "zero" else "fractional", part)
    terms = primitive(cleared(formula.terms) or formula.terms)
    if relation in ("zero", "nonzero") and leading(terms) < 0:
        terms = scaled(terms, -1)
    return Condition(relation, formula.__class__(terms, None))


def _fractional_part(formula: R) -> Rational | None:
    """Return x where the formula is x − ⌊x⌋ times something: a remainder, which is zero where x is whole."""
    kind = formula.__class__
    for monomial, c in formula.terms.items():
        for atom, n in monomial:
            if atom.name == "floor" and atom.args and n == 1:
                arg = kind(atom.args[0].terms, atom.args[0].under)
                factor = kind({monomial - {(atom, 1)}: -c}, None)
                rest = factor * (arg - of_atom(kind, atom)) - formula
                if not isinstance(rest, Rational) and rest == 0:
                    return arg
    return None


def facts_of(kind: type[Rational], atom: Atom) -> list[Condition]:
    """Return the facts of a symbol as conditions."""
    found = []
    if atom.step is not None:
        found.append(Condition("whole", kind({frozenset([(atom, 1)]): exact(1 / Fraction(atom.step))}, None)))
    if atom.low is not None:
        above = kind(gather({ONE: -atom.low} if atom.low else {}, of_atom(kind, atom).terms.items()), None)
        found.append(Condition("positive" if atom.strict else "nonnegative", above))
    return found


def decided(relation: str, formula: Rational) -> bool | None:
    """Return whether the relation holds for all values that the facts of the symbols allow, None where that is open."""
    terms, under = formula.terms, formula.under
    spend(len(terms))
    if relation == "whole":
        if under is None and is_whole(terms):
            return True
        return False if _off_grid(formula, 1) or _within_unit(formula) else None
    above = sign(terms, under)
    if relation == "positive" and above:
        return True
    if relation == "nonnegative" and above is not None:
        return True
    below = sign(scaled(terms, -1), under)
    if relation == "positive":
        return None if below is None else False
    if relation == "nonnegative":
        return False if below else None
    if above or below or _off_grid(formula):
        return relation == "nonzero"
    return None


def _off_grid(formula: Rational, unit: Number = 0) -> bool:
    """Return whether the constant keeps the formula from the multiples of a unit.

    For a whole r, 2r − 5 is not zero, and r + 1/2 is not whole, a multiple of 1.
    """
    constant = formula.terms.get(ONE)
    if constant is None or formula.under is not None:
        return False
    step = step_of({m: c for m, c in formula.terms.items() if m})
    if step is None:
        return False
    return Fraction(constant, content([step, unit]) if unit else step).denominator != 1


def _within_unit(formula: Rational) -> bool:
    """Return whether a quotient by symbols is known to lie between 0 and 1: 48/g for g above 48."""
    if formula.under is None and all(n > 0 for monomial in formula.terms for _, n in monomial):
        return False
    below_one = 1 - formula
    return (
        sign(formula.terms, formula.under) is True
        and isinstance(below_one, Rational)
        and sign(below_one.terms, below_one.under) is True
    )


class Assumptions:
    """The conditions under which what was computed inside `assuming` holds, in the order in which they were met.

    Args:
        witness: The value at which an open question about a symbol is decided, by the symbol's name.
    """

    GENERIC = 5040 * 2**10
    """Where symbols without a witness stand: the first that is met at the least multiple of this and of its own
    `multiple_of` that its facts allow, each later one at twice the multiple before it. They are large, unequal and have
    small divisors."""

    def __init__(self, witness: Mapping[str, Number]) -> None:
        self.witness = dict(witness)
        self._recorded: dict[Condition, None] = {}
        self._answers: dict[tuple[str, object], bool] = {}
        self._next = self.GENERIC
        self._contexts: list[ExitStack] = []  # one for each block that is entered, also within another

    def __iter__(self) -> Iterator[Condition]:
        return iter(self._recorded)

    def __len__(self) -> int:
        return len(self._recorded)

    def __contains__(self, condition: object) -> bool:
        return condition in self._recorded

    def failing(self, values: Mapping[str, Number]) -> Condition | None:
        """Return the first condition that does not hold at a point, None where all do."""
        return next((condition for condition in self if not condition.holds(values)), None)

    def answer(self, relation: str, formula: Rational) -> bool:
        """Answer by the facts of the symbols, else at the witness; a question met again is not worked out again."""
        question = relation, formula.key
        answer = self._answers.get(question)
        if answer is None:
            answer = decided(relation, formula)
            answer = self.decide(relation, formula) if answer is None else answer
            self._answers[question] = answer
        return answer

    def decide(self, relation: str, formula: Rational) -> bool:
        """Answer at the witness, and record the answer."""
        answer = TESTS[relation](exact(Fraction(self.at_witness(formula))))
        if not answer and relation in _OPPOSITE:
            relation = _OPPOSITE[relation]
        elif not answer:
            relation = "nonnegative" if relation == "positive" else "positive"
            formula = type(formula)(scaled(formula.terms, -1), formula.under)
        self._recorded[normal(relation, formula)] = None
        return answer

    def at_witness(self, formula: Rational) -> Number:
        """Return a formula's value at the witness."""
        for atom in formula.atoms():
            if not atom.args:
                check_value(formula.__class__, atom, self._value(atom))
        return evaluate(formula, self.witness)

    def _value(self, atom: Atom) -> Number:
        if atom.name not in self.witness:
            step = lcm(self._next, (atom.step or 1).numerator)
            self.witness[atom.name] = max(1, -(-(atom.low or 0) // step)) * step
            self._next *= 2
        return self.witness[atom.name]

    def __enter__(self) -> Assumptions:
        context = ExitStack()
        context.enter_context(bounded())
        context.callback(_CURRENT.reset, _CURRENT.set(self))
        self._contexts.append(context)
        return self

    def __exit__(self, *exc: object) -> None:
        self._contexts.pop().close()


_CURRENT: ContextVar[Assumptions | None] = ContextVar("assumptions", default=None)


def assuming(witness: Mapping[str, Number] | None = None) -> Assumptions:
    """Decide open comparisons of formulas at a witness point, and record the condition of each.

    Everything computed inside holds exactly at each point where all recorded conditions hold and the symbols keep their
    facts (`Formula.facts`). Without it an open comparison raises `NeedsValueError`. It holds for the code that runs in
    the same thread, or in tasks that this starts.

    >>> from convcost.symbolic import symbol
    >>> r = symbol("r", whole=True)
    >>> with assuming({"r": 224}) as conditions:
    ...     size = max(0, r - 2) // 2 if r > 7 else 0
    >>> size, [str(condition) for condition in conditions]
    (⌊r/2⌋ − 1, ['r > 7', 'r > 2'])
    >>> str(conditions.failing({"r": 5}))
    'r > 7'

    Args:
        witness: The values of the symbols, by name, as a rule their defaults; a symbol that is not there stands at a
            large number (`Assumptions.GENERIC`).
    """
    return Assumptions(witness or {})


def decide(relation: str, formula: Rational) -> bool:
    """Return whether the relation holds.

    Raises:
        NeedsValueError: The facts leave it open, outside of `assuming`.
    """
    current = _CURRENT.get()
    if current is not None:
        return current.answer(relation, formula)
    answer = decided(relation, formula)
    if answer is not None:
        return answer
    condition = normal(relation, formula)
    raise NeedsValueError(f"whether {condition} cannot be decided", condition.symbols, condition)


def holds(relation: str, value: Value) -> bool:
    """Return whether the relation holds of a number, or of a formula as `decide` has it."""
    return decide(relation, value) if isinstance(value, Rational) else TESTS[relation](value)


def check_value(kind: type[Rational], atom: Atom, value: Value) -> None:
    """Raise `ValueError` where the value that takes a symbol's place contradicts a fact of the symbol."""
    if not isinstance(value, (Rational, *NUMBERS)):
        raise TypeError(f"{atom.name} must be an int, a Fraction or a Formula, not {type(value).__name__}")
    step_holds = atom.step is None or holds("whole", value / Fraction(atom.step))
    low_holds = atom.low is None or holds("positive" if atom.strict else "nonnegative", value - atom.low)
    if not (step_holds and low_holds):
        broken = facts_of(kind, atom)[0 if not step_holds else -1]
        raise ValueError(f"{atom.name} cannot be {value}: {broken} must hold")


def requires(relation: str, value: Value) -> bool:
    """Return whether what an operation demands holds; what is open outside `assuming` shows when it is evaluated."""
    return not isinstance(value, Rational) or _CURRENT.get() is None or decide(relation, value)


def assumed(relation: str, formula: Rational) -> bool:
    """Return whether the code runs inside an `assuming` that recorded this condition."""
    current = _CURRENT.get()
    return current is not None and Condition(relation, formula) in current
