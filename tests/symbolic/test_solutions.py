"""The values of a symbol at which conditions hold, against each condition at each value."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.symbolic import Condition, Formula, floor, make_divisible, rounded, symbol
from convcost.symbolic.solutions import solutions

r = symbol("r", whole=True)
m = symbol("m", multiple_of=6)
x = symbol("x")


def atom(letter):
    return letter.atoms()[0]


def texts(letter, *conditions):
    found = solutions(atom(letter), [Condition(relation, formula) for relation, formula in conditions])
    return None if found is None else list(found.texts())


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([("nonnegative", r - 5)], ["r ≥ 5"]),
        ([("positive", r - 5), ("positive", r - 3)], ["r ≥ 6"]),
        ([("positive", r // 4 - 5)], ["r ≥ 24"]),  # ⌊r/4⌋ ≥ 6
        ([("nonnegative", 40 - r), ("nonnegative", r - 20)], ["r ≥ 20", "r ≤ 40"]),
        ([("nonnegative", 6 - r), ("nonnegative", r - 4)], ["r is 4, 5 or 6"]),
        ([("whole", r / 4), ("whole", r / 6)], ["r is a multiple of 12"]),
        ([("whole", 2 * r / 3)], ["r is a multiple of 3"]),
        ([("whole", (r + 1) / 2)], ["r mod 2 is 1"]),
        ([("fractional", r / 2)], ["r mod 2 is 1"]),
        ([("zero", r // 4 - 2 * (r // 8))], ["r mod 8 is 0, 1, 2 or 3"]),
        ([("nonzero", r - 7)], ["r is not 7"]),
        ([("nonzero", r - 1), ("nonzero", r - 2)], ["r ≥ 3"]),
        ([("nonzero", r - 7), ("positive", r - 8)], ["r ≥ 9"]),
        ([("whole", r / 4), ("nonzero", r - 7)], ["r is a multiple of 4"]),
        ([("whole", 48 / r), ("whole", 104 / r), ("nonzero", r - 1)], ["r is 2, 4 or 8"]),
        ([("positive", rounded(r / 4) - 2)], ["r ≥ 11"]),  # 10/4 is rounded to 2, the even one; 11/4 to 3
        ([("zero", r - 9)], ["r is 9"]),
        ([("zero", 2 * r - 9)], None),  # nowhere
        ([("positive", r * r - 9)], None),
        ([("positive", make_divisible(r, 8) - 9)], None),
        ([("whole", 10**11 / r)], None),
        ([("whole", r / 7919)], None),  # more classes than are looked at
    ],
)
def test_what_must_hold_in_the_symbols_own_terms(conditions, expected):
    assert texts(r, *conditions) == expected


def test_what_is_known_of_a_symbol_is_not_repeated():
    assert texts(m, ("positive", m - 20)) == ["m ≥ 24"]
    assert texts(m, ("whole", m / 4)) == ["m is a multiple of 12"]
    assert texts(m, ("whole", m / 3), ("nonnegative", m - 6)) == []
    assert texts(r, ("whole", r / 2), ("positive", r - 1)) == ["r is a multiple of 2"]


def test_a_symbol_that_conditions_put_on_a_grid():
    assert texts(x, ("whole", 32 * x), ("nonnegative", 32 * x - 1)) == ["x is a multiple of 1/32"]
    assert texts(x, ("whole", 32 * x), ("whole", 12 * x), ("positive", x - 1)) == [
        "x is a multiple of 1/4",
        "x ≥ 5/4",
    ]
    assert texts(x, ("positive", x - 1)) is None
    assert texts(x, ("whole", 32 * x), ("positive", floor(x) - 1)) == ["x is a multiple of 1/32", "x ≥ 2"]


LINEAR = st.builds(
    lambda c, d, b: c * ((r + b) // d),
    st.integers(-3, 3).filter(bool),
    st.sampled_from([1, 2, 3, 4, 8]),
    st.integers(-9, 9),
)
FORMULAS = st.builds(
    lambda parts, number, d: (sum(parts) + number) / d,
    st.lists(LINEAR, min_size=1, max_size=2),
    st.integers(-30, 30),
    st.sampled_from([1, 1, 2]),
)
RELATIONS = st.sampled_from(["positive", "nonnegative", "nonnegative", "zero", "nonzero", "whole", "fractional"])


@given(st.lists(st.tuples(RELATIONS, FORMULAS), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_the_values_are_those_at_which_each_condition_holds(conditions):
    asked = [Condition(relation, formula) for relation, formula in conditions if isinstance(formula, Formula)]
    found = solutions(atom(r), asked)
    if found is None:
        return
    for value in range(1, 250):
        assert (value in found) == all(condition.holds({"r": value}) for condition in asked)
    assert Fraction(1, 2) not in found
