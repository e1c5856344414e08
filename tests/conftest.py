"""What all tests share."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import subprocess
import termios
from contextlib import contextmanager
from threading import Timer

import pytest
from hypothesis import settings
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

import convcost

settings.register_profile("no clock", deadline=None, derandomize=True)  # what fails here fails everywhere
settings.load_profile("no clock")


@pytest.fixture(autouse=True)
def no_width(monkeypatch):
    """Forget the width that pytest's own processes have, so that a page is as wide as that of a file."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def watched():
    """Return a function that kills a process's whole group when the tests are killed before the block ends."""

    @contextmanager
    def watched(process):
        """Watch a process that leads a group; the watchdog reads the end of a pipe when the tests are gone."""
        watchdog = ["sh", "-c", 'read -r _ || kill -s KILL -- "-$1"', "watchdog", str(process.pid)]
        with subprocess.Popen(watchdog, stdin=subprocess.PIPE, start_new_session=True) as dog:
            try:
                yield process
            finally:
                dog.communicate(b"done\n")

    return watched


@pytest.fixture(scope="session")
def started(watched):
    """Return a function that starts a process which ends with the block, and is killed after a minute, or as said."""

    @contextmanager
    def started(command, seconds=60, **options):
        """Start a process that Ctrl-C interrupts, even where it does not interrupt the tests."""

        def kill():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # those that it has started, too

        # a program that a script starts in the background ignores Ctrl-C, and so would all that it starts
        default = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), "start_new_session": True}
        with subprocess.Popen(command, **default, **options) as process, watched(process):
            timer = Timer(seconds, kill)
            timer.start()
            try:
                yield process
                process.wait()
            finally:
                timer.cancel()
                kill()

    return started


@pytest.fixture(scope="session")
def on_terminal(started):
    """Return a function that runs a command on a terminal, and returns its status and what was shown."""

    def run(command, *, streams=("stdin", "stdout", "stderr"), window=None, env=None):
        main, side = pty.openpty()
        if window is not None:
            fcntl.ioctl(side, termios.TIOCSWINSZ, window)
        others = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        env = {**os.environ, "TERM": "xterm", **(env or {})}
        shown = b""
        with started(command, env=env, **(others | dict.fromkeys(streams, side))) as process:
            os.close(side)
            try:
                while part := os.read(main, 65_536):
                    shown += part
            except OSError:  # the other end is closed
                pass
            os.close(main)
        return process.returncode, shown.decode().replace("\r\n", "\n")

    return run


@pytest.fixture(scope="session")
def as_an_editor():
    """Return a function that reads YAML 1.2 as an editor does that has a schema."""

    def read(text):
        """Return numbers, truth values, texts, null, lists, and mappings whose keys are texts."""
        return _plain(YAML(typ="safe", pure=True).load(text))

    return read


def _plain(value):
    if isinstance(value, dict):
        return {str(key).lower() if isinstance(key, bool) else str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def check_schema():
    """Return a function that holds a schema to what an editor needs of it."""

    def check(schema):
        Draft7Validator.check_schema(schema)
        definitions = schema["definitions"]
        assert {text.removeprefix("#/definitions/") for text in _under("$ref", schema)} == definitions.keys()
        for pattern in _under("pattern", schema):
            assert not re.search(r"\(\?[^:=!]|\\[AZ]|[*+?}][+]", pattern)  # what only Python has
        for name, definition in definitions.items():
            _check_end(definition, {name}, definitions)

    return check


def _under(key, schema):
    """Yield what stands under a key of a schema, wherever it is no name of a property."""
    if isinstance(schema, list):
        for inner in schema:
            yield from _under(key, inner)
    elif isinstance(schema, dict):
        for name, inner in schema.items():
            if name == key:
                yield inner
            elif name in ("properties", "definitions"):
                yield from _under(key, list(inner.values()))
            elif name not in ("enum", "default", "required"):
                yield from _under(key, inner)


def _check_end(schema, seen, definitions):
    """Refuse lists of the very same lists: the language server for YAML would look for a default without end."""
    items = schema.get("items", {})
    if "$ref" in items:
        name = items["$ref"].removeprefix("#/definitions/")
        assert name not in seen
        _check_end(definitions[name], {*seen, name}, definitions)
    elif items:
        _check_end(items, seen, definitions)


@pytest.fixture(scope="session")
def analyze():
    """Return a function that analyses a network of these layers."""

    def analyze(input, *layers, batch=1, fold=True, **rest):
        return convcost.analyze({**rest, "input": input, "layers": list(layers)}, batch=batch, fold=fold)

    return analyze
