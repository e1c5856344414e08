"""The peak over a range: formulas by hand, and each value against the network at that value."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction

import pytest

import convcost
from convcost.errors import ConvcostError


def pieces(spec, over, **options):
    found = convcost.peak_formula(spec, over, **options)
    return [(str(piece.first), str(piece.last), piece.layer, str(piece.formula)) for piece in found.pieces]


def test_one_layer_stays_the_peak():
    # 32·alpha and 64·alpha channels of 112·112, of 4 bytes
    assert 4 * (32 + 64) * 112**2 == 4_816_896
    expected = [("1/4", "1", "separable_conv_1/pointwise", "4816896·alpha")]
    assert pieces("mobilenet_v1", "alpha=1/4:1") == expected
    # 1 byte for each of as many, and four inputs at once
    assert pieces("mobilenet_v1", "alpha=1/4:1", dtype="int8", batch=4) == expected
    assert pieces("mobilenet_v1", "alpha=1/4:1:1/4", dtype="int8", batch=4) == expected


def test_where_the_peak_moves_there_are_pieces():
    # the stem reads 3·224² and writes 32·alpha·112²: 602,112 + 1,605,632·alpha bytes, which are more than
    # 4,816,896·alpha while alpha < 602,112 / 3,211,264 = 6/32, and as many there
    assert Fraction(4 * 3 * 224**2, 4_816_896 - 4 * 32 * 112**2) == Fraction(6, 32)
    assert pieces("mobilenet_v1", "alpha=1/32:1") == [
        ("1/32", "3/16", "conv_1", "1605632·alpha + 602112"),
        ("7/32", "1", "separable_conv_1/pointwise", "4816896·alpha"),
    ]


@pytest.mark.parametrize(
    ("spec", "over", "options"),
    [
        ("mobilenet_v1", "r=32:224", {}),
        ("mobilenet_v2", "alpha=1/4:2:1/8", {"dtype": "int8", "align": 16}),
        ("mobilenet_v2", "r=32:256", {"in_place": False, "keep_inputs": True}),
        ("efficientnet_b0", "width=1/2:2:1/4", {"dtype": "int8"}),
        ("resnet18", "r=32:256:32", {}),
    ],
)
def test_the_formula_is_the_peak_at_every_value(spec, over, options):
    found = convcost.peak_formula(spec, over, **options)
    seen = []
    for piece in found.pieces:
        for value in (each for each in found.values if piece.first <= each <= piece.last):
            memory = convcost.memory(spec, set={found.symbol: value}, **options)
            formula = piece.formula
            assert memory.peak_memory == (formula if type(formula) is int else formula.evaluate({found.symbol: value}))
            assert memory.peak_memory == next(r.alive for r in memory.layers if r.layer.name == piece.layer)
            seen.append(value)
    assert seen == [*found.values]


def test_every_format_has_the_condition(tmp_path):
    found = convcost.peak_formula("mobilenet_v1", "alpha=1/4:1")
    assert found.to_dict()["pieces"] == [
        {
            "first": "1/4",
            "last": "1",
            "condition": "1/4 ≤ alpha ≤ 1, multiples of 1/32",
            "layer": "separable_conv_1/pointwise",
            "formula": "4816896·alpha",
            "peak_first": 1_204_224,
            "peak_last": 4_816_896,
        }
    ]
    assert str(found).splitlines()[3:] == [
        "───────────────────────────────────────────────────────────────────────────────────────────────────",
        "1/4 ≤ alpha ≤ 1, multiples of 1/32  separable_conv_1/pointwise  4816896·alpha  1,204,224  4,816,896",
        "───────────────────────────────────────────────────────────────────────────────────────────────────",
        "25 values",
        "",
        "One layer stays the peak. The formula gives the largest number of all layers at each of these values.",
    ]


ERRORS = {
    "alpha": """\
error: --over takes a symbol and the ends of a range
 = found: --over alpha
 = help: such as --over alpha=1/4:1, or alpha=1/4:1:1/32 for the multiples of 1/32""",
    "alpha=1:1/2": """\
error: a range has 1 to 10,000 values
 = found: --over alpha=1:1/2: 0 multiples of 1/32
 = help: the smaller end first, and a step that divides the range""",
    "alpha=1/3:1:1/3": """\
error: alpha must be a multiple of 1/32
 = found: --set alpha=1/3
 = help: 5/16 and 11/32 are the nearest""",
    "alpha=1/4:1:0": """\
error: a step is a number above 0
 = found: --over: a step of 0
 = help: such as 1/32""",
}


ERRORS |= {
    "alpha=one:1": """\
error: the ends of a range are numbers
 = found: --over: alpha = one
 = help: such as 1/4""",
}


@pytest.mark.parametrize("over", ERRORS)
def test_a_wrong_range_is_an_error(over):
    with pytest.raises(ConvcostError) as caught:
        convcost.peak_formula("mobilenet_v1", over)
    assert caught.value.text() == ERRORS[over]


def test_a_range_in_which_the_network_is_not_valid_is_an_error_with_its_place():
    with pytest.raises(ConvcostError, match=r"mobilenet_v1.yaml:10:12, input(?s:.*)with r = -32"):
        convcost.peak_formula("mobilenet_v1", "r=-32:64")


OPEN = {"symbols": {"H": None, "W": None}, "input": [3, "H", "W"], "layers": [{"pointwise_conv": {"out_channels": 5}}]}


def test_the_range_of_a_size_that_is_open():
    # 3 channels are read and 5 written, at H · 4 positions
    assert pieces(OPEN, "H=32:64", dtype="int8", set={"W": 4}) == [("32", "64", "pointwise_conv_1", "32·H")]
    model = convcost.load(OPEN, set={"W": 4}, free=["H"])
    assert model.peak_formula("H=32:64:8", dtype="int8").pieces[0].peak_last == 8 * 4 * 64
    with pytest.raises(ConvcostError) as caught:
        convcost.peak_formula(OPEN, "H=32:64:8")
    assert caught.value.text() == "error: all other symbols need values\n = found: --over H=32:64:8\n = help: --set W=…"
    with pytest.raises(ConvcostError, match="<mapping> has no symbol 'R'"):
        convcost.peak_formula(OPEN, "R=32:64")


@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_long_formula_fits_a_narrow_screen(width):
    # the depthwise layer reads 6·c channels of 112·112 and writes them at 56·56, 4 bytes each
    assert 6 * 4 * (112**2 + 56**2) == 376_320
    command = [sys.executable, "-m", "convcost", "memory", "mobilenet_v2", "--over", "alpha=1/4:1"]
    environment = os.environ | {"COLUMNS": str(width)}
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment).stdout
    assert max(map(len, out.splitlines())) <= width
    assert "376320·make_divisible(16·alpha, 8)" in out
    assert "1/4 ≤ alpha ≤ 1," in out
