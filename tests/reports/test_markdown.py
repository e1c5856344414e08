"""Markdown, for pull requests and READMEs: GitHub's dialect, every text harmless."""

from __future__ import annotations

import itertools
import re
from textwrap import dedent

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec import Struct

from convcost.errors import visible
from convcost.reports import formats
from convcost.reports.table import Column, Page, Row, Table


def test_a_report_in_markdown(small, render):
    assert render("markdown", small) == dedent(
        """\
        ### Small

        676 params · 10.3 k macs · 20.86 k flops · 2.59 KiB of float32 weights\x20\x20
        676 params · 10,304 macs (= mults) · 20,864 flops · 2,656 bytes of weights\x20\x20
        worked by hand\x20\x20
        input 4×6×6 · n = 8\x20\x20

        | Layer | Type | Output | Params | Macs | Mults | % | Ratio | 1/N + 1/Dk² | Notes |
        | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- |
        | `separable_conv_1` |  |  |  |  |  |  |  |  |  |
        | &emsp;`depthwise` | dw 3×3 | 4×4×4 | 36 | 576 | 576 | 5.6 | ≈23.611111 % | 1/8 + 1/9 |  |
        | &emsp;&emsp;`batch_norm` | batch_norm | 4×4×4 | 8 | 0 | 0 |  |  |  | folded |
        | &emsp;`pointwise` | conv 1×1 | 8×4×4 | 32 | 512 | 512 | 5.0 | ≈23.611111 % | 1/8 + 1/9 |  |
        | &emsp;&emsp;`batch_norm` | batch_norm | 8×4×4 | 16 | 0 | 0 |  |  |  | folded |
        | `wide` | conv 3×3 | 8×4×4 | 584 | 9,216 | 9,216 | 89.4 | → ≈23.611111 % | 1/8 + 1/9 |  |
        | `relu_1` | relu | 8×4×4 | 0 | 0 | 0 |  |  |  | 128 cmp |
        | `residual_1` | add | 8×4×4 | 0 | 0 | 0 |  |  |  | 128 add |
        | `global_avg_pool_1` | global_avg_pool | 8×1×1 | 0 | 0 | 0 |  |  |  | output, 128 add, 8 div |
        | **Total** | **3 layers** |  | **676** | **10,304** | **10,304** | **100.0** |  |  |  |

        Macs: multiply–accumulates of convolutions, linear layers and matrix products, the papers' mult-adds; mults: all scalar multiplications; flops: mults and adds.

        10,560 adds · 7,488 useful mults · 320 activations · 24 buffers

        3 layers with weights; 8 rows with norms, activations, pools and merges.

        Counted for one input at inference; padding zeros multiply too; batch norms fold into the layer before them.

        Ratio: a separable convolution's mults as a share of the standard one's, 1/N + 1/Dk²; → marks what a standard one would cost as a separable one.
        """  # noqa: E501
    )


