"""The functions that translate layers, by the names of their classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from convcost.importers.keras.builder import GraphBuilder
from convcost.importers.keras.values import KerasLayer, KerasValue, UntranslatableLayer
from convcost.layers.fields import MAX_SIZE

Rule = Callable[[GraphBuilder, KerasLayer], "KerasValue | Sequence[KerasValue]"]

LAYERS: dict[str, Rule] = {}
"""The functions, by class."""
IN_PLACE: set[str] = set()
"""The classes whose layers work on a value in any order."""
_LATER = {
    "attention": "MultiHeadAttention GroupQueryAttention GroupedQueryAttention Attention AdditiveAttention",
    "conv_lstm": "ConvLSTM1D ConvLSTM2D",
    "recurrent": "LSTM GRU SimpleRNN CuDNNLSTM CuDNNGRU RNN Bidirectional",
}
"""Modules that add functions, and for which classes: each is imported when a layer of one is met."""
_TOO_LARGE = "one of its sizes is more than 10**15"
_PLACES = {kind: f"{__package__}.{module}" for module, kinds in _LATER.items() for kind in kinds.split()}


def layer(*kinds: str, in_place: bool = False) -> Callable[[Rule], Rule]:
    """Return a decorator that adds a function for classes of layers.

    Args:
        kinds: The classes.
        in_place: Whether it works on a value in any order.
    """

    def add(rule: Rule) -> Rule:
        for kind in kinds:
            assert kind not in LAYERS, kind
            LAYERS[kind] = rule
        if in_place:
            IN_PLACE.update(kinds)
        return rule

    return add


def rule_of(kind: str) -> Rule | None:
    """Return the function that translates layers of a class; None where there is none."""
    if kind not in LAYERS and kind in _PLACES:
        import_module(_PLACES[kind])
    return LAYERS.get(kind)


def one(layer: KerasLayer) -> KerasValue:
    """Return the only value that a layer reads.

    Raises:
        UntranslatableLayer: It reads none, or several.
    """
    inputs = layer.inputs
    if len(inputs) != 1:
        raise UntranslatableLayer(f"it reads {len(inputs)} values instead of one")
    return inputs[0]


def integers(value: Any, count: int, default: int = 1) -> tuple[int, ...]:
    """Return a field that is one number for all axes or one for each.

    Raises:
        UntranslatableLayer: It is neither.
    """
    if value is None:
        return (default,) * count
    found = tuple(value) if isinstance(value, (list, tuple)) else (value,) * count
    if len(found) != count or {*map(type, found)} - {int}:
        raise UntranslatableLayer(f"it needs {count} whole numbers, not {value!r}")
    if max(map(abs, found), default=0) > MAX_SIZE:
        raise UntranslatableLayer(_TOO_LARGE)
    return found


def whole(layer: KerasLayer, name: str, default: int | None = None) -> int:
    """Return a field that is a whole number above 0.

    Raises:
        UntranslatableLayer: It is none.
    """
    value = layer.config.get(name, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 1:
        raise UntranslatableLayer(f"{name} is no whole number above 0: {value!r}")
    if value > MAX_SIZE:
        raise UntranslatableLayer(_TOO_LARGE)
    return value
