"""One attribute of an HDF5 file: the model's configuration as text, without `h5py`, and without reading its weights.

The root group has it; its header lists its attributes, and a long text lies in the file's global heap.

Source: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from convcost.errors import ErrorDetail, Place, SpecError

if TYPE_CHECKING:
    from convcost.importers.onnx.wire import Data

_NAME = b"model_config"
_MOST_BLOCKS = 1000
_MOST_MESSAGES = 10_000
_ATTRIBUTE, _CONTINUATION, _ATTRIBUTES_ELSEWHERE = 0x0C, 0x10, 0x15
_FIXED, _VARIABLE = 3, 9  # classes of types: text of a fixed size, and of any
_HELP = "is the file complete? save or download it again"


class _Damaged(Exception):
    """The bytes are none of HDF5.

    Args:
        message: What is wrong.
        offset: Where.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def model_config(data: Data, file: str, most: int) -> bytes:
    """Return the configuration of the model in an HDF5 file.

    Args:
        data: The bytes of the file.
        file: Its name, for messages.
        most: How many bytes the configuration may have.

    Raises:
        SpecError: The file is damaged, or holds no model.
    """
    try:
        found = _Reader(data, most).attribute()
    except _Damaged as error:
        where = f"at byte {error.offset:,} of {len(data):,}"
        raise SpecError(
            ErrorDetail(f"the HDF5 file cannot be read: {error.message}", Place(file), found=where, help=_HELP)
        ) from None
    if found is None:
        help = "save the whole model, with model.save('model.keras') or model.to_json()"
        raise SpecError(ErrorDetail("the HDF5 file holds weights and no network", Place(file), help=help))
    return found


class _Reader:
    def __init__(self, data: Data, most: int) -> None:
        self.data = data
        self.most = most
        self.offset_size = self.length_size = 8

    def attribute(self) -> bytes | None:
        """Return the text of the attribute; None where there is none."""
        header, elsewhere = self._root(), 0
        for kind, start, end in self._messages(header):
            if kind == _ATTRIBUTE:
                found = self._text(start, end)
                if found is not None:
                    return found
            elif kind == _ATTRIBUTES_ELSEWHERE:
                at = start + 2 + (2 if self._number(start + 1, 1) & 1 else 0)
                if self._number(at, self.offset_size) != 2 ** (8 * self.offset_size) - 1:
                    elsewhere = start
        if elsewhere:
            raise _Damaged("it has its attributes in a heap, which is not read: save it as .keras", elsewhere)
        return None

    def _number(self, at: int, size: int) -> int:
        if at < 0 or at + size > len(self.data):
            raise _Damaged("it ends within its structure", min(max(at, 0), len(self.data)))
        return int.from_bytes(self.data[at : at + size], "little")

    def _root(self) -> int:
        """Return where the header of the root group is."""
        version = self._number(8, 1)
        if version in (0, 1):
            self.offset_size, self.length_size = self._number(13, 1), self._number(14, 1)
            self._check_sizes()
            at = 24 + (4 if version == 1 else 0) + 4 * self.offset_size
            return self._number(at + self.offset_size, self.offset_size)
        if version in (2, 3):
            self.offset_size, self.length_size = self._number(9, 1), self._number(10, 1)
            self._check_sizes()
            return self._number(12 + 3 * self.offset_size, self.offset_size)
        raise _Damaged(f"its version {version} is not known", 8)

    def _check_sizes(self) -> None:
        if self.offset_size not in (4, 8) or self.length_size not in (4, 8):
            raise _Damaged("its offsets are of a size that is not known", 9)

    def _messages(self, header: int) -> Iterator[tuple[int, int, int]]:
        """Yield the messages of a header: their kind, and where they start and end."""
        old = self.data[header : header + 4] != b"OHDR"
        blocks = [self._first_block(header) if old else self._first_new_block(header)]
        flags = 0 if old else self._number(header + 5, 1)
        left = _MOST_MESSAGES
        for block in range(_MOST_BLOCKS):
            if block >= len(blocks):
                return
            start, end = blocks[block]
            size = 8 if old else 4 + (2 if flags & 4 else 0)
            while start + size <= end:
                kind = self._number(start, 2 if old else 1)
                length = self._number(start + (2 if old else 1), 2)
                start += size
                left -= 1
                if start + length > end or left < 0:
                    raise _Damaged("a message is longer than the header that it is in", start)
                if kind == _CONTINUATION:
                    blocks.append(self._continuation(start, old))
                yield kind, start, start + length
                start += length

    def _first_block(self, header: int) -> tuple[int, int]:
        if self._number(header, 1) != 1:
            raise _Damaged("the root group has no header", header)
        size = self._number(header + 8, 4)
        return header + 16, self._within(header + 16, size)

    def _first_new_block(self, header: int) -> tuple[int, int]:
        flags = self._number(header + 5, 1)
        at = header + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        start = at + width
        return start, self._within(start, self._number(at, width))

    def _continuation(self, at: int, old: bool) -> tuple[int, int]:
        start = self._number(at, self.offset_size)
        size = self._number(at + self.offset_size, self.length_size)
        end = self._within(start, size)
        return (start, end) if old else (start + 4, end - 4)

    def _within(self, start: int, size: int) -> int:
        if start + size > len(self.data):
            raise _Damaged(f"a block of {size:,} bytes ends behind the file", min(start, len(self.data)))
        return start + size

    def _text(self, start: int, end: int) -> bytes | None:
        """Return the text of an attribute; None where it has another name."""
        version = self._number(start, 1)
        if version not in (1, 2, 3):
            raise _Damaged(f"an attribute has the version {version}", start)
        name, type, space = (self._number(start + 2 + 2 * at, 2) for at in range(3))
        at = start + (9 if version == 3 else 8)
        unit = 8 if version == 1 else 1
        if bytes(self.data[at : at + min(name, 64)]).rstrip(b"\0") != _NAME:
            return None
        at += _rounded(name, unit)
        kind = self._number(at, 1) & 15
        size = self._number(at + 4, 4)
        at += _rounded(type, unit) + _rounded(space, unit)
        if kind == _FIXED:
            return self._bytes(at, min(size, end - at))
        if kind == _VARIABLE and at + 8 + self.offset_size <= end:
            length = self._number(at, 4)
            return self._in_heap(
                self._number(at + 4, self.offset_size), self._number(at + 4 + self.offset_size, 4), length
            )
        raise _Damaged("the model's configuration is no text", at)

    def _in_heap(self, heap: int, wanted: int, length: int) -> bytes:
        """Return a text of the global heap."""
        if bytes(self.data[heap : heap + 4]) != b"GCOL":
            raise _Damaged("the text of the model's configuration is not where it should be", min(heap, len(self.data)))
        end = self._within(heap, self._number(heap + 8, self.length_size))
        at = heap + 8 + self.length_size
        for _ in range(_MOST_MESSAGES):
            if at + 8 + self.length_size > end:
                break
            index, size = self._number(at, 2), self._number(at + 8, self.length_size)
            at += 8 + self.length_size
            if index == wanted:
                return self._bytes(at, min(size, length))
            if index == 0:
                break
            at += _rounded(size, 8)
        raise _Damaged("the text of the model's configuration is not where it should be", heap)

    def _bytes(self, at: int, size: int) -> bytes:
        if size > self.most:
            raise _Damaged(f"the model's configuration has {size:,} bytes, more than {self.most:,}", at)
        return bytes(self.data[at : self._within(at, size)]).rstrip(b"\0")


def _rounded(size: int, unit: int) -> int:
    """Return a size rounded up to whole units."""
    return -(-size // unit) * unit
