"""The tree that becomes the text: rows in lists, lists within merges, and what is repeated.

Everything that is written once is one node, however often it runs: a node holds the rows of all its occurrences, in
their order. The network itself occurs once; what is repeated, and the body of a block, occurs as often as it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from convcost.importers.writing.rows import ItemRow
from convcost.layers.base import REGISTRY
from convcost.network.graph import Tensor
from convcost.numbers import as_exact


class OuterValue:
    """What reaches a list from outside: an input of the network, of a block, or of a merge."""


Ref = tuple["TreeNode | OuterValue", int]
"""A value that a node reads: what gives it, and which of its outputs it is."""


class TreeNode:
    """One item.

    Attributes:
        reads: What it reads.
    """

    reads: list[Ref]


class Leaf(TreeNode):
    """A layer.

    Attributes:
        rows: Its rows, one for each occurrence.
        fixed: What makes it another item: its type, and fields that a block does not take as parameters.
        holes: The names of the fields that may differ between occurrences, with their defaults.
        given: Their values, for each occurrence.
        outputs: How many values it gives.
    """

    __slots__ = ("fixed", "given", "holes", "outputs", "reads", "rows")

    def __init__(self, row: ItemRow, reads: list[Ref], *, alone: bool = False) -> None:
        self.rows = [row]
        self.reads = reads
        self.outputs = len(row.outputs)
        self.holes: dict[str, Any] = {}
        fixed = self._described(row)
        names = sorted(self.holes)
        self.fixed: tuple[Any, ...] = (*fixed, *names)
        if alone:  # like no other: it shares weights, by a name that is seen in one list only
            self.fixed = (*self.fixed, id(row))
        self.given = [tuple(self._values(row, names))]

    @property
    def type(self) -> str:
        """The layer type."""
        return self.rows[0].item.type

    def _described(self, row: ItemRow) -> list[Any]:
        item, own = row.item, REGISTRY[row.item.type].fields
        fields = row.fields if row.expressions else item.fields
        fixed: list[Any] = [item.type, item.comment, item.trainable, item.widths]
        if "out_channels" in fields:  # to a reader, 1×1 is another layer
            fixed.append(fields.get("kernel_size") == 1)
        defaults = _number_defaults(item.type)
        for name, value in fields.items():
            if name in own and is_number(value) and name not in ("axis", "axes"):
                self.holes[name] = defaults[name] if name in defaults else as_exact(own[name].default)
            else:
                fixed.append((name, repr(value)))
        for name, default in defaults.items():
            if name not in fields:
                self.holes[name] = default
        fixed.append(None if row.norm is None else (row.norm.type, repr(row.norm.fields)))
        if row.activation is not None and not row.activation.fields:
            self.holes["activation"] = "none"
            fixed.append("activation")
        else:
            fixed.append(None if row.activation is None else (row.activation.type, repr(row.activation.fields)))
        return fixed

    def _values(self, row: ItemRow, names: Sequence[str]) -> Iterator[Any]:
        fields = row.fields if row.expressions else row.item.fields
        for name in names:
            if name == "activation":
                yield row.activation.type if row.activation is not None else "none"
            else:
                value = fields.get(name, self.holes[name])
                yield tuple(value) if isinstance(value, (list, tuple)) else value


class Merge(TreeNode):
    """A merge of branches that begin with the same value.

    Attributes:
        leaf: The merge itself, whose rows read what the branches give.
        branches: The branches in the order in which the merge reads them.
    """

    __slots__ = ("branches", "leaf", "reads")

    def __init__(self, leaf: Leaf, branches: list[Body], reads: list[Ref]) -> None:
        self.leaf = leaf
        self.branches = branches
        self.reads = reads


class Repetition(TreeNode):
    """A list that runs several times, one after the other.

    Attributes:
        unit: The list; it occurs as often as it runs in all.
        counts: How often it runs, for each occurrence.
        merges: The concatenations that its repetitions read, from the second on, and the one that it gives, for each
            occurrence; empty where each repetition reads what the one before it gives.
    """

    __slots__ = ("counts", "merges", "reads", "unit")

    def __init__(
        self, unit: Body, counts: list[int], reads: list[Ref], merges: Sequence[Sequence[ItemRow]] = ()
    ) -> None:
        self.unit = unit
        self.merges = merges
        self.counts = counts
        self.reads = reads

    def starts(self) -> list[int]:
        """Return at which occurrence of the unit each occurrence begins."""
        found, total = [], 0
        for count in self.counts:
            found.append(total)
            total += count
        return found


class OptionalItem(Repetition):
    """An item that some occurrences of a block have, and others have not: it runs once, or not at all."""


class BlockUse(TreeNode):
    """A block where it is used.

    Attributes:
        block: The block.
        places: Which of the block's occurrences each occurrence is.
    """

    __slots__ = ("block", "places", "reads")

    def __init__(self, block: TextBlock, places: list[int], reads: list[Ref]) -> None:
        self.block = block
        self.places = places
        self.reads = reads


class Body:
    """A list of items.

    Attributes:
        nodes: The items, each behind those that it reads.
        sources: What reaches it from outside.
        outputs: The values that must have a name: outputs of the network.
    """

    __slots__ = ("nodes", "outputs", "sources")

    def __init__(self, nodes: list[TreeNode], sources: list[OuterValue], outputs: list[Ref] | None = None) -> None:
        self.nodes = nodes
        self.sources = sources
        self.outputs = outputs or []


class TextBlock:
    """A block of the file.

    Attributes:
        body: Its items.
        size: How often it runs.
        name: Its name.
    """

    __slots__ = ("body", "name", "size")

    def __init__(self, body: Body, size: int) -> None:
        self.body = body
        self.size = size
        self.name = ""


@cache
def _number_defaults(type: str) -> dict[str, Any]:
    """Return the fields of a layer type whose default is a number, or a list of numbers."""
    fields = REGISTRY[type].fields.items()
    return {name: as_exact(field.default) for name, field in fields if is_number(field.default)}


def is_number(value: Any) -> bool:
    """Return whether a field holds a number, or a list of numbers."""
    if value.__class__ is int:
        return True
    if isinstance(value, (list, tuple)):
        return bool(value) and all(is_number(each) and not isinstance(each, (list, tuple)) for each in value)
    return not isinstance(value, (bool, str)) and value is not None and value is not ...


def rows_in(nodes: Sequence[TreeNode], place: int) -> Iterator[ItemRow]:
    """Yield the rows of one occurrence of a list in the order in which they run."""
    for node in nodes:
        if isinstance(node, Leaf):
            yield node.rows[place]
        elif isinstance(node, Merge):
            for branch in node.branches:
                yield from rows_in(branch.nodes, place)
            yield node.leaf.rows[place]
        elif isinstance(node, Repetition):
            start = sum(node.counts[:place])
            for turn in range(node.counts[place]):
                if node.merges and turn:
                    yield node.merges[place][turn - 1]
                yield from rows_in(node.unit.nodes, start + turn)
            if node.merges:
                yield node.merges[place][-1]
        elif isinstance(node, BlockUse):
            yield from rows_in(node.block.body.nodes, node.places[place])


def is_chain(body: Body) -> bool:
    """Return whether each item of a list reads what the one before it gives, and nothing else."""
    before: Ref = (body.sources[0], 0) if body.sources else (OuterValue(), 0)
    for node in body.nodes:
        if node.reads != [before] or (isinstance(node, Leaf) and node.outputs > 1):
            return False
        before = (node, 0)
    return len(body.sources) == 1


def lists_in(body: Body, size: int) -> Iterator[tuple[Body, int]]:
    """Yield a list and all lists within it, each with how often it occurs.

    Args:
        body: The list.
        size: How often it occurs.
    """
    yield body, size
    for node in body.nodes:
        if isinstance(node, Merge):
            for branch in node.branches:
                yield from lists_in(branch, size)
        elif isinstance(node, Repetition):
            yield from lists_in(node.unit, sum(node.counts))


def channels_of(tensor: Tensor) -> int:
    """Return the value of `in_channels` for an item that reads a tensor."""
    return tensor.shape[0 if tensor.layout != "tokens" else -1] if tensor.shape else 0


def stacked(sites: Sequence[Sequence[TreeNode]], sources: list[OuterValue]) -> list[TreeNode]:
    """Return lists that are alike as one, which occurs as often as all of them.

    Args:
        sites: The lists; what they read from outside is in the order in which they read it.
        sources: What stands for that.
    """
    outside: list[dict[Ref, Ref]] = [{} for _ in sites]
    made: list[TreeNode] = []
    places: list[dict[int, int]] = [{id(node): at for at, node in enumerate(site)} for site in sites]
    for column in zip(*sites, strict=True):
        reads: list[Ref] = []
        for giver, output in column[0].reads:
            at = places[0].get(id(giver))
            if at is not None:
                reads.append((made[at], output))
            else:
                known = outside[0]
                if (giver, output) not in known:
                    known[giver, output] = (sources[len(known)], 0)
                reads.append(known[giver, output])
        made.append(_stacked_node(column, reads))
    return made


def _stacked_node(column: Sequence[Any], reads: list[Ref]) -> TreeNode:
    first = column[0]
    if isinstance(first, Leaf):
        return _stacked_leaf(column, reads)
    if isinstance(first, Merge):
        branches = [_stacked_body([node.branches[at] for node in column]) for at in range(len(first.branches))]
        leaf = _stacked_leaf([node.leaf for node in column], first.leaf.reads)
        return Merge(leaf, branches, reads)
    if isinstance(first, Repetition):
        return type(first)(
            _stacked_body([node.unit for node in column]),
            [n for node in column for n in node.counts],
            reads,
            [rows for node in column for rows in node.merges],
        )
    return BlockUse(first.block, [place for node in column for place in node.places], reads)


def _stacked_leaf(column: Sequence[Leaf], reads: list[Ref]) -> Leaf:
    leaf = Leaf.__new__(Leaf)
    leaf.fixed, leaf.holes, leaf.outputs, leaf.reads = column[0].fixed, column[0].holes, column[0].outputs, reads
    leaf.rows = [row for each in column for row in each.rows]
    leaf.given = [values for each in column for values in each.given]
    return leaf


def _stacked_body(column: Sequence[Body]) -> Body:
    sources = [OuterValue() for _ in column[0].sources]
    return Body(stacked([body.nodes for body in column], sources), sources)
