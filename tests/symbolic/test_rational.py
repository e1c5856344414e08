"""The arithmetic of formulas against sympy, exact arithmetic at random points, and values worked by hand."""

from __future__ import annotations

import operator
import pickle
import re
from functools import reduce
from typing import Any

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_formulas import (
    ALL_TREES,
    FORMULA_OPERATIONS,
    FORMULAS,
    POINTS,
    RATIONAL,
    RATIONAL_TREES,
    SYMBOLS,
    Dk,
    F,
    M,
    N,
    formula_of,
    n,
    number_of,
    read,
    to_sympy,
    trees,
    value_of,
)

from convcost.symbolic import (
    Formula,
    NeedsValueError,
    maximum,
    total,
)
from convcost.symbolic.expression import ONE


@given(tree=ALL_TREES, point=POINTS)
@settings(max_examples=200)
def test_a_formula_has_the_value_of_the_arithmetic_it_was_made_by(tree: Any, point: dict[str, Any]) -> None:
    formula, number = formula_of(tree), number_of(tree, point)
    value = value_of(formula, point)
    assert value == number
    assert isinstance(value, int) == (number.denominator == 1) or not isinstance(formula, Formula)


@given(tree=RATIONAL_TREES)
@settings(max_examples=150)
def test_rational_arithmetic_agrees_with_sympy(tree: Any) -> None:
    formula = formula_of(tree)
    expected = sympy.sympify(read(tree, {name: sympy.Symbol(name) for name in SYMBOLS}, RATIONAL))
    assume(not expected.has(sympy.zoo, sympy.nan))
    assert sympy.cancel(to_sympy(formula) - expected) == 0


@given(p=trees("+ - *", leaves=4), q=trees("+ - *", leaves=4), common=trees("+ - *", leaves=3))
@settings(max_examples=100)
def test_a_fraction_is_in_lowest_terms_so_equal_ones_are_alike(p: Any, q: Any, common: Any) -> None:
    above, below, both = formula_of(p), formula_of(q), formula_of(common)
    assume(isinstance(below, Formula) and isinstance(both, Formula))
    plain = above / below
    extended = (above * both) / (below * both)
    assert plain == extended
    assert hash(plain) == hash(extended)
    if isinstance(plain, Formula) and plain.under is not None:
        top, under = (to_sympy(Formula(side, None)) for side in (plain.terms, plain.under))
        assert sympy.gcd(top, under) == 1
        assert sympy.cancel(top / under - to_sympy(above) / to_sympy(below)) == 0


@given(p=RATIONAL_TREES, q=RATIONAL_TREES)
@settings(max_examples=100)
def test_equal_formulas_are_equal_however_they_were_made(p: Any, q: Any) -> None:
    u, v = formula_of(p), formula_of(q)
    left, right = (u + v) * (u - v), u * u - v * v
    assert left == right
    assert hash(left) == hash(right)


@pytest.mark.parametrize("number", [3, F(3, 2), True])
@pytest.mark.parametrize("name", ["+", "-", "*", "/", "//", "%"])
def test_operators_take_numbers_on_both_sides(name: str, number: Any) -> None:
    operation = FORMULA_OPERATIONS[name]
    for size in (1, 2, 7):
        exact = operation if name != "/" else lambda p, q: F(p) / q
        assert value_of(operation(M, number), {"M": size}) == exact(size, number)
        assert value_of(operation(number, M), {"M": size}) == exact(number, size)


def test_a_result_without_symbols_is_a_plain_number() -> None:
    for value, expected in [
        (M - M, 0),
        (M * 0, 0),
        (M / M, 1),
        ((3 * M) / (2 * M), F(3, 2)),
        (M**0, 1),
        ((M + 1) / (2 * M + 2), F(1, 2)),
        ((M + 1) * (1 / (M + 1)), 1),
        ((M + 1) % (M + 1), 0),
        ((4 * M + 3) % 4, 3),
        ((M + F(1, 2)) - M, F(1, 2)),
        (M.substitute({"M": F(8, 4)}), 2),
    ]:
        assert type(value) is type(expected)
        assert value == expected


