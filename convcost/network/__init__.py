"""What a network is: layers and the tensors between them, and the one builder that makes networks."""

from convcost.network.builder import LayerOrigin, NetworkBuilder
from convcost.network.graph import INPUT, Free, Layer, Limit, Network, Tensor, Widths
from convcost.network.widths import bytes_of

__all__ = [
    "INPUT",
    "Free",
    "Layer",
    "LayerOrigin",
    "Limit",
    "Network",
    "NetworkBuilder",
    "Tensor",
    "Widths",
    "bytes_of",
]
