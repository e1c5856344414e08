"""The marks by which layers of two networks are recognised, and their similarity."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

from convcost.comparison.alignment import NEVER
from convcost.ops import Cost

_COUNT = re.compile(r"_\d+'*$")  # behind the type of an item that has no name of its own
_TURN = re.compile(r"\.\d+$")  # behind the name of an item that is repeated
_NUMBER = re.compile(r"\d+")
_STAGES = frozenset(("depthwise", "pointwise"))
_WORDS = _STAGES | frozenset(("body", "shortcut"))  # parts of a path that nobody gave

_TYPE, _NAME, _OTHER_NAME = 4, 3, 12  # what the same type, the same given name and another one weigh


class Matchable(Protocol):
    """The properties by which a layer is recognised."""

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

    @property
    def cost(self) -> Cost:
        """What it costs."""


def kinds(path: Iterable[str]) -> tuple[str, ...]:
    """Return a path without the counts, which change when other items are put before.

    >>> kinds(("stage_2", "basic_2.1", "stem.2", "inception_4a"))
    ('stage', 'basic', 'stem', 'inception_4a')
    """
    return tuple([_Part.of(part).kind for part in path])


class _Part(Struct, frozen=True):
    """A part of a path.

    Attributes:
        kind: It without the count of an item that has no name, and without its turn.
        given: Whether somebody gave it.
        item: It without its turn.
        turn: Which repetition it is.
        family: It with `#` for every number.
    """

    kind: str
    given: bool
    item: str
    turn: str
    family: str

    @classmethod
    @lru_cache(maxsize=4096)
    def of(cls, part: str) -> _Part:
        item = _TURN.sub("", part)
        kind = _COUNT.sub("", item)
        return cls(kind, kind == item, item, part[len(item) + 1 :] or "1", _NUMBER.sub("#", item))

    def among(self, families: Container[str]) -> _Part:
        """Return it as one of its family, if there is such a family: then its number is a count, too."""
        return _Part(self.family, False, self.item, self.turn, self.family) if self.family in families else self


def own(layer: Matchable) -> int:
    """Return the place of a layer's own name in its path: what is behind is written with it."""
    path = layer.path
    behind = (1 if len(path) > 1 and path[-1] == layer.type else 0) + 1
    return len(path) - behind - (1 if len(path) > behind and path[-behind] in _STAGES else 0)


def families(layers: Iterable[Matchable]) -> frozenset[str]:
    """Return the names of layers that differ in numbers only, with `#` for these: people count layers, too.

    Blocks keep their numbers: `stage4` and `stage5` are names.
    """
    items = {_Part.of(layer.path[own(layer)]).item for layer in layers}
    counts = Counter([_NUMBER.sub("#", item) for item in items])
    return frozenset(family for family, count in counts.items() if count > 1)


