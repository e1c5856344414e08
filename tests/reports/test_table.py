"""The table: whole golden texts, columns that add up, digits that are never cut, on pages of every width."""

from __future__ import annotations

import re
from itertools import pairwise
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

import convcost
from convcost.cost.report import AnalysisReport
from convcost.errors import OptionError, cells
from convcost.reports import formats
from convcost.reports.table import Column, Page, Row, Table

TREE = [
    "separable_conv_1", "  depthwise", "    batch_norm", "  pointwise", "    batch_norm", "wide", "relu_1",
    "residual_1", "global_avg_pool_1",
]  # fmt: skip


def body(text):
    """Return the lines between the two rules, the heading before them and the total behind them."""
    lines = text.splitlines()
    rules = [index for index, line in enumerate(lines) if line and not line.strip("─")]
    return lines[rules[0] + 1 : rules[1]], lines[rules[0] - 1], lines[rules[1] + 1]


def column(text, title, *, after=2):
    """Return a right-aligned column's cells, found by where its heading ends; the total is the last."""
    rows, heading, total = body(text)
    end = heading.index(title) + len(title)
    return [line[:end].split("  ")[-1].strip() if len(line) >= end else "" for line in [*rows, total]]


# whole texts


def test_a_table_at_its_natural_width(small, render):
    """Shares: 576, 512 and 9,216 of 10,304 are 5.59, 4.97 and 89.44 %; in eighths of ten cells 4.5, 4.0 and 71.6.

    adds 10,304 + 128 of the sum + 8 · 16 of the average; useful 576 + 512 + 6,400; buffers 2 · 4 + 2 · 8; activations
    64 + 128 + 128. Deployed 36 + 4, 32 + 8 and 584: 664 numbers of 4 bytes are 2,656 bytes, 2.59 · 1,024.
    """
    assert render("table", small) == dedent(
        """\
        Small · 676 params · 10.3 k macs · 20.86 k flops · 2.59 KiB of float32 weights
        676 params · 10,304 macs (= mults) · 20,864 flops · 2,656 bytes of weights
        worked by hand
        input 4×6×6 · n = 8

        Layer              Type             Output  Params    Macs  Share           %           Ratio  1/N + 1/Dk²  Notes
        ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        separable_conv_1
          depthwise        dw 3×3           4×4×4       36     576  ▌             5.6    ≈23.611111 %  1/8 + 1/9
            batch_norm     batch_norm       4×4×4        8       0                                                  folded
          pointwise        conv 1×1         8×4×4       32     512  ▌             5.0    ≈23.611111 %  1/8 + 1/9
            batch_norm     batch_norm       8×4×4       16       0                                                  folded
        wide               conv 3×3         8×4×4      584   9,216  █████████    89.4  → ≈23.611111 %  1/8 + 1/9
        relu_1             relu             8×4×4        0       0                                                  128 cmp
        residual_1         add              8×4×4        0       0                                                  128 add
        global_avg_pool_1  global_avg_pool  8×1×1        0       0                                                  output, 128 add, 8 div
        ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        Total              3 layers                    676  10,304              100.0

        Macs: multiply–accumulates of convolutions, linear layers and matrix products, the papers' mult-adds; mults: all scalar multiplications; flops: mults and adds.
        10,560 adds · 7,488 useful mults · 320 activations · 24 buffers
        3 layers with weights; 8 rows with norms, activations, pools and merges.
        Counted for one input at inference; padding zeros multiply too; batch norms fold into the layer before them.
        Ratio: a separable convolution's mults as a share of the standard one's, 1/N + 1/Dk²; → marks what a standard one would cost as a separable one.
        """  # noqa: E501
    )


