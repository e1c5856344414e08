"""Performs the arithmetic of one layer and counts what it performs, without ever seeing a formula.

An executor gets a layer type, its normalised fields and input shapes. What it multiplies and adds is counted
as it happens (`arithmetic`, `plain`, `lanes`); padding amounts and output shapes are what its own windowing
yields (`windows`). To add a layer type, write a function in the file of its family and mark it with
`executes`; another package names its own as an entry point of the group `convcost.executors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import msgspec

# The families register their executors when they are imported.
from convcost.executor import (  # noqa: F401
    activations,
    attention,
    convolution,
    correlation,
    elementwise,
    linear,
    merges,
    movement,
    norms,
    pooling,
    recurrent,
    reductions,
    reshaping,
    sampling,
    selection,
    slices,
    upsampling,
)
from convcost.executor.arithmetic import Arithmetic
from convcost.executor.array import Array, Number, Shape
from convcost.executor.norms import fold
from convcost.executor.registry import Engine, Job, executes, executor_of, types
from convcost.executor.weights import DrawnWeights, GivenWeights, Weights

__all__ = [
    "Array",
    "Engine",
    "Execution",
    "Job",
    "Number",
    "Shape",
    "execute",
    "executes",
    "fold",
    "run",
    "run_drawn",
    "types",
]


class Execution(msgspec.Struct, frozen=True):
    """What was performed, all of it counted.

    Args:
        output_shapes: The shape of each output.
        ops: Operations performed by kind, the kinds that occurred only.
        padding_mults: Those of the `mul` that served no output: their input was the layer's own zero padding,
            or their product landed in the margin that a transposed convolution crops.
        macs: Those of the `mul` whose product was added to an accumulator, as in a convolution or a matrix product.
        params: Trainable numbers that the layer took.
        buffers: Running statistics that the layer took.
    """

    output_shapes: tuple[Shape, ...]
    ops: dict[str, int]
    padding_mults: int
    macs: int
    params: int
    buffers: int

    @property
    def output_shape(self) -> Shape:
        """The shape of the first output."""
        return self.output_shapes[0]


def execute(
    type: str,
    fields: Mapping[str, Any],
    input_shapes: Sequence[Shape],
    *,
    seed: int = 0,
    engine: Engine = "auto",
    folded: bool = False,
) -> Execution:
    """Perform one layer on fresh small whole numbers.

    Args:
        type: The layer type.
        fields: All fields of the type, normalised to one value per spatial axis.
        input_shapes: The shape of each input, (channels, spatial sizes) or (features,).
        seed: Of the inputs and weights.
        engine: How convolutions multiply: every product by itself ("plain"), many in one integer ("lanes"),
            or whichever is faster for the layer ("auto").
        folded: For a batch_norm, whether it went into the weights of the layer before it; it then performs
            nothing.

    Returns:
        What was performed.

    Raises:
        ValueError: The type is unknown, or the fields and shapes do not belong together.

    >>> fields = {"out_features": 3, "bias": True}
    >>> execute("linear", fields, [(4,)])
    Execution(output_shapes=((3,),), ops={'mul': 12, 'add': 12}, padding_mults=0, macs=12, params=15, buffers=0)
    """
    drawn = DrawnWeights(seed)
    inputs = [Array(shape, drawn.values(prod(shape))) for shape in input_shapes]
    return _perform(type, fields, inputs, drawn, engine, folded)[1]


def run(
    type: str,
    fields: Mapping[str, Any],
    inputs: Sequence[Array],
    weights: Mapping[str, Array] | None = None,
    *,
    engine: Engine = "auto",
    folded: bool = False,
) -> tuple[Any, Execution]:
    """Perform one layer on given numbers.

    Args:
        type: The layer type.
        fields: All fields of the type, normalised to one value per spatial axis.
        inputs: The input tensors.
        weights: The layer's weights under PyTorch's names and in its shapes.
        engine: As for `execute`.
        folded: As for `execute`.

    Returns:
        The output, a tuple of tensors where there are several, and what was performed.

    Raises:
        ValueError: The type is unknown, or fields, inputs and weights do not belong together.

    >>> run("relu", {}, [Array((3,), [-1, 0, 2])])[0].values
    [0, 0, 2]
    """
    return _perform(type, fields, inputs, GivenWeights(weights or {}), engine, folded)


def run_drawn(
    type: str, fields: Mapping[str, Any], inputs: Sequence[Array], weights: Weights, engine: Engine = "auto"
) -> tuple[tuple[Array, ...], int]:
    """Perform one layer on given numbers, with weights from any source.

    Args:
        type: The layer type.
        fields: All fields of the type, normalised to one value per spatial axis.
        inputs: The input tensors.
        weights: Where the weights come from.
        engine: As for `execute`.

    Returns:
        The outputs, and how many products were performed.

    Raises:
        ValueError: The type is unknown, or fields and inputs do not belong together.
    """
    output, done = _perform(type, fields, inputs, weights, engine, False)
    return output if isinstance(output, tuple) else (output,), done.ops.get("mul", 0)


def _perform(
    type: str,
    fields: Mapping[str, Any],
    inputs: Sequence[Array],
    weights: Weights,
    engine: Engine,
    folded: bool,
) -> tuple[Any, Execution]:
    if folded and type != "batch_norm":
        raise ValueError(f"only a batch_norm folds, not {type}")
    arithmetic = Arithmetic()
    output = executor_of(type)(Job(arithmetic, weights, engine, folded), *inputs, **fields)
    shapes = tuple([each.shape for each in (output if isinstance(output, tuple) else (output,))])
    counted = arithmetic.ops, arithmetic.padding_mults, arithmetic.macs
    return output, Execution(shapes, *counted, weights.params, weights.buffers)
