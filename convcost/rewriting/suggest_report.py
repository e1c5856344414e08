"""The report of a suggestion: which layers to rewrite, step by step, and the command line that does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost import metrics
from convcost.cost.analysis import Analysis
from convcost.cost.footprint import footprint_note
from convcost.reports import titles
from convcost.reports.table import Column, Row, Table, bar, counted, grouped, percent, safe, signed
from convcost.rewriting.report import COST_ONLY, before_after
from convcost.rewriting.suggest import Step, Suggestion


class SuggestionReport(Struct, frozen=True):
    """A suggestion for every format.

    Attributes:
        suggestion: The suggestion.
        command: The command line that does what is suggested; empty where nothing is.
    """

    suggestion: Suggestion
    command: str = ""

    def data(self) -> Struct:
        """Return the suggestion as a document."""
        return replace(self.suggestion.document(), command=self.command or None)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each step."""
        name = self.suggestion.before.network.name
        return [
            {
                "network": name,
                "step": number,
                "layers": " ".join(step.names),
                "rewrite": step.rewrite,
                **before_after(step.candidate.before, step.candidate.after, total=step.after.total),
            }
            for number, step in enumerate(self.suggestion.steps, 1)
        ]

    def table(self) -> Table:
        """Return the table: what each step saves, and what the network costs after it."""
        suggestion = self.suggestion
        network = suggestion.before.network
        asked = list(suggestion.limits)
        first = asked[0]
        columns = [Column("Layer", role="name"), Column("Rewrite", drop=4), Column("Layers", right=True, drop=3)]
        for metric in asked:
            title = metrics.heading(metric)
            columns += [
                Column(f"{title} ±", right=True, drop=2, role="number"),
                Column(f"{title} then", right=True, role="number"),
            ]
        columns += [Column("", drop=1, role="bar")]
        start, end = suggestion.before, suggestion.after
        largest = start.value(first)
        blank = ["", "", ""]
        begin = ["As it is", *blank[1:], *_metrics(None, start, asked), bar(1) if largest else ""]
        was = [start, *(step.after for step in suggestion.steps)]
        rows = [_row(step, before, asked, largest) for step, before in zip(suggestion.steps, was, strict=False)]
        rows.insert(0, Row(tuple(begin), "quiet"))
        changes = []
        for metric in asked:
            changes += [signed(end.value(metric) - start.value(metric)), grouped(end.value(metric))]
        touched = sum(len(step.names) for step in suggestion.steps)
        limits = " · ".join(f"{metrics.words(metric)} at most {limit:,}" for metric, limit in suggestion.limits.items())
        return Table(
            title=f"{titles.title(network)}: {limits}",
            subtitle=(titles.facts(network, titles.batched(suggestion.before.batch)),),
            columns=tuple(columns),
            rows=rows,
            total=("In all", counted(len(suggestion.steps), "step"), str(touched), *changes, ""),
            footer=(*_verdict(suggestion), footprint_note(start, end), COST_ONLY),
            commands=(safe(self.command),) if self.command else (),
        )


def _row(step: Step, before: Analysis, names: Sequence[str], largest: int) -> Row:
    name = step.names[0] + (f" and {len(step.names) - 1} more" if len(step.names) > 1 else "")
    drawn = bar(step.after.value(names[0]) / largest) if largest else ""
    return Row((safe(name), step.rewrite, str(len(step.names)), *_metrics(before, step.after, names), drawn))


def _metrics(before: Analysis | None, after: Analysis, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield "" if before is None else signed(after.value(name) - before.value(name))
        yield grouped(after.value(name))


def _verdict(suggestion: Suggestion) -> Iterator[str]:
    for metric, limit in suggestion.limits.items():
        value = suggestion.after.value(metric)
        if value > limit:
            over = f" ({percent(Fraction(value - limit, limit))})" if limit else ""
            name = metrics.words(metric)
            out = "Not kept" if suggestion.reached_by else "Out of reach"
            come = "come" if name.endswith("s") else "comes"
            yield f"{out}: {name} {come} down to {value:,}, {value - limit:,} above {limit:,}{over}."
    if suggestion.reached_by:
        yield f"Within reach with {suggestion.reached_by}."
    if suggestion.spared and not suggestion.reached:
        layers = counted(len(suggestion.spared), "layer")
        yield f"Spared: {layers} whose items also write the first or the last one; --ends lets them be touched."
    if suggestion.reached:
        yield "All limits are kept." if suggestion.steps else "All limits are kept as it is: there is nothing to do."
