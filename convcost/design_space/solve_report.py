"""The report of the largest value within limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.design_space.solve import Solution
from convcost.design_space.sweep_report import decimal
from convcost.metrics import heading
from convcost.reports import titles
from convcost.reports.table import Column, Row, Table, grouped, safe


class SolutionReport(Struct, frozen=True):
    """A solution for every format."""

    solution: Solution

    def data(self) -> Struct:
        """Return the solution as a document."""
        return self.solution.document()

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for the largest value and for the next."""
        found = self.solution
        return [
            {"which": which, found.symbol: decimal(each.value), **each.totals}
            for which, each in (("largest", found.best), ("next", found.next))
            if each is not None
        ]

    def table(self) -> Table:
        """Return the table: the largest value and the next, with their totals."""
        found = self.solution
        limits = " and ".join(f"{limit.metric} ≤ {grouped(limit.value)}" for limit in found.limits)
        metrics = list(found.best.totals) if found.best else list(found.least)
        columns = (
            Column("", role="name"),
            Column(found.symbol, right=True, role="number"),
            *[Column(heading(metric), right=True, role="number") for metric in metrics],
        )
        rows = [
            Row((label, str(each.value), *[grouped(each.totals[metric]) for metric in metrics]), weight)
            for label, each, weight in (("Largest", found.best, "ordinary"), ("Next", found.next, "quiet"))
            if each is not None
        ]
        footer = [f"Of the multiples of {found.step}, none above the largest is valid and within the limits."]
        if found.best is None:
            rows = [Row(("Least possible", "", *[grouped(found.least[metric]) for metric in metrics]), "wrong")]
            footer = [f"No {found.symbol} satisfies {limits}."]
        types = titles.types_fact(found.types, metrics)
        return Table(
            title=safe(f"{found.name or 'network'}: the largest {found.symbol} with {limits}"),
            subtitle=(types,) if types else (),
            columns=columns,
            rows=rows,
            total=("",) * len(columns),
            footer=tuple(footer),
        )
