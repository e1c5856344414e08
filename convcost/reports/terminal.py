"""A table drawn with colours; the only report that needs rich."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from convcost.reports.contents import BAR_CELLS, Table

_STYLES = {"name": "bold", "number": "", "bar": "cyan", "text": ""}


def draw(table: Table, kept: Sequence[int], width: int) -> str:
    """Return a table with its title and footer as text with terminal colours.

    Args:
        table: The table.
        kept: The indices of the columns to show; together they fit into `width`.
        width: The terminal's columns.
    """
    drawn = RichTable(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_footer=True, show_edge=False)
    for index in kept:
        column = table.columns[index]
        drawn.add_column(
            Text(column.title, style="bold"),
            Text(table.total[index], style="bold"),
            justify="right" if column.right else "left",
            style=_STYLES[column.role],
            no_wrap=True,
            overflow="ellipsis" if column.role == "name" else "fold",
            min_width=BAR_CELLS if column.role == "bar" else None,
        )
    quiet = {"quiet": "dim", "heading": "bold blue"}
    for row in table.rows:
        drawn.add_row(*[Text(row.cells[index]) for index in kept], style=quiet.get(row.weight))
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, highlight=False)
    console.print(Text(table.title, style="bold"))
    for line in table.subtitle:
        console.print(Text(line, style="dim"))
    console.print()
    console.print(drawn)
    console.print()
    for line in table.footer:
        console.print(Text(line, style="dim"))
    return out.getvalue()
