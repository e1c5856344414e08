"""Norms that are written in parts."""

from __future__ import annotations

from convcost.importers.graph import Node
from convcost.importers.patterns.parts import Found, Parts, Pattern


def _layer_norm(node: Node, parts: Parts) -> Found:
    """Join (x − mean(x)) / √(mean((x − mean(x))²) + ε) · w + b over the last axis."""
    first = next((each for each in node.inputs if each not in parts.constants), "")
    shift = next((each for each in node.inputs if each in parts.constants), "")
    scaled = parts.only(first, "Mul")
    if scaled is None or not shift:
        return None
    ratio = next((each for each in scaled.inputs if each not in parts.constants), "")
    factor = next((each for each in scaled.inputs if each in parts.constants), "")
    divided = parts.only(ratio, "Div")
    if divided is None or not factor:
        return None
    inner = _standardised(divided, parts)
    if inner is None or not _is_vector(shift, parts) or not _is_vector(factor, parts):
        return None
    value, nodes = inner
    fused = Node("LayerNormalization", (value, factor, shift), node.outputs, {"axis": -1}, node.name, node.scope)
    return fused, [scaled, divided, *nodes]


def _is_vector(name: str, parts: Parts) -> bool:
    return len(parts.constants[name].shape) == 1


def _standardised(divided: Node, parts: Parts) -> tuple[str, list[Node]] | None:
    """Return x and the nodes of (x − mean) / √(variance + ε), the axis being the last."""
    root = parts.only(divided.inputs[1], "Sqrt")
    add = parts.only(root.inputs[0], "Add") if root is not None else None
    eps = parts.with_number(add) if add is not None else None
    mean = parts.only(eps[0], "ReduceMean") if eps is not None else None
    power = (parts.only(mean.inputs[0], "Pow") if mean is not None else None) or None
    less = parts.only(divided.inputs[0], "Sub", 2)
    average = parts.only(less.inputs[1], "ReduceMean") if less is not None else None
    if root is None or add is None or mean is None or power is None or less is None or average is None:
        return None
    if (
        power.inputs[0] != divided.inputs[0]
        or parts.number(power.inputs[1]) != 2
        or average.inputs[0] != less.inputs[0]
    ):
        return None
    if not all(_over_last(each, parts) for each in (mean, average)):
        return None
    return less.inputs[0], [root, add, mean, power, less, average]


def _over_last(node: Node, parts: Parts) -> bool:
    axes = node.attributes.get("axes")
    if axes is None and len(node.inputs) > 1 and node.inputs[1] in parts.constants:
        axes = parts.constants[node.inputs[1]].values
    return axes == (-1,) and node.attributes.get("keepdims", 1) == 1


PATTERNS: dict[str, tuple[Pattern, ...]] = {"Add": (_layer_norm,)}
"""The patterns, by the operator of their last node."""
