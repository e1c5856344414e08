"""The lines above and below the table of an analysis: the network's size, and the convention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from convcost import metrics
from convcost.cost.analysis import Analysis
from convcost.cost.labels import weights_and_path
from convcost.cost.weights import weights_width
from convcost.reports.table import AT_LEAST, Column, bytes_text, counted, figure, percent, safe, short

MEANINGS = (
    "Macs: multiply–accumulates of convolutions, linear layers and matrix products, the papers' mult-adds; "
    "mults: all scalar multiplications; flops: mults and adds."
)
SUMMARY = (
    Column("Total", role="name"),
    Column("Value", right=True, role="number"),
    Column("Meaning", drop=1, least=30),
)
"""The columns of the table of totals."""
UNKNOWN = "?"
"""A number that is not known."""
_LISTED = 5  # operations that are named
_MORE = ("adds", "useful_mults", "activations", "buffers")  # below the table, beside what stands above it


def size(analysis: Analysis) -> str:
    """Return how big a network is in one line, in round numbers."""
    least = AT_LEAST if analysis.incomplete else ""
    numbers = [f"{least}{short(analysis.value(name))} {name}" for name in ("params", "macs", "flops")]
    numbers[-1] += _for_inputs(analysis.batch)
    width = weights_width(analysis.network, [layer.cost for layer in analysis.layers])
    weights = f"{least}{bytes_text(analysis.value('weight_bytes'))} of {f'{width} ' if width else ''}weights"
    return " · ".join([*numbers, weights])


def exact(analysis: Analysis) -> str:
    """Return the numbers of the headline with all of their digits, and which of the multiplications are macs."""
    total = analysis.total
    least = AT_LEAST if analysis.incomplete else ""
    mults = "(= mults)" if total.macs == total.mults and not least else f"(of {least}{total.mults:,} mults)"
    return (
        f"{least}{total.params:,} params · {least}{total.macs:,} macs {mults} · {least}{total.flops:,} flops"
        f"{_for_inputs(analysis.batch)} · "
        f"{least}{analysis.value('weight_bytes'):,} bytes of weights"
    )


def _for_inputs(batch: int) -> str:
    return "" if batch == 1 else f" for {batch:,} inputs"


def footnotes(analysis: Analysis) -> Iterator[str]:
    """Yield the convention, the numbers without a column, and the number of layers."""
    yield MEANINGS
    yield " · ".join(f"{total_text(analysis, name)} {metrics.words(name)}" for name in _MORE)
    yield layers(analysis)
    yield convention(analysis)
    yield from declared_note(analysis)
    yield from unknown_note(analysis)


def total_text(analysis: Analysis, name: str) -> str:
    """Return a network's value of a metric as text: `≥` and a number where that is a lower bound."""
    if not analysis.incomplete:
        return figure(analysis.value(name))
    return UNKNOWN if metrics.METRICS[name].is_ratio else f"{AT_LEAST}{figure(analysis.value(name))}"


def unknown_note(*analyses: Analysis) -> list[str]:
    """Return a footnote with the operations that are not counted; none where all are."""
    operators = Counter(layer.fields["operator"] for analysis in analyses for layer in analysis.unknown)
    if not operators:
        return []
    names = [f"{safe(name)}{f' ({count:,} of them)' if count > 1 else ''}" for name, count in operators.items()]
    more = [f"{len(names) - _LISTED:,} others"] if len(names) > _LISTED else []
    what = counted(operators.total(), "operation")
    return [f"{what} not counted, so that totals are lower bounds (≥): {', '.join([*names[:_LISTED], *more])}."]


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


FIGURES = ("params", "macs", "flops", "weight_bytes", "peak_memory")
"""The metrics in large type on a page."""


def totals_of_page(analysis: Analysis) -> Iterator[tuple[str, str]]:
    """Yield the metric of each total that a page shows, and its meaning."""
    names = [name.replace(" ", "_") for name, _, _ in totals(analysis)]
    for name in [*names, "peak_memory"]:
        metric = name if name in metrics.METRICS else f"ops_{name}"
        yield metric, metrics.METRICS[metric].about
