"""Fill the structures of `convcost.documents` with what other tools count."""

from __future__ import annotations

from msgspec import UNSET

from convcost.conventions.analysis import CountCause, LayerCount, Reconciliation, ToolCount
from convcost.conventions.base import MACS
from convcost.conventions.expectation import Expectation, NumberMatch
from convcost.cost.documents import network_document
from convcost.documents import conventions as documents
from convcost.documents.warnings import warning_documents
from convcost.network import Network


def reconciliation_document(found: Reconciliation) -> documents.ReconciliationDocument:
    """Return the document that `--format json` writes."""
    return documents.ReconciliationDocument(
        network=network_document(found.network),
        batch=found.batch,
        exact=documents.ExactCounts(params=found.params, macs=found.macs),
        tools=[tool_document(tool) for tool in found.tools],
        warnings=warning_documents(found.warnings),
    )


def expectation_document(found: Expectation) -> documents.ExpectationDocument:
    """Return the document that `--format json` writes."""
    return documents.ExpectationDocument(
        network=network_document(found.network),
        expected=found.printed.text,
        matches=[_match(match) for match in found.matches],
        nearest=[_match(match) for match in found.nearest],
    )


def convention_document(network: Network, tool: ToolCount) -> documents.ToolAnalysisDocument:
    """Return the document that `--format json` writes."""
    return documents.ToolAnalysisDocument(
        network=network_document(network),
        batch=tool.batch,
        tool=tool_document(tool),
        layers=[_layer(layer) for layer in tool.layers],
    )


def unit_of(tool: ToolCount) -> str:
    """Return the unit of a tool's count."""
    return "macs" if tool.convention.unit == MACS else "flops"


def tool_document(tool: ToolCount) -> documents.ToolDocument:
    """Return what a tool counts as JSON has it."""
    convention = tool.convention
    return documents.ToolDocument(
        tool=convention.name,
        title=convention.title,
        version=convention.version,
        source=convention.source,
        unit=unit_of(tool),
        params=tool.params,
        count=tool.count,
        difference=tool.difference,
        causes=[_cause(cause) for cause in tool.causes],
        uncovered=list(tool.uncovered),
    )


def _cause(cause: CountCause) -> documents.CauseDocument:
    return documents.CauseDocument(cause=cause.cause, amount=cause.amount)


def _layer(row: LayerCount) -> documents.ConventionLayer:
    layer = row.layer
    return documents.ConventionLayer(
        name=layer.name,
        type=layer.type,
        line=layer.line or None,
        origin=layer.origin or UNSET,
        output_shape=list(layer.output_shape),
        params=row.params,
        count=row.count,
        macs=layer.cost().macs,
        causes=[_cause(cause) for cause in row.causes],
        covered=row.covered,
    )


def _match(match: NumberMatch) -> documents.MatchDocument:
    return documents.MatchDocument(
        tool=match.tool, unit=match.unit, settings=list(match.settings), count=match.count, how=match.how or None
    )
