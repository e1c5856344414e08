"""Equal neighbours as repetitions, and lists that are alike as blocks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.importers.writing.rows import common, module_around
from convcost.importers.writing.tree import (
    Block,
    Body,
    Leaf,
    Merge,
    Node,
    Ref,
    Repeat,
    Source,
    Use,
    channels_of,
    rows_in,
    stacked,
)
from convcost.layers.base import REGISTRY, Activation

_LONGEST = 48  # items of a block or of what is repeated
_MOST_INPUTS = 2  # of a block
_MOST_PARAMETERS = 9  # of a block
_HEAD = 3  # lines of a block beside its items: its name, its parameters, `layers`
_POOLS = frozenset(("max_pool", "avg_pool"))
_WITHIN = 0.35  # what a block counts that begins or ends within a module
_BETWEEN = 0.6  # and one that does so between two of a list of modules
_WHOLE = 0.8  # and what one counts at least that does not
_LEAST_SAVED = 3  # lines
_LEAST_RANK = 0.8  # of a block: the lines it saves, weighed by how well it agrees with modules


class Keys:
    """What makes items alike, as small numbers: their types, and how they read each other."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}

    def of(self, node: Node) -> int:
        """Return the number of an item; items with the same one differ in numbers alone."""
        if isinstance(node, Leaf):
            return self._number(node.fixed)
        if isinstance(node, Merge):
            return self._number((self.of(node.leaf), *(self.of_body(branch) for branch in node.branches)))
        if isinstance(node, Repeat):
            return self._number(("repeat", self.of_body(node.unit)))
        assert isinstance(node, Use)
        return self._number(("use", id(node.block)))

    def of_body(self, body: Body) -> int:
        """Return the number of a list."""
        encoded = Encoded(body.nodes, 0)
        return self._number(tuple([(self.of(node), encoded.reads(at)) for at, node in enumerate(body.nodes)]))

    def _number(self, key: Hashable) -> int:
        return self._known.setdefault(key, len(self._known))


class Encoded:
    """How the items of a list from a place on read each other and what stands before.

    Attributes:
        outside: What they read from before, in the order in which they do.
    """

    def __init__(self, nodes: Sequence[Node], start: int, places: dict[int, int] | None = None) -> None:
        self.nodes = nodes
        self.start = start
        self.places = {id(node): at for at, node in enumerate(nodes)} if places is None else places
        self.outside: list[Ref] = []

    def reads(self, at: int) -> tuple[tuple[int, int], ...]:
        """Return what an item reads: how far back, or which value from outside as a number from -1 down."""
        found = []
        for giver, output in self.nodes[at].reads:
            place = self.places.get(id(giver), -1)
            if place >= self.start:
                found.append((at - place, output))
                continue
            if (giver, output) not in self.outside:
                self.outside.append((giver, output))
            found.append((-1 - self.outside.index((giver, output)), 0))
        return tuple(found)


def values_of(node: Node, place: int) -> tuple[Any, ...]:
    """Return all numbers in one occurrence of an item."""
    if isinstance(node, Leaf):
        return node.given[place]
    if isinstance(node, Merge):
        return (*_values(*((body, place) for body in node.branches)), *node.leaf.given[place])
    if isinstance(node, Repeat):
        return (node.counts[place], *_values((node.unit, sum(node.counts[:place]))))
    assert isinstance(node, Use)
    return _values((node.block.body, node.places[place]))


def _values(*lists: tuple[Body, int]) -> tuple[Any, ...]:
    return tuple([value for body, place in lists for node in body.nodes for value in values_of(node, place)])


class Readers:
    """Where the values of a list are read.

    Args:
        body: The list.
    """

    def __init__(self, body: Body) -> None:
        self.places = {id(node): at for at, node in enumerate(body.nodes)}
        self.last = [-1] * len(body.nodes)  # the last item that reads a value; a place behind all for an output
        for at, node in enumerate(body.nodes):
            for giver, _ in node.reads:
                if (place := self.places.get(id(giver))) is not None:
                    self.last[place] = at
        for giver, _ in body.outputs:
            if (place := self.places.get(id(giver))) is not None:
                self.last[place] = len(body.nodes)
        self.outputs = [_outputs(node) for node in body.nodes]

    def is_closed(self, start: int, end: int) -> bool:
        """Return whether nothing behind some items reads what they give, the last one apart, which gives one value."""
        return self.outputs[end - 1] == 1 and all(self.last[at] < end for at in range(start, end - 1))


