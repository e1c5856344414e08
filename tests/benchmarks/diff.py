"""What `convcost diff` costs in time, as ratios to reading and analysing both networks.

    python tests/benchmarks/diff.py

Run it with the Python of an environment in which convcost is installed, its byte code compiled (unset
PYTHONDONTWRITEBYTECODE). Each ratio is of medians within this one process.

- 10,000 layers against 10,001, one more at the beginning, so that all others have another number; at most 1 is the goal
- the same with all layers twice as wide, so that none is equal
- 1,000 blocks with a layer more in each; at most 2 is the goal
- 400 layers, one more, all wider: every pair is weighed; at most 2 is the goal
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from convcost.comparison.diff import Difference
from convcost.cost.analysis import Analysis
from convcost.spec import Source, Spec
from convcost.spec.mapping import from_mapping

ROUNDS = 5


def unit(width: int) -> list[Any]:
    """Return a convolution, a norm and an activation."""
    return [{"conv": {"out_channels": width, "kernel_size": 3, "padding": 1}}, "batch_norm", "relu"]


def flat(count: int, width: int = 8, *, more: bool = False) -> Source:
    """Return a spec of convolutions, norms and activations."""
    layers = (unit(width) * (count // 3 + 1))[:count]
    first = [{"conv": {"out_channels": width, "kernel_size": 1}}] if more else []
    return from_mapping({"input": [8, 8, 8], "layers": [*first, *layers]})


def blocks(count: int, *, more: bool = False) -> Source:
    """Return a spec of blocks of nine layers."""
    first = [{"conv": {"out_channels": 8, "kernel_size": 1}}] if more else []
    layers = [*first, *unit(8) * 3]
    return from_mapping({"input": [8, 8, 8], "blocks": {"block": {"layers": layers}}, "layers": ["block"] * count})


def median(call: Callable[[], Any]) -> float:
    """Return the median of the seconds that a call takes."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def ratio(before: Source, after: Source) -> float:
    """Return what comparing two specs takes beside reading and analysing both."""
    networks = [Spec(source).network({}) for source in (before, after)]
    alone = median(lambda: [Analysis.of(Spec(source).network({})) for source in (before, after)])
    analysed = median(lambda: [Analysis.of(network) for network in networks])
    compared = median(lambda: Difference.of(*networks))
    return (compared - analysed) / alone


def main() -> None:
    """Measure and print."""
    for what, before, after in (
        ("10,000 layers, one more", flat(10_000), flat(10_000, more=True)),
        ("10,000 layers, one more, all wider", flat(10_000), flat(10_000, 16, more=True)),
        ("1,000 blocks, each with one more", blocks(1_000), blocks(1_000, more=True)),
        ("400 layers, one more, all wider", flat(400), flat(400, 16, more=True)),
    ):
        print(f"{what}: {ratio(before, after):.2f} × reading and analysing both")


if __name__ == "__main__":
    main()
