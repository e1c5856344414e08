"""Norms, and what is learned or given per channel."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from convcost.importers.keras.builder import GraphBuilder, like
from convcost.importers.keras.registry import LAYERS, layer, one, whole
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer, known, learns


def _axes(layer: KerasLayer, value: KerasValue, default: Any = -1) -> list[int]:
    """Return the axes of a layer's field `axis`, counted from 0 with the batch."""
    given = layer.config.get("axis", default)
    given = list(given) if isinstance(given, (list, tuple)) else [given]
    if {*map(type, given)} - {int}:
        raise UntranslatableLayer(f"its axis is {layer.config.get('axis')!r}")
    rank = len(value.known) + 1
    own = [axis if axis < 0 else axis + layer.lead for axis in given]
    if any([not -rank < axis < rank or not axis for axis in own]):  # noqa: C419 -- a list is faster
        raise UntranslatableLayer(f"its axis is {layer.config.get('axis')!r}")
    return sorted([axis % rank for axis in own])


@layer("BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization", in_place=True)
def batch_norm(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a batch norm; it may learn a factor, a shift, both or neither."""
    if layer.config.get("renorm"):
        raise UntranslatableLayer("it renormalises")
    value = one(layer)
    axes = _axes(layer, value)
    if len(axes) != 1:
        raise UntranslatableLayer(f"its axis is {axes}")
    channels, axis = known(value.known[axes[0] - 1]), builder.axis(value, axes[0])
    scale, center = bool(layer.config.get("scale", True)), bool(layer.config.get("center", True))
    gamma = [builder.weight(layer, "gamma", channels)] if scale else []
    beta = [builder.weight(layer, "beta", channels)] if center else []
    state = [builder.weight(layer, name, channels) for name in ("moving_mean", "moving_variance")]
    inputs = [value.name, *gamma, *beta, *state]
    if scale and center and axis == 1:
        return like(value, builder.add(layer, "BatchNormalization", inputs))
    attributes = {"axis": axis, "scale": int(scale), "center": int(center)}
    return like(value, builder.add(layer, "keras.BatchNormalization", inputs, attributes))


@layer("LayerNormalization", in_place=True)
def layer_norm(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a layer norm over some axes."""
    value = one(layer)
    if layer.config.get("rms_scaling"):
        raise UntranslatableLayer("it scales as a root mean square norm")
    axes = _axes(layer, value)
    sizes = [known(value.known[axis - 1]) for axis in axes]
    gamma = [builder.weight(layer, "gamma", *sizes)] if layer.config.get("scale", True) else []
    beta = [builder.weight(layer, "beta", *sizes)] if layer.config.get("center", True) else []
    places = tuple([builder.axis(value, axis) for axis in axes])
    inputs = [value.name, *gamma, *beta]
    if gamma and beta and places == tuple(range(places[0], len(value.known) + 1)) and not value.first:
        return like(value, builder.add(layer, "LayerNormalization", inputs, {"axis": places[0]}))
    attributes = {"axes": tuple(sorted(places)), "scale": len(gamma), "center": len(beta)}
    return like(value, builder.add(layer, "keras.LayerNormalization", inputs, attributes))


@layer("RMSNormalization", in_place=True)
def rms_norm(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a root mean square norm over some axes."""
    value = one(layer)
    axes = _axes(layer, value)
    sizes = [known(value.known[axis - 1]) for axis in axes]
    gamma = builder.weight(layer, "scale", *sizes)
    places = tuple(sorted(builder.axis(value, axis) for axis in axes))
    return like(value, builder.add(layer, "keras.RMSNormalization", [value.name, gamma], {"axes": places}))


@layer("GroupNormalization", in_place=True)
def group_norm(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a group norm; of −1 groups each channel is one."""
    value = one(layer)
    axes = _axes(layer, value)
    if len(axes) != 1 or layer.lead:
        raise UntranslatableLayer(f"its axis is {axes}, or it is applied to slices")
    channels = known(value.known[axes[0] - 1])
    groups = layer.config.get("groups", 32)
    groups = channels if groups == -1 else whole(layer, "groups", 32)
    gamma = [builder.weight(layer, "gamma", channels)] if layer.config.get("scale", True) else []
    beta = [builder.weight(layer, "beta", channels)] if layer.config.get("center", True) else []
    attributes = {"axis": builder.axis(value, axes[0]), "groups": groups, "scale": len(gamma), "center": len(beta)}
    return like(value, builder.add(layer, "keras.GroupNormalization", [value.name, *gamma, *beta], attributes))


@layer("UnitNormalization", in_place=True)
def unit_norm(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a division by the length of a vector."""
    value = one(layer)
    axes = tuple(sorted(builder.axis(value, axis) for axis in _axes(layer, value)))
    return like(value, builder.add(layer, "keras.UnitNormalization", [value.name], {"axes": axes}))


@layer("Normalization", in_place=True)
def normalization(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a norm by a mean and a variance that are given, or stored with how many values they are of."""
    value = one(layer)
    if layer.config.get("invert"):
        raise UntranslatableLayer("it is the inverse")
    axes = _axes(layer, value) if layer.config.get("axis", -1) is not None else []
    if layer.config.get("mean") is None:
        sizes = [known(value.known[axis - 1]) for axis in axes]
        if len(axes) > 1 or not axes:
            raise UntranslatableLayer(f"its axis is {layer.config.get('axis')!r}, not one")
        state = [builder.weight(layer, name, *sizes) for name in ("mean", "variance")]
        held = [*state, builder.weight(layer, "count")]
    elif axes not in ([], [len(value.known)]):
        raise UntranslatableLayer(f"its axis is {layer.config.get('axis')!r}, not the last")
    else:
        held = []
    attributes = {"axis": builder.axis(value, axes[0] if axes else -1)}
    return like(value, builder.add(layer, "keras.Normalization", [value.name, *held], attributes))


@layer("LayerScale", in_place=True)
def layer_scale(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a learned factor per channel."""
    value = one(layer)
    channels = whole(layer, "projection_dim")
    sizes = (channels, *(1 for _ in value.known[1:])) if value.first else (channels,)
    return like(value, builder.add(layer, "Mul", [value.name, builder.weight(layer, "gamma", *sizes)]))


_LAST_OF_KERNEL = {
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), "filters"),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), "depth_multiplier"),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), ""),
    "Dense": "units",
    "Embedding": "output_dim",
}
"""The field of the last size of the kernel as Keras holds it; the channels that are read where it is empty."""


@layer("SpectralNormalization")
def spectral_norm(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a layer whose kernel training divides by its largest singular value, with the vector kept for that."""
    item, value = layer.config.get("layer"), one(layer)
    kind = str(item.get("class_name")) if isinstance(item, dict) else ""
    if not isinstance(item, dict) or kind not in _LAST_OF_KERNEL:
        raise UntranslatableLayer(f"it wraps {kind!r}")
    config = item["config"]
    trainable = layer.trainable and learns(config)
    inner = replace(layer, kind=kind, config=config, trainable=trainable)
    found = LAYERS[kind](builder, inner)
    assert isinstance(found, KerasValue)
    field = _LAST_OF_KERNEL[kind]
    channels = value.known[0] if config.get("data_format") == "channels_first" else value.known[-1]
    size = whole(inner, field, 1) if field else known(channels)
    if f"{layer.owner or layer.path}.vector_u" in builder.constants:  # called again
        return found
    builder.weight(layer, "vector_u", size)
    attributes = {"numbers": size, "source": "the vector of a spectral norm, which only training reads"}
    return like(found, builder.add(layer, "keras.Stored", [found.name], attributes))
