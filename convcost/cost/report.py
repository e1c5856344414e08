"""The report of an analysis: its rows as data, as records, as a table, and as a screen that they fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost import metrics
from convcost.cost import headline, rows
from convcost.cost.analysis import Analysis, LayerCost
from convcost.cost.labels import label, label_of_several
from convcost.cost.rows import MORE, MOST_ROWS, Rows
from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.metrics import METRICS
from convcost.ops import KINDS
from convcost.reports import heading
from convcost.reports.contents import Column, Report, Row, Table, bar, counted, figure, grouped, percent, safe, sized, tree

OTHER_SORTS = ("name", "type", "ratio")
OTHER_COLUMNS = ("type", "output", "share", "ratio", "notes")
_SORTED_BY = {"layer": "name", "output": "output_values", "share": "macs", "%": "macs"}
"""What the table's titles sort by, where they are not the names of columns."""

_RATIO = (
    "Ratio: a separable convolution's mults as a share of the standard one's, 1/N + 1/Dk²; "
    "→ marks what a standard one would cost as a separable one."
)
_NAME, _TYPE = Column("Layer", role="name"), Column("Type", role="name")
_COLUMNS = {
    "type": Column("Type", drop=3, least=12, key="type"),
    "output": Column("Output", drop=4, key="output"),
    "params": Column("Params", right=True, role="number"),
    "macs": Column("Macs", right=True, role="number"),
    "mults": Column("Mults", right=True, drop=5, role="number", key="mults"),
    "share": Column("Share", drop=6, role="bar", key="share"),
    "percent": Column("%", right=True, drop=2, role="number", key="share"),
    "ratio": Column("Ratio", right=True, drop=7, role="number", footnote=_RATIO, key="ratio"),
    "formula": Column("1/N + 1/Dk²", drop=8, key="ratio"),
    "notes": Column("Notes", drop=9, key="notes"),
}
_PAIRED = {"share": ("share", "percent"), "ratio": ("ratio", "formula")}
"""Names that are chosen as one and stand in two columns."""
_SYMBOLS = (
    "Formulas: M input and N output channels, Dk kernel, Di input and Dp output size, g groups, m depth multiplier; "
    "for one input, in the layer's own symbols: convcost formulas lists them all."
)
_FORMULAS = (Column("Params =", drop=1), Column("Mults =", drop=1, footnote=_SYMBOLS))
_FORMULA_KEYS = ("params", "mults", "adds")
_RATIO_KEYS = ("kind", "formula", "numbers", "exact", "value", "term")
_SUMMARY = (Column("Total", role="name"), Column("Value", right=True, role="number"), Column("Meaning", drop=1, least=30))


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
    """

    analysis: Analysis
    rows: Rows
    asked: bool = False
    formulas: bool = False
    columns: tuple[str, ...] = ()
    summary: bool = False
    sorted_by: str = ""

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
        return cls(analysis, chosen, asked, formulas, tuple(columns), summary, column)

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
        asked = [name for name in self.columns if name in METRICS]
        return analysis_document(self.analysis, self.layers, self._values(), asked, left_out)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each row; one of the totals where these are all that is asked for."""
        from convcost.cost.documents import fields_text, heads, ratio_document, standard_names, total_head

        name = self.analysis.network.name
        asked = tuple([each for each in self.columns if each in METRICS])
        names = asked or tuple(standard_names())
        if self.summary:
            return [_record(name, total_head(self.analysis, names), None, (), "", asked)]
        found = heads(self.analysis, self.layers, self._values(), names)
        records = [
            _record(name, row, ratio_document(layer.ratio), layer.notes, fields_text(layer), asked)
            for row, layer in zip(found, self.layers, strict=True)
        ]
        if not self.formulas:
            return records
        formulas = self.analysis.formulas(self.layers)
        return [
            record | {f"formula_{key}": (formulas[layer.name] or {}).get(key) for key in _FORMULA_KEYS}
            for record, layer in zip(records, self.layers, strict=True)
        ]

    def screen(self) -> Table:
        """Return the table with as many rows as a screen has room for, unless the rows were asked for."""
        if self.asked or len(self.layers) <= MOST_ROWS and self.sorted_by:
            return self.table()
        if self.sorted_by:
            shown = rows.sort(self.analysis, self.rows, self.sorted_by, MOST_ROWS)
            return replace(self, rows=shown)._noted("--layers shows all of them.")
        shown = rows.fitted(self.analysis)
        if len(shown.layers) == len(self.analysis.layers):
            return self.table()
        all_rows = counted(len(self.analysis.layers), "row")
        note = f"Folded from {all_rows} to {len(shown.layers):,}: --layers shows each, --depth N folds less or more."
        return replace(self, rows=shown)._noted(note)

    def table(self) -> Table:
        """Return the table of all rows: each one's output, parameters, multiplications, their share, and the ratio."""
        if self.summary:
            return self._totals_table()
        free = self.analysis.network.free is not None and not self.columns
        table = self._free_table() if free else self._table(self._keys())
        if not self.formulas:
            return table
        formulas = self.analysis.formulas(self.layers)
        layers = [layer for _, layer in self._labelled()]
        cells = [_formula_cells(formulas[layer.name] if layer else None) for layer in layers] + [("", "")]
        shown = [replace(row, cells=(*row.cells, *more)) for row, more in zip(table.rows, cells, strict=False)]
        return replace(table, columns=(*table.columns, *_FORMULAS), rows=shown, total=(*table.total, "", ""))

    def side_by_side(self, reports: Sequence[Report]) -> Iterator[Table]:
        """Yield the tables of several networks: their totals, below their rows where these were asked for."""
        from convcost.cost.side_by_side import totals_table

        mine = [report for report in reports if isinstance(report, AnalysisReport)]
        if any(report.analysis.network.free is not None for report in mine):  # formulas have no place in a row
            yield from (report.screen() for report in mine)
            return
        if any(report.asked and not report.summary or report.sorted_by or report.columns for report in mine):
            yield from (report.screen() for report in mine)
        yield totals_table([report.analysis for report in mine], self.sorted_by)

    def _noted(self, note: str) -> Table:
        table = self.table()
        return replace(table, footer=(*table.footer, note))

    def _values(self) -> Callable[[str], Sequence[Any]]:
        """Return a function that gives a metric's value for each row."""
        return rows.values_of(self.analysis, self.rows.parts)

    def _labelled(self) -> Iterator[tuple[str, LayerCost | None]]:
        """Yield the label of each row of the table with its layer; None where it is the name of a group."""
        if self.rows.in_order:
            yield from tree(self.layers)
        else:
            yield from ((safe(layer.name), layer) for layer in self.layers)

    def _keys(self) -> tuple[str, ...]:
        """Return the columns of the table behind the names."""
        if self.columns:
            usual = not set(self.columns) & {*OTHER_COLUMNS}
            chosen = ("type", "output", *self.columns, "notes") if usual else self.columns
            return tuple(key for name in chosen for key in _PAIRED.get(name, (name,)))
        layers = self.analysis.layers
        mults = () if all(layer.macs == layer.mults for layer in layers) else ("mults",)
        separable = any(layer.ratio is not None and layer.ratio.kind == "separable" for layer in layers)
        return (
            "type", "output", "params", "macs", *mults, "share", "percent",
            *(("ratio", "formula") if separable else ()), "notes",
        )  # fmt: skip

    def _table(self, keys: Sequence[str]) -> Table:
        analysis = self.analysis
        columns = [_TYPE if self.rows.of_types else _NAME, *[self._column(key, place) for place, key in enumerate(keys)]]
        cells = zip(*map(self._cells, keys), strict=True)
        blank = [""] * len(keys)
        shown = []
        for name, layer in self._labelled():
            if layer is None:
                shown.append(Row((name, *blank), "heading"))
            else:
                quiet = not (layer.mults or layer.params) or layer.name.startswith(MORE)
                shown.append(Row((name, *next(cells)), "quiet" if quiet else "ordinary"))
        if self.left_out:
            shown.append(Row((f"{MORE} {self.left_out:,} more", *blank), "quiet"))
        totals = [*map(self._total, keys)]
        facts, notes = [heading.batched(analysis.batch)], [*headline.meanings(self.columns)]
        if analysis.network.free is not None:
            from convcost.cost import free_report as free  # symbolic numbers are imported where there are some

            facts.insert(0, f"free: {', '.join(analysis.network.free.symbols)}")
            notes += [*free.held(analysis.network.free), headline.convention(analysis)]
        elif self.columns:
            notes.append(headline.convention(analysis))
        else:
            notes += [*headline.footnotes(analysis), *headline.as_separable(analysis)]
        return Table(
            **self._head(*facts),
            columns=tuple(columns),
            rows=shown,
            total=("Total", *totals) if any(totals) else ("", *totals),
            footer=tuple(notes),
            wider="" if self.columns else "--columns",
        )

    def _head(self, *facts: str) -> dict[str, Any]:
        analysis = self.analysis
        network = analysis.network
        if network.free is not None:
            return {"title": heading.title(network), "subtitle": heading.sourced(network, *facts)}
        return {
            "title": headline.headline(analysis),
            "headline": (headline.exact(analysis),),
            "subtitle": heading.sourced(network, *facts),
        }

    def _free_table(self) -> Table:
        from convcost.cost import free_report as free  # symbolic numbers are imported where there are some

        return free.table(self.analysis, [*self._labelled()], self.left_out)

    def _totals_table(self) -> Table:
        """Return the table of the network's totals."""
        footer = [headline.layers(self.analysis), headline.convention(self.analysis)]
        if self.analysis.network.free is None:
            footer += headline.as_separable(self.analysis)
        return Table(
            **self._head(heading.batched(self.analysis.batch)),
            columns=_SUMMARY,
            rows=[Row(cells) for cells in headline.totals(self.analysis)],
            total=("", "", ""),
            footer=tuple(footer),
        )

    def _column(self, key: str, place: int) -> Column:
        """Return a column; of those that were chosen the last is left out first where a page is too narrow."""
        column = _COLUMNS.get(key) or Column(metrics.heading(key), right=True, role="number")
        if key == "type" and self.rows.of_types:
            column = replace(column, title="Layers")
        if not self.columns:
            return column
        named = set(self.columns) & {*OTHER_COLUMNS}
        return replace(column, drop=place) if named else column

    def _cells(self, key: str) -> Sequence[str]:
        """Return the cells of a column, one for each row."""
        layers, analysis = self.layers, self.analysis
        if key in METRICS:
            return [*map(figure, self._values()(key))]
        if key == "type":
            return [self._type([analysis.layers[index] for index in part]) for part in self.rows.parts]
        if key == "output":
            return [sized(layer.output_shape) for layer in layers]
        if key == "notes":
            return [_notes(layer, alone=len(part) == 1) for layer, part in zip(layers, self.rows.parts, strict=True)]
        if key == "ratio":
            return [_ratio(layer) for layer in layers]
        if key == "formula":
            return [layer.ratio.numbers if layer.ratio else "" for layer in layers]
        whole = analysis.total.macs
        shares = [layer.macs / whole if layer.macs and whole else 0 for layer in layers]
        return [bar(share) if key == "share" else f"{100 * share:.1f}" if share else "" for share in shares]

    def _type(self, members: Sequence[LayerCost]) -> str:
        """Return what a row is; of all layers of a type how many they are."""
        if self.rows.of_types:
            return counted(len(members), "layer")
        return label(members[0]) if len(members) == 1 else label_of_several(members)

    def _total(self, key: str) -> str:
        """Return a column's cell in the last row."""
        if key == "type":
            return counted(headline.layer_counts(self.analysis)[0], "layer")
        if key == "percent":
            return "100.0" if self.analysis.total.macs else ""
        return figure(self.analysis.value(key)) if key in METRICS else ""


