"""An ONNX file to a graph, without its weights and without the `onnx` package.

Nothing but the given bytes is read: external data are never opened. Only the fields that a network's costs depend on
are decoded, so a file of any size takes the memory of its structure.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from math import prod
from typing import Any

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.graph import Constant, ModelGraph, Node, Shape
from convcost.importers.onnx.scopes import scope_of
from convcost.importers.onnx.wire import BYTES, FIXED32, FIXED64, VARINT, Data, Wire, WireError, signed

OLDEST_OPSET = 7
"""The first version of the operators whose broadcasting is that of NumPy."""
MOST_NODES = 200_000
MOST_TENSORS = 1_000_000
MOST_AXES = 32
MOST_VALUES = 4096
"""How many numbers of a tensor are read; weights have more, and none is needed."""
_LONGEST_NAME = 65_536

# number of the type: name, bytes, format of `struct`
_DTYPES = {
    1: ("float32", 4, "f"),
    2: ("uint8", 1, "B"),
    3: ("int8", 1, "b"),
    4: ("uint16", 2, "H"),
    5: ("int16", 2, "h"),
    6: ("int32", 4, "i"),
    7: ("int64", 8, "q"),
    9: ("bool", 1, "?"),
    10: ("float16", 2, "e"),
    11: ("float64", 8, "d"),
    12: ("uint32", 4, "I"),
    13: ("uint64", 8, "Q"),
    16: ("bfloat16", 2, ""),
}


def recognises(head: bytes) -> bool:
    """Return whether bytes are the start of an ONNX file: the fields of its outermost message, in any order.

    Args:
        head: The first bytes of the file, which are no text.
    """
    wire, known = Wire(head), {_tag(1), *(_tag(number, BYTES) for number in (2, 3, 4, 6, 7, 8, 14, 20, 25)), _tag(5)}
    try:
        for found, (tag, _, _) in enumerate(wire.fields(0, len(head))):
            if tag not in known:
                return False
            if found == 2:
                return True
    except WireError as error:  # the first field that does not end within the head is the graph, or the file is cut
        tag = head[error.offset] if error.offset < len(head) else 0
        return (error.offset > 0 and (tag in known or not tag)) or tag == _tag(7, BYTES)
    return bool(head)


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
        help = "is the file complete? export or download it again"
        found = f"at byte {error.offset:,} of {len(data):,}"
        raise SpecError(
            ErrorDetail(f"the ONNX file is damaged: {error.message}", Place(file), found=found, help=help)
        ) from None


def _tag(number: int, kind: int = VARINT) -> int:
    return number << 3 | kind


class _Reader:
    """Reads one file."""

    def __init__(self, data: Data, file: str) -> None:
        self.data = data
        self.file = file
        self.wire = Wire(data)

    def model(self) -> ModelGraph:
        graphs: list[tuple[int, int]] = []
        opsets: dict[str, int] = {}
        producer = ""
        for tag, start, end in self.wire.fields(0, len(self.data)):
            if tag == _tag(7, BYTES):
                graphs.append((start, end))
            elif tag == _tag(8, BYTES):
                domain, version = self._opset(start, end)
                opsets[domain] = version
            elif tag == _tag(2, BYTES):
                producer = self._text(start, end)
        if len(graphs) != 1:
            what = "no graph" if not graphs else f"{len(graphs)} graphs"
            raise WireError(f"it has {what}", graphs[1][0] if graphs else len(self.data))
        opset = opsets.get("", opsets.get("ai.onnx", 1))
        if opset < OLDEST_OPSET:
            found = f"opset {opset}"
            help = "convert it, with onnx.version_converter"
            message = f"operators before opset {OLDEST_OPSET} are not supported"
            raise SpecError(ErrorDetail(message, Place(self.file), found=found, help=help))
        return self._graph(*graphs[0], opset, f"ONNX, opset {opset}" + (f", by {producer}" if producer else ""))

    def _graph(self, start: int, end: int, opset: int, format: str) -> ModelGraph:
        nodes: list[Node] = []
        constants: dict[str, Constant] = {}
        inputs: dict[str, Shape] = {}
        outputs: dict[str, Shape] = {}
        shapes: dict[str, Shape] = {}
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):
                nodes.append(self._node(first, last))
                _limit(len(nodes), MOST_NODES, "nodes", first)
            elif tag == _tag(5, BYTES):
                constant = self._tensor(first, last)
                if constant.name in constants:
                    raise WireError(f"two tensors have the name {constant.name!r}", first)
                constants[constant.name] = constant
                _limit(len(constants), MOST_TENSORS, "tensors", first)
            elif tag in (_tag(11, BYTES), _tag(12, BYTES), _tag(13, BYTES)):
                name, shape = self._value(first, last)
                into = {11: inputs, 12: outputs}.get(tag >> 3, shapes)
                if name in into and into is not shapes:
                    raise WireError(f"two {'inputs' if into is inputs else 'outputs'} have the name {name!r}", first)
                if shape is not None or into is not shapes:
                    into[name] = shape or ()
                _limit(len(into), MOST_TENSORS, "values", first)
            elif tag == _tag(15, BYTES):
                raise WireError("sparse tensors are not supported", first)
        recorded = shapes | {name: shape for name, shape in outputs.items() if shape}
        taken = {name: shape for name, shape in inputs.items() if name not in constants}
        return ModelGraph(format, taken, tuple(outputs), tuple(nodes), constants, recorded, opset)

    def _opset(self, start: int, end: int) -> tuple[str, int]:
        domain, version = "", 1
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):
                domain = self._text(first, last)
            elif tag == _tag(2):
                version = first
        return domain, version

    def _node(self, start: int, end: int) -> Node:
        inputs: list[str] = []
        outputs: list[str] = []
        attributes: dict[str, Any] = {}
        name = operator = domain = scopes = ""
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):
                inputs.append(self._text(first, last))
            elif tag == _tag(2, BYTES):
                outputs.append(self._text(first, last))
            elif tag == _tag(3, BYTES):
                name = self._text(first, last)
            elif tag == _tag(4, BYTES):
                operator = self._text(first, last)
            elif tag == _tag(5, BYTES):
                key, value = self._attribute(first, last)
                if key in attributes:
                    raise WireError(f"the node {name!r} has the attribute {key!r} twice", first)
                attributes[key] = value
            elif tag == _tag(7, BYTES):
                domain = self._text(first, last)
            elif tag == _tag(9, BYTES):
                key, text = self._entry(first, last)
                scopes = text if key == "pkg.torch.onnx.name_scopes" else scopes
        if not operator:
            raise WireError(f"the node {name!r} has no operator", start)
        if domain not in ("", "ai.onnx"):
            operator = f"{domain}.{operator}"
        scope = scope_of(name, operator, scopes)
        return Node(operator, tuple(inputs), tuple(outputs), attributes, name, scope)

    def _attribute(self, start: int, end: int) -> tuple[str, Any]:
        """Return the name and the value of an attribute; of a graph only that it is one."""
        name, kind = "", 0
        single: Any = None
        many: list[Any] = []
        for tag, first, last in self.wire.fields(start, end):
            number = tag >> 3
            if tag == _tag(1, BYTES):
                name = self._text(first, last)
            elif tag == _tag(2, FIXED32):
                single = struct.unpack("<f", self.data[first:last])[0]
            elif tag == _tag(3):
                single = signed(first)
            elif tag == _tag(4, BYTES):
                single = self._text(first, min(last, first + _LONGEST_NAME))
            elif tag == _tag(5, BYTES):
                single = self._tensor(first, last)
            elif tag == _tag(20):
                kind = first
            elif number == 7 and tag & 7 in (FIXED32, BYTES):
                count = (last - first) // 4
                _limit(count + len(many), MOST_VALUES, f"numbers in the attribute {name!r}", first)
                many += struct.unpack(f"<{count}f", self.data[first : first + 4 * count])
            elif tag == _tag(8):
                many.append(signed(first))
            elif tag == _tag(8, BYTES):
                many += self.wire.varints(first, last, MOST_VALUES, f"the attribute {name!r}")
            elif tag == _tag(9, BYTES):
                many.append(self._text(first, last))
            _limit(len(many), MOST_VALUES, f"values in the attribute {name!r}", first)
        if single is None and kind in (1, 2):  # a number that is 0 may be left out
            single = 0.0 if kind == 1 else 0
        return name, single if single is not None else tuple(many)

    def _tensor(self, start: int, end: int) -> Constant:
        name, dims, number, external = "", [], 0, False
        held: list[tuple[int, int, int]] = []  # field, and where it lies
        loose: list[int] = []  # numbers that are not packed
        length = None
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1):
                dims.append(signed(first))
            elif tag == _tag(1, BYTES):
                dims += self.wire.varints(first, last, MOST_AXES, "a tensor's shape")
            elif tag == _tag(2):
                number = first
            elif tag == _tag(8, BYTES):
                name = self._text(first, last)
            elif tag == _tag(14):
                external = first == 1
            elif tag == _tag(13, BYTES):
                key, text = self._entry(first, last)
                length = int(text) if key == "length" and text.isdecimal() and len(text) < 20 else length
            elif tag in (_tag(5), _tag(7), _tag(11)):
                if len(loose) <= MOST_VALUES:
                    loose.append(signed(first))
            elif tag >> 3 in (4, 5, 7, 9, 10, 11):
                held.append((tag, first, last))
                _limit(len(held), MOST_VALUES, f"parts in the tensor {name!r}", first)
            _limit(len(dims), MOST_AXES, "axes", first)
        if any(size < 0 for size in dims):
            raise WireError(f"the tensor {name!r} has a size below 0", start)
        dtype, width, code = _DTYPES.get(number, (f"type {number}", 0, ""))
        count = prod(dims)
        raw = next(((first, last) for tag, first, last in held if tag == _tag(9, BYTES)), None)
        stored = length if external else raw[1] - raw[0] if raw is not None else None
        if width and stored is not None and stored != count * width:
            found = f"its shape {'×'.join(map(str, dims))} of {dtype} needs {count * width:,}"
            raise WireError(f"the tensor {name!r} has {stored:,} bytes, and {found}", start)
        values = None
        if count <= MOST_VALUES and code and not external:
            values = self._values(raw, held, loose, count, code)
        return Constant(name, tuple(dims), dtype, values)

    def _values(
        self,
        raw: tuple[int, int] | None,
        held: list[tuple[int, int, int]],
        loose: list[int],
        count: int,
        code: str,
    ) -> tuple[Any, ...] | None:
        """Return the numbers of a tensor that has few; None where they are not in the file."""
        if raw is not None:
            return struct.unpack(f"<{count}{code}", self.data[raw[0] : raw[1]])
        found: list[Any] = list(loose)
        for tag, first, last in held:
            if tag == _tag(4, BYTES) or tag == _tag(4, FIXED32):
                size = (last - first) // 4
                found += struct.unpack(f"<{size}f", self.data[first : first + 4 * size])
            elif tag == _tag(10, BYTES) or tag == _tag(10, FIXED64):
                size = (last - first) // 8
                found += struct.unpack(f"<{size}d", self.data[first : first + 8 * size])
            elif tag & 7 == BYTES:
                found += self.wire.varints(first, last, MOST_VALUES, "a tensor")
        if code == "e":  # bits of half floats
            found = [struct.unpack("<e", struct.pack("<H", bits & 0xFFFF))[0] for bits in found]
        return tuple(found) if len(found) == count and found else None

    def _value(self, start: int, end: int) -> tuple[str, Shape | None]:
        """Return the name and the shape of a value; None where its shape is not recorded."""
        name, shape = "", None
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):
                name = self._text(first, last)
            elif tag == _tag(2, BYTES):
                shape = self._type(first, last)
        return name, shape

    def _type(self, start: int, end: int) -> Shape | None:
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):  # a tensor
                for inner, at, behind in self.wire.fields(first, last):
                    if inner == _tag(2, BYTES):
                        return self._each(at, behind, self._size)
        return None

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
                size = self._text(first, last) or None
        return size

    def _entry(self, start: int, end: int) -> tuple[str, str]:
        """Return the key and the value of an entry; a value that is long is cut off, as no use of it is."""
        key = value = ""
        for tag, first, last in self.wire.fields(start, end):
            if tag == _tag(1, BYTES):
                key = self._text(first, last)
            elif tag == _tag(2, BYTES):
                value = self._text(first, min(last, first + _LONGEST_NAME))
        return key, value

    def _text(self, start: int, end: int) -> str:
        if end - start > _LONGEST_NAME:
            raise WireError(f"a text has {end - start:,} bytes, more than {_LONGEST_NAME:,}", start)
        return self.data[start:end].decode("utf-8", "backslashreplace")


def _limit(count: int, most: int, what: str, offset: int) -> None:
    if count > most:
        raise WireError(f"more than {most:,} {what}", offset)
