"""The report of two networks beside each other: whole reports, worked by hand."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from fractions import Fraction
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

import convcost
from convcost.comparison.base import Base
from convcost.comparison.diff_report import DifferenceReport, percents
from convcost.comparison.row_choice import RowChoice
from convcost.metrics import standard
from convcost.network import Network, Tensor
from convcost.reports import formats
from convcost.reports.formats import markdown
from convcost.reports.table import Page

STEM = {"conv": {"out_channels": 4, "kernel_size": 3, "bias": False}}
MIDDLE = {"conv": {"out_channels": 4, "kernel_size": 3, "padding": 1, "bias": False, "activation": "relu"}}
HEAD = {"conv": {"out_channels": 8, "kernel_size": 1, "bias": False}}
WITH_BIAS = {"conv": {"out_channels": 8, "kernel_size": 1}}
BEFORE = [STEM, "relu", HEAD, "global_avg_pool"]
AFTER = [STEM, "relu", MIDDLE, WITH_BIAS, "global_avg_pool"]
BASE = Base("1a2b3c4, the merge base with origin/main", "origin/main", "1a2b3c4" + "0" * 33)


def model(layers, name="Net", file="net.yaml"):
    network = convcost.load({"name": name, "input": [3, 8, 8], "layers": layers}).network
    return convcost.Model(replace(network, file=file))


def report(before, after, base=None, **options):
    """Return the report of two lists of layers, or of two models."""
    first, second = (given if isinstance(given, convcost.Model) else model(given) for given in (before, after))
    return DifferenceReport(first.diff(second, **options), base)


def text(*reports, format="table", width=None):
    return formats.render(format, reports, Page(width=width))


def test_a_whole_report():
    # conv_1: 4 · 3 · 9 = 108 weights at 6 · 6 places: 3,888; its relu compares, 144 values
    # conv_2: 4 · 4 · 9 = 144 at 36: 5,184, of which (2 + 4 · 3 + 2)² · 16 = 4,096 read no zero
    # conv_3: 8 · 4 = 32 at 36: 1,152, and 8 biases; the pool adds 8 · 36 = 288
    # 108 + 32 = 140 and 108 + 144 + 40 = 292; 3,888 + 1,152 = 5,040; + 5,184 = 10,224; 144 + 144 + 288 + 8 = 584
    # values, 144 + 288 = 432 of them put out by convolutions; there is no norm to fold
    assert text(report(BEFORE, AFTER, BASE)) == dedent(
        """\
        Net (net.yaml) since 1a2b3c4, the merge base with origin/main
        140 → 292 params (+108.6 %) · 5.04 k → 10.22 k macs (+102.9 %)
        Layers: 1 changed, 2 added; 3 are the same.
        Before: input 3×8×8 · 4 layers
        After: input 3×8×8 · 6 layers

        Total            Before   After        ±         %
        ──────────────────────────────────────────────────
        params              140     292     +152  +108.6 %
        buffers               0       0        0       0 %
        mults             5,040  10,224   +5,184  +102.9 %
        adds              5,328  10,512   +5,184   +97.3 %
        macs              5,040  10,224   +5,184  +102.9 %
        flops            10,368  20,736  +10,368  +100.0 %
        useful mults      5,040   9,136   +4,096   +81.3 %
        output values       584     872     +288   +49.3 %
        activations         432     576     +144   +33.3 %
        deployed params     140     292     +152  +108.6 %
        cmp                 144     288     +144  +100.0 %
        ──────────────────────────────────────────────────
        layers                4       6       +2   +50.0 %

        Counted for one input at inference.

        Layer by layer

        Layer           Type                Params before  Params after  Params ±  Mults before  Mults after  Mults ±  What changed
        ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
          … 2 the same                                108           108                   3,888        3,888
        + conv_2        conv                                        144      +144                      5,184   +5,184  output 4×6×6
        + conv_2/relu   relu                                          0                                    0           output 4×6×6
        ~ conv_3        conv                           32            40        +8         1,152        1,152           bias false → true, was conv_2
          … 1 the same                                  0             0                       0            0
        ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        Total           1 changed, 2 added            140           292      +152         5,040       10,224   +5,184

        + added, − removed, ~ changed.
        140 → 292 params (+108.6 %) · 5.04 k → 10.22 k macs (+102.9 %)
        """  # noqa: E501
    )


def test_a_whole_report_in_markdown():
    """The numbers are those of the report above."""
    assert text(report(BEFORE, AFTER, BASE), format="markdown") == dedent(
        """\
        <!-- convcost diff -->
        ### Net (net.yaml) since 1a2b3c4, the merge base with origin/main

        Layers: 1 changed, 2 added; 3 are the same.\x20\x20
        Before: input 3×8×8 · 4 layers\x20\x20
        After: input 3×8×8 · 6 layers\x20\x20

        | Total | Before | After | ± | % |
        | --- | ---: | ---: | ---: | ---: |
        | `params` | 140 | 292 | +152 | +108.6 % |
        | `buffers` | 0 | 0 | 0 | 0 % |
        | `mults` | 5,040 | 10,224 | +5,184 | +102.9 % |
        | `adds` | 5,328 | 10,512 | +5,184 | +97.3 % |
        | `macs` | 5,040 | 10,224 | +5,184 | +102.9 % |
        | `flops` | 10,368 | 20,736 | +10,368 | +100.0 % |
        | `useful mults` | 5,040 | 9,136 | +4,096 | +81.3 % |
        | `output values` | 584 | 872 | +288 | +49.3 % |
        | `activations` | 432 | 576 | +144 | +33.3 % |
        | `deployed params` | 140 | 292 | +152 | +108.6 % |
        | `cmp` | 144 | 288 | +144 | +100.0 % |
        | **layers** | **4** | **6** | **+2** | **+50.0 %** |

        Counted for one input at inference.

        <details><summary>Layer by layer</summary>

        | Layer | Type | Params before | Params after | Params ± | Mults before | Mults after | Mults ± | What changed |
        | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
        | &emsp;… 2 the same |  | 108 | 108 |  | 3,888 | 3,888 |  |  |
        | `+ conv_2` | conv |  | 144 | +144 |  | 5,184 | +5,184 | output 4×6×6 |
        | `+ conv_2/relu` | relu |  | 0 |  |  | 0 |  | output 4×6×6 |
        | `~ conv_3` | conv | 32 | 40 | +8 | 1,152 | 1,152 |  | bias false → true, was conv_2 |
        | &emsp;… 1 the same |  | 0 | 0 |  | 0 | 0 |  |  |
        | **Total** | **1 changed, 2 added** | **140** | **292** | **+152** | **5,040** | **10,224** | **+5,184** |  |

        \\+ added, − removed, \\~ changed.

        </details>
        """
    )


def test_nothing_changed():
    shown = text(report(BEFORE, BEFORE, BASE))
    assert shown.splitlines()[:4] == [
        "Net (net.yaml) since 1a2b3c4, the merge base with origin/main",
        "Nothing changed: 4 layers, all the same.",
        "input 3×8×8 · 4 layers",
        "",
    ]
    assert re.findall(r"^mults .*$", shown, re.MULTILINE) == ["mults             5,040   5,040  0  0 %"]
    assert "Layer by layer" not in shown


def test_layers_that_only_moved_or_have_another_name_are_no_change_of_cost():
    before = [STEM, "relu", "dropout", {**HEAD, "name": "top"}]
    after = [STEM, "dropout", "relu", {**HEAD, "name": "head"}]
    shown = text(report(before, after))
    assert shown.splitlines()[2] == "No cost changed: 4 layers, 1 moved and 1 renamed."
    rows = re.findall(r"^  … .*$", shown, re.MULTILINE)
    assert [re.split(r"  +", row)[1:] for row in rows] == [
        ["… 4 the same", "140", "140", "5,040", "5,040", "moved: relu_1; renamed: head"]
    ]


def test_a_layer_that_moved_and_changed():
    wide = {"conv": {**STEM["conv"], "out_channels": 6}, "name": "first"}
    shown = text(report([{**STEM, "name": "first"}, "relu"], ["relu", wide]))
    assert re.findall(r"  out_channels.*$", shown, re.MULTILINE) == [
        "  out_channels 4 → 6, output 4×6×6 → 6×6×6, moved"
    ]


def test_at_most_three_names_are_told_of_those_that_have_another():
    before, after = ([{"tanh": None, "name": name} for name in names] for names in ("abcdefg", "vwxyzst"))
    shown = text(report(before, after))
    assert re.findall(r"renamed: .*$", shown, re.MULTILINE) == ["renamed: v, w, x, 4 more"]


def test_layers_that_only_pass_other_shapes_on_are_summed_up():
    wider = {"conv": {**STEM["conv"], "out_channels": 6}}
    shown = text(report([STEM, "relu", "flatten"], [wider, "relu", "flatten"]))
    assert shown.splitlines()[2] == "Layers: 3 changed; none is the same."
    assert re.findall(r"^(?:~|  …) [^ ].*?(?=  )", shown, re.MULTILINE) == [
        "~ conv_1",
        "  … 2 of the same params and mults",  # the relu compares more values
    ]
    shown = text(report([STEM, "flatten"], [wider, "flatten"]))
    assert "  … 1 of the same cost" in shown


def test_a_pool_that_is_written_differently_is_told_though_it_multiplies_as_much():
    pools = [[{"max_pool": {"kernel_size": k, "stride": 2}}, "flatten"] for k in (2, 3)]
    (row,) = re.findall(r"^~ .*$", text(report(*pools)), re.MULTILINE)
    assert row.split()[:2] == ["~", "max_pool_1"]
    assert row.endswith("  kernel_size 2 → 3, output 3×4×4 → 3×3×3")


@pytest.mark.parametrize(
    ("before", "after", "base", "title"),
    [
        (("A", "a.yaml"), ("B", "b.yaml"), None, "A → B"),
        (("A", "a.yaml"), ("A", "b.yaml"), None, "A: a.yaml → b.yaml"),
        (("", "a.yaml"), ("", "b.yaml"), None, "a.yaml → b.yaml"),
        (("A", "a.yaml"), ("A", "a.yaml"), None, "A → A"),
        (("A", "1:a.yaml"), ("A", "a.yaml"), BASE, f"A (a.yaml) since {BASE.name}"),
        (("", "1:a.yaml"), ("", "a.yaml"), BASE, f"a.yaml since {BASE.name}"),
        (("A", "1:a.yaml"), ("B", "a.yaml"), BASE, f"A at {BASE.name} → B (a.yaml)"),
    ],
)
def test_the_title_says_what_is_compared(before, after, base, title):
    assert text(report(model(BEFORE, *before), model(AFTER, *after), base)).splitlines()[0] == title


def test_a_file_that_is_new():
    nothing = convcost.Model(Network("Net", "", "", {}, (Tensor((3, 8, 8)),), ()))
    new = report(nothing, BEFORE, BASE)
    shown = text(new)
    assert shown.splitlines()[:7] == [
        "Net (net.yaml), new since 1a2b3c4, the merge base with origin/main",
        "0 → 140 params (from 0) · 0 → 5.04 k macs (from 0)",
        "Layers: 4 added; none is the same.",
        "There is no such file at 1a2b3c4, the merge base with origin/main.",
        "After: input 3×8×8 · 4 layers",
        "",
        "Total            Before   After        ±       %",
    ]
    assert re.findall(r"^mults .*$", shown, re.MULTILINE) == ["mults                 0   5,040   +5,040  from 0"]
    assert len(re.findall(r"^\+ ", shown, re.MULTILINE)) == 4 + 1  # and the legend
    data = json.loads(text(new, format="json"))
    assert data["before"] is None
    assert data["totals"]["change"]["mults"] == {"delta": 5040, "percent": None}


def test_json_says_which_revision_it_is():
    data = json.loads(text(report(BEFORE, AFTER, BASE), format="json"))
    assert data["base"] == {"name": BASE.name, "revision": "origin/main", "commit": BASE.commit}
    assert [row["kind"] for row in data["layers"]] == ["same", "same", "added", "added", "changed", "same"]
    assert data["totals"]["change"]["useful_mults"]["delta"] == 4096
    assert json.loads(text(report(BEFORE, AFTER), format="json"))["base"] is None


def test_csv_tells_every_total_with_its_change():
    rows = list(csv.DictReader(io.StringIO(text(report(BEFORE, AFTER), format="csv"))))
    found = report(BEFORE, AFTER).difference.totals()
    assert [*found] == [metric.name for metric in standard()]
    for metric in found:
        sums = [sum(int(row[f"{metric}_{side}"]) for row in rows) for side in ("before", "after", "change")]
        assert sums == [*found[metric], found[metric][1] - found[metric][0]]
    assert {row["network"] for row in rows} == {"Net"}
    added, changed = rows[2], rows[4]
    assert (added["params_percent"], changed["params_percent"], changed["mults_percent"]) == ("", "25.0", "0.0")


PAIRS = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), max_size=6)


@given(pairs=PAIRS)
def test_a_percentage_has_as_many_decimals_as_it_takes(pairs):
    """A change never prints as none, all that is there never as less, and two changes never alike."""
    texts = percents(pairs)
    seen = {}
    for shown, (before, after) in zip(texts, pairs, strict=True):
        if before == after:
            assert shown == "0 %"
        elif not before:
            assert shown == "from 0"
        else:
            exact = 100 * Fraction(after - before, before)
            printed = Fraction(shown.removesuffix(" %").replace("−", "-").replace(",", ""))
            decimals = len(shown.removesuffix(" %").partition(".")[2])
            assert abs(printed - exact) <= Fraction(1, 2 * 10**decimals)
            assert (printed > 0) == (exact > 0)
            assert (printed < 0) == (exact < 0)
            assert (printed == -100) == (exact == -100)
            assert seen.setdefault(shown, exact) == exact


def test_percentages_worked_by_hand():
    # 1 of 4,231,976 is 0.0000236… %; 1,999 of 2,000 less are 99.95 %, which would round to 100.0
    assert percents([(4231976, 4231977), (2000, 1), (1000, 1010), (1000, 1011), (3, 3003)]) == [
        "+0.00002 %",
        "−99.95 %",
        "+1.0 %",
        "+1.1 %",
        "+100,000.0 %",
    ]
    assert percents([(10000, 10100), (10000, 10101)]) == ["+1.00 %", "+1.01 %"]


def tables(shown):
    """Return the tables that another parser of GitHub's dialect finds, as lists of rows of cells, and its HTML."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    found, html = [], []
    for before, token in itertools.pairwise([None, *parser.parse(shown)]):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and before.type in ("th_open", "td_open"):
            found[-1][-1].append("".join(part.content for part in token.children))
        if token.type == "html_block":
            html.append(token.content)
    return found, html


