"""What each tool would count of a network, and the causes of its difference, with their exact amounts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost.conventions import CONVENTIONS
from convcost.conventions.base import FUNCTIONS, PRODUCTS, Call, ToolConvention
from convcost.cost.folding import folded_norms
from convcost.cost.weights import biases_of
from convcost.errors import ErrorDetail, OptionError, WarningDetail, nearest
from convcost.network import INPUT, Layer, Network
from convcost.network.matching import matching
from convcost.reports.result import Result


class CountCause(Struct, frozen=True):
    """A cause of a difference.

    Attributes:
        cause: What is counted otherwise.
        amount: By how much, in the tool's unit.
    """

    cause: str
    amount: int


class LayerCount(Struct, frozen=True):
    """What a tool counts of a layer.

    Attributes:
        layer: The layer.
        params: The parameters.
        count: The count, in the tool's unit.
        causes: Why it differs from the layer's multiply–accumulates in that unit.
        covered: Whether anything is known of it: nothing is of an operation of the author's own.
    """

    layer: Layer
    params: int
    count: int
    causes: tuple[CountCause, ...]
    covered: bool = True


class ToolCount(Struct, frozen=True):
    """What a tool counts of a network.

    Attributes:
        convention: How it counts.
        layers: What it counts of each layer.
        macs: The network's multiply–accumulates.
        batch: How many inputs are counted.
    """

    convention: ToolConvention
    layers: tuple[LayerCount, ...]
    macs: int
    batch: int = 1

    @property
    def params(self) -> int:
        """The parameters that it counts."""
        return sum(layer.params for layer in self.layers)

    @property
    def count(self) -> int:
        """Its count, in its unit."""
        return self.batch * sum(layer.count for layer in self.layers)

    @property
    def difference(self) -> int:
        """Its count less the multiply–accumulates in its unit."""
        return self.count - self.convention.unit * self.macs

    @property
    def causes(self) -> tuple[CountCause, ...]:
        """The causes of the difference, the largest first; they add up to it."""
        amounts: dict[str, int] = {}
        for layer in self.layers:
            for cause in layer.causes:
                amounts[cause.cause] = amounts.get(cause.cause, 0) + cause.amount * self.batch
        found = [CountCause(cause, amount) for cause, amount in amounts.items() if amount]
        return tuple(sorted(found, key=lambda cause: -abs(cause.amount)))

    @property
    def uncovered(self) -> tuple[str, ...]:
        """The types of layers of which nothing is known."""
        return tuple(dict.fromkeys(layer.layer.type for layer in self.layers if not layer.covered))


class Reconciliation(Result, frozen=True):
    """What tools count of a network.

    Attributes:
        network: The network.
        params: Its parameters.
        macs: Its multiply–accumulates, of all inputs.
        batch: How many inputs are counted.
        tools: What each tool counts.
    """

    shown_by: ClassVar[str] = "convcost.conventions.report:ReconciliationReport"

    network: Network
    params: int
    macs: int
    batch: int
    tools: tuple[ToolCount, ...]

    @classmethod
    def of(
        cls, network: Network, tools: Sequence[str] = (), *, functional: Collection[str] = (), batch: int = 1
    ) -> Self:
        """Work out what tools count.

        Args:
            network: The network.
            tools: The tools, by name; all without.
            functional: Patterns of the layers that are called as functions.
            batch: How many inputs are counted.

        Raises:
            OptionError: There is no such tool, or no layer matches a pattern.
        """
        conventions = [named(tool) for tool in tools] or [CONVENTIONS[name] for name in CONVENTIONS]
        calls = calls_of(network, functional)
        macs = sum(call.macs for call in calls)
        found = tuple([count(calls, convention, batch) for convention in conventions])
        return cls(network, sum(call.params for call in calls), macs * batch, batch, found)

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant."""
        return self.network.warnings

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles

        return f"{titles.title(self.network)}: {self.macs:,} macs, counted by {len(self.tools)} tools"


def named(tool: str) -> ToolConvention:
    """Return a convention by its name.

    Raises:
        OptionError: There is none of this name.
    """
    if tool not in CONVENTIONS:
        help = nearest(tool, CONVENTIONS) or f"tools: {', '.join(CONVENTIONS)}"
        raise OptionError(ErrorDetail(f"there is no tool {tool!r}", help=help))
    return CONVENTIONS[tool]


