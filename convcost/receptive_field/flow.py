"""What the tensors of a network see of its inputs, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.layers.layout import FEATURE_MAP, TOKENS, axis_names
from convcost.layers.reading import Reading
from convcost.network import INPUT, Layer, Network
from convcost.receptive_field.masks import LayerPass
from convcost.receptive_field.passing import passed
from convcost.receptive_field.patterns import FieldBounds, FieldPattern, FieldTable, NotFollowed, PositionSet
from convcost.receptive_field.terms import Digit, Term, gathered

Key = tuple[int, int]
"""A tensor: the index of the layer that gives it, and which of its outputs it is."""


class SourceAxis(Struct, frozen=True):
    """An axis of an input of the network along which positions lie.

    Attributes:
        input: The number of the input, from 0.
        axis: The number of the axis.
        name: What it is called, such as `height`; empty where it has no name.
        size: How many positions it has.
    """

    input: int
    axis: int
    name: str
    size: Any


class TensorView(Struct, frozen=True):
    """What the values of a tensor see.

    Attributes:
        terms: What they see of each axis, by those of the tensor's axes that the positions follow.
        unknown: The axes of the inputs of which nobody knows what they see, each with the reason.
        slices: The sizes of the axes that run slice by slice, the outermost first.
        product: Whether a value sees all combinations of what it sees along each axis.
        by_value: Whether numbers decide which of these positions are read.
    """

    terms: tuple[Term, ...] = ()
    unknown: Mapping[int, str] = {}
    slices: tuple[Any, ...] = ()
    product: bool = True
    by_value: bool = False


def source_axes(network: Network) -> tuple[SourceAxis, ...]:
    """Return the axes of a network's inputs along which positions lie: all of a layout without channels."""
    found = []
    for number, tensor in enumerate(network.inputs):
        shape, layout = tensor.shape, tensor.layout
        rank = len(shape)
        names = axis_names(rank, layout) or ("",) * rank
        channels = 0 if layout == FEATURE_MAP else rank - 1 if layout == TOKENS and rank > 1 else None
        for axis in range(rank):
            if axis != channels:
                name = "features" if rank == 1 else names[axis]
                found.append(SourceAxis(number, axis, name, shape[axis]))
    return tuple(found)


def _pattern(size: Any) -> FieldPattern:
    return FieldPattern(1, (PositionSet(0, 1),), (0, size))


def _table(size: int) -> FieldTable:
    return FieldTable(tuple([1 << position for position in range(size)]))


def _bounds(size: Any) -> FieldBounds:
    return FieldBounds(1, 0, 0)


def patterns(network: Network) -> Iterator[tuple[Layer, tuple[TensorView, ...], tuple[TensorView, ...]]]:
    """Yield each layer with what its inputs and its outputs see, unclipped, as far from all borders as is needed."""
    return _flow(network, _pattern)


def tables(network: Network) -> Iterator[tuple[Layer, tuple[TensorView, ...], tuple[TensorView, ...]]]:
    """Yield each layer with what its inputs and its outputs see, borders included."""
    return _flow(network, _table)


def bounds(network: Network) -> Iterator[tuple[Layer, tuple[TensorView, ...], tuple[TensorView, ...]]]:
    """Yield each layer with the first and the last position that its inputs and its outputs see, as formulas."""
    return _flow(network, _bounds)


def _flow(
    network: Network, start: Callable[[Any], Any]
) -> Iterator[tuple[Layer, tuple[TensorView, ...], tuple[TensorView, ...]]]:
    views: dict[Key, TensorView] = {}
    sights = {source.size: start(source.size) for source in source_axes(network)}
    for number in range(len(network.inputs)):
        terms = [
            Term(index, (Digit(source.axis, 1, source.size),), sights[source.size])
            for index, source in enumerate(source_axes(network))
            if source.input == number
        ]
        views[INPUT, number] = TensorView(tuple(terms))
    for index, layer in enumerate(network.layers):
        inputs = tuple([views[tensor.producer, tensor.output] for tensor in layer.inputs])
        outputs = tuple([_seen(layer, inputs, number) for number in range(len(layer.outputs))])
        views |= {(index, number): view for number, view in enumerate(outputs)}
        yield layer, inputs, outputs


