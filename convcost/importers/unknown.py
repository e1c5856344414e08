"""Operators that have no layer type: an error that lists them all, a cost that is declared, or none at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from convcost.errors import ErrorDetail, OptionError, Place, SpecError, WarningDetail, nearest
from convcost.importers.flow import AS_IT_IS
from convcost.importers.graph import Constant, Node, shape_text
from convcost.importers.values import BEHIND, Moved, Unmapped, Unsupported
from convcost.model_options import SHAPE, ModelOptions, current
from convcost.network.completeness import declaration, is_in_memory
from convcost.network.graph import Tensor

if TYPE_CHECKING:
    from convcost.importers.mapper import Mapper

_NO_SHAPE = "it is declared, and the file does not record the shape of what it gives"
_BROADCAST = frozenset(
    ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "Mod", "Where", "BitShift")
)
_VALUE_BY_VALUE = _BROADCAST | frozenset(
    (
        *("Not", "IsNaN", "IsInf", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"),
        *("Hardmax", "CumSum", "Shrink", "ThresholdedRelu", "Trilu", "Bernoulli", "Dropout", "ReverseSequence"),
    )
)
"""Operators that give a value for each that they read."""
_MOST_ERRORS = 20
_NO_TYPE, _FOLLOWERS = "has no layer type", "more operators read what these give"
_LISTED = 5  # nodes of one operator that a message names

_LARGEST = 10**15
_Shape = tuple[list[int], int | None]
"""The sizes of a value, and the axis of the batch that they lack; None where it has none."""

Kinds = dict[tuple[str, str], list[Node]]
"""Nodes by their operator, and by why it cannot be mapped."""


class UnknownOperators:
    """What a mapper cannot map.

    Args:
        mapper: The mapper.
    """

    def __init__(self, mapper: Mapper) -> None:
        self.mapper = mapper
        self.options: ModelOptions = current()
        self._kinds: Kinds = {}
        self._declared: set[str] = set()
        self._read: set[str] | None = None

    def take(self, node: Node, reason: str) -> None:
        """Add an item for a node that cannot be mapped: at the cost that is declared, or of unknown cost.

        What follows is mapped as far as the shapes that the file records are known.

        Args:
            node: The node.
            reason: Why it cannot be; empty where its operator is not known.
        """
        used = self._used(node)
        costs = self.options.declare.get(node.operator)
        given = costs.get(SHAPE) if costs is not None and len(used) == 1 else None
        shapes: list[_Shape] | None = [(given, 0)] if given is not None else self._shapes(node, used)
        if costs is not None and shapes is not None:
            self._declared.add(node.operator)
            self._emit(node, "declared", {name: value for name, value in costs.items() if name != SHAPE}, used, shapes)
            return
        reason = _NO_SHAPE if costs is not None and reason != BEHIND else reason
        self._kinds.setdefault((node.operator, reason), []).append(node)
        self._emit(node, "unknown", {"operator": node.operator}, used, shapes)

    def check(self) -> list[str]:
        """Return comments about what was left out of the count.

        Raises:
            SpecError: That is not allowed; it lists all operators.
            OptionError: A cost is declared of an operator that has a layer type.
        """
        operators = {node.operator for node in self.mapper.graph.nodes}
        refused = {operator for operator, _ in self._kinds}
        for name in self.options.declare:
            if name in operators and name not in self._declared | refused:
                message = f"the operator {name} has a layer type, so that its cost is not declared"
                raise OptionError(ErrorDetail(message, Place(self.mapper.file), help="leave --declare out"))
        if not self._kinds:
            return []
        if not self.options.allow_unknown:
            raise SpecError(self._errors())
        names = ", ".join(dict.fromkeys(operator for operator, _ in self._kinds))
        return [f"not counted, as no layer type is known for them or for what they read: {names}"]

    def unused(self) -> tuple[WarningDetail, ...]:
        """Return warnings about costs that are declared of operators which the file does not have."""
        if not self.options.declare:
            return ()
        operators = {node.operator for node in self.mapper.graph.nodes}
        known = {operator for operator, _ in self._kinds} | self._declared or operators
        place = Place(self.mapper.file)
        return tuple(
            [
                WarningDetail(
                    f"a cost is declared of the operator {name!r}, which the file does not have",
                    place,
                    help=nearest(name, known) or "leave --declare out",
                )
                for name in self.options.declare
                if name not in operators
            ]
        )

    # shapes

    def _used(self, node: Node) -> tuple[str, ...]:
        """Return the values of a node that are read; the first where none is."""
        if self._read is None:
            self._read = {name for each in self.mapper.graph.nodes for name in each.inputs}
            self._read.update(self.mapper.graph.outputs)
        used = tuple([name for name in node.outputs if name and name in self._read])
        return used or tuple(node.outputs[:1])

    def _shapes(self, node: Node, names: Sequence[str]) -> list[_Shape] | None:
        """Return the shapes of some values of a node; None where one is not known.

        They are those that the file records of values with a batch axis: others may be as long as in the exporter's
        example alone. Of some operators they follow from what is read.
        """
        found = []
        for name in names:
            recorded = self.mapper.graph.shapes.get(name, ())
            sizes = [self.mapper.size(size) for size in recorded[1:]]
            known = [size for size in sizes if size and size < _LARGEST]
            has_batch = len(known) == len(sizes) > 0 and self._is_batch(recorded[0])
            full = (1, *known) if has_batch else self._inferred(node)
            if not full or (full[0] != 1 and self.mapper.batch != 1):
                return None
            found.append(_without_batch(full))
        return found if len({axis for _, axis in found}) == 1 else None

    def _inferred(self, node: Node) -> tuple[int, ...]:
        """Return the shape of what an operator gives that follows from what it reads; nothing where it is not known."""
        names = [name for name in node.inputs if name]
        if not names or any(isinstance(self.mapper.values.get(name), Unmapped) for name in names):
            return ()
        fulls = [self.mapper.full(name) for name in names]
        if node.operator in _VALUE_BY_VALUE:
            return _stretched(fulls if node.operator in _BROADCAST else fulls[:1])
        axis = node.attributes.get("axis", -1 if node.operator == "TopK" else 0)
        if node.operator == "TopK":
            count = self.mapper.numbers(node, 1, "k")
            return (*fulls[0][:axis], int(count[0]), *fulls[0][axis:][1:]) if count else ()
        if node.operator == "Gather":
            axis %= len(fulls[0])
            return (*fulls[0][:axis], *fulls[1], *fulls[0][axis + 1 :])
        if node.operator == "GatherElements":
            return fulls[1]
        if node.operator == "GatherND":
            shared = node.attributes.get("batch_dims", 0)
            return (*fulls[1][:-1], *fulls[0][shared + fulls[1][-1] :])
        if node.operator == "RoiAlign":
            cells = (node.attributes.get("output_height", 1), node.attributes.get("output_width", 1))
            return (fulls[1][0], fulls[0][1], *cells)
        return ()

    def _is_batch(self, size: int | str | None) -> bool:
        """Return whether the first axis of a value is that of the batch."""
        first = next((shape[0] for shape in self.mapper.graph.inputs.values() if shape), None)
        return size == first or (size is not None and self.mapper.size(size) == first)

    # items

    def _emit(
        self, node: Node, type: str, fields: dict[str, Any], names: Sequence[str], shapes: list[_Shape] | None
    ) -> None:
        axis = shapes[0][1] if shapes else AS_IT_IS
        if shapes is not None:
            fields["output_shape"] = [sizes for sizes, _ in shapes] if len(shapes) > 1 else shapes[0][0]
        kind = node.operator.rpartition(".")[2]
        name = f"{node.scope}.{kind}" if node.scope else kind if kind.lower() != "null" else type
        try:
            outputs = self.mapper.emit(node, type, fields, self._inputs(node), name=name, gives=(), batch=axis)
        except Unsupported as error:
            raise OptionError(ErrorDetail(f"--declare {node.operator}: {error}", Place(self.mapper.file))) from None
        for place, value in enumerate(names):
            tensor = outputs[place] if shapes is not None else outputs[0]
            self.mapper.values[value] = self.mapper.held(tensor, axis) if shapes is not None else Unmapped(tensor)

    def _inputs(self, node: Node) -> list[Tensor]:
        """Return what a node reads beside constants; an input of the network where that is nothing."""
        found = []
        for name in node.inputs:
            value = self.mapper.values.get(name)
            tensor = value.tensor if isinstance(value, Unmapped) else None
            if isinstance(value, (Tensor, Moved)):
                tensor = self._written(name)
            found += [tensor] if tensor is not None else []
        return found or self.mapper.inference.inputs[:1]

    def _written(self, name: str) -> Tensor:
        """Return a value as a tensor; what it is moved from where the language cannot write it."""
        try:
            return self.mapper.tensor(name)
        except Unsupported:
            return self.mapper.moved(name).base

    def tensor(self, name: str) -> Tensor:
        """Return a value as a tensor, in whichever shape the language can write it.

        Raises:
            SpecError: It cannot.
        """
        try:
            return self.mapper.tensor(name)
        except Unsupported as error:
            message = f"the value {name!r} cannot be written: {error}"
            raise SpecError(ErrorDetail(message, Place(self.mapper.file))) from None

    # errors

    def _errors(self) -> list[ErrorDetail]:
        """Return an error for each operator and reason; what only follows from them is counted."""
        kinds = {kind: nodes for kind, nodes in self._kinds.items() if kind[1] != BEHIND}
        behind = sum(len(nodes) for (_, reason), nodes in self._kinds.items() if reason == BEHIND)
        found = [self._error(name, reason, nodes) for (name, reason), nodes in list(kinds.items())[:_MOST_ERRORS]]
        place = Place(self.mapper.file)
        if absent := sorted({each.absent for each in self.mapper.graph.constants.values() if each.absent}):
            message = f"numbers that sizes may depend on are in {' and '.join(map(repr, absent[:_LISTED]))}"
            help = "put it into the folder of the model, and give the model by its path"
            found.insert(0, ErrorDetail(message, place, found="it cannot be read", help=help))
        if more := list(kinds)[_MOST_ERRORS:]:
            names = ", ".join(dict.fromkeys(name for name, _ in more))
            message = f"{len(more)} more {'kinds' if len(more) > 1 else 'kind'} of operators cannot be mapped"
            found.append(ErrorDetail(message, place, found=names))
        if behind:
            message = f"{behind:,} {_FOLLOWERS}, whose shape the file does not record"
            help = f"{self._allow} leaves these out of the count, too"
            found.append(ErrorDetail(message, place, help=help))
        return found

    @property
    def _allow(self) -> str:
        return "allow_unknown=True" if is_in_memory(self.mapper.file) else "--allow-unknown"

    def _error(self, name: str, reason: str, nodes: Sequence[Node]) -> ErrorDetail:
        first, *others = nodes
        message = f"the operator {name} {f'cannot be mapped: {reason}' if reason else _NO_TYPE}"
        more = f"{len(nodes):,} of them, the first" if others else "it"
        shapes = ", ".join(self._shape_text(each) for each in first.inputs if each) or "nothing"
        called = [each.scope or each.name for each in others]
        left = [f"{len(called) - _LISTED:,} more"] if len(called) > _LISTED else []
        note = f"the others: {', '.join([*called[:_LISTED], *left])}" if any(called) else ""
        shape = reason == _NO_SHAPE or self._shapes(first, self._used(first)) is None
        help = (
            f"{declaration(name, self.mapper.file, shape=shape)} gives it your cost, {self._allow} counts the rest only"
        )
        return ErrorDetail(
            message, Place(self.mapper.file), first.scope or first.name, f"{more} reads {shapes}", help, note
        )

    def _shape_text(self, name: str) -> str:
        value = self.mapper.values.get(name)
        if isinstance(value, Constant):
            return f"a constant {shape_text(value.shape)}" if value.shape else "a number"
        recorded = self.mapper.graph.shapes.get(name)
        known = isinstance(value, (Tensor, Moved))
        if recorded and (not known or self.mapper.sizes):  # with the names of open axes
            return shape_text(recorded[1:])
        return shape_text(value.shape) if isinstance(value, (Tensor, Moved)) else "an unknown shape"


def _without_batch(full: tuple[int, ...]) -> _Shape:
    """Return a shape without the batch axis, and that axis."""
    return ([*full[1:]], 0) if full[0] == 1 and len(full) > 1 else ([*full], None)


def _stretched(fulls: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape to which some are stretched; nothing where a size is 0."""
    rank = max(map(len, fulls))
    columns = zip(*((1,) * (rank - len(full)) + full for full in fulls), strict=True)
    shape = tuple([max(column) if 0 not in column else 0 for column in columns])
    return () if 0 in shape else shape


def only_lacks_types(details: Iterable[ErrorDetail]) -> bool:
    """Return whether errors are nothing but operators without a layer type, whatever the sizes are."""
    return all(detail.message.endswith(_NO_TYPE) or _FOLLOWERS in detail.message for detail in details)
