"""`convcost suggest`: which layers to rewrite until a network keeps its limits."""

import typer

import convcost
from convcost.cli import options, output, rewrite

OUT_OF_REACH = 1

Max = typer.Option(
    [],
    "--max",
    metavar="METRIC=LIMIT",
    help=f"What to reach, such as mults=300M or params=4M; repeatable. Metrics are {options.METRICS}",
)


def suggest(
    spec: str = options.Spec,
    limits: list[str] = Max,
    allow: str = typer.Option("separable", "--allow", metavar="NAME,…", help="The rewrites that may be used."),
    with_: list[str] = rewrite.With,
    ends: bool = typer.Option(False, "--ends", help="The first and the last layer with weights may be touched too."),
    set: list[str] = options.Set,
    dtype: list[str] = options.Dtype,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Suggest which layers to rewrite, the biggest saving for each layer touched first, until the limits are kept.

    The exit status is 0 when they are, 1 when they are out of reach.
    """
    from convcost.budget.remedies import command
    from convcost.rewriting.selection import options_for
    from convcost.rewriting.suggest_report import SuggestionReport

    chosen = output.outputs(format, outputs, [spec])
    suggestion = convcost.suggest(
        spec,
        max=options.settings(limits, "--max", "METRIC=LIMIT", "mults=300M"),
        allow=[name.strip() for name in allow.split(",") if name.strip()],
        options=rewrite.switches(with_),
        ends=ends,
        set=options.settings(set),
        dtype=dtype,
        batch=batch,
        fold=not no_fold,
    )
    to = options_for(suggestion.before.network, suggestion.changes)
    line = command(spec, to, with_, set) if to else ""
    output.write([SuggestionReport(suggestion, line)], chosen, warnings=suggestion.warnings)
    if not suggestion.reached:
        raise typer.Exit(OUT_OF_REACH)
