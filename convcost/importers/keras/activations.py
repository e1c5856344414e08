"""Activations: layers of their own, the field `activation` of others, and functions."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from convcost.importers.keras.builder import GraphBuilder, like
from convcost.importers.keras.registry import LAYERS, layer, one
from convcost.importers.keras.values import KerasLayer, KerasValue, OpenSize, UntranslatableLayer, called

_PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}),
    "relu6": ("Clip", {"min": 0.0, "max": 6.0}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "elu": ("Elu", {}),
    "selu": ("Selu", {}),
    "celu": ("keras.Celu", {}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "mish": ("Mish", {}),
    "silu": ("Silu", {}),
    "swish": ("Silu", {}),
    "gelu": ("Gelu", {}),
    "hard_silu": ("HardSwish", {}),
    "hard_swish": ("HardSwish", {}),
    "exponential": ("Exp", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
}
_SIXTH = {"alpha": 1 / 6, "beta": 0.5}


def name_of(function: Any) -> str | None:
    """Return the name of a function as Keras writes it; None where it is a layer, or none of Keras.

    >>> name_of("relu"), name_of({"module": "keras.activations", "class_name": "function", "config": "gelu"})
    ('relu', 'gelu')
    """
    if isinstance(function, str):
        return function.rpartition(">")[2] if function.startswith("keras.") else function
    if not isinstance(function, dict) or function.get("class_name") not in ("function", "Function"):
        return None
    name = function.get("config")
    return name if isinstance(name, str) else None


def activated(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, field: str = "activation") -> KerasValue:
    """Return a value behind the activation that a layer names."""
    function = layer.config.get(field)
    name = name_of(function)
    if function is None or name == "linear":
        return value
    if name is not None:
        return apply(builder, layer, value, name)
    kind = function.get("class_name") if isinstance(function, dict) else None
    config = function.get("config") if isinstance(function, dict) else None
    if not isinstance(kind, str) or not isinstance(config, dict):
        raise UntranslatableLayer("its activation is no function of Keras")
    path = f"{layer.path}.{config.get('name') or kind}"
    if kind not in _LAYERS:
        return like(value, builder.add(replace(layer, path=path), f"keras.{kind}", [value.name]))
    owner = f"{layer.owner or layer.path}{path[len(layer.path) :]}"
    inner = replace(layer, kind=kind, path=path, config=config, owner=owner)
    found = LAYERS[kind](builder, called(inner, (value,), {}))
    assert isinstance(found, KerasValue)
    return found


def apply(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, name: str, **fields: Any) -> KerasValue:
    """Return a value behind an activation, given its name."""
    scope = f"{layer.path}.{name}" if layer.kind not in ("Activation", "TFOpLambda") else layer.path
    if name in ("softmax", "log_softmax"):
        axis = builder.axis(value, fields.get("axis", -1))
        operator = "Softmax" if name == "softmax" else "LogSoftmax"
        return like(value, builder.add(layer, operator, [value.name], {"axis": axis}, scope=scope))
    attributes: dict[str, Any]
    operator, attributes = _PLAIN.get(name, (f"keras.{name}", {}))
    if name == "hard_sigmoid" and not is_of_keras_3(layer):  # clip(0.2 · x + 0.5, 0, 1)
        found = builder.add(layer, "Mul", [value.name, builder.number(0.2, shape=())], scope=scope)
        found = builder.add(layer, "Add", [found, builder.number(0.5, shape=())], scope=scope)
        return like(value, builder.add(layer, "Clip", [found], {"min": 0.0, "max": 1.0}, scope=scope))
    if name == "hard_sigmoid":
        operator, attributes = "HardSigmoid", _SIXTH
    elif name == "gelu" and fields.get("approximate", False):
        attributes = {"approximate": "tanh"}
    elif name == "leaky_relu" and "negative_slope" in fields:
        attributes = {"alpha": float(fields["negative_slope"])}
    return like(value, builder.add(layer, operator, [value.name], attributes, scope=scope))


def is_of_keras_3(layer: KerasLayer) -> bool:
    """Return whether a layer was written by Keras 3, which writes a policy where others write a type of numbers."""
    return isinstance(layer.config.get("dtype"), dict)


@layer("Activation", in_place=True)
def activation(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a layer that is one function."""
    return activated(builder, layer, one(layer))


@layer("ReLU", in_place=True)
def relu(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a ReLU, which may have a bound or a slope."""
    config, value = layer.config, one(layer)
    most, slope = config.get("max_value"), config.get("negative_slope") or 0
    if config.get("threshold"):
        raise UntranslatableLayer("it has a threshold")
    if slope and most is not None:
        raise UntranslatableLayer("it has a slope and a bound")
    if slope:
        return like(value, builder.add(layer, "LeakyRelu", [value.name], {"alpha": float(slope)}))
    if most is not None:
        return like(value, builder.add(layer, "Clip", [value.name], {"min": 0.0, "max": float(most)}))
    return like(value, builder.add(layer, "Relu", [value.name]))


@layer("LeakyReLU", in_place=True)
def leaky_relu(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a leaky ReLU; Keras 2 calls its slope alpha."""
    slope = float(layer.config.get("negative_slope", layer.config.get("alpha", 0.3)))
    return like(one(layer), builder.add(layer, "LeakyRelu", [one(layer).name], {"alpha": slope}))


@layer("ELU", in_place=True)
def elu(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate an ELU."""
    alpha = float(layer.config.get("alpha", 1.0))
    return like(one(layer), builder.add(layer, "Elu", [one(layer).name], {"alpha": alpha}))


@layer("Softmax", in_place=True)
def softmax(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a softmax over one axis."""
    axis = layer.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if type(axis) is not int:
        raise UntranslatableLayer("it is over several axes")
    value = layer.inputs[0]  # the second is a mask, which is None where there is none
    if len(layer.inputs) > 1:
        raise UntranslatableLayer("it reads a mask")
    axis = axis + layer.lead if axis > 0 else axis
    return like(value, builder.add(layer, "Softmax", [value.name], {"axis": builder.axis(value, axis)}))


@layer("PReLU", in_place=True)
def prelu(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a ReLU with slopes that are learned: one for each position that no shared axis joins."""
    value = one(layer)
    shared = layer.config.get("shared_axes") or ()
    axes = {axis + layer.lead if axis > 0 else axis + len(value.known) + 1 for axis in shared}
    axes.update(range(1, layer.lead + 1))
    sizes: list[int] = []
    for at, size in enumerate(value.known, 1):
        if at not in axes and size is None:
            raise OpenSize("the number of its slopes is open: give it with --input")
        sizes.append(1 if at in axes or size is None else size)
    held = (sizes[-1], *sizes[:-1]) if value.first else tuple(sizes)
    slope = builder.weight(layer, "alpha", *held)
    if sum(size != 1 for size in held) < 2:
        return like(value, builder.add(layer, "PRelu", [value.name, slope]))
    above = builder.add(layer, "Relu", [value.name], scope=f"{layer.path}.positive")
    below = builder.add(layer, "Neg", [value.name], scope=f"{layer.path}.negative")
    below = builder.add(layer, "Relu", [below], scope=f"{layer.path}.negative")
    below = builder.add(layer, "Mul", [below, slope])
    return like(value, builder.add(layer, "Add", [above, below]))


_LAYERS = frozenset(("ReLU", "LeakyReLU", "ELU", "Softmax", "PReLU", "Activation"))
