"""The two forms of each convolution: against the paper, against arithmetic, and against `analyze`."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcost
from convcost.cost.analysis import Analysis, total
from convcost.rewriting.application import rewrite_all
from convcost.rewriting.rewrites import named
from convcost.spec.source import shipped


def compare(input, *layers, **options):
    return convcost.load({"input": list(input), "layers": list(layers)}).compare(**options)


def test_mobilenet_with_full_convolutions_is_table_4_of_the_paper():
    comparison = convcost.load("mobilenet_v1").compare()
    # the paper prints 569 million mult-adds and 4.2 million parameters, 4866 and 29.3 with full convolutions
    assert comparison.written.total.macs == 568_740_352
    assert comparison.written.total.params == 4_231_976
    # 1st 3·32·9·112² = 10,838,016; then 231,211,008 for 64, 128, 256, 512 and 1024 channels with stride 2 or half of
    # the inputs, 462,422,016 for the others: 1 + 1 + 5 + 1; the classifier 1024·1000
    assert comparison.standard.total.macs == 10_838_016 + 5 * 231_211_008 + 8 * 462_422_016 + 1_024_000
    assert comparison.standard.total.macs == 4_867_293_184
    assert round(comparison.standard.total.params / 1e6, 1) == 29.3


def test_a_layer_of_table_3_of_the_paper():
    conv = {"out_channels": 512, "kernel_size": 3, "padding": 1, "bias": False}
    (layer,) = compare([512, 14, 14], {"conv": conv}).layers
    assert (layer.standard.mults, layer.standard.params) == (462_422_016, 2_359_296)  # 512·512·9·14², 512·512·9
    assert (layer.separable.mults, layer.separable.params) == (52_283_392, 266_752)  # 512·(9 + 512)·14², 512·(9 + 512)
    assert layer.share == Fraction(1, 512) + Fraction(1, 9)


@pytest.mark.parametrize("form", ["conv", "separable_conv"])
def test_the_worked_example_from_either_side(form):
    comparison = compare([3, 12, 12], {form: {"out_channels": 256, "kernel_size": 5, "bias": False}})
    (layer,) = comparison.layers
    assert layer.written == {"conv": "standard", "separable_conv": "separable"}[form]
    assert (layer.standard.mults, layer.separable.mults) == (1_228_800, 53_952)  # 256·75·64; 3·25·64 + 3·256·64
    assert (layer.standard.params, layer.separable.params) == (19_200, 843)
    assert layer.saved == 1_228_800 - 53_952
    assert round(100 * layer.share, 2) == Fraction("4.39")
    assert comparison.standard.total == layer.standard
    assert comparison.separable.total == layer.separable


def test_a_large_kernel():
    conv = {"out_channels": 100, "kernel_size": 512, "bias": False}
    (layer,) = compare([3, 512, 512], {"conv": conv}).layers
    assert f"{float(layer.share):.6f}" == "0.010004"  # 1/100 + 1/512²
    assert layer.ratio.numbers == "1/100 + 1/262144"


def test_a_pair_written_as_two_layers_is_one_row():
    comparison = compare(
        [8, 6, 6],
        {"depthwise_conv": {"kernel_size": 3, "stride": 2, "padding": 1, "bias": False, "norm": "batch_norm"}},
        "relu",
        {"conv": {"out_channels": 16, "kernel_size": 1, "bias": False, "norm": "batch_norm"}, "name": "mix"},
    )
    (layer,) = comparison.layers
    assert (layer.name, layer.written, layer.kernel) == ("mix", "separable", (3, 3))
    assert layer.separable.mults == 8 * 9 * 9 + 8 * 16 * 9
    assert layer.standard.mults == 8 * 16 * 9 * 9  # 3×3 windows at 3×3 places
    # the norm (2·8) and the relu (8·9 comparisons) between the stages are in the separable network only
    assert [cost.params for cost in comparison.others] == [2 * 16, 2 * 16 + 2 * 8]
    assert [cost.ops.cmp for cost in comparison.others] == [0, 8 * 9]


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ({"conv": {"out_channels": 8, "kernel_size": 1}}, "1×1: no window"),
        ({"pointwise_conv": {"out_channels": 8, "groups": 2}}, "grouped 1×1"),
        ({"conv": {"out_channels": 8, "kernel_size": 3, "groups": 2}}, "grouped"),
        ({"conv": {"out_channels": 8, "kernel_size": 3, "groups": 4}}, "depthwise alone"),
        ({"depthwise_conv": {"kernel_size": 3}}, "depthwise alone"),
        ({"transposed_conv": {"out_channels": 8, "kernel_size": 3}}, "transposed"),
    ],
)
def test_a_layer_without_counterpart_says_why_and_counts_the_same_on_both_sides(layer, reason):
    comparison = compare([4, 6, 6], layer)
    (row,) = comparison.layers
    assert (row.written, row.reason, row.ratio) == ("neither", reason, None)
    assert row.standard == row.separable == comparison.written.total


def test_a_norm_that_cannot_stand_between_the_stages_is_the_reason():
    conv = {"out_channels": 4, "kernel_size": 3, "norm": {"group_norm": {"num_groups": 4}}}
    (row,) = compare([3, 6, 6], {"conv": conv}).layers
    assert row.reason == "num_groups must divide the channels: 4 does not divide 3"
    assert row.standard == row.separable


def test_a_depthwise_convolution_that_another_layer_reads_too_is_alone():
    comparison = compare(
        [4, 6, 6],
        {"depthwise_conv": {"kernel_size": 3, "padding": 1}, "name": "dw"},
        {"conv": {"out_channels": 4, "kernel_size": 1}, "name": "pw"},
        {"add": None, "from": ["dw", "pw"]},
    )
    assert [row.reason for row in comparison.layers] == ["depthwise alone", "1×1: no window"]


def test_a_batch_scales_operations_and_not_parameters():
    one = convcost.load("mobilenet_v1").compare()
    many = convcost.load("mobilenet_v1").compare(batch=7)
    for name, analysis in many.totals().items():
        assert analysis.total.mults == 7 * one.totals()[name].total.mults
        assert analysis.total.params == one.totals()[name].total.params
    assert many.layers[1].saved == 7 * one.layers[1].saved


@pytest.mark.no_cover
@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("fold", [True, False])
def test_the_rows_of_each_shipped_network_add_up_to_what_analyze_gives(name, fold):
    network = convcost.load(name).network
    comparison = convcost.load(name).compare(fold=fold)
    for form, column in ("standard", 0), ("separable", 1):
        rows = total([getattr(row, form) for row in comparison.layers]) + comparison.others[column]
        rewritten = rewrite_all(network, named(form)).network
        assert rows == Analysis.of(rewritten, fold=fold).total
        assert rows == getattr(comparison, form).total
    written = Analysis.of(network, fold=fold).total
    assert comparison.written.total == written
    separable = [row for row in comparison.layers if row.written == "separable"]
    standard = [row for row in comparison.layers if row.written == "standard"]
    # what is written in a form costs in this form what it costs as written
    assert written.macs == comparison.standard.total.macs - sum(row.saved for row in separable)
    assert written.macs == comparison.separable.total.macs + sum(row.saved for row in standard)


@pytest.mark.parametrize("name", shipped())
def test_a_ratio_is_the_quotient_of_the_two_costs(name):
    for row in convcost.load(name).compare().layers:
        if row.ratio is not None:
            assert row.ratio.exact == row.share


@given(
    channels=st.integers(1, 9),
    out=st.integers(1, 20),
    kernel=st.tuples(st.integers(1, 5), st.integers(2, 5)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    padding=st.sampled_from([0, 1, "same"]),
    norm=st.sampled_from(["none", "batch_norm", "layer_norm"]),
    activation=st.sampled_from(["none", "relu", "silu", "prelu"]),
)
def test_there_and_back_is_the_same_network(channels, out, kernel, stride, dilation, padding, norm, activation):
    conv = {"out_channels": out, "kernel_size": list(kernel), "stride": stride, "dilation": dilation}
    conv |= {"padding": padding, "norm": norm, "activation": activation}
    network = convcost.load({"input": [channels, 12, 12], "layers": [{"conv": conv}]}).network
    there = rewrite_all(network, named("separable")).network
    back = rewrite_all(there, named("standard")).network
    assert len(there.layers) == 2 * len(network.layers)
    assert [layer.fields for layer in back.layers] == [layer.fields for layer in network.layers]
    assert Analysis.of(back).total == Analysis.of(network).total


def test_json_holds_every_number():
    data = convcost.load("examples/worked_standard").compare().to_dict()
    (row,) = data["layers"]
    assert row["standard"]["mults"] == 1_228_800
    assert row["ratio"]["exact"] == "281/6400"  # 53,952 / 1,228,800
    assert data["totals"]["all_separable"]["params"] == 843
