"""Which tensors share memory, and how long each piece of memory lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.cost.folding import folded_norms
from convcost.layers import MOVES, Activation
from convcost.layers.learned import Parameter
from convcost.network import INPUT, Layer, Network, Tensor
from convcost.ops import product

Key = tuple[int, int]
"""A tensor: the index of the layer that gives it, `INPUT` for an input of the network, and the number of the output."""

WEIGHTS, VIEW, IN_PLACE, FOLDED = "weights", "view", "in place", "folded"
"""How a layer comes by memory for what it gives where it takes none: it is a part of the weights, a view of what it
reads, is written over what it reads, or is a norm that is folded into the layer before it."""
_CONSTANT = -1  # the version of a tensor that is a part of the weights


class Storage(Struct, frozen=True):
    """A piece of memory that holds a tensor, its views, and what is written over it in place.

    Attributes:
        tensor: The tensor that it is taken for.
        values: How many values it holds for one input.
        width: The type of the values, such as `float32`.
        first: The position of the layer from whose start it lives.
        last: The position of the layer to whose end it lives.
        is_input: Whether it is an input of the network.
        is_output: Whether it holds an output of the network.
        layers: The indices of the layers that take no memory because of it: views, and those that work in place.
    """

    tensor: Key
    values: Any
    width: str
    first: int
    last: int
    is_input: bool
    is_output: bool
    layers: tuple[int, ...]


class Sharing(Struct, frozen=True):
    """Which tensors share memory; what depends on no order.

    Attributes:
        network: The network.
        groups: The tensors of each storage, the one that it is taken for first.
        group_of: The storage of each tensor by its number; none where the tensor is a part of the weights.
        how: How each layer comes by memory where it takes none; empty texts for the others.
    """

    network: Network
    groups: Sequence[Sequence[Key]]
    group_of: Mapping[Key, int]
    how: Sequence[str]


def key_of(tensor: Tensor) -> Key:
    """Return the key of a tensor."""
    return tensor.producer, tensor.output


def sharing(network: Network, *, in_place: bool = True) -> Sharing:
    """Return which tensors share memory.

    A layer works in place where its type computes value by value and where it alone reads the memory and every view of
    it; never on an input of the network, on what the network gives, or on weights. A folded norm is not there any more.

    Args:
        network: The network.
        in_place: Whether elementwise layers work in place. Without it only activations do that an item writes together
            with the layer before them, as a runtime fuses them.
    """
    return _Sharer(network, in_place).shared()


class _Sharer:
    """Finds which tensors share memory."""

    def __init__(self, network: Network, in_place: bool) -> None:
        self.network = network
        self.in_place = in_place
        self.folded = folded_norms(network, network.readers())
        self.versions: dict[Key, int] = {}  # tensors of one version are views of each other
        self.readers: list[set[int]] = []  # the layers that read each version, views apart
        self.kept: set[int] = set()  # versions on which nothing works in place
        self.how = [""] * len(network.layers)

    def shared(self) -> Sharing:
        """Return which tensors share memory."""
        self._find_versions()
        groups: list[list[Key]] = []
        group_of: dict[Key, int] = {}
        of_version: dict[int, int] = {}
        for key, version in self.versions.items():
            if version == _CONSTANT:
                continue
            group = of_version.get(version)
            if group is None:
                group = self._written_over(key, groups, group_of)
                if group is None:
                    group = len(groups)
                    groups.append([])
                of_version[version] = group
            groups[group].append(key)
            group_of[key] = group
        return Sharing(self.network, groups, group_of, self.how)

    def _find_versions(self) -> None:
        for number in range(len(self.network.inputs)):
            self.kept.add(self._new_version((INPUT, number)))
        for index, layer in enumerate(self.network.layers):
            read = [self.versions[key_of(tensor)] for tensor in layer.inputs]
            outputs = [(index, number) for number in range(len(layer.outputs))]
            if isinstance(layer.definition, Parameter) or (read and _moves(layer) and set(read) == {_CONSTANT}):
                self.how[index] = WEIGHTS
                self.versions.update(dict.fromkeys(outputs, _CONSTANT))
                continue
            if layer.definition.view and layer.inputs[0].width == layer.outputs[0].width:
                self.how[index] = VIEW
                self.versions.update(dict.fromkeys(outputs, read[0]))
                continue
            for version in read:
                if version != _CONSTANT:
                    self.readers[version].add(index)
            for key in outputs:
                self._new_version(key)
        self.kept.update(self.versions[key_of(tensor)] for tensor in self.network.outputs)

    def _new_version(self, key: Key) -> int:
        version = len(self.readers)
        self.readers.append(set())
        self.versions[key] = version
        return version

    def _written_over(self, key: Key, groups: list[list[Key]], group_of: dict[Key, int]) -> int | None:
        """Return the storage that a tensor is written over; None where it takes memory of its own."""
        index, _ = key
        if index == INPUT:
            return None
        layer = self.network.layers[index]
        if index in self.folded:
            self.how[index] = FOLDED
            return group_of[key_of(layer.inputs[0])]
        if not self._works_in_place(layer) or not (self.in_place or self._is_fused(layer)):
            return None
        first, *others = [self.versions[key_of(tensor)] for tensor in layer.inputs]
        if first == _CONSTANT or first in self.kept or first in others or self.readers[first] != {index}:
            return None
        group = group_of[key_of(layer.inputs[0])]
        holder = self._tensor(groups[group][0])
        if values_of(self.network, holder) != layer.values or holder.width != layer.outputs[0].width:
            return None
        self.how[index] = IN_PLACE
        return group

    def _works_in_place(self, layer: Layer) -> bool:
        """Return whether a layer computes value by value; softmax does what it can in place inside attention."""
        if layer.definition.in_place:
            return True
        producer = layer.inputs[0].producer if layer.inputs else INPUT
        return layer.type == "softmax" and producer != INPUT and self.network.layers[producer].definition.internal

    def _is_fused(self, layer: Layer) -> bool:
        """Return whether an activation is written by the item that writes the layer before it."""
        producer = layer.inputs[0].producer
        if not isinstance(layer.definition, Activation) or producer == INPUT:
            return False
        before = self.network.layers[producer]
        around = layer.path[:-1]
        return any(layer.item) and layer.item == before.item and around in (before.path, before.path[:-1])

    def _tensor(self, key: Key) -> Tensor:
        producer, output = key
        return self.network.inputs[output] if producer == INPUT else self.network.layers[producer].outputs[output]


def values_of(network: Network, tensor: Tensor) -> Any:
    """Return how many values a tensor holds for one input: those of all slices where its layer runs on several."""
    times = 1 if tensor.producer == INPUT else network.layers[tensor.producer].times
    return product(tensor.shape) * times


def _moves(layer: Layer) -> bool:
    return layer.definition.view or layer.definition.note == MOVES


def storages(shared: Sharing, order: Sequence[int], *, keep_inputs: bool = False) -> tuple[Storage, ...]:
    """Return the pieces of memory that a network takes when its layers run in an order.

    Args:
        shared: Which tensors share memory.
        order: The indices of the layers in the order in which they run.
        keep_inputs: Whether the network's inputs live to the end.
    """
    network = shared.network
    position = {index: at for at, index in enumerate(order)}
    end = len(order) - 1
    first = [0 if group[0][0] == INPUT else position[group[0][0]] for group in shared.groups]
    last = [*first]
    taken: list[list[int]] = [[] for _ in shared.groups]
    for at, index in enumerate(order):
        layer = network.layers[index]
        for tensor in layer.inputs:
            number = shared.group_of.get(key_of(tensor))
            if number is not None:
                last[number] = max(last[number], at)
        if shared.how[index] not in ("", WEIGHTS):
            taken[shared.group_of[index, 0]].append(index)
    outputs = {shared.group_of[key] for tensor in network.outputs if (key := key_of(tensor)) in shared.group_of}
    found = []
    for number, (taker, *_) in enumerate(shared.groups):
        producer, output = taker
        is_input, is_output = producer == INPUT, number in outputs
        tensor = network.inputs[output] if is_input else network.layers[producer].outputs[output]
        to_end = is_output or (is_input and keep_inputs)
        found.append(
            Storage(
                taker,
                values_of(network, tensor),
                tensor.width,
                first[number],
                end if to_end else last[number],
                is_input,
                is_output,
                tuple(taken[number]),
            )
        )
    return tuple(found)
