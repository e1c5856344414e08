"""Blocks that differ in the presence of items as one: an expansion, a gate or a shortcut that only some have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise

from msgspec import Struct

from convcost.importers.writing.alike import Facts, Readers, lines_of
from convcost.importers.writing.parameters import Texts
from convcost.importers.writing.repetitions import HEAD
from convcost.importers.writing.rows import COMMUTATIVE
from convcost.importers.writing.tree import (
    BlockUse,
    Body,
    Leaf,
    Merge,
    OptionalItem,
    OuterValue,
    Ref,
    Repetition,
    TextBlock,
    TreeNode,
    is_chain,
    lists_in,
    stacked,
)
from convcost.layers.base import REGISTRY, Activation, Norm

_MOST_OPTIONAL = 2  # items of a block that may be left out
_MOST_PARAMETERS = 7  # of a block with such items
_LEAST_SAVED = 2  # lines
_LEAST_SHARE = 0.5  # of a block's lines that are in both
_MOST_ITEMS = 12  # of a block that is compared with others
_STEPS = 100  # that the comparison of two items counts as, in `Facts.left`

Pair = tuple[TreeNode | None, TreeNode | None]
"""Items of two lists that are one: none where a list lacks it."""


def join_variants(top: Body, blocks: list[TextBlock], facts: Facts) -> None:
    """Make one block of those that differ in a few items, in place.

    Args:
        top: The network's own list.
        blocks: The blocks.
        facts: What is known of their items.
    """
    while True:
        found = sorted(_candidates(top, blocks, facts), key=lambda each: each.saved, reverse=True)
        best = next(((each, made) for each in found if (made := _made(each, facts)) is not None), None)
        if best is None:
            return
        _accept(top, blocks, *best)
        facts.forget()


class Variant(Struct, frozen=True):
    """A block, and what it might stand for as well: another one, or items of a list.

    Attributes:
        block: The block.
        other: The other one; None where items of a list become a use.
        body: That list.
        start: Where the items begin in it.
        end: Where they end.
        size: How often they occur.
        saved: How many lines that saves.
    """

    block: TextBlock
    other: TextBlock | None
    body: Body
    start: int
    end: int
    size: int
    saved: float = 0

    @property
    def nodes(self) -> list[TreeNode]:
        """The items."""
        return self.body.nodes[self.start : self.end]


def _candidates(top: Body, blocks: Sequence[TextBlock], facts: Facts) -> Iterator[Variant]:
    """Yield what might be joined."""
    owners = [(None, top, 1), *((block, block.body, block.size) for block in blocks)]
    lists = [(owner, *each) for owner, body, size in owners for each in lists_in(body, size)]
    runs = [(owner, body, size, list(_runs(body, _MOST_ITEMS))) for owner, body, size in lists if size]
    usual = [block for block in blocks if is_chain(block.body) and len(block.body.nodes) <= _MOST_ITEMS]
    needs = _Needs()
    for number, block in enumerate(usual):
        length = len(block.body.nodes)
        numbers = {facts.number(_inner(node)) for node in block.body.nodes}
        inner = {id(block), *needs.of_all(block.body.nodes)}
        for other in usual[number + 1 :]:
            if id(other) not in inner and id(block) not in needs.of_all(other.body.nodes):
                whole = Variant(block, other, other.body, 0, len(other.body.nodes), other.size)
                yield from _weighed(whole, numbers, needs, facts)
        for owner, body, size, places in runs:
            if id(owner) not in inner:
                for start, end in places:
                    if end - start <= length:
                        yield from _weighed(Variant(block, None, body, start, end, size), numbers, needs, facts)


def _runs(body: Body, length: int) -> Iterator[tuple[int, int]]:
    """Yield where items of a list stand that read each other in a row, and nothing else reads what is between."""
    readers = Readers(body)
    for start, first in enumerate(body.nodes):
        if len(first.reads) != 1:
            continue
        for end in range(start + 1, min(start + length, len(body.nodes)) + 1):
            if end - start > 1 and body.nodes[end - 1].reads != [(body.nodes[end - 2], 0)]:
                break
            if readers.is_closed(start, end) and (end - start > 1 or isinstance(first, Merge)):
                yield start, end


class _Needs:
    """Which blocks are used in an item, at any depth, as long as nothing is changed."""

    def __init__(self) -> None:
        self._known: dict[int, frozenset[int]] = {}  # by the id of the item

    def of_all(self, nodes: Iterable[TreeNode]) -> frozenset[int]:
        """Return the ids of the blocks that some items use."""
        return frozenset().union(*map(self._of, nodes))

    def _of(self, node: TreeNode) -> frozenset[int]:
        found = self._known.get(id(node))
        if found is None:
            found = self._known[id(node)] = frozenset().union(*self._parts(node))
        return found

    def _parts(self, node: TreeNode) -> Iterator[frozenset[int]]:
        if isinstance(node, BlockUse):
            yield frozenset((id(node.block),))
            inner = node.block.body.nodes
        elif isinstance(node, Merge):
            inner = [each for branch in node.branches for each in branch.nodes]
        else:
            inner = node.unit.nodes if isinstance(node, Repetition) else []
        yield self.of_all(inner)


def _weighed(variant: Variant, numbers: set[int], needs: _Needs, facts: Facts) -> Iterator[Variant]:
    """Yield a variant with what it saves, where that is worth it.

    Args:
        variant: What might be joined.
        numbers: What makes the items of its block alike.
        needs: The blocks that items use.
        facts: What is known of items.
    """
    nodes, given, other = variant.block.body.nodes, variant.nodes, variant.other
    facts.left -= _STEPS * len(nodes) * len(given)
    lines = [sum(map(lines_of, each)) for each in (nodes, given)]
    gained = HEAD + 1 if other else -1
    if facts.left < 0 or lines[1] + gained < _LEAST_SAVED or not _are_near(numbers, given, len(nodes), lines, facts):
        return
    if other is None and id(variant.block) in needs.of_all(given):
        return
    pairs = _aligned(nodes, given, facts)
    if pairs is None:
        return
    both = sum(_shared(pair) for pair in pairs)
    saved = lines[1] - sum(None in pair for pair in pairs) + gained
    share = max(both / max(lines), sum(all(pair) for pair in pairs) / len(pairs))
    if both > 1 and share >= _LEAST_SHARE and saved >= _LEAST_SAVED:
        yield Variant(variant.block, other, variant.body, variant.start, variant.end, variant.size, saved)


def _made(variant: Variant, facts: Facts) -> TextBlock | None:
    """Return the block that stands for both; None where a reader would not follow it."""
    block = variant.block
    copies = [stacked([nodes], [OuterValue()]) for nodes in (block.body.nodes, variant.nodes)]
    source = OuterValue()
    pairs = _aligned(copies[0], copies[1], facts) or []
    columns = _filled(pairs, (block.size, variant.size), (source, source))
    made = TextBlock(Body(stacked(columns, [source]), [source]), block.size + variant.size)
    options = [node.unit.nodes[0] for node in _options(made.body)]
    readable = len(options) <= _MOST_OPTIONAL and all(map(_may_be_left_out, options)) and _is_readable(made, block)
    return made if readable else None


def _are_near(numbers: set[int], others: Sequence[TreeNode], count: int, lines: Sequence[int], facts: Facts) -> bool:
    """Return whether half of some items may be in a block, and enough of all lines or items in both.

    Args:
        numbers: What makes the items of the block alike.
        others: The items.
        count: How many items the block has.
        lines: The lines of both.
        facts: What is known of items.
    """
    longest, most = max(count, len(others)), max(lines)
    if lines[1] < _LEAST_SHARE * most and len(others) < _LEAST_SHARE * longest:
        return False
    found = [inner for inner in map(_inner, others) if facts.number(inner) in numbers or isinstance(inner, Merge)]
    if 2 * len(found) < len(others):
        return False
    return sum(map(lines_of, found)) >= _LEAST_SHARE * most or len(found) >= _LEAST_SHARE * longest


def _is_readable(made: TextBlock, block: TextBlock) -> bool:
    """Return whether a block has about as many parameters as the one that it takes the place of."""
    counts = [sum(not each.is_derived for each in Texts([each]).parameters[id(each)]) for each in (made, block)]
    return counts[0] <= min(_MOST_PARAMETERS, counts[1] + 3)


def _may_be_left_out(node: TreeNode) -> bool:
    """Return whether an item is a gate, or a layer that does more than move values."""
    if isinstance(node, BlockUse):
        (first, *others) = node.block.body.nodes
        return not others and _may_be_left_out(first)
    if isinstance(node, Merge):
        return node.leaf.type == "multiply"
    if not isinstance(node, Leaf):
        return False
    type = REGISTRY[node.type]
    return bool(type.weights) or issubclass(type, (Activation, Norm)) or "pool" in node.type


def _options(body: Body) -> Iterator[OptionalItem]:
    for each, _ in lists_in(body, 1):
        yield from (node for node in each.nodes if isinstance(node, OptionalItem))


# two lists side by side


def _aligned(first: Sequence[TreeNode], second: Sequence[TreeNode], facts: Facts) -> list[Pair] | None:
    """Return the items of two lists in pairs; None where, at some place, each has what the other lacks."""
    table: dict[tuple[int, int], tuple[float, list[Pair]]] = {}
    for at in range(len(first), -1, -1):
        for to in range(len(second), -1, -1):
            options: list[tuple[float, list[Pair]]] = []
            if at < len(first) and to < len(second) and _are_alike(first[at], second[to], facts):
                shared = _shared((first[at], second[to]))
                options.append((table[at + 1, to + 1][0] + shared, [(first[at], second[to])]))
            if at < len(first):
                options.append((table[at + 1, to][0] - 0.01, [(first[at], None)]))
            if to < len(second):
                options.append((table[at, to + 1][0] - 0.01, [(None, second[to])]))
            table[at, to] = max(options, key=lambda option: option[0]) if options else (0.0, [])
    found: list[Pair] = []
    at = to = 0
    while table[at, to][1]:
        (pair,) = table[at, to][1]
        found.append(pair)
        at, to = at + (pair[0] is not None), to + (pair[1] is not None)
    for pair, after in pairwise(found):
        if None in pair and None in after and pair.index(None) != after.index(None):
            return None
    return found


def _are_alike(one: TreeNode, other: TreeNode, facts: Facts) -> bool:
    """Return whether two items are one, perhaps with other items in their branches."""
    if facts.number(_inner(one)) == facts.number(_inner(other)):
        return True
    if not (isinstance(one, Merge) and isinstance(other, Merge)) or facts.number(one.leaf) != facts.number(other.leaf):
        return False
    found = _branches(one, other, facts)
    return found is not None and any(all(pair) for pairs in found for pair in pairs)


def _branches(one: Merge, other: Merge, facts: Facts) -> list[list[Pair]] | None:
    """Return the branches of two merges in pairs; None where they do not fit."""
    if len(one.branches) != len(other.branches):
        return None
    found = []
    for branch, against in zip(one.branches, _ordered(one, other, facts), strict=True):
        pairs = _aligned(branch.nodes, against.nodes, facts)
        if pairs is None:
            return None
        found.append(pairs)
    return found


def _ordered(one: Merge, other: Merge, facts: Facts) -> list[Body]:
    """Return the branches of a merge in the order of another's, which is free where one of them is the value itself."""
    given = list(other.branches)
    free = one.leaf.type in COMMUTATIVE and len(given) == 2 and sum(bool(each.nodes) for each in given) == 1
    if not free:
        return given
    shared = partial(_common, facts=facts)
    straight = [shared(a, b) for a, b in zip(one.branches, given, strict=True)]
    crossed = [shared(a, b) for a, b in zip(one.branches, given[::-1], strict=True)]
    return given[::-1] if sum(crossed) > sum(straight) else given


