"""The order of a network's layers with the smallest peak, and how small a peak can be."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from convcost.memory.ordering.bound import LowerBound
from convcost.memory.ordering.graph import Segment, segments, step_graph
from convcost.memory.ordering.search import Walk, best_order
from convcost.memory.storages import Sharing

MOST_STEPS = 2_000
"""How many steps a segment has that is ordered; a larger one stays in the order of the spec."""


class BestOrder(Struct, frozen=True):
    """The best order that was found.

    Attributes:
        layers: The indices of the layers in this order.
        lower_bound: What the peak of any order is at least.
    """

    layers: tuple[int, ...]
    lower_bound: int


def find_order(shared: Sharing, sizes: Sequence[int], *, keep_inputs: bool = False) -> BestOrder:
    """Return the order with the smallest peak that is found, with a lower bound of all orders' peaks.

    The layers that every path passes cut the network into segments, which are ordered one by one. A segment whose peak
    is no larger than what another cannot do without stays as it is.

    Args:
        shared: Which tensors share memory.
        sizes: The bytes of each piece of memory.
        keep_inputs: Whether the network's inputs live to the end.
    """
    graph = step_graph(shared, sizes, keep_inputs=keep_inputs)
    parts = [*segments(graph)]
    peaks = [Walk(part).peak(range(len(part.steps))) for part in parts]
    low = max([graph.inputs, *map(_simple, parts)])
    orders: list[Sequence[int]] = [part.steps for part in parts]
    for number in sorted(range(len(parts)), key=peaks.__getitem__, reverse=True):
        if peaks[number] > low and len(parts[number].steps) <= MOST_STEPS:
            orders[number], low = _ordered(parts[number], peaks[number], low)
    return BestOrder(graph.layers([step for order in orders for step in order]), low)


def _simple(segment: Segment) -> int:
    """Return a lower bound that costs little."""
    if len(segment.steps) > MOST_STEPS:
        return max(segment.taken)
    may_be_first = [taken for taken, before in zip(segment.taken, segment.before, strict=True) if not before]
    return max(LowerBound(segment).simple(), segment.start + segment.unread + min(may_be_first))


def _ordered(segment: Segment, peak: int, low: int) -> tuple[Sequence[int], int]:
    """Return the best order of a segment, and the larger of a lower bound and its own."""
    bound = LowerBound(segment)
    low = bound.by_cuts(low, peak)
    if low >= peak:
        return segment.steps, low
    found = best_order(segment, low)
    if found.peak > low:
        low = bound.by_pairs(low, found.peak)
    return [segment.steps[place] for place in found.order], low
