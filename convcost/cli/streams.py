"""The terminal and the standard streams, whatever state they are in."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

_WIDTHS = ("COLUMNS", "LINES", "TERMINAL_WIDTH")
_COLORS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m"}
_LARGEST = 10_000  # columns or lines, beyond which drawing takes more time and memory than anyone has


def limit_widths() -> None:
    """Correct the sizes of the terminal in the environment.

    A text that is no size is removed; a size that no terminal has is cut.
    """
    for name in _WIDTHS:
        text = os.environ.get(name)
        if text is None:
            continue
        digits = text.strip().lstrip("0")
        if not (digits.isascii() and digits.isdecimal()):
            del os.environ[name]
        else:
            os.environ[name] = digits if len(digits) < len(str(_LARGEST)) else str(_LARGEST)


def harmless(text: str) -> str:
    """Return a text that no log of GitHub takes for a command, which may stand anywhere in a line."""
    return text.replace("##[", r"##\x5b")


def colored(text: str) -> str:
    """Return the text of errors and warnings with their first lines set off, where standard error shows colours."""
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        return text
    return "\n".join(map(_colored, text.split("\n")))


def _colored(line: str) -> str:
    level, colon, rest = line.partition(":")
    return f"{_COLORS[level]}{level}\x1b[0m\x1b[1m{colon}{rest}\x1b[0m" if level in _COLORS else line


def show_error(text: str) -> None:
    """Write lines on standard error, where there is one that takes them."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(harmless(text) + "\n")
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def flush() -> OSError | None:
    """Write what is still buffered, and return why standard output does not take it."""
    failure = None
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError as error:
            discard(stream)
            failure = error if stream is sys.stdout else failure
    return failure


def discard(stream: TextIO) -> None:
    """Discard the buffer of a stream that cannot be written, which would fail again at exit."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
