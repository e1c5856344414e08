"""Items as a graph, and tensors as views of others: which values of a tensor stand where in another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

from msgspec import Struct

from convcost.importers.items import MappedItem
from convcost.network.graph import Tensor

Factors = tuple[tuple[int, int], ...]
"""Sizes, and how far apart values lie; several where an axis was joined of others."""
Axes = tuple[Factors, ...]
Key = tuple[int, int]

MOVES = frozenset(("permute", "reshape", "rearrange", "flatten", "tokens", "feature_map", "slice", "split"))
"""Types whose outputs are views of their input."""


class View(Struct, frozen=True):
    """A tensor whose values are some of another one's.

    Attributes:
        base: The other tensor.
        offset: Where the first value lies in it, row by row.
        axes: Of each axis the sizes that it is the product of, and how far apart its values lie.
        items: The items between the two, the last first.
    """

    base: Tensor
    offset: int
    axes: Axes
    items: tuple[MappedItem, ...] = ()


def key_of(tensor: Tensor) -> Key:
    """Return which value a tensor is."""
    return tensor.producer, tensor.output


class ItemGraph:
    """Which items give and read a value.

    Args:
        items: The items.
        outputs: What the model gives.
    """

    def __init__(self, items: Iterable[MappedItem], outputs: Iterable[Tensor]) -> None:
        self.given: dict[Key, MappedItem] = {}
        self.read_by: dict[Key, list[MappedItem]] = {}
        self.outputs = {key_of(tensor) for tensor in outputs}
        given, read_by = self.given, self.read_by
        for item in items:
            for tensor in item.outputs:
                given[tensor.producer, tensor.output] = item
            for tensor in item.inputs:
                read_by.setdefault((tensor.producer, tensor.output), []).append(item)

    def giver(self, tensor: Tensor) -> MappedItem | None:
        """Return the item that gives a tensor; None for an input of the model."""
        return self.given.get(key_of(tensor))

    def only_reader(self, tensor: Tensor) -> MappedItem | None:
        """Return the one item that reads a tensor; None where there are others, or it is an output."""
        readers = self.read_by.get(key_of(tensor), [])
        return readers[0] if len(readers) == 1 and key_of(tensor) not in self.outputs else None

    def only_reader_of(self, tensor: Tensor, readers: Sequence[MappedItem]) -> bool:
        """Return whether no other items read a tensor, and it is no output."""
        known = {id(reader) for reader in readers}
        read_by = self.read_by.get(key_of(tensor), [])
        return key_of(tensor) not in self.outputs and all(id(reader) in known for reader in read_by)

    def view(self, tensor: Tensor, through: frozenset[str] = MOVES) -> View:
        """Return a tensor as a view of the first one before it that no item moves.

        Args:
            tensor: The tensor.
            through: The types that are looked through; those that move nothing leave the values where they are.
        """
        path: list[tuple[MappedItem, Tensor]] = []
        base = tensor
        while (item := self.giver(base)) is not None and item.type in through and len(item.inputs) == 1:
            path.append((item, base))
            base = item.inputs[0]
        found = View(base, 0, row_major(base.shape))
        for item, given in reversed(path):
            after = moved(found, item, given)
            if after is None:  # no regular view of what lies before
                after = View(given, 0, row_major(given.shape))
            found = after
        return found


def row_major(shape: Sequence[int]) -> Axes:
    """Return the axes of a tensor that lies in memory row by row."""
    return tuple([((size, prod(shape[axis + 1 :])),) for axis, size in enumerate(shape)])


def moved(view: View, item: MappedItem, given: Tensor) -> View | None:
    """Return a view behind an item that moves it; None where it is no regular view any more."""
    axes, offset = view.axes, view.offset
    if item.type in MOVES:
        definition: Any = item.definition
        if item.type == "permute":
            found: Axes | None = tuple([axes[axis] for axis in definition.axes])
        elif item.type == "rearrange":
            found = _rearranged(axes, definition, item)
        elif item.type == "tokens":
            found = reshaped((*axes[1:], axes[0]), given.shape)
        elif item.type == "feature_map":
            found = reshaped((axes[-1], *axes[:-1]), given.shape)
        elif item.type in ("slice", "split"):
            factors = compact(axes[definition.axis])
            if len(factors) > 1:
                return None
            stride = factors[0][1] if factors else 0
            offset += _start(definition, item, given) * stride
            stride *= definition.step if item.type == "slice" else 1
            part = ((given.shape[definition.axis], stride),)
            found = (*axes[: definition.axis], part, *axes[definition.axis + 1 :])
        else:
            found = reshaped(axes, given.shape)
        if found is None:
            return None
        axes = found
    return View(view.base, offset, axes, (item, *view.items))


def _rearranged(axes: Axes, definition: Any, item: MappedItem) -> Axes | None:
    """Return axes behind a pattern; None where it splits an axis that was joined of others."""
    from convcost.layers.patterns import parse  # where there is a pattern only

    pattern, sizes = parse(definition.pattern), dict(definition.sizes)
    places: dict[str, tuple[int, int]] = {}
    for group, factors, size in zip(pattern.before, axes, item.inputs[0].shape, strict=True):
        joined = compact(factors)
        if len(joined) > 1:
            return None
        stride = joined[0][1] if joined else 0
        known = prod(sizes[name] for name in group if name in sizes)
        for name in reversed(group):
            count = sizes.get(name, size // known)
            places[name] = (count, stride)
            stride *= count
    return tuple([tuple([places[name] for name in group]) for group in pattern.after])


def _start(definition: Any, item: MappedItem, given: Tensor) -> int:
    """Return where a part of an axis starts."""
    if item.type == "slice":
        return int(definition.start)
    return sum(each.shape[definition.axis] for each in item.outputs[: given.output])


def compact(factors: Iterable[tuple[int, int]]) -> Factors:
    """Return factors with neighbours joined that lie one after the other, without those of size 1."""
    found: list[tuple[int, int]] = []
    for size, stride in factors:
        if size == 1:
            continue
        if found and found[-1][1] == size * stride:
            found[-1] = (found[-1][0] * size, stride)
        else:
            found.append((size, stride))
    return tuple(found)


def flat(axes: Iterable[Factors]) -> Factors:
    """Return the factors of all axes, compact."""
    return compact([factor for axis in axes for factor in axis])


def reshaped(axes: Axes, shape: Sequence[int]) -> Axes | None:
    """Return axes in another shape; None where an axis would have parts of others that do not divide it.

    >>> reshaped((((6, 4),), ((4, 1),)), (2, 3, 4)), reshaped((((4, 1),), ((6, 4),)), (24,))
    ((((2, 12),), ((3, 4),), ((4, 1),)), (((4, 1), (6, 4)),))
    """
    left = list(flat(axes))
    found: list[Factors] = []
    for size in reversed(shape):
        parts: list[tuple[int, int]] = []
        wanted = size
        while wanted > 1:
            if not left:
                return None
            count, stride = left.pop()
            if wanted % count == 0:
                parts.insert(0, (count, stride))
                wanted //= count
            elif count % wanted == 0:
                parts.insert(0, (wanted, stride))
                left.append((count // wanted, stride * wanted))
                wanted = 1
            else:
                return None
        found.append(tuple(parts))
    return tuple(reversed(found)) if not left else None
