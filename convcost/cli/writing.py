"""Files that convcost writes: all of a run or none, each whole, and none where a link of a repository leads out of it.

A file is written beside its place, under a name that nobody else uses, and renamed. What a killed run leaves beside is
removed by the next one in that folder: a run holds a lock on its own.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any

from msgspec import Struct

from convcost.cli import progress, streams
from convcost.errors import ErrorDetail, OutputError, visible
from convcost.files import RefusedFile, check_link

STREAMS = {"/dev/stdout": "stdout", "/dev/stderr": "stderr"}

_BESIDE = r"\.convcost-[0-9a-f]{8}\.tmp"
_DAY = 24 * 60 * 60  # seconds after which a file beside is a left one where the system has no locks
_PATIENCE = 1  # second that a lock is waited for in silence
_LONGEST_WAIT = 60  # seconds
_LOCK_FILE = ".convcost.lock"  # where folders cannot be locked
_RENAMES_OPEN_FILES = os.name != "nt"
_WITHOUT_LOCKS = "another run that changes files there at the same time may be refused"


class File(Struct, frozen=True):
    """A file to write.

    Attributes:
        path: Where.
        text: What it is to hold: a text, or the bytes of a picture.
        old: What it must hold until then; None where that does not matter.
        new: Whether there must be none yet.
    """

    path: str
    text: str | bytes
    old: bytes | None = None
    new: bool = False


class _Ready(Struct, frozen=True):
    """A file that is written beside its place, and what closes it."""

    file: File
    path: Path
    beside: Path
    close: Callable[[], None]


def write(files: Iterable[File]) -> None:
    """Write files, all of them or none.

    Raises:
        OutputError: One cannot be written.
    """
    with written(files):
        pass


@contextmanager
def written(files: Iterable[File]) -> Iterator[None]:
    """Write files, all of them or none, and put back what was there if the block fails.

    Raises:
        OutputError: One cannot be written.
    """
    undo: list[Callable[[], object]] = []
    with ExitStack() as cleanup:
        ready: list[_Ready] = []
        direct: list[File] = []  # devices and pipes: nothing is beside them
        for file in files:
            with reported(file.path):
                check_link(file.path)
                if file.path in STREAMS or (Path(file.path).exists() and not Path(file.path).is_file()):
                    direct.append(file)
                else:
                    ready.append(_staged(file, cleanup))
        try:
            for each in ready:
                with reported(each.file.path):
                    undo.append(_put(each, cleanup))
            for file in direct:
                with reported(file.path):
                    _send(file)
            yield
        except BaseException:
            for action in reversed(undo):
                with suppress(OSError):
                    action()
            raise
        for folder in {each.path.parent for each in ready}:
            _sync_folder(folder)


def append(path: str, text: str) -> None:
    """Add text to the end of a file that others write to as well.

    Raises:
        OutputError: It cannot be written.
    """
    with reported(path):
        check_link(path)
        with Path(path).open("a", encoding="utf-8", newline="") as file:
            file.write(text)


def check_place(name: str) -> None:
    """Refuse an output whose place cannot be written, before anything else is changed.

    Raises:
        OutputError: The folder is missing, or it or the file is read-only, or a link leads out of the repository.
    """
    with reported(name):
        check_link(name)
        path = Path(os.path.realpath(name))
        if Path(name).is_dir():
            raise IsADirectoryError(errno.EISDIR, "Is a directory")
        if Path(name).exists() and not Path(name).is_file():
            return
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        _check_writable(path if path.exists() else path.parent)


@contextmanager
def locked(paths: Iterable[str]) -> Iterator[None]:
    """Keep other runs of this program from changing files meanwhile, where the system has locks.

    Raises:
        OutputError: Another program holds a lock for too long.
    """
    folders = sorted({os.path.dirname(os.path.realpath(path)) for path in paths})  # noqa: PTH120 -- of what is read
    with ExitStack() as stack:
        for folder in folders:  # a file is replaced, its folder stays
            try:
                _wait_for(_folder_lock(folder, stack), folder)
            except OSError as error:
                warn(f"{folder} cannot be locked ({error.strerror}): {_WITHOUT_LOCKS}")
        yield


def _folder_lock(folder: str, stack: ExitStack) -> Callable[[], object]:
    """Return a function that locks a folder or raises `BlockingIOError`; on Windows it locks a file in the folder.

    Raises:
        OSError: It cannot be locked.
    """
    try:
        import fcntl  # not on every system
    except ImportError:
        path = Path(folder, _LOCK_FILE)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        stack.callback(_remove, path)  # which Windows refuses while another run has it open
        stack.callback(os.close, descriptor)
        return partial(_lock_byte, descriptor)
    descriptor = os.open(folder, os.O_RDONLY)
    stack.callback(os.close, descriptor)
    return partial(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_byte(descriptor: int) -> None:
    """Lock the first byte of a file, as Windows does.

    Raises:
        BlockingIOError: Another program has locked it.
    """
    from importlib import import_module

    msvcrt: Any = import_module("msvcrt")  # on Windows only
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EDEADLK):
            raise BlockingIOError(error.errno, error.strerror) from None
        raise


def warn(text: str) -> None:
    """Show a warning on standard error, if there is one."""
    progress.clear()
    streams.show_error(f"warning: {visible(text)}")


def _wait_for(lock: Callable[[], object], folder: str) -> None:
    start = monotonic()
    warned = False
    while True:
        try:
            lock()
        except BlockingIOError:
            waited = monotonic() - start
            if waited > _LONGEST_WAIT:
                found = f"{folder}, for {_LONGEST_WAIT} seconds"
                help = "end the other run, or run this again later"
                raise OutputError(ErrorDetail("another program locks the folder", found=found, help=help)) from None
            if waited > _PATIENCE and not warned:
                warn(f"waiting for another program that locks {folder}")
                warned = True
            sleep(0.02)
        else:
            return


def _staged(file: File, cleanup: ExitStack) -> _Ready:
    """Write a file beside its place."""
    path = Path(os.path.realpath(file.path))
    if file.new and os.path.lexists(file.path):
        raise FileExistsError
    status = path.stat() if path.exists() else None
    if status is not None:
        _check_writable(path)
    _sweep(path.parent)
    data = _bytes(file)
    beside, descriptor, close = _created(path.parent, 0o600 if status else 0o666, cleanup)
    with os.fdopen(os.dup(descriptor), "wb") as opened:
        opened.write(data)
    if status is not None:
        _keep_owner(descriptor, status, file.path)
    _sync(descriptor)
    return _Ready(file, path, beside, close)


def _created(folder: Path, mode: int, cleanup: ExitStack) -> tuple[Path, int, Callable[[], None]]:
    """Return a new, empty file, its descriptor, which holds a lock on it, and what closes that."""
    while True:
        beside = folder / f".convcost-{os.urandom(4).hex()}.tmp"
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        close = _closing_once(descriptor)
        cleanup.callback(_remove, beside)  # again: an open file cannot be removed on every system
        cleanup.callback(close)
        cleanup.callback(_remove, beside)
        _lock(descriptor)
        if _is_same(beside, descriptor):  # else another run took it for a left one before it was locked
            return beside, descriptor, close


def _closing_once(descriptor: int) -> Callable[[], None]:
    """Return a function that closes a file unless it has been closed."""
    left = [descriptor]

    def close() -> None:
        while left:
            os.close(left.pop())

    return close


def _put(ready: _Ready, cleanup: ExitStack) -> Callable[[], object]:
    """Rename a file into its place and return what undoes that."""
    path, beside, old = ready.path, ready.beside, ready.file.old
    if not _RENAMES_OPEN_FILES:
        ready.close()
    if ready.file.new:
        with suppress(NotImplementedError):
            try:
                os.link(beside, path)  # unlike a rename it fails where there is a file by now
            except FileExistsError:
                raise
            except OSError:
                if os.path.lexists(path):
                    raise FileExistsError from None
                beside.replace(path)
        return path.unlink
    backup = _backup(path, cleanup) if path.exists() else None
    if old is not None and path.read_bytes() != old:
        raise RefusedFile("something else has changed it meanwhile", help="run this again")
    beside.replace(path)
    return (lambda: backup.replace(path)) if backup else path.unlink


def _backup(path: Path, cleanup: ExitStack) -> Path:
    """Return another name of a file, or a copy where the file system has no links."""
    backup = path.with_name(f".convcost-{os.urandom(4).hex()}.tmp")
    cleanup.callback(_remove, backup)
    try:
        os.link(path, backup)
    except (OSError, NotImplementedError):
        shutil.copy2(path, backup)
    if not _RENAMES_OPEN_FILES:
        return backup
    with suppress(OSError):
        descriptor = os.open(backup, os.O_RDONLY)
        cleanup.callback(os.close, descriptor)
        _lock(descriptor, wait=False)  # so that no other run takes it for a left one
    return backup


def _send(file: File) -> None:
    """Write to a stream, a device or a pipe."""
    if name := STREAMS.get(file.path):  # it may lead to a file that others write to, too
        stream = getattr(sys, name)
        if stream is None:
            raise RefusedFile("it is closed")
        if isinstance(file.text, str):
            stream.write(file.text)
        else:
            stream.buffer.write(file.text)
        stream.flush()
    else:
        Path(file.path).write_bytes(_bytes(file))


def _bytes(file: File) -> bytes:
    return file.text.encode("utf-8") if isinstance(file.text, str) else file.text


def _keep_owner(descriptor: int, status: os.stat_result, name: str) -> None:
    """Give a new file the owner, the group and the mode of the one that it replaces, as far as the system allows."""
    mode = stat.S_IMODE(status.st_mode)
    mine = os.fstat(descriptor)
    if hasattr(os, "fchown"):
        if mine.st_gid != status.st_gid:
            try:
                os.fchown(descriptor, -1, status.st_gid)
            except OSError:
                mode = mode & ~0o070 | (mode & 0o007) << 3  # another group may do what everybody may
        if mine.st_uid != status.st_uid:
            try:
                os.fchown(descriptor, status.st_uid, -1)
            except OSError:
                warn(f"{name} was another user's and is yours now")
        os.fchmod(descriptor, mode)


def _check_writable(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")


def _sweep(folder: Path) -> None:
    """Remove what killed runs left in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if re.fullmatch(_BESIDE, entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    _remove_left(Path(entry.path))


def _remove_left(path: Path) -> None:
    """Remove a file beside, unless a run holds a lock on it."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    try:
        if _lock(descriptor, wait=False) and (_has_locks() or time() - path.stat().st_mtime > _DAY):
            path.unlink()
    finally:
        os.close(descriptor)


def _has_locks() -> bool:
    try:
        import fcntl  # noqa: F401
    except ImportError:
        return False
    return True


def _lock(descriptor: int, *, wait: bool = True) -> bool:
    """Lock a file, where the system can, and return whether nobody else has locked it."""
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            return False
    return True


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _sync(descriptor: int) -> None:
    """Have the system write a file to its disk, which some file systems refuse."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def _sync_folder(folder: Path) -> None:
    """Have the system write a folder to its disk, so that a rename outlives a loss of power."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def reported(name: str) -> Iterator[None]:
    """Report what goes wrong with a file as an error of output."""
    try:
        yield
    except RefusedFile as refused:
        help, found = refused.help, f"{name}: {refused.found}" if refused.found else name
        raise OutputError(
            ErrorDetail(f"an output cannot be written: {refused.reason}", found=found, help=help)
        ) from None
    except FileExistsError:
        raise OutputError(ErrorDetail(f"{name!r} exists", help="--force writes over it")) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        parent = str(Path(os.path.realpath(name)).parent)
        help = f"create the folder {parent!r} first" if isinstance(error, FileNotFoundError) else ""
        raise OutputError(ErrorDetail(f"an output cannot be written: {reason}", found=name, help=help)) from None
