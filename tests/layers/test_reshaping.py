"""Layers that give values other axes, choose them, learn them, or lay them out in windows."""

from __future__ import annotations

import pytest

from convcost import NetworkError
from convcost.layers import REGISTRY
from convcost.ops import Cost

# type, input, its layout, fields, output, its layout
MOVED = [
    ("tokens", [8, 3, 4], "feature_map", {}, (12, 8), "tokens"),
    ("tokens", [8, 5], "feature_map", {}, (5, 8), "tokens"),
    ("tokens", [8, 2, 3, 4], "feature_map", {}, (24, 8), "tokens"),
    ("feature_map", [12, 8], "tokens", {"size": [3, 4]}, (8, 3, 4), "feature map"),
    ("feature_map", [12, 8], "tokens", {"size": [12]}, (8, 12), "feature map"),
    ("feature_map", [3, 4, 8], "tokens", {}, (8, 3, 4), "feature map"),
    ("feature_map", [3, 4, 8], "tokens", {"size": [2, 6]}, (8, 2, 6), "feature map"),
    ("rearrange", [8, 6, 4], "feature_map", {"pattern": "c h w -> (h w) c"}, (24, 8), "tokens"),
    ("rearrange", [24, 8], "tokens", {"pattern": "(h  w) c -> c h w", "w": 4}, (8, 6, 4), "feature map"),
    (
        "rearrange",
        [8, 6, 4],
        "feature_map",
        {"pattern": "c (h p) (w q) -> (p q) (h w) c", "p": 2, "q": 2},
        (4, 6, 8),
        "tokens",
    ),
    ("rearrange", [8, 6, 4], "feature_map", {"pattern": "c h w -> h (w c)"}, (6, 32), "unknown"),
    ("rearrange", [8, 6, 4], "feature_map", {"pattern": "c h w -> h (w c)", "layout": "tokens"}, (6, 32), "tokens"),
    (
        "rearrange",
        [8, 6, 4],
        "tokens",
        {"pattern": "a b c -> a b c", "layout": "feature_map"},
        (8, 6, 4),
        "feature map",
    ),
    ("rearrange", [8, 6, 4], "feature_map", {"pattern": "c h w -> (c h w)"}, (192,), "vector"),
    ("rearrange", [5, 24], "tokens", {"pattern": "l (n d) -> n l d", "sizes": {"n": 3}}, (3, 5, 8), "unknown"),
    ("rearrange", [5, 6, 7, 8], "tokens", {"pattern": "... l c -> ... c l"}, (5, 6, 8, 7), "unknown"),
    ("rearrange", [8, 5], "feature_map", {"pattern": "c l -> c 1 l"}, (8, 1, 5), "feature map"),
    ("permute", [8, 6, 4], "feature_map", {"axes": [1, 2, 0]}, (6, 4, 8), "unknown"),
    ("permute", [8, 6, 4], "feature_map", {"axes": ["width", -2, "channels"], "layout": "tokens"}, (4, 6, 8), "tokens"),
    ("reshape", [8, 6, 4], "feature_map", {"shape": [8, -1]}, (8, 24), "unknown"),
    ("reshape", [8, 6, 4], "feature_map", {"shape": 192, "layout": "vector"}, (192,), "vector"),
    ("reshape", [192], "vector", {"shape": [3, 8, 8], "layout": "feature_map"}, (3, 8, 8), "feature map"),
    ("expand", [1, 8], "tokens", {"shape": [5, -1]}, (5, 8), "tokens"),
    ("expand", [1, 8], "tokens", {"shape": [4, 5, 8]}, (4, 5, 8), "unknown"),
    ("expand", [1, 8], "tokens", {"shape": [4, 5, 8], "layout": "tokens"}, (4, 5, 8), "tokens"),
    ("roll", [7, 7, 8], "tokens", {"shift": -3, "axis": [0, 1]}, (7, 7, 8), "tokens"),
    ("roll", [8, 7], "feature_map", {"shift": [20], "axis": "length"}, (8, 7), "feature map"),
    ("flip", [8, 7], "feature_map", {"axis": -1}, (8, 7), "feature map"),
    ("gather", [169, 3], "unknown", {"shape": [49, 49, 3]}, (49, 49, 3), "unknown"),
    ("gather", [169, 3], "unknown", {"shape": [5, 3], "layout": "tokens"}, (5, 3), "tokens"),
    ("unfold", [3, 5, 6], "feature_map", {"kernel_size": 2}, (12, 20), "feature map"),  # 3 · 4, 4 · 5
    ("unfold", [3, 5, 6], "feature_map", {"kernel_size": 3, "stride": 2, "padding": 1}, (27, 9), "feature map"),
    ("max_pool", [3, 6, 6], "feature_map", {"kernel_size": 2}, (3, 3, 3), "feature map"),
]


