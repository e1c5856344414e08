"""Record what public PyTorch implementations of the shipped networks consist of, layer by layer.

Run by hand, in an environment of its own (torch 2.13.0, torchvision 0.28.0, pytorchcv 0.0.74; the last two installed
with ``--no-deps``), after a network was added:

    python tests/networks/record.py [NAME ...]

Every module with weights is watched with a forward hook while the network runs on the meta device, which has shapes
but no values. Multiply-accumulates are computed here from the module's own weight shape and the shapes that passed,
and the total is held against ``torch.utils.flop_counter``, which watches the tensor operations instead of the modules.
The tests compare the specs with the files written to ``data/`` and never import torch.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

# torchvision registers shape functions for its compiled operations at import, which fails where these are missing.
_schemas = torch.library.Library("torchvision", "DEF")
for _name in ("nms", "qnms"):
    _schemas.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from pytorchcv.models import ghostnet, mobilenet, shufflenet, xception  # noqa: E402
from torchvision import models  # noqa: E402
from torchvision.models.convnext import LayerNorm2d  # noqa: E402

DATA = Path(__file__).parent / "data"
KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "conv",
    nn.ConvTranspose2d: "transposed_conv",
    nn.Linear: "linear",
    nn.BatchNorm2d: "batch_norm",
    nn.LayerNorm: "layer_norm",
}


class GroupedAlexNet(nn.Module):
    """Krizhevsky et al. 2012, section 3.5: grouped where a kernel sees the maps of its own GPU only."""

    def __init__(self) -> None:
        super().__init__()

        def stage(m: int, n: int, k: int, **fields: int) -> list[nn.Module]:
            return [nn.Conv2d(m, n, k, **fields), nn.ReLU()]

        def norm() -> list[nn.Module]:
            return [nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0), nn.MaxPool2d(3, 2)]

        self.features = nn.Sequential(
            *stage(3, 96, 11, stride=4), *norm(),
            *stage(96, 256, 5, padding=2, groups=2), *norm(),
            *stage(256, 384, 3, padding=1),
            *stage(384, 384, 3, padding=1, groups=2),
            *stage(384, 256, 3, padding=1, groups=2), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Linear(256 * 6 * 6, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class UNet(nn.Module):
    """github.com/milesial/Pytorch-UNet, ``UNet(3, 2, bilinear=False)``: padded, batch norm, transposed upward."""

    def __init__(self) -> None:
        super().__init__()

        def double(m: int, n: int) -> nn.Module:
            convs = [nn.Conv2d(m, n, 3, padding=1, bias=False), nn.BatchNorm2d(n), nn.ReLU()]
            convs += [nn.Conv2d(n, n, 3, padding=1, bias=False), nn.BatchNorm2d(n), nn.ReLU()]
            return nn.Sequential(*convs)

        widths = [64, 128, 256, 512, 1024]
        self.down = nn.ModuleList(double(m, n) for m, n in zip([3, *widths], widths, strict=False))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * n, n, 2, stride=2) for n in reversed(widths[:-1]))
        self.join = nn.ModuleList(double(2 * n, n) for n in reversed(widths[:-1]))
        self.out = nn.Conv2d(64, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = [self.down[0](x)]
        for down in list(self.down)[1:]:
            skips.append(down(nn.functional.max_pool2d(skips[-1], 2)))
        x = skips.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x, skip = up(x), skips.pop()
            dy, dx = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
            x = nn.functional.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
            x = join(torch.cat([skip, x], 1))
        return self.out(x)


def dcgan_generator() -> nn.Module:
    """The generator of PyTorch's DCGAN tutorial (Radford et al. 2015, Figure 1, at half the width and no biases)."""
    stages: list[nn.Module] = [nn.ConvTranspose2d(100, 512, 4, 1, 0, bias=False), nn.BatchNorm2d(512), nn.ReLU()]
    for m, n in [(512, 256), (256, 128), (128, 64)]:
        stages += [nn.ConvTranspose2d(m, n, 4, 2, 1, bias=False), nn.BatchNorm2d(n), nn.ReLU()]
    return nn.Sequential(*stages, nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh())


