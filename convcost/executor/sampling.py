"""Values between positions: deformable convolution, sampling on a grid, regions of interest."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import prod

from convcost.executor.activations import sigmoid
from convcost.executor.arithmetic import Values
from convcost.executor.array import Array, Number, Shape, from_channels
from convcost.executor.convolution import slid
from convcost.executor.plain import Plain
from convcost.executor.registry import Job, executes
from convcost.executor.windows import Padding, same_padding, sliding


class _Points:
    """Points between the positions of a picture, and the weights of the 2^rank corners around each.

    Args:
        job: Takes the count.
        sizes: The spatial sizes of the picture.
        coordinates: For each axis the coordinates of all points.
        outside: Whether a point counts as outside: its corners are read as zeros.
    """

    def __init__(
        self, job: Job, sizes: Shape, coordinates: Sequence[Values], outside: Sequence[bool] | None = None
    ) -> None:
        arithmetic = job.arithmetic
        self._arithmetic = arithmetic
        sides: list[list[tuple[list[Number], list[Number]]]] = []
        for values in coordinates:
            lows = arithmetic.floor(values)
            fractions = arithmetic.sub(values, lows)
            rests = arithmetic.sub([1] * len(values), fractions)
            sides.append([(lows, rests), ([low + 1 for low in lows], fractions)])
        self._corners = []
        for corner in product(*sides):
            weights = corner[0][1]
            for _, more in corner[1:]:
                weights = arithmetic.mul(weights, more)
            places = zip(*(positions for positions, _ in corner), strict=True)
            sources = [_source(place, sizes) for place in places]
            if outside is not None:
                sources = [None if out else source for source, out in zip(sources, outside, strict=True)]
            self._corners.append((sources, weights))

    def sample(self, channel: Values) -> list[Number]:
        """Return the interpolated values of a channel at all points: 2^rank mul and add each."""
        sums: list[Number] = [0] * len(self._corners[0][0])
        for sources, weights in self._corners:
            values = [0 if source is None else channel[source] for source in sources]
            sums = self._arithmetic.add(sums, self._arithmetic.mul(values, weights))
        return sums


def _source(place: Sequence[Number], sizes: Shape) -> int | None:
    """Return the position of a place in row-major order, None outside."""
    position = 0
    for index, size in zip(place, sizes, strict=True):
        if not 0 <= index < size:
            return None
        position = position * size + int(index)
    return position


@executes("deform_conv")
def deform_conv(
    job: Job,
    x: Array,
    *,
    out_channels: int,
    kernel_size: Shape,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    groups: int,
    offset_groups: int,
    modulated: bool,
    bias: bool,
) -> Array:
    """Convolve samples that lie where a convolution of the same window moves the taps.

    Args:
        job: `weight` is (out_channels, in_channels / groups, *kernel_size), `bias` (out_channels,); `offset_weight` and
            `offset_bias` are those of the offset convolution, whose channels are for each offset group and tap one an
            axis, then, if modulated, for each offset group and tap one of the mask.
        x: (in_channels, spatial sizes).
        out_channels: kernels, spread evenly over the groups.
        kernel_size: Taps along each spatial axis.
        stride: Step between windows along each axis.
        padding: Positions (before, after) each axis, or "same"; what lies outside the input is zero.
        dilation: Step between taps along each axis.
        groups: Parts of the channels that do not see each other.
        offset_groups: Parts of the channels with offsets of their own.
        modulated: Whether each sample is multiplied by the sigmoid of a mask.
        bias: Whether accumulators start at a bias rather than at zero.

    Raises:
        ValueError: A number of groups does not divide the channels, or no window fits the input.

    Source: https://docs.pytorch.org/vision/stable/generated/torchvision.ops.deform_conv2d.html
    """
    channels, rank, taps = x.shape[0], len(x.sizes), prod(kernel_size)
    if channels % groups or out_channels % groups or channels % offset_groups:
        raise ValueError(f"{groups} groups, {offset_groups} of them for offsets, of {channels} channels")
    moving = offset_groups * taps * (rank + modulated)
    offset_kernels = list(job.weights.rows("offset_weight", (moving, channels, *kernel_size)))
    offset_biases = job.weights.vector("offset_bias", moving)
    grid = sliding(x.sizes, kernel_size, stride, padding, dilation)
    moved = slid(job, x, grid, offset_kernels, offset_biases, 1)
    offsets = moved.channels()
    count = offset_groups * taps * rank
    masks = []
    if modulated:
        logits = Array((offset_groups * taps, *grid.sizes), [value for each in offsets[count:] for value in each])
        masks = sigmoid(job, logits).channels()
    starts = _starts(x.sizes, grid.sizes, kernel_size, stride, padding, dilation)
    samples = _samples(job, x, starts, offsets[:count], masks)
    return _convolved(job, samples, grid.sizes, (out_channels, channels // groups, *kernel_size), groups, bias)


def _samples(
    job: Job, x: Array, starts: Sequence[Sequence[Values]], offsets: Sequence[Values], masks: Sequence[Values]
) -> list[list[Number]]:
    """Return the samples of each channel at all taps: a plane for each.

    Args:
        job: Takes the count.
        x: (channels, spatial sizes).
        starts: For each tap and axis, where it lies before it is moved.
        offsets: For each offset group, tap and axis, by how much it is moved.
        masks: For each offset group and tap what samples are multiplied by; none where they are not.
    """
    rank, taps = len(x.sizes), len(starts)
    offset_groups = len(offsets) // (taps * rank)
    members = x.shape[0] // offset_groups
    planes: list[list[Number]] = []
    for group in range(offset_groups):
        points = []
        for tap in range(taps):
            first = (group * taps + tap) * rank
            moves = zip(offsets[first : first + rank], starts[tap], strict=True)
            points.append(_Points(job, x.sizes, [job.arithmetic.add(move, start) for move, start in moves]))
        for channel in x.channels()[group * members : (group + 1) * members]:
            for tap, each in enumerate(points):
                values = each.sample(channel)
                planes.append(job.arithmetic.mul(values, masks[group * taps + tap]) if masks else values)
    return planes


def _convolved(job: Job, planes: list[list[Number]], sizes: Shape, weight: Shape, groups: int, bias: bool) -> Array:
    """Return the products of kernels and the samples of their group's channels."""
    out_channels, members, *kernel = weight
    biases = job.weights.vector("bias", out_channels) if bias else [0] * out_channels
    each, fanout = members * prod(kernel), out_channels // groups
    outputs = []
    rows = job.weights.rows("weight", weight)
    for group in range(groups):
        products = Plain(job.arithmetic, planes[group * each : (group + 1) * each])
        starts = biases[group * fanout : (group + 1) * fanout]
        outputs += [products.dots(next(rows), [start] * prod(sizes)) for start in starts]
    return from_channels(outputs, sizes)


