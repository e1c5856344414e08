"""Layers that read between positions: deformable convolution, sampling on a grid, and regions of interest.

A value between positions is interpolated from the 2^rank positions around it. Per point: the largest whole coordinate
on each axis (`floor`), the distances to it and to the next (`add` 2 an axis), and the corner weights, products of one
distance on each axis (`mul` 2^rank · (rank − 1)). Per value read there, which is once for each channel: 2^rank `mul`
and `add`. Whether a corner lies in the input decides which value is read; as everywhere, such index arithmetic is not
counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, MIXES, LayerType, Trials
from convcost.layers.convolution import Conv, check_groups
from convcost.layers.fields import GROUPS, SIZE, field, flag, number, per_axis, whole
from convcost.layers.inputs import SPATIAL, LayerError, shown
from convcost.layers.layout import FEATURE_MAP, UNKNOWN, Input, Shape
from convcost.layers.reading import Axes, Reading, Readings, along, axes, grouped, sliding
from convcost.layers.windows import each_axis, output_size, useful_products
from convcost.ops import Cost, Ledger, accumulate, product


def _between(rank: int) -> Ledger:
    """Return the operations that find the corner weights of a point from its coordinates."""
    return Ledger(add=2 * rank, floor=rank, mul=2**rank * (rank - 1))


class DeformConv(LayerType, type="deform_conv"):
    """A convolution whose windows are moved tap by tap by what an ordinary convolution of its own finds.

    That offset convolution has the same window, a bias, and for each tap and offset group one channel an axis, and
    with `modulated` one more for a mask. Per point (output position, tap, offset group): the moved coordinates add
    rank, then add 2·rank, floor rank and mul 2^rank · (rank − 1) for the corner weights; with `modulated` a sigmoid of
    the mask (exp 1, add 1, div 1). Per sampled value (output position, tap, channel): mul and add 2^rank, with
    `modulated` mul 1. Then the convolution of the samples. macs are the products of the two convolutions; useless are
    those of the offset convolution with its padding.

    Source: Zhu et al. 2018, arXiv:1811.11168, equation 1;
        https://docs.pytorch.org/vision/stable/generated/torchvision.ops.deform_conv2d.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "DeformConv2d": "torchvision",
        "deformable_conv": "many papers",
        "deformable_convolution": "many papers",
        "dcn": "many papers",
    }

    takes = SPATIAL
    weights = True
    macs = True
    channels = MIXES
    checked = ("in_channels",)

    out_channels: int = Conv.fields["out_channels"]  # type: ignore[assignment]
    kernel_size: tuple[int, ...] = Conv.fields["kernel_size"]  # type: ignore[assignment]
    stride: tuple[int, ...] = Conv.fields["stride"]  # type: ignore[assignment]
    padding: Any = Conv.fields["padding"]
    dilation: tuple[int, ...] = Conv.fields["dilation"]  # type: ignore[assignment]
    groups: int = Conv.fields["groups"]  # type: ignore[assignment]
    offset_groups: int = field(whole(1), 1, "How many groups of channels have offsets of their own.", role=GROUPS)
    modulated: bool = field(flag, False, "Whether each sample is weighed by a mask.")
    bias: bool = Conv.fields["bias"]  # type: ignore[assignment]

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        pad = self._pad(x)
        sizes = each_axis(output_size, x[1:], self.kernel_size, self.stride, self.dilation, pad)
        output = (self.out_channels, *sizes)
        check_groups(self.groups, x[0], output)
        if x[0] % self.offset_groups:
            found = f"{self.offset_groups} does not divide {x[0]}"
            raise LayerError("offset_groups must divide in_channels", found, field="offset_groups", output=output)
        return output

    def _pad(self, x: Shape) -> Any:
        return Conv.geometry(self, x)[4]  # type: ignore[arg-type]  # it has the fields of a convolution

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        rank, taps, positions = len(x) - 1, product(self.kernel_size), product(output[1:])
        moving = (
            self.offset_groups * taps * (rank + 1 if self.modulated else rank)
        )  # channels of the offset convolution
        weights, offset_weights = self.out_channels * (x[0] // self.groups) * taps, moving * x[0] * taps
        products, offset_products = positions * weights, positions * offset_weights
        points, samples = positions * taps * self.offset_groups, positions * taps * x[0]
        ops = (_between(rank) + Ledger(add=rank)) * points + Ledger(mul=2**rank, add=2**rank) * samples
        if self.modulated:
            ops = ops + Ledger(exp=1, add=1, div=1) * points + Ledger(mul=1) * samples
        ops = ops + accumulate(products + offset_products)
        useful = moving * x[0]
        before = [pair[0] for pair in self._pad(x)]
        useful *= product(
            each_axis(useful_products, x[1:], self.kernel_size, self.stride, self.dilation, output[1:], before)
        )
        return Cost(
            params=weights + offset_weights + moving + (self.out_channels if self.bias else 0),
            ops=ops,
            macs=products + offset_products,
            useful_mults=ops.mul - offset_products + useful,
        )

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        windows = sliding(self.kernel_size, self.stride, self._pad(x), self.dilation, sized=self.padding == "same")
        every = along(x, outputs[0], every=range(len(x)), by_value=True)
        return ((grouped(x, outputs[0], windows, 1), every),)

    @classmethod
    def trials(cls) -> Trials:
        grid = [
            ({**given, **more}, channels)
            for given, channels in _channels()
            for more in ({"modulated": True, "bias": False}, {"modulated": False, "bias": True})
        ]
        points = [
            ({**window, **given}, ((channels, *sizes),))
            for number, (window, sizes) in enumerate(_windows())
            for given, channels in (grid[number % 3 :: 3] if len(sizes) == 1 else grid[number % 5 :: 5])  # in turn
        ]
        covered = (
            "kernel 1–3, stride and dilation 1–2, padding 0, 1, [0, 1], same, groups 1–2, ± modulated, ± bias; 1–3 axes"
        )
        return Trials("channels, N/g, offset groups, sizes of each remainder", covered, points)


def _windows() -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
    """Yield windows of deformable convolutions, with sizes up to where none reaches over both borders, and more."""
    for kernel, stride, dilation, pad in ((1, 1, 1, (0, 0)), (3, 1, 1, (1, 1)), (2, 2, 1, (0, 1)), (2, 1, 2, "same")):
        for rank in (1, 2):
            given: dict[str, Any] = {"kernel_size": (kernel,) * rank, "stride": (stride,) * rank}
            given |= {"dilation": (dilation,) * rank, "padding": pad if pad == "same" else (pad,) * rank}
            for sizes in combinations(range(3, 3 + 2 * stride), repeat=rank) if rank > 1 else combinations(range(2, 9)):
                yield given, sizes
    ones = (1, 1, 1)
    for sizes in combinations((2, 3), repeat=3):
        yield {"kernel_size": (2, 1, 2), "stride": ones, "dilation": ones, "padding": ((0, 0), (0, 1), (1, 0))}, sizes


def _channels() -> Iterator[tuple[dict[str, int], int]]:
    for groups, fanout, offset_groups, channels in combinations((1, 2), (1, 2), (1, 2), (2, 4)):
        yield {"groups": groups, "out_channels": groups * fanout, "offset_groups": offset_groups}, channels


class _Sampler(LayerType):
    """A layer that samples its first input at places which a second one may give."""

    arity = (1, 2)
    takes = SPATIAL

    @classmethod
    def refusal(cls, value: Input, number: int = 0) -> LayerError | None:
        return super().refusal(value) if number == 0 else None


class GridSample(_Sampler, type="grid_sample"):
    """Values interpolated at the places of a grid: `from: [map, grid]`, the grid's last axis holding the coordinates.

    Without a grid `size` says how large the output is. Per point: to pixels on each axis add 2, mul 1, div 1
    (`align_corners`: add 1, mul 1, div 1); add 2·rank, floor rank and mul 2^rank · (rank − 1) for the corner weights.
    Per value: mul and add 2^rank.

    Source: Jaderberg et al. 2015, arXiv:1506.02025, equation 5;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html
    """

    words: ClassVar[Mapping[str, str]] = {"GridSample": "ONNX", "spatial_transformer": "many papers"}

    gives = FEATURE_MAP

    size: Any = field(per_axis(1), None, "The size of the output, where no grid is read.", role=SIZE)
    align_corners: bool = field(flag, False, "Whether −1 and 1 are the centres of the outermost values.")

    def output_shape(self, *inputs: Shape) -> Shape:
        x, rank = inputs[0], len(inputs[0]) - 1
        if (len(inputs) == 2) == (self.size is not None):
            found = "neither is given" if self.size is None else "both are given"
            raise LayerError("grid_sample takes either a grid or size", found, field="size" if self.size else "")
        if self.size is not None:
            return (x[0], *self.size)
        grid = inputs[1]
        if len(grid) != len(x) or grid[-1] != rank:
            help = ""
            if len(grid) == len(x) and grid[0] == rank:
                help = f"`permute: {{axes: {shown((*range(1, len(grid)), 0))}}}` puts the coordinates last"
            message = f"the grid of grid_sample has {rank + 1} axes, the last of {rank} coordinates"
            raise LayerError(message, f"{shown(grid)} for a map {shown(x)}", help=help, output=x)
        return (x[0], *grid[:-1])

    def step(self, axis: int) -> None:
        return None

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        rank, points = len(output) - 1, product(output[1:])
        pixels = Ledger(add=1 if self.align_corners else 2, mul=1, div=1) * rank
        ops = (pixels + _between(rank)) * points + Ledger(mul=2**rank, add=2**rank) * product(output)
        return Cost(ops=ops, useful_mults=ops.mul)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        x, output = inputs[0], outputs[0]
        every = (along(x, output, every=range(1, len(x)), by_value=True),)
        if len(inputs) == 1:
            return (every,)
        own = axes(output)[1:]
        return (every, (Reading((*own, (("coordinate", len(own)),)), ((("c", output[0]),), *own)),))

    @classmethod
    def trials(cls) -> Trials:
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = []
        for rank, align in combinations((1, 2, 3), (False, True)):
            for channels, *sizes in combinations((1, 2, 3) if rank < 3 else (1, 3), repeat=rank + 1):
                x = (channels, *range(2, 2 + rank))
                points.append(({"size": None, "align_corners": align}, (x, (*sizes, rank))))
                points.append(({"size": tuple(sizes), "align_corners": align}, (x,)))
        return Trials("channels, sizes of the output", "with a grid and without, ± align_corners; 1–3 axes", points)

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        given = {"size": (letter("Dp"), letter("Dp")), "align_corners": False}
        return given, ((letter("M"), letter("Di"), letter("Di")),)


class RoiAlign(_Sampler, type="roi_align"):
    """The averages of interpolated values in the cells of regions: [C, H, W] to [regions, C, h, w].

    `from: [map, boxes]`, the boxes a value [regions, 4], or the map alone where they come from elsewhere. As
    torchvision's kernel computes it, with s = sampling_ratio:

    - per region: its corners scaled and moved (mul 4, add 4), its size (add 2; unless `aligned` at least 1, cmp 2), the
      size of a cell (div 2);
    - per sample point (region, cell, s²), once for all channels: on each axis start + cell · size + (i + ½) · size / s
      (add 3, mul 2, div 1), held within the map (cmp 2), and the corner weights (in all add 4, floor 2, mul 4);
    - per sampled value: mul and add 4; per output value: add s² and div 1.

    Both coordinates count once per sample point, though the kernel finds the vertical one once for a row of points; its
    tests whether a point lies outside the map are not counted.

    An example: 2 regions of 2×2 cells on 3×8×8, s = 2. Regions: mul 8, add 12, cmp 4, div 4. 2 · 4 · 4 = 32 points: mul
    8 · 32 = 256, add 10 · 32 = 320, div 64, cmp 128, floor 64. 32 · 3 = 96 samples: mul and add 384. 24 output values:
    add 96, div 24. In all mul 648, add 812, div 92, cmp 132, floor 64.

    Source: He et al. 2017, arXiv:1703.06870, section 3; the kernel is torchvision's
        csrc/ops/cpu/roi_align_kernel.cpp with roi_align_common.h.
    """

    words: ClassVar[Mapping[str, str]] = {"RoIAlign": "torchvision", "RoiAlign": "ONNX"}

    gives = UNKNOWN
    channels = FIXED

    num_regions: int = field(whole(1), about="How many regions there are.")
    output_size: tuple[int, ...] = field(per_axis(1), about="How many cells a region has on each axis.")
    sampling_ratio: int = field(whole(1), about="How many points are sampled on each axis of a cell.")
    spatial_scale: Any = field(number, 1, "The map's size over that of the picture; no count changes.")
    aligned: bool = field(flag, False, "Whether coordinates are moved by half a pixel.")

    def output_shape(self, *inputs: Shape) -> Shape:
        x = inputs[0]
        if len(x) != 3:
            raise LayerError("roi_align works on two spatial axes", f"the input is {shown(x)}")
        if len(inputs) == 2 and inputs[1] != (self.num_regions, 4):
            message = f"the boxes of roi_align are [num_regions, 4], here {shown((self.num_regions, 4))}"
            raise LayerError(message, f"{shown(inputs[1])}", field="num_regions")
        return (self.num_regions, x[0], *self.output_size)

    def step(self, axis: int) -> None:
        return None

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        regions, channels, *cells = output
        per_cell = self.sampling_ratio * self.sampling_ratio
        points = regions * product(cells) * per_cell
        ops = Ledger(mul=4, add=6, cmp=0 if self.aligned else 2, div=2) * regions
        ops = ops + (Ledger(add=6, mul=4, div=2, cmp=4) + _between(2)) * points
        ops = ops + Ledger(mul=4, add=4) * (points * channels)
        ops = ops + Ledger(add=per_cell, div=1) * product(output)
        return Cost(ops=ops, useful_mults=ops.mul)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        x, output = inputs[0], outputs[0]
        regions, channels, *cells = output
        r, c = ("r", regions), ("c", channels)
        after: Axes = ((r,), (c,), *[((f"cell{axis}", size),) for axis, size in enumerate(cells)])
        every = (Reading(((c,), *axes(x)[1:]), after, by_value=True),)
        return (every, (Reading(((r,), (("corner", 4),)), after),)) if len(inputs) == 2 else (every,)

    @classmethod
    def trials(cls) -> Trials:
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = []
        for channels, regions, height, width, ratio in combinations((1, 2), (1, 2), (1, 2), (1, 2), (1, 2, 3)):
            for aligned in (False, True):
                given = {"num_regions": regions, "output_size": (height, width), "sampling_ratio": ratio}
                given["aligned"] = aligned
                x = (channels, 3, 4)
                points.append((given, (x, (regions, 4)) if aligned else (x,)))
        return Trials("channels, regions, cells", "sampling ratio 1–3, with boxes and without, ± aligned", points)

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        given = {name: field.default for name, field in cls.fields.items()}
        given |= {"num_regions": letter("num_regions"), "sampling_ratio": letter("sampling_ratio")}
        given["output_size"] = (letter("Dp"), letter("Dp"))
        return given, ((letter("M"), letter("Di"), letter("Di")),)
