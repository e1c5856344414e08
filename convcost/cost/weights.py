"""The bytes of the numbers that a network keeps: its deployed parameters, and the statistics of norms that stay."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from convcost.cost.folding import channels_of, folded_norms
from convcost.layers import Norm
from convcost.network import Layer, Network, bytes_of
from convcost.network.widths import BITS
from convcost.ops import Cost


def weight_bytes(network: Network, costs: Sequence[Cost]) -> Sequence[Any]:
    """Return the bytes of each layer's deployed numbers at its widths: weights that are shared at their first use only.

    Biases, which have a width of their own, are what convolutions, linear layers and recurrent layers add to products,
    and what a folded norm leaves in the layer before it.

    Args:
        network: The network.
        costs: What each layer costs; its parameters and buffers are read.
    """
    folded = folded_norms(network, network.readers())
    channels = {source: channels_of(network.layers[norm]) for norm, source in folded.items()}
    with network.free.conditions if network.free is not None else nullcontext():
        return [
            0 if index in folded or layer.shares else _bytes(layer, cost.params + cost.buffers, channels.get(index, 0))
            for index, (layer, cost) in enumerate(zip(network.layers, costs, strict=True))
        ]


def weights_width(network: Network, costs: Sequence[Cost]) -> str:
    """Return the type of all weights of a network; an empty text where they have several types.

    Args:
        network: The network.
        costs: What each layer costs; its parameters and buffers are read.
    """
    pairs = zip(network.layers, costs, strict=True)
    widths = {layer.widths.weights for layer, cost in pairs if not _is_nothing(cost.params + cost.buffers)}
    return "" if len(widths) > 1 else widths.pop() if widths else "float32"


def _is_nothing(numbers: Any) -> bool:
    return numbers.__class__ is int and numbers == 0


def _bytes(layer: Layer, numbers: Any, folded: Any) -> Any:
    """Return the bytes of a layer's numbers; without biases of its own it has those that a folded norm leaves."""
    widths = layer.widths
    if layer.fields.get("bias"):
        folded = 0
    bits = BITS[widths.weights]
    if bits == BITS[widths.biases] and bits >= 8:
        return bytes_of(numbers + folded, widths.weights)
    biases = biases_of(layer)
    return bytes_of(numbers - biases, widths.weights) + bytes_of(biases + folded, widths.biases)


def biases_of(layer: Layer) -> Any:
    """Return how many of a layer's parameters are biases: those that it lacks without them."""
    if not layer.fields.get("bias") or isinstance(layer.definition, Norm):
        return 0
    shapes, output = layer.input_shapes, layer.output_shape
    without = layer.definition.__class__({**layer.fields, "bias": False})
    return layer.definition.cost(shapes, output).params - without.cost(shapes, output).params
