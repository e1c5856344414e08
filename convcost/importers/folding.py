"""Arithmetic on constants: exporters work out shapes node by node."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import product as combinations
from math import ceil, floor, fmod, prod
from typing import Any

from convcost.importers.graph import Constant, Node

MOST_VALUES = 4096
"""How many numbers a constant that is worked out may have."""


_LARGEST = 2**63


class Unfoldable(Exception):
    """A node's constants are not known, or the operator is not worked out here."""


def fold(node: Node, inputs: Sequence[Constant | None]) -> Constant:
    """Return what a node makes of constants.

    Args:
        node: The node.
        inputs: Its inputs; None where an optional one is left out.

    Raises:
        Unfoldable: It cannot be worked out.
    """
    rule = _RULES.get(node.operator)
    if rule is None or not inputs or inputs[0] is None:
        raise Unfoldable
    if node.operator not in _MOVES and any(each is not None and _is_learned(each) for each in inputs):
        raise Unfoldable  # arithmetic on weights is performed
    try:
        found = rule(node, [each for each in inputs if each is not None])
    except (IndexError, ValueError, TypeError, ZeroDivisionError, OverflowError, KeyError):
        raise Unfoldable from None
    if found.values is not None and (len(found.values) > MOST_VALUES or len(found.values) != prod(found.shape)):
        raise Unfoldable
    if any(isinstance(value, int) and abs(value) > _LARGEST for value in found.values or ()):
        raise Unfoldable
    return found


def numbers(constant: Constant) -> tuple[Any, ...]:
    """Return the values of a constant.

    Raises:
        Unfoldable: They are not known.
    """
    if constant.values is None:
        raise Unfoldable
    return constant.values


def _new(node: Node, shape: Sequence[int], values: Sequence[Any], dtype: str) -> Constant:
    return Constant(node.outputs[0], tuple(shape), dtype, tuple(values), stored=False)


def _binary(work: Callable[[Any, Any], Any], dtype: str = "") -> Callable[[Node, list[Constant]], Constant]:
    def folded(node: Node, inputs: list[Constant]) -> Constant:
        a, b = inputs
        shape = _broadcast(a.shape, b.shape)
        pairs = zip(_stretched(a, shape), _stretched(b, shape), strict=True)
        return _new(node, shape, [work(x, y) for x, y in pairs], dtype or a.dtype)

    return folded


def _broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    rank = max(len(a), len(b))
    sizes = []
    for x, y in zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True):
        if x != y and 1 not in (x, y):
            raise ValueError
        sizes.append(y if x == 1 else x)
    if prod(sizes) > MOST_VALUES:
        raise Unfoldable
    return tuple(sizes)


def _stretched(constant: Constant, shape: tuple[int, ...]) -> list[Any]:
    values = numbers(constant)
    own = (1,) * (len(shape) - len(constant.shape)) + constant.shape
    return [values[_place(index, own)] for index in combinations(*map(range, shape))]


def _place(index: Sequence[int], shape: Sequence[int]) -> int:
    at = 0
    for i, size in zip(index, shape, strict=True):
        at = at * size + (i if size != 1 else 0)
    return at


def _unary(work: Callable[[Any], Any]) -> Callable[[Node, list[Constant]], Constant]:
    def folded(node: Node, inputs: list[Constant]) -> Constant:
        return _new(node, inputs[0].shape, [work(x) for x in numbers(inputs[0])], inputs[0].dtype)

    return folded


def _divide(x: Any, y: Any) -> Any:
    if isinstance(x, int) and isinstance(y, int):
        return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)  # towards zero
    return x / y


def _remainder(node: Node, inputs: list[Constant]) -> Constant:
    work = (lambda x, y: int(fmod(x, y))) if node.attributes.get("fmod", 0) else operator.mod
    return _binary(work)(node, inputs)