def cells(line):
    """Return the cells of a table's line, as GitHub splits them: at each pipe that no backslash escapes."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def test_every_line_of_the_table_has_all_columns(hostile, hostile_names, render):
    table = [line for line in render("markdown", hostile).splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(hostile_names) + 1 + 1  # heading and rule, the layers, the total
    assert {len(cells(line)) for line in table} == {10}


def test_no_name_is_markup(hostile, render):
    """Outside code, every character that Markdown or HTML would take is escaped; inside there is no backquote."""
    for line in render("markdown", hostile).splitlines():
        assert line.isprintable()
        if line.startswith("|"):
            name = cells(line)[0]
            if name.startswith("`"):
                assert re.fullmatch(r"`[^`]+`", name)
                continue
            text = name.replace("&emsp;", "").replace("**Total**", "")
        else:
            text = line.removeprefix("### ")
        unescaped = re.sub(r"\\[\\`*_{}\[\]<>()#+!|~&$-]|&#8203;", "", text)
        assert not re.search(r"[`*_\[\]<>|&]", unescaped), line


@pytest.mark.parametrize("name", ["a`b", "``", "a|b", "…"])
def test_a_name_keeps_its_characters(name, render):
    """Code, or escaped text where it holds a backquote."""
    spec = {"input": [2, 3], "layers": [{"relu": None, "name": name}]}
    shown = next(cells(line) for line in render("markdown", spec).splitlines() if "| relu |" in line)[0]
    assert re.sub(r"\\(.)", r"\1", shown).strip("`" if "`" not in name else "") == name


class Shown(Struct, frozen=True):
    """A report that shows a text everywhere a text can stand."""

    text: str

    def table(self):
        text = self.text
        columns = (Column("Name", role="name"), Column("Cell"))
        return Table(text, (text,), columns, (Row((text, text)),), ("", ""), (text,))


def shown(text):
    """Return what another parser finds: for each block its kind, what it shows, and what of that is not code."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(formats.render("markdown", [Shown(text)], Page()))
    assert {token.tag for token in tokens} <= {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", ""}
    blocks = []
    for before, token in itertools.pairwise(tokens):
        if token.type == "inline":
            parts = [(part.type, part.content) for part in token.children]
            assert {kind for kind, _ in parts} <= {"text", "code_inline"}
            told = "".join(content for _, content in parts).strip("\u2003 ")
            blocks.append((before.tag, told, "".join(content for kind, content in parts if kind == "text")))
    return blocks


# What GitHub looks for in the text that it shows, outside code: its documentation, "Autolinked references and URLs",
# "Basic writing and formatting syntax" (mentions, emoji), and the autolinks of the GFM spec.
LINKED = re.compile(r"(^|\W)@\w|\w@\w|#\d|\bGH-\d|www\.|://|:([+-]1|100|1234|[0-9]*[a-z_][a-z0-9_+-]*):", re.I)


def assert_shown_as_it_is(text):
    text = visible(text)
    told = text.strip()
    blocks = shown(text)
    paragraph = [("p", told)] if told else []
    cells = [("th", "Name"), ("th", "Cell"), ("td", told), ("td", told), ("td", ""), ("td", "")]
    found = [(kind, content.replace("\u200b", "")) for kind, content, _ in blocks]
    assert found == [("h3", told), *paragraph, *cells, *paragraph]
    for _, _, plain in blocks:
        assert not LINKED.search(plain)


@example(text="    no code")
@given(text=st.text() | st.text("\\`*_{}[]<>()#+-=.!|~&$@:/'\"wa1 \t\n"))
def test_every_text_is_shown_as_it_is(text):
    assert_shown_as_it_is(text)


def test_no_text_is_a_mention_a_reference_or_a_link(hostile_names):
    for name in hostile_names:
        assert_shown_as_it_is(name)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("@octocat, a@b.c, @ 1", "@&#8203;octocat, a@&#8203;b.c, @ 1"),
        ("#123 GH-4, C #", "\\#&#8203;123 GH-&#8203;4, C \\#"),
        ("http://a.b www.c.d", "http:&#8203;//a.b www&#8203;.c.d"),
        ("net.yaml:12:3", "net.yaml:12:3"),  # no emoji, and somebody may want to copy it
        ("net.yaml:100:3, :tada:", "net.yaml:&#8203;100:3, :&#8203;tada:"),
        ("<!-- a --> </details>", r"\<!-- a --\> \</details\>"),
        ("__init__ a_b", r"\_\_init\_\_ a_b"),
    ],
)
def test_what_breaks_a_text_that_github_would_link(text, escaped):
    lines = formats.render("markdown", [Shown(text)], Page()).splitlines()
    assert lines[0] == f"### {escaped}"
    assert lines[2] == f"{escaped}  "
    assert lines[6] == f"| `{text}` | {escaped} |"


class Comment(Struct, frozen=True):
    """A report that is written as a comment."""

    shown: Table
    marker: str = "convcost test"

    def table(self):
        return self.shown


NAMED = (Column("Name", role="name"), Column("Number", right=True))


def table(rows=(), title="Title", fold="", more=(), **rest):
    rows = [Row(cells, weight, size) for *cells, weight, size in rows]
    return Table(title, (), NAMED, rows, ("Total", "3"), (), more, fold=fold, **rest)


def written(*reports):
    return formats.render("markdown", reports, Page())


def test_a_comment_begins_with_its_marker_and_folds_tables_away():
    layers = table(
        [("a", "1", "ordinary", 0.0)],
        title="Layers <i>",
        fold="Layers & <b>",
        code=("1 | max: 3",),
        commands=("convcost rewrite a.yaml",),
    )
    assert written(Comment(table([("b", "2", "ordinary", 0.0)], more=(layers,)))) == dedent(
        """\
        <!-- convcost test -->
        ### Title


        | Name | Number |
        | --- | ---: |
        | `b` | 2 |
        | **Total** | **3** |

        ### Layers \\<i\\>


        <details><summary>Layers &amp; &lt;b&gt;</summary>

        ```text
        1 | max: 3
        ```

        | Name | Number |
        | --- | ---: |
        | `a` | 1 |
        | **Total** | **3** |

        ```text
        convcost rewrite a.yaml
        ```

        </details>
        """
    )


