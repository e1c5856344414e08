"""The report of two networks beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from convcost.comparison.diff import ADDED, CHANGED, REMOVED, SAME, Change, Difference, percent
from convcost.cost.analysis import Analysis
from convcost.metrics import standard, words
from convcost.ops import KINDS, Cost
from convcost.reports import heading
from convcost.reports.contents import Column, Row, Table, counted, grouped, safe, signed, sized

if TYPE_CHECKING:
    from convcost.comparison.base import Base

_MARKS = {ADDED: "+", REMOVED: "−", CHANGED: "~"}
_LEGEND = "+ added, − removed, ~ changed."
_MOST_NAMES = 3

_TOTALS = (
    Column("Total", role="name"),
    Column("Before", right=True, role="number"),
    Column("After", right=True, role="number"),
    Column("±", right=True, role="number"),
    Column("%", right=True, drop=1, role="number"),
)
_LAYERS = (
    Column("Layer", role="name"),
    Column("Type", drop=5),
    Column("Params before", right=True, drop=4, role="number"),
    Column("Params after", right=True, drop=4, role="number"),
    Column("Params ±", right=True, drop=1, role="number"),
    Column("Mults before", right=True, drop=2, role="number"),
    Column("Mults after", right=True, drop=2, role="number"),
    Column("Mults ±", right=True, role="number"),
    Column("What changed", drop=6),
)


class DifferenceReport(Struct, frozen=True):
    """Two networks beside each other, for every format.

    Attributes:
        difference: The two networks.
        base: Where the first was read, if it is the second at an earlier revision.
    """

    difference: Difference
    base: Base | None = None

    marker: ClassVar[str] = "convcost diff"

    def data(self) -> Struct:
        """Return the difference as a document."""
        from convcost.documents import difference as documents

        base = self.base
        told = base and documents.BaseDocument(
            name=base.name, revision=base.revision or None, commit=base.commit or None
        )
        return replace(self.difference.document(), base=told)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer."""
        network = self.difference.after.network
        whose = {"network": network.name, "file": network.file}
        values = {metric.name: self.difference.values(metric.name) for metric in standard()}
        return [
            {**whose, **_record(change, {name: pairs[index] for name, pairs in values.items()})}
            for index, change in enumerate(self.difference.layers)
        ]

    def table(self) -> Table:
        """Return the table of the totals; then each layer that differs, the others summed up where they stand."""
        difference = self.difference
        ledgers = difference.before.total.ops, difference.after.total.ops
        others = {kind: (getattr(ledgers[0], kind), getattr(ledgers[1], kind)) for kind in KINDS[2:]}  # not mul and add
        totals = difference.totals() | {kind: pair for kind, pair in others.items() if pair[0] != pair[1]}
        sizes = len(difference.before.layers), len(difference.after.layers)
        shares = percents([*totals.values(), sizes])
        return Table(
            title=self._title(),
            subtitle=(_summary(difference), *self._facts()),
            columns=_TOTALS,
            rows=[
                Row((words(metric), *_beside(*total), share))
                for (metric, total), share in zip(totals.items(), shares, strict=False)
            ],
            total=("layers", *_beside(*sizes), shares[-1]),
            footer=(f"Counted for {_inputs(difference.before.batch)} at inference.",),
            more=(_layers(difference),) if any(map(_is_told, difference.layers)) else (),
        )

    def _title(self) -> str:
        before, after = self.difference.before.network, self.difference.after.network
        if self.base is None:
            if before.name != after.name or before.file == after.file:
                return f"{heading.title(before)} → {heading.title(after)}"
            named = f"{heading.title(after)}: " if after.name else ""
            return f"{named}{safe(before.file)} → {safe(after.file)}"
        name = heading.title(after) + (f" ({safe(after.file)})" if after.name and after.file else "")
        base = safe(self.base.name)
        if not before.layers:
            return f"{name}, new since {base}"
        return f"{name} since {base}" if before.name == after.name else f"{heading.title(before)} at {base} → {name}"

    def _facts(self) -> Iterator[str]:
        before, after = (_facts(analysis) for analysis in (self.difference.before, self.difference.after))
        if not self.difference.before.layers:
            where = f" at {self.base.name}" if self.base else ""
            yield safe(f"There is no such file{where}.")
            yield f"After: {after}"
        elif before == after:
            yield before
        else:
            yield f"Before: {before}"
            yield f"After: {after}"


