"""Normalisation, and the learned factor per channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from convcost.layers.base import LayerType, Norm
from convcost.layers.fields import GROUPS, TIMES, axes, axis, field, flag, number, whole
from convcost.layers.inputs import LayerError
from convcost.layers.layout import Shape
from convcost.layers.reading import SAME, AxisWindow, Reading, Readings, Same, along
from convcost.layers.reading import axes as axes_of
from convcost.ops import Cost, Ledger, average_of, product, standardise, total_of

_AFFINE = field(flag, True, "Whether a factor and a shift per channel are learned.")
_AXIS = field(axis, None, "The axis of the channels; by the layout without it.")
_BIAS = field(flag, True, "Whether `affine` learns a shift beside the factor.")
_TOGETHER = field(axes, None, "The axes that are normalised together; the channels without it.")
_EPS = field(number, Fraction(1, 100_000), "What is added to the variance; no count changes.")


class BatchNorm(Norm, type="batch_norm"):
    """A batch norm at inference: scale and shift by the running statistics.

    One `mul` and one `add` per value, unless it folds into the convolution or linear layer before it; then nothing.
    The factor and the shift are prepared once per channel. params = 2·C with `affine`, C less without `scale` or
    without `bias`; buffers = 2·C.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 2;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"BatchNorm2d": "PyTorch", "BatchNormalization": "Keras", "bn": "many papers"}

    checked = ("num_features",)
    folds = True
    in_place = True
    unknown_axis = 0

    axis: int = _AXIS
    affine: bool = _AFFINE
    scale: bool = field(flag, True, "Whether `affine` learns a factor beside the shift.")
    bias: bool = _BIAS
    eps: Any = _EPS
    momentum: Any = field(number, Fraction(1, 10), "How fast the running statistics follow; no count changes.")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        channels, values = output[self.axis], product(output)
        return Cost(
            params=channels * (self.scale + self.bias) if self.affine else 0,
            buffers=2 * channels,
            ops=Ledger(mul=values, add=values),
            useful_mults=values,
        )


