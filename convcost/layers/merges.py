"""Merges: layers with two or more inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from convcost.layers.base import MOVES, LayerError, LayerType, shown
from convcost.layers.fields import axis, field
from convcost.layers.layout import Shape
from convcost.ops import Cost, Ledger, product

_MANY = (2, None)


class _Elementwise(LayerType):
    arity = _MANY
    stretches = True

    def output_shape(self, *inputs: Shape) -> Shape:
        if len({len(shape) for shape in inputs}) > 1:
            raise _mismatch(self.type, "as many axes", inputs)
        sizes = []
        for given in zip(*inputs, strict=True):
            if all(size == given[0] for size in given):
                sizes.append(given[0])
                continue
            wide = {size for size in given if size != 1}
            if len(wide) > 1:
                raise _mismatch(self.type, "the same shape, up to axes of size 1", inputs)
            sizes.append(wide.pop())
        return tuple(sizes)


class Add(_Elementwise, type="add"):
    """The sum of k inputs; axes of size 1 are stretched.

    add = k − 1 per output value.
    """

    words: ClassVar[Mapping[str, str]] = {"sum": "many people", "shortcut": "Darknet", "eltwise": "Caffe"}

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(ops=Ledger(add=len(inputs) - 1) * product(output))


class Multiply(_Elementwise, type="multiply"):
    """The product of k inputs; axes of size 1 are stretched.

    mul = k − 1 per output value.

    Source: Hu et al. 2017, arXiv:1709.01507, equation 4.
    """

    words: ClassVar[Mapping[str, str]] = {"mul": "PyTorch", "multiplication": "many people"}

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        mults = (len(inputs) - 1) * product(output)
        return Cost(ops=Ledger(mul=mults), useful_mults=mults)


class Concat(LayerType, type="concat"):
    """The inputs' channels, one after the other.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.cat.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "cat": "PyTorch",
        "concatenate": "Keras",
        "route": "Darknet",
        "join": "many people",
    }

    arity = _MANY
    note = MOVES

    axis: int = field(axis, None, "The axis along which they are joined; the channels without it.")

    def output_shape(self, *inputs: Shape) -> Shape:
        axis, first = self.axis, inputs[0]
        before, after = first[:axis], first[axis + 1 :]
        for shape in inputs:
            if len(shape) != len(first) or shape[:axis] != before or shape[axis + 1 :] != after:
                what = "the same spatial size" if axis == 0 else f"equal sizes on all axes but {axis}"
                raise _mismatch(self.type, what, inputs)
        return (*before, sum(shape[axis] for shape in inputs), *after)


def _mismatch(type: str, what: str, inputs: tuple[Shape, ...]) -> LayerError:
    names = " and ".join(map(shown, dict.fromkeys(inputs)))
    return LayerError(f"the inputs of {type} must have {what}", names)
