"""Charts of what networks cost: by layers, by types, and several networks side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from msgspec.structs import replace

from convcost.charts.bars import BarPanel, BarRow, BarSeries, bar_chart
from convcost.charts.chart import Chart
from convcost.charts.points import ChartAxis, ChartPoint, MarkerStyle, point_chart
from convcost.charts.quantities import Quantity, chosen, listed, quantity, share_text
from convcost.charts.scales import is_wide
from convcost.charts.shapes import Marker
from convcost.cost import headline, rows
from convcost.cost.analysis import NOT_COUNTED, Analysis
from convcost.cost.rows import Rows
from convcost.cost.side_by_side import distinct_names
from convcost.errors import ErrorDetail, OptionError
from convcost.metrics import words
from convcost.reports import titles
from convcost.reports.folding import MOST_ROWS
from convcost.reports.table import AT_LEAST, counted, safe, tree

COST = ("macs", "params")
"""The metrics of which a chart shows each layer's value where nobody asks for others."""


def cost_chart(analysis: Analysis, metrics: str | Sequence[str] = COST, *, layers: bool = False) -> Chart:
    """Return the chart of what each layer costs, folded as the table is.

    Args:
        analysis: What the network costs.
        metrics: What is shown of each layer, side by side.
        layers: Whether each layer is shown, however many there are.

    Raises:
        OptionError: There is no such metric, or symbols are free.
    """
    _check_numbers(analysis)
    shown = rows.all_rows(analysis) if layers else rows.fitted(analysis)
    panels = [_panel(analysis, shown, name) for name in chosen(metrics)]
    labelled = [BarRow(label, row.name if row else "") for label, row in tree(shown.layers)]
    what = f"{listed(panel.series[0].name for panel in panels)} of {counted(len(shown.layers), 'row')}"
    folded = len(shown.layers) < len(analysis.layers)
    return bar_chart(
        "cost",
        f"{titles.title(analysis.network)}: cost per layer",
        (headline.size(analysis), titles.facts(analysis.network, titles.batched(analysis.batch))),
        f"Bars: {what}. {' '.join(_largest(shown, panels))}",
        labelled,
        panels,
        [
            *([f"Folded from {len(analysis.layers):,} to {len(shown.layers):,} rows."] if folded else []),
            headline.convention(analysis),
            *headline.unknown_note(analysis),
        ],
    )


def _panel(analysis: Analysis, shown: Rows, name: str) -> BarPanel:
    """Return the bars of one metric, with its total above them."""
    values = [*rows.values_of(analysis, shown.parts)(name)]
    found = quantity(name, max([value for value in values if value is not None], default=0))
    unknown = [any(NOT_COUNTED in analysis.layers[index].notes for index in part) for part in shown.parts]
    alone = [missing and len(part) == 1 for missing, part in zip(unknown, shown.parts, strict=True)]
    values = [None if nobody_knows else value for nobody_knows, value in zip(alone, values, strict=True)]
    least = [AT_LEAST if missing else "" for missing in unknown]
    series = BarSeries(
        found.title.lower(),
        name,
        values,
        [_short(found, value, mark) for value, mark in zip(values, least, strict=True)],
        [_exact(found, value, mark) for value, mark in zip(values, least, strict=True)],
    )
    total = analysis.value(name)
    whole = f"{AT_LEAST if analysis.incomplete else ''}{found.text(total)}" if total is not None else ""
    return BarPanel(found.title, (series,), found.text, found.unit, whole)


def _short(found: Quantity, value: Any, mark: str) -> str:
    if value is None:
        return headline.UNKNOWN if mark else ""
    return f"{mark}{found.text(value)}" if value else ""


def _exact(found: Quantity, value: Any, mark: str) -> str:
    name = found.title.lower()
    if value is None:
        return f"no {name}" if not mark else f"{name} not known"
    return f"{mark}{found.phrase(value)}"


def _largest(shown: Rows, panels: Sequence[BarPanel]) -> Iterator[str]:
    """Yield a sentence for each metric: which row has the most of it."""
    for panel in panels:
        series = panel.series[0]
        known = [number for number, value in enumerate(series.values) if value is not None]
        if known:
            most = max(known, key=lambda number: series.values[number])
            yield f"The most {series.name}: {safe(shown.layers[most].name)}, {series.tips[most]}."


