"""Layers whose kernel others share, each with a bias of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper
from convcost.network.graph import Tensor


def with_bias(
    mapper: Mapper,
    node: Node,
    type: str,
    fields: Mapping[str, Any],
    tensor: Tensor,
    kernel: Constant,
    bias: Constant | None,
) -> None:
    """Add a layer; its bias is a layer of its own where others share the kernel and not the bias."""
    if bias is None or kernel.name not in mapper.of_other_biases:
        mapper.emit(node, type, fields, [tensor], [kernel, bias])
        return
    (tensor,) = mapper.emit(node, type, {**fields, "bias": False}, [tensor], [kernel], gives=())
    mapper.notes["layers that share a kernel, each with a bias of its own, have it as a sum behind them"] = None
    mapper.emit(node, "shift", {}, [tensor], [None, bias], name="", batch=mapper.lacks(tensor))
