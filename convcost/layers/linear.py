"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from convcost.layers.base import FEATURES, MIXES, LayerType
from convcost.layers.fields import CHANNELS, field, flag, whole
from convcost.layers.layout import Shape
from convcost.ops import Cost, accumulate, product


class Linear(LayerType, type="linear"):
    """A fully connected layer: [F] to [out_features], or [L, F] to [L, out_features] for each of L tokens.

    mul = add = F · out_features per vector, params = F · out_features (+ out_features with bias).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """

    takes = FEATURES
    weights = True
    macs = True
    channels = MIXES
    words: ClassVar[Mapping[str, str]] = {
        "Linear": "PyTorch",
        "Dense": "Keras",
        "fc": "many papers",
        "fully_connected": "TensorFlow",
        "Gemm": "ONNX",
        "InnerProduct": "Caffe",
    }
    checked = ("in_features", "in_channels")

    out_features: int = field(whole(1), about="The numbers in the output.", letter="N", role=CHANNELS)
    bias: bool = field(flag, True, "Whether a learned number is added to each output.")

    def output_shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0][:-1], self.out_features)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        weights = x[-1] * self.out_features
        products = product(x[:-1]) * weights
        return Cost(
            params=weights + self.out_features if self.bias else weights,
            ops=accumulate(products),
            macs=products,
            useful_mults=products,
        )
