"""Sums of products in Einstein's notation: matrix products, products value by value, sums, permutations."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from msgspec.structs import replace

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import OPERATORS, Mapper, operator
from convcost.importers.operators.merges import merge
from convcost.importers.operators.products import multiplied
from convcost.importers.values import Moved, Unsupported, with_axis


@operator("Einsum")
def einsum(mapper: Mapper, node: Node) -> None:
    """Map a sum of products: what only one value has is summed first, as frameworks do."""
    ranks = [len(mapper.full(name)) for name in node.inputs]
    terms, after = _terms(node.attributes["equation"], ranks)
    if len(terms) > 2 or any(len(set(term)) != len(term) for term in (*terms, after)):
        raise Unsupported("its equation multiplies more than two values, or takes a diagonal")
    sizes: dict[str, int] = {}
    for term, name in zip(terms, node.inputs, strict=True):
        for axis, size in zip(term, mapper.full(name), strict=True):
            if sizes.setdefault(axis, size) != size:
                raise Unsupported("it stretches an axis")
    if not set(after) <= set(sizes):
        raise Unsupported("its equation names an axis that no value has")
    names = list(node.inputs)
    for at, term in enumerate(terms):
        others = {*after, *(axis for other in (*terms[:at], *terms[at + 1 :]) for axis in other)}
        terms[at], names[at] = _summed(mapper, node, term, names[at], others)
    if len(terms) == 1:
        order = tuple(terms[0].index(axis) for axis in after)
        OPERATORS["Transpose"](
            mapper, replace(node, operator="Transpose", inputs=(*names,), attributes={"perm": order})
        )
    elif set(terms[0]) & set(terms[1]) <= set(after):
        values = [_stretched(mapper, name, term, after, sizes) for name, term in zip(names, terms, strict=True)]
        merge(mapper, replace(node, operator="Mul", inputs=(*values,), attributes={}))
    else:
        _matrix_product(mapper, node, names, terms, after, sizes)


def _terms(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """Return the axes of each value and of the result; those that `...` stands for have capital Greek letters.

    >>> _terms("...ij, jk", [3, 2])
    (['Ωij', 'jk'], 'Ωik')
    """
    before, arrow, after = equation.replace(" ", "").partition("->")
    terms = before.split(",")
    left = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True) if "..." in term]
    many = max(left, default=0)
    if min(left, default=0) < 0 or any("." in each.replace("...", "", 1) for each in (*terms, after)):
        raise ValueError(equation)
    rest = "".join(chr(ord("Ω") - at) for at in reversed(range(many)))
    if not arrow:
        letters = sorted({*before} - {",", "."})
        after = "..." * bool(left) + "".join(each for each in letters if before.count(each) == 1)
    found = []
    for term, rank in zip(terms, ranks, strict=True):
        own = rank - len(term.replace("...", ""))
        found.append(term.replace("...", rest[many - own :]))
        if len(found[-1]) != rank:
            raise ValueError(equation)
    return found, after.replace("...", rest)


def _summed(mapper: Mapper, node: Node, term: str, name: str, others: set[str]) -> tuple[str, str]:
    """Return the axes and the name of a value that is summed over the axes that nothing else has."""
    alone = tuple(at for at, axis in enumerate(term) if axis not in others)
    if not alone:
        return term, name
    given = f"{node.outputs[0]}%{name}"
    attributes: dict[str, Any] = {"axes": alone, "keepdims": 0}
    OPERATORS["ReduceSum"](
        mapper, replace(node, operator="ReduceSum", inputs=(name,), outputs=(given,), attributes=attributes)
    )
    return "".join(axis for axis in term if axis in others), given


def _stretched(mapper: Mapper, name: str, term: str, after: str, sizes: dict[str, int]) -> str:
    """Return the name of a value with all axes of the result, of size 1 those that it lacks."""
    given = f"{name}%{term}->{after}"
    order = tuple(term.index(axis) for axis in after if axis in term)
    shape = tuple(sizes[axis] if axis in term else 1 for axis in after)
    value = mapper.value(name)
    if isinstance(value, Constant) and order == tuple(sorted(order)):
        mapper.values[given] = replace(value, shape=shape)
        return given
    moved = mapper.moved(name)
    batch = after.index(term[moved.batch]) if moved.batch is not None else None
    steps = (*moved.steps, ("permute", order), ("reshape", shape))
    mapper.hold_moved(given, Moved(moved.base, moved.dropped, steps, shape, batch, moved.scope))
    return given


def _matrix_product(
    mapper: Mapper, node: Node, names: Sequence[str], terms: Sequence[str], after: str, sizes: dict[str, int]
) -> None:
    """Map a product that sums: both values are brought into the form of a matrix product."""
    left, right = terms
    batch = [axis for axis in left if axis in right and axis in after]
    inner = [axis for axis in left if axis in right and axis not in after]
    rows = [axis for axis in left if axis not in right]
    columns = [axis for axis in right if axis not in left]
    groups = [[axis] for axis in batch]
    values = mapper.moved(names[0]), mapper.moved(names[1])
    pictures = [term[value.batch] for term, value in zip(terms, values, strict=True) if value.batch is not None]
    first = _grouped(values[0], left, [*groups, rows, inner], sizes)
    second = _grouped(values[1], right, [*groups, inner, columns], sizes)
    multiplied(mapper, Node("MatMul", (), ("",), {}, node.name, node.scope), first, second)
    tensor = mapper.items[-1].outputs[0]
    full = with_axis(tensor.shape, mapper.lacks(tensor))
    order = [*batch, *rows, *columns]
    split = tuple(sizes[axis] for axis in order)
    steps: list[tuple[str, Any]] = [("reshape", split), ("permute", tuple(order.index(axis) for axis in after))]
    shape = tuple(sizes[axis] for axis in after)
    assert prod(full) == prod(shape)
    picture = next((axis for axis in pictures if axis in after and sizes[axis] == 1), None)
    where = after.index(picture) if picture else next((axis for axis, size in enumerate(shape) if size == 1), None)
    mapper.give(node, node.outputs[0], Moved(tensor, mapper.lacks(tensor), tuple(steps), shape, where, node.scope))


def _grouped(value: Moved, term: str, groups: Sequence[Sequence[str]], sizes: dict[str, int]) -> Moved:
    """Return a value with its axes in groups, each of which is one axis."""
    order = tuple(term.index(axis) for group in groups for axis in group)
    shape = tuple(prod(sizes[axis] for axis in group) for group in groups)
    steps = (*value.steps, ("permute", order), ("reshape", shape))
    return Moved(value.base, value.dropped, steps, shape, None, value.scope)
