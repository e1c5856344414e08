"""Slices of a value as Python writes them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from convcost.importers.keras.builder import GraphBuilder
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer

_END = 2**31


class _Cut(Struct):
    """What is done to the axes of a value.

    Attributes:
        slices: For each axis of the value that is cut: start, end and step.
        gone: The axes of which one place is taken.
        new: The places, behind this, of new axes of size 1.
    """

    slices: dict[int, tuple[int, int, int]]
    gone: list[int]
    new: list[int]


def sliced(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, key: Any) -> KerasValue:
    """Return the slice of a value.

    Args:
        builder: The graph.
        layer: The call.
        value: The value.
        key: A slice, a number, an ellipsis, nothing for a new axis, or a list of these.
    """
    cut = _cut(key if isinstance(key, list) else [key], len(value.known) + 1)
    if cut.gone or cut.new:
        value = builder.plain(value)
    found = value
    sizes = list(value.known)
    if cut.slices:
        axes = sorted(cut.slices)
        starts, ends, steps = zip(*(cut.slices[axis] for axis in axes), strict=True)
        places = [builder.axis(value, axis) for axis in axes]
        inputs = [value.name, *(builder.number(*each) for each in (starts, ends, places, steps))]
        for axis, (start, end, step) in cut.slices.items():
            size = sizes[axis - 1]
            sizes[axis - 1] = None if size is None else len(range(*slice(start, end, step).indices(size)))
        found = KerasValue(builder.add(layer, "Slice", inputs), tuple(sizes), value.first)
    if cut.gone:
        name = builder.add(layer, "Squeeze", [found.name, builder.number(*cut.gone)])
        found = KerasValue(name, tuple([size for axis, size in enumerate(sizes, 1) if axis not in cut.gone]))
    if cut.new:
        name = builder.add(layer, "Unsqueeze", [found.name, builder.number(*cut.new)])
        sizes = list(found.known)
        for place in cut.new:
            sizes.insert(place - 1, 1)
        found = KerasValue(name, tuple(sizes))
    return found


def _cut(keys: list[Any], rank: int) -> _Cut:
    keys = [_plain(key) for key in keys]
    if keys.count(...) > 1:
        raise UntranslatableLayer("it has two ellipses")
    named = sum(key is not None and key is not ... for key in keys)
    if named > rank:
        raise UntranslatableLayer("it cuts more axes than there are")
    found, axis, place = _Cut({}, [], []), 0, 0
    for key in keys:
        if key is ...:
            axis, place = axis + rank - named, place + rank - named
        elif key is None:
            found.new.append(place)
            place += 1
        elif type(key) is int:
            found.slices[axis] = (key, key + 1 if key != -1 else _END, 1)
            found.gone.append(axis)
            axis += 1
        else:
            start, end, step = key
            if (start or 0, end if end is not None else _END, step or 1) != (0, _END, 1):
                found.slices[axis] = (start or 0, _END if end is None else end, step or 1)
            axis, place = axis + 1, place + 1
    if 0 in found.slices or 0 in found.new:
        raise UntranslatableLayer("it cuts the batch")
    return found


def _plain(key: Any) -> Any:
    """Return a part of a key: a number, nothing, an ellipsis, or start, end and step."""
    if isinstance(key, slice):
        key = (key.start, key.stop, key.step)
    elif isinstance(key, dict):
        key = (key.get("start"), key.get("stop"), key.get("step"))
    elif key is None or key is ... or type(key) is int:
        return key
    else:
        raise UntranslatableLayer("it cuts by values")
    if not all(each is None or type(each) is int for each in key):
        raise UntranslatableLayer("it cuts by values")
    return key
