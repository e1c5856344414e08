"""Normalisation, and the learned factor per channel."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

from convcost.layers.base import LayerError, LayerType, Norm
from convcost.layers.fields import GROUPS, TIMES, axes, axis, field, flag, number, whole
from convcost.layers.layout import Shape
from convcost.ops import NOTHING, Cost, Ledger, product, standardise, total_of

_AFFINE = field(flag, True, "Whether a factor and a shift per channel are learned.")
_AXIS = field(axis, None, "The axis of the channels; by the layout without it.")
_EPS = field(number, Fraction(1, 100_000), "What is added to the variance; no count changes.")


class BatchNorm(Norm, type="batch_norm"):
    """A batch norm at inference: scale and shift by the running statistics.

    One `mul` and one `add` per value, unless it folds into the convolution or linear layer before it; then nothing.
    The factor and the shift are prepared once per channel. params = 2·C with `affine`, buffers = 2·C.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 2;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
    """

    words: ClassVar[Mapping[str, str]] = {"BatchNorm2d": "PyTorch", "BatchNormalization": "Keras", "bn": "many papers"}

    checked = ("num_features",)
    folds = True
    unknown_axis = 0

    axis: int = _AXIS
    affine: bool = _AFFINE
    eps: Any = _EPS
    momentum: Any = field(number, Fraction(1, 10), "How fast the running statistics follow; no count changes.")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        channels, values = output[self.axis], product(output)
        return Cost(
            params=2 * channels if self.affine else 0,
            buffers=2 * channels,
            ops=Ledger(mul=values, add=values),
            useful_mults=values,
        )


class LayerNorm(Norm, type="layer_norm"):
    """A layer norm over the channels at each position, or over all axes that `axis` names.

    For n channels: add 3n + 1, mul n, div n + 2, sqrt 1, and with `affine` mul n and add n more; params = 2n with
    `affine`.

    Source: Ba et al. 2016, arXiv:1607.06450; over channels as in Liu et al. 2022, arXiv:2201.03545, section 2.6;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
    """

    words: ClassVar[Mapping[str, str]] = {"LayerNorm": "PyTorch", "LayerNormalization": "Keras", "ln": "many papers"}

    checked = ("normalized_shape",)
    unknown_axis = -1

    axis: tuple[int, ...] = field(axes, None, "The axes that are standardised together; the channels without it.")
    affine: bool = _AFFINE
    eps: Any = _EPS

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        group = product(output[axis] for axis in self.axis)
        groups = product(size for axis, size in enumerate(output) if axis not in self.axis)
        return _standardised(output, group, groups, group if self.affine else 0)


class GroupNorm(Norm, type="group_norm"):
    """A group norm: each group of channels is standardised over its channels and positions.

    For a group of n values: add 3n + 1, mul n, div n + 2, sqrt 1, and with `affine` mul n and add n more; params = 2·C
    with `affine`.

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

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        channels = output[self.axis]
        rest = product(size for axis, size in enumerate(output) if axis != self.axis)
        return _standardised(
            output, channels // self.num_groups * rest, self.num_groups, channels if self.affine else 0
        )


class LocalResponseNorm(Norm, type="local_response_norm"):
    """A local response norm: x / (k + α/size · Σ x²)^β over `size` neighbouring channels.

    Per value: mul 2 (the square, and α/size), add size + 1, pow 1, div 1.

    Source: Krizhevsky et al. 2012, section 3.3;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html
    """

    words: ClassVar[Mapping[str, str]] = {"LocalResponseNorm": "PyTorch", "lrn": "Caffe"}

    size: int = field(whole(1), about="The neighbouring channels whose squares are added up.", letter="n", role=TIMES)
    alpha: Any = field(number, Fraction(1, 10_000), "The α of the formula; no count changes.")
    beta: Any = field(number, Fraction(3, 4), "The β of the formula; no count changes.")
    k: Any = field(number, 1, "The k of the formula; no count changes.")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        values = product(output)
        ops = (total_of(self.size) + Ledger(mul=2, add=1, pow=1, div=1)) * values
        return Cost(ops=ops, useful_mults=ops.mul)


class Scale(LayerType, type="scale"):
    """A learned factor per channel.

    One `mul` per value, params = C.

    Source: Touvron et al. 2021, arXiv:2103.17239, section 2 (LayerScale).
    """

    words: ClassVar[Mapping[str, str]] = {"layer_scale": "timm"}

    axis: int = _AXIS

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        values = product(output)
        return Cost(params=output[self.axis], ops=Ledger(mul=values), useful_mults=values)


def _standardised(output: Shape, group: int, groups: int, learned: int) -> Cost:
    """Return the cost of a norm of so many groups of values, with so many learned factors and shifts."""
    values = product(output)
    ops = standardise(group) * groups + (
        Ledger(mul=values, add=values) if learned.__class__ is not int or learned else NOTHING
    )
    return Cost(params=2 * learned, ops=ops, useful_mults=ops.mul)