@pytest.mark.parametrize(("type", "shape", "layout", "fields", "output", "becomes"), MOVED)
def test_values_get_other_axes_and_layouts_without_arithmetic(builder, type, shape, layout, fields, output, becomes):
    given = builder.add(type, builder.input(shape, layout=layout), **fields)
    assert (given.shape, given.layout) == (output, becomes)
    if type != "max_pool":
        assert builder.layers[-1].cost() == Cost()


def test_an_axis_is_split_into_several_outputs(builder):
    tokens, map = builder.input([5, 12], layout="tokens"), builder.input([9, 4, 6])
    parts = builder.add("split", tokens, chunks=3)
    assert [(part.shape, part.layout, part.output) for part in parts] == [
        ((5, 4), "tokens", 0),
        ((5, 4), "tokens", 1),
        ((5, 4), "tokens", 2),
    ]
    assert [part.shape for part in builder.add("split", map, sizes=[2, 7])] == [(2, 4, 6), (7, 4, 6)]
    assert [part.shape for part in builder.add("split", map, sizes=[1, 5], axis="width")] == [(9, 4, 1), (9, 4, 5)]
    assert builder.add("relu", parts[2]).shape == (5, 4)
    assert all(layer.cost().params == 0 for layer in builder.layers)


def test_columns_are_added_up_where_their_windows_lie(builder):
    x = builder.input([18, 4])
    folded = builder.add("fold", x, output_size=[4, 4], kernel_size=3)
    assert (folded.shape, folded.layout) == ((2, 4, 4), "feature map")
    assert builder.layers[-1].cost() == Cost(ops=Cost().ops.__class__(add=72))  # 18 · 4
    wide = builder.add("fold", x, output_size=[5, 7], kernel_size=[3, 1], stride=[2, 4], padding=[[0, 0], [0, 0]])
    assert wide.shape == (6, 5, 7)  # windows 2 · 2


def test_a_parameter_reads_nothing_and_is_learned(builder):
    shapes = {
        "vector": builder.add("parameter", shape=8),
        "unknown": builder.add("parameter", shape=[5, 8]),
        "tokens": builder.add("parameter", shape=[1, 8], layout="tokens"),
        "feature map": builder.add("parameter", shape=[8, 2, 2], layout="feature_map"),
    }
    assert [tensor.layout for tensor in shapes.values()] == list(shapes)
    assert [layer.cost() for layer in builder.layers] == [Cost(params=n) for n in (8, 40, 8, 32)]


def test_an_embedding_is_a_table_of_which_rows_are_taken(builder):
    given = builder.add("embedding", builder.input([77]), num_embeddings=49_408, embedding_dim=512)
    assert (given.shape, given.layout) == ((77, 512), "tokens")
    assert builder.layers[-1].cost() == Cost(params=25_296_896)  # 49,408 · 512


def test_global_pools_leave_a_vector_of_tokens_and_a_position_of_a_map(builder):
    tokens, map = builder.input([6, 7, 4], layout="tokens"), builder.input([4, 6, 7])
    unknown = builder.input([4, 6, 7], layout="unknown")
    for type, ops in (("global_avg_pool", {"add": 168, "div": 4}), ("global_max_pool", {"cmp": 164})):  # 4 · 42, 4 · 41
        for x, shape, layout in (
            (tokens, (4,), "vector"),
            (map, (4, 1, 1), "feature map"),
            (unknown, (4, 1, 1), "unknown"),
        ):
            pooled = builder.add(type, x)
            assert (pooled.shape, pooled.layout) == (shape, layout)
            assert builder.layers[-1].cost().ops.to_dict() == ops


