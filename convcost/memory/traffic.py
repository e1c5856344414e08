"""The bytes that layers move: what each reads and writes once, however large a cache is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcost.cost.weights import weight_bytes
from convcost.layers.learned import Embedding, Parameter
from convcost.memory.storages import Key, key_of, sharing, values_of
from convcost.network import Layer, Network, bytes_of
from convcost.ops import Cost, product


def traffic(network: Network, costs: Sequence[Cost], batch: int) -> tuple[list[Any], list[Any]]:
    """Return the bytes that each layer reads, and those that it writes.

    A layer reads its weights and each of its inputs once, of an embedding the rows that are looked up, and writes its
    outputs once. Views, folded norms, and what is written over the input as part of the layer before it move nothing;
    nor does what only moves parameters, which is prepared with the model.

    Args:
        network: The network.
        costs: What each layer costs; its parameters and buffers are read.
        batch: How many inputs run at once; weights are read once for all.
    """
    shared = sharing(network)
    weights = weight_bytes(network, costs)
    of_owner = {layer.name: own for layer, own in zip(network.layers, weights, strict=True)}
    constants: dict[Key, str] = {}  # tensors that are weights, with the types of their numbers
    reads: list[Any] = [0] * len(weights)
    writes: list[Any] = [0] * len(weights)
    for index, layer in enumerate(network.layers):
        outputs = [key_of(tensor) for tensor in layer.outputs]
        if outputs[0] not in shared.group_of:
            constants |= dict.fromkeys(outputs, _width(layer, constants))
        if shared.how[index]:
            continue
        own = of_owner[layer.shares] if layer.shares else weights[index]
        if isinstance(layer.definition, Embedding):
            own = bytes_of(product(layer.output_shape) * layer.times * batch, layer.widths.weights)
        reads[index] = own + _inputs(network, layer, shared.group_of, constants, batch)
        writes[index] = _sum([bytes_of(values_of(network, tensor) * batch, tensor.width) for tensor in layer.outputs])
    return reads, writes


def _width(layer: Layer, constants: dict[Key, str]) -> str:
    """Return the type of the numbers of a parameter, or of what moves one."""
    if isinstance(layer.definition, Parameter):
        return layer.widths.weights
    return constants[key_of(layer.inputs[0])]


def _inputs(network: Network, layer: Layer, group_of: Any, constants: dict[Key, str], batch: int) -> Any:
    """Return the bytes of what a layer reads, each piece of memory once."""
    seen: set[Any] = set()
    found = []
    for tensor in layer.inputs:
        key = key_of(tensor)
        place = group_of.get(key, key)
        if place in seen:
            continue
        seen.add(place)
        width = constants.get(key)
        values = values_of(network, tensor)
        found.append(bytes_of(values, width) if width else bytes_of(values * batch, tensor.width))
    return _sum(found)


def _sum(values: Sequence[Any]) -> Any:
    return sum(values[1:], values[0]) if values else 0
