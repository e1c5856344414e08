"""The sizes at which each layer type is executed to determine its formulas; `formulas` says why they are enough.

A type is found here by its name, or, where all of its fields have defaults, runs with these on every small shape that
it takes; truth values are tried both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from msgspec import Struct

from convcost.layers import REGISTRY, Shape
from convcost.verification import windows
from convcost.verification.counting import Task
from convcost.verification.windows import SMALL


class Cases(Struct, frozen=True):
    """Where a layer type is executed.

    Attributes:
        variables: What varies, to all sizes; the degree is at most 1 in each.
        covered: What is held while these vary, and which of it was tried.
        tasks: Every point.
    """

    variables: str
    covered: str
    tasks: Callable[[], Iterator[Task]]


def cases_of(type: str) -> Cases | None:
    """Return where a type is executed; None where nothing says how to fill in its fields."""
    if type in _CASES:
        return _CASES[type]
    if any(field.required for field in REGISTRY[type].fields.values()):
        return None
    return Cases(_SIZES, _with_flags(type), lambda: _plain(type))


_SIZES = "channels, sizes"
_GROUPS = "groups, channels of each, sizes"
_STRIDED = "sizes of each remainder"
_AXES = "vectors, 1–3 axes"
_MIXED = "mixed on 2 and 3 axes"
_CONV_COVERED = f"kernel, stride 1–3, dilation 1–2, padding 0, 1, [0, 1], [3, 1], same, ± bias; {_MIXED}"


def _linear() -> Iterator[Task]:
    for features, out, bias in product(SMALL, SMALL, (False, True)):
        yield Task("linear", {"out_features": out, "bias": bias}, ((features,),))


def _shapes(takes: str) -> Iterator[Shape]:
    for rank in range(0 if takes == "any" else 1, 4):
        yield from product(SMALL, repeat=rank + 1)


def _defaults(type: str) -> Iterator[dict[str, Any]]:
    fields = REGISTRY[type].fields
    flags = [name for name, field in fields.items() if isinstance(field.default, bool)]
    for values in product((False, True), repeat=len(flags)):
        yield {name: field.default for name, field in fields.items()} | dict(zip(flags, values, strict=True))


def _with_flags(type: str) -> str:
    flags = [name for name, field in REGISTRY[type].fields.items() if isinstance(field.default, bool)]
    return "vectors, 1–3 axes" + "".join(f", ± {name}" for name in flags)


def _plain(type: str) -> Iterator[Task]:
    for given, shape in product(_defaults(type), _shapes(REGISTRY[type].takes)):
        yield Task(type, given, (shape,))


def _with(type: str, variants: Callable[[Shape], Iterator[dict[str, Any]]]) -> Callable[[], Iterator[Task]]:
    """Return the points of a type whose fields depend on the shape."""

    def tasks() -> Iterator[Task]:
        for given, shape in product(_defaults(type), _shapes(REGISTRY[type].takes)):
            for fields in variants(shape):
                yield Task(type, given | fields, (shape,))

    return tasks


def _folded() -> Iterator[Task]:
    for task in _plain("batch_norm"):
        yield task
        yield Task(task.type, task.fields, task.input_shapes, folded=True)


def _grouped(type: str, field: str) -> Callable[[], Iterator[Task]]:
    """Return the points of a type whose groups divide the channels."""

    def tasks() -> Iterator[Task]:
        for given, groups, shape in product(_defaults(type), SMALL, _shapes("any")):
            yield Task(type, given | {field: groups}, ((groups * shape[0], *shape[1:]),))

    return tasks


def _elementwise(type: str) -> Callable[[], Iterator[Task]]:
    def tasks() -> Iterator[Task]:
        for shape in _shapes("any"):
            if len(shape) > 3:
                continue
            forms = dict.fromkeys([shape, (shape[0], *(1 for _ in shape[1:])), (1, *shape[1:])])
            for count in (2, 3):
                for inputs in product(forms, repeat=count):
                    yield Task(type, {}, inputs)
            yield Task(type, {}, (shape,) * 4)

    return tasks


def _concat() -> Iterator[Task]:
    for sizes in ((), (2,), (2, 3), (1, 2, 3)):
        for count in (2, 3, 4):
            for channels in product(SMALL, repeat=count):
                yield Task("concat", {}, tuple([(each, *sizes) for each in channels]))


def _upsample() -> Iterator[Task]:
    modes = {1: "linear", 2: "bilinear", 3: "trilinear"}
    factors = (1, 2, 3, Fraction(3, 2), Fraction(2, 3), Fraction(1, 2))
    for rank, align in product(SMALL, (False, True)):
        for mode, channels, factor, size in product(
            ("nearest", modes[rank]), SMALL, factors, range(2, 8 if rank < 3 else 4)
        ):
            shape = (channels, size, *range(4, 3 + rank))
            given = {"mode": mode, "align_corners": align}
            scales = (factor, *[2] * (rank - 1))
            yield Task("upsample", given | {"scale_factor": scales, "size": None}, (shape,))
            told = (size + 1, *[3] * (rank - 1))
            yield Task("upsample", given | {"scale_factor": None, "size": told}, (shape,))


def _pairs(shape: Shape, field: str) -> Iterator[dict[str, Any]]:
    for pair in ((0, 0), (1, 0), (0, 2), (1, 1)):
        yield {field: (pair, *[(0, 1)] * (len(shape) - 2))}


def _slices(shape: Shape) -> Iterator[dict[str, Any]]:
    for start in range(shape[0]):
        for end in range(start + 1, shape[0] + 1):
            yield {"start": start, "end": end}


def _pixel_shuffle() -> Iterator[Task]:
    for factor, rank in product(SMALL, SMALL):
        for channels, *sizes in product(SMALL, repeat=rank + 1):
            yield Task("pixel_shuffle", {"upscale_factor": factor}, ((channels * factor**rank, *sizes),))


_CASES: dict[str, Cases] = {
    "conv": Cases(f"groups, M/g, N/g, {_STRIDED}", _CONV_COVERED, windows.conv),
    "depthwise_conv": Cases(f"channels, multiplier, {_STRIDED}", _CONV_COVERED, windows.depthwise),
    "pointwise_conv": Cases(
        f"groups, M/g, N/g, {_STRIDED}",
        "stride 1–3, ± bias; 1–3 axes",
        windows.pointwise,
    ),
    "transposed_conv": Cases(
        "groups, M/g, N/g, sizes",
        f"kernel, stride 1–3, dilation 1–2, padding 0, 1, [0, 1], [3, 1], output padding 0, 1, ± bias; {_MIXED}",
        windows.transposed,
    ),
    "linear": Cases("features in and out", "± bias", _linear),
    "max_pool": Cases(
        f"channels, {_STRIDED}",
        f"kernel, stride 1–3, dilation 1–2, padding 0, 1, [0, 1], same, ± ceil_mode; {_MIXED}",
        lambda: windows.pools("max_pool"),
    ),
    "avg_pool": Cases(
        f"channels, {_STRIDED}",
        f"kernel, stride 1–3, padding 0, 1, [0, 1], same, ± ceil_mode, ± count_include_pad; {_MIXED}",
        lambda: windows.pools("avg_pool"),
    ),
    "adaptive_avg_pool": Cases(
        f"channels, {_STRIDED}",
        "output size 1–5; 1–3 axes",
        windows.adaptive,
    ),
    "batch_norm": Cases(_SIZES, f"{_AXES}, folded and not, ± affine", _folded),
    "group_norm": Cases(_GROUPS, f"{_AXES}, ± affine", _grouped("group_norm", "num_groups")),
    "channel_shuffle": Cases(_GROUPS, _AXES, _grouped("channel_shuffle", "groups")),
    "local_response_norm": Cases(
        "size, channels, sizes",
        _AXES,
        _with("local_response_norm", lambda shape: ({"size": size} for size in SMALL)),
    ),
    "prelu": Cases(
        _SIZES,
        f"{_AXES}, one parameter and one a channel",
        _with("prelu", lambda shape: ({"num_parameters": number} for number in dict.fromkeys((1, shape[0])))),
    ),
    "gelu": Cases(
        _SIZES,
        f"{_AXES}, approximate none and tanh",
        _with("gelu", lambda shape: ({"approximate": how} for how in ("none", "tanh"))),
    ),
    "add": Cases(_SIZES, "2–4 inputs, any of them stretched; vectors, 1 and 2 axes", _elementwise("add")),
    "multiply": Cases(_SIZES, "2–4 inputs, any of them stretched; vectors, 1 and 2 axes", _elementwise("multiply")),
    "concat": Cases("channels of each input", "2–4 inputs, vectors, 1–3 axes", _concat),
    "slice": Cases("start, end, sizes", _AXES, _with("slice", _slices)),
    "pixel_shuffle": Cases(_SIZES, "factor 1–3; 1–3 axes", _pixel_shuffle),
    "upsample": Cases(
        f"channels, {_STRIDED}",
        "factor 1/2, 2/3, 1, 3/2, 2, 3 or a size, nearest or interpolated, ± align_corners; 1–3 axes",
        _upsample,
    ),
    "pad": Cases(_SIZES, "amounts 0–2 on each side; 1–3 axes", _with("pad", lambda shape: _pairs(shape, "padding"))),
    "crop": Cases(_SIZES, "amounts 0–2 on each side; 1–3 axes", _with("crop", lambda shape: _pairs(shape, "cropping"))),
}
