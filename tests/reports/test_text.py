"""Text: the table under another name."""

from __future__ import annotations

import pytest

import convcost
from convcost.cost.report import AnalysisReport
from convcost.reports import formats
from convcost.reports.table import Page


@pytest.mark.parametrize("page", [Page(), Page(width=60), Page(width=100, color=True)])
def test_text_is_the_table(page, small):
    reports = [AnalysisReport.of(convcost.analyze(spec)) for spec in (small, "examples/one_5x5")]
    assert formats.render("text", reports, page) == formats.render("table", reports, page)
