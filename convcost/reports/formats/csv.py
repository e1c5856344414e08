"""CSV: a row for each layer, with a heading."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from convcost.reports.table import Page, Report, safe

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # the wide ones too: some spreadsheets take them for the narrow


def render(reports: Sequence[Report], page: Page) -> str:
    """Return the reports' records as CSV; a text that a spreadsheet would run as a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heading: list[str] = []
    for report in reports:
        for record in report.records():
            if not heading:
                heading = list(record)
                writer.writerow(heading)
            writer.writerow([value if value.__class__ is int else cell(value) for value in record.values()])
    return out.getvalue()


def cell(value: Any) -> Any:
    """Return a cell's value: a text without control characters, and none that a spreadsheet runs as a formula."""
    if not isinstance(value, str):
        return value
    text = safe(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
