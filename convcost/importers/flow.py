"""The values that flow through a network while it is mapped, in the forms that rules ask for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from math import prod
from typing import Any

from convcost.importers.constants import is_worked_out
from convcost.importers.graph import Constant, ModelGraph, Node
from convcost.importers.movement import settle
from convcost.importers.values import Moved, Unmapped, Unsupported, Value, counted_axis, with_axis, without
from convcost.layers.inputs import shown
from convcost.layers.layout import FEATURE_MAP, TOKENS, UNKNOWN, VECTOR
from convcost.network.graph import Tensor

_QUANTISED = frozenset(("int16", "uint16", "int8", "uint8", "int4", "uint4", "int2", "uint2"))
AS_IT_IS = -1
"""The batch axis stays where it is."""


class ValueTable(ABC):
    """The values of a graph, by their names.

    Args:
        graph: The graph.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.values: dict[str, Value] = dict(graph.constants)
        self._reads = Counter(name for node in graph.nodes for name in node.inputs)
        self._reads.update(graph.outputs)
        self.worked_out = 0  # numbers in learned tensors that no module names
        self.masked = 0  # numbers in tensors that are masks by their names, and perhaps not learned
        self._parameters: dict[str, Tensor] = {}  # by the name of the constant
        self._lacks: dict[tuple[int, int], int | None] = {}  # of tensors: the axis of the graph they lack, where not 0

    @abstractmethod
    def emit(self, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        """Add a layer."""

    @abstractmethod
    def give(self, node: Node, name: str, value: Tensor | Moved | Constant) -> None:
        """Set a value that a node gives."""

    def tensor(self, name: str, *, batch: int | None = AS_IT_IS, layout: str = "") -> Tensor:
        """Return a value that flows through the network; movements that are left to do become items.

        A constant becomes a learned tensor.

        Args:
            name: The value.
            batch: The axis of the graph's shape, of size 1, that the tensor is to lack; None for none. That of the
                batch without it.
            layout: The layout that it is to have; whichever it has without it.

        Raises:
            Unsupported: The value has no such axis, or is a constant that is not learned.
        """
        found = self.values[name]
        if isinstance(found, Tensor) and batch in (AS_IT_IS, 0) and layout in ("", found.layout):  # as most are read
            self._lacks[found.producer, found.output] = 0  # another value of the same tensor may lack another axis
            return found
        value = self.moved(name)
        axis = value.batch if batch == AS_IT_IS else batch
        if axis is not None and (axis >= len(value.full) or value.full[axis] != 1):
            raise Unsupported(f"it needs one picture, and reads {shown(value.full)}")
        if axis is not None and len(value.full) == 1:
            axis = None
        tensor = settle(self, value, axis, layout)
        self._lacks[tensor.producer, tensor.output] = axis
        self.values[name] = self.held(tensor, axis)
        return tensor

    def picture(self, name: str) -> Tensor:
        """Return a value as one feature map, for types that work on its positions."""
        found = self.values[name]
        if isinstance(found, Tensor) and found.layout == FEATURE_MAP:
            self._lacks[found.producer, found.output] = 0
            return found
        value = self.moved(name)
        if value.batch != 0 and value.full[0] != 1:
            raise Unsupported(f"it works on {value.full[0]} pictures at once")
        axes, base = len(value.full) - 1, value.base.layout
        is_open = base in (TOKENS, UNKNOWN) or (base == VECTOR and axes == 2)  # more axes of a vector are a map's
        is_open = is_open or (base == FEATURE_MAP and axes > len(value.base.shape))  # a sequence as a picture
        layout = FEATURE_MAP if is_open and 2 <= axes <= 4 else ""
        tensor = self.tensor(name, batch=0, layout=layout)
        is_row = tensor.layout == TOKENS and 2 <= len(tensor.shape) <= 4  # such as one row of channels of a sequence
        return self.laid_out(tensor, FEATURE_MAP) if is_row else tensor

    def vectors(self, name: str) -> Tensor:
        """Return a value as one vector, or as tokens."""
        value = self.moved(name)
        batch = value.batch if value.shape else None
        if batch == len(value.full) - 1 > 0:  # which holds the features
            batch = None
        return self.tensor(name, batch=batch, layout=TOKENS if len(without(value.full, batch)) > 1 else "")

    def many_pictures(self, name: str) -> bool:
        """Return whether a value is several pictures, which lie along the first axis."""
        return not isinstance(self.values[name], Tensor) and self.full(name)[0] != 1

    def together(self, name: str) -> Tensor:
        """Return several pictures as one feature map, in which they lie along the first axis behind the channels."""
        value = self.moved(name)
        order = (1, 0, *range(2, len(value.full)))
        full = tuple([value.full[axis] for axis in order])
        tensor = settle(
            self, Moved(value.base, value.dropped, (*value.steps, ("permute", order)), full, None), None, FEATURE_MAP
        )
        self._lacks[tensor.producer, tensor.output] = None
        return tensor

    def apart(self, node: Node, tensor: Tensor) -> None:
        """Set what a node gives to several pictures, which lie along the first axis behind the channels."""
        order = (1, 0, *range(2, len(tensor.shape)))
        full = tuple([tensor.shape[axis] for axis in order])
        self.give(node, node.outputs[0], Moved(tensor, None, (("permute", order),), full, None, node.scope))

    def is_read(self, name: str) -> bool:
        """Return whether a node or the model reads a value."""
        return name in self._reads

    def is_read_once(self, name: str) -> bool:
        """Return whether one node alone reads a value, once."""
        return self._reads[name] == 1

    def laid_out(self, tensor: Tensor, layout: str) -> Tensor:
        """Return a tensor with a layout."""
        axis = self.lacks(tensor)
        value = self.held(tensor, axis)
        moved = value if isinstance(value, Moved) else Moved(tensor, 0, (), (1, *tensor.shape), 0)
        tensor = settle(self, moved, axis, layout)
        self._lacks[tensor.producer, tensor.output] = axis
        return tensor

    def hold(self, name: str, tensor: Tensor) -> None:
        """Set a value without comparing its shape with the file's."""
        self.values[name] = self.held(tensor, self.lacks(tensor))

    def hold_moved(self, name: str, value: Moved) -> None:
        """Set a value to a movement without comparing its shape with the file's."""
        self.values[name] = value

    def moved(self, name: str) -> Moved:
        """Return a value as a movement, perhaps of no step; a constant becomes a learned tensor."""
        value = self.value(name)
        if isinstance(value, Constant):
            value = self._learned(value)
            self.values[name] = value
        if isinstance(value, Moved) and value.steps and any([kind == "pad" for kind, _ in value.steps]):  # noqa: C419
            tensor = settle(self, value, value.batch)
            value = self.values[name] = self.held(tensor, value.batch)
        return value if isinstance(value, Moved) else Moved(value, 0, (), (1, *value.shape), 0)

    def value(self, name: str) -> Tensor | Moved | Constant:
        """Return a value as it is known so far."""
        value = self.values[name]
        assert not isinstance(value, Unmapped)
        return value

    def full(self, name: str) -> tuple[int, ...]:
        """Return the shape that a value has in the graph, with the batch axis."""
        value = self.value(name)
        return (
            value.full
            if isinstance(value, Moved)
            else value.shape
            if isinstance(value, Constant)
            else (1, *value.shape)
        )

    def lacks(self, tensor: Tensor) -> int | None:
        """Return the axis of the graph's shape that a tensor lacks; None where it has all of them."""
        return self._lacks.get((tensor.producer, tensor.output), 0)

    def axis(self, name: str, axis: int) -> int:
        """Return the number that an axis of the graph has in the tensor.

        Raises:
            Unsupported: It is the batch axis, or there is none.
        """
        value = self.moved(name)
        axis = counted_axis(axis, len(value.full))
        if axis == value.batch:
            raise Unsupported("it works along the batch axis")
        return axis - (value.batch is not None and value.batch < axis)

    def held(self, tensor: Tensor, axis: int | None) -> Tensor | Moved:
        """Return a tensor that lacks an axis of the graph's shape as a value."""
        return tensor if axis == 0 else Moved(tensor, axis, (), with_axis(tensor.shape, axis), axis)

    def _learned(self, constant: Constant) -> Tensor | Moved:
        """Return a constant as a tensor that the network learns.

        Raises:
            Unsupported: It is none that is learned.
        """
        if "float" not in constant.dtype and constant.dtype not in _QUANTISED:
            raise Unsupported(f"it reads the constant {constant.name!r} where it should read a value")
        known = self._parameters.get(constant.name)
        axis = 0 if constant.shape[:1] == (1,) and len(constant.shape) > 1 else None
        if known is None or prod(known.shape) != prod(constant.shape):
            shape = without(constant.shape, axis) or (1,)
            fields = {"shape": list(shape)}
            node = Node("", (), ())
            name = constant.name if constant.stored and is_module_path(constant.name) else ""
            said = constant.trainable is not None  # else a single number is learned where a module has it
            learned = constant.stored and (said or prod(shape) > 1 or "." in constant.name)
            weights = [None, constant]
            (known,) = self.emit(node, "parameter", fields, [], weights, name=name, gives=(), learned=learned)
            self._parameters[constant.name] = known
            if (constant.stored and not is_module_path(constant.name)) or is_worked_out(constant.name):
                self.worked_out += prod(constant.shape)
            elif learned and constant.trainable is None and constant.name.endswith("mask"):
                self.masked += prod(constant.shape)
            self._lacks[known.producer, known.output] = axis
        if known.shape == without(constant.shape, axis):
            return self.held(known, axis)
        lacking = self.lacks(known)
        return Moved(known, lacking, (("reshape", constant.shape),), constant.shape, axis)


def is_module_path(name: str) -> bool:
    """Return whether a tensor has a name that its module gave it, and not one of an exporter."""
    return "::" not in name and "/" not in name and bool(name)


def may_be_learned(constant: Constant) -> bool:
    """Return whether a number is one of a module's, as far as its name says."""
    return constant.stored and "float" in constant.dtype and is_module_path(constant.name) and "." in constant.name
