"""A table as HTML, for notebooks."""

from __future__ import annotations

from html import escape

from convcost.reports.folding import MOST_ROWS
from convcost.reports.table import Column, Report, Row, Table, counted, footer, tables

_CELL = "padding: 0 1em 0 0; white-space: pre;"


def html(report: Report) -> str:
    """Return the report's table as an HTML fragment; all text is escaped."""
    return "".join(map(_one, tables([report])))


def _one(table: Table) -> str:
    columns = table.columns
    head = "".join(_cell("th", column.title, column) for column in columns)
    rows = "\n".join(_row(row, columns) for row in table.rows)
    foot = "".join(_cell("th", cell, column) for cell, column in zip(table.total, columns, strict=True))
    lines = "".join(f"<div>{escape(line)}</div>" for line in (*table.headline, *table.subtitle))
    below = "".join(f"<div><small>{escape(line)}</small></div>" for line in footer(table, range(len(columns))))
    whole = (
        f"<table>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n<tfoot><tr>{foot}</tr></tfoot>\n</table>\n"
    )
    if len(table.rows) > MOST_ROWS:
        whole = f"<details><summary>{escape(_folded(table))}</summary>\n{whole}</details>\n"
    return f"<div><strong>{escape(table.title)}</strong>{lines}\n{whole}{below}</div>\n"


def _folded(table: Table) -> str:
    """Return the summary of a folded table: its number of rows, and its totals with their names."""
    named = [
        f"{column.title} {cell}" if column.right else cell
        for column, cell in zip(table.columns, table.total, strict=True)
        if cell and column.role != "bar"
    ]
    return " · ".join([counted(len(table.rows), "row"), *named])


def _row(row: Row, columns: tuple[Column, ...]) -> str:
    cells = "".join(_cell("td", cell, column) for cell, column in zip(row.cells, columns, strict=True))
    return f"<tr>{cells}</tr>"


def _cell(tag: str, text: str, column: Column) -> str:
    align = "right" if column.right else "left"
    return f'<{tag} style="{_CELL} text-align: {align};">{escape(text)}</{tag}>'
