"""Sweeps: every number and every error is what the analysis of that point gives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.design_space import parts as module
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
    values = {"alpha": "0.25,0.5,0.75,1", "r": "128:224:32"}
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
    found = convcost.sweep("mobilenet_v1", set={"alpha": "1/32:63/32:1/32", "r": "64:608:32"})
    assert len(found.outcomes) == 63 * 18
    assert len(points) == 1
    assert len(regions) == 1


def test_words_and_numbers_of_repetitions_are_held():
    found = convcost.sweep("mobilenet_v1", set={"deep": "0,3,5", "alpha": "0.25,0.5,1", "r": "160,192"})
    assert told(found) == again("mobilenet_v1", found)
    spec = {
        "symbols": {"f": "relu", "n": 2},
        "input": [2, 4, 4],
        "layers": [{"conv": {"out_channels": "n", "kernel_size": "1", "activation": "f"}}],
    }
    found = convcost.sweep(spec, set={"f": "relu,hard_swish,2", "n": "1:8"})
    assert told(found) == again(spec, found)


def test_a_condition_on_two_symbols_holds_at_some_points_only():
    grouped = conv(out_channels="n", kernel_size=3, groups="g", bias="false")
    spec = {"symbols": {"n": 4, "g": 2}, "input": [12, 5, 5], "layers": [grouped]}
    found = convcost.sweep(spec, set={"n": "1:24", "g": "1:6"})
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
        ({"alpha": "1:0.5:0.1"}, (), "a range starts at or below its end"),
        ({"alpha": "1:1"}, (), "several values"),
        ({"alpha": "1:2:0"}, (), "the step of a range is above 0"),
        ({"alpha": "1:2:3:4"}, (), "a range is START:END"),
        ({"alpha": "1:2:1e-9"}, (), "a range has at most 100,000 values"),
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
        convcost.sweep({"symbols": {"n": 1}, "input": [1, 2, 2], "layers": ["relux"]}, set={"n": "1:999"})


def test_where_no_point_is_valid_the_reasons_are_counted():
    layer = conv(out_channels="n", kernel_size=5, groups="g")
    spec = {"symbols": {"n": 4, "g": 1, "r": 9}, "input": [4, "r", "r"], "layers": [layer]}
    with pytest.raises(OptionError) as caught:
        convcost.sweep(spec, set={"g": "3,5", "r": "2,9"})
    assert caught.value.text() == (
        "error: none of 4 points is a valid network\n"
        " = found: 2: the kernel must fit into its padded input; 2: groups must divide in_channels"
    )


def test_make_divisible_is_the_same_in_formulas():
    spec = {
        "symbols": {"n": 8},
        "input": [1, 2, 2],
        "layers": [conv(out_channels="make_divisible(n, 9)", kernel_size=1)],
    }
    found = convcost.sweep(spec, set={"n": "1:28"})
    widths = {row["n"]: row["mults"] // 4 for row in found.rows()}
    # 10 + 4.5 → 9, just 0.9 · 10; 11 + 4.5 → 9, below 9.9; 13 + 4.5 → 9, below; 20 + 4.5 → 18, just 0.9 · 20
    assert {n: widths[n] for n in (1, 9, 10, 11, 13, 19, 20, 21, 28)} == {
        1: 9, 9: 9, 10: 9, 11: 18, 13: 18, 19: 18, 20: 18, 21: 27, 28: 27,
    }  # fmt: skip
    assert told(found) == again(spec, found)


def test_a_divisor_that_is_not_positive_is_an_error_in_formulas_too():
    width = conv(out_channels="make_divisible(9, n - 5)", kernel_size=1)
    spec = {"symbols": {"n": 8}, "input": [1, 2, 2], "layers": [width]}
    found = convcost.sweep(spec, set={"n": "1:19"})
    assert told(found) == again(spec, found)
    errors = [row["n"] for row in found.rows() if row["error"]]
    assert errors == [1, 2, 3, 4, 5]
    (detail,) = found.outcomes[0].details
    assert detail.message == "make_divisible needs a positive divisor"
    assert detail.found == "found -4"


@pytest.mark.parametrize(
    ("layer", "beyond", "message"),
    [
        # a stride of any size gives one position at least: only the bound of the field itself tells
        (conv(out_channels=2, kernel_size=1, stride="s"), 10**15 + 1, "stride must be at most 10**15"),
        # the field is within its bound, the output of 9 + 2s is not
        ({"pad": {"padding": "s"}}, 6 * 10**14, "a size is at most 10**15"),
        (conv(out_channels="s", kernel_size=1), 10**15 + 1, "out_channels must be at most 10**15"),
    ],
    ids=["a field", "an output size", "channels"],
)
def test_a_size_beyond_every_network_is_an_error_in_formulas_too(layer, beyond, message):
    spec = {"symbols": {"s": 2}, "input": [1, 9], "layers": [layer]}
    found = convcost.sweep(spec, set={"s": [*range(1, 20), 10**14, beyond]})
    assert told(found) == again(spec, found)
    assert found.outcomes[-1].details[0].message == message
    assert not any(isinstance(outcome, ConvcostError) for outcome in found.outcomes[:20])


def test_what_is_true_is_no_1():
    layer = {"conv": {"out_channels": "n", "kernel_size": "1", "bias": "w"}}
    spec = {"symbols": {"w": True, "n": 2}, "input": [3, 4, 4], "layers": [layer]}
    found = convcost.sweep(spec, set={"w": "true,1", "n": "1:12"})
    assert told(found) == again(spec, found)
    # 3n weights and n biases; a bias of 1 is no truth value
    assert found.outcomes[:12] == [(4 * n, 48 * n) for n in range(1, 13)]
    assert all(each.details[0].message == "bias must be true or false" for each in found.outcomes[12:])


def test_1_is_not_true():
    spec = {"symbols": {"n": 2}, "input": [3, 4, 4], "layers": [conv(out_channels="n", kernel_size=1)]}
    found = convcost.sweep(spec, set={"n": "1:12,true"})
    assert told(found) == again(spec, found)
    assert found.outcomes[12].details[0].message == "out_channels must be a whole number"


def test_a_sweep_has_at_most_so_many_points():
    spec = {"symbols": {"n": 2, "m": 2}, "input": [3, 4, 4], "layers": [conv(out_channels="n * m", kernel_size=1)]}
    with pytest.raises(OptionError) as caught:
        convcost.sweep(spec, set={"n": "1:317", "m": "1:316"})  # 317 · 316
    assert caught.value.text() == (
        "error: a sweep has at most 100,000 points\n"
        " = found: 100,172 points\n"
        " = help: --stream FILE writes any number; --max-points N allows more here, in Python max_points=N"
    )
    assert len(convcost.sweep(spec, set={"n": "1:317", "m": "1:316"}, max_points=100_172).outcomes) == 100_172
    assert len(convcost.sweep(spec, set={"n": "1,2", "m": "1,2,3"}, max_points=6).outcomes) == 6
    with pytest.raises(OptionError, match="a sweep has at most 5 points"):
        convcost.sweep(spec, set={"n": "1,2", "m": "1,2,3"}, max_points=5)


def test_a_range_has_at_most_as_many_values_as_a_sweep_has_points():
    spec = {"symbols": {"n": 2}, "input": ["n", 4, 4], "layers": ["relu"]}
    with pytest.raises(OptionError) as caught:
        convcost.sweep(spec, set={"n": "1:10**9"})
    assert caught.value.text() == (
        "error: a range has at most 100,000 values\n"
        " = found: --set n=1:10**9: 1,000,000,000\n"
        " = help: a larger step gives fewer; --max-points N allows more, in Python max_points=N"
    )
    with pytest.raises(OptionError, match="a range has at most 2 values"):
        convcost.sweep(spec, set={"n": "1:3"}, max_points=2)


@pytest.mark.parametrize("most", [0, -1, 1.5, "10", True])
def test_the_number_of_points_is_a_whole_number(most):
    with pytest.raises(OptionError, match=f"^error: max_points is a whole number, at least 1\n = found: {most!r}$"):
        convcost.sweep("mobilenet_v1", set={"alpha": "0.5,1"}, max_points=most)


def test_an_input_beyond_every_network_is_an_error_in_formulas_too():
    spec = {"symbols": {"s": 2}, "input": [1, "s"], "layers": ["global_avg_pool"]}  # which gives one value
    found = convcost.sweep(spec, set={"s": [*range(1, 20), 10**15, 10**15 + 1]})
    assert told(found) == again(spec, found)
    assert [isinstance(outcome, ConvcostError) for outcome in found.outcomes] == [False] * 20 + [True]
