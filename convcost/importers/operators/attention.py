"""Attention as one operator: ONNX's and those of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.operators.merges import aligned
from convcost.importers.operators.norms import axis_field
from convcost.importers.operators.products import multiplied
from convcost.importers.operators.windows import decimal
from convcost.importers.values import Moved, Unsupported


class _Inputs(Struct):
    """What an attention reads.

    Attributes:
        query: Queries, `[batch, heads, length, size]`.
        key: Keys.
        value: Values.
        biases: The names of what is added to the scores.
        scale: The factor of the scores; None for that of the size.
        causal: Whether a query sees only the keys up to its place.
        joined: Whether the heads are put beside each other in the end.
    """

    query: Moved
    key: Moved
    value: Moved
    biases: list[str]
    scale: float | None
    causal: bool
    joined: bool


@operator("Attention")
def attention(mapper: Mapper, node: Node) -> None:
    """Map ONNX's attention on queries, keys and values."""
    if any(node.inputs[3 + at : 4 + at] not in ((), ("",)) for at in (1, 2)) or node.attributes.get("softcap", 0):
        raise Unsupported("it reads keys of earlier calls, or caps its scores")
    if any(node.outputs[1:]):
        raise Unsupported("it gives its keys, values or scores, too")
    flat = len(mapper.full(node.inputs[0])) == 3
    heads = node.attributes.get("q_num_heads", 0)
    counts = (heads, *[node.attributes.get("kv_num_heads", heads)] * 2)
    query, key, value = (
        _with_heads(mapper.moved(name), count) if flat else mapper.moved(name)
        for name, count in zip(node.inputs[:3], counts, strict=True)
    )
    biases = [name for name in node.inputs[3:4] if name]
    causal = bool(node.attributes.get("is_causal", 0))
    _attend(mapper, node, _Inputs(query, key, value, biases, node.attributes.get("scale"), causal, flat))


@operator("com.microsoft.MultiHeadAttention")
def multi_head_attention(mapper: Mapper, node: Node) -> None:
    """Map ONNX Runtime's attention on queries, keys and values."""
    _check_optional(node, 5)
    if any(len(mapper.full(name)) != 3 for name in node.inputs[:3]) or any(node.inputs[3:5]):
        raise Unsupported("it has packed inputs, biases or a padding mask")
    heads = node.attributes["num_heads"]
    query, key, value = (_with_heads(mapper.moved(name), heads) for name in node.inputs[:3])
    causal = bool(node.attributes.get("unidirectional", 0))
    biases = [name for name in node.inputs[5:6] if name]
    scale = node.attributes.get("scale") or None
    _attend(mapper, node, _Inputs(query, key, value, biases, scale, causal, joined=True))


