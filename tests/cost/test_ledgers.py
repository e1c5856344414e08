"""Ledgers worked out by hand come out of specs: parameters, macs, and every kind of operation."""

from __future__ import annotations

from typing import Any

import pytest

import convcost

TOKENS = "tokens"


def counted(inputs: dict[str, Any], *layers: Any) -> tuple[int, int, dict[str, int]]:
    """Return the parameters, macs and operations of a network, all kinds that occur."""
    total = convcost.analyze({"inputs": inputs, "layers": [*layers]}).total
    return total.params, total.macs, {kind: count for kind, count in total.ops.to_dict().items() if count}


def tokens(*shape: int) -> dict[str, Any]:
    return {"shape": [*shape], "layout": TOKENS}


def test_attention() -> None:
    """5 tokens of 8 channels, 2 heads of 4."""
    projections = 4 * 5 * 8 * 8  # 1,280; queries, keys, values and the output
    products = 2 * (2 * 5 * 5 * 4)  # scores and contexts, 400
    assert counted({"x": tokens(5, 8)}, {"attention": {"num_heads": 2}}) == (
        4 * (8 * 8 + 8),
        projections + products,
        {
            "mul": 1_680 + 2 * 5 * 5,  # one a score
            "add": 1_680 + 2 * 5 * 2 * 5,  # 10 rows of 5: twice
            "cmp": 10 * 4,
            "exp": 50,
            "div": 50,
        },
    )


def test_a_score_bias_adds_once_a_score() -> None:
    inputs = {"x": tokens(5, 8), "bias": {"shape": [2, 5, 5], "layout": "unknown"}}
    _, macs, ops = counted(inputs, {"attention": {"num_heads": 2, "score_bias": ["bias"]}, "from": "x"})
    assert (macs, ops["add"], ops["mul"]) == (1_680, 1_780 + 50, 1_730)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # macs 4·4 · (3 + 4) = 112 a step, 6 steps; second bias 16, sigmoids 3·4, tanh 2·4, mul 3·4, join 4
        (
            "lstm",
            (
                2 * 16 + 112,
                672,
                {"mul": 6 * (112 + 12), "add": 6 * (112 + 16 + 12 + 4), "exp": 72, "div": 72, "tanh": 48},
            ),
        ),
        # 3·4 · (3 + 4) = 84; second bias 2·4, r 4 and its join 4, sigmoids 2·4, tanh 4, 1 − z 4, mul 2·4, add 4
        (
            "gru",
            (
                2 * 12 + 84,
                504,
                {"mul": 6 * (84 + 4 + 8), "add": 6 * (84 + 8 + 4 + 8 + 4 + 4), "exp": 48, "div": 48, "tanh": 24},
            ),
        ),
        # 4 · (3 + 4) = 28; second bias 4, tanh 4
        ("rnn", (2 * 4 + 28, 168, {"mul": 168, "add": 6 * (28 + 4), "tanh": 24})),
    ],
)
def test_recurrent_layers(layer: str, expected: tuple[int, int, dict[str, int]]) -> None:
    """3 features, 4 hidden, 6 steps."""
    assert counted({"x": tokens(6, 3)}, {layer: {"hidden_size": 4}}) == expected


def test_a_projected_lstm_of_two_layers_and_directions() -> None:
    """P = 2: a direction has 16 · (I + 2) + 2 · 4 weights and 2 · 16 biases; I is 3, then both directions' 2 · 2."""
    fields = {"hidden_size": 4, "num_layers": 2, "bidirectional": True, "proj_size": 2}
    params, _, _ = counted({"x": tokens(6, 3)}, {"lstm": fields})
    assert params == 2 * (16 * 5 + 8 + 32) + 2 * (16 * 6 + 8 + 32) == 512


def test_a_modulated_deformable_convolution() -> None:
    """3 × 3 on 4 × 5 × 5 to 8: 25 positions, 9 taps, 27 channels of offsets and mask."""
    fields = {"out_channels": 8, "kernel_size": 3, "padding": 1, "bias": False, "modulated": True}
    offsets, points, samples = 27 * 4 * 9 * 25, 25 * 9, 25 * 9 * 4  # 24,300 macs; 225; 900
    macs = offsets + 8 * 4 * 9 * 25  # and 7,200
    assert counted({"x": [4, 5, 5]}, {"deform_conv": fields}) == (
        288 + 27 * (36 + 1),
        macs,
        {
            "mul": macs + points * 4 + samples * (4 + 1),  # corner weights; corners and mask
            "add": macs + points * 6 + samples * 4 + points,  # moving and distances; corners; sigmoid
            "floor": 2 * points,
            "exp": points,
            "div": points,
        },
    )
    assert (macs, macs + points * 4 + samples * 5, macs + points * 7 + samples * 4) == (31_500, 36_900, 36_675)


