"""Reshapes, permutations, padding, slices: what moves values."""

from __future__ import annotations

from math import prod
from typing import Any

from convcost.importers.folding import axes_of, target
from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, is_map, operator
from convcost.importers.movement import applied, moved
from convcost.importers.operators.norms import axis_field
from convcost.importers.values import Unsupported

_LARGEST = 2**31 - 2


@operator("Shape")
def shape(mapper: Mapper, node: Node) -> None:
    """Work out the shape of a value, with a batch of one where it is open."""
    sizes = (mapper.batch or 1, *mapper.shape_of(node.inputs[0]))
    sizes = sizes[slice(node.attributes.get("start", 0), node.attributes.get("end"))]
    mapper.values[node.outputs[0]] = Constant(node.outputs[0], (len(sizes),), "int64", sizes, stored=False)


@operator("Cast")
def cast(mapper: Mapper, node: Node) -> None:
    """Leave a value as it is: its numbers have another type."""
    mapper.give(node, node.outputs[0], mapper.value(node.inputs[0]))


@operator("Flatten")
def flatten(mapper: Mapper, node: Node) -> None:
    """Map a flattening of all axes but the batch."""
    sizes = mapper.shape_of(node.inputs[0])
    if node.attributes.get("axis", 1) % (len(sizes) + 1) != 1:
        raise Unsupported("it flattens the batch axis, or not all others")
    moved(mapper, node, "reshape", (prod(sizes),), (prod(sizes),))


@operator("Reshape")
def reshape(mapper: Mapper, node: Node) -> None:
    """Map a reshape that leaves the batch axis."""
    sizes = mapper.shape_of(node.inputs[0])
    wanted = mapper.numbers(node, 1, "shape")
    if wanted is None:
        raise Unsupported("it makes a number of its input")
    batch = mapper.batch or 1
    try:
        after = target((batch, *sizes), wanted, node.attributes.get("allowzero", 0))
    except (ValueError, IndexError):
        raise Unsupported("its shape does not have as many values as its input") from None
    _batched(after, batch, wanted)
    moved(mapper, node, "reshape", after[1:], after[1:])


def _batched(after: tuple[int, ...], batch: int, wanted: Any = ()) -> None:
    if not after or after[0] != batch or len(after) < 2:
        raise Unsupported("it joins other axes with the batch axis")


@operator("Squeeze", "Unsqueeze")
def squeeze(mapper: Mapper, node: Node) -> None:
    """Map the removal or the insertion of axes of size 1."""
    batch = mapper.batch or 1
    sizes = (batch, *mapper.shape_of(node.inputs[0]))
    axes = axes_of(node, [None, mapper.optional(node, 1)])
    if node.operator == "Unsqueeze":
        rank = len(sizes) + len(axes or ())
        places = {axis % rank for axis in axes or ()}
        rest = list(sizes)
        after = tuple(1 if axis in places else rest.pop(0) for axis in range(rank))
    else:
        if axes is None:
            raise Unsupported("it removes every axis of size 1, the batch too")
        places = {axis % len(sizes) for axis in axes}
        if any(sizes[axis] != 1 for axis in places):
            raise Unsupported("it removes an axis that is not of size 1")
        after = tuple(size for axis, size in enumerate(sizes) if axis not in places)
    if 0 in places:
        raise Unsupported("it moves the batch axis")
    _batched(after, batch)
    moved(mapper, node, "reshape", after[1:], after[1:])


@operator("Transpose")
def transpose(mapper: Mapper, node: Node) -> None:
    """Map a permutation that leaves the batch axis."""
    sizes = mapper.shape_of(node.inputs[0])
    order = node.attributes.get("perm") or tuple(reversed(range(len(sizes) + 1)))
    if sorted(order) != list(range(len(sizes) + 1)) or order[0] != 0:
        raise Unsupported("it moves the batch axis")
    how = tuple(axis - 1 for axis in order[1:])
    moved(mapper, node, "permute", how, applied(sizes, "permute", how))


