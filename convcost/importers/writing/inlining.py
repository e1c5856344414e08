"""Blocks that say no more than what stands in them, put in the place of their uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convcost.importers.writing.repetitions import sort
from convcost.importers.writing.tree import BlockUse, Body, Merge, Repetition, TextBlock, TreeNode, is_chain


def inline(top: Body, blocks: list[TextBlock]) -> None:
    """Take away blocks that are used once, or that are no more than the use of another, in place.

    Args:
        top: The network's own list.
        blocks: The blocks.
    """
    changed = True
    while changed:
        changed = False
        uses = list(_uses(top, blocks))
        for block in list(blocks):
            own = [(body, use, repeated) for body, use, repeated in uses if use.block is block]
            (first, *others) = block.body.nodes
            is_wrapper = not others and isinstance(first, BlockUse) and len(first.reads) == len(block.body.sources)
            is_single = len(own) == 1 and not (others and own[0][2]) and is_chain(block.body)
            if is_wrapper or is_single:
                for body, use, _ in own:
                    _put(body, use, is_last=is_single)
                blocks.remove(block)
                changed = True
                break


def _uses(top: Body, blocks: Sequence[TextBlock]) -> Iterator[tuple[Body, BlockUse, bool]]:
    """Yield the uses of all blocks, each with the list that it is in, and whether that is repeated."""
    for body in (top, *(block.body for block in blocks)):
        yield from _uses_in(body, repeated=False)


def _uses_in(body: Body, *, repeated: bool) -> Iterator[tuple[Body, BlockUse, bool]]:
    for node in body.nodes:
        if isinstance(node, BlockUse):
            yield body, node, repeated
        elif isinstance(node, Merge):
            for branch in node.branches:
                yield from _uses_in(branch, repeated=False)
        elif isinstance(node, Repetition):
            yield from _uses_in(node.unit, repeated=True)


def _put(body: Body, use: BlockUse, *, is_last: bool) -> None:
    """Put the items of a block in the place of its use.

    Args:
        body: The list that the use is in.
        use: The use.
        is_last: Whether it is the only one, so that the items may be changed.
    """
    block = use.block
    if is_last:
        nodes = block.body.nodes
        sort(nodes, use.places)
        nodes[0].reads = list(use.reads)
    else:
        (inner,) = block.body.nodes
        assert isinstance(inner, BlockUse)
        given = dict(zip(block.body.sources, use.reads, strict=True))
        reads = [given[source] for source, _ in inner.reads if not isinstance(source, TreeNode)]
        nodes = [BlockUse(inner.block, [inner.places[place] for place in use.places], reads)]
    at = body.nodes.index(use)
    body.nodes[at : at + 1] = nodes
    made = (nodes[-1], 0)
    for node in body.nodes[at + len(nodes) :]:
        node.reads = [made if giver is use else (giver, output) for giver, output in node.reads]
    body.outputs = [made if giver is use else (giver, output) for giver, output in body.outputs]
