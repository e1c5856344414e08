"""Recurrent layers: those of ONNX, one for each layer, and those of PyTorch, of several layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from convcost.importers.constants import is_worked_out
from convcost.importers.graph import Constant, Node, shape_text
from convcost.importers.mapper import Mapper, operator
from convcost.importers.movement import settle
from convcost.importers.operators.windows import given
from convcost.importers.patterns.prepared import GATES
from convcost.importers.values import Moved, Unsupported
from convcost.layers.layout import TOKENS
from convcost.network.graph import Tensor

_DOMAIN = "convcost."
_ACTIVATIONS = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh"), "RNN": ("tanh",)}
_SEQUENCE, _STATE, _MEMORY = range(3)  # the places of the outputs


class _Sizes(NamedTuple):
    """What a recurrent layer reads and gives; `passed` is what a direction passes on, `hidden` what it holds."""

    batch: int
    steps: int
    directions: int
    layers: int
    passed: int
    hidden: int
    batch_first: bool
    """Whether the batch stands first in the states."""

    @property
    def lacking(self) -> int | None:
        """The axis of the batch in what the layer reads and gives; None where it is more than one."""
        return 0 if self.batch == 1 else None


@operator(*GATES)
def recurrent(mapper: Mapper, node: Node) -> None:
    """Map a recurrent layer over `[steps, batch, features]`, or with `layout` 1 over `[batch, steps, features]`."""
    kernel, state, bias = mapper.weight(node, 1), mapper.weight(node, 2), mapper.optional(node, 3)
    first = bool(node.attributes.get("layout", 0))
    batch, steps, _ = _in_order(mapper.full(node.inputs[0]), (0, 1, 2) if first else (1, 0, 2))
    directions, rows, hidden = state.shape
    if rows != GATES[node.operator] * hidden or len(kernel.shape) != 3:
        raise Unsupported("its weights are not those of its gates")
    sizes = _Sizes(batch, steps, directions, 1, hidden, hidden, first)
    fields = {"hidden_size": hidden} | given(bidirectional=(directions == 2, False), bias=(bias is not None, True))
    fields |= _as_defined(mapper, node, sizes, biased=bias is not None)
    sequence = _map(mapper, node, fields, [None, kernel, state, bias], sizes, [*node.inputs, "", ""][5:7], first=first)
    if sequence is not None:
        parts, order = (batch, steps, directions, hidden), (0, 1, 2, 3) if first else (1, 2, 0, 3)
        moves = (("reshape", parts), ("permute", order))
        where = order.index(0) if batch == 1 else None
        full = _in_order(parts, order)
        mapper.give(node, node.outputs[0], Moved(sequence, sizes.lacking, moves, full, where))


@operator("convcost.lstm", "convcost.gru", "convcost.rnn_tanh", "convcost.rnn_relu")
def recurrent_network(mapper: Mapper, node: Node) -> None:
    """Map a recurrent network of several layers.

    It reads the values, `[batch, steps, features]` with `batch_first`, so many `states`, and for each layer and
    direction two matrices, then two biases with `bias`, then with `proj_size` the projection.
    """
    attributes = node.attributes
    kind, hidden, first = node.operator.removeprefix(_DOMAIN), attributes["hidden_size"], attributes["batch_first"]
    begin = 1 + attributes["states"]
    weights = [mapper.weight(node, at) for at in range(begin, len(node.inputs))]
    order = (0, 1, 2) if first else (1, 0, 2)
    batch, steps, _ = _in_order(mapper.full(node.inputs[0]), order)
    passed, directions = attributes["proj_size"] or hidden, 2 if attributes["bidirectional"] else 1
    sizes = _Sizes(batch, steps, directions, attributes["num_layers"], passed, hidden, False)
    fields = {"hidden_size": hidden} | given(
        num_layers=(attributes["num_layers"], 1),
        bidirectional=(directions == 2, False),
        bias=(bool(attributes["bias"]), True),
        proj_size=(attributes["proj_size"], 0),
        nonlinearity=("relu" if kind == "rnn_relu" else "tanh", "tanh"),
    )
    sequence = _map(mapper, node, fields, [None, *weights], sizes, node.inputs[1:begin], first=first)
    if sequence is not None:
        full = _in_order((batch, steps, directions * passed), order)
        where = order.index(0) if batch == 1 else None
        moves = (("permute", order),)
        mapper.give(node, node.outputs[0], Moved(sequence, sizes.lacking, moves, full, where, node.scope))


def _in_order(sizes: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    return tuple([sizes[axis] for axis in order])


def _as_defined(mapper: Mapper, node: Node, sizes: _Sizes, *, biased: bool) -> dict[str, Any]:
    """Return the fields of what a layer of ONNX does, beside its sizes.

    Raises:
        Unsupported: It is another one than the layer types are.
    """
    if len(node.inputs) > 7 and node.inputs[7]:
        raise Unsupported("it has peepholes")
    if node.operator == "GRU" and not node.attributes.get("linear_before_reset", 0) and not biased:
        raise Unsupported("its reset gate stands before the product, without a bias behind it")
    if node.attributes.get("input_forget", 0):
        raise Unsupported("its input and forget gates are one")
    if node.attributes.get("clip", 0):
        mapper.notes["the clips of a recurrent layer are not counted"] = None
    _check_lengths(mapper, node, sizes)
    usual = _ACTIVATIONS[node.operator] * sizes.directions
    named = node.attributes.get("activations", usual)
    activations = tuple([str(name).lower() for name in ([named] if isinstance(named, str) else named)])
    if node.operator == "RNN" and set(activations) == {"relu"}:
        return {"nonlinearity": "relu"}
    if activations not in (usual, usual[: len(usual) // sizes.directions]):
        raise Unsupported(f"its activations are {', '.join(activations)}")
    return {}


def _check_lengths(mapper: Mapper, node: Node, sizes: _Sizes) -> None:
    """Note that all steps count where the lengths of the sequences depend on values.

    Raises:
        Unsupported: A sequence has fewer steps.
    """
    name = node.inputs[4] if len(node.inputs) > 4 else ""
    lengths = mapper.value(name) if name else None
    if isinstance(lengths, Constant) and lengths.values is not None:
        if any(length != sizes.steps for length in lengths.values):
            raise Unsupported(f"it ends before the last of {sizes.steps} steps")
    elif lengths is not None:
        mapper.notes["all steps of a recurrent layer count, whatever the lengths of its sequences"] = None


def _map(
    mapper: Mapper,
    node: Node,
    fields: dict[str, Any],
    weights: Sequence[Constant | None],
    sizes: _Sizes,
    states: Sequence[str],
    *,
    first: bool,
) -> Tensor | None:
    """Add a recurrent layer, give its states behind the last step, and return its sequence where that is read.

    Args:
        mapper: The mapper.
        node: Its node.
        fields: Its fields.
        weights: Its weights.
        sizes: Its sizes.
        states: The names of the states before the first step.
        first: Whether the batch stands first in what it reads.
    """
    type = node.operator.removeprefix(_DOMAIN).partition("_")[0].lower()
    value = mapper.moved(node.inputs[0])
    order = (0, 1, 2) if first else (1, 0, 2)
    full = _in_order(value.full, order)
    moved = Moved(value.base, value.dropped, (*value.steps, ("permute", order)), full, None)
    begin = _initial_states(mapper, states[: 2 if type == "lstm" else 1], sizes)
    inputs = [settle(mapper, moved, sizes.lacking, TOKENS), *begin]
    fields |= {"initial_state": ["initial_state"] * len(begin)} if begin else {}
    read = [bool(name) and mapper.is_read(name) for name in (*node.outputs, "", "")[:3]]
    ends = read[_STATE] and not read[_SEQUENCE] and sizes.layers == 1
    fields |= {"return": "last"} if ends else {}
    (tensor,) = mapper.emit(node, type, fields, inputs, weights, gives=(), batch=sizes.lacking)
    if read[_STATE]:
        known = tensor if ends else _last_step(mapper, node, tensor, sizes)
        _give_state(mapper, node, known or _declared(mapper, node, tensor, _STATE, sizes), _STATE, sizes)
    if read[_MEMORY]:
        _give_state(mapper, node, _declared(mapper, node, tensor, _MEMORY, sizes), _MEMORY, sizes)
    return tensor if read[_SEQUENCE] else None


def _initial_states(mapper: Mapper, names: Sequence[str], sizes: _Sizes) -> list[Tensor]:
    """Return the states before the first step; none where they are zeros.

    Raises:
        Unsupported: Only the first of two is zeros, or one has another shape.
    """
    for name, size in zip(names, (sizes.passed, sizes.hidden), strict=False):
        value = mapper.value(name) if name else None
        if isinstance(value, Constant) and value.shape[-1:] != (size,):
            raise Unsupported(f"its state before the first step is {shape_text(value.shape)}")
    known = [name for name in names if name and not _is_zero(mapper, name)]
    if known != [*names][: len(known)]:
        raise Unsupported("its memory is given before the first step, and its state is zeros")
    return [
        _initial_state(mapper, name, size, sizes)
        for name, size in zip(known, (sizes.passed, sizes.hidden), strict=False)
    ]


def _initial_state(mapper: Mapper, name: str, size: int, sizes: _Sizes) -> Tensor:
    rows, order = sizes.directions * sizes.layers, (0, 1, 2) if sizes.batch_first else (1, 0, 2)
    full, value = (sizes.batch, rows, size), mapper.value(name)
    shape = value.shape if isinstance(value, Constant) else mapper.full(name)
    if shape != _in_order(full, order):
        raise Unsupported(f"its state before the first step is {shape_text(shape)}")
    if isinstance(value, Constant) and sizes.batch == 1:  # learned, in the shape in which the layer reads it
        own = f"{name}/rows"
        mapper.values[own] = replace(value, shape=(rows, size))
        return settle(mapper, mapper.moved(own), 0 if rows == 1 else None)
    moved = mapper.moved(name)
    moved = Moved(moved.base, moved.dropped, (*moved.steps, ("permute", order)), full, None)
    return settle(mapper, moved, sizes.lacking)


def _is_zero(mapper: Mapper, name: str) -> bool:
    """Return whether a state is zeros, of the program or of a file that does not say that it learns them."""
    value = mapper.value(name)
    if not isinstance(value, Constant) or (value.stored and value.trainable is not None):
        return False
    if value.values is not None:
        return not any(value.values)
    return not value.stored or is_worked_out(value.name)  # no tensor of a module, which would have learned it


# the states behind the last step


def _last_step(mapper: Mapper, node: Node, sequence: Tensor, sizes: _Sizes) -> Tensor | None:
    """Return the last step of a sequence where that is the state; else None."""
    if sizes.directions * sizes.layers > 1:
        return None
    if sizes.steps == 1:
        return sequence
    fields = {"axis": len(sequence.shape) - 2, "start": sizes.steps - 1}
    return mapper.emit(node, "slice", fields, [sequence], name="", gives=(), batch=sizes.lacking)[0]


def _declared(mapper: Mapper, node: Node, tensor: Tensor, place: int, sizes: _Sizes) -> Tensor:
    """Return a last state that the layer works out beside its sequence, so that it costs nothing."""
    rows, size = sizes.directions * sizes.layers, sizes.passed if place == _STATE else sizes.hidden
    shape = [*(() if sizes.batch == 1 else (sizes.batch,)), rows * size]
    title = "hidden state" if place == _STATE else "cell state"
    fields = {"output_shape": shape, "source": f"the last {title} of the layer before"}
    return mapper.emit(node, "declared", fields, [tensor], name="", gives=(), batch=sizes.lacking)[0]


def _give_state(mapper: Mapper, node: Node, tensor: Tensor, place: int, sizes: _Sizes) -> None:
    rows, size = sizes.directions * sizes.layers, sizes.passed if place == _STATE else sizes.hidden
    order = (0, 1, 2) if sizes.batch_first else (1, 0, 2)
    parts = (sizes.batch, rows, size)
    where = order.index(0) if sizes.batch == 1 else None
    moves = (("reshape", parts), ("permute", order))
    mapper.give(
        node,
        node.outputs[place],
        Moved(tensor, sizes.lacking, moves, _in_order(parts, order), where, node.scope),
    )
