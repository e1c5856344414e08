"""Interpolation at given places."""

from __future__ import annotations

from typing import Any

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.operators.windows import given, short
from convcost.importers.values import Unsupported


@operator("GridSample")
def grid_sample(mapper: Mapper, node: Node) -> None:
    """Map bilinear interpolation of a feature map at the places of a grid, whose last axis holds the coordinates."""
    if node.attributes.get("mode", "bilinear") not in ("bilinear", "linear"):
        raise Unsupported("it interpolates in another way than linearly")
    fields = given(align_corners=(bool(node.attributes.get("align_corners", 0)), False))
    mapper.emit(node, "grid_sample", fields, [mapper.picture(node.inputs[0]), mapper.tensor(node.inputs[1], batch=0)])


_HALF_PIXEL_SINCE = 16  # the version of the operators since which coordinates are moved by half a pixel


@operator("RoiAlign")
def roi_align(mapper: Mapper, node: Node) -> None:
    """Map averages of samples in the cells of regions `[regions, 4]`; constant ones are no input of the layer."""
    attributes = node.attributes
    ratio, boxes = attributes.get("sampling_ratio", 0), mapper.full(node.inputs[1])
    if attributes.get("mode", "avg") != "avg":
        raise Unsupported("it takes the largest of its samples")
    if ratio < 1:
        raise Unsupported("how many points it samples depends on the sizes of its regions")
    if len(boxes) != 2 or boxes[1] != 4:
        raise Unsupported("its regions are not four numbers each")
    usual = "half_pixel" if mapper.opset >= _HALF_PIXEL_SINCE else "output_half_pixel"
    aligned = attributes.get("coordinate_transformation_mode", usual) == "half_pixel"
    cells = (attributes.get("output_height", 1), attributes.get("output_width", 1))
    fields: dict[str, Any] = {"num_regions": boxes[0], "output_size": short(cells), "sampling_ratio": ratio}
    fields |= given(spatial_scale=(attributes.get("spatial_scale", 1.0), 1.0), aligned=(aligned, False))
    inputs = [mapper.picture(node.inputs[0])]
    if not isinstance(mapper.value(node.inputs[1]), Constant):
        inputs.append(mapper.tensor(node.inputs[1], batch=None))
    mapper.emit(node, "roi_align", fields, inputs, batch=None)
