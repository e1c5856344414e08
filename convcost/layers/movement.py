"""Layers that move values, make some up, or leave all as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, MOVES, SPATIAL, LayerError, LayerType, Trials, shown
from convcost.layers.fields import (
    BOUND,
    GROUPS,
    SIZE,
    Pair,
    axis,
    factors,
    field,
    flag,
    number,
    pairs,
    per_axis,
    whole,
    word,
)
from convcost.layers.layout import VECTOR, Input, Shape
from convcost.ops import Cost, accumulate, product

_INTERPOLATIONS = {"linear": 1, "bilinear": 2, "trilinear": 3}


class Slice(LayerType, type="slice"):
    """The channels from `start` up to, without, `end`, or the positions of another axis."""

    note = MOVES

    axis: int = field(axis, None, "The axis that is cut; the channels without it.")
    start: int = field(whole(0), 0, "The first channel, counted from 0.", letter="a", role=BOUND)
    end: int = field(whole(1), None, "The channel behind the last; all channels without it.", letter="b", role=BOUND)

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        super().prepare(fields, inputs)
        if fields["end"] is None:
            fields["end"] = inputs[0].shape[fields["axis"]]

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        size = x[self.axis]
        if self.end > size:
            what = "the channels" if self.axis == 0 else f"the size of axis {self.axis}"
            raise LayerError(f"end must be at most {what}", f"end {self.end}, channels {size}", field="end")
        if self.start >= self.end:
            raise LayerError("start must be below end", f"start {self.start}, end {self.end}", field="start")
        return (*x[: self.axis], self.end - self.start, *x[self.axis + 1 :])


class ChannelShuffle(LayerType, type="channel_shuffle"):
    """The channels of `groups` groups dealt out in turn.

    Source: Zhang et al. 2017, arXiv:1707.01083, section 3.1;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html
    """

    words: ClassVar[Mapping[str, str]] = {"ChannelShuffle": "PyTorch"}

    note = MOVES

    groups: int = field(whole(1), about="How many groups are dealt out.", letter="g", role=GROUPS)

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x[0] % self.groups:
            raise LayerError("groups must divide the channels", f"{self.groups} does not divide {x[0]}", field="groups")
        return x


class PixelShuffle(LayerType, type="pixel_shuffle"):
    """Channels moved into space: [C·r², H, W] to [C, H·r, W·r].

    Source: Shi et al. 2016, arXiv:1609.05158, equation 4;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html
    """

    words: ClassVar[Mapping[str, str]] = {"PixelShuffle": "PyTorch", "depth_to_space": "TensorFlow"}

    takes = SPATIAL
    note = MOVES

    upscale_factor: int = field(whole(1), about="How much larger each axis becomes.", letter="u")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        share = product(self.upscale_factor for _ in x[1:])
        if x[0] % share:
            raise LayerError(
                "upscale_factor, to the power of the axes, must divide the channels",
                f"{share} does not divide {x[0]}",
                field="upscale_factor",
            )
        return (x[0] // share, *(size * self.upscale_factor for size in x[1:]))

    def step(self, axis: int) -> Fraction:
        return Fraction(1, self.upscale_factor)

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"upscale_factor": factor}, ((channels * factor**axes, *sizes),))
            for factor in (1, 2, 3)
            for axes in (1, 2, 3)
            for channels, *sizes in combinations((1, 2, 3), repeat=axes + 1)
        ]
        return Trials("channels, sizes", "upscale factor 1–3; 1–3 axes", points)


class Upsample(LayerType, type="upsample"):
    """A larger picture: ⌊size · scale_factor⌋ on each axis, or the given `size`.

    `nearest` moves values; `linear`, `bilinear` and `trilinear` (by the number of axes) weigh the 2^axes neighbours:
    2^axes `mul` and `add` per output value.

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
    align_corners: bool = field(flag, False, "Whether the corners keep their values; no count changes.")

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

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        if self.mode == "nearest":
            return Cost()
        products = product(output) * 2 ** (len(output) - 1)
        return Cost(ops=accumulate(products), useful_mults=products)


class Pad(LayerType, type="pad"):
    """Zeros around the picture: ordinary input to what follows.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"ZeroPad2d": "PyTorch", "ZeroPadding2D": "Keras", "zero_padding": "Keras"}

    takes = SPATIAL
    note = MOVES

    padding: tuple[Pair, ...] = field(pairs, about="The zeros around the input.", letter="p")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return (x[0], *(size + sum(pair) for size, pair in zip(x[1:], self.padding, strict=True)))


class Crop(LayerType, type="crop"):
    """The picture without its margin."""

    words: ClassVar[Mapping[str, str]] = {"Cropping2D": "Keras"}

    takes = SPATIAL
    note = MOVES

    cropping: tuple[Pair, ...] = field(pairs, about="What is taken off.", letter="p")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        sizes = [size - sum(pair) for size, pair in zip(x[1:], self.cropping, strict=True)]
        if min(sizes) < 1:
            raise LayerError("cropping must leave something of the input", f"the input is {shown(x)}", field="cropping")
        return (x[0], *sizes)


class Flatten(LayerType, type="flatten"):
    """All values as one vector."""

    words: ClassVar[Mapping[str, str]] = {"Flatten": "PyTorch and Keras"}

    note = MOVES
    channels = FIXED
    gives = VECTOR

    def output_shape(self, *inputs: Shape) -> Shape:
        return (product(inputs[0]),)

    def step(self, axis: int) -> Fraction | None:
        return None


class Dropout(LayerType, type="dropout"):
    """Dropout: at inference the input itself.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "Dropout": "PyTorch and Keras",
        "Dropout2d": "PyTorch",
        "drop_path": "timm",
        "stochastic_depth": "torchvision",
    }

    note = "nothing at inference"

    p: Any = field(number, Fraction(1, 2), "How likely a value is dropped in training; no count changes.")


class Identity(LayerType, type="identity"):
    """The input itself; a name for it."""

    words: ClassVar[Mapping[str, str]] = {"Identity": "PyTorch", "noop": "many people"}

    note = "nothing at inference"
