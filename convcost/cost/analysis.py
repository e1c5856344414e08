"""What a network costs, layer by layer and in all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

from msgspec import Struct
from msgspec.structs import replace

from convcost import metrics
from convcost.cost.folding import folded_norms
from convcost.cost.separable import SeparableRatio, ratios
from convcost.errors import ErrorDetail, FormulaError, OptionError, Place, WarningDetail
from convcost.layers import MOVES, REGISTRY, LayerType
from convcost.metrics import LARGEST_OUTPUT
from convcost.network import Layer, Network
from convcost.network.completeness import incomplete
from convcost.ops import KINDS, NOTHING, Cost, Ledger
from convcost.reports.result import Result
from convcost.reports.table import AT_LEAST

NOT_COUNTED = "not counted"
"""The note of a layer whose costs nobody knows."""

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
        definition: The layer type's object with its fields; None for several layers, or where they are not known.
        origin: The path of its module in the model file that the network was read from; empty where there is none.
    """

    path: tuple[str, ...]
    name: str
    type: str
    line: int
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    output_values: int
    cost: Cost
    ratio: SeparableRatio | None
    notes: tuple[str, ...]
    former: tuple[str, ...] = ()
    definition: LayerType | None = None
    origin: str = ""

    @property
    def fields(self) -> Mapping[str, Any]:
        """All fields of the layer type in normal form, such as the kernel size, the stride and the groups."""
        return vars(self.definition) if self.definition is not None else {}

    @property
    def params(self) -> int:
        """Trainable numbers."""
        return self.cost.params

    @property
    def mults(self) -> int:
        """Multiplications, over the whole batch."""
        return self.cost.mults

    @property
    def macs(self) -> int:
        """Multiply–accumulates, over the whole batch."""
        return self.cost.macs

    @property
    def activations(self) -> int:
        """Values in its output, over the whole batch, if it multiplies and accumulates; 0 for other layers."""
        return self.output_values if REGISTRY[self.type].macs else 0

    def value(self, metric: str) -> Any:
        """Return the layer's value of a metric, one of `convcost.metrics.METRICS`.

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
        raise OptionError(ErrorDetail(message, help=f"analysis.values({self.metric!r}) gives it for each"))

    def values(self, metric: str) -> Sequence[Any]:
        return (self.layer.value(metric),)


class Analysis(Result, frozen=True):
    """What a network costs.

    Attributes:
        network: The network.
        batch: How many inputs the operations are counted for.
        fold: Whether batch norms fold into the convolution or linear layer before them.
        layers: Each layer that runs, in order.
        total: Their sum.
    """

    shown_by: ClassVar[str] = "convcost.cost.report:AnalysisReport.of"
    charts: ClassVar[Mapping[str, str]] = {
        "cost": "convcost.cost.chart:cost_chart",
        "types": "convcost.cost.chart:types_chart",
    }

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
        if network.unknown:
            help = "--set, or --input for a model file, gives sizes; totals are lower bounds then"
            raise OptionError(
                replace(incomplete(network), message="formulas need the costs of all operations", help=help)
            )
        from convcost.symbolic import total as added

        try:
            with network.free.conditions:
                return cls._counted(network, batch, fold, added=added)
        except FormulaError as error:
            raise error.at(Place(network.file)) from None

    @property
    def incomplete(self) -> bool:
        """Whether there are layers whose costs nobody knows, so that its totals are lower bounds."""
        return any(layer.definition.unknown for layer in self.network.layers)

    @property
    def unknown(self) -> tuple[LayerCost, ...]:
        """The layers whose costs nobody knows."""
        return tuple([layer for layer in self.layers if layer.definition is not None and layer.definition.unknown])

    def values(self, metric: str) -> Sequence[Any]:
        """Return each layer's value of a metric, one of `convcost.metrics.METRICS`; None where it has none.

        Raises:
            OptionError: There is no such metric.
        """
        return metrics.named(metric).of_layers(self)

    def value(self, metric: str) -> Any:
        """Return the network's value of a metric; None where it has none, as a ratio to 0.

        Raises:
            OptionError: There is no such metric.
        """
        found = metrics.named(metric)
        if found.of_cost is not None:
            return found.of_cost(self.total)
        part: Sequence[int] = range(len(self.layers))
        if found.total is LARGEST_OUTPUT:
            part = sorted(self.network.output_layers())
        if isinstance(found.total, metrics.Ratio):
            return metrics.divided(self.value(found.total.numerator), self.value(found.total.denominator))
        return metrics.combined(found, self.values, part)

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles

        title, total = titles.title(self.network), self.total
        if self.network.free is not None:
            return f"{title}: formulas in {' and '.join(self.network.free.symbols)}"
        least = AT_LEAST if self.incomplete else ""
        return f"{title}: {least}{total.params:,} params, {least}{total.mults:,} mults, {least}{total.macs:,} macs"

    @classmethod
    def _counted(cls, network: Network, batch: int, fold: bool, added: Added) -> Self:
        readers = network.readers()
        folded = folded_norms(network, readers) if fold else {}
        ends = network.output_layers()
        found = ratios(network, readers)
        count = _count if network.free is None else _remembered(_count)
        layers = []
        for index, layer in enumerate(network.layers):
            definition = layer.definition
            cost, values = count(layer)
            notes = _idle_notes(layer, cost, network) if not definition.unknown else (NOT_COUNTED,)
            if index in folded:
                cost, notes = cost.at_rest(), (f"folded into {network.layers[folded[index]].name}",)
            if layer.shares:
                notes += (f"weights of {layer.shares}",)
            if definition.declared and not definition.unknown:
                notes += ("declared",)
            if index in ends:
                notes += ("output",)
            layers.append(
                LayerCost(
                    layer.path,
                    layer.name,
                    definition.type,
                    layer.line,
                    layer.input_shapes,
                    layer.output_shape,
                    values * batch,
                    cost.for_batch(batch),
                    found.get(index),
                    notes,
                    layer.former,
                    definition,
                    layer.origin,
                )
            )
        return cls(network, batch, fold, tuple(layers), total([layer.cost for layer in layers], added))

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.cost.documents import analysis_document

        return analysis_document(self, self.layers, self.values)

    def formulas(self, rows: Sequence[LayerCost] | None = None) -> dict[str, dict[str, str] | None]:
        """Return each row's formulas in symbols of the layer's own, for one input; None for layers that share a row.

        Args:
            rows: The rows; each layer is one without.
        """
        from convcost.cost.layer_formulas import of_layer

        layers = {layer.name: layer for layer in self.network.layers}
        found: dict[str, dict[str, str] | None] = {}
        for row in self.layers if rows is None else rows:
            layer = layers.get(row.name)
            known = layer is not None and layer.type == row.type and not layer.definition.unknown
            formula = of_layer(layer) if layer is not None and known else None
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
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant, and the free symbols on which nothing depends."""
        return (*self.network.warnings, *unused_warnings(self.unused, self.network))

    @property
    def unused(self) -> list[str]:
        """The free symbols on which nothing depends."""
        if self.network.free is None:
            return []
        from convcost.cost.free import unused

        total = self.total
        numbers = [total.params, total.buffers, total.macs, total.useful_mults, self.output_values]
        return unused(self.network.free, [*numbers, *total.ops.to_dict().values()])


