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
    weights = _Weights(facts)
    while True:
        found = sorted(_candidates(top, blocks, facts, weights), key=lambda each: each.saved, reverse=True)
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


def _candidates(top: Body, blocks: Sequence[TextBlock], facts: Facts, weights: _Weights) -> Iterator[Variant]:
    """Yield the pairs that are worth joining, each with the number of lines that it saves."""
    owners = [(None, top, 1), *((block, block.body, block.size) for block in blocks)]
    lists = [(owner, *each) for owner, body, size in owners for each in lists_in(body, size)]
    runs = [(owner, body, size, _runs(body, _MOST_ITEMS, facts)) for owner, body, size in lists if size]
    usual = [block for block in blocks if is_chain(block.body) and len(block.body.nodes) <= _MOST_ITEMS]
    items = [_Items.of(block.body.nodes, facts) for block in usual]
    needs = _Needs()
    for number, block in enumerate(usual):
        own = items[number]
        inner = {id(block), *needs.of_all(own.nodes)}
        for other, given in zip(usual[number + 1 :], items[number + 1 :], strict=True):
            if id(other) not in inner and id(block) not in needs.of_all(given.nodes):
                saved = weights.saved(own, given, HEAD + 1)
                if saved is not None:
                    yield Variant(block, other, other.body, 0, len(given.nodes), other.size, saved)
        for owner, body, size, places in runs:
            if id(owner) not in inner:
                for start, end, given in places:
                    if end - start > len(own.nodes):
                        continue
                    saved = weights.saved(own, given, -1)
                    if saved is not None and id(block) not in needs.of_all(given.nodes):
                        yield Variant(block, None, body, start, end, size, saved)


class _Items(Struct, frozen=True):
    """Items of a list, with what is asked of them again and again.

    Attributes:
        nodes: The items.
        numbers: What makes them alike.
        inner: What makes those alike that they may leave out.
        lines: How many lines they take.
        inner_lines: How many those take that they may leave out.
    """

    nodes: Sequence[TreeNode]
    numbers: tuple[int, ...]
    inner: tuple[int, ...]
    lines: tuple[int, ...]
    inner_lines: tuple[int, ...]

    @classmethod
    def of(cls, nodes: Sequence[TreeNode], facts: Facts) -> _Items:
        """Return items with what is known of them."""
        numbers, lines = facts.numbers(nodes), tuple(map(lines_of, nodes))
        if not any([isinstance(node, OptionalItem) for node in nodes]):  # noqa: C419 -- a list is faster
            return cls(nodes, numbers, numbers, lines, lines)
        inner = [_inner(node) for node in nodes]
        return cls(nodes, numbers, facts.numbers(inner), lines, tuple(map(lines_of, inner)))

    def part(self, start: int, end: int) -> _Items:
        """Return those between two places."""
        return _Items(
            self.nodes[start:end],
            self.numbers[start:end],
            self.inner[start:end],
            self.lines[start:end],
            self.inner_lines[start:end],
        )


def _runs(body: Body, length: int, facts: Facts) -> list[tuple[int, int, _Items]]:
    """Return the runs of items of which each reads the one before alone, and nothing else reads the values between.

    Returns:
        Where they begin and end, and the items.
    """
    readers, nodes = Readers(body), body.nodes
    items = _Items.of(nodes, facts)
    found = []
    for start, first in enumerate(nodes):
        if len(first.reads) != 1:
            continue
        for end in range(start + 1, min(start + length, len(nodes)) + 1):
            if end - start > 1 and nodes[end - 1].reads != [(nodes[end - 2], 0)]:
                break
            if readers.is_closed(start, end) and (end - start > 1 or isinstance(first, Merge)):
                found.append((start, end, items.part(start, end)))
    return found


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


