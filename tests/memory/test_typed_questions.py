"""The types of numbers that every question with a metric in bytes takes: in Python, on the command line, in budgets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import convcost
from convcost.budget import configuration
from convcost.cli.app import app
from convcost.errors import ConfigError, ConvcostError, OptionError


def error(*arguments):
    """Return the error of a command."""
    result = CliRunner().invoke(app, [*arguments])
    assert isinstance(result.exception, ConvcostError)
    return result.exception.text()


NET = """\
name: Net
symbols: {width: 8}
input: [4, 4, 4]
layers:
  - conv: {out_channels: width, kernel_size: 3, padding: 1}
    name: first
  - relu
  - conv: {out_channels: 2, kernel_size: 1}
    name: head
"""
# first: 9 · 4 · width weights and width biases; head: 2 · width and 2. At width 8: 288 + 8, 16 + 2.
WEIGHTS = 288 + 16
BIASES = 8 + 2
# first reads 4 · 16 values and gives width · 16; head reads these and gives 2 · 16: 64 + 128 at the peak.
PEAK = (4 + 8) * 16
# Where first alone gives int16, relu cannot write over that: it reads 2 · 128 bytes and writes 128.
MIXED = (2 + 1) * 8 * 16


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run in a folder with the spec."""
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET)
    return tmp_path


def run(*arguments):
    """Return the output of a command, and its exit status."""
    result = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "140"})
    return result.output, result.exit_code


