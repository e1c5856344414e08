"""The report of all shipped networks: as a page what each costs, needs and sees, and what others print of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.cost.analysis import Analysis
from convcost.cost.specs_report import SpecsReport, year
from convcost.html.section import Figure, Grid, Section
from convcost.published.analysis import PublishedNumber, PublishedNumbers
from convcost.published.report import reasons, settings
from convcost.published.sources import published_specs
from convcost.reports.table import Column, Row, Table, bytes_text, counted, grouped, safe, short, sized
from convcost.zoo.sparkline import sparkline

_ALONG = "First to last layer"
_COLUMNS = (
    Column("Network", role="name"),
    Column("Spec"),
    Column("Year", right=True, role="number"),
    Column("Input"),
    Column("Params", right=True, role="number"),
    Column("Macs", right=True, role="number"),
    Column(_ALONG),
    Column("Weights", right=True, role="number"),
    Column("Peak memory", right=True, role="number"),
    Column("Sees", right=True, role="number"),
    Column("Use"),
    Column("Published"),
    Column("Source"),
)
_NUMBERS = (
    Column("Spec", role="name"),
    Column("Published by"),
    Column("As"),
    Column("Settings"),
    Column("Of"),
    Column("Printed", right=True, role="number"),
    Column("Exact", right=True, role="number"),
    Column("Because of"),
)
_NOTES = (
    "Counted for one input at inference, at the values that specs give their symbols, as by convcost analyze SPEC.",
    "Weights and peak memory: of float32 numbers; the peak holds activations, in the order of the spec.",
    "Sees: the positions of the input between the first and the last that a value of the output depends on.",
    "What norms, gates and attention over positions let it see beside these is left out.",
    "Published: what others print of it, perhaps for other classes; below is all that they print, each explained.",
    "convcost specs SPEC prints it to copy from.",
)


class ZooReport(Struct, frozen=True):
    """The shipped networks.

    Attributes:
        specs: Their report for the other formats.
        uses: What each is for, by its name.
    """

    specs: SpecsReport
    uses: Mapping[str, str]

    def data(self) -> Struct:
        """Return the networks as a document."""
        return self.specs.data()

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each network."""
        return self.specs.records()

    def table(self) -> Table:
        """Return the networks with their totals."""
        return self.specs.table()

    def section(self) -> Section:
        """Return the page's sections: the networks, and all their published numbers."""
        analyses = {name: each for name, each in self.specs.analyses.items() if self.uses[name] != "examples"}
        numbers = {name: PublishedNumbers.of(name).numbers for name in published_specs() if name in analyses}
        totals = [analysis.total.macs for analysis in analyses.values()]
        params = [analysis.total.params for analysis in analyses.values()]
        found = sum(map(len, numbers.values()))
        return Section(
            title="Networks that convcost ships",
            lines=("Each counted exactly from its spec, and held to public implementations and papers by tests.",),
            figures=(
                Figure("networks", str(len(analyses))),
                Figure("params", f"{short(min(params))} to {short(max(params))}"),
                Figure("macs", f"{short(min(totals))} to {short(max(totals))}"),
                Figure("published numbers", f"{found:,}", "each reproduced or explained"),
            ),
            grids=(_networks(analyses, self.uses, numbers), _published(numbers)),
            notes=_NOTES,
        )


def _networks(
    analyses: Mapping[str, Analysis], uses: Mapping[str, str], numbers: Mapping[str, Sequence[PublishedNumber]]
) -> Grid:
    """Return the table of the networks."""
    measured = {name: [analysis.value(metric) for metric in _MEASURED] for name, analysis in analyses.items()}
    rows = []
    for name, analysis in analyses.items():
        weights, peak, field = measured[name]
        cells = (
            *(safe(analysis.network.name), name, str(year(analysis) or ""), _inputs(analysis)),
            *(grouped(analysis.total.params), grouped(analysis.total.macs), _spread(analysis)),
            *(bytes_text(weights), bytes_text(peak), "" if field is None else grouped(field)),
            *(uses[name], _printed(numbers.get(name, ())), safe(analysis.network.source)),
        )
        rows.append(Row(cells))
    order = {
        "Input": [_product(analysis.network.inputs[0].shape) for analysis in analyses.values()],
        "Weights": [weights for weights, _, _ in measured.values()],
        "Peak memory": [peak for _, peak, _ in measured.values()],
        "Published": [len(numbers.get(name, ())) for name in analyses],
        _ALONG: [_most(analysis)[0] for analysis in analyses.values()],
    }
    total = (counted(len(rows), "network"), *[""] * (len(_COLUMNS) - 1))
    return Grid(Table("Networks", (), _COLUMNS, rows, total, ()), order=order)


_MEASURED = ("weight_bytes", "peak_memory", "receptive_field")


def _product(shape: Sequence[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _inputs(analysis: Analysis) -> str:
    return ", ".join(sized(tensor.shape) for tensor in analysis.network.inputs)


def _most(analysis: Analysis) -> tuple[float, str]:
    """Return the largest share of the macs that a layer has, in percent, and its name."""
    heaviest = max(analysis.layers, key=lambda layer: layer.macs)
    return 100 * heaviest.macs / (analysis.total.macs or 1), heaviest.name


def _spread(analysis: Analysis) -> str:
    share, name = _most(analysis)
    values = [layer.macs for layer in analysis.layers if layer.macs]
    return sparkline(values, f"the macs of {len(values)} layers; most, {share:.1f} %, in {name}")


def _printed(numbers: Sequence[PublishedNumber]) -> str:
    """Return the first published number of each metric as text, at the spec's values and any number of classes."""
    first: dict[str, PublishedNumber] = {}
    for number in numbers:
        if number.quantity in ("macs", "params") and set(number.set) <= {"classes"}:
            first.setdefault(number.quantity, number)
    by: dict[str, list[str]] = {}
    for number in first.values():
        by.setdefault(number.source, []).append(f"{number.printed} {number.quantity}")
    return "; ".join(f"{', '.join(texts)} ({source})" for source, texts in by.items())


def _published(numbers: Mapping[str, Sequence[PublishedNumber]]) -> Grid:
    """Return the table of all published numbers."""
    rows = [*_published_rows(numbers)]
    total = (counted(len(rows), "number"), *[""] * (len(_NUMBERS) - 1))
    return Grid(Table("Published numbers", (), _NUMBERS, rows, total, ()))


def _published_rows(numbers: Mapping[str, Sequence[PublishedNumber]]) -> Iterator[Row]:
    for name, found in numbers.items():
        for number in found:
            because = "; ".join(reasons(number))
            cells = (name, safe(number.source), safe(number.name), safe(settings(number)), number.quantity)
            yield Row((*cells, safe(number.printed), grouped(number.exact), safe(because)))
