"""`convcost search`: the exact Pareto front of a design space, or its best points."""

import typer

import convcost
from convcost.cli import options, output

NOTHING_FOUND = 1
_VALUES = typer.Option(
    [], "--set", metavar="NAME=VALUES", help="Values of a symbol: 0.25,0.5,1 or 128:224:32; repeatable."
)
_PARETO = typer.Option(
    [],
    "--pareto",
    metavar="METRICS",
    help=f"Find the front of these, as mults,params:max; more is better with :max. Metrics are {options.METRICS}",
)
_BEST = typer.Option(
    None, "--best", metavar="METRIC", help="Find the points with the least of a metric, or METRIC:max."
)
_MAX = typer.Option([], "--max", metavar="METRIC=LIMIT", help="What a total may be at most, as mults=300M; repeatable.")
_MIN = typer.Option(
    [], "--min", metavar="METRIC=LIMIT", help="What a total must be at least, as params=2M; repeatable."
)


def search(
    spec: str = options.Spec,
    set: list[str] = _VALUES,
    pareto: list[str] = _PARETO,
    best: str | None = _BEST,
    max: list[str] = _MAX,
    min: list[str] = _MIN,
    top: int | None = typer.Option(None, "--top", min=1, metavar="N", help="Show the N best with --best."),
    join: str | None = options.Join,
    dtype: list[str] = options.Dtype,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    max_points: int = typer.Option(
        100_000, "--max-points", min=1, metavar="N", help="How many points may be analysed where no formula holds."
    ),
    jobs: int = typer.Option(1, "--jobs", "-j", min=1, help="Work on large sums in N processes at once."),
    cluster: str | None = options.Cluster,
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Find the exact Pareto front of all combinations of some values, or the best of them, without listing them.

    The exit status is 0 when there is a point within the limits, 1 when there is none.
    """
    from convcost.cli import progress
    from convcost.design_space.front_report import FrontReport
    from convcost.parallel.pools import workers

    chosen = output.outputs(format, outputs, [spec])
    with workers(jobs, cluster) as pool, progress.shown(f"search of {spec}", "points") as shown:
        found = convcost.search(
            spec,
            set=options.settings(set),
            pareto=[name for text in pareto for name in text.split(",")],
            best=best,
            max=options.settings(max, "--max", "METRIC=LIMIT", "mults=300M"),
            min=options.settings(min, "--min", "METRIC=LIMIT", "params=2M"),
            top=top,
            join=join,
            dtype=dtype,
            batch=batch,
            fold=not no_fold,
            max_points=max_points,
            pool=pool,
            watch=shown.advance,
        )
    output.write([FrontReport(found)], chosen, warnings=found.warnings)
    raise typer.Exit(0 if found.points else NOTHING_FOUND)
