"""Convolutions, pools and resizing: what works on pictures."""

from __future__ import annotations

from typing import Any

from convcost.importers.tflite.flatbuffer import FlatTable
from convcost.importers.tflite.model import FileOperator
from convcost.importers.tflite.translator import Translator, Untranslatable, translates

_PADDING = ("SAME_UPPER", "VALID")
_OTHER_CHANNELS = "its kernel does not take the channels that reach it"


def _options(operator: FileOperator) -> FlatTable:
    if operator.options is None:
        raise Untranslatable("it has no options")
    return operator.options


def _padding(options: FlatTable) -> str:
    return _PADDING[options.whole(0, "b")]


def _steps(options: FlatTable, *fields: int, default: int = 0) -> tuple[int, ...]:
    """Return a number for each axis."""
    found = tuple(options.whole(field, default=default) for field in fields)
    if min(found) < 1:
        raise Untranslatable("a stride, a dilation or a size of its window is below 1")
    return found


@translates("CONV_2D")
def conv(translator: Translator, operator: FileOperator) -> None:
    """Translate a convolution; with a kernel for fewer channels than there are it has groups."""
    out, height, width, channels = translator.tensor(operator.inputs[1]).shape
    _convolve(translator, operator, (out, channels, height, width), strides=(2, 1), dilations=(5, 4))


@translates("DEPTHWISE_CONV_2D")
def depthwise_conv(translator: Translator, operator: FileOperator) -> None:
    """Translate a depthwise convolution; its multiplier follows from its kernel."""
    one, height, width, out = translator.tensor(operator.inputs[1]).shape
    if one != 1 or out % translator.tensor(operator.inputs[0]).shape[-1]:
        raise Untranslatable(_OTHER_CHANNELS)
    _convolve(translator, operator, (out, 1, height, width), strides=(2, 1), dilations=(6, 5))


@translates("CONV_3D")
def conv_3d(translator: Translator, operator: FileOperator) -> None:
    """Translate a convolution of volumes."""
    *size, channels, out = translator.tensor(operator.inputs[1]).shape
    _convolve(translator, operator, (out, channels, *size), strides=(1, 3, 2), dilations=(5, 7, 6))


def _convolve(
    translator: Translator,
    operator: FileOperator,
    kernel: tuple[int, ...],
    *,
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> None:
    """Give a convolution whose kernel has a shape as ONNX has it; the fields of its steps are given for each axis."""
    options = _options(operator)
    source, weights = operator.inputs[:2]
    reaching, channels = translator.tensor(source).shape[-1], kernel[1]
    if channels < 1 or reaching % channels:
        raise Untranslatable(_OTHER_CHANNELS)
    translator.give(
        operator,
        "Conv",
        [translator.picture(source), translator.constant(weights, kernel), *translator.bias(operator, 2)],
        first=True,
        auto_pad=_padding(options),
        strides=_steps(options, *strides),
        dilations=_steps(options, *dilations, default=1),
        group=reaching // channels,
    )


@translates("TRANSPOSE_CONV")
def transposed_conv(translator: Translator, operator: FileOperator) -> None:
    """Translate a transposed convolution; what it crops follows from the size of what it gives."""
    options = _options(operator)
    kernel, source = translator.tensor(operator.inputs[1]), operator.inputs[2]
    out, *size, channels = kernel.shape
    strides = _steps(options, 2, 1)
    before, after = translator.tensor(source).shape[1:3], translator.graph.tensors[operator.outputs[0]].sizes[1:3]
    if translator.tensor(operator.inputs[0]).is_constant:
        after = translator.numbers(operator.inputs[0])[1:3]
    starts, ends, more = [], [], []
    for has, gives, k, s in zip(before, after, size, strides, strict=True):
        if gives is None or has < 1:
            raise Untranslatable("the size of what it gives is not known")
        crop = (has - 1) * s + k - gives
        starts.append(max(crop, 0) // 2)
        ends.append(max(crop, 0) - max(crop, 0) // 2)
        more.append(max(-crop, 0))
    translator.give(
        operator,
        "ConvTranspose",
        [
            translator.picture(source),
            translator.constant(kernel.index, (channels, out, *size)),
            *translator.bias(operator, 3),
        ],
        first=True,
        strides=strides,
        pads=(*starts, *ends),
        output_padding=tuple(more),
    )


@translates("AVERAGE_POOL_2D", "MAX_POOL_2D")
def pool(translator: Translator, operator: FileOperator) -> None:
    """Translate a pool."""
    options = _options(operator)
    translator.give(
        operator,
        "AveragePool" if operator.name == "AVERAGE_POOL_2D" else "MaxPool",
        [translator.picture(operator.inputs[0])],
        first=True,
        auto_pad=_padding(options),
        strides=_steps(options, 2, 1),
        kernel_shape=_steps(options, 4, 3),
    )


@translates("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def resize(translator: Translator, operator: FileOperator) -> None:
    """Translate a resizing."""
    bilinear = operator.name == "RESIZE_BILINEAR"
    source = operator.inputs[0]
    align = operator.options is not None and operator.options.flag(2 if bilinear else 0)
    sizes: list[Any] = list(translator.numbers(operator.inputs[1]))
    shape = translator.tensor(source).sizes
    if len(sizes) != 2 or len(shape) != 4 or None in (shape[0], shape[3]):
        raise Untranslatable("it resizes to sizes that are not known")
    translator.give(
        operator,
        "Resize",
        [translator.picture(source), "", "", translator.new([shape[0] or 1, shape[3] or 1, *sizes])],
        first=True,
        mode="linear" if bilinear else "nearest",
        coordinate_transformation_mode="align_corners" if align else "half_pixel",
    )


@translates("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def exchange(translator: Translator, operator: FileOperator) -> None:
    """Translate an exchange of channels and positions."""
    translator.give(
        operator,
        "DepthToSpace" if operator.name == "DEPTH_TO_SPACE" else "SpaceToDepth",
        [translator.picture(operator.inputs[0])],
        first=True,
        blocksize=_options(operator).whole(0),
    )


@translates("LOCAL_RESPONSE_NORMALIZATION")
def local_response_norm(translator: Translator, operator: FileOperator) -> None:
    """Translate a local response norm; ONNX divides its factor by the number of channels that it looks at."""
    options = _options(operator)
    size = 2 * options.whole(0) + 1
    translator.give(
        operator,
        "LRN",
        [translator.picture(operator.inputs[0])],
        first=True,
        size=size,
        alpha=options.number(2) * size,
        beta=options.number(3),
        bias=options.number(1),
    )
