"""The formats a report can be written in: functions that turn reports into text, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.registry import Registry
from convcost.reports.table import Page, Report

Render = Callable[[Sequence[Report], Page], str]
"""Writes one report for each spec on a page."""

FORMATS: Registry[Render] = Registry(
    "format",
    "convcost.formats",
    {
        "csv": "convcost.reports.formats.csv:render",
        "html": "convcost.html:render",
        "json": "convcost.reports.formats.json:render",
        "markdown": "convcost.reports.formats.markdown:render",
        "table": "convcost.reports.formats.table:render",
        "text": "convcost.reports.formats.text:render",
    },
)
"""Those that every report can be written in."""

FINDINGS: Registry[Render] = Registry(
    "format for findings",
    "convcost.finding_formats",
    {
        "github": "convcost.reports.formats.ci.github:render",
        "gitlab": "convcost.reports.formats.ci.gitlab:render",
        "junit": "convcost.reports.formats.ci.junit:render",
        "sarif": "convcost.reports.formats.ci.sarif:render",
    },
)
"""Those for findings, which tools of continuous integration read."""


def names(*, ci: bool = False) -> list[str]:
    """Return the names of the formats that every report can be written in.

    Args:
        ci: Whether those for findings belong to them.
    """
    return sorted({*FORMATS, *FINDINGS} if ci else FORMATS)


def is_format(name: str) -> bool:
    """Return whether a name is that of a format, of those for findings too."""
    built_in = {*FORMATS.built_in(), *FINDINGS.built_in()}  # what is installed beside is slow to list
    return name in built_in or name in FORMATS or name in FINDINGS


def check(name: str, *, ci: bool = False) -> None:
    """Refuse a name that is no format.

    Args:
        name: The name.
        ci: Whether the reports have findings.

    Raises:
        OptionError: There is no such format, or it is for findings and the reports have none.
    """
    if name in FORMATS.built_in() or (ci and name in FINDINGS.built_in()):
        return
    if name in FORMATS or (ci and name in FINDINGS):
        return
    if name in FINDINGS:
        help = f"convcost check SPEC -o {name}; here the formats are {', '.join(names())}"
        raise OptionError(ErrorDetail(f"{name} is a format for findings, which only `convcost check` has", help=help))
    raise OptionError(ErrorDetail(f"there is no format {name!r}", help=nearest(name, names(ci=ci))))


def render(name: str, reports: Sequence[Report], page: Page) -> str:
    """Write reports in a format.

    Args:
        name: The format.
        reports: One report for each spec.
        page: What they are written on.
    """
    write = FINDINGS[name] if name in FINDINGS.built_in() or name not in FORMATS else FORMATS[name]
    return write(reports, page)
