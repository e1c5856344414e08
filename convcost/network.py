"""The frozen, shaped graph of named layers: plain data, no formula."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from msgspec import Struct

INPUT = -1
"""The index by which a layer reads the network's input."""


class Layer(Struct, frozen=True, gc=False):
    """One layer that runs.

    Attributes:
        path: Its name in parts, outermost first.
        name: Its parts joined by `/`; unique within the network.
        type: The layer type.
        fields: All fields of the type in normal form.
        inputs: The indices of the layers it reads; `INPUT` for the network's input.
        input_shapes: Their shapes, channels first.
        output_shape: What it gives, channels first.
        line: The line of the file where it is written, from 1; 0 where there is no file.
        column: The column there, from 1; the layers of one place are written by one item.
    """

    path: tuple[str, ...]
    name: str
    type: str
    fields: Mapping[str, Any]
    inputs: tuple[int, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    line: int
    column: int = 0


class Free(Struct, frozen=True):
    """The symbols of a network that stay symbols: its sizes are formulas in them.

    Attributes:
        symbols: Each symbol as a number, with what is known of it.
        witness: The values at which open questions are decided, of those symbols that have one.
        conditions: What was decided so; the formulas hold where these do.
    """

    symbols: Mapping[str, Any]
    witness: Mapping[str, Any]
    conditions: Any


class Limit(Struct, frozen=True):
    """What a network's own budget allows of a metric.

    Attributes:
        metric: One of `convcost.metrics.METRICS`.
        max: The largest value allowed.
        text: The amount as it is written, such as `4.3M`.
        line: The line of the amount, from 1.
        column: Its column, from 1.
    """

    metric: str
    max: int | Fraction
    text: str
    line: int
    column: int


class Network(Struct, frozen=True):
    """A network: its layers in the order in which they run, each after all that it reads.

    Attributes:
        name: The network's name.
        file: The file it was read from; empty where there is none.
        source: Where the architecture comes from.
        symbols: The values of its symbols.
        input_shape: What it takes, channels first.
        layers: All layers, repetitions unrolled.
        limits: Its own budget.
        free: The symbols that stay symbols; None where all have values.
    """

    name: str
    file: str
    source: str
    symbols: Mapping[str, Any]
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    limits: tuple[Limit, ...]
    free: Free | None = None

    def readers(self) -> list[int]:
        """Return how often each layer's output is read; one that nothing reads is an output of the network."""
        counts = [0] * len(self.layers)
        for layer in self.layers:
            for index in layer.inputs:
                if index != INPUT:
                    counts[index] += 1
        return counts
