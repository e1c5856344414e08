"""The symbols of the papers, and those that a layer type's fields bring along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcost.layers import SAME, Field, LayerType
from convcost.layers.fields import AXIS, FLAG, WORD
from convcost.symbolic import symbol

SYMBOLS: Mapping[str, str] = {
    "M": "input channels, or features",
    "N": "output channels, or features",
    "Di": "input size",
    "Dp": "output size",
    "Dk": "kernel size",
    "s": "stride",
    "p": "padding on each side",
    "d": "dilation",
    "g": "groups",
    "m": "depth multiplier",
    "o": "output padding",
    "n": "neighbours",
    "u": "upscale factor",
    "a": "first channel",
    "b": "channel behind the last",
    "L": "positions",
    "S": "positions of the memory",
    "h": "heads",
    "dk": "channels of a head",
    "dv": "channels of a value's head",
}
"""The symbols and what they stand for; a type's fields may bring others: see `symbols_of`."""

WITNESS = {
    "M": 10**6,
    "N": 10**6,
    "Di": 10**6,
    "Dk": 3,
    "s": 2,
    "p": 1,
    "d": 1,
    "g": 1,
    "o": 1,
    "u": 1,
    "a": 0,
    "b": 1,
}
DIVISIBLE = 720_720  # the value of a symbol of which nothing is known: all small numbers divide it
_AXES = ("d", "h", "w")
WITNESS |= {name + axis: value for name, value in WITNESS.items() for axis in _AXES}
"""Where a layer works: what it asks of its symbols there becomes a condition."""
NOT_NEGATIVE = frozenset(("p", "o", "a"))


def symbols_of(definition: type[LayerType]) -> dict[str, str]:
    """Return the symbols that a layer type's fields bring along, with what the fields are."""
    found: dict[str, str] = {}
    for name, field in definition.fields.items():
        own = symbol_of(name, field)
        if own and own not in SYMBOLS:
            found[own] = field.about[:1].lower() + field.about[1:].rstrip(".")
    if definition.arity[0] > 1 and definition.channels != SAME:
        found |= {f"M{number}": f"channels of input {number}" for number in range(2, definition.arity[0] + 1)}
    return found


def symbol_of(name: str, field: Field) -> str:
    """Return the symbol of a field: its name where a number must be given that has none."""
    numeric = field.read.form.kind not in (AXIS, FLAG, WORD)
    return field.letter or (name if field.required and numeric else "")


def plain_value(field: Field) -> Any:
    """Return a value of a field without a symbol."""
    if field.read.form.kind == AXIS:
        return field.plain()
    if field.required:
        return field.words[0] if field.words else False
    return field.default


def channels_of(symbols: PaperSymbols, definition: type[LayerType], number: int) -> Any:
    """Return the channels of an input: M, and another symbol for a later one that need not have as many."""
    return symbols["M" if number == 1 or definition.channels == SAME else f"M{number}"]


def witness(definition: type[LayerType]) -> dict[str, int]:
    """Return values at which a layer of a type works: its own symbols are as small as they can be."""
    symbols = {symbol_of(name, field): field.read.form.minimum for name, field in definition.fields.items()}
    return {own: max(1, minimum) for own, minimum in symbols.items() if own not in SYMBOLS} | WITNESS


ONE, FIRST, DIFFERENT = 1, 2, 3
"""What a size is among the sizes of all axes: 1; like the first that is not 1; or another one."""


class PaperSymbols:
    """The symbols, or the values that are set instead."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def __getitem__(self, name: str) -> Any:
        if name in self.settings:
            return self.settings[name]
        return symbol(name, whole=True, minimum=0 if name in NOT_NEGATIVE else 1)

    def axes(self, name: str, pattern: tuple[int, ...]) -> tuple[Any, ...]:
        """Return a symbol for each axis; axes that differ get symbols of their own."""
        if DIFFERENT not in pattern:
            return tuple([1 if kind == ONE else self[name] for kind in pattern])
        axes = _AXES[-len(pattern) :]
        return tuple([1 if kind == ONE else self[name + axis] for kind, axis in zip(pattern, axes, strict=True)])
