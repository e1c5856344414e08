"""A network's layers executed one by one, and compared with the analysis."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Protocol

from msgspec import Struct

from convcost.cost.analysis import Analysis
from convcost.cost.folding import folded_norms
from convcost.errors import ClusterError, ErrorDetail, OptionError
from convcost.executor import Engine
from convcost.layers import Shape
from convcost.network import Layer, Network
from convcost.ops import product
from convcost.parallel.completion import completed
from convcost.verification.counting import Outcome, Task, perform, predict, predicted
from convcost.verification.layerwise import shrinks_whole, smaller
from convcost.verification.results import LAYERWISE, Interrupted, LayerProof, Verification
from convcost.verification.shrink import shrink

MAX_PRODUCTS = 5_000_000_000
"""How many products a verification performs unless more are allowed: some of those take a minute."""
MAX_VALUES = 100_000_000
"""How many numbers one layer holds unless more are allowed: these take some 2 GB."""
_HELP = "at full size only smaller networks are executed; without --full a tiny one stands for it; or {} allows more"
_HELP_TINY = "the network cannot be executed any smaller; {} allows more"
_PART_OPERATIONS = 5_000_000  # that are sent to a worker together: some tens of milliseconds
_PART_TASKS = 200
_OF_A_WINDOW = 8  # a tap's position, by window and by tap, and the values there, each an object of its own


class ProgressCallback(Protocol):
    """Callbacks for the progress of a verification."""

    def planned(self, work: Mapping[str, int]) -> None:
        """Receive how many operations the layers of each type will take."""

    def performed(self, type: str, work: int, seconds: float) -> None:
        """Receive that a layer of a type was executed: its operations, and the seconds they took."""


class Settings(Struct, frozen=True):
    """How a network is executed.

    Attributes:
        full: At its real size, every layer; else as a tiny network, layers that are the same only once.
        fold: Whether batch norms fold into the convolution or linear layer before them.
        seed: What inputs and weights are drawn from; at full size each layer has its own.
        engine: How convolutions multiply: `plain`, `lanes` or `auto`.
        max_products: How many products may be performed in all; of a layer that performs another operation more often,
            that one is counted.
        max_values: How many numbers one layer may hold at a time.
    """

    full: bool = False
    fold: bool = True
    seed: int = 0
    engine: Engine = "auto"
    max_products: int = MAX_PRODUCTS
    max_values: int = MAX_VALUES


def verify(
    network: Network, settings: Settings, pool: Executor | None = None, watch: ProgressCallback | None = None
) -> Verification:
    """Execute every layer of a network and compare what is counted with what the analysis predicts.

    Each layer runs on fresh small whole numbers; only shapes pass on: a layer is executed on the shapes that the
    layers it reads gave when they were executed.

    Args:
        network: The network.
        settings: How to execute it.
        pool: Executor for the layers; without it they run one after the other in this process.
        watch: Progress callback.

    Raises:
        Interrupted: By the keyboard; it holds what was proved so far.
        ClusterError: The cluster that worked on it went away; `done` is what was proved so far.
        OptionError: It would perform more products, or a layer hold more values, than the settings allow.
    """
    executed, kept, proof = _smallest(network, settings)
    try:
        proof.execute(pool, watch)
        layers = tuple(proof.layers())
    except KeyboardInterrupt:
        layers = tuple(proof.layers(interrupted=True))
        raise Interrupted(_verification(network, executed, kept, settings, layers)) from None
    except ClusterError as error:
        error.done = _verification(network, executed, kept, settings, tuple(proof.layers(interrupted=True)))
        raise
    return _verification(network, executed, kept, settings, layers)


def _smallest(network: Network, settings: Settings) -> tuple[Network, tuple[str, ...], _Proof]:
    """Return the network that is executed, what kept its size, and its executions.

    Layers shrink one by one where the network cannot shrink as a whole, or not far enough: one without padding has a
    smallest size.

    Raises:
        OptionError: It would perform more products, or a layer hold more values, than the settings allow.
    """
    if settings.full:
        proof = _Proof(network, settings)
        proof.check()
        return network, (), proof
    too_large = None
    if shrinks_whole(network):
        executed, kept = shrink(network)
        proof = _Proof(executed, settings)
        try:
            proof.check()
        except OptionError as error:
            too_large = error
        else:
            return executed, kept, proof
    proof = _Proof(network, settings, layerwise=True)
    try:
        proof.check()
    except OptionError as error:
        raise too_large or error from None
    return network, (LAYERWISE,), proof


def _verification(
    network: Network, executed: Network, kept: tuple[str, ...], settings: Settings, layers: tuple[LayerProof, ...]
) -> Verification:
    return Verification(network, executed, settings.full, kept, settings.fold, settings.seed, settings.engine, layers)


def _values(layer: Layer) -> int:
    """Estimate how many numbers a layer's execution holds at a time: inputs, output and windows."""
    sizes = [*layer.input_shapes, layer.output_shape]
    kernel = layer.fields.get("kernel_size")
    windows = 0
    if kernel is not None:
        step = layer.definition.advance(1)
        spread = step is not None and step < 1  # windows lie on the output, one for each value of the input
        windows = product((layer.input_shapes[0] if spread else layer.output_shape)[1:]) * product(kernel)
    return sum(map(product, sizes)) + _OF_A_WINDOW * windows


