"""SARIF 2.1.0, for GitHub code scanning, Azure DevOps and editors.

Sources: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0 Plus Errata 01",
https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html; what GitHub reads of
it, "SARIF support for code scanning",
https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from msgspec import json

from convcost.errors import Place, visible
from convcost.reports.formats import ci
from convcost.reports.table import Finding, Findings, Page

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"


def render(reports: Sequence[Findings], page: Page) -> str:
    """Return one run, with all rules that were asked and a result for each error and warning.

    What passed or was skipped has no result, although the standard has kinds for them (§3.27.9): GitHub reads no kind
    and would show it as an alert. A finding without a place is shown at the first that is related; where nothing was
    read from a file it has no location, which is valid (§3.27.12) but which GitHub refuses together with all others.
    """
    rules = {finding.rule: finding for finding in reversed(ci.findings(reports))}
    names = sorted(rules)
    version = import_module("convcost").__version__  # an import at the top would draw in what reports may not see
    driver = {"name": "convcost", "version": version, "rules": [_rule(rules[name]) for name in names]}
    run = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {_ROOT: {"description": _message("The folder in which convcost ran.")}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, names.index(finding.rule)) for finding in ci.problems(reports)],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.format(json.encode(log), indent=2).decode() + "\n"


def _rule(finding: Finding) -> dict[str, Any]:
    """Return a rule, with the three texts that GitHub requires."""
    about = {"text": visible(finding.about)}
    return {"id": visible(finding.rule), "shortDescription": about, "fullDescription": about, "help": about}


def _result(finding: Finding, index: int) -> dict[str, Any]:
    place = ci.where(finding)
    related = [
        {"id": number, **_location(place), "message": _message(text)}
        for number, (place, text) in enumerate(finding.related, 1)
    ]
    return {
        "ruleId": visible(finding.rule),
        "ruleIndex": index,
        "level": finding.level,
        "message": _message(finding.message),
        **({"locations": [_location(place)]} if place else {}),
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {"convcost/v1": finding.fingerprint},
    }


def _message(text: str) -> dict[str, str]:
    """Return a plain text in which nothing is a placeholder (§3.11.5) or a link (§3.11.6)."""
    return {"text": visible(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")}


def _location(place: Place) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(ci.path(place))}
    if place.line:
        physical["region"] = {"startLine": place.line, "startColumn": place.column or 1}
    module = {"fullyQualifiedName": visible(place.module), "kind": "module"}
    return {"physicalLocation": physical, **({"logicalLocations": [module]} if place.module else {})}


def _artifact(path: str) -> dict[str, str]:
    """Return a file: by a relative reference where it lies below the current folder, else by an absolute one."""
    if PurePath(path).is_absolute():
        return {"uri": PurePath(path).as_uri()}
    return {"uri": quote(os.fsencode(path)), "uriBaseId": _ROOT}
