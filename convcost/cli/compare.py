"""`convcost compare`: the standard and the separable form of each convolution, or two specs beside each other."""

from __future__ import annotations

from typing import Optional

import typer

import convcost
from convcost.cli import options, output
from convcost.errors import ConvcostError, Fault, OptionError, SpecError

SetOther = typer.Option(
    [], "--set-other", metavar="NAME=VALUE", help="Give symbols of OTHER their values, instead of --set."
)


def compare(
    spec: str = options.Spec,
    other: Optional[str] = typer.Argument(  # noqa: UP045 -- typer reads the annotation while running
        None, metavar="[OTHER]", show_default=False, help="Another spec, to be put beside the first."
    ),
    set: list[str] = options.Set,
    set_other: list[str] = SetOther,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    format: Optional[str] = options.Format,  # noqa: UP045
    outputs: list[str] = options.Outputs,
) -> None:
    """Tell what each convolution costs in its standard and in its separable form, or how two specs differ."""
    chosen = output.outputs(format, outputs, [spec, other or spec])
    settings = options.settings(set)
    if other is None:
        from convcost.reports.comparison import ComparisonReport

        if set_other:
            raise OptionError(Fault("--set-other needs a second spec", found=f"--set-other {set_other[0]}"))
        comparison = convcost.load(spec, set=settings).compare(batch=batch, fold=not no_fold)
        output.write([ComparisonReport(comparison)], chosen)
        return
    from convcost.reports.difference import DifferenceReport

    if spec == other == "-":
        raise OptionError(Fault("standard input is one spec", found="- twice"))
    models = []
    faults: list[Fault] = []
    for name, values in (spec, settings), (other, options.settings(set_other) or settings):
        try:
            models.append(convcost.load(name, set=values))
        except ConvcostError as error:  # the faults of both at once
            faults += error.faults
    if faults:
        raise SpecError(faults)
    first, second = models
    difference = first.difference(second, batch=batch, fold=not no_fold)
    output.write([DifferenceReport(difference)], chosen)
