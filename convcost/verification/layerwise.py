"""Layer → the same layer on small inputs, where a network cannot shrink as a whole.

Sizes that are equal stay equal and sizes that differ stay different, in the inputs and in the fields that state sizes;
kernels, strides, padding and whatever else a layer says of itself stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from convcost.layers import LayerError, LayerType, Shape
from convcost.layers.fields import TIMES, WHOLE, WHOLES
from convcost.layers.layout import FEATURE_MAP, VECTOR
from convcost.network import Layer, Network

_WINDOW = frozenset(("kernel_size", "stride", "dilation", "padding", "output_padding", "cropping"))
_LARGEST = 64  # a size that no smaller one can take the place of stays
_TRIES = 400  # sizes that are tried for one layer


class _Value(Struct, frozen=True):
    shape: Shape
    layout: str


def shrinks_whole(network: Network) -> bool:
    """Return whether a network may shrink as a whole: pictures of one rank and vectors, each layer giving one."""
    tensors = [*network.inputs, *(tensor for layer in network.layers for tensor in layer.outputs)]
    ranks = {len(tensor.shape) for tensor in tensors if tensor.layout == FEATURE_MAP}
    return (
        all(tensor.layout in (FEATURE_MAP, VECTOR) for tensor in tensors)
        and len(ranks) < 2
        and all(
            len(layer.outputs) == 1 and layer.inputs and layer.times == 1 and not layer.definition.declared
            for layer in network.layers
        )
    )


def smaller(layer: Layer) -> tuple[Mapping[str, Any], tuple[Shape, ...]]:
    """Return a layer's fields and input shapes at the smallest sizes that are found to fit."""
    definition = layer.definition
    inputs = tuple([tensor.shape for tensor in layer.inputs])
    layouts = [tensor.layout for tensor in layer.inputs]
    ranks = [len(tensor.shape) for tensor in layer.outputs]
    sizes = sorted({size for shape in [*inputs, *_stated(definition)] for size in shape if size > 1})
    mapping: dict[int, int] = {}
    tries = 0
    for size in sizes:
        for candidate in _candidates(size, mapping):
            tries += 1
            if tries > _TRIES:
                break
            trial = {**mapping, size: candidate}
            fields, shapes = _mapped(definition, inputs, trial)
            if _works(definition.__class__(fields), shapes, layouts, ranks):
                mapping = trial
                break
    return _mapped(definition, inputs, mapping)


def _candidates(size: int, mapping: Mapping[int, int]) -> Iterator[int]:
    """Yield smaller sizes that no other size has become, the smallest first."""
    taken = set(mapping.values())
    yield from (each for each in range(2, min(size, _LARGEST)) if each not in taken)


def _stated(definition: LayerType) -> Iterator[Shape]:
    """Yield the sizes that a layer's fields state."""
    for name in _sized(definition):
        value = getattr(definition, name)
        if isinstance(value, int):
            yield (value,)
        elif isinstance(value, tuple):
            yield tuple([size for size in value if isinstance(size, int)])


def _sized(definition: LayerType) -> list[str]:
    return [
        name
        for name, field in definition.__class__.fields.items()
        if field.read.form.kind in (WHOLE, WHOLES) and field.role != TIMES and name not in _WINDOW
    ]


def _mapped(
    definition: LayerType, inputs: tuple[Shape, ...], mapping: Mapping[int, int]
) -> tuple[Mapping[str, Any], tuple[Shape, ...]]:
    """Return the fields and shapes with other sizes."""

    def of(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(of, value))
        return mapping.get(value, value) if value.__class__ is int else value

    fields = dict(vars(definition))
    for name in _sized(definition):
        fields[name] = of(fields[name])
    return fields, tuple([of(shape) for shape in inputs])


def _works(definition: LayerType, shapes: tuple[Shape, ...], layouts: list[str], ranks: list[int]) -> bool:
    """Return whether a layer works on inputs of these shapes and gives values of as many axes."""
    try:
        definition.check_inputs([_Value(shape, layout) for shape, layout in zip(shapes, layouts, strict=True)])
        outputs = definition.output_shapes(*shapes)
    except (LayerError, ArithmeticError, IndexError, ValueError):
        return False
    return [len(shape) for shape in outputs] == ranks and all(size > 0 for shape in outputs for size in shape)