def test_maxima_go_back_to_where_they_were(builder):
    x = builder.input([4, 7, 6])
    pooled = builder.add("max_pool", x, kernel_size=2)
    back = builder.add("max_unpool", builder.add("relu", pooled), of=x)
    assert (back.shape, back.layout) == ((4, 7, 6), "feature map")
    assert builder.layers[-1].cost() == Cost()


@pytest.mark.parametrize(
    ("p", "ops"),
    [
        (1, {"add": 72}),  # 8 values, windows of 9
        (2, {"mul": 72, "add": 72, "sqrt": 8}),
        (3, {"add": 72, "pow": 80}),
    ],
)
def test_the_norm_of_a_window(builder, p, ops):
    pooled = builder.add("lp_pool", builder.input([2, 6, 6]), kernel_size=3, norm_type=p)
    cost = builder.layers[-1].cost()
    assert (pooled.shape, cost.ops.to_dict()) == ((2, 2, 2), ops)
    assert (cost.useful_mults, cost.macs) == (ops.get("mul", 0), 0)


# type, input, its layout, fields, message, found, help
REFUSED = [
    ("tokens", [8], "", {}, "tokens takes channels and spatial sizes", "[8] reaches it", "a vector has none"),
    (
        "feature_map",
        [8, 3, 4],
        "",
        {},
        "feature_map takes tokens",
        "[8, 3, 4] reaches it",
        "leave it out: nothing is to be done",
    ),
    (
        "feature_map",
        [12, 8],
        "tokens",
        {},
        "feature_map needs size",
        "[12, 8] reaches it",
        "`size: [height, width]`, or `size: [12]` for one axis",
    ),
    (
        "feature_map",
        [12, 8],
        "tokens",
        {"size": [3, 3]},
        "size must have the 12 positions of the tokens",
        "[3, 3] has 9, [12, 8] reaches it",
        "",
    ),
    (
        "feature_map",
        [12, 8],
        "tokens",
        {"size": 3},
        "size must have the 12 positions of the tokens",
        "[3] has 3, [12, 8] reaches it",
        "",
    ),
    (
        "feature_map",
        [16, 8],
        "tokens",
        {"size": [2, 2, 2, 2]},
        "a feature map has 1 to 3 spatial axes",
        "4 sizes",
        "",
    ),
    (
        "rearrange",
        [8, 6],
        "",
        {"pattern": "c h w -> h w c"},
        "the pattern must have the axes of the input",
        "[8, 6] reaches it, the pattern has 3",
        "",
    ),
    (
        "rearrange",
        [8, 6],
        "",
        {"pattern": "c (h p) -> h p c"},
        "(h p) needs the sizes of all its axes but one",
        "h and p are open",
        "p: …",
    ),
    ("rearrange", [8, 6], "", {"pattern": "c (h p) -> h p c", "p": 4}, "p 4 must divide (h p)", "6 in [8, 6]", ""),
    ("rearrange", [8, 6], "", {"pattern": "c h -> h c", "c": 4}, "c must be 4", "8 in [8, 6]", ""),
    ("rearrange", [8, 6], "", {"pattern": "c 1 -> c"}, "1 must be 1", "6 in [8, 6]", ""),
    (
        "rearrange",
        [8, 6],
        "",
        {"pattern": "c h -> h c", "q": 4},
        "the pattern has no axis 'q'",
        "q: 4",
        "its axes: c, h",
    ),
    (
        "rearrange",
        [8, 6],
        "",
        {"pattern": "c h", "q": 4},
        "the pattern has one arrow",
        "'c h'",
        "as in `c h w -> (h w) c`",
    ),
    (
        "rearrange",
        [8, 6],
        "",
        {"pattern": "c h -> h"},
        "each axis stands on both sides of the pattern",
        "c on one of 'c h -> h'",
        "as in `c h w -> (h w) c`",
    ),
    (
        "rearrange",
        [8, 6],
        "",
        {"pattern": "c c -> c"},
        "each axis stands once on each side of the pattern",
        "c twice in 'c c -> c'",
        "as in `c h w -> (h w) c`",
    ),
    (
        "rearrange",
        [8, 6],
        "",
        {"pattern": "c (h -> h c"},
        "a parenthesis is not closed",
        "'c (h'",
        "as in `c h w -> (h w) c`",
    ),
    (
        "rearrange",
        [8, 6],
        "",
        {"pattern": "c h* -> h c"},
        "a pattern is made of names, 1, ... and parentheses",
        "'*' in 'c h*'",
        "as in `c h w -> (h w) c`",
    ),
    (
        "permute",
        [8, 6, 4],
        "",
        {"axes": [1, 0]},
        "axes must name each axis once",
        "2 given, the input is [8, 6, 4]",
        "",
    ),
    ("permute", [8, 6], "", {"axes": [1, 1]}, "axes names an axis twice", "", ""),
    (
        "reshape",
        [8, 6],
        "",
        {"shape": [5, -1]},
        "shape must divide the 48 values that reach it",
        "[5, -1] holds 5 and what is left, [8, 6] reaches it",
        "",
    ),
    (
        "reshape",
        [8, 6],
        "",
        {"shape": [7, 7]},
        "shape must hold the 48 values that reach it",
        "[7, 7] holds 49, [8, 6] reaches it",
        "",
    ),
    ("reshape", [8, 6], "", {"shape": [-1, -1]}, "one size at most is -1", "2 in [-1, -1]", ""),
    ("reshape", [8, 6], "", {"shape": [0, 6]}, "a size is at least 1, or -1 for what is left", "[0, 6]", ""),
    ("reshape", [8, 6], "", {"shape": []}, "shape must be a list of whole numbers", "an empty list", ""),
    (
        "reshape",
        [8, 6],
        "",
        {"shape": [48], "layout": "tokens"},
        "the layout tokens has at least two axes",
        "the output is [48]",
        "",
    ),
    ("expand", [8, 6], "", {"shape": [6]}, "shape has at least the axes of the input", "[8, 6] reaches it", ""),
    (
        "expand",
        [8, 6],
        "",
        {"shape": [16, 6]},
        "only axes of size 1 are stretched",
        "[8, 6] reaches it, [16, 6] is wanted",
        "",
    ),
    (
        "expand",
        [8, 6],
        "",
        {"shape": [-1, 8, 6]},
        "a size is at least 1, or -1 for that of an axis of the input",
        "[-1, 8, 6]",
        "",
    ),
    (
        "roll",
        [8, 6],
        "",
        {"shift": [1, 2], "axis": 1},
        "shift must be a number or a list of one per axis",
        "2 given for 1 axis",
        "a number serves all",
    ),
    ("roll", [8, 6], "", {"shift": 1}, "roll needs axis", "", ""),
    (
        "flip",
        [8, 6],
        "",
        {"axis": 2},
        "there is no axis 2 here",
        "[8, 6] reaches it, a feature map",
        "without the batch axis there are 2, from 0",
    ),
    (
        "split",
        [8, 6],
        "",
        {"chunks": 3},
        "chunks must divide the 8 of axis 0",
        "3 does not divide 8",
        "give the parts as `sizes`",
    ),
    ("split", [8, 6], "", {"sizes": [3, 6]}, "sizes must sum to the 8 of axis 0", "[3, 6] sums to 9", ""),
    ("split", [8, 6], "", {}, "split takes either sizes or chunks", "neither is given", ""),
    ("split", [8, 6], "", {"sizes": [8], "chunks": 1}, "split takes either sizes or chunks", "both are given", ""),
    (
        "split",
        [8, 6],
        "unknown",
        {"chunks": 2},
        "split needs axis: what the axes are is unknown",
        "[8, 6]",
        "an axis, such as -1, or `layout` on the item before",
    ),
    (
        "fold",
        [18, 5],
        "",
        {"output_size": [4, 4], "kernel_size": 3},
        "there must be as many windows as columns",
        "2 · 2 windows, 5 columns reach it",
        "",
    ),
    (
        "fold",
        [17, 4],
        "",
        {"output_size": [4, 4], "kernel_size": 3},
        "the values of a window must divide the channels",
        "9 does not divide 17",
        "",
    ),
    (
        "fold",
        [18, 2, 2],
        "",
        {"output_size": [4, 4], "kernel_size": 3},
        "fold takes [channels · kernel, windows]",
        "[18, 2, 2] reaches it",
        "as `unfold` gives it",
    ),
    (
        "fold",
        [18, 4],
        "",
        {"output_size": [4, 4], "kernel_size": [3, 3, 3]},
        "kernel_size must be a number or a list of one per axis",
        "3 given for 2 axes",
        "a number serves all",
    ),
    (
        "pad",
        [8, 6],
        "",
        {"padding": [1, 2], "axis": 1},
        "padding must be a number or a list of one per axis",
        "2 given for 1 axis",
        "[[before, after]] for one axis",
    ),
    (
        "pad",
        [8, 6],
        "",
        {"padding": 6, "mode": "reflect"},
        "reflect pads with fewer values than the axis has",
        "padding 6, size 6",
        "",
    ),
    (
        "pad",
        [8, 6],
        "",
        {"padding": 7, "mode": "circular"},
        "circular pads with at most as many values as the axis has",
        "padding 7, size 6",
        "",
    ),
    (
        "pad",
        [8, 6],
        "",
        {"padding": 1, "value": 3},
        "value is what mode: constant pads with",
        "value 3 with mode zeros",
        "",
    ),
    ("pad", [8], "", {"padding": 1}, "pad takes channels and spatial sizes", "[8] reaches it", "a vector has none"),
    (
        "pixel_unshuffle",
        [8, 6, 5],
        "",
        {"downscale_factor": 2},
        "downscale_factor must divide each spatial size",
        "2, the input is [8, 6, 5]",
        "",
    ),
    ("lp_pool", [8, 6], "", {"kernel_size": 2, "norm_type": 0}, "norm_type must be above 0", "0", ""),
    (
        "global_max_pool",
        [8, 6, 5],
        "",
        {"axis": 1},
        "the channels must be the first or the last axis",
        "axis 1 of [8, 6, 5]",
        "",
    ),
    (
        "embedding",
        [8, 6],
        "tokens",
        {"num_embeddings": 3, "embedding_dim": 4},
        "embedding takes a vector",
        "[8, 6] reaches it, tokens",
        "put `flatten` before it, or average them: global_avg_pool",
    ),
    ("slice", [8, 6], "", {"axis": 1, "end": 7}, "end must be at most the size of axis 1", "end 7, size 6", ""),
]