def types_chart(analysis: Analysis, metrics: str | Sequence[str] = COST) -> Chart:
    """Return the chart of each layer type's share of the network's total.

    Args:
        analysis: What the network costs.
        metrics: The totals that are shared; each is a sum over the layers.

    Raises:
        OptionError: There is no such metric, it is no sum, or symbols are free.
    """
    _check_numbers(analysis)
    metrics = chosen(metrics)
    shown = rows.by_type(analysis)
    panels = [_shares(analysis, shown, name) for name in metrics]
    kept = [number for number in range(len(shown.layers)) if any(panel.series[0].values[number] for panel in panels)][
        :MOST_ROWS
    ]
    rows_kept = [BarRow(safe(shown.layers[number].name), shown.layers[number].name) for number in kept]
    rest = len(shown.layers) - len(kept)
    return bar_chart(
        "types",
        f"{titles.title(analysis.network)}: share by layer type",
        (headline.size(analysis),),
        f"Bars: the share of each layer type in {listed(metrics)}. "
        + " ".join(f"{panel.title}: {_shares_text(shown, panel, kept)}." for panel in panels),
        rows_kept,
        [_kept(panel, kept) for panel in panels],
        [
            *([f"{counted(rest, 'type')} without {' or '.join(metrics)} not shown."] if rest else []),
            headline.convention(analysis),
            *headline.unknown_note(analysis),
        ],
    )


def _shares(analysis: Analysis, shown: Rows, name: str) -> BarPanel:
    from convcost.metrics import named

    if not named(name).adds_up:
        help = "such as macs, params or mults"
        raise OptionError(ErrorDetail(f"{name} is no sum over the layers: types have no share of it", help=help))
    values = [*rows.values_of(analysis, shown.parts)(name)]
    total = sum(values)
    found = quantity(name, max(values, default=0))
    shares = [Fraction(value, total) if total else Fraction(0) for value in values]
    tips = [f"{found.phrase(value)}, {share_text(share)}" for value, share in zip(values, shares, strict=True)]
    texts = [share_text(share) if share else "" for share in shares]
    series = BarSeries(found.title.lower(), name, shares, texts, tips)
    least = AT_LEAST if analysis.incomplete else ""
    return BarPanel(found.title, (series,), share_text, total=f"{least}{found.text(total)}")


def _shares_text(shown: Rows, panel: BarPanel, kept: Sequence[int]) -> str:
    return ", ".join(f"{safe(shown.layers[number].name)} {panel.series[0].texts[number]}" for number in kept[:5])


def _kept(panel: BarPanel, kept: Sequence[int]) -> BarPanel:
    """Return a panel with some of its rows."""
    series = panel.series[0]
    part = BarSeries(
        series.name,
        series.key,
        [series.values[number] for number in kept],
        [series.texts[number] for number in kept],
        [series.tips[number] for number in kept],
    )
    return replace(panel, series=(part,))


def networks_chart(analyses: Sequence[Analysis], axes: Sequence[str] = ("params", "macs")) -> Chart:
    """Return the chart of networks as points between two of their totals.

    Args:
        analyses: What each network costs.
        axes: The metrics across and upwards.

    Raises:
        OptionError: There is no such metric, a network has no value of it, or symbols are free.
    """
    axes = chosen(axes)
    if len(axes) != 2:
        help = "such as params,macs: that across and that upwards"
        raise OptionError(ErrorDetail("networks stand between two metrics", found=", ".join(axes), help=help))
    names = distinct_names(analyses)
    for analysis in analyses:
        _check_numbers(analysis)
    across, upward = ([analysis.value(name) for analysis in analyses] for name in axes)
    for name, values in zip(axes, (across, upward), strict=True):
        if None in values:
            raise OptionError(ErrorDetail(f"{names[values.index(None)]} has no {name}", help="choose another metric"))
    found = [quantity(name, max(values, default=0)) for name, values in zip(axes, (across, upward), strict=True)]
    points = [
        ChartPoint(name, x, y, name, f"{name}: {found[0].phrase(x)}, {found[1].phrase(y)}", "network")
        for name, x, y in zip(names, across, upward, strict=True)
    ]
    styles = {"network": MarkerStyle("network", Marker(0, 0, "series1", radius=5))}
    drawn = [
        ChartAxis(each.title, each.text, is_wide(values), each.unit, each.key, binary=each.binary)
        for each, values in zip(found, (across, upward), strict=True)
    ]
    scales = {axis.log for axis in drawn}
    return point_chart(
        "networks",
        f"{counted(len(analyses), 'network')}: {words(axes[1])} against {words(axes[0])}",
        ("both axes in powers of ten",) if scales == {True} else (),
        f"Points: {words(axes[1])} against {words(axes[0])}. " + "; ".join(point.tip for point in points[:40]) + ".",
        points,
        (drawn[0], drawn[1]),
        styles=styles,
        names_all=True,
        notes=[
            *dict.fromkeys(headline.convention(analysis) for analysis in analyses),
            *headline.unknown_note(*analyses),
        ],
        warnings=[warning for analysis in analyses for warning in analysis.warnings],
    )


def _check_numbers(analysis: Analysis) -> None:
    """Refuse formulas, which have no length.

    Raises:
        OptionError: Symbols are free.
    """
    if analysis.network.free is not None:
        names = ", ".join(analysis.network.free.symbols)
        help = "--set gives them values; several values of one make a curve"
        raise OptionError(ErrorDetail("a chart needs numbers, and symbols are free", found=names, help=help))
