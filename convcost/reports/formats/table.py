"""A table for the terminal, and the same in plain text for pipes and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from convcost.errors import cells
from convcost.reports.contents import BAR_CELLS, GAP, Column, Page, Report, Table, footer, tables

_SHORTEST_NAME = 8
_LONGEST_IN_COLOR = 400  # rows; rich needs about a millisecond for each


def render(reports: Sequence[Report], page: Page) -> str:
    """Return the reports' tables; a narrow page drops whole columns, never digits."""
    return "\n".join(_one(table, page) for table in tables(reports))


def _one(table: Table, page: Page) -> str:
    widths = _fitting(table.columns, _widths(table), page.width)
    if page.color and page.width and len(table.rows) <= _LONGEST_IN_COLOR:
        from convcost.reports import terminal  # rich costs as much as everything else together

        return terminal.draw(table, widths, page.width)
    return "\n".join(map(_inert, _lines(table, widths, page.width))) + "\n"


def _inert(line: str) -> str:
    """Return a line that no log takes for a command: GitHub's obey lines that begin with `::` or hold `##[`."""
    if line.lstrip().startswith("::"):
        line = line.replace(":", r"\x3a", 1)
    return line.replace("##[", r"##\x5b")


def _widths(table: Table) -> list[int]:
    """Return the natural width of each column."""
    widths = []
    for index, column in enumerate(table.columns):
        measure = cells if column.role == "name" else len  # other columns hold no wide characters
        longest = max([measure(row.cells[index]) for row in table.rows], default=0)
        total = len(table.total[index])
        if column.role == "bar" and longest:
            longest = BAR_CELLS
        widths.append(max(longest, total, len(column.title)) if longest or total else 0)
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


def _lines(table: Table, widths: Mapping[int, int], width: int | None) -> Iterator[str]:
    columns = [(index, table.columns[index].right, size) for index, size in widths.items()]
    rule = "─" * (sum(widths.values()) + GAP * (len(widths) - 1))
    name = widths[0]

    def line(texts: Sequence[str]) -> str:
        label = _shortened(texts[0], name)
        rest = [texts[index].rjust(size) if right else texts[index].ljust(size) for index, right, size in columns[1:]]
        return (" " * GAP).join([label, *rest]).rstrip()

    yield from _wrapped((table.title, *table.subtitle), width)
    yield from table.code
    yield ""
    yield line([column.title for column in table.columns])
    yield rule
    for row in table.rows:
        yield line(row.cells)
    yield rule
    if any(table.total):
        yield line(table.total)
    below = footer(table, widths)
    if below or table.commands:
        yield ""
    yield from _wrapped(below, width)
    yield from table.commands


def _shortened(label: str, width: int) -> str:
    """Return a name that takes `width` cells, its end replaced by … where it is longer."""
    if cells(label) > width:
        while cells(label) > width - 1:
            label = label[:-1]
        label += "…"
    return label + " " * (width - cells(label))


def _wrapped(lines: Sequence[str], width: int | None) -> Iterator[str]:
    if width is None:
        yield from lines
        return
    from textwrap import wrap

    for text in lines:
        yield from wrap(text, width)
