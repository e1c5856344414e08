"""An analysis as a section of a page: its size in large type, its layers, its totals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from convcost.cost import headline
from convcost.cost.analysis import Analysis
from convcost.cost.weights import weights_width
from convcost.html.controls import MOST_LAYERS
from convcost.html.section import Figure, Grid, Section, section_of
from convcost.metrics import METRICS, words
from convcost.reports.table import AT_LEAST, Row, Table, bytes_text, figure, footer, short

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
        from convcost.cost.live import live_data  # symbolic numbers are imported where there are some

        live = live_data(analysis, report.source, columns)
    value = cache(analysis.value)
    return Section(
        title=table.title,
        lines=table.subtitle,
        figures=tuple(_figures(analysis, value)),
        grids=(main, Grid(_totals(analysis, value), key="totals")),
        notes=tuple(_notes(analysis)) if not report.columns else footer(table, range(len(columns))),
        live=live,
    )


def _figures(analysis: Analysis, value_of: Callable[[str], Any]) -> Iterator[Figure]:
    least = AT_LEAST if analysis.incomplete else ""
    width = weights_width(analysis.network, [layer.cost for layer in analysis.layers])
    for name in headline.FIGURES:
        value = value_of(name)
        named = f"{width} weights".lstrip() if name == "weight_bytes" else words(name)
        is_bytes = METRICS[name].unit == "bytes"
        size = bytes_text(value) if is_bytes else short(value)
        unit = " bytes" if is_bytes else ""
        yield Figure(named, f"{least}{size}", f"{least}{figure(value)}{unit}", METRICS[name].about)


def _notes(analysis: Analysis) -> Iterator[str]:
    """Yield the footnotes that hold at all values of the symbols."""
    yield headline.MEANINGS
    yield headline.convention(analysis)
    yield from headline.declared_note(analysis)
    yield from headline.unknown_note(analysis)
    if analysis.network.symbols and len(analysis.layers) > MOST_LAYERS:
        yield f"The page computes no other values of its symbols: that takes at most {MOST_LAYERS:,} layers."


def _totals(analysis: Analysis, value_of: Callable[[str], Any]) -> Table:
    least = AT_LEAST if analysis.incomplete else ""
    rows = [
        Row((words(name.removeprefix("ops_")), f"{least}{figure(value_of(name))}", about))
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
