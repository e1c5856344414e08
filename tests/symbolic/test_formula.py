"""Substitution into formulas, and what the package imports."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, given, settings
from random_formulas import (
    ALL_TREES,
    POINTS,
    M,
    N,
    formula_of,
    n,
    r,
    s,
    trees,
    value_of,
    x,
)

from convcost.symbolic import (
    Formula,
    NeedsValueError,
    assuming,
    symbol,
)


@given(tree=ALL_TREES, inner=trees("+ - *", leaves=3), point=POINTS)
@settings(max_examples=200)
def test_substituting_and_then_evaluating_is_evaluating_what_was_substituted(tree: Any, inner: Any, point: Any) -> None:
    formula, put = formula_of(tree), formula_of(inner)
    assume(isinstance(formula, Formula))
    try:
        value = value_of(formula.substitute({"y": put}), point)
        assert value == formula.evaluate({**point, "y": value_of(put, point)})
        partly = formula.substitute({"y": point["y"], "M": point["M"]})
        assert value_of(partly, point) == formula.evaluate(point)
    except ZeroDivisionError:
        assume(False)


def test_what_takes_a_symbols_place_must_keep_its_facts() -> None:
    k = symbol("k", whole=True)
    assert (r // 32 + 1).substitute({"r": 64 * k}) == 2 * k + 1
    assert ((n - 1) // 2).substitute({"n": r}) == r / 2 - 1
    assert (M * N).substitute({"M": N, "N": M}) == M * N
    with pytest.raises(ValueError, match="r cannot be 33"):
        r.evaluate({"r": 33})
    with pytest.raises(ValueError, match="s cannot be 2: s ≥ 3 must hold"):
        (s + 1).substitute({"s": 2})
    with pytest.raises(ValueError, match="x cannot be 0: x > 0 must hold"):
        x.evaluate({"x": 0})
    with pytest.raises(NeedsValueError, match="k/32 is whole"):
        r.substitute({"r": k})
    with assuming({"k": 64}) as conditions:
        assert (r // 2).substitute({"r": k}) == k / 2
    assert [str(condition) for condition in conditions] == ["k/32 is whole", "k ≥ 32"]


def test_the_module_needs_no_sympy() -> None:
    code = "import sys, convcost.symbolic; print({'sympy', 'dataclasses', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"


def test_a_division_under_assumptions_records_that_the_divisor_is_not_zero():
    for divide in (lambda: (n**2 - 9) / (n - 3), lambda: 1 / (n - 3), lambda: n // (n - 3), lambda: 7 % (n - 3)):
        with assuming({"n": 5}) as conditions:
            divide()
        assert "n ≠ 3" in map(str, conditions)
        with assuming({"n": 3}), pytest.raises(ZeroDivisionError, match="division by n − 3, which is zero at the wit"):
            divide()
    assert (n**2 - 9) / (n - 3) == n + 3  # outside, the value is the author's to know
