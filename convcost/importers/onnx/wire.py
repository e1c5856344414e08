"""The wire format of Protocol Buffers: fields of a message, without copying what they hold.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap

Data = bytes | mmap

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""The wire types: how a field's value is written."""
MOST_FIELDS = 5_000_000
"""How many fields a file may have; a network of 100,000 layers has a third."""

_GROUPS = (3, 4)  # no format of today has them


class WireError(Exception):
    """The bytes are no message.

    Args:
        message: What is wrong.
        offset: Where, in bytes from the start of the file.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Wire:
    """The bytes of a file, and how many fields were read of them.

    Args:
        data: The bytes; of a file that is mapped, only the pages that are read are loaded.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self._left = MOST_FIELDS

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Yield the fields of the message that lies between two offsets.

        Args:
            start: The first byte.
            end: The byte behind the last.

        Yields:
            The tag, 8 · field number + wire type; then of a varint the value and 0, else where the value starts and
            ends.

        Raises:
            WireError: A field does not fit into the message, or there are too many in the file.
        """
        data = self.data
        while start < end:
            at = start
            tag, start = self.varint(start, end)
            kind = tag & 7
            self._left -= 1
            if self._left < 0:
                raise WireError(f"the file has more than {MOST_FIELDS:,} fields", at)
            if tag >> 3 == 0:
                raise WireError("a field has the number 0", at)
            if kind == VARINT:
                value = data[start] if start < end else 0x80
                if value < 0x80:
                    start += 1
                else:
                    value, start = self.varint(start, end)
                yield tag, value, 0
                continue
            if kind == BYTES:
                size, start = self.varint(start, end)
            elif kind in (FIXED32, FIXED64):
                size = 4 if kind == FIXED32 else 8
            else:
                what = "groups are not supported" if kind in _GROUPS else f"there is no wire type {kind}"
                raise WireError(f"field {tag >> 3}: {what}", at)
            if size > end - start:
                left = f"{end - start:,} bytes left" if end > start else "nothing left"
                raise WireError(f"field {tag >> 3} says it has {size:,} bytes, with {left}", at)
            yield tag, start, start + size
            start += size

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


def signed(value: int) -> int:
    """Return a 64-bit number as a signed one.

    >>> signed(5), signed(2**64 - 1)
    (5, -1)
    """
    return value - 2**64 if value >= 2**63 else value
