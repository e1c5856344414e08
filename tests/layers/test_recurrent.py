"""Recurrent layers: counted by hand, and what they refuse."""

from __future__ import annotations

import pytest

import convcost
from convcost.errors import NetworkError
from convcost.layers import REGISTRY, LayerError
from convcost.network import NetworkBuilder
from convcost.symbolic import symbol


def test_an_lstm_of_three_features_four_hidden_and_six_steps(run):
    ran = run("lstm", (6, 3), hidden_size=4)
    assert ran.output == (6, 4)
    assert ran.cost.params == 144  # 4 · 4 · (3 + 4) + 2 · 4 · 4
    assert ran.cost.macs == 672  # 6 · 4 · 4 · (3 + 4)
    # A step: 16 second biases; 3 · 4 sigmoids; 2 · 4 tanh; 3 · 4 products and 4 sums of gates and cell.
    assert ran.ops == {"mul": 744, "add": 864, "div": 72, "exp": 72, "tanh": 48}
    assert ran.cost.useful_mults == 744


def test_a_gru_of_the_same(run):
    ran = run("gru", (6, 3), hidden_size=4)
    assert ran.cost.params == 108  # 3 · 4 · (3 + 4) + 2 · 3 · 4
    assert ran.cost.macs == 504  # 6 · 3 · 4 · (3 + 4)
    # A step: 8 second biases; 2 · 4 sigmoids; 4 tanh; mul 4 + 8; add 4 (join), 4 (1 − z), 4 (state).
    assert ran.ops == {"mul": 576, "add": 672, "div": 48, "exp": 48, "tanh": 24}


def test_an_rnn_of_the_same(run):
    ran = run("rnn", (6, 3), hidden_size=4)
    assert ran.cost.params == 36  # 4 · (3 + 4) + 2 · 4
    assert ran.ops == {"mul": 168, "add": 192, "tanh": 24}  # 6 · 28, 6 · (28 + 4), 6 · 4
    assert run("rnn", (6, 3), hidden_size=4, nonlinearity="relu").ops == {"mul": 168, "add": 192, "cmp": 24}


def test_two_layers_both_directions_and_a_projection(run):
    ran = run("lstm", (6, 3), hidden_size=4, num_layers=2, bidirectional=True, proj_size=2)
    assert ran.output == (6, 4)  # 2 · 2
    # A direction of the first layer: 16 · (3 + 2) + 2 · 4 + 32 = 120; of the second, reading both: 16 · (4 + 2) + 40.
    assert ran.cost.params == 2 * 120 + 2 * 136 == 512
    assert ran.cost.macs == 6 * 2 * (88 + 104)  # the same without biases


@pytest.mark.parametrize(("type", "gates", "joined"), [("lstm", 4, 4), ("gru", 3, 2), ("rnn", 1, 1)])
def test_biases_may_be_single_or_none(type, gates, joined, run):
    two, one, none = (run(type, (6, 3), hidden_size=4, bias=bias).cost for bias in (True, "single", False))
    assert (two.params - one.params, one.params - none.params) == (4 * gates, 4 * gates)
    assert two.adds - one.adds == 6 * 4 * joined
    assert one.ops == none.ops


@pytest.mark.parametrize("type", ["lstm", "gru", "rnn"])
def test_the_last_state_of_each_direction_costs_what_the_sequence_does(type, run):
    every = run(type, (6, 3), hidden_size=4, bidirectional=True)
    last = run(type, (6, 3), hidden_size=4, bidirectional=True, **{"return": "last"})
    assert (every.output, last.output) == ((6, 8), (8,))
    assert every.cost == last.cost


@pytest.mark.parametrize("type", ["lstm", "gru", "rnn"])
def test_leading_axes_are_a_batch(type, run):
    one, many = run(type, (6, 3), hidden_size=4), run(type, (2, 5, 6, 3), hidden_size=4)
    assert many.output == (2, 5, 6, 4)
    assert many.cost.ops == one.cost.ops * 10
    assert many.cost.params == one.cost.params
    assert run(type, (2, 5, 6, 3), hidden_size=4, **{"return": "last"}).output == (2, 5, 4)


@pytest.mark.parametrize(("type", "count"), [("lstm", 1), ("lstm", 2), ("gru", 1), ("rnn", 1)])
def test_a_state_before_the_first_step_costs_what_zeros_do(type, count, run):
    # 2 layers of both directions: 4 states of 4 numbers
    given = {"hidden_size": 4, "num_layers": 2, "bidirectional": True}
    begun = run(type, (6, 3), *[(4, 4)] * count, **given, initial_state=["a", "b"][:count])
    assert begun == run(type, (6, 3), **given)


def test_a_projected_state_is_narrower_than_the_memory(run):
    assert run("lstm", (6, 3), (1, 2), (1, 4), hidden_size=4, proj_size=2, initial_state=["a", "b"]).output == (6, 2)


