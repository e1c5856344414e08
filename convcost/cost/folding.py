"""Batch norms that fold into the layer before them, and the network as it runs on a device once they are."""

from __future__ import annotations

from contextlib import nullcontext

from msgspec.structs import replace

from convcost.layers.inputs import SPATIAL
from convcost.network import INPUT, Layer, LayerOrigin, Network, NetworkBuilder, Tensor


def folded_norms(network: Network, readers: list[int]) -> dict[int, int]:
    """Return the batch norms that fold, each with the convolution or linear layer that it folds into.

    Nothing else reads that layer, and the norm works on its channels. Where weights are shared, all that use them must
    be followed by norms that share theirs: one set of weights cannot hold two norms.

    Args:
        network: The network.
        readers: How often each layer's outputs are read.
    """
    layers = network.layers
    found = {}
    for index, layer in enumerate(layers):
        if layer.definition.folds:
            source = layer.inputs[0].producer
            if source != INPUT and readers[source] == 1 and _on_channels(layer, layers[source]):
                found[index] = source
    if found and any(layer.shares for layer in layers):
        _keep_apart(layers, found)
    return found


def channels_of(norm: Layer) -> int:
    """Return how many channels a batch norm has: that many biases the layer before it has once it is folded."""
    axis: int = norm.fields.get("axis", 0)
    return norm.output_shape[axis]


def deployed(network: Network) -> Network:
    """Return the network with its batch norms folded: they are gone, and the layers before them have a bias.

    The parameters of its layers are the metric `deployed_params` of those of the network.
    """
    folded = folded_norms(network, network.readers())
    if not folded:
        return network
    biased = set(folded.values())
    builder = NetworkBuilder(network.name)
    given: dict[tuple[int, int], Tensor] = {
        (INPUT, number): builder.add_input(tensor.shape, tensor.layout, tensor.width)
        for number, tensor in enumerate(network.inputs)
    }
    with network.free.conditions if network.free is not None else nullcontext():
        for index, layer in enumerate(network.layers):
            inputs = tuple([given[tensor.producer, tensor.output] for tensor in layer.inputs])
            if index in folded:
                given[index, 0] = inputs[0]
                continue
            definition = layer.definition
            if index in biased and not layer.fields["bias"]:
                definition = definition.__class__({**layer.fields, "bias": True})
            outputs = builder.place(definition, inputs, layer.path, LayerOrigin.of(layer))
            given |= {(index, number): tensor for number, tensor in enumerate(outputs)}
    return replace(
        network,
        name=f"{network.name} (deployed)" if network.name else "",
        inputs=tuple(builder.inputs),
        layers=tuple(builder.layers),
        named_outputs=tuple([given[tensor.producer, tensor.output] for tensor in network.named_outputs]),
    )


def _on_channels(norm: Layer, source: Layer) -> bool:
    """Return whether a norm works on the channels that a layer with weights gives."""
    if not source.definition.weights:
        return False
    channels = 0 if source.definition.takes == SPATIAL else len(source.output_shape) - 1
    return bool(norm.fields.get("axis", 0) == channels)


def _keep_apart(layers: tuple[Layer, ...], found: dict[int, int]) -> None:
    """Take out the norms that shared weights keep from folding."""
    users: dict[str, list[int]] = {}
    for index, layer in enumerate(layers):
        users.setdefault(layer.shares or layer.name, []).append(index)
    shared = [indices for indices in users.values() if len(indices) > 1]
    while True:
        norms = {source: norm for norm, source in found.items()}
        kept: set[int] = set()
        for indices in shared:
            behind = [norms[index] for index in indices if index in norms]
            weights = {layers[norm].shares or layers[norm].name for norm in behind}
            if len(behind) < len(indices) or len(weights) > 1:
                kept.update(behind)
            if any(index not in found for index in indices):
                kept.update(index for index in indices if index in found)
        if not kept:
            return
        for norm in kept:
            del found[norm]