def _starts(
    sizes: Shape, windows: Shape, kernel_size: Shape, stride: Shape, padding: Padding, dilation: Shape
) -> list[list[list[Number]]]:
    """For each tap and axis, where the tap lies in all windows before it is moved."""
    if padding == "same":
        padding = tuple(map(same_padding, sizes, kernel_size, stride, dilation))
    firsts = list(product(*(range(0, count * step, step) for count, step in zip(windows, stride, strict=True))))
    return [
        [
            [first[axis] - padding[axis][0] + tap[axis] * dilation[axis] for first in firsts]
            for axis in range(len(sizes))
        ]
        for tap in product(*map(range, kernel_size))
    ]


@executes("grid_sample")
def grid_sample(job: Job, x: Array, grid: Array | None = None, *, size: Shape | None, align_corners: bool) -> Array:
    """Sample each channel at the places of a grid, zeros outside.

    Args:
        job: Takes the count.
        x: (channels, spatial sizes).
        grid: (output sizes, coordinates), the last axis first, -1 and 1 being the borders; the middle everywhere where
            none is given.
        size: The output sizes, where no grid is given.
        align_corners: Whether -1 and 1 are the centres of the outermost values.

    Raises:
        ValueError: There are both a grid and a size or neither, or the grid has not a coordinate for each axis.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html
    """
    rank = len(x.sizes)
    if grid is None:
        if size is None:
            raise ValueError("grid_sample needs a grid or a size")
        grid = Array((*size, rank), [0] * (prod(size) * rank))
    elif size is not None or len(grid.shape) != rank + 1 or grid.shape[-1] != rank:
        raise ValueError(f"a grid of shape {grid.shape} and the size {size}")
    arithmetic = job.arithmetic
    coordinates = []
    for axis, length in enumerate(x.sizes):
        values = arithmetic.add(grid.values[rank - 1 - axis :: rank], 1)
        if align_corners:
            coordinates.append(arithmetic.div(arithmetic.mul(values, length - 1), 2))
        else:
            coordinates.append(arithmetic.div(arithmetic.sub(arithmetic.mul(values, length), 1), 2))
    points = _Points(job, x.sizes, coordinates)
    return from_channels([points.sample(channel) for channel in x.channels()], grid.shape[:-1])


