"""Which output values change when values of the network's input do, by executing its layers.

Each layer runs on fresh values, and again with those that a change of the input reached so far replaced by others; what
comes out differently is what the change reaches. So no value of one layer can be too small, or too large, to show what
another does. The executor sees shapes and values only, never a rule for what is read.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from math import prod
from typing import Any

from msgspec import Struct

from convcost.executor import Array, Number, Shape, run_drawn
from convcost.network import INPUT, Layer, Network

Marks = tuple[int, ...]
"""The values that a change reaches, a bit for each in row-major order; a number for each slice that runs by itself."""

Key = tuple[int, int]


class Trial(Struct, frozen=True):
    """Between which numbers values lie, and those that take their place.

    Attributes:
        values: The least and the largest of the values.
        changed: The least and the largest of what takes the place of some.
        parts: What these numbers are counted in: one over it.
    """

    values: tuple[int, int]
    changed: tuple[int, int]
    parts: int = 1


_LARGE = Trial((1, 9), (1_000, 9_000))  # a sum grows, and so does the largest of values
_SMALL = Trial((16, 24), (32, 48), 64)  # within what saturates, such as a sigmoid
_LESS = Trial((1, 9), (-9_000, -1_000))  # the smallest of values
_ACROSS = Trial((-24, -16), (1_000, 9_000), 64)  # from one side of zero to the other
_MIDDLE = Trial((64, 96), (160, 300), 64)  # above 1, where what is clamped below it moves
_INDICES = Trial((0, 0), (1, 1))
_LINEAR = frozenset(
    ("conv", "depthwise_conv", "pointwise_conv", "transposed_conv", "linear", "add", "avg_pool", "adaptive_avg_pool")
)
"""Types that a larger value always shows in: their weights are above zero here."""


_WHOLE = frozenset(("embedding", "lstm", "gru", "rnn", "softmax", "log_softmax", "glu", "divide", "attention_bias"))
"""Types whose values saturate by each other, so that no trial shows all."""


class PositiveWeights:
    """Small weights above zero, from a seed, in parts of one where the values are.

    Args:
        seed: What they are drawn from.
        parts: What they are counted in: one over it.
    """

    def __init__(self, seed: int, parts: int) -> None:
        self._random = random.Random(seed)
        self._parts = parts
        self.params = 0
        self.buffers = 0

    def rows(self, name: str, shape: Shape) -> Iterator[list[Number]]:
        """Yield the rows of a tensor."""
        for _ in range(shape[0]):
            yield self.vector(name, prod(shape[1:]))

    def vector(self, name: str, length: int) -> list[Number]:
        """Return numbers, all of them different from their neighbours."""
        return _numbers(self._random, (1, 15), self._parts, length)

    def statistics(self, name: str, length: int) -> list[Number]:
        """Return numbers that may be variances."""
        return self.vector(name, length)


def _numbers(source: random.Random, limits: tuple[int, int], parts: int, count: int) -> list[Number]:
    """Return numbers between limits; parts are powers of two, so that sums and products of them are exact."""
    least, most = limits
    whole = source.choices(range(least, most + 1), k=count)
    return [number / parts for number in whole] if parts > 1 else whole  # type: ignore[return-value]


class Perturbation:
    """The executions of a network's layers with some of the input's values replaced.

    Args:
        network: The network.
        seed: What values and weights are drawn from.
        skipped: The layers that are not executed, by index: those of which numbers decide what is read.
    """

    def __init__(self, network: Network, seed: int = 0, skipped: Sequence[int] = ()) -> None:
        self._network = network
        self._seed = seed
        self._skipped = frozenset(skipped)
        self._known: dict[Any, tuple[int, ...]] = {}
        self._before: dict[Any, list[list[Number]]] = {}
        self.products = 0

    def reached(self, input: int, axis: int, position: int) -> dict[Key, Marks]:
        """Return the values of each tensor that change when those of an input at one position of an axis do.

        Args:
            input: The number of the input.
            axis: The axis.
            position: The position.

        Returns:
            The marks of each tensor that is reached by layers that are executed.
        """
        shape = self._network.inputs[input].shape
        return self.spread({input: line(shape, axis, position)})

    def spread(self, marked: Mapping[int, int]) -> dict[Key, Marks]:
        """Return the values of each tensor that change when some of the inputs do.

        Args:
            marked: The marks of inputs, by their numbers; others do not change.
        """
        network = self._network
        found: dict[Key, Marks] = {(INPUT, number): (marked.get(number, 0),) for number in range(len(network.inputs))}
        for index, layer in enumerate(network.layers):
            keys = [(tensor.producer, tensor.output) for tensor in layer.inputs]
            if index in self._skipped or any(key not in found for key in keys):
                continue
            for number, marks in enumerate(self._marked(layer, [found[key] for key in keys])):
                found[index, number] = marks
        return found

    def _marked(self, layer: Layer, inputs: Sequence[Marks]) -> list[Marks]:
        """Return the marks of a layer's outputs, from those of its inputs."""
        if layer.type == "each_slice":
            return [_apart(inputs[0], layer.input_shapes[0], layer.fields["axis"])]
        if layer.type == "each_stack":
            return [_together(inputs[0], layer.output_shape, layer.fields["axis"])]
        slices = max(map(len, inputs), default=1)
        runs = [
            self._run(layer, tuple([marks[number * len(marks) // slices] for marks in inputs]))
            for number in range(slices)
        ]
        return [*zip(*runs, strict=True)]

    def _run(self, layer: Layer, marks: tuple[int, ...]) -> tuple[int, ...]:
        """Return the outputs' values that differ when some of the inputs' values are replaced."""
        if not any(marks):
            return (0,) * len(layer.outputs)
        task = layer.type, tuple(layer.fields.items()), layer.input_shapes
        if (task, marks) not in self._known:
            found = [0] * len(layer.outputs)
            for number, trial in enumerate(_trials(layer)):
                before, after = self._values(task, number, trial, None), self._values(task, number, trial, marks)
                more = [mark | _different(*pair) for mark, *pair in zip(found, before, after, strict=True)]
                if number and any(found) and more == found and layer.type not in _WHOLE:  # what shows has shown
                    break
                found = more
            self._known[task, marks] = tuple(found)
        return self._known[task, marks]

    def _values(self, task: Any, number: int, trial: Trial, marks: tuple[int, ...] | None) -> list[list[Number]]:
        """Return the values of a layer's outputs in a trial."""
        key = task, number
        if marks is None and key in self._before:
            return self._before[key]
        type, fields, shapes = task
        source = random.Random(f"{self._seed} {number}")
        arrays = []
        for place, shape in enumerate(shapes):
            values = _numbers(source, trial.values, trial.parts, prod(shape))
            others = _numbers(source, trial.changed, trial.parts, prod(shape))
            mark = marks[place] if marks is not None else 0
            arrays.append(Array(shape, _replaced(values, others, mark) if mark else values))
        weights = PositiveWeights(self._seed + number, trial.parts)
        outputs, performed = run_drawn(type, dict(fields), arrays, weights, "auto" if trial.parts == 1 else "plain")
        self.products += performed
        found = [output.values for output in outputs]
        if marks is None:
            self._before[key] = found
        return found


def _replaced(values: Sequence[Number], others: Sequence[Number], marks: int) -> list[Number]:
    """Return values with others in the place of those that are marked."""
    bits = f"{marks:0{len(values)}b}"[::-1]
    return [other if bit == "1" else value for value, other, bit in zip(values, others, bits, strict=True)]


def _trials(layer: Layer) -> list[Trial]:
    """Return the trials of a layer: one for what is linear or moves values, others for what saturates or compares."""
    if layer.type == "embedding":
        return [_INDICES] * 6  # rows that happen to be the same differ by other weights
    if layer.type in _LINEAR or layer.definition.note:
        return [_LARGE]
    return [_LARGE, _LESS, _SMALL, _ACROSS, _MIDDLE, *_around(layer.fields)]


def _around(fields: Mapping[str, Any]) -> Iterator[Trial]:
    """Yield a trial between the numbers that a field gives as bounds, such as those of a clamp."""
    pairs = [value for value in fields.values() if isinstance(value, tuple) and len(value) == 2]
    singles = [fields[name] for name in ("min_val", "max_val") if name in fields]
    for pair in [*pairs, *([singles] if len(singles) == 2 else [])]:
        if all(isinstance(each, int | float | Fraction) for each in pair) and pair[0] < pair[1]:
            least, most = (int(Fraction(each) * 1024) for each in pair)
            middle = (least + most) // 2
            yield Trial((least, middle), (middle + 1, max(most, middle + 1)), 1024)


def _different(old: Sequence[Number], new: Sequence[Number]) -> int:
    """Return a bit for each place at which values differ; two that are no number do not."""
    if old == new:
        return 0
    # what is no number differs from itself
    differs = [a != b and (a == a or b == b) for a, b in zip(old, new, strict=True)]
    return int("".join(["1" if each else "0" for each in reversed(differs)]), 2)


def line(shape: Shape, axis: int, position: int) -> int:
    """Return the marks of all values at a position of an axis."""
    inner, size = prod(shape[axis + 1 :]), shape[axis]
    piece = (1 << inner) - 1 << inner * position
    return sum(piece << outer * inner * size for outer in range(prod(shape[:axis])))


def _apart(marks: Marks, shape: Shape, axis: int) -> Marks:
    """Return the marks of each slice of an axis, for each of the slices that there are already."""
    inner, size, outer = prod(shape[axis + 1 :]), shape[axis], prod(shape[:axis])
    whole = (1 << inner) - 1
    return tuple(
        [
            sum((each >> (place * size + index) * inner & whole) << place * inner for place in range(outer))
            for each in marks
            for index in range(size)
        ]
    )


def _together(marks: Marks, shape: Shape, axis: int) -> Marks:
    """Return the marks of slices that are put side by side along an axis."""
    inner, size, outer = prod(shape[axis + 1 :]), shape[axis], prod(shape[:axis])
    whole = (1 << inner) - 1
    marks = marks * (size if len(marks) == 1 else 1)
    groups = [marks[start : start + size] for start in range(0, len(marks), size)]
    return tuple(
        [
            sum(
                chain.from_iterable(
                    [(each >> place * inner & whole) << (place * size + index) * inner for place in range(outer)]
                    for index, each in enumerate(group)
                )
            )
            for group in groups
        ]
    )
