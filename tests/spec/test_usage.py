"""Where a spec reads a symbol, and which symbols are nothing but numbers of repetitions."""

from __future__ import annotations

from fractions import Fraction

import pytest

from convcost.spec.origin import Origin
from convcost.spec.usage import NotOnlyRepetitionsError, readers, repetition_step

CONV = {"conv": {"out_channels": "n", "kernel_size": 1}}


def document(*layers, blocks=None, **symbols):
    spec = {"symbols": symbols or {"n": 2, "m": 3}, "input": [8, 4, 4], "layers": list(layers)}
    return Origin.of(spec | ({"blocks": blocks} if blocks else {})).reader.check([], "")


def found(document, symbol):
    return [(use.owner, use.key, use.expression.text) for use in readers(document, symbol)]


def test_a_symbol_is_read_by_fields_keys_and_the_input():
    spec = {
        "symbols": {"n": 2},
        "input": [8, "n", "2 * n"],
        "defaults": {"conv": {"kernel_size": "n"}},
        "layers": [
            {"conv": {"out_channels": 8}, "repeat": "n - 1", "if": "n > 1"},
            {"residual": {"body": [{"conv": {"out_channels": 8, "kernel_size": 1, "padding": "n // 2"}}]}},
        ],
    }
    uses = found(Origin.of(spec).reader.check([], ""), "n")
    for use in [
        ("", "input", "n"),
        ("", "input", "2 * n"),
        ("conv", "kernel_size", "n"),
        ("conv", "repeat", "n - 1"),
        ("conv", "if", "n > 1"),
        ("conv", "padding", "n // 2"),
    ]:
        assert use in uses


def test_what_reads_a_parameter_reads_the_symbol_that_is_given():
    blocks = {"stage": {"params": {"depth": None}, "layers": [{**CONV, "repeat": "depth - 1"}]}}
    stages = document({"stage": {"depth": "m"}}, {"stage": {"depth": 2}}, blocks=blocks, n=2, m=3)
    assert found(stages, "m") == [("conv", "repeat", "depth - 1")]
    assert found(stages, "n") == [("conv", "out_channels", "n")]


def test_a_symbol_whose_default_is_another_passes_it_on():
    assert found(document({**CONV, "repeat": "k"}, n=2, m=3, k="m + 1"), "m") == [("conv", "repeat", "k")]


@pytest.mark.parametrize(
    ("repeat", "step"),
    [
        ("m", 1),
        ("m + 2", 1),
        ("2 + m - n", 1),
        ("3 * m - 1", 1),  # m is whole, and so are thirds of 3 · m, but a step of 1 needs no reason
        ("ceil(m * 4) - 1", Fraction(1, 4)),
        ("floor(2 * m * 3 + n / 7)", Fraction(1, 6)),
    ],
)
def test_repetitions_that_rise_with_a_symbol(repeat, step):
    assert repetition_step(document({**CONV, "repeat": repeat}), "m") == step


def test_factors_are_the_values_of_a_parameter():
    blocks = {"stage": {"params": {"k": None}, "layers": [{**CONV, "repeat": "ceil(m * k)"}]}}
    assert repetition_step(document({"stage": {"k": 4}}, {"stage": {"k": 6}}, blocks=blocks), "m") == Fraction(1, 12)
    for factor in ("n", "1/2", 0, -1):
        with pytest.raises(NotOnlyRepetitionsError, match=r"^ceil\(m \* k\) may fall where it rises$"):
            repetition_step(document({"stage": {"k": 4}}, {"stage": {"k": factor}}, blocks=blocks), "m")


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ([{**CONV, "repeat": "n"}], "it decides about out_channels: n too"),
        ([{**CONV, "repeat": "m"}, {**CONV, "if": "m > 2"}], "it decides about if: m > 2 too"),
        ([{**CONV, "repeat": "9 - m"}], "9 - m may fall where it rises"),
        ([{**CONV, "repeat": "m * m"}], "m * m may fall where it rises"),
        ([{**CONV, "repeat": "m * n"}], "m * n may fall where it rises"),  # n may be below 0
        ([{**CONV, "repeat": "m + m"}], "m + m may fall where it rises"),
        ([{**CONV, "repeat": "-m"}], "-m may fall where it rises"),
        ([{**CONV, "repeat": "m * 0.5"}], "m * 0.5 may fall where it rises"),
        ([{**CONV, "repeat": "round(m)"}], "round(m) may fall where it rises"),  # halves to even ones
        ([{**CONV, "repeat": "m // 2"}], "m // 2 may fall where it rises"),
        ([{**CONV, "repeat": "max(m, 2)"}], "max(m, 2) may fall where it rises"),
    ],
)
def test_what_is_more_than_a_number_of_repetitions(layers, reason):
    symbol = "n" if "out_channels" in reason else "m"
    with pytest.raises(NotOnlyRepetitionsError) as caught:
        repetition_step(document(*layers), symbol)
    assert str(caught.value) == reason
