"""How far the layers of a network see, as one number or formula each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcost.network import Free, Network
from convcost.receptive_field.flow import TensorView, bounds


def sizes(network: Network) -> list[int | None]:
    """Return how far each layer sees, on the axis where that is most: 0 of nothing, None where it is unknown.

    Args:
        network: The network, all of whose symbols have values.
    """
    from convcost.receptive_field.analysis import ReceptiveField

    found: list[int | None] = []
    for row in ReceptiveField.of(network).every:
        sizes = [field.local for field in row.axes if field is not None]
        known = [size for size in sizes if size is not None]
        found.append(max(known, default=0) if len(known) == len(sizes) else None)
    return found


def formulas(network: Network, free: Free) -> list[Any]:
    """Return how far each layer sees as a formula, on the axis where that is most; 0 of nothing.

    Args:
        network: The network.
        free: Its free symbols.

    Raises:
        NeedsValueError: It is no formula in these: fields differ from output to output, or go on at different strides.
    """
    with free.conditions:
        return [_size(layer.name, outputs, free) for layer, _, outputs in bounds(network)]


def _size(name: str, views: Sequence[TensorView], free: Free) -> Any:
    from convcost.symbolic import NeedsValueError, maximum

    reasons = [reason for view in views for reason in view.unknown.values()]
    if reasons:
        raise NeedsValueError(f"the receptive field of {name}, {reasons[0]}", list(free.symbols))
    found: dict[int, list[Any]] = {}
    terms = [term for view in views for term in view.terms]
    followed = {term.source for term in terms if term.digits}
    for term in terms:
        if term.digits or term.source not in followed:
            found.setdefault(term.source, []).append(term)
    sizes = []
    for same in found.values():
        sight = same[0].sight
        for term in same[1:]:
            sight = sight.with_(term.sight) if term.digits == same[0].digits else None
            if sight is None:
                raise NeedsValueError(f"the receptive field of {name}", list(free.symbols))
        sizes.append(sight.high - sight.low + 1)
    largest = dict.fromkeys(sizes)
    return next(iter(largest)) if len(largest) == 1 else maximum(*largest) if largest else 0
