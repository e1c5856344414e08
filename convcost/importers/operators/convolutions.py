"""Convolutions and matrix products."""

from __future__ import annotations

from typing import Any

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.operators.windows import Pairs, given, joined, padding, per_axis, short
from convcost.importers.values import Moved, Unsupported
from convcost.network.graph import Tensor


@operator("Conv")
def conv(mapper: Mapper, node: Node) -> None:
    """Map a convolution; with one kernel or more for each channel it is a depthwise one."""
    kernel, bias = mapper.weight(node, 1), mapper.optional(node, 2)
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
    mapper.emit(node, type, fields, [tensor], [kernel, bias])


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
    if isinstance(value, Moved) and [kind for kind, _ in value.steps] == ["pad"]:
        return value.base, value.steps[0][1]
    return mapper.tensor(name), ()


def _sizes(tensor: Tensor, more: Pairs) -> tuple[int, ...]:
    if not more:
        return tensor.shape[1:]
    return tuple(size + before + after for size, (before, after) in zip(tensor.shape[1:], more, strict=True))


@operator("ConvTranspose")
def transposed_conv(mapper: Mapper, node: Node) -> None:
    """Map a transposed convolution."""
    kernel, bias = mapper.weight(node, 1), mapper.optional(node, 2)
    tensor = mapper.tensor(node.inputs[0])
    size, groups = kernel.shape[2:], node.attributes.get("group", 1)
    _check_kernel(node, kernel, bias)
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "", "VALID") or "output_shape" in node.attributes:
        raise Unsupported("its padding follows from the size of its output")
    if groups < 1 or kernel.shape[0] != tensor.shape[0]:
        raise Unsupported(f"its kernel takes {kernel.shape[0]} channels, {tensor.shape[0]} reach it")
    axes = len(size)
    fields: dict[str, Any] = {"out_channels": kernel.shape[1] * groups, "kernel_size": short(size)}
    extra = node.attributes.get("output_padding") or (0,) * axes
    fields |= given(
        stride=(short(per_axis(node, "strides", axes)), 1),
        padding=(short(padding(node, tensor.shape[1:], size)), 0),
        output_padding=(short(tuple(extra)), 0),
        dilation=(short(per_axis(node, "dilations", axes)), 1),
        groups=(groups, 1),
        bias=(bias is not None, True),
    )
    mapper.emit(node, "transposed_conv", fields, [tensor], [kernel, bias])


@operator("Gemm")
def gemm(mapper: Mapper, node: Node) -> None:
    """Map a matrix product with a constant and a bias."""
    if node.attributes.get("transA", 0) or any(node.attributes.get(name, 1.0) != 1 for name in ("alpha", "beta")):
        raise Unsupported("it transposes or scales its input")
    kernel = mapper.weight(node, 1)
    out, features = kernel.shape if node.attributes.get("transB", 0) else kernel.shape[::-1]
    if len(mapper.shape_of(node.inputs[0])) != 1:
        raise Unsupported("its input is no matrix")
    _linear(mapper, node, kernel, features, out)


@operator("MatMul")
def matmul(mapper: Mapper, node: Node) -> None:
    """Map a matrix product with a constant; that of two values is no convolutional network's."""
    first = mapper.value(node.inputs[0])
    if isinstance(first, Constant):
        raise Unsupported("its first input is a constant")
    if not isinstance(mapper.value(node.inputs[1]), Constant):
        raise Unsupported("it multiplies two values")
    kernel = mapper.weight(node, 1)
    if len(kernel.shape) != 2:
        raise Unsupported("its constant is no matrix")
    _linear(mapper, node, kernel, *kernel.shape)


def _linear(mapper: Mapper, node: Node, kernel: Constant, features: int, out: int) -> None:
    bias, tensor = mapper.optional(node, 2), mapper.tensor(node.inputs[0])
    if tensor.shape[-1] != features:
        raise Unsupported(f"its matrix takes {features} features, {tensor.shape[-1]} reach it")
    if bias is not None and bias.shape not in ((out,), (1, out)):
        raise Unsupported("its bias is not one number for each output")
    fields = {"out_features": out} | given(bias=(bias is not None, True))
    mapper.emit(node, "linear", fields, [tensor], [kernel, bias])
