"""Random networks of 5 – 40 layers, built in PyTorch, with what each consists of.

Run by hand, in an environment of its own (torch 2.13.0):

    python tests/networks/record_random.py

A network is a list of nodes: a type, the nodes that it reads, and its fields in the language's words. It has one to
three inputs, feature maps and tokens; branches, merges, and layers that use the weights of others. Each node is run on
the meta device as PyTorch's own module or function; recorded are the shape that it gives, the parameters that it adds
(`numel`, shared ones at their first use) and its multiply-accumulates by ``torch.utils.flop_counter``. Recurrent layers
run as the products of their documented equations with the parameters of ``nn.LSTM`` and ``nn.GRU``, since the counter
knows products only. The tests write the nodes as specs and never import torch.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

DATA = Path(__file__).parent / "data" / "families_random.json"
NETWORKS = 320
Shape = tuple[int, ...]


class Attention(nn.Module):
    """Attention as products, of one or two inputs."""

    def __init__(self, channels: int, memory: int, num_heads: int, num_kv_heads: int, qkv_bias: bool) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = num_heads, num_kv_heads, channels // num_heads
        self.query = nn.Linear(channels, channels, bias=qkv_bias)
        self.key = nn.Linear(memory, num_kv_heads * self.size, bias=qkv_bias)
        self.value = nn.Linear(memory, num_kv_heads * self.size, bias=qkv_bias)
        self.projection = nn.Linear(channels, channels)

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        memory = x if memory is None else memory
        query = self.query(x).unflatten(-1, (self.heads, self.size)).transpose(1, 2)
        key, value = (
            each.unflatten(-1, (self.kv_heads, self.size))
            .transpose(1, 2)
            .repeat_interleave(self.heads // self.kv_heads, 1)
            for each in (self.key(memory), self.value(memory))
        )
        weights = (query @ key.transpose(-1, -2) * self.size**-0.5).softmax(-1)
        return self.projection((weights @ value).transpose(1, 2).flatten(2))


class Recurrent(nn.Module):
    """The parameters of PyTorch's recurrent module, and the products of its equations: two for each step."""

    def __init__(self, module: nn.RNNBase) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        names = [("", "_reverse")[i] for i in range(1 + self.module.bidirectional)]
        for layer in range(self.module.num_layers):
            outputs = []
            for suffix in names:
                weights = [getattr(self.module, f"weight_{part}_l{layer}{suffix}") for part in ("ih", "hh")]
                size = weights[1].shape[1]
                state = x.new_zeros(1, size)
                steps = []
                for step in range(x.shape[1]):
                    gates = functional.linear(x[:, step], weights[0])
                    gates = gates + functional.linear(state, weights[1])
                    state = gates[:, :size]  # what the gates make of it has no product of matrices
                    steps.append(state)
                outputs.append(torch.stack(steps, 1))
            x = torch.cat(outputs, -1)
        return x


def module_of(type: str, fields: dict[str, Any], shapes: list[Shape]) -> nn.Module | None:
    """PyTorch's module for a type with parameters."""
    channels = shapes[0][0]
    if type in ("conv", "depthwise_conv", "transposed_conv"):
        fields = dict(fields)
        class_ = nn.ConvTranspose2d if type == "transposed_conv" else nn.Conv2d
        if type == "depthwise_conv":
            fields |= {"out_channels": channels * fields.pop("depth_multiplier"), "groups": channels}
        return class_(channels, **fields)
    wide = shapes[0][-1]
    made: dict[str, Callable[[], nn.Module]] = {
        "batch_norm": lambda: nn.BatchNorm2d(channels),
        "group_norm": lambda: nn.GroupNorm(fields["num_groups"], channels),
        "layer_norm": lambda: nn.LayerNorm(wide),
        "rms_norm": lambda: nn.RMSNorm(wide),
        "linear": lambda: nn.Linear(wide, fields["out_features"], bias=fields["bias"]),
        "attention": lambda: Attention(wide, shapes[-1][-1], **fields),
        "lstm": lambda: Recurrent(nn.LSTM(wide, batch_first=True, **fields)),
        "gru": lambda: Recurrent(nn.GRU(wide, batch_first=True, **fields)),
        "prelu": lambda: nn.PReLU(**fields),
    }
    return made[type]() if type in made else None


FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "sigmoid": torch.sigmoid,
    "add": lambda *x: sum(x[1:], start=x[0]),
    "multiply": lambda x, y: x * y,
    "concat": lambda *x: torch.cat(x, 1),  # of feature maps the channels, of tokens the length, of vectors all
    "tokens": lambda x: x.flatten(2).transpose(1, 2),
    "flatten": lambda x: x.flatten(1),
    "global_avg_pool": lambda x: x.mean((2, 3), keepdim=True) if x.dim() == 4 else x.mean(1),
    "max_pool": functional.max_pool2d,
    "avg_pool": functional.avg_pool2d,
    "upsample": lambda x, scale_factor: functional.interpolate(x, scale_factor=scale_factor),
    "product": lambda x, y: x @ y.transpose(1, 2),
}


