"""The frozen, shaped graph of named layers: plain data, no formula."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from convcost.errors import Place, WarningDetail
from convcost.layers.base import LayerType
from convcost.layers.layout import FEATURE_MAP
from convcost.ops import Cost, product

if TYPE_CHECKING:
    from convcost.network.compression import CompressionRule

INPUT = -1
"""The producer of a tensor that no layer gives: an input of the network."""


class Tensor(Struct, frozen=True, gc=False):
    """A value that flows between layers, without the batch axis.

    Attributes:
        shape: Its sizes, channels first in a feature map.
        producer: The index of the layer that gives it; `INPUT` for an input of the network.
        output: Which of the producer's outputs, or of the network's inputs, it is, from 0.
        layout: What its axes are: `feature map`, `tokens`, `vector` or `unknown`.
        width: The type of its numbers, such as `float32`.
    """

    shape: tuple[int, ...]
    producer: int = INPUT
    output: int = 0
    layout: str = FEATURE_MAP
    width: str = "float32"


class Widths(Struct, frozen=True):
    """The types of a layer's numbers, such as `float32` or `int8`.

    Attributes:
        weights: Of its weights.
        activations: Of what it gives.
        biases: Of its biases.
    """

    weights: str = "float32"
    activations: str = "float32"
    biases: str = "float32"


FLOAT32 = Widths()


NO_SPARSITY = Fraction(0)


class Layer(Struct, frozen=True, gc=False):
    """One layer that runs.

    Attributes:
        path: Its name in parts, outermost first.
        name: Its parts joined by `/`; unique within the network.
        definition: The layer type's object, with all fields in normal form.
        inputs: What it reads.
        outputs: What it gives.
        line: The line of the file where it is written, from 1; 0 where there is none, as in a model file.
        column: The column there, from 1.
        former: The parts of the name that earlier versions gave it, where that was another one.
        shares: The name of the layer whose weights it uses; empty where it has its own.
        trainable: Whether its numbers are learned; else they count as buffers.
        times: How often it runs, with the same weights: once for each slice of an `each`.
        widths: The types of its numbers.
        sparsity: The share of its weights that are zero, as its author says.
        origin: The path of its module in the model file that the network was read from, such as `layer1.0.conv1`.
        item: The line and the column of the item that writes it, in the text that is made of a model file too; the
            layers of one item have the same.
        functional: Whether its module calls it as a function.
    """

    path: tuple[str, ...]
    name: str
    definition: LayerType
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    line: int = 0
    column: int = 0
    former: tuple[str, ...] = ()
    shares: str = ""
    trainable: bool = True
    times: int = 1
    widths: Widths = FLOAT32
    sparsity: Fraction = NO_SPARSITY
    origin: str = ""
    item: tuple[int, int] = (0, 0)
    functional: bool = False

    @property
    def type(self) -> str:
        """The layer type's name."""
        return self.definition.type

    @property
    def fields(self) -> Mapping[str, Any]:
        """All fields of the type in normal form."""
        return vars(self.definition)

    def place(self, file: str) -> Place:
        """Return where it is in the file of its network: the line and the column, of a model file the module."""
        return Place(file, self.line, self.column, "" if self.line else self.origin)

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of what it reads."""
        inputs = self.inputs
        return (inputs[0].shape,) if len(inputs) == 1 else tuple([tensor.shape for tensor in inputs])

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of its first output."""
        return self.outputs[0].shape

    def cost(self) -> Cost:
        """Return what it costs for one input of the network; weights that it shares cost nothing here."""
        inputs = self.inputs
        shapes = (inputs[0].shape,) if len(inputs) == 1 else tuple([tensor.shape for tensor in inputs])
        cost = self.definition.cost(shapes, self.outputs[0].shape)
        if self.shares or not self.trainable or self.times.__class__ is not int or self.times != 1:
            return self._adjusted(cost)
        return cost

    def _adjusted(self, cost: Cost) -> Cost:
        params, buffers = cost.params, cost.buffers
        if self.shares:
            params, buffers = 0, 0
        elif not self.trainable:
            params, buffers = 0, buffers + params
        times = self.times
        return Cost(params, buffers, cost.ops * times, cost.macs * times, cost.useful_mults * times)

    @property
    def values(self) -> Any:
        """How many values it gives, in all outputs and all times that it runs."""
        outputs = self.outputs
        values = product(outputs[0].shape)
        for tensor in outputs[1:]:
            values += product(tensor.shape)
        return values if self.times.__class__ is int and self.times == 1 else values * self.times

    @property
    def sources(self) -> tuple[int, ...]:
        """The indices of the layers that it reads; `INPUT` for an input of the network."""
        return tuple([tensor.producer for tensor in self.inputs])


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
        inputs: What it takes.
        layers: All layers, repetitions unrolled.
        limits: Its own budget.
        compression: How its weights are compressed.
        free: The symbols that stay symbols; None where all have values.
        named_outputs: The outputs that it names; without any, every tensor that no layer reads is an output.
        built: Whether `NetworkBuilder` made it, which infers and checks all shapes.
        warnings: What is valid in its spec and rarely meant.
    """

    name: str
    file: str
    source: str
    symbols: Mapping[str, Any]
    inputs: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    limits: tuple[Limit, ...] = ()
    free: Free | None = None
    named_outputs: tuple[Tensor, ...] = ()
    built: bool = False
    warnings: tuple[WarningDetail, ...] = ()
    compression: tuple[CompressionRule, ...] = ()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of its first input."""
        return self.inputs[0].shape

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What it gives: the outputs that it names, else every tensor that no layer reads."""
        if self.named_outputs:
            return self.named_outputs
        read = {(tensor.producer, tensor.output) for layer in self.layers for tensor in layer.inputs}
        given = [tensor for layer in self.layers for tensor in layer.outputs]
        return tuple([tensor for tensor in given if (tensor.producer, tensor.output) not in read])

    @property
    def unknown(self) -> tuple[Layer, ...]:
        """The layers whose costs nobody knows; with any, all totals are lower bounds."""
        return tuple([layer for layer in self.layers if layer.definition.unknown])

    def output_layers(self) -> set[int]:
        """Return the indices of the layers that give an output of the network."""
        return {tensor.producer for tensor in self.outputs if tensor.producer != INPUT}

    def readers(self) -> list[int]:
        """Return how often each layer's outputs are read; an output that the network names is read once more."""
        counts = [0] * len(self.layers)
        for layer in self.layers:
            for tensor in layer.inputs:
                if tensor.producer != INPUT:
                    counts[tensor.producer] += 1
        for tensor in self.named_outputs:
            if tensor.producer != INPUT:
                counts[tensor.producer] += 1
        return counts