def deeplabv3() -> nn.Module:
    return models.segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=21, aux_loss=False)


def efficientnet(width: float, depth: float) -> nn.Module:
    """torchvision's b1 – b3 differ in width, depth, dropout and the size they are run at."""
    settings, last = models.efficientnet._efficientnet_conf("efficientnet_b0", width_mult=width, depth_mult=depth)
    return models.efficientnet._efficientnet(settings, 0.2, last, None, False)


def plain(build: Callable[..., nn.Module]) -> Callable[[], nn.Module]:
    return lambda: build(weights=None)


# name: (where the module comes from, the input's shape, the module)
NETWORKS: dict[str, tuple[str, tuple[int, ...], Callable[[], nn.Module]]] = {
    "alexnet": ("torchvision", (3, 224, 224), plain(models.alexnet)),
    "alexnet_grouped": ("the paper", (3, 227, 227), GroupedAlexNet),
    "convnext_tiny": ("torchvision", (3, 224, 224), plain(models.convnext_tiny)),
    "dcgan_generator": ("the paper", (100, 1, 1), dcgan_generator),
    "deeplabv3_resnet50": ("torchvision", (3, 513, 513), deeplabv3),
    "densenet121": ("torchvision", (3, 224, 224), plain(models.densenet121)),
    "efficientnet_b0": ("torchvision", (3, 224, 224), plain(models.efficientnet_b0)),
    "ghostnet": ("pytorchcv", (3, 224, 224), ghostnet.ghostnet),
    "googlenet": (
        "torchvision",
        (3, 224, 224),
        lambda: models.googlenet(weights=None, aux_logits=False, init_weights=False),
    ),
    "inception_v3": (
        "torchvision",
        (3, 299, 299),
        lambda: models.inception_v3(weights=None, aux_logits=False, init_weights=False),
    ),
    "mnasnet1_0": ("torchvision", (3, 224, 224), plain(models.mnasnet1_0)),
    "mobilenet_v1": ("pytorchcv", (3, 224, 224), lambda: mobilenet.get_mobilenet(width_scale=1.0)),
    "mobilenet_v2": ("torchvision", (3, 224, 224), plain(models.mobilenet_v2)),
    "mobilenet_v3_large": ("torchvision", (3, 224, 224), plain(models.mobilenet_v3_large)),
    "mobilenet_v3_small": ("torchvision", (3, 224, 224), plain(models.mobilenet_v3_small)),
    "regnet_y_400mf": ("torchvision", (3, 224, 224), plain(models.regnet_y_400mf)),
    "resnet18": ("torchvision", (3, 224, 224), plain(models.resnet18)),
    "resnet50": ("torchvision", (3, 224, 224), plain(models.resnet50)),
    "resnext50_32x4d": ("torchvision", (3, 224, 224), plain(models.resnext50_32x4d)),
    "shufflenet_v1": ("pytorchcv", (3, 224, 224), shufflenet.shufflenet_g3_w1),
    "shufflenet_v2": ("torchvision", (3, 224, 224), plain(models.shufflenet_v2_x1_0)),
    "squeezenet1_0": ("torchvision", (3, 224, 224), plain(models.squeezenet1_0)),
    "squeezenet1_1": ("torchvision", (3, 224, 224), plain(models.squeezenet1_1)),
    "unet": ("milesial/Pytorch-UNet", (3, 572, 572), UNet),
    "vgg16": ("torchvision", (3, 224, 224), plain(models.vgg16)),
    "xception": ("pytorchcv", (3, 299, 299), xception.xception),
}


