"""Functions that do what layers do, without weights of their own: pools, norms, patches."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from convcost.importers.keras.builder import GraphBuilder, like
from convcost.importers.keras.functions import argument, operation, value_of
from convcost.importers.keras.maps import pool
from convcost.importers.keras.merges import arithmetic
from convcost.importers.keras.norms import layer_norm, unit_norm
from convcost.importers.keras.registry import integers
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer, called, known


def _as_layer(layer: KerasLayer, value: KerasValue, kind: str, **fields: Any) -> KerasLayer:
    """Return a call of a function as that of a layer without weights."""
    return called(replace(layer, kind=kind, config=fields), (value,), {})


@operation("AveragePool", "MaxPool")
def pooled(builder: GraphBuilder, layer: KerasLayer) -> Any:
    """Translate a pool."""
    value = value_of(layer)
    kind = f"{layer.kind}ing{len(value.known) - 1}D"
    given = {"pool_size": argument(layer, 1, "pool_size"), "strides": argument(layer, 2, "strides")}
    given["padding"] = argument(layer, 3, "padding", default="valid")
    given["data_format"] = argument(layer, 4, "data_format")
    return pool(builder, _as_layer(layer, value, kind, **given))


@operation("Normalize")
def normalize(builder: GraphBuilder, layer: KerasLayer) -> Any:
    """Translate a division by the Euclidean length."""
    value = value_of(layer)
    if argument(layer, 2, "order", default=2) != 2:
        raise UntranslatableLayer("it divides by another length than the Euclidean one")
    return unit_norm(builder, _as_layer(layer, value, "UnitNormalization", axis=argument(layer, 1, "axis", default=-1)))


@operation("LayerNorm")
def normalized(builder: GraphBuilder, layer: KerasLayer) -> Any:
    """Translate a layer norm that learns nothing."""
    value = value_of(layer)
    if argument(layer, 1, "gamma") is not None or argument(layer, 2, "beta") is not None:
        raise UntranslatableLayer("its factors are values")
    fields = {name: layer.kwargs.get(name) for name in ("axis", "rms_scaling")}
    return layer_norm(builder, _as_layer(layer, value, "LayerNormalization", scale=False, center=False, **fields))


@operation("Glu")
def gated(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate one half of a value times the sigmoid of the other."""
    value = value_of(layer)
    axis = argument(layer, 1, "axis", default=-1) % (len(value.known) + 1)
    size = known(value.known[axis - 1])
    if axis == 0 or size % 2:
        raise UntranslatableLayer("it halves the batch, or an odd size")
    place = builder.axis(value, axis)
    builder.add(layer, "Split", [value.name, builder.number(size // 2, size // 2)], {"axis": place}, outputs=2)
    sizes = (*value.known[: axis - 1], size // 2, *value.known[axis:])
    kept, gate = (KerasValue(name, sizes, value.first) for name in builder.nodes[-1].outputs)
    return arithmetic(builder, layer, "Mul", kept, like(gate, builder.add(layer, "Sigmoid", [gate.name])))


@operation("ExtractPatches")
def patches(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate the cutting of an image into patches beside each other, each of which becomes one vector."""
    value = builder.plain(value_of(layer))
    if layer.kwargs.get("data_format") == "channels_first" or len(value.known) != 3:
        raise UntranslatableLayer("it cuts what is no image with the channels last")
    sizes = integers(argument(layer, 1, "size"), 2)
    steps = argument(layer, 2, "strides")
    steps = sizes if steps is None else integers(steps, 2)
    height, width, channels = map(known, value.known)
    rows, columns = height // sizes[0], width // sizes[1]
    fits = (rows * sizes[0], columns * sizes[1]) == (height, width)
    if steps != sizes or not fits or integers(layer.kwargs.get("dilation_rate"), 2) != (1, 1):
        raise UntranslatableLayer("its patches do not lie beside each other, or leave a rest")
    shape = builder.number(0, rows, sizes[0], columns, sizes[1], channels)
    name = builder.add(layer, "Reshape", [value.name, shape])
    name = builder.add(layer, "Transpose", [name], {"perm": (0, 1, 3, 2, 4, 5)})
    features = sizes[0] * sizes[1] * channels
    name = builder.add(layer, "Reshape", [name, builder.number(0, rows, columns, features)])
    return KerasValue(name, (rows, columns, features))
