"""The Python API as a notebook uses it."""

from __future__ import annotations

import doctest
import json
import sys
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import pytest

import convcost
from convcost import cli

NET = """\
name: net
symbols: {n: 256}
input: [3, 12, 12]
layers:
  - conv: {out_channels: n, kernel_size: 5, bias: false}
"""
MAPPING = {
    "name": "net",
    "symbols": {"n": 256},
    "input": [3, 12, 12],
    "layers": [{"conv": {"out_channels": "n", "kernel_size": 5, "bias": False}}],
}


@pytest.fixture
def path(tmp_path):
    """Return the path of the worked example."""
    path = tmp_path / "net.yaml"
    path.write_text(NET, encoding="utf-8")
    return path


def test_a_spec_is_a_path_a_text_of_one_a_mapping_or_a_name(path):
    for spec in path, str(path), MAPPING, "examples/worked_standard":
        assert convcost.load(spec).analyze().total.mults == 1_228_800  # 256 · 75 · 64


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": BytesIO(NET.encode())}))
    assert convcost.load("-").network.file == "<stdin>"


def test_a_mapping_and_its_file_give_the_same_network(path):
    ours, theirs = convcost.analyze(MAPPING).to_dict(), convcost.analyze(path).to_dict()
    for data in ours, theirs:
        del data["network"]["file"]
        for layer in data["layers"]:
            del layer["file"], layer["line"]
    assert ours == theirs


def test_a_mapping_is_not_changed():
    before = json.dumps(MAPPING)
    convcost.load(MAPPING, set={"n": 8}).analyze()
    assert json.dumps(MAPPING) == before


def test_tuples_none_and_booleans_in_a_mapping():
    layers = [{"conv": {"out_channels": 2, "kernel_size": (3, 1), "bias": True}}, {"relu": None}]
    assert convcost.analyze({"input": (1, 4, 4), "layers": layers}).total.params == 8  # 2 · 3 + 2


@pytest.mark.parametrize("value", [8, "8", "16 / 2", Fraction(16, 2), 8.0, "8.0", Decimal(8)])
def test_a_symbol_is_set_to_a_number_or_an_expression(value):
    network = convcost.load(MAPPING, set={"n": value}).network
    assert network.symbols == {"n": 8}
    assert network.layers[0].output_shape == (8, 8, 8)


def test_a_fraction_stays_exact():
    spec = {"symbols": {"a": 1}, "input": [3, 8], "layers": [{"pointwise_conv": {"out_channels": "96 * a"}}]}
    for value in "1/3", Fraction(1, 3):
        network = convcost.load(spec, set={"a": value}).network
        assert network.symbols == {"a": Fraction(1, 3)}
        assert network.layers[0].output_shape == (32, 8)
    assert convcost.analyze(spec, set={"a": "1/3"}).to_dict()["network"]["symbols"] == {"a": "1/3"}


def test_a_symbol_that_is_not_there():
    with pytest.raises(convcost.OptionError, match="has no symbol 'm'"):
        convcost.load(MAPPING, set={"m": 8})


def test_a_spec_that_is_not_there():
    with pytest.raises(convcost.SpecError) as error:
        convcost.load("mobilenet")
    assert str(error.value).startswith("error: there is no file and no shipped spec 'mobilenet'\n = help: did you mean")
    with pytest.raises(convcost.SpecError, match="there is no file"):
        convcost.load(Path("nowhere/net.yaml"))


