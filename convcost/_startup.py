"""Interruptions while the command starts: imported before everything that takes time to import.

Nothing is begun then that would have to be put back. In a program that imports convcost nothing is changed.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself takes as long as all of this
import os
import sys

INTERRUPTED = 130

_NAMES = ("convcost", "convcost-script")  # as installers name the command


def leave(number: int, frame: object) -> None:
    """End the process at once and in silence."""
    os._exit(INTERRUPTED)


def is_ours() -> bool:
    """Return whether an interruption is for this process to handle; who starts it may have it ignored."""
    return signal.getsignal(signal.SIGINT) in (signal.default_int_handler, leave)


def is_command() -> bool:
    """Return whether this process is the command, by how it was started."""
    name = sys.argv[0] if sys.argv else ""
    if name == "-m":  # as long as Python looks for the module
        return ("-m", "convcost") in zip(sys.orig_argv, sys.orig_argv[1:], strict=False)
    return os.path.splitext(os.path.basename(name))[0] in _NAMES  # noqa: PTH119, PTH122 -- pathlib takes time, too


if is_command() and is_ours():
    signal.signal(signal.SIGINT, leave)
