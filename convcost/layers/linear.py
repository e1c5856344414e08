"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from convcost.layers.base import MIXES, LayerType, Shape
from convcost.layers.fields import CHANNELS, field, flag, whole
from convcost.ops import Cost, accumulate


class Linear(LayerType, type="linear"):
    """A fully connected layer: [F] to [out_features].

    mul = add = F · out_features, params = F · out_features (+ out_features with bias).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """

    takes = "vector"
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
        return (self.out_features,)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        weights = inputs[0][0] * self.out_features
        return Cost(
            params=weights + self.out_features if self.bias else weights,
            ops=accumulate(weights),
            macs=weights,
            useful_mults=weights,
        )
