"""The documents: each JSON report is what its structure says, and is read back by it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

import convcost
from convcost import cli, metrics
from convcost.documents import (
    READABLE,
    VERSION,
    analysis,
    check,
    comparison,
    design_space,
    formulas,
    memory,
    published,
    receptive_field,
    rewriting,
    specs,
)
from convcost.documents import difference as differences
from convcost.documents import verification as verified
from convcost.documents.numbers import kinds
from convcost.documents.schema import report_schema
from convcost.metrics import METRICS, PEAK, Metric, Ratio

SPEC = """\
name: net
symbols: {n: 1, q: 1/3}
input: [4, 8, 8]
layers:
  - conv: {out_channels: 8 * n, kernel_size: 3, norm: batch_norm}
  - relu
  - residual:
      - separable_conv: {out_channels: in_channels, kernel_size: 3, padding: 1}
"""
OTHER = "input: [4, 8, 8]\nlayers: [relu, {conv: {out_channels: 8, kernel_size: 1}}]\n"
CONFIG = """\
models: [net.yaml]
budgets:
  - {metric: mults, max: 1k, set: {n: [1/2, 1]}, message: "too much"}
  - {metric: params, max: 1G, growth: 1%}
  - {metric: ops_cmp, scope: each, max: 3}
"""
NAMES = tuple(metric.name for metric in metrics.standard())
USUAL, FREE = kinds(NAMES), kinds(NAMES, free=True)
COMMANDS = {
    "analyze net.yaml": analysis.AnalysisDocument[USUAL.layer, USUAL.total],
    "analyze net.yaml --top 2 --batch 3 --no-fold": analysis.AnalysisDocument[USUAL.layer, USUAL.total],
    "analyze net.yaml --depth 1": analysis.AnalysisDocument[USUAL.layer, USUAL.total],
    "analyze net.yaml other.yaml": list[analysis.AnalysisDocument[USUAL.layer, USUAL.total]],
    "analyze net.yaml --free n": analysis.FreeAnalysis[FREE.layer, FREE.total],
    "analyze mobilenet_v1 --free alpha --free r --depth 1": analysis.FreeAnalysis[FREE.layer, FREE.total],
    "check --baseline before.json": check.CheckDocument[analysis.Entry[USUAL.row, USUAL.total]],
    "compare net.yaml": comparison.ComparisonDocument,
    "compare net.yaml other.yaml": differences.DifferenceDocument[USUAL.side, USUAL.total],
    "diff net.yaml other.yaml": differences.DifferenceDocument[USUAL.side, USUAL.total],
    "diff other.yaml net.yaml": differences.DifferenceDocument[USUAL.side, USUAL.total],  # buffers begin at 0
    "formulas": formulas.FormulasDocument,
    "formulas conv --set Dk=3 --set M=4": formulas.FormulasDocument,
    "memory net.yaml --dtype int8 --align 16": memory.MemoryDocument,
    "receptive-field net.yaml": receptive_field.ReceptiveFieldDocument,
    "verify --receptive-field net.yaml": verified.FieldVerificationDocument,
    "rewrite net.yaml --to separable": rewriting.RewritingDocument,
    "rewrite --list": rewriting.Catalogue,
    "suggest net.yaml --max mults=1k": rewriting.SuggestionDocument,
    "sweep net.yaml --set n=1/8,1,2 --set q=1/3": design_space.SweepDocument,
    "sweep net.yaml --set n=1/7,1": design_space.SweepDocument,
    "solve mobilenet_v1 --for alpha --max mults=300M": design_space.SolutionDocument,
    "solve mobilenet_v1 --for alpha --max mults=1": design_space.SolutionDocument,
    "search mobilenet_v1 --set alpha=1/2,1 --set r=96,128 --pareto mults,params:max": design_space.FrontDocument,
    "search mobilenet_v1 --set alpha=1/2,1 --best mults --max mults=1 --min params=0": design_space.FrontDocument,
    "sweep net.yaml": design_space.SymbolsDocument,
    "sweep mobilenet_v1": design_space.SymbolsDocument,
    "specs": specs.Specs,
    "specs mobilenet_v1 --published": published.PublishedDocument,
    "verify net.yaml": verified.VerificationDocument,
    "verify --formulas": formulas.FormulaProofs,
}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command in a folder of specs and returns what it writes as JSON."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"net.yaml": SPEC, "other.yaml": OTHER, "convcost.yaml": CONFIG}.items():
        Path(name).write_text(text)

    def run(command):
        words = command.split()
        monkeypatch.setattr("sys.argv", ["convcost", *words, *(["-f", "json"] if words[0] != "schema" else [])])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert ended.value.code in (0, None, 1), captured.err
        return captured.out

    text = run("analyze net.yaml")
    Path("before.json").write_text(text.replace('"params":', '"params": '))
    return run


def strict(schema):
    """Return a schema that refuses keys which it does not describe."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    return closed | {"additionalProperties": False} if "properties" in schema else closed


