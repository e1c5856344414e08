"""Activations that are written in parts."""

from __future__ import annotations

from collections.abc import Callable

from convcost.importers.graph import Node
from convcost.importers.patterns.parts import Found, Parts, Pattern, near, one_input


def _silu(node: Node, parts: Parts) -> Found:
    """Join x · sigmoid(x)."""
    for value, gate in (node.inputs, node.inputs[::-1]):
        sigmoid = parts.only(gate, "Sigmoid")
        if sigmoid is not None and sigmoid.inputs[0] == value:
            return one_input("Silu", node, value), [sigmoid]
    return None


def _hard_swish(node: Node, parts: Parts) -> Found:
    """Join x · hard_sigmoid(x), the slope being 1/6."""
    for value, gate in (node.inputs, node.inputs[::-1]):
        sigmoid = parts.only(gate, "HardSigmoid")
        if sigmoid is not None and sigmoid.inputs[0] == value and is_sixth(sigmoid):
            return one_input("HardSwish", node, value), [sigmoid]
    return None


def is_sixth(node: Node) -> bool:
    """Return whether a hard sigmoid is relu6(x + 3) / 6."""
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    return near(alpha, 1 / 6) and near(beta, 0.5)


def _clipped(name: str, parts: Parts) -> tuple[str, list[Node]] | None:
    """Return x of clip(x + 3, 0, 6), and the nodes."""
    clip = parts.only(name, "Clip")
    if clip is None:
        return None
    low, high = clip_bounds(clip, parts.number)
    add = parts.only(clip.inputs[0], "Add")
    three = parts.with_number(add) if add is not None else None
    if add is None or three is None or three[1] != 3 or (low, high) != (0, 6):
        return None
    return three[0], [clip, add]


def clip_bounds(node: Node, number: Callable[[str], float | None]) -> tuple[float | None, float | None]:
    """Return the least and the largest value of a clip; None for one that it has not."""
    found = []
    for at, name in ((1, "min"), (2, "max")):
        given = node.inputs[at] if len(node.inputs) > at else ""
        found.append(number(given) if given else node.attributes.get(name))
    return found[0], found[1]


def _hard_swish_in_parts(node: Node, parts: Parts) -> Found:
    """Join x · clip(x + 3, 0, 6) / 6, the product being divided."""
    product = parts.only(node.inputs[0], "Mul")
    if product is None or parts.number(node.inputs[1]) != 6:
        return None
    for value, gate in (product.inputs, product.inputs[::-1]):
        clipped = _clipped(gate, parts)
        if clipped is not None and clipped[0] == value:
            return one_input("HardSwish", node, value), [product, *clipped[1]]
    return None


def _hard_sigmoid_in_parts(node: Node, parts: Parts) -> Found:
    """Join clip(x + 3, 0, 6) / 6."""
    clipped = _clipped(node.inputs[0], parts) if parts.number(node.inputs[1]) == 6 else None
    if clipped is None:
        return None
    return one_input("HardSigmoid", node, clipped[0], alpha=1 / 6, beta=0.5), clipped[1]


def _gelu(node: Node, parts: Parts) -> Found:
    """Join ½ · x · (1 + erf(x / √2)), the factors in either order."""
    half = parts.with_number(node)
    if half is not None and half[1] == 0.5:
        product = parts.only(half[0], "Mul")
        found = _erf_gate(product, parts) if product is not None else None
        return (one_input("Gelu", node, found[0]), [product, *found[1]]) if found and product else None
    for halved, gate in (node.inputs, node.inputs[::-1]):
        first = parts.only(halved, "Mul")
        scaled = parts.with_number(first) if first is not None else None
        if first is None or scaled is None or scaled[1] != 0.5:
            continue
        nodes = _one_plus_erf(gate, scaled[0], parts)
        if nodes:
            return one_input("Gelu", node, scaled[0]), [first, *nodes]
    return None


def _erf_gate(product: Node, parts: Parts) -> tuple[str, list[Node]] | None:
    for value, gate in (product.inputs, product.inputs[::-1]):
        if nodes := _one_plus_erf(gate, value, parts):
            return value, nodes
    return None


def _one_plus_erf(name: str, value: str, parts: Parts) -> list[Node]:
    """Return the nodes of 1 + erf(value / √2)."""
    add = parts.only(name, "Add")
    one = parts.with_number(add) if add is not None else None
    erf = parts.only(one[0], "Erf") if one is not None and one[1] == 1 else None
    if add is None or erf is None:
        return []
    root = 2**0.5
    divided, times = parts.only(erf.inputs[0], "Div"), parts.only(erf.inputs[0], "Mul")
    inner = divided or times
    factor = parts.with_number(inner) if inner is not None else None
    if inner is None or factor is None or factor[0] != value or inner.inputs[0] != value:
        return []
    return [add, erf, inner] if near(factor[1], root if divided else 1 / root) else []


PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "Mul": (_silu, _hard_swish, _gelu),
    "Div": (_hard_swish_in_parts, _hard_sigmoid_in_parts),
}
"""The patterns, by the operator of their last node."""
