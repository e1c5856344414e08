"""Which layer of one network is which of another."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.analysis import matching
from convcost.analysis.matching import match


class Named(NamedTuple):
    """A layer as the matcher sees it."""

    path: tuple[str, ...]
    type: str
    input_shapes: tuple[tuple[int, ...], ...] = ((8,),)
    output_shape: tuple[int, ...] = (8,)


def layer(name, type="conv", size=8):
    return Named(tuple(name.split("/")), type, ((8,),), (size,))


def pairs(before, after):
    return [(found.before, found.after) for found in match(before, after)]


LAYERS = st.builds(
    layer,
    st.sampled_from(["stem", "head", "conv_1", "conv_2", "block_1/conv_1", "relu_1"]),
    st.sampled_from(["conv", "relu"]),
    st.sampled_from([4, 8]),
)
NETWORKS = st.lists(LAYERS, max_size=6)


@given(before=NETWORKS, after=NETWORKS)
def test_every_layer_stands_once_and_in_order(before, after):
    for limit in (matching._MOST_PAIRS, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(matching, "_MOST_PAIRS", limit)
            found = pairs(before, after)
        assert [i for i, _ in found if i is not None] == list(range(len(before)))
        assert [j for _, j in found if j is not None] == list(range(len(after)))
        assert (None, None) not in found


@given(layers=NETWORKS)
def test_a_network_matches_itself(layers):
    assert pairs(layers, layers) == [(i, i) for i in range(len(layers))]


@given(before=NETWORKS, after=NETWORKS)
def test_no_other_alignment_is_more_alike(before, after):
    def likeness(a, b):
        given_name = "_" not in "".join(a.path)  # what somebody gave, in these networks
        if a.type != b.type and not (given_name and a.path == b.path):
            return None
        shapes = (a.input_shapes, a.output_shape) == (b.input_shapes, b.output_shape)
        return 2 * (a.type == b.type) + 2 * shapes + (a.path == b.path) * (4 if given_name else 1)

    @cache
    def best(i, j):  # of the layers from i and from j on
        if i == len(before) or j == len(after):
            return 0
        pair = likeness(before[i], after[j])
        ways = [best(i + 1, j), best(i, j + 1)]
        return max([*ways, *([] if pair is None else [pair + best(i + 1, j + 1)])])

    found = pairs(before, after)
    alike = [likeness(before[i], after[j]) for i, j in found if i is not None and j is not None]
    assert None not in alike
    assert sum(alike) == best(0, 0)


def test_a_layer_put_in_moves_the_numbers_of_the_others_and_they_are_recognised():
    before = [layer("conv_1", size=8), layer("conv_2", size=16), layer("conv_3", size=32)]
    after = [layer("conv_1", size=4), layer("conv_2", size=8), layer("conv_3", size=16), layer("conv_4", size=32)]
    assert pairs(before, after) == [(None, 0), (0, 1), (1, 2), (2, 3)]


def test_a_name_that_somebody_gave_outweighs_the_type():
    assert pairs([layer("stem", "conv")], [layer("stem", "separable")]) == [(0, 0)]
    assert pairs([layer("conv_1", "conv")], [layer("conv_1", "relu")]) == [(0, None), (None, 0)]


def test_layers_of_another_size_match_by_type_and_name():
    before = [layer("conv_1", size=8), layer("relu_1", "relu", 8)]
    after = [layer("conv_1", size=16), layer("relu_1", "relu", 16)]
    assert pairs(before, after) == [(0, 0), (1, 1)]


def test_nothing_matches_an_empty_network():
    assert pairs([layer("a")], []) == [(0, None)]
    assert pairs([], [layer("a")]) == [(None, 0)]
