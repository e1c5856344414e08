"""Which layer of one network is which of another, where names or structure agree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec import Struct

_NUMBERED = re.compile(r"_\d+'*(\.\d+)?$")  # as items are named that have no name of their own
_MOST_PAIRS = 4_000_000  # that are weighed; larger networks are matched by their names only

_TYPE, _SHAPES, _NAME, _NUMBERED_NAME = 2, 2, 4, 1
_PAIR, _ADDED, _REMOVED = range(3)


class Matchable(Protocol):
    """What a layer is recognised by."""

    @property
    def path(self) -> tuple[str, ...]:
        """Its name in parts."""

    @property
    def type(self) -> str:
        """Its layer type."""

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """What it reads."""

    @property
    def output_shape(self) -> tuple[int, ...]:
        """What it gives."""


class Match(Struct, frozen=True):
    """The indices of a layer before and after; None where it is added or removed."""

    before: int | None
    after: int | None


def match(before: Sequence[Matchable], after: Sequence[Matchable]) -> list[Match]:
    """Return the layers of two networks side by side, both in their order.

    Of all ways to do so this is the one whose pairs are the most alike: a pair has the same type, or the same name that
    somebody gave, and is the more alike when type, shapes and name agree. A name that was only numbered (`conv_3`)
    counts little, since a layer that is put in moves the numbers of all that follow.

    Args:
        before: The layers of one network.
        after: The layers of the other.
    """
    known: dict[object, int] = {}
    old = [_marks(layer, known) for layer in before]
    new = [_marks(layer, known) for layer in after]
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    few = len(middle_old) * len(middle_new) <= _MOST_PAIRS
    moves = _aligned(middle_old, middle_new) if few else _by_name(middle_old, middle_new)
    matches: list[Match] = []
    i = j = 0
    for move in (*[_PAIR] * start, *moves, *[_PAIR] * end):
        matches.append(Match(i if move != _ADDED else None, j if move != _REMOVED else None))
        i += move != _ADDED
        j += move != _REMOVED
    return matches


_Marks = tuple[int, int, int, bool]


def _marks(layer: Matchable, known: dict[object, int]) -> _Marks:
    """Return small numbers for a layer's type, shapes and name, and whether the name was given by somebody."""
    type = known.setdefault(layer.type, len(known))
    shapes = known.setdefault((layer.input_shapes, layer.output_shape), len(known))
    name = known.setdefault(layer.path, len(known))
    return type, shapes, name, not any(map(_NUMBERED.search, layer.path))


def _aligned(old: Sequence[_Marks], new: Sequence[_Marks]) -> list[int]:
    """Return the moves of the best alignment (Needleman and Wunsch 1970; a layer left alone weighs nothing)."""
    scores = [0] * (len(new) + 1)
    ways: list[bytearray] = []
    for type, shapes, name, given in old:
        above, scores = scores, [0]
        way = bytearray(len(new))
        here = 0
        weight = _NAME if given else _NUMBERED_NAME
        for j, (new_type, new_shapes, new_name, _) in enumerate(new):
            best, move = here, _ADDED  # told behind what is removed
            if above[j + 1] > best:
                best, move = above[j + 1], _REMOVED
            if type == new_type or (given and name == new_name):
                pair = above[j] + _TYPE * (type == new_type) + _SHAPES * (shapes == new_shapes)
                if name == new_name:
                    pair += weight
                if pair >= best:
                    best, move = pair, _PAIR
            way[j] = move
            scores.append(best)
            here = best
        ways.append(way)
    moves = []
    i, j = len(old), len(new)
    while i and j:
        move = ways[i - 1][j - 1]
        moves.append(move)
        i -= move != _ADDED
        j -= move != _REMOVED
    return [*[_REMOVED] * i, *[_ADDED] * j, *reversed(moves)]


def _by_name(old: Sequence[_Marks], new: Sequence[_Marks]) -> Iterable[int]:
    """Return the moves that pair equal names, in one pass that keeps both orders."""
    places = {name: j for j, (_, _, name, _) in enumerate(new)}
    moves: list[int] = []
    reached = 0
    for _, _, name, _ in old:
        j = places.get(name, -1)
        if j < reached:
            moves.append(_REMOVED)
        else:
            moves += [*[_ADDED] * (j - reached), _PAIR]
            reached = j + 1
    return [*moves, *[_ADDED] * (len(new) - reached)]