def test_a_table_on_a_page_of_80_columns(small, render):
    """Notes, the formula and the ratio are left out, and named; what remains takes 77 columns."""
    assert render("table", small, width=80) == dedent(
        """\
        Small · 676 params · 10.3 k macs · 20.86 k flops · 2.59 KiB of float32 weights
        676 params · 10,304 macs (= mults) · 20,864 flops · 2,656 bytes of weights
        worked by hand
        input 4×6×6 · n = 8

        Layer              Type             Output  Params    Macs  Share           %
        ─────────────────────────────────────────────────────────────────────────────
        separable_conv_1
          depthwise        dw 3×3           4×4×4       36     576  ▌             5.6
            batch_norm     batch_norm       4×4×4        8       0
          pointwise        conv 1×1         8×4×4       32     512  ▌             5.0
            batch_norm     batch_norm       8×4×4       16       0
        wide               conv 3×3         8×4×4      584   9,216  █████████    89.4
        relu_1             relu             8×4×4        0       0
        residual_1         add              8×4×4        0       0
        global_avg_pool_1  global_avg_pool  8×1×1        0       0
        ─────────────────────────────────────────────────────────────────────────────
        Total              3 layers                    676  10,304              100.0

        Macs: multiply–accumulates of convolutions, linear layers and matrix products,
        the papers' mult-adds; mults: all scalar multiplications; flops: mults and adds.
        10,560 adds · 7,488 useful mults · 320 activations · 24 buffers
        3 layers with weights; 8 rows with norms, activations, pools and merges.
        Counted for one input at inference; padding zeros multiply too; batch norms fold
        into the layer before them.
        3 columns hidden: Ratio, 1/N + 1/Dk², Notes; --columns ratio,notes shows them.
        """
    )


def test_a_table_on_a_page_of_30_columns_keeps_parameters_and_multiplications(small, render):
    assert render("table", small, width=30) == dedent(
        """\
        Small · 676 params
        10.3 k macs · 20.86 k flops
        2.59 KiB of float32 weights
        676 params
        10,304 macs (= mults)
        20,864 flops
        2,656 bytes of weights
        worked by hand
        input 4×6×6 · n = 8

        Layer           Params    Macs
        ──────────────────────────────
        separable_con…
          depthwise         36     576
            batch_norm       8       0
          pointwise         32     512
            batch_norm      16       0
        wide               584   9,216
        relu_1               0       0
        residual_1           0       0
        global_avg_po…       0       0
        ──────────────────────────────
        Total              676  10,304

        Macs: multiply–accumulates of
        convolutions, linear layers
        and matrix products, the
        papers' mult-adds; mults: all
        scalar multiplications; flops:
        mults and adds.
        10,560 adds
        7,488 useful mults
        320 activations · 24 buffers
        3 layers with weights; 8 rows
        with norms, activations, pools
        and merges.
        Counted for one input at
        inference; padding zeros
        multiply too; batch norms fold
        into the layer before them.
        7 columns hidden: Type,
        Output, Share, %, Ratio, 1/N +
        1/Dk², Notes; --columns
        type,output,share,ratio,notes
        shows them.
        """
    )


def test_the_first_rows_by_multiplications(small, render):
    assert render("table", small, top=2, width=60) == dedent(
        """\
        Small · 676 params · 10.3 k macs · 20.86 k flops
        2.59 KiB of float32 weights
        676 params · 10,304 macs (= mults) · 20,864 flops
        2,656 bytes of weights
        worked by hand
        input 4×6×6 · n = 8

        Layer                       Type      Params    Macs      %
        ───────────────────────────────────────────────────────────
        wide                        conv 3×3     584   9,216   89.4
        separable_conv_1/depthwise  dw 3×3        36     576    5.6
        … 6 more
        ───────────────────────────────────────────────────────────
        Total                       3 layers     676  10,304  100.0

        Macs: multiply–accumulates of convolutions, linear layers
        and matrix products, the papers' mult-adds; mults: all
        scalar multiplications; flops: mults and adds.
        10,560 adds · 7,488 useful mults · 320 activations
        24 buffers
        3 layers with weights; 8 rows with norms, activations, pools
        and merges.
        Counted for one input at inference; padding zeros multiply
        too; batch norms fold into the layer before them.
        4 columns hidden: Output, Share, Ratio, 1/N + 1/Dk²;
        --columns output,share,ratio shows them.
        """
    )


