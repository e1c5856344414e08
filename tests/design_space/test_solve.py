"""The largest value within limits, against trying every value."""

from __future__ import annotations

from fractions import Fraction

import pytest

import convcost
from convcost.errors import ConvcostError, FormulaError, OptionError
from convcost.spec.source import shipped


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


SHIPPED = sorted(shipped())
REFUSED = {
    ("swin_tiny", "B3"): "is a number of repetitions, and more than that",
    ("repvgg_a0", "branches"): "may be any number",
    ("resnet50", "v1"): "may be any number",
}
"""Depths whose index decides about more than how often something runs, and choices."""


SLOW = frozenset(
    [
        "densenet121",
        "detr_resnet50",
        "efficientnet_b0",
        "efficientnet_v2_s",
        "ghostnet",
        "regnet_y_400mf",
        "resnet50",
        "resnext50_32x4d",
        "retinanet_resnet50_fpn",
        "shufflenet_v1",
        "shufflenet_v2",
        "stable_diffusion_unet",
        "swin_tiny",
        "yolov8n",
    ]
)
"""The networks whose symbols take seconds."""
NETWORKS = [pytest.param(name, marks=[pytest.mark.exhaustive] if name in SLOW else []) for name in SHIPPED]


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NETWORKS)
def test_every_symbol_of_every_shipped_spec_can_be_solved_for(name):
    """The answer and the next valid candidate are analysed; none but a number of groups has no next one."""
    model = convcost.load(name)
    limit = model.analyze().total.mults * 5 // 4
    for symbol, default in model.network.symbols.items():
        if isinstance(default, (list, tuple, bool)):  # no number: nothing to solve for
            continue
        if (name, symbol) in REFUSED:
            with pytest.raises(ConvcostError, match=REFUSED[name, symbol]):
                convcost.solve(name, symbol, max={"mults": limit})
            continue
        found = convcost.solve(name, symbol, max={"mults": limit})
        assert (default / found.step).denominator == 1
        assert found.best.value >= default  # at which the limit is kept
        assert found.best.totals["mults"] <= limit
        assert found.best.totals["mults"] == convcost.analyze(name, set={symbol: found.best.value}).total.mults
        if found.next is None:
            assert symbol in ("g", "heads", "p", "M")  # they divide channels or sizes
            continue
        assert found.next.totals["mults"] > limit
        assert found.next.totals["mults"] == convcost.analyze(name, set={symbol: found.next.value}).total.mults
        steps = (Fraction(found.next.value) - found.best.value) / found.step
        assert steps.denominator == 1
        for between in range(1, int(steps)):  # none of them is valid
            with pytest.raises(ConvcostError):
                convcost.analyze(name, set={symbol: found.best.value + between * found.step})


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("name", "symbol", "step", "most"),
    [
        ("mobilenet_v2", "alpha", Fraction(1, 40), Fraction(5, 4)),  # make_divisible(320 * alpha, 8): 8/320
        ("ghostnet", "alpha", Fraction(1, 240), Fraction(5, 4)),  # make_divisible(960 * alpha, 4): 4/960
        ("densenet121", "theta", Fraction(1, 256), 1),  # floor(256 * theta)
        ("efficientnet_b0", "depth", Fraction(1, 12), 2),  # ceil(depth * n) for n of 1, 2, 3 and 4
        ("resnet50", "n4", 1, 20),
        ("mobilenet_v1", "deep", 1, 20),  # from 0 on
        ("densenet121", "b2", 1, 25),  # each layer adds channels to all behind it
        ("vgg16", "n1", 1, 9),
    ],
)
def test_the_largest_is_the_last_of_all_that_are_tried(name, symbol, step, most):
    limit = convcost.analyze(name).total.mults * 4 // 3
    found = convcost.solve(name, symbol, max={"mults": limit})
    assert found.step == step
    start = convcost.load(name).network.symbols[symbol]  # at which the limit is kept
    values = [start + count * Fraction(step) for count in range(int((most - start) / step))]
    assert values[-1] > found.best.value == tried(name, symbol, values, {"mults": limit})


def test_a_step_can_be_chosen():
    found = convcost.solve("mobilenet_v2", "alpha", max={"mults": "200M"}, step="1/100")
    assert found.step == Fraction(1, 100)
    values = [Fraction(count, 100) for count in range(1, 150)]
    assert found.best.value == tried("mobilenet_v2", "alpha", values, {"mults": 200 * 10**6})
    assert found.next.value == found.best.value + Fraction(1, 100)
    assert found == convcost.load("mobilenet_v2").solve("alpha", max={"mults": "200M"}, step=Fraction(1, 100))
    assert convcost.solve("mobilenet_v1", "deep", max={"mults": "1G"}, step=5).best.value == 10  # 15: 1.08 G


@pytest.mark.parametrize(
    ("symbol", "step", "error"),
    [
        ("alpha", "0", "error: a step is a number above 0\n = found: --step 0\n = help: such as 1/32"),
        ("alpha", "x", "error: a step is a number above 0\n = found: --step x\n = help: such as 1/32"),
        ("alpha", "relu", "error: a step is a number above 0\n = found: --step relu\n = help: such as 1/32"),
        ("alpha", "1/64", "error: the step must be a multiple of 1/32, as alpha is\n = found: --step 1/64"),
    ],
)
def test_what_is_no_step(symbol, step, error):
    with pytest.raises(OptionError) as caught:
        convcost.solve("mobilenet_v1", symbol, max={"mults": "300M"}, step=step)
    assert str(caught.value) == error