class _Proof:
    """The executions of a network's layers, and their comparison."""

    def __init__(self, network: Network, settings: Settings, *, layerwise: bool = False) -> None:
        self._network = network
        self._small = [smaller(layer) for layer in network.layers] if layerwise else None
        self._settings = settings
        self._analysis = Analysis.of(network, fold=settings.fold)
        folded = folded_norms(network, network.readers()) if settings.fold else {}
        self._folded = [index in folded for index in range(len(network.layers))]
        self._tasks, self._work = self._plan()
        self._outcomes: dict[Hashable, Outcome] = {}

    def check(self) -> None:
        """Refuse a network that would take too long or too much memory.

        Raises:
            OptionError: It would perform more products, or a layer hold more values, than the settings allow.
        """
        settings = self._settings
        help = _HELP if settings.full else _HELP_TINY
        for index, layer in enumerate(self._network.layers):
            values = self._values_of(index, layer)
            if values > settings.max_values:
                message = f"the layer {layer.name!r} is too large to execute"
                found = f"about {values:,} values at a time, at most {settings.max_values:,}"
                raise OptionError(ErrorDetail(message, found=found, help=help.format(f"--max-values {values}")))
        products = sum(self._work.values())
        if products > settings.max_products:
            found = f"{products:,} products to perform, at most {settings.max_products:,}"
            help = help.format(f"--max-products {products}")
            raise OptionError(ErrorDetail("the network is too large to execute", found=found, help=help))

    def _values_of(self, index: int, layer: Layer) -> int:
        """Return about how many numbers executing a layer holds at a time."""
        if self._small is None:
            params = self._analysis.layers[index].cost.params
            return _values(layer) + (params if "kernel_size" in layer.fields else 0)  # else they are drawn row by row
        fields, shapes = self._small[index]
        expected = predict(Task(layer.type, fields, shapes)).counts
        return sum(map(product, shapes)) + (product(expected.output_shape) + expected.params if expected else 0)

    def _plan(self) -> tuple[dict[Hashable, Task], dict[Hashable, int]]:
        """Return the tasks to execute, and for each the count of its most frequent operation."""
        tasks: dict[Hashable, Task] = {}
        work: dict[Hashable, int] = {}
        for index, layer in enumerate(self._network.layers):
            if layer.definition.declared:
                continue
            key, task = self._task(index, layer.input_shapes)
            if key not in tasks:
                tasks[key] = task
                expected = predict(task).counts if self._small else None
                ops = expected.ops if expected else self._analysis.layers[index].cost.ops.to_dict()
                work[key] = max(ops.values(), default=0)
        return tasks, work

    def execute(self, pool: Executor | None, watch: ProgressCallback | None) -> None:
        """Execute the layers on the network's shapes; `layers` checks these shapes."""
        tasks, work = self._tasks, self._work
        planned: dict[str, int] = {}
        for key, task in tasks.items():
            planned[task.type] = planned.get(task.type, 0) + work[key]
        if watch:
            watch.planned(planned)
        for key, outcome in _performed(tasks, work, pool):
            self._outcomes[key] = outcome
            if watch:
                watch.performed(tasks[key].type, work[key], outcome.seconds)

    def layers(self, *, interrupted: bool = False) -> Iterator[LayerProof]:
        """Compare the layers in order; an interrupted verification leaves out those not executed."""
        shapes: dict[tuple[int, int], Shape] = {}  # the shape of each output, when it was executed
        first: dict[Hashable, str] = {}
        for index, layer in enumerate(self._network.layers):
            inputs = tuple([shapes.get((x.producer, x.output), x.shape) for x in layer.inputs])
            if layer.definition.declared:
                yield LayerProof(layer.path, layer.name, layer.type, inputs, None, None, declared=True)
                continue
            key, task = self._task(index, inputs)
            inputs = task.input_shapes
            if key not in self._outcomes:
                if interrupted:
                    continue
                self._outcomes[key] = perform(task)  # a layer before it gave another shape than its formula says
            outcome = self._outcomes[key]
            expected = self._expected(index, layer, task)
            if outcome.counts and self._small is None:
                shapes |= {(index, number): shape for number, shape in enumerate(outcome.counts.shapes)}
            yield LayerProof(
                layer.path,
                layer.name,
                layer.type,
                inputs,
                outcome.counts,
                expected.counts,
                first.get(key, ""),
                outcome.error or expected.error,
                times=layer.times,
            )
            first.setdefault(key, layer.name)

    def _expected(self, index: int, layer: Layer, task: Task) -> Outcome:
        """Return what the formulas say of what was executed: as the analysis has it, where that is of one execution."""
        alone = not layer.shares and layer.trainable and layer.times == 1
        if alone and self._small is None and task.input_shapes == layer.input_shapes:
            shapes = tuple([tensor.shape for tensor in layer.outputs])
            return Outcome(predicted(self._analysis.layers[index].cost, shapes))
        return predict(task)

    def _task(self, index: int, inputs: tuple[Shape, ...]) -> tuple[Hashable, Task]:
        """Return the task of a layer, and a key that is equal for equal layers."""
        layer, folded, settings = self._network.layers[index], self._folded[index], self._settings
        own = index if settings.full else 0
        fields = layer.fields
        if self._small is not None:
            fields, inputs = self._small[index]
        key = (layer.type, tuple(fields.items()), inputs, folded, own)
        return key, Task(layer.type, fields, inputs, folded, settings.seed + own, settings.engine)


