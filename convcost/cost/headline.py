"""The lines above and below the table of an analysis: the network's size, and the convention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcost import metrics
from convcost.cost.analysis import Analysis
from convcost.cost.labels import weights_and_path
from convcost.cost.weights import weights_width
from convcost.reports.table import Column, bytes_text, counted, grouped, percent, short

_MEANINGS = (
    "Macs: multiply–accumulates of convolutions, linear layers and matrix products, the papers' mult-adds; "
    "mults: all scalar multiplications; flops: mults and adds."
)
SUMMARY = (
    Column("Total", role="name"),
    Column("Value", right=True, role="number"),
    Column("Meaning", drop=1, least=30),
)
"""The columns of the table of totals."""
_MORE = ("adds", "useful_mults", "activations", "buffers")  # below the table, beside what stands above it


def size(analysis: Analysis) -> str:
    """Return how big a network is in one line, in round numbers."""
    numbers = [f"{short(analysis.value(name))} {name}" for name in ("params", "macs", "flops")]
    numbers[-1] += _for_inputs(analysis.batch)
    width = weights_width(analysis.network, [layer.cost for layer in analysis.layers])
    weights = f"{bytes_text(analysis.value('weight_bytes'))} of {f'{width} ' if width else ''}weights"
    return " · ".join([*numbers, weights])


def exact(analysis: Analysis) -> str:
    """Return the numbers of the headline with all of their digits, and which of the multiplications are macs."""
    total = analysis.total
    mults = "(= mults)" if total.macs == total.mults else f"(of {total.mults:,} mults)"
    return (
        f"{total.params:,} params · {total.macs:,} macs {mults} · {total.flops:,} flops"
        f"{_for_inputs(analysis.batch)} · "
        f"{analysis.value('weight_bytes'):,} bytes of weights"
    )


def _for_inputs(batch: int) -> str:
    return "" if batch == 1 else f" for {batch:,} inputs"


def footnotes(analysis: Analysis) -> Iterator[str]:
    """Yield the convention, the numbers without a column, and the number of layers."""
    yield _MEANINGS
    yield " · ".join(f"{grouped(analysis.value(name))} {metrics.words(name)}" for name in _MORE)
    yield layers(analysis)
    yield convention(analysis)
    yield from declared_note(analysis)


def declared_note(*analyses: Analysis) -> list[str]:
    """Return a footnote with the number of rows at declared costs; none where there is no such row."""
    rows = sum("declared" in layer.notes for analysis in analyses for layer in analysis.layers)
    whose = "its costs" if rows == 1 else "their costs"
    return (
        [f"{counted(rows, 'row')} declared: {whose} are the author's; nothing derives or proves them."] if rows else []
    )


def layers(analysis: Analysis) -> str:
    """Return how many layers people would count, and how many rows there are."""
    weights, path = layer_counts(analysis)
    rows = counted(len(analysis.layers), "row")
    if not weights:
        return f"No layer has weights; {rows} with norms, activations, pools and merges."
    on_path = "" if path == weights else f", {path:,} of them on the longest path"
    others = "" if weights == len(analysis.layers) else f"; {rows} with norms, activations, pools and merges"
    return f"{counted(weights, 'layer')} with weights{on_path}{others}."


def layer_counts(analysis: Analysis) -> tuple[int, int]:
    """Return how many layers have weights, and how many of them stand on the longest path."""
    return weights_and_path(analysis.layers, (layer.sources for layer in analysis.network.layers))


def convention(analysis: Analysis) -> str:
    """Return how the operations are counted."""
    inputs = "one input" if analysis.batch == 1 else f"{analysis.batch:,} inputs"
    norms = "batch norms fold into the layer before them" if analysis.fold else "batch norms are not folded"
    return f"Counted for {inputs} at inference; padding zeros multiply too; {norms}."


def meanings(columns: tuple[str, ...]) -> Iterator[str]:
    """Yield the description of each chosen metric."""
    for name in columns:
        yield f"{metrics.heading(name)}: {metrics.METRICS[name].about}"


def as_separable(analysis: Analysis) -> Iterator[str]:
    """Yield the cost that a network's convolutions would have as separable ones, if it has none."""
    ratios = [layer.ratio for layer in analysis.layers if layer.ratio is not None]
    if not ratios or any(ratio.kind == "separable" for ratio in ratios):
        return
    shares = sorted({ratio.exact for ratio in ratios})
    standard = "Its standard convolution" if len(ratios) == 1 else f"Its {len(ratios):,} standard convolutions"
    span = percent(shares[0]) + (f" ({ratios[0].numbers})" if len(shares) == 1 else f" to {percent(shares[-1])}")
    yield f"{standard} would multiply 1/N + 1/Dk² as often if separable, {span}: convcost compare shows it."


def totals(analysis: Analysis) -> Iterator[tuple[str, Any, str]]:
    """Yield the name, the value and the meaning of each metric that is reported without being asked for."""
    for metric in [*metrics.standard(), metrics.METRICS["weight_bytes"]]:
        yield metrics.words(metric.name), analysis.value(metric.name), metric.about
    for kind, count in analysis.total.ops.to_dict().items():
        if kind not in ("mul", "add"):
            yield kind, count, metrics.METRICS[f"ops_{kind}"].about
