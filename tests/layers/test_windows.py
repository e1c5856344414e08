"""How a window slides along one axis, at sizes that can be enumerated and at sizes that cannot."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from convcost.layers.windows import amounts, ceil_div, corner, output_size, useful_products

HUGE = 10**15


@given(p=st.integers(-3, 40), s=st.integers(1, 9), d=st.integers(1, 9), o=st.integers(0, 9), k=st.integers(1, 9))
def test_a_corner_counts_the_pairs_below_a_line(p, s, d, o, k):
    assert corner(p, s, d, o, k) == sum(a * s + b * d < p for a in range(o) for b in range(k))


@given(
    p=st.integers(1, HUGE**2),
    s=st.integers(1, HUGE),
    d=st.integers(1, HUGE),
    o=st.integers(1, HUGE),
    k=st.integers(1, HUGE),
)
def test_a_corner_of_huge_sizes_answers_at_once_and_keeps_its_symmetries(p, s, d, o, k):
    """Windows and taps may change places; and what a corner leaves over is the corner seen from the other end."""
    count = corner(p, s, d, o, k)
    assert count == corner(p, d, s, k, o)
    farthest = (o - 1) * s + (k - 1) * d
    assert count + corner(farthest - p + 1, s, d, o, k) == o * k


def test_a_huge_corner_that_is_a_triangle():
    # a + b < n over 0 ≤ a, b < n: n + (n − 1) + … + 1
    n = 10**12
    assert corner(n, 1, 1, n, n) == n * (n + 1) // 2


@given(
    i=st.integers(1, 8),
    k=st.integers(1, 4),
    s=st.integers(1, 4),
    d=st.integers(1, 3),
    pad=st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
def test_useful_products_read_a_value_of_the_input(i, k, s, d, pad):
    before, after = pad
    if i + before + after < d * (k - 1) + 1:
        return
    o = output_size(i, k, s, d, pad)
    useful = sum(0 <= a * s + b * d - before < i for a in range(o) for b in range(k))
    assert useful_products(i, k, s, d, o, before) == useful


def test_a_window_that_just_fits_fits_once():
    assert output_size(5, 3, 1, 2, (0, 0)) == 1  # 2·2 + 1 = 5
    assert output_size(1, 3, 7, 1, (1, 1)) == 1


@given(a=st.integers(0, HUGE), b=st.integers(1, HUGE))
def test_ceil_div_is_the_smallest_whole_number_that_holds(a, b):
    n = ceil_div(a, b)
    assert (n - 1) * b < a <= n * b


def test_same_padding_puts_the_odd_zero_after():
    """No count shows it, for the windows fit exactly and mirrored they read as much; an executor sees it."""
    # (⌈4/1⌉ − 1)·1 + 1 + 1 − 4 = 1 and (⌈5/2⌉ − 1)·2 + 3 + 1 − 5 = 3
    assert amounts("same", (4, 5), (2, 4), (1, 2), (1, 1)) == ((0, 1), (1, 2))
    # (⌈7/3⌉ − 1)·3 + 2·2 + 1 − 7 = 4; and none where the windows leave values out
    assert amounts("same", (7, 4), (3, 1), (3, 3), (2, 1)) == ((2, 2), (0, 0))
    assert amounts(((1, 2),), (4,), (2,), (1,), (1,)) == ((1, 2),)
