"""The functions of exact numbers."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

import convcost
from convcost.numbers import FUNCTIONS, Symbolic, apply, as_exact, gcd, make_divisible
from convcost.ops import gcd as gcd_of_any
from convcost.ops import is_symbolic
from convcost.symbolic import symbol


@pytest.mark.parametrize(
    ("x", "d", "expected"),
    [
        (3, 8, 8),  # never below d
        (24, 8, 24),
        (20, 8, 24),  # 20 + 4 = 24: halves go up
        (Fraction(39, 2), 8, 24),  # 19.5 + 4 → 16; 16 < 0.9 · 19.5 = 17.55, so 24
        (10, 9, 9),  # 10 + 4.5 → 9, which is just 0.9 · 10
        (Fraction(101, 10), 9, 18),  # 10.1 + 4.5 → 9; 9 < 0.9 · 10.1 = 9.09, so 18
        (1, Fraction(1, 3), 1),  # 1 + 1/6 → 3 · 1/3
        (-50, 8, 8),
    ],
)
def test_make_divisible_at_its_edges(x, d, expected):
    assert make_divisible(x, d) == expected


@pytest.mark.parametrize("d", [0, -8])
def test_a_divisor_is_positive(d):
    with pytest.raises(ValueError, match=f"^make_divisible needs a positive divisor: found {d}$"):
        make_divisible(3, d)


def test_a_common_divisor_is_of_whole_numbers():
    assert gcd(12, 18, 30) == 6
    assert gcd(Fraction(4), 6) == 2
    with pytest.raises(ValueError, match=r"^gcd takes whole numbers, not 1/2, 3$"):
        gcd(Fraction(1, 2), 3)


class Letter(Symbolic):
    def apply(self, name, values):
        return name, values.index(self)


def test_a_function_of_a_symbolic_number_is_that_numbers_own():
    letter = Letter()
    assert is_symbolic(letter)
    assert not is_symbolic(3)
    assert apply("max", (2, letter)) == ("max", 1)
    assert apply("max", (2, 7)) == 7
    assert gcd_of_any(letter, 4) == ("gcd", 0)
    assert gcd_of_any(6, 4) == 2


def test_the_functions_are_pythons_where_python_has_them():
    half = Fraction(5, 2)
    applied = {name: apply(name, (half,)) for name in ("floor", "ceil", "round")}
    assert applied == {"floor": 2, "ceil": 3, "round": 2}
    assert apply("min", (3, half, 7)) == half
    assert set(FUNCTIONS) == {"floor", "ceil", "round", "min", "max", "gcd", "make_divisible"}


class Scalar:
    """A number of NumPy, as far as it is looked at."""

    shape = ()

    def __init__(self, value, kind):
        self.value = value
        self.dtype = type("dtype", (), {"kind": kind})

    def item(self):
        return self.value

    def __str__(self):
        return str(self.value)


@pytest.mark.parametrize(
    ("given", "number"),
    [
        (3, 3),
        (0.1, Fraction(1, 10)),
        (2.0, 2),
        (Decimal("0.25"), Fraction(1, 4)),
        (Fraction(1, 3), Fraction(1, 3)),
        (Scalar(7, "i"), 7),
        (Scalar(0.1, "f"), Fraction(1, 10)),
        (True, True),
        ("x", "x"),
    ],
)
def test_a_number_of_any_kind_is_exact(given, number):
    found = as_exact(given)
    assert (found, type(found)) == (number, type(number))


def test_a_formula_is_evaluated_at_numbers_of_any_kind():
    n = symbol("n")
    assert (4 * n + 1).evaluate({"n": Scalar(0.1, "f")}) == Fraction(7, 5)  # 4/10 + 1
    assert (4 * n + 1).evaluate({"n": 0.5}) == 3


def test_a_builder_takes_numbers_of_any_kind():
    builder = convcost.NetworkBuilder()
    conv = builder.add("conv", builder.input([3, 8, 8]), out_channels=Scalar(4, "i"), kernel_size=3.0)
    assert conv.shape == (4, 6, 6)
