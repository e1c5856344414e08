"""Norms that are written in parts."""

from __future__ import annotations

from math import prod

from msgspec import Struct

from convcost.importers.constants import learns_nothing
from convcost.importers.graph import Constant, Node
from convcost.importers.patterns.parts import Found, Parts, Pattern


class _Standardised(Struct, frozen=True):
    """A norm without what is learned.

    Attributes:
        value: What is normalised.
        axes: The axes that are normalised together.
        nodes: The nodes that it consists of.
        centred: Whether the mean is taken off.
    """

    value: str
    axes: tuple[int, ...]
    nodes: list[Node]
    centred: bool


def _affine_norm(node: Node, parts: Parts) -> Found:
    """Join a norm in parts, a factor and a summand."""
    shifted = parts.with_constant(node)
    scaled = parts.only(shifted[0], "Mul") if shifted is not None else None
    factor = parts.with_constant(scaled)
    if shifted is None or scaled is None or factor is None:
        return None
    inner = _standardised(parts.given.get(factor[0]), parts)
    if inner is None or not inner.centred or parts.reads[factor[0]] != 1:
        return None
    return _named(node, parts, inner, (factor[1], shifted[1]), [scaled])


def _scaled_norm(node: Node, parts: Parts) -> Found:
    """Join a norm in parts and a factor, where no summand follows."""
    factor = parts.with_constant(node)
    if factor is None or parts.reads[factor[0]] != 1:
        return None
    if parts.reads[node.outputs[0]] == 1 and parts.added(node.outputs[0]):
        return None  # the summand belongs to it
    inner = _standardised(parts.given.get(factor[0]), parts)
    return _named(node, parts, inner, (factor[1],), []) if inner is not None else None


def _named(node: Node, parts: Parts, inner: _Standardised, learned: tuple[str, ...], more: list[Node]) -> Found:
    """Return the node of a norm with what it learns, where that lies along the axis that is normalised."""
    axis = inner.axes[0]
    shapes = [parts.constants[name].shape for name in learned]
    if len(inner.axes) != 1 or len(set(shapes)) != 1:
        return None
    (shape,) = set(shapes)
    long = [place - len(shape) for place, size in enumerate(shape) if size != 1]
    rank = parts.rank(inner.value)
    axis = axis - rank if axis >= 0 and rank is not None else axis
    if len(long) != 1 or long[0] != axis:
        return None
    operator = "LayerNormalization" if inner.centred else "RMSNormalization"
    times = any(node.operator == "Reciprocal" for node in inner.nodes)
    attributes = {"axis": axis, "stretched": len(shape) != 1, "reciprocal": times}
    return Node(operator, (inner.value, *learned), node.outputs, attributes, node.name, node.scope), [
        *inner.nodes,
        *more,
    ]


def _standardised(divided: Node | None, parts: Parts) -> _Standardised | None:
    """Return a division of a value, its mean taken off or not, by the root of the mean of its squares."""
    if divided is None or divided.operator not in ("Div", "Mul") or len(divided.inputs) != 2:
        return None
    inverse = parts.only(divided.inputs[1], "Reciprocal") if divided.operator == "Mul" else None
    if divided.operator == "Mul" and inverse is None:
        return None
    root = parts.only(inverse.inputs[0] if inverse is not None else divided.inputs[1], "Sqrt")
    add = parts.only(root.inputs[0], "Add") if root is not None else None
    eps = parts.with_number(add) if add is not None else None
    mean = parts.only(eps[0], "ReduceMean") if eps is not None else None
    square = _square(mean.inputs[0], parts) if mean is not None else None
    if root is None or add is None or mean is None or square is None or square.inputs[0] != divided.inputs[0]:
        return None
    axes = _axes(mean, parts)
    if not axes:
        return None
    nodes = [divided, root, add, mean, square, *([inverse] if inverse is not None else [])]
    reads = 2 + (square.operator == "Mul")
    less = parts.only(divided.inputs[0], "Sub", reads)
    average = parts.only(less.inputs[1], "ReduceMean") if less is not None else None
    if less is None or average is None or average.inputs[0] != less.inputs[0] or _axes(average, parts) != axes:
        return _Standardised(divided.inputs[0], axes, nodes, centred=False)
    return _Standardised(less.inputs[0], axes, [*nodes, less, average], centred=True)


