"""JUnit XML: each finding is a test case, for Jenkins, GitLab, Azure Pipelines and others that show tests.

There is no standard. This is what `junit-10.xsd` allows, with which Jenkins validates
(https://github.com/jenkinsci/xunit-plugin, `src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd`), and what
"Common JUnit XML Format", https://github.com/testmoapp/junitxml, describes. No time is given, as none was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from convcost.errors import Place, visible
from convcost.reports.contents import Finding, Findings, Page
from convcost.reports.formats import ci


def render(reports: Sequence[Findings], page: Page) -> str:
    """Return a test suite with a test case for each finding.

    An error is a failure, a warning a test that passes and prints. What was held to the rule is the class of the test,
    the rule is its name; tools tell tests by the two, so that the second of two alike is numbered. A character that XML
    cannot hold is written as an escape.
    """
    findings = ci.findings(reports)
    failures = sum(finding.level == "error" for finding in findings)
    skipped = sum(finding.level == "skipped" for finding in findings)
    counts = f'name="convcost" tests="{len(findings)}" failures="{failures}" errors="0"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {counts}>"]
    lines.append(f'  <testsuite {counts} skipped="{skipped}">')
    seen: dict[tuple[str, str], int] = {}
    for finding in findings:
        key = finding.subject, finding.rule
        seen[key] = seen.get(key, 0) + 1
        lines += _case(finding, seen[key])
    return "\n".join([*lines, "  </testsuite>", "</testsuites>"]) + "\n"


def _case(finding: Finding, number: int) -> Iterator[str]:
    name = finding.rule if number == 1 else f"{finding.rule} ({number})"
    start = f'    <testcase classname="{_text(finding.subject)}" name="{_text(name)}"'
    title = f'message="{_text(finding.title)}"'
    if finding.level == "error":
        content = f'<failure {title} type="{_text(finding.rule)}">{_told(finding)}</failure>'
    elif finding.level == "warning":
        content = f"<system-out>warning: {_text(finding.title)}\n{_told(finding)}</system-out>"
    elif finding.level == "skipped":
        content = f"<skipped {title}/>"
    else:
        yield start + "/>"
        return
    yield start + ">"
    yield f"      {content}"
    yield "    </testcase>"


def _told(finding: Finding) -> str:
    """Return what was found and where to look, a line each."""
    places = [(finding.place, "")] if finding.place else []
    told = [f"{_at(place)}: {text}" if text else _at(place) for place, text in (*places, *finding.related)]
    return "\n".join(map(_text, [finding.message, *told]))


def _at(place: Place) -> str:
    return ":".join([ci.path(place), *(str(number) for number in (place.line, place.column) if number)])


def _text(text: str) -> str:
    return escape(visible(text))
