"""Pools, reductions and resizing."""

from __future__ import annotations

from math import floor
from typing import Any

from convcost.importers.folding import axes_of
from convcost.importers.graph import Node
from convcost.importers.mapper import Mapper, is_map, operator
from convcost.importers.operators.convolutions import unpadded
from convcost.importers.operators.windows import given, joined, padding, per_axis, short
from convcost.importers.values import Unsupported


@operator("MaxPool", "AveragePool")
def pool(mapper: Mapper, node: Node) -> None:
    """Map a pool over windows."""
    average = node.operator == "AveragePool"
    kernel = tuple(node.attributes["kernel_shape"])
    axes = len(kernel)
    if len([name for name in node.outputs if name]) > 1:
        raise Unsupported("it gives the places of the maxima, too")
    name = node.inputs[0]
    tensor, more = unpadded(mapper, name) if average else (mapper.tensor(name), ())
    sizes = tuple(map(sum, zip(tensor.shape[1:], map(sum, more or ((0, 0),) * axes), strict=True)))
    pads = padding(node, sizes, kernel)
    if more and (any(map(any, pads)) or any(2 * max(pair) > k for pair, k in zip(more, kernel, strict=True))):
        tensor, more = mapper.tensor(name), ()
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


@operator("GlobalAveragePool", "GlobalMaxPool")
def global_pool(mapper: Mapper, node: Node) -> None:
    """Map a pool over all positions."""
    type = "global_avg_pool" if node.operator == "GlobalAveragePool" else "global_max_pool"
    tensor = mapper.tensor(node.inputs[0])
    if not is_map(tensor):
        raise Unsupported("it pools what is no feature map")
    mapper.emit(node, type, {}, [tensor])


_REDUCTIONS = {"ReduceMean": "mean", "ReduceMax": "max", "ReduceMin": "min", "ReduceSum": "sum"}


@operator(*_REDUCTIONS)
def reduce(mapper: Mapper, node: Node) -> None:
    """Map a reduction; that of all positions of a feature map is a global pool."""
    tensor = mapper.tensor(node.inputs[0])
    rank = len(tensor.shape)
    given_axes = axes_of(node, [None, mapper.optional(node, 1)])
    if given_axes is None:
        raise Unsupported("it reduces the batch axis")
    axes = tuple(sorted(axis % (rank + 1) - 1 for axis in given_axes))
    if not axes or axes[0] < 0 or len(set(axes)) < len(axes):
        raise Unsupported("it reduces the batch axis")
    keep, op = bool(node.attributes.get("keepdims", 1)), _REDUCTIONS[node.operator]
    if is_map(tensor) and axes == tuple(range(1, rank)) and op in ("mean", "max"):
        type = "global_avg_pool" if op == "mean" else "global_max_pool"
        (pooled,) = mapper.emit(node, type, {}, [tensor], gives=node.outputs if keep else ())
        if not keep:
            mapper.emit(node, "flatten", {}, [pooled], name="")
        return
    fields: dict[str, Any] = {"op": op, "axis": list(axes)}
    if keep:
        fields["keepdim"] = True
    elif rank - len(axes) == 1:
        fields["layout"] = "vector"
    mapper.emit(node, "reduce", fields, [tensor])


_MODES = {
    "nearest": ("nearest",) * 4,
    "linear": ("", "linear", "bilinear", "trilinear"),
    "cubic": ("", "", "bicubic", ""),
}


@operator("Resize", "Upsample")
def resize(mapper: Mapper, node: Node) -> None:
    """Map a resizing of all spatial axes."""
    tensor = mapper.tensor(node.inputs[0])
    rank = len(tensor.shape)
    if not is_map(tensor) or node.attributes.get("antialias", 0) or "axes" in node.attributes:
        raise Unsupported("it resizes other axes than the spatial ones, or filters before")
    if node.attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        raise Unsupported("it crops")
    old = node.operator == "Upsample" or mapper.opset < 11
    scales = mapper.numbers(node, 1 if old else 2, "scales")
    sizes = None if old else mapper.numbers(node, 3)
    mode = _MODES[node.attributes.get("mode", "nearest").replace("bilinear", "linear")][rank - 1]
    if not mode:
        raise Unsupported("its mode is not for so many axes")
    fields: dict[str, Any] = given(mode=(mode, "nearest"))
    if sizes is not None:
        if tuple(sizes[:2]) != (mapper.batch or 1, tensor.shape[0]):
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
