"""Numbers of the program: what operators make of constants and of the sizes of values, for one input of the batch.

A model that was converted with an open batch works out sizes while it runs. They are worked out here, their operators
are left out, and a reshape to sizes that follow from them says them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from math import prod
from typing import Any

from msgspec.structs import replace

from convcost.importers.constants import Unfoldable
from convcost.importers.graph import Constant, Node
from convcost.importers.tflite.model import MOST_VALUES, FileGraph, FileOperator, FileTensor, has_open_batch

_LAST = 2**31 - 1
_PER_VALUE = {
    "ADD": "Add",
    "SUB": "Sub",
    "MUL": "Mul",
    "FLOOR_MOD": "Mod",
    "MINIMUM": "Min",
    "MAXIMUM": "Max",
    "EQUAL": "Equal",
    "GREATER": "Greater",
    "GREATER_EQUAL": "GreaterOrEqual",
    "LESS": "Less",
    "LESS_EQUAL": "LessOrEqual",
    "LOGICAL_AND": "And",
    "LOGICAL_OR": "Or",
    "LOGICAL_NOT": "Not",
    "NEG": "Neg",
    "SELECT": "Where",
    "SELECT_V2": "Where",
    "RANGE": "Range",
    "TILE": "Tile",
    "BROADCAST_TO": "Expand",
}
_REDUCTIONS = {"REDUCE_PROD": "ReduceProd", "SUM": "ReduceSum", "REDUCE_MAX": "ReduceMax", "REDUCE_MIN": "ReduceMin"}
_VIEWS = frozenset(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"))
_WHOLE = frozenset(("int32", "int64", "bool"))


def with_known_numbers(graph: FileGraph) -> FileGraph:
    """Return a graph whose tensors have the numbers and the sizes that follow from constants."""
    return _Known(graph).graph()


class _Known:
    """What is known of the tensors of one graph.

    Args:
        graph: The graph.
    """

    def __init__(self, graph: FileGraph) -> None:
        self._graph = graph
        self._tensors = list(graph.tensors)
        self._is_open = has_open_batch(graph)

    def graph(self) -> FileGraph:
        left = [each for each in self._graph.operators if not self._is_worked_out(each)]
        return replace(self._graph, tensors=tuple(self._tensors), operators=tuple(left))

    def _is_worked_out(self, operator: FileOperator) -> bool:
        """Return whether what an operator gives is known now; sizes that it says are taken otherwise."""
        if not operator.inputs or not operator.outputs or min(operator.inputs[0], *operator.outputs) < 0:
            return False
        rule = _RULES.get(operator.name)
        if operator.name == "SHAPE":
            found = self._sizes(operator.inputs[0])
            return found is not None and self._set(operator, [((len(found),), found)])
        if rule is not None:
            try:
                results = rule(self, operator)
            except (Unfoldable, IndexError, ValueError, TypeError, KeyError, ArithmeticError):
                results = None
            if results is not None and len(results) == len(operator.outputs):
                return self._set(operator, results)
        if self._is_open:
            self._take_sizes(operator)
        return False

    def _set(self, operator: FileOperator, results: list[_Result]) -> bool:
        """Set the numbers of what an operator gives, and return whether there are few."""
        if any(values is None for _, values in results):
            return False
        for index, (shape, values) in zip(operator.outputs, results, strict=False):
            self._tensors[index] = replace(self._tensors[index], shape=shape, sizes=shape, numbers=values)
        return True

    def _sizes(self, index: int) -> tuple[int, ...] | None:
        """Return the sizes of a value, of one input of the batch; None where one is open."""
        sizes = self._tensors[index].sizes
        found = [1 if size is None and not at and self._is_open else size for at, size in enumerate(sizes)]
        known = [size for size in found if size is not None]
        return tuple(known) if len(known) == len(found) else None

    def constant(self, index: int) -> Constant:
        """Return a tensor whose numbers are known.

        Raises:
            Unfoldable: They are not, or are no whole numbers.
        """
        tensor = self._tensors[index]
        if index < 0 or tensor.dtype not in _WHOLE or tensor.scale is not None:
            raise Unfoldable
        values = self._graph.values(tensor) if tensor.sizes != (0,) else ()
        if values is None:
            raise Unfoldable
        self._graph.data.spend(len(values), 0)
        return Constant(tensor.name, tensor.shape, tensor.dtype, values, stored=False)

    def number(self, index: int) -> Any:
        """Return the only number of a constant, of any type.

        Raises:
            Unfoldable: There is none.
        """
        values = self._graph.values(self._tensors[index])
        if index < 0 or values is None or len(values) != 1:
            raise Unfoldable
        return values[0]

    # sizes that follow from them

    def _take_sizes(self, operator: FileOperator) -> None:
        """Set the sizes that a reshape says, and those of what works on it value by value."""
        tensor, source = self._tensors[operator.outputs[0]], self._tensors[operator.inputs[0]]
        if None not in tensor.sizes:
            return
        before = self._sizes(source.index)
        if before is None:
            return
        after: tuple[int, ...] | None = None
        if operator.name == "RESHAPE" and len(operator.inputs) > 1:
            wanted = self._graph.values(self._tensors[operator.inputs[1]])
            after = _resolved(prod(before), wanted) if wanted is not None else None
        elif operator.name in _KEEPING and len(tensor.sizes) == len(before):
            after = before
        if after is not None and _fits(after, tensor):
            sizes = (tensor.sizes[0], *after[1:]) if after[0] == 1 else after  # the batch stays open
            self._tensors[tensor.index] = replace(tensor, shape=after, sizes=sizes)


def _fits(sizes: tuple[int, ...], tensor: FileTensor) -> bool:
    """Return whether sizes are those of a tensor where the file says these."""
    if len(sizes) != len(tensor.sizes) or min(sizes) < 1:
        return False
    return all(known in (None, size) for size, known in zip(sizes, tensor.sizes, strict=True))


def _resolved(count: int, wanted: tuple[Any, ...]) -> tuple[int, ...] | None:
    """Return the sizes that a reshape of so many values gives; None where they do not fit."""
    known = prod(size for size in wanted if size != -1)
    if wanted.count(-1) > 1 or known < 1 or count % known:
        return None
    sizes = tuple([count // known if size == -1 else int(size) for size in wanted])
    return sizes if prod(sizes) == count else None


_KEEPING = frozenset(("RELU", "RELU6", "TANH", "LOGISTIC", "GELU", "HARD_SWISH", "ELU", "QUANTIZE", "DEQUANTIZE"))

_Result = tuple[tuple[int, ...], tuple[Any, ...] | None]
_Rule = Callable[[_Known, FileOperator], list[_Result]]


def _folded(operator: str, inputs: list[Constant], **attributes: Any) -> _Result:
    from convcost.importers.folding import fold

    node = Node(operator, tuple([each.name for each in inputs]), ("y",), attributes)
    found = fold(node, inputs)
    return found.shape, found.values


def _per_value(known: _Known, operator: FileOperator) -> list[_Result]:
    return [_folded(_PER_VALUE[operator.name], [known.constant(index) for index in operator.inputs])]


def _quotient(known: _Known, operator: FileOperator) -> list[_Result]:
    inputs = [known.constant(index) for index in operator.inputs]
    if any(value < 0 for each in inputs for value in each.values or ()):
        raise Unfoldable  # towards zero there, towards −∞ here
    return [_folded("Div", inputs)]


def _same(known: _Known, operator: FileOperator) -> list[_Result]:
    found = known.constant(operator.inputs[0])
    return [(found.shape, found.values)]


def _view(known: _Known, operator: FileOperator) -> list[_Result]:
    found = known.constant(operator.inputs[0])
    if operator.name == "RESHAPE":
        shape = _resolved(prod(found.shape), known.constant(operator.inputs[1]).values or ())
    elif operator.name == "EXPAND_DIMS":
        (axis,) = known.constant(operator.inputs[1]).values or ()
        axis %= len(found.shape) + 1
        shape = (*found.shape[:axis], 1, *found.shape[axis:])
    else:
        gone = operator.options.wholes(0, "i", 32, "axes") if operator.options is not None else ()
        axes = {axis % len(found.shape) for axis in gone or range(len(found.shape))}
        shape = tuple([size for axis, size in enumerate(found.shape) if axis not in axes or size != 1])
    return [(shape, found.values)] if shape is not None else []


def _reduced(known: _Known, operator: FileOperator) -> list[_Result]:
    data, axes = (known.constant(index) for index in operator.inputs)
    keep = int(operator.options is not None and operator.options.flag(0))
    return [_folded(_REDUCTIONS[operator.name], [data], axes=axes.values or (), keepdims=keep)]


def _gathered(known: _Known, operator: FileOperator) -> list[_Result]:
    options = operator.options
    if options is not None and options.whole(1):
        raise Unfoldable
    inputs = [known.constant(index) for index in operator.inputs]
    return [_folded("Gather", inputs, axis=options.whole(0) if options is not None else 0)]


def _joined(known: _Known, operator: FileOperator) -> list[_Result]:
    inputs = [known.constant(index) for index in operator.inputs]
    options = operator.options
    if options is None and operator.name == "CONCATENATION":
        raise Unfoldable
    if operator.name == "CONCATENATION":
        return [_folded("Concat", inputs, axis=options.whole(0) if options is not None else 0)]
    axis = options.whole(1) if options is not None else 0
    if any(each.shape for each in inputs) and axis != 0:
        raise Unfoldable
    parts = [replace(each, shape=(1, *each.shape)) for each in inputs]
    return [_folded("Concat", parts, axis=0)]


def _parts(known: _Known, operator: FileOperator) -> list[_Result]:
    """Return the parts of a vector, or its numbers one by one."""
    source = operator.inputs[1] if operator.name == "SPLIT" else operator.inputs[0]
    found = known.constant(source)
    count = len(operator.outputs)
    if operator.name == "SPLIT_V":
        sizes = known.constant(operator.inputs[1]).values or ()
        ends = list(accumulate(sizes))
        if len(found.shape) != 1 or min(sizes) < 0 or ends[-1:] != [found.shape[0]] or found.values is None:
            raise Unfoldable
        return [((size,), found.values[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
    if len(found.shape) != 1 or found.shape[0] % count or found.values is None:
        raise Unfoldable
    size = found.shape[0] // count
    if operator.name == "UNPACK" and size != 1:
        raise Unfoldable
    shape = (size,) if operator.name == "SPLIT" else ()
    return [(shape, found.values[at * size : (at + 1) * size]) for at in range(count)]


def _sliced(known: _Known, operator: FileOperator) -> list[_Result]:
    data, starts, others, *rest = [known.constant(index) for index in operator.inputs]
    first, last = list(starts.values or ()), list(others.values or ())
    if operator.name == "SLICE":
        ends = [_LAST if size < 0 else start + size for start, size in zip(first, last, strict=True)]
        return [_folded("Slice", [data], starts=tuple(first), ends=tuple(ends))]
    (steps,) = rest
    options = operator.options
    starts_off, ends_off, ellipsis, added, gone = (options.whole(mask) if options else 0 for mask in range(5))
    if len(data.shape) != 1 or ellipsis or added or (options is not None and options.flag(5)):
        raise Unfoldable
    if gone & 1:
        place = first[0] % data.shape[0]
        return [((), (data.values or ())[place : place + 1])]
    start, end, step = None if starts_off & 1 else first[0], None if ends_off & 1 else last[0], (steps.values or ())[0]
    values = (data.values or ())[slice(start, end, step)]
    return [((len(values),), values)]


def _filled(known: _Known, operator: FileOperator) -> list[_Result]:
    """Return so many times a number, which may be no whole one."""
    shape = tuple(map(int, known.constant(operator.inputs[0]).values or ()))
    value = known.number(operator.inputs[1])
    if prod(shape) > MOST_VALUES:
        raise Unfoldable
    return [(shape, (value,) * prod(shape))]


_RULES: Mapping[str, _Rule] = {
    **dict.fromkeys(_PER_VALUE, _per_value),
    **dict.fromkeys(_REDUCTIONS, _reduced),
    **dict.fromkeys(_VIEWS, _view),
    **dict.fromkeys(("CAST",), _same),
    **dict.fromkeys(("CONCATENATION", "PACK"), _joined),
    **dict.fromkeys(("SPLIT", "SPLIT_V", "UNPACK"), _parts),
    **dict.fromkeys(("SLICE", "STRIDED_SLICE"), _sliced),
    "FLOOR_DIV": _quotient,
    "GATHER": _gathered,
    "FILL": _filled,
}
