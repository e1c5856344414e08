"""Receptive fields against perturbation: what each output is said to see, and which positions change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, ClassVar

from msgspec import Struct

from convcost.errors import ErrorDetail, OptionError, WarningDetail
from convcost.executor import Shape
from convcost.layers.reading import Reading
from convcost.network import Layer, Network
from convcost.receptive_field.flow import SourceAxis, TensorView, patterns, source_axes, tables
from convcost.receptive_field.patterns import FieldPattern, FieldTable
from convcost.receptive_field.terms import Digit, Term
from convcost.reports.result import Result
from convcost.verification.layerwise import shrinks_whole
from convcost.verification.perturbation import Marks, Perturbation
from convcost.verification.shrink import shrink

MAX_PRODUCTS = 1_000_000_000
"""How many products may be needed to execute all layers once for each position, unless more are allowed."""
_HELP = "give symbols smaller values, such as --set r=32, or --max-products {} allows more"


class FieldDifference(Struct, frozen=True):
    """An output whose field is not what changes it.

    Attributes:
        output: Which of the layer's outputs.
        place: The place of the value there.
        axis: The axis of the input.
        perturbed: The positions whose change changes it.
        predicted: The positions that it is said to see.
    """

    output: int
    place: tuple[int, ...]
    axis: SourceAxis
    perturbed: tuple[int, ...]
    predicted: tuple[int, ...]


class LayerFieldProof(Struct, frozen=True):
    """The fields of one layer, compared with what changes its outputs.

    Attributes:
        layer: The layer, as it was executed.
        compared: How many fields were compared, one for each value and each axis of the input.
        interior: How many of them read nothing beyond a border, so that size, stride and padding were compared too.
        difference: The first that differs; None where all agree.
        reason: Why none was compared; empty where some were.
    """

    layer: Layer
    compared: int
    interior: int
    difference: FieldDifference | None
    reason: str = ""


class FieldVerification(Result, frozen=True):
    """The receptive fields of a network, compared with what changes its outputs.

    Attributes:
        network: The network.
        executed: The network that was executed: itself, or its tiny form.
        seed: What values and weights were drawn from.
        positions: How many positions of the inputs were perturbed, one after the other.
        products: How many products were performed.
        layers: Each layer.
    """

    shown_by: ClassVar[str] = "convcost.verification.receptive_fields_report:FieldVerificationReport"

    network: Network
    executed: Network
    seed: int
    positions: int
    products: int
    layers: tuple[LayerFieldProof, ...]

    @property
    def ok(self) -> bool:
        """Whether all fields that could be compared agree."""
        return all(layer.difference is None for layer in self.layers)

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant."""
        return self.network.warnings

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles

        compared = sum(layer.compared for layer in self.layers)
        return (
            f"{titles.title(self.network)}: {compared:,} receptive fields {'agree' if self.ok else 'do not all agree'}"
        )


