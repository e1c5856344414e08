"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from convcost.importers.keras.activations import name_of
from convcost.importers.keras.builder import GraphBuilder
from convcost.importers.keras.conv_lstm import both_ways
from convcost.importers.keras.registry import layer, whole
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer, learns, values_in

_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
_ALIASES = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU", "LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "SimpleRNN"}
_ONE_STATE = ("LSTM", "GRU")


_HELD = {"LSTM": 2, "GRU": 1, "SimpleRNN": 1}
"""How many states each holds: what it gives, and the memory of an LSTM."""


@layer("LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU")
def recurrent(builder: GraphBuilder, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Translate a recurrent layer."""
    value, states = _sequence(builder, layer)
    value, *ends = _run(builder, layer, layer.kind, layer.config, value, states, last=_gives_last(layer))
    return (value, *ends) if _gives_states(layer) else value


@layer("RNN")
def rnn(builder: GraphBuilder, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Translate a recurrent layer made of cells, one above the other."""
    value, states = _sequence(builder, layer)
    cell = layer.config.get("cell")
    kind, config = _class_of(cell)
    cells = [_class_of(each) for each in config.get("cells", ())] if kind == "StackedRNNCells" else [(kind, config)]
    if not cells or any(kind not in _ALIASES for kind, _ in cells):
        raise UntranslatableLayer(f"its cell is {kind!r}")
    if len(cells) > 1 and (states or _gives_states(layer)):
        raise UntranslatableLayer("the states of several cells are read")
    found = [value]
    for number, (kind, config) in enumerate(cells):
        part = _part(layer, str(config.get("name") or number)) if len(cells) > 1 else layer
        last = _gives_last(layer) and number == len(cells) - 1
        found = _run(builder, part, kind, config, found[0], states, last=last)
    return tuple(found) if _gives_states(layer) else found[0]


@layer("Bidirectional")
def bidirectional(builder: GraphBuilder, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Translate a recurrent layer that runs both ways; what the two give is joined."""
    kind, config = _one_cell(layer.config.get("layer"))
    if kind in ("ConvLSTM1D", "ConvLSTM2D"):
        return both_ways(builder, layer, kind, config)
    back = layer.config.get("backward_layer")
    other, backwards = _one_cell(back) if back is not None else (kind, config)
    if kind not in (*_GATES, *_ALIASES):
        raise UntranslatableLayer(f"it wraps {kind!r}")
    value, states = _sequence(builder, layer)
    alike = ("units", "use_bias", "activation", "recurrent_activation", "reset_after", "return_sequences")
    if _ALIASES.get(other, other) != _ALIASES.get(kind, kind) or any(
        backwards.get(name) != config.get(name) for name in alike
    ):
        raise UntranslatableLayer("its two layers differ")
    if layer.lead and config.get("return_state"):
        raise UntranslatableLayer("the states of slices are read")
    last = not config.get("return_sequences", False)
    part = replace(layer, trainable=layer.trainable and learns(config))
    found, *ends = _run(builder, part, kind, config, value, states, both=True, last=last, gives=config)
    forward, backward = zip(*(_halves(builder, layer, each) for each in ends), strict=True) if ends else ((), ())
    return (*_joined(builder, layer, found), *forward, *backward)


def _joined(builder: GraphBuilder, layer: KerasLayer, found: KerasValue) -> tuple[KerasValue, ...]:
    """Return the outputs of the two directions, merged by the layer's `merge_mode`."""
    mode = layer.config.get("merge_mode", "concat")
    if mode == "concat":
        return (found,)
    halves = _halves(builder, layer, found)
    if mode is None:
        return halves
    operator = {"sum": "Add", "ave": "Add", "mul": "Mul"}.get(mode)
    if operator is None:
        raise UntranslatableLayer(f"its merge_mode is {mode!r}")
    name = builder.add(layer, operator, [half.name for half in halves])
    if mode == "ave":
        name = builder.add(layer, "Div", [name, builder.number(2.0, shape=())])
    return (KerasValue(name, halves[0].sizes),)


def _halves(builder: GraphBuilder, layer: KerasLayer, value: KerasValue) -> tuple[KerasValue, ...]:
    """Split a bidirectional output into the outputs of its two directions."""
    builder.add(layer, "Split", [value.name], {"axis": len(value.known)}, outputs=2)
    return tuple([KerasValue(name, (*value.known[:-1], value.channels // 2)) for name in builder.nodes[-1].outputs])


def _part(layer: KerasLayer, name: str) -> KerasLayer:
    """Return a layer as one of its parts."""
    return replace(layer, path=f"{layer.path}.{name}", owner=f"{layer.owner or layer.path}.{name}")


def _class_of(item: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the class and the fields of a layer within another."""
    if not isinstance(item, dict) or not isinstance(item.get("config"), dict):
        raise UntranslatableLayer("its configuration names no layer")
    return str(item.get("class_name")), item["config"]


def _one_cell(item: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the class and the fields of a recurrent layer; of one that is made of a cell, with those of the cell."""
    kind, config = _class_of(item)
    if kind != "RNN":
        return kind, config
    cell, fields = _class_of(config.get("cell"))
    both = {**config, **fields, "trainable": learns(config) and learns(fields)}
    return (cell, both) if cell in _ALIASES else (kind, config)


def _sequence(builder: GraphBuilder, layer: KerasLayer) -> tuple[KerasValue, list[KerasValue]]:
    """Return the sequence that a layer reads, and the states with which it begins.

    Raises:
        UntranslatableLayer: It reads constants too, or no sequence.
    """
    value, *states = layer.inputs
    if layer.config.get("num_constants") or values_in(layer.kwargs.get("constants")):
        raise UntranslatableLayer("its cell reads constants")
    if layer.config.get("time_major"):
        raise UntranslatableLayer("its steps come before its batch")
    if len(value.known) != 2 + layer.lead:
        raise UntranslatableLayer(f"it reads {len(value.known) - layer.lead} axes instead of 2")
    if layer.lead and (states or _gives_states(layer)):
        raise UntranslatableLayer("the states of slices are read")
    return builder.plain(value), [builder.plain(state) for state in states]


def _gives_last(layer: KerasLayer) -> bool:
    return not layer.config.get("return_sequences", False)


def _run(
    builder: GraphBuilder,
    layer: KerasLayer,
    kind: str,
    config: Mapping[str, Any],
    value: KerasValue,
    states: Sequence[KerasValue],
    *,
    both: bool = False,
    last: bool,
    gives: Mapping[str, Any] | None = None,
) -> list[KerasValue]:
    """Return the output of a recurrent layer, bidirectional or not, and its states if it returns them.

    Args:
        builder: The graph.
        layer: The layer.
        kind: The class of its cell, or of the layer.
        config: The fields of that.
        value: The sequence.
        states: The states with which it begins; zeros without them.
        both: Whether it runs both ways.
        last: Whether it gives the last step only.
        gives: The fields that say whether it gives its states; the layer's without them.
    """
    cudnn = kind.startswith("CuDNN")
    kind = _ALIASES.get(kind, kind)
    inner = replace(layer, kind=kind, config=config)
    units, features = whole(inner, "units"), value.channels
    activation = _activation(inner, cudnn)
    biases = _biases(kind, config, cudnn)
    gates, directions, held = _GATES[kind], 2 if both else 1, _HELD[kind]
    weights = []
    for direction in ("forward", "backward")[:directions]:
        prefix = f"{direction}_" if both else ""
        weights.append(builder.weight(inner, f"{prefix}kernel", features, gates * units))
        weights.append(builder.weight(inner, f"{prefix}recurrent_kernel", units, gates * units))
        weights += [builder.weight(inner, f"{prefix}bias", biases * gates * units)] if biases else []
    begin = _initial(builder, layer, states, held, units, both=both)
    attributes = {
        "hidden_size": units,
        "bidirectional": int(both),
        "biases": biases,
        "last": int(last),
        "activation": activation,
        "states": len(begin),
    }
    known_ends = held if (layer.config if gives is None else gives).get("return_state") else 0
    builder.add(layer, f"keras.{kind}", [value.name, *weights, *begin], attributes, outputs=1 + known_ends)
    first, *ends = builder.nodes[-1].outputs
    given = directions * units
    found = KerasValue(first, (*value.known[: -2 if last else -1], given))
    return [found, *(found if last and not at else KerasValue(name, (given,)) for at, name in enumerate(ends))]


def _initial(
    builder: GraphBuilder, layer: KerasLayer, states: Sequence[KerasValue], held: int, units: int, *, both: bool
) -> list[str]:
    """Return the states with which a layer begins, those of two directions as rows of one value."""
    if not states:
        return []
    wanted = held * (2 if both else 1)
    if len(states) != wanted or any(state.known != (units,) for state in states):
        raise UntranslatableLayer(f"it does not begin with {wanted} states of {units} numbers")
    if not both:
        return [state.name for state in states]
    rows = [builder.add(layer, "Unsqueeze", [state.name, builder.number(1)]) for state in states]
    return [builder.add(layer, "Concat", [rows[at], rows[at + held]], {"axis": 1}) for at in range(held)]


def _activation(layer: KerasLayer, cudnn: bool) -> str:
    """Return what the steps of a layer pass through: `tanh` or `relu`, or `other` where it is neither."""
    name = name_of(layer.config.get("activation", "tanh")) if not cudnn else "tanh"
    gates = name_of(layer.config.get("recurrent_activation", "sigmoid")) if not cudnn else "sigmoid"
    if layer.kind in _ONE_STATE and (name, gates) == ("tanh", "sigmoid"):
        return "tanh"
    if layer.kind == "SimpleRNN" and name in ("tanh", "relu"):
        return name
    return "other"


def _biases(kind: str, config: Mapping[str, Any], cudnn: bool) -> int:
    """Return how many biases each number of the gates has."""
    if cudnn:
        return 2
    if not config.get("use_bias", True):
        return 0
    return 2 if kind == "GRU" and config.get("reset_after", False) else 1


def _gives_states(layer: KerasLayer) -> bool:
    return bool(layer.config.get("return_state"))
