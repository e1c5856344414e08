"""The ratio of a separable convolution to the standard one, and the layers that have one."""

from __future__ import annotations

from fractions import Fraction

import pytest

from convcost.layers import REGISTRY, Activation, Norm

DEPTHWISE = {"depthwise_conv": {"kernel_size": 5}}
GROUPED = {"conv": {"out_channels": 4, "kernel_size": 5, "groups": 4}}
POINTWISE = {"pointwise_conv": {"out_channels": 16}}
SMALL = {"conv": {"out_channels": 16, "kernel_size": 1}}
INPUT = [4, 9, 9]


def ratios(analysis):
    """Return the kind, exact value and term of each layer's ratio, by the layer's name."""
    return {
        layer.name: (layer.ratio.kind, layer.ratio.exact, layer.ratio.term)
        for layer in analysis.layers
        if layer.ratio is not None
    }


def test_a_standard_convolution_says_what_a_separable_one_would_cost(analyze):
    (layer,) = analyze([3, 12, 12], {"conv": {"out_channels": 256, "kernel_size": 5}}).layers
    ratio = layer.ratio
    assert (ratio.kind, ratio.formula, ratio.numbers, ratio.term) == ("standard", "1/N + 1/Dk²", "1/256 + 1/25", None)
    assert ratio.exact == Fraction(281, 6400)
    assert (ratio.depthwise, ratio.pointwise) == (Fraction(1, 256), Fraction(1, 25))


def test_both_rows_of_a_separable_convolution_carry_the_pairs_ratio(analyze):
    analysis = analyze(INPUT, {"separable_conv": {"out_channels": 16, "kernel_size": 5}})
    exact = Fraction(1, 16) + Fraction(1, 25)
    assert ratios(analysis) == {
        "separable_conv_1/depthwise": ("separable", exact, "1/N"),
        "separable_conv_1/pointwise": ("separable", exact, "1/Dk²"),
    }


@pytest.mark.parametrize("first", [DEPTHWISE, GROUPED])
@pytest.mark.parametrize("second", [POINTWISE, SMALL])
@pytest.mark.parametrize(
    "between",
    [[], ["batch_norm"], ["relu"], ["batch_norm", "relu6"], ["layer_norm", {"prelu": None}], ["relu", "batch_norm"]],
)
def test_a_separable_convolution_however_it_is_written(first, second, between, analyze):
    analysis = analyze(INPUT, first, *between, second)
    exact = Fraction(1, 16) + Fraction(1, 25)
    one, other = analysis.layers[0].name, analysis.layers[-1].name
    assert ratios(analysis) == {one: ("separable", exact, "1/N"), other: ("separable", exact, "1/Dk²")}


def test_norms_and_activations_may_be_fields(analyze):
    depthwise = {"depthwise_conv": {"kernel_size": 5, "norm": "batch_norm", "activation": "relu"}}
    analysis = analyze(INPUT, depthwise, {"pointwise_conv": {"out_channels": 16, "norm": "batch_norm"}})
    assert list(ratios(analysis)) == ["depthwise_conv_1", "pointwise_conv_1"]


def test_a_separable_convolution_may_span_blocks_and_names(analyze):
    analysis = analyze(
        INPUT,
        {"first": None},
        {"identity": None, "name": "aside", "if": "1 == 2"},
        {"second": None},
        blocks={"first": {"layers": [DEPTHWISE]}, "second": {"layers": [POINTWISE]}},
    )
    assert list(ratios(analysis)) == ["first_1/depthwise_conv_1", "second_1/pointwise_conv_1"]


@pytest.mark.parametrize(
    "between",
    [
        {"max_pool": {"kernel_size": 2}},
        {"channel_shuffle": {"groups": 2}},
        "dropout",
        "identity",
        "scale",
        {"residual": ["relu"]},
        {"pad": {"padding": 1}},
    ],
)
def test_anything_else_between_the_stages_parts_them(between, analyze):
    assert ratios(analyze(INPUT, DEPTHWISE, between, POINTWISE)) == {}


