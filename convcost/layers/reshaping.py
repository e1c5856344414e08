"""Layers that give the same values other axes: tokens, feature maps, permutations and reshapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, MOVES, LayerType, Trials
from convcost.layers.fields import SIZE, field, layout_field, named_sizes, text, wholes
from convcost.layers.fields import axes as axes_field
from convcost.layers.inputs import SEQUENCE, SPATIAL, LayerError, shown
from convcost.layers.layout import FEATURE_MAP, TOKENS, UNKNOWN, VECTOR, Input, Shape
from convcost.layers.patterns import parse
from convcost.layers.reading import SAME, Reading, Readings, axes, reshaped, stretched
from convcost.ops import product

_SHAPES: list[Shape] = [
    shape
    for rank, sizes in ((1, (1, 2, 3)), (2, (1, 2, 3)), (3, (1, 3)), (4, (1, 2)))
    for shape in combinations(sizes, repeat=rank)
]


class _Reshaping(LayerType):
    note = MOVES
    channels = FIXED

    def step(self, axis: int) -> Fraction | None:
        return None


class Tokens(_Reshaping, type="tokens"):
    """The positions of a feature map as tokens: [C, H, W] to [H·W, C].

    Source: Dosovitskiy et al. 2020, arXiv:2010.11929, section 3.1.
    """

    words: ClassVar[Mapping[str, str]] = {"to_tokens": "many people", "img2seq": "many people"}

    takes = SPATIAL
    gives = TOKENS

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return (product(x[1:]), x[0])

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        channels, *rest = axes(x)
        return ((Reading(axes(x), (tuple([factor for axis in rest for factor in axis]), channels)),),)

    @classmethod
    def trials(cls) -> Trials:
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = [({}, (x,)) for x in _SHAPES if len(x) > 1]
        return Trials("channels, sizes", "1–3 axes", points)


class FeatureMap(_Reshaping, type="feature_map"):
    """Tokens as the positions of a feature map: [H·W, C] to [C, H, W] of a given size, [H, W, C] to [C, H, W].

    Source: Wang et al. 2021, arXiv:2102.12122, section 3.2.
    """

    words: ClassVar[Mapping[str, str]] = {"to_feature_map": "many people", "seq2img": "many people"}

    takes = SEQUENCE
    gives = FEATURE_MAP

    size: tuple[int, ...] = field(
        wholes(1), None, "The spatial sizes; the axes before the channels without it.", role=SIZE
    )

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        shape = inputs[0].shape
        if fields["size"] is None:
            if len(shape) == 2:
                help = f"`size: [height, width]`, or `size: [{shape[0]}]` for one axis"
                raise LayerError("feature_map needs size", f"{shown(shape)} reaches it", help=help)
            fields["size"] = shape[:-1]
        super().prepare(fields, inputs)

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        length = product(x[:-1])
        if len(self.size) > 3:
            raise LayerError("a feature map has 1 to 3 spatial axes", f"{len(self.size)} sizes", field="size")
        if product(self.size) != length:
            found = f"{shown(self.size)} has {product(self.size)}, {shown(x)} reaches it"
            raise LayerError(f"size must have the {length} positions of the tokens", found, field="size")
        return (x[-1], *self.size)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings | None:
        (x,) = inputs
        positions = reshaped(x[:-1], self.size)
        if positions is None:
            return None
        channels = (("c", x[-1]),)
        return ((Reading((*positions.before, channels), (channels, *positions.after)),),)

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"size": sizes}, ((*before, channels),))
            for channels, *sizes_ in [x for x in _SHAPES if len(x) > 1]
            for sizes in [tuple(sizes_)]
            for before in dict.fromkeys([(product(sizes),), sizes])
        ]
        return Trials("channels, sizes", "1–3 axes", points)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        size = letter("Di")
        return {"size": (size, size)}, ((size * size, letter("M")),)


class Rearrange(_Reshaping, type="rearrange"):
    """Axes split, joined and put into another order, in einops' notation: `c (h p) (w q) -> (h w) (p q) c`.

    Names with sizes, such as `p: 2`, stand beside `pattern`. `c` alone and first gives a feature map, alone and last
    tokens; otherwise what the axes are is unknown unless `layout` says it.

    Source: https://einops.rocks/api/rearrange/
    """

    words: ClassVar[Mapping[str, str]] = {"Rearrange": "einops", "window_partition": "Swin"}
    short = "pattern"
    gathers = "sizes"

    pattern: str = field(text, about="The axes before and after an arrow, those in parentheses being one.")
    sizes: tuple[tuple[str, int], ...] = field(named_sizes, (), "The sizes of named axes; each may stand by itself.")
    layout: str | None = layout_field()

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        super().prepare(fields, inputs)
        if not fields["pattern"]:  # it is reported
            return
        names = [name for group in parse(fields["pattern"]).before for name in group]
        for name, size in fields["sizes"]:
            if name not in names:
                known = ", ".join(name for name in names if name.isidentifier())
                raise LayerError(
                    f"the pattern has no axis {name!r}", f"{name}: {size}", field=name, help=f"its axes: {known}"
                )

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return parse(self.pattern).output(x, dict(self.sizes)) if self.pattern else x

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        (shape,) = outputs
        if vars(self).get("layout"):
            return super().layouts(inputs, outputs)
        if len(shape) == 1:
            return (VECTOR,)
        after = parse(self.pattern).after if self.pattern else ()
        if after[:1] == (("c",),) and len(shape) <= 4:
            return (FEATURE_MAP,)
        return (TOKENS,) if after[-1:] == (("c",),) else (UNKNOWN,)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        return ((Reading(*parse(self.pattern).factors(x, dict(self.sizes))),),) if self.pattern else ((SAME,),)

    @classmethod
    def trials(cls) -> Trials:
        patterns = [
            ("c h w -> (h w) c", ()),
            ("c (h p) (w q) -> (p q) (h w) c", ("p", "q")),
            ("c (h p) (w q) -> (h w) (p q c)", ("p", "q")),
            ("l (n d) 1 -> n l d", ("n",)),
            ("... c -> c ...", ()),
        ]
        points = []
        for pattern, names in patterns:
            for first, second, third, part in combinations((1, 2, 3), (1, 2, 3), (1, 2, 3), (1, 2)):
                shape = (first, second * part, 1 if "1 ->" in pattern else third * part)
                points.append(({"pattern": pattern, "sizes": tuple((name, part) for name in names)}, (shape,)))
        return Trials("sizes", f"{len(patterns)} patterns, parts of size 1–2", points)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        size = letter("Di")
        return {"pattern": "c h w -> (h w) c", "sizes": (), "layout": None}, ((letter("M"), size, size),)


class Permute(_Reshaping, type="permute"):
    """The axes in another order.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.permute.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "transpose": "PyTorch",
        "movedim": "PyTorch",
        "Permute": "Keras",
        "swapaxes": "NumPy",
    }
    gives = UNKNOWN

    axes: tuple[int, ...] = field(axes_field, about="The axes of the input in the order of the output.")
    layout: str | None = layout_field()

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        order = self.axes
        if len(order) != len(x):
            raise LayerError(
                "axes must name each axis once", f"{len(order)} given, the input is {shown(x)}", field="axes"
            )
        return tuple([x[axis] for axis in order])

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        own = axes(x)
        return ((Reading(own, tuple([own[axis] for axis in self.axes])),),)

    @classmethod
    def trials(cls) -> Trials:
        points = [({"axes": order}, (shape,)) for shape in _SHAPES for order in permutations(range(len(shape)))]
        return Trials("sizes", "every order of 1–4 axes", points)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        size = letter("Di")
        return {"axes": (1, 2, 0), "layout": None}, ((letter("M"), size, size),)


