"""The fully connected layer."""

from __future__ import annotations


def test_each_output_reads_each_input(run):
    ran = run("linear", (300,), out_features=3_000)
    assert ran.output == (3_000,)
    assert ran.cost.params == 903_000  # 300 · 3,000 + 3,000
    assert ran.ops == {"mul": 900_000, "add": 900_000}
    assert (ran.cost.macs, ran.cost.useful_mults, ran.cost.buffers) == (900_000, 900_000, 0)


def test_without_bias_there_are_only_weights(run):
    assert run("linear", (300,), out_features=3_000, bias=False).cost.params == 900_000


def test_a_linear_layer_is_a_pointwise_convolution_of_one_position(run):
    linear = run("linear", (7,), out_features=5)
    pointwise = run("pointwise_conv", (7, 1, 1), out_channels=5)
    assert linear.cost == pointwise.cost
