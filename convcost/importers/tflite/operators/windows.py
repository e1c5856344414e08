"""Convolutions, pools and resizing: what works on pictures."""

from __future__ import annotations

from typing import Any

from convcost.importers.tflite.flatbuffer import FlatTable
from convcost.importers.tflite.model import FileOperator
from convcost.importers.tflite.translator import Translator, Untranslatable, translates

_PADDING = ("SAME_UPPER", "VALID")


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


@translates("CONV_2D", "DEPTHWISE_CONV_2D")
def conv(translator: Translator, operator: FileOperator) -> None:
    """Translate a convolution."""
    options, source = _options(operator), operator.inputs[0]
    at = 5 if operator.name == "CONV_2D" else 6
    weights, groups = kernel_of(translator, operator, translator.tensor(source).shape[-1])
    translator.give(
        operator,
        "Conv",
        [translator.picture(source), *weights],
        first=True,
        auto_pad=_padding(options),
        strides=_steps(options, 2, 1),
        dilations=_steps(options, at, at - 1, default=1),
        group=groups,
    )


def is_plain(operator: FileOperator) -> bool:
    """Return whether a convolution of pictures has no padding, stride or dilation."""
    options, at = _options(operator), 5 if operator.name == "CONV_2D" else 6
    steps = (*_steps(options, 2, 1), *_steps(options, at, at - 1, default=1))
    return _padding(options) == "VALID" and set(steps) == {1}


def kernel_of(translator: Translator, operator: FileOperator, reaching: int) -> tuple[list[str], int]:
    """Return the names of the kernel and the bias of a convolution of pictures, and how many groups it has.

    With a kernel for fewer channels than there are it has groups. The multiplier of a depthwise one follows from it.

    Args:
        translator: The translator.
        operator: The convolution.
        reaching: The channels that reach it.
    """
    kernel = translator.tensor(operator.inputs[1])
    if operator.name == "CONV_2D":
        out, height, width, channels = kernel.shape
        is_fit = channels > 0 and reaching % channels == 0
    else:
        one, height, width, out = kernel.shape
        channels = 1
        is_fit = one == 1 and reaching > 0 and out % reaching == 0
    if not is_fit:
        raise Untranslatable("its kernel does not take the channels that reach it")
    weights = [translator.constant(kernel.index, (out, channels, height, width)), *translator.bias(operator, 2)]
    return weights, reaching // channels


@translates("CONV_3D")
def conv_3d(translator: Translator, operator: FileOperator) -> None:
    """Translate a convolution of volumes."""
    options = _options(operator)
    source, kernel = operator.inputs[0], translator.tensor(operator.inputs[1])
    *size, channels, out = kernel.shape
    reaching = translator.tensor(source).shape[-1]
    if channels < 1 or reaching % channels or len(size) != 3:
        raise Untranslatable("its kernel does not take the channels that reach it")
    translator.give(
        operator,
        "Conv",
        [
            translator.picture(source),
            translator.constant(kernel.index, (out, channels, *size)),
            *translator.bias(operator, 2),
        ],
        first=True,
        auto_pad=_padding(options),
        strides=_steps(options, 1, 3, 2),
        dilations=_steps(options, 5, 7, 6, default=1),
        group=reaching // channels,
    )


@translates("TRANSPOSE_CONV")
def transposed_conv(translator: Translator, operator: FileOperator) -> None:
    """Translate a transposed convolution."""
    out, *size, channels = translator.tensor(operator.inputs[1]).shape
    _transposed(translator, operator, (channels, out, *size), _steps(_options(operator), 2, 1))


@translates("CONV_3D_TRANSPOSE")
def transposed_conv_3d(translator: Translator, operator: FileOperator) -> None:
    """Translate a transposed convolution of volumes."""
    options = _options(operator)
    *size, out, channels = translator.tensor(operator.inputs[1]).shape
    strides, dilations = _steps(options, 1, 3, 2), _steps(options, 5, 7, 6, default=1)
    _transposed(translator, operator, (channels, out, *size), strides, dilations)


def _transposed(
    translator: Translator,
    operator: FileOperator,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...] = (1, 1),
) -> None:
    """Translate a transposed convolution; what it crops follows from the size of what it gives.

    Args:
        translator: The translator.
        operator: The operator.
        kernel: The sizes of its kernel in ONNX's order.
        strides: Its stride along each axis.
        dilations: Its dilation along each axis.
    """
    source, axes = operator.inputs[2], len(strides)
    before = translator.tensor(source).shape[1 : axes + 1]
    after = translator.graph.tensors[operator.outputs[0]].sizes[1 : axes + 1]
    if translator.tensor(operator.inputs[0]).is_constant:
        after = translator.numbers(operator.inputs[0])[1 : axes + 1]
    starts, ends, more = [], [], []
    for has, gives, k, s, d in zip(before, after, kernel[2:], strides, dilations, strict=True):
        if gives is None or has < 1:
            raise Untranslatable("the size of what it gives is not known")
        crop = (has - 1) * s + (k - 1) * d + 1 - gives
        starts.append(max(crop, 0) // 2)
        ends.append(max(crop, 0) - max(crop, 0) // 2)
        more.append(max(-crop, 0))
    translator.give(
        operator,
        "ConvTranspose",
        [
            translator.picture(source),
            translator.constant(operator.inputs[1], kernel),
            *translator.bias(operator, 3),
        ],
        first=True,
        strides=strides,
        dilations=dilations,
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
    if len(sizes) != 2 or len(shape) != 4 or shape[3] is None or (shape[0] is None and translator.batch is not None):
        raise Untranslatable("it resizes to sizes that are not known")
    translator.give(
        operator,
        "Resize",
        [translator.picture(source), "", "", translator.new([shape[0] or 1, shape[3], *sizes])],
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