@operator("Pad")
def pad(mapper: Mapper, node: Node) -> None:
    """Map a padding; with zeros it may join the convolution that follows."""
    sizes = mapper.shape_of(node.inputs[0])
    amounts = mapper.numbers(node, 1, "pads")
    if amounts is None or len(node.inputs) > 3:
        raise Unsupported("it pads chosen axes, or by amounts that are not known")
    amounts = tuple(map(int, amounts))
    axes = len(sizes) + 1
    if len(amounts) != 2 * axes or min(amounts) < 0:
        raise Unsupported("it crops")
    pairs = tuple(zip(amounts[:axes], amounts[axes:], strict=True))
    if not any(map(any, pairs)):
        mapper.give(node, node.outputs[0], mapper.value(node.inputs[0]))
        return
    if any(map(any, pairs[:2])):
        raise Unsupported("it pads the batch or the channels")
    tensor = mapper.tensor(node.inputs[0])
    if not is_map(tensor):
        raise Unsupported("it pads what is no feature map")
    mode = node.attributes.get("mode", "constant")
    filled = mapper.numbers(node, 2, "value") if mode == "constant" else None
    value = float(filled[0]) if filled else 0.0
    if mode == "constant" and value == 0:
        moved(mapper, node, "pad", pairs[2:], applied(sizes, "pad", pairs[2:]))
        return
    modes: dict[str, dict[str, Any]] = {
        "reflect": {"mode": "reflect"},
        "edge": {"mode": "replicate"},
        "wrap": {"mode": "circular"},
    }
    if mode not in modes:
        raise Unsupported(f"it pads with {value:g}")
    mapper.emit(node, "pad", {"padding": [list(pair) for pair in pairs[2:]]} | modes[mode], [tensor])


@operator("Slice")
def slice_(mapper: Mapper, node: Node) -> None:
    """Map slices of axes, one item for each that is cut."""
    starts, ends = mapper.numbers(node, 1, "starts"), mapper.numbers(node, 2, "ends")
    if starts is None or ends is None:
        raise Unsupported("its bounds are not known")
    axes = mapper.numbers(node, 3, "axes") or tuple(range(len(starts)))
    steps = mapper.numbers(node, 4) or (1,) * len(starts)
    tensor = mapper.tensor(node.inputs[0])
    cuts = []
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = int(axis) % (len(tensor.shape) + 1) - 1
        size = (mapper.batch or 1, *tensor.shape)[place + 1]
        first, last, _ = slice(int(start), min(int(end), _LARGEST), 1).indices(size)
        if step < 1:
            raise Unsupported("it goes backwards")
        if (first, last, step) == (0, size, 1):
            continue
        if place < 0:
            raise Unsupported("it cuts the batch axis")
        if first >= last:
            raise Unsupported("it leaves nothing")
        cuts.append((place, first, last, int(step), size))
    for number, (place, first, last, step, size) in enumerate(cuts):
        fields: dict[str, Any] = axis_field(tensor, place)
        fields |= {"start": first} if first else {}
        fields |= {"end": last} if last != size else {}
        fields |= {"step": step} if step != 1 else {}
        gives = node.outputs if number == len(cuts) - 1 else ()
        (tensor,) = mapper.emit(node, "slice", fields, [tensor], name="", gives=gives)
    if not cuts:
        mapper.give(node, node.outputs[0], tensor)


@operator("Split")
def split(mapper: Mapper, node: Node) -> None:
    """Map a split into parts."""
    tensor = mapper.tensor(node.inputs[0])
    axis = node.attributes.get("axis", 0) % (len(tensor.shape) + 1) - 1
    if axis < 0 or not all(node.outputs):
        raise Unsupported("it splits the batch axis, or leaves a part unnamed")
    sizes = mapper.numbers(node, 1, "split")
    count = len(node.outputs)
    if sizes is None:
        part = -(-tensor.shape[axis] // count)
        sizes = (*[part] * (count - 1), tensor.shape[axis] - part * (count - 1))
    fields: dict[str, Any] = {"sizes": [int(size) for size in sizes]}
    if len(set(sizes)) == 1:
        fields = {"chunks": count}
    mapper.emit(node, "split", fields | axis_field(tensor, axis), [tensor], name="")
