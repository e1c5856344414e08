"""The report of a spec's symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from msgspec import Struct

from convcost.design_space.sweep_report import decimal
from convcost.design_space.symbols import Symbols
from convcost.reports.table import Column, Row, Table, counted, safe

_COLUMNS = (
    Column("Symbol", role="name"),
    Column("Default", right=True, role="number"),
    Column("Multiple of", right=True, drop=3),
    Column("Values to try", drop=2),
    Column("Read by", drop=1),
)


class SymbolsReport(Struct, frozen=True):
    """The symbols of a spec for every format."""

    symbols: Symbols

    def data(self) -> Struct:
        """Return the symbols as a document."""
        return self.symbols.document()

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each symbol."""
        return [
            {
                "symbol": each.name,
                "default": None if each.default is None else decimal(each.default),
                "multiple_of": None if each.multiple_of is None else str(each.multiple_of),
                "example": each.example or None,
                "read_by": "; ".join(each.read_by),
            }
            for each in self.symbols.symbols
        ]

    def table(self) -> Table:
        """Return the table: each symbol with its default, what reads it, and values that can be tried."""
        found = self.symbols
        rows = [
            Row(
                (
                    each.name,
                    "none" if each.default is None else decimal(each.default),
                    "" if each.multiple_of is None else str(each.multiple_of),
                    each.example,
                    safe("; ".join(each.read_by) or "nothing"),
                ),
                "ordinary" if each.read_by else "quiet",
            )
            for each in found.symbols
        ]
        return Table(
            title=safe(found.name or found.spec) + ": its symbols",
            subtitle=(),
            columns=_COLUMNS,
            rows=rows,
            total=(counted(len(rows), "symbol"), "", "", "", ""),
            footer=tuple(self._footer()),
        )

    def _footer(self) -> Sequence[str]:
        tried = [f"--set {each.name}={each.example}" for each in self.symbols.symbols if each.example]
        if not self.symbols.symbols:
            return ("A spec without symbols is one network; `symbols` in the file declares some.",)
        if not tried:
            return ()
        return (f"Their costs: convcost sweep {quote(safe(self.symbols.spec))} {' '.join(tried[:1])}",)
