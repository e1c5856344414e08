"""The report of an analysis: its rows as data, as records, as a table, and as a screen that they fit."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from convcost import metrics
from convcost.cost import headline, rows
from convcost.cost.analysis import NOT_COUNTED, Analysis, LayerCost
from convcost.cost.columns import COLUMNS, NAME, TITLES, TYPE, check_by, check_columns, check_sort, is_metric
from convcost.cost.labels import label, label_of_several
from convcost.cost.rows import Rows
from convcost.metrics import METRICS
from convcost.ops import is_symbolic
from convcost.reports import titles
from convcost.reports.folding import MORE, MOST_ROWS
from convcost.reports.table import (
    AT_LEAST,
    Column,
    Report,
    Row,
    Table,
    bar,
    counted,
    figure,
    grouped,
    percent,
    safe,
    sized,
    tree,
)

if TYPE_CHECKING:
    from convcost.html.controls import NetworkSource
    from convcost.html.section import Section

_SYMBOLS = (
    "Formulas: M input and N output channels, Dk kernel, Di input and Dp output size, g groups, m depth multiplier; "
    "for one input, in the layer's own symbols: convcost formulas lists them all."
)
_FORMULAS = (Column("Params =", drop=1), Column("Mults =", drop=1, footnote=_SYMBOLS))


class AnalysisReport(Struct, frozen=True):
    """An analysis with the rows that a reader asked for.

    Attributes:
        analysis: The analysis.
        rows: The rows.
        asked: Whether the reader chose which rows there are; a screen shows as many as it has room for otherwise.
        formulas: Whether the table and the records show each layer's formulas in its own symbols.
        columns: The columns that the table, and the metrics that the records, show instead of the usual ones.
        summary: Whether there are totals only.
        sorted_by: The column by which the rows are sorted; empty where they run in order.
        source: What the network was made of, for a page that computes it at other values of its symbols.
    """

    analysis: Analysis
    rows: Rows
    asked: bool = False
    formulas: bool = False
    columns: tuple[str, ...] = ()
    summary: bool = False
    sorted_by: str = ""
    source: NetworkSource | None = None

    @classmethod
    def of(
        cls,
        analysis: Analysis,
        *,
        sort: str | None = None,
        top: int | None = None,
        depth: int | None = None,
        layers: bool = False,
        by: str | None = None,
        summary: bool = False,
        formulas: bool = False,
        columns: Sequence[str] = (),
        source: NetworkSource | None = None,
    ) -> AnalysisReport:
        """Choose the rows.

        Args:
            analysis: The analysis.
            sort: The column to sort by, numbers from the largest.
            top: How many rows to keep: the first of the sorted ones, the largest in `macs` without `sort`.
            depth: How many parts of a name to keep apart; layers that agree in them become one row.
            layers: Whether a screen shows every layer, however many there are.
            by: What layers are summed by: `type`.
            summary: Whether there are totals only.
            formulas: Whether the table and the records show each layer's formulas in its own symbols.
            columns: The columns to show; the usual ones without.
            source: What the network was made of, for a page that computes it at other values of its symbols.

        Raises:
            OptionError: There is no such column, or nothing by which layers are summed so.
        """
        check_columns(columns)
        check_by(by)
        column = check_sort(sort) if sort is not None else ""
        chosen = rows.all_rows(analysis)
        if summary:
            chosen = Rows((), (), len(analysis.layers))
        elif by is not None:
            chosen = rows.by_type(analysis)
        elif depth is not None:
            chosen = rows.folded(analysis, depth)
        if column or top is not None:
            chosen = rows.sort(analysis, chosen, column or "macs", top)
        asked = layers or summary or formulas or not (top is None and depth is None and by is None)
        return cls(analysis, chosen, asked, formulas, tuple(columns), summary, column, source)

    @property
    def layers(self) -> tuple[LayerCost, ...]:
        """What the rows show."""
        return self.rows.layers

    @property
    def left_out(self) -> int:
        """How many rows are not shown."""
        return self.rows.left_out

    def data(self) -> Struct:
        """Return the analysis as a document, its layers being the rows that are shown; `left_out` counts the others."""
        from convcost.cost.documents import analysis_document

        left_out = None if self.layers is self.analysis.layers else self.left_out
        asked = self.chosen_metrics()
        return analysis_document(self.analysis, self.layers, self.values(), asked, left_out)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each row; one of the totals where these are all that is asked for."""
        from convcost.cost.records import records  # CSV is written where it is asked for

        return records(self)

    def screen(self) -> Table:
        """Return the table with as many rows as a screen has room for, unless the rows were asked for."""
        if self.asked or (len(self.layers) <= MOST_ROWS and self.sorted_by):
            return self._screen(self)
        if self.sorted_by:
            shown = rows.sort(self.analysis, self.rows, self.sorted_by, MOST_ROWS)
            return self._screen(replace(self, rows=shown), "--layers shows all rows.")
        shown = rows.fitted(self.analysis)
        if shown.layers is self.analysis.layers:
            return self._screen(self)
        all_rows = counted(len(self.analysis.layers), "row")
        note = f"Folded from {all_rows} to {len(shown.layers):,}: --layers shows each, --depth N folds less or more."
        return self._screen(replace(self, rows=shown), note)

    def table(self) -> Table:
        """Return the table of all rows: each one's output, parameters, macs, mults, their share, and the ratio."""
        return self._shown(self._keys(telling=False))

    def _screen(self, chosen: AnalysisReport, *notes: str) -> Table:
        """Return a table that begins with the size of the network, without columns that say nothing new."""
        table = chosen._shown(chosen._keys(telling=True))
        footer = (*table.footer, *notes)
        if not table.headline:
            return replace(table, footer=footer)
        size, *exact = table.headline
        return replace(table, title=f"{table.title} · {size}", headline=tuple(exact), footer=footer)

    def _shown(self, keys: Sequence[str]) -> Table:
        if self.summary:
            return self._totals_table()
        free = self.analysis.network.free is not None and not self.columns
        table = self._free_table() if free else self._table(keys)
        if not self.formulas:
            return table
        formulas = self.analysis.formulas(self.layers)
        layers = [layer for _, layer in self._labelled()]
        cells = [_formula_cells(formulas[layer.name] if layer else None) for layer in layers] + [("", "")]
        shown = [replace(row, cells=(*row.cells, *more)) for row, more in zip(table.rows, cells, strict=False)]
        return replace(table, columns=(*table.columns, *_FORMULAS), rows=shown, total=(*table.total, "", ""))

    def telling_table(self) -> Table:
        """Return the table of all rows without columns that say nothing new."""
        return self._shown(self._keys(telling=True))

    @property
    def chosen(self) -> bool:
        """Whether a reader chose other rows or columns than each layer and the usual ones."""
        return bool(self.layers is not self.analysis.layers or self.columns or self.formulas or self.summary)

    def section(self) -> Section:
        """Return the analysis as a section of a page."""
        from convcost.cost.section import section  # pages are written where they are asked for

        return section(self)

    def side_by_side(self, reports: Sequence[Report]) -> Iterator[Table]:
        """Yield the tables of several networks: their totals, below their rows where these were asked for."""
        from convcost.cost.side_by_side import totals_table

        mine = [report for report in reports if isinstance(report, AnalysisReport)]
        if any(report.analysis.network.free is not None for report in mine):  # formulas have no place in a row
            yield from (report.screen() for report in mine)
            return
        if any((report.asked and not report.summary) or report.columns for report in mine):
            yield from (report.screen() for report in mine)
        yield totals_table([report.analysis for report in mine], self.sorted_by)

    def chosen_metrics(self) -> tuple[str, ...]:
        """Return the metrics among the columns that were chosen."""
        return tuple([name for name in self.columns if is_metric(name)])

    def values(self) -> Callable[[str], Sequence[Any]]:
        """Return a function that gives a metric's value for each row."""
        return rows.values_of(self.analysis, self.rows.parts)

    def _labelled(self) -> Iterator[tuple[str, LayerCost | None]]:
        """Yield the label of each row of the table with its layer; None where it is the name of a group."""
        if self.rows.in_order:
            yield from tree(self.layers)
        else:
            yield from ((safe(layer.name), layer) for layer in self.layers)

    def _keys(self, *, telling: bool) -> tuple[str, ...]:
        """Return the columns of the table behind the names, or those that say something of this network."""
        if self.columns:
            keys = [(name,) if is_metric(name) else TITLES[name] for name in self.columns]
            chosen = tuple(itertools.chain(*keys))
            return chosen if self._names_columns() else ("Type", "Output", *chosen, "Notes")
        layers = self.analysis.layers
        mults = not telling or any(_differ(layer.macs, layer.mults) for layer in layers)
        ratio = not telling or any(layer.ratio is not None and layer.ratio.kind == "separable" for layer in layers)
        numbers = ("params", "macs", "mults") if mults else ("params", "macs")
        return ("Type", "Output", *numbers, *TITLES["share"], *(TITLES["ratio"] if ratio else ()), "Notes")

    def _names_columns(self) -> bool:
        """Return whether columns beside metrics were chosen, so that there are these and no others."""
        return not all(map(is_metric, self.columns))

    def _table(self, keys: Sequence[str]) -> Table:
        columns = [
            TYPE if self.rows.of_types else NAME,
            *[self._column(key, place) for place, key in enumerate(keys)],
        ]
        cells = zip(*map(self._cells, keys), strict=True)
        blank = [""] * len(keys)
        shown = []
        for name, layer in self._labelled():
            if layer is None:
                shown.append(Row((name, *blank), "heading"))
            else:
                quiet = _is_zero(layer.mults) and _is_zero(layer.params)
                quiet = quiet or layer.name.startswith(MORE)
                shown.append(Row((name, *next(cells)), "quiet" if quiet else "ordinary"))
        if self.left_out:
            shown.append(Row((f"{MORE} {self.left_out:,} more", *blank), "quiet"))
        totals = [*map(self._total, keys)]
        free = self.analysis.network.free
        symbols = f"free: {', '.join(free.symbols)}" if free is not None else ""
        return Table(
            **self._head(symbols, titles.batched(self.analysis.batch)),
            columns=tuple(columns),
            rows=shown,
            total=("Total", *totals) if any(totals) else ("", *totals),
            footer=tuple(self._footnotes(keys)),
            wider="" if self.columns else "--columns",
        )

    def _footnotes(self, keys: Sequence[str]) -> Iterator[str]:
        """Yield the table's footnotes: what the numbers are, for which values, and how they are counted."""
        analysis = self.analysis
        if not self.columns:
            yield from headline.footnotes(analysis)
            if "Ratio" not in keys:
                yield from headline.as_separable(analysis)
            return
        yield from headline.meanings(self.chosen_metrics())
        if analysis.network.free is not None:
            from convcost.cost import free_report  # symbolic numbers are imported where there are some

            yield from free_report.held(analysis.network.free)
        yield headline.convention(analysis)
        yield from headline.unknown_note(analysis)

    def _head(self, *facts: str) -> dict[str, Any]:
        analysis = self.analysis
        network = analysis.network
        facts = (*facts, titles.types(network, self.chosen_metrics()))
        if network.free is not None:
            return {"title": titles.title(network), "subtitle": titles.sourced(network, *facts)}
        return {
            "title": titles.title(network),
            "headline": (headline.size(analysis), headline.exact(analysis)),
            "subtitle": titles.sourced(network, *facts),
        }

    def _free_table(self) -> Table:
        from convcost.cost import free_report as free  # symbolic numbers are imported where there are some

        return free.table(self.analysis, [*self._labelled()], self.left_out)

    def _totals_table(self) -> Table:
        """Return the table of the network's totals."""
        if self.analysis.network.free is not None:
            from convcost.cost import free_report  # symbolic numbers are imported where there are some

            return free_report.summary(self.analysis, headline.totals(self.analysis))
        footer = [headline.layers(self.analysis), headline.convention(self.analysis)]
        footer += [*headline.as_separable(self.analysis), *headline.unknown_note(self.analysis)]
        least = AT_LEAST if self.analysis.incomplete else ""
        return Table(
            **self._head(titles.batched(self.analysis.batch)),
            columns=headline.SUMMARY,
            rows=[
                Row((name, f"{least}{figure(value)}", about)) for name, value, about in headline.totals(self.analysis)
            ],
            total=("", "", ""),
            footer=tuple(footer),
        )

    def _column(self, key: str, place: int) -> Column:
        """Return a column; of those that were chosen the last is left out first where a page is too narrow."""
        column = COLUMNS.get(key) or Column(metrics.heading(key), right=True, role="number")
        if key == "Type" and self.rows.of_types:
            column = replace(column, title="Layers")
        if not self._names_columns():
            return column
        return replace(column, drop=place, least=12 if key == "Notes" else column.least)

    def _cells(self, key: str) -> Sequence[str]:
        """Return the cells of a column, one for each row."""
        layers, parts = self.layers, self.rows.parts
        if key == "Type":
            return [self._type([self.analysis.layers[index] for index in part]) for part in parts]
        if key == "Output":
            return [sized(layer.output_shape) for layer in layers]
        if key == "Notes" and self.columns and not self._names_columns():
            return [safe(", ".join(_reasons(layer))) for layer in layers]
        if key == "Notes":
            return [_notes(layer, alone=len(part) == 1) for layer, part in zip(layers, parts, strict=True)]
        if key == "Ratio":
            return [_ratio(layer) for layer in layers]
        if key == "1/N + 1/Dk²":
            return [layer.ratio.numbers if layer.ratio else "" for layer in layers]
        if key in TITLES["share"]:
            whole = self.analysis.total.macs
            if not whole or is_symbolic(whole):  # a share of a formula is no number
                return [""] * len(layers)
            shares = [layer.macs / whole for layer in layers]
            return [bar(share) if key == "Share" else f"{100 * share:.1f}" if share else "" for share in shares]
        values = self.values()(key)
        if not self.analysis.incomplete:
            return [*map(figure, values)]
        return [self._bounded(key, value, part) for value, part in zip(values, parts, strict=True)]

    def _bounded(self, key: str, value: Any, part: Sequence[int]) -> str:
        """Return a row's number where some layers are not counted: `?` of these alone, a lower bound beside others."""
        unknown = sum(NOT_COUNTED in self.analysis.layers[index].notes for index in part)
        if unknown == len(part) or (unknown and METRICS[key].is_ratio):
            return headline.UNKNOWN
        return f"{AT_LEAST if unknown else ''}{figure(value)}"

    def _type(self, members: Sequence[LayerCost]) -> str:
        """Return the type of a row, or the number of its layers where it stands for all of a type."""
        if self.rows.of_types:
            return counted(len(members), "layer")
        return label(members[0]) if len(members) == 1 else label_of_several(members)

    def _total(self, key: str) -> str:
        """Return a column's cell in the last row."""
        if key == "Type":
            return counted(headline.layer_counts(self.analysis)[0], "layer")
        if key == "%":
            whole = self.analysis.total.macs
            return "100.0" if whole and not is_symbolic(whole) else ""
        return "" if key in COLUMNS and key != "mults" else headline.total_text(self.analysis, key)


