"""Cross-correlation: one input slides over another, as the template of a tracker does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, LayerType, Trials
from convcost.layers.fields import Pair, field, padding_amounts, word
from convcost.layers.inputs import SPATIAL, LayerError, shown
from convcost.layers.layout import FEATURE_MAP, Shape
from convcost.layers.reading import Axes, AxisWindow, Reading, Readings, axes
from convcost.layers.windows import useful_products
from convcost.ops import Cost, accumulate, product


class CrossCorrelation(LayerType, type="cross_correlation"):
    """The second input as the kernel of a convolution over the first: `from: [map, kernel]`.

    `depthwise`: each channel of the kernel on its channel of the map, mul = add = macs = C · Dp² · Dk². `full`: a
    kernel of N·C channels holds N kernels for all C channels of the map and gives N channels, mul = add = macs =
    N · C · Dp² · Dk²; with as many channels as the map it gives one.

    Source: Bertinetto et al. 2016, arXiv:1606.09549, equation 2 (`full`); Li et al. 2018, arXiv:1812.11703, section 3.3
        (`depthwise`).
    """

    words: ClassVar[Mapping[str, str]] = {"xcorr": "many trackers", "dw_xcorr": "many trackers"}

    arity = (2, 2)
    takes = SPATIAL
    gives = FEATURE_MAP
    macs = True
    channels = FIXED

    mode: str = field(word("depthwise", "full"), "depthwise", "Whether channels mix.")
    padding: tuple[Pair, ...] = field(padding_amounts, 0, "The zeros around the map.", letter="p")

    def output_shape(self, *inputs: Shape) -> Shape:
        x, kernel = inputs
        if len(x) != len(kernel):
            found = f"{shown(x)} and {shown(kernel)}"
            raise LayerError("the map and the kernel of cross_correlation must have as many axes", found)
        channels = self._channels(x[0], kernel[0])
        sizes = []
        for i, k, (before, after) in zip(x[1:], kernel[1:], self.padding, strict=True):
            if i + before + after < k:
                padded = f", padded to {i + before + after}" if before + after else ""
                message = "the kernel of cross_correlation must fit into the map"
                raise LayerError(message, f"a kernel of {k} on a map of {i}{padded}", help="from: [map, kernel]")
            sizes.append(i + before + after - k + 1)
        return (channels, *sizes)

    def _channels(self, channels: int, kernels: int) -> int:
        if self.mode == "depthwise":
            if kernels != channels:
                message = "a depthwise cross_correlation takes a kernel of as many channels as the map"
                raise LayerError(message, f"{kernels} and {channels}", help="`mode: full` mixes the channels")
            return channels
        if kernels % channels:
            message = "a full cross_correlation takes a kernel of a multiple of the map's channels"
            raise LayerError(message, f"{kernels} and {channels}")
        return kernels // channels

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        x, kernel = inputs
        products = kernel[0] * product(kernel[1:]) * product(output[1:])
        useful = kernel[0]
        for i, k, o, (before, _) in zip(x[1:], kernel[1:], output[1:], self.padding, strict=True):
            useful *= useful_products(i, k, 1, 1, o, before)
        return Cost(ops=accumulate(products), macs=products, useful_mults=useful)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        x, kernel = inputs
        channels, kernels = ("c", x[0]), ("n", kernel[0] // x[0])
        pairs = enumerate(zip(kernel[1:], self.padding, strict=True), 1)
        windows = {f"a{axis}": AxisWindow(1, ((-before, 1, k),)) for axis, (k, (before, _)) in pairs}
        rest = tuple([((f"a{axis}", size),) for axis, size in enumerate(outputs[0]) if axis])
        after: Axes = ((channels if self.mode == "depthwise" else kernels,), *rest)
        template = tuple([((f"k{axis}", size),) for axis, size in enumerate(kernel) if axis])
        first = Reading(((channels,), *axes(x)[1:]), after, windows)
        return ((first,), (Reading(((kernels, channels), *template), after),))

    @classmethod
    def trials(cls) -> Trials:
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = []
        pads = ((0, 0), (1, 1), (0, 2))
        for mode, channels, kernels in combinations(("depthwise", "full"), (1, 2, 3), (1, 2)):
            times = 1 if mode == "depthwise" else kernels
            for k, pad in combinations((1, 2, 3), pads):
                for size in range(max(1, k - sum(pad)), k + sum(pad) + 4):
                    given = {"mode": mode, "padding": (pad,)}
                    points.append((given, ((channels, size), (times * channels, k))))
            for pad, sizes in combinations(pads, combinations((3, 4), (2, 3, 4))):
                given = {"mode": mode, "padding": (pad, (1, 0))}
                points.append((given, ((channels, *sizes), (times * channels, 3, 2))))
            given = {"mode": mode, "padding": ((0, 1), (0, 0), (1, 1))}
            points += [
                (given, ((channels, *cube), (times * channels, 2, 1, 2))) for cube in combinations((2, 3), repeat=3)
            ]
        covered = "depthwise and full, kernel 1–3, padding 0, 1, [0, 2]; 1–3 axes"
        return Trials("channels, kernels, sizes of the map", covered, points)

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        nothing = ((0, 0), (0, 0))
        x, kernel = (letter("M"), letter("Di"), letter("Di")), (letter("M"), letter("Dk"), letter("Dk"))
        return {"mode": "depthwise", "padding": nothing}, (x, kernel)
