"""`convcost diff`: what changed since a revision, or from one spec to another."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer
from msgspec.structs import replace

import convcost
from convcost.cli import options, output
from convcost.errors import BaselineError, ConfigError, ConvcostError, ErrorDetail, OptionError, SpecError
from convcost.network import Network

if TYPE_CHECKING:  # git is asked, and the report made, where a difference is asked for
    from convcost.budget.revisions import Revision
    from convcost.comparison.diff_report import DifferenceReport
    from convcost.comparison.row_choice import RowChoice
    from convcost.spec import Source

_WITHOUT_GIT = "convcost diff OLD NEW compares two files without git"

_Specs = typer.Argument(
    None,
    metavar="[SPEC]…",
    show_default=False,
    help="A file, or several with --base; or two specs: paths, - for standard input, or names of shipped ones. "
    "Without, the models of the nearest convcost.yaml.",
)
_Base = typer.Option(
    None,
    "--base",
    metavar="REV",
    help="Compare each with what it was where HEAD and this revision parted, such as origin/main.",
)
_OnlyChanged = typer.Option(
    False, "--only-changed", help="Leave out networks that are the same; where all are, outputs are empty."
)
SetOther = typer.Option(
    [],
    "--set-other",
    metavar="NAME=VALUE",
    help="Give symbols of the second spec, or of a file as it is now, their values, instead of --set.",
)


def diff(
    specs: list[str] | None = _Specs,
    base: str | None = _Base,
    only_changed: bool = _OnlyChanged,
    set: list[str] = options.Set,
    set_other: list[str] = SetOther,
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
    """Show the changes, layer by layer and in all: in files since a revision, or between two specs.

    A file alone is compared with the last commit.
    """
    alone = len(specs) if specs else 0
    specs = specs or _models()
    chosen = output.outputs(format, outputs, specs)
    rows = row_choice(sort, top, depth, layers)
    before = options.settings(set)
    settings = before, options.settings(set_other) or before
    if base is None and alone > 1:
        if alone > 2:
            help = "--base HEAD compares each with the last commit"
            raise OptionError(
                ErrorDetail("without --base, two specs are compared", found=f"{len(specs)} specs", help=help)
            )
        reports = [between(specs[0], specs[1], settings, dtype=dtype, batch=batch, fold=not no_fold)]
    else:
        reports = _since("HEAD" if base is None else base, specs, settings, dtype=dtype, batch=batch, fold=not no_fold)
    if only_changed:
        reports = [report for report in reports if report.difference.changed]
    if reports:
        warnings = [each for report in reports for each in report.warnings]
        output.write([with_rows(report, rows) for report in reports], chosen, warnings=warnings)
        return
    shown = output.Output("table")
    output.write([], [each for each in chosen if each != shown])
    if shown in chosen:
        output.show("Nothing has changed.\n")


def row_choice(sort: str | None, top: int | None, depth: str | None, layers: bool) -> RowChoice:
    """Return which layers the options choose.

    Raises:
        OptionError: One cannot be used.
    """
    from convcost.comparison.row_choice import RowChoice

    levels, layers = options.depth(depth, layers)
    return RowChoice(layers, levels, sort, top)


def with_rows(report: DifferenceReport, rows: RowChoice) -> DifferenceReport:
    """Return a report that shows the layers that were chosen."""
    return replace(report, rows=rows)


def _models() -> list[str]:
    """Return the files that the nearest convcost.yaml names; shipped specs have no revisions.

    Raises:
        ConfigError: There is none, or it names none.
    """
    from convcost.budget import configuration

    path = configuration.find()
    if path is None:
        help = "convcost diff SPEC, or convcost diff OLD NEW"
        raise ConfigError(
            ErrorDetail("there is nothing to compare", found="no SPEC, and no convcost.yaml here or above", help=help)
        )
    models = [model for model in configuration.read(path).models if os.path.lexists(model)]
    if not models:
        help = "models: [nets/*.yaml] in it, or convcost diff SPEC"
        raise ConfigError(ErrorDetail("there is nothing to compare", found=f"{path} names no files", help=help))
    return models


def between(
    spec: str,
    other: str,
    settings: tuple[Mapping[str, Any], Mapping[str, Any]],
    *,
    dtype: Sequence[str] = (),
    batch: int,
    fold: bool,
) -> DifferenceReport:
    """Return the report of two specs beside each other.

    Args:
        spec: The one spec.
        other: The other.
        settings: The values of symbols for each.
        dtype: The types of both networks' numbers.
        batch: How many inputs to count the operations for.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.

    Raises:
        ConvcostError: A spec is wrong; it has the errors of both.
    """
    from convcost.comparison.diff_report import DifferenceReport

    if spec == other == "-":
        raise OptionError(ErrorDetail("standard input is one spec", found="- twice"))
    set, set_other = settings
    found = convcost.diff(spec, other, set=set, set_other=set_other, dtype=dtype, batch=batch, fold=fold)
    return DifferenceReport(found)


def _since(
    asked: str,
    files: Sequence[str],
    settings: tuple[Mapping[str, Any], Mapping[str, Any]],
    *,
    dtype: Sequence[str],
    batch: int,
    fold: bool,
) -> list[DifferenceReport]:
    """Return a report of each file beside what it was at a revision."""
    from convcost.budget import committed, revisions
    from convcost.comparison.base import Base
    from convcost.comparison.diff_report import DifferenceReport

    after: dict[str, convcost.Model] = {}
    errors: list[ConvcostError] = []
    for file in files:
        if file == "-":
            raise OptionError(ErrorDetail("standard input has no revisions", help=_WITHOUT_GIT))
        try:
            after[file] = convcost.load(file, set=settings[1])
        except ConvcostError as error:
            errors.append(error)
    shipped = [file for file in after if not os.path.lexists(file)]
    if shipped:
        raise OptionError(ErrorDetail(f"{shipped[0]} is shipped with convcost and has no revisions", help=_WITHOUT_GIT))
    if not after:
        _raise(errors)
    try:
        revision = revisions.merge_base(asked, committed.place(list(after)))
        sources = committed.read(revision, list(after))
    except BaselineError as error:
        raise BaselineError(
            [detail for each in (*errors, _without_baseline(error)) for detail in each.details]
        ) from None
    base = Base(str(revision), revision.asked, revision.commit)
    reports = []
    for file, model in after.items():
        try:
            before = _before(file, sources[file], revision, settings[0], model)
            reports.append(DifferenceReport(before.diff(model, dtype=dtype, batch=batch, fold=fold), base))
        except ConvcostError as error:
            errors.append(error)
    _raise(errors)
    return reports


def _before(
    file: str,
    source: Source | None,
    revision: Revision,
    settings: Mapping[str, Any],
    after: convcost.Model,
) -> convcost.Model:
    """Return the network of a file at a revision; one without layers where there was no file.

    Raises:
        SpecError: It had errors there.
    """
    from convcost import spec

    if source is None:
        return convcost.Model(Network(after.network.name, "", "", {}, after.network.inputs, (), built=True))
    try:
        return convcost.Model(spec.load(source, settings))
    except OptionError as error:
        note = f"{file} as it was at {revision}; --set-other gives values to what it is now only"
        raise SpecError([replace(detail, note=note) for detail in error.details]) from None
    except ConvcostError as error:
        first = ErrorDetail(f"{file} has errors at {revision}", help="compare it with a revision at which it has none")
        raise SpecError([first, *error.details], more=error.more) from None


def _without_baseline(error: BaselineError) -> BaselineError:
    """Return an error whose help is for this command, which takes no report."""
    errors = [replace(detail, help=_WITHOUT_GIT) if "--baseline" in detail.help else detail for detail in error.details]
    return BaselineError(errors, more=error.more)


def _raise(errors: Sequence[ConvcostError]) -> None:
    """Raise all errors at once.

    Raises:
        SpecError: There is something.
    """
    if errors:
        details = [detail for error in errors for detail in error.details]
        raise SpecError(details, more=any(error.more for error in errors))