def verify(
    network: Network,
    *,
    seed: int = 0,
    max_products: int | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> FieldVerification:
    """Perturb each position of a network's inputs, and compare which outputs change with their receptive fields.

    Args:
        network: The network; it is executed as a tiny one where it can shrink.
        seed: What values and weights are drawn from.
        max_products: How many products may be needed.
        watch: Progress callback: it gets how many positions were perturbed since, and how many there are.

    Raises:
        OptionError: It would take more products than are allowed.
    """
    executed = shrink(network)[0] if shrinks_whole(network) else network
    axes = source_axes(executed)
    positions = sum(axis.size for axis in axes)
    _check(executed, positions, MAX_PRODUCTS if max_products is None else max_products)
    flow = [*tables(executed)]
    skipped = {index: reason for index, row in enumerate(flow) if (reason := _reason(*row))}
    perturbation = Perturbation(executed, seed, tuple(skipped))
    reached = {}
    for number, axis in enumerate(axes):
        for position in range(axis.size):
            reached[number, position] = perturbation.reached(axis.input, axis.axis, position)
            if watch:
                watch(1, positions)
    unclipped = [outputs for _, _, outputs in patterns(executed)]
    layers = []
    for index, (layer, _, outputs) in enumerate(flow):
        reason = skipped.get(index) or _behind(index, layer, reached)
        if reason:
            layers.append(LayerFieldProof(layer, 0, 0, None, reason))
            continue
        layers.append(_compared(layer, index, outputs, unclipped[index], axes, reached))
    return FieldVerification(network, executed, seed, positions, perturbation.products, tuple(layers))


def _check(network: Network, positions: int, most: int) -> None:
    """Refuse a network that would take too long.

    Raises:
        OptionError: It would.
    """
    work = sum(max(layer.cost().ops.to_dict().values(), default=0) for layer in network.layers)
    needed = max(work * positions, sum(layer.values for layer in network.layers) * positions)
    if needed > most:
        found = f"about {needed:,} products for {positions:,} positions, at most {most:,}"
        message = "the network is too large to perturb each position of its input"
        raise OptionError(ErrorDetail(message, found=found, help=_HELP.format(needed)))


def _reason(layer: Layer, inputs: Sequence[TensorView], outputs: Sequence[TensorView]) -> str:
    """Return why a layer cannot be perturbed; nothing where it can."""
    if layer.definition.declared:
        return "declared: nothing verifies it"
    readings = layer.definition.readings(layer.input_shapes, tuple([each.shape for each in layer.outputs]), 0)
    if readings is None or any(view.unknown for view in outputs):
        return "its field is unknown"
    if any(isinstance(way, Reading) and way.by_value for ways in readings for way in ways):
        return "numbers decide which positions it reads"
    return ""


def _behind(index: int, layer: Layer, reached: Mapping[Any, Mapping[tuple[int, int], Marks]]) -> str:
    """Return that a layer reads one that cannot be perturbed; nothing where it does not."""
    known = next(iter(reached.values()), {})
    return "" if (index, 0) in known or not reached else "it reads a layer that was not compared"


def _compared(
    layer: Layer,
    index: int,
    views: Sequence[TensorView],
    unclipped: Sequence[TensorView],
    axes: Sequence[SourceAxis],
    reached: Mapping[tuple[int, int], Mapping[tuple[int, int], Marks]],
) -> LayerFieldProof:
    """Return the comparison of all values of a layer."""
    compared = interior = 0
    for number, (view, whole) in enumerate(zip(views, unclipped, strict=True)):
        shape = layer.outputs[number].shape
        levels = view.slices
        for source, axis in enumerate(axes):
            marks = [reached[source, position][index, number] for position in range(axis.size)]
            terms = [term for term in view.terms if term.source == source]
            inner = [term for term in whole.terms if term.source == source]
            for at in range(prod(levels)):
                for place, value in enumerate(_places(shape)):
                    found = sum(
                        1 << position
                        for position, each in enumerate(marks)
                        if each[at * len(each) // prod(levels)] >> place & 1
                    )
                    said = _predicted(terms, value, at, levels)
                    compared += 1
                    exact = _interior(inner, value, at, levels) if said and _alike(terms, inner, value) else None
                    interior += exact is not None
                    if found != said or (exact is not None and exact != found):
                        wrong = said if found != said or exact is None else exact
                        difference = FieldDifference(number, value, axis, _listed(found), _listed(wrong))
                        return LayerFieldProof(layer, compared, interior, difference)
    return LayerFieldProof(layer, compared, interior, None)


def _listed(bits: int) -> tuple[int, ...]:
    return tuple([position for position in range(bits.bit_length()) if bits >> position & 1]) if bits >= 0 else (-1,)


def _places(shape: Shape) -> Iterator[tuple[int, ...]]:
    """Yield each place of a shape, in row-major order."""
    return product(*map(range, shape))


def _index(digits: Sequence[Digit], place: tuple[int, ...], at: int, levels: Sequence[int]) -> int:
    """Return the index that digits make up at a place of a slice."""
    index = 0
    for digit in digits:
        if digit.axis < 0:
            level = -1 - digit.axis
            where = at // prod(levels[level + 1 :]) % levels[level]
        else:
            where = place[digit.axis]
        index = index * digit.size + (where - digit.start) // digit.inner % digit.size
    return index


def _holding(terms: Sequence[Term], place: tuple[int, ...]) -> Iterator[Term]:
    """Yield the terms that hold at a place."""
    for term in terms:
        if all(mask >> place[axis] & 1 for axis, mask in term.masks):
            yield term


def _alike(clipped: Sequence[Term], unclipped: Sequence[Term], place: tuple[int, ...]) -> bool:
    """Return whether the same terms hold at a place, none of which a border alone leaves out."""
    return {term.digits for term in _holding(clipped, place)} == {term.digits for term in _holding(unclipped, place)}


def _predicted(terms: Sequence[Term], place: tuple[int, ...], at: int, levels: Sequence[int]) -> int:
    """Return the positions that a value is said to see, borders included."""
    found = 0
    for term in _holding(terms, place):
        sight: FieldTable = term.sight
        found |= sight.sets[_index(term.digits, place, at, levels)]
    return found


def _interior(terms: Sequence[Term], place: tuple[int, ...], at: int, levels: Sequence[int]) -> int | None:
    """Return the unclipped positions that a value is said to see; None where one lies beyond a border."""
    found = 0
    for term in _holding(terms, place):
        sight: FieldPattern = term.sight
        index = _index(term.digits, place, at, levels)
        if not sight.inner[0] <= index < sight.inner[1] or sight.declared:
            return None
        span = sight.at(index)
        if span.low < 0:
            return -1
        found |= span.mask() << span.low
    return found
