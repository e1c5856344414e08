"""The formats that tools of continuous integration read; a file here is one, for reports that have findings."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from convcost.errors import Place
from convcost.reports.table import Finding, Findings


def findings(reports: Iterable[Findings]) -> list[Finding]:
    """Return the findings of reports, in their order."""
    return [finding for report in reports for finding in report.findings()]


def problems(reports: Iterable[Findings]) -> list[Finding]:
    """Return the errors and warnings of reports, in their order."""
    return [finding for finding in findings(reports) if finding.level in ("error", "warning")]


def where(finding: Finding) -> Place | None:
    """Return the place of a finding: its own, or the first related one."""
    return finding.place or next((place for place, _ in finding.related), None)


def path(place: Place) -> str:
    """Return a file's path with forward slashes, as services read it: from the top of the repository.

    Without a repository it is from the current folder; where it does not lie below these, from the root.
    """
    file = Path(os.path.abspath(place.file))  # noqa: PTH100 -- pathlib's keeps `..`
    here = Path.cwd()
    top = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    return file.relative_to(top).as_posix() if file.is_relative_to(top) else file.as_posix()