def test_a_symbol_that_may_be_any_number_needs_a_step():
    scaled = spec({"conv": {"out_channels": 4, "kernel_size": 1, "if": "a > 1"}}, a=2)
    scaled["layers"][0] = {"conv": {"out_channels": 4, "kernel_size": 1}, "if": "a > 1"}
    with pytest.raises(OptionError) as caught:
        convcost.solve(scaled, "a", max={"mults": "300M"})
    assert str(caught.value) == (
        "error: a may be any number, so that there need not be a largest one\n"
        " = help: --step 1/32 looks at its multiples; so does multiple_of in the spec's symbols:"
        " a: {value: 1, multiple_of: 1/32}"
    )


CONV = {"conv": {"out_channels": 8, "kernel_size": 1, "bias": "false"}}  # 8 · 8 · 16 · 16 = 16,384 mults on its own


def repeated(times, item=CONV, *more, **symbols):
    return spec({**item, "repeat": times}, *more, **(symbols or {"n": 2}))


def test_repetitions_from_none_on():
    found = convcost.solve(repeated("n"), "n", max={"mults": 16_384 * 7})
    assert (found.best.value, found.best.totals["mults"], found.next.value) == (7, 16_384 * 7, 8)
    found = convcost.solve(repeated("n"), "n", max={"mults": 16_383})
    assert (found.best.value, found.next.value) == (0, 1)
    found = convcost.solve(repeated("n + 2"), "n", max={"mults": 16_383})
    assert (found.best, found.least) == (None, {"mults": 2 * 16_384})


def test_repetitions_of_which_each_costs_less():
    """Each halves the sizes of the next: 16 · 16, 8 · 8, … 1 · 1 positions, and then all cost the same."""
    halved = {"conv": {"out_channels": 8, "kernel_size": 1, "stride": 2, "bias": "false"}}
    found = convcost.solve(repeated("n", halved), "n", max={"mults": 64 * (64 + 16 + 4 + 1 + 1 + 1)})
    assert (found.best.value, found.next.value) == (6, 7)
    found = convcost.solve(repeated("n", halved, CONV), "n", max={"mults": 64 * (64 + 16 + 4 + 1 + 3 + 1)})
    assert (found.best.value, found.next.value) == (7, 8)
    # with 0 the last one costs 256 positions, with 1 64 + 64, with 2 64 + 16 + 16, with 14 64 + 16 + 4 + 11 · 1 + 1
    assert convcost.solve(repeated("n", halved, CONV), "n", max={"mults": 64 * 96}).best.value == 14


def test_repetitions_that_cost_nothing_have_no_largest_number():
    with pytest.raises(OptionError) as caught:
        convcost.solve(repeated("n", {"relu": None}), "n", max={"mults": 1000})
    assert str(caught.value) == (
        "error: n has no largest value within the limits\n"
        " = found: mults cannot be shown to exceed them\n"
        " = help: does mults grow with n? convcost sweep SPEC --set n=… shows it"
    )


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (repeated("n", CONV, {**CONV, "if": "n < 9"}), "it decides about if: n < 9 too"),
        (repeated("10 - n"), "10 - n may fall where it rises"),
        (repeated("n % 3"), "n % 3 may fall where it rises"),
        (repeated("floor(n / 3)"), "floor(n / 3) may fall where it rises"),
        (repeated("n * m", n=2, m=1), "n * m may fall where it rises"),
        (repeated("min(n, 5)"), "min(n, 5) may fall where it rises"),
    ],
)
def test_more_than_a_number_of_repetitions(network, reason):
    with pytest.raises(OptionError) as caught:
        convcost.solve(network, "n", max={"mults": 10**6})
    assert str(caught.value) == (
        "error: n is a number of repetitions, and more than that\n"
        f" = found: {reason}\n"
        " = help: convcost sweep SPEC --set n=… --where 'mults <= …' tries values"
    )


def test_repetitions_that_know_their_number_or_leave_all_their_outputs():
    counted = {"conv": {"out_channels": "8 + i", "kernel_size": 1}, "repeat": {"times": "n", "index": "i"}}
    with pytest.raises(OptionError, match="out_channels: 8 \\+ i is another one in each repetition"):
        convcost.solve(spec(counted, n=2), "n", max={"mults": 10**6})
    gathered = {**CONV, "repeat": {"times": "n", "collect": "concat"}}
    last = {"conv": {"out_channels": 1, "kernel_size": 1, "bias": "false"}}
    # n · 16,384 and 8 · n · 256 of all outputs together: 18,432 · n
    found = convcost.solve(spec(gathered, last, n=2), "n", max={"mults": 18_432 * 6})
    assert (found.best.value, found.best.totals["mults"], found.next.value) == (6, 18_432 * 6, 7)


def test_an_item_that_starts_to_run_later():
    """The second one, which leaves fewer channels to the last, runs from n = 4 on only."""
    narrow = {"conv": {"out_channels": 1, "kernel_size": 1, "bias": "false"}}
    network = repeated("n", CONV, {**narrow, "repeat": "n - 3"}, {"conv": {"out_channels": 800, "kernel_size": 1}}, n=4)
    limit = 16_384 * 9 + 256 * (8 + 5 + 800)  # n = 9: the narrow ones cost 8 and then 1 for each position
    found = convcost.solve(network, "n", max={"mults": limit})
    assert (found.best.value, found.best.totals["mults"]) == (9, limit)


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
