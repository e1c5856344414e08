"""Activations: each says its ledger per value. Counts never depend on the values."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import Activation, LayerError, Trials
from convcost.layers.fields import GROUPS, axis, field, number, whole, word
from convcost.layers.layout import Shape
from convcost.ops import Cost, Ledger, maximum_of, product, total_of


class _PerValue(Activation):
    per_value: ClassVar[Ledger]

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        ops = self.per_value * product(output)
        return Cost(ops=ops, useful_mults=ops.mul)


class Relu(_PerValue, type="relu"):
    """max(0, x): cmp 1 per value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html
    """

    words: ClassVar[Mapping[str, str]] = {"ReLU": "PyTorch and Keras"}

    per_value = Ledger(cmp=1)


class Relu6(_PerValue, type="relu6"):
    """min(max(0, x), 6): cmp 2 per value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU6.html
    """

    words: ClassVar[Mapping[str, str]] = {"ReLU6": "PyTorch"}

    per_value = Ledger(cmp=2)


class LeakyRelu(_PerValue, type="leaky_relu"):
    """x or negative_slope · x: cmp 1, mul 1 per value, whatever its sign.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html
    """

    words: ClassVar[Mapping[str, str]] = {"LeakyReLU": "PyTorch and Keras", "lrelu": "many papers"}

    negative_slope: Any = field(number, Fraction(1, 100), "The factor of negative values; no count changes.")
    per_value = Ledger(cmp=1, mul=1)


class Prelu(_PerValue, type="prelu"):
    """x or a · x with a learned: cmp 1, mul 1 per value, whatever its sign; params = num_parameters.

    Source: He et al. 2015, arXiv:1502.01852, equation 1;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.PReLU.html
    """

    words: ClassVar[Mapping[str, str]] = {"PReLU": "PyTorch and Keras"}

    axis: int = field(axis, None, "The axis of the channels; by the layout without it.")
    num_parameters: int = field(whole(1), 1, "The learned factors: 1, or one per channel.", role=GROUPS)
    per_value = Ledger(cmp=1, mul=1)

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.num_parameters not in (1, x[self.axis]):
            raise LayerError(
                "num_parameters must be 1 or the number of channels",
                f"{self.num_parameters}, the input has {x[self.axis]} channels",
                field="num_parameters",
                output=x,
            )
        return x

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"axis": axis, "num_parameters": number}, (shape,))
            for axes in range(4)
            for shape in combinations((1, 2, 3), repeat=axes + 1)
            for axis in dict.fromkeys((0, axes))
            for number in dict.fromkeys((1, shape[axis]))
        ]
        return Trials("channels, sizes", "vectors, 1–3 axes, one parameter and one a channel, first or last", points)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return super().cost(inputs, output) + Cost(params=self.num_parameters)


class Sigmoid(_PerValue, type="sigmoid"):
    """eˣ / (1 + eˣ): exp 1, add 1, div 1 per value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html
    """

    words: ClassVar[Mapping[str, str]] = {"Sigmoid": "PyTorch", "logistic": "TensorFlow Lite"}

    per_value = Ledger(exp=1, add=1, div=1)


class Tanh(_PerValue, type="tanh"):
    """tanh(x): tanh 1 per value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Tanh.html
    """

    words: ClassVar[Mapping[str, str]] = {"Tanh": "PyTorch"}

    per_value = Ledger(tanh=1)


class HardSigmoid(_PerValue, type="hard_sigmoid"):
    """relu6(x + 3) / 6: add 1, cmp 2, div 1 per value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardsigmoid.html
    """

    words: ClassVar[Mapping[str, str]] = {"Hardsigmoid": "PyTorch", "hsigmoid": "many papers"}

    per_value = Ledger(add=1, cmp=2, div=1)


class HardSwish(_PerValue, type="hard_swish"):
    """x · relu6(x + 3) / 6: add 1, cmp 2, mul 1, div 1 per value.

    Source: Howard et al. 2019, arXiv:1905.02244, section 5.2;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardswish.html
    """

    words: ClassVar[Mapping[str, str]] = {"Hardswish": "PyTorch", "hswish": "many papers", "h_swish": "many papers"}

    per_value = Ledger(add=1, cmp=2, mul=1, div=1)


class Silu(_PerValue, type="silu"):
    """x · eˣ / (1 + eˣ): exp 1, add 1, div 1, mul 1 per value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.SiLU.html
    """

    words: ClassVar[Mapping[str, str]] = {"SiLU": "PyTorch", "swish": "Keras"}

    per_value = Ledger(exp=1, add=1, div=1, mul=1)


class Gelu(Activation, type="gelu"):
    """½ · x · (1 + erf(x · 1/√2)): mul 3, add 1, erf 1 per value.

    With `approximate: tanh`, ½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x · x · x))): mul 6, add 2, tanh 1.

    Source: Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.GELU.html
    """

    words: ClassVar[Mapping[str, str]] = {"GELU": "PyTorch"}

    approximate: str = field(word("none", "tanh"), "none", "Whether tanh takes the place of erf.")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        exact = self.approximate == "none"
        per_value = Ledger(mul=3, add=1, erf=1) if exact else Ledger(mul=6, add=2, tanh=1)
        ops = per_value * product(output)
        return Cost(ops=ops, useful_mults=ops.mul)


class Softmax(Activation, type="softmax"):
    """The softmax over the channels at each position, or over another axis.

    For n channels: the largest (cmp n − 1), its difference to each (add n), exp n, their sum (add n), div n.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax.html
    """

    words: ClassVar[Mapping[str, str]] = {"Softmax": "PyTorch and Keras"}

    axis: int = field(axis, None, "The axis over which it sums to 1; the channels without it.")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        n, positions = output[self.axis], product(output[: self.axis]) * product(output[self.axis + 1 :])
        return Cost(ops=(maximum_of(n) + total_of(n) + Ledger(add=n, exp=n, div=n)) * positions)
