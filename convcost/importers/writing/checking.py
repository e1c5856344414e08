"""The network that a text gives, compared with the model that it was written from."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.importers.items import Mapped, MappedItem
from convcost.importers.writing.rows import COMMUTATIVE, key_of
from convcost.network.graph import INPUT, Layer, Network


def difference(items: Sequence[MappedItem], mapped: Mapped, network: Network) -> str:
    """Return how a network differs from the model; nothing where it does not.

    The order in which a sum or a product has its inputs is none.

    Args:
        items: The items in the order of the network's layers.
        mapped: The model.
        network: The network that the text gives.
    """
    inputs = [(tensor.shape, tensor.layout, tensor.width) for tensor in network.inputs]
    if inputs != [(tensor.shape, tensor.layout, tensor.width) for tensor in mapped.inputs.values()]:
        return "its inputs"
    if len(network.layers) != len(items):
        return f"{len(network.layers)} layers instead of {len(items)}"
    layers = [layer for item in mapped.items for layer in item.layers]
    if len(items) != len(layers):
        return f"{len(items)} layers instead of the model's {len(layers)}"
    if any(item is not layer for item, layer in zip(items, layers, strict=True)):
        return "the order of its layers"
    places = {key_of(item.outputs[0])[0]: place for place, item in enumerate(items)}
    names = {id(item): layer.name for item, layer in zip(items, network.layers, strict=True)}
    for item, layer in zip(items, network.layers, strict=True):
        reads = [(places.get(tensor.producer, INPUT), tensor.output) for tensor in item.inputs]
        own = [(tensor.producer, tensor.output) for tensor in layer.inputs]
        same = (
            layer.definition == item.definition
            and (reads == own or (item.type in COMMUTATIVE and sorted(reads) == sorted(own)))
            and [tensor.shape for tensor in item.outputs] == [tensor.shape for tensor in layer.outputs]
            and (layer.trainable == item.trainable or not _has_numbers(layer))
            and layer.widths.activations == item.widths.activations
            and (layer.widths == item.widths or not item.has_weights)
            and layer.shares == (names[id(item.shares)] if item.shares is not None else "")
        )
        if not same:
            return layer.name
    outputs = {(places.get(tensor.producer, INPUT), tensor.output) for tensor in mapped.outputs}
    return "" if sorted(map(key_of, network.outputs)) == sorted(outputs) else "its outputs"


def _has_numbers(layer: Layer) -> bool:
    """Return whether a layer has numbers that may be learned."""
    cost = layer.definition.cost(layer.input_shapes, layer.output_shape)
    return bool(cost.params or cost.buffers)
