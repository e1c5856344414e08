"""The memory of networks: figures worked out by hand, and a simulation that knows no storages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import networks, simulated, typed

import convcost


def memory(spec, **options):
    return convcost.memory(spec, **({"dtype": "int8"} | options))


def peak(spec, **options):
    found = memory(spec, **options)
    return found.peak_memory, found.layers[found.peak_index].layer.name


def conv(channels, kernel=3, **more):
    return {"conv": {"out_channels": channels, "kernel_size": kernel, "padding": kernel // 2, **more}}


NORMED = {"norm": "batch_norm", "activation": "relu"}
CHAIN = {"input": [3, 32, 32], "layers": [conv(16, **NORMED), {"max_pool": {"kernel_size": 2}}, conv(32)]}
ATTENTION = {"attention": {"num_heads": 2}}
TOKENS = {"shape": [16, 8], "layout": "tokens"}


# worked out by hand, a byte a value


def test_the_peak_of_a_chain_is_where_a_layer_reads_and_writes_most():
    # 16·32·32 are read by the pool, the norm and the activation folded and in place, and 16·16·16 written
    assert peak(CHAIN) == (16_384 + 4_096, "max_pool_1") == (20_480, "max_pool_1")


def test_the_peak_of_an_inverted_residual_is_its_depthwise_layer():
    # the input 16·8·8 waits for the sum, 96·8·8 are read and as many written
    body = [
        {"pointwise_conv": {"out_channels": 96, **NORMED}},
        {"depthwise_conv": {"kernel_size": 3, "padding": 1, **NORMED}},
        {"pointwise_conv": {"out_channels": 16, "norm": "batch_norm"}},
    ]
    spec = {"input": [16, 8, 8], "layers": [{"residual": {"body": body}}]}
    assert peak(spec) == (1_024 + 6_144 + 6_144, "depthwise_conv_1") == (13_312, "depthwise_conv_1")


def test_a_concatenation_copies():
    branch = [{"pointwise_conv": {"out_channels": 8}}]
    spec = {"input": [8, 4, 4], "layers": [{"concat": [branch, branch]}]}
    assert peak(spec) == (128 + 128 + 256, "concat_1") == (512, "concat_1")


def test_the_peak_of_a_residual_that_downsamples():
    # the input 64·8·8, the first layer's 128·4·4 and as many of the second
    body = [conv(128, stride=2, **NORMED), conv(128, norm="batch_norm")]
    shortcut = [{"conv": {"out_channels": 128, "kernel_size": 1, "stride": 2, "norm": "batch_norm"}}]
    spec = {"input": [64, 8, 8], "layers": [{"residual": {"body": body, "shortcut": shortcut}}]}
    found = memory(spec)
    assert found.peak_memory == 4_096 + 2_048 + 2_048 == 8_192


def test_the_peak_of_attention_is_at_its_scores():
    # queries, keys and values of 16·8, and the scores 2·16·16, which scale and softmax are written over
    assert peak({"input": TOKENS, "layers": [ATTENTION]}) == (3 * 128 + 512, "attention_1/scores")
    spec = {"input": TOKENS, "layers": [{"residual": {"body": ["layer_norm", ATTENTION]}}]}
    assert peak(spec) == (128 + 3 * 128 + 512, "attention_1/scores") == (1_024, "attention_1/scores")


def test_a_softmax_of_its_own_takes_memory():
    found = memory({"input": [10], "layers": [{"linear": {"out_features": 10}}, "softmax"]})
    assert [row.how for row in found.layers] == ["", ""]
    assert [row.alive for row in found.layers] == [20, 20]


def test_the_score_biases_of_attention_are_added_in_place():
    layers = [
        {"parameter": {"shape": [2, 16, 16]}, "name": "bias"},
        {"attention": {"num_heads": 2, "score_bias": ["bias"]}, "from": "input"},
    ]
    found = memory({"input": TOKENS, "layers": layers})
    how = {row.layer.name: row.how for row in found.layers}
    assert how["bias"] == "weights"
    assert [how[f"attention_1/{name}"] for name in ("scale", "score_bias", "softmax")] == ["in place"] * 3
    assert found.peak_memory == 896  # as without: the bias is weights


def test_resnet_50_at_float32():
    # 25,530,472 deployed parameters at 4 bytes; 256·56·56 three times at 4 bytes
    found = convcost.memory("resnet50")
    assert found.weight_bytes == 4 * 25_530_472 == 102_121_888
    assert found.peak_memory == 3 * 4 * 256 * 56 * 56
    assert str(found).startswith("ResNet-50\npeak 9,633,792 bytes (9.19 MiB) at conv2_x/bottleneck_1/residual_1")
    assert repr(found) == (
        "<Memory: ResNet-50: peak 9,633,792 bytes at conv2_x/bottleneck_1/residual_1, 102,121,888 bytes of weights>"
    )


# widths


def test_visual_wake_words_fit_into_what_lives_at_the_peak():
    # MLPerf Tiny's MobileNetV1 of 96×96 pixels: the second 1×1 convolution reads 8·48·48 and writes 16·48·48
    found = memory("mobilenet_v1", set={"alpha": "1/4", "r": 96}, in_place=False, place=True)
    assert found.peak_memory == (8 + 16) * 48 * 48 == 55_296
    assert found.placement.size == found.peak_memory


def test_biases_have_a_width_of_their_own():
    # 27·16 weights and 16 biases of the folded norm; 144·32 weights and 32 biases
    weights, biases = 27 * 16 + 144 * 32, 16 + 32
    assert memory(CHAIN).weight_bytes == weights + 4 * biases
    assert memory(CHAIN, dtype="int4").weight_bytes == weights // 2 + 4 * biases
    assert memory(CHAIN, dtype={"weights": "int8", "biases": "int16"}).weight_bytes == weights + 2 * biases
    assert memory(CHAIN, dtype="float16").weight_bytes == 2 * (weights + biases)
    assert convcost.memory({**CHAIN, "dtype": "int8"}).weight_bytes == weights + 4 * biases


def test_what_a_folded_norm_leaves_is_a_bias():
    spec = {"input": [3, 4, 4], "layers": [conv(4, 1, bias=False, norm="batch_norm")]}
    assert memory(spec).weight_bytes == 3 * 4 + 4 * 4
    assert convcost.memory(spec).weight_bytes == 4 * (3 * 4 + 4)


def test_a_norm_that_stays_keeps_its_statistics():
    spec = {"input": [8, 4, 4], "layers": [{"max_pool": {"kernel_size": 2}}, "batch_norm"]}
    assert memory(spec).weight_bytes == 4 * 8
    assert convcost.memory(spec).weight_bytes == 4 * 4 * 8


def test_a_frozen_layer_and_the_bias_of_its_norm_take_bytes():
    spec = {"input": [3, 4, 4], "layers": [{**conv(4, 1, norm="batch_norm"), "trainable": False}]}
    assert memory(spec).weight_bytes == 3 * 4 + 4 * 4


def test_recurrent_biases_are_biases_and_those_of_norms_are_not():
    spec = {"input": {"shape": [5, 8], "layout": "tokens"}, "layers": ["layer_norm", {"lstm": {"hidden_size": 4}}]}
    found = memory(spec)
    # a norm's 2·8; 4·4·(8 + 4) weights and two biases of 4·4 each
    assert [row.weight_bytes for row in found.layers] == [16, 192 + 4 * 32]
    assert found.not_counted == ("lstm",)
    assert "The workspace of lstm is not counted." in str(found)


def test_tensors_below_8_bits_are_rounded_up_to_whole_bytes():
    found = memory({"input": [3], "layers": [{"linear": {"out_features": 5, "bias": False}}]}, dtype="int4")
    assert [piece.bytes for piece in found.pieces] == [2, 3]  # 12 and 20 bits
    assert found.weight_bytes == 8  # 60 bits
    assert memory({"input": [9], "layers": ["relu"]}, dtype="int1", batch=2).pieces[0].bytes == 3  # 18 bits


def test_a_layer_of_another_width_does_not_write_over_what_it_reads():
    spec = {"input": [4, 2, 2], "layers": [conv(4), "relu", conv(4)]}
    found = convcost.memory(spec, dtype=["int8", "relu_1:activations=float32"])
    assert [row.how for row in found.layers] == ["", "", ""]
    assert [row.alive for row in found.layers] == [16 + 16, 16 + 64, 64 + 16]


def test_shared_weights_count_once():
    layers = [{**conv(4), "name": "first"}, {**conv(4), "weights": "first"}]
    found = memory({"input": [4, 4, 4], "layers": layers})
    assert [row.weight_bytes for row in found.layers] == [144 + 16, 0]


# sharing


def test_a_view_takes_no_memory_and_lives_on_in_what_it_views():
    layers = [conv(2), "flatten", "dropout", "relu", {"linear": {"out_features": 3}}]
    found = memory({"input": [1, 3, 3], "layers": layers})
    assert [row.how for row in found.layers] == ["", "view", "view", "in place", ""]
    assert [row.alive for row in found.layers] == [9 + 18, 18, 18, 18, 18 + 3]


def test_a_view_of_another_type_of_numbers_takes_memory():
    # 8 numbers of 4 bytes become 8 of 1 byte, which the vector is a view of; then 8 are read and 2 written
    layers = [{"identity": {}, "dtype": "int8"}, {"flatten": {}, "dtype": "int8"}, {"linear": {"out_features": 2}}]
    found = memory({"input": [2, 2, 2], "layers": layers}, dtype=[])
    assert [row.how for row in found.layers] == ["", "view", ""]
    assert [row.alive for row in found.layers] == [8 * 4 + 8, 8, 8 + 2 * 4]


def test_what_is_read_twice_is_not_written_over():
    # relu and sigmoid read one tensor; the second could, but the first still waits for the sum
    spec = {"input": [2, 3, 3], "layers": [conv(2), {"add": [["relu"], ["sigmoid"]]}]}
    found = memory(spec)
    assert [row.how for row in found.layers] == ["", "", "", ""]
    assert found.peak_memory == 3 * 18


def test_what_a_view_still_reads_is_not_written_over():
    layers = [
        {**conv(2), "name": "c"},
        {"relu": None, "name": "r"},
        {"flatten": None, "from": "c"},
        {"linear": {"out_features": 3}, "name": "l"},
    ]
    found = memory({"input": [1, 3, 3], "layers": layers, "outputs": ["r", "l"]})
    assert [row.how for row in found.layers] == ["", "", "view", ""]
    assert [row.alive for row in found.layers] == [27, 36, 36, 39]


@pytest.mark.parametrize("name", ["c", "v"])
def test_an_output_of_the_network_is_not_written_over(name):
    layers = [{**conv(2), "name": "c"}, {"identity": None, "name": "v"}, {"relu": None, "name": "r"}]
    found = memory({"input": [1, 3, 3], "layers": layers, "outputs": [name, "r"]})
    assert [row.how for row in found.layers] == ["", "view", ""]
    assert [row.alive for row in found.layers] == [27, 18, 36]


def test_an_input_of_the_network_is_not_written_over():
    found = memory({"input": [4], "layers": ["relu", "sigmoid"]})
    assert [row.how for row in found.layers] == ["", "in place"]
    assert [row.alive for row in found.layers] == [8, 4]


def test_inputs_live_to_their_last_reader_or_to_the_end():
    spec = {"input": [1, 3, 3], "layers": [conv(2), conv(1), conv(1)]}
    assert [row.alive for row in memory(spec).layers] == [9 + 18, 18 + 9, 9 + 9]
    assert [row.alive for row in memory(spec, keep_inputs=True).layers] == [9 + 18, 9 + 18 + 9, 9 + 9 + 9]


def test_several_inputs_are_there_from_the_start():
    layers = [{**conv(1), "from": "a"}, {"add": None, "from": ["previous", "b"]}]
    found = memory({"inputs": {"a": [1, 3, 3], "b": [1, 3, 3]}, "layers": layers})
    assert [row.alive for row in found.layers] == [27, 27]
    assert [piece.name for piece in found.pieces] == ["input 1", "input 2", "conv_1", "add_1"]


def test_an_output_that_nobody_reads_lives_during_its_layer():
    layers = [{"split": {"chunks": 3}, "name": ["a", "b", "c"]}, {"relu": None, "from": "a"}]
    layers.append({"sigmoid": None, "name": "s"})
    found = memory({"input": [6, 1, 1], "layers": layers, "outputs": ["s", "c"]})
    # of the parts of 2 values the first is written over, the second nobody reads, the third is an output
    assert [row.alive for row in found.layers] == [12, 4, 4]
    assert [piece.name.partition(", ")[2] for piece in found.pieces[1:]] == ["output 1", "output 2", "output 3"]


def test_a_parameter_and_what_only_moves_it_are_weights():
    layers = [
        {"parameter": {"shape": [1, 8], "layout": "tokens"}, "name": "p"},
        {"expand": {"shape": [16, 8]}, "name": "wide"},
        {"relu": None, "name": "r"},
        {"add": None, "from": ["input", "r"]},
    ]
    found = memory({"input": TOKENS, "layers": layers})
    assert [row.how for row in found.layers] == ["weights", "weights", "", ""]  # arithmetic gives an activation
    assert [row.alive for row in found.layers] == [128, 128, 256, 384]
    assert found.weight_bytes == 8


def test_all_slices_run_through_a_layer_of_each_before_the_next():
    layers = [{"each": {"axis": 0, "layers": [{"linear": {"out_features": 6}}, "relu"]}}]
    found = memory({"input": {"shape": [4, 5, 2], "layout": "tokens"}, "layers": layers})
    assert [row.how for row in found.layers] == ["view", "", "in place", ""]
    # the input of 4·5·2 is viewed; 4·5·6 values of all slices; a copy side by side
    assert [row.alive for row in found.layers] == [40, 40 + 120, 120, 240]
    assert found.weight_bytes == 2 * 6 + 4 * 6


def test_without_in_place_only_what_an_item_writes_together_shares_memory():
    found = memory({"input": [1, 3, 3], "layers": [conv(2, **NORMED), "sigmoid"]}, in_place=False)
    assert [row.how for row in found.layers] == ["", "folded", "in place", ""]
    assert [row.alive for row in found.layers] == [27, 18, 18, 36]


def test_an_activation_that_its_item_writes_without_a_norm_is_fused_too():
    # 9 are read and 18 written; the sigmoid of its own reads 18 and writes 18
    found = memory({"input": [1, 3, 3], "layers": [conv(2, activation="relu"), "sigmoid"]}, in_place=False)
    assert [row.how for row in found.layers] == ["", "in place", ""]
    assert [row.alive for row in found.layers] == [27, 18, 36]


def test_alignment_rounds_each_tensor_up():
    found = memory({"input": [1, 3, 3], "layers": [conv(2)]}, align=16)
    assert [piece.bytes for piece in found.pieces] == [16, 32]
    assert (found.peak_memory, found.activation_bytes) == (48, 48)


def test_a_batch_scales_activations_and_not_weights():
    one, three = memory(CHAIN), memory(CHAIN, batch=3)
    assert (three.peak_memory, three.activation_bytes) == (3 * one.peak_memory, 3 * one.activation_bytes)
    assert three.weight_bytes == one.weight_bytes


def test_activations_are_each_piece_of_memory_once():
    # the input, the convolution with its norm and activation, the pool, and the second convolution
    assert memory(CHAIN).activation_bytes == 3 * 1_024 + 16 * 1_024 + 16 * 256 + 32 * 256


# a simulation that frees what no layer reads any more


@settings(max_examples=300, deadline=None)
@given(st.data(), networks(), st.booleans(), st.booleans(), st.sampled_from([1, 3]), st.sampled_from([1, 16]))
def test_what_lives_is_what_a_simulation_holds(data, network, in_place, keep_inputs, batch, align):
    options = {"in_place": in_place, "keep_inputs": keep_inputs, "batch": batch, "align": align}
    model = convcost.Model(network).typed(data.draw(typed(network)))
    found = model.memory(**options)
    expected = simulated(model.network, **options)
    assert [row.alive for row in found.layers] == expected
    assert found.peak_memory == max(expected)
    assert sum(piece.bytes for piece in found.at_peak) == found.peak_memory
    assert sum(row.activation_bytes for row in found.layers) == found.activation_bytes
