"""The distances between kept weights, and the filler zeros where one does not fit into its bits.

Weights are stored one behind the other, each with the distance from the one before it. A distance of `b` bits is 1 to
`2**b`; where a gap is longer, zeros are stored at the longest distance. What follows the last kept weight needs none.

Source: Han, Mao, Dally 2016, Deep Compression, arXiv:1510.00149, section 2 and figure 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import ceil

_NEGLIGIBLE = 1e-15  # a share below which more fillers are not looked for
_MOST_STEPS = 2_000_000


def most_fillers(weights: int, kept: int, index_bits: int) -> int:
    """Return the most filler zeros that there can be; the fewest are none, where the kept weights are the first.

    Each filler covers 2**index_bits weights beside the kept ones.

    >>> most_fillers(100, 10, 3)
    11
    """
    return (weights - kept) >> index_bits if kept else 0


def expected_fillers(weights: int, kept: int, index_bits: int) -> float:
    """Return how many filler zeros there are on average where all positions are equally likely.

    The gap before a kept weight is longer than L with the probability that none of L positions is kept:
    (n - k)/n · (n - k - 1)/(n - 1) · …, L factors. Each multiple of 2**index_bits that it exceeds is a filler.
    """
    longest = 1 << index_bits
    share, total, steps = 1.0, 0.0, 0
    while kept and share * kept > _NEGLIGIBLE and steps < _MOST_STEPS:
        for at in range(steps, steps + longest):
            if at >= weights - kept:
                return total * kept
            share *= (weights - kept - at) / (weights - at)
        steps += longest
        total += share
    return total * kept


def expected_distances(weights: int, kept: int, index_bits: int) -> dict[int, float]:
    """Return how often each stored distance occurs on average where all positions are equally likely, fillers too.

    A gap of length g is stored as fillers and the rest, from 1 to 2**index_bits. Long gaps are taken as those of
    independent positions.
    """
    longest = 1 << index_bits
    fillers = expected_fillers(weights, kept, index_bits)
    found = dict.fromkeys(range(1, longest + 1), 0.0)
    share, at = 1.0, 0
    while kept and share > _NEGLIGIBLE and at < min(weights - kept + 1, _MOST_STEPS):
        found[at % longest + 1] += kept * share * (kept / (weights - at))
        share *= (weights - kept - at) / (weights - at)
        at += 1
    found[longest] += fillers
    return found


def distances(kept: Iterable[int], index_bits: int) -> tuple[dict[int, int], int]:
    """Return how often each distance is stored, and how many of these belong to fillers.

    Args:
        kept: The positions of the kept weights, from 0, in their order.
        index_bits: The bits of a distance.

    >>> distances([0, 3, 14], 3)  # figure 2 of the paper: distances 1, 3, 8 with a zero, 3
    ({1: 1, 3: 2, 8: 1}, 1)
    """
    longest = 1 << index_bits
    found: dict[int, int] = {}
    fillers, last = 0, -1
    for position in kept:
        more, rest = divmod(position - last - 1, longest)
        found[rest + 1] = found.get(rest + 1, 0) + 1
        if more:
            found[longest] = found.get(longest, 0) + more
            fillers += more
        last = position
    return dict(sorted(found.items())), fillers


def kept_of(weights: int, density: Fraction) -> int:
    """Return how many weights a density keeps: the fewest that are at least that share.

    >>> kept_of(9_216, Fraction(33, 100))  # 3,041.28
    3042
    """
    return ceil(weights * density)
