"""A table for the terminal, and the same without colours for pipes and files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from operator import itemgetter

from convcost.errors import cells
from convcost.reports.contents import BAR_CELLS, GAP, Column, Page, Report, Table, footer, tables

_SHORTEST_NAME = 8

# "Select graphic rendition", ECMA-48, 8.3.117
_BOLD, _DIM, _GREEN = "1", "2", "32"
_COLUMN_STYLES = {"name": [_BOLD], "bar": ["36"]}
_ROW_STYLES = {"quiet": [_DIM], "heading": [_BOLD, "34"], "warned": ["33"], "wrong": [_BOLD, "31"]}

_Line = list[tuple[str, str]]
"""Parts of a line, each with its style."""


def render(reports: Sequence[Report], page: Page) -> str:
    """Return the reports' tables; a narrow page drops whole columns, never digits."""
    return "\n".join(_one(table, page) for table in tables(reports))


def _one(table: Table, page: Page) -> str:
    widths = _fitting(table.columns, _widths(table), page.width)
    write = _colored if page.color else _plain
    return "".join([f"{write(_inert(line))}\n" for line in _lines(table, widths, page.width)])


def _widths(table: Table) -> list[int]:
    """Return the natural width of each column."""
    widths = []
    for index, column in enumerate(table.columns):
        longest = max([cells(row.cells[index]) for row in table.rows], default=0)
        total = cells(table.total[index])
        if column.role == "bar" and longest:
            longest = BAR_CELLS
        widths.append(max(longest, total, cells(column.title)) if longest or total else 0)
    return widths


def _fitting(columns: Sequence[Column], widths: Sequence[int], width: int | None) -> dict[int, int]:
    """Return the columns that fit a page with their widths: the least needed are dropped, then names are shortened."""
    kept = {index: size for index, size in enumerate(widths) if size}

    def excess() -> int:
        return 0 if width is None else sum(kept.values()) + GAP * (len(kept) - 1) - width

    while excess() > 0:
        last = max(columns[index].drop for index in kept)
        if last == 0:
            break
        kept = {index: size for index, size in kept.items() if columns[index].drop != last}
    if excess() > 0:
        kept[0] = max(_SHORTEST_NAME, kept[0] - excess())
    return kept


def _lines(table: Table, widths: Mapping[int, int], width: int | None) -> Iterator[_Line]:
    columns = [(index, size, table.columns[index].right) for index, size in widths.items()]
    rule = [("─" * (sum(widths.values()) + GAP * (len(widths) - 1)), "")]

    def line(texts: Sequence[str], styles: Sequence[str]) -> _Line:
        padded = [_padded(texts[index], size, right=right) for index, size, right in columns]
        return list(zip([text + " " * GAP for text in padded], styles, strict=True))

    bold = [_BOLD] * len(columns)
    yield from _paragraphs([table.title], _BOLD, width)
    yield from _paragraphs(table.subtitle, _DIM, width)
    yield from ([(text, "")] for text in table.code)
    yield []
    yield line([column.title for column in table.columns], bold)
    yield rule
    styles = {weight: _styles(table, widths, weight) for weight in {row.weight for row in table.rows}}
    for row in table.rows:
        yield line(row.cells, styles[row.weight])
    yield rule
    if any(table.total):
        yield line(table.total, bold)
    below = footer(table, widths)
    if below or table.commands:
        yield []
    yield from _paragraphs(below, _DIM, width)
    yield from ([(text, _GREEN)] for text in table.commands)
    if table.last:
        yield []
        yield from _paragraphs([table.last], _BOLD, width)


def _styles(table: Table, kept: Iterable[int], weight: str) -> list[str]:
    """Return the style of each cell in a row of some weight."""
    row = _ROW_STYLES.get(weight, [])
    return [";".join(dict.fromkeys(row + _COLUMN_STYLES.get(table.columns[index].role, []))) for index in kept]


def _padded(text: str, width: int, *, right: bool) -> str:
    """Return a text that takes `width` cells, its end replaced by … where it is longer."""
    room = width - cells(text)
    if room < 0:
        ends = list(accumulate(map(cells, text)))
        text = text[: bisect_right(ends, width - 1)] + "…"
        room = width - cells(text)
    return " " * room + text if right else text + " " * room


def _paragraphs(texts: Iterable[str], style: str, width: int | None) -> Iterator[_Line]:
    for text in texts:
        yield from ([(line, style)] for line in _wrapped(text, width))


def _wrapped(text: str, width: int | None) -> Iterator[str]:
    """Yield the lines of a text, broken at spaces; a word that is longer than a line is broken anywhere."""
    if width is None or cells(text) <= width:
        yield text
        return
    line, *words = text.lstrip(" ").split(" ")
    line = " " * (len(text) - len(text.lstrip(" "))) + line
    for word in words:
        longer = f"{line} {word}" if line else word
        if cells(longer) <= width:
            line = longer
            continue
        yield from _broken(line, width)
        line = word
    yield from _broken(line, width)


def _broken(line: str, width: int) -> Iterator[str]:
    while cells(line) > width:
        end = max(1, bisect_right(list(accumulate(map(cells, line))), width))
        yield line[:end]
        line = line[end:]
    if line:
        yield line


def _inert(line: _Line) -> _Line:
    """Return a line that no log takes for a command: GitHub's obey lines that begin with `::` or hold `##[`."""
    text = _plain(line)
    if "##[" in text:
        line = [(part.replace("##[", r"##\x5b"), style) for part, style in line]
    if text.lstrip().startswith("::"):
        first = next(index for index, (part, _) in enumerate(line) if part.strip())
        part, style = line[first]
        line = [*line[:first], (part.replace(":", r"\x3a", 1), style), *line[first + 1 :]]
    return line


def _plain(line: _Line) -> str:
    return "".join([part for part, _ in line]).rstrip()


def _colored(line: _Line) -> str:
    """Return a line with its styles as escape sequences; nothing is styled that shows nothing."""
    length = len(_plain(line))
    texts = []
    for style, parts in groupby(line, itemgetter(1)):
        text = "".join([part for part, _ in parts])[:length]
        length -= len(text)
        texts.append(f"\x1b[{style}m{text}\x1b[0m" if style and text.strip() else text)
    return "".join(texts)
