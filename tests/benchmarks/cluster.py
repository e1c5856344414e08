"""Measure how sweeps and verifications scale with the workers of a Dask cluster on this machine, all in one run.

    python tests/benchmarks/cluster.py [--workers 1 2 4] [--points 2000000]

Each row: seconds, the processor seconds of the workers, the scheduler and this process, which say what a part costs
beside its work even where the machine is busy with others, and the ratio of the seconds to those without a cluster.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil  # comes with distributed

import convcost
from convcost import arguments
from convcost.design_space.part_texts import TextOptions, TextWork
from convcost.design_space.parts import GridPlan, make_plan
from convcost.parallel.completion import completed
from convcost.spec.origin import Origin

ROOT = Path(__file__).parents[2]
TRIVIAL = 1_000


@contextmanager
def cluster(workers: int) -> Iterator[tuple[Executor, list[psutil.Process]]]:
    """Start a scheduler and workers, and give the executor and the processes, the scheduler first."""
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
                yield pool, [psutil.Process(process.pid) for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()


def plan(points: int) -> GridPlan:
    """Return a sweep of MobileNetV2: widths in steps of 1/1024, and 512 sizes."""
    values = {"alpha": f"1/4:{256 + max(1, points // 512)}/1024:1/1024", "r": "32:16384:32"}
    task = arguments.sweep_task(Origin.of("mobilenet_v2"), values, [], batch=1, fold=True, most=10**7)
    return make_plan(task)


def sweep(whole: GridPlan, pool: Executor | None) -> None:
    """Work out the rows of all parts."""
    for _ in completed(TextWork(TextOptions("csv")), whole.packed(), whole.parts(), pool, in_order=False):
        pass


def verify(pool: Executor | None) -> None:
    """Execute MobileNetV1 whole."""
    assert convcost.verify("mobilenet_v1", full=True, pool=pool).ok


def trivial(pool: Executor | None) -> None:
    """Send parts that do nothing."""
    assert sum(1 for _ in completed(pow, 1, range(TRIVIAL), pool, in_order=False)) == TRIVIAL


def measured(
    work: Callable[[Executor | None], None], pool: Executor | None, processes: list[psutil.Process]
) -> tuple[float, ...]:
    """Return the seconds that a function takes, and the processor seconds of workers, scheduler and this process."""

    def spent() -> list[float]:
        times = [sum(process.cpu_times()[:2]) for process in [*processes, psutil.Process()]]
        return [time.perf_counter(), sum(times[1:-1]), times[0] if processes else 0, times[-1]]

    before = spent()
    work(pool)
    return tuple(after - first for after, first in zip(spent(), before, strict=True))


def show(name: str, workers: int, found: tuple[float, ...], base: float) -> None:
    """Print a row."""
    cells = "".join(f"{each:>11.2f}" for each in found)
    print(f"{name:<16}{workers or '–':>8}{cells}{base / found[0]:>9.2f}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--points", type=int, default=2_000_000)
    asked = parser.parse_args()
    whole = plan(asked.points)
    parts = list(whole.parts())
    size = len(zlib.compress(pickle.dumps(TextWork(TextOptions("csv"))(whole.packed(), parts[0])), 1))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {len(whole.task):,} points, {len(parts)} parts")
    print(f"the plan: {len(whole.packed()):,} bytes; a part of {len(parts[0]):,} points: {size:,} bytes come back")
    print(f"{'':<16}{'workers':>8}{'seconds':>11}{'workers’':>11}{'scheduler’s':>11}{'here':>11}{'ratio':>9}")
    works: dict[str, Callable[[Executor | None], None]] = {
        "sweep --stream": lambda pool: sweep(whole, pool),
        "verify --full": verify,
        f"{TRIVIAL:,} trivial": trivial,
    }
    base: dict[str, float] = {}
    for workers in [0, *asked.workers]:
        with cluster(workers) if workers else nullcontext((None, [])) as (pool, processes):
            sweep(plan(20_000), pool)  # everything is imported then
            verify(pool)
            for name, work in works.items():
                found = measured(work, pool, processes)
                show(name, workers, found, base.setdefault(name, found[0]))


if __name__ == "__main__":
    main()
