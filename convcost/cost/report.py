"""The report of an analysis: its rows sorted, cut or folded, as data, records and a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost import metrics
from convcost.cost.analysis import Analysis, LayerCost, total
from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.metrics import METRICS
from convcost.ops import KINDS, is_symbolic
from convcost.reports import heading
from convcost.reports.contents import Column, Row, Table, bar, counted, figure, grouped, percent, safe, sized, tree

OTHER_SORTS = ("name", "type", "ratio")
_HEADINGS = {"layer": "name", "output": "output_values", "share": "mults", "%": "mults"}
"""What the table's headings sort by, where they are not the names of columns."""

_RATIO = (
    "Ratio: a separable convolution's mults as a share of the standard one's, 1/N + 1/Dk²; "
    "→ marks what a standard one would cost as a separable one."
)
_NOTES = Column("Notes", drop=8)
_COLUMNS = (
    Column("Layer", role="name"),
    Column("Type", drop=5),
    Column("Output", drop=3),
    Column("Params", right=True, role="number"),
    Column("Mults", right=True, role="number"),
    Column("Share", drop=4, role="bar"),
    Column("%", right=True, drop=2, role="number"),
    Column("Ratio", right=True, drop=6, role="number", footnote=_RATIO),
    Column("1/N + 1/Dk²", drop=7),
    _NOTES,
)
_LETTERS = (
    "Formulas: M input and N output channels, Dk kernel, Di input and Dp output size, g groups, m depth multiplier; "
    "for one input, in the layer's own letters: convcost formulas tells all."
)
_FORMULAS = (Column("Params =", drop=1), Column("Mults =", drop=1, footnote=_LETTERS))
_TOLD = ("params", "mults", "adds")
_RATIO_KEYS = ("kind", "formula", "numbers", "exact", "value", "term")
_SUMMARY = ("macs", "adds", "flops", "useful_mults", "buffers")  # below the table, beside the totals in its columns


