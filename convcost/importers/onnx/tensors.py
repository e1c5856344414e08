"""The tensors of an ONNX file: their shapes and types, and the numbers of those that have few.

Source: `TensorProto` in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

from msgspec import Struct

from convcost import files
from convcost.importers.constants import is_worked_out
from convcost.importers.graph import Constant
from convcost.importers.onnx.wire import BYTES, FIXED32, FIXED64, Wire, WireError, limit, signed, tag

MOST_AXES = 32
MOST_VALUES = 4096
"""How many numbers of a tensor are read; weights have more, and none is needed."""

# number of the type: name, bits, format of `struct`
_DTYPES = {
    1: ("float32", 32, "f"),
    2: ("uint8", 8, "B"),
    3: ("int8", 8, "b"),
    4: ("uint16", 16, "H"),
    5: ("int16", 16, "h"),
    6: ("int32", 32, "i"),
    7: ("int64", 64, "q"),
    9: ("bool", 8, "?"),
    10: ("float16", 16, "e"),
    11: ("float64", 64, "d"),
    12: ("uint32", 32, "I"),
    13: ("uint64", 64, "Q"),
    16: ("bfloat16", 16, ""),
    17: ("float8", 8, ""),
    18: ("float8", 8, ""),
    19: ("float8", 8, ""),
    20: ("float8", 8, ""),
    21: ("uint4", 4, ""),
    22: ("int4", 4, ""),
    23: ("float4", 4, ""),
    25: ("uint2", 2, ""),
    26: ("int2", 2, ""),
}
_FLOATS = ("f", "d", "e")
_MOST_LEARNED = 64
"""How many numbers of a weight are read, unless all are one: nothing depends on those of a trained norm."""
_INDICES = ("int32", "int64")
_LONGEST_NUMBER = 19

# Fields of a tensor: made once, for they are compared with all that a file has.
_DIM = tag(1)
_DIMS = tag(1, BYTES)
_DTYPE = tag(2)
_NAME = tag(8, BYTES)
_LOCATION = tag(14)
_EXTERNAL = tag(13, BYTES)
_LOOSE = (tag(5), tag(7), tag(11))
"""Numbers that are not packed."""
_NUMBERS = (4, 5, 7, 9, 10, 11)
"""The numbers of the fields with the tensor's own numbers."""


def dtype_name(number: int) -> str:
    """Return the type of a tensor's numbers by its number in the format."""
    return _DTYPES[number][0] if number in _DTYPES else f"type {number}"


class _Fields(Struct):
    """What the file says of a tensor.

    Attributes:
        start: Where it begins.
        name: Its name.
        dims: Its sizes.
        number: The number of its type.
        external: Whether its numbers are in another file.
        place: Where they are there: `location`, `offset` and `length`.
        held: The fields with numbers: their tags, and where they lie.
        loose: Numbers that are not packed.
    """

    start: int
    name: str = ""
    dims: list[int] = []
    number: int = 0
    external: bool = False
    place: dict[str, str] = {}
    held: list[tuple[int, int, int]] = []
    loose: list[int] = []


