"""The progress bar: what it says, and that only a terminal sees it, only when it takes long."""

from __future__ import annotations

import io
import os
import pty
import re
import sys
import termios
import time
from contextlib import suppress

import pytest

from convcost.cli import progress
from convcost.cli.progress import Operations, Progress
from convcost.errors import cells
from convcost.spec import limits

WORK = """
import time
from convcost.cli import progress
with progress.shown("a net", "points") as bar:
    for _ in range({steps}):
        bar.advance(5, 1000)
        time.sleep(0.1)
"""


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_the_time_left_follows_from_the_pace():
    clock = Clock()
    bar = Progress("net", "points", clock)
    assert bar.seconds_left() is None
    clock.now = 2.0
    bar.advance(1_000, 4_100)
    assert bar.seconds_left() == pytest.approx(6.2)  # 3,100 at 500 a second
    clock.now = 5.0
    assert bar.seconds_left() == pytest.approx(3.2)  # three seconds later
    clock.now = 99.0
    assert bar.seconds_left() == 0
    clock.now = 100.0
    bar.advance(1_000, 4_100)
    assert bar.seconds_left() == pytest.approx(105)  # 2,100 at 20 a second


def test_what_a_bar_says():
    clock = Clock()
    bar = Progress("net", "points", clock)
    assert bar.line(80) == "           starting, net"
    bar.advance(0, 4_100)
    assert bar.line(80) == "           4,100 points to do, net"
    clock.now = 2.0
    bar.advance(1_025, 4_100)
    assert bar.line(80) == "██▌        25 % of 4,100 points, about 6 s left, net"  # a quarter of ten cells
    clock.now = 60.0
    bar.advance(1_025, 4_100)
    assert bar.line(80) == "█████      50 % of 4,100 points, about 1 min 0 s left, net"
    bar.advance(2_050, 4_100)
    assert bar.line(80) == "██████████ 100 % of 4,100 points, about 0 s left, net"


@pytest.mark.parametrize(("title", "shown"), [("n" * 99, "n" * 5), ("層" * 9, "層" * 2), ("\x1b[1m", "\\x1b[")])
def test_a_long_or_hostile_title_stays_on_the_line(title, shown):
    assert Progress(title, "points").line(26) == f"           starting, {shown}"
    assert all(cells(Progress(title, "points").line(width)) <= width for width in range(30))


def test_the_operations_of_a_verification_are_added_up():
    bar = Progress("net", "operations", Clock())
    operations = Operations(bar)
    operations.planned({"conv": 4_000, "relu": 100})
    assert bar.line(80) == "           4,100 operations to do, net"
    operations.performed("conv", 1_000, 2.0)
    operations.performed("relu", 25, 2.0)
    assert bar.line(80).startswith("██▌        25 % of 4,100 operations, ")


@pytest.fixture
def seen(on_terminal):
    """Return a function that runs a program whose standard error is a terminal, and returns what it shows there."""

    def run(program, **env):
        status, shown = on_terminal([sys.executable, "-c", program], streams=["stderr"], env=env)
        assert status == 0
        return shown

    return run


def test_a_terminal_sees_it_after_a_second_and_nothing_of_it_stays(seen):
    shown = seen(WORK.format(steps=20))
    *lines, last = shown.split("\x1b[K")
    assert last == ""
    assert lines[-1] == "\r"
    assert lines[0].startswith("\r▌")  # after a second: 10 or 11 of 200 steps, a twentieth of ten cells
    assert all("% of 1,000 points, about " in line and line.endswith("left, a net") for line in lines[:-1])


@pytest.fixture
def watched_steps(monkeypatch):
    """Return a function that works some steps in this process, and returns what a terminal shows of it meanwhile."""
    monkeypatch.setattr(progress, "_AFTER", 0.05)
    monkeypatch.setattr(progress, "_EVERY", 0.01)

    def watched_steps(seconds, stream=None, **env):
        main, side = pty.openpty()
        termios.tcsetwinsize(side, (24, 60))
        for name, value in {"TERM": "xterm", **env}.items():
            monkeypatch.setenv(name, value)
        with os.fdopen(side, "w", encoding="utf-8") as terminal, monkeypatch.context() as here:
            here.setattr(sys, "stderr", terminal if stream is None else stream)
            with progress.shown("a net", "points") as bar:
                bar.advance(5, 1000)
                time.sleep(seconds)
            terminal.write("end")
        shown = b""
        while not shown.endswith(b"end"):
            shown += os.read(main, 65_536)
        os.close(main)
        return shown.decode().removesuffix("end")

    return watched_steps


