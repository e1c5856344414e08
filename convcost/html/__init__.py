"""One self-contained HTML page of reports: it sorts, filters, folds, and computes the network's formulas by itself."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.html.page import document
from convcost.html.section import Section, section_of
from convcost.reports.table import Page, Report


def render(reports: Sequence[Report], page: Page) -> str:
    """Return the reports as one HTML page, which needs no network and is readable without JavaScript."""
    sections = [*map(_section, reports)]
    if len(reports) > 1 and (together := getattr(reports[0], "side_by_side", None)):
        *_, last = together(reports)
        sections = [section_of(last), *sections]
    return document(sections)


def _section(report: Report) -> Section:
    """Return a report's own section, or its tables where it has none."""
    own = getattr(report, "section", None)
    section: Section = own() if own is not None else section_of(report.table())
    return section