def percents(pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Return changes in percent, each with as many decimals as tell it from the others, from 0 % and from −100 %.

    >>> percents([(1000, 1010), (8, 8), (4231976, 4231977), (3, 0), (0, 3)])
    ['+1.0 %', '0 %', '+0.00002 %', '−100.0 %', 'from 0']
    """
    shares = [Fraction(100 * (after - before), before) if before else None for before, after in pairs]
    marks = {Fraction(0), Fraction(-100), *(share for share in shares if share is not None)}
    texts = []
    for share, (before, after) in zip(shares, pairs, strict=True):
        if before == after:
            texts.append("0 %")
        elif share is None:
            texts.append("from 0")
        else:
            decimals = 1
            while any(_rounded(share, decimals) == _rounded(mark, decimals) for mark in marks - {share}):
                decimals += 1
            texts.append(_percent(share, decimals))
    return texts


def _rounded(share: Fraction, decimals: int) -> int:
    rounded: int = round(share * 10**decimals)
    return rounded


def _percent(share: Fraction, decimals: int) -> str:
    digits = f"{abs(_rounded(share, decimals)):0{decimals + 1}d}"
    return f"{'+' if share > 0 else '−'}{int(digits[:-decimals]):,}.{digits[-decimals:]} %"


def _beside(before: int, after: int) -> tuple[str, str, str]:
    return grouped(before), grouped(after), signed(after - before) or "0"


def _is_told(change: Change) -> bool:
    return change.kind != SAME or change.moved or change.renamed


def _summary(difference: Difference) -> str:
    """Return in a sentence what differs, and plainly where nothing does."""
    changes = difference.layers
    if any(change.kind != SAME for change in changes):
        told = [f"{count:,} {kind}" for kind in (CHANGED, ADDED, REMOVED) if (count := _count(changes, kind))]
        same = _count(changes, SAME)
        rest = "none is the same" if not same else "1 is the same" if same == 1 else f"{same:,} are the same"
        return f"Layers: {', '.join(told)}; {rest}."
    moved, renamed = sum(change.moved for change in changes), sum(change.renamed for change in changes)
    others = " and ".join(f"{count:,} {what}" for count, what in ((moved, "moved"), (renamed, "renamed")) if count)
    layers = counted(len(changes), "layer")
    return f"No cost changed: {layers}, {others}." if others else f"Nothing changed: {layers}, all the same."


def _count(changes: Sequence[Change], kind: str) -> int:
    return sum(change.kind == kind for change in changes)


def _layers(difference: Difference) -> Table:
    whole = difference.before.total + difference.after.total
    rows = []
    for quiet, group in groupby(difference.layers, key=_is_quiet):
        changes = list(group)
        rows += [_quiet(changes)] if quiet else [_row(change, whole) for change in changes]
    return Table(
        title="Layer by layer",
        subtitle=(),
        columns=_LAYERS,
        rows=rows,
        total=("Total", _counts(difference), *_numbers(difference.before.total, difference.after.total), ""),
        footer=(_LEGEND,),
        fold="Layer by layer",
    )


def _row(change: Change, whole: Cost) -> Row:
    layer = change.layer
    what = [*change.what] or [f"output {sized(layer.output_shape)}"]
    if change.moved:
        what.append("moved")
    if change.before is not None and change.after is not None and change.before.name != layer.name:
        what.append(f"was {change.before.name}")
    cells = f"{_MARKS[change.kind]} {safe(layer.name)}", layer.type, *_numbers(*change.costs, shown=change.kind)
    return Row((*cells, safe(", ".join(what))), size=_size(change, whole))


def _size(change: Change, whole: Cost) -> float:
    """Return the relative size of a change: in parameters or multiplications, whichever is larger."""
    before, after = change.costs
    params, mults = abs(after.params - before.params), abs(after.mults - before.mults)
    return max(params / whole.params if params else 0.0, mults / whole.mults if mults else 0.0)


def _is_quiet(change: Change) -> bool:
    """Return whether a layer is the same, or only passes on other shapes and costs what it did."""
    before, after = change.costs
    kept = before.params == after.params and before.mults == after.mults
    return change.kind == SAME or (change.kind == CHANGED and change.passes_on and kept)


def _quiet(changes: Sequence[Change]) -> Row:
    before, after = (sum((change.costs[side] for change in changes), Cost()) for side in (0, 1))
    alike = "of the same params and mults"
    if all(change.kind == SAME for change in changes):
        alike = "the same"
    elif all(change.costs[0] == change.costs[1] for change in changes):
        alike = "of the same cost"
    told = [", ".join(names) for names in (_named(changes, "moved"), _named(changes, "renamed")) if names]
    return Row((f"  … {len(changes):,} {alike}", "", *_numbers(before, after), safe("; ".join(told))), "quiet")


def _named(changes: Sequence[Change], what: str) -> list[str]:
    """Return the names of the first layers that were moved or renamed, and how many more there are."""
    found = [change for change in changes if getattr(change, what)]
    names = [change.layer.name for change in found[:_MOST_NAMES]]
    if names:
        names[0] = f"{what}: {names[0]}"
    return [*names, *([f"{len(found) - _MOST_NAMES:,} more"] if len(found) > _MOST_NAMES else [])]


def _numbers(before: Cost, after: Cost, shown: str = CHANGED) -> Iterator[str]:
    for metric in ("params", "mults"):
        old, new = getattr(before, metric), getattr(after, metric)
        yield "" if shown == ADDED else grouped(old)
        yield "" if shown == REMOVED else grouped(new)
        yield signed(new - old)


def _counts(difference: Difference) -> str:
    kinds = (CHANGED, ADDED, REMOVED)
    told = [f"{count:,} {kind}" for kind in kinds if (count := _count(difference.layers, kind))]
    return ", ".join(told) or "all the same"


def _facts(analysis: Analysis) -> str:
    network = analysis.network
    return heading.facts(network, counted(len(network.layers), "layer"))


def _inputs(batch: int) -> str:
    return "one input" if batch == 1 else f"{batch:,} inputs"


def _record(change: Change, values: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    before, after = change.before, change.after
    record: dict[str, Any] = {
        "kind": change.kind,
        "before": before.name if before else None,
        "after": after.name if after else None,
        "type": change.layer.type,
        "output_shape": sized(change.layer.output_shape),
    }
    for metric, (old, new) in values.items():
        record[f"{metric}_before"] = old
        record[f"{metric}_after"] = new
        record[f"{metric}_change"] = new - old
        record[f"{metric}_percent"] = percent(old, new)
    return record | {"moved": change.moved, "what": "; ".join(change.what)}
