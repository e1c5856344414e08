"""Comparisons of formulas: decided by facts, open, or decided at a witness and recorded."""

from __future__ import annotations

import operator
import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_formulas import (
    ALL_TREES,
    FORMULA_OPERATIONS,
    FORMULAS,
    NUMBERS,
    POINTS,
    F,
    M,
    N,
    a,
    formula_of,
    n,
    number_of,
    r,
    read,
    s,
    trees,
    value_of,
    x,
    y,
)

from convcost.symbolic import (
    Condition,
    NeedsValueError,
    assuming,
    make_divisible,
    symbol,
)
from convcost.symbolic.conditions import decided


@given(tree=ALL_TREES, other=NUMBERS | st.just("M"), point=POINTS)
@settings(max_examples=200)
def test_a_comparison_that_the_facts_decide_is_right_everywhere(tree: Any, other: Any, point: dict[str, Any]) -> None:
    left, right = formula_of(tree), formula_of(other)
    number, than = number_of(tree, point), number_of(other, point)
    for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        try:
            answer = compare(left, right)
        except NeedsValueError:
            continue
        assert answer == compare(number, than)


def test_facts_decide_comparisons() -> None:
    assert r >= 32
    assert r > 31
    assert not r < 32
    assert r != 5
    assert a > 0
    assert a >= F(1, 4)
    assert x > 0
    assert x != 0
    assert M * N + 1 > M
    assert M**2 >= M
    assert 2 * n != 5
    assert (M + 1) / (s + 1) > 0
    assert 1 / M > 0
    assert s - 1 / s > 0
    assert bool(M)
    assert M != "M"
    # what `same` pads for a 3 × 3 kernel with stride 2 and an input of unknown size
    assert (-(-M // 2) - 1) * 2 + 3 - M > 0


@pytest.mark.parametrize(
    ("question", "text", "symbols"),
    [
        (lambda: r > 32, "r > 32", ("r",)),
        (lambda: r // 2 < 100, "r < 200", ("r",)),
        (lambda: (n - 1) // 2 + 1 < 3, "⌊(n − 1)/2⌋ < 2", ("n",)),
        (lambda: M == N, "M = N", ("M", "N")),
        (lambda: M % N == 0, "M/N is whole", ("M", "N")),
        (lambda: (r // 2) % 12 != 0, "r/96 is whole", ("r",)),
        (lambda: not n, "n = 0", ("n",)),
        (lambda: n * M >= 2 * n * (M // 2), "M·n ≥ 2·n·⌊M/2⌋", ("M", "n")),  # not where n is negative
        (lambda: x % 1 == 0, "x is whole", ("x",)),
        (lambda: y / M > 1, "y > M", ("M", "y")),
    ],
)
def test_an_open_comparison_names_the_question_and_the_symbols(question: Any, text: str, symbols: Any) -> None:
    with pytest.raises(NeedsValueError) as caught:
        question()
    assert str(caught.value.condition) == text
    assert caught.value.symbols == symbols
    assert f"whether {text}" in str(caught.value)


@given(
    tree=trees("+ + - * // % / if if if_equal max", leaves=12),
    witness=POINTS,
    point=POINTS,
)
@settings(max_examples=250)
def test_what_was_derived_at_a_witness_holds_where_the_conditions_do(tree: Any, witness: Any, point: Any) -> None:
    branching = {**FORMULA_OPERATIONS, "max": max}  # Python's own max compares
    try:
        with assuming(witness) as conditions:
            formula = read(tree, FORMULAS, branching)
    except ZeroDivisionError:
        assume(False)
    assert conditions.failing(witness) is None
    if conditions.failing(point) is None:
        assert value_of(formula, point) == number_of(tree, point)


def test_a_layer_derived_at_a_witness_says_what_it_assumed() -> None:
    groups = symbol("g", whole=True)
    with assuming({"n": 224, "M": 64, "g": 4}) as conditions:
        if n + 2 < 3:
            pytest.fail("the kernel fits at the witness")
        if M % groups != 0:
            pytest.fail("the groups divide at the witness")
        weights = M // groups * 9  # whole, as was just assumed
        size = max(0, n - 2)
        assert n > 0
        assert n > 0
    assert [str(condition) for condition in conditions] == ["n ≥ 1", "M/g is whole", "n > 2", "n > 0"]
    assert (weights, size) == (9 * M / groups, n - 2)
    assert [condition.relation for condition in conditions] == ["nonnegative", "whole", "positive", "positive"]
    values = {"n": 7, "M": 12, "g": 3}
    assert conditions.failing(values) is None
    assert str(conditions.failing({**values, "g": 5})) == "M/g is whole"
    assert conditions.failing({**values, "g": 0}) is not None
    with pytest.raises(NeedsValueError):
        assert n > 0  # outside, it is open again


def test_the_opposite_of_what_does_not_hold_at_the_witness_is_recorded() -> None:
    with assuming({"n": 5, "M": 2}) as conditions:
        answers = [n > 5, n >= 6, n < 5, n == 4, n != 5, n % 2 == 0, n == M, y == 3]
    assert answers == [False, False, False, False, False, False, False, False]
    texts = ["n ≤ 5", "n < 6", "n ≥ 5", "n ≠ 4", "n = 5", "n/2 is not whole", "M ≠ n", "y ≠ 3"]
    assert [str(condition) for condition in conditions] == texts


def test_symbols_without_a_witness_stand_at_large_unequal_divisible_numbers_that_keep_their_facts() -> None:
    odd = symbol("odd", multiple_of=F(7, 3))
    with assuming() as conditions:
        assert N != M
        assert N > 10**6
        assert N % 24 == 0
        assert odd % 7 == 0
        assert n > 100
    assert conditions.witness == {
        "M": 5040 * 2**10,
        "N": 5040 * 2**11,
        "odd": 5040 * 2**12,
        "n": 5040 * 2**13,
    }


def test_a_witness_must_keep_the_facts() -> None:
    with assuming({"r": 225}), pytest.raises(ValueError, match=re.escape("r cannot be 225: r/32 is whole must hold")):
        assert r > 100


def test_contexts_nest_and_close() -> None:
    with assuming({"n": 5}) as outer:
        with assuming({"n": 1}) as inner:
            assert not n > 2
        assert n > 2
    assert [str(c) for c in outer] == ["n > 2"]
    assert [str(c) for c in inner] == ["n ≤ 2"]
    assert Condition("positive", n - 2) in outer
    assert Condition("positive", n - 2) == next(iter(outer))
    assert Condition("positive", n - 3) not in outer
    assert len(outer) == 1


def test_equal_conditions_are_recorded_once() -> None:
    with assuming({"M": 3, "N": 3, "n": 4}) as conditions:
        assert M == N
        assert N == M
        assert 2 * M / N == 2
        assert n / 16 > F(1, 8)
        assert n > 2
        assert n % 2 == 0
        assert (3 * n) % 2 == 0
    assert [str(condition) for condition in conditions] == ["M = N", "n > 2", "n/2 is whole"]


def test_facts_are_conditions_that_a_sweep_can_check() -> None:
    facts = sorted(map(str, (r * x + M).facts))
    assert facts == ["M is whole", "M ≥ 1", "r ≥ 32", "r/32 is whole", "x > 0"]
    fits = [fact.tester(["r"]) for fact in r.facts]
    assert [all(fact([size]) for fact in fits) for size in (0, 32, 33, 64)] == [False, True, False, True]


def test_a_condition_does_not_hold_where_a_function_has_no_value():
    condition = Condition("nonnegative", make_divisible(9, M - 5))
    assert [condition.holds({"M": size}) for size in (3, 5, 6)] == [False, False, True]
    assert [Condition("positive", 1 / (M - 2)).holds({"M": size}) for size in (1, 2, 3)] == [False, False, True]


def test_a_fraction_that_is_not_whole_stays_that_fraction():
    """Its denominator is no factor that a condition can go without: k + 1/8 is not whole, 8·k + 1 is."""
    x = symbol("x")
    with assuming({"x": 3}) as conditions:
        assert not (x + Fraction(1, 8)).is_integer()
    (condition,) = conditions
    assert str(condition) == "x + 1/8 is not whole"
    assert condition.holds({"x": 3})
    assert not condition.holds({"x": Fraction(7, 8)})


def test_a_constant_off_the_grid_keeps_a_formula_from_being_whole():
    k, r = symbol("k", whole=True), symbol("r", multiple_of=32)
    assert decided("whole", k + Fraction(1, 8)) is False
    assert decided("whole", k / 2 + Fraction(1, 2)) is None  # where k is odd
    assert decided("whole", r / 16 + Fraction(1, 2)) is False
    assert decided("whole", k / 2 + Fraction(1, 3)) is False


def test_a_quotient_between_0_and_1_is_not_whole():
    g, n = symbol("g", whole=True, minimum=49), symbol("n", whole=True)
    assert decided("whole", 48 / g) is False
    assert decided("whole", 49 / g) is None  # 1 where g is 49
    assert decided("whole", n / g) is None
    assert decided("whole", n / (n + 1)) is False
    assert decided("whole", -48 / g) is None


def test_a_block_within_another_of_the_same_conditions_ends_only_itself():
    r = symbol("r", whole=True)
    with assuming({"r": 224}) as conditions:
        with conditions:
            assert r > 7
        assert r > 9
    assert [str(each) for each in conditions] == ["r > 7", "r > 9"]
    with pytest.raises(NeedsValueError):
        r > 11  # noqa: B015 -- outside, where it is open
