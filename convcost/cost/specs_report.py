"""The report of the shipped specs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.cost.analysis import Analysis
from convcost.reports.table import Column, Row, Table, counted, grouped, safe, sized

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")

_COLUMNS = (
    Column("Spec", role="name"),
    Column("Network", drop=3),
    Column("Year", drop=2),
    Column("Input", drop=1),
    Column("Params", right=True, role="number"),
    Column("Macs", right=True, role="number"),
    Column("Source", drop=4),
)


class SpecsReport(Struct, frozen=True):
    """The shipped specs: the analysis of each by its name."""

    analyses: Mapping[str, Analysis]

    def data(self) -> Struct:
        """Return the specs as a document."""
        from convcost.documents import specs as documents

        shapes = [analysis.network.input_shape for analysis in self.analyses.values()]
        rows = zip(self.records(), shapes, strict=True)
        return documents.Specs(
            specs=[documents.SpecDocument(**{**row, "input_shape": list(shape)}) for row, shape in rows]
        )

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each spec."""
        return [
            {
                "name": name,
                "network": analysis.network.name or None,
                "year": year(analysis),
                "input_shape": sized(analysis.network.input_shape),
                "params": analysis.total.params,
                "macs": analysis.total.macs,
                "mults": analysis.total.mults,
                "source": analysis.network.source or None,
            }
            for name, analysis in self.analyses.items()
        ]

    def table(self) -> Table:
        """Return the specs with their totals."""
        rows = [
            Row(
                (
                    safe(name),
                    safe(analysis.network.name),
                    str(year(analysis) or ""),
                    sized(analysis.network.input_shape),
                    grouped(analysis.total.params),
                    grouped(analysis.total.macs),
                    safe(analysis.network.source),
                )
            )
            for name, analysis in self.analyses.items()
        ]
        return Table(
            title="Shipped specs",
            subtitle=("convcost analyze NAME tells what one costs; convcost specs NAME prints it to copy from",),
            columns=_COLUMNS,
            rows=rows,
            total=(counted(len(rows), "spec"), *[""] * 6),
            footer=(),
        )


def year(analysis: Analysis) -> int | None:
    """Return the year that a network's source names; None where it names none."""
    match = _YEAR.search(analysis.network.source)
    return int(match.group()) if match else None
