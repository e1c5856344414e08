"""Notes of a check: specs without a budget, and limits that may mean something else than was thought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcost import metrics
from convcost.budget.judging import chosen
from convcost.budget.targets import Checked, name_of
from convcost.budget.verdicts import Verdict
from convcost.errors import WarningDetail, encodable
from convcost.metrics import METRICS


def without_budget(specs: Sequence[Checked], verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return a note on each spec that no budget is for.

    Args:
        specs: The specs that were checked.
        verdicts: The verdicts on them.
    """
    held = {verdict.spec for verdict in verdicts}
    names = [encodable(name) for spec in specs if (name := name_of(spec))]
    return tuple(f"No budget is for {name}." for name in names if name not in held)


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
