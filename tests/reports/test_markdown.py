"""Markdown, for pull requests and READMEs: GitHub's dialect, every text harmless."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest


def test_a_report_in_markdown(small, render):
    assert render("markdown", small) == dedent(
        """\
        ### Small

        worked by hand\x20\x20
        input 4×6×6 · n = 8\x20\x20

        | Layer | Type | Output | Params | Mults | % | Ratio | 1/N + 1/Dk² | Notes |
        | --- | --- | --- | ---: | ---: | ---: | ---: | --- | --- |
        | `separable_conv_1` |  |  |  |  |  |  |  |  |
        | &emsp;`depthwise` | depthwise_conv | 4×4×4 | 36 | 576 | 5.6 | ≈23.611111 % | 1/8 + 1/9 |  |
        | &emsp;&emsp;`batch_norm` | batch_norm | 4×4×4 | 8 | 0 |  |  |  | folded |
        | &emsp;`pointwise` | pointwise_conv | 8×4×4 | 32 | 512 | 5.0 | ≈23.611111 % | 1/8 + 1/9 |  |
        | &emsp;&emsp;`batch_norm` | batch_norm | 8×4×4 | 16 | 0 |  |  |  | folded |
        | `wide` | conv | 8×4×4 | 584 | 9,216 | 89.4 | → ≈23.611111 % | 1/8 + 1/9 |  |
        | `residual_1` |  |  |  |  |  |  |  |  |
        | &emsp;`relu_1` | relu | 8×4×4 | 0 | 0 |  |  |  | 128 cmp |
        | `residual_1` | add | 8×4×4 | 0 | 0 |  |  |  | 128 add |
        | `global_avg_pool_1` | global_avg_pool | 8×1×1 | 0 | 0 |  |  |  | output, 128 add, 8 div |
        | **Total** | **8 layers** |  | **676** | **10,304** | **100.0** |  |  |  |

        10,304 macs · 10,560 adds · 20,864 flops · 7,488 useful mults · 24 buffers

        Counted for one input at inference; padding zeros multiply too; batch norms fold into the layer before them; macs = multiply–accumulates.

        Ratio: a separable convolution's mults as a share of the standard one's, 1/N + 1/Dk²; → marks what a standard one would cost as a separable one.
        """  # noqa: E501
    )


def cells(line):
    """Return the cells of a table's line, as GitHub splits them: at each pipe that no backslash escapes."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def test_every_line_of_the_table_has_all_columns(hostile, hostile_names, render):
    table = [line for line in render("markdown", hostile).splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(hostile_names) + 1 + 1  # heading and rule, the layers, the total
    assert {len(cells(line)) for line in table} == {9}


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
        unescaped = re.sub(r"\\[\\`*_{}\[\]<>()#+!|~&$-]", "", text)
        assert not re.search(r"[`*_\[\]<>|&]", unescaped), line


@pytest.mark.parametrize("name", ["a`b", "``", "a|b", "…"])
def test_a_name_keeps_its_characters(name, render):
    """Code, or escaped text where it holds a backquote."""
    spec = {"input": [2, 3], "layers": [{"relu": None, "name": name}]}
    shown = cells(render("markdown", spec).splitlines()[6])[0]
    assert re.sub(r"\\(.)", r"\1", shown).strip("`" if "`" not in name else "") == name
