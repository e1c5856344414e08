"""Where layers with axes are executed: the fields that place windows held, the sizes through all remainders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from msgspec import Struct

from convcost.layers import LayerError, LayerType, Shape
from convcost.layers.fields import FACTOR, SIZE
from convcost.layers.inputs import ANY, FEATURES, POSITIONS, SEQUENCE, SPATIAL
from convcost.layers.layout import VECTOR

SMALL = (1, 2, 3)
"""Values of a variable in which the degree is at most 1; two determine it."""
_WINDOW = ("kernel_size", "stride", "dilation", "padding")
_PADDINGS = ((0, 0), (1, 1), (0, 1), (3, 1), "same")
_PAIRS = ((0, 0), (1, 0), (0, 2), (1, 1))
_FACTORS = (Fraction(1, 2), Fraction(2, 3), 1, Fraction(3, 2), 2, 3)
_LARGE = 100  # an input on which every window fits that a type takes

RANKS = {
    ANY: range(4),
    VECTOR: range(1),
    FEATURES: range(1),
    SPATIAL: range(1, 4),
    SEQUENCE: range(1, 3),
    POSITIONS: range(1, 4),
}
"""How many axes stand beside the channels, by what a type takes."""

Placed = Iterator[tuple[dict[str, Any], Shape]]


class Window(Struct, frozen=True):
    """How a kernel slides along one axis."""

    kernel: int
    stride: int
    dilation: int
    padding: Any  # (before, after), or "same"

    def sizes(self) -> range:
        """Return every size up to where no window reaches over both borders, and three more of each remainder."""
        span = self.dilation * (self.kernel - 1) + 1
        padded = span if self.padding == "same" else sum(self.padding)
        return range(1, span + padded + 3 * self.stride + 1)

    def spread_sizes(self) -> range:
        """Return the same for a transposed convolution, whose margins lie apart sooner: no remainders matter."""
        return range(1, sum(self.padding) + 4)


class Positions:
    """The fields of a type that decide which positions meet, and the sizes behind the channels.

    Attributes:
        fields: The fields.
        strided: Whether windows slide by a stride.
    """

    def __init__(self, definition: type[LayerType]) -> None:
        self._definition = definition
        fields = definition.fields
        window = [name for name in _WINDOW if name in fields and fields[name].read.form.depth]
        sized = definition.fields_for(SIZE)
        self._factors = [name for name, field in fields.items() if field.read.form.kind == FACTOR]
        self.strided = "kernel_size" in window or "stride" in window
        if self.strided:
            self.fields = window
            self._kind = self._windows if "kernel_size" in window else self._strides
        elif sized and definition.sized_windows:
            self.fields, self._kind = sized, self._sized_windows
        elif sized or self._factors:
            self.fields, self._kind = [*self._factors, *sized], self._resized
        else:
            self.fields = [name for name, field in fields.items() if field.read.form.depth == 2]
            self._kind = self._margins if self.fields else self._plain

    def __iter__(self) -> Placed:
        return self._kind()

    def variables(self) -> list[str]:
        """Return the description of how the sizes vary."""
        if self._definition.takes in (VECTOR, FEATURES):
            return []
        whole = not self.fields or self._kind == self._margins or (self._kind == self._windows and self._spreads())
        return ["sizes" if whole else "sizes of each remainder"]

    def axes(self) -> str:
        """Return on how many axes they vary."""
        if self._definition.takes in (VECTOR, FEATURES):
            return ""
        return "mixed on 2 and 3 axes" if self._kind == self._windows else "1–3 axes"

    def covered(self) -> list[str]:
        """Return the values of the fields that are tried."""
        titles = [name.replace("_", " ") for name in self.fields]
        if self.strided:
            slides = ", ".join(name.removesuffix("_size") for name in self.fields if name in ("kernel_size", "stride"))
            paddings = ", ".join(map(_padding_text, self._paddings())) if "padding" in self.fields else ""
            dilations = "dilation 1–2" if "dilation" in self.fields else ""
            return [part for part in (f"{slides} 1–3", dilations, paddings and f"padding {paddings}") if part]
        if self._kind == self._sized_windows:
            return [f"{title} 1–5" for title in titles]
        if self._kind == self._resized:
            factors = ", ".join(map(str, _FACTORS))
            return [
                " or ".join(
                    f"{title} {factors}" if title.replace(" ", "_") in self._factors else title for title in titles
                )
            ]
        return [f"{title} 0–2 on each side" for title in titles]

    # by what the fields are

    def _ranks(self) -> range:
        return RANKS[self._definition.takes]

    def _plain(self) -> Placed:
        for rank in self._ranks():
            for sizes in product(SMALL, repeat=rank):
                yield {}, sizes

    def _margins(self) -> Placed:
        for sizes in (sizes for rank in SMALL for sizes in product(SMALL, repeat=rank)):
            for pair in _PAIRS:
                yield dict.fromkeys(self.fields, (pair, *[(0, 1)] * (len(sizes) - 1))), sizes

    def _sized_windows(self) -> Placed:
        for count in range(1, 6):
            for size in range(1, 4 * count + 1):
                yield dict.fromkeys(self.fields, (count,)), (size,)
                yield dict.fromkeys(self.fields, (count, 2, 3)), (size, 2, 4)
        for first, second in product(SMALL, (1, 4, 5)):
            for sizes in product(range(1 + second % 2, 4 * first + 1, 2), range(1 + first % 2, 4 * second + 1, 2)):
                yield dict.fromkeys(self.fields, (first, second)), sizes

    def _resized(self) -> Placed:
        """Yield sizes for a factor, and for the size that takes its place."""
        nothing = dict.fromkeys(self.fields)
        for rank in SMALL:
            for size in range(2, 8 if rank < 3 else 4):
                sizes = (size, *range(4, 3 + rank))
                for name in self.fields:
                    firsts = _FACTORS if name in self._factors else (size + 1, 2)
                    rest = 2 if name in self._factors else 3
                    for first in firsts:
                        yield nothing | {name: (first, *[rest] * (rank - 1))}, sizes

    def _strides(self) -> Placed:
        for rank, stride in product(SMALL, SMALL):
            for sizes in product(range(1, 3 * stride + 1), *[SMALL] * (rank - 1)):
                yield {"stride": (stride,) * rank}, sizes

    def _windows(self) -> Placed:
        """Yield all windows on one axis, mixed ones on two and three."""
        sizes_of = Window.spread_sizes if self._spreads() else Window.sizes
        windows = list(self._each_window())
        for window in windows:
            given = self._given((window,))
            for size in sizes_of(window):
                yield given, (size,)
        known = [window for window in windows if self._takes(window)]
        for rank, count, step in ((2, 6, 2), (3, 3, 4)):
            for chosen in _mixed(known, rank, count):
                given = self._given(chosen)
                for sizes in product(*(sizes_of(window)[-3 * window.stride :: step] for window in chosen)):
                    yield given, sizes

    def _each_window(self) -> Iterator[Window]:
        dilations = (1, 2) if "dilation" in self.fields else (1,)
        for kernel, stride, dilation, padding in product(SMALL, SMALL, dilations, self._paddings()):
            if kernel > 1 or dilation == 1:
                yield Window(kernel, stride, dilation, padding)

    def _paddings(self) -> list[Any]:
        """Return the paddings that the type takes with some kernel."""
        field = self._definition.fields.get("padding")
        if field is None:
            return [(0, 0)]
        known = [each for each in _PADDINGS if each != "same" or "same" in field.read.form.words]
        return [padding for padding in known if any(self._takes(Window(k, 1, 1, padding)) for k in SMALL)]

    def _takes(self, window: Window) -> bool:
        try:
            self._layer(window).output_shape((1, _LARGE))
        except LayerError:
            return False
        return True

    def _spreads(self) -> bool:
        """Return whether windows are laid on the output, as those of a transposed convolution."""
        step = self._layer(Window(3, 2, 1, (0, 0))).advance(1)
        return step is not None and step < 1

    def _layer(self, window: Window) -> LayerType:
        """Return a layer on one axis with all but its window as plain as can be."""
        plain: dict[str, Any] = {}
        for name, field in self._definition.fields.items():
            form = field.read.form
            plain[name] = 1 if form.depth == 0 and field.required else (0,) if form.depth else field.default
        return self._definition({**plain, **self._given((window,))})

    def _given(self, windows: Sequence[Window]) -> dict[str, Any]:
        same = any(window.padding == "same" for window in windows)
        given = {
            "kernel_size": tuple([window.kernel for window in windows]),
            "stride": tuple([window.stride for window in windows]),
            "dilation": tuple([window.dilation for window in windows]),
            "padding": "same" if same else tuple([window.padding for window in windows]),
        }
        return {name: given[name] for name in self.fields}


def _mixed(windows: Sequence[Window], rank: int, count: int) -> Iterator[tuple[Window, ...]]:
    """Yield combinations of unlike windows for several axes, `count` with stated padding and as many with `same`."""
    for same in (False, True):
        alike = [window for window in windows if (window.padding == "same") == same]
        for turn in range(count if alike else 0):
            first = turn * len(alike) // count
            yield tuple([alike[(first + axis * (len(alike) // 3 + 1)) % len(alike)] for axis in range(rank)])


def _padding_text(padding: Any) -> str:
    if padding == "same":
        return "same"
    before, after = padding
    return str(before) if before == after else f"[{before}, {after}]"
