"""Record what PyTorch modules of the shipped detectors, generators and sequence networks consist of.

Run by hand, in an environment of its own (torch 2.13.0, torchvision 0.28.0 and timm 1.0.31; the last two installed with
``--no-deps``, then PyYAML, huggingface_hub and safetensors), after a network was added:

    python tests/networks/record_modules.py [NAME ...]

The network runs on the meta device, which has shapes but no values, with attention unfused. Every module with numbers
of its own is watched with a forward hook, at each of its uses; products of two activations and activation functions are
seen as the tensor operations that they become. The multiply-accumulates of each layer are computed here from its
weights' shapes and the shapes that passed, and their sum is held against ``torch.utils.flop_counter``. The tests
compare the specs with the files written to ``data/`` and never import torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

# It lets torchvision be imported without its compiled operations.
from recording import Operations, dumps

# isort: split
import modules
import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import detection, resnet50
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

DATA = Path(__file__).parent / "data"
KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "conv",
    nn.Conv3d: "conv",
    nn.ConvTranspose3d: "transposed_conv",
    nn.Linear: "linear",
    nn.LSTM: "lstm",
    nn.GRU: "gru",
    nn.BatchNorm2d: "batch_norm",
    nn.BatchNorm3d: "batch_norm",
    FrozenBatchNorm2d: "batch_norm",
    nn.LayerNorm: "layer_norm",
    nn.GroupNorm: "group_norm",
}


class Body(nn.Module):
    """A ResNet-50 with frozen norms up to its last map."""

    def __init__(self) -> None:
        super().__init__()
        self.net = resnet50(weights=None, norm_layer=FrozenBatchNorm2d)
        self.net.avgpool, self.net.fc = nn.Identity(), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        net = self.net
        return net.layer4(net.layer3(net.layer2(net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x))))))))


class RetinaNet(nn.Module):
    """torchvision's, without the resizing before and the choice of boxes behind, as for pretrained weights: frozen."""

    def __init__(self) -> None:
        super().__init__()
        extra = LastLevelP6P7(256, 256)
        body = resnet50(weights=None, norm_layer=FrozenBatchNorm2d)
        pyramid = detection.backbone_utils._resnet_fpn_extractor(body, 5, returned_layers=[2, 3, 4], extra_blocks=extra)
        self.net = detection.RetinaNet(pyramid, 91)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        found = self.net.head(list(self.net.backbone(image).values()))
        return found["cls_logits"].sigmoid(), found["bbox_regression"]


# spec: (where the module comes from, the shapes of its inputs, the module)
NETWORKS: dict[str, tuple[str, list[tuple[int, ...]], Callable[[], nn.Module]]] = {
    "crnn": ("modules.CRNN", [(1, 32, 100)], modules.CRNN),
    "detr_resnet50": ("modules.DETR", [(3, 800, 800)], lambda: modules.DETR(Body())),
    "dla34": (f"timm {timm.__version__}, dla34", [(3, 224, 224)], lambda: timm.create_model("dla34")),
    "ds_cnn_keywords": ("modules.DSCNN", [(1, 49, 10)], modules.DSCNN),
    "gru_keywords": ("modules.KeywordGRU", [(25, 10)], modules.KeywordGRU),
    "retinanet_resnet50_fpn": (
        f"torchvision {torchvision.__version__.partition('+')[0]}, retinanet_resnet50_fpn",
        [(3, 800, 800)],
        RetinaNet,
    ),
    "stable_diffusion_unet": (
        "modules.StableDiffusionUNet",
        [(4, 64, 64), (320,), (77, 768)],
        modules.StableDiffusionUNet,
    ),
    "unet_3d": ("modules.UNet3D", [(3, 116, 132, 132)], modules.UNet3D),
    "yolov8n": ("modules.YOLOv8n", [(3, 640, 640)], modules.YOLOv8n),
}


def macs(module: nn.Module, given: Tensor, result: Tensor) -> int:
    """Multiply-accumulates of one use of a module: positions · weights met at each."""
    if isinstance(module, nn.ConvTranspose3d):
        return prod(given.shape[2:]) * module.weight.numel()
    if isinstance(module, (nn.Conv2d, nn.Conv3d)):
        return prod(result.shape[2:]) * module.weight.numel()
    if isinstance(module, nn.Linear):
        return prod(given.shape[:-1]) * module.weight.numel()
    if isinstance(module, (nn.LSTM, nn.GRU)):
        return given.shape[1] * sum(p.numel() for name, p in module.named_parameters() if name.startswith("weight"))
    return 0


