"""The memory that a network takes: its weights, its activations, and the most of these that live at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost.cost.weights import weight_bytes
from convcost.errors import WarningDetail
from convcost.layers import REGISTRY
from convcost.memory.storages import Storage, sharing, storages
from convcost.network import Layer, Network, bytes_of
from convcost.reports.result import Result


class MemorySettings(Struct, frozen=True):
    """How memory is counted.

    Attributes:
        batch: How many inputs run at once; activations scale with it, weights do not.
        in_place: Whether elementwise layers write over what they read.
        align: What the bytes of each piece of memory are rounded up to a multiple of.
        keep_inputs: Whether the network's inputs live to the end.
    """

    batch: int = 1
    in_place: bool = True
    align: int = 1
    keep_inputs: bool = False


class LayerMemory(Struct, frozen=True):
    """The memory that one layer takes.

    Attributes:
        layer: The layer.
        weight_bytes: What its deployed numbers take; 0 where it uses those of another layer.
        activation_bytes: What is taken for what it gives, and for inputs of the network that it reads first.
        alive: What lives while it runs, what it reads and gives included.
        how: How it comes by memory where it takes none: `view`, `in place`, `folded` or `weights`.
    """

    layer: Layer
    weight_bytes: Any
    activation_bytes: Any
    alive: Any
    how: str


class Piece(Struct, frozen=True):
    """A piece of memory with its name and its bytes.

    Attributes:
        name: The layer that it is taken for; `input` for an input of the network, numbered where there are several.
        bytes: Its bytes for the whole batch, rounded up as was asked.
        storage: What it holds, and how long it lives.
    """

    name: str
    bytes: Any
    storage: Storage


class Order(Struct, frozen=True):
    """The order in which the layers run.

    Attributes:
        kind: `file`: the order of the spec.
        proved: Whether no order has a smaller peak.
        lower_bound: What the peak of any order is at least; None where that was not asked.
    """

    kind: str = "file"
    proved: bool = False
    lower_bound: int | None = None


class Memory(Result, frozen=True):
    """The memory that a network takes at inference.

    Attributes:
        network: The network, with the types of its numbers.
        settings: How memory is counted.
        layers: Each layer, in the order in which they run.
        pieces: The pieces of memory that activations take, in the order in which they are taken.
        weight_bytes: What the deployed parameters, and the statistics of norms that stay, take.
        activation_bytes: What all pieces of memory for activations take, each once.
        peak_memory: The most bytes of activations that live while a layer runs.
        peak_index: The position of the first layer at which it is reached.
        order: The order of the layers.
    """

    shown_by: ClassVar[str] = "convcost.memory.report:MemoryReport"

    network: Network
    settings: MemorySettings
    layers: tuple[LayerMemory, ...]
    pieces: tuple[Piece, ...]
    weight_bytes: int
    activation_bytes: int
    peak_memory: int
    peak_index: int
    order: Order = Order()

    @classmethod
    def of(cls, network: Network, settings: MemorySettings = MemorySettings()) -> Self:  # noqa: B008 -- it is frozen
        """Work out the memory that a network takes when its layers run in the order of the spec.

        Args:
            network: The network.
            settings: How memory is counted.
        """
        count = len(network.layers)
        shared = sharing(network, in_place=settings.in_place)
        found = storages(shared, range(count), keep_inputs=settings.keep_inputs)
        pieces = tuple([_piece(network, each, settings) for each in found])
        opened: list[Any] = [0] * count
        for at, piece in zip(_opening(network, found), pieces, strict=True):
            opened[at] += piece.bytes
        weights = weight_bytes(network, [layer.cost() for layer in network.layers])
        alive = _alive(pieces, count)
        peak = max(alive, default=0)
        rows = zip(network.layers, weights, opened, alive, shared.how, strict=True)
        return cls(
            network,
            settings,
            tuple([LayerMemory(*row) for row in rows]),
            pieces,
            weight_bytes=sum(weights),
            activation_bytes=sum(opened),
            peak_memory=peak,
            peak_index=alive.index(peak) if alive else 0,
        )

    @property
    def at_peak(self) -> tuple[Piece, ...]:
        """The pieces of memory that live at the peak, the largest first."""
        at = self.peak_index
        living = [piece for piece in self.pieces if piece.storage.first <= at <= piece.storage.last]
        return tuple(sorted(living, key=lambda piece: -piece.bytes))

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant."""
        return self.network.warnings

    @property
    def not_counted(self) -> tuple[str, ...]:
        """The types of its layers that need memory beside what they read and give, which is not counted."""
        types = dict.fromkeys(layer.type for layer in self.network.layers)
        return tuple([type for type in types if REGISTRY[type].workspace])

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles

        peak = f"peak {self.peak_memory:,} bytes"
        where = f" at {self.layers[self.peak_index].layer.name}" if self.layers else ""
        return f"{titles.title(self.network)}: {peak}{where}, {self.weight_bytes:,} bytes of weights"


def activations(network: Network, batch: int) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return the bytes that are taken for each layer, and those that live while it runs; sizes may be formulas."""
    settings = MemorySettings(batch)
    shared = sharing(network)
    found = storages(shared, range(len(network.layers)))
    opened: list[Any] = [0] * len(network.layers)
    pieces = [_piece(network, each, settings) for each in found]
    for at, piece in zip(_opening(network, found), pieces, strict=True):
        opened[at] += piece.bytes
    return opened, _alive(pieces, len(network.layers))


def _alive(pieces: Sequence[Piece], count: int) -> list[Any]:
    """Return the bytes that live while each layer runs."""
    steps: list[Any] = [0] * (count + 1)
    for piece in pieces:
        steps[piece.storage.first] += piece.bytes
        steps[piece.storage.last + 1] -= piece.bytes
    return [*accumulate(steps)][:count]


def _opening(network: Network, found: Sequence[Storage]) -> list[int]:
    """Return the layer that each piece is taken for; of an input of the network the first that reads it."""
    readers: dict[tuple[int, int], int] = {}
    for index, layer in enumerate(network.layers):
        for tensor in layer.inputs:
            readers.setdefault((tensor.producer, tensor.output), index)
    return [readers.get(each.tensor, 0) if each.is_input else each.tensor[0] for each in found]


def _piece(network: Network, storage: Storage, settings: MemorySettings) -> Piece:
    size = bytes_of(storage.values * settings.batch, storage.width)
    if settings.align > 1:
        size = -(-size // settings.align) * settings.align
    producer, output = storage.tensor
    if storage.is_input:
        return Piece("input" if len(network.inputs) == 1 else f"input {output + 1}", size, storage)
    layer = network.layers[producer]
    name = layer.name if len(layer.outputs) == 1 else f"{layer.name}, output {output + 1}"
    return Piece(name, size, storage)
