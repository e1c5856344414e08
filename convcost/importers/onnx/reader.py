"""An ONNX file to a graph, without its weights and without the `onnx` package.

Nothing but the given bytes is read, and of external data the indices that shapes may depend on. Only the fields that a
network's costs depend on are decoded, so a file of any size takes the memory of its structure.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.graph import Constant, InnerGraph, ModelGraph, Node, Shape
from convcost.importers.onnx.scopes import scope_of
from convcost.importers.onnx.tensors import (
    MOST_AXES,
    MOST_VALUES,
    dtype_name,
    packed_floats,
    read_sparse,
    read_tensor,
)
from convcost.importers.onnx.wire import BYTES, FIXED32, LONGEST_TEXT, Data, Wire, WireError, signed
from convcost.importers.onnx.wire import limit as _limit
from convcost.importers.onnx.wire import tag as _tag

if TYPE_CHECKING:
    from convcost.importers.onnx.functions import Function

OLDEST_OPSET = 7
"""The first version of the operators whose broadcasting is that of NumPy."""
MOST_NODES = 200_000
MOST_TENSORS = 1_000_000
MOST_FUNCTIONS = 10_000
_MOST_NESTED = 50  # graphs in graphs
_NUMBERS = frozenset(("float16", "bfloat16", "float64", "int8", "uint8", "int16", "uint16"))
"""Types of inputs that say how wide their numbers are; others may be indices."""
_CONTROL = frozenset(("If", "Loop", "Scan", "SequenceMap"))
"""Operators that hold graphs, which read values of the graph around them."""
_RUNTIME = "com.microsoft."
"""The domain of ONNX Runtime's operators."""
_OF_OTHERS = frozenset(
    (
        *("Swish", "Mean", "ReduceSumSquare", "ReduceL1", "ReduceLogSum", "ReduceLogSumExp", "QuantizeLinear"),
        *("DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"),
        "SimplifiedLayerNormalization",
    )
)
"""Operators that are others put together, as `plain` writes them."""

# Fields of a graph, of a node, of an attribute: made once, for they are compared with all that a file has.
_NODE = _tag(1, BYTES)
_TENSOR = _tag(5, BYTES)
_SPARSE_TENSOR = _tag(15, BYTES)
_INPUT = _tag(11, BYTES)
_OUTPUT = _tag(12, BYTES)
_VALUE = _tag(13, BYTES)
_READS = _tag(1, BYTES)
_GIVES = _tag(2, BYTES)
_NAME = _tag(3, BYTES)
_OPERATOR = _tag(4, BYTES)
_ATTRIBUTE = _tag(5, BYTES)
_DOMAIN = _tag(7, BYTES)
_METADATA = _tag(9, BYTES)
_SHORT = 128  # bytes of an attribute that is read once, however many nodes have it
_KEY = _tag(1, BYTES)
_SCOPES = b"pkg.torch.onnx.name_scopes"
_SCOPES_ENTRY = bytes((_KEY, len(_SCOPES))) + _SCOPES
"""How the entry with the modules around a node begins."""
_FLOAT = _tag(2, FIXED32)
_INTEGER = _tag(3)
_TEXT = _tag(4, BYTES)
_CONSTANT = _tag(5, BYTES)
_SPARSE_CONSTANT = _tag(22, BYTES)
_GRAPH = _tag(6, BYTES)
_GRAPHS = _tag(11, BYTES)
_REFERENCE = _tag(21, BYTES)
_KIND = _tag(20)
_LOOSE_INTEGER = _tag(8)
_INTEGERS = _tag(8, BYTES)
_TEXTS = _tag(9, BYTES)


def read(data: Data, file: str) -> ModelGraph:
    """Return the graph of an ONNX file.

    Args:
        data: Its bytes.
        file: Its name, for messages.

    Raises:
        SpecError: It is no ONNX file, is cut off, or says what cannot be.
    """
    try:
        return _Reader(data, file).model()
    except WireError as error:
        found = f"at byte {error.offset:,} of {len(data):,}"
        raise SpecError(
            ErrorDetail(f"the ONNX file is damaged: {error.message}", Place(file), found=found, help=error.help)
        ) from None


class _Captured(Struct, frozen=True):
    """Graphs in a node: the values that they read of the graph around them, and where they lie."""

    names: tuple[str, ...]
    places: tuple[tuple[int, int], ...]


