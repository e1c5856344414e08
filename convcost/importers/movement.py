"""Movements of values wait for what reads them: reshapes, permutations and padding become few items, or none."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from convcost.importers.graph import Node
from convcost.importers.values import Moved, with_axis, without
from convcost.layers.layout import FEATURE_MAP, TOKENS, UNKNOWN, channel_axis
from convcost.network.graph import Tensor

if TYPE_CHECKING:
    from convcost.importers.flow import ValueTable

Steps = tuple[tuple[str, Any], ...]

_MOST_STEPS = 8  # that wait
_WORDS = {FEATURE_MAP: "feature_map", TOKENS: "tokens"}
_MOST_MAP_AXES = 4


def moved(mapper: ValueTable, node: Node, step: str, how: Any, batch: int | None) -> None:
    """Set what a node gives to a movement of what it reads, joined with movements before it.

    Args:
        mapper: The mapper.
        node: The node.
        step: `reshape`, `permute` or `pad`.
        how: The shape, the axes in their new order, or the amounts before and behind each axis; with the batch axis.
        batch: Where the batch axis is then; None where it is joined with others.
    """
    value = mapper.moved(node.inputs[0])
    if (value.steps and step == "pad") or len(value.steps) > _MOST_STEPS:
        mapper.tensor(node.inputs[0])
        value = mapper.moved(node.inputs[0])
    steps = (*value.steps, (step, how))
    full = applied(value.full, step, how)
    mapper.give(node, node.outputs[0], Moved(value.base, value.dropped, steps, full, batch, node.scope))


def applied(shape: tuple[int, ...], kind: str, how: Any) -> tuple[int, ...]:
    """Return the shape behind a step."""
    if kind == "reshape":
        return tuple(how)
    if kind == "permute":
        return tuple([shape[axis] for axis in how])
    return tuple([size + sum(pair) for size, pair in zip(shape, how, strict=True)])


def simplified(shape: tuple[int, ...], steps: Steps) -> tuple[tuple[int, ...], Steps]:
    """Return a shape and steps without axes of size 1, without what leaves all as it is, neighbours joined."""
    start = squeezed(shape)
    kept: list[tuple[str, Any]] = []
    for kind, how in steps:
        before, shape = shape, applied(shape, kind, how)
        step = (kind, squeezed(tuple(how)) if kind == "reshape" else _renumbered(how, before))
        kept = _joined(start, kept, step)
    return start, tuple(kept)


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without axes of size 1."""
    return tuple([size for size in shape if size != 1])