class LayerNorm(Norm, type="layer_norm"):
    """A layer norm over the channels at each position, or over all axes that `axis` names.

    For n channels: add 3n + 1, mul n, div n + 2, sqrt 1, and with `affine` mul n and add n more; params = 2n with
    `affine`. Without `bias` there is no shift: add n and n params less.

    Source: Ba et al. 2016, arXiv:1607.06450; over channels as in Liu et al. 2022, arXiv:2201.03545, section 2.6;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
    """

    words: ClassVar[Mapping[str, str]] = {"LayerNorm": "PyTorch", "LayerNormalization": "Keras", "ln": "many papers"}

    checked = ("normalized_shape",)
    unknown_axis = -1

    axis: tuple[int, ...] = _TOGETHER
    affine: bool = _AFFINE
    bias: bool = _BIAS
    eps: Any = _EPS

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        return (_standardised_together(inputs[0], self.axis),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        group, groups = _grouped(output, self.axis)
        return _standardised(output, group, groups) + _learned(output, group, self.affine, self.bias)


class GroupNorm(Norm, type="group_norm"):
    """A group norm: each group of channels is standardised over its channels and positions.

    For a group of n values: add 3n + 1, mul n, div n + 2, sqrt 1, and with `affine` mul n and add n more; params = 2·C
    with `affine`. Without `bias` there is no shift: add n and C params less.

    A group may be one value, which becomes its shift. PyTorch refuses that for a batch of one only, because it is of no
    use in training; counts are those of one input of any batch.

    Source: Wu and He 2018, arXiv:1803.08494, equations 1 – 2 and 6;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html
    """

    words: ClassVar[Mapping[str, str]] = {"GroupNorm": "PyTorch", "GroupNormalization": "Keras", "gn": "many papers"}

    checked = ("num_channels",)

    unknown_axis = 0

    axis: int = _AXIS
    num_groups: int = field(whole(1), about="How many groups of channels there are.", letter="g", role=GROUPS)
    affine: bool = _AFFINE
    bias: bool = _BIAS
    eps: Any = _EPS

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x[self.axis] % self.num_groups:
            raise LayerError(
                "num_groups must divide the channels",
                f"{self.num_groups} does not divide {x[self.axis]}",
                field="num_groups",
                output=x,
            )
        return x

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        groups, each = ("g", self.num_groups), x[self.axis] // self.num_groups
        others = product(x[: self.axis]) * product(x[self.axis + 1 :])
        if each.__class__ is int and others.__class__ is int and each * others == 1:
            return ((),)
        before = [((groups, ("ci", each)) if axis == self.axis else own) for axis, own in enumerate(axes_of(x))]
        after = [
            ((groups, ("co", each)) if axis == self.axis else ((f"new{axis}", size),)) for axis, size in enumerate(x)
        ]
        return ((SAME, Reading(tuple(before), tuple(after))),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        channels, positions = _grouped(output, (self.axis,))
        ops = _standardised(output, channels // self.num_groups * positions, self.num_groups)
        return ops + _learned(output, channels, self.affine, self.bias)


class InstanceNorm(Norm, type="instance_norm"):
    """An instance norm: each channel is standardised over its positions, by their own mean and variance.

    For a channel of n positions: add 3n + 1, mul n, div n + 2, sqrt 1, and with `affine` mul n and add n more;
    params = 2·C with `affine`. It is a `group_norm` with a group for each channel.

    A channel may have one position, which becomes its shift; PyTorch refuses that, as it is of no use.

    Source: Ulyanov et al. 2016, arXiv:1607.08022, equation 5;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"InstanceNorm2d": "PyTorch", "InstanceNormalization": "ONNX"}

    checked = ("num_features",)
    unknown_axis = 0

    axis: int = _AXIS
    affine: bool = field(flag, False, "Whether a factor and a shift per channel are learned.")
    eps: Any = _EPS

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        every = [axis for axis in range(len(inputs[0])) if axis != self.axis]
        return (_standardised_together(inputs[0], every),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        channels, positions = _grouped(output, (self.axis,))
        return _standardised(output, positions, channels) + _learned(output, channels, self.affine, True)


class RmsNorm(Norm, type="rms_norm"):
    """A root mean square norm over the channels at each position, or over all axes that `axis` names.

    For n channels: their squares (mul n), the mean of these (add n, div 1), eps added (add 1), its root (sqrt 1), and
    div n: add n + 1, mul n, div n + 1, sqrt 1; with `affine` mul n more, and n params.

    Source: Zhang and Sennrich 2019, arXiv:1910.07467, equation 4;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "RMSNorm": "PyTorch",
        "RMSNormalization": "Keras",
        "T5LayerNorm": "Hugging Face",
    }

    checked = ("normalized_shape",)
    unknown_axis = -1

    axis: tuple[int, ...] = _TOGETHER
    affine: bool = field(flag, True, "Whether a factor per channel is learned.")
    eps: Any = field(number, Fraction(1, 2**23), "What is added to the mean square; no count changes.")

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        return (_together(inputs[0], self.axis),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        group, groups = _grouped(output, self.axis)
        values = product(output)
        ops = (average_of(group) + Ledger(mul=group, add=1, sqrt=1, div=group)) * groups
        normalised = Cost(ops=ops, useful_mults=values)
        return normalised + _learned(output, group, self.affine, False)


class L2Normalize(LayerType, type="l2_normalize"):
    """The channels at each position divided by their Euclidean length, which is at least eps.

    For n channels: their squares (mul n), the sum of these (add n), its root (sqrt 1), the larger of it and eps (cmp
    1), and div n.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "normalize": "PyTorch",
        "UnitNormalization": "Keras",
        "LpNormalization": "ONNX",
        "l2_norm": "many papers",
    }

    axis: tuple[int, ...] = _TOGETHER
    eps: Any = field(number, Fraction(1, 10**12), "The least that is divided by; no count changes.")

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        return (_together(inputs[0], self.axis),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        group, groups = _grouped(output, self.axis)
        ops = (total_of(group) + Ledger(mul=group, sqrt=1, cmp=1, div=group)) * groups
        return Cost(ops=ops, useful_mults=ops.mul)


class Standardize(LayerType, type="standardize"):
    """Each channel less its mean, over its deviation; both are given, as those of the data that a network reads.

    Per value add 1 and div 1; per channel the root of its variance (sqrt 1), and the larger of that and eps (cmp 1).
    buffers = 2·C + 1 with `stored`: means, variances, and the number of values that they are of.

    Source: https://keras.io/api/layers/preprocessing_layers/numerical/normalization/
    """

    words: ClassVar[Mapping[str, str]] = {"Normalization": "Keras"}
    in_place = True

    axis: int = _AXIS
    stored: bool = field(flag, True, "Whether the model stores the statistics; else they are constants.")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        channels, values = output[self.axis], product(output)
        ops = Ledger(add=values, div=values, sqrt=channels, cmp=channels)
        return Cost(buffers=2 * channels + 1 if self.stored else 0, ops=ops)


class LocalResponseNorm(Norm, type="local_response_norm"):
    """A local response norm: x / (k + α/size · Σ x²)^β over `size` neighbouring channels.

    Per value: mul 2 (the square, and α/size), add size + 1, pow 1, div 1.

    Source: Krizhevsky et al. 2012, section 3.3;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html
    """

    words: ClassVar[Mapping[str, str]] = {"LocalResponseNorm": "PyTorch", "lrn": "Caffe"}

    unknown_axis = 0

    axis: int = _AXIS
    size: int = field(whole(1), about="The neighbouring channels whose squares are added up.", letter="n", role=TIMES)
    alpha: Any = field(number, Fraction(1, 10_000), "The α of the formula; no count changes.")
    beta: Any = field(number, Fraction(3, 4), "The β of the formula; no count changes.")
    k: Any = field(number, 1, "The k of the formula; no count changes.")

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        return ((SAME, along(x, x, {self.axis: AxisWindow(1, ((-(self.size // 2), 1, self.size),))})),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        values = product(output)
        ops = (total_of(self.size) + Ledger(mul=2, add=1, pow=1, div=1)) * values
        return Cost(ops=ops, useful_mults=ops.mul)


class Scale(LayerType, type="scale"):
    """A learned factor per channel.

    One `mul` per value, params = C; none where the factors are not `learned`.

    Source: Touvron et al. 2021, arXiv:2103.17239, section 2 (LayerScale).
    """

    words: ClassVar[Mapping[str, str]] = {"layer_scale": "timm"}
    in_place = True

    axis: int = _AXIS
    learned: bool = field(flag, True, "Whether the factors are learned; else they are constants.")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        values = product(output)
        return Cost(params=output[self.axis] if self.learned else 0, ops=Ledger(mul=values), useful_mults=values)


def _grouped(output: Shape, axes: tuple[int, ...]) -> tuple[int, int]:
    """Return how many values lie along some axes, and how many along all others."""
    along = product(output[axis] for axis in axes)
    return along, product(size for axis, size in enumerate(output) if axis not in axes)


def _standardised(output: Shape, group: int, groups: int) -> Cost:
    """Return the cost of bringing so many groups of values to mean 0 and variance 1."""
    return Cost(ops=standardise(group) * groups, useful_mults=product(output))


def _learned(output: Shape, count: int, affine: bool, bias: bool) -> Cost:
    """Return the cost of so many learned factors and, with a bias, shifts for all values."""
    if not affine:
        return Cost()
    values = product(output)
    ops = Ledger(mul=values, add=values) if bias else Ledger(mul=values)
    return Cost(params=2 * count if bias else count, ops=ops, useful_mults=values)


def _together(x: Shape, axes: Sequence[int]) -> tuple[Same, Reading]:
    """Return how a value is read that is normalised together with all along some axes."""
    return SAME, along(x, x, every=axes)


def _standardised_together(x: Shape, axes: Sequence[int]) -> Sequence[Same | Reading]:
    """Return how a value is read that is brought to mean 0 with all along some axes; alone it is 0 whatever it was."""
    alone = all(x[axis].__class__ is int and x[axis] == 1 for axis in axes)
    return () if alone else _together(x, axes)
