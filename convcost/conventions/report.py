"""The reports of what other tools count: one table of all, one of a tool's layers, one of what gives a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.conventions.analysis import Reconciliation, ToolCount
from convcost.conventions.documents import (
    convention_document,
    expectation_document,
    reconciliation_document,
    unit_of,
)
from convcost.conventions.expectation import Expectation, NumberMatch
from convcost.network import Network
from convcost.reports import titles
from convcost.reports.folding import Part
from convcost.reports.layer_rows import Line, folded, folding_note, tree_rows, unfolded
from convcost.reports.table import Column, Row, Table, counted, grouped, safe, signed, sized

if TYPE_CHECKING:
    from convcost.html.section import Section

_COLUMNS = (
    Column("Tool", role="name"),
    Column("Version", drop=4, least=7),
    Column("Unit", drop=2),
    Column("Params", right=True, drop=3, role="number"),
    Column("Count", right=True, role="number"),
    Column("Difference", right=True, role="number"),
    Column("Because of", wraps=True, least=24, drop=1),
)
_MATCHES = (
    Column("Tool", role="name"),
    Column("Unit"),
    Column("Count", right=True, role="number"),
    Column("Digits", drop=1),
    Column("Settings", wraps=True, least=20),
)
_LAYERS = (
    Column("Layer", role="name"),
    Column("Type", drop=4),
    Column("Output", drop=5),
    Column("Params", right=True, drop=3, role="number"),
    Column("Count", right=True, role="number"),
    Column("Macs", right=True, drop=2, role="number"),
    Column("Because of", wraps=True, least=20, drop=1),
)


class ReconciliationReport(Struct, frozen=True):
    """What tools count of a network, for every format."""

    reconciliation: Reconciliation

    def data(self) -> Struct:
        """Return the result as a document."""
        return reconciliation_document(self.reconciliation)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each tool and cause."""
        found = self.reconciliation
        name = found.network.name
        head = {"network": name, "macs": found.macs}
        return [
            {
                **head,
                **_tool_record(tool),
                "cause": cause.cause if cause else "",
                "amount": cause.amount if cause else 0,
            }
            for tool in found.tools
            for cause in tool.causes or (None,)
        ]

    def table(self) -> Table:
        """Return the table of all tools, each with its causes."""
        found = self.reconciliation
        rows = []
        for tool in found.tools:
            causes = [f"{signed(cause.amount)} {cause.cause}" for cause in tool.causes]
            causes += [f"nothing is known of {safe(type)}" for type in _unnamed(tool)]
            first, *rest = causes or ["counts as convcost"]
            convention = tool.convention
            difference = signed(tool.difference) if tool.difference else "0"
            head = (safe(convention.name), safe(convention.version), unit_of(tool), grouped(tool.params))
            rows.append(Row((*head, grouped(tool.count), difference, first)))
            rows += [Row((*[""] * (len(_COLUMNS) - 1), cause)) for cause in rest]
        return Table(
            title=titles.title(found.network),
            headline=(f"{found.params:,} params · {found.macs:,} macs · {2 * found.macs:,} flops as two for each",),
            subtitle=titles.sourced(found.network, titles.batched(found.batch)),
            columns=_COLUMNS,
            rows=rows,
            total=("",) * len(_COLUMNS),
            footer=tuple(self._footnotes()),
        )

    def section(self) -> Section:
        """Return the counts as a section of a page: a row for each tool, so that they can be sorted."""
        from convcost.html.section import section_of  # pages are written where they are asked for

        table = self.table()
        joined: list[Row] = []
        for row in table.rows:
            if row.cells[0]:
                joined.append(row)
            else:
                *cells, causes = joined[-1].cells
                joined[-1] = replace(row, cells=(*cells, f"{causes}; {row.cells[-1]}"))
        return section_of(replace(table, rows=joined))

    def _footnotes(self) -> Iterator[str]:
        yield "Difference: the tool's count less the macs, or less twice the macs where its unit is flops."
        yield (
            "A spec does not say what is called as a function: sums, products and concatenations are, pools, norms and "
            "activations are modules; --functional PATTERN names others."
        )


