"""Alignment of two sequences: their longest common subsequence, and the most similar pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

NEVER = -(10**17)
"""How alike two things are that can be no pair."""

PAIR, ADDED, REMOVED = range(3)

_MOST_CELLS = 200_000  # of the table of all pairs; of longer sequences the pairs near a guess are weighed
_MARGIN = 16  # what is near it
_NARROW = 64  # between two pairs of the guess, how many may be left out on one side for all to be weighed


def common(old: Sequence[object], new: Sequence[object], most: int) -> list[tuple[int, int]] | None:
    """Return the indices of the longest sequence that both have in common; None if that leaves out more than `most`.

    Source: Myers 1986, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1, 251–266.

    >>> common("abcabba", "cbabac", 5)
    [(2, 0), (3, 2), (4, 3), (6, 4)]
    >>> common("abcabba", "cbabac", 4)
    """
    end, other_end = len(old), len(new)
    size = min(most, end + other_end) + 1
    reached = [0] * (2 * size + 1)  # how far one gets in `old` on each diagonal with so many edits
    trail: list[list[int]] = []
    for edits in range(size):
        trail.append(reached[size - edits - 1 : size + edits + 2])
        for diagonal in range(-edits, edits + 1, 2):
            above, left = reached[size + diagonal + 1], reached[size + diagonal - 1] + 1
            i = above if diagonal == -edits or (diagonal != edits and left <= above) else left
            j = i - diagonal
            while i < end and j < other_end and old[i] == new[j]:
                i += 1
                j += 1
            reached[size + diagonal] = i
            if i >= end and j >= other_end:
                return list(_traced(trail, i, j))[::-1]
    return None


def _traced(trail: Sequence[Sequence[int]], i: int, j: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs on the way that was found, from its end."""
    for edits in range(len(trail) - 1, -1, -1):
        reached, middle = trail[edits], edits + 1
        diagonal = i - j
        above, left = reached[middle + diagonal + 1], reached[middle + diagonal - 1] + 1
        down = diagonal == -edits or (diagonal != edits and left <= above)
        start = 0 if not edits else above if down else left
        while i > start:
            i -= 1
            j -= 1
            yield i, j
        i, j = (i, j - 1) if down else (i - 1, j)


Alike = Callable[[int, int, int], Sequence[int]]
"""Returns how alike element i of one sequence is to the elements j to k - 1 of the other."""


def aligned(size: int, other: int, alike: Alike, guess: Callable[[], Sequence[tuple[int, int]]]) -> list[int]:
    """Return the moves of the alignment whose pairs are the most alike in sum.

    Among equally good alignments equal elements stay early, and additions come after removals.

    Source: Needleman and Wunsch 1970, with a weight of 0 for elements without a partner.

    Args:
        size: How long the one sequence is.
        other: How long the other is.
        alike: How alike two are.
        guess: Returns pairs near which to look where there are too many.
    """
    if size * other <= _MOST_CELLS:
        lows, highs = [0] * size, [other] * size
    else:
        lows, highs = _corridor(size, other, guess())
    ways: list[bytearray] = []
    above, above_low = [0] * (other + 1), 0  # scores before each of the other, from above_low on
    for i, (low, high) in enumerate(zip(lows, highs, strict=True)):
        del above[: low - above_low]
        above += [NEVER] * (high + 1 - low - len(above))
        here = above[0]
        scores = [here]
        way = bytearray(high - low)
        for k, (gain, diagonal, up) in enumerate(zip(alike(i, low, high), above, islice(above, 1, None), strict=False)):
            move = ADDED
            if up > here:
                here, move = up, REMOVED
            if diagonal + gain > here:
                here, move = diagonal + gain, PAIR
            way[k] = move
            scores.append(here)
        ways.append(way)
        above, above_low = scores, low
    moves: list[int] = []
    i, j = size, other
    while i and j:
        move = ways[i - 1][j - 1 - lows[i - 1]] if j > lows[i - 1] else REMOVED
        moves.append(move)
        i -= move != ADDED
        j -= move != REMOVED
    return [*[REMOVED] * i, *[ADDED] * j, *reversed(moves)]


def _corridor(size: int, other: int, guess: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Return, for each element of one sequence, the range of the other in which its partner may be."""
    lows: list[int] = []
    highs: list[int] = []
    start = 0
    for i, j in (*guess, (size, other)):
        rows, columns = i - len(lows), j - start
        whole = min(rows, columns) <= _NARROW
        for row in range(rows):
            lows.append(start if whole else start + row * columns // rows)
            highs.append(j if whole else start + (row + 1) * columns // rows)
        if i < size:
            lows.append(start if not rows else j)
            highs.append(j + 1)
        start = j + 1
    highs[-1] = other
    lows = [lows[max(0, row - _MARGIN)] for row in range(size)]
    highs = [highs[min(size - 1, row + _MARGIN)] for row in range(size)]
    return lows, highs
