"""The report of the best points of a design space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.design_space.front import Front, FrontPoint
from convcost.design_space.sweep_report import decimal, measured_lines
from convcost.reports import titles
from convcost.reports.table import Column, Row, Table, counted, figure, safe


class FrontReport(Struct, frozen=True):
    """The best points for every format."""

    front: Front

    def data(self) -> Struct:
        """Return the points as a document."""
        return self.front.document()

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each point."""
        return [
            {
                **{
                    name: decimal(value) if isinstance(value, (Fraction, tuple)) else value
                    for name, value in each.values.items()
                },
                **{name: float(value) if isinstance(value, Fraction) else value for name, value in each.totals.items()},
            }
            for each in self.front.points
        ]

    def table(self) -> Table:
        """Return the table: each point's values and totals."""
        found = self.front
        columns = [Column(axis.name, right=True, role="number") for axis in found.task.axes]
        columns += [Column(found.task.heading(name), right=True, role="number") for name in found.task.columns]
        rows = [Row(_cells(point), "ordinary") for point in found.points]
        if found.miss is not None:
            rows = [Row(_cells(found.miss), "wrong")]
        goals = " and ".join(map(str, found.goals))
        what = f"the front of {goals}" if found.is_front else f"the best by {goals}"
        limits = [f"{each.metric} {_SIGNS[each.relation]} {figure(each.value)}" for each in found.limits]
        fixed = [f"{name} = {decimal(value)}" for name, value in found.task.fixed.items()]
        fixed += [text] if (text := titles.types_fact(found.types, found.task.metrics)) else []
        return Table(
            title=safe(f"{found.name or 'network'}: {what}"),
            subtitle=(f"{counted(len(found.points), 'point')} of {found.effort.points:,}", *limits, *fixed),
            columns=tuple(columns),
            rows=rows,
            total=("",) * len(columns),
            footer=tuple(self._footer()),
        )

    def _footer(self) -> list[str]:
        found, effort = self.front, self.front.effort
        lines = []
        if found.miss is not None:
            lines.append("No point is within the limits; this one exceeds them least, by its largest share of a limit.")
        if effort.formulas and len(found.points) < effort.points:
            lines.append(
                "All other points are out: a total is a sum of parts of few symbols, and each of the others has a "
                "partial sum that another one equals or betters where the rest is free, or that exceeds a limit."
            )
        how = [counted(effort.analysed, "point") + " analysed"]
        if effort.formulas:
            how = [f"{counted(effort.formulas, 'set')} of formulas", f"{effort.sums:,} partial sums compared", *how]
        equal = " Of points with equal goals one is shown." if found.is_front else ""
        lines.append(f"{', '.join(how)}.{equal}")
        lines += measured_lines(found.task)
        lines += [f"Not valid: {counted(count, 'point')}: {safe(reason)}" for reason, count in effort.invalid.items()][
            :5
        ]
        return lines


_SIGNS = {"<=": "≤", ">=": "≥"}


def _cells(point: FrontPoint) -> tuple[str, ...]:
    return (*map(decimal, point.values.values()), *map(figure, point.totals.values()))
