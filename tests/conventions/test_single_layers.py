"""What other tools count of single layers, against what they printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import convcost
from convcost.conventions import CONVENTIONS
from convcost.conventions.single_layers import single_layers

RECORD = json.loads((Path(__file__).parent / "data" / "layers.json").read_text(encoding="utf-8"))
LAYERS = {layer.name: layer for layer in single_layers()}
UNKNOWN = {
    ("keras", "LSTM, 12 steps"): "of a loop an arbitrary part is counted: what has known shapes of one step and the next",
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
