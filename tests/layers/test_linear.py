"""The fully connected layer, and the product of two matrices."""

from __future__ import annotations

import pytest

from convcost.errors import NetworkError
from convcost.layers import REGISTRY, LayerError
from convcost.network import NetworkBuilder
from convcost.symbolic import symbol


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


def test_each_token_is_a_vector(run):
    one, many = run("linear", (8,), out_features=3), run("linear", (2, 5, 8), out_features=3)
    assert many.output == (2, 5, 3)
    assert many.cost.ops == one.cost.ops * 10
    assert many.cost.params == one.cost.params


def test_a_product_of_two_matrices(run):
    ran = run("matmul", (2, 3, 5), (2, 5, 4))
    assert ran.output == (2, 3, 4)
    assert ran.ops == {"mul": 120, "add": 120}  # 2 · 3 · 5 · 4
    assert (ran.cost.macs, ran.cost.useful_mults, ran.cost.params) == (120, 120, 0)


@pytest.mark.parametrize(
    ("a", "b", "output", "products"),
    [
        ((3, 5), (2, 5, 4), (2, 3, 4), 120),
        ((7, 1, 3, 5), (2, 5, 4), (7, 2, 3, 4), 840),
        ((1, 3, 5), (6, 5, 4), (6, 3, 4), 360),
    ],
)
def test_axes_before_the_matrices_broadcast(a, b, output, products, run):
    ran = run("matmul", a, b)
    assert (ran.output, ran.cost.macs) == (output, products)


@pytest.mark.parametrize(
    ("a", "b", "message", "found", "help"),
    [
        (
            (3, 5),
            (4, 5),
            "the columns of matmul's first input must be as many as the rows of its second",
            "[3, 5] and [4, 5]: 5 and 4",
            "permute the last two axes of one of them",
        ),
        (
            (3, 5),
            (4, 6),
            "the columns of matmul's first input must be as many as the rows of its second",
            "[3, 5] and [4, 6]: 5 and 4",
            "",
        ),
        (
            (2, 3, 5),
            (3, 5, 4),
            "the axes of matmul's inputs before the last two must be equal, or 1",
            "[2, 3, 5] and [3, 5, 4]",
            "",
        ),
        ((5,), (5, 4), "matmul takes matrices: at least two axes each", "[5] and [5, 4] reach it", ""),
    ],
)
def test_matrices_that_do_not_meet_are_refused(a, b, message, found, help, run):
    with pytest.raises(LayerError) as caught:
        run("matmul", a, b)
    assert (caught.value.message, caught.value.found, caught.value.help) == (message, found, help)


def test_a_product_has_no_layout_unless_it_is_said():
    builder = NetworkBuilder()
    a, b = builder.input([3, 5], "tokens"), builder.input([5, 4], "tokens")
    assert builder.add("matmul", a, b).layout == "unknown"
    assert builder.add("matmul", a, b, layout="tokens").layout == "tokens"
    with pytest.raises(NetworkError, match="the layout vector has one axis"):
        builder.add("matmul", a, b, layout="vector")
    with pytest.raises(NetworkError, match="matmul takes 2 inputs"):
        builder.add("matmul", a)


def test_a_product_of_symbols():
    m, k, n, b = (symbol(name, whole=True, minimum=1) for name in "mknb")
    definition = REGISTRY["matmul"]({"layout": None})
    shapes = ((b, m, k), (k, n))
    assert definition.output_shape(*shapes) == (b, m, n)
    assert definition.cost(shapes, (b, m, n)).macs == b * m * k * n
