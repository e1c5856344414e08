"""Pools, reductions and resizing."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import Any

from convcost.importers.constants import axes_of
from convcost.importers.graph import Node
from convcost.importers.mapper import Mapper, is_map, operator
from convcost.importers.operators.convolutions import unpadded
from convcost.importers.operators.windows import given, joined, padding, per_axis, short
from convcost.importers.values import Moved, Unsupported, counted_axis
from convcost.layers.layout import FEATURE_MAP, UNKNOWN, channel_axis
from convcost.network.graph import Tensor


@operator("MaxPool", "AveragePool")
def pool(mapper: Mapper, node: Node) -> None:
    """Map a pool over windows."""
    average = node.operator == "AveragePool"
    kernel = tuple(node.attributes["kernel_shape"])
    axes = len(kernel)
    if len([name for name in node.outputs if name]) > 1:
        raise Unsupported("it gives the places of the maxima, too")
    name = node.inputs[0]
    if mapper.many_pictures(name):
        _pool_of_many(mapper, node, kernel)
        return
    tensor, more = unpadded(mapper, name) if average else (mapper.picture(name), ())
    sizes = tuple(map(sum, zip(tensor.shape[1:], map(sum, more or ((0, 0),) * axes), strict=True)))
    pads = padding(node, sizes, kernel)
    if more and (any(map(any, pads)) or any(2 * max(pair) > k for pair, k in zip(more, kernel, strict=True))):
        tensor, more = mapper.picture(name), ()
    pads = joined(pads, more) if more else pads
    strides = per_axis(node, "strides", axes)
    fields: dict[str, Any] = {"kernel_size": short(kernel)}
    fields |= given(
        stride=(short(strides), short(kernel)),
        padding=(short(pads), 0),
        ceil_mode=(bool(node.attributes.get("ceil_mode", 0)), False),
    )
    dilation = short(per_axis(node, "dilations", axes))
    if average:
        if dilation != 1:
            raise Unsupported("it has a dilation")
        if any(map(any, pads)) and not more and not node.attributes.get("count_include_pad", 0):
            fields["count_include_pad"] = False
    else:
        fields |= given(dilation=(dilation, 1))
    mapper.emit(node, "avg_pool" if average else "max_pool", fields, [tensor])


def _pool_of_many(mapper: Mapper, node: Node, kernel: tuple[int, ...]) -> None:
    """Map a pool of several pictures at once, which lie along another axis: its window has size 1 there."""
    count, _, *sizes = mapper.full(node.inputs[0])
    if len(kernel) > 2 or len(kernel) != len(sizes):
        raise Unsupported(f"it works on {count} pictures at once")
    average = node.operator == "AveragePool"
    tensor = mapper.together(node.inputs[0])
    pads = padding(node, tuple(sizes), kernel)
    dilations = per_axis(node, "dilations", len(kernel))
    if average and set(dilations) != {1}:
        raise Unsupported("it has a dilation")
    fields: dict[str, Any] = {"kernel_size": [1, *kernel], "stride": [1, *per_axis(node, "strides", len(kernel))]}
    fields |= given(padding=(short(((0, 0), *pads)), 0), ceil_mode=(bool(node.attributes.get("ceil_mode", 0)), False))
    if average and any(map(any, pads)) and not node.attributes.get("count_include_pad", 0):
        fields["count_include_pad"] = False
    if not average:
        fields |= given(dilation=(short((1, *dilations)), 1))
    (tensor,) = mapper.emit(node, "avg_pool" if average else "max_pool", fields, [tensor], gives=(), batch=None)
    mapper.apart(node, tensor)


@operator("LpPool")
def lp_pool(mapper: Mapper, node: Node) -> None:
    """Map a pool that takes the p-norm of each window."""
    kernel = tuple(node.attributes["kernel_shape"])
    tensor = mapper.picture(node.inputs[0])
    if set(per_axis(node, "dilations", len(kernel))) != {1}:
        raise Unsupported("it has a dilation")
    strides = per_axis(node, "strides", len(kernel))
    fields: dict[str, Any] = {"kernel_size": short(kernel), "norm_type": node.attributes.get("p", 2)}
    fields |= given(
        stride=(short(strides), short(kernel)),
        padding=(short(padding(node, tensor.shape[1:], kernel)), 0),
        ceil_mode=(bool(node.attributes.get("ceil_mode", 0)), False),
    )
    mapper.emit(node, "lp_pool", fields, [tensor])


@operator("GlobalAveragePool", "GlobalMaxPool")
def global_pool(mapper: Mapper, node: Node) -> None:
    """Map a pool over all positions."""
    type = "global_avg_pool" if node.operator == "GlobalAveragePool" else "global_max_pool"
    if mapper.many_pictures(node.inputs[0]):
        _reduced(mapper, node, "mean" if type == "global_avg_pool" else "max", None, keep=True)
        return
    mapper.emit(node, type, {}, [mapper.picture(node.inputs[0])])


_REDUCTIONS = {"ReduceMean": "mean", "ReduceMax": "max", "ReduceMin": "min", "ReduceSum": "sum", "ReduceL2": "norm"}


@operator(*_REDUCTIONS)
def reduce(mapper: Mapper, node: Node) -> None:
    """Map a reduction; that of all positions of a feature map is a global pool."""
    axes = axes_of(node, [None, mapper.optional(node, 1)])
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        mapper.give(node, node.outputs[0], mapper.value(node.inputs[0]))
        return
    _reduced(mapper, node, _REDUCTIONS[node.operator], axes, keep=bool(node.attributes.get("keepdims", 1)))


@operator("ArgMax", "ArgMin")
def place(mapper: Mapper, node: Node) -> None:
    """Map the place of the largest or the least value: it takes the comparisons that the value itself takes."""
    op, axes = "max" if node.operator == "ArgMax" else "min", (node.attributes.get("axis", 0),)
    mapper.notes["places of the largest or the least values count as these values: as many comparisons"] = None
    _reduced(mapper, node, op, axes, keep=bool(node.attributes.get("keepdims", 1)))


def _reduced(mapper: Mapper, node: Node, op: str, given_axes: tuple[int, ...] | None, *, keep: bool) -> None:
    """Map a reduction along some axes; along all but the first two without them."""
    value = mapper.moved(node.inputs[0])
    rank = len(value.full)
    if given_axes is None and node.operator in _REDUCTIONS:
        raise Unsupported("it reduces the batch axis")
    axes = (
        sorted(counted_axis(int(axis), rank) for axis in given_axes) if given_axes is not None else list(range(2, rank))
    )
    after = tuple([1 if axis in axes else size for axis, size in enumerate(value.full)])
    left = after if keep else tuple([size for axis, size in enumerate(after) if axis not in axes])
    places = [mapper.axis(node.inputs[0], axis) for axis in axes]
    tensor = mapper.tensor(node.inputs[0])
    lacking, size = mapper.lacks(tensor), len(tensor.shape)
    batch = lacking
    if not keep and lacking is not None:
        batch = lacking - sum(axis < lacking for axis in axes)
    if is_map(tensor) and lacking == 0 and places == list(range(1, size)) and op in ("mean", "max"):
        type = "global_avg_pool" if op == "mean" else "global_max_pool"
        (tensor,) = mapper.emit(node, type, {}, [tensor], gives=node.outputs if keep else ())
        if keep:
            return
    elif len(places) == size and not keep:
        (tensor,) = mapper.emit(node, "reduce", {"op": op, "axis": places, "keepdim": True}, [tensor], gives=())
    else:
        fields: dict[str, Any] = {"op": op, "axis": places} | ({"keepdim": True} if keep else {})
        if not keep:
            fields |= _layout_left(tensor, places)
        mapper.emit(node, "reduce", fields, [tensor], batch=batch)
        return
    mapper.give(node, node.outputs[0], Moved(tensor, lacking, (("reshape", left),), left, batch, node.scope))


def _layout_left(tensor: Tensor, places: Sequence[int]) -> dict[str, Any]:
    """Return the field of the layout of what a reduction leaves."""
    rank = len(tensor.shape) - len(places)
    channels = channel_axis(len(tensor.shape), tensor.layout)
    if rank == 1:
        return {"layout": "vector"}
    if channels is None or channels in places:
        return {}
    return {"layout": "feature_map" if channels == 0 else "tokens"}


_MODES = {
    "nearest": ("nearest",) * 4,
    "linear": ("", "linear", "bilinear", "trilinear"),
    "cubic": ("", "", "bicubic", ""),
}


@operator("Resize", "Upsample")
def resize(mapper: Mapper, node: Node) -> None:
    """Map a resizing of all spatial axes."""
    tensor = mapper.picture(node.inputs[0])
    rank = len(tensor.shape)
    if tensor.layout == UNKNOWN and 2 <= rank <= 4:
        tensor = mapper.laid_out(tensor, FEATURE_MAP)
    if not is_map(tensor) or node.attributes.get("antialias", 0) or "axes" in node.attributes:
        raise Unsupported("it resizes other axes than the spatial ones, or filters before")
    if node.attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        raise Unsupported("it crops")
    if node.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Unsupported("its sizes are bounds within which it keeps the ratio of the sides")
    old = node.operator == "Upsample" or mapper.opset < 11
    scales = mapper.numbers(node, 1 if old else 2, "scales")
    sizes = None if old else mapper.numbers(node, 3)
    mode = _MODES[node.attributes.get("mode", "nearest").replace("bilinear", "linear")][rank - 1]
    if not mode:
        raise Unsupported("its mode is not for so many axes")
    fields: dict[str, Any] = given(mode=(mode, "nearest"))
    if sizes is not None:
        if sizes[0] not in (1, mapper.batch) or sizes[1] != tensor.shape[0]:
            raise Unsupported("it resizes other axes than the spatial ones")
        fields["size"] = short(tuple(map(int, sizes[2:])))
    elif scales is not None and len(scales) == rank + 1 and scales[:2] == (1, 1):
        whole = all(float(scale).is_integer() for scale in scales)
        after = tuple(floor(size * scale) for size, scale in zip(tensor.shape[1:], scales[2:], strict=True))
        fields |= {"scale_factor": short(tuple(map(int, scales[2:])))} if whole else {"size": short(after)}
    else:
        raise Unsupported("it resizes other axes than the spatial ones, or by sizes that are not known")
    if node.attributes.get("coordinate_transformation_mode") == "align_corners":
        fields["align_corners"] = True
    mapper.emit(node, "upsample", fields, [tensor])
