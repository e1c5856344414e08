"""Two sequences side by side."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.comparison import alignment
from convcost.comparison.alignment import ADDED, NEVER, PAIR, REMOVED, aligned, common

TEXTS = st.text("abc", max_size=9)


def longest(old, new):
    """Return how long the longest common subsequence is, by its definition."""

    @cache
    def rest(i, j):
        if i == len(old) or j == len(new):
            return 0
        return max(rest(i + 1, j), rest(i, j + 1), (old[i] == new[j]) + rest(i + 1, j + 1))

    return rest(0, 0)


def rises(pairs):
    return all(i < k and j < m for (i, j), (k, m) in pairwise(pairs))


@given(old=TEXTS, new=TEXTS)
def test_what_is_common_is_the_longest_there_is(old, new):
    pairs = common(old, new, len(old) + len(new))
    assert len(pairs) == longest(old, new)
    assert all(old[i] == new[j] for i, j in pairs)
    assert rises(pairs)


@given(old=TEXTS, new=TEXTS, most=st.integers(0, 12))
def test_no_more_is_left_out_than_allowed(old, new, most):
    left_out = len(old) + len(new) - 2 * longest(old, new)
    assert (common(old, new, most) is None) == (left_out > most)


@st.composite
def tables(draw):
    """Draw how alike each of a sequence is to each of another."""
    size, other = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    weights = st.sampled_from([NEVER, -1, 0, 1, 2, 5])
    return other, draw(st.lists(st.lists(weights, min_size=other, max_size=other), min_size=size, max_size=size))


def pairs_of(moves):
    """Return the pairs that moves make, having checked that all stand once."""
    i = j = 0
    pairs = []
    for move in moves:
        if move == PAIR:
            pairs.append((i, j))
        i += move != ADDED
        j += move != REMOVED
    return pairs, (i, j)


def run(table, other, guess=()):
    moves = aligned(len(table), other, lambda i, low, high: table[i][low:high], lambda: guess)
    pairs, ends = pairs_of(moves)
    assert ends == (len(table), other)
    return pairs


@given(drawn=tables())
def test_no_other_alignment_is_more_alike(drawn):
    other, table = drawn

    @cache
    def best(i, j):  # of those from i and from j on
        if i == len(table) or j == other:
            return 0
        return max(best(i + 1, j), best(i, j + 1), table[i][j] + best(i + 1, j + 1))

    alike = [table[i][j] for i, j in run(table, other)]
    assert sum(alike) == best(0, 0)
    assert all(weight > 0 for weight in alike)


@given(drawn=tables(), data=st.data())
def test_near_any_guess_all_stand_once(drawn, data):
    other, table = drawn
    places = st.sampled_from([(i, j) for i in range(len(table)) for j in range(other)] or [(0, 0)])
    guess = []
    for i, j in sorted(data.draw(st.lists(places, max_size=4))) if table and other else ():
        if not guess or (i > guess[-1][0] and j > guess[-1][1]):
            guess.append((i, j))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "_MOST_CELLS", 0)
        patch.setattr(alignment, "_MARGIN", data.draw(st.integers(0, 2)))
        patch.setattr(alignment, "_NARROW", data.draw(st.integers(-1, 2)))
        pairs = run(table, other, guess)
    assert rises(pairs)
    assert all(table[i][j] > 0 for i, j in pairs)


@pytest.mark.parametrize("shift", [-3, 0, 3])
def test_near_a_guess_the_best_alignment_is_found(shift, monkeypatch):
    """The guess is wrong by some places; the margin is wider than that."""
    monkeypatch.setattr(alignment, "_MOST_CELLS", 0)
    monkeypatch.setattr(alignment, "_MARGIN", 4)
    size = 40
    table = [[5 if j == i + 1 else 1 for j in range(size + 1)] for i in range(size)]
    guess = [(i, j) for i in range(size) if 0 <= (j := i + 1 - shift) <= size]
    assert run(table, size + 1, guess) == [(i, i + 1) for i in range(size)]


@pytest.mark.parametrize(
    ("narrow", "lows", "highs"),
    [
        (2, [0, 2, 4, 6], [2, 4, 6, 8]),  # 3 rows share 6 columns
        (3, [0, 0, 0, 6], [6, 6, 6, 8]),  # few rows: each has all columns before the pair of the guess
    ],
)
def test_the_corridor_goes_through_the_guess(narrow, lows, highs, monkeypatch):
    monkeypatch.setattr(alignment, "_MARGIN", 0)
    monkeypatch.setattr(alignment, "_NARROW", narrow)
    assert alignment._corridor(4, 8, [(3, 6)]) == (lows, highs)


def test_of_equals_the_first_stay():
    assert run([[1, 1, 1]], 3) == [(0, 0)]
    assert run([[1], [1], [1]], 1) == [(0, 0)]


def test_what_is_removed_is_told_before_what_is_added():
    never = [[NEVER, NEVER], [NEVER, NEVER]]
    assert aligned(2, 2, lambda i, low, high: never[i][low:high], list) == [REMOVED, REMOVED, ADDED, ADDED]
