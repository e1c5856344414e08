"""What makes items alike, how they read each other, and what else is asked of them again and again."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from convcost.importers.writing.rows import common, module_around
from convcost.importers.writing.tree import (
    BlockUse,
    Body,
    Leaf,
    Merge,
    OptionalItem,
    Ref,
    Repetition,
    TextBlock,
    TreeNode,
    rows_in,
)
from convcost.layers.base import REGISTRY, Activation

Module = tuple[str, ...]

_MOST_STEPS = 40_000_000  # some seconds
_POOLS = frozenset(("max_pool", "avg_pool"))


class Facts:
    """What is known of items, until the tree changes.

    Attributes:
        left: How much more may be looked at in the search for repetitions and blocks; the text is right without them.
    """

    def __init__(self) -> None:
        self.left = _MOST_STEPS
        self._known: dict[Hashable, int] = {}
        self._numbers: dict[int, tuple[TreeNode, int]] = {}  # with the items, so that no other gets their ids
        self._blocks: dict[int, TextBlock] = {}
        self._modules: dict[int, tuple[TreeNode, Module | None]] = {}
        self._leaves: dict[int, tuple[Leaf, int]] = {}  # what is known of layers stays so
        self._leaf_modules: dict[int, tuple[Leaf, Module | None]] = {}
        self._settled: dict[int, tuple[Body, list[TreeNode], list[int]]] = {}  # lists without equal neighbours

    def forget(self) -> None:
        """Forget what is known: the tree has changed."""
        self._numbers.clear()
        self._modules.clear()

    def number(self, node: TreeNode) -> int:
        """Return the number of an item; items with the same one differ in the values of their fields alone."""
        if isinstance(node, Leaf):
            known = self._leaves.get(id(node))
            if known is None:
                known = self._leaves[id(node)] = (node, self._numbered(node.fixed))
            return known[1]
        found = self._numbers.get(id(node))
        if found is None:
            found = self._numbers[id(node)] = (node, self._numbered(self._key(node)))
        return found[1]

    def numbers(self, nodes: Sequence[TreeNode]) -> tuple[int, ...]:
        """Return the numbers of items."""
        return tuple([self.number(node) for node in nodes])

    def is_settled(self, body: Body, numbers: list[int]) -> bool:
        """Return whether a list is known to have no equal neighbours: it is as it was when that was noted."""
        known = self._settled.get(id(body))
        return known is not None and known[1] == body.nodes and known[2] == numbers

    def settle(self, body: Body, numbers: list[int]) -> None:
        """Note that a list has no equal neighbours."""
        self._settled[id(body)] = (body, list(body.nodes), numbers)

    def _key(self, node: TreeNode) -> Hashable:
        if isinstance(node, Merge):
            return (self.number(node.leaf), *(self.number_of_body(branch.nodes) for branch in node.branches))
        if isinstance(node, Repetition):
            return "repeat", isinstance(node, OptionalItem), bool(node.merges), self.number_of_body(node.unit.nodes)
        assert isinstance(node, BlockUse)
        self._blocks[id(node.block)] = node.block
        return "use", id(node.block)

    def number_of_body(self, nodes: Sequence[TreeNode]) -> int:
        """Return the number of a list."""
        encoded = Encoded(nodes, 0)
        return self._numbered(tuple([(self.number(node), encoded.reads(at)) for at, node in enumerate(nodes)]))

    def _numbered(self, key: Hashable) -> int:
        return self._known.setdefault(key, len(self._known))

    def module(self, node: TreeNode) -> Module | None:
        """Return the module around an item where it first occurs; None where the file has no paths."""
        if isinstance(node, Leaf):
            known = self._leaf_modules.get(id(node))
            if known is None:
                row = node.rows[0]
                known = self._leaf_modules[id(node)] = (node, row.module if row.item.name else None)
            return known[1]
        found = self._modules.get(id(node))
        if found is None:
            if isinstance(node, Merge):
                module = self.module_of([*(each for branch in node.branches for each in branch.nodes), node.leaf])
            else:
                module = module_around(rows_in([node], 0))
            found = self._modules[id(node)] = (node, module)
        return found[1]

    def module_of(self, nodes: Sequence[TreeNode]) -> Module | None:
        """Return the module around items where they first occur; None where the file has no paths."""
        return common_of([self.module(node) for node in nodes])

    def depth_at(self, nodes: Sequence[TreeNode], edge: int) -> int:
        """Return how deep the module is that the items on both sides of a place are in; 0 where that is not known."""
        if not 0 < edge < len(nodes):
            return 0
        before, after = self.module(nodes[edge - 1]), self.module(nodes[edge])
        return 0 if before is None or after is None else len(common(before, after))


def common_of(modules: Iterable[Module | None]) -> Module | None:
    """Return the module around all of some modules; None where the file has no paths."""
    found: Module | None = None
    for module in modules:
        if module is not None:
            found = module if found is None else common(found, module)
    return found


class Encoded:
    """How the items of a list from a place on read each other and what stands before.

    Attributes:
        outside: What they read from before, in the order in which they do.
    """

    def __init__(self, nodes: Sequence[TreeNode], start: int, places: dict[int, int] | None = None) -> None:
        self.nodes = nodes
        self.start = start
        self.places = {id(node): at for at, node in enumerate(nodes)} if places is None else places
        self.outside: list[Ref] = []

    def read_to(self, end: int) -> None:
        """Encode the inputs of all items before a place."""
        for at in range(self.start, end):
            self.reads(at)

    def reads(self, at: int, most: int = sys.maxsize) -> tuple[tuple[int, int], ...]:
        """Return the inputs of an item: how far back each is, or the value from outside as a number from -1 down.

        Args:
            at: The item's place in the list.
            most: How many values from outside there may be; with more of them the rest is left out.
        """
        start, places, outside = self.start, self.places, self.outside
        reads = self.nodes[at].reads
        if at > start and len(reads) == 1 and reads[0][0] is self.nodes[at - 1]:  # as most do
            return ((1, reads[0][1]),)
        found = []
        for ref in reads:
            place = places.get(id(ref[0]), -1)
            if place >= start:
                found.append((at - place, ref[1]))
                continue
            if ref not in outside:
                outside.append(ref)
                if len(outside) > most:
                    break
            found.append((-1 - outside.index(ref), 0))
        return tuple(found)


def values_of(node: TreeNode, place: int) -> tuple[Any, ...]:
    """Return all numbers in one occurrence of an item."""
    if isinstance(node, Leaf):
        return node.given[place]
    if isinstance(node, Merge):
        return (*_values(*((body, place) for body in node.branches)), *node.leaf.given[place])
    if isinstance(node, Repetition):
        return (node.counts[place], *_values((node.unit, sum(node.counts[:place]))))
    assert isinstance(node, BlockUse)
    return _values((node.block.body, node.places[place]))


def _values(*lists: tuple[Body, int]) -> tuple[Any, ...]:
    return tuple([value for body, place in lists for node in body.nodes for value in values_of(node, place)])


def direct_reads(nodes: Sequence[TreeNode], at: int) -> tuple[tuple[int, int], ...]:
    """Return how an item reads that reads the one before it alone; nothing where it reads others."""
    reads = nodes[at].reads
    return ((1, reads[0][1]),) if at and len(reads) == 1 and reads[0][0] is nodes[at - 1] else ()


class Readers:
    """Where the values of a list are read.

    Args:
        body: The list.
    """

    def __init__(self, body: Body) -> None:
        self.places = places = {id(node): at for at, node in enumerate(body.nodes)}
        self.last = last = [-1] * len(body.nodes)  # the last item that reads a value; a place behind all for an output
        for at, node in enumerate(body.nodes):
            for giver, _ in node.reads:
                if (place := places.get(id(giver))) is not None:
                    last[place] = at
        for giver, _ in body.outputs:
            if (place := places.get(id(giver))) is not None:
                last[place] = len(body.nodes)
        self.single = [outputs_of(node) == 1 for node in body.nodes]

    def is_closed(self, start: int, end: int) -> bool:
        """Return whether nothing behind some items reads what they give, the last one apart, which gives one value."""
        return self.single[end - 1] and (end - start == 1 or max(self.last[start : end - 1]) < end)


def outputs_of(node: TreeNode) -> int:
    """Return how many values an item gives."""
    return node.outputs if isinstance(node, Leaf) else 1


def lines_of(node: TreeNode) -> int:
    """Return how many lines an item takes, without its name."""
    if isinstance(node, Merge):
        lines = [sum(map(lines_of, branch.nodes)) for branch in node.branches]
        if node.leaf.type == "add" and len(lines) == 2:
            return 1 if sorted(lines) == [0, 1] else 1 + sum(lines) + (2 if all(lines) else 0)
        return 1 + sum(max(1, each) for each in lines)
    if isinstance(node, Repetition):
        return 1 + (lines_of(node.unit.nodes[0]) if len(node.unit.nodes) == 1 else 1)
    return 1 + (len(node.reads) > 1)


def is_bare(node: TreeNode) -> bool:
    """Return whether an item is an activation or a pool, which rather ends something than begins it."""
    return isinstance(node, Leaf) and (issubclass(REGISTRY[node.type], Activation) or node.type in _POOLS)


def replace(body: Body, start: int, length: int, made: TreeNode) -> None:
    """Put one item in the place of several, of which only the last is read elsewhere."""
    last = body.nodes[start + length - 1]
    body.nodes[start : start + length] = [made]
    for node in body.nodes[start + 1 :]:
        node.reads = [(made, 0) if giver is last else (giver, output) for giver, output in node.reads]
    body.outputs = [(made, 0) if giver is last else (giver, output) for giver, output in body.outputs]
