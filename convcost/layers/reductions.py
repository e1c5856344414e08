"""Reductions: one number for all values along some axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, LayerType, Trials
from convcost.layers.fields import axes, field, flag, layout_field, word
from convcost.layers.inputs import LayerError, shown
from convcost.layers.layout import UNKNOWN, Input, Shape
from convcost.layers.reading import Readings, reduced
from convcost.ops import Cost, Ledger, average_of, maximum_of, product, total_of


class Reduce(LayerType, type="reduce"):
    """The sum, mean, largest, smallest or Euclidean norm of the values along some axes.

    Of n values: `sum` add n; `mean` add n, div 1; `max` and `min` cmp n − 1; `norm` mul n, add n, sqrt 1.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.mean.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "mean": "PyTorch",
        "amax": "PyTorch",
        "ReduceMean": "ONNX",
        "ReduceSum": "ONNX",
        "ReduceMax": "ONNX",
        "ReduceL2": "ONNX",
    }

    channels = FIXED

    op: str = field(word("sum", "mean", "max", "min", "norm"), about="What is worked out of the values.")
    axis: tuple[int, ...] = field(axes, about="The axis that is reduced, or a list of axes.")
    keepdim: bool = field(flag, False, "Whether these axes stay, of size 1.")
    layout: str | None = layout_field("The layout of the output; without it unknown where axes go.")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.keepdim:
            return tuple([1 if axis in self.axis else size for axis, size in enumerate(x)])
        if len(self.axis) == len(x):
            raise LayerError(
                "reduce must leave an axis",
                f"{shown(x)} has {len(x)}, all of them reduced",
                field="axis",
                help="keepdim: true keeps them, of size 1",
            )
        return tuple([size for axis, size in enumerate(x) if axis not in self.axis])

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        if self.keepdim or self.layout:
            return super().layouts(inputs, outputs)
        return (UNKNOWN,) * len(outputs)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        n = product(size for axis, size in enumerate(inputs[0]) if axis in self.axis)
        ops = self._of(n) * product(output)
        return Cost(ops=ops, useful_mults=ops.mul)

    def _of(self, n: int) -> Ledger:
        """Return the ledger of reducing n values to one."""
        if self.op == "norm":
            return total_of(n) + Ledger(mul=n, sqrt=1)
        return {"sum": total_of, "mean": average_of, "max": maximum_of, "min": maximum_of}[self.op](n)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        return ((reduced(x, outputs[0], self.axis, kept=self.keepdim),),)

    @classmethod
    def trials(cls) -> Trials:
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = [
            ({"op": op, "axis": axis, "keepdim": keepdim, "layout": layout}, (shape,))
            for op in cls.fields["op"].words
            for axis, rank in (((0,), 1), ((0,), 2), ((1,), 2), ((0, 1), 2), ((1,), 3), ((0, 2), 3), ((2, 1), 3))
            for keepdim, layout in ((False, None), (True, "unknown"))
            for shape in combinations((1, 2, 3), repeat=rank)
        ]
        return Trials("sizes", "op sum, mean, max, min and norm, ± keepdim; 1–3 axes, one or two reduced", points)
