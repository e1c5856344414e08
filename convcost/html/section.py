"""What a page is made of: sections with figures in large type, controls, charts and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.reports.table import Row, Table, footer


class Figure(Struct, frozen=True):
    """A number in large type at the top of a section.

    Attributes:
        name: What it is, such as `macs`.
        short: The number in few digits, such as `568.7 M`.
        exact: The number in full.
        about: What it is in a sentence.
    """

    name: str
    short: str
    exact: str = ""
    about: str = ""


class SectionChart(Struct, frozen=True):
    """A drawing with the table behind it.

    Attributes:
        title: What it shows.
        svg: The drawing, as markup that is written as it is.
        table: The numbers that it draws; None where a table of the section has them.
        key: By which the page's script knows what to draw anew.
    """

    title: str
    svg: str
    table: Table | None = None
    key: str = ""


class Grid(Struct, frozen=True):
    """A table that the page sorts, filters and folds.

    Attributes:
        table: The table.
        folds: How the rows of a block make one cell, by the titles of columns: `sum`, `max`, or `share of` a column.
        order: By what a column is sorted where its texts do not say it, by titles: a number for each row.
        key: By which the page's script knows the table whose cells it computes.
    """

    table: Table
    folds: Mapping[str, str] = {}
    order: Mapping[str, Sequence[Any]] = {}
    key: str = ""


class Section(Struct, frozen=True):
    """A report on a page.

    Attributes:
        title: Its heading.
        lines: Lines below the heading.
        figures: Its numbers in large type.
        charts: Its drawings.
        grids: Its tables, the main one first.
        notes: Lines below the main table.
        headline: Lines in larger type.
        live: What the page's script computes it from at other values of its symbols; None where it cannot.
    """

    title: str
    lines: tuple[str, ...]
    grids: tuple[Grid, ...]
    figures: tuple[Figure, ...] = ()
    charts: tuple[SectionChart, ...] = ()
    notes: tuple[str, ...] = ()
    headline: tuple[str, ...] = ()
    live: Mapping[str, Any] | None = None


def section_of(table: Table, how: Mapping[str, Any] | None = None, **more: Any) -> Section:
    """Return a table, and those that follow it, as a section.

    Args:
        table: The table.
        how: Other attributes of its `Grid`.
        more: Other attributes of the section.
    """
    how = how or {}
    return Section(
        **{
            "title": table.title,
            "headline": table.headline,
            "lines": table.subtitle,
            "grids": tuple([Grid(each, **(how if place == 0 else {})) for place, each in enumerate(_flat(table))]),
            "notes": footer(table, range(len(table.columns))),
            **more,
        }
    )


def _flat(table: Table) -> Iterator[Table]:
    yield telling(replace(table, more=()))
    for each in table.more:
        yield from _flat(each)


def telling(table: Table) -> Table:
    """Return a table without columns in which nothing stands."""
    kept = [
        place
        for place in range(len(table.columns))
        if place == 0 or table.total[place] or any(row.cells[place] for row in table.rows)
    ]
    if len(kept) == len(table.columns):
        return table
    return replace(
        table,
        columns=tuple([table.columns[place] for place in kept]),
        rows=[replace(row, cells=tuple([row.cells[place] for place in kept])) for row in table.rows],
        total=tuple([table.total[place] for place in kept]),
    )


def with_blocks(table: Table, row_of: Callable[[str, Sequence[int]], Row]) -> Table:
    """Return a table of which each heading shows what its rows are together.

    Args:
        table: The table, with a row for each layer below the headings of their blocks.
        row_of: Returns the row of some layers, by their numbers, under a label.
    """
    rows: list[Row] = []
    open_blocks: list[tuple[int, int, list[int]]] = []
    count = 0
    for place, row in enumerate(table.rows):
        rows.append(row)
        level = len(row.cells[0]) - len(row.cells[0].lstrip(" "))
        while open_blocks and open_blocks[-1][0] >= level:
            _fill(rows, open_blocks.pop(), row_of)
        if row.weight == "heading":
            open_blocks.append((level, place, []))
            continue
        for _, _, part in open_blocks:
            part.append(count)
        count += 1
    for block in open_blocks:
        _fill(rows, block, row_of)
    return replace(table, rows=rows)


def _fill(rows: list[Row], block: tuple[int, int, list[int]], row_of: Callable[[str, Sequence[int]], Row]) -> None:
    _, place, part = block
    rows[place] = replace(row_of(rows[place].cells[0], part), weight="heading")
