"""The tables of a TensorFlow Lite file as plain data: tensors, and operators between them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.errors import ErrorDetail, OptionError, Place, nearest
from convcost.importers.tflite import schema
from convcost.importers.tflite.flatbuffer import FlatBuffer, FlatBufferError, FlatTable

MOST_TENSORS = 1_000_000
MOST_OPERATORS = 200_000
MOST_SUBGRAPHS = 10_000
MOST_AXES = 32
MOST_VALUES = 4096
"""How many numbers of a tensor are read; weights have more, and none is needed."""
_MOST_OPERANDS = 4096


class FileTensor(Struct, frozen=True):
    """A tensor.

    Attributes:
        index: Its number.
        name: Its name; unlike that of any other tensor of the subgraph.
        shape: Its sizes, as the file says them first.
        sizes: Its sizes with None where the file leaves one open.
        dtype: The type of its numbers.
        form: The format of its numbers, as `struct` has it; empty where they are no plain numbers.
        buffer: The number of its buffer.
        place: Where its numbers lie, and how many bytes they take; None where the file has none.
        is_variable: Whether it keeps a state between two inferences.
        scale: The factor and the zero of a quantised number.
        numbers: Its numbers where they are none of the file's, but follow from them.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    sizes: tuple[int | None, ...]
    dtype: str
    form: str
    buffer: int
    place: tuple[int, int] | None
    is_variable: bool
    scale: tuple[float, int] | None = None
    numbers: tuple[Any, ...] | None = None

    @property
    def is_constant(self) -> bool:
        """Whether its numbers are in the file, or follow from those that are."""
        return self.place is not None or self.numbers is not None


class FileOperator(Struct, frozen=True):
    """An operator.

    Attributes:
        name: What it does, such as `CONV_2D`; `custom.` and a name where TensorFlow Lite has no such operator.
        inputs: The numbers of the tensors that it reads; −1 where an optional one is left out.
        outputs: The numbers of the tensors that it gives.
        options: The table of its attributes.
        at: Its number.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: FlatTable | None
    at: int


class FileGraph(Struct, frozen=True):
    """One graph of a file.

    Attributes:
        inputs: The numbers of the tensors that it takes.
        outputs: The numbers of the tensors that it gives.
        tensors: The tensors.
        operators: The operators, in the order in which they run.
        about: The file's version and which graph of it this is, for people.
        data: The file.
        other: Returns another graph of the file by its number.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    about: str
    data: FlatBuffer
    other: Callable[[int], FileGraph] | None = None

    def values(self, tensor: FileTensor) -> tuple[Any, ...] | None:
        """Return the numbers of a tensor that has few; None where they are not in the file."""
        if tensor.numbers is not None:
            return tensor.numbers
        count = prod(tensor.shape)
        if tensor.place is None or not tensor.form or not 0 <= count <= MOST_VALUES:
            return None
        start, size = tensor.place
        if size != count * struct.calcsize(f"={tensor.form}"):
            return None
        self.data.spend(count, start)
        found = struct.unpack_from(f"<{count}{tensor.form}", self.data.data, start)
        return tuple([tensor.scale[0] * (value - tensor.scale[1]) for value in found]) if tensor.scale else found


def has_open_batch(graph: FileGraph) -> bool:
    """Return whether an input leaves open how many there are."""
    return any(graph.tensors[index].sizes[:1] == (None,) for index in graph.inputs)


