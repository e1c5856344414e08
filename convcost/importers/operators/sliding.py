"""Convolutions whose kernel is a value that the network works out: templates of trackers, kernels of hyper-networks."""

from __future__ import annotations

from math import prod
from typing import Any

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper
from convcost.importers.movement import settle
from convcost.importers.operators.products import multiplied
from convcost.importers.operators.windows import Pairs, given, padding, per_axis, short
from convcost.importers.values import Moved, Unsupported, with_axis
from convcost.layers.layout import FEATURE_MAP
from convcost.network.graph import Tensor


def sliding(mapper: Mapper, node: Node) -> None:
    """Map a convolution with a kernel that is a value: one input slides over another, or a product with its windows."""
    kernel = mapper.moved(node.inputs[1])
    full, axes, groups = kernel.full, len(kernel.full) - 2, node.attributes.get("group", 1)
    tensor = mapper.picture(node.inputs[0])
    channels = tensor.shape[0]
    if groups < 1 or axes < 1 or len(tensor.shape) != axes + 1 or full[1] * groups != channels or full[0] % groups:
        raise Unsupported(f"its kernel takes {full[1]} × {groups} channels, {channels} reach it")
    steps = per_axis(node, "strides", axes), per_axis(node, "dilations", axes)
    pads = padding(node, tensor.shape[1:], full[2:])
    is_depthwise = groups == channels == full[0] > 1
    if set(steps[0] + steps[1]) == {1} and (is_depthwise or groups == 1):
        found = _correlated(mapper, node, tensor, kernel, pads, "depthwise" if is_depthwise else "full")
    else:
        found = _unfolded(mapper, node, tensor, kernel, pads)
    _biased(mapper, node, found)


def _correlated(mapper: Mapper, node: Node, tensor: Tensor, kernel: Moved, pads: Pairs, mode: str) -> Tensor:
    """Return what a kernel gives that goes over every position of a map."""
    shape = (kernel.full[0] * kernel.full[1], *kernel.full[2:])
    moved = Moved(kernel.base, kernel.dropped, (*kernel.steps, ("reshape", shape)), shape, None, kernel.scope)
    template = settle(mapper, moved, None, FEATURE_MAP)
    fields = given(mode=(mode, "depthwise"), padding=(short(pads), 0))
    return mapper.emit(node, "cross_correlation", fields, [tensor, template], gives=(), batch=0)[0]


def _unfolded(mapper: Mapper, node: Node, tensor: Tensor, kernel: Moved, pads: Pairs) -> Tensor:
    """Return the product of a kernel with the windows of a map, in groups."""
    count, inner, *size = kernel.full
    axes, groups, taps = len(size), node.attributes.get("group", 1), prod(size)
    strides, dilations = per_axis(node, "strides", axes), per_axis(node, "dilations", axes)
    fields: dict[str, Any] = {"kernel_size": short(tuple(size))}
    fields |= given(stride=(short(strides), 1), padding=(short(pads), 0), dilation=(short(dilations), 1))
    (columns,) = mapper.emit(node, "unfold", fields, [tensor], name="", gives=(), batch=0)
    sizes = [
        (length + before + behind - dilation * (taps_ - 1) - 1) // stride + 1
        for length, (before, behind), dilation, taps_, stride in zip(
            tensor.shape[1:], pads, dilations, size, strides, strict=True
        )
    ]
    shapes = (1, groups, count // groups, inner * taps), (1, groups, inner * taps, prod(sizes))
    values = kernel, Moved(columns, 0, (), with_axis(columns.shape, 0), 0)
    first, second = (
        Moved(value.base, value.dropped, (*value.steps, ("reshape", shape)), shape, 0, node.scope)
        for value, shape in zip(values, shapes, strict=True)
    )
    multiplied(mapper, Node("MatMul", (), ("",), {}, node.name, node.scope), first, second)
    product, after = mapper.items[-1].outputs[0], (1, count, *sizes)
    moved = Moved(product, mapper.lacks(product), (("reshape", after),), after, 0, node.scope)
    mapper.notes["a convolution with a kernel that is worked out is written as a product with windows"] = None
    return settle(mapper, moved, 0, FEATURE_MAP)


def _biased(mapper: Mapper, node: Node, tensor: Tensor) -> None:
    """Give a convolution's values, with a summand for each channel where it has one."""
    name = node.inputs[2] if len(node.inputs) > 2 else ""
    if not name:
        mapper.give(node, node.outputs[0], tensor)
        return
    bias = mapper.value(name)
    if isinstance(bias, Constant):
        mapper.emit(node, "shift", {}, [tensor], [None, bias], name="")
        return
    moved = mapper.moved(name)
    shape = (1, prod(moved.full), *(1,) * (len(tensor.shape) - 1))
    moved = Moved(moved.base, moved.dropped, (*moved.steps, ("reshape", shape)), shape, 0, moved.scope)
    mapper.emit(node, "add", {}, [tensor, settle(mapper, moved, 0, FEATURE_MAP)], name="", batch=0)