def _formula_cells(formula: Mapping[str, str] | None) -> tuple[str, str]:
    """Return the formulas of parameters and multiplications that are not 0."""
    params, mults = (formula["params"], formula["mults"]) if formula else ("", "")
    return "" if params == "0" else params, "" if mults == "0" else mults


def _is_zero(number: Any) -> bool:
    """Return whether a number is 0; a formula is none whose value is known."""
    return number.__class__ is int and number == 0


def _ratio(layer: LayerCost) -> str:
    if layer.ratio is None or is_symbolic(layer.ratio.exact):
        return ""
    return ("→ " if layer.ratio.kind == "standard" else "") + percent(layer.ratio.exact)


def _notes(layer: LayerCost, *, alone: bool) -> str:
    """Return the notes: the operations that no column shows, and why there are none.

    A layer that accumulates adds as often as it multiplies; of several layers the additions say nothing new.
    """
    ops = layer.cost.ops
    others = [
        f"{grouped(count)} {kind}"
        for kind, count in ops.to_dict().items()
        if kind != "mul" and not (kind == "add" and (not _differ(count, ops.mul) or (not alone and layer.macs)))
    ]
    return safe(", ".join([*_reasons(layer), *others]))


def _reasons(layer: LayerCost) -> list[str]:
    """Return the notes of a layer; of one that is folded the row above says where."""
    return ["folded" if note.startswith("folded into ") else note for note in layer.notes]


def _differ(number: Any, other: Any) -> bool:
    """Return whether two numbers are written differently; whether formulas are equal may need values."""
    return str(number) != str(other) if is_symbolic(number) or is_symbolic(other) else bool(number != other)
