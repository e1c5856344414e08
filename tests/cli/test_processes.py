"""The command as a process: pipes, terminals, colours, its status."""

from __future__ import annotations

import json
import re
import struct
import subprocess
from pathlib import Path

import pytest

import convcost as api
from convcost.cost.report import AnalysisReport
from convcost.reports import formats
from convcost.reports.table import Page

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def test_a_redirect_gets_120_columns_and_no_colour(process, screen):
    status, out, err = process("analyze", "mobilenet_v1", env={"TERM": "xterm-256color"})
    assert (status, err) == (0, "")
    assert out == screen(api.analyze("mobilenet_v1"))
    assert 100 < max(map(len, out.splitlines())) <= 120


def test_the_variable_columns_gives_a_redirect_its_width(process):
    out = process("analyze", "mobilenet_v1", env={"COLUMNS": "60"}).out
    assert 50 < max(map(len, out.splitlines())) <= 60
    wide = process("analyze", "mobilenet_v1", env={"COLUMNS": "1000"}).out
    assert "hidden" not in wide


@pytest.mark.parametrize("width", [80, 140])
def test_a_pipe_to_a_reader_on_a_terminal_has_its_width(width, command, folder, on_terminal):
    """As `convcost analyze … | less`: standard error is the terminal; and no colour, which a reader may not know."""
    script = f"{' '.join(command)} analyze mobilenet_v1 | cat > out.txt"
    window = struct.pack("HHHH", 40, width, 0, 0)
    status, shown = on_terminal(["/bin/sh", "-c", script], streams=("stderr",), window=window)
    assert (status, shown) == (0, "")
    out = (folder / "out.txt").read_text(encoding="utf-8")
    page = Page(width=width)
    assert out == formats.render("table", [AnalysisReport.of(api.analyze("mobilenet_v1"))], page)
    assert width - 20 < max(map(len, out.splitlines())) <= width


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(command, folder, started):
    """More than a pipe holds, and a reader that is gone before the first line."""
    arguments = ["analyze", *["mobilenet_v1"] * 8, "-f", "json"]
    for lines in 1, 0:
        with started([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            for _ in range(lines):
                assert process.stdout.readline() == b"[{\n"
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait() == 0


def test_a_closed_standard_output_is_an_error_of_output(command, folder):
    script = f"{' '.join(command)} analyze net.yaml >&-"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == b"error: standard output cannot be written: it is closed\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_error_of_output(command, folder):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*command, "analyze", "net.yaml"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.returncode == 2
    assert done.stderr == b"error: standard output cannot be written: No space left on device\n"


def test_standard_input_from_a_pipe(folder, process):
    status, out, _ = process("analyze", "-", "-f", "json", stdin=(folder / "net.yaml").read_bytes())
    assert status == 0
    assert json.loads(out)["total"]["mults"] == 1_228_800


def test_an_encoding_without_our_signs_loses_signs_only(process):
    status, out, err = process("analyze", "net.yaml", env={"PYTHONIOENCODING": "ascii"})
    assert (status, err) == (0, "")
    assert "1,228,800" in out
    assert "256?8?8" in out


def test_a_wrong_spec_ends_with_status_2_and_tells_standard_error_only(process):
    status, out, err = process("analyze", "nowhere.yaml")
    assert (status, out) == (2, "")
    assert err.startswith("error: there is no file and no shipped spec 'nowhere.yaml'\n")


@pytest.mark.parametrize("width", [80, 140])
def test_a_terminal_gets_colours_within_its_width(width, terminal):
    status, out, _ = terminal("analyze", "mobilenet_v1", width=width)
    assert status == 0
    assert "\x1b[" in out
    text = ANSI.sub("", out)
    assert max(map(len, text.splitlines())) <= width
    expected = formats.render("table", [AnalysisReport.of(api.analyze("mobilenet_v1"))], Page(width=width, color=True))
    assert out == expected
    assert "568,740,352" in text
    whole = ANSI.sub("", terminal("analyze", "mobilenet_v1", "--layers", width=width).out)
    for layer in api.analyze("mobilenet_v1").layers:
        assert f"{layer.cost.mults:,}" in whole


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_may_ask_for_no_colour(env, terminal):
    status, out, _ = terminal("analyze", "net.yaml", width=60, env=env)
    assert status == 0
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 60


def test_the_variable_columns_overrides_the_terminals_width(terminal):
    out = ANSI.sub("", terminal("analyze", "net.yaml", width=200, env={"COLUMNS": "50"}).out)
    assert max(map(len, out.splitlines())) <= 50


def test_an_error_on_a_terminal_is_marked_in_colour_unless_there_is_none(terminal):
    coloured = terminal("analyze", "nowhere.yaml", width=80)
    bare = terminal("analyze", "nowhere.yaml", width=80, env={"NO_COLOR": "1"})
    assert coloured.status == bare.status == 2
    assert "\x1b[1;31merror" in coloured.out
    assert "\x1b" not in bare.out
    assert ANSI.sub("", coloured.out) == bare.out


def test_a_file_gets_the_plain_table_when_a_terminal_gets_the_drawn_one(folder, terminal, screen):
    terminal("analyze", "net.yaml", "-f", "table", "-o", "table:a.txt", width=80)
    assert (folder / "a.txt").read_text(encoding="utf-8") == screen(api.analyze("net.yaml"))


def test_rich_is_imported_for_no_table(command, terminal):
    """A third of a second that nobody need wait."""
    status, out, _ = terminal("analyze", "net.yaml", width=80, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert status == 0
    assert "\x1b[1mTotal" in out
    assert "convcost.reports.folding" in out  # what is imported is listed
    assert not re.search(r"\| +rich", out)
