"""The report of a comparison: the standard and the separable form of each convolution, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.comparison.compare import MIXED, NEITHER, OTHERS, STANDARD, Compared, Comparison
from convcost.comparison.row_choice import RowChoice
from convcost.cost.headline import declared_note
from convcost.errors import ErrorDetail, OptionError
from convcost.metrics import METRICS, counts
from convcost.ops import Cost
from convcost.reports import titles
from convcost.reports.folding import MORE, Groups, fit, group
from convcost.reports.table import (
    BAR_CELLS,
    Column,
    Row,
    Table,
    bar,
    counted,
    grouped,
    percent,
    safe,
    short,
    sized,
    tree,
)

if TYPE_CHECKING:
    from convcost.html.controls import NetworkSource
    from convcost.html.section import Section

_FORMS = "The bar: dark what the separable form multiplies, light what it saves of the standard one."
_RATIO = (
    "Ratio: the separable form's mults as a share of the standard one's, 1/N + 1/Dk²; → marks a convolution that is "
    "written standard."
)

_COLUMNS = (
    Column("Layer", role="name"),
    Column("Shape", drop=4),
    Column("Params standard", right=True, drop=3, role="number"),
    Column("Params separable", right=True, drop=3, role="number"),
    Column("Mults standard", right=True, role="number"),
    Column("Mults separable", right=True, role="number"),
    Column("Saved", right=True, drop=5, role="number"),
    Column("Saving", drop=2, role="bar", footnote=_FORMS),
    Column("Ratio", right=True, drop=1, role="number", footnote=_RATIO),
    Column("Exactly", right=True, drop=7, role="number"),
    Column("1/N + 1/Dk²", drop=6),
)

_TOTALS = (
    Column("In all", role="name"),
    Column("Params", right=True, role="number"),
    Column("Mults", right=True, role="number"),
    Column("Of standard", drop=1, role="bar"),
    Column("%", right=True, role="number"),
    Column("Macs", right=True, drop=2, role="number"),
    Column("Adds", right=True, drop=3, role="number"),
    Column("Buffers", right=True, drop=4, role="number"),
    Column("Weight bytes", right=True, drop=5, role="number"),
    Column("Peak memory, bytes", right=True, drop=6, role="number"),
)
_FOOTPRINT = ("weight_bytes", "peak_memory")


class ComparisonReport(Struct, frozen=True):
    """A comparison of standard and separable convolutions for every format.

    Attributes:
        comparison: The comparison.
        rows: Which layers a table shows, and how.
        source: What the network was made of, for a page that computes it at other values of its symbols.
    """

    comparison: Comparison
    rows: RowChoice = RowChoice()
    source: NetworkSource | None = None

    def data(self) -> Struct:
        """Return the comparison as a document."""
        return self.comparison.document()

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each convolution and linear layer, and one for all other layers."""
        name = self.comparison.written.network.name
        return [_record(name, row) for row in _with_others(self.comparison)]

    def table(self) -> Table:
        """Return the table: parameters and multiplications of both forms, the saving and the ratio; then the totals."""
        layers: Sequence[Compared] = self.comparison.layers
        if self.rows.depth is not None:
            layers = folded(layers, group([layer.path[: self.rows.depth] for layer in layers]))
        if not self.rows.sorts:
            return self._table([*tree(layers)])
        chosen = sorted(layers, key=_sort_key(self.rows.sort))
        shown = chosen if self.rows.top is None else chosen[: self.rows.top]
        return self._table([(safe(layer.name), layer) for layer in shown], len(chosen) - len(shown))

    def section(self) -> Section:
        """Return the comparison as a section of a page, with its chart."""
        from convcost.html.charts import page_chart  # pages are written where they are asked for
        from convcost.html.section import Figure, section_of, telling

        comparison = self.comparison
        figures = [
            Figure(f"mults {name}", short(each.total.mults), f"{each.total.mults:,}")
            for name, each in comparison.totals().items()
        ]
        table = self.table()
        live = None
        if self.source is not None and not self.rows.is_given:
            from convcost.comparison.live import live_view  # symbolic numbers are imported where there are some
            from convcost.html.live import live_data

            view = live_view(comparison, [column.title for column in telling(table).columns])
            live = live_data(comparison.written.network, self.source, view, table.subtitle[-1])
        key = "separable" if live else ""
        charts = (page_chart(comparison.plot(), "Standard and separable", key=key),) if comparison.layers else ()
        folds = ("Params standard", "Params separable", "Mults standard", "Mults separable", "Saved")
        how: dict[str, Any] = {"folds": dict.fromkeys(folds, "sum")}
        return section_of(
            table,
            how | {"key": "layers"} if live else how,
            headline=(),
            figures=tuple(figures),
            charts=charts,
            live=live,
        )

    def screen(self) -> Table:
        """Return the same with as many rows as a screen has room for, unless they were asked for."""
        layers = self.comparison.layers
        paths = [layer.path for layer in layers]
        groups = fit(paths, lambda part: sum(layers[index].standard.mults for index in part))
        if self.rows.is_given or [path for path, _ in groups] == paths:
            return self.table()
        rows = folded(layers, groups)
        note = f"Folded from {counted(len(layers), 'row')} to {len(rows):,}, ratios of their sums: --layers shows each."
        table = self._table([*tree(rows)])
        return replace(table, footer=(*table.footer, note))

    def _table(self, labelled: Sequence[tuple[str, Compared | None]], left_out: int = 0) -> Table:
        comparison = self.comparison
        network = comparison.written.network
        largest = max([layer.standard.mults for _, layer in labelled if layer is not None], default=0)
        blank = [""] * (len(_COLUMNS) - 1)
        rows = [
            Row((label, *blank), "heading") if layer is None else _row(label, layer, largest)
            for label, layer in labelled
        ]
        if left_out:
            rows.append(Row((f"{MORE} {left_out:,} more", *blank), "quiet"))
        if comparison.other_layers:
            rows.append(_others(comparison))
        standard, separable = comparison.standard.total, comparison.separable.total
        return Table(
            title=f"{titles.title(network)}: standard and separable",
            headline=(_headline(comparison),),
            subtitle=titles.sourced(
                network, titles.batched(comparison.written.batch), titles.types(network, ("peak_memory",))
            ),
            columns=_COLUMNS,
            rows=rows,
            total=(
                "Total",
                "",
                *_pair(standard.params, separable.params),
                *_pair(standard.mults, separable.mults),
                grouped(standard.mults - separable.mults),
                _saving(standard.mults, separable.mults, standard.mults),
                percent(Fraction(separable.mults, standard.mults)) if standard.mults else "",
                "",
                "",
            ),
            footer=(_convention(comparison), *declared_note(comparison.written)),
            more=(_totals(comparison),),
        )


