"""The lanes engine yields the plain engine's outputs bit for bit, with the same counts."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.executor import Array, execute, run
from convcost.executor.arithmetic import Arithmetic
from convcost.executor.lanes import Lanes, reach_of
from convcost.executor.plain import Plain


@st.composite
def products(draw):
    """Planes, rows of weights and starts of any magnitude that still fits 64 bits."""
    planes, positions = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    value = st.integers(*draw(st.sampled_from([(-3, 3), (-128, 127), (0, 1), (-(10**6), 10**6), (-(10**9), 10**9)])))
    weight = st.integers(*draw(st.sampled_from([(-1, 1), (-3, 3), (-(10**5), 10**5), (-(10**7), 10**7)])))
    fixed = lambda of, size: st.lists(of, min_size=size, max_size=size)  # noqa: E731
    return (
        draw(fixed(fixed(value, positions), planes)),
        draw(st.lists(fixed(weight, planes), min_size=1, max_size=3)),
        draw(fixed(value, positions)),
    )


@settings(max_examples=150)
@given(products())
def test_lanes_and_plain_agree_bit_for_bit(drawn):
    planes, rows, starts = drawn
    lanes, plain = Arithmetic(), Arithmetic()
    packed, loaded = Lanes(lanes, planes, reach_of(chain(*planes), rows, starts)), Plain(plain, planes)
    for row in rows:
        found = packed.dots(row, starts)
        assert found == loaded.dots(row, starts)
        # Each definition once more, value by value.
        assert found == [s + sum(p[i] * w for p, w in zip(planes, row, strict=True)) for i, s in enumerate(starts)]
    assert lanes.ops == plain.ops == dict.fromkeys(("mul", "add"), len(planes) * len(starts) * len(rows))


@pytest.mark.parametrize("half", [1 << 7, 1 << 15, 1 << 31, 1 << 63])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_that_fills_its_lane_reads_back_whole_beside_its_opposite(half, sign):
    """The largest sums a lane must hold, next to lanes of the other sign that borrow from them."""
    largest = half - 1
    planes = [[1, -1, 1, -1, -1, 1]]
    found = Lanes(Arithmetic(), planes, largest).dots([sign * (largest - 5)], [5 * sign * p for p in planes[0]])
    assert found == [sign * p * largest for p in planes[0]]


@pytest.mark.parametrize(
    ("value", "weight", "bias"),
    [
        (100, 1, 100),  # 100 · 1 + 100 = 200 leaves 8 bits, 100 · 1 does not
        (128, 0, 0),  # the value itself leaves 8 bits
        (-127, 1, -1),  # -128 would still fit, but the reach knows magnitudes only
        (181, 181, 7),  # 181² + 7 = 2¹⁵
    ],
)
def test_the_reach_covers_biases_and_the_values_themselves(fields, value, weight, bias):
    given = fields(1, out_channels=1, kernel_size=1, groups=1, bias=True)
    weights = {"weight": Array((1, 1, 1), [weight]), "bias": Array((1,), [bias])}
    output, _ = run("conv", given, [Array((1, 2), [value, -value])], weights, engine="lanes")
    assert output.values == [value * weight + bias, bias - value * weight]


def test_a_reach_of_more_than_64_bits_is_refused():
    with pytest.raises(ValueError, match="64 bits"):
        Lanes(Arithmetic(), [[1]], 1 << 63)


def test_what_passes_beyond_a_lane_on_the_way_does_no_harm():
    """100 · 100 leaves 8 bits, the finished sum of 0 does not."""
    assert Lanes(Arithmetic(), [[100, -100], [100, -100]], 127).dots([100, -100], [7, -7]) == [7, -7]


@pytest.mark.parametrize("engine", [Lanes, Plain])
@pytest.mark.parametrize(
    ("planes", "row", "starts"), [([[1, 2], [3]], [1, 1], [0, 0]), ([[1, 2]], [1, 1], [0, 0]), ([[1, 2]], [1], [0])]
)
def test_an_engine_refuses_operands_that_do_not_meet_one_to_one(engine, planes, row, starts):
    with pytest.raises(ValueError):  # noqa: PT011 - several messages
        engine(Arithmetic(), planes, *([9] if engine is Lanes else [])).dots(row, starts)


@pytest.mark.parametrize("engine", ["auto", "plain", "lanes"])
def test_engines_execute_a_layer_of_several_loads_alike(fields, engine):
    """70 × 70 positions are more than are loaded at a time."""
    given = fields(out_channels=4, padding="same", groups=1, bias=True)
    execution = execute("conv", given, [(3, 70, 70)], engine=engine)
    assert execution.ops["mul"] == 529_200  # 70² · 4 · 3 · 3²
    # Padding meets a 3 of each side's 70 taps, 3 per corner less counted twice: (4 · 70 · 3 - 4) · 3 channels · 4
    assert execution.padding_mults == 10_032
    given = fields(out_channels=4, padding=1, output_padding=0, groups=1, bias=True)
    execution = execute("transposed_conv", given, [(3, 70, 70)], engine=engine)
    assert (execution.ops["mul"], execution.padding_mults) == (529_200, 10_032)  # the same taps, the other way round


def test_auto_falls_back_on_plain_where_numbers_are_not_whole(fields):
    given = fields(out_channels=4, kernel_size=1, groups=1, bias=False)
    x, weight = Array((1, 4, 4), [0.5] * 16), Array((4, 1, 1, 1), [2] * 4)
    assert run("conv", given, [x], {"weight": weight})[0].values == [1.0] * 64
    with pytest.raises(ValueError, match="whole numbers"):
        run("conv", given, [x], {"weight": weight}, engine="lanes")


def test_auto_falls_back_on_plain_where_sums_exceed_a_lane(fields):
    given = fields(out_channels=4, kernel_size=1, groups=1, bias=False)
    x, weight = Array((1, 4, 4), [1 << 40] * 16), Array((4, 1, 1, 1), [1 << 40] * 4)
    assert run("conv", given, [x], {"weight": weight})[0].values == [1 << 80] * 64
