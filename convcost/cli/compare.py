"""`convcost compare`: the standard and the separable form of each convolution, or two specs beside each other."""

from __future__ import annotations

from typing import Optional

import typer

import convcost
from convcost.cli import diff, options, output
from convcost.errors import ErrorDetail, OptionError


def compare(
    spec: str = options.Spec,
    other: Optional[str] = typer.Argument(  # noqa: UP045 -- typer reads the annotation while running
        None, metavar="[OTHER]", show_default=False, help="Another spec, to be put beside the first."
    ),
    set: list[str] = options.Set,
    set_other: list[str] = diff.SetOther,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    format: Optional[str] = options.Format,  # noqa: UP045
    outputs: list[str] = options.Outputs,
) -> None:
    """Compare the standard and the separable form of each convolution, or two specs."""
    chosen = output.outputs(format, outputs, [spec, other or spec])
    settings = options.settings(set)
    if other is None:
        from convcost.comparison.compare_report import ComparisonReport

        if set_other:
            raise OptionError(ErrorDetail("--set-other needs a second spec", found=f"--set-other {set_other[0]}"))
        comparison = convcost.load(spec, set=settings).compare(batch=batch, fold=not no_fold)
        output.write([ComparisonReport(comparison)], chosen, warnings=comparison.warnings)
        return
    sides = settings, options.settings(set_other) or settings
    report = diff.between(spec, other, sides, batch=batch, fold=not no_fold)
    output.write([report], chosen, warnings=report.warnings)
