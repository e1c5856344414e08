"""Matching of two networks' layers by names and structure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import partial

from msgspec import Struct

from convcost.comparison.alignment import ADDED, PAIR, REMOVED, aligned, common
from convcost.comparison.recognition import Alike, Marks, Matchable, families

_MOST_EDITS = 1_000  # that are tried to find what two networks have in common


class Match(Struct, frozen=True, gc=False):
    """A layer before and after.

    Attributes:
        before: Its index in the one network; None where it is added.
        after: Its index in the other; None where it is removed.
        moved: Whether it stands elsewhere among those that stayed.
    """

    before: int | None
    after: int | None
    moved: bool = False


def match(
    before: Sequence[Matchable],
    after: Sequence[Matchable],
    fields: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
) -> list[Match]:
    """Return the layers of two networks side by side, in the order of the second; what is removed where it stood.

    Where both networks have the same items, perhaps with other fields or repeated more or less often, each item stays
    what it was. Otherwise the layers are paired in their order, such that the pairs are the most alike; what stands
    elsewhere is found among the rest. Only equal layers are paired where that makes a shorter report.

    Layers are the more alike when fields, shapes, costs, given names and the kinds of blocks around agree. The counts
    in the names of items without one (`conv_3`), and numbers by which layers were named (`conv3`), never outweigh that,
    since a layer that is put in moves those of all that follow; they decide between ways that are equally alike, and
    after them the first of equal layers stay.

    Args:
        before: The layers of one network.
        after: The layers of the other.
        fields: What the layers of each say in their fields, where that is known.
    """
    written, rewritten = fields or ([None] * len(before), [None] * len(after))
    start = _equal_first(zip(before, written, strict=True), zip(after, rewritten, strict=True))
    last = _equal_first(
        zip(reversed(before), reversed(written), strict=True), zip(reversed(after), reversed(rewritten), strict=True)
    )
    end = min(last, len(before) - start, len(after) - start)
    known: dict[Hashable, int] = {}
    counted = families((*before[start : len(before) - end], *after[start : len(after) - end]))
    old = [Marks.of(before[index], written[index], known, counted) for index in range(start, len(before) - end)]
    new = [Marks.of(after[index], rewritten[index], known, counted) for index in range(start, len(after) - end)]
    shift = len(after) - len(before)
    return [
        *(Match(index, index) for index in range(start)),
        *(Match(_shifted(each.before, start), _shifted(each.after, start), each.moved) for each in _matched(old, new)),
        *(Match(index, index + shift) for index in range(len(before) - end, len(before))),
    ]


def _equal_first(old: Iterable[tuple[Matchable, Hashable]], new: Iterable[tuple[Matchable, Hashable]]) -> int:
    """Return how many layers at the beginning are equal, each given with its fields."""
    count = 0
    for (layer, written), (other, rewritten) in zip(old, new, strict=False):
        if (
            layer.path != other.path
            or layer.type != other.type
            or layer.input_shapes != other.input_shapes
            or layer.output_shape != other.output_shape
            or layer.cost != other.cost
            or written != rewritten
        ):
            break
        count += 1
    return count


def _shifted(index: int | None, by: int) -> int | None:
    return None if index is None else index + by


def _matched(old: Sequence[Marks], new: Sequence[Marks]) -> list[Match]:
    """Return the matches of the layers between those that are the same at both ends."""
    found = _by_item(old, new)
    if found is None:
        moves = aligned(len(old), len(new), Alike(old, new).row, partial(_guess, old, new))
        found = _with_moved(_matches(moves), old, new)
    effort = _effort(found, old, new)
    free = _free(old, new, effort)
    return free if free and _effort(free, old, new) < effort else found


def _effort(matches: Iterable[Match], old: Sequence[Marks], new: Sequence[Marks]) -> int:
    """Return the size of a difference: changed fields weigh more than another place or passed-on shapes."""
    effort = 0
    for found in matches:
        if found.before is None or found.after is None:
            effort += 3
            continue
        before, after = old[found.before], new[found.after]
        if before.key != after.key:
            effort += 1 if before.type == after.type and before.fields == after.fields else 3
        effort += found.moved
    return effort


def _by_item(old: Sequence[Marks], new: Sequence[Marks]) -> list[Match] | None:
    """Pair what the same item writes in the same turn; None unless both have the same items in the same order."""
    if list(dict.fromkeys([layer.item for layer in old])) != list(dict.fromkeys([layer.item for layer in new])):
        return None
    return list(_matches(_moves(_by_turn(old, new), len(old), len(new))))


def _free(old: Sequence[Marks], new: Sequence[Marks], effort: int) -> list[Match] | None:
    """Pair what is equal in all but counts; None where that can be no less effort."""
    before, after = ([layer.key for layer in side] for side in (old, new))
    fewer, more = sorted((len(old), len(new)))
    if 3 * (more - fewer) + 2 * (fewer - _equal(before, after)) >= effort:
        return None
    pairs = common(before, after, min(effort, _MOST_EDITS))
    return None if pairs is None else _with_moved(_matches(_moves(pairs, len(old), len(new))), old, new)


def _equal(old: Iterable[Hashable], new: Iterable[Hashable]) -> int:
    """Return how many pairs of equals there are, whatever their order."""
    return (Counter(old) & Counter(new)).total()


def _guess(old: Sequence[Marks], new: Sequence[Marks]) -> list[tuple[int, int]]:
    """Return pairs that guide the alignment: of equal layers, of the same kinds, or of the same items."""
    half = min(len(old), len(new)) / 2
    for key in (lambda layer: layer.key), (lambda layer: (layer.type, layer.place)):
        before, after = (list(map(key, side)) for side in (old, new))
        equal = _equal(before, after)
        if equal >= half and len(old) + len(new) - 2 * equal <= _MOST_EDITS:
            pairs = common(before, after, _MOST_EDITS)
            if pairs is not None and len(pairs) >= half:
                return pairs
    return _by_turn(old, new)


def _by_turn(old: Sequence[Marks], new: Sequence[Marks]) -> list[tuple[int, int]]:
    """Return the most pairs of equal turns that keep both orders.

    Source: Schensted 1961, "Longest increasing and decreasing subsequences", Canadian Journal of Mathematics 13.
    """
    places = {layer.turn: j for j, layer in enumerate(new)}
    ends: list[int] = []  # the least place at which a sequence of each length ends
    last: list[int] = []  # the pair there
    chains: list[tuple[int, int, int]] = []  # pairs, each with the index of the one before it
    for i, layer in enumerate(old):
        j = places.get(layer.turn)
        if j is not None:
            length = bisect_left(ends, j)
            ends[length : length + 1] = [j]
            last[length : length + 1] = [len(chains)]
            chains.append((i, j, last[length - 1] if length else -1))
    pairs = []
    index = last[-1] if last else -1
    while index >= 0:
        i, j, index = chains[index]
        pairs.append((i, j))
    return pairs[::-1]


def _moves(pairs: Iterable[tuple[int, int]], size: int, other: int) -> Iterator[int]:
    """Yield the moves through pairs, what is removed before what is added."""
    reached = across = 0
    for i, j in pairs:
        yield from [REMOVED] * (i - reached)
        yield from [ADDED] * (j - across)
        yield PAIR
        reached, across = i + 1, j + 1
    yield from [REMOVED] * (size - reached)
    yield from [ADDED] * (other - across)


def _matches(moves: Iterable[int]) -> Iterator[Match]:
    i = j = 0
    for move in moves:
        yield Match(i if move != ADDED else None, j if move != REMOVED else None)
        i += move != ADDED
        j += move != REMOVED


def _with_moved(matches: Iterable[Match], old: Sequence[Marks], new: Sequence[Marks]) -> list[Match]:
    """Pair what is removed with what is added where it is the same in another place.

    A norm or activation that another layer writes is the same only where that layer stayed, too.
    """
    matches = list(matches)
    paired = {found.after for found in matches if found.after is not None and found.before is not None}
    removed = [found.before for found in matches if found.after is None and found.before is not None]
    added = [found.after for found in matches if found.before is None and found.after is not None]
    if not removed or not added:
        return matches
    elsewhere = _Removed(removed, old)
    moved: dict[int, int] = {}
    for j in sorted(added, key=lambda j: new[j].written_on):
        if not new[j].written_on or j - 1 in paired:
            i = elsewhere.take(new[j])
            if i is not None:
                moved[j] = i
                paired.add(j)
    return [
        Match(moved[found.after], found.after, moved=True) if found.after in moved else found
        for found in matches
        if found.after is not None or found.before in elsewhere.left
    ]


class _Removed:
    """The removed layers, indexed by the features by which they are recognised elsewhere.

    Attributes:
        left: Those that were not found elsewhere so far.
    """

    def __init__(self, removed: Sequence[int], layers: Sequence[Marks]) -> None:
        self.left = set(removed)
        self._places: dict[Hashable, deque[int]] = defaultdict(deque)
        for index in removed:
            for sign in layers[index].signs():
                self._places[sign].append(index)

    def take(self, layer: Marks) -> int | None:
        """Take the first that is the same as a layer; None where none is."""
        for sign in layer.signs():
            waiting = self._places[sign]
            while waiting and waiting[0] not in self.left:
                waiting.popleft()
            if waiting and not (layer.written_on and waiting[0] - 1 in self.left):
                self.left.remove(waiting[0])
                return waiting[0]
        return None
