"""What the scripts that record PyTorch's networks share: the operations that run, and how what is found is written."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# torchvision registers shape functions for its compiled operations at import, which fails where these are missing.
_schemas = torch.library.Library("torchvision", "DEF")
for _name in ("nms", "qnms"):
    _schemas.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

ACTIVATIONS = {
    "relu": "relu",
    "relu_": "relu",
    "gelu": "gelu",
    "silu": "silu",
    "silu_": "silu",
    "sigmoid": "sigmoid",
    "sigmoid_": "sigmoid",
    "_softmax": "softmax",
}


class Operations(TorchDispatchMode):
    """Notes products of two activations and activation functions as they run, those inside recurrent layers apart."""

    def __init__(self) -> None:
        super().__init__()
        self.products: list[int] = []
        self.activations: Counter[tuple[str, int]] = Counter()
        self.inside = False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if self.inside:
            return result
        if name in ("bmm", "baddbmm"):
            left, right = args[-2:]
            self.products.append(left.numel() * right.shape[-1])
        elif name in ACTIVATIONS:
            self.activations[ACTIVATIONS[name], result.numel()] += 1
        return result


def dumps(reference: str, found: dict[str, Any]) -> str:
    """JSON with one layer a line, so that a change can be read as a difference."""
    head = {"reference": reference} | {key: value for key, value in found.items() if key != "layers"}
    lines = [json.dumps(layer, separators=(",", ":")) for layer in found["layers"]]
    return json.dumps(head)[:-1] + ', "layers": [\n' + ",\n".join(lines) + "\n]}\n"
