"""The linear layer: a vector meets a row of weights for each output feature."""

from __future__ import annotations

from math import prod

from convcost.executor.plain import Plain
from convcost.executor.registry import Job, executes
from convcost.executor.tensor import Tensor


@executes("linear")
def linear(job: Job, x: Tensor, *, out_features: int, bias: bool) -> Tensor:
    """Each output is the bias plus the sum of the products of the inputs with a row of weights.

    Every engine multiplies plainly here: each weight serves one product, so packing it would cost more than
    the product. Rows are drawn one at a time.

    Args:
        job: `weight` is (out_features, in_features), `bias` (out_features,).
        x: (in_features,), or any leading axes before these: the same weights at each position.
        out_features: rows of weights.
        bias: whether accumulators start at a bias rather than at zero.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """
    *leading, in_features = x.shape
    starts = job.weights.vector("bias", out_features) if bias else [0] * out_features
    features = [x.values[feature::in_features] for feature in range(in_features)]  # each at all positions
    products = Plain(job.arithmetic, features)
    rows = job.weights.rows("weight", (out_features, in_features))
    positions = prod(leading)
    outputs = [products.dots(row, (start,) * positions) for row, start in zip(rows, starts, strict=True)]
    return Tensor((*leading, out_features), [value for position in zip(*outputs, strict=True) for value in position])
