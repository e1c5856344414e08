"""Networks of which not all costs are known."""

from __future__ import annotations

from collections import Counter

from convcost.errors import ErrorDetail, Place, WarningDetail
from convcost.network.graph import Layer, Network

_LISTED = 5  # operators that are named
_REMEDY = "--declare '{}=macs:1000,params:20' gives a model file's operator your cost, `declared` an item of a spec"


def operators(layers: tuple[Layer, ...]) -> str:
    """Return the operators of unknown layers as text, each with how many there are."""
    counts = Counter(layer.fields["operator"] for layer in layers)
    names = [f"{name} ({count:,} times)" if count > 1 else name for name, count in counts.items()]
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED:,} others" if len(names) > _LISTED else "")


def incomplete(network: Network) -> ErrorDetail:
    """Return the error of a question that needs the costs of all layers."""
    unknown = network.unknown
    return ErrorDetail(
        "this needs the costs of all operations",
        Place(network.file) if network.file else None,
        found=f"not known: {operators(unknown)}",
        help=_REMEDY.format(unknown[0].fields["operator"]),
    )


def incomplete_warning(network: Network) -> WarningDetail | None:
    """Return the warning that totals are lower bounds; None where all costs are known."""
    unknown = network.unknown
    if not unknown:
        return None
    message = "operations are not counted, so that totals are lower bounds (≥)"
    place = Place(network.file) if network.file else None
    return WarningDetail(message, place, found=operators(unknown), help=_REMEDY.format(unknown[0].fields["operator"]))
