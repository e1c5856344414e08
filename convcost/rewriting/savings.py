"""What a rewrite costs of the form that it replaces, as a formula: the quotient of the costs that layer types give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from convcost.layers import REGISTRY, Shape
from convcost.network import Layer, Tensor
from convcost.ops import Cost
from convcost.rewriting.base import Part
from convcost.rewriting.rewrites import named
from convcost.symbolic import symbol

LETTERS = "N output channels, M input channels, Dk kernel size, g groups, H and W what is flattened"


class Saving(Struct, frozen=True):
    """A rewrite's share of the old cost, in symbols: its parameters without bias, and its multiplications.

    Both for stride 1 and an output as large as the input.
    """

    params: Any
    mults: Any


def saving(name: str) -> Saving:
    """Return the cost of a rewrite's form as a share of the form that it replaces.

    >>> saving("separable")
    Saving(params=1/N + 1/Dk², mults=1/N + 1/Dk²)
    """
    if name == "fully_convolutional":
        return _of_linear()
    if name == "standard":
        forth = saving("separable")
        return Saving(1 / forth.params, 1 / forth.mults)
    rewrite = named(name)
    inputs: Any = symbol("M", whole=True)  # symbols stand where the types say int
    if "groups" in rewrite.defaults:
        rewrite.options["groups"] = symbol("g", whole=True)
        inputs = inputs * rewrite.options["groups"]  # so many that the groups divide them
    # so many output channels that 8 divides them, which is all that bottlenecks and fire modules ask for
    outputs: Any = symbol("N", multiple_of=8)
    size: Any = symbol("Dp", whole=True)
    kernel = rewrite.example.get("Dk", symbol("Dk", whole=True))
    fields = {"out_channels": outputs, "kernel_size": (kernel, kernel), "stride": (1, 1), "padding": _NONE}
    fields |= {"dilation": (1, 1), "groups": 1, "bias": False}
    x = (inputs, size, size)
    definition = REGISTRY["conv"](fields)
    layer = Layer(("conv",), "conv", definition, (Tensor(x),), (Tensor((outputs, size, size), 0),))
    before, _ = _cost("conv", fields, x)
    after, _ = _chain(rewrite.parts(layer), x)
    return Saving(after.params / before.params, after.mults / before.mults)


_NONE = ((0, 0), (0, 0))


def _chain(parts: tuple[Part, ...], x: Shape) -> tuple[Cost, Shape]:
    cost = Cost()
    for part in parts:
        if part.branches:
            ends = [_chain(branch, x) for branch in part.branches]
            cost = sum((each for each, _ in ends), cost)
            x = (sum(shape[0] for _, shape in ends), *x[1:])
            continue
        definition = REGISTRY[part.type]
        single = ((part.label, part.type, part.fields),)
        for _, type, fields in definition(part.fields).stages() if definition.composite else single:
            each, x = _cost(type, fields, x)
            cost = cost + each
    return cost, x


def _cost(type: str, fields: Mapping[str, Any], x: Shape) -> tuple[Cost, Shape]:
    """Return a layer's cost and output where the output is as large as the input."""
    channels = fields["out_channels"] if "out_channels" in fields else x[0] * fields.get("depth_multiplier", 1)
    output = (channels, *x[1:])
    return REGISTRY[type]({**fields, "padding": _NONE}).cost((x,), output), output


def _of_linear() -> Saving:
    """Return the cost of a 1×1 convolution at every position as a share of the linear layer on all values."""
    symbols: list[Any] = [symbol(name, whole=True) for name in "CNHW"]
    channels, outputs, height, width = symbols
    linear = REGISTRY["linear"]({"out_features": outputs, "bias": False})
    before = linear.cost(((channels * height * width,),), (outputs,))
    fields = {"out_channels": outputs, "stride": (1, 1), "groups": 1, "bias": False}
    after, _ = _cost("pointwise_conv", fields, (channels, height, width))
    return Saving(after.params / before.params, after.mults / before.mults)
