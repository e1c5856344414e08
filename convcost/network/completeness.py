"""Networks of which not all costs are known."""

from __future__ import annotations

from collections import Counter

from convcost.errors import ErrorDetail, Place, WarningDetail
from convcost.network.graph import Layer, Network

_LISTED = 5  # operators that are named
_REMEDY = "--declare '{}=macs:1000,params:20{}' gives a model file's operator your cost, `declared` an item of a spec"


def operators(layers: tuple[Layer, ...]) -> str:
    """Return the operators of unknown layers as text, each with how many there are."""
    counts = Counter(layer.fields["operator"] for layer in layers)
    names = [f"{name} ({count:,} times)" if count > 1 else name for name, count in counts.items()]
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED:,} others" if len(names) > _LISTED else "")


def _remedy(layer: Layer) -> str:
    """Return the options that give an operator its cost, and its shape where that is not known."""
    return _REMEDY.format(layer.fields["operator"], "" if layer.fields["output_shape"] else ",output_shape:64x7x7")


def incomplete(network: Network) -> ErrorDetail:
    """Return the error of a question that needs the costs of all layers."""
    unknown = network.unknown
    return ErrorDetail(
        "this needs the costs of all operations",
        Place(network.file) if network.file else None,
        found=f"not known: {operators(unknown)}",
        help=_remedy(unknown[0]),
    )


def incomplete_warning(network: Network) -> WarningDetail | None:
    """Return the warning that totals are lower bounds; None where all costs are known."""
    unknown = network.unknown
    if not unknown:
        return None
    message = "operations are not counted, so that totals are lower bounds (≥)"
    place = Place(network.file) if network.file else None
    return WarningDetail(message, place, found=operators(unknown), help=_remedy(unknown[0]))
