"""The formulas of one layer in symbols for its own sizes, whatever its inputs are: its type's code, run on symbols.

Each size that the inputs have, and each that a field states, is a symbol; equal sizes are the same symbol. The sizes
themselves decide what the type asks of its symbols on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from convcost.layers import REGISTRY, LayerError, LayerType, Shape
from convcost.layers.fields import CHANNELS, TIMES, WHOLE, WHOLES
from convcost.layers.layout import FEATURE_MAP, VECTOR, channel_axis
from convcost.network import Layer
from convcost.ops import Cost, is_symbolic
from convcost.symbolic import NeedsValueError, assuming, symbol

Inputs = tuple[tuple[Shape, str], ...]
_FIXED = frozenset(("kernel_size", "stride", "dilation", "padding", "output_padding", "cropping"))
_LETTERS = ("L", "H", "W", "D", "S", "R", "T")


def has_other_inputs(layer: Layer) -> bool:
    """Return whether a layer reads or gives other values than one picture or vector, or works on another axis."""
    definition = layer.definition
    inputs, outputs = layer.inputs, layer.outputs
    if not inputs or len(outputs) != 1:
        return True
    for tensor in (*inputs, *outputs):
        if tensor.layout not in (FEATURE_MAP, VECTOR):
            return True
    for name in definition.axis_fields:
        if getattr(definition, name) not in (0, (0,)):
            return True
    return _says_itself(definition.type)


@cache
def _says_itself(type: str) -> bool:
    """Return whether a type says on which inputs its formulas are shown."""
    return REGISTRY[type].formula_case(lambda name: symbol(name, whole=True, minimum=1)) is not None


def symbolic_cost(layer: Layer) -> Cost | None:
    """Return what a layer costs as formulas in symbols for its sizes; None where it works on these numbers only."""
    inputs = tuple([(tensor.shape, tensor.layout) for tensor in layer.inputs])
    if any(is_symbolic(size) for shape, _ in inputs for size in shape):
        return None
    return _symbolic_cost(layer.definition, inputs)


@lru_cache(maxsize=4096)
def _symbolic_cost(definition: LayerType, inputs: Inputs) -> Cost | None:
    names = _names(definition, inputs)
    symbols = {size: symbol(name, whole=True, minimum=1) for size, name in names.items()}

    def of(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(of, value))
        return symbols.get(value, value) if value.__class__ is int else value

    stated = _stated(definition)
    fields = {name: of(value) if name in stated else value for name, value in vars(definition).items()}
    shapes = tuple([of(shape) for shape, _ in inputs])
    with assuming({name: size for size, name in names.items()}):
        try:
            symbolic = definition.__class__(fields)
            return symbolic.cost(shapes, symbolic.output_shapes(*shapes)[0])
        except (LayerError, NeedsValueError, ArithmeticError):
            return None


def _stated(definition: LayerType) -> list[str]:
    """Return the fields that state sizes or counts."""
    return [
        name
        for name, field in definition.__class__.fields.items()
        if field.read.form.kind in (WHOLE, WHOLES) and field.role != TIMES and name not in _FIXED
    ]


def _names(definition: LayerType, inputs: Inputs) -> Mapping[int, str]:
    """Return the symbol of each size above 1: M for the channels, N for those that a field states, others by axis."""
    names: dict[int, str] = {}
    free = iter([*_LETTERS, *(f"{letter}{number}" for number in range(2, 9) for letter in _LETTERS)])
    for shape, layout in inputs:
        channels = channel_axis(len(shape), layout)
        for axis, size in enumerate(shape):
            if size.__class__ is not int or size == 1 or size in names:
                continue
            names[size] = "M" if axis == channels and "M" not in names.values() else next(free)
    fields = definition.__class__.fields
    for name in _stated(definition):
        value = getattr(definition, name)
        for size in value if isinstance(value, tuple) else (value,):
            if size.__class__ is not int or size <= 1 or size in names:
                continue
            letter = fields[name].letter or ("N" if fields[name].role == CHANNELS else "")
            names[size] = letter if letter and letter not in names.values() else next(free)
    return names
