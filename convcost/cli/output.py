"""The outputs of a command: standard output and files, each in its format."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TextIO

from msgspec import Struct

from convcost.cli import notices, progress, streams
from convcost.errors import ErrorDetail, OptionError, OutputError, WarningDetail
from convcost.reports import formats
from convcost.reports.table import REDIRECT, Page, Report

if TYPE_CHECKING:
    from convcost.cli.writing import File
    from convcost.html.controls import NetworkSource
    from convcost.model import Model
    from convcost.network import Network

STDOUT = "-"
ALIASES = {"md": "markdown"}
"""Short names of formats."""
_SUFFIXES = {"htm": "html", "markdown": "markdown", "md": "markdown", "txt": "table", "xml": "junit"}
"""The formats of files whose suffix is no name of a format."""
_FOR_PROGRAMS = {"json": "JSON", "html": "HTML"}
"""Formats that no person reads as they are."""
MOST_ON_TERMINAL = 20_000
"""Characters of these that a terminal is given without being asked: some 250 lines of 80 columns."""


class Output(Struct, frozen=True):
    """A format and the path it is written to; `-` is standard output.

    Attributes:
        format: The format.
        path: The path.
        whole: Whether standard output is named, so that a terminal gets whatever there is.
    """

    format: str
    path: str = STDOUT
    whole: bool = False


def outputs(
    format: str | None, specified: Sequence[str], reads: Sequence[str] = (), *, ci: bool = False
) -> list[Output]:
    """Return the outputs that `--format` and `-o` ask for; a table where they ask for none.

    Args:
        format: The format on standard output.
        specified: What `-o` gives: `FORMAT`, `FORMAT:PATH`, or a path whose suffix names the format.
        reads: The specs that the command reads, which no output may overwrite.
        ci: Whether the command has findings, which the formats for continuous integration show.

    Raises:
        OptionError: A format is unknown, a path is missing, or two outputs or an output and a spec share one.
    """
    chosen = [_chosen(format, ci=ci)] if format is not None else []
    chosen += [_output(text, ci=ci) for text in specified]
    chosen = chosen or [Output("text" if ci else "table")]
    for output in chosen:
        formats.check(output.format, ci=ci)
    check_paths(chosen, reads)
    return chosen


def check_paths(chosen: Sequence[Output], reads: Sequence[str]) -> None:
    """Refuse outputs of which two share a path, or one overwrites a spec that is read.

    Raises:
        OptionError: It is so.
    """
    seen: set[str] = set()
    read = {os.path.realpath(spec) for spec in reads}
    for output in chosen:
        where = output.path if output.path == STDOUT else os.path.realpath(output.path)
        if where in seen:
            place = "standard output" if where == STDOUT else repr(output.path)
            raise OptionError(
                ErrorDetail(f"two outputs go to {place}", help="give each its own path: -o json:cost.json")
            )
        if where in read:
            message = f"the output would overwrite {output.path!r}, which is read"
            raise OptionError(ErrorDetail(message, help="give it another path"))
        seen.add(where)


def check_spec_path(path: str | None, *, force: bool) -> None:
    """Refuse a path at which no spec is to be written.

    Args:
        path: The path; nothing and `-` are standard output.
        force: Whether a file that exists is written over.

    Raises:
        OutputError: A file exists, or it is a model file or has the name of one.
    """
    if path is None or path == STDOUT:
        return
    if os.path.lexists(path) and not force:
        raise OutputError(ErrorDetail(f"{path!r} exists", help="--force writes over it"))
    from convcost.spec.source import is_model_file

    if is_model_file(path):
        raise OutputError(ErrorDetail(f"a spec is not written to {path!r}, a model file", help="-o NAME.yaml"))


def _chosen(format: str, *, ci: bool) -> Output:
    """Return the output that `--format` asks for: a format on standard output, or FORMAT:PATH as `-o` takes it."""
    name, colon, path = format.partition(":")
    if colon and path and formats.is_format(ALIASES.get(name, name)):
        return _output(format, ci=ci)
    return Output(ALIASES.get(format, format))


def _output(text: str, *, ci: bool) -> Output:
    """Return the output that one `-o` asks for.

    Raises:
        OptionError: A path is missing, or nothing says the format.
    """
    name, colon, path = text.partition(":")
    name = ALIASES.get(name, name)
    if colon and not path:
        help = "-o cost.json, or -o json:cost.json"
        raise OptionError(ErrorDetail("-o takes FORMAT, PATH or FORMAT:PATH", found=f"-o {text}", help=help))
    is_path = "." in text or os.sep in text
    if not is_path or formats.is_format(name):
        return Output(name, path or STDOUT, path == STDOUT)
    suffix = os.path.splitext(text)[1].removeprefix(".").lower()  # noqa: PTH122 -- the text may be no path
    format = _SUFFIXES.get(suffix, suffix)
    if not (colon and name.isidentifier()) and formats.is_format(format):
        return Output("text" if ci and format == "table" else format, text)
    if colon:
        return Output(name, path)  # the format is refused, as one that is not known
    suffixes = ", ".join(
        f".{each}" for each in sorted({"csv", "html", "json", "md", *(("sarif", "xml") if ci else ())})
    )
    help = f"-o FORMAT:PATH, or a path that ends in one of {suffixes}"
    raise OptionError(ErrorDetail("nothing says the format of an output", found=f"-o {text}", help=help))


def source(
    spec: str, model: Model, chosen: Sequence[Output], change: Callable[[Network], Network] | None = None
) -> NetworkSource | None:
    """Return the spec, values and types of a model, for a page that computes it at other values.

    Args:
        spec: The spec as it was named.
        model: The model.
        chosen: The outputs.
        change: What is done to the network before it is asked; nothing without.
    """
    if not any(each.format == "html" for each in chosen):
        return None
    import convcost
    from convcost.html.controls import NetworkSource  # pages are written where they are asked for

    def build(settings: Mapping[str, Any], free: Sequence[str]) -> Network:
        network = convcost.load(model, set=settings, free=free).network
        return network if change is None else change(network)

    return NetworkSource(spec, build)


def write(
    reports: Sequence[Report],
    chosen: Sequence[Output],
    files: Sequence[File] = (),
    warnings: Iterable[WarningDetail] = (),
) -> None:
    """Write reports to every output: all files first, each by a rename, then standard output; then show warnings.

    Args:
        reports: The reports.
        chosen: Where they go, and how.
        files: Other files to write with them.
        warnings: What is valid in the specs and rarely meant.

    Raises:
        SpecError: There are warnings, and `--strict` was given.
        OptionError: A terminal would be given a large JSON.
        OutputError: An output cannot be written; then no file is left changed.
    """
    warnings = tuple(warnings)
    notices.refuse(warnings)
    progress.clear()
    texts = [
        (
            output.path,
            formats.render(output.format, reports, _page() if output.path == STDOUT else Page(width=REDIRECT)),
        )
        for output in chosen
    ]
    for output, (_, text) in zip(chosen, texts, strict=True):
        _check_length(output, text)
    with _written(files, [(path, text) for path, text in texts if path != STDOUT]):
        for path, text in texts:
            if path == STDOUT:
                show(text)
    notices.show(warnings)


def _written(files: Sequence[File], texts: Sequence[tuple[str, str]]) -> AbstractContextManager[None]:
    """Return a context in which files are written, put back where it fails."""
    if not files and not texts:
        return nullcontext()
    from convcost.cli import writing  # most runs write no file

    return writing.written([*files, *(writing.File(path, text) for path, text in texts)])


def _check_length(output: Output, text: str) -> None:
    """Refuse to write a large JSON or a page to a terminal, unless standard output is named.

    Raises:
        OptionError: It is large.
    """
    name = _FOR_PROGRAMS.get(output.format)
    if name is None or output.path != STDOUT or output.whole or len(text) <= MOST_ON_TERMINAL:
        return
    if sys.stdout is not None and sys.stdout.isatty():
        found = f"{len(text):,} characters of {name}"
        help = f"-o cost.{output.format} writes it, | less pages it, -o {output.format}:- shows it here"
        raise OptionError(ErrorDetail("this is a lot for a terminal", found=found, help=help))


def check_places(chosen: Sequence[Output]) -> None:
    """Refuse outputs whose place cannot be written, before anything else is changed.

    Raises:
        OutputError: A folder is missing, or it or a file is read-only, or a link leads out of the repository.
    """
    paths = [output.path for output in chosen if output.path != STDOUT]
    if not paths:
        return
    from convcost.cli import writing  # most runs write no file

    for path in paths:
        if path not in writing.STREAMS:
            writing.check_place(path)


def show(text: str) -> None:
    """Print text on standard output.

    Raises:
        OutputError: Standard output takes no more.
    """
    progress.clear()
    if sys.stdout is None:
        raise OutputError(ErrorDetail("standard output cannot be written: it is closed"))
    try:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        streams.discard(sys.stdout)  # what is buffered cannot be written either
        if not isinstance(error, BrokenPipeError):  # else the reader, such as `head`, has seen enough
            raise OutputError(ErrorDetail(f"standard output cannot be written: {error.strerror}")) from None


def _page() -> Page:
    """Return the page of standard output: of a terminal; for a pipe, such as to `less`, of the terminal behind it."""
    stdout = sys.stdout is not None and sys.stdout.isatty()
    width = _given_width()
    if width is None:
        width = _terminal_width(sys.stdout if stdout else sys.stderr)
    color = stdout and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Page(width=width, color=color)


def _given_width() -> int | None:
    """Return the width that the variable COLUMNS gives."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) or None if columns.isdecimal() else None


def _terminal_width(stream: TextIO | None) -> int:
    """Return the width of the terminal that a stream is, 80 where it does not say; of another stream a usual page's."""
    if stream is None or not stream.isatty():
        return REDIRECT
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
