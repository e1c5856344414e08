"""The rows of an analysis: layers folded, sorted and cut, as a reader asks or as a screen has room."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost import metrics
from convcost.cost.analysis import Analysis, LayerCost, total
from convcost.metrics import METRICS
from convcost.ops import is_symbolic
from convcost.reports.contents import counted

MOST_ROWS = 30
"""How many rows a screen shows, headings included, where nobody asks for more."""

MORE = "…"
"""How the label of a row begins that stands for layers which are not shown."""

_REPETITION = re.compile(r"(.+)\.(\d+)")

Part = Sequence[int]
"""The indices of the layers that a row stands for."""
Groups = list[tuple[tuple[str, ...], Part]]
"""The layers of each row, with the path by which it is called."""


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
    """Return rows in which layers are one whose names agree in so many parts."""
    return _joined(analysis, _by(analysis.layers, lambda layer: layer.path[:depth]))


def by_type(analysis: Analysis) -> Rows:
    """Return a row for each layer type, the one with the most macs first."""
    rows = _joined(analysis, _by(analysis.layers, lambda layer: (layer.type,)))
    layers = [replace(layer, input_shapes=(), output_shape=(), line=0, ratio=None) for layer in rows.layers]
    return sort(analysis, replace(rows, layers=tuple(layers), of_types=True), "macs")


def fitted(analysis: Analysis, most: int = MOST_ROWS) -> Rows:
    """Return rows that fit a screen: folded as little as that takes.

    What a network has too many of in one list is joined where it is a repetition, then the layers that cost the least.
    """
    layers = analysis.layers
    if _tree_size([layer.path for layer in layers], most) <= most:
        return all_rows(analysis)
    deepest = max(len(layer.path) for layer in layers)
    fitting = 0
    for depth in range(1, deepest):
        if _tree_size(dict.fromkeys(layer.path[:depth] for layer in layers), most) > most:
            break
        fitting = depth
    if fitting:
        return folded(analysis, fitting)
    return _joined(analysis, _abridged(analysis, _repetitions(_by(layers, lambda layer: layer.path[:1])), most))


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


def _by(layers: Sequence[LayerCost], key: Callable[[LayerCost], tuple[str, ...]]) -> Groups:
    """Return the indices of the layers that have the same key."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, layer in enumerate(layers):
        groups.setdefault(key(layer), []).append(index)
    return [*groups.items()]


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
        notes=("output",) if any("output" in member.notes for member in members) else (),
    )


def _tree_size(paths: Iterable[tuple[str, ...]], most: int) -> int:
    """Return how many lines paths take as a tree with headings, at most one more than `most`."""
    lines = 0
    before: tuple[str, ...] = ()
    for path in paths:
        common = 0
        for mine, theirs in zip(path[:-1], before, strict=False):
            if mine != theirs:
                break
            common += 1
        lines += len(path) - common
        before = path
        if lines > most:
            break
    return lines


def _repetitions(groups: Groups) -> Groups:
    """Return groups in which the repetitions of an item are one, such as `block_1.1–6`."""
    runs: list[tuple[str, list[str], list[int]]] = []
    for (name,), part in groups:
        found = _REPETITION.fullmatch(name)
        stem, number = found.groups() if found else ("", name)
        if stem and runs and runs[-1][0] == stem:
            runs[-1][1].append(number)
            runs[-1][2].extend(part)
        else:
            runs.append((stem, [number], [*part]))
    joined: Groups = []
    for stem, numbers, part in runs:
        first = f"{stem}.{numbers[0]}" if stem else numbers[0]
        joined.append(((first if len(numbers) == 1 else f"{first}–{numbers[-1]}",), part))
    return joined


def _abridged(analysis: Analysis, groups: Groups, most: int) -> Groups:
    """Return groups of which those between the costliest are one, so that there are at most so many."""
    if len(groups) <= most:
        return groups
    costs = [_share(analysis, part) for _, part in groups]
    ranked = sorted(range(len(groups)), key=lambda index: (-costs[index], index))
    kept = most - 1
    while len(shown := _with_gaps(sorted(ranked[:kept]), len(groups))) > most:
        kept -= 1
    found: Groups = []
    for start, end in shown:
        part = [index for _, each in groups[start:end] for index in each]
        found.append((groups[start][0] if end - start == 1 else (f"{MORE} {end - start:,} more",), part))
    return found


def _with_gaps(kept: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Return the ranges from 0 to `size` that some indices and the gaps between them are."""
    ranges: list[tuple[int, int]] = []
    start = 0
    for index in (*kept, size):
        if index > start:
            ranges.append((start, index))
        if index < size:
            ranges.append((index, index + 1))
        start = index + 1
    return ranges


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
