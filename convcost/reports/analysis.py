"""The report of an analysis: its rows sorted, cut or folded, as data, records and a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.analysis.cost import Analysis, LayerCost, total
from convcost.errors import Fault, OptionError, nearest
from convcost.network import Free
from convcost.ops import KINDS, is_symbolic
from convcost.reports import heading
from convcost.reports.contents import Column, Row, Table, bar, counted, grouped, percent, safe, sized, tree

NUMBERS = ("params", "buffers", "mults", "adds", "macs", "flops", "useful_mults", "activations")
SORTS = ("name", "type", "ratio", *NUMBERS)
_HEADINGS = {"layer": "name", "output": "activations", "share": "mults", "%": "mults"}
"""What the table's headings sort by, where they are not the names of columns."""

_RATIO = (
    "Ratio: a separable convolution's mults as a share of the standard one's, 1/N + 1/Dk²; "
    "→ marks what a standard one would cost as a separable one."
)
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
    Column("Notes", drop=8),
)
_LETTERS = (
    "Formulas: M input and N output channels, Dk kernel, Di input and Dp output size, g groups, m depth multiplier; "
    "for one input, in the layer's own letters: convcost formulas tells all."
)
_FORMULAS = (Column("Params =", drop=1), Column("Mults =", drop=1, footnote=_LETTERS))
_TOLD = ("params", "mults", "adds")


class AnalysisReport(Struct, frozen=True):
    """An analysis with the rows that a reader asked for.

    Attributes:
        analysis: The analysis.
        layers: The rows that are shown.
        left_out: How many rows are not.
        tree: Whether names are shown as a tree, which needs the rows in their order.
        formulas: Whether the table and the records tell each layer's formulas in its own letters.
    """

    analysis: Analysis
    layers: tuple[LayerCost, ...]
    left_out: int
    tree: bool
    formulas: bool = False

    @classmethod
    def of(
        cls,
        analysis: Analysis,
        *,
        sort: str | None = None,
        top: int | None = None,
        depth: int | None = None,
        formulas: bool = False,
    ) -> AnalysisReport:
        """Choose the rows.

        Args:
            analysis: The analysis.
            sort: The column to sort by, numbers from the largest.
            top: How many rows to keep: the first of the sorted ones, the largest in `mults` without `sort`.
            depth: How many parts of a name to keep apart; layers that agree in them become one row.
            formulas: Whether the table and the records tell each layer's formulas in its own letters.

        Raises:
            OptionError: There is no such column.
        """
        layers = analysis.layers if depth is None else tuple(_folded(analysis.layers, depth))
        if sort is not None:
            check_sort(sort)
        if sort is not None or top is not None:
            layers = tuple(_sorted(layers, sort or "mults", analysis.network.free))
        shown = layers if top is None else layers[:top]
        return cls(analysis, shown, len(layers) - len(shown), sort is None and top is None, formulas)

    def data(self) -> Mapping[str, Any]:
        """Return the analysis as plain data, its layers being the rows that are shown; `left_out` counts the others."""
        whole = self.analysis.to_dict()
        if self.layers is self.analysis.layers:
            return whole
        shown = replace(self.analysis, layers=self.layers).to_dict()
        return shown | {"left_out": self.left_out, "total": whole["total"]}

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each row."""
        name = self.analysis.network.name
        rows = self.data()["layers"]
        if not self.formulas:
            return [_record(name, row) for row in rows]
        formulas = [row["formula"] or {} for row in rows]
        return [
            _record(name, row) | {f"formula_{key}": formula.get(key) for key in _TOLD}
            for row, formula in zip(rows, formulas, strict=True)
        ]

    def table(self) -> Table:
        """Return the table: each layer's output, parameters, multiplications, their share, and the ratio."""
        table = self._table()
        if not self.formulas:
            return table
        formulas = replace(self.analysis, layers=self.layers).formulas()
        layers = [layer for _, layer in tree(self.layers)] if self.tree else [*self.layers]
        cells = [_formula_cells(formulas[layer.name] if layer else None) for layer in layers] + [("", "")]
        rows = [replace(row, cells=(*row.cells, *more)) for row, more in zip(table.rows, cells, strict=False)]
        return replace(table, columns=(*table.columns, *_FORMULAS), rows=rows, total=(*table.total, "", ""))

    def _table(self) -> Table:
        analysis = self.analysis
        network = analysis.network
        if network.free is not None:
            from convcost.reports import free  # symbolic numbers are imported where there are some

            labelled: list[tuple[str, LayerCost | None]] = [(safe(each.name), each) for each in self.layers]
            if self.tree:
                labelled = list(tree(self.layers))
            return free.table(analysis, labelled, self.left_out)
        whole = analysis.total.mults
        rows: list[Row] = []
        if self.tree:
            for label, layer in tree(self.layers):
                rows.append(Row((label, *[""] * 9), "heading") if layer is None else _row(label, layer, whole))
        else:
            rows = [_row(safe(layer.name), layer, whole) for layer in self.layers]
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
    if column not in SORTS and column not in _HEADINGS:
        raise OptionError(
            Fault(f"--sort: there is no column {column!r}", help=nearest(column, SORTS) or f"known: {', '.join(SORTS)}")
        )