def _renumbered(order: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return an order of axes without those of size 1."""
    places = {axis: place for place, axis in enumerate(axis for axis, size in enumerate(shape) if size != 1)}
    return tuple([places[axis] for axis in order if axis in places])


def _joined(start: tuple[int, ...], kept: list[tuple[str, Any]], step: tuple[str, Any]) -> list[tuple[str, Any]]:
    """Return steps with one more, which is joined with the last where they are of a kind."""
    kind, how = step
    if kept and kept[-1][0] == kind:
        before = kept.pop()[1]
        how = how if kind == "reshape" else tuple([before[axis] for axis in how])
    shape = start
    for each in kept:
        shape = applied(shape, *each)
    if (kind == "reshape" and how == shape) or (kind == "permute" and list(how) == sorted(how)):
        return kept
    return [*kept, (kind, how)]


# a movement as items


def settle(mapper: ValueTable, value: Moved, batch: int | None, layout: str = "") -> Tensor:
    """Return the tensor behind all steps; those that are left become items.

    Args:
        mapper: The mapper.
        value: The movement.
        batch: The axis of the graph's shape that the tensor is to lack.
        layout: The layout that it is to have; the one that follows from the movement without it.
    """
    if not value.steps and value.dropped == batch and layout in ("", value.base.layout):
        return value.base
    node = Node("", (), (), scope=value.scope)
    if [kind for kind, _ in value.steps] == ["pad"]:
        return _padded(mapper, node, value, batch, layout)
    wanted = without(value.full, batch) or (1,)
    start, steps = simplified(with_axis(value.base.shape, value.dropped), value.steps)
    tensor = _named_type(mapper, node, value.base, start, steps, wanted)
    if tensor is None:
        tensor = _rearranged(mapper, node, value.base, start, steps, wanted, layout)
    if tensor is None:
        channels = _channels_of(value.base)
        tensor = value.base
        for number, (kind, how) in enumerate(steps):
            last = number == len(steps) - 1
            shape = squeezed(tensor.shape)
            if kind == "permute":
                how, channels = _all_axes(how, tensor.shape, wanted if last else ()), _after(how, channels)
                fields = {"axes": list(how)}
            else:
                channels = _kept(shape, how, channels)
                fields = {"shape": list(wanted if last else how)}
            shape = squeezed(applied(shape, *steps[number]))
            place = _place(channels, shape, wanted if last else shape)
            tensor = _item(mapper, node, tensor, kind, fields, layout if last and layout else place)
    if tensor.shape != wanted or (layout and len(wanted) > 1 and tensor.layout != layout):
        named = layout or _place(_channels_of(tensor), squeezed(tensor.shape), wanted)
        (tensor,) = (_item(mapper, node, tensor, "reshape", {"shape": list(wanted)}, named),)
    return tensor


def _padded(mapper: ValueTable, node: Node, value: Moved, batch: int | None, layout: str) -> Tensor:
    """Return a tensor that is padded with zeros."""
    before = Moved(value.base, value.dropped, (), with_axis(value.base.shape, value.dropped), batch, value.scope)
    tensor = settle(mapper, before, batch, layout)
    pairs = without(value.steps[0][1], batch)
    return padded(mapper, node, tensor, pairs, {}, name=node.scope)


def padded(
    mapper: ValueTable, node: Node, tensor: Tensor, pairs: Any, fields: dict[str, Any], name: str | None = None
) -> Tensor:
    """Return a tensor that is padded, by an item.

    Args:
        mapper: The mapper.
        node: The node that the item stands for.
        tensor: What is padded.
        pairs: How much before and behind each axis.
        fields: More fields of the item.
        name: The name of the item.
    """
    if len(pairs) == 1:  # a vector is padded as the one row of a feature map
        shape = {"shape": [1, *tensor.shape], "layout": "feature_map"}
        (row,) = mapper.emit(node, "reshape", shape, [tensor], name="", gives=())
        (row,) = mapper.emit(node, "pad", {"padding": [list(pairs[0])]} | fields, [row], name=name, gives=())
        return mapper.emit(node, "flatten", {}, [row], name="", gives=())[0]
    axes = [axis for axis, pair in enumerate(pairs) if any(pair)]
    spatial = list(range(1, len(pairs))) if tensor.layout == FEATURE_MAP else list(range(len(pairs) - 1))
    if tensor.layout in (FEATURE_MAP, TOKENS) and not set(axes) - set(spatial):
        fields = {"padding": [list(pairs[axis]) for axis in spatial]} | fields
    else:
        fields = {"padding": [list(pairs[axis]) for axis in axes], "axis": axes} | fields
    return mapper.emit(node, "pad", fields, [tensor], name=name, gives=())[0]


def _item(mapper: ValueTable, node: Node, tensor: Tensor, kind: str, fields: dict[str, Any], layout: str) -> Tensor:
    rank = len(fields["axes" if kind == "permute" else "shape"])
    if rank == 1 and kind == "reshape":
        return mapper.emit(node, "flatten", {}, [tensor], name="", gives=())[0]
    if layout in _WORDS and rank > 1 and (layout != FEATURE_MAP or rank <= _MOST_MAP_AXES):
        fields["layout"] = _WORDS[layout]
    return mapper.emit(node, kind, fields, [tensor], name="", gives=())[0]


def _all_axes(order: tuple[int, ...], shape: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """Return an order of the axes that are longer than 1 as one of all axes, near to the shape that is wanted."""
    long = [axis for axis, size in enumerate(shape) if size != 1]
    rest = [axis for axis, size in enumerate(shape) if size == 1]
    left = [long[place] for place in order]
    if len(wanted) != len(shape):
        return (*rest, *left)
    return tuple([rest.pop(0) if size == 1 else left.pop(0) for size in wanted])


# where the channels are: the number of their axis among those longer than 1


def _channels_of(tensor: Tensor) -> int | None:
    axis = channel_axis(len(tensor.shape), tensor.layout)
    if axis is None or tensor.shape[axis] == 1:
        return None
    return len(squeezed(tensor.shape[:axis]))


def _after(order: tuple[int, ...], channels: int | None) -> int | None:
    return order.index(channels) if channels is not None else None


def _kept(before: tuple[int, ...], after: tuple[int, ...], channels: int | None) -> int | None:
    """Return the number that the axis of the channels has behind a reshape; None where it is split or joined."""
    if channels is None:
        return None
    left = prod(before[:channels])
    for place, size in enumerate(after):
        if prod(after[:place]) == left and size == before[channels]:
            return place
    return None


def turns_map(value: Moved) -> bool:
    """Return whether a movement takes a feature map's channels, whole, to the last axis.

    What works on the channels of each position may then come before it as well as behind it.
    """
    base = value.base
    if base.layout != FEATURE_MAP or not value.steps or any(kind == "pad" for kind, _ in value.steps):
        return False
    start, steps = simplified(with_axis(base.shape, value.dropped), value.steps)
    channels = _channels_of(base)
    for kind, how in steps:
        if channels is None:
            return False
        channels = _after(how, channels) if kind == "permute" else _kept(start, how, channels)
        start = applied(start, kind, how)
    return channels == len(start) - 1 and value.full[-1] == base.shape[0]


def _place(channels: int | None, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Return the layout that follows from the number of the channels' axis among those longer than 1."""
    if channels is None or len(wanted) < 2:
        return UNKNOWN
    axes = [axis for axis, size in enumerate(wanted) if size != 1]
    axis = axes[channels] if len(axes) == len(shape) else None
    if axis == 0 and len(wanted) <= _MOST_MAP_AXES:
        return FEATURE_MAP
    return TOKENS if axis == len(wanted) - 1 else UNKNOWN


# movements that have a type of their own


def _rearranged(
    mapper: ValueTable,
    node: Node,
    base: Tensor,
    start: tuple[int, ...],
    steps: Steps,
    wanted: tuple[int, ...],
    layout: str,
) -> Tensor | None:
    """Return what a pattern of axes gives that stands for several steps; None where it cannot."""
    if len(steps) < 2 or start != base.shape or not any(kind == "permute" for kind, _ in steps) or len(wanted) < 2:
        return None
    channels = channel_axis(len(base.shape), base.layout)
    from convcost.importers.einops import pattern  # where axes are split and joined only

    fields = pattern(start, [*steps, ("reshape", wanted)], channels)
    if fields is None:
        return None
    first, _, last = fields["pattern"].partition(" -> ")
    if first == last and base.shape == wanted and layout in ("", base.layout):
        return base
    after = last.split(" ")
    own = FEATURE_MAP if after[0] == "c" and len(wanted) <= _MOST_MAP_AXES else TOKENS if after[-1] == "c" else UNKNOWN
    if layout and layout != own:
        fields["layout"] = _WORDS.get(layout, layout)
    return mapper.emit(node, "rearrange", fields, [base], name="", gives=())[0]


def _named_type(
    mapper: ValueTable, node: Node, base: Tensor, start: tuple[int, ...], steps: Steps, wanted: tuple[int, ...]
) -> Tensor | None:
    """Return what a layer type gives that is the whole movement; None where there is none."""
    if base.layout == FEATURE_MAP and start == base.shape:
        groups = _shuffle(start, steps)
        if groups and wanted == base.shape:
            return mapper.emit(node, "channel_shuffle", {"groups": groups}, [base], name=node.scope, gives=())[0]
        if len(start) > 1 and _is(start, steps, (*range(1, len(start)), 0)) and wanted == (prod(start[1:]), start[0]):
            return mapper.emit(node, "tokens", {}, [base], name="", gives=())[0]
        for type, factor in (("pixel_shuffle", _pixel(start, steps, 1)), ("pixel_unshuffle", _pixel(start, steps, -1))):
            field = "upscale_factor" if type == "pixel_shuffle" else "downscale_factor"
            if factor and len(wanted) == len(start):
                return mapper.emit(node, type, {field: factor}, [base], name=node.scope, gives=())[0]
    is_map = wanted[:1] == start[-1:] and 2 <= len(wanted) <= _MOST_MAP_AXES
    if base.layout == TOKENS and start == base.shape and is_map and _is(start, steps, (-1, *range(len(start) - 1))):
        fields = {} if wanted[1:] == start[:-1] and len(start) > 2 else {"size": list(wanted[1:])}
        return mapper.emit(node, "feature_map", fields, [base], name="", gives=())[0]
    return None


def _is(start: tuple[int, ...], steps: Steps, order: tuple[int, ...]) -> bool:
    """Return whether steps are one permutation of axes, with reshapes that only join or split others than channels."""
    if not any(kind == "permute" for kind, _ in steps):
        return False
    return strides(start, steps) == strides(start, (("permute", order),))


def strides(start: tuple[int, ...], steps: Steps) -> tuple[tuple[int, int], ...] | None:
    """Return sizes and strides in memory of what steps give, neighbours joined; None where it is no regular view."""
    view: list[tuple[int, int]] = []
    stride = 1
    for size in reversed(start):
        view.insert(0, (size, stride))
        stride *= size
    for kind, how in steps:
        if kind == "permute":
            view = [view[axis] for axis in how]
            continue
        parts = list(_compact(view))
        found: list[tuple[int, int]] = []
        for size in reversed(how):
            if not parts or parts[-1][0] % size:
                return None
            count, step = parts.pop()
            found.insert(0, (size, step))
            if count != size:
                parts.append((count // size, step * size))
        view = found
    return _compact(view)


def _compact(view: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return sizes and strides with neighbours joined that lie one after the other."""
    found: list[tuple[int, int]] = []
    for size, stride in view:
        if found and found[-1][1] == size * stride:
            found[-1] = (found[-1][0] * size, stride)
        else:
            found.append((size, stride))
    return tuple(found)


def _shuffle(shape: tuple[int, ...], steps: Steps) -> int:
    """Return the groups of a channel shuffle: split channels, exchange the parts, join them; else 0."""
    if [kind for kind, _ in steps] != ["reshape", "permute", "reshape"]:
        return 0
    (_, parts), (_, order), (_, after) = steps
    spatial = len(shape) - 1
    joined = len(parts) == 3 and spatial > 1 and parts[2:] == (prod(shape[1:]),)
    fits = (tuple(parts[2:]) == shape[1:] or joined) and tuple(after) == shape
    return int(parts[0]) if fits and tuple(order) == (1, 0, *range(2, len(parts))) else 0


def _pixel(shape: tuple[int, ...], steps: Steps, sign: int) -> int:
    """Return the factor by which channels become space, or with the sign −1 space channels; else 0."""
    if [kind for kind, _ in steps] != ["reshape", "permute", "reshape"] or len(shape) != 3:
        return 0
    (_, parts), (_, order), (_, after) = steps
    channels, height, width = shape
    if sign > 0 and len(parts) == 5:
        factor = parts[1]
        fits = parts == (channels // factor**2, factor, factor, height, width) and tuple(order) == (0, 3, 1, 4, 2)
        return factor if fits and after == (parts[0], height * factor, width * factor) else 0
    if sign < 0 and len(parts) == 5:
        factor = parts[2]
        fits = parts == (channels, height // factor, factor, width // factor, factor)
        fits = fits and tuple(order) == (0, 2, 4, 1, 3)
        return factor if fits and after == (channels * factor**2, height // factor, width // factor) else 0
    return 0


def batch_behind(before: tuple[int, ...], batch: int | None, after: tuple[int, ...]) -> int | None:
    """Return where the batch axis is behind a reshape.

    Args:
        before: The shape before.
        batch: The batch axis there; None where it was joined with others.
        after: The shape behind.

    >>> batch_behind((1, 8, 6), 0, (1, 48)), batch_behind((6, 1, 8), 1, (6, 1, 2, 4)), batch_behind((1, 8), 0, (8,))
    (0, 1, None)
    >>> batch_behind((2, 6, 4), None, (6, 1, 8))
    1
    """
    if batch is not None:
        left = prod(before[:batch])
        fitting = [axis for axis, size in enumerate(after) if size == 1 and prod(after[:axis]) == left]
        if fitting:
            return batch if batch in fitting else fitting[0]
    ones = [axis for axis, size in enumerate(after) if size == 1]
    return ones[0] if ones[:1] == [0] or (batch is None and len(ones) == 1 and len(after) > 2) else None
