"""What a page is made of: sections with figures in large type, controls, charts and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.reports.table import Table, footer


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
        live: What the page's script computes it from at other values of its symbols; None where it cannot.
    """

    title: str
    lines: tuple[str, ...]
    grids: tuple[Grid, ...]
    figures: tuple[Figure, ...] = ()
    charts: tuple[SectionChart, ...] = ()
    notes: tuple[str, ...] = ()
    live: Mapping[str, Any] | None = None


def section_of(table: Table, **more: Any) -> Section:
    """Return a table, and those that follow it, as a section.

    Args:
        table: The table.
        more: Other attributes of the section.
    """
    return Section(
        **{
            "title": table.title,
            "lines": (*table.headline, *table.subtitle),
            "grids": tuple([Grid(each) for each in _flat(table)]),
            "notes": footer(table, range(len(table.columns))),
            **more,
        }
    )


def _flat(table: Table) -> Iterator[Table]:
    yield replace(table, more=())
    for each in table.more:
        yield from _flat(each)
