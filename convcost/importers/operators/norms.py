"""Norms and what is learned per channel."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcost.importers.constants import learns_nothing
from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.movement import settle, squeezed, turns_map
from convcost.importers.operators.windows import decimal
from convcost.importers.values import Moved, Unsupported, counted_axis
from convcost.layers.layout import FEATURE_MAP, channel_axis
from convcost.network.graph import Tensor


def axis_field(tensor: Tensor, axis: int) -> dict[str, Any]:
    """Return the field of an axis, without the batch; nothing where it is that of the channels."""
    return {} if channel_axis(len(tensor.shape), tensor.layout) == axis else {"axis": axis}


@operator("BatchNormalization")
def batch_norm(mapper: Mapper, node: Node) -> None:
    """Map a batch norm; in training mode too, which counts as at inference."""
    is_affine = any(node.inputs[1:3])
    weights = [mapper.weight(node, at) for at in range(1 if is_affine else 3, 5)]
    channels = mapper.full(node.inputs[0])[1:2]
    fits = all([each.shape == channels or (prod(each.shape),) == channels for each in weights])  # noqa: C419
    if node.attributes.get("spatial", 1) != 1 or not fits:
        raise Unsupported("it does not have one number for each channel")
    if node.attributes.get("training_mode", 0):
        mapper.notes["batch norms in training mode count as at inference"] = None
    axis = mapper.axis(node.inputs[0], 1)
    tensor = mapper.tensor(node.inputs[0])
    fields = axis_field(tensor, axis) | ({} if is_affine else {"affine": False})
    mapper.emit(node, "batch_norm", fields, [tensor], weights, gives=node.outputs[:1])
    if is_affine and (learns_nothing(weights[:2]) or all(each.name in mapper.filled for each in weights[:2])):
        mapper.plain_norms.add(id(mapper.items[-1]))


@operator("LayerNormalization", "RMSNormalization")
def layer_norm(mapper: Mapper, node: Node) -> None:
    """Map a layer norm, or a root mean square norm, over the last axes."""
    full = mapper.full(node.inputs[0])
    first = counted_axis(node.attributes.get("axis", -1), len(full))
    scale, bias = mapper.optional(node, 1), mapper.optional(node, 2)
    over = [first] if node.attributes.get("stretched") else range(first, len(full))
    shape = tuple(full[axis] for axis in over)
    shaped = scale is None or squeezed(scale.shape) == squeezed(shape)
    if not shaped or len([name for name in node.outputs if name]) > 1:
        raise Unsupported("it has not one factor for each value, or gives more than the normalised values")
    if node.attributes.get("reciprocal"):
        mapper.notes["products with the reciprocal of a norm count as divisions by it"] = None
    value = mapper.moved(node.inputs[0])
    of_map = list(over) == [len(full) - 1] and mapper.is_read_once(node.inputs[0]) and turns_map(value)
    axes = [0] if of_map else [mapper.axis(node.inputs[0], axis) for axis in over]
    tensor = value.base if of_map else mapper.tensor(node.inputs[0])
    fields: dict[str, Any] = {"axis": axes} if len(axes) > 1 else axis_field(tensor, axes[0])
    learned = [None, scale, bias]
    if scale is None or (bias is not None and learns_nothing([scale, bias]) and not scale.stored):
        fields["affine"], learned = False, []
    elif node.operator == "LayerNormalization" and bias is None:
        fields["bias"] = False
    type = "rms_norm" if node.operator == "RMSNormalization" else "layer_norm"
    if not of_map:
        mapper.emit(node, type, fields, [tensor], learned)
        return
    (given,) = mapper.emit(node, type, fields, [tensor], learned, gives=())
    moved = Moved(given, value.dropped, value.steps, value.full, value.batch, value.scope)
    mapper.give(node, node.outputs[0], moved)


@operator("InstanceNormalization")
def instance_norm(mapper: Mapper, node: Node) -> None:
    """Map an instance norm."""
    scale, bias = mapper.optional(node, 1), mapper.optional(node, 2)
    affine = scale is not None and bias is not None and (scale.stored or not learns_nothing([scale, bias]))
    if mapper.many_pictures(node.inputs[0]):
        _norm_of_many(mapper, node, "instance_norm", {}, [scale, bias] if affine else [])
        return
    tensor = mapper.picture(node.inputs[0])
    fields = ({"affine": True} if affine else {}) | axis_field(tensor, 0)
    mapper.emit(node, "instance_norm", fields, [tensor], [None, scale, bias] if affine else [])


@operator("GroupNormalization")
def group_norm(mapper: Mapper, node: Node) -> None:
    """Map a group norm, with factors for each channel."""
    scale, bias = mapper.optional(node, 1), mapper.optional(node, 2)
    if mapper.many_pictures(node.inputs[0]):
        groups = {"num_groups": mapper.full(node.inputs[0])[0] * node.attributes["num_groups"], "affine": False}
        _norm_of_many(mapper, node, "group_norm", groups, [scale, bias])
        return
    tensor = mapper.picture(node.inputs[0])
    fields = {"num_groups": node.attributes["num_groups"]} | axis_field(tensor, 0)
    if scale is None:
        fields["affine"] = False
    elif bias is None:
        fields["bias"] = False
    mapper.emit(node, "group_norm", fields, [tensor], [None, scale, bias])


def _norm_of_many(
    mapper: Mapper, node: Node, type: str, fields: dict[str, Any], learned: Sequence[Constant | None]
) -> None:
    """Map a norm of several pictures at once, whose channels are as many more of one; what is learned stands behind."""
    full, value = mapper.full(node.inputs[0]), mapper.moved(node.inputs[0])
    count, channels, *sizes = full
    joined = (1, count * channels, *sizes)
    steps = (*value.steps, ("reshape", joined))
    tensor = settle(mapper, Moved(value.base, value.dropped, steps, joined, 0, node.scope), 0, FEATURE_MAP)
    (tensor,) = mapper.emit(node, type, fields, [tensor], gives=(), batch=0)
    mapper.hold_moved(node.outputs[0], Moved(tensor, 0, (("reshape", full),), full, None, node.scope))
    for kind, each in zip(("scale", "shift"), learned, strict=False):
        if each is not None:
            tensor = mapper.tensor(node.outputs[0], batch=None)
            mapper.emit(node, kind, axis_field(tensor, 1), [tensor], [None, each], batch=None)


@operator("LpNormalization")
def lp_norm(mapper: Mapper, node: Node) -> None:
    """Map a division by the Euclidean length."""
    if node.attributes.get("p", 2) != 2:
        raise Unsupported("it divides by another length than the Euclidean one")
    axis = mapper.axis(node.inputs[0], node.attributes.get("axis", -1))
    tensor = mapper.tensor(node.inputs[0])
    fields = axis_field(tensor, axis)
    mapper.emit(node, "l2_normalize", fields, [tensor])


_FACTORS = {"alpha": "alpha", "beta": "beta", "bias": "k"}


@operator("LRN")
def local_response_norm(mapper: Mapper, node: Node) -> None:
    """Map a local response norm; its factors change no count."""
    tensor = mapper.picture(node.inputs[0])
    factors = {name: decimal(node.attributes[word]) for word, name in _FACTORS.items() if word in node.attributes}
    fields = {"size": node.attributes["size"]} | factors | axis_field(tensor, 0)
    mapper.emit(node, "local_response_norm", fields, [tensor])
