"""What a separable convolution costs of the standard one with the same shape: `1/N + 1/Dk²`.

The ratio is the quotient of the two costs as the layer types give them. Its first term is the depthwise stage, its
second the pointwise stage.

Source: Howard et al. 2017, arXiv:1704.04861, section 3.1.
"""

from __future__ import annotations

from fractions import Fraction

from msgspec import Struct

from convcost.layers import REGISTRY, Activation, Norm, Shape
from convcost.network import INPUT, Layer, Network


class Ratio(Struct, frozen=True):
    """Multiplications of a separable convolution, as a share of the standard one's.

    Attributes:
        kind: `standard` for a convolution that could be separable, `separable` for one that is.
        formula: The ratio in the papers' letters: N output channels, Dk kernel size, m depth multiplier.
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
    def exact(self) -> Fraction:
        """The ratio."""
        return self.depthwise + self.pointwise

    @property
    def numbers(self) -> str:
        """The formula with its numbers, such as `1/256 + 1/25`."""
        top = self.multiplier
        return f"{top}/{top / self.depthwise} + {top}/{top / self.pointwise}"


def ratios(network: Network, readers: list[int]) -> dict[int, Ratio]:
    """Return the ratio of each layer that has one, by its index.

    A standard convolution has one, and so have both stages of a separable convolution, however it is written: as
    `separable_conv`, or as a depthwise convolution whose output only a pointwise one reads, through norms and
    activations. Kernels of size 1, grouped, transposed and lone depthwise convolutions have none.

    Args:
        network: The network.
        readers: How often each layer's output is read.
    """
    found: dict[int, Ratio] = {}
    pending: dict[int, int] = {}  # a layer whose output is a depthwise stage's, normed and activated: that stage
    for index, layer in enumerate(network.layers):
        type = layer.type
        if type == "conv" and _is_standard(layer):
            found[index] = _standard(layer)
            continue
        if type == "depthwise_conv" or (type == "conv" and _is_depthwise(layer)):
            if readers[index] == 1 and max(layer.fields["kernel_size"]) > 1:
                pending[index] = index
            continue
        if not pending or layer.inputs[0] == INPUT or layer.inputs[0] not in pending:
            continue
        start = pending.pop(layer.inputs[0])
        if issubclass(REGISTRY[type], (Norm, Activation)):
            if readers[index] == 1:
                pending[index] = start
        elif _is_pointwise(layer):
            found[start], found[index] = _separable(network.layers[start], layer)
    return found


def _is_standard(layer: Layer) -> bool:
    return bool(layer.fields["groups"] == 1 and max(layer.fields["kernel_size"]) > 1)


def _is_depthwise(layer: Layer) -> bool:
    return bool(1 < layer.fields["groups"] == layer.input_shapes[0][0])


def _is_pointwise(layer: Layer) -> bool:
    if layer.type not in ("pointwise_conv", "conv"):
        return False
    fields = layer.fields
    kernel = fields.get("kernel_size", (1,))
    padded = layer.type == "conv" and fields["padding"] != "same" and any(map(any, fields["padding"]))
    return fields["groups"] == 1 and max(kernel) == 1 and max(fields["stride"]) == 1 and not padded


def _standard(layer: Layer) -> Ratio:
    channels = layer.output_shape[0]
    return _ratio("standard", layer, channels, 1, layer.output_shape)[0]


def _separable(depthwise: Layer, pointwise: Layer) -> tuple[Ratio, Ratio]:
    multiplier = depthwise.output_shape[0] // depthwise.input_shapes[0][0]
    return _ratio("separable", depthwise, pointwise.output_shape[0], multiplier, depthwise.output_shape)


def _ratio(kind: str, layer: Layer, channels: int, multiplier: int, output: Shape) -> tuple[Ratio, Ratio]:
    """Return the ratio for the window of `layer` with `channels` output channels, once with each stage's term."""
    (x,) = layer.input_shapes
    window = {name: layer.fields[name] for name in ("kernel_size", "stride", "padding", "dilation")}
    middle, final = (multiplier * x[0], *output[1:]), (channels, *output[1:])
    full = _mults("conv", window | {"out_channels": channels, "groups": 1, "bias": False}, x, final)
    depthwise = _mults("depthwise_conv", window | {"depth_multiplier": multiplier, "bias": False}, x, middle)
    ones = (1,) * (len(x) - 1)
    mixing = {"out_channels": channels, "stride": ones, "groups": 1, "bias": False}
    pointwise = _mults("pointwise_conv", mixing, middle, final)
    top = "1" if multiplier == 1 else "m"
    terms = f"{top}/N", f"{top}/{_kernel(layer.fields['kernel_size'])}"
    shares = Fraction(depthwise, full), Fraction(pointwise, full)
    formula = " + ".join(terms)
    if kind == "standard":
        ratio = Ratio(kind, formula, *shares, multiplier, None)
        return ratio, ratio
    return (
        Ratio(kind, formula, *shares, multiplier, terms[0]),
        Ratio(kind, formula, *shares, multiplier, terms[1]),
    )


def _mults(type: str, fields: dict[str, object], x: Shape, output: Shape) -> int:
    return REGISTRY[type](fields).cost((x,), output).mults


def _kernel(sizes: tuple[int, ...]) -> str:
    if len(sizes) == 1:
        return "Dk"
    if len(set(sizes)) == 1:
        return f"Dk{'²³'[len(sizes) - 2]}"
    return "(" + "·".join(f"Dk{axis}" for axis in "dhw"[3 - len(sizes) :]) + ")"