_Count = Callable[[Layer], tuple[Cost, Any]]


def _count(layer: Layer) -> tuple[Cost, Any]:
    """Return what a layer costs for one input, as its type counts, and the values in its output."""
    return layer.cost(), layer.values


def _remembered(count: _Count) -> _Count:
    """Return a function that works out the formulas of layers that are the same once."""
    known: dict[Any, tuple[Cost, Any]] = {}

    def remembered(layer: Layer) -> tuple[Cost, Any]:
        own = bool(layer.shares), layer.trainable, layer.times
        key = layer.type, *layer.fields.values(), layer.input_shapes, *own
        found = known.get(key)
        if found is None:
            found = known[key] = count(layer)
        return found

    return remembered


def _idle_notes(layer: Layer, cost: Cost, network: Network) -> tuple[str, ...]:
    """Return why a layer performs no arithmetic; nothing where it does. A formula that may be 0 is arithmetic."""
    if layer.definition.note:
        return (layer.definition.note,)
    idle = cost.ops == NOTHING if network.free is None else not cost.ops.to_dict()
    return (MOVES,) if idle else ()


def unused_warnings(names: Iterable[str], network: Network) -> list[WarningDetail]:
    """Return a warning for each symbol that occurs in no number, unless the network has one about it."""
    known = {each.path for each in network.warnings}
    place = Place(network.file) if network.file else None
    paths = {f"symbols.{name}": name for name in names}
    return [
        WarningDetail(f"{name} occurs in no number", place, path, help="layers read it, and nothing depends on it")
        for path, name in paths.items()
        if path not in known
    ]


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
