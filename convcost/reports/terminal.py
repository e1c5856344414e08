"""A table drawn with colours; the only report that needs rich."""

from __future__ import annotations

import io
from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from convcost.reports.contents import GAP, Table, footer

_STYLES = {"name": "bold", "number": "", "bar": "cyan", "text": ""}


def draw(table: Table, widths: Mapping[int, int], width: int) -> str:
    """Return a table with its title and footer as text with terminal colours.

    Args:
        table: The table.
        widths: The indices of the columns to show, and how wide each is.
        width: The terminal's columns.
    """
    # the box adds a column of its own between two others, the padding the rest of the gap
    drawn = RichTable(
        box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_footer=True, show_edge=False
    )
    for index, size in widths.items():
        column = table.columns[index]
        drawn.add_column(
            Text(column.title, style="bold"),
            Text(table.total[index], style="bold"),
            justify="right" if column.right else "left",
            style=_STYLES[column.role],
            no_wrap=True,
            overflow="ellipsis",
            width=size,
        )
    styles = {"quiet": "dim", "heading": "bold blue", "warned": "yellow", "wrong": "bold red"}
    for row in table.rows:
        drawn.add_row(*[Text(row.cells[index]) for index in widths], style=styles.get(row.weight))
    needed = sum(widths.values()) + GAP * (len(widths) - 1)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=max(width, needed), highlight=False)
    console.print(Text(table.title, style="bold"), width=width)
    for line in table.subtitle:
        console.print(Text(line, style="dim"), width=width)
    for line in table.code:
        console.print(Text(line), width=width, soft_wrap=True)
    console.print()
    console.print(drawn)
    below = footer(table, widths)
    if below or table.commands:
        console.print()
    for line in below:
        console.print(Text(line, style="dim"), width=width)
    for line in table.commands:
        console.print(Text(line, style="green"), soft_wrap=True)
    return out.getvalue()
