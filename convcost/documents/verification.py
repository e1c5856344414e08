"""The document of a verification."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from convcost.documents import VERSION
from convcost.documents.numbers import Count
from convcost.documents.warnings import Warning

Shape = list[Count]


class CountsDocument(Struct, frozen=True, kw_only=True):
    """What was counted, or predicted, of one layer.

    Attributes:
        output_shape: What it gives, channels first.
        mults: Scalar multiplications.
        ops: Scalar operations by kind.
        macs: Multiply–accumulates.
        useful_mults: Multiplications less those by the layer's own zero padding, or that land in a cropped margin.
        params: Trainable numbers.
        buffers: Running statistics.
    """

    output_shape: Shape
    mults: Count
    ops: dict[str, Count]
    macs: Count
    useful_mults: Count
    params: Count
    buffers: Count


class CountDifferenceDocument(Struct, frozen=True, kw_only=True):
    """A count that is not what the formula predicts.

    Attributes:
        kind: What was counted.
        counted: The count.
        predicted: What the formula says.
    """

    kind: str
    counted: Any
    predicted: Any


class Executed(Struct, frozen=True, kw_only=True):
    """The shapes of a layer as it was executed.

    Attributes:
        input_shapes: What it read.
        output_shape: What it gave.
    """

    input_shapes: list[Shape]
    output_shape: Shape | None


class ExecutedLayer(Struct, frozen=True, kw_only=True):
    """One layer, executed.

    Attributes:
        name: Its name.
        type: The layer type.
        executed: Its shapes.
        counted: What was counted.
        predicted: What the formulas say.
        agrees: Whether they are the same.
        same_as: The layer whose execution serves this one too.
        differences: What is not the same.
        error: Why it cannot be executed or predicted.
        declared: Whether its costs are the author's, so that there is nothing to verify; `agrees` is null then.
    """

    name: str
    type: str
    executed: Executed
    counted: CountsDocument | None
    predicted: CountsDocument | None
    agrees: bool | None
    same_as: str | None
    differences: list[CountDifferenceDocument]
    error: str | None
    declared: bool = False


class VerifiedNetwork(Struct, frozen=True, kw_only=True):
    """The network that was verified.

    Attributes:
        name: Its name.
        file: The file it was read from.
        input_shape: What it takes, channels first.
    """

    name: str | None
    file: str | None
    input_shape: Shape


class Run(Struct, frozen=True, kw_only=True):
    """What was executed of it, and how.

    Attributes:
        input_shape: What the executed network takes.
        full: Whether it was executed at its real size.
        kept: What could not shrink.
        fold: Whether batch norms fold.
        seed: What the values were drawn from.
        engine: How convolutions multiplied.
    """

    input_shape: Shape
    full: bool
    kept: list[str]
    fold: bool
    seed: int
    engine: str


class Counted(Struct, frozen=True, kw_only=True):
    """The sums of what was counted and predicted."""

    counted: dict[str, Count]
    predicted: dict[str, Count]


class VerificationDocument(Struct, frozen=True, kw_only=True):
    """What was executed of a network, and whether it agrees with the formulas, as `convcost verify` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        executed: What was executed of it.
        agrees: Whether all counts agree.
        complete: Whether every layer was executed.
        performed_mults: Multiplications that were performed.
        layers: The layers.
        total: Their sums.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: VerifiedNetwork
    executed: Run
    agrees: bool
    complete: bool
    performed_mults: Count
    layers: list[ExecutedLayer]
    total: Counted
    warnings: list[Warning] = []


class FieldProofDocument(Struct, frozen=True, kw_only=True):
    """A layer whose receptive fields were compared with what changes its outputs.

    Attributes:
        name: The layer's name.
        type: Its type.
        output_shape: What it gave, channels first.
        compared: How many fields were compared, one for each value and each axis of the input.
        interior: How many of them read nothing beyond a border, so that size, stride and padding were compared.
        agrees: Whether all agree; null where none was compared.
        difference: The first that does not, as text.
        reason: Why none was compared.
    """

    name: str
    type: str
    output_shape: Shape
    compared: Count
    interior: Count
    agrees: bool | None
    difference: str | None
    reason: str | None


class FieldVerificationDocument(Struct, frozen=True, kw_only=True):
    """Receptive fields, compared with which positions of the input change outputs.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        executed_input_shape: The input's shape as it was executed.
        seed: What values and weights were drawn from.
        agrees: Whether all fields agree.
        positions: How many positions of the inputs were perturbed.
        layers: The layers.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: VerifiedNetwork
    executed_input_shape: Shape
    seed: int
    agrees: bool
    positions: Count
    layers: list[FieldProofDocument]
    warnings: list[Warning] = []
