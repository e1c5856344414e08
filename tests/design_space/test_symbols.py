"""The symbols of a spec, with values that can be tried."""

from __future__ import annotations

from fractions import Fraction

import pytest

import convcost
from convcost import arguments
from convcost.design_space.symbols import example
from convcost.errors import OptionError
from convcost.spec.origin import Origin
from convcost.spec.ranges import values
from convcost.spec.source import shipped

SPEC = {
    "name": "Net",
    "symbols": {
        "n": {"value": "1/2", "multiple_of": "1/4"},
        "k": 3,
        "act": "relu",
        "free": None,
        "unread": 5,
    },
    "input": [3, 9, 9],
    "blocks": {"stage": {"params": {"a": None}, "layers": [{"conv": {"out_channels": "4 * n", "kernel_size": "a"}}]}},
    "layers": [{"stage": {"a": "k"}}, {"conv": {"out_channels": "free", "kernel_size": 1, "activation": "act"}}],
}


def test_symbols_with_what_reads_them():
    found = arguments.symbols(Origin.of(SPEC))
    assert [(each.name, each.default, each.multiple_of, each.read_by) for each in found.symbols] == [
        ("n", Fraction(1, 2), Fraction(1, 4), ("out_channels of conv",)),
        ("k", 3, None, ("kernel_size of conv",)),
        ("act", "relu", None, ("activation of conv",)),
        ("free", None, None, ("out_channels of conv",)),
        ("unread", 5, None, ()),
    ]
    assert repr(found) == "<Symbols: Net: n, k, act, free, unread>"
    # quarters of 1/2 are no multiples of 1/4; 1/2 − 2 · 1/4 is 0
    assert [each.example for each in found.symbols] == ["0.5:1:0.25", "1:3", "", "", "2.5,3.75,5"]


@pytest.mark.no_cover
@pytest.mark.parametrize("name", sorted(shipped()))
def test_the_values_to_try_give_networks(name):
    for symbol in arguments.symbols(Origin.of(name)).symbols:
        assert symbol.read_by
        if not symbol.example:
            assert isinstance(symbol.default, list) or (name, symbol.name) in NO_OTHERS
            continue
        tried = values(symbol.name, symbol.example)
        assert len(tried) >= 2
        for value in tried:
            convcost.load(name, set={symbol.name: value})


NO_OTHERS = {("swin_tiny", "r"), ("unet_3d", "r"), ("unet_3d", "depth")}
"""Symbols of which no value near the default makes a network: windows and crops that fit few sizes only."""


@pytest.mark.parametrize(
    ("default", "multiple_of", "valid", "text"),
    [
        (1, None, lambda value: True, "0.5,0.75,1"),
        (5, None, lambda value: value == int(value), "3:5"),  # 2.5 is no whole number
        (224, 32, lambda value: True, "160:224:32"),  # 112 is no multiple of 32
        (1, Fraction(1, 32), lambda value: True, "0.5,0.75,1"),
        (3, None, lambda value: value in (2, 3, 4, 6, 12), "2,3,4"),
        (2, None, lambda value: value == int(value), "2:4"),
        (7, None, lambda value: value == 7, ""),
        (Fraction(1, 3), None, lambda value: value < 1, "1/6,0.25,1/3"),
        ("relu", None, lambda value: True, ""),
        (True, None, lambda value: True, "false,true"),
        (False, None, lambda value: value is False, ""),
        (0, None, lambda value: value in (0, 1), "0,1"),
    ],
)
def test_values_to_try(default, multiple_of, valid, text):
    def build(value):
        if not valid(value):
            raise OptionError("invalid")

    assert example(default, multiple_of, build) == text
