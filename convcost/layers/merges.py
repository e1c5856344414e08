"""Merges: layers with two or more inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from convcost.layers.base import MOVES, LayerType
from convcost.layers.fields import axis, field
from convcost.layers.inputs import LayerError, check_layouts, shown
from convcost.layers.layout import FEATURE_MAP, UNKNOWN, VECTOR, Input, Known, Shape, merged_layout
from convcost.layers.reading import SAME, Reading, Readings, Same, axes, stretched
from convcost.ops import Cost, Ledger, product

_MANY: tuple[int, int | None] = (2, None)


class Elementwise(LayerType):
    """Merges of values with each other: axes of size 1 are stretched to the sizes that other inputs have.

    A vector lies along `axis`. Any other input with fewer axes has sizes of 1 before those that it has.
    """

    arity = _MANY
    stretches = True
    by_layout = True

    axis: int = field(axis, None, "The axis that a vector meets; the channels without it.")

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        widest = max(inputs, key=lambda value: len(value.shape))
        check_layouts(cls.type, inputs)
        rank, layout = len(widest.shape), merged_layout(inputs) or UNKNOWN
        if fields["axis"] is None:  # where nothing is known of the axes, missing ones are the first
            fields["axis"] = 0 if layout == FEATURE_MAP or rank < 2 else rank - 1
        else:
            fields["axis"] = cls._numbered("axis", fields["axis"], [Known(widest.shape, layout)])

    def output_shape(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        for shape in inputs:
            if len(shape) != len(first):
                return self._stretched(self._completed(inputs), inputs)
        return self._stretched(inputs, inputs)

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        layouts = super().layouts(inputs, outputs)
        rank = len(outputs[0])
        if layouts[0] == FEATURE_MAP and any(len(value.shape) != rank and value.layout != VECTOR for value in inputs):
            maps = sum(value.layout == FEATURE_MAP for value in inputs)
            if maps == len(inputs):
                raise _mismatch(self.type, "as many axes", tuple([value.shape for value in inputs]))
            found = " and ".join(f"{shown(value.shape)}, {value.layout}" for value in inputs)
            message = f"{self.type} cannot tell which axes of a feature map the other input has"
            raise LayerError(message, found, help="`reshape` it to as many axes, or `layout: vector` where it was made")
        return layouts

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        output = outputs[0]
        return tuple([(self._reading(x, output),) for x in inputs])

    def _reading(self, x: Shape, output: Shape) -> Reading | Same:
        """Return how one input is read: as it is, or stretched."""
        if x is output or x == output:
            return SAME
        first = self.axis if len(x) == 1 and len(output) > 1 else len(output) - len(x)
        return stretched(x, output, first)

    def _completed(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Return the inputs' shapes with as many axes each."""
        rank = max(map(len, inputs))
        return tuple(
            [
                (1,) * self.axis + shape + (1,) * (rank - 1 - self.axis)
                if len(shape) == 1
                else (1,) * (rank - len(shape)) + shape
                for shape in inputs
            ]
        )

    def _stretched(self, shapes: tuple[Shape, ...], inputs: tuple[Shape, ...]) -> Shape:
        sizes = []
        for given in zip(*shapes, strict=True):
            if all(size == given[0] for size in given):
                sizes.append(given[0])
                continue
            wide = {size for size in given if size != 1}
            if len(wide) > 1:
                what = "the same shape, up to axes of size 1"
                if len(shapes[0]) > 1 and any(len(shape) == 1 for shape in inputs):
                    what += "; a vector as many values as there are channels"
                raise _mismatch(self.type, what, inputs)
            sizes.append(wide.pop())
        return tuple(sizes)


class Add(Elementwise, type="add"):
    """The sum of k inputs; axes of size 1 are stretched, and a vector is added to each position.

    add = k − 1 per output value.
    """

    words: ClassVar[Mapping[str, str]] = {"sum": "many people", "shortcut": "Darknet", "eltwise": "Caffe"}

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(ops=Ledger(add=len(inputs) - 1) * product(output))


class Multiply(Elementwise, type="multiply"):
    """The product of k inputs; axes of size 1 are stretched, and a vector meets each position.

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
    by_layout = True

    axis: int = field(axis, None, "The axis along which they are joined; the channels without it.")

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        check_layouts(cls.type, inputs)
        super().prepare(fields, inputs)

    def output_shape(self, *inputs: Shape) -> Shape:
        axis, first = self.axis, inputs[0]
        before, after = first[:axis], first[axis + 1 :]
        for shape in inputs:
            if len(shape) != len(first) or shape[:axis] != before or shape[axis + 1 :] != after:
                what = "the same spatial size" if axis == 0 else f"equal sizes on all axes but {axis}"
                raise _mismatch(self.type, what, inputs)
        return (*before, sum(shape[axis] for shape in inputs), *after)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        axis, output = self.axis, outputs[0]
        found, start = [], 0
        for x in inputs:
            found.append((Reading(axes(x), axes(x), start=(axis, start, output[axis])),))
            start = start + x[axis]
        return found


def _mismatch(type: str, what: str, inputs: tuple[Shape, ...]) -> LayerError:
    names = " and ".join(map(shown, dict.fromkeys(inputs)))
    return LayerError(f"the inputs of {type} must have {what}", names)