def test_a_single_state_may_be_a_vector_and_has_the_axes_of_the_batch(run):
    assert run("gru", (6, 3), (4,), hidden_size=4, initial_state="a").output == (6, 4)
    assert run("gru", (2, 6, 3), (2, 1, 4), hidden_size=4, initial_state="a").output == (2, 6, 4)


@pytest.mark.parametrize(
    ("type", "shapes", "message", "found"),
    [
        ("gru", [(2, 4)], "the state before the first step has the shape [1, 4]", "[2, 4]"),
        ("lstm", [(1, 4), (1, 3)], "the memory before the first step has the shape [1, 4]", "[1, 3]"),
        ("gru", [(1, 4)] * 2, "initial_state of gru names the state", "2 values"),
        ("lstm", [(1, 4)] * 3, "initial_state of lstm names the state, then the memory", "3 values"),
    ],
)
def test_states_before_the_first_step_are_those_of_the_layer(type, shapes, message, found, run):
    with pytest.raises(LayerError) as caught:
        run(type, (6, 3), *shapes, hidden_size=4, initial_state=["a"] * len(shapes))
    assert (caught.value.message, caught.value.found, caught.value.field) == (message, found, "initial_state")


def test_an_output_reads_the_states_of_the_layers_below_and_that_of_its_direction():
    builder = NetworkBuilder()
    x, state = builder.input([6, 3], "tokens"), builder.input([4, 5], "tokens")
    builder.add("gru", x, hidden_size=5, num_layers=2, bidirectional=True, initial_state=state, name="gru")
    model = convcost.Model(builder.build())
    _, field = model.receptive_field().layers[0].axes
    assert (field.local, field.used * field.local) == (4, 3)  # two rows of the first layer, one of the second
    assert model.verify_receptive_field().ok


def test_layouts():
    builder = NetworkBuilder()
    x = builder.input([6, 3], "tokens")
    y = builder.add("lstm", x, hidden_size=4)
    assert y.layout == "tokens"
    assert builder.add("gru", y, hidden_size=4, **{"return": "last"}).layout == "vector"
    frames = builder.input([2, 6, 3], "tokens")
    assert builder.add("rnn", frames, hidden_size=4, **{"return": "last"}).layout == "tokens"


@pytest.mark.parametrize("proj_size", [4, 5])
def test_a_projection_is_narrower_than_the_state(proj_size, run):
    with pytest.raises(LayerError) as caught:
        run("lstm", (6, 3), hidden_size=4, proj_size=proj_size)
    error = caught.value
    assert (error.message, error.field) == ("proj_size must be smaller than hidden_size", "proj_size")
    assert error.found == f"proj_size {proj_size}, hidden_size 4"


@pytest.mark.parametrize("type", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(
    ("shape", "layout", "help"),
    [
        ([3, 6], "feature_map", "put `tokens` before it"),
        ([6], "vector", "tokens have at least two axes: [length, channels]"),
    ],
)
def test_they_take_tokens(type, shape, layout, help):
    builder = NetworkBuilder()
    x = builder.input(shape, layout)
    with pytest.raises(NetworkError) as caught:
        builder.add(type, x, hidden_size=4)
    (detail,) = caught.value.details
    assert (detail.message, detail.found) == (f"{type} takes tokens", f"[{', '.join(map(str, shape))}] reaches it")
    assert detail.help == help


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "lstm needs hidden_size"),
        ({"hidden_size": 0}, "hidden_size must be at least 1"),
        ({"hidden_size": 4, "bias": "double"}, "bias must be true, false or single"),
        ({"hidden_size": 4, "bias": 1}, "bias must be true, false or single"),
        ({"hidden_size": 4, "return": "first"}, "return must be sequence or last"),
        ({"hidden_size": 4, "num_layers": 0}, "num_layers must be at least 1"),
    ],
)
def test_fields_hold_what_they_can(given, message):
    builder = NetworkBuilder()
    with pytest.raises(NetworkError) as caught:
        builder.add("lstm", builder.input([6, 3], "tokens"), **given)
    assert caught.value.details[0].message == message


def test_formulas():
    """PyTorch's documented shapes: W_ih (4H × I), W_hh (4H × R), W_hr (P × H), two biases of 4H."""
    H, I, L, n, P = (symbol(name, whole=True, minimum=1) for name in "HILnP")  # noqa: E741, N806
    fields = {"hidden_size": H, "num_layers": n, "bidirectional": True, "bias": True, "return": "last"}
    gru = REGISTRY["gru"](fields)
    assert gru.cost(((L, I),), (2 * H,)).params == 2 * (3 * H * (I + H) + 6 * H + (n - 1) * (9 * H**2 + 6 * H))
    lstm = REGISTRY["lstm"]({**fields, "num_layers": 1, "bidirectional": False, "proj_size": P})
    assert lstm.cost(((L, I),), (P,)).macs == L * (4 * H * (I + P) + P * H)
