"""Convolutions: dense, grouped, depthwise, pointwise, separable and transposed.

In the formulas Dk is the kernel size, Dp the output size, Di the input size, M the input channels, N the output
channels, g the groups, m the depth multiplier; a square stands for the product over the axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

from convcost.layers.base import MIXES, SAME, LayerType
from convcost.layers.fields import (
    CHANNELS,
    GROUPS,
    TIMES,
    VARIANT,
    Pair,
    field,
    flag,
    padding,
    padding_amounts,
    per_axis,
    whole,
    word,
)
from convcost.layers.inputs import SPATIAL, LayerError
from convcost.layers.layout import Shape
from convcost.layers.reading import Readings, grouped, sliding, transposed
from convcost.layers.windows import amounts, corner, each_axis, output_size, useful_products
from convcost.ops import Cost, accumulate, is_symbolic, product

_OUT_CHANNELS = field(whole(1), about="The channels of the output.", letter="N", role=CHANNELS)
_KERNEL_SIZE = field(per_axis(1), about="The size of the kernel.", letter="Dk")
_DEPTH_MULTIPLIER = field(whole(1), 1, "How many kernels each input channel has.", letter="m", role=TIMES)
_STRIDE = field(per_axis(1), 1, "The step from one window to the next.", letter="s")
_PADDING = field(padding, 0, "The zeros around the input; `same`: as many as give ⌈input / stride⌉ values.", letter="p")
_PADDING_MODE = field(
    word("zeros", "reflect", "replicate", "circular"),
    "zeros",
    "What the padding holds: zeros, or values of the input, so that no product is useless.",
    role=VARIANT,
)
_DILATION = field(per_axis(1), 1, "The step from one kernel value to the next.", letter="d")
_GROUPS = field(whole(1), 1, "How many groups of channels there are, which do not mix.", letter="g", role=GROUPS)
_BIAS = field(flag, True, "Whether a learned number is added to each output channel.", role=VARIANT)


class _Convolution(LayerType):
    """The arithmetic that all convolutions over windows share; a type says its channels, groups and window."""

    takes = SPATIAL
    weights = True
    macs = True
    channels = MIXES
    checked = ("in_channels",)

    bias: bool = _BIAS

    def geometry(
        self, x: Shape
    ) -> tuple[int, int, tuple[int, ...], tuple[int, ...], tuple[Pair, ...], tuple[int, ...]]:
        """Return the output channels, groups, kernel size, stride, padding amounts and dilation."""
        raise TypeError(f"{self.type} says no geometry")

    def output_shape(self, *inputs: Shape) -> Shape:
        channels, groups, kernel, stride, pad, dilation = self.geometry(inputs[0])
        output = (channels, *each_axis(output_size, inputs[0][1:], kernel, stride, dilation, pad))
        mode = vars(self).get("padding_mode")
        if mode is not None and mode != "zeros":
            check_padding(mode, inputs[0][1:], pad, output)
        check_groups(groups, inputs[0][0], output)
        return output

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        channels, groups, kernel, stride, pad, dilation = self.geometry(x)
        per_output = x[0] // groups
        weights = channels * per_output * product(kernel)
        products = product(output[1:]) * weights
        useful = products
        if any(map(any, pad)) and self._padding_mode() == "zeros":
            before = [pair[0] for pair in pad]
            useful = channels * per_output
            useful *= product(each_axis(useful_products, x[1:], kernel, stride, dilation, output[1:], before))
        return Cost(
            params=weights + channels if self.bias else weights,
            ops=accumulate(products),
            macs=products,
            useful_mults=useful,
        )

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        x = inputs[0]
        _, groups, kernel, stride, pad, dilation = self.geometry(x)
        sized = vars(self).get("padding") == "same"
        windows = sliding(kernel, stride, pad, dilation, self._padding_mode(), sized=sized)
        return ((grouped(x, outputs[0], windows, groups),),)

    def _padding_mode(self) -> str:
        """Return what the padding holds: zeros, where the type has no other or the layer was made without saying."""
        mode: str = vars(self).get("padding_mode", "zeros")
        return mode


class Conv(_Convolution, type="conv"):
    """A convolution; with `groups` a grouped one.

    mul = add = Dp² · N · (M/g) · Dk², params = N · (M/g) · Dk² (+ N with bias).

    Source: Howard et al. 2017, arXiv:1704.04861, equation 2 and section 3.1;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"Conv2d": "PyTorch", "Conv2D": "Keras", "convolution": "Caffe"}

    out_channels: int = _OUT_CHANNELS
    kernel_size: tuple[int, ...] = _KERNEL_SIZE
    stride: tuple[int, ...] = _STRIDE
    padding: Any = _PADDING
    padding_mode: str = _PADDING_MODE
    dilation: tuple[int, ...] = _DILATION
    groups: int = _GROUPS

    def geometry(self, x: Shape) -> Any:
        pad = amounts(self.padding, x[1:], self.kernel_size, self.stride, self.dilation)
        return self.out_channels, self.groups, self.kernel_size, self.stride, pad, self.dilation


