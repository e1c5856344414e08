"""Patterns of convolutions: standard, depthwise, pointwise, and pairs that are separable."""

from __future__ import annotations

from convcost.layers import Activation, Norm
from convcost.network import INPUT, Layer, Network


def is_standard(layer: Layer) -> bool:
    """Return whether a layer is a convolution over windows that mixes all of its channels."""
    return bool(layer.type == "conv" and layer.fields["groups"] == 1 and max(layer.fields["kernel_size"]) > 1)


def is_depthwise(layer: Layer) -> bool:
    """Return whether a layer is a convolution that keeps the channels apart."""
    if layer.type == "conv":
        return bool(1 < layer.fields["groups"] == layer.input_shapes[0][0])
    return layer.type == "depthwise_conv"


def is_pointwise(layer: Layer) -> bool:
    """Return whether a layer is a convolution that mixes the channels of each position, and does nothing else."""
    if layer.type not in ("pointwise_conv", "conv"):
        return False
    fields = layer.fields
    kernel = fields.get("kernel_size", (1,))
    padded = layer.type == "conv" and fields["padding"] != "same" and any(map(any, fields["padding"]))
    return fields["groups"] == 1 and max(kernel) == 1 and max(fields["stride"]) == 1 and not padded


def separable_pairs(network: Network, readers: list[int]) -> dict[int, int]:
    """Return the separable convolutions as pairs: the index of the depthwise stage by that of the pointwise one.

    They are a depthwise convolution over windows and the pointwise one that alone reads it, directly or through norms
    and activations.

    Args:
        network: The network.
        readers: How often each layer's output is read.
    """
    pairs: dict[int, int] = {}
    pending: dict[int, int] = {}  # a layer whose output is a depthwise stage's, normed and activated: that stage
    for index, layer in enumerate(network.layers):
        if is_depthwise(layer):
            if readers[index] == 1 and max(layer.fields["kernel_size"]) > 1:
                pending[index] = index
            continue
        source = layer.inputs[0].producer if layer.inputs else INPUT
        if not pending or source == INPUT or source not in pending:
            continue
        start = pending.pop(source)
        if isinstance(layer.definition, (Norm, Activation)):
            if readers[index] == 1:
                pending[index] = start
        elif is_pointwise(layer):
            pairs[index] = start
    return pairs
