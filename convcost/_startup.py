"""Settings of the process while the command starts: imported before everything that takes time to import.

They end the command at once where it is interrupted, as nothing is begun yet that would have to be put back, and
where it is done. And they keep Python from looking for cycles, a tenth of the time of the start. In a program that
imports convcost nothing is changed.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself takes as long as all of this
import atexit
import gc
import os
import sys

TYPE_CHECKING = False  # `typing` would be imported before an interruption ends the command
if TYPE_CHECKING:
    from typing import NoReturn

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


def end(status: int) -> NoReturn:
    """End the process with a status: at once where it is the command and nothing is left to be put back.

    Python takes as long to forget every module as to import three or four; what it would free ends with the process.
    """
    threads = sys.modules.get("threading")
    if _COMMAND and not atexit._ncallbacks() and (threads is None or threads.active_count() == 1):
        os._exit(status)
    gc.freeze()  # the memory of a process that ends needs no search for cycles
    sys.exit(status)


_COMMAND = is_command()  # Python changes `sys.argv` when it has found the module
if _COMMAND:
    gc.set_threshold(1_000_000, 20, 20)  # networks hold no cycles
    if is_ours():
        signal.signal(signal.SIGINT, leave)
