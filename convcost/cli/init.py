"""`convcost init`: a first configuration, and more models in one that exists."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from msgspec.structs import replace

import convcost
from convcost.cli import notices, options, output, writing
from convcost.cli.writing import File
from convcost.errors import ConfigError, ConvcostError, ErrorDetail, OptionError, OutputError, WarningDetail

if TYPE_CHECKING:
    from convcost.budget.configuration import Configuration
    from convcost.budget.report import CheckReport
    from convcost.cost.analysis import Analysis

_TABLE = [output.Output("table")]
_Specs = typer.Argument(
    None,
    metavar="[SPEC|FOLDER]…",
    show_default=False,
    help="Specs, or folders that hold some; without, those in this folder and below.",
)
_Add = typer.Option(
    False, "--add", help="Add the specs to the nearest convcost.yaml, here or above; the rest of it stays as it is."
)


_Recipe = typer.Option(
    None,
    "--recipe",
    metavar="NAME",
    help="Print a file that runs the check elsewhere, to be copied as it is: github, gitlab, pre-commit or pytest.",
)


def init(
    specs: list[str] | None = _Specs,
    headroom: str = typer.Option("10%", "--headroom", metavar="SHARE", help="How much more than today is allowed."),
    set: list[str] = options.Set,
    add: bool = _Add,
    force: bool = typer.Option(False, "--force", help="Write over a convcost.yaml that exists."),
    recipe: str | None = _Recipe,
) -> None:
    """Write a convcost.yaml in this folder that allows networks what they cost today, and some more."""
    from convcost.budget import configuration, discovery, initial
    from convcost.spec import Source

    if recipe is not None:
        from convcost.budget import recipes

        output.show(recipes.text(recipe))
        return
    share = configuration.share(headroom)
    if share is None:
        raise OptionError(
            ErrorDetail("--headroom is a share", found=f"--headroom {headroom}", help="such as --headroom 10%")
        )
    settings = options.settings(set)
    if add:
        if force:
            raise OptionError(ErrorDetail("--add keeps the file and --force writes over it", help="give one of them"))
        _add(specs or [], share, settings)
        return
    path = configuration.FILE
    if os.path.lexists(path) and not force:
        raise OutputError(ErrorDetail(f"{path!r} exists", help="--force writes over it"))
    named, of_folders = _named(specs or ["."])
    analyses = _analyses(named, settings)
    models = [*discovery.patterns_for(of_folders), *(spec for spec in named if spec not in of_folders)]
    text = initial.initial(analyses, share, headroom, settings, models if of_folders else ())
    read = configuration.parse(Source(path, text), Path())
    report = _report(read, f"Written to {path}.")
    output.write([report], _TABLE, [File(path, text, new=not force)], _warnings(analyses))


def _named(specs: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the specs that are named and those in the folders that are named, and the latter alone."""
    from convcost.budget import discovery

    named: dict[str, None] = {}
    of_folders: dict[str, None] = {}
    for spec in specs:
        if os.path.isdir(spec):  # noqa: PTH112 -- a name may be too long to be one of a file
            of_folders |= dict.fromkeys(discovery.specs_in(spec))
            named |= of_folders
        else:
            named[spec] = None
    return [*named], [*of_folders]


def _analyses(specs: Sequence[str], settings: Mapping[str, str]) -> dict[str, Analysis]:
    """Return the costs of each spec.

    Raises:
        ConvcostError: Some have errors; those of all are reported.
    """
    from convcost.budget import checking

    analyses = {}
    errors: list[ConvcostError] = []
    for spec in specs:
        try:
            analyses[spec] = convcost.load(spec, set=settings).analyze()
            checking.refuse_incomplete(analyses[spec].network)
            notices.refuse(analyses[spec].warnings)
        except ConvcostError as error:
            errors.append(error)
    if errors:
        raise checking.together(errors)
    return analyses


def _add(specs: Sequence[str], share: Fraction, settings: Mapping[str, str]) -> None:
    """Add specs to the nearest configuration.

    Raises:
        ConvcostError: There is none, or it has errors, or a spec cannot be added.
    """
    from convcost.budget import configuration, initial
    from convcost.spec import Source

    if not specs:
        raise OptionError(ErrorDetail("--add takes specs", help="such as convcost init --add models/new.yaml"))
    path = configuration.find()
    if path is None:
        help = "`convcost init` without --add writes a first one"
        raise ConfigError(ErrorDetail("there is no convcost.yaml here or above", help=help))
    named, _ = _named(specs)
    analyses = _analyses(named, settings)
    with writing.locked([path]):  # another run may change the same file
        read = configuration.read(path)
        old = Path(path).read_bytes()
        text = initial.extended(read, analyses, share, settings)
        mark = "\ufeff" if old.startswith(b"\xef\xbb\xbf") else ""
        after = configuration.parse(Source(read.file, text), Path(path).parent)
        report = _report(after, f"Added to {path}: {', '.join(named)}.")
        output.write([report], _TABLE, [File(path, mark + text, old)], _warnings(analyses))


def _warnings(analyses: Mapping[str, Analysis]) -> list[WarningDetail]:
    """Return the warnings of all specs."""
    return [each for analysis in analyses.values() for each in analysis.warnings]


def _report(read: Configuration, note: str) -> CheckReport:
    """Return the report of a configuration's models."""
    from convcost.budget import checking
    from convcost.budget.report import CheckReport

    still = [
        replace(budget, growth=None, accepted=()) for budget in read.budgets
    ]  # nothing is compared with a baseline
    limits = tuple(budget for budget in still if budget.max is not None or budget.min is not None)
    return CheckReport(
        checking.run(read.models, replace(read, budgets=limits), None, notes=(note,)), ends_with_verdict=False
    )
