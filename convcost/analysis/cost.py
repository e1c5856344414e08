"""What a network costs, layer by layer and in all."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Self

from msgspec import Struct

from convcost.analysis.separable import Ratio, ratios
from convcost.layers import REGISTRY
from convcost.network import INPUT, Network
from convcost.ops import KINDS, Cost, Ledger, product

SCHEMA_VERSION = 1


class LayerCost(Struct, frozen=True):
    """One layer's cost.

    Attributes:
        path: The layer's name in parts, outermost first.
        name: The layer's name, unique within the network.
        type: The layer type.
        line: The line of the file where it is written; 0 where there is no file.
        input_shapes: What it reads, channels first.
        output_shape: What it gives, channels first.
        activations: Values in its output, over the whole batch.
        cost: Parameters, buffers and operations, over the whole batch.
        ratio: What a separable convolution costs of the standard one, where that is a question.
        notes: Why it performs no arithmetic, and whether it is an output of the network.
    """

    path: tuple[str, ...]
    name: str
    type: str
    line: int
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    activations: int
    cost: Cost
    ratio: Ratio | None
    notes: tuple[str, ...]


class Analysis(Struct, frozen=True):
    """What a network costs.

    Attributes:
        network: The network.
        batch: How many inputs the operations are counted for.
        fold: Whether batch norms fold into the convolution or linear layer before them.
        layers: Each layer that runs, in order.
        total: Their sum.
    """

    network: Network
    batch: int
    fold: bool
    layers: tuple[LayerCost, ...]
    total: Cost

    @classmethod
    def of(cls, network: Network, *, batch: int = 1, fold: bool = True) -> Self:
        """Analyse a network.

        Args:
            network: The network.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
        """
        readers = network.readers()
        found = ratios(network, readers)
        layers = []
        for index, layer in enumerate(network.layers):
            definition = REGISTRY[layer.type]
            cost = definition(layer.fields).cost(layer.input_shapes, layer.output_shape)
            notes: tuple[str, ...] = (definition.note,) if definition.note else ()
            if fold and layer.type == "batch_norm" and folds(network, index, readers):
                notes = (f"folded into {network.layers[layer.inputs[0]].name}",)
                cost = cost.at_rest()
            elif not notes and cost.ops == _NOTHING:
                notes = (_MOVES,)
            if readers[index] == 0:
                notes += ("output",)
            if batch != 1:
                cost = cost.for_batch(batch)
            layers.append(
                LayerCost(
                    layer.path,
                    layer.name,
                    layer.type,
                    layer.line,
                    layer.input_shapes,
                    layer.output_shape,
                    product(layer.output_shape) * batch,
                    cost,
                    found.get(index),
                    notes,
                )
            )
        return cls(network, batch, fold, tuple(layers), total([layer.cost for layer in layers]))

    def to_dict(self) -> dict[str, Any]:
        """Return the analysis as plain data: what `--format json` writes."""
        network = self.network
        return {
            "schema_version": SCHEMA_VERSION,
            "network": {
                "name": network.name or None,
                "file": network.file or None,
                "source": network.source or None,
                "symbols": {name: _number(value) for name, value in network.symbols.items()},
                "input_shape": network.input_shape,
            },
            "convention": convention(self),
            "layers": [_row(layer, network.file) for layer in self.layers],
            "total": {
                "activations": sum(layer.activations for layer in self.layers),
                **_costs(self.total),
            },
        }


_NOTHING = Ledger()
_MOVES = "moves values"


def folds(network: Network, index: int, readers: list[int]) -> bool:
    """Return whether a batch norm folds: what it reads is a convolution or linear layer that nothing else reads."""
    source = network.layers[index].inputs[0]
    return source != INPUT and REGISTRY[network.layers[source].type].weights and readers[source] == 1


def total(costs: list[Cost]) -> Cost:
    """Return the sum of costs."""
    ops = Ledger(*[sum([getattr(cost.ops, kind) for cost in costs]) for kind in KINDS])
    return Cost(
        params=sum([cost.params for cost in costs]),
        buffers=sum([cost.buffers for cost in costs]),
        ops=ops,
        macs=sum([cost.macs for cost in costs]),
        useful_mults=sum([cost.useful_mults for cost in costs]),
    )


def convention(analysis: Analysis) -> dict[str, Any]:
    """Return what the numbers count."""
    return {
        "batch": analysis.batch,
        "fold": analysis.fold,
        "params": "trainable numbers: weights, biases, the two per channel of a norm",
        "buffers": "running statistics: two per channel of a batch norm",
        "mults": "scalar multiplications at inference, by padding zeros too",
        "adds": "scalar additions; an accumulator starts at the bias or at zero",
        "macs": "multiply–accumulates of convolutions, linear layers and matrix products",
        "flops": "mults + adds",
        "useful_mults": "mults less those whose input lies in the layer's own zero padding or cropped margin",
    }


def _row(layer: LayerCost, file: str) -> dict[str, Any]:
    inputs = layer.input_shapes
    return {
        "name": layer.name,
        "type": layer.type,
        "file": file or None,
        "line": layer.line or None,
        "input_shape": inputs[0] if len(inputs) == 1 else inputs,
        "output_shape": layer.output_shape,
        "activations": layer.activations,
        **_costs(layer.cost),
        "ratio": _ratio(layer.ratio) if layer.ratio else None,
        "notes": layer.notes,
    }


def _costs(cost: Cost) -> dict[str, Any]:
    ops = cost.ops
    return {
        "params": cost.params,
        "buffers": cost.buffers,
        "mults": ops.mul,
        "adds": ops.add,
        "macs": cost.macs,
        "flops": ops.mul + ops.add,
        "useful_mults": cost.useful_mults,
        "ops": ops.to_dict(),
    }


def _ratio(ratio: Ratio) -> Mapping[str, Any]:
    return {
        "kind": ratio.kind,
        "formula": ratio.formula,
        "numbers": ratio.numbers,
        "exact": str(ratio.exact),
        "value": float(ratio.exact),
        "term": ratio.term,
    }


def _number(value: Any) -> Any:
    return str(value) if isinstance(value, Fraction) else value