def _common(one: Body, other: Body, facts: Facts) -> float:
    return sum(map(_shared, _aligned(one.nodes, other.nodes, facts) or []))


def _inner(node: TreeNode) -> TreeNode:
    return node.unit.nodes[0] if isinstance(node, OptionalItem) else node


def _shared(pair: Pair) -> int:
    """Return how many lines are in both lists."""
    return min(lines_of(_inner(each)) if each is not None else 0 for each in pair)


def _filled(pairs: Sequence[Pair], sizes: Sequence[int], sources: Sequence[OuterValue]) -> list[list[TreeNode]]:
    """Return two lists with the same items: what one lacks is there as an item that does not run.

    Args:
        pairs: Their items.
        sizes: How often each list occurs.
        sources: What reaches each.
    """
    found: list[list[TreeNode]] = [[], []]
    for one, other in pairs:
        if isinstance(one, Merge) and isinstance(other, Merge):
            made: Sequence[TreeNode] = _filled_merges(one, other, sizes)
        else:
            made = [_as_other(one, other, sizes[0]), _as_other(other, one, sizes[1])]
        for column, node in zip(found, made, strict=True):
            column.append(node)
    for column, source in zip(found, sources, strict=True):
        _chained(column, source)
    return found


def _as_other(node: TreeNode | None, other: TreeNode | None, size: int) -> TreeNode:
    """Return an item so that it is like another: optional, or one that does not run."""
    if node is None:
        assert other is not None
        return _absent(other, size)
    if isinstance(node, OptionalItem):
        return node
    lacking = other is None and not isinstance(node, Repetition)
    return _optional_item(node, size) if lacking or isinstance(other, OptionalItem) else node


