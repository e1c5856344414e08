"""Norms and what is learned per channel."""

from __future__ import annotations

from typing import Any

from convcost.importers.graph import Node
from convcost.importers.mapper import Mapper, is_map, operator
from convcost.importers.operators.windows import decimal
from convcost.importers.values import Unsupported
from convcost.layers.layout import channel_axis
from convcost.network.graph import Tensor


def axis_field(tensor: Tensor, axis: int) -> dict[str, Any]:
    """Return the field of an axis, without the batch; nothing where it is that of the channels."""
    return {} if channel_axis(len(tensor.shape), tensor.layout) == axis else {"axis": axis}


@operator("BatchNormalization")
def batch_norm(mapper: Mapper, node: Node) -> None:
    """Map a batch norm; in training mode too, which counts as at inference."""
    tensor = mapper.tensor(node.inputs[0])
    weights = [mapper.weight(node, at) for at in range(1, 5)]
    if node.attributes.get("spatial", 1) != 1 or any(each.shape != (tensor.shape[0],) for each in weights):
        raise Unsupported("it does not have one number for each channel")
    if node.attributes.get("training_mode", 0):
        mapper.notes["batch norms in training mode count as at inference"] = None
    mapper.emit(node, "batch_norm", axis_field(tensor, 0), [tensor], weights, gives=node.outputs[:1])


@operator("LayerNormalization")
def layer_norm(mapper: Mapper, node: Node) -> None:
    """Map a layer norm over the last axes."""
    tensor = mapper.tensor(node.inputs[0])
    rank = len(tensor.shape)
    first = node.attributes.get("axis", -1) % (rank + 1) - 1
    scale, bias = mapper.weight(node, 1), mapper.optional(node, 2)
    if first < 0 or scale.shape != tensor.shape[first:] or len([name for name in node.outputs if name]) > 1:
        raise Unsupported("it normalises the batch axis, or gives more than the normalised values")
    axes = list(range(first, rank))
    fields: dict[str, Any] = {"axis": axes} if len(axes) > 1 else axis_field(tensor, first)
    if bias is None:
        fields["bias"] = False
    mapper.emit(node, "layer_norm", fields, [tensor], [None, scale, bias])


@operator("InstanceNormalization")
def instance_norm(mapper: Mapper, node: Node) -> None:
    """Map an instance norm."""
    tensor = mapper.tensor(node.inputs[0])
    if not is_map(tensor):
        raise Unsupported("it normalises what is no feature map")
    weights = [None, mapper.weight(node, 1), mapper.weight(node, 2)]
    mapper.emit(node, "instance_norm", {"affine": True}, [tensor], weights)


_FACTORS = {"alpha": "alpha", "beta": "beta", "bias": "k"}


@operator("LRN")
def local_response_norm(mapper: Mapper, node: Node) -> None:
    """Map a local response norm; its factors change no count."""
    tensor = mapper.tensor(node.inputs[0])
    given = {name: decimal(node.attributes[word]) for word, name in _FACTORS.items() if word in node.attributes}
    fields = {"size": node.attributes["size"]} | given | axis_field(tensor, 0)
    mapper.emit(node, "local_response_norm", fields, [tensor])
