"""What would help: computed, and true when it is done."""

from __future__ import annotations

import json
import shlex
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

import convcost
from convcost.budget import checking
from convcost.budget.budgets import Bound, Budget
from convcost.budget.remedies import command
from convcost.cli.app import app
from convcost.rewriting.choosing import ALL, GENTLE

THREE = {
    "input": [8, 10, 10],
    "layers": [
        {"conv": {"out_channels": 8, "kernel_size": 3, "padding": 1, "bias": False}, "name": "first"},
        {"conv": {"out_channels": 8, "kernel_size": 3, "padding": 1, "bias": False}, "name": "middle", "repeat": 2},
        {"conv": {"out_channels": 8, "kernel_size": 3, "padding": 1, "bias": False}, "name": "last"},
    ],
}
# each 8 · 8 · 9 · 100 = 57,600 mults and 576 params;
# separable 8 · 9 · 100 + 8 · 8 · 100 = 13,600 mults and 8 · 9 + 64 = 136 params


def verdict(spec, **fields):
    """Return the one verdict on a budget of mults."""
    most = Bound(fields.pop("max"), share=False, text="")
    return checking.check([spec], budgets=[Budget(fields.pop("metric", "mults"), max=most, **fields)])[0]


def test_the_ends_are_spared_where_the_rest_is_enough():
    remedy = verdict(THREE, max=150_000).remedy
    assert (remedy.rewrites, remedy.reached) == (("separable",), True)
    assert remedy.layers == ("middle.1", "middle.2")  # one item, in both of its uses
    assert remedy.value == 2 * 57_600 + 2 * 13_600


@pytest.mark.parametrize("taken", range(1, 8))
@pytest.mark.parametrize("more", [0, 1])
def test_no_more_is_rewritten_than_it_takes(taken, more):
    middle = [{"conv": {**THREE["layers"][0]["conv"]}, "name": f"m{number}"} for number in range(7)]
    spec = {"input": [8, 10, 10], "layers": [THREE["layers"][0], *middle, THREE["layers"][2]]}
    left = (9 - taken) * 57_600 + taken * 13_600
    remedy = verdict(spec, max=left + more).remedy
    assert (remedy.layers, remedy.value) == (tuple(f"m{number}" for number in range(taken)), left)


def test_what_saves_most_for_each_layer_is_rewritten_first():
    conv = THREE["layers"][0]["conv"]
    wide = {"conv": {"out_channels": 12, "kernel_size": 3, "padding": 1, "bias": False}, "name": "wide"}
    items = [THREE["layers"][0], {"conv": conv, "name": "many", "repeat": 3}, wide, THREE["layers"][2]]
    spec = {"input": [8, 10, 10], "layers": items}
    # many save 44,000 each; wide has 12 · 8 · 9 = 864 products at 100 places, separable 8 · 9 + 8 · 12 = 168: 69,600
    before = convcost.analyze(spec).total.mults
    assert verdict(spec, max=before - 69_600).remedy.layers == ("wide",)
    # then many alone is enough: 3 · 44,000; and for more than that both
    assert verdict(spec, max=before - 69_601).remedy.layers == ("many.1", "many.2", "many.3")
    assert verdict(spec, max=before - 132_001).remedy.layers == ("wide", "many.1", "many.2", "many.3")


def test_only_what_the_limit_is_for_is_rewritten():
    items = [{**THREE["layers"][0], "name": name} for name in ("first", "a", "b", "c", "last")]
    remedy = verdict({"input": [8, 10, 10], "layers": items}, max=20_000, layers="b").remedy
    assert (remedy.layers, remedy.value) == (("b",), 13_600)


def test_the_ends_are_layers_with_weights():
    block = {"params": {}, "layers": [{"conv": THREE["layers"][0]["conv"]}]}
    items = ["relu", THREE["layers"][0], {"b": {}, "name": "middle"}, THREE["layers"][2], "relu"]
    remedy = verdict({"input": [8, 10, 10], "blocks": {"b": block}, "layers": items}, max=150_000).remedy
    assert (remedy.layers, remedy.value) == (("middle/conv_1",), 2 * 57_600 + 13_600)


@pytest.mark.parametrize(
    ("most", "rewrite", "each"),
    [
        (130_000, "bottleneck", 6_800),  # 8 → 2, 3×3 among these, → 8: 16 + 36 + 16 = 68 at each of 100 places
        (125_000, "fire", 4_800),  # 8 → 1, and from this 4 by 1×1 beside 4 by 3×3: 8 + 4 + 36 = 48
    ],
)
def test_other_rewrites_are_tried_where_separable_is_not_enough(most, rewrite, each):
    remedy = verdict(THREE, max=most).remedy
    assert (remedy.rewrites, remedy.layers, remedy.reached) == ((rewrite,), ("middle.1", "middle.2"), True)
    assert remedy.value == 2 * 57_600 + 2 * each


