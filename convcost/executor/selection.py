"""Layers that choose values, put them into another order or learn them; windows as columns, and back."""

from __future__ import annotations

from math import floor, prod

from convcost.executor.array import Array, Number, Shape
from convcost.executor.movement import picked
from convcost.executor.registry import Job, executes
from convcost.executor.windows import extended, sliding


@executes("roll")
def roll(_: Job, x: Array, *, shift: tuple[int, ...], axis: tuple[int, ...]) -> Array:
    """Values shifted along axes; what leaves at one end comes in at the other. No arithmetic."""
    places = {}
    for by, number in zip(shift, axis, strict=True):
        size = x.shape[number]
        places[number] = [(place - by) % size for place in range(size)]
    return picked(x, places)


@executes("flip")
def flip(_: Job, x: Array, *, axis: tuple[int, ...]) -> Array:
    """Values in reverse order along axes. No arithmetic."""
    return picked(x, {number: range(x.shape[number])[::-1] for number in axis})


@executes("gather")
def gather(_: Job, x: Array, *, shape: Shape, layout: object = None) -> Array:
    """As many values as the shape holds, at constant indices: one after the other, over and over. No arithmetic."""
    return Array(shape, [x.values[index % len(x.values)] for index in range(prod(shape))])


@executes("split")
def split(_: Job, x: Array, *, sizes: Shape | None, chunks: int | None, axis: int) -> tuple[Array, ...]:
    """Parts of an axis, of given sizes or so many equal ones. No arithmetic.

    Raises:
        ValueError: The parts are not the whole, or neither or both of sizes and chunks are given.
    """
    if (sizes is None) == (chunks is None):
        raise ValueError("split needs sizes or chunks, not both")
    size = x.shape[axis]
    parts = sizes if sizes is not None else (size // (chunks or 1),) * (chunks or 1)
    if sum(parts) != size:
        raise ValueError(f"{parts} are not the parts of {size}")
    ends = [sum(parts[: number + 1]) for number in range(len(parts))]
    return tuple(picked(x, {axis: range(end - part, end)}) for part, end in zip(parts, ends, strict=True))


@executes("parameter")
def parameter(job: Job, *, shape: Shape, learned: bool = True, layout: object = None) -> Array:
    """Return a learned tensor, `weight`, or numbers of the program, for which zeros stand."""
    if not learned:
        return Array(shape, [0] * prod(shape))
    return Array(shape, [value for row in job.weights.rows("weight", shape) for value in row])


@executes("embedding")
def embedding(job: Job, x: Array, *, num_embeddings: int, embedding_dim: int) -> Array:
    """Return the row of `weight`, (num_embeddings, embedding_dim), for each index. No arithmetic.

    Indices beyond the table start over, so that any number is one.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
    """
    rows = list(job.weights.rows("weight", (num_embeddings, embedding_dim)))
    chosen = [rows[floor(value) % num_embeddings] for value in x.values]
    return Array((*x.shape, embedding_dim), [value for row in chosen for value in row])


@executes("unfold")
def unfold(
    _: Job,
    x: Array,
    *,
    kernel_size: Shape,
    stride: Shape,
    padding: tuple[tuple[int, int], ...],
    dilation: Shape,
) -> Array:
    """Each window as a column, the taps of the first channel first. No arithmetic.

    Raises:
        ValueError: No window fits.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Unfold.html
    """
    grid = sliding(x.sizes, kernel_size, stride, padding, dilation)
    taps = list(zip(*grid.windows, strict=True))
    channels = map(extended, x.channels())
    values = [channel[position] for channel in channels for tap in taps for position in tap]
    return Array((x.shape[0] * len(taps), len(grid.windows)), values)


@executes("fold")
def fold_windows(
    job: Job,
    x: Array,
    *,
    output_size: Shape,
    kernel_size: Shape,
    stride: Shape,
    padding: tuple[tuple[int, int], ...],
    dilation: Shape,
) -> Array:
    """Add each value of each column where its window has it: an add per value, also of those that land in the padding.

    Args:
        job: Takes the count.
        x: (channels · taps, windows).
        output_size: The spatial sizes of the output.
        kernel_size: Taps along each axis.
        stride: Step between windows along each axis.
        padding: (before, after) what is left away around the output.
        dilation: Step between taps along each axis.

    Raises:
        ValueError: There are more or fewer windows, or the taps do not divide the channels.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Fold.html
    """
    grid = sliding(output_size, kernel_size, stride, padding, dilation)
    taps = list(zip(*grid.windows, strict=True))
    if x.shape[0] % len(taps) or x.shape[1:] != (len(grid.windows),):
        raise ValueError(f"{x.shape} are not the columns of {len(grid.windows)} windows of {len(taps)} values")
    rows = x.channels()
    outputs: list[Number] = []
    for first in range(0, len(rows), len(taps)):
        sums: list[Number] = [0] * (prod(output_size) + 1)  # the last one takes what lands in the padding
        for tap, row in zip(taps, rows[first : first + len(taps)], strict=True):
            # The windows of one tap lie at different positions, but for those in the padding.
            added = job.arithmetic.add([sums[position] for position in tap], row)
            for position, value in zip(tap, added, strict=True):
                sums[position] = value
        outputs += sums[:-1]
    return Array((x.shape[0] // len(taps), *output_size), outputs)
