"""`analyze --free`, `formulas`, `sweep` and `solve` on the command line."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import pairwise

import pytest


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_free_symbol_gives_formulas_in_every_format(convcost):
    table = convcost("analyze", "mobilenet_v1", "--free", "alpha", "--free", "r")
    assert table.status == 0
    assert "mults = 10,752·alpha²·r² + 1,125·alpha·r²/2 + 1,024,000·alpha" in table.out
    assert "For alpha a positive multiple of 1/32, r a positive multiple of 32." in table.out
    data = json.loads(convcost("analyze", "mobilenet_v1", "--free", "r", "-f", "json").out)
    assert data["total"]["mults"] == "22629*r**2/2 + 1024000"  # 10752 + 1125/2, and 1024 · 1000
    cells = rows(convcost("analyze", "mobilenet_v1", "--free", "r", "-f", "csv").out)
    assert cells[0]["mults"] == "216*r**2"  # 3 · 32 · 9 / 4
    assert (
        "| `conv_1` | conv | 32×r/2×r/2 | 864 | 216·r² |"
        in convcost("analyze", "mobilenet_v1", "--free", "r", "-f", "markdown").out
    )


def test_a_symbol_without_a_value_needs_no_option(convcost, folder):
    (folder / "n.yaml").write_text("symbols: {N: }\ninput: [N, 4, 4]\nlayers: [relu]\n", encoding="utf-8")
    assert "N×4×4" in convcost("analyze", "n.yaml").out
    failed = convcost("verify", "n.yaml")
    assert failed.status == 2
    assert "the symbol 'N' has no value" in failed.err


def test_a_symbol_on_which_nothing_depends_is_a_warning(convcost):
    result = convcost("analyze", "mobilenet_v1", "--free", "alpha")
    assert result.err == ""
    with_unused = "symbols: {n: 1}\ninput: [1, 4, 4]\nlayers: [{relu: , if: n + 1 > n}]\n"
    result = convcost("analyze", "-", "--free", "n", stdin=with_unused.encode())
    about = "warning: n occurs in no number\n --> <stdin>, symbols.n\n"
    assert (result.status, result.err) == (0, f"{about}  = help: layers read it, and nothing depends on it\n")


def test_a_symbol_that_nothing_reads_is_one_warning(convcost):
    for command in ("analyze", "--free", "n"), ("sweep", "--set", "n=1,2"), ("sweep", "--set", "n=1,2", "-f", "json"):
        result = convcost(command[0], "-", *command[1:], stdin=b"symbols: {n: 1}\ninput: [1, 4, 4]\nlayers: [relu]\n")
        assert (result.status, result.err.count("warning:")) == (0, 1)


def test_sorting_formulas_goes_by_their_values_at_the_defaults(convcost):
    data = json.loads(
        convcost("analyze", "mobilenet_v1", "--free", "r", "--top", "1", "--sort", "params", "-f", "json").out
    )
    assert [layer["name"] for layer in data["layers"]] == ["separable_conv_9/pointwise"]


def test_layers_tell_their_own_formulas(convcost):
    data = json.loads(convcost("analyze", "net.yaml", "-f", "json").out)
    expected = {"params": "Dk²·M·N", "mults": "Dk²·Dp²·M·N", "adds": "Dk²·Dp²·M·N"}
    assert data["layers"][0]["formula"] == expected
    assert "Dk²·Dp²·M·N" in convcost("analyze", "net.yaml", "--formulas").out
    assert "Dk²·Dp²·M·N" not in convcost("analyze", "net.yaml").out
    assert rows(convcost("analyze", "net.yaml", "--formulas", "-f", "csv").out)[0]["formula_mults"] == "Dk²·Dp²·M·N"


def test_formulas_of_a_type(convcost):
    result = convcost("formulas", "conv", "separable_conv")
    assert result.status == 0
    for text in ("Dk²·Dp²·M·N/g", "Dp²·M·m·(Dk² + N)", "1/N + 1/Dk²", "1/N + 1/(Dkh·Dkw)", "1/g", "m/N + m/Dk²"):
        assert text in result.out
    assert r"\frac{1}{N} + \frac{1}{D_{k}^{2}}" in convcost("formulas", "conv", "--latex").out


def test_formulas_with_numbers(convcost):
    sets = [f"--set={pair}" for pair in ("M=3", "N=256", "Dk=5", "Di=12", "s=1", "p=0", "d=1", "g=1")]
    data = json.loads(convcost("formulas", "conv", *sets, "-f", "json").out)
    (conv,) = data["formulas"]
    assert (conv["mul"], conv["output_size"]) == (1_228_800, 8)  # 8 · 8 · 256 · 3 · 5 · 5
    assert data["ratios"][0]["mults"] == "281/6400"  # 1/256 + 1/25
    assert convcost("formulas", "conv", "--set", "N=x").status == 2
    assert convcost("formulas", "cov").status == 2


def test_a_sweep(convcost):
    options = ("sweep", "mobilenet_v1", "--set", "alpha=0.25,0.5,0.7", "--set", "r=192:224:32")
    result = convcost(*options)
    assert result.status == 0
    assert "149,497,088" in result.out
    assert "alpha must be a multiple of 1/32" in result.out
    cells = rows(convcost(*options, "--where", "mults <= 100M", "--best", "params", "-f", "csv").out)
    assert [(row["alpha"], row["r"], row["mults"]) for row in cells] == [
        ("0.25", "192", "30212608"),
        ("0.25", "224", "41030272"),
    ]
    assert json.loads(convcost(*options, "-f", "json").out)["points"][3]["mults"] == 149_497_088
    assert convcost("sweep", "mobilenet_v1", "--set", "alpha=2:1").status == 2


def test_a_sweep_in_processes(process):
    options = ("sweep", "mobilenet_v1", "--set", "alpha=1/32:1.09:1/32", "--set", "r=32:288:32", "-f", "csv")
    assert process(*options, "--jobs", "2").out == process(*options).out


def test_a_solution(convcost):
    result = convcost("solve", "mobilenet_v1", "--for", "alpha", "--max", "mults=300M")
    assert result.status == 0
    for text in ("23/32", "299,724,592", "3/4", "325,400,448"):
        assert text in result.out


def test_no_solution(convcost):
    result = convcost("solve", "mobilenet_v1", "--for", "alpha", "--max", "mults=1M")
    assert result.status == 1
    assert "1,440,848" in result.out
    assert convcost("solve", "mobilenet_v1", "--for", "alpha", "--max", "mults").status == 2


def test_the_command_lists_symbols_where_no_values_are_given(convcost):
    found = convcost("sweep", "mobilenet_v1")
    assert found.status == 0
    assert found.out == (
        "MobileNetV1: its symbols\n"
        "\n"
        "Symbol     Default  Multiple of  Values to try  Read by\n"
        "────────────────────────────────────────────────────────────────────────────────────\n"
        "alpha            1         1/32  0.5,0.75,1     out_channels of conv, separable_conv\n"
        "r              224           32  160:224:32     input\n"
        "deep             5               3:5            repeat of separable_conv\n"
        "classes       1000               500,750,1000   out_features of linear\n"
        "────────────────────────────────────────────────────────────────────────────────────\n"
        "4 symbols\n"
        "\n"
        "Their costs: convcost sweep mobilenet_v1 --set alpha=0.5,0.75,1\n"
    )
    assert convcost("sweep", "mobilenet_v1", "-f", "csv").out.splitlines()[1] == (
        'alpha,1,1/32,"0.5,0.75,1","out_channels of conv, separable_conv"'
    )
    assert convcost("sweep", "mobilenet_v1", "--best", "mults").status == 2
    assert "symbols` in the file declares some" in convcost("sweep", "examples/one_5x5").out


@pytest.mark.parametrize(
    "arguments",
    [
        ("sweep", "mobilenet_v1"),
        ("sweep", "mobilenet_v1", "--set", "alpha=0.5,1"),
        ("solve", "mobilenet_v1", "--for", "alpha", "--max", "mults=300M"),
        ("solve", "mobilenet_v1", "--for", "alpha", "--max", "mults=1M"),
        ("formulas", "conv"),
        ("analyze", "mobilenet_v1", "--free", "alpha", "--top", "3"),
    ],
)
def test_no_blank_lines_follow_each_other_on_a_terminal(terminal, arguments):
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal(*arguments, width=100).out).splitlines()
    assert len(lines) > 5
    assert not any(not line.strip() and not after.strip() for line, after in pairwise(lines))


def test_a_number_of_repetitions_and_a_step(convcost):
    result = convcost("solve", "mobilenet_v1", "--for", "deep", "--max", "mults=1G", "-f", "json")
    # 568,740,352 with 5, and 9 · 14² · 512 + 14² · 512² = 52,283,392 for each more: 8 more are 987,007,488
    assert json.loads(result.out)["best"]["value"] == "13"
    assert json.loads(result.out)["best"]["mults"] == 568_740_352 + 8 * 52_283_392
    result = convcost("solve", "mobilenet_v2", "--for", "alpha", "--max", "mults=200M", "--step", "1/20", "-f", "json")
    assert json.loads(result.out)["step"] == "1/20"
    assert convcost("solve", "mobilenet_v2", "--for", "alpha", "--max", "mults=200M", "--step", "x").status == 2
