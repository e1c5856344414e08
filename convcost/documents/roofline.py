"""The documents of what bounds a network's speed, and of devices."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.analysis import NetworkDocument
from convcost.documents.numbers import Count
from convcost.documents.warnings import Warning


class DeviceDocument(Struct, frozen=True, kw_only=True):
    """A device.

    Attributes:
        key: The name that `--device` takes.
        name: What people call it.
        peak: Operations per second at best, by the type of the numbers; a multiply–accumulate is two.
        bandwidth: Bytes per second at best.
        sram: Bytes for activations; null where that is no question.
        flash: Bytes for weights; null where that is no question.
        sources: Where each figure comes from.
    """

    key: str
    name: str
    peak: dict[str, float]
    bandwidth: float
    sram: Count | None
    flash: Count | None
    sources: dict[str, str]


class DevicesDocument(Struct, frozen=True, kw_only=True):
    """The devices that convcost ships, as `convcost devices` lists them.

    Attributes:
        schema_version: The version of this structure.
        devices: The devices.
    """

    schema_version: int = VERSION
    devices: list[DeviceDocument]


class RooflineNumbers(Struct, frozen=True, kw_only=True):
    """What bounds some layers.

    Attributes:
        mults: Their multiplications.
        adds: Their additions.
        flops: Both together.
        bytes_read: What they read: weights and inputs once.
        bytes_written: What they write: outputs once.
        intensity: Operations for each byte that moves; null where none does.
        bound: `compute` or `memory`; null where they take no time.
        seconds: The least time that they can take.
        picojoules: The least energy; null where that was not asked.
    """

    mults: Count
    adds: Count
    flops: Count
    bytes_read: Count
    bytes_written: Count
    intensity: float | None
    bound: str | None
    seconds: float
    picojoules: float | None


class LayerRooflineDocument(RooflineNumbers, frozen=True, kw_only=True):
    """What bounds a layer.

    Attributes:
        name: The layer's name.
        type: Its type.
        line: The line where it is written; null of a model file.
        origin: The path of its module in the model file, where the file says it.
        output_shape: What it gives, channels first.
        dtype: The type that it computes with.
        mults: Its multiplications.
        adds: Its additions.
        flops: Both together.
        bytes_read: What it reads: weights and inputs once.
        bytes_written: What it writes: outputs once.
        intensity: Operations for each byte that moves; null where none does.
        bound: `compute` or `memory`; null where it takes no time.
        seconds: The least time that it can take.
        picojoules: The least energy; null where that was not asked.
    """

    name: str
    type: str
    line: Count | None
    origin: str | UnsetType = UNSET
    output_shape: list[Count]
    dtype: str


class RooflineTotal(RooflineNumbers, frozen=True, kw_only=True):
    """What bounds a network.

    Attributes:
        memory_share: Which part of its least time goes by in layers that memory bounds.
        mults: Its multiplications.
        adds: Its additions.
        flops: Both together.
        bytes_read: What its layers read: weights and inputs once.
        bytes_written: What its layers write: outputs once.
        intensity: Operations for each byte that moves; null where none does.
        bound: `compute` or `memory`; what bounds more of the time; null where it takes none.
        seconds: The least time of its layers, one after the other.
        picojoules: The least energy; null where that was not asked.
    """

    memory_share: float


class FitDocument(Struct, frozen=True, kw_only=True):
    """Whether something fits into a memory of the device.

    Attributes:
        what: `weights` or `peak of activations`.
        bytes: What it takes.
        memory: `flash` or `SRAM`.
        room: The bytes of that memory.
        fits: Whether it fits.
    """

    what: str
    bytes: Count
    memory: str
    room: Count
    fits: bool


class RooflineConvention(Struct, frozen=True, kw_only=True):
    """How the least time is worked out.

    Attributes:
        batch: How many inputs run at once.
        layers: How the layers follow each other.
        bytes: Which bytes move.
    """

    batch: Count
    layers: str = "one after the other"
    bytes: str = "weights, inputs and outputs of each layer once; none for views, folded norms and what is in place"


class RooflineDocument(Struct, frozen=True, kw_only=True):
    """What bounds the speed of a network on a device, as `convcost roofline` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        device: The device.
        convention: How the least time is worked out.
        layers: Its layers.
        total: All of them.
        fits: Whether weights and activations fit into the device, where it says how much room there is.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    device: DeviceDocument
    convention: RooflineConvention
    layers: list[LayerRooflineDocument]
    total: RooflineTotal
    fits: list[FitDocument]
    warnings: list[Warning] = []
