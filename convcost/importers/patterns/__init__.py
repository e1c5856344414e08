"""Patterns of nodes that are one operator: activations, norms and biases in parts."""

from __future__ import annotations

from msgspec.structs import replace

from convcost.importers.graph import ModelGraph
from convcost.importers.patterns import activations, norms, weights
from convcost.importers.patterns.parts import Parts

_ROUNDS = 3  # a hard swish may have a hard sigmoid in parts


def fused(graph: ModelGraph) -> ModelGraph:
    """Return a graph in which what is written in parts is one node."""
    for _ in range(_ROUNDS):
        after = _fused_once(graph)
        if after is graph:
            break
        graph = after
    return graph


def _fused_once(graph: ModelGraph) -> ModelGraph:
    parts = Parts(graph)
    gone: set[int] = set()
    replaced = {}
    for node in graph.nodes:
        for pattern in _PATTERNS.get(node.operator, ()):
            found = pattern(node, parts)
            if found is not None and not any(id(part) in gone or id(part) in replaced for part in found[1]):
                replaced[id(node)] = found[0]
                gone.update(id(part) for part in found[1])
                break
    nodes = [replaced.get(id(node), node) for node in graph.nodes if id(node) not in gone]
    return replace(graph, nodes=tuple(nodes)) if replaced else graph


_MODULES = (activations, norms, weights)
_PATTERNS = {
    operator: [each for module in _MODULES for each in module.PATTERNS.get(operator, ())]
    for operator in dict.fromkeys(operator for module in _MODULES for operator in module.PATTERNS)
}
