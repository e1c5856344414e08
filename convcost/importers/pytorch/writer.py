"""What the functions that translate ATen's operators write: nodes of the graph, and the constants that these read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.importers.graph import Constant, ModelGraph, Node, Shape
from convcost.importers.pytorch.program import OperatorCall, Program, Reference, StoredTensor, references
from convcost.registry import Registry

OPSET = 17
"""The version of ONNX's operators that calls are translated to."""
DTYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "float64": 11,
    "bfloat16": 16,
}
"""ONNX's numbers of types, by PyTorch's names."""

Rule = Callable[["Writer", OperatorCall], None]

RULES: Registry[Rule] = Registry("ATen operator", "convcost.aten")
"""The functions that translate calls, by the operator without its overload."""


_MOST_VIEWS = 5000  # of a value that is written into
_MOVES = frozenset(("Identity", "Reshape", "Squeeze", "Unsqueeze", "Cast"))
_ORDERS = _MOVES | {"Transpose", "Slice", "Split", "Gather", "Expand", "Concat", "Flatten"}


class Cut(Struct, frozen=True):
    """A part of a value along one axis.

    Attributes:
        whole: The value.
        axis: The axis.
        start: Where the part begins.
        end: Where it ends.
        is_one: Whether it lacks the axis.
    """

    whole: str
    axis: int
    start: int
    end: int
    is_one: bool = False


class Untranslated(Exception):
    """A call has arguments for which ONNX has no words; it keeps its own name."""


def aten(*names: str) -> Callable[[Rule], Rule]:
    """Return a decorator that adds a function to `RULES` under some names of `aten`."""

    def add(rule: Rule) -> Rule:
        for name in names:
            RULES.add(f"aten.{name}", rule)
        return rule

    return add