class ExpectationReport(Struct, frozen=True):
    """Which conventions give a number, for every format."""

    expectation: Expectation

    def data(self) -> Struct:
        """Return the result as a document."""
        return expectation_document(self.expectation)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each convention."""
        found = self.expectation
        return [
            {
                "network": found.network.name,
                "expected": found.printed.text,
                "tool": match.tool,
                "unit": match.unit,
                "settings": ", ".join(match.settings),
                "count": match.count,
                "how": match.how,
            }
            for match in found.matches or found.nearest
        ]

    def table(self) -> Table:
        """Return the table of the conventions, or of the nearest ones."""
        found = self.expectation
        number = safe(found.printed.text)
        headline = (
            f"{counted(len(found.matches), 'convention')} {'gives' if len(found.matches) == 1 else 'give'} {number}"
            if found.matches
            else f"no convention gives {number}; these come nearest"
        )
        rows = [Row(self._cells(match)) for match in found.matches or found.nearest]
        return Table(
            title=titles.title(found.network),
            headline=(headline,),
            subtitle=titles.sourced(found.network),
            columns=_MATCHES,
            rows=rows,
            total=("",) * len(_MATCHES),
            footer=("Flops: two for each multiply–accumulate. The most plausible first: with the fewest settings.",),
        )

    def _cells(self, match: NumberMatch) -> tuple[str, ...]:
        off = match.count - self.expectation.printed.value
        digits = match.how or f"off by {_exactly(off)}"
        return match.tool, match.unit, grouped(match.count), digits, ", ".join(match.settings)


def _exactly(difference: Fraction) -> str:
    """Return a difference with its sign and all of its decimals.

    >>> _exactly(Fraction(-25, 2)), _exactly(Fraction(12_345))
    ('−12.5', '+12,345')
    """
    number = Decimal(difference.numerator) / difference.denominator  # exact: a printed number has few decimals
    return f"{number.normalize():+,f}".replace("-", "−")


class ConventionReport(Struct, frozen=True):
    """A network under a tool's convention, for every format.

    Attributes:
        network: The network.
        tool: What the tool counts.
        layers: Whether a screen shows every layer, however many there are.
    """

    network: Network
    tool: ToolCount
    layers: bool = False

    def data(self) -> Struct:
        """Return the result as a document."""
        return convention_document(self.network, self.tool)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer."""
        head = {"tool": self.tool.convention.name, "version": self.tool.convention.version, "unit": unit_of(self.tool)}
        return [
            {
                "network": self.network.name,
                **head,
                "name": row.layer.name,
                "type": row.layer.type,
                "line": row.layer.line or None,
                "output_shape": sized(row.layer.output_shape),
                "params": row.params,
                "count": row.count,
                "macs": row.layer.cost().macs,
                "covered": row.covered,
            }
            for row in self.tool.layers
        ]

    def table(self) -> Table:
        """Return the table of all layers."""
        return self._table(unfolded(self.tool.layers))

    def screen(self) -> Table:
        """Return the table with as many rows as a screen has room for, unless all were asked for."""
        return self.table() if self.layers else self._table(folded(self.tool.layers, self._share))

    def _share(self, part: Part) -> float:
        total = sum(row.count for row in self.tool.layers)
        return sum(self.tool.layers[index].count for index in part) / total if total else 0

    def _table(self, lines: Sequence[Line]) -> Table:
        convention = self.tool.convention
        unit = unit_of(self.tool)
        return Table(
            title=f"{titles.title(self.network)} as {safe(convention.title)} {safe(convention.version)} counts",
            headline=(f"{self.tool.params:,} params · {self.tool.count:,} {unit}",),
            subtitle=titles.sourced(self.network, titles.batched(self.tool.batch)),
            columns=_LAYERS,
            rows=tree_rows(lines, self._row, len(_LAYERS)),
            total=("Total", "", "", grouped(self.tool.params), grouped(self.tool.count), grouped(self.tool.macs), ""),
            footer=(
                f"Not convcost's counts: {safe(convention.title)}, version {safe(convention.version)}, in {unit}.",
                f"Its rules: {safe(convention.source)}",
                *convention.notes,
                *(("Layers are counted for one input.",) if self.tool.batch > 1 else ()),
                *folding_note(lines, self.tool.layers),
            ),
        )

    def _row(self, label: str, line: Line) -> Row:
        rows = [self.tool.layers[index] for index in line.part]
        causes: dict[str, int] = {}
        for row in rows:
            for cause in row.causes:
                causes[cause.cause] = causes.get(cause.cause, 0) + cause.amount
        cells = (
            label,
            line.type,
            sized(rows[-1].layer.output_shape),
            grouped(sum(row.params for row in rows)),
            grouped(sum(row.count for row in rows)),
            grouped(sum(row.layer.cost().macs for row in rows)),
            "; ".join(f"{signed(amount)} {cause}" for cause, amount in causes.items() if amount),
        )
        return Row(cells)


def _unnamed(tool: ToolCount) -> list[str]:
    """Return the types of which nothing is known and which no cause names, since they have no products."""
    named = {row.layer.type for row in tool.layers if not row.covered and row.causes}
    return [type for type in tool.uncovered if type not in named]


def _tool_record(tool: ToolCount) -> dict[str, Any]:
    convention = tool.convention
    return {
        "tool": convention.name,
        "version": convention.version,
        "unit": unit_of(tool),
        "params": tool.params,
        "count": tool.count,
        "difference": tool.difference,
    }
