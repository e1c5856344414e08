"""Which function a model calls without a layer, and with what: `keras.ops`, and TensorFlow's as Keras 2 writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from msgspec.structs import replace

from convcost.importers.keras.registry import Rule
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer

OPERATIONS: dict[str, Rule] = {}
"""The functions, by the names of Keras' classes; `operations` has all of them."""
_MODULES = ("layer_functions", "moves", "operations", "reductions")


def operations() -> Mapping[str, Rule]:
    """Return the functions by the names of Keras' classes; their modules are imported, which few models need."""
    for name in _MODULES:
        import_module(f"{__package__}.{name}")
    return OPERATIONS


# TensorFlow's names, and what Keras calls them and their arguments
_TENSORFLOW = {
    "math.add": "Add",
    "__operators__.add": "Add",
    "add": "Add",
    "math.multiply": "Multiply",
    "multiply": "Multiply",
    "math.subtract": "Subtract",
    "subtract": "Subtract",
    "math.truediv": "Divide",
    "math.divide": "Divide",
    "realdiv": "Divide",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.pow": "Power",
    "nn.relu": "Relu",
    "nn.relu6": "Relu6",
    "nn.silu": "Silu",
    "nn.swish": "Silu",
    "nn.gelu": "Gelu",
    "nn.elu": "Elu",
    "nn.selu": "Selu",
    "nn.softmax": "Softmax",
    "nn.leaky_relu": "LeakyRelu",
    "math.softplus": "Softplus",
    "nn.softplus": "Softplus",
    "math.sigmoid": "Sigmoid",
    "nn.sigmoid": "Sigmoid",
    "sigmoid": "Sigmoid",
    "math.tanh": "Tanh",
    "nn.tanh": "Tanh",
    "tanh": "Tanh",
    "math.exp": "Exp",
    "math.sqrt": "Sqrt",
    "math.rsqrt": "Rsqrt",
    "math.square": "Square",
    "math.abs": "Absolute",
    "math.negative": "Negative",
    "math.log": "Log",
    "math.reduce_mean": "Mean",
    "reduce_mean": "Mean",
    "math.reduce_sum": "Sum",
    "math.reduce_max": "Max",
    "math.reduce_min": "Min",
    "concat": "Concatenate",
    "reshape": "Reshape",
    "transpose": "Transpose",
    "expand_dims": "ExpandDims",
    "squeeze": "Squeeze",
    "linalg.matmul": "Matmul",
    "split": "Split",
    "cast": "Cast",
    "stack": "Stack",
    "pad": "Pad",
    "nn.depth_to_space": "DepthToSpace",
    "nn.space_to_depth": "SpaceToDepth",
    "depth_to_space": "DepthToSpace",
    "space_to_depth": "SpaceToDepth",
    "identity": "Cast",
    "stop_gradient": "Cast",
    "image.resize": "Resize",
    "image.resize_bilinear": "Resize",
    "clip_by_value": "Clip",
    "math.log1p": "Log1p",
    "math.expm1": "Expm1",
    "math.reduce_variance": "Var",
    "math.reduce_std": "Std",
    "math.reduce_logsumexp": "Logsumexp",
    "norm": "Norm",
    "math.l2_normalize": "Normalize",
    "roll": "Roll",
    "reverse": "Flip",
    "tile": "Tile",
    "repeat": "Repeat",
    "unstack": "Unstack",
    "gather": "Take",
    "compat.v1.gather": "Take",
    "einsum": "Einsum",
}
_ARGUMENTS = {
    "tensor": "newshape",
    "shape": "newshape",
    "perm": "axes",
    "name": "",
    "y": "x2",
    "b": "x2",
    "num_or_size_splits": "indices_or_sections",
    "clip_value_min": "x_min",
    "clip_value_max": "x_max",
    "alpha": "negative_slope",
}


def function_of(layer: KerasLayer) -> tuple[str, dict[str, Any]]:
    """Return Keras' name of TensorFlow's function that a layer calls, and its arguments by Keras' names."""
    if layer.kind == "SlicingOpLambda":
        return "GetItem", {"key": layer.kwargs.get("slice_spec")}
    given = {_ARGUMENTS.get(name, name): value for name, value in layer.kwargs.items()}
    given.pop("", None)
    name = str(layer.config.get("function")).removeprefix("compat.v1.")
    return _TENSORFLOW.get(name, ""), given


def bound(layer: KerasLayer, fields: Mapping[str, Any]) -> KerasLayer:
    """Return a call whose arguments by name are those of the function, wherever the file has them."""
    return replace(layer, kwargs={**fields, **layer.kwargs} if layer.kind != "TFOpLambda" else dict(fields))


def operation(*names: str) -> Callable[[Rule], Rule]:
    """Return a decorator that adds a function for operations."""

    def add(rule: Rule) -> Rule:
        OPERATIONS.update(dict.fromkeys(names, rule))
        return rule

    return add


def argument(layer: KerasLayer, at: int, *names: str, default: Any = None) -> Any:
    """Return an argument by its place or its name."""
    if len(layer.args) > at:
        return layer.args[at]
    return next((layer.kwargs[name] for name in names if name in layer.kwargs), default)


def value_of(layer: KerasLayer) -> KerasValue:
    """Return the value that a function reads, or the first of them.

    Raises:
        UntranslatableLayer: It reads none.
    """
    found = argument(layer, 0, "x", "x1", "a", "inputs", "features", "input_tensor", "images", "value")
    if isinstance(found, KerasValue):
        return found
    if not layer.inputs:
        raise UntranslatableLayer("it reads no value")
    return layer.inputs[0]


def kind_of(layer: KerasLayer) -> str:
    """Return Keras' name of the function that a layer calls."""
    return function_of(layer)[0] if layer.kind == "TFOpLambda" else layer.kind
