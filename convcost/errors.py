"""Errors of the input: the place, what was expected, what was found, the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

LONGEST = 200
"""Characters of each part of an error or a warning that are shown."""
_WINDOW = 160  # characters of a source line that are shown around an error


class Place(Struct, frozen=True):
    """A position in a file.

    Attributes:
        file: The file.
        line: The line, from 1; 0 where there is none.
        column: The column there, from 1; 0 where there is none.
        module: The path of the module, in a model file, which has no lines.
    """

    file: str
    line: int = 0
    column: int = 0
    module: str = ""

    def __str__(self) -> str:
        file = visible(self.file)
        if self.module:
            return f"{file}, {visible(self.module)}"
        return f"{file}:{self.line}:{self.column}" if self.line else file


class _Detail(Struct, frozen=True):
    """The text and the place that errors and warnings have."""

    level: ClassVar[str]

    message: str
    place: Place | None = None
    path: str = ""
    found: str = ""
    help: str = ""
    note: str = ""
    source: str = ""

    def __str__(self) -> str:
        message, path, found, help, note = map(_shown, (self.message, self.path, self.found, self.help, self.note))
        gutter = " " * len(str(self.place.line if self.place else ""))
        lines = [f"{self.level}: {message}"]
        if self.place is not None:
            lines.append(f"{gutter}--> {self.place}" + (f", {path}" if path else ""))
        if self.place is not None and self.place.line and self.source:
            text, column = _around(self.source, self.place.column - 1)
            caret = " " * cells(text[:column]) + "^"
            lines += [
                f"{gutter} |",
                f"{self.place.line} | {text}",
                f"{gutter} | {caret} {found}".rstrip(),
            ]
        elif found:
            lines.append(f"{gutter} = found: {found.removeprefix('found ')}")
        if note:
            lines.append(f"{gutter} = note: {note}")
        if help:
            lines.append(f"{gutter} = help: {help}")
        return "\n".join(lines)


class ErrorDetail(_Detail, frozen=True):
    """One thing that is wrong with the input.

    Attributes:
        message: What is wrong, in one line.
        place: Where, or None where there is no file.
        path: The construct at that place, such as `layers[3] "conv3"`.
        found: What stands there, put under a caret.
        help: The remedy.
        note: Where the construct was used, if its text stands elsewhere.
        source: The source line at the place.
    """

    level: ClassVar[str] = "error"

    def in_python(self) -> ErrorDetail:
        """Return the error with arguments of the Python API where it names options of the command line."""
        from convcost.option_words import in_python  # on the way to an error only

        texts = {name: in_python(getattr(self, name)) for name in ("message", "found", "help", "note")}
        return replace(self, **texts)


class WarningDetail(_Detail, frozen=True):
    """One thing that is valid in the input and is rarely meant.

    Attributes:
        message: What looks wrong, in one line.
        place: Where, or None where there is no file.
        path: The construct at that place, such as a layer's name.
        found: What stands there, put under a caret.
        help: The remedy.
        note: Where else it is.
        source: The source line at the place.
    """

    level: ClassVar[str] = "warning"

    def as_error(self) -> ErrorDetail:
        """Return the error that takes its place where warnings are refused."""
        return ErrorDetail(*[getattr(self, name) for name in self.__struct_fields__])


class ConvcostError(Exception):
    """The input is wrong; `details` has every error in it.

    Args:
        details: One or more errors, in the order of the file.
        more: Whether there are more than these.
    """

    def __init__(self, details: ErrorDetail | Iterable[ErrorDetail], *, more: bool = False) -> None:
        self.details: Sequence[ErrorDetail] = (details,) if isinstance(details, ErrorDetail) else tuple(details)
        self.more = more
        super().__init__(self.details)

    @property
    def faults(self) -> Sequence[ErrorDetail]:
        """The former name of `details`."""
        return self.details

    def text(self) -> str:
        """Return all errors as the command line shows them, whose options they name."""
        return self._joined(self.details)

    def __str__(self) -> str:
        """Return all errors for a reader of Python, with arguments where they name options."""
        return self._joined([detail.in_python() for detail in self.details])

    def _joined(self, details: Sequence[ErrorDetail]) -> str:
        more = [f"… and more: these are the first {len(details)}"] if self.more else []
        return "\n\n".join([*map(str, details), *more])


class SpecError(ConvcostError):
    """A spec cannot be read, or does not describe a network.

    Attributes:
        assumed: What was decided at the values of symbols that were to stay free, before the errors were met.
    """

    assumed: Sequence[Any] = ()


class NetworkError(ConvcostError):
    """A network that a program makes does not fit together."""


class FormulaError(ConvcostError):
    """A formula is too large to be worked out, or to be written."""

    def at(self, place: Place, path: str = "", note: str = "", source: str = "") -> FormulaError:
        """Return the error with the place where the formula is written, unless it has one."""
        if self.details[0].place is not None:
            return self
        return FormulaError(
            [replace(detail, place=place, path=path, note=note, source=source) for detail in self.details]
        )


class OptionError(ConvcostError):
    """An option, or an argument of the Python API, cannot be used."""


class PluginError(ConvcostError):
    """What another package adds to convcost cannot be loaded."""


class ConfigError(ConvcostError):
    """A configuration cannot be read, or does not fit the specs."""


class BaselineError(ConvcostError):
    """A baseline cannot be used."""


class ClusterError(ConvcostError):
    """A cluster does not answer, has other versions, or went away.

    Attributes:
        done: What was worked out before, such as a `Sweep`; None where that is nothing.
    """

    done: Any = None


class OutputError(ConvcostError):
    """A result cannot be written where it was asked for."""


def _shown(text: str) -> str:
    """Return a part of an error as it is shown: without control characters, and cut to a readable length."""
    text = visible(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def visible(text: str) -> str:
    r"""Return text with control characters, line ends and invisible characters written as escapes.

    >>> print(visible("a\x1b[31mred"))
    a\x1b[31mred
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def encodable(text: str) -> str:
    r"""Return text that every format can hold: what is no Unicode, as in a file's name of another encoding, is escaped.

    >>> print(encodable("net\udcff.yaml"))
    net\udcff.yaml
    """
    return text.encode("utf-8", "backslashreplace").decode()


def nearest(word: str, known: Iterable[str], most: int = 12) -> str:
    """Return the remedy for a name that is not known: the nearest known one, or all when they are few.

    Args:
        word: The name.
        known: Those that are known.
        most: How many are few.
    """
    from difflib import get_close_matches  # on the way to an error only

    names = sorted(known)
    close = get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if 0 < len(names) <= most:
        return "known: " + ", ".join(names)
    return ""


def _around(line: str, column: int) -> tuple[str, int]:
    """Return the part of a line that is shown and the column's place in it."""
    line = line.rstrip("\r\n")
    start = 0
    if len(line) > _WINDOW and column > _WINDOW // 2:
        start = column - _WINDOW // 2
    before = visible(line[start:column].replace("\t", " "))
    after = visible(line[column : start + _WINDOW].replace("\t", " "))
    head = "…" if start else ""
    tail = "…" if start + _WINDOW < len(line) else ""
    return head + before + after + tail, len(head + before)


_SINGLE = (("\u2010", "\u205f"), ("\u2190", "\u22ff"), ("\u2500", "\u25fc"))
"""Dashes, arrows, mathematical signs, lines and blocks, each of one cell: what reports have, without Unicode's tables,
which take time to load."""


def cells(text: str) -> int:
    """Return how many terminal cells a text takes: East Asian wide characters two, marks over others none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


@lru_cache(maxsize=4096)
def _cells(char: str) -> int:
    if char < "\u0300" or any(first <= char <= last for first, last in _SINGLE):
        return 1
    from unicodedata import category, east_asian_width

    return 0 if category(char) in ("Mn", "Me") else 2 if east_asian_width(char) in "WF" else 1
