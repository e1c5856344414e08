"""How far the layers of a network see, as one number or formula each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcost.errors import ErrorDetail, OptionError
from convcost.network import Free, Network
from convcost.receptive_field.flow import View, bounds


def sizes(network: Network) -> list[int | None]:
    """Return how far each layer sees, on the axis where that is most; None where it sees nothing of the inputs.

    Args:
        network: The network, all of whose symbols have values.

    Raises:
        OptionError: What an output sees is unknown.
    """
    from convcost.receptive_field.analysis import ReceptiveField

    found = ReceptiveField.of(network)
    for row in found.outputs:
        for field in row.axes:
            if field is not None and field.unknown:
                message = f"the receptive field of the output {row.layer.name!r} is unknown"
                help = "a declared layer says it by its field receptive_field"
                raise OptionError(ErrorDetail(message, found=f"unknown since {field.unknown}", help=help))
    return [
        max((field.local for field in row.axes if field is not None and field.local is not None), default=None)
        for row in found.every
    ]


def formulas(network: Network, free: Free) -> list[Any]:
    """Return how far each layer sees as a formula, on the axis where that is most; None where it sees nothing.

    Args:
        network: The network.
        free: Its free symbols.

    Raises:
        NeedsValueError: It is no formula in these: fields differ from output to output, or go on at different strides.
    """
    with free.conditions:
        return [_size(layer.name, outputs, free) for layer, _, outputs in bounds(network)]


def _size(name: str, views: Sequence[View], free: Free) -> Any:
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
    return next(iter(largest)) if len(largest) == 1 else maximum(*largest) if largest else None
