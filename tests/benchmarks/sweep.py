"""What sweeps do in a second, beside the evaluation of formulas point by point.

    python tests/benchmarks/sweep.py [--points N]

Run it with the Python of an environment in which convcost is installed. The sides of each ratio take turns in this
process, or, with several processes, one after the other; medians are printed.

- a million points of MobileNetV1 (widths by resolutions): outcomes in memory, and rows to each format
- the same formulas by `convcost.symbolic.evaluator`, a call for each point, as sweeps had them before: at least 2
- two processes beside one
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from convcost import arguments
from convcost.design_space.part_texts import TextOptions, TextWork
from convcost.design_space.parts import GridPart, GridPlan, make_plan, part_outcomes, unpacked
from convcost.parallel.completion import completed
from convcost.spec.origin import Origin
from convcost.symbolic import evaluator

ROUNDS = 5


def seconds(work: Callable[[], Any], clock: Callable[[], float] = time.process_time) -> float:
    """Return the seconds that work takes; without another clock those of the processor in this process."""
    start = clock()
    work()
    return clock() - start


def by_point(plan: GridPlan, part: GridPart) -> list[tuple[Any, ...]]:
    """Return the outcomes of a part by a call of each formula for each point."""
    task = plan.task
    names = [axis.name for axis in task.axes]
    (region, *_) = plan.regions
    totals = [evaluator(formula, names) for formula in region.formulas]
    tests = [each.tester(names) for each in region.conditions]
    found = []
    for index in range(part.start, part.end):
        point = task.values(index)
        if all(test(point) for test in tests):
            found.append(tuple([total(point) for total in totals]))
    return found


def rate(
    plan: GridPlan,
    work: Callable[[bytes, GridPart], Any],
    processes: int = 1,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Return the points a second of work on all parts."""
    packed, parts = plan.packed(), [*plan.parts()]

    def run(pool: ProcessPoolExecutor | None) -> None:
        for _ in completed(work, packed, parts, pool):
            pass

    if processes == 1:
        unpacked.cache_clear()
        return len(plan.task) / seconds(lambda: run(None), clock)
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(int, range(processes)))
        return len(plan.task) / seconds(lambda: run(pool), time.perf_counter)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    side = max(2, round(parser.parse_args().points ** 0.5))
    values = {"alpha": f"1/32:{side}/32:1/32", "r": f"32:{32 * side}:32"}
    task = arguments.sweep_task(Origin.of("mobilenet_v1"), values, batch=1, fold=True)
    print(f"making a plan: {seconds(lambda: make_plan(task)) * 1e3:.0f} ms")
    plan = make_plan(task)
    part = GridPart(0, min(50_000, len(task)))
    ratios, here = [], []
    for _ in range(ROUNDS):
        before = len(part) / seconds(lambda: by_point(plan, part))
        here.append(rate(plan, part_outcomes))
        ratios.append(here[-1] / before)
    print(f"outcomes: {statistics.median(here):,.0f} points a second, {statistics.median(ratios):.1f} × point by point")
    for format in ("csv", "jsonl", "parquet"):
        found = statistics.median([rate(plan, TextWork(TextOptions(format))) for _ in range(ROUNDS)])
        print(f"rows of {format}: {found:,.0f} points a second")
    work = TextWork(TextOptions("csv"))
    gains = [rate(plan, work, 2) / rate(plan, work, clock=time.perf_counter) for _ in range(ROUNDS)]
    print(f"two processes on {os.cpu_count()} cores: {statistics.median(gains):.2f} × one")


if __name__ == "__main__":
    main()
