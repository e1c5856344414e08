"""The table of an analysis whose numbers are formulas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from convcost.cost import free as free_symbols
from convcost.cost import headline
from convcost.cost.analysis import Analysis, LayerCost
from convcost.cost.subterms import Subterms
from convcost.network import Free
from convcost.reports import titles
from convcost.reports.table import Column, Row, Table, counted, figure, grouped, safe
from convcost.symbolic import Formula

_COLUMNS = (
    Column("Layer", role="name"),
    Column("Type", drop=5),
    Column("Output", drop=4),
    Column("Params", right=True, drop=2, role="number"),
    Column("Mults", right=True, role="number", wraps=True),
    Column("1/N + 1/Dk²", drop=6),
    Column("Notes", drop=7),
)
_LONGEST_TOTAL = 40  # characters of a total in its column; every total stands below in full
_MOST_LINES = 16  # of names, one below the other


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
    terms = Subterms(network)
    rows = [
        Row((label, *[""] * 6), "heading") if layer is None else _row(label, layer, terms) for label, layer in labelled
    ]
    totals = [grouped(terms.shortened(number)) for number in (total.params, total.mults)]
    totals_below, where = list(_totals(analysis, terms)), list(held(free, terms))  # before the names that they take
    if left_out:
        rows.append(Row((f"… {left_out:,} more", *[""] * 6), "quiet"))
    return Table(
        title=titles.title(network),
        subtitle=titles.sourced(
            network, f"free: {', '.join(free.symbols)}", titles.batched(analysis.batch), titles.types(network)
        ),
        columns=_COLUMNS,
        rows=rows,
        total=(
            "Total",
            counted(len(network.layers), "layer"),
            "",
            *(text if len(text) <= _LONGEST_TOTAL else "below" for text in totals),
            "",
            "",
        ),
        footer=(*totals_below, *_defined(terms), *where, _convention(analysis)),
    )


def summary(analysis: Analysis, totals: Iterable[tuple[str, Any, str]]) -> Table:
    """Return the table of the totals alone; those that are long stand below it in full.

    Args:
        analysis: The analysis.
        totals: The name, the value and the meaning of each.
    """
    network = analysis.network
    free = network.free
    assert free is not None
    terms = Subterms(network)
    shortened = [(name, figure(terms.shortened(value)), meaning) for name, value, meaning in totals]
    below = list(_equations((name, text) for name, text, _ in shortened if len(text) > _LONGEST_TOTAL))
    where = list(held(free, terms))  # before the names that they take
    return Table(
        title=titles.title(network),
        subtitle=titles.sourced(
            network, f"free: {', '.join(free.symbols)}", titles.batched(analysis.batch), titles.types(network)
        ),
        columns=headline.SUMMARY,
        rows=[
            Row((name, text if len(text) <= _LONGEST_TOTAL else "below", meaning)) for name, text, meaning in shortened
        ],
        total=("", "", ""),
        footer=(*below, *_defined(terms), *where, headline.layers(analysis), _convention(analysis)),
    )


def _row(label: str, layer: LayerCost, terms: Subterms) -> Row:
    cost = layer.cost
    notes = ["folded" if note.startswith("folded into ") else note for note in layer.notes]
    return Row(
        (
            label,
            layer.type,
            _sized(layer.output_shape, terms),
            grouped(terms.shortened(cost.params)),
            grouped(terms.shortened(cost.mults)),
            _ratio(layer, terms),
            safe(", ".join(notes)),
        ),
        "quiet"
        if (cost.mults.__class__, cost.params.__class__) == (int, int) and not cost.mults + cost.params
        else "ordinary",
    )


def _sized(shape: Sequence[Any], terms: Subterms) -> str:
    """Return a shape, sums in parentheses."""
    sizes = [str(terms.shortened(size)) for size in shape]
    return "×".join([f"({size})" if " " in size else size for size in sizes])


def _ratio(layer: LayerCost, terms: Subterms) -> str:
    ratio = layer.ratio
    if ratio is None:
        return ""
    parts = terms.shortened(ratio.depthwise), terms.shortened(ratio.pointwise)
    return " + ".join(map(str, parts)) if any(isinstance(part, Formula) for part in parts) else ratio.numbers


def _totals(analysis: Analysis, terms: Subterms) -> Iterator[str]:
    cost = analysis.total
    totals: list[tuple[str, Any]] = [
        ("params", cost.params),
        ("mults", cost.mults),
        ("macs", cost.macs),
        ("adds", cost.adds),
        ("useful mults", cost.useful_mults),
    ]
    yield from _equations((name, grouped(terms.shortened(value))) for name, value in totals)


def _equations(totals: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each name and its formula; for one that is the same as another it names that."""
    names: dict[str, str] = {}
    for name, text in totals:
        yield f"{name} = {names.get(text, text)}"
        names.setdefault(text, name)


def _defined(terms: Subterms) -> list[str]:
    """Return the definitions of the names in the formulas: a line each, or one line where they are many."""
    lines = [f"{name} = {value}" for name, value in terms.definitions()]
    return lines if len(lines) <= _MOST_LINES else ["; ".join(lines)]


def held(free: Free, terms: Subterms | None = None) -> Iterator[str]:
    """Yield the values for which the formulas hold, in short names where there are some."""
    yield f"For {', '.join(free_symbols.facts(free))}."
    conditions = list(free_symbols.simplified(free, terms))
    if conditions:
        yield f"Where {', '.join(conditions)}."


def _convention(analysis: Analysis) -> str:
    inputs = "one input" if analysis.batch == 1 else f"{analysis.batch:,} inputs"
    norms = "batch norms fold into the layer before them" if analysis.fold else "batch norms are not folded"
    return f"Counted for {inputs} at inference; padding zeros multiply too; {norms}."
