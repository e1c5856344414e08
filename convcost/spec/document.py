"""What a document holds: symbols, defaults, blocks and items, values and shapes still open."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from convcost.layers import REGISTRY
from convcost.network import Limit
from convcost.spec.tree import Node

RESIDUAL = "residual"
"""The merge that is written as one item and runs as an `add`."""


def is_merge(type: str) -> bool:
    """Return whether an item of a type takes several inputs."""
    return type == RESIDUAL or (type in REGISTRY and REGISTRY[type].merges())


KEYS = {
    "convcost": "The version of the language: 1, or 2; without it 1.",
    "name": "What the network is called.",
    "source": "Where the architecture comes from.",
    "symbols": "What a run may change: names and their defaults.",
    "input": "The shape of the input, channels first: [C, H, W], [C, L], [C, D, H, W], or [F] for a vector.",
    "defaults": "The fields that a layer type takes where a layer does not give them.",
    "blocks": "Layer types of this file, made of others.",
    "layers": "The items of the network, one after the other.",
    "budget": "The largest totals allowed, such as `params: 4.3M`.",
}
"""The keys of a spec, with what they are; so are those of its parts."""
SYMBOL_KEYS = {
    "value": "The default; without one the symbol stays a letter until `--set` gives it a value.",
    "multiple_of": "What every value of the symbol is a multiple of.",
}
BLOCK_KEYS = {
    "params": "The parameters with their defaults; an empty default must be given where the block is used.",
    "layers": "The items of the block, one after the other.",
}
ITEM_KEYS = {
    "name": "Names the output, for `from` of later items.",
    "from": "Reads an earlier item instead of the one before; a list of names for `add`, `multiply` and `concat`.",
    "repeat": "How often it runs, one after the other; 0 leaves it out.",
    "if": "Leaves it out unless this holds; what is left out passes its input on.",
}
INPUT_NAME = "input"
"""The name by which `from` reads the input of the network."""
BRANCHES = "branches"
"""The key of a merge with fields that holds its branches."""
RESIDUAL_KEYS = {
    "body": "The items whose output is added.",
    "shortcut": "The items on the way around them; the input itself without it.",
}
MOST_SIZES = 4  # of an input: channels and three spatial axes


class Invalid:
    """Stands for a value whose error is reported."""


INVALID = Invalid()


class Given(Struct, gc=False):
    """A value as a spec gives it.

    Attributes:
        value: A constant, a `Formula`, a list of these, an `Item` (a norm or activation with fields), or `INVALID`.
        at: The node that an error points to.
        outer: Whether it stands in `defaults`, outside every block.
    """

    value: Any
    at: Node
    outer: bool = False


class Item(Struct, gc=False):
    """One item of a list.

    Attributes:
        type: A layer type, a merge or a block of the file; empty where that is a reported error.
        segment: Its part of a layer's name: its own name, or its type and a count.
        where: Its path in the file, for errors.
        fields: What is given to a layer (the defaults of its type included) or a block.
        branches: A merge's lists; None where it names its inputs.
        merges: Whether it takes several inputs.
        opens_level: Whether the names of the layers inside a merge begin with its own.
        sources: The names it reads instead of the item before.
        former: The part of a layer's name that earlier versions gave it.
    """

    type: str
    segment: str
    where: str
    line: int
    column: int
    fields: dict[str, Given]
    branches: list[Branch] | None = None
    merges: bool = False
    opens_level: bool = True
    name: str = ""
    former: str = ""
    sources: tuple[str, ...] = ()
    repeat: Given | None = None
    condition: Given | None = None


class Branch(Struct, gc=False):
    """A branch of a merge.

    Attributes:
        items: Its items.
        label: Its part of the names of the layers inside; empty where they are counted with the merge's own list.
        former: The part that earlier versions gave it.
    """

    items: list[Item]
    label: str
    former: str


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


class Unread(Struct, frozen=True, gc=False):
    """A block or a parameter that nothing reads: its kind, its name, its path, and where it stands."""

    kind: str
    name: str
    path: str
    at: Node


class Document(Struct, gc=False):
    """A whole spec, values and shapes still open; `closed` when an error hides too much to unroll it.

    Attributes:
        version: The version of the language that it is written in.
        reads: The symbols that anything but another symbol reads.
        unread: The blocks and the parameters that nothing reads.
    """

    name: str
    source: str
    symbols: dict[str, Symbol]
    input: Given
    blocks: dict[str, Block]
    items: list[Item]
    defaults: dict[str, dict[str, Given]]
    limits: tuple[Limit, ...]
    closed: bool = False
    version: int = 1
    reads: frozenset[str] = frozenset()
    unread: tuple[Unread, ...] = ()