@pytest.fixture(scope="module")
def schemas():
    """Return the schema of all reports, and a validator that refuses keys which it does not describe."""
    schema = json.loads(json.dumps(report_schema()))
    Draft202012Validator.check_schema(schema)
    return schema, Draft202012Validator(strict(schema))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_report_is_what_its_structure_says(command, run, schemas, monkeypatch):
    monkeypatch.setattr("convcost.verification.formulas.types", lambda: ["conv", "relu"])  # all of them take long
    text = run(command)
    data = json.loads(text)
    if isinstance(data, dict):
        kind = getattr(COMMANDS[command], "__origin__", COMMANDS[command]).__name__.removesuffix("Document")
        schema = {**strict(schemas[0]), "anyOf": [{"$ref": f"#/$defs/{kind}"}]}
        errors = [error.message for error in Draft202012Validator(schema).iter_errors(data)]
        assert not errors
    assert schemas[1].is_valid(data)
    read = msgspec.json.decode(text, type=COMMANDS[command])
    assert msgspec.to_builtins(read) == data
    for each in data if isinstance(data, list) else [data]:
        assert each["schema_version"] == VERSION == 2


def test_every_structure_and_key_is_described(schemas):
    for name, definition in schemas[0]["$defs"].items():
        assert definition["description"], name
        assert "Attributes:" not in definition["description"]
        for key, schema in definition["properties"].items():
            if name not in ("Convention", "Counted", "BeforeAfter", "Forms"):  # keys that say it themselves
                assert "description" in schema, (name, key)


def test_the_schema_of_numbers_is_the_table_of_metrics(schemas):
    total = schemas[0]["$defs"]["Total"]["properties"]
    by_itself = [
        "effective_macs",
        "weight_bytes",
        "activation_bytes",
        "peak_memory",
        "bytes_read",
        "bytes_written",
        "bytes_moved",
        "intensity",
        "receptive_field",
    ]
    assert [*total] == [*NAMES, *by_itself, "ops"]  # all but each kind of operation by itself
    assert {name: total[name]["description"] for name in NAMES} == {name: METRICS[name].about for name in NAMES}


def test_a_report_with_something_else_is_refused(schemas, run):
    data = json.loads(run("analyze net.yaml"))
    for wrong in (
        data | {"schema_version": 1},
        data | {"total": data["total"] | {"params": -1}},
        data | {"total": data["total"] | {"params": "4*n"}},
        data | {"total": {name: value for name, value in data["total"].items() if name != "params"}},
        data | {"layers": 5},
    ):
        assert schemas[1].is_valid(data)
        assert not schemas[1].is_valid(wrong)


def test_the_schema_is_printed(run, schemas):
    assert json.loads(run("schema report")) == schemas[0]
    assert READABLE == (1, VERSION)


def test_metrics_that_are_asked_have_their_place(monkeypatch, run):
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))

    def values(analysis):
        return [layer.output_values for layer in analysis.layers]

    METRICS.add("peak", Metric("peak", "bytes", "The most.", values, PEAK))
    METRICS.add("share", Metric("share", "", "A share.", metrics.quotients("params", "macs"), Ratio("params", "macs")))
    schema = json.loads(json.dumps(report_schema()))
    validator = Draft202012Validator(strict(schema))
    assert schema["$defs"]["Total"]["properties"]["peak"]["description"] == "The most, in bytes."
    for options in ("", " --free n", " --depth 1"):
        data = json.loads(run(f"analyze net.yaml --columns peak,share{options}"))
        assert validator.is_valid(data)
    assert (data["total"]["peak"], data["total"]["share"]) == (8 * 36, str(Fraction(464, _macs())))


def _macs():
    """Return the macs of the spec, halved: 8 kernels of 36 weights at 36 places, 8 of 9 and 8 of 8 there."""
    return 36 * (8 * 36 + 8 * 9 + 8 * 8)


def test_what_a_document_says_a_program_gets(run):
    assert json.loads(run("compare net.yaml")) == convcost.load("net.yaml").compare().to_dict()
