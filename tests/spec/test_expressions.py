"""Expressions: exact, bounded, and with Python's precedence, without Python evaluating them."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from convcost.numbers import make_divisible
from convcost.spec import expressions
from convcost.spec.arithmetic import ExpressionError, shown
from convcost.spec.expressions import Expression, Missing, Unknown

TOO_LARGE = "astronomically large"


def value(text: str, **names: Any) -> Any:
    read = expressions.read(text)
    return read.value(names) if isinstance(read, Expression) else read


def detail(text: str, **names: Any) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        value(text, **names)
    assert 0 <= caught.value.offset <= len(text)
    return caught.value


# numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("32", 32),
        ("1_000", 1_000),
        ("1_000_000", 1_000_000),
        ("0.75", Fraction(3, 4)),
        (".5", Fraction(1, 2)),
        ("0.1", Fraction(1, 10)),  # not the nearest binary number
        ("1e6", 1_000_000),
        ("1E6", 1_000_000),
        ("1e-3", Fraction(1, 1000)),
        ("2.5e+2", 250),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        (" 7 ", 7),
        ("+7", 7),
        ("-7", -7),
        ("8.0", 8),
    ],
)
def test_a_number_means_its_exact_decimal_value(text: str, expected: Any) -> None:
    assert value(text) == expected
    assert type(value(text)) is type(expected)  # a whole value is an int


@pytest.mark.parametrize(
    "text",
    [
        *("012", "00", "0_1", "1__0", "1_", "1.", "1.e3", "1..2", "1e", "1e+", "0x10", "0b1", "0o7", "1:30", "1:30:00"),
        *("2x", "1.2.3", "3k", "4.3M", "1e5_0", "١٢", "1٢", "１２", "1j", ".inf", ".nan"),
    ],
)
def test_what_only_looks_like_a_number_is_refused(text: str) -> None:
    detail(text)


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("012", "without leading zeros: 12"),
        ("000", "without leading zeros: 0"),
        ("64k", "k, M, G and T are for budgets: write 1e3, 1e6, 1e9, 1e12"),
        ("1:30", "numbers look like 32, 1_000, 0.75 or 1e6"),
    ],
)
def test_a_number_that_is_refused_comes_with_the_right_way(text: str, help: str) -> None:
    assert (detail(text).message, detail(text).help) == (f"{text} is not a number", help)


# operators


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("2 - 3 - 4", -5),
        ("100 / 10 / 5", 2),
        ("7 / 2", Fraction(7, 2)),
        ("1 / 3 * 3", 1),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("7 // 2", 3),
        ("-7 // 2", -4),  # floors, does not cut
        ("7 // -2", -4),
        ("-7 // -2", 3),
        ("7 % 3", 1),
        ("-7 % 3", 2),  # −7 = −3 · 3 + 2
        ("7 % -3", -2),
        ("5.5 // 2", 2),
        ("5.5 % 2", Fraction(3, 2)),
        ("1 // 0.3", 3),
        ("2 ** 10", 1024),
        ("2 ** 3 ** 2", 512),  # from the right: 2 ** 9
        ("-2 ** 2", -4),
        ("(-2) ** 2", 4),
        ("2 ** -2", Fraction(1, 4)),
        ("(1 / 2) ** -2", 4),
        ("0 ** 0", 1),
        ("2 * -3", -6),
        ("- -3", 3),
        ("2 --3", 5),
        ("1 +\t1", 2),
        ("1 +\n1", 2),
    ],
)
def test_arithmetic_is_exact_and_binds_as_in_python(text: str, expected: Any) -> None:
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 == 1.0", True),
        ("1 / 2 == 0.5", True),
        ("1 != 2", True),
        ("1 < 2", True),
        ("2 <= 2", True),
        ("3 > 2", True),
        ("2 >= 3", False),
        ("true", True),
        ("not true", False),
        ("not not true", True),
        ("not 1 == 2", True),  # not (1 == 2)
        ("1 < 2 and 2 < 3", True),
        ("false and false or true", True),  # (false and false) or true
        ("true or false and false", True),  # true or (false and false)
        ("not false and false", False),  # (not false) and false
        ("1 + 1 == 2", True),
        ("(1 < 2) == true", True),
        ("same == same", True),
        ("relu != none", True),
        ("true != false", True),
        ("false and 1 / 0 == 1", False),  # as in Python, what does not matter is not computed
        ("true or 1 / 0 == 1", True),
    ],
)
def test_conditions_are_true_or_false(text: str, expected: bool) -> None:
    assert value(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("floor(2.7)", 2),
        ("floor(-2.1)", -3),
        ("ceil(2.1)", 3),
        ("ceil(-2.7)", -2),
        ("round(0.5)", 0),  # halves go to the even neighbour
        ("round(1.5)", 2),
        ("round(2.5)", 2),
        ("round(-0.5)", 0),
        ("round(-1.5)", -2),
        ("round(2.4999)", 2),
        ("round(2.6)", 3),
        ("min(3, 1, 2)", 1),
        ("max(3, 1, 2)", 3),
        ("max(1/3, 0.3)", Fraction(1, 3)),
        ("floor(7 / 2) + ceil(7 / 2)", 7),
        ("max(min(5, 3), floor(2.5))", 3),
        ("make_divisible(24, 8)", 24),
        ("make_divisible(32 * 0.35, 8)", 16),  # 11.2 + 4 → 8; 8 < 0.9 · 11.2 = 10.08, so 16
        ("make_divisible(3, 8)", 8),
        ("make_divisible(12, 8)", 16),  # 12 + 4 = 16
        ("make_divisible(20 - 0.1, 8)", 24),  # 19.9 + 4 → 16; 16 < 0.9 · 19.9 = 17.91, so 24
        ("make_divisible(89, 10)", 90),  # 89 + 5 = 94 → 90
        ("make_divisible(18, 16)", 32),  # 18 + 8 → 16; 16 < 0.9 · 18 = 16.2, so 32
        ("make_divisible(17, 16)", 16),  # 17 + 8 → 16; 16 ≥ 15.3
        ("make_divisible(10, 9)", 9),  # 10 + 4.5 → 9, which is just 0.9 · 10
    ],
)
def test_functions(text: str, expected: Any) -> None:
    assert value(text) == expected
    assert type(value(text)) is type(expected)


def divisible(x: Fraction, d: int) -> int:
    """Round as the reference implementation does, found by walking the multiples of d instead of dividing."""
    multiple = 0
    while multiple + d <= x + Fraction(d, 2):
        multiple += d
    multiple = max(multiple, d)
    while multiple < Fraction(9, 10) * x:
        multiple += d
    return multiple


@given(st.fractions(min_value=0, max_value=400, max_denominator=64), st.integers(1, 24))
def test_make_divisible_agrees_with_a_second_definition(x: Fraction, d: int) -> None:
    assert make_divisible(x, d) == divisible(x, d)
    assert value(f"make_divisible({x.numerator} / {x.denominator}, {d})") == divisible(x, d)


# Python as the judge of precedence: each number becomes a Fraction, `true` True; nothing else differs

atoms = st.integers(0, 12).map(str) | st.sampled_from(["0.5", "1.25", "0.1"])
exponents = st.sampled_from(["0", "1", "2", "3", "-1", "-2", "2 ** 2", "-2 ** 2", "(1 + 1)"])


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(" ".join)
    powers = st.tuples(atoms | inner.map("({})".format), st.just("**"), exponents).map(" ".join)
    signed = st.tuples(st.sampled_from(["-", "+", "- -"]), inner).map("".join)
    functions = st.tuples(st.sampled_from(["floor", "ceil", "round"]), inner).map(lambda f: f"{f[0]}({f[1]})")
    several = st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda f: f"{f[0]}({f[1]}, {f[2]})")
    return binary | powers | signed | inner.map("({})".format) | functions | several


sums = st.recursive(atoms, combined, max_leaves=12)
comparisons = st.tuples(sums, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), sums).map(" ".join)
conditions = st.recursive(
    comparisons | st.sampled_from(["true", "false"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join)
        | inner.map("not {}".format)
        | inner.map("({})".format)
    ),
    max_leaves=6,
)


def judged(text: str) -> Any:
    """Return what Python makes of an expression, or the name of its exception."""
    python = re.sub(r"\d[\d.]*", lambda number: f"F('{number[0]}')", text)
    python = python.replace("true", "True").replace("false", "False")
    scope = {"F": Fraction, "floor": floor, "ceil": ceil, "round": round, "min": min, "max": max, "__builtins__": {}}
    try:
        return eval(python, scope)  # noqa: S307 -- the text is made here, of numbers and operators
    except ZeroDivisionError:
        return "a division by zero"


@given(sums | conditions)
@example("2 - 3 ** 2 * -2 // 5 % 3 / 7")
@example("not 1 < 2 or 3 > 2 and not true")
@example("-2 ** -2")
def test_random_expressions_mean_what_python_makes_of_them(text: str) -> None:
    assume(len(text) <= expressions.LONGEST)
    expected = judged(text)
    try:
        found = value(text)
    except ExpressionError as caught:
        assume(TOO_LARGE not in caught.message)
        found = caught.message
    assert found == expected
    assert isinstance(found, bool) == isinstance(expected, bool)
    assert not isinstance(found, (float, complex))


@given(sums)
def test_a_value_shown_reads_as_itself(text: str) -> None:
    assume(len(text) <= expressions.LONGEST)
    try:
        number = value(text)
    except ExpressionError:
        return
    if not shown(number).startswith(("about", "-about")):
        assert value(shown(number)) == number


@given(st.text(alphabet="0123456789.()+-*/% <>=!,eE_ anotrufcmix:'\"[]{}\\\n\tá", max_size=40))
@example("(" * 40)
@example(")" * 40)
@example("9**9**9**9")
@example("1e999999999999999999999")
def test_any_text_is_an_expression_or_a_fault_inside_it(text: str) -> None:
    try:
        assert isinstance(expressions.read(text), (int, Fraction, str, bool, Expression))
    except ExpressionError:
        assert detail(text).message  # and its place is inside


# errors


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("1 +", "this is not an expression", 3),
        ("* 2", "this is not an expression", 0),
        ("2 2", "this is not an expression", 2),
        ("3 (4)", "this is not an expression", 2),
        ("a b", "this is not an expression", 2),
        ("1 if 2 else 3", "this is not an expression", 2),
        ("a.b", "this is not an expression", 1),
        ("[1]", "this is not an expression", 0),
        ("1 = 1", "this is not an expression", 2),
        ("a := 1", "this is not an expression", 2),
        ("1 && 2", "this is not an expression", 2),
        ("1 ^ 2", "this is not an expression", 2),
        ("~1", "this is not an expression", 0),
        ("lambda: 1", "this is not an expression", 6),
        ("'a'", "this is not an expression", 0),
        ("()", "this is not an expression", 1),
        ("max(1,,2)", "this is not an expression", 6),
        ("and", "this is not an expression", 0),
        ("not", "this is not an expression", 3),
        ("(1", "a parenthesis is not balanced", 0),
        ("1 + (2 * (3)", "a parenthesis is not balanced", 4),
        ("1)", "a parenthesis is not balanced", 1),
        ("(1))", "a parenthesis is not balanced", 3),
        (")(", "a parenthesis is not balanced", 0),
        ("foor(((", "a parenthesis is not balanced", 6),  # just that error, whatever else is wrong
        ("1 2 )", "a parenthesis is not balanced", 4),
        ("1 + floor", "floor is a function", 4),
        ("floor()", "floor takes 1 argument", 0),
        ("floor(1, 2)", "floor takes 1 argument", 0),
        ("1 + max(1)", "max takes 2 arguments or more", 4),
        ("make_divisible(8)", "make_divisible takes 2 arguments", 0),
        ("1 < 2 < 3", "comparisons do not chain", 6),
        ("1 / 0", "a division by zero", 2),
        ("1 // (1 - 1)", "a division by zero", 2),
        ("1 % 0.0", "a division by zero", 2),
        ("0 ** -1", "a division by zero", 2),
        ("2 ** 0.5", "an exponent is a whole number", 2),
        ("1 + true", "+ works on numbers", 2),
        ("1 + relu", "+ works on numbers", 2),
        ("-true", "- works on numbers", 0),
        ("1 < true", "< works on numbers", 2),
        ("floor(same)", "floor works on numbers", 0),
        ("max(1, true)", "max works on numbers", 0),
        ("1 == true", "== compares like with like", 2),
        ("none != 0", "!= compares like with like", 5),
        ("8 + make_divisible(3, 0)", "make_divisible needs a positive divisor", 4),
        ("make_divisible(3, -8)", "make_divisible needs a positive divisor", 0),
    ],
)
def test_a_fault_is_told_where_it_is(text: str, message: str, offset: int) -> None:
    caught = detail(text)
    assert (caught.message, caught.offset) == (message, offset)


@pytest.mark.parametrize("text", ["not 1", "1 and true", "true and 1", "false or relu", "0 or true", "not none"])
def test_only_conditions_are_joined(text: str) -> None:
    assert detail(text).message == "and, or, not work on true and false"


# bounds


@pytest.mark.parametrize(
    "text",
    [
        *("9**9**9", "9**9**9**9", "-9**9**9", "2 ** 1e9", "2 ** -1e9", "10 ** 400", "(1/3) ** 99999", "1e99", "1e-99"),
        *("1e99999999999999999999", "9" * 81, "1" * 499, "2 ** 500 * 2 ** 500", "1 / (2 ** 500 + 1) / 2 ** 500"),
        "*".join(["1e70"] * 60),
    ],
)
def test_astronomic_values_are_told_at_once(text: str) -> None:
    assert "astronomically" in detail(text).message


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1 ** 1e50", 1), ("(-1) ** (1e50 + 1)", -1), ("0 ** 1e50", 0), ("2 ** 100", 2**100), ("1e30", 10**30)],
)
def test_large_is_not_yet_astronomic(text: str, expected: int) -> None:
    assert value(text) == expected


def test_an_expression_of_500_characters_is_read_and_a_longer_one_told() -> None:
    assert value("+".join(["1"] * 250) + " ") == 250  # 250 + 249 + 1 characters
    caught = detail("+".join(["1"] * 251))
    assert caught.message == "an expression is at most 500 characters long"
    assert caught.found == "501 characters"


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("(", ")"), ("-", ""), ("not ", ""), ("max(1, ", ")"), ("2 * (1 + ", ")"), ("1 ** ", "")],
)
def test_nesting_beyond_fifty_is_told(opening: str, closing: str) -> None:
    inner = "true" if opening == "not " else "1"
    value(opening * 40 + inner + closing * 40)
    assert detail(opening * 60 + inner + closing * 60).message in (
        "an expression nests at most 50 deep",
        "an expression is at most 500 characters long",
    )


# names


def test_names_are_looked_up_when_a_value_is_asked_for() -> None:
    formula = expressions.read("expand * in_channels + _x1 - äß")
    assert isinstance(formula, Expression)
    assert formula.names == {"expand", "in_channels", "_x1", "äß"}
    assert formula.text == "expand * in_channels + _x1 - äß"
    assert formula.value({"expand": 6, "in_channels": 4, "_x1": Fraction(1, 2), "äß": 1}) == Fraction(47, 2)


def test_a_name_may_hold_a_word_a_truth_value_or_a_list() -> None:
    assert value("a", a="relu") == "relu"
    assert value("a == relu and b", a="relu", b=True) is True
    assert value("a", a=[1, 3]) == [1, 3]
    assert detail("a + 1", a=[1, 3]).found == "found [1, 3]"


def test_keywords_are_words_and_no_names() -> None:
    for word in ("relu", "batch_norm", "none", "same", "valid", "nearest", "bilinear"):
        assert value(word) == word
        assert value(f" {word} ") == word


def test_a_name_without_a_value_is_unknown_not_zero() -> None:
    formula = expressions.read("0 * N")
    with pytest.raises(Unknown) as caught:
        formula.value({"N": Missing("N")})
    assert caught.value.symbol == "N"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Fraction(112, 5), "22.4"),
        (Fraction(1, 3), "1/3"),
        (Fraction(-1, 8), "-0.125"),
        (True, "true"),
        ([1, Fraction(1, 2), [None, "same"]], "[1, 0.5, [no value, same]]"),
        (10**20, "100000000000000000000"),
        (10**30, "about 10**30"),
        (None, "no value"),
    ],
)
def test_values_are_shown_as_they_would_be_written(number: Any, text: str) -> None:
    assert shown(number) == text
