"""The memory that a network takes: its weights, its activations, and the most of these that live at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, ClassVar, Self

from msgspec import Struct
from msgspec.structs import replace

from convcost.cost.weights import weight_bytes
from convcost.errors import ErrorDetail, OptionError, WarningDetail
from convcost.layers import REGISTRY
from convcost.layers.declared import NOT_KNOWN
from convcost.memory.placement.intervals import Interval, Placement
from convcost.memory.storages import Sharing, Storage, sharing, storages
from convcost.network import Layer, Network, bytes_of
from convcost.network.completeness import incomplete
from convcost.reports.result import Result

FILE, BEST = "file", "best"
"""The orders in which layers can run: that of the spec, and the one with the smallest peak."""


class MemorySettings(Struct, frozen=True):
    """How memory is counted.

    Attributes:
        batch: How many inputs run at once; activations scale with it, weights do not.
        in_place: Whether elementwise layers write over what they read.
        align: What the bytes of each piece of memory are rounded up to a multiple of.
        keep_inputs: Whether the network's inputs live to the end.
        order: The order of the layers: `file`, that of the spec, or `best`, the one with the smallest peak.
        place: Whether each piece of memory gets an offset in one arena.
        arena: The bytes of the arena; None for as few as there can be.
    """

    batch: int = 1
    in_place: bool = True
    align: int = 1
    keep_inputs: bool = False
    order: str = FILE
    place: bool = False
    arena: int | None = None


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

    @property
    def weighed(self) -> bool:
        """Whether it is known how many numbers it has."""
        return not self.layer.definition.unknown

    @property
    def sized(self) -> bool:
        """Whether the shape of what it gives is known."""
        return self.weighed or self.layer.fields["output_shape"] is not None


class Piece(Struct, frozen=True):
    """A piece of memory with its name and its bytes.

    Attributes:
        name: The layer that it is taken for; `input` for an input of the network, numbered where there are several.
        bytes: Its bytes for the whole batch, rounded up as was asked.
        storage: What it holds, and how long it lives.
        known: Whether the shape of what it holds is known; its bytes count as none where it is not.
    """

    name: str
    bytes: Any
    storage: Storage
    known: bool = True


class Order(Struct, frozen=True):
    """The order in which the layers run.

    Attributes:
        kind: `file`: that of the spec; `best`: the one with the smallest peak that was found.
        proved: Whether no order has a smaller peak.
        lower_bound: What the peak of any order is at least; None where that was not asked.
    """

    kind: str = FILE
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
        placement: Where each piece of memory is in one arena; None where that was not asked.
    """

    shown_by: ClassVar[str] = "convcost.memory.report:MemoryReport"
    charts: ClassVar[Mapping[str, str]] = {"memory": "convcost.memory.chart:memory_chart"}

    network: Network
    settings: MemorySettings
    layers: tuple[LayerMemory, ...]
    pieces: tuple[Piece, ...]
    weight_bytes: int
    activation_bytes: int
    peak_memory: int
    peak_index: int
    order: Order = Order()
    placement: Placement | None = None

    @classmethod
    def of(cls, network: Network, settings: MemorySettings = MemorySettings()) -> Self:  # noqa: B008 -- it is frozen
        """Work out the memory that a network takes.

        Args:
            network: The network.
            settings: How memory is counted.

        Raises:
            OptionError: The arena is smaller than the peak, or sizes are not known that a placement or the best order
                needs.
        """
        if network.unknown and (settings.place or settings.order == BEST):
            _check_sized(network)
        shared = sharing(network, in_place=settings.in_place)
        run, order = _order(shared, settings)
        pieces = _pieces(shared, run, settings)
        opened = _opened(network, run, pieces)
        weights = weight_bytes(network, [layer.cost() for layer in network.layers])
        alive = _alive(pieces, len(run))
        peak = max(alive, default=0)
        rows = [
            LayerMemory(network.layers[index], weights[index], taken, lives, shared.how[index])
            for index, taken, lives in zip(run, opened, alive, strict=True)
        ]
        return cls(
            network,
            settings,
            tuple(rows),
            pieces,
            weight_bytes=sum(weights),
            activation_bytes=sum(opened),
            peak_memory=peak,
            peak_index=alive.index(peak) if alive else 0,
            order=order if order.lower_bound is None else replace(order, proved=order.lower_bound == peak),
            placement=_placement(pieces, peak, settings) if settings.place else None,
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
        from convcost.reports.table import AT_LEAST

        least = AT_LEAST if self.network.unknown else ""
        peak = f"peak {least}{self.peak_memory:,} bytes"
        where = f" at {self.layers[self.peak_index].layer.name}" if self.layers else ""
        return f"{titles.title(self.network)}: {peak}{where}, {least}{self.weight_bytes:,} bytes of weights"


def order_named(name: str) -> str:
    """Return an order by its name.

    Raises:
        OptionError: There is none of this name.
    """
    if name not in (FILE, BEST):
        raise OptionError(ErrorDetail(f"--order: there is no order {name!r}", help=f"known: {FILE}, {BEST}"))
    return name


def activations(network: Network, settings: MemorySettings) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return the bytes that are taken for each layer, and those that live while it runs; sizes may be formulas."""
    run = range(len(network.layers))
    pieces = _pieces(sharing(network, in_place=settings.in_place), run, settings)
    return _opened(network, run, pieces), _alive(pieces, len(run))


def _order(shared: Sharing, settings: MemorySettings) -> tuple[Sequence[int], Order]:
    """Return the indices of the layers in the order in which they run, and what is known of it."""
    run = range(len(shared.network.layers))
    if settings.order == FILE:
        return run, Order()
    from convcost.memory.ordering.best import find_order  # imported where it is asked

    sizes = [piece.bytes for piece in _pieces(shared, run, settings)]
    found = find_order(shared, sizes, keep_inputs=settings.keep_inputs)
    return found.layers, Order(settings.order, lower_bound=found.lower_bound)


def _placement(pieces: Sequence[Piece], peak: int, settings: MemorySettings) -> Placement:
    """Return where each piece of memory is in one arena.

    Raises:
        OptionError: The arena is smaller than the peak.
    """
    from convcost.memory.placement.place import place  # imported where it is asked

    if settings.arena is not None and settings.arena < peak:
        other = " or another order, --order best" if settings.order == FILE else ""
        found = f"--arena: {settings.arena:,} bytes; {peak:,} live at the peak"
        help = f"at least {peak:,} bytes{other}"
        raise OptionError(ErrorDetail("the arena is smaller than the peak", found=found, help=help))
    return place([Interval(each.bytes, each.storage.first, each.storage.last) for each in pieces], settings.arena)


def _check_sized(network: Network) -> None:
    """Refuse a network with shapes that are not known: what fits, and which order is best, is not known either.

    Raises:
        OptionError: There is one.
    """
    if any(layer.fields["output_shape"] is None for layer in network.unknown):
        message = "a placement and the best order need the sizes of all tensors"
        raise OptionError(replace(incomplete(network), message=message))


def _pieces(shared: Sharing, run: Sequence[int], settings: MemorySettings) -> tuple[Piece, ...]:
    """Return the pieces of memory that activations take when the layers run in an order."""
    found = storages(shared, run, keep_inputs=settings.keep_inputs)
    return tuple([_piece(shared.network, each, settings) for each in found])


def _opened(network: Network, run: Sequence[int], pieces: Sequence[Piece]) -> list[Any]:
    """Return the bytes that are taken for each layer, in the order in which they run.

    An input of the network is taken for the first layer that reads it.
    """
    opened: list[Any] = [0] * len(run)
    readers: dict[tuple[int, int], int] = {}
    for position, index in enumerate(run):
        for tensor in network.layers[index].inputs:
            readers.setdefault((tensor.producer, tensor.output), position)
    for piece in pieces:
        storage = piece.storage
        opened[readers.get(storage.tensor, 0) if storage.is_input else storage.first] += piece.bytes
    return opened


def _alive(pieces: Sequence[Piece], count: int) -> list[Any]:
    """Return the bytes that live while each layer runs."""
    steps: list[Any] = [0] * (count + 1)
    for piece in pieces:
        steps[piece.storage.first] += piece.bytes
        steps[piece.storage.last + 1] -= piece.bytes
    return [*accumulate(steps)][:count]


def _piece(network: Network, storage: Storage, settings: MemorySettings) -> Piece:
    size = bytes_of(storage.values * settings.batch, storage.width)
    if settings.align > 1:
        size = -(-size // settings.align) * settings.align
    producer, output = storage.tensor
    if storage.is_input:
        return Piece("input" if len(network.inputs) == 1 else f"input {output + 1}", size, storage)
    layer = network.layers[producer]
    name = layer.name if len(layer.outputs) == 1 else f"{layer.name}, output {output + 1}"
    return Piece(name, size, storage, layer.outputs[output].shape != NOT_KNOWN)