class AnalysisReport(Struct, frozen=True):
    """An analysis with the rows that a reader asked for.

    Attributes:
        analysis: The analysis.
        layers: The rows that are shown.
        left_out: How many rows are not.
        tree: Whether names are shown as a tree, which needs the rows in their order.
        parts: The indices of the layers that each row stands for.
        formulas: Whether the table and the records tell each layer's formulas in its own letters.
        columns: The metrics that the table and the records tell instead of the usual numbers; the usual without.
    """

    analysis: Analysis
    layers: tuple[LayerCost, ...]
    left_out: int
    tree: bool
    parts: tuple[Sequence[int], ...]
    formulas: bool = False
    columns: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        analysis: Analysis,
        *,
        sort: str | None = None,
        top: int | None = None,
        depth: int | None = None,
        formulas: bool = False,
        columns: Sequence[str] = (),
    ) -> AnalysisReport:
        """Choose the rows.

        Args:
            analysis: The analysis.
            sort: The column to sort by, numbers from the largest.
            top: How many rows to keep: the first of the sorted ones, the largest in `mults` without `sort`.
            depth: How many parts of a name to keep apart; layers that agree in them become one row.
            formulas: Whether the table and the records tell each layer's formulas in its own letters.
            columns: The metrics that the table and the records tell; the usual numbers without.

        Raises:
            OptionError: There is no such column.
        """
        check_columns(columns)
        layers = analysis.layers
        parts: Sequence[Sequence[int]] = [(index,) for index in range(len(layers))]
        if depth is not None:
            groups = _groups(analysis.layers, depth)
            layers, parts = tuple([_folded(analysis, *group) for group in groups.items()]), [*groups.values()]
        if sort is not None:
            check_sort(sort)
        order: Sequence[int] = range(len(layers))
        if sort is not None or top is not None:
            order = _sorted(analysis, layers, parts, sort or "mults")
        shown = order if top is None else order[:top]
        return cls(
            analysis,
            layers if shown == range(len(layers)) and depth is None else tuple([layers[index] for index in shown]),
            len(layers) - len(shown),
            sort is None and top is None,
            tuple([parts[index] for index in shown]),
            formulas,
            tuple(columns),
        )

    def data(self) -> Struct:
        """Return the analysis as a document, its layers being the rows that are shown; `left_out` counts the others."""
        from convcost.cost.documents import analysis_document

        left_out = None if self.layers is self.analysis.layers else self.left_out
        return analysis_document(self.analysis, self.layers, self._values(), self.columns, left_out)

    def _values(self) -> Callable[[str], Sequence[Any]]:
        """Return a function that gives a metric's value for each row."""
        return _of_rows(self.analysis, self.parts)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each row."""
        from convcost.cost.documents import heads, ratio_document, standard_names

        name = self.analysis.network.name
        names = self.columns or tuple(standard_names())
        rows = heads(self.analysis, self.layers, self._values(), names)
        records = [
            _record(name, row, layer, ratio_document(layer.ratio), self.columns)
            for row, layer in zip(rows, self.layers, strict=True)
        ]
        if not self.formulas:
            return records
        told = self.analysis.formulas(self.layers)
        formulas = [told[layer.name] or {} for layer in self.layers]
        return [
            record | {f"formula_{key}": formula.get(key) for key in _TOLD}
            for record, formula in zip(records, formulas, strict=True)
        ]

    def table(self) -> Table:
        """Return the table: each layer's output, parameters, multiplications, their share, and the ratio."""
        table = self._chosen_table() if self.columns else self._table()
        if not self.formulas:
            return table
        formulas = self.analysis.formulas(self.layers)
        layers = [layer for _, layer in self._labelled()]
        cells = [_formula_cells(formulas[layer.name] if layer else None) for layer in layers] + [("", "")]
        rows = [replace(row, cells=(*row.cells, *more)) for row, more in zip(table.rows, cells, strict=False)]
        return replace(table, columns=(*table.columns, *_FORMULAS), rows=rows, total=(*table.total, "", ""))

    def _labelled(self) -> Iterator[tuple[str, LayerCost | None]]:
        """Yield the label of each row of the table with its layer; None where it is a heading."""
        if self.tree:
            yield from tree(self.layers)
        else:
            yield from ((safe(layer.name), layer) for layer in self.layers)

    def _chosen_table(self) -> Table:
        """Return the table with the columns that were chosen."""
        analysis, network = self.analysis, self.analysis.network
        values = self._values()
        columns = (
            *_COLUMNS[:3],
            *[Column(metrics.heading(name), right=True, role="number") for name in self.columns],
            _NOTES,
        )
        numbers = iter(zip(*[map(figure, values(name)) for name in self.columns], strict=True))
        rows = []
        for label, layer in self._labelled():
            if layer is None:
                rows.append(Row((label, *[""] * (len(columns) - 1)), "heading"))
            else:
                cells = label, layer.type, sized(layer.output_shape), *next(numbers), safe(", ".join(_reasons(layer)))
                rows.append(Row(cells))
        if self.left_out:
            rows.append(Row((f"… {self.left_out:,} more", *[""] * (len(columns) - 1)), "quiet"))
        totals = [figure(analysis.value(name)) for name in self.columns]
        facts, footer = [heading.batched(analysis.batch)], [*_meanings(self.columns)]
        if network.free is not None:
            from convcost.cost import free_report as free  # symbolic numbers are imported where there are some

            facts, footer = [f"free: {', '.join(network.free.symbols)}", *facts], [*footer, *free.held(network.free)]
        return Table(
            title=heading.title(network),
            subtitle=heading.sourced(network, *facts),
            columns=columns,
            rows=rows,
            total=("Total", counted(len(network.layers), "layer"), "", *totals, ""),
            footer=(*footer, *_convention(analysis)),
        )

    def _table(self) -> Table:
        analysis = self.analysis
        network = analysis.network
        if network.free is not None:
            from convcost.cost import free_report as free  # symbolic numbers are imported where there are some

            return free.table(analysis, [*self._labelled()], self.left_out)
        whole = analysis.total.mults
        rows = [
            Row((label, *[""] * 9), "heading") if layer is None else _row(label, layer, whole)
            for label, layer in self._labelled()
        ]
        if self.left_out:
            rows.append(Row((f"… {self.left_out:,} more", *[""] * 9), "quiet"))
        total = analysis.total
        return Table(
            title=heading.title(network),
            subtitle=heading.sourced(network, heading.batched(analysis.batch)),
            columns=_COLUMNS,
            rows=rows,
            total=(
                "Total",
                counted(len(network.layers), "layer"),
                "",
                grouped(total.params),
                grouped(total.mults),
                "",
                "100.0" if whole else "",
                "",
                "",
                "",
            ),
            footer=(*_summary(analysis), *_convention(analysis)),
        )


def _formula_cells(formula: Mapping[str, str] | None) -> tuple[str, str]:
    """Return the formulas of parameters and multiplications that are not 0."""
    params, mults = (formula["params"], formula["mults"]) if formula else ("", "")
    return "" if params == "0" else params, "" if mults == "0" else mults


def check_sort(column: str) -> None:
    """Refuse a column that rows cannot be sorted by.

    Raises:
        OptionError: There is no such column.
    """
    if column not in OTHER_SORTS and column not in _HEADINGS and column not in METRICS:
        names = [*OTHER_SORTS, *METRICS]
        known = f"known: {metrics.listed(names)}"
        raise OptionError(ErrorDetail(f"--sort: there is no column {column!r}", help=nearest(column, names) or known))


def check_columns(columns: Sequence[str]) -> None:
    """Refuse columns that are no metrics.

    Raises:
        OptionError: There is no such metric; all that are unknown are told.
    """
    errors = [
        ErrorDetail(f"--columns: there is no column {column!r}", help=metrics.suggestion(column))
        for column in columns
        if column not in METRICS
    ]
    if errors:
        raise OptionError(errors)


