"""Attention layers."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from convcost.importers.keras.builder import GraphBuilder, count
from convcost.importers.keras.core import multiplied
from convcost.importers.keras.registry import layer, whole
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer, known


def _roles(layer: KerasLayer, names: tuple[str, ...]) -> dict[str, KerasValue]:
    """Return the values that a layer is called with by their role, given the order of its arguments."""
    found = {name: value for name, value in zip(names, layer.args, strict=False) if isinstance(value, KerasValue)}
    found |= {name: value for name, value in layer.kwargs.items() if isinstance(value, KerasValue)}
    more = [name for name in found if name not in ("query", "value", "key", "attention_mask")]
    if more or "query" not in found or "value" not in found:
        raise UntranslatableLayer(f"it reads {', '.join(more) or 'no query and value'}")
    return found


_CALL = ("query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask")


@layer("MultiHeadAttention")
def multi_head_attention(builder: GraphBuilder, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Translate attention of several heads, with its projections."""
    heads, size = whole(layer, "num_heads"), whole(layer, "key_dim")
    given = layer.config.get("value_dim")
    value_size = size if given is None else whole(layer, "value_dim")
    return _attended(builder, layer, _Form(heads, heads, size, value_size))


@layer("GroupQueryAttention", "GroupedQueryAttention")
def grouped_query_attention(builder: GraphBuilder, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Translate attention whose heads of keys and values are fewer than those of queries."""
    heads, few = whole(layer, "num_query_heads"), whole(layer, "num_key_value_heads")
    if heads % few:
        raise UntranslatableLayer(f"{few} heads of keys do not divide {heads} of queries")
    size = whole(layer, "head_dim")
    return _attended(builder, layer, _Form(heads, few, size, size))


class _Form(Struct, frozen=True):
    """The sizes of attention of several heads.

    Attributes:
        heads: How many heads queries have.
        few: How many keys and values have.
        size: The channels of a head of queries and keys.
        value_size: The channels of a head of values.
    """

    heads: int
    few: int
    size: int
    value_size: int


def _attended(builder: GraphBuilder, layer: KerasLayer, form: _Form) -> KerasValue | tuple[KerasValue, ...]:
    """Return attention as Keras performs it: the queries are scaled, before their products with the keys."""
    roles = _roles(layer, _CALL)
    query = builder.plain(roles["query"])
    value = builder.plain(roles["value"])
    key = builder.plain(roles["key"]) if "key" in roles else value
    if len({len(each.known) for each in (query, key, value)}) > 1:
        raise UntranslatableLayer("it reads values of different numbers of axes")
    outer = query.known[:-1]
    apart = _axes_apart(layer, len(query.known))
    if len(outer) > 1:
        if "attention_mask" in roles or layer.kwargs.get("return_attention_scores"):
            raise UntranslatableLayer("it attends over several axes, with a mask or giving its scores")
        query, key, value = (_joined(builder, layer, each, apart) for each in (query, key, value))
    given = layer.config.get("output_shape")
    given = given[0] if isinstance(given, list) and len(given) == 1 else given
    out = query.channels if given is None else given
    if type(out) is not int or layer.config.get("use_gate"):
        raise UntranslatableLayer("its output is gated, or has several axes")
    queries = _heads(builder, layer, "query", query, form.heads, form.size)
    root = builder.number(1 / form.size**0.5, shape=())
    queries = builder.add(layer, "Mul", [queries, root], scope=f"{layer.path}.scale")
    keys = _heads(builder, layer, "key", key, form.few, form.size)
    values = _heads(builder, layer, "value", value, form.few, form.value_size)
    shared = form.heads // form.few
    order: tuple[int, ...] = (0, 2, 3, 1)
    if shared > 1:  # several heads of queries read one of keys and values
        queries = builder.add(layer, "Reshape", [queries, builder.number(0, 0, form.few, shared, form.size)])
        queries = builder.add(layer, "Transpose", [queries], {"perm": (0, 2, 3, 1, 4)})
        keys = builder.add(layer, "Unsqueeze", [keys, builder.number(2)])
        values = builder.add(layer, "Unsqueeze", [values, builder.number(2)])
        order = (0, 3, 2, 4, 1)
        values = builder.add(layer, "Transpose", [values], {"perm": (0, 3, 2, 1, 4)})
    else:
        queries = builder.add(layer, "Transpose", [queries], {"perm": (0, 2, 1, 3)})
        values = builder.add(layer, "Transpose", [values], {"perm": (0, 2, 1, 3)})
    keys = builder.add(layer, "Transpose", [keys], {"perm": order})
    scores = builder.add(layer, "MatMul", [queries, keys], scope=f"{layer.path}.scores")
    if "attention_mask" in roles:
        scores = _masked(builder, layer, scores, roles["attention_mask"], len(order) - 3)
    if layer.kwargs.get("use_causal_mask"):
        scores = builder.add(layer, "keras.CausalMask", [scores], scope=f"{layer.path}.mask")
    weights = builder.add(layer, "Softmax", [scores], {"axis": len(order) - 1}, scope=f"{layer.path}.softmax")
    context = builder.add(layer, "MatMul", [weights, values], scope=f"{layer.path}.context")
    back = (0, 3, 1, 2, 4) if shared > 1 else (0, 2, 1, 3)
    context = builder.add(layer, "Transpose", [context], {"perm": back})
    features = form.heads * form.value_size
    context = builder.add(layer, "Reshape", [context, builder.number(0, 0, features)])
    joined = KerasValue(context, (query.known[0], features))
    name = _projected(builder, layer, "attention_output", joined, out)
    if len(outer) > 1:
        shape = builder.number(-1, *(known(size) for size in outer), out)
        return KerasValue(builder.add(layer, "Reshape", [name, shape]), (*outer, out))
    found = KerasValue(name, (query.known[0], out))
    if not layer.kwargs.get("return_attention_scores"):
        return found
    if shared > 1:
        raise UntranslatableLayer("it gives scores of heads that share keys")
    return found, KerasValue(weights, (form.heads, query.known[0], key.known[0]))


def _axes_apart(layer: KerasLayer, rank: int) -> int:
    """Return the number of leading axes over which the layer does not attend, the batch not counted.

    Raises:
        UntranslatableLayer: These are not the first ones.
    """
    given = layer.config.get("attention_axes")
    own = range(1, rank - layer.lead) if given is None else [given] if type(given) is int else given
    axes: list[int] = sorted(axis % (rank + 1 - layer.lead) + layer.lead for axis in own)
    if not axes or axes != list(range(axes[0], rank)):
        raise UntranslatableLayer(f"its attention_axes are {given!r}")
    return axes[0] - 1


def _joined(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, apart: int) -> KerasValue:
    """Return a value with one axis of what is attended over, and its axes apart joined with the batch."""
    steps = known(count(value.known[apart:-1]))
    batch = -1 if apart else 0
    name = builder.add(layer, "Reshape", [value.name, builder.number(batch, steps, value.channels)])
    return KerasValue(name, (steps, value.channels))


def _masked(builder: GraphBuilder, layer: KerasLayer, scores: str, mask: KerasValue, heads: int) -> str:
    """Return scores with (1 − mask) · −30,000 added, the mask being one for all heads."""
    if len(mask.known) != 2:
        raise UntranslatableLayer("its mask is not one for all heads")
    scope = f"{layer.path}.mask"
    name = builder.add(layer, "Unsqueeze", [builder.plain(mask).name, builder.number(*range(1, heads + 1))])
    name = builder.add(layer, "Neg", [name], scope=scope)
    name = builder.add(layer, "Add", [name, builder.number(1.0, shape=())], scope=scope)
    name = builder.add(layer, "Mul", [name, builder.number(-30000.0, shape=())], scope=scope)
    return builder.add(layer, "Add", [scores, name], scope=scope)


def _projected(builder: GraphBuilder, layer: KerasLayer, name: str, value: KerasValue, units: int) -> str:
    """Return a linear projection, which has a bias where the layer has."""
    kernel = builder.weight(layer, f"{name}.kernel", value.channels, units)
    bias = [builder.weight(layer, f"{name}.bias", units)] if layer.config.get("use_bias", True) else []
    return multiplied(builder, layer, value.name, kernel, bias, scope=f"{layer.path}.{name}")


def _heads(builder: GraphBuilder, layer: KerasLayer, name: str, value: KerasValue, heads: int, size: int) -> str:
    """Return queries, keys or values, with an axis of heads."""
    found = _projected(builder, layer, name, value, heads * size)
    return builder.add(layer, "Reshape", [found, builder.number(0, 0, heads, size)])


@layer("Attention", "AdditiveAttention")
def attention(builder: GraphBuilder, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Translate attention without projections: scores are inner products, or learned sums."""
    values = layer.inputs
    if not 2 <= len(values) <= 3 or any(len(value.known) != 2 for value in values):
        raise UntranslatableLayer("it does not read a query, a value and a key that are sequences")
    config = layer.config
    query, value, key = (builder.plain(each) for each in (*values, values[1])[:3])
    additive = layer.kind == "AdditiveAttention"
    if not additive and config.get("score_mode", "dot") != "dot":
        raise UntranslatableLayer(f"its score_mode is {config.get('score_mode')!r}")
    scale: Any = config.get("use_scale", additive)
    scores = _added(builder, layer, query, key, scale) if additive else _product(builder, layer, query, key, scale)
    if layer.kwargs.get("use_causal_mask") or config.get("causal"):
        scores = builder.add(layer, "keras.CausalMask", [scores], scope=f"{layer.path}.mask")
    weights = builder.add(layer, "Softmax", [scores], {"axis": 2}, scope=f"{layer.path}.softmax")
    name = builder.add(layer, "MatMul", [weights, value.name], scope=f"{layer.path}.context")
    found = KerasValue(name, (query.known[0], value.channels))
    if not layer.kwargs.get("return_attention_scores"):
        return found
    return found, KerasValue(weights, (query.known[0], key.known[0]))


def _product(builder: GraphBuilder, layer: KerasLayer, query: KerasValue, key: KerasValue, scale: bool) -> str:
    """Return scores that are inner products of queries and keys."""
    turned = builder.add(layer, "Transpose", [key.name], {"perm": (0, 2, 1)})
    scores = builder.add(layer, "MatMul", [query.name, turned], scope=f"{layer.path}.scores")
    if not scale:
        return scores
    factor = builder.weight(layer, "scale", 1)
    return builder.add(layer, "keras.LearnedFactor", [scores, factor], scope=f"{layer.path}.scale")


def _added(builder: GraphBuilder, layer: KerasLayer, query: KerasValue, key: KerasValue, scale: bool) -> str:
    """Return scores that are sums over tanh(query + key), times a learned factor per channel."""
    rows = builder.add(layer, "Unsqueeze", [query.name, builder.number(2)])
    columns = builder.add(layer, "Unsqueeze", [key.name, builder.number(1)])
    name = builder.add(layer, "Add", [rows, columns], scope=f"{layer.path}.sum")
    name = builder.add(layer, "Tanh", [name], scope=f"{layer.path}.tanh")
    if scale:
        name = builder.add(layer, "Mul", [name, builder.weight(layer, "scale", query.channels)])
    attributes = {"axes": (3,), "keepdims": 0}
    return builder.add(layer, "ReduceSum", [name], attributes, scope=f"{layer.path}.scores")