def count(calls: Sequence[Call], convention: ToolConvention, batch: int = 1) -> ToolCount:
    """Return a tool's counts of layers; equal layers are counted once."""
    known: dict[Any, tuple[int, int, tuple[CountCause, ...], bool]] = {}
    layers = []
    for call in calls:
        found = known.get(call.key)
        if found is None:
            found = known[call.key] = _counted(call, convention)
        layers.append(LayerCount(call.layer, *found))
    return ToolCount(convention, tuple(layers), sum(call.macs for call in calls) * batch, batch)


def calls_of(network: Network, functional: Collection[str] = ()) -> list[Call]:
    """Return the layers of a network as tools see them.

    Args:
        network: The network.
        functional: Patterns of the layers that are called as functions, beside those whose types always are.

    Raises:
        OptionError: No layer matches a pattern.
    """
    functions: set[int] = set()
    for pattern in functional:
        meant = matching(pattern, network.layers)
        functions.update(meant)
        if not meant:
            help = nearest(pattern, [layer.name for layer in network.layers])
            raise OptionError(ErrorDetail(f"--functional: no layer matches {pattern!r}", help=help))
    attending = {*_attending(network)}
    folded = folded_norms(network, network.readers())
    folding = {*folded.values()}
    by_word = _pads_by_word(network)
    numbers: dict[Any, int] = {}
    found = []
    for index, layer in enumerate(network.layers):
        cost = layer.cost()
        attends = index in attending
        called = (layer.functional or layer.type in FUNCTIONS) and not attends
        called = called or index in functions
        biases = 0 if layer.shares or not cost.params else biases_of(layer)
        same = by_word and layer.fields.get("padding") == "same"
        facts = (called, attends, cost.params, biases, cost.macs, cost.buffers, same, index in folded, index in folding)
        described = (layer.type, layer.input_shapes, layer.output_shape, tuple(layer.fields.items()), facts)
        found.append(Call(layer, *facts, key=numbers.setdefault(described, len(numbers))))
    return found


def _pads_by_word(network: Network) -> bool:
    """Return whether PyTorch can pad all layers that say `same` by the word: it has none with strides."""
    layers = [layer for layer in network.layers if layer.fields.get("padding") == "same"]
    return all(set(layer.fields.get("stride", ())) <= {1} for layer in layers)


def _attending(network: Network) -> Iterator[int]:
    """Yield the layers that nn.MultiheadAttention is: scores, softmax and context, and the projections around them."""
    layers = network.layers
    for index, layer in enumerate(layers):
        reads = [tensor.producer for tensor in layer.inputs if tensor.producer != INPUT]
        if layer.functional:
            continue  # a class of its own calls the functions that nn.MultiheadAttention does
        if layer.type.startswith("attention_"):
            yield index
            yield from (at for at in reads if layers[at].type in ("linear", "softmax"))
        elif layer.type == "linear" and any(
            layers[at].type == "attention_context" and not layers[at].functional for at in reads
        ):
            yield index


def _counted(call: Call, convention: ToolConvention) -> tuple[int, int, tuple[CountCause, ...], bool]:
    """Return the parameters, the count, the causes, and whether anything is known of a layer."""
    layer, unit = call.layer, convention.unit
    params = convention.params(call)
    if not convention.covers(call):
        words = layer.type.replace("_", " ")
        reason = _UNKNOWN if layer.definition.declared else f"{words}: what the tool counts is not known"
        unknown = (CountCause(reason, -unit * call.macs),) if call.macs else ()
        return params, 0, unknown, False
    rule = convention.rules.get(layer.type)
    unseen = call.functional and not convention.sees_functions
    parts = {} if rule is None or unseen else dict(rule(call))
    products = parts.pop(PRODUCTS, 0)
    causes = [CountCause(what, amount) for what, amount in parts.items() if amount]
    if products != unit * call.macs:
        causes.append(CountCause(_reason(call, convention, seen=not unseen), products - unit * call.macs))
    return params, products + sum(parts.values()), tuple(causes), True


_UNKNOWN = "operations of the author's own, which no tool knows"


def _reason(call: Call, convention: ToolConvention, *, seen: bool) -> str:
    """Return why products are counted otherwise."""
    type = call.layer.type
    if type in convention.unseen:
        return convention.unseen[type]
    words = type.replace("_", " ")
    return f"{words} is not counted" if seen else f"{words}, called as a function, is not seen"


def table_of(network: Network, tool: str, functional: Collection[str] = (), batch: int = 1) -> ToolCount:
    """Return the count of one tool for a network."""
    return count(calls_of(network, functional), named(tool), batch)