def test_the_bar_is_as_wide_as_the_terminal_and_nothing_of_it_stays(watched_steps):
    *lines, last = watched_steps(0.15).split("\x1b[K")
    assert (lines[-1], last) == ("\r", "")
    assert lines[:-1]
    assert all(re.fullmatch(r"\r +0 % of 1,000 points, about \d+ s left, a net", line) for line in lines[:-1])


def test_what_takes_less_than_a_second_shows_nothing(watched_steps):
    assert watched_steps(0.01) == ""


def test_a_dumb_terminal_sees_nothing(watched_steps):
    assert watched_steps(0.15, TERM="dumb") == ""


def test_a_pipe_sees_nothing(watched_steps):
    pipe = io.StringIO()
    assert (watched_steps(0.15, stream=pipe), pipe.getvalue()) == ("", "")


def test_a_terminal_that_goes_away_is_no_error(monkeypatch):
    main, side = pty.openpty()
    os.close(main)
    with os.fdopen(side, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        waits = iter((False, True))
        progress._draw(Progress("a net", "points"), lambda seconds: next(waits))  # its second `wait` is not reached
        assert next(waits) is True
        monkeypatch.undo()
        with suppress(OSError):
            terminal.close()


def test_the_number_of_layers_is_shown_where_unrolling_takes_a_while(monkeypatch):
    shown = io.StringIO()
    shown.isatty = lambda: True
    times = iter([100.0, 100.5, 101.5, 101.55, 102.0, 200.0, 300.0])
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(progress, "monotonic", lambda: next(times))
    monkeypatch.setattr(progress, "_started", 0.0)
    monkeypatch.setattr(progress, "_written_at", 0.0)
    notify = []
    monkeypatch.setattr(limits, "notify", notify.append)
    progress.watch_layers()
    (layers,) = notify
    layers(0, False)  # at 100.0: it begins
    layers(500, False)  # half a second later: not yet
    layers(1_500, False)
    layers(1_600, False)  # too soon after the last line
    layers(2_000, True)
    progress.clear()
    progress.clear()  # there is nothing any more
    layers(0, False)
    layers(19_999, True)  # at 300.0: at once, and of few layers
    assert shown.getvalue() == (
        "\r1,500 layers so far\x1b[K\rcounting 2,000 layers …\x1b[K\r\x1b[K\rcounting 19,999 layers …\x1b[K"
    )


def test_layers_are_not_watched_without_a_terminal(monkeypatch):
    monkeypatch.setattr(limits, "notify", pytest.fail)
    for stream in None, io.StringIO():
        monkeypatch.setattr(sys, "stderr", stream)
        progress.watch_layers()


@pytest.mark.parametrize(
    ("arguments", "total"),
    [
        (["verify", "mobilenet_v1", "--set", "alpha=1/4", "--full", "-f", "json"], r"[1-9]\d* operations"),
        (["sweep", "mobilenet_v1", "--set", "alpha=1/32:1.1:1/32", "-f", "json"], "35 points"),
        (["verify", "--formulas"], "2 layer types"),
    ],
)
def test_commands_that_may_take_long_have_a_bar(arguments, total, seen):
    program = f"""
import sys
from convcost.cli import main, progress
progress._AFTER, progress._EVERY = 0.0, 0.01
progress.Progress.line = lambda self, width: f"{{self._total}} {{self._unit}}"
from convcost.verification import formulas
formulas.types = lambda: ["conv", "relu"]
sys.argv = ["convcost", *{arguments}]
main()
"""
    assert re.search(rf"\r{total}\x1b", seen(program))
