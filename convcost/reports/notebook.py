"""A table as HTML, for notebooks."""

from __future__ import annotations

from html import escape
from itertools import starmap, zip_longest

from convcost.option_words import of_result
from convcost.reports.folding import MOST_LINES
from convcost.reports.table import Column, Report, Row, Table, counted, footer, screens, tables

_CELL = "padding: 0 1em 0 0; white-space: pre;"


def html(report: Report) -> str:
    """Return the report's tables as an HTML fragment, as many rows as a screen has; all text is escaped."""
    return "".join(starmap(_one, zip_longest(tables([report]), screens([report]))))


def _one(whole: Table | None, screen: Table | None) -> str:
    """Return a table as a screen has it, and all rows below it, folded, where these are more."""
    table = whole or screen
    assert table is not None
    shown = screen or table
    lines = "".join(f"<div>{escape(line)}</div>" for line in (*table.headline, *table.subtitle))
    below = footer(table, range(len(table.columns)))
    rows = sum(row.weight != "heading" for row in table.rows)
    all_rows = f"<details><summary>All {counted(rows, 'row')}</summary>\n{_rows(table)}</details>\n"
    if len(shown.rows) < len(table.rows):
        body = _rows(shown) + all_rows
    else:
        body = all_rows if len(table.rows) > MOST_LINES else _rows(table)
    notes = "".join(f"<div><small>{escape(of_result(line))}</small></div>" for line in below)
    return f"<div><strong>{escape(table.title)}</strong>{lines}\n{body}{notes}</div>\n"


def _rows(table: Table) -> str:
    """Return the rows of a table, with its head and its total."""
    columns = table.columns
    head = "".join(_cell("th", column.title, column) for column in columns)
    rows = "\n".join(_row(row, columns) for row in table.rows)
    foot = "".join(_cell("th", cell, column) for cell, column in zip(table.total, columns, strict=True))
    return (
        f"<table>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n<tfoot><tr>{foot}</tr></tfoot>\n</table>\n"
    )


def _row(row: Row, columns: tuple[Column, ...]) -> str:
    cells = "".join(_cell("td", cell, column) for cell, column in zip(row.cells, columns, strict=True))
    return f"<tr>{cells}</tr>"


def _cell(tag: str, text: str, column: Column) -> str:
    align = "right" if column.right else "left"
    return f'<{tag} style="{_CELL} text-align: {align};">{escape(text)}</{tag}>'