def _filled_merges(one: Merge, other: Merge, sizes: Sequence[int]) -> list[Merge]:
    facts = Facts()
    columns: list[list[Body]] = [[], []]
    aligned = _branches(one, other, facts)
    for pairs in aligned or []:
        sources = [OuterValue(), OuterValue()]
        for column, nodes, source in zip(columns, _filled(pairs, sizes, sources), sources, strict=True):
            column.append(Body(nodes, [source]))
    return [Merge(node.leaf, bodies, node.reads) for node, bodies in zip((one, other), columns, strict=True)]


def _optional_item(node: TreeNode, size: int) -> OptionalItem:
    source = OuterValue()
    _chained([node], source)
    return OptionalItem(Body([node], [source]), [1] * size, [])


def _absent(node: TreeNode, size: int) -> TreeNode:
    """Return what stands for an item in a list that lacks it."""
    if isinstance(node, Repetition):
        unit = _without_occurrences(node.unit)
        return type(node)(unit, [0] * size, [])
    source = OuterValue()
    unit = Body([_never(node)], [source])
    _chained(unit.nodes, source)
    return OptionalItem(unit, [0] * size, [])


def _without_occurrences(body: Body) -> Body:
    source = OuterValue()
    nodes = [_never(node) for node in body.nodes]
    _chained(nodes, source)
    return Body(nodes, [source])


