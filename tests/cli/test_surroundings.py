"""What a command runs in: closed and full streams, odd sizes of terminals, a folder that is gone, signals."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from convcost import _startup

NET = "input: [3, 4, 4]\nlayers:\n  - conv: {out_channels: 5, kernel_size: 3}\nbudget: {params: 139}\n"  # 5 · 27 + 5


def shell(script, folder, **more):
    """Run a script of the shell in which `convcost` is the command."""
    function = f'convcost() {{ {shlex.quote(sys.executable)} -m convcost "$@"; }}\n'
    words = ["bash", "-c", function + script]
    return subprocess.run(words, capture_output=True, cwd=folder, check=False, timeout=60, **more)


# streams


@pytest.mark.parametrize("how", ["2>&-", "2>/dev/full", "<&- 2>&-"])
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("analyze none.yaml", 2),
        ("check none.yaml", 2),
        ("check net.yaml", 1),
        ("check net.yaml --nope", 2),
        ("nope", 2),
        ("analyze net.yaml", 0),
        ("check net.yaml --config none.yaml", 2),
        ("sweep net.yaml --set a=1", 2),
    ],
)
def test_the_status_is_right_whatever_becomes_of_standard_error(how, command, status, folder):
    (folder / "net.yaml").write_text(NET)
    done = shell(f"convcost {command} {how}", folder)
    assert (done.returncode, done.stderr) == (status, b"")
    assert bool(done.stdout) == (status < 2)


@pytest.mark.parametrize("command", ["analyze net.yaml", "--help", "analyze --help", "--version", "specs", "schema"])
def test_a_full_disk_is_an_error_of_output(command, folder):
    done = shell(f"convcost {command} >/dev/full", folder)
    assert done.returncode == 2
    assert done.stderr == b"error: standard output cannot be written: No space left on device\n"
    assert shell(f"convcost {command} >/dev/full 2>&1", folder).returncode == 2


def test_there_is_no_standard_input(folder):
    done = shell("convcost analyze - <&-", folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == (
        b"error: '<stdin>' cannot be read: it is closed\n = help: give a file, or send the text by a pipe\n"
    )


def test_a_file_never_takes_the_place_of_a_closed_stream(folder):
    """Else what is meant for a stream could land in it."""
    done = shell("convcost analyze net.yaml -o csv:a.csv <&- >&- 2>&-", folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    script = "from convcost.__main__ import _fill_streams; import os; os.close(0); os.close(2); _fill_streams()\n"
    script += "file = open('x', 'w'); print(file.fileno() > 2)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60).stdout == b"True\n"
    )


@pytest.mark.parametrize("arguments", ["check --accept", "check --accept -o json:report.json"])
def test_what_cannot_be_shown_is_not_changed(arguments, folder):
    (folder / "net.yaml").write_text(NET)
    (folder / "report.json").write_text("old")
    done = shell(f"convcost {arguments} -o text net.yaml >/dev/full", folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"error: standard output cannot be written: No space left on device\n"
    assert (folder / "net.yaml").read_text() == NET
    assert (folder / "report.json").read_text() == "old"
    assert sorted(path.name for path in folder.iterdir()) == ["net.yaml", "report.json"]
    assert shell("convcost check --accept net.yaml", folder).returncode == 0
    assert (folder / "net.yaml").read_text() == NET.replace("139", "140")


def test_a_new_file_is_taken_back_where_the_rest_cannot_be_shown(folder):
    for command in "init net.yaml", "rewrite net.yaml --to separable -o new.yaml", "analyze net.yaml -o csv:a -o text":
        assert shell(f"convcost {command} >/dev/full", folder).returncode == 2
        assert [path.name for path in folder.iterdir()] == ["net.yaml"]


# the terminal


@pytest.mark.parametrize("words", [["--help"], ["analyze", "net.yaml"], ["--nope"]])
@pytest.mark.parametrize("columns", ["0", "1", "-5", "x", "²", "١٢", "1000000000", "9" * 5000, "", " 80 ", "007"])
def test_any_size_of_a_terminal_that_the_environment_gives(columns, words, terminal):
    start = time.monotonic()
    env = dict.fromkeys(("COLUMNS", "LINES", "TERMINAL_WIDTH"), columns)  # each of them is read
    status, out, _ = terminal(*words, width=80, env=env)
    assert status == (2 if words == ["--nope"] else 0)
    assert "bug" not in out
    assert time.monotonic() - start < 10


def test_a_size_that_is_none_counts_as_not_given(terminal):
    expected = terminal("analyze", "--help", width=80)
    for columns in "0", "-5", "²":
        assert terminal("analyze", "--help", width=80, env={"COLUMNS": columns}) == expected


INVISIBLE = {
    "right to left": "a\u202eb",
    "isolated": "a\u2066b",
    "zero width": "a\u200bb",
    "byte order": "a\ufeffb",
    "escape": "a\x1b[31mb",
    "line": "a\nb",
    "carriage": "a\rb",
    "no text": "a\udcffb",
}


@pytest.mark.parametrize("name", INVISIBLE)
@pytest.mark.parametrize(
    "words", [["{}"], ["--{}"], ["analyze", "--{}"], ["analyze", "x", "--batch", "{}"], ["specs", "x", "{}"]]
)
def test_the_option_parser_shows_what_is_invisible(words, name, convcost):
    text = INVISIBLE[name]
    done = convcost(*[word.format(text) for word in words])
    assert done.status == 2
    assert all(char.isprintable() or char == "\n" for char in done.err)
    escaped = {text.encode("unicode_escape").decode(), "".join(c if c >= " " else f"\\x{ord(c):02x}" for c in text)}
    assert any(each in done.err for each in escaped)  # typer has its own way for control characters


def test_the_option_parser_of_a_process_shows_what_is_no_text(process):
    done = process("analyze", os.fsencode("--a\udcffb"))
    assert done.status == 2
    assert "--a\\udcffb" in done.err


def test_no_error_is_a_command_to_a_log(folder, process):
    """GitHub obeys `##[command]` anywhere in a line, on standard error, too."""
    for words in (
        ["analyze", "##[add-mask]x"],
        ["check", "--config", "##[add-mask]x"],
        ["analyze", "--##[add-mask]x"],
        ["##[add-mask]x"],
        ["analyze", "bad.yaml"],
    ):
        (folder / "bad.yaml").write_text("layers: [##[add-mask]x]\n")
        done = process(*words)
        assert done.status == 2
        assert "##[" not in done.err
        assert "##\\x5badd-mask]x" in done.err


# the working directory


@pytest.mark.parametrize("command", ["check", "check net.yaml", "analyze net.yaml", "init net.yaml", "diff net.yaml"])
def test_the_working_directory_is_gone(command, folder):
    (folder / "gone").mkdir()
    done = shell(f"cd gone; rmdir ../gone; convcost {command}", folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (
        "error: the working directory does not exist any more\n = help: go to one that does\n"
    )


def test_what_needs_no_working_directory_works_without(folder):
    (folder / "gone").mkdir()
    for command in "--help", "--version", "specs", f"analyze {folder}/net.yaml":
        done = shell(f"mkdir -p gone; cd gone; rmdir ../gone; convcost {command}", folder)
        assert (done.returncode, done.stderr) == (0, b""), command


# interruptions


@pytest.fixture
def interrupted(started, folder):
    """Return a function that says how a command ends that is interrupted after some seconds."""

    def interrupted(words, seconds):
        with started(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    return interrupted


HOOK = """\
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize(
    "module", ["msgspec", "convcost.spec", "yaml", "typer", "convcost.cli.app", "convcost.cli.analyze", "difflib"]
)
def test_an_interruption_ends_with_130_and_in_silence(module, command, folder):
    """At the import of a module, from the first one on; the last is imported on the way to an error."""
    (folder / "hook").mkdir()
    (folder / "hook/sitecustomize.py").write_text(HOOK)
    path = os.pathsep.join([str(folder / "hook"), *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [*command, "analyze", "mobilenet"]
    for at, status in [(module, 130), ("none", 2)]:
        env = {**os.environ, "PYTHONPATH": path, "INTERRUPT_AT": at}
        done = subprocess.run(words, env=env, cwd=folder, capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stdout) == (status, b"")
        assert done.stderr == b"" or status == 2


def test_the_command_is_known_by_how_it_is_started(monkeypatch):
    for first, words, expected in [
        ("/usr/bin/convcost", [], True),
        ("convcost.exe", [], True),
        ("-m", ["python", "-m", "convcost", "analyze"], True),
        ("-m", ["python", "-m", "pytest"], False),
        ("/usr/bin/pytest", [], False),
        ("", [], False),
        ("-c", ["python", "-c", "import convcost"], False),
    ]:
        monkeypatch.setattr(sys, "argv", [first])
        monkeypatch.setattr(sys, "orig_argv", words)
        assert _startup.is_command() is expected


def test_a_program_that_imports_convcost_handles_its_interruptions():
    script = "import signal, convcost; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60)
    assert done.stdout == b"True\n"


def test_only_the_command_changes_how_often_cycles_are_looked_for():
    program = (
        "import gc, sys; sys.argv[0] = {!r}; a = gc.get_threshold(); import convcost; print(gc.get_threshold() == a)"
    )
    for name, unchanged in (("notebook", "True"), ("/usr/bin/convcost", "False")):
        command = [sys.executable, "-c", program.format(name)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == f"{unchanged}\n"


def test_who_has_interruptions_ignored_is_not_interrupted(command, interrupted):
    script = f"trap '' INT; exec {shlex.join(command)} analyze net.yaml -f csv"
    status, out, err = interrupted(["bash", "-c", script], 0.15)
    assert (status, err) == (0, b"")
    assert b"conv_1" in out


def test_a_long_work_is_interrupted(command, interrupted):
    status, _, err = interrupted([*command, "verify", "vgg16", "--full", "--max-products", "16G"], 2)
    assert (status, err) == (130, b"")


def test_the_command_ends_at_once_unless_something_is_left_to_be_done():
    program = (
        "import sys; sys.argv[0] = {name!r}\n"
        "import convcost\n"
        "from convcost import _startup\n"
        "import atexit, threading, time\n"
        "{left}\n"
        "sys.stdout.write('buffered ')\n"  # an end at once does not write it
        "_startup.end(5)\n"
    )
    thread = "threading.Thread(target=lambda: (time.sleep(0.2), sys.stdout.write('thread'))).start()"
    for name, left, expected in [
        ("/usr/bin/convcost", "", ""),
        ("/usr/bin/convcost", "atexit.register(sys.stdout.write, 'put back')", "buffered put back"),
        ("/usr/bin/convcost", thread, "buffered thread"),
        ("notebook", "", "buffered "),
    ]:
        command = [sys.executable, "-c", program.format(name=name, left=left)]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
        assert (done.returncode, done.stdout, done.stderr) == (5, expected, "")
