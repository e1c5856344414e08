"""Convolutions."""

from __future__ import annotations

from typing import Any

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, is_map, operator
from convcost.importers.operators.biases import with_bias
from convcost.importers.operators.windows import Pairs, given, joined, padding, per_axis, short
from convcost.importers.values import Moved, Unsupported
from convcost.network.graph import Tensor


@operator("Conv")
def conv(mapper: Mapper, node: Node) -> None:
    """Map a convolution; with one kernel or more for each channel it is a depthwise one."""
    if not isinstance(mapper.value(node.inputs[1]), Constant):
        from convcost.importers.operators.sliding import sliding  # where a kernel is a value only

        sliding(mapper, node)
        return
    kernel, bias = mapper.weight(node, 1), mapper.optional(node, 2)
    if mapper.many_pictures(node.inputs[0]):
        _conv_of_many(mapper, node, kernel, bias)
        return
    tensor, more = unpadded(mapper, node.inputs[0])
    size = kernel.shape[2:]
    pads = padding(node, _sizes(tensor, more), size)
    pads = joined(pads, more) if more else pads
    groups, channels = node.attributes.get("group", 1), tensor.shape[0]
    _check_kernel(node, kernel, bias)
    if groups < 1 or kernel.shape[1] * groups != channels:
        raise Unsupported(f"its kernel takes {kernel.shape[1]} × {groups} channels, {channels} reach it")
    axes = len(size)
    fields: dict[str, Any] = {"out_channels": kernel.shape[0], "kernel_size": short(size)}
    fields |= given(
        stride=(short(per_axis(node, "strides", axes)), 1),
        padding=(short(pads), 0),
        dilation=(short(per_axis(node, "dilations", axes)), 1),
        groups=(groups, 1),
        bias=(bias is not None, True),
    )
    type = "conv"
    if groups == channels > 1 and kernel.shape[0] % channels == 0:
        type, multiplier = "depthwise_conv", kernel.shape[0] // channels
        fields = {name: value for name, value in fields.items() if name not in ("out_channels", "groups")}
        fields |= given(depth_multiplier=(multiplier, 1))
    with_bias(mapper, node, type, fields, tensor, kernel, bias)


def _conv_of_many(mapper: Mapper, node: Node, kernel: Constant, bias: Constant | None) -> None:
    """Map a convolution of several pictures at once, which lie along another axis: its kernel has size 1 there."""
    count, channels, *sizes = mapper.full(node.inputs[0])
    axes, groups = len(sizes), node.attributes.get("group", 1)
    _check_kernel(node, kernel, bias)
    if axes > 2 or len(kernel.shape) != axes + 2 or kernel.shape[1] * groups != channels:
        raise Unsupported(f"it works on {count} pictures at once")
    tensor = mapper.together(node.inputs[0])
    pads = padding(node, tuple(sizes), kernel.shape[2:])
    fields: dict[str, Any] = {"out_channels": kernel.shape[0], "kernel_size": [1, *kernel.shape[2:]]}
    fields |= given(
        stride=(short((1, *per_axis(node, "strides", axes))), 1),
        padding=(short(((0, 0), *pads)), 0),
        dilation=(short((1, *per_axis(node, "dilations", axes))), 1),
        groups=(groups, 1),
        bias=(bias is not None, True),
    )
    (tensor,) = mapper.emit(node, "conv", fields, [tensor], [kernel, bias], gives=(), batch=None)
    mapper.apart(node, tensor)


def _check_kernel(node: Node, kernel: Constant, bias: Constant | None) -> None:
    if len(kernel.shape) < 3:
        raise Unsupported("its kernel has no spatial axes")
    if node.attributes.get("kernel_shape", kernel.shape[2:]) != kernel.shape[2:]:
        raise Unsupported("its attribute kernel_shape is not the size of its kernel")
    if bias is not None and len(bias.shape) != 1 and max(bias.shape) != kernel.shape[0]:
        raise Unsupported("its bias is not one number for each channel")


def unpadded(mapper: Mapper, name: str) -> tuple[Tensor, Pairs]:
    """Return the tensor before a padding with zeros, and the padding."""
    value = mapper.value(name)
    if isinstance(value, Moved) and [kind for kind, _ in value.steps] == ["pad"] and value.dropped == 0:
        pairs = value.steps[0][1]
        if not any(map(any, pairs[:2])) and is_map(value.base):
            return value.base, pairs[2:]
    return mapper.picture(name), ()


def _sizes(tensor: Tensor, more: Pairs) -> tuple[int, ...]:
    if not more:
        return tensor.shape[1:]
    return tuple(size + before + after for size, (before, after) in zip(tensor.shape[1:], more, strict=True))


@operator("ConvTranspose")
def transposed_conv(mapper: Mapper, node: Node) -> None:
    """Map a transposed convolution; of several pictures at once as one whose kernel has size 1 along them."""
    kernel, bias = mapper.weight(node, 1), mapper.optional(node, 2)
    size, groups = kernel.shape[2:], node.attributes.get("group", 1)
    axes, many = len(size), mapper.many_pictures(node.inputs[0])
    _check_kernel(node, kernel, bias)
    if many and (axes > 2 or len(mapper.full(node.inputs[0])) != axes + 2):
        raise Unsupported(f"it works on {mapper.full(node.inputs[0])[0]} pictures at once")
    tensor = mapper.together(node.inputs[0]) if many else mapper.picture(node.inputs[0])
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "", "VALID") or "output_shape" in node.attributes:
        raise Unsupported("its padding follows from the size of its output")
    if groups < 1 or kernel.shape[0] != tensor.shape[0]:
        raise Unsupported(f"its kernel takes {kernel.shape[0]} channels, {tensor.shape[0]} reach it")
    extra = tuple(node.attributes.get("output_padding") or (0,) * axes)
    pads = padding(node, tensor.shape[1 + many :], size)
    fields: dict[str, Any] = {"out_channels": kernel.shape[1] * groups, "kernel_size": short((1,) * many + size)}
    fields |= given(
        stride=(short((1,) * many + per_axis(node, "strides", axes)), 1),
        padding=(short(((0, 0),) * many + pads), 0),
        output_padding=(short((0,) * many + extra), 0),
        dilation=(short((1,) * many + per_axis(node, "dilations", axes)), 1),
        groups=(groups, 1),
        bias=(bias is not None, True),
    )
    if not many:
        mapper.emit(node, "transposed_conv", fields, [tensor], [kernel, bias])
        return
    (tensor,) = mapper.emit(node, "transposed_conv", fields, [tensor], [kernel, bias], gives=(), batch=None)
    mapper.apart(node, tensor)