class _Weights:
    """The lines that are saved if a block replaces another one, or items: the same for all that are alike.

    Args:
        facts: What is known of items.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._known: dict[tuple[tuple[int, ...], tuple[int, ...], int], int | None] = {}

    def saved(self, own: _Items, given: _Items, gained: int) -> int | None:
        """Return how many lines are saved if a block replaces other items, too; None where that is not worth it.

        Args:
            own: Its items.
            given: The other items.
            gained: The lines that are saved beside the items.
        """
        key = (own.numbers, given.numbers, gained)
        if key not in self._known:
            self._known[key] = self._weighed(own, given, gained)
        return self._known[key]

    def _weighed(self, own: _Items, given: _Items, gained: int) -> int | None:
        self.facts.left -= _STEPS * len(own.nodes) * len(given.nodes)
        lines = (sum(own.lines), sum(given.lines))
        if self.facts.left < 0 or lines[1] + gained < _LEAST_SAVED or not _are_near(own, given, max(lines)):
            return None
        pairs = _aligned(own, given, self.facts)
        if pairs is None:
            return None
        both = sum(map(_shared, pairs))
        saved = lines[1] - sum([None in pair for pair in pairs]) + gained
        share = max(both / max(lines), sum([None not in pair for pair in pairs]) / len(pairs))
        return saved if both > 1 and share >= _LEAST_SHARE and saved >= _LEAST_SAVED else None


def _made(variant: Variant, facts: Facts) -> TextBlock | None:
    """Return the block that stands for both; None where a reader would not follow it."""
    block = variant.block
    copies = [stacked([nodes], [OuterValue()]) for nodes in (block.body.nodes, variant.nodes)]
    source = OuterValue()
    pairs = _aligned(_Items.of(copies[0], facts), _Items.of(copies[1], facts), facts) or []
    columns = _filled(pairs, (block.size, variant.size), (source, source))
    made = TextBlock(Body(stacked(columns, [source]), [source]), block.size + variant.size)
    options = [node.unit.nodes[0] for node in _options(made.body)]
    readable = len(options) <= _MOST_OPTIONAL and all(map(_may_be_left_out, options)) and _is_readable(made, block)
    return made if readable else None


def _are_near(own: _Items, given: _Items, most: int) -> bool:
    """Return whether half of some items may be in a block, and enough of all lines or items in both.

    Args:
        own: The items of the block.
        given: The other items.
        most: The lines of those that take more.
    """
    longest = max(len(own.nodes), len(given.nodes))
    if sum(given.lines) < _LEAST_SHARE * most and len(given.nodes) < _LEAST_SHARE * longest:
        return False
    found = [
        lines
        for node, number, lines in zip(given.nodes, given.inner, given.inner_lines, strict=True)
        if number in own.inner or isinstance(_inner(node), Merge)
    ]
    if 2 * len(found) < len(given.nodes):
        return False
    return sum(found) >= _LEAST_SHARE * most or len(found) >= _LEAST_SHARE * longest


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


def _aligned(one: _Items, other: _Items, facts: Facts) -> list[Pair] | None:
    """Return the items of two lists in pairs; None where, at some place, each has what the other lacks.

    The pairs are those with the most lines in both, found from the end on; of equals the first.
    """
    first, second = one.nodes, other.nodes
    values = list(range(-len(second), 1))  # behind the first list
    steps: list[list[int]] = []
    for at in range(len(first) - 1, -1, -1):
        below, values = values, [values[-1] - 1] * len(values)
        taken = [_FIRST] * len(values)
        for to in range(len(second) - 1, -1, -1):
            value = below[to] - 1
            if values[to + 1] - 1 > value:
                value, taken[to] = values[to + 1] - 1, _SECOND
            if one.inner[at] == other.inner[to] or _may_be_one(first[at], second[to], facts):
                both = below[to + 1] + _LINE * min(one.inner_lines[at], other.inner_lines[to])
                if both >= value:
                    value, taken[to] = both, _BOTH
            values[to] = value
        steps.append(taken)
    found: list[Pair] = []
    at = to = 0
    while at < len(first) or to < len(second):
        step = steps[-1 - at][to] if at < len(first) else _SECOND
        found.append((None if step == _SECOND else first[at], None if step == _FIRST else second[to]))
        at, to = at + (step != _SECOND), to + (step != _FIRST)
    for pair, after in pairwise(found):
        if None in pair and None in after and pair.index(None) != after.index(None):
            return None
    return found


_LINE = 100  # what a line in both is worth; that a list lacks an item costs 1
_BOTH, _FIRST, _SECOND = range(3)


def _may_be_one(one: TreeNode, other: TreeNode, facts: Facts) -> bool:
    """Return whether two items are one with other items in their branches."""
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
        pairs = _aligned(_Items.of(branch.nodes, facts), _Items.of(against.nodes, facts), facts)
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
    pairs = _aligned(_Items.of(one.nodes, facts), _Items.of(other.nodes, facts), facts)
    return sum(map(_shared, pairs or []))


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
