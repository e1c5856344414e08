"""Operators of other frameworks for which ONNX has no word: their names begin with `convcost.`."""

from __future__ import annotations

from typing import Any

from convcost.importers.graph import Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.operators.windows import given, short


@operator("convcost.AdaptiveAveragePool", "convcost.AdaptiveMaxPool")
def adaptive_pool(mapper: Mapper, node: Node) -> None:
    """Map a pool to a size, the attribute `output_size`."""
    tensor = mapper.picture(node.inputs[0])
    type = "adaptive_avg_pool" if "Average" in node.operator else "adaptive_max_pool"
    mapper.emit(node, type, {"output_size": short(tuple(node.attributes["output_size"]))}, [tensor])


@operator("convcost.Unfold")
def unfold(mapper: Mapper, node: Node) -> None:
    """Map patches that become columns; the attributes are the fields."""
    tensor = mapper.picture(node.inputs[0])
    mapper.emit(node, "unfold", _window(node), [tensor])


@operator("convcost.Fold")
def fold(mapper: Mapper, node: Node) -> None:
    """Map columns that are added up where their patches lie."""
    tensor = mapper.picture(node.inputs[0])
    size = list(node.attributes["output_size"])
    mapper.emit(node, "fold", {"output_size": size} | _window(node), [tensor])


def _window(node: Node) -> dict[str, Any]:
    fields: dict[str, Any] = {"kernel_size": short(node.attributes["kernel_size"])}
    return fields | given(
        stride=(short(node.attributes["stride"]), 1),
        padding=(short(node.attributes["padding"]), 0),
        dilation=(short(node.attributes["dilation"]), 1),
    )
