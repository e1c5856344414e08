"""The table of the layers that differ between two networks, those that are the same summed up where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from convcost.comparison.diff import ADDED, CHANGED, REMOVED, SAME, Change, Difference
from convcost.comparison.row_choice import RowChoice
from convcost.ops import Cost
from convcost.reports.table import Column, Row, Table, counted, grouped, safe, signed, sized

_MARKS = {ADDED: "+", REMOVED: "−", CHANGED: "~"}
_LEGEND = "+ added, − removed, ~ changed."
_MOST_NAMES = 3
_COLUMNS = (
    Column("Layer", role="name"),
    Column("Type", drop=6),
    Column("Params before", right=True, drop=5, role="number"),
    Column("Params after", right=True, drop=5, role="number"),
    Column("Params ±", right=True, drop=1, role="number"),
    Column("Mults before", right=True, drop=2, role="number"),
    Column("Mults after", right=True, drop=2, role="number"),
    Column("Mults ±", right=True, role="number"),
    Column("What changed", drop=4, least=24),
)


def is_shown(change: Change) -> bool:
    """Return whether a layer is listed in the table."""
    return change.kind != SAME or change.moved or change.renamed


def layers_table(difference: Difference, choice: RowChoice) -> Table:
    """Return the table of the layers that differ."""
    if choice.depth is not None:
        entries = _folded(difference, choice.depth)
    elif choice.sorts:
        entries = _differing(difference)
    else:
        entries = _in_order(difference)
    rows = [row for row, _ in entries]
    left_out = 0
    if choice.sorts:
        key = _sort_key(difference, choice.sort)
        rows = [row for row, _ in sorted(entries, key=lambda entry: key(entry[0], entry[1]))]
        rows, left_out = rows[: choice.top], len(rows[choice.top :]) if choice.top is not None else 0
    if left_out:
        rows.append(Row((f"  … {left_out:,} more", *[""] * (len(_COLUMNS) - 1)), "quiet"))
    return Table(
        title="Layer by layer",
        subtitle=(),
        columns=_COLUMNS,
        rows=rows,
        total=("Total", _counts(difference.layers), *_numbers(difference.before.total, difference.after.total), ""),
        footer=(_LEGEND,),
        fold="Layer by layer",
    )


_Entry = tuple[Row, Sequence[int]]
"""A row, and the indices of the changes that it stands for."""


def _in_order(difference: Difference) -> list[_Entry]:
    """Return a row for each layer that differs; those between them that cost the same are one row."""
    entries: list[_Entry] = []
    whole = difference.before.total + difference.after.total
    for quiet, group in groupby(enumerate(difference.layers), key=lambda pair: _is_quiet(pair[1])):
        pairs = list(group)
        if quiet:
            entries.append((_quiet([change for _, change in pairs]), [index for index, _ in pairs]))
        else:
            entries += [(_row(change, whole), [index]) for index, change in pairs]
    return entries


def _differing(difference: Difference) -> list[_Entry]:
    """Return a row for each layer that differs."""
    whole = difference.before.total + difference.after.total
    return [(_row(change, whole), [index]) for index, change in enumerate(difference.layers) if not _is_quiet(change)]


def _folded(difference: Difference, depth: int) -> list[_Entry]:
    """Return a row for the layers whose names agree in so many parts; those in which nothing changed are the last."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, change in enumerate(difference.layers):
        groups.setdefault(change.path[:depth], []).append(index)
    whole = difference.before.total + difference.after.total
    entries: list[_Entry] = []
    rest: list[int] = []
    for path, part in groups.items():
        changes = [difference.layers[index] for index in part]
        if all(map(_is_quiet, changes)):
            rest += part
            continue
        kinds = {change.kind for change in changes}
        kind = kinds.pop() if len(kinds) == 1 else CHANGED
        before, after = _sums(changes)
        cells = f"{_MARKS[kind]} {safe('/'.join(path))}", counted(len(changes), "layer")
        size = _size(before, after, whole)
        entries.append((Row((*cells, *_numbers(before, after, shown=kind), _counts(changes)), size=size), part))
    return [*entries, (_quiet([difference.layers[index] for index in rest]), rest)] if rest else entries


def _sort_key(difference: Difference, sort: str | None) -> Callable[[Row, Sequence[int]], Any]:
    """Return the key by which rows are sorted: a name, or the change of a metric, the largest first."""
    if sort == "name":
        return lambda row, part: row.cells[0][2:]
    if sort is None:
        return lambda row, part: -row.size
    values = difference.values(sort)

    def key(row: Row, part: Sequence[int]) -> Any:
        return -abs(sum((values[index][1] or 0) - (values[index][0] or 0) for index in part))

    return key


def _row(change: Change, whole: Cost) -> Row:
    layer = change.layer
    what = [*change.what] or [f"output {sized(layer.output_shape)}"]
    if change.moved:
        what.append("moved")
    if change.before is not None and change.after is not None and change.before.name != layer.name:
        what.append(f"was {change.before.name}")
    cells = f"{_MARKS[change.kind]} {safe(layer.name)}", layer.type, *_numbers(*change.costs, shown=change.kind)
    return Row((*cells, safe(", ".join(what))), size=_size(*change.costs, whole))


def _size(before: Cost, after: Cost, whole: Cost) -> float:
    """Return the relative size of a change: in parameters or multiplications, whichever is larger."""
    params, mults = abs(after.params - before.params), abs(after.mults - before.mults)
    return max(params / whole.params if params else 0.0, mults / whole.mults if mults else 0.0)


def _is_quiet(change: Change) -> bool:
    """Return whether a layer is the same, or only passes on other shapes and costs what it did."""
    before, after = change.costs
    kept = before.params == after.params and before.mults == after.mults
    return change.kind == SAME or (change.kind == CHANGED and change.passes_on and kept)


def _quiet(changes: Sequence[Change]) -> Row:
    before, after = _sums(changes)
    alike = "of the same params and mults"
    if all(change.kind == SAME for change in changes):
        alike = "the same"
    elif all(change.costs[0] == change.costs[1] for change in changes):
        alike = "of the same cost"
    names = [", ".join(found) for found in (_named(changes, "moved"), _named(changes, "renamed")) if found]
    return Row((f"  … {len(changes):,} {alike}", "", *_numbers(before, after), safe("; ".join(names))), "quiet")


def _sums(changes: Sequence[Change]) -> tuple[Cost, Cost]:
    """Return the summed cost of some layers in each network."""
    before, after = (sum((change.costs[side] for change in changes), Cost()) for side in (0, 1))
    return before, after


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


def _counts(changes: Sequence[Change]) -> str:
    """Return how many layers were changed, added and removed."""
    counts = {kind: sum(change.kind == kind for change in changes) for kind in (CHANGED, ADDED, REMOVED)}
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "all the same"
