"""Random networks cost what PyTorch makes of them: shapes, parameters and multiply–accumulates, node by node.

The networks and what they consist of were recorded by `record_random.py`.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import convcost

NETWORKS: list[list[Any]] = json.loads(
    (Path(__file__).parent / "data" / "families_random.json").read_text(encoding="utf-8")
)


def spec_of(nodes: list[Any]) -> dict[str, Any]:
    """Return the spec of a network, with an item for each node; what nothing reads is an output."""
    inputs: dict[str, Any] = {}
    layers: list[dict[str, Any]] = []
    layouts: list[str] = []
    for number, (type, rest, shape, *_) in enumerate(nodes):
        name = f"n{number}"
        if type == "input":
            inputs[name] = {"shape": shape, "layout": rest["layout"]}
            layouts.append(rest["layout"])
            continue
        reads = [f"n{each}" for each in rest["from"]]
        layout = {"tokens": "tokens", "flatten": "vector"}.get(type, layouts[rest["from"][0]])
        fields = dict(rest.get("fields", {}))
        if type == "concat" and layout == "tokens":
            fields["axis"] = "length"
        if type == "product":  # of the tokens and the transposed others
            layers.append({"permute": {"axes": [1, 0]}, "from": reads[1], "name": f"{name}t"})
            layers.append({"matmul": {"layout": "tokens"}, "from": [reads[0], f"{name}t"], "name": name})
        else:
            item = {type: fields or None, "from": reads if len(reads) > 1 else reads[0], "name": name}
            layers.append(item | ({"weights": f"n{rest['weights']}"} if "weights" in rest else {}))
        layouts.append("vector" if layout == "tokens" and type == "global_avg_pool" else layout)
    read = {f"n{each}" for _, rest, *_ in nodes for each in rest.get("from", ())}
    ends = [name for name in (f"n{number}" for number in range(len(nodes))) if name not in read]
    return {"inputs": inputs, "outputs": ends, "layers": layers}


def test_the_networks_have_what_a_network_may_have() -> None:
    types = Counter(node[0] for nodes in NETWORKS for node in nodes)
    assert len(NETWORKS) >= 300
    assert all(5 <= sum(node[0] != "input" for node in nodes) <= 41 for nodes in NETWORKS)
    assert min(types[each] for each in ("attention", "lstm", "gru", "conv", "add", "concat", "product", "flatten")) > 50
    assert sum("weights" in node[1] for nodes in NETWORKS for node in nodes) > 100
    assert sum(node[0] == "input" for nodes in NETWORKS for node in nodes) > 1.5 * len(NETWORKS)


@pytest.mark.parametrize("nodes", NETWORKS, ids=range(len(NETWORKS)))
def test_a_network_costs_what_pytorch_makes_of_it(nodes: list[Any]) -> None:
    analysis = convcost.analyze(spec_of(nodes))
    params: Counter[str] = Counter()
    macs: Counter[str] = Counter()
    shapes: dict[str, list[int]] = {}
    for layer in analysis.layers:
        name = layer.path[0]
        params[name] += layer.cost.params
        macs[name] += layer.cost.macs
        shapes[name] = list(layer.output_shape)
    expected = {f"n{number}": node for number, node in enumerate(nodes) if node[0] != "input"}
    assert {name: (shapes[name], params[name], macs[name]) for name in expected} == {
        name: (shape, weights, products) for name, (_, _, shape, weights, products) in expected.items()
    }
    assert analysis.total.params == sum(node[3] for node in nodes)
    assert analysis.total.macs == sum(node[4] for node in nodes)
    assert not analysis.network.warnings


@pytest.mark.parametrize("number", range(0, len(NETWORKS), 5))
def test_a_network_executed_agrees_with_its_analysis(number: int) -> None:
    verification = convcost.load(spec_of(NETWORKS[number])).verify()
    assert verification.ok
    assert verification.counted() == verification.predicted()