class Maker:
    """Draws a network node by node and records what PyTorch makes of each."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.nodes: list[dict[str, Any]] = []
        self.values: list[Tensor] = []
        self.kinds: list[str] = []
        self.modules: dict[int, nn.Module] = {}
        self.read: set[int] = set()

    def add(self, type: str, reads: list[int], fields: dict[str, Any], kind: str, weights: int | None = None) -> None:
        """Add a node, with its own weights or those of an earlier one."""
        inputs = [self.values[each] for each in reads]
        shapes = [tuple(x.shape[1:]) for x in inputs]
        module = module_of(type, fields, shapes) if weights is None else self.modules[weights]
        with FlopCounterMode(display=False) as counter:
            run = FUNCTIONS[type] if module is None else module.to("meta").eval()
            value = run(*inputs, **({} if module is not None else fields))
        params = sum(p.numel() for p in module.parameters()) if module is not None and weights is None else 0
        node = {"type": type, "from": reads, "fields": fields} | ({} if weights is None else {"weights": weights})
        flops = counter.get_total_flops()
        self.nodes.append(node | {"shape": list(value.shape[1:]), "params": params, "macs": flops // 2})
        if module is not None:
            self.modules[len(self.values)] = module
        self.values.append(value)
        self.kinds.append(kind)
        self.read.update(reads)

    def input(self, kind: str, shape: list[int]) -> None:
        self.nodes.append({"type": "input", "layout": kind, "shape": shape, "params": 0, "macs": 0})
        self.values.append(torch.empty(1, *shape, device="meta"))
        self.kinds.append(kind)

    def shape(self, node: int) -> Shape:
        return tuple(self.values[node].shape[1:])

    def alike(self, kind: str, fits: Callable[[Shape], bool]) -> list[int]:
        return [node for node, each in enumerate(self.kinds) if each == kind and fits(self.shape(node))]

    def step(self) -> None:
        """Add one node that reads a random one, most often one that nothing has read."""
        new = [node for node in range(len(self.values)) if node not in self.read]
        node = self.random.choice(new if self.random.random() < 0.7 else range(len(self.values)))
        {"feature_map": self.on_map, "tokens": self.on_tokens, "vector": self.on_vector}[self.kinds[node]](node)

    def shares(self, types: tuple[str, ...], node: int) -> bool:
        """Use the weights of an earlier node on a value with the same channels, where there is one."""
        axis = 0 if self.kinds[node] == "feature_map" else -1
        wide, small = self.shape(node)[axis], min(self.shape(node)[1:], default=1)
        candidates = []
        for each in self.modules:
            other = self.nodes[each]
            if other["type"] not in types or "weights" in other or len(other["from"]) > 1:
                continue
            kernel = max(other["fields"].get("kernel_size", [1]))
            read = other["from"][0]
            if self.kinds[read] == self.kinds[node] and self.shape(read)[axis] == wide and kernel <= small:
                candidates.append(each)
        if not candidates:
            return False
        first = self.random.choice(candidates)
        other = self.nodes[first]
        self.add(other["type"], [node], other["fields"], self.kinds[first], first)
        return True

    def on_map(self, node: int) -> None:
        pick, draw = self.random.choice, self.random.randint
        channels, *sizes = self.shape(node)
        small = min(sizes)
        type = pick(
            ["conv"] * 4
            + ["depthwise_conv", "transposed_conv", "batch_norm", "group_norm", "layer_norm", "prelu", "activation"]
            + ["pool", "add", "multiply", "concat", "tokens", "global_avg_pool", "upsample"]
            + ["shared"] * 3
        )
        if type == "shared" and self.shares(("conv", "transposed_conv"), node):
            return
        if type in ("conv", "shared"):
            groups = pick([g for g in (1, 1, 2, 3) if channels % g == 0])
            fields: dict[str, Any] = {
                "out_channels": groups * draw(1, 6),
                "groups": groups,
                "bias": pick([True, False]),
            }
            fields |= {"kernel_size": [min(draw(1, 3), size) for size in sizes], "stride": [draw(1, 2), draw(1, 2)]}
            fields["padding"] = [draw(0, each // 2) for each in fields["kernel_size"]]
            self.add("conv", [node], fields, "feature_map")
        elif type == "depthwise_conv":
            kernel = min(3, small)
            fields = {"kernel_size": [kernel, kernel], "padding": [kernel // 2] * 2, "bias": pick([True, False])}
            self.add(type, [node], fields | {"depth_multiplier": draw(1, 2)}, "feature_map")
        elif type == "transposed_conv" and max(sizes) <= 10:
            fields = {"out_channels": draw(1, 6), "kernel_size": [2, 3], "stride": [draw(1, 2), draw(1, 2)]}
            self.add(type, [node], fields | {"bias": pick([True, False])}, "feature_map")
        elif type == "group_norm" and small > 1:
            self.add(type, [node], {"num_groups": pick([g for g in (1, 2, 3) if channels % g == 0])}, "feature_map")
        elif type == "pool" and small > 1:
            self.add(pick(["max_pool", "avg_pool"]), [node], {"kernel_size": 2}, "feature_map")
        elif type in ("add", "multiply"):
            self.merge(type, node, self.alike("feature_map", lambda shape: shape == self.shape(node)))
        elif type == "concat":
            self.merge(type, node, self.alike("feature_map", lambda shape: list(shape[1:]) == sizes))
        elif type == "tokens" and sizes[0] * sizes[1] <= 64:
            self.add(type, [node], {}, "tokens")
        elif type == "global_avg_pool":
            self.add(type, [node], {}, "feature_map")
            self.add("flatten", [len(self.values) - 1], {}, "vector")
        elif type == "upsample" and max(sizes) <= 8:
            self.add(type, [node], {"scale_factor": 2}, "feature_map")
        elif type == "prelu":
            self.add(type, [node], {"num_parameters": pick([1, channels])}, "feature_map")
        elif type == "batch_norm":
            self.add(type, [node], {}, "feature_map")
        else:
            self.add(pick(["relu", "gelu", "silu", "sigmoid"]), [node], {}, "feature_map")

    def on_tokens(self, node: int) -> None:
        pick, draw = self.random.choice, self.random.randint
        length, channels = self.shape(node)
        type = pick(
            ["linear"] * 3
            + ["attention"] * 3
            + ["layer_norm", "rms_norm", "activation", "lstm", "gru", "add", "multiply", "concat", "product"]
            + ["global_avg_pool", "shared", "shared"]
        )
        if type == "shared" and self.shares(("linear", "attention", "lstm", "gru"), node):
            return
        if type in ("linear", "shared"):
            self.add("linear", [node], {"out_features": 2 * draw(1, 8), "bias": pick([True, False])}, "tokens")
        elif type == "attention":
            heads = pick([h for h in (1, 2, 3, 4) if channels % h == 0])
            kv = pick([h for h in (1, 2, 3, 4) if heads % h == 0])
            fields = {"num_heads": heads, "num_kv_heads": kv, "qkv_bias": pick([True, False])}
            memory = [pick(self.alike("tokens", lambda _: True))] if pick([True, False]) else []
            self.add(type, [node, *memory], fields, "tokens")
        elif type in ("lstm", "gru") and length <= 32:
            fields = {"hidden_size": draw(1, 6), "num_layers": draw(1, 2), "bidirectional": pick([True, False])}
            self.add(type, [node], fields, "tokens")
        elif type in ("add", "multiply"):
            self.merge(type, node, self.alike("tokens", lambda shape: shape == self.shape(node)))
        elif type == "concat":
            others = self.alike("tokens", lambda shape: shape[1] == channels and shape[0] + length <= 80)
            self.merge(type, node, others)
        elif type == "product":
            others = self.alike("tokens", lambda shape: shape[1] == channels)
            self.add(type, [node, pick(others)], {}, "tokens")
        elif type == "global_avg_pool":
            self.add(type, [node], {}, "vector")
        elif type in ("layer_norm", "rms_norm"):
            self.add(type, [node], {}, "tokens")
        else:
            self.add(pick(["relu", "gelu", "silu", "sigmoid"]), [node], {}, "tokens")

    def on_vector(self, node: int) -> None:
        pick, draw = self.random.choice, self.random.randint
        type = pick(["linear", "linear", "shared", "activation", "add", "concat"])
        if type == "shared" and self.shares(("linear",), node):
            return
        if type in ("linear", "shared"):
            self.add("linear", [node], {"out_features": draw(1, 12), "bias": pick([True, False])}, "vector")
        elif type == "add":
            self.merge(type, node, self.alike("vector", lambda shape: shape == self.shape(node)))
        elif type == "concat":
            self.merge(type, node, self.alike("vector", lambda _: True))
        else:
            self.add(pick(["relu", "sigmoid"]), [node], {}, "vector")

    def merge(self, type: str, node: int, others: list[int]) -> None:
        if others:
            self.add(type, [node, self.random.choice(others)], {}, self.kinds[node])


def network(seed: int) -> list[dict[str, Any]]:
    """The nodes of a random network."""
    maker = Maker(seed)
    draw = maker.random.randint
    for _ in range(draw(1, 3)):
        if maker.random.random() < 0.6:
            maker.input("feature_map", [draw(1, 6), draw(4, 12), draw(4, 12)])
        else:
            maker.input("tokens", [draw(2, 12), 2 * draw(1, 8)])
    inputs = len(maker.values)
    for node in range(inputs):  # each input is read
        {"feature_map": maker.on_map, "tokens": maker.on_tokens}[maker.kinds[node]](node)
    layers = draw(5, 40)
    while len(maker.values) - inputs < layers:
        maker.step()
    return maker.nodes


def main() -> None:
    lines = []
    for seed in range(NETWORKS):
        rows = []
        for node in network(seed):
            rest = {
                key: node[key] for key in ("layout", "from", "fields", "weights") if node.get(key) not in (None, {})
            }
            rows.append([node["type"], rest, node["shape"], node["params"], node["macs"]])
        lines.append(json.dumps(rows, separators=(",", ":")))
    DATA.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    sys.stdout.write(f"{NETWORKS} networks\n")


if __name__ == "__main__":
    main()
