"""The teaching specs give the numbers of their lessons, each worked out beside it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import convcost

Analyze = Callable[..., convcost.Analysis]


def test_worked_example_in_both_forms(analyze: Analyze) -> None:
    standard = analyze("examples/worked_standard")
    separable = analyze("examples/worked_separable")
    assert standard.layers[-1].output_shape == separable.layers[-1].output_shape == (256, 8, 8)
    # 256 · 5 · 5 · 3 = 19,200 weights at 8 · 8 places
    assert (standard.total.params, standard.total.mults) == (19_200, 1_228_800)
    # 5 · 5 · 3 = 75 and 256 · 3 = 768 weights at 8 · 8 places
    assert [(layer.cost.params, layer.cost.mults) for layer in separable.layers] == [(75, 4_800), (768, 49_152)]
    assert Fraction(separable.total.mults, standard.total.mults) == Fraction(1, 256) + Fraction(1, 25)


def test_seven_convolutions_of_one_image(analyze: Analyze) -> None:
    analysis = analyze("examples/seven_convolutions")
    params: dict[str, int] = {}
    for layer in analysis.layers:
        params[layer.path[0]] = params.get(layer.path[0], 0) + layer.cost.params
        if "output" in layer.notes and layer.type != "linear":
            assert layer.output_shape == (30, 10, 10)
    assert {name: count for name, count in params.items() if count} == {
        "standard": 9_030,  # 10 · 10 · 3 · 30 + 30
        "dilated": 9_030,
        "grouped": 3_030,  # 10 · 10 · 1 · 30 + 30
        "transposed": 9_030,
        "pointwise": 120,  # 3 · 30 + 30
        "separable": 423,  # 10 · 10 · 3 + 3 = 303, 3 · 30 + 30 = 120
        "linear": 903_000,  # 300 · 3,000 + 3,000
    }


def test_one_5x5_kernel_against_two_3x3(analyze: Analyze) -> None:
    one = analyze("examples/one_5x5").total
    two = analyze("examples/two_3x3").total
    assert (one.params, one.mults) == (25, 25)
    # 2 · 9 weights; the first at 3 · 3 places, the second at one: 81 + 9
    assert (two.params, two.mults) == (18, 90)


def test_shufflenet_unit_of_three_groups(analyze: Analyze) -> None:
    """A 5 × 5 image of 9 channels in three groups, 12 kernels: each sees 3 channels."""
    unit = analyze("examples/shufflenet_unit")
    convs = [layer for layer in unit.layers if layer.type.endswith("conv")]
    # 12 · 3 and 9 · 4 weights in the grouped convolutions, 12 · 9 in the depthwise one, all at 5 · 5 places
    assert [(layer.cost.params, layer.cost.macs) for layer in convs] == [(36, 900), (108, 2_700), (36, 900)]
    whole = analyze("examples/shufflenet_unit", g=1)
    # ungrouped: 12 · 9 and 9 · 12 weights
    assert [layer.cost.params for layer in whole.layers if layer.type.endswith("conv")] == [108, 108, 108]


def test_xception_steps_from_inception(analyze: Analyze) -> None:
    """96 · 96 weights of 1 × 1 in each; the 3 × 3 ones go from the whole to a third and to a 96th."""
    steps = ["1_whole", "2_towers", "3_channels"]
    totals = [analyze(f"examples/xception_step_{step}") for step in steps]
    assert [analysis.layers[-1].output_shape for analysis in totals] == [(96, 14, 14)] * 3
    spatial = [analysis.total.params - 96 * 96 for analysis in totals]
    # 96 · 96 · 9, 3 · 32 · 32 · 9, 96 · 9
    assert spatial == [82_944, 27_648, 864]
    assert [Fraction(count, 82_944) for count in spatial] == [1, Fraction(1, 3), Fraction(1, 96)]
