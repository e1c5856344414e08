"""The chart of the standard and the separable form of each convolution."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.charts.bars import BarPanel, BarRow, BarSeries, bar_chart
from convcost.charts.chart import Chart
from convcost.charts.quantities import chosen, listed, quantity
from convcost.comparison.compare import Compared, Comparison
from convcost.comparison.compare_report import folded
from convcost.errors import ErrorDetail, OptionError
from convcost.metrics import METRICS, counts
from convcost.ops import Cost
from convcost.reports import titles
from convcost.reports.folding import fit
from convcost.reports.table import counted, short, tree

FORMS = {"standard": ("series3", True), "separable": ("series1", False)}
"""The colour of each form's bars, and whether these are hatched."""


def separable_chart(
    comparison: Comparison, metrics: str | Sequence[str] = ("mults", "params"), *, layers: bool = False
) -> Chart:
    """Return the chart of both forms of each convolution and linear layer, folded as the table is.

    Args:
        comparison: The forms.
        metrics: The counts that are shown side by side.
        layers: Whether each layer is shown, however many there are.

    Raises:
        OptionError: A metric is no count of a layer.
    """
    metrics = chosen(metrics)
    shown: Sequence[Compared] = comparison.layers
    groups = fit([layer.path for layer in shown], lambda part: sum(shown[index].standard.mults for index in part))
    if not layers and shown:
        shown = folded(shown, groups)
    totals = [f"{name} {short(each.total.mults)} mults" for name, each in comparison.totals().items()]
    network = comparison.written.network
    notes = [] if len(shown) == len(comparison.layers) else [f"Folded from {len(comparison.layers):,} rows."]
    if comparison.other_layers:
        notes.append(f"{counted(comparison.other_layers, 'other layer')}, which have no other form, not shown.")
    return bar_chart(
        "separable",
        f"{titles.title(network)}: standard and separable",
        (" · ".join(totals), titles.facts(network, titles.batched(comparison.written.batch))),
        f"Bars: {listed(metrics)} of the standard and of the separable form of {counted(len(shown), 'row')}. "
        f"In all: {', '.join(totals)}.",
        [BarRow(label, layer.name if layer else "") for label, layer in tree(shown)],
        [_panel(comparison, shown, name) for name in metrics],
        notes,
    )


def _panel(comparison: Comparison, shown: Sequence[Compared], name: str) -> BarPanel:
    """Return the bars of one count for both forms."""
    of_cost = METRICS[name].of_cost
    if of_cost is None:
        help = f"known: {', '.join(counts(Cost()))}, ops_mul, …"
        raise OptionError(ErrorDetail(f"both forms have counts, and {name} is none", help=help))
    costs = {"standard": [row.standard for row in shown], "separable": [row.separable for row in shown]}
    values = {form: [of_cost(cost) for cost in each] for form, each in costs.items()}
    found = quantity(name, max([value for each in values.values() for value in each], default=0))
    series = [
        BarSeries(
            form,
            f"{name}_{form}",
            each,
            [found.text(value) if value else "" for value in each],
            [f"{found.phrase(value)}, {form}" for value in each],
            *FORMS[form],
        )
        for form, each in values.items()
    ]
    return BarPanel(found.title, tuple(series), found.text, found.unit)
