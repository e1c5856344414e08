"""Arithmetic on constants: exporters work out shapes node by node.

Of large constants, and of those whose numbers the file does not hold, only the shape is worked out.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from itertools import product as combinations
from math import ceil, cos, exp, floor, fmod, inf, log, prod, sin
from typing import Any

from msgspec.structs import replace

from convcost.importers.constants import Unfoldable, axes_of, is_learned, numbers, target
from convcost.importers.graph import Constant, Node

MOST_VALUES = 4096
"""How many numbers a constant that is worked out may have."""


_LARGEST = 2**63
_MOST_RANGE = 100_000_000


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
    if (
        node.operator not in _MOVES
        and node.operator not in _COMPARES
        and any(each is not None and is_learned(each) for each in inputs)
    ):
        raise Unfoldable  # arithmetic on weights is performed
    try:
        found = rule(node, [each for each in inputs if each is not None])
    except (IndexError, ValueError, TypeError, ZeroDivisionError, OverflowError, KeyError):
        raise Unfoldable from None
    if found.values is not None and len(found.values) != prod(found.shape):
        raise Unfoldable
    if found.values is not None and len(found.values) > MOST_VALUES:
        found = replace(found, values=None)
    if any(isinstance(value, int) and abs(value) > _LARGEST for value in found.values or ()):
        raise Unfoldable
    return found


def _new(node: Node, shape: Sequence[int], values: Sequence[Any] | None, dtype: str) -> Constant:
    held = tuple(values) if values is not None else None
    return Constant(node.outputs[0], tuple(shape), dtype, held, stored=False)


def _binary(work: Callable[[Any, Any], Any], dtype: str = "") -> Callable[[Node, list[Constant]], Constant]:
    def folded(node: Node, inputs: list[Constant]) -> Constant:
        a, b = inputs
        shape = _broadcast(a.shape, b.shape)
        if not _are_few(shape, a, b):
            return _new(node, shape, None, dtype or a.dtype)
        pairs = zip(_stretched(a, shape), _stretched(b, shape), strict=True)
        return _new(node, shape, _worked(lambda pair: work(*pair), pairs), dtype or a.dtype)

    return folded


def _worked(work: Callable[[Any], Any], given: Iterable[Any]) -> list[Any] | None:
    """Apply a function to numbers and return the results; None if one has none, such as the logarithm of 0."""
    try:
        found = [work(each) for each in given]
    except (ArithmeticError, ValueError):
        return None
    return None if any(each.__class__ is complex for each in found) else found


def _are_few(shape: Sequence[int], *constants: Constant) -> bool:
    """Return whether numbers are worked out: all are known, and of the result there are few."""
    return prod(shape) <= MOST_VALUES and all(each.values is not None for each in constants)


def _broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    rank = max(len(a), len(b))
    sizes = []
    for x, y in zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True):
        if x != y and 1 not in (x, y):
            raise ValueError
        sizes.append(y if x == 1 else x)
    return tuple(sizes)


def _stretched(constant: Constant, shape: tuple[int, ...]) -> list[Any]:
    values = numbers(constant)
    if constant.shape == shape:
        return list(values)
    own = (1,) * (len(shape) - len(constant.shape)) + constant.shape
    return [values[_place(index, own)] for index in combinations(*map(range, shape))]


def _place(index: Sequence[int], shape: Sequence[int]) -> int:
    at = 0
    for i, size in zip(index, shape, strict=True):
        at = at * size + (i if size != 1 else 0)
    return at


def _unary(work: Callable[[Any], Any]) -> Callable[[Node, list[Constant]], Constant]:
    def folded(node: Node, inputs: list[Constant]) -> Constant:
        values = inputs[0].values
        return _new(node, inputs[0].shape, _worked(work, values) if values is not None else None, inputs[0].dtype)

    return folded


def _divide(x: Any, y: Any) -> Any:
    if isinstance(x, int) and isinstance(y, int):
        return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)  # towards zero
    return x / y


def _remainder(node: Node, inputs: list[Constant]) -> Constant:
    work = (lambda x, y: int(fmod(x, y))) if node.attributes.get("fmod", 0) else operator.mod
    return _binary(work)(node, inputs)


_KINDS: dict[int, tuple[Callable[[Any], Any], str]] = {
    1: (float, "float32"),
    2: (int, "uint8"),
    3: (int, "int8"),
    6: (int, "int32"),
    7: (int, "int64"),
    9: (bool, "bool"),
    10: (float, "float16"),
    11: (float, "float64"),
    16: (float, "bfloat16"),
}


def _cast(node: Node, inputs: list[Constant]) -> Constant:
    kind, dtype = _KINDS[node.attributes["to"]]
    if is_learned(inputs[0]) and kind is float:  # it stays the tensor that it is
        return inputs[0]
    values = inputs[0].values
    return _new(node, inputs[0].shape, _worked(kind, values) if values is not None else None, dtype)


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
    return replace(constant, shape=tuple(shape))


def _reshape(node: Node, inputs: list[Constant]) -> Constant:
    return _view(node, inputs[0], target(inputs[0].shape, numbers(inputs[1]), node.attributes.get("allowzero", 0)))


def _flatten(node: Node, inputs: list[Constant]) -> Constant:
    shape = inputs[0].shape
    axis = node.attributes.get("axis", 1)
    axis += len(shape) * (axis < 0)
    return _view(node, inputs[0], (prod(shape[:axis]), prod(shape[axis:])))


def _concat(node: Node, inputs: list[Constant]) -> Constant:
    given = [each for each in inputs if 0 not in each.shape] or inputs[:1]
    axis = node.attributes["axis"] % len(given[0].shape)
    rest = {(*each.shape[:axis], *each.shape[axis + 1 :]) for each in given}
    if len(rest) != 1 or len({len(each.shape) for each in given}) != 1:
        raise ValueError
    shape = [*given[0].shape]
    shape[axis] = sum(each.shape[axis] for each in given)
    if not _are_few(shape, *given):
        return _new(node, shape, None, given[0].dtype)
    inner = prod(shape[axis + 1 :])
    values: list[Any] = []
    for row in range(prod(shape[:axis])):
        for each in given:
            width = each.shape[axis] * inner
            values += numbers(each)[row * width : (row + 1) * width]
    return _new(node, shape, values, given[0].dtype)


def _gather(node: Node, inputs: list[Constant]) -> Constant:
    data, indices = inputs
    axis = node.attributes.get("axis", 0) % len(data.shape)
    shape = (*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :])
    if not _are_few(shape, data, indices):
        return _new(node, shape, None, data.dtype)
    size, inner = data.shape[axis], prod(data.shape[axis + 1 :])
    values, places = numbers(data), [int(index) for index in numbers(indices)]
    if any(not -size <= place < size for place in places):
        raise ValueError
    found = [
        values[(row * size + place % size) * inner + column]
        for row in range(prod(data.shape[:axis]))
        for place in places
        for column in range(inner)
    ]
    return _new(node, shape, found, data.dtype)


def _slice(node: Node, inputs: list[Constant]) -> Constant:
    data = inputs[0]
    starts: tuple[Any, ...] = node.attributes["starts"] if "starts" in node.attributes else numbers(inputs[1])
    ends: tuple[Any, ...] = node.attributes["ends"] if "ends" in node.attributes else numbers(inputs[2])
    axes = node.attributes.get("axes") or (numbers(inputs[3]) if len(inputs) > 3 else range(len(starts)))
    steps = numbers(inputs[4]) if len(inputs) > 4 else (1,) * len(starts)
    chosen = [range(size) for size in data.shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = data.shape[int(axis)]
        chosen[int(axis)] = range(size)[slice(int(start), _end(end, step), int(step))]
    shape = [len(each) for each in chosen]
    if not _are_few(shape, data):
        return _new(node, shape, None, data.dtype)
    values = numbers(data)
    found = [values[_offset(index, data.shape)] for index in combinations(*chosen)]
    return _new(node, shape, found, data.dtype)


def _offset(index: Sequence[int], shape: Sequence[int]) -> int:
    """Return where a number lies in a tensor, row by row."""
    at = 0
    for i, size in zip(index, shape, strict=True):
        at = at * size + i
    return at


def _end(end: int, step: int) -> int | None:
    return None if step < 0 and end < -(2**31) + 2 else int(end)


def _transpose(node: Node, inputs: list[Constant]) -> Constant:
    data = inputs[0]
    order = node.attributes.get("perm") or tuple(reversed(range(len(data.shape))))
    shape = tuple([data.shape[axis] for axis in order])
    values = None
    held = data.values
    if held is not None:
        indices = combinations(*map(range, shape))
        back = [order.index(axis) for axis in range(len(order))]
        values = tuple([held[_offset([index[place] for place in back], data.shape)] for index in indices])
    return replace(data, shape=shape, values=values)


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
    if not _are_few(shape, *inputs):
        return _new(node, shape, None, a.dtype)
    rows = zip(*(_stretched(each, shape) for each in inputs), strict=True)
    return _new(node, shape, [x if chosen else y for chosen, x, y in rows], a.dtype)


def _range(node: Node, inputs: list[Constant]) -> Constant:
    start, end, step = (numbers(each)[0] for each in inputs)
    count = max(0, ceil((end - start) / step))
    if count > _MOST_RANGE:
        raise Unfoldable
    values = [start + step * at for at in range(count)] if count <= MOST_VALUES else None
    return _new(node, (count,), values, inputs[0].dtype)


def _expand(node: Node, inputs: list[Constant]) -> Constant:
    wanted = tuple(map(int, numbers(inputs[1])))
    shape = _broadcast(inputs[0].shape, wanted)
    if prod(shape) == prod(inputs[0].shape):
        return _view(node, inputs[0], shape)
    if is_learned(inputs[0]):
        raise Unfoldable
    values = _stretched(inputs[0], shape) if _are_few(shape, inputs[0]) else None
    return _new(node, shape, values, inputs[0].dtype)


def _tile(node: Node, inputs: list[Constant]) -> Constant:
    data, times = inputs[0], numbers(inputs[1])
    shape = tuple([int(size * count) for size, count in zip(data.shape, times, strict=True)])
    if not _are_few(shape, data):
        return _new(node, shape, None, data.dtype)
    held = numbers(data)
    found = [
        held[_offset([at % size for at, size in zip(index, data.shape, strict=True)], data.shape)]
        for index in combinations(*map(range, shape))
    ]
    return _new(node, shape, found, data.dtype)


def _reduced(work: Callable[[Sequence[Any]], Any]) -> Callable[[Node, list[Constant]], Constant]:
    def folded(node: Node, inputs: list[Constant]) -> Constant:
        data = inputs[0]
        rank = len(data.shape)
        axes = axes_of(node, inputs)
        places = {int(axis) % rank for axis in axes} if axes else set(range(rank))
        keep = node.attributes.get("keepdims", 1)
        kept = [1 if axis in places else size for axis, size in enumerate(data.shape)]
        shape = kept if keep else [size for axis, size in enumerate(kept) if axis not in places]
        if data.values is None:
            return _new(node, shape, None, data.dtype)
        groups: dict[int, list[Any]] = {}
        for index, value in zip(combinations(*map(range, data.shape)), data.values, strict=True):
            groups.setdefault(_place(index, kept), []).append(value)
        return _new(node, shape, [work(groups[at]) for at in sorted(groups)], data.dtype)

    return folded


def _shape(node: Node, inputs: list[Constant]) -> Constant:
    sizes = inputs[0].shape[slice(node.attributes.get("start", 0), node.attributes.get("end"))]
    return _new(node, (len(sizes),), sizes, "int64")


def _size(node: Node, inputs: list[Constant]) -> Constant:
    return _new(node, (), (prod(inputs[0].shape),), "int64")


def _clip(node: Node, inputs: list[Constant]) -> Constant:
    data, rest = inputs[0], iter(inputs[1:])
    given = [next(rest) if name else None for name in node.inputs[1:3]]
    least, most = (*given, None, None)[:2]
    low = numbers(least)[0] if least is not None else node.attributes.get("min", -inf)
    high = numbers(most)[0] if most is not None else node.attributes.get("max", inf)
    values = [min(max(x, low), high) for x in data.values] if data.values is not None else None
    return _new(node, data.shape, values, data.dtype)


def _cumulated(node: Node, inputs: list[Constant]) -> Constant:
    data = inputs[0]
    axis = int(numbers(inputs[1])[0]) % len(data.shape)
    if data.values is None or node.attributes.get("exclusive", 0) or node.attributes.get("reverse", 0):
        return _new(node, data.shape, None, data.dtype)
    found = list(data.values)
    step = prod(data.shape[axis + 1 :])
    for at in range(len(found)):
        if at // step % data.shape[axis]:
            found[at] += found[at - step]
    return _new(node, data.shape, found, data.dtype)


def _chosen(node: Node, inputs: list[Constant]) -> Constant:
    data, places = inputs
    values = data.values[:1] * prod(places.shape) if data.values and len(set(data.values)) == 1 else None
    return _new(node, places.shape, values, data.dtype)


def _resized(node: Node, inputs: list[Constant]) -> Constant:
    data, how = inputs[0], numbers(inputs[-1])
    by_size = len(node.inputs) > 3 and bool(node.inputs[3])
    shape = [int(each) if by_size else floor(size * each) for size, each in zip(data.shape, how, strict=True)]
    if "axes" in node.attributes or not data.values or len(set(data.values)) > 1:
        raise Unfoldable
    return _new(node, shape, data.values[:1] * prod(shape) if prod(shape) <= MOST_VALUES else None, data.dtype)


def _unknown(node: Node, inputs: list[Constant]) -> Constant:
    """Return a constant of the first input's shape, whose numbers are not worked out."""
    return _new(node, inputs[0].shape, None, inputs[0].dtype)


