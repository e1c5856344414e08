"""A table for the terminal, and the same without colours for pipes and files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from operator import itemgetter

from msgspec.structs import replace

from convcost.errors import cells
from convcost.reports.table import BAR_CELLS, GAP, Column, Page, Report, Table, counted, footer, screens

_SHORTEST_NAME = 8
_SHORTEST_BROKEN = 40  # cells of a line of a text that is broken
_DOT = " · "

# "Select graphic rendition", ECMA-48, 8.3.117
_BOLD, _DIM, _GREEN = "1", "2", "32"
_COLUMN_STYLES = {"name": [_BOLD], "bar": ["36"]}
_ROW_STYLES = {"quiet": [_DIM], "heading": [_BOLD, "34"], "warned": ["33"], "wrong": [_BOLD, "31"]}

_Line = list[tuple[str, str]]
"""Parts of a line, each with its style."""


def render(reports: Sequence[Report], page: Page) -> str:
    """Return the reports' tables; a narrow page leaves out whole columns and says which, and never cuts digits."""
    return "\n".join(_one(table, page) for table in screens(reports))


def _one(table: Table, page: Page) -> str:
    natural = _widths(table)
    widths = _fitting(table.columns, natural, page.width)
    write = _colored if page.color else _plain
    hidden = _hidden(table, natural, widths)
    if page.python:
        from convcost.option_words import of_result  # not where a command starts

        table, hidden = replace(table, footer=tuple(map(of_result, table.footer))), map(of_result, hidden)
    return "".join([f"{write(_inert(line))}\n" for line in _lines(table, widths, page.width, hidden)])


def _hidden(table: Table, natural: Sequence[int], widths: Mapping[int, int]) -> Iterator[str]:
    """Yield a line that names the columns that a page has no room for, and says how to see them."""
    columns = [column for index, column in enumerate(table.columns) if natural[index] and index not in widths]
    if not columns:
        return
    titles = ", ".join(column.title or "bar" for column in columns)
    keys = ",".join(dict.fromkeys(column.key for column in columns))
    room = sum(natural) + GAP * (sum(map(bool, natural)) - 1)
    how = f"{table.wider} {keys}" if table.wider else f"COLUMNS={room}"
    them = "it" if len(columns) == 1 else "them"
    yield f"{counted(len(columns), 'column')} hidden: {titles}; {how} shows {them}."


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
    """Return the columns that fit a page with their widths.

    The least needed are left out first, but before one goes those that may be cut are; at last names are shortened.
    """
    kept = {index: size for index, size in enumerate(widths) if size}
    if width is None:
        return kept
    while (excess := _excess(kept, width)) > 0:
        last = max(columns[index].drop for index in kept)
        needed = [index for index in kept if columns[index].least and columns[index].drop <= last]
        room = sum(max(0, kept[index] - columns[index].least) for index in needed)
        if room >= excess:
            return _cut(kept, needed, columns, excess)
        if last == 0:
            break
        kept = {index: size for index, size in kept.items() if columns[index].drop != last}
    for index in [index for index in kept if columns[index].wraps] if excess > 0 else ():
        less = min(excess, max(0, kept[index] - _SHORTEST_BROKEN))
        kept[index] -= less
        excess -= less
    if excess > 0:
        kept[0] = max(_SHORTEST_NAME, kept[0] - excess)
    return kept


def _excess(kept: Mapping[int, int], width: int) -> int:
    """Return how many cells columns take beyond a page."""
    return sum(kept.values()) + GAP * (len(kept) - 1) - width


def _cut(kept: Mapping[int, int], needed: Sequence[int], columns: Sequence[Column], excess: int) -> dict[int, int]:
    """Return columns of which those that may be cut are, the least needed first."""
    found = dict(kept)
    for index in sorted(needed, key=lambda index: -columns[index].drop):
        less = min(excess, max(0, found[index] - columns[index].least))
        found[index] -= less
        excess -= less
    return found


def _lines(table: Table, widths: Mapping[int, int], width: int | None, hidden: Iterable[str]) -> Iterator[_Line]:
    columns = [(index, size, table.columns[index].right) for index, size in widths.items()]
    rule = [("─" * (sum(widths.values()) + GAP * (len(widths) - 1)), "")]

    def line(texts: Sequence[str], styles: Sequence[str]) -> _Line:
        padded = [_padded(texts[index], size, right=right) for index, size, right in columns]
        return list(zip([text + " " * GAP for text in padded], styles, strict=True))

    bold = [_BOLD] * len(columns)
    yield from _paragraphs([table.title], _BOLD, width)
    yield from _paragraphs(table.headline, "", width)
    yield from _paragraphs(table.subtitle, _DIM, width)
    yield from ([(text, "")] for text in table.code)
    yield []
    yield line([column.title for column in table.columns], bold)
    yield rule
    styles = {weight: _styles(table, widths, weight) for weight in {row.weight for row in table.rows}}
    for row in table.rows:
        for texts in _broken_cells(row.cells, columns, table.columns):
            yield line(texts, styles[row.weight])
    yield rule
    if any(table.total):
        yield line(table.total, bold)
    below = (*footer(table, widths), *hidden)
    if below or table.commands:
        yield []
    yield from _paragraphs(below, _DIM, width)
    yield from ([(text, _GREEN)] for text in table.commands)
    if table.last:
        yield []
        yield from _paragraphs([table.last], _BOLD, width)


def _broken_cells(
    texts: tuple[str, ...], kept: Sequence[tuple[int, int, bool]], columns: Sequence[Column]
) -> Iterator[Sequence[str]]:
    """Yield the cells of each line of a row: of one line where no text is broken."""
    broken = [
        (index, list(_wrapped(texts[index], size)))
        for index, size, _ in kept
        if columns[index].wraps and cells(texts[index]) > size
    ]
    if not broken:
        yield texts
        return
    for number in range(max(len(parts) for _, parts in broken)):
        found = list(texts) if number == 0 else [""] * len(texts)
        for index, parts in broken:
            found[index] = parts[number] if number < len(parts) else ""
        yield found


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
    """Yield the lines of a text, broken at its dots or else at spaces; a longer word is broken anywhere."""
    if width is None or cells(text) <= width:
        yield text
        return
    facts = text.split(_DOT)
    if len(facts) > 1 and max(map(cells, facts)) <= width:
        yield from _filled(facts, _DOT, width)
        return
    first, *words = text.lstrip(" ").split(" ")
    yield from _filled([" " * (len(text) - len(text.lstrip(" "))) + first, *words], " ", width)


def _filled(words: Sequence[str], gap: str, width: int) -> Iterator[str]:
    """Yield lines of as many words as they have room for."""
    line, *rest = words
    for word in rest:
        longer = f"{line}{gap}{word}" if line else word
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
