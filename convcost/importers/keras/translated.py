"""One call of a layer to nodes; what cannot be translated is an operator without a layer type, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcost.importers.keras import activations, core, maps, merges, norms  # noqa: F401 -- each adds its layers
from convcost.importers.keras.builder import GraphBuilder, like
from convcost.importers.keras.registry import rule_of
from convcost.importers.keras.values import (
    MASKS,
    KerasLayer,
    KerasValue,
    OpenSize,
    UntranslatableLayer,
    called,
    values_in,
)

_FLAGS = (
    "trainable",
    "use_bias",
    "center",
    "return_sequences",
    "return_state",
    "go_backwards",
    "keepdims",
    "reset_after",
)
_LAMBDAS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")


def call(builder: GraphBuilder, item: Mapping[str, Any], layer: KerasLayer, outputs: int) -> list[KerasValue]:
    """Return what a call of a layer gives.

    Args:
        builder: The graph.
        item: The layer's part of the configuration.
        layer: The call.
        outputs: How many of its values are read.
    """
    layer = _unmasked(builder, layer) if layer.kwargs else layer
    if any([value.sizes is None for value in layer.inputs]):  # noqa: C419 -- a list is faster
        return _unknown(
            builder, layer, operator_of(item, layer), outputs, "the file does not say the shape that it reads"
        )
    try:
        found = _found(builder, item, layer)
    except UntranslatableLayer as error:
        builder.needs_sizes |= isinstance(error, OpenSize)
        return _unknown(builder, layer, operator_of(item, layer), outputs, str(error))
    except (TypeError, ValueError, AttributeError, IndexError, KeyError, OverflowError):
        return _unknown(
            builder, layer, operator_of(item, layer), outputs, "its configuration is none that Keras writes"
        )
    if found is None:
        return _unknown(builder, layer, operator_of(item, layer), outputs)
    values = [found] if isinstance(found, KerasValue) else list(found)
    if len(values) < outputs:
        return (
            values + _unknown(builder, layer, operator_of(item, layer), outputs, "its states are read")[len(values) :]
        )
    return values


def _unmasked(builder: GraphBuilder, layer: KerasLayer) -> KerasLayer:
    """Return a call without masks of steps, which Keras passes on by itself; that they are not counted is noted."""
    masks = [name for name in MASKS if values_in(layer.kwargs.get(name))]
    if not masks or not layer.args:
        return layer
    kwargs = {name: value for name, value in layer.kwargs.items() if name not in masks}
    first = layer.args[0]
    if isinstance(first, KerasValue) and first.sizes is not None:
        first = like(first, builder.add(layer, "keras.Masking", [first.name]))
    return called(layer, (first, *layer.args[1:]), kwargs)


def _found(builder: GraphBuilder, item: Mapping[str, Any], layer: KerasLayer) -> Any:
    """Return the values that a call gives; None where its class is not known."""
    config = layer.config
    _check(layer)
    module, dtype = str(item.get("module") or ""), config.get("dtype")
    is_quantised = isinstance(dtype, dict) and "Quantized" in str(dtype.get("class_name"))
    if is_quantised or config.get("quantization_config"):
        raise UntranslatableLayer("its weights are quantised")
    is_bare = not module and "trainable" not in config
    if is_bare or layer.kind in _LAMBDAS or ".ops." in module:
        from convcost.importers.keras.functions import bound, function_of, operations  # where functions are called only

        if layer.kind in _LAMBDAS:
            name, kwargs = function_of(layer)
            return _called(builder, name, bound(layer, kwargs))
        if (is_bare and layer.kind in operations()) or (".ops." in module and module.startswith("keras")):
            return _called(builder, layer.kind, bound(layer, config))
    if module and module.partition(".")[0] not in ("keras", "tensorflow", "tf_keras"):
        return None
    rule = rule_of(layer.kind)
    return rule(builder, layer) if rule is not None else None


def _check(layer: KerasLayer) -> None:
    """Refuse fields that are neither true nor false and should be, and slices of what has too few axes."""
    config = layer.config
    unclear = [name for name in _FLAGS if config.get(name) not in (None, True, False)]
    if unclear:
        found = f"its {unclear[0]} is {config[unclear[0]]!r}"
        raise UntranslatableLayer(f"{found}, which is neither true nor false")
    if layer.lead and any(len(value.known) <= layer.lead for value in layer.inputs):
        raise UntranslatableLayer("it is applied to slices of a value that has too few axes")


def _called(builder: GraphBuilder, name: str, layer: KerasLayer) -> Any:
    """Return what a function gives; None where it is not known."""
    from convcost.importers.keras.functions import operations  # where functions are called only
    from convcost.importers.keras.operations import OF_EACH_VALUE

    rule = operations().get(name)
    if layer.lead and name not in OF_EACH_VALUE:  # its axes are those of a slice
        raise UntranslatableLayer("it is applied to slices")
    return rule(builder, layer) if rule is not None else None


def operator_of(item: Mapping[str, Any], layer: KerasLayer) -> str:
    """Return the name for messages of a layer that has no layer type: its class, with its package or module."""
    registered, module = item.get("registered_name"), str(item.get("module") or "keras.layers")
    if layer.kind in _LAMBDAS:
        return f"tf.{layer.config.get('function') or layer.kind}"
    if isinstance(registered, str) and ">" in registered:
        return registered
    if ">" in layer.kind:
        return layer.kind
    return f"{module.replace('keras.src.ops.', 'keras.ops.')}.{layer.kind}"


def _unknown(
    builder: GraphBuilder, layer: KerasLayer, operator: str, outputs: int, reason: str = ""
) -> list[KerasValue]:
    inputs = [builder.plain(value).name if value.sizes else value.name for value in layer.inputs]
    name = builder.add(layer, operator, inputs, {"reason": reason} if reason else {}, outputs=max(outputs, 1))
    return [KerasValue(each, None) for each in builder.nodes[-1].outputs] or [KerasValue(name, None)]
