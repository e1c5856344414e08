"""The bytes that layers move, worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

import convcost


def moved(spec, **options):
    analysis = convcost.load({"dtype": "int8", **spec}).analyze(**options)
    return [*zip(analysis.values("bytes_read"), analysis.values("bytes_written"), strict=True)]


def conv(channels, kernel=3, **more):
    return {"conv": {"out_channels": channels, "kernel_size": kernel, "padding": kernel // 2, **more}}


NET = {
    "input": [1, 3, 3],
    "layers": [conv(2, norm="batch_norm", activation="relu"), "flatten", {"linear": {"out_features": 5}}],
}
# 9 values, 18 weights and 2 biases of 4 bytes; 18 values, 90 weights and 5 biases


def test_weights_inputs_and_outputs_are_moved_once():
    assert moved(NET) == [(9 + 18 + 8, 18), (0, 0), (0, 0), (0, 0), (18 + 90 + 20, 5)]


def test_a_batch_reads_the_weights_once():
    assert moved(NET, batch=10)[-1] == (180 + 90 + 20, 50)


def test_the_intensity_is_flops_for_each_byte_of_both():
    analysis = convcost.load({"dtype": "int8", **NET}).analyze()
    # 18 · 9 and 90 products with as many additions, and no operation counts twice
    assert analysis.values("intensity")[-1] == Fraction(2 * 90, 128 + 5)
    assert analysis.values("intensity")[1:4] == [None, None, None]
    assert analysis.value("intensity") == Fraction(2 * (162 + 90), 35 + 18 + 128 + 5)


def test_shared_weights_are_read_by_each_that_uses_them():
    layers = [{**conv(1), "name": "first"}, {**conv(1), "weights": "first"}]
    assert moved({"input": [1, 3, 3], "layers": layers}) == [(9 + 9 + 4, 9)] * 2


def test_what_is_read_twice_counts_once():
    assert moved({"input": [1, 3, 3], "layers": [{"add": [[], []]}]}) == [(9, 9)]


def test_a_parameter_is_read_as_weights_where_it_is_used():
    layers = [
        {"parameter": {"shape": [4, 2]}, "name": "p"},
        {"permute": {"axes": [1, 0]}, "name": "moved"},
        {"matmul": None, "from": ["input", "moved"]},
    ]
    spec = {"input": {"shape": [3, 2], "layout": "tokens"}, "layers": layers}
    # 2 bytes a weight; a batch of activations, and the weights once
    found = moved({**spec, "dtype": {"weights": "int16", "activations": "int8"}}, batch=2)
    assert found == [(0, 0), (0, 0), (2 * 6 + 2 * 8, 2 * 12)]


def test_of_an_embedding_the_rows_that_are_looked_up_are_read():
    spec = {"input": [3], "layers": [{"embedding": {"num_embeddings": 1000, "embedding_dim": 4}}]}
    assert moved(spec) == [(3 + 12, 12)]


def test_depthwise_layers_move_more_for_what_they_compute_than_pointwise_ones():
    analysis = convcost.analyze("mobilenet_v1")
    intensity = {row.name: value for row, value in zip(analysis.layers, analysis.values("intensity"), strict=True)}
    # 32·112² values in and out and 320 weights and biases of 4 bytes, 2 · 9 operations for each value
    values = 32 * 112**2
    assert intensity["separable_conv_1/depthwise"] == Fraction(2 * 9 * values, 4 * (2 * values + 320))
    depthwise = [value for name, value in intensity.items() if name.endswith("/depthwise")]
    pointwise = [value for name, value in intensity.items() if name.endswith("/pointwise")]
    assert max(depthwise) < min(pointwise)


@pytest.mark.parametrize("name", ["bytes_read", "bytes_written", "peak_memory", "activation_bytes", "weight_bytes"])
def test_formulas_are_what_numbers_are(name):
    formula = convcost.analyze("mobilenet_v1", free=["alpha"]).value(name)
    for alpha in (Fraction(1, 4), Fraction(1, 2), 1):
        assert formula.evaluate({"alpha": alpha}) == convcost.analyze("mobilenet_v1", set={"alpha": alpha}).value(name)
