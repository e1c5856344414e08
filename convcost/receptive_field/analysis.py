"""What each layer of a network sees of its input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property, reduce
from math import prod
from operator import or_
from typing import ClassVar, Self

from msgspec import Struct
from msgspec.structs import replace

from convcost.errors import ErrorDetail, OptionError, WarningDetail, nearest
from convcost.network import Layer, Network
from convcost.receptive_field.flow import SourceAxis, TensorView, patterns, source_axes
from convcost.receptive_field.patterns import FieldPattern, NotFollowed, PositionSet, joined
from convcost.receptive_field.terms import MOST_PLACES, Digit, Term
from convcost.reports.result import Result


class Phase(Struct, frozen=True):
    """The field of one of the outputs after which the fields come again.

    Attributes:
        size: How many positions it reaches over, its first and last included.
        padding: The P of its first position, which for output i is i · stride − P.
        span: The positions themselves, those of the first such output.
    """

    size: int
    padding: Fraction
    span: PositionSet

    @property
    def used(self) -> Fraction:
        """The share of the positions in its reach that it reads at all; 1 of none."""
        return Fraction(self.span.used, self.size) if self.size else Fraction(1)


class AxisField(Struct, frozen=True):
    """What a layer's outputs see along one axis of the input, unclipped, as far from all borders as is needed.

    Attributes:
        size: The reach of the largest field; of one that sees everything the size of the input, and None where it is
            unknown.
        local: The same without what every output sees, such as that of a gate; of outputs that see nothing else that.
        stride: How far one output's field lies from the next one's; None where they do not go on evenly.
        padding: The P of the largest field: output i sees from i · stride − P on; None without a stride, but for a
            single field.
        used: The share of the positions in the reach of the largest local field that it reads at all.
        strict_reason: Why size is not local, such as `everything, by se_1/global_avg_pool_1`; empty where it is.
        phases: The fields of outputs beside each other, up to where they come again.
        smallest_input: The smallest input of which an output sees no padding; None where the fields follow from the
            input's size.
        unknown: Why the field is unknown; empty where it is known.
        inner: How many outputs of this network read nothing beyond a border.
    """

    size: int | None
    local: int | None
    stride: Fraction | None = None
    padding: Fraction | None = None
    used: Fraction | None = None
    strict_reason: str = ""
    phases: tuple[Phase, ...] = ()
    smallest_input: int | None = None
    unknown: str = ""
    inner: int = 0

    @property
    def sparsest(self) -> Phase | None:
        """The phase of whose reach the least is read, of several the one with the largest field."""
        return min(self.phases, key=lambda phase: (phase.used, -phase.size)) if self.phases else None

    @property
    def largest(self) -> Phase | None:
        """The phase with the largest field, of several the one with most holes."""
        return max(self.phases, key=lambda phase: (phase.size, -phase.span.used)) if self.phases else None


class LayerField(Struct, frozen=True):
    """What a layer's outputs see of the network's inputs.

    Attributes:
        layer: The layer.
        axes: What they see along each axis of the inputs; None where they see nothing of it.
        offsets: How far apart the centres of its inputs' fields are along each axis; None where that is no question,
            because fewer than two inputs follow the axis.
        drifts: Whether its inputs' fields go on at different strides, so that their centres move apart.
        product: Whether an output sees all combinations of what it sees along each axis.
    """

    layer: Layer
    axes: tuple[AxisField | None, ...]
    offsets: tuple[Fraction | None, ...] = ()
    drifts: bool = False
    product: bool = True

    @property
    def aligned(self) -> bool | None:
        """Whether the fields of its inputs have the same centres; None for a layer that merges none."""
        if self.drifts:
            return False
        known = [offset for offset in self.offsets if offset is not None]
        return not any(known) if known else None

    @property
    def share(self) -> Fraction | None:
        """The share of all combinations of positions that is used; None where they are no product of the axes."""
        fields = [field for field in self.axes if field is not None]
        used = [field.used for field in fields if field.used is not None]
        return prod(used, start=Fraction(1)) if fields and self.product and len(used) == len(fields) else None


class ReceptiveField(Result, frozen=True, dict=True):
    """What the layers of a network see of its inputs.

    Attributes:
        network: The network.
        axes: The axes of its inputs along which positions lie.
        layers: Its layers, or those that were asked for.
        every: All of its layers.
        holes: For each axis, the first and last of positions that no output reads: those that are sure.
    """

    shown_by: ClassVar[str] = "convcost.receptive_field.report:ReceptiveFieldReport"

    network: Network
    axes: tuple[SourceAxis, ...]
    layers: tuple[LayerField, ...]
    every: tuple[LayerField, ...]
    holes: tuple[tuple[tuple[int, int], ...], ...]

    @classmethod
    def of(cls, network: Network, at: Sequence[str] = ()) -> Self:
        """Work out the receptive fields of a network.

        Args:
            network: The network.
            at: The layers that are asked for; all without.

        Raises:
            OptionError: There is no such layer, or it sees nothing of the inputs.
        """
        names = [layer.name for layer in network.layers]
        for name in at:
            if name not in names:
                help = nearest(name, names) or f"{names[0]}, for one" if names else ""
                raise OptionError(ErrorDetail(f"there is no layer {name!r}", help=help))
        axes = source_axes(network)
        flow = [*patterns(network)]
        known: dict[tuple[int, ...], tuple[AxisField | None, ...]] = {}
        every = tuple([field_of(*step, axes, known) for step in flow])
        given = [view for index in sorted(network.output_layers()) for view in flow[index][2]]
        for row in every:
            if row.layer.name in at and not any(row.axes):
                help = "it reads no input of the network, such as a parameter"
                raise OptionError(ErrorDetail(f"nothing of the input reaches the layer {row.layer.name!r}", help=help))
        shown = tuple([row for row in every if row.layer.name in at]) if at else every
        return cls(network, axes, shown, every, unread(given, axes))

    @cached_property
    def outputs(self) -> tuple[LayerField, ...]:
        """The layers that give the network's outputs."""
        given = self.network.output_layers()
        return tuple([row for index, row in enumerate(self.every) if index in given])

    @property
    def unread(self) -> Mapping[int, Sequence[tuple[int, int]]]:
        """The first and last of positions that no output reads, by the number of the axis; only those that are sure."""
        return {number: holes for number, holes in enumerate(self.holes) if holes}

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant, holes in what the outputs see included."""
        from convcost.receptive_field.gridding import warnings

        return (*self.network.warnings, *warnings(self))

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.receptive_field.texts import headline
        from convcost.reports import titles

        return f"{titles.title(self.network)}: {headline(self)}"


def unread(outputs: Sequence[TensorView], axes: Sequence[SourceAxis]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Return the first and last of the positions along each axis that no output of a network reads, as far as is sure.

    Args:
        outputs: What its outputs see.
        axes: The axes of its inputs.
    """
    found: list[tuple[tuple[int, int], ...]] = []
    for number, axis in enumerate(axes):
        terms = [term for view in outputs for term in view.terms if term.source == number]
        unsure = any(number in view.unknown for view in outputs) or any(term.sight.wraps for term in terms)
        if unsure or not terms or axis.size > MOST_PLACES:
            found.append(())
            continue
        spans = [term.sight.of_all(prod(digit.size for digit in term.digits)) for term in terms]
        every = (1 << axis.size) - 1
        holes = every & ~reduce(or_, [span.clipped(axis.size) for span in spans])
        found.append(_runs(holes) if holes else ())
    return tuple(found)