def test_what_lies_deeper_folded_into_one_row(small, render):
    """576 + 512 = 1,088 of 10,304 are 10.56 %, 8.4 eighths of ten cells."""
    rows, _, total = body(render("table", small, depth=1))
    assert "\n".join(rows) == dedent(
        """\
        separable_conv_1   dw 3×3, conv 1×1  8×4×4       92   1,088  █            10.6    ≈23.611111 %  1/8 + 1/9
        wide               conv 3×3          8×4×4      584   9,216  █████████    89.4  → ≈23.611111 %  1/8 + 1/9
        relu_1             relu              8×4×4        0       0                                                  128 cmp
        residual_1         add               8×4×4        0       0                                                  128 add
        global_avg_pool_1  global_avg_pool   8×1×1        0       0                                                  output, 128 add, 8 div"""  # noqa: E501
    )
    assert total == "Total              3 layers                     676  10,304              100.0"


def test_a_batch_and_no_folding_are_stated(small, render):
    text = render("table", small, batch=1000, fold=False)
    assert "\ninput 4×6×6 · n = 8 · batch 1,000\n" in text
    assert (
        "\nCounted for 1,000 inputs at inference; padding zeros multiply too; batch norms are not folded.\n"
    ) in text
    # 10,304 + 64 + 128 values of the norms, which are no macs
    assert column(text, "Mults")[-1] == "10,496,000"
    assert column(text, "Macs")[-1] == "10,304,000"
    assert text.startswith("Small · 676 params · 10.3 M macs · 21.25 M flops for 1,000 inputs · 2.59 KiB of ")
    assert "\n676 params · 10,304,000 macs (of 10,496,000 mults) · 21,248,000 flops for 1,000 inputs · " in text
    assert column(text, "Params")[-1] == "676"


def test_a_network_without_a_name_is_called_by_its_file(render):
    spec = {"input": [2, 3], "layers": ["relu"]}
    assert render("table", spec) == dedent(
        """\
        <mapping> · 0 params · 0 macs · 0 flops · 0 bytes of float32 weights
        0 params · 0 macs (= mults) · 0 flops · 0 bytes of weights
        input 2×3

        Layer   Type      Output  Params  Macs  Notes
        ─────────────────────────────────────────────────────
        relu_1  relu      2×3          0     0  output, 6 cmp
        ─────────────────────────────────────────────────────
        Total   0 layers               0     0

        Macs: multiply–accumulates of convolutions, linear layers and matrix products, the papers' mult-adds; mults: all scalar multiplications; flops: mults and adds.
        0 adds · 0 useful mults · 0 activations · 0 buffers
        No layer has weights; 1 row with norms, activations, pools and merges.
        Counted for one input at inference; padding zeros multiply too; batch norms fold into the layer before them.
        """  # noqa: E501
    )


def test_the_totals_of_several_networks_stand_side_by_side(small, render):
    """10,304 of 10,304 and 25 of 10,304 macs; 9 + … weights of 4 bytes: 100 for 25 weights."""
    assert render("table", small, "examples/one_5x5") == dedent(
        """\
        2 networks

        Network           Input  Layers  Params    Macs                Flops  Activations  float32 weights
        ──────────────────────────────────────────────────────────────────────────────────────────────────
        Small             4×6×6       3     676  10,304  ██████████  20.86 k          320         2.59 KiB
        One 5 × 5 kernel  1×5×5       1      25      25                   50            1        100 bytes
        ──────────────────────────────────────────────────────────────────────────────────────────────────

        Counted for one input at inference; padding zeros multiply too; batch norms fold into the layer before them.
        --layers or --depth N shows the rows of each; a network alone is shown with its rows.
        The bars: macs as a share of the largest.
        """
    )


