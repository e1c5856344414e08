"""Warnings about specs at the command line: after the results, in JSON, as errors with `--strict`, once each."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from convcost import Model
from convcost.cli import notices
from convcost.errors import SpecError, WarningDetail

TEXT = """\
symbols: {n: 8, gone: 1}
input: [3, n, n]
layers:
  - conv: {out_channels: 4, kernel_size: 3}
  - conv: {out_channels: 4, kernel_size: 3}
budget: {mults: 1M}
"""
WARNING = """\
warning: nothing reads the symbol 'gone'
 --> warns.yaml:1:17, symbols.gone
  |
1 | symbols: {n: 8, gone: 1}
  |                 ^
  = help: remove it, or read it
"""
DOCUMENT = {
    "message": "nothing reads the symbol 'gone'",
    "file": "warns.yaml",
    "line": 1,
    "column": 17,
    "path": "symbols.gone",
    "found": None,
    "help": "remove it, or read it",
    "note": None,
}
COMMANDS = [
    "analyze warns.yaml",
    "analyze warns.yaml --free n",
    "analyze warns.yaml warns.yaml",
    "analyze net.yaml warns.yaml",
    "compare warns.yaml",
    "compare net.yaml warns.yaml net.yaml",
    "compare warns.yaml net.yaml",
    "compare net.yaml warns.yaml",
    "diff warns.yaml warns.yaml",
    "diff net.yaml warns.yaml",
    "verify warns.yaml",
    "sweep warns.yaml --set n=8,9",
    "search warns.yaml --set n=8,9 --best mults",
    "solve warns.yaml --for n --max mults=1M",
    "solve warns.yaml --for n --max mults=1",
    "rewrite warns.yaml --to separable",
    "suggest warns.yaml --max mults=1M",
    "check warns.yaml",
]
"""Commands that read the spec."""


@pytest.fixture(autouse=True)
def spec(folder):
    (folder / "warns.yaml").write_text(TEXT, encoding="utf-8")


def status(line):
    return 1 if line.endswith("mults=1") else 0


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_shows_each_warning_once_and_ends_as_without(line, convcost):
    result = convcost(*line.split())
    assert (result.status, result.err) == (status(line), WARNING)
    data = json.loads(convcost(*line.split(), "-f", "json").out)
    found = [report["warnings"] for report in (data if isinstance(data, list) else [data])]
    assert [each for each in found if each] == [[DOCUMENT]] * max(1, line.count("analyze") * line.count("warns"))


@pytest.mark.parametrize("line", COMMANDS)
def test_warnings_are_errors_where_strictness_is_asked_for(line, convcost, folder):
    *words, last = line.split()
    result = convcost(*words, last, "--strict", "-f", "json")
    assert result.out == ""
    assert result.status == 2
    assert result.err == WARNING.replace("warning:", "error:")
    clean = [word.replace("warns.yaml", "clean.yaml") for word in (*words, last)]
    (folder / "clean.yaml").write_text(TEXT.replace(", gone: 1", ""), encoding="utf-8")
    assert convcost(*clean, "--strict")[::2] == (status(line), "")


def test_rewritten_text_on_standard_output_stays_alone(convcost):
    result = convcost("rewrite", "warns.yaml", "--to", "separable", "-o", "-")
    assert result.out.splitlines()[1] == "symbols: {n: 8, gone: 1}"  # behind the comment on the rewrite
    assert result.err == WARNING
    assert convcost("rewrite", "warns.yaml", "--to", "separable", "-o", "-", "--strict")[:2] == (2, "")


def test_strict_writes_no_file(convcost, folder):
    for line in "analyze warns.yaml -o cost.json", "rewrite warns.yaml --to separable -o new.yaml", "init warns.yaml":
        before = sorted(path.name for path in folder.iterdir())
        assert convcost(*line.split(), "--strict").status == 2
        assert sorted(path.name for path in folder.iterdir()) == before


def test_init_warns_too(convcost):
    assert convcost("init", "warns.yaml")[::2] == (0, WARNING)


def test_check_is_strict_with_limits_and_specs(convcost, folder):
    (folder / "more").mkdir()  # specs beside the models that no budget is for are warned of
    (folder / "more/clean.yaml").write_text(TEXT.replace(", gone: 1", ""), encoding="utf-8")
    budgets = "budgets:\n  - {metric: mults, max: 1M, warn: 0%}\n"
    (folder / "convcost.yaml").write_text(f"convcost: 2\nmodels: more/clean.yaml\n{budgets}", encoding="utf-8")
    assert convcost("check").status == 0
    assert convcost("check", "--strict")[::2] == (1, "")
    (folder / "convcost.yaml").write_text(f"convcost: 2\nmodels: warns.yaml\n{budgets}", encoding="utf-8")
    assert convcost("check", "--strict")[:2] == (2, "")


def test_strictness_ends_with_its_command():
    warning = WarningDetail("this looks wrong")
    with notices.strictly(True), pytest.raises(SpecError, match="error: this looks wrong"):
        notices.refuse([warning])
    notices.refuse([warning])


def test_strict_executes_nothing(convcost, monkeypatch):
    monkeypatch.setattr(Model, "verify", lambda *given, **options: pytest.fail("it was executed"))
    assert convcost("verify", "warns.yaml", "--strict")[:2] == (2, "")


def test_of_a_file_since_a_revision_only_what_it_is_now_is_warned_of(convcost, folder):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder)]
    for words in ["init", "-q"], ["add", "."], ["commit", "-qm", "first"]:
        subprocess.run([*git, *words], check=True, timeout=60)
    (folder / "warns.yaml").write_text(TEXT.replace(", gone: 1", ""), encoding="utf-8")
    assert convcost("diff", "warns.yaml", "--strict")[::2] == (0, "")
    assert json.loads(convcost("diff", "warns.yaml", "-f", "json").out)["warnings"] == []
    (folder / "warns.yaml").write_text("# a comment\n" + TEXT, encoding="utf-8")
    assert convcost("diff", "warns.yaml").err.splitlines()[1] == " --> warns.yaml:2:17, symbols.gone"


def test_many_warnings_are_counted(convcost, folder):
    symbols = "".join(f"  s{number}: 1\n" for number in range(25))
    (folder / "many.yaml").write_text(f"symbols:\n{symbols}input: [3, 8, 8]\nlayers: [relu]\n", encoding="utf-8")
    result = convcost("analyze", "many.yaml", "-f", "json")
    assert result.err.count("warning: ") == 20
    assert result.err.endswith("\n\n… and 5 more warnings; -f json lists them all\n")
    assert len(json.loads(result.out)["warnings"]) == 25


def test_a_terminal_shows_warnings_last_and_in_colour(terminal):
    shown = terminal("analyze", "warns.yaml", width=120)
    assert shown.status == 0
    assert shown.out.endswith(
        "\n\n\x1b[1;33mwarning\x1b[0m\x1b[1m: nothing reads the symbol 'gone'\x1b[0m\n" + WARNING.split("\n", 1)[1]
    )
    plain = terminal("analyze", "warns.yaml", width=120, env={"NO_COLOR": "1"}).out
    assert plain.endswith("\n\n" + WARNING)
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown.out) == plain


@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full", "| head -c 1", "2>&1 | head -c 1"])
def test_a_warning_breaks_no_pipe(redirect, command, folder):
    line = f"{' '.join(command)} analyze warns.yaml {redirect}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=folder, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


def test_python_has_them_too(folder):
    code = "import convcost as c; print(*c.load('warns.yaml').warnings); print(*c.diff(*['warns.yaml'] * 2).warnings)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == (WARNING * 2, "")
