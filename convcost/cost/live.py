"""How an analysis is computed at other values of its network's symbols, by the script of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from msgspec import Struct

from convcost import metrics
from convcost.cost import rows
from convcost.cost.analysis import Analysis, LayerCost
from convcost.cost.headline import FIGURES, totals_of_page
from convcost.cost.labels import label
from convcost.cost.separable import SeparableRatio
from convcost.html.live import LiveMetric, LiveRow, LiveView
from convcost.html.program import ProgramBuilder, text
from convcost.metrics import METRICS
from convcost.network import Network
from convcost.ops import KINDS
from convcost.reports.table import safe, sized, tree

_FORMATS = {
    "Type": "label",
    "Output": "text",
    "Share": "bar",
    "%": "share",
    "Ratio": "ratio",
    "1/N + 1/Dk²": "text",
    "Notes": "notes",
}
"""How the script writes the cells of columns that are no metrics."""
_WITH_CELLS = ("text", "label", "ratio", "notes")


def live_view(analysis: Analysis, columns: Sequence[str]) -> LiveView:
    """Return how an analysis is computed.

    Args:
        analysis: The analysis, all symbols with values.
        columns: The titles of the table's columns.
    """
    kinds = [kind for kind in KINDS if kind != "mul"]
    totals = [name for name, _ in totals_of_page(analysis)]
    names = [*dict.fromkeys(chain(totals, FIGURES, (f"ops_{kind}" for kind in kinds)))]
    place = names.index
    shown = rows.fitted(analysis)

    def column(title: str) -> list[Any]:
        if title in ("Share", "%"):
            return [_FORMATS[title], place("macs")]
        return [_FORMATS[title]] if title in _FORMATS else ["number", place(title.lower().replace(" ", "_"))]

    def of_network(network: Network, program: ProgramBuilder) -> tuple[Iterator[LiveRow], Sequence[Any]]:
        found = Analysis.of(network, batch=analysis.batch, fold=analysis.fold)
        return _rows(found, names, columns[1:], program), ()

    return LiveView(
        command="convcost analyze",
        metrics=[_metric(name) for name in names],
        columns=[column(title) for title in columns[1:]],
        rows=of_network,
        figures=[(place(name), METRICS[name].unit or "short") for name in FIGURES],
        more={
            "totals": [*map(place, totals)],
            "budget": [*map(place, totals)],
            "kinds": [[kind, place(f"ops_{kind}")] for kind in kinds],
            "quiet": [place("mults"), place("params")],
            "bars": [[layer.name, *part] for layer, part in zip(shown.layers, shown.parts, strict=True)],
        },
    )


def _metric(name: str) -> LiveMetric:
    metric = METRICS[name]
    return LiveMetric(name, metrics.words(name), "max" if metric.total is metrics.PEAK else "sum", metric.unit)


def _rows(
    analysis: Analysis, names: Sequence[str], titles: Sequence[str], program: ProgramBuilder
) -> Iterator[LiveRow]:
    values = zip(*[analysis.values(name) for name in names], strict=True)
    for name, layer in tree(analysis.layers):
        if layer is None:
            yield LiveRow(name)
        else:
            cells = [_cell(title, layer, program) for title in titles if _FORMATS.get(title) in _WITH_CELLS]
            yield LiveRow(name, next(values), cells, layer.type, name=safe(layer.name))


def _cell(title: str, layer: LayerCost, program: ProgramBuilder) -> Any:
    """Return the data of a cell: a text, a ratio behind its mark, or notes."""
    if title == "Type":
        return text(label(_shown(layer, program)))
    if title == "Output":
        return text(sized(program.shown(layer.output_shape)))
    if title == "Notes":
        return ["folded" if note.startswith("folded into ") else safe(note) for note in layer.notes]
    ratio = layer.ratio
    if ratio is None:
        return None
    if title == "Ratio":
        return ["→ " if ratio.kind == "standard" else "", program.number(ratio.exact)]
    return ratio_text(ratio, program)


def ratio_text(ratio: SeparableRatio, program: ProgramBuilder) -> Any:
    """Return the ratio's formula with its numbers, such as `1/256 + 1/25`."""
    top, *under = program.shown([ratio.multiplier, *(ratio.multiplier / part for part in ratio.parts)])
    return text(f"{top}/{under[0]} + {top}/{under[1]}")


def _shown(layer: LayerCost, program: ProgramBuilder) -> Any:
    """Return a layer whose fields that are formulas are marks in texts."""
    fields = {
        name: program.shown(value) if isinstance(value, tuple) else program.shown([value])[0]
        for name, value in layer.fields.items()
        if name in ("kernel_size", "stride", "dilation", "groups", "operator")
    }
    shapes = tuple([program.shown(shape) for shape in layer.input_shapes])
    return _Labelled(layer.type, fields, shapes, layer.output_shape)


class _Labelled(Struct, frozen=True):
    """What the label of a layer is made of."""

    type: str
    fields: dict[str, Any]
    input_shapes: tuple[Any, ...]
    output_shape: tuple[Any, ...]
