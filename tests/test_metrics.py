"""The table of metrics: what is counted, how it totals, and that everything that lists totals reads the table."""

from __future__ import annotations

import csv
import io
import json
import re
from fractions import Fraction
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

import convcost
from convcost import cli, metrics
from convcost.budget import checking, configuration
from convcost.budget.schema import config_schema
from convcost.metrics import LARGEST_OUTPUT, METRICS, PEAK, Metric, Ratio
from convcost.registry import DuplicateError
from convcost.spec.schema import spec_schema
from convcost.spec.source import Source

NET = """\
symbols: {n: {value: 8, multiple_of: 1}}
input: [4, 6, 6]
layers:
  - conv: {out_channels: n, kernel_size: 3, bias: false}
    name: first
  - relu
  - conv: {out_channels: 2, kernel_size: 1, bias: false}
    name: second
  - global_avg_pool
"""
# first: n · 4 · 9 weights at 4 · 4 places, n · 16 values; relu: n · 16 values; second: 2 · n weights, 32 values; then 2
# n = 8: 288 + 16 = 304 params; 128 + 128 + 32 + 2 = 290 values


CONV = {"out_channels": 8, "kernel_size": 1}


@pytest.fixture
def table(monkeypatch):
    """Return a function that adds a metric to the table until the test ends."""
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))

    def add(name, of_layers, total=metrics.SUM, **more):
        METRICS.add(name, Metric(name, "values", f"What {name} is.", of_layers, total, **more))

    return add


def output_values(analysis):
    """Return the values that each layer puts out."""
    return [layer.output_values for layer in analysis.layers]