def test_their_rows_stand_before_the_totals_where_they_are_asked_for(small, render):
    one, other = render("table", small, depth=1), render("table", "examples/one_5x5", depth=1)
    together = render("table", small, "examples/one_5x5")
    assert render("table", small, "examples/one_5x5", depth=1) == f"{one}\n{other}\n{together}"


# columns that add up


@pytest.mark.parametrize("name", ["mobilenet_v1", "googlenet", "efficientnet_b0", "dcgan_generator"])
@pytest.mark.parametrize("depth", [None, 1, 2])
def test_the_printed_columns_add_up_to_the_printed_totals(name, depth, render):
    text = render("table", name, depth=depth)
    for title in "Params", "Macs":
        *cells, total = column(text, title)
        assert sum(int(cell.replace(",", "")) for cell in cells if cell) == int(total.replace(",", ""))
    *shares, whole = column(text, "%")
    assert whole == "100.0"
    shares = [float(share) for share in shares if share]
    assert abs(sum(shares) - 100) <= 0.05 * len(shares)  # each is rounded to a tenth


@pytest.mark.parametrize("name", ["mobilenet_v1", "alexnet"])
def test_the_totals_are_stated_once(name, render):
    total = convcost.analyze(name).total
    lines = render("table", name).splitlines()
    assert lines[1].startswith(f"{total.params:,} params · {total.macs:,} macs (= mults) · {total.flops:,} flops · ")
    assert f"{total.adds:,} adds · {total.useful_mults:,} useful mults · " in "\n".join(lines)
    assert f" · {total.buffers:,} buffers" in "\n".join(lines)


# pages of every width

MODELS = {name: convcost.analyze(name) for name in ("mobilenet_v1", "examples/seven_convolutions", "resnet18")}
PLAIN = re.compile(r"\x1b\[[0-9;]*m")


@settings(max_examples=40)
@given(width=st.integers(1, 200), name=st.sampled_from(sorted(MODELS)), color=st.booleans(), top=st.none() | st.just(9))
def test_no_width_cuts_a_digit(width, name, color, top, render):
    """On every page each row ends its parameters and multiplications with all of their digits."""
    report = AnalysisReport.of(MODELS[name], top=top)
    lines = PLAIN.sub("", render("table", MODELS[name], width=width, color=color, top=top, layers=True)).splitlines()
    total = MODELS[name].total
    numbers = [(layer.cost.params, layer.cost.mults) for layer in report.layers] + [(total.params, total.mults)]
    left = iter(lines)
    for params, mults in numbers:
        wanted = re.compile(rf"(?<![\d,]){params:,} +{mults:,}(?![\d,])")
        assert any(wanted.search(line) for line in left), f"{params:,} {mults:,} at {width}"


@settings(max_examples=40)
@given(width=st.integers(40, 200), name=st.sampled_from(sorted(MODELS)), color=st.booleans())
def test_no_line_is_longer_than_the_page(width, name, color, render):
    text = PLAIN.sub("", render("table", MODELS[name], width=width, color=color))
    assert max(map(len, text.splitlines())) <= width


@settings(max_examples=20)
@given(widths=st.lists(st.integers(30, 200), min_size=2, max_size=2).map(sorted))
def test_a_wider_page_shows_no_column_less(widths, render):
    narrow, wide = (set(body(render("table", MODELS["mobilenet_v1"], width=width))[1].split()) for width in widths)
    assert narrow <= wide


def test_whole_columns_are_left_out_the_least_needed_first(small, render):
    titles = ["Layer", "Type", "Output", "Params", "Macs", "Share", "%", "Ratio", "1/N + 1/Dk²", "Notes"]
    seen = []
    for width in range(140, 20, -1):
        heading = body(render("table", small, width=width))[1]
        shown = [title for title in titles if re.search(rf"(?<!\S){re.escape(title)}(?!\S)", heading)]
        if not seen or shown != seen[-1]:
            seen.append(shown)
    left_out = [sorted(set(before) - set(after)) for before, after in pairwise(seen)]
    assert left_out == [["Notes"], ["1/N + 1/Dk²"], ["Ratio"], ["Share"], ["Output"], ["Type"], ["%"]]


