"""Offsets in one arena: packings that are known, and checks of every placement."""

from __future__ import annotations

from itertools import chain, permutations
from itertools import product as cartesian
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packings import tiling

import convcost
from convcost.errors import OptionError
from convcost.memory.placement import place as placing
from convcost.memory.placement.best_fit import _gap, best_fits
from convcost.memory.placement.full import FullArena, fillers
from convcost.memory.placement.intervals import Interval, compressed, height, load, parts
from convcost.memory.placement.orders import any_order, consecutive, pieces_of, replaced, sorted_by
from convcost.memory.placement.place import place
from convcost.memory.placement.skyline import Skyline
from convcost.memory.placement.sweep import place_in_time

SPECS = sorted((Path(__file__).parents[2] / "specs").rglob("*.yaml"))


def intervals_of(smallest, largest, latest, longest, most):
    """Return pieces of so many bytes that are taken by a time and live so long."""
    return st.lists(
        st.builds(
            lambda size, first, length: Interval(size, first, first + length),
            st.integers(smallest, largest),
            st.integers(0, latest),
            st.integers(0, longest),
        ),
        min_size=1,
        max_size=most,
    )


def check(intervals, offsets):
    """Check that no two pieces that live together overlap."""
    for index, one in enumerate(intervals):
        for other in range(index):
            two = intervals[other]
            if one.first <= two.last and two.first <= one.last:
                apart = (offsets[index] + one.bytes <= offsets[other]) or (offsets[other] + two.bytes <= offsets[index])
                assert apart or not one.bytes or not two.bytes
    assert min(offsets, default=0) >= 0


def test_a_placement_that_no_simple_order_finds():
    # 2 and 3 below, on them 3 and 2, as in a wall: all of 5 are taken at all times
    wall = [Interval(2, 0, 2), Interval(3, 3, 5), Interval(3, 0, 1), Interval(2, 4, 5), Interval(3, 2, 2)]
    found = place(wall)
    check(wall, found.offsets)
    assert found.size == found.lower_bound == 5
    assert found.is_exact


@given(intervals_of(0, 9, 9, 4, most=9))
@settings(deadline=None, max_examples=200)
def test_placements_are_valid(intervals):
    found = place(intervals)
    check(intervals, found.offsets)
    assert load(intervals) == found.lower_bound <= found.size == height(intervals, found.offsets)
    squeezed = compressed(intervals)
    assert load(squeezed) == load(intervals)
    for index, one in enumerate(intervals):
        for other, two in enumerate(intervals):
            assert squeezed[index].meets(squeezed[other]) == one.meets(two)
    for offsets in best_fits(intervals):
        check(intervals, offsets)
    groups = parts(intervals)
    assert sorted(index for group in groups for index in group) == [*range(len(intervals))]


def lowest(intervals):
    """Return the smallest arena, found by trying every offset."""
    total = sum(each.bytes for each in intervals)

    def fits(arena, done):
        index = len(done)
        if index == len(intervals):
            return True
        each = intervals[index]
        for offset in range(arena - each.bytes + 1):
            if all(
                not each.meets(intervals[other]) or offset + each.bytes <= at or at + intervals[other].bytes <= offset
                for other, at in enumerate(done)
            ) and fits(arena, [*done, offset]):
                return True
        return False

    return next(arena for arena in range(total + 1) if fits(arena, []))


@given(intervals_of(1, 4, 4, 3, most=6))
@settings(deadline=None, max_examples=60)
def test_the_exact_search_finds_a_placement_where_there_is_one(intervals):
    arena = lowest(intervals)
    squeezed = compressed(intervals)
    found = Skyline(squeezed, arena).search(100_000)
    assert found is not None
    check(intervals, found)
    assert height(intervals, found) <= arena
    if arena > load(intervals):
        assert Skyline(squeezed, arena - 1).search(100_000) is None
    assert place(intervals).size == arena


@pytest.mark.no_cover
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
@pytest.mark.parametrize(("order", "in_place"), [("file", True), ("best", True), ("file", False)])
def test_every_shipped_network_is_placed_in_as_much_as_its_peak(spec, order, in_place):
    found = convcost.memory(spec, place=True, order=order, in_place=in_place)
    assert found.placement.size == found.peak_memory == found.placement.lower_bound
    check(
        [Interval(each.bytes, each.storage.first, each.storage.last) for each in found.pieces], found.placement.offsets
    )


