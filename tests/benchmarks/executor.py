"""How fast the executor multiplies, beside the bare loop in the same run.

    python tests/benchmarks/executor.py [--full]

The bare loop is ``list(map(mul, a, b))`` on lists of a million small integers, followed by a sum. Each figure is the
best of several runs; the weights and inputs are drawn within the measured time. ``--full`` adds MobileNetV1 at
224 × 224.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from operator import mul
from typing import Any

from convcost.executor import Engine, execute

RUNS = 7
VALUES = 1_000_000
ENGINES: tuple[Engine, ...] = ("plain", "lanes", "auto")
Layer = tuple[str, dict[str, Any], tuple[int, ...]]


def conv(shape: tuple[int, ...], out_channels: int, kernel: int, stride: int = 1) -> Layer:
    fields = {"out_channels": out_channels, "kernel_size": (kernel, kernel), "stride": (stride, stride)}
    return "conv", fields | {"padding": "same", "dilation": (1, 1), "groups": 1, "bias": False}, shape


def depthwise(shape: tuple[int, ...], stride: int = 1) -> Layer:
    fields = {"depth_multiplier": 1, "kernel_size": (3, 3), "stride": (stride, stride)}
    return "depthwise_conv", fields | {"padding": "same", "dilation": (1, 1), "bias": False}, shape


def linear(features: int, out_features: int) -> Layer:
    return "linear", {"out_features": out_features, "bias": True}, (features,)


def transposed(shape: tuple[int, ...], out_channels: int) -> Layer:
    fields = {"out_channels": out_channels, "kernel_size": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0))}
    return "transposed_conv", fields | {"output_padding": (0, 0), "dilation": (1, 1), "groups": 1, "bias": True}, shape


LAYERS = {
    "dense 3×3, 64 → 64 at 28 × 28": conv((64, 28, 28), 64, 3),
    "dense 1×1, 128 → 128 at 28 × 28": conv((128, 28, 28), 128, 1),
    "depthwise 3×3, 128 at 56 × 56": depthwise((128, 56, 56)),
    "transposed 2×2, 64 → 32 at 28 × 28": transposed((64, 28, 28), 32),
    "linear, 4096 → 512": linear(4096, 512),
}


def products_of(layer: Layer, engine: Engine) -> int:
    type, fields, shape = layer
    return execute(type, fields, [shape], engine=engine).ops["mul"]


def best_rates() -> dict[tuple[str, str], float]:
    """Products per second, the best of runs that take turns so that all see the same machine."""
    draw = random.Random(0)
    a, b = (draw.choices((-3, -2, -1, 1, 2, 3), k=VALUES) for _ in range(2))

    def bare() -> int:
        products = list(map(mul, a, b))
        sum(products)
        return len(products)

    contenders: dict[tuple[str, str], Callable[[], int]] = {("bare loop", ""): bare}
    for name, layer in LAYERS.items():
        for engine in ENGINES:
            contenders[name, engine] = partial(products_of, layer, engine)
    best = dict.fromkeys(contenders, 0.0)
    for _ in range(RUNS):
        for contender, work in contenders.items():
            start = time.perf_counter()
            products = work()
            best[contender] = max(best[contender], products / (time.perf_counter() - start))
    return best


def mobilenet() -> list[Layer]:
    """Howard et al. 2017, arXiv:1704.04861, Table 1, without norms and activations."""
    layers = [conv((3, 224, 224), 32, 3, 2)]
    channels, size = 32, 112
    for out_channels, stride in [
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        *[(512, 1)] * 5,
        (1024, 2),
        (1024, 1),
    ]:
        layers.append(depthwise((channels, size, size), stride))
        size //= stride
        layers.append(conv((channels, size, size), out_channels, 1))
        channels = out_channels
    return [*layers, linear(1024, 1000)]


def main() -> None:
    rates = best_rates()
    bare = rates["bare loop", ""]
    for (name, engine), rate in rates.items():
        print(f"{name:36} {engine:6} {rate / 1e6:7.1f} M products/s  {rate / bare:6.0%} of the bare loop")
    if "--full" in sys.argv[1:]:
        start = time.perf_counter()
        products = sum(products_of(layer, "auto") for layer in mobilenet())
        taken = time.perf_counter() - start
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"MobileNetV1 at 224 × 224: {products:,} products in {taken:.1f} s")
        print(f"{products / taken / bare:.1f} × the bare loop")
        print(f"{memory:.0f} MB at most, the two lists of the bare loop included")


if __name__ == "__main__":
    main()