def _formula_cells(formula: Mapping[str, str] | None) -> tuple[str, str]:
    """Return the formulas of parameters and multiplications that are not 0."""
    params, mults = (formula["params"], formula["mults"]) if formula else ("", "")
    return "" if params == "0" else params, "" if mults == "0" else mults


def check_sort(column: str) -> str:
    """Return the column that a name sorts by.

    Raises:
        OptionError: There is no such column.
    """
    column = _SORTED_BY.get(column, column)
    if column not in OTHER_SORTS and column not in METRICS:
        raise OptionError(_unknown("--sort", column, [*OTHER_SORTS, *METRICS]))
    return column


def check_columns(columns: Sequence[str]) -> None:
    """Refuse columns that there are not.

    Raises:
        OptionError: There is no such column; all that are unknown are named.
    """
    known = [*METRICS, *OTHER_COLUMNS]
    if errors := [_unknown("--columns", column, known) for column in columns if column not in known]:
        raise OptionError(errors)


def check_by(by: str | None) -> None:
    """Refuse what layers are not summed by.

    Raises:
        OptionError: They are summed by their types only.
    """
    if by not in (None, "type"):
        raise OptionError(ErrorDetail("--by takes type", found=f"--by {by}", help="--by type sums up each layer type"))


def _unknown(option: str, column: str, known: Iterable[str]) -> ErrorDetail:
    known = [*known]
    help = nearest(column, known) or f"known: {metrics.listed(known)}"
    return ErrorDetail(f"{option}: there is no column {column!r}", help=help)


