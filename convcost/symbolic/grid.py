"""The values of formulas at all points of a grid, by one Python function that is generated and compiled once.

Its loops are nested, one for each symbol. What one symbol alone decides is looked up in a table; a coefficient is
worked out in the outermost loop that knows all it depends on, so that the innermost loop only adds products of numbers.
All arithmetic is of integers: tables are scaled by the denominators of their values. The source holds numbers and
names that are made here (`b0_1`, `s2`), never a text of a spec.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import lcm
from types import CodeType, FunctionType
from typing import Any

from msgspec import Struct

from convcost.numbers import FUNCTIONS, Number
from convcost.symbolic.conditions import Condition
from convcost.symbolic.division import one_fraction
from convcost.symbolic.evaluation import evaluator
from convcost.symbolic.expression import Atom, Monomial, SymbolicExpression, Terms

MOST_LOOPS = 12  # nested; Python allows 20 blocks, and symbols before the last ones share the outermost loop
_LARGEST_SCALE = 1 << 128  # of a table; of larger ones each point divides

Items = Mapping[tuple[tuple[str, ...], ...], int]
"""A polynomial: coefficients by the variables that are multiplied, those of each loop apart."""


class GridAxis(Struct, frozen=True):
    """The values of a symbol, and those where formulas may hold as far as this symbol alone decides."""

    name: str
    values: Sequence[Any]
    fits: Sequence[bool]


class GridFunction:
    """Formulas at all points of a grid.

    Args:
        axes: The symbols; the last varies fastest.
        formulas: The formulas, or numbers.
        conditions: What must hold at a point for it to have values.

    Attributes:
        source: The Python source of the function.

    >>> from convcost.symbolic import symbol
    >>> a, r = symbol("a"), symbol("r", whole=True)
    >>> axes = [GridAxis("a", [Fraction(1, 2), 1], [True] * 2), GridAxis("r", [4, 5, 6], [True, False, True])]
    >>> GridFunction(axes, [6 * a * r**2, a * (r // 4)], [])([(0, 2), (0, 3)])
    [(48, Fraction(1, 2)), None, (108, Fraction(1, 2)), (96, 1), None, (216, 1)]
    """

    def __init__(
        self,
        axes: Sequence[GridAxis],
        formulas: Sequence[SymbolicExpression | Number],
        conditions: Sequence[Condition],
    ) -> None:
        writer = _Writer(axes)
        for condition in conditions:
            writer.require(condition)
        results = [writer.result(formula) for formula in formulas]
        self.tables = writer.filled_tables()
        self.source = writer.source(results)
        module = compile(self.source, "<formulas>", "exec")
        code = next(each for each in module.co_consts if isinstance(each, CodeType))
        self._run = FunctionType(code, _NAMES)

    def __call__(self, box: Sequence[tuple[int, int]]) -> list[Any]:
        """Return the values at the points of a box, None where a condition does not hold.

        Args:
            box: The first place, and the one after the last, of the values of each axis.
        """
        tables = [table[start:end] for table, (start, end) in zip(self.tables, box, strict=True)]
        found: list[Any] = []
        self._run(tables, found.extend, found.append)
        return found


def _quotient(above: Number, below: Number) -> Number:
    """Return an exact quotient, an int where it is whole."""
    whole, rest = divmod(above, below)
    return Fraction(above) / below if rest else whole


_NAMES: dict[str, Any] = {
    "__builtins__": {"len": len, "ValueError": ValueError, "ZeroDivisionError": ZeroDivisionError},
    "product": product,
    "quotient": _quotient,
    **{f"do_{name}": function for name, function in FUNCTIONS.items()},
}
"""All that the generated function can name."""


class _Writer:
    """The source of the function, loop by loop."""

    def __init__(self, axes: Sequence[GridAxis]) -> None:
        self.axes = axes
        self.places = {axis.name: place for place, axis in enumerate(axes)}
        self.loops = min(len(axes), MOST_LOOPS)
        self.lines: list[list[str]] = [[] for _ in range(self.loops)]
        self.constant = True  # whether all conditions that depend on no symbol hold
        self._factors: list[dict[Monomial, tuple[str, int]]] = [{} for _ in axes]
        self._columns: list[list[list[int | None]]] = [[] for _ in axes]
        self._calls: dict[Atom, str] = {}
        self._sums: dict[tuple[int, frozenset[Any]], str] = {}
        self._fits = [list(axis.fits) for axis in axes]

    # --- what is computed ---

    def require(self, condition: Condition) -> None:
        """Write the test of a condition in the outermost loop that can make it."""
        (above, scale_above), (below, scale_below) = self._fraction(condition.formula, exact=True)
        loop = max(_loop(above), _loop(below))
        test = _TESTS[condition.relation](
            _times(self._sum(above, loop), scale_below), _times(self._sum(below, loop), scale_above)
        )
        if loop < 0:  # a comparison of numbers
            holds = FunctionType(compile(test, "<condition>", "eval"), _NAMES)()
            self.constant = self.constant and bool(holds)
        else:
            self.lines[loop].append(f"if not ({test}): {self._skip(loop)}")

    def result(self, formula: SymbolicExpression | Number) -> str:
        """Return the expression of a formula's value in the innermost loop."""
        if not isinstance(formula, SymbolicExpression):
            return f"quotient({formula.numerator}, {formula.denominator})"
        (above, scale_above), (below, scale_below) = self._fraction(formula)
        last = self.loops - 1
        top = _times(self._sum(above, last), scale_below)
        if _loop(below) < 0:
            divisor = self._constant(below) * scale_above
            if divisor == 1 and not any(atom.args and atom.name in _MAYBE_FRACTIONS for atom in formula.atoms()):
                return top
            return _divided(top, str(divisor))
        return f"quotient({top}, {_times(self._sum(below, last), scale_above)})"

    def _fraction(self, formula: SymbolicExpression, *, exact: bool = False) -> tuple[tuple[Items, int], ...]:
        """Return a formula as a quotient of two polynomials, each with what it is multiplied with to be whole."""
        if formula.under is None and (whole := self._polynomial(formula.terms)) is not None:
            return whole, ({((),) * self.loops: 1}, 1)
        above, below = (self._polynomial(terms, bounded=False) for terms in one_fraction(formula.terms, formula.under))
        assert above is not None
        assert below is not None
        return above, below

    def _polynomial(self, terms: Terms, *, bounded: bool = True) -> tuple[Items, int] | None:
        """Return a polynomial and its scale, None where it divides by what has no small common multiple."""
        found: dict[tuple[tuple[str, ...], ...], Number] = {}
        for monomial, coefficient in terms.items():
            key: list[list[str]] = [[] for _ in range(self.loops)]
            by_axis: dict[int, list[tuple[Atom, int]]] = {}
            for atom, power in monomial:
                places = self._axes_of(atom)
                if len(places) == 1:
                    by_axis.setdefault(places[0], []).append((atom, power))
                elif power < 0:
                    return None
                else:
                    key[self._loop_of(places[-1])] += [self._call(atom)] * power
            for place, factor in by_axis.items():
                name, scale = self._factor(place, frozenset(factor))
                if bounded and scale > _LARGEST_SCALE:
                    return None
                key[self._loop_of(place)].append(name)
                coefficient = Fraction(coefficient) / scale
            variables = tuple([tuple(sorted(each)) for each in key])
            found[variables] = found.get(variables, 0) + coefficient
        scale = lcm(*[Fraction(value).denominator for value in found.values()])
        return {key: int(value * scale) for key, value in found.items() if value}, scale

    def _factor(self, place: int, factor: Monomial) -> tuple[str, int]:
        """Return the variable of a product that one symbol alone decides, and what its table was multiplied with."""
        known = self._factors[place].get(factor)
        if known is not None:
            return known
        axis = self.axes[place]
        program = evaluator(SymbolicExpression({factor: 1}, None), [axis.name])
        column: list[Any] = []
        for at, value in enumerate(axis.values):
            try:
                column.append(program((value,)) if self._fits[place][at] else None)
            except (ZeroDivisionError, ValueError):  # of a function of what it does not take: a condition forbids it
                self._fits[place][at] = False
                column.append(None)
        scale = lcm(*[each.denominator for each in column if each is not None])
        name = f"b{place}_{len(self._columns[place])}"
        self._columns[place].append([None if each is None else int(each * scale) for each in column])
        self._factors[place][factor] = name, scale
        return name, scale

    def _call(self, atom: Atom) -> str:
        """Return the variable of a function of several symbols."""
        if atom in self._calls:
            return self._calls[atom]
        loop = self._loop_of(self._axes_of(atom)[-1])
        args = []
        for arg in atom.args:
            (above, scale_above), (below, scale_below) = self._fraction(arg)
            args.append(
                (_times(self._sum(above, loop), scale_below), _times(self._sum(below, loop), scale_above)),
            )
        name = f"f{len(self._calls)}"
        if atom.name == "floor":
            call = f"({args[0][0]}) // ({args[0][1]})"
        else:
            call = f"do_{atom.name}({', '.join(f'quotient({above}, {below})' for above, below in args)})"
        self._calls[atom] = name
        self.lines[loop] += [
            "try:",
            f"    {name} = {call}",
            "except (ZeroDivisionError, ValueError):",
            f"    {self._skip(loop)}",
        ]
        return name

    def _sum(self, items: Items, loop: int) -> str:
        """Return the expression of a polynomial in a loop, with its coefficients worked out in the loops around."""
        while loop >= 0 and not any(key[loop] for key in items):
            loop -= 1
        if loop < 0:
            return str(self._constant(items))
        known = loop, frozenset(items.items())
        if known in self._sums:
            return self._sums[known]
        groups: dict[tuple[str, ...], dict[tuple[tuple[str, ...], ...], int]] = {}
        for key, coefficient in items.items():
            groups.setdefault(key[loop], {})[(*key[:loop], (), *key[loop + 1 :])] = coefficient
        parts = ["*".join([self._sum(rest, loop - 1), *names]) for names, rest in groups.items()]
        expression = _added([part.removeprefix("1*") for part in parts])
        if loop == self.loops - 1:
            return expression
        name = self._sums[known] = f"s{len(self._sums)}"
        self.lines[loop].append(f"{name} = {expression}")
        return name

    def _constant(self, items: Items) -> int:
        return sum(items.values())

    def _axes_of(self, atom: Atom) -> list[int]:
        """Return the places of the symbols on which an atom depends."""
        names = {name for arg in atom.args for name in arg.symbols} if atom.args else {atom.name}
        return sorted([self.places[name] for name in names])

    def _loop_of(self, place: int) -> int:
        return max(0, place - (len(self.axes) - self.loops))

    # --- the text ---

    def filled_tables(self) -> list[list[Any]]:
        """Return a row for each value of each axis, None where formulas do not hold."""
        found: list[list[Any]] = []
        for columns, fits in zip(self._columns, self._fits, strict=True):
            rows = zip(*columns, strict=True) if columns else [()] * len(fits)
            found.append([row if fit and self.constant else None for row, fit in zip(rows, fits, strict=True)])
        return found

    def source(self, results: Sequence[str]) -> str:
        """Return the function's text."""
        count = len(self.axes)
        text = ["def run(tables, extend, append):", f"    {', '.join(f't{at}' for at in range(count))}, = tables"]
        for loop in reversed(range(self.loops)):
            inner = f"len(t{count - self.loops + loop + 1}) * n{loop + 1}" if loop < self.loops - 1 else "1"
            text.append(f"    n{loop} = {inner}")
        value = f"({', '.join(results)},)"
        for loop in range(self.loops):
            indent = "    " * (loop + 1)
            places = [place for place in range(count) if self._loop_of(place) == loop]
            if loop == self.loops - 1 and self._is_plain(places):
                (place,) = places
                text.append(f"{indent}extend([{value} for {self._row(place)} in t{place}])")
                return "\n".join(text) + "\n"
            text += [indent + line for line in self._loop_head(places)]
            text += [f"{indent}    {line}" for place in places for line in self._unpacking(place, loop)]
            text += [f"{indent}    {line}" for line in self.lines[loop]]
        text.append("    " * (self.loops + 1) + f"append({value})")
        return "\n".join(text) + "\n"

    def _is_plain(self, places: Sequence[int]) -> bool:
        """Return whether the innermost loop tests nothing."""
        return len(places) == 1 and not self.lines[-1] and self.constant and all(self._fits[places[0]])

    def _loop_head(self, places: Sequence[int]) -> list[str]:
        if len(places) == 1:
            return [f"for r{places[0]} in t{places[0]}:"]
        rows, tables = (", ".join(f"{letter}{place}" for place in places) for letter in "rt")
        return [f"for {rows} in product({tables}):"]

    def _unpacking(self, place: int, loop: int) -> list[str]:
        names = self._row(place)
        test = [] if all(self._fits[place]) and self.constant else [f"if r{place} is None: {self._skip(loop)}"]
        return [*test, *([f"{names} = r{place}"] if names != "_" else [])]

    def _row(self, place: int) -> str:
        """Return the variables of a row of a table."""
        names = [f"b{place}_{column}" for column in range(len(self._columns[place]))]
        return f"({', '.join(names)},)" if names else "_"

    def _skip(self, loop: int) -> str:
        """Return the code that leaves the rest of a loop's points without values."""
        return f"extend((None,) * n{loop}); continue"


_MAYBE_FRACTIONS = ("min", "max", "make_divisible")
"""Functions whose values need not be whole."""

_TESTS: Mapping[str, Callable[[str, str], str]] = {
    "positive": lambda above, below: f"{_signed(above, below)} > 0",
    "nonnegative": lambda above, below: f"({below}) and {_signed(above, below)} >= 0",
    "zero": lambda above, below: f"({below}) and ({above}) == 0",
    "nonzero": lambda above, below: f"({below}) and ({above}) != 0",
    "whole": lambda above, below: f"({below}) and ({above}) % ({below}) == 0",
    "fractional": lambda above, below: f"({below}) and ({above}) % ({below}) != 0",
}
"""The tests of conditions, of a numerator and a denominator."""


def _loop(items: Items) -> int:
    """Return the innermost loop on which a polynomial depends, -1 for none."""
    return max([loop for key in items for loop, names in enumerate(key) if names], default=-1)


def _times(expression: str, factor: int) -> str:
    if expression.removeprefix("-").isdecimal():
        return str(int(expression) * factor)
    return expression if factor == 1 else f"({expression})*{factor}"


def _divided(above: str, below: str) -> str:
    """Return an exact quotient, which as a rule is whole."""
    return f"(x // {below} if not (x := {above}) % {below} else quotient(x, {below}))"


def _signed(above: str, below: str) -> str:
    """Return an expression with the sign of a quotient."""
    return f"({above})" if below.isdecimal() and int(below) else f"({above}) * ({below})"


def _added(parts: Sequence[str]) -> str:
    """Return a sum as a tree of few levels, as the compiler takes no deep ones."""
    if len(parts) <= 8:
        return "(" + " + ".join(parts) + ")"
    middle = len(parts) // 2
    return f"({_added(parts[:middle])} + {_added(parts[middle:])})"
