"""Pools. Windows are whole, padding and the overhang of `ceil_mode` included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from convcost.layers.base import MOVES, LayerType, Trials
from convcost.layers.fields import SIZE, VARIANT, axis, field, flag, number, padding, per_axis, value_name
from convcost.layers.inputs import POSITIONS, SPATIAL, LayerError, shown
from convcost.layers.layout import VECTOR, Input, Shape
from convcost.layers.reading import AxisWindow, Readings, along, reduced, shared_out, sliding
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

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        dilation = self._dilation()
        pad = amounts(self.padding, x[1:], self.kernel_size, self.stride, dilation)
        windows = sliding(self.kernel_size, self.stride, pad, dilation, sized=self.padding == "same")
        return ((along(x, outputs[0], windows),),)

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

    count_include_pad: bool = field(
        flag, True, "Whether the average counts the padding; no count changes.", role=VARIANT
    )

    def window(self, terms: int) -> Ledger:
        return average_of(terms)


class LpPool(_Pool, type="lp_pool"):
    """The p-norm of each window: the p-th root of the sum of its values to the power of p.

    For a window of n values: with p = 1, add n; with p = 2, mul n, add n, sqrt 1; else pow n + 1, add n. Padding is
    zeros, which ONNX has and PyTorch has not.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html; ONNX, LpPool.
    """

    words: ClassVar[Mapping[str, str]] = {"LPPool2d": "PyTorch", "l2_pool": "many papers"}

    norm_type: Any = field(number, about="The p of the norm, above 0.", role=VARIANT)

    def output_shape(self, *inputs: Shape) -> Shape:
        if self.norm_type <= 0:
            raise LayerError("norm_type must be above 0", f"{self.norm_type}", field="norm_type")
        return super().output_shape(*inputs)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        cost = super().cost(inputs, output)
        return Cost(ops=cost.ops, useful_mults=cost.ops.mul)

    def window(self, terms: int) -> Ledger:
        if self.norm_type == 1:
            return total_of(terms)
        if self.norm_type == 2:
            return total_of(terms) + Ledger(mul=terms, sqrt=1)
        return total_of(terms) + Ledger(pow=terms + 1)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        size, kernel, stride = letter("Di"), letter("Dk"), letter("s")
        window = {"kernel_size": (kernel,) * 2, "stride": (stride,) * 2, "padding": ((0, 0),) * 2}
        return {**window, "ceil_mode": False, "norm_type": 2}, ((letter("M"), size, size),)


class _GlobalPool(LayerType):
    takes = POSITIONS
    unknown_axis = 0

    axis: int = field(axis, None, "The axis of the channels, the first or the last; by the layout without it.")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.axis == 0:
            return (x[0], *(1 for _ in x[1:]))
        if self.axis != len(x) - 1:
            found = f"axis {self.axis} of {shown(x)}"
            raise LayerError("the channels must be the first or the last axis", found, field="axis")
        return (x[-1],)

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        return super().layouts(inputs, outputs) if self.axis == 0 else (VECTOR,)

    def step(self, axis: int) -> Fraction | None:
        return None

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        positions = product(size for place, size in enumerate(x) if place != self.axis)
        return Cost(ops=self.window(positions) * x[self.axis])

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        every = [axis for axis in range(len(x)) if axis != self.axis]
        return ((reduced(x, outputs[0], every, kept=self.axis == 0),),)

    def window(self, terms: int) -> Ledger:
        """Return the operations of one channel."""
        raise TypeError(f"{self.type} says no window")


class GlobalAvgPool(_GlobalPool, type="global_avg_pool"):
    """The average of each channel: [C, H, W] to [C, 1, 1], tokens [L, C] to the vector [C].

    add = H·W, div = 1 per channel.

    Source: Lin et al. 2013, arXiv:1312.4400, section 3.2.
    """

    words: ClassVar[Mapping[str, str]] = {
        "GlobalAveragePooling2D": "Keras",
        "GlobalAveragePool": "ONNX",
        "gap": "many papers",
    }

    def window(self, terms: int) -> Ledger:
        return average_of(terms)


class GlobalMaxPool(_GlobalPool, type="global_max_pool"):
    """The largest value of each channel: [C, H, W] to [C, 1, 1], tokens [L, C] to the vector [C].

    cmp = H·W − 1 per channel.

    Source: https://onnx.ai/onnx/operators/onnx__GlobalMaxPool.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "GlobalMaxPooling2D": "Keras",
        "GlobalMaxPool": "ONNX",
        "gmp": "many papers",
    }

    def window(self, terms: int) -> Ledger:
        return maximum_of(terms)


