"""What two forms of a network take: their weights, and the most bytes of activations that live at a time."""

from __future__ import annotations

from convcost.cost.analysis import Analysis
from convcost.documents.footprint import Footprint, FootprintChange
from convcost.reports import titles
from convcost.reports.table import grouped


def footprint(analysis: Analysis) -> Footprint:
    """Return what a network takes, at the types of its spec and in the order of its spec."""
    if not analysis.layers:
        return Footprint(peak_memory=0, weight_bytes=0)
    return Footprint(peak_memory=analysis.value("peak_memory"), weight_bytes=analysis.value("weight_bytes"))


def footprint_change(before: Analysis, after: Analysis) -> FootprintChange:
    """Return what a network takes before and after a rewrite."""
    return FootprintChange(before=footprint(before), after=footprint(after))


def footprint_note(before: Analysis, after: Analysis) -> str:
    """Return the footnote of what a network takes before and after a rewrite."""
    old, new = footprint(before), footprint(after)
    weights = _change(old.weight_bytes, new.weight_bytes)
    types = titles.types(before.network, ("peak_memory",))
    return (
        f"Memory in bytes, {types}: peak of activations {_change(old.peak_memory, new.peak_memory)}, weights {weights}."
    )


def _change(old: int, new: int) -> str:
    return f"{grouped(old)}, unchanged" if old == new else f"{grouped(old)} → {grouped(new)}"
