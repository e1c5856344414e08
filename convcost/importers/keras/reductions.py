"""Functions that make one number of several, which a model calls without a layer."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.importers.keras.builder import GraphBuilder, like
from convcost.importers.keras.functions import argument, kind_of, operation, value_of
from convcost.importers.keras.merges import arithmetic
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer

_PLAIN = {"Mean": "Mean", "Sum": "Sum", "Max": "Max", "Min": "Min", "Amax": "Max", "Amin": "Min"}


@operation(*_PLAIN)
def reduce(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a sum, a mean, or the largest or smallest value along axes."""
    value = value_of(layer)
    return reduced(builder, layer, value, _PLAIN[kind_of(layer)], _axes(layer, value), keep=_keeps(layer))


@operation("Var", "Std")
def variance(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate the mean of squared distances from the mean, or its root."""
    value = value_of(layer)
    axes = _axes(layer, value)
    mean = reduced(builder, layer, value, "Mean", axes, keep=True)
    distance = arithmetic(builder, layer, "Sub", value, mean)
    square = like(distance, builder.add(layer, "keras.Square", [distance.name]))
    found = reduced(builder, layer, square, "Mean", axes, keep=_keeps(layer))
    return like(found, builder.add(layer, "Sqrt", [found.name])) if kind_of(layer) == "Std" else found


@operation("Norm")
def norm(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate the Euclidean length of vectors."""
    value = value_of(layer)
    if argument(layer, 1, "ord") not in (None, 2, "euclidean"):
        raise UntranslatableLayer("its norm is not the Euclidean one")
    axes = _axes(layer, value, at=2)
    if len(axes) > 1:
        raise UntranslatableLayer("it is the norm of a matrix")
    return reduced(builder, layer, value, "L2", axes, keep=_keeps(layer))


@operation("Logsumexp")
def log_of_sum(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate max(x) + log(Σ exp(x − max(x)))."""
    value = value_of(layer)
    axes, keep = _axes(layer, value), _keeps(layer)
    kept = reduced(builder, layer, value, "Max", axes, keep=True)
    less = arithmetic(builder, layer, "Sub", value, kept)
    powers = like(less, builder.add(layer, "Exp", [less.name]))
    total = reduced(builder, layer, powers, "Sum", axes, keep=True)
    found = arithmetic(builder, layer, "Add", like(total, builder.add(layer, "Log", [total.name])), kept)
    return found if keep else squeezed(builder, layer, found, axes)


def _keeps(layer: KerasLayer) -> bool:
    return bool(layer.kwargs.get("keepdims", False))


def _axes(layer: KerasLayer, value: KerasValue, at: int = 1) -> list[int]:
    """Return the axes of a reduction, counted with the batch and from 0.

    Raises:
        UntranslatableLayer: The batch is one of them.
    """
    axes = argument(layer, at, "axis")
    axes = [axes] if type(axes) is int else axes
    if not isinstance(axes, list) or not axes:
        raise UntranslatableLayer("it reduces the batch")
    rank = len(value.known) + 1
    places = sorted(axis % rank for axis in axes)
    if 0 in places or len(set(places)) < len(places):
        raise UntranslatableLayer("it reduces the batch")
    return places


def reduced(
    builder: GraphBuilder, layer: KerasLayer, value: KerasValue, operator: str, places: Sequence[int], *, keep: bool
) -> KerasValue:
    """Return a value with one number for all along some axes."""
    sizes = _left(value, places, keep)
    last = len(value.known) not in places
    first = value.first and (keep or (last and len(sizes) > 1))
    attributes = {"axes": tuple(sorted(builder.axis(value, axis) for axis in places)), "keepdims": int(keep)}
    return KerasValue(builder.add(layer, f"Reduce{operator}", [value.name], attributes), sizes, first)


def squeezed(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, places: Sequence[int]) -> KerasValue:
    """Return a value without axes of size 1."""
    value = builder.plain(value)
    name = builder.add(layer, "Squeeze", [value.name, builder.number(*places)])
    return KerasValue(name, _left(value, places, keep=False))


def _left(value: KerasValue, places: Sequence[int], keep: bool) -> tuple[int | None, ...]:
    """Return the sizes that a reduction leaves."""
    if keep:
        return tuple([1 if at in places else size for at, size in enumerate(value.known, 1)])
    return tuple([size for at, size in enumerate(value.known, 1) if at not in places])
