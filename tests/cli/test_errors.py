"""How the command ends, whatever happens in it: its status, and what it says; in this process."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import warnings

import pytest

import convcost as api
from convcost import __main__, _startup
from convcost.cli import app, streams
from convcost.errors import ErrorDetail, OptionError
from convcost.registry import PluginWarning


@pytest.fixture
def ends(monkeypatch, capsys):
    """Return a function that says how the command ends in which this happens."""

    def ends(error):
        def fail():
            raise error

        monkeypatch.setattr(app, "app", fail)
        with pytest.raises(SystemExit) as ended:
            app.main()
        shown = capsys.readouterr()
        assert shown.out == ""
        return ended.value.code, shown.err

    return ends


def space(number, file=None):
    return OSError(number, os.strerror(number), file)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (SystemExit(), 0, ""),
        (SystemExit(None), 0, ""),
        (SystemExit(1), 1, ""),
        (SystemExit("a reason"), 1, ""),
        (KeyboardInterrupt(), 130, ""),
        (
            OptionError(ErrorDetail("an option is wrong", help="another")),
            2,
            "error: an option is wrong\n = help: another\n",
        ),
        (
            MemoryError(),
            2,
            "error: there is not enough memory for this\n = help: a smaller network, or fewer layers or points\n",
        ),
        (
            RecursionError(),
            2,
            "error: the input nests too deep\n = help: expressions, blocks and branches that nest less\n",
        ),
        (space(errno.ENOSPC), 2, "error: standard output cannot be written: No space left on device\n"),
        (space(errno.EIO), 2, "error: standard output cannot be written: Input/output error\n"),
    ],
)
def test_how_the_command_ends(error, status, text, ends):
    assert ends(error) == (status, text)


@pytest.mark.parametrize("error", [ValueError("x"), space(errno.ENOSPC, "a file"), space(errno.ENOENT)])
def test_any_other_error_is_a_bug_with_its_place(error, ends):
    status, text = ends(error)
    line = ends.__code__.co_firstlineno + 2  # `raise error`
    assert status == 3
    assert text == (
        f"error: this is a bug in convcost {api.__version__}, not in your spec\n"
        f" = found: {type(error).__name__}: {error}\n"
        f" = note: at {__file__}:{line}\n"
        " = help: please report it with the spec that shows it\n"
    )


def test_the_working_directory_is_gone(ends, monkeypatch):
    def gone():
        raise FileNotFoundError(errno.ENOENT, "gone")

    monkeypatch.setattr(app.Path, "cwd", gone)
    text = "error: the working directory does not exist any more\n = help: go to one that does\n"
    assert ends(FileNotFoundError(errno.ENOENT, "gone")) == (2, text)
    assert ends(OptionError(ErrorDetail("another"))) == (2, text)  # which follows from that


def test_no_error(monkeypatch):
    monkeypatch.setattr(app, "app", lambda: None)
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 0


def test_a_warning_of_a_package_is_a_line_and_others_are_as_python_has_them(monkeypatch, capsys):
    monkeypatch.setattr(app, "app", lambda: None)
    monkeypatch.setattr(warnings, "showwarning", None)
    shown = []
    monkeypatch.setattr(app, "_python_shows", lambda *given, **more: shown.append((*given, more)))
    with pytest.raises(SystemExit):
        app.main()
    warnings.showwarning(PluginWarning("a \x1b[1m name"), PluginWarning, "file.py", 1)
    another = UserWarning("another")
    warnings.showwarning(another, UserWarning, "file.py", 1, line="code")
    assert capsys.readouterr().err == "warning: a \\x1b[1m name\n"
    assert shown == [(another, UserWarning, "file.py", 1, {"line": "code"})]


# the program


@pytest.fixture
def interrupts():
    """Put back who handles interruptions."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_program_handles_interruptions_where_nobody_else_does(monkeypatch, interrupts):
    seen = []

    def run():
        seen.append(signal.getsignal(signal.SIGINT))
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "main", run)
    for before, within, after in (
        (signal.default_int_handler, signal.default_int_handler, signal.SIG_IGN),
        (_startup.leave, signal.default_int_handler, signal.SIG_IGN),
        (signal.SIG_IGN, signal.SIG_IGN, signal.SIG_IGN),
    ):
        signal.signal(signal.SIGINT, before)
        with pytest.raises(SystemExit) as ended:
            __main__.main()
        assert ended.value.code == 130
        assert (seen.pop(), signal.getsignal(signal.SIGINT)) == (within, after)


def test_streams_that_are_closed_are_opened(monkeypatch):
    opened = []

    def state(descriptor):
        if descriptor != 1:
            raise OSError(errno.EBADF, "closed")

    monkeypatch.setattr(os, "fstat", state)
    monkeypatch.setattr(os, "open", lambda *given: opened.append(given))
    __main__._fill_streams()
    monkeypatch.undo()
    assert opened == [(os.devnull, os.O_RDWR)] * 2


def test_an_end_at_once_and_one_that_puts_back(monkeypatch):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(_startup.atexit, "_ncallbacks", lambda: 0)
    monkeypatch.setattr(_startup, "_COMMAND", True)
    monkeypatch.delitem(sys.modules, "threading")
    with pytest.raises(SystemExit) as later:
        _startup.end(5)  # as `os._exit` comes back here
    assert (ended, later.value.code) == ([5], 5)
    _startup.leave(signal.SIGINT, None)
    assert ended == [5, 130]


# the streams


class Unwritable(io.StringIO):
    """A stream of a full disk."""

    def flush(self):
        raise OSError(errno.ENOSPC, "full")


def test_streams_that_are_not_there_or_full(monkeypatch):
    for stream in None, Unwritable():
        monkeypatch.setattr(sys, "stderr", stream)
        streams.show_error("lost")  # and that is all
        assert streams.flush() is None
    monkeypatch.setattr(sys, "stdout", Unwritable())
    assert streams.flush().errno == errno.ENOSPC


def test_what_is_left_of_a_stream_that_cannot_be_written_goes_nowhere(tmp_path):
    with (tmp_path / "file").open("w") as file:
        file.write("left")
        streams.discard(file)
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize(
    ("text", "colored"),
    [
        ("error: x: y\n = help: z", "\x1b[1;31merror\x1b[0m\x1b[1m: x: y\x1b[0m\n = help: z"),
        ("warning: x", "\x1b[1;33mwarning\x1b[0m\x1b[1m: x\x1b[0m"),
        ("note: x", "note: x"),
    ],
)
def test_the_first_line_of_an_error_has_a_colour_on_a_terminal(text, colored, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    assert streams.colored(text) == text
    stream.isatty = lambda: True
    assert streams.colored(text) == colored
    monkeypatch.setenv("NO_COLOR", "1")
    assert streams.colored(text) == text
    monkeypatch.setattr(sys, "stderr", None)
    assert streams.colored(text) == text


@pytest.mark.parametrize(
    ("given", "kept"),
    [("80", "80"), (" 080 ", "80"), ("9999", "9999"), ("10000", "10000"), ("99999", "10000"), ("0", None), ("²", None)],
)
def test_the_width_that_the_environment_gives(given, kept, monkeypatch):
    monkeypatch.setenv("COLUMNS", given)
    monkeypatch.delenv("LINES", raising=False)
    streams.limit_widths()
    assert (os.environ.get("COLUMNS"), os.environ.get("LINES")) == (kept, None)
