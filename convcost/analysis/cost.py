"""What a network costs, layer by layer and in all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Self

from msgspec import Struct

from convcost import metrics
from convcost.analysis.separable import Ratio, ratios
from convcost.documents import VERSION
from convcost.errors import Fault, FormulaError, OptionError, Place
from convcost.layers import MOVES, REGISTRY
from convcost.metrics import LARGEST_OUTPUT
from convcost.network import INPUT, Free, Network
from convcost.ops import KINDS, Cost, Ledger, is_symbolic, product

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
        output_values: Values in its output, over the whole batch.
        cost: Parameters, buffers and operations, over the whole batch.
        ratio: What a separable convolution costs of the standard one, where that is a question.
        notes: Why it performs no arithmetic, and whether it is an output of the network.
        former: The name that earlier versions gave it, in parts, where it was another one.
    """

    path: tuple[str, ...]
    name: str
    type: str
    line: int
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    output_values: int
    cost: Cost
    ratio: Ratio | None
    notes: tuple[str, ...]
    former: tuple[str, ...] = ()

    @property
    def activations(self) -> int:
        """Values in its output, over the whole batch, if it multiplies and accumulates; 0 for other layers."""
        return self.output_values if REGISTRY[self.type].macs else 0

    def value(self, metric: str) -> Any:
        """Return what the layer costs of a metric, one of `convcost.metrics.METRICS`.

        Raises:
            OptionError: There is no such metric, or it depends on other layers; `Analysis.values` has it then.
        """
        return metrics.named(metric).of_layers(_Alone(self, metric))[0]


class _Alone(Struct, frozen=True):
    """One layer as an analysis, for metrics that look at no other."""

    layer: LayerCost
    metric: str

    @property
    def layers(self) -> tuple[LayerCost]:
        return (self.layer,)

    @property
    def network(self) -> Network:
        message = f"{self.metric} of a layer depends on the other layers"
        raise OptionError(Fault(message, help=f"analysis.values({self.metric!r}) gives it for each"))

    def values(self, metric: str) -> Sequence[Any]:
        return (self.layer.value(metric),)


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

    def values(self, metric: str) -> Sequence[Any]:
        """Return what each layer costs of a metric, one of `convcost.metrics.METRICS`; None where it has no value.

        Raises:
            OptionError: There is no such metric.
        """
        return metrics.named(metric).of_layers(self)

    def value(self, metric: str) -> Any:
        """Return what the network costs of a metric; None where it has no value, as a ratio to 0.

        Raises:
            OptionError: There is no such metric.
        """
        found = metrics.named(metric)
        if found.of_cost is not None:
            return found.of_cost(self.total)
        part: Sequence[int] = range(len(self.layers))
        if found.total is LARGEST_OUTPUT:
            part = [index for index, count in enumerate(self.network.readers()) if count == 0]
        if isinstance(found.total, metrics.Ratio):
            return metrics.divided(self.value(found.total.numerator), self.value(found.total.denominator))
        return metrics.combined(found, self.values, part)

    @classmethod
    def _counted(cls, network: Network, batch: int, fold: bool, added: Added) -> Self:
        readers = network.readers()
        found = ratios(network, readers)
        numeric = network.free is None
        known: dict[Any, tuple[Cost, Any]] = {}  # formulas of layers that are the same are worked out once
        layers = []
        for index, layer in enumerate(network.layers):
            definition = layer.definition
            inputs, output = layer.input_shapes, layer.output_shape
            if numeric:
                cost = definition.cost(inputs, output)
                values = product(output)
            else:
                key = definition.type, *layer.fields.values(), inputs
                same = known.get(key)
                if same is None:
                    cost = definition.cost(inputs, output)
                    same = known[key] = cost, product(output)
                cost, values = same
            notes: tuple[str, ...] = (definition.note,) if definition.note else ()
            if fold and definition.folds and folds(network, index, readers):
                notes = (f"folded into {network.layers[layer.inputs[0].producer].name}",)
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
                    definition.type,
                    layer.line,
                    inputs,
                    output,
                    values * batch,
                    cost,
                    found.get(index),
                    notes,
                    layer.former,
                )
            )
        return cls(network, batch, fold, tuple(layers), total([layer.cost for layer in layers], added))

    def to_dict(self) -> dict[str, Any]:
        """Return the analysis as plain data: what `--format json` writes."""
        return described(self, self.layers, self.values)

    def formulas(self, rows: Sequence[LayerCost] | None = None) -> dict[str, dict[str, str] | None]:
        """Return each row's formulas in the layer's own letters, for one input; None for layers that share a row.

        Args:
            rows: The rows; each layer is one without.
        """
        from convcost.analysis.formulas import of_layer

        layers = {layer.name: layer for layer in self.network.layers}
        found: dict[str, dict[str, str] | None] = {}
        for row in self.layers if rows is None else rows:
            layer = layers.get(row.name)
            formula = of_layer(layer) if layer and layer.type == row.type else None
            if formula and row.notes and row.notes[0].startswith("folded into "):
                formula = {"params": formula["params"], "mults": "0", "adds": "0"}
            found[row.name] = formula
        return found

    @property
    def output_values(self) -> Any:
        """Values in the outputs of all layers."""
        return self.value("output_values")

    @property
    def activations(self) -> Any:
        """Values in the outputs of the layers that multiply and accumulate."""
        return self.value("activations")

    @property
    def unused(self) -> list[str]:
        """The free symbols on which nothing depends."""
        if self.network.free is None:
            return []
        from convcost.analysis.free import unused

        total = self.total
        numbers = [total.params, total.buffers, total.macs, total.useful_mults, self.output_values]
        return unused(self.network.free, [*numbers, *total.ops.to_dict().values()])


