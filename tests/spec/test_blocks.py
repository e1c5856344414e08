"""Blocks: parameters, defaults, what they see, and how often they are computed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from convcost.network import Network
from convcost.ops import Cost

Shapes = Callable[..., list[tuple[str, tuple[int, ...]]]]
Load = Callable[..., Network]
ErrorCollector = Callable[..., list[tuple[str, int, int]]]
Total = Callable[..., Cost]


def test_arguments_are_given_by_name_and_defaults_fill_in(load: Load) -> None:
    text = """
        input: [3, 9, 9]
        blocks:
          b:
            params: {out: , k: 3, s: 1}
            layers:
              - conv: {out_channels: out, kernel_size: k, stride: s}
        layers:
          - b: {out: 4}
          - b: {s: 2, k: 1, out: 8}
          - b: {out: 6, k: ~, s: }
        """
    fields = [layer.fields for layer in load(text).layers]
    assert [(f["out_channels"], f["kernel_size"], f["stride"]) for f in fields] == [
        (4, (3, 3), (1, 1)),
        (8, (1, 1), (2, 2)),
        (6, (3, 3), (1, 1)),  # no value means not given
    ]


def test_a_default_may_use_symbols_in_channels_and_earlier_parameters(shapes: Shapes) -> None:
    text = """
        symbols: {factor: 2}
        input: [3, 8, 8]
        blocks:
          b:
            params: {mid: factor * in_channels, out: "max(mid, 8) + 1"}
            layers:
              - conv: {out_channels: mid, kernel_size: 1}
              - conv: {out_channels: out, kernel_size: 1}
        layers: [b, {b: {mid: 20}}, b]
        """
    assert [shape[0] for _, shape in shapes(text)] == [6, 9, 20, 21, 42, 43]  # 2 · 3, max(6, 8) + 1; …; 2 · 21
    assert [shape[0] for _, shape in shapes(text, factor=1)] == [3, 9, 20, 21, 21, 22]


def test_a_default_sees_the_sizes_of_what_reaches_the_block_and_not_the_block_around_it(shapes: Shapes) -> None:
    text = """
        input: [3, 8, 12]
        blocks:
          inner:
            params: {rows: in_height, columns: in_size(2)}
            layers:
              - conv: {out_channels: rows, kernel_size: 1}
              - conv: {out_channels: columns, kernel_size: 1}
          outer:
            layers:
              - max_pool: {kernel_size: 2}
              - inner
        layers: [inner, outer, outer]
        """
    # 8 × 12, then half of it, then a quarter
    assert [shape[0] for name, shape in shapes(text) if "conv" in name] == [8, 12, 4, 6, 2, 3]


@pytest.mark.parametrize("params", ["{a: b, b: 1}", "{a: a}", "{a: 1, b: c}"])
def test_a_default_sees_no_later_parameter(params: str, errors: ErrorCollector) -> None:
    text = (
        f"input: [3, 8, 8]\nblocks: {{b: {{params: {params}, layers: [relu]}}, d: {{params: {{c: 1}}, layers: []}}}}\n"
    )
    ((message, line, _),) = errors(text + "layers: [b]\n")
    assert message.startswith("there is no")
    assert line == 2


def test_in_channels_in_an_argument_is_what_reaches_the_block(shapes: Shapes) -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          b:
            params: {out: }
            layers:
              - conv: {out_channels: 10, kernel_size: 1}
              - conv: {out_channels: out, kernel_size: 1}
              - conv: {out_channels: in_channels + out, kernel_size: 1}
        layers:
          - b: {out: in_channels * 5}
        """
    # the argument is 3 · 5 for all of the block; in_channels inside is each layer's own
    assert [shape[0] for _, shape in shapes(text)] == [10, 15, 30]


def test_arguments_are_computed_anew_in_each_repetition(shapes: Shapes) -> None:
    text = """
        input: [2, 8, 8]
        blocks:
          grow:
            params: {by: in_channels, out: in_channels + by}
            layers: [{conv: {out_channels: out, kernel_size: 1}}]
        layers:
          - {grow: , repeat: 3}
          - {grow: {by: in_channels // 2}, repeat: 2}
        """
    assert [shape[0] for _, shape in shapes(text)] == [4, 8, 16, 24, 36]


