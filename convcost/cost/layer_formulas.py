"""The formulas of one layer in symbols of its own: its type's code, run on symbols.

Of a layer that reads one picture or vector these are the papers'. Whatever else it reads, each size that the inputs
have, and each that a field states, is a symbol; equal sizes are the same symbol, and the sizes themselves decide what
the type asks of its symbols on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from convcost.cost.symbols import DIFFERENT, FIRST, ONE, PaperSymbols, channels_of, plain_value, symbol_of, witness
from convcost.layers import FIXED, REGISTRY, LayerError, LayerType, Shape
from convcost.layers.fields import CHANNELS, TIMES, WHOLE, WHOLES
from convcost.layers.layout import FEATURE_MAP, VECTOR, channel_axis
from convcost.network import Layer
from convcost.ops import Cost, is_symbolic
from convcost.symbolic import Formula, NeedsValueError, assuming, symbol

Inputs = tuple[tuple[Shape, str], ...]
_FIXED = frozenset(("kernel_size", "stride", "dilation", "padding", "output_padding", "cropping"))
_LETTERS = ("L", "H", "W", "D", "S", "R", "T")


def of_layer(layer: Layer) -> dict[str, str] | None:
    """Return a layer's formulas in symbols of its own: `params`, `mults`, `adds`, other operations that occur.

    They are for one input, and worked out once for all layers that differ in numbers only. None where the layer works
    on its own numbers only.
    """
    if has_other_inputs(layer):
        cost = symbolic_cost(layer)
        return texts(cost) if cost is not None else None
    fields = layer.fields
    if layer.definition.declared:
        return texts(layer.definition.cost(layer.input_shapes, layer.output_shape))  # the author's numbers
    axes = layer.definition.axis_fields  # as they are: they are no numbers in a formula
    names = layer.definition.__class__.fields
    structure = tuple([fields[name] if name in axes else _kind(fields[name]) for name in names])
    inputs = tuple([_pattern(shape[1:]) for shape in layer.input_shapes])
    return _of_structure(layer.type, structure, inputs, _pattern(layer.output_shape[1:]))


def _kind(value: Any) -> Any:
    """Return the part of a field's value that selects a formula: not its number, but whether it is 1."""
    kind = value.__class__
    if kind is int:
        return ONE if value == 1 else FIRST
    if kind is str or kind is bool:
        return value
    if kind is tuple and value and value[0].__class__ in (int, Formula):
        return _pattern(value)
    return FIRST if kind is Formula else None


def _pattern(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Return which sizes are 1, like the first that is not, or different: layers that agree in this share formulas."""
    if sizes and all(size.__class__ is int and size == sizes[0] for size in sizes) and sizes[0] > 1:
        return (FIRST,) * len(sizes)
    first = next((size for size in sizes if not _is_one(size)), None)
    return tuple([ONE if _is_one(size) else FIRST if _same(size, first) else DIFFERENT for size in sizes])


def _is_one(size: Any) -> bool:
    return size.__class__ is int and size == 1


def _same(a: Any, b: Any) -> bool:
    return a is b or (a.__class__ is b.__class__ and (a.key == b.key if isinstance(a, Formula) else bool(a == b)))


@lru_cache(maxsize=4096)
def _of_structure(
    type: str, structure: tuple[Any, ...], inputs: tuple[tuple[int, ...], ...], output: tuple[int, ...]
) -> dict[str, str]:
    symbols = PaperSymbols({})
    fields: dict[str, Any] = {}
    for (name, field), kind in zip(REGISTRY[type].fields.items(), structure, strict=True):
        own = symbol_of(name, field)
        if name in REGISTRY[type].axis_fields:
            fields[name] = kind
        elif own == "p":  # it changes the output size, which has a symbol, and no count
            fields[name] = ((0, 0),) * len(output)
        elif own and kind.__class__ is tuple:
            fields[name] = symbols.axes(own, kind)
        elif own and kind.__class__ is int:
            fields[name] = 1 if kind == ONE else symbols[own]
        else:
            fields[name] = plain_value(field) if kind is None or kind.__class__ is int else kind
    layer = REGISTRY[type](fields)
    channels = [channels_of(symbols, layer.__class__, number) for number in range(1, len(inputs) + 1)]
    shapes = tuple([(each, *symbols.axes("Di", sizes)) for each, sizes in zip(channels, inputs, strict=True)])
    with assuming(witness(REGISTRY[type])):
        try:
            shape = layer.output_shape(*shapes)
        except LayerError:  # sizes that fit only as numbers, and change no count
            shape = (symbols["M"],)
        if layer.channels != FIXED:
            shape = (shape[0], *symbols.axes("Dp", output))
        return texts(layer.cost(shapes, shape))


def texts(cost: Cost) -> dict[str, str]:
    """Return a cost's formulas as texts: `params`, `mults`, `adds`, and each other kind of operation that occurs."""
    counts = cost.ops.to_dict()
    found = {"params": cost.params, "mults": counts.pop("mul", 0), "adds": counts.pop("add", 0), **counts}
    return {name: str(value) for name, value in found.items()}


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
