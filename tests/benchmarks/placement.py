"""Placements of instances with a known perfect packing: eleven tilings of an arena, with fixed seeds.

python tests/benchmarks/placement.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from convcost.memory.placement.intervals import Interval
from convcost.memory.placement.place import place

sys.path.insert(0, str(Path(__file__).parents[1] / "memory"))

from packings import tiling

INSTANCES = (
    (1, 150, 60), (2, 180, 80), (3, 210, 100), (4, 240, 100), (5, 270, 120), (6, 300, 150),
    (7, 330, 150), (8, 360, 160), (9, 390, 180), (10, 420, 200), (11, 450, 200),
)  # fmt: skip
"""The seed, how many pieces, and how many times."""


def main() -> None:
    """Print the size of each placement as a share of the perfect one."""
    for seed, count, times in INSTANCES:
        intervals = [Interval(size, first, last) for first, last, size, _ in tiling(seed, count, times)]
        before = time.perf_counter()
        found = place(intervals)
        seconds = time.perf_counter() - before
        print(f"{count} pieces: {found.size / found.lower_bound:.4f} of the load, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