def _cast(node: Node, inputs: list[Constant]) -> Constant:
    kinds = {1: float, 10: float, 11: float, 6: int, 7: int, 9: bool}
    kind = kinds[node.attributes["to"]]
    names = {float: "float32", int: "int64", bool: "bool"}
    return _new(node, inputs[0].shape, [kind(x) for x in numbers(inputs[0])], names[kind])


def axes_of(node: Node, inputs: Sequence[Constant | None], at: int = 1) -> tuple[int, ...] | None:
    """Return the axes that a node names, as an attribute or as an input."""
    if "axes" in node.attributes:
        axes: tuple[int, ...] = node.attributes["axes"]
        return axes
    given = inputs[at] if len(inputs) > at else None
    return tuple(numbers(given)) if given is not None else None


def _unsqueeze(node: Node, inputs: list[Constant]) -> Constant:
    axes = axes_of(node, inputs) or ()
    rank = len(inputs[0].shape) + len(axes)
    rest = list(inputs[0].shape)
    places = {axis % rank for axis in axes}
    return _view(node, inputs[0], [1 if axis in places else rest.pop(0) for axis in range(rank)])


def _squeeze(node: Node, inputs: list[Constant]) -> Constant:
    shape = inputs[0].shape
    axes = axes_of(node, inputs)
    places = {axis % len(shape) for axis in axes} if axes is not None else {i for i, s in enumerate(shape) if s == 1}
    if any(shape[axis] != 1 for axis in places):
        raise ValueError
    return _view(node, inputs[0], [size for axis, size in enumerate(shape) if axis not in places])


def _view(node: Node, constant: Constant, shape: Sequence[int]) -> Constant:
    """Return a constant in another shape; it stays the tensor that it is, weights too."""
    return Constant(constant.name, tuple(shape), constant.dtype, constant.values, constant.stored)


def _reshape(node: Node, inputs: list[Constant]) -> Constant:
    return _view(node, inputs[0], target(inputs[0].shape, numbers(inputs[1]), node.attributes.get("allowzero", 0)))


