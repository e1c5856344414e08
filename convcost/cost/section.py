"""An analysis as a section of a page: its size in large type, its layers, its totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from convcost import metrics
from convcost.charts.quantities import bytes_tick, bytes_unit
from convcost.charts.steps import ChartStep, step_chart
from convcost.cost import headline, rows
from convcost.cost.analysis import Analysis
from convcost.cost.weights import weights_width
from convcost.html.charts import page_chart
from convcost.html.controls import MOST_LAYERS
from convcost.html.section import Figure, Grid, Section, SectionChart, section_of
from convcost.metrics import METRICS, words
from convcost.reports.table import AT_LEAST, Column, Row, Table, bytes_text, figure, footer, safe, short

if TYPE_CHECKING:
    from convcost.cost.report import AnalysisReport

FOLDS = {
    "Type": "count",
    "Params": "sum",
    "Macs": "sum",
    "Mults": "sum",
    "Share": "share of Macs",
    "%": "share of Macs",
}
"""How the rows of a block make one."""


def section(report: AnalysisReport) -> Section:
    """Return a report's section; it computes where the report shows every layer and the network can be built again."""
    analysis = report.analysis
    if analysis.network.free is not None or report.summary:
        return section_of(report.table())
    table = report.telling_table()
    columns, computes = [column.title for column in table.columns], not report.chosen
    folds = {title: how for title, how in FOLDS.items() if title in columns}
    main = Grid(replace(table, headline=()), folds=folds, key="layers" if computes else "")
    live = None
    if computes and report.source is not None:
        from convcost.cost.live import live_view  # symbolic numbers are imported where there are some
        from convcost.html.live import live_data

        live = live_data(analysis.network, report.source, live_view(analysis, columns), table.subtitle[-1])
    known = _Known(analysis)
    charts = () if report.columns else tuple(_charts(known, computes=live is not None))
    return Section(
        title=table.title,
        lines=table.subtitle,
        figures=tuple(_figures(known)),
        charts=charts,
        grids=(main, Grid(_totals(known), key="totals")),
        notes=tuple(_notes(analysis)) if not report.columns else footer(table, range(len(columns))),
        live=live,
    )


class _Known:
    """An analysis of which each metric is worked out once."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.values = cache(analysis.values)

    def value(self, name: str) -> Any:
        """Return the network's value of a metric."""
        metric = METRICS[name]
        if metric.of_cost is not None:
            return metric.of_cost(self.analysis.total)
        return metrics.combined(metric, self.values, range(len(self.analysis.layers)))


def _figures(known: _Known) -> Iterator[Figure]:
    analysis = known.analysis
    least = AT_LEAST if analysis.incomplete else ""
    width = weights_width(analysis.network, [layer.cost for layer in analysis.layers])
    for name in headline.FIGURES:
        value = known.value(name)
        named = f"{width} weights".lstrip() if name == "weight_bytes" else words(name)
        is_bytes = METRICS[name].unit == "bytes"
        size = bytes_text(value) if is_bytes else short(value)
        unit = " bytes" if is_bytes else ""
        yield Figure(named, f"{least}{size}", f"{least}{figure(value)}{unit}", METRICS[name].about)


def _charts(known: _Known, *, computes: bool) -> Iterator[SectionChart]:
    """Yield the charts: the cost of layers, the shares of types, and the memory of activations while layers run."""
    from convcost.cost.chart import cost_chart, types_chart

    analysis = known.analysis
    keys = {name: name if computes else "" for name in ("cost", "types", "memory")}
    if analysis.total.macs or analysis.total.params:
        yield page_chart(cost_chart(analysis), "Cost per layer", key=keys["cost"])
        yield page_chart(types_chart(analysis), "Share by type", key=keys["types"], table=_types_table(analysis))
    alive = known.values("peak_memory")
    most = max(alive, default=0)
    least = AT_LEAST if analysis.incomplete else ""
    steps = [
        ChartStep(safe(layer.name), value, f"{least}{value:,} bytes")
        for layer, value in zip(analysis.layers, alive, strict=True)
    ]
    named = next((step.name for step in steps if step.value == most), "")
    peak = f"peak {least}{bytes_text(most)} at {named}"
    chart = step_chart(
        "memory", "", (), "The bytes of activations that live while each layer runs, in order.", steps,
        tick=bytes_tick, unit=bytes_unit(most), peak=peak,
    )  # fmt: skip
    yield page_chart(chart, "Memory of activations over time", key=keys["memory"], table=_memory_table(steps))


def _types_table(analysis: Analysis) -> Table:
    """Return the layers of each type and what they cost."""
    found = rows.by_type(analysis)
    shown = [
        Row((safe(layer.name), f"{len(part):,}", figure(layer.params), figure(layer.macs)))
        for layer, part in zip(found.layers, found.parts, strict=True)
    ]
    numbers = [Column(title, right=True, role="number") for title in ("Layers", "Params", "Macs")]
    return Table("", (), (Column("Type", role="name"), *numbers), shown, ("",) * 4, ())


def _memory_table(steps: Sequence[ChartStep]) -> Table:
    columns = (Column("Layer", role="name"), Column("Alive, bytes", right=True, role="number"))
    return Table("", (), columns, [Row((step.name, f"{step.value:,}")) for step in steps], ("", ""), ())


def _notes(analysis: Analysis) -> Iterator[str]:
    """Yield the footnotes that hold at all values of the symbols."""
    yield headline.MEANINGS
    yield headline.convention(analysis)
    yield from headline.declared_note(analysis)
    yield from headline.unknown_note(analysis)
    if analysis.network.symbols and len(analysis.layers) > MOST_LAYERS:
        yield f"The page computes no other values of its symbols: that takes at most {MOST_LAYERS:,} layers."


def _totals(known: _Known) -> Table:
    analysis = known.analysis
    least = AT_LEAST if analysis.incomplete else ""
    rows = [
        Row((words(name.removeprefix("ops_")), f"{least}{figure(known.value(name))}", about))
        for name, about in headline.totals_of_page(analysis)
    ]
    return Table(
        title="All totals",
        subtitle=(),
        columns=headline.SUMMARY,
        rows=rows,
        total=("", "", ""),
        footer=(),
    )
