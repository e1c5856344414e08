"""Arithmetic on two values, and on a value and a constant."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcost.importers.flow import may_be_learned
from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.movement import settle
from convcost.importers.operators.norms import axis_field
from convcost.importers.operators.windows import decimal
from convcost.importers.values import Moved, Unsupported, counted_axis
from convcost.layers.layout import FEATURE_MAP, UNKNOWN, VECTOR
from convcost.network.graph import Tensor

_MERGES = {"Add": "add", "Mul": "multiply", "Sub": "subtract", "Div": "divide", "Max": "maximum", "Min": "minimum"}


@operator(*_MERGES, "Sum")
def merge(mapper: Mapper, node: Node) -> None:
    """Map arithmetic on values; with a constant it is a scale, a shift, a learned tensor or a number."""
    constants = _constants(mapper, node)
    if len(node.inputs) < 2:
        raise Unsupported("it has one input")
    if len(node.inputs) == 2 and len(constants) == 1 and _with_constant(mapper, node, constants[0]):
        return
    if not constants and _double(mapper, node):
        return
    type = _MERGES.get(node.operator, "add")
    tensors, batch = aligned(mapper, node.inputs)
    mapper.emit(node, type, {}, tensors, name=_named(node, type), batch=batch)


def _constants(mapper: Mapper, node: Node) -> list[str]:
    """Return the constants that a node reads; beside one that is learned, a number of the program alone."""
    found = {name: value for name in node.inputs if isinstance(value := mapper.value(name), Constant)}
    numbers = [name for name, value in found.items() if not value.stored and value.shape == () and value.values]
    return numbers if len(found) == 2 and len(numbers) == 1 else [name for name in node.inputs if name in found]


def _double(mapper: Mapper, node: Node) -> bool:
    """Map the product of a value with itself, a square."""
    if node.operator != "Mul" or node.inputs[0] != node.inputs[1] or len(node.inputs) != 2:
        return False
    mapper.emit(node, "elementwise", {"op": "square"}, [mapper.tensor(node.inputs[0])], name="")
    return True


def aligned(mapper: Mapper, names: Sequence[str]) -> tuple[list[Tensor], int | None]:
    """Return values with as many axes each, for a merge, and the axis of the graph's shape that they lack.

    Args:
        mapper: The mapper.
        names: The values, whose shapes are stretched to each other.
    """
    rank = max(len(mapper.full(name)) for name in names)
    fulls = [(1,) * (rank - len(mapper.full(name))) + mapper.full(name) for name in names]
    wanted = [value.batch for value in map(mapper.moved, names) if len(value.full) == rank]
    fitting = [axis for axis in wanted if axis is not None and all(full[axis] == 1 for full in fulls)]
    batch = (
        fitting[0] if fitting else next((axis for axis in range(rank) if all(full[axis] == 1 for full in fulls)), None)
    )
    if rank == 1:
        batch = None
    tensors = []
    for name, full in zip(names, fulls, strict=True):
        value = mapper.moved(name)
        if len(value.full) == rank:
            tensors.append(mapper.tensor(name, batch=batch))
        else:
            steps = (*value.steps, ("reshape", full))
            tensors.append(settle(mapper, Moved(value.base, value.dropped, steps, full, batch, value.scope), batch))
    return alike(mapper, tensors), batch


def alike(mapper: Mapper, tensors: list[Tensor]) -> list[Tensor]:
    """Return tensors of one layout: that of the first whose layout is known."""
    known = [tensor.layout for tensor in tensors if tensor.layout not in (UNKNOWN, VECTOR)]
    if len(set(known)) < 2:
        return tensors
    return [
        mapper.laid_out(tensor, known[0]) if tensor.layout not in (UNKNOWN, VECTOR, known[0]) else tensor
        for tensor in tensors
    ]


def _with_constant(mapper: Mapper, node: Node, name: str) -> bool:
    """Map arithmetic on a value and a constant; return whether it is one that a layer type does."""
    constant = mapper.value(name)
    assert isinstance(constant, Constant)
    first = node.inputs[0] == name
    value = node.inputs[1] if first else node.inputs[0]
    if prod(constant.shape) == 1:
        return _with_number(mapper, node, value, constant, first)
    if node.operator not in ("Add", "Mul", "Sub", "Div") or (first and node.operator in ("Sub", "Div")):
        return False
    return _with_vector(mapper, node, value, constant)


def _named(node: Node, type: str) -> str:
    """Return the name of a merge, which belongs to the module around it unless it is one itself."""
    if node.scope == node.name:
        return node.scope
    return f"{node.scope}.{type}" if node.scope else ""


def _with_number(mapper: Mapper, node: Node, name: str, constant: Constant, first: bool) -> bool:
    """Map arithmetic on a value and a number; return whether the number is one of the program."""
    if constant.trainable or (constant.trainable is False and constant.values is None):
        return False
    if constant.trainable is None and may_be_learned(constant):
        return False
    if constant.values is None:
        if constant.stored:
            raise Unsupported("its constant is not known")
        return False  # which number the program works out changes no count
    number = float(constant.values[0])
    fields = _by_number(node, number, first)
    if fields is None or abs(fields.get("value") or 0) > 1e15:
        return False
    if len(mapper.full(name)) < len(constant.shape):
        return False
    tensor = mapper.tensor(name)
    if fields["op"] == "divide":
        mapper.notes["divisions by a constant count as products with its reciprocal"] = None
        fields = {"op": "multiply", "value": fields["value"]}
    for each in _steps(fields):
        (tensor,) = mapper.emit(node, "elementwise", each, [tensor], name="", gives=())
    mapper.give(node, node.outputs[0], tensor)
    return True


def _by_number(node: Node, number: float, first: bool) -> dict[str, Any] | None:
    """Return the fields of arithmetic with a number; None where it is none of these."""
    match node.operator:
        case "Add":
            return {"op": "add", "value": decimal(number)}
        case "Mul":
            return {"op": "multiply", "value": decimal(number)}
        case "Sub":
            return {"op": "minus", "value": decimal(number)} if first else {"op": "add", "value": decimal(-number)}
        case "Max":
            return {"op": "maximum", "value": decimal(number)}
        case "Min":
            return {"op": "minimum", "value": decimal(number)}
        case "Div" if first:
            return {"op": "over", "value": decimal(number)}
        case "Div" if number:
            return {"op": "divide", "value": decimal(1 / number)}
        case "Div":
            raise Unsupported("it divides by 0")
    return None


def _steps(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the operations of which arithmetic with a number consists."""
    value = fields["value"]
    if fields["op"] == "minus":  # a - x is -x + a
        return [{"op": "neg"}, {"op": "add", "value": value}]
    if fields["op"] == "over":
        return [{"op": "reciprocal"}] + ([{"op": "multiply", "value": value}] if value != 1 else [])
    return [fields]


