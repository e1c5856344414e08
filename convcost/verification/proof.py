"""A network's layers executed one by one, and compared with what the analysis says of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Protocol

from msgspec import Struct

from convcost.analysis.cost import Analysis, folds
from convcost.errors import Fault, OptionError
from convcost.executor import Engine
from convcost.layers import Shape
from convcost.network import INPUT, Network
from convcost.ops import product
from convcost.verification.counting import Outcome, Task, perform, predict, predicted
from convcost.verification.results import Interrupted, LayerProof, Verification
from convcost.verification.shrink import shrink

_MOST_VALUES = 1 << 27  # in what a layer reads or writes: a list of them takes a gigabyte


class Watch(Protocol):
    """Who is told how a verification gets on."""

    def planned(self, work: Mapping[str, int]) -> None:
        """Hear how many operations the layers of each type will take."""

    def performed(self, type: str, work: int, seconds: float) -> None:
        """Hear that a layer of a type was executed, with its operations and the seconds they took."""


class Settings(Struct, frozen=True):
    """How a network is executed.

    Attributes:
        full: At its real size, every layer; else as a tiny network, layers that are the same only once.
        fold: Whether batch norms fold into the convolution or linear layer before them.
        seed: What inputs and weights are drawn from; at full size each layer has its own.
        engine: How convolutions multiply: `plain`, `lanes` or `auto`.
    """

    full: bool = False
    fold: bool = True
    seed: int = 0
    engine: Engine = "auto"


def verify(
    network: Network, settings: Settings, pool: Executor | None = None, watch: Watch | None = None
) -> Verification:
    """Execute every layer of a network and compare what is counted with what the analysis predicts.

    Each layer runs on fresh small whole numbers; only shapes pass on: a layer is executed on the shapes that the
    layers it reads gave when they were executed.

    Args:
        network: The network.
        settings: How to execute it.
        pool: Where to execute layers; one after the other in this process without it.
        watch: Who is told how it gets on.

    Raises:
        Interrupted: By the keyboard; it holds what was proved so far.
        OptionError: A layer holds more values than fit into memory.
    """
    executed, kept = (network, ()) if settings.full else shrink(network)
    _check_size(executed)
    proof = _Proof(executed, settings)
    try:
        proof.execute(pool, watch)
        layers = tuple(proof.layers())
    except KeyboardInterrupt:
        layers = tuple(proof.layers(interrupted=True))
        raise Interrupted(_verification(network, executed, kept, settings, layers)) from None
    return _verification(network, executed, kept, settings, layers)


def _verification(
    network: Network, executed: Network, kept: tuple[str, ...], settings: Settings, layers: tuple[LayerProof, ...]
) -> Verification:
    return Verification(network, executed, settings.full, kept, settings.fold, settings.seed, settings.engine, layers)


def _check_size(network: Network) -> None:
    for layer in network.layers:
        values = max(map(product, (*layer.input_shapes, layer.output_shape)))
        if values > _MOST_VALUES:
            raise OptionError(
                Fault(
                    f"the layer {layer.name!r} is too large to execute",
                    found=f"{values:,} values, at most {_MOST_VALUES:,}",
                    help="at full size only smaller networks are executed; without --full a tiny one stands for it",
                )
            )


class _Proof:
    """The executions of a network's layers, and their comparison."""

    def __init__(self, network: Network, settings: Settings) -> None:
        self._network = network
        self._settings = settings
        self._analysis = Analysis.of(network, fold=settings.fold)
        readers = network.readers()
        self._folded = [
            settings.fold and layer.definition.folds and folds(network, index, readers)
            for index, layer in enumerate(network.layers)
        ]
        self._outcomes: dict[Hashable, Outcome] = {}

    def execute(self, pool: Executor | None, watch: Watch | None) -> None:
        """Execute the layers on the shapes that the network has; `layers` finds out whether these are right."""
        work: dict[Hashable, int] = {}
        tasks: dict[Hashable, Task] = {}
        planned: dict[str, int] = {}
        for index, layer in enumerate(self._network.layers):
            key, task = self._task(index, layer.input_shapes)
            if key not in tasks:
                tasks[key] = task
                cost = self._analysis.layers[index].cost
                work[key] = max(cost.ops.to_dict().values(), default=0)
                planned[layer.type] = planned.get(layer.type, 0) + work[key]
        if watch:
            watch.planned(planned)
        for key, outcome in _performed(tasks, pool):
            self._outcomes[key] = outcome
            if watch:
                watch.performed(tasks[key].type, work[key], outcome.seconds)

    def layers(self, *, interrupted: bool = False) -> Iterator[LayerProof]:
        """Compare the layers in order; those that were not executed are left out of an interrupted verification."""
        shapes: list[Shape] = []
        first: dict[Hashable, str] = {}
        for index, layer in enumerate(self._network.layers):
            inputs = tuple([shapes[x.producer] if x.producer != INPUT else x.shape for x in layer.inputs])
            key, task = self._task(index, inputs)
            if key not in self._outcomes:
                if interrupted:
                    shapes.append(layer.output_shape)
                    continue
                self._outcomes[key] = perform(task)  # a layer before it gave another shape than its formula says
            outcome = self._outcomes[key]
            if inputs == layer.input_shapes:
                expected = Outcome(predicted(self._analysis.layers[index].cost, layer.output_shape))
            else:
                expected = predict(task)
            shapes.append(outcome.counts.output_shape if outcome.counts else layer.output_shape)
            yield LayerProof(
                layer.path,
                layer.name,
                layer.type,
                inputs,
                outcome.counts,
                expected.counts,
                first.get(key, ""),
                outcome.error or expected.error,
            )
            first.setdefault(key, layer.name)

    def _task(self, index: int, inputs: tuple[Shape, ...]) -> tuple[Hashable, Task]:
        """Return what to execute for a layer, and a key that layers which are the same have in common."""
        layer, folded, settings = self._network.layers[index], self._folded[index], self._settings
        own = index if settings.full else 0
        key = (layer.type, tuple(layer.fields.items()), inputs, folded, own)
        return key, Task(layer.type, layer.fields, inputs, folded, settings.seed + own, settings.engine)


def _performed(tasks: Mapping[Hashable, Task], pool: Executor | None) -> Iterator[tuple[Hashable, Outcome]]:
    if pool is None:
        for key, task in tasks.items():
            yield key, perform(task)
        return
    from concurrent.futures import as_completed

    keys = {pool.submit(perform, task): key for key, task in tasks.items()}
    for future in as_completed(keys):
        yield keys[future], future.result()
