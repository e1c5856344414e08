"""How small a picture keeps every choice.

Along an axis, sizes shrink by multiples of S, the least common multiple of the steps that the tensors take along the
network's input. So each division by a stride leaves the same remainder as at full size: `same` pads the same amounts,
every floor drops as much. A size fits only while each tensor is shorter by exactly the input's shortening over its step
(which shows that no remainder has changed), no axis of two values or more has become one (a window that moves still
moves, what is stretched still stretches). A size that a layer is told follows an earlier tensor of that size, where
there is one; the windows of an adaptive pool that is told another size than its input's overlap as they did, because
the remainder by their number stays too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from convcost.layers import LayerFault, Shape
from convcost.network import Layer, Network


class Axis:
    """One spatial axis of a network: how far on the network's input each tensor steps, and the sizes that fit."""

    def __init__(self, network: Network, axis: int) -> None:
        self._network = network
        self._axis = axis
        shapes = [network.input_shape, *(layer.output_shape for layer in network.layers)]
        self._sizes = [shape[axis] if len(shape) > 1 else None for shape in shapes]
        self._steps: list[Fraction | None] = [Fraction(1)]
        self._cycles: list[Fraction] = []  # how far on the input adaptive windows take to overlap in the same way again
        for layer in network.layers:
            self._steps.append(self._step(layer))

    def smallest(self, taken: Sequence[int] = ()) -> int:
        """Return the smallest size of the input that fits, one that is not taken if it can be, its own at most."""
        size = self._network.input_shape[self._axis]
        stride = lcm(*[step.numerator for step in (*self._steps, *self._cycles) if step is not None])
        candidates = range(size % stride or stride, size, stride)
        first = bisect_left(candidates, True, key=self._fits)
        fitting = candidates[first:]
        return next((candidate for candidate in fitting if candidate not in taken), fitting[0] if fitting else size)

    def size(self, index: int, smallest: int) -> int | None:
        """Return the size of what a layer writes where the input's size is the smallest; None where none is known."""
        step, full = self._steps[index + 1], self._sizes[index + 1]
        if step is None or full is None:
            return full
        shorter = (self._network.input_shape[self._axis] - smallest) / step
        return full - int(shorter) if shorter.denominator == 1 and shorter < full else None

    def _fits(self, candidate: int) -> bool:
        axis = self._axis
        shapes = [_with(self._network.input_shape, axis, candidate)]
        for index, layer in enumerate(self._network.layers):
            inputs = [shapes[source + 1] for source in layer.sources]
            try:
                output = layer.definition.output_shape(*inputs)
            except LayerFault:
                return False
            full = self._sizes[index + 1]
            if full is not None:
                expected = self.size(index, candidate)
                if told_in(layer):
                    output = _with(output, axis, expected or 0)
                if layer.type == "adaptive_avg_pool" and self._steps[index + 1] is None:
                    small, large = inputs[0][axis], layer.input_shapes[0][axis]
                    if (large - small) % full or small <= full < large:
                        return False
                if (self._steps[index + 1] is not None and output[axis] != expected) or output[axis] < min(2, full):
                    return False
            shapes.append(output)
        return True

    def _step(self, layer: Layer) -> Fraction | None:
        """Return the step of what a layer writes; None for a vector, and where a size is told that nothing else has."""
        axis, fields = self._axis, layer.fields
        known = [step for source in layer.sources if (step := self._steps[source + 1]) is not None]
        if len(layer.output_shape) == 1 or layer.type == "global_avg_pool":
            return None
        size = layer.output_shape[axis]
        if layer.type == "adaptive_avg_pool" and known and size != layer.input_shapes[0][axis]:
            self._cycles.append(known[0] * size)
            return None
        if told_in(layer):
            sizes = dict(zip(reversed(self._sizes[: len(self._steps)]), reversed(self._steps), strict=True))
            return sizes.get(size)
        if not known:
            return None
        if layer.type == "upsample":
            factor = 1 / Fraction(fields["scale_factor"][axis - 1])
        elif layer.type == "pixel_shuffle":
            factor = Fraction(1, fields["upscale_factor"])
        else:
            stride = fields["stride"][axis - 1] if "stride" in fields else 1
            factor = Fraction(1, stride) if layer.type == "transposed_conv" else Fraction(stride)
        return known[0] * factor


def told_in(layer: Layer) -> str:
    """Return the field in which a layer is told the size of what it writes."""
    if layer.type == "adaptive_avg_pool":
        return "output_size"
    return "size" if layer.type == "upsample" and layer.fields["size"] is not None else ""


def _with(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])