def _ratio(layer: LayerCost) -> str:
    if layer.ratio is None:
        return ""
    return ("→ " if layer.ratio.kind == "standard" else "") + percent(layer.ratio.exact)


def _notes(layer: LayerCost, *, alone: bool) -> str:
    """Return the notes: the operations that no column shows, and why there are none.

    A layer that accumulates adds as often as it multiplies; of several layers the additions say nothing new.
    """
    reasons = ["folded" if note.startswith("folded into ") else note for note in layer.notes]
    ops = layer.cost.ops
    others = [
        f"{grouped(count)} {kind}"
        for kind, count in ops.to_dict().items()
        if kind != "mul" and not (kind == "add" and (count == ops.mul or (not alone and layer.macs)))
    ]
    return safe(", ".join([*reasons, *others]))


def _record(
    network: str, row: Mapping[str, Any], ratio: Any, notes: Sequence[str], fields: str, columns: Sequence[str]
) -> dict[str, Any]:
    inputs = row["input_shape"]
    several = bool(inputs) and isinstance(inputs[0], list | tuple)
    return {
        "network": network,
        **{key: row[key] for key in ("name", "type", "file", "line")},
        "input_shape": " ".join(map(sized, inputs)) if several else sized(inputs),
        "output_shape": sized(row["output_shape"]),
        **(_chosen(row, columns) if columns else _usual(row)),
        **{f"ratio_{key}": getattr(ratio, key, None) for key in _RATIO_KEYS},
        "notes": "; ".join(notes),
        "fields": fields,
    }


def _usual(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a row that nobody needs to ask for: the standard metrics, and the ledger."""
    numbers = {metric.name: row[metric.name] for metric in metrics.standard()}
    return numbers | {f"ops_{kind}": row["ops"].get(kind, 0) for kind in KINDS}


def _chosen(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """Return the numbers of a row that were asked for, a ratio in decimals."""
    return {
        name: float(Fraction(row[name])) if METRICS[name].is_ratio and row[name] is not None else row[name]
        for name in columns
    }
