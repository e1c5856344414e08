"""Layers by patterns: their names, else the modules that they were in a model file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import nets
import pytest

import convcost
from convcost.conventions.analysis import calls_of
from convcost.network.matching import matching

LAYERS = [
    SimpleNamespace(path=tuple(name.split("/")), origin=origin)
    for name, origin in [
        ("conv1", "conv1"),
        ("stage.1/conv_1", "stage.0.conv1"),
        ("stage.2/conv_1", "stage.1.conv1"),
        ("head/conv_1", "features.3.conv1"),
        ("head/conv_2", "features.30.conv1"),
        ("flatten_1", ""),
    ]
]


@pytest.mark.parametrize(
    ("pattern", "indices"),
    [
        ("conv1", [0]),
        ("stage", [1, 2]),
        ("stage.1", [1]),  # a name goes before the module of that path, stage.1.conv1
        ("stage.0", [1]),
        ("stage.1.conv1", [2]),
        ("stage.*.conv1", [1, 2]),
        ("features.3", [3]),  # a module, and not what only begins alike
        ("features", [3, 4]),
        ("*conv1", [0]),
        ("features.?.*", [3]),
        ("flatten", []),
        ("", []),
    ],
)
def test_a_pattern_is_of_names_and_else_of_modules(pattern, indices):
    assert matching(pattern, LAYERS) == indices


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Return a network of a model file, whose layer `layer3/basic_2.1/conv_2` was the module `layer3.1.conv2`."""
    monkeypatch.chdir(tmp_path)
    Path("resnet.onnx").write_bytes(nets.resnet())
    return convcost.load("resnet.onnx")


MODULE = "layer3.1.conv2"
KERNEL, BIASES = 64 * 64 * 3 * 3, 64


def test_types_are_given_by_module(model):
    total = model.memory().weight_bytes
    assert total == 4 * model.analyze().total.params
    assert model.memory(dtype=f"{MODULE}:int8").weight_bytes == total - 3 * KERNEL  # biases are int32 then
    with pytest.raises(convcost.OptionError) as caught:
        model.analyze(dtype="layer9:int8")
    assert str(caught.value) == "error: dtype: no layer matches 'layer9'"


def test_layers_are_rewritten_by_module(model):
    separable = 64 * 3 * 3 + 64 + 64 * 64 + 64
    rewritten = model.rewrite("separable", layers=[MODULE]).analyze()
    assert rewritten.total.params == model.analyze().total.params - KERNEL - BIASES + separable


def test_weights_are_compressed_by_module(model):
    found = model.compress(layers={MODULE: {"weight_bits": 4}})
    (changed,) = [layer for layer in found.layers if layer.rule.weight_bits]
    assert changed.layer.origin == MODULE


def test_functions_are_named_by_module(model):
    called = [call.layer.origin for call in calls_of(model.network, ["layer3.1.relu"]) if call.functional]
    plain = [call.layer.origin for call in calls_of(model.network) if call.functional]
    assert {*called} - {*plain} == {"layer3.1.relu"}


def test_a_budget_is_for_a_module(model):
    Path("convcost.yaml").write_text(
        f"models: resnet.onnx\nbudgets:\n  - {{metric: params, layers: {MODULE}, max: 36k}}\n"
    )
    (verdict,) = convcost.check("resnet.onnx").verdicts
    assert (verdict.actual, verdict.limit) == (KERNEL + BIASES, 36_000)
    assert verdict.remedy is None or verdict.remedy.renamed  # its text has no modules
