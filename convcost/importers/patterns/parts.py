"""What patterns of nodes are found with: who gives and reads a value, and which constants are numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from convcost.importers.graph import ModelGraph, Node

Found = tuple[Node, list[Node]] | None


class Parts:
    """Which nodes give and read a value.

    Args:
        graph: The graph.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self.constants = graph.constants
        self.given = {name: node for node in graph.nodes for name in node.outputs}
        self.reads = Counter([name for node in graph.nodes for name in node.inputs])
        self.reads.update(graph.outputs)
        self._nodes = graph.nodes
        self._read_by: dict[str, Node] = {}
        self._shapes = {**graph.inputs, **graph.shapes}

    def only(self, name: str, operator: str, reads: int = 1) -> Node | None:
        """Return the node that gives a value, where it has this operator and the value is read so often."""
        node = self.given.get(name)
        return node if node is not None and node.operator == operator and self.reads[name] == reads else None

    def number(self, name: str) -> float | None:
        """Return a constant that is one number."""
        constant = self.constants.get(name)
        if constant is None or constant.values is None or len(constant.values) != 1:
            return None
        value = constant.values[0]
        return float(value) if isinstance(value, (int, float)) else None

    def with_number(self, node: Node) -> tuple[str, float] | None:
        """Return the value and the number that a node of two inputs reads."""
        if len(node.inputs) != 2:
            return None
        for value, other in (node.inputs, node.inputs[::-1]):
            number = self.number(other)
            if number is not None and value not in self.constants:
                return value, number
        return None

    def added(self, name: str) -> bool:
        """Return whether a constant is added to a value that one node reads."""
        if not self._read_by:
            self._read_by = {name: node for node in self._nodes for name in node.inputs}
        node = self._read_by.get(name)
        return node is not None and node.operator == "Add" and self.with_constant(node) is not None

    def rank(self, name: str) -> int | None:
        """Return how many axes the file records for a value; None where it records nothing."""
        shape = self._shapes.get(name)
        return len(shape) if shape is not None else None

    def axes(self, node: Node) -> tuple[int, ...] | None:
        """Return the axes that a node names, as an attribute or as a constant."""
        axes: tuple[int, ...] | None = node.attributes.get("axes")
        if axes is None and len(node.inputs) > 1 and node.inputs[1] in self.constants:
            axes = self.constants[node.inputs[1]].values
        return axes

    def with_constant(self, node: Node | None) -> tuple[str, str] | None:
        """Return the value and the constant that a node of two inputs reads."""
        if node is None or len(node.inputs) != 2:
            return None
        for value, other in (node.inputs, node.inputs[::-1]):
            if other in self.constants and value not in self.constants:
                return value, other
        return None

    def other(self, node: Node | None, name: str) -> str | None:
        """Return what a node of two inputs reads beside a value."""
        if node is None or len(node.inputs) != 2 or name not in node.inputs:
            return None
        return node.inputs[1] if node.inputs[0] == name else node.inputs[0]


Pattern = Callable[[Node, Parts], Found]
"""Returns the node that stands for several ones, of which the given one is the last, and the others."""


def near(number: float, other: float) -> bool:
    """Return whether a number is another one, up to the digits of single precision."""
    return abs(number - other) <= 1e-6 * abs(other)


def is_sixth(node: Node) -> bool:
    """Return whether a hard sigmoid is relu6(x + 3) / 6."""
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    return near(alpha, 1 / 6) and near(beta, 0.5)


def clip_bounds(node: Node, number: Callable[[str], float | None]) -> tuple[float | None, float | None]:
    """Return the least and the largest value of a clip; None for one that it has not."""
    found = []
    for at, name in ((1, "min"), (2, "max")):
        given = node.inputs[at] if len(node.inputs) > at else ""
        found.append(number(given) if given else node.attributes.get(name))
    return found[0], found[1]


def one_input(operator: str, node: Node, value: str, *, scope: str = "", **attributes: Any) -> Node:
    """Return a node of one input that stands for another one."""
    return Node(operator, (value,), node.outputs, attributes, node.name, scope or node.scope)
