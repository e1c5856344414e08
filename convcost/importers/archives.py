"""Zip archives whose members are read without being extracted, within bounds."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.files import in_words

if TYPE_CHECKING:
    from convcost.importers.onnx.wire import Data

MOST_MEMBERS = 200_000
"""How many files an archive may have."""
_START = b"PK\x03\x04"
_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x06"
_LONGEST_END = 22 + 65_535  # with its comment
_LONGEST_NAME = 1024


def first_member(head: bytes) -> str:
    """Return the name of the first file of a zip archive; nothing where the bytes are the start of none.

    Args:
        head: The first bytes.

    >>> first_member(bytes.fromhex("504b0304") + bytes(22) + bytes([5, 0, 0, 0]) + b"a/b.c...")
    'a/b.c'
    """
    if head[:4] != _START or len(head) < 30:
        return ""
    (length,) = struct.unpack_from("<H", head, 26)
    return head[30 : 30 + length].decode("utf-8", "backslashreplace")


class Archive:
    """A zip archive in memory; nothing of it is written anywhere.

    Args:
        data: Its bytes.
        file: Its name, for messages.

    Raises:
        SpecError: It is damaged, or has more files than it may have.
    """

    def __init__(self, data: Data, file: str) -> None:
        self.file = file
        import zipfile  # where there is an archive only

        self._check_count(data)
        try:
            self.zip = zipfile.ZipFile(io.BufferedReader(_Bytes(data)))
        except (
            zipfile.BadZipFile,
            ValueError,
            OSError,
            struct.error,
            NotImplementedError,
            UnicodeDecodeError,
        ) as error:
            raise self.damaged(error) from None
        self.names = self.zip.namelist()
        self._check_names()

    def _check_count(self, data: Data) -> None:
        """Check how many files there are before their list is read."""
        tail_start = max(0, len(data) - _LONGEST_END)
        tail = bytes(data[tail_start:])
        at = tail.rfind(_END)
        if at < 0 or len(tail) < at + 22:
            raise self.damaged("its list of files is missing")
        (count,) = struct.unpack_from("<H", tail, at + 10)
        size, _ = struct.unpack_from("<II", tail, at + 12)
        wide = tail.rfind(_END_64, 0, at)
        if (count == 0xFFFF or size == 0xFFFFFFFF) and wide >= 0 and len(tail) >= wide + 56:
            count, size = struct.unpack_from("<QQ", tail, wide + 32)
        if count > MOST_MEMBERS or size > MOST_MEMBERS * 256:
            found = f"{count:,} files, whose list has {size:,} bytes"
            raise SpecError(
                ErrorDetail(f"the archive has more than {MOST_MEMBERS:,} files", Place(self.file), found=found)
            )

    def _check_names(self) -> None:
        """Check that each name is that of one file in the archive."""
        if len({*self.names}) < len(self.names):
            seen: set[str] = set()
            twice = next(name for name in self.names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise SpecError(ErrorDetail(f"the archive has two files {twice[:_LONGEST_NAME]!r}", Place(self.file)))
        for name in self.names:
            if len(name) > _LONGEST_NAME or name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
                message = f"the archive has a file that leads out of it: {name[:100]!r}"
                raise SpecError(
                    ErrorDetail(message, Place(self.file), help="get the file from a source that you trust")
                )

    def read(self, name: str, most: int) -> bytes:
        """Return a file of the archive.

        Args:
            name: The file.
            most: How many bytes it may have.

        Raises:
            SpecError: It is larger, damaged or encrypted.
        """
        import zlib
        from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile

        info = self.zip.getinfo(name)
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise self.damaged(f"{name!r} is compressed in a way of its own")
        if info.flag_bits & 1:
            raise self.damaged(f"{name!r} is encrypted")
        if info.file_size > most:
            message = f"{name!r} in the archive is larger than {in_words(most)}"
            raise SpecError(ErrorDetail(message, Place(self.file), found=f"{info.file_size:,} bytes"))
        try:
            return self.zip.read(info)  # no more than the size that the archive says, then its checksum is wrong
        except (BadZipFile, zlib.error, RuntimeError, OSError, EOFError, ValueError, struct.error) as error:
            raise self.damaged(f"{name!r}: {error}") from None

    def damaged(self, error: object) -> SpecError:
        """Return the error that the archive is damaged."""
        help = "is the file complete? export or download it again"
        return SpecError(ErrorDetail("the archive is damaged", Place(self.file), found=str(error), help=help))


class _Bytes(io.RawIOBase):
    """Bytes, or a mapped file, as a file that is read and not copied."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: len(self.data)}[whence]
        if base + offset < 0:
            raise OSError("a place before the start")
        self.at = base + offset
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        part = self.data[self.at : self.at + len(view)]
        view[: len(part)] = part
        self.at += len(part)
        return len(part)
