"""What tools count of single layers, right or wrong by how much."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from msgspec import Struct

from convcost.conventions.analysis import Reconciliation, ToolCount
from convcost.conventions.documents import tool_document, unit_of
from convcost.conventions.single_layers import SingleLayer, single_layers
from convcost.documents import conventions as documents
from convcost.network import Network
from convcost.reports.result import Result
from convcost.reports.table import Column, Row, Table, counted, grouped, percent, safe, signed

_COLUMNS = (
    Column("Layer", role="name", wraps=True, least=24),
    Column("Macs", right=True, drop=1, role="number"),
    Column("Prints", right=True, role="number"),
    Column("Off by", right=True, role="number"),
    Column("Tools", wraps=True, least=24),
)


class LayerComparison(Result, frozen=True):
    """What tools count of single layers.

    Attributes:
        layers: The layers, each with what tools count of it.
    """

    shown_by: ClassVar[str] = "convcost.conventions.layer_comparison:LayerComparisonReport"

    layers: tuple[tuple[SingleLayer, Reconciliation], ...]

    @classmethod
    def of(cls, build: Callable[[Mapping[str, Any]], Network], tools: Sequence[str] = ()) -> LayerComparison:
        """Work out what tools count.

        Args:
            build: Makes the network of a spec.
            tools: The tools, by name; all without.

        Raises:
            OptionError: There is no such tool.
        """
        found = []
        for layer in single_layers():
            network = build(layer.spec)
            functional = [each.name for each in network.layers] if layer.functional else []
            found.append((layer, Reconciliation.of(network, tools, functional=functional)))
        return cls(tuple(found))

    def summary(self) -> str:
        """Return the result in one line."""
        return f"{counted(len(self.layers), 'layer')}, counted by {len(self.layers[0][1].tools)} tools"


class LayerComparisonReport(Struct, frozen=True):
    """What tools count of single layers, for every format."""

    comparison: LayerComparison

    def data(self) -> Struct:
        """Return the result as a document."""
        return documents.LayerComparisonDocument(
            layers=[
                documents.SingleLayerDocument(
                    layer=layer.name,
                    spec=dict(layer.spec),
                    functional=layer.functional,
                    exact=documents.ExactCounts(params=found.params, macs=found.macs),
                    tools=[tool_document(tool) for tool in found.tools],
                )
                for layer, found in self.comparison.layers
            ]
        )

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer, tool and cause."""
        return [
            {
                "layer": layer.name,
                "macs": found.macs,
                "tool": tool.convention.name,
                "version": tool.convention.version,
                "unit": unit_of(tool),
                "params": tool.params,
                "count": tool.count,
                "difference": tool.difference,
                "covered": not tool.uncovered,
                "cause": cause.cause if cause else "",
                "amount": cause.amount if cause else 0,
            }
            for layer, found in self.comparison.layers
            for tool in found.tools
            for cause in tool.causes or (None,)
        ]

    def table(self) -> Table:
        """Return the table of all layers, the tools that print the same beside each other, exact ones first."""
        rows = []
        for layer, found in self.comparison.layers:
            for place, cells in enumerate(_grouped(found)):
                head = (safe(layer.name), grouped(found.macs)) if not place else ("", "")
                rows.append(Row((*head, *cells)))
        return Table(
            title="What tools print of single layers",
            headline=(self.comparison.summary(),),
            subtitle=(),
            columns=_COLUMNS,
            rows=rows,
            total=("",) * len(_COLUMNS),
            footer=(
                "Off by: what is printed less the macs, or less twice the macs where it is flops, in percent.",
                "The causes of each difference, with their amounts: -f csv and -f json.",
            ),
        )


def _grouped(found: Reconciliation) -> Iterator[tuple[str, str, str]]:
    """Yield each printed number, its error, and the tools that print it, the nearest first."""
    groups: dict[tuple[int, str, int], list[ToolCount]] = {}
    unknown = [tool for tool in found.tools if tool.uncovered]
    for tool in found.tools:
        if not tool.uncovered:
            groups.setdefault((tool.count, unit_of(tool), tool.difference), []).append(tool)
    for (count, unit, difference), tools in sorted(groups.items(), key=_distance):
        yield f"{grouped(count)} {unit}", _share(difference, count - difference), _names(tools)
    if unknown:
        yield "?", "", f"not known: {_names(unknown)}"


def _distance(group: tuple[tuple[int, str, int], list[ToolCount]]) -> tuple[Fraction, bool]:
    (_, unit, difference), _ = group
    flops = unit == "flops"
    return Fraction(abs(difference), 2 if flops else 1), flops


def _share(difference: int, exact: int) -> str:
    """Return by how much a count is off, in percent where there is something to be a part of."""
    if not difference:
        return "exact"
    if not exact:
        return signed(difference)
    share = round(abs(Fraction(difference, exact)), 4)
    return f"{'+' if difference > 0 else '−'}{percent(share)}"


def _names(tools: Sequence[ToolCount]) -> str:
    return ", ".join(safe(tool.convention.name) for tool in tools)
