"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from convcost.importers.keras.activations import name_of
from convcost.importers.keras.builder import GraphBuilder
from convcost.importers.keras.registry import layer, whole
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer

_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
_ALIASES = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU", "LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "SimpleRNN"}
_ONE_STATE = ("LSTM", "GRU")


@layer("LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU")
def recurrent(builder: GraphBuilder, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Translate a recurrent layer."""
    value = _sequence(builder, layer)
    found = _run(builder, layer, layer.kind, layer.config, value, both=False, last=_gives_last(layer))
    return _with_states(found, layer)


@layer("RNN")
def rnn(builder: GraphBuilder, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Translate a recurrent layer made of cells, one above the other."""
    value = _sequence(builder, layer)
    cell = layer.config.get("cell")
    kind, config = _class_of(cell)
    cells = [_class_of(each) for each in config.get("cells", ())] if kind == "StackedRNNCells" else [(kind, config)]
    if not cells or any(kind not in _ALIASES for kind, _ in cells):
        raise UntranslatableLayer(f"its cell is {kind!r}")
    for number, (kind, config) in enumerate(cells):
        part = _part(layer, str(config.get("name") or number)) if len(cells) > 1 else layer
        last = _gives_last(layer) and number == len(cells) - 1
        value = _run(builder, part, kind, config, value, both=False, last=last)
    return _with_states(value, layer)


@layer("Bidirectional")
def bidirectional(builder: GraphBuilder, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Translate a recurrent layer that runs both ways; what the two give is joined."""
    value = _sequence(builder, layer)
    kind, config = _class_of(layer.config.get("layer"))
    back = layer.config.get("backward_layer")
    other, backwards = _class_of(back) if back is not None else (kind, config)
    if kind not in (*_GATES, *_ALIASES) or kind == "RNN":
        raise UntranslatableLayer(f"it wraps {kind!r}")
    alike = ("units", "use_bias", "activation", "recurrent_activation", "reset_after", "return_sequences")
    if other != kind or any(backwards.get(name) != config.get(name) for name in alike):
        raise UntranslatableLayer("its two layers differ")
    last, mode = not config.get("return_sequences", False), layer.config.get("merge_mode", "concat")
    part = replace(layer, trainable=layer.trainable and config.get("trainable", True) is not False)
    found = _run(builder, part, kind, config, value, both=True, last=last)
    units = whole(KerasLayer(kind, layer.path, config), "units")
    if mode == "concat":
        return (found,)  # its states are no values here
    axis = len(found.known)
    first = builder.add(layer, "Split", [found.name], {"axis": axis}, outputs=2)
    names = builder.nodes[-1].outputs
    halves = [KerasValue(name, (*found.known[:-1], units)) for name in (first, names[1])]
    if mode is None:
        return tuple(halves)
    operator = {"sum": "Add", "ave": "Add", "mul": "Mul"}.get(mode)
    if operator is None:
        raise UntranslatableLayer(f"its merge_mode is {mode!r}")
    name = builder.add(layer, operator, [half.name for half in halves])
    if mode == "ave":
        name = builder.add(layer, "Div", [name, builder.number(2.0, shape=())])
    return KerasValue(name, halves[0].sizes)


def _part(layer: KerasLayer, name: str) -> KerasLayer:
    """Return a layer as one of its parts."""
    return replace(layer, path=f"{layer.path}.{name}", owner=f"{layer.owner or layer.path}.{name}")


def _class_of(item: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the class and the fields of a layer within another."""
    if not isinstance(item, dict) or not isinstance(item.get("config"), dict):
        raise UntranslatableLayer("its configuration names no layer")
    return str(item.get("class_name")), item["config"]


def _sequence(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Return the sequence that a layer reads.

    Raises:
        UntranslatableLayer: It reads states too, or no sequence.
    """
    inputs = layer.inputs
    if len(inputs) != 1:
        raise UntranslatableLayer("it reads states that another layer gives")
    if layer.config.get("time_major"):
        raise UntranslatableLayer("its steps come before its batch")
    if len(inputs[0].known) != 2 + layer.lead:
        raise UntranslatableLayer(f"it reads {len(inputs[0].known) - layer.lead} axes instead of 2")
    return builder.plain(inputs[0])


def _gives_last(layer: KerasLayer) -> bool:
    return not layer.config.get("return_sequences", False)


def _run(
    builder: GraphBuilder,
    layer: KerasLayer,
    kind: str,
    config: Mapping[str, Any],
    value: KerasValue,
    *,
    both: bool,
    last: bool,
) -> KerasValue:
    """Return what a recurrent layer gives, in one direction or both."""
    cudnn = kind.startswith("CuDNN")
    kind = _ALIASES.get(kind, kind)
    inner = replace(layer, kind=kind, config=config)
    units, features = whole(inner, "units"), value.channels
    activation = _activation(inner, cudnn)
    biases = _biases(kind, config, cudnn)
    gates, directions = _GATES[kind], 2 if both else 1
    weights = []
    for direction in ("forward", "backward")[:directions]:
        prefix = f"{direction}_" if both else ""
        weights.append(builder.weight(inner, f"{prefix}kernel", features, gates * units))
        weights.append(builder.weight(inner, f"{prefix}recurrent_kernel", units, gates * units))
        weights += [builder.weight(inner, f"{prefix}bias", biases * gates * units)] if biases else []
    attributes = {
        "hidden_size": units,
        "bidirectional": int(both),
        "biases": biases,
        "last": int(last),
        "activation": activation,
    }
    name = builder.add(layer, f"keras.{kind}", [value.name, *weights], attributes)
    given = directions * units
    return KerasValue(name, (*value.known[: -2 if last else -1], given))


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


def _with_states(value: KerasValue, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Return what a layer gives, and the states behind it where it gives them.

    Of a layer that gives its last step, the first state is that step.
    """
    if not layer.config.get("return_state"):
        return value
    if layer.config.get("return_sequences", False):
        return (value,)  # the states are no values here: who reads them is told so
    return (value, value)
