"""Dilated convolutions as TensorFlow runs them: on slices of their input, of which each is one of the batch."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.importers.tflite.model import FileOperator
from convcost.importers.tflite.operators.windows import is_plain, kernel_of
from convcost.importers.tflite.translator import Translator, Untranslatable, channels_first, channels_last, translates

_CONVOLUTIONS = frozenset(("CONV_2D", "DEPTHWISE_CONV_2D"))
_VIEWS = frozenset(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"))


class _Slices(Struct, frozen=True):
    """A convolution between an operator that makes slices of a picture and one that puts them together again.

    Attributes:
        conv: The convolution.
        back: The operator that puts the slices together.
        between: The operators between, those two among them.
    """

    conv: FileOperator
    back: FileOperator
    between: tuple[FileOperator, ...]


@translates("SPACE_TO_BATCH_ND")
def dilated_conv(translator: Translator, operator: FileOperator) -> None:
    """Translate slices, a convolution on each, and their joining, as one dilated convolution."""
    found = _slices(translator, operator)
    source = operator.inputs[0]
    dilations = translator.numbers(operator.inputs[1])
    if found is None or translator.numbers(found.back.inputs[1]) != dilations or len(dilations) not in (1, 2):
        raise Untranslatable("its slices are not those of a dilated convolution")
    before, after = translator.numbers(operator.inputs[2]), translator.numbers(found.back.inputs[2])
    pads = [pad - crop for pad, crop in zip(before, after, strict=True)]
    if min(pads) < 0 or len(pads) != 2 * len(dilations):
        raise Untranslatable("it crops more than it pads")
    _add(translator, found, source, dilations, pads)
    translator.done.update([each.at for each in found.between])
    note = "dilated convolutions run on slices of their inputs: what is cropped behind them is not counted"
    translator.notes[note] = None


def _slices(translator: Translator, operator: FileOperator) -> _Slices | None:
    """Return the convolution of slices and the operator that joins them again; None where anything else reads them."""
    between: list[FileOperator] = []
    conv = None
    step = translator.reading(operator.outputs[0])
    while step is not None and step.outputs:
        between.append(step)
        if step.name == "BATCH_TO_SPACE_ND":
            return _Slices(conv, step, tuple(between)) if conv is not None else None
        if step.name in _CONVOLUTIONS and conv is None and is_plain(step) and step.inputs[0] != step.inputs[1]:
            conv = step
        elif step.name not in _VIEWS:
            return None
        step = translator.reading(step.outputs[0])
    return None


def _add(translator: Translator, found: _Slices, source: int, dilations: tuple[int, ...], pads: list[int]) -> None:
    """Add the convolution: of a picture, or of a sequence as a picture of one row or one column."""
    translator.scope = translator.names.scope(found.conv)
    shape = translator.tensor(source).sizes
    weights, groups = kernel_of(translator, found.conv, shape[-1] or 0)
    fields: dict[str, Any] = {"strides": (1, 1), "group": groups}
    conv = replace(found.conv, outputs=found.back.outputs)
    if len(dilations) == 2 and len(shape) == 4:
        fields |= {"dilations": dilations, "pads": (pads[0], pads[2], pads[1], pads[3])}
        translator.give(conv, "Conv", [translator.picture(source), *weights], first=True, **fields)
        return
    kernel = translator.tensor(found.conv.inputs[1]).shape
    if len(dilations) != 1 or len(shape) != 3 or kernel[1] != 1 or None in shape[1:]:
        raise Untranslatable("its slices are not those of a dilated convolution")
    full = [translator.batch or 1, 1, *[size or 1 for size in shape[1:]]]
    row = translator.add("Reshape", [translator.plain(source), translator.new(full)])
    row = translator.add("Transpose", [row], perm=channels_first(4))
    fields |= {"dilations": (1, *dilations), "pads": (0, pads[0], 0, pads[1])}
    row = translator.activated(conv, translator.add("Conv", [row, *weights], **fields))
    row = translator.add("Transpose", [row], perm=channels_last(4))
    after = translator.graph.tensors[conv.outputs[0]].sizes
    target = translator.new([translator.batch or 1, *[-1 if size is None else size for size in after[1:]]])
    translator.give(found.back, "Reshape", [row, target])
