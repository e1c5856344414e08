"""The settings under which numbers are published: resolutions, widths, classes, and parts of a network left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from convcost.conventions.base import Call
from convcost.network import INPUT, Network

_RESOLUTIONS = (
    *(96, 112, 128, 160, 192, 224, 240, 256, 260, 288, 299, 300),
    *(320, 331, 380, 384, 448, 456, 480, 512, 513, 600, 640),
)
_WIDTHS = ("0.25", "0.35", "0.5", "0.75", "1", "1.3", "1.4")
_OF_WIDTHS = (96, 128, 160, 192, 224)
"""The resolutions at which networks of several widths are published."""
_WIDTH_NAMES = ("alpha", "width", "width_mult", "multiplier")
_CLASSES = (1000, 1001)
_CLASS_NAMES = ("classes", "num_classes")
_MOST_OUTPUTS = 4


def settings_of(network: Network) -> Iterator[dict[str, Any]]:
    """Yield values of symbols other than the network's own: of one symbol first, then widths with another."""
    resolutions = [("r", size) for size in _others(network, "r", _RESOLUTIONS)] if _is_resolution(network) else []
    widths = [(name, value) for name in _WIDTH_NAMES for value in _widths(network, name)]
    classes = [(name, value) for name in _CLASS_NAMES for value in _classes(network, name)]
    for each in (*resolutions, *widths, *classes):
        yield dict([each])
    for width in widths:
        for each in (*(size for size in resolutions if size[1] in _OF_WIDTHS), *classes):
            yield dict([width, each])


def text_of(settings: dict[str, Any]) -> tuple[str, ...]:
    """Return settings as text."""
    return tuple([f"{name} = {value}" for name, value in settings.items()])


def parts_of(network: Network, calls: Sequence[Call]) -> Iterator[tuple[tuple[str, ...], Sequence[Call]]]:
    """Yield the parts that may be left out of a network: none, its classifier, the layers of one output alone."""
    yield (), calls
    head = _classifier(calls)
    if head:
        yield ("without the classifier",), [call for at, call in enumerate(calls) if at not in head]
    ends = [tensor.producer for tensor in network.outputs if tensor.producer != INPUT]
    if 1 < len(ends) <= _MOST_OUTPUTS:
        for end in ends:
            needed = _needed(network, [other for other in ends if other != end])
            rest = [call for at, call in enumerate(calls) if at in needed]
            yield (f"without the output of {network.layers[end].name}",), rest


def _others(network: Network, name: str, values: Sequence[Any]) -> Iterator[Any]:
    return (value for value in values if value != network.symbols[name])


def _is_resolution(network: Network) -> bool:
    """Return whether its symbol `r` is the size of its input."""
    sizes = network.inputs[0].shape[1:]
    return network.symbols.get("r") is not None and bool(sizes) and all(size == network.symbols["r"] for size in sizes)


def _widths(network: Network, name: str) -> list[str]:
    """Return the usual widths where the symbol has one of them: others are no multipliers."""
    value = network.symbols.get(name)
    if not isinstance(value, (int, Fraction)) or value not in [Fraction(width) for width in _WIDTHS]:
        return []
    return [width for width in _WIDTHS if Fraction(width) != value]


def _classes(network: Network, name: str) -> Iterator[int]:
    """Yield the usual numbers of classes of ImageNet, where the network has one of them."""
    return _others(network, name, _CLASSES) if network.symbols.get(name) in _CLASSES else iter(())


def _needed(network: Network, ends: Sequence[int]) -> set[int]:
    """Return the layers that some layers need, and they themselves."""
    found: set[int] = set()
    open_ = [*ends]
    while open_:
        at = open_.pop()
        if at not in found:
            found.add(at)
            open_ += [tensor.producer for tensor in network.layers[at].inputs if tensor.producer != INPUT]
    return found


def _classifier(calls: Sequence[Call]) -> set[int]:
    """Return the linear layers behind which no other products come, from the last convolution on."""
    products = [at for at, call in enumerate(calls) if call.macs]
    found: set[int] = set()
    for at in reversed(products):
        if calls[at].layer.type != "linear" or any(tensor.producer == INPUT for tensor in calls[at].layer.inputs):
            break
        if calls[at].attends or len(calls[at].layer.output_shape) != 1:
            break
        found.add(at)
    return found if len(found) < len(products) else set()
