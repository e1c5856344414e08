"""Functions that move values, which a model calls without a layer."""

from __future__ import annotations

from itertools import pairwise

from msgspec.structs import replace

from convcost.importers.keras.builder import GraphBuilder
from convcost.importers.keras.core import reshaped
from convcost.importers.keras.functions import argument, kind_of, operation, value_of
from convcost.importers.keras.merges import concatenated
from convcost.importers.keras.slices import sliced
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer


@operation("Concatenate")
def concatenate(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a concatenation."""
    axis = argument(layer, 1, "axis", default=0)
    return concatenated(builder, layer, layer.inputs, int(axis))


@operation("Reshape")
def reshape(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a reshape that leaves the batch."""
    target = argument(layer, 1, "newshape", "shape")
    if not isinstance(target, list) or not all(each is None or type(each) is int for each in target):
        raise UntranslatableLayer("its shape depends on values")
    target = [-1 if size is None else size for size in target]
    if target[0] != -1 or -1 in target[1:]:
        raise UntranslatableLayer("it joins other axes with the batch")
    return reshaped(builder, replace(layer, lead=0), value_of(layer), tuple(target[1:]))


@operation("Transpose", "Swapaxes", "Moveaxis")
def transpose(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a permutation that leaves the batch."""
    value = builder.plain(value_of(layer))
    rank = len(value.known) + 1
    axes = argument(layer, 1, "axes")
    if layer.kind == "Swapaxes":
        a, b = (argument(layer, at, name) % rank for at, name in ((1, "axis1"), (2, "axis2")))
        axes = [b if axis == a else a if axis == b else axis for axis in range(rank)]
    elif layer.kind == "Moveaxis":
        source, target = (argument(layer, at, name) for at, name in ((1, "source"), (2, "destination")))
        source, target = (each[0] if isinstance(each, list) and len(each) == 1 else each for each in (source, target))
        axes = [axis for axis in range(rank) if axis != source % rank]
        axes.insert(target % rank, source % rank)
    if not isinstance(axes, list) or sorted(axes) != list(range(rank)) or axes[0] != 0:
        raise UntranslatableLayer("it moves the batch")
    name = builder.add(layer, "Transpose", [value.name], {"perm": tuple(axes)})
    return KerasValue(name, tuple([value.known[axis - 1] for axis in axes[1:]]))


@operation("Stack")
def stack(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate values that are joined along a new axis."""
    values = [builder.plain(value) for value in layer.inputs]
    place = argument(layer, 1, "axis", default=0) % (len(values[0].known) + 2)
    if place == 0:
        raise UntranslatableLayer("it joins along the batch")
    found = []
    for value in values:
        name = builder.add(layer, "Unsqueeze", [value.name, builder.number(place)])
        found.append(KerasValue(name, (*value.known[: place - 1], 1, *value.known[place - 1 :])))
    return concatenated(builder, layer, found, place)


@operation("Pad")
def pad(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a padding of any axes but the batch."""
    value, amounts = value_of(layer), argument(layer, 1, "pad_width", "paddings")
    mode = str(layer.kwargs.get("mode", "constant")).lower()
    filled = layer.kwargs.get("constant_values") or 0
    rank = len(value.known) + 1
    if mode not in ("constant", "reflect") or not isinstance(amounts, list) or len(amounts) != rank:
        raise UntranslatableLayer("its amounts are not two for each axis, or it pads in another way")
    before, behind = [0] * rank, [0] * rank
    for axis, (first, last) in enumerate(amounts):
        before[builder.axis(value, axis)], behind[builder.axis(value, axis)] = first, last
    inputs = [value.name, builder.number(*before, *behind)]
    inputs += [builder.number(float(filled), shape=())] if filled else []
    name = builder.add(layer, "Pad", inputs, {"mode": mode})
    sizes = [None if size is None else size + sum(pair) for size, pair in zip(value.known, amounts[1:], strict=True)]
    return KerasValue(name, tuple(sizes), value.first)


@operation("DepthToSpace", "SpaceToDepth")
def depth_to_space(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate channels that become positions, or positions that become channels."""
    value, size = value_of(layer), argument(layer, 1, "block_size")
    if len(value.known) != 3 or type(size) is not int or layer.kwargs.get("data_format") in ("channels_first", "NCHW"):
        raise UntranslatableLayer("it does not read maps with the channels last")
    value = builder.first(value)
    height, width = value.known[:2]
    kind, square = kind_of(layer), size * size
    grows = kind == "DepthToSpace"
    name = builder.add(layer, kind, [value.name], {"blocksize": size, "mode": "DCR"} if grows else {"blocksize": size})
    sizes = [None if each is None else each * size if grows else each // size for each in (height, width)]
    return KerasValue(name, (*sizes, value.channels // square if grows else value.channels * square), first=True)


@operation("ExpandDims", "Squeeze")
def squeeze(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate axes of size 1 that are added or removed."""
    value, axes = builder.plain(value_of(layer)), argument(layer, 1, "axis")
    axes = [axes] if type(axes) is int else axes
    expands = kind_of(layer) == "ExpandDims"
    if not isinstance(axes, list) or not axes:
        raise UntranslatableLayer("it removes axes that it does not name")
    rank = len(value.known) + 1 + (len(axes) if expands else 0)
    places = sorted(axis % rank for axis in axes)
    if places[0] == 0:
        raise UntranslatableLayer("it moves the batch")
    sizes = list(value.known)
    for place in places if expands else reversed(places):
        sizes[place - 1 : place - (1 if expands else 0)] = [1] if expands else []
    name = builder.add(layer, "Unsqueeze" if expands else "Squeeze", [value.name, builder.number(*places)])
    return KerasValue(name, tuple(sizes))


@operation("Split")
def split(builder: GraphBuilder, layer: KerasLayer) -> list[KerasValue]:
    """Translate a split into parts: so many, or at places."""
    value = value_of(layer)
    parts, axis = argument(layer, 1, "indices_or_sections"), argument(layer, 2, "axis", default=0)
    place = builder.axis(value, axis)
    at = axis % (len(value.known) + 1) - 1
    size = value.known[at]
    if at < 0 or size is None:
        raise UntranslatableLayer("it splits the batch, or an axis whose size is open")
    if type(parts) is int:
        sizes = [size // parts] * parts
    elif layer.kind == "TFOpLambda":
        sizes = [size if part == -1 else part for part in parts]
    else:
        edges = [0, *parts, size]
        sizes = [end - start for start, end in pairwise(edges)]
    if sum(sizes) != size or min(sizes) < 1:
        raise UntranslatableLayer("its parts are not those of its size")
    inputs = [value.name, builder.number(*sizes)]
    builder.add(layer, "Split", inputs, {"axis": place}, outputs=len(sizes))
    names = builder.nodes[-1].outputs
    found = []
    for name, part in zip(names, sizes, strict=True):
        found.append(KerasValue(name, (*value.known[:at], part, *value.known[at + 1 :]), value.first))
    return found


@operation("GetItem")
def get_item(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate what is cut out of a value."""
    return sliced(builder, layer, value_of(layer), argument(layer, 1, "key"))
