"""Reshapes, permutations and padding: what gives the same values other places."""

from __future__ import annotations

from math import prod
from typing import Any

from convcost.importers.constants import axes_of, target
from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.movement import batch_behind, moved, padded
from convcost.importers.operators.windows import given, padding, per_axis, short
from convcost.importers.values import Moved, Unsupported, counted_axis


@operator("Shape")
def shape(mapper: Mapper, node: Node) -> None:
    """Work out the shape of a value, with a batch of one."""
    sizes = mapper.full(node.inputs[0])
    sizes = sizes[slice(node.attributes.get("start", 0), node.attributes.get("end"))]
    mapper.values[node.outputs[0]] = Constant(node.outputs[0], (len(sizes),), "int64", sizes, stored=False)


@operator("Size")
def size(mapper: Mapper, node: Node) -> None:
    """Work out how many numbers a value has."""
    count = prod(mapper.full(node.inputs[0]))
    mapper.values[node.outputs[0]] = Constant(node.outputs[0], (), "int64", (count,), stored=False)


@operator("Cast", "CastLike")
def cast(mapper: Mapper, node: Node) -> None:
    """Leave a value as it is: its numbers have another type."""
    mapper.give(node, node.outputs[0], mapper.value(node.inputs[0]))


@operator("Flatten")
def flatten(mapper: Mapper, node: Node) -> None:
    """Map a flattening to two axes."""
    full = mapper.full(node.inputs[0])
    axis = node.attributes.get("axis", 1)
    axis = axis % len(full) if axis < 0 else axis
    _reshape(mapper, node, (prod(full[:axis]), prod(full[axis:])))


@operator("Reshape")
def reshape(mapper: Mapper, node: Node) -> None:
    """Map a reshape."""
    full = mapper.full(node.inputs[0])
    wanted = mapper.numbers(node, 1, "shape") or ()
    allow_zero = node.attributes.get("allowzero", 0)
    for candidate in _of_one(tuple(map(int, wanted)), mapper.batch):
        try:
            _reshape(mapper, node, target(full, candidate, allow_zero))
        except (ValueError, IndexError):
            continue
        return
    raise Unsupported("its shape does not have as many values as its input")


