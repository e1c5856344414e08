"""Formulas as texts and as plain data."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
import sympy
from hypothesis import assume, given, settings
from random_formulas import (
    ALL_TREES,
    NUMBER_OPERATIONS,
    POINTS,
    Dk,
    Dp,
    F,
    M,
    N,
    formula_of,
    n,
    x,
)

from convcost.numbers import make_divisible as numeric_make_divisible
from convcost.symbolic import (
    Formula,
    from_dict,
    make_divisible,
    maximum,
    symbol,
)


@pytest.mark.parametrize(
    ("formula", "plain", "unicode", "latex", "python"),
    [
        (
            (N + Dk**2) / (N * Dk**2),
            "1/N + 1/Dk**2",
            "1/N + 1/Dk²",
            r"\frac{1}{N} + \frac{1}{D_{k}^{2}}",
            "Fraction(1, 1)/N + Fraction(1, 1)/Dk**2",
        ),
        (
            (n - 1) // 2,
            "floor((n - 1)/2)",
            "⌊(n − 1)/2⌋",
            r"\left\lfloor \frac{n - 1}{2} \right\rfloor",
            "((n - 1)//(2))",
        ),
        (1 - 3 * M / 2, "-3*M/2 + 1", "−3·M/2 + 1", r"-\frac{3 \, M}{2} + 1", "-Fraction(3, 2)*M + 1"),
        (5 / (6 * M * N**2), "5/(6*M*N**2)", "5/(6·M·N²)", r"\frac{5}{6 \, M \, N^{2}}", "Fraction(5, 6)/M/N**2"),
        (
            (M - 1) / (M + N),
            "(M - 1)/(M + N)",
            "(M − 1)/(M + N)",
            r"\frac{M - 1}{M + N}",
            "Fraction(1, 1)*(M - 1)/(M + N)",
        ),
        (
            maximum(M, make_divisible(x, 8)),
            "max(M, make_divisible(x, 8))",
            "max(M, make_divisible(x, 8))",
            r"\max\left(M, \operatorname{make\_divisible}\left(x, 8\right)\right)",
            "max(M, make_divisible(x, 8))",
        ),
        (
            M * (n // 2) + N * M**2 + M + N**2 + 2,
            "M**2*N + M*floor(n/2) + N**2 + M + 2",
            "M²·N + M·⌊n/2⌋ + N² + M + 2",
            "",
            "",
        ),
    ],
)
def test_texts(formula: Formula, plain: str, unicode: str, latex: str, python: str) -> None:
    if latex:
        assert formula.text("plain") == plain
        assert formula.text("latex") == latex
        assert formula._repr_latex_() == f"${latex}$"
        assert formula.text("python") == python
    assert str(formula) == repr(formula) == formula.text("unicode") == unicode


def test_a_product_shows_what_its_terms_share() -> None:
    assert (Dp**2 * M * Dk**2 + Dp**2 * M * N).text(factor=True) == "Dp²·M·(Dk² + N)"
    assert (4 * M * N - 6 * M).text("plain", factor=True) == "2*M*(2*N - 3)"
    assert (2 * M + 2).text(factor=True) == "2·(M + 1)"
    assert (M + 1).text(factor=True) == "M + 1"
    assert (4 * M).text(factor=True) == "4·M"
    assert (M / 2 + N / 2).text(factor=True) == "M/2 + N/2"
    assert (M * Dk / N + M / N).text(factor=True) == "M/N·(Dk + 1)"
    assert (1 / N + 1 / Dk**2).text(factor=True) == "1/N + 1/Dk²"


def test_names_in_latex() -> None:
    names = {"alpha": r"\alpha", "Dkh": "D_{kh}", "N": "N", "classes": r"\mathrm{classes}", "w_in": r"\mathrm{w\_in}"}
    for name, latex in {**names, "x1": "x_{1}"}.items():
        assert symbol(name).text("latex") == latex


@given(tree=ALL_TREES, point=POINTS)
@settings(max_examples=200)
def test_every_text_and_the_structure_tell_the_formula(tree: Any, point: dict[str, Any]) -> None:
    formula = formula_of(tree)
    assume(isinstance(formula, Formula))
    known = {"make_divisible": numeric_make_divisible, "Fraction": F, "math": math}
    try:
        expected = formula.evaluate(point)
    except ZeroDivisionError:
        assume(False)
    assert eval(formula.text("python"), known, point) == expected  # noqa: S307  # the text is meant to be evaluated
    exact = {"floor": lambda v: F(math.floor(v)), "round": lambda v: F(round(v)), "Fraction": F}
    exact["make_divisible"] = lambda v, d: F(numeric_make_divisible(v, d))
    fractions = {name: F(value) for name, value in point.items()}
    for text in (formula.text("plain"), formula.text("plain", factor=True)):
        assert eval(re.sub(r"\b(\d+)\b", r"Fraction(\1)", text), exact, fractions) == expected  # noqa: S307
    structure = json.loads(json.dumps(formula.to_dict()))
    assert from_dict(structure) == formula
    assert run(structure, point) == expected


def run(node: Any, point: dict[str, Any]) -> Any:
    """Evaluate the structured form as a program would that knows nothing else."""
    functions = {**NUMBER_OPERATIONS, "gcd": math.gcd}

    def base(item: Any) -> Any:
        if isinstance(item, str):
            return F(point[item])
        return F(functions[item["function"]](*[run(arg, point) for arg in item["arguments"]]))

    def summed(terms: Any) -> Any:
        return sum(F(t["coefficient"]) * math.prod(base(b) ** k for b, k in t["factors"]) for t in terms)

    return summed(node["terms"]) / (summed(node["under"]) if "under" in node else 1)


@given(tree=ALL_TREES, point=POINTS)
@settings(max_examples=100)
def test_sympy_reads_a_formula(tree: Any, point: dict[str, Any]) -> None:
    formula = formula_of(tree)
    assume(isinstance(formula, Formula))
    try:
        expected = formula.evaluate(point)
    except ZeroDivisionError:
        assume(False)
    other = sympy.sympify(formula)
    numbers = {sympy.Symbol(name): sympy.Rational(v.numerator, v.denominator) for name, v in point.items()}
    assert other.free_symbols <= set(numbers)
    for name, function in (("make_divisible", numeric_make_divisible), ("round", round)):
        other = other.replace(
            sympy.Function(name),
            lambda *args, function=function: sympy.Rational(
                str(function(*[F(str(arg.subs(numbers))) for arg in args]))
            ),
        )
    assert other.subs(numbers) == sympy.Rational(expected.numerator, expected.denominator)
