"""Activations that are written in parts."""

from __future__ import annotations

from math import pi

from convcost.importers.graph import Node
from convcost.importers.patterns.parts import Found, Parts, Pattern, clip_bounds, is_sixth, near, one_input


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


def _tanh_gelu(node: Node, parts: Parts) -> Found:
    """Join ½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))), the factors in any order."""
    half = parts.with_number(node)
    if half is not None and half[1] == 0.5:
        first = parts.only(half[0], "Mul")
        pairs = _both(first) if first is not None else []
    else:
        halves = [each for each in (parts.only(name, "Mul") for name in node.inputs) if _is_half(each, parts)]
        first = halves[0] if halves else None
        scaled = parts.with_number(first) if first is not None else None
        gate = parts.other(node, first.outputs[0]) if first is not None else None
        pairs = [(scaled[0], gate)] if scaled is not None and gate is not None else []
    for value, gate in pairs:
        nodes = _one_plus_tanh(gate, value, parts)
        if nodes and first is not None:
            return one_input("Gelu", node, value, approximate="tanh"), [first, *nodes]
    return None


def _both(node: Node) -> list[tuple[str, str]]:
    return [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])]


def _is_half(node: Node | None, parts: Parts) -> bool:
    found = parts.with_number(node) if node is not None else None
    return found is not None and found[1] == 0.5


def _one_plus_tanh(name: str, value: str, parts: Parts) -> list[Node]:
    """Return the nodes of 1 + tanh(√(2/π) · (value + 0.044715 · value³))."""
    add = parts.only(name, "Add")
    one = parts.with_number(add) if add is not None else None
    tanh = parts.only(one[0], "Tanh") if one is not None and one[1] == 1 else None
    outer = parts.only(tanh.inputs[0], "Mul") if tanh is not None else None
    factor = parts.with_number(outer) if outer is not None else None
    inner = parts.only(factor[0], "Add") if factor is not None and near(factor[1], (2 / pi) ** 0.5) else None
    cubic = parts.other(inner, value)
    scaled = parts.only(cubic, "Mul") if cubic else None
    cube = parts.with_number(scaled) if scaled is not None else None
    power = parts.only(cube[0], "Pow") if cube is not None and near(cube[1], 0.044715) else None
    if add is None or tanh is None or outer is None or inner is None or scaled is None or power is None:
        return []
    if power.inputs[0] != value or parts.number(power.inputs[1]) != 3:
        return []
    return [add, tanh, outer, inner, scaled, power]


def _mish(node: Node, parts: Parts) -> Found:
    """Join x · tanh(softplus(x))."""
    for value, gate in _both(node):
        tanh = parts.only(gate, "Tanh")
        softplus = parts.only(tanh.inputs[0], "Softplus") if tanh is not None else None
        if tanh is not None and softplus is not None and softplus.inputs[0] == value:
            return one_input("Mish", node, value), [tanh, softplus]
    return None


def _softmax(node: Node, parts: Parts) -> Found:
    """Join exp(x − max(x)) / Σ exp(x − max(x))."""
    exp, total = parts.only(node.inputs[0], "Exp", 2), parts.only(node.inputs[1], "ReduceSum")
    if exp is None or total is None or total.inputs[0] != node.inputs[0]:
        return None
    less = parts.only(exp.inputs[0], "Sub")
    most = parts.only(less.inputs[1], "ReduceMax") if less is not None else None
    axes = parts.axes(total)
    if less is None or most is None or most.inputs[0] != less.inputs[0] or parts.axes(most) != axes:
        return None
    if axes is None or len(axes) != 1 or any(each.attributes.get("keepdims", 1) != 1 for each in (total, most)):
        return None
    return one_input("Softmax", node, less.inputs[0], axis=axes[0]), [exp, total, less, most]


def _safe_softmax(node: Node, parts: Parts) -> Found:
    """Join where(isnan(softmax(x)), 0, softmax(x)), as an exporter writes attention with a mask."""
    if len(node.inputs) != 3 or parts.number(node.inputs[1]) != 0:
        return None
    check, softmax = parts.only(node.inputs[0], "IsNaN"), parts.only(node.inputs[2], "Softmax", 2)
    if check is None or softmax is None or check.inputs[0] != node.inputs[2]:
        return None
    attributes = {**softmax.attributes, "safe": True}
    return one_input("Softmax", node, softmax.inputs[0], **attributes), [check, softmax]


def _softplus(node: Node, parts: Parts) -> Found:
    """Join where(x > 20, x, softplus(x)), as an exporter writes PyTorch's, whose threshold changes no result."""
    if len(node.inputs) != 3:
        return None
    value = node.inputs[1]
    check, softplus = parts.only(node.inputs[0], "Greater"), parts.only(node.inputs[2], "Softplus")
    if check is None or softplus is None or softplus.inputs[0] != value or check.inputs[0] != value:
        return None
    if (parts.number(check.inputs[1]) or 0) < _LINEAR_FROM:
        return None
    return one_input("Softplus", node, value), [check, softplus]


_LINEAR_FROM = 15
"""From here on softplus(x) is x, up to the digits of single precision."""

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "Where": (_safe_softmax, _softplus),
    "Mul": (_silu, _hard_swish, _gelu, _tanh_gelu, _mish),
    "Div": (_hard_swish_in_parts, _hard_sigmoid_in_parts, _softmax),
}
"""The patterns, by the operator of their last node."""