def _of_one(wanted: tuple[int, ...], batch: int) -> list[tuple[int, ...]]:
    """Return the shapes that may be meant for a batch of one where a file has another batch."""
    if batch == 1:
        return [wanted]
    divided = [
        (*wanted[:axis], size // batch, *wanted[axis + 1 :])
        for axis, size in enumerate(wanted)
        if size > 0 and size % batch == 0
    ]
    return [*divided, wanted] if wanted[:1] == (batch,) else [wanted, *divided]


def _reshape(mapper: Mapper, node: Node, after: tuple[int, ...]) -> None:
    value = mapper.moved(node.inputs[0])
    moved(mapper, node, "reshape", after, batch_behind(value.full, value.batch, after))


@operator("Squeeze", "Unsqueeze")
def squeeze(mapper: Mapper, node: Node) -> None:
    """Map the removal or the insertion of axes of size 1."""
    value = mapper.moved(node.inputs[0])
    sizes = list(value.full)
    axes = axes_of(node, [None, mapper.optional(node, 1)])
    if node.operator == "Unsqueeze":
        rank = len(sizes) + len(axes or ())
        places = {counted_axis(axis, rank) for axis in axes or ()}
        rest = [axis for axis in range(rank) if axis not in places]
        after = tuple(1 if axis in places else sizes[rest.index(axis)] for axis in range(rank))
        batch = rest[value.batch] if value.batch is not None else None
    else:
        if axes is None:
            raise Unsupported("it removes every axis of size 1, the batch too")
        places = {counted_axis(axis, len(sizes)) for axis in axes}
        if any(sizes[axis] != 1 for axis in places):
            raise Unsupported("it removes an axis that is not of size 1")
        rest = [axis for axis in range(len(sizes)) if axis not in places]
        after = tuple(sizes[axis] for axis in rest)
        batch = rest.index(value.batch) if value.batch in rest else None
    if batch is None and after[:1] == (1,):
        batch = 0
    moved(mapper, node, "reshape", after, batch)


@operator("Transpose")
def transpose(mapper: Mapper, node: Node) -> None:
    """Map a permutation."""
    value = mapper.moved(node.inputs[0])
    rank = len(value.full)
    order = tuple(node.attributes.get("perm") or reversed(range(rank)))
    if sorted(order) != list(range(rank)):
        raise Unsupported("it does not name each axis once")
    batch = order.index(value.batch) if value.batch is not None else None
    moved(mapper, node, "permute", order, batch)


_MODES: dict[str, dict[str, Any]] = {
    "reflect": {"mode": "reflect"},
    "edge": {"mode": "replicate"},
    "wrap": {"mode": "circular"},
}


@operator("Pad")
def pad(mapper: Mapper, node: Node) -> None:
    """Map a padding; with zeros it may join the convolution that follows."""
    name = node.inputs[0]
    pairs = _amounts(mapper, node, len(mapper.full(name)))
    mode = node.attributes.get("mode", "constant")
    filled = mapper.numbers(node, 2, "value") if mode == "constant" else None
    value = float(filled[0]) if filled else 0.0
    if any(min(pair) < 0 for pair in pairs):
        from convcost.importers.operators.selections import cut  # where values are cut off only

        tensor = cut(mapper, node, name, [(-min(pair[0], 0), -min(pair[1], 0)) for pair in pairs])
        pairs = [(max(before, 0), max(behind, 0)) for before, behind in pairs]
        mapper.values[node.outputs[0]] = mapper.values[name] = mapper.moved(name)
        mapper.hold(node.outputs[0], tensor)
        name = node.outputs[0]
    if not any(map(any, pairs)):
        mapper.give(node, node.outputs[0], mapper.value(name))
        return
    batch = mapper.moved(name).batch
    if batch is not None and any(pairs[batch]):
        raise Unsupported("it pads the batch")
    if mode == "constant" and value == 0 and name == node.inputs[0]:
        moved(mapper, node, "pad", tuple(pairs), batch)
        return
    fields = _MODES.get(mode, {})
    if mode == "constant" and value:
        if abs(value) > 1e15:
            fields = {"mode": "constant", "value": -(10**15) if value < 0 else 10**15}
        else:
            fields = {"mode": "constant", "value": value}
    elif mode != "constant" and not fields:
        raise Unsupported(f"its mode is {mode!r}")
    tensor = mapper.tensor(name)
    lacking = mapper.lacks(tensor)
    kept = [pair for axis, pair in enumerate(pairs) if axis != lacking]
    mapper.give(node, node.outputs[0], padded(mapper, node, tensor, kept, dict(fields)))


def _amounts(mapper: Mapper, node: Node, rank: int) -> list[tuple[int, int]]:
    """Return how much is put before and behind each axis."""
    amounts = mapper.numbers(node, 1, "pads" if "pads" in node.attributes else "paddings")
    if amounts is None:
        raise Unsupported("its amounts are not known")
    axes = mapper.numbers(node, 3) if len(node.inputs) > 3 else None
    places = [counted_axis(int(axis), rank) for axis in axes] if axes is not None else list(range(rank))
    if len(amounts) != 2 * len(places):
        raise Unsupported(f"it has {len(amounts)} amounts for {len(places)} axes")
    pairs = [(0, 0)] * rank
    for number, place in enumerate(places):
        pairs[place] = (int(amounts[number]), int(amounts[len(places) + number]))
    return pairs


@operator("DepthToSpace", "SpaceToDepth")
def depth_to_space(mapper: Mapper, node: Node) -> None:
    """Map channels moved into space, or space into channels."""
    _, channels, height, width = mapper.full(node.inputs[0])
    size = node.attributes["blocksize"]
    if node.operator == "SpaceToDepth":
        split: tuple[int, ...] = (1, channels, height // size, size, width // size, size)
        order: tuple[int, ...] = (0, 3, 5, 1, 2, 4)
        after = (1, channels * size**2, height // size, width // size)
    elif node.attributes.get("mode", "DCR") == "DCR":
        split, order = (1, size, size, channels // size**2, height, width), (0, 3, 4, 1, 5, 2)
        after = (1, channels // size**2, height * size, width * size)
    else:
        split, order = (1, channels // size**2, size, size, height, width), (0, 1, 4, 2, 5, 3)
        after = (1, channels // size**2, height * size, width * size)
    value = mapper.moved(node.inputs[0])
    steps = (*value.steps, ("reshape", split), ("permute", order), ("reshape", after))
    mapper.give(node, node.outputs[0], Moved(value.base, value.dropped, steps, after, 0, node.scope))


@operator("Col2Im")
def fold(mapper: Mapper, node: Node) -> None:
    """Map columns that are added up where their windows lie."""
    sizes, kernel = mapper.numbers(node, 1), mapper.numbers(node, 2)
    if sizes is None or kernel is None:
        raise Unsupported("its sizes are not known")
    axes = len(kernel)
    fields: dict[str, Any] = {"output_size": list(map(int, sizes)), "kernel_size": short(tuple(map(int, kernel)))}
    fields |= given(
        stride=(short(per_axis(node, "strides", axes)), 1),
        padding=(short(padding(node, tuple(map(int, sizes)), tuple(map(int, kernel)))), 0),
        dilation=(short(per_axis(node, "dilations", axes)), 1),
    )
    mapper.emit(node, "fold", fields, [mapper.picture(node.inputs[0])])
