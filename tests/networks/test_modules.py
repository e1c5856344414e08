"""Detectors, generators and sequence networks agree with PyTorch modules of them, in total and layer by layer.

What the modules consist of was counted by `record_modules.py` and lies in `data/`. A layer whose weights are used again
has its numbers at its first use.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest

import convcost

DATA = Path(__file__).parent / "data"

# Trainable numbers, and those that are not: running statistics, frozen norms, the numbers 0 – 15 of YOLOv8's distances,
# DETR's positions and zeros. Published are 3,157,200 for YOLOv8n (16 of them frozen), 34,014,999 for RetinaNet
# (torchvision), 41,302,368 + 222,400 of its frozen first layers for DETR, 859,520,964 for the U-Net of Stable Diffusion
# (diffusers), 19,069,955 for the 3D U-Net (the paper), 23,756 + 1,152 = 24,908 for the DS-CNN (MLPerf Tiny).
PUBLISHED = {
    "crnn": (8_331_301, 2_560),
    "detr_resnet50": (41_302_368 + 222_400, 106_240 + 625 * 256 + 100 * 256),
    "dla34": (15_742_104, 15_488),
    "ds_cnn_keywords": (23_756, 1_152),
    "gru_keywords": (3 * 154 * (10 + 154) + 6 * 154 + 154 * 12 + 12, 0),
    "retinanet_resnet50_fpn": (34_014_999, 106_240),
    "stable_diffusion_unet": (859_520_964, 0),
    "unet_3d": (19_069_955, 4_672),
    "yolov8n": (3_157_200 - 16, 10_592 + 16),
}
KIND = {"depthwise_conv": "conv", "pointwise_conv": "conv"}
LAYERS = {"conv", "transposed_conv", "linear", "lstm", "gru", "batch_norm", "layer_norm", "group_norm"}
ACTIVATIONS = {"relu", "gelu", "silu", "sigmoid", "softmax"}

Model = Callable[[str], convcost.Analysis]


def recorded(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return data


@pytest.mark.parametrize("name", PUBLISHED)
def test_totals_are_those_of_the_module(name: str, analyze: Model) -> None:
    analysis, theirs = analyze(name), recorded(name)
    total = analysis.total
    assert (total.params, total.buffers) == PUBLISHED[name] == (theirs["params"], theirs["buffers"])
    assert total.macs == theirs["macs"]
    assert [list(tensor.shape) for tensor in analysis.network.inputs] == theirs["inputs"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_layer_is_one_of_the_module(name: str, analyze: Model) -> None:
    analysis = analyze(name)
    theirs = Counter(
        (row["kind"], tuple(row["out"]), row["params"], row["buffers"], row["macs"]) for row in recorded(name)["layers"]
    )
    ours: Counter[tuple[Any, ...]] = Counter()
    for layer, row in zip(analysis.network.layers, analysis.layers, strict=True):
        shape = row.output_shape
        if layer.outputs[0].layout == "tokens":
            shape = (shape[-1], *shape[:-1])
        if (kind := KIND.get(row.type, row.type)) in LAYERS:
            ours[kind, shape, row.cost.params, row.cost.buffers, row.cost.macs] += 1
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_kernel_is_one_of_the_module(name: str, analyze: Model) -> None:
    theirs = Counter(
        (tuple(row["out"]), tuple(row["kernel"]), tuple(row["stride"]), row["groups"])
        for row in recorded(name)["layers"]
        if "kernel" in row
    )
    ours: Counter[tuple[Any, ...]] = Counter()
    for layer in analyze(name).network.layers:
        if KIND.get(layer.type, layer.type).endswith("conv"):
            groups = layer.input_shapes[0][0] if layer.type == "depthwise_conv" else layer.fields["groups"]
            kernel = layer.fields.get("kernel_size", (1,) * (len(layer.output_shape) - 1))
            ours[layer.output_shape, kernel, layer.fields["stride"], groups] += 1
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()


@pytest.mark.parametrize("name", PUBLISHED)
def test_products_activations_and_learned_values_are_those_of_the_module(name: str, analyze: Model) -> None:
    layers, theirs = analyze(name).layers, recorded(name)
    products = [row.cost.macs for row in layers if row.type in ("attention_scores", "attention_context", "matmul")]
    assert sorted(products) == theirs["products"]
    activations = Counter((row.type, prod(row.output_shape)) for row in layers if row.type in ACTIVATIONS)
    assert activations == {(type, values): times for type, values, times in theirs["activations"]}
    values = [row.cost.params + row.cost.buffers for row in layers if row.type == "parameter"]
    assert sum(values) == sum(theirs["own"].values())


@pytest.mark.parametrize("name", PUBLISHED)
def test_nothing_about_it_is_a_warning(name: str) -> None:
    assert list(convcost.load(name).warnings) == []


def test_five_levels_share_one_head(analyze: Model) -> None:
    """Four convolutions of 256 to 256 and one to 9 · 91 or 9 · 4, at 3 × 3, each with biases."""
    head = [row.cost.params for row in analyze("retinanet_resnet50_fpn").layers if row.path[0] in ("s3", "b3")]
    assert sum(head) == 8 * (256 * 256 * 9 + 256) + (256 * 9 + 1) * 9 * (91 + 4)
    later = [row.cost for row in analyze("retinanet_resnet50_fpn").layers if row.path[0] in ("s4", "s5", "s6", "s7")]
    assert (sum(cost.params for cost in later), len([cost for cost in later if cost.macs])) == (0, 4 * 10)
