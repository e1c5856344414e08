"""Formulas on grids: the generated function gives what each formula has at each point, evaluated by itself."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.symbolic import Condition, Formula, floor, make_divisible, maximum, quotient, symbol
from convcost.symbolic import grid as module
from convcost.symbolic.grid import GridAxis, GridFunction

A, B, C = symbol("a"), symbol("b", whole=True), symbol("c", whole=True)
NAMES = ("a", "b", "c")
FORMULAS = {
    "a number": Fraction(7, 2),
    "one symbol": 3 * B**2 - 5,
    "a product of all": 6 * A * B * C + A * B**2 + 4,
    "a floor of one": A * floor(quotient(C - 1, 2)) ** 2 + B,
    "floors in floors": floor(quotient(floor(quotient(C - 1, 2)) + 3, 2)) * B,
    "a floor of two": C * floor(quotient(A * B, 3)) + 1,
    "a floor of all": floor(quotient(A * B + C, 4)) ** 2,
    "a rounded width": make_divisible(12 * A, 8) * make_divisible(A * B * 5, 4),
    "a maximum of fractions": maximum(A, B) * 3 + maximum(A * C, 2),
    "what a symbol divides": quotient(6 * B * C, C) + quotient(B, 3 * C),
    "what a sum divides": quotient(A * B + 1, B + C),
    "a quotient in a floor": floor(quotient(B, C + 2)),
    "fractions": quotient(A * B, 7) - Fraction(1, 5),
}
CONDITIONS = [
    Condition("nonzero", B + C),
    Condition("whole", A * B),
    Condition("fractional", A * C),
    Condition("positive", C - B),
    Condition("nonnegative", A * B - C),
    Condition("zero", B * C - 6),
    Condition("whole", quotient(C, B)),
    Condition("positive", quotient(B - 3, C - 4)),
    Condition("nonnegative", floor(quotient(A * C, 2)) - 1),
]


def expected(formula, point):
    return formula.evaluate(point) if isinstance(formula, Formula) else formula


def values_by_point(axes, formulas, conditions):
    """Return what each formula has at each point by itself, None where a value does not fit or a condition fails."""
    found = []
    for places in product(*[range(len(axis.values)) for axis in axes]):
        point = {axis.name: axis.values[at] for axis, at in zip(axes, places, strict=True)}
        fits = all(axis.fits[at] for axis, at in zip(axes, places, strict=True))
        holds = fits and all(condition.holds(point) for condition in conditions)
        found.append(tuple([expected(each, point) for each in formulas]) if holds else None)
    return found


def same(found, wanted):
    """Return whether values are equal and of the same kind: an int is no fraction."""
    return [None if each is None else [(type(x), x) for x in each] for each in found] == [
        None if each is None else [(type(x), x) for x in each] for each in wanted
    ]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_the_values_are_those_of_each_point(data):
    numbers = {"a": st.fractions(Fraction(1, 8), 4, max_denominator=8), "b": st.integers(1, 9), "c": st.integers(1, 9)}
    axes = []
    for name in data.draw(st.permutations(NAMES)):
        values = [
            int(each) if each.denominator == 1 else each
            for each in data.draw(st.lists(numbers[name], min_size=1, max_size=4, unique=True))
        ]
        axes.append(
            GridAxis(name, values, data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
        )
    formulas = data.draw(st.lists(st.sampled_from(list(FORMULAS.values())), min_size=1, max_size=3))
    conditions = data.draw(st.lists(st.sampled_from(CONDITIONS), max_size=2))
    function = GridFunction(axes, formulas, conditions)
    whole = [(0, len(axis.values)) for axis in axes]
    wanted = values_by_point(axes, formulas, conditions)
    assert same(function(whole), wanted)
    box = [(data.draw(st.integers(0, end)), end) for _, end in whole]
    inside = [
        each
        for places, each in zip(product(*[range(end) for _, end in whole]), wanted, strict=True)
        if all(at >= start for at, (start, _) in zip(places, box, strict=True))
    ]
    assert same(function(box), inside)


@pytest.mark.parametrize("name", FORMULAS)
def test_each_form_is_evaluated(name):
    axes = [
        GridAxis("a", [Fraction(1, 8), Fraction(1, 3), Fraction(4, 3), 2], [True] * 4),
        GridAxis("b", [1, 2, 5], [True] * 3),
        GridAxis("c", [1, 3, 4, 8], [True] * 4),
    ]
    found = GridFunction(axes, [FORMULAS[name]], [])([(0, 4), (0, 3), (0, 4)])
    assert same(found, values_by_point(axes, [FORMULAS[name]], []))


def test_what_does_not_depend_on_the_last_symbol_is_worked_out_outside_of_its_loop():
    axes = [GridAxis("b", [2, 3], [True] * 2), GridAxis("c", [4, 5], [True] * 2)]
    source = GridFunction(axes, [B**5 * C + B**4], []).source
    # B⁵ and B⁴ are in the table of b, so that the innermost loop has one product and one sum
    innermost = source.splitlines()[-1]
    assert innermost.count("*") + innermost.count("+") == 2


def test_more_symbols_than_loops_can_be_nested():
    names = [f"n{number}" for number in range(25)]
    axes = [GridAxis(name, [1, 2] if number in (0, 7, 24) else [3], [True] * 2) for number, name in enumerate(names)]
    axes = [GridAxis(axis.name, axis.values, [True] * len(axis.values)) for axis in axes]
    total = 0
    for name in names:
        total = total + symbol(name, whole=True)
    pair = symbol("n0", whole=True) * symbol("n7", whole=True)
    found = GridFunction(axes, [total, pair], [Condition("positive", pair - 1)])([(0, len(a.values)) for a in axes])
    # 22 symbols of 3; where n0 and n7 are both 1, the condition fails
    assert found == [
        None if a * b == 1 else (66 + a + b + c, a * b) for a, b, c in product([1, 2], [1, 2], [1, 2])
    ]  # fmt: skip


def test_a_formula_of_very_many_terms_is_compiled():
    total = 0
    for number in range(1, 3001):
        total = total + number * floor(quotient(B * C + number, 3001))
    found = GridFunction([GridAxis("b", [5], [True]), GridAxis("c", [7, 900], [True] * 2)], [total], [])(
        [(0, 1), (0, 2)]
    )
    assert found == [(sum(n * ((5 * c + n) // 3001) for n in range(1, 3001)),) for c in (7, 900)]


def test_large_denominators_stay_exact(monkeypatch):
    values = [*range(1, 60)]
    axes = [GridAxis("b", values, [True] * 59), GridAxis("c", values, [True] * 59)]
    wanted = values_by_point(axes, [quotient(B, C) + C], [])
    for largest in (1, 1 << 128):  # lcm(1, …, 59) has 84 bits
        monkeypatch.setattr(module, "_LARGEST_SCALE", largest)
        assert same(GridFunction(axes, [quotient(B, C) + C], [])([(0, 59), (0, 59)]), wanted)


def test_conditions_of_no_symbol_decide_for_all_points():
    axes = [GridAxis("b", [1, 2], [True] * 2)]
    kept = Formula({frozenset(): -1}, None)
    assert GridFunction(axes, [B], [Condition("positive", kept)])([(0, 2)]) == [None, None]
    assert GridFunction(axes, [B], [Condition("nonzero", kept)])([(0, 2)]) == [(1,), (2,)]


def test_the_source_holds_no_name_of_a_spec():
    name = "b); import os; ("
    function = GridFunction([GridAxis(name, [1, 2], [True] * 2)], [symbol(name, whole=True) + 1], [])
    assert "import" not in function.source
    assert function([(0, 2)]) == [(2,), (3,)]
    assert prod(map(len, function.tables)) == 2
