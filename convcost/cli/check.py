"""`convcost check`: networks held to their budgets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from convcost.cli import notices, options, output, writing
from convcost.errors import ErrorDetail, OptionError
from convcost.reports import formats
from convcost.reports.table import Page

if TYPE_CHECKING:
    from convcost.budget.budgets import Budget
    from convcost.budget.configuration import Configuration
    from convcost.budget.verdicts import Check

EXCEEDED = 1

_Specs = typer.Argument(
    None, metavar="[SPEC]…", show_default=False, help="Specs, instead of those that convcost.yaml names."
)
_Config = typer.Option(
    None, "--config", metavar="PATH", help="The configuration; without, the nearest convcost.yaml, here or above."
)
_Max = typer.Option(
    [],
    "--max",
    metavar="METRIC=LIMIT",
    help="A limit for all specs, such as mults=300M, without a convcost.yaml unless --config names one; repeatable.",
)
_Base = typer.Option(
    None, "--base", metavar="REV", help="Measure growth from where HEAD and this revision parted, such as origin/main."
)
_Baseline = typer.Option(
    None, "--baseline", metavar="FILE", help="Measure growth from an earlier JSON report of analyze or check."
)


def check(
    specs: list[str] | None = _Specs,
    limits: list[str] = _Max,
    config: str | None = _Config,
    base: str | None = _Base,
    baseline: str | None = _Baseline,
    set: list[str] = options.Set,
    dtype: list[str] = options.Dtype,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    strict: bool = typer.Option(
        False, "--strict", help="Fail for a warning, too; warnings about the specs are errors."
    ),
    exit_zero: bool = typer.Option(False, "--exit-zero", help="End with status 0 where a limit is exceeded."),
    accept: bool = typer.Option(
        False, "--accept", help="Raise the limits that are exceeded, where they stand, to what the networks cost now."
    ),
    format: str | None = options.CheckFormat,
    outputs: list[str] = options.Outputs,
) -> None:
    """Hold networks to their budgets, those in their specs and those in convcost.yaml.

    The exit status is 0 within budget, 1 when a limit is exceeded, 2 when the input or the configuration is wrong.
    """
    from convcost.budget import checking
    from convcost.budget.report import CheckReport

    budgets = _budgets(limits)
    configuration = _configuration(config, find=not budgets)
    named = tuple(specs or (configuration.models if configuration else ()))
    if budgets and not named and configuration is None:
        help = f"convcost check --max {limits[0]} SPEC, or --config convcost.yaml for its models"
        raise OptionError(ErrorDetail("there is nothing to check", found="--max without a SPEC", help=help))
    if accept and "-" in named:
        raise OptionError(
            ErrorDetail("--accept reads each spec twice", found="standard input", help="give it as a file")
        )
    read = [*named, *([baseline] if baseline else []), *([configuration.file] if configuration else [])]
    chosen = output.outputs(format, outputs, read, ci=True)
    output.check_places(chosen)
    summary = os.environ.get("GITHUB_STEP_SUMMARY") if any(each.format == "github" for each in chosen) else None
    if summary:
        writing.append(summary, "")
    against = checking.against(base, baseline, named, batch=batch, fold=not no_fold)
    counted: dict[str, Any] = {"settings": options.settings(set), "dtype": dtype, "batch": batch, "fold": not no_fold}

    def found(configuration: Configuration | None, notes: Sequence[str] = ()) -> Check:
        return checking.run(named, configuration, against, budgets=budgets, strict=strict, notes=notes, **counted)

    def show(check: Check) -> None:
        report = CheckReport(check)
        with notices.strictly(strict):
            output.write([report], chosen, warnings=check.warnings)
        if summary:
            writing.append(summary, formats.render("markdown", [report], Page()))

    check = found(configuration)
    if accept:
        from convcost.budget import acceptance

        places = [place.file for verdict in check.verdicts if (place := verdict.bound.place)]
        with writing.locked(places):  # another run may raise other limits of the same file
            accepted = acceptance.accept(found(_configuration(config, find=not budgets)))
            changed = zip(accepted.files, accepted.old, strict=True)
            with writing.written(writing.File(file, text, old) for (file, text), old in changed):
                check = found(_configuration(config, find=not budgets), accepted.notes)
                show(check)
    else:
        show(check)
    raise typer.Exit(0 if check.ok or exit_zero else EXCEEDED)


def _budgets(limits: Sequence[str]) -> list[Budget]:
    """Return the budgets that `--max METRIC=LIMIT` states."""
    from convcost.budget import configuration

    given = options.settings(limits, "--max", "METRIC=LIMIT", "mults=300M")
    return [configuration.given(metric, value) for metric, value in given.items()]


def _configuration(path: str | None, *, find: bool) -> Configuration | None:
    from convcost.budget import configuration

    path = path or (configuration.find() if find else None)
    return configuration.read(path) if path else None
