"""Network → tiny network: the same layers, names, types and graph at the smallest sizes that keep every choice.

Kernels, strides, padding, dilation, groups and whatever else a layer states stay. Channels shrink as `channels` says,
pictures as `space` says, both by what the layer types say of themselves. Where that does not work out, sizes stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from convcost.layers import SAME, LayerError
from convcost.layers.fields import BOUND, CHANNELS, GROUPS
from convcost.network import Layer, LayerOrigin, Network, NetworkBuilder, Tensor
from convcost.verification.channels import Channels
from convcost.verification.space import Axis, size_field, with_size
from convcost.verification.tensors import Numbers

Sizes = Mapping[int, Mapping[str, Any]]
"""The fields of layers, by index, that state a size in the tiny network."""


def shrink(network: Network) -> tuple[Network, tuple[str, ...]]:
    """Return the tiny network, and what could not shrink with the reason; each is one line.

    A network that cannot shrink as a whole is returned as it is.
    """
    axes = [Axis(network, axis) for axis in range(1, max(len(tensor.shape) for tensor in network.inputs))]
    small: list[int] = []
    for axis in axes:  # of different sizes where that is possible, so that taking one for another shows
        small.append(axis.smallest(small))
    sized = list(zip(axes, small, strict=True))
    stated = {
        index: {field: _stated(getattr(layer.definition, field), [axis.size(index, n) for axis, n in sized])}
        for index, layer in enumerate(network.layers)
        if (field := size_field(layer.definition))
    }
    inputs = [tensor.shape for tensor in network.inputs]
    for place, (axis, size) in enumerate(zip(axes, small, strict=True), 1):
        inputs = [with_size(shape, place, axis.input_size(number, size)) for number, shape in enumerate(inputs)]
    kept: list[str] = []
    pinned: set[int] = set()
    channels = Channels(network)
    while True:
        counts = channels.shrunk(pinned)
        shapes = [(count, *shape[1:]) for count, shape in zip(counts, inputs, strict=False)]
        try:
            return _rebuilt(network, shapes, counts, stated), tuple(kept)
        except _Misfit as misfit:
            fresh = channels.classes_at(misfit.index) - pinned
            name = network.layers[misfit.index].name
            if not fresh:
                return network, (f"the network keeps its size: {name}: {misfit.reason}",)
            pinned |= fresh
            kept.append(f"the channels around {name} keep their number: {misfit.reason}")


def _stated(full: tuple[int, ...], smaller: Sequence[int | None]) -> tuple[int | None, ...]:
    """Return the sizes that a layer states in the tiny network; axes that no input has keep theirs."""
    return (*smaller[: len(full)], *full[len(smaller) :])


class _Misfit(Exception):
    """A layer that does not work in the tiny network."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason


def _rebuilt(network: Network, shapes: list[tuple[int, ...]], channels: list[int], stated: Sizes) -> Network:
    """Return the network on other inputs, its layers' own formulas giving all shapes."""
    builder = NetworkBuilder(network.name)
    numbers = Numbers(network)
    values = [builder.add_input(shape) for shape in shapes]
    for index, layer in enumerate(network.layers):
        inputs = tuple([values[numbers.of(tensor)] for tensor in layer.inputs])
        fields = _fields(layer, inputs[0].shape[0], channels[numbers.output(index)])
        if fields is None:
            raise _Misfit(index, "its bounds cannot follow the channels")
        fields |= stated.get(index, {})
        try:
            definition = layer.definition.__class__(fields)
            (output,) = builder.place(definition, inputs, layer.path, LayerOrigin.of(layer))
        except LayerError as error:
            raise _Misfit(index, f"{error.message} ({error.found})") from None
        if not _in_proportion(layer, inputs, output):
            raise _Misfit(index, "its channels do not follow those that it reads")
        values.append(output)
    return builder.build(file=network.file, source=network.source, symbols=network.symbols, limits=network.limits)


def _in_proportion(layer: Layer, inputs: tuple[Tensor, ...], output: Tensor) -> bool:
    """Return whether a layer that keeps its channels has the same ratio of outputs to inputs as at full size.

    Inputs that have shrunk by different factors, such as a flattened picture beside a vector, have no such share.
    """
    definition, full = layer.definition, layer.output_shape[0]
    if definition.channels != SAME:
        return True
    shares = {
        Fraction(now.shape[0], before.shape[0])
        for before, now in zip(layer.inputs, inputs, strict=True)
        if not definition.stretches or before.shape[0] == full
    }
    return len(shares) != 1 or shares.pop() * full == output.shape[0]


def _fields(layer: Layer, after: int, out: int) -> dict[str, Any] | None:
    """Return a layer's fields in the tiny network, those that speak of channels following them; None if they cannot.

    Args:
        layer: The layer at full size.
        after: The channels that it reads in the tiny network.
        out: The channels that it writes there, if a field states their number.
    """
    fields = dict(layer.fields)
    before = layer.input_shapes[0][0]
    for name, field in layer.definition.__class__.fields.items():
        if field.role == GROUPS and fields[name] == before:
            fields[name] = after
        elif field.role == CHANNELS:
            fields[name] = out
        elif field.role == BOUND:
            fields[name], rest = divmod(fields[name] * after, before)
            if rest:
                return None
    return fields
