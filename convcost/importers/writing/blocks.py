"""Lists of items that are alike as blocks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from math import gcd
from typing import Any

from msgspec import Struct

from convcost.importers.writing.alike import (
    Encoded,
    Facts,
    Module,
    Readers,
    common_of,
    direct_reads,
    is_bare,
    lines_of,
    replace,
    values_of,
)
from convcost.importers.writing.inlining import inline
from convcost.importers.writing.repetitions import HEAD, LONGEST, collapse, repeat, unwrap
from convcost.importers.writing.rows import common
from convcost.importers.writing.tree import (
    BlockUse,
    Body,
    Merge,
    OuterValue,
    Repetition,
    TextBlock,
    TreeNode,
    channels_of,
    lists_in,
    rows_in,
    stacked,
)
from convcost.importers.writing.variants import join_variants

_MOST_INPUTS = 2  # of a block
_MOST_PARAMETERS = 9  # of a block
_FEW_PARAMETERS = 4  # that a reader follows
_WITHIN = 0.1  # what a block counts that begins or ends within a module
_BETWEEN = 0.6  # and one that does so between two of a list of modules
_LONG = 6  # modules of a list; fewer are the parts of one
_WHOLE = 0.8  # and what one counts at least that does not
_LEAST_SAVED = 3  # lines
_LEAST_RANK = 0.8  # of a block: the lines it saves, weighed by how well it agrees with modules


def compress(top: Body) -> list[TextBlock]:
    """Write what is repeated once, in place, and return the blocks."""
    facts = Facts()
    blocks: list[TextBlock] = []
    while True:
        for body, size in _all(top, blocks):
            collapse(body, size, facts)
        facts.left -= sum(len(body.nodes) for body, _ in _all(top, blocks)) * LONGEST
        if facts.left < 0:
            break
        _wrap(top, blocks, facts)
        lists = [(body, size) for body, size in _all(top, blocks) if _may_have_blocks(body)]
        sites = best_sites([Listed(body, size, body is top, facts) for body, size in lists])
        if not sites:
            break
        blocks.append(make_block(sites))
        facts.forget()
    while sites := _repeated(top, blocks, facts):
        blocks.append(make_block(sites))
        facts.forget()
    for body, _ in _all(top, blocks):
        unwrap(body)
    inline(top, blocks)
    join_variants(top, blocks, facts)
    inline(top, blocks)
    return blocks


def _all(top: Body, blocks: Sequence[TextBlock]) -> Iterator[tuple[Body, int]]:
    """Yield all lists, each with how often it occurs."""
    for owner, size in ((top, 1), *((block.body, block.size) for block in blocks)):
        yield from lists_in(owner, size)


def _may_have_blocks(body: Body) -> bool:
    """Return whether items of a list may be a block: there are several, or one with branches."""
    return len(body.nodes) > 1 or (len(body.nodes) == 1 and isinstance(body.nodes[0], Merge))


class Listed:
    """A list in which blocks are looked for.

    Attributes:
        body: The list.
        size: How often it occurs.
        is_top: Whether it is the network's own.
        numbers: What makes its items alike.
        direct: How the items read that read the one before them alone.
        readers: Where its values are read.
        modules: The modules of its items.
        children: The modules in lists of modules, by the paths of these.
    """

    def __init__(self, body: Body, size: int, is_top: bool, facts: Facts) -> None:
        nodes = body.nodes
        self.body = body
        self.size = size
        self.is_top = is_top
        self.numbers = [facts.number(node) for node in nodes]
        self.direct = [direct_reads(nodes, at) for at in range(len(nodes))]
        self.readers = Readers(body)
        self.modules = [facts.module(node) for node in nodes]
        named = [is_top and module is not None for module in self.modules]
        self.children: dict[Module, set[str]] = {}
        for module in self.modules:
            for at in range(len(module or ())):
                if module and module[at].isdigit():
                    self.children.setdefault(module[:at], set()).add(module[at])
        self._lines = [0, *accumulate(map(lines_of, nodes))]
        self._named = [0, *accumulate(named)]

    def lines(self, start: int, end: int) -> int:
        """Return how many lines items take, without their names."""
        return self._lines[end] - self._lines[start]

    def named(self, start: int, end: int) -> int:
        """Return how many lines their names take."""
        return self._named[end] - self._named[start]


class BlockSite(Struct, frozen=True):
    """Items that may become a block: a list, and where they begin and end."""

    listed: Listed
    start: int
    end: int

    @property
    def nodes(self) -> list[TreeNode]:
        """The items."""
        return self.listed.body.nodes[self.start : self.end]


def best_sites(lists: Sequence[Listed]) -> list[BlockSite]:
    """Return the items of all lists that are best made a block; none where no block is worth it."""
    best, found = [_LEAST_RANK], list[BlockSite]()  # the rank in a list, so that the search knows it
    for group in _alike(lists, best):
        sites = _apart(group)
        if len(sites) < 2 or not _can_be(sites[0]) or _rank(sites, _saved(sites), 1) <= best[0]:
            continue
        quality = {id(site): _alignment(site) for site in sites}
        whole = [site for site in sites if quality[id(site)] >= _WHOLE]
        sites = whole if 2 * len(whole) > len(sites) else [site for site in sites if quality[id(site)]]
        if len(sites) < 2:
            continue
        mean = sum(quality[id(site)] for site in sites) / len(sites)
        saved = _saved(sites)
        if (
            saved < _LEAST_SAVED
            or _rank(sites, saved, mean) <= best[0]
            or (count := _parameters(sites)) > _MOST_PARAMETERS
        ):
            continue
        saved -= max(0, count - _FEW_PARAMETERS) * len(sites) / 2
        if saved >= _LEAST_SAVED and (rank := _rank(sites, saved, mean)) > best[0]:
            best[0], found = rank, sites
    return found


def _rank(sites: Sequence[BlockSite], saved: float, quality: float) -> float:
    """Return how good a block is: what is used often is better than what is long."""
    return saved * quality * (1 - 1 / len(sites))


def _can_be(site: BlockSite) -> bool:
    """Return whether a block of these items is more than another name for one."""
    return site.end - site.start > 1 or (
        isinstance(site.nodes[0], Merge) and site.listed.lines(site.start, site.end) > 1
    )


_Run = tuple[Listed, int, Encoded, int]
"""Items from a place of a list on: how they read, and the last that reads one of them but the last."""


def _most(count: int, lines: int, length: int) -> float:
    """Return what the rank of a block is at most that so many sites use: each of its items has a name of its own."""
    return (count * (lines + length - 2) - HEAD - lines) * (1 - 1 / count)


def _alike(lists: Sequence[Listed], best: Sequence[float]) -> Iterator[list[BlockSite]]:
    """Yield items of one to many that stand, alike, at two places or more.

    Args:
        lists: All lists.
        best: The best rank so far; what cannot have a better one is not yielded.
    """
    groups: dict[Hashable, list[_Run]] = {}
    for listed in lists:
        for start in range(len(listed.numbers)):
            encoded = Encoded(listed.body.nodes, start, listed.readers.places)
            reads = encoded.reads(start, _MOST_INPUTS)
            if len(encoded.outside) <= _MOST_INPUTS:
                groups.setdefault((listed.numbers[start], reads), []).append((listed, start, encoded, -1))
    length = 1
    while groups and length <= LONGEST:
        longer: dict[Hashable, list[_Run]] = {}
        for name, members in enumerate(groups.values()):
            if len(members) < 2:
                continue
            first, at, _, _ = members[0]
            if _most(len(members), first.lines(at, at + length), length) > best[0]:
                yield [
                    BlockSite(listed, start, start + length)
                    for listed, start, encoded, last in members
                    if encoded.outside and last < start + length and listed.readers.single[start + length - 1]
                ]
            for listed, start, encoded, last in members:
                end = start + length
                if end == len(listed.numbers):
                    continue
                reads = listed.direct[end] or encoded.reads(end, _MOST_INPUTS)
                if len(encoded.outside) <= _MOST_INPUTS:
                    last = max(last, listed.readers.last[end - 1])
                    longer.setdefault((name, listed.numbers[end], reads), []).append((listed, start, encoded, last))
        groups, length = longer, length + 1


def _apart(sites: Sequence[BlockSite]) -> list[BlockSite]:
    """Return sites that do not overlap."""
    found: list[BlockSite] = []
    for site in sites:
        if not found or found[-1].listed is not site.listed or found[-1].end <= site.start:
            found.append(site)
    return found


def _saved(sites: Sequence[BlockSite]) -> float:
    """Return how many lines a block of these items saves."""
    first = sites[0]
    lines = first.listed.lines(first.start, first.end)
    saved = float(-HEAD - lines)
    for site in sites:
        named = site.listed.named(site.start, site.end)
        saved += lines + named - 1 - (named > 0)
    return saved


def _alignment(site: BlockSite) -> float:
    """Return how well items agree with the file's modules: 1 where they are a whole one, 0 where they cut one."""
    modules = site.listed.modules
    module = common_of(modules[site.start : site.end])
    if module is None:
        return 0.8 if is_bare(site.listed.body.nodes[site.start]) else 0.9
    good = 1.0
    for edge in (site.start, site.end):
        before, after = (modules[edge - 1], modules[edge]) if 0 < edge < len(modules) else (None, None)
        shared = len(common(before, after)) if before is not None and after is not None else -1
        if before is None or after is None or shared < len(module):
            continue
        if shared > len(module):
            return 0
        good *= _BETWEEN if len(site.listed.children.get(module, ())) >= _LONG else _WITHIN
    return good