@pytest.mark.parametrize(
    ("dtype", "weights", "peak"),
    [
        ((), 4 * (WEIGHTS + BIASES), 4 * PEAK),
        ("int8", WEIGHTS + 4 * BIASES, PEAK),
        ({"activations": "int16"}, 4 * (WEIGHTS + BIASES), 2 * PEAK),
        (["int8", "first:weights=int4"], 288 // 2 + 16 + 4 * BIASES, PEAK),
        (["int8", "first:activations=int16"], WEIGHTS + 4 * BIASES, MIXED),
    ],
)
def test_each_question_takes_types(dtype, weights, peak):
    model = convcost.load("net.yaml")
    totals = {"weight_bytes": weights, "peak_memory": peak}
    limits = dict(totals)
    analysis = model.analyze(dtype=dtype)
    assert {name: analysis.value(name) for name in totals} == totals
    assert {name: convcost.analyze("net.yaml", dtype=dtype).value(name) for name in totals} == totals

    where = [f"{name} == {value}" for name, value in totals.items()]
    for sweep in (model.sweep, lambda **given: convcost.sweep("net.yaml", **given)):
        assert [row["width"] for row in sweep(set={"width": [4, 8, 16]}, where=where, dtype=dtype).rows()] == [8]
    for search in (model.search, lambda **given: convcost.search("net.yaml", **given)):
        found = search(set={"width": [4, 8, 16]}, best="params:max", max=limits, dtype=dtype)
        assert [(point.values["width"], point.totals["peak_memory"]) for point in found.points] == [(8, peak)]
    for solve in (model.solve, lambda *given, **more: convcost.solve("net.yaml", *given, **more)):
        found = solve("width", max={"weight_bytes": weights}, dtype=dtype)
        assert (found.best.value, found.best.totals["weight_bytes"]) == (8, weights)

    for compare in (model.compare, lambda **given: convcost.compare("net.yaml", **given)):
        assert compare(dtype=dtype).written.value("weight_bytes") == weights
    for diff in (model.diff, lambda other, **given: convcost.diff("net.yaml", other, **given)):
        found = diff(convcost.load("net.yaml", set={"width": 8}), dtype=dtype)
        assert (found.before.value("peak_memory"), found.after.value("peak_memory")) == (peak, peak)
    for rewrite in (model.rewrite, lambda to, **given: convcost.rewrite("net.yaml", to, **given)):
        rewritten = rewrite("separable", layers=["first"], dtype=dtype)
        assert rewritten.rewriting.before.value("weight_bytes") == weights
        assert rewritten.text.startswith("# rewritten: separable")
    for suggest in (model.suggest, lambda **given: convcost.suggest("net.yaml", **given)):
        assert suggest(max={"weight_bytes": weights}, dtype=dtype).steps == ()
    for check in (model.check, lambda **given: convcost.check("net.yaml", **given)):
        assert check(max=limits, dtype=dtype).ok
        assert not check(max={name: value - 1 for name, value in limits.items()}, dtype=dtype).ok


def test_a_typed_model_answers_every_question_at_its_types():
    model = convcost.load("net.yaml").typed("int8")
    assert model.analyze().value("peak_memory") == PEAK
    assert [row["width"] for row in model.sweep(set={"width": [8, 16]}, where=[f"peak_memory <= {PEAK}"]).rows()] == [8]
    for more in ({}, {"max_layers": 10}):
        assert convcost.load(model, set={"width": 16}, **more).memory().peak_memory == (4 + 16) * 16
    assert model.typed("activations=int16").memory().peak_memory == 2 * PEAK
    assert model.check(max={"peak_memory": PEAK}).ok
    assert str(model.peak_formula("width=8:16").pieces[0].formula) == "16·width + 64"


def test_a_point_without_a_layer_of_the_pattern_is_an_error_of_that_point():
    Path("deep.yaml").write_text("symbols: {n: 1}\ninput: [4]\nlayers:\n  - {linear: {out_features: 4}, repeat: n}\n")
    found = convcost.sweep("deep.yaml", set={"n": [1, 2]}, where=[], best="params", dtype="linear_1.2:int8")
    assert [row["error"] for row in found.rows()] == [None, "--dtype: no layer matches 'linear_1.2'"]


COMMANDS = {
    "analyze": (("net.yaml", "--columns", "peak_memory"), f"{PEAK}"),
    "sweep": (("net.yaml", "--set", "width=8,16", "--best", "peak_memory"), f"{PEAK}"),
    "search": (("net.yaml", "--set", "width=8,16", "--best", "peak_memory"), f"{PEAK}"),
    "solve": (("net.yaml", "--for", "width", "--max", f"weight_bytes={WEIGHTS + 4 * BIASES}"), "Largest      8"),
    "compare": (("net.yaml",), f"{WEIGHTS + 4 * BIASES}"),
    "diff": (("net.yaml", "net.yaml"), f"{PEAK}"),
    "rewrite": (("net.yaml", "--to", "separable:first"), f"{WEIGHTS + 4 * BIASES} → "),
    "suggest": (("net.yaml", "--max", f"peak_memory={PEAK}"), f"peak of activations {PEAK}"),
    "check": (("net.yaml", "--max", f"peak_memory={PEAK}"), f"{PEAK}"),
    "memory": (("net.yaml",), f"{PEAK}"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_takes_types_and_says_them(command):
    arguments, expected = COMMANDS[command]
    output, status = run(command, *arguments, "--dtype", "int8")
    assert status == 0
    assert expected in output
    assert "int8 activations, int8 weights, int32 biases" in output
    plain, _ = run(command, *arguments)
    assert "float32" in plain or command == "diff"
    assert error(command, *arguments, "--dtype", "int7").startswith(
        "error: --dtype: there is no type of numbers 'int7'\n = help: did you mean"
    )
    unmatched = error(command, *arguments, "--dtype", "heads:int8")
    assert unmatched == "error: --dtype: no layer matches 'heads'\n = help: did you mean 'head'?"


@pytest.mark.parametrize("command", sorted({*COMMANDS} - {"memory", "diff", "check"}))
def test_json_says_the_types(command):
    types = {"activations": ["int8"], "weights": ["int8"], "biases": ["int32"]}
    arguments, _ = COMMANDS[command]
    document = json.loads(run(command, *arguments, "--dtype", "int8", "-f", "json")[0])
    assert (document if "dtype" in document else document["network"])["dtype"] == types
    document = json.loads(run(command, *arguments, "-f", "json")[0])
    assert "dtype" not in document
    assert "dtype" not in (document["network"] if isinstance(document["network"], dict) else {})


BUDGETS = f"""\
models: net.yaml
budgets:
  - {{metric: peak_memory, max: {PEAK}, dtype: int8}}
  - {{metric: peak_memory, max: {2 * PEAK}, dtype: {{activations: int16}}}}
  - {{metric: peak_memory, max: {MIXED}, dtype: [int8, 'first:activations=int16']}}
  - {{metric: peak_memory, max: {4 * PEAK}}}
  - {{metric: weight_bytes, max: {WEIGHTS + 4 * BIASES}, dtype: weights=int8}}
"""


def test_budgets_hold_at_a_type():
    Path("convcost.yaml").write_text(BUDGETS)
    found = convcost.check()
    assert found.ok
    assert [verdict.actual == verdict.limit for verdict in found.verdicts] == [True] * 5
    Path("convcost.yaml").write_text(BUDGETS.replace(f"{2 * PEAK}", f"{2 * PEAK - 1}"))
    output, status = run("check")
    assert status == 1
    assert "peak memory, activations=int16: 384, which is 1 above the limit of 383 (100.3 %)" in output
    document = json.loads(run("check", "-f", "json")[0])
    assert [verdict.get("dtype") for verdict in document["verdicts"]] == [
        "int8",
        "activations=int16",
        "int8 first:activations=int16",
        None,
        "weights=int8",
    ]


def test_the_types_of_a_budget_go_before_those_that_are_asked():
    Path("convcost.yaml").write_text(BUDGETS)
    found = convcost.check(dtype="int4")
    assert [verdict.actual for verdict in found.verdicts[:4]] == [PEAK, 2 * PEAK, MIXED, PEAK // 2]


def test_growth_is_measured_at_the_same_types():
    fixed = NET.replace("symbols: {width: 8}\n", "").replace("width", "8")
    Path("net.yaml").write_text(fixed)
    report = Path("before.json")
    report.write_text(run("analyze", "net.yaml", "--columns", "peak_memory,mults", "--dtype", "int8", "-f", "json")[0])
    Path("net.yaml").write_text(fixed.replace("out_channels: 8", "out_channels: 12"))
    Path("convcost.yaml").write_text(
        "models: net.yaml\nbudgets:\n"
        "  - {metric: peak_memory, growth: 64, dtype: int8}\n"  # 16 · (4 + 12), 64 more than 16 · (4 + 8)
        "  - {metric: peak_memory, growth: 1%}\n"
        "  - {metric: mults, growth: 1000%}\n"
    )
    found = convcost.check(baseline=report)
    assert [(verdict.status, verdict.base) for verdict in found.verdicts] == [
        ("within", PEAK),
        ("skipped", None),
        ("within", 16 * 9 * 4 * 8 + 16 * 8 * 2),
    ]
    assert found.verdicts[1].reason == "before.json: net.yaml does not tell peak_memory at these types of numbers"


@pytest.mark.parametrize(
    ("dtype", "expected"),
    {
        "int7": "dtype: there is no type of numbers 'int7'",
        "{weight: int8}": "dtype: no numbers are called 'weight'",
        "{weights: int7}": "dtype: there is no type of numbers 'int7'",
        "[int8, [int7]]": "dtype: there is no type of numbers 'int7'",
        "": "dtype is a type of numbers",
        "'weights=int8,weights=int8'": "dtype: weights is given twice",
    }.items(),
)
def test_a_budget_with_another_type_is_refused(dtype, expected):
    Path("convcost.yaml").write_text(f"models: net.yaml\nbudgets:\n  - {{metric: mults, max: 1, dtype: {dtype}}}\n")
    with pytest.raises(ConfigError) as caught:
        configuration.read("convcost.yaml")
    (detail,) = caught.value.details
    assert detail.message == expected
    assert (detail.place.line, detail.path) == (3, "budgets[0]")
    assert "--dtype" not in caught.value.text()


def test_no_type_is_an_error_in_each_question():
    for question in (lambda: convcost.analyze("net.yaml", dtype=""), lambda: convcost.check("net.yaml", dtype="int7")):
        with pytest.raises(ConvcostError):
            question()
    with pytest.raises(OptionError):
        convcost.load("net.yaml").typed("")


def test_solving_for_the_peak():
    # 16 · (4 + width) bytes: 320 at 16, 336 at 17
    found = convcost.solve("net.yaml", "width", max={"peak_memory": 320}, dtype="int8")
    assert (found.best.value, found.best.totals["peak_memory"], found.next.totals["peak_memory"]) == (16, 320, 336)
    # of MobileNetV1 401,408·alpha + 150,528 bytes up to 3/16, 1,204,224·alpha beyond (as `memory --over` has them)
    found = convcost.solve("mobilenet_v1", "alpha", max={"peak_memory": "256Ki"}, dtype="int8")
    assert (str(found.best.value), found.best.totals["peak_memory"]) == ("3/16", 401_408 * 3 // 16 + 150_528)
    assert (str(found.next.value), found.next.totals["peak_memory"]) == ("7/32", 1_204_224 * 7 // 32)
    none = convcost.solve("net.yaml", "width", max={"peak_memory": 79}, dtype="int8")
    assert (none.best, dict(none.least)) == (None, {"peak_memory": 16 * 4 + 16})  # of one channel
    assert convcost.solve("net.yaml", "width", max={"peak_memory": 160}, dtype="int4").best.value == 16
