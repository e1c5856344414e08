"""`convcost specs`: the networks that convcost ships."""

from collections.abc import Sequence

import typer

import convcost
from convcost.cli import options, output
from convcost.cost.specs_report import SpecsReport
from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.reports.table import Report
from convcost.spec.source import read, shipped

_PUBLISHED = typer.Option(
    False, "--published", help="Show the numbers published of NAME, each beside the exact one, with what explains it."
)


def specs(
    name: str | None = typer.Argument(None, metavar="[NAME]", help="Print this spec."),
    published: bool = _PUBLISHED,
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """List the shipped networks with totals and sources, print one to copy from, or show what others print of it."""
    if published:
        _show_published(name, output.outputs(format, outputs))
        return
    if name is not None:
        if format is not None or outputs:
            raise OptionError(ErrorDetail("a spec is printed as it is", help="--format and --output are for the list"))
        if name not in shipped():
            raise OptionError(ErrorDetail(f"there is no shipped spec {name!r}", help=nearest(name, shipped())))
        output.show(read(shipped()[name]).text)
        return
    chosen = output.outputs(format, outputs)
    analyses = {spec: convcost.load(path).analyze() for spec, path in shipped().items()}
    totals = SpecsReport(analyses)
    report: Report = totals
    if any(each.format == "html" for each in chosen):
        from convcost.zoo.report import ZooReport  # what the page shows beside the totals takes seconds

        report = ZooReport(totals, {spec: path.parent.name for spec, path in shipped().items()})
    output.write([report], chosen)


def _show_published(name: str | None, chosen: Sequence[output.Output]) -> None:
    """Show the published numbers of a shipped network.

    Raises:
        OptionError: No spec is named, or there are none of it.
    """
    from convcost.published.analysis import PublishedNumbers
    from convcost.published.report import PublishedReport
    from convcost.published.sources import published_specs

    if name is None:
        help = f"one of {', '.join(published_specs())}"
        raise OptionError(ErrorDetail("--published takes the NAME of a shipped spec", help=help))
    output.write([PublishedReport(PublishedNumbers.of(name))], chosen)
