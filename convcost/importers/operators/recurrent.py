"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from convcost.importers.graph import Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.movement import settle
from convcost.importers.patterns.prepared import GATES
from convcost.importers.values import Moved, Unsupported
from convcost.layers.layout import TOKENS


@operator(*GATES)
def recurrent(mapper: Mapper, node: Node) -> None:
    """Map a recurrent layer over `[steps, batch, features]`; it starts with a state of zeros."""
    kernel, state, bias = mapper.weight(node, 1), mapper.weight(node, 2), mapper.optional(node, 3)
    steps, batch, _ = mapper.full(node.inputs[0])
    directions, rows, hidden = state.shape
    if rows != GATES[node.operator] * hidden or node.attributes.get("layout", 0) or len(kernel.shape) != 3:
        raise Unsupported("its weights are not those of its gates")
    if len(node.inputs) > 7 and node.inputs[7]:
        raise Unsupported("it has peepholes")
    if node.operator == "GRU" and not node.attributes.get("linear_before_reset", 0):
        raise Unsupported("its reset gate stands before the product")
    wanted = [bool(name) for name in (*node.outputs, "", "", "")[:3]]
    value = mapper.moved(node.inputs[0])
    along = (1, 0, 2)
    moved = Moved(value.base, value.dropped, (*value.steps, ("permute", along)), (batch, steps, value.full[2]), None)
    dropped = 0 if batch == 1 else None
    tensor = settle(mapper, moved, dropped, TOKENS)
    fields: dict[str, Any] = {"hidden_size": hidden}
    fields |= {"bidirectional": True} if directions == 2 else {}
    fields |= {} if bias is not None else {"bias": False}
    fields |= {} if wanted[0] or not wanted[1] else {"return": "last"}
    weights = [None, kernel, state, bias]
    (tensor,) = mapper.emit(node, node.operator.lower(), fields, [tensor], weights, gives=(), batch=dropped)
    if wanted[0]:
        if any(wanted[1:]):
            _last_states(mapper, node, tensor, dropped, directions, hidden)
        sequence = (("reshape", (batch, steps, directions, hidden)), ("permute", (1, 2, 0, 3)))
        full: tuple[int, ...] = (steps, directions, batch, hidden)
        mapper.give(node, node.outputs[0], Moved(tensor, dropped, sequence, full, 2 if batch == 1 else None))
    else:
        last = (("reshape", (batch, directions, hidden)), ("permute", (1, 0, 2)))
        full = (directions, batch, hidden)
        mapper.give(node, node.outputs[1], Moved(tensor, dropped, last, full, 1 if batch == 1 else None))


def _last_states(mapper: Mapper, node: Node, tensor: Any, dropped: int | None, directions: int, hidden: int) -> None:
    """Give the last states that are read beside the sequence: the layer works them out, so that they cost nothing."""
    batch = 1 if dropped is not None else tensor.shape[0]
    for name, state in zip(node.outputs[1:], ("hidden state", "cell state"), strict=False):
        if not name or not mapper.is_read(name):
            continue
        shape = [*(() if dropped is not None else (batch,)), directions * hidden]
        fields = {"output_shape": shape, "source": f"the last {state} of the layer before"}
        (last,) = mapper.emit(node, "declared", fields, [tensor], name="", gives=(), batch=dropped)
        steps = (("reshape", (batch, directions, hidden)), ("permute", (1, 0, 2)))
        full = (directions, batch, hidden)
        mapper.give(node, name, Moved(last, dropped, steps, full, 1 if batch == 1 else None))