def _headline(comparison: Comparison) -> str:
    """Return the multiplications of the three networks in one line."""
    return " · ".join(f"{name} {short(each.total.mults)} mults" for name, each in comparison.totals().items())


def _sort_key(sort: str | None) -> Callable[[Compared], Any]:
    """Return the key by which rows are sorted: a name, or what is saved of a count, the most first.

    Raises:
        OptionError: It is no count of each layer.
    """
    if sort == "name":
        return attrgetter("name")
    of_cost = METRICS[sort or "mults"].of_cost
    if of_cost is None:
        message = f"--sort: compare sorts by name and by counts, and {sort} is none"
        raise OptionError(ErrorDetail(message, help=f"known: name, {', '.join(counts(Cost()))}, ops_mul, …"))
    return lambda layer: -abs(of_cost(layer.standard) - of_cost(layer.separable))


def folded(layers: Sequence[Compared], groups: Groups) -> Sequence[Compared]:
    """Return layers with each group joined to one."""
    return [_joined(path, [layers[index] for index in part]) for path, part in groups]


def _joined(path: tuple[str, ...], members: Sequence[Compared]) -> Compared:
    """Return several layers as one; it has two forms where one of them has."""
    if len(members) == 1:
        return replace(members[0], path=path, name="/".join(path))
    ratios = {member.ratio.formula + member.ratio.numbers for member in members if member.ratio}
    written = {member.written for member in members if member.ratio}
    return Compared(
        path=path,
        name="/".join(path),
        line=members[0].line,
        written=written.pop() if len(written) == 1 else MIXED if written else NEITHER,
        kernel=(),
        input_shape=members[0].input_shape,
        output_shape=members[-1].output_shape,
        standard=sum((member.standard for member in members), Cost()),
        separable=sum((member.separable for member in members), Cost()),
        ratio=members[0].ratio if len(ratios) == 1 and all(member.ratio for member in members) else None,
        reason=members[0].reason if not written else "",
    )


def _row(label: str, layer: Compared, largest: int) -> Row:
    standard, separable = layer.standard, layer.separable
    both = layer.written != NEITHER
    reason, beside = layer.reason_texts
    return Row(
        (
            label,
            _window(layer),
            *_pair(standard.params, separable.params),
            *_pair(standard.mults, separable.mults),
            grouped(layer.saved) if both else "",
            _saving(standard.mults, separable.mults, largest),
            ("→ " if layer.written == STANDARD else "") + percent(layer.share) if both else reason,
            str(layer.share) if both else "",
            layer.ratio.numbers if layer.ratio is not None else "" if both else safe(beside),
        ),
        "ordinary" if both else "quiet",
    )