@pytest.mark.parametrize("seed", range(3))
def test_where_no_exact_search_finds_a_placement_a_lower_one_than_the_simple_orders_is_looked_for(seed, monkeypatch):
    """Of a wall without a gap: all that is known is that it fits into what lives at a time."""
    pieces = tiling(seed, 12, 8, arena=1 << 10)
    wall = [Interval(size, first, last) for first, last, size, _ in pieces]
    simple = min(height(wall, offsets) for offsets in best_fits(wall))
    monkeypatch.setattr(placing, "_WAYS", ())
    monkeypatch.setattr(placing, "place_in_time", lambda *given: None)
    found = place(wall)
    check(wall, found.offsets)
    assert found.lower_bound == load(wall) == 1 << 10 <= found.size <= simple
    if simple > found.lower_bound:
        assert found.size < simple
    alone = placing._by_skyline(wall, 1 << 10)
    assert alone is None or height(wall, alone) == 1 << 10


@pytest.mark.parametrize(
    ("taken", "size", "offset"),
    [
        ([(3, 1), (10, 1)], 2, 0),  # 0 to 3 is tighter than 4 to 10
        ([(4, 1), (7, 1)], 2, 5),  # 5 to 7 is tighter than 0 to 4
        ([(1, 9), (2, 3)], 2, 10),  # behind the longer of two
        ([(2, 3)], 2, 0),
        ([], 5, 0),
    ],
)
def test_a_piece_goes_into_the_tightest_gap(taken, size, offset):
    assert _gap(taken, size) == offset


def test_offsets_are_aligned_where_the_tensors_are():
    found = convcost.memory("ghostnet", dtype="int8", align=64, place=True)
    assert all(offset % 64 == 0 for offset in found.placement.offsets)


def test_an_arena_of_the_peak_suffices_and_a_smaller_one_is_an_error():
    spec = {"input": [4], "layers": ["relu", "softmax"]}
    assert convcost.memory(spec, arena=32).placement.fits  # 4 values of 4 bytes, twice
    with pytest.raises(OptionError) as caught:
        convcost.memory(spec, arena=31)
    assert caught.value.text() == (
        "error: the arena is smaller than the peak\n"
        " = found: --arena: 31 bytes; 32 live at the peak\n"
        " = help: at least 32 bytes or another order, --order best"
    )
    with pytest.raises(OptionError) as caught:
        convcost.memory(spec, arena="1Ki bytes")
    assert caught.value.text() == (
        "error: arena is a whole number of bytes, at least 1\n"
        " = found: 1Ki bytes\n"
        " = help: such as 65536, 64Ki or 1.5Mi"
    )


@pytest.mark.parametrize(("seed", "count"), [(1, 40), (2, 40), (3, 60), (1, 150), (3, 210), (7, 330), (10, 420)])
def test_a_tiling_is_placed_without_a_gap(seed, count):
    pieces = tiling(seed, count, count)
    intervals = [Interval(size, first, last) for first, last, size, _ in pieces]
    check(intervals, [offset for *_, offset in pieces])
    assert load(intervals) == 1 << 20
    found = place(intervals)
    check(intervals, found.offsets)
    assert found.size == 1 << 20


@pytest.mark.parametrize(("seed", "count", "fewer"), [(1, 150, 1), (4, 240, 2), (5, 270, 4)])
def test_a_tiling_without_some_pieces_is_placed_in_what_lives_at_a_time(seed, count, fewer):
    intervals = [Interval(size, first, last) for first, last, size, _ in tiling(seed, count, count)][fewer:]
    found = place(intervals)
    check(intervals, found.offsets)
    assert found.size == load(intervals) <= 1 << 20


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_what_is_free_is_filled(loads):
    pieces = fillers(loads, 9)
    for time, taken in enumerate(loads):
        assert sum(each.bytes for each in pieces if each.first <= time <= each.last) == 9 - taken
    assert all(each.bytes and 0 <= each.first <= each.last < len(loads) for each in pieces)


def in_order(orders):
    """Return every order that a tree of orders stands for."""
    if isinstance(orders, int):
        return {(orders,)}
    is_fixed, parts = orders
    rows = [parts, parts[::-1]] if is_fixed else permutations(parts)
    return {tuple(chain(*chosen)) for row in rows for chosen in cartesian(*map(in_order, row))}


def are_together(order, chosen):
    places = [place for place, piece in enumerate(order) if piece in chosen]
    return max(places) - min(places) == len(places) - 1