def _outputs(node: Node) -> int:
    return len(node.rows[0].outputs) if isinstance(node, Leaf) else 1


# repetitions


def collapse(body: Body, size: int, keys: Keys) -> bool:
    """Write equal neighbours once, as often as there are any, and return whether there were.

    Args:
        body: The list.
        size: How often it occurs.
        keys: What makes items alike.
    """
    changed = False
    length = 1
    while length <= min(len(body.nodes) // 2, _LONGEST):
        if _collapse_once(body, size, keys, length):
            changed, length = True, 1
        else:
            length += 1
    return changed


def _collapse_once(body: Body, size: int, keys: Keys, length: int) -> bool:
    nodes = body.nodes
    readers = Readers(body)
    numbers = [keys.of(node) for node in nodes]
    at = 0
    while at + 2 * length <= len(nodes):
        if numbers[at : at + length] == numbers[at + length : at + 2 * length]:
            start, count = _run(body, readers, size, at, length)
            if count > 1 and (length == 1 or _pays(nodes[start : start + length], count)):
                _repeat(body, size, start, length, count)
                return True
        at += 1
    return False


def _pays(unit: Sequence[Node], count: int) -> bool:
    """Return whether a repeated block takes fewer lines than its repetitions."""
    lines = sum(map(lines_of, unit))
    return lines * (count - 1) > _HEAD + 2 or any(isinstance(node, (Merge, Repeat)) for node in unit)


def _run(body: Body, readers: Readers, size: int, at: int, length: int) -> tuple[int, int]:
    """Return where the best run of equal neighbours begins, at a place or less than a length behind it, and its count."""
    best = (0.0, 0, at, 0)
    for start in range(at, at + length):
        count = 1
        while start + (count + 1) * length <= len(body.nodes) and _continues(body, readers, size, start, length, count):
            count += 1
        if count == 1 and start == at:
            break
        if count > 1:
            edges = [start + turn * length for turn in range(count + 1)]
            rank = count - sum(_depth_at(body.nodes, edge) for edge in edges) / len(edges) / 3
            rank -= 0.1 * _is_bare(body.nodes[start])
            best = max(best, (rank, -start, start, count))
    return best[2], best[3]


def _is_bare(node: Node) -> bool:
    """Return whether an item is an activation or a pool, which rather ends something than begins it."""
    return isinstance(node, Leaf) and (issubclass(REGISTRY[node.type], Activation) or node.type in _POOLS)


def _continues(body: Body, readers: Readers, size: int, start: int, length: int, count: int) -> bool:
    """Return whether the items behind so many repetitions are one more."""
    here = start + count * length
    nodes = body.nodes
    if not (readers.is_closed(here - length, here) and readers.is_closed(here, here + length)):
        return False
    first, second = (Encoded(nodes, place, readers.places) for place in (start, here))
    for at in range(length):
        if first.reads(start + at) != second.reads(here + at):
            return False
    if len(first.outside) != 1 or second.outside != [(nodes[here - 1], 0)] or readers.last[here - 1] >= here + length:
        return False
    return all(
        values_of(nodes[start + at], place) == values_of(nodes[here + at], place)
        for at in range(length)
        for place in range(size)
    )


def _repeat(body: Body, size: int, start: int, length: int, count: int) -> None:
    nodes = body.nodes
    copies = [nodes[start + turn * length : start + (turn + 1) * length] for turn in range(count)]
    encoded = Encoded(nodes, start)
    for at in range(length):
        encoded.reads(start + at)
    source = Source()
    if length == 1 and isinstance(nodes[start], Repeat):  # equal repetitions side by side
        inner = [each for each in nodes[start : start + count] if isinstance(each, Repeat)]
        made = Repeat(_by_place([each.unit for each in inner], [each.counts for each in inner], size), [], [])
        made.counts = [sum(each.counts[place] for each in inner) for place in range(size)]
        made.reads = [encoded.outside[0]]
    else:
        columns = stacked(copies, [source])
        unit = Body(columns, [source])
        _sort(unit.nodes, [turn * size + place for place in range(size) for turn in range(count)])
        made = Repeat(unit, [count] * size, [encoded.outside[0]])
    replace(body, start, length * count, made)


def _by_place(units: Sequence[Body], counts: Sequence[Sequence[int]], size: int) -> Body:
    """Return the units of neighbouring repetitions as one, its occurrences in the order in which they run."""
    source = Source()
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
    _sort(unit.nodes, order)
    return unit


def _sort(nodes: Sequence[Node], order: Sequence[int]) -> None:
    """Bring the occurrences of items into an order."""
    for node in nodes:
        if isinstance(node, Leaf):
            _sort_leaf(node, order)
        elif isinstance(node, Merge):
            _sort_leaf(node.leaf, order)
            for branch in node.branches:
                _sort(branch.nodes, order)
        elif isinstance(node, Repeat):
            starts = node.starts()
            inner = [starts[place] + turn for place in order for turn in range(node.counts[place])]
            node.counts = [node.counts[place] for place in order]
            _sort(node.unit.nodes, inner)
        elif isinstance(node, Use):
            node.places = [node.places[place] for place in order]


def _sort_leaf(leaf: Leaf, order: Sequence[int]) -> None:
    leaf.rows = [leaf.rows[place] for place in order]
    leaf.given = [leaf.given[place] for place in order]


def replace(body: Body, start: int, length: int, made: Node) -> None:
    """Put one item in the place of several, of which only the last is read elsewhere."""
    last = body.nodes[start + length - 1]
    body.nodes[start : start + length] = [made]
    for node in body.nodes[start + 1 :]:
        node.reads = [(made, 0) if giver is last else (giver, output) for giver, output in node.reads]
    body.outputs = [(made, 0) if giver is last else (giver, output) for giver, output in body.outputs]


# modules


def module_of(nodes: Sequence[Node]) -> tuple[str, ...] | None:
    """Return the module around items where they first occur; None where the file has no paths."""
    return module_around(rows_in(nodes, 0))


def _depth_at(nodes: Sequence[Node], edge: int) -> int:
    """Return how deep the module is that the items on both sides of a place are in; 0 where that is not known."""
    if not 0 < edge < len(nodes):
        return 0
    before, after = (_module(nodes[at]) for at in (edge - 1, edge))
    return 0 if before is None or after is None else len(common(before, after))


def _module(node: Node) -> tuple[str, ...] | None:
    return module_of([node])


# blocks


class Site(Struct, frozen=True):
    """Items that may become a block: a list, how often it occurs, and where they begin and end."""

    body: Body
    size: int
    start: int
    end: int
    is_top: bool

    @property
    def nodes(self) -> list[Node]:
        """The items."""
        return self.body.nodes[self.start : self.end]


def lines_of(node: Node) -> int:
    """Return how many lines an item takes, without its name."""
    if isinstance(node, Merge):
        lines = [sum(map(lines_of, branch.nodes)) for branch in node.branches]
        if node.leaf.type == "add" and sorted(lines) == [0, 1]:
            return 1
        return 1 + sum(max(1, each) for each in lines)
    if isinstance(node, Repeat):
        return 1 + (lines_of(node.unit.nodes[0]) if len(node.unit.nodes) == 1 else 1)
    return 1 + (len(node.reads) > 1)


def _named_lines(nodes: Sequence[Node]) -> int:
    """Return how many lines the names of items take in the network's own list."""
    return sum(not isinstance(node, Repeat) and _module(node) is not None for node in nodes)


def best_sites(lists: Sequence[tuple[Body, int, bool]], keys: Keys) -> list[Site]:
    """Return the items that save the most lines as a block; none where no block saves any.

    Args:
        lists: All lists, how often each occurs, and whether it is the network's own.
        keys: What makes items alike.
    """
    best: tuple[float, list[Site]] = (0.0, [])
    for group in _alike(lists, keys):
        sites = _apart(group)
        if len(sites) < 2 or _saved(sites) * (1 - 1 / len(sites)) < max(_LEAST_SAVED / 2, best[0]):
            continue
        quality = {id(site): _alignment(site) for site in sites}
        whole = [site for site in sites if quality[id(site)] >= _WHOLE]
        sites = whole if 2 * len(whole) > len(sites) else [site for site in sites if quality[id(site)]]
        if len(sites) < 2 or (count := _parameters(sites)) > _MOST_PARAMETERS:
            continue
        saved = _saved(sites) - max(0, count - 3) * len(sites) / 2
        rank = saved * sum(quality[id(site)] for site in sites) / len(sites) * (1 - 1 / len(sites))
        if saved >= _LEAST_SAVED and rank > max(best[0], _LEAST_RANK):
            best = (rank, sites)
    return best[1]


def _alike(lists: Sequence[tuple[Body, int, bool]], keys: Keys) -> Iterator[list[Site]]:
    """Yield items of one to many that stand, alike, at two places or more."""
    numbers = [[keys.of(node) for node in body.nodes] for body, _, _ in lists]
    readers = [Readers(body) for body, _, _ in lists]
    groups: dict[Hashable, list[tuple[int, int, Encoded]]] = {}
    for index, (body, _, _) in enumerate(lists):
        for start in range(len(body.nodes)):
            encoded = Encoded(body.nodes, start, readers[index].places)
            key = numbers[index][start], encoded.reads(start)
            groups.setdefault(key, []).append((index, start, encoded))
    length = 1
    while groups and length <= _LONGEST:
        longer: dict[Hashable, list[tuple[int, int, Encoded]]] = {}
        for name, members in enumerate(groups.values()):
            if len(members) < 2:
                continue
            yield [
                Site(lists[index][0], lists[index][1], start, start + length, lists[index][2])
                for index, start, encoded in members
                if 1 <= len(encoded.outside) <= _MOST_INPUTS and readers[index].is_closed(start, start + length)
            ]
            for index, start, encoded in members:
                end = start + length
                if end < len(numbers[index]):
                    key = name, numbers[index][end], encoded.reads(end)
                    longer.setdefault(key, []).append((index, start, encoded))
        groups, length = longer, length + 1


def _apart(sites: Sequence[Site]) -> list[Site]:
    """Return sites that do not overlap."""
    found: list[Site] = []
    for site in sites:
        if not found or found[-1].body is not site.body or found[-1].end <= site.start:
            found.append(site)
    return found


def _saved(sites: Sequence[Site]) -> float:
    """Return how many lines a block of these items saves."""
    nodes = sites[0].nodes
    lines = sum(map(lines_of, nodes))
    if lines < 2 or (len(nodes) == 1 and not isinstance(nodes[0], Merge)):
        return 0
    saved = float(-_HEAD - lines)
    for site in sites:
        named = _named_lines(site.nodes) if site.is_top else 0
        saved += lines + named - 1 - (named > 0)
    return saved


def _alignment(site: Site) -> float:
    """Return how well items agree with the file's modules: 1 where they are a whole one, 0 where they cut one."""
    nodes = site.nodes
    module = module_of(nodes)
    if module is None:
        return 0.8 if _is_bare(nodes[0]) else 0.9
    good = 1.0
    for edge in (site.start, site.end):
        before, after = (_module(each[0]) if each else None for each in _around(site.body.nodes, edge))
        shared = len(common(before, after)) if before is not None and after is not None else -1
        if shared < len(module):
            continue
        if shared > len(module):
            return 0
        listed = (*before[shared : shared + 1], *after[shared : shared + 1])
        good *= _BETWEEN if listed and all(part.isdigit() for part in listed) else _WITHIN
    return good


def _around(nodes: Sequence[Node], edge: int) -> tuple[Sequence[Node], Sequence[Node]]:
    return (nodes[edge - 1 : edge] if edge else [], nodes[edge : edge + 1])


def _parameters(sites: Sequence[Site]) -> int:
    """Return about how many parameters a block of these items has: of numbers in proportion one is enough."""
    columns = [
        [value for node in site.nodes for value in values_of(node, place)]
        for site in sites
        for place in range(site.size)
    ]
    found = {_ratios(column) for column in zip(*columns, strict=True) if len(set(column)) > 1}
    firsts = [next(rows_in(site.nodes, place)).item.inputs for site in sites for place in range(site.size)]
    if all(firsts):
        found.discard(_ratios([channels_of(inputs[0]) for inputs in firsts]))
    return len(found)


def _ratios(column: Sequence[Any]) -> tuple[Any, ...]:
    """Return numbers as shares of the first."""
    if not all(type(value) is int and value > 0 for value in column):
        return tuple(column)
    return tuple([Fraction(value, column[0]) for value in column])


def make_block(sites: Sequence[Site]) -> Block:
    """Return items as a block, and put its use in their places."""
    first = sites[0]
    encoded = Encoded(first.body.nodes, first.start)
    for at in range(first.start, first.end):
        encoded.reads(at)
    sources = [Source() for _ in encoded.outside]
    block = Block(Body(stacked([site.nodes for site in sites], sources), sources), sum(site.size for site in sites))
    begin = 0
    for site in reversed(sites):  # the last first, so that places stay what they are
        begin += site.size
        encoded = Encoded(site.body.nodes, site.start)
        for at in range(site.start, site.end):
            encoded.reads(at)
        places = list(range(block.size - begin, block.size - begin + site.size))
        replace(site.body, site.start, site.end - site.start, Use(block, places, encoded.outside))
    return block


# all of it


def compress(top: Body) -> list[Block]:
    """Write what is repeated once, in place, and return the blocks."""
    keys = Keys()
    blocks: list[Block] = []
    while True:
        for body, size in _all(top, blocks):
            collapse(body, size, keys)
        _wrap(top, blocks, keys)
        sites = best_sites([(body, size, body is top) for body, size in _all(top, blocks)], keys)
        if not sites:
            break
        blocks.append(make_block(sites))
    while sites := _repeated(top, blocks, keys):
        blocks.append(make_block(sites))
    for body, _ in _all(top, blocks):
        _unwrap(body)
    return blocks


def _wrap(top: Body, blocks: Sequence[Block], keys: Keys) -> None:
    """Let what is repeated elsewhere be repeated once where it stands alone, so that the two are alike."""
    lists = list(_all(top, blocks))
    units = [node.unit for body, _ in lists for node in body.nodes if isinstance(node, Repeat)]
    known = {
        keys.of_body(unit): len(unit.nodes) for unit in units if len(unit.nodes) > 1 or isinstance(unit.nodes[0], Merge)
    }
    inside = {id(unit) for unit in units}
    for body, size in lists:
        at = 0
        while known and id(body) not in inside and at < len(body.nodes):
            for length in {*known.values()}:
                site = Site(body, size, at, at + length, False)
                if site.end <= len(body.nodes) and keys.of_body(Body(site.nodes, [])) in known and _is_closed(site):
                    _repeat(body, size, at, length, 1)
                    break
            at += 1


def _is_closed(site: Site) -> bool:
    """Return whether items read one value from outside, and nothing outside reads what they give but the last."""
    encoded = Encoded(site.body.nodes, site.start)
    for at in range(site.start, site.end):
        encoded.reads(at)
    return len(encoded.outside) == 1 and Readers(site.body).is_closed(site.start, site.end)


def _repeated(top: Body, blocks: Sequence[Block], keys: Keys) -> list[Site]:
    """Return the items of a repetition of several, with all that are like them: they must be a block."""
    lists = list(_all(top, blocks))
    unit = next(
        (
            node.unit
            for body, _ in lists
            for node in body.nodes
            if isinstance(node, Repeat) and len(node.unit.nodes) > 1 and {*node.counts} != {1}
        ),
        None,
    )
    if unit is None:
        return []
    wanted, length = keys.of_body(unit), len(unit.nodes)
    sites = []
    for body, size in lists:
        at = 0
        while at + length <= len(body.nodes):
            site = Site(body, size, at, at + length, False)
            if keys.of_body(Body(site.nodes, [])) == wanted and _is_closed(site):
                sites.append(site)
                at += length
            else:
                at += 1
    return sites


def _unwrap(body: Body) -> None:
    """Put what is repeated once in the place of its repetition."""
    for at in range(len(body.nodes) - 1, -1, -1):
        node = body.nodes[at]
        if not isinstance(node, Repeat) or {*node.counts} != {1}:
            continue
        inner = node.unit.nodes
        (source,) = node.unit.sources
        for each in inner:
            each.reads = [node.reads[0] if giver is source else (giver, output) for giver, output in each.reads]
        body.nodes[at : at + 1] = inner
        for each in body.nodes[at + len(inner) :]:
            each.reads = [(inner[-1], 0) if giver is node else (giver, output) for giver, output in each.reads]
        body.outputs = [(inner[-1], 0) if giver is node else (giver, output) for giver, output in body.outputs]


def _all(top: Body, blocks: Sequence[Block]) -> Iterator[tuple[Body, int]]:
    """Yield all lists, each with how often it occurs."""
    for owner, size in ((top, 1), *((block.body, block.size) for block in blocks)):
        yield from _sized(owner, size)


def _sized(body: Body, size: int) -> Iterator[tuple[Body, int]]:
    """Yield a list and all lists within it, each with how often it occurs."""
    yield body, size
    for node in body.nodes:
        if isinstance(node, Merge):
            for branch in node.branches:
                yield from _sized(branch, size)
        elif isinstance(node, Repeat):
            yield from _sized(node.unit, sum(node.counts))
