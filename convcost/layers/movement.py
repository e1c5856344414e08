"""Layers that move values, make some up, or leave all as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, MOVES, LayerType, Trials
from convcost.layers.fields import BOUND, GROUPS, Pair, axes, axis, field, margins, number, whole, word
from convcost.layers.inputs import POSITIONS, SPATIAL, LayerError, shown
from convcost.layers.layout import TOKENS, VECTOR, Input, Shape
from convcost.layers.reading import AxisWindow, Reading, Readings, along
from convcost.layers.reading import axes as axes_of
from convcost.layers.windows import ceil_div
from convcost.ops import product


class Slice(LayerType, type="slice"):
    """The channels from `start` up to, without, `end`, or the positions of another axis; of these every `step`-th."""

    words: ClassVar[Mapping[str, str]] = {"narrow": "PyTorch", "strided_slice": "TensorFlow"}

    note = MOVES

    axis: int = field(axis, None, "The axis that is cut; the channels without it.")
    start: int = field(whole(0), 0, "The first channel, counted from 0.", letter="a", role=BOUND)
    end: int = field(whole(1), None, "The channel behind the last; all channels without it.", letter="b", role=BOUND)
    step: int = field(whole(1), 1, "How far it is from one to the next.")  # type: ignore[assignment]

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
            found = f"end {self.end}, {'channels' if self.axis == 0 else 'size'} {size}"
            raise LayerError(f"end must be at most {what}", found, field="end")
        if self.start >= self.end:
            raise LayerError("start must be below end", f"start {self.start}, end {self.end}", field="start")
        return (*x[: self.axis], ceil_div(self.end - self.start, self.step), *x[self.axis + 1 :])

    def advance(self, axis: int) -> Fraction | None:
        return Fraction(1) if axis != self.axis else None

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        window = AxisWindow(self.step, ((self.start, 1, 1),), sized=True)
        return ((along(x, outputs[0], {self.axis: window}),),)


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

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        groups, each, rest = ("g", self.groups), ("c", x[0] // self.groups), axes_of(x)[1:]
        return ((Reading(((groups, each), *rest), ((each, groups), *rest)),),)


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

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        factor, rest = self.upscale_factor, axes_of(x)[1:]
        parts = tuple([(f"r{axis}", factor) for axis in range(len(rest))])
        after = [(*own, part) for own, part in zip(rest, parts, strict=True)]
        channels = ("c", outputs[0][0])
        return ((Reading(((channels, *parts), *rest), ((channels,), *after)),),)

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"upscale_factor": factor}, ((channels * factor**axes, *sizes),))
            for factor in (1, 2, 3)
            for axes in (1, 2, 3)
            for channels, *sizes in combinations((1, 2, 3), repeat=axes + 1)
        ]
        return Trials("channels, sizes", "upscale factor 1–3; 1–3 axes", points)


class PixelUnshuffle(LayerType, type="pixel_unshuffle"):
    """Space moved into channels: [C, H·r, W·r] to [C·r², H, W].

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "PixelUnshuffle": "PyTorch",
        "space_to_depth": "TensorFlow",
        "focus": "YOLOv5",
        "reorg": "Darknet",
    }

    takes = SPATIAL
    note = MOVES

    downscale_factor: int = field(whole(1), about="How much smaller each axis becomes.", letter="u")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        factor = self.downscale_factor
        if any(size % factor for size in x[1:]):
            message, found = "downscale_factor must divide each spatial size", f"{factor}, the input is {shown(x)}"
            raise LayerError(message, found, field="downscale_factor")
        return (x[0] * product(factor for _ in x[1:]), *(size // factor for size in x[1:]))

    def step(self, axis: int) -> Fraction:
        return Fraction(self.downscale_factor)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        factor, rest = self.downscale_factor, axes_of(outputs[0])[1:]
        parts = tuple([(f"r{axis}", factor) for axis in range(len(rest))])
        before = [(*own, part) for own, part in zip(rest, parts, strict=True)]
        channels = ("c", x[0])
        return ((Reading(((channels,), *before), ((channels, *parts), *rest)),),)

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"downscale_factor": factor}, ((channels, *(size * factor for size in sizes)),))
            for factor in (1, 2, 3)
            for axes in (1, 2, 3)
            for channels, *sizes in combinations((1, 2, 3), repeat=axes + 1)
        ]
        return Trials("channels, sizes", "downscale factor 1–3; 1–3 axes", points)


_PAIRS = ((0, 0), (1, 0), (0, 1), (1, 1))


