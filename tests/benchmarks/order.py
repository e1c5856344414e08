"""How much the best order of layers saves: shipped networks, and random irregular graphs of 40 to 100 layers.

    python tests/benchmarks/order.py [GRAPHS]

The graphs are small-world graphs as in randomly wired networks (Xie et al. 2019, arXiv:1904.01569: Watts and Strogatz,
4 neighbours, 0.75): of pointwise convolutions of random widths, which read concatenations; and as there of separable
convolutions of one width, which read sums. Their order is that of their numbers.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random
from statistics import mean

import convcost
from convcost.network import NetworkBuilder, Tensor

SPECS = Path(__file__).parents[2] / "specs"


def reads_of(random: Random, count: int) -> list[set[int]]:
    """Return which nodes each node of a small-world graph reads, all before it."""
    reads: list[set[int]] = [set() for _ in range(count)]
    for node in range(count):
        for distance in (1, 2):
            other = (node + distance) % count
            if random.random() < 0.75:
                other = random.choice([each for each in range(count) if each != node])
            reads[max(node, other)].add(min(node, other))
    return reads


def concatenating(seed: int) -> convcost.Model:
    """Return a random graph of 40 to 100 layers, of random widths."""
    random = Random(seed)
    count = random.randint(20, 50)
    reads = reads_of(random, count)
    builder = NetworkBuilder()
    first = builder.input([16, 16, 16])
    values: list[Tensor] = []
    for node in range(count):
        sources = [values[each] for each in sorted(reads[node])] or [first]
        x = builder.add("concat", *sources) if len(sources) > 1 else sources[0]
        values.append(builder.add("pointwise_conv", x, out_channels=random.randint(4, 32)))
    return convcost.Model(builder.build())


def adding(seed: int) -> convcost.Model:
    """Return a random graph of 40 to 100 layers of one width: sums, activations and separable convolutions."""
    random = Random(seed)
    count = random.randint(11, 25)
    reads = reads_of(random, count)
    builder = NetworkBuilder()
    first = builder.input([16, 16, 16])
    values: list[Tensor] = []
    for node in range(count):
        sources = [values[each] for each in sorted(reads[node])] or [first]
        x = builder.add("add", *sources) if len(sources) > 1 else sources[0]
        x = builder.add("depthwise_conv", builder.add("relu", x), kernel_size=3, padding=1)
        values.append(builder.add("pointwise_conv", x, out_channels=16))
    ends = [values[node] for node in range(count) if not any(node in each for each in reads)]
    if len(ends) > 1:
        builder.add("add", *ends)
    return convcost.Model(builder.build())


def main() -> None:
    """Print the ratio of the peak in the file's order to the best, the interval and the time."""
    for graph in (concatenating, adding):
        ratios = []
        for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 20):
            model = graph(seed)
            ratios.append(show(f"{graph.__name__} {seed} of {len(model.network.layers)}", model))
        print(f"mean ratio of {len(ratios)} {graph.__name__} graphs: {mean(ratios):.3f}")
    for spec in sorted(SPECS.rglob("*.yaml")):
        show(spec.stem, convcost.load(spec))


def show(name: str, model: convcost.Model) -> float:
    """Print a line for a network, and return the ratio."""
    before = time.perf_counter()
    found = model.memory(order="best")
    seconds = time.perf_counter() - before
    written = model.memory().peak_memory
    ratio = written / found.peak_memory
    low = found.order.lower_bound or 0
    proved = "proved" if found.order.proved else f"at least {low:,}, gap {found.peak_memory / low - 1:.1%}"
    print(f"{name:32} {written:14,} → {found.peak_memory:14,}  {ratio:.3f}  {seconds:5.2f} s  {proved}", flush=True)
    return ratio


if __name__ == "__main__":
    main()