@pytest.fixture
def peak(table):
    """Add the largest output, the values for each parameter, and the largest of the network's outputs."""
    table("peak_output", output_values, PEAK)
    table("per_param", metrics.quotients("output_values", "params"), Ratio("output_values", "params"))
    table("result", output_values, LARGEST_OUTPUT)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command beside `net.yaml` and returns its status, output and errors."""
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["convcost", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run


# what is counted


@pytest.mark.parametrize(
    ("spec", "acts", "pooled"),
    # "acts" of pycls, dev/model_complexity.json at 5719de641657: outputs of convolutions, linear layers and max pools
    [
        ("resnet50", 11_315_688, 64 * 56 * 56),
        ("resnext50_32x4d", 14_602_216, 64 * 56 * 56),
        ("regnet_y_400mf", 3_892_496, 0),
        ("efficientnet_b0", 6_748_036, 0),
    ],
)
def test_activations_are_those_of_pycls_without_pools(spec, acts, pooled):
    assert convcost.analyze(spec).activations == acts - pooled


def test_activations_of_resnet_50():
    analysis = convcost.analyze("resnet50")
    by_type = {}
    for layer in analysis.layers:
        by_type[layer.type] = by_type.get(layer.type, 0) + layer.activations
    assert {type: count for type, count in by_type.items() if count} == {"conv": 11_113_984, "linear": 1_000}
    assert analysis.output_values == 37_561_832
    assert sum(layer.activations for layer in convcost.analyze("regnet_y_400mf").layers if layer.type != "linear") == (
        3_891_496  # Radosavovic et al. 2020, arXiv:2003.13678: 3.9 M
    )


def test_deployed_params():
    # of 25,557,032 each of 26,560 channels of batch norms has two, and leaves one as a bias
    analysis = convcost.analyze("resnet50", fold=False)
    channels = sum(layer.output_shape[0] for layer in analysis.layers if layer.type == "batch_norm")
    assert (channels, analysis.value("deployed_params")) == (26_560, 25_557_032 - 26_560)
    assert analysis.value("deployed_params") == 25_530_472


def test_deployed_params_of_the_first_rows_of_yolov8n():
    """Source: the rows that `ultralytics` 8 prints for yolov8n.yaml: 464, 4,672 and 7,360 parameters."""

    def conv(out, kernel=3, stride=1):
        fields = {"out_channels": out, "kernel_size": kernel, "stride": stride, "padding": kernel // 2, "bias": False}
        return {"conv": fields | {"norm": "batch_norm", "activation": "silu"}}

    def sliced(start):
        return {"slice": {"start": start, "end": start + 16}}

    residual = {"residual": [conv(16), conv(16)]}
    layers = [
        conv(16, stride=2),  # 3 · 16 · 9 + 2 · 16 = 464
        conv(32, stride=2),  # 16 · 32 · 9 + 2 · 32 = 4,672
        conv(32, kernel=1),  # 32 · 32 + 2 · 32 = 1,088
        {"concat": [[], [sliced(16), residual]]},  # 2 · (16 · 16 · 9 + 2 · 16) = 4,672
        conv(32, kernel=1),  # 48 · 32 + 2 · 32 = 1,600
    ]
    analysis = convcost.analyze({"input": [3, 64, 64], "layers": layers})
    # 464 + 4,672 + (1,088 + 4,672 + 1,600); a bias for each of 16 + 32 + 32 + 2 · 16 + 32 = 144 channels instead of two
    assert (analysis.value("params"), analysis.value("deployed_params")) == (12_496, 12_496 - 144)


@pytest.mark.parametrize(
    ("layers", "params"),
    [
        ([{"conv": CONV}, "batch_norm"], 4 * 8 + 8),  # it has a bias already
        ([{"conv": CONV | {"bias": False}}, "batch_norm"], 4 * 8 + 8),
        ([{"conv": CONV | {"bias": False}}, {"batch_norm": {"affine": False}}], 4 * 8 + 8),
        ([{"transposed_conv": {"out_channels": 8, "kernel_size": 2, "bias": False}}, "batch_norm"], 4 * 8 * 4 + 8),
        (["relu", "batch_norm"], 2 * 4),  # there is nothing to fold it into
        ([{"conv": CONV}, "batch_norm", "batch_norm"], 4 * 8 + 8 + 2 * 8),
        # others read it without the norm
        ([{"conv": CONV, "name": "a"}, "batch_norm", {"add": None, "from": ["a", "a"]}], 4 * 8 + 8 + 2 * 8),
        (["flatten", {"linear": {"out_features": 5, "bias": False}}, "batch_norm"], 16 * 5 + 5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("fold", [True, False])
def test_what_a_norm_leaves_behind(layers, params, fold):
    analysis = convcost.analyze({"input": [4, 2, 2], "layers": layers}, fold=fold)
    assert analysis.value("deployed_params") == params == sum(analysis.values("deployed_params"))


def test_values_of_free_symbols():
    spec = {"symbols": {"n": 8}, "input": [4, "n", "n"], "layers": [
        {"conv": {"out_channels": "n", "kernel_size": 1, "bias": False, "norm": "batch_norm"}}, "relu",
    ]}  # fmt: skip
    analysis = convcost.analyze(spec, free=["n"])
    told = {name: str(analysis.value(name)) for name in ("output_values", "activations", "deployed_params")}
    # n channels at n · n places, by three layers; 4 · n weights and n biases
    assert told == {"output_values": "3·n³", "activations": "n³", "deployed_params": "5·n"}


@pytest.mark.parametrize("batch", [1, 3])
def test_every_sum_is_that_of_the_layers(batch):
    analysis = convcost.load("mobilenet_v3_small").analyze(batch=batch)
    for name, metric in METRICS.items():
        assert metric.adds_up == (name not in ("peak_memory", "intensity", "receptive_field"))
        if metric.adds_up:
            assert analysis.value(name) == sum(analysis.values(name)), name
        if metric.unit != "bytes" and name not in (
            *("deployed_params", "effective_macs", "intensity", "receptive_field"),
        ):
            assert [layer.value(name) for layer in analysis.layers] == analysis.values(name), name


def test_a_layer_alone_does_not_tell_what_depends_on_others(peak):
    layer = convcost.analyze("examples/one_5x5").layers[0]
    assert (layer.value("peak_output"), layer.value("per_param")) == (1, Fraction(1, 25))  # one output, 25 weights
    with pytest.raises(convcost.OptionError) as caught:
        layer.value("deployed_params")
    assert str(caught.value) == (
        "error: deployed_params of a layer depends on the other layers\n"
        " = help: analysis.values('deployed_params') gives it for each"
    )
    with pytest.raises(convcost.OptionError, match="there is no total 'parms'"):
        layer.value("parms")


# how it totals


def test_totals_of_each_kind(peak):
    two = {"input": [4, 6, 6], "layers": [
        {"conv": {"out_channels": 8, "kernel_size": 3, "bias": False}, "name": "a"},  # 288 weights, 128 values
        {"max_pool": {"kernel_size": 4}, "from": "a"},  # 8 values, an output
        {"conv": {"out_channels": 2, "kernel_size": 1, "bias": False}, "from": "a"},  # 16 weights, 32 values, an output
    ]}  # fmt: skip
    analysis = convcost.analyze(two)
    assert [analysis.value(name) for name in ("peak_output", "result")] == [128, 32]
    assert analysis.values("per_param") == [Fraction(128, 288), None, Fraction(32, 16)]
    assert analysis.value("per_param") == Fraction(128 + 8 + 32, 288 + 16)
    assert convcost.analyze({"input": [4], "layers": ["relu"]}).value("per_param") is None
    free = convcost.analyze({"symbols": {"n": 1}, "input": ["n"], "layers": ["relu", "relu"]}, free=["n"])
    assert [str(free.value(name)) for name in ("peak_output", "result")] == ["n", "n"]


def test_layers_without_a_value_are_left_out_of_the_largest(table):
    def of_layers(analysis):
        return [None if layer.type == "relu" else -layer.output_values for layer in analysis.layers]

    table("least", of_layers, PEAK)
    assert convcost.analyze({"input": [4], "layers": ["relu", "identity"]}).value("least") == -4
    assert convcost.analyze({"input": [4], "layers": ["relu"]}).value("least") == 0


def test_a_duplicate_names_both_places(table):
    with pytest.raises(DuplicateError) as caught:
        table("params", output_values)
    ours = output_values.__code__
    theirs = METRICS["params"].of_layers.__code__
    assert str(caught.value) == (
        f"metric 'params' is defined twice: in {theirs.co_filename}:{theirs.co_firstlineno} "
        f"and {ours.co_filename}:{ours.co_firstlineno}"
    )


PLUGGED = Metric(
    "plugged", "bytes", "Four bytes for each value.", lambda analysis: [4 * n for n in output_values(analysis)]
)


def test_a_package_adds_a_metric_by_an_entry_point(monkeypatch, table, run):
    monkeypatch.setitem(__import__("sys").modules, "plugin", type("plugin", (), {"PLUGGED": PLUGGED}))
    monkeypatch.setattr(METRICS, "_points", None)
    points = [EntryPoint("plugged", "plugin:PLUGGED", "convcost.metrics")]
    asked = []
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: asked.append(group) or points)
    assert run("analyze", "net.yaml", "--sort", "params", "-f", "json")[0] == 0
    assert not asked  # which takes time
    status, out, _ = run("analyze", "net.yaml", "--columns", "plugged", "-f", "csv")
    assert (status, [row["plugged"] for row in csv.DictReader(io.StringIO(out))]) == (0, ["512", "512", "128", "8"])
    assert asked == ["convcost.metrics"]
    assert metrics.heading("plugged") == "Plugged, bytes"


def test_a_package_that_cannot_be_used_is_told(monkeypatch, table, run):
    monkeypatch.setattr(METRICS, "_points", None)
    point = EntryPoint("plugged", "no_such_package:METRIC", "convcost.metrics")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point])
    status, out, err = run("sweep", "net.yaml", "--set", "n=1,2", "--best", "plugged")
    assert (status, out) == (2, "")
    assert err == (
        "error: the metric 'plugged' of the package no_such_package:METRIC cannot be loaded\n"
        " = found: ModuleNotFoundError: No module named 'no_such_package'\n"
        " = help: repair no_such_package:METRIC, install what it needs, or uninstall it\n"
    )


# who reads the table


@pytest.mark.parametrize(
    ("command", "sides"),
    [
        ("compare net.yaml", ("standard_{}", "separable_{}")),
        ("rewrite net.yaml --to separable", ("{}_before", "{}_after")),
        ("suggest net.yaml --max params=200 --ends", ("{}_before", "{}_after", "{}_total")),
        ("diff net.yaml net.yaml", ("{}_before", "{}_after", "{}_change", "{}_percent")),
    ],
)
def test_csv_has_a_column_for_each_count(command, sides, run):
    _, out, _ = run(*command.split(), "-f", "csv")
    heading = out.splitlines()[0].split(",")
    for name in [*metrics.counts(convcost.Cost())]:
        for side in sides:
            assert side.format(name) in heading


def test_a_metric_that_nobody_asked_for_is_not_computed(table, run):
    def of_layers(analysis):
        raise AssertionError("computed")

    table("costly", of_layers, PEAK)
    Path("other.yaml").write_text(NET.replace("kernel_size: 3", "kernel_size: 2") + "budget: {params: 1k}\n")
    for arguments in [
        *(("analyze", "net.yaml", "-f", format) for format in ("table", "json", "csv", "markdown")),
        ("analyze", "net.yaml", "--free", "n"),
        ("check", "other.yaml", "-f", "json"),
        ("diff", "net.yaml", "other.yaml"),
        ("compare", "net.yaml"),
        ("sweep", "net.yaml", "--set", "n=1,2"),
        ("solve", "net.yaml", "--for", "n", "--max", "params=1k"),
        ("suggest", "net.yaml", "--max", "params=1k"),
        ("schema",),
        ("schema", "config"),
    ]:
        assert run(*arguments)[::2] == (0, ""), arguments


@pytest.mark.parametrize("name", [*METRICS])
def test_every_command_accepts_every_metric(name, run):
    wide = ["net.yaml", "--set", "n=1:19"]
    for arguments in [
        ("analyze", "net.yaml", "--sort", name),
        ("analyze", "net.yaml", "--columns", name),
        ("analyze", "net.yaml", "--columns", name, "--free", "n"),
        ("sweep", *wide, "--where", f"{name} >= 0", "--best", name),
        *([("suggest", "net.yaml", "--max", f"{name}=1G")] if METRICS[name].adds_up else []),
    ]:
        assert run(*arguments)[::2] == (0, ""), arguments
    _, _, err = run("solve", "net.yaml", "--for", "n", "--max", f"{name}=1k")
    assert "there is no" not in err
    assert convcost.check("net.yaml", max={name: 10**9}).verdicts[0].actual == convcost.analyze("net.yaml").value(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyze", "--sort", "multz"], "error: --sort: there is no column 'multz'\n = help: did you mean 'mults'?\n"),
        (["analyze", "--columns", "mults,multz"],
            "error: --columns: there is no column 'multz'\n = help: did you mean 'mults'?\n"),
        (["analyze", "--columns", "mults,,"],
            ("error: --columns: there is no column ''\n = help: known: type, output, share, ratio, notes, params, "
             "buffers, mults, adds, macs, flops, useful_mults, output_values, activations, deployed_params, "
             "effective_macs, weight_bytes, activation_bytes, peak_me…\n")),
        (["sweep", "--set", "n=1,2", "--where", "multz < 5"],
            "error: there is no total 'multz'\n = help: did you mean 'mults'?\n"),
        (["sweep", "--set", "n=1,2", "--best", "multz"],
            "error: there is no total 'multz'\n = help: did you mean 'mults'?\n"),
        (["solve", "--for", "n", "--max", "multz=5"],
            "error: there is no total 'multz'\n = help: did you mean 'mults'?\n"),
        (["suggest", "--max", "multz=5"],
            "error: --max: there is no total 'multz'\n = help: did you mean 'mults'?\n"),
    ],
)  # fmt: skip
def test_an_unknown_metric_is_told_with_what_may_be_meant(arguments, message, run):
    status, out, err = run(arguments[0], "net.yaml", *arguments[1:])
    assert (status, out, err) == (2, "", message)


def test_chosen_columns(peak, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    status, out, _ = run(
        "analyze", "net.yaml", "--columns", "deployed_params, peak_output,per_param,ops_cmp,peak_output"
    )
    assert status == 0
    lines = [re.split(r"  +", line.strip()) for line in out.splitlines()]
    # 288, 16; 128, 128, 32, 2 values; 128 / 288 = 4 / 9, 32 / 16; relu compares 128; in all 290 / 304
    assert lines[lines.index([""]) + 1 : 12] == [
        ["Layer", "Type", "Output", "Deployed params", "Peak output, values", "Per param, values", "Ops cmp", "Notes"],
        ["─" * len(out.splitlines()[5])],
        ["first", "conv 3×3", "8×4×4", "288", "128", "≈0.444444", "0"],
        ["relu_1", "relu", "8×4×4", "0", "128", "128"],
        ["second", "conv 1×1", "2×4×4", "16", "32", "2", "0"],
        ["global_avg_pool_1", "global_avg_pool", "2×1×1", "0", "2", "0", "output"],
        ["─" * len(out.splitlines()[5])],
        ["Total", "2 layers", "304", "128", "≈0.953947", "128"],
    ]
    assert "Peak output, values: What peak_output is.\n" in out
    _, out, _ = run("analyze", "net.yaml", "--columns", "params,result", "-f", "markdown")
    assert "| `first` | conv 3×3 | 8×4×4 | 288 | 128 |  |\n" in out


def test_chosen_columns_of_rows_of_several_layers(peak, run):
    _, out, _ = run("analyze", "net.yaml", "--columns", "peak_output,per_param", "-f", "csv")
    assert out.splitlines()[0].split(",")[6:10] == ["output_shape", "peak_output", "per_param", "ratio_kind"]
    text = (
        NET.replace("layers:", "blocks:\n  b:\n    layers:")
        .replace("\n  - ", "\n      - ")
        .replace("\n    name", "\n        name")
    )
    Path("net.yaml").write_text(text.replace("kernel_size: 3", "kernel_size: 1") + "layers: [b]\n")
    _, out, _ = run(
        "analyze", "net.yaml", "--columns", "peak_output,per_param,result,activations", "-f", "csv", "--depth", "1"
    )
    (row,) = csv.DictReader(io.StringIO(out))
    # 8 · 36, twice, 2 · 36 and 2 values: the largest 288; 650 of them for 32 + 16 weights; 288 + 72 by convolutions
    assert [row[name] for name in ("peak_output", "per_param", "result", "activations")] == [
        "288", str(650 / 48), "288", "360"
    ]  # fmt: skip


def test_json_tells_what_was_asked_beside_the_usual(peak, run):
    _, out, _ = run("analyze", "net.yaml", "--columns", "peak_output,per_param,params", "-f", "json")
    data = json.loads(out)
    standard = [metric.name for metric in metrics.standard()]
    assert [*data["total"]] == [*standard, "peak_output", "per_param", "ops"]
    assert (data["total"]["peak_output"], data["total"]["per_param"]) == (128, "145/152")  # 290 / 304
    assert [(row["peak_output"], row["per_param"]) for row in data["layers"]] == [
        (128, "4/9"), (128, None), (32, "2"), (2, None)
    ]  # fmt: skip
    _, out, _ = run("analyze", "net.yaml", "-f", "json")
    assert [*json.loads(out)["total"]] == [*standard, "ops"]


def test_sorting_by_any_metric(peak, run):
    for column, names in {
        "per_param": ["second", "first", "relu_1", "global_avg_pool_1"],  # those without a value last
        "peak_output": ["first", "relu_1", "second", "global_avg_pool_1"],
        "output": ["first", "relu_1", "second", "global_avg_pool_1"],
        "deployed_params": ["first", "second", "relu_1", "global_avg_pool_1"],
    }.items():
        _, out, _ = run("analyze", "net.yaml", "--sort", column, "-f", "csv")
        assert [row["name"] for row in csv.DictReader(io.StringIO(out))] == names, column


def test_sweeping_a_peak_and_a_ratio(peak, run):
    arguments = ["--where", "peak_output <= 48", "--where", "per_param > 1.5", "--best", "per_param", "-f", "json"]
    status, out, err = run("sweep", "net.yaml", "--set", "n=1:15", *arguments)
    assert (status, err) == (0, "")
    # (32 n + 34) / 38 n: 66 / 38, 98 / 76, 130 / 114; the largest is 16 n, or second's 32
    found = [(point["n"], point["peak_output"], point["per_param"]) for point in json.loads(out)["points"]]
    assert found == [(1, 32, "33/19")]
    _, out, _ = run("sweep", "net.yaml", "--set", "n=1:4", "--best", "per_param", "-f", "csv")
    rows = [(row["n"], row["per_param"]) for row in csv.DictReader(io.StringIO(out))]
    assert rows == [(str(n), str((32 * n + 34) / (38 * n))) for n in (4, 3, 2, 1)]


def test_a_metric_that_is_no_sum_never_meets_a_formula_in_a_sweep(table, run):
    def of_layers(analysis):
        assert all(type(layer.output_values) is int for layer in analysis.layers)
        return output_values(analysis)

    table("numeric", of_layers, PEAK)
    found = convcost.sweep("net.yaml", set={"n": "1:39"}, where=["numeric == 32"])
    assert [row["n"] for row in found.rows()] == [1, 2]


def test_points_without_a_value_are_last_and_satisfy_nothing(peak, run):
    Path("net.yaml").write_text("symbols: {n: 1}\ninput: [4]\nlayers: [relu, {linear: {out_features: 2}, if: n > 1}]\n")
    _, out, _ = run("sweep", "net.yaml", "--set", "n=1,2", "--best", "per_param", "-f", "csv")
    # 6 values, 10 params
    assert [(row["n"], row["per_param"]) for row in csv.DictReader(io.StringIO(out))] == [("2", "0.6"), ("1", "")]
    _, out, _ = run("sweep", "net.yaml", "--set", "n=1,2", "--where", "per_param >= 0", "-f", "csv")
    assert [row["n"] for row in csv.DictReader(io.StringIO(out))] == ["2"]


def test_solving_for_a_peak_that_a_test_adds(peak, run):
    found = convcost.solve("net.yaml", "n", max={"peak_output": 300})
    # the largest is 16 n: 288 at 18, 304 at 19
    assert (found.best.value, found.best.totals["peak_output"], found.next.totals["peak_output"]) == (18, 288, 304)


def test_solve_says_why_it_cannot_limit_a_ratio_or_a_peak_of_repetitions(peak, run):
    def error(metric):
        status, out, err = run("solve", "net.yaml", "--for", "n", "--max", f"{metric}=300")
        assert (status, out) == (2, "")
        return err

    assert error("per_param") == (
        "error: solve cannot limit per_param\n"
        " = found: per_param is output_values over params, of which no formula shows that it goes on growing\n"
        " = help: convcost sweep SPEC --set n=… --where 'per_param <= …' tries values\n"
    )
    Path("net.yaml").write_text("symbols: {n: 1}\ninput: [4]\nlayers: [{linear: {out_features: 4}, repeat: n}]\n")
    assert error("peak_output") == (
        "error: solve cannot limit peak_output\n"
        " = found: peak_output is the largest of the layers, of which no formula shows that it goes on growing\n"
        " = help: convcost sweep SPEC --set n=… --where 'peak_output <= …' tries values\n"
    )


def test_solving_for_a_sum_that_a_test_adds(table, run):
    table("bytes", lambda analysis: [4 * values for values in output_values(analysis)])
    found = convcost.solve("net.yaml", "n", max={"bytes": 1_000})
    # 4 · (32 n + 34) = 904 at 6, 1,032 at 7
    assert (found.best.value, found.best.totals["bytes"], found.next.totals["bytes"]) == (6, 904, 1032)


def test_suggest_says_why_it_cannot_limit_a_ratio(peak, run):
    status, out, err = run("suggest", "net.yaml", "--max", "per_param=3")
    assert (status, out) == (2, "")
    assert err == (
        "error: --max: suggest cannot limit per_param\n"
        " = found: per_param is output_values over params, so that no rewritten layer says what is saved of it\n"
        " = help: limit a sum or a largest layer: --max mults=300M\n"
    )


def test_suggesting_for_a_sum_that_a_test_adds(table, run):
    table("bytes", lambda analysis: [4 * layer.cost.params for layer in analysis.layers])
    Path("net.yaml").write_text(
        NET.replace("  - global", "  - conv: {out_channels: 8, kernel_size: 3, padding: 1}\n  - global").replace(
            "out_channels: 2", "out_channels: 8"
        )
    )
    status, out, _ = run("suggest", "net.yaml", "--max", "bytes=1k", "--ends", "-f", "json")
    data = json.loads(out)
    # first: 4 · 9 + 4 · 8 = 68 for 288; the last 8 · 9 + 8 + 8 · 8 + 8 = 152 for 584; second keeps 64
    totals = {step["layers"][0]: step["total"]["params"] for step in data["steps"]}
    assert (status, totals) == (1, {"conv_3": 288 + 64 + 152, "first": 68 + 64 + 152})
    assert data["limits"] == {"bytes": 1000}


# budgets


def check(text, baseline=None):
    """Return the verdicts of a configuration on `net.yaml`."""
    read = configuration.parse(Source("convcost.yaml", f"convcost: 2\nmodels: net.yaml\nbudgets:\n{text}"), Path())
    return checking.check((), read, baseline=baseline)


def test_a_budget_limits_a_peak_and_a_ratio(peak, run):
    verdicts = check(
        "  - {metric: peak_output, max: 127}\n"
        "  - {metric: peak_output, max: 128}\n"
        '  - {metric: peak_output, max: 31, layers: "[sg]*"}\n'
        "  - {metric: per_param, max: 0.95, warn: 90%}\n"
        "  - {metric: per_param, max: 1, warn: 0.95}\n"
        "  - {metric: per_param, max: 2.5, layers: second}\n"
        "  - {metric: per_param, max: 1, layers: relu_1}\n"
        "  - {metric: result, max: 1}\n"
        "  - {metric: peak_output, scope: each, max: 127}\n"
    )
    found = [(each.layer and each.layer.name, each.actual, each.limit, each.status) for each in verdicts]
    assert found == [
        (None, 128, 127, "exceeded"),
        (None, 128, 128, "within"),
        (None, 32, 31, "exceeded"),  # second and the pool
        (None, Fraction(290, 304), Fraction(19, 20), "exceeded"),
        (None, Fraction(290, 304), 1, "warning"),
        (None, Fraction(2), Fraction(5, 2), "within"),
        (None, None, None, "skipped"),
        (None, 2, 1, "exceeded"),
        ("first", 128, 127, "exceeded"),
        ("relu_1", 128, 127, "exceeded"),
        ("second", 32, 127, "within"),
        ("global_avg_pool_1", 2, 127, "within"),
    ]
    assert verdicts[6].reason == "net.yaml has no per param, being output_values over params, which is 0"
    assert verdicts[0].remedy is verdicts[3].remedy is None


def test_a_spec_limits_a_peak_and_a_ratio_itself(peak, run):
    Path("net.yaml").write_text(NET + "budget: {peak_output: 100, per_param: 0.5}\n")
    status, out, _ = run("check", "net.yaml")
    assert status == 1
    rows = [re.split(r"  +", line.strip()) for line in out.splitlines() if line.startswith("  p")]
    assert rows == [
        ["peak output", "100", "128", "−28", "██████████", "128.0", "✗ exceeded"],
        ["per param", "0.5", "≈0.953947", "≈−0.453947", "██████████", "190.8", "✗ exceeded"],  # 145 / 76 = 1.9079
    ]
    assert "Peak output is the largest of the layers: no rewrite is looked for." in out
    assert re.search(r"^first +conv +128 +100.0 +net.yaml:4:5$", out, re.MULTILINE)
    assert re.search(r"^4 layers$", out, re.MULTILINE)  # the largest of the layers is no sum of theirs
    Path("net.yaml").write_text(NET + "budget: {peak_output: 0.5}\n")
    assert "the limit of peak_output is a whole number" in run("check", "net.yaml")[2]


def test_accepting_what_a_ratio_is(peak, run):
    Path("convcost.yaml").write_text("models: net.yaml\nbudgets:\n  - {metric: per_param, max: 0.9}\n")
    assert run("check", "--accept")[0] == 0
    assert Path("convcost.yaml").read_text().endswith("max: 0.953948}\n")  # 290 / 304 = 0.9539473…, rounded up


def test_growth_of_a_peak_and_a_ratio(peak, run):
    assert run("check", "net.yaml", "-o", "json:other.json")[0] == 2  # there is no budget yet
    budgets = "".join(
        f"  - {{metric: {name}, max: 1k, growth: 10%{more}}}\n"
        for name, more in [
            ("peak_output", ""),
            ("per_param", ""),
            ("per_param", ", layers: '*'"),
            ("result", ", scope: each"),
        ]
    )
    Path("convcost.yaml").write_text(f"models: net.yaml\nbudgets:\n{budgets}")
    assert run("check", "-o", "json:before.json", "--exit-zero")[0] == 2  # growth needs a baseline
    Path("convcost.yaml").write_text(f"models: net.yaml\nbudgets:\n{budgets.replace(', growth: 10%', '')}")
    assert run("check", "-o", "json:before.json")[0] == 0
    Path("convcost.yaml").write_text(f"models: net.yaml\nbudgets:\n{budgets}")
    Path("net.yaml").write_text(NET.replace("out_channels: n", "out_channels: n + 1"))
    status, out, _ = run("check", "--baseline", "before.json", "-f", "json")
    found = [
        (each["metric"], each["layer"], each["base"], each["limit"], each["actual"], each["verdict"])
        for each in json.loads(out)["verdicts"]
        if each["kind"] == "growth"
    ]
    ratio = "145/152", "319/304", "161/171", "within"  # 290 / 304, 1.1 times that, 322 / 342
    assert (status, found) == (
        1,
        [
            ("peak_output", None, 128, 140, 144, "exceeded"),
            ("per_param", None, *ratio),
            ("per_param", None, *ratio),
            ("result", "first", 128, 140, 144, "exceeded"),
            ("result", "relu_1", 128, 140, 144, "exceeded"),
            ("result", "second", 32, 35, 32, "within"),
            ("result", "global_avg_pool_1", 2, 2, 2, "within"),
        ],
    )


def test_a_report_without_a_metric_does_not_tell_its_growth(peak, run):
    run("analyze", "net.yaml", "-o", "json:before.json")
    Path("convcost.yaml").write_text("models: net.yaml\nbudgets:\n  - {metric: peak_output, max: 1k, growth: 0}\n")
    status, out, _ = run("check", "--baseline", "before.json")
    assert (status, "Skipped: before.json: net.yaml does not tell peak_output." in out) == (0, True)


def test_the_schemas_know_each_metric(peak):
    spec, config = Draft7Validator(spec_schema()), Draft7Validator(config_schema())
    for name, text in ("peak_output", 100), ("per_param", "0.5"), ("per_param", 0.5):
        assert spec.is_valid({"input": [3], "layers": ["relu"], "budget": {name: text}})
        assert config.is_valid({"budgets": [{"metric": name, "max": text}]})
    assert not spec.is_valid({"input": [3], "layers": ["relu"], "budget": {"peak_output": 0.5}})
    described = spec_schema()["properties"]["budget"]["properties"]
    assert described["peak_output"]["description"] == "What peak_output is."


# what activations meant


OLD = NET + "budget: {activations: 200, params: 1k}\n"
# 128 + 32 = 160 by convolutions, 290 in all
WARNED = (
    "warning: activations of net.yaml are 160 now, and were 290\n"
    "  --> net.yaml:10:23, budget\n"
    "   |\n"
    "10 | budget: {activations: 200, params: 1k}\n"
    "   |                       ^\n"
    "   = note: they count what convolutions, linear layers and matrix products give, no longer what all layers do\n"
    "   = help: `convcost: 2` at the top of the file accepts the new meaning; `output_values` limits what was limited"
)


def test_a_limit_on_activations_of_version_1_warns_with_both_values(run):
    Path("net.yaml").write_text(OLD)
    status, out, err = run("check", "net.yaml", "-f", "json")
    data = json.loads(out)
    assert (status, err, data["notes"]) == (0, f"{WARNED}\n", [])
    assert [(each["message"], each["line"], each["column"]) for each in data["warnings"]] == [
        ("activations of net.yaml are 160 now, and were 290", 10, 23)
    ]
    assert (data["verdicts"][0]["actual"], data["verdicts"][0]["verdict"]) == (160, "within")
    assert run("check", "net.yaml")[2] == f"{WARNED}\n"
    assert list(map(str, convcost.check("net.yaml").warnings)) == [WARNED]
    refused = WARNED.replace("warning:", "error:", 1)
    assert run("check", "net.yaml", "--strict") == (2, "", f"{refused}\n")


@pytest.mark.parametrize(
    "text", ["convcost: 2\n" + OLD, "convcost: '2'\n" + OLD, OLD.replace("activations", "output_values")]
)
def test_where_the_meaning_is_known_nothing_is_warned_of(text, run):
    Path("net.yaml").write_text(text)
    _, out, err = run("check", "net.yaml", "-f", "json")
    assert (err, json.loads(out)["warnings"]) == ("", [])


def test_a_configuration_says_its_version_too(run):
    budgets = "  - {metric: activations, max: 100, layers: 's*'}\n  - {metric: activations, max: 1k, scope: each}\n"
    Path("convcost.yaml").write_text(f"models: net.yaml\nbudgets:\n{budgets}")
    _, out, err = run("check", "-f", "json")
    assert err.count("warning: ") == 2
    assert [(each["message"], each["file"], each["line"], each["column"]) for each in json.loads(out)["warnings"]] == [
        ("activations of net.yaml, s* are 32 now, and were 32", "convcost.yaml", 3, 32),
        ("activations of net.yaml, first are 128 now, and were 128", "convcost.yaml", 4, 32),
    ]
    Path("net.yaml").write_text(NET.replace("out_channels: 2", "out_channels: 9"))
    assert "activations of net.yaml, second are 144 now" in run("check")[2]  # 9 · 16, of the layers the most
    Path("convcost.yaml").write_text(f"convcost: 2\nmodels: net.yaml\nbudgets:\n{budgets}")
    assert run("check")[2] == ""
    Path("convcost.yaml").write_text(f"convcost: 3\nmodels: net.yaml\nbudgets:\n{budgets}")
    assert run("check")[2] == (
        "error: the language's version is 1 or 2\n"
        " --> convcost.yaml:1:11, convcost\n  |\n1 | convcost: 3\n  |           ^ 3\n"
    )


def test_a_report_of_version_1_tells_output_values_as_activations(run):
    run("analyze", "net.yaml", "-o", "json:now.json")
    data = json.loads(Path("now.json").read_text())
    data["schema_version"] = 1
    for numbers in data["total"], *data["layers"]:
        numbers["activations"] = numbers.pop("output_values")
        del numbers["deployed_params"]
    Path("then.json").write_text(json.dumps(data))
    Path("convcost.yaml").write_text(
        "convcost: 2\nmodels: net.yaml\nbudgets:\n"
        "  - {metric: output_values, growth: 0}\n  - {metric: activations, growth: 0}\n"
        "  - {metric: deployed_params, growth: 0, max: 1k}\n"
    )
    _, out, _ = run("check", "--baseline", "then.json", "-f", "json")
    found = [(each["base"], each["verdict"], each["reason"]) for each in json.loads(out)["verdicts"]]
    assert found == [
        (290, "within", None),
        (None, "skipped", "then.json: net.yaml does not tell activations"),
        (None, "within", None),
        (None, "skipped", "then.json: net.yaml does not tell deployed_params"),
    ]
