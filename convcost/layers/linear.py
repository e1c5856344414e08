"""Linear maps: the fully connected layer, and the product of two matrices that both come from the input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, MIXES, LayerType, Trials
from convcost.layers.fields import CHANNELS, field, flag, layout_field, whole
from convcost.layers.inputs import FEATURES, LayerError, shown
from convcost.layers.layout import UNKNOWN, Shape
from convcost.layers.reading import Axes, Reading, Readings, along, stretched
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

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        return ((along(x, outputs[0], every=(len(x) - 1,)),),)

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"out_features": out, "bias": bias}, ((*leading, features),))
            for axes in range(4)
            for leading in combinations((1, 2, 3) if axes < 3 else (1, 2), repeat=axes)
            for features, out in combinations((1, 2, 3), repeat=2)
            for bias in (False, True)
        ]
        return Trials(
            "features in and out, sizes before them", "± bias; a vector, 1–3 axes before the features", points
        )


class Matmul(LayerType, type="matmul"):
    """The product of two matrices: [m, k] and [k, n] to [m, n].

    Axes before the last two are a batch: sizes of 1 stretch, and missing ones count as 1. For a batch of b products
    mul = add = macs = b · m · n · k.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.matmul.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "bmm": "PyTorch",
        "mm": "PyTorch",
        "MatMul": "ONNX",
        "batch_matmul": "TensorFlow Lite",
        "Dot": "Keras",
    }

    arity = (2, 2)
    macs = True
    channels = FIXED
    gives = UNKNOWN

    layout: str | None = layout_field("The layout of the product; unknown without it.")

    def output_shape(self, *inputs: Shape) -> Shape:
        a, b = inputs
        if len(a) < 2 or len(b) < 2:
            raise LayerError("matmul takes matrices: at least two axes each", f"{shown(a)} and {shown(b)} reach it")
        if a[-1] != b[-2]:
            raise LayerError(
                "the columns of matmul's first input must be as many as the rows of its second",
                f"{shown(a)} and {shown(b)}: {a[-1]} and {b[-2]}",
                help="permute the last two axes of one of them" if a[-1] == b[-1] or a[-2] == b[-2] else "",
            )
        return (*_broadcast(a, b), a[-2], b[-1])

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        products = product(output) * inputs[0][-1]
        return Cost(ops=accumulate(products), macs=products, useful_mults=products)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        rows, columns = (_batched(x, outputs[0]) for x in inputs)
        m, n, k = ("m", outputs[0][-2]), ("n", outputs[0][-1]), ("k", inputs[0][-1])
        first = Reading((*rows[0], (m,), (k,)), (*rows[1], (m,), (n,)))
        second = Reading((*columns[0], (k,), (n,)), (*columns[1], (m,), (n,)))
        return ((first,), (second,))

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        return {"layout": None}, ((letter("Di"), letter("M")), (letter("M"), letter("N")))

    @classmethod
    def trials(cls) -> Trials:
        sizes = (1, 2, 3)
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = [
            ({"layout": layout}, ((*batch, m, k), (*batch, k, n)))
            for batch, layout in (
                ((), None),
                ((1,), "unknown"),
                ((2,), "tokens"),
                ((3, 1), "feature_map"),
                ((2, 2), None),
            )
            for m, k, n in combinations(sizes, repeat=3)
        ]
        stretched = [((2,), ()), ((), (3,)), ((1,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((1, 1), (2, 3))]
        points += [({"layout": None}, ((*a, 2, 3), (*b, 3, 2))) for a, b in stretched]
        return Trials("rows, columns, inner size, batch", "0–2 axes before the last two, equal and stretched", points)


def _broadcast(a: Shape, b: Shape) -> Shape:
    """Return the axes before the last two: sizes of 1 stretch, missing axes are 1.

    Raises:
        LayerError: Two sizes differ, and none is 1.
    """
    rank = max(len(a), len(b)) - 2
    pairs = zip((1,) * (rank + 2 - len(a)) + a[:-2], (1,) * (rank + 2 - len(b)) + b[:-2], strict=True)
    sizes = []
    for one, other in pairs:
        alone = [size for size in (one, other) if size.__class__ is not int or size != 1]
        if len(alone) == 2 and one != other:
            raise LayerError(
                "the axes of matmul's inputs before the last two must be equal, or 1", f"{shown(a)} and {shown(b)}"
            )
        sizes.append(alone[0] if alone else 1)
    return tuple(sizes)


def _batched(x: Shape, output: Shape) -> tuple[Axes, Axes]:
    """Return the factors of the axes before the last two, of an input and of the output."""
    reading = stretched(x[:-2], output[:-2], len(output) - len(x))
    return reading.before, reading.after
