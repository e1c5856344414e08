"""Norms."""

from __future__ import annotations

from typing import Any

from convcost.importers.pytorch.program import OperatorCall
from convcost.importers.pytorch.writer import Untranslated, Writer, aten


@aten(
    "batch_norm",
    "_native_batch_norm_legit_no_training",
    "_native_batch_norm_legit",
    "native_batch_norm",
    "_batch_norm_with_update",
    "_batch_norm_no_update",
)
def batch_norm(writer: Writer, call: OperatorCall) -> None:
    """Translate a batch norm.

    One of a weight, which has the weight's own statistics, is prepared with the model: the weight stays what it is.
    """
    arguments = call.arguments
    x = arguments["input"]
    mean, variance = arguments.get("running_mean"), arguments.get("running_var")
    if mean is None or variance is None:
        if not writer.is_fixed(x):
            raise Untranslated
        _standardised(writer, x, arguments.get("weight"), arguments.get("bias"))
        return
    inputs = [writer.optional(arguments.get(name)) for name in ("weight", "bias")]
    training = {"training_mode": 1} if arguments.get("training") else {}
    statistics = [writer.name(mean), writer.name(variance)]
    writer.give_first("BatchNormalization", [writer.name(x), *inputs, *statistics], **_eps(call), **training)


def _standardised(writer: Writer, x: Any, weight: Any, bias: Any) -> None:
    """Leave a kernel as it is whose outputs have their statistics taken out; factors of these wait for the product."""
    if bias is not None:
        raise Untranslated
    weights = writer.weights_of(writer.name(weight)) if weight is not None else frozenset()
    if len(weights) > 1:
        raise Untranslated
    writer.keep(x)
    writer.notes["Weights are standardised before they are used: counted as prepared with the model."] = None
    for factor in weights:
        writer.factors[writer.own(writer.call.outputs[0])] = factor


def _eps(call: OperatorCall) -> dict[str, Any]:
    return {"epsilon": call.arguments.get("eps") or 1e-5}


@aten("layer_norm", "native_layer_norm")
def layer_norm(writer: Writer, call: OperatorCall) -> None:
    """Translate a layer norm over the last axes."""
    arguments = call.arguments
    inputs = _affine(writer, call, arguments["input"])
    writer.give_first("LayerNormalization", inputs, axis=-len(arguments["normalized_shape"]), **_eps(call))


def _affine(writer: Writer, call: OperatorCall, x: Any) -> list[str]:
    inputs = [writer.name(x), *(writer.optional(call.arguments.get(name)) for name in ("weight", "bias"))]
    while not inputs[-1]:
        inputs.pop()
    return inputs


@aten("rms_norm", "_fused_rms_norm")
def rms_norm(writer: Writer, call: OperatorCall) -> None:
    """Translate a norm by the root of the mean of the squares."""
    inputs = _affine(writer, call, call.arguments["input"])
    writer.give_first("RMSNormalization", inputs, axis=-len(call.arguments["normalized_shape"]), **_eps(call))


@aten("group_norm", "native_group_norm")
def group_norm(writer: Writer, call: OperatorCall) -> None:
    """Translate a group norm."""
    arguments = call.arguments
    inputs = _affine(writer, call, arguments["input"])
    groups = arguments.get("num_groups", arguments.get("group"))
    writer.give_first("GroupNormalization", inputs, num_groups=groups, **_eps(call))


@aten("instance_norm")
def instance_norm(writer: Writer, call: OperatorCall) -> None:
    """Translate an instance norm; with statistics that it keeps it is a batch norm."""
    arguments = call.arguments
    if not arguments.get("use_input_stats", True):
        batch_norm(writer, call)
        return
    writer.give("InstanceNormalization", _affine(writer, call, arguments["input"]), **_eps(call))


@aten("_weight_norm", "_weight_norm_interface")
def weight_norm(writer: Writer, call: OperatorCall) -> None:
    """Leave a kernel as it is whose parts are made of length 1; factors of its outputs wait for the product.

    Factors of other parts, as of its positions, are in the kernel that is prepared: nothing reads them.
    """
    kernel, factor = call.arguments["v"], call.arguments["g"]
    if writer.constant(factor) is None:
        raise Untranslated
    writer.keep(kernel)
    writer.notes["Weights are normalised before they are used: counted as prepared with the model."] = None
    if call.arguments.get("dim", 0) == 0:
        writer.factors[writer.own(call.outputs[0])] = writer.name(factor)


@aten("dropout", "feature_dropout", "alpha_dropout", "native_dropout")
def dropout(writer: Writer, call: OperatorCall) -> None:
    """Translate a dropout, which does nothing at inference."""
    writer.keep(call.arguments.get("input", call.arguments.get("self")))
