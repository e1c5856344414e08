"""Merges: two or more inputs into one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from convcost.executor.arithmetic import Values
from convcost.executor.array import Array, Number, Shape, axis_back, axis_first
from convcost.executor.registry import Job, executes
from convcost.executor.windows import selection


@executes("add")
def add(job: Job, *inputs: Array, axis: int = 0) -> Array:
    """Return the sums of k inputs, axes of size 1 stretched: k - 1 add per output value."""
    return merged(job.arithmetic.add, inputs, axis)


@executes("multiply")
def multiply(job: Job, *inputs: Array, axis: int = 0) -> Array:
    """Return the products of k inputs, axes of size 1 stretched: k - 1 mul per output value."""
    return merged(job.arithmetic.mul, inputs, axis)


@executes("concat")
def concat(_: Job, *inputs: Array, axis: int = 0) -> Array:
    """Join the inputs along an axis; all other sizes are equal. No arithmetic."""
    moved = [axis_first(x, axis) for x in inputs]
    (sizes,) = {x.sizes for x in moved}
    joined = Array((sum(x.shape[0] for x in moved), *sizes), list(chain.from_iterable(x.values for x in moved)))
    return axis_back(joined, axis)


def merged(operation: Callable[[Values, Values], list[Number]], inputs: tuple[Array, ...], axis: int) -> Array:
    """Apply an operation to the first two inputs, to the result and the third, and so on.

    Args:
        operation: What is performed on two lists of values.
        inputs: Tensors whose axes of size 1 are stretched.
        axis: Where the one axis of a vector lies. Other inputs that lack axes lack the first ones.

    Raises:
        ValueError: Sizes other than 1 differ.
    """
    rank = max(len(x.shape) for x in inputs)
    shapes = [_of_rank(x.shape, rank, axis) for x in inputs]
    shape = tuple(map(max, zip(*shapes, strict=True)))
    pairs = zip(inputs, shapes, strict=True)
    first, *others = (_stretched(Array(own, x.values), shape) for x, own in pairs)
    result = first
    for values in others:
        result = operation(result, values)
    return Array(shape, result)


def _of_rank(shape: Shape, rank: int, axis: int) -> Shape:
    if len(shape) == 1 < rank:
        return tuple(shape[0] if place == axis else 1 for place in range(rank))
    return (*[1] * (rank - len(shape)), *shape)


def _stretched(x: Array, shape: Shape) -> list[Number]:
    if x.shape == shape:
        return x.values
    axes = []
    for size, wanted in zip(x.shape, shape, strict=True):
        if size not in (1, wanted):
            raise ValueError(f"shape {x.shape} does not stretch to {shape}")
        axes.append([0] * wanted if size == 1 else range(size))
    _, sources = selection(axes, x.shape)
    return [x.values[source] for source in sources]
