"""Rows to a list of items: branches that part at a value and meet in a merge stand within the merge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from convcost.importers.items import Mapped
from convcost.importers.writing.rows import COMMUTATIVE, ItemRow, Key, key_of
from convcost.importers.writing.tree import Body, Leaf, Merge, OuterValue, Ref, TreeNode, rows_in
from convcost.layers.base import REGISTRY
from convcost.network.graph import INPUT

_MOST_ROWS = 40  # within a merge
_MOST_DEPTH = 4  # of merges within each other
_GROWING = frozenset(("upsample", "transposed_conv", "pixel_shuffle", "max_unpool", "fold"))
_POOLED = frozenset(("global_avg_pool", "adaptive_avg_pool", "reduce"))
"""Types behind which a branch grows again without being a network of its own."""


def body_of(mapped: Mapped, rows: Sequence[ItemRow], *, nested: bool) -> Body:
    """Return the items of a network.

    Args:
        mapped: The model.
        rows: Its rows.
        nested: Whether branches stand within their merges; else every row is an item of the one list.
    """
    return _Nesting(mapped, rows, nested=nested).body()


class _Nesting:
    def __init__(self, mapped: Mapped, rows: Sequence[ItemRow], *, nested: bool) -> None:
        self.rows = rows
        self.nested = nested
        self.sources = [OuterValue() for _ in mapped.inputs]
        self.given: dict[Key, Ref] = {(INPUT, at): (source, 0) for at, source in enumerate(self.sources)}
        self.outputs = list(dict.fromkeys(key_of(tensor) for tensor in mapped.outputs))
        self.readers = Counter([(tensor.producer, tensor.output) for row in rows for tensor in row.item.inputs])
        self.readers.update(self.outputs)
        self.nodes: dict[int, TreeNode] = {}
        self.spans: dict[int, tuple[int, int]] = {}  # the first and the last of an item's rows
        self.keys: dict[int, list[Key]] = {}  # what each item reads
        self.depths: dict[int, tuple[int, int]] = {}  # of a merge: how deep merges nest in it, and its rows
        self.alone = {id(row) for row in rows if row.item.shares is not None}
        shared = {id(row.item.shares) for row in rows if row.item.shares is not None}
        self.alone |= {id(row) for row in rows if id(row.item) in shared}

    def body(self) -> Body:
        """Return the list."""
        for at, row in enumerate(self.rows):
            keys = [(tensor.producer, tensor.output) for tensor in row.item.inputs]
            leaf = Leaf(row, [self.given[key] for key in keys], alone=id(row) in self.alone)
            node: TreeNode = leaf
            self.keys[id(leaf)] = keys
            self.spans[id(leaf)] = (at, at)
            if self.nested and len(keys) > 1 and id(row) not in self.alone:
                node = self._nested(leaf, keys) or leaf
            self.nodes[id(node)] = node
            for output, tensor in enumerate(row.outputs):
                self.given[key_of(tensor)] = (node, output)
        return Body(list(self.nodes.values()), self.sources, [self.given[key] for key in self.outputs])

    def _nested(self, leaf: Leaf, keys: list[Key]) -> Merge | None:
        """Return a merge with its branches; None where they do not all begin with one value."""
        type = REGISTRY[leaf.type]
        if not type.merges() or any(name in leaf.rows[0].item.fields for name in type.named_fields):
            return None
        if all([self.readers[key] != 1 for key in keys]):  # noqa: C419 -- each is read by others, too
            return None
        chains = [self._chain(key) for key in keys]
        starts = {start for start, _ in chains}
        if len(starts) > 1 or not any(chain for _, chain in chains):
            return None
        depth, rows = 0, 0
        for _, chain in chains:
            for node in chain:
                inner = self.depths.get(id(node), (0, 1))
                depth, rows = max(depth, inner[0]), rows + inner[1]
        if depth >= _MOST_DEPTH or rows > _MOST_ROWS or not _belongs(leaf, [chain for _, chain in chains]):
            return None
        (start,) = starts
        ordered = [chain for _, chain in chains]
        if leaf.type in COMMUTATIVE and all(ordered):  # in the order in which they run
            ordered.sort(key=lambda chain: self.spans[id(chain[0])])
        if not self._keep_order(leaf, ordered):
            return None
        branches = []
        for chain in ordered:
            for node in chain:
                del self.nodes[id(node)]
            branches.append(_branch(chain))
        merge = Merge(leaf, branches, [self.given[start]])
        self.keys[id(merge)] = [start]
        self.spans[id(merge)] = (self.spans[id(next(filter(None, ordered))[0])][0], self.spans[id(leaf)][1])
        self.depths[id(merge)] = (depth + 1, rows + 1)
        self.readers[start] -= len(keys) - 1
        return merge

    def _keep_order(self, leaf: Leaf, chains: list[list[TreeNode]]) -> bool:
        """Return whether a merge and its branches run one after the other, as they would be written.

        The memory that a network takes depends on the order of its layers.
        """
        spans = [self.spans[id(node)] for chain in chains for node in chain]
        spans.append(self.spans[id(leaf)])
        return all(before[1] + 1 == after[0] for before, after in pairwise(spans))

    def _chain(self, key: Key) -> tuple[Key, list[TreeNode]]:
        """Return the items that lead to a value, each read by the next alone, and the value that they begin with."""
        chain: list[TreeNode] = []
        while self.readers[key] == 1:
            node, _ = self.given[key]
            if isinstance(node, OuterValue) or len(self.keys[id(node)]) != 1 or not _is_single(node, self.alone):
                break
            chain.insert(0, node)
            (key,) = self.keys[id(node)]
        return key, chain


def _is_single(node: TreeNode, alone: set[int]) -> bool:
    """Return whether an item gives one value and may stand anywhere."""
    if not isinstance(node, Leaf):
        return True
    row = node.rows[0]
    named = any(name in row.item.fields for name in REGISTRY[node.type].named_fields)
    return len(row.outputs) == 1 and id(row) not in alone and not named


def _branch(chain: list[TreeNode]) -> Body:
    source = OuterValue()
    given: TreeNode | OuterValue = source
    for node in chain:
        node.reads = [(given, 0)]
        given = node
    return Body(chain, [source])


def _belongs(leaf: Leaf, chains: list[list[TreeNode]]) -> bool:
    """Return whether branches are a part of the module that merges them, and no whole network within its skip.

    A U-Net's skips part at the top and meet at the end; what lies between is no branch that a person would nest.
    """
    module = leaf.rows[0].parent
    count = len(module)
    for chain in chains:
        rows = list(rows_in(chain, 0))
        if count and any([row.item.name and row.module[:count] != module for row in rows]):  # noqa: C419
            return False
        types = [row.item.type for row in rows]
        if not _GROWING.isdisjoint(types) and _POOLED.isdisjoint(types):
            return False
    return True
