"""Interpolation at given places."""

from __future__ import annotations

from convcost.importers.graph import Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.operators.windows import given
from convcost.importers.values import Unsupported


@operator("GridSample")
def grid_sample(mapper: Mapper, node: Node) -> None:
    """Map bilinear interpolation of a feature map at the places of a grid, whose last axis holds the coordinates."""
    if node.attributes.get("mode", "bilinear") not in ("bilinear", "linear"):
        raise Unsupported("it interpolates in another way than linearly")
    fields = given(align_corners=(bool(node.attributes.get("align_corners", 0)), False))
    mapper.emit(node, "grid_sample", fields, [mapper.picture(node.inputs[0]), mapper.tensor(node.inputs[1], batch=0)])
