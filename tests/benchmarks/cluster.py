"""Measure how sweeps and verifications scale with the workers of a Dask cluster on this machine, all in one run.

    python tests/benchmarks/cluster.py [--workers 1 2 4] [--points 2000000]

Each row: seconds, the ratio to one worker, and what one process takes without a cluster. Then what a part costs beside
its work: trivial parts a second, and the bytes that come back.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import convcost
from convcost import arguments
from convcost.design_space.part_texts import TextOptions, TextWork
from convcost.design_space.parts import GridPlan, make_plan
from convcost.parallel.completion import completed
from convcost.spec.origin import Origin

ROOT = Path(__file__).parents[2]


@contextmanager
def cluster(workers: int) -> Iterator[Executor]:
    """Start a scheduler and workers, and give the executor."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        shared = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
        own = ["--nthreads", "1", "--no-nanny", "--memory-limit", "0", "--local-directory", folder]
        commands = [["scheduler", "--port", "0", *shared], *[["worker", *shared, *own]] * workers]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        processes = []
        try:
            for kind, *options in commands:
                command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options]
                log = (Path(folder) / "log").open("ab")
                processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
                while not (file.exists() and file.stat().st_size):
                    time.sleep(0.05)
            with convcost.cluster(json.loads(file.read_text(encoding="utf-8"))["address"], seconds=60) as pool:
                while pool.width() < workers:
                    time.sleep(0.1)
                yield pool
        finally:
            for process in processes:
                process.kill()
                process.wait()


def plan(points: int) -> GridPlan:
    """Return a sweep of MobileNetV1: 256 widths, and sizes."""
    sizes = max(2, points // 256)
    values = {"alpha": "1/32:8:1/32", "r": f"32:{31 + sizes}"}
    return make_plan(arguments.sweep_task(Origin.of("mobilenet_v1"), values, [], batch=1, fold=True, most=10**7))


def sweep(whole: GridPlan, pool: Executor | None) -> None:
    """Work out the rows of all parts."""
    for _ in completed(TextWork(TextOptions("csv")), whole.packed(), whole.parts(), pool, in_order=False):
        pass


def verify(pool: Executor | None) -> None:
    """Execute MobileNetV1 whole."""
    assert convcost.verify("mobilenet_v1", full=True, pool=pool).ok


def trivial(pool: Executor) -> float:
    """Return how many parts a second come back that do nothing."""
    start = time.perf_counter()
    count = sum(1 for _ in completed(pow, 1, range(1_000), pool, in_order=False))
    return count / (time.perf_counter() - start)


def timed(work: object, *given: object) -> float:
    """Return the seconds that a function takes."""
    start = time.perf_counter()
    work(*given)  # type: ignore[operator]
    return time.perf_counter() - start


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--points", type=int, default=2_000_000)
    asked = parser.parse_args()
    whole = plan(asked.points)
    parts = list(whole.parts())
    first = TextWork(TextOptions("csv"))(whole.packed(), parts[0])
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {len(whole.task):,} points, {len(parts)} parts")
    size = len(pickle.dumps(first))
    print(f"the plan: {len(whole.packed()):,} bytes; a part of {len(parts[0]):,} points: {size:,} bytes")
    print(f"{'workers':>10} {'sweep':>15} {'verify --full':>15} {'trivial parts/s':>16}")
    alone = timed(sweep, whole, None), timed(verify, None)
    print(f"{'no cluster':>10} {alone[0]:>13.2f} s {alone[1]:>13.2f} s")
    base: tuple[float, ...] = ()
    for workers in asked.workers:
        with cluster(workers) as pool:
            sweep(plan(20_000), pool)  # everything is imported then
            verify(pool)
            seconds = timed(sweep, whole, pool), timed(verify, pool)
            base = base or seconds
            cells = [f"{one:>7.2f} s × {first / one:.2f}" for one, first in zip(seconds, base, strict=True)]
            print(f"{workers:>10} {'  '.join(cells)} {trivial(pool):>12,.0f}")


if __name__ == "__main__":
    main()