def _product_of_matrices(node: Node, inputs: list[Constant]) -> Constant:
    a, b = inputs
    if min(len(a.shape), len(b.shape)) < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError
    return _new(node, (*_broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), None, a.dtype)


def _not_zero(node: Node, inputs: list[Constant]) -> Constant:
    """Return the places of the values that are not 0: a row for each axis."""
    (data,) = inputs
    indices = combinations(*map(range, data.shape))
    places = [index for index, value in zip(indices, numbers(data), strict=True) if value]
    rank = max(1, len(data.shape))
    found = [place[axis] if place else 0 for axis in range(rank) for place in places]
    return _new(node, (rank, len(places)), found, "int64")


_COMPARES = frozenset(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"))
_MOVES = frozenset(("Unsqueeze", "Squeeze", "Reshape", "Flatten", "Transpose", "Shape", "Size", "Cast", "Expand"))

_RULES: dict[str, Callable[[Node, list[Constant]], Constant]] = {
    "Add": _binary(operator.add),
    "Sub": _binary(operator.sub),
    "Mul": _binary(operator.mul),
    "Div": _binary(_divide),
    "Pow": _binary(operator.pow),
    "Mod": _remainder,
    "Min": _binary(min),
    "Max": _binary(max),
    "Equal": _binary(operator.eq, "bool"),
    "Greater": _binary(operator.gt, "bool"),
    "GreaterOrEqual": _binary(operator.ge, "bool"),
    "Less": _binary(operator.lt, "bool"),
    "LessOrEqual": _binary(operator.le, "bool"),
    "And": _binary(lambda x, y: x and y, "bool"),
    "Or": _binary(lambda x, y: x or y, "bool"),
    "Not": _unary(operator.not_),
    "Neg": _unary(operator.neg),
    "Abs": _unary(abs),
    "Floor": _unary(floor),
    "Ceil": _unary(ceil),
    "Round": _unary(round),
    "Sqrt": _unary(lambda x: x**0.5),
    "Exp": _unary(exp),
    "Log": _unary(log),
    "Sin": _unary(sin),
    "Cos": _unary(cos),
    "Reciprocal": _unary(lambda x: 1 / x),
    "Sign": _unary(lambda x: (x > 0) - (x < 0)),
    "Cast": _cast,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _slice,
    "Transpose": _transpose,
    "ConstantOfShape": _filled,
    "Where": _where,
    "Range": _range,
    "Expand": _expand,
    "Tile": _tile,
    "Shape": _shape,
    "Size": _size,
    "CumSum": _cumulated,
    "Clip": _clip,
    "ReduceProd": _reduced(prod),
    "ReduceSum": _reduced(sum),
    "ReduceMax": _reduced(max),
    "ReduceMin": _reduced(min),
    "NonZero": _not_zero,
    "Resize": _resized,
    "GatherElements": _chosen,
    "ScatterND": _unknown,
    "ScatterElements": _unknown,
    "Trilu": _unknown,
    "Tanh": _unknown,
    "Sigmoid": _unknown,
    "MatMul": _product_of_matrices,
}
