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

INSTANCES = [(seed, 120 + 30 * seed) for seed in range(1, 12)]
"""The seed, and how many pieces there are; as many times, as of a network whose layers give a tensor each."""


def main() -> None:
    """Print the size of each placement as a share of the perfect one."""
    for seed, count in INSTANCES:
        intervals = [Interval(size, first, last) for first, last, size, _ in tiling(seed, count, count)]
        before = time.perf_counter()
        found = place(intervals)
        seconds = time.perf_counter() - before
        print(f"{count} pieces: {found.size / found.lower_bound:.4f} of the load, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
