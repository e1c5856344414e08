"""Each shipped network agrees with the public implementation of it, in total and layer by layer.

What the implementations consist of was counted by `record.py` and lies in `data/`.
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
from convcost.spec.source import shipped

DATA = Path(__file__).parent / "data"
FAMILIES: list[dict[str, Any]] = json.loads((DATA / "families.json").read_text(encoding="utf-8"))

# spec: (parameters, multiply–accumulates)
PUBLISHED = {
    "alexnet": (61_100_840, 714_188_480),
    "alexnet_grouped": (60_965_224, 724_406_816),
    "convnext_tiny": (28_589_128, 4_455_531_264),
    "dcgan_generator": (3_576_704, 104_628_224),
    "deeplabv3_resnet50": (39_638_869, 168_652_962_240),
    "densenet121": (7_978_856, 2_834_161_664),
    "efficientnet_b0": (5_288_548, 385_814_752),
    "ghostnet": (5_180_840, 140_760_880),
    "googlenet": (6_624_904, 1_498_376_192),
    "inception_v3": (23_834_568, 5_713_216_096),
    "mnasnet1_0": (4_383_312, 314_415_872),
    "mobilenet_v1": (4_231_976, 568_740_352),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "mobilenet_v3_large": (5_483_032, 216_589_760),
    "mobilenet_v3_small": (2_542_856, 56_510_400),
    "regnet_y_400mf": (4_344_144, 401_842_848),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnext50_32x4d": (25_028_904, 4_230_479_872),
    "shufflenet_v1": (1_865_728, 137_460_672),
    "shufflenet_v2": (2_278_604, 144_907_992),
    "squeezenet1_0": (1_248_424, 818_924_576),
    "squeezenet1_1": (1_235_496, 349_151_936),
    "unet": (31_037_698, 238_837_101_568),
    "vgg16": (138_357_544, 15_470_264_320),
    "xception": (22_855_952, 8_357_403_496),
}

# ConvNeXt's linear layers at every position are 1 × 1 convolutions.
KIND = {"depthwise_conv": "conv", "pointwise_conv": "conv"}
RECORDED = {"conv", "transposed_conv", "linear", "batch_norm", "layer_norm"}


def test_every_shipped_network_was_recorded() -> None:
    recorded = {path.stem for path in DATA.glob("*.json") if not path.stem.startswith("families")}
    assert recorded == {name for name in shipped() if "/" not in name}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_has_the_published_parameters_and_macs(name: str, analyze: Callable[..., convcost.Analysis]) -> None:
    total = analyze(name).total
    assert (total.params, total.macs) == PUBLISHED[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_has_the_layers_of_the_public_implementation(
    name: str, analyze: Callable[..., convcost.Analysis]
) -> None:
    """Two errors can cancel in a total: shapes, parameters and macs agree for each layer with weights."""
    recorded = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    theirs = Counter(
        (
            "conv" if layer["kind"] == "linear" and len(layer["in"]) > 1 else layer["kind"],
            tuple(layer["in"]),
            tuple(layer["out"]),
            layer["params"],
            layer["macs"],
        )
        for layer in recorded["layers"]
    )
    ours = Counter(
        (kind, layer.input_shapes[0], layer.output_shape, layer.cost.params, layer.cost.macs)
        for layer in analyze(name).layers
        if (kind := KIND.get(layer.type, layer.type)) in RECORDED
    )
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_has_the_kernels_of_the_public_implementation(
    name: str, analyze: Callable[..., convcost.Analysis]
) -> None:
    """A kernel and its groups can err without changing a count: kernel, stride, dilation and groups agree too."""
    recorded = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    theirs = Counter(
        (tuple(layer["out"]), *(tuple(layer[key]) for key in ("kernel_size", "stride", "dilation")), layer["groups"])
        for layer in recorded["layers"]
        if layer["kind"].endswith("conv")
    )
    theirs += Counter(
        (tuple(layer["out"]), (1, 1), (1, 1), (1, 1), 1)
        for layer in recorded["layers"]
        if layer["kind"] == "linear" and len(layer["in"]) > 1
    )
    ours: Counter[tuple[Any, ...]] = Counter()
    for layer in analyze(name).network.layers:
        if layer.type.endswith("conv"):
            fields = layer.fields
            ones = (1,) * (len(layer.output_shape) - 1)
            groups = layer.input_shapes[0][0] if layer.type == "depthwise_conv" else fields["groups"]
            kernel = fields.get("kernel_size", ones)
            ours[layer.output_shape, kernel, fields["stride"], fields.get("dilation", ones), groups] += 1
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()


@cache
def landings(sources: int, kernel: int, stride: int, padding: int, dilation: int, targets: int) -> int:
    """Count, along one axis, the pairs of a source and a kernel value that land on a target and not beside them."""
    places = (i * stride - padding + k * dilation for i in range(sources) for k in range(kernel))
    return sum(0 <= place < targets for place in places)


@pytest.mark.parametrize("name", sorted(PUBLISHED.keys() - {"mobilenet_v1"}))
def test_useful_multiplications_follow_from_the_padding_of_the_public_implementation(
    name: str, analyze: Callable[..., convcost.Analysis]
) -> None:
    """A product is useful where its kernel value lies on the input, or, transposed, where it lands on the output.

    MobileNetV1 is left out: it pads as in TensorFlow, one side only where it strides, and pytorchcv pads both.
    """
    recorded = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    theirs: Counter[tuple[Any, ...]] = Counter()
    for layer in recorded["layers"]:
        if layer["kind"].endswith("conv"):
            sizes = [layer["out"][1:], layer["in"][1:]]
            if layer["kind"] == "transposed_conv":
                sizes.reverse()
            axes = zip(
                sizes[0],
                layer["kernel_size"],
                layer["stride"],
                layer["padding"],
                layer["dilation"],
                sizes[1],
                strict=True,
            )
            useful = layer["in"][0] * layer["out"][0] // layer["groups"] * prod(landings(*axis) for axis in axes)
            theirs[tuple(layer["in"]), tuple(layer["out"]), useful] += 1
        elif layer["kind"] == "linear" and len(layer["in"]) > 1:
            theirs[tuple(layer["in"]), tuple(layer["out"]), layer["macs"]] += 1
    ours = Counter(
        (layer.input_shapes[0], layer.output_shape, layer.cost.useful_mults)
        for layer in analyze(name).layers
        if layer.type.endswith("conv")
    )
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()


@pytest.mark.parametrize(
    "member", FAMILIES, ids=[f"{m['spec']}-{'-'.join(f'{k}={v}' for k, v in m['set'].items())}" for m in FAMILIES]
)
def test_symbols_give_the_members_of_a_family(
    member: dict[str, Any], analyze: Callable[..., convcost.Analysis]
) -> None:
    total = analyze(member["spec"], **member["set"]).total
    assert (total.params, total.macs) == (member["params"], member["macs"])


@pytest.mark.parametrize("path", sorted(shipped().values()), ids=lambda path: path.stem)
def test_a_spec_is_short_names_its_source_and_keeps_the_order_of_keys(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 120
    keys = [line.split(":")[0] for line in lines if line[:1].isalpha()]
    order = ["name", "source", "symbols", "input", "inputs", "outputs", "defaults", "blocks", "layers"]
    assert keys == [key for key in order if key in keys]
    assert {"name", "source", "layers"} <= set(keys)
    assert ("input" in keys) != ("inputs" in keys)
