"""Numbers as people read them: exact digits, or marked as rounded."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.reports.table import bar, grouped, percent, sized


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (Fraction(281, 6400), "4.390625 %"),
        (Fraction(1), "100 %"),
        (Fraction(1, 10), "10 %"),
        (Fraction(1, 2), "50 %"),
        (Fraction(1, 1000), "0.1 %"),
        (Fraction(10, 9), "≈111.111111 %"),
        (Fraction(2, 3), "≈66.666667 %"),
        (Fraction(1, 10**8), "0.000001 %"),
        (Fraction(1, 10**12), "≈0 %"),
        (Fraction(0), "0 %"),
        (Fraction(1, 100) + Fraction(1, 262_144), "≈1.000381 %"),
    ],
)
def test_a_share_in_percent(share, text):
    assert percent(share) == text


@given(share=st.fractions(min_value=0, max_value=3, max_denominator=10**7))
def test_a_share_is_exact_or_marked_as_rounded(share):
    text = percent(share)
    shown = Fraction(text.removeprefix("≈").removesuffix(" %")) / 100
    if text.startswith("≈"):
        assert shown != share
        assert abs(shown - share) <= Fraction(1, 2 * 10**8)
    else:
        assert shown == share


@given(number=st.integers(0, 10**60))
def test_a_number_keeps_all_its_digits(number):
    text = grouped(number)
    assert int(text.replace(",", "")) == number
    first, *groups = text.split(",")
    assert 1 <= len(first) <= 3
    assert all(len(group) == 3 for group in groups)


@given(share=st.floats(0, 1))
def test_a_bar_has_at_most_ten_cells(share):
    """Its full and partial cells, in eighths, are the share of ten cells to within half an eighth."""
    eighths = sum("▏▎▍▌▋▊▉█".index(cell) + 1 for cell in bar(share))
    assert len(bar(share)) <= 10
    assert abs(eighths - share * 80) <= 0.5


def test_a_shape_is_shown_as_its_sizes():
    assert sized((256, 8, 8)) == "256×8×8"
    assert sized((1000,)) == "1000"
