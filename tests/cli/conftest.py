"""What the tests of the command line share."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from io import BytesIO
from typing import NamedTuple

import pytest

from convcost import cli
from convcost.reports import formats
from convcost.reports.table import Page

NET = """\
name: net
input: [3, 12, 12]
layers:
  - conv: {out_channels: 256, kernel_size: 5, bias: false}
"""


@pytest.fixture(scope="session")
def screen():
    """Return a function that returns a result's table as a redirect gets it: 120 columns wide."""
    return lambda result: formats.render("table", [result.report()], Page(width=120))


class Result(NamedTuple):
    """How a command ended and what it wrote."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="session")
def command():
    """Return the words that start the command as a process."""
    return [sys.executable, "-m", "convcost"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in an empty folder that holds `net.yaml`, the worked example: 1,228,800 multiplications."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "COLUMNS", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    return tmp_path


@pytest.fixture
def convcost(folder, monkeypatch, capsys):
    """Return a function that runs a command in this process, as `main` does."""

    def run(*arguments, stdin=None):
        """Return the status, what went to standard output and what to standard error."""
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", _Stdin(stdin))
        monkeypatch.setattr(sys, "argv", ["convcost", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Result(ended.value.code or 0, captured.out, captured.err)

    return run


class _Stdin:
    def __init__(self, data):
        self.buffer = BytesIO(data)


@pytest.fixture
def process(command, folder):
    """Return a function that runs a command as a process of its own, without a terminal."""

    def run(*arguments, stdin=b"", env=None, **options):
        done = subprocess.run(
            [*command, *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            env={**os.environ, **(env or {})},
            **options,
            timeout=60,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def terminal(command, folder, on_terminal):
    """Return a function that runs a command on a terminal of some width and returns what it showed."""

    def run(*arguments, width, env=None):
        window = struct.pack("HHHH", 40, width, 0, 0)
        return Result(*on_terminal([*command, *arguments], window=window, env=env), "")

    return run
