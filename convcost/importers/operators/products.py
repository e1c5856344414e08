"""Matrix products: with a learned matrix, and of two values."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.movement import settle
from convcost.importers.operators.biases import with_bias
from convcost.importers.operators.windows import given
from convcost.importers.values import Moved, Unsupported

_INDICES = ("int32", "int64", "bool")
"""Types of numbers that no matrix of weights has; quantised ones have fewer bits."""


@operator("Gemm")
def gemm(mapper: Mapper, node: Node) -> None:
    """Map a matrix product with a constant and a bias."""
    if node.attributes.get("transA", 0) or any(node.attributes.get(name, 1.0) != 1 for name in ("alpha", "beta")):
        raise Unsupported("it transposes or scales its input")
    kernel = mapper.weight(node, 1)
    out, features = kernel.shape if node.attributes.get("transB", 0) else kernel.shape[::-1]
    if len(mapper.full(node.inputs[0])) != 2:
        raise Unsupported("its input is no matrix")
    _linear(mapper, node, kernel, features, out)


@operator("MatMul")
def matmul(mapper: Mapper, node: Node) -> None:
    """Map a matrix product: with a learned matrix a linear layer, otherwise the product of two values."""
    kernel = mapper.value(node.inputs[1])
    if isinstance(kernel, Constant) and len(kernel.shape) == 2 and kernel.dtype not in _INDICES:
        _linear(mapper, node, kernel, *kernel.shape)
        return
    values = [mapper.moved(name) for name in node.inputs[:2]]
    if min(len(value.full) for value in values) < 2:
        _with_vector(mapper, node, values)
        return
    multiplied(mapper, node, *values)


def _with_vector(mapper: Mapper, node: Node, values: Sequence[Moved]) -> None:
    """Map a product with a vector, which is a matrix of one row in front and of one column behind."""
    first, second = values
    shape = (*first.full[:-1], *second.full[:-2], *second.full[-1:]) if len(second.full) > 1 else first.full[:-1]
    matrices = [
        value
        if len(value.full) > 1
        else Moved(value.base, value.dropped, (*value.steps, ("reshape", full)), full, None)
        for value, full in zip(values, ((1, *first.full), (*second.full, 1)), strict=True)
    ]
    multiplied(mapper, Node("MatMul", (), ("",), {}, node.name, node.scope), *matrices)
    tensor = mapper.items[-1].outputs[0]
    batch = 0 if shape[:1] == (1,) and len(shape) > 1 else None
    steps = (("reshape", shape),)
    mapper.give(node, node.outputs[0], Moved(tensor, mapper.lacks(tensor), steps, shape, batch, node.scope))


def multiplied(mapper: Mapper, node: Node, first: Moved, second: Moved) -> None:
    """Map the product of two values, whose axes before the last two are stretched to each other."""
    rank = max(len(first.full), len(second.full))
    fulls = [(1,) * (rank - len(value.full)) + value.full for value in (first, second)]
    axes = [axis for axis in range(rank - 2) if fulls[0][axis] == 1 == fulls[1][axis]]
    preferred = [value.batch for value in (first, second) if value.batch in axes and len(value.full) == rank]
    batch = preferred[0] if preferred else axes[0] if axes else None
    tensors = [
        settle(mapper, Moved(value.base, value.dropped, (*value.steps, ("reshape", full)), full, batch), batch)
        for value, full in zip((first, second), fulls, strict=True)
    ]
    mapper.emit(node, "matmul", {}, tensors, name=f"{node.scope}.matmul" if node.scope else "", batch=batch)


def _linear(mapper: Mapper, node: Node, kernel: Constant, features: int, out: int) -> None:
    bias = mapper.optional(node, 2)
    full = mapper.full(node.inputs[0])
    if full[-1] != features:
        raise Unsupported(f"its matrix takes {features} features, {full[-1]} reach it")
    if bias is not None and bias.shape not in ((out,), (1, out)):
        raise Unsupported("its bias is not one number for each output")
    tensor = mapper.vectors(node.inputs[0])
    fields = {"out_features": out} | given(bias=(bias is not None, True))
    with_bias(mapper, node, "linear", fields, tensor, kernel, bias)