class _Reader:
    """Reads one file."""

    def __init__(self, data: Data, file: str) -> None:
        self.data = data
        self.file = file
        self.wire = Wire(data)
        self._types: dict[bytes, tuple[Shape | None, str]] = {}  # by their bytes, too
        self._attributes: dict[bytes, tuple[str, Any]] = {}  # by their bytes: those of most nodes are like others'

    def model(self) -> ModelGraph:
        graphs: list[tuple[int, int]] = []
        functions: dict[str, tuple[int, int]] = {}
        opsets: dict[str, int] = {}
        producer = ""
        for tag, start, end in self.wire.fields(0, len(self.data)):
            if tag == _tag(7, BYTES):
                graphs.append((start, end))
            elif tag == _tag(8, BYTES):
                domain, version = self._opset(start, end)
                opsets[domain] = version
            elif tag == _tag(2, BYTES):
                producer = self.wire.text(start, end)
            elif tag == _tag(25, BYTES):
                functions[self._function_name(start, end)] = start, end
                _limit(len(functions), MOST_FUNCTIONS, "functions", start)
        if len(graphs) != 1:
            what = "no graph" if not graphs else f"{len(graphs)} graphs"
            raise WireError(f"it has {what}", graphs[1][0] if graphs else len(self.data))
        opset = opsets.get("", opsets.get("ai.onnx", 1))
        if opset < OLDEST_OPSET:
            found = f"opset {opset}"
            help = "convert it, with onnx.version_converter"
            message = f"operators before opset {OLDEST_OPSET} are not supported"
            raise SpecError(ErrorDetail(message, Place(self.file), found=found, help=help))
        graph = self._graph(*graphs[0], opset, f"ONNX, opset {opset}" + (f", by {producer}" if producer else ""))
        if functions:
            graph = self._inlined(graph, {name: self._function(*place) for name, place in functions.items()})
        operators = {node.operator for node in graph.nodes}
        if operators.isdisjoint(_OF_OTHERS) and not any(name.startswith(_RUNTIME) for name in operators):
            return graph
        from convcost.importers.onnx.plain import plain  # where there are such operators only

        return plain(graph)

    def _inlined(self, graph: ModelGraph, functions: dict[str, Function]) -> ModelGraph:
        from convcost.importers.onnx.functions import Inliner  # where there are functions only

        nodes = Inliner(functions, self.file, MOST_NODES).written_out(graph.nodes)
        return replace(graph, nodes=nodes)

    def _function_name(self, start: int, end: int) -> str:
        """Return the operator that calls a function."""
        name = domain = ""
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):
                name = self.wire.text(first, last)
            elif tag == _tag(10, BYTES):
                domain = self.wire.text(first, last)
        return _operator(name, domain)

    def _function(self, start: int, end: int) -> Function:
        from convcost.importers.onnx.functions import Function  # where there are functions only

        inputs: list[str] = []
        outputs: list[str] = []
        nodes: list[Node] = []
        defaults: dict[str, Any] = {}
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(4, BYTES):
                inputs.append(self.wire.text(first, last))
            elif tag == _tag(5, BYTES):
                outputs.append(self.wire.text(first, last))
            elif tag == _tag(7, BYTES):
                nodes.append(self._node(first, last))
            elif tag == _tag(11, BYTES):
                name, value = self._attribute(first, last)
                defaults[name] = value
            _limit(max(len(nodes), len(inputs), len(outputs), len(defaults)), MOST_NODES, "parts of a function", first)
        return Function(tuple(inputs), tuple(outputs), tuple(nodes), defaults)

    def _graph(self, start: int, end: int, opset: int, format: str) -> ModelGraph:
        nodes: list[Node] = []
        constants: dict[str, Constant] = {}
        inputs: dict[str, Shape] = {}
        outputs: dict[str, Shape] = {}
        shapes: dict[str, Shape] = {}
        dtypes: dict[str, str] = {}
        for tag, first, last in self.wire.fields(start, end):
            if tag == _NODE:
                nodes.append(self._node(first, last))
                if len(nodes) > MOST_NODES:
                    _limit(len(nodes), MOST_NODES, "nodes", first)
            elif tag in (_TENSOR, _SPARSE_TENSOR):
                is_sparse = tag == _SPARSE_TENSOR
                read = (
                    read_sparse(self.wire, first, last)
                    if is_sparse
                    else read_tensor(self.wire, first, last, self.file, may_learn=True)
                )
                if read.name in constants:
                    raise WireError(f"two tensors have the name {read.name!r}", first)
                constants[read.name] = read
                _limit(len(constants), MOST_TENSORS, "tensors", first)
            elif tag in (_INPUT, _OUTPUT, _VALUE):
                name, shape, dtype = self._value(first, last)
                into = {11: inputs, 12: outputs}.get(tag >> 3, shapes)
                if name in into and into is inputs:
                    raise WireError(f"two inputs have the name {name!r}", first)
                if shape is not None or into is not shapes:  # a model may give a value twice
                    into[name] = shape or ()
                if into is inputs and dtype in _NUMBERS:
                    dtypes[name] = dtype
                _limit(len(into), MOST_TENSORS, "values", first)
        recorded = shapes | {name: shape for name, shape in outputs.items() if shape}
        taken = {name: shape for name, shape in inputs.items() if name not in constants}
        known = {name: dtype for name, dtype in dtypes.items() if name in taken and dtype != "float32"}
        return ModelGraph(format, taken, tuple(outputs), tuple(nodes), constants, recorded, opset, known)

    def _opset(self, start: int, end: int) -> tuple[str, int]:
        domain, version = "", 1
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):
                domain = self.wire.text(first, last)
            elif tag == _tag(2):
                version = first
        return domain, version

    def _node(self, start: int, end: int) -> Node:
        texts: dict[int, list[str]] = {_READS: [], _GIVES: [], _NAME: [""], _OPERATOR: [""], _DOMAIN: [""]}
        attributes: dict[str, Any] = {}
        scopes = ""
        for tag, first, last in self.wire.fields(start, end, texts):
            if tag == _ATTRIBUTE:
                key, value = self._attribute(first, last)
                if key in attributes:
                    raise WireError(f"the node {texts[_NAME][-1]!r} has the attribute {key!r} twice", first)
                attributes[key] = value
            elif tag == _METADATA and self.data[first : first + len(_SCOPES_ENTRY)] == _SCOPES_ENTRY:
                scopes = self.wire.entry(first, last)[1]
        inputs, outputs = texts[_READS], texts[_GIVES]
        name, operator, domain = texts[_NAME][-1], texts[_OPERATOR][-1], texts[_DOMAIN][-1]
        if not operator:
            raise WireError(f"the node {name!r} has no operator", start)
        operator = _operator(operator, domain)
        captured: dict[str, None] = {}
        for key, value in attributes.items():
            if isinstance(value, _Captured):
                captured |= dict.fromkeys(value.names if operator in _CONTROL else ())
                attributes[key] = self._branch(*value.places[0]) if operator == "If" and value.places else ()
        inputs += [each for each in captured if each not in inputs]
        scope = scope_of(name, operator, scopes)
        return Node(operator, tuple(inputs), tuple(outputs), attributes, name, scope)

    def _attribute(self, start: int, end: int) -> tuple[str, Any]:
        """Return the name and the value of an attribute."""
        if end - start > _SHORT:
            return self._read_attribute(start, end)
        own = self.data[start:end]
        found = self._attributes.get(own)
        if found is None:
            found = self._read_attribute(start, end)
            if not isinstance(found[1], (Constant, _Captured)):
                self._attributes[own] = found
        return found

    def _read_attribute(self, start: int, end: int) -> tuple[str, Any]:
        """Read the name and the value of an attribute; of graphs what they read of the one around them."""
        name, kind = "", 0
        captured: list[str] = []
        places: list[tuple[int, int]] = []
        single: Any = None
        many: list[Any] = []
        for tag, first, last in self.wire.fields(start, end):
            number = tag >> 3
            if tag == _KEY:
                name = self.wire.text(first, last)
            elif tag == _FLOAT:
                single = struct.unpack("<f", self.data[first:last])[0]
            elif tag == _INTEGER:
                single = signed(first)
            elif tag == _TEXT:
                single = self.wire.text(first, min(last, first + LONGEST_TEXT))
            elif tag == _CONSTANT:
                single = read_tensor(self.wire, first, last, self.file)
            elif tag == _SPARSE_CONSTANT:
                single = read_sparse(self.wire, first, last)
            elif tag in (_GRAPH, _GRAPHS):
                captured += self._captured(first, last, _MOST_NESTED)
                places.append((first, last))
            elif tag == _REFERENCE:
                from convcost.importers.onnx.functions import FunctionReference  # where there are functions only

                single = FunctionReference(self.wire.text(first, last))
            elif tag == _KIND:
                kind = first
            elif number == 7 and tag & 7 in (FIXED32, BYTES):
                _limit((last - first) // 4 + len(many), MOST_VALUES, f"numbers in the attribute {name!r}", first)
                many += packed_floats(self.wire, first, last)
            elif tag == _LOOSE_INTEGER:
                many.append(signed(first))
            elif tag == _INTEGERS:
                many += self.wire.varints(first, last, MOST_VALUES, f"the attribute {name!r}")
            elif tag == _TEXTS:
                many.append(self.wire.text(first, last))
            if len(many) > MOST_VALUES:
                _limit(len(many), MOST_VALUES, f"values in the attribute {name!r}", first)
        if kind in (5, 10):
            single = _Captured(tuple(dict.fromkeys(captured)), tuple(places))
        if single is None and kind in (1, 2):  # a number that is 0 may be left out
            single = 0.0 if kind == 1 else 0
        return name, single if single is not None else tuple(many)

    def _branch(self, start: int, end: int) -> InnerGraph:
        """Return a graph in a node; `_captured` has bounded how deep they nest."""
        graph = self._graph(start, end, OLDEST_OPSET, "")
        return InnerGraph(graph.nodes, dict(graph.constants), graph.outputs)

    def _captured(self, start: int, end: int, depth: int) -> list[str]:
        """Return the values that a graph in a node reads and does not give itself.

        Raises:
            WireError: Graphs nest too deep.
        """
        if not depth:
            raise WireError(f"graphs nest more than {_MOST_NESTED} deep", start)
        read: list[str] = []
        given: set[str] = {""}
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):
                for inner, at, behind in self.wire.fields(first, last):
                    if inner == _tag(1, BYTES):
                        read.append(self.wire.text(at, behind))
                    elif inner == _tag(2, BYTES):
                        given.add(self.wire.text(at, behind))
                    elif inner == _tag(5, BYTES):
                        read += self._captured_by(at, behind, depth - 1)
            elif tag in (_tag(5, BYTES), _tag(11, BYTES)):
                number = 8 if tag == _tag(5, BYTES) else 1
                given.update(self._texts(first, last, number))
            elif tag == _tag(12, BYTES):
                read += self._texts(first, last, 1)
            _limit(len(read), MOST_TENSORS, "values in a graph", first)
        return [name for name in read if name not in given]

    def _captured_by(self, start: int, end: int, depth: int) -> list[str]:
        """Return the values that the graphs of an attribute read of those around them."""
        graphs = [place for tag, *place in self.wire.fields(start, end) if tag in (_tag(6, BYTES), _tag(11, BYTES))]
        return [name for first, last in graphs for name in self._captured(first, last, depth)]

    def _texts(self, start: int, end: int, number: int) -> list[str]:
        fields = self.wire.fields(start, end)
        return [self.wire.text(first, last) for tag, first, last in fields if tag == _tag(number, BYTES)]

    def _value(self, start: int, end: int) -> tuple[str, Shape | None, str]:
        """Return the name, the shape and the type of a value; None where its shape is not recorded."""
        name, shape, dtype = "", None, ""
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):
                name = self.wire.text(first, last)
            elif tag == _tag(2, BYTES):
                shape, dtype = self._type(first, last)
        return name, shape, dtype

    def _type(self, start: int, end: int) -> tuple[Shape | None, str]:
        if end - start > _SHORT:
            return self._read_type(start, end)
        own = self.data[start:end]
        found = self._types.get(own)
        if found is None:
            found = self._types[own] = self._read_type(start, end)
        return found

    def _read_type(self, start: int, end: int) -> tuple[Shape | None, str]:
        shape, dtype = None, ""
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):  # a tensor
                for inner, at, behind in self.wire.fields(first, last):
                    if inner == _tag(2, BYTES):
                        shape = self._each(at, behind, self._size)
                    elif inner == _tag(1):
                        dtype = dtype_name(at)
        return shape, dtype

    def _each(self, start: int, end: int, read: Callable[[int, int], Any]) -> tuple[Any, ...]:
        found: list[Any] = []
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):
                found.append(read(first, last))
                _limit(len(found), MOST_AXES, "axes", first)
        return tuple(found)

    def _size(self, start: int, end: int) -> int | str | None:
        size: int | str | None = None
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1):
                size = signed(first) if signed(first) >= 0 else None
            elif tag == _tag(2, BYTES):
                size = self.wire.text(first, last) or None
        return size


def _operator(name: str, domain: str) -> str:
    """Return an operator with its domain, where that is none of ONNX's."""
    return name if domain in ("", "ai.onnx") else f"{domain}.{name}"
