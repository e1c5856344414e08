"""Network → tiny network: the same layers, names, types and graph at the smallest sizes that keep every choice.

Kernels, strides, padding, dilation, groups and whatever else a layer is told stay. Channels shrink as `channels` says,
pictures as `space` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcost.layers import REGISTRY, LayerFault, Shape
from convcost.network import Layer, Network, NetworkBuilder
from convcost.verification.channels import Channels
from convcost.verification.space import Axis, told_in


def shrink(network: Network) -> tuple[Network, tuple[str, ...]]:
    """Return the tiny network, and what could not shrink with the reason; each is one line.

    A network that cannot shrink as a whole is returned as it is.
    """
    axes = [Axis(network, axis) for axis in range(1, len(network.input_shape))]
    small: list[int] = []
    for axis in axes:  # of different sizes where that is possible, so that taking one for another shows
        small.append(axis.smallest(small))
    told = {
        index: {field: tuple([axis.size(index, size) for axis, size in zip(axes, small, strict=True)])}
        for index, layer in enumerate(network.layers)
        if (field := told_in(layer))
    }
    kept: list[str] = []
    pinned: set[int] = set()
    channels = Channels(network)
    while True:
        sizes = channels.shrunk(pinned)
        try:
            return _rebuilt(network, (sizes[0], *small), sizes, told), tuple(kept)
        except _Misfit as misfit:
            fresh = channels.classes_at(misfit.index) - pinned
            name = network.layers[misfit.index].name
            if not fresh:
                return network, (f"the network keeps its size: {name}: {misfit.reason}",)
            pinned |= fresh
            kept.append(f"the channels around {name} keep their number: {misfit.reason}")


class _Misfit(Exception):
    """A layer that does not work in the tiny network."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason


def _rebuilt(
    network: Network, input_shape: Shape, channels: list[int], told: Mapping[int, Mapping[str, Any]]
) -> Network:
    """Return the network on another input, its layers' own formulas giving all shapes."""
    builder = NetworkBuilder(network.name)
    values = [builder.add_input(input_shape)]
    for index, layer in enumerate(network.layers):
        inputs = tuple([values[source + 1] for source in layer.sources])
        fields = _fields(layer, inputs[0].shape[0], channels[index + 1])
        if fields is None:
            raise _Misfit(index, "its bounds cannot follow the channels")
        fields |= told.get(index, {})
        try:
            definition = REGISTRY[layer.type](fields)
            values.append(builder.place(definition, inputs, layer.path, layer.line, layer.column, layer.former))
        except LayerFault as fault:
            raise _Misfit(index, f"{fault.message} ({fault.found})") from None
    return builder.build(file=network.file, source=network.source, symbols=network.symbols, limits=network.limits)


def _fields(layer: Layer, after: int, out: int) -> dict[str, Any] | None:
    """Return a layer's fields in the tiny network, those that speak of channels following them; None if they cannot.

    Args:
        layer: The layer at full size.
        after: The channels that it reads in the tiny network.
        out: The channels that it writes there, if it is told their number.
    """
    fields = dict(layer.fields)
    before = layer.input_shapes[0][0]
    for name in _FOLLOWING.get(layer.type, ()):
        if fields[name] == before:
            fields[name] = after
    for name in _TOLD:
        if name in fields:
            fields[name] = out
    if layer.type == "slice":
        for bound in ("start", "end"):
            fields[bound], rest = divmod(fields[bound] * after, before)
            if rest:
                return None
    return fields


_TOLD = ("out_channels", "out_features")
_FOLLOWING = {
    "conv": ("groups",),
    "pointwise_conv": ("groups",),
    "transposed_conv": ("groups",),
    "group_norm": ("num_groups",),
    "prelu": ("num_parameters",),
}
"""Fields that follow the channels of the input where they are equal to it."""