class _Margins(LayerType):
    takes = POSITIONS
    note = MOVES
    margin: ClassVar[str] = ""
    """The field that says how wide the margins are."""
    covered: ClassVar[str] = ""
    """The description of what is tried in a proof."""

    axis: tuple[int, ...]

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        shape, layout = inputs[0].shape, inputs[0].layout
        spatial = fields["axis"] is None
        if spatial:
            fields["axis"] = tuple(range(len(shape) - 1) if layout == TOKENS else range(1, len(shape)))
        super().prepare(fields, inputs)
        cls.spread_out(fields, cls.margin, len(fields["axis"]), pair=True, spatial=spatial)

    def resized(self, x: Shape, sign: int) -> Shape:
        """Return a shape with its margins added or taken off."""
        sizes = list(x)
        for place, pair in zip(self.axis, getattr(self, self.margin), strict=True):
            sizes[place] = sizes[place] + sign * sum(pair)
        return tuple(sizes)

    @classmethod
    def trials(cls) -> Trials:
        points = []
        for rank in (1, 2, 3):
            for shape, pair in combinations(combinations((2, 3), repeat=rank + 1), _PAIRS):
                for places in (tuple(range(1, rank + 1)), tuple(range(rank)), (rank,)):
                    fields = {"axis": places, cls.margin: (pair, *[(0, 1)] * (len(places) - 1))}
                    points += [({**fields, **more}, (shape,)) for more in cls.tried()]
        return Trials("channels, sizes", cls.covered, points)

    @classmethod
    def tried(cls) -> list[dict[str, Any]]:
        """Return the other fields that are tried."""
        return [{}]

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        size, margin = letter("Di"), letter("p")
        fields = {cls.margin: ((margin, margin),) * 2, "axis": (1, 2)}
        return {**fields, **cls.tried()[0]}, ((letter("M"), size, size),)


class Pad(_Margins, type="pad"):
    """Values around the picture: ordinary input to what follows. Of tokens, around the axes before the channels.

    They are zeros, a constant `value`, the picture reflected at its border (`reflect`), its border (`replicate`), or
    the other end of the picture (`circular`).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "ZeroPad2d": "PyTorch",
        "ReflectionPad2d": "PyTorch",
        "ZeroPadding2D": "Keras",
        "zero_padding": "Keras",
    }
    margin = "padding"
    covered = "each mode, 0–1 values on each side of some axes; 1–3 axes beside the channels"

    padding: tuple[Pair, ...] = field(margins, about="The values around the input.", letter="p")
    axis: tuple[int, ...] = field(axes, None, "The axes that are padded; all spatial ones without it.")
    mode: str = field(word("zeros", "constant", "reflect", "replicate", "circular"), "zeros", "What the values are.")
    value: Any = field(number, 0, "The value of `mode: constant`; no count changes.")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.value != 0 and self.mode != "constant":
            found = f"value {self.value} with mode {self.mode}"
            raise LayerError("value is what mode: constant pads with", found, field="value")
        if self.mode in ("reflect", "circular"):
            less = self.mode == "reflect"
            for place, pair in zip(self.axis, self.padding, strict=True):
                if max(pair) > x[place] - less:
                    message = f"{self.mode} pads with {'fewer' if less else 'at most as many'} values {_THAN[less]}"
                    raise LayerError(message, f"padding {max(pair)}, size {x[place]}", field="padding")
        return self.resized(x, 1)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        border = "zeros" if self.mode == "constant" else self.mode
        pairs = zip(self.axis, self.padding, strict=True)
        windows = {axis: AxisWindow(1, ((-before, 1, 1),), border) for axis, (before, _) in pairs}
        return ((along(x, outputs[0], windows),),)

    @classmethod
    def tried(cls) -> list[dict[str, Any]]:
        return [{"mode": word, "value": 0} for word in cls.fields["mode"].words] + [{"mode": "constant", "value": 2}]


_THAN = ("as the axis has", "than the axis has")


class Crop(_Margins, type="crop"):
    """The picture without its margin; of tokens, the axes before the channels without theirs."""

    words: ClassVar[Mapping[str, str]] = {"Cropping2D": "Keras"}
    margin = "cropping"
    covered = "0–1 values off each side of some axes; 1–3 axes beside the channels"

    cropping: tuple[Pair, ...] = field(margins, about="What is taken off.", letter="p")
    axis: tuple[int, ...] = field(axes, None, "The axes that are cropped; all spatial ones without it.")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        sizes = self.resized(x, -1)
        if min(sizes) < 1:
            raise LayerError("cropping must leave something of the input", f"the input is {shown(x)}", field="cropping")
        return sizes

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        pairs = zip(self.axis, self.cropping, strict=True)
        windows = {axis: AxisWindow(1, ((before, 1, 1),), sized=True) for axis, (before, _) in pairs}
        return ((along(x, outputs[0], windows),),)


class Flatten(LayerType, type="flatten"):
    """All values as one vector."""

    words: ClassVar[Mapping[str, str]] = {"Flatten": "PyTorch and Keras"}

    note = MOVES
    view = True
    channels = FIXED
    gives = VECTOR

    def output_shape(self, *inputs: Shape) -> Shape:
        return (product(inputs[0]),)

    def step(self, axis: int) -> Fraction | None:
        return None

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        return ((Reading(axes_of(x), (tuple([factor for axis in axes_of(x) for factor in axis]),)),),)


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
    view = True

    p: Any = field(number, Fraction(1, 2), "How likely a value is dropped in training; no count changes.")


class Identity(LayerType, type="identity"):
    """The input itself; a name for it."""

    words: ClassVar[Mapping[str, str]] = {"Identity": "PyTorch", "noop": "many people"}

    note = "nothing at inference"
    view = True
