"""Rolls: two slices of an axis, put together the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcost.importers.items import MappedItem
from convcost.importers.views import Items, key_of
from convcost.layers.base import REGISTRY
from convcost.network.graph import Tensor


def with_rolls(items: Sequence[MappedItem], outputs: Sequence[Tensor]) -> list[MappedItem]:
    """Return items in which slices that are put together the other way round are a roll.

    Rolls of several axes of a value, one after the other, are one.

    Args:
        items: The items.
        outputs: What the model gives.
    """
    graph = Items(items, outputs)
    gone: set[int] = set()
    rolls: dict[int, MappedItem] = {}
    for item in items:
        found = _roll(item, graph)
        if found is None:
            continue
        parts, shift, axis = found
        (source,) = parts[0].inputs
        before = graph.giver(source)
        first = rolls.get(id(before)) if before is not None else None
        shifts, axes = [shift], [axis]
        if first is not None and before is not None and graph.only_reader_of(source, parts):
            shifts, axes, source = [*first.fields["shift"], shift], [*first.fields["axis"], axis], first.inputs[0]
            gone.add(id(before))
        gone.update(id(part) for part in parts)
        rolls[id(item)] = MappedItem("roll", {"shift": shifts, "axis": axes}, (source,), item.outputs, "")
    return [rolls.get(id(item), item) for item in items if id(item) not in gone]


def _roll(item: MappedItem, graph: Items) -> tuple[list[MappedItem], int, int] | None:
    """Return the slices of a roll, how far it goes and along which axis; None where an item is none."""
    if item.type != "concat" or len(item.inputs) != 2:
        return None
    parts = [graph.giver(tensor) for tensor in item.inputs]
    tail, head = parts
    if tail is None or head is None or tail.type != "slice" or head.type != "slice":
        return None
    if key_of(tail.inputs[0]) != key_of(head.inputs[0]):
        return None
    if any(graph.only_reader(tensor) is not item for tensor in item.inputs):
        return None
    joined: Any = REGISTRY["concat"].read(item.fields, item.inputs)
    last, first = (_read(each) for each in (tail, head))
    size = tail.inputs[0].shape[joined.axis]
    fits = last.axis == first.axis == joined.axis and last.step == first.step == 1
    if not fits or (first.start, first.end, last.end) != (0, last.start, size):
        return None
    return [tail, head], -first.end if 2 * first.end <= size else size - first.end, joined.axis


def _read(item: MappedItem) -> Any:
    return REGISTRY[item.type].read(item.fields, item.inputs)
