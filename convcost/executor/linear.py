"""The linear layer: a vector meets a row of weights for each output feature."""

from __future__ import annotations

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
        x: (in_features,).
        out_features: rows of weights.
        bias: whether accumulators start at a bias rather than at zero.

    Raises:
        ValueError: the input is not a vector.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """
    (in_features,) = x.shape
    starts = job.weights.vector("bias", out_features) if bias else [0] * out_features
    products = Plain(job.arithmetic, [(value,) for value in x.values])
    rows = job.weights.rows("weight", (out_features, in_features))
    outputs = [products.dots(row, (start,)) for row, start in zip(rows, starts, strict=True)]
    return Tensor((out_features,), [value for (value,) in outputs])
