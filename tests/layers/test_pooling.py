"""Pools: windows, their sums, averages and maxima."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import ceil, floor, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.executor import Array
from convcost.executor import run as execute
from convcost.layers import LayerError


def test_a_maximum_of_n_values_compares_n_minus_1_times(run):
    ran = run("max_pool", (64, 112, 112), kernel_size=3, stride=2, padding=1)
    assert ran.output == (64, 56, 56)  # (112 + 2 − 3) // 2 + 1
    assert ran.ops == {"cmp": 1_605_632}  # 64 · 56 · 56 · 8
    assert (ran.cost.params, ran.cost.macs, ran.cost.useful_mults, ran.cost.flops) == (0, 0, 0, 0)


def test_an_average_of_n_values_adds_n_times_and_divides_once(run):
    ran = run("avg_pool", (8, 6, 6), kernel_size=[2, 3])
    assert ran.output == (8, 3, 2)
    assert ran.ops == {"add": 288, "div": 48}  # 8 · 3 · 2 = 48 values, 6 each
    assert ran.cost.flops == 288


def test_what_an_average_divides_by_changes_no_count(run):
    shape, window = (1, 5, 5), {"kernel_size": 3, "padding": 1, "ceil_mode": True}
    assert run("avg_pool", shape, count_include_pad=False, **window) == run("avg_pool", shape, **window)


def test_a_pool_steps_by_its_kernel_unless_it_says_otherwise(run):
    assert run("max_pool", (1, 9, 8), kernel_size=[3, 2]).output == (1, 3, 4)
    assert run("max_pool", (1, 9, 8), kernel_size=[3, 2], stride=1).output == (1, 7, 7)


def test_a_kernel_of_one_compares_nothing(run):
    ran = run("max_pool", (4, 6, 6), kernel_size=1, stride=2)
    assert ran.output == (4, 3, 3)
    assert ran.ops == {}


def test_a_dilated_maximum_spans_more_and_compares_as_often(run):
    ran = run("max_pool", (1, 9), kernel_size=3, stride=1, dilation=3)
    assert ran.output == (1, 3)  # 9 − 3·2 − 1 + 1
    assert ran.ops == {"cmp": 6}  # 3 · 2


@pytest.mark.parametrize(
    ("size", "window", "output"),
    [
        ((1, 6), {"kernel_size": 3, "stride": 2}, 3),  # (6 − 3) / 2 + 1 = 2.5, up
        ((1, 5), {"kernel_size": 1, "stride": 3}, 2),  # 4/3 + 1 = 2.33 up to 3, but the third starts at 6 ≥ 5
        ((1, 2), {"kernel_size": 2, "stride": 3, "padding": 1}, 1),  # 2/3 + 1 up to 2; the second starts at 3 ≥ 2 + 1
        ((1, 3), {"kernel_size": 2, "stride": 3, "padding": 1}, 2),  # 1 + 1; the second starts at 3 < 3 + 1
        ((1, 2), {"kernel_size": 3, "stride": 2}, 1),  # −1/2 up to 0, + 1: a kernel larger than its input
    ],
)
def test_ceil_mode_adds_a_window_that_starts_in_the_input_or_before_it(size, window, output, run):
    assert run("avg_pool", size, ceil_mode=True, **window).output == (1, output)


pool_axes = st.fixed_dictionaries(
    {
        "i": st.integers(1, 7),
        "k": st.integers(1, 4),
        "s": st.integers(1, 5),
        "d": st.integers(1, 2),
        "pad": st.tuples(st.integers(0, 2), st.integers(0, 2)),
    }
)


def starts(i, k, s, d, pad, *, up):
    """Return where the windows of an axis start, by PyTorch's rule.

    Whole windows within the padded input; with `up` one more where the last leaves values over (or, where there is
    none, the one a step before the first would), provided that it starts inside the input or the padding before it.
    """
    before, after = pad
    size = before + i + after
    span = d * (k - 1) + 1
    found = [a for a in range(0, size, s) if a + span <= size]
    last = found[-1] if found else -s
    if up and last + span < size and last + s < before + i:
        found.append(last + s)
    return found


@given(axes=st.lists(pool_axes, min_size=1, max_size=3), up=st.booleans(), channels=st.integers(1, 3))
def test_a_pool_counts_whole_windows(axes, up, channels, run):
    for axis in axes:
        axis["pad"] = tuple(min(side, axis["k"] // 2) for side in axis["pad"])
    window = {"kernel_size": [axis["k"] for axis in axes], "stride": [axis["s"] for axis in axes]}
    window |= {"padding": [list(axis["pad"]) for axis in axes], "ceil_mode": up}
    shape = (channels, *(axis["i"] for axis in axes))
    terms = prod(window["kernel_size"])
    for type, d in ("max_pool", 2), ("max_pool", 1), ("avg_pool", 1):
        sides = [starts(axis["i"], axis["k"], axis["s"], d, axis["pad"], up=up) for axis in axes]
        given_fields = window | ({"dilation": d} if d > 1 else {})
        if not all(sides):
            with pytest.raises(LayerError, match="must fit"):
                run(type, shape, **given_fields)
            continue
        ran = run(type, shape, **given_fields)
        assert ran.output == (channels, *map(len, sides))
        values = channels * len(list(product(*sides)))
        if type == "max_pool":
            assert ran.cost.ops.cmp == values * (terms - 1)
        else:
            assert (ran.cost.adds, ran.cost.ops.div) == (values * terms, values)


@given(i=st.integers(1, 9), k=st.integers(1, 5), s=st.integers(1, 5), up=st.booleans())
def test_same_padding_gives_a_pool_its_size_divided_by_the_stride(i, k, s, up, run):
    """More than half of the kernel may be padding then; ceil_mode has nothing left to add."""
    ran = run("max_pool", (2, i), kernel_size=k, stride=s, padding="same", ceil_mode=up)
    assert ran.output == (2, ceil(Fraction(i, s)))


def test_a_global_average_adds_every_position(run):
    ran = run("global_avg_pool", (1024, 7, 7))
    assert ran.output == (1024, 1, 1)
    assert ran.ops == {"add": 50_176, "div": 1_024}  # 1024 · 49
    assert run("global_avg_pool", (5, 9)).output == (5, 1)
    assert run("global_avg_pool", (5, 2, 3, 4)).ops == {"add": 120, "div": 5}


def test_an_adaptive_average_lays_overlapping_windows(run):
    # 5 to 3: windows 0–2, 1–4, 3–5 hold 2 + 3 + 2 = 7 values an axis
    ran = run("adaptive_avg_pool", (4, 5, 5), output_size=3)
    assert ran.output == (4, 3, 3)
    assert ran.ops == {"add": 196, "div": 36}  # 4 · 7 · 7, 4 · 9


def test_an_adaptive_average_to_the_same_size_still_averages_each_value(run):
    assert run("adaptive_avg_pool", (2, 6, 6), output_size=6).ops == {"add": 72, "div": 72}


@given(
    sizes=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=3),
    channels=st.integers(1, 3),
)
def test_an_adaptive_average_counts_its_windows(sizes, channels, run):
    """From ⌊a·i/o⌋ to ⌈(a + 1)·i/o⌉, enumerated; the output may be larger than the input."""
    lengths = [[ceil(Fraction((a + 1) * i, o)) - floor(Fraction(a * i, o)) for a in range(o)] for i, o in sizes]
    ran = run("adaptive_avg_pool", (channels, *(i for i, _ in sizes)), output_size=[o for _, o in sizes])
    windows = list(product(*lengths))
    assert ran.output == (channels, *(o for _, o in sizes))
    assert ran.cost.adds == channels * sum(map(prod, windows))
    assert ran.cost.ops.div == channels * len(windows)


def test_on_three_axes_a_window_may_be_larger_than_the_input_before_padding(run):
    """PyTorch's AvgPool3d refuses that, its AvgPool2d does not; the two windows hold 4³ values each way."""
    padded = run("avg_pool", (2, 3, 3, 3), kernel_size=4, stride=1, padding=1)
    assert padded.output == (2, 2, 2, 2)
    assert padded.ops == {"add": 4**3 * 2 * 2**3, "div": 2 * 2**3}
    hanging = run("avg_pool", (2, 3, 3, 3), kernel_size=4, stride=2, ceil_mode=True)  # one window, one value over
    assert hanging.output == (2, 1, 1, 1)
    assert hanging.ops == {"add": 4**3 * 2, "div": 2}
    fields = {"stride": (2,) * 3, "padding": ((0, 0),) * 3, "ceil_mode": True, "count_include_pad": False}
    mean, _ = execute("avg_pool", {"kernel_size": (4,) * 3, **fields}, [Array((1, 3, 3, 3), list(range(27)))])
    assert mean.values == [13]  # (0 + 26) / 2: what hangs over does not count
