"""GitHub: workflow commands that annotate a run and the lines of a pull request.

Source: "Workflow commands for GitHub Actions",
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands; what stands for what is read back
by the runner, https://github.com/actions/runner, `src/Runner.Common/ActionCommand.cs`: in a message `%25`, `%0D` and
`%0A`, in a property also `%3A` and `%2C`. It takes a line that begins with `::` for a command, white space before it or
not, and any line that contains `##[`. Of a step GitHub shows ten errors and ten warnings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convcost.errors import visible
from convcost.reports.formats import ci
from convcost.reports.table import Finding, Findings, Page, counted

_MOST = 10


def render(reports: Sequence[Findings], page: Page) -> str:
    """Return an annotation for each of the ten worst errors and warnings, and a line that counts the others.

    Errors come before warnings, then what weighs most. Nothing in a text can start a command: it stays on its line,
    what cannot be seen is written as escapes, and so is the bracket of `##[`.
    """
    problems = sorted(ci.problems(reports), key=lambda finding: (finding.level != "error", -finding.weight))
    lines = [_annotation(finding) for finding in problems[:_MOST]]
    if not problems:
        lines.append(f"All is well: {_counts(ci.findings(reports), passed='pass', skipped='skipped')}.")
    if rest := problems[_MOST:]:
        left = " and ".join(_problems(rest))
        lines.append(f"Not annotated: {left}, as GitHub shows {_MOST}; the job summary and `-o text` tell all.")
    return "\n".join(lines) + "\n"


def _annotation(finding: Finding) -> str:
    properties = {}
    if place := ci.where(finding):
        properties["file"] = ci.path(place)
        if place.line:
            properties |= {"line": str(place.line), "col": str(place.column or 1)}
    properties["title"] = finding.title
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{finding.level} {written}::{_message(finding.message)}"


def _message(text: str) -> str:
    return visible(text).replace("%", "%25").replace("##[", r"##\x5b")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _problems(findings: Sequence[Finding]) -> Iterator[str]:
    for level in ("error", "warning"):
        if number := sum(finding.level == level for finding in findings):
            yield counted(number, level)


def _counts(findings: Sequence[Finding], **levels: str) -> str:
    counts = {word: sum(finding.level == level for finding in findings) for word, level in levels.items()}
    return ", ".join(f"{number:,} {word}" for word, number in counts.items() if number) or "nothing was asked"