class Reshape(_Reshaping, type="reshape"):
    """The same values in the same order in another shape, of which one size may be −1: what is left for it.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.reshape.html
    """

    words: ClassVar[Mapping[str, str]] = {"view": "PyTorch", "Reshape": "Keras", "unflatten": "PyTorch"}
    view = True
    gives = UNKNOWN

    shape: tuple[int, ...] = field(wholes(-1), about="The sizes of the output, one of which may be −1.")
    layout: str | None = layout_field()

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        values = product(x)
        open_ = [place for place, size in enumerate(self.shape) if size == -1]
        known = product(size for size in self.shape if size != -1)
        if len(open_) > 1:
            raise LayerError("one size at most is -1", f"{len(open_)} in {shown(self.shape)}", field="shape")
        if known == 0:
            raise LayerError("a size is at least 1, or -1 for what is left", shown(self.shape), field="shape")
        if values % known if open_ else values != known:
            what = f"must divide the {values} values" if open_ else f"must hold the {values} values"
            found = f"{shown(self.shape)} holds {known}{' and what is left' * bool(open_)}, {shown(x)} reaches it"
            raise LayerError(f"shape {what} that reach it", found, field="shape")
        return tuple([values // known if size == -1 else size for size in self.shape])

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings | None:
        reading = reshaped(inputs[0], outputs[0])
        return None if reading is None else ((reading,),)

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"shape": shape}, (x,))
            for x in _SHAPES
            for shape in dict.fromkeys([(product(x),), (-1,), (x[-1], -1), (1, product(x[:-1]), x[-1]), (-1, 1, x[0])])
        ]
        return Trials("sizes", "1–3 axes of 1–4, one of them -1 or not", points)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        size = letter("Di")
        return {"shape": (letter("M"), size * size), "layout": None}, ((letter("M"), size, size),)


