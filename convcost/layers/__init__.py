"""What a layer is: its fields, output shape, parameters and ledger; one family a file."""

from convcost.layers import activations, convolution, linear, merges, movement, norms, pooling
from convcost.layers.base import MOVES, REGISTRY, Activation, Layer, LayerFault, Norm, Shape, shown
from convcost.layers.fields import Field, FieldFault

__all__ = [
    "MOVES",
    "REGISTRY",
    "Activation",
    "Field",
    "FieldFault",
    "Layer",
    "LayerFault",
    "Norm",
    "Shape",
    "activations",
    "convolution",
    "linear",
    "merges",
    "movement",
    "norms",
    "pooling",
    "shown",
]