# a terminal


@pytest.mark.parametrize("width", [140, 80, 30])
@pytest.mark.parametrize("repeat", [1, 500])
def test_colours_change_no_character(width, repeat, small, render, plain):
    """However long the table is."""
    spec = {**small, "layers": [*small["layers"], {"relu": None, "repeat": repeat}]}
    for layers in True, False:
        drawn = render("table", spec, width=width, color=True, layers=layers)
        assert drawn.count("\x1b[0m") > (repeat if layers else 10)
        assert plain(drawn) == render("table", spec, width=width, layers=layers)


def test_the_colours_of_a_table(small, render):
    """1 is bold, 2 dim, 36 cyan, 1;34 bold blue; what shows nothing has no style."""
    lines = render("table", small, width=80, color=True).splitlines()
    rule = "─" * 77
    assert lines == [
        "\x1b[1mSmall · 676 params · 10.3 k macs · 20.86 k flops · 2.59 KiB of float32 weights\x1b[0m",
        "676 params · 10,304 macs (= mults) · 20,864 flops · 2,656 bytes of weights",
        "\x1b[2mworked by hand\x1b[0m",
        "\x1b[2minput 4×6×6 · n = 8\x1b[0m",
        "",
        "\x1b[1mLayer              Type             Output  Params    Macs  Share           %\x1b[0m",
        rule,
        "\x1b[1;34mseparable_conv_1\x1b[0m",
        "\x1b[1m  depthwise        \x1b[0mdw 3×3           4×4×4       36     576  \x1b[36m▌           \x1b[0m  5.6",
        "\x1b[1m    batch_norm     \x1b[0mbatch_norm       4×4×4        8       0",
        "\x1b[1m  pointwise        \x1b[0mconv 1×1         8×4×4       32     512  \x1b[36m▌           \x1b[0m  5.0",
        "\x1b[1m    batch_norm     \x1b[0mbatch_norm       8×4×4       16       0",
        "\x1b[1mwide               \x1b[0mconv 3×3         8×4×4      584   9,216  \x1b[36m█████████   \x1b[0m 89.4",
        "\x1b[2;1mrelu_1             \x1b[0m\x1b[2mrelu             8×4×4        0       0\x1b[0m",
        "\x1b[2;1mresidual_1         \x1b[0m\x1b[2madd              8×4×4        0       0\x1b[0m",
        "\x1b[2;1mglobal_avg_pool_1  \x1b[0m\x1b[2mglobal_avg_pool  8×1×1        0       0\x1b[0m",
        rule,
        "\x1b[1mTotal              3 layers                    676  10,304              100.0\x1b[0m",
        "",
        "\x1b[2mMacs: multiply–accumulates of convolutions, linear layers and matrix products,\x1b[0m",
        "\x1b[2mthe papers' mult-adds; mults: all scalar multiplications; flops: mults and adds.\x1b[0m",
        "\x1b[2m10,560 adds · 7,488 useful mults · 320 activations · 24 buffers\x1b[0m",
        "\x1b[2m3 layers with weights; 8 rows with norms, activations, pools and merges.\x1b[0m",
        "\x1b[2mCounted for one input at inference; padding zeros multiply too; batch norms fold\x1b[0m",
        "\x1b[2minto the layer before them.\x1b[0m",
        "\x1b[2m3 columns hidden: Ratio, 1/N + 1/Dk², Notes; --columns ratio,notes shows them.\x1b[0m",
    ]


class Reporting(Struct):
    """A report that is a table."""

    shown: Table

    def table(self):
        return self.shown


