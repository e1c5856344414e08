"""Random formulas: nested tuples, read as formulas, as numbers or by sympy."""

from __future__ import annotations

import math
import operator
from fractions import Fraction
from typing import Any

import sympy
from hypothesis import assume
from hypothesis import strategies as st

from convcost.numbers import make_divisible as numeric_make_divisible
from convcost.symbolic import (
    Formula,
    ceil,
    floor,
    make_divisible,
    maximum,
    minimum,
    rounded,
    symbol,
)

F = Fraction

# each symbol with its facts, and the numbers that satisfy them
SYMBOLS = {
    "M": (symbol("M", whole=True), st.integers(1, 40)),
    "a": (symbol("a", multiple_of=F(1, 4)), st.integers(1, 12).map(lambda n: F(n, 4))),
    "n": (symbol("n", whole=True, positive=False), st.integers(-20, 20)),
    "r": (symbol("r", multiple_of=32), st.integers(1, 9).map(lambda n: 32 * n)),
    "s": (symbol("s", whole=True, minimum=3), st.integers(3, 9)),
    "x": (symbol("x"), st.fractions(F(1, 12), 30, max_denominator=12)),
    "y": (symbol("y", positive=False), st.fractions(-9, 9, max_denominator=6)),
}
FORMULAS = {name: formula for name, (formula, _) in SYMBOLS.items()}
POINTS = st.fixed_dictionaries({name: values for name, (_, values) in SYMBOLS.items()})

M, a, n, r, s, x, y = (FORMULAS[name] for name in "Manrsxy")
N, Dk, Dp = symbol("N", whole=True), symbol("Dk", whole=True), symbol("Dp", whole=True)


# --- random expressions: nested tuples, read as formulas, as numbers or by sympy ---

NUMBERS = st.integers(-6, 9) | st.fractions(-4, 6, max_denominator=8)
LEAVES = st.sampled_from(sorted(SYMBOLS)) | NUMBERS
RATIONAL = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
FORMULA_OPERATIONS: dict[str, Any] = {
    **RATIONAL,
    "//": operator.floordiv,
    "%": operator.mod,
    "floor": floor,
    "ceil": ceil,
    "round": rounded,
    "max": maximum,
    "min": minimum,
    "make_divisible": make_divisible,
    "if": lambda p, q, u, v: u if p > q else v,
    "if_equal": lambda p, q, u, v: u if p == q else v,
}
NUMBER_OPERATIONS: dict[str, Any] = {
    **FORMULA_OPERATIONS,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
    "max": max,
    "min": min,
    "make_divisible": numeric_make_divisible,
}


def trees(names: str, *, leaves: int = 7) -> st.SearchStrategy[Any]:
    """Expressions from the operations of these names."""
    arity = {"floor": 1, "ceil": 1, "round": 1, "**": 1, "if": 4, "if_equal": 4}

    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        def node(name: str) -> st.SearchStrategy[Any]:
            if name == "**":
                return st.tuples(st.just(name), inner, st.integers(-2, 3))
            if name == "make_divisible":
                return st.tuples(st.just(name), inner, st.sampled_from([1, 4, 8]))
            return st.tuples(st.just(name), *[inner] * arity.get(name, 2))

        return st.sampled_from(names.split()).flatmap(node)

    return st.recursive(LEAVES, grown, max_leaves=leaves)


RATIONAL_TREES = trees("+ + - * * / **", leaves=6)
ALL_TREES = trees("+ + - * * / // // % ** floor ceil round max min make_divisible")


def read(tree: Any, symbols: dict[str, Any], operations: dict[str, Any]) -> Any:
    """Work out an expression, exactly: 1 / 2 of two ints is a fraction."""
    if isinstance(tree, str):
        return symbols[tree]
    if not isinstance(tree, tuple):
        return tree
    name, *rest = tree
    if name == "**":
        base = read(rest[0], symbols, operations)
        return (F(base) if isinstance(base, int) else base) ** rest[1]
    args = [read(arg, symbols, operations) for arg in rest]
    if name == "/" and isinstance(args[0], int):
        args[0] = F(args[0])
    return operations[name](*args)


def formula_of(tree: Any) -> Any:
    try:
        return read(tree, FORMULAS, FORMULA_OPERATIONS)
    except ZeroDivisionError:
        assume(False)


def number_of(tree: Any, point: dict[str, Any]) -> Any:
    try:
        return read(tree, point, NUMBER_OPERATIONS)
    except ZeroDivisionError:
        assume(False)


def value_of(formula: Any, point: dict[str, Any]) -> Any:
    return formula.evaluate(point) if isinstance(formula, Formula) else formula


def to_sympy(value: Any) -> Any:
    return sympy.sympify(value) if isinstance(value, Formula) else sympy.Rational(value.numerator, value.denominator)
