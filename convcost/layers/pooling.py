"""Pools. Windows are whole, padding and the overhang of `ceil_mode` included."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

from convcost.layers.base import SPATIAL, LayerError, LayerType
from convcost.layers.fields import SIZE, field, flag, padding, per_axis
from convcost.layers.layout import Shape
from convcost.layers.windows import amounts, output_size
from convcost.ops import Cost, Ledger, average_of, gcd, maximum_of, product, total_of


class _Pool(LayerType):
    takes = SPATIAL

    kernel_size: tuple[int, ...] = field(per_axis(1), about="The size of the window.", letter="Dk")
    stride: tuple[int, ...] = field(
        per_axis(1), None, "The step between windows; the kernel size without it.", letter="s"
    )
    padding: Any = field(padding, 0, "What lies around the input, at most half the window.", letter="p")
    ceil_mode: bool = field(flag, False, "Whether the last window may hang over the end.")

    @classmethod
    def complete(cls, fields: dict[str, Any], shape: Shape) -> None:
        if fields["stride"] is None:
            fields["stride"] = fields["kernel_size"]

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        dilation = self._dilation()
        pad = amounts(self.padding, x[1:], self.kernel_size, self.stride, dilation)
        sizes = zip(x[1:], self.kernel_size, self.stride, dilation, pad, strict=True)
        output = (x[0], *(output_size(*axis, ceil_mode=self.ceil_mode) for axis in sizes))
        if self.padding != "same":
            for k, pair in zip(self.kernel_size, self.padding, strict=True):
                if 2 * max(pair) > k:
                    raise LayerError(
                        "a pool's padding must be at most half its kernel",
                        f"padding {max(pair)}, kernel_size {k}",
                        field="padding",
                        help="a wider pool would have windows of padding only; put a pad layer before it",
                        output=output,
                    )
        return output

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(ops=self.window(product(self.kernel_size)) * product(output))

    def window(self, terms: int) -> Ledger:
        """Return the operations of one output value."""
        raise TypeError(f"{self.type} says no window")

    def _dilation(self) -> tuple[int, ...]:
        return (1,) * len(self.kernel_size)


class MaxPool(_Pool, type="max_pool"):
    """The largest value of each window.

    cmp = Dk² − 1 per output value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"MaxPool2d": "PyTorch", "MaxPooling2D": "Keras", "maxpool": "many people"}

    dilation: tuple[int, ...] = field(per_axis(1), 1, "The step from one value of the window to the next.", letter="d")

    def window(self, terms: int) -> Ledger:
        return maximum_of(terms)

    def _dilation(self) -> tuple[int, ...]:
        return self.dilation


class AvgPool(_Pool, type="avg_pool"):
    """The average of each window.

    add = Dk², div = 1 per output value, whatever `count_include_pad` divides by.

    On three axes the rule is that of one and two: a window may be as large as the padded input, and with `ceil_mode`
    hang over. PyTorch's AvgPool3d alone refuses an input smaller than its kernel before padding; the windows, and what
    they cost, are as well defined there, and other frameworks have them.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"AvgPool2d": "PyTorch", "AveragePooling2D": "Keras", "avgpool": "many people"}

    count_include_pad: bool = field(flag, True, "Whether the average counts the padding; no count changes.")

    def window(self, terms: int) -> Ledger:
        return average_of(terms)


class GlobalAvgPool(LayerType, type="global_avg_pool"):
    """The average of each channel: [C, H, W] to [C, 1, 1].

    add = H·W, div = 1 per channel.

    Source: Lin et al. 2013, arXiv:1312.4400, section 3.2.
    """

    words: ClassVar[Mapping[str, str]] = {
        "GlobalAveragePooling2D": "Keras",
        "GlobalAveragePool": "ONNX",
        "gap": "many papers",
    }

    takes = SPATIAL

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return (x[0], *(1 for _ in x[1:]))

    def step(self, axis: int) -> Fraction | None:
        return None

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        return Cost(ops=average_of(product(x[1:])) * x[0])


class AdaptiveAvgPool(LayerType, type="adaptive_avg_pool"):
    """The average of windows laid so that the output has a given size.

    Window a of an axis runs from ⌊a·i/o⌋ to ⌈(a+1)·i/o⌉. Neighbours share a value wherever a·i/o is not whole, which
    happens o − gcd(i, o) times, so the windows of an axis hold i + o − gcd(i, o) values: that many `add` over the
    product of the axes, per channel, and one `div` per output value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"AdaptiveAvgPool2d": "PyTorch"}

    takes = SPATIAL
    sized_windows = True

    output_size: tuple[int, ...] = field(per_axis(1), about="The size of the output.", letter="Dp", role=SIZE)

    def output_shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], *self.output_size)

    def step(self, axis: int) -> Fraction | None:
        return None

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        terms = product(i + o - gcd(i, o) for i, o in zip(x[1:], output[1:], strict=True))
        return Cost(ops=total_of(terms) * x[0] + Ledger(div=1) * product(output))