class DepthwiseConv(_Convolution, type="depthwise_conv"):
    """A convolution with one kernel, or m of them, for each input channel.

    mul = add = Dp² · m·M · Dk², params = m·M · Dk² (+ m·M with bias).

    Source: Howard et al. 2017, arXiv:1704.04861, equations 3 and 4.
    """

    words: ClassVar[Mapping[str, str]] = {"DepthwiseConv2D": "Keras", "dwconv": "many papers", "dw_conv": "many papers"}

    channels = SAME

    kernel_size: tuple[int, ...] = _KERNEL_SIZE
    depth_multiplier: int = _DEPTH_MULTIPLIER
    stride: tuple[int, ...] = _STRIDE
    padding: Any = _PADDING
    padding_mode: str = _PADDING_MODE
    dilation: tuple[int, ...] = _DILATION

    def geometry(self, x: Shape) -> Any:
        pad = amounts(self.padding, x[1:], self.kernel_size, self.stride, self.dilation)
        return self.depth_multiplier * x[0], x[0], self.kernel_size, self.stride, pad, self.dilation


class PointwiseConv(_Convolution, type="pointwise_conv"):
    """A 1×1 convolution: each output channel mixes the input channels of one position.

    mul = add = Dp² · N · (M/g), params = N · (M/g) (+ N with bias).

    Source: Howard et al. 2017, arXiv:1704.04861, section 3.1.
    """

    words: ClassVar[Mapping[str, str]] = {"conv1x1": "torchvision", "pwconv": "many papers"}

    out_channels: int = _OUT_CHANNELS
    stride: tuple[int, ...] = _STRIDE
    groups: int = _GROUPS

    def geometry(self, x: Shape) -> Any:
        ones = (1,) * len(self.stride)
        return self.out_channels, self.groups, ones, self.stride, ((0, 0),) * len(ones), ones


class SeparableConv(LayerType, type="separable_conv"):
    """A depthwise convolution and the pointwise one that mixes its channels: two layers.

    mul = Dp² · m·M · Dk² + Dp² · m·M · N, which is m/N + m/Dk² of the standard convolution. `bias` serves both stages,
    `mid_bias` the first alone: Keras has a bias behind the second stage only, `mid_bias: false`.

    Source: Howard et al. 2017, arXiv:1704.04861, equation 5.
    """

    words: ClassVar[Mapping[str, str]] = {"SeparableConv2D": "Keras", "sepconv": "many papers"}

    takes = SPATIAL
    weights = True
    macs = True
    channels = MIXES
    composite = True
    checked = ("in_channels",)

    out_channels: int = _OUT_CHANNELS
    kernel_size: tuple[int, ...] = _KERNEL_SIZE
    depth_multiplier: int = _DEPTH_MULTIPLIER
    stride: tuple[int, ...] = _STRIDE
    padding: Any = _PADDING
    padding_mode: str = _PADDING_MODE
    dilation: tuple[int, ...] = _DILATION
    bias: bool = _BIAS
    mid_bias: bool | None = field(flag, None, "Whether the depthwise stage has a bias; as `bias` says without it.")

    def stages(self) -> tuple[tuple[str, str, dict[str, Any]], ...]:
        depthwise = {name: getattr(self, name) for name in DepthwiseConv.fields}
        if self.mid_bias is not None:
            depthwise["bias"] = self.mid_bias
        pointwise = {
            "out_channels": self.out_channels,
            "stride": (1,) * len(self.stride),
            "groups": 1,
            "bias": self.bias,
        }
        return ("depthwise", "depthwise_conv", depthwise), ("pointwise", "pointwise_conv", pointwise)


