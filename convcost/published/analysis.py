"""The published numbers of a shipped network beside the exact ones, each explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost.cost.analysis import Analysis
from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.published import quantities
from convcost.published.printed import is_rounded_twice, printed
from convcost.published.sources import (
    PublishedColumn,
    PublishedNote,
    PublishedRow,
    PublishedTable,
    published_specs,
    row_named,
    rows_of,
)
from convcost.reports.result import Result
from convcost.spec.origin import Origin
from convcost.spec.source import shipped

Analyses = Callable[[Mapping[str, Any]], Analysis]
"""Gives what a network costs with values of its symbols."""


class PublishedCause(Struct, frozen=True):
    """What a source counts otherwise.

    Attributes:
        cause: What it is.
        amount: How much it adds.
    """

    cause: str
    amount: int


class PublishedNumber(Struct, frozen=True):
    """A published number.

    Attributes:
        source: The title of the table that it stands in.
        name: What the source calls the network.
        place: Where in the source it stands; empty where the name says it.
        set: The values of the spec's symbols.
        quantity: What is counted.
        printed: The number as it is printed.
        exact: The quantity as convcost counts it.
        causes: What the source counts otherwise; what they add to `exact` is the number that it printed.
        digits: How that became the printed digits: `exact`, `rounded`, `cut`, `rounded twice` or `misprint`; empty
            where they are not explained.
        right: The digits without the misprint.
        why: What is known of the misprint.
    """

    source: str
    name: str
    place: str
    set: Mapping[str, Any]
    quantity: str
    printed: str
    exact: int
    causes: tuple[PublishedCause, ...]
    digits: str
    right: str = ""
    why: str = ""

    @property
    def counted(self) -> int:
        """The number under the source's convention."""
        return self.exact + sum(cause.amount for cause in self.causes)

    @property
    def agrees(self) -> bool:
        """Whether the printed number is convcost's own, to the last digit."""
        return not self.causes and self.digits in ("exact", "rounded")

    @classmethod
    def of(cls, table: PublishedTable, row: PublishedRow, quantity: str, analysis: Analysis) -> Self:
        """Compare a published number with a network.

        Args:
            table: The table that it stands in.
            row: Its row.
            quantity: Its column.
            analysis: What the network costs with the values of the row.
        """
        column = row.columns.get(quantity) or table.columns[quantity]
        causes = _causes(column, analysis)
        exact = quantities.value_of(column.counts, analysis)
        note = row.notes.get(quantity)
        text = row.printed[quantity]
        digits = _digits(text, exact + sum(cause.amount for cause in causes), note)
        why = (note.right, note.why) if note else ("", "")
        return cls(table.title, row.name, row.place, row.set, quantity, text, exact, causes, digits, *why)


class PublishedNumbers(Result, frozen=True):
    """The published numbers of a shipped network.

    Attributes:
        spec: Its spec.
        network: What it is called.
        tables: The tables that they stand in.
        numbers: The numbers, table by table.
    """

    shown_by: ClassVar[str] = "convcost.published.report:PublishedReport"

    spec: str
    network: str
    tables: tuple[PublishedTable, ...]
    numbers: tuple[PublishedNumber, ...]

    @classmethod
    def of(cls, spec: str) -> Self:
        """Compare the published numbers of a shipped network with what convcost counts; analyses each setting once.

        Args:
            spec: The name of a shipped spec.

        Raises:
            OptionError: There is no such spec, or nothing is published of it here.
        """
        if spec not in shipped():
            raise OptionError(ErrorDetail(f"there is no shipped spec {spec!r}", help=_described(spec)))
        origin = Origin.of(spec)
        tables = [*rows_of(spec)]
        if not tables:
            help = f"those with published numbers: {', '.join(published_specs())}"
            raise OptionError(ErrorDetail(f"there are no published numbers of {spec} here", help=help))
        analyse = analyses(spec)
        numbers = compare(tables, analyse)
        name = analyse({}).network.name
        return cls(origin.name, name, tuple(table for table, _ in tables), tuple(numbers))

    def summary(self) -> str:
        """Return the result in one line."""
        explained = sum(bool(number.digits) for number in self.numbers)
        return f"{self.spec}: {len(self.numbers):,} published numbers, {explained:,} reproduced or explained"


def _described(name: str) -> str:
    """Return which shipped spec describes a network that has none of its own, or the nearest name."""
    row = row_named(name)
    if row is None:
        return nearest(name, shipped())
    settings = ", ".join(f"{symbol}={value}" for symbol, value in row.set.items())
    return f"it is {row.spec}{f' with {settings}' if settings else ''}: convcost specs {row.spec} --published"


def analyses(spec: str | Path) -> Analyses:
    """Return a function that analyses a spec with values of its symbols, each setting once."""
    origin = Origin.of(spec)
    known: dict[str, Analysis] = {}

    def analyse(settings: Mapping[str, Any]) -> Analysis:
        key = repr(sorted(settings.items()))
        if key not in known:
            known[key] = Analysis.of(origin.reader.network(settings))
        return known[key]

    return analyse


def compare(tables: list[tuple[PublishedTable, list[PublishedRow]]], analyse: Analyses) -> list[PublishedNumber]:
    """Return the numbers of tables, compared with a network."""
    return [
        PublishedNumber.of(table, row, quantity, analyse(row.set))
        for table, rows in tables
        for row in rows
        for quantity in row.printed
    ]


def _causes(column: PublishedColumn, analysis: Analysis) -> tuple[PublishedCause, ...]:
    named = [quantities.difference_of(name, analysis) for name in column.adds]
    parts = [(part.text, part.amount) for part in column.parts]
    return tuple(PublishedCause(text, amount) for text, amount in named + parts if amount)


def _digits(text: str, counted: int, note: PublishedNote | None) -> str:
    """Return how a number became the printed digits; empty where it did not."""
    number = printed(text)
    found = number.fits(counted)
    if note is None:
        return found if found != "cut" else ""
    if note.digits == "misprint":
        right = printed(note.right).fits(counted)
        return "misprint" if not found and right else ""
    fits = found == "cut" if note.digits == "cut" else found != "rounded" and is_rounded_twice(number, counted)
    return note.digits if fits else ""
