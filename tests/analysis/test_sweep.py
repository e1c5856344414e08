"""Sweeps: every number and every error is what the analysis of that point gives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.analysis import sweep as module
from convcost.errors import ConvcostError, OptionError, SpecError


def again(spec, found):
    """Return what analysing each point by itself gives: the metrics or the text of the error."""
    outcomes = []
    for index in range(len(found.task)):
        try:
            total = convcost.analyze(spec, set=found.task.settings(index), free=None).total
            outcomes.append(tuple(getattr(total, name) for name in found.task.metrics))
        except ConvcostError as error:
            outcomes.append(str(error))
    return outcomes


def told(found):
    return [str(each) if isinstance(each, ConvcostError) else each for each in found.outcomes]


def conv(**fields):
    return {"conv": {key: str(value) for key, value in fields.items()}}


def test_mobilenet_at_all_widths_and_resolutions_of_the_paper():
    values = {"alpha": "0.25,0.5,0.75,1", "r": "128:225:32"}
    found = convcost.sweep("mobilenet_v1", set=values)
    rows = {(row["alpha"], row["r"]): row["mults"] for row in found.rows()}
    assert len(rows) == 16
    assert rows[1, 224] == 568_740_352
    assert rows[Fraction(3, 4), 224] == 325_400_448
    assert told(found) == again("mobilenet_v1", found)


def test_a_width_that_makes_a_fraction_of_a_channel_is_an_error():
    spec = {"symbols": {"alpha": 1}, "input": [3, 9, 9], "layers": [conv(out_channels="32 * alpha", kernel_size=3)]}
    found = convcost.sweep(spec, set={"alpha": [Fraction(i, 10) for i in range(1, 21)]})
    assert told(found) == again(spec, found)
    row = list(found.rows())[6]
    assert row["alpha"] == Fraction(7, 10)
    assert row["mults"] is None
    assert "22.4" in row["error"]


NETS = {
    "groups": [conv(out_channels="4 * n", kernel_size=3, groups="g", padding=1)],
    "floors": [conv(out_channels=4, kernel_size=3, stride=2), {"max_pool": {"kernel_size": 2}}],
    "same": [conv(out_channels="n", kernel_size=5, stride=3, padding="same"), "relu", {"global_avg_pool": None}],
    "rounded": [conv(out_channels="max(2, round(n * 3 / 7))", kernel_size=1), "softmax"],
    "divisible": [conv(out_channels="make_divisible(5 * n, 4)", kernel_size=2, dilation=2)],
    "a condition": [
        {**conv(out_channels="n", kernel_size=1), "if": "r > 9 or g == 2"},
        conv(out_channels=2, kernel_size=3),
    ],
    "repetitions": [{**conv(out_channels=8, kernel_size=3), "repeat": "g"}],
    "a window": [conv(out_channels=4, kernel_size="g", padding="g // 2", stride="g")],
    "an average": [{"adaptive_avg_pool": {"output_size": "g"}}, "flatten", {"linear": {"out_features": "n"}}],
    "transposed": [{"transposed_conv": {"out_channels": "n", "kernel_size": "3", "stride": "g", "padding": "1"}}],
    "a sum": [{"add": [[{"upsample": {"scale_factor": 2}}], [{"upsample": {"size": 16}}]]}],
    "a pool": [{"max_pool": {"kernel_size": "3", "stride": "2", "padding": "1", "ceil_mode": "true"}}],
}


@pytest.mark.parametrize("name", NETS)
@given(st.data())
@settings(max_examples=6)
def test_a_sweep_is_the_analysis_of_every_point_errors_included(name, data):
    spec = {"symbols": {"n": 4, "g": 2, "r": 12}, "input": [4, "r", "r"], "layers": NETS[name]}
    numbers = st.integers(-1, 40) | st.fractions(0, 9, max_denominator=4)
    axes = {
        axis: data.draw(st.lists(numbers, min_size=1, max_size=6, unique=True), label=axis)
        for axis in data.draw(st.sampled_from([("r",), ("n", "r"), ("g", "r"), ("n", "g", "r")]))
    }
    axes["r"] = axes["r"] + list(range(7, 14))
    try:
        found = convcost.sweep(spec, set=axes)
    except ConvcostError:  # no point has a cost
        for index in range(7, 14):
            with pytest.raises(ConvcostError):
                convcost.load(spec, set={name: values[0] for name, values in axes.items()} | {"r": index})
        return
    assert told(found) == again(spec, found)


def test_the_formula_is_derived_once_where_one_holds(monkeypatch):
    points, regions = [], []
    analysed, derive = module.analysed, module.derive
    monkeypatch.setattr(module, "analysed", lambda *given: points.append(given) or analysed(*given))
    monkeypatch.setattr(module, "derive", lambda *given: regions.append(given) or derive(*given))
    found = convcost.sweep("mobilenet_v1", set={"alpha": "1/32:2:1/32", "r": "64:640:32"})
    assert len(found.outcomes) == 63 * 18
    assert len(points) == 1
    assert len(regions) == 2  # which symbols can stay free is tried first


def test_words_and_numbers_of_repetitions_are_held():
    found = convcost.sweep("mobilenet_v1", set={"deep": "0,3,5", "alpha": "0.25,0.5,1", "r": "160,192"})
    assert told(found) == again("mobilenet_v1", found)
    spec = {
        "symbols": {"f": "relu", "n": 2},
        "input": [2, 4, 4],
        "layers": [{"conv": {"out_channels": "n", "kernel_size": "1", "activation": "f"}}],
    }
    found = convcost.sweep(spec, set={"f": "relu,hard_swish,2", "n": "1:9"})
    assert told(found) == again(spec, found)


def test_a_condition_on_two_symbols_holds_at_some_points_only():
    grouped = conv(out_channels="n", kernel_size=3, groups="g", bias="false")
    spec = {"symbols": {"n": 4, "g": 2}, "input": [12, 5, 5], "layers": [grouped]}
    found = convcost.sweep(spec, set={"n": "1:25", "g": "1:7"})
    assert told(found) == again(spec, found)
    valid = [(row["n"], row["g"]) for row in found.rows() if row["error"] is None]
    assert valid == [(n, g) for n in range(1, 25) for g in range(1, 7) if 12 % g == 0 and n % g == 0]


def test_points_can_be_chosen_and_sorted():
    values = {"alpha": "1,0.75,0.5,0.25", "r": "224,192"}
    found = convcost.sweep("mobilenet_v1", set=values, where=["mults <= 300M", "params>1M"], best="mults")
    mults = [row["mults"] for row in found.rows()]
    assert mults == sorted(mults)
    # all but 3/4 at 224 and 1; and 1/4, whose parameters are half a million
    assert [(row["alpha"], row["r"]) for row in found.rows()] == [
        (Fraction(1, 2), 192),
        (Fraction(1, 2), 224),
        (Fraction(3, 4), 192),
    ]


def test_the_ratio_is_to_the_first_point():
    rows = list(convcost.sweep("mobilenet_v1", set={"alpha": "1,1/2"}).rows())
    assert [row["ratio"] for row in rows] == [1, Fraction(149_497_088, 568_740_352)]


def test_any_executor_serves():
    values = {"alpha": "1/32:1.1:1/32", "r": "64:300:32"}
    with ThreadPoolExecutor(2) as pool:
        assert (
            convcost.sweep("mobilenet_v1", set=values, pool=pool).outcomes
            == convcost.sweep("mobilenet_v1", set=values).outcomes
        )


def test_what_is_done_is_told():
    heard = []
    convcost.sweep("mobilenet_v1", set={"alpha": "1/32:1.1:1/32"}, watch=lambda done, size: heard.append((done, size)))
    assert sum(done for done, _ in heard) == 35
    assert {size for _, size in heard} == {35}


def test_a_symbol_on_which_nothing_depends_is_named():
    spec = {"symbols": {"n": 1, "m": 1}, "input": ["n", 4, 4], "layers": ["relu"]}
    assert convcost.sweep(spec, set={"n": "1,2", "m": "1,2"}).unused == ("m",)


@pytest.mark.parametrize(
    ("values", "where", "message"),
    [
        ({"alpha": "1:1"}, (), "the range is empty"),
        ({"alpha": "1:0.5:0.1"}, (), "the range is backwards"),
        ({"alpha": "1:2:0"}, (), "the step of a range is above 0"),
        ({"alpha": "1:2:3:4"}, (), "a range is START:END"),
        ({"alpha": "1:2:1e-9"}, (), "a range has at most"),
        ({"alpha": "1/32:100:1/32", "r": "32:320000:32"}, (), "a sweep has at most 10,000,000 points"),
        ({"alpha": "1/2"}, (), "several values"),
        ({"alpha": "1,r"}, (), "cannot depend on r"),
        ({"alpha": "1,("}, (), "a parenthesis is not balanced"),
        ({"alfa": "1,2"}, (), "no symbol 'alfa'"),
        ({"alpha": "1,2"}, ["mults"], "a condition compares a total"),
        ({"alpha": "1,2"}, ["mul < 3"], "no total 'mul'"),
        ({"alpha": "1,2"}, ["mults < many"], "a limit is a whole number"),
        ({"alpha": "0.7,0.8"}, (), "must be a multiple of 1/32"),
    ],
)
def test_what_cannot_be_swept_is_told(values, where, message):
    with pytest.raises(OptionError, match=message):
        convcost.sweep("mobilenet_v1", set=values, where=where)


def test_a_broken_spec_is_told_once():
    with pytest.raises(SpecError, match="no layer type"):
        convcost.sweep({"symbols": {"n": 1}, "input": [1, 2, 2], "layers": ["relux"]}, set={"n": "1:1000"})
