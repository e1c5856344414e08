"""Reading of files: which kinds are accepted, and up to which size.

One policy for all, because a stranger's pull request may hold any of them:

- A symbolic link inside a repository that leads out of it, or into its `.git`, is not followed, whoever names it. It
  would show what is on the machine in an error, or let a report overwrite it. Links that stay inside, and those of
  no repository, are followed.
- Only regular files are read, and of a limited size. What somebody names on the command line may also be a pipe, such
  as `<(command)`, which must not be silent for long.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import mmap
    from io import FileIO

HEAD = 4096
"""How many of a file's first bytes its format is known by."""
MIB = 2**20
SPEC_BYTES = 4 * MIB  # of a spec and of a configuration
STREAM_BYTES = 16 * 1024 * MIB  # of a model file that comes through a pipe, or out of a repository
SPECS_BYTES = 64 * MIB  # of all specs at a revision
REPORT_BYTES = 64 * MIB  # of a report that is a baseline

_GIT = ".git"
_MOST_LINKS = 40  # on one path, as in Linux
_SILENCE = 60  # seconds that a pipe may give nothing
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a directory",
}


class RefusedFile(Exception):
    """A file is not accepted.

    Args:
        reason: The reason, in a few words.
        found: What was found, where that adds to the reason.
        help: The remedy.
        too_large: Whether it has more bytes than it may have.
    """

    def __init__(self, reason: str, found: str = "", help: str = "", *, too_large: bool = False) -> None:
        super().__init__(reason)
        self.too_large = too_large
        self.reason = reason
        self.found = found
        self.help = help


class Link(Struct, frozen=True):
    """A symbolic link inside a repository that leads out of it.

    Attributes:
        path: The link.
        target: The path that it leads to.
    """

    path: str
    target: str

    def __str__(self) -> str:
        return f"{os.path.relpath(self.path)} leads to {self.target}"


def leaving(path: str | Path) -> Link | None:
    """Return the first link on a path that leads out of the repository that it is in, or into its `.git`; else None.

    Args:
        path: A path; what does not exist is no link.
    """
    link = next((link for link in _links(Path(path)) if _leaves(link)), None)
    return Link(str(link), os.path.realpath(link)) if link else None


def is_gits(path: str | Path) -> bool:
    """Return whether a path lies in the folder `.git` of a repository, in which secrets may be."""
    return any(part.casefold() == _GIT for part in Path(path).parts)


def check_link(path: str | Path) -> None:
    """Refuse a path with a link that leads out of its repository.

    Raises:
        RefusedFile: There is one.
    """
    if link := leaving(path):
        raise RefusedFile("a link leads out of the repository", str(link), "name what it leads to, or put a copy there")


def read(path: str | Path, limit: int, *, pipes: bool = True) -> bytes:
    """Return the bytes of a file.

    Args:
        path: Its path.
        limit: How many bytes it may have.
        pipes: Whether it may be a pipe.

    Raises:
        RefusedFile: It is not taken: for a link, for its kind, or for its size.
        OSError: It cannot be read.
    """
    return bytes(read_or_map(path, limit, lambda head: False, pipes=pipes))


def read_or_map(
    path: str | Path, limit: int, is_mapped: Callable[[bytes], bool], *, pipes: bool = True
) -> bytes | mmap.mmap:
    """Return the bytes of a file; if its first bytes say so it may have any size, and is read only where it is needed.

    Args:
        path: Its path.
        limit: How many bytes it may have unless it is mapped.
        is_mapped: Returns whether a file is mapped, given its first `HEAD` bytes.
        pipes: Whether it may be a pipe.

    Raises:
        RefusedFile: It is not taken: for a link, for its kind, or for its size.
        OSError: It cannot be read.
    """
    with _opened(path) as file:
        descriptor = file.fileno()
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            head = file.read(HEAD)
            file.seek(0)
            if is_mapped(head):
                if status.st_size <= MIB:  # sooner read than mapped
                    return file.read()
                import mmap  # where there is something to map only

                return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
            if status.st_size > limit:
                raise _too_large(limit, f"{status.st_size:,} bytes")
            return _all(limit, iter(lambda: file.read(limit + 1), b""))
        if pipes and (stat.S_ISFIFO(status.st_mode) or os.isatty(descriptor)):
            return streamed(_from_pipe(descriptor), limit, is_mapped)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError
    raise _no_file(status)


def read_part(path: str | Path, offset: int, size: int) -> bytes:
    """Return some bytes of a file; fewer where it ends before.

    Args:
        path: Its path.
        offset: Where they begin.
        size: How many they are.

    Raises:
        RefusedFile: It is not taken: for a link, or for its kind.
        OSError: It cannot be read.
    """
    with _opened(path) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _no_file(status)
        file.seek(offset)
        return file.read(size)