def test_all_faults_are_values_with_their_places(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("input: [3, 4, 4]\nlayers:\n  - convv: {}\n  - conv: {out_channels: 4, kernel_size: 0}\n")
    with pytest.raises(convcost.ConvcostError) as error:
        convcost.load(path)
    places = [detail.place for detail in error.value.details]
    assert places == [convcost.Place(str(path), 3, 5), convcost.Place(str(path), 4, 42)]
    assert error.value.details[1].found == "found 0"


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", 1j])
def test_a_mapping_that_holds_what_no_spec_can(value):
    with pytest.raises(convcost.SpecError):
        convcost.load({"input": [3, 4, 4], "layers": [{"conv": {"out_channels": value, "kernel_size": 1}}]})


def test_a_mapping_that_holds_itself():
    loop = {"input": [3, 4, 4]}
    loop["layers"] = [loop]
    with pytest.raises(convcost.SpecError):
        convcost.load(loop)


def test_the_short_form(path):
    assert convcost.analyze(path, set={"n": 8}, batch=2, fold=False) == convcost.load(path, set={"n": 8}).analyze(
        batch=2, fold=False
    )


def test_results_are_frozen(path):
    model = convcost.load(path)
    analysis = model.analyze()
    for value, name in [
        (model, "network"),
        (model.network, "layers"),
        (model.network.layers[0], "type"),
        (analysis, "total"),
        (analysis.layers[0], "cost"),
        (analysis.layers[0].ratio, "formula"),
        (analysis.total, "params"),
        (analysis.total.ops, "mul"),
    ]:
        with pytest.raises(AttributeError):
            setattr(value, name, None)
    assert isinstance(analysis.layers, tuple)


def test_results_are_values(path):
    assert convcost.analyze(path) == convcost.analyze(path)
    assert convcost.analyze(path) != convcost.analyze(path, batch=2)


@pytest.mark.parametrize("options", [{}, {"batch": 3}, {"fold": False}])
def test_plain_data_is_what_the_command_writes_as_json(options, path, monkeypatch, capsys):
    for spec in str(path), "mobilenet_v2":
        arguments = ["--batch", "3"] if "batch" in options else ["--no-fold"] if options else []
        monkeypatch.setattr(sys, "argv", ["convcost", "analyze", spec, "--format", "json", *arguments])
        with pytest.raises(SystemExit):
            cli.main()
        written = json.loads(capsys.readouterr().out)
        assert json.loads(json.dumps(convcost.analyze(spec, **options).to_dict())) == written


def test_a_notebook_shows_a_table_and_a_terminal_the_same(path):
    analysis = convcost.analyze(path)
    assert analysis._repr_html_().count("<table>") == 1
    assert "1,228,800" in analysis._repr_html_()
    assert "1,228,800" in str(analysis)


def test_costs_of_chosen_layers_add_up():
    """As the README's notebook would sum a part of a network."""
    layers = convcost.analyze("mobilenet_v1").layers
    pointwise = sum((layer.cost for layer in layers if layer.type == "pointwise_conv"), convcost.Cost())
    assert round(100 * pointwise.macs / 568_740_352, 2) == 94.86  # Howard et al. 2017, Table 2


@pytest.mark.parametrize("module", [convcost, convcost.ops, convcost.errors])
def test_the_examples_in_the_docstrings_hold(module):
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


def test_every_public_name_is_there_and_documented():
    for name in convcost.__all__:
        assert getattr(convcost, name).__doc__, name


# budgets

TINY = {"name": "net", "input": [3], "layers": [{"linear": {"out_features": 2}}]}  # 3 · 2 + 2 = 8 params, 6 mults


def test_a_check_says_what_is_wrong():
    check = convcost.check(TINY, max={"params": 7, "mults": "6"})
    assert check.ok is False
    assert not check
    assert repr(check) == (
        "<Check: Exceeded: 1 of 2 limits; <mapping>: params: 8, which is 1 above the limit of 7 (114.3 %)>"
    )
    assert str(check).startswith("Exceeded: 1 of 2 limits\n")
    assert "<table" in check._repr_html_()
    assert [(verdict.budget.metric, verdict.actual, verdict.limit) for verdict in check.verdicts] == [
        ("params", 8, 7),
        ("mults", 6, 6),
    ]


def test_a_check_that_is_kept_says_so():
    check = convcost.check(TINY, max={"params": 8})
    assert check.ok is True
    assert check
    assert repr(check) == "<Check: Within budget: 1 limit>"


def test_a_check_by_a_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text("input: [3]\nlayers: [{linear: {out_features: 2}}]\nbudget: {adds: 6}\n")
    (tmp_path / "convcost.yaml").write_text("models: net.yaml\nbudgets: [{metric: params, max: 9, warn: 7}]\n")
    assert convcost.check().ok
    assert not convcost.check(strict=True).ok
    assert [verdict.budget.metric for verdict in convcost.check(tmp_path / "net.yaml").verdicts] == ["adds", "params"]
    # what a program says goes instead of a configuration that it does not name
    only = convcost.check("net.yaml", max={"mults": 6}).verdicts
    assert [verdict.budget.metric for verdict in only] == ["adds", "mults"]
    all_of = convcost.check("net.yaml", max={"mults": 6}, config="convcost.yaml").verdicts
    assert [verdict.budget.metric for verdict in all_of] == ["adds", "params", "mults"]


@pytest.mark.parametrize(
    ("most", "message"),
    [
        ({"mult": 1}, "there is no total 'mult'"),
        ({"mults": -1}, "the limit of mults is a whole number"),
        ({"mults": 0.5}, "the limit of mults is a whole number"),
        ({"mults": True}, "the limit of mults is a whole number"),
        ({"mults": None}, "the limit of mults is a whole number"),
        ({"mults": "95%"}, "the limit of mults is a whole number"),
    ],
)
def test_a_limit_that_is_none_is_told(most, message):
    with pytest.raises(convcost.OptionError) as caught:
        convcost.check(TINY, max=most)
    assert caught.value.details[0].message == message


def test_a_check_of_nothing_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for call in (lambda: convcost.check(), lambda: convcost.check(TINY), lambda: convcost.check("mobilenet_v1")):
        with pytest.raises(convcost.ConfigError):
            call()


@pytest.mark.parametrize("spec", [["a.yaml"], 3, None])
def test_what_is_no_spec_is_told(spec):
    with pytest.raises(convcost.SpecError) as caught:
        convcost.check(spec, max={"params": 1})
    assert str(caught.value) == (
        f"error: a spec is a path, the name of a shipped spec, or a mapping\n = found: {type(spec).__name__}"
    )


def test_the_former_names_of_error_details():
    detail = convcost.Fault("wrong")
    assert (type(detail), convcost.SpecError([detail]).faults) == (convcost.ErrorDetail, (detail,))


BY_NAME = {"set": "{'alpha': '1/2', 'r': 160}", "max": "{'macs': '300M', 'params': 4_000_000}"}


@pytest.mark.parametrize("given", ["alpha=1/2", ["alpha"], 5, {1: 2}])
@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("set", lambda given: convcost.load("mobilenet_v1", set=given)),
        ("set", lambda given: convcost.load("mobilenet_v1").sweep(set=given)),
        ("set", lambda given: convcost.sweep("mobilenet_v1", set=given)),
        ("set", lambda given: convcost.search("mobilenet_v1", set=given, best="macs")),
        ("set", lambda given: convcost.load("mobilenet_v1").search(set=given, best="macs")),
        ("set", lambda given: convcost.solve("mobilenet_v1", "alpha", max={"macs": "1M"}, set=given)),
        ("set", lambda given: convcost.load("mobilenet_v1").solve("alpha", max={"macs": "1M"}, set=given)),
        ("set", lambda given: convcost.check("mobilenet_v1", set=given)),
        ("set", lambda given: convcost.plot("mobilenet_v1", set=given)),
        ("set", lambda given: convcost.peak_formula("mobilenet_v1", "r=32:64", set=given)),
        ("max", lambda given: convcost.check("mobilenet_v1", max=given)),
        ("max", lambda given: convcost.load("mobilenet_v1").check(max=given)),
        ("max", lambda given: convcost.solve("mobilenet_v1", "alpha", max=given)),
        ("max", lambda given: convcost.load("mobilenet_v1").suggest(max=given)),
        ("max", lambda given: convcost.search("mobilenet_v1", set={"alpha": "1/2,1"}, best="macs", max=given)),
    ],
)
def test_what_is_given_by_name_is_a_mapping(name, ask, given):
    with pytest.raises(convcost.OptionError) as caught:
        ask(given)
    message = f"error: {name} takes values by their names, as a mapping\n = found: {given!r}\n"
    assert str(caught.value) == f"{message} = help: such as {name}={BY_NAME[name]}"


def test_another_network_may_be_a_spec():
    model = convcost.load("mobilenet_v1")
    halved = {"input": [3, 8, 8], "layers": ["relu"]}
    assert model.diff("mobilenet_v2") == model.diff(convcost.load("mobilenet_v2"))
    assert len(model.diff(halved).after.layers) == 1