Values = Callable[[str], Sequence[Any]]
"""Gives a metric's value of each row."""


def described(
    analysis: Analysis, rows: Sequence[LayerCost], values: Values, more: Sequence[str] = ()
) -> dict[str, Any]:
    """Return an analysis as plain data.

    Args:
        analysis: The analysis.
        rows: Its layers, or what is shown in their place.
        values: Gives each row's value of a metric.
        more: The metrics to tell beside the standard ones.
    """
    names = [*dict.fromkeys([*(metric.name for metric in metrics.standard()), *more])]
    formulas = analysis.formulas(rows)
    layers = [
        row
        | {
            "ratio": described_ratio(layer.ratio) if layer.ratio else None,
            "notes": list(layer.notes),
            "formula": formulas[layer.name],
        }
        for row, layer in zip(described_layers(analysis, rows, values, names), rows, strict=True)
    ]
    sums = totals(analysis, names)
    free = analysis.network.free
    if free is not None:
        return _described_free(analysis, free, layers, sums)
    return {
        "schema_version": VERSION,
        "network": described_network(analysis.network),
        "convention": convention(analysis),
        "layers": layers,
        "total": sums,
    }


def _described_free(
    analysis: Analysis, free: Free, layers: list[dict[str, Any]], sums: dict[str, Any]
) -> dict[str, Any]:
    """Return an analysis whose numbers are formulas as plain data: their texts, and their structures beside them."""
    from convcost.analysis.free import conditions, structures, symbols, told

    return {
        "schema_version": VERSION,
        "network": told(described_network(analysis.network)),
        "free": symbols(free),
        "conditions": conditions(free),
        "convention": convention(analysis),
        "layers": [told(row) | {"structures": structures(row)} for row in layers],
        "total": told(sums) | {"structures": structures(sums)},
    }


_NOTHING = Ledger()


def folds(network: Network, index: int, readers: list[int]) -> bool:
    """Return whether a batch norm folds: what it reads is a convolution or linear layer that nothing else reads."""
    source = network.layers[index].inputs[0].producer
    return source != INPUT and network.layers[source].definition.weights and readers[source] == 1


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
    counted = {metric.name: metric.about for metric in metrics.standard()}
    return {"batch": analysis.batch, "fold": analysis.fold, **counted}


def described_network(network: Network) -> dict[str, Any]:
    """Return as plain data which network it is."""
    return {
        "name": network.name or None,
        "file": network.file or None,
        "source": network.source or None,
        "symbols": {name: _number(value) for name, value in network.symbols.items()},
        "input_shape": list(network.input_shape),
    }


def described_layers(
    analysis: Analysis, rows: Sequence[LayerCost], values: Values, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield as plain data which layer each row is and what it costs."""
    file = analysis.network.file or None
    columns = [map(plain, values(name)) for name in names]
    for layer, numbers in zip(rows, zip(*columns, strict=True), strict=True):
        inputs = layer.input_shapes
        yield {
            "name": layer.name,
            "type": layer.type,
            "file": file,
            "line": layer.line or None,
            "input_shape": list(inputs[0]) if len(inputs) == 1 else list(map(list, inputs)),
            "output_shape": list(layer.output_shape),
            **dict(zip(names, numbers, strict=True)),
            "ops": layer.cost.ops.to_dict(),
        }


def totals(analysis: Analysis, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return what a network costs as plain data; of the standard metrics without names."""
    asked = [metric.name for metric in metrics.standard()] if names is None else names
    return {name: plain(analysis.value(name)) for name in asked} | {"ops": analysis.total.ops.to_dict()}


def plain(value: Any) -> Any:
    """Return a metric's value as plain data: a ratio as text, since no number of JSON would be exact."""
    return str(value) if value.__class__ is Fraction else value


def costs(cost: Cost) -> dict[str, Any]:
    """Return a cost as plain data."""
    counts = {metric.name: metric.of_cost(cost) for metric in metrics.standard() if metric.of_cost is not None}
    return counts | {"ops": cost.ops.to_dict()}


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
