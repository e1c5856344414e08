"""Windows of a feature map as the columns of a matrix, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, MOVES, LayerType, Trials
from convcost.layers.fields import Pair, field, margins, padding_amounts, per_axis, spread, wholes
from convcost.layers.inputs import SPATIAL, LayerError, shown
from convcost.layers.layout import FEATURE_MAP, Input, Shape
from convcost.layers.reading import MOST_PHASES, Axes, AxisWindow, Factor, Reading, Readings, transposed
from convcost.layers.reading import axes as axes_of
from convcost.layers.windows import output_size
from convcost.ops import Cost, Ledger, product


class Unfold(LayerType, type="unfold"):
    """Each window as a column: [C, H, W] to [C·Dk², L], L being the windows.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Unfold.html
    """

    words: ClassVar[Mapping[str, str]] = {"Unfold": "PyTorch", "im2col": "Caffe", "extract_patches": "TensorFlow"}

    takes = SPATIAL
    note = MOVES
    channels = FIXED
    gives = FEATURE_MAP

    kernel_size: tuple[int, ...] = field(per_axis(1), about="The size of the window.", letter="Dk")
    stride: tuple[int, ...] = field(per_axis(1), 1, "The step between windows.", letter="s")
    padding: tuple[Pair, ...] = field(padding_amounts, 0, "The zeros around the input.", letter="p")
    dilation: tuple[int, ...] = field(per_axis(1), 1, "The step from one value of a window to the next.", letter="d")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        axes = zip(x[1:], self.kernel_size, self.stride, self.dilation, self.padding, strict=True)
        return (x[0] * product(self.kernel_size), product(output_size(*axis) for axis in axes))

    def step(self, axis: int) -> Fraction | None:
        return None

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings | None:
        (x,) = inputs
        axes = zip(x[1:], self.kernel_size, self.stride, self.dilation, self.padding, strict=True)
        columns: list[Factor] = []
        taps: list[Factor] = []
        windows: dict[str, AxisWindow] = {}
        for axis, (size, kernel, stride, dilation, pad) in enumerate(axes, 1):
            if kernel.__class__ is not int or kernel > MOST_PHASES:
                return None
            columns.append((f"a{axis}", output_size(size, kernel, stride, dilation, pad)))
            taps.append((f"k{axis}", kernel))
            windows[f"a{axis}"] = AxisWindow(stride, tuple([(dilation * tap - pad[0], 1, 1) for tap in range(kernel)]))
        after: Axes = ((("a0", x[0]), *taps), tuple(columns))
        made_of = {column: (column, tap) for (column, _), (tap, _) in zip(columns, taps, strict=True)}
        return ((Reading(axes_of(x), after, windows, made_of=made_of),),)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        size, ones = letter("Di"), (1, 1)
        fields = {"kernel_size": (letter("Dk"),) * 2, "stride": ones, "padding": ((0, 0), (0, 0)), "dilation": ones}
        return fields, ((letter("M"), size, size),)


class Fold(LayerType, type="fold"):
    """Columns added up where their windows lie: [C·Dk², L] to [C, H, W]; what lands in the padding is dropped.

    add = C·Dk²·L, one per input value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Fold.html
    """

    words: ClassVar[Mapping[str, str]] = {"Fold": "PyTorch", "col2im": "Caffe"}

    takes = SPATIAL
    channels = FIXED
    gives = FEATURE_MAP

    output_size: tuple[int, ...] = field(wholes(1), about="The spatial sizes of the output.")
    kernel_size: tuple[int, ...] = field(spread(1), about="The size of the window.")
    stride: tuple[int, ...] = field(spread(1), 1, "The step between windows.")
    padding: tuple[Pair, ...] = field(margins, 0, "What lies around the output.")
    dilation: tuple[int, ...] = field(spread(1), 1, "The step from one value of a window to the next.")

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        super().prepare(fields, inputs)
        for name in ("kernel_size", "stride", "padding", "dilation"):
            cls.spread_out(fields, name, len(fields["output_size"]), pair=name == "padding")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if len(x) != 2:
            message = "fold takes [channels · kernel, windows]"
            raise LayerError(message, f"{shown(x)} reaches it", help="as `unfold` gives it")
        if len(self.output_size) > 3:
            raise LayerError(
                "a feature map has 1 to 3 spatial axes", f"{len(self.output_size)} sizes", field="output_size"
            )
        taps = product(self.kernel_size)
        if x[0] % taps:
            message = "the values of a window must divide the channels"
            raise LayerError(message, f"{taps} does not divide {x[0]}", field="kernel_size")
        axes = zip(self.output_size, self.kernel_size, self.stride, self.dilation, self.padding, strict=True)
        windows = [output_size(*axis) for axis in axes]
        if product(windows) != x[1]:
            found = f"{' · '.join(map(str, windows))} windows, {x[1]} columns reach it"
            raise LayerError("there must be as many windows as columns", found, field="output_size")
        return (x[0] // taps, *self.output_size)

    def step(self, axis: int) -> Fraction | None:
        return None

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings | None:
        axes = zip(self.output_size, self.kernel_size, self.stride, self.dilation, self.padding, strict=True)
        columns: list[Factor] = []
        windows: dict[str, AxisWindow] = {}
        for number_, (size, kernel, stride, dilation, pad) in enumerate(axes, 1):
            window = transposed(stride, kernel, dilation, pad[0])
            if window is None:
                return None
            columns.append((f"a{number_}", output_size(size, kernel, stride, dilation, pad)))
            windows[f"a{number_}"] = window
        channels, taps = ("a0", outputs[0][0]), ("k", product(self.kernel_size))
        after = (*[((name, size),) for (name, _), size in zip(columns, self.output_size, strict=True)],)
        return ((Reading(((channels, taps), tuple(columns)), ((channels,), *after), windows, uniform=("k",)),),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(ops=Ledger(add=product(inputs[0])))

    @classmethod
    def trials(cls) -> Trials:
        points = []
        for axes, kernel, stride, pad, channels in combinations((1, 2, 3), (1, 2, 3), (1, 2), (0, 1), (1, 2)):
            for size in (3, 4, 5) if axes < 3 else (3,):
                sizes = (size, *[3] * (axes - 1))
                windows = product((each + 2 * pad - kernel) // stride + 1 for each in sizes)
                fields = {
                    "output_size": sizes,
                    "kernel_size": (kernel,) * axes,
                    "stride": (stride,) * axes,
                    "padding": ((pad, pad),) * axes,
                    "dilation": (1,) * axes,
                }
                points.append((fields, ((channels * kernel**axes, windows),)))
        return Trials("channels, windows", "kernel 1–3, stride 1–2, padding 0–1; 1–3 axes", points)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        kernel, windows = letter("Dk"), letter("Di")
        fields = {
            "output_size": (kernel * windows,),  # windows beside each other
            "kernel_size": (kernel,),
            "stride": (kernel,),
            "padding": ((0, 0),),
            "dilation": (1,),
        }
        return fields, ((letter("M") * kernel, windows),)
