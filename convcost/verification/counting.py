"""The two sides of the comparison: the executor's counts of a layer, and the formulas' predictions."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from msgspec import Struct

from convcost.errors import PluginError
from convcost.executor import Engine, execute
from convcost.layers import REGISTRY, LayerError, Shape
from convcost.ops import Cost
from convcost.verification.results import Counts


class Task(Struct, frozen=True):
    """One layer to execute.

    Attributes:
        type: The layer type.
        fields: All fields of the type.
        input_shapes: What it is executed on.
        folded: Whether it is a batch norm that went into the layer before it.
        seed: What its inputs and weights are drawn from.
        engine: How convolutions multiply.
    """

    type: str
    fields: Mapping[str, Any]
    input_shapes: tuple[Shape, ...]
    folded: bool = False
    seed: int = 0
    engine: Engine = "auto"


class Outcome(Struct, frozen=True):
    """What executing a layer gave, or its formulas say.

    Attributes:
        counts: The counts; None where there are none.
        error: Why there are none.
        seconds: How long it took.
        refused: Whether the layer cannot exist, which formulas and executor may agree on.
    """

    counts: Counts | None
    error: str = ""
    seconds: float = 0.0
    refused: bool = False


def perform(task: Task) -> Outcome:
    """Execute a layer; another process can do this too."""
    start = perf_counter()
    try:
        done = execute(
            task.type, task.fields, task.input_shapes, seed=task.seed, engine=task.engine, folded=task.folded
        )
    except ValueError as error:
        return Outcome(None, f"it cannot be executed: {error}", perf_counter() - start, refused=True)
    except (MemoryError, PluginError):
        raise
    except Exception as error:  # noqa: BLE001 -- an executor may come from another package
        return Outcome(None, f"its executor fails: {type(error).__name__}: {error}", perf_counter() - start)
    mults = done.ops.get("mul", 0)
    # an executor that does not tell accumulated products apart has no others
    macs = (done.macs or mults) if REGISTRY[task.type].macs else 0
    shape, *more = done.output_shapes
    useful = mults - done.padding_mults
    counts = Counts(shape, done.ops, macs, useful, done.params, done.buffers, tuple(more))
    return Outcome(counts, "", perf_counter() - start)


def predict(task: Task) -> Outcome:
    """Return the counts that the layer type's formulas predict for the input that was executed."""
    layer = REGISTRY[task.type](task.fields)
    try:
        outputs = layer.output_shapes(*task.input_shapes)
    except LayerError as error:
        return Outcome(None, f"its formula refuses it: {error.message} ({error.found})", refused=True)
    cost = layer.cost(task.input_shapes, outputs[0])
    return Outcome(predicted(cost.at_rest() if task.folded else cost, outputs))


def predicted(cost: Cost, shapes: tuple[Shape, ...]) -> Counts:
    """Return a cost as counts, with the shapes of the outputs."""
    ops = cost.ops.to_dict()
    return Counts(shapes[0], ops, cost.macs, cost.useful_mults, cost.params, cost.buffers, shapes[1:])
