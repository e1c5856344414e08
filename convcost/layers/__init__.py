"""What a layer is: its fields, output shape, parameters and ledger; one family a file."""

from convcost.layers import activations, convolution, linear, merges, movement, norms, pooling
from convcost.layers.base import (
    FIXED,
    MIXES,
    MOVES,
    REGISTRY,
    SAME,
    Activation,
    LayerFault,
    LayerType,
    Norm,
    Shape,
    Trials,
    shown,
)
from convcost.layers.fields import Field, FieldFault

__all__ = [
    "FIXED",
    "MIXES",
    "MOVES",
    "REGISTRY",
    "SAME",
    "Activation",
    "Field",
    "FieldFault",
    "LayerFault",
    "LayerType",
    "Norm",
    "Shape",
    "Trials",
    "activations",
    "convolution",
    "linear",
    "merges",
    "movement",
    "norms",
    "pooling",
    "shown",
]
