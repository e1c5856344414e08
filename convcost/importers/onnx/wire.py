"""The wire format of Protocol Buffers: fields of a message, without copying what they hold.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mmap import mmap

Data: TypeAlias = "bytes | mmap"

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""The wire types: how a field's value is written."""
MOST_FIELDS = 5_000_000
"""How many fields a file may have; a network of 100,000 layers has a third."""

LONGEST_TEXT = 65_536
"""How many bytes a name or another text may have."""

_LARGE = 65_536  # bytes that are not read
_OFTEN = 8  # of these, until the pages around them are given back
_SHORT = 0x80  # the length of a field that is written in one byte is less
_NO_TEXTS: Mapping[int, list[str]] = {}
_COUNTED = (VARINT, BYTES)  # behind the tag stands a number: the value, or how many bytes it has
_GROUPS = (3, 4)  # no format of today has them


def tag(number: int, kind: int = VARINT) -> int:
    """Return the tag of a field: its number and how it is written."""
    return number << 3 | kind


def limit(count: int, most: int, what: str, offset: int) -> None:
    """Refuse more of something than there may be.

    Raises:
        WireError: There are more.
    """
    if count > most:
        raise WireError(f"more than {most:,} {what}", offset)


class WireError(Exception):
    """The bytes are no message.

    Args:
        message: What is wrong.
        offset: Where, in bytes from the start of the file.
        help: The remedy.
    """

    def __init__(self, message: str, offset: int, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.help = help or "is the file complete? export or download it again"


_KEY, _VALUE = tag(1, BYTES), tag(2, BYTES)


class Wire:
    """The bytes of a file, and how many fields were read of them.

    Args:
        data: The bytes; of a file that is mapped, only the pages that are read are loaded.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self._left = MOST_FIELDS
        self._skipped = 0

    def fields(
        self, start: int, end: int, texts: Mapping[int, list[str]] = _NO_TEXTS
    ) -> Iterator[tuple[int, int, int]]:
        """Yield the fields of the message that lies between two offsets.

        Args:
            start: The first byte.
            end: The byte behind the last.
            texts: Lists to which the texts of fields with these tags are added; they are not yielded.

        Yields:
            The tag, 8 · field number + wire type; then of a varint the value and 0, else where the value starts and
            ends.

        Raises:
            WireError: A field does not fit into the message, or there are too many in the file.
        """
        data = self.data
        while start < end:
            at = start
            found = data[start]
            if found < _SHORT:
                start += 1
            else:
                found, start = self.varint(start, end)
            kind = found & 7
            self._left -= 1
            if self._left < 0:
                raise WireError(f"the file has more than {MOST_FIELDS:,} fields", at)
            if found < 8:
                raise WireError("a field has the number 0", at)
            if kind in _COUNTED:
                size = data[start] if start < end else _SHORT
                if size < _SHORT:
                    start += 1
                else:
                    size, start = self.varint(start, end)
                if kind == VARINT:
                    yield found, size, 0
                    continue
            elif kind in (FIXED32, FIXED64):
                size = 4 if kind == FIXED32 else 8
            else:
                what = "groups are not supported" if kind in _GROUPS else f"there is no wire type {kind}"
                raise WireError(f"field {found >> 3}: {what}", at)
            behind = start + size
            if behind > end:
                left = f"{end - start:,} bytes left" if end > start else "nothing left"
                raise WireError(f"field {found >> 3} says it has {size:,} bytes, with {left}", at)
            if found in texts:
                texts[found].append(self.text(start, behind))
            else:
                yield found, start, behind
            start = behind

    def count(self, fields: int, offset: int) -> None:
        """Note that so many fields were read elsewhere.

        Raises:
            WireError: There are too many in the file.
        """
        self._left -= fields
        if self._left < 0:
            raise WireError(f"the file has more than {MOST_FIELDS:,} fields", offset)

    def skip(self, size: int) -> None:
        """Note that so many bytes are not read; of a file that is mapped, what lies around them need not be kept."""
        if size < _LARGE:
            return
        self._skipped += 1
        if self._skipped % _OFTEN == 0 and not isinstance(self.data, bytes):
            import mmap  # where a file is mapped only

            if hasattr(mmap, "MADV_DONTNEED"):
                self.data.madvise(mmap.MADV_DONTNEED)

    def varint(self, start: int, end: int) -> tuple[int, int]:
        """Return the number at an offset, and the offset behind it.

        Raises:
            WireError: It does not end, or has more than 64 bits.
        """
        data = self.data
        value = shift = 0
        for at in range(start, min(end, start + 10)):
            byte = data[at]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, at + 1
            shift += 7
        raise WireError("a number has more than 10 bytes" if end - start >= 10 else "the data end in a number", start)

    def varints(self, start: int, end: int, most: int, what: str) -> list[int]:
        """Return packed signed numbers.

        Raises:
            WireError: There are more than `most`, or they do not fit.
        """
        found: list[int] = []
        while start < end:
            value, start = self.varint(start, end)
            found.append(signed(value))
            if len(found) > most:
                raise WireError(f"{what} has more than {most:,} numbers", start)
        return found

    def text(self, start: int, end: int) -> str:
        """Return a text.

        Raises:
            WireError: It is longer than any may be.
        """
        if end - start > LONGEST_TEXT:
            raise WireError(f"a text has {end - start:,} bytes, more than {LONGEST_TEXT:,}", start)
        return self.data[start:end].decode("utf-8", "backslashreplace")

    def entry(self, start: int, end: int) -> tuple[str, str]:
        """Return the key and the value of an entry; a value that is long is cut off, as no use of it is."""
        size = end - start
        if 4 <= size < _SHORT:  # as nearly all are written: the two behind each other
            own = self.data[start:end]
            at = own[1] + 2
            if own[0] == _KEY and at + 2 <= size and own[at] == _VALUE and own[at + 1] == size - at - 2:
                self.count(2, start)
                return own[2:at].decode("utf-8", "backslashreplace"), own[at + 2 :].decode("utf-8", "backslashreplace")
        key = value = ""
        for found, first, last in self.fields(start, end):
            if found == _KEY:
                key = self.text(first, last)
            elif found == _VALUE:
                value = self.text(first, min(last, first + LONGEST_TEXT))
        return key, value


def signed(value: int) -> int:
    """Return a 64-bit number as a signed one.

    >>> signed(5), signed(2**64 - 1)
    (5, -1)
    """
    return value - 2**64 if value >= 2**63 else value