class Writer:
    """Writes the graph of one program.

    Args:
        program: The program.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes: list[Node] = []
        self.constants: dict[str, Constant] = {}
        self.shapes: dict[str, Shape] = {}
        self.fixed: dict[str, frozenset[str]] = {}  # of what is worked out of constants: the weights among these
        self.factors: dict[str, str] = {}  # of kernels with statistics of their own: the factors of their outputs
        self.notes: dict[str, None] = {}
        self.has_quantised = False  # whether weights are whole numbers
        self.call = OperatorCall("", {}, ())
        self._names: dict[str, str] = {}  # of values whose name is that of a tensor of the module
        self._made: dict[Any, str] = {}
        self._roots: dict[str, str] = {}  # of views: what they are views of
        self._views: dict[str, dict[str, None]] = {}  # of values: their views, and what was written into them
        self._stale: set[str] = set()
        self._latest: dict[str, str] = {}  # what a value became by writing into it
        self._before: dict[str, list[str]] = {}  # of what a call wrote: the values that became it
        self._cuts: dict[str, Cut] = {}
        self._moved: set[str] = set()  # of what is fixed: what is a weight, or part of one, in another order
        for placeholder, stored in program.stored.items():
            self._store(placeholder, stored)

    def _store(self, placeholder: str, stored: StoredTensor) -> None:
        type = self.program.types[placeholder]
        shape = tuple([size for size in type.shape if isinstance(size, int)])
        self._names[placeholder] = stored.path
        constant = Constant(stored.name, shape, type.dtype, stored.values, trainable=stored.trainable)
        self.constants[stored.path] = constant

    # what is read

    def name(self, value: Any) -> str:
        """Return the name of a value in the graph.

        Raises:
            Untranslated: It is no tensor, or something else wrote into what it is a part of.
        """
        if not isinstance(value, Reference):
            raise Untranslated
        name = self._latest.get(value.name, value.name)
        if name in self._stale:
            raise Untranslated
        return self.own(name)

    def own(self, name: str) -> str:
        """Return the name that a value of the program has in the graph."""
        if name not in self._names:
            taken = name in self.constants
            self._names[name] = f"{name}%" if taken else name
        return self._names[name]

    def optional(self, value: Any) -> str:
        """Return the name of a value; nothing where there is none."""
        return "" if value is None else self.name(value)

    def shape(self, value: Any) -> Shape:
        """Return the shape that is recorded of a tensor.

        Raises:
            Untranslated: There is none.
        """
        type = self.program.types.get(value.name) if isinstance(value, Reference) else None
        if type is None:
            raise Untranslated
        return type.shape

    def dtype(self, value: Any) -> str:
        """Return the type of the numbers of a tensor."""
        type = self.program.types.get(value.name) if isinstance(value, Reference) else None
        return type.dtype if type is not None else "float32"

    def rank(self, value: Any) -> int:
        """Return how many axes a tensor has."""
        return len(self.shape(value))

    def constant(self, value: Any) -> Constant | None:
        """Return what a value holds where it is a tensor of the module; else None."""
        return self.constants.get(self.name(value)) if isinstance(value, Reference) else None

    def is_fixed(self, value: Any) -> bool:
        """Return whether a value is worked out of constants alone."""
        name = self.name(value)
        return name in self.constants or name in self.fixed

    def weights_of(self, name: str) -> frozenset[str]:
        """Return the weights that a fixed value is worked out of, by their names."""
        constant = self.constants.get(name)
        if constant is None:
            return self.fixed[name]
        return frozenset([constant.name]) if constant.trainable else frozenset()

    def is_prepared(self, call: OperatorCall) -> bool:
        """Return whether a call works on nothing but numbers of the program and buffers."""
        names = [self.name(each) for each in references(list(call.arguments.values()))]
        return bool(names) and all(
            (name in self.constants or name in self.fixed) and not self.weights_of(name) for name in names
        )

    def materialise(self, call: OperatorCall) -> None:
        """Have what a call reads be tensors of the program, where it works on nothing but prepared numbers."""
        if not self.is_prepared(call):
            return
        for each in references(list(call.arguments.values())):
            name = self.name(each)
            if (constant := self.constants.get(name)) is not None:
                self.constants[name] = replace(constant, stored=True, trainable=False)

    def perform(self) -> None:
        """Have what the call gives be worked out in every run, and what is worked out of that."""
        for name in self.call.outputs:
            self.fixed.pop(self.own(name), None)

    # what is written

    def add(self, operator: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> tuple[str, ...]:
        """Add a node that is a step on the way to what the call gives, and return the names of what it gives."""
        at = len(self.nodes)
        names = tuple([f"{self.call.outputs[0] if self.call.outputs else 'step'}%{at}_{k}" for k in range(outputs)])
        self._add(operator, inputs, names, attributes)
        return names

    def give(self, operator: str, inputs: Sequence[str], /, **attributes: Any) -> None:
        """Add the node that gives what the call gives."""
        self.into(self.call.outputs, operator, inputs, **attributes)

    def give_first(self, operator: str, inputs: Sequence[str], /, **attributes: Any) -> None:
        """Add the node that gives the first of what the call gives; the others have no layer type."""
        self.into(self.call.outputs[:1], operator, inputs, **attributes)

    def give_others(self, before: int) -> None:
        """Add a node without a layer type that gives what no node of the call gives, in case that it is read.

        Args:
            before: How many nodes there were before the call.
        """
        given = {name for node in self.nodes[before:] for name in node.outputs}
        others = [name for name in self.call.outputs[1:] if self.own(name) not in given]
        if given and others:
            name = ".".join(self.call.operator.split(".")[:2])
            self.into(others, name, self.nodes[-1].inputs, reason="what it gives beside its first output is read")

    def into(self, outputs: Sequence[str], operator: str, inputs: Sequence[str], /, **attributes: Any) -> None:
        """Add a node that gives some values of the program."""
        self._add(operator, inputs, tuple([self.own(name) for name in outputs]), attributes)

    def _add(self, operator: str, inputs: Sequence[str], outputs: tuple[str, ...], attributes: dict[str, Any]) -> None:
        name = self.call.outputs[0] if self.call.outputs else ""
        inputs = tuple(map(self._own_path, inputs))
        self.nodes.append(Node(operator, inputs, outputs, attributes, name, self.call.scope))
        given = [each for each in inputs if each]
        if all(each in self.constants or each in self.fixed for each in given):
            weights = frozenset().union(*map(self.weights_of, given)) if given else frozenset()
            self.fixed |= dict.fromkeys(outputs, weights)
            if operator in _ORDERS and (given[0] in self.constants or given[0] in self._moved):
                self._moved.update(outputs)
            if operator in _MOVES and given[0] in self.factors:
                self.factors |= dict.fromkeys(outputs, self.factors[given[0]])

    def _own_path(self, name: str) -> str:
        """Return the path at which the module of the call has a tensor that has several."""
        path = f"{self.call.scope}.{name.rpartition('.')[2]}"
        constant, own = self.constants.get(name), self.constants.get(path)
        return path if constant is not None and own is not None and own.name == constant.name else name

    def keep(self, value: Any) -> None:
        """Give a value as it is."""
        self.give_first("Identity", [self.name(value)])

    def hold(self, constant: Constant) -> None:
        """Give a constant that the program works out, and nothing else."""
        name = self.own(self.call.outputs[0])
        self.constants[name] = replace(constant, name=name, stored=False, trainable=False)

    def number(self, value: float, dtype: str = "") -> str:
        """Return the name of a constant that is one number."""
        dtype = dtype or ("bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float32")
        return self.new((), dtype, (value,))

    def integers(self, values: Sequence[Any]) -> str:
        """Return the name of a list of whole numbers; those that are values of the program are joined."""
        if all(isinstance(value, int) for value in values):
            return self.new((len(values),), "int64", tuple(values))
        parts = [
            self.new((1,), "int64", (value,))
            if isinstance(value, int)
            else self.add("Unsqueeze", [self.name(value), self.integers([0])])[0]
            for value in values
        ]
        return self.add("Concat", parts, axis=0)[0]

    def new(self, shape: tuple[int, ...], dtype: str, values: tuple[Any, ...]) -> str:
        """Return the name of a constant of the program, the same one for the same numbers."""
        key = (shape, dtype, tuple(map(repr, values)))
        if key not in self._made:
            name = self._made[key] = f"%{len(self._made)}"
            self.constants[name] = Constant(name, shape, dtype, values, stored=False)
        return self._made[key]

    def filled(self, shape: Sequence[int], dtype: str, value: float) -> str:
        """Return the name of a constant of equal numbers."""
        count = prod(shape)
        return self.new(tuple(shape), dtype, (value,) * count if count <= 4096 else ())

    def seen(self, value: Any, shape: Sequence[Any]) -> str:
        """Return the name of a tensor of the module in another shape; it stays the tensor that it is.

        Raises:
            Untranslated: It is none.
        """
        return self.seen_as(self.name(value), shape)

    def seen_as(self, name: str, shape: Sequence[Any]) -> str:
        """Return the name of a tensor of the module, named as in the graph, in another shape.

        Raises:
            Untranslated: It is none, or a size is open.
        """
        if name not in self.constants or not all(isinstance(size, int) for size in shape):
            raise Untranslated
        seen = f"{name}%{'×'.join(map(str, shape))}"
        self.constants[seen] = replace(self.constants[name], shape=tuple(shape))
        return seen

    def prepared_weight(self, value: Any) -> str | None:
        """Return the name of a matrix that is worked out of a single weight of its size, its axes exchanged.

        It counts as that weight, as a convolution's kernel does; None where it is something else, or is only moved.
        """
        name = self.name(value)
        weights = self.fixed.get(name, frozenset())
        if len(weights) != 1 or name in self._moved:
            return None
        (weight,) = weights
        found = next(each for each in self.constants.values() if each.name == weight)
        rows, columns = self.shape(value)
        if not isinstance(rows, int) or not isinstance(columns, int) or prod(found.shape) != rows * columns:
            return None
        self.notes["Weights are worked out before they are used: counted as prepared with the model."] = None
        self.constants[f"{name}%ᵀ"] = replace(found, shape=(columns, rows), values=None)
        return f"{name}%ᵀ"

    def turned(self, value: Any) -> str:
        """Return the name of a matrix of the module, its axes exchanged; it stays the tensor that it is.

        Raises:
            Untranslated: It is none.
        """
        constant = self.constant(value)
        if constant is None:
            raise Untranslated
        name = f"{self.name(value)}%ᵀ"
        self.constants[name] = replace(constant, shape=constant.shape[::-1], values=None)
        return name

    # writing into values

    def view(self, source: Any) -> None:
        """Note that what the call gives are views of a value."""
        if isinstance(source, Reference):
            root = self._roots.get(source.name, source.name)
            for name in self.call.outputs:
                self._add_view(name, root)

    def _add_view(self, name: str, root: str) -> None:
        self._roots[name] = root
        self._views.setdefault(root, {})[name] = None

    def write(self, target: Any) -> None:
        """Note that what the call gives takes the place of a value.

        Who reads the value afterwards reads what the call gives; what else shares its storage is not known any more.
        """
        if not isinstance(target, Reference):
            return
        root = self._roots.get(target.name, target.name)
        mine = self._latest.get(target.name, target.name)
        views = self._views.get(root, {})
        if len(views) > _MOST_VIEWS:
            raise Untranslated
        if target.name in self._cuts and not self._is_fixed_call():
            self._put_back(target.name, root)
            return
        for name in [root, *views]:
            if name not in (target.name, mine):
                self._overwrite(name)
        written = self.call.outputs[0]
        before = self._before[written] = [*self._before.pop(mine, []), target.name]
        self._latest |= dict.fromkeys(before, written)
        self._add_view(written, root)

    def cut(self, source: Any, axis: int, start: int, end: int, *, is_one: bool = False) -> None:
        """Note that what the call gives is a part of a value along an axis."""
        if isinstance(source, Reference):
            self._cuts[self.call.outputs[0]] = Cut(source.name, axis, start, end, is_one)

    def _put_back(self, part: str, root: str) -> None:
        """Write what became of a part into what it is a part of; other parts of that are not known any more."""
        written = self.own(self.call.outputs[0])
        chain = [part]
        while chain[-1] in self._cuts:
            cut = self._cuts[chain[-1]]
            if cut.whole in chain:  # as no program says
                raise Untranslated
            written = self._joined(cut, written)
            chain.append(cut.whole)
            self._latest[cut.whole] = written
            self._names[written] = written
        self._latest[part] = self.call.outputs[0]
        self._stale |= {root, *self._views.get(root, ())}.difference(chain)

    def _joined(self, cut: Cut, written: str) -> str:
        """Return a value with another part in the place of one of its own."""
        whole, (size,) = Reference(cut.whole), self.shape(Reference(cut.whole))[cut.axis : cut.axis + 1]
        if not isinstance(size, int):
            raise Untranslated
        name = self.name(whole)
        parts = [written]
        if cut.is_one:
            parts = [*self.add("Unsqueeze", [written], axes=(cut.axis,))]
        for start, end, at in ((0, cut.start, 0), (cut.end, size, len(parts) + 1)):
            if start < end:
                bounds = [self.integers([each]) for each in (start, end, cut.axis, 1)]
                parts.insert(at, *self.add("Slice", [name, *bounds]))
        return self.add("Concat", parts, axis=cut.axis)[0] if len(parts) > 1 else parts[0]

    def forget(self, target: Any) -> None:
        """Note that a value, and all that shares its storage, is not known any more."""
        root = self._roots.get(target.name, target.name)
        if root not in self._stale or len(self._views.get(root, ())) <= _MOST_VIEWS:
            self._stale |= {root, *self._views.get(root, ())}

    def _overwrite(self, name: str) -> None:
        """Note that a value is not known any more; of what is worked out of constants, its numbers are not."""
        own = self.own(name)
        if own in self.constants and self._is_fixed_call():
            self.constants[own] = replace(self.constants[own], values=None)
        elif own not in self.fixed or not self._is_fixed_call():
            self._stale.add(name)

    def _is_fixed_call(self) -> bool:
        return all(map(self.is_fixed, references(list(self.call.arguments.values()))))

    def graph(self) -> ModelGraph:
        """Return the model graph."""
        types, stored = self.program.types, self.program.stored
        words = _axis_names([types[name].shape for name in self.program.inputs])

        def named(shape: Shape) -> Shape:
            return tuple([words.get(size, size) if isinstance(size, str) else size for size in shape])

        shapes = {self.own(name): named(type.shape) for name, type in types.items() if name not in stored}
        inputs = {self.own(name): named(types[name].shape) for name in self.program.inputs}
        outputs = tuple(dict.fromkeys(self.name(Reference(name)) for name in self.program.outputs))
        format = f"PyTorch program, by {self.program.producer}"
        sizes = {words.get(name, name): size for name, size in self.program.sizes.items()}
        nodes = tuple(self.nodes)
        return ModelGraph(
            format,
            inputs,
            outputs,
            nodes,
            self.constants,
            shapes,
            OPSET,
            sizes=sizes,
            notes=tuple(self.notes),
            containers=self.program.containers,
        )


_SYMBOL = re.compile(r"s\d+")
_AXES = {3: ("l",), 4: ("h", "w"), 5: ("d", "h", "w")}


def _axis_names(shapes: Sequence[Shape]) -> dict[str, str]:
    """Return names for the symbols that PyTorch numbers, and for expressions: by the axis at which they stand first.

    >>> _axis_names([(1, 3, "s53", "s0"), (1, "s53", "2*s7")])
    {'s53': 'h', 's0': 'w', '2*s7': 'l'}
    """
    names: dict[str, str] = {}
    for shape in shapes:
        for axis, size in enumerate(shape):
            if isinstance(size, str) and size not in names and (_SYMBOL.fullmatch(size) or not size.isidentifier()):
                word = "batch" if axis == 0 else dict(enumerate(_AXES.get(len(shape), ()), 2)).get(axis, "n")
                taken = sum(name.rstrip("0123456789") == word for name in names.values())
                names[size] = f"{word}{taken + 1}" if taken else word
    return names
