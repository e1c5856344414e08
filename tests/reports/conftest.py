"""What the tests of the reports share."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

import convcost
from convcost.cost.report import AnalysisReport
from convcost.reports import formats
from convcost.reports.table import Page

SMALL = {
    "name": "Small",
    "source": "worked by hand",
    "symbols": {"n": 8},
    "input": [4, 6, 6],
    "layers": [
        # 4 · 9 = 36 weights at 4 · 4 places: 576; then 8 · 4 = 32 at 16: 512
        {"separable_conv": {"out_channels": "n", "kernel_size": 3, "bias": False, "norm": "batch_norm"}},
        # 8 · 8 · 9 + 8 = 584; 576 · 16 = 9,216, of which 64 · (2 + 3 + 3 + 2)² = 6,400 read no zero
        {"conv": {"out_channels": "n", "kernel_size": 3, "padding": 1}, "name": "wide"},
        {"residual": ["relu"]},  # 8 · 16 = 128 values
        "global_avg_pool",  # 8 sums of 16
    ],
}

HOSTILE = [
    "[red]",
    "[/]",
    "a\x1b[31mb",
    "\x1b]0;title\x07",
    "two\nlines",
    "carriage\rreturn",
    "tab\there",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "a|b",
    "a\\|b",
    "`code`",
    "*bold* _it_",
    "<script>alert(1)</script>",
    "&lt;",
    "![x](http://x)",
    "\u202eright to left",
    "\u200bzero\u2028width",
    '"quoted", and more',
    "'",
    "…",
    "層一",
    "__dunder__",
    "C #",
    "@octocat",
    "#123 GH-4",
    "<!-- hidden",
    "</details>",
    "www.example.com",
    "https://example.com/a?b=c",
    "a.b@example.com",
    ":+1: net.yaml:100:2",
    "::error file=a,line=1::b",
    "::stop-commands::c",
    "##[add-mask]d",
    "100%25 %0A::error::e",
    "a, b: c",
    "]]>",
    "{0} [x](1)",
    "..",
    "\ufeffmark \ufffe",
]


@pytest.fixture(scope="session")
def small() -> Mapping[str, object]:
    """Return a spec whose numbers are worked by hand."""
    return SMALL


@pytest.fixture(scope="session")
def hostile() -> Mapping[str, object]:
    """Return a spec whose texts all mean something to some format."""
    layers = [{"relu": None, "name": name} for name in HOSTILE]
    conv = {"conv": {"out_channels": 2, "kernel_size": 3}, "name": "conv"}
    return {"name": "".join(HOSTILE), "source": "".join(HOSTILE), "input": [2, 6, 6], "layers": [*layers, conv]}


@pytest.fixture(scope="session")
def hostile_names() -> list[str]:
    """Return the names of the hostile spec's layers."""
    return HOSTILE


@pytest.fixture(scope="session")
def render():
    """Return a function that writes specs, or analyses, in a format."""

    def render(format, *specs, width=None, color=False, sort=None, top=None, depth=None, layers=False, **options):
        reports = []
        for spec in specs:
            analysis = spec if isinstance(spec, convcost.Analysis) else convcost.analyze(spec, **options)
            reports.append(AnalysisReport.of(analysis, sort=sort, top=top, depth=depth, layers=layers))
        return formats.render(format, reports, Page(width=width, color=color))

    return render


@pytest.fixture(scope="session")
def plain():
    """Return a function that takes the colours out of a terminal's text."""
    return lambda text: re.sub(r"\x1b\[[0-9;]*m", "", text)