def _performed(
    tasks: Mapping[Hashable, Task], work: Mapping[Hashable, int], pool: Executor | None
) -> Iterator[tuple[Hashable, Outcome]]:
    """Yield the outcome of each task as it is executed."""
    if pool is None:
        for key, task in tasks.items():
            yield key, perform(task)
        return
    keys = {id(task): key for key, task in tasks.items()}
    for part, outcomes in completed(_perform, None, _parts(tasks, work), pool, in_order=False):
        for task, outcome in zip(part, outcomes, strict=True):
            yield keys[id(task)], outcome


def _parts(tasks: Mapping[Hashable, Task], work: Mapping[Hashable, int]) -> Iterator[Sequence[Task]]:
    """Yield parts of the tasks: the longest first, as no worker should begin one at the end; short ones together."""
    part: list[Task] = []
    operations = 0
    for key in sorted(tasks, key=work.__getitem__, reverse=True):
        if part and (operations + work[key] > _PART_OPERATIONS or len(part) == _PART_TASKS):
            yield part
            part, operations = [], 0
        part.append(tasks[key])
        operations += work[key]
    if part:
        yield part


def _perform(given: None, part: Sequence[Task]) -> list[Outcome]:
    """Execute the layers of a part; another process can do this too."""
    return [perform(task) for task in part]