def test_fold_adds_once_a_value() -> None:
    layer = {"fold": {"output_size": [4, 4], "kernel_size": 3}}  # 2 × 2 windows of 3 × 3
    assert counted({"x": {"shape": [18, 4], "layout": "feature_map"}}, layer) == (0, 0, {"add": 72})


def test_a_region_of_interest() -> None:
    """2 regions of 2 × 2 cells on 3 × 8 × 8, 2 × 2 points a cell: 32 points, 96 sampled values, 24 given."""
    fields = {"num_regions": 2, "output_size": 2, "sampling_ratio": 2}
    assert counted({"x": [3, 8, 8]}, {"roi_align": fields})[2] == {
        "mul": 2 * 4 + 32 * (4 + 4) + 96 * 4,
        "add": 2 * 6 + 32 * (6 + 4) + 96 * 4 + 24 * 4,
        "div": 2 * 2 + 32 * 2 + 24,
        "cmp": 2 * 2 + 32 * 4,
        "floor": 32 * 2,
    }


def test_matmul() -> None:
    """A batch of 3, 4 × 5 times 5 × 6."""
    inputs = {"a": {"shape": [3, 4, 5], "layout": "unknown"}, "b": {"shape": [3, 5, 6], "layout": "unknown"}}
    assert counted(inputs, {"matmul": None, "from": ["a", "b"]}) == (0, 360, {"mul": 360, "add": 360})


SIX = {"shape": [6]}


@pytest.mark.parametrize(
    ("layer", "params", "ops"),
    [
        ("rms_norm", 6, {"mul": 6 + 6, "add": 7, "div": 7, "sqrt": 1}),
        ("l2_normalize", 0, {"mul": 6, "add": 6, "sqrt": 1, "cmp": 1, "div": 6}),
        ("standardize", 0, {"add": 6, "div": 6, "sqrt": 6, "cmp": 6}),
        ("log_softmax", 0, {"cmp": 5, "add": 18, "exp": 6, "log": 1}),
        ("elu", 0, {"cmp": 6, "exp": 6, "add": 6, "mul": 6}),
        ("selu", 0, {"cmp": 6, "exp": 6, "add": 6, "mul": 12}),
        ("celu", 0, {"cmp": 12, "div": 6, "exp": 6, "mul": 6, "add": 12}),
        ("softplus", 0, {"exp": 6, "add": 6, "log": 6}),
        ("mish", 0, {"exp": 6, "add": 6, "log": 6, "tanh": 6, "mul": 6}),
        ("softsign", 0, {"abs": 6, "add": 6, "div": 6}),
        ("glu", 0, {"exp": 3, "add": 3, "div": 3, "mul": 3}),
    ],
)
def test_norms_and_activations_of_six_values(layer: str, params: int, ops: dict[str, int]) -> None:
    assert counted({"x": [6]}, layer) == (params, 0, ops)


@pytest.mark.parametrize(
    ("op", "ops"),
    [
        ("sum", {"add": 12}),
        ("mean", {"add": 12, "div": 2}),
        ("max", {"cmp": 10}),
        ("min", {"cmp": 10}),
        ("norm", {"mul": 12, "add": 12, "sqrt": 2}),
    ],
)
def test_two_reductions_of_six_values(op: str, ops: dict[str, int]) -> None:
    assert counted({"x": tokens(6, 2)}, {"reduce": {"op": op, "axis": "length"}}) == (0, 0, ops)


@pytest.mark.parametrize(
    ("op", "ops"),
    [
        ({"op": "rsqrt"}, {"sqrt": 6, "div": 6}),
        ({"op": "square"}, {"mul": 6}),
        ({"op": "neg"}, {}),
        ({"op": "clamp", "value": [0, 1]}, {"cmp": 12}),
        ({"op": "sin"}, {"sin": 6}),
        ({"op": "floor"}, {"floor": 6}),
    ],
)
def test_elementwise_operations_on_six_values(op: dict[str, Any], ops: dict[str, int]) -> None:
    assert counted({"x": [6]}, {"elementwise": op})[2] == ops


def test_moving_parameters_is_free_and_their_arithmetic_counts() -> None:
    """A learned value is moved while the model is prepared; a sum of two is worked out at each run."""
    learned = [{"parameter": {"shape": [4, 3], "layout": TOKENS}, "name": name} for name in ("a", "b")]
    moved = {"permute": {"axes": [1, 0]}, "from": "a"}
    assert counted({"x": tokens(4, 3)}, *learned, moved)[2] == {}
    assert counted({"x": tokens(4, 3)}, *learned, {"add": None, "from": ["a", "b"]})[2] == {"add": 12}