@pytest.mark.parametrize(
    ("most", "rewrites", "layers", "value"),
    [
        # the rewrites that write blocks save more, but no block can be added to braces
        (140_000, ("separable",), ("a",), 2 * 57_600 + 13_600 + 6_400),
        (134_000, ("separable", "grouped"), ("a", "b"), 2 * 57_600 + 13_600 + 3_200),  # in two groups half of it
        (10, ("separable", "grouped"), ("a", "b"), 2 * 57_600 + 13_600 + 3_200),  # which is nearest
    ],
)
def test_of_what_cannot_be_written_the_next_best_is_taken(most, rewrites, layers, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    items = []
    for name, size in ("first", 3), ("a", 3), ("b", 1), ("last", 3):
        items.append({"conv": {"out_channels": 8, "kernel_size": size, "padding": size // 2}, "name": name})
    Path("net.yaml").write_text(json.dumps({"input": [8, 10, 10], "layers": items}))
    remedy = verdict("net.yaml", max=most).remedy
    assert (remedy.rewrites, remedy.layers, remedy.value) == (rewrites, layers, value)
    assert remedy.reached == (value <= most)
    assert CliRunner().invoke(app, shlex.split(remedy.command)[1:]).exit_code == 0
    assert convcost.analyze("net-rewritten.yaml").total.mults == value


def test_the_ends_are_spared_and_it_is_said_what_they_would_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(json.dumps(THREE))
    remedy = verdict("net.yaml", max=100_000).remedy
    # separable, all four have 4 · 13,600 = 54,400; without the ends 2 · 57,600 + 2 · 13,600
    assert (remedy.reached, remedy.layers) == (False, ("middle.1", "middle.2"))
    assert (remedy.reached_with_ends, remedy.suggestion) == (
        True,
        "convcost suggest net.yaml --max mults=100000 --ends",
    )
    result = CliRunner().invoke(app, [*shlex.split(remedy.suggestion)[1:], "-f", "json"])
    assert (result.exit_code, json.loads(result.stdout)["reached"]) == (0, True)
    assert verdict("net.yaml", max=100_000, layers="*").remedy.suggestion == ""  # suggest takes no layers
    assert verdict(THREE, max=100_000).remedy.suggestion == ""


def test_a_remedy_for_a_batch_without_folding_is_suggested_with_these_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(json.dumps(THREE))
    budget = Budget("mults", max=Bound(200_000, share=False, text=""))
    (found,) = checking.check(["net.yaml"], budgets=[budget], batch=2, fold=False)
    assert (found.remedy.value, found.remedy.reached) == (2 * (2 * 57_600 + 2 * 13_600), False)
    assert found.remedy.suggestion == "convcost suggest net.yaml --max mults=200000 --batch 2 --no-fold --ends"
    result = CliRunner().invoke(app, [*shlex.split(found.remedy.suggestion)[1:], "-f", "json"])
    data = json.loads(result.stdout)
    assert (result.exit_code, data["reached"], data["convention"]["batch"]) == (0, True, 2)
    assert data["totals"]["before"]["mults"] == 2 * 4 * 57_600


def test_more_than_separable_layers_is_suggested_where_it_takes_more(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(
        "input: [8, 10, 10]\nlayers:\n"
        + "".join(
            f"  - conv: {{out_channels: 8, kernel_size: 3, padding: 1, bias: false}}\n    name: {name}\n"
            for name in ("first", "middle", "last")
        )
    )
    remedy = verdict("net.yaml", max=20_000).remedy  # separable: 3 · 13,600; fire: 3 · 4,800
    assert remedy.suggestion == (
        "convcost suggest net.yaml --max mults=20000 "
        "--allow separable,asymmetric,stacked,grouped,bottleneck,fire,fully_convolutional --ends"
    )
    result = CliRunner().invoke(app, [*shlex.split(remedy.suggestion)[1:], "-f", "json"])
    assert (result.exit_code, json.loads(result.stdout)["reached"]) == (0, True)


def test_what_is_out_of_reach_is_told_with_how_near_it_comes():
    remedy = verdict(THREE, max=10).remedy
    assert (remedy.reached, remedy.reached_with_ends) == (False, False)
    assert remedy.value == 2 * 57_600 + 2 * 4_800  # fire saves most


def test_no_layer_of_one_input_channel_becomes_separable():
    """Its depthwise stage would be one filter, whose multiples all outputs are."""
    conv = {"out_channels": 8, "kernel_size": 3, "padding": 1, "bias": False}
    narrow = [{"conv": {**conv, "out_channels": 1}, "name": "first"}, {"conv": conv, "name": "wide"}]
    spec = {"input": [8, 10, 10], "layers": [*narrow, {"conv": conv, "name": "other"}, {"conv": conv, "name": "last"}]}
    total = convcost.analyze(spec).total.mults
    assert verdict(spec, max=total - 44_000).remedy.layers == ("other",)
    assert convcost.suggest(spec, max={"mults": total - 44_001}).steps[0].names == ("other",)
    assert len(convcost.suggest(spec, max={"mults": total - 44_001}).steps) == 1


@pytest.mark.parametrize(("spec", "share"), [("resnet18", 0.5), ("vgg16", 0.3), ("unet", 0.4), ("mobilenet_v2", 0.9)])
def test_check_and_suggest_choose_the_same(spec, share):
    limit = int(convcost.analyze(spec).total.mults * share)
    remedy = verdict(spec, max=limit).remedy
    allow = GENTLE if remedy.rewrites == GENTLE else ALL
    suggestion = convcost.suggest(spec, max={"mults": limit}, allow=allow)
    assert remedy.layers == tuple(name for step in suggestion.steps for name in step.names)
    assert (remedy.value, remedy.reached) == (suggestion.after.total.mults, suggestion.reached)


@pytest.mark.parametrize(("layers", "scope"), [("middle", "sum"), ("middle", "each"), ("middle.2", "sum")])
def test_a_limit_for_some_layers_is_kept_by_these(layers, scope):
    parts = 2 if (layers, scope) == ("middle", "sum") else 1
    remedy = verdict(THREE, max=parts * 13_600, layers=layers, scope=scope).remedy
    assert (remedy.reached, remedy.value) == (True, parts * 13_600)
    assert remedy.layers == ("middle.1", "middle.2")


def test_of_many_layers_that_are_too_much_the_worst_gets_the_remedy():
    most = Bound(13_600, share=False, text="13_600")
    verdicts = checking.check([THREE], budgets=[Budget("mults", max=most, scope="each")])
    assert [each.status for each in verdicts] == ["exceeded"] * 4
    assert sum(each.remedy is not None for each in verdicts) == 1


@pytest.mark.parametrize("metric", ["ops_mul", "ops_add", "flops", "useful_mults"])
def test_every_count_of_a_convolution_has_a_remedy(metric):
    spec = {"input": [8, 10, 10], "layers": [{"conv": {"out_channels": 8, "kernel_size": 3, "bias": False}}] * 3}
    # 8 · 8 · 9 = 576 products at each of 8 · 8, 6 · 6 and 4 · 4 places, separable 8 · 9 + 8 · 8 = 136; two flops
    each = 2 if metric == "flops" else 1
    least = each * (576 * 64 + 136 * 36 + 576 * 16)
    remedy = verdict(spec, metric=metric, max=least).remedy
    assert (remedy.rewrites, remedy.layers, remedy.reached) == (("separable",), ("conv_2",), True)
    assert remedy.value == least


def test_a_mapping_has_no_command():
    remedy = verdict(THREE, max=150_000).remedy
    assert (remedy.layers, remedy.command) == (("middle.1", "middle.2"), "")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("-", "- --to separable -o rewritten.yaml"),
        ("-dash.yaml", "./-dash.yaml --to separable -o dash-rewritten.yaml"),
        ("nets/a b.yaml", "'nets/a b.yaml' --to separable -o 'a b-rewritten.yaml'"),
        ("examples/one_5x5", "examples/one_5x5 --to separable -o one_5x5-rewritten.yaml"),
    ],
)
def test_the_command_names_any_spec(spec, words):
    assert command(spec, ["separable"], (), ()) == f"convcost rewrite {words}"


@pytest.mark.parametrize("metric", ["activations", "ops_cmp"])
def test_what_no_rewrite_makes_less_has_none(metric):
    spec = {"input": [8, 10, 10], "layers": [*THREE["layers"], "relu"]}
    found = verdict(spec, metric=metric, max=1)
    assert (found.status, found.remedy) == ("exceeded", None)


def test_where_there_is_nothing_to_rewrite_there_is_none():
    assert verdict({"input": [8], "layers": [{"linear": {"out_features": 8}}]}, max=1).remedy is None


@pytest.mark.parametrize(
    ("spec", "metric", "share"),
    [
        ("resnet18", "mults", 0.5),
        ("resnet18", "params", 0.3),
        ("vgg16", "mults", 0.3),
        ("googlenet", "macs", 0.6),
        ("unet", "mults", 0.25),
    ],
)
def test_the_command_does_what_is_told(spec, metric, share, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    limit = int(getattr(convcost.analyze(spec).total, metric) * share)
    remedy = verdict(spec, metric=metric, max=limit).remedy
    words = shlex.split(remedy.command)
    assert words[:3] == ["convcost", "rewrite", spec]
    result = CliRunner().invoke(app, words[1:])
    assert result.exit_code == 0, result.output
    after = getattr(convcost.analyze(words[-1]).total, metric)
    assert after == remedy.value
    assert (after <= limit) == remedy.reached


def test_the_command_keeps_the_values_of_symbols(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    budget = Budget("mults", max=Bound(400_000_000, share=False, text="400M"), set={"r": (160,)})
    (found,) = checking.check(["resnet18"], budgets=[budget], settings={"classes": "10"})
    assert "--set classes=10 --set r=160" in found.remedy.command
    assert CliRunner().invoke(app, shlex.split(found.remedy.command)[1:]).exit_code == 0
    after = convcost.analyze("resnet18-rewritten.yaml", set={"r": 160, "classes": 10}).total
    assert after.mults == found.remedy.value <= 400_000_000


def test_the_command_spells_values_as_specs_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(
        "symbols: {n: 1, b: true}\ninput: [8, 10, 10]\n"
        "layers:\n  - conv: {out_channels: 8, kernel_size: 1, bias: b}\n"
        "  - conv: {out_channels: 16 * n, kernel_size: 3, bias: b}\n"
        "  - conv: {out_channels: 8, kernel_size: 1, bias: b}\n"
    )
    # 8 · 8 at 100 places, 8 · 8 · 9 at 64 and 8 · 8 at 64; separable (72 + 64) · 64 = 8,704: 19,200 in all
    budget = Budget("mults", max=Bound(19_200, share=False, text="19_200"), set={"n": (Fraction(1, 2),), "b": (False,)})
    (found,) = checking.check(["net.yaml"], budgets=[budget])
    assert "--set n=1/2 --set b=false" in found.remedy.command
    assert CliRunner().invoke(app, shlex.split(found.remedy.command)[1:]).exit_code == 0
    after = convcost.analyze("net-rewritten.yaml", set={"n": "1/2", "b": False}).total
    assert after.mults == found.remedy.value == 19_200


def test_a_pattern_that_the_rewritten_layers_do_not_match_is_told():
    layer = {"conv": {"out_channels": 8, "kernel_size": 3, "padding": 1, "bias": False}}
    spec = {"input": [8, 10, 10], "layers": [layer] * 3}
    found = verdict(spec, max=20_000, layers="conv_2")
    assert (found.remedy.reached, found.remedy.renamed) == (True, True)  # it becomes separable_conv_1
    assert not verdict(THREE, max=2 * 13_600, layers="middle").remedy.renamed  # a name that was given stays
    assert not verdict(spec, max=130_000).remedy.renamed


def test_a_linear_layer_on_all_values_could_become_fully_convolutional():
    spec = {"input": [3, 32, 32], "layers": ["flatten", {"linear": {"out_features": 100}}]}
    remedy = verdict(spec, metric="params", max=400).remedy
    assert (remedy.layers, remedy.reached, remedy.reached_with_ends) == ((), False, True)
    # 3,072 · 100 + 100 become 3 · 100 + 100
    suggestion = convcost.suggest(spec, max={"params": 400}, allow=["fully_convolutional"], ends=True)
    assert (suggestion.reached, suggestion.after.total.params) == (True, 400)


def test_remedies_are_looked_for_within_bounds():
    """For 20 limits, of networks that have 5,000 layers together."""
    most = [Budget("mults", max=Bound(value, share=False, text="")) for value in range(1, 26)]
    found = checking.check([THREE], budgets=most)
    assert [verdict.remedy is not None for verdict in found] == [True] * 20 + [False] * 5
    assert {verdict.status for verdict in found} == {"exceeded"}


@pytest.mark.parametrize(("layers", "found"), [(5_000, True), (5_001, False)])
def test_no_remedy_is_looked_for_in_a_huge_network(layers, found):
    relus = {"relu": None, "repeat": layers - 4}
    spec = {**THREE, "layers": [relus, *THREE["layers"]]}
    assert (verdict(spec, max=200_000).remedy is not None) is found
