"""Notes of a check: specs without a budget, and limits that may mean something else than was thought."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from math import floor
from pathlib import Path
from typing import Any

from convcost import metrics
from convcost.budget import discovery
from convcost.budget.configuration import Configuration
from convcost.budget.judging import chosen
from convcost.budget.targets import Checked, name_of
from convcost.budget.verdicts import GROWTH, Verdict
from convcost.errors import WarningDetail, encodable
from convcost.metrics import METRICS
from convcost.reports.table import figure

MOST_PERCENT = 100


def without_budget(specs: Sequence[Checked], verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return a note on each spec that no budget is for.

    Args:
        specs: The specs that were checked.
        verdicts: The verdicts on them.
    """
    held = {verdict.spec for verdict in verdicts}
    names = [encodable(name) for spec in specs if (name := name_of(spec))]
    return tuple(f"No budget is for {name}." for name in names if name not in held)


def unlisted(configuration: Configuration) -> tuple[WarningDetail, ...]:
    """Return a warning of each spec beside the models of a configuration, or below them, that is none of them.

    Args:
        configuration: The configuration.
    """
    found = [encodable(path) for path in discovery.unlisted(configuration.models, Path(configuration.file).parent)]
    why = f"it is none of the models of {configuration.file}"
    return tuple(
        WarningDetail(f"no budget is for {path}", found=why, help=shlex.join(["convcost", "init", "--add", path]))
        for path in found
    )


def accepted_growth(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return a note on each growth that counts as accepted.

    Args:
        verdicts: The verdicts on the limits.
    """
    return tuple(
        f"{metrics.words(verdict.budget.metric).capitalize()} of {whose(verdict)} are measured from "
        f"{figure(verdict.accepted)}, which was accepted, instead of {figure(verdict.base)} at the baseline."
        for verdict in verdicts
        if verdict.accepted is not None
    )


def whose(verdict: Verdict) -> str:
    """Return the names of what a verdict is on: the spec, the layer where it is for each, and the symbols' values."""
    layer = verdict.layer.name if verdict.layer is not None else ""
    return ", ".join(part for part in (verdict.spec, layer, verdict.point) if part)


def warnings(verdicts: Sequence[Verdict]) -> tuple[WarningDetail, ...]:
    """Return the warnings: limits that may mean something else than was thought.

    Args:
        verdicts: The verdicts on the limits.
    """
    return (*renamed_metrics(verdicts), *percent_forgotten(verdicts))


def percent_forgotten(verdicts: Sequence[Verdict]) -> tuple[WarningDetail, ...]:
    """Return a warning on each limit on growth that looks like a share whose % was forgotten, with both readings.

    Args:
        verdicts: The verdicts on the limits.
    """
    suspicious: dict[tuple[Any, ...], Verdict] = {}
    for verdict in verdicts:
        if verdict.kind == GROWTH and _looks_like_percent(verdict):
            key = verdict.budget.path, verdict.bound.place
            if key not in suspicious or (verdict.base or 0) > (suspicious[key].base or 0):
                suspicious[key] = verdict
    return tuple(map(_percent_forgotten, suspicious.values()))


def _looks_like_percent(verdict: Verdict) -> bool:
    """Return whether growth is limited by a small plain number, which is next to nothing of what may grow."""
    bound = verdict.bound
    if bound.share or not bound.text.isdecimal() or not 0 < bound.value <= MOST_PERCENT:
        return False
    return verdict.base is None or bound.value * 100 < verdict.base


def _percent_forgotten(verdict: Verdict) -> WarningDetail:
    bound, name = verdict.bound, metrics.words(verdict.budget.metric)
    share = f" ({figure(floor(verdict.base * bound.value / 100))})" if verdict.base is not None else ""
    return WarningDetail(
        f"growth: {bound.text} allows {bound.text} more {name}",
        bound.place,
        verdict.budget.path,
        help=f"write {bound.text}% if that is meant, {bound.text}e0 if not",
        note=f"growth: {bound.text}% would allow {bound.text} %{share} more",
        source=bound.source,
    )


def renamed_metrics(verdicts: Sequence[Verdict]) -> tuple[WarningDetail, ...]:
    """Return a warning on each limit whose metric means something else than in the version that it is written in.

    Args:
        verdicts: The verdicts on the limits.
    """
    worst: dict[tuple[Any, ...], Verdict] = {}
    for verdict in verdicts:
        if verdict.budget.renamed:
            key = verdict.budget.path, verdict.bound.place, id(verdict.analysis)
            if key not in worst or (verdict.actual or 0) > (worst[key].actual or 0):
                worst[key] = verdict
    return tuple(map(_renamed, worst.values()))


def _renamed(verdict: Verdict) -> WarningDetail:
    """Return the warning with the value that a limit on activations is held to, and the one of earlier versions."""
    budget, analysis = verdict.budget, verdict.analysis
    index = next((index for index, layer in enumerate(analysis.layers) if layer is verdict.layer), None)
    part = chosen(budget, analysis) if index is None else [index]
    before = metrics.combined(METRICS["output_values"], analysis.values, part)
    where = f", {verdict.layer.name}" if verdict.layer is not None else f", {budget.layers}" if budget.layers else ""
    return WarningDetail(
        f"activations of {verdict.spec}{where} are {verdict.actual:,} now, and were {before:,}",
        verdict.bound.place,
        budget.path,
        help="`convcost: 2` at the top of the file accepts the new meaning; `output_values` limits what was limited",
        note="they count what convolutions, linear layers and matrix products give, no longer what all layers do",
        source=verdict.bound.source,
    )
