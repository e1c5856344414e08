"""Normalisation, and the learned factor per channel."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

from convcost.layers.base import LayerError, LayerType, Norm, Shape
from convcost.layers.fields import GROUPS, TIMES, field, flag, number, whole
from convcost.ops import NOTHING, Cost, Ledger, product, standardise, total_of

_AFFINE = field(flag, True, "Whether a factor and a shift per channel are learned.")
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

    affine: bool = _AFFINE
    eps: Any = _EPS
    momentum: Any = field(number, Fraction(1, 10), "How fast the running statistics follow; no count changes.")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        channels, values = output[0], product(output)
        return Cost(
            params=2 * channels if self.affine else 0,
            buffers=2 * channels,
            ops=Ledger(mul=values, add=values),
            useful_mults=values,
        )


class LayerNorm(Norm, type="layer_norm"):
    """A layer norm over the channels at each position.

    For n channels: add 3n + 1, mul n, div n + 2, sqrt 1, and with `affine` mul n and add n more; params = 2n with
    `affine`.

    Source: Ba et al. 2016, arXiv:1607.06450; over channels as in Liu et al. 2022, arXiv:2201.03545, section 2.6;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
    """

    words: ClassVar[Mapping[str, str]] = {"LayerNorm": "PyTorch", "LayerNormalization": "Keras", "ln": "many papers"}

    checked = ("normalized_shape",)

    affine: bool = _AFFINE
    eps: Any = _EPS

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return _standardised(output, group=output[0], groups=product(output[1:]), affine=self.affine)


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

    num_groups: int = field(whole(1), about="How many groups of channels there are.", letter="g", role=GROUPS)
    affine: bool = _AFFINE
    eps: Any = _EPS

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x[0] % self.num_groups:
            raise LayerError(
                "num_groups must divide the channels",
                f"{self.num_groups} does not divide {x[0]}",
                field="num_groups",
                output=x,
            )
        return x

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        group = output[0] // self.num_groups * product(output[1:])
        return _standardised(output, group=group, groups=self.num_groups, affine=self.affine)


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

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        values = product(output)
        return Cost(params=output[0], ops=Ledger(mul=values), useful_mults=values)


def _standardised(output: Shape, *, group: int, groups: int, affine: bool) -> Cost:
    values = product(output)
    ops = standardise(group) * groups + (Ledger(mul=values, add=values) if affine else NOTHING)
    return Cost(params=2 * output[0] if affine else 0, ops=ops, useful_mults=ops.mul)