def test_a_second_reader_parts_the_stages(analyze):
    both = {"concat": [[POINTWISE], [POINTWISE]]}
    assert ratios(analyze(INPUT, DEPTHWISE, both)) == {}
    assert ratios(analyze(INPUT, DEPTHWISE, "relu", both)) == {}
    assert ratios(analyze(INPUT, DEPTHWISE, {"add": [["relu"], []]}, POINTWISE)) == {}
    named = {**DEPTHWISE, "name": "a"}
    assert ratios(analyze(INPUT, named, POINTWISE, {"flatten": None, "from": "a"})) == {}


def test_two_separable_convolutions_side_by_side(analyze):
    """Their layers do not mix, though the file interleaves them."""
    analysis = analyze(
        INPUT,
        {"identity": None, "name": "x"},
        {**DEPTHWISE, "name": "a"},
        {"depthwise_conv": {"kernel_size": 3}, "name": "b", "from": "x"},
        {**POINTWISE, "name": "a2", "from": "a"},
        {"pointwise_conv": {"out_channels": 8}, "name": "b2", "from": "b"},
    )
    of_a, of_b = Fraction(1, 16) + Fraction(1, 25), Fraction(1, 8) + Fraction(1, 9)
    assert {name: exact for name, (_, exact, _) in ratios(analysis).items()} == {
        "a": of_a, "b": of_b, "a2": of_a, "b2": of_b
    }  # fmt: skip


@pytest.mark.parametrize(
    "layer",
    [
        {"conv": {"out_channels": 16, "kernel_size": 1}},
        {"pointwise_conv": {"out_channels": 16}},
        {"conv": {"out_channels": 16, "kernel_size": 3, "groups": 2}},
        {"conv": {"out_channels": 4, "kernel_size": 3, "groups": 4}},
        {"depthwise_conv": {"kernel_size": 3}},
        {"transposed_conv": {"out_channels": 16, "kernel_size": 3}},
        {"max_pool": {"kernel_size": 3}},
        "global_avg_pool",
        "batch_norm",
        "relu",
        {"concat": [[], []]},
    ],
)
def test_layers_without_a_ratio(layer, analyze):
    assert ratios(analyze(INPUT, layer)) == {}


def test_a_linear_layer_has_no_ratio(analyze):
    assert ratios(analyze([4], {"linear": {"out_features": 3}})) == {}


@pytest.mark.parametrize(
    "second",
    [
        {"pointwise_conv": {"out_channels": 16, "groups": 2}},
        {"pointwise_conv": {"out_channels": 16, "stride": 2}},
        {"conv": {"out_channels": 16, "kernel_size": 1, "padding": 1}},
        {"transposed_conv": {"out_channels": 16, "kernel_size": 1}},
    ],
)
def test_a_second_stage_that_is_no_plain_pointwise_one(second, analyze):
    """Grouped, striding and padded ones do not give the standard convolution's output."""
    assert ratios(analyze(INPUT, DEPTHWISE, second)) == {}


def test_a_depthwise_stage_before_a_standard_convolution_stands_alone(analyze):
    analysis = analyze(INPUT, DEPTHWISE, {"conv": {"out_channels": 16, "kernel_size": 3}})
    assert ratios(analysis) == {"conv_1": ("standard", Fraction(1, 16) + Fraction(1, 9), None)}


def test_of_two_depthwise_stages_the_second_is_the_separable_ones(analyze):
    analysis = analyze(INPUT, DEPTHWISE, {"depthwise_conv": {"kernel_size": 3}}, POINTWISE)
    assert list(ratios(analysis)) == ["depthwise_conv_2", "pointwise_conv_1"]


def test_a_depthwise_kernel_of_size_1_filters_no_space(analyze):
    assert ratios(analyze(INPUT, {"depthwise_conv": {"kernel_size": 1}}, POINTWISE)) == {}


def test_every_pair_of_a_network_gets_its_own_ratio(analyze):
    separable = [{"separable_conv": {"out_channels": n, "kernel_size": 3, "padding": 1}} for n in (8, 16)]
    exact = {name: found for name, (_, found, _) in ratios(analyze(INPUT, *separable)).items()}
    assert exact == {
        "separable_conv_1/depthwise": Fraction(17, 72),  # 1/8 + 1/9
        "separable_conv_1/pointwise": Fraction(17, 72),
        "separable_conv_2/depthwise": Fraction(25, 144),  # 1/16 + 1/9
        "separable_conv_2/pointwise": Fraction(25, 144),
    }