def _of_rows(analysis: Analysis, parts: Sequence[Sequence[int]]) -> Callable[[str], Sequence[Any]]:
    """Return a function that gives a metric's value for each row that stands for several layers."""
    values = cache(analysis.values)
    places = [part[0] for part in parts] if all(len(part) == 1 for part in parts) else None

    def of_rows(name: str) -> Sequence[Any]:
        if places is None:
            return [metrics.combined(METRICS[name], values, part) for part in parts]
        found = values(name)
        return [found[index] for index in places]

    return of_rows


def _groups(layers: Sequence[LayerCost], depth: int) -> dict[tuple[str, ...], list[int]]:
    """Return the indices of the layers whose names begin with the same parts."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, layer in enumerate(layers):
        groups.setdefault(layer.path[:depth], []).append(index)
    return groups


def _folded(analysis: Analysis, path: tuple[str, ...], part: Sequence[int]) -> LayerCost:
    """Return the row of some layers together."""
    members = [analysis.layers[index] for index in part]
    if len(members) == 1:
        return replace(members[0], path=path, name="/".join(path))
    ratios = {member.ratio.formula + member.ratio.numbers: member.ratio for member in members if member.ratio}
    ratio = next(iter(ratios.values())) if len(ratios) == 1 else None
    return LayerCost(
        path=path,
        name="/".join(path),
        type=counted(len(members), "layer"),
        line=members[0].line,
        input_shapes=members[0].input_shapes,
        output_shape=members[-1].output_shape,
        output_values=sum(member.output_values for member in members),
        cost=total([member.cost for member in members]),
        ratio=replace(ratio, term=None) if ratio else None,
        notes=("output",) if any("output" in member.notes for member in members) else (),
    )


def _sorted(
    analysis: Analysis, layers: Sequence[LayerCost], parts: Sequence[Sequence[int]], column: str
) -> Sequence[int]:
    """Return the indices of rows sorted by a column; formulas by their values where open questions are decided."""
    column = _HEADINGS.get(column, column)
    if column in ("name", "type"):
        return sorted(range(len(layers)), key=lambda index: getattr(layers[index], column))
    free = analysis.network.free
    numbers: Sequence[Any]
    if column == "ratio":
        numbers = [layer.ratio.exact if layer.ratio else None for layer in layers]
    else:
        numbers = _of_rows(analysis, parts)(column)

    def key(index: int) -> Any:
        number = numbers[index]
        if free and is_symbolic(number):
            number = free.conditions.at_witness(number)
        return 1 if number is None else -number

    return sorted(range(len(layers)), key=key)


def _row(label: str, layer: LayerCost, whole: int) -> Row:
    cost = layer.cost
    mults = cost.mults
    share = mults / whole if whole else 0.0
    ratio = layer.ratio
    separable = formula = ""
    if ratio is not None:
        separable = ("→ " if ratio.kind == "standard" else "") + percent(ratio.exact)
        formula = ratio.numbers
    return Row(
        (
            label,
            layer.type,
            sized(layer.output_shape),
            grouped(cost.params),
            grouped(mults),
            bar(share) if mults else "",
            f"{100 * share:.1f}" if mults else "",
            separable,
            formula,
            _notes(layer),
        ),
        "ordinary" if mults or cost.params else "quiet",
    )


def _notes(layer: LayerCost) -> str:
    """Return the notes: the other operations, and why there are none."""
    ops = layer.cost.ops
    others = [
        f"{count:,} {kind}"
        for kind, count in ops.to_dict().items()
        if kind != "mul" and not (kind == "add" and count == ops.mul)
    ]
    return safe(", ".join([*_reasons(layer), *others]))


def _reasons(layer: LayerCost) -> list[str]:
    """Return the notes of a layer; of one that is folded the row above says where."""
    return ["folded" if note.startswith("folded into ") else note for note in layer.notes]


def _meanings(columns: Sequence[str]) -> Iterator[str]:
    """Yield the footnote of each chosen column."""
    for name in columns:
        yield f"{metrics.heading(name)}: {METRICS[name].about}"


def _summary(analysis: Analysis) -> Iterator[str]:
    yield " · ".join(f"{grouped(analysis.value(name))} {metrics.words(name)}" for name in _SUMMARY)


def _convention(analysis: Analysis) -> Iterator[str]:
    inputs = "one input" if analysis.batch == 1 else f"{analysis.batch:,} inputs"
    norms = "batch norms fold into the layer before them" if analysis.fold else "batch norms are not folded"
    yield f"Counted for {inputs} at inference; padding zeros multiply too; {norms}; macs = multiply–accumulates."


def _record(
    network: str, row: Mapping[str, Any], layer: LayerCost, ratio: Any, columns: Sequence[str]
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
        "notes": "; ".join(layer.notes),
    }


def _usual(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a row that are told without asking: the standard metrics, and the ledger."""
    numbers = {metric.name: row[metric.name] for metric in metrics.standard()}
    return numbers | {f"ops_{kind}": row["ops"].get(kind, 0) for kind in KINDS}


def _chosen(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """Return the numbers of a row that were asked for, a ratio in decimals."""
    return {
        name: float(Fraction(row[name])) if METRICS[name].is_ratio and row[name] is not None else row[name]
        for name in columns
    }