def numbers(module: nn.Module) -> tuple[int, int]:
    """The trainable numbers of a module itself, and the others: frozen ones and running statistics."""
    own = list(module.parameters(recurse=False))
    held = [b for name, b in module.named_buffers(recurse=False) if name != "num_batches_tracked"]
    trainable = sum(p.numel() for p in own if p.requires_grad)
    return trainable, sum(p.numel() for p in own if not p.requires_grad) + sum(b.numel() for b in held)


class Layers:
    """The uses of the modules that have numbers of their own; the first use of a module has them."""

    def __init__(self, module: nn.Module, operations: Operations) -> None:
        self.rows: list[dict[str, Any]] = []
        self.seen: set[nn.Module] = set()
        self.operations = operations
        for name, leaf in module.named_modules():
            kind = next((kind for type_, kind in KINDS.items() if isinstance(leaf, type_)), "")
            if kind:
                leaf.register_forward_pre_hook(self.enter(leaf))
                leaf.register_forward_hook(self.leave(name, kind, leaf))

    def enter(self, leaf: nn.Module) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            self.operations.inside = isinstance(leaf, (nn.LSTM, nn.GRU))

        return hook

    def leave(self, name: str, kind: str, leaf: nn.Module) -> Callable[..., None]:
        def hook(_: nn.Module, given: tuple[Tensor, ...], result: Any) -> None:
            self.operations.inside = False
            x = result[0] if isinstance(result, tuple) else result
            params, buffers = (0, 0) if leaf in self.seen else numbers(leaf)
            self.seen.add(leaf)
            last = kind in ("linear", "lstm", "gru", "layer_norm")
            shape = list(x.shape[1:])
            row = {"name": name, "kind": kind, "out": shape[-1:] + shape[:-1] if last else shape}
            if kind.endswith("conv"):
                row |= {"kernel": list(leaf.kernel_size), "stride": list(leaf.stride), "groups": leaf.groups}
            self.rows.append(row | {"params": params, "buffers": buffers, "macs": macs(leaf, given[0], x)})

        return hook


def record(module: nn.Module, shapes: list[tuple[int, ...]]) -> dict[str, Any]:
    """Run a module on the meta device and list its layers with numbers of their own in the order they ran.

    The channels stand first in the shapes of their outputs.
    """
    module = module.to("meta").eval()
    operations = Operations()
    layers = Layers(module, operations)
    with torch.no_grad(), FlopCounterMode(display=False) as counter, operations:
        result = module(*(torch.empty(1, *shape, device="meta") for shape in shapes))
    total = sum(row["macs"] for row in layers.rows) + sum(operations.products)
    if counter.get_total_flops() != 2 * total:
        raise SystemExit(f"torch counts {counter.get_total_flops()} flops, the hooks {total} macs")
    own = {
        name: numel
        for name, leaf in module.named_modules()
        if leaf not in layers.seen and (numel := sum(numbers(leaf)))
    }
    everything = [numbers(leaf) for leaf in module.modules()]
    results = result if isinstance(result, tuple) else (result,)
    return {
        "inputs": [list(shape) for shape in shapes],
        "outputs": [list(x.shape[1:]) for x in results],
        "numel": sum(p.numel() for p in module.parameters()),
        "params": sum(params for params, _ in everything),
        "buffers": sum(buffers for _, buffers in everything),
        "macs": total,
        "own": own,
        "products": sorted(operations.products),
        "activations": [[*key, times] for key, times in sorted(operations.activations.items())],
        "layers": layers.rows,
    }


def main(names: list[str]) -> None:
    for name in names or NETWORKS:
        reference, shapes, build = NETWORKS[name]
        with torch.device("meta"):
            module = build()
        found = record(module, shapes)
        text = dumps(f"{reference}; torch {torch.__version__.partition('+')[0]}", found)
        (DATA / f"{name}.json").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name:24} {found['numel']:>13,} {found['buffers']:>9,} {found['macs']:>17,}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