def _runs(bits: int) -> tuple[tuple[int, int], ...]:
    """Return the first and last place of the bits that are set beside each other."""
    return tuple([(match.start(), match.end() - 1) for match in re.finditer("1+", f"{bits:b}"[::-1])])


def field_of(
    layer: Layer,
    inputs: Sequence[TensorView],
    outputs: Sequence[TensorView],
    axes: Sequence[SourceAxis],
    known: dict[tuple[int, ...], tuple[AxisField | None, ...]],
) -> LayerField:
    """Return what a layer's outputs see.

    Args:
        layer: The layer.
        inputs: What its inputs see.
        outputs: What its outputs see.
        axes: The axes of the network's inputs.
        known: What was found of the same views before; elementwise layers pass them on as they are.
    """
    key = tuple(map(id, outputs))
    if key not in known:
        known[key] = tuple([_followed(layer, outputs, number, axis.size) for number, axis in enumerate(axes)])
    fields = known[key]
    unknown = any(field is not None and field.unknown for field in fields)
    several = len(inputs) > 1 and layer.definition.merges()
    compared = [_offset(inputs, number) for number in range(len(axes))] if several and not unknown else []
    return LayerField(
        layer,
        fields,
        tuple([offset for offset, _ in compared]),
        any(drifts for _, drifts in compared),
        all(view.product for view in outputs),
    )


def _followed(layer: Layer, views: Sequence[TensorView], source: int, size: int) -> AxisField | None:
    """Return the field along an axis; an unknown one where its positions are too many to be joined."""
    try:
        return _axis_field(views, source, size)
    except NotFollowed as why:
        return AxisField(None, None, unknown=f"{layer.name} ({layer.type}): {why}")


def _axis_field(views: Sequence[TensorView], source: int, size: int) -> AxisField | None:
    unknown = next((view.unknown[source] for view in views if source in view.unknown), "")
    if unknown:
        return AxisField(None, None, unknown=unknown)
    terms = [term for view in views for term in view.terms if term.source == source]
    if not terms:
        return None
    following = [term for term in terms if term.digits]
    fixed = _seen_by_all([term for term in terms if not term.digits])
    if not following:
        return AxisField(
            fixed.size,
            fixed.size,
            padding=Fraction(-fixed.low),
            used=Fraction(fixed.used, fixed.size) if fixed.size else Fraction(1),
            phases=(Phase(fixed.size, Fraction(-fixed.low), fixed),),
        )
    found = _local(following)
    if not fixed.size:
        return found
    by = next(term.by for term in terms if not term.digits)
    read = fixed.within(size)
    if read == size:
        return _with_reason(found, size, f"everything, by {by}")
    ends = [span for group in _grouped(following).values() for span in _ends(group)]
    reach = max(max(span.high, fixed.high) - min(span.low, fixed.low) + 1 for span in ends)
    return _with_reason(found, reach, f"{read:,} of {size:,}, by {by}")