def _seen(layer: Layer, inputs: Sequence[TensorView], number: int) -> TensorView:
    """Return the pattern of an output of a layer."""
    shapes = layer.input_shapes
    outputs = tuple([tensor.shape for tensor in layer.outputs])
    readings = layer.definition.readings(shapes, outputs, number)
    if readings is None:
        return _unknown(inputs, f"{layer.name} ({layer.type})")
    if len(inputs) == 1 and len(readings) == 1 and len(readings[0]) == 1 and not isinstance(readings[0][0], Reading):
        return inputs[0]
    terms: list[Term] = []
    unknown: dict[int, str] = {}
    slices, by_value = _sliced(inputs), any(view.by_value for view in inputs)
    product = True
    for view, shape, ways in zip(inputs, shapes, readings, strict=True):
        unknown |= view.unknown
        for way in ways:
            if not isinstance(way, Reading):
                terms += view.terms
                continue
            by_value = by_value or way.by_value
            if way.taken is not None:
                slices = (*slices, shape[way.taken])
            if way.put is not None:
                slices = slices[:-1]
            product = product and not _crossed(view.terms, way)
            step = LayerPass(layer.name, way, shape, outputs[number], len(view.slices))
            for term in view.terms:
                try:
                    found = passed(term, step)
                except NotFollowed as why:
                    unknown[term.source] = f"{layer.name} ({layer.type}): {why}"
                    continue
                if found is not None:
                    terms.append(_declared(found) if way.declared else found)
    kept = [term for term in terms if term.source not in unknown]
    kept.sort(key=lambda term: term.by == layer.name)  # so that the layer is named from which all see the same first
    together = gathered(kept, outputs[number])
    product = product and _are_product(inputs, kept, together)
    return TensorView(together, unknown, slices, product, by_value)


def _sliced(inputs: Sequence[TensorView]) -> tuple[Any, ...]:
    """Return the sizes of the axes that run slice by slice, of the input that has most of them."""
    return max((view.slices for view in inputs), key=len, default=())


def _unknown(inputs: Sequence[TensorView], reason: str) -> TensorView:
    seen = {term.source: reason for view in inputs for term in view.terms}
    for view in inputs:
        seen |= view.unknown
    return TensorView((), seen, _sliced(inputs), by_value=True)


def _declared(term: Term) -> Term:
    sight = term.sight
    return replace(term, sight=replace(sight, declared=True)) if isinstance(sight, FieldPattern) else term


def _crossed(terms: Sequence[Term], reading: Reading) -> bool:
    """Return whether a layer reads positions of several axes of the input together that lie along one axis.

    It does where its window lies along an axis on which positions of several lie, and where the same places of an axis
    follow several.
    """
    followed: dict[int, list[tuple[int, Any, Any]]] = {}
    for term in terms:
        for digit in term.digits:
            followed.setdefault(digit.axis, []).append((term.source, digit.inner, digit.inner * digit.size))
    shared = {axis: found for axis, found in followed.items() if len({source for source, _, _ in found}) > 1}
    if not shared:
        return False
    windows = {reading.origins[name][0] for name, window in reading.windows.items() if window.shift is None}
    return any(
        (axis in windows and len(reading.before[axis]) == 1)
        or any(a[0] != b[0] and a[1] < b[2] and b[1] < a[2] for a, b in combinations(found, 2))
        for axis, found in shared.items()
    )


def _are_product(inputs: Sequence[TensorView], terms: Sequence[Term], together: Sequence[Term]) -> bool:
    """Return whether a value sees all combinations of what it sees along each axis of the input.

    What several inputs see together is one where one of them sees all of it, or they differ along one axis only.
    """
    if not all(view.product for view in inputs):
        return False
    if len(inputs) < 2:
        return True
    followed: dict[int, set[Any]] = {}
    for term in together:
        if term.digits:
            followed.setdefault(term.source, set()).add(term.digits)
    if sum(len(each) > 1 for each in followed.values()) > 1:  # such as scores, which follow queries and keys
        return False
    sights: dict[int, list[Any]] = {}
    for term in terms:
        if term.digits and isinstance(term.sight, FieldPattern):
            sights.setdefault(term.source, []).append(term.sight)
    different = [each for each in sights.values() if any(sight != each[0] for sight in each)]
    if len(different) < 2:
        return True
    numbers = range(len(different[0]))
    if any(len(each) != len(different[0]) for each in different):
        return False
    return any(all(_covers(each[number], each) for each in different) for number in numbers)


def _covers(sight: FieldPattern, others: Sequence[FieldPattern]) -> bool:
    return all(sight.with_(other) == sight for other in others)
