"""The bounds of formulas: each is checked before the work, and named."""

from __future__ import annotations

import math

import pytest
from random_formulas import M, N, n

from convcost.errors import FormulaError
from convcost.symbolic import bounded, maximum, symbol, total
from convcost.symbolic.algebra import common, spend
from convcost.symbolic.conditions import decided
from convcost.symbolic.expression import ONE

HELP = " = help: give symbols values, or let fewer of them stay free"
LETTERS = [symbol(f"v{i}", whole=True) for i in range(16)]


def refused(work, *lines):
    """Assert that work is refused, with an error of these lines."""
    with pytest.raises(FormulaError) as caught:
        work()
    assert str(caught.value).splitlines() == [f"error: {lines[0]}", f" = found: {lines[1]}", HELP]


def test_a_power_has_as_many_terms_as_the_binomial_coefficients_say():
    four = M + N + n + 1
    assert len((four**15).terms) == math.comb(18, 3) == 816
    many = [M**i for i in range(1, 142)]
    assert len((total(many[:140]) ** 2).terms) == 279  # M² to M²⁸⁰; with 140 symbols (141 over 2) = 9,870
    # (142 over 2) = 10,011
    refused(lambda: total(many) ** 2, "a power of a formula has at most 10,000 terms", "141 terms to the power 2")
    refused(lambda: four**60, "a power of a formula has at most 10,000 terms", "4 terms to the power 60")
    refused(
        lambda: (M + 1) ** 10**9, "a power of a formula has at most 10,000 terms", "2 terms to the power 1,000,000,000"
    )


def test_a_number_in_a_power_has_at_most_4000_digits():
    # 9 has 4 bits, so that 9ⁿ has more than 3·n of them: 3 · 4,429 · log₁₀ 2 is 3,999.8
    assert (9 * M) ** 4429 == 9**4429 * M**4429
    refused(lambda: (9 * M) ** 4430, "a power of a number has at most 4,000 digits", "more than 4,000 digits")
    refused(lambda: (9 * M) ** 9**9, "a power of a number has at most 4,000 digits", "more than 349,875,564 digits")
    refused(lambda: (M / 9) ** 9**9, "a power of a number has at most 4,000 digits", "more than 349,875,564 digits")
    assert (-M) ** (9**9) == -(M ** (9**9))


def test_a_formula_has_at_most_10000_terms():
    powers = [M**i for i in range(1, 10_001)]
    assert len(total(powers).terms) == 10_000
    refused(lambda: total([*powers, 1]), "a formula has at most 10,000 terms", "10,001 terms")
    refused(lambda: total(powers) + 1, "a formula has at most 10,000 terms", "10,001 terms")
    refused(lambda: total(powers) - N, "a formula has at most 10,000 terms", "10,001 terms")
    left, right = total(M**i for i in range(101)), total(N**i for i in range(100))
    assert len(((left - 1) * right).terms) == 10_000
    refused(lambda: left * right, "a formula has at most 10,000 terms", "10,100 terms")


def test_a_product_of_long_formulas_is_refused_before_it_is_worked_out():
    left, right = total(M**i for i in range(1001)), total(M**i for i in range(1000))
    refused(lambda: left * right, "formulas are worked out within 1,000,000 terms", "1,001,000 terms on the way")


def test_what_runs_inside_a_bound_is_counted_together():
    with bounded():
        spend(600_000)
        with bounded():  # no second allowance
            spend(400_000)
        for _ in range(100_000):
            spend(32)  # short operations are free
        refused(lambda: spend(33), "formulas are worked out within 1,000,000 terms", "1,000,033 terms on the way")
    spend(999_999)
    spend(999_999)  # outside each stands for itself


def test_a_product_of_16_symbols_is_no_more_work_than_any():
    product = math.prod(LETTERS)
    with bounded():
        spend(999_900)  # 100 terms are left, not the 2¹⁶ that it has with each symbol written as 1 + v′
        assert product >= 1
        assert product + 7 > 7
        assert 3 * product - 2 > 0
        assert maximum(product, 1) == product


def test_a_function_in_a_function_again_and_again_is_refused_before_its_text_doubles_too_often():
    def nested():
        value = M
        for _ in range(60):
            value = maximum(value * N + value, value * n)

    # at each level the function inside stands three times, beside N and n
    sizes = [1]
    while sizes[-1] <= 5_000:
        sizes.append(3 * sizes[-1] + 2)
    refused(nested, "a function of a formula has at most 5,000 symbols", f"max of {sizes[-1]:,} symbols")


def test_a_text_has_at_most_100000_symbols():
    deep = N
    for _ in range(7):
        # the first has 4 symbols, N², N, N and n, each other 3·s + 2: 14, 44, 134, 404, 1214, 3644
        deep = maximum(deep * N + deep, deep * n)
    long = total(deep * M**i for i in range(28))  # each with deep, and all but the first with M: 28 · 3,644 + 27
    refused(long.text, "a formula is written with at most 100,000 symbols", "102,059 symbols")
    refused(long.to_dict, "a formula is written with at most 100,000 symbols", "102,059 symbols")
    assert len(total(deep * M**i for i in range(27)).text()) > 98_000


def test_what_terms_share():
    (m,), (k,) = M.terms, N.terms
    both, inverse = next(iter((M**2 * N).terms)), next(iter((1 / M).terms))
    ((letter, _),), ((other, _),) = m, k
    assert common([both, m]) == m
    assert common([both, next(iter((M**3 * N**2).terms))]) == {(letter, 2), (other, 1)}
    assert common([m, k]) == ONE
    assert common([m, inverse]) == common([ONE, inverse]) == {(letter, -1)}


def test_a_bound_that_takes_too_many_terms_is_not_looked_for():
    product = math.prod(LETTERS)
    with bounded():
        spend(999_900)
        assert decided("nonnegative", product - LETTERS[0]) is None  # it is; 2¹⁶ terms would show it


def test_comparing_the_arguments_of_a_function_is_work():
    arguments = [i * M + (100 - i) * N for i in range(100)]
    with bounded():
        for _ in range(6):  # 30 · (2 + 3 + … + 99) = 148,470 each: one comparison alone is free
            assert len(next(iter(next(iter(maximum(*arguments).terms))))[0].args) == 100
        found = "1,000,440 terms on the way"  # 6 · 148,470 and 30 · (2 + 3 + … + 85)
        refused(lambda: maximum(*arguments), "formulas are worked out within 1,000,000 terms", found)
