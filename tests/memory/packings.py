"""Instances of placement whose smallest arena is known: rectangles that tile it."""

from __future__ import annotations

from random import Random

Piece = tuple[int, int, int, int]
"""When it is taken first and last, its bytes, and where it begins in the tiling."""


def tiling(seed: int, count: int, times: int, arena: int = 1 << 20, pinwheels: float = 0.3) -> list[Piece]:
    """Return pieces that fill an arena at all times without a gap.

    A rectangle, the arena over all times, is cut in two again and again, along time or along the arena, the large ones
    more often, or into a pinwheel of five, which no straight cut makes.

    Args:
        seed: What the cuts follow from.
        count: How many pieces there are.
        times: How many times there are.
        arena: The bytes.
        pinwheels: The share of cuts that make a pinwheel where there is room for one.
    """
    random = Random(seed)
    least = max(1, arena >> 15)
    found = [(0, times, 0, arena)]
    while len(found) < count:
        open_ = [each for each in found if each[1] - each[0] >= 2 or each[3] - each[2] >= 2 * least]
        weights = [((each[1] - each[0]) / times * (each[3] - each[2]) / arena) ** 0.7 for each in open_]
        chosen = random.choices(open_, weights)[0]
        found.remove(chosen)
        begin, end, low, high = chosen
        wide, tall = end - begin >= 3, high - low >= 3 * least
        if wide and tall and count - len(found) >= 5 and random.random() < pinwheels:
            found += _pinwheel(random, chosen, least)
            continue
        across = (end - begin) / times / ((end - begin) / times + (high - low) / arena)
        if end - begin >= 2 and (high - low < 2 * least or random.random() < across):
            cut = random.randint(begin + 1, end - 1)
            found += [(begin, cut, low, high), (cut, end, low, high)]
        else:
            cut = random.randint(low + least, high - least)
            found += [(begin, end, low, cut), (begin, end, cut, high)]
    pieces = [(begin, end - 1, high - low, low) for begin, end, low, high in found]
    random.shuffle(pieces)
    return pieces


def _pinwheel(random: Random, whole: tuple[int, int, int, int], least: int) -> list[tuple[int, int, int, int]]:
    begin, end, low, high = whole
    a, b = sorted(random.sample(range(begin + 1, end), 2))
    c, d = sorted(random.sample(range(low + least, high - least + 1), 2))
    if random.random() < 0.5:
        return [(begin, b, low, c), (b, end, low, d), (a, end, d, high), (begin, a, c, high), (a, b, c, d)]
    return [(a, end, low, c), (b, end, c, high), (begin, b, d, high), (begin, a, low, d), (a, b, c, d)]
