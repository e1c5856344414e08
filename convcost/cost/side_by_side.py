"""The totals of several networks side by side."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.cost import headline
from convcost.cost.analysis import Analysis
from convcost.cost.weights import weights_width
from convcost.reports import titles
from convcost.reports.table import AT_LEAST, Column, Row, Table, bar, bytes_text, counted, grouped, safe, short, sized

_LARGEST = "The bars: macs as a share of the largest."
_COLUMNS = (
    Column("Network", role="name"),
    Column("Input", drop=5),
    Column("Layers", right=True, drop=6, role="number"),
    Column("Params", right=True, role="number"),
    Column("Macs", right=True, role="number"),
    Column("", drop=4, role="bar", footnote=_LARGEST),
    Column("Flops", right=True, drop=3, role="number"),
    Column("Activations", right=True, drop=7, role="number"),
)


def totals_table(analyses: Sequence[Analysis], sort: str = "") -> Table:
    """Return a table of networks, a row each, as they are given or sorted by a metric from the largest.

    Args:
        analyses: What each network costs.
        sort: The metric; another column of rows keeps the order.
    """
    if sort and sort not in ("name", "type", "ratio"):
        analyses = sorted(analyses, key=lambda each: -(each.value(sort) or 0))
    largest = max(analysis.total.macs for analysis in analyses)
    return Table(
        title=counted(len(analyses), "network"),
        subtitle=(),
        columns=(*_COLUMNS, Column(_weights(analyses), right=True, drop=2, role="number")),
        rows=[_row(name, analysis, largest) for name, analysis in zip(distinct_names(analyses), analyses, strict=True)],
        total=("",) * (len(_COLUMNS) + 1),
        footer=(
            *dict.fromkeys(headline.convention(analysis) for analysis in analyses),
            *headline.declared_note(*analyses),
            *headline.unknown_note(*analyses),
            "--layers or --depth N shows the rows of each; a network alone is shown with its rows.",
        ),
    )


def _weights(analyses: Sequence[Analysis]) -> str:
    """Return the title of the column of weights: with their type where it is that of all networks."""
    widths = {weights_width(each.network, [layer.cost for layer in each.layers]) for each in analyses}
    width = widths.pop() if len(widths) == 1 else ""
    return f"{width} weights" if width else "Weights"


def distinct_names(analyses: Sequence[Analysis]) -> list[str]:
    """Return the networks' names, with their files, or the symbols in which they differ, where two have the same."""
    names = [titles.title(analysis.network) for analysis in analyses]
    files = [safe(analysis.network.file) for analysis in analyses]
    if len(set(files)) > 1:
        names = [
            f"{name} ({file})" if names.count(name) > 1 and file not in ("", name) else name
            for name, file in zip(names, files, strict=True)
        ]
    symbols = [analysis.network.symbols for analysis in analyses]
    differ = [key for key in symbols[0] if len({str(each.get(key)) for each in symbols}) > 1] if symbols else []
    values = [safe(", ".join(f"{key} = {each[key]}" for key in differ if key in each)) for each in symbols]
    return [
        f"{name} ({text})" if names.count(name) > 1 and text else name for name, text in zip(names, values, strict=True)
    ]


def _row(name: str, analysis: Analysis, largest: int) -> Row:
    network, total = analysis.network, analysis.total
    least = AT_LEAST if analysis.incomplete else ""
    return Row(
        (
            name,
            " ".join(sized(tensor.shape) for tensor in network.inputs),
            grouped(headline.layer_counts(analysis)[0]),
            f"{least}{grouped(total.params)}",
            f"{least}{grouped(total.macs)}",
            bar(total.macs / largest) if largest else "",
            f"{least}{short(total.flops)}",
            f"{least}{grouped(analysis.value('activations'))}",
            f"{least}{bytes_text(analysis.value('weight_bytes'))}",
        )
    )
