"""All errors of a spec, gathered before any is reported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from convcost.errors import ConvcostError, ErrorDetail, FormulaError, Place, SpecError
from convcost.spec.source import Source

MOST = 100  # errors reported at once; a file with more has one error many times


class Positioned(Protocol):
    """Anything with a place in the text, counted from 0 as the parser does."""

    @property
    def line(self) -> int:
        """The line."""

    @property
    def column(self) -> int:
        """The column."""


_LINE_END = "\r\n|[\n\r\x85\u2028\u2029]"  # as YAML has it; compiled where a place is told only


def lines(text: str) -> list[str]:
    """Return the lines of a text, without their ends."""
    return re.split(_LINE_END, text)


def line_ends(text: str) -> Iterator[re.Match[str]]:
    """Return what ends each line of a text, that of the last apart."""
    return re.finditer(_LINE_END, text)


class _Position(Struct, frozen=True):
    line: int
    column: int


class TooManyErrors(Exception):
    """Raised when as many errors are gathered as are reported."""


class Language(Struct, frozen=True):
    """What a text is read as, for messages.

    Attributes:
        what: What such a text is called.
        error: What is raised for its errors.
        once: How it says a thing once, instead of by an anchor.
        merge: The same, instead of by a merge key.
        deep: The remedy where it nests too deep.
    """

    what: str
    error: type[ConvcostError]
    once: str
    merge: str
    deep: str


SPEC = Language(
    "a spec",
    SpecError,
    "a block says a thing once",
    "`defaults` and blocks say a thing once",
    "name what is deep inside as a block",
)


class ErrorCollector:
    """The errors of one source, each once, in the order of the file.

    Args:
        source: The text.
        language: What it is read as.
    """

    def __init__(self, source: Source, language: Language = SPEC) -> None:
        self.source = source
        self.language = language
        self._details: dict[tuple[str, int, int], ErrorDetail] = {}
        self._lines: list[str] | None = None

    def __len__(self) -> int:
        return len(self._details)

    def add(
        self, message: str, at: Positioned, *, path: str = "", found: str = "", help: str = "", note: str = ""
    ) -> None:
        """Add an error; the same error at the same place, met again in a repetition, counts once."""
        key = (message, at.line, at.column)
        if key in self._details:
            return
        place = Place(self.source.file, at.line + 1, at.column + 1)
        line = self.line(at.line)
        self._details[key] = ErrorDetail(message, place, path, found, help, note, line)
        if len(self._details) >= MOST:
            raise TooManyErrors

    def placed(self, error: FormulaError, at: Positioned, path: str, note: str = "") -> FormulaError:
        """Return an error about a formula with the place where that is written."""
        return error.at(Place(self.source.file, at.line + 1, at.column + 1), path, note, self.line(at.line))

    def line(self, number: int) -> str:
        """Return a line of the source, counted from 0."""
        if self._lines is None:
            self._lines = lines(self.source.text)
        return self._lines[number] if number < len(self._lines) else ""

    def position(self, offset: int) -> Positioned:
        """Return the place of a character of the text."""
        before = lines(self.source.text[:offset])
        return _Position(len(before) - 1, len(before[-1]))

    def within(self, at: Positioned) -> Positioned:
        """Return a place, or the end of the text's last line where it is behind that."""
        end = self.position(len(self.source.text.rstrip()))
        return at if (at.line, at.column) < (end.line, end.column) else end

    def inside(self, at: Positioned, offset: int) -> Positioned:
        """Return the place `offset` characters into a scalar, where its text stands on one line."""
        text = getattr(at, "text", "")
        line = self.line(at.line)
        for quote in (0, 1):
            if text and line.startswith(text, at.column + quote):
                return _Position(at.line, at.column + quote + offset)
        return at

    def tell(self) -> None:
        """Raise what was gathered.

        Raises:
            ConvcostError: There is at least one error.
        """
        if self._details:
            more = len(self._details) >= MOST
            raise self.language.error(sorted(self._details.values(), key=_in_file_order), more=more)


def _in_file_order(detail: ErrorDetail) -> tuple[int, int]:
    return (detail.place.line, detail.place.column) if detail.place else (0, 0)
