"""A check as a document: the structure of `convcost.documents.check`, filled."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor
from typing import Any

from msgspec import UNSET, Struct

from convcost.budget.verdicts import STATUSES, Check, Remedy, Verdict
from convcost.comparison.base import Base
from convcost.cost.analysis import Analysis
from convcost.cost.documents import entry_document, plain, standard_names
from convcost.documents import check as documents
from convcost.documents.difference import BaseDocument
from convcost.documents.warnings import warning_documents
from convcost.metrics import METRICS


def check_document(check: Check) -> Struct:
    """Return the document of a check."""
    return documents.CheckDocument(
        ok=check.ok,
        strict=check.strict,
        config=check.config or None,
        base=_base(check.base) if check.base else None,
        counts={status: sum(verdict.status == status for verdict in check.verdicts) for status in STATUSES},
        notes=list(check.notes),
        verdicts=[_described(verdict) for verdict in check.verdicts],
        networks=[entry_document(analysis, names) for analysis, names in _networks(check)],
        warnings=warning_documents(check.warnings),
    )


def _networks(check: Check) -> Iterator[tuple[Analysis, list[str]]]:
    """Yield each network that was checked, with the metrics to tell: the standard ones, and those that are limited.

    A later check reads them as its baseline.
    """
    asked: dict[int, dict[str, None]] = {}
    analyses = {id(verdict.analysis): verdict.analysis for verdict in check.verdicts}
    for verdict in check.verdicts:
        metric = METRICS[verdict.budget.metric]
        names = asked.setdefault(id(verdict.analysis), dict.fromkeys(standard_names()))
        if not metric.name.startswith("ops_"):  # the ledger tells these
            names |= dict.fromkeys(metric.needed)
    yield from ((analyses[key], [*names]) for key, names in asked.items())


def _base(base: Base) -> BaseDocument:
    return BaseDocument(
        name=base.name, revision=base.revision or None, commit=base.commit or None, file=base.file or None
    )


def _described(verdict: Verdict) -> documents.VerdictDocument:
    """Return a verdict as a document has it."""
    remedy = verdict.remedy
    symbols = {name: plain(value) for name, value in verdict.symbols.items()}
    return documents.VerdictDocument(
        **{**record(verdict), "symbols": symbols, "dtype": verdict.budget.dtype_text or UNSET},
        costliest=[
            documents.Costliest(
                name=cause.layer.name,
                type=cause.layer.type,
                actual=plain(cause.value),
                base=plain(cause.base),
                file=cause.place.file,
                line=cause.place.line or None,
                origin=cause.place.module or UNSET,
            )
            for cause in verdict.causes
        ],
        remedy=_remedy(remedy) if remedy else None,
    )


def _remedy(remedy: Remedy) -> documents.RemedyDocument:
    return documents.RemedyDocument(
        rewrites=list(remedy.rewrites),
        layers=list(remedy.layers),
        reached=remedy.reached,
        value=plain(remedy.value),
        renamed=remedy.renamed,
        command=remedy.command or None,
        reached_with_ends=remedy.reached_with_ends,
        suggestion=remedy.suggestion or None,
    )


def record(verdict: Verdict) -> dict[str, Any]:
    """Return a flat mapping of a verdict."""
    budget, bound = verdict.budget, verdict.bound
    place = bound.place
    warn = verdict.warn
    return {
        "spec": verdict.spec,
        "network": verdict.analysis.network.name or None,
        "symbols": verdict.point or None,
        "metric": budget.metric,
        "layers": budget.layers or None,
        "scope": budget.scope,
        "layer": verdict.layer.name if verdict.layer else None,
        "kind": verdict.kind,
        "written": bound.text,
        "limit": plain(verdict.limit),
        "warn_above": None if warn is None else floor(warn) if isinstance(verdict.limit, int) else plain(warn),
        "actual": plain(verdict.actual),
        "delta": plain(verdict.delta),
        "used": None if verdict.used is None else float(verdict.used),
        "base": plain(verdict.base),
        "verdict": verdict.status,
        "reason": verdict.reason or None,
        "message": budget.message or None,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "accepted": plain(verdict.accepted),
        "grown": None if verdict.growth is None else float(verdict.growth),
        "dtype": budget.dtype_text or None,
    }