class TransposedConv(LayerType, type="transposed_conv"):
    """A transposed convolution: each input value meets each kernel value once, and the products that meet add up.

    mul = add = Di² · M · (N/g) · Dk² with Di the **input** size, params = M · (N/g) · Dk² (+ N with bias). Products in
    the margin that `padding` crops are computed too; `useful_mults` leaves them out.

    Source: Dumoulin and Visin 2016, arXiv:1603.07285, chapter 4;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "ConvTranspose2d": "PyTorch",
        "Conv2DTranspose": "Keras",
        "ConvTranspose": "ONNX",
        "deconv": "many papers",
        "deconvolution": "Caffe",
        "upconv": "many papers",
    }

    takes = SPATIAL
    weights = True
    macs = True
    channels = MIXES
    checked = ("in_channels",)

    out_channels: int = _OUT_CHANNELS
    kernel_size: tuple[int, ...] = _KERNEL_SIZE
    stride: tuple[int, ...] = _STRIDE
    padding: tuple[Pair, ...] = field(padding_amounts, 0, "What is cropped off the output.", letter="p")
    output_padding: tuple[int, ...] = field(per_axis(0), 0, "What is added behind each axis of the output.", letter="o")
    dilation: tuple[int, ...] = _DILATION
    groups: int = _GROUPS
    bias: bool = _BIAS

    def output_shape(self, *inputs: Shape) -> Shape:
        sizes = []
        for i, k, s, pad, extra, d in self._axes(inputs[0]):
            if extra > 0 and extra >= s and extra >= d:
                raise LayerError(
                    "output_padding must be smaller than the stride or the dilation",
                    f"output_padding {extra}, stride {s}, dilation {d}",
                    field="output_padding",
                )
            size = (i - 1) * s + d * (k - 1) + 1 - pad[0] - pad[1] + extra
            if size < 1:
                raise LayerError(
                    "padding must leave something of the output",
                    f"it crops {pad[0] + pad[1]} of {size + pad[0] + pad[1]}",
                    field="padding",
                )
            sizes.append(size)
        check_groups(self.groups, inputs[0][0], (self.out_channels, *sizes))
        return (self.out_channels, *sizes)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        pairs = x[0] * (self.out_channels // self.groups)
        weights = pairs * product(self.kernel_size)
        products = product(x[1:]) * weights
        useful = pairs
        for i, k, s, pad, extra, d in self._axes(x):
            behind = max(0, pad[1] - extra)
            useful *= i * k - corner(pad[0], s, d, i, k) - corner(behind, s, d, i, k)
        return Cost(
            params=weights + self.out_channels if self.bias else weights,
            ops=accumulate(products),
            macs=products,
            useful_mults=useful,
        )

    def step(self, axis: int) -> Fraction:
        return Fraction(1, self.stride[axis - 1])

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings | None:
        (x,) = inputs
        windows = {}
        for axis, (_, kernel, stride, pad, extra, dilation) in enumerate(self._axes(x), 1):
            window = transposed(stride, kernel, dilation, pad[0], cuts=pad[1] > extra)
            if window is None:
                return None
            windows[axis] = window
        return ((grouped(x, outputs[0], windows, self.groups),),)

    def _axes(self, x: Shape) -> Any:
        return zip(x[1:], self.kernel_size, self.stride, self.padding, self.output_padding, self.dilation, strict=True)


def check_padding(mode: str, sizes: Shape, pad: tuple[Pair, ...], output: Shape) -> None:
    """Refuse a padding that holds more values than the input has.

    Args:
        mode: What the padding holds.
        sizes: The spatial sizes of the input.
        pad: Its amounts, before and after each axis.
        output: The output shape.

    Raises:
        LayerError: A reflected padding is as large as its axis, or a circular one larger.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
    """
    if mode not in ("reflect", "circular"):
        return
    for size, (before, after) in zip(sizes, pad, strict=True):
        for amount in (before, after):
            if amount > size - (mode == "reflect"):
                least = "smaller than" if mode == "reflect" else "at most"
                message = f"padding_mode {mode}: the padding must be {least} the input"
                raise LayerError(message, f"padding {amount}, size {size}", field="padding", output=output)


def check_groups(groups: int, inputs: int, output: Shape) -> None:
    """Refuse groups that do not divide the channels of the input and the output.

    Raises:
        LayerError: They do not.
    """
    for name, channels in ("in_channels", inputs), ("out_channels", output[0]):
        if groups is not channels and (groups.__class__ is not int or groups != 1) and channels % groups:
            raise LayerError(
                f"groups must divide {name}",
                f"{groups} does not divide {channels}",
                field="groups",
                help="" if is_symbolic(channels) or is_symbolic(groups) else _near(groups, channels),
                output=output,
            )


def _near(groups: int, channels: int) -> str:
    near = _divisors_near(groups, channels)
    if len(near) == 1:
        return f"the divisor of {channels} near {groups} is {near[0]}"
    return f"the divisors of {channels} near {groups} are {near[0]} and {near[1]}"


def _divisors_near(number: int, whole: int) -> list[int]:
    """Return the nearest divisors of `whole` below and above `number`, looking a little way only."""
    below = next((n for n in range(min(number, whole), max(0, number - 10_000), -1) if whole % n == 0), 1)
    above = next((n for n in range(number, min(whole, number + 10_000) + 1) if whole % n == 0), whole)
    return [below, above] if below < above else [below]
