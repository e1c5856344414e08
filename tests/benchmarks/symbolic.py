"""What symbols cost in time, as ratios to numbers.

    python tests/benchmarks/symbolic.py

Run it with the Python of an environment in which convcost is installed. Everything runs in this process, the two sides
of each ratio in turn; the median is printed.

- MobileNetV1 with alpha and r free: reading, unrolling and analysing against the same with numbers; at most 3
- a chain of 1,000 layers with a free size: against a tenth of it; linear is 10
- a sweep of a million points: points a second, and how often faster than analysing each; at least 50
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import convcost

ROUNDS = 9


def seconds(work: Callable[[], Any]) -> float:
    """Return the seconds that work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(above: Callable[[], Any], under: Callable[[], Any]) -> float:
    """Return how much longer the first takes, both taking turns."""
    above(), under()  # imports and caches
    return statistics.median([seconds(above) / seconds(under) for _ in range(ROUNDS)])


def chain(layers: int) -> dict[str, Any]:
    """Return a spec of so many convolutions with a free size."""
    item = {"conv": {"out_channels": "8 * N", "kernel_size": 3, "padding": "same"}}
    return {"symbols": {"N": None, "r": None}, "input": ["N", "r", "r"], "layers": [item] * layers}


def main() -> None:
    """Measure and print."""
    free = ["alpha", "r"]
    found = ratio(lambda: convcost.analyze("mobilenet_v1", free=free), lambda: convcost.analyze("mobilenet_v1"))
    print(f"MobileNetV1 with alpha and r free: {found:.1f} × its numeric analysis")
    long, short = chain(1000), chain(100)
    print(f"1,000 layers: {ratio(lambda: convcost.analyze(long), lambda: convcost.analyze(short)):.1f} × 100 layers")
    values = {"alpha": "1/32:31.25:1/32", "r": "32:32000:32"}  # 1,000 widths at 1,000 resolutions
    taken = seconds(lambda: convcost.sweep("mobilenet_v1", set=values, max_points=10**6))
    each = statistics.median([seconds(lambda: convcost.analyze("mobilenet_v1", set={"r": 192})) for _ in range(99)])
    print(
        f"a sweep of 1,000,000 points: {1e6 / taken:,.0f} points a second, {each * 1e6 / taken:.0f} × re-analysing each"
    )


if __name__ == "__main__":
    main()