def read_tensor(wire: Wire, start: int, end: int, file: str = "", *, may_learn: bool = False) -> Constant:
    """Return a tensor of a file.

    Args:
        wire: The bytes of the file.
        start: Where the tensor begins.
        end: The byte behind it.
        file: The file, beside which indices may lie that it keeps elsewhere; no other numbers are read there.
        may_learn: Whether it may be one of the weights, as tensors of the graph are, and those in nodes are not.

    Raises:
        WireError: It is none, or its bytes do not fit its shape.
    """
    fields = _fields(wire, start, end)
    dtype, bits, code = _DTYPES.get(fields.number, (dtype_name(fields.number), 0, ""))
    count = prod(fields.dims)
    raw = next(((first, last) for found, first, last in fields.held if found == tag(9, BYTES)), None)
    if fields.external:
        _check_place(fields)
        stored = _whole(fields.place.get("length", ""))
    else:
        stored = raw[1] - raw[0] if raw is not None else None
    needed = -(-count * bits // 8)
    if bits and stored is not None and stored != needed:
        found = f"its shape {'×'.join(map(str, fields.dims))} of {dtype} needs {needed:,}"
        raise WireError(f"the tensor {fields.name!r} has {stored:,} bytes, and {found}", start)
    values = None
    if count <= MOST_VALUES and code:
        most = _MOST_LEARNED if may_learn and code in _FLOATS and not is_worked_out(fields.name) else MOST_VALUES
        values = (
            _elsewhere(fields, dtype, needed, file)
            if fields.external
            else _values(wire, fields, raw, count, code, most)
        )
    lacks = fields.external and values is None and _may_be_index(dtype, count)
    absent = fields.place.get("location", "") if lacks else ""
    return Constant(fields.name, tuple(fields.dims), dtype, values, absent=absent)


def read_sparse(wire: Wire, start: int, end: int) -> Constant:
    """Return a sparse tensor as the dense one that it stands for, as which it is multiplied."""
    name, dtype, dims = "", "float32", []
    for found, first, last in wire.fields(start, end):
        if found == tag(1, BYTES):
            values = read_tensor(wire, first, last)
            name, dtype = values.name, values.dtype
        elif found == tag(3):
            dims.append(signed(first))
        elif found == tag(3, BYTES):
            dims += wire.varints(first, last, MOST_AXES, "a tensor's shape")
        limit(len(dims), MOST_AXES, "axes", first)
    if any(size < 0 for size in dims):
        raise WireError(f"the tensor {name!r} has a size below 0", start)
    return Constant(name, tuple(dims), dtype)


def _fields(wire: Wire, start: int, end: int) -> _Fields:
    into = _Fields(start)
    dims, held, loose = into.dims, into.held, into.loose
    for found, first, last in wire.fields(start, end):
        if found == _DIM:
            dims.append(signed(first))
        elif found == _DIMS:
            dims += wire.varints(first, last, MOST_AXES, "a tensor's shape")
        elif found == _DTYPE:
            into.number = first
        elif found == _NAME:
            into.name = wire.text(first, last)
        elif found == _LOCATION:
            into.external = first == 1
        elif found == _EXTERNAL:
            key, text = wire.entry(first, last)
            into.place[key] = text
            limit(len(into.place), MOST_AXES, f"places of the tensor {into.name!r}", first)
        elif found in _LOOSE:
            if len(loose) <= MOST_VALUES:
                loose.append(signed(first))
        elif found >> 3 in _NUMBERS:
            wire.skip(last - first)
            held.append((found, first, last))
            if len(held) > MOST_VALUES:
                limit(len(held), MOST_VALUES, f"parts in the tensor {into.name!r}", first)
        if len(dims) > MOST_AXES:
            limit(len(dims), MOST_AXES, "axes", first)
    if any(size < 0 for size in dims):
        raise WireError(f"the tensor {into.name!r} has a size below 0", start)
    return into


def _values(
    wire: Wire, fields: _Fields, raw: tuple[int, int] | None, count: int, code: str, most: int
) -> tuple[Any, ...] | None:
    """Return the numbers of a tensor that has few, or many that are one; None where they are not in the file."""
    if raw is not None:
        data = wire.data[raw[0] : raw[1]]
        if count > 1 and data == (one := data[: len(data) // count]) * count:  # as of a norm that is not trained
            number: tuple[Any, ...] = struct.unpack(f"<{code}", one)
            return number * count
        return struct.unpack(f"<{count}{code}", data) if count <= most else None
    found: list[Any] = list(fields.loose)
    for each, first, last in fields.held:
        if each in (tag(4, BYTES), tag(4, FIXED32)):
            size = (last - first) // 4
            limit(size, MOST_VALUES, f"numbers in the tensor {fields.name!r}", first)
            found += struct.unpack(f"<{size}f", wire.data[first : first + 4 * size])
        elif each in (tag(10, BYTES), tag(10, FIXED64)):
            size = (last - first) // 8
            limit(size, MOST_VALUES, f"numbers in the tensor {fields.name!r}", first)
            found += struct.unpack(f"<{size}d", wire.data[first : first + 8 * size])
        elif each & 7 == BYTES:
            found += wire.varints(first, last, MOST_VALUES, "a tensor")
    if code == "e":  # bits of half floats
        found = [struct.unpack("<e", struct.pack("<H", bits & 0xFFFF))[0] for bits in found]
    return tuple(found) if len(found) == count and found else None


# elsewhere


def _check_place(fields: _Fields) -> None:
    """Refuse a place that is not in the folder of the file.

    Raises:
        WireError: It is not.
    """
    location = fields.place.get("location", "")
    if _is_outside(location):
        message = f"the tensor {fields.name!r} has its numbers at {location!r}, outside of the file's folder"
        raise WireError(message, fields.start, "save the model with its external data beside it")


def _is_outside(location: str) -> bool:
    """Return whether a place is not in the folder of the file, or none on every system.

    >>> [_is_outside(each) for each in ("weights.bin", "a/b..c", "a/../b", "/a", "c:a")]
    [False, False, True, True, True]
    """
    drive = location[1:2] == ":" and location[0].isascii() and location[0].isalpha()
    return drive or location[:1] == "/" or "\\" in location or "\0" in location or ".." in location.split("/")


def _elsewhere(fields: _Fields, dtype: str, size: int, file: str) -> tuple[Any, ...] | None:
    """Return numbers that are kept beside the file, where they may be indices; None where they cannot be read."""
    location, offset = fields.place.get("location", ""), _whole(fields.place.get("offset", "") or "0")
    if dtype not in _INDICES or not size or not location or offset is None or not file or not Path(file).is_file():
        return None
    try:
        data = files.read_part(Path(file).parent / location, offset, size)
    except (OSError, ValueError, files.RefusedFile):
        return None
    return (
        struct.unpack(f"<{size // (8 if dtype == 'int64' else 4)}{'q' if dtype == 'int64' else 'i'}", data)
        if (len(data) == size)
        else None
    )


def _may_be_index(dtype: str, count: int) -> bool:
    """Return whether the numbers of a tensor may be sizes or indices."""
    return dtype in _INDICES and 0 < count <= MOST_VALUES


def _whole(text: str) -> int | None:
    """Return the whole number that a text is; None where it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else None


def packed_floats(wire: Wire, start: int, end: int) -> Sequence[float]:
    """Return single-precision numbers that stand behind each other."""
    count = (end - start) // 4
    found: Sequence[float] = struct.unpack(f"<{count}f", wire.data[start : start + 4 * count])
    return found
