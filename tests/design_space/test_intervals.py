"""Bounds of formulas over boxes, compared with the values at all points."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest

from convcost.design_space.intervals import UnboundedError, always, bounds, combinations
from convcost.design_space.task import SweepAxis
from convcost.symbolic import Condition, ceil, floor, gcd, maximum, minimum, rounded, symbol

A, B = symbol("a", whole=True, minimum=-9), symbol("b", whole=True)
BOX = {"a": [-3, 2, 5], "b": [1, 4, 7]}


@pytest.mark.parametrize(
    ("formula", "low", "high"),
    [  # what is known of each symbol alone: a from −3 to 5, b from 1 to 7
        (A + B, -3 + 1, 5 + 7),
        (A - B, -3 - 7, 5 - 1),
        (A * B, -3 * 7, 5 * 7),
        (A**2 * B, 0, 25 * 7),  # 0 lies between −3 and 5
        (A**3, -27, 125),
        (B**2 - A**2, 1 - 25, 49 - 0),
        (A / B, -3, 5),
        (A / B**2, -3, 5),
        (7 / (A + 2 * B), None, None),  # 0 lies between −3 + 2 and 5 + 14
        (7 / (A + 4 * B), Fraction(7, 5 + 28), 7),
        (floor((A + B) / 2), -1, 6),
        (ceil((A + B) / 2), -1, 6),
        (rounded((A + B) / 4), 0, 3),
        (maximum(A, B), 1, 7),
        (minimum(A, B), -3, 5),
        (A * floor(B / 2), -3 * 3, 5 * 3),
        (1 / A, None, None),
        (gcd(A, B), None, None),
        (A + gcd(B, 6), -3 + 1, 5 + 2),  # of one symbol every value is looked at: 1, 2, 1
        (floor(6 / (B - 4)), None, None),
    ],
    ids=str,
)
def test_no_value_is_outside_the_bounds(formula, low, high):
    if low is None:
        with pytest.raises(UnboundedError):
            bounds(formula, BOX)
        assert not always(Condition("nonnegative", formula), BOX)
        return
    assert bounds(formula, BOX) == (low, high)
    values = [formula.evaluate(dict(zip(BOX, point, strict=True))) for point in product(*BOX.values())]
    assert low <= min(values)
    assert max(values) <= high


def test_a_number_is_its_own_bounds():
    assert bounds(3, BOX) == (3, 3)


@pytest.mark.parametrize(
    ("relation", "formula", "proved"),
    [
        ("nonnegative", A + 3, True),
        ("positive", A + 3, False),
        ("positive", A + 4, True),
        ("nonnegative", A + 2, False),
        ("integer", A, False),  # bounds say nothing of that
    ],
)
def test_what_bounds_prove(relation, formula, proved):
    assert always(Condition(relation, formula), BOX) is proved


def test_how_many_combinations_there_are():
    assert combinations([SweepAxis("a", (1, 2, 3)), SweepAxis("b", (1, 2))]) == 6
    assert combinations([]) == 1
