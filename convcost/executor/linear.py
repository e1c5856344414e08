"""Linear maps: a vector meets a row of weights for each output feature, or a matrix meets another."""

from __future__ import annotations

from math import prod

from convcost.executor.array import Array, Number, Shape
from convcost.executor.plain import Plain
from convcost.executor.registry import Job, executes


@executes("linear")
def linear(job: Job, x: Array, *, out_features: int, bias: bool) -> Array:
    """Each output is the bias plus the sum of the products of the inputs with a row of weights.

    Every engine multiplies plainly here: each weight serves one product, so packing it would cost more than
    the product. Rows are drawn one at a time.

    Args:
        job: `weight` is (out_features, in_features), `bias` (out_features,).
        x: (in_features,), or any leading axes before these: the same weights at each position.
        out_features: Rows of weights.
        bias: Whether accumulators start at a bias rather than at zero.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """
    *leading, in_features = x.shape
    starts = job.weights.vector("bias", out_features) if bias else [0] * out_features
    features = [x.values[feature::in_features] for feature in range(in_features)]  # each at all positions
    products = Plain(job.arithmetic, features)
    rows = job.weights.rows("weight", (out_features, in_features))
    positions = prod(leading)
    outputs = [products.dots(row, (start,) * positions) for row, start in zip(rows, starts, strict=True)]
    return Array((*leading, out_features), [value for position in zip(*outputs, strict=True) for value in position])


@executes("matmul")
def matmul(job: Job, a: Array, b: Array, *, layout: object) -> Array:
    """Return the products of the matrices in the last two axes, all other axes broadcast.

    Args:
        job: Takes the count.
        a: (…, m, k).
        b: (…, k, n).
        layout: Says nothing of values.

    Raises:
        ValueError: The shapes do not belong together.

    Source: https://pytorch.org/docs/stable/generated/torch.matmul.html
    """
    (m, k), (rows, n) = a.shape[-2:], b.shape[-2:]
    if k != rows:
        raise ValueError(f"{k} columns cannot meet {rows} rows")
    leading = _broadcast(a.shape[:-2], b.shape[:-2])
    left, right = _matrices(a, leading), _matrices(b, leading)
    values = [value for one, other in zip(left, right, strict=True) for value in multiplied(job, one, other, k, n)]
    return Array((*leading, m, n), values)


def multiplied(job: Job, a: list[Number], b: list[Number], k: int, n: int) -> list[Number]:
    """Return the product of a matrix of k columns and one of k rows and n columns, all in row-major order."""
    rows = len(a) // k
    products = Plain(job.arithmetic, [a[column::k] for column in range(k)])
    columns = [products.dots(b[column::n], [0] * rows) for column in range(n)]
    return [value for row in zip(*columns, strict=True) for value in row]


def _broadcast(a: Shape, b: Shape) -> Shape:
    rank = max(len(a), len(b))
    pairs = list(zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True))
    if any(one != other and 1 not in (one, other) for one, other in pairs):
        raise ValueError(f"{a} and {b} do not broadcast")
    return tuple(max(pair) for pair in pairs)


def _matrices(x: Array, leading: Shape) -> list[list[Number]]:
    """Return the matrices of a tensor, one for each index of the leading axes, repeated where an axis is stretched."""
    size = prod(x.shape[-2:])
    stacks: list[list[list[Number]]] = [[x.values[at : at + size]] for at in range(0, len(x.values), size)]
    own = (1,) * (len(leading) + 2 - len(x.shape)) + x.shape[:-2]
    for have, want in zip(reversed(own), reversed(leading), strict=True):  # the last axis first
        if have != want:
            stacks = [stack * want for stack in stacks]
        else:
            stacks = [
                [each for stack in stacks[at : at + have] for each in stack] for at in range(0, len(stacks), have)
            ]
    return stacks[0]
