"""Activations."""

from __future__ import annotations

from math import prod
from typing import Any

from convcost.importers.flow import may_be_learned
from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.operators.norms import axis_field
from convcost.importers.operators.windows import decimal
from convcost.importers.patterns.parts import clip_bounds, is_sixth
from convcost.importers.values import Unsupported, counted_axis

_PLAIN = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Silu": "silu",
    "HardSwish": "hard_swish",
    "Selu": "selu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Mish": "mish",
}


@operator(*_PLAIN)
def plain(mapper: Mapper, node: Node) -> None:
    """Map an activation without fields."""
    mapper.emit(node, _PLAIN[node.operator], {}, [mapper.tensor(node.inputs[0])])


_FUNCTIONS = {
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Reciprocal": "reciprocal",
    "Abs": "abs",
    "Neg": "neg",
    "Sign": "sign",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Sin": "sin",
    "Cos": "cos",
    "Erf": "erf",
}


@operator(*_FUNCTIONS)
def function(mapper: Mapper, node: Node) -> None:
    """Map a function of each value."""
    mapper.emit(node, "elementwise", {"op": _FUNCTIONS[node.operator]}, [mapper.tensor(node.inputs[0])], name="")


@operator("Pow")
def power(mapper: Mapper, node: Node) -> None:
    """Map a power of each value."""
    given = mapper.value(node.inputs[1])
    if isinstance(given, Constant) and given.trainable:
        raise Unsupported("its exponent is learned")
    if isinstance(given, Constant) and may_be_learned(given) and given.name.rpartition(".")[2].isalpha():
        mapper.notes[f"the exponent {given.name!r} counts as a number of the program"] = None
    if not isinstance(given, Constant) or given.values is None or len(given.values) != 1:
        raise Unsupported("its exponent is no number that is known")
    exponent = float(given.values[0])
    tensor = mapper.tensor(node.inputs[0])
    fields: dict[str, Any] = {"op": "square"} if exponent == 2 else {"op": "pow", "value": decimal(exponent)}
    if exponent == 0.5:
        fields = {"op": "sqrt"}
    mapper.emit(node, "elementwise", fields, [tensor], name="")


@operator("Clip")
def clip(mapper: Mapper, node: Node) -> None:
    """Map a clip: relu, relu6 or any other."""
    low, high = clip_bounds(node, lambda name: _number(mapper, name))
    tensor = mapper.tensor(node.inputs[0])
    bounded = [bound for bound in (low, high) if bound is not None and abs(bound) < 1e30]
    if low == 0 and bounded == [0]:
        mapper.emit(node, "relu", {}, [tensor])
    elif (low, high) == (0, 6):
        mapper.emit(node, "relu6", {}, [tensor])
    elif not bounded:
        mapper.give(node, node.outputs[0], tensor)
    elif len(bounded) == 1:  # the larger or the smaller of a value and a number: one comparison, as with `maximum`
        op = "maximum" if low is not None and abs(low) < 1e30 else "minimum"
        mapper.emit(node, "elementwise", {"op": op, "value": decimal(bounded[0])}, [tensor], name="")
    elif bounded[0] >= bounded[1] or max(abs(bounded[0]), abs(bounded[1])) > 1e15:
        raise Unsupported("its bounds are not in order, or beyond 10^15")
    else:
        mapper.emit(node, "hard_tanh", {"min_val": decimal(bounded[0]), "max_val": decimal(bounded[1])}, [tensor])


def _number(mapper: Mapper, name: str) -> float | None:
    value = mapper.value(name)
    if not isinstance(value, Constant) or value.values is None or len(value.values) != 1:
        raise Unsupported("its bounds are not known")
    return float(value.values[0])


@operator("LeakyRelu")
def leaky_relu(mapper: Mapper, node: Node) -> None:
    """Map a leaky ReLU."""
    slope = decimal(node.attributes.get("alpha", 0.01))
    fields = {} if slope == 0.01 else {"negative_slope": slope}
    mapper.emit(node, "leaky_relu", fields, [mapper.tensor(node.inputs[0])])


@operator("HardSigmoid")
def hard_sigmoid(mapper: Mapper, node: Node) -> None:
    """Map a hard sigmoid of slope 1/6; of another slope what it performs: a product, a sum, and two bounds."""
    tensor = mapper.tensor(node.inputs[0])
    if is_sixth(node):
        mapper.emit(node, "hard_sigmoid", {}, [tensor])
        return
    for op, value in (("multiply", node.attributes.get("alpha", 0.2)), ("add", node.attributes.get("beta", 0.5))):
        fields = {"op": op, "value": decimal(value)}
        (tensor,) = mapper.emit(node, "elementwise", fields, [tensor], name="", gives=())
    mapper.emit(node, "elementwise", {"op": "clamp", "value": [0, 1]}, [tensor])


@operator("Gelu")
def gelu(mapper: Mapper, node: Node) -> None:
    """Map a GELU."""
    approximate = node.attributes.get("approximate", "none")
    fields = {} if approximate == "none" else {"approximate": approximate}
    mapper.emit(node, "gelu", fields, [mapper.tensor(node.inputs[0])])


@operator("Elu")
def elu(mapper: Mapper, node: Node) -> None:
    """Map an ELU; its factor changes no count."""
    alpha = decimal(node.attributes.get("alpha", 1.0))
    mapper.emit(node, "elu", {} if alpha == 1 else {"alpha": alpha}, [mapper.tensor(node.inputs[0])])


@operator("Celu")
def celu(mapper: Mapper, node: Node) -> None:
    """Map a CELU; its factor changes no count."""
    alpha = decimal(node.attributes.get("alpha", 1.0))
    mapper.emit(node, "celu", {} if alpha == 1 else {"alpha": alpha}, [mapper.tensor(node.inputs[0])])


@operator("PRelu")
def prelu(mapper: Mapper, node: Node) -> None:
    """Map a ReLU with learned slopes."""
    slope, full = mapper.weight(node, 1), mapper.full(node.inputs[0])
    long = [at + len(full) - len(slope.shape) for at, size in enumerate(slope.shape) if size != 1]
    if len(long) > 1 or any(slope.shape[at - len(full)] != full[at] for at in long):
        raise Unsupported("its slopes are neither one nor one for each channel")
    if not long or long == [1]:
        tensor, axis = mapper.picture(node.inputs[0]), 0
    else:
        axis = mapper.axis(node.inputs[0], long[0])
        tensor = mapper.tensor(node.inputs[0])
    fields = {"num_parameters": full[long[0]]} if long else {}
    mapper.emit(node, "prelu", fields | axis_field(tensor, axis), [tensor], [None, slope])


@operator("Softmax", "LogSoftmax")
def softmax(mapper: Mapper, node: Node) -> None:
    """Map a softmax over one axis."""
    full = mapper.full(node.inputs[0])
    axis = counted_axis(node.attributes.get("axis", 1 if mapper.opset < 13 else -1), len(full))
    if mapper.opset < 13 and prod(full[axis + 1 :]) != 1:
        raise Unsupported("it is over several axes")
    place = mapper.axis(node.inputs[0], axis)
    tensor = mapper.tensor(node.inputs[0])
    type = "softmax" if node.operator == "Softmax" else "log_softmax"
    if node.attributes.get("safe"):
        mapper.notes["that a softmax of nothing but −∞ gives 0 is not counted"] = None
    mapper.emit(node, type, axis_field(tensor, place), [tensor])
