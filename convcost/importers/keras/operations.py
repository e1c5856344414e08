"""Functions that a model calls without a layer: `keras.ops`, and TensorFlow's as Keras 2 writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from msgspec.structs import replace

from convcost.importers.keras.activations import apply
from convcost.importers.keras.builder import GraphBuilder, like
from convcost.importers.keras.core import numbers, reshaped, with_numbers
from convcost.importers.keras.maps import resized
from convcost.importers.keras.merges import arithmetic, concatenated
from convcost.importers.keras.slices import sliced
from convcost.importers.keras.values import Layer, Untranslatable, Value

Rule = Callable[[GraphBuilder, Layer], "Value | Sequence[Value]"]

OPERATIONS: dict[str, Rule] = {}
"""The functions, by the names of Keras' classes."""

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
    "identity": "Cast",
    "stop_gradient": "Cast",
    "image.resize": "Resize",
    "compat.v1.image.resize_bilinear": "Resize",
    "clip_by_value": "Clip",
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


def function_of(layer: Layer) -> tuple[str, dict[str, Any]]:
    """Return Keras' name of TensorFlow's function that a layer calls, and its arguments by Keras' names."""
    if layer.kind == "SlicingOpLambda":
        return "GetItem", {"key": layer.kwargs.get("slice_spec")}
    given = {_ARGUMENTS.get(name, name): value for name, value in layer.kwargs.items()}
    given.pop("", None)
    return _TENSORFLOW.get(str(layer.config.get("function")), ""), given


def bound(layer: Layer, fields: Mapping[str, Any]) -> Layer:
    """Return a call whose arguments by name are those of the function, wherever the file has them."""
    return replace(layer, kwargs={**fields, **layer.kwargs} if layer.kind != "TFOpLambda" else dict(fields))


def operation(*names: str) -> Callable[[Rule], Rule]:
    """Return a decorator that adds a function for operations."""

    def add(rule: Rule) -> Rule:
        OPERATIONS.update(dict.fromkeys(names, rule))
        return rule

    return add


def argument(layer: Layer, at: int, *names: str, default: Any = None) -> Any:
    """Return an argument by its place or its name."""
    if len(layer.args) > at:
        return layer.args[at]
    return next((layer.kwargs[name] for name in names if name in layer.kwargs), default)


def _value(layer: Layer) -> Value:
    found = argument(layer, 0, "x", "x1", "a", "inputs", "features", "input_tensor", "images", "value")
    if isinstance(found, Value):
        return found
    if not layer.inputs:
        raise Untranslatable("it reads no value")
    return layer.inputs[0]


_ARITHMETIC = {
    "Add": "Add",
    "Multiply": "Mul",
    "Subtract": "Sub",
    "Divide": "Div",
    "TrueDivide": "Div",
    "Maximum": "Max",
    "Minimum": "Min",
}


