"""What a network costs, layer by layer and in all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Self

from msgspec import Struct

from convcost.analysis.separable import Ratio, ratios
from convcost.errors import FormulaError, Place
from convcost.layers import MOVES, REGISTRY
from convcost.network import INPUT, Free, Network
from convcost.ops import KINDS, Cost, Ledger, is_symbolic, measured, product

SCHEMA_VERSION = 1

Added = Callable[[list[Any]], Any]


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

    def value(self, metric: str) -> int:
        """Return what the layer costs of a metric, one of `convcost.ops.METRICS`."""
        return measured(self.cost, self.activations, metric)


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
        if network.free is None:
            return cls._counted(network, batch, fold, added=sum)
        from convcost.symbolic import total as added

        try:
            with network.free.conditions:
                return cls._counted(network, batch, fold, added=added)
        except FormulaError as error:
            raise error.at(Place(network.file)) from None

    @classmethod
    def _counted(cls, network: Network, batch: int, fold: bool, added: Added) -> Self:
        readers = network.readers()
        found = ratios(network, readers)
        numeric = network.free is None
        known: dict[Any, tuple[Cost, Any]] = {}  # formulas of layers that are the same are worked out once
        layers = []
        for index, layer in enumerate(network.layers):
            definition = REGISTRY[layer.type]
            if numeric:
                cost = definition(layer.fields).cost(layer.input_shapes, layer.output_shape)
                values = product(layer.output_shape)
            else:
                key = layer.type, *layer.fields.values(), layer.input_shapes
                same = known.get(key)
                if same is None:
                    cost = definition(layer.fields).cost(layer.input_shapes, layer.output_shape)
                    same = known[key] = cost, product(layer.output_shape)
                cost, values = same
            notes: tuple[str, ...] = (definition.note,) if definition.note else ()
            if fold and layer.type == "batch_norm" and folds(network, index, readers):
                notes = (f"folded into {network.layers[layer.inputs[0]].name}",)
                cost = cost.at_rest()
            elif not notes and (cost.ops == _NOTHING if numeric else not cost.ops.to_dict()):
                notes = (MOVES,)
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
                    values * batch,
                    cost,
                    found.get(index),
                    notes,
                )
            )
        return cls(network, batch, fold, tuple(layers), total([layer.cost for layer in layers], added))

    def to_dict(self) -> dict[str, Any]:
        """Return the analysis as plain data: what `--format json` writes."""
        network = self.network
        formulas = self.formulas()
        rows = [
            described_layer(layer, network.file)
            | {
                "ratio": described_ratio(layer.ratio) if layer.ratio else None,
                "notes": list(layer.notes),
                "formula": formulas[layer.name],
            }
            for layer in self.layers
        ]
        sums = {"activations": self.activations, **costs(self.total)}
        if network.free is not None:
            return _told_free(self, network.free, rows, sums)
        return {
            "schema_version": SCHEMA_VERSION,
            "network": described_network(network),
            "convention": convention(self),
            "layers": rows,
            "total": sums,
        }

    def formulas(self) -> dict[str, dict[str, str] | None]:
        """Return each row's formulas in the layer's own letters, for one input; None for layers that share a row."""
        from convcost.analysis.formulas import of_layer

        layers = {layer.name: layer for layer in self.network.layers}
        found: dict[str, dict[str, str] | None] = {}
        for row in self.layers:
            layer = layers.get(row.name)
            formula = of_layer(layer) if layer and layer.type == row.type else None
            if formula and row.notes and row.notes[0].startswith("folded into "):
                formula = {"params": formula["params"], "mults": "0", "adds": "0"}
            found[row.name] = formula
        return found

    @property
    def activations(self) -> Any:
        """Values in the outputs of all layers."""
        if self.network.free is None:
            return sum(layer.activations for layer in self.layers)
        from convcost.symbolic import total as added

        return added(layer.activations for layer in self.layers)

    @property
    def unused(self) -> list[str]:
        """The free symbols on which nothing depends."""
        if self.network.free is None:
            return []
        from convcost.analysis.free import unused

        total = self.total
        numbers = [total.params, total.buffers, total.macs, total.useful_mults, self.activations]
        return unused(self.network.free, [*numbers, *total.ops.to_dict().values()])


def _told_free(analysis: Analysis, free: Free, rows: list[dict[str, Any]], sums: dict[str, Any]) -> dict[str, Any]:
    """Return an analysis whose numbers are formulas as plain data: their texts, and their structures beside them."""
    from convcost.analysis.free import conditions, structures, symbols, told

    return {
        "schema_version": SCHEMA_VERSION,
        "network": told(described_network(analysis.network)),
        "free": symbols(free),
        "conditions": conditions(free),
        "convention": convention(analysis),
        "layers": [told(row) | {"structures": structures(row)} for row in rows],
        "total": told(sums) | {"structures": structures(sums)},
    }


_NOTHING = Ledger()


def folds(network: Network, index: int, readers: list[int]) -> bool:
    """Return whether a batch norm folds: what it reads is a convolution or linear layer that nothing else reads."""
    source = network.layers[index].inputs[0]
    return source != INPUT and REGISTRY[network.layers[source].type].weights and readers[source] == 1


def total(costs: list[Cost], added: Added = sum) -> Cost:
    """Return the sum of costs; `added` adds up numbers."""
    ops = Ledger(*[added([getattr(cost.ops, kind) for cost in costs]) for kind in KINDS])
    return Cost(
        params=added([cost.params for cost in costs]),
        buffers=added([cost.buffers for cost in costs]),
        ops=ops,
        macs=added([cost.macs for cost in costs]),
        useful_mults=added([cost.useful_mults for cost in costs]),
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


def described_network(network: Network) -> dict[str, Any]:
    """Return as plain data which network it is."""
    return {
        "name": network.name or None,
        "file": network.file or None,
        "source": network.source or None,
        "symbols": {name: _number(value) for name, value in network.symbols.items()},
        "input_shape": list(network.input_shape),
    }


def described_layer(layer: LayerCost, file: str) -> dict[str, Any]:
    """Return as plain data which layer it is and what it costs."""
    inputs = layer.input_shapes
    return {
        "name": layer.name,
        "type": layer.type,
        "file": file or None,
        "line": layer.line or None,
        "input_shape": list(inputs[0]) if len(inputs) == 1 else list(map(list, inputs)),
        "output_shape": list(layer.output_shape),
        "activations": layer.activations,
        **costs(layer.cost),
    }


def costs(cost: Cost) -> dict[str, Any]:
    """Return a cost as plain data."""
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


def described_ratio(ratio: Ratio) -> Mapping[str, Any]:
    """Return a ratio as plain data."""
    return {
        "kind": ratio.kind,
        "formula": ratio.formula,
        "numbers": ratio.numbers,
        "exact": ratio.exact if is_symbolic(ratio.exact) else str(ratio.exact),
        "value": None if is_symbolic(ratio.exact) else float(ratio.exact),
        "term": ratio.term,
    }


def _number(value: Any) -> Any:
    return str(value) if isinstance(value, Fraction) else value