class Expand(_Reshaping, type="expand"):
    """Axes of size 1 stretched to other sizes, and new ones before them; −1 keeps a size.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.expand.html
    """

    words: ClassVar[Mapping[str, str]] = {"broadcast_to": "PyTorch", "repeat_interleave": "PyTorch", "tile": "Keras"}

    shape: tuple[int, ...] = field(wholes(-1), about="The sizes of the output, −1 for those of the input.")
    layout: str | None = layout_field()

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        new = len(self.shape) - len(x)
        if new < 0:
            raise LayerError("shape has at least the axes of the input", f"{shown(x)} reaches it", field="shape")
        sizes = []
        for wanted, size in zip(self.shape, (None,) * new + x, strict=True):
            if wanted == 0 or (wanted == -1 and size is None):
                message = "a size is at least 1, or -1 for that of an axis of the input"
                raise LayerError(message, shown(self.shape), field="shape")
            if size is not None and wanted != -1 and size != 1 and wanted != size:
                found = f"{shown(x)} reaches it, {shown(self.shape)} is wanted"
                raise LayerError("only axes of size 1 are stretched", found, field="shape")
            sizes.append(size if wanted == -1 else wanted)
        return tuple(sizes)  # type: ignore[arg-type]  # no size is None: -1 takes one of the input

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        if vars(self).get("layout") is None and len(outputs[0]) != len(inputs[0].shape):
            return (UNKNOWN,)
        return super().layouts(inputs, outputs)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        (x,) = inputs
        return ((stretched(x, outputs[0], len(outputs[0]) - len(x)),),)

    @classmethod
    def trials(cls) -> Trials:
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = []
        for x in _SHAPES:
            points += [({"shape": (-1,) * len(x)}, (x,)), ({"shape": (2, *x)}, (x,))]
            points.append(({"shape": tuple(2 if size == 1 else size for size in x)}, (x,)))
        return Trials("sizes", "1–4 axes, each stretched or not, and a new one", points)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        size = letter("Di")
        return {"shape": (letter("M"), size, size), "layout": None}, ((letter("M"), 1, 1),)
