"""The largest value within limits, against trying every value."""

from __future__ import annotations

from fractions import Fraction

import pytest

import convcost
from convcost.errors import ConvcostError, FormulaError, OptionError, SpecError


def tried(spec, name, values, limits):
    """Return the last value that is valid and within the limits, by analysing all."""
    best = None
    for value in values:
        try:
            total = convcost.analyze(spec, set={name: value}).total
        except ConvcostError:
            continue
        if all(getattr(total, metric) <= limit for metric, limit in limits.items()):
            best = value
    return best


def test_the_widest_mobilenet_under_300_million():
    found = convcost.solve("mobilenet_v1", "alpha", max={"mults": "300M"})
    # 10752·224²·(23/32)² + 1125/2·224²·23/32 + 1024000·23/32 = 278,702,592 + 20,286,000 + 736,000
    assert found.best.value == Fraction(23, 32)
    assert found.best.totals["mults"] == 299_724_592
    assert (found.next.value, found.next.totals["mults"]) == (Fraction(3, 4), 325_400_448)


def test_both_limits_hold():
    found = convcost.solve("mobilenet_v1", "alpha", max={"mults": "300M", "params": "1M"})
    limits = {"mults": 3 * 10**8, "params": 10**6}
    assert found.best.value == tried("mobilenet_v1", "alpha", [Fraction(k, 32) for k in range(1, 40)], limits)


def test_other_symbols_take_values():
    found = convcost.solve("mobilenet_v1", "r", max={"mults": 10**8}, set={"alpha": "1/2"})
    # 1/4·10752·r² + 1/2·1125/2·r² + 512000 ≤ 10⁸ gives r ≤ 183, in steps of 32
    assert (found.best.value, found.next.value) == (160, 192)


@pytest.mark.parametrize("limit", [5 * 10**8, 2 * 10**9, 3_333_333_333])
def test_floors_and_parities(limit):
    found = convcost.solve("unet", "r", max={"mults": limit})
    assert found.best.value == tried("unet", "r", range(1, 100), {"mults": limit})


def spec(*layers, **symbols):
    return {"symbols": symbols, "input": [8, 16, 16], "layers": list(layers)}


def test_values_at_which_the_network_is_invalid_are_passed_over():
    grouped = spec({"conv": {"out_channels": "n", "kernel_size": "1", "groups": "4", "bias": "false"}}, n=4)
    found = convcost.solve(grouped, "n", max={"params": 21})  # n · 8/4 ≤ 21, and 4 divides n
    assert (found.best.value, found.next.value) == (8, 12)


def test_a_step_follows_from_what_must_be_whole():
    wide = spec(
        {"conv": {"out_channels": "12 * a", "kernel_size": "1", "bias": "false"}},
        {"conv": {"out_channels": "8 * a", "kernel_size": "1", "bias": "false"}},
        a=1,
    )
    found = convcost.solve(wide, "a", max={"params": 1000})  # a in quarters: 96·a + 96·a² ≤ 1000
    assert found.step == Fraction(1, 4)
    assert found.best.value == Fraction(11, 4)  # 96 · 2.75 + 96 · 7.5625 = 990


def test_a_branch_that_costs_less_is_found():
    small = spec(
        {"conv": {"out_channels": "n", "kernel_size": "1", "bias": "false"}, "if": "n % 2 == 0"},
        {"conv": {"out_channels": "n", "kernel_size": "1", "bias": "false"}},
        n=3,
    )
    # even n: 8n + n² = 84 at 6, 128 at 8; odd n: 8n = 120 at 15
    found = convcost.solve(small, "n", max={"params": 120})
    assert found.best.value == tried(small, "n", range(1, 60), {"params": 120}) == 15


def test_a_limit_that_cannot_be_met_says_the_least_cost():
    found = convcost.solve("mobilenet_v1", "alpha", max={"mults": "1M"})
    assert found.best is None
    # 10752·49 + 1125/2·1568 + 32000
    assert found.least == {"mults": 1_440_848} == {"mults": 10752 * 49 + 1125 * 784 + 32000}


@pytest.mark.parametrize(
    ("symbol", "limits", "message"),
    [
        ("alfa", {"mults": 1}, "no symbol 'alfa'"),
        ("alpha", {"mul": 1}, "no total 'mul'"),
        ("alpha", {"mults": "many"}, "a limit is a whole number"),
        ("alpha", {}, "solve needs a limit"),
        ("r", {"params": "100M"}, "r has no largest value"),
    ],
)
def test_what_cannot_be_solved_is_told(symbol, limits, message):
    with pytest.raises(OptionError, match=message):
        convcost.solve("mobilenet_v1", symbol, max=limits)


def test_a_number_of_repetitions_cannot_be_solved_for():
    with pytest.raises(SpecError, match="this needs a value for deep"):
        convcost.solve("mobilenet_v1", "deep", max={"mults": "1G"})


def test_a_symbol_that_may_be_any_number_needs_a_step():
    with pytest.raises(OptionError, match="alpha may be any number"):
        convcost.solve("mobilenet_v2", "alpha", max={"mults": "300M"})


def test_a_formula_that_is_too_large_is_no_value_without_a_network():
    """What stops a formula may not be taken for what makes every value invalid: the largest would be too small."""
    step = {"value": 3, "multiple_of": 1}
    # for n = 2k + 1 the power has numbers of up to 57 bits beside its 30 letters
    high = {"conv": {"out_channels": "floor(n**30 / n**29)", "kernel_size": "1", "bias": "false"}}
    even = {"conv": {"out_channels": "n", "kernel_size": "1", "bias": "false"}, "if": "n % 2 == 0"}
    # even n: 8n + n² = 84 at 6, 128 at 8; odd n: 8n = 120 at 15
    assert convcost.solve(spec(even, high, n=step), "n", max={"params": 120}).best.value == 15
    # 10**154 has 512 bits; 2 · 10**154 · k has more
    wide = {"conv": {"out_channels": "n * 10**154 / 10**154", "kernel_size": "1", "bias": "false"}}
    with pytest.raises(FormulaError) as caught:
        convcost.solve(spec(even, wide, n=step), "n", max={"params": 120})
    assert str(caught.value).splitlines() == [
        "error: a number of a formula has at most 512 bits",
        "  --> <mapping>:13:21, layers[1]",
        "   |",
        "13 |       out_channels: n * 10**154 / 10**154",
        "   |                     ^ 513 bits",
        "   = help: give symbols values, or let fewer of them stay free",
    ]
