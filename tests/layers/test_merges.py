"""Merges of two and more inputs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st


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
