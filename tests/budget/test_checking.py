"""Networks held to budgets: what is compared, exactly, and what is told of it."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcost
from convcost.budget import checking
from convcost.budget.baselines import Lacking, Past
from convcost.budget.budgets import Bound, Budget
from convcost.comparison.base import Base
from convcost.cost.analysis import Analysis
from convcost.errors import ConfigError, OptionError, Place
from convcost.metrics import METRICS
from convcost.spec import limits

NET = Path("net.yaml")


class Before:
    """A baseline that is given."""

    base = Base("before")

    def __init__(self, spec=None, **past):
        self.spec = spec
        self.with_ = past

    def past(self, spec, network, settings, dtype=()):
        if isinstance(self.spec, Lacking):
            return self.spec
        found = Analysis.of(convcost.load(self.spec).network)
        return Past(
            **{
                "name": "before",
                "layers": found.layers,
                "numbers": found,
                "whole": True,
                **self.with_,
            }
        )


def told(verdicts):
    """Return of each verdict the metric, what it is for, the limit, the actual value and the status."""
    return [(each.budget.metric, each.kind, each.limit, each.actual, each.status) for each in verdicts]


@pytest.mark.parametrize(("limit", "status"), [(5375, "exceeded"), (5376, "within"), (5377, "within")])
def test_a_network_that_costs_just_the_limit_is_within_it(limit, status, check):
    (verdict,) = check(f"  - {{metric: mults, max: {limit}}}\n")
    assert (verdict.actual, verdict.limit, verdict.delta, verdict.status) == (5376, limit, 5376 - limit, status)
    assert verdict.used == Fraction(5376, limit)


@pytest.mark.parametrize("scope", ["sum", "each"])
def test_a_network_without_layers_costs_nothing(scope, folder, check):
    NET.write_text("input: [4]\nlayers: [{relu: , if: false}]\n")
    verdicts = check(f"  - {{metric: mults, max: 0, growth: 0, scope: {scope}}}\n", baseline=Before(NET))
    assert told(verdicts) == [("mults", "max", 0, 0, "within"), ("mults", "growth", 0, 0, "within")]
    assert [each.layer for each in verdicts] == [None, None]


def test_a_limit_of_nothing_is_kept_by_nothing(check):
    verdicts = check("  - {metric: buffers, max: 0}\n  - {metric: params, max: 0}\n")
    assert [(each.status, each.used) for each in verdicts] == [("within", None), ("exceeded", None)]


def test_limits_beyond_what_a_float_tells_apart_are_compared_exactly(folder, check):
    # 10⁹ · 10⁹ = 10¹⁸ weights
    Path("net.yaml").write_text("input: [1e9]\nlayers: [{linear: {out_features: 1e9, bias: false}}]\n")
    verdicts = check(f"  - {{metric: params, max: {10**18}}}\n  - {{metric: params, max: {10**18 - 1}}}\n")
    assert [each.status for each in verdicts] == ["within", "exceeded"]


@pytest.mark.parametrize(
    ("warn", "status"),
    # 5,376 is 84 % of 6,400
    [("84%", "within"), ("83.99%", "warning"), ("5376", "within"), ("5375", "warning"), ("0%", "warning")],
)
def test_a_warning_is_for_more_than_what_it_says(warn, status, check):
    (verdict,) = check(f"  - {{metric: mults, max: 6400, warn: {warn}}}\n")
    assert verdict.status == status


@given(actual=st.integers(1, 10**15), limit=st.integers(0, 10**18), share=st.fractions(0, 1))
def test_a_verdict_is_that_of_whole_numbers(actual, limit, share):
    """By the definition: exceeded above the limit, warned of above the share of it, else within."""
    spec = {"input": [actual], "layers": ["identity"]}  # so many values
    bounds = {
        "max": Bound(limit, share=False, text="limit"),
        "warn": Bound(share, share=True, text="share"),
    }
    (verdict,) = checking.check([spec], budgets=[Budget("output_values", **bounds)])
    expected = "exceeded" if actual > limit else "warning" if actual > share * limit else "within"
    assert (verdict.actual, verdict.status) == (actual, expected)


def test_every_metric_may_be_limited(check):
    verdicts = check("".join(f"  - {{metric: {metric}, max: 0}}\n" for metric in METRICS))
    actual = {each.budget.metric: each.actual for each in verdicts}
    assert actual == dict.fromkeys(METRICS, 0) | {
        "params": 336,
        "mults": 5376,
        "adds": 5376,
        "macs": 5376,
        "flops": 10_752,
        "useful_mults": 5376,  # no padding
        "output_values": 16 * (8 + 4 + 4 + 4),
        "activations": 16 * (8 + 4 + 4),  # by the convolutions
        "deployed_params": 336,  # no norm
        "effective_macs": 5376,  # no weight is zero
        "receptive_field": 3,  # one kernel of 3
        "weight_bytes": 4 * 336,
        "activation_bytes": 4 * (4 * 36 + 16 * (8 + 4 + 4)),  # the input too; relu in place
        "peak_memory": 4 * (4 * 36 + 16 * 8),  # what the first reads and gives
        "bytes_read": 4 * (336 + 4 * 36 + 16 * (8 + 4)),  # weights, the input and two outputs; relu in place
        "bytes_written": 4 * 16 * (8 + 4 + 4),
        "bytes_moved": 4 * (336 + 4 * 36 + 16 * (8 + 4) + 16 * (8 + 4 + 4)),
        "intensity": Fraction(10_752, 3_712),
        "ops_mul": 5376,
        "ops_add": 5376,
        "ops_cmp": 64,
    }


@pytest.mark.parametrize(
    ("layers", "actual"),
    [
        ("first", 4608),
        ("second.1", 512),
        ("second", 768),  # both repetitions
        ("second.*", 768),
        ("second/**", 0),
        ("*", 5376),
        ("**", 5376),
        ("[fs]*d*", 768),
    ],
)
def test_layers_are_chosen_by_name(layers, actual, check):
    if actual:
        (verdict,) = check(f'  - {{metric: mults, max: 1M, layers: "{layers}"}}\n')
        assert verdict.actual == actual
    else:
        with pytest.raises(convcost.ConfigError, match="no layer matches"):
            check(f'  - {{metric: mults, max: 1M, layers: "{layers}"}}\n')


def test_a_limit_for_each_layer_is_for_each_that_costs_something(check):
    verdicts = check("  - {metric: mults, scope: each, max: 512}\n")
    assert [(each.layer.name, each.actual, each.status) for each in verdicts] == [
        ("first", 4608, "exceeded"),
        ("second.1", 512, "within"),
        ("second.2", 256, "within"),
    ]
    (verdict,) = check("  - {metric: ops_exp, scope: each, max: 0}\n")
    assert (verdict.actual, verdict.status) == (0, "within")


def test_a_limit_at_each_combination_of_values(folder, check):
    Path("net.yaml").write_text(
        "symbols: {n: 1, m: 1}\ninput: [2]\nlayers: [{linear: {out_features: n * m, bias: false}}]\n"
    )
    verdicts = check("  - {metric: params, max: 12, set: {n: [1/2, 3], m: [2, 4]}}\n")
    assert [(each.symbols, each.actual, each.status) for each in verdicts] == [
        ({"n": Fraction(1, 2), "m": 2}, 2, "within"),  # 2 · 1/2 · 2
        ({"n": Fraction(1, 2), "m": 4}, 4, "within"),
        ({"n": 3, "m": 2}, 12, "within"),
        ({"n": 3, "m": 4}, 24, "exceeded"),
    ]


def test_values_that_are_the_same_are_one(check):
    verdicts = check("  - {metric: params, max: 400, set: {n: [1, 1.0, 2/2, 2]}}\n")
    assert [(each.symbols, each.actual) for each in verdicts] == [({"n": 1}, 288 + 16 + 4), ({"n": 2}, 336)]


def test_a_truth_value_is_no_number(folder, check):
    NET.write_text(NET.read_text().replace("n: 2", "n: 2, b: true").replace("  n", "  {n", 1).replace("true", "true}"))
    NET.write_text(NET.read_text().replace("bias: false", "bias: b"))
    (verdict,) = check("  - {metric: params, max: 1k, set: {b: true}}\n")
    assert verdict.actual == 336 + 8 + 4 + 4
    with pytest.raises(convcost.SpecError, match="bias must be true or false"):
        check("  - {metric: params, max: 1k, set: {b: [true, 1]}}\n")


def test_a_budgets_values_go_before_those_that_are_given(check):
    budgets = "  - {metric: params, max: 1k}\n  - {metric: params, max: 1k, set: {n: 1}}\n"
    # 288 + 8 · 2n + 2n · 2n
    assert [each.actual for each in check(budgets, settings={"n": "3"})] == [288 + 48 + 36, 288 + 16 + 4]


def test_a_symbol_without_a_value_needs_one_only_where_a_budget_gives_none(folder, check):
    Path("net.yaml").write_text("symbols: {n: }\ninput: [2]\nlayers: [{linear: {out_features: n}}]\n")
    (verdict,) = check("  - {metric: params, max: 100, set: {n: 4}}\n")
    assert verdict.actual == 12
    with pytest.raises(convcost.SpecError, match="the symbol 'n' has no value"):
        check("  - {metric: params, max: 100}\n")


def test_a_spec_is_held_to_its_own_budget_first(folder, check):
    NET.write_text(NET.read_text() + "budget: {params: 336, mults: 5k}\n")
    verdicts = check("  - {metric: params, max: 300}\n")
    assert told(verdicts) == [
        ("params", "max", 336, 336, "within"),
        ("mults", "max", 5000, 5376, "exceeded"),
        ("params", "max", 300, 336, "exceeded"),
    ]
    source = "budget: {params: 336, mults: 5k}"
    assert verdicts[1].bound == Bound(5000, share=False, text="5k", place=Place("net.yaml", 12, 30), source=source)


def test_specs_that_are_named_go_instead_of_those_of_the_configuration(folder, check):
    Path("other.yaml").write_text("input: [2]\nlayers: [{linear: {out_features: 1}}]\n")
    verdicts = check("  - {metric: params, max: 3}\n", "other.yaml")
    assert [(each.spec, each.actual) for each in verdicts] == [("other.yaml", 3)]


def test_no_more_than_five_layers_are_told(folder, check):
    NET.write_text("input: [1, 9]\nlayers:\n" + "  - conv: {out_channels: 1, kernel_size: 2}\n" * 6)
    (verdict,) = check("  - {metric: mults, max: 1}\n")
    # 2 products at 8, 7, 6, 5, 4 and 3 places
    assert [cause.value for cause in verdict.causes] == [16, 14, 12, 10, 8]


def test_a_layer_that_was_taken_out_is_no_cause(folder, check):
    before = folder / "before.yaml"
    before.write_text(NET.read_text().replace("  - conv: {out_channels: 8", "  - sigmoid\n  - conv: {out_channels: 8"))
    (verdict,) = check("  - {metric: output_values, growth: 0, max: 1k}\n", baseline=Before(before))[1:]
    # the sigmoid put out 4 · 6 · 6 values
    assert (verdict.base - verdict.actual, verdict.status) == (144, "within")


def test_the_layers_that_cost_most_are_told_with_their_places(check):
    (verdict,) = check("  - {metric: mults, max: 5k}\n")
    assert [(each.layer.name, each.value, str(each.place)) for each in verdict.causes] == [
        ("first", 4608, "net.yaml:6:5"),
        ("second.1", 512, "net.yaml:8:5"),
        ("second.2", 256, "net.yaml:8:5"),
    ]


# growth


def test_growth_is_measured_against_what_it_was(folder, check):
    before = folder / "before.yaml"
    before.write_text(NET.read_text().replace("n: 2", "n: 1"))  # 4,608 + 16 · 2 · 8 + 16 · 2 · 2 = 4,928 mults
    budgets = "".join(f"  - {{metric: mults, growth: {text}}}\n" for text in ("448", "447", "10%", "100/11%", "9%"))
    verdicts = check(budgets, baseline=Before(before))
    assert told(verdicts) == [
        ("mults", "growth", 5376, 5376, "within"),
        ("mults", "growth", 5375, 5376, "exceeded"),
        ("mults", "growth", 5420, 5376, "within"),  # 4,928 · 1.1 = 5,420.8
        ("mults", "growth", 5376, 5376, "within"),  # 4,928 · 12/11 = 5,376
        ("mults", "growth", 5371, 5376, "exceeded"),  # 4,928 · 1.09 = 5,371.52
    ]
    assert {each.base for each in verdicts} == {4928}


def test_what_grew_most_is_told_first(folder, check):
    before = folder / "before.yaml"
    before.write_text(NET.read_text().replace("n: 2", "n: 1"))
    (verdict,) = check("  - {metric: mults, growth: 0}\n", baseline=Before(before))
    # second.1: 16 · 2 · 8 = 256 became 512; second.2: 16 · 2 · 2 = 64 became 256; first stayed
    assert [(each.layer.name, each.value, each.base) for each in verdict.causes] == [
        ("second.1", 512, 256),
        ("second.2", 256, 64),
    ]


def test_growth_by_one_has_a_cause(folder, check):
    before = folder / "before.yaml"
    before.write_text("input: [1]\nlayers: [{linear: {out_features: 1, bias: false}}]\n")
    NET.write_text(before.read_text().replace("out_features: 1", "out_features: 2"))
    (verdict,) = check("  - {metric: params, growth: 0}\n", baseline=Before(before))
    assert [(cause.value, cause.base) for cause in verdict.causes] == [(2, 1)]


def test_a_layer_that_came_among_those_that_are_limited_is_new_there(folder, check):
    before = folder / "before.yaml"
    before.write_text("input: [4, 6, 6]\nlayers: [{relu: , name: a}, {relu6: , name: s1}]\n")
    NET.write_text(before.read_text().replace("name: a", "name: s0"))
    sum_, *each = check(
        '  - {metric: output_values, layers: "s*", growth: 0}\n'
        '  - {metric: output_values, layers: "s*", scope: each, growth: 0, max: 1}\n',
        baseline=Before(before),
    )
    each_max, each = each[:2], each[2:]
    # 4 · 6 · 6 = 144 values each; s1 alone was among them
    assert (sum_.limit, sum_.actual, sum_.status) == (144, 288, "exceeded")
    assert [(cause.layer.name, cause.value, cause.base) for cause in sum_.causes] == [("s0", 144, 0)]
    assert [(one.layer.name, one.base, one.status) for one in each] == [("s0", 144, "within"), ("s1", 144, "within")]
    assert [[(cause.value, cause.base) for cause in one.causes] for one in each_max] == [[(144, 144)], [(144, 144)]]


def test_a_budget_may_have_both_limits(folder, check):
    verdicts = check("  - {metric: mults, max: 6k, growth: 0%}\n", baseline=Before(NET))
    assert told(verdicts) == [("mults", "max", 6000, 5376, "within"), ("mults", "growth", 5376, 5376, "within")]


def test_growth_of_each_layer_is_against_the_layer_that_it_was(folder, check):
    before = folder / "before.yaml"
    before.write_text(NET.read_text().replace("repeat: 2", "repeat: 1"))
    verdicts = check("  - {metric: params, scope: each, growth: 0}\n", baseline=Before(before))
    assert [(each.layer.name, each.base, each.status, each.reason) for each in verdicts] == [
        ("first", 288, "within", ""),
        ("second.1", 32, "within", ""),
        ("second.2", None, "skipped", "the layer is new"),
    ]


def test_growth_of_some_layers_is_against_those_of_that_name(folder, check):
    before = folder / "before.yaml"
    before.write_text(NET.read_text().replace("name: second", "name: other"))
    verdicts = check(
        "  - {metric: params, layers: first, growth: 0}\n  - {metric: params, layers: second, growth: 0}\n",
        baseline=Before(before),
    )
    assert [(each.base, each.status, each.reason) for each in verdicts] == [
        (288, "within", ""),
        (None, "skipped", "no layer of before matches 'second'"),
    ]


def test_where_there_is_nothing_to_compare_with_growth_is_skipped_and_max_holds(check):
    verdicts = check("  - {metric: mults, max: 5k, growth: 0%}\n", baseline=Before(Lacking("net.yaml is new")))
    assert [(each.kind, each.status, each.reason) for each in verdicts] == [
        ("max", "exceeded", ""),
        ("growth", "skipped", "net.yaml is new"),
    ]


def test_a_report_of_rows_serves_totals_only(folder, check):
    before = Before(NET, whole=False)
    (verdict,) = check("  - {metric: mults, growth: 0%}\n", baseline=before)
    assert verdict.status == "within"
    for what in "layers: first", "scope: each":  # growth is not asked here
        found = check(f"  - {{metric: mults, {what}, max: 4608}}\n", baseline=before)
        assert {(each.base, each.status) for each in found} == {(None, "within")}
    (exceeded,) = check("  - {metric: mults, layers: first, max: 1}\n", baseline=before)
    assert [(each.value, each.base) for each in exceeded.causes] == [(4608, None)]
    with pytest.raises(convcost.BaselineError) as caught:
        check("  - {metric: mults, layers: first, growth: 0%}\n", baseline=before)
    assert caught.value.text() == (
        "error: before does not tell each layer\n"
        " --> convcost.yaml:3:29, budgets[0]\n"
        "  |\n"
        "3 |   - {metric: mults, layers: first, growth: 0%}\n"
        "  |                             ^\n"
        "  = help: make it without --depth and --top: convcost analyze SPEC -f json"
    )
    with pytest.raises(convcost.BaselineError, match=r"convcost.yaml:3:28, budgets\[0\]"):
        check("  - {metric: mults, scope: each, growth: 0%}\n", baseline=before)


# what does not fit


def test_a_pattern_that_no_network_has_is_an_error(folder, check):
    Path("other.yaml").write_text("input: [2]\nlayers: [{linear: {out_features: 1}, name: head}]\n")
    budgets = "  - {metric: params, max: 1k, layers: head}\n"
    verdicts = check(budgets, models="[net.yaml, other.yaml]")
    assert [(each.spec, each.status, each.reason) for each in verdicts] == [
        ("net.yaml", "skipped", "no layer matches 'head'"),
        ("other.yaml", "within", ""),
    ]
    assert check(budgets, "net.yaml", models="[net.yaml, other.yaml]")[0].status == "skipped"
    with pytest.raises(convcost.ConfigError, match="no layer matches 'head'"):
        check(budgets, models="net.yaml")


def test_the_faults_of_all_specs_and_budgets_are_told_at_once(folder, check):
    Path("a.yaml").write_text("input: [2]\nlayers: [{linear: {out_feature: 1}}]\n")
    Path("b.yaml").write_text("input: [2]\nlayers: [lineal]\n")
    with pytest.raises(convcost.ConvcostError) as caught:
        check("  - {metric: params, max: 1k, set: {m: 1}}\n", models="[a.yaml, b.yaml, net.yaml]")
    assert [detail.message for detail in caught.value.details] == [
        "linear has no field 'out_feature'",
        "there is no layer type or block 'lineal'",
        "net.yaml has no symbol 'm'",
    ]
    assert type(caught.value) is convcost.ConvcostError  # of several kinds
    with pytest.raises(convcost.SpecError):
        check("  - {metric: params, max: 1k}\n", models="[a.yaml, b.yaml]")


def test_a_pattern_is_looked_for_in_all_networks_that_the_budget_is_for(folder, check):
    Path("other.yaml").write_text("symbols: {m: 1}\ninput: [2]\nlayers: [{linear: {out_features: m}, name: head}]\n")
    head = "  - {metric: params, max: 1k, layers: head}\n"
    for_net = "  - {metric: params, max: 1k, layers: head, models: net.yaml}\n"
    both = "[net.yaml, other.yaml]"
    assert [each.status for each in check(head, "net.yaml", models=both, settings={"n": "3"})] == ["skipped"]
    with pytest.raises(convcost.ConfigError, match="no layer matches 'head'"):
        check(for_net, "net.yaml", models=both)
    with pytest.raises(convcost.ConfigError, match="no layer matches 'tail'"):
        check(head.replace("head", "tail"), "net.yaml", models=both)
    Path("other.yaml").write_text("what nobody asked for may be anything")
    assert [each.status for each in check(head, "net.yaml", models=both)] == ["skipped"]
    with pytest.raises(convcost.SpecError):
        check(head, models=both)


def test_a_layer_of_a_network_that_the_budget_is_not_for_does_not_match(folder, check):
    Path("other.yaml").write_text("input: [2]\nlayers: [{linear: {out_features: 1}, name: head}]\n")
    budgets = "  - {metric: params, max: 1k, layers: head, models: net.yaml}\n  - {metric: params, max: 1k}\n"
    with pytest.raises(convcost.ConfigError, match="no layer matches 'head'"):
        check(budgets, models="[net.yaml, other.yaml]")


def test_a_block_is_suggested_by_its_name(folder, check):
    NET.write_text("input: [2]\nblocks: {b: {layers: [relu]}}\nlayers: [{b: , name: stage1}, {b: , name: other}]\n")
    for pattern, meant in ("stag1/**", "stage1"), ("stage1/relu", "stage1/relu_1"):
        with pytest.raises(convcost.ConfigError) as caught:
            check(f'  - {{metric: params, max: 1k, layers: "{pattern}"}}\n')
        assert caught.value.details[0].help == f"did you mean {meant!r}?"


def test_a_pattern_is_looked_for_at_the_values_that_are_given(folder, check):
    NET.write_text("symbols: {n: }\ninput: [2]\nlayers: [{linear: {out_features: n}, name: body}]\n")
    with pytest.raises(convcost.ConfigError, match="no layer matches 'head'"):
        check("  - {metric: params, max: 1k, layers: head}\n", settings={"n": "2"})


def test_a_pattern_of_a_budget_that_is_for_others_is_not_looked_for(folder, check):
    Path("other.yaml").write_text(NET.read_text())
    budgets = "  - {metric: params, max: 1k, layers: head, models: other.yaml}\n  - {metric: params, max: 1k}\n"
    (verdict,) = check(budgets, "net.yaml", models="[net.yaml, other.yaml]")
    assert verdict.status == "within"
    with pytest.raises(convcost.ConfigError, match="no layer matches 'head'"):
        check(budgets, models="[net.yaml, other.yaml]")


def test_where_no_name_is_near_the_command_that_tells_them_is_named(folder, check):
    NET.write_text("input: [2, 99]\nlayers:\n" + "  - conv: {out_channels: 1, kernel_size: 2}\n" * 13)
    with pytest.raises(convcost.ConfigError) as caught:
        check("  - {metric: params, max: 1k, layers: stem}\n")
    assert caught.value.details[0].help == "`convcost analyze SPEC` tells the names of layers"


def test_growth_has_one_baseline():
    with pytest.raises(convcost.OptionError) as caught:
        checking.against("main", "a.json", [])
    assert caught.value.text() == (
        "error: growth has one baseline\n = found: a revision and a report\n = help: give one of them"
    )


def test_a_pattern_that_standard_input_does_not_match_is_told(check, monkeypatch):
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(NET.read_bytes())))
    with pytest.raises(convcost.ConfigError) as caught:
        check("  - {metric: params, max: 1k, layers: secont/*}\n", "-")
    assert caught.value.text() == (
        "error: no layer matches 'secont/*'\n"
        " --> convcost.yaml:3:39, budgets[0]\n"
        "  |\n"
        "3 |   - {metric: params, max: 1k, layers: secont/*}\n"
        "  |                                       ^\n"
        "  = help: did you mean 'second.2'?"
    )


SYMBOLS = """\
symbols: {n: 1, r: {value: 32, multiple_of: 32}, q: 1}
input: [2, r]
layers: [{conv: {out_channels: n, kernel_size: 64}}]
"""


def test_a_value_that_a_symbol_cannot_have_is_told_where_it_is_set(folder, check):
    NET.write_text(SYMBOLS)
    with pytest.raises(convcost.OptionError) as caught:
        check("  - {metric: params, max: 1k, set: {n: 1, r: [64, 100]}}\n", settings={"q": "2"})
    assert caught.value.text() == (
        "error: r must be a multiple of 32\n"
        " --> convcost.yaml:3:43, budgets[0]\n"
        "  |\n"
        "3 |   - {metric: params, max: 1k, set: {n: 1, r: [64, 100]}}\n"
        "  |                                           ^ r=100\n"
        "  = note: at n = 1, r = 100\n"
        "  = help: 96 and 128 are the nearest"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"p": "2"}, "error: --set: net.yaml has no symbol 'p'\n = help: known: n, q, r"),
        ({"r": "33"}, "error: r must be a multiple of 32\n = found: --set r=33\n = help: 32 and 64 are the nearest"),
    ],
)
def test_a_value_that_is_given_is_told_once_and_without_a_budget(settings, message, folder, check):
    NET.write_text(SYMBOLS)
    budgets = "  - {metric: params, max: 1k, set: {n: 1}}\n  - {metric: mults, max: 1k, set: {n: 2}}\n"
    with pytest.raises(convcost.OptionError) as caught:
        check(budgets, settings=settings)
    assert caught.value.text() == message


def test_a_fault_at_values_says_which_and_where_they_are_set(folder, check):
    NET.write_text(SYMBOLS)
    detail = (
        "error: the kernel must fit into its padded input\n"
        " --> net.yaml:3:48, layers[0]\n"
        "  |\n"
        "3 | layers: [{conv: {out_channels: n, kernel_size: 64}}]\n"
        "  |                                                ^ kernel_size 64 does not fit into an input of 32\n"
        "{note}"
        "  = help: a smaller kernel or stride before it, more padding, or a larger input"
    )
    note = "  = note: at n = 3, q = 0.5, set in convcost.yaml:3:37\n"
    budgets = "  - {metric: params, max: 1k, set: {n: 3, q: 1/2}}\n"
    for text, expected in (budgets, note), ("  - {metric: params, max: 1k}\n" + budgets, ""):
        with pytest.raises(convcost.SpecError) as caught:
            check(text)
        assert caught.value.text() == detail.replace("{note}", expected)  # once, whatever it comes from


def test_a_fault_says_where_its_block_is_used_rather_than_at_which_values(folder, check):
    NET.write_text(
        "symbols: {n: 1}\ninput: [2, 5]\n"
        "blocks: {b: {params: {k: }, layers: [{conv: {out_channels: 1, kernel_size: k}}]}}\n"
        "layers: [{b: {k: 6 * n}}]\n"
    )
    with pytest.raises(convcost.SpecError) as caught:
        check("  - {metric: params, max: 1k, set: {n: 1}}\n")
    (detail,) = caught.value.details
    assert "net.yaml:4" in detail.note


def test_a_symbol_that_a_spec_does_not_have(folder, check):
    budget = Budget("params", max=Bound(1, share=False, text="1"), set={"m": (1,), "k": (2,)})
    with pytest.raises(convcost.ConfigError) as caught:
        checking.check(["net.yaml"], budgets=[budget])
    assert caught.value.text() == (
        "error: net.yaml has no symbol 'm'\n = help: known: n\n\nerror: net.yaml has no symbol 'k'\n = help: known: n"
    )
    NET.write_text("input: [2, 5]\nlayers: [relu]\n")
    with pytest.raises(convcost.ConfigError) as caught:
        check("  - {metric: params, max: 1k, set: {n: 1}}\n")
    assert caught.value.details[0].help == "it declares no symbols; `models` says who a budget is for"


def test_values_that_a_program_sets_are_told_without_a_place(folder):
    NET.write_text(SYMBOLS)
    one = Bound(1, share=False, text="1")
    budgets = [Budget("params", max=one, set={"r": (33,)}), Budget("params", max=one, set={"n": (2,)})]
    with pytest.raises(convcost.ConvcostError) as caught:
        checking.check(["net.yaml"], budgets=budgets)
    value, detail = caught.value.details
    assert str(value) == (
        "error: r must be a multiple of 32\n = found: r=33\n = note: at r = 33\n = help: 32 and 64 are the nearest"
    )
    assert detail.note == "at n = 2"


@pytest.mark.parametrize("layer", ["lineal", "conv: {out_channels: 2, kernel_size: 1, stride: n / 3}"])
@pytest.mark.parametrize("more", ["", ", set: {n: 2}"])
def test_more_faults_than_are_told_are_mentioned(layer, more, folder, check):
    NET.write_text("symbols: {n: 1}\ninput: [2, 5]\nlayers:\n" + f"  - {layer}\n" * 101)
    with pytest.raises(convcost.SpecError) as caught:
        check(f"  - {{metric: params, max: 1k{more}}}\n")
    assert caught.value.text().endswith("\n\n… and more: these are the first 100")


def test_a_spec_that_nothing_limits_is_no_success(folder):
    with pytest.raises(convcost.ConfigError) as caught:
        checking.check(["net.yaml"])
    assert caught.value.text() == (
        "error: there is no budget to hold this to\n"
        " = found: net.yaml\n"
        " = help: budget: {mults: 300M} in the spec, or `convcost init SPEC` for a convcost.yaml"
    )


def test_a_budget_for_others_is_none(folder, check):
    names = [f"{name}.yaml" for name in "abcde"]
    for name in names:
        Path(name).write_text(NET.read_text())
    three = "a.yaml, b.yaml, c.yaml"
    for specs, told in (names[:3], three), (names[:4], f"{three} and 1 more"), (names, f"{three} and 2 more"):
        with pytest.raises(convcost.ConfigError) as caught:
            check("  - {metric: params, max: 1, models: net.yaml}\n", *specs)
        (detail,) = caught.value.details
        assert (detail.message, detail.found) == ("there is no budget to hold this to", told)
    with pytest.raises(convcost.ConfigError) as caught:
        checking.check([{"input": [1], "layers": ["relu"]}])
    assert caught.value.details[0].found == "the mapping"


def test_nothing_to_check_is_no_success(folder):
    with pytest.raises(convcost.ConfigError) as caught:
        checking.check([])
    assert caught.value.text() == (
        "error: there is nothing to check\n"
        " = found: no SPEC, and no convcost.yaml here or above\n"
        " = help: convcost init SPEC writes one, or convcost check SPEC"
    )


def test_budgets_set_at_most_a_thousand_points_of_a_network(check):
    nine = "[1, 2, 3, 4, 5, 6, 7, 8, 9]"
    names = "abcdefghi"
    symbols = ", ".join(f"{name}: 1" for name in names)
    Path("nine.yaml").write_text(f"symbols: {{{symbols}}}\ninput: [a, 4, 4]\nlayers: [relu]\n", encoding="utf-8")
    values = ", ".join(f"{name}: {nine}" for name in names)
    with pytest.raises(ConfigError) as caught:
        check(f"  - {{metric: params, max: 1k, set: {{{values}}}}}\n", models="nine.yaml")
    head, place, _, line, caret, help = caught.value.text().splitlines()
    assert head == "error: budgets set at most 1,000 combinations of values of a network's symbols"
    assert place == " --> convcost.yaml:3:37, budgets[0]"
    assert line.startswith("3 |   - {metric: params, max: 1k, set: {a: [1, 2, 3")
    assert caret.strip("| ") == "^ 387,420,489 for nine.yaml"  # 9⁹
    assert help == "  = help: set fewer values of a symbol"


def test_the_points_of_all_budgets_of_a_network_count_each_once(check, monkeypatch):
    monkeypatch.setattr("convcost.budget.targets.MOST_POINTS", 4)
    three = "  - {metric: params, max: 1k, set: {n: [1, 2, 3]}}\n"
    assert len(check(three + three + "  - {metric: mults, max: 10k, set: {n: [2, 4]}}\n")) == 8
    with pytest.raises(ConfigError, match="budgets set at most 4 combinations") as caught:
        check(three + "  - {metric: mults, max: 10k, set: {n: [4, 5]}}\n")
    assert "^ 5 for net.yaml" in caught.value.text()


def test_the_networks_at_all_points_have_at_most_so_many_layers(check, monkeypatch):
    monkeypatch.setattr("convcost.budget.targets.MOST_LAYERS", 16)
    assert len(check("  - {metric: params, max: 1k, set: {n: [1, 2, 3, 4]}}\n")) == 4  # 4 layers at each
    with pytest.raises(ConfigError) as caught:
        check("  - {metric: params, max: 1k, set: {n: [1, 2, 3, 4, 5]}}\n")
    assert caught.value.text().splitlines() == [
        "error: the networks at the values that budgets set have at most 16 layers together",
        " --> convcost.yaml:3:37, budgets[0]",
        "  |",
        "3 |   - {metric: params, max: 1k, set: {n: [1, 2, 3, 4, 5]}}",
        "  | " + " " * 36 + "^ about 20 of net.yaml",
        "  = help: set fewer values of a symbol",
    ]
    monkeypatch.setattr("convcost.budget.targets.MOST_LAYERS", 3)
    assert len(check("  - {metric: params, max: 1k}\n")) == 1  # one network may have any number


def test_a_check_holds_so_many_layers_to_limits(monkeypatch):
    """Two layers, held to each of three budgets, are six."""
    spec = {"input": [1, 2, 2], "layers": ["relu", "relu"]}
    budgets = [Budget("mults", max=Bound(value, share=False, text="")) for value in range(3)]
    monkeypatch.setattr(checking, "MOST_HELD", 6)
    assert len(checking.check([spec], budgets=budgets)) == 3
    monkeypatch.setattr(checking, "MOST_HELD", 5)
    with pytest.raises(OptionError) as error:
        checking.check([spec], budgets=budgets)
    assert error.value.text() == (
        "error: there are too many budgets for so many layers\n"
        " = found: more than 5 layers in the networks of all budgets together\n"
        " = help: fewer budgets, fewer specs at a time, or --max-layers N for a hundred times as many"
    )
    with limits.limited(2):  # 200 layers
        assert len(checking.check([spec], budgets=budgets)) == 3
