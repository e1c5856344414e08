"""Published and hand-worked numbers, from a spec's text to its totals."""

from __future__ import annotations

from fractions import Fraction

import pytest

import convcost

STANDARD = {"out_channels": 256, "kernel_size": 5, "bias": False}


def total(input, *layers):
    """Return what a network costs."""
    return convcost.analyze({"input": input, "layers": list(layers)}).total


def test_the_worked_standard_convolution():
    analysis = convcost.analyze({"input": [3, 12, 12], "layers": [{"conv": STANDARD}]})
    assert analysis.layers[0].output_shape == (256, 8, 8)
    assert (analysis.total.mults, analysis.total.params) == (1_228_800, 19_200)  # 256 · 75 · 64, 256 · 75


def test_the_worked_separable_convolution():
    analysis = convcost.analyze({"input": [3, 12, 12], "layers": [{"separable_conv": STANDARD}]})
    assert [layer.cost.mults for layer in analysis.layers] == [4_800, 49_152]  # 3 · 25 · 64, 256 · 3 · 64
    assert [layer.cost.params for layer in analysis.layers] == [75, 768]
    assert analysis.total.mults == 53_952
    for layer in analysis.layers:
        assert layer.ratio.exact == Fraction(1, 256) + Fraction(1, 25) == Fraction(281, 6400)
        assert float(layer.ratio.exact) == 0.04390625


def test_a_linear_layer_over_the_same_image():
    assert total([300], {"linear": {"out_features": 3_000}}).params == 903_000  # 300 · 3,000 + 3,000


@pytest.mark.parametrize(
    ("layer", "params"),
    [
        ({"conv": {"out_channels": 30, "kernel_size": 10}}, 9_030),  # 100 · 3 · 30 + 30
        ({"conv": {"out_channels": 30, "kernel_size": 10, "dilation": 2}}, 9_030),
        ({"conv": {"out_channels": 30, "kernel_size": 10, "groups": 3}}, 3_030),  # 100 · 1 · 30 + 30
        ({"pointwise_conv": {"out_channels": 30}}, 120),  # 3 · 30 + 30
        ({"conv": {"out_channels": 30, "kernel_size": 1}}, 120),
        ({"separable_conv": {"out_channels": 30, "kernel_size": 10}}, 423),  # 100 · 3 + 3 = 303, and 120
    ],
)
def test_seven_ways_to_thirty_channels(layer, params):
    assert total([3, 20, 20], layer).params == params


def test_two_small_kernels_against_a_large_one():
    one = {"out_channels": 1, "bias": False}
    large = total([1, 5, 5], {"conv": {"kernel_size": 5, **one}})
    small = total([1, 5, 5], {"conv": {"kernel_size": 3, **one}, "repeat": 2})
    assert (large.params, large.mults) == (25, 25)
    assert (small.params, small.mults) == (18, 90)  # 9 + 9; 9 places · 9, then 1 · 9


def test_the_ratio_of_many_channels_and_a_huge_kernel():
    layers = [{"conv": {"out_channels": 100, "kernel_size": 512, "bias": False}}]
    (layer,) = convcost.analyze({"input": [3, 512, 512], "layers": layers}).layers
    assert layer.ratio.exact == Fraction(1, 100) + Fraction(1, 262_144)  # 512² = 262,144
    assert float(layer.ratio.exact) == 0.010003814697265625


def test_a_transposed_convolution():
    layer = {"transposed_conv": {"out_channels": 1, "kernel_size": 3}}
    analysis = convcost.analyze({"input": [1, 2, 2], "layers": [layer]})
    assert analysis.layers[0].output_shape == (1, 4, 4)
    assert analysis.total.mults == 36  # 4 values · 9


@pytest.mark.parametrize(
    ("symbols", "macs", "params"),
    [
        ({}, 568_740_352, 4_231_976),
        ({"alpha": 0.75}, 325_400_448, 2_585_560),
        ({"alpha": 0.5}, 149_497_088, 1_331_592),
        ({"alpha": 0.25}, 41_030_272, 470_072),
        ({"r": 192}, 418_121_728, 4_231_976),
        ({"r": 160}, 290_675_200, 4_231_976),
        ({"r": 128}, 186_400_768, 4_231_976),
    ],
)
def test_mobilenet_v1_by_width_and_resolution(symbols, macs, params):
    """Howard et al. 2017, Tables 6 and 7, in full digits."""
    cost = convcost.load("mobilenet_v1", set=symbols).analyze().total
    assert (cost.macs, cost.params) == (macs, params)


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [("alexnet", 61_100_840, 714_188_480), ("resnet18", 11_689_512, 1_814_073_344)],
)
def test_torchvision_networks(name, params, macs):
    cost = convcost.analyze(name).total
    assert (cost.params, cost.macs) == (params, macs)
