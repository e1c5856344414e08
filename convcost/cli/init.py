"""`convcost init`: a first configuration."""

from __future__ import annotations

import os
from pathlib import Path

import typer

import convcost
from convcost.cli import notices, options, output
from convcost.cli.writing import File
from convcost.errors import ConvcostError, ErrorDetail, OptionError, OutputError


def init(
    specs: list[str] = options.Specs,
    headroom: str = typer.Option("10%", "--headroom", metavar="SHARE", help="How much more than today is allowed."),
    set: list[str] = options.Set,
    force: bool = typer.Option(False, "--force", help="Write over a convcost.yaml that exists."),
) -> None:
    """Write a convcost.yaml in this folder that allows networks what they cost today, and some more."""
    from convcost.budget import checking, configuration, initial
    from convcost.budget.report import CheckReport
    from convcost.budget.verdicts import Check
    from convcost.spec import Source

    share = configuration.share(headroom)
    if share is None:
        raise OptionError(
            ErrorDetail("--headroom is a share", found=f"--headroom {headroom}", help="such as --headroom 10%")
        )
    path = configuration.FILE
    if os.path.lexists(path) and not force:
        raise OutputError(ErrorDetail(f"{path!r} exists", help="--force writes over it"))
    settings = options.settings(set)
    analyses = {}
    errors: list[ConvcostError] = []
    for spec in dict.fromkeys(specs):
        try:
            analyses[spec] = convcost.load(spec, set=settings).analyze()
            notices.refuse(analyses[spec].warnings)
        except ConvcostError as error:  # the errors of all specs at once
            errors.append(error)
    if errors:
        raise checking.together(errors)
    text = initial.initial(analyses, share, headroom, settings)
    verdicts = checking.check((), configuration.parse(Source(path, text), Path()))
    report = CheckReport(Check(verdicts, path, notes=(f"Written to {path}.",)))
    warnings = [each for analysis in analyses.values() for each in analysis.warnings]
    output.write([report], [output.Output("table")], [File(path, text, new=not force)], warnings)
