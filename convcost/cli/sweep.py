"""`convcost sweep`: what a network costs at every combination of some values."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Optional

import typer

import convcost
from convcost.cli import options, output, progress, writing
from convcost.reports.contents import bar

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from convcost.analysis.sweep import Watch

_VALUES = typer.Option(
    [], "--set", metavar="NAME=VALUES", help="Values of a symbol: 0.25,0.5,1 or 128:225:32; repeatable."
)
_WHERE = typer.Option(
    [],
    "--where",
    metavar="CONDITION",
    help=f"Show only points like 'mults <= 300M'; repeatable. A condition is on {options.METRICS}",
)
_BEST = typer.Option(None, "--best", metavar="METRIC", help=f"Sort by a metric, the least first: {options.METRICS}")
_WORTH_A_BAR = 2_000  # points
_BETWEEN = 0.1  # seconds


def sweep(
    spec: str = options.Spec,
    set: list[str] = _VALUES,
    where: list[str] = _WHERE,
    best: Optional[str] = _BEST,  # noqa: UP045 -- typer reads the annotation while running
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    max_points: int = typer.Option(
        100_000, "--max-points", min=1, metavar="N", help="How many points there may be; each takes memory."
    ),
    jobs: int = typer.Option(1, "--jobs", "-j", min=1, help="Work on points in so many processes at once."),
    format: Optional[str] = options.Format,  # noqa: UP045
    outputs: list[str] = options.Outputs,
) -> None:
    """Tell what a network costs at every combination of some values of its symbols."""
    from convcost.reports.sweep import SweepReport

    chosen = output.outputs(format, outputs, [spec])
    settings = options.settings(set)
    with _pool(jobs) as pool, _bar() as watch:
        found = convcost.sweep(
            spec,
            set=settings,
            where=where,
            best=best,
            batch=batch,
            fold=not no_fold,
            max_points=max_points,
            pool=pool,
            watch=watch,
        )
    for name in found.unused:
        writing.warn(f"{name} occurs in no number of {spec}")
    output.write([SweepReport(found)], chosen)


def _pool(jobs: int) -> AbstractContextManager[Executor | None]:
    """Return processes to work in; None where this one is enough."""
    if jobs == 1:
        return nullcontext()
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(jobs)


@contextmanager
def _bar() -> Iterator[Watch | None]:
    """Show a bar while many points are worked out; None where standard error is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    progress.clear()
    done, started, told = 0, time.monotonic(), 0.0

    def watch(points: int, size: int) -> None:
        nonlocal done, told
        done += points
        now = time.monotonic()
        if size >= _WORTH_A_BAR and now - told > _BETWEEN:
            told = now
            left = round((now - started) * (size - done) / done) if done else 0
            text = f"{bar(done / size):<10} {done:,} of {size:,} points, about {left} s left"
            sys.stderr.write(f"\r{text}\x1b[K")
            sys.stderr.flush()

    try:
        yield watch
    finally:
        if told:
            sys.stderr.write("\r\x1b[K")
