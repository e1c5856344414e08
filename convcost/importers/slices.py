"""Slices that are put together: rolls, and every second position of a picture as its channels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcost.importers.items import MappedItem
from convcost.importers.views import ItemGraph, View, flat, key_of, row_major
from convcost.layers.layout import FEATURE_MAP, TOKENS
from convcost.network.graph import Tensor


def with_rolls(items: Sequence[MappedItem], outputs: Sequence[Tensor]) -> list[MappedItem]:
    """Return items in which slices that are put together the other way round are a roll.

    Rolls of several axes of a value, one after the other, are one.

    Args:
        items: The items.
        outputs: What the model gives.
    """
    if not _joins_slices(items):
        return list(items)
    graph = ItemGraph(items, outputs)
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
        rolls[id(item)] = MappedItem(
            "roll", {"shift": shifts, "axis": axes}, (source,), item.outputs, widths=item.widths
        )
    return [rolls.get(id(item), item) for item in items if id(item) not in gone]


def _joins_slices(items: Sequence[MappedItem]) -> bool:
    """Return whether slices are put together, and nothing else with them."""
    slices = {key_of(item.outputs[0]) for item in items if item.type == "slice"}
    joined = [item for item in items if item.type == "concat"] if slices else []
    return any(slices.issuperset(map(key_of, item.inputs)) for item in joined)


def _roll(item: MappedItem, graph: ItemGraph) -> tuple[list[MappedItem], int, int] | None:
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
    joined: Any = item.definition
    last: Any = tail.definition
    first: Any = head.definition
    size = tail.inputs[0].shape[joined.axis]
    fits = last.axis == first.axis == joined.axis and last.step == first.step == 1
    if not fits or (first.start, first.end, last.end) != (0, last.start, size):
        return None
    return [tail, head], -first.end if 2 * first.end <= size else size - first.end, joined.axis


_SLICES = frozenset(("slice",))
_PATTERNS = {TOKENS: "(h a) (w b) c -> h w ({} c)", FEATURE_MAP: "c (h a) (w b) -> ({} c) h w"}
_WORDS = {TOKENS: "tokens", FEATURE_MAP: "feature_map"}


def with_depth(items: Sequence[MappedItem], outputs: Sequence[Tensor]) -> list[MappedItem]:
    """Return items in which slices of every second position, put together as channels, are one.

    Source: Liu et al. 2021, arXiv:2103.14030, section 3.1 (patch merging); YOLOv5's Focus.

    Args:
        items: The items.
        outputs: What the model gives.
    """
    if not _joins_slices(items):
        return list(items)
    graph = ItemGraph(items, outputs)
    gone: set[int] = set()
    instead: dict[int, MappedItem] = {}
    for item in items:
        if item.type != "concat" or len(item.inputs) < 4:
            continue
        views = [graph.view(tensor, _SLICES) for tensor in item.inputs]
        found = _depth(item, views)
        parts = {id(part): part for view in views for part in view.items}
        owned = all(graph.only_reader_of(part.outputs[0], [*parts.values(), item]) for part in parts.values())
        if found is not None and owned:
            gone.update(parts)
            instead[id(item)] = found
    return [instead.get(id(item), item) for item in items if id(item) not in gone]


def _depth(item: MappedItem, views: Sequence[View]) -> MappedItem | None:
    """Return the item that moves positions into channels; None where slices do not cover all of them in turn."""
    base = views[0].base
    if len(base.shape) != 3 or base.layout not in _PATTERNS or any(view.base is not base for view in views):
        return None
    rows, columns, channels = (0, 1, 2) if base.layout == TOKENS else (1, 2, 0)
    joined: Any = item.definition
    strides = [axis[0][1] for axis in row_major(base.shape)]
    steps = [flat([views[0].axes[axis]])[-1][1] // strides[axis] for axis in (rows, columns)]
    if joined.axis != channels or prod(steps) != len(views) or min(steps) < 2:
        return None
    if any(view.axes != views[0].axes for view in views) or any(
        base.shape[axis] != item.inputs[0].shape[axis] * step for axis, step in zip((rows, columns), steps, strict=True)
    ):
        return None
    places = [divmod(view.offset, strides[rows]) for view in views]
    spots = [(row, rest // strides[columns]) for row, rest in places]
    outer = [(a, b) for a in range(steps[0]) for b in range(steps[1])]
    inner = [(a, b) for b in range(steps[1]) for a in range(steps[0])]
    if spots not in (outer, inner):
        return None
    text = _PATTERNS[base.layout].format("a b" if spots == outer else "b a")
    fields = {"pattern": text, "a": steps[0], "b": steps[1], "layout": _WORDS[base.layout]}
    return MappedItem("rearrange", fields, (base,), item.outputs, widths=item.widths)
