"""`convcost analyze`: how big networks are, and what their layers cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

import convcost
from convcost.cli import notices, options, output
from convcost.cost.columns import OTHER_COLUMNS, OTHER_SORTS, check_by, check_columns, check_sort
from convcost.cost.report import AnalysisReport
from convcost.errors import ConvcostError, ErrorDetail, OptionError, SpecError
from convcost.network.dtypes import with_dtypes
from convcost.preconditions import check_complete

_SORT = typer.Option(
    None,
    "--sort",
    metavar="COLUMN",
    help=f"Sort by a column, numbers from the largest: {', '.join(OTHER_SORTS)}, {options.METRICS}",
)
_COLUMNS = typer.Option(
    None,
    "--columns",
    metavar="COLUMN,…",
    help=f"Show these columns instead of the usual: {', '.join(OTHER_COLUMNS)}, {options.METRICS}",
)
_BY = typer.Option(None, "--by", metavar="type", help="Sum up the layers of each type.")
_DEPLOYED = typer.Option(
    False, "--deployed", help="Show the network as it runs on a device: batch norms are folded into the weights."
)
_CONVENTION = typer.Option(
    None, "--convention", metavar="TOOL", help="Show what another tool counts: `convcost reconcile` lists them."
)
_SUMMARY = typer.Option(False, "--summary", help="Show the totals only.")


def analyze(
    specs: list[str] = options.Specs,
    set: list[str] = options.Set,
    free: list[str] = options.Free,
    dtype: list[str] = options.Dtype,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    deployed: bool = _DEPLOYED,
    sort: str | None = _SORT,
    columns: str | None = _COLUMNS,
    top: int | None = options.Top,
    depth: str | None = options.Depth,
    layers: bool = options.Layers,
    summary: bool = _SUMMARY,
    by: str | None = _BY,
    convention: str | None = _CONVENTION,
    functional: list[str] = options.Functional,
    formulas: bool = typer.Option(False, "--formulas", help="Show each layer's formulas in the papers' symbols."),
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Show the cost of networks: parameters, multiplications and additions, per layer, exactly."""
    chosen = output.outputs(format, outputs, specs)
    if convention is not None:
        _under_convention(specs, convention, functional, chosen, options.settings(set), batch=batch, layers=layers)
        return
    shown = options.names(columns)
    check_columns(shown)
    levels, layers = options.depth(depth, layers)
    _check_rows({"--summary": summary, "--by": by is not None, "--depth": levels is not None, "--layers": layers})
    rows: dict[str, Any] = {"sort": sort, "top": top, "depth": levels, "layers": layers, "by": by, "summary": summary}
    rows["deployed"], rows["pages"] = deployed, chosen
    found = reports(
        specs,
        options.settings(set),
        free,
        dtype=dtype,
        batch=batch,
        fold=not no_fold,
        formulas=formulas,
        columns=shown,
        **rows,
    )
    output.write(found, chosen, warnings=[each for report in found for each in report.analysis.warnings])


def reports(
    specs: Sequence[str],
    settings: Mapping[str, str],
    free: Sequence[str] = (),
    *,
    dtype: Sequence[str] = (),
    batch: int,
    fold: bool,
    deployed: bool = False,
    pages: Sequence[output.Output] = (),
    **rows: Any,
) -> list[AnalysisReport]:
    """Return the report of each spec.

    Args:
        specs: The specs.
        settings: The values of symbols.
        free: The symbols that stay symbols.
        dtype: The types of the networks' numbers.
        batch: How many inputs to count the operations for.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.
        deployed: Whether batch norms are folded into the weights of the layers before them.
        pages: The outputs; a page computes the networks at other values of their symbols.
        rows: Which rows and columns are shown, as `AnalysisReport.of` has them.

    Raises:
        ConvcostError: A spec or an option is wrong; the errors of all specs at once.
    """
    check_by(rows.get("by"))
    if rows.get("sort") is not None:
        check_sort(rows["sort"])
    found = []
    errors: list[ErrorDetail] = []
    for spec in specs:
        try:
            model = convcost.load(spec, set=settings, free=free)
            analysis = model.analyze(dtype=dtype, batch=batch, fold=fold, deployed=deployed)
            notices.refuse(analysis.warnings)
            found.append(
                AnalysisReport.of(
                    analysis,
                    **rows,
                    source=None
                    if deployed
                    else output.source(spec, model, pages, lambda network: with_dtypes(network, dtype)),
                )
            )
        except ConvcostError as error:
            if len(specs) == 1:
                raise
            errors += [detail for detail in error.details if detail not in errors]
    if errors:
        raise SpecError(errors)
    return found


def _under_convention(
    specs: Sequence[str],
    tool: str,
    functional: Sequence[str],
    chosen: Sequence[output.Output],
    settings: Mapping[str, str],
    *,
    batch: int,
    layers: bool,
) -> None:
    """Show what another tool counts of networks."""
    from convcost.conventions.analysis import table_of
    from convcost.conventions.report import ConventionReport

    networks = [convcost.load(spec, set=settings).network for spec in specs]
    check_complete(*networks)
    found = [ConventionReport(each, table_of(each, tool, functional, batch), layers) for each in networks]
    output.write(found, chosen, warnings=[warning for each in networks for warning in each.warnings])


def _check_rows(chosen: dict[str, bool]) -> None:
    """Refuse two options that each say which rows there are.

    Raises:
        OptionError: There are two.
    """
    given = [option for option, is_given in chosen.items() if is_given]
    if len(given) > 1:
        message = f"{given[0]} and {given[1]} contradict each other"
        raise OptionError(ErrorDetail(message, help="leave one of them out"))
