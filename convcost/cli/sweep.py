"""`convcost sweep`: the cost of a network at every combination of some values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Optional

import typer

import convcost
from convcost.cli import options, output
from convcost.errors import ClusterError

if TYPE_CHECKING:
    from convcost.design_space.symbols_report import SymbolsReport

_VALUES = typer.Option(
    [], "--set", metavar="NAME=VALUES", help="Values of a symbol: 0.25,0.5,1 or 128:224:32; repeatable."
)
_WHERE = typer.Option(
    [],
    "--where",
    metavar="CONDITION",
    help=f"Show only points like 'mults <= 300M'; repeatable. A condition is on {options.METRICS}",
)
_BEST = typer.Option(None, "--best", metavar="METRIC", help=f"Sort by a metric, the least first: {options.METRICS}")


def sweep(
    spec: str = options.Spec,
    set: list[str] = _VALUES,
    where: list[str] = _WHERE,
    best: Optional[str] = _BEST,  # noqa: UP045 -- typer reads the annotation while running
    dtype: list[str] = options.Dtype,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    max_points: int = typer.Option(
        100_000, "--max-points", min=1, metavar="N", help="How many points there may be; each takes memory."
    ),
    jobs: int = typer.Option(1, "--jobs", "-j", min=1, help="Work on points in N processes at once."),
    cluster: Optional[str] = options.Cluster,  # noqa: UP045
    format: Optional[str] = options.Format,  # noqa: UP045
    outputs: list[str] = options.Outputs,
) -> None:
    """Show the cost of a network at every combination of some values of its symbols.

    Without values, the symbols are listed: their defaults, what reads them, and values to try.
    """
    from convcost.cli import progress
    from convcost.design_space.sweep_report import SweepReport
    from convcost.parallel.pools import workers

    chosen = output.outputs(format, outputs, [spec])
    if not (set or where or best):
        output.write([_symbols(spec)], chosen)
        return
    settings = options.settings(set)
    with (
        _partial(chosen),
        workers(jobs, cluster) as pool,
        progress.shown(f"sweep of {spec}", "points") as shown,
    ):
        found = convcost.sweep(
            spec,
            set=settings,
            where=where,
            best=best,
            dtype=dtype,
            batch=batch,
            fold=not no_fold,
            max_points=max_points,
            pool=pool,
            watch=shown.advance,
        )
    output.write([SweepReport(found)], chosen, warnings=found.warnings)


@contextmanager
def _partial(chosen: list[output.Output]) -> Iterator[None]:
    """Write what is done where a cluster goes away; its report has the error in place of what is not."""
    from convcost.design_space.sweep_report import SweepReport

    try:
        yield
    except ClusterError as error:
        if error.done is not None:
            output.write([SweepReport(error.done)], chosen, warnings=error.done.warnings)
        raise


def _symbols(spec: str) -> SymbolsReport:
    from convcost import arguments
    from convcost.design_space.symbols_report import SymbolsReport
    from convcost.spec.origin import Origin

    return SymbolsReport(arguments.symbols(Origin.of(spec)))
