"""What convolutions and pools compute, by their definitions and the identities between them."""

from __future__ import annotations

from fractions import Fraction
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.executor import Array, fold, run
from convcost.executor.windows import same_padding

KERNEL = [1, 2, 1, 2, 1, 2, 1, 1, 2]


def numbers(*shape, seed=1):
    """Small whole numbers without a pattern."""
    return Array(shape, [(seed * 7919 + index * index * 31 + index * 17) % 11 - 5 for index in range(prod(shape))])


def output(type, fields, x, **weights):
    return run(type, fields, [x], weights)[0]


def transposed(fields, **given):
    return fields(**{"out_channels": 1, "output_padding": 0, "groups": 1, "bias": False, **given})


class TestTransposedConvolution:
    def test_one_value_spreads_by_the_kernel(self, fields, matrix):
        """55 meets each kernel value once."""
        y = output("transposed_conv", transposed(fields), matrix([55]), weight=Array((1, 1, 3, 3), KERNEL))
        assert y == matrix([55, 110, 55], [110, 55, 110], [55, 55, 110])

    def test_overlaps_add(self, fields, matrix):
        """55 and 10 beside it, a step of one apart."""
        y = output("transposed_conv", transposed(fields), matrix([55, 10]), weight=Array((1, 1, 3, 3), KERNEL))
        assert y == matrix(
            [55, 110 + 10, 55 + 20, 10],
            [110, 55 + 20, 110 + 10, 20],
            [55, 55 + 10, 110 + 10, 20],
        )

    def test_stride_keeps_them_apart_and_padding_crops_the_canvas(self, fields, matrix):
        given = transposed(fields, stride=3, padding=((1, 0), (0, 1)))
        y = output("transposed_conv", given, matrix([55, 10]), weight=Array((1, 1, 3, 3), KERNEL))
        assert y == matrix([110, 55, 110, 20, 10], [55, 55, 110, 10, 10])

    def test_a_bias_starts_every_accumulator_even_where_no_product_lands(self, fields, matrix):
        given = transposed(fields, kernel_size=1, stride=2, output_padding=1, bias=True)
        weights = {"weight": Array((1, 1, 1, 1), [4]), "bias": Array((1,), [7])}
        assert output("transposed_conv", given, matrix([1, 2]), **weights) == matrix([11, 7, 15, 7], [7, 7, 7, 7])

    @given(
        st.integers(1, 2), st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(3, 7)
    )
    def test_its_matrix_is_the_transpose_of_the_convolutions(self, m, n, kernel, stride, dilation, size):
        padding = ((kernel - 1, kernel // 2),)
        span = dilation * (kernel - 1) + 1
        outside = (size + sum(padding[0]) - span) % stride
        shared = {"kernel_size": (kernel,), "stride": (stride,), "padding": padding, "dilation": (dilation,)}
        shared |= {"groups": 1, "bias": False}
        weight = numbers(n, m, kernel)

        def columns(type, shape, **own):
            """The images of the unit vectors."""
            units = [[int(i == j) for j in range(prod(shape))] for i in range(prod(shape))]
            return [output(type, {**shared, **own}, Array(shape, unit), weight=weight) for unit in units]

        forward = columns("conv", (m, size), out_channels=n)
        back = columns("transposed_conv", forward[0].shape, out_channels=m, output_padding=(outside,))
        assert back[0].shape == (m, size)
        assert [column.values for column in forward] == list(map(list, zip(*(row.values for row in back), strict=True)))


class TestConvolution:
    def test_the_kernel_slides_without_turning_over(self, fields, matrix):
        """At the left 1·1 + 2·2 + 4·0 + 5·3 = 20, at the right 2·1 + 3·2 + 5·0 + 6·3 = 26."""
        given = fields(out_channels=1, kernel_size=2, groups=1, bias=False)
        y = output("conv", given, matrix([1, 2, 3], [4, 5, 6]), weight=Array((1, 1, 2, 2), [1, 2, 0, 3]))
        assert y == matrix([20, 26])

    @pytest.mark.parametrize("type", ["conv", "transposed_conv"])
    def test_grouped_is_its_groups_side_by_side(self, fields, type):
        given = fields(out_channels=6, stride=2, padding=1, bias=True, groups=3)
        given |= {"output_padding": (1, 1)} if type == "transposed_conv" else {}
        x, bias = numbers(6, 5, 4), numbers(6, seed=3)
        weight = numbers(6, 2, 3, 3, seed=2)
        whole = output(type, given, x, weight=weight, bias=bias)
        values = []
        for group in range(3):
            part = {
                "weight": Array((2, 2, 3, 3), weight.values[36 * group : 36 * (group + 1)]),
                "bias": Array((2,), bias.values[2 * group : 2 * group + 2]),
            }
            own = Array((2, 5, 4), x.values[40 * group : 40 * (group + 1)])
            values += output(type, given | {"out_channels": 2, "groups": 1}, own, **part).values
        assert whole.values == values

    @pytest.mark.parametrize("type", ["conv", "transposed_conv"])
    def test_dilated_is_a_kernel_full_of_zeros(self, fields, type):
        given = fields(out_channels=2, groups=1, bias=False, padding=1)
        given |= {"output_padding": (0, 0)} if type == "transposed_conv" else {}
        x, weight = numbers(2, 6, 7), numbers(2, 2, 3, 3)
        holes = Array(
            (2, 2, 5, 5),
            [
                0 if row % 2 or column % 2 else weight.values[plane * 9 + row // 2 * 3 + column // 2]
                for plane in range(4)
                for row in range(5)
                for column in range(5)
            ],
        )
        dilated = output(type, given | {"dilation": (2, 2)}, x, weight=weight)
        assert dilated == output(type, given | {"kernel_size": (5, 5)}, x, weight=holes)

    def test_depthwise_then_pointwise_is_one_convolution_with_the_products_of_their_weights(self, fields):
        x, across = numbers(3, 5, 6), numbers(6, 3, 3, seed=2)
        mixing = numbers(4, 6, 1, 1, seed=3)
        geometry = fields(stride=2, padding="same", bias=False)
        middle = output(
            "depthwise_conv", geometry | {"depth_multiplier": 2}, x, weight=Array((6, 1, 3, 3), across.values)
        )
        point = {"out_channels": 4, "stride": (1, 1), "groups": 1, "bias": False}
        separable = output("pointwise_conv", point, middle, weight=mixing)
        # Channel m of the input reaches output n through the two kernels 2m and 2m + 1.
        products = [
            sum(mixing.values[n * 6 + 2 * m + q] * across.values[(2 * m + q) * 9 + tap] for q in (0, 1))
            for n in range(4)
            for m in range(3)
            for tap in range(9)
        ]
        full = geometry | {"out_channels": 4, "groups": 1}
        assert separable == output("conv", full, x, weight=Array((4, 3, 3, 3), products))

    @pytest.mark.parametrize(
        ("size", "kernel", "stride", "dilation", "amounts"),
        [
            (5, 3, 1, 1, (1, 1)),
            (5, 2, 1, 1, (0, 1)),
            (224, 7, 2, 1, (2, 3)),  # (112 - 1) · 2 + 7 - 224 = 5
            (224, 3, 2, 1, (0, 1)),  # (112 - 1) · 2 + 3 - 224 = 1
            (7, 3, 2, 1, (1, 1)),  # (4 - 1) · 2 + 3 - 7 = 2
            (10, 3, 1, 4, (4, 4)),  # (10 - 1) · 1 + 9 - 10 = 8
            (6, 1, 3, 1, (0, 0)),  # (2 - 1) · 3 + 1 - 6 < 0
        ],
    )
    def test_same_pads_as_tensorflow_does(self, size, kernel, stride, dilation, amounts):
        assert same_padding(size, kernel, stride, dilation) == amounts

    def test_the_odd_zero_of_same_comes_after(self, fields, matrix):
        """Two windows of three ones and the second one's last tap in the padding, down and across."""
        given = fields(out_channels=1, stride=2, padding="same", groups=1, bias=False)
        ones = Array((1, 1, 3, 3), [1] * 9)
        assert output("conv", given, matrix(*[[1] * 4] * 4), weight=ones) == matrix([9, 6], [6, 4])


class TestPools:
    def pool(self, values, **given):
        fields = {"kernel_size": (3,), "stride": (2,), "padding": ((1, 1),), "ceil_mode": False}
        own = {"count_include_pad": True}
        return output("avg_pool", fields | own | given, Array((1, len(values)), values)).values

    def test_padding_counts_in_the_mean_unless_it_is_left_out(self):
        assert self.pool([6, 6, 6]) == [4, 4]  # (0 + 6 + 6) / 3 twice
        assert self.pool([6, 6, 6], count_include_pad=False) == [6, 6]  # (6 + 6) / 2 twice

    def test_what_hangs_over_the_end_never_counts_in_the_mean(self):
        """The last window holds one value, one zero of padding and one position beyond it."""
        assert self.pool([6, 6, 6, 6]) == [4, 6]
        assert self.pool([6, 6, 6, 6], ceil_mode=True) == [4, 6, 3]  # 6 / 2
        assert self.pool([6, 6, 6, 6], ceil_mode=True, count_include_pad=False) == [6, 6, 6]

    def test_the_last_window_of_ceil_mode_starts_inside_the_input(self):
        """A third window would start at 5 + 1, in the padding behind the input."""
        given = {"kernel_size": (2,), "stride": (3,), "padding": ((0, 1),), "ceil_mode": True}
        assert self.pool([4, 4, 4, 4, 4, 4], **given) == [4, 4]

    def test_a_mean_is_exact(self):
        assert self.pool([1, 0, 0, 0], padding=((0, 0),)) == [Fraction(1, 3)]

    def test_padding_never_wins_a_maximum(self):
        fields = {"kernel_size": (3,), "stride": (1,), "padding": "same", "dilation": (1,), "ceil_mode": False}
        assert output("max_pool", fields, Array((1, 3), [-5, -7, -9])).values == [-5, -5, -7]


class TestFolding:
    """A layer with folded weights is exactly the layer and the batch norm behind it, in rational numbers."""

    # The variances and eps are such that variance + eps is the square of a rational number.
    norm_fields = {"affine": True, "eps": Fraction(1, 4), "momentum": 0.1}  # noqa: RUF012

    def norm(self, channels):
        return {
            "running_mean": numbers(channels, seed=4),
            "running_var": Array((channels,), [(2, 6, 12)[c % 3] for c in range(channels)]),  # (3/2)², (5/2)², (7/2)²
            "weight": numbers(channels, seed=5),
            "bias": numbers(channels, seed=6),
        }

    @pytest.mark.parametrize("bias", [True, False])
    @pytest.mark.parametrize(
        ("type", "own", "weight"),
        [
            ("conv", {"out_channels": 6, "groups": 2}, (6, 2, 3, 3)),
            ("depthwise_conv", {"depth_multiplier": 2}, (8, 1, 3, 3)),
            ("transposed_conv", {"out_channels": 6, "groups": 2, "output_padding": (1, 0)}, (4, 3, 3, 3)),
        ],
    )
    def test_into_a_convolution_is_exact(self, fields, type, own, weight, bias):
        given = fields(stride=2, padding=1, bias=bias, **own)
        self.check(type, given, numbers(4, 4, 5), weight, bias)

    def test_into_a_pointwise_convolution_is_exact(self):
        given = {"out_channels": 6, "stride": (1, 1), "groups": 2, "bias": True}
        self.check("pointwise_conv", given, numbers(4, 3, 2), (6, 2, 1, 1), True)

    def test_into_a_linear_layer_is_exact(self):
        self.check("linear", {"out_features": 6, "bias": True}, numbers(5), (6, 5), True)

    def check(self, type, given, x, weight, bias):
        channels = given.get("out_channels") or given.get("out_features") or weight[0]
        weights = {"weight": numbers(*weight, seed=2)} | ({"bias": numbers(channels, seed=3)} if bias else {})
        norm = self.norm(channels)
        apart = output("batch_norm", self.norm_fields, output(type, given, x, **weights), **norm)
        together = output(type, given | {"bias": True}, x, **fold(type, given, weights, self.norm_fields, norm))
        assert together == apart
        assert not any(isinstance(value, float) for value in together.values)
