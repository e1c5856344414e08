"""`convcost analyze`: what networks cost, layer by layer."""

from __future__ import annotations

from typing import Optional

import typer

import convcost
from convcost.cli import notices, options, output
from convcost.cost.report import OTHER_SORTS, AnalysisReport, check_columns, check_sort
from convcost.errors import ConvcostError, ErrorDetail, SpecError, WarningDetail

_SORT = typer.Option(
    None,
    "--sort",
    metavar="COLUMN",
    help=f"Sort by a column, numbers from the largest: {', '.join(OTHER_SORTS)}, {options.METRICS}",
)
_COLUMNS = typer.Option(
    None,
    "--columns",
    metavar="METRIC,…",
    help=f"Show these numbers of each layer instead of the usual: {options.METRICS}",
)


def analyze(
    specs: list[str] = options.Specs,
    set: list[str] = options.Set,
    free: list[str] = options.Free,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    sort: Optional[str] = _SORT,  # noqa: UP045 -- typer reads the annotation while running
    columns: Optional[str] = _COLUMNS,  # noqa: UP045
    top: Optional[int] = typer.Option(  # noqa: UP045
        None, "--top", min=1, metavar="N", help="Show only the first N rows, by mults."
    ),
    depth: Optional[int] = typer.Option(  # noqa: UP045
        None, "--depth", min=1, metavar="N", help="Fold what lies deeper in blocks and branches into one row."
    ),
    formulas: bool = typer.Option(False, "--formulas", help="Show each layer's formulas in the papers' letters."),
    format: Optional[str] = options.Format,  # noqa: UP045
    outputs: list[str] = options.Outputs,
) -> None:
    """Show the cost of networks: parameters, multiplications and additions, per layer, exactly."""
    chosen = output.outputs(format, outputs, specs)
    settings = options.settings(set)
    if sort is not None:
        check_sort(sort)
    shown = options.names(columns)
    check_columns(shown)
    reports = []
    warnings: list[WarningDetail] = []
    errors: list[ErrorDetail] = []
    for spec in specs:
        try:
            analysis = convcost.load(spec, set=settings, free=free).analyze(batch=batch, fold=not no_fold)
            notices.refuse(analysis.warnings)
            warnings += analysis.warnings
            report = AnalysisReport.of(analysis, sort=sort, top=top, depth=depth, formulas=formulas, columns=shown)
            reports.append(report)
        except ConvcostError as error:  # the errors of all specs at once
            if len(specs) == 1:
                raise
            errors += [detail for detail in error.details if detail not in errors]
    if errors:
        raise SpecError(errors)
    output.write(reports, chosen, warnings=warnings)
