"""What a document holds: symbols, defaults, blocks and items, values and shapes still open."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from convcost.network import Limit
from convcost.spec.tree import Node

MERGES = frozenset(("add", "multiply", "concat", "residual"))
ITEM_KEYS = ("name", "from", "repeat", "if")


class Invalid:
    """Stands for a value whose fault is reported."""


INVALID = Invalid()


class Given(Struct, gc=False):
    """A value as a spec gives it.

    Attributes:
        value: A constant, a `Formula`, a list of these, an `Item` (a norm or activation with fields), or `INVALID`.
        at: The node that a fault points to.
        outer: Whether it stands in `defaults`, outside every block.
    """

    value: Any
    at: Node
    outer: bool = False


class Item(Struct, gc=False):
    """One item of a list.

    Attributes:
        type: A layer type, a merge or a block of the file; empty where that is a reported fault.
        segment: Its part of a layer's path: the name, or type and count within the list.
        where: Its path in the file, for faults.
        fields: What is given to a layer (the defaults of its type included) or a block.
        branches: A merge's lists; None where it names its inputs.
        labels: The path segments of the branches.
        sources: The names it reads instead of the item before.
    """

    type: str
    segment: str
    where: str
    line: int
    column: int
    fields: dict[str, Given]
    branches: list[list[Item]] | None = None
    labels: tuple[str, ...] = ()
    name: str = ""
    sources: tuple[str, ...] = ()
    repeat: Given | None = None
    condition: Given | None = None


class Block(Struct, gc=False):
    """A block: its parameters (None where one is required) and its items; `broken` when neither can be told."""

    parameters: dict[str, Given | None]
    items: list[Item]
    broken: bool = False


class Symbol(Struct, gc=False):
    """A symbol: its default (None where it has none), the fact about it, and where it stands."""

    value: Given | None
    multiple_of: Given | None
    at: Node


class Document(Struct, gc=False):
    """A whole spec, values and shapes still open; `closed` when a fault hides too much to unroll it."""

    name: str
    source: str
    symbols: dict[str, Symbol]
    input: Given
    blocks: dict[str, Block]
    items: list[Item]
    defaults: dict[str, dict[str, Given]]
    limits: tuple[Limit, ...]
    closed: bool = False
