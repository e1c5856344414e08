"""The document of a comparison of standard and separable convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.analysis import NetworkDocument, Told
from convcost.documents.footprint import FootprintForms
from convcost.documents.numbers import Count, RatioDocument, cost
from convcost.documents.warnings import Warning

if TYPE_CHECKING:
    Cost = Any
else:
    Cost = cost()


class Convolution(Struct, frozen=True, kw_only=True):
    """A convolution or linear layer in both forms.

    Attributes:
        name: The layer's name.
        line: The line where it is written; null of a model file.
        origin: The path of its module in the model file, where the file says it.
        written: Its form: `standard`, `separable` or `neither`.
        kernel_size: The size of its window; empty for a linear layer.
        input_shape: What it reads, channels first.
        output_shape: What it gives, channels first.
        standard: What the standard form costs.
        separable: What the separable form costs.
        saved_mults: Multiplications that the separable form saves.
        saved_params: Parameters that it saves.
        ratio: Its share of the multiplications.
        reason: Why there is no other form.
    """

    name: str
    line: Count | None
    origin: str | UnsetType = UNSET
    written: str
    kernel_size: list[Count]
    input_shape: list[Count]
    output_shape: list[Count]
    standard: Cost
    separable: Cost
    saved_mults: int
    saved_params: int
    ratio: RatioDocument | None
    reason: str | None


class Others(Struct, frozen=True, kw_only=True):
    """What all other layers cost in both networks.

    Attributes:
        layers: How many there are.
        standard: What they cost where every convolution is standard.
        separable: What they cost where every one is separable.
        declared: How many of them are at declared costs.
    """

    layers: Count
    standard: Cost
    separable: Cost
    declared: Count = 0


class Forms(Struct, frozen=True, kw_only=True):
    """What the network costs in its three forms."""

    as_written: Cost
    all_standard: Cost
    all_separable: Cost


class ComparisonDocument(Struct, frozen=True, kw_only=True):
    """Standard and separable convolutions side by side, as `convcost compare` shows them.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        convention: What the numbers count.
        layers: Its convolutions and linear layers.
        others: Its other layers.
        totals: What it costs in all.
        memory: What it takes.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    convention: Told
    layers: list[Convolution]
    others: Others
    totals: Forms
    memory: FootprintForms
    warnings: list[Warning] = []
