"""Where results go: standard output, and files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from convcost.cli import progress
from convcost.errors import Fault, OptionError, OutputError, visible
from convcost.reports import formats
from convcost.reports.contents import Page, Report

STDOUT = "-"
_STREAMS = {"/dev/stdout": "stdout", "/dev/stderr": "stderr"}


class Output(Struct, frozen=True):
    """A format and the path it is written to; `-` is standard output."""

    format: str
    path: str = STDOUT


def outputs(
    format: str | None, specified: Sequence[str], reads: Sequence[str] = (), *, ci: bool = False
) -> list[Output]:
    """Return the outputs that `--format` and `-o FORMAT[:PATH]` ask for; a table where they ask for none.

    Args:
        format: The format on standard output.
        specified: The formats with their paths.
        reads: The specs that the command reads, which no output may overwrite.
        ci: Whether the command has findings, which the formats for continuous integration tell.

    Raises:
        OptionError: A format is unknown, a path is missing, or two outputs or an output and a spec share one.
    """
    chosen = [Output(format)] if format is not None else []
    for text in specified:
        name, colon, path = text.partition(":")
        if colon and not path:
            raise OptionError(Fault("-o takes FORMAT or FORMAT:PATH", found=f"-o {text}", help="-o json:cost.json"))
        chosen.append(Output(name, path or STDOUT))
    chosen = chosen or [Output("text" if ci else "table")]
    seen: set[str] = set()
    read = {os.path.realpath(spec) for spec in reads}
    for output in chosen:
        formats.check(output.format, ci=ci)
        where = output.path if output.path == STDOUT else os.path.realpath(output.path)
        if where in seen:
            place = "standard output" if where == STDOUT else repr(output.path)
            raise OptionError(Fault(f"two outputs go to {place}", help="give each its own path: -o json:cost.json"))
        if where in read:
            message = f"the output would overwrite {output.path!r}, which is read"
            raise OptionError(Fault(message, help="give it another path"))
        seen.add(where)
    return chosen


def write(reports: Sequence[Report], chosen: Sequence[Output]) -> None:
    """Write reports to every output: all files first, each by a rename, then standard output.

    Raises:
        OutputError: An output cannot be written; then no file is left changed and nothing printed.
    """
    progress.clear()
    texts = [
        (output.path, formats.render(output.format, reports, _page() if output.path == STDOUT else Page()))
        for output in chosen
    ]
    _write_files([(path, text) for path, text in texts if path != STDOUT])
    for path, text in texts:
        if path == STDOUT:
            show(text)


def write_file(path: str, text: str) -> None:
    """Write a file whole, by a rename.

    Raises:
        OutputError: It cannot be written.
    """
    _write_files([(path, text)])


def write_files(files: Sequence[tuple[str, str]]) -> None:
    """Write files whole, all of them or none, each by a rename.

    Raises:
        OutputError: One cannot be written.
    """
    _write_files(files)


def check_places(chosen: Sequence[Output]) -> None:
    """Refuse outputs whose place cannot be written, before anything else is changed.

    Raises:
        OutputError: A folder is missing, or it or a file is read-only.
    """
    for name in [output.path for output in chosen if output.path not in (STDOUT, *_STREAMS)]:
        path = Path(os.path.realpath(name))
        if Path(name).is_dir():
            raise _refused(name, path, IsADirectoryError(21, "Is a directory"))
        if Path(name).exists() and not Path(name).is_file():  # a device or a pipe
            continue
        if not path.parent.is_dir():
            raise _refused(name, path, FileNotFoundError(2, "No such file or directory"))
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise _refused(name, path, PermissionError(13, "it is read-only"))


@contextmanager
def locked(files: Iterable[str]) -> Iterator[None]:
    """Keep other runs of this program from changing files meanwhile, where the system has locks."""
    folders = sorted({os.path.dirname(os.path.realpath(file)) for file in files})  # noqa: PTH120 -- of what is read
    with ExitStack() as stack:
        try:
            import fcntl  # not on every system
        except ImportError:
            folders = []
        for folder in folders:  # a file is replaced, its folder stays
            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def append(path: str, text: str) -> None:
    """Add text to the end of a file that others write to as well.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        with Path(path).open("a", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(Fault(f"an output cannot be written: {error.strerror}", found=path)) from None


def show(text: str) -> None:
    """Print text on standard output.

    Raises:
        OutputError: Standard output takes no more.
    """
    progress.clear()
    if sys.stdout is None:
        raise OutputError(Fault("standard output cannot be written: it is closed"))
    try:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered cannot be written either
        if not isinstance(error, BrokenPipeError):  # else the reader, such as `head`, has seen enough
            raise OutputError(Fault(f"standard output cannot be written: {error.strerror}")) from None


def warn(text: str) -> None:
    """Tell on standard error what may be a mistake."""
    progress.clear()
    if sys.stderr is not None:
        sys.stderr.write(f"warning: {visible(text)}\n")


def _page() -> Page:
    if sys.stdout is None or not sys.stdout.isatty():
        return Page()
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) > 0 else os.get_terminal_size().columns
    return Page(width=width or 80, color=not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def _write_files(files: Sequence[tuple[str, str]]) -> None:
    """Write each file beside its place, then rename all of them into place."""
    ready: list[tuple[Path, Path]] = []
    try:
        for name, text in files:
            path = Path(os.path.realpath(name))
            try:
                if stream := _STREAMS.get(name):  # it may lead to a file that others write to, too
                    getattr(sys, stream).write(text)
                    getattr(sys, stream).flush()
                    continue
                if (given := Path(name)).exists() and not given.is_file():  # a device or a pipe: nothing is beside it
                    given.write_text(text, encoding="utf-8", newline="")
                    continue
                if path.exists() and not os.access(path, os.W_OK):
                    raise PermissionError(13, "it is read-only")
                beside = path.with_name(f".convcost-{os.urandom(4).hex()}.tmp")  # ids of processes return
                with beside.open("x", encoding="utf-8", newline="") as file:
                    ready.append((beside, path))
                    file.write(text)
                if path.exists():
                    beside.chmod(stat.S_IMODE(path.stat().st_mode))
            except (OSError, ValueError) as error:
                raise _refused(name, path, error) from None
        while ready:
            beside, path = ready[0]
            try:
                beside.replace(path)
            except OSError as error:
                raise _refused(str(path), path, error) from None
            ready.pop(0)
    finally:
        for beside, _ in ready:
            with suppress(OSError):
                beside.unlink()


def _refused(name: str, path: Path, error: OSError | ValueError) -> OutputError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    help = f"create the folder {str(path.parent)!r} first" if isinstance(error, FileNotFoundError) else ""
    return OutputError(Fault(f"an output cannot be written: {reason}", found=name, help=help))