def read_subgraph(buffer: FlatBuffer, signature: str = "", file: str = "") -> FileGraph:
    """Return a graph of a file.

    Args:
        buffer: The file.
        signature: The signature whose graph it is; the first graph without one, which a runtime runs, too.
        file: The name of the file, for messages.

    Raises:
        FlatBufferError: The file is damaged, or says what cannot be.
        OptionError: It has no such signature.
    """
    model = buffer.root()
    version = model.whole(schema.ModelFields.VERSION, "I")
    if version != 3:
        raise FlatBufferError(f"version {version} of the schema is not supported, 3 is", model.at)
    codes = [_code(table) for table in model.tables(schema.ModelFields.OPERATOR_CODES, "the operators' codes")]
    start, count = model.extent(schema.ModelFields.SUBGRAPHS, 4, "the subgraphs")
    if not 1 <= count <= MOST_SUBGRAPHS:
        raise FlatBufferError(f"it has {count:,} subgraphs", start or model.at)
    numbers = {
        table.text(schema.SignatureFields.KEY, "a signature's name"): table.whole(schema.SignatureFields.SUBGRAPH, "I")
        for table in model.tables(schema.ModelFields.SIGNATURES, "the signatures")
    }
    if signature and signature not in numbers:
        help = nearest(signature, numbers) if numbers else "it has none: leave it out"
        raise OptionError(ErrorDetail(f"there is no signature {signature!r}", Place(file), help=help))
    number = numbers[signature] if signature else 0
    if number >= count:
        raise FlatBufferError(f"the signature {signature!r} has subgraph {number:,} of {count:,}", model.at)
    reader = _Reader(buffer, model, codes)

    def read(number: int, about: str = "") -> FileGraph:
        if not 0 <= number < count:
            raise FlatBufferError(f"an operator has subgraph {number:,} of {count:,}", model.at)
        return reader.subgraph(FlatTable(buffer, buffer.follow(start + 4 * number, "a subgraph")), about)

    return replace(read(number, _about(numbers, number, version)), other=read)


def _about(numbers: Mapping[str, int], read: int, version: int) -> str:
    """Return the comments about a file: which of its signatures is read."""
    about = f"TensorFlow Lite, schema {version}"
    others = [name for name, number in numbers.items() if number != read]
    if not others:
        return about
    own = next((f"signature {name}" for name, number in numbers.items() if number == read), "the first subgraph")
    return f"{about}, {own}; not {', '.join(others[:9])}{', …' if len(others) > 9 else ''}"


def _code(table: FlatTable) -> str:
    """Return the name of an operator. Codes above 127 did not fit into the field that was there first."""
    code = max(table.whole(schema.CodeFields.DEPRECATED_BUILTIN, "b"), table.whole(schema.CodeFields.BUILTIN))
    if code == schema.CUSTOM:
        return f"custom.{table.text(schema.CodeFields.CUSTOM, 'the name of a custom operator')}"
    return schema.OPERATORS[code] if 0 <= code < len(schema.OPERATORS) else f"operator {code}"


