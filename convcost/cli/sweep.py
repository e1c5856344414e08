"""`convcost sweep`: the cost of a network at every combination of some values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

import convcost
from convcost.cli import options, output
from convcost.errors import ClusterError, ErrorDetail, OptionError

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
_STREAM = typer.Option(
    None,
    "--stream",
    metavar="PATH",
    help="Write a row for each point, of any number of points, to a file of CSV, JSON lines (.jsonl) or .parquet.",
)
_BEST = typer.Option(None, "--best", metavar="METRIC", help=f"Sort by a metric, the least first: {options.METRICS}")


def sweep(
    spec: str = options.Spec,
    set: list[str] = _VALUES,
    where: list[str] = _WHERE,
    best: str | None = _BEST,
    join: str | None = options.Join,
    dtype: list[str] = options.Dtype,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    max_points: int = typer.Option(
        100_000, "--max-points", min=1, metavar="N", help="How many points there may be; each takes memory."
    ),
    jobs: int = typer.Option(1, "--jobs", "-j", min=1, help="Work on points in N processes at once."),
    cluster: str | None = options.Cluster,
    stream: str | None = _STREAM,
    resume: bool = typer.Option(False, "--resume", help="Go on with a --stream that was interrupted."),
    force: bool = typer.Option(False, "--force", help="Let --stream write over a file, and begin again."),
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Show the cost of a network at every combination of some values of its symbols.

    Without values, the symbols are listed: their defaults, what reads them, and values to try.

    With --stream there may be any number of points: the rows are written part by part, and none is held.
    """
    from convcost.cli import progress
    from convcost.design_space.sweep_report import SweepReport
    from convcost.parallel.pools import workers

    if stream is not None:
        _refuse("--stream", {"--best": best, "--format": format, "--output": outputs})
        from convcost.cli.stream import stream as write_rows

        with workers(jobs, cluster) as pool:
            status = write_rows(
                stream,
                spec,
                options.settings(set),
                where=where,
                join=join,
                dtype=dtype,
                batch=batch,
                fold=not no_fold,
                resume=resume,
                force=force,
                pool=pool,
            )
        raise typer.Exit(status)
    _refuse("a sweep without --stream", {"--resume": resume, "--force": force})
    chosen = output.outputs(format, outputs, [spec])
    if not (set or where or best or join):
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
            join=join,
            dtype=dtype,
            batch=batch,
            fold=not no_fold,
            max_points=max_points,
            pool=pool,
            watch=shown.advance,
        )
    output.write([SweepReport(found)], chosen, warnings=found.warnings)


def _refuse(what: str, options: Mapping[str, object]) -> None:
    """Raise `OptionError` where options are given that mean nothing here."""
    for option, value in options.items():
        if value:
            help = "convcost search SPEC --best METRIC finds the best" if option == "--best" else "leave it out"
            raise OptionError(ErrorDetail(f"{option} means nothing with {what}", help=help))


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
