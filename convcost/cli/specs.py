"""`convcost specs`: the networks that convcost ships."""

from __future__ import annotations

from typing import Optional

import typer

import convcost
from convcost.cli import options, output
from convcost.cost.specs_report import SpecsReport
from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.spec.source import read, shipped


def specs(
    name: Optional[str] = typer.Argument(None, metavar="[NAME]", help="Print this spec."),  # noqa: UP045
    format: Optional[str] = options.Format,  # noqa: UP045
    outputs: list[str] = options.Outputs,
) -> None:
    """List the shipped networks with their totals and sources, or print one to copy from."""
    if name is not None:
        if format is not None or outputs:
            raise OptionError(ErrorDetail("a spec is printed as it is", help="--format and --output are for the list"))
        if name not in shipped():
            raise OptionError(ErrorDetail(f"there is no shipped spec {name!r}", help=nearest(name, shipped())))
        output.show(read(shipped()[name]).text)
        return
    chosen = output.outputs(format, outputs)
    analyses = {spec: convcost.load(path).analyze() for spec, path in shipped().items()}
    output.write([SpecsReport(analyses)], chosen)
