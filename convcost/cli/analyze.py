"""`convcost analyze`: what networks cost, layer by layer."""

from __future__ import annotations

from typing import Optional

import typer

import convcost
from convcost.cli import options, output
from convcost.errors import ConvcostError, Fault, SpecError
from convcost.reports.analysis import AnalysisReport, check_sort


def analyze(
    specs: list[str] = options.Specs,
    set: list[str] = options.Set,
    batch: int = typer.Option(1, "--batch", min=1, metavar="N", help="Count the operations for so many inputs."),
    no_fold: bool = typer.Option(False, "--no-fold", help="Count batch norms that could fold into the layer before."),
    sort: Optional[str] = typer.Option(  # noqa: UP045 -- typer reads the annotation while running
        None, "--sort", metavar="COLUMN", help="Sort by a column, numbers from the largest: mults, params, name, …"
    ),
    top: Optional[int] = typer.Option(None, "--top", min=1, metavar="N", help="Show only the first so many rows, by mults."),  # noqa: UP045
    depth: Optional[int] = typer.Option(  # noqa: UP045
        None, "--depth", min=1, metavar="N", help="Fold what lies deeper in blocks and branches into one row."
    ),
    format: Optional[str] = options.Format,  # noqa: UP045
    outputs: list[str] = options.Outputs,
) -> None:
    """Tell what networks cost: parameters, multiplications and additions, per layer, exactly."""
    chosen = output.outputs(format, outputs)
    settings = options.settings(set)
    if sort is not None:
        check_sort(sort)
    reports = []
    faults: list[Fault] = []
    for spec in specs:
        try:
            analysis = convcost.load(spec, set=settings).analyze(batch=batch, fold=not no_fold)
            reports.append(AnalysisReport.of(analysis, sort=sort, top=top, depth=depth))
        except ConvcostError as error:  # the faults of all specs at once
            if len(specs) == 1:
                raise
            faults += error.faults
    if faults:
        raise SpecError(faults)
    output.write(reports, chosen)
