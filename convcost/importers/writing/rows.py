"""Rows: the layers that one item writes, a layer with its norm and its activation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from convcost.importers.items import Mapped, MappedItem
from convcost.layers.base import REGISTRY, Activation, Norm
from convcost.network.graph import Tensor

Key = tuple[int, int]
"""A value: which layer gives it, and which of its outputs it is."""
COMMUTATIVE = frozenset(("add", "multiply", "maximum", "minimum"))
"""Merges to which the order of their inputs is none."""


class ItemRow(Struct, eq=False):
    """One item of the text, with the norm and the activation that are written with it.

    Attributes:
        item: The layer.
        norm: Its norm.
        activation: Its activation.
        expressions: Fields that are written as expressions of the resolution.
        dotted: Whether names of the file have dots.
        path: Its module, once that was asked.
    """

    item: MappedItem
    norm: MappedItem | None = None
    activation: MappedItem | None = None
    expressions: Mapping[str, Any] = {}
    dotted: bool = True
    path: tuple[str, ...] | None = None

    @property
    def items(self) -> list[MappedItem]:
        """The layers in their order."""
        return [each for each in (self.item, self.norm, self.activation) if each is not None]

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What the last of them gives."""
        return (self.activation or self.norm or self.item).outputs

    @property
    def module(self) -> tuple[str, ...]:
        """The path of the module that it belongs to, as the file has it; that of a merge is the module around it."""
        if self.path is None:
            path = path_of(self.item.name, dotted=self.dotted)
            joins = path[-1:] == (self.item.type,) and REGISTRY[self.item.type].merges()
            self.path = path[:-1] if joins else path
        return self.path

    @property
    def parent(self) -> tuple[str, ...]:
        """The path of the module around the layer."""
        path = path_of(self.item.name, dotted=self.dotted)
        return path[:-1]

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the layer as they are written."""
        return {**self.item.fields, **self.expressions}


def path_of(name: str, *, dotted: bool = True) -> tuple[str, ...]:
    """Return a module's name in parts.

    Args:
        name: The name.
        dotted: Whether the names of the file have dots; else they have underlines for them, but before a mere number.

    >>> path_of("layer1.0.conv_1"), path_of("")
    (('layer1', '0', 'conv_1'), ())
    >>> path_of("conv2_block1_1_conv", dotted=False), path_of("conv2d_13", dotted=False)
    (('conv2', 'block1', '1', 'conv'), ('conv2d_13',))
    """
    if dotted:
        return tuple(name.split(".")) if name else ()
    parts = [part for part in name.split("_") if part]
    return tuple(parts) if len(parts) > 1 and not (len(parts) == 2 and parts[1].isdigit()) else (name,) if name else ()


def follower(item: MappedItem) -> Any:
    """Return the value of `norm` or `activation`: a type, or a type with its fields."""
    return {item.type: item.fields} if item.fields else item.type


def key_of(tensor: Tensor) -> Key:
    """Return which value a tensor is."""
    return tensor.producer, tensor.output


def common(path: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the common beginning of two paths."""
    count = len(path)
    if other[:count] == path:  # as most do
        return path
    count = 0
    for part, another in zip(path, other, strict=False):
        if part != another:
            break
        count += 1
    return path[:count]


def module_around(rows: Iterable[ItemRow]) -> tuple[str, ...] | None:
    """Return what the module paths of rows begin with; None where the file has none."""
    found: tuple[str, ...] | None = None
    for row in rows:
        if row.item.name:
            found = row.module if found is None else common(found, row.module)
    return found


def rows_of(mapped: Mapped, expressions: Mapping[int, Mapping[str, Any]], *, flat: bool) -> list[ItemRow]:
    """Return the rows of a model.

    Args:
        mapped: The model.
        expressions: Fields that are written as expressions of the resolution, by the ids of their items.
        flat: Whether norms and activations are rows of their own.
    """
    dotted = any("." in item.name for item in mapped.items)
    if flat:
        return [ItemRow(item, expressions=expressions.get(id(item), {}), dotted=dotted) for item in mapped.items]
    reads = Counter([(tensor.producer, tensor.output) for item in mapped.items for tensor in item.inputs])
    reads.update(key_of(tensor) for tensor in mapped.outputs)
    shared = {id(item.shares) for item in mapped.items if item.shares is not None}
    rows: list[ItemRow] = []
    last: dict[Key, ItemRow] = {}  # rows that may take more, by what they give
    for item in mapped.items:
        key = key_of(item.inputs[0]) if len(item.inputs) == 1 else (0, -1)
        row = last.get(key)
        own = item.shares is None and id(item) not in shared  # weights that are shared are those of a row of its own
        if row is not None and row is rows[-1] and reads[key] == 1 and own and _joins(row, item):
            if issubclass(REGISTRY[item.type], Norm):
                row.norm = item
            else:
                row.activation = item
        else:
            row = ItemRow(item, expressions=expressions.get(id(item), {}), dotted=dotted)
            rows.append(row)
            if not REGISTRY[item.type].weights or item.shares is not None or id(item) in shared:
                continue
        last[key_of(item.outputs[0])] = row
    return rows


def _joins(row: ItemRow, item: MappedItem) -> bool:
    type = REGISTRY[item.type]
    if item.alone or item.widths.activations != row.item.widths.activations:
        return False
    learns = issubclass(type, Norm) or type.weights or item.type == "prelu"
    if learns and row.item.trainable != item.trainable:  # `trainable` is of all that an item writes
        return False
    if learns and item.has_weights and item.widths != row.item.widths:  # so is `dtype`
        return False
    if issubclass(type, Norm):
        return row.norm is None and row.activation is None
    return issubclass(type, Activation) and row.activation is None