@executes("roi_align")
def roi_align(
    job: Job,
    x: Array,
    boxes: Array | None = None,
    *,
    num_regions: int,
    output_size: Shape,
    sampling_ratio: int,
    spatial_scale: Number = 1,
    aligned: bool,
) -> Array:
    """Average samples in the cells of regions.

    Args:
        job: Takes the count.
        x: (channels, height, width).
        boxes: (num_regions, 4): left, top, right, bottom of each; the whole picture where none are given.
        num_regions: How many regions there are.
        output_size: How many cells a region has on each axis.
        sampling_ratio: How many points a cell has on each axis.
        spatial_scale: What coordinates are multiplied by.
        aligned: Whether coordinates are moved by half a pixel.

    Raises:
        ValueError: There is not a box for each region.

    Source: torchvision, csrc/ops/cpu/roi_align_kernel.cpp and roi_align_common.h
    """
    if boxes is None:
        boxes = Array((num_regions, 4), [0, 0, x.shape[2], x.shape[1]] * num_regions)
    if boxes.shape != (num_regions, 4) or len(x.sizes) != 2:
        raise ValueError(f"boxes of shape {boxes.shape} for {num_regions} regions of {x.shape}")
    regions = []
    for first in range(0, len(boxes.values), 4):
        points, cells = _region(
            job, x.sizes, boxes.values[first : first + 4], output_size, sampling_ratio, spatial_scale, aligned
        )
        per_cell = sampling_ratio**2
        for channel in x.channels():
            samples = points.sample(channel)
            totals = [
                job.arithmetic.total(samples[start : start + per_cell])
                for start in range(0, cells * per_cell, per_cell)
            ]
            regions += job.arithmetic.div(totals, per_cell)
    return Array((num_regions, x.shape[0], *output_size), regions)


def _region(
    job: Job, sizes: Shape, box: Values, output_size: Shape, ratio: int, scale: Number, aligned: bool
) -> tuple[_Points, int]:
    """Return the sample points of a region, cell by cell, and how many cells there are."""
    arithmetic = job.arithmetic
    left, top, right, bottom = arithmetic.sub(arithmetic.mul(box, scale), Fraction(1, 2) if aligned else 0)
    lengths = arithmetic.sub([bottom, right], [top, left])
    if not aligned:
        lengths = arithmetic.maximum(lengths, 1)
    steps = arithmetic.div(lengths, list(output_size))
    places = list(product(*map(range, output_size), range(ratio), range(ratio)))
    coordinates = []
    outside = [False] * len(places)
    for axis, (start, step, size) in enumerate(zip((top, left), steps, sizes, strict=True)):
        cells = arithmetic.add(arithmetic.mul([place[axis] for place in places], step), start)
        within = arithmetic.add([place[2 + axis] for place in places], Fraction(1, 2))
        within = arithmetic.div(arithmetic.mul(within, step), ratio)
        values = arithmetic.add(cells, within)
        outside = [out or not -1 <= value <= size for out, value in zip(outside, values, strict=True)]
        coordinates.append(arithmetic.minimum(arithmetic.maximum(values, 0), size - 1))
    return _Points(job, sizes, coordinates, outside), prod(output_size)