def target(shape: Sequence[int], wanted: Sequence[int], allow_zero: int = 0) -> tuple[int, ...]:
    """Return the shape that a reshape gives.

    Args:
        shape: The shape before.
        wanted: The sizes; 0 keeps that of the axis, one may be −1.
        allow_zero: Whether 0 is a size.

    Raises:
        ValueError: The values do not fit.
    """
    sizes = [shape[at] if size == 0 and not allow_zero else int(size) for at, size in enumerate(wanted)]
    count, known = prod(shape), prod(size for size in sizes if size != -1)
    if sizes.count(-1) > 1 or known == 0 or count % known:
        raise ValueError
    sizes = [count // known if size == -1 else size for size in sizes]
    if prod(sizes) != count:
        raise ValueError
    return tuple(sizes)


def _concat(node: Node, inputs: list[Constant]) -> Constant:
    if any(len(each.shape) != 1 for each in inputs):
        raise Unfoldable
    values = [value for each in inputs for value in numbers(each)]
    return _new(node, (len(values),), values, inputs[0].dtype)


def _gather(node: Node, inputs: list[Constant]) -> Constant:
    data, indices = inputs
    if node.attributes.get("axis", 0) or len(data.shape) != 1:
        raise Unfoldable
    values = numbers(data)
    return _new(node, indices.shape, [values[int(index)] for index in numbers(indices)], data.dtype)


def _slice(node: Node, inputs: list[Constant]) -> Constant:
    data = inputs[0]
    starts: tuple[Any, ...] = node.attributes["starts"] if "starts" in node.attributes else numbers(inputs[1])
    ends: tuple[Any, ...] = node.attributes["ends"] if "ends" in node.attributes else numbers(inputs[2])
    steps = numbers(inputs[4]) if len(inputs) > 4 else (1,)
    values = numbers(data)
    if len(starts) != 1:
        raise Unfoldable
    if len(data.shape) == 1:
        found = values[slice(int(starts[0]), _end(ends[0], steps[0]), int(steps[0]))]
        return _new(node, (len(found),), found, data.dtype)
    axes = numbers(inputs[3]) if len(inputs) > 3 else (0,)
    if len(data.shape) != 2 or axes[0] != 0:
        raise Unfoldable
    rows = range(data.shape[0])[slice(int(starts[0]), _end(ends[0], steps[0]), int(steps[0]))]
    width = data.shape[1]
    found = tuple([value for row in rows for value in values[row * width : (row + 1) * width]])
    return _new(node, (len(rows), width), found, data.dtype)


def _end(end: int, step: int) -> int | None:
    return None if step < 0 and end < -(2**31) + 2 else int(end)


def _transpose(node: Node, inputs: list[Constant]) -> Constant:
    data = inputs[0]
    order = node.attributes.get("perm") or tuple(reversed(range(len(data.shape))))
    shape = tuple([data.shape[axis] for axis in order])
    values = None
    held = data.values
    if held is not None:
        places = {axis: at for at, axis in enumerate(order)}
        indices = combinations(*map(range, shape))
        values = tuple(
            [
                held[_place([index[places[axis]] for axis in range(len(order))], data.shape)]
                if prod(data.shape) > 1
                else held[0]
                for index in indices
            ]
        )
    return Constant(data.name, shape, data.dtype, values, data.stored)


def _filled(node: Node, inputs: list[Constant]) -> Constant:
    shape = tuple(map(int, numbers(inputs[0])))
    if any(size < 0 for size in shape):
        raise Unfoldable
    value = node.attributes.get("value")
    if prod(shape) > MOST_VALUES:  # weights that were left out
        return Constant(node.outputs[0], shape, value.dtype if isinstance(value, Constant) else "float32")
    fill = value.values[0] if isinstance(value, Constant) and value.values else 0.0
    return _new(node, shape, [fill] * prod(shape), value.dtype if isinstance(value, Constant) else "float32")


def _where(node: Node, inputs: list[Constant]) -> Constant:
    condition, a, b = inputs
    shape = _broadcast(_broadcast(condition.shape, a.shape), b.shape)
    rows = zip(*(_stretched(each, shape) for each in inputs), strict=True)
    return _new(node, shape, [x if chosen else y for chosen, x, y in rows], a.dtype)


def _range(node: Node, inputs: list[Constant]) -> Constant:
    start, end, step = (int(numbers(each)[0]) for each in inputs)
    found = range(start, end, step)
    if len(found) > MOST_VALUES:
        raise Unfoldable
    return _new(node, (len(found),), found, inputs[0].dtype)


def _product(node: Node, inputs: list[Constant]) -> Constant:
    return _new(
        node, () if not node.attributes.get("keepdims", 1) else (1,), [prod(numbers(inputs[0]))], inputs[0].dtype
    )


def _is_learned(constant: Constant) -> bool:
    return constant.stored and "float" in constant.dtype and prod(constant.shape) > 1


_MOVES = frozenset(("Unsqueeze", "Squeeze", "Reshape", "Transpose"))

_RULES: dict[str, Callable[[Node, list[Constant]], Constant]] = {
    "Add": _binary(operator.add),
    "Sub": _binary(operator.sub),
    "Mul": _binary(operator.mul),
    "Div": _binary(_divide),
    "Mod": _remainder,
    "Min": _binary(min),
    "Max": _binary(max),
    "Equal": _binary(operator.eq, "bool"),
    "Neg": _unary(operator.neg),
    "Floor": _unary(floor),
    "Ceil": _unary(ceil),
    "Sqrt": _unary(lambda x: x**0.5),
    "Cast": _cast,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": _reshape,
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _slice,
    "Transpose": _transpose,
    "ConstantOfShape": _filled,
    "Where": _where,
    "Range": _range,
    "ReduceProd": _product,
}