@given(st.lists(st.sets(st.integers(0, 5), min_size=1), max_size=5), st.permutations(range(6)))
@settings(deadline=None, max_examples=300)
def test_orders_in_which_sets_are_consecutive_are_all_that_there_are(sets, places):
    orders, expected = any_order(range(6)), set(permutations(range(6)))
    for chosen in sets:
        found = consecutive(orders, chosen)
        expected = {order for order in expected if are_together(order, chosen)}
        assert (set() if found is None else in_order(found)) == expected
        if found is None:
            return
        orders = found
    assert tuple(pieces_of(orders)) in expected
    for chosen in sets[-1:]:  # a set in one piece: what it was, seen from afar
        afar = {tuple(dict.fromkeys(9 if piece in chosen else piece for piece in order)) for order in expected}
        assert in_order(replaced(orders, chosen, 9)) == afar
    row = sorted_by(orders, dict(enumerate(places)))
    assert tuple(row) in expected
    wanted = tuple(sorted(range(6), key=lambda piece: places[piece]))
    assert wanted not in expected or tuple(row) == wanted


@st.composite
def full_arenas(draw):
    """Return pieces of small sizes, so that many sums are equal, which fill an arena at all times."""
    arena, times = draw(st.integers(3, 8)), draw(st.integers(2, 6))
    pieces, alive = [], []
    for time in range(times):
        ends = [draw(st.booleans()) for _ in alive]
        pieces += [(size, first, time - 1) for (size, first), end in zip(alive, ends, strict=True) if end]
        alive = [each for each, end in zip(alive, ends, strict=True) if not end]
        left = arena - sum(size for size, _ in alive)
        while left:
            size = draw(st.integers(1, left))
            alive.append((size, time))
            left -= size
    pieces += [(size, first, times - 1) for size, first in alive]
    return arena, [Interval(*piece) for piece in pieces]


@given(full_arenas())
@settings(deadline=None, max_examples=300)
def test_the_search_in_a_full_arena_finds_a_placement_exactly_where_there_is_one(given_):
    arena, intervals = given_
    squeezed = compressed(intervals)
    expected = Skyline(squeezed, arena).search(1_000_000)
    found = FullArena(squeezed).search(1_000_000)
    assert (found is None) == (expected is None)
    if found is not None:
        check(intervals, found)
        assert height(intervals, found) == arena


def test_a_full_arena_without_a_placement():
    # 2 gives way to a and b of 1, which lie side by side; 5 to 4 and c of 1, so do these. Then 5 begins in the place of
    # a and 4, which have to lie side by side, as b and c later, where 2 begins: but between b and c lie a and 4.
    two, five, a, four = Interval(2, 0, 0), Interval(5, 0, 1), Interval(1, 1, 2), Interval(4, 2, 2)
    b, c, last_five = Interval(1, 1, 3), Interval(1, 2, 3), Interval(5, 3, 4)
    possible = [two, five, a, four, b, c, last_five]
    assert FullArena([*possible, Interval(1, 4, 4), Interval(1, 4, 4)]).search(10_000) is not None
    assert FullArena([*possible, Interval(2, 4, 4)]).search(10_000) is None
    assert Skyline([*possible, Interval(2, 4, 4)], 7).search(10_000) is None


def test_a_search_that_may_look_at_nothing_finds_nothing():
    intervals = compressed([Interval(size, first, last) for first, last, size, _ in tiling(1, 40, 40)])
    assert FullArena(intervals).search(10) is None


@given(intervals_of(1, 9, 9, 4, most=12), st.integers(0, 5))
@settings(deadline=None, max_examples=200)
def test_a_placement_in_the_order_of_time_is_valid(intervals, more):
    arena = load(intervals) + more
    found = place_in_time(intervals, arena, width=20)
    if found is not None:
        check(intervals, found)
        assert height(intervals, found) <= arena


def test_a_placement_in_the_order_of_time_uses_both_ends_of_a_gap():
    # 1 beside 2 has to lie at the end of the arena of 6, or 5 has no room once 2 has gone
    intervals = [Interval(2, 0, 1), Interval(1, 1, 2), Interval(5, 2, 2)]
    assert place_in_time(intervals, 6, width=9) == [0, 5, 0]
    assert place_in_time(intervals, 5, width=9) is None


def test_many_pieces_at_a_time_are_no_error():
    # 400 of 1 byte end one after the other, each for another of 1 byte: full at all times, and more than are nested
    intervals = [Interval(1, 0, number) for number in range(400)]
    intervals += [Interval(1, number + 1, 400) for number in range(400)]
    found = place(intervals)
    assert found.is_exact
    check(intervals, found.offsets)
    few = compressed(intervals[100:500])  # 300 of the first, of which 100 have no follower: fewer than full
    assert place(few).size == load(few)
    deep = [Interval(2**number, 0, number) for number in range(200)]  # each set of them has another sum
    deep += [Interval(2**number, number + 1, 200) for number in range(200)]
    assert FullArena(compressed(deep)).search(100_000) is not None
