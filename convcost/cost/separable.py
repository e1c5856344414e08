"""The cost of a separable convolution as a share of the standard one with the same shape: `1/N + 1/Dk²`.

The ratio is the quotient of the two costs as the layer types give them. Its first term is the depthwise stage, its
second the pointwise stage.

Source: Howard et al. 2017, arXiv:1704.04861, section 3.1.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.layers import REGISTRY, Shape
from convcost.network import Layer, Network
from convcost.network.patterns import is_standard, separable_pairs
from convcost.ops import is_symbolic


class SeparableRatio(Struct, frozen=True):
    """Multiplications of a separable convolution, as a share of the standard one's.

    Attributes:
        kind: `standard` for a convolution that could be separable, `separable` for one that is.
        formula: The ratio in the papers' symbols: N output channels, Dk kernel size, m depth multiplier.
        depthwise: The depthwise stage's part, m/N.
        pointwise: The pointwise stage's part, m/Dk².
        multiplier: The depth multiplier m.
        term: The formula of the row's own part; None on a standard convolution.
    """

    kind: str
    formula: str
    depthwise: Fraction
    pointwise: Fraction
    multiplier: int
    term: str | None

    @property
    def parts(self) -> tuple[Fraction, Fraction]:
        """The parts of both stages."""
        return self.depthwise, self.pointwise

    @property
    def exact(self) -> Fraction:
        """The ratio."""
        return self.depthwise + self.pointwise

    @property
    def numbers(self) -> str:
        """The formula with its numbers, such as `1/256 + 1/25`."""
        if is_symbolic(self.depthwise) or is_symbolic(self.pointwise):
            return f"{self.depthwise} + {self.pointwise}"
        top = self.multiplier
        return f"{top}/{top / self.depthwise} + {top}/{top / self.pointwise}"


def ratios(network: Network, readers: list[int]) -> dict[int, SeparableRatio]:
    """Return the ratio of each layer that has one, by its index.

    A standard convolution has one, and so have both stages of a separable convolution, however it is written: as
    `separable_conv`, or as a depthwise convolution whose output only a pointwise one reads, through norms and
    activations. Kernels of size 1, grouped, transposed and lone depthwise convolutions have none.

    Args:
        network: The network.
        readers: How often each layer's output is read.
    """
    found = {index: _standard(layer) for index, layer in enumerate(network.layers) if is_standard(layer)}
    for pointwise, depthwise in separable_pairs(network, readers).items():
        found[depthwise], found[pointwise] = _separable(network.layers[depthwise], network.layers[pointwise])
    return found


def _standard(layer: Layer) -> SeparableRatio:
    channels = layer.output_shape[0]
    return _ratio("standard", layer, channels, 1)[0]


def _separable(depthwise: Layer, pointwise: Layer) -> tuple[SeparableRatio, SeparableRatio]:
    multiplier = depthwise.fields.get("depth_multiplier") or depthwise.output_shape[0] // depthwise.input_shapes[0][0]
    return _ratio("separable", depthwise, pointwise.output_shape[0], multiplier)


def _ratio(kind: str, layer: Layer, channels: int, multiplier: int) -> tuple[SeparableRatio, SeparableRatio]:
    """Return the ratio for the window of `layer` with `channels` output channels, once with each stage's term.

    It is that of one input channel at one position, which is that of all.
    """
    ones = (1,) * (len(layer.output_shape) - 1)
    x = (1, *ones)
    nothing = ((0, 0),) * len(ones)
    window = {"kernel_size": layer.fields["kernel_size"], "stride": ones, "dilation": ones, "padding": nothing}
    middle, final = (multiplier, *ones), (channels, *ones)
    full = _mults("conv", window | {"out_channels": channels, "groups": 1, "bias": False}, x, final)
    depthwise = _mults("depthwise_conv", window | {"depth_multiplier": multiplier, "bias": False}, x, middle)
    mixing = {"out_channels": channels, "stride": ones, "groups": 1, "bias": False}
    pointwise = _mults("pointwise_conv", mixing, middle, final)
    top = "1" if multiplier == 1 else "m"
    terms = f"{top}/N", f"{top}/{_kernel(layer.fields['kernel_size'])}"
    shares = _share(depthwise, full), _share(pointwise, full)
    formula = " + ".join(terms)
    if kind == "standard":
        ratio = SeparableRatio(kind, formula, *shares, multiplier, None)
        return ratio, ratio
    return (
        SeparableRatio(kind, formula, *shares, multiplier, terms[0]),
        SeparableRatio(kind, formula, *shares, multiplier, terms[1]),
    )


def _share(part: Any, whole: Any) -> Any:
    return part / whole if is_symbolic(part) or is_symbolic(whole) else Fraction(part, whole)


def _mults(type: str, fields: dict[str, object], x: Shape, output: Shape) -> int:
    return REGISTRY[type](fields).cost((x,), output).mults


def _kernel(sizes: tuple[int, ...]) -> str:
    if len(sizes) == 1:
        return "Dk"
    if len(set(sizes)) == 1:
        return f"Dk{'²³'[len(sizes) - 2]}"
    return "(" + "·".join(f"Dk{axis}" for axis in "dhw"[3 - len(sizes) :]) + ")"
