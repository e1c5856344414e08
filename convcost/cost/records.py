"""The rows of an analysis as flat records, which CSV and data frames hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from convcost.cost.analysis import NOT_COUNTED
from convcost.cost.documents import fields_text, heads, ratio_document, standard_names, total_head
from convcost.metrics import METRICS
from convcost.ops import KINDS
from convcost.reports.table import sized

if TYPE_CHECKING:
    from convcost.cost.report import AnalysisReport

_FORMULA_KEYS = ("params", "mults", "adds")
_RATIO_KEYS = ("kind", "formula", "numbers", "exact", "value", "term")
_OPS = {f"ops_{kind}": kind for kind in KINDS}


def records(report: AnalysisReport) -> Sequence[Mapping[str, Any]]:
    """Return a flat mapping for each row of a report; one of the totals where these are all that is asked for."""
    analysis = report.analysis
    name = analysis.network.name
    asked = report.chosen_metrics()
    names = asked or tuple(standard_names())
    if report.summary:
        notes = (f"at least: {len(analysis.unknown):,} {NOT_COUNTED}",) if analysis.incomplete else ()
        return [_record(name, total_head(analysis, names), None, notes, "", asked, names)]
    rows = heads(analysis, report.layers, report.values(), names)
    symbolic = analysis.network.free is not None
    found = [
        _record(
            name, row, ratio_document(layer.ratio), layer.notes, fields_text(layer, symbolic=symbolic), asked, names
        )
        for row, layer in zip(rows, report.layers, strict=True)
    ]
    if analysis.incomplete:
        found = [_known(report, record, part) for record, part in zip(found, report.rows.parts, strict=True)]
    if not report.formulas:
        return found
    formulas = analysis.formulas(report.layers)
    return [
        record | {f"formula_{key}": (formulas[layer.name] or {}).get(key) for key in _FORMULA_KEYS}
        for record, layer in zip(found, report.layers, strict=True)
    ]


def _known(report: AnalysisReport, record: dict[str, Any], part: Sequence[int]) -> dict[str, Any]:
    """Return a record with empty numbers where none of its layers is counted: nobody knows them."""
    if any(NOT_COUNTED not in report.analysis.layers[index].notes for index in part):
        return record
    return record | dict.fromkeys(key for key in record if key in METRICS or key in _OPS)


def _record(
    network: str,
    row: Mapping[str, Any],
    ratio: Any,
    notes: Sequence[str],
    fields: str,
    columns: Sequence[str],
    usual: Sequence[str],
) -> dict[str, Any]:
    inputs = row["input_shape"]
    several = bool(inputs) and isinstance(inputs[0], list | tuple)
    return {
        "network": network,
        **{key: row[key] for key in ("name", "type", "file", "line")},
        "input_shape": " ".join(map(sized, inputs)) if several else sized(inputs),
        "output_shape": sized(row["output_shape"]),
        **(_chosen(row, columns) if columns else _usual(row, usual)),
        **{f"ratio_{key}": getattr(ratio, key, None) for key in _RATIO_KEYS},
        "notes": "; ".join(notes),
        "fields": fields,
    }


def _usual(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the numbers of a row that nobody needs to ask for: the standard metrics, and the ledger."""
    ops = row["ops"] or {}
    return {name: row[name] for name in names} | {key: ops.get(kind, 0) for key, kind in _OPS.items()}


def _chosen(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """Return the numbers of a row that were asked for, a ratio in decimals."""
    return {
        name: float(Fraction(row[name])) if METRICS[name].is_ratio and row[name] is not None else row[name]
        for name in columns
    }
