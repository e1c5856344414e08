"""What tools count of recurrent layers besides their products."""

from __future__ import annotations

from convcost.conventions.base import PRODUCTS, Call, Count, Rule

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
_BIASES, _STATES = "biases", "gates and states of recurrent layers"


def hidden_steps(call: Call) -> int:
    """Return how many numbers of states are worked out: in each layer and direction, at each step."""
    directions = 2 if call.field("bidirectional") else 1
    steps: int = call.layer.inputs[0].shape[-2]
    hidden: int = call.field("hidden_size") * call.field("num_layers")
    return hidden * directions * steps


def steps(call: Call) -> int:
    """Return the steps of the sequence."""
    length: int = call.layer.inputs[0].shape[-2]
    return length


def projected(call: Call) -> int:
    """Return the products of the projections of states."""
    return hidden_steps(call) * (call.field("proj_size") or 0)


def with_states(unit: int, per_state: dict[str, int], *, less_one: bool = False) -> Rule:
    """Return a rule that counts products, biases, and so many operations for each number of a state.

    Args:
        unit: The operations for each multiply–accumulate.
        per_state: The operations for each number of a state, by layer type.
        less_one: Whether a sum of n products is n - 1 additions.
    """

    def rule(call: Call) -> Count:
        states, type = hidden_steps(call), call.layer.type
        found = {
            PRODUCTS: unit * (call.macs - projected(call)),
            _STATES: per_state[type] * states,
            _BIASES: call.biases * steps(call),
        }
        if less_one:
            found["one addition less for each sum of products"] = -2 * _GATES[type] * states
        return found

    return rule


def with_biases(call: Call) -> Count:
    """Count products and biases."""
    return {PRODUCTS: call.macs, _BIASES: call.biases * steps(call)}


def unprojected(rule: Rule) -> Rule:
    """Return a rule for an LSTM whose projection a tool does not know: as if its state were passed on whole."""

    def whole(call: Call) -> Count:
        size = call.field("proj_size") or 0
        if not size:
            return rule(call)
        layers, directions = call.field("num_layers"), 2 if call.field("bidirectional") else 1
        hidden, features = call.field("hidden_size"), call.layer.inputs[0].shape[-1]
        read = features + hidden + (layers - 1) * hidden * (directions + 1)
        products = 4 * hidden * read * directions * steps(call)
        return {**rule(call), PRODUCTS: products}

    return whole
