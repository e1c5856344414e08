"""GitLab: a Code Quality report, which merge requests show.

Source: "Code Quality", section "Code Quality report format", https://docs.gitlab.com/ci/testing/code_quality/; GitLab
reads it in `lib/gitlab/ci/parsers/codequality/code_climate.rb` and keeps one entry for each fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import json

from convcost.errors import visible
from convcost.reports.formats import ci
from convcost.reports.table import Findings, Page

_SEVERITIES = {"error": "major", "warning": "minor"}
_NOWHERE = "-"  # as standard input is called on the command line


def render(reports: Sequence[Findings], page: Page) -> str:
    """Return an entry for each error and warning.

    GitLab needs a path for each. A finding without a place is shown at the first that is related; one
    without any file is reported at the path `-`.
    """
    entries = json.encode(list(_entries(reports)))
    return json.format(entries, indent=2).decode() + "\n"


def _entries(reports: Sequence[Findings]) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for finding in ci.problems(reports):
        place = ci.where(finding)
        path = ci.path(place) if place else _NOWHERE
        yield {
            "description": visible(finding.message),
            "check_name": visible(finding.rule),
            "fingerprint": _unique(finding.fingerprint, seen),
            "severity": _SEVERITIES[finding.level],
            "location": {
                "path": path.encode(errors="backslashreplace").decode(),  # what is not Unicode is not JSON
                "lines": {"begin": (place and place.line) or 1},
            },
        }


def _unique(fingerprint: str, seen: set[str]) -> str:
    """Return a fingerprint that no other has, numbered where one has it already."""
    unique, number = fingerprint, 1
    while unique in seen:
        number += 1
        unique = f"{fingerprint}-{number}"
    seen.add(unique)
    return unique