def _others(comparison: Comparison) -> Row:
    standard, separable = comparison.others
    saved = standard.mults - separable.mults
    return Row(
        (
            counted(comparison.other_layers, "other layer"),
            "",
            *_pair(standard.params, separable.params),
            *_pair(standard.mults, separable.mults),
            grouped(saved) if saved else "",
            "",
            "",
            "",
            "norms, activations, pools, merges",
        ),
        "quiet",
    )


def _totals(comparison: Comparison) -> Table:
    totals = [(name, analysis.total, analysis) for name, analysis in comparison.totals().items()]
    whole = comparison.standard.total.mults
    rows = [
        Row(
            (
                name[0].upper() + name[1:],
                grouped(cost.params),
                grouped(cost.mults),
                bar(cost.mults / whole) if whole else "",
                f"{100 * cost.mults / whole:.1f}" if whole else "",
                grouped(cost.macs),
                grouped(cost.adds),
                grouped(cost.buffers),
                *(grouped(analysis.value(metric)) for metric in _FOOTPRINT),
            )
        )
        for name, cost, analysis in totals
    ]
    standard, separable = comparison.standard.total, comparison.separable.total
    saved = standard.mults - separable.mults
    return Table(
        title="The whole network",
        subtitle=(),
        columns=_TOTALS,
        rows=rows,
        total=(
            "Separable saves",
            grouped(standard.params - separable.params),
            grouped(saved),
            "",
            f"{100 * saved / whole:.1f}" if whole else "",
            grouped(standard.macs - separable.macs),
            grouped(standard.adds - separable.adds),
            grouped(standard.buffers - separable.buffers),
            *(grouped(comparison.standard.value(each) - comparison.separable.value(each)) for each in _FOOTPRINT),
        ),
        footer=(),
    )


def _window(layer: Compared) -> str:
    """Return a layer's shape: its window, its channels and its output, such as `3×3, 32→64, 112×112`."""
    channels = f"{layer.input_shape[0]}→{layer.output_shape[0]}"
    parts = [sized(layer.kernel), channels, sized(layer.output_shape[1:])]
    return ", ".join(part for part in parts if part)


def _saving(standard: int, separable: int, whole: int) -> str:
    """Return a bar of the standard form's share of `whole`, its saved part light."""
    if not whole:
        return ""
    dark = bar(min(standard, separable) / whole)
    return dark + "░" * (round(standard / whole * BAR_CELLS) - len(dark))


def _pair(standard: int, separable: int) -> tuple[str, str]:
    return grouped(standard), grouped(separable)


def _convention(comparison: Comparison) -> str:
    batch = comparison.written.batch
    inputs = "one input" if batch == 1 else f"{batch:,} inputs"
    return (
        f"Counted for {inputs} at inference. Where there is no other form, both sides count the layer as it is. "
        "Each form is a network that convcost has built and analysed; cost is known exactly, accuracy is not."
    )


def _with_others(comparison: Comparison) -> Iterator[Compared]:
    yield from comparison.layers
    standard, separable = comparison.others
    reason = "no convolutions" + (f"; {comparison.declared_layers:,} declared" if comparison.declared_layers else "")
    yield Compared((OTHERS,), OTHERS, 0, NEITHER, (), (), (), standard, separable, None, reason)


def _record(network: str, layer: Compared) -> dict[str, Any]:
    ratio = layer.ratio
    return {
        "network": network,
        "name": layer.name,
        "written": layer.written,
        "line": layer.line or None,
        "kernel_size": sized(layer.kernel),
        "input_shape": sized(layer.input_shape),
        "output_shape": sized(layer.output_shape),
        **_costs("standard", layer.standard),
        **_costs("separable", layer.separable),
        "saved_params": layer.standard.params - layer.separable.params,
        "saved_mults": layer.saved,
        "ratio_formula": ratio.formula if ratio else None,
        "ratio_numbers": ratio.numbers if ratio else None,
        "ratio_exact": str(layer.share) if ratio else None,
        "ratio_value": float(layer.share) if ratio else None,
        "reason": layer.reason,
    }


def _costs(form: str, cost: Cost) -> dict[str, int]:
    return {f"{form}_{name}": count for name, count in counts(cost).items()}
