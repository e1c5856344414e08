"""Functions that work out numbers, which a model calls without a layer."""

from __future__ import annotations

from msgspec.structs import replace

from convcost.importers.keras.activations import apply
from convcost.importers.keras.builder import GraphBuilder, like
from convcost.importers.keras.core import constant, constant_like, numbers, with_numbers
from convcost.importers.keras.functions import argument, function_of, kind_of, operation, value_of
from convcost.importers.keras.maps import resized
from convcost.importers.keras.merges import arithmetic
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer

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
def binary(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate arithmetic on two values, or on a value and numbers."""
    a, b = argument(layer, 0, "x1", "x"), argument(layer, 1, "x2", "y")
    kind = layer.kind if layer.kind in _ARITHMETIC else function_of(layer)[0]
    operator = _ARITHMETIC[kind]
    if isinstance(a, KerasValue) and isinstance(b, KerasValue):
        return arithmetic(builder, layer, operator, a, b)
    value, other = (a, b) if isinstance(a, KerasValue) else (b, a)
    if not isinstance(value, KerasValue):
        raise UntranslatableLayer("it reads no value")
    held = constant_like(builder, layer, value, other)
    if held is not None:
        return arithmetic(builder, layer, operator, *((held, value) if value is b else (value, held)))
    given = numbers(other)
    if operator in ("Sub", "Div") and value is b:
        return _reversed(builder, layer, operator, value, given)
    if operator in ("Max", "Min"):
        return _compared(builder, layer, operator, value, given)
    return with_numbers(builder, layer, operator, value, given)


def _compared(
    builder: GraphBuilder, layer: KerasLayer, operator: str, value: KerasValue, given: tuple[float, ...]
) -> KerasValue:
    """Return the larger, or the smaller, of a value and a number."""
    if operator == "Max" and given == (0.0,):
        return like(value, builder.add(layer, "Relu", [value.name]))
    number = constant(builder, layer, value, (1,) if len(given) == 1 else (len(given),))
    return arithmetic(builder, layer, operator, value, number)


def _reversed(
    builder: GraphBuilder, layer: KerasLayer, operator: str, value: KerasValue, given: tuple[float, ...]
) -> KerasValue:
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

_WITH_ONE = {"Log1p": ("Add", 1.0, "Log"), "Expm1": ("Exp", -1.0, "Add")}


OF_EACH_VALUE = frozenset((*_ARITHMETIC, *_ELEMENTWISE, *_FUNCTIONS, *_WITH_ONE, "Power", "Clip", "Cast")) - {
    "Softmax",
    "LogSoftmax",
}
"""The functions that have no axes."""


@operation(*_FUNCTIONS)
def function(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate an activation."""
    name = _FUNCTIONS[kind_of(layer)]
    fields = {name: layer.kwargs[name] for name in ("axis", "approximate", "negative_slope") if name in layer.kwargs}
    fields |= {"approximate": fields.get("approximate", True)} if layer.kind == "Gelu" else {}
    called = replace(layer, kind="Activation", config={"dtype": {}})  # as of Keras 3, which has operations
    return apply(builder, called, value_of(layer), name, **fields)


@operation(*_ELEMENTWISE)
def elementwise(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a function of each value."""
    value = value_of(layer)
    return like(value, builder.add(layer, _ELEMENTWISE[kind_of(layer)], [value.name]))


@operation("Power")
def power(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a power by a number."""
    value, (exponent,) = value_of(layer), numbers(argument(layer, 1, "x2", "y"))
    if exponent == 2:
        return like(value, builder.add(layer, "keras.Square", [value.name]))
    return like(value, builder.add(layer, "Pow", [value.name, builder.number(exponent, shape=())]))


@operation("Clip")
def clip(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a clip."""
    low, high = (argument(layer, at, name) for at, name in ((1, "x_min"), (2, "x_max")))
    value = value_of(layer)
    return like(value, builder.add(layer, "Clip", [value.name], {"min": float(low), "max": float(high)}))


@operation(*_WITH_ONE)
def with_one(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate log(1 + x) and exp(x) − 1."""
    value, (first, one, second) = value_of(layer), _WITH_ONE[kind_of(layer)]
    name = value.name
    for operator in (first, second):
        more = [builder.number(one, shape=())] if operator == "Add" else []
        name = builder.add(layer, operator, [name, *more])
    return like(value, name)


@operation("Cast", "Copy", "Identity", "StopGradient")
def cast(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate what changes no number."""
    return value_of(layer)


@operation("Matmul")
def matmul(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a matrix product of two values."""
    values = layer.inputs
    if len(values) != 2 or any(len(value.known) < 2 for value in values):
        raise UntranslatableLayer("it does not multiply two values of several axes")
    if layer.kwargs.get("transpose_a") or layer.kwargs.get("adjoint_a"):
        raise UntranslatableLayer("it transposes its first value")
    a, b = (builder.plain(value) for value in values)
    if layer.kwargs.get("transpose_b") or layer.kwargs.get("adjoint_b"):
        rank = len(b.known) + 1
        order = (*range(rank - 2), rank - 1, rank - 2)
        b = KerasValue(builder.add(layer, "Transpose", [b.name], {"perm": order}), (*b.known[:-2], *b.known[:-3:-1]))
    return KerasValue(builder.add(layer, "MatMul", [a.name, b.name]), (*a.known[:-1], b.known[-1]))


@operation("Einsum")
def einsum(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a sum of products that an equation names."""
    equation = argument(layer, 99, "subscripts", "equation")
    equation = next((each for each in layer.args if isinstance(each, str)), equation).replace(" ", "")
    values = [builder.plain(value) for value in layer.inputs]
    reads, _, gives = equation.partition("->")
    sizes: dict[str, int | None] = {}
    for letters, value in zip(reads.split(","), values, strict=True):
        sizes.update(zip(letters[1:], value.known, strict=True))
    name = builder.add(layer, "Einsum", [value.name for value in values], {"equation": equation})
    return KerasValue(name, tuple([sizes[letter] for letter in gives[1:]]))


@operation("Resize")
def resize(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a resizing of images to given sizes."""
    size = argument(layer, 1, "size")
    mode = argument(layer, 2, "interpolation", "method", default="bilinear")
    odd = any(layer.kwargs.get(name) for name in ("antialias", "preserve_aspect_ratio", "crop_to_aspect_ratio"))
    if odd or layer.kwargs.get("align_corners") or not isinstance(size, list) or len(size) != 2:
        raise UntranslatableLayer("it crops or filters, or its size is not given")
    last = layer.kwargs.get("data_format") != "channels_first"
    return resized(builder, layer, value_of(layer), (int(size[0]), int(size[1])), str(mode), last)
