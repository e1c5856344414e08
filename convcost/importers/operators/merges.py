"""Arithmetic on two values, and on a value and a constant."""

from __future__ import annotations

from math import prod
from typing import Any

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.operators.norms import axis_field
from convcost.importers.operators.windows import decimal
from convcost.importers.values import Unsupported
from convcost.network.graph import Tensor

_MERGES = {"Add": "add", "Mul": "multiply", "Sub": "subtract", "Div": "divide", "Max": "maximum", "Min": "minimum"}


@operator(*_MERGES, "Sum")
def merge(mapper: Mapper, node: Node) -> None:
    """Map arithmetic on values; with a constant it is a scale, a shift, a learned tensor or a number."""
    constants = [name for name in node.inputs if isinstance(mapper.value(name), Constant)]
    if not constants:
        tensors = [mapper.tensor(name) for name in node.inputs]
        if len({len(tensor.shape) for tensor in tensors}) > 1:
            raise Unsupported("its inputs have different numbers of axes")
        if len(tensors) < 2:
            raise Unsupported("it has one input")
        type = _MERGES.get(node.operator, "add")
        mapper.emit(node, type, {}, tensors, name=_named(node, type))
        return
    if len(node.inputs) != 2 or len(constants) != 1 or node.operator not in ("Add", "Mul", "Sub", "Div"):
        raise Unsupported("it works on constants")
    constant = mapper.value(constants[0])
    assert isinstance(constant, Constant)
    first = node.inputs[0] == constants[0]
    if first and node.operator in ("Sub", "Div"):
        raise Unsupported("its first input is a constant")
    tensor = mapper.tensor(node.inputs[1] if first else node.inputs[0])
    if prod(constant.shape) == 1:
        _with_number(mapper, node, tensor, constant)
    else:
        _with_tensor(mapper, node, tensor, constant)


def _named(node: Node, type: str) -> str:
    """Return the name of a merge, which belongs to the module around it."""
    return f"{node.scope}.{type}" if node.scope else ""


def _with_number(mapper: Mapper, node: Node, tensor: Tensor, constant: Constant) -> None:
    if constant.stored and "float" in constant.dtype and "." in constant.name and "::" not in constant.name:
        raise Unsupported(f"the number {constant.name!r} may be learned")
    if constant.values is None:
        raise Unsupported("its constant is not known")
    number = float(constant.values[0])
    if node.operator == "Div" and number == 0:
        raise Unsupported("it divides by 0")
    value = {"Sub": -number, "Div": 1 / number if number else 0}.get(node.operator, number)
    if node.operator == "Div":
        mapper.notes["divisions by a constant count as products with its reciprocal"] = None
    if abs(value) > 1e15:
        raise Unsupported("its constant is astronomically large")
    op = "add" if node.operator in ("Add", "Sub") else "multiply"
    mapper.emit(node, "elementwise", {"op": op, "value": decimal(value)}, [tensor], name="")


def _with_tensor(mapper: Mapper, node: Node, tensor: Tensor, constant: Constant) -> None:
    rank = len(tensor.shape)
    shape = (1,) * (rank + 1 - len(constant.shape)) + constant.shape
    if len(shape) != rank + 1 or shape[0] != 1:
        raise Unsupported("its constant has more axes than its input")
    shape = shape[1:]
    long = [axis for axis, size in enumerate(shape) if size != 1]
    if len(long) == 1 and shape[long[0]] == tensor.shape[long[0]]:
        fields = axis_field(tensor, long[0])
        if node.operator == "Div":
            mapper.notes["divisions by a constant count as products with its reciprocal"] = None
        type = "shift" if node.operator in ("Add", "Sub") else "scale"
        mapper.emit(node, type, fields, [tensor], [None, constant], name=_of_tensor(node, constant))
        return
    if not constant.stored or "::" in constant.name or "/" in constant.name:
        raise Unsupported(f"the constant {constant.name!r} may be learned or not")
    if node.operator != "Add":
        raise Unsupported("it scales by a whole tensor")
    layout = {"feature map": "feature_map"}.get(tensor.layout, tensor.layout)
    fields = {"shape": list(shape)} | ({"layout": layout} if layout != "unknown" and rank > 1 else {})
    (learned,) = mapper.emit(node, "parameter", fields, [], [None, constant], name=constant.name, gives=())
    mapper.emit(node, "add", {}, [tensor, learned], name=_named(node, "add"))


def _of_tensor(node: Node, constant: Constant) -> str:
    """Return the name of what is learned per channel: that of its tensor where it has one."""
    plain = constant.stored and "::" not in constant.name and "/" not in constant.name and "." in constant.name
    return constant.name if plain else node.scope


@operator("Concat")
def concat(mapper: Mapper, node: Node) -> None:
    """Map a concatenation."""
    tensors = [mapper.tensor(name) for name in node.inputs]
    axis = node.attributes["axis"] % (len(tensors[0].shape) + 1) - 1
    if axis < 0:
        raise Unsupported("it joins along the batch axis")
    if len(tensors) == 1:
        mapper.give(node, node.outputs[0], tensors[0])
        return
    fields: dict[str, Any] = axis_field(tensors[0], axis)
    mapper.emit(node, "concat", fields, tensors, name=_named(node, "concat"))
