"""How the two forms of convolutions are computed at other values of a network's symbols, by the script of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convcost.comparison.compare import NEITHER, STANDARD, Compared, Comparison
from convcost.cost.live import ratio_text
from convcost.html.live import LiveMetric, LiveRow, LiveView
from convcost.html.program import ProgramBuilder, text
from convcost.metrics import divided
from convcost.network import Network
from convcost.reports.folding import fit
from convcost.reports.table import counted, safe, sized, tree

_METRICS = tuple(
    LiveMetric(name, name.replace("_", " "))
    for name in ("params_standard", "params_separable", "mults_standard", "mults_separable", "saved", "drawn")
)
_FORMATS: dict[str, list[Any]] = {
    "Shape": ["text"],
    "Params standard": ["number", 0],
    "Params separable": ["number", 1],
    "Mults standard": ["number", 2],
    "Mults separable": ["number", 3],
    "Saved": ["nonzero", 4],
    "Saving": ["saving", 5, 3],
    "Ratio": ["ratio"],
    "Exactly": ["fraction"],
    "1/N + 1/Dk²": ["text"],
}
"""How the script writes each column, by the places of metrics."""


def live_view(comparison: Comparison, columns: Sequence[str]) -> LiveView:
    """Return how a comparison is computed.

    Args:
        comparison: The comparison.
        columns: The titles of the table's columns.
    """
    titles = columns[1:]
    layers = comparison.layers
    groups = fit([layer.path for layer in layers], lambda part: sum(layers[index].standard.mults for index in part))

    def rows(network: Network, program: ProgramBuilder) -> tuple[Iterator[LiveRow], Sequence[Any]]:
        written = comparison.written
        found = Comparison.of(network, batch=written.batch, fold=written.fold)
        return _rows(found, program, titles), [each.total.mults for each in found.totals().values()]

    return LiveView(
        command="convcost compare",
        metrics=_METRICS,
        columns=[_FORMATS[title] for title in titles],
        rows=rows,
        figures=[(-1, "short")] * len(comparison.totals()),
        more={"bars": [["/".join(path), *part] for path, part in groups], "whole": [3, 2]},
    )


def _rows(comparison: Comparison, program: ProgramBuilder, titles: Sequence[str]) -> Iterator[LiveRow]:
    for name, layer in tree(comparison.layers):
        if layer is None:
            yield LiveRow(name)
            continue
        standard, separable = layer.standard, layer.separable
        both = layer.written != NEITHER
        values = [standard.params, separable.params, standard.mults, separable.mults]
        saved = standard.mults - separable.mults if both else None
        cells = _cells(layer, program)
        shown = [cells[title] for title in titles if title in cells]
        yield LiveRow(name, [*values, saved, standard.mults], shown, quiet=not both)
    if comparison.other_layers:
        yield _others(comparison, titles)


def _others(comparison: Comparison, titles: Sequence[str]) -> LiveRow:
    standard, separable = comparison.others
    cells = {"Shape": "", "Ratio": "", "Exactly": None, "1/N + 1/Dk²": "norms, activations, pools, merges"}
    values = [standard.params, separable.params, standard.mults, separable.mults, standard.mults - separable.mults]
    label = counted(comparison.other_layers, "other layer")
    return LiveRow(label, [*values, None], [cells[title] for title in titles if title in cells], quiet=True)


def _cells(layer: Compared, program: ProgramBuilder) -> dict[str, Any]:
    """Return the data of the cells that are no metrics, by the titles of columns."""
    channels = program.shown([layer.input_shape[0], layer.output_shape[0]])
    shape = [sized(program.shown(layer.kernel)), f"{channels[0]}→{channels[1]}"]
    shape.append(sized(program.shown(layer.output_shape[1:])))
    cells: dict[str, Any] = {"Shape": text(", ".join(part for part in shape if part))}
    if layer.written == NEITHER:
        ratio, beside = layer.reason_texts
        return {**cells, "Ratio": safe(ratio), "Exactly": None, "1/N + 1/Dk²": safe(beside)}
    share = program.number(divided(layer.separable.mults, layer.standard.mults))
    numbers = "" if layer.ratio is None else ratio_text(layer.ratio, program)
    mark = "→ " if layer.written == STANDARD else ""
    return {**cells, "Ratio": [mark, share], "Exactly": share, "1/N + 1/Dk²": numbers}
