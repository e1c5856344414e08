"""Slices, splits, gathers and stretched axes: what chooses or repeats values."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.operators.norms import axis_field
from convcost.importers.values import Moved, Unsupported, counted_axis, without
from convcost.layers.layout import FEATURE_MAP, TOKENS, VECTOR
from convcost.network.graph import Tensor

_LARGEST = 2**31 - 2


@operator("Slice")
def slice_(mapper: Mapper, node: Node) -> None:
    """Map slices of axes, one item for each that is cut."""
    starts, ends = mapper.numbers(node, 1, "starts"), mapper.numbers(node, 2, "ends")
    if starts is None or ends is None:
        raise Unsupported("its bounds are not known")
    name = node.inputs[0]
    full = mapper.full(name)
    axes = mapper.numbers(node, 3, "axes") or tuple(range(len(starts)))
    steps = mapper.numbers(node, 4) or (1,) * len(starts)
    cuts = []
    for start, end, given_axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = counted_axis(int(given_axis), len(full))
        size = full[axis]
        if step < 0:
            chosen = range(size)[slice(int(start), _backward_end(int(end), size), int(step))]
        else:
            chosen = range(size)[slice(int(start), min(int(end), _LARGEST), int(step))]
        if chosen == range(size):
            continue
        if not chosen:  # nothing is left, which a concatenation may take
            shape = tuple(0 if place == axis else size for place, size in enumerate(full))
            mapper.give(node, node.outputs[0], Constant(node.outputs[0], shape, values=(), stored=False))
            return
        cuts.append((axis, chosen))
    _sliced(mapper, node, name, cuts)


def _backward_end(end: int, size: int) -> int | None:
    """Return where a slice that goes backwards ends; None where it goes to the first value."""
    return None if end < -size else end


def _sliced(mapper: Mapper, node: Node, name: str, cuts: Sequence[tuple[int, range]]) -> None:
    """Give the values of a range of each of some axes."""
    if not cuts:
        mapper.give(node, node.outputs[0], mapper.moved(name))
        return
    batch = mapper.moved(name).batch
    if any(axis == batch for axis, _ in cuts):
        raise Unsupported("it cuts the batch axis")
    places = [(mapper.axis(name, axis), chosen) for axis, chosen in cuts]
    tensor = mapper.tensor(name)
    for number, (place, chosen) in enumerate(places):
        last = number == len(places) - 1
        tensor = _chosen(mapper, node, tensor, place, chosen, node.outputs if last else ())


def _chosen(mapper: Mapper, node: Node, tensor: Tensor, place: int, chosen: range, gives: Sequence[str]) -> Tensor:
    """Return the values of a range of an axis; one that goes backwards is turned around behind a slice."""
    backwards = chosen.step < 0
    size, forwards = tensor.shape[place], chosen[::-1] if backwards else chosen
    fields: dict[str, Any] = axis_field(tensor, place)
    step = forwards.step if len(forwards) > 1 else 1
    fields |= {"start": forwards[0]} if forwards[0] else {}
    fields |= {"end": forwards[-1] + 1} if len(range(forwards[0], size, step)) != len(forwards) else {}
    fields |= {"step": step} if step != 1 else {}
    if forwards != range(size):
        (tensor,) = mapper.emit(node, "slice", fields, [tensor], name="", gives=() if backwards else gives)
    if backwards:
        (tensor,) = mapper.emit(node, "flip", {"axis": [place]}, [tensor], name="", gives=gives)
    return tensor


def cut(mapper: Mapper, node: Node, name: str, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """Return a value without its margins."""
    full = mapper.full(name)
    tensor = mapper.tensor(name)
    for axis, (before, behind) in enumerate(pairs):
        if before or behind:
            place = mapper.axis(name, axis)
            tensor = _chosen(mapper, node, tensor, place, range(before, full[axis] - behind), ())
    return tensor


@operator("Split")
def split(mapper: Mapper, node: Node) -> None:
    """Map a split into parts."""
    name = node.inputs[0]
    count = len(node.outputs)
    if count == 1:
        mapper.give(node, node.outputs[0], mapper.moved(name))
        return
    axis = mapper.axis(name, node.attributes.get("axis", 0))
    tensor = mapper.tensor(name)
    sizes = mapper.numbers(node, 1, "split")
    if sizes is None:
        part = -(-tensor.shape[axis] // count)
        sizes = (*[part] * (count - 1), tensor.shape[axis] - part * (count - 1))
    fields: dict[str, Any] = {"sizes": [int(size) for size in sizes]}
    if len(set(sizes)) == 1:
        fields = {"chunks": count}
    mapper.emit(node, "split", fields | axis_field(tensor, axis), [tensor], name="")


@operator("Gather")
def gather(mapper: Mapper, node: Node) -> None:
    """Map a choice of values: at one place or at constant places of an axis, or the rows of a table."""
    name, places = node.inputs[0], mapper.value(node.inputs[1])
    if not isinstance(places, Constant):
        _embedding(mapper, node)
        return
    full = mapper.full(name)
    axis = counted_axis(node.attributes.get("axis", 0), len(full))
    shape = (*full[:axis], *places.shape, *full[axis + 1 :])
    batch = mapper.moved(name).batch
    known = [int(value) % full[axis] for value in places.values] if places.values is not None else None
    chosen = _as_range(known)
    if batch == axis:
        if full[axis] != 1 or len(places.shape) > 1 or prod(places.shape) != 1:
            raise Unsupported("it works along the batch axis")
        batch, chosen = None, range(1)
    elif batch is not None and batch > axis:
        batch += len(places.shape) - 1
    if chosen is not None and len(places.shape) <= 1:
        tensor = mapper.tensor(name)
        lacking = mapper.lacks(tensor)
        if chosen != range(full[axis]):
            tensor = _chosen(mapper, node, tensor, mapper.axis(name, axis), chosen, ())
        base = Moved(tensor, lacking, (("reshape", shape),), shape, batch, node.scope)
        mapper.give(node, node.outputs[0], base)
        return
    tensor = mapper.tensor(name)
    fields = {"shape": list(without(shape, batch))}
    mapper.emit(node, "gather", fields | _layout(tensor, fields["shape"], axis), [tensor], batch=batch)


def _as_range(places: Sequence[int] | None) -> range | None:
    """Return places as a range; None where they are none."""
    if not places:
        return None
    if len(places) == 1:
        return range(places[0], places[0] + 1)
    step = places[1] - places[0]
    found = range(places[0], places[0] + step * len(places), step) if step else None
    return found if found is not None and list(found) == list(places) and min(places) >= 0 else None


def _layout(tensor: Tensor, shape: Sequence[int], axis: int) -> dict[str, Any]:
    """Return the field that keeps a layout where as many axes are left."""
    words = {FEATURE_MAP: "feature_map", TOKENS: "tokens"}
    kept = len(shape) == len(tensor.shape) > 1 and tensor.layout in words
    return {"layout": words[tensor.layout]} if kept else {}


def _embedding(mapper: Mapper, node: Node) -> None:
    """Map the rows of a learned table, whose numbers the network reads."""
    table = mapper.value(node.inputs[0])
    if not isinstance(table, Constant) or len(table.shape) != 2 or node.attributes.get("axis", 0) != 0:
        raise Unsupported("it chooses values by numbers that are not known")
    tensor = mapper.tensor(node.inputs[1])
    if tensor.layout != VECTOR:
        raise Unsupported("it chooses rows by more than one vector of numbers")
    fields = {"num_embeddings": table.shape[0], "embedding_dim": table.shape[1]}
    mapper.emit(node, "embedding", fields, [tensor], [table])


@operator("GatherND", "GatherElements")
def gather_places(mapper: Mapper, node: Node) -> None:
    """Map a choice of values at constant places."""
    places = mapper.value(node.inputs[1])
    if not isinstance(places, Constant):
        raise Unsupported("it chooses values by numbers that are not known")
    full = mapper.full(node.inputs[0])
    if node.operator == "GatherElements":
        shape = places.shape
    elif node.attributes.get("batch_dims", 0):
        raise Unsupported("it has batch axes")
    else:
        shape = (*places.shape[:-1], *full[places.shape[-1] :])
    batch = 0 if shape[:1] == (1,) and len(shape) > 1 else None
    tensor = mapper.tensor(node.inputs[0])
    mapper.emit(node, "gather", {"shape": list(without(shape, batch))}, [tensor], batch=batch)


@operator("ScatterND", "ScatterElements")
def scatter(mapper: Mapper, node: Node) -> None:
    """Map values put at constant places of others: a choice among both."""
    if not isinstance(mapper.value(node.inputs[1]), Constant) or node.attributes.get("reduction", "none") != "none":
        raise Unsupported("it puts values at places that are not known, or adds them up")
    value = mapper.moved(node.inputs[0])
    _among(mapper, node, (node.inputs[0], node.inputs[2]), value.full, value.batch)


@operator("Where")
def where(mapper: Mapper, node: Node) -> None:
    """Map a choice between two values at constant places."""
    if not isinstance(mapper.value(node.inputs[0]), Constant):
        raise Unsupported("it chooses by a condition that is not known")
    shapes = [mapper.full(name) for name in node.inputs]
    rank = max(map(len, shapes))
    aligned = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    full = tuple(max(sizes) for sizes in zip(*aligned, strict=True))
    batch = next((value.batch for value in map(mapper.moved, node.inputs[1:]) if len(value.full) == rank), None)
    _among(mapper, node, node.inputs[1:], full, batch if batch is not None and full[batch] == 1 else None)


def _among(mapper: Mapper, node: Node, names: Sequence[str], full: tuple[int, ...], batch: int | None) -> None:
    """Give values that are chosen among those of several tensors, at constant places."""
    parts = []
    for name in names:
        value = mapper.moved(name)
        count = prod(value.full)
        mapper.hold_moved(name, Moved(value.base, value.dropped, (*value.steps, ("reshape", (count,))), (count,), None))
        parts.append(mapper.tensor(name, batch=None))
        mapper.hold_moved(name, value)
    (joined,) = mapper.emit(node, "concat", {}, parts, name="", gives=(), batch=None)
    mapper.emit(node, "gather", {"shape": list(without(full, batch))}, [joined], batch=batch)


@operator("Expand")
def expand(mapper: Mapper, node: Node) -> None:
    """Map axes of size 1 that are stretched."""
    wanted = mapper.numbers(node, 1)
    if wanted is None:
        raise Unsupported("its shape is not known")
    _expanded(mapper, node, tuple(map(int, wanted)))


def _expanded(mapper: Mapper, node: Node, wanted: tuple[int, ...]) -> None:
    value = mapper.moved(node.inputs[0])
    rank = max(len(wanted), len(value.full))
    full = (1,) * (rank - len(value.full)) + value.full
    wanted = (1,) * (rank - len(wanted)) + wanted
    if mapper.batch != 1 and wanted[0] == mapper.batch:
        wanted = (1, *wanted[1:])
    after = tuple(size if other == 1 else other for size, other in zip(full, wanted, strict=True))
    steps = (*value.steps, ("reshape", full)) if len(value.full) != rank else value.steps
    batch = value.batch + rank - len(value.full) if value.batch is not None else None
    if batch is None or after[batch] != 1:
        batch = 0 if after[0] == 1 and rank > 1 else None
    if after == full:
        mapper.give(node, node.outputs[0], Moved(value.base, value.dropped, steps, full, batch, node.scope))
        return
    name = node.inputs[0]
    mapper.hold_moved(name, Moved(value.base, value.dropped, steps, full, batch, node.scope))
    tensor = mapper.tensor(name, batch=batch)
    mapper.hold_moved(name, value)
    mapper.emit(node, "expand", {"shape": list(without(after, batch))}, [tensor], name="", batch=batch)


@operator("Tile")
def tile(mapper: Mapper, node: Node) -> None:
    """Map a repetition: axes of size 1 are stretched, others joined with themselves."""
    times = mapper.numbers(node, 1, "repeats")
    full = mapper.full(node.inputs[0])
    if times is None or len(times) != len(full):
        raise Unsupported("its repetitions are not known")
    if all(count == 1 or size == 1 for count, size in zip(times, full, strict=True)):
        _expanded(mapper, node, tuple(int(count) * size for count, size in zip(times, full, strict=True)))
        return
    batch = mapper.moved(node.inputs[0]).batch
    places = [(mapper.axis(node.inputs[0], axis), int(count)) for axis, count in enumerate(times) if count != 1]
    tensor = mapper.tensor(node.inputs[0])
    for number, (axis, count) in enumerate(places):
        gives = node.outputs if number == len(places) - 1 else ()
        (tensor,) = mapper.emit(
            node, "concat", axis_field(tensor, axis), [tensor] * count, name="", gives=gives, batch=batch
        )
