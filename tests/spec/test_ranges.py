"""Values of symbols as texts: lists, and ranges whose end belongs to them where a step meets it."""

from __future__ import annotations

from fractions import Fraction

import pytest

from convcost.errors import OptionError
from convcost.spec.ranges import values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("128:224:32", (128, 160, 192, 224)),  # 128 + 3 · 32 is the end
        ("128:223:32", (128, 160, 192)),  # no step meets 223
        ("128:225:32", (128, 160, 192, 224)),
        ("1:4", (1, 2, 3, 4)),
        ("7:7", (7,)),
        ("0.1:0.3:0.1", (Fraction(1, 10), Fraction(1, 5), Fraction(3, 10))),  # exact: no rounding leaves 0.3 out
        ("1/4:1:1/4", (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), 1)),
        ("-2:2:2", (-2, 0, 2)),
        ("1:2,8", (1, 2, 8)),
    ],
)
def test_a_range_includes_its_end_where_a_step_meets_it(text, expected):
    assert values("n", text) == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "3:2",
            "error: a range starts at or below its end\n = found: --set n=3:2\n = help: START:END:STEP, as 2:3",
        ),
        (
            "1:5:0",
            "error: the step of a range is above 0: 0\n = found: --set n=1:5:0",
        ),
        (
            "1:100_001",
            (
                "error: a range has at most 100,000 values\n = found: --set n=1:100_001: 100,001\n"
                " = help: a larger step gives fewer; --max-points N allows more, in Python max_points=N"
            ),
        ),
    ],
)
def test_what_is_no_range(text, error):
    with pytest.raises(OptionError) as caught:
        values("n", text)
    assert caught.value.text() == error


def test_as_many_values_as_are_allowed():
    assert len(values("n", "1:100_000")) == 100_000
