"""Activations: each says its ledger per value. Counts never depend on the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import Activation, LayerType, Trials
from convcost.layers.fields import GROUPS, axis, field, number, whole, word
from convcost.layers.inputs import LayerError
from convcost.layers.layout import Shape
from convcost.layers.reading import SAME, Reading, Readings, Same, along
from convcost.ops import Cost, Ledger, maximum_of, product, total_of


class _PerValue(Activation):
    in_place = True
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
    in_place = True

    approximate: str = field(word("none", "tanh"), "none", "Whether tanh takes the place of erf.")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        exact = self.approximate == "none"
        per_value = Ledger(mul=3, add=1, erf=1) if exact else Ledger(mul=6, add=2, tanh=1)
        ops = per_value * product(output)
        return Cost(ops=ops, useful_mults=ops.mul)


class HardTanh(_PerValue, type="hard_tanh"):
    """min(max(x, min_val), max_val): cmp 2 per value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardtanh.html
    """

    words: ClassVar[Mapping[str, str]] = {"Hardtanh": "PyTorch", "hardtanh": "PyTorch"}

    min_val: Any = field(number, -1, "The least value; no count changes.")
    max_val: Any = field(number, 1, "The largest value; no count changes.")
    per_value = Ledger(cmp=2)

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.min_val >= self.max_val:
            found = f"min_val {self.min_val}, max_val {self.max_val}"
            raise LayerError("min_val must be below max_val", found, field="min_val", output=x)
        return x


class Elu(_PerValue, type="elu"):
    """x, or α · (eˣ − 1) where x is not positive: cmp 1, exp 1, add 1, mul 1 per value, whatever its sign.

    Source: Clevert et al. 2015, arXiv:1511.07289, equation 16;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.ELU.html
    """

    words: ClassVar[Mapping[str, str]] = {"ELU": "PyTorch and Keras"}

    alpha: Any = field(number, 1, "The α of the formula; no count changes.")
    per_value = Ledger(cmp=1, exp=1, add=1, mul=1)


class Selu(_PerValue, type="selu"):
    """λ · elu(x) with fixed λ and α: cmp 1, exp 1, add 1, mul 2 per value, whatever its sign.

    Source: Klambauer et al. 2017, arXiv:1706.02515, equation 2;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.SELU.html
    """

    words: ClassVar[Mapping[str, str]] = {"SELU": "PyTorch"}

    per_value = Ledger(cmp=1, exp=1, add=1, mul=2)


class Celu(_PerValue, type="celu"):
    """max(0, x) + min(0, α · (e^(x/α) − 1)): cmp 2, div 1, exp 1, mul 1, add 2 per value.

    Source: Barron 2017, arXiv:1704.07483; https://docs.pytorch.org/docs/stable/generated/torch.nn.CELU.html
    """

    words: ClassVar[Mapping[str, str]] = {"CELU": "PyTorch"}

    alpha: Any = field(number, 1, "The α of the formula, not 0; no count changes.")
    per_value = Ledger(cmp=2, div=1, exp=1, mul=1, add=2)

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.alpha.__class__ in (int, Fraction) and self.alpha == 0:
            raise LayerError("alpha must not be 0", "it is divided by", field="alpha", output=x)
        return x


class Softplus(_PerValue, type="softplus"):
    """log(1 + eˣ): exp 1, add 1, log 1 per value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Softplus.html
    """

    words: ClassVar[Mapping[str, str]] = {"Softplus": "PyTorch and ONNX"}

    per_value = Ledger(exp=1, add=1, log=1)


class Softsign(_PerValue, type="softsign"):
    """x / (1 + |x|): abs 1, add 1, div 1 per value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Softsign.html
    """

    words: ClassVar[Mapping[str, str]] = {"Softsign": "PyTorch and ONNX"}

    per_value = Ledger(abs=1, add=1, div=1)


class Mish(_PerValue, type="mish"):
    """x · tanh(log(1 + eˣ)): exp 1, add 1, log 1, tanh 1, mul 1 per value.

    Source: Misra 2019, arXiv:1908.08681, equation 3;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Mish.html
    """

    words: ClassVar[Mapping[str, str]] = {"Mish": "PyTorch"}

    per_value = Ledger(exp=1, add=1, log=1, tanh=1, mul=1)


class Glu(LayerType, type="glu"):
    """The first half of the channels times the sigmoid of the second half.

    Per output value: exp 1, add 1, div 1 and mul 1. The channels are halved, so that `activation` may not name it.

    Source: Dauphin et al. 2016, arXiv:1612.08083, section 2;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.GLU.html
    """

    words: ClassVar[Mapping[str, str]] = {"GLU": "PyTorch", "gated_linear_unit": "many papers"}

    axis: int = field(axis, None, "The axis that is halved; the channels without it.")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        size = x[self.axis]
        if size % 2:
            raise LayerError(f"glu halves axis {self.axis}: its size must be even", f"it is {size}", field="axis")
        return (*x[: self.axis], size // 2, *x[self.axis + 1 :])

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        own = [
            (("half", 2), ("a", size // 2)) if axis == self.axis else ((f"a{axis}", size),)
            for axis, size in enumerate(x)
        ]
        after = [(("a", size),) if axis == self.axis else ((f"a{axis}", size),) for axis, size in enumerate(outputs[0])]
        return ((Reading(tuple(own), tuple(after)),),)

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"axis": axis}, ((*shape[:axis], 2 * shape[axis], *shape[axis + 1 :]),))
            for axes in range(4)
            for shape in combinations((1, 2, 3), repeat=axes + 1)
            for axis in dict.fromkeys((0, axes))
        ]
        return Trials("channels, sizes", "vectors, 1–3 axes, first and last axis", points)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        ops = Ledger(exp=1, add=1, div=1, mul=1) * product(output)
        return Cost(ops=ops, useful_mults=ops.mul)


class Softmax(Activation, type="softmax"):
    """The softmax over the channels at each position, or over another axis.

    For n channels: the largest (cmp n − 1), its difference to each (add n), exp n, their sum (add n), div n.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax.html
    """

    words: ClassVar[Mapping[str, str]] = {"Softmax": "PyTorch and Keras"}

    axis: int = field(axis, None, "The axis over which it sums to 1; the channels without it.")

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        return (_summed(inputs[0], self.axis),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        n, positions = output[self.axis], product(output[: self.axis]) * product(output[self.axis + 1 :])
        return Cost(ops=(maximum_of(n) + total_of(n) + Ledger(add=n, exp=n, div=n)) * positions)


class LogSoftmax(Activation, type="log_softmax"):
    """The logarithm of the softmax over the channels at each position, or over another axis.

    For n channels: the largest (cmp n − 1), its difference to each (add n), exp n, their sum (add n), its logarithm
    (log 1), the difference to that of each (add n).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LogSoftmax.html
    """

    words: ClassVar[Mapping[str, str]] = {"LogSoftmax": "PyTorch and ONNX"}

    axis: int = field(axis, None, "The axis over which the softmax sums to 1; the channels without it.")

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        return (_summed(inputs[0], self.axis),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        n, positions = output[self.axis], product(output[: self.axis]) * product(output[self.axis + 1 :])
        return Cost(ops=(maximum_of(n) + total_of(n) + Ledger(add=2 * n, exp=n, log=1)) * positions)


def _summed(x: Shape, axis: int) -> Sequence[Same | Reading]:
    """Return how a value is read whose sum along an axis is 1: alone it is 1 whatever it was."""
    if x[axis].__class__ is int and x[axis] == 1:
        return ()
    return SAME, along(x, x, every=(axis,))
