"""What each rewrite makes of a layer: against the papers' numbers and arithmetic, in shape and in cost."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcost
from convcost.cost.analysis import Analysis
from convcost.rewriting.application import rewrite_all, survey
from convcost.rewriting.base import Rewrite, part
from convcost.rewriting.rewrites import NAMES, named
from convcost.rewriting.savings import saving
from convcost.spec.source import shipped


def conv(out, kernel, **fields):
    return {"conv": {"out_channels": out, "kernel_size": kernel, **fields}}


def types(rewritten):
    return [layer.type for layer in rewritten.network.layers]


def refusals(name, network, **options):
    return list(survey(network, named(name, **options)).refusals.values())


# --- what people find in books and papers ---


def test_two_small_kernels_have_fewer_parameters_and_more_multiplications(rewritten, total):
    found = rewritten("stacked", [1, 5, 5], conv(1, 5, bias=False)).network
    # one 5×5 on 5×5×1: 25 and 25; two 3×3: 2·9 parameters; 3·3 places of 9 and then one of 9
    assert (total(found).params, total(found).mults) == (18, 90)


def test_three_groups_have_a_third_of_the_weights(network, rewritten, total):
    assert total(network([3, 10, 10], conv(30, 10))).params == 9_030  # 10·10·3·30 + 30
    assert total(rewritten("grouped", [3, 10, 10], conv(30, 10), options={"groups": 3}).network).params == 3_030


def test_alexnet_in_two_groups_has_half_of_the_weights_where_they_are_grouped(total):
    network = convcost.load("alexnet").network
    found = rewrite_all(network, named("grouped"))
    weights = 192 * 64 * 25 + 384 * 192 * 9 + 256 * 384 * 9 + 256 * 256 * 9  # all but the first, whose input has 3
    assert total(network).params - total(found.network).params == weights // 2


def test_a_row_and_a_column(rewritten, total):
    found = rewritten("asymmetric", [8, 9, 9], conv(16, 7, padding=3, bias=False))
    assert [layer.fields["kernel_size"] for layer in found.network.layers] == [(1, 7), (7, 1)]
    assert total(found.network).mults == 81 * (8 * 16 * 7 + 16 * 16 * 7)


def test_a_bottleneck_of_resnet(rewritten, total):
    found = rewritten("bottleneck", [256, 14, 14], conv(256, 3, padding=1, bias=False))
    assert [layer.output_shape[0] for layer in found.network.layers] == [64, 64, 256]  # Figure 5 of the paper
    assert total(found.network).params == 256 * 64 + 64 * 64 * 9 + 64 * 256


def test_a_fire_module_of_squeezenet(rewritten, total):
    found = rewritten("fire", [96, 55, 55], conv(128, 3, padding=1))
    # Table 1 of the paper, fire2: 16 squeeze, 64 and 64 expand; 1,552 + 1,088 + 9,280 parameters
    assert types(found) == ["conv", "conv", "conv", "concat"]
    assert [layer.output_shape[0] for layer in found.network.layers] == [16, 64, 64, 128]
    assert total(found.network).params == 96 * 16 + 16 + 16 * 64 + 64 + 16 * 64 * 9 + 64


def test_a_kernel_with_holes_has_the_same_extent(rewritten, total):
    found = rewritten("dilated", [2, 20, 20], conv(4, [7, 3], bias=False, dilation=[2, 1]))
    (layer,) = found.network.layers
    assert (layer.fields["kernel_size"], layer.fields["dilation"]) == ((3, 3), (6, 1))
    assert layer.output_shape == (4, 8, 18)  # 20 − 2·6, 20 − 2
    assert total(found.network).mults == 8 * 18 * 4 * 2 * 9


def test_a_classifier_becomes_convolutions_and_a_pool(rewritten, total):
    layers = ["flatten", {"dropout": {"p": "1/2"}}, {"linear": {"out_features": 10, "activation": "relu"}}]
    found = rewritten("fully_convolutional", [4, 3, 5], *layers, {"linear": {"out_features": 7}}, "softmax")
    assert types(found) == [
        "dropout",
        "pointwise_conv",
        "relu",
        "pointwise_conv",
        "global_avg_pool",
        "flatten",
        "softmax",
    ]
    assert found.network.layers[-1].output_shape == (7,)
    assert total(found.network).params == 4 * 10 + 10 + 10 * 7 + 7
    assert total(found.network).mults == 3 * 5 * (4 * 10 + 10 * 7)


def test_vgg_without_positions(total):
    found = rewrite_all(convcost.load("vgg16").network, named("fully_convolutional")).network
    # the first linear layer keeps its products, the others work at 7 · 7 places
    more = (4096 * 4096 + 4096 * 1000) * 48
    assert total(found).macs == convcost.analyze("vgg16").total.macs + more
    assert total(found).params == convcost.analyze("vgg16").total.params - 4096 * 512 * 48


# --- norm, activation, stride, padding and dilation are carried over ---


def test_norm_and_activation_stand_where_the_papers_have_them(rewritten):
    layer = conv(16, 5, padding=2, norm="batch_norm", activation="relu")
    expected = {
        "separable": ["depthwise_conv", "batch_norm", "relu", "pointwise_conv", "batch_norm", "relu"],
        "grouped": ["conv", "batch_norm", "relu"],
        "stacked": ["conv", "batch_norm", "relu"] * 2,
        "asymmetric": ["conv", "batch_norm", "relu"] * 2,
        "bottleneck": ["conv", "batch_norm", "relu"] * 3,
        "fire": ["conv", "batch_norm", "relu"] * 3 + ["concat"],
        "dilated": ["conv", "batch_norm", "relu"],
    }
    for name, wanted in expected.items():
        assert types(rewritten(name, [8, 9, 9], layer)) == wanted


@pytest.mark.parametrize("name", ["separable", "stacked", "asymmetric", "bottleneck"])
def test_the_way_a_norm_is_written_makes_no_difference(name, rewritten, total):
    inside = conv(16, 5, padding=2, norm="batch_norm", activation="silu")
    first = rewritten(name, [8, 9, 9], inside)
    second = rewritten(name, [8, 9, 9], conv(16, 5, padding=2), "batch_norm", "silu")
    assert types(first) == types(second)
    assert total(first.network) == total(second.network)


def test_what_follows_a_layer_follows_its_squeeze_too(rewritten):
    found = rewritten("fire", [8, 9, 9], conv(16, 3, padding=1), "relu")
    assert types(found) == ["conv", "relu", "conv", "conv", "concat", "relu"]


@pytest.mark.parametrize(("padding", "dealt"), [(0, [0, 0, 0]), (1, [1, 0, 0]), (2, [1, 1, 0]), (5, [3, 1, 1])])
def test_padding_is_dealt_out_from_the_first_of_a_stack(padding, dealt, rewritten):
    found = rewritten("stacked", [2, 12, 12], conv(4, 7, padding=padding))
    assert [layer.fields["padding"] for layer in found.network.layers] == [((each, each),) * 2 for each in dealt]


def test_the_names_come_from_the_old_layers(rewritten):
    layer = {"separable_conv": {"out_channels": 4, "kernel_size": 3, "norm": "batch_norm"}}
    names = [each.name for each in rewritten("standard", [2, 9, 9], layer).network.layers]
    assert names == ["separable_conv_1", "separable_conv_1/batch_norm"]
    names = [each.name for each in rewritten("bottleneck", [2, 9, 9], {**conv(4, 3), "name": "mine"}).network.layers]
    assert names == ["mine/reduce", "mine/conv", "mine/restore"]


def test_a_rewrite_that_would_change_a_shape_is_refused(network):
    class Strided(Rewrite):
        name = "strided"

        def parts(self, layer):
            return (part("conv", "conv", layer, stride=2),)

    found = survey(network([2, 9, 9], conv(4, 3)), Strided())
    assert (found.sites, found.refusals) == ({}, {0: "its output would be [4, 4, 4] instead of [4, 7, 7]"})


def test_a_shuffle_follows_the_activation(rewritten):
    layer = conv(16, 1, norm="batch_norm", activation="relu")
    found = rewritten("grouped", [8, 9, 9], layer, options={"groups": 4, "shuffle": True})
    assert types(found) == ["conv", "batch_norm", "relu", "channel_shuffle"]
    assert found.network.layers[-1].fields == {"groups": 4}


def test_what_else_reads_a_layer_reads_the_new_form(rewritten):
    stem = {**conv(8, 3, padding=1, norm="batch_norm"), "name": "stem"}
    found = rewritten("separable", [8, 6, 6], stem, "relu", {"add": None, "from": ["stem", "stem"]})
    names = [layer.name for layer in found.network.layers]
    assert names[:4] == ["stem/depthwise", "stem/depthwise/batch_norm", "stem/pointwise", "stem/pointwise/batch_norm"]
    assert [names[index] for index in found.network.layers[-1].sources] == ["stem/pointwise/batch_norm"] * 2


@given(
    inputs=st.integers(1, 3).map(lambda n: 8 * n),
    outputs=st.integers(1, 3).map(lambda n: 8 * n),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    padding=st.one_of(
        st.integers(0, 6),
        st.just("same"),
        st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=2), min_size=2, max_size=2),
    ),
    size=st.integers(13, 18),
    norm=st.sampled_from(["none", "batch_norm"]),
)
def test_the_shape_is_kept_whatever_the_window(inputs, outputs, kernel, stride, dilation, padding, size, norm):
    fields = {"stride": stride, "dilation": dilation, "padding": padding, "norm": norm, "activation": "relu"}
    network = convcost.load({"input": [inputs, size, size + 1], "layers": [conv(outputs, kernel, **fields)]}).network
    for name in NAMES:
        rewrite = named(name)
        found = survey(network, rewrite)
        rewritten = rewrite_all(network, rewrite).network
        assert rewritten.layers[-1].output_shape == network.layers[-1].output_shape
        if name in ("separable", "grouped", "bottleneck"):
            assert bool(found.sites) == (kernel > 1 or name == "grouped")
        if name in ("stacked", "dilated"):
            assert bool(found.sites) == (kernel in (5, 7))


@pytest.mark.no_cover
@pytest.mark.parametrize("name", shipped())
def test_shipped_networks_keep_their_outputs(name):
    network = convcost.load(name).network
    outputs = [layer.output_shape for layer, count in zip(network.layers, network.readers(), strict=True) if count == 0]
    for rewrite in NAMES:
        found = rewrite_all(network, named(rewrite)).network
        kept = [layer.output_shape for layer, count in zip(found.layers, found.readers(), strict=True) if count == 0]
        assert kept == outputs
        assert len({layer.name for layer in found.layers}) == len(found.layers)


# --- the saving ---


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("standard", "fully_convolutional")])
@given(inputs=st.integers(1, 4), outputs=st.integers(1, 4), kernel=st.sampled_from([5, 7]), groups=st.integers(2, 4))
def test_the_formula_of_the_saving_is_what_the_networks_save(name, inputs, outputs, kernel, groups):
    kernel = named(name).example.get("Dk", kernel)
    options = {"groups": groups} if name == "grouped" else {}
    inputs *= groups
    outputs *= 8 * groups
    network = convcost.load(
        {"input": [inputs, 9, 9], "layers": [conv(outputs, kernel, padding="same", bias=False)]}
    ).network
    before, after = (
        Analysis.of(each).total for each in (network, rewrite_all(network, named(name, **options)).network)
    )
    left = saving(name)
    numbers = {"M": inputs, "N": outputs, "Dk": kernel, "g": groups}
    assert Fraction(after.params, before.params) == left.params.evaluate(numbers)
    assert Fraction(after.mults, before.mults) == left.mults.evaluate(numbers)


def test_the_saving_of_a_separable_convolution_is_the_papers():
    assert str(saving("separable").mults) == "1/N + 1/Dk²"
    assert str(saving("grouped").params) == "1/g"
    assert str(saving("dilated").params) == "9/Dk²"
    assert (str(saving("fully_convolutional").params), saving("fully_convolutional").mults) == ("1/(H·W)", 1)


# --- why a rewrite does not apply ---


@pytest.mark.parametrize(
    ("name", "layer", "reason"),
    [
        ("separable", conv(8, 1), "its kernel [1, 1] has no window to filter"),
        ("separable", conv(8, 3, groups=2), "it has groups"),
        ("standard", conv(8, 1), "no depthwise convolution feeds it alone, through norms and activations only"),
        ("standard", {"depthwise_conv": {"kernel_size": 3}}, "no pointwise convolution alone reads it"),
        ("grouped", conv(7, 3), "2 groups do not divide its 7 output channels"),
        ("grouped", conv(8, 3, groups=4), "it has groups already"),
        ("stacked", conv(8, 3), "no 3×3 add up to its kernel of 3"),
        ("stacked", conv(8, [5, 7]), "its kernel is not square"),
        ("asymmetric", conv(8, [1, 7]), "its kernel has only one axis wider than 1"),
        ("bottleneck", conv(6, 3), "4 does not divide its 6 output channels"),
        ("fire", conv(8, 3), "the inputs of concat must have the same spatial size"),
        ("fire", conv(12, 3, padding=1), "8 does not divide its 12 output channels"),
        ("dilated", conv(8, 3), "its kernel of 3 has no room for holes"),
        ("dilated", conv(8, 6), "an even kernel has no middle tap"),
    ],
)
def test_a_refusal_says_why(name, layer, reason, network):
    (found,) = refusals(name, network([4, 9, 9], layer))
    assert found.startswith(reason)


def test_a_linear_layer_that_reads_no_map_is_refused(network):
    (found,) = refusals("fully_convolutional", network([4], {"linear": {"out_features": 2}}))
    assert found == "no flatten stands before it that nothing else reads"
    (found,) = refusals("fully_convolutional", network([4], "flatten", {"linear": {"out_features": 2}}))
    assert found == "what is flattened is a vector already"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("seperable", {}, "there is no rewrite 'seperable'"),
        ("separable", {"groups": 2}, "the rewrite 'separable' has no option 'groups'"),
        ("grouped", {"groups": 1}, "groups of the rewrite 'grouped' is a whole number, at least 2"),
        ("grouped", {"groups": True}, "groups of the rewrite 'grouped' is a whole number, at least 2"),
        ("grouped", {"shuffle": 1}, "shuffle of the rewrite 'grouped' is true or false"),
    ],
)
def test_wrong_options(name, options, message):
    with pytest.raises(convcost.OptionError) as caught:
        named(name, **options)
    assert caught.value.details[0].message == message


def test_each_rewrite_says_what_it_is():
    for name in NAMES:
        rewrite = named(name)
        assert rewrite.name == name
        assert rewrite.summary
        assert rewrite.loses
        assert any(year in rewrite.source for year in ("2012", "2013", "2014", "2015", "2016", "2017"))


def test_a_text_is_one_pattern():
    model = convcost.load(
        {"input": [4, 8, 8], "layers": [{"conv": {"out_channels": 4, "kernel_size": 3}, "name": "ab"}]}
    )
    assert types(model.rewrite("separable", layers="ab")) == ["depthwise_conv", "pointwise_conv"]