class Marks(Struct, frozen=True, gc=False):
    """The compared properties of a layer, as small numbers.

    Attributes:
        type: Its type.
        fields: Its fields; where they are not known, its shapes and its cost.
        input: Its input shapes.
        output: Its output shape.
        cost: These and its cost.
        place: The kinds of its path.
        name: The last name that somebody gave in its path; 0 where there is none.
        path: Its whole path, where somebody gave all of it; otherwise 0.
        tails: The ends of its path, the shortest first.
        item: The item that writes it, in any of its turns.
        turn: The item, and in which turn.
        written_on: Whether it is a norm or activation that another layer writes.
    """

    type: int
    fields: int
    input: int
    output: int
    cost: int
    place: int
    name: int
    path: int
    tails: tuple[int, ...]
    item: int
    turn: int
    written_on: bool

    @classmethod
    def of(cls, layer: Matchable, fields: Hashable, known: dict[Hashable, int], families: Container[str] = ()) -> Marks:
        """Return the marks of a layer.

        Args:
            layer: The layer.
            fields: What it says in its fields; None where that is not known.
            known: The numbers of what was met so far, in both networks.
            families: The names whose numbers are counts.
        """

        def mark(*thing: Hashable) -> int:
            return known.setdefault(thing, len(known) + 1)

        path = layer.path
        parts = [_Part.of(part) for part in path]
        parts[own(layer)] = parts[own(layer)].among(families)
        names = [part.kind for part in parts if part.given and part.kind not in _WORDS]
        written_on = len(path) > 1 and path[-1] == layer.type
        if written_on and len(names) > 1:
            names.pop()
        tails: list[int] = []
        for part in reversed(path):
            tails.append(mark(part, *tails[-1:]))
        input, output = mark(layer.input_shapes), mark(layer.output_shape)
        cost = mark(input, output, layer.cost)
        item = mark(layer.type, *[part.item for part in parts])
        return cls(
            mark(layer.type),
            cost if fields is None else mark(fields),
            input,
            output,
            cost,
            place=mark(*[part.kind for part in parts]),
            name=mark(names[-1]) if names else 0,
            path=tails[-1] if all(part.given for part in parts) else 0,
            tails=tuple(tails),
            item=item,
            turn=mark(item, *[part.turn for part in parts]),
            written_on=written_on,
        )

    @property
    def key(self) -> tuple[int, ...]:
        """The marks that stay equal where only counts differ."""
        return self.type, self.fields, self.cost, self.place

    def aspects(self) -> Iterator[tuple[str, int, int]]:
        """Yield the similarities between layers of a type, each with its name and weight.

        Fields that differ are more of a change than shapes, which follow from what is before.
        """
        yield "fields", self.fields, 6
        yield "cost", self.cost, 2
        yield "input", self.input, 1
        yield "output", self.output, 1
        yield "place", self.place, 1

    def signs(self) -> Iterator[Hashable]:
        """Yield the signs by which a moved layer is recognised, the surest first."""
        if self.path:
            yield "path", self.type, self.path
        yield "item", self.type, self.fields, self.tails[-1]
        yield "shapes", self.type, self.fields, self.input, self.output, self.place


class Alike:
    """The similarity of layers; common marks are looked up, not compared.

    Args:
        old: The layers of one network.
        new: Those of the other.
    """

    def __init__(self, old: Sequence[Marks], new: Sequence[Marks]) -> None:
        self._old = old
        deepest = max([len(layer.tails) for layer in old], default=0)
        self._unit = deepest * min(len(old), len(new)) + 1  # more than all counts together
        self._places: dict[Hashable, list[int]] = defaultdict(list)
        for j, layer in enumerate(new):
            for mark in self._marks(layer):
                self._places[mark].append(j)

    @staticmethod
    def _marks(layer: Marks) -> Iterator[Hashable]:
        type = layer.type
        yield type
        yield type, "name", layer.name
        for aspect, mark, _ in layer.aspects():
            yield type, aspect, mark
        for tail in layer.tails:
            yield type, tail
        if layer.path:
            yield "path", layer.path

    def row(self, i: int, low: int, high: int) -> list[int]:
        """Return the similarity of a layer to those from `low` and before `high`; only positive numbers make a pair.

        A pair has the same type, or the same path that somebody gave; with other given names it has to be equal.
        """
        alike = [NEVER] * (high - low)
        layer, unit = self._old[i], self._unit
        type = layer.type
        for name, weight in self._bases(layer):
            for j in self._within(name, low, high):
                alike[j - low] = weight * unit
        for aspect, mark, weight in layer.aspects():
            for j in self._within((type, aspect, mark), low, high):
                alike[j - low] += weight * unit
        for tail in layer.tails:
            for j in self._within((type, tail), low, high):
                alike[j - low] += 1
        if layer.path:
            for j in self._within(("path", layer.path), low, high):
                alike[j - low] = max(alike[j - low], _NAME * unit) + unit
        return alike

    @staticmethod
    def _bases(layer: Marks) -> Iterator[tuple[Hashable, int]]:
        if not layer.name:
            yield layer.type, _TYPE
            return
        yield layer.type, _TYPE - _OTHER_NAME
        yield (layer.type, "name", 0), _TYPE
        yield (layer.type, "name", layer.name), _TYPE + _NAME

    def _within(self, mark: Hashable, low: int, high: int) -> Sequence[int]:
        places = self._places.get(mark, ())
        if places and (places[0] < low or places[-1] >= high):
            return places[bisect_left(places, low) : bisect_left(places, high)]
        return places
