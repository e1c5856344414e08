"""The table of an analysis whose numbers are formulas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcost.cost import free as free_symbols
from convcost.cost.analysis import Analysis, LayerCost
from convcost.network import Free
from convcost.reports import heading
from convcost.reports.contents import Column, Row, Table, counted, grouped, safe, sized

_COLUMNS = (
    Column("Layer", role="name"),
    Column("Type", drop=5),
    Column("Output", drop=4),
    Column("Params", right=True, drop=2, role="number"),
    Column("Mults", right=True, role="number"),
    Column("1/N + 1/Dk²", drop=6),
    Column("Notes", drop=7),
)
_LONGEST_TOTAL = 40  # characters of a total in its column; every total stands below in full


def table(analysis: Analysis, labelled: list[tuple[str, LayerCost | None]], left_out: int) -> Table:
    """Return the table: each layer's output, parameters and multiplications as formulas; the totals below.

    Args:
        analysis: The analysis.
        labelled: The rows: a label and its layer, None for a heading.
        left_out: How many rows are not shown.
    """
    network, total = analysis.network, analysis.total
    free = network.free
    assert free is not None
    rows = [Row((label, *[""] * 6), "heading") if layer is None else _row(label, layer) for label, layer in labelled]
    if left_out:
        rows.append(Row((f"… {left_out:,} more", *[""] * 6), "quiet"))
    return Table(
        title=heading.title(network),
        subtitle=heading.sourced(network, f"free: {', '.join(free.symbols)}", heading.batched(analysis.batch)),
        columns=_COLUMNS,
        rows=rows,
        total=(
            "Total",
            counted(len(network.layers), "layer"),
            "",
            *(text if len(text) <= _LONGEST_TOTAL else "below" for text in map(grouped, (total.params, total.mults))),
            "",
            "",
        ),
        footer=(*_totals(analysis), *held(free), _convention(analysis)),
    )


def _row(label: str, layer: LayerCost) -> Row:
    cost = layer.cost
    notes = ["folded" if note.startswith("folded into ") else note for note in layer.notes]
    return Row(
        (
            label,
            layer.type,
            sized(layer.output_shape),
            grouped(cost.params),
            grouped(cost.mults),
            layer.ratio.numbers if layer.ratio else "",
            safe(", ".join(notes)),
        ),
        "quiet"
        if (cost.mults.__class__, cost.params.__class__) == (int, int) and not cost.mults + cost.params
        else "ordinary",
    )


def _totals(analysis: Analysis) -> Iterator[str]:
    cost = analysis.total
    told: dict[str, str] = {}
    totals: list[tuple[str, Any]] = [
        ("params", cost.params),
        ("mults", cost.mults),
        ("macs", cost.macs),
        ("adds", cost.adds),
        ("useful mults", cost.useful_mults),
    ]
    for name, value in totals:
        text = grouped(value)
        yield f"{name} = {told.get(text, text)}"
        told.setdefault(text, name)


def held(free: Free) -> Iterator[str]:
    """Yield for which values the formulas hold."""
    yield f"For {', '.join(free_symbols.facts(free))}."
    conditions = [str(each) for each in free.conditions]
    if conditions:
        yield f"Where {', '.join(conditions)}."


def _convention(analysis: Analysis) -> str:
    inputs = "one input" if analysis.batch == 1 else f"{analysis.batch:,} inputs"
    norms = "batch norms fold into the layer before them" if analysis.fold else "batch norms are not folded"
    return f"Counted for {inputs} at inference; padding zeros multiply too; {norms}."
