"""What a layer is: its fields, output shape, parameters and ledger; one family a file."""

from convcost.layers.base import FIXED, MIXES, MOVES, REGISTRY, SAME, Activation, LayerType, Norm, Trials
from convcost.layers.fields import Field, FieldError
from convcost.layers.inputs import LayerError, shown
from convcost.layers.layout import Shape

__all__ = [
    "FIXED",
    "MIXES",
    "MOVES",
    "REGISTRY",
    "SAME",
    "Activation",
    "Field",
    "FieldError",
    "LayerError",
    "LayerType",
    "Norm",
    "Shape",
    "Trials",
    "shown",
]