# other shapes


@pytest.mark.parametrize(
    ("input", "kernel", "formula", "exact"),
    [
        ([4, 9], 3, "1/N + 1/Dk", Fraction(1, 16) + Fraction(1, 3)),
        ([4, 9, 9], 3, "1/N + 1/Dk²", Fraction(1, 16) + Fraction(1, 9)),
        ([4, 9, 9, 9], 3, "1/N + 1/Dk³", Fraction(1, 16) + Fraction(1, 27)),
        ([4, 9, 9], [1, 7], "1/N + 1/(Dkh·Dkw)", Fraction(1, 16) + Fraction(1, 7)),
        ([4, 9, 9], [3, 5], "1/N + 1/(Dkh·Dkw)", Fraction(1, 16) + Fraction(1, 15)),
        ([4, 9, 9, 9], [1, 3, 3], "1/N + 1/(Dkd·Dkh·Dkw)", Fraction(1, 16) + Fraction(1, 9)),
    ],
)
def test_the_formula_follows_the_kernel_and_the_rank(input, kernel, formula, exact, analyze):
    fields = {"out_channels": 16, "kernel_size": kernel, "stride": 2, "padding": "same"}
    for type in "conv", "separable_conv":
        for layer in analyze(input, {type: fields}).layers:
            assert (layer.ratio.formula, layer.ratio.exact) == (formula, exact)


def test_a_depth_multiplier_is_the_numerator(analyze):
    fields = {"out_channels": 16, "kernel_size": 3, "depth_multiplier": 2}
    depthwise, pointwise = analyze(INPUT, {"separable_conv": fields}).layers
    assert depthwise.ratio.formula == pointwise.ratio.formula == "m/N + m/Dk²"
    assert depthwise.ratio.exact == Fraction(2, 16) + Fraction(2, 9)
    assert depthwise.ratio.numbers == pointwise.ratio.numbers == "2/16 + 2/9"
    assert (depthwise.ratio.term, pointwise.ratio.term) == ("m/N", "m/Dk²")
    spelled = {"conv": {"out_channels": 8, "kernel_size": 3, "groups": 4}}
    assert analyze(INPUT, spelled, POINTWISE).layers[0].ratio == depthwise.ratio


def test_a_separable_convolution_may_cost_more_than_the_standard_one(analyze):
    (layer,) = analyze(INPUT, {"conv": {"out_channels": 1, "kernel_size": 3}}).layers
    assert layer.ratio.exact == Fraction(10, 9)  # 1/1 + 1/9


def test_a_single_channel_is_filtered_depthwise_by_a_standard_convolution(analyze):
    """With one input channel one group is as many groups as channels; the spec's word decides."""
    assert ratios(analyze([1, 9, 9], {"conv": {"out_channels": 1, "kernel_size": 3}}, POINTWISE)) == {
        "conv_1": ("standard", Fraction(10, 9), None)
    }
    separable = analyze([1, 9, 9], {"separable_conv": {"out_channels": 16, "kernel_size": 3}})
    assert {kind for kind, _, _ in ratios(separable).values()} == {"separable"}


@pytest.mark.parametrize("type", ["conv", "separable_conv"])
def test_the_ratio_is_the_quotient_of_the_counted_multiplications(type, analyze):
    """With padding, stride and dilation on both sides, parameters without bias too."""
    fields = {"out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 2, "dilation": 2, "bias": False}
    standard = analyze(INPUT, {"conv": fields}).total
    separable = analyze(INPUT, {"separable_conv": fields}).total
    ratio = analyze(INPUT, {type: fields}).layers[0].ratio.exact
    assert ratio == Fraction(separable.mults, standard.mults) == Fraction(separable.params, standard.params)


@pytest.mark.parametrize(
    "between", sorted(name for name, layer in REGISTRY.items() if issubclass(layer, (Norm, Activation)))
)
def test_every_norm_and_activation_may_stand_between(between, analyze):
    required = {"group_norm": {"num_groups": 2}, "local_response_norm": {"size": 3}}
    assert len(ratios(analyze(INPUT, DEPTHWISE, {between: required.get(between)}, POINTWISE))) == 2
