"""`python -m convcost`, and the command `convcost`: what must be in place before the rest is even imported."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit, with 130 and nothing else where it is interrupted."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # what starts it may have it ignored
    if ours:
        signal.signal(signal.SIGINT, _leave)  # nothing is begun that would have to be put back
    _fill_streams()
    try:
        from convcost.cli.app import main as run

        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def _fill_streams() -> None:
    """Open the standard streams that are closed, so that no file takes their places."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free


if __name__ == "__main__":
    main()