@pytest.mark.parametrize(("type", "shape", "layout", "fields", "message", "found", "help"), REFUSED)
def test_what_does_not_fit_is_refused(builder, type, shape, layout, fields, message, found, help):
    with pytest.raises(NetworkError) as error:
        builder.add(type, builder.input(shape, layout=layout), **fields)
    (detail,) = error.value.details
    assert (detail.message, detail.found, detail.help) == (message, found, help)


def test_what_was_not_pooled_is_no_size_to_unpool_to(builder):
    x = builder.input([4, 6, 6])
    pooled = builder.add("max_pool", x, kernel_size=2)
    with pytest.raises(NetworkError) as error:
        builder.add("max_unpool", x, of=pooled)
    (detail,) = error.value.details
    assert (detail.message, detail.found, detail.help) == (
        "max_unpool puts values back into a larger map of as many channels",
        "[4, 6, 6] reaches it, `of` names [4, 3, 3]",
        "name what the max_pool read, not what it gave",
    )


def test_a_parameter_takes_no_input(builder):
    with pytest.raises(NetworkError) as error:
        builder.add("parameter", builder.input([3]), shape=[3])
    (detail,) = error.value.details
    assert (detail.message, detail.found) == ("parameter takes no input", "1 given")


def test_types_that_name_other_values_are_no_merges():
    assert [type for type in ("parameter", "max_unpool", "split", "add") if REGISTRY[type].merges()] == ["add"]
