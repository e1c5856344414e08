"""The report of two networks beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from convcost.comparison.changed_layers import is_shown, layers_table
from convcost.comparison.diff import ADDED, CHANGED, REMOVED, SAME, Change, Difference, percent
from convcost.comparison.row_choice import RowChoice
from convcost.cost.analysis import Analysis
from convcost.cost.headline import declared_note, unknown_note
from convcost.errors import WarningDetail
from convcost.metrics import standard, words
from convcost.ops import KINDS
from convcost.reports import titles
from convcost.reports.folding import MOST_ROWS
from convcost.reports.table import AT_LEAST, Column, Row, Table, counted, grouped, safe, short, signed, sized

if TYPE_CHECKING:
    from convcost.comparison.base import Base

_TOTALS = (
    Column("Total", role="name"),
    Column("Before", right=True, role="number"),
    Column("After", right=True, role="number"),
    Column("±", right=True, role="number"),
    Column("%", right=True, drop=1, role="number"),
)


class DifferenceReport(Struct, frozen=True):
    """Two networks beside each other, for every format.

    Attributes:
        difference: The two networks.
        base: Where the first was read, if it is the second at an earlier revision.
        rows: Which layers a table shows, and how.
    """

    difference: Difference
    base: Base | None = None
    rows: RowChoice = RowChoice()

    marker: ClassVar[str] = "convcost diff"

    def data(self) -> Struct:
        """Return the difference as a document."""
        from convcost.documents import difference as documents
        from convcost.documents.warnings import warning_documents

        base = self.base
        base_document = base and documents.BaseDocument(
            name=base.name, revision=base.revision or None, commit=base.commit or None
        )
        document = replace(self.difference.document(), base=base_document)
        return document if base is None else replace(document, warnings=warning_documents(self.warnings))

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the specs and rarely meant; not in a file as it was at an earlier revision."""
        return self.difference.warnings if self.base is None else self.difference.after.warnings

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
        layers = layers_table(self.difference, self.rows) if any(map(is_shown, self.difference.layers)) else None
        return self._totals(layers)

    def screen(self) -> Table:
        """Return the same, without the layers where these are more than a screenful, unless they were asked for."""
        whole = self.table()
        if not whole.more:
            return whole
        (layers,) = whole.more
        totals = _totals_line(self.difference)
        if self.rows.is_given or len(layers.rows) <= MOST_ROWS:
            return replace(whole, headline=(totals,), more=(replace(layers, footer=(*layers.footer, totals)),))
        note = f"{counted(len(layers.rows), 'row')} of layers: --layers shows them, --top 10 the largest changes."
        return replace(whole, headline=(totals,), footer=(*whole.footer, note), more=())

    def _totals(self, layers: Table | None) -> Table:
        difference = self.difference
        ledgers = difference.before.total.ops, difference.after.total.ops
        others = {kind: (getattr(ledgers[0], kind), getattr(ledgers[1], kind)) for kind in KINDS[2:]}  # not mul and add
        totals = difference.totals() | {kind: pair for kind, pair in others.items() if pair[0] != pair[1]}
        before, after = difference.before, difference.after
        if self.base is None:
            totals |= {each: (before.value(each), after.value(each)) for each in ("weight_bytes", "peak_memory")}
        sizes = len(difference.before.layers), len(difference.after.layers)
        shares = percents([*totals.values(), sizes])
        return Table(
            title=self._title(),
            subtitle=(_summary(difference), *self._facts()),
            columns=_TOTALS,
            rows=[
                Row((words(metric), *self._beside(*total), share))
                for (metric, total), share in zip(totals.items(), shares, strict=False)
            ],
            total=("layers", *_beside(*sizes), shares[-1]),
            footer=(
                f"Counted for {_inputs(difference.before.batch)} at inference.",
                *(declared_note(difference.after) or declared_note(difference.before)),
                *unknown_note(difference.before, difference.after),
            ),
            more=(layers,) if layers is not None else (),
        )

    def _beside(self, before: int, after: int) -> tuple[str, str, str]:
        """Return two totals, and by how much what is counted differs."""
        first, second, change = _beside(before, after)
        marks = [AT_LEAST if side.incomplete else "" for side in (self.difference.before, self.difference.after)]
        return f"{marks[0]}{first}", f"{marks[1]}{second}", change

    def _title(self) -> str:
        before, after = self.difference.before.network, self.difference.after.network
        if self.base is None:
            if before.name != after.name or before.file == after.file:
                return f"{titles.title(before)} → {titles.title(after)}"
            named = f"{titles.title(after)}: " if after.name else ""
            return f"{named}{safe(before.file)} → {safe(after.file)}"
        name = titles.title(after) + (f" ({safe(after.file)})" if after.name and after.file else "")
        base = safe(self.base.name)
        if not before.layers:
            return f"{name}, new since {base}"
        return f"{name} since {base}" if before.name == after.name else f"{titles.title(before)} at {base} → {name}"

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
    """Return changes in percent, with as many decimals as distinguish it from the others, 0 % and −100 %.

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


def _totals_line(difference: Difference) -> str:
    """Return in a line how large both networks are."""
    pairs = [(name, *difference.totals()[name]) for name in ("params", "macs")]
    shares = percents([pair[1:] for pair in pairs])
    old_mark, new_mark = (AT_LEAST if side.incomplete else "" for side in (difference.before, difference.after))
    return " · ".join(
        f"{old_mark}{short(old)} → {new_mark}{short(new)} {name} ({share})"
        for (name, old, new), share in zip(pairs, shares, strict=True)
    )


def _summary(difference: Difference) -> str:
    """Return in a sentence what differs, and plainly where nothing does."""
    changes = difference.layers
    if any(change.kind != SAME for change in changes):
        counts = [f"{count:,} {kind}" for kind in (CHANGED, ADDED, REMOVED) if (count := _count(changes, kind))]
        same = _count(changes, SAME)
        rest = "none is the same" if not same else "1 is the same" if same == 1 else f"{same:,} are the same"
        return f"Layers: {', '.join(counts)}; {rest}."
    moved, renamed = sum(change.moved for change in changes), sum(change.renamed for change in changes)
    others = " and ".join(f"{count:,} {what}" for count, what in ((moved, "moved"), (renamed, "renamed")) if count)
    layers = counted(len(changes), "layer")
    return f"No cost changed: {layers}, {others}." if others else f"Nothing changed: {layers}, all the same."


def _count(changes: Sequence[Change], kind: str) -> int:
    return sum(change.kind == kind for change in changes)


def _facts(analysis: Analysis) -> str:
    network = analysis.network
    return titles.facts(network, counted(len(network.layers), "layer"), titles.types(network))


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
