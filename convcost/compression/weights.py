"""Files of weights: `.npz` and `.safetensors`, read without NumPy.

Sources: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html (version 1.0 to 3.0), and
https://huggingface.co/docs/safetensors (the format).
"""

from __future__ import annotations

import ast
import re
import struct
import sys
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from convcost.errors import ErrorDetail, OptionError

MOST_VALUES = 150_000_000
"""Numbers that a tensor may have: one is read at a time."""
_MOST_HEADER = 16 << 20  # bytes of the names and shapes of all tensors
_MOST_ARRAY_HEADER = 10_000  # bytes of one array's; NumPy reads no more, either
_CODES = {"f4": "f", "f8": "d", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q"}
_FLOATS = {"F64": "f8", "F32": "f4", "F16": "f2", "BF16": "bf16"}
_SAFE = _FLOATS | {"I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1", "U8": "u1"}
_SIZES = {"f2": 2, "bf16": 2} | {name: int(name[1:]) for name in _CODES}


class WeightTensor(msgspec.Struct, frozen=True):
    """A tensor of a file.

    Attributes:
        name: Its name.
        shape: Its sizes.
        values: Its numbers in C order; none where it was not asked for.
    """

    name: str
    shape: tuple[int, ...]
    values: Sequence[Any]


def read(path: str | Path, wanted: Mapping[str, int]) -> Iterator[WeightTensor]:
    """Yield the tensors of a file of weights, one after the other, with the numbers of those that are asked for.

    Args:
        path: The file.
        wanted: How many numbers the tensors that are read must have, by their plain names.

    Raises:
        OptionError: It cannot be read, or is none of the two formats.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(8)
            file.seek(0)
            yield from (_npz if head[:4] == b"PK\x03\x04" else _safetensors)(file, path, wanted)
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be read") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _refused(path, f"its archive is damaged: {error}") from None


def _refused(path: str | Path, reason: str, found: str = "", help: str = "") -> OptionError:
    return OptionError(ErrorDetail(f"cannot read the weights of {str(path)!r}: {reason}", found=found, help=help))


def _npz(file: BinaryIO, path: str | Path, wanted: Mapping[str, int]) -> Iterator[WeightTensor]:
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if not entry.filename.endswith(".npy"):
                raise _refused(path, f"{entry.filename!r} is no array", help="numpy.savez writes such a file")
            name = entry.filename.removesuffix(".npy")
            with archive.open(entry) as member:
                shape, code = _npy_header(member, path, name)
                if wanted.get(plain(name)) != prod(shape):
                    yield WeightTensor(name, shape, ())
                    continue
                if prod(shape) > MOST_VALUES:
                    raise _refused(path, f"{name!r} has more than {MOST_VALUES:,} numbers")
                data = member.read(prod(shape) * _SIZES[code] + 1)
            yield _tensor(name, shape, code, data, path)


def _npy_header(member: Any, path: str | Path, name: str) -> tuple[tuple[int, ...], str]:
    """Return the shape and the type of an array of NumPy."""
    magic = member.read(8)
    if len(magic) < 8 or magic[:6] != b"\x93NUMPY":
        raise _refused(path, f"{name!r} is no array of NumPy")
    size = member.read(2 if magic[6] == 1 else 4)
    length = int.from_bytes(size, "little")
    text = member.read(min(length, _MOST_ARRAY_HEADER))
    try:
        header = ast.literal_eval(text.decode("latin-1").strip())
        shape, kind, order = tuple(header["shape"]), header["descr"], header["fortran_order"]
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError):
        raise _refused(path, f"the header of {name!r} is damaged") from None
    code = kind[1:] if isinstance(kind, str) and kind[:1] in "<|=" else ""
    if code not in _SIZES:
        raise _refused(path, f"{name!r} has numbers of the type {kind!r}", help="save it as float32")
    if order and len(shape) > 1:
        raise _refused(path, f"{name!r} is in Fortran's order", help="numpy.ascontiguousarray before it is saved")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise _refused(path, f"the header of {name!r} is damaged")
    return shape, code


def _safetensors(file: BinaryIO, path: str | Path, wanted: Mapping[str, int]) -> Iterator[WeightTensor]:
    size = file.read(8)
    length = int.from_bytes(size, "little")
    if len(size) < 8 or not 2 <= length <= _MOST_HEADER:
        raise _refused(path, "it is neither .npz nor .safetensors")
    try:
        header = msgspec.json.decode(file.read(length), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise _refused(path, "it is neither .npz nor .safetensors") from None
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            shape = tuple(entry["shape"])
            start, end = entry["data_offsets"]
            kind = entry["dtype"]
            whole = all(type(each) is int and each >= 0 for each in (*shape, start, end))
        except (TypeError, KeyError, ValueError):
            whole = False
        if not whole:
            raise _refused(path, f"the header of {name!r} is damaged")
        if kind not in _SAFE:
            raise _refused(path, f"{name!r} has numbers of the type {kind!r}", help="save it as float32")
        code = _SAFE[kind]
        if prod(shape) > MOST_VALUES:
            raise _refused(path, f"{name!r} has more than {MOST_VALUES:,} numbers")
        if end - start != prod(shape) * _SIZES[code]:
            raise _refused(path, f"the header of {name!r} is damaged")
        if wanted.get(plain(name)) != prod(shape):
            yield WeightTensor(name, shape, ())
            continue
        file.seek(8 + length + start)
        yield _tensor(name, shape, code, file.read(end - start), path)


def _tensor(name: str, shape: tuple[int, ...], code: str, data: bytes, path: str | Path) -> WeightTensor:
    size = prod(shape) * _SIZES[code]
    if len(data) != size:
        raise _refused(path, f"{name!r} {'ends too early' if len(data) < size else 'is too long'}")
    if code == "f2":
        return WeightTensor(name, shape, struct.unpack(f"<{len(data) // 2}e", data))
    numbers: array[Any]
    if code == "bf16":
        numbers = array("f", b"".join(b"\0\0" + data[at : at + 2] for at in range(0, len(data), 2)))
    else:
        numbers = array(_CODES[code])
        numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return WeightTensor(name, shape, numbers)


def plain(name: str) -> str:
    """Return a name with dots between its parts: files have dots, dashes or slashes.

    >>> plain("layer1/0:conv1-weight")
    'layer1.0.conv1.weight'
    """
    return re.sub(r"[./:-]+", ".", name)


def names_of(layer: str) -> tuple[str, ...]:
    """Return the names under which a file may have the weights of a layer."""
    name = plain(layer)
    return (name, *(f"{name}.{word}" for word in ("weight", "kernel", "w", "W")))
