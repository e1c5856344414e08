"""`convcost solve`: the largest value of a symbol at which a network stays within limits."""

import typer

import convcost
from convcost.cli import options, output

UNSATISFIED = 1
_LIMITS = typer.Option(
    ...,
    "--max",
    metavar="METRIC=LIMIT",
    show_default=False,
    help=f"What a total may be, as mults=300M; repeatable. Totals are {options.METRICS}",
)
_STEP = typer.Option(
    None, "--step", metavar="NUMBER", help="Try its multiples, such as 1/32; else a step that the sizes suggest."
)


def solve(
    spec: str = options.Spec,
    symbol: str = typer.Option(..., "--for", metavar="NAME", show_default=False, help="The symbol."),
    max: list[str] = _LIMITS,
    set: list[str] = options.Set,
    step: str | None = _STEP,
    dtype: list[str] = options.Dtype,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Find the largest value of a symbol at which the network is valid and within limits, exactly.

    For several symbols at once, from values that you list: convcost search SPEC --best METRIC --max METRIC=LIMIT.

    The exit status is 0 when there is one, 1 when no value satisfies the limits.
    """
    from convcost.design_space.solve_report import SolutionReport

    chosen = output.outputs(format, outputs, [spec])
    limits = options.settings(max, "--max", "METRIC=LIMIT", "mults=300M")
    settings = options.settings(set)
    found = convcost.solve(
        spec, symbol, max=limits, set=settings, step=step, dtype=dtype, batch=batch, fold=not no_fold
    )
    output.write([SolutionReport(found)], chosen, warnings=found.warnings)
    raise typer.Exit(0 if found.best else UNSATISFIED)
