"""Upsampling: a larger picture, its new values found between the old ones."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

from convcost.layers.base import LayerType
from convcost.layers.fields import SIZE, VARIANT, factors, field, flag, per_axis, word
from convcost.layers.inputs import SPATIAL, LayerError, shown
from convcost.layers.layout import Shape
from convcost.layers.reading import AxisWindow, Readings, along, upsampled
from convcost.ops import Cost, accumulate, product

_INTERPOLATIONS = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


class Upsample(LayerType, type="upsample"):
    """A larger picture: ⌊size · scale_factor⌋ on each axis, or the given `size`.

    `nearest` moves values; `linear`, `bilinear` and `trilinear` (by the number of axes) weigh the 2^axes neighbours:
    2^axes `mul` and `add` per output value. `bicubic` weighs the 4² around each place: 16 `mul` and `add`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Upsample.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "Upsample": "PyTorch",
        "interpolate": "PyTorch",
        "UpSampling2D": "Keras",
        "resize": "ONNX",
    }

    takes = SPATIAL
    either = ("scale_factor", "size")

    scale_factor: Any = field(factors, None, "How much larger each axis becomes.", letter="u")
    size: Any = field(per_axis(1), None, "The size of the output.", role=SIZE)
    mode: str = field(word("nearest", *_INTERPOLATIONS), "nearest", "How the values between are found.")
    align_corners: bool = field(flag, False, "Whether the corners keep their values; no count changes.", role=VARIANT)

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        rank = len(x) - 1
        if (self.scale_factor is None) == (self.size is None):
            raise LayerError(
                f"upsample takes either {' or '.join(self.either)}",
                "neither is given" if self.size is None else "both are given",
                field="" if self.size is None else "size",
            )
        if _INTERPOLATIONS.get(self.mode, rank) != rank:
            fitting = next(mode for mode, over in _INTERPOLATIONS.items() if over == rank)
            axes = _INTERPOLATIONS[self.mode]
            raise LayerError(
                f"{self.mode} interpolates over {axes} spatial {'axis' if axes == 1 else 'axes'}",
                f"the input {shown(x)} has {rank}",
                field="mode",
                help=f"here {fitting} does",
            )
        if self.size is not None:
            return (x[0], *self.size)
        sizes = [size * factor // 1 for size, factor in zip(x[1:], self.scale_factor, strict=True)]
        if min(sizes) < 1:
            raise LayerError(
                "scale_factor must leave something of the input",
                f"the input {shown(x)} would become {shown((x[0], *sizes))}",
                field="scale_factor",
            )
        return (x[0], *sizes)

    def step(self, axis: int) -> Fraction | None:
        return 1 / Fraction(self.scale_factor[axis - 1]) if self.scale_factor is not None else None

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings | None:
        (x,) = inputs
        windows = {}
        for axis, (old, new) in enumerate(zip(x[1:], outputs[0][1:], strict=True), 1):
            window = self._window(axis, old, new)
            if window is None:
                return None
            windows[axis] = window
        return ((along(x, outputs[0], windows),),)

    def _window(self, axis: int, old: int, new: int) -> AxisWindow | None:
        scale = self.scale_factor
        step = Fraction(old, new) if scale is None else 1 / Fraction(scale[axis - 1])
        if self.mode == "nearest":
            return upsampled(step, Fraction(0), 1, sized=scale is None)
        neighbours = 4 if self.mode == "bicubic" else 2
        if self.align_corners:
            return upsampled(Fraction(old - 1, max(new - 1, 1)), Fraction(0), neighbours, sized=True)
        return upsampled(step, (step - 1) / 2, neighbours, sized=scale is None)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        if self.mode == "nearest":
            return Cost()
        products = product(output) * (4 if self.mode == "bicubic" else 2) ** (len(output) - 1)
        return Cost(ops=accumulate(products), useful_mults=products)