def _with_vector(mapper: Mapper, node: Node, name: str, constant: Constant) -> bool:
    """Map a learned factor or summand per channel; return whether the constant is one."""
    full = mapper.full(name)
    shape = (1,) * (len(full) - len(constant.shape)) + constant.shape
    long = [axis for axis, size in enumerate(shape) if size != 1]
    if len(shape) != len(full) or len(long) != 1 or shape[long[0]] != full[long[0]]:
        return False
    if not _is_learned_vector(constant):
        return False
    axis = mapper.axis(name, long[0])
    tensor = mapper.tensor(name)
    if node.operator == "Div":
        mapper.notes["divisions by a constant count as products with its reciprocal"] = None
    type = "shift" if node.operator in ("Add", "Sub") else "scale"
    fields = axis_field(tensor, axis)
    mapper.emit(node, type, fields, [tensor], [None, constant], name=_of_tensor(node, constant))
    return True


def _is_learned_vector(constant: Constant) -> bool:
    return constant.stored or constant.values is None or "float" in constant.dtype


def _of_tensor(node: Node, constant: Constant) -> str:
    """Return the name of what is learned per channel: that of its tensor where it has one."""
    plain = constant.stored and "::" not in constant.name and "/" not in constant.name and "." in constant.name
    return constant.name if plain else node.scope


def _maps(mapper: Mapper, node: Node) -> list[Tensor]:
    """Return what a concatenation reads, where these are maps and nothing moves them; else nothing."""
    found = [value for value in map(mapper.values.get, node.inputs) if isinstance(value, Tensor)]
    ranks = {len(tensor.shape) for tensor in found if tensor.layout == FEATURE_MAP}
    is_plain = 1 < len(found) == len(node.inputs) and len(ranks) == 1
    if not is_plain or any([tensor.layout != FEATURE_MAP for tensor in found]):  # noqa: C419
        return []
    return found if node.attributes["axis"] % (len(found[0].shape) + 1) else []


@operator("Concat")
def concat(mapper: Mapper, node: Node) -> None:
    """Map a concatenation."""
    plain = _maps(mapper, node)
    if plain:
        fields = axis_field(plain[0], node.attributes["axis"] % (len(plain[0].shape) + 1) - 1)
        mapper.emit(node, "concat", fields, plain, name=_named(node, "concat"), batch=0)
        return
    names = [name for name in node.inputs if 0 not in mapper.full(name)]
    if len(names) == 1:
        mapper.give(node, node.outputs[0], mapper.moved(names[0]))
        return
    rank = len(mapper.full(names[0]))
    place = counted_axis(node.attributes["axis"], rank)
    batches = [value.batch for value in map(mapper.moved, names) if value.batch is not None]
    shapes = [mapper.full(name) for name in names]
    fitting = [axis for axis in dict.fromkeys(batches) if axis != place and all(shape[axis] == 1 for shape in shapes)]
    if batches and all(batch == place for batch in batches) and len(batches) == len(names):
        others = range(rank)  # of steps, one after the other, any axis of size 1 is as good as the batch's
        fitting = [axis for axis in others if axis != place and all(shape[axis] == 1 for shape in shapes)]
    batch = fitting[0] if fitting else None
    tensors = alike(mapper, [mapper.tensor(name, batch=batch) for name in names])
    axis = place - (batch is not None and batch < place)
    layout = next((tensor.layout for tensor in tensors if tensor.layout != UNKNOWN), UNKNOWN)
    if tensors[0].layout == UNKNOWN != layout:  # the first one says where the channels are
        tensors[0] = mapper.laid_out(tensors[0], layout)
    fields = axis_field(tensors[0], axis)
    mapper.emit(node, "concat", fields, tensors, name=_named(node, "concat"), batch=batch)