class _AdaptivePool(LayerType):
    takes = SPATIAL
    sized_windows = True

    output_size: tuple[int, ...] = field(per_axis(1), about="The size of the output.", letter="Dp", role=SIZE)

    def output_shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], *self.output_size)

    def step(self, axis: int) -> Fraction | None:
        return None

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings | None:
        (x,) = inputs
        windows = {}
        for place, (size, out) in enumerate(zip(x[1:], outputs[0][1:], strict=True), 1):
            window = shared_out(size, out)
            if window is None:
                return None
            windows[place] = window
        return ((along(x, outputs[0], windows),),)

    def terms(self, x: Shape, output: Shape) -> int:
        """Return how many values the windows of one channel hold together."""
        return product(i + o - gcd(i, o) for i, o in zip(x[1:], output[1:], strict=True))


class AdaptiveAvgPool(_AdaptivePool, type="adaptive_avg_pool"):
    """The average of windows laid so that the output has a given size.

    Window a of an axis runs from ⌊a·i/o⌋ to ⌈(a+1)·i/o⌉. Neighbours share a value wherever a·i/o is not whole, which
    happens o − gcd(i, o) times, so the windows of an axis hold i + o − gcd(i, o) values: that many `add` over the
    product of the axes, per channel, and one `div` per output value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"AdaptiveAvgPool2d": "PyTorch"}

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        return Cost(ops=total_of(self.terms(x, output)) * x[0] + Ledger(div=1) * product(output))


class AdaptiveMaxPool(_AdaptivePool, type="adaptive_max_pool"):
    """The largest value of windows laid as those of `adaptive_avg_pool`.

    cmp = the values that the windows hold, ∏ (i + o − gcd(i, o)) per channel, less one per output value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"AdaptiveMaxPool2d": "PyTorch"}

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        return Cost(ops=Ledger(cmp=self.terms(x, output) * x[0] - product(output)))


class MaxUnpool(LayerType, type="max_unpool"):
    """Each value back to where a maximum was found, zeros elsewhere: the size of what was pooled, `of`.

    The indices come with the pool, so nothing is compared again.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"MaxUnpool2d": "PyTorch", "unpooling": "many papers"}

    takes = SPATIAL
    note = MOVES

    of: int = field(value_name, about="The value that the max pool read, which gives the size.")

    def output_shape(self, *inputs: Shape) -> Shape:
        x, pooled = inputs
        if len(x) != len(pooled) or x[0] != pooled[0] or any(a > b for a, b in zip(x, pooled, strict=True)):
            message = "max_unpool puts values back into a larger map of as many channels"
            found = f"{shown(x)} reaches it, `of` names {shown(pooled)}"
            raise LayerError(message, found, field="of", help="name what the max_pool read, not what it gave")
        return pooled

    def step(self, axis: int) -> Fraction | None:
        return None

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings | None:
        x, pooled = inputs
        if any(large % small for small, large in zip(x, pooled, strict=True)):
            return None  # windows that overlap are not those that `of` was pooled by
        times = [large // small for small, large in zip(x, pooled, strict=True)]
        own = {axis: AxisWindow(1, ((0, 1, 1),) * each) for axis, each in enumerate(times) if axis}
        compared = {axis: AxisWindow(each, ((0, 1, each),) * each) for axis, each in enumerate(times) if axis}
        readings = along(x, pooled, own, by_value=True), along(pooled, pooled, compared, by_value=True)
        return (readings[:1], readings[1:])

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"of": 1}, ((channels, *sizes), (channels, *[2 * size + more for size in sizes])))
            for channels in (1, 2, 3)
            for sizes in ((1,), (2,), (3,), (2, 3), (1, 1, 2))
            for more in (0, 1)
        ]
        return Trials("channels, sizes", "1–3 axes, twice as large and one more", points)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        small, large = letter("Di"), letter("Dp")
        return {"of": 1}, ((letter("M"), small, small), (letter("M"), large, large))
