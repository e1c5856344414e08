"""Settings of the process while the command starts: imported before everything that takes time to import.

They end the command at once where it is interrupted: nothing is begun yet that would have to be put back. And they
keep Python from looking for cycles, a tenth of the time of the start. In a program that imports convcost nothing is
changed.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself takes as long as all of this
import gc
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


if is_command():
    gc.set_threshold(1_000_000, 20, 20)  # networks hold no cycles
    if is_ours():
        signal.signal(signal.SIGINT, leave)
