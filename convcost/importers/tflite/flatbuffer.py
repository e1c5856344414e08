"""The format of FlatBuffers: fields of tables, without copying what they hold.

Every offset, count and size is checked before it is followed, and what is read of a file is bounded in all, so that
tables that many others point to cannot be read without end.

Source: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from mmap import mmap

Data = bytes | mmap

MOST_READ = 20_000_000
"""How many fields, elements of vectors and bytes of texts are read of a file; a network of 100,000 layers has a
tenth."""
_LONGEST_TEXT = 65_536

_SIZES = {"b": 1, "B": 1, "?": 1, "h": 2, "H": 2, "i": 4, "I": 4, "f": 4, "q": 8, "Q": 8, "d": 8, "e": 2}
"""The bytes of a number of each of the formats of `struct`."""


class FlatBufferError(Exception):
    """The bytes are no tables.

    Args:
        message: What is wrong.
        offset: Where, in bytes from the start of the file.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class FlatBuffer:
    """The bytes of a file, and how much was read of them.

    Args:
        data: The bytes; of a file that is mapped, only the pages that are read are loaded.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self.size = len(data)
        self._left = MOST_READ

    def root(self) -> FlatTable:
        """Return the outermost table.

        Raises:
            FlatBufferError: There is none.
        """
        return FlatTable(self, self.follow(0, "the model"))

    def number(self, form: str, at: int, what: str) -> int | float:
        """Return a number.

        Args:
            form: Its format, as `struct` has it.
            at: Where it lies.
            what: What it is, for messages.

        Raises:
            FlatBufferError: It does not lie within the file.
        """
        self.check(at, _SIZES[form], what)
        value: int | float = struct.unpack_from(f"<{form}", self.data, at)[0]
        return value

    def whole(self, form: str, at: int, what: str) -> int:
        """Return a whole number."""
        return int(self.number(form, at, what))

    def follow(self, at: int, what: str) -> int:
        """Return what the offset that lies somewhere points to."""
        target = at + self.whole("I", at, what)
        if target == at:
            raise FlatBufferError(f"{what} has an offset of 0", at)
        self.check(target, 4, what)
        return target

    def check(self, at: int, size: int, what: str) -> None:
        """Raise an error where bytes do not lie within the file.

        Raises:
            FlatBufferError: They do not.
        """
        if at < 0 or size < 0 or at + size > self.size:
            raise FlatBufferError(
                f"{what} would lie outside of the file, at byte {at:,} with {size:,} bytes", max(at, 0)
            )

    def spend(self, count: int, at: int) -> None:
        """Raise an error where so much more is more than is read of a file.

        Raises:
            FlatBufferError: It is.
        """
        self._left -= count
        if self._left < 0:
            raise FlatBufferError(f"the file has more than {MOST_READ:,} fields, elements and letters", at)


class FlatTable:
    """A table: fields by their numbers, each there or left out.

    Args:
        buffer: The file.
        at: Where it lies.

    Raises:
        FlatBufferError: The list of its fields does not lie within the file.
    """

    __slots__ = ("at", "buffer", "count", "fields")

    def __init__(self, buffer: FlatBuffer, at: int) -> None:
        self.buffer = buffer
        self.at = at
        buffer.spend(1, at)
        self.fields = at - buffer.whole("i", at, "a table")
        size = buffer.whole("H", self.fields, "the list of a table's fields")
        if size < 4 or size % 2:
            raise FlatBufferError(f"the list of a table's fields has {size} bytes", self.fields)
        buffer.check(self.fields, size, "the list of a table's fields")
        self.count = (size - 4) // 2

    def place(self, field: int) -> int:
        """Return where a field lies; 0 where it is left out."""
        if field >= self.count:
            return 0
        offset = self.buffer.whole("H", self.fields + 4 + 2 * field, "a field")
        return self.at + offset if offset else 0

    def whole(self, field: int, form: str = "i", default: int = 0) -> int:
        """Return a whole number."""
        at = self.place(field)
        return self.buffer.whole(form, at, "a number") if at else default

    def number(self, field: int, default: float = 0.0) -> float:
        """Return a number of single precision."""
        at = self.place(field)
        return float(self.buffer.number("f", at, "a number")) if at else default

    def flag(self, field: int) -> bool:
        """Return whether a field is set."""
        return self.whole(field, "?") != 0

    def table(self, field: int, what: str) -> FlatTable | None:
        """Return a table."""
        at = self.place(field)
        return FlatTable(self.buffer, self.buffer.follow(at, what)) if at else None

    def text(self, field: int, what: str) -> str:
        """Return a text; an empty one where it is left out.

        Raises:
            FlatBufferError: It is longer than any name.
        """
        start, size = self.extent(field, 1, what)
        if size > _LONGEST_TEXT:
            raise FlatBufferError(f"{what} has {size:,} bytes, more than {_LONGEST_TEXT:,}", start)
        self.buffer.spend(size, start)
        return self.buffer.data[start : start + size].decode("utf-8", "backslashreplace")

    def extent(self, field: int, width: int, what: str) -> tuple[int, int]:
        """Return where the elements of a vector start, and how many there are; 0 where it is left out."""
        at = self.place(field)
        if not at:
            return 0, 0
        start = self.buffer.follow(at, what)
        count = self.buffer.whole("I", start, what)
        self.buffer.check(start + 4, count * width, what)
        return start + 4, count

    def wholes(self, field: int, form: str, most: int, what: str) -> tuple[int, ...] | None:
        """Return a vector of whole numbers; None where it is left out.

        Raises:
            FlatBufferError: It has more than `most`.
        """
        if not self.place(field):
            return None
        start, count = self.extent(field, _SIZES[form], what)
        if count > most:
            raise FlatBufferError(f"{what} has {count:,} numbers, more than {most:,}", start)
        self.buffer.spend(count, start)
        return struct.unpack_from(f"<{count}{form}", self.buffer.data, start)

    def tables(self, field: int, what: str) -> Iterator[FlatTable]:
        """Yield the tables of a vector."""
        start, count = self.extent(field, 4, what)
        for at in range(start, start + 4 * count, 4):
            yield FlatTable(self.buffer, self.buffer.follow(at, what))
