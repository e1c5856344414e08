"""Offsets in one arena: packings that are known, and checks of every placement."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packings import tiling

import convcost
from convcost.errors import OptionError
from convcost.memory.placement.best_fit import best_fits
from convcost.memory.placement.intervals import Interval, compressed, height, load, parts
from convcost.memory.placement.place import place
from convcost.memory.placement.seams import SeamSearch
from convcost.memory.placement.skyline import Skyline

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


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
@pytest.mark.parametrize("order", ["file", "best"])
def test_every_shipped_network_is_placed_in_as_much_as_its_peak(spec, order):
    found = convcost.memory(spec, place=True, order=order)
    assert found.placement.size == found.peak_memory == found.placement.lower_bound
    check(
        [Interval(each.bytes, each.storage.first, each.storage.last) for each in found.pieces], found.placement.offsets
    )


def test_offsets_are_aligned_where_the_tensors_are():
    found = convcost.memory("ghostnet", dtype="int8", align=64, place=True)
    assert all(offset % 64 == 0 for offset in found.placement.offsets)


def test_an_arena_of_the_peak_suffices_and_a_smaller_one_is_an_error():
    spec = {"input": [4], "layers": ["relu", "softmax"]}
    assert convcost.memory(spec, arena=32).placement.fits  # 4 values of 4 bytes, twice
    with pytest.raises(OptionError) as caught:
        convcost.memory(spec, arena=31)
    assert str(caught.value) == (
        "error: the arena is smaller than the peak\n"
        " = found: --arena: 31 bytes; 32 live at the peak\n"
        " = help: at least 32 bytes or another order, --order best"
    )
    with pytest.raises(OptionError) as caught:
        convcost.memory(spec, arena="1Ki bytes")
    assert str(caught.value) == (
        "error: arena is a whole number of bytes, at least 1\n"
        " = found: 1Ki bytes\n"
        " = help: such as 65536, 64Ki or 1.5Mi"
    )


@pytest.mark.parametrize(("seed", "count"), [(1, 40), (2, 40), (3, 60), (1, 150)])
def test_a_tiling_is_placed_without_a_gap(seed, count):
    pieces = tiling(seed, count, count)
    intervals = [Interval(size, first, last) for first, last, size, _ in pieces]
    check(intervals, [offset for *_, offset in pieces])
    assert load(intervals) == 1 << 20
    found = place(intervals)
    check(intervals, found.offsets)
    assert found.size == 1 << 20


@pytest.mark.parametrize("seed", range(6))
def test_joins_of_pieces_that_are_taken_back_leave_no_trace(seed):
    intervals = compressed([Interval(size, first, last) for first, last, size, _ in tiling(seed, 60, 60)])
    search = SeamSearch(intervals, load(intervals), seed)
    search.search(runs=2, most=30)
    blocks = search.blocks
    for index, one in enumerate(intervals):
        for other in range(index):
            two = intervals[other]
            if blocks.block[index] == blocks.block[other] and one.meets(two):
                low, high = sorted([(blocks.offsets[index], one.bytes), (blocks.offsets[other], two.bytes)])
                assert low[0] + low[1] <= high[0]
    blocks.take_back(0)
    assert blocks.members == [[index] for index in range(len(intervals))]
    assert blocks.offsets == [0] * len(intervals)
    times = [{time: pieces for time, pieces in at.items() if pieces} for at in blocks.at]
    assert times == [
        {time: [index] for time in range(each.first, each.last + 1)} for index, each in enumerate(intervals)
    ]
