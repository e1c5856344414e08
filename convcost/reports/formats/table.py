"""A table for the terminal, and the same in plain text for pipes and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convcost.reports.contents import BAR_CELLS, Column, Page, Report, Table

_GAP = 2
_LONGEST_IN_COLOR = 400  # rows; rich needs about a millisecond for each


def render(reports: Sequence[Report], page: Page) -> str:
    """Return the reports' tables; a narrow page drops whole columns, never digits."""
    return "\n".join(_one(report.table(), page) for report in reports)


def _one(table: Table, page: Page) -> str:
    widths = _widths(table)
    kept = _fitting(table.columns, widths, page.width)
    if page.color and page.width and len(table.rows) <= _LONGEST_IN_COLOR:
        from convcost.reports import terminal  # rich costs as much as everything else together

        return terminal.draw(table, kept, page.width)
    return "\n".join(_lines(table, kept, widths, page.width)) + "\n"


def _widths(table: Table) -> list[int]:
    """Return the natural width of each column."""
    widths = []
    for index, column in enumerate(table.columns):
        longest = max([len(row.cells[index]) for row in table.rows], default=0)
        if column.role == "bar":
            longest = BAR_CELLS
        widths.append(max(longest, len(column.title), len(table.total[index])))
    return widths


def _fitting(columns: Sequence[Column], widths: Sequence[int], width: int | None) -> list[int]:
    """Return the columns that fit a page, dropping the least needed first."""
    kept = [index for index, size in enumerate(widths) if size]
    while width is not None and sum(widths[index] + _GAP for index in kept) - _GAP > width:
        last = max(kept, key=lambda index: columns[index].drop)
        if columns[last].drop == 0:
            break
        kept.remove(last)
    return kept


def _lines(table: Table, kept: Sequence[int], widths: Sequence[int], width: int | None) -> Iterator[str]:
    columns = [(index, table.columns[index].right, widths[index]) for index in kept]
    rule = "─" * (sum(size + _GAP for _, _, size in columns) - _GAP)

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            [cells[index].rjust(size) if right else cells[index].ljust(size) for index, right, size in columns]
        ).rstrip()

    yield from _wrapped((table.title, *table.subtitle), width)
    yield ""
    yield line([column.title for column in table.columns])
    yield rule
    for row in table.rows:
        yield line(row.cells)
    yield rule
    yield line(table.total)
    yield ""
    yield from _wrapped(table.footer, width)


def _wrapped(lines: Sequence[str], width: int | None) -> Iterator[str]:
    if width is None:
        yield from lines
        return
    from textwrap import wrap

    for text in lines:
        yield from wrap(text, width)
