"""The report of published numbers: each beside the exact one, with what explains the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.documents import published as documents
from convcost.documents.conventions import CauseDocument
from convcost.published.analysis import PublishedNumber, PublishedNumbers
from convcost.published.sources import PublishedTable
from convcost.reports.table import Column, Row, Table, counted, grouped, safe, signed

_COLUMNS = (
    Column("Published as", role="name", least=22),
    Column("Settings", wraps=True, least=20, drop=1),
    Column("Of"),
    Column("Printed", right=True, role="number"),
    Column("Exact", right=True, role="number"),
    Column("Because of", wraps=True, least=16),
)


class PublishedReport(Struct, frozen=True):
    """The published numbers of a network, for every format."""

    published: PublishedNumbers

    def data(self) -> Struct:
        """Return the result as a document."""
        found = self.published
        sources = [
            documents.PublishedSourceDocument(
                title=table.title,
                url=table.url,
                version=table.version,
                licence=table.licence or None,
                about=table.about,
            )
            for table in found.tables
        ]
        return documents.PublishedDocument(
            spec=found.spec, network=found.network or None, sources=sources, numbers=[*map(_document, found.numbers)]
        )

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each number."""
        return [
            {
                "spec": self.published.spec,
                "source": number.source,
                "name": number.name,
                "set": settings(number),
                "quantity": number.quantity,
                "printed": number.printed,
                "exact": number.exact,
                "counted": number.counted,
                "digits": number.digits,
                "because_of": "; ".join(reasons(number)),
            }
            for number in self.published.numbers
        ]

    def table(self) -> Table:
        """Return a table of all numbers for each source."""
        return self._tables([(number, 1) for number in self.published.numbers])

    def screen(self) -> Table:
        """Return the tables with the numbers that a source repeats for the same settings shown once."""
        groups: dict[Any, list[PublishedNumber]] = {}
        for number in self.published.numbers:
            key = (number.source, settings(number), number.quantity, number.printed, tuple(reasons(number)))
            groups.setdefault(key, []).append(number)
        return self._tables([(min(same, key=lambda number: len(number.name)), len(same)) for same in groups.values()])

    def _tables(self, lines: Sequence[tuple[PublishedNumber, int]]) -> Table:
        found = self.published
        groups = groupby(lines, key=lambda line: line[0].source)
        first, *rest = [_source_table(table, [*group]) for table, (_, group) in zip(found.tables, groups, strict=True)]
        return replace(
            first,
            title=f"{safe(found.network or found.spec)}: published numbers",
            headline=(_headline(found.numbers),),
            subtitle=(first.title, *first.subtitle),
            more=tuple(rest),
        )


def _source_table(source: PublishedTable, lines: Sequence[tuple[PublishedNumber, int]]) -> Table:
    """Return the table of a source's numbers, each with how often the source repeats it for other names."""
    licence = f" Licence: {source.licence}." if source.licence else ""
    repeated = sum(times - 1 for _, times in lines)
    note = f"{counted(repeated, 'number')} that repeat these under other names are not shown; CSV and JSON have all."
    return Table(
        title=safe(source.title),
        subtitle=(safe(f"{source.about}{licence}"), safe(source.url)),
        columns=_COLUMNS,
        rows=[*_rows(lines)],
        total=("",) * len(_COLUMNS),
        footer=(note,) if repeated else (),
    )


def _rows(lines: Sequence[tuple[PublishedNumber, int]]) -> Iterator[Row]:
    """Yield the rows of a source: names and settings only where they change."""
    before = ("", "")
    for number, _ in lines:
        name = (safe(number.name), safe(settings(number)))
        first, *rest = reasons(number) or [""]
        head = ("", "") if name == before else name
        numbers = (safe(number.quantity), safe(number.printed), grouped(number.exact))
        yield Row((*head, *numbers, safe(first)), "ordinary" if number.digits else "wrong")
        for reason in rest:
            yield Row((*[""] * (len(_COLUMNS) - 1), safe(reason)))
        before = name


def _headline(numbers: Sequence[PublishedNumber]) -> str:
    """Return how many numbers agree, differ by what the source counts, were cut, and are misprinted."""
    agree = sum(number.agrees for number in numbers)
    misprints = sum(number.digits == "misprint" for number in numbers)
    unexplained = sum(not number.digits for number in numbers)
    kinds = (
        (agree, "agrees to the last digit", "agree to the last digit"),
        (
            len(numbers) - agree - misprints - unexplained,
            "differs by what the source counts or how it rounds",
            "differ by what the source counts or how it rounds",
        ),
        (misprints, "is a misprint", "are misprints"),
        (unexplained, "is not explained", "are not explained"),
    )
    parts = [f"{amount:,} {one if amount == 1 else more}" for amount, one, more in kinds if amount]
    return f"{counted(len(numbers), 'published number')}: {', '.join(parts)}"


def settings(number: PublishedNumber) -> str:
    """Return the values of a number's symbols."""
    return ", ".join(f"{name}={_plain(value)}" for name, value in number.set.items())


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def reasons(number: PublishedNumber) -> list[str]:
    """Return the causes of a number's difference, each in a few words."""
    found = [f"{signed(cause.amount)} {cause.cause}" for cause in number.causes]
    if number.digits == "misprint":
        found.append(f"misprint of {number.right}")
    elif number.digits not in ("exact", "rounded"):
        found.append({"cut": "cut, not rounded", "rounded twice": "rounded twice"}.get(number.digits, "not explained"))
    return found


def _document(number: PublishedNumber) -> documents.PublishedNumberDocument:
    return documents.PublishedNumberDocument(
        source=number.source,
        name=number.name,
        place=number.place or None,
        set=dict(number.set),
        quantity=number.quantity,
        printed=number.printed,
        exact=number.exact,
        causes=[CauseDocument(cause=cause.cause, amount=cause.amount) for cause in number.causes],
        counted=number.counted,
        digits=number.digits or None,
        right=number.right or None,
        why=number.why or None,
        agrees=number.agrees,
    )
