"""The rows of an analysis: layers folded, sorted and cut, as a reader asks or as a screen has room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost import metrics
from convcost.cost.analysis import NOT_COUNTED, Analysis, LayerCost, total
from convcost.metrics import METRICS
from convcost.ops import is_symbolic
from convcost.reports.folding import Groups, Part, fit, group
from convcost.reports.table import counted

_KEPT = (NOT_COUNTED, "declared", "output")
"""The notes of a layer that hold for all with which it shares a row."""


class Rows(Struct, frozen=True):
    """Rows of a report.

    Attributes:
        layers: What each row shows.
        parts: The indices of the layers that each row stands for.
        left_out: How many rows are not shown.
        in_order: Whether the rows stand in the order in which the layers run, so that names can be a tree.
        of_types: Whether each row is all layers of a type.
    """

    layers: tuple[LayerCost, ...]
    parts: tuple[Part, ...]
    left_out: int = 0
    in_order: bool = True
    of_types: bool = False


def all_rows(analysis: Analysis) -> Rows:
    """Return a row for each layer."""
    return Rows(analysis.layers, tuple([(index,) for index in range(len(analysis.layers))]))


def folded(analysis: Analysis, depth: int) -> Rows:
    """Return rows that each stand for the layers whose names agree in so many parts."""
    return _joined(analysis, group([layer.path[:depth] for layer in analysis.layers]))


def by_type(analysis: Analysis) -> Rows:
    """Return a row for each layer type, the one with the most macs first."""
    rows = _joined(analysis, group([(layer.type,) for layer in analysis.layers]))
    layers = [replace(layer, input_shapes=(), output_shape=(), line=0, ratio=None) for layer in rows.layers]
    return sort(analysis, replace(rows, layers=tuple(layers), of_types=True), "macs")


def fitted(analysis: Analysis) -> Rows:
    """Return rows that fit a screen: folded as little as that takes."""
    paths = [layer.path for layer in analysis.layers]
    groups = fit(paths, lambda part: _share(analysis, part))
    return all_rows(analysis) if [path for path, _ in groups] == paths else _joined(analysis, groups)


def sort(analysis: Analysis, rows: Rows, column: str, most: int | None = None) -> Rows:
    """Return rows sorted by a column, numbers from the largest, formulas by their values where they have some."""
    order = _order(analysis, rows, column)
    shown = order if most is None else order[:most]
    return replace(
        rows,
        layers=tuple([rows.layers[index] for index in shown]),
        parts=tuple([rows.parts[index] for index in shown]),
        left_out=len(order) - len(shown),
        in_order=False,
    )


def values_of(analysis: Analysis, parts: Sequence[Part]) -> Callable[[str], Sequence[Any]]:
    """Return a function that gives a metric's value for each row."""
    values = cache(analysis.values)
    alone = [part[0] for part in parts] if all(len(part) == 1 for part in parts) else None

    def of_rows(name: str) -> Sequence[Any]:
        if alone is None:
            return [metrics.combined(METRICS[name], values, part) for part in parts]
        found = values(name)
        return [found[index] for index in alone]

    return of_rows


def _joined(analysis: Analysis, groups: Groups) -> Rows:
    rows = [_join(analysis, path, part) for path, part in groups]
    return Rows(tuple(rows), tuple([part for _, part in groups]))


def _join(analysis: Analysis, path: tuple[str, ...], part: Part) -> LayerCost:
    """Return the row of some layers together."""
    members = [analysis.layers[index] for index in part]
    if len(members) == 1:
        return replace(members[0], path=path, name="/".join(path))
    ratios = {member.ratio.formula + member.ratio.numbers: member.ratio for member in members if member.ratio}
    ratio = next(iter(ratios.values())) if len(ratios) == 1 else None
    return LayerCost(
        path=path,
        name="/".join(path),
        type=counted(len(members), "layer"),
        line=members[0].line,
        input_shapes=members[0].input_shapes,
        output_shape=members[-1].output_shape,
        output_values=sum(member.output_values for member in members),
        cost=total([member.cost for member in members]),
        ratio=replace(ratio, term=None) if ratio else None,
        notes=tuple([note for note in _KEPT if any(note in member.notes for member in members)]),
    )


def _share(analysis: Analysis, part: Part) -> Any:
    """Return the share of the network's macs or parameters that some layers have, whichever is larger."""
    whole = analysis.total
    macs, params = (sum(getattr(analysis.layers[index].cost, name) for index in part) for name in ("macs", "params"))
    if is_symbolic(whole.macs) or is_symbolic(whole.params):
        return len(part)
    return max(macs / whole.macs if whole.macs else 0, params / whole.params if whole.params else 0)


def _order(analysis: Analysis, rows: Rows, column: str) -> Sequence[int]:
    """Return the indices of rows sorted by a column."""
    layers = rows.layers
    if column in ("name", "type"):
        return sorted(range(len(layers)), key=lambda index: getattr(layers[index], column))
    free = analysis.network.free
    numbers: Sequence[Any]
    if column == "ratio":
        numbers = [layer.ratio.exact if layer.ratio else None for layer in layers]
    else:
        numbers = values_of(analysis, rows.parts)(column)

    def key(index: int) -> Any:
        number = numbers[index]
        if free and is_symbolic(number):
            number = free.conditions.at_witness(number)
        return 1 if number is None else -number

    return sorted(range(len(layers)), key=key)
