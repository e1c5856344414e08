"""Fields: numbers for every axis, padding in all its forms, checked fields, and what a field refuses."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost import spec
from convcost.network import Network
from convcost.ops import Cost
from convcost.spec.source import Source

Shapes = Callable[..., list[tuple[str, tuple[int, ...]]]]
Load = Callable[..., Network]
ErrorCollector = Callable[..., list[tuple[str, int, int]]]
Total = Callable[..., Cost]

SIZES = {1: "[2, 9]", 2: "[2, 9, 7]", 3: "[2, 9, 7, 5]"}


def layer(load: Load, rank: int, fields: str) -> tuple[tuple[int, ...], object]:
    """Return the output's spatial sizes and the padding field of a convolution on 9, 9×7 or 9×7×5."""
    (found,) = load(f"input: {SIZES[rank]}\nlayers:\n  - conv: {{out_channels: 1, {fields}}}\n").layers
    return found.output_shape[1:], found.fields["padding"]


@pytest.mark.parametrize(
    ("rank", "padding", "sizes", "pairs"),
    [
        # out = in + before + after − 3 + 1
        (1, "0", (7,), ((0, 0),)),
        (1, "1", (9,), ((1, 1),)),
        (1, "[2]", (11,), ((2, 2),)),
        (1, "[[0, 2]]", (9,), ((0, 2),)),
        (1, "valid", (7,), ((0, 0),)),
        (2, "2", (11, 9), ((2, 2), (2, 2))),
        (2, "[0, 1]", (7, 7), ((0, 0), (1, 1))),
        (2, "[[0, 1], [2, 3]]", (8, 10), ((0, 1), (2, 3))),
        (2, "[[0, 1], 2]", (8, 9), ((0, 1), (2, 2))),
        (2, "valid", (7, 5), ((0, 0), (0, 0))),
        (3, "1", (9, 7, 5), ((1, 1), (1, 1), (1, 1))),
        (3, "[0, 1, 2]", (7, 7, 7), ((0, 0), (1, 1), (2, 2))),
        (3, "[[1, 0], [0, 1], [2, 2]]", (8, 6, 7), ((1, 0), (0, 1), (2, 2))),
        (3, "valid", (7, 5, 3), ((0, 0), (0, 0), (0, 0))),
        (2, "in_channels // 2", (9, 7), ((1, 1), (1, 1))),
        (2, "[[in_channels - 2, 1], in_channels / 2]", (8, 7), ((0, 1), (1, 1))),
    ],
)
def test_padding_is_a_number_a_list_pairs_or_valid(
    rank: int, padding: str, sizes: tuple[int, ...], pairs: object, load: Load
) -> None:
    assert layer(load, rank, f"kernel_size: 3, padding: {padding}") == (sizes, pairs)


@pytest.mark.parametrize(
    ("rank", "fields", "sizes"),
    [
        # ⌈9 / s⌉, ⌈7 / s⌉, ⌈5 / s⌉, whatever the kernel and the dilation
        (1, "kernel_size: 3", (9,)),
        (1, "kernel_size: 4, stride: 2", (5,)),
        (2, "kernel_size: 3, stride: 2", (5, 4)),
        (2, "kernel_size: [8, 1], stride: [3, 1], dilation: [2, 1]", (3, 7)),
        (2, "kernel_size: 2, stride: 5", (2, 2)),
        (3, "kernel_size: 3, stride: [1, 2, 3]", (9, 4, 2)),
        (2, "kernel_size: 50, stride: 100", (1, 1)),
    ],
)
def test_same_gives_the_input_over_the_stride_rounded_up(
    rank: int, fields: str, sizes: tuple[int, ...], load: Load
) -> None:
    assert layer(load, rank, f"{fields}, padding: same") == (sizes, "same")


def brute(i: int, k: int, s: int, d: int, before: int, after: int) -> tuple[int, int]:
    """Lay the windows of one axis by hand; return how many fit and how many of their taps read the input."""
    windows = taps = 0
    start = -before
    while start + d * (k - 1) <= i - 1 + after:
        windows += 1
        taps += sum(0 <= start + d * tap < i for tap in range(k))
        start += s
    return windows, taps


