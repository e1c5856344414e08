"""Items of which each reads all before it, concatenated, as one repetition: DenseNet's blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from convcost.importers.writing.alike import Facts, Readers, replace, values_of
from convcost.importers.writing.tree import Body, Leaf, OuterValue, Ref, Repetition, TreeNode, stacked

_LEAST = 3  # repetitions


def gather_dense(body: Body) -> None:
    """Write each dense block of a list as a repetition, in place.

    It is what reads a value, then its concatenation with all that came of it so far, each time the same items.

    Args:
        body: The list, which occurs once.
    """
    facts = Facts()
    for merges in list(_chains(body)):
        readers = Readers(body)
        places = [readers.places[id(merge)] for merge in merges]
        length = places[1] - places[0] - 1
        start = places[0] - length
        units = [body.nodes[max(0, place - length) : place] for place in places]
        if (
            length > 0
            and start >= 0
            and all(after - before == length + 1 for before, after in pairwise(places))
            and _are_closed(body, readers, places, length)
            and _are_alike(units, [merges[0].reads[0], *((merge, 0) for merge in merges)], facts)
        ):
            source = OuterValue()
            unit = Body(stacked(units, [source]), [source])
            rows = [[merge.rows[0] for merge in merges]]
            made = Repetition(unit, [len(merges)], [merges[0].reads[0]], rows)
            replace(body, start, places[-1] + 1 - start, made)


def _chains(body: Body) -> Iterator[list[Leaf]]:
    """Yield concatenations each of which has one value more than the one before."""
    merges = [node for node in body.nodes if isinstance(node, Leaf) and _is_plain(node)]
    longer = {tuple(node.reads[:-1]): node for node in merges}
    for first in merges:
        if len(first.reads) == 2:
            chain = [first]
            while (after := longer.get(tuple(chain[-1].reads))) is not None:
                chain.append(after)
            if len(chain) >= _LEAST:
                yield chain


def _is_plain(node: Leaf) -> bool:
    return node.type == "concat" and not node.rows[0].fields and len(node.reads) > 1


def _are_closed(body: Body, readers: Readers, places: Sequence[int], length: int) -> bool:
    """Return whether nothing else reads what is in a dense block, or between its repetitions."""
    last, single = readers.last, readers.single
    for place in places:
        inner = last[place - length : place - 1]
        if any(reader >= place for reader in inner) or not single[place - 1]:
            return False
        if place != places[-1] and last[place] > place + length:
            return False
    given = {body.nodes[place - 1]: at for at, place in enumerate(places)}
    counts = dict.fromkeys(given, 0)
    for node in body.nodes:
        for giver, _ in node.reads:
            if giver in counts:
                counts[giver] += 1
    named = {giver for giver, _ in body.outputs}
    return all(counts[node] == len(places) - at and node not in named for node, at in given.items())


def _are_alike(units: Sequence[Sequence[TreeNode]], sources: Sequence[Ref], facts: Facts) -> bool:
    """Return whether lists have the same items, read one value each, and give what the next concatenation adds."""
    for unit, source in zip(units, sources, strict=False):
        inside = {id(node) for node in unit}
        outside = {ref for node in unit for ref in node.reads if id(ref[0]) not in inside}
        if outside != {source} or facts.number_of_body(unit) != facts.number_of_body(units[0]):
            return False
        if any(values_of(one, 0) != values_of(other, 0) for one, other in zip(unit, units[0], strict=True)):
            return False
    return True
