"""Upsampling: the nearest value, or an interpolation between neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import floor, prod
from typing import Literal

from convcost.executor.array import Array, Number, Shape, from_channels
from convcost.executor.registry import Job, executes
from convcost.executor.windows import gatherer, selection

_MODES = {1: ("nearest", "linear"), 2: ("nearest", "bilinear", "bicubic"), 3: ("nearest", "trilinear")}
_SHARPNESS = -0.75  # the a of the cubic convolution that PyTorch, OpenCV and TensorFlow use


@executes("upsample")
def upsample(
    job: Job,
    x: Array,
    *,
    scale_factor: tuple[int | Fraction, ...] | None,
    size: Shape | None,
    mode: Literal["nearest", "linear", "bilinear", "trilinear", "bicubic"],
    align_corners: bool,
) -> Array:
    """Resample each channel on another grid.

    Interpolation adds the products of the 2^rank neighbours, of 4^rank with bicubic, with their weights onto an
    accumulator of zero, at borders and on grid points too. The weights depend on the sizes alone and are prepared with
    the model.

    Args:
        job: Takes the count.
        x: (channels, spatial sizes).
        scale_factor: The factor along each axis, of which the output size is the floor; or None.
        size: The output sizes, where scale_factor is None.
        mode: nearest, or an interpolation of the input's rank.
        align_corners: Whether the corner values rather than the borders of the two grids coincide.

    Raises:
        ValueError: Neither scale_factor nor size is given, or both; or the mode interpolates over other axes.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html; Keys 1981, Cubic convolution
        interpolation for digital image processing, equation 4 with a = -0.75
    """
    if (size is None) == (scale_factor is None):
        raise ValueError("upsample needs a scale_factor or a size, not both")
    if mode not in _MODES.get(len(x.sizes), ()):
        raise ValueError(f"{mode} does not interpolate over {len(x.sizes)} axes")
    if size is None:
        assert scale_factor is not None
        sizes = tuple(floor(old * factor) for old, factor in zip(x.sizes, scale_factor, strict=True))
        steps = [1 / Fraction(factor) for factor in scale_factor]
    else:
        sizes = size
        steps = [Fraction(old, new) for old, new in zip(x.sizes, sizes, strict=True)]
    if mode == "nearest":
        return _nearest(x, sizes, steps)
    if align_corners:
        steps = [Fraction(old - 1, max(new - 1, 1)) for old, new in zip(x.sizes, sizes, strict=True)]
    find = _four_neighbours if mode == "bicubic" else _neighbours
    sides = [find(*axis, align_corners) for axis in zip(x.sizes, sizes, steps, strict=True)]
    return _interpolated(job, x, sizes, sides)


def _nearest(x: Array, sizes: Shape, steps: Sequence[Fraction]) -> Array:
    """Return the value at the position before each position of the output."""
    axes = [
        [min(floor(i * step), old - 1) for i in range(new)]
        for old, new, step in zip(x.sizes, sizes, steps, strict=True)
    ]
    _, sources = selection(axes, x.sizes)
    gather = gatherer(sources)
    return from_channels([list(gather(channel)) for channel in x.channels()], sizes)


def _interpolated(job: Job, x: Array, sizes: Shape, sides: Sequence[Sequence[Side]]) -> Array:
    """Return the sums of the neighbours along all axes, each times the product of its weights."""
    corners = []
    for corner in product(*sides):
        _, sources = selection([positions for positions, _ in corner], x.sizes)
        weights = list(map(prod, product(*(shares for _, shares in corner))))
        corners.append((gatherer(sources), weights))
    outputs = []
    for channel in x.channels():
        sums: list[Number] = [0] * prod(sizes)
        for gather, weights in corners:
            sums = job.arithmetic.add(sums, job.arithmetic.mul(gather(channel), weights))
        outputs.append(sums)
    return from_channels(outputs, sizes)


Side = tuple[list[int], list[float]]
"""A neighbour of each output position along an axis: its position and its weight."""


def _neighbours(old: int, new: int, step: Fraction, align_corners: bool) -> tuple[Side, ...]:
    """Return the lower and the upper neighbour of each output position along an axis.

    The weights are floats, which hold those of a factor of 2, 4, … exactly: fractions would take 20 times as long.
    """
    places = [max(Fraction(0), place) for place in _places(new, step, align_corners)]
    lower = [min(floor(place), old - 1) for place in places]
    shares = [float(place - floor(place)) for place in places]
    return (lower, [1 - share for share in shares]), ([min(low + 1, old - 1) for low in lower], shares)


def _four_neighbours(old: int, new: int, step: Fraction, align_corners: bool) -> tuple[Side, ...]:
    """Return the four neighbours of each output position along an axis, those beyond a border being the border's."""
    places = _places(new, step, align_corners)
    return tuple(
        [
            (
                [min(max(floor(place) + offset, 0), old - 1) for place in places],
                [_cubic(float(abs(place - floor(place) - offset))) for place in places],
            )
            for offset in (-1, 0, 1, 2)
        ]
    )


def _places(new: int, step: Fraction, align_corners: bool) -> list[Fraction]:
    """Return where each output position lies on the input."""
    half = Fraction(1, 2)
    return [i * step if align_corners else (i + half) * step - half for i in range(new)]


def _cubic(distance: float) -> float:
    """Return the weight of a neighbour at a distance below 2."""
    if distance <= 1:
        return ((_SHARPNESS + 2) * distance - (_SHARPNESS + 3)) * distance * distance + 1
    return ((_SHARPNESS * distance - 5 * _SHARPNESS) * distance + 8 * _SHARPNESS) * distance - 4 * _SHARPNESS
