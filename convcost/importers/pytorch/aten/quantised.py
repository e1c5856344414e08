"""Numbers that are quantised and turned back, as PT2E, FX and training with simulated quantisation write them.

Source: https://github.com/pytorch/pytorch/blob/main/torch/ao/quantization/fx/_decomposed.py
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from convcost.importers.pytorch.program import OperatorCall, Reference
from convcost.importers.pytorch.writer import RULES, Untranslated, Writer, aten

_BYTE, _SIGNED_BYTE = (0, 255), (-128, 127)


def quantize(writer: Writer, call: OperatorCall) -> None:
    """Translate numbers that become whole ones; a weight stays the tensor that it is, of their type."""
    x = call.arguments["input"]
    dtype = writer.dtype(Reference(call.outputs[0]))
    if (constant := writer.constant(x)) is not None:
        _hold(writer, call, replace(constant, dtype=dtype, values=None))
    elif _is_measured(writer, call):
        writer.keep(x)  # in every run: what stands before gives floats
    else:
        writer.give("QuantizeLinear", [writer.name(x), writer.number(1.0), writer.new((), dtype, (0,))])


def dequantize(writer: Writer, call: OperatorCall) -> None:
    """Translate whole numbers that become others again; a weight stays the tensor that it is.

    PT2E stores such weights as buffers: they are what the network learned, so they count as parameters.
    """
    x = call.arguments["input"]
    if (constant := writer.constant(x)) is not None:
        _hold(writer, call, replace(constant, values=None, trainable=constant.trainable or None))
        writer.has_quantised = True
    elif _is_measured(writer, call):
        writer.keep(x)
    else:
        writer.give("DequantizeLinear", [writer.name(x), writer.number(1.0)])


def _is_measured(writer: Writer, call: OperatorCall) -> bool:
    """Return whether a scale is worked out of the values themselves."""
    scale = call.arguments.get("scale", call.arguments.get("scales"))
    return isinstance(scale, Reference) and writer.constant(scale) is None


def _hold(writer: Writer, call: OperatorCall, constant: Any) -> None:
    writer.constants[writer.own(call.outputs[0])] = constant


for _way in ("per_tensor", "per_channel", "per_channel_group", "per_token"):
    RULES.add(f"quantized_decomposed.quantize_{_way}", quantize)
    RULES.add(f"quantized_decomposed.dequantize_{_way}", dequantize)


@aten(
    "fake_quantize_per_tensor_affine",
    "fake_quantize_per_channel_affine",
    "fake_quantize_per_tensor_affine_cachemask",
    "fake_quantize_per_channel_affine_cachemask",
)
def simulated(writer: Writer, call: OperatorCall) -> None:
    """Translate numbers that are quantised and turned back at once."""
    bounds = (call.arguments["quant_min"], call.arguments["quant_max"])
    if not _is_within(bounds, _BYTE) and not _is_within(bounds, _SIGNED_BYTE):
        raise Untranslated
    dtype = "uint8" if _is_within(bounds, _BYTE) else "int8"
    x = call.arguments["self"]
    if (constant := writer.constant(x)) is not None:
        _hold(writer, call, replace(constant, dtype=dtype, values=None))
        return
    given = writer.add("QuantizeLinear", [writer.name(x), writer.number(1.0), writer.new((), dtype, (0,))])
    writer.give_first("DequantizeLinear", [*given, writer.number(1.0)])


def _is_within(bounds: tuple[int, int], limits: tuple[int, int]) -> bool:
    return limits[0] <= bounds[0] and bounds[1] <= limits[1]
