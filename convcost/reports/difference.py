"""The report of two networks beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from convcost.analysis.cost import Analysis
from convcost.analysis.difference import ADDED, CHANGED, REMOVED, SAME, Change, Difference
from convcost.ops import Cost
from convcost.reports import heading
from convcost.reports.contents import BAR_CELLS, Column, Row, Table, bar, counted, grouped, safe, sized

_MARKS = {ADDED: "+", REMOVED: "−", CHANGED: "~"}

_LEGEND = "+ only in B, − only in A, ~ changed."

_COLUMNS = (
    Column("Layer", role="name"),
    Column("Type", drop=5),
    Column("Params A", right=True, drop=4, role="number"),
    Column("Params B", right=True, drop=4, role="number"),
    Column("Params ±", right=True, drop=1, role="number"),
    Column("Mults A", right=True, role="number"),
    Column("Mults B", right=True, role="number"),
    Column("Mults ±", right=True, role="number"),
    Column("What changed", drop=6),
)

_TOTALS = (
    Column("In all", role="name"),
    Column("Params", right=True, role="number"),
    Column("Mults", right=True, role="number"),
    Column("", drop=1, role="bar"),
    Column("Macs", right=True, drop=2, role="number"),
    Column("Adds", right=True, drop=3, role="number"),
    Column("Buffers", right=True, drop=4, role="number"),
)


class DifferenceReport(Struct, frozen=True):
    """Two networks beside each other, for every format."""

    difference: Difference

    def data(self) -> Mapping[str, Any]:
        """Return the difference as plain data."""
        return self.difference.to_dict()

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer."""
        return [_record(change) for change in self.difference.layers]

    def table(self) -> Table:
        """Return the table: each layer that differs, the others summed up where they stand; then the totals."""
        difference = self.difference
        rows = []
        for quiet, group in groupby(difference.layers, key=_is_quiet):
            changes = list(group)
            rows += [_quiet(changes)] if quiet else list(map(_row, changes))
        before, after = difference.before.total, difference.after.total
        return Table(
            title=f"A {heading.title(difference.before.network)}, B {heading.title(difference.after.network)}",
            subtitle=(f"A {_facts(difference.before)}", f"B {_facts(difference.after)}"),
            columns=_COLUMNS,
            rows=rows,
            total=("Total", _counts(difference), *_numbers(before, after), ""),
            footer=(f"Counted for {_inputs(difference.before.batch)} at inference. {_LEGEND}",),
            more=(_totals(difference),),
        )


def _row(change: Change) -> Row:
    layer = change.layer
    what = ", ".join(change.what) or f"output {sized(layer.output_shape)}"
    before = change.before
    if before is not None and change.after is not None and before.name != layer.name:
        what += f", was {before.name}"
    label = f"{_MARKS[change.kind]} {safe(layer.name)}"
    return Row((label, layer.type, *_numbers(*change.costs, shown=change.kind), safe(what)))


def _is_quiet(change: Change) -> bool:
    """Return whether a layer is the same, or changed in nothing but shapes that cost nothing."""
    before, after = change.costs
    kept = before.params == after.params and before.mults == after.mults
    return change.kind == SAME or (change.kind == CHANGED and kept)


def _quiet(changes: Sequence[Change]) -> Row:
    before, after = (sum((change.costs[side] for change in changes), Cost()) for side in (0, 1))
    alike = "the same" if all(change.kind == SAME for change in changes) else "of the same cost"
    return Row((f"  … {len(changes):,} {alike}", "", *_numbers(before, after), ""), "quiet")


def _numbers(before: Cost, after: Cost, shown: str = CHANGED) -> Iterator[str]:
    for metric in ("params", "mults"):
        old, new = getattr(before, metric), getattr(after, metric)
        yield "" if shown == ADDED else grouped(old)
        yield "" if shown == REMOVED else grouped(new)
        yield signed(new - old)


def signed(number: int) -> str:
    """Return a number with its sign, nothing for zero.

    >>> signed(1000), signed(-5), signed(0)
    ('+1,000', '−5', '')
    """
    return f"{'+' if number > 0 else '−'}{abs(number):,}" if number else ""


def _totals(difference: Difference) -> Table:
    sides = difference.before.total, difference.after.total
    largest = max(cost.mults for cost in sides)
    rows = [
        Row(
            (
                f"{letter} {heading.title(analysis.network)}",
                grouped(cost.params),
                grouped(cost.mults),
                bar(cost.mults / largest) if largest else "",
                grouped(cost.macs),
                grouped(cost.adds),
                grouped(cost.buffers),
            )
        )
        for letter, analysis, cost in zip("AB", (difference.before, difference.after), sides, strict=True)
    ]
    before, after = sides
    metrics = ("params", "mults", "macs", "adds", "buffers")
    change = [signed(getattr(after, name) - getattr(before, name)) or "0" for name in metrics]
    percent = f"{_percent(before.mults, after.mults):>{BAR_CELLS}}"
    return Table(
        title="The whole networks",
        subtitle=(),
        columns=_TOTALS,
        rows=rows,
        total=("B − A", *change[:2], percent, *change[2:]),
        footer=(),
    )


def _percent(before: int, after: int) -> str:
    return f"{100 * (after - before) / before:+.1f} %".replace("-", "−") if before else ""


def _counts(difference: Difference) -> str:
    kinds = [change.kind for change in difference.layers]
    told = [f"{kinds.count(kind):,} {kind}" for kind in (CHANGED, ADDED, REMOVED) if kind in kinds]
    return ", ".join(told) or "all the same"


def _facts(analysis: Analysis) -> str:
    network = analysis.network
    return heading.facts(network, counted(len(network.layers), "layer"))


def _inputs(batch: int) -> str:
    return "one input" if batch == 1 else f"{batch:,} inputs"


def _record(change: Change) -> dict[str, Any]:
    before, after = change.before, change.after
    old, new = change.costs
    return {
        "kind": change.kind,
        "before": before.name if before else None,
        "after": after.name if after else None,
        "type": change.layer.type,
        "output_shape": sized(change.layer.output_shape),
        **{
            f"{metric}_{side}": getattr(cost, metric)
            for metric in ("params", "buffers", "mults", "adds", "macs")
            for side, cost in (("before", old), ("after", new))
        },
        "what": "; ".join(change.what),
    }
