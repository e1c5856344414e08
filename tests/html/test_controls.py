"""The values that sliders go through."""

from __future__ import annotations

from fractions import Fraction

import pytest

import convcost
from convcost.html.controls import MOST_STOPS, _apart, stops


def spec(symbol):
    return {
        "symbols": {"s": symbol},
        "input": [4, 64, 64],
        "layers": [{"conv": {"out_channels": "max(1, floor(8 + s))", "kernel_size": 3}}],
    }


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ({"value": 4, "multiple_of": 2}, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]),  # to 8 steps above
        ({"value": 32, "multiple_of": 8}, [8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96]),
        (0, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (-2, [Fraction(turn, 32) for turn in range(-128, -55)]),  # from twice the value on, in steps of a 64th of it
        (1, [Fraction(turn, 64) for turn in range(1, 129)]),
    ],
)
def test_a_slider_goes_through_values_around_the_specs(symbol, expected):
    free = convcost.load(spec(symbol), free=["s"]).network.free
    assert stops(free, "s") == expected


def test_a_slider_has_no_more_stops_than_a_hand_can_choose():
    free = convcost.load(spec({"value": 960, "multiple_of": 1}), free=["s"]).network.free
    found = stops(free, "s")
    assert 960 in found
    assert len(found) <= MOST_STOPS
    assert found == [15 * turn for turn in range(1, 129)]  # 1,920 values: the least step into 960 that leaves 128


def test_a_slider_leaves_out_what_breaks_a_condition():
    free = convcost.load("mobilenet_v2", free=["r"]).network.free
    assert stops(free, "r") == [*range(32, 481, 32)]


def test_the_networks_around_one_differ_in_one_choice_and_the_nearest_come_first():
    points = list(_apart({"n": 2, "wide": True}))
    assert points[:3] == [(3, True), (2, False), (1, True)]
    assert len({abs(n - 2) for n, _ in points}) > 2  # further on, too
    assert all(n > 0 and (n == 2) != wide for n, wide in points)