def test_reports_of_one_comment_have_one_marker():
    shown = written(Comment(table()), Comment(table()))
    assert shown.count("<!--") == 1
    assert shown.count("### Title") == 2


def test_what_is_no_comment_is_never_cut():
    class Report(Struct, frozen=True):
        def table(self):
            return table([("a" * 100, str(k), "quiet", 0.0) for k in range(1000)])

    assert written(Report()).count("a" * 100) == 1000


def rows_of(shown):
    return re.findall(r"^\| `(.)+? (\d+)`", shown, re.MULTILINE)


def test_a_comment_leaves_out_quiet_rows_of_folded_tables_then_those_that_tell_least():
    """At 100 bytes a row, fewer than 640 of 1,500 have room."""
    wide = "w" * 80
    rows = [("f" * 80 + f" {k}", "1", "quiet" if k % 3 == 0 else "ordinary", float(k % 300)) for k in range(1000)]
    seen = [(f"{wide} {k}", "1", "quiet", 0.0) for k in range(500)]
    shown = written(Comment(table(seen, more=(table(rows, fold="More"),))))
    assert 63_000 < len(shown.encode()) < 64_000
    assert len(re.findall(r"^\| `w", shown, re.MULTILINE)) == 500
    kept = [int(k) for k in re.findall(r"^\| `f+ (\d+)`", shown, re.MULTILINE)]
    assert kept == sorted(kept)
    sizes = sorted((k % 300 for k in range(1000) if k % 3), reverse=True)
    assert sorted((k % 300 for k in kept), reverse=True) == sizes[: len(kept)]
    assert f"\n\nLeft out to fit a comment: {1000 - len(kept):,} of 1,000 rows, those that tell least.\n" in shown


def test_a_comment_leaves_out_folded_tables_when_their_rows_are_not_enough():
    """Each takes more than 600 bytes without its row."""
    layers = tuple(
        table([("a", "1", "ordinary", 0.0)], title=f"Table {k}", fold="Layers", commands=("x" * 600,))
        for k in range(200)
    )
    shown = written(Comment(table([("seen", "1", "ordinary", 0.0)], more=layers)))
    assert 62_000 < len(shown.encode()) < 64_000
    kept = [int(k) for k in re.findall(r"### Table (\d+)", shown)]
    assert kept == list(range(len(kept)))
    assert shown.endswith(f"</details>\n\nLeft out to fit a comment: {200 - len(kept)} tables.\n")
    assert "`seen`" in shown


def test_a_comment_leaves_out_reports_that_tell_least_and_at_last_rows_that_are_seen():
    reports = [
        Comment(table([("s" * 200, str(k), "ordinary", float(k))] * 200, title=f"Report {k}")) for k in (1, 3, 2)
    ]
    shown = written(*reports)
    assert len(shown.encode()) < 64_000
    assert re.findall(r"### Report (\d)", shown) == ["3"]
    assert shown.endswith("\n\nLeft out to fit a comment: 2 specs.\n")
    shown = written(Comment(table([("s" * 200, str(k), "ordinary", float(k)) for k in range(400)])))
    assert 63_000 < len(shown.encode()) < 64_000
    kept = [int(k) for k in re.findall(r"^\| `s+` \| (\d+) \|$", shown, re.MULTILINE)]
    assert kept == list(range(400 - len(kept), 400))


def test_a_comment_counts_bytes_not_characters():
    """Three bytes each."""
    shown = written(Comment(table([("層" * 100, str(k), "ordinary", 0.0) for k in range(500)], fold="More")))
    assert 63_000 < len(shown.encode()) < 64_000


def test_a_comment_has_no_endless_text():
    long = "x" * 301
    shown = written(Comment(Table(long, (long,), NAMED, [Row((long, long))], (long, long), (long,))))
    assert shown.count("x" * 299 + "…") == 7
    assert "x" * 300 not in shown


def test_a_comment_has_no_endless_list_of_lines_below():
    lines = tuple(f"line {k}" for k in range(1, 22))
    shown = written(Comment(Table("Title", (), NAMED, [], ("Total", "3"), lines)))
    assert re.findall(r"^line .*$|^… .*$", shown, re.MULTILINE) == [*lines[:19], "… and 2 more"]
