"""Equal neighbours as repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq

from convcost.importers.writing.alike import Encoded, Facts, Readers, is_bare, lines_of, replace, values_of
from convcost.importers.writing.tree import BlockUse, Body, Leaf, Merge, OuterValue, Repetition, TreeNode, stacked

LONGEST = 80
"""The most items of a block, and of what is repeated."""
HEAD = 3
"""The lines of a block beside its items: its name, its parameters, `layers`."""


def collapse(body: Body, size: int, facts: Facts) -> None:
    """Write equal neighbours once, as often as there are any.

    Args:
        body: The list.
        size: How often it occurs.
        facts: What is known of its items.
    """
    changed = False
    while found := _repetition(body, size, facts):
        repeat(body, size, *found)
        changed = True
    if changed:
        facts.forget()  # of the items around the list


def _repetition(body: Body, size: int, facts: Facts) -> tuple[int, int, int] | None:
    """Return where a repetition begins, of how many items it is, and how often they stand there; None without one."""
    nodes = body.nodes
    if len(nodes) < 2:
        return None
    facts.left -= len(nodes) * min(len(nodes) // 2, LONGEST)
    if facts.left < 0:
        return None
    numbers = [facts.number(node) for node in nodes]
    if len(set(numbers)) == len(numbers) or (size == 1 and facts.is_settled(body, numbers)):
        return None
    readers = Readers(body)
    for length in range(1, min(len(nodes) // 2, LONGEST) + 1):
        same = bytes(map(eq, numbers, numbers[length:]))  # which items are like those a length behind them
        all_same = b"\1" * length
        at = same.find(all_same)
        while at >= 0:
            start, count = _run(body, readers, size, at, length, facts)
            if count > 1 and (length == 1 or _pays(nodes[start : start + length], count)):
                return start, length, count
            at = same.find(all_same, at + 1)
    facts.settle(body, numbers)
    return None


def _pays(unit: Sequence[TreeNode], count: int) -> bool:
    """Return whether a repeated block takes fewer lines than its repetitions."""
    lines = sum(map(lines_of, unit))
    return lines * (count - 1) > HEAD + 2 or any(isinstance(node, (Merge, Repetition)) for node in unit)


def _run(body: Body, readers: Readers, size: int, at: int, length: int, facts: Facts) -> tuple[int, int]:
    """Return where the best run of equal neighbours begins, at a place or a little behind it, and its count."""
    best = (0.0, 0, at, 0)
    nodes = body.nodes
    for start in range(at, at + length):
        count = 1
        while start + (count + 1) * length <= len(nodes) and _continues(
            body, readers, size, start, length, count, facts
        ):
            count += 1
        if count == 1 and start == at:
            break
        if count > 1:
            edges = [start + turn * length for turn in range(count + 1)]
            rank = count - sum(facts.depth_at(nodes, edge) for edge in edges) / len(edges) / 3
            rank -= 0.1 * is_bare(nodes[start])
            best = max(best, (rank, -start, start, count))
    return best[2], best[3]


def _continues(body: Body, readers: Readers, size: int, start: int, length: int, count: int, facts: Facts) -> bool:
    """Return whether the items behind so many repetitions are one more."""
    here = start + count * length
    nodes = body.nodes
    first_node = nodes[start]
    if length == 1 and len(first_node.reads) > 1:  # a merge of one value with itself: `from` is not repeated
        return False
    if length == 1 and isinstance(first_node, Repetition) and first_node.merges:  # two dense blocks are not one
        return False
    if not (readers.is_closed(here - length, here) and readers.is_closed(here, here + length)):
        return False
    if readers.last[here - 1] >= here + length:
        return False
    first, second = (Encoded(nodes, place, readers.places) for place in (start, here))
    for at in range(length):
        one, other = nodes[start + at], nodes[here + at]
        if facts.number(one) != facts.number(other) or first.reads(start + at) != second.reads(here + at):
            return False
        if any(values_of(one, place) != values_of(other, place) for place in range(size)):
            return False
    return len(first.outside) == 1 and second.outside == [(nodes[here - 1], 0)]


def repeat(body: Body, size: int, start: int, length: int, count: int) -> None:
    """Put a repetition in the place of what is repeated.

    Args:
        body: The list.
        size: How often it occurs.
        start: Where the first repetition begins.
        length: How many items are repeated.
        count: How often they stand there.
    """
    nodes = body.nodes
    copies = [nodes[start + turn * length : start + (turn + 1) * length] for turn in range(count)]
    encoded = Encoded(nodes, start)
    for at in range(length):
        encoded.reads(start + at)
    source = OuterValue()
    if length == 1 and isinstance(nodes[start], Repetition):  # equal repetitions side by side
        inner = [each for each in nodes[start : start + count] if isinstance(each, Repetition)]
        unit = _by_place([each.unit for each in inner], [each.counts for each in inner], size)
        counts = [sum(each.counts[place] for each in inner) for place in range(size)]
    else:
        unit = Body(stacked(copies, [source]), [source])
        sort(unit.nodes, [turn * size + place for place in range(size) for turn in range(count)])
        counts = [count] * size
    replace(body, start, length * count, Repetition(unit, counts, [encoded.outside[0]]))


def _by_place(units: Sequence[Body], counts: Sequence[Sequence[int]], size: int) -> Body:
    """Return the units of neighbouring repetitions as one, its occurrences in the order in which they run."""
    source = OuterValue()
    unit = Body(stacked([each.nodes for each in units], [source]), [source])
    starts, total = [], 0
    for each in counts:
        starts.append([total + sum(each[:place]) for place in range(size)])
        total += sum(each)
    order = [
        starts[at][place] + turn
        for place in range(size)
        for at in range(len(units))
        for turn in range(counts[at][place])
    ]
    sort(unit.nodes, order)
    return unit


def sort(nodes: Sequence[TreeNode], order: Sequence[int]) -> None:
    """Bring the occurrences of items into an order."""
    for node in nodes:
        if isinstance(node, Leaf):
            _sort_leaf(node, order)
        elif isinstance(node, Merge):
            _sort_leaf(node.leaf, order)
            for branch in node.branches:
                sort(branch.nodes, order)
        elif isinstance(node, Repetition):
            starts = node.starts()
            inner = [starts[place] + turn for place in order for turn in range(node.counts[place])]
            node.counts = [node.counts[place] for place in order]
            node.merges = [node.merges[place] for place in order] if node.merges else ()
            sort(node.unit.nodes, inner)
        elif isinstance(node, BlockUse):
            node.places = [node.places[place] for place in order]


def _sort_leaf(leaf: Leaf, order: Sequence[int]) -> None:
    leaf.rows = [leaf.rows[place] for place in order]
    leaf.given = [leaf.given[place] for place in order]


def unwrap(body: Body) -> None:
    """Put what is repeated once in the place of its repetition."""
    for at in range(len(body.nodes) - 1, -1, -1):
        node = body.nodes[at]
        if not isinstance(node, Repetition) or {*node.counts} != {1}:
            continue
        inner = node.unit.nodes
        (source,) = node.unit.sources
        for each in inner:
            each.reads = [node.reads[0] if giver is source else (giver, output) for giver, output in each.reads]
        body.nodes[at : at + 1] = inner
        for each in body.nodes[at + len(inner) :]:
            each.reads = [(inner[-1], 0) if giver is node else (giver, output) for giver, output in each.reads]
        body.outputs = [(inner[-1], 0) if giver is node else (giver, output) for giver, output in body.outputs]
