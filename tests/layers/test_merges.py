"""Merges of two and more inputs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost import NetworkError

VECTORS = (
    "the inputs of add must have the same shape, up to axes of size 1; a vector as many values as there are channels"
)


def test_k_inputs_are_added_k_minus_1_times(run):
    ran = run("add", (4, 3, 3), (4, 3, 3), (4, 3, 3))
    assert ran.output == (4, 3, 3)
    assert ran.ops == {"add": 72}  # 36 · 2
    assert (ran.cost.mults, ran.cost.macs, ran.cost.params, ran.cost.useful_mults) == (0, 0, 0, 0)


def test_k_inputs_are_multiplied_k_minus_1_times_and_are_no_macs(run):
    ran = run("multiply", (4, 3, 3), (4, 1, 1))
    assert ran.output == (4, 3, 3)
    assert ran.ops == {"mul": 36}
    assert (ran.cost.macs, ran.cost.useful_mults) == (0, 36)


def test_axes_of_size_1_are_stretched_in_either_input(run):
    assert run("add", (4, 1, 3), (1, 5, 1)).output == (4, 5, 3)
    assert run("multiply", (1,), (6,), (1,)).ops == {"mul": 12}


def test_channels_are_joined_without_arithmetic(run):
    ran = run("concat", (4, 3, 3), (2, 3, 3), (1, 3, 3))
    assert ran.output == (7, 3, 3)
    assert ran.ops == {}
    assert run("concat", (4,), (5,)).output == (9,)


def test_a_vector_meets_the_channels_of_a_feature_map_and_of_tokens(builder):
    map, vector = builder.input([4, 3, 4]), builder.input([4])
    tokens = builder.input([5, 4], layout="tokens")
    for x, count in ((map, 48), (tokens, 20)):
        scaled = builder.add("multiply", vector, x)
        assert (scaled.shape, scaled.layout) == (x.shape, x.layout)
        layer = builder.layers[scaled.producer]
        assert layer.cost().ops.to_dict() == {"mul": count}
    assert [layer.definition.axis for layer in builder.layers] == [0, 1]


def test_missing_axes_are_the_first_where_no_feature_map_is_among_them(builder):
    windows = builder.input([6, 4, 8], layout="tokens")
    table = builder.add("parameter", shape=[4, 8])
    assert (table.layout, builder.add("add", windows, table).shape) == ("unknown", (6, 4, 8))
    assert builder.add("add", table, windows, table).layout == "tokens"


def test_an_axis_says_what_a_vector_meets(builder):
    x, vector = builder.input([4, 3, 3], layout="unknown"), builder.input([4])
    assert builder.add("add", x, vector, axis=0).shape == (4, 3, 3)
    assert refusal(builder, "add", x, vector) == (
        VECTORS,
        "[4, 3, 3] and [4]",
        "",
    )


def refusal(builder, type, *inputs, **fields):
    """Return the message, what was found and the remedy of a layer that cannot be added."""
    with pytest.raises(NetworkError) as error:
        builder.add(type, *inputs, **fields)
    (detail,) = error.value.details
    return detail.message, detail.found, detail.help


def test_a_feature_map_does_not_guess_which_axes_another_input_has(builder):
    map, unknown = builder.input([4, 3, 3]), builder.input([3, 3], layout="unknown")
    assert refusal(builder, "add", map, unknown) == (
        "add cannot tell which axes of a feature map the other input has",
        "[4, 3, 3], feature map and [3, 3], unknown",
        "`reshape` it to as many axes, or `layout: vector` where it was made",
    )
    assert refusal(builder, "add", map, builder.input([3, 3])) == (
        "the inputs of add must have as many axes",
        "[4, 3, 3] and [3, 3]",
        "",
    )
    assert builder.add("add", map, builder.input([1, 3, 3], layout="unknown")).layout == "feature map"


def test_tokens_and_a_feature_map_do_not_merge(builder):
    map, tokens = builder.input([4, 4]), builder.input([4, 4], layout="tokens")
    assert refusal(builder, "add", map, tokens) == (
        "the inputs of add must have one layout",
        "[4, 4], feature map and [4, 4], tokens",
        "`tokens` or `feature_map` on one",
    )


@given(
    shape=st.lists(st.integers(2, 4), min_size=1, max_size=4),
    shrunk=st.lists(st.sets(st.integers(0, 3)), min_size=2, max_size=4),
)
def test_merges_count_each_output_value(shape, shrunk, run):
    inputs = [tuple(1 if axis in ones else size for axis, size in enumerate(shape)) for ones in shrunk]
    output = tuple(max(sizes) for sizes in zip(*inputs, strict=True))
    values = 1
    for size in output:
        values *= size
    added, multiplied = run("add", *inputs), run("multiply", *inputs)
    assert added.output == multiplied.output == output
    assert added.cost.adds == multiplied.cost.mults == (len(inputs) - 1) * values
