"""Attention, and tables of learned vectors."""

from __future__ import annotations

from typing import Any

from convcost.importers.pytorch.program import OperatorCall
from convcost.importers.pytorch.writer import Untranslated, Writer, aten


@aten(
    "scaled_dot_product_attention",
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_attention_math",
    "_scaled_dot_product_attention_math_for_mps",
)
def attention(writer: Writer, call: OperatorCall) -> None:
    """Translate softmax(Q · Kᵀ · scale + mask) · V to what it performs."""
    arguments = call.arguments
    query, key, value = (arguments[name] for name in ("query", "key", "value"))
    rank, size = writer.rank(query), writer.shape(query)[-1]
    if not isinstance(size, int):
        raise Untranslated
    scale = arguments.get("scale")
    keys, values = _heads(writer, query, key), _heads(writer, query, value)
    order = (*range(rank - 2), rank - 1, rank - 2)
    (turned,) = writer.add("Transpose", [keys], perm=order)
    (scores,) = writer.add("MatMul", [writer.name(query), turned])
    factor = size**-0.5 if scale is None else float(scale)
    if factor != 1:
        (scores,) = writer.add("Mul", [scores, writer.number(factor)])
    if (mask := _mask(writer, call, query, key)) is not None:
        (scores,) = writer.add("Add", [scores, mask])
    (weights,) = writer.add("Softmax", [scores], axis=-1)
    writer.give_first("MatMul", [weights, values])


def _heads(writer: Writer, query: Any, shared: Any) -> str:
    """Return keys or values, repeated where several heads of queries share them."""
    name, sizes = writer.name(shared), writer.shape(shared)
    wanted, held = writer.shape(query)[-3] if len(sizes) > 2 else 1, sizes[-3] if len(sizes) > 2 else 1
    if wanted == held or len(sizes) != 4:
        return name
    if not isinstance(wanted, int) or not isinstance(held, int) or not all(isinstance(size, int) for size in sizes):
        raise Untranslated
    batch, _, length, size = sizes
    (apart,) = writer.add("Unsqueeze", [name], axes=(2,))
    (wide,) = writer.add("Expand", [apart, writer.integers([batch, held, wanted // held, length, size])])
    return writer.add("Reshape", [wide, writer.integers([batch, wanted, length, size])])[0]


def _mask(writer: Writer, call: OperatorCall, query: Any, key: Any) -> str | None:
    """Return the bias of the scores; None where there is none."""
    if call.arguments.get("is_causal"):
        shape = (writer.shape(query)[-2], writer.shape(key)[-2])
        if not all(isinstance(size, int) for size in shape):
            raise Untranslated
        return writer.filled(shape, "float32", 0.0)  # type: ignore[arg-type]  # which numbers changes no count
    mask = call.arguments.get("attn_mask", call.arguments.get("attn_bias"))
    if mask is None:
        return None
    if writer.dtype(mask) != "bool":
        return writer.name(mask)
    inputs = [writer.name(mask), writer.number(0.0), writer.number(float("-inf"))]
    return writer.add("Where", inputs)[0]


@aten("embedding")
def embedding(writer: Writer, call: OperatorCall) -> None:
    """Translate rows of a table."""
    writer.give("Gather", [writer.name(call.arguments["weight"]), writer.name(call.arguments["indices"])], axis=0)