def _folded(layers: Sequence[LayerCost], depth: int) -> Iterator[LayerCost]:
    groups: dict[tuple[str, ...], list[LayerCost]] = {}
    for layer in layers:
        groups.setdefault(layer.path[:depth], []).append(layer)
    for path, members in groups.items():
        if len(members) == 1:
            yield replace(members[0], path=path, name="/".join(path))
            continue
        ratios = {member.ratio.formula + member.ratio.numbers: member.ratio for member in members if member.ratio}
        ratio = next(iter(ratios.values())) if len(ratios) == 1 else None
        yield LayerCost(
            path=path,
            name="/".join(path),
            type=counted(len(members), "layer"),
            line=members[0].line,
            input_shapes=members[0].input_shapes,
            output_shape=members[-1].output_shape,
            activations=sum(member.activations for member in members),
            cost=total([member.cost for member in members]),
            ratio=replace(ratio, term=None) if ratio else None,
            notes=("output",) if any("output" in member.notes for member in members) else (),
        )


def _sorted(layers: Sequence[LayerCost], column: str, free: Free | None) -> list[LayerCost]:
    """Sort by a column; formulas by their values where open questions are decided."""
    column = _HEADINGS.get(column, column)
    if column in ("name", "type"):
        return sorted(layers, key=lambda layer: getattr(layer, column))

    def key(layer: LayerCost) -> Any:
        number: Any
        if column == "ratio":
            number = layer.ratio.exact if layer.ratio else -1
        elif column == "activations":
            number = layer.activations
        else:
            number = getattr(layer.cost, column)
        return -(free.conditions.at_witness(number) if free and is_symbolic(number) else number)

    return sorted(layers, key=key)


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
    """Return what else a reader should know: the other operations, and why there are none."""
    ops = layer.cost.ops
    others = [
        f"{count:,} {kind}"
        for kind, count in ops.to_dict().items()
        if kind != "mul" and not (kind == "add" and count == ops.mul)
    ]
    notes = ["folded" if note.startswith("folded into ") else note for note in layer.notes]  # the row above says where
    return safe(", ".join([*notes, *others]))


def _summary(analysis: Analysis) -> Iterator[str]:
    cost = analysis.total
    totals = (
        ("macs", cost.macs),
        ("adds", cost.adds),
        ("flops", cost.flops),
        ("useful mults", cost.useful_mults),
        ("buffers", cost.buffers),
    )
    yield " · ".join(f"{grouped(count)} {name}" for name, count in totals)


def _convention(analysis: Analysis) -> Iterator[str]:
    inputs = "one input" if analysis.batch == 1 else f"{analysis.batch:,} inputs"
    norms = "batch norms fold into the layer before them" if analysis.fold else "batch norms are not folded"
    yield f"Counted for {inputs} at inference; padding zeros multiply too; {norms}; macs = multiply–accumulates."


def _record(network: str, row: Mapping[str, Any]) -> dict[str, Any]:
    ratio = row["ratio"] or {}
    inputs = row["input_shape"]
    several = bool(inputs) and isinstance(inputs[0], list | tuple)
    return {
        "network": network,
        **{key: row[key] for key in ("name", "type", "file", "line")},
        "input_shape": " ".join(map(sized, inputs)) if several else sized(inputs),
        "output_shape": sized(row["output_shape"]),
        **{key: row[key] for key in ("activations", *NUMBERS[:-1])},
        **{f"ops_{kind}": row["ops"].get(kind, 0) for kind in KINDS},
        **{f"ratio_{key}": ratio.get(key) for key in ("kind", "formula", "numbers", "exact", "value", "term")},
        "notes": "; ".join(row["notes"]),
    }