def test_another_parser_finds_the_tables_and_what_is_folded():
    found, html = tables(text(report(BEFORE, AFTER), report(AFTER, BEFORE), format="markdown"))
    fold = ["<details><summary>Layer by layer</summary>\n", "</details>\n"]
    assert html == ["<!-- convcost diff -->\n", *fold, *fold]
    assert [len(table) for table in found] == [1 + 14, 1 + 5 + 1, 1 + 14, 1 + 5 + 1]  # the heading, rows, the total
    assert found[0][1] == ["params", "140", "292", "+152", "+108.6 %"]
    assert found[1][2][:5] == ["+ conv_2", "conv", "", "144", "+144"]


def chain(count, name="Net", **conv):
    """Return a network of so many convolutions, each twice as wide as the one before, and a relu behind each."""
    layers = [
        {"conv": {"out_channels": 8, "kernel_size": 1, "activation": "relu", **conv}, "name": f"conv {k}"}
        for k in range(count)
    ]
    return model(layers, name)


def test_a_comment_is_below_64_kilobytes():
    wide = report(chain(1000), chain(1000, kernel_size=3, padding=1))
    shown = text(wide, format="markdown")
    assert 60_000 < len(shown.encode()) < 64_000
    found, html = tables(shown)
    assert html[-1] == "</details>\n"
    # 1,000 convolutions changed, and their activations are the same: a quiet row behind each
    left = int(re.search(r"Left out to fit a comment: ([\d,]+) of 2,000 rows, those", shown)[1].replace(",", ""))
    rows = found[1][1:-1]
    assert len(rows) == 2000 - left
    assert all(row[0].startswith("~") for row in rows)
    assert len(found[0]) == 14
    assert len(text(replace(wide, rows=RowChoice(layers=True)), format="table")) > 100_000
    screen = text(wide, format="table")
    assert len(screen.splitlines()) < 30
    assert screen.endswith("\n2,000 rows of layers: --layers shows them, --top 10 the largest changes.\n")


