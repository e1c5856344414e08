"""A CSV of what was measured at points of a grid: a column for each symbol, the others are the user's own."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost import files
from convcost.errors import ErrorDetail, OptionError, Place, nearest
from convcost.spec.elements import element, name_of
from convcost.spec.ranges import values

MOST_BYTES = 64 * files.MIB
MOST_ROWS = 1_000_000
_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?|[+-]?\d{1,40}/\d{1,40}", re.ASCII)


class MeasuredTable(Struct, frozen=True):
    """A file of measured values.

    Attributes:
        file: Its path.
        symbols: The columns that are symbols.
        columns: The columns that are numbers.
        lines: The line of each row.
        keys: The values of the symbols in each row.
        values: The numbers in each row; None where a cell is empty.
        texts: The columns that are no numbers, and where that shows.
    """

    file: str
    symbols: tuple[str, ...]
    columns: tuple[str, ...]
    lines: Sequence[int]
    keys: Sequence[tuple[Any, ...]]
    values: Sequence[tuple[Any, ...]]
    texts: dict[str, ErrorDetail]

    def check(self, name: str) -> None:
        """Raise `OptionError` where a column is missing, or is no column of numbers."""
        if name in self.texts:
            raise OptionError(self.texts[name])
        if name not in self.columns:
            help = nearest(name, self.columns) or f"its columns of numbers are {', '.join(self.columns) or 'none'}"
            raise OptionError(ErrorDetail(f"{self.file} has no column {name!r}", help=help))


def read_table(path: str, symbols: Collection[str], ignored: Collection[str]) -> MeasuredTable:
    """Return the contents of a CSV file.

    Args:
        path: The file.
        symbols: The symbols of the spec; elements of lists, such as `widths(0)`, are symbols too.
        ignored: Columns that are none of the user's own, as the metrics.

    Raises:
        OptionError: It cannot be read, has no row, or a cell is not what it must be.
    """
    rows = _rows(path)
    _, header = next(rows, (0, []))
    names = [_name(cell, symbols) for cell in header]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OptionError(ErrorDetail(f"the column {twice!r} stands twice", Place(path, 1, 1)))
    keys = [place for place, name in enumerate(names) if name in symbols or _of_list(name) in symbols]
    own = [place for place, name in enumerate(names) if place not in keys and name not in ignored and name]
    if not keys:
        found = f"{path}: {', '.join(filter(None, header)) or 'no header'}"
        help = "its first line names the columns: the symbols, and what was measured"
        raise OptionError(ErrorDetail("no column of the CSV is a symbol of the spec", found=found, help=help))
    lines, found_keys, cells = [], [], []
    for line, row in rows:
        if len(row) != len(names):
            found = f"{len(row)} cells, {len(names)} columns"
            raise OptionError(ErrorDetail("a row has a cell for each column", Place(path, line, 1), found=found))
        lines.append(line)
        found_keys.append(tuple([_value(names[place], row[place], path, line) for place in keys]))
        cells.append([row[place].strip() for place in own])
        if len(lines) > MOST_ROWS:
            raise OptionError(ErrorDetail(f"a file of measured values has at most {MOST_ROWS:,} rows", Place(path)))
    texts = {}
    for at, place in enumerate(own):
        wrong = next(((line, row[at]) for line, row in zip(lines, cells, strict=True) if not _is_number(row[at])), None)
        if wrong is not None:
            help = "leave the cell empty where nothing was measured"
            message = f"a measured value is a number: {names[place]}"
            texts[names[place]] = ErrorDetail(message, Place(path, wrong[0], 1), found=repr(wrong[1]), help=help)
    numbers = [at for at, place in enumerate(own) if names[place] not in texts]
    return MeasuredTable(
        path,
        tuple([names[place] for place in keys]),
        tuple([names[own[at]] for at in numbers]),
        lines,
        found_keys,
        [tuple([_number(row[at]) for at in numbers]) for row in cells],
        texts,
    )


def _rows(path: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a file that are not empty, with their lines.

    Raises:
        OptionError: It cannot be read.
    """
    try:
        text = files.read(path, MOST_BYTES).decode("utf-8-sig")
    except files.RefusedFile as refused:
        detail = ErrorDetail(f"the CSV cannot be read: {refused.reason}", Place(path), help=refused.help)
        raise OptionError(detail) from None
    except UnicodeDecodeError:
        raise OptionError(ErrorDetail("the CSV cannot be read: it is not UTF-8", Place(path))) from None
    except OSError as error:
        raise OptionError(ErrorDetail(f"the CSV cannot be read: {error.strerror}", Place(path))) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        message = f"the CSV cannot be read: {error}"
        raise OptionError(ErrorDetail(message, Place(path, reader.line_num, 1))) from None


def _name(cell: str, symbols: Collection[str]) -> str:
    """Return the name of a column; of an element of a list the one form that it has."""
    name = cell.strip()
    found = element(name)
    return name if found is None or found[0] not in symbols else name_of(*found)


def _of_list(name: str) -> str:
    found = element(name)
    return found[0] if found else ""


def _value(name: str, cell: str, path: str, line: int) -> Any:
    """Return a symbol's value.

    Raises:
        OptionError: It is none, or several.
    """
    text = cell.strip()
    found: Sequence[Any] = ()
    try:
        found = values(name, text, 1) if text else ()
    except OptionError:
        found = ()
    if len(found) != 1:
        raise OptionError(ErrorDetail(f"a row has one value of {name}", Place(path, line, 1), found=repr(text)))
    return found[0]


def _is_number(cell: str) -> bool:
    if not cell:
        return True
    _, slash, under = cell.partition("/")
    return _NUMBER.fullmatch(cell) is not None and (not slash or int(under) != 0)


def _number(cell: str) -> Any:
    if not cell:
        return None
    value = Fraction(cell)
    return value.numerator if value.denominator == 1 else value