def _never(node: TreeNode) -> TreeNode:
    """Return an item like another that never runs."""
    if isinstance(node, Leaf):
        leaf = Leaf.__new__(Leaf)
        leaf.fixed, leaf.holes, leaf.outputs, leaf.reads = node.fixed, node.holes, node.outputs, node.reads
        leaf.rows, leaf.given = [], []
        return leaf
    if isinstance(node, Merge):
        inner = _never(node.leaf)
        assert isinstance(inner, Leaf)
        return Merge(inner, [_without_occurrences(branch) for branch in node.branches], [])
    if isinstance(node, Repetition):
        return type(node)(_without_occurrences(node.unit), [], [])
    assert isinstance(node, BlockUse)
    return BlockUse(node.block, [], [])


def _chained(nodes: Sequence[TreeNode], source: OuterValue) -> None:
    """Let each item read the one before it, and the first what reaches the list."""
    before: Ref = (source, 0)
    for node in nodes:
        node.reads = [before]
        before = (node, 0)


# in the place of both


def _accept(top: Body, blocks: list[TextBlock], found: Variant, made: TextBlock) -> None:
    """Put a block in the place of what it stands for."""
    block, size = found.block, found.block.size
    everywhere = [top, *(each.body for each in blocks if each not in (block, found.other)), made.body]
    for owner in everywhere:
        for body, _ in lists_in(owner, 1):
            for node in body.nodes:
                if isinstance(node, BlockUse) and node.block is block:
                    node.block = made
                elif isinstance(node, BlockUse) and node.block is found.other:
                    node.block, node.places = made, [size + place for place in node.places]
    blocks[blocks.index(block)] = made
    if found.other is not None:
        blocks.remove(found.other)
        return
    body, start, end = found.body, found.start, found.end
    use = BlockUse(made, list(range(size, made.size)), body.nodes[start].reads)
    last = body.nodes[end - 1]
    body.nodes[start:end] = [use]
    for node in body.nodes[start + 1 :]:
        node.reads = [(use, 0) if giver is last else (giver, output) for giver, output in node.reads]
    body.outputs = [(use, 0) if giver is last else (giver, output) for giver, output in body.outputs]