def _with_reason(field: AxisField, size: int, reason: str) -> AxisField:
    return replace(field, size=size, strict_reason=reason)


def _seen_by_all(terms: Sequence[Term]) -> PositionSet:
    return joined([term.sight.at(0) for term in terms])


Group = tuple[int, list[FieldPattern]]
"""How many outputs there are, and what they see: several patterns where these go on at different strides."""


def _grouped(terms: Sequence[Term]) -> dict[tuple[Digit, ...], Group]:
    """Return the patterns of outputs by the axes that they follow."""
    groups: dict[tuple[Digit, ...], Group] = {}
    for term in terms:
        _, seen = groups.setdefault(term.digits, (prod(digit.size for digit in term.digits), []))
        for number, pattern in enumerate(seen):
            together = pattern.with_(term.sight)
            if together is not None:
                seen[number] = together
                break
        else:
            seen.append(term.sight)
    return groups


def _ends(group: Group) -> Iterator[PositionSet]:
    """Yield the union over the first and the last outputs, one period of each pattern."""
    count, seen = group
    longest = max(len(pattern.spans) for pattern in seen)
    for index in dict.fromkeys((*range(min(longest, count)), *range(max(0, count - longest), count))):
        yield joined([pattern.at(index) for pattern in seen])


def _local(terms: Sequence[Term]) -> AxisField:
    """Return the field of outputs that follow axes of their own."""
    groups = list(_grouped(terms).values())
    if len(groups) > 1:  # such as the scores of attention, which follow queries and keys
        ends = [[*_ends(group)] for group in groups]
        reach = max(
            max(span.high for span in one) - min(span.low for span in other) + 1
            for one in ends
            for other in ends
            if one is not other
        )
        size = max(reach, max(span.size for each in ends for span in each))
        return AxisField(size, size)
    count, seen = groups[0]
    if len(seen) > 1:
        span = max(_ends(groups[0]), key=lambda span: span.size)
        return AxisField(span.size, span.size, used=Fraction(span.used, span.size) if span.size else Fraction(1))
    (pattern,) = seen
    period = len(pattern.spans)
    stride = Fraction(pattern.step, period)
    phases = tuple([Phase(span.size, r * stride - span.low, span) for r, span in enumerate(pattern.spans[:count])])
    field = AxisField(0, 0, phases=phases)
    largest = field.largest
    assert largest is not None
    known = not pattern.declared
    return AxisField(
        largest.size,
        largest.size,
        stride if stride or count == 1 else None,
        largest.padding if known and stride else None,
        largest.used if known else None,
        phases=phases if known else (),
        smallest_input=_smallest_input(pattern) if known and not pattern.sized else None,
        inner=max(0, min(pattern.inner[1], count) - pattern.inner[0]),
    )


def _smallest_input(pattern: FieldPattern) -> int | None:
    """Return the smallest input of which an output sees nothing beyond its borders."""
    if pattern.step <= 0:
        return None
    turns = [max(0, -(span.low // pattern.step)) for span in pattern.spans]
    return min(
        span.high + pattern.step * turn + 1 for span, turn in zip(pattern.spans, turns, strict=True) if span.size
    )


def _offset(inputs: Sequence[TensorView], source: int) -> tuple[Fraction | None, bool]:
    """Return how far apart the centres of what inputs see are, and whether they move apart."""
    centres: dict[tuple[Digit, ...], list[tuple[Fraction, Fraction]]] = {}
    for view in inputs:
        groups = _grouped([term for term in view.terms if term.source == source and term.digits])
        for digits, (_, seen) in groups.items():
            for pattern in seen:
                if not pattern.declared:
                    centres.setdefault(digits, []).append(
                        (Fraction(pattern.step, len(pattern.spans)), _centre(pattern))
                    )
    compared = [each for each in centres.values() if len(each) > 1]
    if not compared:
        return None, False
    if any(len({stride for stride, _ in each}) > 1 for each in compared):
        return None, True
    return max(max(c for _, c in each) - min(c for _, c in each) for each in compared), False


def _centre(pattern: FieldPattern) -> Fraction:
    """Return the centre of the field of output 0, on average over the phases."""
    stride = Fraction(pattern.step, len(pattern.spans))
    centres = [span.low + Fraction(span.size - 1, 2) - r * stride for r, span in enumerate(pattern.spans) if span.size]
    return sum(centres, Fraction(0)) / len(centres) if centres else Fraction(0)
