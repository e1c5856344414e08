"""Layers that join several values."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.importers.keras.builder import GraphBuilder, like
from convcost.importers.keras.registry import layer
from convcost.importers.keras.values import KerasLayer, KerasValue, Sizes, UntranslatableLayer, known

_MERGES = {"Add": "Sum", "Multiply": "Mul", "Subtract": "Sub", "Maximum": "Max", "Minimum": "Min", "Average": "Sum"}


@layer(*_MERGES)
def merge(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate arithmetic on values of one rank; axes of size 1 are stretched."""
    if len(layer.inputs) < 2:
        raise UntranslatableLayer("it reads fewer than two values")
    values = _of_one_rank(builder, layer, layer.inputs)
    operator = _MERGES[layer.kind]
    if operator in ("Sub", "Mul", "Max", "Min") or len(values) == 2:
        found = values[0]
        for other in values[1:]:
            found = arithmetic(builder, layer, {"Sum": "Add"}.get(operator, operator), found, other)
    else:
        ordered = in_one_order(builder, values)
        sizes = ordered[0].known
        for other in ordered[1:]:
            sizes = stretched(sizes, other.known)
        found = KerasValue(builder.add(layer, operator, [each.name for each in ordered]), sizes, ordered[0].first)
    if layer.kind == "Average":
        number = builder.number(float(len(values)), shape=())
        return KerasValue(builder.add(layer, "Div", [found.name, number]), found.sizes, found.first)
    return found


@layer("CustomScaleLayer")
def scaled_sum(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate the sum of a value and of another times a number, which Inception-ResNet has."""
    a, b = layer.inputs
    number = builder.number(float(layer.config["scale"]), shape=())
    scaled = like(b, builder.add(layer, "Mul", [b.name, number]))
    return arithmetic(builder, layer, "Add", a, scaled)


def _of_one_rank(builder: GraphBuilder, layer: KerasLayer, values: Sequence[KerasValue]) -> list[KerasValue]:
    """Return values with as many axes: those that have fewer get axes of size 1 behind the batch."""
    rank = max(len(value.known) for value in values)
    found = []
    for value in values:
        more = rank - len(value.known)
        if more:
            value = builder.plain(value)
            name = builder.add(layer, "Unsqueeze", [value.name, builder.number(*range(1, more + 1))])
            value = KerasValue(name, ((1,) * more) + value.known)
        found.append(value)
    return found


def in_one_order(builder: GraphBuilder, values: Sequence[KerasValue]) -> list[KerasValue]:
    """Return values of one rank in one order: the channels first where one of them has them so."""
    if any(value.first for value in values):
        return [builder.first(value) for value in values]
    if len({value.flattened for value in values}) > 1:
        return [builder.plain(value) for value in values]
    return list(values)


def arithmetic(builder: GraphBuilder, layer: KerasLayer, operator: str, a: KerasValue, b: KerasValue) -> KerasValue:
    """Return arithmetic on two values, which are stretched as NumPy does."""
    if len(a.known) == len(b.known):
        a, b = in_one_order(builder, [a, b])
    else:
        a, b = builder.plain(a), builder.plain(b)
    name = builder.add(layer, operator, [a.name, b.name])
    return KerasValue(name, stretched(a.known, b.known), a.first, a.flattened if a.flattened == b.flattened else ())


def stretched(a: Sizes, b: Sizes) -> Sizes:
    """Return the sizes of arithmetic on two values.

    Raises:
        UntranslatableLayer: They do not fit.
    """
    rank = max(len(a), len(b))
    found: list[int | None] = []
    for x, y in zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True):
        if x != y and 1 not in (x, y) and None not in (x, y):
            raise UntranslatableLayer(f"the sizes {x} and {y} do not fit")
        found.append(y if x in (1, None) and not (x is None and y == 1) else x)
    return tuple(found)


@layer("Concatenate")
def concatenate(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a concatenation along one axis."""
    axis = layer.config.get("axis", -1)
    if type(axis) is not int:
        raise UntranslatableLayer(f"its axis is {axis!r}")
    return concatenated(builder, layer, layer.inputs, axis + layer.lead if axis > 0 else axis)


def concatenated(builder: GraphBuilder, layer: KerasLayer, values: Sequence[KerasValue], axis: int) -> KerasValue:
    """Return values that are joined along an axis, which counts the batch."""
    if not values or len({len(value.known) for value in values}) > 1:
        raise UntranslatableLayer("what it reads has different numbers of axes")
    values = in_one_order(builder, values)
    place = builder.axis(values[0], axis)
    at = axis % (len(values[0].known) + 1) - 1
    sizes = list(values[0].known)
    parts = [value.known[at] for value in values]
    sizes[at] = None if None in parts else sum(map(known, parts))
    if at < 0:
        raise UntranslatableLayer("it joins along the batch")
    name = builder.add(layer, "Concat", [value.name for value in values], {"axis": place})
    return KerasValue(name, tuple(sizes), values[0].first)


@layer("Dot")
def dot(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a product of two matrices, or the inner product of two vectors, along one axis of each."""
    values = [builder.plain(value) for value in layer.inputs]
    axes = layer.config.get("axes")
    axes = [axes, axes] if type(axes) is int else axes
    if len(values) != 2 or not isinstance(axes, list) or len(axes) != 2:
        raise UntranslatableLayer("its axes are not one of each of two values")
    ranks = [len(value.known) for value in values]
    if max(ranks) > 2 or layer.lead:
        raise UntranslatableLayer("it multiplies values of more than two axes")
    places = [axis % (rank + 1) for axis, rank in zip(axes, ranks, strict=True)]
    if 0 in places:
        raise UntranslatableLayer("it multiplies along the batch")
    if layer.config.get("normalize"):
        values = [
            like(value, builder.add(layer, "keras.UnitNormalization", [value.name], {"axes": (place,)}))
            for value, place in zip(values, places, strict=True)
        ]
    left, right = (
        _matrix(builder, layer, value, place, first=not number)
        for number, (value, place) in enumerate(zip(values, places, strict=True))
    )
    kept = [value.known[2 - place] for value, place in zip(values, places, strict=True) if len(value.known) == 2]
    name = builder.add(layer, "MatMul", [left, right])
    if len(kept) < 2:
        sizes = tuple(kept) if kept else (1,)
        name = builder.add(layer, "Reshape", [name, builder.number(0, *(known(size) for size in sizes))])
        return KerasValue(name, sizes)
    return KerasValue(name, tuple(kept))


def _matrix(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, place: int, *, first: bool) -> str:
    """Return a factor of a matrix product: the axis that is summed over is the last of the first, or its own first."""
    if len(value.known) == 1:
        return builder.add(layer, "Unsqueeze", [value.name, builder.number(1 if first else 2)])
    if place == (2 if first else 1):
        return value.name
    return builder.add(layer, "Transpose", [value.name], {"perm": (0, 2, 1)})
