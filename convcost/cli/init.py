"""`convcost init`: a first configuration."""

from __future__ import annotations

import os

import typer

import convcost
from convcost.cli import options, output
from convcost.errors import ConvcostError, Fault, OptionError, OutputError, SpecError


def init(
    specs: list[str] = options.Specs,
    headroom: str = typer.Option("10%", "--headroom", metavar="SHARE", help="How much more than today is allowed."),
    set: list[str] = options.Set,
    force: bool = typer.Option(False, "--force", help="Write over a convcost.yaml that exists."),
) -> None:
    """Write a convcost.yaml in this folder that allows networks what they cost today, and some more."""
    from convcost.budget import checking, configuration, initial
    from convcost.budget.verdicts import Check
    from convcost.reports.check import CheckReport

    share = configuration.share(headroom) if headroom.endswith("%") else None
    if share is None:
        raise OptionError(Fault("--headroom is a share", found=f"--headroom {headroom}", help="such as --headroom 10%"))
    path = configuration.FILE
    if os.path.lexists(path) and not force:
        raise OutputError(Fault(f"{path!r} exists", help="--force writes over it"))
    settings = options.settings(set)
    analyses = {}
    faults: list[Fault] = []
    for spec in dict.fromkeys(specs):
        try:
            analyses[spec] = convcost.load(spec, set=settings).analyze()
        except ConvcostError as error:  # the faults of all specs at once
            faults += error.faults
    if faults:
        raise SpecError(faults)
    output.write_file(path, initial.initial(analyses, share, headroom))
    written = configuration.read(path)
    verdicts = checking.check((), written, settings=settings)
    output.write([CheckReport(Check(verdicts, path, notes=(f"Written to {path}.",)))], [output.Output("table")])
