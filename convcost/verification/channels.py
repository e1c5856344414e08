"""How few channels keep every choice.

Layer types that give out as many channels as they take, or a fixed multiple or share, tie the channels of what they
read and write; those that mix channels do not. The tied tensors share a unit, the greatest common divisor of their
channels (and of the bounds among them): n channels are n/unit times the unit, in the tiny network too. Its unit is the
smallest by which all groups divide the channels and which leaves `FEW` channels, and two in a group, where there were
as many; or one of the next few, if this makes the inputs and outputs of every layer that mixes channels differ in
number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd, lcm

from convcost.layers import MIXES, SAME, LayerType
from convcost.layers.fields import BOUND, GROUPS
from convcost.network import Layer, Network
from convcost.ops import product
from convcost.verification.tensors import Numbers

FEW = 3
"""Channels that are left where there were as many: fewer would hide which channels meet which."""
_TRIES = 4  # units beyond the smallest that are tried for different numbers of channels


class Channels:
    """The channels of a network's tensors: which are tied, and what must divide them."""

    def __init__(self, network: Network) -> None:
        self._layers = network.layers
        self._numbers = numbers = Numbers(network)
        self._counts = [tensor.shape[0] for tensor in numbers.tensors]
        self._parents = list(range(len(self._counts)))
        self._bounds: list[tuple[int, int]] = []
        self._divisors: list[tuple[int, int]] = []
        self._mixed: dict[int, list[int]] = {}  # what a mixing layer writes from a tensor, or reads for it
        self._stretched: list[int] = []
        self._least: dict[int, int] = {}  # for each tensor the channels by which its groups keep several members
        for index, layer in enumerate(network.layers):
            self._read(layer, [numbers.of(tensor) for tensor in layer.inputs], numbers.output(index))

    def _read(self, layer: Layer, sources: list[int], here: int) -> None:
        definition = layer.definition
        first = sources[0]
        groups = groups_of(definition)
        if definition.channels == MIXES and not 1 < groups == self._counts[first]:
            self._mix(sources, here, groups)
            return
        if definition.channels == SAME or definition.channels == MIXES or self._passes(layer, first, here):
            for source in sources:
                if definition.stretches and self._counts[source] != self._counts[here]:
                    self._stretched.append(source)
                else:
                    self._tie(source, here)
        bounds = [getattr(definition, name) for name in definition.fields_for(BOUND)]
        self._bounds += [(first, bound) for bound in bounds]
        if groups != self._counts[first]:  # else it follows them
            self._divisors.append((first, groups))

    def _mix(self, sources: list[int], here: int, groups: int) -> None:
        for source in sources:
            self._mixed.setdefault(source, []).append(here)
            self._mixed.setdefault(here, []).append(source)
        for tensor in (sources[0], here):
            self._divisors.append((tensor, groups))
            members = min(2, self._counts[tensor] // groups)
            self._least[tensor] = max(self._least.get(tensor, 0), members * groups)

    def _passes(self, layer: Layer, first: int, here: int) -> bool:
        """Return whether such a layer keeps its channels: the other sizes are 1."""
        sizes = [product(shape[1:]) for shape in layer.input_shapes]
        return all(size == 1 for size in sizes) and self._counts[first] == self._counts[here]

    def shrunk(self, pinned: set[int]) -> list[int]:
        """Return the channels of each tensor in the tiny network; those of pinned classes keep their number."""
        members: dict[int, list[int]] = {}
        for tensor in range(len(self._counts)):
            members.setdefault(self._class(tensor), []).append(tensor)
        units = {root: gcd(*[self._counts[tensor] for tensor in tensors]) for root, tensors in members.items()}
        for tensor, bound in self._bounds:
            root = self._class(tensor)
            units[root] = gcd(units[root], bound)
        steps = dict.fromkeys(members, 1)
        for tensor, divisor in self._divisors:
            root = self._class(tensor)
            steps[root] = lcm(steps[root], divisor // gcd(divisor, self._counts[tensor] // units[root]))
        stays = pinned | {self._class(tensor) for tensor in self._stretched}
        result = [0] * len(self._counts)
        for root, tensors in members.items():
            unit = units[root]
            shares = {tensor: self._counts[tensor] // unit for tensor in tensors}
            small = unit if root in stays else self._small(shares, unit, steps[root], result)
            for tensor, share in shares.items():
                result[tensor] = share * small
        return result

    def _small(self, shares: Mapping[int, int], unit: int, step: int, taken: Sequence[int]) -> int:
        """Return a small unit for tensors that hold `shares` units each; `taken` are the channels of other classes."""
        few = {tensor: max(min(self._counts[tensor], FEW), self._least.get(tensor, 0)) for tensor in shares}
        least = max([-(-few[tensor] // share) for tensor, share in shares.items()])
        smallest = -(-least // step) * step
        for candidate in range(smallest, min(unit, smallest + _TRIES * step) + 1, step):
            if all(
                shares[tensor] * candidate != taken[other] for tensor in shares for other in self._mixed.get(tensor, ())
            ):
                return candidate
        return smallest

    def classes_at(self, index: int) -> set[int]:
        """Return the classes of the tensors that a layer reads and writes."""
        sources = map(self._numbers.of, self._layers[index].inputs)
        return {self._class(tensor) for tensor in (self._numbers.output(index), *sources)}

    def _class(self, tensor: int) -> int:
        parents = self._parents
        while parents[tensor] != tensor:
            parents[tensor] = tensor = parents[parents[tensor]]
        return tensor

    def _tie(self, one: int, other: int) -> None:
        one, other = self._class(one), self._class(other)
        self._parents[max(one, other)] = min(one, other)


def groups_of(definition: LayerType) -> int:
    """Return how many groups of channels a layer keeps apart; 1 where its type has no such field."""
    names = definition.fields_for(GROUPS)
    return getattr(definition, names[0]) if names else 1
