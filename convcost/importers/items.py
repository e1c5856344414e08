"""What the mapper makes of a graph: items of a spec, each one layer, and the tensors that flow between them."""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import Struct

from convcost.errors import WarningDetail
from convcost.layers.base import REGISTRY, LayerType
from convcost.network.graph import FLOAT32, Tensor, Widths


class MappedItem(Struct):
    """One layer of the spec.

    Attributes:
        type: The layer type.
        fields: Its fields as a spec has them, those with the default left out.
        inputs: What it reads.
        outputs: What it gives.
        name: Its name from the file; empty where the file has none.
        shares: The item whose weights it uses.
        comment: What was approximated or left out.
        widths: The types of its numbers.
        has_weights: Whether the file holds weights of it.
        alone: Whether it runs by itself, and is not written with the layer before it.
        trainable: Whether its numbers are learned; else they are buffers.
        parts: The layers that a composite type consists of, in their order.
        read: The layer type's object, where the fields were read already.
    """

    type: str
    fields: dict[str, Any]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    name: str = ""
    shares: MappedItem | None = None
    comment: str = ""
    widths: Widths = FLOAT32
    has_weights: bool = False
    alone: bool = False
    trainable: bool = True
    parts: tuple[MappedItem, ...] = ()
    read: LayerType | None = None

    @property
    def layers(self) -> tuple[MappedItem, ...]:
        """The layers that it becomes: itself, or its parts."""
        return self.parts or (self,)

    @property
    def definition(self) -> LayerType:
        """The layer type's object, with all fields in normal form."""
        if self.read is None:
            self.read = REGISTRY[self.type].read(self.fields, self.inputs)
        return self.read


class Mapped(Struct, frozen=True):
    """A model as items.

    Attributes:
        items: The items, in the order of the file.
        inputs: The inputs: names and tensors.
        outputs: What the model gives, in its order.
        notes: What a reader of the spec should know.
        warnings: What was given beside the file and is rarely meant.
    """

    items: tuple[MappedItem, ...]
    inputs: dict[str, Tensor]
    outputs: tuple[Tensor, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[WarningDetail, ...] = ()


@cache
def is_sized(type: str) -> bool:
    """Return whether the normal form of a type's fields may depend on the sizes of what it reads."""
    own: Any = REGISTRY[type]
    plain: Any = LayerType
    if own.by_layout:
        return False
    return own.prepare.__func__ is not plain.prepare.__func__ or own.complete.__func__ is not plain.complete.__func__
