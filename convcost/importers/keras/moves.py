"""Functions that move values, which a model calls without a layer."""

from __future__ import annotations

from itertools import pairwise

from msgspec.structs import replace

from convcost.importers.keras.builder import GraphBuilder, like
from convcost.importers.keras.core import reshaped
from convcost.importers.keras.functions import argument, kind_of, operation, value_of
from convcost.importers.keras.merges import concatenated
from convcost.importers.keras.reductions import squeezed
from convcost.importers.keras.slices import sliced
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer, known

MOST_PARTS = 10_000
"""How many parts a value is taken apart into."""
_TOO_MANY = f"it takes a value apart into more than {MOST_PARTS:,}"


@operation("Concatenate")
def concatenate(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a concatenation."""
    axis = argument(layer, 1, "axis", default=0)
    return concatenated(builder, layer, layer.inputs, int(axis))


@operation("Reshape")
def reshape(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a reshape whose first axis is the batch, alone or with others that are joined with it."""
    target = argument(layer, 1, "newshape", "shape")
    if not isinstance(target, list) or not all(each is None or type(each) is int for each in target):
        raise UntranslatableLayer("its shape depends on values")
    target = [-1 if size is None else size for size in target]
    if target[0] != -1 or -1 in target[1:]:
        raise UntranslatableLayer("it joins other axes with the batch")
    return reshaped(builder, replace(layer, lead=0), value_of(layer), tuple(target[1:]), joins=True)


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
        if parts > MOST_PARTS:
            raise UntranslatableLayer(_TOO_MANY)
        sizes = [size // parts] * parts
    elif layer.kind == "TFOpLambda":
        rest = size - sum(part for part in parts if part != -1)
        sizes = [rest if part == -1 else part for part in parts]
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


@operation("Unstack")
def unstack(builder: GraphBuilder, layer: KerasLayer) -> list[KerasValue]:
    """Translate a value that is taken apart along an axis, which is gone then."""
    value = value_of(layer)
    axis = argument(layer, 2, "axis", default=0) % (len(value.known) + 1)
    if axis == 0:
        raise UntranslatableLayer("it splits the batch")
    size = known(value.known[axis - 1])
    if size == 1:
        return [squeezed(builder, layer, value, [axis])]
    if size > MOST_PARTS:
        raise UntranslatableLayer(_TOO_MANY)
    builder.add(
        layer, "Split", [value.name, builder.number(*(1,) * size)], {"axis": builder.axis(value, axis)}, outputs=size
    )
    sizes = (*value.known[: axis - 1], 1, *value.known[axis:])
    parts = [KerasValue(name, sizes, value.first) for name in builder.nodes[-1].outputs]
    return [squeezed(builder, layer, part, [axis]) for part in parts]


@operation("Flip")
def flip(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate the order of values along axes turned round."""
    value, axes = value_of(layer), argument(layer, 1, "axis")
    axes = [axes] if type(axes) is int else axes
    if not isinstance(axes, list) or any(axis % (len(value.known) + 1) == 0 for axis in axes):
        raise UntranslatableLayer("it turns the batch round")
    bounds = ([-1] * len(axes), [-(2**31)] * len(axes), [builder.axis(value, axis) for axis in axes])
    inputs = [builder.number(*each) for each in (*bounds, [-1] * len(axes))]
    return like(value, builder.add(layer, "Slice", [value.name, *inputs]))


@operation("Roll")
def roll(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a cyclic shift along axes: what leaves at one end is put before the other."""
    value, shifts, axes = value_of(layer), argument(layer, 1, "shift"), argument(layer, 2, "axis")
    shifts, axes = ([each] if type(each) is int else each for each in (shifts, axes))
    if not isinstance(axes, (list, tuple)) or len(axes) != len(shifts):
        raise UntranslatableLayer("it has not one shift for each axis")
    for shift, axis in zip(shifts, axes, strict=True):
        at = axis % (len(value.known) + 1)
        if at == 0:
            raise UntranslatableLayer("it shifts the batch")
        size, place = known(value.known[at - 1]), builder.axis(value, at)
        cut = -shift % size
        if cut == 0:
            continue
        parts = [
            builder.add(layer, "Slice", [value.name, *(builder.number(each) for each in (start, end, place))])
            for start, end in ((cut, size), (0, cut))
        ]
        value = like(value, builder.add(layer, "Concat", parts, {"axis": place}))
    return value


@operation("Tile")
def tile(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a value that is put beside itself along axes."""
    value = builder.plain(value_of(layer))
    times = argument(layer, 1, "repeats", "multiples")
    times = [times] if type(times) is int else list(times)
    times = [1] * (len(value.known) + 1 - len(times)) + times
    if len(times) != len(value.known) + 1 or times[0] != 1 or min(times) < 1:
        raise UntranslatableLayer("it repeats the batch, or adds axes")
    sizes = [None if size is None else size * count for size, count in zip(value.known, times[1:], strict=True)]
    return KerasValue(builder.add(layer, "Tile", [value.name, builder.number(*times)]), tuple(sizes))


@operation("Repeat")
def repeat(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate values that each stand several times one after the other along an axis."""
    value = builder.plain(value_of(layer))
    times, axis = argument(layer, 1, "repeats"), argument(layer, 2, "axis")
    if type(times) is not int or type(axis) is not int or times < 1 or axis % (len(value.known) + 1) == 0:
        raise UntranslatableLayer("it repeats the batch, or each value another time")
    axis %= len(value.known) + 1
    size = known(value.known[axis - 1])
    before, behind = value.known[: axis - 1], value.known[axis:]
    name = builder.add(layer, "Unsqueeze", [value.name, builder.number(axis + 1)])
    name = builder.add(layer, "Expand", [name, builder.number(*(1,) * (axis + 1), times, *(1 for _ in behind))])
    shape = builder.number(*(0,) * axis, size * times, *(known(each) for each in behind))
    return KerasValue(builder.add(layer, "Reshape", [name, shape]), (*before, size * times, *behind))


@operation("Take")
def take(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate values at places that the model names along an axis."""
    value, places, axis = builder.plain(value_of(layer)), argument(layer, 1, "indices"), argument(layer, 2, "axis")
    single = type(places) is int
    places = [places] if single else places
    if not isinstance(places, (list, tuple)) or not places or not all(type(each) is int for each in places):
        raise UntranslatableLayer("its places are no list of whole numbers")
    if type(axis) is not int or axis % (len(value.known) + 1) == 0:
        raise UntranslatableLayer("it takes along the batch")
    axis %= len(value.known) + 1
    size = known(value.known[axis - 1])
    if not all(-size <= each < size for each in places):
        raise UntranslatableLayer(f"it takes what is beyond {size} values")
    inputs = [value.name, builder.number(*(each % size for each in places))]
    name = builder.add(layer, "Gather", inputs, {"axis": axis})
    found = KerasValue(name, (*value.known[: axis - 1], len(places), *value.known[axis:]))
    return squeezed(builder, layer, found, [axis]) if single else found