def families() -> Iterator[tuple[str, dict[str, object], tuple[int, ...], nn.Module]]:
    """(spec, what ``--set`` gives, input shape, module) for the members of the families beside the defaults."""
    for alpha in (1.0, 0.75, 0.5, 0.25):
        for r in (224, 192, 160, 128):
            # pytorchcv ends in a 7 × 7 average: at other sizes the mean of all positions is the same layer.
            module = mobilenet.get_mobilenet(width_scale=alpha)
            module.features.final_pool = nn.AdaptiveAvgPool2d(1)
            yield "mobilenet_v1", {"alpha": alpha, "r": r}, (3, r, r), module
    for alpha, r in ((1.4, 224), (0.75, 224), (0.5, 160), (0.35, 96)):
        yield "mobilenet_v2", {"alpha": alpha, "r": r}, (3, r, r), models.mobilenet_v2(width_mult=alpha)
    for (g, c), build in {
        (1, 144): shufflenet.shufflenet_g1_w1,
        (2, 200): shufflenet.shufflenet_g2_w1,
        (4, 272): shufflenet.shufflenet_g4_w1,
        (8, 384): shufflenet.shufflenet_g8_w1,
    }.items():
        yield "shufflenet_v1", {"g": g, "c": c}, (3, 224, 224), build()
    for build in (models.shufflenet_v2_x0_5, models.shufflenet_v2_x1_5, models.shufflenet_v2_x2_0):
        module = build(weights=None)
        _, c2, _, _, c5 = module._stage_out_channels
        yield "shufflenet_v2", {"c2": c2, "c5": c5}, (3, 224, 224), module
    for width, depth, r in ((1.0, 1.1, 240), (1.1, 1.2, 260), (1.2, 1.4, 300)):
        yield "efficientnet_b0", {"width": width, "depth": depth, "r": r}, (3, r, r), efficientnet(width, depth)
    yield "resnet18", {"n2": 3, "n3": 4, "n4": 6, "n5": 3}, (3, 224, 224), models.resnet34(weights=None)
    yield "resnet50", {"n4": 23}, (3, 224, 224), models.resnet101(weights=None)
    yield "resnet50", {"n3": 8, "n4": 36}, (3, 224, 224), models.resnet152(weights=None)
    yield "resnext50_32x4d", {"n4": 23, "width": 8}, (3, 224, 224), models.resnext101_32x8d(weights=None)
    yield "densenet121", {"b3": 32, "b4": 32}, (3, 224, 224), models.densenet169(weights=None)
    yield "densenet121", {"b3": 48, "b4": 32}, (3, 224, 224), models.densenet201(weights=None)
    yield "densenet121", {"k": 48, "b3": 36, "b4": 24}, (3, 224, 224), models.densenet161(weights=None)
    yield "vgg16", {"n1": 1, "n2": 1, "n3": 2, "n4": 2, "n5": 2}, (3, 224, 224), models.vgg11(weights=None)
    yield "vgg16", {"n3": 2, "n4": 2, "n5": 2}, (3, 224, 224), models.vgg13(weights=None)
    yield "vgg16", {"n3": 4, "n4": 4, "n5": 4}, (3, 224, 224), models.vgg19(weights=None)
    yield "mnasnet1_0", {"alpha": 0.5}, (3, 224, 224), models.mnasnet0_5(weights=None)
    yield "mnasnet1_0", {"alpha": 1.3}, (3, 224, 224), models.mnasnet1_3(weights=None)
    for arch in ("mobilenet_v3_large", "mobilenet_v3_small"):
        for alpha in (0.75, 1.25):
            settings, last = models.mobilenetv3._mobilenet_v3_conf(arch, width_mult=alpha)
            yield arch, {"alpha": alpha}, (3, 224, 224), models.MobileNetV3(settings, last)
    chosen = {"d1": 1, "d2": 3, "d3": 8, "d4": 2, "w1": 64, "w2": 144, "w3": 320, "w4": 784, "g": 16}
    yield "regnet_y_400mf", chosen, (3, 224, 224), models.regnet_y_800mf(weights=None)
    yield "convnext_tiny", {"B3": 27}, (3, 224, 224), models.convnext_small(weights=None)
    yield "convnext_tiny", {"B3": 27, "C": 128}, (3, 224, 224), models.convnext_base(weights=None)
    yield "convnext_tiny", {"B3": 27, "C": 192}, (3, 224, 224), models.convnext_large(weights=None)
    yield (
        "googlenet",
        {"classes": 10},
        (3, 224, 224),
        models.googlenet(weights=None, aux_logits=False, init_weights=False, num_classes=10),
    )