def total_padding(i: int, k: int, s: int, d: int) -> int:
    """Find the least total padding with which ⌈i/s⌉ windows fit."""
    total = 0
    while brute(i, k, s, d, 0, total)[0] < -(-i // s):
        total += 1
    return total


axis = st.tuples(st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))


@given(st.lists(axis, min_size=1, max_size=3), st.integers(1, 3), st.integers(1, 3))
def test_same_pads_the_least_that_serves_and_puts_the_odd_one_after(
    axes: list[tuple[int, int, int, int]], ins: int, outs: int
) -> None:
    sizes, kernel, stride, dilation = (list(column) for column in zip(*axes, strict=True))
    text = f"input: {[ins, *sizes]}\nlayers:\n  - conv: {{out_channels: {outs}, kernel_size: {kernel}, "
    text += f"stride: {stride}, dilation: {dilation}, padding: %s}}\n"
    pairs = []
    useful = ins * outs
    for i, k, s, d in axes:
        total = total_padding(i, k, s, d)
        pairs.append([total // 2, total - total // 2])
        useful *= brute(i, k, s, d, *pairs[-1])[1]
    costs = []
    for padding in ("same", pairs):
        network = spec.load(Source("net.yaml", text % padding), {})
        assert network.layers[0].output_shape == (outs, *(-(-i // s) for i, _, s, _ in axes))
        costs.append(cost(network))
    assert costs[0] == costs[1]
    assert costs[0].useful_mults == useful


def cost(network: Network) -> Cost:
    from convcost.cost.analysis import Analysis

    return Analysis.of(network).total


@pytest.mark.parametrize("type", ["max_pool", "avg_pool"])
def test_same_serves_pools_too(type: str, shapes: Shapes) -> None:
    text = f"input: [2, 9, 7]\nlayers:\n  - {type}: {{kernel_size: 3, stride: 2, padding: same}}\n"
    assert shapes(text)[0][1] == (2, 5, 4)


def test_the_rank_follows_the_input(load: Load, total: Total) -> None:
    for rank, count in ((1, 7), (2, 7 * 5), (3, 7 * 5 * 3)):
        text = f"input: {SIZES[rank]}\nlayers:\n  - conv: {{out_channels: 4, kernel_size: 3, bias: false}}\n"
        (found,) = load(text).layers
        assert found.fields["kernel_size"] == (3,) * rank
        assert total(text).params == 4 * 2 * 3**rank
        assert total(text).mults == count * 4 * 2 * 3**rank


def test_a_list_gives_one_number_per_axis(load: Load, total: Total) -> None:
    text = """
        input: [2, 9, 7]
        layers:
          - conv: {out_channels: 4, kernel_size: [3, 1], stride: [1, 2], dilation: [2, 1], padding: [2, 0], bias: false}
        """
    (found,) = load(text).layers
    assert found.output_shape == (4, 9, 4)  # 9 + 4 − 5 + 1; ⌊6 / 2⌋ + 1
    assert total(text).mults == 9 * 4 * (4 * 2 * 3)


def test_other_types_take_pairs_and_lists(shapes: Shapes) -> None:
    text = """
        input: [2, 9, 7]
        layers:
          - pad: {padding: [[1, 2], 0]}
          - crop: {cropping: [1, [0, 3]]}
          - upsample: {scale_factor: [2, 1.5]}
          - upsample: {size: [5, 8]}
          - adaptive_avg_pool: {output_size: [2, 3]}
          - transposed_conv: {out_channels: 3, kernel_size: [2, 3], stride: [2, 1], padding: [[0, 1], 0]}
          - max_pool: {kernel_size: [2, 1], stride: [1, 2], padding: [[1, 0], 0]}
        """
    assert [shape for _, shape in shapes(text)] == [
        (2, 12, 7),
        (2, 10, 4),
        (2, 20, 6),
        (2, 5, 8),
        (2, 2, 3),
        (3, 3, 5),  # (2 − 1) · 2 + 2 − 1; 3 − 1 + 3
        (3, 3, 3),  # 3 + 1 − 2 + 1; ⌊(5 − 1) / 2⌋ + 1
    ]


def test_the_normal_form_of_all_fields_stands_in_the_network(load: Load) -> None:
    text = "input: [2, 9, 7]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3}\n  - avg_pool: {kernel_size: 2}\n"
    conv, pool = load(text).layers
    assert conv.fields == {
        "out_channels": 4,
        "kernel_size": (3, 3),
        "stride": (1, 1),
        "padding": ((0, 0), (0, 0)),
        "padding_mode": "zeros",
        "dilation": (1, 1),
        "groups": 1,
        "bias": True,
    }
    assert pool.fields == {
        "kernel_size": (2, 2),
        "stride": (2, 2),  # a pool's stride is its kernel size
        "padding": ((0, 0), (0, 0)),
        "ceil_mode": False,
        "count_include_pad": True,
    }


# checked fields


@pytest.mark.parametrize(
    "item",
    [
        "conv: {in_channels: 6, out_channels: 6, kernel_size: 1}",
        "conv: {in_channels: in_channels, out_channels: 6, kernel_size: 1}",
        "conv: {in_channels: n * 2, out_channels: 6, kernel_size: 1}",
        "conv: {in_channels: ~, out_channels: 6, kernel_size: 1}",
        "depthwise_conv: {in_channels: 6, kernel_size: 1}",
        "pointwise_conv: {in_channels: 6, out_channels: 6}",
        "separable_conv: {in_channels: 6, out_channels: 6, kernel_size: 1}",
        "transposed_conv: {in_channels: 6, out_channels: 6, kernel_size: 1}",
        "batch_norm: {num_features: 6}",
        "group_norm: {num_groups: 2, num_channels: 6}",
        "layer_norm: {normalized_shape: 6}",
        "layer_norm: {normalized_shape: [6]}",
    ],
)
def test_what_is_inferred_may_be_given_and_is_checked(item: str, load: Load, errors: ErrorCollector) -> None:
    text = f"symbols: {{n: 3}}\ninput: [%d, 8, 8]\nlayers:\n  - {item}\n"
    assert len(load(text % 6).layers) in (1, 2)
    if "~" not in item and "in_channels: in_channels" not in item:
        ((message, line, _),) = errors(text % 8)
        assert message.endswith("must be what reaches the layer")
        assert line == 4


def test_linear_checks_in_features(load: Load, errors: ErrorCollector) -> None:
    text = "input: [%d]\nlayers:\n  - linear: {in_features: 300, out_features: 3000}\n"
    assert load(text % 300).layers[0].output_shape == (3000,)
    assert errors(text % 301) == [("in_features must be what reaches the layer", 3, 27)]


@pytest.mark.parametrize("value", ["true", "relu", "1.5", "[1, 1]", "none", "0", "-1", "[]"])
def test_a_checked_field_is_the_number_itself(value: str, errors: ErrorCollector) -> None:
    text = f"input: [1, 8, 8]\nlayers:\n  - conv: {{in_channels: {value}, out_channels: 6, kernel_size: 1}}\n"
    assert errors(text) == [("in_channels must be what reaches the layer", 3, 25)]


def test_a_checked_field_may_be_a_default(load: Load, errors: ErrorCollector) -> None:
    text = "input: [6, 8, 8]\ndefaults: {conv: {in_channels: 6, kernel_size: 1}}\n"
    text += "layers: [{conv: {out_channels: %d}}, {conv: {out_channels: 2}}]\n"
    assert len(load(text % 6).layers) == 2
    assert errors(text % 4) == [("in_channels must be what reaches the layer", 2, 32)]


# what fields refuse


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("out_channels: 0, kernel_size: 3", "out_channels must be at least 1"),
        ("out_channels: -4, kernel_size: 3", "out_channels must be at least 1"),
        ("out_channels: 2.5, kernel_size: 3", "out_channels must be a whole number"),
        ("out_channels: 7 / 2, kernel_size: 3", "out_channels must be a whole number"),
        ("out_channels: 1e16, kernel_size: 3", "out_channels must be at most 10**15"),
        ("out_channels: true, kernel_size: 3", "out_channels must be a whole number"),
        ("out_channels: relu, kernel_size: 3", "out_channels must be a whole number"),
        ("out_channels: 1 < 2, kernel_size: 3", "out_channels must be a whole number"),
        ("out_channels: [4], kernel_size: 3", "out_channels must be one whole number, not a list"),
        ("out_channels: {a: 4}, kernel_size: 3", "a value is a number, a word, an expression or a list"),
        ("out_channels: 4, kernel_size: 0", "kernel_size must be at least 1"),
        ("out_channels: 4, kernel_size: [3, 0]", "kernel_size must be at least 1"),
        ("out_channels: 4, kernel_size: [3]", "kernel_size must be a number or a list of one per spatial axis"),
        ("out_channels: 4, kernel_size: [3, 3, 3]", "kernel_size must be a number or a list of one per spatial axis"),
        ("out_channels: 4, kernel_size: []", "kernel_size must be a number or a list of one per spatial axis"),
        ("out_channels: 4, kernel_size: [[3], 3]", "kernel_size must be one whole number, not a list"),
        ("out_channels: 4, kernel_size: [3, ~]", "kernel_size must be a whole number"),
        ("out_channels: 4, kernel_size: 3, stride: 0", "stride must be at least 1"),
        ("out_channels: 4, kernel_size: 3, dilation: -1", "dilation must be at least 1"),
        ("out_channels: 4, kernel_size: 3, groups: 0", "groups must be at least 1"),
        ("out_channels: 4, kernel_size: 3, groups: [2]", "groups must be one whole number, not a list"),
        ("out_channels: 4, kernel_size: 3, padding: -1", "padding must be at least 0"),
        ("out_channels: 4, kernel_size: 3, padding: 0.5", "padding must be a whole number"),
        ("out_channels: 4, kernel_size: 3, padding: [1]", "padding must be a number or a list of one per spatial axis"),
        ("out_channels: 4, kernel_size: 3, padding: [[1], 1]", "padding must be a [before, after] pair on each axis"),
        ("out_channels: 4, kernel_size: 3, padding: [[0, -1], 1]", "padding must be at least 0"),
        ("out_channels: 4, kernel_size: 3, padding: [same, 1]", "padding must be a whole number"),
        ("out_channels: 4, kernel_size: 3, padding: none", "padding must be a number, a list, same or valid"),
        ("out_channels: 4, kernel_size: 3, bias: 1", "bias must be true or false"),
        ("out_channels: 4, kernel_size: 3, bias: none", "bias must be true or false"),
        ("out_channels: 4, kernel_size: 3, bias: [true]", "bias must be true or false"),
    ],
)
def test_a_field_refuses_what_it_cannot_hold(fields: str, message: str, errors: ErrorCollector) -> None:
    text = f"input: [4, 8, 8]\nlayers:\n  - conv: {{{fields}}}\n"
    ((told, line, column),) = errors(text)
    assert told == message
    assert line == 3
    assert column > 12


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("upsample: {scale_factor: 0}", "scale_factor must be a number greater than 0"),
        ("upsample: {scale_factor: -1/2}", "scale_factor must be a number greater than 0"),
        ("upsample: {scale_factor: true}", "scale_factor must be a number greater than 0"),
        (
            "upsample: {scale_factor: 2, mode: valid}",
            "mode must be nearest or linear or bilinear or trilinear or bicubic",
        ),
        ("dropout: {p: same}", "p must be a number"),
        ("dropout: {p: true}", "p must be a number"),
        ("batch_norm: {eps: relu}", "eps must be a number"),
        ("batch_norm: {affine: 1}", "affine must be true or false"),
        ("leaky_relu: {negative_slope: [1]}", "negative_slope must be a number"),
        ("slice: {start: -1}", "start must be at least 0"),
        ("slice: {end: 0}", "end must be at least 1"),
        ("max_pool: {kernel_size: 2, ceil_mode: 0}", "ceil_mode must be true or false"),
        ("adaptive_avg_pool: {output_size: 0}", "output_size must be at least 1"),
        ("transposed_conv: {out_channels: 1, kernel_size: 2, output_padding: -1}", "output_padding must be at least 0"),
        ("gelu: {approximate: same}", "approximate must be none or tanh"),
    ],
)
def test_other_types_refuse_too(item: str, message: str, errors: ErrorCollector) -> None:
    assert [told for told, _, _ in errors(f"input: [4, 8, 8]\nlayers:\n  - {item}\n")] == [message]


def test_numbers_that_change_no_count_are_any_numbers(load: Load, total: Total) -> None:
    text = """
        input: [4, 8, 8]
        layers:
          - batch_norm: {eps: 1e-3, momentum: 1/7}
          - dropout: {p: 0}
          - leaky_relu: {negative_slope: -0.3}
          - local_response_norm: {size: 5, alpha: 1e-4, beta: 0.75, k: 2}
        """
    plain = "input: [4, 8, 8]\nlayers: [batch_norm, dropout, leaky_relu, {local_response_norm: {size: 5}}]\n"
    assert load(text).layers[0].fields["eps"] == Fraction(1, 1000)
    assert total(text) == total(plain)


@pytest.mark.parametrize(
    ("item", "params"),
    [
        ("batch_norm: {affine: false}", 0),
        ("batch_norm", 2 * 4),
        ("layer_norm: {affine: false}", 0),
        ("layer_norm", 2 * 4),
        ("group_norm: {num_groups: 2, affine: false}", 0),
        ("group_norm: {num_groups: 2}", 2 * 4),
        ("prelu", 1),
        ("prelu: {num_parameters: in_channels}", 4),
        ("conv: {out_channels: 5, kernel_size: 3}", 4 * 5 * 9 + 5),  # bias, as in PyTorch, unless it says otherwise
        ("conv: {out_channels: 5, kernel_size: 3, bias: false}", 4 * 5 * 9),
    ],
)
def test_affine_bias_and_num_parameters_change_the_parameters(item: str, params: int, total: Total) -> None:
    assert total(f"input: [4, 8, 8]\nlayers:\n  - {item}\n").params == params


@pytest.mark.parametrize(
    "forms", list(product(["64", "'64'", '"64"', "6_4", "64.0", "6.4e1", "2 ** 6", "8 * 8"], ["3", "'3'"]))
)
def test_a_number_may_be_written_in_many_ways(forms: tuple[str, str], load: Load) -> None:
    out, kernel = forms
    text = f"input: [4, 8, 8]\nlayers:\n  - conv:\n      out_channels: {out}\n      kernel_size: {kernel}\n"
    assert load(text).layers[0].output_shape == (64, 6, 6)


def test_all_faulty_fields_are_told_behind_a_fault(errors: ErrorCollector) -> None:
    text = """\
        input: [3, 8, 8]
        layers:
          - conv: {out_channels: 1, kernel_size: 3, padding: -1}
          - conv: {out_channels: 1, kernel_size: 3, padding: [[1, 2, 3], 1]}
          - conv: {out_channels: 1, kernel_size: [1, 2, 3], stride: [1, 0]}
        """
    assert [(line, message) for message, line, _ in errors(text)] == [
        (3, "padding must be at least 0"),
        (4, "padding must be a [before, after] pair on each axis"),
        (5, "kernel_size must be a number or a list of one per spatial axis"),
        (5, "stride must be at least 1"),
    ]


def test_what_follows_from_a_fault_is_not_told_again(errors: ErrorCollector) -> None:
    text = """\
        input: [3, 8, 8]
        layers:
          - conv: {out_channels: 2.5, kernel_size: 3}
          - conv: {out_channels: 4, kernel_size: 3, groups: in_channels}
          - residual: [{conv: {out_channels: 4, kernel_size: 3, padding: 1}}]
          - conv: {out_channels: in_channels // 3, kernel_size: 3, padding: same}
          - flatten
          - linear: {out_features: 10, in_features: 100}
        """
    # 4 − 4 // 3 … depends on nothing that is known only behind the error but line 7, which is fine
    assert errors(text)[0] == ("out_channels must be a whole number", 3, 26)
    assert [line for _, line, _ in errors(text)] in ([3], [3, 8])