class _Reader:
    """Reads the graphs of one file."""

    def __init__(self, buffer: FlatBuffer, model: FlatTable, codes: list[str]) -> None:
        self.buffer = buffer
        self.codes = codes
        self.buffers, self.buffer_count = model.extent(schema.ModelFields.BUFFERS, 4, "the buffers")

    def subgraph(self, table: FlatTable, about: str) -> FileGraph:
        tensors: list[FileTensor] = []
        names = {""}
        for index, each in enumerate(table.tables(schema.SubgraphFields.TENSORS, "the tensors")):
            if index >= MOST_TENSORS:
                raise FlatBufferError(f"more than {MOST_TENSORS:,} tensors", each.at)
            tensors.append(self._tensor(index, each, names))
        operators: list[FileOperator] = []
        for at, each in enumerate(table.tables(schema.SubgraphFields.OPERATORS, "the operators")):
            if at >= MOST_OPERATORS:
                raise FlatBufferError(f"more than {MOST_OPERATORS:,} operators", each.at)
            operators.append(self._operator(at, each, len(tensors)))
        inputs = self._numbers(table, schema.SubgraphFields.INPUTS, len(tensors), "the inputs")
        outputs = self._numbers(table, schema.SubgraphFields.OUTPUTS, len(tensors), "the outputs")
        if min((*inputs, *outputs), default=0) < 0:
            raise FlatBufferError("an input or output is no tensor", table.at)
        return FileGraph(inputs, outputs, tuple(tensors), tuple(operators), about, self.buffer)

    def _tensor(self, index: int, table: FlatTable, names: set[str]) -> FileTensor:
        fields = schema.TensorFields
        shape = table.wholes(fields.SHAPE, "i", MOST_AXES, "a tensor's shape") or ()
        name = table.text(fields.NAME, "a tensor's name")
        while name in names:
            name = f"{name}#{index}"
        names.add(name)
        signature = table.wholes(fields.SIGNATURE, "i", MOST_AXES, "a tensor's shape") or shape
        if len(signature) != len(shape) or any(size < -1 for size in shape):
            raise FlatBufferError(
                f"the tensor {name!r} has the shape {_shown(shape)} and {_shown(signature)}", table.at
            )
        number = table.whole(fields.TYPE, "b")
        if not 0 <= number < len(schema.TYPES):
            raise FlatBufferError(f"the tensor {name!r} has numbers of the unknown type {number}", table.at)
        dtype, form = schema.TYPES[number]
        buffer = table.whole(fields.BUFFER, "I")
        place = self._place(buffer, name, table)
        if table.place(fields.SPARSITY):
            form = ""  # its numbers are packed
        elif place is not None and form and place[1] != (needed := prod(shape) * struct.calcsize(f"={form}")):
            found = f"its shape {_shown(shape)} of {dtype} needs {needed:,}"
            raise FlatBufferError(f"the tensor {name!r} has {place[1]:,} bytes, and {found}", place[0])
        sizes = tuple([None if said < 0 or size < 0 else size for size, said in zip(shape, signature, strict=True)])
        is_variable = table.flag(fields.IS_VARIABLE)
        scale = self._scale(table) if place is not None and prod(shape) == 1 else None
        return FileTensor(index, name, shape, sizes, dtype, form, buffer, place, is_variable, scale)

    def _scale(self, table: FlatTable) -> tuple[float, int] | None:
        """Return the factor and the zero of a quantised number; None where it is none."""
        quantised = table.table(schema.TensorFields.QUANTIZATION, "the quantisation of a tensor")
        if quantised is None:
            return None
        start, count = quantised.extent(schema.QuantizationFields.SCALE, 4, "the scales of a tensor")
        if count != 1:
            return None
        zeros = quantised.wholes(schema.QuantizationFields.ZERO, "q", 1, "the zeros of a tensor") or (0,)
        return float(self.buffer.number("f", start, "the scale of a tensor")), zeros[0]

    def _place(self, number: int, name: str, tensor: FlatTable) -> tuple[int, int] | None:
        """Return where the numbers of a buffer lie, and how many bytes they take."""
        if number == 0:
            return None
        if number >= self.buffer_count:
            found = f"buffer {number:,} of {self.buffer_count:,}"
            raise FlatBufferError(f"the tensor {name!r} has its numbers in {found}", tensor.at)
        table = FlatTable(self.buffer, self.buffer.follow(self.buffers + 4 * number, "a buffer"))
        start, size = table.extent(schema.BufferFields.DATA, 1, "the numbers of a tensor")
        if size:
            return start, size
        start, size = table.whole(schema.BufferFields.OFFSET, "Q"), table.whole(schema.BufferFields.SIZE, "Q")
        if start <= 1 or not size:  # 1 is written before the place is known
            return None
        self.buffer.check(start, size, "the numbers of a tensor")
        return start, size

    def _operator(self, at: int, table: FlatTable, tensors: int) -> FileOperator:
        code = table.whole(schema.OperatorFields.CODE, "I")
        if code >= len(self.codes):
            raise FlatBufferError(f"an operator has code {code:,} of {len(self.codes):,}", table.at)
        inputs = self._numbers(table, schema.OperatorFields.INPUTS, tensors, "an operator's inputs")
        outputs = self._numbers(table, schema.OperatorFields.OUTPUTS, tensors, "an operator's outputs")
        options = table.table(schema.OperatorFields.OPTIONS, "an operator's options")
        return FileOperator(self.codes[code], inputs, outputs, options, at)

    def _numbers(self, table: FlatTable, field: int, tensors: int, what: str) -> tuple[int, ...]:
        numbers = table.wholes(field, "i", _MOST_OPERANDS, what) or ()
        for number in numbers:
            if not -1 <= number < tensors:
                raise FlatBufferError(f"{what} have tensor {number:,} of {tensors:,}", table.at)
        return numbers


def _shown(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "of a number"
