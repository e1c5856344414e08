"""Operators of other frameworks for which ONNX has no word: their names begin with `convcost.`."""

from __future__ import annotations

from typing import Any

from convcost.importers.graph import Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.movement import settle
from convcost.importers.operators.windows import given, short
from convcost.importers.values import Moved, Unsupported
from convcost.layers.layout import TOKENS

_DOMAIN = "convcost."


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


@operator("convcost.lstm", "convcost.gru", "convcost.rnn_tanh", "convcost.rnn_relu")
def recurrent(mapper: Mapper, node: Node) -> None:
    """Map a recurrent network of several layers.

    It reads the values, `[batch, steps, features]` with `batch_first`, and for each layer and direction two matrices,
    then two biases with `bias`, then with `proj_size` the projection.
    """
    attributes = node.attributes
    weights = [mapper.weight(node, at) for at in range(1, len(node.inputs))]
    value = mapper.moved(node.inputs[0])
    first = attributes["batch_first"]
    order = (0, 1, 2) if first else (1, 0, 2)
    batch, steps, features = (value.full[axis] for axis in order)
    lacking = 0 if batch == 1 else None
    turned = Moved(value.base, value.dropped, (*value.steps, ("permute", order)), (batch, steps, features), None)
    tensor = settle(mapper, turned, lacking, TOKENS)
    read = [bool(name) and mapper.is_read(name) for name in (*node.outputs, "", "")[:3]]
    both, deep = attributes["bidirectional"], attributes["num_layers"] > 1
    if read[2] or (read[1] and (deep or (read[0] and both))):
        raise Unsupported("its last state is read beside its sequence, or that of each of several layers")
    kind = node.operator.removeprefix(_DOMAIN)
    fields = {"hidden_size": attributes["hidden_size"]} | given(
        num_layers=(attributes["num_layers"], 1),
        bidirectional=(bool(attributes["bidirectional"]), False),
        bias=(bool(attributes["bias"]), True),
        proj_size=(attributes["proj_size"], 0),
        nonlinearity=("relu" if kind == "rnn_relu" else "tanh", "tanh"),
    )
    fields |= {"return": "last"} if read[1] and not read[0] else {}
    (tensor,) = mapper.emit(node, kind.partition("_")[0], fields, [tensor], [None, *weights], gives=(), batch=lacking)
    where = (0 if first else 1) if batch == 1 else None
    if read[0]:
        full = tuple([(batch, steps, tensor.shape[-1])[axis] for axis in order])
        mapper.give(node, node.outputs[0], Moved(tensor, lacking, (("permute", order),), full, where, node.scope))
        if not read[1]:
            return
        last = {"axis": len(tensor.shape) - 2, "start": steps - 1} if steps > 1 else {}
        if last:
            (tensor,) = mapper.emit(node, "slice", last, [tensor], name="", gives=(), batch=lacking)
    directions = 2 if both else 1
    split = (batch, directions, tensor.shape[-1] // directions)
    states = (("reshape", split), ("permute", (1, 0, 2)))
    full = (directions, batch, split[2])
    mapper.give(node, node.outputs[1], Moved(tensor, lacking, states, full, 1 if batch == 1 else None, node.scope))
