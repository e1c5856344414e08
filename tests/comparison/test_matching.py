"""Which layer of one network is which of another."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.comparison import alignment, matching
from convcost.comparison.matching import match
from convcost.ops import Cost


class Named(NamedTuple):
    """A layer as the matcher sees it."""

    path: tuple[str, ...]
    type: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    cost: Cost


def layer(name, type="conv", size=8, params=0, reads=8):
    return Named(tuple(name.split("/")), type, ((reads,),), (size,), Cost(params=params))


def pairs(before, after, fields=None):
    return [(found.before, found.after) for found in match(before, after, fields)]


def moved(before, after, fields=None):
    return [(found.before, found.after) for found in match(before, after, fields) if found.moved]


LAYERS = st.builds(
    layer,
    st.sampled_from(["stem", "head", "conv_1", "conv_2", "block_1/conv_1", "block_2/conv_1", "conv_1/relu", "up.2"]),
    st.sampled_from(["conv", "relu"]),
    st.sampled_from([4, 8]),
    st.sampled_from([0, 1]),
)
NETWORKS = st.lists(LAYERS, max_size=6)


@pytest.mark.parametrize("cells", [400_000, 0])
@given(before=NETWORKS, after=NETWORKS)
def test_every_layer_stands_once_and_in_order(cells, before, after):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "_MOST_CELLS", cells)
        patch.setattr(matching, "_MOST_EDITS", 6 if cells else 2)
        found = match(before, after)
    assert [each.after for each in found if each.after is not None] == list(range(len(after)))
    assert sorted(each.before for each in found if each.before is not None) == list(range(len(before)))
    stayed = [each.before for each in found if each.before is not None and not each.moved]
    assert stayed == sorted(stayed)
    assert all(each.before is not None or each.after is not None for each in found)


@given(layers=NETWORKS)
def test_a_network_matches_itself(layers):
    assert pairs(layers, layers) == [(i, i) for i in range(len(layers))]
    assert moved(layers, layers) == []


def test_a_layer_put_in_moves_the_numbers_of_the_others_and_they_are_recognised():
    before = [layer("conv_1", size=8), layer("conv_2", size=16), layer("conv_3", size=32)]
    after = [layer("conv_1", size=4), layer("conv_2", size=8), layer("conv_3", size=16), layer("conv_4", size=32)]
    assert pairs(before, after) == [(None, 0), (0, 1), (1, 2), (2, 3)]


def test_so_are_layers_that_only_their_cost_tells_apart():
    before = [layer(f"conv_{k + 1}", params=k) for k in range(3)]
    after = [layer("conv_1", params=9), *(layer(f"conv_{k + 2}", params=k) for k in range(3))]
    assert pairs(before, after) == [(None, 0), (0, 1), (1, 2), (2, 3)]


def test_so_are_layers_that_only_their_fields_tell_apart():
    before = [layer(f"slice_{k}", "slice") for k in (1, 2)]
    after = [layer(f"slice_{k}", "slice") for k in (1, 2, 3)]
    assert pairs(before, after, (["0:4", "4:8"], ["8:9", "0:4", "4:8"])) == [(None, 0), (0, 1), (1, 2)]


def test_a_name_that_somebody_gave_outweighs_the_type():
    assert pairs([layer("stem", "conv")], [layer("stem", "separable")]) == [(0, 0)]
    assert pairs([layer("conv_1", "conv")], [layer("conv_1", "relu")]) == [(0, None), (None, 0)]


def test_a_name_that_somebody_gave_outweighs_equal_shapes():
    """Both stages are twice as wide: the first is now what the second was."""
    before = [layer("narrow", size=8), layer("wide", size=16)]
    after = [layer("narrow", size=16), layer("wide", size=32), layer("head", size=16)]
    assert pairs(before, after) == [(0, 0), (1, 1), (None, 2)]


def test_layers_with_other_names_are_others_unless_they_are_equal():
    assert pairs([layer("stem", size=8)], [layer("head", size=16)]) == [(0, None), (None, 0)]
    assert pairs([layer("stem", size=8)], [layer("head", size=8)]) == [(0, 0)]


def test_a_name_in_the_path_counts_too():
    before = [layer("stage4/conv_1", size=8), layer("stage5/conv_1", size=16)]
    after = [layer("stage5/conv_1", size=8)]
    assert pairs(before, after) == [(0, None), (1, 0)]


@pytest.mark.parametrize(
    ("rest", "type"),
    [("residual_1/body/conv_1", "conv"), ("separable_conv_1/depthwise", "depthwise_conv"), ("conv_1/relu", "relu")],
)
def test_the_words_that_a_layer_writes_are_no_names(rest, type):
    """A residual's body, a separable convolution's stages, and an activation behind its convolution."""
    before = [layer(f"stage4/{rest}", type, 8), layer(f"stage5/{rest}", type, 16)]
    assert pairs(before, [layer(f"stage5/{rest}", type, 8)]) == [(0, None), (1, 0)]


def test_a_name_that_is_deeper_now_is_the_same_name():
    before = [layer("conv_3"), layer("stage/conv_1", size=16)]
    assert pairs(before, [layer("unit_1/stage/conv_9", size=32)]) == [(0, None), (1, 0)]


def test_a_name_inside_a_block_is_the_name_not_that_of_the_block():
    before = [layer("mine", size=8), layer("conv_1", size=24)]
    after = [layer("stage/conv_1", size=32), layer("stage/mine", size=16)]
    assert pairs(before, after) == [(None, 0), (0, 1), (1, None)]


def test_a_layer_is_the_one_that_reads_or_gives_the_same():
    before = [layer("conv_1", size=4, params=1), layer("conv_2", size=16, params=2, reads=4)]
    assert pairs(before, [layer("conv_1", size=32, params=3, reads=4)]) == [(0, None), (1, 0)]
    assert pairs(before, [layer("conv_1", size=16, params=3, reads=64)]) == [(0, None), (1, 0)]


def test_a_layer_is_the_one_in_a_block_of_the_same_kind():
    before = [layer("relu_1", "relu"), layer("unit_1/relu_1", "relu")]
    assert pairs(before, [layer("unit_2/relu_1", "relu")]) == [(0, None), (1, 0)]
    assert pairs(before, [layer("unit_2/relu_1", "relu", 16)]) == [(0, None), (1, 0)]


def test_counts_never_outweigh_what_a_layer_is():
    """The first has the whole path, the second the output and the input."""
    before = [layer("a_1/b_1/relu_1", "relu", 4, 1, reads=9), layer("relu_9", "relu", 16, 2)]
    assert pairs(before, [layer("a_1/b_1/relu_1", "relu", 16, 3)]) == [(0, None), (1, 0)]


def test_layers_of_another_size_match_by_type_and_name():
    before = [layer("conv_1", size=8), layer("relu_1", "relu", 8)]
    after = [layer("conv_1", size=16), layer("relu_1", "relu", 16)]
    assert pairs(before, after) == [(0, 0), (1, 1)]


def test_the_same_items_stay_what_they_were():
    """Twice as wide, a layer has the shapes of the one behind it, and is not that one."""
    before = [layer("conv_1", size=8), layer("conv_2", size=16)]
    after = [layer("conv_1", size=16), layer("conv_2", size=32)]
    assert pairs(before, after) == [(0, 0), (1, 1)]


def test_unless_less_is_told_when_some_were_put_in_and_taken_out():
    before = [layer(f"conv_{k}", params=k) for k in (1, 2, 3, 4)]
    after = [layer(f"conv_{k}", params=k - 1) for k in (1, 2, 3, 4)]
    assert pairs(before, after) == [(None, 0), (0, 1), (1, 2), (2, 3), (3, None)]


@pytest.mark.parametrize("sizes", [(8, 8), (8, 16)])
@pytest.mark.parametrize("name", ["up", "unit_1"])
def test_more_repetitions_are_told_at_the_end(name, sizes):
    old, new = sizes
    before = [layer(f"{name}.{k}/conv_1", size=old) for k in (1, 2)]
    after = [layer(f"{name}.{k}/conv_1", size=new) for k in (1, 2, 3)]
    assert pairs(before, after) == [(0, 0), (1, 1), (None, 2)]
    assert pairs(after, before) == [(0, 0), (1, 1), (2, None)]


def test_an_item_that_is_repeated_now_was_its_first_repetition():
    before = [layer("unit_1", size=8), layer("head")]
    after = [layer("unit_1.1", size=16), layer("unit_1.2", size=16), layer("head")]
    assert pairs(before, after) == [(0, 0), (None, 1), (1, 2)]


def test_counts_decide_where_all_else_is_equal():
    """A layer less in each block: it is the second, not all layers of the second block."""
    before = [layer(f"block_{k}/conv_{m}") for k in (1, 2) for m in (1, 2)]
    after = [layer(f"block_{k}/conv_1") for k in (1, 2)]
    assert pairs(before, after) == [(0, 0), (1, None), (2, 1), (3, None)]


def test_the_ends_of_paths_decide_where_blocks_are_counted_anew():
    before = [layer(f"block_{k}/conv_{m}") for k in (1, 2) for m in (1, 2, 3)]
    after = [layer("block_1/linear_1", "linear"), *(layer(f"block_{k}/conv_{m}") for k in (2, 3) for m in (1, 2))]
    assert pairs(before, after) == [(None, 0), (0, 1), (1, 2), (2, None), (3, 3), (4, 4), (5, None)]


def test_of_layers_that_nothing_tells_apart_the_first_stay():
    before, after = [layer("unit_1/relu_3", "relu")], [layer("relu_1", "relu"), layer("relu_2", "relu")]
    assert pairs(before, after) == [(0, 0), (None, 1)]
    assert pairs(after, before) == [(0, 0), (1, None)]


def test_what_is_removed_is_told_before_what_is_added():
    assert pairs([layer("relu_1", "relu")], [layer("tanh_1", "tanh")]) == [(0, None), (None, 0)]


def test_a_layer_with_a_name_moves():
    """The wide one goes behind the other two."""
    before = [layer("wide", size=32), layer("a", size=4), layer("b", size=8)]
    after = [layer("a", size=4), layer("b", size=8), layer("wide", size=64)]
    assert pairs(before, after) == [(1, 0), (2, 1), (0, 2)]
    assert moved(before, after) == [(0, 2)]


def test_a_layer_without_a_name_moves():
    before = [layer("conv_1"), layer("relu_1", "relu"), layer("batch_norm_1", "batch_norm"), layer("conv_2")]
    after = [before[0], before[2], before[1], before[3]]
    assert pairs(before, after) == [(0, 0), (2, 1), (1, 2), (3, 3)]
    assert len(moved(before, after)) == 1


def test_two_of_a_type_without_names_change_places():
    before = [layer("conv_1", params=9), layer("conv_2", params=1)]
    after = [layer("conv_1", params=1), layer("conv_2", params=9)]
    assert pairs(before, after) == [(1, 0), (0, 1)]
    assert len(moved(before, after)) == 1


def test_two_of_a_type_change_places_with_what_they_write():
    """Nothing costs anything else, whichever is said to have moved."""

    def written(name, params):
        return [layer(name, params=params), layer(f"{name}/batch_norm", "batch_norm")]

    before = [*written("conv_1", 9), *written("conv_2", 1)]
    after = [*written("conv_1", 1), *written("conv_2", 9)]
    assert all(i is not None and j is not None and before[i].cost == after[j].cost for i, j in pairs(before, after))


def test_a_norm_moves_only_with_the_layer_that_writes_it():
    def written(name, params):
        return [layer(name, params=params), layer(f"{name}/batch_norm", "batch_norm")]

    rest = [layer("flatten_1", "flatten", 1), layer("linear_1", "linear", 2), layer("relu_1", "relu", 2)]
    gone_and_come = match([*written("conv_1", 9), *rest], [*rest, *written("conv_1", 5)], (range(5), (2, 3, 4, 7, 1)))
    assert [(each.before, each.after) for each in gone_and_come] == [
        (0, None),
        (1, None),
        (2, 0),
        (3, 1),
        (4, 2),
        (None, 3),
        (None, 4),
    ]
    assert moved([*written("conv_1", 9), *rest], [*rest, *written("conv_1", 9)]) == [(0, 3), (1, 4)]
    assert moved([*written("conv_1", 9), *rest], [layer("conv_1", params=9), *rest, *written("conv_2", 5)]) == []


def test_a_run_of_layers_that_becomes_a_block_is_the_same():
    before = [layer("stem"), layer("conv_1", size=4), layer("relu_1", "relu", 4), layer("conv_2", size=2)]
    after = [layer("stem"), layer("unit/conv_1", size=4), layer("unit/relu_1", "relu", 4), layer("conv_1", size=2)]
    assert pairs(before, after) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert pairs(after, before) == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_nothing_matches_an_empty_network():
    assert pairs([layer("a")], []) == [(0, None)]
    assert pairs([], [layer("a")]) == [(None, 0)]
    assert pairs([], []) == []


def long(unit, wider=0):
    """Return 200 layers of three types."""
    types = "conv", "batch_norm", "relu"
    return [layer(f"{unit}/{types[k % 3]}_{k // 3 + 1}", types[k % 3], 8 + k + wider) for k in range(200)]


@pytest.mark.parametrize(
    ("edits", "unit", "wider"),
    [(1000, "unit_2", 0), (1000, "unit_2", 1000), (0, "unit_1", 1000)],
    ids=["what is equal", "what is of the same kinds", "the same items"],
)
def test_in_a_long_network_layers_are_weighed_near_others(edits, unit, wider, monkeypatch):
    """Sixty more than anywhere near."""
    monkeypatch.setattr(alignment, "_MOST_CELLS", 0)
    monkeypatch.setattr(matching, "_MOST_EDITS", edits)
    before, after = long("unit_1"), long(unit, wider)
    after[20:20] = [layer(f"{unit}/tanh_{k + 1}", "tanh") for k in range(60)]
    expected = [
        *((k, k) for k in range(20)),
        *((None, k) for k in range(20, 80)),
        *((k, k + 60) for k in range(20, 200)),
    ]
    assert pairs(before, after) == expected


@pytest.mark.parametrize("name", ["conv{}", "conv_{}", "conv.{}", "conv-{}", "block{}_conv", "c{}x"])
@pytest.mark.parametrize("behind", ["", "/batch_norm"])
def test_a_layer_put_in_moves_the_numbers_by_which_people_name_layers(name, behind):
    def chain(*widths):
        reads = zip((3, *widths), widths, strict=False)
        return [
            layer(name.format(count) + part, part.strip("/") or "conv", width, 9 * read * width, read)
            for count, (read, width) in enumerate(reads, 1)
            for part in dict.fromkeys(["", behind])
        ]

    old, new = chain(48, 40, 32, 24, 16, 8), chain(48, 40, 40, 32, 24, 16, 8)
    each = 2 if behind else 1
    assert [j for i, j in pairs(old, new) if i is None] == [2 * each + part for part in range(each)]
    assert [j - i for i, j in pairs(old, new) if i is not None] == [0] * 2 * each + [each] * 4 * each
