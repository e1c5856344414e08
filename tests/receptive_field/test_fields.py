"""Receptive fields worked out by hand: size R, stride S, padding P and the positions that are used."""

from __future__ import annotations

from fractions import Fraction

import pytest

import convcost
from convcost.layers import REGISTRY, LayerType
from convcost.layers.reading import AxisWindow, along
from convcost.network import INPUT
from convcost.receptive_field.drawing import line
from convcost.receptive_field.patterns import PositionSet

THIRD = Fraction(1, 3)


def conv(kernel, stride=1, padding=0, dilation=1, **more):
    fields = {"out_channels": 2, "kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    return {"conv": {**fields, **more}}


def chain(*layers, size=64):
    """Return the fields of a network of one axis."""
    return convcost.receptive_field({"input": [2, size], "layers": list(layers)})


def last(*layers, size=64):
    """Return the field of the last layer of a network of one axis."""
    return chain(*layers, size=size).every[-1].axes[0]


def numbers(field):
    return field.local, field.stride, field.padding


# size, stride and padding


def test_a_window_sees_its_kernel():
    assert numbers(last(conv(5, 3, 2))) == (5, 3, 2)


def test_sizes_grow_by_the_strides_before_them():
    # R = 7 + (3 − 1) · 2 = 11, S = 2 · 2, P = 3 + 1 · 2
    found = last(conv(7, 2, 3), {"max_pool": {"kernel_size": 3, "stride": 2, "padding": 1}})
    assert numbers(found) == (11, 4, 5)
    # the field of output 0 begins at −5, so output 2 is the first that begins within: it sees 3 – 13
    assert found.smallest_input == 2 * 4 - 5 + 11 == 14


def test_same_pads_by_the_size():
    # (⌈8/2⌉ − 1) · 2 + 3 − 8 = 1 in all, which comes after: P = 0; on 9 it is 2 in all, P = 1
    assert [numbers(last(conv(3, 2, "same"), size=size)) for size in (8, 9)] == [(3, 2, 0), (3, 2, 1)]
    assert last(conv(3, 2, "same"), size=8).smallest_input is None


def test_axes_have_fields_of_their_own():
    spec = {"input": [2, 32, 32], "layers": [conv([3, 5], [1, 2], [1, 0])]}
    height, width = convcost.receptive_field(spec).every[0].axes
    assert (numbers(height), numbers(width)) == ((3, 1, 1), (5, 2, 0))


def test_crops_and_pads_move_the_field():
    found = last({"pad": {"padding": [[2, 0]]}}, {"crop": {"cropping": [[3, 1]]}}, conv(3))
    assert numbers(found) == (3, 1, 2 - 3)  # output 0 begins at position 1


def test_a_flip_goes_backwards():
    # output i of the flip reads 9 − i, so output i of the window sees 9 − 2i − 2 to 9 − 2i: from i · (−2) + 7 on
    assert numbers(last({"flip": {"axis": 1}}, conv(3, 2), size=10)) == (3, -2, -7)


# holes


@pytest.mark.parametrize(
    ("dilations", "size", "used"),
    [
        ((2, 2, 2), 13, 7),  # 1 + 2 · (2 + 2 + 2); only the even ones
        ((1, 2, 3), 13, 13),  # 1 + 2 · (1 + 2 + 3)
        # sums of one of −1, 0, 1, one of −9, 0, 9 and one of −1, 0, 1: −11 … −7, −2 … 2, 7 … 11
        ((1, 9, 1), 23, 15),
    ],
)
def test_dilations_leave_holes(dilations, size, used):
    found = chain(*[conv(3, 1, 0, dilation) for dilation in dilations])
    field = found.every[-1].axes[0]
    assert (field.size, field.used) == (size, Fraction(used, size))
    assert bool(found.warnings) == (used < size)


def test_the_warning_names_the_layers_and_the_remedy(tmp_path):
    (tmp_path / "net.yaml").write_text(
        "input: [1, 32, 32]\nlayers:\n  - conv: {out_channels: 1, kernel_size: 3, dilation: 2}\n    repeat: 3\n"
    )
    (warning,) = convcost.receptive_field(tmp_path / "net.yaml").warnings
    assert str(warning) == (
        "warning: the output 'conv_1.3' sees a field with holes: it reads 7 of 13 positions along height and width\n"
        f" --> {tmp_path}/net.yaml:3:5\n"
        "  = found: the holes come from conv_1.1, conv_1.2, conv_1.3\n"
        "  = help: dilations without a common factor that grow slowly, such as 1, 2, 3, leave no holes "
        "(arXiv:1702.08502)"
    )


def test_a_stride_beyond_the_kernel_leaves_holes_and_positions_that_nothing_reads():
    found = chain(conv(1, 2), "global_avg_pool", size=8)
    # positions 0, 2, 4, 6: they reach over 7, 4 of which are read; 1, 3, 5 and 7 are not
    field = found.every[-1].axes[0]
    assert (field.size, field.used, field.stride) == (7, Fraction(4, 7), None)
    assert found.unread == {0: ((1, 1), (3, 3), (5, 5), (7, 7))}
    (warning,) = found.warnings
    assert warning.help == "a kernel as large as the stride reads every position"


def test_a_share_of_the_plane_where_it_is_a_product():
    spec = {"input": [1, 9, 9], "layers": [conv(3, dilation=2)]}
    assert convcost.receptive_field(spec).every[0].share == Fraction(9, 25)  # 3 of 5 by 3 of 5
    # 3×1 beside 1×3 reads a cross, 5 of 9, though 3 of 3 along each axis
    cross = {"add": [[conv([3, 1], 1, [1, 0])], [conv([1, 3], 1, [0, 1])]]}
    found = convcost.receptive_field({"input": [1, 9, 9], "layers": [cross]}).every[-1]
    assert (found.share, found.product) == (None, False)
    assert [field.used for field in found.axes] == [1, 1]
    # beside 3×3, which sees all of it, it is a product again
    square = {"add": [[conv([3, 1], 1, [1, 0])], [conv([1, 3], 1, [0, 1])], [conv(3, 1, 1)]]}
    assert convcost.receptive_field({"input": [1, 9, 9], "layers": [square]}).every[-1].share == 1


def test_wide_fields_without_holes_take_no_memory():
    assert last(conv(10**9), conv(10**6), size=2 * 10**9).size == 10**9 + 10**6 - 1


# layers that vary with the position


def test_a_transposed_convolution_has_phases():
    # o = 2i − 1 + k: even outputs meet k = 1 of i = o/2, odd ones k = 2 and k = 0 of (o − 1)/2 and (o + 1)/2
    found = last({"transposed_conv": {"out_channels": 2, "kernel_size": 3, "stride": 2, "padding": 1,
                                      "output_padding": 1}})  # fmt: skip
    assert (found.size, found.stride) == (2, Fraction(1, 2))
    # output 0 sees 0 = 0 · ½ − 0; output 1 sees 0 and 1, from 1 · ½ − ½ on
    assert [(phase.size, phase.padding) for phase in found.phases] == [(1, 0), (2, Fraction(1, 2))]
    assert found.padding == Fraction(1, 2)


def test_the_nearest_of_three_halves():
    # outputs 0, 1, 2 read ⌊0⌋, ⌊2/3⌋, ⌊4/3⌋ = 0, 0, 1, and so on, two further every three
    found = last({"upsample": {"scale_factor": "3/2"}})
    assert (found.size, found.stride) == (1, 2 * THIRD)
    assert [phase.padding for phase in found.phases] == [0, 2 * THIRD, 4 * THIRD - 1]


def test_a_place_on_the_grid_reads_one_value():
    # linear by 3: outputs lie at (i − 1)/3, so output 1 lies on position 0, outputs 0 and 2 between two
    found = last({"upsample": {"scale_factor": 3, "mode": "linear"}})
    assert [phase.size for phase in found.phases] == [2, 1, 2]


def test_windows_of_tokens_see_their_window():
    spec = {"input": [4, 8, 8], "layers": [
        {"rearrange": {"pattern": "c (h p) (w q) -> (h w) (p q) c", "p": 4, "q": 4}},
        {"attention": {"num_heads": 1}},
        {"rearrange": {"pattern": "(h w) (p q) c -> c (h p) (w q)", "h": 2, "w": 2, "p": 4, "q": 4}},
    ]}  # fmt: skip
    field = convcost.receptive_field(spec).every[-1].axes[0]
    # outputs 0 – 3 see 0 – 3, and so on: output i of a window begins i before it
    assert (field.size, field.stride, field.strict_reason) == (4, 1, "")
    assert [(phase.size, phase.padding) for phase in field.phases] == [(4, 0), (4, 1), (4, 2), (4, 3)]


def test_an_adaptive_pool_shares_out():
    # two windows of 7: ⌊0⌋ – ⌈7/2⌉ = 0 – 4 and ⌊7/2⌋ – 7 = 3 – 7, of 4 each
    found = last({"adaptive_avg_pool": {"output_size": 2}}, size=7)
    assert (found.size, found.stride) == (4, Fraction(7, 2))


# what every output sees


SQUEEZE = {"multiply": [[], ["global_avg_pool", {"pointwise_conv": {"out_channels": 2}}, "sigmoid"]], "name": "gate"}


def test_a_gate_is_local_and_strict():
    field = last(conv(3, 1, 1), SQUEEZE)
    assert (field.local, field.size) == (3, 64)
    assert field.strict_reason == "everything, by gate/branch_2/global_avg_pool_1"
    assert numbers(field) == (3, 1, 1)


def test_a_gate_that_leaves_out_positions_says_how_many():
    # of 64 positions the stride reads 32
    assert last(conv(1, 2), SQUEEZE).strict_reason == "32 of 64, by gate/branch_2/global_avg_pool_1"


@pytest.mark.parametrize("norm", ["instance_norm", {"group_norm": {"num_groups": 1}}, {"softmax": {"axis": 1}}])
def test_norms_over_positions_see_everything(norm):
    field = last(conv(3, 1, 1), norm)
    assert (field.local, field.size) == (3, 64)
    assert field.strict_reason.startswith("everything, by ")


@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm", {"softmax": {"axis": 0}}])
def test_norms_over_channels_see_a_position(norm):
    field = last(conv(3, 1, 1), norm)
    assert (field.local, field.size, field.strict_reason) == (3, 3, "")


def test_attention_sees_everything_beside_the_query():
    tokens = {"input": {"shape": [9, 4], "layout": "tokens"}, "layers": [{"residual": {"body": [
        {"attention": {"num_heads": 2}}]}}]}  # fmt: skip
    field = convcost.receptive_field(tokens).every[-1].axes[0]
    assert (field.local, field.size) == (1, 9)
    assert field.strict_reason == "everything, by attention_1/softmax"


def test_a_class_token_sees_what_attention_gave_it():
    found = convcost.receptive_field("vit_b_16", at=["embedded", "slice_1"])
    patches, token = (row.axes[0] for row in found.layers)
    assert (patches.local, patches.size, patches.padding) == (16, 16, 0)  # of patch i, behind a token that sees nothing
    assert (token.local, token.size, token.strict_reason) == (224, 224, "")


def test_patches_without_the_class_token_are_a_map_again():
    spec = {"input": [4, 8, 8], "layers": [
        {"conv": {"out_channels": 4, "kernel_size": 2, "stride": 2}}, "tokens",
        {"linear": {"out_features": 4}, "name": "t"},
        {"parameter": {"shape": [1, 4], "layout": "tokens"}, "name": "class"},
        {"concat": {"axis": "length"}, "from": ["class", "t"]},
        {"slice": {"axis": 0, "start": 1, "end": 17}}, {"feature_map": {"size": [4, 4]}},
        {"conv": {"out_channels": 4, "kernel_size": 3}}]}  # fmt: skip
    # patches of 2 at stride 2, three of them: 2 + 2 · 2
    assert [numbers(field) for field in convcost.receptive_field(spec).every[-1].axes] == [(6, 2, 0)] * 2


@pytest.mark.parametrize(("padding", "inner"), [(0, 8), (1, 0)])
def test_windows_end_where_a_row_of_a_reshaped_axis_does(padding, inner):
    # positions 0 – 5 and 6 – 11 as two rows: windows of three do not reach from one into the other
    spec = {"input": [2, 12], "layers": [{"reshape": {"shape": [2, 2, 6], "layout": "feature_map"}},
                                         conv([1, 3], 1, [0, padding])]}  # fmt: skip
    field = convcost.receptive_field(spec).every[-1].axes[0]
    assert (field.size, field.inner) == (3, inner)  # of two rows of four; with padding the ends read beyond them


def test_a_recurrent_layer_sees_what_came_before():
    spec = {"input": {"shape": [9, 4], "layout": "tokens"}, "layers": [{"gru": {"hidden_size": 2}}]}
    field = convcost.receptive_field(spec).every[0].axes[0]
    assert (field.local, field.size, field.strict_reason) == (1, 9, "everything, by gru_1")


# channels


def test_channels_of_branches_keep_their_own_fields():
    wide, narrow = conv(5, 1, 2), conv(1)
    first, second = ([{"concat": [[wide], [narrow]]}, {"slice": {"start": a, "end": a + 2}}] for a in (0, 2))
    assert (last(*first).size, last(*second).size) == (5, 1)
    # dealt out in turn, every second channel is of the wide branch
    shuffled = [{"concat": [[wide], [narrow]]}, {"channel_shuffle": {"groups": 2}}, {"slice": {"start": 0, "end": 1}}]
    assert last(*shuffled).size == 5
    assert last(*shuffled[:2], {"slice": {"start": 1, "end": 2}}).size == 1
    # groups of two hold one of each
    assert last(*shuffled[:2], conv(1, groups=2), {"slice": {"start": 1, "end": 2}}).size == 5


def test_channels_of_branches_move_with_what_is_put_before_them():
    padded = [{"concat": [[conv(5, 1, 2)], [conv(1)]]}, {"pad": {"padding": [[3, 0]], "axis": [0]}}]
    # three channels of zeros, two of the wide branch, two of the narrow one
    parts = [chain(*padded, {"slice": {"start": a, "end": b}}).every[-1].axes[0] for a, b in ((0, 3), (3, 5), (5, 7))]
    assert [part and part.size for part in parts] == [None, 5, 1]


def test_space_in_channels_goes_back_into_space():
    # position r of a block of two stands in channels r, until a 1×1 convolution mixes them
    apart = [{"pixel_unshuffle": {"downscale_factor": 2}}, {"slice": {"start": 1, "end": 2}}]
    assert numbers(last(*apart)) == (1, 2, -1)
    assert numbers(last(apart[0], conv(1))) == (2, 2, 0)


# merges


def test_branches_that_are_aligned_and_not():
    # body: 3 /2 same on 64 reads 2i – 2i + 2, centre 2i + 1; shortcut: 2i
    found = chain({"residual": {"body": [conv(3, 2, "same")], "shortcut": [conv(1, 2)]}}).every[-1]
    assert (found.aligned, found.offsets) == (False, (1,))
    found = chain({"residual": {"body": [conv(3, 2, 1)], "shortcut": [conv(1, 2)]}}).every[-1]
    assert (found.aligned, found.offsets) == (True, (0,))


def test_branches_of_different_strides_drift():
    found = chain({"add": [[conv(1, 2)], [{"crop": {"cropping": [[0, 32]]}}]]}).every[-1]
    assert (found.aligned, found.drifts, found.offsets) == (False, True, (None,))
    # output 31, the last, sees 62 of one and 31 of the other
    assert (found.axes[0].size, found.axes[0].stride) == (62 - 31 + 1, None)


def test_upsampled_neighbours_are_half_a_position_off():
    down_up = [conv(3, 2, 1), {"upsample": {"scale_factor": 2}}]
    # outputs 2t and 2t + 1 see what is centred on 2t: on average half a position before their own
    found = chain({"concat": [[], down_up]}).every[-1]
    assert (found.aligned, found.offsets) == (False, (Fraction(1, 2),))
    # a pool of two is centred on 2t + ½
    pooled = [{"max_pool": {"kernel_size": 2}}, {"upsample": {"scale_factor": 2}}]
    assert chain({"concat": [[], pooled]}).every[-1].aligned


# several inputs, and what nothing is known of


def test_each_input_has_axes_of_its_own():
    spec = {"inputs": {"image": [2, 8, 8], "text": {"shape": [5, 4], "layout": "tokens"}}, "layers": [
        {"conv": {"out_channels": 4, "kernel_size": 3}, "from": "image"}, "tokens",
        {"linear": {"out_features": 4}, "from": "text"}]}  # fmt: skip
    found = convcost.receptive_field(spec)
    assert [(axis.input, axis.name, axis.size) for axis in found.axes] == [
        (0, "height", 8), (0, "width", 8), (1, "length", 5)]  # fmt: skip
    assert [field and field.size for field in found.every[-1].axes] == [None, None, 1]


def test_a_declared_operation_is_unknown_or_says_its_size():
    declared = {"declared": {"output_shape": [2, 32]}}
    field = last(declared, conv(3))
    assert (field.size, field.unknown) == (None, "declared_1 (declared)")
    # 5 positions, each two further: 5 + (3 − 1) · 2; where they begin nobody says
    said = {"declared": {"output_shape": [2, 32], "receptive_field": 5}}
    assert numbers(last(said, conv(3))) == (9, 2, None)


def test_a_type_from_outside_says_its_field_or_is_unknown(monkeypatch):
    class Silent(LayerType):
        type = "silent"

    class Neighbours(LayerType):
        type = "neighbours"

        def readings(self, inputs, outputs, number):
            return ((along(inputs[0], outputs[0], {1: AxisWindow(1, ((-1, 1, 3),))}),),)

    class PerValue(LayerType):
        type = "per_value"
        in_place = True

    monkeypatch.setattr(REGISTRY, "_entries", dict(REGISTRY._entries))  # these types are gone afterwards
    for each in (Silent, Neighbours, PerValue):
        REGISTRY.add(each.type, each)
    builder = convcost.NetworkBuilder("net")
    x = builder.input([2, 9])
    for type in ("neighbours", "per_value", "silent"):
        x = builder.add(type, x)
    found = convcost.Model(builder.build()).receptive_field().every
    assert [row.axes[0].size for row in found] == [3, 3, None]
    assert found[-1].axes[0].unknown == "silent_1 (silent)"
    assert INPUT == -1


# what is refused


def test_a_layer_that_is_not_there():
    with pytest.raises(convcost.OptionError) as caught:
        convcost.receptive_field("alexnet", at="max_pool")
    assert str(caught.value) == "error: there is no layer 'max_pool'\n = help: did you mean 'max_pool_3'?"


def test_a_layer_that_nothing_reaches():
    with pytest.raises(convcost.OptionError) as caught:
        convcost.receptive_field("vit_b_16", at="class")
    assert str(caught.value) == (
        "error: nothing of the input reaches the layer 'class'\n"
        " = help: it reads no input of the network, such as a parameter"
    )


# the metric


def test_the_metric_is_the_largest_axis_of_the_largest_output():
    analysis = convcost.analyze({"input": [2, 32, 32], "layers": [conv([3, 7]), {"parameter": {"shape": [2, 1, 1]}}]})
    assert analysis.values("receptive_field") == [7, 0]
    assert analysis.value("receptive_field") == 7
    assert not convcost.check({"input": [2, 32], "layers": [conv(7)]}, max={"receptive_field": 6}).ok


def test_an_unknown_output_has_no_metric_and_passes_no_budget():
    spec = {"name": "net", "input": [2, 8], "layers": [conv(3), {"declared": {"output_shape": [2, 4]}}]}
    analysis = convcost.analyze(spec)
    assert (analysis.values("receptive_field"), analysis.value("receptive_field")) == ([3, None], None)
    (verdict,) = convcost.check(spec, max={"receptive_field": 100}).verdicts
    assert (verdict.status, verdict.actual) == ("skipped", None)


def test_a_formula_in_kernels_strides_and_dilations():
    spec = {"symbols": {"k": 3, "s": 2, "d": 2}, "input": [2, 64], "layers": [
        conv("k", "s"), conv("k", 1, 0, "d"), {"max_pool": {"kernel_size": 2}}, conv("k")]}  # fmt: skip
    analysis = convcost.analyze(spec, free=["k", "s", "d"])
    # k; + (k − 1) · d · s; + 1 · s; + (k − 1) · 2s
    found = [str(value) for value in analysis.values("receptive_field")]
    assert found == ["k", "d·k·s − d·s + k", "d·k·s − d·s + k + s", "d·k·s − d·s + 2·k·s + k − s"]
    numbers = convcost.analyze(spec).values("receptive_field")
    assert numbers == [3, 3 + 2 * 2 * 2, 11 + 2, 13 + 2 * 2 * 2]


def test_a_formula_of_branches_is_the_larger_of_them():
    spec = {"symbols": {"a": 3, "b": 5}, "input": [2, 64], "layers": [
        {"add": [[conv("a", padding="same")], [conv("b", padding="same")]]}]}  # fmt: skip
    value = convcost.analyze(spec, free=["a", "b"]).value("receptive_field")
    assert value.evaluate({"a": 3, "b": 5}) == 5
    assert value.evaluate({"a": 9, "b": 5}) == 9


def test_the_headline_counts_one_position_and_groups_thousands():
    one = convcost.receptive_field({"input": [2, 9], "layers": [{"conv": {"out_channels": 2, "kernel_size": 1}}]})
    assert "conv_1 sees 1 position, stride 1, padding 0\n" in str(one)
    wide = {"conv": {"out_channels": 2, "kernel_size": 3, "dilation": 1_500, "padding": 1_500}}
    # 1 + 2 · 1,500 positions
    assert "conv_1 sees 3,001 positions, stride 1, padding 1,500\n" in str(
        convcost.receptive_field({"input": [2, 4_000], "layers": [wide]})
    )


def test_used_is_explained_where_it_is_shown_and_a_drawing_fits_80_columns():
    explained = "Used: those positions of the field that are read at all."
    conv = {"out_channels": 2, "kernel_size": 3}
    assert explained not in str(convcost.receptive_field({"input": [2, 9, 9], "layers": [{"conv": conv}]}))
    holes = {"input": [2, 9, 9], "layers": [{"conv": {**conv, "dilation": 2}}]}
    assert explained in str(convcost.receptive_field(holes))
    for size, characters in ((64, "■" * 64), (65, "■" * 48 + "… 65 positions")):
        span = PositionSet(0, size)
        assert line(span) == characters


def test_the_smallest_input_without_padding_is_not_cut_at_80_columns():
    from typer.testing import CliRunner

    from convcost.cli.app import app

    words = ["receptive-field", "vgg16", "--at", "stage_2/conv_1.1"]
    shown = CliRunner().invoke(app, words, env={"COLUMNS": "80"}).stdout
    # output i sees 2·i − 4 … 2·i + 5: the one at 2 is the first that sees no padding on the left, and it sees 0 … 9
    assert "  conv_1.1  conv 3×3  10×10     2×2      4×4  no padding from size 10×10 on\n" in shown
