"""Attention layers."""

from __future__ import annotations

from typing import Any

from convcost.importers.keras.builder import GraphBuilder
from convcost.importers.keras.registry import layer, whole
from convcost.importers.keras.values import Layer, Untranslatable, Value


def _roles(layer: Layer, names: tuple[str, ...]) -> dict[str, Value]:
    """Return the values that a layer is called with by their role, given the order of its arguments."""
    found = {name: value for name, value in zip(names, layer.args, strict=False) if isinstance(value, Value)}
    found |= {name: value for name, value in layer.kwargs.items() if isinstance(value, Value)}
    more = [name for name in found if name not in ("query", "value", "key")]
    if more or "query" not in found or "value" not in found:
        raise Untranslatable(f"it reads {', '.join(more) or 'no query and value'}")
    if layer.kwargs.get("return_attention_scores") or layer.kwargs.get("use_causal_mask"):
        raise Untranslatable("it masks what is later, or gives its scores")
    return found


_CALL = ("query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask")


@layer("MultiHeadAttention")
def multi_head_attention(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate attention of several heads, with its projections."""
    heads, size = whole(layer, "num_heads"), whole(layer, "key_dim")
    given = layer.config.get("value_dim")
    return _attended(builder, layer, heads, heads, size, size if given is None else whole(layer, "value_dim"))


@layer("GroupQueryAttention", "GroupedQueryAttention")
def grouped_query_attention(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate attention whose heads of keys and values are fewer than those of queries."""
    heads, few = whole(layer, "num_query_heads"), whole(layer, "num_key_value_heads")
    size = whole(layer, "head_dim")
    return _attended(builder, layer, heads, few, size, size)


def _attended(builder: GraphBuilder, layer: Layer, heads: int, few: int, size: int, value_size: int) -> Value:
    roles = _roles(layer, _CALL)
    query = builder.plain(roles["query"])
    value = builder.plain(roles["value"])
    key = builder.plain(roles["key"]) if "key" in roles else value
    if len({len(each.known) for each in (query, key, value)}) > 1 or len(query.known) != 2:
        raise Untranslatable("it attends over more than one axis")
    if layer.config.get("attention_axes") not in (None, 1, [1], -2, [-2]):
        raise Untranslatable(f"its attention_axes are {layer.config['attention_axes']!r}")
    given = layer.config.get("output_shape")
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if given is not None and type(given) is not int:
        raise Untranslatable(f"its output_shape is {given!r}")
    if layer.config.get("flash_attention") or layer.config.get("seed") == "":
        raise Untranslatable("it is a fused one")
    channels, out = query.channels, query.channels if given is None else given
    bias = bool(layer.config.get("use_bias", True))
    weights = []
    for name, features, units in (
        ("query", channels, heads * size),
        ("key", key.channels, few * size),
        ("value", value.channels, few * value_size),
        ("attention_output", heads * value_size, out),
    ):
        weights.append(builder.weight(layer, f"{name}.kernel", features, units))
        weights += [builder.weight(layer, f"{name}.bias", units)] if bias else []
    attributes = {
        "num_heads": heads,
        "num_kv_heads": few,
        "head_dim": size,
        "value_dim": value_size,
        "out_features": out,
        "bias": int(bias),
    }
    inputs = [query.name, key.name, value.name, *weights]
    return Value(builder.add(layer, "keras.MultiHeadAttention", inputs, attributes), (query.known[0], out))


@layer("Attention", "AdditiveAttention")
def attention(builder: GraphBuilder, layer: Layer) -> Value:
    """Translate attention without projections: scores are inner products, or learned sums."""
    values = layer.inputs
    if not 2 <= len(values) <= 3 or any(len(value.known) != 2 for value in values):
        raise Untranslatable("it does not read a query, a value and a key that are sequences")
    config = layer.config
    if any(layer.kwargs.get(name) for name in ("return_attention_scores", "use_causal_mask")) or config.get("causal"):
        raise Untranslatable("it masks what is later, or gives its scores")
    query, value, key = (builder.plain(each) for each in (*values, values[1])[:3])
    additive = layer.kind == "AdditiveAttention"
    if not additive and config.get("score_mode", "dot") != "dot":
        raise Untranslatable(f"its score_mode is {config.get('score_mode')!r}")
    scale: Any = config.get("use_scale", additive)
    scores = _added(builder, layer, query, key, scale) if additive else _product(builder, layer, query, key, scale)
    weights = builder.add(layer, "Softmax", [scores], {"axis": 2}, scope=f"{layer.path}.softmax")
    name = builder.add(layer, "MatMul", [weights, value.name], scope=f"{layer.path}.context")
    return Value(name, (query.known[0], value.channels))


def _product(builder: GraphBuilder, layer: Layer, query: Value, key: Value, scale: bool) -> str:
    """Return scores that are inner products of queries and keys."""
    turned = builder.add(layer, "Transpose", [key.name], {"perm": (0, 2, 1)})
    scores = builder.add(layer, "MatMul", [query.name, turned], scope=f"{layer.path}.scores")
    if not scale:
        return scores
    factor = builder.weight(layer, "scale", 1)
    return builder.add(layer, "keras.LearnedFactor", [scores, factor], scope=f"{layer.path}.scale")


def _added(builder: GraphBuilder, layer: Layer, query: Value, key: Value, scale: bool) -> str:
    """Return scores that are sums over tanh(query + key), times a learned factor per channel."""
    rows = builder.add(layer, "Unsqueeze", [query.name, builder.number(2)])
    columns = builder.add(layer, "Unsqueeze", [key.name, builder.number(1)])
    name = builder.add(layer, "Add", [rows, columns], scope=f"{layer.path}.sum")
    name = builder.add(layer, "Tanh", [name], scope=f"{layer.path}.tanh")
    if scale:
        name = builder.add(layer, "Mul", [name, builder.weight(layer, "scale", query.channels)])
    attributes = {"axes": (3,), "keepdims": 0}
    return builder.add(layer, "ReduceSum", [name], attributes, scope=f"{layer.path}.scores")