@operation(*_ARITHMETIC)
def binary(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate arithmetic on two values, or on a value and numbers."""
    a, b = argument(layer, 0, "x1", "x"), argument(layer, 1, "x2", "y")
    kind = layer.kind if layer.kind in _ARITHMETIC else function_of(layer)[0]
    operator = _ARITHMETIC[kind]
    if isinstance(a, Value) and isinstance(b, Value):
        return arithmetic(builder, layer, operator, a, b)
    value, other = (a, b) if isinstance(a, Value) else (b, a)
    if not isinstance(value, Value):
        raise Untranslatable("it reads no value")
    given = numbers(other)
    if operator in ("Sub", "Div") and value is b:
        return _reversed(builder, layer, operator, value, given)
    if operator in ("Max", "Min"):
        if operator != "Max" or given != (0.0,):
            raise Untranslatable("it compares with numbers")
        return like(value, builder.add(layer, "Relu", [value.name]))
    return with_numbers(builder, layer, operator, value, given)


def _reversed(builder: GraphBuilder, layer: Layer, operator: str, value: Value, given: tuple[float, ...]) -> Value:
    """Return a number less a value, or over it."""
    if operator == "Sub":
        return with_numbers(builder, layer, "Add", like(value, builder.add(layer, "Neg", [value.name])), given)
    found = like(value, builder.add(layer, "Reciprocal", [value.name]))
    return found if given == (1.0,) else with_numbers(builder, layer, "Mul", found, given)


_FUNCTIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "Tanh": "tanh",
    "Elu": "elu",
    "Selu": "selu",
    "Celu": "celu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Mish": "mish",
    "HardSilu": "hard_silu",
    "HardSigmoid": "hard_sigmoid",
    "Gelu": "gelu",
    "LeakyRelu": "leaky_relu",
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
}
_ELEMENTWISE = {
    "Exp": "Exp",
    "Log": "Log",
    "Sqrt": "Sqrt",
    "Absolute": "Abs",
    "Abs": "Abs",
    "Negative": "Neg",
    "Square": "keras.Square",
    "Rsqrt": "keras.Rsqrt",
    "Sin": "Sin",
    "Cos": "Cos",
    "Floor": "Floor",
    "Ceil": "Ceil",
    "Round": "Round",
    "Erf": "Erf",
    "Reciprocal": "Reciprocal",
    "Sign": "Sign",
}


def _kind(layer: Layer) -> str:
    return function_of(layer)[0] if layer.kind == "TFOpLambda" else layer.kind


@operation(*_FUNCTIONS)
def function(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate an activation."""
    fields = {name: layer.kwargs[name] for name in ("axis", "approximate", "negative_slope") if name in layer.kwargs}
    fields |= {"approximate": fields.get("approximate", True)} if layer.kind == "Gelu" else {}
    layer = replace(layer, config={"dtype": {}})  # Keras 3 has operations, with its own hard sigmoid
    return apply(builder, replace(layer, kind="Activation"), _value(layer), _FUNCTIONS[_kind(layer)], **fields)


@operation(*_ELEMENTWISE)
def elementwise(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate a function of each value."""
    value = _value(layer)
    return like(value, builder.add(layer, _ELEMENTWISE[_kind(layer)], [value.name]))


@operation("Power")
def power(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate a power by a number."""
    value, (exponent,) = _value(layer), numbers(argument(layer, 1, "x2", "y"))
    if exponent == 2:
        return like(value, builder.add(layer, "keras.Square", [value.name]))
    return like(value, builder.add(layer, "Pow", [value.name, builder.number(exponent, shape=())]))


@operation("Clip")
def clip(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate a clip."""
    low, high = (argument(layer, at, name) for at, name in ((1, "x_min"), (2, "x_max")))
    value = _value(layer)
    return like(value, builder.add(layer, "Clip", [value.name], {"min": float(low), "max": float(high)}))


@operation("Cast", "Copy", "Identity", "StopGradient")
def cast(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate what changes no number."""
    return _value(layer)


@operation("Mean", "Sum", "Max", "Min")
def reduce(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate a reduction over axes."""
    value, axes = _value(layer), argument(layer, 1, "axis")
    axes = [axes] if type(axes) is int else axes
    if not isinstance(axes, list) or not axes:
        raise Untranslatable("it reduces the batch")
    keep = bool(layer.kwargs.get("keepdims", False))
    rank = len(value.known) + 1
    places = sorted(axis % rank for axis in axes)
    if 0 in places or len(set(places)) < len(places):
        raise Untranslatable("it reduces the batch")
    kept = [size for at, size in enumerate(value.known, 1) if at not in places]
    sizes = tuple([1 if at in places else size for at, size in enumerate(value.known, 1)]) if keep else tuple(kept)
    first = value.first and (keep or (rank - 1 not in places and len(kept) > 1))
    attributes = {"axes": tuple(sorted(builder.axis(value, axis) for axis in places)), "keepdims": int(keep)}
    return Value(builder.add(layer, f"Reduce{_kind(layer)}", [value.name], attributes), sizes, first)


@operation("Concatenate")
def concatenate(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate a concatenation."""
    axis = argument(layer, 1, "axis", default=0)
    return concatenated(builder, layer, layer.inputs, int(axis))


@operation("Reshape")
def reshape(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate a reshape that leaves the batch."""
    target = argument(layer, 1, "newshape", "shape")
    if not isinstance(target, list) or not all(each is None or type(each) is int for each in target):
        raise Untranslatable("its shape depends on values")
    target = [-1 if size is None else size for size in target]
    if target[0] != -1 or -1 in target[1:]:
        raise Untranslatable("it joins other axes with the batch")
    return reshaped(builder, replace(layer, lead=0), _value(layer), tuple(target[1:]))


@operation("Transpose")
def transpose(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate a permutation that leaves the batch."""
    value, axes = builder.plain(_value(layer)), argument(layer, 1, "axes")
    if not isinstance(axes, list) or sorted(axes) != list(range(len(value.known) + 1)) or axes[0] != 0:
        raise Untranslatable("it moves the batch")
    name = builder.add(layer, "Transpose", [value.name], {"perm": tuple(axes)})
    return Value(name, tuple([value.known[axis - 1] for axis in axes[1:]]))


@operation("ExpandDims", "Squeeze")
def squeeze(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate axes of size 1 that are added or removed."""
    value, axes = builder.plain(_value(layer)), argument(layer, 1, "axis")
    axes = [axes] if type(axes) is int else axes
    expands = _kind(layer) == "ExpandDims"
    if not isinstance(axes, list) or not axes:
        raise Untranslatable("it removes axes that it does not name")
    rank = len(value.known) + 1 + (len(axes) if expands else 0)
    places = sorted(axis % rank for axis in axes)
    if places[0] == 0:
        raise Untranslatable("it moves the batch")
    sizes = list(value.known)
    for place in places if expands else reversed(places):
        sizes[place - 1 : place - (1 if expands else 0)] = [1] if expands else []
    name = builder.add(layer, "Unsqueeze" if expands else "Squeeze", [value.name, builder.number(*places)])
    return Value(name, tuple(sizes))


@operation("Matmul")
def matmul(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate a matrix product of two values."""
    values = layer.inputs
    if len(values) != 2 or any(len(value.known) < 2 for value in values):
        raise Untranslatable("it does not multiply two values of several axes")
    if layer.kwargs.get("transpose_a") or layer.kwargs.get("adjoint_b"):
        raise Untranslatable("it transposes its first value")
    a, b = (builder.plain(value) for value in values)
    if layer.kwargs.get("transpose_b"):
        rank = len(b.known) + 1
        order = (*range(rank - 2), rank - 1, rank - 2)
        b = Value(builder.add(layer, "Transpose", [b.name], {"perm": order}), (*b.known[:-2], *b.known[:-3:-1]))
    return Value(builder.add(layer, "MatMul", [a.name, b.name]), (*a.known[:-1], b.known[-1]))


@operation("Einsum")
def einsum(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate a sum of products that an equation names."""
    equation = argument(layer, 99, "subscripts", "equation")
    equation = next((each for each in layer.args if isinstance(each, str)), equation).replace(" ", "")
    values = [builder.plain(value) for value in layer.inputs]
    reads, _, gives = equation.partition("->")
    sizes: dict[str, int | None] = {}
    for letters, value in zip(reads.split(","), values, strict=True):
        sizes.update(zip(letters[1:], value.known, strict=True))
    name = builder.add(layer, "Einsum", [value.name for value in values], {"equation": equation})
    return Value(name, tuple([sizes[letter] for letter in gives[1:]]))


@operation("Split")
def split(builder: GraphBuilder, layer: Layer) -> list[Value]:
    """Translate a split into parts: so many, or at places."""
    value = _value(layer)
    parts, axis = argument(layer, 1, "indices_or_sections"), argument(layer, 2, "axis", default=0)
    place = builder.axis(value, axis)
    at = axis % (len(value.known) + 1) - 1
    size = value.known[at]
    if at < 0 or size is None:
        raise Untranslatable("it splits the batch, or an axis whose size is open")
    if type(parts) is int:
        sizes = [size // parts] * parts
    elif layer.kind == "TFOpLambda":
        sizes = [size if part == -1 else part for part in parts]
    else:
        edges = [0, *parts, size]
        sizes = [end - start for start, end in pairwise(edges)]
    if sum(sizes) != size or min(sizes) < 1:
        raise Untranslatable("its parts are not those of its size")
    inputs = [value.name, builder.number(*sizes)]
    builder.add(layer, "Split", inputs, {"axis": place}, outputs=len(sizes))
    names = builder.nodes[-1].outputs
    found = []
    for name, part in zip(names, sizes, strict=True):
        found.append(Value(name, (*value.known[:at], part, *value.known[at + 1 :]), value.first))
    return found


@operation("Resize")
def resize(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate a resizing of images to given sizes."""
    size = argument(layer, 1, "size")
    mode = argument(layer, 2, "interpolation", "method", default="bilinear")
    odd = any(layer.kwargs.get(name) for name in ("antialias", "preserve_aspect_ratio", "crop_to_aspect_ratio"))
    if odd or layer.kwargs.get("align_corners") or not isinstance(size, list) or len(size) != 2:
        raise Untranslatable("it crops or filters, or its size is not given")
    last = layer.kwargs.get("data_format") != "channels_first"
    return resized(builder, layer, _value(layer), (int(size[0]), int(size[1])), str(mode), last)


@operation("GetItem")
def get_item(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate what is cut out of a value."""
    return sliced(builder, layer, _value(layer), argument(layer, 1, "key"))
