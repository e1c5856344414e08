"""What the tests of the formats for continuous integration share."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from convcost.errors import Place
from convcost.reports import formats
from convcost.reports.table import Finding, Page

LIMIT = Place("convcost.yaml", 4, 10)

# 9,600 = 8,000 · 6/5; 580 = 600 · 29/30
WORKED = (
    Finding(
        level="error",
        rule="mults-max",
        about="The mults are within their limit.",
        subject="nets/small.yaml",
        title="mults: 9,600, 1,600 above the limit of 8,000 (120 %)",
        message="nets/small.yaml: 1,600 mults above the limit of 8,000 (120 %). Most of it: wide 9,216.",
        place=Place("nets/small.yaml", 5, 7),
        related=((LIMIT, "max: 8k"), (Place("nets/small.yaml", 3), "stem: 384")),
        fingerprint="0a1b",
        weight=Fraction(6, 5),
    ),
    Finding(
        level="pass",
        rule="mults-max",
        about="The mults are within their limit.",
        subject="nets/tiny.yaml",
        title="mults: 10, 0.1 % of the limit of 8,000",
        message="nets/tiny.yaml: 10 mults, within the limit of 8,000.",
        place=None,
        related=((LIMIT, "max: 8k"),),
        fingerprint="1b2c",
        weight=Fraction(1, 800),
    ),
    Finding(
        level="warning",
        rule="params-max",
        about="The params are within their limit.",
        subject="my nets/b[1].yaml, alpha = 1/2",
        title="params: 580, 96.7 % of the limit of 600",
        message="my nets/b[1].yaml: 580 params, 96.7 % of the limit of 600.",
        place=Place("./my nets/b[1].yaml", 2, 1),
        related=(),
        fingerprint="2c3d",
        weight=Fraction(29, 30),
    ),
    Finding(
        level="skipped",
        rule="params-growth",
        about="The params grow no more than allowed.",
        subject="nets/tiny.yaml",
        title="params, growth 2%: nets/tiny.yaml is new",
        message="nets/tiny.yaml: it is new, so that nothing has grown.",
        place=None,
        related=(),
        fingerprint="3d4e",
        weight=Fraction(0),
    ),
)


class Fake(Struct, frozen=True):
    """A report that has findings, and nothing else."""

    found: tuple[Finding, ...]

    def findings(self):
        return self.found


@pytest.fixture(scope="session")
def worked():
    """Return an error, a pass, a warning and a skipped one."""
    return WORKED


@pytest.fixture(scope="session")
def render():
    """Return a function that writes findings, of one report or of several, in a format."""

    def render(format, *reports):
        return formats.render(format, [Fake(tuple(found)) for found in reports], Page())

    return render


@pytest.fixture(scope="session")
def hostile(hostile_names):
    """Return a finding of each level for each hostile text, which stands wherever a text can."""
    return [hostile_finding(text, level) for text in hostile_names for level in ("error", "warning", "pass", "skipped")]


def hostile_finding(text, level="error"):
    file = text.replace("\0", "") or "x"
    return replace(
        WORKED[0],
        level=level,
        rule=text,
        about=text,
        subject=text,
        title=text,
        message=text,
        place=Place(file, 1, 1),
        related=((Place(f"{file}/b", 2, 2), text),),
    )


FINDINGS = st.builds(
    hostile_finding,
    st.text(st.characters(codec="utf-8")),
    st.sampled_from(["error", "warning", "pass", "skipped"]),
)


@pytest.fixture(scope="session")
def findings():
    """Return a strategy for lists of findings with any texts."""
    return st.lists(FINDINGS, max_size=12)
