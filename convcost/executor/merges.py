"""Merges: two or more inputs into one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from convcost.executor.arithmetic import Values
from convcost.executor.registry import Job, executes
from convcost.executor.tensor import Number, Shape, Tensor, axis_back, axis_first
from convcost.executor.windows import selection


@executes("add")
def add(job: Job, *inputs: Tensor) -> Tensor:
    """The sums of k inputs, axes of size 1 stretched: k - 1 add per output value."""
    return _merged(job.arithmetic.add, inputs)


@executes("multiply")
def multiply(job: Job, *inputs: Tensor) -> Tensor:
    """The products of k inputs, axes of size 1 stretched: k - 1 mul per output value."""
    return _merged(job.arithmetic.mul, inputs)


@executes("concat")
def concat(_: Job, *inputs: Tensor, axis: int = 0) -> Tensor:
    """Join the inputs along an axis; all other sizes are equal. No arithmetic."""
    moved = [axis_first(x, axis) for x in inputs]
    (sizes,) = {x.sizes for x in moved}
    joined = Tensor((sum(x.shape[0] for x in moved), *sizes), list(chain.from_iterable(x.values for x in moved)))
    return axis_back(joined, axis)


def _merged(operation: Callable[[Values, Values], list[Number]], inputs: tuple[Tensor, ...]) -> Tensor:
    shape = tuple(map(max, zip(*(x.shape for x in inputs), strict=True)))
    first, *others = (_stretched(x, shape) for x in inputs)
    merged = first
    for values in others:
        merged = operation(merged, values)
    return Tensor(shape, merged)


def _stretched(x: Tensor, shape: Shape) -> list[Number]:
    if x.shape == shape:
        return x.values
    axes = []
    for size, wanted in zip(x.shape, shape, strict=True):
        if size not in (1, wanted):
            raise ValueError(f"shape {x.shape} does not stretch to {shape}")
        axes.append([0] * wanted if size == 1 else range(size))
    _, sources = selection(axes, x.shape)
    return [x.values[source] for source in sources]
