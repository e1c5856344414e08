"""`convcost compare`: the two forms of each convolution, two specs beside each other, or the totals of several."""

from typing import Any

import typer

import convcost
from convcost.cli import diff, options, output
from convcost.errors import ErrorDetail, OptionError

_SPECS_HELP = (
    "Specs or model files by their paths, - for standard input, or names of shipped specs; two are put beside each "
    "other layer by layer, of more the totals."
)
_Specs = typer.Argument(..., metavar="SPEC…", show_default=False, help=_SPECS_HELP)


def compare(
    specs: list[str] = _Specs,
    set: list[str] = options.Set,
    set_other: list[str] = diff.SetOther,
    dtype: list[str] = options.Dtype,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    sort: str | None = options.SortChanges,
    top: int | None = options.Top,
    depth: str | None = options.Depth,
    layers: bool = options.Layers,
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Compare the standard and the separable form of each convolution, or specs with each other."""
    if set_other and len(specs) != 2:
        found = f"--set-other {set_other[0]}"
        message = "--set-other needs a second spec" if len(specs) == 1 else "--set-other needs two specs"
        raise OptionError(ErrorDetail(message, found=found))
    chosen = output.outputs(format, outputs, specs)
    settings = options.settings(set)
    if len(specs) > 2:
        from convcost.cli import analyze

        levels, layers = options.depth(depth, layers)
        wanted: dict[str, Any] = {"sort": sort, "top": top, "depth": levels, "layers": layers, "pages": chosen}
        shown = analyze.reports(specs, settings, dtype=dtype, batch=batch, fold=not no_fold, **wanted)
        output.write(shown, chosen, warnings=[each for report in shown for each in report.analysis.warnings])
        return
    rows = diff.row_choice(sort, top, depth, layers)
    if len(specs) == 1:
        from convcost.comparison.compare_report import ComparisonReport
        from convcost.network.dtypes import with_dtypes

        model = convcost.load(specs[0], set=settings)
        comparison = model.compare(dtype=dtype, batch=batch, fold=not no_fold)
        source = output.source(specs[0], model, chosen, lambda network: with_dtypes(network, dtype))
        output.write([ComparisonReport(comparison, rows, source)], chosen, warnings=comparison.warnings)
        return
    sides = settings, options.settings(set_other) or settings
    report = diff.between(specs[0], specs[1], sides, dtype=dtype, batch=batch, fold=not no_fold)
    output.write([diff.with_rows(report, rows)], chosen, warnings=report.warnings)