def written(table, width, *, color=False):
    return formats.render("table", [Reporting(table)], Page(width=width, color=color)).splitlines()


def titled(title, *, rows=(), columns=("", "x"), footer=()):
    return Table(
        title=title,
        subtitle=(),
        columns=tuple(
            Column(text, right=True, role="name" if not number else "text") for number, text in enumerate(columns)
        ),
        rows=[Row(cells) for cells in rows],
        total=("",) * len(columns),
        footer=footer,
    )


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["one two", "three"]),
        ("  one two three", ["  one two", "three"]),
        ("a  b  c  d  e", ["a  b  c  d", "e"]),
        ("層一層 層一層", ["層一層", "層一層"]),
        ("層一層一層一層", ["層一層一層", "一層"]),  # five wide characters take ten cells
        ("one 層一層一層一層", ["one", "層一層一層", "一層"]),
        ("a\u0301b\u0301 " * 4, ["a\u0301b\u0301 a\u0301b\u0301 a\u0301b\u0301", "a\u0301b\u0301"]),
        ("0123456789012", ["0123456789", "012"]),
        ("", [""]),
    ],
)
def test_a_text_is_broken_at_the_pages_width(text, lines):
    """A page of ten cells; a word that is longer than a line is broken anywhere."""
    shown = written(titled(text, footer=(text,)), 10)
    assert shown[: len(lines)] == shown[-len(lines) :] == lines


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("層一層一層", "層一層…"),  # eight cells: three wide ones and the sign leave one over
        ("abc層一層一", "abc層一…"),
        ("abcdefghi", "abcdefg…"),
        ("e\u0301" * 9, "e\u0301" * 7 + "…"),
        ("\u0e01\u0e31" * 9, "\u0e01\u0e31" * 7 + "…"),  # Thai; the vowel stands over the consonant
        ("❤\ufe0f" * 8, "❤\ufe0f" * 8),
    ],
)
def test_a_long_name_is_cut_where_its_cells_end(name, shown):
    """Names keep eight cells on the narrowest page; the right edge stays where it is."""
    *_, row, _ = written(titled("", rows=[(name, "9")], columns=("", "x")), 1)
    assert row == " " * (8 - cells(shown)) + f"{shown}  9"


def test_wide_characters_in_every_column_keep_the_edges():
    """A heading of three wide characters takes six cells."""
    table = titled("t", rows=[("a", "層", "bb"), ("層", "1", "b")], columns=("n", "層一層", "o"))
    assert written(table, 80)[2:6] == [" n  層一層   o", "─" * 14, " a      層  bb", "層       1   b"]


@pytest.mark.parametrize("color", [False, True])
def test_no_line_of_a_log_is_a_command(color, plain):
    """GitHub's logs obey lines that begin with `::`, behind spaces too, or hold `##[`."""
    table = titled(
        "::error::a", rows=[("::b", "c::d"), ("", "::e"), ("f", "##[g]")], columns=("", "##[h]"), footer=("i ##[ ::",)
    )
    text = "\n".join(plain("\n".join(written(table, 80, color=color))).splitlines())
    assert [line.strip() for line in text.splitlines() if line.strip("─ ")] == [
        r"\x3a:error::a",
        r"##\x5bh]",
        r"\x3a:b   c::d",
        r"\x3a:e",
        r"f  ##\x5bg]",
        r"i ##\x5b ::",
    ]


# names


def test_names_stand_in_a_tree(small, render):
    rows, heading, _ = body(render("table", small))
    width = heading.index("Type")
    assert [line[:width].rstrip() for line in rows] == TREE


def test_names_are_whole_where_rows_leave_their_order(small, render):
    rows, heading, _ = body(render("table", small, sort="name"))
    names = [line[: heading.index("Type")].rstrip() for line in rows]
    assert names == sorted(layer.name for layer in convcost.analyze(small).layers)