def test_arguments_are_values_and_never_text(shapes: Shapes) -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          b:
            params: {n: }
            layers: [{conv: {out_channels: 2 * n, kernel_size: 1}}]
        layers:
          - b: {n: 1 + 2}
        """
    assert shapes(text)[0][1][0] == 6  # 2 · 3, not 2 · 1 + 2


def test_parameters_shadow_symbols_in_their_block_only(shapes: Shapes) -> None:
    text = """
        symbols: {n: 5}
        input: [3, 8, 8]
        blocks:
          b:
            params: {n: n + 2}
            layers: [{conv: {out_channels: n, kernel_size: 1}}, c]
          c:
            layers: [{conv: {out_channels: n * 10, kernel_size: 1}}]
        layers:
          - b
          - b: {n: n + 20}
          - conv: {out_channels: n, kernel_size: 1}
        """
    # the default's own n is the symbol; c sees the symbol, not what b makes of it
    assert [shape[0] for _, shape in shapes(text)] == [7, 50, 25, 50, 5]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("3", 3),
        ("3 * 2", 6),
        ("n", 4),
        ("n + in_channels", 12),
    ],
)
def test_an_argument_may_be_any_expression_of_its_place(argument: str, expected: int, shapes: Shapes) -> None:
    text = f"""
        input: [8, 8, 8]
        blocks:
          inner:
            params: {{out: }}
            layers: [{{conv: {{out_channels: out, kernel_size: 1}}}}]
          outer:
            params: {{n: }}
            layers: [{{inner: {{out: {argument}}}}}]
        layers: [{{outer: {{n: 4}}}}]
        """
    assert shapes(text)[0][1][0] == expected


def test_arguments_may_be_lists_words_and_truth_values(load: Load) -> None:
    text = """
        input: [4, 8, 8]
        blocks:
          b:
            params: {k: , p: same, wide: false, nl: relu, nm: none}
            layers:
              - conv: {out_channels: 4, kernel_size: k, padding: p, bias: wide, activation: nl, norm: nm}
              - {tanh: , if: wide}
        layers:
          - b: {k: [1, 3]}
          - b: {k: [2 + 1, in_channels // 4], p: [[0, 1], 2], wide: true, nl: none, nm: batch_norm}
        """
    layers = load(text).layers
    assert [layer.type for layer in layers] == ["conv", "relu", "conv", "batch_norm", "tanh"]
    first, second = layers[0].fields, layers[2].fields
    assert (first["kernel_size"], first["padding"], first["bias"]) == ((1, 3), "same", False)
    assert (second["kernel_size"], second["padding"], second["bias"]) == ((3, 1), ((0, 1), (2, 2)), True)


def test_blocks_may_stand_in_any_order_and_in_each_other(shapes: Shapes) -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          a: {params: {n: 2}, layers: [{b: {n: n + 1}, repeat: n}]}
          b: {params: {n: }, layers: [{conv: {out_channels: n, kernel_size: 1}}, {c: {n: n * 2}}]}
          c: {params: {n: }, layers: [{conv: {out_channels: n, kernel_size: 1}}]}
        layers: [a]
        """
    assert [shape[0] for _, shape in shapes(text)] == [3, 6, 3, 6]


def test_an_empty_block_is_the_identity(shapes: Shapes) -> None:
    text = "input: [3, 8, 8]\nblocks: {nothing: {layers: []}}\nlayers: [{nothing: , repeat: 5, name: x}, relu]\n"
    assert shapes(text) == [("relu_1", (3, 8, 8))]


def test_an_empty_block_passes_on_what_reaches_it_under_its_name(load: Load) -> None:
    text = """
        input: [3, 8, 8]
        blocks: {nothing: {params: {n: 1}, layers: [{relu: , repeat: n}]}}
        layers:
          - {tanh: , name: a}
          - {nothing: {n: 0}, name: b}
          - tanh
          - {sigmoid: , from: b}
        """
    assert load(text).layers[-1].sources == (0,)


@pytest.mark.parametrize("name", ["same", "floor", "in_channels", "x y", "1", "b-2", "日本"])
def test_a_block_may_have_any_name_but_that_of_a_type(name: str, shapes: Shapes) -> None:
    text = f"input: [3, 8, 8]\nblocks: {{{name}: {{layers: [relu]}}}}\nlayers: [{name}]\n"
    assert shapes(text) == [(f"{name}_1/relu_1", (3, 8, 8))]


@pytest.mark.parametrize("name", ["conv", "relu", "add", "residual", "separable_conv", "name", "from", "repeat", "if"])
def test_a_block_cannot_take_the_name_of_a_type(name: str, errors: ErrorCollector) -> None:
    text = f"input: [3, 8, 8]\nblocks:\n  {name}: {{layers: [tanh]}}\nlayers: [tanh]\n"
    assert errors(text) == [(f"a block cannot be called {name!r}", 3, 3)]


@pytest.mark.parametrize(
    "blocks",
    [
        "b: {layers: [b]}",
        "b: {layers: [{b: , if: false}]}",
        "b: {layers: [{b: , repeat: 0}]}",
        "b: {layers: [{residual: [{concat: [[b], []]}]}]}",
    ],
)
def test_a_block_that_uses_itself_is_told_however_it_would_end(blocks: str, errors: ErrorCollector) -> None:
    for layers in ("b", "relu"):
        told = errors(f"input: [3, 8, 8]\nblocks:\n  {blocks}\nlayers: [{layers}]\n")
        assert [message for message, _, _ in told] == ["the block 'b' uses itself"]


def test_each_circle_of_blocks_is_told(errors: ErrorCollector) -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          a: {layers: [b]}
          b: {layers: [a]}
          c: {layers: [c, a]}
        layers: [c]
        """
    assert sorted(message for message, _, _ in errors(text)) == [
        "the block 'a' uses itself",
        "the block 'c' uses itself",
    ]


def chain(length: int, around: int = 0) -> str:
    """Return a spec of blocks that each hold the next, inside so many residuals."""
    body = "[{residual: " * around + "[%s]" + "}]" * around
    links = "".join(f"  b{n}: {{layers: {body % f'b{n + 1}'}}}\n" for n in range(1, length))
    return f"input: [3, 8, 8]\nblocks:\n{links}  b{length}: {{layers: [relu]}}\nlayers: [b1]\n"


def test_blocks_may_use_each_other_deeply(load: Load) -> None:
    (layer,) = load(chain(99)).layers
    assert len(layer.path) == 100  # with the network's own list, a hundred lists within each other
    assert len(load(chain(33, around=2)).layers) == 65  # 2 · 32 sums, and the relu


@pytest.mark.parametrize(("length", "around"), [(100, 0), (10_000, 0), (50, 40), (34, 2)])
def test_blocks_and_branches_deeper_than_a_hundred_are_told(length: int, around: int, errors: ErrorCollector) -> None:
    ((message, _, _),) = errors(chain(length, around))
    assert message == "blocks and branches nest deeper than 100 levels"


def test_what_a_block_holds_is_checked_though_nothing_uses_it(errors: ErrorCollector) -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          b: {layers: [rleu, {conv: {out_channels: 3, kernel_size: 3, grups: 1}}, {relu: , from: x}]}
        layers: [relu]
        """
    assert [message for message, _, _ in errors(text)] == [
        "there is no layer type or block 'rleu'",
        "conv has no field 'grups'",
        "there is no item named 'x' before this one",
    ]


def test_a_fault_in_a_block_is_told_once_with_its_use(load: Load, errors: ErrorCollector) -> None:
    text = """\
        input: [3, 8, 8]
        blocks:
          inner: {params: {n: }, layers: [{conv: {out_channels: n, kernel_size: 1}}]}
          outer: {params: {n: }, layers: [{inner: {n: n / 2}, repeat: 2}]}
        layers:
          - {outer: {n: 3}, repeat: 10}
          - outer: {n: 4}
        """
    assert errors(text) == [("out_channels must be a whole number", 3, 57)]


def test_costs_of_repeated_blocks_add_up(total: Total) -> None:
    text = """
        input: [4, 8, 8]
        blocks:
          b:
            params: {mid: }
            layers:
              - residual:
                  - conv: {out_channels: mid, kernel_size: 1, bias: false}
                  - conv: {out_channels: 4, kernel_size: 3, padding: 1}
        layers:
          - {b: {mid: 2}, repeat: 3}
          - b: {mid: 8}
        """
    # a block: 4 · mid + mid · 4 · 9 + 4 parameters, 64 positions
    assert total(text).params == 3 * (4 * 2 + 2 * 4 * 9 + 4) + (4 * 8 + 8 * 4 * 9 + 4)
    assert total(text).mults == 64 * (3 * (4 * 2 + 2 * 4 * 9) + (4 * 8 + 8 * 4 * 9))
