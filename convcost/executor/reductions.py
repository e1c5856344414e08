"""Reductions: one number for all values along some axes."""

from __future__ import annotations

from functools import reduce as folded

from convcost.executor.arithmetic import Values
from convcost.executor.array import Array, Number
from convcost.executor.groups import Groups
from convcost.executor.registry import Job, executes


@executes("reduce")
def reduce(job: Job, x: Array, *, op: str, axis: tuple[int, ...], keepdim: bool, layout: object) -> Array:
    """One number for the values of some axes at each position of the others.

    Args:
        job: Takes the count.
        x: Any shape.
        op: "sum", "mean", "max", "min" or "norm", the Euclidean one.
        axis: The axes that are reduced.
        keepdim: Whether they stay, of size 1.
        layout: Says nothing of values.

    Raises:
        ValueError: No axis is left.
    """
    if len(axis) == len(x.shape) and not keepdim:
        raise ValueError("no axis is left")
    groups = Groups(x, axis)
    return groups.reduced([_reduced(job, values, op) for values in groups.values], keepdim)


def _reduced(job: Job, values: Values, op: str) -> Number:
    arithmetic = job.arithmetic
    if op in ("max", "min"):
        wins = arithmetic.maximum if op == "max" else arithmetic.minimum
        return folded(lambda best, value: wins([best], [value])[0], values)
    if op == "norm":
        (length,) = arithmetic.sqrt([arithmetic.total(arithmetic.mul(values, values))])
        return length
    total = arithmetic.total(values)
    return arithmetic.div([total], len(values))[0] if op == "mean" else total