def _parameters(sites: Sequence[BlockSite]) -> int:
    """Return about how many parameters a block of these items has: of numbers in proportion one is enough."""
    columns = [
        [value for node in site.nodes for value in values_of(node, place)]
        for site in sites
        for place in range(site.listed.size)
    ]
    differing = {column for column in zip(*columns, strict=True) if column.count(column[0]) < len(column)}
    halves = {tuple([value // 2 for value in column]) for column in differing if _are_whole(column)}
    found = {_ratios(column) for column in differing - halves}  # a kernel's padding follows from it
    firsts = [next(rows_in(site.nodes, place)).item.inputs for site in sites for place in range(site.listed.size)]
    if all(firsts):
        found.discard(_ratios([channels_of(inputs[0]) for inputs in firsts]))
    return len(found)


def _ratios(column: Sequence[Any]) -> tuple[Any, ...]:
    """Return numbers without their common divisor, so that those in proportion are the same."""
    if not _are_whole(column):
        return tuple(column)
    common = gcd(*column)
    return tuple([value // common for value in column])


def _are_whole(column: Sequence[Any]) -> bool:
    return all([type(value) is int and value > 0 for value in column])  # noqa: C419 -- a list is faster


def make_block(sites: Sequence[BlockSite]) -> TextBlock:
    """Return items as a block, and put its use in their places."""
    encoded = _encoded(sites[0])
    sources = [OuterValue() for _ in encoded.outside]
    size = sum(site.listed.size for site in sites)
    block = TextBlock(Body(stacked([site.nodes for site in sites], sources), sources), size)
    for site in reversed(sites):  # the last first, so that places stay what they are
        encoded = _encoded(site)
        places = list(range(size - site.listed.size, size))
        size -= site.listed.size
        replace(site.listed.body, site.start, site.end - site.start, BlockUse(block, places, encoded.outside))
    return block


def _encoded(site: BlockSite) -> Encoded:
    encoded = Encoded(site.listed.body.nodes, site.start, site.listed.readers.places)
    encoded.read_to(site.end)
    return encoded


# repetitions


def _wrap(top: Body, blocks: Sequence[TextBlock], facts: Facts) -> None:
    """Let what is repeated elsewhere be repeated once where it stands alone, so that the two are alike."""
    lists = list(_all(top, blocks))
    found = [node for body, _ in lists for node in body.nodes if isinstance(node, Repetition)]
    units = [node.unit for node in found]
    wanted = [node.unit.nodes for node in found if not node.merges]
    wanted = [nodes for nodes in wanted if len(nodes) > 1 or isinstance(nodes[0], Merge)]
    known = {facts.number_of_body(nodes): nodes for nodes in wanted}
    inside = {id(unit) for unit in units}
    for body, size in lists if known else ():
        if id(body) in inside:
            continue
        for nodes in known.values():
            places = _places_of(body, nodes, facts)
            for start in places:
                repeat(body, size, start, len(nodes), 1)
            if places:
                facts.forget()  # of the items around the list


def _places_of(body: Body, wanted: Sequence[TreeNode], facts: Facts) -> list[int]:
    """Return where runs of items begin that are like given ones and read one value from outside; the last first."""
    nodes, length, first = body.nodes, len(wanted), facts.number(wanted[0])
    starts = [at for at in range(len(nodes) - length + 1) if facts.number(nodes[at]) == first]
    if not starts:
        return []
    number, readers = facts.number_of_body(wanted), Readers(body)
    found: list[int] = []
    for at in starts:
        if (found and at < found[-1] + length) or not readers.is_closed(at, at + length):
            continue
        encoded = Encoded(nodes, at, readers.places)
        encoded.read_to(at + length)
        if len(encoded.outside) == 1 and facts.number_of_body(nodes[at : at + length]) == number:
            found.append(at)
    return found[::-1]


def _repeated(top: Body, blocks: Sequence[TextBlock], facts: Facts) -> list[BlockSite]:
    """Return the items of a repetition of several, with all that are like them: they must be a block."""
    lists = list(_all(top, blocks))
    found = (
        node for body, _ in lists for node in body.nodes if isinstance(node, Repetition) and len(node.unit.nodes) > 1
    )
    unit = next((node.unit.nodes for node in found if {*node.counts} != {1}), None)
    if unit is None:
        return []
    listed = [Listed(body, size, False, facts) for body, size in lists]
    return [
        BlockSite(each, start, start + len(unit))
        for each in listed
        for start in reversed(_places_of(each.body, unit, facts))
    ]
