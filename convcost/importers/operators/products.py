"""Matrix products: with a learned matrix, of two values, and in Einstein's notation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.movement import settle
from convcost.importers.operators.biases import with_bias
from convcost.importers.operators.windows import given
from convcost.importers.values import Moved, Unsupported, with_axis

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


@operator("Einsum")
def einsum(mapper: Mapper, node: Node) -> None:
    """Map a product of two values in Einstein's notation: both are brought into the form of a matrix product."""
    ranks = [len(mapper.full(name)) for name in node.inputs]
    before, arrow, after = _without_ellipsis(node.attributes["equation"].replace(" ", ""), ranks).partition("->")
    terms = before.split(",")
    if not arrow or len(terms) != 2 or any(len(set(term)) != len(term) or "." in term for term in (*terms, after)):
        raise Unsupported("its equation is no product of two values")
    left, right = terms
    sizes: dict[str, int] = {}
    for term, name in zip(terms, node.inputs, strict=True):
        sizes |= zip(term, mapper.full(name), strict=True)
    batch = [axis for axis in left if axis in right and axis in after]
    inner = [axis for axis in left if axis in right and axis not in after]
    rows = [axis for axis in left if axis not in right]
    columns = [axis for axis in right if axis not in left]
    if set(after) != {*batch, *rows, *columns}:
        raise Unsupported("it sums one of its values alone")
    groups = [[axis] for axis in batch]
    first = _grouped(mapper.moved(node.inputs[0]), left, [*groups, rows, inner], sizes)
    second = _grouped(mapper.moved(node.inputs[1]), right, [*groups, inner, columns], sizes)
    product = Node("MatMul", (), ("",), {}, node.name, node.scope)
    multiplied(mapper, product, first, second)
    tensor = mapper.items[-1].outputs[0]
    full = with_axis(tensor.shape, mapper.lacks(tensor))
    order = [*batch, *rows, *columns]
    split = tuple(sizes[axis] for axis in order)
    steps: list[tuple[str, Any]] = [("reshape", split), ("permute", tuple(order.index(axis) for axis in after))]
    shape = tuple(sizes[axis] for axis in after)
    assert prod(full) == prod(shape)
    where = next((axis for axis, size in enumerate(shape) if size == 1), None)
    mapper.give(node, node.outputs[0], Moved(tensor, mapper.lacks(tensor), tuple(steps), shape, where, node.scope))


def _without_ellipsis(equation: str, ranks: Sequence[int]) -> str:
    """Return an equation in which the axes that it leaves out have letters, the same from the right.

    >>> _without_ellipsis("...si,...id->...sd", [3, 4])
    'Bsi,ABid->ABsd'
    """
    before, arrow, after = equation.partition("->")
    terms = before.split(",")
    letters = [letter for letter in "ABCDEFGH" if letter not in equation]
    counts = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    most = max([count for term, count in zip(terms, counts, strict=True) if "..." in term], default=0)
    if most > len(letters):
        return equation
    words = ["".join(letters[:most][max(most - count, 0) :]) for count in counts]
    terms = [term.replace("...", word) for term, word in zip(terms, words, strict=True)]
    return ",".join(terms) + arrow + after.replace("...", "".join(letters[:most]))


def _grouped(value: Moved, term: str, groups: Sequence[Sequence[str]], sizes: dict[str, int]) -> Moved:
    """Return a value with its axes in groups, each of which is one axis."""
    order = tuple(term.index(axis) for group in groups for axis in group)
    shape = tuple(prod(sizes[axis] for axis in group) for group in groups)
    steps = (*value.steps, ("permute", order), ("reshape", shape))
    return Moved(value.base, value.dropped, steps, shape, None, value.scope)
