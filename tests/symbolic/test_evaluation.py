"""Values of formulas at many points."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_formulas import (
    ALL_TREES,
    POINTS,
    SYMBOLS,
    M,
    N,
    formula_of,
    value_of,
)

from convcost.symbolic import (
    NeedsValueError,
    evaluator,
)


@given(tree=ALL_TREES, points=st.lists(POINTS, min_size=1, max_size=3))
@settings(max_examples=200)
def test_a_prepared_formula_gives_the_values_of_the_formula(tree: Any, points: list[Any]) -> None:
    formula = formula_of(tree)
    names = sorted(SYMBOLS, reverse=True)
    prepared = evaluator(formula, names)
    for point in points:
        try:
            expected = value_of(formula, point)
        except ZeroDivisionError:
            with pytest.raises(ZeroDivisionError):
                prepared([point[name] for name in names])
            continue
        value = prepared([point[name] for name in names])
        assert value == expected
        assert type(value) is type(expected)


def test_a_prepared_formula_needs_all_its_symbols() -> None:
    with pytest.raises(NeedsValueError, match="this needs a value for N"):
        evaluator(M * N, ["M"])
    assert evaluator(7, [])([]) == 7
