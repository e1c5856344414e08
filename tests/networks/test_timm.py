"""Shipped networks agree with timm's implementations: in total, layer by layer, in products and in activations.

What the implementations consist of was counted by `record_timm.py` and lies in `data/`. Layouts differ between the two
(a linear layer at every position is a 1 × 1 convolution, windows are a batch), so that a layer is known by its channels
and by how many positions it gives.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import pytest

import convcost

DATA = Path(__file__).parent / "data"
FAMILIES: list[dict[str, Any]] = json.loads((DATA / "families_timm.json").read_text(encoding="utf-8"))

# spec: (parameters, running statistics and other numbers that are not trained, multiply–accumulates)
PUBLISHED = {
    "coatnet_0": (25_036_820, 13_696, 4_546_507_776),
    "convnextv2_tiny": (28_635_496, 0, 4_455_531_264),
    "efficientnet_v2_s": (21_458_488, 153_872, 8_365_617_152),
    "fastvit_t8": (4_026_232, 27_264, 690_149_376),
    "mobilenet_v4_small": (3_774_024, 25_088, 186_005_568),
    "mobilevit_s": (5_578_632, 12_256, 2_000_831_488),
    "repvgg_a0": (9_108_968, 23_648, 1_512_581_120),
    # the masks of shifted windows: 64 windows at the first stage, 16 at the second, 4 in three blocks of the third
    "swin_tiny": (28_288_354, (64 + 16 + 3 * 4) * 49 * 49, 4_490_566_656),
    "vit_b_16": (86_567_656, 0, 17_563_828_224),
}

KINDS = {
    **dict.fromkeys(("conv", "depthwise_conv", "pointwise_conv", "linear"), "weights"),
    **{kind: kind for kind in ("batch_norm", "layer_norm", "scale", "shift")},
    "LayerScale2d": "scale",
}
PRODUCTS = ("attention_scores", "attention_context", "matmul")
ACTIVATIONS = ("relu", "gelu", "silu", "sigmoid", "softmax")


@cache
def recorded(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return data


def channels(layer: Any) -> int:
    """Return the channels that a layer of a network gives."""
    (output,) = layer.outputs
    return output.shape[-1] if output.layout == "tokens" else output.shape[0]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_has_the_published_numbers(name: str, analyze: Callable[..., convcost.Analysis]) -> None:
    analysis, data = analyze(name), recorded(name)
    total = analysis.total
    assert PUBLISHED[name] == (total.params, total.buffers, total.macs)
    assert PUBLISHED[name] == (data["params"], data["buffers"], data["macs"])
    assert list(analysis.network.outputs[0].shape) == data["output"]
    assert not analysis.network.warnings


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_has_the_layers_of_timm(name: str, analyze: Callable[..., convcost.Analysis]) -> None:
    """Two errors can cancel in a total: what each layer gives, its parameters and its macs agree too."""
    data = recorded(name)
    theirs: Counter[tuple[Any, ...]] = Counter(("parameter", count) for count in data["own"].values())
    for row in data["layers"]:
        if row["kind"] == "GlobalResponseNorm":  # one weight and one bias per channel
            theirs.update(
                (kind, row["channels"], row["positions"], row["params"] // 2, 0) for kind in ("scale", "shift")
            )
        elif row["kind"] in KINDS:
            theirs[KINDS[row["kind"]], row["channels"], row["positions"], row["params"], row["macs"]] += 1
        else:  # a table of relative positions
            theirs["parameter", row["params"]] += 1
    ours: Counter[tuple[Any, ...]] = Counter()
    for row, layer in zip(analyze(name).layers, analyze(name).network.layers, strict=True):
        if layer.type in KINDS:
            wide = channels(layer)
            ours[KINDS[layer.type], wide, prod(layer.output_shape) // wide, row.cost.params, row.cost.macs] += 1
        elif layer.type == "parameter" and layer.trainable:
            ours["parameter", row.cost.params] += 1
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_has_the_kernels_of_timm(name: str, analyze: Callable[..., convcost.Analysis]) -> None:
    """A kernel and its groups can err without changing a count."""
    theirs = Counter(
        (row["channels"], tuple(row["kernel_size"]), tuple(row["stride"]), row["groups"])
        for row in recorded(name)["layers"]
        if "kernel_size" in row
    )
    ours: Counter[tuple[Any, ...]] = Counter()
    for layer in analyze(name).network.layers:
        if layer.type.endswith("conv"):
            groups = layer.input_shapes[0][0] if layer.type == "depthwise_conv" else layer.fields["groups"]
            kernel = layer.fields.get("kernel_size", (1, 1))
            ours[layer.output_shape[0], kernel, layer.fields["stride"], groups] += 1
    points = ((1, 1), (1, 1), 1)  # linear layers at every position are written as such in one and not in the other
    ours, theirs = (Counter({key: found[key] for key in found if key[1:] != points}) for found in (ours, theirs))
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_has_the_products_and_activations_of_timm(
    name: str, analyze: Callable[..., convcost.Analysis]
) -> None:
    rows = analyze(name).layers
    assert sorted(row.cost.macs for row in rows if row.type in PRODUCTS) == recorded(name)["products"]
    ours = Counter((row.type, prod(row.output_shape)) for row in rows if row.type in ACTIVATIONS)
    assert ours == Counter({(kind, values): times for kind, values, times in recorded(name)["activations"]})


@pytest.mark.parametrize("member", FAMILIES, ids=[f"{member['spec']}-{member['reference']}" for member in FAMILIES])
def test_symbols_give_the_members_of_a_family(member: dict[str, Any]) -> None:
    total = convcost.load(member["spec"], set=member["set"]).analyze().total
    assert (total.params, total.buffers, total.macs) == (member["params"], member["buffers"], member["macs"])
