"""Sampling at places that are worked out."""

from __future__ import annotations

from convcost.importers.graph import Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.values import Unsupported


@operator("GridSample")
def grid_sample(mapper: Mapper, node: Node) -> None:
    """Map values interpolated linearly at the places of a grid, zeros outside."""
    mode, outside = node.attributes.get("mode", "linear"), node.attributes.get("padding_mode", "zeros")
    if mode not in ("linear", "bilinear") or outside != "zeros":
        raise Unsupported(f"its mode is {mode}, and {outside} lie outside")
    tensor = mapper.picture(node.inputs[0])
    grid = mapper.tensor(node.inputs[1], batch=0)
    fields = {"align_corners": True} if node.attributes.get("align_corners", 0) else {}
    mapper.emit(node, "grid_sample", fields, [tensor, grid])
