"""Layers that work on the positions of a map: convolutions, pools, padding, cropping, resizing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from msgspec import Struct

from convcost.importers.keras.activations import activated
from convcost.importers.keras.builder import GraphBuilder
from convcost.importers.keras.registry import integers, layer, one, whole
from convcost.importers.keras.values import KerasLayer, KerasValue, Sizes, UntranslatableLayer, known


class Map(Struct, frozen=True):
    """A value with its channels first, as operators of maps take it.

    Attributes:
        name: Its name in the graph.
        channels: How many channels it has.
        sizes: Its other sizes; the first of them are those that `TimeDistributed` adds.
        last: Whether Keras has the channels last.
    """

    name: str
    channels: int | None
    sizes: Sizes
    last: bool

    def value(self, name: str, channels: int | None, sizes: Sizes) -> KerasValue:
        """Return another map in the same order, as a value."""
        return KerasValue(name, (*sizes, channels) if self.last else (channels, *sizes), first=self.last)


def rank_of(layer: KerasLayer) -> int:
    """Return how many axes of positions the class of a layer has in its name, and those before them."""
    axes = _axes_of(layer.kind)
    if axes is None:
        raise UntranslatableLayer("it works on 1 to 3 axes of positions")
    return axes + layer.lead


@cache
def _axes_of(kind: str) -> int | None:
    return next((int(char) for char in kind if char in "123"), None)


def channels_last(layer: KerasLayer) -> bool:
    """Return whether a layer has the channels last, as Keras has them unless it says otherwise."""
    given = layer.config.get("data_format")
    if given not in (None, "channels_last", "channels_first"):
        raise UntranslatableLayer(f"its data_format is {given!r}")
    return given != "channels_first"


def map_of(builder: GraphBuilder, layer: KerasLayer, value: KerasValue | None = None) -> Map:
    """Return what a layer reads as a map."""
    value = one(layer) if value is None else value
    if len(value.known) != rank_of(layer) + 1:
        raise UntranslatableLayer(f"it reads {len(value.known)} axes instead of {rank_of(layer) + 1}")
    last = channels_last(layer)
    if not last and layer.lead:
        raise UntranslatableLayer("it is applied to slices with the channels first")
    value = builder.first(value) if last else builder.plain(value)
    *sizes, channels = value.known if last else (*value.known[1:], value.known[0])
    return Map(value.name, channels, tuple(sizes), last)


class KerasWindow(Struct, frozen=True):
    """The window of a convolution or a pool, with ones for the axes that are handled slice by slice.

    Attributes:
        kernel: Its sizes.
        strides: Its steps.
        dilations: The distances of its values.
        padding: `valid`, `same` or `causal`.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: str

    @property
    def spans(self) -> tuple[int, ...]:
        """How far it reaches."""
        return tuple([d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True)])

    def attributes(self) -> dict[str, Any]:
        """Return it as operators have it."""
        found: dict[str, Any] = {"kernel_shape": self.kernel, "strides": self.strides}
        if set(self.dilations) != {1}:
            found["dilations"] = self.dilations
        if self.padding == "same":
            found["auto_pad"] = "SAME_UPPER"
        elif self.padding == "causal":
            before = tuple([span - 1 for span in self.spans])
            found["pads"] = (*before, *(0 for _ in before))
        return found

    def sizes(self, before: Sizes) -> Sizes:
        """Return the sizes of what it gives."""
        found = []
        for size, span, stride in zip(before, self.spans, self.strides, strict=True):
            less = span - 1 if self.padding == "valid" else 0
            found.append(None if size is None else -(-(size - less) // stride))
        return tuple(found)


def window(layer: KerasLayer, kernel: str, strides: str, *, stride_is_kernel: bool = False) -> KerasWindow:
    """Return the window of a layer, given the names of its fields."""
    config, axes = layer.config, rank_of(layer) - layer.lead
    if kernel == "kernel_size" and config.get(kernel) is None:
        raise UntranslatableLayer("its kernel_size is not given")
    sizes = integers(config.get(kernel), axes, default=2)
    steps = config.get(strides)
    steps = sizes if steps is None and stride_is_kernel else integers(steps, axes)
    dilations = integers(config.get("dilation_rate"), axes)
    padding = config.get("padding", "valid")
    padding = padding.lower() if isinstance(padding, str) else padding
    if padding not in ("valid", "same") and (padding != "causal" or axes != 1):
        raise UntranslatableLayer(f"its padding is {padding!r}")
    if min((*sizes, *steps, *dilations)) < 1:
        raise UntranslatableLayer("its window, strides or dilation are not above 0")
    ones = (1,) * layer.lead
    return KerasWindow((*ones, *sizes), (*ones, *steps), (*ones, *dilations), padding)


def _refuse_low_rank(layer: KerasLayer) -> None:
    if layer.config.get("lora_rank"):
        raise UntranslatableLayer("its kernel has an update of low rank")


# convolutions


@layer("Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D")
def conv(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a convolution."""
    _refuse_low_rank(layer)
    map, form = map_of(builder, layer), window(layer, "kernel_size", "strides")
    filters, groups = whole(layer, "filters"), whole(layer, "groups", 1)
    channels = known(map.channels)
    if channels % groups or filters % groups:
        raise UntranslatableLayer(f"{groups} groups do not divide {channels} and {filters} channels")
    kernel = builder.weight(layer, "kernel", filters, channels // groups, *form.kernel)
    found = _convolved(builder, layer, map, form, kernel, filters, groups)
    return activated(builder, layer, found)


def _convolved(
    builder: GraphBuilder, layer: KerasLayer, map: Map, form: KerasWindow, kernel: str, filters: int, groups: int
) -> KerasValue:
    bias = [builder.weight(layer, "bias", filters)] if layer.config.get("use_bias", True) else []
    attributes = form.attributes() | ({"group": groups} if groups != 1 else {})
    name = builder.add(layer, "Conv", [map.name, kernel, *bias], attributes)
    return map.value(name, filters, form.sizes(map.sizes))


@layer("DepthwiseConv1D", "DepthwiseConv2D", "DepthwiseConvolution2D")
def depthwise_conv(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a depthwise convolution."""
    map, form = map_of(builder, layer), window(layer, "kernel_size", "strides")
    channels = known(map.channels)
    filters = channels * whole(layer, "depth_multiplier", 1)
    kernel = builder.weight(layer, "kernel", filters, 1, *form.kernel)
    return activated(builder, layer, _convolved(builder, layer, map, form, kernel, filters, channels))


@layer("SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D")
def separable_conv(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a depthwise convolution without a bias and a pointwise one that has the layer's."""
    map, form = map_of(builder, layer), window(layer, "kernel_size", "strides")
    channels, filters = known(map.channels), whole(layer, "filters")
    middle = channels * whole(layer, "depth_multiplier", 1)
    kernel = builder.weight(layer, "depthwise_kernel", middle, 1, *form.kernel)
    attributes = form.attributes() | {"group": channels}
    name = builder.add(layer, "Conv", [map.name, kernel], attributes, scope=f"{layer.path}.depthwise")
    ones = (1,) * len(form.kernel)
    point = KerasWindow(ones, ones, ones, "valid")
    sizes = form.sizes(map.sizes)
    kernel = builder.weight(layer, "pointwise_kernel", filters, middle, *ones)
    found = _convolved(builder, layer, Map(name, middle, sizes, map.last), point, kernel, filters, 1)
    return activated(builder, layer, found)


@layer("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "Convolution2DTranspose", "Deconvolution2D")
def transposed_conv(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a transposed convolution, whose output is cropped to the input's size times the strides."""
    map, form = map_of(builder, layer), window(layer, "kernel_size", "strides")
    if form.padding == "causal":
        raise UntranslatableLayer("its padding is 'causal'")
    filters = whole(layer, "filters")
    given = layer.config.get("output_padding")
    extra = integers(given, rank_of(layer) - layer.lead) if given is not None else None
    extra = (0,) * layer.lead + extra if extra is not None else None
    pads, more = _transposed_padding(form, extra)
    kernel = builder.weight(layer, "kernel", known(map.channels), filters, *form.kernel)
    bias = [builder.weight(layer, "bias", filters)] if layer.config.get("use_bias", True) else []
    attributes = form.attributes() | {"auto_pad": "NOTSET", "pads": pads}
    attributes |= {"output_padding": more} if any(more) else {}
    name = builder.add(layer, "ConvTranspose", [map.name, kernel, *bias], attributes)
    axes, sizes = len(form.kernel), []
    for at, (size, stride, span) in enumerate(zip(map.sizes, form.strides, form.spans, strict=True)):
        after = None if size is None else (size - 1) * stride + span - pads[at] - pads[at + axes] + more[at]
        sizes.append(after)
    return activated(builder, layer, map.value(name, filters, tuple(sizes)))


def _transposed_padding(form: KerasWindow, extra: tuple[int, ...] | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the crop before and behind each axis, and the padding behind.

    Args:
        form: The window.
        extra: The field `output_padding`; without it the output has stride · size values, more where the window is
            wider and not cropped.
    """
    before, behind, more = [], [], []
    for at, (span, stride) in enumerate(zip(form.spans, form.strides, strict=True)):
        if extra is not None:
            crop = 2 * (span // 2) if form.padding == "same" else 0
            added = extra[at]
        else:
            crop = max(span - stride, 0) if form.padding == "same" else 0
            added = max(stride - span, 0)
        before.append(crop // 2)
        behind.append(crop - crop // 2)
        more.append(added)
    return (*before, *behind), tuple(more)


# pools


@layer("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "MaxPool1D", "MaxPool2D", "MaxPool3D")
@layer("AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "AvgPool1D", "AvgPool2D", "AvgPool3D")
def pool(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a pool; averages leave out what is padded."""
    map, form = map_of(builder, layer), window(layer, "pool_size", "strides", stride_is_kernel=True)
    operator = "MaxPool" if layer.kind.startswith("Max") else "AveragePool"
    name = builder.add(layer, operator, [map.name], form.attributes())
    return map.value(name, map.channels, form.sizes(map.sizes))


_GLOBAL = [
    f"Global{kind}{axes}D" for kind in ("AveragePooling", "AvgPool", "MaxPooling", "MaxPool") for axes in (1, 2, 3)
]


@layer(*_GLOBAL)
def global_pool(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a pool over all positions."""
    map = map_of(builder, layer)
    average = "A" in layer.kind
    keep, lead = bool(layer.config.get("keepdims", False)), layer.lead
    if not lead:
        name = builder.add(layer, "GlobalAveragePool" if average else "GlobalMaxPool", [map.name])
        if keep:
            return map.value(name, map.channels, (1,) * len(map.sizes))
        return KerasValue(builder.add(layer, "Flatten", [name]), (map.channels,))
    axes = tuple(range(2 + lead, 2 + len(map.sizes)))
    name = builder.add(
        layer, "ReduceMean" if average else "ReduceMax", [map.name], {"axes": axes, "keepdims": int(keep)}
    )
    return map.value(name, map.channels, (*map.sizes[:lead], *((1,) * len(axes) if keep else ())))


_ADAPTIVE = [f"Adaptive{kind}Pooling{axes}D" for kind in ("Average", "Max") for axes in (1, 2, 3)]


@layer(*_ADAPTIVE)
def adaptive_pool(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a pool to given sizes."""
    map, lead = map_of(builder, layer), layer.lead
    own = integers(layer.config.get("output_size"), len(map.sizes) - lead)
    sizes = (*(known(size) for size in map.sizes[:lead]), *own)
    operator = "keras.AdaptiveAveragePool" if "Average" in layer.kind else "keras.AdaptiveMaxPool"
    return map.value(builder.add(layer, operator, [map.name], {"sizes": sizes}), map.channels, sizes)


# sizes


def pairs(value: Any, axes: int) -> tuple[tuple[int, int], ...]:
    """Return the amounts before and behind each axis, as padding and cropping write them."""
    if type(value) is int:
        return ((value, value),) * axes
    found = tuple(value) if isinstance(value, (list, tuple)) else ()
    if axes == 1 and len(found) == 2 and all(type(each) is int for each in found):
        return ((found[0], found[1]),)
    if len(found) != axes:
        raise UntranslatableLayer(f"its amounts are {value!r}")
    pairs = [integers(each, 2) for each in found]
    return tuple((a, b) for a, b in pairs)


def _amounts(layer: KerasLayer, name: str) -> tuple[tuple[int, int], ...]:
    found = ((0, 0),) * layer.lead + pairs(layer.config.get(name, 1), rank_of(layer) - layer.lead)
    if min(map(min, found)) < 0:
        raise UntranslatableLayer("an amount is below 0")
    return found


@layer("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def zero_padding(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a padding with zeros."""
    map, amounts = map_of(builder, layer), _amounts(layer, "padding")
    before, behind = zip(*((0, 0), (0, 0), *amounts), strict=True)
    name = builder.add(layer, "Pad", [map.name, builder.number(*before, *behind)])
    return map.value(name, map.channels, _sized(map.sizes, lambda at, size: size + sum(amounts[at])))


@layer("Cropping1D", "Cropping2D", "Cropping3D")
def cropping(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a cropping."""
    map, amounts = map_of(builder, layer), _amounts(layer, "cropping")
    starts = [before for before, _ in amounts]
    ends = [-behind or 2**31 for _, behind in amounts]
    axes = range(2, 2 + len(amounts))
    name = builder.add(layer, "Slice", [map.name, *(builder.number(*each) for each in (starts, ends, axes))])
    return map.value(name, map.channels, _sized(map.sizes, lambda at, size: size - sum(amounts[at])))


def _sized(sizes: Sizes, change: Callable[[int, int], int]) -> Sizes:
    """Return sizes that are changed one by one, those that are open apart."""
    return tuple([None if size is None else change(at, size) for at, size in enumerate(sizes)])


_MODES = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}


@layer("UpSampling1D", "UpSampling2D", "UpSampling3D")
def upsampling(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate an enlargement by whole factors."""
    map, axes = map_of(builder, layer), rank_of(layer) - layer.lead
    factors = (1,) * layer.lead + integers(layer.config.get("size"), axes, default=2)
    mode = layer.config.get("interpolation", "nearest")
    if mode not in _MODES or (layer.lead and mode != "nearest"):
        raise UntranslatableLayer(f"its interpolation is {mode!r}")
    scales = builder.number(1.0, 1.0, *map_floats(factors))
    attributes = {"mode": _MODES[mode], "coordinate_transformation_mode": "half_pixel"}
    name = builder.add(layer, "Resize", [map.name, "", scales], attributes)
    return map.value(name, map.channels, _sized(map.sizes, lambda at, size: size * factors[at]))


def map_floats(values: tuple[int, ...]) -> tuple[float, ...]:
    """Return whole numbers as scales have them."""
    return tuple([float(value) for value in values])


def resized(
    builder: GraphBuilder, layer: KerasLayer, value: KerasValue, sizes: tuple[int, int], mode: str, last: bool
) -> KerasValue:
    """Return an image in other sizes."""
    if len(value.known) != 3 + layer.lead or layer.lead:
        raise UntranslatableLayer("it resizes what is no image")
    if mode not in _MODES:
        raise UntranslatableLayer(f"its interpolation is {mode!r}")
    value = builder.first(value) if last else builder.plain(value)
    channels = known(value.known[-1 if last else 0])
    attributes = {"mode": _MODES[mode], "coordinate_transformation_mode": "half_pixel"}
    name = builder.add(layer, "Resize", [value.name, "", "", builder.number(1, channels, *sizes)], attributes)
    return KerasValue(name, (*sizes, channels) if last else (channels, *sizes), first=last)


@layer("Resizing")
def resizing(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a resizing to given sizes."""
    config = layer.config
    if any(config.get(name) for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias")):
        raise UntranslatableLayer("it crops, pads or filters before it resizes")
    sizes = whole(layer, "height"), whole(layer, "width")
    mode = config.get("interpolation", "bilinear")
    return resized(builder, layer, one(layer), sizes, mode, channels_last(layer))


@layer("CenterCrop")
def center_crop(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a cropping around the centre."""
    value, last = one(layer), channels_last(layer)
    if len(value.known) != 3:
        raise UntranslatableLayer("it crops what is no image")
    value = builder.first(value) if last else builder.plain(value)
    sizes = value.known[:2] if last else value.known[1:]
    wanted = whole(layer, "height"), whole(layer, "width")
    before = [known(size) - size_wanted for size, size_wanted in zip(sizes, wanted, strict=True)]
    if min(before) < 0:
        raise UntranslatableLayer("it crops to more than it reads, and resizes")
    starts = [each // 2 for each in before]
    ends = [start + size for start, size in zip(starts, wanted, strict=True)]
    name = builder.add(layer, "Slice", [value.name, *(builder.number(*each) for each in (starts, ends, (2, 3)))])
    channels = value.known[-1 if last else 0]
    return KerasValue(name, (*wanted, channels) if last else (channels, *wanted), first=last)
