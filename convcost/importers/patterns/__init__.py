"""Patterns of nodes that are one operator: activations, norms and biases in parts."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from msgspec.structs import replace

from convcost.importers.graph import ModelGraph
from convcost.importers.patterns.parts import Parts

if TYPE_CHECKING:
    from convcost.importers.graph import Node
    from convcost.importers.patterns.parts import Found, Pattern

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
    operators = {node.operator for node in graph.nodes}
    patterns = {operator: _patterns(operator) for operator in _MODULES if operator in operators}
    if not patterns:
        return graph
    parts = Parts(graph)
    gone: set[int] = set()
    replaced = {}
    for node in graph.nodes:
        for pattern in patterns.get(node.operator, ()):
            found = _found(pattern, node, parts)
            if found is not None and not any(id(part) in gone or id(part) in replaced for part in found[1]):
                replaced[id(node)] = found[0]
                gone.update(id(part) for part in found[1])
                break
    nodes = [replaced.get(id(node), node) for node in graph.nodes if id(node) not in gone]
    return replace(graph, nodes=tuple(nodes)) if replaced else graph


def _found(pattern: Pattern, node: Node, parts: Parts) -> Found:
    """Return the match of a pattern; None where an operator has the wrong number of inputs, which is refused later."""
    try:
        return pattern(node, parts)
    except (IndexError, ValueError):
        return None


_MODULES = {
    "Mul": ("activations", "norms"),
    "Div": ("activations", "norms"),
    "Add": ("norms", "weights"),
    "Where": ("activations",),
}
"""The operators that a pattern may end in, and the modules with these patterns: imported where there is such a node."""


def _patterns(operator: str) -> list[Pattern]:
    """Return the patterns whose last node has an operator."""
    modules = [import_module(f"{__name__}.{module}") for module in _MODULES[operator]]
    return [pattern for module in modules for pattern in module.PATTERNS[operator]]