def macs(module: nn.Module, given: Tensor, result: Tensor) -> int:
    """Multiply–accumulates of one module for one input: positions · weights met at each.

    A convolution meets its whole weight at each output position, a transposed one at each input position, a linear
    layer once for every vector it is given.
    """
    if isinstance(module, nn.ConvTranspose2d):
        return math.prod(given.shape[2:]) * module.weight.numel()
    if isinstance(module, nn.Conv2d):
        return math.prod(result.shape[2:]) * module.weight.numel()
    return math.prod(given.shape[:-1]) * module.weight.numel() if isinstance(module, nn.Linear) else 0


def record(module: nn.Module, shape: tuple[int, ...]) -> dict[str, object]:
    """Run ``module`` on the meta device and list its layers with weights in the order they ran."""
    module = module.to("meta").eval()
    layers: list[dict[str, object]] = []

    def watch(name: str, kind: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], None]:
        def hook(leaf: nn.Module, given: tuple[Tensor], result: Tensor) -> None:
            (x,) = given
            layer: dict[str, object] = {
                "name": name,
                "kind": kind,
                "in": list(x.shape[1:]),
                "out": list(result.shape[1:]),
            }
            if kind.endswith("conv"):
                layer |= {k: list(getattr(leaf, k)) for k in ("kernel_size", "stride", "padding", "dilation")}
                layer["groups"] = leaf.groups
            if kind in ("linear", "layer_norm") and x.dim() == 4 and not isinstance(leaf, LayerNorm2d):
                for key in ("in", "out"):  # inside ConvNeXt's blocks the channels are last
                    h, w, c = layer[key]  # type: ignore[misc]
                    layer[key] = [c, h, w]
            layer["params"] = sum(p.numel() for p in leaf.parameters() if p.requires_grad)
            layer["macs"] = macs(leaf, x, result)
            layers.append(layer)

        return hook

    kind_of = {leaf: kind for leaf in module.modules() for type_, kind in KINDS.items() if isinstance(leaf, type_)}
    hooks = [
        leaf.register_forward_hook(watch(name, kind_of[leaf]))
        for name, leaf in module.named_modules()
        if leaf in kind_of
    ]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(torch.empty(1, *shape, device="meta"))
    for hook in hooks:
        hook.remove()
    total = sum(layer["macs"] for layer in layers)  # type: ignore[misc]
    if counter.get_total_flops() != 2 * total:
        raise SystemExit(f"torch counts {counter.get_total_flops()} flops, the hooks {total} macs")
    params = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return {"input": list(shape), "params": params, "macs": total, "layers": layers}


def dumps(reference: str, found: dict[str, object]) -> str:
    """JSON with one layer a line, so that a change can be read as a difference."""
    head = {"reference": reference} | {key: value for key, value in found.items() if key != "layers"}
    lines = [json.dumps(layer, separators=(",", ":")) for layer in found["layers"]]  # type: ignore[attr-defined]
    return json.dumps(head)[:-1] + ', "layers": [\n' + ",\n".join(lines) + "\n]}\n"


def main(names: list[str]) -> None:
    DATA.mkdir(exist_ok=True)
    for name in names or NETWORKS:
        reference, shape, build = NETWORKS[name]
        found = record(build(), shape)
        (DATA / f"{name}.json").write_text(dumps(reference, found), encoding="utf-8")
        sys.stdout.write(f"{name:20} {found['params']:>13,} {found['macs']:>17,}\n")
    if names:
        return
    rows = []
    for spec, chosen, shape, module in families():
        found = record(module, shape)
        rows.append({"spec": spec, "set": chosen, "params": found["params"], "macs": found["macs"]})
        sys.stdout.write(f"{spec:20} {found['params']:>13,} {found['macs']:>17,}  {chosen}\n")
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    (DATA / "families.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
