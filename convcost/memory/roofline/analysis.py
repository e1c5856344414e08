"""What bounds the speed of each layer on a device: its arithmetic or its memory.

Source: Williams, Waterman, Patterson 2009, Roofline: an insightful visual performance model (Communications of the ACM
52.4): the attainable operations per second are the least of the peak and of bandwidth times intensity.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar, Self

from msgspec import Struct

from convcost.cost.analysis import Analysis
from convcost.errors import ErrorDetail, OptionError, WarningDetail
from convcost.memory.analysis import Memory, MemorySettings
from convcost.memory.roofline.devices import Device
from convcost.memory.roofline.energy import ENERGY, PER_BYTE
from convcost.network import Layer, Network
from convcost.network.widths import BITS
from convcost.reports.result import Result

COMPUTE, MEMORY = "compute", "memory"


class LayerRoofline(Struct, frozen=True):
    """What bounds a layer.

    Attributes:
        layer: The layer.
        dtype: The type of the numbers that it works on: the wider of its weights and its activations.
        mults: Its multiplications.
        adds: Its additions.
        bytes_read: What it reads: weights and inputs once.
        bytes_written: What it writes: outputs once.
        compute_seconds: What its operations take at the peak of the device.
        memory_seconds: What its bytes take at the bandwidth of the device.
        energy: The least picojoules; None where that was not asked.
    """

    layer: Layer
    dtype: str
    mults: int
    adds: int
    bytes_read: int
    bytes_written: int
    compute_seconds: Fraction
    memory_seconds: Fraction
    energy: Fraction | None = None

    @property
    def flops(self) -> int:
        """Its multiplications and additions."""
        return self.mults + self.adds

    @property
    def bytes_moved(self) -> int:
        """What it reads and writes."""
        return self.bytes_read + self.bytes_written

    @property
    def intensity(self) -> Fraction | None:
        """Its operations for each byte that it moves; None where it moves none."""
        return Fraction(self.flops, self.bytes_moved) if self.bytes_moved else None

    @property
    def seconds(self) -> Fraction:
        """The least time that it can take."""
        return max(self.compute_seconds, self.memory_seconds)

    @property
    def bound(self) -> str:
        """What takes that time: `compute` or `memory`; nothing where it does neither."""
        if not self.seconds:
            return ""
        return MEMORY if self.memory_seconds > self.compute_seconds else COMPUTE


class Fit(Struct, frozen=True):
    """Whether something fits into a memory of the device.

    Attributes:
        what: `weights` or `peak of activations`.
        needed: Its bytes.
        memory: `flash` or `SRAM`.
        room: The bytes of the memory.
    """

    what: str
    needed: int
    memory: str
    room: int

    @property
    def fits(self) -> bool:
        """Whether it does."""
        return self.needed <= self.room


class Roofline(Result, frozen=True):
    """What bounds the speed of a network on a device.

    Attributes:
        network: The network, with the types of its numbers.
        device: The device.
        batch: How many inputs run at once.
        layers: Each layer.
        fits: Whether weights and activations fit, where the device says how much room there is.
        seconds: The least time of all layers, one after the other.
    """

    shown_by: ClassVar[str] = "convcost.memory.roofline.report:RooflineReport"
    charts: ClassVar[Mapping[str, str]] = {"roofline": "convcost.memory.roofline.chart:roofline_chart"}

    network: Network
    device: Device
    batch: int
    layers: tuple[LayerRoofline, ...]
    fits: tuple[Fit, ...]
    seconds: Fraction

    @classmethod
    def of(cls, network: Network, device: Device, *, batch: int = 1, energy: bool = False) -> Self:
        """Work out what bounds each layer.

        Args:
            network: The network, with the types of its numbers.
            device: The device.
            batch: How many inputs run at once; weights are read once for all.
            energy: Whether to work out the least energy, too.

        Raises:
            OptionError: The device has no peak for a type that the network computes with, or the table no energy.
        """
        rows = _works(network, batch)
        _check_types(rows, device, energy=energy)
        memory = Memory.of(network, MemorySettings(batch))
        layers = tuple([_row(row, device, energy) for row in rows])
        seconds = sum((row.seconds for row in layers), Fraction(0))
        return cls(network, device, batch, layers, _fits(memory, device), seconds)

    @property
    def memory_share(self) -> Fraction:
        """Which part of that time goes by in layers that memory bounds."""
        bound = sum((row.seconds for row in self.layers if row.bound == MEMORY), Fraction(0))
        return bound / self.seconds if self.seconds else Fraction(0)

    @property
    def energy(self) -> Fraction | None:
        """The least picojoules in all; None where that was not asked."""
        found = [row.energy for row in self.layers if row.energy is not None]
        return sum(found, Fraction(0)) if found else None

    @property
    def bound(self) -> str:
        """What bounds more of that time."""
        if not self.seconds:
            return ""
        return MEMORY if self.memory_share > Fraction(1, 2) else COMPUTE

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The types that it computes with."""
        return tuple(dict.fromkeys(row.dtype for row in self.layers if row.flops))

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant."""
        return self.network.warnings

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.memory.roofline.units import percent_text, seconds_text
        from convcost.reports import titles

        bound = f"{percent_text(self.memory_share)} of it bound by memory"
        return f"{titles.title(self.network)} on {self.device.name}: at least {seconds_text(self.seconds)}, {bound}"


class _Work(Struct, frozen=True):
    layer: Layer
    dtype: str
    mults: int
    adds: int
    bytes_read: int
    bytes_written: int


def layer_rooflines(network: Network, device: Device, *, batch: int, energy: bool) -> list[LayerRoofline]:
    """Return the roofline of each layer, where the device has a peak for all types; sizes may be formulas."""
    return [_row(row, device, energy) for row in _works(network, batch)]


def _works(network: Network, batch: int) -> list[_Work]:
    analysis = Analysis.of(network, batch=batch)
    numbers = zip(*(analysis.values(name) for name in ("mults", "adds", "bytes_read", "bytes_written")), strict=True)
    return [_Work(layer, _dtype(layer), *each) for layer, each in zip(network.layers, numbers, strict=True)]


def _dtype(layer: Layer) -> str:
    """Return the type that a layer computes with: a float rather than an integer, and the wider of two."""
    widths: list[str] = [layer.widths.activations, *((layer.widths.weights,) if layer.definition.weights else ())]
    return max(widths, key=lambda width: (not width.startswith("int"), BITS[width]))


def _check_types(rows: list[_Work], device: Device, *, energy: bool) -> None:
    """Raise `OptionError` where there is no figure for a type that is computed with."""
    computing = dict.fromkeys(row.dtype for row in rows if row.mults or row.adds)
    details = []
    for width in computing:
        first = next(row.layer.name for row in rows if row.dtype == width and (row.mults or row.adds))
        found = f"layer {first!r} and others compute with {width}"
        if width not in device.peak:
            help = f"{device.key} has {', '.join(device.peak)}: --dtype {next(iter(device.peak))}"
            details.append(ErrorDetail(f"{device.name} has no peak for {width}", found=found, help=help))
        if energy and width not in ENERGY:
            help = f"it has {', '.join(ENERGY)}: --dtype {next(iter(ENERGY))}"
            details.append(ErrorDetail(f"the table of energies has no {width}", found=found, help=help))
    if details:
        raise OptionError(details)


def _row(row: _Work, device: Device, energy: bool) -> LayerRoofline:
    flops, moved = row.mults + row.adds, row.bytes_read + row.bytes_written
    joules = None
    if energy:
        table = ENERGY.get(row.dtype)
        joules = moved * PER_BYTE
        if table is not None:
            joules += row.mults * table.multiplication + row.adds * table.addition
    return LayerRoofline(
        row.layer,
        row.dtype,
        row.mults,
        row.adds,
        row.bytes_read,
        row.bytes_written,
        compute_seconds=flops / device.peak[row.dtype] if flops else Fraction(0),
        memory_seconds=moved / device.bandwidth,
        energy=joules,
    )


def _fits(memory: Memory, device: Device) -> tuple[Fit, ...]:
    found = []
    if device.flash is not None:
        found.append(Fit("weights", memory.weight_bytes, "flash", device.flash))
    if device.sram is not None:
        found.append(Fit("peak of activations", memory.peak_memory, "SRAM", device.sram))
    return tuple(found)
