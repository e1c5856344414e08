"""The document of the memory that a network takes."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.analysis import NetworkDocument
from convcost.documents.numbers import Count
from convcost.documents.warnings import Warning


class DtypeDocument(Struct, frozen=True, kw_only=True):
    """The types of a layer's numbers.

    Attributes:
        weights: Of its weights.
        activations: Of what it gives.
        biases: Of its biases.
    """

    weights: str
    activations: str
    biases: str


class MemoryConvention(Struct, frozen=True, kw_only=True):
    """How memory is counted.

    Attributes:
        batch: How many inputs run at once.
        in_place: Whether elementwise layers write over what they read.
        align: What the bytes of each tensor are rounded up to a multiple of.
        keep_inputs: Whether the network's inputs live to the end.
    """

    batch: Count
    in_place: bool
    align: Count
    keep_inputs: bool


class LayerMemoryDocument(Struct, frozen=True, kw_only=True):
    """The memory that a layer takes.

    Attributes:
        name: The layer's name.
        type: Its type.
        line: The line where it is written; null of a model file.
        origin: The path of its module in the model file, where the file says it.
        output_shape: What it gives, channels first.
        dtype: The types of its numbers.
        weight_bytes: What its deployed numbers take; 0 where it uses those of another layer, null where it has no type.
        activation_bytes: What is taken for what it gives, and for inputs of the network that it reads first; null
            where the shape of what it gives is not known.
        peak_memory: What lives while it runs; null where that is not known.
        memory: How it comes by memory where it takes none: `view`, `in place`, `folded` or `weights`; null otherwise.
    """

    name: str
    type: str
    line: Count | None
    origin: str | UnsetType = UNSET
    output_shape: list[Count]
    dtype: DtypeDocument
    weight_bytes: Count | None
    activation_bytes: Count | None
    peak_memory: Count | None
    memory: str | None


class MemoryTotal(Struct, frozen=True, kw_only=True):
    """The memory that a network takes.

    Attributes:
        peak_memory: The most bytes of activations that live while a layer runs.
        weight_bytes: What the deployed parameters, and the statistics of norms that stay, take.
        activation_bytes: What all tensors take, those that share memory once.
    """

    peak_memory: Count
    weight_bytes: Count
    activation_bytes: Count


class PeakTensor(Struct, frozen=True, kw_only=True):
    """A tensor that lives at the peak.

    Attributes:
        name: The layer that gives it; `input` for an input of the network.
        bytes: What it takes; null where its shape is not known.
    """

    name: str
    bytes: Count | None


class PeakDocument(Struct, frozen=True, kw_only=True):
    """Where most memory is taken.

    Attributes:
        layer: The first layer that runs then.
        tensors: What lives then, the largest first.
    """

    layer: str | None
    tensors: list[PeakTensor]


class OrderDocument(Struct, frozen=True, kw_only=True):
    """The order in which the layers run.

    Attributes:
        kind: `file`: that of the spec; `best`: the one with the smallest peak that was found.
        proved: Whether no order has a smaller peak.
        lower_bound: What the peak of any order is at least; null where that was not asked.
    """

    kind: str
    proved: bool
    lower_bound: Count | None


class PlacementDocument(Struct, frozen=True, kw_only=True):
    """Where tensors are in one arena.

    Attributes:
        size: The bytes of the arena that they take.
        lower_bound: What any placement takes at least: the most that lives at a time in this order.
        proved: Whether no placement takes less.
        arena: The bytes of the arena that was given.
        fits: Whether that is large enough for this placement; null where none was given.
    """

    size: Count
    lower_bound: Count
    proved: bool
    arena: Count | None
    fits: bool | None


class TensorDocument(PeakTensor, frozen=True, kw_only=True):
    """A tensor, with the views of it and what is written over it in place.

    Attributes:
        name: The layer that gives it; `input` for an input of the network.
        bytes: What it takes; null where its shape is not known.
        first: The position in `layers`, from 0, of the layer from whose start it lives.
        last: The position of the layer to whose end it lives.
        offset: Where it begins in one arena; null where that was not asked.
        layers: The layers that take no memory because of it.
    """

    first: Count
    last: Count
    offset: Count | None = None
    layers: list[str]


class MemoryDocument(Struct, frozen=True, kw_only=True):
    """The memory that a network takes, as `convcost memory` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        convention: How memory is counted.
        layers: Its layers, in the order in which they run.
        total: What it takes in all.
        peak: Where most is taken.
        order: The order of the layers.
        placement: Where the tensors are in one arena; null where that was not asked.
        tensors: Its tensors, those that share memory once.
        not_counted: The types of its layers that need memory beside what they read and give, which is not counted.
        warnings: What is valid in the spec and rarely meant.
        incomplete: True where operations are not counted, so that the bytes are lower bounds; left out where all are.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    convention: MemoryConvention
    layers: list[LayerMemoryDocument]
    total: MemoryTotal
    peak: PeakDocument
    order: OrderDocument
    placement: PlacementDocument | None = None
    tensors: list[TensorDocument]
    not_counted: list[str]
    warnings: list[Warning] = []
    incomplete: bool | UnsetType = UNSET


class PeakPieceDocument(Struct, frozen=True, kw_only=True):
    """Values of a symbol at which one layer is the peak, by one formula.

    Attributes:
        first: The least value.
        last: The largest value.
        condition: At which values it holds, as text.
        layer: The layer that runs at the peak.
        formula: What lives then, as a formula in the symbol.
        peak_first: The bytes at the least value.
        peak_last: The bytes at the largest value.
    """

    first: str
    last: str
    condition: str
    layer: str
    formula: str
    peak_first: Count
    peak_last: Count


class PeakFormulaDocument(Struct, frozen=True, kw_only=True):
    """The peak of activations over a range of values, as `convcost memory --over` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network's name.
        symbol: The symbol.
        step: The values are its multiples.
        pieces: The pieces of the range, in order.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: str | None
    symbol: str
    step: str
    pieces: list[PeakPieceDocument]
    warnings: list[Warning] = []
