"""The document of what the layers of a network see of its input."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.analysis import NetworkDocument
from convcost.documents.numbers import Count
from convcost.documents.warnings import Warning

Number = int | str
"""A whole number, or a fraction as text, such as `1/2`."""


class InputAxisDocument(Struct, frozen=True, kw_only=True):
    """An axis of an input along which positions lie.

    Attributes:
        input: The number of the input, from 0.
        axis: The number of the axis.
        name: What it is called, such as `height`; null where it has no name.
        size: How many positions it has.
    """

    input: Count
    axis: Count
    name: str | None
    size: Count


class PhaseDocument(Struct, frozen=True, kw_only=True):
    """The field of one of the outputs after which the fields come again.

    Attributes:
        size: How many positions it reaches over.
        padding: The P of its first position, which for output i is i · stride − P.
        used: The share of these positions that is read, as text.
    """

    size: Count
    padding: Number
    used: str


class FieldDocument(Struct, frozen=True, kw_only=True):
    """What a layer's outputs see, unclipped, an entry for each of `axes`; null where they see nothing of it.

    Attributes:
        size: How far the largest field reaches; the size of the input where it sees everything. Null where unknown.
        stride: How far one output's local field lies from the next one's; a fraction as text. Null where they do not go
            on evenly.
        padding: The P of the largest local field: output i sees from i · stride − P on.
        used: The share of the positions in the reach of the largest local field that is read at all, as text.
        local: The size without what every output sees, as by attention or a gate; of those that see nothing else that.
        strict_reason: Why size is not local, such as `everything, by gate/global_avg_pool_1`; null where it is.
        phases: The local fields of outputs beside each other, up to where they come again.
        smallest_input: The smallest input of which an output sees no padding; null where fields follow from its size.
        unknown: Why the field is unknown; null where it is known.
        share: The share of all combinations of positions that is used; null where they are no product of the axes.
    """

    size: list[Count | None]
    stride: list[Number | None]
    padding: list[Number | None]
    used: list[str | None]
    local: list[Count | None]
    strict_reason: list[str | None]
    phases: list[list[PhaseDocument]]
    smallest_input: list[Count | None]
    unknown: list[str | None]
    share: str | None


class LayerFieldDocument(Struct, frozen=True, kw_only=True):
    """A layer and what its outputs see.

    Attributes:
        name: The layer's name.
        type: Its type.
        line: The line where it is written; null of a model file.
        origin: The path of its module in the model file, where the file says it.
        output_shape: What it gives, channels first.
        receptive_field: What its outputs see of the network's inputs.
        aligned: Whether the fields of its inputs have the same centres; null for a layer that merges none.
        misaligned_by: How far apart these centres are along each of `axes`, where that is known; null otherwise.
    """

    name: str
    type: str
    line: Count | None
    origin: str | UnsetType = UNSET
    output_shape: list[Count]
    receptive_field: FieldDocument
    aligned: bool | None
    misaligned_by: list[Number | None] | None


class ReceptiveFieldDocument(Struct, frozen=True, kw_only=True):
    """What the layers of a network see of its input, as `convcost receptive-field` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        axes: The axes of its inputs along which positions lie.
        layers: Its layers, or those that were asked for.
        unread: For each of `axes` the first and last of the positions that no output reads.
        warnings: What is valid in the spec and rarely meant, holes in what the outputs see included.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    axes: list[InputAxisDocument]
    layers: list[LayerFieldDocument]
    unread: list[list[list[Count]]]
    warnings: list[Warning] = []
