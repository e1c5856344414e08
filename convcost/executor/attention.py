"""The inner products of attention, by head, and what becomes of the scores between them."""

from __future__ import annotations

from math import prod, sqrt

from convcost.executor.array import Array, Number, Shape
from convcost.executor.linear import multiplied
from convcost.executor.plain import Plain
from convcost.executor.registry import Job, executes
from convcost.executor.windows import selection


@executes("attention_scores")
def attention_scores(job: Job, queries: Array, keys: Array, *, num_heads: int, num_kv_heads: int) -> Array:
    """Return the inner product of each query with each key, by head.

    Args:
        job: Takes the count.
        queries: (…, Lq, num_heads · d).
        keys: (…, Lk, num_kv_heads · d).
        num_heads: Heads of the queries.
        num_kv_heads: Heads of the keys; neighbouring heads of the queries share one.

    Raises:
        ValueError: The heads do not divide.

    Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1
    """
    *leading, length, channels = queries.shape
    if channels % num_heads or num_heads % num_kv_heads:
        raise ValueError(f"{num_heads} heads, {num_kv_heads} of keys, do not divide {channels} channels")
    others, shared = keys.shape[-2], num_heads // num_kv_heads
    values: list[Number] = []
    for batch in range(prod(leading)):
        for head in range(num_heads):
            columns = _of_head(queries, batch, head, num_heads)
            rows = zip(*_of_head(keys, batch, head // shared, num_kv_heads), strict=True)
            products = Plain(job.arithmetic, columns)
            by_key = [products.dots(row, [0] * length) for row in rows]
            values += [score for scores in zip(*by_key, strict=True) for score in scores]
    return Array((*leading, num_heads, length, others), values)


@executes("attention_scale")
def attention_scale(job: Job, x: Array, *, head_dim: int) -> Array:
    """Return the scores times 1 / √head_dim, a constant: one mul each."""
    return Array(x.shape, job.arithmetic.mul(x.values, 1 / sqrt(head_dim)))


@executes("attention_bias")
def attention_bias(job: Job, scores: Array, *biases: Array) -> Array:
    """Return the scores plus each of the biases, which are stretched to their shape: one add per score and bias.

    Raises:
        ValueError: A bias does not stretch to the shape of the scores.
    """
    values = scores.values
    for bias in biases:
        values = job.arithmetic.add(values, _stretched(bias, scores.shape))
    return Array(scores.shape, values)


@executes("attention_context")
def attention_context(job: Job, weights: Array, values: Array, *, num_kv_heads: int) -> Array:
    """Return the sums of the values, each times its weight, by head; head beside head.

    Args:
        job: Takes the count.
        weights: (…, heads, Lq, Lk).
        values: (…, Lk, num_kv_heads · d).
        num_kv_heads: Heads of the values; neighbouring heads of the weights share one.

    Raises:
        ValueError: The heads do not divide.

    Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1
    """
    *leading, heads, length, others = weights.shape
    if heads % num_kv_heads or values.shape[-1] % num_kv_heads:
        raise ValueError(f"{num_kv_heads} heads do not divide {heads} heads or {values.shape[-1]} channels")
    size, shared, area = values.shape[-1] // num_kv_heads, heads // num_kv_heads, length * others
    outputs: list[Number] = []
    for batch in range(prod(leading)):
        sums = []
        for head in range(heads):
            start = (batch * heads + head) * area
            rows = zip(*_of_head(values, batch, head // shared, num_kv_heads), strict=True)
            matrix = [value for row in rows for value in row]
            sums.append(multiplied(job, weights.values[start : start + area], matrix, others, size))
        outputs += [value for at in range(length) for own in sums for value in own[at * size : (at + 1) * size]]
    return Array((*leading, length, heads * size), outputs)


def _of_head(x: Array, batch: int, head: int, heads: int) -> list[list[Number]]:
    """Return the channels of one head, each at all positions of one element of the batch."""
    length, channels = x.shape[-2:]
    size = channels // heads
    own = x.values[batch * length * channels : (batch + 1) * length * channels]
    return [own[channel::channels] for channel in range(head * size, (head + 1) * size)]


def _stretched(x: Array, shape: Shape) -> list[Number]:
    own = (1,) * (len(shape) - len(x.shape)) + x.shape
    if len(own) != len(shape) or any(size not in (1, wanted) for size, wanted in zip(own, shape, strict=True)):
        raise ValueError(f"shape {x.shape} does not stretch to {shape}")
    axes = [range(size) if size == wanted else [0] * wanted for size, wanted in zip(own, shape, strict=True)]
    _, sources = selection(axes, own)
    return [x.values[source] for source in sources]
