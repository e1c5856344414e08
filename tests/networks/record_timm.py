"""Record what timm's implementations of the shipped networks consist of: layers, products and activations.

Run by hand, in an environment of its own (torch 2.13.0, torchvision 0.28.0 and timm 1.0.31; the last two installed with
``--no-deps``, then PyYAML, huggingface_hub and safetensors), after a network was added:

    python tests/networks/record_timm.py [NAME ...]

Every module with weights of its own is watched with a forward hook while the network runs on the meta device, which
has shapes but no values; products of two activations and activation functions are seen as the tensor operations that
they become. Attention is computed unfused. The multiply-accumulates of each layer are computed here from its weight's
shape and the shapes that passed, and their sum is held against ``torch.utils.flop_counter``. The tests compare the
specs with the files written to ``data/`` and never import torch.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

# It lets torchvision be imported without its compiled operations.
from recording import Operations, dumps

# isort: split
import timm
import torch
from timm.layers import set_fused_attn
from timm.utils import reparameterize_model
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

DATA = Path(__file__).parent / "data"
KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "conv",
    nn.Linear: "linear",
    nn.BatchNorm2d: "batch_norm",
    nn.LayerNorm: "layer_norm",
}

BUFFERS = ("running_mean", "running_var", "attn_mask")  # the others are indices and counts of training steps

# spec: (timm's name, the input's side)
NETWORKS: dict[str, tuple[str, int]] = {
    "coatnet_0": ("coatnet_0_224", 224),
    "convnextv2_tiny": ("convnextv2_tiny", 224),
    "efficientnet_v2_s": ("tf_efficientnetv2_s", 384),
    "fastvit_t8": ("fastvit_t8", 256),
    "mobilenet_v4_small": ("mobilenetv4_conv_small", 224),
    "mobilevit_s": ("mobilevit_s", 256),
    "repvgg_a0": ("repvgg_a0", 224),
    "swin_tiny": ("swin_tiny_patch4_window7_224", 224),
    "vit_b_16": ("vit_base_patch16_224", 224),
}


def macs(module: nn.Module, given: Tensor, result: Tensor) -> int:
    """Multiply-accumulates of one module for one input: positions · weights met at each."""
    if isinstance(module, nn.Conv2d):
        return prod(result.shape[2:]) * module.weight.numel()
    return prod(given.shape[:-1]) * module.weight.numel() if isinstance(module, nn.Linear) else 0


def kind(module: nn.Module) -> str:
    """The kind of layer that a module is, or the name of its class where it has weights beside its layers."""
    return next((kind for type_, kind in KINDS.items() if isinstance(module, type_)), type(module).__name__)


def channels(module: nn.Module, result: Tensor) -> int:
    """The channels of what a module gives: they are the first axis of feature maps."""
    first = isinstance(module, (nn.Conv2d, nn.BatchNorm2d)) or type(module).__name__.endswith("2d")
    return result.shape[1 if first else -1]


def rows(name: str, leaf: nn.Module, given: Tensor, result: Tensor) -> list[dict[str, Any]]:
    """What is written of a layer. A projection to queries, keys and values at once is the three that it stands for."""
    parts = 3 if name.endswith(".qkv") else 1
    wide = channels(leaf, result)
    row: dict[str, Any] = {
        "name": name,
        "kind": kind(leaf),
        "channels": wide // parts,
        "positions": result.numel() // wide,
        "params": sum(p.numel() for p in leaf.parameters(recurse=False)) // parts,
        "macs": macs(leaf, given, result) // parts,
    }
    if isinstance(leaf, nn.Conv2d):
        row |= {"kernel_size": list(leaf.kernel_size), "stride": list(leaf.stride), "groups": leaf.groups}
    return [row] * parts


def record(module: nn.Module, shape: tuple[int, ...]) -> dict[str, Any]:
    """Run ``module`` on the meta device and list its layers with weights in the order they ran."""
    module = module.to("meta").eval()
    layers: list[dict[str, Any]] = []

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(leaf: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
            layers.extend(rows(name, leaf, given[0], result))

        return hook

    with_weights = {
        name: leaf for name, leaf in module.named_modules() if any(True for _ in leaf.parameters(recurse=False))
    }
    hooks = [leaf.register_forward_hook(watch(name)) for name, leaf in with_weights.items() if name]
    operations = Operations()
    with torch.no_grad(), FlopCounterMode(display=False) as counter, operations:
        result = module(torch.empty(1, *shape, device="meta"))
    for each in hooks:
        each.remove()
    total = sum(layer["macs"] for layer in layers) + sum(operations.products)
    if counter.get_total_flops() != 2 * total:
        raise SystemExit(f"torch counts {counter.get_total_flops()} flops, the hooks {total} macs")
    params = sum(p.numel() for p in module.parameters())
    buffers = sum(b.numel() for name, b in module.named_buffers() if name.rpartition(".")[2] in BUFFERS)
    own = {name: p.numel() for name, p in module.named_parameters(recurse=False)}
    if params != sum(layer["params"] for layer in layers) + sum(own.values()):
        raise SystemExit("a parameter belongs to no layer that ran")
    return {
        "input": list(shape),
        "output": list(result.shape[1:]),
        "params": params,
        "buffers": buffers,
        "macs": total,
        "own": own,
        "products": sorted(operations.products),
        "activations": [[*key, times] for key, times in sorted(operations.activations.items())],
        "layers": layers,
    }


# (spec, what ``--set`` gives, timm's name, the input's side)
FAMILIES: tuple[tuple[str, dict[str, Any], str, int], ...] = (
    ("coatnet_0", {"depths": [2, 6, 14, 2]}, "coatnet_1_224", 224),
    ("coatnet_0", {"depths": [2, 6, 14, 2], "widths": [128, 256, 512, 1024], "stem": 128}, "coatnet_2_224", 224),
    ("convnextv2_tiny", {"C": 80, "depths": [2, 2, 8, 2]}, "convnextv2_nano", 224),
    ("convnextv2_tiny", {"C": 128, "depths": [3, 3, 27, 3]}, "convnextv2_base", 224),
    ("convnextv2_tiny", {"C": 192, "depths": [3, 3, 27, 3]}, "convnextv2_large", 224),
    ("efficientnet_v2_s", {"r": 224}, "tf_efficientnetv2_s", 224),
    ("fastvit_t8", {"widths": [64, 128, 256, 512], "depths": [2, 2, 6, 2]}, "fastvit_t12", 256),
    ("mobilevit_s", {"widths": [16, 32, 48, 64, 80, 96, 384], "d": [96, 120, 144]}, "mobilevit_xs", 256),
    ("repvgg_a0", {"widths": [64, 128, 256, 1280]}, "repvgg_a1", 224),
    ("repvgg_a0", {"widths": [96, 192, 384, 1408]}, "repvgg_a2", 224),
    ("repvgg_a0", {"branches": 0}, "repvgg_a0", 224),
    ("swin_tiny", {"B3": 18}, "swin_small_patch4_window7_224", 224),
    ("swin_tiny", {"B3": 18, "C": 128}, "swin_base_patch4_window7_224", 224),
    ("swin_tiny", {"B3": 18, "C": 192}, "swin_large_patch4_window7_224", 224),
    ("vit_b_16", {"d": 1024, "depth": 24, "heads": 16}, "vit_large_patch16_224", 224),
    ("vit_b_16", {"p": 32}, "vit_base_patch32_224", 224),
    ("vit_b_16", {"d": 192, "heads": 3}, "vit_tiny_patch16_224", 224),
)


def member(model: str, chosen: dict[str, Any], size: int) -> dict[str, Any]:
    """What is compared of a member of a family; without branches as it is deployed."""
    module = timm.create_model(model, pretrained=False)
    if chosen.get("branches") == 0:
        module = reparameterize_model(module)
    return record(module, (3, size, size))


def main(names: list[str]) -> None:
    set_fused_attn(False)
    for name in names or NETWORKS:
        model, size = NETWORKS[name]
        found = record(timm.create_model(model, pretrained=False), (3, size, size))
        reference = f"timm {timm.__version__}, {model}; torch {torch.__version__.partition('+')[0]}"
        (DATA / f"{name}.json").write_text(dumps(reference, found), encoding="utf-8")
        sys.stdout.write(f"{name:20} {found['params']:>13,} {found['macs']:>17,}\n")
    if names:
        return
    lines = []
    for spec, chosen, model, size in FAMILIES:
        found = member(model, chosen, size)
        head = {"spec": spec, "set": chosen, "reference": model}
        lines.append(json.dumps(head | {key: found[key] for key in ("params", "buffers", "macs")}))
        sys.stdout.write(f"{model:36} {found['params']:>13,} {found['macs']:>17,}\n")
    (DATA / "families_timm.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
