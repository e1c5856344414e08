"""Floors, maxima and the like: worked out where the facts decide, exact elsewhere."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_formulas import (
    POINTS,
    F,
    M,
    N,
    a,
    formula_of,
    n,
    number_of,
    r,
    s,
    trees,
    value_of,
    x,
    y,
)

from convcost.symbolic import (
    NeedsValueError,
    assuming,
    evaluator,
    floor,
    gcd,
    make_divisible,
    maximum,
    minimum,
    rounded,
    symbol,
)


def test_a_floor_that_is_known_to_vanish_does() -> None:
    sixth = symbol("w", multiple_of=F(1, 32))
    for floored, expected in [
        (r // 32, r / 32),
        ((r - 1) // 2, r / 2 - 1),  # ⌊(32k − 1)/2⌋ = 16k + ⌊−1/2⌋
        ((r + 2 - 3) // 2 + 1, r / 2),  # the output of a 3 × 3 convolution with stride 2 and padding 1
        (floor(32 * sixth), 32 * sixth),
        (floor(6 * M / 3), 2 * M),
        ((2 * M + 1) // 2, M),
        ((5 * n + 7) // 5, n + 1),
        (floor(r * M / 16), r * M / 16),
        ((M + s) // (M + s), 1),
        ((s - 1) // s, 0),
        (1 // s, 0),
        ((M * s + s - 1) // s, M),
        ((n % 5) // 5, 0),
        ((n // 3) // 2, n // 6),
        ((n // s) // 4, floor(n / (4 * s))),
        (floor((n - 1) / s) // M, floor((n - 1) / (M * s))),
        (((n - 1) // 2 + 1 - 1) // 2 + 1, (n - 1) // 4 + 1),
        (-(-n // 2), (n + 1) // 2),
        (-((1 - n) // 2), n // 2),
        (floor(n / 2 + F(1, 3)), n // 2),
    ]:
        assert str(floored) == str(expected)
        assert floored == expected


def test_a_floor_that_does_not_vanish_stays() -> None:
    for floored, text in [
        ((n - 1) // 2, "⌊(n − 1)/2⌋"),
        ((3 * n) // 2, "n + ⌊n/2⌋"),
        (floor(x), "⌊x⌋"),
        (floor(-x), "⌊−x⌋"),
        (floor(r * a / 64), "⌊a·r/64⌋"),
        (M // s, "⌊M/s⌋"),
        (floor(x) // n, "⌊⌊x⌋/n⌋"),  # n may be negative
        (floor(x) // y, "⌊⌊x⌋/y⌋"),
        ((3 * (n // 2)) // 2, "⌊n/2⌋ + ⌊n/4⌋"),
        ((n // 2 + M // 2) // 2, "⌊(⌊M/2⌋ + ⌊n/2⌋)/2⌋"),  # neither of two floors may be opened
        (floor(n / 2 + x), "⌊(n + 2·x)/2⌋"),
        ((M + 1) // (M + N), "⌊(M + 1)/(M + N)⌋"),
    ]:
        assert str(floored) == text


@given(trees("+ - * // // floor", leaves=9), POINTS)
@settings(max_examples=200)
def test_flooring_twice_changes_nothing(tree: Any, point: dict[str, Any]) -> None:
    formula, number = formula_of(tree), number_of(tree, point)
    once = floor(formula)
    twice = floor(once)
    assert once == twice
    assert str(once) == str(twice)
    assert value_of(once, point) == math.floor(number)


@given(trees("+ - *", leaves=5), st.integers(1, 6), st.integers(-5, 5), POINTS)
@settings(max_examples=200)
def test_whole_parts_stand_before_a_floor(tree: Any, divisor: int, parts: int, point: dict[str, Any]) -> None:
    formula = formula_of(tree)
    # ⌊M/2⌋ − M and −⌊(M + 1)/2⌋ are one number in two forms: that they are equal may stay open, but not be denied
    with assuming(point):
        assert floor(formula + parts * M + 2 * n) == floor(formula) + parts * M + 2 * n
        assert floor(floor(formula) / F(divisor)) == floor(formula / F(divisor))


def test_a_chain_of_a_hundred_strided_layers_is_one_floor() -> None:
    size = n
    for _ in range(100):
        size = (size + 2 - 3) // 2 + 1
    assert size == floor((n - 1) / F(2**100)) + 1


def test_deep_formulas_need_no_deep_stack() -> None:
    size = n
    for _ in range(sys.getrecursionlimit()):
        size = maximum(size // 2, 1) + size % 2 * 0 + 1
    assert size.evaluate({"n": 5}) == 2
    assert evaluator(size, ["n"])([5]) == 2
    assert size.substitute({"n": 5}) == 2


def test_functions_are_worked_out_where_the_facts_decide_and_stay_exact_elsewhere() -> None:
    for value, text in [
        (maximum(0, r), "r"),
        (maximum(33, r), "max(33, r)"),
        (maximum(3, r, 7), "r"),
        (maximum(r, 33) - maximum(33, r), "0"),
        (maximum(n, n + 1, M), "max(M, n + 1)"),
        (minimum(r, 5), "5"),
        (minimum(M, s), "min(M, s)"),
        (gcd(M, 4 * M), "M"),
        (gcd(r, 8), "8"),
        (gcd(r, 64), "gcd(64, r)"),
        (gcd(s, M), "gcd(M, s)"),
        (rounded(r / 32), "r/32"),
        (round(a), "round(a)"),
        (make_divisible(r, 8), "r"),
        (make_divisible(8 * n, 8), "make_divisible(8·n, 8)"),  # 8 where n is 0
        (make_divisible(16 * a, 8), "make_divisible(16·a, 8)"),
        (make_divisible(F(91, 4), 8), "24"),
        (make_divisible(3, 8), "8"),
    ]:
        assert str(value) == text
    assert maximum(33, r).substitute({"r": 64}) == 64
    assert gcd(s, M).evaluate({"s": 6, "M": 4}) == 2
    assert make_divisible(16 * a, 8).evaluate({"a": F(3, 4)}) == 16  # ⌊12 + 4⌋ // 8 · 8
    assert make_divisible(M, 8).evaluate({"M": 19}) == 24  # 16 would be below 0.9 · 19
    assert math.floor(r / 32) == r / 32
    assert math.ceil(n / 2) == (n + 1) // 2


def test_what_is_known_of_a_function_vanishes_a_floor_and_decides_a_comparison() -> None:
    channels = make_divisible(30 * x, 8)
    assert channels // 4 == channels / 4
    assert channels > 7
    assert maximum(r, 96) % 32 == 0
    assert (n - n // 2 * 2 >= 0) is True
    assert n % 5 < 5


def test_what_was_assumed_to_be_whole_needs_no_floor():
    width = 3 * x + 5 * y + 81
    with assuming({"x": 6, "y": 2}):
        assert width.is_integer()
        assert str(floor(width)) == "3·x + 5·y + 81"
        assert str(floor(3 * x + 7 * y + 81)) == "⌊3·x + 7·y⌋ + 81"  # which nobody asked
    assert str(floor(width)) == "⌊3·x + 5·y⌋ + 81"


def test_a_divisor_that_is_not_positive_at_the_witness_is_an_error():
    with assuming({"M": 8}) as conditions:
        assert str(make_divisible(9, M - 5)) == "make_divisible(9, M − 5)"
    assert [str(each) for each in conditions] == ["M > 5"]
    with (
        assuming({"M": 3}),
        pytest.raises(ValueError, match="positive divisor: found M − 5, which is not above"),
    ):
        make_divisible(9, M - 5)
    with pytest.raises(ValueError, match=r"^make_divisible needs a positive divisor: found -2$"):
        make_divisible(9, M - 5).evaluate({"M": 3})


def test_a_floor_is_not_above_what_its_argument_is_not_above():
    half = symbol("half", minimum=F(1, 2))
    for function in (floor, rounded):
        assert function(half) >= 0
        with pytest.raises(NeedsValueError):
            assert function(half) > 0  # 0 at 1/2