def test_floats_and_fractional_exponents_are_refused() -> None:
    for operation in (operator.add, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.lt):
        with pytest.raises(TypeError):
            operation(M, 0.5)
        with pytest.raises(TypeError):
            operation(0.5, M)
    with pytest.raises(ValueError, match="whole number, not 1/2"):
        M ** F(1, 2)
    with pytest.raises(TypeError, match="M must be an int"):
        M.evaluate({"M": float("nan")})


def test_a_division_by_zero_is_one() -> None:
    for divide in (lambda: M / 0, lambda: M / (M - M), lambda: 1 // (M - M), lambda: (1 / (M - 2)).evaluate({"M": 2})):
        with pytest.raises(ZeroDivisionError):
            divide()


def test_where_only_a_number_can_serve_the_symbol_is_named() -> None:
    for use in (lambda: range(M), lambda: [0] * M, lambda: 2**M, lambda: M**M, lambda: int(M), lambda: float(M)):
        with pytest.raises(NeedsValueError) as caught:
            use()
        assert caught.value.symbols == ("M",)
    with pytest.raises(NeedsValueError, match=re.escape("evaluate M·N: this needs values for M and N")):
        (M * N).evaluate({})


def test_a_formula_is_immutable_hashable_and_survives_pickling() -> None:
    formula = ((n - 1) // 2 + maximum(n, 3)) / (M + 1)
    with pytest.raises(AttributeError):
        formula.terms = {}
    again = pickle.loads(pickle.dumps(formula))
    assert again == formula
    assert again.key == formula.key
    assert len({formula, again, formula + 0}) == 1


def test_degrees_and_coefficients() -> None:
    formula = 3 * M**2 * N + M * N - 7 * N + (n // 2) * M
    assert formula.degree() == 3
    assert formula.degree("M") == 2
    assert formula.degree("N") == 1
    assert formula.degree("unknown") == 0
    assert formula.collect("M") == {2: 3 * N, 1: N + n // 2, 0: -7 * N}
    assert formula.coefficients("M", "N") == {(2, 1): 3, (1, 1): 1, (1, 0): n // 2, (0, 1): -7}
    assert (1 / N + 1 / Dk**2).collect("Dk") == {0: 1 / N, -2: 1}
    assert formula.symbols == ("M", "N", "n")
    with pytest.raises(ValueError, match="not a sum"):
        (1 / (M + N)).degree()


@given(RATIONAL_TREES, st.sampled_from(sorted(SYMBOLS)))
@settings(max_examples=100)
def test_collecting_by_a_symbol_loses_nothing(tree: Any, name: str) -> None:
    formula = formula_of(tree)
    assume(isinstance(formula, Formula) and formula.under is None)
    assert total(c * FORMULAS[name] ** k for k, c in formula.collect(name).items()) == formula
    powers = [m for m in formula.terms if m != ONE]
    assert formula.degree() == max(sum(k for _, k in m) for m in [*powers, *([ONE] if ONE in formula.terms else [])])


@given(st.lists(ALL_TREES, max_size=5))
@settings(max_examples=100)
def test_a_total_is_the_sum(items: list[Any]) -> None:
    values = [formula_of(tree) for tree in items]
    assert total(values) == reduce(operator.add, values, 0)


def test_fractions_with_different_denominators_are_brought_to_one():
    both = 1 / (M + 1) + 1 / (N + 1)
    assert both.evaluate({"M": 1, "N": 3}) == F(3, 4)  # 1/2 + 1/4
    assert str(both) == "(M + N + 2)/(M·N + M + N + 1)"
    assert str(1 / (M + 1) + 2 / (M + 1)) == "3/(M + 1)"
