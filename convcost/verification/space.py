"""How small a picture keeps every choice.

Along an axis, sizes shrink by multiples of S, the least common multiple of the steps that the tensors take along the
network's input. So each division by a stride leaves the same remainder as at full size: `same` pads the same amounts,
every floor drops as much. A size fits only while each tensor is shorter by exactly the input's shortening over its step
(which shows that no remainder has changed), no axis of two values or more has become one (a window that moves still
moves, what is stretched still stretches). A size that a field states follows an earlier tensor of that size, where
there is one; windows laid by their number, not as many as their input has values, overlap as they did, because the
remainder by their number stays too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from convcost.layers import LayerError, LayerType, Shape
from convcost.layers.fields import SIZE
from convcost.network import Layer, Network
from convcost.verification.tensors import Numbers


class Axis:
    """One axis of a network behind the channels: how far on the input each tensor steps, and the sizes that fit."""

    def __init__(self, network: Network, axis: int) -> None:
        self._network = network
        self._axis = axis
        self._numbers = Numbers(network)
        shapes = [tensor.shape for tensor in self._numbers.tensors]
        self._sizes = [shape[axis] if len(shape) > axis else None for shape in shapes]
        self._full: int = next(shape[axis] for shape in shapes if len(shape) > axis)
        # inputs of another size than the first keep theirs
        inputs = self._sizes[: len(network.inputs)]
        self._steps: list[Fraction | None] = [Fraction(1) if size == self._full else None for size in inputs]
        self._cycles: list[Fraction] = []  # how far on the input sized windows take to overlap in the same way again
        for layer in network.layers:
            self._steps.append(self._step(layer))

    def smallest(self, taken: Sequence[int] = ()) -> int:
        """Return the smallest size of the input that fits, one that is not taken if it can be, its own at most."""
        size = self._full
        stride = lcm(*[step.numerator for step in (*self._steps, *self._cycles) if step is not None])
        candidates = range(size % stride or stride, size, stride)
        first = bisect_left(candidates, True, key=self._fits)
        fitting = candidates[first:]
        return next((candidate for candidate in fitting if candidate not in taken), fitting[0] if fitting else size)

    def input_size(self, number: int, smallest: int) -> int | None:
        """Return the size of an input of the network where that of the first is the smallest."""
        return smallest if self._steps[number] is not None else self._sizes[number]

    def size(self, index: int, smallest: int) -> int | None:
        """Return the size of what a layer writes where the input's size is the smallest; None where none is known."""
        number = self._numbers.output(index)
        step, full = self._steps[number], self._sizes[number]
        if step is None or full is None:
            return full
        shorter = (self._full - smallest) / step
        return full - int(shorter) if shorter.denominator == 1 and shorter < full else None

    def _fits(self, candidate: int) -> bool:
        axis, numbers = self._axis, self._numbers
        shapes: list[Shape] = [
            with_size(tensor.shape, axis, self.input_size(number, candidate))
            for number, tensor in enumerate(self._network.inputs)
        ]
        for index, layer in enumerate(self._network.layers):
            inputs = [shapes[numbers.of(tensor)] for tensor in layer.inputs]
            try:
                output = layer.definition.output_shape(*inputs)
            except LayerError:
                return False
            number = numbers.output(index)
            full = self._sizes[number]
            if full is not None:
                expected = self.size(index, candidate)
                if size_field(layer.definition):
                    output = with_size(output, axis, expected or 0)
                if len(output) <= axis or not self._overlap(layer, number, inputs[0]):
                    return False
                if (self._steps[number] is not None and output[axis] != expected) or output[axis] < min(2, full):
                    return False
            shapes.append(output)
        return True

    def _overlap(self, layer: Layer, number: int, shape: Shape) -> bool:
        """Return whether sized windows overlap on a smaller input as they did; other layers have none."""
        if not layer.definition.sized_windows or self._steps[number] is not None:
            return True
        small, large, windows = shape[self._axis], layer.input_shapes[0][self._axis], self._sizes[number]
        assert windows is not None
        return (large - small) % windows == 0 and not small <= windows < large

    def _step(self, layer: Layer) -> Fraction | None:
        """Return the step of what a layer writes; None where no position is left, or an unknown size is stated."""
        axis, definition = self._axis, layer.definition
        if len(layer.output_shape) <= axis:
            return None
        known = [step for tensor in layer.inputs if (step := self._steps[self._numbers.of(tensor)]) is not None]
        size = layer.output_shape[axis]
        if definition.sized_windows and known and size != layer.input_shapes[0][axis]:
            self._cycles.append(known[0] * size)
            return None
        if size_field(definition):
            sizes = dict(zip(reversed(self._sizes[: len(self._steps)]), reversed(self._steps), strict=True))
            return sizes.get(size)
        factor = definition.advance(axis)
        return known[0] * factor if known and factor is not None else None


def size_field(definition: LayerType) -> str:
    """Return the field in which a layer states the size of what it writes; nothing where none does."""
    return next((name for name in definition.fields_for(SIZE) if getattr(definition, name) is not None), "")


def with_size(shape: Shape, axis: int, size: int | None) -> Shape:
    """Return a shape with another size on an axis, if it has that axis."""
    return shape if size is None or len(shape) <= axis else (*shape[:axis], size, *shape[axis + 1 :])