@pytest.mark.parametrize("column_name", ["params", "mults", "adds", "buffers", "activations", "useful_mults"])
def test_numbers_are_sorted_from_the_largest(column_name, small):
    report = AnalysisReport.of(convcost.analyze(small), sort=column_name)
    values = [getattr(layer.cost, column_name, None) or getattr(layer, column_name, 0) for layer in report.layers]
    assert values == sorted(values, reverse=True)
    assert len(report.layers) == 8


def test_equal_rows_keep_their_order(small):
    zeros = [layer.name for layer in AnalysisReport.of(convcost.analyze(small), sort="mults").layers][3:]
    assert zeros == [layer.name for layer in convcost.analyze(small).layers if layer.cost.mults == 0]


def test_a_column_that_is_not_there():
    with pytest.raises(OptionError) as error:
        AnalysisReport.of(convcost.analyze("examples/one_5x5"), sort="parms")
    assert str(error.value) == "error: --sort: there is no column 'parms'\n = help: did you mean 'params'?"


@pytest.mark.parametrize("depth", [1, 2, 3, 9])
def test_folding_keeps_the_sums_and_parts_no_name_deeper(depth):
    analysis = convcost.analyze("mobilenet_v1")
    report = AnalysisReport.of(analysis, depth=depth)
    assert sum((layer.cost for layer in report.layers), convcost.Cost()) == analysis.total
    assert max(len(layer.path) for layer in report.layers) == min(depth, 3)
    assert len({layer.name for layer in report.layers}) == len(report.layers)


@pytest.mark.parametrize("width", [None, 100, 40])
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("sort", [None, "mults"])
def test_hostile_names_are_shown_on_one_line_as_they_are(hostile, hostile_names, width, color, sort, render, plain):
    """Markup is text, control characters are escapes, one row stays one line."""
    text = plain(render("table", hostile, width=width, color=color and width is not None, sort=sort, layers=True))
    assert all(line.isprintable() for line in text.splitlines())
    assert "\x1b" not in text
    lines = text.splitlines()
    assert sum(bool(re.search(r"\b0 +0\b", line)) for line in lines) == len(hostile_names)
    # the convolution and the total: 2 · 2 · 9 + 2 parameters, 36 · 16 multiplications
    assert sum(bool(re.search(r"\b38 +576\b", line)) for line in lines) == 2
    if width != 40:
        for shown in "[red]", "[/]", r"a\x1b[31mb", r"\x1b]0;title\x07", r"two\nlines", r"carriage\rreturn", "<script>":
            assert any(line.startswith(shown) for line in text.splitlines())


def test_wide_characters_take_two_columns(render):
    """層一層 takes six cells in three characters, more than the heading."""
    spec = {"input": [2, 3], "layers": [{"relu": None, "name": "層一層"}, {"relu": None, "name": "abcd"}]}
    wide, narrow = body(render("table", spec))[0]
    assert wide.startswith("層一層  relu ")
    assert narrow.startswith("abcd    relu ")
    wide, narrow = body(render("table", spec, width=24))[0]
    assert wide.startswith("層一層  ")
    assert narrow.startswith("abcd    ")


def test_layers_that_share_a_row_have_a_ratio_only_where_it_is_one():
    conv = {"out_channels": 8, "kernel_size": 3}  # 1/8 + 1/9 = 17/72
    other = {"out_channels": 4, "kernel_size": 3}  # 1/4 + 1/9
    spec = {
        "input": [2, 12, 12],
        "blocks": {
            "alike": {"layers": [{"conv": conv}, {"conv": conv}, "relu"]},
            "unlike": {"layers": [{"conv": conv}, {"conv": other}]},
        },
        "layers": ["alike", "unlike"],
    }
    alike, unlike = AnalysisReport.of(convcost.analyze(spec), depth=1).layers
    assert (alike.ratio.formula, alike.ratio.numbers, alike.ratio.term) == ("1/N + 1/Dk²", "1/8 + 1/9", None)
    assert unlike.ratio is None
