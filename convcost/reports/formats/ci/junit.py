"""JUnit XML: each finding is a test case, for Jenkins, GitLab, Azure Pipelines and others that show tests.

There is no standard. This is what `junit-10.xsd` allows, with which Jenkins validates
(https://github.com/jenkinsci/xunit-plugin, `src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd`), and what
"Common JUnit XML Format", https://github.com/testmoapp/junitxml, describes. No time is given, as none was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from convcost.errors import Place, visible
from convcost.reports.formats import ci
from convcost.reports.table import Finding, Findings, Page


def render(reports: Sequence[Findings], page: Page) -> str:
    """Return a test suite with a test case for each finding.

    An error is a failure, a warning a test that passes and prints. What was held to the rule is the class of the test,
    the rule is its name; tools tell tests by the two, so that the second of two alike is numbered. A character that XML
    cannot hold is written as an escape.
    """
    findings = ci.findings(reports)
    failures = sum(finding.level == "error" for finding in findings)
    skipped = sum(finding.level == "skipped" for finding in findings)
    counts = {"name": "convcost", "tests": str(len(findings)), "failures": str(failures), "errors": "0"}
    suites = Element("testsuites", counts)
    suite = SubElement(suites, "testsuite", counts, skipped=str(skipped))
    seen: dict[tuple[str, str], int] = {}
    for finding in findings:
        key = finding.subject, finding.rule
        seen[key] = seen.get(key, 0) + 1
        _add_case(suite, finding, seen[key])
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _add_case(suite: Element, finding: Finding, number: int) -> None:
    name = finding.rule if number == 1 else f"{finding.rule} ({number})"
    case = SubElement(suite, "testcase", classname=visible(finding.subject), name=visible(name))
    title = visible(finding.title)
    if finding.level == "error":
        SubElement(case, "failure", message=title, type=visible(finding.rule)).text = _told(finding)
    elif finding.level == "warning":
        SubElement(case, "system-out").text = f"warning: {title}\n{_told(finding)}"
    elif finding.level == "skipped":
        SubElement(case, "skipped", message=title)


def _told(finding: Finding) -> str:
    """Return the finding and its places, a line each."""
    places = [(finding.place, "")] if finding.place else []
    lines = [f"{_at(place)}: {text}" if text else _at(place) for place, text in (*places, *finding.related)]
    return "\n".join(map(visible, [finding.message, *lines]))


def _at(place: Place) -> str:
    at = ":".join([ci.path(place), *(str(number) for number in (place.line, place.column) if number)])
    return f"{at}, {place.module}" if place.module else at
