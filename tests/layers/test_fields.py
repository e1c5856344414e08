"""The forms in which a field may be given, and what is said of the others."""

from __future__ import annotations

from fractions import Fraction

import pytest

from convcost.layers import FieldError
from convcost.layers.fields import (
    MAX_SIZE,
    factors,
    flag,
    number,
    padding,
    padding_amounts,
    pairs,
    per_axis,
    whole,
    word,
)

WHOLE = "make it whole with floor(…), ceil(…), round(…) or make_divisible(…, 8)"
PER_AXIS = "a number or a list of one per spatial axis"


@pytest.mark.parametrize(
    ("read", "value", "rank", "normal"),
    [
        (whole(1), 7, 2, 7),
        (whole(0), 0, 2, 0),
        (whole(1), MAX_SIZE, 2, MAX_SIZE),
        (per_axis(1), 3, 1, (3,)),
        (per_axis(1), 3, 3, (3, 3, 3)),
        (per_axis(1), [3, 5], 2, (3, 5)),
        (per_axis(0), [0, 1], 2, (0, 1)),
        (pairs, 2, 2, ((2, 2), (2, 2))),
        (pairs, [1, 2], 2, ((1, 1), (2, 2))),
        (pairs, [[1, 2], 3], 2, ((1, 2), (3, 3))),
        (padding, "same", 2, "same"),
        (padding, "valid", 3, ((0, 0),) * 3),
        (padding, [[0, 1]], 1, ((0, 1),)),
        (padding_amounts, "valid", 1, ((0, 0),)),
        (factors, 2, 2, (2, 2)),
        (factors, [Fraction(1, 2), 3], 2, (Fraction(1, 2), 3)),
        (flag, True, 2, True),
        (number, Fraction(1, 3), 2, Fraction(1, 3)),
        (number, -2, 2, -2),
        (word("none", "tanh"), "tanh", 2, "tanh"),
    ],
)
def test_a_value_has_one_normal_form(read, value, rank, normal):
    assert read(value, rank) == normal


@pytest.mark.parametrize(
    ("read", "value", "rank", "expected", "found", "help"),
    [
        (whole(1), 0, 2, "at least 1", "", ""),
        (whole(0), -1, 2, "at least 0", "", ""),
        (whole(1), Fraction(5, 2), 2, "a whole number", "", WHOLE),
        (whole(1), MAX_SIZE + 1, 2, "at most 10**15", "", ""),
        (whole(1), True, 2, "a whole number", "", ""),
        (whole(1), "same", 2, "a whole number", "", ""),
        (whole(1), None, 2, "a whole number", "", ""),
        (whole(1), [3, 3], 2, "one whole number, not a list", "", ""),
        (per_axis(1), [3], 2, PER_AXIS, "1 given, the input has 2 spatial axes", "a number serves all"),
        (per_axis(1), [3, 3], 1, PER_AXIS, "2 given, the input has 1 spatial axis", "a number serves all"),
        (per_axis(1), [3, 0], 2, "at least 1", "", ""),
        (per_axis(1), [3, Fraction(1, 2)], 2, "a whole number", "", WHOLE),
        (per_axis(1), [[3, 3], 3], 2, "one whole number, not a list", "", ""),
        (pairs, [[1, 2, 3], 1], 2, "a [before, after] pair on each axis", "3 numbers on one axis", ""),
        (pairs, [[1, -1], 1], 2, "at least 0", "", ""),
        (pairs, [[1, Fraction(1, 2)], 1], 2, "a whole number", "", WHOLE),
        (pairs, -1, 2, "at least 0", "", ""),
        (pairs, [1], 2, PER_AXIS, "1 given, the input has 2 spatial axes", "a number serves all"),
        (padding, "full", 2, "a number, a list, same or valid", "", ""),
        (
            padding_amounts,
            "same",
            2,
            "a number, a list or valid",
            "",
            "same is not defined for this type: give the numbers",
        ),
        (factors, 0, 2, "a number greater than 0", "", ""),
        (factors, [2], 2, PER_AXIS, "1 given, the input has 2 spatial axes", "a number serves all"),
        (flag, 1, 2, "true or false", "", "booleans are true and false only"),
        (number, "much", 2, "a number", "", ""),
        (number, True, 2, "a number", "", ""),
        (word("none", "tanh"), "erf", 2, "none or tanh", "", ""),
    ],
)
def test_a_value_that_a_field_cannot_hold(read, value, rank, expected, found, help):
    with pytest.raises(FieldError) as error:
        read(value, rank)
    assert (error.value.expected, error.value.found, error.value.help) == (expected, found, help)
