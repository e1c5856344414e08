"""The report of the peak over a range of values of a symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.documents.memory import PeakFormulaDocument, PeakPieceDocument
from convcost.documents.warnings import warning_documents
from convcost.memory.peak_formula import PeakFormula, condition
from convcost.reports import titles
from convcost.reports.table import Column, Row, Table, counted, grouped, safe

_COLUMNS = (
    Column("Values", role="name", wraps=True),
    Column("Layer at the peak", drop=1, least=20),
    Column("Peak in bytes", role="number"),
    Column("From", right=True, drop=3, role="number"),
    Column("To", right=True, drop=2, role="number"),
)


class PeakFormulaReport(Struct, frozen=True):
    """The peak over a range of values, for every format."""

    formula: PeakFormula

    def data(self) -> Struct:
        """Return the result as a document."""
        found = self.formula
        return PeakFormulaDocument(
            network=found.network.name or None,
            symbol=found.symbol,
            step=str(found.step),
            pieces=[PeakPieceDocument(**record) for record in self._pieces()],
            warnings=warning_documents(found.warnings),
        )

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each piece."""
        return [{"network": self.formula.network.name, **record} for record in self._pieces()]

    def _pieces(self) -> list[dict[str, Any]]:
        found = self.formula
        return [
            {
                "first": str(piece.first),
                "last": str(piece.last),
                "condition": condition(found, piece),
                "layer": piece.layer,
                "formula": str(piece.formula),
                "peak_first": piece.peak_first,
                "peak_last": piece.peak_last,
            }
            for piece in found.pieces
        ]

    def table(self) -> Table:
        """Return the table: a row for each piece, with its formula."""
        found = self.formula
        rows = [
            Row(
                (
                    condition(found, piece),
                    safe(piece.layer),
                    str(piece.formula),
                    grouped(piece.peak_first),
                    grouped(piece.peak_last),
                )
            )
            for piece in found.pieces
        ]
        one = "One layer stays the peak." if len(rows) == 1 else f"The peak moves: {counted(len(rows), 'piece')}."
        return Table(
            title=f"{titles.title(found.network)}: peak of activations over {safe(found.symbol)}",
            subtitle=(),
            columns=_COLUMNS,
            rows=rows,
            total=(counted(len(found.values), "value"), *[""] * (len(_COLUMNS) - 1)),
            footer=(f"{one} The formula gives the largest number of all layers at each of these values.",),
        )