@operator("com.microsoft.Attention")
def packed_attention(mapper: Mapper, node: Node) -> None:
    """Map ONNX Runtime's attention with one matrix for queries, keys and values."""
    _check_optional(node, 5)
    if any(node.inputs[3:5]) or "qkv_hidden_sizes" in node.attributes:
        raise Unsupported("it has a mask, or queries, keys and values of different sizes")
    kernel, bias = mapper.weight(node, 1), mapper.optional(node, 2)
    tensor = mapper.vectors(node.inputs[0])
    fields: dict[str, Any] = {"out_features": kernel.shape[1]} | ({} if bias is not None else {"bias": False})
    name = f"{node.scope}.qkv" if node.scope else None
    (packed,) = mapper.emit(node, "linear", fields, [tensor], [kernel, bias], gives=(), name=name)
    parts = mapper.emit(node, "split", {"chunks": 3}, [packed], gives=(), name="")
    heads = node.attributes["num_heads"]
    batch = mapper.lacks(packed)
    full = (*mapper.full(node.inputs[0])[:2], kernel.shape[1] // 3)
    query, key, value = (_with_heads(Moved(part, batch, (), full, batch, node.scope), heads) for part in parts)
    causal = bool(node.attributes.get("unidirectional", 0))
    biases = [name for name in node.inputs[5:6] if name]
    scale = node.attributes.get("scale") or None
    _attend(mapper, node, _Inputs(query, key, value, biases, scale, causal, joined=True))


def _check_optional(node: Node, bias: int) -> None:
    """Refuse inputs behind what is added to the scores, and outputs beside the first."""
    if any(node.inputs[bias + 1 :]) or any(node.outputs[1:]):
        raise Unsupported("it reads or gives keys and values of other calls")


def _with_heads(value: Moved, heads: int) -> Moved:
    """Return `[batch, length, heads · size]` as `[batch, heads, length, size]`."""
    batch, length, width = value.full
    split = (batch, length, heads, width // heads)
    steps = (*value.steps, ("reshape", split), ("permute", (0, 2, 1, 3)))
    return Moved(value.base, value.dropped, steps, (batch, heads, length, width // heads), value.batch, value.scope)


def _step(value: Moved, kind: str, how: Sequence[int], full: tuple[int, ...]) -> Moved:
    return Moved(value.base, value.dropped, (*value.steps, (kind, tuple(how))), full, value.batch, value.scope)


def _attend(mapper: Mapper, node: Node, given: _Inputs) -> None:
    """Map the products, what is added to the scores, and the softmax."""
    batch, heads, length, size = given.query.full
    _, kv_heads, keys, _ = given.key.full
    width = given.value.full[3]
    query, key, value = given.query, given.key, given.value
    if kv_heads != heads:  # several heads of the queries read one of the keys
        grouped = (batch, kv_heads, heads // kv_heads * length, size)
        query = _step(query, "reshape", grouped, grouped)
    key = _step(key, "permute", (0, 1, 3, 2), (batch, kv_heads, size, keys))
    scores = _product(mapper, node, query, key)
    shape = (batch, heads, length, keys)
    names = [f"{node.outputs[0]}/{part}" for part in ("scores", "mask", "weights")]
    mapper.hold_moved(names[0], _step(scores, "reshape", shape, shape))
    factor = size**-0.5 if given.scale is None else given.scale
    (tensor,) = mapper.emit(
        node, "elementwise", {"op": "multiply", "value": decimal(factor)}, [mapper.tensor(names[0])], name="", gives=()
    )
    mapper.hold(names[0], tensor)
    biases = list(given.biases)
    if given.causal:
        mapper.values[names[1]] = Constant(names[1], (length, keys), stored=False)
        biases.append(names[1])
    for bias in biases:
        tensors, lacking = aligned(mapper, [names[0], bias])
        (tensor,) = mapper.emit(node, "add", {}, tensors, name="", gives=(), batch=lacking)
        mapper.hold(names[0], tensor)
    tensor = mapper.tensor(names[0])
    axis = len(tensor.shape) - 1
    (tensor,) = mapper.emit(node, "softmax", axis_field(tensor, axis), [tensor], gives=())
    mapper.hold(names[2], tensor)
    weights = mapper.moved(names[2])
    if kv_heads != heads:
        grouped = (batch, kv_heads, heads // kv_heads * length, keys)
        weights = _step(weights, "reshape", grouped, grouped)
    context = _product(mapper, node, weights, value)
    full = (batch, heads, length, width)
    context = _step(context, "reshape", full, full)
    if given.joined:
        context = _step(context, "permute", (0, 2, 1, 3), (batch, length, heads, width))
        context = _step(context, "reshape", (batch, length, heads * width), (batch, length, heads * width))
    mapper.give(node, node.outputs[0], context)


def _product(mapper: Mapper, node: Node, first: Moved, second: Moved) -> Moved:
    """Return the product of two values."""
    multiplied(mapper, Node("MatMul", (), ("",), {}, node.name, node.scope), first, second)
    tensor = mapper.items[-1].outputs[0]
    axis = mapper.lacks(tensor)
    mapper.hold(f"{node.outputs[0]}/product", tensor)
    value = mapper.moved(f"{node.outputs[0]}/product")
    return Moved(value.base, axis, (), value.full, axis, node.scope)
