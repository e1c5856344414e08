"""Items: types, names, sources, branches, repetitions and what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from convcost.cost.analysis import Analysis
from convcost.network import Network
from convcost.ops import Cost

Edges = Callable[..., list[tuple[str, tuple[str, ...]]]]
Shapes = Callable[..., list[tuple[str, tuple[int, ...]]]]
Load = Callable[..., Network]
ErrorCollector = Callable[..., list[tuple[str, int, int]]]
Total = Callable[..., Cost]


def test_items_follow_one_another(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - conv: {out_channels: 4, kernel_size: 1}
          - relu
          - relu:
          - relu: {}
          - {tanh: ~}
          - "softmax"
        """
    assert edges(text) == [
        ("conv_1", ("input",)),
        ("relu_1", ("conv_1",)),
        ("relu_2", ("relu_1",)),
        ("relu_3", ("relu_2",)),
        ("tanh_1", ("relu_3",)),
        ("softmax_1", ("tanh_1",)),
    ]


def test_a_layer_knows_its_line(load: Load) -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - relu\n\n  # a comment\n  - name: x\n    tanh:\n  - {relu: , repeat: 2}\n"
    assert [layer.line for layer in load(text).layers] == [3, 7, 8, 8]


# from


def test_from_reads_an_earlier_name_instead_of_the_item_before(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {relu: , name: stem}
          - tanh
          - {sigmoid: , from: stem}
          - {silu: , from: [stem]}
          - {concat: , from: [stem, tanh_2]}
        """
    text = text.replace("- tanh\n", "- {tanh: , name: tanh_2}\n")
    assert edges(text) == [
        ("stem", ("input",)),
        ("tanh_2", ("stem",)),
        ("sigmoid_1", ("stem",)),
        ("silu_1", ("stem",)),
        ("concat_1", ("stem", "tanh_2")),
    ]


def test_the_input_is_named_by_an_identity(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {identity: , name: x}
          - relu
          - {add: , from: [relu, x]}
        """
    assert edges(text.replace("- relu\n", "- {relu: , name: relu}\n")) == [
        ("x", ("input",)),
        ("relu", ("x",)),
        ("add_1", ("relu", "x")),
    ]


def test_a_named_layer_means_its_output_after_norm_and_activation(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - conv: {out_channels: 4, kernel_size: 1, norm: batch_norm, activation: relu}
            name: a
          - tanh
          - {sigmoid: , from: a}
        """
    assert edges(text) == [
        ("a", ("input",)),
        ("a/batch_norm", ("a",)),
        ("a/relu", ("a/batch_norm",)),
        ("tanh_1", ("a/relu",)),
        ("sigmoid_1", ("a/relu",)),
    ]


def test_a_named_separable_conv_means_its_last_output(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - separable_conv: {out_channels: 4, kernel_size: 3, activation: relu}
            name: a
          - {tanh: , from: a}
        """
    assert edges(text)[-1] == ("tanh_1", ("a/pointwise/relu",))


def test_a_named_block_means_its_last_output_and_a_repeated_item_its_last_repetition(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          b: {layers: [relu, {tanh: , name: t}]}
        layers:
          - {b: , name: once}
          - {b: , name: twice, repeat: 2}
          - {sigmoid: , from: once}
          - {sigmoid: , from: twice}
        """
    assert edges(text) == [
        ("once/relu_1", ("input",)),
        ("once/t", ("once/relu_1",)),
        ("twice.1/relu_1", ("once/t",)),
        ("twice.1/t", ("twice.1/relu_1",)),
        ("twice.2/relu_1", ("twice.1/t",)),
        ("twice.2/t", ("twice.2/relu_1",)),
        ("sigmoid_1", ("once/t",)),
        ("sigmoid_2", ("twice.2/t",)),
    ]


def test_from_feeds_the_first_repetition_only(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {relu: , name: a}
          - tanh
          - {silu: , from: a, repeat: 3, name: s}
        """
    assert edges(text)[2:] == [("s.1", ("a",)), ("s.2", ("s.1",)), ("s.3", ("s.2",))]


def test_a_graph_without_cycles_can_be_written_with_names(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {relu: , name: a}
          - {relu: , name: b, from: a}
          - {relu: , name: c, from: a}
          - {add: , name: d, from: [b, c, a]}
          - {concat: , name: e, from: [d, a, a]}
          - {multiply: , name: f, from: [b, d]}
          - {relu: , name: g, from: e}
        """
    assert edges(text) == [
        ("a", ("input",)),
        ("b", ("a",)),
        ("c", ("a",)),
        ("d", ("b", "c", "a")),
        ("e", ("d", "a", "a")),
        ("f", ("b", "d")),
        ("g", ("e",)),
    ]


def test_what_nothing_reads_is_an_output_counted_and_marked(load: Load, total: Total) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: {out_channels: 4, kernel_size: 1, bias: false}, name: a}
          - {conv: {out_channels: 2, kernel_size: 1, bias: false}, name: head}
          - {conv: {out_channels: 5, kernel_size: 1, bias: false}, name: tail, from: a}
        """
    rows = Analysis.of(load(text)).layers
    assert [(row.name, "output" in row.notes) for row in rows] == [("a", False), ("head", True), ("tail", True)]
    assert total(text).params == 3 * 4 + 4 * 2 + 4 * 5
    assert total(text).mults == 8 * 8 * (3 * 4 + 4 * 2 + 4 * 5)


# names


def test_names_are_data(load: Load) -> None:
    names = ["a/b", "[red]x[/]", "\x1b[31m", "=1+1", "1", "true", "relu", "日本", "a: b", "- x", "'", "in_channels"]
    text = "input: [3, 8, 8]\nlayers:\n"
    for name in names:
        text += f"  - relu:\n    name: {quoted(name)}\n"
    text += "".join(f"  - relu:\n    from: {quoted(name)}\n" for name in names)
    layers = load(text).layers
    assert [layer.name for layer in layers[: len(names)]] == names
    assert [layers[layer.sources[0]].name for layer in layers[len(names) :]] == names


@pytest.mark.parametrize("sources", ['["f(x", "g)"]', "[ 'f(x', 'g)' ]", "\n      - f(x\n      - g)"])
def test_parentheses_in_names_are_data_too(sources: str, edges: Edges) -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - {relu: , name: f(x}\n  - {relu: , name: g)}\n"
    assert edges(text + f"  - concat:\n    from: {sources}\n")[-1] == ("concat_1", ("f(x", "g)"))


def quoted(name: str) -> str:
    return json.dumps(name)  # a text of JSON is one of YAML


def test_each_layer_has_a_path_of_its_own(load: Load) -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          b: {layers: [relu, {relu: , name: a}]}
        layers:
          - relu
          - {relu: , name: relu_1}
          - {relu: , name: relu_1'}
          - relu
          - {relu: , name: relu_4}
          - {relu: , name: residual_1.1/relu_1}
          - {residual: [relu], repeat: 1}
          - {relu: , name: a.1}
          - {relu: , name: a, repeat: 2}
          - {relu: , name: b_1/a}
          - b
          - {concat: [[relu], [relu]], name: c}
          - {relu: , name: c/branch_1/relu_1}
          - conv: {out_channels: 3, kernel_size: 1, activation: relu}
            name: d
          - {relu: , name: d/relu}
        """
    layers = load(text).layers
    names = [layer.name for layer in layers]
    assert len(set(names)) == len(names)
    lines = text.splitlines()
    for given in ("relu_1", "relu_1'", "relu_4", "a.1", "d"):  # a given name stays as it is
        (line,) = [n for n, row in enumerate(lines, 1) if row.endswith(f"name: {given}") or f"name: {given}}}" in row]
        assert given in [layer.name for layer in layers if layer.line in (line, line - 1)]


def test_paths_say_where_a_layer_stands(shapes: Shapes) -> None:
    text = """
        input: [4, 8, 8]
        blocks:
          inner: {layers: [relu]}
          outer: {layers: [inner, {inner: , name: again}]}
        layers:
          - outer
          - outer
          - residual: [{outer: , repeat: 2}]
          - residual: {body: [relu], shortcut: [tanh]}
          - concat: [[relu], [], [outer]]
            name: wide
        """
    assert [name for name, _ in shapes(text)] == [
        "outer_1/inner_1/relu_1",
        "outer_1/again/relu_1",
        "outer_2/inner_1/relu_1",
        "outer_2/again/relu_1",
        "outer_3.1/inner_1/relu_1",
        "outer_3.1/again/relu_1",
        "outer_3.2/inner_1/relu_1",
        "outer_3.2/again/relu_1",
        "residual_1",
        "relu_1",
        "shortcut/tanh_1",
        "residual_2",
        "wide/branch_1/relu_1",
        "wide/branch_3/outer_1/inner_1/relu_1",
        "wide/branch_3/outer_1/again/relu_1",
        "wide",
    ]


def test_a_name_is_visible_in_lists_nested_there(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {relu: , name: a}
          - tanh
          - concat:
              - - {silu: , from: a, name: inside}
                - residual: [{gelu: , from: inside}, {gelu: , from: a}]
              - [{silu: , from: a}]
        """
    assert edges(text)[2:] == [
        ("branch_1/inside", ("a",)),
        ("branch_1/gelu_1", ("branch_1/inside",)),
        ("branch_1/gelu_2", ("a",)),
        ("branch_1/residual_1", ("branch_1/gelu_2", "branch_1/inside")),
        ("branch_2/silu_1", ("a",)),
        ("concat_1", ("branch_1/residual_1", "branch_2/silu_1")),
    ]


def test_a_name_may_be_used_again_in_another_block(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          b: {layers: [{relu: , name: a}, tanh, {silu: , from: a}]}
        layers:
          - {gelu: , name: a}
          - b
          - b
          - {silu: , from: a}
        """
    assert edges(text) == [
        ("a", ("input",)),
        ("b_1/a", ("a",)),
        ("b_1/tanh_1", ("b_1/a",)),
        ("b_1/silu_1", ("b_1/a",)),
        ("b_2/a", ("b_1/silu_1",)),
        ("b_2/tanh_1", ("b_2/a",)),
        ("b_2/silu_1", ("b_2/a",)),
        ("silu_1", ("a",)),
    ]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("{relu: , name: a}, {relu: , name: a}", "the name 'a' is used twice"),
        ("{relu: , name: a}, {residual: [{relu: , name: a}]}", "the name 'a' is used twice"),
        ("{concat: [[{relu: , name: a}], [{relu: , name: a}]]}", "the name 'a' is used twice"),
        ("{relu: , from: a}, {relu: , name: a}", "'a' stands later"),
        ("{relu: , from: a, name: a}", "an item cannot read itself: 'a'"),
        ("{residual: [{relu: , from: a}], name: a}", "'a' cannot be read from inside itself"),
        ("{residual: [{relu: , name: a}]}, {relu: , from: a}", "'a' cannot be seen from here"),
        ("{concat: [[{relu: , name: a}], [{relu: , from: a}]]}", "'a' cannot be seen from here"),
        ("{b: , name: c}, {relu: , from: inside}", "there is no item named 'inside' before this one"),
        ("{relu: , name: a}, {b2: }", "there is no item named 'a' before this one"),
    ],
)
def test_names_stand_before_and_around_what_reads_them(items: str, message: str, errors: ErrorCollector) -> None:
    b2 = "b2: {layers: [{relu: , from: a}]}" if "b2" in items else ""
    text = f"input: [3, 8, 8]\nblocks: {{b: {{layers: [{{relu: , name: inside}}]}}, {b2}}}\nlayers: [{items}]\n"
    assert [told for told, _, _ in errors(text)] == [message]


def test_a_wrong_type_keeps_its_name(errors: ErrorCollector) -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - {relux: , name: a}\n  - {relu: , from: a}\n  - {relu: , tanh: , name: b}\n"
    text += "  - {relu: , from: b}\n"
    assert errors(text) == [
        ("there is no layer type or block 'relux'", 3, 6),
        ("an item has exactly one type", 5, 14),
    ]


# repeat and if


def test_each_repetition_reads_the_one_before_and_computes_its_fields_anew(shapes: Shapes, total: Total) -> None:
    text = """
        input: [2, 8, 8]
        layers:
          - conv: {out_channels: in_channels * 2, kernel_size: 3, bias: false}
            repeat: in_channels + 1
        """
    assert shapes(text) == [("conv_1.1", (4, 6, 6)), ("conv_1.2", (8, 4, 4)), ("conv_1.3", (16, 2, 2))]
    assert total(text).params == 9 * (2 * 4 + 4 * 8 + 8 * 16)


def test_repeat_is_computed_once_from_what_reaches_the_item(shapes: Shapes) -> None:
    text = """
        input: [2, 8, 8]
        layers:
          - {relu: , name: two}
          - conv: {out_channels: 5, kernel_size: 1}
          - conv: {out_channels: in_channels + 7, kernel_size: 1}
            from: two
            repeat: in_channels
        """  # two repetitions: from `two`, not from the conv before nor from the first repetition's 9 channels
    assert shapes(text)[2:] == [("conv_2.1", (9, 8, 8)), ("conv_2.2", (16, 8, 8))]


def test_if_is_computed_once_from_what_reaches_the_item(shapes: Shapes) -> None:
    text = """
        input: [2, 8, 8]
        layers:
          - conv: {out_channels: 4, kernel_size: 1}
            if: in_channels == 2
            repeat: 3
          - conv: {out_channels: 6, kernel_size: 1}
            if: in_channels == 2
        """
    assert [name for name, _ in shapes(text)] == ["conv_1.1", "conv_1.2", "conv_1.3"]


@pytest.mark.parametrize("left_out", ["if: false", "repeat: 0", "if: in_channels > 3", "repeat: in_channels - 3"])
def test_what_is_left_out_passes_on_its_input_under_its_name(left_out: str, edges: Edges) -> None:
    text = f"""
        input: [3, 8, 8]
        layers:
          - {{relu: , name: a}}
          - {{conv: {{out_channels: 9, kernel_size: 3}}, name: gone, {left_out}}}
          - {{tanh: , name: b}}
          - {{concat: , from: [gone, b]}}
        """
    assert edges(text) == [("a", ("input",)), ("b", ("a",)), ("concat_1", ("a", "b"))]


def test_what_is_left_out_passes_on_what_it_would_have_read(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {relu: , name: a}
          - tanh
          - {conv: {out_channels: 9, kernel_size: 3}, from: a, if: false}
          - silu
        """
    assert edges(text)[-1] == ("silu_1", ("a",))


def test_a_left_out_first_item_passes_on_the_input(edges: Edges) -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - {relu: , if: false, name: x}\n  - {add: [[], []], from: x}\n"
    assert edges(text) == [("add_1", ("input", "input"))]


def test_blocks_merges_and_residuals_can_be_left_out(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          b: {layers: [relu, relu]}
        layers:
          - {b: , if: false}
          - {residual: [relu], repeat: 0}
          - {concat: [[], [relu]], if: 1 > 2}
          - tanh
        """
    assert edges(text) == [("tanh_1", ("input",))]


def test_a_network_in_which_all_is_left_out_costs_nothing(load: Load, total: Total) -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - {conv: {out_channels: 4, kernel_size: 1}, if: false}\n"
    assert load(text).layers == ()
    assert (total(text).params, total(text).mults) == (0, 0)


def test_one_repetition_is_a_repetition(shapes: Shapes) -> None:
    text = "symbols: {n: 1}\ninput: [3, 8, 8]\nlayers:\n  - {relu: , repeat: n}\n"
    assert [name for name, _ in shapes(text)] == ["relu_1.1"]
    assert [name for name, _ in shapes(text, n=2)] == ["relu_1.1", "relu_1.2"]


def test_repeat_of_a_list_of_items_is_a_repeated_block_or_residual(edges: Edges) -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - residual: [relu]\n    repeat: 2\n"
    assert edges(text) == [
        ("residual_1.1/relu_1", ("input",)),
        ("residual_1.1", ("residual_1.1/relu_1", "input")),
        ("residual_1.2/relu_1", ("residual_1.1",)),
        ("residual_1.2", ("residual_1.2/relu_1", "residual_1.1")),
    ]


def test_names_inside_a_repetition_mean_that_repetition(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          b:
            layers:
              - {relu: , name: a}
              - tanh
              - {add: , from: [a, t]}
        layers:
          - {b: , repeat: 2}
        """.replace("- tanh", "- {tanh: , name: t}")
    assert edges(text)[3:] == [
        ("b_1.2/a", ("b_1.1/add_1",)),
        ("b_1.2/t", ("b_1.2/a",)),
        ("b_1.2/add_1", ("b_1.2/a", "b_1.2/t")),
    ]


# merges


def test_branches_all_read_what_reaches_the_merge(edges: Edges, shapes: Shapes) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - relu
          - concat:
              - []
              - - conv: {out_channels: 4, kernel_size: 1}
                - tanh
              - [{conv: {out_channels: 5, kernel_size: 1}}]
        """
    assert edges(text)[1:] == [
        ("branch_2/conv_1", ("relu_1",)),
        ("branch_2/tanh_1", ("branch_2/conv_1",)),
        ("branch_3/conv_1", ("relu_1",)),
        ("concat_1", ("relu_1", "branch_2/tanh_1", "branch_3/conv_1")),
    ]
    assert shapes(text)[-1] == ("concat_1", (3 + 4 + 5, 8, 8))


def test_a_merge_with_branches_may_read_one_name(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {relu: , name: a}
          - tanh
          - {multiply: [[], [sigmoid]], from: a}
          - {residual: [sigmoid], from: [a]}
        """
    assert edges(text)[2:] == [
        ("branch_2/sigmoid_1", ("a",)),
        ("multiply_1", ("a", "branch_2/sigmoid_1")),
        ("sigmoid_1", ("a",)),
        ("residual_1", ("sigmoid_1", "a")),
    ]


@pytest.mark.parametrize(
    "merge", ["add: [[{T}], []]", "residual: [{T}]", "residual: {{body: [{T}]}}", "add: [[{T}], [{U}]]"]
)
def test_residual_is_add_with_an_identity(merge: str, load: Load, total: Total) -> None:
    body = "{conv: {out_channels: 3, kernel_size: 3, padding: 1, bias: false}}"
    text = "input: [3, 8, 8]\nlayers:\n  - " + merge.format(T=body, U="identity") + "\n"
    last = load(text).layers[-1]
    assert (last.type, last.output_shape) == ("add", (3, 8, 8))
    assert total(text).adds == 3 * 8 * 8 * 3 * 9 + 3 * 8 * 8  # the convolution's, and one per value of the sum


def test_a_shortcut_projects(edges: Edges, shapes: Shapes, total: Total) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - residual:
              body: [{conv: {out_channels: 6, kernel_size: 3, stride: 2, padding: 1, bias: false}}]
              shortcut: [{conv: {out_channels: 6, kernel_size: 1, stride: 2, bias: false}}]
        """
    assert edges(text) == [
        ("conv_1", ("input",)),
        ("shortcut/conv_1", ("input",)),
        ("residual_1", ("conv_1", "shortcut/conv_1")),
    ]
    assert shapes(text)[-1] == ("residual_1", (6, 4, 4))
    assert total(text).params == 6 * 3 * 9 + 6 * 3
    assert total(text).adds == 4 * 4 * (6 * 3 * 9 + 6 * 3) + 6 * 4 * 4


def test_add_and_multiply_stretch_axes_of_size_one(shapes: Shapes, total: Total) -> None:
    text = """
        input: [6, 8, 4]
        layers:
          - {identity: , name: x}
          - {global_avg_pool: , name: pooled}
          - {conv: {out_channels: 1, kernel_size: 1}, from: x, name: map}
          - {multiply: , from: [x, pooled, map], name: m}
          - {add: , from: [pooled, map], name: a}
        """
    assert shapes(text)[-2:] == [("m", (6, 8, 4)), ("a", (6, 8, 4))]
    # the convolution 6 → 1 on 32 positions, and k − 1 = 2 products per value
    assert total(text).mults == 32 * 6 + 2 * 6 * 32


def test_residual_does_not_stretch(errors: ErrorCollector) -> None:
    text = "input: [6, 8, 4]\nlayers:\n  - residual: [global_avg_pool]\n"
    assert errors(text) == [("a residual adds equal shapes", 3, 5)]


def test_concat_joins_channels_of_equal_sizes_only(shapes: Shapes, errors: ErrorCollector) -> None:
    assert shapes("input: [5]\nlayers:\n  - concat: [[], [{linear: {out_features: 7}}], []]\n")[-1][1] == (5 + 7 + 5,)
    text = "input: [6, 8, 4]\nlayers:\n  - concat: [[], [global_avg_pool]]\n"
    assert errors(text) == [("the inputs of concat must have the same spatial size", 3, 5)]


def test_a_merge_of_nothing_but_identities_is_a_merge(shapes: Shapes) -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - concat: [[], [], []]\n  - add: [[], []]\n  - residual: []\n"
    assert shapes(text) == [("concat_1", (9, 8, 8)), ("add_1", (9, 8, 8)), ("residual_1", (9, 8, 8))]


def test_a_left_out_merge_of_names_passes_on_the_first(edges: Edges) -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {relu: , name: a}
          - {tanh: , name: b}
          - {concat: , from: [a, b], if: false}
          - silu
        """
    assert edges(text)[-1] == ("silu_1", ("a",))