def _opened(path: str | Path) -> FileIO:
    """Open a file without a buffer.

    Raises:
        RefusedFile: A link on its path leads out of its repository.
        OSError: It cannot be opened.
    """
    check_link(path)
    # not to wait for who writes to a pipe, nor to take a terminal for the own one
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb", buffering=0)


def _no_file(status: os.stat_result) -> RefusedFile:
    """Return the error of what is no regular file."""
    return RefusedFile(f"it is {_KINDS.get(stat.S_IFMT(status.st_mode), 'of a kind of its own')}, not a file")


def read_standard_input(limit: int, is_mapped: Callable[[bytes], bool]) -> bytes | mmap.mmap:
    """Return the bytes of standard input; see `streamed`.

    Args:
        limit: How many bytes it may have unless it is mapped.
        is_mapped: Returns whether bytes are mapped, given the first `HEAD` of them.

    Raises:
        RefusedFile: There is no standard input, or more than that.
        OSError: It cannot be read.
    """
    if sys.stdin is None:
        raise RefusedFile("it is closed", help="give a file, or send the text by a pipe")
    return streamed(iter(lambda: sys.stdin.buffer.read(MIB), b""), limit, is_mapped)


def streamed(parts: Iterator[bytes], limit: int, is_mapped: Callable[[bytes], bool]) -> bytes | mmap.mmap:
    """Return all parts of a stream in one; if its first bytes say so it goes to a temporary file, which is mapped.

    Args:
        parts: The parts.
        limit: How many bytes there may be unless it is mapped.
        is_mapped: Returns whether bytes are mapped, given the first `HEAD` of them.

    Raises:
        RefusedFile: There are more.
        OSError: The parts cannot be read, or the temporary file not be written.
    """
    start = bytearray()
    for part in parts:
        start += part
        if len(start) >= HEAD:
            break
    if not is_mapped(bytes(start[:HEAD])):
        return _all(limit, chain([bytes(start)], parts))
    import mmap  # where there is something to map only
    from tempfile import TemporaryFile

    with TemporaryFile(prefix="convcost-") as file:
        size = file.write(start)
        for part in parts:
            size += file.write(part)
            if size > STREAM_BYTES:
                raise _too_large(STREAM_BYTES)
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _too_large(limit: int, found: str = "") -> RefusedFile:
    return RefusedFile(f"it is larger than {in_words(limit)}", found, too_large=True)


def in_words(size: int) -> str:
    """Return a number of bytes as messages have it.

    >>> in_words(4 * MIB), in_words(1000)
    ('4 MiB', '1,000 bytes')
    """
    return f"{size // MIB} MiB" if size % MIB == 0 else f"{size:,} bytes"


def _all(limit: int, parts: Iterator[bytes]) -> bytes:
    """Return all parts in one; of a file that grows meanwhile, too, no more than the limit."""
    found = bytearray()
    for part in parts:
        found += part
        if len(found) > limit:
            raise _too_large(limit)
    return bytes(found)


def _from_pipe(descriptor: int) -> Iterator[bytes]:
    """Yield the bytes that come through a pipe."""
    from select import select  # where a pipe is named only

    while True:
        if not select([descriptor], [], [], _SILENCE)[0]:
            raise RefusedFile(f"nothing came through the pipe for {_SILENCE} seconds")
        try:
            part = os.read(descriptor, MIB)
        except BlockingIOError:
            continue
        if not part:
            return
        yield part


def _links(path: Path) -> Iterator[Path]:
    """Yield every symbolic link that the system follows to get to a path, as a path without links in its folders."""
    absolute = path.absolute()
    here, rest = Path(absolute.anchor), list(reversed(absolute.parts[1:]))
    count = 0
    while rest and count < _MOST_LINKS:
        part = rest.pop()
        if part == os.pardir:
            here = here.parent
            continue
        here /= part
        if os.path.islink(here):  # noqa: PTH114 -- the method of Path fails for names that are too long
            yield here
            target = here.readlink()
            here = Path(target.anchor) if target.is_absolute() else here.parent
            rest += reversed(target.parts[1:] if target.is_absolute() else target.parts)
            count += 1


def _leaves(link: Path) -> bool:
    """Return whether a link leads out of the repository that it lies in, or into its `.git`."""
    top = next((parent for parent in link.parents if os.path.lexists(parent / _GIT)), None)
    if top is None:
        return False
    target = Path(os.path.realpath(link))
    return not target.is_relative_to(top) or is_gits(target.relative_to(top))
