"""Tables as HTML that is readable as it is, and that the page's script sorts, filters and folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from typing import Any

from convcost.html.section import Grid
from convcost.reports.table import BAR_CELLS, MARK, Column

_WEIGHTS = {"heading": "h", "quiet": "q", "warned": "w", "wrong": "x"}
"""The classes of rows, by their weights."""
_DEEPEST = 9
"""Rows are indented so often at most."""
FULL = 100
"""The width of a bar that is whole."""


def table_html(grid: Grid, caption: str) -> str:
    """Return a table as HTML.

    A cell whose text is markup of its own, an `Svg`, is written as it is; all other text is escaped.

    Args:
        grid: The table.
        caption: What it is, for those who hear it.
    """
    table = grid.table
    columns = table.columns
    head = "".join(_head(column, grid.folds.get(column.title, "")) for column in columns)
    key = f' data-key="{escape(grid.key)}"' if grid.key else ""
    parts = [
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table class="grid"{key}>',
        f'<caption class="hidden">{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n',
        *_rows(grid),
        "</tbody>\n",
    ]
    if any(table.total):
        cells = "".join(_cells(column, [cell])[0] for cell, column in zip(table.total[1:], columns[1:], strict=True))
        parts.append(f'<tfoot><tr><th scope="row">{escape(table.total[0])}</th>{cells}</tr></tfoot>\n')
    parts.append("</table></div>\n")
    return "".join(parts)


class Svg(str):
    """A cell that is a drawing: markup that is written as it is."""

    __slots__ = ()


def _head(column: Column, fold: str) -> str:
    classes = ' class="n"' if column.right else ' class="t"' if column.wraps else ""
    kind = f' data-kind="{column.role}"' if column.role != "text" else ""
    folded = f' data-fold="{escape(fold)}"' if fold else ""
    return f'<th scope="col"{classes}{kind}{folded}>{escape(column.title)}</th>'


def _rows(grid: Grid) -> Iterator[str]:
    """Yield the rows; end tags may be left out: "Optional tags", HTML Standard, section 13.1.2.4."""
    rows = grid.table.rows
    columns = [
        _cells(column, [row.cells[place] for row in rows], grid.order.get(column.title))
        for place, column in enumerate(grid.table.columns[1:], 1)
    ]
    for row, *cells in zip(rows, *columns, strict=True):
        label = row.cells[0]
        name = label.lstrip(" ")
        level = min((len(label) - len(name)) // 2, _DEEPEST)
        weight = _WEIGHTS.get(row.weight)
        attributes = (f" class={weight}" if weight else "") + (f" data-l={level}" if level else "")
        yield f'<tr{attributes}><th scope="row">{_text(name)}{"".join(cells)}\n'


def _cells(column: Column, texts: Sequence[str], order: Sequence[Any] | None = None) -> list[str]:
    """Return the cells of a column, each sorted by a number where `order` has them."""
    if column.role == "bar":
        return [f"<td>{bar_svg(text)}" for text in texts]
    start = "<td class=n" if column.right else "<td class=t" if column.wraps else "<td"
    if order is None:
        return [f"{start}>{_text(text)}" for text in texts]
    marks = ["" if by is None else f' data-v="{float(by)!r}"' for by in order]
    return [f"{start}{mark}>{_text(text)}" for mark, text in zip(marks, texts, strict=True)]


def _text(text: str) -> str:
    return text if text.__class__ is Svg else escape(text, quote=False)


@cache
def bar_svg(text: str) -> str:
    """Return the drawing of a bar that is written in blocks, the light ones behind the dark ones.

    >>> bar_svg("██▌")
    '<svg class="bar" aria-hidden="true"><rect width="25%" height="100%"/></svg>'
    """
    if not text:
        return ""
    eighths = sum(8 if mark == "█" else MARK.index(mark) + 1 for mark in text if mark in MARK)
    dark = eighths * FULL / (8 * BAR_CELLS)
    light = dark + text.count("░") * FULL / BAR_CELLS
    behind = f'<rect class="light" width="{light:g}%" height="100%"/>' if light > dark else ""
    return f'<svg class="bar" aria-hidden="true">{behind}<rect width="{dark:g}%" height="100%"/></svg>'