def test_the_smallest_changes_are_left_out_first():
    """Each layer gives one channel more than the one before, so that a wider kernel costs more in each."""
    layers = [
        [{"conv": {"out_channels": k, "kernel_size": size, "padding": size // 2, "bias": False}} for k in range(1, 900)]
        for size in (1, 3)
    ]
    shown = text(report(*layers), format="markdown")
    rows = tables(shown)[0][1][1:-1]
    names = [int(row[0].removeprefix("~ conv_")) for row in rows]
    # layer k multiplies 8 · k · (k − 1) more at 64 places, the first 8 · 3: the last ones are the largest
    assert names == list(range(900 - len(names), 900))
    assert 100 < len(names) < 800


def test_several_networks_share_one_comment():
    reports = [report(chain(300, f"n{k}"), chain(300, f"n{k}", kernel_size=3, padding=1)) for k in range(9)]
    shown = text(*reports, format="markdown")
    assert len(shown.encode()) < 64_000
    found, html = tables(shown)
    assert html.count("<!-- convcost diff -->\n") == 1
    assert [len(table) for table in found[::2]] == [14] * 9  # no total is cut
    assert len(re.findall(r"Left out to fit a comment: [\d,]+ of 600 rows", shown)) == 9


def test_more_networks_than_fit_are_counted():
    """Those that did not change go first; what is left is whole."""
    same = report(BEFORE, BEFORE)
    shown = text(*[same, report(BEFORE, AFTER)] * 60, format="markdown")
    assert len(shown.encode()) < 64_000
    found, html = tables(shown)
    totals = [table for table in found if len(table) == 15]
    told = re.search(r"\nLeft out to fit a comment: (\d+) tables and (\d+) specs\.\n$", shown)
    assert (len(totals), int(told[2])) == (60, 60)
    assert "Nothing changed" not in shown
    assert len(found) - len(totals) == 60 - int(told[1]) > 10  # the tables of layers that have room
    assert sum("<details>" in line for line in html) == len(found) - len(totals)


def test_no_text_is_endless():
    layers = [{"conv": {"out_channels": 8, "kernel_size": 1}, "name": "long " * 20_000}]
    shown = text(report(model(layers, "n" * 100_000), model([STEM], "m" * 100_000)), format="markdown")
    assert len(shown.encode()) < 8_000
    assert shown.splitlines()[1] == f"### {'n' * 299}…"


def test_the_limit_is_one_of_characters_too():
    assert markdown.MOST_BYTES < 65_536  # what GitHub takes; no text has more characters than bytes


def rows_of(shown):
    """Return the rows of the table of layers: the name, and the changes of parameters and multiplications."""
    body = shown.partition("Layer by layer\n\n")[2].splitlines()
    return [re.split(r"  +", line.strip()) for line in body[2 : body.index("─" * len(body[1]), 2)]]


def test_the_largest_changes_come_first():
    """conv_2 is new, 5,184 products; conv_3 gets 8 biases, which is less of both networks together."""
    shown = text(replace(report(BEFORE, AFTER), rows=RowChoice(top=1)))
    assert [row[0] for row in rows_of(shown)] == ["+ conv_2", "… 2 more"]
    shown = text(replace(report(BEFORE, AFTER), rows=RowChoice(sort="name")))
    assert [row[0] for row in rows_of(shown)] == ["+ conv_2", "+ conv_2/relu", "~ conv_3"]
    shown = text(replace(report(BEFORE, AFTER), rows=RowChoice(sort="ops_cmp")))  # 144 comparisons of the relu
    assert [row[0] for row in rows_of(shown)] == ["+ conv_2/relu", "+ conv_2", "~ conv_3"]


def test_changes_are_folded_by_the_names_of_layers():
    shown = text(replace(report(BEFORE, AFTER), rows=RowChoice(depth=1)))
    assert rows_of(shown) == [
        ["+ conv_2", "2 layers", "144", "+144", "5,184", "+5,184", "2 added"],
        ["~ conv_3", "1 layer", "32", "40", "+8", "1,152", "1,152", "1 changed"],
        ["… 3 the same", "108", "108", "3,888", "3,888"],
    ]


def test_a_screenful_of_layers_is_shown_and_no_more():
    """30 convolutions that changed are 30 rows; the relu behind each is the same and makes 60."""
    narrow, wide = ([{"conv": {"out_channels": 8, "kernel_size": k, "padding": k // 2}}] * 30 for k in (1, 3))
    assert len(rows_of(text(report(narrow, wide)))) == 30
    shown = text(report(chain(30), chain(30, kernel_size=3, padding=1)))
    assert "Layer by layer" not in shown
    assert shown.endswith("60 rows of layers: --layers shows them, --top 10 the largest changes.\n")
    whole = text(replace(report(chain(30), chain(30, kernel_size=3, padding=1)), rows=RowChoice(layers=True)))
    assert len(rows_of(whole)) == 60
    totals = re.search(r"^.* macs \(.*$", whole, re.MULTILINE)[0]
    assert whole.splitlines()[1] == whole.splitlines()[-1] == totals


def test_a_column_that_layers_cannot_be_sorted_by():
    with pytest.raises(convcost.OptionError) as caught:
        RowChoice(sort="mult")
    assert str(caught.value) == "error: --sort: there is no column 'mult'\n = help: did you mean 'mults'?"
