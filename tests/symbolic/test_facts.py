"""What facts tell of signs, against values at random points."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_formulas import FORMULAS, POINTS, M, N, a, formula_of, r, s, trees, value_of, x, y

from convcost.symbolic import Formula, floor, make_divisible, maximum, rounded, symbol, total
from convcost.symbolic.conditions import decided
from convcost.symbolic.facts import bound, sign, step_of

zero = symbol("zero", whole=True, minimum=0)


def test_the_bound_of_a_sum_is_its_value_at_the_least_values_of_its_symbols():
    for formula, expected in [
        (r * s + 2, (32 * 3 + 2, False)),
        (M * N - 5, (-4, False)),
        (r * a / 8, (1, False)),  # 32 · 1/4 / 8
        (x * M, (0, True)),  # above 0, which x does not reach
        (x * zero, (0, False)),  # 0 where zero is
        (x * zero + M, (1, False)),
        (x * M + zero, (0, True)),
        (2 * x + s - 3, (0, True)),
    ]:
        assert bound(formula.terms) == expected


def test_a_term_below_zero_is_weighed_against_the_others():
    assert bound((M * N - M).terms) == (0, False)  # (1 + M′)·(1 + N′) − (1 + M′) = N′ + M′·N′
    assert bound((M - N).terms) is None
    assert bound((x * M - x).terms) == (0, False)  # 0 where M is 1
    assert bound((x * s - x).terms) == (0, True)  # 3x + s′·x − x
    assert bound((M + y).terms) is None  # y may be anything


def test_the_sign_of_a_sum_of_quotients():
    assert sign((1 / M + N / (M * s)).terms) is True
    assert sign((zero / x).terms) is False
    assert sign((zero / x + 1 / x).terms) is True
    assert sign((1 / zero).terms) is True  # what is divided by is not zero
    assert sign((zero - 1).terms) is None
    assert sign({}) is False


@given(trees("+ - * //", leaves=6), POINTS)
@settings(max_examples=300)
def test_a_sign_holds_at_every_point(tree: Any, point: dict[str, Any]) -> None:
    formula = formula_of(tree)
    assume(isinstance(formula, Formula) and formula.under is None)
    try:
        value = value_of(formula, point)
    except ZeroDivisionError:
        assume(False)
    known = sign(formula.terms)
    if known is not None:
        assert value > 0 or (value == 0 and not known)
    if all(k > 0 for m in formula.terms for _, k in m) and (least := bound(formula.terms)) is not None:
        assert value > least[0] or (value == least[0] and not least[1])
    step = step_of(formula.terms)
    if step is not None:
        assert Fraction(value, step).denominator == 1


def test_a_sign_that_depends_on_very_many_floors_stays_open() -> None:
    # k·⌊M/k⌋ is at least M − (k − 1), and each floor has to be looked at to see it
    remainders = [k * (M // k) - M + (k - 1) for k in range(2, 300)]
    assert decided("nonnegative", total(remainders[:190])) is True
    assert decided("positive", total(remainders[:190]) + 1) is True
    assert decided("positive", total(remainders[:190])) is None
    assert decided("nonnegative", total(remainders)) is None


def test_a_sum_stays_above_its_bound_where_one_of_its_floors_does() -> None:
    early, late = symbol("early"), symbol("late")
    count = symbol("count", whole=True)
    before = floor(early) - early + 1  # above 0: ⌊x⌋ is above x − 1
    halves = 2 * (count // 2) - count + 1  # 0 where the count is odd
    after = floor(late) - late + 1
    assert decided("positive", halves) is None
    assert decided("nonnegative", halves) is True
    assert decided("positive", before + halves) is True
    assert decided("positive", after + halves) is True


def test_a_power_of_a_floor_is_no_floor() -> None:
    assert decided("nonnegative", M - (M // 2) ** 2) is None  # 10 − 25 at 10
    assert decided("nonnegative", M - M // 2) is True


@given(trees("+ - * * // floor round max min make_divisible", leaves=8), POINTS)
@settings(max_examples=400)
def test_a_sign_that_follows_from_what_functions_are_not_below_holds_at_every_point(tree: Any, point: Any) -> None:
    formula = formula_of(tree)
    assume(isinstance(formula, Formula) and formula.under is None)
    try:
        value = value_of(formula, point)
    except ZeroDivisionError:
        assume(False)
    known = sign(formula.terms)
    if known is not None:
        assert value > 0 or (value == 0 and not known)


COEFFICIENTS = st.integers(-30, 30).filter(bool)
ROUNDED = st.tuples(
    st.sampled_from(["make_divisible", "round", "floor", "max"]), COEFFICIENTS, st.sampled_from("Maxrs")
)


@given(st.lists(st.tuples(COEFFICIENTS, ROUNDED, st.integers(1, 3)), min_size=1, max_size=4), POINTS, st.integers())
@settings(max_examples=400)
def test_a_sum_of_rounded_widths_has_the_sign_that_is_known(summands: Any, point: Any, number: int) -> None:
    functions = {
        "make_divisible": lambda width: make_divisible(width, 8),
        "round": rounded,
        "floor": floor,
        "max": lambda width: maximum(width, 5),
    }
    formula = total(
        c * functions[name](FORMULAS[symbol] * factor / 7) ** n for c, (name, factor, symbol), n in summands
    ) + (number % 1000)
    if isinstance(formula, Formula):
        known = sign(formula.terms)
        value = value_of(formula, point)
        assert known is None or value > 0 or (value == 0 and not known)


def test_what_rounded_widths_are_not_below() -> None:
    w = symbol("w", whole=True, minimum=1)
    divisible = make_divisible(5 * w, 8)
    assert sign((10 * divisible - 45 * w).terms) is False  # 0.9 · 5w, which 8 reaches nowhere but w = 80/45 would
    assert sign((divisible**2 - 20 * w**2).terms) is True  # (0.9 · 5w)² = 20.25 w²
    assert sign((divisible**2 - 21 * w**2).terms) is None
    wide = symbol("wide", whole=True, minimum=8)  # 5 · 8 = 40 = 5 · 8, from where x − 4 is above 0.9 · x
    divisible = make_divisible(5 * wide, 8)
    assert sign((divisible - 5 * wide + 4).terms) is False
    assert sign((divisible - 5 * wide + 3).terms) is None
    assert sign((5 * wide + 8 - divisible).terms) is False
    assert sign((make_divisible(72 * w, 8) - make_divisible(16 * w, 8) + 8).terms) is True  # 64.8w − 16w − 8 + 8
    half = rounded(w / 2)
    assert sign((2 * half - w + 1).terms) is False
    assert sign((w + 1 - 2 * half).terms) is False
    assert sign((2 * half - w).terms) is None
    assert sign((maximum(x, 1) - 1).terms) is False
    assert sign((maximum(3 * M, M + 1) - 2 * M).terms) is True  # 3M − 2M


def test_powers_keep_their_order_above_zero_only() -> None:
    w, v = symbol("w", whole=True), symbol("v", whole=True, minimum=0)
    assert sign((4 * (w // 2) ** 2 - (w - 1) ** 2).terms) is False  # 2⌊w/2⌋ ≥ w − 1 ≥ 0
    assert sign((w**2 - 4 * (w // 2) ** 2).terms) is False
    assert sign((4 * (v // 2) ** 2 - (v - 1) ** 2).terms) is None  # 0 − 1 where v is 0
    assert sign((v**2 - 4 * (v // 2) ** 2).terms) is False
