"""The report of a sweep: a row for each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.design_space.sweep import Sweep
from convcost.design_space.task import SweepTask, plain
from convcost.metrics import METRICS
from convcost.reports import titles
from convcost.reports.table import Column, Row, Table, bar, counted, figure, safe

_DECIMALS = 6
_LONGEST_ERROR = 36  # characters in the table
_MOST_ERRORS = 5  # listed below it


class SweepReport(Struct, frozen=True):
    """A sweep for every format."""

    sweep: Sweep

    def data(self) -> Struct:
        """Return the sweep as a document."""
        return self.sweep.document()

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each point."""
        ratios = {"ratio", *(name for name in self.sweep.task.metrics if METRICS[name].is_ratio)}
        return [
            {name: float(value) if name in ratios and value else _decimal(value) for name, value in row.items()}
            for row in self.sweep.rows()
        ]

    def table(self) -> Table:
        """Return the table: the symbols' values, the metrics, and the ratio to the first point."""
        sweep = self.sweep
        names, metrics = [axis.name for axis in sweep.task.axes], sweep.task.columns
        last = len(names) - 1
        columns = [Column(name, right=True, role="number") for name in names]
        columns += [Column(sweep.task.heading(metric), right=True, role="number") for metric in metrics]
        columns += [
            Column("To first", right=True, role="number", drop=1),
            Column("", role="bar", drop=2),
            Column("Error", drop=0),
        ]
        rows = []
        place = metrics.index("mults")
        outcomes = [sweep.outcomes[index] for index in sweep.shown]
        most = max([outcome[place] for outcome in outcomes if isinstance(outcome, tuple)], default=0)
        errors = [row["error"] for row in sweep.rows() if row["error"]]
        for row in sweep.rows():
            ratio = row["ratio"]
            rows.append(
                Row(
                    (
                        *[decimal(row[name]) for name in names],
                        *[figure(row[metric]) for metric in metrics],
                        "" if ratio is None else _ratio(ratio),
                        bar(row["mults"] / most) if row["mults"] and most else "",
                        _cut(row["error"] or ""),
                    ),
                    "wrong" if row["error"] else "ordinary",
                )
            )
        size = len(sweep.task)
        fixed = [f"{name} = {decimal(value)}" for name, value in sweep.task.fixed.items()]
        hidden = size - len(sweep.shown)
        facts = [f"{size - hidden:,} of {counted(size, 'point')}" if hidden else counted(size, "point"), *fixed]
        facts += [text] if (text := titles.types_fact(sweep.types, sweep.task.metrics)) else []
        return Table(
            title=safe(sweep.name or "network") + ": a sweep",
            subtitle=(" · ".join(facts),),
            columns=tuple(columns),
            rows=rows,
            total=("",) * (last + 1 + len(metrics) + 3),
            footer=(
                "To first: mults over those at the first point that has a cost.",
                *measured_lines(sweep.task),
                *_errors(errors),
            ),
        )


def measured_lines(task: SweepTask) -> list[str]:
    """Return the footnotes about columns of the user's own."""
    if task.measured is None:
        return []
    measured = task.measured
    names = " and ".join(measured.columns)
    points = counted(len(measured.values), "point")
    outside = f", {measured.outside:,} outside of the grid" if measured.outside else ""
    verb = "is" if len(measured.columns) == 1 else "are"
    where = f"as measured in {safe(measured.file)}, at {points}{outside}"
    return [f"{safe(names)} {verb} {where}; convcost predicts no accuracy."]


def decimal(value: Any) -> str:
    """Return a symbol's value, in decimals where these are exact and few."""
    if isinstance(value, Fraction) and (value * 10**_DECIMALS).denominator == 1:
        return f"{float(value):g}" if abs(value) < 10**_DECIMALS else str(value)
    return str(plain(value))


def _cut(error: str) -> str:
    """Return an error shortened to a column; the lines below show all of it."""
    message = safe(error.partition(": ")[0])
    return message if len(message) <= _LONGEST_ERROR else message[: _LONGEST_ERROR - 1] + "…"


def _errors(errors: Sequence[str]) -> list[str]:
    """Return each different error once, as far as there are few."""
    different = list(dict.fromkeys(map(safe, errors)))
    more = [f"… and {len(different) - _MOST_ERRORS:,} more"] if len(different) > _MOST_ERRORS else []
    return [f"Error: {error}" for error in different[:_MOST_ERRORS]] + more


def _ratio(ratio: Fraction) -> str:
    """Return a ratio in decimals, marked as rounded where it is."""
    return f"{'' if (ratio * 10**3).denominator == 1 else '≈'}{float(ratio):.3f}"


def _decimal(value: Any) -> Any:
    return decimal(value) if isinstance(value, (Fraction, tuple)) else value
