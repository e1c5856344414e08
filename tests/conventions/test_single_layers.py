"""What other tools count of single layers, against what they printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import convcost
from convcost.cli.app import app
from convcost.conventions import CONVENTIONS
from convcost.conventions.single_layers import single_layers

RECORD = json.loads((Path(__file__).parent / "data" / "layers.json").read_text(encoding="utf-8"))
LAYERS = {layer.name: layer for layer in single_layers()}
UNKNOWN = {
    (
        "keras",
        "LSTM, 12 steps",
    ): "of a loop an arbitrary part is counted",
    ("onnx-tool", "RNN, 12 steps"): "the tool ends with an error",
    ("onnx-tool", "RMS norm on 12 tokens"): "PyTorch's exporter ends with an error",
    ("onnxsim", "RMS norm on 12 tokens"): "PyTorch's exporter ends with an error",
    ("onnx-tool", "adaptive average pooling to 4×4"): "PyTorch's exporter ends with an error",
    ("onnxsim", "adaptive average pooling to 4×4"): "PyTorch's exporter ends with an error",
}
"""The rows that no rule reproduces, and why."""
UNRECORDED = {"pycls", "onnx-tool-unfolded"}
"""pycls counts no single layers; onnx-tool prints of a single norm the same, which no layer before it folds."""


def reconciled(name):
    layer = LAYERS[name]
    model = convcost.load(dict(layer.spec))
    functional = [each.name for each in model.network.layers] if layer.functional else []
    return {tool.convention.name: tool for tool in model.reconcile(functional=functional).tools}


@pytest.mark.parametrize("name", LAYERS)
def test_a_tool_counts_of_a_layer_what_it_printed(name):
    found = reconciled(name)
    printed, ours = {}, {}
    for tool, rows in RECORD["tools"].items():
        if name in rows and (tool, name) not in UNKNOWN:
            row = rows[name]
            printed[tool] = (row["count"] or 0, row.get("params"))  # null: it says that it has no number
            ours[tool] = (found[tool].count, found[tool].params if "params" in row else None)
    assert ours == printed
    for tool in found.values():
        assert sum(cause.amount for cause in tool.causes) == tool.difference


def test_every_recorded_row_is_compared_or_has_its_reason():
    texts = {(tool, name) for tool, rows in RECORD["tools"].items() for name in rows if isinstance(rows[name], str)}
    assert texts <= set(UNKNOWN)
    for tool, name in set(UNKNOWN) - texts:
        assert reconciled(name)[tool].uncovered


def test_every_convention_is_recorded():
    assert set(RECORD["tools"]) == set(CONVENTIONS) - UNRECORDED
    assert set(RECORD["versions"]) == set(RECORD["tools"])
    for tool, rows in RECORD["tools"].items():
        assert set(rows) <= set(LAYERS)
        assert tool == "keras" or set(rows) == set(LAYERS)


def run(*words):
    return CliRunner().invoke(app, ["reconcile", *words])


def test_the_tools_that_print_the_same_stand_beside_each_other():
    # 4,480 values · 24 weights = 107,520 macs; fvcore prints them, thop those of each output: 4,480 · 96 = 430,080
    lines = run("--layers", "--with", "fvcore", "--with", "thop", "--with", "flopcounter", "--with", "pycls").stdout
    (place,) = [at for at, line in enumerate(lines.splitlines()) if line.startswith("transposed convolution 4×4")]
    rows = [re.split(r"  +", line.strip())[-3:] for line in lines.splitlines()[place : place + 4]]
    assert rows == [
        ["107,520 macs", "exact", "fvcore"],
        ["215,040 flops", "exact", "flopcounter"],
        ["430,080 macs", "+300 %", "thop"],
        ["?", "not known: pycls"],
    ]


def test_data_has_each_layer_and_tool():
    document = json.loads(run("--layers", "--with", "thop", "-f", "json").stdout)
    assert [layer["layer"] for layer in document["layers"]] == list(LAYERS)
    (norm,) = [layer for layer in document["layers"] if layer["layer"] == "batch norm"]
    (thop,) = norm["tools"]
    assert norm["exact"] == {"params": 12, "macs": 0}
    assert thop["causes"] == [{"cause": "batch norms", "amount": 4 * 6 * 10 * 14}]
    lines = run("--layers", "--with", "thop", "-f", "csv").stdout.splitlines()
    assert "batch norm,0,thop,0.1.1.post2209072238,macs,12,3360,3360,True,batch norms,3360" in lines


@pytest.mark.parametrize(
    ("words", "message", "help"),
    [
        ([], "reconcile takes a SPEC", "or --layers, for single layers"),
        (["net.yaml", "--layers"], "--layers shows single layers, which take no SPEC", "leave one of them out"),
        (
            ["--layers", "--expect", "4G"],
            "--layers shows single layers, which take no --expect",
            "leave one of them out",
        ),
        (["--layers", "--batch", "2"], "--layers shows single layers, which take no --batch", "leave one of them out"),
        (["--layers", "--with", "tho"], "there is no tool 'tho'", "did you mean 'thop'?"),
    ],
)
def test_what_does_not_go_together_is_refused(words, message, help):
    (detail,) = run(*words).exception.details
    assert (detail.message, detail.help) == (message, help)


def test_a_type_that_no_tool_has_is_said_to_be_unknown_and_one_that_a_tool_ignores_is_named():
    spec = {
        "inputs": {"x": [4, 8, 8], "y": [4, 8, 8]},
        "layers": [
            {"cross_correlation": {"padding": 1}, "from": ["x", "y"]},
            {"transposed_conv": {"out_channels": 2, "kernel_size": 2}},
        ],
    }
    model = convcost.load(spec)
    macs = [layer.cost().macs for layer in model.network.layers]
    torchinfo, pycls, modules = model.reconcile(tools=["torchinfo", "pycls", "ptflops-modules"]).tools
    assert torchinfo.uncovered == ("cross_correlation",)
    assert pycls.uncovered == ("cross_correlation", "transposed_conv")
    lost = {cause.cause: cause.amount for cause in pycls.causes}
    assert lost == {
        "cross correlation: what the tool counts is not known": -macs[0],
        "transposed conv: what the tool counts is not known": -macs[1],
    }
    assert modules.uncovered == ("cross_correlation",)
