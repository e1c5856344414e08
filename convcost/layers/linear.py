"""The fully connected layer."""

from __future__ import annotations

from convcost.layers.base import Layer, Shape
from convcost.layers.fields import field, flag, whole
from convcost.ops import Cost, accumulate


class Linear(Layer, type="linear"):
    """A fully connected layer: [F] to [out_features].

    mul = add = F · out_features, params = F · out_features (+ out_features with bias).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """

    takes = "vector"
    weights = True
    macs = True
    checked = ("in_features", "in_channels")

    out_features: int = field(whole(1), about="The numbers in the output.")
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