def _square(name: str, parts: Parts) -> Node | None:
    """Return the node that squares a value."""
    power = parts.only(name, "Pow")
    if power is not None:
        return power if parts.number(power.inputs[1]) == 2 else None
    times = parts.only(name, "Mul")
    return times if times is not None and times.inputs[0] == times.inputs[1] else None


def _axes(node: Node, parts: Parts) -> tuple[int, ...]:
    """Return the axes of a reduction that keeps them; none where it does not."""
    return parts.axes(node) or () if node.attributes.get("keepdims", 1) == 1 else ()


def _group_norm(node: Node, parts: Parts) -> Found:
    """Join a group norm: an instance norm of groups, which learns nothing, and a factor and a summand per channel."""
    shifted = parts.with_constant(node)
    scaled = parts.only(shifted[0], "Mul") if shifted is not None else None
    factor = parts.with_constant(scaled)
    back = parts.only(factor[0], "Reshape") if factor is not None else None
    norm = parts.only(back.inputs[0], "InstanceNormalization") if back is not None else None
    split = parts.only(norm.inputs[0], "Reshape") if norm is not None else None
    if shifted is None or scaled is None or factor is None or back is None or norm is None or split is None:
        return None
    if not learns_nothing([parts.constants.get(name) for name in norm.inputs[1:3]]):
        return None
    groups = parts.constants[norm.inputs[1]].shape[0]
    affine = [parts.constants[name] for name in (factor[1], shifted[1])]
    if not all(map(_per_channel, affine)):
        return None
    single = all(prod(each.shape) == 1 for each in affine)
    is_plain = single and learns_nothing(affine) and not any(each.stored for each in affine)
    if single and groups > 1 and not is_plain:
        return None
    wanted = parts.constants.get(split.inputs[1])
    if wanted is None or wanted.values is None or len(wanted.values) != 3 or wanted.values[1] != groups:
        return None
    inputs = (split.inputs[0], *([] if is_plain else [factor[1], shifted[1]]))
    found = Node("GroupNormalization", inputs, node.outputs, {"num_groups": groups}, node.name, node.scope)
    return found, [scaled, back, norm, split]


def _per_channel(constant: Constant) -> bool:
    """Return whether a constant is a number for each channel of a picture."""
    return len(constant.shape) > 1 and prod(constant.shape) == max(constant.shape) == constant.shape[-3:][0]


def _l2_normalize(node: Node, parts: Parts) -> Found:
    """Join x / max(‖x‖, eps), the length being stretched or not."""
    length = node.inputs[1]
    stretched = parts.only(length, "Expand")
    nodes = [stretched] if stretched is not None else []
    bounded = parts.only(stretched.inputs[0] if stretched is not None else length, "Clip")
    norm = parts.only(bounded.inputs[0], "ReduceL2") if bounded is not None else None
    if bounded is None or norm is None or norm.inputs[0] != node.inputs[0]:
        return None
    upper = bounded.inputs[2] if len(bounded.inputs) > 2 else ""
    axes = _axes(norm, parts)
    if upper or "max" in bounded.attributes or len(axes) != 1:
        return None
    attributes = {"axis": axes[0], "p": 2}
    found = Node("LpNormalization", (node.inputs[0],), node.outputs, attributes, node.name, node.scope)
    return found, [*nodes, bounded, norm]


PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "Add": (_affine_norm, _group_norm),
    "Mul": (_scaled_norm,),
    "Div": (_l2_normalize,),
}
"""The patterns, by the operator of their last node."""
